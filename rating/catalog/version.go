package catalog

import (
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/pricing"
)

// version reads one item of "versions".
func (p *problems) version(d *draft, n *node) versionDraft {
	var v versionDraft
	p.categories = nil
	f := p.fields(n, "version")
	v.from = f.required("from")
	v.From = p.date(v.from, "from")
	for _, e := range p.entries(f.required("terms"), "terms") {
		v.Terms = append(v.Terms, p.term(e))
		v.terms = append(v.terms, e)
	}
	for _, e := range p.entries(f.required("plans"), "plans") {
		v.plans = append(v.plans, p.plan(d, e))
	}
	for _, e := range p.entries(f.optional("add_ons"), "add_ons") {
		v.addOns = append(v.addOns, p.addOn(e))
	}
	for _, e := range p.entries(f.optional("balances"), "balances") {
		v.Balances = append(v.Balances, p.balance(&v, e))
	}
	for _, e := range p.entries(f.optional("usage_charges"), "usage_charges") {
		v.charges = append(v.charges, p.charge(e))
	}
	for _, e := range p.entries(f.optional("price_tables"), "price_tables") {
		v.tables = append(v.tables, p.table(e))
	}
	for _, e := range p.entries(f.optional("services"), "services") {
		v.Services = append(v.Services, p.service(&v, e))
	}
	for _, e := range p.entries(f.optional("discounts"), "discounts") {
		v.Discounts = append(v.Discounts, p.discount(&v, e))
	}
	v.Taxes = p.taxes(&v, f.optional("taxes"))
	v.Proration = p.proration(f.optional("proration"))
	v.PlanChanges = p.planChanges(&v, f.optional("plan_changes"))
	v.BillingDateChanges = p.billingDateChanges(f.optional("billing_date_changes"))
	v.StoreRemoval = p.storeRemoval(f.optional("store_removal"))
	v.Guarantee = p.guarantee(&v, f.optional("guarantee"))
	v.Payments = p.payments(f.optional("payments"))
	f.done()
	v.categories = p.categories
	return v
}

// all is the word under which a plan says what holds for every cohort.
const all = "all"

func (p *problems) plan(d *draft, e entry) planDraft {
	plan := planDraft{key: e.key}
	known := []string{all}
	for _, c := range d.Cohorts {
		known = append(known, c.Name)
	}
	f := p.fields(e.value, "plan %q", e.key.text)
	for _, cohort := range known {
		if n := f.optional(cohort); n != nil {
			plan.bodies = append(plan.bodies, p.planBody(d, e.key.text, cohort, n))
		}
	}
	f.done()
	if e.value.kind == object && len(e.value.entries) == 0 {
		p.add(e.key.place, "plan %q is for nobody: say what it is under %s", e.key.text, words(known, "or"))
	}
	return plan
}

func (p *problems) planBody(d *draft, plan, cohort string, n *node) planBody {
	body := planBody{cohort: cohort}
	f := p.fields(n, "%q of plan %q", cohort, plan)
	if b := f.optional("base"); b != nil {
		base := p.fields(b, "base of plan %q", plan)
		body.base = &baseDraft{prices: p.prices(base.required("price"), "price"), taxed: p.taxCategory(base), rule: p.rule(base)}
		base.done()
	}
	if s := f.optional("seats"); s != nil {
		body.seats = p.seats(plan, s)
	}
	if s := f.optional("sells"); s != nil {
		body.Sells = p.names(s, "sells")
		body.sells = s.items
	}
	if m := f.optional("minimum_term"); m != nil {
		body.minimum = p.minimumTerm(plan, m)
	}
	if m := f.optional("commitment"); m != nil {
		body.commitment = p.commitment(plan, m)
	}
	if g := f.optional("gives"); g != nil {
		body.gives = p.gifts(g, "plan "+inQuotes(plan), true)
	}
	for _, m := range d.Meters {
		if slices.Contains(planWords, m.Name) {
			continue // such a meter has no allowance
		}
		if a := f.optional(m.Name); a != nil {
			body.allowances = append(body.allowances, p.allowance(plan, a))
		}
	}
	f.done()
	if n.kind == object && len(n.entries) == 0 {
		p.add(n.at(), "%q of plan %q is empty: leave it out", cohort, plan)
	}
	return body
}

