package rating

import (
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/catalog"
	"ratemill/rating/money"
)

// subscribe begins a subscription to an add-on, or raises it. It is charged,
// and raises the allowance, from the next billing date on (rule MK-7); on a
// billing date itself it is part of the day's renewal (rule G-6).
func (b *billing) subscribe(e *AccountEvent) (Reason, string) {
	addOn, reason, detail := b.refuseSubscription(e)
	if reason != "" {
		return reason, detail
	}
	i, found := b.subscription(e.Service)
	a := b.account
	if !found {
		a.Subscriptions = slices.Insert(a.Subscriptions, i, Subscription{Name: e.Service})
	}
	a.Subscriptions[i].Quantity += max(1, e.Quantity)
	b.noteLate(e, addOn.Rule)
	return "", ""
}

func (b *billing) refuseSubscription(e *AccountEvent) (*catalog.AddOn, Reason, string) {
	addOn, plan := b.version.AddOn(e.Service), b.plan()
	switch {
	case e.Service == "":
		return nil, MissingField, "service"
	case addOn == nil || addOn.Renewal != catalog.Subscribed:
		return nil, UnknownService, fmt.Sprintf("nothing called %q can be subscribed to", e.Service)
	case plan == nil || !slices.Contains(plan.Sells, e.Service):
		return nil, NotAllowed, fmt.Sprintf("plan %s does not sell %s", b.account.Plan, e.Service)
	}
	if !catalog.Priced(addOn.Each(b.account.Term)) {
		return nil, NoPrice, fmt.Sprintf("add-on %s has no price in %s", addOn.Name, b.cat.Currency.Code)
	}
	for _, g := range addOn.Gives {
		if reason, detail := b.refuseAmount(e.Quantity, whole(g.Units).Add(g.Amount)); reason != "" {
			return nil, reason, detail
		}
	}
	reason, detail := b.refuseAmount(e.Quantity, addOn.Each(b.account.Term))
	return addOn, reason, detail
}

// unsubscribe ends a subscription, or lowers it, from the next billing date on;
// without a quantity all of it ends.
func (b *billing) unsubscribe(e *AccountEvent) (Reason, string) {
	a := b.account
	if e.Service == "" {
		return MissingField, "service"
	}
	i, found := b.subscription(e.Service)
	if !found {
		return NoChange, ""
	}
	s := &a.Subscriptions[i]
	s.Quantity -= e.Quantity
	if e.Quantity == 0 || s.Quantity <= 0 {
		a.Subscriptions = slices.Delete(a.Subscriptions, i, i+1)
	}
	b.noteLate(e, "")
	return "", ""
}

func (b *billing) subscription(name string) (int, bool) {
	return slices.BinarySearchFunc(b.account.Subscriptions, name, func(s Subscription, n string) int { return strings.Compare(s.Name, n) })
}

// chargeSubscriptions charges the subscriptions of the period that begins, at
// the quantities of the end of the day, and raises its allowances. What the
// plan does not sell any more ends.
func (b *billing) chargeSubscriptions() {
	plan := b.plan()
	if b.renewal == nil || plan == nil {
		return
	}
	a := b.account
	from := a.Segments[len(a.Segments)-1].From
	var kept []Subscription
	for _, s := range a.Subscriptions {
		addOn := b.version.AddOn(s.Name)
		if addOn == nil || !slices.Contains(plan.Sells, s.Name) {
			b.changePlan(PlanChange{From: a.Plan, To: a.Plan, Cause: causePackageEnded, Detail: fmt.Sprintf("plan %s does not sell %s", a.Plan, s.Name)})
			continue
		}
		kept = append(kept, s)
		if len(addOn.Gives) > 0 {
			b.addLine(b.buy(addOn, addOn.Rule, s.Quantity, money.Whole, fmt.Sprintf("%d subscribed", s.Quantity)))
			b.giveWith(addOn, s.Quantity)
			continue
		}
		b.addLine(b.buy(addOn, addOn.Rule, s.Quantity, money.Whole, fmt.Sprintf("%d subscribed, %d %s each", s.Quantity, addOn.Adds, addOn.Meter)))
		b.counter(counterKey{addOn.Meter, from}).Raised += s.Quantity * addOn.Adds
	}
	a.Subscriptions = kept
}
