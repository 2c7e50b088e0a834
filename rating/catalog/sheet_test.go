package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sheetOf is a sheet as text: cells between bars, the header first.
func sheetOf(text string) *Sheet {
	s := &Sheet{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimLeft(line, "\t"), "\n")
		cells := strings.Split(line, "|")
		switch {
		case line == "":
		case s.Columns == nil:
			s.Columns = cells
		default:
			s.Rows = append(s.Rows, cells)
		}
	}
	return s
}

// byCarrier is an import of sheets with the columns country, code and price.
func byCarrier(with func(*Import)) *Import {
	m := &Import{
		Table: "prices", Rule: "MK-9", Each: "price", Per: 1,
		Columns: []ImportColumn{{Name: "country", From: "country"}, {Name: "carrier", From: "code"}},
	}
	if with != nil {
		with(m)
	}
	return m
}

// parsed is a table as Parse reads it, pasted into a catalog.
func parsed(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, table string, columns []string) (*PriceTable, error) {
	t.Helper()
	text := "catalog: {name: n, currency: USD, time_zone: UTC, rounding: half_up, window: 30 days, invoice_series: INV}\n" +
		"meters:\n  sms: {source: sms, sum: segments, by: " + quoteAll(columns) + ", rule: R}\n" +
		"versions:\n- from: 2018-01-01\n  terms: {monthly: {base_every: 1 month, base: 1 x monthly, rule: R}}\n" +
		"  plans: {p: {all: {base: {price: 1, rule: R}}}}\n" +
		"  usage_charges:\n    sms: {description: SMS, price: {table: prices}, rule: R}\n" +
		"  price_tables:\n" + table
	c, err := Parse("pasted.yaml", []byte(text))
	if err != nil {
		return nil, fmt.Errorf("%w\nin\n%s", err, text)
	}
	return c.Versions[0].Table("prices"), nil
}

