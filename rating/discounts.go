package rating

import (
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/catalog"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// HeldDiscount is a discount that was granted to the account. Its periods begin
// with the billing period in which it is taken first.
type HeldDiscount struct {
	Name  string
	Begun bool         // it was taken off something
	Left  int          // billing periods with the running one; 0: for ever, or once
	Used  money.Amount // of an amount: in the running period, or of what is given once
}

// grantDiscount gives the account the discount that the event's offer names,
// from the day on.
func (b *billing) grantDiscount(e *AccountEvent) (Reason, string) {
	d := b.version.Discount(e.Offer)
	switch {
	case e.Offer == "":
		return MissingField, "offer"
	case d == nil:
		return UnknownDiscount, fmt.Sprintf("offer %q", e.Offer)
	case !catalog.Priced(d.Amount):
		return NoPrice, fmt.Sprintf("discount %s has no amount in %s", d.Name, b.cat.Currency.Code)
	case b.account.Has(d.Name) || b.heldDiscount(d.Name) != nil:
		return NoChange, ""
	}
	b.holdDiscount(d)
	b.note(e, causeDiscount, d.Rule, d.Name)
	return "", ""
}

func (b *billing) holdDiscount(d *catalog.Discount) {
	held := HeldDiscount{Name: d.Name, Left: d.Periods, Used: money.Zero(b.account.Currency)}
	at, _ := b.discountIndex(d.Name)
	b.account.Discounts = slices.Insert(b.account.Discounts, at, held)
}

func (b *billing) revokeDiscount(e *AccountEvent) (Reason, string) {
	at, found := b.discountIndex(e.Offer)
	switch {
	case e.Offer == "":
		return MissingField, "offer"
	case !found:
		return NoChange, ""
	}
	b.account.Discounts = slices.Delete(b.account.Discounts, at, at+1)
	rule := RuleID("")
	if d := b.version.Discount(e.Offer); d != nil {
		rule = d.Rule
	}
	b.note(e, causeNoDiscount, rule, e.Offer)
	return "", ""
}

func (b *billing) discountIndex(name string) (int, bool) {
	return slices.BinarySearchFunc(b.account.Discounts, name, func(h HeldDiscount, n string) int { return strings.Compare(h.Name, n) })
}

// heldDiscount is a discount that was granted, or nil.
func (b *billing) heldDiscount(name string) *HeldDiscount {
	if at, found := b.discountIndex(name); found {
		return &b.account.Discounts[at]
	}
	return nil
}

// nextDiscountPeriod counts the period that begins.
func (b *billing) nextDiscountPeriod() {
	a := b.account
	for i := range a.Discounts {
		h := &a.Discounts[i]
		d := b.version.Discount(h.Name)
		if d == nil || d.Once {
			continue
		}
		h.Used = money.Zero(a.Currency)
		if h.Begun && h.Left > 0 {
			if h.Left--; h.Left == 0 {
				b.endDiscount(d, "after "+countText(d.Periods, "period"))
			}
		}
	}
	a.Discounts = slices.DeleteFunc(a.Discounts, b.overDiscount)
}

// overDiscount tells whether a discount has come to its end.
func (b *billing) overDiscount(h HeldDiscount) bool {
	d := b.version.Discount(h.Name)
	switch {
	case d == nil || !h.Begun:
		return false
	case d.Once:
		return d.Amount.IsZero() || h.Used.Value().GreaterThanOrEqual(d.Amount)
	}
	return d.Periods > 0 && h.Left == 0
}

func (b *billing) endDiscount(d *catalog.Discount, why string) {
	b.changePlan(PlanChange{From: b.account.Plan, To: b.account.Plan, Cause: causeDiscountOver, Rule: d.Rule, Detail: d.Name + ", " + why})
}

// takes tells whether the account has a discount, on the plan that it has.
func (b *billing) takes(d *catalog.Discount) bool {
	if !catalog.Priced(d.Amount) {
		return false
	}
	if len(d.Plans) > 0 && !slices.Contains(d.Plans, b.account.Plan) {
		return false
	}
	return b.account.Has(d.Name) || b.heldDiscount(d.Name) != nil
}

// fitsDiscount tells whether a discount is taken off lines of a kind and meter.
func fitsDiscount(d *catalog.Discount, kind LineKind, meter string) bool {
	return contains(d.On, kind) && (len(d.Meters) == 0 || slices.Contains(d.Meters, meter))
}

// discounts takes the account's discounts off the day's lines, in the
// catalog's order: each of what the ones before it left, and never more.
func (b *billing) discounts() {
	for i := range b.lines {
		b.net = append(b.net, b.lines[i].Amount)
	}
	if b.version == nil {
		return
	}
	for i := range b.net {
		if b.net[i].Sign() < 0 {
			b.reduceNet(i)
		}
	}
	for i := range b.version.Discounts {
		if d := &b.version.Discounts[i]; b.takes(d) {
			b.takeDiscount(d)
		}
	}
	b.account.Discounts = slices.DeleteFunc(b.account.Discounts, b.overDiscount)
}

// reduceNet takes a line below zero, which bounds what other lines come to, off
// what is left of those.
func (b *billing) reduceNet(of int) {
	_, c := b.commitmentOf(b.segment(b.lines[of].PeriodStart).PeriodStart)
	over := make([]money.Amount, len(b.net)) // zero where it does not bound
	sum := money.Zero(b.account.Currency)
	for i := range over {
		over[i] = money.Zero(b.account.Currency)
		l := &b.lines[i]
		bounded := l.Meter == b.lines[of].Meter
		if b.lines[of].Meter == "" {
			bounded = c != nil && c.Counts(string(committedKind(l)), l.Meter)
		}
		if bounded && b.net[i].Sign() > 0 {
			over[i] = b.net[i]
			sum = sum.Add(over[i])
		}
	}
	taken := money.Min(sum, b.net[of].Neg())
	for i, part := range pricing.Spread(taken, over) {
		b.net[i] = b.net[i].Sub(part)
	}
	b.net[of] = b.net[of].Add(taken)
}

// takeDiscount takes one discount off the lines that it fits.
func (b *billing) takeDiscount(d *catalog.Discount) {
	fit := make([]money.Amount, len(b.net)) // zero where it does not
	sum := money.Zero(b.account.Currency)
	for i := range fit {
		fit[i] = money.Zero(b.account.Currency)
		if fitsDiscount(d, b.lines[i].charges(), b.lines[i].Meter) && b.net[i].Sign() > 0 {
			fit[i] = b.net[i]
			sum = sum.Add(fit[i])
		}
	}
	if sum.Sign() == 0 {
		return
	}
	taken := money.Zero(b.account.Currency)
	if d.Amount.IsZero() {
		for i := range fit {
			if fit[i].Sign() > 0 {
				taken = taken.Sub(b.reduce(i, b.percentLine(d, i)))
			}
		}
	} else {
		taken = b.takeAmount(d, fit, sum)
	}
	b.noteTaken(d, taken)
}

// takeAmount spreads an amount over the lines, by what is left of each, so
// that the parts add up to it.
func (b *billing) takeAmount(d *catalog.Discount, fit []money.Amount, sum money.Amount) money.Amount {
	amount := b.line(Line{Quantity: whole(1), UnitPrice: d.Amount, Part: money.Whole}).Amount
	left := amount
	if h := b.heldDiscount(d.Name); h != nil {
		left = amount.Sub(h.Used)
	}
	taken := pricing.Discounted(sum, []pricing.Discount{{Fixed: left}}, b.cat.Rounding)[0]
	for i, part := range pricing.Spread(taken, fit) {
		if part.Sign() > 0 {
			b.reduce(i, b.amountLine(d, i, part, fmt.Sprintf("%s of %s, %s taken, by %s of %s: %s", left, amount, taken, fit[i], sum, part)))
		}
	}
	return taken
}

// noteTaken counts what a discount that was granted has been taken for.
func (b *billing) noteTaken(d *catalog.Discount, taken money.Amount) {
	h := b.heldDiscount(d.Name)
	if h == nil || taken.Sign() == 0 {
		return
	}
	h.Begun = true
	if !d.Amount.IsZero() {
		h.Used = h.Used.Add(taken)
	}
	if d.Once && b.overDiscount(*h) {
		b.endDiscount(d, "given once")
	}
}

// reduce adds a discount's line to the invoice and takes it off a line's net
// amount. It is the line's amount, below zero.
func (b *billing) reduce(of int, l Line) money.Amount {
	b.addLine(l)
	b.net[of] = b.net[of].Add(l.Amount)
	return l.Amount
}

func (b *billing) percentLine(d *catalog.Discount, of int) Line {
	l := b.discountLine(d, of, fmt.Sprintf("%s %%", d.Percent))
	l.Quantity, l.UnitPrice = d.Percent.Shift(-2).Neg(), b.net[of].Value()
	return b.line(l)
}

func (b *billing) amountLine(d *catalog.Discount, of int, part money.Amount, how string) Line {
	l := b.discountLine(d, of, part.String())
	l.Quantity, l.UnitPrice, l.Amount, l.Calculation = whole(-1), part.Value(), part.Neg(), how
	return l
}

func (b *billing) discountLine(d *catalog.Discount, of int, much string) Line {
	from := &b.lines[of]
	return Line{
		Kind: Reduced, Rule: d.Rule, Description: fmt.Sprintf("%s, %s of %s", d.Description, much, from.Description),
		Part: money.Whole, PeriodStart: from.PeriodStart, PeriodEnd: from.PeriodEnd, CatalogLine: d.Line,
	}
}

func countText(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
