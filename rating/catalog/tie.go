package catalog

import (
	"cmp"
	"slices"

	"ratemill/rating/yamltext"
)

// maxColumns is how many columns a price table may have: the search for ties
// looks at pairs of sets of them.
const maxColumns = 8

// tieSearch finds two rows of a price table that fit the same usage and name
// equally many columns, where no row that names more of them decides.
//
// Rows are looked up by the columns they name and the values there, so that a
// table of many thousand rows is not compared row by row.
type tieSearch struct {
	rows  []PriceRow
	named map[mask][]int // rows by the columns they name, in order
	exact map[exactKey]int
	found map[int]tie // by the later row
}

// exactKey is the columns that a row names and the rowKey of its values there.
type exactKey struct {
	columns mask
	key     string
}

func newTieSearch(rows []PriceRow) *tieSearch {
	return &tieSearch{rows: rows, named: make(map[mask][]int), exact: make(map[exactKey]int), found: make(map[int]tie)}
}

// add takes a row in, or tells the row before that fits the same.
func (s *tieSearch) add(i int) (first int, again bool) {
	m := namedBy(&s.rows[i])
	key := exactKey{m, rowKey(m, s.rows[i].Match)}
	if first, again = s.exact[key]; again {
		return first, true
	}
	s.exact[key] = i
	s.named[m] = append(s.named[m], i)
	return i, false
}

// checkTable refuses rows that come twice and rows that tie. Each row is
// reported once, and not more ties than are shown.
func (p *problems) checkTable(t *tableDraft) {
	if len(t.Columns) > maxColumns {
		return // reported when it was read
	}
	s := newTieSearch(t.Rows)
	for i := range t.Rows {
		row := &t.Rows[i]
		if len(row.Match) != len(t.Columns) || slices.Contains(row.Match, "") {
			continue // reported when it was read
		}
		if first, again := s.add(i); again {
			p.add(t.rows[i].place, "this row fits the same as the row in line %d", t.Rows[first].Line)
		}
	}
	for _, tie := range s.ties() {
		p.add(t.rows[tie.row].place, "this row ties with the row in line %d: both fit %s and name %d of the columns; add a row for that",
			t.Rows[tie.with].Line, shownMatch(tie.both), namedBy(&t.Rows[tie.row]).size())
	}
}

type tie struct {
	row, with int      // the later row and the earlier
	both      []string // what fits both
}

// ties compares each two sets of columns of one size, in a fixed order.
func (s *tieSearch) ties() []tie {
	var masks []mask
	for m := range s.named {
		masks = append(masks, m)
	}
	slices.SortFunc(masks, func(a, b mask) int { return cmp.Or(a.size()-b.size(), cmp.Compare(a, b)) })
	for i, a := range masks {
		for _, b := range masks[i+1:] {
			if a.size() == b.size() {
				s.between(a, b, masks)
			}
		}
	}
	var all []tie
	for _, t := range s.found {
		all = append(all, t)
	}
	slices.SortFunc(all, func(x, y tie) int { return x.row - y.row })
	return all
}

// between finds the ties of rows that name the columns a with rows that name
// the columns b: they fit the same where they agree on the columns of both.
func (s *tieSearch) between(a, b mask, masks []mask) {
	var deciders []mask // sets of columns of rows that may decide, those with fewer columns first
	for _, m := range masks {
		if m.size() > a.size() && m&^(a|b) == 0 {
			deciders = append(deciders, m)
		}
	}
	agreeing := make(map[string][]int)
	for _, i := range s.named[a] {
		key := rowKey(a&b, s.rows[i].Match)
		agreeing[key] = append(agreeing[key], i)
	}
	for _, group := range s.alike(a&b, s.named[b]) {
		if with := agreeing[rowKey(a&b, s.rows[group[0]].Match)]; with != nil {
			s.undecided(with, group, a, b, deciders)
		}
	}
}

// undecided finds the pairs of the rows is, which name the columns a, and js,
// which name b, that no decider decides. A row decides at once for all pairs
// that are alike in its columns: thousands of rows that cross are not looked
// at pair by pair.
func (s *tieSearch) undecided(is, js []int, a, b mask, deciders []mask) {
	if len(deciders) == 0 {
		s.note(is, js)
		return
	}
	m := deciders[0]
	columns := s.alike(m&b, js)
	for _, i := range s.alike(m&a, is) {
		for _, j := range columns {
			both := meet(s.rows[i[0]].Match, s.rows[j[0]].Match)
			if _, decided := s.exact[exactKey{m, rowKey(m, both)}]; decided {
				continue
			}
			if len(s.found) >= yamltext.Shown {
				return // a table of crossed rows has as many ties as pairs
			}
			s.undecided(i, j, a, b, deciders[1:])
		}
	}
}

// alike puts rows together that have the same values in some columns.
func (s *tieSearch) alike(columns mask, rows []int) [][]int {
	return grouped(rows, func(i int) string { return rowKey(columns, s.rows[i].Match) })
}

// note takes down that all of the rows is tie with all of the rows js, each row
// once.
func (s *tieSearch) note(is, js []int) {
	for _, j := range js {
		for _, i := range is {
			if len(s.found) >= yamltext.Shown {
				return
			}
			earlier, later := min(i, j), max(i, j)
			if _, reported := s.found[later]; !reported {
				s.found[later] = tie{later, earlier, meet(s.rows[i].Match, s.rows[j].Match)}
			}
		}
	}
}

// meet is what fits two rows that agree where both name a column.
func meet(a, b []string) []string {
	both := slices.Clone(a)
	for i, value := range b {
		if both[i] == "*" {
			both[i] = value
		}
	}
	return both
}
