package catalog

import (
	"regexp"
	"slices"
	"strings"

	"ratemill/rating/decimal"
	"ratemill/rating/nearest"
	"ratemill/rating/pricing"
)

// Taxes are the rates of what is sold, by where the customer is and what it is.
type Taxes struct {
	Inclusive     bool                // prices contain the taxes; else these are added
	Rounded       pricing.TaxRounding // once an invoice, or line by line
	Without       Address             // of accounts without a country; zero: they are not taxed
	ReverseCharge []string            // countries in which customers with a tax id pay the tax themselves
	Rates         []TaxRate           // in the order of their lines
}

// Address is where a customer is, as far as taxes ask.
type Address struct {
	Country string // ISO 3166, two capitals
	Region  string
}

// TaxRate is what a tax takes of a category of goods in a country or region.
type TaxRate struct {
	Tax      string // its name; of one tax only the rate that fits best is taken
	Country  string
	Region   string // empty: all of the country
	Category string // empty: all, also goods that name none
	Rate     pricing.Percent
	Rule     RuleID
	Line     int // line of the catalog file
}

// named is how much a rate's row says: more goes before less.
func (r *TaxRate) named() (n int) {
	for _, text := range []string{r.Region, r.Category} {
		if text != "" {
			n++
		}
	}
	return n
}

func (r *TaxRate) fits(at Address, category string) bool {
	return strings.EqualFold(r.Country, at.Country) && (r.Region == "" || strings.EqualFold(r.Region, at.Region)) && (r.Category == "" || r.Category == category)
}

// Of are the rates of a category at an address: one of each tax, that which
// names most.
func (t *Taxes) Of(at Address, category string) []*TaxRate {
	var best []*TaxRate
	for i := range t.Rates {
		r := &t.Rates[i]
		if !r.fits(at, category) {
			continue
		}
		j := slices.IndexFunc(best, func(b *TaxRate) bool { return b.Tax == r.Tax })
		switch {
		case j < 0:
			best = append(best, r)
		case r.named() > best[j].named():
			best[j] = r
		}
	}
	return best
}

var countryCode = regexp.MustCompile(`^[A-Z]{2}$`)

func (p *problems) country(n *node, what string) string {
	if n == nil {
		return ""
	}
	if (n.kind != plain && n.kind != quoted) || !countryCode.MatchString(n.text) {
		p.add(n.place, "%s is %s where a country code of two capitals such as DE is wanted", what, n.shown())
	}
	return n.text
}

func (p *problems) taxes(v *versionDraft, n *node) *Taxes {
	if n == nil {
		v.later = append(v.later, func(c *checker) { c.taxCategories(nil) })
		return nil
	}
	f := p.fields(n, "taxes")
	t := &Taxes{Rounded: pricing.PerInvoice}
	t.Inclusive = p.word(f.optional("prices"), "prices", "exclusive", "inclusive") == "inclusive"
	if p.word(f.optional("rounded"), "rounded", "per_invoice", "per_line") == "per_line" {
		t.Rounded = pricing.PerLine
	}
	t.Without = p.withoutAddress(f.optional("without_address"))
	if r := f.optional("reverse_charge"); r != nil {
		t.ReverseCharge = p.names(r, "reverse_charge")
		for _, item := range r.items {
			p.country(item, "reverse_charge")
		}
	}
	items := p.items(f.required("rates"), "rates")
	for _, item := range items {
		t.Rates = append(t.Rates, p.taxRate(item))
	}
	f.done()
	p.taxTies(t, items)
	v.later = append(v.later, func(c *checker) { c.taxCategories(t) })
	return t
}

func (p *problems) withoutAddress(n *node) Address {
	if n == nil || n.kind == plain && n.text == "untaxed" {
		return Address{}
	}
	if n.kind != object {
		p.add(n.place, `without_address is %s where "untaxed" or {country: DE} is wanted`, n.shown())
		return Address{}
	}
	f := p.fields(n, "without_address")
	at := Address{Country: p.country(f.required("country"), "country")}
	if r := f.optional("region"); r != nil {
		at.Region = p.text(r, "region")
	}
	f.done()
	return at
}

