package catalog

import (
	"slices"
	"strings"

	"ratemill/rating/decimal"
	"ratemill/rating/nearest"
	"ratemill/rating/pricing"
)

// Counting is how a charge counts usage before it prices it. A charge without
// one prices each day's groups by themselves, quantity × price.
type Counting struct {
	Model   pricing.Model // nil: quantity × the price of the charge, its table or column
	Unit    pricing.Unit
	Charged Charged
	Over    Over
	PerTier bool     // a line for each tier, rather than one
	Per     []string // dimensions whose values are counted each by itself
	Spend   *Spend   // nil: no bounds
}

// Charged is when counted usage is charged.
type Charged string

const (
	Daily     Charged = "daily"      // on the day that the meter's due says
	PeriodEnd Charged = "period_end" // in arrears, on the billing date
)

// Over is what a price is a price of.
type Over string

const (
	OverDay    Over = "day"    // each service day's usage alone
	OverPeriod Over = "period" // all usage of the billing period; a day is charged what it adds
	OverLife   Over = "life"   // all usage since sign-up; a day is charged what it adds
)

// Spend bounds what a charge comes to over a billing period.
type Spend struct {
	Least    decimal.Decimal // true-up when the period ends; zero: none
	Most     decimal.Decimal // what is above is a discount; zero: none
	Prorated bool            // bounds of a period that ends early are cut to its days
}

// Level tells whether the meter's figure is anything but a sum over its rows.
func (m *Meter) Level() bool {
	return m.Kind == Sum && m.Of != SumOf && m.Of != CountOf
}

// Counted tells whether the charge counts usage.
func (u *UsageCharge) Counted() bool { return u.Counting != nil }

// countingDraft keeps the places of what check looks at.
type countingDraft struct {
	*Counting
	price, over, lines, least, most *node
	per                             []*node
}

// priceKeys are the keys of a price: where it is found, or its model.
func priceKeys() []string {
	keys := []string{"each", "table", "column"}
	for _, name := range pricing.Names() {
		if !slices.Contains(keys, name) {
			keys = append(keys, name)
		}
	}
	return keys
}

// counting reads how a charge counts, with the model of its price where that
// has one. It is nil where the charge counts nothing.
func (p *problems) counting(f *fields, what string, model pricing.Model, price *node) *countingDraft {
	d := &countingDraft{Counting: &Counting{Model: model, Charged: Daily, Over: OverDay}, price: price}
	asked := model != nil
	if n := f.optional("unit"); n != nil {
		before := len(p.Found)
		p.fill(n, &d.Unit, "unit of "+what)
		p.placed(n, d.Unit.Check(), before)
		asked = true
	}
	if n := f.optional("charged"); n != nil {
		d.Charged = Charged(p.word(n, "charged", string(Daily), string(PeriodEnd)))
		asked = asked || d.Charged == PeriodEnd
	}
	if d.over = f.optional("over"); d.over != nil {
		d.Over = Over(p.word(d.over, "over", string(OverDay), string(OverPeriod), string(OverLife)))
		asked = asked || d.Over != OverDay
	}
	if d.Charged == PeriodEnd && d.over == nil {
		d.Over = OverPeriod
	}
	if d.lines = f.optional("lines"); d.lines != nil {
		d.PerTier = p.word(d.lines, "lines", "one", "per_tier") == "per_tier"
	}
	if n := f.optional("per"); n != nil {
		d.Per, d.per = p.names(n, "per"), n.items
		asked = true
	}
	if n := f.optional("spend"); n != nil {
		p.spend(d, n, what)
		asked = true
	}
	if !asked && !d.PerTier {
		return nil
	}
	return d
}

func (p *problems) spend(d *countingDraft, n *node, what string) {
	f := p.fields(n, "spend of %s", what)
	d.Spend = &Spend{}
	if d.least = f.optional("least"); d.least != nil {
		d.Spend.Least = p.moneyAbove0(d.least, "least")
	}
	if d.most = f.optional("most"); d.most != nil {
		d.Spend.Most = p.moneyAbove0(d.most, "most")
	}
	d.Spend.Prorated = p.word(f.optional("prorated"), "prorated", "none", "days") == "days"
	f.done()
	if n.kind == object && d.least == nil && d.most == nil && !f.meant([]string{"least", "most"}) {
		p.add(n.at(), "spend of %s has neither least nor most", what)
	}
}

