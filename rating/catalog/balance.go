package catalog

import (
	"ratemill/rating/decimal"
)

// Balance is something prepaid of an account, used by later charges: money, or
// units that were bought in advance or given.
type Balance struct {
	Name        string
	Unit        string    // of what it holds; empty: money
	Priority    int       // 1 is drawn first; 0: after all that have one
	Expires     Expiry    // of what comes into it; zero: never
	Rollover    *Rollover // nil: nothing is carried into the next period
	Service     string    // under this name events of type credits_purchased buy it; empty: it is not sold
	Description string    // of the line that sells it
	Tiers       []Tier    // one unit, or one of money, at the price of the tier that the purchase reaches
	TaxCategory string    // units: of what is sold
	Rule        RuleID
	Line        int // line of the catalog file
}

// Tier is a price for purchases up to a size.
type Tier struct {
	UpTo int64 // zero: the last tier, without an end
	Each decimal.Decimal
	Line int // line of the catalog file
}

// Tier is the tier that a purchase of so many reaches.
func (b *Balance) Tier(quantity int64) *Tier {
	for i := range b.Tiers {
		if t := &b.Tiers[i]; t.UpTo == 0 || quantity <= t.UpTo {
			return t
		}
	}
	return nil
}

// Balance is the balance of a name, or nil.
func (v *Version) Balance(name string) *Balance { return find(v.Balances, name, balanceName) }

// Sold is the balance that a service's credits fill, or nil.
func (v *Version) Sold(service string) *Balance {
	if service == "" {
		return nil
	}
	return find(v.Balances, service, balanceService)
}

func balanceName(b *Balance) string    { return b.Name }
func balanceService(b *Balance) string { return b.Service }

func (p *problems) balance(v *versionDraft, e entry) Balance {
	f := p.fields(e.value, "balance %q", e.key.text)
	b := Balance{Name: e.key.text}
	if b.Name == "unused_time" || b.Name == "correction_credit" {
		p.add(e.key.place, "%q is a balance that every account has: take another name", b.Name)
	}
	if unit := f.optional("unit"); unit != nil {
		b.Unit = p.text(unit, "unit")
	}
	if n := f.optional("priority"); n != nil {
		b.Priority = int(p.countUpTo(n, "priority", 1, maxPriority))
	}
	p.expiry(v, &b, f)
	if f.given("sold_as") || f.given("description") || f.given("price") {
		p.sale(v, &b, f, f.required("sold_as"), e.key.line)
	}
	b.Rule = p.rule(f)
	f.done()
	return b
}

// sale reads how a balance is bought.
func (p *problems) sale(v *versionDraft, b *Balance, f *fields, sold *node, line int) {
	b.Service, b.Line = p.text(sold, "sold_as"), line
	for i := range v.Balances {
		if sold != nil && v.Balances[i].Service == b.Service {
			p.add(sold.place, "%q is sold by balance %q already", b.Service, v.Balances[i].Name)
		}
	}
	b.Description = p.text(f.required("description"), "description")
	if n := f.required("price"); n != nil {
		price := p.fields(n, "price of balance %q", b.Name)
		b.Tiers = p.tiers(price.required("volume"), "volume")
		price.done()
	}
	if b.Unit != "" { // money is taxed as it is used
		b.TaxCategory = p.taxCategory(f)
	}
}

// tiers are prices by size: bounds ascend, and the last tier has none.
func (p *problems) tiers(n *node, what string) []Tier {
	var all []Tier
	items := p.items(n, what)
	for i, item := range items {
		f := p.fields(item, "tier of %s", what)
		t := Tier{Line: item.line}
		bound := f.optional("up_to")
		if bound != nil {
			t.UpTo = p.count(bound, "up_to", 1)
		}
		t.Each = p.money(f.required("each"), "each")
		f.done()
		last := i == len(items)-1
		switch {
		case !last && bound == nil && item.kind == object && !f.meant([]string{"up_to"}):
			p.add(item.at(), "a tier without up_to is the last: those after it are never reached")
			return nil
		case last && bound != nil:
			p.add(bound.place, "the last tier ends at %d: larger purchases would have no price; leave its up_to out", t.UpTo)
		case bound != nil && i > 0 && !p.cut && t.UpTo > 0 && t.UpTo <= all[i-1].UpTo:
			p.add(bound.place, "up_to %d is not above the tier before it (%d): nothing reaches this tier", t.UpTo, all[i-1].UpTo)
		}
		all = append(all, t)
	}
	return all
}

func (b *Balance) print() string {
	var o inline
	if b.Unit != "" {
		o.add("unit", quote(b.Unit))
	}
	if b.Priority > 0 {
		o.add("priority", wholeText(int64(b.Priority)))
	}
	if !b.Expires.Never() {
		o.add("expires", b.Expires.print())
	}
	if b.Rollover != nil {
		o.add("rollover", b.Rollover.print(b.Unit != ""))
	}
	if b.Service != "" {
		o.add("sold_as", quote(b.Service))
		o.add("description", quote(b.Description))
		o.add("price", "{volume: "+printTiers(b.Tiers)+"}")
		o.taxCategory(b.TaxCategory)
	}
	return o.rule(b.Rule)
}

func printTiers(tiers []Tier) string {
	text := "["
	for i, t := range tiers {
		var o inline
		if i > 0 {
			text += ", "
		}
		if t.UpTo > 0 {
			o.add("up_to", wholeText(t.UpTo))
		}
		o.add("each", amountText(t.Each))
		text += o.object()
	}
	return text + "]"
}
