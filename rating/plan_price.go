package rating

import (
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/money"
)

// movePrice notes that the prices of the new plan hold from the day on. They
// are worked out at the end of the day, between the plan that the period was
// billed for and the one that the account ends the day with, so that going
// there and back within a day is free. In a free trial nothing is paid for yet.
func (b *billing) movePrice(e *AccountEvent, from string, move *catalog.PlanMove) Day {
	if b.account.FirstChargeOn == calendar.None && b.renewal == nil {
		return b.nextBaseOn()
	}
	if b.account.Base.Plan == "" && b.renewal == nil {
		b.account.Base = b.assumedBase(from)
	}
	b.priceMove, b.priceMoment = move, moment{day: b.day}
	if e.Day == b.day {
		b.priceMoment.at = e.At
	}
	return b.day
}

// assumedBase is the base fee in force of an account that came with a paid
// period from elsewhere: that of its plan in the catalog in force.
func (b *billing) assumedBase(plan string) BaseInForce {
	of, term := b.version.Plan(plan, b.cohort), b.version.Term(b.account.Term)
	if of == nil || term == nil {
		return BaseInForce{}
	}
	due := b.account.BaseDueOn
	from := due - Day(term.BaseEvery.Days)
	if term.BaseEvery.Months > 0 {
		from = due.AddMonths(-term.BaseEvery.Months, b.account.AnchorDay)
	}
	base := baseOf(of, term, from)
	_, base.Price = of.Fee(term)
	if term.Arrears {
		base.Since = from
		return base
	}
	base.Price = b.netPrice(BaseFee, "", base.Price)
	base.Left = b.line(Line{Quantity: base.Times, UnitPrice: base.Price, Part: money.Whole}).Amount
	return base
}

// changePrices credits the unused time on the old plan and charges the
// remaining time on the new one, the base fee and the seats each as two lines
// (rule TM-4). A difference to pay is invoiced the same day, or waits where the
// catalog says so; a difference to the customer's good is credit: its charge
// waits for the next invoice, which takes both.
func (b *billing) changePrices() {
	a, plan := b.account, b.plan()
	term := b.version.Term(a.Term)
	if plan == nil || term == nil || a.Base.Plan == "" || plan.Name == a.Base.Plan {
		return
	}
	if move := b.version.PlanChanges.Move(a.Base.Plan, plan.Name); move != nil && move.Price == catalog.Prorated {
		b.priceMove = move // of the day as a whole
	}
	charges, credits := len(b.lines), len(a.Unused)
	b.changeBase(plan, term)
	b.changeSeats(plan)
	difference := money.Zero(a.Currency)
	for i := charges; i < len(b.lines); i++ {
		l := &b.lines[i]
		l.Kind, l.Of, l.Rule = Prorated, l.Kind, b.priceMove.Rule
		difference = difference.Add(b.netAmount(l))
	}
	for i := credits; i < len(a.Unused); i++ {
		a.Unused[i].Rule = b.priceMove.Rule
		difference = difference.Sub(a.Unused[i].Amount)
	}
	if b.priceMove.Waits || difference.Sign() < 0 {
		a.Waiting = append(a.Waiting, b.lines[charges:]...)
		b.lines = slices.Clip(b.lines[:charges])
	}
}

// changeBase puts the new plan's base fee in force for the rest of the cycle.
// In arrears the old one is charged up to here when its cycle is over.
func (b *billing) changeBase(plan *catalog.Plan, term *catalog.Term) {
	a := b.account
	old, at := a.Base, b.priceMoment
	times, price := plan.Fee(term)
	a.Base = baseOf(plan, term, old.From)
	if old.Price.IsZero() { // what was free was not a cycle of its own
		a.BaseDueOn = b.cycleEnd(term)
	}
	if old.Since != calendar.None {
		b.waitArrears(old, b.boundary(at.day))
		a.Base.Price, a.Base.Since = price, max(old.Since, b.boundary(at.day))
		return
	}
	of := b.baseCycle()
	b.creditUnused(unused{old.Description, old.Rule, old.Times, old.Price, at, of, old.Left})
	if price.IsZero() {
		a.BaseDueOn = a.NextBillingOn
		return
	}
	l := b.baseLine(a.Base, times, price, b.rest(at, of), b.boundary(at.day), of.to)
	a.Base.Price, a.Base.Left = b.netPrice(BaseFee, "", price), b.netAmount(&l)
	if l.Amount.Sign() > 0 {
		b.addLine(l)
	}
}

// cycleEnd is when a base fee is due again whose cycle began with the running
// period: so many billing dates on, also where the next one has moved.
func (b *billing) cycleEnd(term *catalog.Term) Day {
	due := b.account.NextBillingOn
	for range term.BaseEvery.Times(term.Period) - 1 {
		due = b.periodAfter(due)
	}
	return due
}

// waitArrears holds what the base fee of a plan that was left comes to for the
// next invoice.
func (b *billing) waitArrears(old BaseInForce, to Day) {
	if old.Since >= to || old.Price.IsZero() {
		return
	}
	of := b.baseCycle()
	b.waits(b.baseLine(old, old.Times, old.Price, b.part(old.Since, to, of), old.Since, to))
}

// changeSeats gives up the seats of the old plan and buys those of the new one
// for the users who were there; who comes or goes on the day itself is another
// matter (see adjustSeats).
func (b *billing) changeSeats(plan *catalog.Plan) {
	a, at := b.account, b.priceMoment
	for _, on := range slices.Clone(a.AddOns) {
		if addOn := b.seatAddOn(on.Name); addOn != nil && (plan.Seats == nil || on.Name != plan.Seats.AddOn) {
			b.leaveSeats(addOn, at)
		}
	}
	addOn, _ := b.seatsSold()
	if addOn == nil {
		return
	}
	users, before := int64(len(a.ActiveUsers)), int64(len(b.usersBefore))
	if b.renewal != nil { // which counted the users of the end of the day
		before = users
	}
	paid := b.addOnInForce(addOn.Name)
	more := min(users, before) - plan.Seats.Included - paid
	if more <= 0 {
		return
	}
	part := money.Whole
	if addOn.ByDay {
		part = b.rest(at, b.period())
	}
	why := fmt.Sprintf("%d active users, %d included, %d paid for this period", users, plan.Seats.Included, paid)
	if l := b.buy(addOn, plan.Seats.Rule, more, part, why); part.N > 0 {
		b.addLine(l)
	}
}

// leaveSeats takes all the seats of a plan that was left out of force, those of
// a price in one: they are one line of credit (rule G-4).
func (b *billing) leaveSeats(addOn *catalog.AddOn, at moment) {
	if addOn.Credit {
		b.giveUp(addOn, b.addOnInForce(addOn.Name), at)
		return
	}
	b.account.AddOns = slices.DeleteFunc(b.account.AddOns, func(on AddOnInForce) bool { return on.Name == addOn.Name })
}
