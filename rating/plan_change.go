package rating

import (
	"cmp"
	"fmt"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
)

// askForPlan is a customer's wish for another plan (rules MK-2, MK-16, CH-2).
// What takes effect on the next billing date is pending until then; of several
// wishes the last wins (rule G-11).
func (b *billing) askForPlan(e *AccountEvent) (Reason, string) {
	a := b.account
	if e.Plan == a.Plan && a.PendingPlan != "" {
		b.dropPendingPlan("the plan stays "+a.Plan, "")
		return "", ""
	}
	move, reason, detail := b.refusePlanChange(e)
	if reason != "" {
		return reason, detail
	}
	up := b.version.PlanChanges.Up(a.Plan, e.Plan)
	change := PlanChange{From: a.Plan, To: e.Plan, Cause: causeDowngrade, Rule: move.Rule, NeedsRerate: e.Day < b.day}
	if move.Allowances == catalog.NextBillingDate {
		a.PendingPlan = e.Plan
		change.Cause, change.EffectiveOn, change.PriceFrom = causeAsked, b.nextBillingOn(), b.nextBaseOn()
		change.Detail = b.onResumption()
		b.changePlan(change)
		return "", ""
	}
	if up {
		change.Cause = causeUpgrade
	}
	b.dropPendingPlan(fmt.Sprintf("the change to %s goes before", e.Plan), move.Rule)
	b.enterPlan(e.Plan)
	change.PriceFrom = b.nextBaseOn()
	switch move.Price {
	case catalog.AtOnce:
		b.endPaidTerm()
		change.PriceFrom = b.day
	case catalog.Prorated:
		change.PriceFrom = b.movePrice(e, change.From, move)
	}
	b.moved = true
	b.changePlan(change)
	return "", ""
}

// refusePlanChange is the ladder of reasons why a plan cannot be changed.
func (b *billing) refusePlanChange(e *AccountEvent) (*catalog.PlanMove, Reason, string) {
	a := b.account
	if e.Plan == "" {
		return nil, MissingField, "plan"
	}
	if reason, detail := b.refusePlan(e.Plan, b.cohort); reason != "" {
		return nil, reason, detail
	}
	if e.Plan == a.Plan || e.Plan == a.PendingPlan {
		return nil, NoChange, ""
	}
	if term := b.version.Term(cmp.Or(a.PendingTerm, a.Term)); term != nil && !b.version.Plan(e.Plan, b.cohort).Priced(term) {
		return nil, NoPrice, b.noPlanPrice(e.Plan, term.Name)
	}
	if b.version.PlanChanges == nil {
		return nil, NotAllowed, "the catalog has no plan_changes"
	}
	move := b.version.PlanChanges.Move(a.Plan, e.Plan)
	if move == nil {
		return nil, NotAllowed, fmt.Sprintf("no change from plan %s to %s", a.Plan, e.Plan)
	}
	if term := b.version.Term(a.Term); term != nil && term.ApprovedPlanMove && !e.Approved {
		return nil, ApprovalNeeded, fmt.Sprintf("a change of plan on term %s needs an approval", a.Term)
	}
	if move.Price == catalog.Prorated && a.Suspended() {
		return nil, AccountSuspended, "prices change within a period that is paid for: after the resumption"
	}
	if reason, detail := b.refuseLeaving(move); reason != "" {
		return nil, reason, detail
	}
	if move.MustFit {
		if why := b.misfit(b.version.Plan(e.Plan, b.cohort)); why != "" {
			return nil, DoesNotFit, why
		}
	}
	return move, "", ""
}

// refuseLeaving holds the minimum term of the plan against the day on which
// the change would take effect (rule CH-2).
func (b *billing) refuseLeaving(move *catalog.PlanMove) (Reason, string) {
	a, plan := b.account, b.plan()
	if plan == nil || plan.Minimum == nil {
		return "", ""
	}
	effective := b.day
	if move.Allowances == catalog.NextBillingDate {
		effective = b.nextBillingOn()
	}
	_, _, anchor := a.PlanSince.Civil()
	first := plan.Minimum.Length.Next(a.PlanSince, anchor)
	if effective >= first {
		return "", ""
	}
	return MinimumTerm, fmt.Sprintf("plan %s since %s can be left from %s on, %s later; this change would take effect on %s",
		a.Plan, a.PlanSince, first, plan.Minimum.Length, effective)
}

