package catalog

import "slices"

// When is the day on which part of a plan change takes effect.
type When string

const (
	AtOnce          When = "at_once"
	NextBillingDate When = "next_billing_date"
	Prorated        When = "prorated" // of a price: from the day of the change on, by the part of the period that remains
)

// PlanChanges say what a customer's wish for another plan does. Without them
// every plan_changed event is refused.
type PlanChanges struct {
	Order      []string // plans from the smallest on: a change towards the end is an upgrade
	Upgrade    PlanMove
	Downgrade  PlanMove
	Exceptions []PlanMove // by From and To, before Upgrade and Downgrade
}

// PlanMove is how a change from one plan to another takes effect.
type PlanMove struct {
	From, To   string // of an exception
	Allowances When
	Price      When // AtOnce: the paid term ends, and nothing of it is given back
	Waits      bool // a prorated difference to pay waits for the next invoice; else it is invoiced the same day
	MustFit    bool // refused where the levels or users are beyond the new plan
	Rule       RuleID
}

// Move is how a change of plan takes effect, or nil where the order does not
// have both plans.
func (c *PlanChanges) Move(from, to string) *PlanMove {
	for i := range c.Exceptions {
		if x := &c.Exceptions[i]; x.From == from && x.To == to {
			return x
		}
	}
	was, is := slices.Index(c.Order, from), slices.Index(c.Order, to)
	switch {
	case was < 0 || is < 0:
		return nil
	case is > was:
		return &c.Upgrade
	}
	return &c.Downgrade
}

// Up tells whether a change of plan is an upgrade.
func (c *PlanChanges) Up(from, to string) bool {
	return slices.Index(c.Order, to) > slices.Index(c.Order, from)
}

func (p *problems) planChanges(v *versionDraft, n *node) *PlanChanges {
	if n == nil {
		return nil
	}
	f := p.fields(n, "plan_changes")
	order := f.required("order")
	c := &PlanChanges{Order: p.names(order, "order")}
	if order != nil {
		v.wantPlans(order.items...)
	}
	c.Upgrade = p.planMove(f.required("upgrade"), "upgrade", nil)
	c.Downgrade = p.planMove(f.required("downgrade"), "downgrade", nil)
	for _, item := range p.items(f.optional("exceptions"), "exceptions") {
		c.Exceptions = append(c.Exceptions, p.planMove(item, "exception", v))
	}
	f.done()
	return c
}

// planMove reads one way to change plans; an exception, which is read for a
// version, says between which.
func (p *problems) planMove(n *node, what string, v *versionDraft) PlanMove {
	var m PlanMove
	if n == nil {
		return m
	}
	f := p.fields(n, "%s of plan_changes", what)
	if v != nil {
		f.form = "exception of plan_changes"
	}
	prices := []string{string(NextBillingDate), string(Prorated)}
	if v != nil {
		from, to := f.required("from"), f.required("to")
		m.From, m.To = p.text(from, "from"), p.text(to, "to")
		if m.From == m.To && m.From != "" {
			p.add(to.place, "from and to are both %q", m.To)
		}
		v.wantPlans(from, to)
		prices = append(prices, string(AtOnce))
	}
	price := f.required("price")
	m.Allowances = When(p.word(f.required("allowances"), "allowances", string(AtOnce), string(NextBillingDate)))
	m.Price = When(p.word(price, "price", prices...))
	difference := f.optional("difference")
	m.Waits = p.word(difference, "difference", "at_once", "next_invoice") == "next_invoice"
	if n := f.optional("must_fit"); n != nil {
		m.MustFit = p.isTrue(n, "must_fit")
	}
	m.Rule = p.rule(f)
	f.done()
	if difference != nil && m.Price != Prorated && m.Price != "" {
		p.add(difference.place, "difference needs price: prorated: nothing else leaves one")
	}
	if (m.Price == AtOnce || m.Price == Prorated) && m.Allowances == NextBillingDate {
		p.add(price.place, "the price of a plan cannot begin before its allowances do")
	}
	if m.Price == AtOnce && v != nil {
		v.later = append(v.later, func(c *checker) { c.free(price, m.To) })
	}
	return m
}

// free refuses a plan with a base fee where a change of plan ends what was
// paid for at once: there would be nothing to say how much of it is due.
func (c *checker) free(use *node, plan string) {
	for _, cohort := range c.draft.cohortNames() {
		for i := range c.version.plans {
			p := &c.version.plans[i]
			body, ok := p.of(cohort)
			if ok && p.key.text == plan && body.base != nil && !body.base.prices.free() {
				c.add(use.place, "price at_once needs a plan without a base fee; %q has %s", plan, pricesText(body.base.prices.one, body.base.prices.byTerm))
				return
			}
		}
	}
}

// wantPlans has the plans that words name looked up once the version is read.
func (v *versionDraft) wantPlans(uses ...*node) {
	v.later = append(v.later, func(c *checker) {
		for _, use := range uses {
			if use != nil && !slices.Contains(c.planNames(), use.text) {
				c.undefined(use, "plan", c.planNames())
			}
		}
	})
}

func (c *PlanChanges) print(w *printer) {
	if c == nil {
		return
	}
	w.line(1, "plan_changes:")
	w.line(2, "order: %s", quoteAll(c.Order))
	w.line(2, "upgrade: %s", c.Upgrade.print())
	w.line(2, "downgrade: %s", c.Downgrade.print())
	for i := range c.Exceptions {
		if i == 0 {
			w.line(2, "exceptions:")
		}
		w.line(2, "- %s", c.Exceptions[i].print())
	}
}

func (m *PlanMove) print() string {
	var o inline
	if m.From != "" {
		o.add("from", quote(m.From))
		o.add("to", quote(m.To))
	}
	o.add("allowances", string(m.Allowances))
	o.add("price", string(m.Price))
	if m.Waits {
		o.add("difference", "next_invoice")
	}
	if m.MustFit {
		o.add("must_fit", "true")
	}
	return o.rule(m.Rule)
}
