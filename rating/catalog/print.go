package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
)

// Print writes the catalog as YAML in its own language. Parsing what it wrote
// gives the same catalog, but for line numbers and the digest; comments are
// not kept. What a plan says alike for every cohort stands under "all".
func (c *Catalog) Print() string {
	all := append([]*Catalog{c}, c.others...)
	var texts []string
	for _, one := range all {
		texts = append(texts, one.printOne(all))
	}
	return together(c.Currencies(), texts)
}

// printOne writes the catalog with the prices of one currency alone, but for
// plans: what cohorts have in common is so in all currencies.
func (c *Catalog) printOne(all []*Catalog) string {
	w := &printer{all: all}
	c.printHeader(w)
	for i := range c.Versions {
		if i == 0 {
			w.line(0, "versions:")
		}
		c.printVersion(w, &c.Versions[i])
	}
	return w.String()
}

// printer writes lines, each indented by so many steps.
type printer struct {
	strings.Builder
	all []*Catalog // one a currency
}

func (w *printer) line(steps int, format string, args ...any) {
	w.WriteString(strings.Repeat("  ", steps))
	fmt.Fprintf(w, format, args...)
	w.WriteByte('\n')
}

func (c *Catalog) printHeader(w *printer) {
	w.line(0, "catalog:")
	w.line(1, "name: %s", quote(c.Name))
	w.line(1, "currency: %s", quote(c.Currency.Code))
	w.line(1, "time_zone: %s", quote(c.ZoneName))
	w.line(1, "rounding: %s", quote(string(c.Rounding)))
	w.line(1, "window: %s", durationText(c.WindowDays, "day"))
	w.line(1, "invoice_series: %s", quote(c.Series))
	for i, h := range c.Cohorts {
		if i == 0 {
			w.line(0, "cohorts:")
		}
		if h.SignedUpBefore == calendar.None {
			w.line(1, "%s: {otherwise: true}", quote(h.Name))
			continue
		}
		w.line(1, "%s: {signed_up_before: %s}", quote(h.Name), h.SignedUpBefore)
	}
	for i := range c.Meters {
		if i == 0 {
			w.line(0, "meters:")
		}
		w.line(1, "%s: %s", quote(c.Meters[i].Name), c.Meters[i].print())
	}
}

func (m *Meter) print() string {
	o := inline{"source: " + quote(m.Source)}
	switch m.Kind {
	case Sum:
		o.add(string(m.Of), quote(m.Columns[0]))
	case Latest:
		o.add("latest", quoteAll(m.Columns))
	case HighWater:
		o.add("high_water", "active_users")
	}
	if len(m.By) > 0 {
		o.add("by", quoteAll(m.By))
	}
	m.printAggregation(&o)
	if m.PerPeriod {
		o.add("reset", "period")
	}
	if m.DueNextDay {
		o.add("due", "next_day")
	}
	return o.rule(m.Rule)
}

func (c *Catalog) printVersion(w *printer, v *Version) {
	w.line(0, "- from: %s", v.From)
	w.line(1, "terms:")
	for i := range v.Terms {
		w.line(2, "%s: %s", quote(v.Terms[i].Name), v.Terms[i].print())
	}
	w.line(1, "plans:")
	c.printPlans(w, slices.IndexFunc(c.Versions, func(o Version) bool { return o.From == v.From }))
	section(w, "add_ons", v.AddOns, func(a *AddOn) { w.line(2, "%s: %s", quote(a.Name), a.print()) })
	section(w, "balances", v.Balances, func(b *Balance) { w.line(2, "%s: %s", quote(b.Name), b.print()) })
	section(w, "usage_charges", v.UsageCharges, func(u *UsageCharge) { u.print(w) })
	section(w, "price_tables", v.PriceTables, func(t *PriceTable) { t.print(w) })
	section(w, "services", v.Services, func(s *Service) { w.line(2, "%s: %s", quote(s.Name), s.print()) })
	section(w, "discounts", v.Discounts, func(d *Discount) { w.line(2, "%s: %s", quote(d.Name), d.print()) })
	v.Taxes.print(w)
	v.Proration.print(w)
	v.PlanChanges.print(w)
	v.printAccountRules(w)
	v.Guarantee.print(w)
}

