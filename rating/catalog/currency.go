package catalog

import (
	"regexp"
	"slices"
	"strings"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/nearest"
	"ratemill/rating/pricing"
)

// A catalog has prices in its own currency, and wherever an amount of money
// stands it may have one for each of several: {USD: 79, EUR: 75, JPY: 9800}.
// What an account's currency has no amount of has no price for it: nothing is
// ever converted. Zero is zero in every currency.
//
// Parse reads the text once for each currency that it names, so that rating
// works with a catalog that has one (see In).

// noPrice stands for a price that there is not: no number of a catalog is
// negative.
var noPrice = decimal.NewFromInt(-1)

// Priced tells whether a price of the catalog is one, in its currency.
func Priced(price decimal.Decimal) bool { return !price.IsNegative() }

// In is the catalog with the prices of a currency, or nil where it has none.
func (c *Catalog) In(code string) *Catalog {
	if code == "" || code == c.Currency.Code {
		return c
	}
	for _, other := range c.others {
		if other.Currency.Code == code {
			return other
		}
	}
	return nil
}

// Currencies are the codes of those that the catalog has prices in, its own
// first.
func (c *Catalog) Currencies() []string {
	codes := []string{c.Currency.Code}
	for _, other := range c.others {
		codes = append(codes, other.Currency.Code)
	}
	return codes
}

// Priced tells whether a cohort's plan has a price on a term.
func (p *Plan) Priced(t *Term) bool {
	_, price := p.Fee(t)
	return Priced(price)
}

// isByCurrency tells whether a node has an amount for each of some currencies,
// and not for each of some terms.
func isByCurrency(n *node) bool {
	return n != nil && n.kind == object && slices.ContainsFunc(n.entries, func(e entry) bool {
		_, err := money.LookupCurrency(e.key.text)
		return err == nil
	})
}

// money is an amount: one in the catalog's own currency, or one for each of
// several.
func (p *problems) money(n *node, what string) decimal.Decimal {
	if n == nil || n.kind != object {
		amount := p.decimal(n, what)
		if p.foreign() && n != nil && !amount.IsZero() {
			return noPrice
		}
		return amount
	}
	amount := noPrice
	for _, e := range p.entries(n, "%s", what) {
		if _, err := money.LookupCurrency(e.key.text); err != nil {
			p.add(e.key.place, "%s: %s%s", what, err, nearest.DidYouMean(e.key.text, money.Codes()))
		}
		p.currencies = append(p.currencies, e.key.text)
		if value := p.decimal(e.value, what); e.key.text == p.in {
			amount = value
		}
	}
	return amount
}

// moneyAbove0 is an amount above zero, in every currency that it has.
func (p *problems) moneyAbove0(n *node, what string) decimal.Decimal {
	before := len(p.Found)
	amount := p.money(n, what)
	if len(p.Found) > before || n == nil {
		return amount
	}
	p.eachAmount(n, func(v *node) {
		if d, err := decimal.NewFromString(v.text); err == nil && d.IsZero() {
			p.add(v.place, "%s %s must be more than zero", what, v.text)
		}
	})
	return amount
}

// eachAmount goes through the amounts of a node.
func (p *problems) eachAmount(n *node, f func(*node)) {
	if n.kind != object {
		f(n)
		return
	}
	for _, e := range n.entries {
		f(e.value)
	}
}

// foreign tells whether the text is read for another currency than its own.
func (p *problems) foreign() bool { return p.in != p.home }

// amountNode is where the amount of the currency stands that is read, or nil.
func (p *problems) amountNode(n *node) *node {
	switch {
	case n == nil || n.kind != object && p.foreign():
		return nil
	case n.kind != object:
		return n
	}
	for _, e := range n.entries {
		if e.key.text == p.in {
			return e.value
		}
	}
	return nil
}

// unpriced tells whether a model lacks an amount in its currency.
func unpriced(m pricing.Model) bool {
	return m != nil && strings.Contains(modelText(m), mark+noPrice.String())
}

// inOthers reads the text for the other currencies that it names. What is
// wrong in one of them alone is told once.
func (p *problems) inOthers(root *node) []*Catalog {
	codes := slices.Clone(p.currencies)
	slices.Sort(codes)
	var others []*Catalog
	for _, code := range slices.Compact(codes) {
		if code == p.home {
			continue
		}
		q := &problems{in: code}
		q.File, q.Lines = p.File, p.Lines
		d := q.draft(root)
		q.check(d)
		if q.Found != nil {
			p.Found = append(p.Found, q.Found...)
			continue
		}
		others = append(others, d.compile())
	}
	return others
}

// priced checks what plans sell: what a plan leads to or adds has a price in
// each currency and term that the plan has one in.
func (c *checker) priced(plan cohortPlan, has map[string]cohortPlan) {
	if plan.base == nil {
		return
	}
	for i := range c.version.Terms {
		t := &c.version.Terms[i]
		if !Priced(plan.base.prices.on(t.Name)) {
			continue
		}
		if plan.seats != nil {
			c.pricedAddOn(plan, plan.seats.addOn, t)
		}
		for _, a := range plan.allowances {
			c.pricedAddOn(plan, a.addOn, t)
			if to, ok := has[a.Upgrade]; a.upgrade != nil && ok && to.base != nil && !Priced(to.base.prices.on(t.Name)) {
				c.add(a.upgrade.place, "plan %q has no price in %s, which plan %q has", a.Upgrade, c.in, plan.key.text)
			}
		}
	}
}

func (c *checker) pricedAddOn(plan cohortPlan, use *node, t *Term) {
	if use == nil {
		return
	}
	for i := range c.version.addOns {
		if a := &c.version.addOns[i]; a.Name == use.text && !Priced(a.prices.on(t.Name)) {
			c.add(use.place, "add-on %q has no price in %s, which plan %q has", a.Name, c.in, plan.key.text)
		}
	}
}

// on is the price on a term.
func (d *pricesDraft) on(term string) decimal.Decimal {
	if by := find(d.byTerm, term, termPriceName); by != nil {
		return by.Price
	}
	return d.one
}

// mark stands before an amount of money while a catalog is printed, so that
// the amounts of all currencies can be put together.
const mark = "\x00"

var marked = regexp.MustCompile(mark + `-?[0-9.]+`)

// amountText is an amount of money, marked.
func amountText(d decimal.Decimal) string { return mark + number(d) }

// together puts the same text of several currencies together: each amount
// becomes one, or one for each that has it.
func together(codes, texts []string) string {
	found := make([][]string, len(texts))
	for i, text := range texts {
		found[i] = marked.FindAllString(text, -1)
	}
	at := -1
	return marked.ReplaceAllStringFunc(texts[0], func(own string) string {
		at++
		var all []string
		zero := true
		for i := range texts {
			amount := strings.TrimPrefix(found[i][at], mark)
			if amount != noPrice.String() {
				all = append(all, codes[i]+": "+amount)
				zero = zero && strings.Trim(amount, "0.") == ""
			}
		}
		own = strings.TrimPrefix(own, mark)
		if zero && len(all) > 0 || len(all) == 1 && own != noPrice.String() {
			return own
		}
		return "{" + strings.Join(all, ", ") + "}"
	})
}
