package catalog

import (
	"slices"

	"ratemill/rating/decimal"
	"ratemill/rating/nearest"
)

// Commitment bounds what a plan's account is charged for a billing period,
// over several charges.
type Commitment struct {
	Least    decimal.Decimal // true-up when the period ends; zero: none
	Most     decimal.Decimal // what is above is a discount; zero: none
	Of       []string        // line kinds that count
	Meters   []string        // of usage; empty: all
	Prorated bool            // bounds of a period that ends early are cut to its days
	Rule     RuleID
}

// committed are the kinds of lines that a commitment can be of.
var committed = []string{"base_fee", "seat", "package", "usage", "service"}

// Counts tells whether lines of a kind and meter count towards it.
func (c *Commitment) Counts(kind, meter string) bool {
	return slices.Contains(c.Of, kind) && (len(c.Meters) == 0 || kind != "usage" || slices.Contains(c.Meters, meter))
}

// commitmentDraft keeps the places of what check looks at.
type commitmentDraft struct {
	*Commitment
	least, most *node
	meters      []*node
}

func (p *problems) commitment(plan string, n *node) *commitmentDraft {
	f := p.fields(n, "commitment of plan %q", plan)
	d := &commitmentDraft{Commitment: &Commitment{Of: []string{"usage"}}}
	if d.least = f.optional("least"); d.least != nil {
		d.Least = p.moneyAbove0(d.least, "least")
	}
	if d.most = f.optional("most"); d.most != nil {
		d.Most = p.moneyAbove0(d.most, "most")
	}
	if of := f.optional("of"); of != nil {
		d.Of = p.names(of, "of")
		for i, kind := range d.Of {
			if kind != "" && !slices.Contains(committed, kind) {
				p.add(of.items[i].place, "a commitment cannot be of %q (but of %s)%s", kind, words(committed, "and"), nearest.DidYouMean(kind, committed))
			}
		}
	}
	if m := f.optional("meters"); m != nil {
		d.Meters, d.meters = p.names(m, "meters"), m.items
		if !slices.Contains(d.Of, "usage") {
			p.add(m.place, "meters are of usage, which is not among %q", "of")
		}
	}
	d.Prorated = p.word(f.optional("prorated"), "prorated", "none", "days") == "days"
	d.Rule = p.rule(f)
	f.done()
	if n.kind == object && d.least == nil && d.most == nil && !f.meant([]string{"least", "most"}) {
		p.add(n.at(), "commitment of plan %q has neither least nor most", plan)
	}
	return d
}

// commitment checks a plan's commitment in the currency that is read.
func (c *checker) commitment(plan cohortPlan) {
	d := plan.commitment
	if d == nil {
		return
	}
	for _, use := range d.meters {
		c.meter(use)
	}
	for _, n := range []*node{d.least, d.most} {
		if n != nil && c.draft.Currency.Code != "" {
			c.minorUnits(n, n.key.text)
			if c.amountNode(n) == nil && plan.base != nil && c.sellsPlan(plan) {
				c.add(n.place, "%s has no amount in %s, in which plan %q has a price", n.key.text, c.in, plan.key.text)
			}
		}
	}
	if d.least != nil && d.most != nil && Priced(d.Least) && Priced(d.Most) && d.Least.GreaterThan(d.Most) {
		c.add(d.least.place, "least %s is more than most %s", d.Least, d.Most)
	}
}

// sellsPlan tells whether a plan has a price in the currency that is read.
func (c *checker) sellsPlan(plan cohortPlan) bool {
	return slices.ContainsFunc(c.version.Terms, func(t Term) bool { return Priced(plan.base.prices.on(t.Name)) })
}

func (d *Commitment) print() string {
	var o inline
	if !d.Least.IsZero() {
		o.add("least", amountText(d.Least))
	}
	if !d.Most.IsZero() {
		o.add("most", amountText(d.Most))
	}
	o.add("of", quoteAll(d.Of))
	if len(d.Meters) > 0 {
		o.add("meters", quoteAll(d.Meters))
	}
	if d.Prorated {
		o.add("prorated", "days")
	}
	return o.rule(d.Rule)
}
