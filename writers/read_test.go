package writers

import (
	"bytes"
	"errors"
	"strings"
	"testing"
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
