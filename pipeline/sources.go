package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"ratemill/readers"
)

// SourceSettings is what ratemill.yaml says of a source: one of the canonical
// ones that is laid out otherwise, or one of the company's own.
type SourceSettings struct {
	Name       string           `json:"name"`
	Kind       string           `json:"kind,omitempty"`       // of an own source: usage, levels, seats; empty: a canonical source
	Quantity   string           `json:"quantity,omitempty"`   // usage: the quantity column of an own source; empty: quantity
	Decimals   int              `json:"decimals,omitempty"`   // usage: decimals that quantities keep, 0 to 12
	Dimensions []string         `json:"dimensions,omitempty"` // usage: columns that prices may depend on; of a canonical source: further ones
	MayLack    []string         `json:"may_lack,omitempty"`   // dimensions whose cell may be empty
	Levels     []string         `json:"levels,omitempty"`     // levels: the columns that are read
	Exports    []ExportSettings `json:"exports"`
}

// ExportSettings is one layout in which a source's exports lie.
type ExportSettings struct {
	Name    string          `json:"name,omitempty"` // empty where the source has one
	Paths   []string        `json:"paths"`          // templates under the exports' root, see CheckTemplate
	Mapping readers.Mapping `json:"mapping"`
}

// LookupSettings is a small table by which an export's values are replaced.
type LookupSettings struct {
	Name   string         `json:"name"`
	Path   string         `json:"path"`  // under the exports' root, without placeholders
	Key    string         `json:"key"`   // the column of the values to replace
	Value  string         `json:"value"` // the column of what replaces them
	Layout readers.Layout `json:"layout"`
}

// layout is how and where one kind of export of a source lies.
type layout struct {
	name      string
	templates []*template
	mapping   *readers.Mapping // nil: as the schema says
}

// usualLayout is where a source's exports lie by default.
func usualLayout(source string) layout {
	t, err := compileTemplate(source + "/date={date}/**")
	if err != nil {
		panic(err) // source names hold no braces
	}
	return layout{templates: []*template{t}}
}

// maxDecimals keeps a million million units of a source with decimals within
// 64 bits.
const maxDecimals = 12

// SourceError is a mistake in the settings of a source or a lookup table.
type SourceError struct {
	Source string // or lookup table
	Export string // empty: of the source as a whole, or of its only export
	Rule   *readers.RuleError
	What   string // where Rule is nil
}

func (e *SourceError) Error() string {
	name := e.Source
	if e.Export != "" {
		name += "." + e.Export
	}
	if e.Rule != nil {
		return name + ": " + e.Rule.Error()
	}
	return name + ": " + e.What
}

// CheckSources proves that the settings of sources and lookup tables can be
// worked with. It returns a *SourceError.
func CheckSources(settings []SourceSettings, lookups []LookupSettings) error {
	if _, err := sourcesOf(settings); err != nil {
		return err
	}
	var names []string
	for _, l := range lookups {
		if slices.Contains(names, l.Name) {
			return &SourceError{Source: l.Name, What: "two lookup tables of the name"}
		}
		names = append(names, l.Name)
		if strings.ContainsAny(l.Path, "{}*") {
			return &SourceError{Source: l.Name, What: fmt.Sprintf("path %q: a lookup table is one file, without placeholders", l.Path)}
		}
	}
	for _, s := range settings {
		for _, e := range s.Exports {
			for _, r := range e.Mapping.Rules {
				if r.Lookup != "" && !slices.Contains(names, r.Lookup) {
					rule := &readers.RuleError{Field: r.Field, What: fmt.Sprintf("there is no lookup table %q (there are: %s)", r.Lookup, strings.Join(names, ", "))}
					return &SourceError{Source: s.Name, Export: e.Name, Rule: rule}
				}
			}
		}
	}
	return nil
}

