package readers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/rating/nearest"
)

// mappedExport is what Export is of a file that is read by a Mapping.
type mappedExport struct {
	raw   *Export
	plan  *plan
	zone  calendar.Zone
	fixed []cell // by field, those that every row shares

	marks []numberMarks // by raw field

	kept  atomic.Bool     // a row was not left out
	asked [][]atomic.Bool // conditions of filters that were asked of a row
}

// OpenMapped opens an export that is read as a Mapping says, into batches of
// the schema. Without a Mapping it is Open.
//
// A mapping that is not one for the schema is a *RuleError. A file that lacks
// a column which the mapping names is a *FileError that tells the columns that
// are there. What JSON lacks only its records tell: see Lacking.
func OpenMapped(ctx context.Context, bucket *blob.Bucket, file File, schema *Schema, m *Mapping, zone calendar.Zone) (*Export, error) {
	if m == nil {
		return Open(ctx, bucket, file.Key, file.Size, schema, zone)
	}
	p, err := compile(schema, m, zone)
	if err != nil {
		return nil, err
	}
	e := &mappedExport{plan: p, zone: zone}
	if err := e.fix(file); err != nil {
		return nil, err
	}
	if e.raw, err = openRaw(ctx, bucket, file, p.raw, &m.Layout, zone); err != nil {
		return nil, err
	}
	for i := range p.raw.Fields {
		e.marks = append(e.marks, e.raw.marksOf(i))
	}
	for i := range p.filters {
		e.asked = append(e.asked, make([]atomic.Bool, len(p.filters[i].conds)))
	}
	if err = e.lacking(ctx, e.missingColumns()); err == nil {
		err = e.nothingOfIt(ctx)
	}
	if err != nil {
		e.raw.Close()
		return nil, err
	}
	return &Export{schema: schema, mapped: e}, nil
}

// fix reads the cells that every row of the file shares.
func (e *mappedExport) fix(file File) error {
	e.fixed = make([]cell, len(e.plan.recipes))
	parser := newCellParser(e.zone)
	for i := range e.plan.recipes {
		r := &e.plan.recipes[i]
		if r.part == "" {
			e.fixed[i] = r.fixed
			continue
		}
		text, known := file.Parts[r.part]
		if !known {
			there := strings.Join(slices.Sorted(maps.Keys(file.Parts)), ", ")
			what := fmt.Sprintf("field %s is part %s, for which the source's path has no placeholder; there are %s", r.field.Name, r.part, there)
			return &FileError{Key: file.Key, What: what}
		}
		if text == "" {
			e.fixed[i] = r.fallback
			continue
		}
		e.fixed[i] = r.read(text, parser, numberMarks{})
	}
	return nil
}

// Filters are the names of the mapping's filters, in their order.
func (e *Export) Filters() []string {
	if e.mapped == nil {
		return nil
	}
	var names []string
	for _, f := range e.mapped.plan.filters {
		names = append(names, f.name)
	}
	return names
}

func (e *mappedExport) read(ctx context.Context, split int, yield func(*Batch) error) error {
	t := newTransform(e.plan, e.zone, e.fixed, e.marks)
	err := e.raw.Read(ctx, split, func(raw *Batch) error { return yield(t.batch(raw)) })
	if t.kept {
		note(&e.kept)
	}
	for i, conds := range t.sieve.filters {
		for k := range conds {
			if conds[k].asked {
				note(&e.asked[i][k])
			}
		}
	}
	return err
}

// nothingOfIt is the error for a file that has none of the columns that the
// mapping could use, though it need not have any one of them.
func (e *mappedExport) nothingOfIt(ctx context.Context) error {
	if len(e.plan.raw.Fields) == 0 {
		return nil // constants alone
	}
	for i := range e.plan.raw.Fields {
		if !e.raw.lacks(i) {
			return nil
		}
	}
	columns, err := e.raw.Columns(ctx)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("none of the columns of %s; there are %s", e.plan.schema.Source, someNames(columns))
	return &FileError{Key: e.raw.src.key, What: what + e.raw.header.hint()}
}

// missingColumns is what the mapping wants of the columns of a file and it does
// not have. A default is no excuse: it would fill every row of a misspelt column.
func (e *mappedExport) missingColumns() (wants []want) {
	for _, w := range e.wishes(false) {
		if !slices.ContainsFunc(w.from, func(at int) bool { return !e.raw.lacks(at) }) {
			wants = append(wants, want{e.pathsOf(w.from), w.who})
		}
	}
	return wants
}

// lacking is the error for a file without columns that are wanted; nil if none are.
func (e *mappedExport) lacking(ctx context.Context, wants []want) error {
	if wants == nil {
		return nil
	}
	columns, err := e.raw.Columns(ctx)
	if err != nil {
		return err
	}
	return &FileError{Key: e.raw.src.key, What: lackingColumns(wants, columns) + e.raw.header.hint()}
}

// want is columns that a file lacks, and who wants them.
type want struct {
	columns []string
	who     string
}

// pathsOf are the texts of the paths of raw fields.
func (e *mappedExport) pathsOf(raw []int) (texts []string) {
	for _, at := range raw {
		texts = append(texts, e.plan.raw.Fields[at].Path.Text)
	}
	return texts
}

// mostNames is how many columns a message tells; exports may have hundreds.
const mostNames = 60

// lackingColumns says what is wanted, and what there is.
func lackingColumns(wants []want, columns []string) string {
	var texts []string
	for _, w := range wants {
		var names []string
		for _, name := range w.columns {
			names = append(names, fmt.Sprintf("%q%s", name, nearest.DidYouMean(name, columns)))
		}
		begin := "no column "
		if len(names) > 1 {
			begin = "none of the columns "
		}
		texts = append(texts, begin+strings.Join(names, ", ")+w.who)
	}
	return strings.Join(texts, "; ") + "; there are " + someNames(columns)
}

// someNames is a list of names, of which a long one ends in how many more.
func someNames(names []string) string {
	switch more := len(names) - mostNames; {
	case len(names) == 0:
		return "none"
	case more > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNames], ", "), more)
	}
	return strings.Join(names, ", ")
}
