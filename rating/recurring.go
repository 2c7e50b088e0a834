package rating

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/money"
)

// recurring charges what is paid in advance: the renewal's base fee, seats and
// packages, and what the day's levels need beyond what is paid for.
func (b *billing) recurring() {
	a := &b.account
	switch {
	case !a.Exists() || b.version == nil || a.Has(uninstalled):
		return
	case a.Suspended() && b.renewal == nil: // what the levels need is charged on resumption
		return
	}
	if b.renewal != nil {
		a.AddOns = nil // of the period that ended
		b.chargeBase()
	}
	b.chargeSeats()
	b.chargeLevelPackages()
	b.chargeSubscriptions()
}

// chargeBase charges the base fee when it is due: each billing period on a
// monthly term, once in twelve on an annual one (rule MK-1). A zero price
// makes no line (rule G-3).
func (b *billing) chargeBase() {
	a, r := &b.account, b.renewal
	if a.FirstChargeOn == calendar.None {
		a.FirstChargeOn = b.day
	}
	if r.plan == nil || r.term == nil || a.BaseDueOn > b.day {
		return
	}
	until := r.term.BaseEvery.Next(b.day, a.AnchorDay)
	a.BaseDueOn = until
	if b.termEnded || r.plan.Base.IsZero() { // nothing is paid for beyond the period
		a.BaseDueOn = a.NextBillingOn
	}
	if r.plan.Base.IsZero() {
		return
	}
	if a.FirstPurchaseOn == calendar.None {
		a.FirstPurchaseOn = b.day
	}
	b.addLine(b.line(Line{
		Kind: BaseFee, Rule: r.plan.Rule, Description: fmt.Sprintf("%s, %s", r.plan.Name, r.term.Name),
		Quantity: r.term.BasePrices, UnitPrice: r.plan.Base, Part: money.Whole,
		PeriodStart: b.day, PeriodEnd: until, CatalogLine: r.plan.Line,
	}))
}

// chargeSeats charges the users beyond the included ones: on a renewal those
// of the end of the day; within a period those beyond what is paid for, the
// same day (rule MK-10).
func (b *billing) chargeSeats() {
	users := int64(len(b.account.ActiveUsers))
	if r := b.renewal; r != nil && r.plan != nil && r.plan.Seats != nil {
		if addOn := b.version.AddOn(r.plan.Seats.AddOn); addOn != nil {
			b.renewAddOn(addOn, r.plan.Seats.Rule, max(0, users-r.plan.Seats.Included),
				fmt.Sprintf("%d active users, %d included", users, r.plan.Seats.Included))
		}
	}
	plan := b.plan()
	if plan == nil || plan.Seats == nil {
		return
	}
	addOn := b.version.AddOn(plan.Seats.AddOn)
	if addOn == nil {
		return
	}
	paid := b.addOnInForce(addOn.Name)
	why := fmt.Sprintf("%d active users, %d included, %d paid for this period", users, plan.Seats.Included, paid)
	b.adjustAddOn(addOn, plan.Seats.Rule, users-plan.Seats.Included, why)
}

// chargeLevelPackages charges the packages that levels need: counted anew on
// a renewal, only growing within a period (rule MK-5). The limit is that of the
// plan in force at the end of the day, since an upgrade gives its allowances at
// once (rule MK-4); only seats of a renewal go by the plan of its start.
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
		b.adjustAddOn(addOn, allowance.Rule, needed, why)
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
		b.buy(addOn, quantity)
		b.addLine(b.addOnLine(addOn, rule, quantity, money.Whole, why))
	}
}

// adjustAddOn brings an add-on within a period up to the quantity needed, and
// where the catalog gives credit for what is given up, down to it.
func (b *billing) adjustAddOn(addOn *catalog.AddOn, rule RuleID, needed int64, why string) {
	paid := b.addOnInForce(addOn.Name)
	switch more := needed - paid; {
	case more > 0:
		part := money.Whole
		if addOn.ByDay {
			part = b.restOfPeriod()
		}
		b.buy(addOn, more)
		b.addLine(b.addOnLine(addOn, rule, more, part, why))
	case more < 0 && addOn.Credit && b.account.ClosedOn == calendar.None:
		b.giveUp(addOn, rule, min(-more, paid))
	}
}

func (b *billing) addOnLine(addOn *catalog.AddOn, rule RuleID, quantity int64, part money.Fraction, why string) Line {
	l := b.line(Line{
		Kind: LineKind(addOn.LineKind), Rule: rule, Description: addOn.Description, Meter: addOn.Meter,
		Quantity: whole(quantity), UnitPrice: addOn.Price, Part: part,
		PeriodStart: b.lastLived(), PeriodEnd: b.periodEnd(), Late: b.lastLived() < b.day, CatalogLine: addOn.Line,
	})
	l.Calculation = why + "; " + l.Calculation
	return l
}

// restOfPeriod is the part of the running period from the day on: n days of d,
// the day itself included (rule G-5).
func (b *billing) restOfPeriod() money.Fraction {
	return money.Fraction{N: int64(b.periodEnd() - b.lastLived()), D: int64(b.periodEnd() - b.account.PeriodStart)}
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
	a := &b.account
	return a.Segments[len(a.Segments)-1].PeriodEnd
}

// buy puts more of an add-on in force, at the price of the day.
func (b *billing) buy(addOn *catalog.AddOn, quantity int64) {
	a := &b.account
	end := len(a.AddOns)
	for i := range a.AddOns {
		switch on := &a.AddOns[i]; {
		case on.Name == addOn.Name && on.Price.Equal(addOn.Price):
			on.Quantity += quantity
			return
		case on.Name > addOn.Name:
			end = min(end, i)
		}
	}
	a.AddOns = slices.Insert(a.AddOns, end, AddOnInForce{addOn.Name, addOn.Price, quantity})
}

// giveUp takes an add-on out of force, last bought first, and opens a credit
// for the rest of the period at the price that was paid (rule G-5).
func (b *billing) giveUp(addOn *catalog.AddOn, rule RuleID, quantity int64) {
	a := &b.account
	for i := len(a.AddOns) - 1; i >= 0 && quantity > 0; i-- {
		on := &a.AddOns[i]
		if on.Name != addOn.Name {
			continue
		}
		given := min(quantity, on.Quantity)
		on.Quantity -= given
		quantity -= given
		b.creditUnused(addOn.Description, rule, given, on.Price)
	}
	a.AddOns = slices.DeleteFunc(a.AddOns, func(on AddOnInForce) bool { return on.Quantity == 0 })
}

// creditUnused opens a credit for the rest of the running period.
func (b *billing) creditUnused(what string, rule RuleID, quantity int64, price decimal.Decimal) {
	credit := b.line(Line{Quantity: whole(quantity), UnitPrice: price, Part: b.restOfPeriod()})
	if credit.Amount.Sign() == 0 {
		return
	}
	b.account.Unused = append(b.account.Unused, UnusedTime{
		Rule: rule, Description: fmt.Sprintf("unused time: %s, %s", what, credit.Calculation),
		Amount: credit.Amount, PeriodStart: b.day, PeriodEnd: b.periodEnd(),
	})
	b.move(UnusedTimeBalance).added(credit.Amount)
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
