package rating

import (
	"fmt"

	"ratemill/rating/calendar"
)

// askForTerm is a wish for another term. It takes effect when the base fee is
// next due: monthly to annual on the next billing date, annual to monthly at
// the end of the term (rule MK-2).
func (b *billing) askForTerm(e *AccountEvent) (Reason, string) {
	a := b.account
	if e.Term == a.Term && a.PendingTerm != "" {
		b.note(e, causeTermDropped, "", fmt.Sprintf("to %s: the term stays %s", a.PendingTerm, a.Term))
		a.PendingTerm = ""
		return "", ""
	}
	if reason, detail := b.refuseTermChange(e); reason != "" {
		return reason, detail
	}
	a.PendingTerm = e.Term
	b.changePlan(PlanChange{
		From: a.Plan, To: a.Plan, Cause: causeTermAsked, Rule: b.version.Term(e.Term).Rule, NeedsRerate: e.Day < b.day,
		EffectiveOn: b.nextBaseOn(), PriceFrom: b.nextBaseOn(), Detail: joined(a.Term+" → "+e.Term, b.onResumption()),
	})
	return "", ""
}

// refuseTermChange is the ladder of reasons why a term cannot be changed.
func (b *billing) refuseTermChange(e *AccountEvent) (Reason, string) {
	a := b.account
	if e.Term == "" {
		return MissingField, "term"
	}
	term := b.version.Term(e.Term)
	if term == nil {
		return UnknownTerm, fmt.Sprintf("term %q", e.Term)
	}
	if e.Term == a.Term || e.Term == a.PendingTerm {
		return NoChange, ""
	}
	if first := a.SignedUpOn + Day(term.FromAccountDay); e.Day < first {
		return TooEarly, fmt.Sprintf("term %s is possible from %s on, %d days after the sign-up", term.Name, first, term.FromAccountDay)
	}
	if plan := b.plan(); plan != nil && !plan.Priced(term) {
		return NoPrice, b.noPlanPrice(plan.Name, term.Name)
	}
	return refuseMethod(term, a.Method)
}

// takePendingTerm puts a new term in force where the base fee is due. From a
// period counted in days to one of months, the day becomes the day of the
// month that billing dates keep.
func (b *billing) takePendingTerm() {
	a := b.account
	if a.PendingTerm == "" || a.BaseDueOn > b.day {
		return
	}
	to, from := b.version.Term(a.PendingTerm), b.version.Term(a.Term)
	change := PlanChange{From: a.Plan, To: a.Plan, Cause: causeTermDropped, Detail: fmt.Sprintf("the catalog in force has no term %s", a.PendingTerm)}
	if to != nil {
		change = PlanChange{From: a.Plan, To: a.Plan, Cause: causeTermChanged, Rule: to.Rule, PriceFrom: b.day, Detail: a.Term + " → " + to.Name}
		if to.Period.Months > 0 && from != nil && from.Period.Months == 0 {
			b.anchorOn(b.day)
		}
		a.Term = to.Name
	}
	a.PendingTerm = ""
	b.changePlan(change)
}

// moveBaseDue keeps the day on which the base fee is next due a billing date,
// when billing dates move: the first one on or after it.
func (b *billing) moveBaseDue() {
	a := b.account
	if a.BaseDueOn == calendar.None || a.BaseDueOn <= b.day {
		return
	}
	due := a.NextBillingOn
	for due < a.BaseDueOn {
		due = b.periodAfter(due)
	}
	a.BaseDueOn = due
}
