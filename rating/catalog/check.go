package catalog

import (
	"slices"
	"strings"

	"ratemill/rating/calendar"
	"ratemill/rating/nearest"
)

// check proves that the parts of a draft fit together. It points at the place
// of use: that is where the mistake is mostly made.
func (p *problems) check(d *draft) {
	before := calendar.None
	clean := p.Found == nil
	for i := range d.versions {
		v := &d.versions[i]
		if v.From != calendar.None && before != calendar.None && v.From <= before {
			p.add(v.from.place, "from %s is not after the version before it (%s)", v.From, before)
		}
		before = max(before, v.From)
		c := &checker{problems: p, draft: d, version: v, clean: clean}
		c.baseFees()
		c.plans()
		c.addOns()
		c.charges()
		for _, check := range v.later {
			check(c)
		}
		for j := range v.tables {
			p.checkTable(&v.tables[j])
		}
	}
}

// checker checks one version.
type checker struct {
	*problems
	draft   *draft
	version *versionDraft
	rungs   []rung  // of all cohorts' ladders
	loops   []place // upgrades that lead back
	clean   bool    // all of the draft could be read: what is not there is not misspelt
}

// cohortPlan is a plan as a cohort has it.
type cohortPlan struct {
	key *node
	planBody
}

// plans checks each plan as each cohort has it.
func (c *checker) plans() {
	for _, cohort := range c.draft.cohortNames() {
		var order []string
		has := make(map[string]cohortPlan)
		for i := range c.version.plans {
			plan := &c.version.plans[i]
			if body, ok := plan.of(cohort); ok {
				has[plan.key.text] = cohortPlan{plan.key, body}
				order = append(order, plan.key.text)
			}
		}
		for _, name := range order {
			c.plan(has[name], has)
		}
		c.ladders(order, has)
	}
	for _, r := range c.rungs { // of loops nothing more is to be told
		if !slices.Contains(c.loops, r.up.upgrade.place) {
			c.rung(r.up, r.from, r.to)
		}
	}
}

// rung is an upgrade of a ladder.
type rung struct {
	up       allowanceDraft
	from, to cohortPlan
}

func (c *checker) plan(plan cohortPlan, has map[string]cohortPlan) {
	if plan.base == nil {
		c.add(plan.key.place, "plan %q has no %q%s", plan.key.text, "base", forCohort(plan.cohort))
	}
	if plan.base != nil {
		c.prices(&plan.base.prices, "base of plan "+inQuotes(plan.key.text))
	}
	if s := plan.seats; s != nil {
		if m := c.meter(s.meter); m != nil && m.Kind != HighWater && m.Kind != "" {
			c.add(s.meter.place, "seats need a high_water meter; %q is %s", m.Name, m.Kind)
		} else {
			c.sold(s.addOn, s.Meter, "seat")
		}
	}
	for _, a := range plan.allowances {
		c.allowance(plan, a, has)
	}
	c.priced(plan, has)
	c.commitment(plan)
	c.gifts(plan.gives, plan.base != nil && c.sellsPlan(plan))
	for _, use := range plan.sells {
		c.subscription(plan, use)
	}
}

// subscription checks an add-on that the accounts of a plan may subscribe to.
func (c *checker) subscription(plan cohortPlan, use *node) {
	i := c.addOnIndex(use)
	if i < 0 {
		return
	}
	a := &c.version.addOns[i]
	if a.Renewal != Subscribed && a.Renewal != "" {
		c.add(use.place, "add-on %q has renewal %q; %q is needed to sell it", a.Name, a.Renewal, Subscribed)
	}
	if len(a.gives) > 0 {
		return
	}
	limited := slices.ContainsFunc(plan.allowances, func(l allowanceDraft) bool { return l.Meter == a.Meter && !l.Unlimited })
	if !limited && c.draft.Meter(a.Meter) != nil {
		c.add(use.place, "plan %q has no limit of %q that add-on %q could raise%s", plan.key.text, a.Meter, a.Name, forCohort(plan.cohort))
	}
}

// addOnIndex is where the add-on is that a word names, or -1.
func (c *checker) addOnIndex(use *node) int {
	i := slices.IndexFunc(c.version.addOns, func(a addOnDraft) bool { return a.Name == use.text })
	if i < 0 {
		var names []string
		for _, a := range c.version.addOns {
			names = append(names, a.Name)
		}
		c.undefined(use, "add-on", names)
	}
	return i
}

