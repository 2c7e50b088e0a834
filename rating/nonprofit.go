package rating

import (
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// nonprofit is the flag, and the discount, of nonprofit organisations (rule
// MK-11). The flag holds from its day on: what is charged that day has the
// discount.
const nonprofit = "nonprofit"

func (b *billing) grantNonprofit(e *AccountEvent) (Reason, string) {
	d := b.version.Discount(nonprofit)
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
	if d := b.version.Discount(nonprofit); d != nil {
		rule = d.Rule
	}
	b.note(e, causeRevoked, rule, "")
	return "", ""
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
