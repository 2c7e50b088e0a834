package rating

import (
	"fmt"

	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// chargeSpends brings what a meter's counters came to over a period within the
// bounds of its spend: the least when the period is over, the most at any
// time. Late usage takes from an earlier true-up first.
func (b *billing) chargeSpends(lines []Line, meter string) []Line {
	tallies := b.account.Tallies
	for i := range tallies {
		first := &tallies[i]
		if first.Meter != meter || i > 0 && tallies[i-1].Meter == meter && tallies[i-1].From == first.From {
			continue
		}
		sum, before, last := money.Zero(b.account.Currency), money.Zero(b.account.Currency), first
		for j := i; j < len(tallies) && tallies[j].Meter == meter && tallies[j].From == first.From; j++ {
			last = &tallies[j]
			sum, before = sum.Add(last.Charged.Amount), before.Add(last.Charged.Adjusted)
		}
		if charge := b.chargeOf(last); charge != nil && charge.Counting.Spend != nil {
			lines = b.chargeSpend(lines, charge, first, sum, before)
		}
	}
	return lines
}

// chargeSpend makes the line that a spend asks for, if any. What it comes to is
// noted on the period's first tally of today; another was first before it, and
// has what was adjusted then.
func (b *billing) chargeSpend(lines []Line, charge *catalog.UsageCharge, t *Tally, usage, before money.Amount) []Line {
	spend := charge.Counting.Spend
	wanted, text := usage, ""
	if least, days := b.bound(spend.Least, spend, t); t.Ended && least.Cmp(usage) > 0 {
		wanted, text = least, fmt.Sprintf("at least %s%s", least, days)
	}
	if most, days := b.bound(spend.Most, spend, t); !spend.Most.IsZero() && most.Cmp(usage) < 0 {
		wanted, text = most, fmt.Sprintf("at most %s%s", most, days)
	}
	more := wanted.Sub(usage).Sub(before)
	if more.Sign() == 0 {
		return lines
	}
	kind, what := Minimum, ", up to the least of the period"
	if more.Sign() > 0 && before.Sign() < 0 {
		what = ", within what was taken off above the most"
	}
	if more.Sign() < 0 {
		kind, what = Reduced, ", above the most of the period"
		if before.Sign() > 0 {
			what = ", within what was charged up to the least"
		}
	}
	if text != "" {
		text = ", " + text
	}
	if before.Sign() != 0 {
		text += fmt.Sprintf(", %s adjusted before", before)
	}
	t.Charged.Adjusted = t.Charged.Adjusted.Add(more)
	return append(lines, Line{
		Kind: kind, Rule: charge.Rule, Description: charge.Description + what, Meter: t.Meter, Quantity: whole(int64(more.Sign())),
		UnitPrice: more.Value().Abs(), Part: money.Whole, Amount: more, PeriodStart: t.From, PeriodEnd: b.lastDay(t) + 1,
		Late: b.lastDay(t)+1 < b.day, CatalogLine: charge.Line,
		Calculation: fmt.Sprintf("usage %s%s: %s", usage, text, more),
	})
}

// bound is a spend's bound for a tally's period. A period that the account's
// closing cut short has it whole, or by its days where the spend is prorated.
func (b *billing) bound(of decimal.Decimal, spend *catalog.Spend, t *Tally) (money.Amount, string) {
	part, text := money.Whole, ""
	if n, d := int64(b.lastDay(t)+1-t.From), int64(t.To-t.From); spend.Prorated && n < d && n > 0 {
		part = money.Fraction{N: n, D: d}
		text = fmt.Sprintf(" (%s × %d/%d)", of, n, d)
	}
	return money.Line(whole(1), of, part, b.account.Currency, b.cat.Rounding), text
}