func (c *checker) allowance(plan cohortPlan, a allowanceDraft, has map[string]cohortPlan) {
	m := c.draft.Meter(a.Meter)
	if m.Level() {
		c.add(a.key.place, "meter %q is %s: it can be charged, not included", m.Name, m.figure())
	}
	if m.Kind == HighWater {
		c.add(a.key.place, "meter %q counts active users: what a plan includes of them stands under %q", m.Name, "seats")
	}
	if m.Kind == Sum && !m.PerPeriod && !a.Unlimited {
		c.add(a.key.place, "an allowance holds for a billing period, but meter %q has no %q", m.Name, "reset: period")
	}
	if m.Corrected {
		c.add(a.key.place, "meter %q has corrections, which are credited: it can be charged, not included", m.Name)
	}
	if slices.ContainsFunc(c.version.charges, func(u chargeDraft) bool { return u.key.text == a.Meter }) {
		c.add(a.key.place, "meter %q has a usage charge: a plan cannot include it as well", m.Name)
	}
	c.sold(a.addOn, a.Meter, "package")
	if a.upgrade == nil {
		return
	}
	if m.Kind == Sum {
		c.add(a.upgrade.place, "an upgrade needs a latest meter; %q is %s", m.Name, m.Kind)
	}
	if _, ok := has[a.Upgrade]; ok {
		return
	}
	names := c.planNames()
	if slices.Contains(names, a.Upgrade) {
		c.add(a.upgrade.place, "plan %q cannot upgrade to %q, which is not%s", plan.key.text, a.Upgrade, forCohort(plan.cohort))
		return
	}
	c.undefined(a.upgrade, "plan", names)
}

// ladders refuses upgrades that lead back to a plan: an account above all of
// their limits would climb for ever.
func (c *checker) ladders(order []string, has map[string]cohortPlan) {
	done := make(map[string]bool)
	var climb func(name string, path []string)
	climb = func(name string, path []string) {
		path = append(path, name)
		for _, a := range has[name].allowances {
			_, there := has[a.Upgrade]
			if a.upgrade == nil || !there {
				continue
			}
			if i := slices.Index(path, a.Upgrade); i >= 0 {
				ring := strings.Join(append(slices.Clone(path[i:]), a.Upgrade), " → ")
				c.loops = append(c.loops, a.upgrade.place)
				c.add(a.upgrade.place, "upgrades never end%s: %s", forCohort(has[name].cohort), ring)
				continue
			}
			c.rungs = append(c.rungs, rung{a, has[name], has[a.Upgrade]})
			if !done[a.Upgrade] {
				climb(a.Upgrade, path)
			}
		}
		done[name] = true
	}
	for _, name := range order {
		if !done[name] {
			climb(name, nil)
		}
	}
}

// rung refuses an upgrade to a plan that does not take what led there: one
// with a lower limit, with the same one and a further upgrade, or that says
// nothing of the meter.
func (c *checker) rung(a allowanceDraft, from, to cohortPlan) {
	i := slices.IndexFunc(to.allowances, func(b allowanceDraft) bool { return b.Meter == a.Meter })
	if i < 0 {
		if !c.clean {
			return
		}
		c.add(a.upgrade.place, "plan %q, to which %q upgrades, says nothing of %q%s: give it a limit there, or unlimited: true",
			to.key.text, from.key.text, a.Meter, forCohort(from.cohort))
		return
	}
	above := to.allowances[i]
	switch {
	case above.limit == nil || a.limit == nil:
	case above.Limit < a.Limit:
		c.add(above.limit.place, "limit %d is below the %d of plan %q, which upgrades to %q: who climbs there is above it at once",
			above.Limit, a.Limit, from.key.text, to.key.text)
	case above.Limit == a.Limit && above.upgrade != nil:
		c.add(above.limit.place, "limit %d is that of plan %q, which upgrades to %q: nobody would stay on it",
			above.Limit, from.key.text, to.key.text)
	}
}

// sold checks an add-on that a plan sells above what it includes of a meter.
func (c *checker) sold(use *node, meter, lineKind string) {
	if use == nil {
		return
	}
	i := c.addOnIndex(use)
	if i < 0 {
		return
	}
	a := &c.version.addOns[i]
	if a.Renewal == Subscribed {
		c.add(use.place, "add-on %q is subscribed to: a plan sells it under %q, and does not add it", a.Name, "sells")
	}
	if a.LineKind != lineKind && a.LineKind != "" {
		c.add(use.place, "add-on %q makes %s lines; a %s is needed here", a.Name, a.LineKind, lineKind)
	}
	if a.Meter != meter && c.draft.Meter(a.Meter) != nil && c.draft.Meter(meter) != nil {
		c.add(use.place, "add-on %q is of meter %q, and cannot add to %q", a.Name, a.Meter, meter)
	}
}

func (c *checker) addOns() {
	for i := range c.version.addOns {
		a := &c.version.addOns[i]
		c.meter(a.meter)
		c.prices(&a.prices, "add-on "+inQuotes(a.Name))
		c.gifts(a.gives, slices.ContainsFunc(c.version.Terms, func(t Term) bool { return Priced(a.prices.on(t.Name)) }))
		if len(a.gives) > 0 && (a.Renewal != Subscribed && a.Renewal != "" || a.LineKind == "seat") {
			c.add(a.gives[0].balance.keyPlace(), "add-on %q gives into balances: it needs %q and %q", a.Name, "line: package", "renewal: subscribed")
		}
		if a.LineKind == "seat" && a.Adds > 1 {
			c.add(a.adds.place, "add-on %q adds %d, but a seat is for one user", a.Name, a.Adds)
		}
		if m := c.draft.Meter(a.Meter); m != nil && m.Kind != Sum && a.Renewal == Subscribed {
			c.add(a.meter.place, "a subscription raises the allowance of a sum meter; %q is %s", m.Name, m.Kind)
		}
	}
}

