package readers

import (
	"fmt"
	"slices"
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

	// Of a list: what its elements are; of a map, the values of its entries, and
	// their keys. Nil where they are nothing that can be read.
	item, keys *node

	// Parquet: the definition levels from which it is there, and from which it
	// has an element. They differ in lists alone.
	there, element uint8
	repeats        bool // Parquet: a list by itself, and not by what is said of the group around it
}

// shape is what a column is made of.
type shape uint8

const (
	value shape = iota
	group       // of other columns
	list        // or map
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
	defined uint8
	lists   []uint8 // of each level of repetition: the definition level from which there is an element
	depth   int
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
		here.lists = append(slices.Clip(above.lists), here.defined)
	}
	n := &node{name: element.Name, there: here.defined, element: here.defined}
	if element.Type.Valid {
		n.leaf = leafOf(element)
		n.leaf.index, n.leaf.defined, n.leaf.lists = r.leaves, here.defined, here.lists
		r.leaves++
	}
	if !element.Type.Valid || element.NumChildren.V > 0 {
		if err := r.group(n, element, here); err != nil {
			return nil, err
		}
	}
	if element.RepetitionType.V == format.Repeated {
		n = &node{name: n.name, shape: list, item: n, leaf: n.leaf, there: above.defined, element: here.defined, repeats: true}
	}
	return n, nil
}

// group reads what is inside of a group. One that is said to be a list or map
// holds a repeated column and nothing else.
func (r *treeReader) group(n *node, element *format.SchemaElement, here levels) (err error) {
	if n.children, err = r.columns(element.NumChildren.V, here); err != nil {
		return err
	}
	n.shape = group
	for i := len(n.children) - 1; i >= 0; i-- {
		if inner := n.children[i].leaf; inner != nil {
			n.leaf = inner
		}
	}
	if isList, isMap := says(element); (isList || isMap) && len(n.children) == 1 && n.children[0].repeats {
		repeats := n.children[0]
		n.shape, n.element = list, repeats.element
		if n.item = elementOf(repeats, n.name); isMap {
			n.keys, n.item = entryOf(repeats.item)
		}
	}
	return nil
}

// elementOf is what the elements of a group that is a list are: the one column
// in what repeats, or, in lists as they were written before the format said
// how, that itself. The names are those that the format tells them apart by.
func elementOf(repeats *node, listName string) *node {
	item := repeats.item
	if item.shape != group || len(item.children) != 1 || item.children[0].repeats ||
		repeats.name == "array" || repeats.name == listName+"_tuple" {
		return item
	}
	return item.children[0]
}

// entryOf is the key and the value of a map's entry, which may be called anything.
func entryOf(entry *node) (key, val *node) {
	if entry.shape != group || len(entry.children) != 2 || entry.children[0].shape != value {
		return nil, nil
	}
	return entry.children[0], entry.children[1]
}

// says tells what a group is said to be.
func says(element *format.SchemaElement) (isList, isMap bool) {
	switch element.LogicalType.Value.(type) {
	case *format.ListType:
		return true, false
	case *format.MapType:
		return false, true
	}
	if !element.ConvertedType.Valid {
		return false, false
	}
	kind := element.ConvertedType.V
	return kind == deprecated.List, kind == deprecated.Map || kind == deprecated.MapKeyValue
}

// wanted finds how the fields of a schema are read, nil for an optional one
// that the file has no column for.
func (e *Export) wanted(columns []*node) ([]*leaf, error) {
	schema := e.schema
	leaves, any := make([]*leaf, len(schema.Fields)), len(schema.Fields) == 0
	e.noColumn = make([]bool, len(schema.Fields))
	for i := range schema.Fields {
		field := &schema.Fields[i]
		column, err := find(columns, field.path())
		if err != nil {
			return nil, err
		}
		if column.node == nil && !field.Optional {
			return nil, noColumn(field.path().Text, pathsOf(columns))
		}
		if e.noColumn[i] = column.node == nil; column.node == nil {
			any = any || !field.Path.IsZero() // a mapping knows better
			continue
		}
		if leaves[i], err = column.leafFor(field); err != nil {
			return nil, err
		}
		any = true
	}
	if !any { // nothing would prove that the rows are there
		return nil, fmt.Errorf("none of the columns of %s; there are %s", schema.Source, strings.Join(pathsOf(columns), ", "))
	}
	return leaves, nil
}

