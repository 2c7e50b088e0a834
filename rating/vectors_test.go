package rating_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// fixtures/vectors/pricing.json holds numeric cases of other billing engines.
// Each model is run by a function here or left out by name below; a vector
// whose model is in neither list fails.
var vectorModels = map[string]func(*testing.T, vector){
	"proration":                    proration,
	"proration.actual_days":        actualDays,
	"rounding":                     rounding,
	"line_rounding":                lineRounding,
	"invoice.sum_of_lines":         sumOfLines,
	"plan_change_proration":        planChange,
	"plan_change.net":              planChangeNet,
	"recurring.partial_amount":     partialAmount,
	"recurring.unused_time_credit": unusedTime,
	"recurring.quantity":           recurringQuantity,
	"recurring.in_advance.cycles":  cycles,
	"billing_dates":                billingDates,
	"cycle.first_date":             firstDate,
	"cycle.in_arrears":             inArrears,
	"cycle.next_invoice_date":      nextInvoiceDate,
	"cycle.whole_periods":          wholePeriods,
	"proration.fixed_days_month":   fixedDays,
	"proration.month_factor":       monthFactor,
	"proration_seconds":            prorationSeconds,
	"repair.slice":                 partialAmount,
	"dynamic":                      dynamic,
}

// Models that are left out, with the reason.
var leftOutModels = map[string]string{
	"prorated_graduated":                  "tiers are reached by whole units and filled with units prorated by their days: two figures of one row, and a meter has one",
	"proration.calendar_months_inclusive": "a part is of the cycle that contains it and never includes its end (G-5): no count of calendar months",
	"proration.months_and_days":           "a part is of the cycle that contains it (G-5): no count of whole months and days of the next",
	"refund.account_balance":              "an account has no running balance of debts and credits: refunds are credit notes of their own (G-14)",
	"usage.capacity_tier":                 "one price that the highest of several meters sets: a usage charge has one meter",
}

// Vectors that are left out of a model that is run.
var leftOutVectors = map[string]string{
	"CG-INC-05": "a span that begins within the increment of the one before is cut and not rounded up: ours round what a counter has in all, or each row by itself",
}

type vector struct {
	ID, Model, Use          string
	Params, Input, Expected fields
}

// fields are a vector's values by name. Numbers keep their text.
type fields map[string]any

func TestVectors(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "fixtures", "vectors", "pricing.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []vector }
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, v := range file.Vectors {
		seen[v.Model], seen[v.ID] = true, true
		t.Run(v.ID, func(t *testing.T) {
			run := runOf(v.Model)
			switch {
			case leftOutModels[v.Model] != "":
				t.Skip(leftOutModels[v.Model])
			case run == nil:
				t.Errorf("model %q is neither run nor left out", v.Model)
			case leftOutVectors[v.ID] != "":
				t.Skip(leftOutVectors[v.ID])
			default:
				run(t, v)
			}
		})
	}
	for _, models := range []map[string]func(*testing.T, vector){vectorModels, pricedVectors, moneyVectors} {
		for model := range models {
			if !seen[model] || leftOutModels[model] != "" {
				t.Errorf("model %q has no vector, or is left out too", model)
			}
		}
	}
	for name := range leftOutModels {
		if !seen[name] {
			t.Errorf("%q is left out, and no vector has it", name)
		}
	}
	for id := range leftOutVectors {
		if !seen[id] {
			t.Errorf("vector %q is left out, and there is none", id)
		}
	}
}

// runOf is the function of a model, or nil. They are listed by theme: prices
// in vectors_priced_test.go, discounts, taxes and credits in
// vectors_money_test.go, all others here.
func runOf(model string) func(*testing.T, vector) {
	for _, models := range []map[string]func(*testing.T, vector){vectorModels, pricedVectors, moneyVectors} {
		if run := models[model]; run != nil {
			return run
		}
	}
	return nil
}

// Currencies by their digits: vectors in cents, and ratios with nine digits.
var (
	dollars = money.Currency{Code: "USD", Minor: 2}
	cents   = money.Currency{Code: "USD", Minor: 0}
	ratio   = money.Currency{Code: "XXX", Minor: 9}
)

var one = decimal.NewFromInt(1)

func (f fields) text(name string) string {
	if f[name] == nil {
		return ""
	}
	return fmt.Sprint(f[name])
}

