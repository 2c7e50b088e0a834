package catalog

import (
	"ratemill/rating/yamltext"
)

// The limits of a catalog file. Real ones are a few kilobytes, price tables
// some megabytes; past these a file is a mistake or an attack.
const maxBytes = 8 << 20

var language = yamltext.Language{Name: "the catalog language", MaxBytes: maxBytes, MaxNesting: 64, MaxKeys: 10_000, TextKeys: true}

// node is a piece of the catalog's text: an object, a list, or a scalar with
// its characters as written.
type node struct {
	place
	kind    nodeKind
	key     *node // the key that the node stands under, or nil
	text    string
	entries []entry // of an object, in order of the text
	items   []*node // of a list
}

type entry struct{ key, value *node }

type nodeKind int

const (
	object nodeKind = iota
	list
	plain  // a scalar without quotes
	quoted // a scalar in quotes
	null   // nothing, null or ~
)

func (k nodeKind) String() string {
	return [...]string{"an object", "a list", "a word or number", "a text in quotes", "nothing"}[k]
}

// at is where to point when a whole object or list is meant: its key.
func (n *node) at() place {
	if n.key != nil && (n.kind == object || n.kind == null) {
		return n.key.place
	}
	return n.place
}

// read is the text as nodes, or nil with a problem.
func (p *problems) read(text []byte) *node {
	read := p.Read(text, language)
	switch {
	case read != nil:
		return p.node(read, nil)
	case len(p.Found) == 0:
		p.add(place{1, 1}, "the catalog is empty")
	}
	return nil
}

// node takes over a node, and refuses keys that are no names.
func (p *problems) node(n *yamltext.Node, key *node) *node {
	to := &node{place: place{n.Line, n.Column}, kind: nodeKind(n.Kind), key: key, text: n.Text}
	for _, e := range n.Entries {
		key := p.node(e.Key, nil)
		if why := badText(key.text); why != "" {
			p.add(key.place, "the key %q %s", key.text, why)
		}
		to.entries = append(to.entries, entry{key, p.node(e.Value, key)})
	}
	for _, item := range n.Items {
		to.items = append(to.items, p.node(item, nil))
	}
	return to
}
