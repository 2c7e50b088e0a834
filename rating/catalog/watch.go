package catalog

import "slices"

// watch takes down what reading a catalog asks for, so that a test can hold it
// against the schema: the parser is code, the schema a table. A nil watch sees
// nothing.
type watch struct {
	forms  map[string]*watched // by the format of the object's name
	values map[*node][2]string // form and key of what has been read
}

// watched is what has been asked of one form of object.
type watched struct {
	keys     map[string]bool
	needed   map[string]bool // keys that were required, always or beside others
	choices  [][]string      // keys of which one is wanted
	wordsFor map[string][]string
}

func (w *watch) of(form string) *watched {
	if w.forms[form] == nil {
		w.forms[form] = &watched{keys: map[string]bool{}, needed: map[string]bool{}, wordsFor: map[string][]string{}}
	}
	return w.forms[form]
}

func (w *watch) asked(form, key string) {
	if w != nil {
		w.of(form).keys[key] = true
	}
}

func (w *watch) required(form, key string) {
	if w != nil {
		w.of(form).needed[key] = true
	}
}

func (w *watch) oneOf(form string, keys []string) {
	if w != nil && !slices.ContainsFunc(w.of(form).choices, func(c []string) bool { return slices.Equal(c, keys) }) {
		w.of(form).choices = append(w.of(form).choices, keys)
	}
}

func (w *watch) value(form, key string, n *node) {
	if w != nil {
		w.values[n] = [2]string{form, key}
	}
}

func (w *watch) words(n *node, words []string) {
	if w == nil {
		return
	}
	if of, known := w.values[n]; known {
		w.of(of[0]).wordsFor[of[1]] = words
	}
}
