package catalog

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// TestPricingManual computes the worked examples of the manual's page on
// pricing models. Every model has one, and every figure is explained.
func TestPricingManual(t *testing.T) {
	text, err := os.ReadFile("../../docs/pricing.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, section := range strings.Split(string(text), "\n##")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		_, example, found := strings.Cut(body, "```\nprice: ")
		if !found {
			continue
		}
		example, table, _ := strings.Cut("price: "+example, "```")
		c := mustParse(t, manualCatalog(example))
		printsAndParsesBack(t, c)
		explained[strings.Trim(title, "# ")] = true
		if workedExamples(t, title, &c.Versions[0].UsageCharges[0], table) == 0 {
			t.Errorf("%s has no worked example", title)
		}
	}
	for _, name := range pricing.Names()[1:] { // "each" has no model of its own there
		if !explained[name] {
			t.Errorf("docs/pricing.md has no worked example of %s", name)
		}
		for _, key := range keysOf(reflect.TypeOf(pricing.New(name)).Elem()) {
			if !strings.Contains(string(text), "`"+key) && !strings.Contains(string(text), key+":") {
				t.Errorf("docs/pricing.md does not explain %s of %s", key, name)
			}
		}
	}
}

// manualCatalog is the smallest catalog with a charge of these lines.
func manualCatalog(charge string) string {
	return `
catalog: {name: manual, currency: USD, time_zone: UTC, rounding: half_up, window: 30 days, invoice_series: INV}
meters: {calls: {source: calls, sum: calls, rule: R-2}}
versions:
- from: 2018-01-01
  terms: {monthly: {base_every: 1 month, base: 1 x monthly, rule: R-1}}
  plans: {free: {all: {base: {price: 0, rule: R-1}}}}
  usage_charges:
    calls:
      description: calls
      rule: R-2
      ` + strings.ReplaceAll(strings.TrimSpace(charge), "\n", "\n      ") + "\n"
}

// workedExamples computes the rows of a table: usage, cost and working.
func workedExamples(t *testing.T, title string, u *UsageCharge, table string) (rows int) {
	t.Helper()
	model := u.Counting.Model
	if model == nil {
		model = &pricing.Each{Each: u.Price}
	}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 3 || strings.Contains(line, "---") || strings.Contains(line, "usage") {
			continue
		}
		rows++
		counted := money.Exactly(dec(t, strings.TrimSpace(cells[0])))
		p := model.Price(pricing.Usage{Quantity: u.Counting.Unit.Billed(counted)})
		working := p.Working
		if converted := u.Counting.Unit.Working(counted); converted != "" {
			working = converted + ": " + working
		}
		if p.Amount.String() != cells[1] || working != strings.TrimSpace(cells[2]) {
			t.Errorf("%s: %s costs %s (%s), the manual has %s (%s)", title, counted, p.Amount, working, cells[1], cells[2])
		}
	}
	return rows
}

// keysOf are the keys of a model's figures, and of its tiers'.
func keysOf(of reflect.Type) []string {
	var keys []string
	for _, g := range figuresOf(of) {
		if g.key != "" {
			keys = append(keys, g.key)
		}
		if g.Type.Kind() == reflect.Slice {
			keys = append(keys, keysOf(g.Type.Elem())...)
		}
	}
	return keys
}
