package rating

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// due makes lines of the usage whose charge falls due on the day, meter by
// meter in the catalog's order (rule G-8: a minimum holds for its own meter's
// amount alone, late rows included).
func (b *billing) due() {
	if b.version == nil {
		return
	}
	b.memory.due = b.account.Due
	split := slices.IndexFunc(b.account.Due, func(u DueUsage) bool { return u.DueOn > b.day })
	if split < 0 {
		split = len(b.account.Due)
	}
	today := b.account.Due[:split:split]
	b.account.Due = b.account.Due[split:]
	charges := b.chargeUsage(today)
	for i := range charges {
		b.lines = append(append(b.lines, charges[i].lines...), charges[i].counted...)
		if top := charges[i].topUp; top != nil {
			b.addLine(*top)
		}
	}
	// A meter that the version in force no longer charges keeps the price it
	// was rated at, without balances or minimum.
	for i := range today {
		if u := &today[i]; b.version.UsageCharge(u.Meter) == nil && u.Rows == 0 {
			var l Line
			b.setUsageLine(&l, u, u.Quantity)
			b.creditCorrection(&l)
			b.addLine(l)
		}
	}
	b.chargeFormerTallies(today)
}

// charging is one meter's charge in the making.
type charging struct {
	*catalog.UsageCharge
	lines   []Line
	counted []Line // of its counters
	topUp   *Line  // up to the minimum; nil: none
	amount  money.Amount
	claims  []claim
	draws   []int // places in the day's draws
	done    bool
}

// claim is what the usage of a day costs, to be paid from balances.
type claim struct {
	day    Day
	amount money.Amount
}

// chargeUsage makes the lines of each meter and draws its balances. Usage of
// earlier days goes first: it draws what is good on its day, before that
// lapses. Where the balances do not cover a meter's amount, the shortfall is
// charged, and at least the minimum; what the minimum takes beyond the usage
// stays as balance (rule MK-9).
func (b *billing) chargeUsage(today []DueUsage) []charging {
	charges := b.newCharges(len(b.version.UsageCharges))
	for i := range charges {
		c := &charges[i]
		c.UsageCharge, c.amount = &b.version.UsageCharges[i], money.Zero(b.account.Currency)
		b.usageOf(c, today, func(day Day) bool { return day < b.day })
		c.counted = b.chargeTallies(c.Meter, today)
		for j := range c.counted {
			c.claim(&c.counted[j], b.day)
		}
		c.net()
		b.payUsage(c, func(day Day) bool { return day < b.day })
		if !c.waits(today, b.day) {
			b.finish(c)
		}
	}
	b.lapseGrants()
	for i := range charges {
		c := &charges[i]
		if c.done {
			continue
		}
		b.usageOf(c, today, func(day Day) bool { return day >= b.day })
		c.net()
		b.payUsage(c, func(day Day) bool { return day >= b.day })
		b.finish(c)
	}
	return charges
}

// waits tells whether a meter has usage of the day itself to charge.
func (c *charging) waits(today []DueUsage, day Day) bool {
	for i := range today {
		if u := &today[i]; u.Meter == c.Meter && u.ServiceDate >= day {
			return true
		}
	}
	return slices.ContainsFunc(c.claims, func(x claim) bool { return x.day >= day })
}

// usageOf makes the lines of a meter's usage that is priced by itself.
func (b *billing) usageOf(c *charging, today []DueUsage, of func(Day) bool) {
	for i := range today {
		u := &today[i]
		if u.Meter != c.Meter || u.Rows > 0 || !of(u.ServiceDate) {
			continue
		}
		covered, rest := b.drawUnits(c.UsageCharge, u)
		c.lines = append(c.lines, covered...)
		if rest.IsZero() && !u.Quantity.IsZero() {
			continue
		}
		c.lines = append(c.lines, Line{})
		l := &c.lines[len(c.lines)-1]
		b.setUsageLine(l, u, rest)
		b.creditCorrection(l)
		c.claim(l, b.day)
	}
}

// claim notes what a line costs, for the day of its usage, or the last of its
// period.
func (c *charging) claim(l *Line, today Day) {
	day := l.ServiceDate
	if day == calendar.None {
		day = min(l.PeriodEnd-1, today)
	}
	c.amount = c.amount.Add(l.Amount)
	i, found := slices.BinarySearchFunc(c.claims, day, func(x claim, day Day) int { return cmp.Compare(x.day, day) })
	if !found {
		c.claims = slices.Insert(c.claims, i, claim{day, money.Zero(c.amount.Currency())})
	}
	c.claims[i].amount = c.claims[i].amount.Add(l.Amount)
}

// net takes what is below zero off what other days cost, the last ones first.
func (c *charging) net() {
	below := money.Zero(c.amount.Currency())
	for i := range c.claims {
		if c.claims[i].amount.Sign() < 0 {
			below = below.Sub(c.claims[i].amount)
			c.claims[i].amount = money.Zero(below.Currency())
		}
	}
	for i := len(c.claims) - 1; i >= 0; i-- {
		off := money.Min(below, c.claims[i].amount)
		c.claims[i].amount, below = c.claims[i].amount.Sub(off), below.Sub(off)
	}
}

