package readers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

var errNoHeader = errors.New("empty file, not even a header")

// csvHeader is where in a record each field of the schema stands, and how
// many cells a record has.
type csvHeader struct {
	names []string
	width int
	place []int // one a field of the schema; noPlace where the file has none
	parts byte  // the delimiter

	counted []csvCell // fields that count the elements of a list
	nested  []csvJSON
}

const (
	noPlace    = -1
	otherPlace = -2 // the field is among counted or nested
)

// csvCell is a field and where it stands in a record.
type csvCell struct{ field, at int }

// csvJSON is a cell that holds JSON, and the fields that stand in there.
type csvJSON struct {
	at     int
	fields []int
	wanted *jsonWants
}

// openCSV reads the header.
func (e *Export) openCSV(ctx context.Context) error {
	given := len(e.layout.Header) > 0
	if e.src.size == 0 && !given {
		return errNoHeader
	}
	in, err := e.openRecords(ctx)
	if err != nil {
		return err
	}
	defer in.close()
	names := e.layout.Header
	if !given {
		if ok, err := in.next(); err != nil {
			return fmt.Errorf("header: %w", err)
		} else if !ok {
			return errNoHeader
		}
		for _, cell := range in.record {
			if bytes.IndexByte(cell, 0) >= 0 {
				return fmt.Errorf("header: a NUL byte in %q: is the text UTF-16?", cell)
			}
			names = append(names, string(cell))
		}
	}
	if e.header, err = findColumns(e.schema, names); err != nil {
		return fmt.Errorf("%w%s", err, delimiterHint(names, in.delimiter))
	}
	e.header.parts = in.delimiter
	e.noColumn = make([]bool, len(e.schema.Fields))
	for i, at := range e.header.place {
		e.noColumn[i] = at == noPlace
	}
	return nil
}

// openRecords opens the file and passes over what stands before its header.
func (e *Export) openRecords(ctx context.Context) (*records, error) {
	delimiter, err := e.delimiter()
	if err != nil {
		return nil, err
	}
	in, err := openRecords(ctx, e.src, delimiter)
	if err != nil {
		return nil, err
	}
	in.single, in.trim = len(e.layout.Header) == 1, e.layout.Trim
	in.csvLines = csvLines{skipBlank: e.layout.SkipBlankLines, footer: e.layout.FooterLines}
	if e.layout.Comment != "" {
		in.comment = e.layout.Comment[0]
	}
	for range e.layout.SkipLines {
		if _, ok, err := in.anyLine(); err != nil || !ok {
			in.close()
			if err == nil {
				err = fmt.Errorf("it ends within the %d lines that are skipped", e.layout.SkipLines)
			}
			return nil, err
		}
	}
	return in, nil
}

// delimiter is what stands between two cells.
func (e *Export) delimiter() (byte, error) {
	switch d := e.layout.Delimiter; {
	case len(d) == 1 && d[0] < 0x80 && d != `"` && d != "\n" && d != "\r":
		return d[0], nil
	case d != "":
		return 0, fmt.Errorf("the delimiter %q: want one ASCII character, and neither a quote nor a line's end", d)
	}
	if name, _ := packingOf(e.src.key); strings.EqualFold(path.Ext(name), ".tsv") {
		return '\t', nil
	}
	return ',', nil
}

// findColumns places the fields of a schema. A name that stands twice is an
// error where a field asks for it.
func findColumns(schema *Schema, names []string) (csvHeader, error) {
	h := csvHeader{names: names, width: len(names), place: make([]int, len(schema.Fields))}
	any := len(schema.Fields) == 0
	for i := range schema.Fields {
		field := &schema.Fields[i]
		steps := field.path().Steps
		at, err := columnAt(names, field.path().Text)
		if at >= 0 {
			steps = nil
		} else if err == nil && steps[0].Name != "" {
			at, err = columnAt(names, steps[0].Name)
			steps = steps[1:]
		}
		switch {
		case err != nil:
			return h, err
		case at < 0 && !field.Optional:
			return h, noColumn(field.Name, names)
		}
		h.put(i, field, at, steps)
		any = any || at >= 0 || !field.Path.IsZero() // a mapping knows better
	}
	if !any {
		return h, fmt.Errorf("none of the columns of %s; there are %s", schema.Source, strings.Join(names, ", "))
	}
	return h, nil
}

