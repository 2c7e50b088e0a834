package readers

import (
	"context"
	"fmt"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
)

// mostTableRows is the most rows of a lookup table, which is held in memory.
const mostTableRows = 1_000_000

// tableSchema is a lookup table as a source.
var tableSchema = &Schema{Source: "lookup table", Fields: []Field{{Name: "key", Kind: Text}, {Name: "value", Kind: Text}}}

// tableRow is where a lookup table says a thing.
type tableRow struct {
	key, value string
	row        int64
}

// ReadTable reads a lookup table from two columns of a file, in any format: the
// same key may come again, but not with another value, and nothing may be
// empty. A value that is itself the key of another value is refused: what is
// looked up once may be looked up again by a later night, and must stay.
func ReadTable(ctx context.Context, bucket *blob.Bucket, file File, layout Layout, key, value string) (map[string]string, error) {
	return readTable(ctx, bucket, file, layout, [2]string{key, value}, mostTableRows)
}

func readTable(ctx context.Context, bucket *blob.Bucket, file File, layout Layout, columns [2]string, most int64) (map[string]string, error) {
	m := &Mapping{Layout: layout}
	for i, column := range columns {
		path, err := ParsePath(column)
		if err != nil {
			return nil, &RuleError{Field: tableSchema.Fields[i].Name, What: err.Error()}
		}
		m.Rules = append(m.Rules, Rule{Field: tableSchema.Fields[i].Name, Paths: []Path{path}})
	}
	e, err := OpenMapped(ctx, bucket, file, tableSchema, m, calendar.Zone{})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	t := table{columns: columns, most: most, at: map[string]int{}}
	for split := range e.Splits() {
		if err := e.Read(ctx, split, t.add); err != nil {
			return nil, refusedTable(file, err)
		}
	}
	if err := t.final(); err != nil {
		return nil, refusedTable(file, err)
	}
	values := make(map[string]string, len(t.rows))
	for _, r := range t.rows {
		values[r.key] = r.value
	}
	return values, nil
}

// tableError is a table that reads well and cannot be used.
type tableError string

func (e tableError) Error() string { return string(e) }

func refusedTable(file File, err error) error {
	if what, is := err.(tableError); is {
		return &FileError{Key: file.Key, What: string(what)}
	}
	return err
}

// table is a lookup table that is being read.
type table struct {
	columns [2]string      // of key and value
	most    int64          // rows
	at      map[string]int // of a key among the rows
	rows    []tableRow     // by their keys' first coming
}

func (t *table) add(b *Batch) error {
	for row := range b.Len {
		r := tableRow{row: b.FirstRow + int64(row)}
		if r.row > t.most {
			return tableError(fmt.Sprintf("more than %d rows, too many for a lookup table", t.most))
		}
		for i, text := range []*string{&r.key, &r.value} {
			column := &b.Columns[i]
			if bad, is := column.Bad[row]; is {
				return tableError(fmt.Sprintf("row %d: %s %q: %s", r.row, t.columns[i], bad.Text, bad.Reason))
			}
			if column.Index[row] == Absent {
				return tableError(fmt.Sprintf("row %d: %s is empty", r.row, t.columns[i]))
			}
			*text = column.Dict.Entries[column.Index[row]]
		}
		if err := t.put(r); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) put(r tableRow) error {
	at, known := t.at[r.key]
	if !known {
		t.at[r.key] = len(t.rows)
		t.rows = append(t.rows, r)
		return nil
	}
	if first := &t.rows[at]; first.value != r.value {
		return tableError(fmt.Sprintf("key %q has two values: %q in row %d, %q in row %d", r.key, first.value, first.row, r.value, r.row))
	}
	return nil
}

// final makes sure that a value looked up again stays what it is.
func (t *table) final() error {
	for i := range t.rows {
		r := &t.rows[i]
		at, known := t.at[r.value]
		if !known || t.rows[at].value == r.value {
			continue
		}
		next := &t.rows[at]
		return tableError(fmt.Sprintf("row %d makes %q %q, and row %d makes that %q: name the last value in both", r.row, r.key, r.value, next.row, next.value))
	}
	return nil
}
