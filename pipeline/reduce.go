package pipeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"ratemill/rating"
	"ratemill/rating/calendar"
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
}

// accountWork is all that a bucket knows of one account.
type accountWork struct {
	id    rating.AccountID
	hash  uint64
	state rating.Account
	items []item
}

// reduceBucket bills the accounts of one bucket, in the order of their hash
// and id, and returns the rows of every table.
func (n *night) reduceBucket(b int, states []rating.Account) (*tables, error) {
	work, err := n.gather(b, states)
	if err != nil {
		return nil, err
	}
	out := newTables(len(n.sources))
	for i := range work {
		n.billAccount(out, &work[i])
	}
	return out, nil
}

// gather brings a bucket's states, groups and rows together by account.
func (n *night) gather(b int, states []rating.Account) ([]accountWork, error) {
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
	if err := n.gatherGroups(b, of); err != nil {
		return nil, err
	}
	if err := n.gatherEvents(b, of); err != nil {
		return nil, err
	}
	for _, h := range n.heldByBucket[b] {
		w := of(h.AccountID)
		it, err := n.heldItem(h)
		if err != nil {
			return nil, err
		}
		w.items = append(w.items, it)
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

// gatherGroups merges the sums that workers made of the same key.
func (n *night) gatherGroups(b int, of func(string) *accountWork) error {
	all := make(spills, len(n.folded))
	for w, f := range n.folded {
		all[w] = f.groups
	}
	bytes, err := all.read(b)
	all.drop(b)
	if err != nil {
		return err
	}
	groups := make([]group, 0, len(bytes)/groupSize)
	for at := 0; at < len(bytes); at += groupSize {
		groups = append(groups, readGroup(bytes[at:]))
	}
	slices.SortFunc(groups, func(x, y group) int { return cmp.Compare(x.key, y.key) })
	for i := 0; i < len(groups); {
		g := groups[i]
		for i++; i < len(groups) && groups[i].key == g.key; i++ {
			g.add(groups[i])
		}
		w := of(n.accounts.all()[g.key.account()].id)
		w.items = append(w.items, item{
			source: n.combinations.all()[g.key.combination()].source, rows: g.rows, runDay: n.day,
			group: &usageGroup{n.span.day(g.key.day()), g.key.combination(), g.sum(), g.key},
		})
	}
	return nil
}

// sum is the group's quantity, exact to 128 bits.
func (g *group) sum() decimal.Decimal {
	v := new(big.Int).SetUint64(g.hi)
	v.Lsh(v, 64).Or(v, new(big.Int).SetUint64(g.lo))
	return decimal.NewFromBigInt(v, 0)
}

func (n *night) gatherEvents(b int, of func(string) *accountWork) error {
	all := make(spills, len(n.folded))
	for w, f := range n.folded {
		all[w] = f.events
	}
	bytes, err := all.read(b)
	all.drop(b)
	if err != nil {
		return err
	}
	events := readEvents(bytes)
	for i := range events {
		e := &events[i]
		it := item{source: e.source, rows: 1, event: e, runDay: n.day}
		if e.place.held() {
			it.held = &n.held[e.place.row()].Held
		}
		w := of(e.account)
		w.items = append(w.items, it)
	}
	return nil
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

// billAccount bills an account's missed days, if it was parked, and then the
// billing day. Where a bill fails its own checks, or does not fit its columns,
// nothing of that day is issued and the account is parked.
func (n *night) billAccount(out *tables, w *accountWork) {
	n.setAsideNotDue(out, w)
	n.order(w)
	from := n.day
	if w.state.Exists() {
		from = min(n.day, w.state.BilledThrough+1)
	}
	for i := range w.items { // of an account parked on the day it signed up
		from = min(from, w.items[i].runDay)
	}
	state, made := w.state, documents{}
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
		made.balances = unmoved(&state)
	}
	out.append(made)
	if state.Exists() {
		out.state = append(out.state, stateRow(&state))
	}
}

// order puts an account's items into the total order in which rating takes
// them: events by time and id, groups by day and dimensions.
func (n *night) order(w *accountWork) {
	slices.SortFunc(w.items, func(x, y item) int {
		if c := cmp.Or(cmp.Compare(x.runDay, y.runDay), cmp.Compare(x.source, y.source)); c != 0 {
			return c
		}
		if x.event != nil && y.event != nil {
			return cmp.Or(cmp.Compare(x.event.occurred, y.event.occurred), cmp.Compare(x.event.hi, y.event.hi), cmp.Compare(x.event.lo, y.event.lo))
		}
		if x.group != nil && y.group != nil {
			return cmp.Or(cmp.Compare(x.group.day, y.group.day), slices.Compare(n.values(x.group), n.values(y.group)), compareHeld(x.held, y.held))
		}
		if x.event != nil {
			return -1
		}
		return 1
	})
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

// setAsideNotDue takes out the rows of days to come; they wait in held.
func (n *night) setAsideNotDue(out *tables, w *accountWork) {
	w.items = slices.DeleteFunc(w.items, func(it item) bool {
		if it.event == nil || it.event.day <= n.day {
			return false
		}
		if it.held != nil { // counted as not due by its file when it came
			out.ends[it.source].takenUp += it.rows
			out.ends[it.source].putAside += it.rows
		}
		out.held = append(out.held, n.holdItem(&it, notYetDue, 0))
		return true
	})
}

// eventsOf are an account's items of one billing day, as rating wants them.
// The Ref of each is its index in the account's items.
func (n *night) eventsOf(w *accountWork, day calendar.Day) rating.Events {
	var ev rating.Events
	for ref := range w.items {
		it := &w.items[ref]
		if it.runDay != day {
			continue
		}
		s := &n.sources[it.source]
		origin := rating.Origin{Source: s.name, Rows: it.rows, Ref: ref}
		if it.event != nil {
			origin.File, origin.Row = n.fileAndRow(it)
		}
		switch s.role {
		case accountRows:
			ev.Account = append(ev.Account, accountEvent(s, it.event, origin))
		case levelRows:
			ev.Readings = append(ev.Readings, readingsOf(s, it.event, origin)...)
		case seatRows:
			ev.Seats = append(ev.Seats, rating.SeatEvent{Origin: origin, Day: it.event.day, User: it.event.cell(s, "user_id"), Action: it.event.cell(s, "action")})
		case usageRows:
			ev.Usage = append(ev.Usage, n.usageOf(s, it, origin))
		}
	}
	return ev
}

func (n *night) fileAndRow(it *item) (string, int64) {
	if it.held != nil {
		return it.held.File, it.held.Row
	}
	return n.files[it.event.place.file()].Key, it.event.place.row()
}

func accountEvent(s *source, e *event, o rating.Origin) rating.AccountEvent {
	a := rating.AccountEvent{
		Origin: o, Day: e.day, Type: e.cell(s, "type"), Plan: e.cell(s, "plan"), Term: e.cell(s, "term"),
		Method: e.cell(s, "method"), Currency: e.cell(s, "currency"),
	}
	if text := e.cell(s, "date"); text != "" {
		a.Date, _ = calendar.Parse(text) // written by us from a Day
	}
	return a
}

// readingsOf is a row of levels as a reading for each meter of its source:
// the sum of the meter's columns, of which an absent one counts as zero. The
// first one carries the row's count.
func readingsOf(s *source, e *event, o rating.Origin) []rating.Reading {
	if len(s.levels) == 0 {
		return []rating.Reading{{Origin: o, AsOf: e.day}}
	}
	var all []rating.Reading
	for _, m := range s.levels {
		r := rating.Reading{Origin: o, Meter: m.Name, AsOf: e.day}
		for _, column := range m.Columns {
			v, _ := strconv.ParseInt(e.cell(s, column), 10, 64) // written by us; empty: absent
			r.Value += v
		}
		all = append(all, r)
		o.Rows = 0
	}
	return all
}

// usageOf is a group, or a row kept whole, as usage of the source's meter.
func (n *night) usageOf(s *source, it *item, o rating.Origin) rating.Usage {
	u := rating.Usage{Origin: o}
	var value func(column string) string
	if it.event != nil {
		u.ServiceDate = it.event.day
		quantity, _ := strconv.ParseInt(it.event.cells[s.quantity], 10, 64)
		u.Quantity = decimal.NewFromInt(quantity)
		value = func(column string) string { return it.event.cell(s, column) }
	} else {
		u.ServiceDate, u.Quantity = it.group.day, it.group.quantity
		value = func(column string) string {
			return n.values(it.group)[slices.Index(s.dimensions, s.schema.Field(column))]
		}
	}
	if s.meter == nil {
		return u
	}
	u.Meter = s.meter.Name
	for _, by := range s.meter.By {
		u.Dimensions = append(u.Dimensions, value(by))
	}
	return u
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

// payload is the group's columns as JSON, for the held table.
func (n *night) groupPayload(s *source, g *usageGroup) string {
	columns := map[string]string{s.schema.Fields[s.quantity].Name: g.quantity.String()}
	for i, field := range s.dimensions {
		if v := n.values(g)[i]; v != "" {
			columns[s.schema.Fields[field].Name] = v
		}
	}
	text, err := json.Marshal(columns)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(text)
}

// holdItem puts a row or group aside whole.
func (n *night) holdItem(it *item, reason string, billingDay calendar.Day) writers.Held {
	s := &n.sources[it.source]
	h := writers.Held{Source: s.name, Rows: it.rows, Reason: reason, FirstSeen: int32(n.day), BillingDay: int32(billingDay)}
	if it.held != nil {
		h.AccountID = it.held.AccountID
		h.FirstSeen, h.File, h.Row = it.held.FirstSeen, it.held.File, it.held.Row
	}
	if e := it.event; e != nil {
		h.AccountID, h.EventKey, h.Payload = e.account, eventKey(e.hi, e.lo), e.payload(s)
		h.OccurredAt, h.ServiceDate = e.occurred, int32(e.day)
		h.File, h.Row = n.fileAndRow(it)
		return h
	}
	h.Payload = n.groupPayload(s, it.group)
	h.ServiceDate, h.OccurredAt = int32(it.group.day), n.Catalog.Zone.Midnight(it.group.day)
	if it.held == nil {
		h.AccountID = n.accounts.all()[it.group.key.account()].id
	}
	return h
}
