package writers

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// Rows reads a table back, in its order and in batches of at most chunkRows.
// The rows belong to yield, which may keep them. Its error ends the reading
// and is returned. An empty list comes back empty, not nil.
//
// It reads what NewTable wrote for rows of type T and nothing else: other
// columns, or other rows than the footer counts, are an error.
func Rows[T any](r io.ReaderAt, size int64, yield func(rows []T) error) error {
	file, err := openTable(r, size)
	if err != nil {
		return err
	}
	if yieldUsage, ok := any(yield).(func([]RatedUsage) error); ok {
		return readUsage(file, yieldUsage)
	}
	return readRows(file, parquet.SchemaOf(new(T)), shapeOf(reflect.TypeFor[T]()), yield)
}

// openTable opens a file of ours. A codec that NewTable does not use is refused:
// of a damaged page parquet-go unpacks LZ4 without end.
func openTable(r io.ReaderAt, size int64) (file *parquet.File, err error) {
	defer panicsAsErrors(&err)
	if err := checkFooter(r, size); err != nil {
		return nil, err
	}
	file, err = parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	for _, group := range file.Metadata().RowGroups {
		for _, column := range group.Columns {
			if codec := column.MetaData.Codec; codec != format.Zstd && codec != format.Uncompressed {
				return nil, fmt.Errorf("column %s is compressed with %v, want zstd", strings.Join(column.MetaData.PathInSchema, "."), codec)
			}
		}
	}
	return file, nil
}

// sameColumns compares schemas, which parquet-go panics on where one has a type
// that it does not know.
func sameColumns(x, y *parquet.Schema) (same bool, err error) {
	defer panicsAsErrors(&err)
	return parquet.EqualNodes(x, y), nil
}

func readRows[T any](file *parquet.File, schema *parquet.Schema, s *shape, yield func(rows []T) error) error {
	if same, err := sameColumns(schema, file.Schema()); err != nil || !same {
		return fmt.Errorf("its columns are not those of %v", reflect.TypeFor[T]())
	}
	if file.NumRows() == 0 && len(file.RowGroups()) == 0 {
		return nil // as most tables of a small night are; a reader makes room for every column
	}
	reader, read := newBatchReader[T](s), int64(0)
	for _, group := range file.RowGroups() {
		if err := readGroup(reader, group, &read, yield); err != nil {
			return err
		}
	}
	if read != file.NumRows() {
		return fmt.Errorf("%d rows, %d by its footer", read, file.NumRows())
	}
	return nil
}

// readGroup reads a row group, and counts its rows.
func readGroup[T any](reader *batchReader[T], group parquet.RowGroup, read *int64, yield func(rows []T) error) error {
	defer reader.close()
	if err := reader.open(group); err != nil {
		return fmt.Errorf("after row %d: %w", *read, err)
	}
	for left := group.NumRows(); left > 0; {
		rows := make([]T, min(chunkRows, left))
		if err := reader.rows(rows); err != nil {
			return fmt.Errorf("after row %d: %w", *read, err)
		}
		left -= int64(len(rows))
		*read += int64(len(rows))
		if err := yield(rows); err != nil {
			return err
		}
	}
	if err := reader.end(); err != nil {
		return fmt.Errorf("after row %d: %w", *read, err)
	}
	return nil
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
	return readRows(file, schema, shapeOf(reflect.TypeFor[RatedUsage]()).withDimensions(dimensions), yield)
}

// Dimensions are the names of the dimension columns of a rated_usage table.
func Dimensions(r io.ReaderAt, size int64) ([]string, error) {
	file, err := openTable(r, size)
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
