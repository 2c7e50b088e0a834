package rating

import (
	"fmt"
	"slices"

	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// A meter of a level (weighted, active) counts a billing period and is charged
// in arrears. Its tally keeps the level at the period's beginning and what
// changed it since; without reset: period the level at the end is where the
// next period begins, also where that one has no row of its own. A late change
// goes into the period of its own day and raises or lowers all later ones:
// each is charged the difference.

// runningKey finds the tally of a level: one a period, whatever the version.
type runningKey struct {
	meter, per string
	from       Day
}

func (t *Tally) runningKey() runningKey { return runningKey{t.Meter, t.Per, t.From} }

// switched are the day's rows that turn keys of one tally on and off. They are
// counted together, once all are there.
type switched struct {
	key      runningKey
	switches []pricing.Switch
	last     int // of b.out.Rated: the row that carries what they added to the price
}

// levels is what a day knows of levels beside its tallies.
type levels struct {
	switched []switched
	onAtEnd  map[runningKey][]pricing.Key // looked up by key alone
	carried  []string                     // meters whose levels were taken over into their later periods
}

// tallyLevel counts a row of a level.
func (b *billing) tallyLevel(u *Usage, meter *catalog.Meter, charge *catalog.UsageCharge) {
	change, reason, why := switchOf(u, meter)
	if reason != "" {
		b.reject(u.Origin, reason, why)
		return
	}
	if !slices.Contains(b.levels.carried, meter.Name) { // else the row would begin its period at nothing
		b.carry(meter)
		b.levels.carried = append(b.levels.carried, meter.Name)
	}
	from, to := b.counts(catalog.OverPeriod, u.ServiceDate)
	version, of := b.periodCharge(meter.Name, from, to)
	if of != nil {
		charge = of
	} else {
		version = b.cat.At(u.ServiceDate)
	}
	priced, reason, why := pricePoint(u, meter, version, charge)
	if reason != "" {
		b.reject(u.Origin, reason, why)
		return
	}
	per := perText(charge.Counting.Per, meter, u.Dimensions)
	point := *priced
	point.Description, point.UnitPrice = joined(charge.Description, per), levelPrice(charge)
	t := b.tallyAt(u.ServiceDate, charge, version.From, per, point.UnitPrice)
	if meter.Of == catalog.ActiveOf {
		b.tallied(u, t, charge, &point, money.Ratio{}, decimal.Decimal{})
		change.At = b.instant(u)
		b.noteSwitch(t.runningKey(), change)
		return
	}
	after := *t
	after.Level = t.Level.Add(u.Quantity, b.position(t, meter, b.instant(u)))
	after.Rows += u.Rows
	after.Used = b.figure(&after, meter).Recorded()
	before, price := b.priceNow(t, meter, charge), b.priceNow(&after, meter, charge).Amount
	if !b.fits(price) {
		b.reject(u.Origin, Overflow, fmt.Sprintf("%s of %s would make the price more than a line can hold", u.Quantity, u.Meter))
		return
	}
	share := price
	if t.Rows > 0 || !t.Used.IsZero() {
		share = price.Sub(before.Amount)
	}
	*t = after
	b.tallied(u, t, charge, &point, share, decimal.Decimal{})
}

// switchOf is what a row of active keys does, or the reason why it does nothing.
func switchOf(u *Usage, meter *catalog.Meter) (pricing.Switch, Reason, string) {
	s := pricing.Switch{ID: u.EventID, Key: pricing.KeyOf(u.Key), On: true}
	switch {
	case meter.Of != catalog.ActiveOf:
		return s, "", ""
	case u.Key == "":
		return s, MissingField, meter.Key()
	case meter.Action == "":
		return s, "", ""
	}
	switch u.Action {
	case "add", "activated":
	case "remove", "deactivated":
		s.On = false
	default:
		return s, UnknownAction, fmt.Sprintf("%s %q (want add or remove, or activated or deactivated)", meter.Action, u.Action)
	}
	return s, "", ""
}

// instant is when a row happened: where it does not say, as its day began.
func (b *billing) instant(u *Usage) int64 {
	if u.At == 0 {
		return b.cat.Zone.Midnight(u.ServiceDate)
	}
	return u.At
}

// noteSwitch keeps a switch for countSwitched. Its row was rated just now.
func (b *billing) noteSwitch(key runningKey, s pricing.Switch) {
	i := slices.IndexFunc(b.levels.switched, func(x switched) bool { return x.key == key })
	if i < 0 {
		i = len(b.levels.switched)
		b.levels.switched = append(b.levels.switched, switched{key: key})
	}
	x := &b.levels.switched[i]
	x.switches = append(x.switches, s)
	x.last = len(b.out.Rated) - 1
}

// countSwitched counts the day's switches. What they add to a tally's price is
// the share of the last of them.
func (b *billing) countSwitched() {
	for _, x := range b.levels.switched {
		t := b.running(x.key)
		meter, charge := b.cat.Meter(t.Meter), b.chargeOf(t)
		before := money.Ratio{}
		if t.Rows > 0 || !t.Used.IsZero() {
			before = b.priceNow(t, meter, charge).Amount
		}
		t.Switches = pricing.WithSwitches(t.Switches, x.switches)
		t.Rows += int64(len(x.switches))
		b.recount(t, meter)
		b.out.Rated[x.last].Amount = b.priceNow(t, meter, charge).Amount.Sub(before).Recorded()
	}
	b.levels.switched = nil
}

// recount brings a tally of active keys up to date.
func (b *billing) recount(t *Tally, meter *catalog.Meter) {
	if meter.Of == catalog.ActiveOf {
		a := pricing.CountActive(t.Keys, t.Switches, func(at int64) int64 { return b.position(t, meter, at) })
		t.Level = a.Level
		switch meter.Measure {
		case catalog.AtEnd:
			t.Used = a.Level.End()
		case catalog.AnyTime:
			t.Used = whole(a.AnyTime)
		case catalog.Highest:
			t.Used = whole(a.Highest)
		}
		if b.levels.onAtEnd == nil {
			b.levels.onAtEnd = map[runningKey][]pricing.Key{}
		}
		b.levels.onAtEnd[t.runningKey()] = a.Keys
	}
	if meter.Mean() {
		t.Used = b.figure(t, meter).Recorded()
	}
}

// position is the time of an instant within a tally's period: microseconds, or
// whole days. What is older than the period counts from its beginning.
func (b *billing) position(t *Tally, meter *catalog.Meter, at int64) int64 {
	if meter.ByDay {
		return max(0, int64(b.cat.Zone.DayOf(at)-t.From))
	}
	return max(0, at-b.cat.Zone.Midnight(t.From))
}

// figure is what a tally has counted, exactly. A mean is taken over the whole
// period; what closing cuts off counts as nothing.
func (b *billing) figure(t *Tally, meter *catalog.Meter) money.Ratio {
	if meter == nil || !meter.Mean() {
		return money.Exactly(t.Start.Add(t.Used))
	}
	until, length := b.lengths(t, meter)
	return t.Level.Mean(until, length)
}

// lengths are how much of a tally's period the account lives, and all of it.
func (b *billing) lengths(t *Tally, meter *catalog.Meter) (until, length int64) {
	end := b.lastDay(t) + 1
	if meter.ByDay {
		return int64(end - t.From), int64(t.To - t.From)
	}
	zone := b.cat.Zone
	return zone.Midnight(end) - zone.Midnight(t.From), zone.Midnight(t.To) - zone.Midnight(t.From)
}

// meanText is how a mean came about, for the line's arithmetic.
func (b *billing) meanText(t *Tally, meter *catalog.Meter) string {
	if meter == nil || !meter.Mean() {
		return ""
	}
	until, length := b.lengths(t, meter)
	unit, shift := "day", int32(0)
	if !meter.ByDay {
		unit, shift = "second", -6
	}
	scaled := func(d decimal.Decimal) string { return d.Shift(shift).String() }
	return fmt.Sprintf("from %s to %s, %s × 1 %s over %s %ss: ", t.Level.Initial, t.Level.End(),
		scaled(t.Level.Area(until)), unit, scaled(whole(length)), unit)
}

// priceNow is what all that a tally has counted costs.
func (b *billing) priceNow(t *Tally, meter *catalog.Meter, charge *catalog.UsageCharge) pricing.Priced {
	return b.priceOf(t, charge, b.figure(t, meter), t.Rows)
}

// periodCharge is the charge of a level for a period, with its version: the
// first that is in force in it and has one. A mean has no days of its own that
// versions could share out.
func (b *billing) periodCharge(meter string, from, to Day) (*catalog.Version, *catalog.UsageCharge) {
	for i := range b.cat.Versions {
		v := &b.cat.Versions[i]
		if next := i + 1; v.From >= to || next < len(b.cat.Versions) && b.cat.Versions[next].From <= from {
			continue
		}
		if charge := v.UsageCharge(meter); charge != nil && charge.Counted() {
			return v, charge
		}
	}
	return nil, nil
}

// levelPrice is the unit price of a level's tallies: a level has no other.
func levelPrice(charge *catalog.UsageCharge) decimal.Decimal {
	if charge.Counting.Model != nil {
		return decimal.Decimal{}
	}
	return charge.Price
}

// running is the tally of a key, or nil.
func (b *billing) running(key runningKey) *Tally {
	for i := range b.account.Tallies {
		if t := &b.account.Tallies[i]; t.runningKey() == key {
			return t
		}
	}
	return nil
}

// carryToday takes a meter's levels over where the day has given cause to: a
// row of it, or the beginning of a period.
func (b *billing) carryToday(name string) {
	meter := b.cat.Meter(name)
	if meter != nil && meter.Running() && (b.account.PeriodStart == b.day || slices.Contains(b.levels.carried, name)) {
		b.carry(meter)
	}
}

// carry takes a meter's levels over from each period to the next.
func (b *billing) carry(meter *catalog.Meter) {
	if meter.PerPeriod {
		return
	}
	var pers []string
	for i := range b.account.Tallies {
		if t := &b.account.Tallies[i]; t.Meter == meter.Name {
			pers = append(pers, t.Per)
		}
	}
	slices.Sort(pers)
	for _, per := range slices.Compact(pers) {
		periods := b.periodsOf(meter.Name, per)
		for i := 1; i < len(periods); i++ {
			b.carryInto(meter, per, periods[i-1], periods[i])
		}
	}
}

// periodsOf are the first days of the billing periods from a level's first
// tally on, as far as the account knows them.
func (b *billing) periodsOf(meter, per string) []Day {
	first := Day(0)
	var days []Day
	for i := range b.account.Tallies {
		if t := &b.account.Tallies[i]; t.Meter == meter && t.Per == per {
			if days == nil {
				first = t.From
			}
			days = append(days, t.From)
		}
	}
	for _, s := range b.account.Segments {
		if s.PeriodStart > first {
			days = append(days, s.PeriodStart)
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// carryInto begins a period at the level with which another ended. A period
// that begins at nothing and has no row needs no tally.
func (b *billing) carryInto(meter *catalog.Meter, per string, before, from Day) {
	initial, keys := decimal.Decimal{}, []pricing.Key(nil)
	if t := b.running(runningKey{meter.Name, per, before}); t != nil {
		if meter.Of == catalog.ActiveOf {
			keys = b.keysAtEnd(t, meter)
			initial = whole(int64(len(keys)))
		} else {
			initial = t.Level.End()
		}
	}
	t := b.running(runningKey{meter.Name, per, from})
	if t == nil {
		_, to := b.counts(catalog.OverPeriod, from)
		version, charge := b.periodCharge(meter.Name, from, to)
		if initial.IsZero() || charge == nil {
			return
		}
		t = b.tallyAt(from, charge, version.From, per, levelPrice(charge))
	}
	if t.Level.Initial.Equal(initial) && slices.Equal(t.Keys, keys) {
		return
	}
	t.Level.Initial, t.Keys = initial, keys
	b.recount(t, meter)
}

// keysAtEnd are the keys that are on when a tally's period ends.
func (b *billing) keysAtEnd(t *Tally, meter *catalog.Meter) []pricing.Key {
	keys, counted := b.levels.onAtEnd[t.runningKey()]
	if !counted {
		of := *t
		b.recount(&of, meter)
		keys = b.levels.onAtEnd[t.runningKey()]
	}
	return keys
}
