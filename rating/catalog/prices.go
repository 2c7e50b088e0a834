package catalog

import (
	"cmp"
	"slices"
	"strings"

	"ratemill/rating/decimal"
)

// TermPrice is what something costs on one term.
type TermPrice struct {
	Term  string
	Price decimal.Decimal
}

// Fee is what a plan's base fee is on a term: so many times a price. A plan
// that has a price for each term is charged that price once.
func (p *Plan) Fee(t *Term) (times, price decimal.Decimal) {
	if by := find(p.BaseByTerm, t.Name, termPriceName); by != nil {
		return decimal.NewFromInt(1), by.Price
	}
	return t.BasePrices, p.Base
}

// Free tells whether the plan has no base fee on any term.
func (p *Plan) Free() bool { return p.Base.IsZero() && !anyPrice(p.BaseByTerm) }

// Each is what one of the add-on costs on a term, a billing period.
func (a *AddOn) Each(term string) decimal.Decimal {
	if by := find(a.PriceByTerm, term, termPriceName); by != nil {
		return by.Price
	}
	return a.Price
}

func termPriceName(p *TermPrice) string { return p.Term }

func anyPrice(by []TermPrice) bool {
	for _, p := range by {
		if !p.Price.IsZero() {
			return true
		}
	}
	return false
}

// pricesDraft is a price as written: one for every term, or one for each.
type pricesDraft struct {
	node   *node
	one    decimal.Decimal
	byTerm []TermPrice
	terms  []*node // of byTerm
}

func (d *pricesDraft) free() bool { return d.one.IsZero() && !anyPrice(d.byTerm) }

// prices reads 79, or {monthly: 5, annual: 55}, each of them in one currency or
// in several.
func (p *problems) prices(n *node, what string) pricesDraft {
	d := pricesDraft{node: n}
	if n == nil || n.kind != object || isByCurrency(n) {
		d.one = p.money(n, what)
		return d
	}
	for _, e := range p.entries(n, "%s", what) {
		d.byTerm = append(d.byTerm, TermPrice{e.key.text, p.money(e.value, what)})
		d.terms = append(d.terms, e.key)
	}
	return d
}

// prices checks that a price by term has each term of the version, once.
func (c *checker) prices(d *pricesDraft, what string) {
	if d.byTerm == nil {
		return
	}
	var names, lacking []string
	for _, t := range c.version.Terms {
		names = append(names, t.Name)
		if find(d.byTerm, t.Name, termPriceName) == nil {
			lacking = append(lacking, t.Name)
		}
	}
	misspelt := false
	for _, use := range d.terms {
		if c.version.Term(use.text) == nil {
			c.undefined(use, "term", names)
			misspelt = true
		}
	}
	if len(lacking) > 0 && !misspelt {
		c.add(d.node.at(), "%s has no price for term %s", what, words(lacking, "and"))
	}
}

// baseFees checks that each term says what the base fee is on it, or each plan.
func (c *checker) baseFees() {
	i := slices.IndexFunc(c.version.plans, func(p planDraft) bool { return p.onePrice() })
	if i < 0 {
		return
	}
	var without []string
	var first *node
	for _, term := range c.version.terms {
		if !term.value.has("base") {
			without = append(without, term.key.text)
			first = cmp.Or(first, term.key)
		}
	}
	if first != nil {
		c.add(first.place, "no %q in term %s, and plan %q has one price for all terms: say what it is on each term, in the term or in the plan",
			"base", words(without, "and"), c.version.plans[i].key.text)
	}
}

// onePrice tells whether the plan has a base fee that is not given by term.
func (p *planDraft) onePrice() bool {
	for i := range p.bodies {
		if b := p.bodies[i].base; b != nil && !b.prices.one.IsZero() {
			return true
		}
	}
	return false
}

func (n *node) has(key string) bool {
	for _, e := range n.entries {
		if e.key.text == key {
			return true
		}
	}
	return false
}

func inQuotes(s string) string { return words([]string{s}, "") }

func pricesText(one decimal.Decimal, byTerm []TermPrice) string {
	if byTerm == nil {
		return amountText(one)
	}
	var all []string
	for _, p := range byTerm {
		all = append(all, quote(p.Term)+": "+amountText(p.Price))
	}
	return "{" + strings.Join(all, ", ") + "}"
}
