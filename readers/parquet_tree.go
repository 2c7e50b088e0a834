package readers

import (
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// node is a column of a Parquet or Arrow file, as its schema nests them.
type node struct {
	name     string
	shape    shape
	children []*node // of a group
	leaf     *leaf   // how it is read; in Parquet by its first value where it is not one; nil: there is none
	elements *leaf   // Arrow: how an element of a list is read

	// Parquet: the definition levels from which it is there, and from which it
	// has an element. They differ in lists alone.
	there, element uint8
}

// shape is what a column is made of.
type shape uint8

const (
	value shape = iota
	group       // of other columns
	list        // or map: only how many elements it has is read
)

// maxNesting is how deep columns may nest.
const maxNesting = 64

// parquetColumns is the columns of a Parquet file, whose schema lists a tree
// depth first, and how many values a row group has chunks of.
func parquetColumns(elements []format.SchemaElement) (columns []*node, leaves int, err error) {
	if len(elements) == 0 {
		return nil, 0, fmt.Errorf("broken Parquet footer: no schema")
	}
	r := treeReader{elements: elements, at: 1}
	columns, err = r.columns(elements[0].NumChildren.V, levels{})
	return columns, r.leaves, err
}

type treeReader struct {
	elements   []format.SchemaElement
	at, leaves int
}

// levels are those of a place in the tree.
type levels struct {
	defined, repeated uint8
	depth             int
}

func (r *treeReader) columns(n int32, above levels) (columns []*node, err error) {
	if above.depth > maxNesting {
		return nil, fmt.Errorf("broken Parquet footer: columns nest deeper than %d", maxNesting)
	}
	for range n {
		if r.at >= len(r.elements) {
			return nil, fmt.Errorf("broken Parquet footer: the schema has fewer columns than it claims")
		}
		column, err := r.column(above)
		if err != nil {
			return nil, err
		}
		columns = append(columns, column)
	}
	return columns, nil
}

func (r *treeReader) column(above levels) (*node, error) {
	element, here := &r.elements[r.at], above
	r.at++
	here.depth++
	switch element.RepetitionType.V {
	case format.Optional:
		here.defined++
	case format.Repeated:
		here.defined++
		here.repeated++
	}
	n := &node{name: element.Name, there: here.defined, element: here.defined}
	if element.Type.Valid {
		n.leaf = leafOf(element)
		n.leaf.index, n.leaf.defined, n.leaf.repeated = r.leaves, here.defined, here.repeated
		r.leaves++
	}
	if !element.Type.Valid || element.NumChildren.V > 0 {
		if err := r.group(n, element, here); err != nil {
			return nil, err
		}
	}
	if element.RepetitionType.V == format.Repeated {
		n.shape, n.there, n.element = list, above.defined, here.defined
	}
	return n, nil
}

// group reads what is inside of a group. One that is said to be a list or map
// holds a repeated column and nothing else.
func (r *treeReader) group(n *node, element *format.SchemaElement, here levels) (err error) {
	first := r.at
	if n.children, err = r.columns(element.NumChildren.V, here); err != nil {
		return err
	}
	n.shape = group
	for i := len(n.children) - 1; i >= 0; i-- {
		if inner := n.children[i].leaf; inner != nil {
			n.leaf = inner
		}
	}
	if saysList(element) && len(n.children) == 1 && r.elements[first].RepetitionType.V == format.Repeated {
		n.shape, n.element = list, n.children[0].element
	}
	return nil
}

func saysList(element *format.SchemaElement) bool {
	switch element.LogicalType.Value.(type) {
	case *format.ListType, *format.MapType:
		return true
	}
	if !element.ConvertedType.Valid {
		return false
	}
	switch element.ConvertedType.V {
	case deprecated.List, deprecated.Map, deprecated.MapKeyValue:
		return true
	}
	return false
}

// wanted finds how the fields of a schema are read, nil for an optional one
// that the file has no column for.
func (e *Export) wanted(columns []*node) ([]*leaf, error) {
	schema := e.schema
	found, any := make([]*leaf, len(schema.Fields)), len(schema.Fields) == 0
	e.lacks = make([]bool, len(schema.Fields))
	for i := range schema.Fields {
		field := &schema.Fields[i]
		column, rest, err := find(columns, field.path())
		if err != nil {
			return nil, err
		}
		if column == nil && !field.Optional {
			return nil, noColumn(field.path().Text, pathsOf(columns))
		}
		if e.lacks[i] = column == nil; column == nil {
			any = any || !field.Path.IsZero() // a mapping knows better
			continue
		}
		if found[i], err = column.leafFor(field, rest); err != nil {
			return nil, err
		}
		any = true
	}
	if !any { // nothing would prove that the rows are there
		return nil, fmt.Errorf("none of the columns of %s; there are %s", schema.Source, strings.Join(pathsOf(columns), ", "))
	}
	return found, nil
}

// find is the column that a path means, or nil: the one that is called as the
// path's whole text, or else the one that its steps lead to. The rest of the
// steps is for the JSON in a column of text.
func find(columns []*node, path Path) (n *node, rest []Step, err error) {
	if n, err = called(columns, path.Text); n != nil || err != nil {
		return n, nil, err
	}
	for i, step := range path.Steps {
		if n != nil {
			switch columns = n.children; {
			case n.shape == list:
				return nil, nil, fmt.Errorf("column %q cannot be read: of lists and maps only how many elements they have is read", path.Text)
			case n.shape == value && n.leaf.isText():
				return n, path.Steps[i:], nil
			}
		}
		if step.Name == "" {
			return nil, nil, nil
		}
		if n, err = called(columns, step.Name); n == nil {
			return nil, nil, err
		}
	}
	return n, nil, nil
}

func called(columns []*node, name string) (found *node, err error) {
	for _, n := range columns {
		if n.name == name && found != nil {
			return nil, fmt.Errorf("two columns are called %q", name)
		}
		if n.name == name {
			found = n
		}
	}
	return found, nil
}

// leafFor is how a field is read from the column.
func (n *node) leafFor(field *Field, rest []Step) (*leaf, error) {
	path := field.path().Text
	if n.leaf == nil {
		return nil, fmt.Errorf("column %q cannot be read: it is a group without columns", path)
	}
	l := *n.leaf
	l.path, l.rest = path, rest
	switch {
	case field.Count:
		l.countOnly = n.shape != value || !l.isText() // a text may be empty, or JSON
		l.there, l.element, l.isList = n.there, n.element, n.shape == list
		return &l, nil
	case n.shape == list && field.JSON:
		return &l, n.list(&l, field)
	case n.shape == list:
		return nil, fmt.Errorf("column %q cannot be read: it is a list, of which only how many elements it has is read", path)
	case n.shape == group:
		return nil, fmt.Errorf("column %q cannot be read: it is nested; there are %s", path, strings.Join(pathsOf([]*node{n}), ", "))
	}
	return &l, l.usableAs(field)
}

// pathsOf is the columns that hold values, lists and maps, by paths that find
// them.
func pathsOf(columns []*node) (paths []string) {
	for _, n := range columns {
		name := columnText(n.name)
		if n.shape == group {
			name = stepText(n.name)
		}
		paths = n.appendPaths(paths, name)
	}
	return paths
}

func (n *node) appendPaths(paths []string, path string) []string {
	if n.shape != group {
		return append(paths, path)
	}
	for _, child := range n.children {
		paths = child.appendPaths(paths, path+"."+stepText(child.name))
	}
	return paths
}

// storedColumns is Columns of a Parquet or Arrow export.
func (e *Export) storedColumns() []string {
	if e.format == Parquet {
		return pathsOf(e.footer.tree)
	}
	return pathsOf(e.arrow.tree)
}

// noColumn says which column is missing, and which ones there are: most often
// one is misspelt.
func noColumn(name string, there []string) error {
	return fmt.Errorf("no column %q; there are %s", name, strings.Join(there, ", "))
}
