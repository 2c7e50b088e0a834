package pipeline

import (
	"context"
	"fmt"
	"slices"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

// heldRow is a row that an earlier night put aside and that goes through
// duplicate removal again, against the new rows.
type heldRow struct {
	writers.Held
	source int
}

// loadHeld reads what the entry before put aside. Rows go through fold with
// the new ones; groups, and rows of parked accounts, have been there and wait
// in their account's bucket.
func (n *night) loadHeld(ctx context.Context) error {
	n.heldByBucket = make([][]*writers.Held, n.buckets)
	return n.eachWaiting(ctx, func(rows []writers.Held) error {
		for i := range rows {
			h := rows[i]
			source, err := n.sourceOf(h.Source)
			if err != nil {
				return fmt.Errorf("held: %w", err)
			}
			if h.EventKey != "" && h.Reason != parked {
				n.held = append(n.held, heldRow{h, source})
				continue
			}
			// Known from here on: reduce looks combinations up from all workers
			// at once, and must not add any.
			if s := &n.sources[source]; h.EventKey == "" {
				if _, err := n.groupOf(s, source, &h); err != nil {
					return err
				}
			}
			b := n.bucket(accountHash(h.AccountID))
			n.heldByBucket[b] = append(n.heldByBucket[b], &h)
		}
		return nil
	})
}

// takeUpHeld spills the held rows beside the new ones.
func (n *night) takeUpHeld() error {
	m := n.mapped[0]
	for i := range n.held {
		h := &n.held[i]
		s := &n.sources[h.source]
		if h.Reason == string(rating.UnknownAccount) {
			n.lookUpAgain(&h.Held, s)
		}
		e, err := eventOf(s, h.source, &h.Held, makePlace(heldFile, int64(i)))
		if err != nil {
			return fmt.Errorf("held row of account %s: %w", h.AccountID, err)
		}
		p := n.partition(hashID(e.source, e.hi, e.lo))
		// A usage row older than the window, which the catalog may have
		// shortened, has no day in a record's key. It goes whole.
		if s.role != usageRows || s.keyed() || e.day < n.span.oldest {
			if s.role == accountRows && e.cell(s, "type") == "signed_up" && e.day <= n.day {
				m.signups = append(m.signups, e.account)
			}
			m.buffer = e.append(m.buffer[:0])
			if err := m.events.add(p, m.buffer); err != nil {
				return err
			}
			continue
		}
		r, err := n.recordOf(s, &e)
		if err != nil {
			return err
		}
		if err := m.usage.addLong(n.cuts[h.source].part(hashID(e.source, e.hi, e.lo)), &r); err != nil {
			return err
		}
	}
	return nil
}

// recordOf is a held usage row as a record.
func (n *night) recordOf(s *source, e *event) (record, error) {
	account, err := n.account(e.account)
	if err != nil {
		return record{}, err
	}
	values := make([]string, len(s.dimensions))
	for i, field := range s.dimensions {
		values[i] = e.cells[field]
	}
	combination, err := n.combinationOf(e.source, values)
	if err != nil {
		return record{}, err
	}
	quantity, err := scaled(e.cells[s.quantity], s.decimals())
	if err != nil {
		return record{}, fmt.Errorf("held row of account %s: quantity: %w", e.account, err)
	}
	return record{e.hi, e.lo, e.occurred, quantity, makeKey(account, n.span.offset(e.day), combination), e.place}, nil
}

// learnSignups learns which accounts sign up tonight. Usage of any that does
// not and is not in the state is of an unknown one.
func (n *night) learnSignups() error {
	var all []string
	for _, m := range n.mapped {
		all = append(all, m.signups...)
	}
	slices.Sort(all)
	for _, id := range slices.Compact(all) {
		if err := n.learn(id); err != nil {
			return err
		}
	}
	n.known = make([]bool, len(n.accounts.all()))
	for _, i := range n.learnt {
		n.known[i] = true
	}
	n.learnt = nil
	return nil
}

// learn gives an account that can be billed tonight its index.
func (n *night) learn(id string) error {
	i, err := n.account(id)
	n.learnt = append(n.learnt, i)
	return err
}

// readTable reads a table of the entry before; there is none before the
// first.
func readTable[T any](ctx context.Context, n *night, spec writers.Spec, yield func([]T) error) error {
	before := n.plan.before
	if before == nil {
		return nil
	}
	return readOf(ctx, n.Output, before, spec, yield)
}

// outputOf is a table's file of an entry.
func outputOf(e *Entry, table string) (writers.OutputFile, error) {
	key := tableKey(table, e.Day, e.Entry)
	for _, f := range e.Outputs {
		if f.Key == key {
			return f, nil
		}
	}
	return writers.OutputFile{}, fmt.Errorf("%s lists no %s", runKey(e.Entry), key)
}

// tableKey is where a table's rows of an entry lie.
func tableKey(table string, day calendar.Day, entry int64) string {
	return fmt.Sprintf("%s/billing_date=%s/entry-%08d.parquet", table, day, entry)
}
