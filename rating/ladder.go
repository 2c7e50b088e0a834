package rating

import (
	"cmp"
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
)

// readings takes over new levels, and climbs the ladders that they call for.
func (b *billing) readings(readings []Reading) {
	for i := range readings {
		r := &readings[i]
		if r.Meter == "" {
			b.leaveOut(r.Origin, NoMeter)
			continue
		}
		if reason := b.usable(r.AsOf); reason != "" {
			b.reject(r.Origin, reason, "")
			continue
		}
		level := b.level(r.Meter)
		if r.AsOf < level.AsOf {
			b.leaveOut(r.Origin, Superseded)
			continue
		}
		level.AsOf, level.Value = r.AsOf, r.Value
		b.out.Rated = append(b.out.Rated, RatedUsage{
			Origin: r.Origin, Meter: r.Meter, ServiceDate: r.AsOf, Quantity: whole(r.Value),
			Price: &PricePoint{Rule: b.cat.Meter(r.Meter).Rule, Description: "level of the day"},
			DueOn: b.day, Late: r.AsOf < b.day,
		})
		b.climb()
	}
	if b.moved { // into a plan that may be too small already
		b.climb()
	}
}

// level is the account's latest reading of a meter, made where there is none.
func (b *billing) level(meter string) *Level {
	a := b.account
	i, found := slices.BinarySearchFunc(a.Levels, meter, func(l Level, m string) int { return cmp.Compare(l.Meter, m) })
	if !found {
		a.Levels = slices.Insert(a.Levels, i, Level{Meter: meter})
	}
	return &a.Levels[i]
}

// climb upgrades the account while a level exceeds its plan's limit: at once,
// rung by rung, priced from the next billing date (rule MK-4). The catalog's
// ladders end, so this does.
func (b *billing) climb() {
	for b.climbOne() {
	}
}

func (b *billing) climbOne() bool {
	plan := b.plan()
	if plan == nil {
		return false
	}
	for _, allowance := range plan.Allowances {
		if allowance.Upgrade == "" {
			continue
		}
		value := b.levelValue(allowance.Meter)
		if value <= allowance.Limit {
			continue
		}
		b.dropPendingPlan(fmt.Sprintf("an automatic upgrade to %s goes before", allowance.Upgrade), allowance.Rule)
		b.enterPlan(allowance.Upgrade)
		b.changePlan(PlanChange{
			From: plan.Name, To: allowance.Upgrade, Cause: causeAutoUpgrade, Rule: allowance.Rule, PriceFrom: b.nextBaseOn(),
			Detail: fmt.Sprintf("%s %d exceeds %d", allowance.Meter, value, allowance.Limit),
		})
		return true
	}
	return false
}

// nextBaseOn is the day on which a plan that the account enters today is first
// charged: when the base fee is next due, but not today, since a renewal has
// the plan of the start of the day (rule G-6). On an annual term that is not
// the next billing date.
func (b *billing) nextBaseOn() Day {
	a, r := b.account, b.renewal
	switch {
	case a.ClosedOn != calendar.None:
		return calendar.None
	case b.baseDueToday():
		if r.plan != nil && feeless(r.plan, r.term) {
			return a.NextBillingOn
		}
		return b.baseDueAfter(r.term)
	case a.BaseDueOn == calendar.None:
		return calendar.None
	}
	return max(a.BaseDueOn, b.day) // held back by a suspension
}

// feeless tells whether a plan has no base fee on a term.
func feeless(plan *catalog.Plan, term *catalog.Term) bool {
	_, price := plan.Fee(term)
	return price.IsZero()
}

func (b *billing) levelValue(meter string) int64 {
	for _, l := range b.account.Levels {
		if l.Meter == meter {
			return l.Value
		}
	}
	return 0
}
