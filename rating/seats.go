package rating

import (
	"fmt"
	"slices"

	"ratemill/rating/catalog"
)

// seats lets users come and go. The level at the end of the day counts, so a
// swap within a day is free (rule G-12); where the plan sells no further
// seats, the latest activations beyond the included ones are refused (rules
// MK-10, G-10).
func (b *billing) seats(events []SeatEvent) {
	b.seatEvents = events
	added := map[string]*SeatEvent{} // users activated today, by their last activation
	accepted := int64(0)
	var late []*SeatEvent
	for i := range events {
		if e := &events[i]; b.seatEvent(e, added) {
			accepted++
			if e.Day < b.day {
				late = append(late, e)
			}
		}
	}
	refused := b.refuseSeats(events, added)
	accepted -= int64(len(refused))
	for _, e := range late {
		if !slices.Contains(refused, e) {
			b.noteOf(e.Day, causeSeat, b.seatMeter().Rule, fmt.Sprintf("%s %s, of %s", e.User, e.Action, e.Day))
		}
	}
	if accepted == 0 {
		return
	}
	meter := b.seatMeter()
	b.out.Rated = append(b.out.Rated, RatedUsage{
		Origin: Origin{Source: meter.Source, Rows: accepted}, Meter: meter.Name, ServiceDate: b.day,
		Quantity: whole(int64(len(b.account.ActiveUsers))),
		Price:    &PricePoint{Rule: meter.Rule, Description: "active users at the end of the day"}, DueOn: b.day,
	})
}

// seatEvent tells whether the event changed the users.
func (b *billing) seatEvent(e *SeatEvent, added map[string]*SeatEvent) bool {
	if b.seatMeter() == nil {
		b.leaveOut(e.Origin, NoMeter)
		return false
	}
	if reason := b.lived(e.Day); reason != "" {
		b.reject(e.Origin, reason, "")
		return false
	}
	a := b.account
	i, active := slices.BinarySearch(a.ActiveUsers, e.User)
	switch {
	case e.Action != "activated" && e.Action != "deactivated":
		b.reject(e.Origin, UnknownAction, fmt.Sprintf("action %q", e.Action))
		return false
	case active == (e.Action == "activated"):
		b.leaveOut(e.Origin, NoChange)
		return false
	case active:
		a.ActiveUsers = slices.Delete(a.ActiveUsers, i, i+1)
		delete(added, e.User)
	default:
		a.ActiveUsers = slices.Insert(a.ActiveUsers, i, e.User)
		added[e.User] = e
	}
	return true
}

// refuseSeats undoes the day's latest activations while there are more users
// than a plan that sells no seats includes, and tells which it undid.
func (b *billing) refuseSeats(events []SeatEvent, added map[string]*SeatEvent) (refused []*SeatEvent) {
	included, sold := b.seatsIncluded()
	if sold {
		return nil
	}
	a := b.account
	for i := len(events) - 1; i >= 0 && int64(len(a.ActiveUsers)) > included; i-- {
		e := &events[i]
		if added[e.User] != e {
			continue
		}
		at, _ := slices.BinarySearch(a.ActiveUsers, e.User)
		a.ActiveUsers = slices.Delete(a.ActiveUsers, at, at+1)
		b.reject(e.Origin, NotAllowed, fmt.Sprintf("plan %s includes %d users and sells no more", a.Plan, included))
		refused = append(refused, e)
	}
	return refused
}

// seatsIncluded is how many users the plan in force includes, and whether it
// sells more.
func (b *billing) seatsIncluded() (included int64, sold bool) {
	plan := b.plan()
	if plan == nil || plan.Seats == nil {
		return 0, false
	}
	return plan.Seats.Included, plan.Seats.AddOn != ""
}

// seatMeter is the meter that counts active users, or nil.
func (b *billing) seatMeter() *catalog.Meter {
	for i := range b.cat.Meters {
		if b.cat.Meters[i].Kind == catalog.HighWater {
			return &b.cat.Meters[i]
		}
	}
	return nil
}
