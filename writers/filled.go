package writers

import (
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// Filled tells of each row of a table whether it has anything in a column that
// is a list, without reading what. It reads what NewTable wrote.
func Filled(r io.ReaderAt, size int64, list string) (filled []bool, err error) {
	file, err := openTable(r, size)
	if err != nil {
		return nil, err
	}
	leaf := -1
	for i, path := range file.Schema().Columns() {
		if path[0] == list && len(path) > 1 { // any column of the list's elements
			leaf = i
			break
		}
	}
	if leaf < 0 {
		return nil, fmt.Errorf("it has no list %q", list)
	}
	defer panicsAsErrors(&err)
	for _, group := range file.RowGroups() {
		before := int64(len(filled))
		if filled, err = appendFilled(filled, group.ColumnChunks()[leaf]); err != nil {
			return nil, err
		}
		if rows := int64(len(filled)) - before; rows != group.NumRows() {
			return nil, fmt.Errorf("column %q: %d rows, %d by the footer", list, rows, group.NumRows())
		}
	}
	return filled, nil
}

// appendFilled appends the rows of a column chunk. A level of definition above
// zero is an element: lists are never null, and what they hold never is.
func appendFilled(filled []bool, chunk parquet.ColumnChunk) ([]bool, error) {
	pages := chunk.Pages()
	defer pages.Close()
	for {
		page, err := pages.ReadPage()
		if err == io.EOF {
			return filled, nil
		}
		if err != nil {
			return nil, err
		}
		repetition := page.RepetitionLevels()
		for i, level := range page.DefinitionLevels() {
			if repetition[i] == 0 {
				filled = append(filled, level > 0)
			}
		}
		parquet.Release(page)
	}
}
