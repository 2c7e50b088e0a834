package readers

import (
	"fmt"
	"math"
	"regexp"
	"strings"
)

// textWork is what is done to the text of a cell before it is a number.
type textWork struct {
	extract *regexp.Regexp
	letters string // Rule.Case
	lookup  map[string]string
	values  map[string]string // Rule.Map
	strict  bool
	number  bool
	always  bool // a text is needed though nothing is done to it: it may be looked up one day
}

func newTextWork(r *Rule, table map[string]string) (w *textWork, what string) {
	w = &textWork{letters: r.Case, lookup: table, values: r.Map, strict: r.Strict, number: r.Number}
	w.always = r.Lookup != ""
	if r.Extract != "" {
		var err error
		if w.extract, err = regexp.Compile(r.Extract); err != nil {
			return nil, fmt.Sprintf("extract: %v", err)
		}
	}
	return w, ""
}

// needed tells whether there is anything to do.
func (w *textWork) needed() bool {
	return w.always || w.extract != nil || w.letters != "" || w.values != nil || w.number
}

// of is what a text becomes up to Strict; empty where nothing is left of it.
// replaced tells whether it is Map's or Lookup's and no longer the export's.
func (w *textWork) of(text string) (made string, replaced bool, why Reason) {
	if w.extract != nil {
		if text = extracted(w.extract, text); text == "" {
			return "", false, fine
		}
	}
	text = inCase(w.letters, text)
	looked, known := w.lookup[text]
	if known {
		text = looked
	}
	if value, is := w.values[text]; is {
		text, known = value, true
	}
	if w.strict && !known {
		return "", false, NotInMap
	}
	return text, known, fine
}

func extracted(pattern *regexp.Regexp, text string) string {
	found := pattern.FindStringSubmatchIndex(text)
	if found == nil {
		return ""
	}
	if len(found) > 2 {
		found = found[2:]
	}
	if found[0] < 0 { // a group that is not part of what matched
		return ""
	}
	return text[found[0]:found[1]]
}

func inCase(letters, text string) string {
	switch letters {
	case "lower":
		return strings.ToLower(text)
	case "upper":
		return strings.ToUpper(text)
	}
	return text
}

// cell is one value by itself. Which part of it counts depends on the Kind of
// its field.
type cell struct {
	state  state
	text   string
	number int64
	id     [16]byte
	bad    BadCell
}

type state uint8

const (
	cellAbsent state = iota
	cellThere
	cellBad
)

// read makes a cell of a text as the export has it, whose numbers are written
// with marks. Those of the mapping and its tables have none.
func (r *recipe) read(text string, parser *cellParser, marks numberMarks) cell {
	made, replaced, why := r.work.of(text)
	if replaced {
		marks = numberMarks{}
	}
	switch {
	case why != fine:
		return cell{state: cellBad, bad: badCell([]byte(text), why)}
	case made == "":
		return r.fallback
	}
	return r.finish(made, text, parser, marks)
}

// finish makes a cell of a text that is worked on, which was written otherwise
// in the export.
func (r *recipe) finish(text, written string, parser *cellParser, marks numberMarks) cell {
	c, why := cell{state: cellThere, text: text}, fine
	switch r.field.Kind {
	case Text:
		if r.work.number {
			c.text, why = shortest(text, marks, r.absolute)
		}
	case EventID:
		c.id = Key([]byte(text))
	case Integer:
		if c.number, why = parser.integer(&r.field, marks, []byte(text)); why == fine && r.absolute {
			c.number, why = withoutMinus(c.number)
		}
	default:
		c.number, why = parser.number(&r.field, []byte(text))
	}
	if why != fine {
		return cell{state: cellBad, bad: badCell([]byte(written), why)}
	}
	return c
}

// withoutMinus is a number without its minus.
func withoutMinus(v int64) (int64, Reason) {
	switch {
	case v == math.MinInt64:
		return 0, Overflow
	case v < 0:
		return -v, fine
	}
	return v, fine
}
