package rating

import (
	"cmp"
	"fmt"
	"slices"

	"ratemill/rating/catalog"
	"ratemill/rating/money"
)

// due makes lines of the usage whose charge falls due on the day, meter by
// meter in the catalog's order (rule G-8: a minimum holds for its own meter's
// amount alone, late rows included).
func (b *billing) due() {
	if b.version == nil {
		return
	}
	split := slices.IndexFunc(b.account.Due, func(u DueUsage) bool { return u.DueOn > b.day })
	if split < 0 {
		split = len(b.account.Due)
	}
	today := slices.Clone(b.account.Due[:split])
	b.account.Due = b.account.Due[split:]
	for i := range b.version.UsageCharges {
		b.chargeUsage(&b.version.UsageCharges[i], today)
	}
	// A meter that the version in force no longer charges keeps the price it
	// was rated at, without balances or minimum.
	for _, u := range today {
		if b.version.UsageCharge(u.Meter) == nil && u.Rows == 0 {
			b.addLine(b.usageLine(u))
		}
	}
	b.chargeFormerTallies(today)
}

// chargeUsage makes the lines of one meter, draws its balances, and where
// these do not cover the amount, charges the shortfall and at least the
// minimum; what the minimum takes beyond the usage stays as balance (rule
// MK-9).
func (b *billing) chargeUsage(charge *catalog.UsageCharge, today []DueUsage) {
	amount := money.Zero(b.account.Currency)
	found := false
	for _, u := range today {
		if u.Meter != charge.Meter || u.Rows > 0 {
			continue
		}
		found = true
		rest := b.drawUnits(charge, u)
		if rest.Quantity.IsZero() && !u.Quantity.IsZero() {
			continue
		}
		l := b.usageLine(rest)
		b.addLine(l)
		amount = amount.Add(l.Amount)
	}
	for _, l := range b.chargeTallies(charge.Meter, today) {
		b.addLine(l)
		amount = amount.Add(l.Amount)
		found = true
	}
	if !found {
		return
	}
	shortfall := amount
	for _, name := range charge.Uses {
		if balance := b.version.Balance(name); balance == nil || balance.Unit != "" {
			continue // units have paid already
		}
		used := money.Min(shortfall, b.move(name).Closing)
		if used.Sign() > 0 {
			b.move(name).used(used)
			b.draws = append(b.draws, draw{name, used})
			shortfall = shortfall.Sub(used)
		}
	}
	b.topUp(charge, amount, shortfall)
}

// topUp raises a shortfall to the minimum charge.
func (b *billing) topUp(charge *catalog.UsageCharge, amount, shortfall money.Amount) {
	minimum := b.line(Line{Quantity: whole(1), UnitPrice: charge.Minimum, Part: money.Whole}).Amount
	if shortfall.Sign() <= 0 || shortfall.Cmp(minimum) >= 0 {
		return
	}
	rest := minimum.Sub(shortfall)
	b.addLine(Line{
		Kind: Minimum, Rule: charge.Rule, Description: charge.Description + ", up to the minimum charge", Meter: charge.Meter,
		Quantity: whole(1), UnitPrice: rest.Value(), Part: money.Whole, Amount: rest, ServiceDate: 0, Prepays: true,
		PeriodStart: b.day, PeriodEnd: b.day + 1, CatalogLine: charge.Line,
		Calculation: fmt.Sprintf("usage %s, shortfall %s, minimum %s: %s kept in %s", amount, shortfall, minimum, rest, charge.RestTo),
	})
	b.move(charge.RestTo).added(rest)
}

func (b *billing) usageLine(u DueUsage) Line {
	return b.line(Line{
		Kind: Metered, Rule: u.Price.Rule, Description: u.Price.Description, Meter: u.Meter,
		Quantity: u.Quantity, UnitPrice: u.Price.UnitPrice, Part: money.Whole,
		PeriodStart: u.ServiceDate, PeriodEnd: u.ServiceDate + 1, ServiceDate: u.ServiceDate, Late: u.Late,
		CatalogLine: u.Price.CatalogLine,
	})
}

// compareDue is the order of lines: two groups that compare equal are one line.
func compareDue(x, y DueUsage) int {
	return cmp.Or(
		cmp.Compare(x.DueOn, y.DueOn), cmp.Compare(x.Meter, y.Meter), cmp.Compare(x.ServiceDate, y.ServiceDate),
		boolCompare(x.Late, y.Late), cmp.Compare(x.Price.CatalogLine, y.Price.CatalogLine),
		cmp.Compare(x.Price.Description, y.Price.Description), x.Price.UnitPrice.Cmp(y.Price.UnitPrice), cmp.Compare(x.Price.Rule, y.Price.Rule),
		cmp.Compare(x.Per, y.Per))
}
