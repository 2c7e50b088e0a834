package readers

import (
	"fmt"
	"math"
	"slices"
)

// filter is a Filter worked out.
type filter struct {
	name  string
	conds []condition
}

// condition is a Condition worked out. A text holds or does not, whatever the
// row.
type condition struct {
	path    Path
	from    int // raw field; of Kind EventID if no text is asked for, as each text of a Text column is kept in memory
	is, not []string
	empty   *bool
	must    bool // the file has to have the column, as its text is asked for
}

// leaveOut works the filters out.
func (c *compiler) leaveOut(filters []Filter) (out []filter, err error) {
	if len(filters) > math.MaxUint8 {
		return nil, &RuleError{What: fmt.Sprintf("leave_out has %d filters; at most %d can be told apart", len(filters), math.MaxUint8)}
	}
	for i, f := range filters {
		refuse := func(what string) error { return &RuleError{Field: f.Name, Filter: true, What: what} }
		switch {
		case f.Name == "":
			return nil, &RuleError{What: fmt.Sprintf("leave_out: filter %d has no name", i+1)}
		case slices.ContainsFunc(filters[:i], func(g Filter) bool { return g.Name == f.Name }):
			return nil, refuse("there are two filters of this name")
		case len(f.Conditions) == 0:
			return nil, refuse("it has no conditions")
		}
		worked := filter{name: f.Name}
		for _, cond := range f.Conditions {
			if what := checkCondition(cond); what != "" {
				return nil, refuse(what)
			}
			worked.conds = append(worked.conds, c.condition(cond))
		}
		out = append(out, worked)
	}
	return out, nil
}

func (c *compiler) condition(cond Condition) condition {
	worked := condition{path: cond.Path, is: cond.Is, not: cond.Not, empty: cond.Empty, must: len(cond.Is)+len(cond.Not) > 0}
	kind := EventID
	if worked.must {
		kind = Text
	}
	worked.from = c.read(Field{Kind: kind, Path: cond.Path})
	return worked
}

func checkCondition(c Condition) string {
	switch what := checkCellPath(c.Path); {
	case what != "":
		return what
	case len(c.Is)+len(c.Not) == 0 && c.Empty == nil:
		return fmt.Sprintf("%s: want is, not or empty", c.Path)
	case slices.Contains(c.Is, "") || slices.Contains(c.Not, ""):
		return fmt.Sprintf("%s: no cell is an empty text; empty says whether it is absent", c.Path)
	case c.Empty != nil && *c.Empty && len(c.Is) > 0:
		return fmt.Sprintf("%s: an absent cell is never one of is", c.Path)
	}
	return ""
}

// sieve tells which rows of a split the filters leave out.
type sieve struct {
	filters [][]askedCondition
	leftOut []uint8
}

// askedCondition remembers which entries of the column's Dict it holds for.
type askedCondition struct {
	*condition
	memo  memo
	asked bool // of any row yet
}

const (
	holdsNot int32 = iota
	holds
)

func newSieve(filters []filter) *sieve {
	s := &sieve{filters: make([][]askedCondition, len(filters))}
	for i := range filters {
		for k := range filters[i].conds {
			s.filters[i] = append(s.filters[i], askedCondition{condition: &filters[i].conds[k]})
		}
	}
	return s
}

// rows is what becomes Batch.LeftOut.
func (s *sieve) rows(raw *Batch) []uint8 {
	if len(s.filters) == 0 {
		return nil
	}
	s.leftOut = resized(s.leftOut, raw.Len)
	for _, conds := range s.filters {
		for k := range conds {
			conds[k].memo.of(raw.Columns[conds[k].from].Dict)
		}
	}
	any := false
	for row := range raw.Len {
		s.leftOut[row] = s.by(raw, row)
		any = any || s.leftOut[row] != 0
	}
	if !any {
		return nil
	}
	return s.leftOut
}

// by is the place from 1 of the first filter that leaves a row out, or 0.
func (s *sieve) by(raw *Batch, row int) uint8 {
next:
	for i, conds := range s.filters {
		for k := range conds {
			if !conds[k].holds(&raw.Columns[conds[k].from], row) {
				continue next
			}
		}
		return uint8(i + 1)
	}
	return 0
}

func (c *askedCondition) holds(column *Column, row int) bool {
	c.asked = true
	_, isBad := column.Bad[row]
	if !c.must {
		return *c.empty == (column.Missing != nil && column.Missing[row] && !isBad)
	}
	entry := column.Index[row]
	if entry == Absent {
		return c.textless(isBad)
	}
	verdict := &c.memo.codes[entry]
	if *verdict == unknown {
		if *verdict = holdsNot; c.holdsFor(c.memo.dict.Entries[entry]) {
			*verdict = holds
		}
	}
	return *verdict == holds
}

func (c *condition) holdsFor(text string) bool {
	if c.empty != nil && *c.empty || slices.Contains(c.not, text) {
		return false
	}
	return len(c.is) == 0 || slices.Contains(c.is, text)
}

// textless tells whether the condition holds for a cell that is absent, or
// that is there but no text.
func (c *condition) textless(isThere bool) bool {
	return len(c.is) == 0 && (c.empty == nil || *c.empty != isThere)
}
