package catalog

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// TestPrintGenerated prints and parses catalogs with any names, digits and
// shapes that the language allows.
func TestPrintGenerated(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		printsAndParsesBack(rt, generate(rt))
	})
}

// names are texts of every kind that the language takes, also such as YAML
// would read as something else.
var names = rapid.OneOf(
	rapid.StringMatching(`[a-z][a-z_]{0,8}`),
	rapid.SampledFrom([]string{"no", "NULL", "~", "true", "012", "1e3", ".inf", "-", "- a", "a: b", "a #b", "#", "&a", "*", "!t", "%",
		"{", "]", "'", `"`, `\`, `\n`, `a\`, "a,b", "é", "日本", "2024-01-01", "<<", "?", "? a", "|", ">", "@", "`", "---", "...", "=", "base", "seats"}),
	rapid.StringOfN(rapid.RuneFrom([]rune(`abZ09 _-'"\:#,[]{}&*!|>%@é€😀`)), 1, 12, -1),
).Filter(func(s string) bool { return badText(s) == "" && s != all })

// generator draws parts of a catalog.
type generator struct {
	*rapid.T
	catalog *Catalog
}

func generate(t *rapid.T) *Catalog {
	g := generator{t, &Catalog{
		Name:       names.Draw(t, "name"),
		ZoneName:   rapid.SampledFrom([]string{"UTC", "America/Los_Angeles", "Etc/GMT+5"}).Draw(t, "zone"),
		Rounding:   rapid.SampledFrom(money.Roundings).Draw(t, "rounding"),
		WindowDays: rapid.IntRange(1, maxWindowDays).Draw(t, "window"),
		Series:     names.Draw(t, "series"),
	}}
	var err error
	g.catalog.Currency, err = money.LookupCurrency(rapid.SampledFrom([]string{"USD", "JPY", "BHD"}).Draw(t, "currency"))
	if err != nil {
		t.Fatal(err)
	}
	g.cohorts()
	for _, name := range g.some("meters", 1, 4) {
		g.catalog.Meters = append(g.catalog.Meters, g.meter(name))
	}
	from := calendar.Date(2000, 1, 1)
	for range rapid.IntRange(1, 2).Draw(t, "versions") {
		from += calendar.Day(rapid.IntRange(1, 5000).Draw(t, "from"))
		g.catalog.Versions = append(g.catalog.Versions, g.version(from))
	}
	return g.catalog
}

// some draws different names.
func (g generator) some(what string, least, most int) []string {
	return rapid.SliceOfNDistinct(names, least, most, rapid.ID[string]).Draw(g.T, what)
}

func (g generator) yes(what string) bool { return rapid.Bool().Draw(g.T, what) }

func (g generator) rule() RuleID { return RuleID(names.Draw(g.T, "rule")) }

func (g generator) count(least int64) int64 {
	return rapid.Int64Min(least).Draw(g.T, "count")
}

func (g generator) price() decimal.Decimal {
	text := rapid.StringMatching(`(0|[1-9][0-9]{0,12})(\.[0-9]{1,18})?`).Draw(g.T, "price")
	d, err := decimal.NewFromString(text)
	if err != nil {
		g.Fatal(err)
	}
	return d
}

func (g generator) cohorts() {
	if !g.yes("cohorts") {
		return
	}
	all := g.some("cohorts", 1, 3)
	rest := rapid.IntRange(0, len(all)-1).Draw(g.T, "otherwise")
	before := calendar.Date(2010, 1, 1)
	for i, name := range all {
		c := Cohort{Name: name}
		if i != rest {
			before += 100
			c.SignedUpBefore = before
		}
		g.catalog.Cohorts = append(g.catalog.Cohorts, c)
	}
}

func (g generator) meter(name string) Meter {
	m := Meter{
		Name:       name,
		Source:     names.Draw(g.T, "source"),
		Kind:       rapid.SampledFrom([]MeterKind{Sum, Latest, HighWater}).Draw(g.T, "kind"),
		DueNextDay: g.yes("due"),
		Rule:       g.rule(),
	}
	switch m.Kind {
	case Sum:
		m.Columns = g.some("sum", 1, 1)
		if g.yes("by") {
			m.By = g.some("by", 1, 3)
		}
		m.PerPeriod = true // else it could have no allowance
		m.OneByOne = g.yes("one by one")
		m.Of = rapid.SampledFrom([]Of{SumOf, CountOf, UniqueOf, WeightedOf, ActiveOf}).Draw(g.T, "of")
		g.aggregation(&m)
	case Latest:
		m.Columns = g.some("latest", 1, 2)
	case HighWater:
		m.PerPeriod = g.yes("reset")
	}
	return m
}

// aggregation draws what is particular to what a meter makes of its column.
func (g generator) aggregation(m *Meter) {
	switch m.Of {
	case UniqueOf:
		m.OneByOne, m.PerPeriod = false, g.yes("reset")
	case WeightedOf:
		m.OneByOne, m.PerPeriod, m.ByDay = true, g.yes("reset"), g.yes("holds")
	case ActiveOf:
		m.OneByOne, m.PerPeriod = true, g.yes("reset")
		if g.yes("action") {
			m.Action = names.Draw(g.T, "action column")
		}
		m.Measure = rapid.SampledFrom([]Measure{AtEnd, AnyTime, Highest, TimeWeighted}).Draw(g.T, "measure")
		m.ByDay = m.Measure == TimeWeighted && g.yes("holds")
	}
}

func (g generator) version(from calendar.Day) Version {
	v := Version{From: from}
	for _, name := range g.some("terms", 1, 2) {
		v.Terms = append(v.Terms, g.term(name))
	}
	for _, name := range g.some("add-ons", 0, 3) {
		a := g.addOn(name)
		if a.PriceByTerm = g.byTerm(&v); a.PriceByTerm != nil {
			a.Price = decimal.Decimal{}
		}
		v.AddOns = append(v.AddOns, a)
	}
	if g.yes("balances") {
		for _, name := range g.some("balances", 1, 3) {
			v.Balances = append(v.Balances, g.balance(name))
		}
	}
	for i := range g.catalog.Meters {
		if m := &g.catalog.Meters[i]; m.Kind == Sum && g.yes("charged") {
			g.charge(&v, m)
		}
	}
	if gives := g.gifts(&v, false); gives != nil && g.yes("pack") {
		pack := AddOn{Name: "pack that gives", LineKind: "package", Description: names.Draw(g.T, "description"), Price: g.price(), Gives: gives, Renewal: Subscribed, Rule: g.rule()}
		v.AddOns = append(v.AddOns, pack)
	}
	g.plans(&v)
	g.life(&v)
	return v
}

func (g generator) addOn(name string) AddOn {
	m := rapid.SampledFrom(g.catalog.Meters).Draw(g.T, "of")
	a := AddOn{
		Name:        name,
		LineKind:    rapid.SampledFrom([]string{"seat", "package"}).Draw(g.T, "line"),
		Description: names.Draw(g.T, "description"),
		Price:       g.price(),
		Adds:        1,
		Meter:       m.Name,
		Renewal:     rapid.SampledFrom([]Renewal{WhileNeeded, Never}).Draw(g.T, "renewal"),
		ByDay:       g.yes("proration"),
		Credit:      g.yes("given_up"),
		TrialFree:   g.yes("in_trial"),
		Rule:        g.rule(),
	}
	if a.LineKind == "package" {
		a.Adds = g.count(1)
	}
	return a
}

func (g generator) charge(v *Version, m *Meter) {
	u := UsageCharge{Meter: m.Name, Description: names.Draw(g.T, "description"), Rule: g.rule()}
	var units, money []string
	for _, b := range v.Balances {
		if b.Unit != "" {
			units = append(units, b.Name)
		} else {
			money = append(money, b.Name)
		}
	}
	u.Uses = append(units, money...)
	if m.Level() {
		u.Uses = money // units pay for what is summed
	}
	if len(money) > 0 && g.yes("minimum") {
		u.RestTo = rapid.SampledFrom(money).Draw(g.T, "rest_to")
		u.Minimum = decimal.New(rapid.Int64Range(1, 1e12).Draw(g.T, "minimum"), -g.catalog.Currency.Minor)
	}
	switch {
	case len(m.By) == 0 || m.Running():
		u.Price = g.price()
	case g.yes("price on the event"):
		u.Column = rapid.SampledFrom(m.By).Draw(g.T, "column")
	default:
		u.Table = fmt.Sprintf("table %d", len(v.PriceTables))
		v.PriceTables = append(v.PriceTables, g.table(u.Table, m, len(units) == 0))
	}
	g.counting(v, &u, m)
	v.UsageCharges = append(v.UsageCharges, u)
}

// counting draws how a charge counts: with a model of any name, or a unit, or
// neither. Where units pay or a price is looked up, there is no model.
func (g generator) counting(v *Version, u *UsageCharge, m *Meter) {
	modeled := u.Table != "" && v.Table(u.Table).modeled()
	if slices.ContainsFunc(u.Uses, func(name string) bool { return v.Balance(name).Unit != "" }) || !m.Level() && !modeled && g.yes("not counted") {
		return
	}
	c := &Counting{Charged: Daily, Over: rapid.SampledFrom([]Over{OverDay, OverPeriod, OverLife}).Draw(g.T, "over")}
	if m.Running() {
		c.Over = OverPeriod
	}
	if c.Over == OverPeriod && (m.Running() || g.yes("in arrears")) {
		c.Charged = PeriodEnd
	}
	if u.Table == "" && u.Column == "" && g.yes("model") {
		c.Model, u.Price = g.model(m), decimal.Decimal{}
		c.PerTier = c.Charged == PeriodEnd && tiered(c.Model) && !m.Mean()
	}
	if g.yes("unit") {
		c.Unit = pricing.Unit{Rows: "together", DivideBy: g.above0(), Rounding: rapid.SampledFrom([]pricing.UnitRounding{"none", "up", "half_even"}).Draw(g.T, "round")}
		if c.Unit.Rounding != pricing.NotRounded {
			c.Unit.To = g.above0()
			if m.OneByOne && g.yes("each row") {
				c.Unit.Rows = pricing.EachRow
			}
		}
	}
	if len(m.By) > 0 && g.yes("per") {
		c.Per = m.By[:1]
	}
	if c.Over == OverPeriod && g.yes("spend") {
		c.Spend = &Spend{Least: decimal.New(rapid.Int64Range(1, 100).Draw(g.T, "least"), 0), Prorated: g.yes("prorated")}
		c.Spend.Most = c.Spend.Least.Add(decimal.New(5, 0))
	}
	if modeled || c.Model != nil || c.Over != OverDay || c.Unit != (pricing.Unit{}) || c.Per != nil || m.Level() {
		u.Counting = c
	}
}

func (g generator) above0() decimal.Decimal { return g.price().Add(decimal.New(1, 0)) }

// or is a figure or nothing.
func (g generator) or(d decimal.Decimal) decimal.Decimal {
	if d.IsZero() || g.yes("left out") {
		return decimal.Decimal{}
	}
	return d
}

func (g generator) model(m *Meter) pricing.Model {
	zero := rapid.SampledFrom([]pricing.AtZero{pricing.NothingAtZero, pricing.FlatAtZero}).Draw(g.T, "at_zero")
	switch rapid.SampledFrom(pricing.Names()[1:]).Draw(g.T, "model") {
	case "flat":
		return &pricing.Flat{Flat: g.price()}
	case "graduated":
		return &pricing.Graduated{Tiers: g.tiers(), AtZero: zero}
	case "volume":
		return &pricing.Volume{Tiers: g.tiers(), AtZero: zero}
	case "stairstep":
		s := &pricing.Stairstep{AtZero: zero}
		for _, t := range g.tiers() {
			s.Steps = append(s.Steps, pricing.Step{UpTo: t.UpTo, Below: t.Below, Flat: g.price()})
		}
		return s
	case "package":
		return &pricing.Package{Of: g.above0(), Each: g.price(), Free: g.or(g.price()), Block: rapid.SampledFrom([]pricing.Block{pricing.Started, pricing.Full}).Draw(g.T, "block")}
	case "graduated_percentage":
		s := &pricing.GraduatedPercentage{AtZero: zero}
		for _, t := range g.tiers() {
			s.Tiers = append(s.Tiers, pricing.PercentTier{UpTo: t.UpTo, Below: t.Below, Rate: pricing.Percent{Rate: t.Each}, Flat: t.Flat})
		}
		return s
	}
	p := &pricing.Percentage{Rate: pricing.Percent{Rate: g.price()}, Fixed: g.or(g.price())}
	if m.OneByOne && !m.Level() {
		p.FreeEvents, p.FreeAmount, p.Min = rapid.Int64Range(0, 9).Draw(g.T, "free_events"), g.or(g.price()), g.or(g.price())
		p.Max = g.or(p.Min.Add(decimal.New(1, 0)))
	}
	return p
}

// tiers draws tiers whose bounds ascend, the last without one.
func (g generator) tiers() []pricing.Tier {
	var tiers []pricing.Tier
	bound := int64(0)
	for range rapid.IntRange(0, 3).Draw(g.T, "tiers") {
		t := g.tier()
		bound += rapid.Int64Range(1, 1e6).Draw(g.T, "bound")
		if g.yes("below") {
			t.Below = decimal.New(bound, -2)
		} else {
			t.UpTo = decimal.New(bound, -2)
		}
		tiers = append(tiers, t)
	}
	return append(tiers, g.tier())
}

func (g generator) tier() pricing.Tier {
	t := pricing.Tier{Each: g.or(g.price()), Flat: g.or(g.price())}
	if !t.Each.IsZero() {
		t.Of = g.or(g.above0())
	}
	return t
}

// table draws rows that name the first few columns each, so that none tie.
// Rows have models where the charge may count.
func (g generator) table(name string, m *Meter, models bool) PriceTable {
	columns := m.By
	t := PriceTable{Name: name, Columns: columns, Rule: g.rule()}
	for range rapid.IntRange(1, 5).Draw(g.T, "rows") {
		match := slices.Repeat([]string{"*"}, len(columns))
		for i := range rapid.IntRange(0, len(columns)).Draw(g.T, "named") {
			match[i] = names.Filter(func(s string) bool { return s != "*" }).Draw(g.T, "match")
		}
		if !slices.ContainsFunc(t.Rows, func(r PriceRow) bool { return slices.Equal(r.Match, match) }) {
			row := PriceRow{Match: match, Price: g.price()}
			if models && g.yes("row model") {
				row.Price, row.Model = decimal.Decimal{}, g.model(m)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

// plans draws each plan for some of the cohorts. Upgrades go to plans drawn
// before, so that ladders end.
func (g generator) plans(v *Version) {
	cohorts := []string{""}
	if len(g.catalog.Cohorts) > 0 {
		cohorts = nil
		for _, c := range g.catalog.Cohorts {
			cohorts = append(cohorts, c.Name)
		}
	}
	for _, name := range g.some("plans", 1, 4) {
		only := rapid.SampledFrom(cohorts).Draw(g.T, "cohort")
		alike := g.yes("alike")
		var first *Plan
		for _, cohort := range cohorts {
			if cohort != only && g.yes("not for the cohort") {
				continue
			}
			p := g.plan(v, name, cohort)
			if alike && first != nil {
				p.Base, p.BaseByTerm, p.Rule, p.Seats = first.Base, first.BaseByTerm, first.Rule, first.Seats
			}
			v.Plans = append(v.Plans, p)
			first = &p
		}
	}
}

func (g generator) plan(v *Version, name, cohort string) Plan {
	p := Plan{Name: name, Cohort: cohort, Base: g.price(), Rule: g.rule()}
	if p.BaseByTerm = g.byTerm(v); p.BaseByTerm != nil {
		p.Base = decimal.Decimal{}
	}
	for i := range g.catalog.Meters {
		m := &g.catalog.Meters[i]
		if m.Kind == HighWater {
			p.Seats = &Seats{Meter: m.Name, Included: g.count(0), AddOn: g.sold(v, m, "seat"), Rule: g.rule()}
			continue
		}
		priced := slices.ContainsFunc(v.UsageCharges, func(u UsageCharge) bool { return u.Meter == m.Name })
		if slices.Contains(planWords, m.Name) || priced || m.Level() || g.yes("no allowance") {
			continue
		}
		p.Allowances = append(p.Allowances, g.allowance(v, m, cohort))
	}
	p.Gives = g.gifts(v, true)
	if slices.ContainsFunc(v.AddOns, func(a AddOn) bool { return len(a.Gives) > 0 }) {
		p.Sells = []string{"pack that gives"}
	}
	if g.yes("commitment") {
		p.Commitment = &Commitment{Of: []string{"usage", "seat"}, Least: decimal.New(rapid.Int64Range(1, 100).Draw(g.T, "least"), 0), Prorated: g.yes("prorated"), Rule: g.rule()}
		if g.yes("most") {
			p.Commitment.Most = p.Commitment.Least.Add(decimal.New(5, 0))
		}
		if g.yes("of meters") {
			p.Commitment.Meters = []string{g.catalog.Meters[0].Name}
		}
	}
	if g.yes("minimum term") {
		p.Minimum = &MinimumTerm{g.cycle(), g.rule()}
	}
	return p
}

func (g generator) allowance(v *Version, m *Meter, cohort string) Allowance {
	a := Allowance{Meter: m.Name, Rule: g.rule()}
	var targets []string
	for i := range v.Plans {
		p := &v.Plans[i]
		above := p.Allowance(m.Name)
		if p.Cohort == cohort && m.Kind == Latest && above != nil && (above.Unlimited || above.Limit > 0) {
			targets = append(targets, p.Name)
		}
	}
	addOn := g.sold(v, m, "package")
	switch {
	case len(targets) > 0 && g.yes("upgrade"):
		a.Upgrade, a.Limit = g.rung(v, m, cohort, targets)
	case addOn != "":
		a.AddOn, a.Limit = addOn, g.count(0)
	default:
		a.Unlimited = true
	}
	return a
}

// rung draws the plan that an account climbs to, and a limit below that plan's.
func (g generator) rung(v *Version, m *Meter, cohort string, targets []string) (string, int64) {
	to := rapid.SampledFrom(targets).Draw(g.T, "upgrade to")
	above := v.Plan(to, cohort).Allowance(m.Name)
	if above.Unlimited {
		return to, g.count(0)
	}
	return to, rapid.Int64Range(0, above.Limit-1).Draw(g.T, "limit")
}

// sold is an add-on for a meter, or empty.
func (g generator) sold(v *Version, m *Meter, lineKind string) string {
	for _, a := range v.AddOns {
		if a.Meter == m.Name && a.LineKind == lineKind && g.yes("sold") {
			return a.Name
		}
	}
	return ""
}

// TestTies compares the search for ties with trying out every value: a table
// is refused exactly where some values have no single most specific row.
func TestTies(t *testing.T) {
	values := []string{"a", "b", "c", ""} // c and the absent value are in no row
	rapid.Check(t, func(rt *rapid.T) {
		match := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "*", "*"}), 4, 4)
		var table tableDraft
		table.Columns = []string{"w", "x", "y", "z"}
		for i, m := range rapid.SliceOfN(match, 1, 12).Draw(rt, "rows") {
			table.Rows = append(table.Rows, PriceRow{Match: m, Line: i + 1})
			table.rows = append(table.rows, &node{place: place{i + 1, 1}})
		}
		p := &problems{}
		p.checkTable(&table)
		tied := ""
		for usage := range tuples(values, 4) {
			if mostSpecific(table.Rows, usage) > 1 {
				tied = strings.Join(usage, ",")
			}
		}
		if (tied != "") != (len(p.Found) > 0) {
			rt.Fatalf("ties at %q, reported: %v", tied, p.Found)
		}
	})
}

// tuples are all lists of so many of the values.
func tuples(values []string, n int) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		total := 1
		for range n {
			total *= len(values)
		}
		for i := range total {
			tuple := make([]string, n)
			for j := range n {
				tuple[j] = values[i%len(values)]
				i /= len(values)
			}
			if !yield(tuple) {
				return
			}
		}
	}
}

// mostSpecific is how many rows fit the values and name most columns.
func mostSpecific(rows []PriceRow, values []string) int {
	most, n := -1, 0
	for i := range rows {
		switch named := fits(&rows[i], values); {
		case named < 0 || named < most:
		case named > most:
			most, n = named, 1
		default:
			n++
		}
	}
	return n
}

// FuzzParse: no text makes Parse panic, an error has a place, and a text that
// parses prints and parses back equal.
func FuzzParse(f *testing.F) {
	f.Add(marketing(f))
	f.Add("a: [b, {c: \"d\"}]\n- e")
	f.Add("catalog: {name: x}\nmeters: {m: {source: s, sum: q, rule: R}}\nversions: [{from: 2020-01-01}]")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("fuzz.yaml", []byte(text))
		if err == nil {
			printsAndParsesBack(t, c)
			return
		}
		for _, e := range err.(Errors) {
			if e.Line < 1 || e.Column < 1 || e.Message == "" {
				t.Errorf("%+v", e)
			}
		}
		_ = err.Error()
	})
}

