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
	id    rating.AccountID
	hash  uint64
	state rating.Account
	items []item
}

// reduce bills every account, bucket by bucket, and stages what comes of it.
// A wave of buckets is billed at once, while the wave before is written in its
// order, several tables side by side, and the states of the next one are read:
// memory holds these three, and the tables do not tell how many buckets there
// were.
func (n *night) reduce(ctx context.Context, s *stage) error {
	n.strangers = n.refusalOfStrangers()
	n.rankValues()
	states := n.openStates(ctx)
	defer states.close()
	accounts, err := n.statesOf(states, 0)
	if err != nil {
		return err
	}
	parts := s.parts(n)
	var billed []*tables // the wave before
	for from := 0; from < n.buckets; from += n.wave() {
		wave := make([]*tables, len(accounts))
		var following [][]rating.Account
		err = each(ctx, n.workers, 1+len(parts)+len(wave), func(_ context.Context, worker, i int) (err error) {
			if i == 0 {
				following, err = n.statesOf(states, from+n.wave())
				return err
			}
			if i <= len(parts) {
				return parts[i-1].addAll(billed)
			}
			b := i - 1 - len(parts)
			wave[b], err = n.reduceBucket(n.folded[worker], from+b, accounts[b])
			return err
		})
		if err != nil {
			return err
		}
		billed, accounts = wave, following
	}
	err = each(ctx, n.workers, len(parts), func(_ context.Context, _, i int) error { return parts[i].addAll(billed) })
	if err != nil {
		return err
	}
	return n.finishStage(ctx, s)
}

// statesOf is the accounts of a wave of buckets.
func (n *night) statesOf(states *states, from int) ([][]rating.Account, error) {
	accounts := make([][]rating.Account, max(0, min(n.wave(), n.buckets-from)))
	for i := range accounts {
		var err error
		if accounts[i], err = states.bucket(from + i); err != nil {
			return nil, err
		}
	}
	return accounts, nil
}

// reduceBucket bills the accounts of one bucket, in the order of their hash
// and id, and returns the rows of every table.
func (n *night) reduceBucket(f *folded, b int, states []rating.Account) (*tables, error) {
	out := newTables(len(n.sources))
	work, err := n.gather(f, b, states, out)
	if err != nil {
		return nil, err
	}
	out.makeRoom(work)
	for i := range work {
		n.billAccount(out, &work[i])
	}
	n.watcher().Advances(1, int64(len(work)))
	if out.strangers != nil {
		return out, out.strangers.settle()
	}
	return out, nil
}

// billAccount bills an account's missed days, if it was parked, and then the
// billing day. Where a bill fails its own checks, or does not fit its columns,
// nothing of that day is issued and the account is parked.
func (n *night) billAccount(out *tables, w *accountWork) {
	made := n.open(out, w)
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
		o := rating.Bill(n.Catalog, state, day, n.eventsOf(w, day))
		broken := rating.Check(n.Catalog, &state, &o)
		d, misfits := n.documentsOf(&o)
		if broken = append(broken, misfits...); len(broken) > 0 {
			n.park(out, w, day, broken[0])
			break
		}
		made.nextDay(d)
		n.settle(out, w, day, &o)
		state = o.Account
	}
	if made.balances == nil { // parked at once, with what it had
		made.balances, made.failed = unmoved(&state), openRows(&state)
	}
	out.append(&made)
	out.noteOpen(&w.state, &state)
	if state.Kept() {
		out.state = append(out.state, stateRow(&state))
	}
}

// order puts an account's items into the total order in which rating takes
// them: events by time and id, groups by day and dimensions. Of an instant the
// sign-up comes first: exports that know the day or the second alone mean it so.
func (n *night) order(w *accountWork) {
	slices.SortFunc(w.items, func(x, y item) int {
		if c := cmp.Or(cmp.Compare(x.runDay, y.runDay), cmp.Compare(x.source, y.source)); c != 0 {
			return c
		}
		if x.event != nil && y.event != nil {
			return cmp.Or(cmp.Compare(x.event.occurred, y.event.occurred), first(n.signsUp(x.event), n.signsUp(y.event)), cmp.Compare(x.event.id, y.event.id),
				cmp.Compare(x.event.hi, y.event.hi), cmp.Compare(x.event.lo, y.event.lo))
		}
		if x.group != nil && y.group != nil {
			return cmp.Or(cmp.Compare(x.group.day, y.group.day), n.compareValues(x.group, y.group), compareHeld(x.held, y.held))
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

// compareValues orders groups of a source by their dimension values. All are
// ranked: reduce adds no combination (keepAside).
func (n *night) compareValues(x, y *usageGroup) int {
	return cmp.Compare(n.ranks[x.combination], n.ranks[y.combination])
}

// rankValues ranks the combinations by their values; those with the same
// values, of several sources, have one rank.
func (n *night) rankValues() {
	all := n.combinations.all()
	order := make([]uint32, len(all))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(x, y uint32) int { return slices.Compare(all[x].values, all[y].values) })
	n.ranks = make([]uint32, len(all))
	for i, c := range order {
		if n.ranks[c] = uint32(i); i > 0 && slices.Equal(all[order[i-1]].values, all[c].values) {
			n.ranks[c] = n.ranks[order[i-1]]
		}
	}
}
