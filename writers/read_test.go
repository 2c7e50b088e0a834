package writers

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

func read[T any](file []byte, yield func([]T) error) error {
	return Rows(bytes.NewReader(file), int64(len(file)), yield)
}

func TestRowsOfAnotherTable(t *testing.T) {
	file := encode(t, ChargesTable, sample[Charge](1, 10))
	for name, err := range map[string]error{
		"invoices":    read(file, func([]Invoice) error { return nil }),
		"rated_usage": read(file, func([]RatedUsage) error { return nil }),
		"charges":     read(encode(t, usageWithDimensions, usage(1, 10, 2)), func([]Charge) error { return nil }),
	} {
		if err == nil || !strings.Contains(err.Error(), "its columns are not those of") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The rows of a batch stay what they are when the next is read.
func TestRowsMayBeKept(t *testing.T) {
	want := sample[State](5, 2*chunkRows+1)
	file := encode(t, StateTable, want)
	var batches [][]State
	if err := read(file, func(rows []State) error {
		batches = append(batches, rows)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(batches) != 3 {
		t.Fatalf("%d batches, want 3", len(batches))
	}
	for i, row := range append(append(batches[0], batches[1]...), batches[2]...) {
		if row.AccountID != want[i].AccountID || len(row.Due) != len(want[i].Due) {
			t.Fatalf("row %d is %+v, want %+v", i, row, want[i])
		}
	}
}

func TestYieldError(t *testing.T) {
	enough := errors.New("enough")
	calls := 0
	err := read(encode(t, ChargesTable, sample[Charge](1, 5*chunkRows)), func([]Charge) error {
		calls++
		return enough
	})
	if err != enough || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// A page with one wrong byte, wherever it is, is an error.
func TestBrokenPages(t *testing.T) {
	file := encode(t, HeldTable, sample[Held](1, 6*chunkRows))
	pages := 0
	for _, index := range open(t, file).OffsetIndexes() {
		for _, page := range index.PageLocations {
			pages++
			broken := bytes.Clone(file)
			broken[page.Offset+int64(page.CompressedPageSize)-1] ^= 0x10
			if err := read(broken, func([]Held) error { return nil }); err == nil {
				t.Errorf("read with a wrong byte in the page at %d", page.Offset)
			}
		}
	}
	if pages < 12 {
		t.Errorf("only %d pages", pages)
	}
}

func TestTruncatedFiles(t *testing.T) {
	file := encode(t, ChargesTable, sample[Charge](1, 2*chunkRows))
	for n := 0; n < len(file); n += 997 {
		if err := read(file[:n], func([]Charge) error { return nil }); err == nil {
			t.Errorf("read the first %d of %d bytes", n, len(file))
		}
	}
}

// Files that parquet-go makes whole, checksums and all, but whose columns do
// not fit each other are refused.
func TestColumnsThatDoNotFit(t *testing.T) {
	schema := parquet.SchemaOf(new(State))
	at := func(path ...string) int {
		leaf, _ := schema.Lookup(path...)
		return leaf.ColumnIndex
	}
	from, plan := at("segments", "list", "element", "from"), at("segments", "list", "element", "plan")
	meter, key := at("tallies", "list", "element", "meter"), at("tallies", "list", "element", "keys", "list", "element")
	on := at("tallies", "list", "element", "switches", "list", "element", "on")
	day, text, wide := parquet.Int32Value(1), parquet.ByteArrayValue([]byte("pro")), parquet.FixedLenByteArrayValue(make([]byte, 16))
	for _, test := range []struct {
		name   string
		column int
		values []parquet.Value // instead of the column's, of two rows
		want   string
	}{
		{"as it was", from, []parquet.Value{day.Level(0, 1, 0), day.Level(1, 1, 0), day.Level(0, 1, 0)}, ""},
		{"an element more", plan, []parquet.Value{text.Level(0, 1, 0), text.Level(1, 1, 0), text.Level(1, 1, 0), text.Level(0, 1, 0)}, "segments.plan: its levels"},
		{"an element fewer", plan, []parquet.Value{text.Level(0, 1, 0), text.Level(1, 1, 0), parquet.Value{}.Level(0, 0, 0)}, "segments.plan: its levels"},
		{"an element in another row", plan, []parquet.Value{text.Level(0, 1, 0), text.Level(0, 1, 0), text.Level(1, 1, 0)}, "segments.plan: its levels"},
		{"none at all", plan, []parquet.Value{parquet.Value{}.Level(0, 0, 0), parquet.Value{}.Level(0, 0, 0)}, "segments.plan: its levels"},
		{"an absent element among others", from, []parquet.Value{day.Level(0, 1, 0), parquet.Value{}.Level(1, 0, 0), day.Level(0, 1, 0)}, "segments.from: its levels"},
		{"a row more", plan, []parquet.Value{text.Level(0, 1, 0), text.Level(1, 1, 0), text.Level(0, 1, 0), parquet.Value{}}, "more rows than its row group"},
		{"a row fewer", plan, []parquet.Value{text.Level(0, 1, 0), text.Level(1, 1, 0)}, "fewer rows than its row group"},
		{"an inner list without its struct", key, []parquet.Value{parquet.Value{}.Level(0, 0, 0), wide.Level(0, 2, 0)}, "tallies.keys: its levels"},
		{"an inner list that is empty", key, []parquet.Value{parquet.Value{}.Level(0, 1, 0), parquet.Value{}.Level(0, 0, 0)}, ""},
		{"an inner list of nothing", key, []parquet.Value{parquet.Value{}.Level(0, 0, 0), parquet.Value{}.Level(0, 0, 0)}, "tallies.keys: its levels"},
		{"an element of an inner list without its struct", key, []parquet.Value{wide.Level(0, 2, 0), parquet.Value{}.Level(0, 0, 0), wide.Level(2, 2, 0)}, "tallies.keys: its levels"},
		{"a struct without its inner list", meter, []parquet.Value{parquet.Value{}.Level(0, 0, 0), parquet.Value{}.Level(0, 0, 0)}, "its levels"},
		{"a field of an inner list more", on, []parquet.Value{parquet.BooleanValue(true).Level(0, 2, 0), parquet.Value{}.Level(0, 0, 0)}, "tallies.switches.on: its levels"},
	} {
		rows := []State{
			{Segments: make([]StateSegment, 2), Tallies: []StateTally{{Keys: make([][16]byte, 1)}}},
			{Segments: make([]StateSegment, 1)},
		}
		columns := make([][]parquet.Value, len(schema.Columns()))
		for i := range rows {
			schema.Deconstruct(nil, &rows[i]).Range(func(column int, values []parquet.Value) bool {
				columns[column] = append(columns[column], values...)
				return true
			})
		}
		columns[test.column] = test.values
		var file bytes.Buffer
		w := parquet.NewGenericWriter[any](&file, options(StateTable, schema)...)
		for i, column := range w.ColumnWriters() {
			if _, err := column.WriteRowValues(columns[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		err := read(file.Bytes(), func([]State) error { return nil })
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}
