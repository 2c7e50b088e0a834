package pipeline

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// gather brings a bucket's states, groups and rows together by account. Rows
// that wait without going to rating it puts aside.
func (n *night) gather(f *folded, b int, states []rating.Account, out *tables) ([]accountWork, error) {
	byID := map[string]*accountWork{}
	of := func(id string) *accountWork {
		w := byID[id]
		if w == nil {
			w = &accountWork{id: rating.AccountID(id), hash: accountHash(id), state: rating.Account{ID: rating.AccountID(id)}}
			byID[id] = w
		}
		return w
	}
	for i := range states {
		of(string(states[i].ID)).state = states[i]
	}
	if err := n.gatherGroups(f, b, of); err != nil {
		return nil, err
	}
	parked, err := n.gatherAside(b, of)
	if err != nil {
		return nil, err
	}
	if err := n.gatherEvents(f, b, parked, of, out); err != nil {
		return nil, err
	}
	work := make([]accountWork, 0, len(byID))
	for _, w := range byID {
		work = append(work, *w)
	}
	slices.SortFunc(work, func(x, y accountWork) int {
		return cmp.Or(cmp.Compare(x.hash, y.hash), cmp.Compare(x.id, y.id))
	})
	return work, nil
}

// gatherGroups brings a bucket's groups to their accounts.
func (n *night) gatherGroups(f *folded, b int, of func(string) *accountWork) error {
	groups, err := n.mergeGroups(f, b)
	if err != nil {
		return err
	}
	type share struct {
		work   *accountWork
		groups int
	}
	shares := map[uint32]*share{} // by account
	all := 0
	for i := range groups {
		if groups[i].rows == 0 {
			continue
		}
		account := groups[i].key.account()
		s := shares[account]
		if s == nil {
			s = &share{work: of(n.accounts.name(account))}
			shares[account] = s
		}
		s.groups++
		all++
	}
	made := make([]usageGroup, 0, all)
	for i := range groups {
		g := &groups[i]
		if g.rows == 0 {
			continue
		}
		s := shares[g.key.account()]
		if s.work.items == nil {
			s.work.items = make([]item, 0, s.groups)
		}
		source := n.combinations.all()[g.key.combination()].source
		made = append(made, usageGroup{n.span.day(g.key.day()), g.key.combination(), g.sum(n.sources[source].decimals()), g.key, g.first})
		s.work.items = append(s.work.items, item{source: source, rows: g.rows, runDay: n.day, group: &made[len(made)-1]})
	}
	return nil
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
	f.merging.begin()
	for len(bytes) > 0 {
		var g sum
		g, bytes = readSum(bytes)
		f.merging.add(&g)
	}
	return f.merging.slots, nil
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
func (n *night) gatherEvents(f *folded, b int, parked map[string]bool, of func(string) *accountWork, out *tables) error {
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
			w := of(e.account)
			w.items = append(w.items, item{source: e.source, rows: 1, event: &e, held: n.waitedHeld(&e), runDay: n.day})
		}
		return nil
	})
	all.drop(b)
	return errors.Join(err, f.rejects.err, n.waiting.failed())
}

// gatherAside brings what waits in a bucket to its accounts, and tells which of
// these are parked: their sign-up may be among what waits.
func (n *night) gatherAside(b int, of func(string) *accountWork) (parkedAccounts map[string]bool, err error) {
	parkedAccounts = map[string]bool{}
	err = n.aside.chunks(b, func(block []byte) error {
		for len(block) > 0 {
			var h *writers.Held
			h, block = readHeld(block)
			it, err := n.heldItem(h)
			if err != nil {
				return err
			}
			w := of(h.AccountID)
			w.items = append(w.items, it)
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
