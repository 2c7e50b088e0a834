package pipeline

import (
	"encoding/json"
	"fmt"
	"strings"

	"ratemill/readers"
)

// The payload of a row of the held table: its columns as JSON, sorted by name,
// as encoding/json writes a map of strings. Rows that wait are written and read
// every night, and nearly none has a character that must be escaped.

// columns are the event's by name, but for its account and id, which the table
// has columns for.
func (e *event) columns(s *source) map[string]string {
	columns := map[string]string{}
	for i := range s.schema.Fields {
		if e.inPayload(s, i) {
			columns[s.schema.Fields[i].Name] = e.cells[i]
		}
	}
	return columns
}

func (e *event) inPayload(s *source, field int) bool {
	return e.cells[field] != "" && field != s.account && s.schema.Fields[field].Kind != readers.EventID
}

// payload is the event's columns as JSON, for the held table.
func (e *event) payload(s *source) string {
	var room [16]int
	sorted := room[:0]
	for i := range s.schema.Fields {
		if !e.inPayload(s, i) {
			continue
		}
		if !isPlainJSON(e.cells[i]) || !isPlainJSON(s.schema.Fields[i].Name) {
			return jsonOf(e.columns(s))
		}
		at := len(sorted)
		sorted = append(sorted, i)
		for ; at > 0 && s.schema.Fields[sorted[at-1]].Name > s.schema.Fields[i].Name; at-- {
			sorted[at] = sorted[at-1]
		}
		sorted[at] = i
	}
	var roomForText [256]byte
	b := append(roomForText[:0], '{')
	for k, i := range sorted {
		if k > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), s.schema.Fields[i].Name...), '"', ':', '"')
		b = append(append(b, e.cells[i]...), '"')
	}
	return string(append(b, '}'))
}

// isPlainJSON tells whether a text stands in JSON as it is.
func isPlainJSON(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

func jsonOf(columns map[string]string) string {
	text, err := json.Marshal(columns)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(text)
}

// cellsOf reads a payload back into the cells of a source's fields.
func cellsOf(s *source, payload string) ([]string, error) {
	cells := make([]string, len(s.schema.Fields))
	if plainCells(s, payload, cells) {
		return cells, nil
	}
	var columns map[string]string
	if err := json.Unmarshal([]byte(payload), &columns); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	for i, f := range s.schema.Fields {
		cells[i] = columns[f.Name]
	}
	return cells, nil
}

// plainCells reads a payload in which nothing is escaped, as payload writes it.
// It is false where that is not so.
func plainCells(s *source, payload string, cells []string) bool {
	rest, is := strings.CutPrefix(payload, `{"`)
	if !is || strings.Contains(payload, `\`) {
		return false
	}
	for {
		name, behind, found := strings.Cut(rest, `":"`)
		value, next, ended := strings.Cut(behind, `"`)
		if !found || !ended || strings.Contains(name, `"`) {
			return false
		}
		if i := s.schema.Field(name); i >= 0 {
			cells[i] = value
		}
		if next == "}" {
			return true
		}
		if rest, is = strings.CutPrefix(next, `,"`); !is {
			return false
		}
	}
}
