package writers

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// flatSink writes rows without lists column by column. parquet-go's own way of
// writing rows is right for a column that can be null only where it is given
// one row at a time (0.32: several absent values come out as zeros), so
// here each value says itself whether it is there.
type flatSink[T any] struct {
	file    *parquet.GenericWriter[any]
	columns []flatColumn[T]
	values  []parquet.Value
	texts   []byte // of the chunk, that values point into
	last    string // the text that was copied last: rows side by side have much the same ones
	lastAt  parquet.Value
	rows    int // of the row group
}

// flatColumn sets a column's values of a chunk of rows.
type flatColumn[T any] func(s *flatSink[T], rows reflect.Value) error

// isFlat tells whether a row type has no lists.
func isFlat(row reflect.Type) bool {
	for i := range row.NumField() {
		if f := row.Field(i); f.Type.Kind() == reflect.Slice && !strings.HasPrefix(f.Tag.Get("parquet"), "-") {
			return false
		}
	}
	return true
}

func newFlatSink[T any](w io.Writer, spec Spec) *flatSink[T] {
	row, schema := reflect.TypeFor[T](), parquet.SchemaOf(new(T))
	if row == reflect.TypeFor[RatedUsage]() {
		schema = parquet.SchemaOf(usageRow{}, dimensionTags(spec.Dimensions)...)
	}
	s := &flatSink[T]{
		file:   parquet.NewGenericWriter[any](w, options(spec, schema)...),
		values: make([]parquet.Value, chunkRows),
	}
	fields := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(row) {
		fields[strings.Split(f.Tag.Get("parquet"), ",")[0]] = f
	}
	dimensions := map[string]int{}
	for i, name := range spec.Dimensions {
		dimensions[name] = i
	}
	for i, path := range schema.Columns() {
		name := path[0]
		if at, is := dimensions[name]; is {
			s.columns = append(s.columns, dimensionColumn[T](at, len(spec.Dimensions)))
			continue
		}
		optional := schema.Fields()[i].Optional()
		s.columns = append(s.columns, fieldColumn[T](fields[name], optional))
	}
	return s
}

// Write is the sink's: a whole chunk, or the last one.
func (s *flatSink[T]) Write(rows []T) (int, error) {
	all := reflect.ValueOf(rows)
	for i, column := range s.file.ColumnWriters() {
		s.texts = s.texts[:0]
		if err := s.columns[i](s, all); err != nil {
			return 0, err
		}
		if _, err := column.WriteRowValues(s.values[:len(rows)]); err != nil {
			return 0, err
		}
	}
	if s.rows += len(rows); s.rows < rowGroupRows {
		return len(rows), nil
	}
	s.rows = 0
	return len(rows), s.file.Flush()
}

// Close is the sink's.
func (s *flatSink[T]) Close() error { return s.file.Close() }

// set sets the value of row i, or null where it is absent and may be.
func (s *flatSink[T]) set(i int, v parquet.Value, optional, absent bool) {
	switch {
	case optional && absent:
		s.values[i] = parquet.Value{}
	case optional:
		s.values[i] = v.Level(0, 1, 0)
	default:
		s.values[i] = v
	}
}

// text is a value of a string, which is copied: parquet-go wants bytes.
func (s *flatSink[T]) text(t string) parquet.Value {
	if t != s.last || len(s.texts) == 0 {
		at := len(s.texts)
		s.texts = append(s.texts, t...)
		s.last, s.lastAt = t, parquet.ByteArrayValue(s.texts[at:len(s.texts):len(s.texts)])
	}
	return s.lastAt
}

// fieldColumn is a column that is a field of the row. What is zero is absent
// where a column can be null.
func fieldColumn[T any](f reflect.StructField, optional bool) flatColumn[T] {
	at := f.Index[0]
	each := func(set func(s *flatSink[T], i int, v reflect.Value)) flatColumn[T] {
		return func(s *flatSink[T], rows reflect.Value) error {
			for i := range rows.Len() {
				set(s, i, rows.Index(i).Field(at))
			}
			return nil
		}
	}
	switch f.Type.Kind() {
	case reflect.String:
		return each(func(s *flatSink[T], i int, v reflect.Value) {
			t := v.String()
			s.set(i, s.text(t), optional, t == "")
		})
	case reflect.Bool:
		return each(func(s *flatSink[T], i int, v reflect.Value) {
			s.set(i, parquet.BooleanValue(v.Bool()), optional, !v.Bool())
		})
	case reflect.Int32:
		return each(func(s *flatSink[T], i int, v reflect.Value) {
			s.set(i, parquet.Int32Value(int32(v.Int())), optional, v.Int() == 0)
		})
	case reflect.Int64:
		return each(func(s *flatSink[T], i int, v reflect.Value) {
			s.set(i, parquet.Int64Value(v.Int()), optional, v.Int() == 0)
		})
	case reflect.Array:
		return each(func(s *flatSink[T], i int, v reflect.Value) {
			s.set(i, parquet.FixedLenByteArrayValue(v.Bytes()), optional, optional && v.IsZero())
		})
	}
	panic(fmt.Sprintf("writers: no column of type %v", f.Type)) // a mistake in rows.go
}

// dimensionColumn is a column of rated_usage that is a dimension.
func dimensionColumn[T any](at, dimensions int) flatColumn[T] {
	return func(s *flatSink[T], rows reflect.Value) error {
		for i, r := range rows.Interface().([]RatedUsage) {
			if len(r.Dimensions) != dimensions {
				return fmt.Errorf("rated usage of account %q has %d dimensions, the table %d", r.AccountID, len(r.Dimensions), dimensions)
			}
			s.set(i, s.text(r.Dimensions[at]), true, r.Dimensions[at] == "")
		}
		return nil
	}
}
