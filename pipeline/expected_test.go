package pipeline

import (
	"fmt"
	"strings"
	"testing"
)

// expecting is a company whose SMS are expected every day.
func expecting(t *testing.T, x Expectation, exports string) *company {
	c := newCompany(t, exports)
	c.knobs.Sources = []SourceSettings{{Name: "sms", Exports: []ExportSettings{{Expected: &x}}}}
	return c
}

func rowsAtLeast(n int64) *int64 { return &n }

// messages are so many messages of a day, in a file of its own.
func messages(date string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- sms/%s\n", date)
	for i := range n {
		fmt.Fprintf(&b, "%s-%03d,A,%sT10:00:00,outbound,acme,US,10\n", date, i, date)
	}
	return b.String()
}

// A missing export is waited for; one that is empty or oddly small is not. An
// empty file is "no usage" only where that is allowed for, or a manifest says
// that it is whole.
func TestExpected(t *testing.T) {
	const signUp = "-- account_events/2024-05-01\ns1,A,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,\n"
	full := signUp + messages("2024-05-01", 10) + messages("2024-05-02", 10) + messages("2024-05-03", 4) + messages("2024-05-04", 12)
	half := Expectation{AtLeast: 500_000}
	for _, test := range []struct {
		name   string
		expect Expectation
		last   func(c *company) // the export of 5 May
		code   int
		want   string
	}{
		{"there", Expectation{}, func(c *company) { c.deliver(messages("2024-05-05", 1)) }, ExitDone, ""},
		{"missing", Expectation{}, func(*company) {}, ExitTemporary,
			"no export of sms for 2024-05-05 is there yet, and ratemill.yaml expects one: looked for sms/date=2024-05-05/**"},
		{"only a late file", Expectation{}, func(c *company) {
			c.deliver(strings.Replace(messages("2024-05-04", 1), "05-04\n", "05-04 late.csv\n", 1))
		}, ExitTemporary, "no export of sms"},
		{"no usage", Expectation{}, func(c *company) { c.deliver(messages("2024-05-05", 0)) }, ExitInput, "the export of sms has 0 rows, where at least 1 are expected"},
		{"no usage is allowed", Expectation{Rows: rowsAtLeast(0)}, func(c *company) { c.deliver(messages("2024-05-05", 0)) }, ExitDone, ""},
		{"no usage, by a manifest", Expectation{}, func(c *company) {
			c.write("sms/date=2024-05-05/_manifest.json", `{"format": 1, "files": []}`)
		}, ExitDone, ""},
		{"no usage, by a manifest, where rows are asked for", Expectation{Rows: rowsAtLeast(1)}, func(c *company) {
			c.write("sms/date=2024-05-05/_manifest.json", `{"format": 1, "files": []}`)
		}, ExitInput, "0 rows"},
		{"few rows", Expectation{Rows: rowsAtLeast(3)}, func(c *company) { c.deliver(messages("2024-05-05", 2)) }, ExitInput, "the export of sms has 2 rows, where at least 3 are expected"},
		{"small", half, func(c *company) { c.deliver(messages("2024-05-05", 3)) }, ExitInput, "the export of sms has 238 bytes, where at least 319 are expected (the median of 4 days is 637)"},
		{"half", half, func(c *company) { c.deliver(messages("2024-05-05", 5)) }, ExitDone, ""},
		{"of three days", Expectation{AtLeast: 500_000, Days: 3}, func(c *company) { c.deliver(messages("2024-05-05", 4)) }, ExitInput, "(the median of 3 days is 637)"},
		{"of too few days", Expectation{AtLeast: 500_000, Days: 2}, func(c *company) { c.deliver(messages("2024-05-05", 1)) }, ExitDone, ""},
		{"warned of missing", Expectation{Warn: true}, func(*company) {}, ExitLook, "sms: no export is there"},
		{"warned of few", Expectation{Warn: true}, func(c *company) { c.deliver(messages("2024-05-05", 0)) }, ExitLook, "sms: the export of sms has 0 rows, where at least 1 are expected"},
		{"warned of small", Expectation{Warn: true, AtLeast: 500_000}, func(c *company) { c.deliver(messages("2024-05-05", 3)) }, ExitLook, "sms: the export of sms has 238 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := expecting(t, test.expect, full)
			c.nights("2024-05-01", "2024-05-04")
			test.last(c)
			if test.code == ExitInput || test.code == ExitTemporary {
				c.wantFailure("2024-05-05", test.code, test.want)
				return
			}
			e := c.night("2024-05-05")
			got := ""
			for _, u := range e.Unexpected {
				got += u.Source + ": " + u.What
			}
			if e.ExitCode != test.code || !strings.HasPrefix(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("exit code %d, unexpected %q, want %d and %q", e.ExitCode, got, test.code, test.want)
			}
		})
	}
}

