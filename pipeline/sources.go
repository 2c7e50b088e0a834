package pipeline

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

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
	Key        string           `json:"key,omitempty"`        // usage: the column of whose row it is, in place of a quantity
	Action     string           `json:"action,omitempty"`     // usage with a key: the column that tells whether it is added or removed
	Levels     []string         `json:"levels,omitempty"`     // levels: the columns that are read
	Exports    []ExportSettings `json:"exports"`
}

// ExportSettings is one layout in which a source's exports lie.
type ExportSettings struct {
	Name    string          `json:"name,omitempty"` // empty where the source has one
	Paths   []string        `json:"paths"`          // templates under the exports' root, see template
	Mapping readers.Mapping `json:"mapping"`

	// What decides on whether a night is published, and not on what it says, is
	// no part of the digest of the sources.
	Manifest ManifestSettings `json:"-"`
	Expected *Expectation     `json:"-"` // nil: it need not be there
}

// laidOut tells whether the settings say where the export lies and how.
func (e *ExportSettings) laidOut() bool { return len(e.Paths) > 0 }

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

	manifest manifestPlace
	expected *Expectation // nil: it need not be there
}

// usualLayout is where a source's exports lie by default.
func usualLayout(source string) layout {
	t, err := compileTemplate(source + "/date={date}/**")
	if err != nil {
		panic(err) // source names hold no braces
	}
	l := layout{templates: []*template{t}}
	if l.manifest, err = manifestPlaceOf(ManifestSettings{}, l.templates); err != nil {
		panic(err) // nothing is asked for
	}
	return l
}

// MaxDecimals is the most decimals that quantities keep: a million units of
// 12 decimals still fit in 64 bits.
const MaxDecimals = 12

// The kinds of a company's own sources.
const (
	UsageKind  = "usage"
	LevelsKind = "levels"
	SeatsKind  = "seats"
)

// sourcesOf are the sources that a night knows: the canonical ones as the
// settings change them, then the company's own by name. It returns a
// *SourceError.
func sourcesOf(settings []SourceSettings, lookups []LookupSettings) ([]source, error) {
	sources := canonicalSources()
	canonical := len(sources)
	for i := range settings {
		set := &settings[i]
		if wrong := CheckSource(set, lookups); len(wrong) > 0 {
			return nil, wrong[0]
		}
		at := slices.IndexFunc(sources[:canonical], func(s source) bool { return s.name == set.Name })
		if at < 0 {
			at = len(sources)
			sources = append(sources, ownSource(set))
		}
		if err := sources[at].apply(set); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(sources[canonical:], compareSources)
	return sources, nil
}

// ownSource is a source of the company's own, with the columns of its kind.
func ownSource(set *SourceSettings) source {
	var s source
	switch set.Kind {
	case UsageKind:
		s = usageSource(set.Name, cmp.Or(set.Quantity, "quantity"))
		if set.Key != "" {
			s = keyedSource(set.Name, set.Key, set.Action)
		}
	case LevelsKind:
		s = levelSource(set.Name)
		for _, name := range set.Levels {
			s.schema.Fields = append(s.schema.Fields, readers.Field{Name: name, Kind: readers.Integer})
		}
	default:
		s = seatSource(set.Name)
	}
	s.exports = []layout{usualLayout(set.Name)}
	return s
}

// takeColumns gives a source the columns that its settings add.
func (s *source) takeColumns(set *SourceSettings) {
	if s.role == usageRows && !s.keyed() {
		s.schema.Fields[s.quantity].Scale = set.Decimals
	}
	for _, name := range set.Dimensions {
		s.addDimension(name)
	}
}

// apply changes a source as its settings say, which are checked.
func (s *source) apply(set *SourceSettings) error {
	s.takeColumns(set)
	for _, name := range set.MayLack {
		s.mayLack = append(s.mayLack, s.schema.Field(name))
	}
	if len(set.Exports) == 0 {
		return nil
	}
	usual := s.exports[0]
	s.exports = nil
	for i := range set.Exports {
		e := &set.Exports[i]
		l := layout{name: e.Name, mapping: &e.Mapping, expected: e.Expected}
		if !e.laidOut() {
			l.templates, l.mapping = usual.templates, nil
		}
		for _, path := range e.Paths {
			t, err := compileTemplate(path)
			if err != nil {
				return &SourceError{Source: set.Name, Export: e.Name, Key: "path", Item: path, What: err.Error()}
			}
			l.templates = append(l.templates, t)
		}
		var err error
		if l.manifest, err = manifestPlaceOf(e.Manifest, l.templates); err != nil {
			return &SourceError{Source: set.Name, Export: e.Name, Key: "manifest", What: err.Error()}
		}
		s.exports = append(s.exports, l)
	}
	return nil
}

// digestOf is the digest of how the sources are laid out, empty where nothing
// is said of it.
func digestOf(settings []SourceSettings, lookups []LookupSettings) string {
	settings = slices.DeleteFunc(slices.Clone(settings), func(s SourceSettings) bool {
		bare := len(s.Exports) == 1 && s.Exports[0].Name == "" && !s.Exports[0].laidOut()
		return bare && s.Kind == "" && s.Dimensions == nil && s.MayLack == nil
	})
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
