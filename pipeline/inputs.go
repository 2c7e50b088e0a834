package pipeline

import (
	"slices"
	"strconv"
	"strings"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
)

// eventsOf are an account's items of one billing day, as rating wants them.
// The Ref of each is its index in the account's items. They hold until the next
// call.
func (b *billing) eventsOf(n *night, w *accountWork, day calendar.Day) rating.Events {
	ev := rating.Events{Usage: again(b.usage)}
	for ref := range w.items {
		it := &w.items[ref]
		if it.runDay != day {
			continue
		}
		s := &n.sources[it.source]
		origin := rating.Origin{Source: s.name, Rows: it.rows, Ref: ref}
		origin.File, origin.Row = n.fileAndRow(it)
		switch s.role {
		case accountRows:
			ev.Account = append(ev.Account, accountEvent(s, it.event, origin))
		case paymentRows:
			ev.Payments = append(ev.Payments, paymentEvent(s, it.event, origin))
		case levelRows:
			ev.Readings = append(ev.Readings, readingsOf(s, it.event, origin)...)
		case customerRows:
			ev.Customers = append(ev.Customers, customerRow(s, it.event, origin))
		case seatRows:
			ev.Seats = append(ev.Seats, rating.SeatEvent{Origin: origin, Day: it.event.day, At: it.event.occurred, User: it.event.cell(s, "user_id"), Action: it.event.cell(s, "action")})
		case usageRows:
			ev.Usage = append(ev.Usage, rating.Usage{Origin: origin})
			n.setUsage(&ev.Usage[len(ev.Usage)-1], s, it)
		}
	}
	b.usage = ev.Usage
	return ev
}

// fileAndRow is where a row stands; of a group, where its first row does.
func (n *night) fileAndRow(it *item) (string, int64) {
	if it.held != nil {
		return it.held.File, it.held.Row
	}
	at := place(0)
	if it.event != nil {
		at = it.event.place
	} else {
		at = it.group.first
	}
	return n.files[at.file()].Key, at.row()
}

func accountEvent(s *source, e *event, o rating.Origin) rating.AccountEvent {
	a := rating.AccountEvent{
		Origin: o, Day: e.day, At: e.occurred, Type: e.cell(s, "type"), Plan: e.cell(s, "plan"), Term: e.cell(s, "term"),
		Method: e.cell(s, "method"), Currency: e.cell(s, "currency"), Service: e.cell(s, "service"), Offer: e.cell(s, "offer"),
		Channel: e.cell(s, "channel"), Approved: strings.EqualFold(e.cell(s, "approved"), "true"),
	}
	if a.Channel == "direct" {
		a.Channel = "" // the same as absent
	}
	if text := e.cell(s, "quantity"); text != "" {
		a.Quantity, _ = strconv.ParseInt(text, 10, 64) // proven by the readers, or by eventOf
	}
	if text := e.cell(s, "date"); text != "" {
		a.Date, _ = calendar.Parse(text) // likewise
	}
	return a
}

func paymentEvent(s *source, e *event, o rating.Origin) rating.PaymentEvent {
	return rating.PaymentEvent{
		Origin: o, Day: e.day, ChargeID: e.cell(s, "charge_id"), Status: e.cell(s, "status"),
		Reference: e.cell(s, "reference"), Reason: e.cell(s, "reason"),
	}
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
			v, _ := strconv.ParseInt(e.cell(s, column), 10, 64) // proven by the readers, or by eventOf; empty: absent
			r.Value += v
		}
		all = append(all, r)
		o.Rows = 0
	}
	return all
}

// setUsage makes a group, or a row kept whole, usage of the source's meter.
func (n *night) setUsage(u *rating.Usage, s *source, it *item) {
	if s.meter != nil {
		u.Meter = s.meter.Name
	}
	if it.group != nil {
		n.setGroup(u, s, it.group)
		return
	}
	e := it.event
	u.ServiceDate = e.day
	if !s.keyed() {
		u.Quantity = decimal.RequireFromString(e.cells[s.quantity]) // proven by the readers, or by eventOf
	}
	if s.meter == nil {
		return
	}
	setKey(u, s, func(column string) string { return e.cell(s, column) })
	if s.oneByOne() || s.keyed() {
		u.At, u.EventID = e.occurred, eventKey(e.hi, e.lo)
	}
	for _, by := range s.meter.By {
		u.Dimensions = append(u.Dimensions, e.cell(s, by))
	}
}

func (n *night) setGroup(u *rating.Usage, s *source, g *usageGroup) {
	u.ServiceDate, u.Quantity = g.day, g.quantity
	if s.meter == nil {
		return
	}
	c := &n.combinations.all()[g.combination]
	u.Dimensions = c.by
	setKey(u, s, func(column string) string { return c.values[slices.Index(s.dimensions, s.schema.Field(column))] })
}

// setKey sets whose usage it is and what happened to that, of a meter which
// asks for them.
func setKey(u *rating.Usage, s *source, value func(column string) string) {
	if key := s.meter.Key(); key != "" {
		u.Key = value(key)
	}
	if s.meter.Action != "" {
		u.Action = value(s.meter.Action)
	}
}
