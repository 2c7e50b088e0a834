package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"ratemill/rating/catalog"
)

// node is a piece of ratemill.yaml: an object, a list, or a scalar with its
// characters as written. The YAML library's own values are not used: it reads
// 012 as ten, and 1.50 as 1.5.
type node struct {
	place
	kind    nodeKind
	text    string
	key     *node // that the node stands under, or nil
	entries []entry
	items   []*node
}

type place struct{ line, column int }

type entry struct{ key, value *node }

type nodeKind int

const (
	object nodeKind = iota
	list
	plain  // a scalar without quotes
	quoted // a scalar in quotes
	null   // nothing, null or ~
)

func (n *node) isScalar() bool { return n.kind == plain || n.kind == quoted }

// shown is the node as a message quotes it.
func (n *node) shown() string {
	if n.isScalar() {
		return strconv.Quote(n.text)
	}
	return [...]string{object: "an object {key: value}", list: "a list", null: "nothing"}[n.kind]
}

// at is where to point when a whole value is meant: its key, if that is not
// clearly beside it.
func (n *node) at() place {
	if n.key != nil && (n.kind == object || n.kind == null) {
		return n.key.place
	}
	return n.place
}

// get is the value of a key, or nil; also of no node.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key.text == key {
			return e.value
		}
	}
	return nil
}

// mistakes are what is wrong in one text.
type mistakes struct {
	file  string
	lines []string
	found catalog.Errors
}

func (m *mistakes) add(at place, format string, args ...any) {
	e := &catalog.Error{File: m.file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)}
	if at.line >= 1 && at.line <= len(m.lines) {
		e.Source = m.lines[at.line-1]
	}
	m.found = append(m.found, e)
}

