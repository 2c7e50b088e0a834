// Package yamltext reads the files that people write for us, less what makes
// YAML surprising: anchors, merges, tags, block text and second documents are
// refused, no value is converted, and every word knows its place.
//
// The YAML library's own values are not used: it reads 012 as ten and keeps 17
// digits of a decimal.
package yamltext

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Place is where something stands in the text, from 1; columns are characters.
type Place struct{ Line, Column int }

// Node is a piece of the text: an object, a list, or a scalar with its
// characters as written.
type Node struct {
	Place
	Kind    Kind
	Key     *Node // that the node stands under, or nil
	Text    string
	Entries []Entry // of an object, in order of the text
	Items   []*Node // of a list
}

// Entry is a key of an object with its value.
type Entry struct{ Key, Value *Node }

// Kind is what a node is.
type Kind int

const (
	Object Kind = iota
	List
	Plain  // a scalar without quotes
	Quoted // a scalar in quotes
	Null   // nothing, null or ~
)

// IsScalar tells whether the node is a text.
func (n *Node) IsScalar() bool { return n.Kind == Plain || n.Kind == Quoted }

// Shown is the node as a message quotes it.
func (n *Node) Shown() string {
	if n.IsScalar() {
		return strconv.Quote(n.Text)
	}
	return [...]string{Object: "an object {key: value}", List: "a list", Null: "nothing"}[n.Kind]
}

// At is where to point when a whole value is meant: its key, if that is not
// clearly beside it.
func (n *Node) At() Place {
	if n.Key != nil && (n.Kind == Object || n.Kind == Null) {
		return n.Key.Place
	}
	return n.Place
}

// Get is the value of a key, or nil; also of no node.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, e := range n.Entries {
		if e.Key.Text == key {
			return e.Value
		}
	}
	return nil
}

// Language says what a file is, and what it may have.
type Language struct {
	Name       string // in messages: the catalog language
	MaxBytes   int
	MaxNesting int
	MaxKeys    int    // of one object outside {}: the YAML parser's time is their square
	TooLong    string // what to do with a file of more bytes
	Tabs       bool   // a tab may stand in a text
	TextKeys   bool   // a key is text: a number or a date as a key is in quotes
}

