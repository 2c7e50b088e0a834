package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"ratemill/rating/calendar"
	"ratemill/rating/money"
	"ratemill/rating/nearest"
)

// MeterCheck tells what is wrong with a meter that only its source can know.
type MeterCheck func(m *Meter) []MeterFault

// MeterFault is what is wrong with a meter, and the word of it that it is about.
type MeterFault struct{ Word, What string }

// Parse reads a catalog. The name is the file's, for messages. The error is an
// Errors: everything wrong that one reading can find, with what the checks find.
func Parse(name string, text []byte, checks ...MeterCheck) (*Catalog, error) {
	p := &problems{checks: checks}
	p.File = name
	root := p.read(text)
	if root == nil {
		return nil, p.Err()
	}
	whole := p.Found == nil // else names may be missing that the author thinks are there
	p.cut = !whole
	d := p.draft(root)
	if whole && p.misplaced == nil {
		p.check(d)
	}
	if p.Found != nil {
		return nil, p.Err()
	}
	c := d.compile()
	if c.others = p.inOthers(root); p.Found != nil {
		return nil, p.Err()
	}
	sum := sha256.Sum256(text)
	c.Digest = hex.EncodeToString(sum[:])
	for _, other := range c.others {
		other.Digest = c.Digest
	}
	return c, nil
}

// draft is a catalog as written: names are not resolved, plans not yet made
// for each cohort. Where check needs the place of a word, its node is beside
// what was read of it; the node is nil where the word is missing.
type draft struct {
	Catalog  // all but Versions and Digest
	versions []versionDraft
}

type versionDraft struct {
	from       *node
	Version    // all but Plans, AddOns, UsageCharges and PriceTables
	plans      []planDraft
	addOns     []addOnDraft
	charges    []chargeDraft
	tables     []tableDraft
	terms      []entry          // of Terms
	categories []*node          // of taxes
	later      []func(*checker) // what constructs want checked once the version is read
}

type planDraft struct {
	key    *node
	bodies []planBody
}

// planBody is what a plan says under "all" or under a cohort's name.
type planBody struct {
	cohort     string // or "all"
	base       *baseDraft
	seats      *seatsDraft
	allowances []allowanceDraft
	Sells      []string
	sells      []*node
	minimum    *MinimumTerm
	commitment *commitmentDraft
	gives      []giftDraft
}

type baseDraft struct {
	prices pricesDraft
	rule   RuleID
	taxed  string
}

type seatsDraft struct {
	Seats
	meter, addOn *node
}

type allowanceDraft struct {
	Allowance
	key, limit, upgrade, addOn *node
}

type addOnDraft struct {
	AddOn
	meter, adds *node
	prices      pricesDraft
	gives       []giftDraft
}

type chargeDraft struct {
	UsageCharge
	key, table, column, minimum, restTo *node
	uses                                []*node
	counting                            *countingDraft
	overDay                             bool // it says so
}

type tableDraft struct {
	PriceTable
	rows []*node
}

func (p *problems) draft(root *node) *draft {
	d := &draft{}
	f := p.fields(root, "the catalog")
	p.header(d, f.required("catalog"))
	p.cohorts(d, f.optional("cohorts"))
	p.meters(d, f.optional("meters"))
	for _, n := range p.items(f.required("versions"), "versions") {
		d.versions = append(d.versions, p.version(d, n))
	}
	f.done()
	return d
}

func (p *problems) header(d *draft, n *node) {
	if n == nil {
		return
	}
	f := p.fields(n, "catalog")
	d.Name = p.text(f.required("name"), "name")
	if c := f.required("currency"); c != nil {
		var err error
		if d.Currency, err = money.LookupCurrency(p.text(c, "currency")); err != nil {
			p.add(c.place, "currency: %s%s", err, nearest.DidYouMean(c.text, money.Codes()))
		}
		p.home = d.Currency.Code
		if p.in == "" {
			p.in = p.home
		} else {
			d.Currency, _ = money.LookupCurrency(p.in)
		}
	}
	if z := f.required("time_zone"); z != nil {
		var err error
		d.ZoneName = p.text(z, "time_zone")
		if d.Zone, err = calendar.LoadZone(d.ZoneName); err != nil {
			p.add(z.place, "time_zone: %s", err)
		}
	}
	d.Rounding = money.Rounding(p.word(f.required("rounding"), "rounding", roundings()...))
	window := f.required("window")
	if d.WindowDays = p.days(window, "window"); d.WindowDays > maxWindowDays {
		p.add(window.place, "window is %d days, the most is %d", d.WindowDays, maxWindowDays)
	}
	d.Series = p.text(f.required("invoice_series"), "invoice_series")
	f.done()
}