func TestImport(t *testing.T) {
	for _, c := range []struct {
		name  string
		with  func(*Import)
		sheet string
		want  string
	}{
		{"codes as written, in the order of the keys", nil, `
			country|code|price
			US|4|0.020
			US|04|0.010
			NO|012|1
			GB|att|0.04
			US|0x1F|12345678901234.123456789012345678
			NO|null|0
			`, `
			# 6 rows of "sheet.csv"
			prices:
			  columns: [country, carrier]
			  rows:
			  - {match: [GB, att], each: 0.04}
			  - {match: ["NO", "012"], each: 1}
			  - {match: ["NO", "null"], each: 0}
			  - {match: [US, "04"], each: 0.010}
			  - {match: [US, "0x1F"], each: 12345678901234.123456789012345678}
			  - {match: [US, "4"], each: 0.020}
			  rule: MK-9
			`},
		{"a constant, a default, empty cells, the more special first", func(m *Import) {
			m.Columns = append([]ImportColumn{{Name: "direction", Value: "outbound"}}, m.Columns...)
			m.Default, m.EmptyIsAny = "0.0600", true
		}, `
			country|code|price
			US||0.01
			US|att|0.012
			`, `
			# 2 rows of "sheet.csv"
			prices:
			  columns: [direction, country, carrier]
			  rows:
			  - {match: [outbound, US, att], each: 0.012}
			  - {match: [outbound, US, "*"], each: 0.01}
			  - {match: [outbound, "*", "*"], each: 0.0600}
			  rule: MK-9
			`},
		{"prices of a thousand", func(m *Import) { m.Per = 1000 }, `
			country|code|price
			US|1|12.50
			US|2|1000
			US|3|0
			`, `
			# 3 rows of "sheet.csv"
			prices:
			  columns: [country, carrier]
			  rows:
			  - {match: [US, "1"], each: 0.0125}
			  - {match: [US, "2"], each: 1}
			  - {match: [US, "3"], each: 0}
			  rule: MK-9
			`},
		{"some rows, whatever is in the others", func(m *Import) {
			m.Where = []Where{{"kind", []string{"sms", ""}}, {"country", []string{"US"}}}
		}, `
			country|code|price|kind
			US|1|0.1|sms
			US|1|$2|mms
			GB|*|0.1|sms
			US|2|0.2|
			`, `
			# 2 of the 4 rows of "sheet.csv"
			prices:
			  columns: [country, carrier]
			  rows:
			  - {match: [US, "1"], each: 0.1}
			  - {match: [US, "2"], each: 0.2}
			  rule: MK-9
			`},
		{"one price for all, a key once", func(m *Import) { m.Each, m.Price, m.SameOnce = "", "0.01", true }, `
			country|code|price
			US|1|$
			US|1|
			`, `
			# 1 of the 2 rows of "sheet.csv"
			prices:
			  columns: [country, carrier]
			  rows:
			  - {match: [US, "1"], each: 0.01}
			  rule: MK-9
			`},
	} {
		m, sheet := byCarrier(c.with), sheetOf(c.sheet)
		if err := m.Check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		made, err := m.Make(sheet)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := strings.ReplaceAll(strings.TrimPrefix(c.want, "\n"), "\t\t\t", "    ")
		want = strings.TrimSuffix(want, "    ")
		if got := made.Text("sheet.csv"); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", c.name, got, want)
		}
		if _, err := parsed(t, made.Text("sheet.csv"), made.Table.Columns); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	same := func(m *Import) { m.SameOnce = true }
	anyEmpty := func(m *Import) { m.EmptyIsAny = true }
	for _, c := range []struct {
		with  func(*Import)
		sheet string
		want  string
	}{
		{nil, "US|1|$0.05", `row 1, column "price": "$0.05" is not a plain number such as 12 or 0.0125`},
		{nil, "US|1|1,000", `row 1, column "price": "1,000" is not a plain number such as 12 or 0.0125`},
		{nil, "US|1|0.05 ", `row 1, column "price": "0.05 " is not a plain number such as 12 or 0.0125`},
		{nil, "US|1|1e-3", `row 1, column "price": "1e-3" is not a plain number such as 12 or 0.0125`},
		{nil, "US|1|.5", `row 1, column "price": ".5" is not a plain number such as 12 or 0.0125`},
		{nil, "US|1|-0.5", `row 1, column "price": -0.5 is negative`},
		{nil, "US|1|", `row 1, column "price": no price`},
		{nil, "US|1|0.0000000000000000001", `row 1, column "price": 0.0000000000000000001 has too many digits: 14 may stand before the point and 18 after it`},
		{func(m *Import) { m.Per = 3 }, "US|1|0.1", `row 1, column "price": 0.1 for 3 makes no price of one with at most 18 decimals`},
		{nil, "US|*|1", `row 1, column "code": "*" would fit any value`},
		{anyEmpty, "US|*|1", `row 1, column "code": "*" would fit any value`},
		{nil, "US||1", `row 1, column "code": empty`},
		{nil, "US| 1|1", `row 1: country "US", code " 1" begins or ends with a space`},
		{nil, "US|1\u202e|1", `row 1: country "US", code "1\u202e" has an invisible character`},
		{nil, "US|1|0.5\nGB|1|1\nUS|1|0.6\nUS|1|0.50", `country "US", code "1" has 2 prices: 0.5 in rows 1 and 4, 0.6 in row 3`},
		{same, "US|1|0.5\nUS|1|0.6", `country "US", code "1" has 2 prices: 0.5 in row 1, 0.6 in row 2`},
		{nil, "US|1|0.5\nUS|1|0.50", `country "US", code "1" stands in rows 1 and 2, always with the price 0.5`},
		{same, "US|1|0.5\nUS|1 |0.5", `country "US", code "1" in row 1 and country "US", code "1 " in row 2: the keys differ only in blanks around them or in letter case`},
		{nil, "US|att|1\nUs|ATT|1", `country "US", code "att" in row 1 and country "Us", code "ATT" in row 2: the keys differ only in blanks around them or in letter case`},
		{anyEmpty, "US||1\n|att|1", `row 2 ties with row 1: both fit [US, att]`},
		{func(m *Import) { m.EmptyIsAny, m.Default = true, "2" }, "||1", `country "*", code "*" has 2 prices: 1 in row 1, 2 in the default`},
		{nil, "", `no rows`},
		{func(m *Import) { m.Where = []Where{{"country", []string{"FR"}}} }, "US|1|1", `none of the 1 rows meets all conditions`},
		{nil, "US|1|x\nUS|*|1\nGB|1|1\nGB|1|1", `row 1, column "price": "x" is not a plain number such as 12 or 0.0125
row 2, column "code": "*" would fit any value
country "GB", code "1" stands in rows 3 and 4, always with the price 1`},
		{nil, strings.Repeat("US|1|x\n", 22), "and 2 more"},
		{nil, strings.Repeat("US|1|1\n", 22), `country "US", code "1" stands in rows 1, 2, 3, 4, 5 and 17 more, always with the price 1`},
	} {
		made, err := byCarrier(c.with).Make(sheetOf("country|code|price\n" + c.sheet))
		var faults SheetErrors
		if !errors.As(err, &faults) {
			t.Errorf("%q: %+v, %v", c.sheet, made, err)
			continue
		}
		if got := err.Error(); got != c.want && !(strings.HasPrefix(c.want, "and ") && strings.HasSuffix(got, "\n"+c.want)) {
			t.Errorf("%q:\n%s\nwant\n%s", c.sheet, got, c.want)
		}
		if faults.Has(EmptyKey) != strings.HasSuffix(c.want, ": empty") || faults.Has(Repeated) != strings.Contains(c.want, "always with") {
			t.Errorf("%q: faults %+v", c.sheet, faults)
		}
	}
}

