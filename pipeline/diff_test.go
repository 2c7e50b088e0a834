package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ratemill/writers"
)

// comparedText compares two outputs and returns every difference of accounts
// as text.
func comparedText(t testing.TB, knobs Settings, a, b Side, limit int) (string, *Comparison) {
	t.Helper()
	var text strings.Builder
	result, err := Compare(t.Context(), &knobs, a, b, limit, func(rows []writers.Difference) error {
		for _, d := range rows {
			fmt.Fprintf(&text, "%s %s %s %s: %d rows %s, %d rows %s, %s\n", d.AccountID, d.Kind, d.Item, d.Currency, d.RowsA, exact(d.A), d.RowsB, exact(d.B), exact(d.Difference))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String(), result
}

func TestCompare(t *testing.T) {
	exports := `
		-- account_events/2024-05-01
		e1,A,2024-05-01T09:00:00,signed_up,pro,monthly,card
		e2,B,2024-05-01T09:00:00,signed_up,pro,monthly,card
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,340
	`
	a, same, b := newCompany(t, exports), newCompany(t, exports), newCompany(t, exports)
	b.deliver(`
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1500
		m2,B,2024-05-01T10:00:00,outbound,acme,US,10
	`)
	for _, c := range []*company{a, same, b} {
		c.nights("2024-05-01", "2024-05-03")
	}
	text, r := comparedText(t, a.knobs, Side{Output: a.output}, Side{Output: same.output}, 5)
	if text != "" || r.Count != 0 || len(r.Bytes) > 0 || len(r.Sums) == 0 || len(r.Entries[0]) != 3 {
		t.Errorf("the same: %q, %+v", text, r)
	}

	want := `
		A line minimum USD: 1 rows 6.60, 0 rows 0.00, -6.60
		A line usage USD: 1 rows 3.40, 1 rows 15.00, 11.60
		A total amount_due USD: 2 rows 307.00, 2 rows 312.00, 5.00
		A total charges USD: 2 rows 307.00, 2 rows 312.00, 5.00
		A total invoices USD: 2 rows 307.00, 2 rows 312.00, 5.00
		A balance sms_money USD: 1 rows 6.60, 0 rows 0.00, -6.60
		B line minimum USD: 0 rows 0.00, 1 rows 9.90, 9.90
		B line usage USD: 0 rows 0.00, 1 rows 0.10, 0.10
		B total amount_due USD: 1 rows 297.00, 2 rows 307.00, 10.00
		B total charges USD: 1 rows 297.00, 2 rows 307.00, 10.00
		B total credits_applied USD: 1 rows 0.00, 2 rows 0.00, 0.00
		B total invoices USD: 1 rows 297.00, 2 rows 307.00, 10.00
		B balance sms_money USD: 0 rows 0.00, 1 rows 9.90, 9.90
	`
	for _, workers := range []int{1, 3} {
		knobs := a.knobs
		knobs.Workers, knobs.Memory = workers, int64(workers)
		text, r = comparedText(t, knobs, Side{Output: a.output}, Side{Output: b.output}, 3)
		accounts := strings.Split(trimmed(text), "\n")
		slices.SortStableFunc(accounts, func(x, y string) int { return strings.Compare(x[:min(1, len(x))], y[:min(1, len(y))]) })
		equalText(t, "differences", strings.Join(accounts, "\n"), want)
	}
	var largest []string
	for _, d := range r.Largest {
		largest = append(largest, d.AccountID+" "+d.Item+" "+exact(d.Difference))
	}
	if got := strings.Join(largest, ", "); got != "A usage 11.60, B amount_due 10.00, B charges 10.00" {
		t.Errorf("the largest are %s", got)
	}
	for _, s := range r.Sums {
		if s.Item == "invoices" && (s.A != 604_0000 || s.B != 619_0000 || s.Difference != 15_0000 || s.RowsA != 3 || s.RowsB != 4) {
			t.Errorf("sum %+v", s)
		}
	}

	// The first night charges no usage: its figures are the same, not its files.
	to := day(t, "2024-05-01")
	text, r = comparedText(t, a.knobs, Side{Output: a.output, To: to}, Side{Output: b.output, To: to}, 3)
	i := slices.IndexFunc(r.Bytes, func(d BytesDifference) bool { return d.Name == "rated_usage" })
	if text != "" || i < 0 || r.Bytes[i].Other != 1 || r.Bytes[i].FiguresCompared {
		t.Errorf("the first night: %q, %+v", text, r.Bytes)
	}
	// One entry and another.
	text, _ = comparedText(t, a.knobs, Side{Output: a.output, Entry: 2}, Side{Output: b.output, Entry: 2}, 0)
	if !strings.Contains(text, "A line usage USD: 1 rows 3.40, 1 rows 15.00, 11.60\n") {
		t.Errorf("one entry: %s", text)
	}
}

func TestCompareNothing(t *testing.T) {
	c := newCompany(t, "")
	c.night("2024-05-01")
	none := func([]writers.Difference) error { return nil }
	var usage *UsageError
	if _, err := Compare(t.Context(), &c.knobs, Side{Output: memory(t)}, Side{Output: c.output}, 1, none); !errors.As(err, &usage) {
		t.Errorf("no history: %v", err)
	}
	if _, err := Compare(t.Context(), &c.knobs, Side{Output: c.output, Entry: 2}, Side{Output: c.output}, 1, none); !errors.As(err, &usage) {
		t.Errorf("no entry: %v", err)
	}
	putObject(t, c.output, "invoices/billing_date=2024-05-01/entry-00000001.parquet", []byte("PAR1"))
	if _, err := Compare(t.Context(), &c.knobs, Side{Output: c.output}, Side{Output: c.output}, 1, none); ExitCode(err) != ExitInput {
		t.Errorf("a damaged table: %v", err)
	}
}
