package writers

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
)

// flatSink writes rows without lists column by column. parquet-go's own way of
// writing rows is right for a column that can be null only where it is given
// one row at a time (0.32: several absent values come out as zeros), so
// here each value says itself whether it is there.
type flatSink[T any] struct {
	file    *parquet.GenericWriter[any]
	columns []flatColumn[T]
	values  []parquet.Value // of a column, of a chunk
	rows    int             // of the row group
}

// flatColumn sets the values of a column, one a row of a chunk. They may point
// into the rows.
type flatColumn[T any] func(values []parquet.Value, rows []T) error

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
	byColumn := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(row) {
		byColumn[strings.Split(f.Tag.Get("parquet"), ",")[0]] = f
	}
	for i, path := range schema.Columns() {
		if at := slices.Index(spec.Dimensions, path[0]); at >= 0 {
			s.columns = append(s.columns, any(dimensionColumn(at, len(spec.Dimensions))).(flatColumn[T]))
			continue
		}
		s.columns = append(s.columns, fieldColumn[T](byColumn[path[0]], schema.Fields()[i].Optional()))
	}
	return s
}

// Write is the sink's: a whole chunk, or the last one.
func (s *flatSink[T]) Write(rows []T) (int, error) {
	values := s.values[:len(rows)]
	for i, column := range s.file.ColumnWriters() {
		if err := s.columns[i](values, rows); err != nil {
			return 0, err
		}
		if _, err := column.WriteRowValues(values); err != nil {
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

// fieldColumn is a column that is a field of the row. What is zero is absent
// where a column can be null. A loop for each type: a call for each value would
// cost as much as the value.
func fieldColumn[T any](f reflect.StructField, optional bool) flatColumn[T] {
	switch f.Type.Kind() {
	case reflect.String:
		return textColumn[T](f, optional)
	case reflect.Bool:
		return valueColumn[T](f, optional, func(values []parquet.Value, v fields[bool]) {
			for i := range values {
				values[i] = parquet.BooleanValue(*v.at(i))
			}
		})
	case reflect.Int32:
		return valueColumn[T](f, optional, func(values []parquet.Value, v fields[int32]) {
			for i := range values {
				values[i] = parquet.Int32Value(*v.at(i))
			}
		})
	case reflect.Int64:
		return valueColumn[T](f, optional, func(values []parquet.Value, v fields[int64]) {
			for i := range values {
				values[i] = parquet.Int64Value(*v.at(i))
			}
		})
	case reflect.Array:
		return valueColumn[T](f, optional, func(values []parquet.Value, v fields[[16]byte]) {
			for i := range values {
				values[i] = parquet.FixedLenByteArrayValue(v.at(i)[:])
			}
		})
	}
	panic(fmt.Sprintf("writers: no column of type %v", f.Type)) // a mistake in rows.go
}

// valueColumn is a column whose values are set a chunk at a time. Where it can be
// null they are then given their levels.
func valueColumn[T any, V comparable](f reflect.StructField, optional bool, set func(values []parquet.Value, of fields[V])) flatColumn[T] {
	var absent V
	return func(values []parquet.Value, rows []T) error {
		column := fieldsOf[V](rows, f.Index[0])
		set(values, column)
		if !optional {
			return nil
		}
		for i := range values {
			if *column.at(i) == absent {
				values[i] = parquet.NullValue()
			} else {
				values[i] = values[i].Level(0, 1, 0)
			}
		}
		return nil
	}
}

// textColumn is a column of text.
func textColumn[T any](f reflect.StructField, optional bool) flatColumn[T] {
	texts := newTextValues(f.Name, optional)
	return func(values []parquet.Value, rows []T) error {
		column := fieldsOf[string](rows, f.Index[0])
		for i := range values {
			if text := *column.at(i); text != texts.last {
				if err := texts.next(text); err != nil {
					return err
				}
			}
			values[i] = texts.value
		}
		return nil
	}
}

// dimensionColumn is a column of rated_usage that is a dimension.
func dimensionColumn(at, dimensions int) flatColumn[RatedUsage] {
	texts := newTextValues("Dimensions", true)
	return func(values []parquet.Value, rows []RatedUsage) error {
		for i := range rows {
			r := &rows[i]
			if len(r.Dimensions) != dimensions {
				return fmt.Errorf("rated usage of account %q has %d dimensions, the table %d", r.AccountID, len(r.Dimensions), dimensions)
			}
			if text := r.Dimensions[at]; text != texts.last {
				if err := texts.next(text); err != nil {
					return err
				}
			}
			values[i] = texts.value
		}
		return nil
	}
}

// textValues make values of texts. Rows side by side have much the same ones, so
// the last one's value is kept.
type textValues struct {
	field    string // of the row
	optional bool
	last     string
	value    parquet.Value // of last
}

func newTextValues(field string, optional bool) *textValues {
	t := &textValues{field: field, optional: optional}
	t.set("")
	return t
}

// next is for a text other than the last. It must be UTF-8.
func (t *textValues) next(text string) error {
	if !utf8.ValidString(text) {
		return notUTF8(t.field, text)
	}
	t.set(text)
	return nil
}

func (t *textValues) set(text string) {
	t.last, t.value = text, parquet.ByteArrayValue(bytesOf(text))
	switch {
	case t.optional && text == "":
		t.value = parquet.NullValue()
	case t.optional:
		t.value = t.value.Level(0, 1, 0)
	}
}
