package catalog

import (
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
)

// maxPriority is the last place in the order in which balances are drawn.
const maxPriority = 1000

// maxUnits is the most units that are given or carried: balances are written
// with 14 digits before the point.
const maxUnits = 1_000_000_000_000

// Expiry says how long what comes into a balance is good. The zero Expiry is
// for ever.
type Expiry struct {
	After     Cycle // so long, of which the day on which it came is the first
	PeriodEnd bool  // through the last day of the billing period in which it came
}

// Never tells whether nothing expires.
func (e Expiry) Never() bool { return e == Expiry{} }

// LastDay is the last good day of what comes on a day, within a billing period
// that ends before periodEnd; None where it never expires. It is good at least
// on its own day.
func (e Expiry) LastDay(on, periodEnd calendar.Day) calendar.Day {
	switch {
	case e.Never():
		return calendar.None
	case e.PeriodEnd:
		return max(on, periodEnd-1)
	}
	_, _, dayOfMonth := on.Civil()
	return e.After.Next(on, dayOfMonth) - 1
}

func (e Expiry) print() string {
	if e.PeriodEnd {
		return "{at: period_end}"
	}
	return "{after: " + e.After.String() + "}"
}

// Rollover is how much of what a billing period left is carried into the next:
// at least so much, which is given where less is left, and at most so much.
type Rollover struct {
	AtLeast decimal.Decimal // zero: what there is
	AtMost  decimal.Decimal
}

func (r *Rollover) print(units bool) string {
	text := amountText
	if units {
		text = number
	}
	var o inline
	if !r.AtLeast.IsZero() {
		o.add("at_least", text(r.AtLeast))
	}
	o.add("at_most", text(r.AtMost))
	return o.object()
}

// expiry reads when a balance expires, and what is carried.
func (p *problems) expiry(v *versionDraft, b *Balance, f *fields) {
	if n := f.optional("expires"); n != nil {
		x := p.fields(n, "expires of balance %q", b.Name)
		switch key, value := x.oneOf("after", "at"); key {
		case "after":
			b.Expires.After = p.cycle(value, "after")
		case "at":
			b.Expires.PeriodEnd = p.word(value, "at", "period_end") != ""
		}
		x.done()
	}
	n := f.optional("rollover")
	if n == nil {
		return
	}
	r := p.fields(n, "rollover of balance %q", b.Name)
	b.Rollover = &Rollover{}
	least, most := r.optional("at_least"), r.required("at_most")
	b.Rollover.AtLeast, b.Rollover.AtMost = p.held(v, b, least, "at_least"), p.held(v, b, most, "at_most")
	r.done()
	if low, high := b.Rollover.AtLeast, b.Rollover.AtMost; most != nil && Priced(low) && Priced(high) && low.GreaterThan(high) {
		p.add(least.place, "at_least %s is more than at_most %s", low, high)
	}
	if !b.Expires.PeriodEnd {
		p.add(n.key.place, "rollover carries what would lapse when a period ends: balance %q needs %q", b.Name, "expires: {at: period_end}")
	}
}

// held is an amount that a balance holds: whole units, or money in every
// currency of the catalog.
func (p *problems) held(v *versionDraft, b *Balance, n *node, what string) decimal.Decimal {
	switch {
	case n == nil:
		return decimal.Decimal{}
	case b.Unit != "":
		return decimal.NewFromInt(p.countUpTo(n, what, 1, maxUnits))
	}
	v.later = append(v.later, func(c *checker) {
		c.minorUnits(n, what)
		if c.amountNode(n) == nil && c.draft.Currency.Code != "" {
			c.add(n.place, "%s has no amount in %s, in which the catalog has prices", what, c.in)
		}
	})
	return p.moneyAbove0(n, what)
}

// Gift is what a plan or an add-on puts into a balance.
type Gift struct {
	Balance    string
	Units      int64           // whole ones, else
	Amount     decimal.Decimal // of money
	AtSignUp   bool            // once, on the day of sign-up on the plan; else for each billing period
	Offer      string          // only to accounts that have it; empty: to all
	NotInTrial bool            // of a period: not for that of a free trial
}

// giftDraft keeps the places of what check looks at.
type giftDraft struct {
	Gift
	balance, units, amount *node
}

// gifts reads what is put into balances; of a plan, also when.
func (p *problems) gifts(n *node, what string, ofPlan bool) []giftDraft {
	var all []giftDraft
	for _, e := range p.entries(n, "gives of %s", what) {
		f := p.fields(e.value, "%q in gives of %s", e.key.text, what)
		g := giftDraft{Gift: Gift{Balance: e.key.text}, balance: e.key}
		switch key, value := f.oneOf("units", "amount"); key {
		case "units":
			g.units, g.Units = value, p.countUpTo(value, key, 1, maxUnits)
		case "amount":
			g.amount, g.Amount = value, p.moneyAbove0(value, key)
		}
		if ofPlan {
			g.AtSignUp = p.word(f.optional("when"), "when", "every_period", "sign_up") == "sign_up"
			if offer := f.optional("offer"); offer != nil {
				g.Offer = p.text(offer, "offer")
			}
			g.NotInTrial = p.word(f.optional("in_trial"), "in_trial", "given", "not_given") == "not_given"
		}
		f.done()
		all = append(all, g)
	}
	return all
}

// gifts checks what is put into balances. sold tells whether it can be sold in
// the currency that is read.
func (c *checker) gifts(all []giftDraft, sold bool) {
	for _, g := range all {
		c.balance(g.balance)
		b := c.version.Balance(g.Balance)
		if b == nil {
			continue
		}
		switch {
		case b.Unit == "" && g.units != nil:
			c.add(g.units.place, "balance %q holds money: give an %q", b.Name, "amount")
		case b.Unit != "" && g.amount != nil:
			c.add(g.amount.place, "balance %q holds %s: give %q", b.Name, b.Unit, "units")
		case g.amount != nil && c.draft.Currency.Code != "":
			c.minorUnits(g.amount, "amount")
			if sold && c.amountNode(g.amount) == nil {
				c.add(g.amount.place, "amount is not given in %s, in which there is a price", c.in)
			}
		}
		if !c.used(g.Balance) {
			c.add(g.balance.place, "no usage charge uses balance %q: what is given would never be used", g.Balance)
		}
	}
}

// used tells whether a usage charge draws a balance, or may do so: where
// "uses" cannot be read, or names what there is not, it is told what is meant.
func (c *checker) used(balance string) bool {
	return !c.clean || slices.ContainsFunc(c.version.charges, func(u chargeDraft) bool {
		return slices.ContainsFunc(u.Uses, func(use string) bool { return use == balance || c.version.Balance(use) == nil })
	})
}

func giftsOf(drafts []giftDraft) []Gift {
	var all []Gift
	for _, d := range drafts {
		all = append(all, d.Gift)
	}
	return all
}

func giftsText(all []Gift) string {
	var o inline
	for _, g := range all {
		var of inline
		if g.Units > 0 {
			of.add("units", wholeText(g.Units))
		} else {
			of.add("amount", amountText(g.Amount))
		}
		if g.AtSignUp {
			of.add("when", "sign_up")
		}
		if g.Offer != "" {
			of.add("offer", quote(g.Offer))
		}
		if g.NotInTrial {
			of.add("in_trial", "not_given")
		}
		o.add(quote(g.Balance), of.object())
	}
	return o.object()
}
