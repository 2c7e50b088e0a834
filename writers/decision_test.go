package writers

import (
	"strings"
	"testing"
)

func someDecision() Decision {
	return Decision{
		Format: DecisionFormat, Number: 3, Kind: Recycle, By: "Ada", Note: "INC-42 <é>", MadeAt: "2024-05-04T12:00:00Z", AsOf: EntryRef{7, "d7"},
		Rows: []DecidedRow{
			{"sms", "A", "unknown_account", "00ff", "", "2024-05-01", "2024-05-02", "sms/date=2024-05-02/a.csv", 4, 1, 1},
			{"sms", "B", "no_price", "", `{"segments":"30"}`, "2024-05-01", "2024-05-01", "sms/date=2024-05-01/a.csv", 9, 2, 2},
		},
	}
}

// A decision is read back as it was written, and nothing else is taken for one.
func TestDecodeDecision(t *testing.T) {
	text, err := someDecision().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, old, new, want string }{
		{"unchanged", "", "", ""},
		{"unknown field", `"number": 3`, `"number": 3, "host": "x"`, `unknown field "host"`},
		{"later format", `"format": 1`, `"format": 2`, "format 2, this program reads 1"},
		{"other layout", `"number": 3`, `"number":3`, "line 3 is not"},
		{"another kind", `"recycle"`, `"forget"`, `kind "forget"`},
		{"no time", `"2024-05-04T12:00:00Z"`, `"yesterday"`, "made_at"},
		{"no date", `"service_date": "2024-05-01"`, `"service_date": "1 May"`, "row 1: "},
		{"no rows in a row", `"rows": 2`, `"rows": 0`, "row 2 stands for 0 rows"},
		{"takes back a later one", `"revokes": 2`, `"revokes": 3`, "row 2 revokes decision 3, which is not earlier"},
		{"recycles from none", "      \"rows\": 1,\n      \"revokes\": 1\n", "      \"rows\": 1\n", "row 1 is recycled from no decision"},
	} {
		changed := strings.Replace(string(text), test.old, test.new, 1)
		d, err := DecodeDecision([]byte(changed))
		switch {
		case test.want == "" && (err != nil || d.DecidedRows() != 3):
			t.Errorf("%s: %+v, %v", test.name, d, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// Rows that decisions took out, or brought back, are in the identity of rows.
func TestDecidedRowsAreCounted(t *testing.T) {
	for _, test := range []struct {
		of   SourceTotals
		want string
	}{
		{SourceTotals{Source: "sms", TakenUp: 5, PutAside: 2, WrittenOff: 3}, ""},
		{SourceTotals{Source: "sms", TakenUp: 1, Recycled: 2, Rated: 3}, ""},
		{SourceTotals{Source: "sms", TakenUp: 5, PutAside: 2, WrittenOff: 2}, "taken up 5 + recycled 0"},
		{SourceTotals{Source: "sms", Recycled: 2, Rated: 1}, "recycled 2 = 2"},
		{SourceTotals{Source: "sms", Recycled: -1, WrittenOff: -1}, "a count is -1"},
	} {
		totals := Totals{Sources: []SourceTotals{test.of}}
		broken := strings.Join(totals.Check(), "\n")
		if (broken == "") != (test.want == "") || !strings.Contains(broken, test.want) {
			t.Errorf("%+v: %q, want %q", test.of, broken, test.want)
		}
	}
}
