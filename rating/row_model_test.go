package rating

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating/catalog"
)

// TestRowPart: whatever values are counted by themselves, the row's text comes
// off a tally whole, and no two rows have the same.
func TestRowPart(t *testing.T) {
	values := rapid.SampledFrom([]string{"US", "a b", "any", `q"uote`, "x=y", "*", "country=US", "é", `\`, "`", "x`"})
	rapid.Check(t, func(t *rapid.T) {
		row := catalog.PriceRow{Match: rapid.SliceOfN(values, 3, 3).Draw(t, "match")}
		other := catalog.PriceRow{Match: rapid.SliceOfN(values, 3, 3).Draw(t, "other")}
		if same := slices.Equal(row.Match, other.Match); (row.Text() == other.Text()) != same {
			t.Fatalf("%q and %q: %s, %s", row.Match, other.Match, row.Text(), other.Text())
		}
		meter := &catalog.Meter{By: []string{"country", "region"}}
		of := rapid.SliceOfN(rapid.OneOf(values, rapid.Just("")), 2, 2).Draw(t, "values")
		for _, per := range [][]string{nil, {"region"}, {"country", "region"}} {
			text := joined(row.Text(), perText(per, meter, of))
			if got := rowPart(text); got != row.Text() {
				t.Fatalf("row of %q is %q, want %q", text, got, row.Text())
			}
		}
	})
	if got := rowPart("country=US"); got != "" {
		t.Errorf("row %q of no table", got)
	}
}
