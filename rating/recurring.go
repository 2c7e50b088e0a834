package rating

import (
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// recurring charges what is paid for a period: the renewal's base fee, seats
// and packages, and what the day's levels need beyond what is paid for.
func (b *billing) recurring() {
	a := b.account
	if !a.Exists() || b.version == nil || a.Has(uninstalled) {
		return
	}
	if !a.Suspended() || b.renewal != nil || b.priceMove != nil { // what the levels need else is charged on resumption
		b.chargePeriod()
	}
	if a.ClosedOn == b.day && a.Base.Since != calendar.None {
		b.chargeArrears(min(b.day+1, a.BaseDueOn))
	}
}

func (b *billing) chargePeriod() {
	if b.renewal != nil {
		b.account.AddOns = nil // of the period that ended
		b.chargeBase()
		b.renewSeats()
	}
	if b.priceMove != nil {
		b.changePrices()
	}
	b.adjustSeats()
	b.chargeLevelPackages()
	b.chargeSubscriptions()
}

// chargeBase charges the base fee when it is due: each billing period on a
// monthly term, once in twelve on an annual one (rule MK-1), in advance, or
// that of the cycle that is over. A zero price makes no line (rule G-3).
func (b *billing) chargeBase() {
	a, r := b.account, b.renewal
	if a.FirstChargeOn == calendar.None {
		a.FirstChargeOn = b.day
	}
	if a.BaseDueOn > b.day {
		return
	}
	if a.Base.Since != calendar.None {
		b.chargeArrears(a.BaseDueOn)
	}
	a.Base = BaseInForce{}
	if r.plan == nil || r.term == nil {
		return
	}
	times, price := r.plan.Fee(r.term)
	a.BaseDueOn = b.baseDueAfter(r.term)
	base := baseOf(r.plan, r.term, b.day)
	switch {
	case r.term.Arrears:
		base.Price, base.Since = price, b.day
	case !price.IsZero():
		l := b.baseLine(base, times, price, money.Whole, b.day, a.BaseDueOn)
		b.addLine(l)
		base.Price, base.Left = b.netPrice(BaseFee, "", price), b.netAmount(&l)
	}
	if b.termEnded || price.IsZero() { // nothing is paid for beyond the period
		a.BaseDueOn = a.NextBillingOn
	}
	if !b.termEnded {
		a.Base = base
	}
}

// baseOf is a plan's base fee in force, its price not yet said.
func baseOf(plan *catalog.Plan, term *catalog.Term, from Day) BaseInForce {
	times, _ := plan.Fee(term)
	return BaseInForce{
		Plan: plan.Name, Description: fmt.Sprintf("%s, %s", plan.Name, term.Name), Rule: plan.Rule, CatalogLine: plan.Line,
		Times: times, From: from,
	}
}

func (b *billing) baseLine(base BaseInForce, times, price decimal.Decimal, part money.Fraction, from, to Day) Line {
	if a := b.account; a.FirstPurchaseOn == calendar.None {
		a.FirstPurchaseOn = b.day
	}
	return b.line(Line{
		Kind: BaseFee, Rule: base.Rule, Description: base.Description, Quantity: times, UnitPrice: price, Part: part,
		PeriodStart: from, PeriodEnd: to, CatalogLine: base.CatalogLine, TaxCategory: b.planCategory(base.Plan),
	})
}

// chargeArrears charges the base fee in force up to a day.
func (b *billing) chargeArrears(to Day) {
	base := &b.account.Base
	if base.Since < to && !base.Price.IsZero() {
		l := b.baseLine(*base, base.Times, base.Price, b.part(base.Since, to, b.baseCycle()), base.Since, to)
		b.addLine(l)
	}
	base.Since = to
}

// renewSeats charges the users beyond the included ones of the end of the day
// (rules MK-10, G-6). The seats that a plan entered on the day includes are
// there at once (rule MK-2); where its price comes at once too, what the old
// one charged is given back by changePrices.
func (b *billing) renewSeats() {
	r := b.renewal
	if r.plan == nil || r.plan.Seats == nil {
		return
	}
	users, included := int64(len(b.account.ActiveUsers)), r.plan.Seats.Included
	if now := b.plan(); now != nil && now.Seats != nil && b.priceMove == nil {
		included = now.Seats.Included
	}
	if addOn := b.version.AddOn(r.plan.Seats.AddOn); addOn != nil {
		b.renewAddOn(addOn, r.plan.Seats.Rule, max(0, users-included), fmt.Sprintf("%d active users, %d included", users, included))
	}
}

// adjustSeats charges the users beyond what is paid for, the same day (rule
// MK-10) or with the next invoice (rule TM-2), and credits those who went.
func (b *billing) adjustSeats() {
	addOn, plan := b.seatsSold()
	if addOn == nil {
		return
	}
	users, others := int64(len(b.account.ActiveUsers)), int64(0)
	needed := max(0, users-plan.Seats.Included)
	for _, other := range b.otherSeats(addOn) { // paid for under another plan
		inForce := b.addOnInForce(other.Name)
		if less := others + inForce - needed; less > 0 {
			b.adjustAddOn(other, plan.Seats.Rule, inForce-less, "", b.seatBatches)
		}
		others += b.addOnInForce(other.Name)
	}
	paid := b.addOnInForce(addOn.Name) + others
	why := fmt.Sprintf("%d active users, %d included, %d paid for this period", users, plan.Seats.Included, paid)
	b.adjustAddOn(addOn, plan.Seats.Rule, needed-others, why, b.seatBatches)
}

// otherSeats are the add-ons for users in force that the plan does not sell: of
// a plan whose price still holds.
func (b *billing) otherSeats(sold *catalog.AddOn) []*catalog.AddOn {
	var others []*catalog.AddOn
	for _, on := range b.account.AddOns {
		if addOn := b.seatAddOn(on.Name); addOn != nil && addOn.Name != sold.Name && !slices.Contains(others, addOn) {
			others = append(others, addOn)
		}
	}
	return others
}

// seatsSold is the add-on that the plan in force sells to further users, or nil.
func (b *billing) seatsSold() (*catalog.AddOn, *catalog.Plan) {
	plan := b.plan()
	if plan == nil || plan.Seats == nil {
		return nil, nil
	}
	addOn := b.version.AddOn(plan.Seats.AddOn)
	if addOn == nil || addOn.TrialFree && b.account.FirstChargeOn == calendar.None {
		return nil, nil
	}
	return addOn, plan
}

// chargeLevelPackages charges the packages that levels need: counted anew on
// a renewal, only growing within a period (rule MK-5). The limit is that of the
// plan in force at the end of the day, since an upgrade gives its allowances at
// once (rules MK-2, MK-4).
func (b *billing) chargeLevelPackages() {
	plan := b.plan()
	if plan == nil {
		return
	}
	for _, allowance := range plan.Allowances {
		addOn := b.version.AddOn(allowance.AddOn)
		if addOn == nil || b.cat.Meter(allowance.Meter).Kind != catalog.Latest {
			continue
		}
		level := b.levelValue(allowance.Meter)
		needed := packages(whole(level), allowance.Limit, addOn.Adds)
		why := fmt.Sprintf("%s %d, %d included, %d a package: %d needed", allowance.Meter, level, allowance.Limit, addOn.Adds, needed)
		if b.renewal != nil {
			b.renewAddOn(addOn, allowance.Rule, needed, why)
		}
		b.adjustAddOn(addOn, allowance.Rule, needed, why, b.sameDay)
	}
}

// packages is how many packages a figure needs above a limit:
// ceil((figure − limit) / adds), never below zero.
func packages(figure decimal.Decimal, limit, adds int64) int64 {
	above := figure.Sub(whole(limit))
	if above.Sign() <= 0 {
		return 0
	}
	full, rest := above.QuoRem(whole(adds), 0)
	if !rest.IsZero() {
		full = full.Add(whole(1))
	}
	return full.IntPart()
}

// renewAddOn charges an add-on for the period that begins on the day.
func (b *billing) renewAddOn(addOn *catalog.AddOn, rule RuleID, quantity int64, why string) {
	if addOn.Renewal == catalog.WhileNeeded && quantity > 0 {
		b.addLine(b.buy(addOn, rule, quantity, money.Whole, why))
	}
}

// adjustAddOn brings an add-on within a period up to the quantity needed, and
// where the catalog gives credit for what is given up, down to it. batches say
// from when on each part of the change counts.
func (b *billing) adjustAddOn(addOn *catalog.AddOn, rule RuleID, needed int64, why string, batches func(int64) []batch) {
	paid := b.addOnInForce(addOn.Name)
	change := max(needed, 0) - paid
	switch {
	case change > 0:
		for _, more := range batches(change) {
			b.addMore(addOn, rule, more, why)
		}
	case change < 0 && addOn.Credit && b.account.ClosedOn == calendar.None:
		for _, less := range batches(change) {
			b.giveUp(addOn, less.quantity, less.since)
		}
	}
}

// addMore charges more of an add-on within a period, at once or with the next
// invoice (rules TM-2, TM-3).
func (b *billing) addMore(addOn *catalog.AddOn, rule RuleID, more batch, why string) {
	part := money.Whole
	if addOn.ByDay {
		part = b.rest(more.since, b.period())
	}
	additions := b.additions()
	if additions != nil {
		rule = additions.Rule
	}
	l := b.buy(addOn, rule, more.quantity, part, why)
	switch {
	case part.N == 0: // the old state has the whole day
	case additions != nil && additions.NextInvoice:
		b.waits(l)
		b.added = true
	default:
		b.addLine(l)
	}
}

// sameDay is a change that counts from the day on.
func (b *billing) sameDay(change int64) []batch {
	return []batch{{max(change, -change), moment{day: b.lastLived()}}}
}

func (b *billing) addOnLine(addOn *catalog.AddOn, rule RuleID, quantity int64, part money.Fraction, why string) Line {
	from := b.lastLived()
	if part != money.Whole {
		from = b.boundary(from)
	}
	l := b.line(Line{
		Kind: LineKind(addOn.LineKind), Rule: rule, Description: addOn.Description, Meter: addOn.Meter,
		Quantity: whole(quantity), UnitPrice: addOn.Each(b.account.Term), Part: part,
		PeriodStart: from, PeriodEnd: b.periodEnd(), Late: b.lastLived() < b.day, CatalogLine: addOn.Line, TaxCategory: addOn.TaxCategory,
	})
	l.Calculation = why + "; " + l.Calculation
	return l
}

// lastLived is the day, or the last of the account's life where it has closed:
// what a late row still calls for then belongs to that day's period, which may
// be over.
func (b *billing) lastLived() Day {
	if closed := b.account.ClosedOn; closed != calendar.None {
		return min(b.day, closed)
	}
	return b.day
}

// periodEnd is the first day after the running period, also on the day on
// which the account closes.
func (b *billing) periodEnd() Day {
	a := b.account
	return a.Segments[len(a.Segments)-1].PeriodEnd
}

// buy puts more of an add-on in force, at the price of the day, and is the line
// that charges it.
func (b *billing) buy(addOn *catalog.AddOn, rule RuleID, quantity int64, part money.Fraction, why string) Line {
	a := b.account
	l := b.addOnLine(addOn, rule, quantity, part, why)
	price := b.netPrice(l.Kind, l.Meter, l.UnitPrice)
	end := len(a.AddOns)
	for i := range a.AddOns {
		switch on := &a.AddOns[i]; {
		case on.Name == addOn.Name && on.Price.Equal(price):
			on.Quantity += quantity
			on.Left = on.Left.Add(b.netAmount(&l))
			return l
		case on.Name > addOn.Name:
			end = min(end, i)
		}
	}
	a.AddOns = slices.Insert(a.AddOns, end, AddOnInForce{addOn.Name, price, quantity, b.netAmount(&l)})
	return l
}

// giveUp takes an add-on out of force, last bought first, and opens a credit
// for the rest of the period at the price that was paid (rule G-5).
func (b *billing) giveUp(addOn *catalog.AddOn, quantity int64, since moment) {
	a := b.account
	for i := len(a.AddOns) - 1; i >= 0 && quantity > 0; i-- {
		on := &a.AddOns[i]
		if on.Name != addOn.Name {
			continue
		}
		given := min(quantity, on.Quantity)
		on.Quantity -= given
		quantity -= given
		on.Left = on.Left.Sub(b.creditUnused(unused{
			addOn.Description, addOn.Rule, whole(given), on.Price, since, b.period(), on.Left,
		}))
	}
	a.AddOns = slices.DeleteFunc(a.AddOns, func(on AddOnInForce) bool { return on.Quantity == 0 })
}

// addOnInForce is how many of an add-on are paid for in the running period.
func (b *billing) addOnInForce(name string) int64 {
	quantity := int64(0)
	for _, on := range b.account.AddOns {
		if on.Name == name {
			quantity += on.Quantity
		}
	}
	return quantity
}