// sourcesOf are the sources that a night knows: the canonical ones as the
// settings change them, then the company's own.
func sourcesOf(settings []SourceSettings) ([]source, error) {
	sources := canonicalSources()
	canonical := len(sources)
	var names []string
	for i := range settings {
		set := &settings[i]
		if slices.Contains(names, set.Name) {
			return nil, &SourceError{Source: set.Name, What: "two sources of the name"}
		}
		names = append(names, set.Name)
		at := slices.IndexFunc(sources[:canonical], func(s source) bool { return s.name == set.Name })
		if at < 0 {
			own, err := ownSource(set)
			if err != nil {
				return nil, &SourceError{Source: set.Name, What: err.Error()}
			}
			sources, at = append(sources, own), len(sources)
		} else if set.Kind != "" || set.Quantity != "" || len(set.Levels) > 0 {
			return nil, &SourceError{Source: set.Name, What: "its kind, quantity and levels are given: it is one of the canonical sources"}
		}
		if err := sources[at].apply(set); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(sources[canonical:], compareSources)
	return sources, nil
}

var sourceName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// ownSource is a source of the company's own, with the columns of its kind.
func ownSource(set *SourceSettings) (source, error) {
	if !sourceName.MatchString(set.Name) {
		return source{}, errors.New("a source's name is of small letters, digits and _")
	}
	var s source
	switch set.Kind {
	case "usage":
		quantity := set.Quantity
		if quantity == "" {
			quantity = "quantity"
		}
		s = usageSource(set.Name, quantity)
	case "levels":
		if len(set.Levels) == 0 {
			return source{}, errors.New("kind levels wants levels: the columns that are read")
		}
		s = levelSource(set.Name)
		for _, name := range set.Levels {
			if err := s.newColumn(name); err != nil {
				return source{}, err
			}
			s.schema.Fields = append(s.schema.Fields, readers.Field{Name: name, Kind: readers.Integer})
		}
	case "seats":
		s = seatSource(set.Name)
	case "":
		var names []string
		for _, c := range canonicalSources() {
			names = append(names, c.name)
		}
		return source{}, fmt.Errorf("not one of %s; a source of your own says its kind: usage, levels or seats", strings.Join(names, ", "))
	default:
		return source{}, fmt.Errorf("kind %q: want usage, levels or seats", set.Kind)
	}
	if len(set.Exports) == 0 {
		s.exports = []layout{usualLayout(set.Name)}
	}
	return s, nil
}

// newColumn refuses a column that the source has already or that no table
// could have.
func (s *source) newColumn(name string) error {
	if !sourceName.MatchString(name) {
		return fmt.Errorf("column %q: a column's name is of small letters, digits and _", name)
	}
	if s.schema.Field(name) >= 0 {
		return fmt.Errorf("column %q stands twice", name)
	}
	return nil
}

// apply changes a source as its settings say.
func (s *source) apply(set *SourceSettings) error {
	wrong := func(format string, args ...any) error {
		return &SourceError{Source: set.Name, What: fmt.Sprintf(format, args...)}
	}
	if s.role != usageRows && (set.Decimals != 0 || len(set.Dimensions) > 0 || len(set.MayLack) > 0 || set.Quantity != "") {
		return wrong("quantity, decimals, dimensions and may_lack are of usage sources")
	}
	if s.role != levelRows && len(set.Levels) > 0 {
		return wrong("levels are of sources of kind levels")
	}
	if set.Decimals < 0 || set.Decimals > maxDecimals {
		return wrong("decimals: want 0 to %d", maxDecimals)
	}
	if s.role == usageRows {
		s.schema.Fields[s.quantity].Scale = set.Decimals
	}
	for _, name := range set.Dimensions {
		if err := s.newColumn(name); err != nil {
			return wrong("%v", err)
		}
		s.addDimension(name)
	}
	for _, name := range set.MayLack {
		at := s.schema.Field(name)
		if !slices.Contains(s.dimensions, at) {
			return wrong("may_lack: %q is not one of its dimensions", name)
		}
		s.mayLack = append(s.mayLack, at)
	}
	return s.layOut(set)
}

// layOut takes the source's exports from the settings, if they say any.
func (s *source) layOut(set *SourceSettings) error {
	if len(set.Exports) == 0 {
		return nil
	}
	s.exports = nil
	for i := range set.Exports {
		e := &set.Exports[i]
		wrong := func(format string, args ...any) error {
			return &SourceError{Source: set.Name, Export: e.Name, What: fmt.Sprintf(format, args...)}
		}
		if slices.ContainsFunc(s.exports, func(l layout) bool { return l.name == e.Name }) {
			return wrong("two exports of the name")
		}
		l := layout{name: e.Name, mapping: &e.Mapping}
		for _, path := range e.Paths {
			t, err := compileTemplate(path)
			if err != nil {
				return wrong("%v", err)
			}
			l.templates = append(l.templates, t)
		}
		if len(e.Paths) == 0 {
			return wrong("no path")
		}
		var rule *readers.RuleError
		if err := readers.CheckMapping(&s.schema, &e.Mapping); errors.As(err, &rule) {
			return &SourceError{Source: set.Name, Export: e.Name, Rule: rule}
		} else if err != nil {
			return wrong("%v", err)
		}
		s.exports = append(s.exports, l)
	}
	return nil
}

// digestOf is the digest of how the sources are laid out, empty where nothing
// is said of it.
func digestOf(settings []SourceSettings, lookups []LookupSettings) string {
	if len(settings) == 0 && len(lookups) == 0 {
		return ""
	}
	text, err := json.Marshal(struct {
		Sources []SourceSettings `json:"sources"`
		Lookups []LookupSettings `json:"lookups"`
	}{settings, lookups})
	if err != nil {
		panic(err) // plain data
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
