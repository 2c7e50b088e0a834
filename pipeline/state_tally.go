package pipeline

import (
	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/money"
	"ratemill/writers"
)

// tallyRow is a tally as the state table keeps it.
func tallyRow(t *rating.Tally) writers.StateTally {
	c := &t.Charged
	return writers.StateTally{
		Meter: t.Meter, From: int32(t.From), Version: int32(t.Version), Per: t.Per, UnitPrice: wide(t.UnitPrice), To: int32(t.To),
		Start: wide(t.Start), Used: wide(t.Used), Rows: t.Rows, LastAt: t.LastAt, Free: wide(t.Free), Exact: wide(t.Exact), Ended: t.Ended,
		ChargedUsed: wide(c.Used), ChargedRows: c.Rows, ChargedExact: wide(c.Exact),
		ChargedAmount: cents(c.Amount), ChargedAdjusted: cents(c.Adjusted),
	}
}

// tallyOf reads a tally back from the state table.
func tallyOf(s *writers.StateTally, currency money.Currency) (rating.Tally, error) {
	t := rating.Tally{
		Meter: s.Meter, From: calendar.Day(s.From), Version: calendar.Day(s.Version), Per: s.Per, UnitPrice: writers.FromWide(s.UnitPrice), To: calendar.Day(s.To),
		Start: writers.FromWide(s.Start), Used: writers.FromWide(s.Used), Rows: s.Rows, LastAt: s.LastAt, Free: writers.FromWide(s.Free), Exact: writers.FromWide(s.Exact), Ended: s.Ended,
		Charged: rating.Charged{Used: writers.FromWide(s.ChargedUsed), Rows: s.ChargedRows, Exact: writers.FromWide(s.ChargedExact)},
	}
	var err error
	if t.Charged.Amount, err = money.New(writers.FromMoney(s.ChargedAmount), currency); err != nil {
		return t, err
	}
	t.Charged.Adjusted, err = money.New(writers.FromMoney(s.ChargedAdjusted), currency)
	return t, err
}

// tally notes what of a tally would not fit.
func (f *fitter) tally(t *rating.Tally) {
	f.wide("counter of "+t.Meter, t.Used)
	f.wide("counter of "+t.Meter, t.Start)
	f.wide("cost of events of "+t.Meter, t.Exact)
	f.wide("free amount of "+t.Meter, t.Free)
	f.wide("unit price of "+t.Meter, t.UnitPrice)
	f.money("charged for "+t.Meter, t.Charged.Amount)
	f.money("charged for "+t.Meter, t.Charged.Adjusted)
}
