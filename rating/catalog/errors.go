package catalog

import (
	"fmt"
	"strings"

	"ratemill/rating/yamltext"
)

// Error is one thing that is wrong in a catalog, with its place; Errors are all
// of them, by line and column.
type (
	Error  = yamltext.Error
	Errors = yamltext.Errors
)

// place is where something stands in the text, from 1.
type place struct{ line, column int }

// problems collects what is wrong in one text, so that a reader of the catalog
// sees all of it at once.
type problems struct {
	yamltext.Mistakes

	checks     []MeterCheck
	watch      *watch   // what is asked for; nil but in tests
	in, home   string   // codes of the currency that prices are read in, and of the catalog's own
	currencies []string // that amounts are given in
	misplaced  []string // sections that stand in another, where they were looked for in vain
	strays     []string // keys that nobody knows: definitions at the wrong place, perhaps
	categories []*node  // of taxes, that the version being read names
}

func (p *problems) add(at place, format string, args ...any) {
	p.Add(yamltext.Place{Line: at.line, Column: at.column}, "%s", strings.ReplaceAll(fmt.Sprintf(format, args...), mark, ""))
}
