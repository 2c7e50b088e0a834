package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"ratemill/rating/calendar"
)

// template is a path template: which files under the exports' root belong to
// an export, and what their names say.
//
//	sendgrid/{date}/*.ndjson
//	usage/{year}/{month}/{day}/{account}.csv.gz
//	focus/**/*.parquet
//
// A star stands for any text within one level of folders, ** for any levels.
// A placeholder is a date, a part of one, or a word of the template's author.
// A level that begins with a wildcard never fits a name that begins with "."
// or "_": those are other programs' marks.
type template struct {
	text    string
	pieces  []piece
	pattern *regexp.Regexp
	names   []string // of the pattern's groups
}

// piece is a stretch of a template.
type piece struct {
	kind pieceKind
	text string // literal text, or the placeholder's word
}

type pieceKind uint8

const (
	literalPiece pieceKind = iota
	starPiece              // *
	levelsPiece            // ** with the slash behind it, if one is
	placeholderPiece
)

// The placeholders that are a date or a part of one. All others are words.
const (
	datePart  = "date"
	yearPart  = "year"
	monthPart = "month"
	dayPart   = "day"
	hourPart  = "hour"
)

// partPatterns are what the placeholders of fixed form stand for.
var partPatterns = map[string]string{
	datePart:  `[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])`,
	yearPart:  `[0-9]{4}`,
	monthPart: `0[1-9]|1[0-2]`,
	dayPart:   `0[1-9]|[12][0-9]|3[01]`,
	hourPart:  `[01][0-9]|2[0-3]`,
}

var placeholderWord = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// checkTemplate says what is wrong with a path template.
func checkTemplate(text string) error {
	_, err := compileTemplate(text)
	return err
}

// templateParts are the placeholders that a rule can take a value from, in
// order, with "date" where year, month and day make one.
func templateParts(text string) []string {
	t, err := compileTemplate(text)
	if err != nil {
		return nil
	}
	parts := slices.Clone(t.names)
	if t.hasDate() && !slices.Contains(parts, datePart) {
		parts = append(parts, datePart)
	}
	return parts
}

// compileTemplate reads a template.
func compileTemplate(text string) (*template, error) {
	t := &template{text: text}
	if why := badTemplate(text); why != "" {
		return nil, fmt.Errorf("path %q %s", text, why)
	}
	for rest := text; rest != ""; {
		p, after, why := nextPiece(rest, text[:len(text)-len(rest)])
		if why == "" && p.kind == placeholderPiece && slices.Contains(t.names, p.text) {
			why = fmt.Sprintf("has {%s} twice", p.text)
		}
		if why != "" {
			return nil, fmt.Errorf("path %q %s", text, why)
		}
		if p.kind == placeholderPiece {
			t.names = append(t.names, p.text)
		}
		t.pieces, rest = append(t.pieces, p), after
	}
	for _, why := range []string{t.badDate(), t.ambiguous()} {
		if why != "" {
			return nil, fmt.Errorf("path %q %s", text, why)
		}
	}
	t.pattern = patternOf(t.regexp())
	return t, nil
}

// patterns are regular expressions by their text. A night asks for those of all
// sources several times, and to compile them was a twelfth of a small night.
// They come of the settings, so they are few.
var patterns sync.Map

func patternOf(text string) *regexp.Regexp {
	if p, known := patterns.Load(text); known {
		return p.(*regexp.Regexp)
	}
	p := regexp.MustCompile(text)
	patterns.Store(text, p)
	return p
}

// badTemplate is what is wrong with the text as a path, or empty.
func badTemplate(text string) string {
	levels := strings.Split(text, "/")
	switch {
	case text == "":
		return "is empty"
	case strings.Contains(text, "://"):
		return "is a URL (want a path under the exports' root, which --exports names)"
	case text[0] == '/':
		return "begins with a slash (want a path under the exports' root)"
	case text[len(text)-1] == '/':
		return "names a folder (want its files: add *)"
	case strings.Contains(text, `\`):
		return `has a \ (levels are parted by /)`
	case slices.Contains(levels, ""):
		return "has two slashes in a row"
	case slices.Contains(levels, ".."), slices.Contains(levels, "."):
		return `has a level "." or ".." (want a path under the exports' root)`
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }):
		return "has an invisible character"
	}
	return ""
}

// nextPiece takes the first piece off the rest of a template.
func nextPiece(rest, before string) (p piece, after, why string) {
	switch rest[0] {
	case '*':
		stars := len(rest) - len(strings.TrimLeft(rest, "*"))
		if stars == 1 {
			return piece{kind: starPiece}, rest[1:], ""
		}
		wholeLevel := (before == "" || strings.HasSuffix(before, "/")) && (rest == "**" || strings.HasPrefix(rest, "**/"))
		if !wholeLevel {
			return p, "", "has ** beside other text (want it as a level of its own: a/**/*.csv)"
		}
		return piece{kind: levelsPiece}, strings.TrimPrefix(rest[2:], "/"), ""
	case '{':
		word, after, closed := strings.Cut(rest[1:], "}")
		switch {
		case !closed:
			return p, "", "has a { that is never closed"
		case !placeholderWord.MatchString(word):
			return p, "", fmt.Sprintf("has {%s}, which is no placeholder (want a word of a-z, 0-9 and _)", word)
		}
		return piece{placeholderPiece, word}, after, ""
	case '}':
		return p, "", "has a } without a {"
	}
	end := strings.IndexAny(rest, "*{}")
	if end < 0 {
		end = len(rest)
	}
	return piece{literalPiece, rest[:end]}, rest[end:], ""
}