// counting checks that a charge's settings go together and that its meter can
// count so.
func (c *checker) counting(u *chargeDraft, m *Meter) {
	d := u.counting
	if d == nil {
		return
	}
	if d.over != nil && d.Charged == PeriodEnd && d.Over != OverPeriod {
		c.add(d.over.place, "over is %q, but charged: period_end prices the period", d.Over)
	}
	if d.PerTier && (d.Charged != PeriodEnd || !tiered(d.Model) && !c.tieredTable(u)) {
		c.add(d.lines.place, "lines: per_tier needs charged: period_end and a graduated price")
	}
	c.bounds(d)
	for _, use := range u.uses {
		if b := c.version.Balance(use.text); b != nil && b.Unit != "" {
			c.add(use.place, "balance %q holds units, which pay for units as counted, each at its price: not beside a pricing model, unit, charged: period_end, over, per or spend; take a balance of money", b.Name)
		}
	}
	if m == nil || m.Kind != Sum {
		return
	}
	for _, n := range d.per {
		if !slices.Contains(m.By, n.text) {
			c.add(n.place, "%q is not in %q of meter %q%s", n.text, "by", m.Name, nearest.DidYouMean(n.text, m.By))
		}
	}
	c.running(u, m)
	if d.Unit.Rows == pricing.EachRow && !m.OneByOne {
		c.add(d.price.place, "rows: each converts each row by itself: meter %q needs %q", m.Name, "events: one_by_one")
	}
	switch {
	case d.Model == nil || !pricing.NeedsEvents(d.Model):
	case m.Level():
		c.add(d.price.place, "free_events, min, max, and free_amount beside fixed look at each event: meter %q is %s", m.Name, m.figure())
	case !m.OneByOne:
		c.add(d.price.place, "free_events, min, max, and free_amount beside fixed look at each event: meter %q needs %q", m.Name, "events: one_by_one")
	}
}

// tiered tells whether a model has a line for each of its tiers.
func tiered(m pricing.Model) bool {
	switch m.(type) {
	case *pricing.Graduated, *pricing.GraduatedPercentage:
		return true
	}
	return false
}

// bounds checks the spends of a charge.
func (c *checker) bounds(d *countingDraft) {
	if d.Spend == nil {
		return
	}
	if s := d.Spend; d.least != nil && d.most != nil && Priced(s.Least) && Priced(s.Most) && s.Least.GreaterThan(s.Most) {
		c.add(d.least.place, "least %s is more than most %s", s.Least, s.Most)
	}
	if d.Over != OverPeriod {
		place := d.most
		if d.least != nil {
			place = d.least
		}
		c.add(place.place, "spend is of a billing period: it needs over: period or charged: period_end")
	}
	for _, n := range []*node{d.least, d.most} {
		if n != nil && c.draft.Currency.Code != "" {
			c.minorUnits(n, n.key.text)
		}
	}
}

// minorUnits refuses an amount with more digits than the currency has.
func (c *checker) minorUnits(n *node, what string) {
	if n = c.amountNode(n); n == nil {
		return
	}
	value, err := decimal.NewFromString(n.text)
	if err == nil && !value.Equal(value.Truncate(c.draft.Currency.Minor)) {
		c.add(n.place, "%s %s has more digits than %s has (%d)", what, n.text, c.draft.Currency.Code, c.draft.Currency.Minor)
	}
}

// print writes how a charge counts, but for its model.
func (d *Counting) print(w *printer) {
	if unit := objectText(d.Unit); unit != "{}" {
		w.line(3, "unit: %s", unit)
	}
	if d.Charged == PeriodEnd {
		w.line(3, "charged: period_end")
	} else if d.Over != OverDay || d.Model == nil { // of a level without a model that must be said
		w.line(3, "over: %s", d.Over)
	}
	if d.PerTier {
		w.line(3, "lines: per_tier")
	}
	if len(d.Per) > 0 {
		w.line(3, "per: %s", quoteAll(d.Per))
	}
	if s := d.Spend; s != nil {
		var o inline
		if !s.Least.IsZero() {
			o.add("least", amountText(s.Least))
		}
		if !s.Most.IsZero() {
			o.add("most", amountText(s.Most))
		}
		if s.Prorated {
			o.add("prorated", "days")
		}
		w.line(3, "spend: {%s}", strings.Join(o, ", "))
	}
}
