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
	files, err := filepath.Glob("testdata/duckdb/sms-*.parquet")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) { equalRows(t, read(name), want) })
	}
}

// mappedDuckDB is what mapped.csv holds, as it is read from the files beside it.
func mappedDuckDB(t testing.TB) (fields, csv *Schema) {
	t.Helper()
	la := losAngeles(t)
	at := func(path string, field Field) Field {
		field.Path = parsePath(t, path)
		if field.Name == "" {
			field.Name = path
		}
		return field
	}
	fields = &Schema{Source: "x", Fields: []Field{
		{Name: "d4"}, {Name: "d9"}, {Name: "d18"}, {Name: "d38"},
		at("d4", Field{Name: "d4 at 2", Kind: Integer, Scale: 2}), at("d9", Field{Name: "d9 at 4", Kind: Integer, Scale: 4}),
		at("d18", Field{Name: "d18 at 4", Kind: Integer, Scale: 4}), at("d38", Field{Name: "d38 at 4", Kind: Integer, Scale: 4}),
		{Name: "n", Kind: Integer}, at("n", Field{Name: "n at 2", Kind: Integer, Scale: 2}), {Name: "price"}, {Name: "f"},
		{Name: "ts_s"}, {Name: "ts_ms"}, {Name: "ts"}, {Name: "ts_ns"}, {Name: "tz"}, {Name: "day"}, {Name: "epoch"}, {Name: "flag"},
		at("epoch", Field{Name: "epoch as a time", Kind: Instant, Time: EpochS}),
		at("ts", Field{Name: "ts in Los Angeles", Kind: Instant, Zone: &la}),
		at("mail.id", Field{}), at("mail.meta.tag", Field{}), at("mail.meta.n", Field{Kind: Integer}),
		{Name: "tags", Kind: Integer, Count: true}, {Name: "parts", Kind: Integer, Count: true}, {Name: "attrs", Kind: Integer, Count: true},
		at("mail.meta", Field{Kind: Integer, Count: true}), at("mail.id", Field{Name: "count of mail.id", Kind: Integer, Count: true}),
		{Name: "note"}, {Name: "big"},
	}}
	csv = &Schema{Source: "x"}
	for _, f := range fields.Fields {
		csv.Fields = append(csv.Fields, Field{Name: f.Name, Kind: f.Kind})
	}
	return fields, csv
}

// Mapped fields of files that DuckDB wrote with settings of all kinds.
func TestDuckDBMapped(t *testing.T) {
	utc, err := calendar.LoadZone("UTC")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string, schema *Schema) []string {
		t.Helper()
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := readFrom(bucketOf(t, filepath.Base(name), data), filepath.Base(name), int64(len(data)), schema, utc)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return rows
	}
	fields, csv := mappedDuckDB(t)
	want := read("testdata/duckdb/mapped.csv", csv)
	if len(want) != 400 {
		t.Fatalf("the CSV has %d rows", len(want))
	}
	files, err := filepath.Glob("testdata/duckdb/mapped-*.parquet")
	if err != nil || len(files) != 6 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) { equalRows(t, read(name, fields), want) })
	}
}
