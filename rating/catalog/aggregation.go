package catalog

import "ratemill/rating/pricing"

// Measure is which number of a period a meter of active keys counts.
type Measure string

const (
	AtEnd        Measure = "at_end"        // the keys that are on when the period ends
	AnyTime      Measure = "any_time"      // the keys that were on at any time of it
	Highest      Measure = "highest"       // the most that were on at once
	TimeWeighted Measure = "time_weighted" // the mean, each key by the time that it was on
)

// Running tells whether the meter is a level that is at some height at any
// time, and that may run on into the next period.
func (m *Meter) Running() bool { return m.Of == WeightedOf || m.Of == ActiveOf }

// Keeps tells whether the meter's figure needs more of its rows than a number:
// their keys, or when they changed a level.
func (m *Meter) Keeps() bool { return m.Running() || m.Of == UniqueOf }

// Key is the column whose values are counted, empty where rows are.
func (m *Meter) Key() string {
	if m.Of == UniqueOf || m.Of == ActiveOf {
		return m.Columns[0]
	}
	return ""
}

// Mean tells whether the figure is a mean over time, which need not be a whole
// number and need not have an end as a decimal.
func (m *Meter) Mean() bool {
	return m.Of == WeightedOf || m.Of == ActiveOf && m.Measure == TimeWeighted
}

// aggregation reads what is particular to what a meter makes of its column.
func (p *problems) aggregation(m *Meter, f *fields) {
	switch m.Of {
	case MaxOf, LastValue, WeightedOf, ActiveOf:
		m.OneByOne = true // the order of the rows decides, or their time
	case UniqueOf:
		return // a row more of a key changes nothing, in whatever order
	}
	if m.Of != WeightedOf && m.Of != ActiveOf {
		if n := f.optional("corrections"); n != nil {
			m.Corrected = p.word(n, "corrections", "refused", "credited") == "credited"
			if m.Of != SumOf {
				p.add(n.place, "corrections are for sums: meter %q is %s", m.Name, m.figure())
			}
		}
		m.OneByOne = p.word(f.optional("events"), "events", "summed", "one_by_one") == "one_by_one" || m.OneByOne
		return
	}
	if m.Of == ActiveOf {
		if n := f.optional("action"); n != nil {
			m.Action = p.text(n, "action")
		}
		m.Measure = AtEnd
		if n := f.optional("measure"); n != nil {
			m.Measure = Measure(p.word(n, "measure", string(AtEnd), string(AnyTime), string(Highest), string(TimeWeighted)))
		}
	}
	if m.Mean() {
		m.ByDay = p.word(f.optional("holds"), "holds", "microseconds", "days") == "days"
	}
}

// printAggregation writes it back.
func (m *Meter) printAggregation(o *inline) {
	if m.OneByOne && !m.Level() {
		o.add("events", "one_by_one")
	}
	if m.Corrected {
		o.add("corrections", "credited")
	}
	if m.Action != "" {
		o.add("action", quote(m.Action))
	}
	if m.Measure != "" && m.Measure != AtEnd {
		o.add("measure", string(m.Measure))
	}
	if m.ByDay {
		o.add("holds", "days")
	}
}

// figure says what a meter's figure is, for messages.
func (m *Meter) figure() string {
	switch m.Of {
	case UniqueOf:
		return "the number of different values of its column"
	case WeightedOf:
		return "the mean of a level"
	case ActiveOf:
		return "the number of active keys"
	}
	return "the " + string(m.Of) + " of its rows"
}

// overDay has a charge count whose meter is no sum and that says over: day. To
// a sum that is the default, and there is nothing to count.
func (c *checker) overDay(u *chargeDraft, m *Meter) {
	if u.overDay && m != nil && m.Level() {
		u.counting = &countingDraft{Counting: &Counting{Charged: Daily, Over: OverDay}, price: u.key}
		u.Counting = u.counting.Counting
	}
}

// uncounted says what a charge needs whose meter is no sum.
func (c *checker) uncounted(u *chargeDraft, m *Meter) {
	if m.Running() {
		c.add(u.key.place, "meter %q is %s of a period: its charge needs %q", m.Name, m.figure(), "charged: period_end")
		return
	}
	c.add(u.key.place, "meter %q is %s, not their sum: its charge needs %q, %q, %q or %q", m.Name, m.figure(), "over: day", "over: period", "charged: period_end", "over: life")
}

// corrected checks the charge of a meter with corrections: what is taken off
// becomes money, so it must have been paid for in money, and by one price for
// the sum.
func (c *checker) corrected(u *chargeDraft, m *Meter) {
	for _, use := range u.uses {
		if b := c.version.Balance(use.text); b != nil && b.Unit != "" {
			c.add(use.place, "balance %q holds units: corrections of meter %q would pay out in money what units paid", b.Name, m.Name)
		}
	}
	each := u.counting != nil && (u.counting.Unit.Rows == pricing.EachRow || u.counting.Model != nil && pricing.NeedsEvents(u.counting.Model))
	for _, t := range c.version.tables {
		for i := range t.Rows {
			each = each || u.table != nil && t.Name == u.Table && t.Rows[i].Model != nil && pricing.NeedsEvents(t.Rows[i].Model)
		}
	}
	if each {
		c.add(u.key.place, "the price looks at each row, and rows of meter %q may be corrections of others", m.Name)
	}
}

// running checks what the charge of a level may be. What runs on into the next
// period is priced anew there, and its rows are not at hand any more.
func (c *checker) running(u *chargeDraft, m *Meter) {
	if !m.Running() {
		return
	}
	d := u.counting
	if d.Charged != PeriodEnd {
		c.uncounted(u, m)
	}
	for _, n := range []*node{u.table, u.column} {
		if n != nil {
			c.add(n.place, "meter %q is a level that may run on into the next period: its price cannot be looked up by a row's values; count them each by itself with %q", m.Name, "per")
		}
	}
	if d.PerTier && m.Mean() {
		c.add(d.lines.place, "lines: per_tier needs whole units; meter %q is a mean over time", m.Name)
	}
}