// section writes a key of a version with its entries; without entries, nothing.
func section[T any](w *printer, key string, all []T, print func(*T)) {
	for i := range all {
		if i == 0 {
			w.line(1, "%s:", key)
		}
		print(&all[i])
	}
}

// planKey is one key of a plan with its value as text. Two plans agree on a
// key where the texts are the same.
type planKey struct{ key, value string }

func (p *Plan) keys() []planKey {
	base := inline{"price: " + pricesText(p.Base, p.BaseByTerm)}
	base.taxCategory(p.TaxCategory)
	keys := []planKey{{"base", base.rule(p.Rule)}}
	if p.Seats != nil {
		keys = append(keys, planKey{"seats", p.Seats.print()})
	}
	if len(p.Sells) > 0 {
		keys = append(keys, planKey{"sells", quoteAll(p.Sells)})
	}
	if p.Minimum != nil {
		keys = append(keys, planKey{"minimum_term", p.Minimum.print()})
	}
	if p.Commitment != nil {
		keys = append(keys, planKey{"commitment", p.Commitment.print()})
	}
	if len(p.Gives) > 0 {
		keys = append(keys, planKey{"gives", giftsText(p.Gives)})
	}
	for i := range p.Allowances {
		keys = append(keys, planKey{p.Allowances[i].Meter, p.Allowances[i].print()})
	}
	return keys
}

// cohortKeys is what a cohort has under a plan's name.
type cohortKeys struct {
	plan, cohort string
	keys         []planKey
}

// keysOf are a version's plans with their keys, in all currencies.
func (w *printer) keysOf(version int) []cohortKeys {
	codes := w.all[0].Currencies()
	var plans []cohortKeys
	for i := range w.all[0].Versions[version].Plans {
		p := &w.all[0].Versions[version].Plans[i]
		of := cohortKeys{p.Name, p.Cohort, p.keys()}
		for k := range of.keys {
			var texts []string
			for _, c := range w.all {
				texts = append(texts, c.Versions[version].Plans[i].keys()[k].value)
			}
			of.keys[k].value = together(codes, texts)
		}
		plans = append(plans, of)
	}
	return plans
}

// printPlans writes each name's plans together, in the order of the names.
func (c *Catalog) printPlans(w *printer, version int) {
	plans := w.keysOf(version)
	done := make(map[string]bool)
	for _, first := range plans {
		if done[first.plan] {
			continue
		}
		done[first.plan] = true
		var cohorts []cohortKeys
		for _, p := range plans {
			if p.plan == first.plan {
				cohorts = append(cohorts, p)
			}
		}
		w.line(2, "%s:", quote(first.plan))
		printPlan(w, cohorts, max(len(c.Cohorts), 1))
	}
}

// printPlan writes what the cohorts have under one plan's name. There is an
// "all" only where every cohort has the plan: it would give it to the others.
func printPlan(w *printer, cohorts []cohortKeys, ofCohorts int) {
	var common []planKey
	if len(cohorts) == ofCohorts {
		for _, k := range cohorts[0].keys {
			if !slices.ContainsFunc(cohorts, func(p cohortKeys) bool { return !slices.Contains(p.keys, k) }) {
				common = append(common, k)
			}
		}
	}
	printBody(w, all, common)
	for _, p := range cohorts {
		own := slices.DeleteFunc(p.keys, func(k planKey) bool { return slices.Contains(common, k) })
		printBody(w, p.cohort, own)
	}
}

func printBody(w *printer, cohort string, keys []planKey) {
	for i, k := range keys {
		if i == 0 {
			w.line(3, "%s:", quote(cohort))
		}
		w.line(4, "%s: %s", quote(k.key), k.value)
	}
}

func (s *Seats) print() string {
	o := inline{"meter: " + quote(s.Meter)}
	o.add("included", fmt.Sprint(s.Included))
	if s.AddOn == "" {
		o.add("above", "refuse")
	} else {
		o.add("above", "{add: "+quote(s.AddOn)+"}")
	}
	return o.rule(s.Rule)
}

