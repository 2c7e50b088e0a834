package rating

import (
	"fmt"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// buyCredits sells units, or money to pay with, in advance, charged on the day of purchase, all of
// them at the price of the tier that the purchase reaches (rule MK-8).
func (b *billing) buyCredits(e *AccountEvent) (Reason, string) {
	balance := b.version.Sold(e.Service)
	switch {
	case e.Service == "":
		return MissingField, "service"
	case e.Quantity == 0:
		return MissingField, "quantity"
	case balance == nil:
		return UnknownService, fmt.Sprintf("no credits are sold for %q", e.Service)
	}
	tier := balance.Tier(e.Quantity)
	if !catalog.Priced(tier.Each) {
		return NoPrice, fmt.Sprintf("%s has no price in %s", balance.Description, b.cat.Currency.Code)
	}
	for _, each := range []decimal.Decimal{tier.Each, whole(1)} { // what it costs, and what the balance gets
		if reason, detail := b.refuseAmount(e.Quantity, each); reason != "" {
			return reason, detail
		}
	}
	bought := units(balance, whole(e.Quantity))
	if balance.Unit == "" {
		bought = amountIn(whole(e.Quantity), b.account.Currency)
	}
	l := b.line(Line{
		Kind: Bought, Rule: balance.Rule, Description: balance.Description, Quantity: whole(e.Quantity), UnitPrice: tier.Each, Part: money.Whole,
		PeriodStart: b.day, PeriodEnd: b.day + 1, CatalogLine: tier.Line, TaxCategory: balance.TaxCategory, Prepays: balance.Unit == "",
	})
	l.Calculation = fmt.Sprintf("%s; %s", tierText(balance.Tiers, tier), l.Calculation)
	b.addLine(l)
	b.put(balance, bought, calendar.None)
	b.noteLate(e, balance.Rule)
	return "", ""
}

func tierText(tiers []catalog.Tier, t *catalog.Tier) string {
	from := int64(1)
	for i := range tiers {
		if &tiers[i] == t {
			break
		}
		from = tiers[i].UpTo + 1
	}
	if t.UpTo == 0 {
		return fmt.Sprintf("%d or more at %s each", from, t.Each)
	}
	return fmt.Sprintf("%d to %d at %s each", from, t.UpTo, t.Each)
}

// units are whole units of a balance, as an amount in them.
func units(balance *catalog.Balance, n decimal.Decimal) money.Amount {
	return amountIn(n, money.Currency{Code: balance.Unit})
}

// drawUnits covers as many of the units used as the charge's balances of units
// hold for the day, whole ones; a line of price zero each says so. The rest is
// what is left to charge.
func (b *billing) drawUnits(charge *catalog.UsageCharge, u *DueUsage) (covered []Line, rest decimal.Decimal) {
	rest = u.Quantity
	if len(charge.Uses) == 0 {
		return nil, rest
	}
	drawn := b.take(b.usedBy(charge, true), rest.Truncate(0), u.ServiceDate)
	for i := 0; i < len(drawn); {
		name, used := drawn[i].Balance, money.Zero(drawn[i].Left.Currency())
		for ; i < len(drawn) && drawn[i].Balance == name; i++ {
			b.use(drawn[i])
			used = used.Add(drawn[i].Left)
		}
		of, price := *u, *u.Price
		price.UnitPrice, price.Description = decimal.Zero, price.Description+", from "+name
		of.Price = &price
		var l Line
		b.setUsageLine(&l, &of, used.Value())
		l.Calculation = fmt.Sprintf("%s used, %s left in %s; %s", rest, b.move(name).Closing, name, l.Calculation)
		covered = append(covered, l)
		rest = rest.Sub(used.Value())
	}
	return covered, rest
}

// usedBy are the balances of units, or those of money, that a charge uses.
func (b *billing) usedBy(charge *catalog.UsageCharge, ofUnits bool) []string {
	var names []string
	for _, name := range charge.Uses {
		if balance := b.version.Balance(name); balance != nil && (balance.Unit != "") == ofUnits {
			names = append(names, name)
		}
	}
	return names
}
