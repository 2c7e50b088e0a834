package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ratemill/pipeline/store"
	"ratemill/rating/catalog"
	"ratemill/readers"
	"ratemill/writers"
)

// own is a company with a source of its own, "calls", laid out in its own way:
// quantities with decimals, a filter, an account that a table says.
func own(t *testing.T) *company {
	t.Helper()
	c := newCompany(t, "")
	cat, err := catalog.Parse("own.yaml", []byte(`
catalog: {name: own, currency: USD, time_zone: UTC, rounding: half_up, window: 10 days, invoice_series: OWN}
cohorts:
  everybody: {otherwise: true}
meters:
  calls: {source: calls, sum: minutes, by: [kind], rule: C-1}
versions:
- from: 2024-01-01
  terms:
    monthly: {base_every: 1 month, base: 1 x monthly, rule: C-0}
  plans:
    payg: {all: {base: {price: 0, rule: C-0}}}
  usage_charges:
    calls: {description: calls, price: {each: 2}, rule: C-1}
`))
	if err != nil {
		t.Fatal(err)
	}
	c.knobs.Catalog = cat
	c.knobs.Sources = []SourceSettings{{
		Name: "calls", Kind: UsageKind, Quantity: "minutes", Decimals: 2, Dimensions: []string{"kind"}, MayLack: []string{"kind"},
		Exports: []ExportSettings{{Paths: []string{"pbx/{date}.csv"}, Mapping: readers.Mapping{
			Rules: []readers.Rule{
				{Field: "event_id", Paths: columns("id")}, {Field: "account_id", Paths: columns("line"), Lookup: "lines"},
				{Field: "occurred_at", Paths: columns("at")},
			},
			LeaveOut: []readers.Filter{{Name: "tests", Conditions: []readers.Condition{{Path: readers.ColumnPath("kind"), Is: []string{"test"}}}}},
		}}},
	}}
	c.knobs.Lookups = []LookupSettings{{Name: "lines", Path: "tables/lines.csv", Key: "line", Value: "account"}}
	c.write("tables/lines.csv", "line,account\n17,A\n18,B\n")
	c.write("account_events/date=2024-05-01/a.csv", headers["account_events"]+`
s1,A,2024-05-01T00:00:00,signed_up,payg,monthly,card,
s2,B,2024-05-01T00:00:00,signed_up,payg,monthly,card,
`)
	return c
}

func columns(names ...string) (all []readers.Path) {
	for _, name := range names {
		all = append(all, readers.ColumnPath(name))
	}
	return all
}

const callsHeader = "id,line,at,kind,minutes\n"

func (c *company) calls(day, rows string) { c.write("pbx/"+day+".csv", callsHeader+trimmed(rows)) }

// sourceOf is where a source's rows ended in a night.
func (c *company) sourceEnd(date, source string) writers.SourceTotals {
	c.Helper()
	for _, s := range c.entry(date).Totals.Sources {
		if s.Source == source {
			return s
		}
	}
	c.Fatalf("no source %s in the totals of %s", source, date)
	return writers.SourceTotals{}
}

func TestOwnSource(t *testing.T) {
	c := own(t)
	c.calls("2024-05-01", `
		c1,17,2024-05-01T10:00:00Z,voice,1.25
		c2,17,2024-05-01T11:00:00Z,,0.5
		c2,17,2024-05-01T11:00:00Z,,0.50
		c3,17,2024-05-01T11:00:00Z,test,what ever
		c4,18,2024-05-01T11:00:00Z,voice,0.125
		c5,18,2024-05-02T11:00:00Z,voice,3.10
		c6,18,2024-05-01T11:00:00Z,voice,-1.5
	`)
	c.nights("2024-05-01", "2024-05-02")
	c.wantDocuments("2024-05-01", `
		invoice A total 3.50 credits 0.00 due 3.50
		  usage 3.50 C-1
		charge A 3.50 card
		plan A none to payg signed_up
		plan B none to payg signed_up
	`)
	c.wantDocuments("2024-05-02", `
		invoice B total 6.20 credits 0.00 due 6.20
		  usage 6.20 C-1
		charge B 6.20 card
	`)
	c.wantRejects("2024-05-01", `
		pbx/2024-05-01.csv:5 B not_a_number open
		pbx/2024-05-01.csv:7 B negative_quantity open
	`)
	got := c.sourceEnd("2024-05-01", "calls")
	want := writers.SourceTotals{Source: "calls", Passed: 3, Rated: 2, NotBillable: []writers.ReasonRows{{Reason: "tests", Rows: 1}}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("calls of 1 May: %+v, want %+v", got, want)
	}
}