func (a *Allowance) print() string {
	var o inline
	switch {
	case a.Unlimited:
		o.add("unlimited", "true")
	default:
		o.add("limit", fmt.Sprint(a.Limit))
		if a.Upgrade != "" {
			o.add("above", "{upgrade: "+quote(a.Upgrade)+"}")
		} else {
			o.add("above", "{add: "+quote(a.AddOn)+"}")
		}
	}
	return o.rule(a.Rule)
}

func (a *AddOn) print() string {
	o := inline{"line: " + quote(a.LineKind)}
	o.add("description", quote(a.Description))
	o.add("price", pricesText(a.Price, a.PriceByTerm))
	if len(a.Gives) > 0 {
		o.add("gives", giftsText(a.Gives))
	} else {
		o.add("adds", fmt.Sprint(a.Adds))
		o.add("of", quote(a.Meter))
	}
	o.add("renewal", quote(string(a.Renewal)))
	if a.ByDay {
		o.add("proration", "days")
	}
	if a.Credit {
		o.add("given_up", "credit")
	}
	o.taxCategory(a.TaxCategory)
	if a.TrialFree {
		o.add("in_trial", "free")
	}
	return o.rule(a.Rule)
}

func (u *UsageCharge) print(w *printer) {
	w.line(2, "%s:", quote(u.Meter))
	w.line(3, "description: %s", quote(u.Description))
	switch {
	case u.Table != "":
		w.line(3, "price: {table: %s}", quote(u.Table))
	case u.Column != "":
		w.line(3, "price: {column: %s}", quote(u.Column))
	case u.Counted() && u.Counting.Model != nil:
		w.line(3, "price: {%s: %s}", modelName(u.Counting.Model), modelText(u.Counting.Model))
	default:
		w.line(3, "price: {each: %s}", amountText(u.Price))
	}
	if u.TaxCategory != "" {
		w.line(3, "tax_category: %s", quote(u.TaxCategory))
	}
	if len(u.Uses) > 0 {
		w.line(3, "uses: %s", quoteAll(u.Uses))
	}
	if u.RestTo != "" {
		w.line(3, "minimum: {charge: %s, rest_to: %s}", amountText(u.Minimum), quote(u.RestTo))
	}
	if u.Counted() {
		u.Counting.print(w)
	}
	w.line(3, "rule: %s", quote(string(u.Rule)))
}

func (t *PriceTable) print(w *printer) {
	w.line(2, "%s:", quote(t.Name))
	w.line(3, "columns: %s", quoteAll(t.Columns))
	w.line(3, "rows:")
	for _, r := range t.Rows {
		w.line(3, "- {match: %s, %s}", quoteAll(r.Match), r.printPrice())
	}
	w.line(3, "rule: %s", quote(string(t.Rule)))
}

// inline is an object on one line.
type inline []string

func (o *inline) add(key, value string) { *o = append(*o, key+": "+value) }

// rule adds the rule, which ends each construct, and is the object's text.
func (o inline) rule(id RuleID) string {
	o.add("rule", quote(string(id)))
	return o.object()
}

func (o inline) object() string { return "{" + strings.Join(o, ", ") + "}" }

func wholeText(n int64) string { return strconv.FormatInt(n, 10) }

// number is a decimal with all digits that it was written with: 10.00 keeps
// its zeros.
func number(d decimal.Decimal) string {
	return d.StringFixed(max(0, -d.Exponent()))
}

func durationText(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// bare are the texts that need no quotes wherever they stand: words of
// letters, digits and a few signs, not numbers.
var bare = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_/-]*( [A-Za-z0-9_/-]+)*$`)

// notBare are the words that YAML, old or new, takes for something else.
var notBare = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}

// quote is a text as YAML, in quotes where it needs them.
func quote(s string) string {
	if bare.MatchString(s) && !slices.Contains(notBare, strings.ToLower(s)) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func quoteAll(all []string) string {
	var quoted []string
	for _, s := range all {
		quoted = append(quoted, quote(s))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