// nextBillingOn is the next billing date. A renewal that a suspension holds back
// comes with the resumption: today at the earliest.
func (b *billing) nextBillingOn() Day { return max(b.account.NextBillingOn, b.day) }

// onResumption says that a wish waits for a resumption, on whatever day.
func (b *billing) onResumption() string {
	if a := b.account; a.Suspended() && a.NextBillingOn <= b.day {
		return "on resumption"
	}
	return ""
}

// misfit tells what of the account is beyond a plan, or nothing: a level above
// a limit that would upgrade it again, users that the plan neither includes nor
// sells.
func (b *billing) misfit(plan *catalog.Plan) string {
	for _, allowance := range plan.Allowances {
		if value := b.levelValue(allowance.Meter); allowance.Upgrade != "" && value > allowance.Limit {
			return fmt.Sprintf("%s %d, plan %s has %d", allowance.Meter, value, plan.Name, allowance.Limit)
		}
	}
	users, included := int64(len(b.account.ActiveUsers)), int64(0)
	if plan.Seats != nil {
		if plan.Seats.AddOn != "" {
			return ""
		}
		included = plan.Seats.Included
	}
	if users > included {
		return fmt.Sprintf("%d active users, plan %s has %d", users, plan.Name, included)
	}
	return ""
}

// enterPlan puts a plan's allowances in force on the day.
func (b *billing) enterPlan(plan string) {
	b.account.Plan, b.account.PlanSince = plan, b.day
	b.startSegment(b.periodEnd())
	b.give(b.day)
}

// endPaidTerm ends what the base fee was paid for, without giving anything
// back: from the next billing date on it is due anew (rule MK-16). What falls
// due on the day itself stays due, and ends with its charge.
func (b *billing) endPaidTerm() {
	a := b.account
	b.termEnded = true
	if b.renewal == nil || a.BaseDueOn > b.day {
		if a.Base.Since != calendar.None {
			b.chargeArrears(b.day)
		}
		a.BaseDueOn, a.Base = a.NextBillingOn, BaseInForce{}
	}
}

// dropPendingPlan gives up a plan that would have come into force later.
func (b *billing) dropPendingPlan(why string, rule RuleID) {
	a := b.account
	if a.PendingPlan == "" {
		return
	}
	b.changePlan(PlanChange{From: a.Plan, To: a.Plan, Cause: causeDropped, Rule: rule, Detail: fmt.Sprintf("to %s: %s", a.PendingPlan, why)})
	a.PendingPlan = ""
}

// takePending puts in force what waits for the billing date that the day is: a
// term where the base fee is due, and a plan if it still fits (rules MK-2, G-6).
func (b *billing) takePending() {
	b.takePendingTerm()
	a := b.account
	if a.PendingPlan == "" {
		return
	}
	to := b.version.Plan(a.PendingPlan, b.cohort)
	var move *catalog.PlanMove
	if b.version.PlanChanges != nil {
		move = b.version.PlanChanges.Move(a.Plan, a.PendingPlan)
	}
	if to == nil || move == nil {
		b.dropPendingPlan("the catalog in force does not have it", "")
		return
	}
	if why := b.misfit(to); move.MustFit && why != "" {
		b.dropPendingPlan(string(DoesNotFit)+": "+why, move.Rule)
		return
	}
	cause := causeDowngrade
	if b.version.PlanChanges.Up(a.Plan, to.Name) {
		cause = causeUpgrade
	}
	priceFrom := a.BaseDueOn
	if priceFrom != calendar.None {
		priceFrom = max(priceFrom, b.day)
	}
	b.changePlan(PlanChange{From: a.Plan, To: to.Name, Cause: cause, Rule: move.Rule, PriceFrom: priceFrom})
	a.Plan, a.PlanSince, a.PendingPlan = to.Name, b.day, ""
}