// payUsage draws the balances of money for the claims of some days.
func (b *billing) payUsage(c *charging, of func(Day) bool) {
	names := b.usedBy(c.UsageCharge, false)
	for _, claim := range c.claims {
		if claim.amount.Sign() <= 0 || !of(claim.day) {
			continue
		}
		for _, d := range b.take(names, claim.amount.Value(), claim.day) {
			b.use(d)
			d.meter = c.Meter
			c.draws = append(c.draws, len(b.draws))
			b.draws = append(b.draws, d)
		}
	}
}

// finish gives back what was drawn beyond the amount, where corrections of the
// day lower it, and charges the shortfall.
func (b *billing) finish(c *charging) {
	c.done = true
	b.topUp(c, c.amount.Sub(b.boundDraws(c.draws, c.amount)))
}

// boundDraws gives back what some draws took beyond an amount, the last one
// first, and is what they keep.
func (b *billing) boundDraws(draws []int, most money.Amount) money.Amount {
	kept := money.Zero(b.account.Currency)
	for _, i := range draws {
		kept = kept.Add(b.draws[i].Left)
	}
	most = money.Max(most, money.Zero(most.Currency()))
	for i := len(draws) - 1; i >= 0 && kept.Cmp(most) > 0; i-- {
		d := &b.draws[draws[i]]
		back := money.Min(d.Left, kept.Sub(most))
		b.returnDraw(d, back)
		kept = kept.Sub(back)
	}
	return kept
}

// topUp raises a shortfall to the minimum charge.
func (b *billing) topUp(c *charging, shortfall money.Amount) {
	charge := c.UsageCharge
	minimum := money.Line(whole(1), charge.Minimum, money.Whole, b.account.Currency, b.cat.Rounding)
	if shortfall.Sign() <= 0 || shortfall.Cmp(minimum) >= 0 {
		return
	}
	rest := minimum.Sub(shortfall)
	c.topUp = &Line{
		Kind: Minimum, Rule: charge.Rule, Description: charge.Description + ", up to the minimum charge", Meter: charge.Meter,
		Quantity: whole(1), UnitPrice: rest.Value(), Part: money.Whole, Amount: rest, ServiceDate: 0, Prepays: true,
		PeriodStart: b.day, PeriodEnd: b.day + 1, CatalogLine: charge.Line,
		Calculation: fmt.Sprintf("usage %s, shortfall %s, minimum %s: %s kept in %s", c.amount, shortfall, minimum, rest, charge.RestTo),
	}
	b.put(b.version.Balance(charge.RestTo), rest, calendar.None)
}

// setUsageLine makes an empty line that of some quantity of usage. It is made
// where it stays: there are many, and they are large.
func (b *billing) setUsageLine(l *Line, u *DueUsage, quantity decimal.Decimal) {
	l.Kind, l.Meter, l.Part = Metered, u.Meter, money.Whole
	l.Rule, l.Description, l.CatalogLine = u.Price.Rule, u.Price.Description, u.Price.CatalogLine
	l.Quantity, l.UnitPrice = quantity, u.Price.UnitPrice
	l.PeriodStart, l.PeriodEnd, l.ServiceDate, l.Late = u.ServiceDate, u.ServiceDate+1, u.ServiceDate, u.Late
	b.reckon(l)
}

// findDue is where usage is in a list that is in the order of compareDue, or
// where it belongs. What it finds first by the price's place is equal by
// compareDue too, all of whose fields it asks for.
func findDue(list []DueUsage, u *DueUsage) (at int, found bool) {
	for i := range list[:min(len(list), fewDue)] { // most accounts have few lines, and most usage joins one at the very same price: alike by compareDue, too
		if d := &list[i]; d.Price == u.Price && d.ServiceDate == u.ServiceDate && d.DueOn == u.DueOn && d.Late == u.Late && d.Meter == u.Meter && d.Per == u.Per {
			return i, true
		}
	}
	return sort.Find(len(list), func(i int) int { return compareDue(u, &list[i]) })
}

// fewDue are gone through one by one.
const fewDue = 8

// compareDue is the order of lines: two groups that compare equal are one line.
func compareDue(x, y *DueUsage) int {
	c := cmp.Or(cmp.Compare(x.DueOn, y.DueOn), cmp.Compare(x.Meter, y.Meter), cmp.Compare(x.ServiceDate, y.ServiceDate), boolCompare(x.Late, y.Late))
	if c != 0 {
		return c
	}
	if p, q := x.Price, y.Price; p != q {
		c = cmp.Or(cmp.Compare(p.CatalogLine, q.CatalogLine), cmp.Compare(p.Description, q.Description), p.UnitPrice.Cmp(q.UnitPrice), cmp.Compare(p.Rule, q.Rule))
	}
	return cmp.Or(c, cmp.Compare(x.Per, y.Per))
}