func (p *problems) taxRate(n *node) TaxRate {
	f := p.fields(n, "tax rate")
	r := TaxRate{Line: n.line, Tax: p.text(f.required("tax"), "tax")}
	r.Country = p.country(f.required("country"), "country")
	if region := f.optional("region"); region != nil {
		r.Region = p.text(region, "region")
	}
	if category := f.optional("category"); category != nil {
		r.Category = p.text(category, "category")
	}
	if rate := f.required("rate"); rate != nil {
		r.Rate = p.rate(rate, "rate")
		if r.Rate.Rate.GreaterThan(decimal.NewFromInt(100)) {
			p.add(rate.place, "rate %s is more than 100%%", rate.text)
		}
	}
	r.Rule = p.rule(f)
	f.done()
	return r
}

// taxTies refuses two rates of one tax of which both could be meant.
func (p *problems) taxTies(t *Taxes, items []*node) {
	for i := range t.Rates {
		for j := range t.Rates[:i] {
			a, b := &t.Rates[j], &t.Rates[i]
			if a.Tax != b.Tax || a.Country != b.Country || a.named() != b.named() {
				continue
			}
			region, clash := bothFit(a.Region, b.Region)
			category, clashes := bothFit(a.Category, b.Category)
			if clash || clashes || slices.ContainsFunc(t.Rates, func(r TaxRate) bool {
				return r.Tax == a.Tax && r.Country == a.Country && r.Region == region && r.Category == category && r.named() > a.named()
			}) {
				continue
			}
			p.add(items[i].at(), "this rate of %s ties with the one in line %d: add one for exactly what both fit, or remove one", b.Tax, a.Line)
		}
	}
}

// bothFit is what fits two words of which an empty one fits any; a clash where
// nothing does.
func bothFit(a, b string) (both string, clash bool) {
	switch {
	case a == "" || strings.EqualFold(a, b):
		return b, false
	case b == "":
		return a, false
	}
	return "", true
}

// taxCategory reads what kind of goods something is for taxes.
func (p *problems) taxCategory(f *fields) string {
	n := f.optional("tax_category")
	if n == nil {
		return ""
	}
	p.categories = append(p.categories, n)
	return p.text(n, "tax_category")
}

// taxCategories checks the categories that a version names: one that no rate
// knows is a mistake.
func (c *checker) taxCategories(t *Taxes) {
	var known []string
	if t != nil {
		for i := range t.Rates {
			if category := t.Rates[i].Category; category != "" && !slices.Contains(known, category) {
				known = append(known, category)
			}
		}
	}
	for _, use := range c.version.categories {
		if !slices.Contains(known, use.text) {
			c.add(use.place, "no tax rate of this version is for category %q%s", use.text, nearest.DidYouMean(use.text, known))
		}
	}
}

func (t *Taxes) print(w *printer) {
	if t == nil {
		return
	}
	w.line(1, "taxes:")
	if t.Inclusive {
		w.line(2, "prices: inclusive")
	}
	if t.Rounded == pricing.PerLine {
		w.line(2, "rounded: per_line")
	}
	if t.Without != (Address{}) {
		o := inline{"country: " + quote(t.Without.Country)}
		if t.Without.Region != "" {
			o.add("region", quote(t.Without.Region))
		}
		w.line(2, "without_address: %s", o.object())
	}
	if len(t.ReverseCharge) > 0 {
		w.line(2, "reverse_charge: %s", quoteAll(t.ReverseCharge))
	}
	w.line(2, "rates:")
	for i := range t.Rates {
		w.line(2, "- %s", t.Rates[i].print())
	}
}

func (r *TaxRate) print() string {
	o := inline{"tax: " + quote(r.Tax)}
	o.add("country", quote(r.Country))
	if r.Region != "" {
		o.add("region", quote(r.Region))
	}
	if r.Category != "" {
		o.add("category", quote(r.Category))
	}
	o.add("rate", r.Rate.String())
	return o.rule(r.Rule)
}

func (o *inline) taxCategory(category string) {
	if category != "" {
		o.add("tax_category", quote(category))
	}
}
