package rating

import (
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// moment is when a change counts from: a day, and where seconds are counted an
// instant of it.
type moment struct {
	day Day
	at  int64 // microseconds since 1970-01-01T00:00:00Z; 0: the beginning of the day
}

// cycle is the time that a price is for: from a day up to another.
type cycle struct {
	from, to Day
	months   bool // of a kind that counts in months
}

// period is the running billing period as a cycle.
func (b *billing) period() cycle {
	term := b.version.Term(b.account.Term)
	return cycle{b.account.PeriodStart, b.periodEnd(), term != nil && term.Period.Months > 0}
}

// baseCycle is the cycle of the base fee in force.
func (b *billing) baseCycle() cycle {
	term := b.version.Term(b.account.Term)
	return cycle{b.account.Base.From, b.account.BaseDueOn, term != nil && term.BaseEvery.Months > 0}
}

// rest is the part of a cycle from a change on: n days or seconds of d. The day
// of the change belongs to the new state, or to the old one (rule G-5).
func (b *billing) rest(since moment, of cycle) money.Fraction {
	if !b.version.Proration.Seconds {
		return b.part(b.boundary(since.day), of.to, of)
	}
	zone, from := b.cat.Zone, since.at
	if from == 0 {
		from = zone.Midnight(since.day)
	}
	start, end := zone.Midnight(of.from), zone.Midnight(of.to)
	return clipped((end-from)/microsecond, (end-start)/microsecond)
}

const microsecond = 1_000_000 // in a second

// boundary is the first day of the new state after a change on a day.
func (b *billing) boundary(day Day) Day {
	if b.version.Proration.ToOld {
		return day + 1
	}
	return day
}

// part is what whole days of a cycle are of it.
func (b *billing) part(from, to Day, of cycle) money.Fraction {
	if from <= of.from && to >= of.to {
		return money.Whole
	}
	settings := b.version.Proration
	count := func(from, to Day) int64 { return int64(to - from) }
	switch {
	case settings.Seconds:
		count = func(from, to Day) int64 { return (b.cat.Zone.Midnight(to) - b.cat.Zone.Midnight(from)) / microsecond }
	case settings.MonthDays > 0 && of.months:
		count = func(from, to Day) int64 { // what is left from here less what is left from there: parts add up
			until := func(day Day) int { return calendar.FixedDays(day, of.to, b.account.AnchorDay, settings.MonthDays) }
			return int64(until(from) - until(to))
		}
	}
	return clipped(count(from, to), count(of.from, of.to))
}

// clipped keeps a part within its cycle. Whole needs no arithmetic to be shown.
func clipped(n, d int64) money.Fraction {
	n = min(max(n, 0), d)
	if d <= 0 {
		return money.Fraction{N: 0, D: 1}
	}
	return money.Fraction{N: n, D: d}
}

// batch is how many changed at a moment.
type batch struct {
	quantity int64
	since    moment
}

// seatBatches says when so many users more, or fewer, came to be: all on the
// day, and where seconds are counted each at the instant of its event, the
// latest ones (rule G-12: what goes back and forth within a day is free). What
// no event of the day explains, such as users of a suspension that is over,
// counts from the beginning of the day.
func (b *billing) seatBatches(change int64) []batch {
	count := max(change, -change)
	today := moment{day: b.lastLived()}
	if !b.version.Proration.Seconds {
		return []batch{{count, today}}
	}
	instants := b.seatInstants(change > 0)
	if extra := int64(len(instants)) - count; extra > 0 {
		instants = instants[extra:]
	}
	var all []batch
	if unexplained := count - int64(len(instants)); unexplained > 0 {
		all = append(all, batch{unexplained, today})
	}
	for _, at := range instants {
		if n := len(all); n > 0 && all[n-1].since.at == at {
			all[n-1].quantity++
			continue
		}
		all = append(all, batch{1, moment{today.day, at}})
	}
	return all
}

// seatInstants are when users came that were not there when the day began, or
// went that were, in order. A late event counts from the beginning of the day.
func (b *billing) seatInstants(came bool) []int64 {
	last := map[string]int64{}
	for _, e := range b.seatEvents {
		at := e.At
		if e.Day < b.day {
			at = 0
		}
		last[e.User] = at
	}
	now, before := b.account.ActiveUsers, b.usersBefore
	if !came {
		now, before = before, now
	}
	var instants []int64
	for _, user := range now {
		if _, was := slices.BinarySearch(before, user); !was {
			instants = append(instants, last[user])
		}
	}
	slices.Sort(instants)
	return instants
}

// netPrice is a price of a kind of lines less the account's percentage
// discounts.
func (b *billing) netPrice(kind LineKind, meter string, price decimal.Decimal) decimal.Decimal {
	for i := range b.version.Discounts {
		if d := &b.version.Discounts[i]; b.takes(d) && fitsDiscount(d, kind, meter) {
			price = price.Mul(decimal.NewFromInt(100).Sub(d.Percent)).Shift(-2)
		}
	}
	return money.Recorded(price)
}

// netAmount is what the account's percentage discounts leave of a line, each
// rounded as its own line will be.
func (b *billing) netAmount(l *Line) money.Amount {
	amount := l.Amount
	if b.version == nil {
		return amount
	}
	for i := range b.version.Discounts {
		if d := &b.version.Discounts[i]; b.takes(d) && fitsDiscount(d, l.charges(), l.Meter) {
			amount = amount.Sub(b.percentOf(d.Percent, amount))
		}
	}
	return amount
}

// charges is the kind of what a line charges, prorated or not.
func (l *Line) charges() LineKind {
	if l.Of != "" {
		return l.Of
	}
	return l.Kind
}

// waits holds a charge for the next invoice, whatever that is for (rule G-7).
func (b *billing) waits(l Line) { b.account.Waiting = append(b.account.Waiting, l) }

// additions say when the term charges what is added within a period, or nil:
// at once, under the rule of what is added.
func (b *billing) additions() *catalog.Additions {
	if term := b.version.Term(b.account.Term); term != nil && b.renewal == nil {
		return term.Additions
	}
	return nil
}

// creditUnused opens a credit for the unused rest of a cycle, at the price at
// which it was billed, and never beyond what is left of the charge (rule G-5).
func (b *billing) creditUnused(u unused) money.Amount {
	credit := b.line(Line{Quantity: u.quantity, UnitPrice: u.price, Part: b.rest(u.since, u.of)})
	amount := money.Min(credit.Amount, u.left)
	if amount.Sign() <= 0 {
		return money.Zero(b.account.Currency)
	}
	text := "unused time: " + u.what + ", " + credit.Calculation
	if amount.Cmp(credit.Amount) < 0 {
		text += ", of which " + amount.String() + " was charged"
	}
	b.account.Unused = append(b.account.Unused, UnusedTime{
		Rule: u.rule, Description: text, Amount: amount, PeriodStart: b.boundary(u.since.day), PeriodEnd: u.of.to,
	})
	b.move(UnusedTimeBalance).added(amount)
	return amount
}

// unused is time that was paid for and is given up.
type unused struct {
	what     string
	rule     RuleID
	quantity decimal.Decimal
	price    decimal.Decimal
	since    moment
	of       cycle
	left     money.Amount
}

// UnusedTime is the credit for unused time that is open, less what waits to be
// charged with the next invoice, which takes it first.
func (a *Account) UnusedTime() money.Amount {
	open := money.Zero(a.Currency)
	for _, u := range a.Unused {
		open = open.Add(u.Amount)
	}
	for i := range a.Waiting {
		open = open.Sub(money.Min(a.Waiting[i].Amount, open))
	}
	return open
}

// closeUnused brings the day's movement of unused time to what is open at its
// end: what waits has taken its part before there is an invoice.
func (b *billing) closeUnused() {
	closing := b.account.UnusedTime()
	if _, moved := b.moves[UnusedTimeBalance]; !moved && closing.Sign() == 0 {
		return
	}
	m := b.move(UnusedTimeBalance)
	m.used(m.Closing.Sub(closing))
	if m.Used.Sign() < 0 { // a charge that waited was dropped
		m.Added, m.Used = m.Added.Sub(m.Used), money.Zero(b.account.Currency)
	}
}

// seatAddOn tells whether an add-on in force is for users.
func (b *billing) seatAddOn(name string) *catalog.AddOn {
	if addOn := b.version.AddOn(name); addOn != nil && addOn.LineKind == string(Seat) {
		return addOn
	}
	return nil
}
