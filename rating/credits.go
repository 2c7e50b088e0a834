package rating

import (
	"fmt"

	"github.com/shopspring/decimal"

	"ratemill/rating/catalog"
	"ratemill/rating/money"
)

// buyCredits sells units in advance, charged on the day of purchase, all of
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
	if reason, detail := b.refuseAmount(e.Quantity, tier.Each); reason != "" {
		return reason, detail
	}
	l := b.line(Line{
		Kind: Bought, Rule: balance.Rule, Description: balance.Description, Quantity: whole(e.Quantity), UnitPrice: tier.Each, Part: money.Whole,
		PeriodStart: b.day, PeriodEnd: b.day + 1, CatalogLine: tier.Line, TaxCategory: balance.TaxCategory,
	})
	l.Calculation = fmt.Sprintf("%s; %s", tierText(balance.Tiers, tier), l.Calculation)
	b.addLine(l)
	b.move(balance.Name).added(units(balance, whole(e.Quantity)))
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
	amount, err := money.New(n, money.Currency{Code: balance.Unit})
	if err != nil {
		panic("rating: units are whole: " + err.Error())
	}
	return amount
}

// drawUnits covers as many of the units used as the charge's balances of units
// hold, whole ones, in the order in which it uses them; a line of price zero
// each says so.
func (b *billing) drawUnits(charge *catalog.UsageCharge, u DueUsage) DueUsage {
	for _, name := range charge.Uses {
		balance := b.version.Balance(name)
		if balance == nil || balance.Unit == "" {
			continue
		}
		used := money.Min(units(balance, u.Quantity.Truncate(0)), b.move(name).Closing)
		if used.Sign() <= 0 {
			continue
		}
		b.move(name).used(used)
		covered := u
		covered.Quantity, covered.Price.UnitPrice = used.Value(), decimal.Zero
		covered.Price.Description += ", from " + name
		l := b.usageLine(covered)
		l.Calculation = fmt.Sprintf("%s used, %s left in %s; %s", u.Quantity, b.move(name).Closing, name, l.Calculation)
		b.addLine(l)
		u.Quantity = u.Quantity.Sub(used.Value())
	}
	return u
}
