package rating

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// Tally is what a charge that counts usage has counted, and what was charged
// for it. Its price is that of all it has counted; each charge is what the
// price came to since the last one, so that tiers reached within a period
// count and the rounded lines add up to the rounded price.
//
// Each unit is priced by the catalog version of its own day, at the place that
// the counter had reached: a new version goes on where the one before stopped.
// A plan change changes nothing. Late usage adds to the tally of its own day,
// also after that was charged.
type Tally struct {
	Meter     string
	From      Day // first day counted: of the billing period, of the service day, of the account
	Version   Day // from which the version that prices it is in force
	Per       string
	UnitPrice decimal.Decimal // of the price row or column; zero where a model or one price holds

	To      Day             // first day after; None: it never ends
	Start   decimal.Decimal // counted since From under earlier versions
	Used    decimal.Decimal
	Rows    int64           // events behind Used
	LastAt  int64           // of a meter of last values: microseconds of the row behind Used
	Free    decimal.Decimal // of events priced one by one: free amounts
	Exact   decimal.Decimal // and what the events cost
	Ended   bool            // the period is over: what is added is late
	Charged Charged

	Level    RunningLevel // of a meter of a level: since From, in microseconds or days
	Keys     []Key        // sorted; of unique values: those met; of active keys: those on when From began
	Switches []Switch     // of active keys: all since From, in their total order
}

// What a tally keeps of its rows beside numbers.
type (
	RunningLevel = pricing.Level
	Key          = pricing.Key
	Switch       = pricing.Switch
)

// Charged is how much of a tally was charged, and what for it.
type Charged struct {
	Used     decimal.Decimal
	Rows     int64
	Exact    decimal.Decimal
	Amount   money.Amount // for the usage
	Adjusted money.Amount // beyond it, by the bounds of a spend; the sum of all tallies of meter and From counts
}

// compareTallies is the order of tallies. Two that compare equal are one.
func compareTallies(x, y *Tally) int {
	return cmp.Or(cmp.Compare(x.Meter, y.Meter), cmp.Compare(x.From, y.From), cmp.Compare(x.Version, y.Version),
		cmp.Compare(x.Per, y.Per), x.UnitPrice.Cmp(y.UnitPrice))
}

// sameCounter tells whether two tallies count the same under two versions of
// the catalog. Prices keep counters apart where usage brings them; else they
// are the versions' own: one price may have become another, or tiers.
func (t *Tally) sameCounter(o *Tally, charge *catalog.UsageCharge) bool {
	return t.Meter == o.Meter && t.From == o.From && t.Per == o.Per && (charge.Column == "" || t.UnitPrice.Equal(o.UnitPrice))
}

// charge is how the tally's version charges its meter, or nil where the
// catalog was changed in between.
func (b *billing) chargeOf(t *Tally) *catalog.UsageCharge {
	version := b.cat.At(t.Version)
	if version == nil || version.From != t.Version {
		return nil
	}
	if charge := version.UsageCharge(t.Meter); charge != nil && charge.Counted() && !b.rowLost(t, charge) {
		return charge
	}
	return nil
}

// tallyAt finds or makes the tally that a service date's usage is counted in.
// The pointer holds until the next call.
func (b *billing) tallyAt(day Day, charge *catalog.UsageCharge, version Day, per string, unitPrice decimal.Decimal) *Tally {
	t := Tally{Meter: charge.Meter, Version: version, Per: per, UnitPrice: unitPrice}
	t.From, t.To = b.counts(charge.Counting.Over, day)
	a := b.account
	i, found := slices.BinarySearchFunc(a.Tallies, &t, func(x Tally, y *Tally) int { return compareTallies(&x, y) })
	if !found {
		zero := money.Zero(a.Currency)
		t.Charged.Amount, t.Charged.Adjusted = zero, zero
		t.Ended = b.ended(&t) // usage of a period that was charged before
		if next := b.nextPeriod(t.From); t.Ended && next != calendar.None && charge.Counting.Over == catalog.OverPeriod {
			t.To = next
		}
		for j := range a.Tallies {
			if o := &a.Tallies[j]; o.sameCounter(&t, charge) && o.Version < version {
				t.Start = t.Start.Add(o.Used)
			}
		}
		a.Tallies = slices.Insert(a.Tallies, i, t)
	}
	return &a.Tallies[i]
}

// counts is the days that are counted together with a service date.
func (b *billing) counts(over catalog.Over, day Day) (from, to Day) {
	switch over {
	case catalog.OverPeriod:
		s := b.segment(day)
		return s.PeriodStart, s.PeriodEnd
	case catalog.OverLife:
		return b.account.SignedUpOn, calendar.None
	}
	return day, day + 1
}

// ended tells whether the period that a tally counts was over before today: it
// was charged then.
func (b *billing) ended(t *Tally) bool {
	a := b.account
	if t.To == calendar.None || t.To == t.From+1 {
		return false
	}
	next := b.nextPeriod(t.From)
	return next != calendar.None && (next < a.PeriodStart || a.PeriodStart < b.day) || a.ClosedOn != calendar.None && a.ClosedOn < b.day
}

// nextPeriod is the first day of the period after one, which may have lasted
// longer than it was to: None where there is none yet.
func (b *billing) nextPeriod(from Day) Day {
	for _, s := range b.account.Segments {
		if s.PeriodStart > from {
			return s.PeriodStart
		}
	}
	return calendar.None
}

// ends tells whether a tally's period is over today at the latest.
func (b *billing) ends(t *Tally) bool {
	a := b.account
	return t.To != calendar.None && (a.PeriodStart > t.From || a.ClosedOn != calendar.None)
}

// all is what a tally's counter has, of which the tally itself counted so much.
func (t *Tally) all(used decimal.Decimal) money.Ratio { return money.Exactly(t.Start.Add(used)) }

// priceOf is what a tally whose counter has so much costs, under its version.
func (b *billing) priceOf(t *Tally, charge *catalog.UsageCharge, all money.Ratio, rows int64) pricing.Priced {
	counting, model := charge.Counting, b.modelOf(t, charge)
	p := model.Price(pricing.Usage{Quantity: counting.Unit.Billed(all), Count: rows})
	if converted := counting.Unit.Working(all); converted != "" {
		p.Working = converted + ": " + p.Working
	}
	if !t.Start.IsZero() {
		before := model.Price(pricing.Usage{Quantity: counting.Unit.Billed(money.Exactly(t.Start))}).Amount
		p.Amount, p.Parts = p.Amount.Sub(before), nil
		p.Working += " − " + before.String() + " of the " + t.Start.String() + " before the catalog changed"
	}
	return p
}

// perText are the values that are counted by themselves: country=US plan="a b".
func perText(columns []string, meter *catalog.Meter, values []string) string {
	var parts []string
	for _, column := range columns {
		value := values[slices.Index(meter.By, column)]
		if strings.ContainsAny(value, " =\"") {
			value = strconv.Quote(value)
		}
		parts = append(parts, column+"="+value)
	}
	return strings.Join(parts, " ")
}

// forgetTallies drops tallies of days that no usage is accepted for any more,
// once they are charged.
func (b *billing) forgetTallies(oldest Day) {
	a := b.account
	a.Tallies = slices.DeleteFunc(a.Tallies, func(t Tally) bool {
		return t.To != calendar.None && t.To <= oldest && t.Used.Equal(t.Charged.Used)
	})
}
