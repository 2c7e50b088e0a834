package rating

import (
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// PeriodSpend is what an account was charged for one billing period of what
// its plan's commitment counts.
type PeriodSpend struct {
	From     Day          // first day of the period
	Charged  money.Amount // lines, before discounts and taxes
	Adjusted money.Amount // beyond it, by the commitment
}

// commitments brings what a period came to over several charges within the
// bounds of the plan: the least when the period is over, the most at any time.
// A late line counts for the period of its own day, and takes from an earlier
// true-up first.
func (b *billing) commitments() {
	a := b.account
	if !a.Exists() || b.version == nil || a.Has(uninstalled) {
		return
	}
	today := map[Day]money.Amount{} // looked up by period
	for i := range b.lines {
		l := &b.lines[i]
		from := b.segment(l.PeriodStart).PeriodStart
		if _, c := b.commitmentOf(from); c != nil && !l.Prepays && c.Counts(string(committedKind(l)), l.Meter) {
			p := b.periodSpend(from)
			amount := l.Amount
			if l.Counted != nil {
				amount = amount.Sub(l.Counted.Back) // a price that fell: as credit, not as a line
			}
			p.Charged = p.Charged.Add(amount)
			today[from] = today[from].Add(amount)
		}
	}
	if from, to := b.periodOver(); to != calendar.None {
		if _, c := b.commitmentOf(from); c != nil {
			b.periodSpend(from)
		}
	}
	for i := range a.Spends {
		b.commit(&a.Spends[i], today[a.Spends[i].From])
	}
}

// committedKind is what a line counts as: what bounds a meter's own charge is
// part of its usage.
func committedKind(l *Line) LineKind {
	if l.Meter != "" && (l.Kind == Minimum || l.Kind == Reduced) {
		return Metered
	}
	return l.charges()
}

// commitmentOf is the commitment of a period, by the plan that it ends with,
// and its last day that has been lived.
func (b *billing) commitmentOf(from Day) (Day, *catalog.Commitment) {
	a := b.account
	for i := len(a.Segments) - 1; i >= 0; i-- {
		s := &a.Segments[i]
		if s.PeriodStart != from {
			continue
		}
		last := min(b.lastOf(i), b.lastLived())
		version := b.cat.At(last)
		if version == nil {
			return last, nil
		}
		plan := version.Plan(s.Plan, b.cohort)
		if plan == nil {
			return last, nil
		}
		return last, plan.Commitment
	}
	return from, nil
}

// lastOf is the last day of a period by its last segment: where the billing
// date has moved, the next one says so.
func (b *billing) lastOf(segment int) Day {
	if next := segment + 1; next < len(b.account.Segments) {
		return b.account.Segments[next].From - 1
	}
	return b.account.Segments[segment].PeriodEnd - 1
}

// periodSpend finds or makes the account's figures of a period. The pointer
// holds until the next call.
func (b *billing) periodSpend(from Day) *PeriodSpend {
	a := b.account
	i, found := slices.BinarySearchFunc(a.Spends, from, func(p PeriodSpend, day Day) int { return int(p.From - day) })
	if !found {
		zero := money.Zero(a.Currency)
		a.Spends = slices.Insert(a.Spends, i, PeriodSpend{from, zero, zero})
	}
	return &a.Spends[i]
}

// commit makes the line that a commitment asks for, if any. It never takes more
// than what the day charged: a document is not below zero.
func (b *billing) commit(p *PeriodSpend, today money.Amount) {
	last, c := b.commitmentOf(p.From)
	if c == nil {
		return
	}
	a := b.account
	wanted, text := p.Charged, ""
	over := a.PeriodStart > p.From || a.ClosedOn != calendar.None
	paying := a.FirstChargeOn != calendar.None && p.From >= a.FirstChargeOn
	if least, days := b.committedBound(c.Least, c, p.From, last); over && paying && least.Cmp(p.Charged) > 0 {
		wanted, text = least, fmt.Sprintf(", at least %s%s", least, days)
	}
	if most, days := b.committedBound(c.Most, c, p.From, last); !c.Most.IsZero() && most.Cmp(p.Charged) < 0 {
		wanted, text = most, fmt.Sprintf(", at most %s%s", most, days)
	}
	before := p.Adjusted
	more := wanted.Sub(p.Charged).Sub(before)
	more = money.Max(more, money.Max(today, money.Zero(a.Currency)).Neg())
	if more.Sign() == 0 {
		return
	}
	kind, what := Minimum, "up to the least of the period"
	if more.Sign() > 0 && before.Sign() < 0 {
		what = "within what was taken off above the most"
	}
	if more.Sign() < 0 {
		kind, what = Reduced, "above the most of the period"
		if before.Sign() > 0 {
			what = "within what was charged up to the least"
		}
	}
	if before.Sign() != 0 {
		text += fmt.Sprintf(", %s adjusted before", before)
	}
	p.Adjusted = before.Add(more)
	b.addLine(Line{
		Kind: kind, Rule: c.Rule, Description: "commitment, " + what, Quantity: whole(int64(more.Sign())), UnitPrice: more.Value().Abs(), Part: money.Whole,
		Amount: more, PeriodStart: p.From, PeriodEnd: last + 1, Late: last+1 < b.day, Calculation: fmt.Sprintf("%s charged%s: %s", p.Charged, text, more),
	})
}

// committedBound is a bound for a period. One that the account's closing cut
// short has it whole, or by its days.
func (b *billing) committedBound(of decimal.Decimal, c *catalog.Commitment, from, last Day) (money.Amount, string) {
	part, text := money.Whole, ""
	to := b.segment(last).PeriodEnd
	if n, d := int64(last+1-from), int64(to-from); c.Prorated && b.account.ClosedOn == last && n < d && n > 0 {
		part = money.Fraction{N: n, D: d}
		text = fmt.Sprintf(" (%s × %d/%d)", of, n, d)
	}
	return money.Line(whole(1), of, part, b.account.Currency, b.cat.Rounding), text
}

// forgetSpends drops periods of which no late usage is accepted any more.
func (b *billing) forgetSpends(oldest Day) {
	b.account.Spends = slices.DeleteFunc(b.account.Spends, func(p PeriodSpend) bool {
		last, _ := b.commitmentOf(p.From)
		return p.From < oldest && last < oldest
	})
}