// planWords are the reserved words of a plan.
var planWords = []string{"base", "seats", "sells", "minimum_term", "commitment", "gives"}

func (p *problems) seats(plan string, n *node) *seatsDraft {
	f := p.fields(n, "seats of plan %q", plan)
	s := &seatsDraft{meter: f.required("meter")}
	s.Meter = p.text(s.meter, "meter")
	s.Included = p.count(f.required("included"), "included", 0)
	switch above := f.required("above"); {
	case above == nil:
	case above.kind == object:
		a := p.fields(above, "above of seats of plan %q", plan)
		s.addOn = a.required("add")
		s.AddOn = p.text(s.addOn, "add")
		a.done()
	case above.text != "refuse":
		p.add(above.place, `above is %s where "refuse" or {add: ADD-ON} is wanted`, above.shown())
	}
	s.Rule = p.rule(f)
	f.done()
	return s
}

func (p *problems) allowance(plan string, n *node) allowanceDraft {
	meter := n.key.text
	f := p.fields(n, "the %q of plan %q", meter, plan)
	a := allowanceDraft{Allowance: Allowance{Meter: meter}, key: n.key}
	switch key, value := f.oneOf("limit", "unlimited"); key {
	case "unlimited":
		a.Unlimited = p.isTrue(value, key)
	case "limit":
		a.limit, a.Limit = value, p.count(value, key, 0)
		p.above(&a, f.required("above"), plan)
	}
	a.Rule = p.rule(f)
	f.done()
	return a
}

func (p *problems) above(a *allowanceDraft, n *node, plan string) {
	if n == nil {
		return
	}
	f := p.fields(n, "above of %q of plan %q", a.Meter, plan)
	switch key, value := f.oneOf("upgrade", "add"); key {
	case "upgrade":
		a.upgrade, a.Upgrade = value, p.text(value, key)
	case "add":
		a.addOn, a.AddOn = value, p.text(value, key)
	}
	f.done()
}

// addOnCharged refuses add-ons in arrears, which a term's charged does not mean
// either.
func (p *problems) addOnCharged(n *node, addOn string) {
	if n != nil && n.text == "in_arrears" {
		p.add(n.place, "add-on %q cannot be charged in_arrears: seats and packages are paid for in advance, only a term's base fee can wait; what is paid after it was used is a usage charge", addOn)
		return
	}
	p.word(n, "charged", "in_advance")
}

func (p *problems) addOn(e entry) addOnDraft {
	f := p.fields(e.value, "add-on %q", e.key.text)
	a := addOnDraft{AddOn: AddOn{Name: e.key.text, Line: e.key.line}}
	a.LineKind = p.word(f.required("line"), "line", "seat", "package")
	a.Description = p.text(f.required("description"), "description")
	a.prices = p.prices(f.required("price"), "price")
	a.Price, a.PriceByTerm = a.prices.one, a.prices.byTerm
	if g := f.optional("gives"); g != nil {
		a.gives = p.gifts(g, "add-on "+inQuotes(a.Name), false)
		a.Gives = giftsOf(a.gives)
	} else {
		a.adds = f.required("adds")
		a.Adds = p.count(a.adds, "adds", 1)
		a.meter = f.required("of")
		a.Meter = p.text(a.meter, "of")
	}
	a.Renewal = Renewal(p.word(f.required("renewal"), "renewal", string(WhileNeeded), string(Never), string(Subscribed)))
	p.addOnCharged(f.optional("charged"), a.Name)
	a.ByDay = p.word(f.optional("proration"), "proration", "none", "days") == "days"
	a.Credit = p.word(f.optional("given_up"), "given_up", "no_credit", "credit") == "credit"
	a.TaxCategory = p.taxCategory(f)
	a.TrialFree = p.word(f.optional("in_trial"), "in_trial", "charged", "free") == "free"
	a.Rule = p.rule(f)
	f.done()
	return a
}

