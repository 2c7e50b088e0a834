package writers

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// An absent value is null, whatever stands around it. parquet-go 0.32 writes
// zeros instead in some patterns, when it is given several rows at once.
func TestAbsentIsNull(t *testing.T) {
	for _, pattern := range []string{"0100", "00110", "01", "10", "1101", "000111000", strings.Repeat("1", 70) + "0", strings.Repeat("0", 63) + "1" + strings.Repeat("0", 100), strings.Repeat("01", 40) + "0"} {
		var changes []PlanChange
		var usage []RatedUsage
		for i, c := range pattern {
			p := PlanChange{AccountID: fmt.Sprint("account ", i), Cause: "signed_up"}
			u := RatedUsage{AccountID: p.AccountID, Dimensions: []string{""}}
			if c == '1' {
				p.ToPlan, p.PriceFrom, u.Dimensions[0] = "pro", 17702, "US"
			}
			changes, usage = append(changes, p), append(usage, u)
		}
		spec := RatedUsageTable
		spec.Dimensions = []string{"country"}
		wantNulls(t, pattern, tableText(t, PlanChangesTable, changes), "to_plan", "price_from")
		wantNulls(t, pattern, tableText(t, spec, usage), "country")
	}
}

// The same in a list, where parquet-go's GenericWriter does so even for a
// single row.
func TestAbsentInListIsNull(t *testing.T) {
	for _, pattern := range []string{"0100", "00100", "0010", "1010", "0000111000", strings.Repeat("10", 40) + strings.Repeat("0", 70)} {
		rows := []State{{AccountID: "none"}, {AccountID: "many"}}
		for _, c := range pattern {
			tally := StateTally{Meter: "sms"}
			if c == '1' {
				tally.To = 17702
			}
			rows[1].Tallies = append(rows[1].Tallies, tally)
		}
		file := open(t, tableText(t, StateTable, rows))
		column, _ := file.Schema().Lookup("tallies", "list", "element", "to")
		want := int64(1 + strings.Count(pattern, "0")) // none has no tallies
		if got := file.ColumnIndexes()[column.ColumnIndex].NullCounts; got[0] != want {
			t.Errorf("%s: nulls %d, want %d", pattern, got, want)
		}
	}
}

func tableText[T any](t *testing.T, spec Spec, rows []T) []byte {
	t.Helper()
	var b bytes.Buffer
	table, err := NewTable[T](&b, spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// wantNulls compares columns with a pattern: 0 is null.
func wantNulls(t *testing.T, pattern string, text []byte, columns ...string) {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range columns {
		column, _ := file.Schema().Lookup(name)
		got, rows := "", make([]parquet.Row, len(pattern))
		reader := parquet.NewReader(file)
		if n, err := reader.ReadRows(rows); n < len(rows) {
			t.Fatal(n, err)
		}
		reader.Close()
		for _, row := range rows {
			if row[column.ColumnIndex].IsNull() {
				got += "0"
			} else {
				got += "1"
			}
		}
		if got != pattern {
			t.Errorf("%s: nulls are %s, want %s", name, got, pattern)
		}
	}
}