// Read is the text as nodes. It is nil where the text is empty or is not YAML
// of the language; what is wrong is then among the mistakes. A mistake that
// leaves the rest readable, such as a repeated key, does not make it nil.
func (m *Mistakes) Read(text []byte, l Language) *Node {
	r := &reader{Mistakes: m, Language: l}
	before := len(m.Found)
	tokens := r.scan(text)
	if len(m.Found) > before {
		return nil
	}
	file, err := parse(tokens)
	if err != nil {
		r.syntax(err)
		return nil
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil || file.Docs[0].Body.Type() == ast.CommentType {
		return nil
	}
	if root := r.node(file.Docs[0].Body, nil, 0); !r.deep {
		return root
	}
	return nil
}

type reader struct {
	*Mistakes
	Language
	deep bool // part of the text was not read
}

// parse runs the YAML parser, which has panicked on malformed text: a file that
// it cannot read is the file's fault to whoever runs us. Repeated keys are left
// to object, which names both places.
func parse(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("this is not YAML")
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// syntax tells what makes the text no YAML, or else what the library says.
func (r *reader) syntax(err error) {
	var placed interface {
		GetToken() *token.Token
		GetMessage() string
	}
	at, message := Place{1, 1}, err.Error()
	if errors.As(err, &placed) {
		at, message = placeOf(placed.GetToken()), placed.GetMessage()
	}
	r.explained(at, message)
}

// explained adds what the layout of the text says about a mistake that was
// met; where it says nothing, the message as it is.
func (r *reader) explained(at Place, message string) {
	if found, why := layoutOf(r.Lines); why != "" {
		at, message = found, why
	}
	r.Add(at, "%s", message)
}

// node is the YAML library's node as ours. What is refused is a mistake and
// becomes null.
func (r *reader) node(n ast.Node, key *Node, depth int) *Node {
	to := &Node{Place: begin(n), Kind: Null, Key: key}
	if depth > r.MaxNesting {
		r.deep = true
		r.Add(to.Place, "nested more than %d deep", r.MaxNesting)
		return to
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		r.object(to, n.Values, n.IsFlowStyle, depth)
	case *ast.MappingValueNode:
		r.object(to, []*ast.MappingValueNode{n}, false, depth)
	case *ast.SequenceNode:
		to.Kind = List
		for _, item := range n.Values {
			to.Items = append(to.Items, r.node(item, nil, depth+1))
		}
	case ast.ScalarNode:
		scalar(to, n.GetToken())
	default:
		r.Add(to.Place, "%s is not part of %s", strings.ToLower(n.Type().YAMLName()), r.Name)
	}
	return to
}

// begin is where a node begins. The library places a mapping without {} at its
// first colon; it begins at its first key.
func begin(n ast.Node) Place {
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

func (r *reader) object(to *Node, values []*ast.MappingValueNode, braces bool, depth int) {
	to.Kind = Object
	first := make(map[string]Place, len(values))
	for _, v := range values {
		key := &Node{Place: placeOf(v.Key.GetToken())}
		scalar(key, v.Key.GetToken())
		value := r.node(v.Value, key, depth+1)
		if braces && len(values) > 1 && value.Kind == Null && v.Start.Type != token.MappingValueType {
			r.Add(key.Place, "%s has no colon and value: inside { } a comma ends a value; text with a comma in it goes in quotes, and numbers have a point", key.Text)
			continue
		}
		if _, text := v.Key.(*ast.StringNode); !text && r.TextKeys {
			r.Add(key.Place, "the key %s is not text: put it in quotes", key.Text)
			continue
		}
		if key.Kind == Plain && strings.ContainsAny(key.Text, "{[") {
			r.Add(key.Place, "the key %q has a bracket in it: it wants a colon and a space before that, or quotes", key.Text)
			continue
		}
		if earlier, again := first[key.Text]; again {
			r.Add(key.Place, "repeated key %q (first in line %d)", key.Text, earlier.Line)
			if i := slices.IndexFunc(to.Entries, func(e Entry) bool { return e.Key.Text == key.Text }); to.Entries[i].Value.Kind == Null {
				to.Entries[i] = Entry{key, value} // the first one was left empty by mistake
			}
			continue
		}
		first[key.Text] = key.Place
		to.Entries = append(to.Entries, Entry{key, value})
	}
}

// scalar takes a token's characters as written.
func scalar(to *Node, t *token.Token) {
	to.Text = t.Value
	switch t.Type {
	case token.NullType, token.ImplicitNullType:
		to.Kind = Null
	case token.SingleQuoteType, token.DoubleQuoteType:
		to.Kind = Quoted
	default:
		to.Kind = Plain
	}
}

func placeOf(t *token.Token) Place {
	if t == nil || t.Position == nil {
		return Place{1, 1}
	}
	return Place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

// What follows reads values whose form is known to be right.

// Word is the text of a key, or empty.
func (n *Node) Word(key string) string {
	if v := n.Get(key); v != nil {
		return v.Text
	}
	return ""
}

// TextOf is the text of a key, or nil.
func (n *Node) TextOf(key string) *string {
	if v := n.Get(key); v != nil {
		return &v.Text
	}
	return nil
}

// Words are the texts of a key: one, or those of a list.
func (n *Node) Words(key string) []string {
	if v := n.Get(key); v != nil {
		return v.Texts()
	}
	return nil
}

// Texts are the node's text, or those of the list that it is.
func (n *Node) Texts() []string {
	if n.Kind != List {
		return []string{n.Text}
	}
	var all []string
	for _, item := range n.Items {
		all = append(all, item.Text)
	}
	return all
}

// IsTrue tells whether a key is true.
func (n *Node) IsTrue(key string) bool { return n.Word(key) == "true" }

// Number is the whole number of a key, or 0.
func (n *Node) Number(key string) int {
	v, _ := strconv.Atoi(n.Word(key))
	return v
}
