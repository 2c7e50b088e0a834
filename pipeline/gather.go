package pipeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// gathering is what a worker knows of a bucket's accounts.
type gathering struct {
	work   []accountWork
	byID   map[string]int // places in work
	owners map[uint32]int // likewise, by the account's index
	places []int          // likewise, of the groups
	groups []usageGroup
	items  []item // of the groups, account by account
}

// begin begins a bucket with the accounts that the state has.
func (g *gathering) begin(states []rating.Account) {
	if g.byID == nil {
		g.byID, g.owners = map[string]int{}, map[uint32]int{}
	}
	clear(g.byID)
	clear(g.owners)
	g.work = slices.Grow(g.work[:0], len(states))
	for i := range states {
		g.add(&states[i])
	}
}

func (g *gathering) add(state *rating.Account) int {
	id := string(state.ID)
	g.byID[id] = len(g.work)
	g.work = append(g.work, accountWork{id: state.ID, hash: accountHash(id), state: state})
	return len(g.work) - 1
}

// of is the place in work of an account, which may be a new one.
func (g *gathering) of(id string) int {
	if at, met := g.byID[id]; met {
		return at
	}
	return g.add(&rating.Account{ID: rating.AccountID(id)})
}

// give gives an account one more item.
func (g *gathering) give(id string, it item) {
	w := &g.work[g.of(id)]
	w.items = append(w.items, it)
}

// gather brings a bucket's states, groups and rows together by account, in the
// order of the tables. Rows that wait without going to rating it puts aside.
func (n *night) gather(f *folded, b int, states []rating.Account, out *tables) ([]accountWork, error) {
	g := &f.billing.gathered
	g.begin(states)
	if err := n.gatherGroups(f, b, g); err != nil {
		return nil, err
	}
	parked, err := n.gatherAside(b, g)
	if err != nil {
		return nil, err
	}
	if err := n.gatherEvents(f, b, parked, out); err != nil {
		return nil, err
	}
	slices.SortFunc(g.work, func(x, y accountWork) int {
		return cmp.Or(cmp.Compare(x.hash, y.hash), cmp.Compare(x.id, y.id))
	})
	return g.work, nil
}

// gatherGroups brings a bucket's groups to their accounts.
func (n *night) gatherGroups(f *folded, b int, g *gathering) error {
	groups, err := n.mergeGroups(f, b)
	if err != nil {
		return err
	}
	combinations := n.combinations.all()
	g.places = g.places[:0]
	for i := range groups {
		if groups[i].rows == 0 {
			continue
		}
		account := groups[i].key.account()
		at, met := g.owners[account]
		if !met {
			at = g.of(n.accounts.name(account))
			g.owners[account] = at
		}
		g.work[at].groups++
		g.places = append(g.places, at)
	}
	g.shareItems()
	g.groups = slices.Grow(g.groups[:0], len(g.places))
	for i := range groups {
		s := &groups[i]
		if s.rows == 0 {
			continue
		}
		source := combinations[s.key.combination()].source
		g.groups = append(g.groups, usageGroup{n.span.day(s.key.day()), s.key.combination(), s.sum(n.sources[source].decimals()), s.key, s.first})
		w := &g.work[g.places[len(g.groups)-1]]
		w.items = append(w.items, item{source: source, rows: s.rows, runDay: n.day, group: &g.groups[len(g.groups)-1]})
	}
	return nil
}

// shareItems gives each account room for the items of its groups.
func (g *gathering) shareItems() {
	g.items = slices.Grow(g.items[:0], len(g.places))
	from := 0
	for i := range g.work {
		to := from + g.work[i].groups
		g.work[i].items, from = g.items[from:from:to], to
	}
}

// mergeGroups is a bucket's groups: a table in any order, with empty slots. It
// holds until the worker merges again.
func (n *night) mergeGroups(f *folded, b int) ([]group, error) {
	all := make(spills, len(n.folded))
	for w, f := range n.folded {
		all[w] = f.groups
	}
	bytes, err := all.read(f.buffer[:0], b)
	all.drop(b)
	if err != nil {
		return nil, err
	}
	f.buffer = bytes
	f.billing.merging.begin()
	for len(bytes) > 0 {
		var g sum
		g, bytes = readSum(bytes)
		f.billing.merging.add(&g)
	}
	return f.billing.merging.slots, nil
}

