package catalog

import (
	"slices"

	"github.com/shopspring/decimal"
)

// Discount is taken off the lines of accounts that have the flag of its name,
// such as nonprofit.
type Discount struct {
	Name        string
	Description string
	Percent     decimal.Decimal
	On          []string // line kinds
	Rule        RuleID
	Line        int // line of the catalog file
}

// PaidLines are the kinds of lines that a discount can be on and a guarantee
// can give back.
var PaidLines = []string{"base_fee", "seat", "package", "usage", "minimum", "service", "credit"}

func (p *problems) discount(e entry) Discount {
	f := p.fields(e.value, "discount %q", e.key.text)
	d := Discount{Name: e.key.text, Line: e.key.line}
	d.Description = p.text(f.required("description"), "description")
	d.Percent = p.percent(f.required("percent"), "percent")
	d.On = p.lineKinds(f.required("on"), "on")
	d.Rule = p.rule(f)
	f.done()
	return d
}

// percent is a number above 0 up to 100.
func (p *problems) percent(n *node, what string) decimal.Decimal {
	d := p.positive(n, what)
	if d.GreaterThan(decimal.NewFromInt(100)) {
		p.add(n.place, "%s %s is more than 100", what, n.text)
	}
	return d
}

// lineKinds are names of kinds of lines.
func (p *problems) lineKinds(n *node, what string) []string {
	kinds := p.names(n, what)
	for i, kind := range kinds {
		if kind != "" && !slices.Contains(PaidLines, kind) {
			p.add(n.items[i].place, "there is no line kind %q (there are %s)%s", kind, words(PaidLines, "and"), DidYouMean(kind, PaidLines))
		}
	}
	return kinds
}

func (d *Discount) print() string {
	o := inline{"description: " + quote(d.Description)}
	o.add("percent", number(d.Percent))
	o.add("on", quoteAll(d.On))
	return o.rule(d.Rule)
}
