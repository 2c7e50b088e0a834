package readers

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Path is where a value stands in a row: the name of a column, or steps into
// nested columns and JSON objects. As text the steps are joined by points, a
// step with points, brackets or quotes in it stands in double quotes (with \
// before a quote), [0] is an element of a list, and * is any member or element
// (in Layout.Records alone).
//
//	MessageId
//	mail.destination[0]
//	"get /Messages.json".messages
//
// A file that has a column, or a JSON object that has a key, of the path's
// whole text is meant before the steps: lineItem/UsageAmount, user.name.
type Path struct {
	Text  string
	Steps []Step
}

// Step is one step of a Path.
type Step struct {
	Name  string // of a column or key; empty for an Index and for Any
	Index int    // of a list, from 0; where Name is empty
	Any   bool   // any member of an object or element of a list
}

// Simple tells whether the path is one name.
func (p Path) Simple() bool { return len(p.Steps) == 1 && p.Steps[0].Name != "" }

func (p Path) String() string { return p.Text }

// MarshalJSON writes the text.
func (p Path) MarshalJSON() ([]byte, error) { return json.Marshal(p.Text) }

// IsZero tells whether there is no path.
func (p Path) IsZero() bool { return p.Text == "" }

// ColumnPath is the path of a top-level column, whatever its name.
func ColumnPath(name string) Path { return Path{Text: name, Steps: []Step{{Name: name}}} }

// ParsePath reads a path from its text. Its errors say how the name of a column
// that is no path is written in YAML.
func ParsePath(text string) (Path, error) {
	p, err := parseSteps(text)
	if err != nil && text != "" && !strings.Contains(text, `"`) {
		err = fmt.Errorf("%w; a column of this name is written '\"%s\"'", err, strings.NewReplacer(`\`, `\\`, "'", "''").Replace(text))
	}
	return p, err
}

func parseSteps(text string) (Path, error) {
	p := Path{Text: text}
	rest := text
	for first := true; first || rest != ""; first = false {
		if !first && rest[0] == '.' {
			rest = rest[1:]
		} else if !first && rest[0] != '[' {
			return p, fmt.Errorf("path %q: want a point before %q", text, rest)
		}
		step, after, err := parseStep(rest)
		if err != nil {
			return p, fmt.Errorf("path %q: %w", text, err)
		}
		p.Steps, rest = append(p.Steps, step), after
	}
	return p, nil
}

func parseStep(text string) (step Step, rest string, err error) {
	switch {
	case text == "":
		return step, "", fmt.Errorf("a name is missing at its end")
	case text[0] == '[':
		inside, rest, closed := strings.Cut(text[1:], "]")
		if inside == "*" {
			return Step{Any: true}, rest, nil
		}
		n, err := strconv.ParseUint(inside, 10, 31)
		if !closed || err != nil {
			return step, "", fmt.Errorf("%q is not the place of an element ([0])", text)
		}
		return Step{Index: int(n)}, rest, nil
	case text[0] == '"':
		return quotedStep(text)
	}
	end := strings.IndexAny(text, `.["`)
	if end < 0 {
		end = len(text)
	}
	switch name := text[:end]; name {
	case "":
		return step, "", fmt.Errorf("a name is missing before %q", text)
	case "*":
		return Step{Any: true}, text[end:], nil
	default:
		return Step{Name: name}, text[end:], nil
	}
}

func quotedStep(text string) (step Step, rest string, err error) {
	var name strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			name.WriteByte(text[i])
		case text[i] == '"' && name.Len() == 0:
			return step, "", fmt.Errorf("an empty name")
		case text[i] == '"':
			return Step{Name: name.String()}, text[i+1:], nil
		default:
			name.WriteByte(text[i])
		}
	}
	return step, "", fmt.Errorf("a quote is never closed")
}