// columnAt is where the column of a name is, or -1.
func columnAt(names []string, name string) (int, error) {
	at := slices.Index(names, name)
	if at >= 0 && slices.Contains(names[at+1:], name) {
		return at, fmt.Errorf("two columns are called %q", name)
	}
	return at, nil
}

// hint asks for the delimiter if that is why columns are missing.
func (h *csvHeader) hint() string { return delimiterHint(h.names, h.parts) }

// delimiterHint is for a header that is one cell, with what may part cells in it.
func delimiterHint(names []string, delimiter byte) string {
	if len(names) != 1 {
		return ""
	}
	for _, c := range otherDelimiters {
		if c != delimiter && strings.IndexByte(names[0], c) >= 0 {
			return hintAt(c)
		}
	}
	return ""
}

// otherDelimiters are what mostly parts cells.
var otherDelimiters = []byte(";\t|,")

func hintAt(delimiter byte) string {
	return fmt.Sprintf("; if it is %q that parts cells, say csv: {delimiter: %[1]q}", string(delimiter))
}

// marksOf are the marks of the numbers that a column holds: in the JSON of a
// cell there are none.
func (e *Export) marksOf(field int) numberMarks {
	if e.format != CSV || e.byRecord(field) {
		return numberMarks{}
	}
	return marksOf(e.layout)
}

// columns are the names as paths.
func (h *csvHeader) columns() []string {
	texts := make([]string, len(h.names))
	for i, name := range h.names {
		texts[i] = columnText(name)
	}
	return texts
}

// put places a field in a column, or in the JSON that its cells hold.
func (h *csvHeader) put(i int, field *Field, at int, steps []Step) {
	h.place[i] = at
	switch {
	case at < 0:
	case len(steps) > 0:
		h.place[i] = otherPlace
		n := slices.IndexFunc(h.nested, func(j csvJSON) bool { return j.at == at })
		if n < 0 {
			n = len(h.nested)
			h.nested = append(h.nested, csvJSON{at: at, wanted: &jsonWants{}})
		}
		h.nested[n].fields = append(h.nested[n].fields, i)
		h.nested[n].wanted.add(steps, i)
	case field.Count:
		h.place[i] = otherPlace
		h.counted = append(h.counted, csvCell{i, at})
	}
}

// readCSV reads the whole file, which is one split.
func (e *Export) readCSV(ctx context.Context, yield func(*Batch) error) error {
	in, err := e.openRecords(ctx)
	if err != nil {
		return e.fail(0, "", err)
	}
	defer in.close()
	if len(e.layout.Header) == 0 {
		if _, err := in.next(); err != nil { // the header, known from Open
			return e.fail(0, "header", err)
		}
	}
	in.single = e.header.width == 1
	others := newObjectReader(e.schema.Fields, nil, e.layout.Absent)
	others.seen = e.seen
	others.parser = newCellParser(e.zone) // for JSON, where numbers have no marks
	return e.readRows(yield, func(columns []cells, room int, parser *cellParser, firstRow int64) (int, error) {
		return e.fillFromCSV(in, others, columns, room, parser, firstRow)
	})
}

// fillFromCSV reads records into the columns, which have room for so many.
func (e *Export) fillFromCSV(in *records, others *objectReader, columns []cells, room int, parser *cellParser, firstRow int64) (n int, err error) {
	absent := absentTexts(e.layout.Absent)
	for ; n < room; n++ {
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
			switch {
			case at >= 0 && columns[i].kind == Text && !absent.has(in.record[at]):
				columns[i].setTextLater(n, in.record[at])
			case at >= 0 && !absent.has(in.record[at]):
				columns[i].setText(n, in.record[at], parser)
			case at != otherPlace:
				columns[i].miss(n)
			}
		}
		note(&e.anyRow)
		if len(e.header.counted)+len(e.header.nested) > 0 {
			others.begin(columns, n, others.parser)
			e.fillOthers(in.record, others)
		}
	}
	return n, nil
}

// fillOthers sets what a record has for the fields that are more than a cell.
func (e *Export) fillOthers(record [][]byte, others *objectReader) {
	for _, cell := range e.header.counted {
		others.setText(&others.columns[cell.field], record[cell.at])
	}
	for _, cell := range e.header.nested {
		others.inside(0, record[cell.at], cell.wanted)
		for _, field := range cell.fields {
			others.missIfNotThere(field)
		}
	}
}