// What is expected says whether a night is published, not what of: a night that
// is published stays what it is when other things are expected.
func TestExpectationIsNoLayout(t *testing.T) {
	c := newCompany(t, small)
	c.night("2024-05-01")
	c.knobs.Sources = []SourceSettings{{Name: "seats", Exports: []ExportSettings{{Expected: &Expectation{}}}}}
	if r, err := c.try("2024-05-01"); err != nil || r.Status != Already {
		t.Errorf("%v, %v", r, err)
	}
	c.wantFailure("2024-05-02", ExitTemporary, "no export of seats for 2024-05-02")
}

// A path without a date: what lies there is there or is not.
func TestExpectedWithoutDate(t *testing.T) {
	c := own(t)
	s := &c.knobs.Sources[0].Exports[0]
	s.Paths, s.Expected = []string{"pbx/all.csv"}, &Expectation{}
	c.wantFailure("2024-05-01", ExitTemporary, "no export of calls for 2024-05-01 is there yet, and ratemill.yaml expects one: looked for pbx/all.csv")
	c.calls("all", "c1,17,2024-05-01T10:00:00Z,voice,1")
	c.nights("2024-05-01", "2024-05-02")
	s.Expected = &Expectation{AtLeast: 1}
	if wrong := CheckSource(&c.knobs.Sources[0], c.knobs.Lookups); len(wrong) != 1 || wrong[0].Key != "expected" {
		t.Errorf("%v", wrong)
	}
}

// Files at a path without a date that are gone are forgotten; what comes back
// is read again, and its rows are known.
func TestForgottenInputs(t *testing.T) {
	c := own(t)
	c.knobs.Sources[0].Exports[0].Paths = []string{"pbx/*.csv"}
	row := "c1,17,2024-05-01T10:00:00Z,voice,1.00"
	for i := range 5 { // rotated every night
		date := fmt.Sprintf("2024-05-%02d", i+1)
		c.calls(fmt.Sprintf("log-%d", i), fmt.Sprintf("c%d,17,%sT10:00:00Z,voice,1.00", i+1, date))
		if i > 0 {
			if err := c.exports.Delete(t.Context(), fmt.Sprintf("pbx/log-%d.csv", i-1)); err != nil {
				t.Fatal(err)
			}
		}
		e := c.night(date)
		if n := len(e.Consumed); n != 2 || len(e.ChangedInputs) != 0 || e.ExitCode != ExitDone {
			t.Errorf("%s: %d consumed: %v, changed %v, exit code %d", date, n, e.Consumed, e.ChangedInputs, e.ExitCode)
		}
	}
	c.calls("log-0", row)
	e := c.night("2024-05-06")
	if f := e.Totals.Files; len(f) != 1 || f[0].Duplicate != 1 || len(e.Consumed) != 3 {
		t.Errorf("%+v, consumed %v", f, e.Consumed)
	}
	c.wantDocuments("2024-05-06", "")
}
