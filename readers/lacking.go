package readers

import (
	"context"
	"slices"
	"sync/atomic"
)

// sighting is what is known of a field that only records tell of: all of JSON,
// and what stands in the JSON of a cell. Splits that are read at once note it
// together.
type sighting struct {
	itself atomic.Bool // a record had it, be it null
	around atomic.Bool // or at least the object or list that it stands in, if that is not the record itself
}

// note sets what mostly is set already.
func note(seen *atomic.Bool) {
	if !seen.Load() {
		seen.Store(true)
	}
}

// byRecord tells whether only records tell that a field is there.
func (e *Export) byRecord(field int) bool {
	var l *leaf
	switch e.format {
	case NDJSON, JSON:
		return true
	case CSV:
		return slices.ContainsFunc(e.header.nested, func(j csvJSON) bool { return slices.Contains(j.fields, field) })
	case Parquet:
		l = e.footer.columns[field]
	default:
		l = e.arrow.columns[field]
	}
	return l != nil && len(l.rest) > 0
}

// lacks tells whether the export has no column for a field. What only records
// tell is known when all has been read, and unless there was no row: a key that
// none of the records has is lacking, one that is there with null is not.
func (e *Export) lacks(field int) bool {
	if e.byRecord(field) {
		return e.anyRow.Load() && !e.seen[field].itself.Load()
	}
	return e.noColumn[field]
}

// has tells whether a column is there, or a record has the field.
func (e *Export) has(field int) bool {
	if e.byRecord(field) {
		return e.seen[field].itself.Load()
	}
	return !e.noColumn[field]
}

// wish is what a mapping wants of the records: one of some columns.
type wish struct {
	name string
	from []int // raw fields, of which one is enough
	who  string
	near bool         // it is enough that what they stand in is there
	live *atomic.Bool // a row was there that it is wanted for
}

// wishes are what a mapping wants of its files: for each field that must be
// there, in the schema's order, and then for the conditions of filters. A field
// with a default can do without.
//
// A field that is missing from an object which is there leaves a cell empty, and
// the row is rejected if that will not do. A condition on such a key would leave
// out all rows, or none, and nobody would see it.
func (e *mappedExport) wishes(excused bool) (all []wish) {
	for i := range e.plan.recipes {
		r := &e.plan.recipes[i]
		w := wish{name: r.field.Name, from: r.from, near: true, live: &e.kept}
		if r.named {
			w.who = ", mapped to " + r.field.Name
		}
		switch {
		case !r.must || excused && r.fallback.state == cellThere:
		case r.way == joinedIDs: // one file may have one part, and the next another
			for _, at := range r.from {
				part := w
				part.name, part.from = r.field.Name+"."+e.plan.raw.Fields[at].Path.Text, []int{at}
				all = append(all, part)
			}
		default:
			all = append(all, w)
		}
	}
	for i, f := range e.plan.filters {
		for k, c := range f.conds {
			if c.must {
				all = append(all, wish{name: "leave_out." + f.name + "." + c.path.Text, from: []int{c.from},
					who: ", asked for by leave_out " + f.name, live: &e.asked[i][k]})
			}
		}
	}
	return all
}

// there tells whether a wish came true.
func (e *mappedExport) there(w *wish) bool {
	return slices.ContainsFunc(w.from, func(at int) bool { return e.raw.has(at) || w.near && e.raw.seen[at].around.Load() })
}

// Lacking are the names of what the mapping wants and none of the records had,
// once all splits have been read: FIELD, FIELD.PATH of a part of a joined event
// id, and leave_out.FILTER.PATH of a condition that was asked. Of fields there
// are none where no record was kept, nor where a record had at least the object
// or list that the path ends in. Columns that a file says that it has are
// OpenMapped's.
//
// One file says little: the next may have it. What is among Lacking of a file
// and among Had of none, a mapping has misspelt.
func (e *Export) Lacking() []string {
	return e.wished(func(w *wish) bool { return w.live.Load() && !e.mapped.there(w) })
}

// Had are the names, as Lacking has them, of what a record had, or the file has
// a column for.
func (e *Export) Had() []string {
	return e.wished(func(w *wish) bool { return e.mapped.there(w) })
}

func (e *Export) wished(is func(*wish) bool) (names []string) {
	if e.mapped == nil {
		return nil
	}
	wishes := e.mapped.wishes(true)
	for i := range wishes {
		if w := &wishes[i]; is(w) && !slices.Contains(names, w.name) {
			names = append(names, w.name)
		}
	}
	return names
}

// LackingError is the *FileError for a name of Lacking, which tells the columns
// that are there.
func (e *Export) LackingError(ctx context.Context, name string) error {
	for _, w := range e.mapped.wishes(true) {
		if w.name == name {
			return e.mapped.lacking(ctx, []want{{e.mapped.pathsOf(w.from), w.who}})
		}
	}
	panic("readers: " + name + " is none of Lacking")
}