// badDate is what is wrong with the template's date, or empty: a part of one
// says nothing without what is above it.
func (t *template) badDate() string {
	has := func(name string) bool { return slices.Contains(t.names, name) }
	switch {
	case has(datePart) && (has(yearPart) || has(monthPart) || has(dayPart)):
		return "has {date} and parts of a date (want one or the other)"
	case has(monthPart) && !has(yearPart):
		return "has {month} without {year}"
	case has(dayPart) && !has(monthPart):
		return "has {day} without {month}"
	}
	return ""
}

// ambiguous is where two neighbours could share a text in several ways, or
// empty.
func (t *template) ambiguous() string {
	open := func(p piece) bool {
		return p.kind == starPiece || p.kind == placeholderPiece && partPatterns[p.text] == ""
	}
	for i := 1; i < len(t.pieces); i++ {
		if a, b := t.pieces[i-1], t.pieces[i]; open(a) && open(b) {
			return fmt.Sprintf("has %s right before %s: nothing tells where one ends", a, b)
		}
	}
	return ""
}

func (p piece) String() string {
	switch p.kind {
	case starPiece:
		return "*"
	case levelsPiece:
		return "**"
	case placeholderPiece:
		return "{" + p.text + "}"
	}
	return p.text
}

// regexp is the template as a regular expression with a group a placeholder.
func (t *template) regexp() string {
	var b strings.Builder
	b.WriteString(`\A`)
	for i, p := range t.pieces {
		begins := i == 0 || t.pieces[i-1].kind == levelsPiece || strings.HasSuffix(t.pieces[i-1].text, "/")
		last := i == len(t.pieces)-1
		switch {
		case p.kind == literalPiece:
			b.WriteString(regexp.QuoteMeta(p.text))
		case p.kind == levelsPiece && last:
			b.WriteString(`(?:[^/._][^/]*/)*[^/._][^/]*`)
		case p.kind == levelsPiece:
			b.WriteString(`(?:[^/._][^/]*/)*`)
		case p.kind == starPiece && begins:
			b.WriteString(`(?:[^/._][^/]*)?`)
		case p.kind == starPiece:
			b.WriteString(`[^/]*`)
		case partPatterns[p.text] != "":
			b.WriteString(`(` + partPatterns[p.text] + `)`)
		case begins:
			b.WriteString(`([^/._][^/]*)`)
		default:
			b.WriteString(`([^/]+)`)
		}
	}
	return b.String() + `\z`
}

// hasDate tells whether the template says of which day a file is.
func (t *template) hasDate() bool {
	return slices.Contains(t.names, datePart) || slices.Contains(t.names, dayPart)
}

// datesInOrder tells whether the prefixes of days are in the order of the days.
func (t *template) datesInOrder() bool {
	at := func(name string) int { return slices.Index(t.names, name) }
	return at(datePart) >= 0 || at(yearPart) < at(monthPart) && at(monthPart) < at(dayPart)
}

// prefixOn is what the keys of a day's files begin with: the template's text
// up to what the day does not tell.
func (t *template) prefixOn(day calendar.Day) string {
	date := day.String()
	known := map[string]string{}
	if day != calendar.None {
		known = map[string]string{datePart: date, yearPart: date[:4], monthPart: date[5:7], dayPart: date[8:]}
	}
	var b strings.Builder
	for _, p := range t.pieces {
		value := p.text
		if p.kind == placeholderPiece {
			value = known[p.text]
		}
		if value == "" {
			break
		}
		b.WriteString(value)
	}
	return b.String()
}

// match tells whether a key fits, what its placeholders stand for, and of
// which day the file is, if the template says so.
func (t *template) match(key string) (parts map[string]string, day calendar.Day, ok bool) {
	found := t.pattern.FindStringSubmatch(key)
	if found == nil {
		return nil, calendar.None, false
	}
	parts = make(map[string]string, len(t.names)+1)
	for i, name := range t.names {
		parts[name] = found[i+1]
	}
	if !t.hasDate() {
		return parts, calendar.None, true
	}
	if _, whole := parts[datePart]; !whole {
		parts[datePart] = parts[yearPart] + "-" + parts[monthPart] + "-" + parts[dayPart]
	}
	day, err := calendar.Parse(parts[datePart])
	if err != nil { // 30 February
		return nil, calendar.None, false
	}
	return parts, day, true
}
