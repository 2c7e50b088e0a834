package rating_test

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// keyedCatalog charges one meter that keeps its rows' keys or times.
func keyedCatalog(t interface{ Fatal(...any) }, window int, meter, settings string) *catalog.Catalog {
	cat, err := parsedOnce("keyed.yaml", `
catalog: {name: keyed, currency: USD, time_zone: America/New_York, rounding: half_up, window: `+fmt.Sprint(window)+` days, invoice_series: INV}
meters: {m: {source: s, `+meter+`, rule: R-2}}
versions:
- from: 2018-01-01
  terms: {monthly: {base_every: 1 month, base: 1 x monthly, rule: R-1}}
  plans: {free: {all: {base: {price: 0, rule: R-1}}}}
  usage_charges: {m: {description: m, price: {each: 7.77}, `+settings+`, rule: R-2}}
`)
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// keyedRow is a row of such a meter.
type keyedRow struct {
	at       int64
	id, key  string
	on       bool
	quantity int64
}

// However rows are cut into nights, and however late they come, what is
// charged in the end, less what went back, is what one computation over each
// whole period makes of all rows, with fractions of its own.
func TestKeptRowsInAnyNights(t *testing.T) {
	meters := []string{
		"unique: key", "weighted: quantity", "weighted: quantity, holds: days", "weighted: quantity, reset: period",
		"active: key, action: action", "active: key, action: action, reset: period", "active: key, action: action, measure: any_time",
		"active: key, action: action, measure: highest", "active: key, action: action, measure: time_weighted", "active: key, measure: time_weighted, holds: days",
	}
	start, last := calendar.Date(2024, 1, 31), calendar.Date(2024, 5, 10)
	rapid.Check(t, func(t *rapid.T) {
		meter, settings := rapid.SampledFrom(meters).Draw(t, "meter"), "charged: period_end"
		if meter == "unique: key" {
			settings = rapid.SampledFrom([]string{"charged: period_end", "over: period", "over: life"}).Draw(t, "over")
		}
		cat := keyedCatalog(t, rapid.SampledFrom([]int{200, 36}).Draw(t, "window"), meter, settings)
		m := cat.Meter("m")
		arriving, rows := drawKeyed(t, cat, start, last)
		charged, _ := billAll(t, cat, start, last, arriving)
		periods := []calendar.Day{start, calendar.Date(2024, 2, 29), calendar.Date(2024, 3, 31), calendar.Date(2024, 4, 30), calendar.Date(2024, 5, 31)}
		if settings == "over: life" {
			periods = []calendar.Day{start, calendar.Date(2034, 1, 1)}
		}
		want := money.Zero(dollars)
		for i := range periods[1:] {
			if units := unitsOf(cat, m, rows, periods[i], periods[i+1], last+1); units.Sign() > 0 {
				want = want.Add(money.Over(decimal.NewFromBigInt(units.Num(), 0), decimal.NewFromBigInt(units.Denom(), 0)).Times(decimal.New(777, -2)).In(dollars, money.HalfUp))
			}
		}
		if charged.Cmp(want) != 0 {
			t.Fatalf("%s, %s: %s was charged, want %s\n%+v\n%+v", meter, settings, charged, want, rows, arriving)
		}
	})
}

// drawKeyed draws rows and the nights in which they come.
func drawKeyed(t *rapid.T, cat *catalog.Catalog, start, last calendar.Day) (map[calendar.Day][]rating.Usage, []keyedRow) {
	arriving := map[calendar.Day][]rating.Usage{}
	var rows []keyedRow
	for i := range rapid.IntRange(0, 14).Draw(t, "rows") {
		day := start + calendar.Day(rapid.IntRange(0, int(last-start)).Draw(t, "day"))
		if rapid.Bool().Draw(t, "at an edge") {
			day = rapid.SampledFrom([]calendar.Day{start, calendar.Date(2024, 2, 28), calendar.Date(2024, 2, 29), calendar.Date(2024, 3, 10), calendar.Date(2024, 3, 31), last}).Draw(t, "edge")
		}
		from, to := cat.Zone.Midnight(day), cat.Zone.Midnight(day+1)
		r := keyedRow{
			at: rapid.SampledFrom([]int64{from, to - 1, (from + to) / 2, from + 7}).Draw(t, "at"), id: fmt.Sprintf("%02d", i),
			key: rapid.SampledFrom([]string{"ann", "bob", "cem", "dora"}).Draw(t, "key"), on: rapid.Bool().Draw(t, "on"), quantity: rapid.Int64Range(-5, 9).Draw(t, "quantity"),
		}
		rows = append(rows, r)
		arrives := min(last, day+calendar.Day(cat.WindowDays), day+calendar.Day(rapid.SampledFrom([]int{0, 0, 0, 1, 20, 35, 70}).Draw(t, "late")))
		arriving[arrives] = append(arriving[arrives], rating.Usage{
			Origin: rating.Origin{Source: "s", Rows: 1}, Meter: "m", ServiceDate: day, Quantity: decimal.NewFromInt(r.quantity),
			At: r.at, EventID: r.id, Key: r.key, Action: map[bool]string{true: "add", false: "remove"}[r.on],
		})
	}
	byTime := func(x, y keyedRow) int { return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.id, y.id)) }
	slices.SortFunc(rows, byTime)
	for _, usage := range arriving { // as the pipeline hands them over
		slices.SortFunc(usage, func(x, y rating.Usage) int { return cmp.Or(cmp.Compare(x.At, y.At), cmp.Compare(x.EventID, y.EventID)) })
	}
	return arriving, rows
}

