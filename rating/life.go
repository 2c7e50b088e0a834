package rating

import (
	"cmp"
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
)

// renew notes that a billing period starts on the day. Its plan and term are
// those of the start of the day; its quantities are found at the end (rule
// G-6), so the lines are made by recurring.
func (b *billing) renew() {
	a := &b.account
	if !a.Exists() || a.NextBillingOn != b.day || b.version == nil {
		return // without a catalog in force the billing date stays, and Check parks the account
	}
	b.startPeriod()
}

// startPeriod begins a billing period on the day: a month, up to the same day
// of the next month as the anchor keeps it (rule MK-1).
func (b *billing) startPeriod() {
	a := &b.account
	b.renewal = &renewal{b.plan(), b.version.Term(a.Term)}
	a.PeriodStart = b.day
	a.NextBillingOn = b.day.AddMonths(1, a.AnchorDay)
	b.startSegment(a.NextBillingOn)
}

// startSegment begins a stretch of days under the plan in force. The day of a
// change belongs to the new state (rule G-5). The running period ends where it
// did, also when the account closes on the day.
func (b *billing) startSegment(periodEnd Day) {
	a := &b.account
	s := Segment{From: b.day, PeriodStart: a.PeriodStart, PeriodEnd: periodEnd, Plan: a.Plan}
	if n := len(a.Segments); n > 0 && a.Segments[n-1].From == b.day {
		a.Segments[n-1] = s
		return
	}
	a.Segments = append(a.Segments, s)
}

// accountEvents lets what happened to the account take effect, in time order.
// A late event takes effect on the day, and says so (rule G-11).
func (b *billing) accountEvents(events []AccountEvent) {
	for i := range events {
		switch e := &events[i]; e.Type {
		case "signed_up":
			b.signUp(e)
		case "cancelled":
			b.cancel(e, events[i+1:])
		default:
			b.reject(e.Origin, UnsupportedEvent, fmt.Sprintf("type %q", e.Type))
		}
	}
}

// signUp opens the account. Without a free trial the first period is charged
// on the day itself, after one on the day it ends (rule MK-1).
func (b *billing) signUp(e *AccountEvent) {
	term, reason, detail := b.refuseSignUp(e)
	if reason != "" {
		b.reject(e.Origin, reason, detail)
		return
	}
	a := &b.account
	a.SignedUpOn = e.Day
	a.Plan, a.Term, a.Method, a.Currency = e.Plan, term.Name, e.Method, b.cat.Currency
	b.cohort = b.cat.CohortOf(e.Day)

	priceFrom := b.day
	if e.Date > e.Day {
		a.TrialEndsOn = e.Date
	}
	if e.Date > b.day {
		priceFrom = e.Date
	}
	_, _, a.AnchorDay = priceFrom.Civil()
	a.BaseDueOn = priceFrom
	if priceFrom == b.day {
		b.startPeriod()
	} else {
		a.PeriodStart, a.NextBillingOn = e.Day, priceFrom
		b.startSegment(priceFrom)
	}
	a.Segments[0].From = e.Day // a late sign-up: usage since then is the account's
	b.changePlan(PlanChange{To: e.Plan, Cause: "signed_up", Rule: term.Rule, PriceFrom: priceFrom, NeedsRerate: e.Day < b.day,
		Detail: fmt.Sprintf("cohort %s, term %s", orNone(b.cohort), term.Name)})
}