// found is the column that a path leads to.
type found struct {
	*node
	text  string // that leads there, as a path
	picks []pick // of the lists and maps on the way
	rest  []Step // for the JSON in a column of text
}

// pick is which element of a list, or which entry of a map, a path leads to.
type pick struct {
	index int64
	keys  *leaf // of a map: how its keys are read, among them the one that is meant; nil of a list
}

// find is the column that a path means, nil where there is none: the one that
// is called as the path's whole text, or else the one that its steps lead to.
func find(columns []*node, path Path) (f found, err error) {
	if f.node, err = called(columns, path.Text); f.node != nil || err != nil {
		f.text = stepText(path.Text)
		return f, err
	}
	f.text = path.Text
	for i, step := range path.Steps {
		switch {
		case f.node != nil && f.shape == value && f.leaf.isText():
			f.rest = path.Steps[i:]
			return f, nil
		case f.node != nil && f.shape == list && !step.Any:
			err = f.enter(step, pathText(path.Steps[:i]))
		case step.Name == "":
			return found{}, nil
		default:
			f.node, err = called(columns, step.Name)
		}
		if f.node == nil || err != nil {
			return found{}, err
		}
		columns = f.children
	}
	return f, nil
}

// enter goes on from a list to one of its elements, or from a map to the value
// of a key; at is where it stands, for messages.
func (f *found) enter(step Step, at string) error {
	p := pick{index: int64(step.Index)}
	switch {
	case f.item == nil:
		return fmt.Errorf("column %q cannot be read: of %s only how many elements it has is read", f.text, at)
	case f.keys != nil && step.Name == "":
		return fmt.Errorf("column %q cannot be read: %s is a map, whose values are read by key (%[2]s.key) and not by place", f.text, at)
	case f.keys == nil && step.Name != "":
		return fmt.Errorf("column %q cannot be read: %s is a list, whose elements are read by place (%[2]s[0])", f.text, at)
	}
	if f.keys != nil {
		keys := *f.keys.leaf
		keys.path, keys.key, keys.picks = "keys of "+at, step.Name, append(slices.Clip(f.picks), pick{index: anyElement})
		if err := keys.usableAs(&Field{Kind: Text}); err != nil {
			return err
		}
		p.keys = &keys
	}
	f.node, f.picks = f.item, append(f.picks, p)
	return nil
}

// anyElement is an index of all of them: any entry of a map may have its key.
const anyElement = -1

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
func (f *found) leafFor(field *Field) (*leaf, error) {
	path := field.path().Text
	if f.leaf == nil {
		return nil, fmt.Errorf("column %q cannot be read: it is a group without columns", path)
	}
	l := *f.leaf
	l.path, l.rest, l.picks = path, f.rest, f.picks
	switch {
	case field.Count:
		l.countOnly = f.shape != value || !l.isText() // a text may be empty, or JSON
		l.there, l.element, l.isList = f.there, f.element, f.shape == list
		return &l, nil
	case f.shape == list && f.keys == nil && field.JSON:
		return &l, f.listOf(&l, field)
	case f.shape == list && f.keys != nil:
		return nil, fmt.Errorf("column %q cannot be read: it is a map, of which the value of a key is read (%s.key), or how many entries it has", path, f.text)
	case f.shape == list:
		return nil, fmt.Errorf("column %q cannot be read: it is a list, of which an element is read (%s[0]), or how many it has", path, f.text)
	case f.shape == group:
		return nil, fmt.Errorf("column %q cannot be read: it is nested; there are %s", path, strings.Join(f.appendPaths(nil, f.text), ", "))
	}
	l.unread = field.Unread && field.Kind == EventID && !field.Texts && len(l.picks) == 0
	return &l, l.usableAs(field)
}

// pathsOf is the columns that hold values, by paths that find them: lists and
// maps, which may be counted, and what is in a list's first element.
func pathsOf(columns []*node) (paths []string) {
	for _, n := range columns {
		name := columnText(n.name)
		if n.shape != value {
			name = stepText(n.name)
		}
		paths = n.appendPaths(paths, name)
	}
	return paths
}

func (n *node) appendPaths(paths []string, path string) []string {
	switch {
	case n.shape == list && n.keys == nil && n.item != nil:
		return n.item.appendPaths(append(paths, path), path+"[0]")
	case n.shape != group:
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
