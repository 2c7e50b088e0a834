package yamltext

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// layoutOf finds the first line of a text that is no YAML where its layout is
// wrong: indentation, dashes, colons, quotes and brackets. It is asked once the
// YAML library has refused the text, whose messages name the token at which it
// gave up, lines below the mistake at times. It is empty where nothing is found.
func layoutOf(lines []string) (at Place, why string) {
	l := &layout{}
	for i, line := range lines {
		l.number, l.line = i+1, []rune(line)
		text := strings.TrimLeft(line, " \t")
		if text == "" || text[0] == '#' || len(l.levels) == 0 && (line == "---" || text[0] == '%') {
			continue
		}
		if l.read(len([]rune(line)) - len([]rune(text))); l.why != "" {
			return l.at, l.why
		}
	}
	if n := len(l.brackets); n > 0 {
		return l.brackets[n-1].Place, fmt.Sprintf("nothing closes this %c", l.brackets[n-1].rune)
	}
	return Place{}, ""
}

// layout is what is open at a line.
type layout struct {
	number   int
	line     []rune
	levels   []level
	brackets []bracket
	open     bool // the line before ends with a key or a dash, which a deeper line belongs to
	colon    bool // within brackets: the key of the entry has been read

	at  Place
	why string
}

// level is an object or a list that is open, by the column in which its keys or
// dashes stand.
type level struct {
	Place
	dashes bool
}

type bracket struct {
	Place
	rune rune
}

func (l *layout) wrong(column int, format string, args ...any) {
	if l.why == "" {
		l.at, l.why = Place{l.number, column + 1}, fmt.Sprintf(format, args...)
	}
}

// read goes through a line from the first character that is no blank.
func (l *layout) read(from int) {
	if len(l.brackets) > 0 {
		closes := strings.ContainsRune("]}", l.line[from])
		if first := l.brackets[0]; len(l.levels) > 0 && from < l.levels[len(l.levels)-1].Column && !closes {
			l.number = first.Line
			l.wrong(first.Column-1, "nothing closes this %c", first.rune)
			return
		}
		l.flow(from)
		return
	}
	began := false
	for l.why == "" && from < len(l.line) && l.line[from] == '-' && (from+1 == len(l.line) || l.line[from+1] == ' ') {
		l.enter(from, true, began)
		l.open, began = true, true
		for from++; from < len(l.line) && l.line[from] == ' '; from++ {
		}
	}
	if l.why == "" && from < len(l.line) && l.line[from] != '#' {
		l.keyed(from, began)
	}
}

// enter goes to the level of a key or dash in a column, or finds that it fits
// none.
func (l *layout) enter(from int, dash, began bool) {
	column, before := from+1, slices.Clone(l.levels)
	for len(l.levels) > 0 && l.levels[len(l.levels)-1].Column > column {
		l.levels = l.levels[:len(l.levels)-1]
	}
	deeper := len(l.levels) == len(before) && (l.open || began || len(before) == 0)
	if n := len(l.levels); n > 0 && l.levels[n-1].Column == column {
		if l.levels[n-1].dashes == dash {
			return
		}
		beside := n > 1 && l.levels[n-2].Column == column && l.levels[n-1].dashes // "- a" below "key:" in one column
		switch {
		case dash && l.open && len(before) == n:
			l.levels = append(l.levels, level{Place{l.number, column}, true})
		case !dash && beside:
			l.levels = l.levels[:n-1]
		case dash:
			l.wrong(from, "a dash among keys: those beside it, from line %d on, have none", l.levels[n-1].Line)
		default:
			l.wrong(from, "a key among the items of a list, which begin with a dash (line %d): it lacks one, or is indented too little", l.levels[n-1].Line)
		}
		return
	}
	if !deeper {
		l.wrong(from, "this line begins in column %d, and what it could belong to begins in %s", column, columnsOf(before))
		return
	}
	l.levels = append(l.levels, level{Place{l.number, column}, dash})
}

// columnsOf names the two innermost levels.
func columnsOf(levels []level) string {
	last := levels[len(levels)-1]
	text := fmt.Sprintf("column %d (line %d)", last.Column, last.Line)
	for _, outer := range slices.Backward(levels) {
		if outer.Column != last.Column {
			return fmt.Sprintf("%s or column %d (line %d)", text, outer.Column, outer.Line)
		}
	}
	return text
}

// Keys whose colon has no space behind it, and keys without a colon.
var (
	unspaced  = regexp.MustCompile(`^[A-Za-z_]+:[^ ]`)
	uncoloned = regexp.MustCompile(`^[A-Za-z_]+ ?[{\[]`)
)

// keyed reads "key: value", or the scalar or brackets of an item.
func (l *layout) keyed(from int, began bool) {
	open := l.open
	if c := l.line[from]; c == '{' || c == '[' {
		if n := len(l.levels); open && !began && n > 0 && from < l.levels[n-1].Column {
			l.wrong(from, "this is indented no further than its key in line %d", l.levels[n-1].Line)
		}
		if !open && !began && len(l.levels) > 0 {
			l.wrong(from, "this line has no key, and the one above has its value")
		}
		l.open = false
		l.flow(from)
		return
	}
	if l.mistyped(from); l.why != "" {
		return
	}
	end := l.text(from)
	if l.why != "" {
		return
	}
	colon := end < len(l.line) && l.line[end] == ':'
	switch {
	case colon:
		l.enter(from, false, began)
		l.open = false
		if l.why == "" {
			l.value(end + 1)
		}
	case !open && !began:
		l.wrong(from, "this line has no key: it wants key: value; a text stands on one line")
	default:
		l.open = false
		l.ends(end)
	}
}

