package pipeline

import "ratemill/readers"

// SourceSettings is what ratemill.yaml says of a source: one of the canonical
// ones laid out otherwise, or one of the company's own. The digest of a
// source's settings is made of their JSON.
type SourceSettings struct {
	Name       string           `json:"name"`
	Kind       string           `json:"kind,omitempty"`       // of an own source: UsageKind, LevelsKind, SeatsKind; empty: a canonical source
	Quantity   string           `json:"quantity,omitempty"`   // usage: the quantity column of an own source; empty: "quantity"
	Decimals   int              `json:"decimals,omitempty"`   // usage: decimals that its quantities keep, 0 to MaxDecimals
	Dimensions []string         `json:"dimensions,omitempty"` // usage: columns that prices may depend on; of a canonical source, further ones
	MayLack    []string         `json:"may_lack,omitempty"`   // dimensions whose cell may be empty
	Levels     []string         `json:"levels,omitempty"`     // levels: the columns that are read
	Exports    []ExportSettings `json:"exports"`
}

// The kinds of a company's own sources.
const (
	UsageKind  = "usage"
	LevelsKind = "levels"
	SeatsKind  = "seats"
)

// MaxDecimals is the most decimals that quantities keep.
const MaxDecimals = 12

// ExportSettings is one layout in which a source's exports lie.
type ExportSettings struct {
	Name    string          `json:"name,omitempty"` // empty where the source has one
	Paths   []string        `json:"paths"`          // templates under the exports' root, see CheckTemplate
	Mapping readers.Mapping `json:"mapping"`
}

// LookupSettings is a small table, by which an export's values are replaced.
type LookupSettings struct {
	Name   string         `json:"name"`
	Path   string         `json:"path"` // under the exports' root, no placeholders
	Key    string         `json:"key"`  // columns
	Value  string         `json:"value"`
	Layout readers.Layout `json:"layout"`
}
