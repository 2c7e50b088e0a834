package writers

import (
	"strings"
	"testing"

	"ratemill/rating/calendar"
)

// The whole of both dialects stands in testdata, to be read when a table changes.
func TestDDL(t *testing.T) {
	golden(t, "testdata/athena.sql", AthenaTables("s3://acme-billing/history/", calendar.Date(2024, 5, 1), []string{"carrier", "country"}))
	golden(t, "testdata/duckdb.sql", DuckDBViews("build/demo/output"))
}

// TestTextInDDL: a quote in a path ends no text.
func TestTextInDDL(t *testing.T) {
	if got := DuckDBViews("it's"); !strings.Contains(got, "read_parquet('it''s/invoices/") {
		t.Error(got)
	}
	if got := hiveText(`a'b\c`); got != `'a\'b\\c'` {
		t.Error(got)
	}
}
