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
	at       int     // in groups
	in       int     // the group of the structs that have the list
	field    int     // of those structs
	offset   uintptr // of the list in them
	list     reflect.Type
	size     uintptr // of an element
	rep, def byte
	lead     int   // leaf that tells how many elements there are: the first one inside
	lists    []int // groups whose list is a field of an element
}

// leaf is a column.
type leaf struct {
	name      string  // segments.from, where it is in a list
	field     string  // in Go
	in        int     // group
	offset    uintptr // of it in the group's structs
	dimension int     // of rated_usage: which of Dimensions it is; else -1
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
	s := &shape{groups: []*group{{list: reflect.SliceOf(row), size: row.Size(), lead: -1}}}
	s.add(s.groups[0], row, "")
	shapes.Store(row, s)
	return s
}

// withDimensions is the shape of rated usage with its dimensions.
func (s *shape) withDimensions(names []string) *shape {
	with := &shape{groups: s.groups, leaves: slices.Clone(s.leaves), dimensions: len(names)}
	for i, name := range names {
		with.leaves = append(with.leaves, &leaf{
			name: name, field: "Dimensions", dimension: i, kind: reflect.String, def: 1, optional: true, dict: true,
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
			s.addList(g, f, name)
		default:
			s.addLeaf(g, &leaf{name: name, field: f.Name, offset: f.Offset}, f.Type, tags[1:])
		}
	}
}

func (s *shape) addList(in *group, f reflect.StructField, name string) {
	element := f.Type.Elem()
	g := &group{
		at: len(s.groups), in: in.at, field: f.Index[0], offset: f.Offset, list: f.Type, size: element.Size(),
		rep: in.rep + 1, def: in.def + 1, lead: len(s.leaves),
	}
	in.lists = append(in.lists, g.at)
	s.groups = append(s.groups, g)
	if element.Kind() == reflect.Struct {
		s.add(g, element, name+".")
	} else {
		s.addLeaf(g, &leaf{name: name, field: f.Name}, element, nil)
	}
}

// addLeaf adds a column of values of a type.
func (s *shape) addLeaf(g *group, l *leaf, of reflect.Type, tags []string) {
	switch of.Kind() {
	case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64:
	case reflect.Array: // of 16 bytes
	default:
		panic(fmt.Sprintf("writers: no column of type %v", of)) // a mistake in rows.go
	}
	l.in, l.dimension, l.kind, l.def = g.at, -1, of.Kind(), g.def
	l.optional, l.dict = slices.Contains(tags, "optional"), slices.Contains(tags, "dict")
	if l.optional {
		l.def++
	}
	s.leaves = append(s.leaves, l)
}