// refuseSignUp is the ladder of reasons why a sign-up cannot be.
func (b *billing) refuseSignUp(e *AccountEvent) (*catalog.Term, Reason, string) {
	if b.account.Exists() {
		return nil, AlreadySignedUp, fmt.Sprintf("signed up on %s", b.account.SignedUpOn)
	}
	if b.version == nil {
		return nil, NoCatalog, fmt.Sprintf("no catalog version in force on %s", b.day)
	}
	cohort := b.cat.CohortOf(e.Day)
	if b.version.Plan(e.Plan, cohort) == nil {
		for i := range b.version.Plans {
			if b.version.Plans[i].Name == e.Plan {
				return nil, NotAllowed, fmt.Sprintf("plan %q is not for cohort %s", e.Plan, cohort)
			}
		}
		return nil, UnknownPlan, fmt.Sprintf("plan %q", e.Plan)
	}
	term := &b.version.Terms[0]
	if e.Term != "" {
		term = b.version.Term(e.Term)
	}
	switch {
	case term == nil:
		return nil, UnknownTerm, fmt.Sprintf("term %q", e.Term)
	case e.Currency != "" && e.Currency != b.cat.Currency.Code:
		return nil, UnknownCurrency, fmt.Sprintf("currency %q, the catalog has prices in %s", e.Currency, b.cat.Currency.Code)
	case e.Date != calendar.None && e.Date < e.Day:
		return nil, BadDate, fmt.Sprintf("the trial ends on %s, before the sign-up on %s", e.Date, e.Day)
	}
	return term, "", ""
}

// cancel closes the account: nothing renews from here on, what was renewed on
// the day stays charged, and the day's usage still counts (rules MK-17, G-9).
// later are the day's events after it.
func (b *billing) cancel(e *AccountEvent, later []AccountEvent) {
	if reason, detail := b.refuseCancel(e, later); reason != "" {
		b.reject(e.Origin, reason, detail)
		return
	}
	a := &b.account
	a.ClosedOn = b.day
	a.NextBillingOn = calendar.None
	b.changePlan(PlanChange{From: a.Plan, Cause: "cancelled", NeedsRerate: e.Day < b.day})
}

// refuseCancel is the ladder of reasons why a cancellation cannot be. One that
// is older than the sign-up is of an earlier account of that name, or a
// mistake: it must not wait and close the account when it is there.
func (b *billing) refuseCancel(e *AccountEvent, later []AccountEvent) (Reason, string) {
	a := &b.account
	switch {
	case !a.Exists() && slices.ContainsFunc(later, func(l AccountEvent) bool { return l.Type == "signed_up" }):
		return BeforeSignUp, "the sign-up comes after it"
	case !a.Exists():
		return UnknownAccount, ""
	case e.Day < a.SignedUpOn:
		return BeforeSignUp, fmt.Sprintf("signed up on %s", a.SignedUpOn)
	case a.ClosedOn != calendar.None:
		return AccountClosed, ""
	}
	return "", ""
}

func (b *billing) changePlan(c PlanChange) {
	c.EffectiveOn = b.day
	b.out.PlanChanges = append(b.out.PlanChanges, c)
}

// readings takes over new levels, and climbs the ladders that they call for.
func (b *billing) readings(readings []Reading) {
	for i := range readings {
		r := &readings[i]
		if r.Meter == "" {
			b.leaveOut(r.Origin, NoMeter)
			continue
		}
		if reason := b.lived(r.AsOf); reason != "" {
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
			Price: PricePoint{Rule: b.cat.Meter(r.Meter).Rule, Description: "level of the day"},
			DueOn: b.day, Late: r.AsOf < b.day,
		})
		b.climb()
	}
}

// level is the account's latest reading of a meter, made where there is none.
func (b *billing) level(meter string) *Level {
	a := &b.account
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
		b.account.Plan = allowance.Upgrade
		b.startSegment(b.periodEnd())
		b.changePlan(PlanChange{
			From: plan.Name, To: allowance.Upgrade, Cause: "auto_upgrade", Rule: allowance.Rule, PriceFrom: b.nextBaseOn(),
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
	a, r := &b.account, b.renewal
	switch {
	case a.ClosedOn != calendar.None:
		return calendar.None
	case r != nil && r.term != nil && a.BaseDueOn <= b.day:
		return b.day.AddMonths(r.term.Months, a.AnchorDay)
	}
	return a.BaseDueOn
}

func (b *billing) levelValue(meter string) int64 {
	for _, l := range b.account.Levels {
		if l.Meter == meter {
			return l.Value
		}
	}
	return 0
}
