package pipeline

import (
	"context"
	"errors"

	"ratemill/rating/calendar"
)

// SampleOptions say what of the sources is wanted.
type SampleOptions struct {
	Source string       // empty: all that the settings name
	File   string       // a key under the exports' root; empty: the first file found of each export
	Day    calendar.Day // None: of any day
	Rows   int          // the most rows of an export
}

// Sample is the first rows of an export, as they are mapped.
type Sample struct {
	Source, Export string
	File           string   // empty where none is found
	Paths          []string // the templates that were looked for
	Columns        []string // that the file has
	Fields         []string // of the source
	Rows           []SampleRow
	Read           int64 // rows that were read
	LeftOut        map[string]int64
}

// SampleRow is one row, and what would become of it.
type SampleRow struct {
	Number  int64    // in the file
	Cells   []string // one a field; empty: absent
	LeftOut string   // by which filter
	Reject  string   // reason code
	Detail  string
}

// SampleSources reads the first rows of the sources' exports.
func SampleSources(ctx context.Context, s *Settings, o SampleOptions) ([]Sample, error) {
	return nil, errors.New("not yet")
}
