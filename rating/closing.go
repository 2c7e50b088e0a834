package rating

import (
	"cmp"
	"fmt"
	"slices"

	"ratemill/rating/calendar"
)

// uninstalled is the flag of accounts that were removed through a store.
const uninstalled = "uninstalled"

// cancel closes the account: nothing renews from here on, what was renewed on
// the day stays charged, and the day's usage still counts (rules MK-17, G-9).
func (b *billing) cancel(e *AccountEvent) (Reason, string) {
	b.close(e, causeCancelled, "")
	return "", ""
}

func (b *billing) close(e *AccountEvent, cause string, rule RuleID) {
	a := b.account
	a.ClosedOn = b.day
	a.NextBillingOn = calendar.None
	a.PendingPlan, a.PendingTerm = "", ""
	b.changePlan(PlanChange{From: a.Plan, Cause: cause, Rule: rule, NeedsRerate: e.Day < b.day})
}

// uninstall closes an account that came through a store. No further charge of
// any kind is made: what of the day is not invoiced yet is dropped, the renewal
// included, and so is what falls due later; open retries end (rule CH-4). So it
// is where the customer closed it before.
func (b *billing) uninstall(e *AccountEvent) (Reason, string) {
	a, removal := b.account, b.version.StoreRemoval
	switch {
	case removal == nil:
		return NotAllowed, "the catalog has no store_removal"
	case !slices.Contains(removal.Channels, a.Channel):
		return NotAllowed, fmt.Sprintf("the account came by channel %s, not through a store", cmp.Or(a.Channel, "direct"))
	}
	b.addFlag(uninstalled)
	if a.ClosedOn == calendar.None {
		b.close(e, causeUninstalled, removal.Rule)
	} else {
		b.changePlan(PlanChange{Cause: causeUninstalled, Rule: removal.Rule, NeedsRerate: e.Day < b.day, Detail: "closed on " + a.ClosedOn.String()})
	}
	b.renewal, b.lines, b.account.Due, b.account.Tallies = nil, nil, nil, nil
	b.openBalances() // what the day put in was not paid for
	b.account.Waiting = nil
	return "", ""
}
