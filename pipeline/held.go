package pipeline

import (
	"context"
	"fmt"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

// takeUpHeld reads what the entry before put aside. Rows go through fold with
// the new ones, against which duplicates are removed again; groups, and rows of
// parked accounts, have been there and wait in their account's bucket.
func (n *night) takeUpHeld(ctx context.Context) error {
	return n.eachWaiting(ctx, func(rows []writers.Held) error {
		for i := range rows {
			source, err := n.sourceOf(rows[i].Source)
			if err != nil {
				return fmt.Errorf("held: %w", err)
			}
			if err := n.takeUp(&rows[i], source); err != nil {
				return err
			}
		}
		return nil
	})
}

// takeUp takes up a row of the held table.
func (n *night) takeUp(h *writers.Held, source int) error {
	if h.EventKey == "" || h.Reason == parked {
		return n.keepAside(h, source)
	}
	return n.takeUpRow(h, source)
}

// keepAside keeps what skips the phases before reduce.
func (n *night) keepAside(h *writers.Held, source int) error {
	// Known from here on: reduce looks combinations up from all workers at once,
	// and must not add any.
	if h.EventKey == "" {
		if _, err := n.groupOf(&n.sources[source], source, h); err != nil {
			return err
		}
	}
	n.names.learn(h.File)
	m := n.mapped[0]
	if h.Reason == parked {
		i, err := n.account(h.AccountID)
		if err != nil {
			return err
		}
		m.changed = append(m.changed, i)
	}
	m.buffer = appendHeld(m.buffer[:0], h)
	return n.aside.add(n.bucket(accountHash(h.AccountID)), m.buffer)
}

// takeUpRow spills a row that waited beside the new ones.
func (n *night) takeUpRow(h *writers.Held, source int) error {
	s, m := &n.sources[source], n.mapped[0]
	if h.Reason == string(rating.UnknownAccount) {
		n.lookUpAgain(h, s)
	}
	at, err := n.waiting.add(&waitedRow{n.names.learn(h.File), h.Row, calendar.Day(h.FirstSeen), h.Reason})
	if err != nil {
		return err
	}
	e, err := eventOf(s, source, h, at)
	if err != nil {
		return fmt.Errorf("held row of account %s: %w", h.AccountID, err)
	}
	// A usage row older than the window, which the catalog may have
	// shortened, has no day in a record's key. It goes whole.
	if !s.hasRecords() || e.day < n.span.oldest {
		if err := n.noteSignUp(m, &e); err != nil {
			return err
		}
		m.buffer = e.append(m.buffer[:0])
		return m.events.add(n.partition(hashID(e.source, e.hi, e.lo)), m.buffer)
	}
	r, err := n.recordOf(s, &e)
	if err != nil {
		return err
	}
	return m.usage.addLong(n.cuts[source].part(hashID(e.source, e.hi, e.lo)), &r)
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
func (n *night) learnSignups() {
	n.known = make([]bool, len(n.accounts.all()))
	for _, i := range n.stateAccounts {
		if i != unnamed {
			n.known[i] = true
		}
	}
	for _, m := range n.mapped {
		for _, i := range m.signups {
			n.known[i] = true
		}
		m.signups = nil
	}
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