// mistyped finds a key that lacks its colon, or the space behind it.
func (l *layout) mistyped(from int) {
	switch rest := string(l.line[from:]); {
	case unspaced.MatchString(rest):
		l.wrong(from, "a space is missing after the colon: it wants key: value")
	case uncoloned.MatchString(rest):
		l.wrong(from, "a colon is missing after the key: it wants key: value")
	}
}

// value reads what follows a key's colon.
func (l *layout) value(from int) {
	for ; from < len(l.line) && l.line[from] == ' '; from++ {
	}
	switch {
	case from >= len(l.line) || l.line[from] == '#':
		l.open = true
	case l.line[from] == '{' || l.line[from] == '[':
		l.flow(from)
	default:
		if end := l.text(from); l.why == "" {
			l.ends(end)
		}
	}
}

// ends wants nothing but a comment behind a text.
func (l *layout) ends(from int) {
	rest := strings.TrimLeft(string(l.line[from:]), " ")
	switch {
	case rest == "" || rest[0] == '#':
	case rest[0] == ':':
		l.wrong(from, "a second colon: a text with a colon in it goes in quotes")
	case rest[0] == '}' || rest[0] == ']':
		l.wrong(len(l.line)-len([]rune(rest)), "nothing opens this %c", rest[0])
	default:
		l.wrong(len(l.line)-len([]rune(rest)), "text behind the end of a value: all of it goes in quotes, or away")
	}
}

// text is where a scalar ends that begins at a character: behind its closing
// quote, at the colon of a key, or at a comment; within brackets also where the
// next value begins.
func (l *layout) text(from int) int {
	quote := l.line[from]
	if quote != '"' && quote != '\'' {
		for i := from; i < len(l.line); i++ {
			c, last := l.line[i], i+1 == len(l.line)
			if c == ':' && (last || l.line[i+1] == ' ') || c == '#' && i > 0 && l.line[i-1] == ' ' ||
				len(l.brackets) > 0 && strings.ContainsRune(",[]{}", c) {
				return i
			}
		}
		return len(l.line)
	}
	for i := from + 1; i < len(l.line); i++ {
		switch {
		case quote == '"' && l.line[i] == '\\':
			i++
		case l.line[i] == quote && quote == '\'' && i+1 < len(l.line) && l.line[i+1] == quote:
			i++
		case l.line[i] == quote:
			return i + 1
		}
	}
	l.wrong(from, "this text has no closing quote in its line")
	return len(l.line)
}

// flow reads brackets to their end, or to the end of the line.
func (l *layout) flow(from int) {
	for i := from; i < len(l.line) && l.why == ""; {
		c := l.line[i]
		switch {
		case c == '#' && (i == 0 || l.line[i-1] == ' '):
			return
		case c == '{' || c == '[':
			l.brackets = append(l.brackets, bracket{Place{l.number, i + 1}, c})
			l.colon = false
		case c == '}' || c == ']':
			l.close(i)
			if len(l.brackets) == 0 {
				if rest := strings.TrimLeft(string(l.line[i+1:]), " "); rest != "" && !strings.ContainsRune("#]}", rune(rest[0])) {
					l.wrong(i+1, "text behind the closing %c: a text that begins with { or [ goes in quotes", c)
				}
				l.ends(i + 1)
				return
			}
		case c == ',':
			if before := strings.TrimRight(string(l.line[:i]), " "); before != "" && strings.ContainsRune(",{[", rune(before[len(before)-1])) {
				l.wrong(i, "a comma with no value before it")
			}
			l.colon = false
		case c == ':' && l.colon:
			l.wrong(i, "a second colon: a comma is missing before its key, or the text goes in quotes")
		case c == ':':
			l.colon = true
		case c != ' ':
			i = l.text(i)
			if rest := strings.TrimLeft(string(l.line[i:]), " "); (c == '"' || c == '\'') && l.why == "" && rest != "" && !strings.ContainsRune(",:]}#", rune(rest[0])) {
				l.wrong(i, "a comma is missing behind this text")
			}
			if i < len(l.line) && (l.line[i] == '{' || l.line[i] == '[') {
				l.wrong(i, "inside of { } and [ ] a text with %c in it goes in quotes", l.line[i])
			}
			continue
		}
		i++
	}
}

func (l *layout) close(i int) {
	last := l.brackets[len(l.brackets)-1]
	if want := map[rune]rune{'{': '}', '[': ']'}[last.rune]; l.line[i] != want {
		l.wrong(i, "%c where %c is wanted: it closes the %c in line %d, column %d", l.line[i], want, last.rune, last.Line, last.Column)
		return
	}
	l.brackets = l.brackets[:len(l.brackets)-1]
	l.colon = len(l.brackets) > 0 && l.brackets[len(l.brackets)-1].rune == '{' // "{a: {…}" has its colon
}
