package pipeline

import (
	"context"
	"strings"

	"ratemill/readers"
)

// checkLacking stops the night where a layout names what no record of any of
// its files has: a misspelt path would else refuse, or leave out, all there is.
// One file alone says nothing: webhooks come one a file, and a record that
// lacks a key is a bad row. It is for formats whose records say what they
// have; the others are refused when they are opened.
func (n *night) checkLacking(ctx context.Context, exports []*readers.Export) error {
	found := map[*layout]*lackingOf{}
	for i, e := range exports { // in the order of the plan
		if e == nil || n.files[i].layout.mapping == nil {
			continue
		}
		read, kept := n.keptOf(i)
		if read == 0 {
			continue
		}
		l := found[n.files[i].layout]
		if l == nil {
			l = &lackingOf{files: map[string]int{}, first: map[string]int{}}
			found[n.files[i].layout] = l
		}
		l.read++
		if kept > 0 {
			l.kept++
		}
		for _, field := range e.Lacking() {
			if l.files[field]++; l.files[field] == 1 {
				l.names, l.first[field] = append(l.names, field), i
			}
		}
	}
	for i := range exports {
		l := found[n.files[i].layout]
		if l == nil {
			continue
		}
		for _, field := range l.names {
			if l.first[field] == i && l.inAll(field) {
				return exports[i].LackingError(ctx, field)
			}
		}
	}
	return nil
}

// lackingOf is what the files of one layout lack.
type lackingOf struct {
	read, kept int            // files that have rows, and rows that no filter leaves out
	names      []string       // of all fields that some file lacks
	files      map[string]int // how many do, by field
	first      map[string]int // the first that does
}

// inAll tells whether all files lack a field. A filter is asked of the rows
// that it leaves out, too.
func (l *lackingOf) inAll(field string) bool {
	if strings.HasPrefix(field, "leave_out.") {
		return l.files[field] == l.read
	}
	return l.files[field] == l.kept
}

// keptOf are a file's rows, and those that no filter leaves out.
func (n *night) keptOf(file int) (read, kept int64) {
	for _, m := range n.mapped {
		c := &m.files[file]
		read, kept = read+c.read, kept+c.read
		for _, rows := range c.leftOut {
			kept -= rows
		}
	}
	return read, kept
}
