package yamltext

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// scan turns the text into tokens and refuses what YAML has beyond the
// language. It does so before the YAML parser runs, because the parser
// recurses as deep as the text nests and builds what an alias names.
func (r *reader) scan(text []byte) token.Tokens {
	if len(text) > r.MaxBytes {
		first, _, _ := strings.Cut(string(text), "\n")
		r.Lines = []string{strings.TrimSuffix(first, "\r")}
		r.Add(Place{1, 1}, "the file has %d bytes; it may have %d%s", len(text), r.MaxBytes, r.TooLong)
		return nil
	}
	before := len(r.Found)
	text = bytes.TrimPrefix(text, []byte("\uFEFF"))
	r.Lines = strings.Split(string(text), "\n")
	for i, line := range r.Lines {
		r.Lines[i] = strings.TrimRight(strings.TrimSuffix(line, "\r"), " ")
		r.characters(i+1, r.Lines[i])
	}
	if len(r.Found) > before {
		return nil
	}
	// The lexer gets lines with bare ends: it counts the "\r\n" of a comment as
	// two lines, and spaces at the end of a line into the last word's column.
	tokens := lexer.Tokenize(strings.Join(r.Lines, "\n"))
	r.tokens(tokens)
	return tokens
}

// characters refuses the first character of a line that cannot be seen: what
// a reviewer does not see must not price anything.
func (r *reader) characters(number int, line string) {
	column := 0
	for i, c := range line {
		column++
		at := Place{number, column}
		switch {
		case c == '\t' && r.Tabs:
			continue
		case c == '\t':
			r.Add(at, "a tab: write spaces")
		case c == utf8.RuneError && !strings.HasPrefix(line[i:], "\uFFFD"):
			r.Add(at, "the text is not UTF-8 here")
		case !unicode.IsGraphic(c) || c == unicode.ReplacementChar:
			r.Add(at, "an invisible character (%U)", c)
		default:
			continue
		}
		return
	}
}

// tokens refuses anchors, aliases, merges, tags, directives, further
// documents, block text, keys marked by "?" and deep nesting.
func (r *reader) tokens(tokens token.Tokens) {
	flow, dashes, dashLine, before := 0, 0, 0, len(r.Found)
	var keys keyCounts
	for i, t := range tokens {
		at := placeOf(t)
		if t.Type == token.InvalidType {
			if len(r.Found) == before { // else it follows from what was refused
				r.explained(at, t.Error)
			}
			return // what follows is not told apart reliably
		}
		if t.Type != token.CommentType && strings.Contains(strings.TrimSpace(t.Origin), "\n") {
			// A wrongly indented key would silently become part of a text, and a
			// quote that nothing closes ends at the next one.
			r.explained(at, "this text runs over several lines: it has no closing quote, or the next line is wrongly indented")
			return
		}
		if t.Type == token.StringType && strings.Contains(t.Value, ": ") {
			r.Add(at, "%q has a second colon: a comma is missing before its key, or the text goes in quotes", t.Value)
		}
		if why := r.refused(t, i); why != "" {
			r.Add(at, "%s", why)
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType: // "- - - -" nests within one line
			if at.Line != dashLine {
				dashes, dashLine = 0, at.Line
			}
			dashes++
		}
		if max(flow, dashes) > r.MaxNesting {
			r.Add(at, "nested more than %d deep", r.MaxNesting)
			return
		}
		if flow == 0 && keys.count(tokens, i) > r.MaxKeys {
			r.Add(at, "an object of more than %d keys", r.MaxKeys)
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
	column := placeOf(t).Column
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
func (r *reader) refused(t *token.Token, index int) string {
	not := func(what, instead string) string { return fmt.Sprintf("%s not part of %s; %s", what, r.Name, instead) }
	switch t.Type {
	case token.AnchorType:
		return not("anchors (&) are", "text that begins with & goes in quotes")
	case token.AliasType:
		return not("aliases (*) are", `text that begins with a star goes in quotes: "*"`)
	case token.MergeKeyType:
		return not("merges (<<) are", "write the keys out")
	case token.TagType:
		return not("tags (!) are", "text that begins with ! goes in quotes")
	case token.DirectiveType:
		return not("directives (%) are", "text that begins with % goes in quotes")
	case token.LiteralType, token.FoldedType:
		return not("block text (| and >) is", "write the text on one line, in quotes where it begins so")
	case token.MappingKeyType:
		return not(`keys marked by "?" are`, "write key: value")
	case token.DocumentEndType:
		return "the file is one document: nothing ends it but its end"
	case token.DocumentHeaderType:
		if index > 0 {
			return "the file is one document: a second one begins here"
		}
	}
	return ""
}