func roundings() []string {
	var all []string
	for _, r := range money.Roundings {
		all = append(all, string(r))
	}
	return all
}

func (p *problems) cohorts(d *draft, n *node) {
	var rest *node
	latest := calendar.None
	for _, e := range p.entries(n, "cohorts") {
		c := Cohort{Name: e.key.text}
		if c.Name == all {
			p.add(e.key.place, "a cohort cannot be called %q: plans use that word for every cohort", all)
		}
		f := p.fields(e.value, "cohort %q", c.Name)
		switch key, v := f.oneOf("signed_up_before", "otherwise"); key {
		case "signed_up_before":
			c.SignedUpBefore = p.date(v, key)
			if c.SignedUpBefore != calendar.None && c.SignedUpBefore <= latest && latest != calendar.None {
				p.add(v.place, "signed_up_before %s is not after the cohort before it (%s): no account would be in it", c.SignedUpBefore, latest)
			}
			latest = c.SignedUpBefore
		case "otherwise":
			if p.isTrue(v, key) && rest != nil {
				p.add(e.key.place, "cohort %q is a second one with otherwise: true (first in line %d)", c.Name, rest.line)
			}
			rest = e.key
		}
		f.done()
		d.Cohorts = append(d.Cohorts, c)
	}
	if len(d.Cohorts) > 0 && rest == nil {
		p.add(n.keyPlace(), "no cohort has otherwise: true: some accounts would be in none")
	}
}

func (p *problems) meters(d *draft, n *node) {
	for _, e := range p.entries(n, "meters") {
		before := len(p.Found)
		d.Meters = append(d.Meters, p.meter(e))
		if len(p.Found) > before {
			continue // its source would be asked for what is not meant
		}
		for _, check := range p.checks {
			for _, wrong := range check(&d.Meters[len(d.Meters)-1]) {
				p.add(e.placeOf(wrong.Word), "meter %q: %s", e.key.text, wrong.What)
			}
		}
	}
}

// placeOf is where a word stands among an entry's values, or the entry's key.
func (e entry) placeOf(word string) place {
	for _, of := range e.value.entries {
		for _, n := range append([]*node{of.value}, of.value.items...) {
			if (n.kind == plain || n.kind == quoted) && n.text == word {
				return n.place
			}
		}
	}
	return e.key.place
}

func (p *problems) meter(e entry) Meter {
	m := Meter{Name: e.key.text, DefinedLine: e.key.line}
	f := p.fields(e.value, "meter %q", m.Name)
	m.Source = p.text(f.required("source"), "source")
	kind, value := f.oneOf(string(Sum), string(Latest), string(HighWater), string(CountOf), string(MaxOf), string(LastValue),
		string(UniqueOf), string(WeightedOf), string(ActiveOf))
	m.Kind = MeterKind(kind)
	switch of := Of(kind); of {
	case SumOf, CountOf, MaxOf, LastValue, UniqueOf, WeightedOf, ActiveOf:
		m.Kind, m.Of = Sum, of
	}
	if kind != "" {
		f.what = fmt.Sprintf("%s meter %q", kind, m.Name) // the keys depend on it
	}
	switch m.Kind {
	case Sum:
		m.Columns = []string{p.text(value, kind)}
		if by := f.optional("by"); by != nil {
			m.By = p.names(by, "by")
		}
		p.aggregation(&m, f)
	case Latest:
		m.Columns = p.names(value, kind)
	case HighWater:
		p.word(value, kind, "active_users")
	}
	if m.Kind != Latest { // a reading is not a count that could start at zero
		m.PerPeriod = p.word(f.optional("reset"), "reset", "period") != ""
	}
	m.DueNextDay = p.word(f.optional("due"), "due", "same_day", "next_day") == "next_day"
	m.Rule = p.rule(f)
	f.done()
	return m
}

// rule is the id that stands on every line that a construct makes.
func (p *problems) rule(f *fields) RuleID {
	return RuleID(p.text(f.required("rule"), "rule"))
}
