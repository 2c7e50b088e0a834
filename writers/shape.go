package writers

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// shape is how the rows of a type lie in the columns of a file. Rows and the
// elements of each list are a group; a field that is no list is a column, and
// so are the elements of a list of texts or keys. It is made once a type.
type shape struct {
	groups []*group // rows first, each behind the group it lies in
	leaves []*leaf  // in the order of the file

	dimensions int // of rated usage: how many of the leaves
}

// group is the structs that repeat together: the rows, or the elements of a
// list, whose repetition and definition levels it has. A definition level below
// says that there is no element, one above that an optional column has none.
type group struct {
	at       int // in groups
	in       int // the group of the structs whose field the list is
	field    int // of those structs
	list     reflect.Type
	rep, def byte
	lead     int   // leaf that tells how many elements there are: the first one inside
	lists    []int // groups whose list is a field of an element
}

// leaf is a column.
type leaf struct {
	name      string
	in        int // group
	field     int // of the group's structs; -1: the element itself
	dimension int // of rated_usage: which of Dimensions it is; else -1
	kind      reflect.Kind
	def       byte // of a value that is there
	optional  bool
	dict      bool
}

// shapes are those that were made.
var shapes sync.Map // reflect.Type to *shape

func shapeOf(row reflect.Type) *shape {
	if s, made := shapes.Load(row); made {
		return s.(*shape)
	}
	s := &shape{groups: []*group{{list: reflect.SliceOf(row), lead: -1}}}
	s.add(s.groups[0], row, "")
	shapes.Store(row, s)
	return s
}

// withDimensions is the shape of rated usage with its dimensions.
func (s *shape) withDimensions(names []string) *shape {
	field, _ := reflect.TypeFor[RatedUsage]().FieldByName("Dimensions")
	with := &shape{groups: s.groups, leaves: slices.Clone(s.leaves), dimensions: len(names)}
	for i, name := range names {
		with.leaves = append(with.leaves, &leaf{
			name: name, field: field.Index[0], dimension: i, kind: reflect.String, def: 1, optional: true, dict: true,
		})
	}
	return with
}

// add adds the columns of a group's struct.
func (s *shape) add(g *group, row reflect.Type, prefix string) {
	for i := range row.NumField() {
		f := row.Field(i)
		tags := strings.Split(f.Tag.Get("parquet"), ",")
		switch name := prefix + tags[0]; {
		case tags[0] == "-":
		case f.Type.Kind() == reflect.Slice:
			s.addList(g, i, f.Type, name)
		default:
			s.addLeaf(g, i, f.Type, name, tags[1:])
		}
	}
}

func (s *shape) addList(in *group, field int, list reflect.Type, name string) {
	g := &group{at: len(s.groups), in: in.at, field: field, list: list, rep: in.rep + 1, def: in.def + 1, lead: len(s.leaves)}
	in.lists = append(in.lists, g.at)
	s.groups = append(s.groups, g)
	if list.Elem().Kind() == reflect.Struct {
		s.add(g, list.Elem(), name+".")
	} else {
		s.addLeaf(g, -1, list.Elem(), name, nil)
	}
}

func (s *shape) addLeaf(g *group, field int, of reflect.Type, name string, tags []string) {
	switch of.Kind() {
	case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64:
	case reflect.Array: // of 16 bytes
	default:
		panic(fmt.Sprintf("writers: no column of type %v", of)) // a mistake in rows.go
	}
	l := &leaf{
		name: name, in: g.at, field: field, dimension: -1, kind: of.Kind(), def: g.def,
		optional: slices.Contains(tags, "optional"), dict: slices.Contains(tags, "dict"),
	}
	if l.optional {
		l.def++
	}
	s.leaves = append(s.leaves, l)
}

// of is where the column's value of an element is kept.
func (l *leaf) of(element reflect.Value) reflect.Value {
	if l.field >= 0 {
		element = element.Field(l.field)
	}
	if l.dimension >= 0 {
		element = element.Index(l.dimension)
	}
	return element
}
