package rating

import (
	"fmt"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
)

// suspend stops the account: nothing renews, and usage is refused from the day
// on (rule G-9).
func (b *billing) suspend(e *AccountEvent) (Reason, string) {
	a := b.account
	if a.Suspended() {
		return NoChange, ""
	}
	a.Suspensions = append(a.Suspensions, Suspension{From: b.day})
	b.addFlag(catalog.EverSuspended)
	b.note(e, causeSuspended, "", "")
	return "", ""
}

// resume lets the account go on. A renewal that was missed is charged on the
// day, which sets the billing date (rule G-9). What was paid for as a term
// stays paid until its end, and is next due on a billing date.
func (b *billing) resume(e *AccountEvent) (Reason, string) {
	a := b.account
	if !a.Suspended() {
		return NoChange, ""
	}
	last := &a.Suspensions[len(a.Suspensions)-1]
	last.Until = b.day
	if last.From == b.day { // and no day was lost
		a.Suspensions = a.Suspensions[:len(a.Suspensions)-1]
	}
	missed := a.NextBillingOn
	if missed > b.day || b.renewal != nil {
		b.note(e, causeResumed, "", "")
		return "", ""
	}
	b.note(e, causeResumed, "", fmt.Sprintf("renewal of %s", missed))
	b.takePending()
	if missed < b.day {
		b.anchorOn(b.day)
	}
	b.startPeriod()
	b.give(b.day)
	b.moveBaseDue()
	return "", ""
}

// usable tells why nothing can be used on a day, or "": the account was not
// there, or suspended. The day of a change belongs to the new state.
func (b *billing) usable(day Day) Reason {
	if reason := b.lived(day); reason != "" {
		return reason
	}
	for _, s := range b.account.Suspensions {
		if s.From <= day && (s.Until == calendar.None || day < s.Until) {
			return AccountSuspended
		}
	}
	return ""
}
