package catalog

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating/yamltext"
)

// priceSheet is the marketing catalog with so many rows in its price table,
// row i as the function says.
func priceSheet(t testing.TB, rows int, row func(i int) string) string {
	var b strings.Builder
	b.WriteString("      rows:\n")
	for i := range rows {
		fmt.Fprintf(&b, "      - {match: [%s], each: 0.0%d}\n", row(i), i+1)
	}
	before, rest, found := strings.Cut(marketing(t), "      rows:\n")
	at := strings.LastIndex(rest, "      rule: ")
	if !found || at < 0 {
		t.Fatal("the marketing catalog has no price table")
	}
	return before + b.String() + rest[at:]
}

// carriers are rows of a price sheet: 250 countries with 20 carriers each, but
// for a price of each country.
func carriers(i int) string {
	if i%20 == 0 {
		return fmt.Sprintf(`outbound, C%03d, "*"`, i/20)
	}
	return fmt.Sprintf(`outbound, C%03d, "%02d"`, i/20, i%20)
}

// crossed are rows of which thousands cross each other, each pair decided by a
// row that names more.
func crossed(rows int) func(i int) string {
	third := rows / 3
	return func(i int) string {
		switch i / third {
		case 0:
			return fmt.Sprintf(`a%d, b, "*", "*"`, i)
		case 1:
			return fmt.Sprintf(`"*", "*", c, d%d`, i)
		default:
			return fmt.Sprintf(`a%d, b, c, "*"`, i-2*third)
		}
	}
}

// linear is the row that Lookup finds, by looking at all of them.
func linear(rows []PriceRow, values []string) *PriceRow {
	var best *PriceRow
	most := -1
	for i := range rows {
		if n := fits(&rows[i], values); n > most {
			best, most = &rows[i], n
		}
	}
	return best
}

// fits is how many columns a row names, or -1 where it does not fit.
func fits(r *PriceRow, values []string) int {
	named := 0
	for i, m := range r.Match {
		switch {
		case m == "*":
		case m == values[i]:
			named++
		default:
			return -1
		}
	}
	return named
}

// TestLookupIsLinear: the index finds what a look at every row finds, in any
// table that Parse takes, for any usage.
func TestLookupIsLinear(t *testing.T) {
	values := []string{"a", "b", "ab", "", "*", "a\x00b", "\x00"}
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 3).Draw(t, "columns")
		match := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "*"}), columns, columns)
		draft := tableDraft{PriceTable: PriceTable{Columns: []string{"x", "y", "z"}[:columns]}}
		for i, m := range rapid.SliceOfN(match, 1, 10).Draw(t, "rows") {
			draft.Rows = append(draft.Rows, PriceRow{Match: m, Line: i + 1})
			draft.rows = append(draft.rows, &node{place: place{i + 1, 1}})
		}
		p := &problems{}
		if p.checkTable(&draft); len(p.Found) > 0 {
			t.Skip("no table")
		}
		table := draft.PriceTable
		table.index = indexOf(table.Rows)
		for usage := range tuples(values, columns) {
			if got, want := table.Lookup(usage), linear(table.Rows, usage); got != want {
				t.Fatalf("%q: %+v, want %+v", usage, got, want)
			}
		}
	})
}

// TestLookupOfCatalog: Parse makes the index, in every version.
func TestLookupOfCatalog(t *testing.T) {
	text := priceSheet(t, 5000, carriers)
	c := mustParse(t, text+strings.Replace(text[strings.Index(text, "- from: "):], "2018-01-01", "2019-01-01", 1))
	for _, v := range c.Versions {
		table := v.Table("sms_prices")
		for _, usage := range [][]string{
			{"outbound", "C249", "19"}, {"outbound", "C249", "20"}, {"outbound", "C000", "1"}, {"outbound", "C000", "01"}, {"inbound", "C000", "01"}, {"", "", ""},
		} {
			if got, want := table.Lookup(usage), linear(table.Rows, usage); got != want {
				t.Errorf("%q: %+v, want %+v", usage, got, want)
			}
		}
	}
	if len(c.Versions) != 2 {
		t.Errorf("%d versions", len(c.Versions))
	}
}

// TestTiesAreFound: not one of the ties among thousands of rows is missed
// where all others are decided.
func TestTiesAreFound(t *testing.T) {
	four := strings.NewReplacer("[direction, country, carrier]", "[direction, country, carrier, kind]")
	text := four.Replace(priceSheet(t, 3000, crossed(3000)))
	mustParse(t, text)
	_, err := Parse("x.yaml", []byte(strings.Replace(text, `[a500, b, c, "*"]`, `[a500, b, e, "*"]`, 1)))
	if found, _ := err.(Errors); len(found) != yamltext.Shown || !strings.Contains(found[0].Message, `both fit [a500, b, c, d1000]`) {
		t.Errorf("%v", err)
	}
}

func BenchmarkLookup(b *testing.B) {
	table := mustParse(b, priceSheet(b, 5000, carriers)).Versions[0].Table("sms_prices")
	usage := []string{"outbound", "C249", "20"}
	b.ReportAllocs()
	for b.Loop() {
		if table.Lookup(usage) == nil {
			b.Fatal("no row")
		}
	}
}

func BenchmarkParse(b *testing.B) {
	four := strings.NewReplacer("[direction, country, carrier]", "[direction, country, carrier, kind]")
	for _, c := range []struct {
		name string
		text string
	}{
		{"carriers", priceSheet(b, 5000, carriers)},
		{"carriers_50000", priceSheet(b, 50000, carriers)},
		{"crossed", four.Replace(priceSheet(b, 4998, crossed(4998)))},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				mustParse(b, c.text)
			}
		})
	}
}