// unitsOf counts a period anew, of an account that closes.
func unitsOf(cat *catalog.Catalog, m *catalog.Meter, rows []keyedRow, from, to, closed calendar.Day) *big.Rat {
	position := func(at int64) int64 {
		if m.ByDay {
			return int64(cat.Zone.DayOf(at))
		}
		return at
	}
	midnight := func(d calendar.Day) int64 { return cat.Zone.Midnight(d) }
	begin, end := position(midnight(from)), position(midnight(min(to, closed)))
	if end <= begin {
		return new(big.Rat)
	}
	on, ever, level, highest := map[string]bool{}, map[string]bool{}, int64(0), int64(0)
	area, since := new(big.Int), begin
	hold := func(until int64) {
		area.Add(area, new(big.Int).Mul(big.NewInt(level), big.NewInt(until-since)))
		since = until
	}
	begun := false
	for _, r := range append(slices.Clone(rows), keyedRow{at: midnight(min(to, closed)) - 1, key: ""}) {
		if r.at >= midnight(min(to, closed)) {
			continue
		}
		if inside := r.at >= midnight(from); inside && !begun {
			begun, highest = true, level
			for key := range on {
				ever[key] = true
			}
		}
		if !begun && (m.PerPeriod || m.Of == catalog.UniqueOf) || r.key == "" {
			continue
		}
		if begun {
			hold(position(r.at))
		}
		switch {
		case m.Of == catalog.WeightedOf:
			level += r.quantity
		case m.Of == catalog.ActiveOf && m.Action != "" && !r.on:
			delete(on, r.key)
			level = int64(len(on))
		default:
			on[r.key] = true
			level = int64(len(on))
			if begun {
				ever[r.key] = true
			}
		}
		highest = max(highest, level)
	}
	hold(end)
	switch {
	case m.Mean():
		return new(big.Rat).SetFrac(area, big.NewInt(position(midnight(to))-begin))
	case m.Of == catalog.UniqueOf, m.Measure == catalog.AnyTime:
		return big.NewRat(int64(len(ever)), 1)
	case m.Measure == catalog.Highest:
		return big.NewRat(highest, 1)
	}
	return big.NewRat(int64(len(on)), 1)
}
