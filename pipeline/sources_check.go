package pipeline

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"ratemill/rating/calendar"
	"ratemill/rating/nearest"
	"ratemill/readers"
)

// SourceError is a mistake in what the settings say of a source.
type SourceError struct {
	Source string
	Export string // its name; empty: the source's only one, or the source itself
	Key    string // of ratemill.yaml, in the source or its export: kind, dimensions, path, columns, leave_out; empty: the source
	Item   string // below the key: a column, a filter; or an item of the key's list
	What   string
}

func (e *SourceError) Error() string {
	if e.Export != "" {
		return fmt.Sprintf("source %q, export %q: %s", e.Source, e.Export, e.What)
	}
	return fmt.Sprintf("source %q: %s", e.Source, e.What)
}

// CheckLookup finds what is wrong with a lookup's settings, and under which key
// of ratemill.yaml.
func CheckLookup(l *LookupSettings) (key string, err error) {
	if err := checkFile(l.Path); err != nil {
		return "path", err
	}
	return "time_zone", checkZone(l.Layout.Zone)
}

// checkFile is about the path of one file.
func checkFile(text string) error {
	t, err := compileTemplate(text)
	if err == nil && (len(t.pieces) > 1 || t.pieces[0].kind != literalPiece) {
		err = fmt.Errorf("path %q has wildcards or placeholders: a lookup table is one file", text)
	}
	return err
}

func checkZone(name string) error {
	if name == "" {
		return nil
	}
	_, err := calendar.LoadZone(name)
	return err
}

// CheckSource finds what is wrong with a source's settings, short of what its
// files hold. The lookups are all that the settings have.
func CheckSource(s *SourceSettings, lookups []LookupSettings) []*SourceError {
	c := &sourceCheck{s: s, tables: map[string]map[string]string{}}
	for _, l := range lookups {
		c.tables[l.Name] = nil
	}
	schema, ok := c.schema()
	if !ok {
		return c.found
	}
	c.lists(&schema)
	for i := range s.Exports {
		c.export(&s.Exports[i], &schema)
	}
	return c.found
}

type sourceCheck struct {
	s      *SourceSettings
	tables map[string]map[string]string // the names of the lookups; their rows are not needed
	found  []*SourceError
}

func (c *sourceCheck) add(key, item, format string, args ...any) {
	c.found = append(c.found, &SourceError{Source: c.s.Name, Key: key, Item: item, What: fmt.Sprintf(format, args...)})
}

