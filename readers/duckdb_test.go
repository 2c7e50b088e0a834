package readers

import (
	"os"
	"path/filepath"
	"testing"

	"ratemill/rating/calendar"
)

// Files that DuckDB wrote hold the same rows as its CSV, whatever its
// settings: everything OPTIONAL, dictionaries for integers too, runs that are
// padded to 256 values, ids as UUID or text, times with and without a zone.
// testdata/duckdb/README.md says how they were made.
func TestDuckDBFiles(t *testing.T) {
	utc, err := calendar.LoadZone("UTC")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []string {
		t.Helper()
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := readFrom(bucketOf(t, filepath.Base(name), data), filepath.Base(name), int64(len(data)), sms, utc)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return rows
	}
	want := read("testdata/duckdb/sms.csv")
	if len(want) != 1000 {
		t.Fatalf("the CSV has %d rows", len(want))
	}
	files, err := filepath.Glob("testdata/duckdb/*.parquet")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) { equalRows(t, read(name), want) })
	}
}
