package pricing

import (
	"fmt"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Percentage is a share of the amounts counted, as payment processors charge.
//
//	amount = Σ over the events: clamp(paid × rate + fixed, min, max)
//
// where paid is the event's amount less what is free of it. Free are the first
// free_events events and the first free_amount of money, whichever ends first
// where both are set; an event that is free as a whole pays no fixed part and
// no minimum, one that is free in part pays the fixed part in full.
//
// Engines differ in whether the fixed part counts towards min and max (here,
// as in Lago, it does) and in whether a part-free event pays it. Events are
// taken in the order in which they happened; without free_events, free_amount,
// min and max their order does not matter and their sum and number are enough.
type Percentage struct {
	Rate       Percent         `key:"rate" doc:"share of the amount, such as 1.2%"`
	Fixed      decimal.Decimal `key:"fixed,optional,money" doc:"added for each event that is not free"`
	FreeEvents int64           `key:"free_events,optional" doc:"first events of the period that are free"`
	FreeAmount decimal.Decimal `key:"free_amount,optional,money" doc:"first amount of the period that is free"`
	Min        decimal.Decimal `key:"min,optional,money" doc:"least that an event costs"`
	Max        decimal.Decimal `key:"max,optional,above0,money" doc:"most that an event costs"`
}

// perEvent tells whether what an event costs depends on more than its share of
// the sum.
func (m *Percentage) perEvent() bool {
	return !m.Min.IsZero() || !m.Max.IsZero() || m.FreeEvents > 0 || !m.FreeAmount.IsZero() && !m.Fixed.IsZero()
}

// Price is the share, event by event where the figures ask for it.
func (m *Percentage) Price(u Usage) Priced {
	if m.perEvent() {
		p, _ := m.Events(Progress{}, u.Events)
		return p
	}
	q := used(u.Quantity)
	paid := used(q.Sub(money.Exactly(m.FreeAmount)))
	parts := []Part{{"rate", paid, money.Exactly(m.Rate.Fraction())}}
	p := sum(parts)
	p.Working = fmt.Sprintf("%s × %s", paid, m.Rate)
	if !m.FreeAmount.IsZero() {
		p.Working = fmt.Sprintf("(%s − %s free) × %s", q, q.Sub(paid), m.Rate)
	}
	if !m.Fixed.IsZero() && u.Count > 0 {
		events := Part{"events", money.Int(u.Count), money.Exactly(m.Fixed)}
		p.Parts, p.Amount = append(parts, events), p.Amount.Add(events.Amount())
		p.Working += fmt.Sprintf(" + %d events × %s", u.Count, m.Fixed)
	}
	return p
}

// Progress is how far a counter of events has come.
type Progress struct {
	Events int64
	Free   money.Ratio // of their amounts
}

// Events prices events in their order, after those of before. It is what they
// cost by themselves, and how far the counter is then.
func (m *Percentage) Events(before Progress, events []decimal.Decimal) (Priced, Progress) {
	var amount money.Ratio
	now := before
	freeEvents, atMin, atMax := 0, 0, 0
	for _, e := range events {
		event := used(money.Exactly(e))
		off, eligible := m.free(event, now)
		now.Events, now.Free = now.Events+1, now.Free.Add(off)
		if eligible && off.Cmp(event) == 0 {
			freeEvents++
			continue
		}
		cost := m.Rate.Of(event.Sub(off)).Add(money.Exactly(m.Fixed))
		if lowest := money.Exactly(m.Min); cost.Cmp(lowest) < 0 {
			cost = lowest
			atMin++
		}
		if highest := money.Exactly(m.Max); !m.Max.IsZero() && cost.Cmp(highest) > 0 {
			cost = highest
			atMax++
		}
		amount = amount.Add(cost)
	}
	return Priced{
		Amount: amount, Parts: []Part{{Quantity: money.Int(1), Each: amount}},
		Working: m.working(len(events), freeEvents, atMin, atMax, now.Free.Sub(before.Free)),
	}, now
}

// free is how much of the next event's amount is free, and whether any of it
// could be.
func (m *Percentage) free(event money.Ratio, before Progress) (money.Ratio, bool) {
	left := money.Exactly(m.FreeAmount).Sub(before.Free)
	switch {
	case m.FreeEvents == 0 && m.FreeAmount.IsZero(), m.FreeEvents > 0 && before.Events >= m.FreeEvents:
		return money.Ratio{}, false
	case m.FreeAmount.IsZero():
		return event, true
	case left.Sign() <= 0:
		return money.Ratio{}, false
	}
	return least(event, left), true
}

func (m *Percentage) working(events, free, atMin, atMax int, freeAmount money.Ratio) string {
	text := fmt.Sprintf("%d events at %s", events, m.Rate)
	if !m.Fixed.IsZero() {
		text += fmt.Sprintf(" + %s each", m.Fixed)
	}
	if free > 0 || freeAmount.Sign() > 0 {
		text += fmt.Sprintf(", %d free and %s of their amounts", free, freeAmount)
	}
	if !m.Min.IsZero() {
		text += fmt.Sprintf(", %d raised to %s", atMin, m.Min)
	}
	if !m.Max.IsZero() {
		text += fmt.Sprintf(", %d cut to %s", atMax, m.Max)
	}
	return text
}

// Check finds a minimum above the maximum.
func (m *Percentage) Check() []Problem {
	if !m.Max.IsZero() && m.Min.GreaterThan(m.Max) {
		return []Problem{{-1, "min", fmt.Sprintf("min %s is more than max %s", m.Min, m.Max)}}
	}
	return nil
}
