package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ratemill/rating/decimal"
	"ratemill/writers"
)

const vendors = "../../fixtures/vendors"

// billed bills nights of a vendor's exports with the configuration beside
// them, through the command line, and is where the output lies.
func billed(t *testing.T, vendor, catalog, from, to string) string {
	t.Helper()
	output := t.TempDir()
	args := []string{
		"backfill", "--config", filepath.Join(vendors, vendor, "ratemill.yaml"), "--exports", filepath.Join(vendors, vendor, "exports"),
		"--catalog", filepath.Join(vendors, catalog), "--output", output, "--from", from, "--to", to, "--first-night", "--max-rejects", "100%",
	}
	var stdout, stderr bytes.Buffer
	now := func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
	if code := run(context.Background(), args, &stdout, &stderr, now); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, &stdout, &stderr)
	}
	return output
}

// nightsOf are the run.jsons of all nights.
func nightsOf(t *testing.T, output string) (all []*writers.Run) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(output, "runs", "*", "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := writers.DecodeRun(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// end is where a source's rows ended, over all nights.
type end struct {
	Read, Duplicate, Rejected, Rated int64
	NotBillable                      []writers.ReasonRows
}

func (e *end) add(r *writers.Run, source string) {
	for _, f := range r.Totals.Files {
		if f.Source == source {
			e.Read, e.Duplicate, e.Rejected = e.Read+f.Read, e.Duplicate+f.Duplicate, e.Rejected+f.Rejected
		}
	}
	for _, s := range r.Totals.Sources {
		if s.Source == source {
			e.Rated, e.NotBillable = e.Rated+s.Rated, append(e.NotBillable, s.NotBillable...)
		}
	}
}

// tableOf are all rows of a table, night by night.
func tableOf[T any](t *testing.T, output string, spec writers.Spec) (all []T) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(output, spec.Name, "billing_date=*", "*.parquet"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files of %s: %v", spec.Name, err)
	}
	slices.Sort(names)
	for _, name := range names {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if err := writers.Rows(file, info.Size(), func(rows []T) error { all = append(all, rows...); return nil }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return all
}

// TestVendors bills what vendors write, by configuration alone: which rows
// count, which are left out by which name, and what comes of them.
func TestVendors(t *testing.T) {
	for _, test := range []struct {
		vendor, source, from, to string
		want                     end
		lines                    []string // description, quantity, amount
	}{
		{"sendgrid", "emails", "2016-04-19", "2016-04-19", end{11, 1, 0, 1, []writers.ReasonRows{{Reason: "not_a_send", Rows: 9}}}, []string{"emails 1 0.10"}},
		{"ses", "emails", "2016-10-14", "2016-10-14", end{12, 0, 0, 1, []writers.ReasonRows{{Reason: "not_a_mail", Rows: 3}, {Reason: "not_a_send", Rows: 8}}}, []string{"emails 1 0.10"}},
		{"twilio", "sms", "2019-05-24", "2019-05-24", end{2, 0, 0, 2, nil}, []string{"SMS inbound 1 0.25", "SMS outbound 1 0.50"}},
		{"sns", "sms", "2016-05-10", "2016-05-10", end{3, 0, 0, 3, nil}, []string{"SMS outbound 3 1.50"}},
		{"seats", "seats", "2021-08-03", "2021-08-05", end{4, 2, 0, 2, nil}, []string{"user seat 1 19.00", "user seat 1 19.00"}},
	} {
		t.Run(test.vendor, func(t *testing.T) {
			output := billed(t, test.vendor, "catalog.yaml", test.from, test.to)
			var got end
			for _, r := range nightsOf(t, output) {
				got.add(r, test.source)
			}
			if g, w := text(t, got), text(t, test.want); g != w {
				t.Errorf("rows\n got %s\nwant %s", g, w)
			}
			var lines []string
			for _, l := range tableOf[writers.InvoiceLine](t, output, writers.InvoiceLinesTable) {
				lines = append(lines, l.Description+" "+writers.FromWide(l.Quantity).String()+" "+writers.FromMoney(l.Amount).StringFixed(2))
			}
			slices.Sort(lines)
			if !slices.Equal(lines, test.lines) {
				t.Errorf("lines\n got %q\nwant %q", lines, test.lines)
			}
		})
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestFocus rates a cloud's bill again: quantity × list unit price is the list
// cost of every row of AWS, at the ten places that the bill has.
func TestFocus(t *testing.T) {
	output := billed(t, "focus", "focus/catalog.yaml", "2024-09-01", "2024-09-30")
	rated := map[string]decimal.Decimal{}
	for _, u := range tableOf[writers.RatedUsage](t, output, writers.RatedUsageTable) {
		row := u.Dimensions[slices.Index([]string{"list_unit_price", "row", "sku"}, "row")]
		if _, twice := rated[row]; twice {
			t.Errorf("row %s is rated twice", row)
		}
		rated[row] = writers.FromWide(u.Amount)
	}
	file, err := os.Open(filepath.Join(vendors, "focus/exports/focus/focus_sample.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(record []string, name string) string { return record[slices.Index(records[0], name)] }
	compared := 0
	for _, record := range records[1:] {
		if column(record, "ProviderName") != "AWS" || column(record, "ListUnitPrice") == "NULL" {
			continue
		}
		compared++
		id, cost := column(record, "Id"), decimal.RequireFromString(column(record, "ListCost"))
		if got, is := rated[id]; !is || !got.Round(10).Equal(cost) {
			t.Errorf("row %s: rated %s (%t), list cost %s", id, got, is, cost)
		}
	}
	if compared != 941 || len(rated) != compared {
		t.Errorf("%d rows rated, %d compared, want 941", len(rated), compared)
	}
}
