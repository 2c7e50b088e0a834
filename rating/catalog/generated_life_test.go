package catalog

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"ratemill/rating/decimal"
	"ratemill/rating/pricing"
)

func (g generator) cycle() Cycle {
	n := rapid.IntRange(1, 9999).Draw(g.T, "length")
	if g.yes("in months") {
		return Cycle{Months: n}
	}
	return Cycle{Days: n}
}

func (g generator) term(name string) Term {
	t := Term{Name: name, Period: g.cycle(), BasePrices: g.price().Add(decimal.New(1, 0)), Rule: g.rule()}
	periods := rapid.IntRange(1, 3).Draw(g.T, "periods")
	t.BaseEvery = Cycle{Days: min(t.Period.Days*periods, 9999), Months: min(t.Period.Months*periods, 9999)}
	if !t.BaseEvery.holds(t.Period) {
		t.BaseEvery = t.Period
	}
	t.Arrears = g.yes("in arrears")
	if g.yes("additions") {
		t.Additions = &Additions{NextInvoice: g.yes("next invoice"), Rule: g.rule()}
	}
	if g.yes("methods") {
		t.Methods = g.some("methods", 1, 2)
	}
	t.FromAccountDay = rapid.SampledFrom([]int{0, 1, 90, maxWindowDays}).Draw(g.T, "from_account_day")
	t.ApprovedSignUp = g.yes("approval at sign-up")
	t.DropsOffers = t.ApprovedSignUp && g.yes("drops offers")
	t.ApprovedPlanMove = g.yes("approval of plan changes")
	return t
}

// byTerm draws a price for each term of a version, or none.
func (g generator) byTerm(v *Version) []TermPrice {
	if !g.yes("by term") {
		return nil
	}
	var all []TermPrice
	for _, t := range v.Terms {
		all = append(all, TermPrice{t.Name, g.price()})
	}
	return all
}

func (g generator) balance(name string) Balance {
	b := Balance{Name: name, Rule: g.rule(), Priority: rapid.IntRange(0, maxPriority).Draw(g.T, "priority")}
	if g.yes("units") {
		b.Unit = names.Draw(g.T, "unit")
	}
	switch rapid.IntRange(0, 2).Draw(g.T, "expires") {
	case 1:
		b.Expires.After = g.cycle()
	case 2:
		b.Expires.PeriodEnd = true
		if g.yes("rollover") {
			b.Rollover = &Rollover{AtMost: decimal.New(rapid.Int64Range(10, 1e6).Draw(g.T, "at_most"), 0)}
			b.Rollover.AtLeast = g.or(decimal.New(rapid.Int64Range(1, 10).Draw(g.T, "at_least"), 0))
		}
	}
	if g.yes("sold") {
		b.Service, b.Description = "sold as "+name, names.Draw(g.T, "description")
		for i := range rapid.IntRange(0, 3).Draw(g.T, "tiers") {
			b.Tiers = append(b.Tiers, Tier{UpTo: int64(i+1) * 100, Each: g.price()})
		}
		b.Tiers = append(b.Tiers, Tier{Each: g.price()})
	}
	return b
}

// gifts draws what is put into balances that a charge uses.
func (g generator) gifts(v *Version, ofPlan bool) []Gift {
	var all []Gift
	for i := range v.Balances {
		b := &v.Balances[i]
		used := slices.ContainsFunc(v.UsageCharges, func(u UsageCharge) bool { return slices.Contains(u.Uses, b.Name) })
		if !used || g.yes("not given") {
			continue
		}
		gift := Gift{Balance: b.Name}
		if b.Unit != "" {
			gift.Units = rapid.Int64Range(1, maxUnits).Draw(g.T, "units")
		} else {
			gift.Amount = decimal.New(rapid.Int64Range(1, 1e12).Draw(g.T, "amount"), -g.catalog.Currency.Minor)
		}
		if ofPlan {
			gift.AtSignUp, gift.NotInTrial = g.yes("at sign-up"), g.yes("not in trial")
			if g.yes("offer") {
				gift.Offer = names.Draw(g.T, "offer")
			}
		}
		all = append(all, gift)
	}
	return all
}

func (g generator) percent() decimal.Decimal {
	return decimal.New(rapid.Int64Range(1, 10000).Draw(g.T, "percent"), -2)
}

func (g generator) lineKinds(among []string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(among), 1, 3, rapid.ID[string]).Draw(g.T, "line kinds")
}

