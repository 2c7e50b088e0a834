package catalog

import (
	"math/bits"
	"slices"
	"strings"
)

// maxColumns is how many columns a price table may have: the search for ties
// looks at pairs of sets of them.
const maxColumns = 8

// mask is a set of columns: those that a row names, not "*".
type mask uint32

func (m mask) size() int { return bits.OnesCount32(uint32(m)) }

// tieSearch finds two rows of a price table that fit the same usage and name
// equally many columns, where no row that names more of them decides.
//
// Rows are looked up by the columns they name and the values there, so that a
// table of many thousand rows is not compared row by row.
type tieSearch struct {
	table *tableDraft
	named map[mask][]int // rows by the columns they name, in order of the text
	exact map[string]int // row by rowKey
}

// checkTable refuses rows that come twice and rows that tie. Each row is
// reported once, and not more ties than are shown.
func (p *problems) checkTable(t *tableDraft) {
	if len(t.Columns) > maxColumns {
		return // reported when it was read
	}
	s := tieSearch{table: t, named: make(map[mask][]int), exact: make(map[string]int)}
	for i := range t.Rows {
		row := &t.Rows[i]
		if len(row.Match) != len(t.Columns) || slices.Contains(row.Match, "") {
			continue // reported when it was read
		}
		m := namedBy(row)
		key := rowKey(m, row.Match)
		if first, again := s.exact[key]; again {
			p.add(t.rows[i].place, "this row fits the same as the row in line %d", t.Rows[first].Line)
			continue
		}
		s.exact[key] = i
		s.named[m] = append(s.named[m], i)
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
	slices.Sort(masks)
	found := make(map[int]tie)
	for _, a := range masks {
		for _, b := range masks {
			if a < b && a.size() == b.size() {
				s.between(a, b, masks, found)
			}
		}
	}
	var all []tie
	for _, t := range found {
		all = append(all, t)
	}
	slices.SortFunc(all, func(x, y tie) int { return x.row - y.row })
	return all
}

// between finds the ties of rows that name the columns a with rows that name
// the columns b: they fit the same where they agree on the columns of both.
func (s *tieSearch) between(a, b mask, masks []mask, found map[int]tie) {
	rows := s.table.Rows
	agreeing := make(map[string][]int)
	for _, i := range s.named[a] {
		key := rowKey(a&b, rows[i].Match)
		agreeing[key] = append(agreeing[key], i)
	}
	for _, j := range s.named[b] {
		for _, i := range agreeing[rowKey(a&b, rows[j].Match)] {
			if len(found) >= shownErrors {
				return // a table of crossed rows has as many ties as pairs
			}
			earlier, later := min(i, j), max(i, j)
			if _, reported := found[later]; reported {
				continue
			}
			both := meet(rows[i].Match, rows[j].Match)
			if !s.decided(a|b, a.size(), both, masks) {
				found[later] = tie{later, earlier, both}
			}
		}
	}
}

// decided tells whether a row that names more columns than the two that tie
// fits everything that fits both.
func (s *tieSearch) decided(union mask, size int, both []string, masks []mask) bool {
	for _, m := range masks {
		if m.size() <= size || m&^union != 0 {
			continue
		}
		if _, there := s.exact[rowKey(m, both)]; there {
			return true
		}
	}
	return false
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

func namedBy(row *PriceRow) mask {
	var m mask
	for i, value := range row.Match {
		if value != "*" {
			m |= 1 << i
		}
	}
	return m
}

// rowKey is the values of some columns as one text; no value has a NUL.
func rowKey(columns mask, match []string) string {
	var b strings.Builder
	for i, value := range match {
		if columns&(1<<i) == 0 {
			value = "*"
		}
		b.WriteString(value)
		b.WriteByte(0)
	}
	return b.String()
}

func shownMatch(match []string) string { return "[" + strings.Join(match, ", ") + "]" }