// FuzzPlaces: in a text that is YAML, the library's lines and columns are
// right. A caret below the wrong word is worse than none.
func FuzzPlaces(f *testing.F) {
	f.Add(marketing(f))
	f.Add("a: \"é\\\"x\" # c\r\n\r\n# d\r\nb: [1,\n\n 2, 'c''d', x y]\n\nc:\n- {\n f: g}")
	f.Fuzz(func(t *testing.T, text string) {
		p := &problems{}
		if root := p.read([]byte(text)); root != nil && p.Found == nil {
			checkPlaces(t, p.Lines, root)
		}
	})
}

// checkPlaces looks for each scalar's first character in the text.
func checkPlaces(t *testing.T, lines []string, n *node) {
	want := map[nodeKind]string{plain: n.text, quoted: n.text[:0]}[n.kind]
	if n.line > len(lines) || !strings.HasPrefix(from(lines[n.line-1], n.column), want) {
		t.Errorf("%q is not at %v of %q", n.text, n.place, lines)
	}
	if rest := from(lines[n.line-1], n.column); n.kind == quoted && (rest == "" || !strings.ContainsAny(rest[:1], `"'`)) {
		t.Errorf("no quote for %q at %v of %q", n.text, n.place, lines)
	}
	for _, e := range n.entries {
		checkPlaces(t, lines, e.key)
		checkPlaces(t, lines, e.value)
	}
	for _, item := range n.items {
		checkPlaces(t, lines, item)
	}
}

// from is the rest of a line from a column.
func from(line string, column int) string {
	runes := []rune(line)
	return string(runes[min(column-1, len(runes)):])
}
