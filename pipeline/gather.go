package pipeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// gathering is what a worker knows of a bucket's accounts.
type gathering struct {
	work   []accountWork
	others map[string]int // places in work by the id, of accounts without an index: see accountPlaces
	groups []usageGroup
	items  []item // of the groups, account by account
}

// accountPlaces are the places of accounts in the work of their bucket, by their
// index. No account is in two buckets, so no two workers ask for the same one, and
// what a bucket has set no later one reads.
type accountPlaces []uint32 // + 1; 0: it has none yet

func (p accountPlaces) of(account uint32) (at int, met bool) {
	return int(p[account]) - 1, p[account] > 0
}

func (p accountPlaces) set(account uint32, at int) { p[account] = uint32(at + 1) }

// begin begins a bucket with the accounts that the state has.
func (g *gathering) begin(n *night, states bucketStates) {
	if g.others == nil {
		g.others = map[string]int{}
	}
	clear(g.others)
	g.work = slices.Grow(g.work[:0], len(states.accounts))
	for i := range states.accounts {
		index := n.stateAccounts[states.first+i]
		if index == unnamed { // it may have rows, though it never signed up
			index = n.accounts.indexOf(string(states.accounts[i].ID))
		}
		g.add(n, index, &states.accounts[i])
	}
}

// add adds an account, and is its place.
func (g *gathering) add(n *night, index uint32, state *rating.Account) int {
	w, at := accountWork{id: state.ID, index: index, state: state}, len(g.work)
	if index == unnamed {
		w.hash = accountHash(string(w.id))
		g.others[string(w.id)] = at
	} else {
		w.hash = n.accountHashes[index]
	}
	g.work = append(g.work, w)
	if index != unnamed {
		n.places.set(index, at)
	}
	return at
}

// at is the place in work of an account, by its index; it may be a new one.
func (g *gathering) at(n *night, index uint32) int {
	if at, met := n.places.of(index); met {
		return at
	}
	return g.add(n, index, &rating.Account{ID: rating.AccountID(n.accounts.name(index))})
}

// of is the place in work of an account, which may be a new one.
func (g *gathering) of(n *night, id string) int {
	if index := n.accounts.indexOf(id); index != unnamed {
		return g.at(n, index)
	}
	if at, met := g.others[id]; met {
		return at
	}
	return g.add(n, unnamed, &rating.Account{ID: rating.AccountID(id)})
}

// give gives an account one more item.
func (g *gathering) give(n *night, id string, it item) {
	w := &g.work[g.of(n, id)]
	w.items = append(w.items, it)
}

// gather brings a bucket's states, groups and rows together by account, in the
// order of the tables. Rows that wait without going to rating it puts aside.
func (n *night) gather(f *folded, b int, states bucketStates, out *tables) ([]accountWork, error) {
	g := &f.billing.gathered
	g.begin(n, states)
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
	merged := &f.billing.merging
	err := n.mergeGroups(f, b, len(g.work), func(account uint32) int { return g.at(n, account) })
	if err != nil {
		return err
	}
	g.groups = slices.Grow(g.groups[:0], len(merged.groups))
	g.items = slices.Grow(g.items[:0], len(merged.groups))
	for i := range merged.groups {
		s := &merged.groups[i]
		source := n.orders.source(s.key)
		g.groups = append(g.groups, usageGroup{n.span.day(s.key.day()), s.key.combination(), s.sum(n.sources[source].decimals()), s.key, s.first})
		g.items = append(g.items, item{source: source, rows: s.rows, runDay: n.day, group: &g.groups[i]})
	}
	from := 0
	for at, to := range merged.ends {
		w := &g.work[at]
		w.items, w.groups, from = g.items[from:to:to], to-from, to
	}
	return nil
}

// mergeGroups makes groups of a bucket's sums: see merging.
func (n *night) mergeGroups(f *folded, b, places int, place func(account uint32) int) error {
	all := make(spills, len(n.folded))
	for w, f := range n.folded {
		all[w] = f.groups
	}
	var err error
	f.buffer, err = all.read(f.buffer[:0], b)
	all.drop(b)
	if err != nil {
		return err
	}
	f.billing.merging.merge(f.buffer, n.orders, places, place)
	return nil
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
			f.billing.gathered.give(n, e.account, item{source: e.source, rows: 1, event: &e, held: n.waitedHeld(&e), runDay: n.day})
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
			g.give(n, h.AccountID, it)
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
