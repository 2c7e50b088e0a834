package readers

import (
	"context"
	"fmt"
	"path"
	"strings"
)

// csvHeader is where in a record each field of the schema stands, and how
// many cells a record has.
type csvHeader struct {
	names []string
	place []int // one a field of the schema; -1 where the file has none
	width int
}

// openCSV reads the header.
func (e *Export) openCSV(ctx context.Context) error {
	if e.src.size == 0 {
		return fmt.Errorf("empty file, not even a header")
	}
	in, err := openRecords(ctx, e.src, e.delimiter())
	if err != nil {
		return err
	}
	defer in.close()
	if ok, err := in.next(); err != nil {
		return fmt.Errorf("header: %w", err)
	} else if !ok {
		return fmt.Errorf("empty file, not even a header")
	}
	e.header, err = findColumns(e.schema, in.record)
	return err
}

// delimiter is what stands between two cells.
func (e *Export) delimiter() byte {
	name, _ := packingOf(e.src.key)
	switch {
	case e.layout.Delimiter != "":
		return e.layout.Delimiter[0]
	case strings.EqualFold(path.Ext(name), ".tsv"):
		return '\t'
	}
	return ','
}

func findColumns(schema *Schema, record [][]byte) (csvHeader, error) {
	h := csvHeader{place: make([]int, len(schema.Fields)), width: len(record)}
	at, names := map[string]int{}, make([]string, len(record))
	for i, cell := range record {
		names[i] = string(cell)
		if _, twice := at[names[i]]; twice {
			return h, fmt.Errorf("two columns are called %q", names[i])
		}
		at[names[i]] = i
	}
	h.names = names
	any := len(schema.Fields) == 0 // only the names are asked for
	for i, field := range schema.Fields {
		place, there := at[field.Name]
		switch {
		case there:
			h.place[i], any = place, true
		case field.Optional:
			h.place[i] = -1
		default:
			return h, noColumn(field.Name, names)
		}
	}
	if !any {
		return h, fmt.Errorf("none of the columns of %s; there are %s", schema.Source, strings.Join(names, ", "))
	}
	return h, nil
}

// readCSV reads the whole file, which is one split.
func (e *Export) readCSV(ctx context.Context, yield func(*Batch) error) error {
	in, err := openRecords(ctx, e.src, e.delimiter())
	if err != nil {
		return err
	}
	defer in.close()
	if _, err := in.next(); err != nil { // the header, known from Open
		return e.fail(0, "header", err)
	}
	in.single = e.header.width == 1
	return e.readRows(yield, func(columns []cells, parser *cellParser, firstRow int64) (int, error) {
		return e.fillFromCSV(in, columns, parser, firstRow)
	})
}

// fillFromCSV reads up to BatchRows records into the columns.
func (e *Export) fillFromCSV(in *records, columns []cells, parser *cellParser, firstRow int64) (n int, err error) {
	for ; n < BatchRows; n++ {
		row := firstRow + int64(n)
		ok, err := in.next()
		if err != nil {
			return n, e.fail(row-1, fmt.Sprintf("row %d", row), err)
		}
		if !ok {
			break
		}
		// A missing or surplus comma shifts all cells behind it into other
		// columns. Nothing in the row can be trusted, not even that it is one.
		if len(in.record) != e.header.width {
			what := fmt.Sprintf("row %d has %d cells, the header %d", row, len(in.record), e.header.width)
			return n, &FileError{Key: e.src.key, Row: row - 1, What: what}
		}
		for i, at := range e.header.place {
			if at < 0 {
				columns[i].miss(n)
				continue
			}
			columns[i].setText(n, in.record[at], parser)
		}
	}
	return n, nil
}
