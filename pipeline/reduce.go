package pipeline

import (
	"cmp"
	"context"
	"slices"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// Reasons for which a row waits in held, beside the retryable ones of rating.
const (
	notYetDue = "not_yet_due"
	parked    = "parked"
)

// item is a row or a group of rows on its way through rating: its Ref there.
type item struct {
	source int
	rows   int64
	event  *event        // a row; nil for a group
	held   *writers.Held // what an earlier night kept of it; nil if it is new
	group  *usageGroup   // a group; nil for a row
	runDay calendar.Day  // billing day that it belongs to
}

// day is the item's own calendar day.
func (it *item) day() calendar.Day {
	if it.event != nil {
		return it.event.day
	}
	return it.group.day
}

// usageGroup is usage of one account, service day and combination of
// dimension values, summed up.
type usageGroup struct {
	day         calendar.Day
	combination uint32
	quantity    decimal.Decimal
	key         key
	first       place // of its rows, unless it is a held one
}

// accountWork is all that a bucket knows of one account.
type accountWork struct {
	id     rating.AccountID
	hash   uint64
	index  uint32          // in this run; unnamed where no row and no account of the state has it
	state  *rating.Account // of the day before
	items  []item
	groups int // among the items, of those that are new
}

// billing is a worker's memory in reduce. Each bucket uses it again, so that
// nothing published may point into it.
type billing struct {
	merging  merging
	gathered gathering
	usage    []rating.Usage // of one account and day
	biller   rating.Biller
	fit      fitter
}

// reduce bills every account, bucket by bucket, and stages what comes of it.
// A wave of buckets is billed at once, while the wave before is written in its
// order, several tables side by side, and the states of the next one are read:
// memory holds these three, and the tables do not tell how many buckets there
// were.
func (n *night) reduce(ctx context.Context, s *stage) error {
	n.strangers = n.refusalOfStrangers()
	n.orderGroups()
	n.places = make(accountPlaces, len(n.accounts.all()))
	states := n.openStates(ctx)
	defer states.close()
	accounts, err := n.statesOf(states, 0, nil)
	if err != nil {
		return err
	}
	for _, f := range n.folded {
		f.billing.fit.n = n
	}
	parts := s.parts(n)
	var billed, written []*tables // the wave before, and the one before it, whose memory is free
	var spare []bucketStates      // the states of the wave before, likewise
	for from := 0; from < n.buckets; from += n.wave() {
		wave := make([]*tables, len(accounts))
		var following []bucketStates
		err = each(ctx, n.workers, 1+len(parts)+len(wave), func(_ context.Context, worker, i int) (err error) {
			if i == 0 {
				following, err = n.statesOf(states, from+n.wave(), spare)
				return err
			}
			if i <= len(parts) {
				return parts[i-1].addAll(billed)
			}
			b := i - 1 - len(parts)
			if b < len(written) {
				wave[b] = written[b]
				wave[b].empty()
			} else {
				wave[b] = newTables(len(n.sources))
			}
			return n.reduceBucket(n.folded[worker], from+b, accounts[b], wave[b])
		})
		if err != nil {
			return err
		}
		written, billed, spare, accounts = billed, wave, accounts, following
	}
	err = each(ctx, n.workers, len(parts), func(_ context.Context, _, i int) error { return parts[i].addAll(billed) })
	if err != nil {
		return err
	}
	for _, f := range n.folded {
		f.billing = billing{}
	}
	return n.finishStage(ctx, s)
}

// statesOf is the accounts of a wave of buckets, in the memory of those of an
// earlier one.
func (n *night) statesOf(states *states, from int, spare []bucketStates) ([]bucketStates, error) {
	wave := make([]bucketStates, max(0, min(n.wave(), n.buckets-from)))
	copy(wave, spare)
	for i := range wave {
		var err error
		if wave[i], err = states.bucket(from+i, wave[i].accounts); err != nil {
			return nil, err
		}
	}
	return wave, nil
}

// reduceBucket bills the accounts of one bucket, in the order of their hash
// and id, and appends the rows of every table.
func (n *night) reduceBucket(f *folded, b int, states bucketStates, out *tables) error {
	work, err := n.gather(f, b, states, out)
	if err != nil {
		return err
	}
	out.makeRoom(work)
	for i := range work {
		n.billAccount(f, out, &work[i])
	}
	n.watcher().Advances(1, int64(len(work)))
	if out.strangers != nil {
		return out.strangers.settle()
	}
	return nil
}

// billAccount bills an account's missed days, if it was parked, and then the
// billing day. Where a bill fails its own checks, or does not fit its columns,
// nothing of that day is issued and the account is parked.
func (n *night) billAccount(f *folded, out *tables, w *accountWork) {
	account := out.mark()
	n.open(out, w)
	n.order(w)
	from := n.day
	if w.state.Exists() {
		from = min(n.day, w.state.BilledThrough+1)
	}
	for i := range w.items { // of an account parked on the day it signed up
		from = min(from, w.items[i].runDay)
	}
	state := w.state
	for day := from; day <= n.day; day++ {
		today := out.mark()
		o := f.billing.biller.Bill(n.Catalog, state, day, f.billing.eventsOf(n, w, day))
		broken := rating.Check(n.Catalog, state, o)
		if broken = append(broken, f.billing.fit.documents(&out.documents, o)...); len(broken) > 0 {
			out.cut(today)
			if day == from { // with what it had
				out.balances, out.failed = append(out.balances, unmoved(state)...), append(out.failed, openRows(state)...)
			}
			n.park(out, w, day, broken[0])
			break
		}
		out.joinDay(account, today)
		n.settle(out, w, day, o)
		state = &o.Account
	}
	out.noteOpen(w.state, state)
	if state.Kept() {
		out.state = append(out.state, stateRow(state))
	}
}

// order puts an account's items into the total order in which rating takes
// them: events by time and id, groups by day and dimensions. Of an instant the
// sign-up comes first: exports that know the day or the second alone mean it so.
func (n *night) order(w *accountWork) {
	if len(w.items) == w.groups { // in it since they were merged
		return
	}
	slices.SortFunc(w.items, func(x, y item) int {
		if c := cmp.Or(cmp.Compare(x.runDay, y.runDay), cmp.Compare(x.source, y.source)); c != 0 {
			return c
		}
		if x.event != nil && y.event != nil {
			return cmp.Or(cmp.Compare(x.event.occurred, y.event.occurred), first(n.signsUp(x.event), n.signsUp(y.event)), cmp.Compare(x.event.id, y.event.id),
				cmp.Compare(x.event.hi, y.event.hi), cmp.Compare(x.event.lo, y.event.lo))
		}
		if x.group != nil && y.group != nil {
			return cmp.Or(cmp.Compare(x.group.day, y.group.day), cmp.Compare(n.orders[x.group.combination], n.orders[y.group.combination]), compareHeld(x.held, y.held))
		}
		if x.event != nil {
			return -1
		}
		return 1
	})
}

func (n *night) signsUp(e *event) bool {
	s := &n.sources[e.source]
	return s.role == accountRows && e.cell(s, "type") == "signed_up"
}

// compareHeld orders groups that are alike but for when they were put aside.
func compareHeld(x, y *writers.Held) int {
	switch {
	case x == nil || y == nil:
		return cmp.Compare(boolInt(x != nil), boolInt(y != nil))
	}
	return cmp.Or(cmp.Compare(x.FirstSeen, y.FirstSeen), cmp.Compare(x.Reason, y.Reason), cmp.Compare(x.Payload, y.Payload))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (n *night) values(g *usageGroup) []string { return n.combinations.all()[g.combination].values }