func TestImportCheck(t *testing.T) {
	for _, c := range []struct {
		with func(*Import)
		want string
	}{
		{func(m *Import) { m.Table = "" }, `the table's name "" is empty`},
		{func(m *Import) { m.Rule = "a " }, `the rule "a " begins or ends with a space`},
		{func(m *Import) { m.Columns[0].Name = " " }, `the column's name " " begins or ends with a space`},
		{func(m *Import) { m.Columns[1].Name = "country" }, `two columns are called "country"`},
		{func(m *Import) { m.Columns = slices.Repeat(m.Columns, 5) }, `10 columns; a price table may have 8`},
		{func(m *Import) { m.Columns[0].From = "" }, `the value "" of column "country" is empty`},
		{func(m *Import) { m.Per = 0 }, `prices of a sheet's column can be for 1 unit or more, not 0`},
		{func(m *Import) { m.Each, m.Price, m.Per = "", "1", 5 }, `prices of a sheet's column can be for 1 unit or more, not 5`},
		{func(m *Import) { m.Default = "-1" }, `the price -1 is negative`},
		{func(m *Import) { m.Each, m.Price = "", "1e3" }, `the price "1e3" is not a plain number such as 12 or 0.0125`},
	} {
		if err := byCarrier(c.with).Check(); err == nil || err.Error() != c.want {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// TestImportedParses: whatever is in a sheet, it is refused, or the table says
// in a catalog just what the sheet says.
func TestImportedParses(t *testing.T) {
	cell := rapid.OneOf(names, rapid.SampledFrom([]string{"", " a", "a ", "A", "*", "04", "4", "\x00", "a\tb"}))
	price := rapid.OneOf(rapid.StringMatching(`(0|[1-9][0-9]{0,13})(\.[0-9]{1,18})?`), rapid.SampledFrom([]string{"0.5", "0.50", "1e3"}))
	rapid.Check(t, func(t *rapid.T) {
		sheet := &Sheet{Columns: []string{"country", "code", "price"}}
		for range rapid.IntRange(0, 6).Draw(t, "rows") {
			sheet.Rows = append(sheet.Rows, []string{cell.Draw(t, "country"), cell.Draw(t, "code"), price.Draw(t, "price")})
		}
		m := byCarrier(func(m *Import) {
			m.EmptyIsAny, m.SameOnce = rapid.Bool().Draw(t, "empty"), rapid.Bool().Draw(t, "once")
			if rapid.Bool().Draw(t, "default") {
				m.Default = "7"
			}
		})
		made, err := m.Make(sheet)
		if err != nil {
			return
		}
		table, err := parsed(t, made.Text("s\"\u202e\n.csv"), []string{"country", "carrier"})
		if err != nil {
			t.Fatalf("%v", err)
		}
		for _, r := range sheet.Rows {
			got := table.Lookup(r[:2])
			want, _ := Price(r[2])
			if got == nil || !got.Price.Equal(want) {
				t.Fatalf("%q: %+v in\n%s", r, got, made.Text(""))
			}
		}
		keys := map[string]bool{}
		for _, r := range sheet.Rows {
			keys[strings.Join(r[:2], "\x00")] = true
		}
		if m.Default != "" {
			keys["\x00"] = true // also a key of empty cells
		}
		if len(table.Rows) != len(keys) {
			t.Fatalf("%d keys, table\n%s", len(keys), made.Text(""))
		}
	})
}