// life draws what may happen to an account.
func (g generator) life(v *Version) {
	var plans []string
	for _, p := range v.Plans {
		if len(plans) == 0 || plans[len(plans)-1] != p.Name {
			plans = append(plans, p.Name)
		}
	}
	for i := range rapid.IntRange(0, 2).Draw(g.T, "services") {
		s := Service{Name: fmt.Sprint("service ", i), Description: names.Draw(g.T, "description"), Each: g.price(), Rule: g.rule()}
		if g.yes("free") {
			s.Free, s.FreeDays = g.count(1), 90
			if g.yes("not on") {
				s.FreeNotOn = plans
			}
		}
		v.Services = append(v.Services, s)
	}
	for i := range rapid.IntRange(0, 2).Draw(g.T, "discounts") {
		d := Discount{Name: fmt.Sprint("flag ", i), Description: names.Draw(g.T, "description"), Percent: g.percent(), On: g.lineKinds(paidLines), Rule: g.rule()}
		if g.yes("fixed") {
			d.Percent, d.Amount = decimal.Decimal{}, decimal.New(rapid.Int64Range(1, 1e9).Draw(g.T, "amount"), -g.catalog.Currency.Minor)
		}
		if g.yes("meters") {
			d.Meters = []string{g.catalog.Meters[0].Name}
		}
		if g.yes("plans") {
			d.Plans = plans
		}
		if d.Once = g.yes("once"); !d.Once {
			d.Periods = rapid.IntRange(0, 24).Draw(g.T, "periods")
		}
		v.Discounts = append(v.Discounts, d)
	}
	if g.yes("taxes") {
		v.Taxes = g.taxes(v)
	}
	if g.yes("plan changes") {
		v.PlanChanges = &PlanChanges{
			Order: plans, Upgrade: PlanMove{Allowances: AtOnce, Price: NextBillingDate, MustFit: g.yes("fits"), Rule: g.rule()},
			Downgrade: PlanMove{Allowances: NextBillingDate, Price: NextBillingDate, MustFit: g.yes("fits"), Rule: g.rule()},
		}
		if len(plans) > 1 {
			v.PlanChanges.Exceptions = []PlanMove{{From: plans[0], To: plans[1], Allowances: AtOnce, Price: NextBillingDate, Rule: g.rule()}}
		}
	}
	switch rapid.IntRange(0, 3).Draw(g.T, "proration") {
	case 1:
		v.Proration = Proration{Seconds: true}
	case 2:
		v.Proration = Proration{MonthDays: rapid.IntRange(28, 31).Draw(g.T, "month"), ToOld: g.yes("to the old")}
	}
	if c := v.PlanChanges; c != nil && g.yes("prorated") {
		c.Upgrade.Price, c.Upgrade.Waits = Prorated, g.yes("waits")
	}
	if g.yes("billing date changes") {
		v.BillingDateChanges = &BillingDateChanges{3, g.rule()}
	}
	if g.yes("payments") {
		v.Payments = &Payments{[]int{1, 7}, g.rule()}
	}
	if g.yes("store removal") {
		v.StoreRemoval = &StoreRemoval{g.some("channels", 1, 2), g.rule()}
	}
	if g.yes("guarantee") {
		v.Guarantee = &Guarantee{Offer: names.Draw(g.T, "offer"), Within: 90, Percent: g.percent(), Of: g.lineKinds(givenBack), NotTerms: []string{v.Terms[0].Name}, Rule: g.rule()}
		if g.yes("not for") {
			v.Guarantee.NotPlans, v.Guarantee.NotFor = plans, []string{WithTrial, BillingDelayed}
		}
	}
}

// taxes draws rates of different taxes, and a category that things are of.
func (g generator) taxes(v *Version) *Taxes {
	t := &Taxes{Inclusive: g.yes("inclusive"), Rounded: rapid.SampledFrom([]pricing.TaxRounding{pricing.PerInvoice, pricing.PerLine}).Draw(g.T, "rounded")}
	country := rapid.SampledFrom([]string{"DE", "NO", "CA", "US"})
	if g.yes("without") {
		t.Without = Address{Country: country.Draw(g.T, "country"), Region: rapid.SampledFrom([]string{"", "BC", "04"}).Draw(g.T, "region")}
	}
	if g.yes("reverse charge") {
		t.ReverseCharge = []string{country.Draw(g.T, "country")}
	}
	for i, name := range g.some("taxes", 1, 4) {
		r := TaxRate{Tax: name, Country: country.Draw(g.T, "country"), Rate: pricing.Percent{Rate: g.percent()}, Rule: g.rule()}
		if g.yes("region") {
			r.Region = names.Draw(g.T, "region")
		}
		if i == 0 {
			r.Category = "goods"
		}
		t.Rates = append(t.Rates, r)
	}
	for i := range v.Services {
		v.Services[i].TaxCategory = "goods"
	}
	for i := range v.UsageCharges {
		v.UsageCharges[i].TaxCategory = "goods"
	}
	for i := range v.AddOns {
		v.AddOns[i].TaxCategory = "goods"
	}
	for i := range v.Plans {
		v.Plans[i].TaxCategory = "goods"
	}
	for i := range v.Balances {
		if v.Balances[i].Unit != "" && v.Balances[i].Service != "" {
			v.Balances[i].TaxCategory = "goods"
		}
	}
	return t
}
