package rating

import (
	"fmt"

	"github.com/shopspring/decimal"

	"ratemill/rating/catalog"
	"ratemill/rating/money"
)

// nonprofit is the flag, and the discount, of nonprofit organisations (rule
// MK-11). The flag holds from its day on: what is charged that day has the
// discount.
const nonprofit = "nonprofit"

func (b *billing) grantNonprofit(e *AccountEvent) (Reason, string) {
	d := b.discount(nonprofit)
	switch {
	case d == nil:
		return NotAllowed, "the catalog has no discount " + nonprofit
	case b.account.Has(nonprofit):
		return NoChange, ""
	}
	b.addFlag(nonprofit)
	b.note(e, causeGranted, d.Rule, "")
	return "", ""
}

func (b *billing) revokeNonprofit(e *AccountEvent) (Reason, string) {
	if !b.account.Has(nonprofit) {
		return NoChange, ""
	}
	b.dropFlag(nonprofit)
	rule := RuleID("")
	if d := b.discount(nonprofit); d != nil {
		rule = d.Rule
	}
	b.note(e, causeRevoked, rule, "")
	return "", ""
}

func (b *billing) discount(name string) *catalog.Discount {
	for i := range b.version.Discounts {
		if d := &b.version.Discounts[i]; d.Name == name {
			return d
		}
	}
	return nil
}

// discounts takes the account's discounts off the day's lines, one line each,
// in the catalog's order: each of what the ones before it left.
func (b *billing) discounts() {
	if b.version == nil {
		return
	}
	lines := len(b.lines)
	b.net = make([]money.Amount, lines)
	for i := range b.net {
		b.net[i] = b.lines[i].Amount
	}
	for i := range b.version.Discounts {
		d := &b.version.Discounts[i]
		if !b.account.Has(d.Name) {
			continue
		}
		for j := range lines {
			if contains(d.On, b.lines[j].charges()) && b.net[j].Sign() > 0 {
				b.net[j] = b.net[j].Add(b.discountLine(d, j))
			}
		}
	}
}

// discountLine takes a discount off a line and is its amount, below zero.
func (b *billing) discountLine(d *catalog.Discount, of int) money.Amount {
	from := &b.lines[of]
	l := b.line(Line{
		Kind: Reduced, Rule: d.Rule, Description: fmt.Sprintf("%s, %s %% of %s", d.Description, d.Percent, from.Description),
		Quantity: d.Percent.Shift(-2).Neg(), UnitPrice: b.net[of].Value(), Part: money.Whole,
		PeriodStart: from.PeriodStart, PeriodEnd: from.PeriodEnd, CatalogLine: d.Line,
	})
	b.addLine(l)
	return l.Amount
}

func contains(kinds []string, kind LineKind) bool {
	for _, k := range kinds {
		if LineKind(k) == kind {
			return true
		}
	}
	return false
}

// percentOf is so many per cent of an amount, rounded once.
func (b *billing) percentOf(percent decimal.Decimal, amount money.Amount) money.Amount {
	return money.Line(percent.Shift(-2), amount.Value(), money.Whole, b.account.Currency, b.cat.Rounding)
}
