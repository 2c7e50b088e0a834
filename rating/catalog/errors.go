package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Error is one thing that is wrong in a catalog, with its place.
type Error struct {
	File    string
	Line    int // from 1
	Column  int // from 1, in characters
	Message string
	Source  string // the line as it stands in the file
}

// Error is the place and the message, then the line, then a caret below the
// place:
//
//	marketing.yaml:41:7: unknown key "pirce" in add-on "seat" (did you mean "price"?)
//	      pirce: 47
//	      ^
func (e *Error) Error() string {
	head := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	source, caret := e.excerpt()
	if source == "" {
		return head
	}
	return head + "\n" + source + "\n" + strings.Repeat(" ", caret) + "^"
}

// shownBefore and shownAfter are how many characters around the place are
// shown of a long line.
const shownBefore, shownAfter = 80, 60

// excerpt is the source line, and how many characters stand before the caret.
// Characters that a terminal would act on are shown as "?".
func (e *Error) excerpt() (source string, caret int) {
	runes := []rune(strings.TrimRight(e.Source, " \t"))
	for i, r := range runes {
		if !unicode.IsGraphic(r) {
			runes[i] = '?'
		}
	}
	caret = min(max(e.Column-1, 0), len(runes))
	if caret+shownAfter < len(runes) {
		runes = append(runes[:caret+shownAfter:caret+shownAfter], '…')
	}
	if cut := caret - shownBefore; cut > 0 {
		runes = append([]rune{'…'}, runes[cut:]...)
		caret = shownBefore + 1
	}
	return string(runes), caret
}

// Errors are all that was found wrong in a catalog, by line and column.
type Errors []*Error

// shownErrors is how many errors are printed; more help nobody.
const shownErrors = 50

// Error is the errors one below the other, and how many are not shown.
func (e Errors) Error() string {
	var text []string
	for _, one := range e[:min(len(e), shownErrors)] {
		text = append(text, one.Error())
	}
	if more := len(e) - shownErrors; more > 0 {
		text = append(text, fmt.Sprintf("and %d more errors in %s", more, e[0].File))
	}
	return strings.Join(text, "\n")
}

// Unwrap gives the single errors to errors.Is and errors.As.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// place is where something stands in the text, from 1.
type place struct{ line, column int }

// problems collects what is wrong in one text, so that a reader of the catalog
// sees all of it at once.
type problems struct {
	file  string
	lines []string
	found Errors

	in, home   string   // codes of the currency that prices are read in, and of the catalog's own
	currencies []string // that amounts are given in
	categories []*node  // of taxes, that the version being read names
}

func (p *problems) add(at place, format string, args ...any) {
	e := &Error{File: p.file, Line: at.line, Column: at.column, Message: strings.ReplaceAll(fmt.Sprintf(format, args...), mark, "")}
	if at.line >= 1 && at.line <= len(p.lines) {
		e.Source = p.lines[at.line-1]
	}
	p.found = append(p.found, e)
}

// err is all that was found in order of place, or nil. What several cohorts or
// uses find wrong with the same words at the same place is told once.
func (p *problems) err() error {
	if len(p.found) == 0 {
		return nil
	}
	slices.SortStableFunc(p.found, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	p.found = slices.CompactFunc(p.found, func(a, b *Error) bool { return *a == *b })
	return p.found
}

// DidYouMean is a hint at the candidate that the word was probably meant to
// be, or the empty string.
func DidYouMean(word string, candidates []string) string {
	if near := nearest(word, candidates); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// nearest is the candidate with the fewest edits from the word, the first of
// equals, or empty where none is near: a third of the word may differ.
func nearest(word string, candidates []string) string {
	best, fewest := "", max(1, min(len(word), 30)/3)+1
	for _, c := range candidates {
		if n := edits(word, c, fewest); n < fewest {
			best, fewest = c, n
		}
	}
	return best
}

// edits is how many insertions, deletions, replacements and swaps of
// neighbours make b of a; or limit, where it is not fewer.
func edits(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