// sum is the group's quantity, exact to 128 bits, of rows that keep so many
// decimals.
func (g *group) sum(decimals int) decimal.Decimal {
	if int64(g.hi) == int64(g.lo)>>63 { // nothing but the sign
		return decimal.New(int64(g.lo), -int32(decimals))
	}
	v := big.NewInt(int64(g.hi))
	v.Lsh(v, 64).Add(v, new(big.Int).SetUint64(g.lo))
	return decimal.NewFromBigInt(v, -int32(decimals))
}

// gatherEvents brings a bucket's rows that were kept whole to their accounts.
func (n *night) gatherEvents(f *folded, b int, parked map[string]bool, out *tables) error {
	all := make(spills, len(n.folded))
	for w, f := range n.folded {
		all[w] = f.events
	}
	err := all.chunks(b, func(block []byte) error {
		for len(block) > 0 {
			var spilled spilledEvent
			spilled, block = cutEvent(block)
			if refused, waits := n.waitsUnasked(&spilled, parked); waits {
				if err := n.setAsideUnasked(f, out, &spilled, refused); err != nil {
					return err
				}
				continue
			}
			e := readEvent(spilled.bytes[4:])
			f.billing.gathered.give(e.account, item{source: e.source, rows: 1, event: &e, held: n.waitedHeld(&e), runDay: n.day})
		}
		return nil
	})
	all.drop(b)
	return firstOf(err, f.rejects.err, n.waiting.failed())
}

// gatherAside brings what waits in a bucket to its accounts, and tells which of
// these are parked: their sign-up may be among what waits.
func (n *night) gatherAside(b int, g *gathering) (parkedAccounts map[string]bool, err error) {
	parkedAccounts = map[string]bool{}
	err = n.aside.chunks(b, func(block []byte) error {
		for len(block) > 0 {
			var h *writers.Held
			h, block = readHeld(block)
			it, err := n.heldItem(h)
			if err != nil {
				return err
			}
			g.give(h.AccountID, it)
			if h.Reason == parked {
				parkedAccounts[h.AccountID] = true
			}
		}
		return nil
	})
	n.aside.drop(b)
	return parkedAccounts, err
}

// heldItem is a group, or a row of a parked account, that skips the phases
// before reduce: its duplicates were removed when it came.
func (n *night) heldItem(h *writers.Held) (item, error) {
	source, err := n.sourceOf(h.Source)
	if err != nil {
		return item{}, err
	}
	it := item{source: source, rows: h.Rows, held: h, runDay: n.day}
	if h.Reason == parked {
		it.runDay = calendar.Day(h.BillingDay)
	}
	s := &n.sources[source]
	if h.EventKey != "" {
		e, err := eventOf(s, source, h, makePlace(heldFile, 0))
		it.event = &e
		return it, err
	}
	it.group, err = n.groupOf(s, source, h)
	return it, err
}

// groupOf reads a group back from the held table.
func (n *night) groupOf(s *source, index int, h *writers.Held) (*usageGroup, error) {
	var columns map[string]string
	if err := json.Unmarshal([]byte(h.Payload), &columns); err != nil {
		return nil, fmt.Errorf("held group of %s: payload: %w", h.AccountID, err)
	}
	quantity, err := decimal.NewFromString(columns[s.schema.Fields[s.quantity].Name])
	if err != nil {
		return nil, fmt.Errorf("held group of %s: quantity: %w", h.AccountID, err)
	}
	values := make([]string, len(s.dimensions))
	for i, field := range s.dimensions {
		values[i] = columns[s.schema.Fields[field].Name]
	}
	c, err := n.combinationOf(index, values)
	return &usageGroup{day: calendar.Day(h.ServiceDate), combination: c, quantity: quantity}, err
}
