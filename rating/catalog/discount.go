package catalog

import (
	"slices"

	"ratemill/rating/decimal"
	"ratemill/rating/nearest"
)

// Discount is taken off the lines of accounts that have it: by the flag of its
// name, such as nonprofit, or by a grant.
type Discount struct {
	Name        string
	Description string
	Percent     decimal.Decimal // zero: Amount
	Amount      decimal.Decimal // of a billing period, or once altogether
	On          []string        // line kinds
	Meters      []string        // of the lines; empty: any, and none
	Plans       []string        // on which it is taken; empty: all
	Once        bool            // a percentage off one invoice, or the amount once; else each period
	Periods     int             // billing periods from the first that it is taken in; 0: for ever
	Rule        RuleID
	Line        int // line of the catalog file
}

// nonprofit is the discount that accounts have by a flag.
const nonprofit = "nonprofit"

// paidLines are the kinds of lines that a discount can be on.
var paidLines = []string{"base_fee", "seat", "package", "usage", "minimum", "service", "credit"}

// Discount is the discount of a name, or nil.
func (v *Version) Discount(name string) *Discount { return find(v.Discounts, name, discountName) }

func discountName(d *Discount) string { return d.Name }

func (p *problems) discount(v *versionDraft, e entry) Discount {
	f := p.fields(e.value, "discount %q", e.key.text)
	d := Discount{Name: e.key.text, Line: e.key.line}
	d.Description = p.text(f.required("description"), "description")
	switch key, n := f.oneOf("percent", "amount"); key {
	case "percent":
		d.Percent = p.percent(n, key)
	case "amount":
		d.Amount = p.moneyAbove0(n, key)
		v.later = append(v.later, func(c *checker) { c.minorUnits(n, key) })
	}
	d.On = p.lineKinds(f.required("on"), "on")
	if n := f.optional("meters"); n != nil {
		d.Meters = p.names(n, "meters")
		v.later = append(v.later, func(c *checker) {
			for _, use := range n.items {
				c.meter(use)
			}
		})
	}
	if n := f.optional("plans"); n != nil {
		d.Plans = p.names(n, "plans")
		v.wantPlans(n.items...)
	}
	lasts := f.optional("for")
	d.Once, d.Periods = p.lasts(lasts)
	if d.Name == nonprofit && (lasts != nil || !d.Amount.IsZero()) {
		p.add(e.key.place, "discount %q is held by a flag, which counts no periods: it is a percent, without for", nonprofit)
	}
	d.Rule = p.rule(f)
	f.done()
	return d
}

// lasts reads how long a discount is given.
func (p *problems) lasts(n *node) (once bool, periods int) {
	switch {
	case n == nil, n.kind == plain && n.text == "forever":
		return false, 0
	case n.kind == plain && n.text == "once":
		return true, 0
	}
	if m := periodCount.FindStringSubmatch(n.text); m != nil && n.kind == plain {
		number := *n
		number.text = m[1]
		return false, int(p.countUpTo(&number, "for", 1, maxWindowDays))
	}
	p.add(n.place, `for is %s where "once", a number of periods such as "3 periods", or "forever" is wanted`, n.shown())
	return false, 0
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
		if kind != "" && !slices.Contains(paidLines, kind) {
			p.add(n.items[i].place, "there is no line kind %q (there are %s)%s", kind, words(paidLines, "and"), nearest.DidYouMean(kind, paidLines))
		}
	}
	return kinds
}

func (d *Discount) print() string {
	o := inline{"description: " + quote(d.Description)}
	if d.Percent.IsZero() {
		o.add("amount", amountText(d.Amount))
	} else {
		o.add("percent", number(d.Percent))
	}
	o.add("on", quoteAll(d.On))
	if len(d.Meters) > 0 {
		o.add("meters", quoteAll(d.Meters))
	}
	if len(d.Plans) > 0 {
		o.add("plans", quoteAll(d.Plans))
	}
	switch {
	case d.Once:
		o.add("for", "once")
	case d.Periods > 0:
		o.add("for", durationText(d.Periods, "period"))
	}
	return o.rule(d.Rule)
}
