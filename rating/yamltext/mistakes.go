package yamltext

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Error is one thing that is wrong in a file, with its place.
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

// Errors are all that was found wrong in a file, by line and column.
type Errors []*Error

// Shown is how many errors are printed; more help nobody.
const Shown = 50

// Error is the errors one below the other, and how many are not shown.
func (e Errors) Error() string {
	var text []string
	for _, one := range e[:min(len(e), Shown)] {
		text = append(text, one.Error())
	}
	if more := len(e) - Shown; more > 0 {
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

// Mistakes collects what is wrong in one file, so that its author sees all of
// it at once.
type Mistakes struct {
	File  string
	Lines []string
	Found Errors
}

// Add takes down what is wrong at a place.
func (m *Mistakes) Add(at Place, format string, args ...any) {
	e := &Error{File: m.File, Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...)}
	if at.Line >= 1 && at.Line <= len(m.Lines) {
		e.Source = m.Lines[at.Line-1]
	}
	m.Found = append(m.Found, e)
}

// Err is all that was found in order of place, or nil. Of what is wrong at one
// place the first is told: the rest mostly follows from it.
func (m *Mistakes) Err() error {
	if len(m.Found) == 0 {
		return nil
	}
	slices.SortStableFunc(m.Found, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	m.Found = slices.CompactFunc(m.Found, func(a, b *Error) bool { return a.Line == b.Line && a.Column == b.Column })
	return m.Found
}
