package writers

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/parquet-go/parquet-go"
)

// Rows reads a table back, in its order and in batches of at most chunkRows.
// The rows belong to yield, which may keep them. Its error ends the reading
// and is returned. An empty list comes back empty, not nil.
//
// It reads what NewTable wrote for rows of type T and nothing else: other
// columns, or other rows than the footer counts, are an error.
func Rows[T any](r io.ReaderAt, size int64, yield func(rows []T) error) error {
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return err
	}
	if yieldUsage, ok := any(yield).(func([]RatedUsage) error); ok {
		return readUsage(file, yieldUsage)
	}
	return readRows(file, parquet.SchemaOf(new(T)), yield)
}

func readRows[T any](file *parquet.File, schema *parquet.Schema, yield func(rows []T) error) error {
	if !parquet.EqualNodes(schema, file.Schema()) {
		return fmt.Errorf("its columns are not those of %v", reflect.TypeFor[T]())
	}
	if file.NumRows() == 0 && len(file.RowGroups()) == 0 {
		return nil // as most tables of a small night are; a reader makes room for every column
	}
	reader := parquet.NewGenericReader[T](file, schema)
	defer reader.Close()
	read := int64(0)
	for {
		// Where no rows are left parquet-go looks for a page of every column for
		// every row that it was asked for: ask for those that the footer counts,
		// and at its end for one more, which must not be there.
		rows := make([]T, max(1, min(chunkRows, file.NumRows()-read)))
		n, err := readBatch(reader, rows)
		read += int64(n)
		if n > 0 {
			if err := yield(rows[:n:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			break
		}
		// A page cut short comes as an error that wraps io.EOF: not an end.
		if err != nil {
			return fmt.Errorf("after row %d: %w", read, err)
		}
		if n == 0 {
			return fmt.Errorf("after row %d: no rows and no error", read)
		}
	}
	if read != file.NumRows() {
		return fmt.Errorf("%d rows, %d by its footer", read, file.NumRows())
	}
	return nil
}

// readBatch is reader.Read, with parquet-go's panics on broken pages as errors.
func readBatch[T any](reader *parquet.GenericReader[T], rows []T) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("broken page: %v", p)
		}
	}()
	return reader.Read(rows)
}

// readUsage reads rated_usage. The columns behind those of RatedUsage are its
// dimensions.
func readUsage(file *parquet.File, yield func(rows []RatedUsage) error) error {
	dimensions, err := usageDimensions(file)
	if err != nil {
		return err
	}
	spec := RatedUsageTable
	spec.Dimensions = dimensions
	if err := spec.check(reflect.TypeFor[RatedUsage]()); err != nil {
		return err
	}
	schema := parquet.SchemaOf(usageRow{}, dimensionTags(dimensions)...)
	return readRows(file, schema, func(rows []usageRow) error {
		out := make([]RatedUsage, len(rows))
		for i := range rows {
			out[i] = rows[i].RatedUsage
			for d := range dimensions {
				out[i].Dimensions = append(slices.Grow(out[i].Dimensions, len(dimensions)), *rows[i].dimension(d))
			}
		}
		return yield(out)
	})
}

// Dimensions are the names of the dimension columns of a rated_usage table.
func Dimensions(r io.ReaderAt, size int64) ([]string, error) {
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	return usageDimensions(file)
}

func usageDimensions(file *parquet.File) (names []string, err error) {
	fixed := len(parquet.SchemaOf(RatedUsage{}).Fields())
	fields := file.Schema().Fields()
	if len(fields) < fixed || len(fields) > fixed+MaxDimensions {
		return nil, errors.New("its columns are not those of writers.RatedUsage")
	}
	for _, f := range fields[fixed:] {
		names = append(names, f.Name())
	}
	return names, nil
}
