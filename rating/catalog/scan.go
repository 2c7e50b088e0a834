package catalog

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// The limits of a catalog file. Real ones are a few kilobytes, price tables
// some megabytes; past these a file is a mistake or an attack.
const (
	maxBytes   = 8 << 20
	maxNesting = 64
	maxKeys    = 10_000 // of one object outside {}: the YAML parser's time is their square
)

// scan turns the text into tokens and refuses what YAML has beyond this
// language. It does so before the YAML parser runs, because the parser
// recurses as deep as the text nests and builds what an alias names.
func (p *problems) scan(text []byte) token.Tokens {
	if len(text) > maxBytes {
		p.add(place{1, 1}, "the file has %d bytes; a catalog may have %d", len(text), maxBytes)
		return nil
	}
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	p.lines = strings.Split(string(text), "\n")
	for i, line := range p.lines {
		p.lines[i] = strings.TrimRight(strings.TrimSuffix(line, "\r"), " ")
		p.characters(i+1, p.lines[i])
	}
	if p.found != nil {
		return nil
	}
	// The lexer gets lines with bare ends: it counts the "\r\n" of a comment as
	// two lines, and spaces at the end of a line into the last word's column.
	tokens := lexer.Tokenize(strings.Join(p.lines, "\n"))
	p.tokens(tokens)
	if p.found != nil {
		return nil
	}
	return tokens
}

// characters refuses the first character of a line that cannot be seen: what
// a reviewer does not see must not price anything.
func (p *problems) characters(number int, line string) {
	column := 0
	for i, r := range line {
		column++
		at := place{number, column}
		switch {
		case r == '\t':
			p.add(at, "a tab: write spaces")
		case r == utf8.RuneError && !strings.HasPrefix(line[i:], "\uFFFD"):
			p.add(at, "the text is not UTF-8 here")
		case !unicode.IsGraphic(r):
			p.add(at, "an invisible character (%U)", r)
		default:
			continue
		}
		return
	}
}

// tokens refuses anchors, aliases, merges, tags, directives, further
// documents, block text, keys marked by "?" and deep nesting.
func (p *problems) tokens(tokens token.Tokens) {
	flow, dashes, dashLine := 0, 0, 0
	var keys keyCounts
	for i, t := range tokens {
		at := placeOf(t)
		if t.Type == token.InvalidType {
			p.add(at, "%s", t.Error)
			return // what follows is not told apart reliably
		}
		if t.Type != token.CommentType && strings.Contains(strings.TrimSpace(t.Origin), "\n") {
			// A wrongly indented key would silently become part of a text, and a
			// quote that nothing closes ends at the next one.
			p.add(at, "this text runs over several lines: it has no closing quote, or the next line is wrongly indented")
			return
		}
		if why := refused(t, i); why != "" {
			p.add(at, "%s", why)
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
		if max(flow, dashes) > maxNesting {
			p.add(at, "nested more than %d deep", maxNesting)
			return
		}
		if flow == 0 && keys.count(tokens, i) > maxKeys {
			p.add(at, "an object of more than %d keys", maxKeys)
			return
		}
	}
}

// keyCounts are how many keys the objects have that are open, outermost first.
// Outside {} an object's keys stand in one column.
type keyCounts []struct{ column, keys int }

// count takes token i into account; it is the number of keys so far where that
// token is the colon of a key, else zero.
func (k *keyCounts) count(tokens token.Tokens, i int) int {
	t := tokens[i]
	colon := t.Type == token.MappingValueType && i > 0
	if colon {
		t = tokens[i-1]
	}
	column := placeOf(t).column
	for len(*k) > 0 && (*k)[len(*k)-1].column > column {
		*k = (*k)[:len(*k)-1]
	}
	if !colon {
		return 0
	}
	if len(*k) == 0 || (*k)[len(*k)-1].column < column {
		*k = append(*k, struct{ column, keys int }{column: column})
	}
	last := &(*k)[len(*k)-1]
	last.keys++
	return last.keys
}

// refused is why a token is not part of the language, or empty.
func refused(t *token.Token, index int) string {
	switch t.Type {
	case token.AnchorType:
		return "anchors (&) are not part of the catalog language"
	case token.AliasType:
		return `aliases (*) are not part of the catalog language; put a star in quotes: "*"`
	case token.MergeKeyType:
		return "merges (<<) are not part of the catalog language"
	case token.TagType:
		return "tags (!) are not part of the catalog language"
	case token.DirectiveType:
		return "directives (%) are not part of the catalog language"
	case token.LiteralType, token.FoldedType:
		return "block text (| and >) is not part of the catalog language; write the text on one line"
	case token.MappingKeyType:
		return `keys marked by "?" are not part of the catalog language`
	case token.DocumentEndType:
		return "a catalog is one document: nothing ends it but the end of the file"
	case token.DocumentHeaderType:
		if index > 0 {
			return "a catalog is one document: a second one begins here"
		}
	}
	return ""
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}