func (c *checker) charges() {
	for i := range c.version.charges {
		u := &c.version.charges[i]
		m := c.meter(u.key)
		if m != nil && m.Kind != Sum && m.Kind != "" {
			c.add(u.key.place, "a usage charge needs a sum meter; %q is %s", m.Name, m.Kind)
		}
		c.chargeTable(u, m)
		c.chargeColumn(u, m)
		c.uses(u)
		c.minimum(u)
		c.overDay(u, m)
		c.counting(u, m)
		if m != nil && m.Level() && !u.Counted() {
			c.uncounted(u, m)
		}
		if m != nil && m.Corrected {
			c.corrected(u, m)
		}
	}
}

// chargeTable checks that the meter keeps apart what its price depends on.
func (c *checker) chargeTable(u *chargeDraft, m *Meter) {
	if u.table == nil {
		return
	}
	i := slices.IndexFunc(c.version.tables, func(t tableDraft) bool { return t.Name == u.Table })
	if i < 0 {
		var names []string
		for _, t := range c.version.tables {
			names = append(names, t.Name)
		}
		c.undefined(u.table, "price table", names)
		return
	}
	if m == nil || m.Kind != Sum {
		return
	}
	c.rowModels(u, &c.version.tables[i], m)
	var lacking []string
	for _, column := range c.version.tables[i].Columns {
		if !slices.Contains(m.By, column) {
			lacking = append(lacking, column)
		}
	}
	if len(lacking) > 0 {
		c.add(u.table.place, "price table %q needs %s in %q of meter %q", u.Table, words(lacking, "and"), "by", m.Name)
	}
}

// chargeColumn checks that the meter keeps usage of different prices apart.
func (c *checker) chargeColumn(u *chargeDraft, m *Meter) {
	if u.Column == "" || m == nil || m.Kind != Sum || slices.Contains(m.By, u.Column) {
		return
	}
	c.add(u.column.place, "the price needs %q in %q of meter %q%s", u.Column, "by", m.Name, nearest.DidYouMean(u.Column, m.By))
}

// uses checks the balances of a charge: units pay before money does.
func (c *checker) uses(u *chargeDraft) {
	money := ""
	for _, use := range u.uses {
		c.balance(use)
		switch b := c.version.Balance(use.text); {
		case b == nil:
		case b.Unit == "":
			money = b.Name
		case money != "":
			c.add(use.place, "balance %q of %s comes after %q, which is money: units pay first", b.Name, b.Unit, money)
		}
	}
}

func (c *checker) minimum(u *chargeDraft) {
	if u.minimum != nil && c.draft.Currency.Code != "" {
		c.minorUnits(u.minimum, "charge")
	}
	if u.restTo == nil {
		return
	}
	c.balance(u.restTo)
	if b := c.version.Balance(u.RestTo); b != nil && b.Unit != "" {
		c.add(u.restTo.place, "rest_to %q holds %s, and what a minimum takes beyond the usage is money", u.RestTo, b.Unit)
	}
	misspelt := !c.clean && u.uses == nil || slices.ContainsFunc(u.uses, func(use *node) bool { return c.version.Balance(use.text) == nil })
	if !slices.Contains(u.Uses, u.RestTo) && !misspelt { // else it was told what is meant
		c.add(u.restTo.place, "rest_to %q is not among %q of this charge: the rest would never be used", u.RestTo, "uses")
	}
}

// meter is the meter that a word names, or nil.
func (c *checker) meter(use *node) *Meter {
	if use == nil {
		return nil
	}
	m := c.draft.Meter(use.text)
	if m == nil {
		var names []string
		for i := range c.draft.Meters {
			names = append(names, c.draft.Meters[i].Name)
		}
		c.undefined(use, "meter", names)
	}
	return m
}

func (c *checker) balance(use *node) {
	var names []string
	for _, b := range c.version.Balances {
		names = append(names, b.Name)
	}
	if !slices.Contains(names, use.text) {
		c.undefined(use, "balance", names)
	}
}

func (c *checker) planNames() []string {
	var names []string
	for i := range c.version.plans {
		names = append(names, c.version.plans[i].key.text)
	}
	return names
}

// undefined says that a word names nothing. A word that is no text was a
// problem before, and so was a definition at the wrong place. All but meters are
// defined in each version anew.
func (c *checker) undefined(use *node, what string, defined []string) {
	if use.kind != plain && use.kind != quoted || slices.Contains(c.strays, use.text) {
		return
	}
	where := " in this version"
	if what == "meter" {
		where = ""
	}
	c.add(use.place, "no %s %q is defined%s%s", what, use.text, where, nearest.OrThere(use.text, defined))
}

func forCohort(name string) string {
	if name == "" {
		return ""
	}
	return " for cohort \"" + name + "\""
}
