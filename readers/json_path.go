package readers

import (
	"slices"
	"strconv"
	"strings"
)

// jsonWants is what the fields of a schema want of a JSON value: the tree of
// their paths, so that all else is passed over.
type jsonWants struct {
	fields   []int // whose path ends here
	whole    []int // of a record's member: whose path's whole text is its name
	members  map[string]*jsonWants
	elements map[int]*jsonWants

	named, placed []int // whose path ends in one of the members, or of the elements
}

// jsonWantsOf is what fields want of a record.
func jsonWantsOf(fields []Field) *jsonWants {
	root := &jsonWants{}
	for i := range fields {
		path := fields[i].path()
		root.add(path.Steps, i)
		if !path.Simple() || path.Steps[0].Name != path.Text {
			w := root.member(path.Text)
			w.whole = append(w.whole, i)
		}
	}
	root.named, root.placed = nil, nil // a record is there in any case
	return root
}

// add wants what is at the end of steps for a field.
func (w *jsonWants) add(steps []Step, field int) {
	if slices.ContainsFunc(steps, func(s Step) bool { return s.Any }) {
		return // many values are no cell
	}
	for i, step := range steps {
		last := i+1 == len(steps)
		switch above := w; {
		case step.Name != "":
			if w = w.member(step.Name); last {
				above.named = append(above.named, field)
			}
		default:
			if w = w.element(step.Index); last {
				above.placed = append(above.placed, field)
			}
		}
	}
	w.fields = append(w.fields, field)
}

func (w *jsonWants) member(name string) *jsonWants {
	if w.members == nil {
		w.members = map[string]*jsonWants{}
	}
	if w.members[name] == nil {
		w.members[name] = &jsonWants{}
	}
	return w.members[name]
}

func (w *jsonWants) element(index int) *jsonWants {
	if w.elements == nil {
		w.elements = map[int]*jsonWants{}
	}
	if w.elements[index] == nil {
		w.elements[index] = &jsonWants{}
	}
	return w.elements[index]
}

// here tells whether a field wants the value itself.
func (w *jsonWants) here() bool { return len(w.fields)+len(w.whole) > 0 }

// beneath tells whether a field wants something in the value.
func (w *jsonWants) beneath() bool { return len(w.members)+len(w.elements) > 0 }

// pathText is the text of a path of steps.
func pathText(steps []Step) string {
	var b strings.Builder
	for i, step := range steps {
		switch {
		case step.Any && i == 0:
			b.WriteString("*")
		case step.Any:
			b.WriteString("[*]")
		case step.Name == "":
			b.WriteString("[" + strconv.Itoa(step.Index) + "]")
		default:
			if i > 0 {
				b.WriteString(".")
			}
			b.WriteString(stepText(step.Name))
		}
	}
	return b.String()
}

// stepText is a name as a step of a path: in quotes where it needs them.
func stepText(name string) string {
	if name != "*" && !strings.ContainsAny(name, `.["`) {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}

// columnText is a top-level name as a path, which is meant before its steps.
func columnText(name string) string {
	if _, err := ParsePath(name); err == nil {
		return name
	}
	return stepText(name)
}