// canonicalSource is the canonical source of a name, or nil.
func canonicalSource(name string) *source {
	all := canonicalSources()
	if i := slices.IndexFunc(all, func(s source) bool { return s.name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

func canonicalNames() []string {
	var names []string
	for _, s := range canonicalSources() {
		names = append(names, s.name)
	}
	return names
}

// schema is what the source's exports hold. It is false where the settings
// leave that open.
func (c *sourceCheck) schema() (readers.Schema, bool) {
	own := canonicalSource(c.s.Name)
	switch {
	case own != nil && c.s.Kind != "":
		c.add("kind", "", "%q is a source that ratemill knows: it has no kind", c.s.Name)
		return readers.Schema{}, false
	case own == nil && c.s.Kind == "":
		c.add("", "", "there is no source %q%s; there are %s; a source of your own has a kind: usage, levels or seats",
			c.s.Name, nearest.DidYouMean(c.s.Name, canonicalNames()), strings.Join(canonicalNames(), ", "))
		return readers.Schema{}, false
	case own != nil:
		c.foreignKeys(own.role, "source "+own.name, own.role == usageRows)
	default:
		made := ownSource(c.s)
		own = &made
		c.foreignKeys(own.role, fmt.Sprintf("a source of kind %q", c.s.Kind), own.role == usageRows)
		c.keyed(own.role)
		if own.role == levelRows && len(c.s.Levels) == 0 {
			c.add("", "", `a source of kind "levels" needs levels: the columns that are read`)
		}
	}
	own.takeColumns(c.s)
	return own.schema, true
}

// foreignKeys refuses the keys of other kinds.
func (c *sourceCheck) foreignKeys(r role, what string, dimensions bool) {
	own := c.s.Kind != ""
	for _, k := range []struct {
		name         string
		set, allowed bool
	}{
		{"quantity", c.s.Quantity != "", own && r == usageRows},
		{"decimals", c.s.Decimals != 0, own && r == usageRows},
		{"key", c.s.Key != "", own && r == usageRows},
		{"action", c.s.Action != "", own && r == usageRows},
		{"dimensions", c.s.Dimensions != nil, dimensions},
		{"may_lack", c.s.MayLack != nil, dimensions},
		{"levels", c.s.Levels != nil, own && r == levelRows},
	} {
		if k.set && !k.allowed {
			c.add(k.name, "", "%s has no %s", what, k.name)
		}
	}
}

// keyed refuses what a source of keys does not have, and an action without one.
func (c *sourceCheck) keyed(r role) {
	switch {
	case r != usageRows:
	case c.s.Key == "" && c.s.Action != "":
		c.add("action", "", "action says what happens to a key: source %q has no key", c.s.Name)
	case c.s.Key != "" && c.s.Quantity != "":
		c.add("quantity", "", "source %q has a key: its rows have no quantity", c.s.Name)
	case c.s.Key != "" && c.s.Decimals != 0:
		c.add("decimals", "", "source %q has a key: its rows have no quantity", c.s.Name)
	}
}

// lists refuses columns that are named twice, and dimensions that there are
// not.
func (c *sourceCheck) lists(schema *readers.Schema) {
	for _, list := range []struct {
		key   string
		names []string
	}{{"dimensions", c.s.Dimensions}, {"levels", c.s.Levels}, {"quantity", []string{c.s.Quantity}}, {"key", []string{c.s.Key}}, {"action", []string{c.s.Action}}} {
		for _, name := range list.names {
			same := 0
			for _, f := range schema.Fields {
				if f.Name == name {
					same++
				}
			}
			if same > 1 {
				c.add(list.key, name, "source %q has the column %q twice", c.s.Name, name)
			}
		}
	}
	dimensions := c.dimensions()
	for _, name := range c.s.MayLack {
		if !slices.Contains(dimensions, name) {
			c.add("may_lack", name, "source %q has no dimension %q%s", c.s.Name, name, orThereAre(name, dimensions))
		}
	}
}

func (c *sourceCheck) dimensions() []string {
	var names []string
	if s := canonicalSource(c.s.Name); s != nil {
		for _, i := range s.dimensions {
			names = append(names, s.schema.Fields[i].Name)
		}
	}
	return append(names, c.s.Dimensions...)
}

// export checks one layout.
func (c *sourceCheck) export(e *ExportSettings, schema *readers.Schema) {
	add := func(key, item, format string, args ...any) {
		c.found = append(c.found, &SourceError{c.s.Name, e.Name, key, item, fmt.Sprintf(format, args...)})
	}
	for _, path := range e.Paths {
		if err := checkTemplate(path); err != nil {
			add("path", path, "%v", err)
		}
	}
	c.laidOut(e, add)
	if err := checkZone(e.Mapping.Zone); err != nil {
		add("time_zone", "", "time_zone: %v", err)
		return
	}
	for i := range e.Mapping.Rules {
		r := &e.Mapping.Rules[i]
		if why := c.rule(e, r, schema); why != "" {
			add("columns", r.Field, "%s", why)
		}
	}
	for i := range e.Mapping.LeaveOut {
		f := &e.Mapping.LeaveOut[i]
		if why := c.mapping(schema, &readers.Mapping{LeaveOut: []readers.Filter{*f}}); why != "" {
			add("leave_out", f.Name, "%s", why)
		}
	}
}

// laidOut checks what is said of an export that is laid out as usual, and where
// its manifests lie. Mistakes in its paths are told already.
func (c *sourceCheck) laidOut(e *ExportSettings, add func(key, item, format string, args ...any)) {
	var templates []*template
	for _, path := range e.Paths {
		t, err := compileTemplate(path)
		if err != nil {
			return
		}
		templates = append(templates, t)
	}
	if !e.laidOut() {
		if !reflect.ValueOf(e.Mapping).IsZero() || e.Name != "" {
			add("", "", "missing key \"path\": where the files lie")
			return
		}
		templates = usualLayout(c.s.Name).templates
	}
	if _, err := manifestPlaceOf(e.Manifest, templates); err != nil {
		add("manifest", "", "%v", err)
	}
	dated := slices.ContainsFunc(templates, (*template).hasDate)
	if x := e.Expected; x != nil && !dated && (x.Rows != nil || x.AtLeast > 0) {
		add("expected", "", "without a date in its path an export is there or is not: rows and at_least are for exports of a day")
	}
}

// rule is what is wrong with a rule, or empty. Each is checked by itself, so
// that all that are wrong are told at once.
func (c *sourceCheck) rule(e *ExportSettings, r *readers.Rule, schema *readers.Schema) string {
	var names []string
	for _, f := range schema.Fields {
		names = append(names, f.Name)
	}
	if !slices.Contains(names, r.Field) {
		return fmt.Sprintf("source %q has no column %q%s", c.s.Name, r.Field, orThereAre(r.Field, names))
	}
	for _, path := range e.Paths {
		parts := templateParts(path)
		if checkTemplate(path) == nil && r.PathPart != "" && !slices.Contains(parts, r.PathPart) {
			return fmt.Sprintf("path %q has no placeholder {%s}%s", path, r.PathPart, orThereAre(r.PathPart, parts))
		}
	}
	return c.mapping(schema, &readers.Mapping{Rules: []readers.Rule{*r}})
}

func (c *sourceCheck) mapping(schema *readers.Schema, m *readers.Mapping) string {
	m.Tables = c.tables
	err := readers.CheckMapping(schema, m)
	if err == nil {
		return ""
	}
	var wrong *readers.RuleError
	if errors.As(err, &wrong) {
		return wrong.What
	}
	return err.Error()
}

// orThereAre is a hint at what there is.
func orThereAre(word string, all []string) string {
	switch near := nearest.DidYouMean(word, all); {
	case near != "":
		return near
	case len(all) == 0:
		return ""
	}
	return " (there are " + strings.Join(all, ", ") + ")"
}
