package writers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"unsafe"

	"github.com/parquet-go/parquet-go"
)

// The figures that decide on the bytes of a table. Another value of any of
// them, another parquet-go or another klauspost/compress makes other bytes:
// testdata/digests.txt notices.
const (
	chunkRows      = 1024       // rows handed to a sink at once
	rowGroupRows   = 128 * 1024 // a whole number of chunks
	pageBytes      = 128 << 10  // of values, before encoding
	dictionaryMax  = 1 << 20    // bytes of a dictionary; past it the row group goes on plain
	dataPageFormat = 2
)

// Table writes rows of type T as one Parquet file. Its bytes depend on the
// rows and their order alone, not on how they are cut into calls of Write.
type Table[T any] struct {
	pending []T // fewer than chunkRows
	rows    int64
	out     *sink
	err     error // the first error; nothing is written after it
}

// NewTable begins a table. The spec is one of Tables, and T its row type. The
// file is whole once Close has returned nil, also without a single row.
func NewTable[T any](w io.Writer, spec Spec) (*Table[T], error) {
	if err := spec.check(reflect.TypeFor[T]()); err != nil {
		return nil, err
	}
	out, err := newSink(w, spec)
	if err != nil {
		return nil, err
	}
	return &Table[T]{out: out}, nil
}

// Write adds rows, any number of them. It keeps no reference to the slice.
func (t *Table[T]) Write(rows []T) error {
	if t.err != nil {
		return t.err
	}
	t.rows += int64(len(rows))
	for len(rows) > 0 && t.err == nil {
		if len(t.pending) == 0 && len(rows) >= chunkRows {
			t.chunk(rows[:chunkRows])
			rows = rows[chunkRows:]
			continue
		}
		n := min(chunkRows-len(t.pending), len(rows))
		t.pending = append(t.pending, rows[:n]...)
		rows = rows[n:]
		if len(t.pending) == chunkRows {
			t.flush()
		}
	}
	return t.err
}

// Rows is the number of rows that were written.
func (t *Table[T]) Rows() int64 { return t.rows }

// Close writes what is pending and the footer. It does not close the writer
// below. After an error of Write the file has no footer and Close repeats the
// error.
func (t *Table[T]) Close() error {
	if t.err != nil {
		return t.err
	}
	t.flush()
	if t.err == nil {
		t.err = t.out.Close()
	}
	if t.err != nil {
		return t.err
	}
	t.err = errors.New("the table is closed")
	return nil
}

func (t *Table[T]) flush() {
	t.chunk(t.pending)
	clear(t.pending)
	t.pending = t.pending[:0]
}

// chunk hands rows to the sink.
func (t *Table[T]) chunk(rows []T) {
	if len(rows) > 0 && t.err == nil {
		t.err = t.out.write(len(rows), unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]))
	}
}

// options are what parquet-go is told about a table: it writes the footer of one
// without rows, which all files of the table begin with, and the files that tests
// hold ours against. Nothing is left to its defaults that would change the bytes.
func options(spec Spec, schema *parquet.Schema) []parquet.WriterOption {
	opts := []parquet.WriterOption{
		parquet.NewSchema(spec.Name, boundless(schema)),
		parquet.CreatedBy("ratemill", "1", ""),
		parquet.Compression(codec),
		parquet.MaxRowsPerRowGroup(rowGroupRows),
		parquet.PageBufferSize(pageBytes),
		parquet.DictionaryMaxBytes(dictionaryMax),
		parquet.DataPageVersion(dataPageFormat),
		// Text is PLAIN, not parquet-go's DELTA_LENGTH_BYTE_ARRAY: every reader
		// knows it, and under zstd it is as small.
		parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.Plain),
		// The column index says the same, in one place.
		parquet.DataPageStatistics(false),
		parquet.KeyValueMetadata("ratemill.table", spec.Name),
		parquet.KeyValueMetadata("ratemill.columns", columnsJSON(spec)),
	}
	for _, path := range schema.Columns() {
		if leaf, _ := schema.Lookup(path...); hasNoBounds(leaf.Node) {
			opts = append(opts, parquet.SkipPageBounds(path...))
		}
	}
	return opts
}

func columnsJSON(spec Spec) string {
	text, err := json.Marshal(spec.columns())
	if err != nil {
		panic(err) // strings always encode
	}
	return string(text)
}

// check refuses what would make a file that no dictionary describes.
func (s Spec) check(row reflect.Type) error {
	if s.row != row {
		return fmt.Errorf("table %q: rows of type %v, want %v", s.Name, row, s.row)
	}
	if len(s.Dimensions) == 0 {
		return nil
	}
	if s.Name != RatedUsageTable.Name {
		return fmt.Errorf("table %q has no dimensions", s.Name)
	}
	if len(s.Dimensions) > MaxDimensions {
		return fmt.Errorf("table %q: %d dimensions, at most %d", s.Name, len(s.Dimensions), MaxDimensions)
	}
	taken := maps.Clone(usageColumns)
	for _, name := range s.Dimensions {
		if taken[name] || !dimensionName.MatchString(name) {
			return fmt.Errorf("table %q: %q cannot be the name of a dimension", s.Name, name)
		}
		taken[name] = true
	}
	if !slices.IsSorted(s.Dimensions) {
		return fmt.Errorf("table %q: dimensions %q are not in ascending order", s.Name, s.Dimensions)
	}
	return nil
}