// err is all that was found in order of place, or nil.
func (m *mistakes) err() error {
	if len(m.found) == 0 {
		return nil
	}
	slices.SortStableFunc(m.found, func(a, b *catalog.Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return m.found
}

// The limits of the file. A real one has some kilobytes.
const (
	maxConfigBytes   = 256 << 10
	maxConfigNesting = 64
)

// read is the text as nodes, or nil where it is empty or something is wrong.
func (m *mistakes) read(text []byte) *node {
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	m.lines = strings.Split(string(text), "\n")
	for i, line := range m.lines {
		m.lines[i] = strings.TrimRight(strings.TrimSuffix(line, "\r"), " ")
	}
	if len(text) > maxConfigBytes {
		m.add(place{1, 1}, "the file has %d bytes; it may have %d (long maps can be lookup tables)", len(text), maxConfigBytes)
		return nil
	}
	// The lexer gets lines with bare ends: it counts the "\r\n" of a comment as
	// two lines, and spaces at the end of a line into the last word's column.
	tokens := lexer.Tokenize(strings.Join(m.lines, "\n"))
	if m.refuse(tokens); m.found != nil {
		return nil
	}
	file, err := parseYAML(tokens)
	if err != nil {
		m.syntax(err)
		return nil
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil || file.Docs[0].Body.Type() == ast.CommentType {
		return nil
	}
	return m.node(file.Docs[0].Body, nil)
}

// refuse tells what YAML has beyond what a settings file needs. It does so
// before the parser runs, which recurses as deep as the text nests and builds
// what an alias names.
func (m *mistakes) refuse(tokens token.Tokens) {
	flow, dashes, dashLine := 0, 0, 0
	for i, t := range tokens {
		at := placeOf(t)
		if t.Type == token.InvalidType {
			m.add(at, "%s", t.Error)
			return
		}
		if t.Type != token.CommentType && strings.Contains(strings.TrimSpace(t.Origin), "\n") {
			m.add(at, "this text runs over several lines: it has no closing quote, or the next line is wrongly indented")
			return
		}
		if why := refusedToken(t, i); why != "" {
			m.add(at, "%s", why)
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType: // "- - - -" nests within one line
			if at.line != dashLine {
				dashes, dashLine = 0, at.line
			}
			dashes++
		}
		// Indentation costs a level more bytes than the last: the file's size limits it.
		if max(flow, dashes) > maxConfigNesting {
			m.add(at, "nested more than %d deep", maxConfigNesting)
			return
		}
	}
}

// refusedToken is why a token has no place in the file, or empty.
func refusedToken(t *token.Token, index int) string {
	switch t.Type {
	case token.AnchorType:
		return "anchors (&) are not for this file; text that begins with & goes in quotes"
	case token.AliasType:
		return `aliases (*) are not for this file; text that begins with a star goes in quotes: "*.csv"`
	case token.MergeKeyType:
		return "merges (<<) are not for this file"
	case token.TagType:
		return "tags (!) are not for this file; text that begins with ! goes in quotes"
	case token.DirectiveType:
		return "directives (%) are not for this file"
	case token.LiteralType, token.FoldedType:
		return "block text (| and >) is not for this file; write the text on one line, in quotes where it begins so"
	case token.MappingKeyType:
		return `keys marked by "?" are not for this file`
	case token.DocumentEndType:
		return "the file is one document: nothing ends it but its end"
	case token.DocumentHeaderType:
		if index > 0 {
			return "the file is one document: a second one begins here"
		}
	}
	return ""
}

// parseYAML runs the YAML parser, which has panicked on malformed text.
// Repeated keys are left to object, which names both places.
func parseYAML(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("this is not YAML")
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// syntax takes over the YAML library's message and place.
func (m *mistakes) syntax(err error) {
	var placed interface {
		GetToken() *token.Token
		GetMessage() string
	}
	at, message := place{1, 1}, err.Error()
	if errors.As(err, &placed) {
		at, message = placeOf(placed.GetToken()), placed.GetMessage()
	}
	if at.line <= len(m.lines) && strings.ContainsAny(m.lines[at.line-1], "{[") {
		message += ` (text that begins with { or [ goes in quotes, and inside of { } and [ ] any that has one of them or a comma: "{account}/*.csv")`
	}
	m.add(at, "%s", message)
}

func (m *mistakes) node(n ast.Node, key *node) *node {
	to := &node{place: beginOf(n), kind: null, key: key}
	switch n := n.(type) {
	case *ast.MappingNode:
		m.object(to, n.Values)
	case *ast.MappingValueNode:
		m.object(to, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		to.kind = list
		for _, item := range n.Values {
			to.items = append(to.items, m.node(item, nil))
		}
	case ast.ScalarNode:
		m.scalar(to, n.GetToken())
	default:
		m.add(to.place, "%s is not for this file", strings.ToLower(n.Type().YAMLName()))
	}
	return to
}

// beginOf is where a node begins. The library places a mapping without {} at
// its first colon; it begins at its first key.
func beginOf(n ast.Node) place {
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

func (m *mistakes) object(to *node, values []*ast.MappingValueNode) {
	to.kind = object
	first := make(map[string]place, len(values))
	for _, v := range values {
		key := &node{place: placeOf(v.Key.GetToken())}
		m.scalar(key, v.Key.GetToken())
		value := m.node(v.Value, key)
		if earlier, again := first[key.text]; again {
			m.add(key.place, "repeated key %q (first in line %d)", key.text, earlier.line)
			continue
		}
		first[key.text] = key.place
		to.entries = append(to.entries, entry{key, value})
	}
}

// scalar takes a token's characters as written.
func (m *mistakes) scalar(to *node, t *token.Token) {
	to.text = t.Value
	switch t.Type {
	case token.NullType, token.ImplicitNullType:
		to.kind = null
	case token.SingleQuoteType, token.DoubleQuoteType:
		to.kind = quoted
	default:
		to.kind = plain
	}
	if strings.ContainsFunc(to.text, func(r rune) bool { return r != '\t' && !unicode.IsGraphic(r) || r == unicode.ReplacementChar }) {
		m.add(to.place, "%q has an invisible character", to.text)
	}
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}
