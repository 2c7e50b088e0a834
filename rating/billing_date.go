package rating

import (
	"fmt"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
)

// moveBillingDate stretches or shortens the running period up to a new billing
// date, prorating nothing (rule MK-14). The base fee of a longer term moves by
// as many periods as before.
func (b *billing) moveBillingDate(e *AccountEvent) (Reason, string) {
	a := b.account
	if reason, detail := b.refuseBillingDate(e); reason != "" {
		return reason, detail
	}
	old, periods := a.NextBillingOn, 0
	today, baseDue := b.baseDueToday(), a.BaseDueOn
	if today {
		baseDue = b.baseDueAfter(b.renewal.term)
	}
	for due := old; due < baseDue; due = b.periodAfter(due) {
		periods++
	}
	if e.Date > old {
		b.addFlag(catalog.BillingDelayed)
	}
	if a.FirstChargeOn == calendar.None && a.TrialEndsOn != calendar.None && b.renewal == nil {
		a.TrialEndsOn = e.Date
	}
	a.NextBillingOn, a.BillingDateMoved = e.Date, true
	b.anchorOn(e.Date)
	for i := range a.Segments {
		if s := &a.Segments[i]; s.PeriodEnd == old {
			s.PeriodEnd = e.Date
		}
	}
	b.movePeriodEnd(old, e.Date)
	baseDue = e.Date
	for range periods {
		baseDue = b.periodAfter(baseDue)
	}
	if today { // the day's own base fee is charged at its end
		b.movedBaseDue = baseDue
	} else {
		a.BaseDueOn = baseDue
	}
	b.note(e, causeBillingDate, b.version.BillingDateChanges.Rule, fmt.Sprintf("%s → %s", old, e.Date))
	return "", ""
}

// baseDueToday tells whether a period begins today that the base fee is charged
// for.
func (b *billing) baseDueToday() bool {
	return b.renewal != nil && b.renewal.term != nil && b.account.BaseDueOn <= b.day
}

// baseDueAfter is when the base fee is due again after that of today.
func (b *billing) baseDueAfter(term *catalog.Term) Day {
	if b.movedBaseDue != calendar.None {
		return b.movedBaseDue
	}
	return term.BaseEvery.Next(b.day, b.account.AnchorDay)
}

// refuseBillingDate is the ladder of reasons why a billing date cannot move.
func (b *billing) refuseBillingDate(e *AccountEvent) (Reason, string) {
	a, rule := b.account, b.version.BillingDateChanges
	days := e.Date - a.NextBillingOn
	if days < 0 {
		days = -days
	}
	switch {
	case rule == nil:
		return NotAllowed, "the catalog has no billing_date_changes"
	case e.Date == calendar.None:
		return MissingField, "date"
	case a.Suspended():
		return AccountSuspended, "the billing date is set on resumption"
	case e.Date <= b.day:
		return BadDate, fmt.Sprintf("%s is not after %s", e.Date, b.day)
	case days == 0:
		return NoChange, ""
	case e.Approved:
		return "", ""
	case days > Day(rule.Free):
		return ApprovalNeeded, fmt.Sprintf("%s is %d days from the next billing date %s, %d are free", e.Date, days, a.NextBillingOn, rule.Free)
	case a.BillingDateMoved:
		return ApprovalNeeded, "the billing date has moved in this period already"
	}
	return "", ""
}