// A row whose line no table has waits for its account, and is billed when a
// later table has it.
func TestLookUpAgain(t *testing.T) {
	c := own(t)
	c.calls("2024-05-01", "c1,19,2024-05-01T10:00:00Z,voice,1.25")
	c.night("2024-05-01")
	c.wantRejects("2024-05-01", "pbx/2024-05-01.csv:1 19 unknown_account open")
	c.write("tables/lines.csv", "line,account\n17,A\n18,B\n19,B\n")
	c.night("2024-05-02")
	c.wantDocuments("2024-05-02", `
		invoice B total 2.50 credits 0.00 due 2.50
		  usage 2.50 C-1 late
		charge B 2.50 card
	`)
	if r, err := c.try("2024-05-01"); err == nil {
		t.Errorf("%v: 1 May is published from another table", r.Status)
	} else if want := "the lookup tables have changed"; !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

// Each export has its own tables: what a row could not find in one is never
// looked up in another's.
func TestLookUpAgainByItsOwnExport(t *testing.T) {
	c := own(t)
	s := &c.knobs.Sources[0]
	first := s.Exports[0]
	first.Name = "first"
	second := first
	second.Name, second.Paths = "second", []string{"other/{date}.csv"}
	second.Mapping.Rules = slices.Clone(first.Mapping.Rules)
	second.Mapping.Rules[1].Lookup = "branches"
	second.Mapping.Rules[1].Map = map[string]string{"hq": "B"}
	third := first
	third.Name, third.Paths = "third", []string{"plain/{date}.csv"}
	third.Mapping.Rules = slices.Clone(first.Mapping.Rules)
	third.Mapping.Rules[1].Lookup = ""
	s.Exports = []ExportSettings{first, second, third}
	c.knobs.Lookups = append(c.knobs.Lookups, LookupSettings{Name: "branches", Path: "tables/branches.csv", Key: "line", Value: "account"})
	c.write("tables/branches.csv", "line,account\n99,B\n")
	c.write("tables/lines.csv", "line,account\n1,A\n")
	c.write("other/2024-05-01.csv", callsHeader+"c1,17,2024-05-01T10:00:00Z,voice,1.00\n")
	c.write("plain/2024-05-01.csv", callsHeader+"c2,17,2024-05-01T10:00:00Z,voice,1.00\n")
	c.night("2024-05-01")
	c.write("tables/lines.csv", "line,account\n1,A\n17,A\n") // not theirs
	c.night("2024-05-02")
	c.wantDocuments("2024-05-02", "")
	c.write("tables/branches.csv", "line,account\n99,B\n17,hq\n")
	c.night("2024-05-03")
	c.wantDocuments("2024-05-03", `
		invoice B total 2.00 credits 0.00 due 2.00
		  usage 2.00 C-1 late
		charge B 2.00 card
	`)
}

// A path without a date is read again when what lies there has changed; the
// rows that were there before are known.
func TestPathWithoutDate(t *testing.T) {
	c := own(t)
	c.knobs.Sources[0].Exports[0].Paths = []string{"pbx/all.csv"}
	c.calls("all", "c1,17,2024-05-01T10:00:00Z,voice,1.00")
	c.night("2024-05-01")
	c.night("2024-05-02") // unchanged: not read
	if n := len(c.entry("2024-05-02").Inputs); n != 0 {
		t.Errorf("%d inputs on 2 May, want none", n)
	}
	c.calls("all", "c1,17,2024-05-01T10:00:00Z,voice,1.00\nc2,17,2024-05-03T10:00:00Z,voice,2.00")
	e := c.night("2024-05-03")
	c.wantDocuments("2024-05-03", `
		invoice A total 4.00 credits 0.00 due 4.00
		  usage 4.00 C-1
		charge A 4.00 card
	`)
	if e.ExitCode != ExitDone || len(e.ChangedInputs) != 0 || e.Totals.Files[0].Duplicate != 1 {
		t.Errorf("exit code %d, changed %v, totals %+v", e.ExitCode, e.ChangedInputs, e.Totals.Files)
	}
	if n := len(e.Consumed); n != 2 {
		t.Errorf("%d consumed files, want 2: %+v", n, e.Consumed)
	}
	r, err := c.try("2024-05-01") // what it read is there no more, which is no news
	if err != nil || r.Status != Already {
		t.Errorf("1 May again: %v, %v", r, err)
	}
}

// What is published was made with one layout; with another it is another day.
func TestOtherLayout(t *testing.T) {
	c := own(t)
	c.calls("2024-05-01", "c1,17,2024-05-01T10:00:00Z,voice,1.00")
	c.night("2024-05-01")
	c.knobs.Sources = slices.Clone(c.knobs.Sources)
	c.knobs.Sources[0].Decimals = 3
	_, err := c.try("2024-05-01")
	var other *OtherInputsError
	if !errors.As(err, &other) || !slices.Contains(other.Differences, "the sources are laid out in another way") {
		t.Errorf("%v, want other inputs", err)
	}
}

func TestFileOfTwoExports(t *testing.T) {
	c := own(t)
	s := &c.knobs.Sources[0]
	s.Exports = append(slices.Clone(s.Exports), s.Exports[0])
	s.Exports[0].Name, s.Exports[1].Name = "old", "new"
	s.Exports[1].Paths = []string{"pbx/*.csv"}
	c.calls("2024-05-01", "c1,17,2024-05-01T10:00:00Z,voice,1.00")
	_, err := c.try("2024-05-01")
	want := "pbx/2024-05-01.csv fits the paths of two exports of source calls: new and old"
	if err == nil || ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// A lookup table and a mapped column that are not there stop the night by
// name, and nothing is published.
func TestUnusableLayout(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*company)
		want   string
	}{
		{"no table", func(c *company) { c.knobs.Lookups[0].Path = "tables/gone.csv" }, "tables/gone.csv: lookup table lines cannot be looked at"},
		{"two accounts", func(c *company) { c.write("tables/lines.csv", "line,account\n17,A\n17,B\n") }, `"17"`},
		{"no column", func(c *company) { c.write("pbx/2024-05-01.csv", "id,line,at,minutes\nc1,17,2024-05-01T10:00:00Z,1\n") },
			`pbx/2024-05-01.csv: no column "kind"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := own(t)
			c.calls("2024-05-01", "c1,17,2024-05-01T10:00:00Z,voice,1.00")
			test.change(c)
			_, err := c.try("2024-05-01")
			if err == nil || ExitCode(err) != ExitInput || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v (exit code %d), want %s", err, ExitCode(err), test.want)
			}
			if left := issued(t, c.output); len(left) != 0 {
				t.Errorf("%d objects are published", len(left))
			}
		})
	}
}

func TestSampleSources(t *testing.T) {
	c := own(t)
	c.calls("2024-05-01", "c0,17,2024-05-01T09:00:00Z,voice,1")
	c.calls("2024-05-02", `
		c1,17,2024-05-02T10:00:00Z,voice,1.25
		c2,17,soon,,0.5
		c3,17,2024-05-02T10:00:00Z,test,x
	`)
	samples, err := SampleSources(context.Background(), c.settings("2024-05-02"), SampleOptions{Source: "calls"})
	if err != nil || len(samples) != 1 {
		t.Fatalf("%d samples, %v", len(samples), err)
	}
	s := samples[0]
	if s.File != "pbx/2024-05-02.csv" || !slices.Equal(s.Columns, []string{"id", "line", "at", "kind", "minutes"}) || s.Read != 3 || s.LeftOut["tests"] != 1 {
		t.Errorf("%+v", s)
	}
	want := []string{
		"1 [A 2024-05-02T10:00:00Z 1.25 voice]   ",
		"2 [A soon 0.5 ]  not_a_time occurred_at \"soon\"",
		"3 [ 2024-05-02T10:00:00Z x test] tests  ",
	}
	for i, r := range s.Rows {
		if got := fmt.Sprint(r.Number, " ", r.Cells[1:], " ", r.LeftOut, " ", r.Reject, " ", r.Detail); got != want[i] {
			t.Errorf("row %d: %q, want %q", i, got, want[i])
		}
	}
}

// A file at a path without a date is compared by what it says: a copy keeps
// the time and may have the size of what was there before.
func TestPathWithoutDateKeepsItsTime(t *testing.T) {
	c := own(t)
	root := t.TempDir()
	disk, err := store.Open(context.Background(), root)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	for key, text := range tree(t, c.exports) {
		put(t, disk, key, text)
	}
	c.exports = disk
	c.knobs.Sources[0].Exports[0].Paths = []string{"pbx/{year}/{month}/*.csv"} // a month is no date
	c.write("pbx/2023/01/all.csv", callsHeader+"c1,17,2024-05-01T10:00:00Z,voice,1.00\n")
	c.night("2024-05-01")
	c.wantDocuments("2024-05-01", `
		invoice A total 2.00 credits 0.00 due 2.00
		  usage 2.00 C-1
		charge A 2.00 card
		plan A none to payg signed_up
		plan B none to payg signed_up
	`)
	c.write("pbx/2023/01/all.csv", callsHeader+"c2,17,2024-05-02T10:00:00Z,voice,3.00\n")
	old := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(root, "pbx/2023/01/all.csv"), old, old); err != nil {
		t.Fatal(err)
	}
	c.night("2024-05-02")
	c.wantDocuments("2024-05-02", `
		invoice A total 6.00 credits 0.00 due 6.00
		  usage 6.00 C-1
		charge A 6.00 card
	`)
}

// One file whose records lack a key has bad rows; where no file's records have
// it, the path is misspelt and the night stops. How rows are spread over files
// changes neither.
func TestKeyThatJSONLacks(t *testing.T) {
	has := `{"id":"c1","line":"17","at":"2024-05-01T10:00:00Z","kind":"voice","minutes":1}` + "\n"
	hasNot := `{"id":"c2","at":"2024-05-01T10:00:00Z","kind":"voice","minutes":1}` + "\n"
	company := func(t *testing.T, files ...string) *company {
		c := own(t)
		c.knobs.Sources[0].Exports[0].Paths = []string{"pbx/{date}/*.ndjson"}
		for i, text := range files {
			c.write(fmt.Sprintf("pbx/2024-05-01/%d.ndjson", i), text)
		}
		return c
	}
	for _, files := range [][]string{{has + hasNot}, {has, hasNot}, {hasNot, has}} {
		c := company(t, files...)
		c.night("2024-05-01")
		if got := c.sourceEnd("2024-05-01", "calls"); got.Rated != 1 {
			t.Errorf("%q: %+v", files, got)
		}
		if got := c.rejected("2024-05-01"); !strings.Contains(got, "missing_field open") {
			t.Errorf("%q: rejects %s", files, got)
		}
	}
	_, err := company(t, hasNot, hasNot).try("2024-05-01")
	if want := `pbx/2024-05-01/0.ndjson: no column "line", mapped to account_id; there are id, at, kind, minutes`; err == nil || ExitCode(err) != ExitInput || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	// A misspelt key in a filter would leave everything out.
	c := company(t, has, has)
	c.knobs.Sources[0].Exports[0].Mapping.LeaveOut = []readers.Filter{{Name: "others", Conditions: []readers.Condition{{Path: readers.ColumnPath("knid"), Not: []string{"voice"}}}}}
	_, err = c.try("2024-05-01")
	if want := `no column "knid"`; err == nil || ExitCode(err) != ExitInput || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
