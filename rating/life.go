package rating

import (
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
)

// Causes of what stands among the plan changes. Those that change no plan are
// from and to the plan that the account has.
const (
	causeSignedUp     = "signed_up"
	causeOpening      = "opening" // of the book of a company already in business
	causeCancelled    = "cancelled"
	causeUninstalled  = "uninstalled"
	causeAutoUpgrade  = "auto_upgrade"
	causeUpgrade      = "upgrade"
	causeDowngrade    = "downgrade"
	causeAsked        = "downgrade_requested" // takes effect on the next billing date
	causeDropped      = "downgrade_dropped"   // did not fit any more on that day, or an upgrade went before
	causeTermAsked    = "term_change_requested"
	causeTermChanged  = "term_changed"
	causeTermDropped  = "term_change_dropped"
	causeSuspended    = "suspended"
	causeResumed      = "resumed"
	causeGranted      = "nonprofit_granted"
	causeRevoked      = "nonprofit_revoked"
	causeDiscount     = "discount_granted"
	causeNoDiscount   = "discount_revoked"
	causeDiscountOver = "discount_ended" // its periods are over, or it is used up
	causeBillingDate  = "billing_date_changed"
	causePackageEnded = "package_ended" // the plan does not sell it any more
	causeSeat         = "seat"          // a user came or went; listed only where it was told late
)

// renew notes that a billing period starts on the day. Its plan and term are
// those pending at the start of the day; its quantities are found at the end
// (rule G-6), so the lines are made by recurring. Nothing renews while the
// account is suspended (rule G-9).
func (b *billing) renew() {
	a := b.account
	if !a.Exists() || a.NextBillingOn != b.day || a.Suspended() || b.version == nil {
		return // without a catalog in force the billing date stays, and Check parks the account
	}
	b.takePending()
	b.startPeriod()
	b.give(b.day)
}

// startPeriod begins a billing period on the day. One of months ends on the
// day of the month that the anchor keeps (rule MK-1).
func (b *billing) startPeriod() {
	a := b.account
	term := b.version.Term(a.Term)
	b.renewal = &renewal{b.plan(), term}
	a.PeriodStart = b.day
	a.NextBillingOn = b.periodAfter(b.day)
	a.BillingDateMoved = false
	b.nextDiscountPeriod()
	b.newPeriodOfGifts()
	b.startSegment(a.NextBillingOn)
}

// periodAfter is the billing date after one.
func (b *billing) periodAfter(day Day) Day {
	period := catalog.Cycle{Months: 1}
	if term := b.version.Term(b.account.Term); term != nil {
		period = term.Period
	}
	return period.Next(day, b.account.AnchorDay)
}

// startSegment begins a stretch of days under the plan in force. The day of a
// change belongs to the new state (rule G-5). The running period ends where it
// did, also when the account closes on the day. What subscriptions raised the
// period's allowances by holds for the whole of the period.
func (b *billing) startSegment(periodEnd Day) {
	a := b.account
	s := Segment{From: b.day, PeriodStart: a.PeriodStart, PeriodEnd: periodEnd, Plan: a.Plan}
	n := len(a.Segments)
	if n > 0 && a.Segments[n-1].From == b.day {
		a.Segments[n-1] = s
		return
	}
	a.Segments = append(a.Segments, s)
	if n == 0 || a.Segments[n-1].PeriodStart != s.PeriodStart {
		return
	}
	for _, c := range slices.Clone(a.Counters) {
		if c.From == a.Segments[n-1].From && c.Raised > 0 {
			b.counter(counterKey{c.Meter, s.From}).Raised = c.Raised
		}
	}
}

// anchorOn makes billing dates keep a day's day of the month.
func (b *billing) anchorOn(day Day) { _, _, b.account.AnchorDay = day.Civil() }

// accountHandlers are the events of an open account. Each finds out why its
// event cannot be, in a fixed order, and only then lets it take effect; it
// returns the reason, NoChange where there is nothing to do, or none.
var accountHandlers = map[string]func(*billing, *AccountEvent) (Reason, string){
	"cancelled":              (*billing).cancel,
	"uninstalled":            (*billing).uninstall,
	"plan_changed":           (*billing).askForPlan,
	"term_changed":           (*billing).askForTerm,
	"suspended":              (*billing).suspend,
	"resumed":                (*billing).resume,
	"nonprofit_granted":      (*billing).grantNonprofit,
	"nonprofit_revoked":      (*billing).revokeNonprofit,
	"discount_granted":       (*billing).grantDiscount,
	"discount_revoked":       (*billing).revokeDiscount,
	"payment_method_changed": (*billing).changeMethod,
	"billing_date_changed":   (*billing).moveBillingDate,
	"refund_requested":       (*billing).askForRefund,
	"credits_purchased":      (*billing).buyCredits,
	"package_subscribed":     (*billing).subscribe,
	"package_unsubscribed":   (*billing).unsubscribe,
	"service_used":           (*billing).useService,
}

