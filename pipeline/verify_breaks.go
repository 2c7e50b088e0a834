package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// BreakKind says what is wrong with what is published.
type BreakKind string

const (
	// Damage is a file that is missing, is not the one that was published, or
	// that nobody published.
	Damage BreakKind = "file"
	// Figures are whole files whose figures do not add up.
	Figures BreakKind = "figures"
)

// Break is one thing that does not hold, with its place as far as it is known.
type Break struct {
	Kind    BreakKind
	Entry   int64  // 0: of no entry
	File    string // key; empty: of several files
	Row     int64  // from 1, a CSV header not counted; 0: of no single row
	Account string
	Invoice string // invoice, credit note or debit note
	What    string
}

// String is the break in one line.
func (b Break) String() string {
	place := []string{string(b.Kind)}
	if b.Entry > 0 {
		place = append(place, fmt.Sprintf("entry %d", b.Entry))
	}
	if b.File != "" {
		place = append(place, oneLine(b.File))
	}
	if b.Row > 0 {
		place = append(place, fmt.Sprintf("row %d", b.Row))
	}
	if b.Account != "" {
		place = append(place, "account "+oneLine(b.Account))
	}
	if b.Invoice != "" {
		place = append(place, "invoice "+oneLine(b.Invoice))
	}
	return strings.Join(place, ", ") + ": " + oneLine(b.What)
}

// oneLine quotes what would break a line: keys and ids come from files that may
// be forged.
func oneLine(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Sprintf("%q", text)
	}
	return text
}

func compareBreaks(a, b Break) int {
	return cmp.Or(cmp.Compare(a.Entry, b.Entry), cmp.Compare(a.File, b.File), cmp.Compare(a.Row, b.Row),
		cmp.Compare(a.Account, b.Account), cmp.Compare(a.Invoice, b.Invoice), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.What, b.What))
}

// mostBreaks is how many breaks are kept of one entry. What is broken
// throughout needs no list of all of it, and memory is bounded.
const mostBreaks = 500

// breaks collects what one entry breaks, or what several do together.
type breaks struct {
	entry   int64
	list    []Break
	further map[BreakKind]int
}

func (x *breaks) add(b Break) {
	if b.Entry == 0 {
		b.Entry = x.entry
	}
	if len(x.list) < mostBreaks {
		x.list = append(x.list, b)
		return
	}
	if x.further == nil {
		x.further = map[BreakKind]int{}
	}
	x.further[b.Kind]++
}

func (x *breaks) damage(file, format string, args ...any) {
	x.add(Break{Kind: Damage, File: file, What: fmt.Sprintf(format, args...)})
}

func (x *breaks) figures(file, format string, args ...any) {
	x.add(Break{Kind: Figures, File: file, What: fmt.Sprintf(format, args...)})
}

// all are the breaks in their order, and a line for those that were not kept.
func (x *breaks) all() []Break {
	slices.SortFunc(x.list, compareBreaks)
	all := x.list
	for _, kind := range []BreakKind{Damage, Figures} {
		if n := x.further[kind]; n > 0 {
			all = append(all, Break{Kind: kind, Entry: x.entry, What: fmt.Sprintf("%d further breaks", n)})
		}
	}
	return all
}

// UnprovenError says that what is published could not be proven.
type UnprovenError struct {
	Figures, Damage int // breaks of each kind
}

func (e *UnprovenError) Error() string {
	return fmt.Sprintf("not proven: %s of figures, %s of files", breakCount(e.Figures), breakCount(e.Damage))
}

func breakCount(n int) string {
	if n == 1 {
		return "1 break"
	}
	return fmt.Sprintf("%d breaks", n)
}
