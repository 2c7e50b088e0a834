package readers

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// sampleRecords is how many records of JSON are asked for their columns.
const sampleRecords = 100

// jsonColumns are the paths that the first records have.
func (e *Export) jsonColumns(ctx context.Context) ([]string, error) {
	text, err := openText(ctx, e.src, errLongLine)
	if err != nil {
		return nil, err
	}
	defer text.close()
	next, sample := e.recordsOf(text), jsonSample{known: map[string]bool{}}
	for row := int64(1); row <= sampleRecords; row++ {
		record, ok, err := next()
		if err == nil && ok {
			err = sample.add(record)
		}
		if err != nil {
			return nil, e.fail(row-1, fmt.Sprintf("row %d", row), err)
		}
		if !ok {
			break
		}
	}
	return sample.paths, nil
}

// jsonSample collects the paths of records in the order of their appearance.
type jsonSample struct {
	paths []string
	known map[string]bool
}

func (s *jsonSample) add(record []byte) error {
	var t jsonText
	t.reset(record)
	if t.decoder.PeekKind() != '{' {
		return errNotObject
	}
	if err := s.value(&t, nil); err != nil {
		return notJSON(err)
	}
	return t.ended(record)
}

// value adds the paths of the value that a text is at.
func (s *jsonSample) value(t *jsonText, steps []Step) error {
	switch kind := t.decoder.PeekKind(); kind {
	case '{', '[':
		empty, err := s.container(t, kind, steps)
		if empty && len(steps) > 0 {
			s.path(steps)
		}
		return err
	}
	value, err := t.decoder.ReadValue()
	if err != nil {
		return err
	}
	s.path(steps)
	if text, _ := t.unquoted(value); value.Kind() == '"' && holdsJSON(text) {
		return s.held(slices.Clone(text), steps)
	}
	return nil
}

// container adds the paths of an object's members, or of a list's first
// element.
func (s *jsonSample) container(t *jsonText, kind jsontext.Kind, steps []Step) (empty bool, err error) {
	if _, err := t.decoder.ReadToken(); err != nil {
		return false, err
	}
	n := 0
	for ; t.decoder.PeekKind() != kind+2; n++ { // ] is two behind [, and } behind {
		step := Step{Index: n}
		if kind == '{' {
			key, err := t.decoder.ReadValue()
			if err != nil {
				return false, err
			}
			name, _ := t.unquoted(key)
			step = Step{Name: string(name)}
		}
		if kind == '{' && step.Name == "" || kind == '[' && n > 0 { // no path leads to a member without a name
			err = t.decoder.SkipValue()
		} else {
			err = s.value(t, append(slices.Clip(steps), step))
		}
		if err != nil {
			return false, err
		}
	}
	_, err = t.decoder.ReadToken()
	return n == 0, err
}

// held adds the paths of what a string holds, if that is JSON.
func (s *jsonSample) held(text []byte, steps []Step) error {
	var t jsonText
	if t.reset(text); !jsontext.Value(text).IsValid(jsonOptions...) {
		return nil
	}
	_, err := s.container(&t, t.decoder.PeekKind(), steps)
	return err
}

func (s *jsonSample) path(steps []Step) {
	text := pathText(steps)
	if len(steps) == 1 {
		text = columnText(steps[0].Name)
	}
	if !s.known[text] && len(s.paths) < maxColumns {
		s.known[text] = true
		s.paths = append(s.paths, text)
	}
}