// accountEvents lets what happened to the account take effect, in time order.
// A late event takes effect on the day, and says so (rule G-11).
func (b *billing) accountEvents(events []AccountEvent) {
	for i := range events {
		e := &events[i]
		if e.Type == "signed_up" {
			b.signUp(e)
			continue
		}
		handle := accountHandlers[e.Type]
		if handle == nil {
			b.reject(e.Origin, UnsupportedEvent, fmt.Sprintf("type %q", e.Type))
			continue
		}
		reason, detail := b.refuseEvent(e, events[i+1:])
		if reason == "" {
			reason, detail = handle(b, e)
		}
		switch reason {
		case "":
		case NoChange, StoreRemoved:
			b.leaveOut(e.Origin, reason)
		default:
			b.reject(e.Origin, reason, detail)
		}
	}
}

// refuseEvent is the ladder of reasons why an event of an account cannot be,
// whatever its type. One that is older than the sign-up is of an earlier
// account of that name, or a mistake: it must not wait and hit the account
// when it is there. later are the day's events after it.
func (b *billing) refuseEvent(e *AccountEvent, later []AccountEvent) (Reason, string) {
	a := b.account
	switch {
	case !a.Exists() && slices.ContainsFunc(later, func(l AccountEvent) bool { return l.Type == "signed_up" }):
		return BeforeSignUp, "the sign-up comes after it"
	case !a.Exists():
		return UnknownAccount, ""
	case e.Day < a.SignedUpOn:
		return BeforeSignUp, fmt.Sprintf("signed up on %s", a.SignedUpOn)
	case a.ClosedOn != calendar.None && !b.afterClosing(e.Type):
		return AccountClosed, ""
	case b.version == nil && e.Type != "cancelled":
		return NoCatalog, fmt.Sprintf("no catalog version in force on %s", b.day)
	}
	return "", ""
}

// afterClosing tells whether an event can still be of an account that has
// closed. A service is usage: its own day counts (rule G-2). A new payment
// method collects what is open (rule G-13). A removal through a store ends what
// closing left open (rule CH-4), once.
func (b *billing) afterClosing(event string) bool {
	switch event {
	case "refund_requested", "service_used":
		return true
	case "uninstalled", "payment_method_changed":
		return !b.account.Has(uninstalled)
	}
	return false
}

func (b *billing) changePlan(c PlanChange) {
	if c.EffectiveOn == calendar.None {
		c.EffectiveOn = b.day
	}
	b.out.PlanChanges = append(b.out.PlanChanges, c)
}

// note lists an event that changed something else than the plan.
func (b *billing) note(e *AccountEvent, cause string, rule RuleID, detail string) {
	b.noteOf(e.Day, cause, rule, detail)
}

// noteOf lists what happened on a day and left the plan as it is; a closed
// account has none.
func (b *billing) noteOf(day Day, cause string, rule RuleID, detail string) {
	plan := b.account.Plan
	if b.account.ClosedOn != calendar.None {
		plan = ""
	}
	b.changePlan(PlanChange{From: plan, To: plan, Cause: cause, Rule: rule, NeedsRerate: day < b.day, Detail: detail})
}

// noteLate lists an event that leaves the account as it is only where it came
// late (rule G-11).
func (b *billing) noteLate(e *AccountEvent, rule RuleID) {
	if e.Day < b.day {
		b.note(e, e.Type, rule, "of "+e.Day.String())
	}
}

func (b *billing) addFlag(flag string) {
	if i, has := slices.BinarySearch(b.account.Flags, flag); !has {
		b.account.Flags = slices.Insert(b.account.Flags, i, flag)
	}
}

func (b *billing) dropFlag(flag string) {
	b.account.Flags = slices.DeleteFunc(b.account.Flags, func(f string) bool { return f == flag })
}
