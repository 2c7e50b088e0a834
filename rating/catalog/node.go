package catalog

import (
	"errors"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// node is a piece of the catalog's text: an object, a list, or a scalar with
// its characters as written. The YAML library's own values are not used: it
// reads 012 as ten and keeps 17 digits of a decimal.
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

// tree reads the tokens as one YAML document, or nil with a problem.
func (p *problems) tree(tokens token.Tokens) *node {
	file, err := p.parse(tokens)
	if err != nil {
		p.syntax(err)
		return nil
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		p.add(place{1, 1}, "the catalog is empty")
		return nil
	}
	return p.node(file.Docs[0].Body, nil, 0)
}

// parse runs the YAML parser. It has panicked on malformed text in the past;
// a catalog that it cannot read is the catalog's fault to whoever runs us.
// Repeated keys are left to node, which names both places.
func (p *problems) parse(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("this is not YAML")
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// syntax takes over the YAML library's message and place.
func (p *problems) syntax(err error) {
	var placed interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &placed) {
		p.add(placeOf(placed.GetToken()), "%s", placed.GetMessage())
		return
	}
	p.add(place{1, 1}, "%s", err)
}

// node is the YAML library's node as ours. What is refused is a problem and
// becomes null.
func (p *problems) node(n ast.Node, key *node, depth int) *node {
	to := &node{place: begin(n), kind: null, key: key}
	if depth > maxNesting {
		p.add(to.place, "nested more than %d deep", maxNesting)
		return to
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		p.object(to, n.Values, depth)
	case *ast.MappingValueNode:
		p.object(to, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		to.kind = list
		for _, item := range n.Values {
			to.items = append(to.items, p.node(item, nil, depth+1))
		}
	case ast.ScalarNode:
		p.scalar(to, n.GetToken())
	default:
		p.add(to.place, "%s is not part of the catalog language", strings.ToLower(n.Type().YAMLName()))
	}
	return to
}

// begin is where a node begins. The library places a mapping without {} at its
// first colon; it begins at its first key.
func begin(n ast.Node) place {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return placeOf(n.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return placeOf(n.Key.GetToken())
	}
	return placeOf(n.GetToken())
}

func (p *problems) object(to *node, values []*ast.MappingValueNode, depth int) {
	to.kind = object
	first := make(map[string]place, len(values))
	for _, v := range values {
		key := p.key(v.Key)
		value := p.node(v.Value, key, depth+1)
		if earlier, again := first[key.text]; again {
			p.add(key.place, "repeated key %q (first in line %d)", key.text, earlier.line)
			continue
		}
		first[key.text] = key.place
		to.entries = append(to.entries, entry{key, value})
	}
}

// key is a key of an object: text, so a number or a date as a key is in quotes.
func (p *problems) key(k ast.MapKeyNode) *node {
	key := &node{place: placeOf(k.GetToken()), kind: plain, text: k.GetToken().Value}
	if _, text := k.(*ast.StringNode); !text {
		p.add(key.place, "the key %s is not text: put it in quotes", key.text)
		return key
	}
	p.scalar(key, k.GetToken())
	if why := badText(key.text); why != "" {
		p.add(key.place, "the key %q %s", key.text, why)
	}
	return key
}

// scalar takes a token's characters as written.
func (p *problems) scalar(to *node, t *token.Token) {
	to.text = t.Value
	switch t.Type {
	case token.NullType, token.ImplicitNullType:
		to.kind = null
	case token.SingleQuoteType, token.DoubleQuoteType:
		to.kind = quoted
	default:
		to.kind = plain
	}
}