func (f fields) number(t *testing.T, name string) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(f.text(name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d
}

func (f fields) whole(t *testing.T, name string) int64 { return f.number(t, name).IntPart() }

func (f fields) date(t *testing.T, name string) calendar.Day {
	t.Helper()
	d, err := calendar.Parse(f.text(name))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// list is the numbers or texts of a list.
func (f fields) list(name string) []string {
	var texts []string
	values, _ := f[name].([]any)
	for _, v := range values {
		texts = append(texts, fmt.Sprint(v))
	}
	return texts
}

func decimalOf(t *testing.T, text string) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func expect(t *testing.T, what string, got money.Amount, want string) {
	t.Helper()
	if !got.Value().Equal(decimalOf(t, want)) {
		t.Errorf("%s is %s, want %s", what, got, want)
	}
}

// refuse says that another engine's wrong answer is not ours.
func refuse(t *testing.T, v vector, got money.Amount, wrong ...string) {
	t.Helper()
	for _, name := range wrong {
		if v.Expected[name] != nil && got.Value().Equal(v.Expected.number(t, name)) {
			t.Errorf("%s is the wrong answer of %s", got, name)
		}
	}
}

func proration(t *testing.T, v vector) {
	currency, price := dollars, "price"
	if v.Params["price_cents"] != nil {
		currency, price = cents, "price_cents"
	}
	if parts := v.Input.list("splits"); parts != nil {
		for i, want := range v.Expected.list("amounts") {
			part := money.Fraction{N: decimalOf(t, parts[i]).IntPart(), D: v.Input.whole(t, "of")}
			expect(t, parts[i], money.Line(one, v.Params.number(t, price), part, currency, money.HalfUp), want)
		}
		return
	}
	n := "days"
	if v.Input["seconds_left"] != nil {
		n = "seconds_left"
	}
	part := money.Fraction{N: v.Input.whole(t, n), D: v.Input.whole(t, "of")}
	got := money.Line(one, v.Params.number(t, price), part, currency, money.HalfUp)
	want := v.Expected.text("amount") + v.Expected.text("exact")
	expect(t, "the part", got, want)
	if n == "days" && currency == dollars {
		if charge, credit, ok := billedPart(t, v.Params.number(t, price), part.N, part.D); ok {
			expect(t, "the part of a user who came", charge, want)
			expect(t, "the credit for a user who went", credit, want)
		}
	}
	refuse(t, v, got, "divide_first_16_digits", "float_factor", "truncated")
}

func actualDays(t *testing.T, v vector) {
	part := money.Fraction{N: int64(v.Input.date(t, "to") - v.Input.date(t, "from")), D: v.Input.whole(t, "days_in_period")}
	expect(t, "the ratio", money.Line(one, one, part, ratio, money.HalfUp), v.Expected.text("ratio"))
}

func rounding(t *testing.T, v vector) {
	if v.Input["unit"] != nil {
		for code, digits := range map[string]int32{"usd": 2, "jpy": 0} {
			c := money.Currency{Code: code, Minor: digits}
			got := money.Line(v.Input.number(t, "quantity"), v.Input.number(t, "unit"), money.Whole, c, money.HalfUp)
			expect(t, code, got, v.Expected.text(code))
		}
		return
	}
	modes := map[string]money.Rounding{"half away from zero": money.HalfUp, "middle": money.HalfUp, "up": money.Up, "down": money.Down}
	mode := modes[v.Params.text("mode")+v.Params.text("method")]
	digits := decimalOf(t, v.Params.text("precision")+v.Params.text("decimals")).IntPart()
	value := decimalOf(t, v.Input.text("amount")+v.Input.text("value"))
	got := money.Line(one, value, money.Whole, money.Currency{Code: "XXX", Minor: int32(digits)}, mode)
	expect(t, value.String(), got, v.Expected.text("amount")+v.Expected.text("rounded")+v.Expected.text("half_up_magnitude"))
	refuse(t, v, got, "cgrates")
}

func lineRounding(t *testing.T, v vector) {
	sum := money.Zero(dollars)
	for _, l := range v.Params.list("lines") {
		sum = sum.Add(money.Line(one, decimalOf(t, l), money.Whole, dollars, money.HalfUp))
	}
	for _, l := range v.Input.list("lines") {
		sum = sum.Add(money.Line(one, decimalOf(t, l), money.Whole, dollars, money.HalfUp))
	}
	expect(t, "the total", sum, v.Expected.text("total"))
}

func sumOfLines(t *testing.T, v vector) {
	part := money.Fraction{N: int64(v.Input.date(t, "to") - v.Input.date(t, "from")), D: v.Input.whole(t, "days_in_period")}
	sum := money.Zero(dollars)
	for i, rate := range v.Input.list("rates") {
		l := money.Line(one, decimalOf(t, rate), part, dollars, money.HalfUp)
		expect(t, "line "+rate, l, v.Expected.list("lines")[i])
		sum = sum.Add(l)
	}
	expect(t, "the total", sum, v.Expected.text("total"))
}

func planChange(t *testing.T, v vector) {
	part := money.Fraction{N: v.Params.whole(t, "days_left"), D: v.Params.whole(t, "of")}
	quantity := func(name string) decimal.Decimal {
		if v.Input[name] == nil {
			return one
		}
		return v.Input.number(t, name)
	}
	credit := money.Line(quantity("old_qty").Neg(), v.Input.number(t, "old"), part, dollars, money.HalfUp)
	charge := money.Line(quantity("new_qty"), v.Input.number(t, "new"), part, dollars, money.HalfUp)
	expect(t, "the credit", credit, v.Expected.text("credit"))
	expect(t, "the charge", charge, v.Expected.text("charge"))
	if v.Expected["net"] != nil {
		expect(t, "both", credit.Add(charge), v.Expected.text("net"))
	}
	if one := decimal.NewFromInt(1); quantity("old_qty").Equal(one) && quantity("new_qty").Equal(one) {
		credit, charge := billedChange(t, v.Input.number(t, "old"), v.Input.number(t, "new"), part.N, part.D)
		expect(t, "the credit of a plan change", credit, v.Expected.text("credit"))
		expect(t, "the charge of a plan change", charge, v.Expected.text("charge"))
	}
}

func planChangeNet(t *testing.T, v vector) {
	period := v.Input.list("old_period")
	old := fields{"from": period[0], "to": period[1]}
	part := money.Fraction{N: int64(old.date(t, "to") - v.Input.date(t, "change")), D: int64(old.date(t, "to") - old.date(t, "from"))}
	credit := money.Line(one.Neg(), v.Input.number(t, "old_rate"), part, dollars, money.HalfUp)
	charge := money.Line(one, v.Input.number(t, "new_charge"), money.Whole, dollars, money.HalfUp)
	expect(t, "the credit", credit, v.Expected.text("credit"))
	expect(t, "both", credit.Add(charge), v.Expected.text("net"))
}

func partialAmount(t *testing.T, v vector) { partOfRate(t, v, one) }

func unusedTime(t *testing.T, v vector) { partOfRate(t, v, one.Neg()) }

func partOfRate(t *testing.T, v vector, quantity decimal.Decimal) {
	part := money.Fraction{N: v.Input.whole(t, "days"), D: v.Input.whole(t, "days_in_period")}
	expect(t, "the part", money.Line(quantity, v.Input.number(t, "rate"), part, dollars, money.HalfUp), v.Expected.text("amount"))
	if charge, credit, ok := billedPart(t, v.Input.number(t, "rate"), part.N, part.D); ok {
		want := v.Expected.number(t, "amount").Abs().String()
		expect(t, "the part of a user who came", charge, want)
		expect(t, "the credit for a user who went", credit, want)
	}
}

// fixedDays counts as proration: {month: 30 days} does.
func fixedDays(t *testing.T, v vector) {
	month := int(v.Params.whole(t, "fixed_days"))
	to := v.Input.date(t, "to")
	_, _, anchor := to.Civil()
	days := calendar.FixedDays(v.Input.date(t, "from"), to, anchor, month)
	if want := v.Expected.whole(t, "days"); int64(days) != want {
		t.Errorf("%d days, want %d", days, want)
	}
	if want := v.Expected.text("ratio"); want != "" {
		expect(t, "the ratio", money.Line(one, one, money.Fraction{N: int64(days), D: int64(month)}, ratio, money.HalfUp), want)
	}
}

// monthFactor is days over the days of their month.
func monthFactor(t *testing.T, v vector) {
	factor := money.Over(v.Input.number(t, "days"), v.Input.number(t, "days_in_month"))
	if got, want := factor.Rounded(4, money.HalfUp), v.Expected.number(t, "factor"); !got.Equal(want) {
		t.Errorf("%s, want %s", got, want)
	}
}

func prorationSeconds(t *testing.T, v vector) {
	var at [2]time.Time
	for i, name := range []string{"start", "end"} {
		var err error
		if at[i], err = time.Parse(time.RFC3339, v.Input.text(name)); err != nil {
			t.Fatal(err)
		}
	}
	part := money.Fraction{N: at[1].Unix() - at[0].Unix(), D: v.Input.whole(t, "period_seconds")}
	expect(t, "the part", money.Line(one, v.Params.number(t, "price"), part, dollars, money.HalfUp), v.Expected.text("amount"))
}

func recurringQuantity(t *testing.T, v vector) {
	for i, q := range v.Input.list("quantities") {
		got := money.Line(decimalOf(t, q), v.Input.number(t, "unit_rate"), money.Whole, dollars, money.HalfUp)
		expect(t, q, got, v.Expected.list("amounts")[i])
	}
}

// dynamic bills usage that brings its price, given by the unit or as a total in
// cents, and compares the amount before it is rounded or the line's.
func dynamic(t *testing.T, v vector) {
	quantity, price := v.Input.text("usage_value"), v.Params.text("multiplier")
	if v.Input["precise_total_cents"] != nil {
		quantity = v.Input.text("units")
		each, rest := v.Input.number(t, "precise_total_cents").Shift(-2).QuoRem(v.Input.number(t, "units"), 18)
		if !rest.IsZero() {
			t.Fatal("the total is no whole number of prices")
		}
		price = each.String()
	}
	o := billPriced(t, quantity, price)
	want := v.Expected.number(t, "amount")
	line := money.Line(one, want, money.Whole, dollars, money.HalfUp)
	if got := o.Rated[0].Amount; !got.Equal(want) && -want.Exponent() > 2 {
		t.Errorf("unrounded %s, want %s", got, want)
	}
	expect(t, "the line", o.Invoice.Lines[0].Amount, line.Value().String())
}

// billPriced bills one group of usage on the day of its service, a plan
// without a base fee, no minimum and the price in a column.
func billPriced(t *testing.T, quantity, price string) rating.Outcome {
	t.Helper()
	cat, err := catalog.Parse("priced.yaml", []byte(`
catalog: {name: priced, currency: USD, time_zone: UTC, rounding: half_up, window: 30 days, invoice_series: INV}
meters: {calls: {source: calls, sum: calls, by: [unit_price], rule: R-2}}
versions:
- from: 2018-01-01
  terms: {monthly: {base_every: 1 month, base: 1 x monthly, rule: R-1}}
  plans: {free: {all: {base: {price: 0, rule: R-1}}}}
  usage_charges: {calls: {description: calls, price: {column: unit_price}, rule: R-2}}
`))
	if err != nil {
		t.Fatal(err)
	}
	day := calendar.Date(2024, 5, 1)
	o, err := billChecked(cat, rating.Account{ID: "A"}, day, rating.Events{
		Account: []rating.AccountEvent{{Origin: rating.Origin{Source: "account_events", Rows: 1}, Day: day, Type: "signed_up", Plan: "free", Term: "monthly", Method: "card"}},
		Usage:   []rating.Usage{{Origin: rating.Origin{Rows: 1}, Meter: "calls", ServiceDate: day, Dimensions: []string{price}, Quantity: decimalOf(t, quantity)}},
	})
	if err != nil || len(o.Rated) != 1 || o.Invoice == nil {
		t.Fatalf("%v: %+v", err, o)
	}
	return o
}

var monthsOf = map[string]int{"MONTHLY": 1, "QUARTERLY": 3, "ANNUAL": 12}

// firstCycleDate is the first day on or after start that has the anchor's day
// of the month, by whole periods from start's own month.
func firstCycleDate(start calendar.Day, months, anchor int) calendar.Day {
	if d := start.AddMonths(0, anchor); d >= start {
		return d
	}
	return start.AddMonths(months, anchor)
}

func firstDate(t *testing.T, v vector) {
	if want := v.Expected.text("THIRTY_DAYS"); want != "" {
		start := v.Input.date(t, "start")
		o := rating.Bill(partsCatalog(t, 30, one, decimal.NewFromInt(10), one), rating.Account{ID: "A"}, start, rating.Events{
			Account: []rating.AccountEvent{{Day: start, Type: "signed_up", Plan: "old", Term: "cycle", Method: "card"}},
		})
		if l := o.Invoice.Lines[0]; l.PeriodStart.String() != want || l.PeriodEnd != l.PeriodStart+30 {
			t.Errorf("THIRTY_DAYS: from %s up to %s, want %s and 30 days on", l.PeriodStart, l.PeriodEnd, want)
		}
	}
	for _, period := range []string{"MONTHLY", "ANNUAL"} {
		want := v.Expected.text(period)
		got := firstCycleDate(v.Input.date(t, "start"), monthsOf[period], int(v.Params.whole(t, "bill_cycle_day")))
		if want != "" && got.String() != want {
			t.Errorf("%s: %s, want %s", period, got, want)
		}
	}
}

// inArrears walks the billing dates up to a target. Days are billed up to the
// last date reached, or to an end that lies before the target.
func inArrears(t *testing.T, v vector) {
	anchor, target := int(v.Params.whole(t, "bill_cycle_day")), v.Input.date(t, "target")
	next, until := firstCycleDate(v.Input.date(t, "start"), 1, anchor), calendar.None
	if got, want := next.String(), v.Expected.text("first"); got != want {
		t.Errorf("first %s, want %s", got, want)
	}
	for ; next <= target; next = next.AddMonths(1, anchor) {
		until = next
	}
	if v.Input["end"] != nil && v.Input.date(t, "end") <= target {
		until = v.Input.date(t, "end")
	}
	if want := v.Expected.text("billed_until"); want != "" && until.String() != want || want == "" && until != calendar.None {
		t.Errorf("billed until %s, want %q", until, want)
	}
	if got, want := next.String(), v.Expected.text("next"); got != want {
		t.Errorf("next %s, want %s", got, want)
	}
}

// nextInvoiceDate is the day after a period, or after an end within it.
func nextInvoiceDate(t *testing.T, v vector) {
	months := map[string]int{"monthly": 1, "yearly": 12}[v.Params.text("rule")] * int(v.Params.whole(t, "interval"))
	start := v.Input.date(t, "period_start")
	_, _, anchor := start.Civil()
	next := start.AddMonths(months, anchor)
	if v.Input["end"] != nil {
		next = min(next, v.Input.date(t, "end")+1)
	}
	if want := v.Expected.text("next_invoice"); next.String() != want {
		t.Errorf("%s, want %s", next, want)
	}
}

// wholePeriods counts the periods of days that end by a date.
func wholePeriods(t *testing.T, v vector) {
	days := map[string]calendar.Day{"THIRTY_DAYS": 30, "WEEKLY": 7}[v.Params.text("period")]
	n := int64(0)
	for end := v.Input.date(t, "from") + days; end <= v.Input.date(t, "to"); end += days {
		n++
	}
	if want := v.Expected.whole(t, "whole_periods"); n != want {
		t.Errorf("%d, want %d", n, want)
	}
}

func billingDates(t *testing.T, v vector) {
	d := v.Input.date(t, "start")
	for _, want := range v.Expected.list("dates") {
		if d.String() != want {
			t.Errorf("%s, want %s", d, want)
		}
		d = d.AddMonths(1, int(v.Params.whole(t, "anchor_day")))
	}
}

// cycles adds up the parts of cycles from start to end that begin by target:
// the days of each over the days of the whole cycle that contains them, walked
// from the anchor (rule G-5).
func cycles(t *testing.T, v vector) {
	months, anchor := monthsOf[v.Params.text("period")], int(v.Params.whole(t, "bill_cycle_day"))
	start, target, end := v.Input.date(t, "start"), v.Input.date(t, "target"), calendar.Day(1<<30)
	if v.Input["end"] != nil {
		end = v.Input.date(t, "end")
	}
	sum := money.Zero(ratio)
	to := firstCycleDate(start, months, anchor)
	if to == start {
		to = to.AddMonths(months, anchor)
	}
	for from := start; from <= target && from < end; from, to = to, to.AddMonths(months, anchor) {
		part := money.Fraction{N: int64(min(to, end) - from), D: int64(to - to.AddMonths(-months, anchor))}
		sum = sum.Add(money.Line(one, one, part, ratio, money.HalfUp))
	}
	expect(t, "cycles", sum, v.Expected.text("cycles"))
}