func (p *problems) charge(e entry) chargeDraft {
	f := p.fields(e.value, "usage charge of %q", e.key.text)
	u := chargeDraft{UsageCharge: UsageCharge{Meter: e.key.text, Line: e.key.line}, key: e.key}
	u.Description = p.text(f.required("description"), "description")
	model := p.price(f.required("price"), &u)
	what := fmt.Sprintf("the usage charge of %q", e.key.text)
	if u.counting = p.counting(f, what, model, e.key); u.counting != nil {
		u.Counting = u.counting.Counting
	}
	u.overDay = u.counting == nil && f.optional("over") != nil
	u.TaxCategory = p.taxCategory(f)
	if n := f.optional("uses"); n != nil {
		u.Uses = p.names(n, "uses")
		u.uses = n.items
	}
	if n := f.optional("minimum"); n != nil {
		m := p.fields(n, "minimum of the usage charge of %q", e.key.text)
		u.minimum, u.restTo = m.required("charge"), m.required("rest_to")
		u.Minimum = p.moneyAbove0(u.minimum, "charge")
		u.RestTo = p.text(u.restTo, "rest_to")
		m.done()
	}
	u.Unpriced = !Priced(u.Price) || !Priced(u.Minimum) || unpriced(model)
	if u.counting != nil && u.Counting.Spend != nil {
		u.Unpriced = u.Unpriced || !Priced(u.Counting.Spend.Least) || !Priced(u.Counting.Spend.Most)
	}
	u.Rule = p.rule(f)
	f.done()
	return u
}

// price reads where the price is found, or the model that makes it.
func (p *problems) price(n *node, u *chargeDraft) (model pricing.Model) {
	if n == nil {
		return nil
	}
	if n.kind == plain || n.kind == quoted {
		each := n.text
		if !plainNumber.MatchString(each) {
			each = "0.02"
		}
		p.add(n.place, "price of the usage charge of %q is %s: say what kind of price that is: {each: %s}, {table: NAME}, {column: NAME} or a pricing model", u.Meter, n.shown(), each)
		return nil
	}
	price := p.fields(n, "price of the usage charge of %q", u.Meter)
	switch key, value := price.oneOf(priceKeys()...); key {
	case "":
	case "each":
		u.Price = p.money(value, key)
	case "table":
		u.table, u.Table = value, p.text(value, key)
	case "column":
		u.column, u.Column = value, p.text(value, key)
	default:
		model = p.model(key, value, key+" "+price.what)
	}
	price.done()
	return model
}

func (p *problems) table(e entry) tableDraft {
	f := p.fields(e.value, "price table %q", e.key.text)
	t := tableDraft{PriceTable: PriceTable{Name: e.key.text}}
	columns := f.required("columns")
	t.Columns = p.names(columns, "columns")
	if len(t.Columns) > maxColumns {
		p.add(columns.place, "price table %q has %d columns; it may have %d", t.Name, len(t.Columns), maxColumns)
	}
	t.rows = p.items(f.required("rows"), "rows")
	for _, n := range t.rows {
		t.Rows = append(t.Rows, p.row(n, &t))
	}
	p.widths(&t, columns)
	t.Rule = p.rule(f)
	f.done()
	return t
}

func (p *problems) row(n *node, t *tableDraft) PriceRow {
	f := p.fields(n, "row of price table %q", t.Name)
	match := f.required("match")
	row := PriceRow{Line: n.line}
	for _, item := range p.items(match, "match") {
		row.Match = append(row.Match, p.text(item, "match"))
	}
	p.rowPrice(f, &row, t.Name)
	f.done()
	return row
}

// widths checks that rows have a value for each column. Where all have another
// number than there are columns, the columns are what is wrong.
func (p *problems) widths(t *tableDraft, columns *node) {
	want := len(t.Columns)
	if want == 0 || want > maxColumns {
		return // reported when they were read
	}
	var wrong []int
	alike := true
	for i := range t.Rows {
		if n := len(t.Rows[i].Match); n != 0 && n != want {
			wrong = append(wrong, i)
			alike = alike && n == len(t.Rows[wrong[0]].Match)
		}
	}
	if len(wrong) > 1 && len(wrong) == len(t.Rows) && alike {
		p.add(columns.place, "price table %q has %d columns, and its rows have %d values", t.Name, want, len(t.Rows[0].Match))
		return
	}
	for _, i := range wrong {
		place := t.rows[i].place
		for _, e := range t.rows[i].entries {
			if e.key.text == "match" {
				place = e.value.place
			}
		}
		p.add(place, "match has %s for %d columns (%s)", durationText(len(t.Rows[i].Match), "value"), want, strings.Join(t.Columns, ", "))
	}
}
