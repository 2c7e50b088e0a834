package main

import (
	"bytes"
	"encoding/json"
	"strings"
)

// schemaDraft is the language of the schema.
const schemaDraft = "https://json-schema.org/draft/2020-12/schema"

// configSchema is the JSON Schema of ratemill.yaml, made of the table that the
// parser works with.
func configSchema() []byte {
	s := &schemaMaker{defs: map[string]any{}}
	root := s.of(fileKeys)
	root["$schema"], root["title"] = schemaDraft, "ratemill.yaml"
	root["description"] = "Settings of ratemill. A text may be written without quotes where YAML reads it as a number; every character counts all the same."
	root["$defs"] = s.defs
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil { // maps, texts and numbers
		panic(err)
	}
	return b.Bytes()
}

type schemaMaker struct{ defs map[string]any }

// of is the schema of a form. One with a name is defined once and referred to.
func (s *schemaMaker) of(f *form) map[string]any {
	if f.def == "" {
		return s.anyOf(f)
	}
	if _, done := s.defs[f.def]; !done {
		s.defs[f.def] = s.anyOf(f)
	}
	return map[string]any{"$ref": "#/$defs/" + f.def}
}

func (s *schemaMaker) anyOf(f *form) map[string]any {
	var all []any
	for _, made := range []map[string]any{s.text(f.text), s.flag(f.flag), s.whole(f.whole), s.list(f.list), s.keys(f), s.names(f.names)} {
		if made != nil {
			all = append(all, made)
		}
	}
	if len(all) == 1 {
		return all[0].(map[string]any)
	}
	return map[string]any{"anyOf": all}
}

// text is what YAML reads as a text, a number, or true: the file's own words
// are meant.
func (s *schemaMaker) text(f *textForm) map[string]any {
	switch {
	case f == nil:
		return nil
	case f.words != nil:
		return map[string]any{"enum": f.words}
	case f.pattern != nil:
		return map[string]any{"type": "string", "pattern": f.pattern.String()}
	case f.blank:
		return map[string]any{"type": []string{"string", "number", "boolean"}}
	}
	return map[string]any{"type": []string{"string", "number", "boolean"}, "minLength": 1}
}

func (s *schemaMaker) flag(is bool) map[string]any {
	if !is {
		return nil
	}
	return map[string]any{"type": "boolean"}
}

func (s *schemaMaker) whole(f *span) map[string]any {
	if f == nil {
		return nil
	}
	return map[string]any{"type": "integer", "minimum": f.least, "maximum": f.most}
}

func (s *schemaMaker) list(f *form) map[string]any {
	if f == nil {
		return nil
	}
	return map[string]any{"type": "array", "minItems": 1, "items": s.of(f)}
}

func (s *schemaMaker) names(f *names) map[string]any {
	if f == nil {
		return nil
	}
	made := map[string]any{"type": "object", "minProperties": 1, "additionalProperties": s.of(f.value)}
	if f.key.pattern != nil {
		made["propertyNames"] = map[string]any{"pattern": f.key.pattern.String()}
	}
	return made
}

func (s *schemaMaker) keys(f *form) map[string]any {
	if f.keys == nil {
		return nil
	}
	properties, required, apart, either := map[string]any{}, []string{}, []any{}, []any{}
	for _, k := range f.keys {
		of := s.of(k.form)
		of["description"] = strings.TrimSpace(k.says)
		properties[k.name] = of
		if k.required {
			required = append(required, k.name)
		}
		for _, other := range k.notWith {
			apart = append(apart, map[string]any{"not": map[string]any{"required": []string{k.name, other}}})
		}
	}
	for _, name := range f.oneOf {
		either = append(either, map[string]any{"required": []string{name}})
	}
	made := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		made["required"] = required
	}
	if len(apart) > 0 {
		made["allOf"] = apart
	}
	if len(either) > 0 {
		made["anyOf"] = either
	}
	return made
}
