package pipeline

import (
	"encoding/binary"
	"fmt"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
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
		Initial: wide(t.Level.Initial), Change: wide(t.Level.Change), Moment: momentText(t.Level.Moment),
		Keys: keyRows(t.Keys), Switches: switchRows(t.Switches),
	}
}

// momentText is a level's moment as text: microseconds × units may have more
// digits than a DECIMAL. Empty: none.
func momentText(moment decimal.Decimal) string {
	if moment.IsZero() {
		return ""
	}
	return moment.String()
}

func keyRows(keys []rating.Key) [][16]byte {
	rows := make([][16]byte, len(keys))
	for i, key := range keys {
		rows[i] = key
	}
	return rows
}

func keysOf(rows [][16]byte) []rating.Key {
	var keys []rating.Key
	for _, row := range rows {
		keys = append(keys, row)
	}
	return keys
}

func switchRows(switches []rating.Switch) []writers.StateSwitch {
	rows := make([]writers.StateSwitch, len(switches))
	for i, s := range switches {
		rows[i] = writers.StateSwitch{At: s.At, Key: s.Key, On: s.On}
		hi, lo, err := keyBits(s.ID)
		if err != nil {
			panic(err) // written by eventKey
		}
		binary.BigEndian.PutUint64(rows[i].EventKey[:8], hi)
		binary.BigEndian.PutUint64(rows[i].EventKey[8:], lo)
	}
	return rows
}

func switchesOf(rows []writers.StateSwitch) []rating.Switch {
	var switches []rating.Switch
	for _, s := range rows {
		switches = append(switches, rating.Switch{At: s.At, ID: eventKey(idBits(&s.EventKey)), Key: s.Key, On: s.On})
	}
	return switches
}

// tallyOf reads a tally back from the state table.
func tallyOf(s *writers.StateTally, currency money.Currency) (rating.Tally, error) {
	t := rating.Tally{
		Meter: s.Meter, From: calendar.Day(s.From), Version: calendar.Day(s.Version), Per: s.Per, UnitPrice: writers.FromWide(s.UnitPrice), To: calendar.Day(s.To),
		Start: writers.FromWide(s.Start), Used: writers.FromWide(s.Used), Rows: s.Rows, LastAt: s.LastAt, Free: writers.FromWide(s.Free), Exact: writers.FromWide(s.Exact), Ended: s.Ended,
		Charged: rating.Charged{Used: writers.FromWide(s.ChargedUsed), Rows: s.ChargedRows, Exact: writers.FromWide(s.ChargedExact)},
	}
	t.Level = rating.RunningLevel{Initial: writers.FromWide(s.Initial), Change: writers.FromWide(s.Change)}
	t.Keys, t.Switches = keysOf(s.Keys), switchesOf(s.Switches)
	var err error
	if s.Moment != "" {
		if t.Level.Moment, err = decimal.NewFromString(s.Moment); err != nil {
			return t, fmt.Errorf("moment %q of %s: %w", s.Moment, s.Meter, err)
		}
	}
	if t.Charged.Amount, err = money.New(writers.FromMoney(s.ChargedAmount), currency); err != nil {
		return t, err
	}
	t.Charged.Adjusted, err = money.New(writers.FromMoney(s.ChargedAdjusted), currency)
	return t, err
}

// tally notes what of a tally would not fit.
func (f *fitter) tally(t *rating.Tally) {
	f.wide("counter of ", t.Meter, t.Used)
	f.wide("counter of ", t.Meter, t.Start)
	f.wide("level of ", t.Meter, t.Level.Initial)
	f.wide("change of the level of ", t.Meter, t.Level.Change)
	f.wide("cost of events of ", t.Meter, t.Exact)
	f.wide("free amount of ", t.Meter, t.Free)
	f.wide("unit price of ", t.Meter, t.UnitPrice)
	f.money("charged for ", t.Meter, t.Charged.Amount)
	f.money("charged for ", t.Meter, t.Charged.Adjusted)
}
