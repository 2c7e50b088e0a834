package rating

import (
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// CountedPrice is how a line's amount came from a counter: the exact price of
// all that was counted, rounded, less what was charged before. Where the price
// fell, what was charged too much goes back as credit, and the line is 0.
type CountedPrice struct {
	Exact  money.Ratio
	Before money.Amount
	Back   money.Amount
}

func (c *CountedPrice) amount(currency money.Currency, mode money.Rounding) money.Amount {
	return c.Exact.In(currency, mode).Sub(c.Before).Add(c.Back)
}

// tally counts a group of usage in its tally. Its share of the price is what
// the price came to by it.
func (b *billing) tally(u *Usage, version *catalog.Version, charge *catalog.UsageCharge) {
	meter, counting := b.cat.Meter(u.Meter), charge.Counting
	if meter.Running() {
		b.tallyLevel(u, meter, charge)
		return
	}
	point, reason, why := pricePoint(u, meter, version, charge)
	if reason != "" {
		b.reject(u.Origin, reason, why)
		return
	}
	per := perText(counting.Per, meter, u.Dimensions)
	if charge.Table != "" {
		per = joined(strings.TrimSpace(point.Description[len(charge.Description):]), per)
	}
	unitPrice := point.UnitPrice // zero where a row has a model
	if counting.Model != nil {
		unitPrice = decimal.Decimal{}
	}
	t := b.tallyAt(u.ServiceDate, charge, version.From, per, unitPrice)
	if meter.Of == catalog.UniqueOf {
		once := *u
		once.Quantity = b.unique(t, charge, u)
		u = &once
	}
	share, after, ok := b.share(t, charge, billedRow(counting, u))
	if !ok {
		b.reject(u.Origin, Overflow, fmt.Sprintf("%s of %s would make the price more than a line can hold", u.Quantity, u.Meter))
		return
	}
	added := after.Used.Sub(t.Used)
	*t = after
	if meter.Of == catalog.UniqueOf {
		b.meet(t, charge, u)
	}
	counted := *point
	counted.Description, counted.UnitPrice = joined(charge.Description, per), unitPrice
	b.tallied(u, t, charge, &counted, share, added)
}

// billedRow is usage in billed units where the charge converts each row by
// itself; the figures of what was read stay as they are.
func billedRow(counting *catalog.Counting, u *Usage) *Usage {
	if counting.Unit.Rows != pricing.EachRow {
		return u
	}
	billed := *u
	billed.Quantity, _ = counting.Unit.Converted(money.Exactly(u.Quantity)).Decimal() // rounded: it has an end
	return &billed
}

// share is what a group adds to a tally's price, and the tally with it.
func (b *billing) share(t *Tally, charge *catalog.UsageCharge, u *Usage) (money.Ratio, Tally, bool) {
	after := *t
	after.Used, after.Rows = t.Used.Add(b.adds(t, u)), t.Rows+u.Rows
	after.LastAt = max(t.LastAt, u.At)
	if p, ok := b.modelOf(t, charge).(*pricing.Percentage); ok && pricing.NeedsEvents(p) {
		event, _ := charge.Counting.Unit.Billed(money.Exactly(u.Quantity)).Decimal()
		cost, progress := p.Events(pricing.Progress{Events: t.Rows, Free: money.Exactly(t.Free)}, []decimal.Decimal{event})
		after.Free = progress.Free.Num()
		after.Exact = t.Exact.Add(cost.Amount.Num())
		return cost.Amount, after, b.fits(money.Exactly(after.Exact))
	}
	price := b.priceOf(t, charge, t.all(after.Used), after.Rows).Amount
	before := money.Ratio{}
	if t.Rows > 0 {
		before = b.priceOf(t, charge, t.all(t.Used), t.Rows).Amount
	}
	return price.Sub(before), after, b.fits(price)
}

// adds is what a group adds to a tally: its quantity, or what it brings the
// highest or the last value up or down by.
func (b *billing) adds(t *Tally, u *Usage) decimal.Decimal {
	now := t.Start.Add(t.Used)
	switch of := b.cat.Meter(u.Meter).Of; {
	case of == catalog.MaxOf && now.GreaterThanOrEqual(u.Quantity), of == catalog.LastValue && t.Rows > 0 && u.At < t.LastAt:
		return decimal.Decimal{}
	case of == catalog.MaxOf, of == catalog.LastValue:
		return u.Quantity.Sub(now)
	}
	return u.Quantity
}

// tallied notes a counted group as rated, and when it falls due: with the
// period, or with its day.
func (b *billing) tallied(u *Usage, t *Tally, charge *catalog.UsageCharge, point *PricePoint, share money.Ratio, added decimal.Decimal) {
	due := u.ServiceDate
	switch {
	case charge.Counting.Charged == catalog.PeriodEnd:
		_, due = b.counts(charge.Counting.Over, u.ServiceDate) // the billing date may have moved since t began
		if closed := b.account.ClosedOn; closed != calendar.None {
			due = min(due, closed)
		}
	case b.cat.Meter(u.Meter).DueNextDay:
		due++
	}
	due = max(due, b.day)
	b.rated(u, point, share.Recorded(), due)
	if charge.Counting.Charged == catalog.PeriodEnd {
		return // the tally itself waits
	}
	entry := DueUsage{DueOn: due, Meter: u.Meter, ServiceDate: u.ServiceDate, Late: u.ServiceDate < b.day, Price: point, Quantity: added, Per: t.Per, Rows: u.Rows}
	if pricing.NeedsEvents(b.modelOf(t, charge)) {
		entry.Exact = share.Num()
	}
	b.account.Due = addDue(b.account.Due, entry)
}

// chargeTallies are the lines of one meter's counters: the day's entries that
// fall due, then periods that are over, then what the bounds of a spend ask
// for.
func (b *billing) chargeTallies(meter string, today []DueUsage) []Line {
	if b.account.Has(uninstalled) {
		return nil // no charge of any kind (rule CH-4)
	}
	b.carryToday(meter)
	var lines []Line
	for i := range today {
		if u := &today[i]; u.Meter == meter && u.Rows > 0 {
			lines = b.chargeEntry(lines, *u)
		}
	}
	b.openUnused(meter)
	for i := range b.account.Tallies {
		if t := &b.account.Tallies[i]; t.Meter == meter {
			lines = b.chargeEnded(lines, t)
		}
	}
	return b.chargeSpends(lines, meter)
}

// chargeFormerTallies charges counters of meters that the version in force no
// longer charges, at the price they were counted under, without balances.
func (b *billing) chargeFormerTallies(today []DueUsage) {
	var done []string
	former := func(meter string) {
		if slices.Contains(done, meter) || b.version.UsageCharge(meter) != nil {
			return
		}
		done = append(done, meter)
		for _, l := range b.chargeTallies(meter, today) {
			b.addLine(l)
		}
	}
	for i := range today {
		if today[i].Rows > 0 {
			former(today[i].Meter)
		}
	}
	for i := range b.account.Tallies {
		former(b.account.Tallies[i].Meter)
	}
}

// chargeEntry charges what a service date's usage adds to its tally's price.
// Without the charge that counted it, it waits: Check says so.
func (b *billing) chargeEntry(lines []Line, u DueUsage) []Line {
	version := b.cat.At(u.ServiceDate)
	charge := version.UsageCharge(u.Meter)
	if charge == nil || !charge.Counted() {
		b.account.Due = addDue(b.account.Due, u)
		return lines
	}
	t := b.tallyAt(u.ServiceDate, charge, version.From, u.Per, u.Price.UnitPrice)
	if b.rowLost(t, charge) {
		b.account.Due = addDue(b.account.Due, u)
		return lines
	}
	c := &t.Charged
	c.Used, c.Rows, c.Exact = c.Used.Add(u.Quantity), c.Rows+u.Rows, c.Exact.Add(u.Exact)
	return append(lines, b.countedLine(t, charge, Line{
		Quantity: u.Quantity, PeriodStart: u.ServiceDate, PeriodEnd: u.ServiceDate + 1, ServiceDate: u.ServiceDate, Late: u.Late, CatalogLine: u.Price.CatalogLine,
	}))
}

// openUnused makes tallies for a period that ended without usage, where no
// usage costs something. A free trial has no fees.
func (b *billing) openUnused(meter string) {
	from, to := b.periodOver()
	if to == calendar.None || b.account.FirstChargeOn == calendar.None || from < b.account.FirstChargeOn {
		return
	}
	version, charge := b.priceUnused(meter, from, to)
	if charge == nil || !charge.Counted() || charge.Counting.Over != catalog.OverPeriod || charge.Unpriced {
		return
	}
	b.openRows(charge, version, from, to-1)
	if !costsAtZero(charge) {
		return
	}
	if !slices.ContainsFunc(b.account.Tallies, func(t Tally) bool { return t.Meter == meter && t.From == from }) {
		price := decimal.Decimal{}
		if m := b.cat.Meter(meter); m != nil && m.Running() {
			price = levelPrice(charge)
		}
		b.tallyAt(to-1, charge, version.From, "", price).Ended = false
	}
}

// priceUnused is the charge of a period without usage: that of its last day, or
// that of the period.
func (b *billing) priceUnused(name string, from, to Day) (*catalog.Version, *catalog.UsageCharge) {
	if meter := b.cat.Meter(name); meter != nil && meter.Running() {
		return b.periodCharge(name, from, to)
	}
	version := b.cat.At(to - 1)
	if version == nil {
		return nil, nil
	}
	return version, version.UsageCharge(name)
}

// periodOver is the billing period that ended with today's renewal, or that
// the account's closing ends.
func (b *billing) periodOver() (from, to Day) {
	a := b.account
	n := len(a.Segments)
	switch {
	case n > 0 && a.ClosedOn == b.day:
		return a.Segments[n-1].PeriodStart, b.day + 1
	case b.renewal != nil && n > 1 && a.Segments[n-2].PeriodStart < a.PeriodStart:
		return a.Segments[n-2].PeriodStart, b.day
	}
	return 0, calendar.None
}

func costsAtZero(charge *catalog.UsageCharge) bool {
	c := charge.Counting
	if c.Spend != nil && !c.Spend.Least.IsZero() {
		return true
	}
	return c.Charged == catalog.PeriodEnd && c.Model != nil && len(c.Per) == 0 && c.Model.Price(pricing.Usage{}).Amount.Sign() > 0
}

// chargeEnded charges a tally in arrears: when its period is over, and then
// whatever comes late.
func (b *billing) chargeEnded(lines []Line, t *Tally) []Line {
	charge := b.chargeOf(t)
	if charge == nil || !b.ends(t) {
		return lines
	}
	late := t.Ended
	fresh := !late && t.Charged.Rows == 0
	if next := b.account.PeriodStart; !late && charge.Counting.Over == catalog.OverPeriod && next > t.From {
		t.To = next // where the billing date has moved
	}
	t.Ended = true
	meter := b.cat.Meter(t.Meter)
	if meter != nil && meter.Mean() { // of a period whose end is known by now
		t.Used = b.figure(t, meter).Recorded()
	}
	if charge.Counting.Charged != catalog.PeriodEnd || late && t.Used.Equal(t.Charged.Used) && t.Rows == t.Charged.Rows {
		return lines
	}
	added := t.Used.Sub(t.Charged.Used)
	t.Charged.Used, t.Charged.Rows, t.Charged.Exact = t.Used, t.Rows, t.Exact
	l := Line{Quantity: added, PeriodStart: t.From, PeriodEnd: b.lastDay(t) + 1, Late: late, CatalogLine: charge.Line}
	if charge.Counting.PerTier && fresh {
		if parts := b.tierLines(t, charge, l); parts != nil {
			return append(lines, parts...)
		}
	}
	if t.Rows == 0 && t.Charged.Amount.Sign() == 0 && b.priceNow(t, meter, charge).Amount.Sign() == 0 {
		return lines // no usage that costs nothing: only its bounds matter
	}
	return append(lines, b.countedLine(t, charge, l))
}

// lastDay is the last day that a tally counts: of its period, or of the
// account.
func (b *billing) lastDay(t *Tally) Day {
	last := t.To - 1
	if closed := b.account.ClosedOn; closed != calendar.None {
		last = min(last, closed)
	}
	return last
}

// countedLine completes a line with what its tally's price came to.
func (b *billing) countedLine(t *Tally, charge *catalog.UsageCharge, l Line) Line {
	c := &t.Charged
	p := b.pricedTally(t, charge)
	l.Kind, l.Rule, l.Meter, l.Part = Metered, charge.Rule, t.Meter, money.Whole
	l.Description = joined(charge.Description, t.Per)
	if each, ok := b.modelOf(t, charge).(*pricing.Each); ok && charge.Counting.Unit == (pricing.Unit{}) {
		l.UnitPrice = each.Each
	}
	l.Counted = &CountedPrice{Exact: p.Amount, Before: c.Amount, Back: money.Zero(b.account.Currency)}
	rounded := p.Amount.In(b.account.Currency, b.cat.Rounding)
	l.Calculation = b.meanText(t, b.cat.Meter(t.Meter)) + countedText(p, rounded, c.Amount)
	if fell := c.Amount.Sub(rounded); fell.Sign() > 0 {
		l.Counted.Back = fell
		l.Calculation += fmt.Sprintf(", %s goes back as credit", fell)
		if net := b.creditFallen(l, fell); net.Cmp(fell) != 0 {
			l.Calculation += fmt.Sprintf(", %s less discounts", net)
		}
	}
	l.Amount = l.Counted.amount(b.account.Currency, b.cat.Rounding)
	c.Amount = rounded
	return l
}

// pricedTally is what the charged part of a tally costs.
func (b *billing) pricedTally(t *Tally, charge *catalog.UsageCharge) pricing.Priced {
	if pricing.NeedsEvents(b.modelOf(t, charge)) {
		return pricing.Priced{Amount: money.Exactly(t.Charged.Exact), Working: fmt.Sprintf("%d events of %s in all, each by itself", t.Charged.Rows, t.Charged.Used)}
	}
	if meter := b.cat.Meter(t.Meter); meter != nil && meter.Mean() {
		return b.priceNow(t, meter, charge)
	}
	return b.priceOf(t, charge, t.all(t.Charged.Used), t.Charged.Rows)
}

// countedText is a counter's arithmetic with its figures.
func countedText(p pricing.Priced, rounded, before money.Amount) string {
	text := p.Working
	if exact, ends := p.Amount.Decimal(); ends && exact.Equal(rounded.Value()) {
		text += " = " + rounded.String()
	} else {
		text += fmt.Sprintf(" = %s, rounded to %s", p.Amount, rounded)
	}
	if before.Sign() != 0 {
		text += fmt.Sprintf(", %s charged before", before)
	}
	return text
}

// creditFallen opens credit for what a falling price charged too much, less the
// percentage discounts that the account has: it paid no more. It is the credit.
func (b *billing) creditFallen(l Line, fell money.Amount) money.Amount {
	gross := l
	gross.Amount = fell
	amount := b.netAmount(&gross)
	if amount.Sign() == 0 {
		return amount
	}
	what := ", charged at a lower tier"
	if meter := b.cat.Meter(l.Meter); meter != nil && (meter.Running() || meter.Corrected) {
		what = ", charged for more"
	}
	b.account.Unused = append(b.account.Unused, UnusedTime{
		Rule: l.Rule, Description: l.Description + what, Amount: amount, PeriodStart: l.PeriodStart, PeriodEnd: l.PeriodEnd,
	})
	b.move(UnusedTimeBalance).added(amount)
	return amount
}

// creditCorrection makes a line below zero, of more corrections than usage, one
// of nothing and open credit.
func (b *billing) creditCorrection(l *Line) {
	if l.Amount.Sign() >= 0 {
		return
	}
	fell := l.Amount.Neg()
	l.Counted = &CountedPrice{Exact: money.Exactly(l.Quantity.Mul(l.UnitPrice)), Before: money.Zero(fell.Currency()), Back: fell}
	l.Amount = money.Zero(fell.Currency())
	l.Calculation += fmt.Sprintf(", %s goes back as credit", fell)
	if net := b.creditFallen(*l, fell); net.Cmp(fell) != 0 {
		l.Calculation += fmt.Sprintf(", %s less discounts", net)
	}
}

// tierLines are a line for each part of a tally's price, or nil where a part
// is not one quantity at one price.
func (b *billing) tierLines(t *Tally, charge *catalog.UsageCharge, of Line) []Line {
	var lines []Line
	sum := money.Zero(b.account.Currency)
	for _, part := range b.priceOf(t, charge, t.all(t.Used), t.Rows).Parts {
		each, ends := part.Each.Decimal()
		if den := part.Quantity.Den(); !ends || !den.Equal(whole(den.IntPart())) {
			return nil
		}
		l := of
		l.Kind, l.Rule, l.Meter = Metered, charge.Rule, t.Meter
		l.Description = joined(joined(charge.Description, t.Per), part.What)
		l.Quantity, l.UnitPrice = part.Quantity.Num(), each
		l.Part = money.Fraction{N: 1, D: part.Quantity.Den().IntPart()}
		l = b.line(l)
		sum = sum.Add(l.Amount)
		lines = append(lines, l)
	}
	t.Charged.Amount = sum
	return lines
}

func joined(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + " " + b
}
