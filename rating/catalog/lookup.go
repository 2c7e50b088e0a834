package catalog

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
)

// mask is a set of columns of a price table: those that a row names, not "*".
type mask uint32

func (m mask) size() int { return bits.OnesCount32(uint32(m)) }

func namedBy(row *PriceRow) mask {
	var m mask
	for i, value := range row.Match {
		if value != "*" {
			m |= 1 << i
		}
	}
	return m
}

// namedRows are the rows of a price table that name the same columns, by what
// they name there. Price sheets have thousands of rows and few such sets.
type namedRows struct {
	columns mask
	rows    map[string]int // row by rowKey
}

// indexOf is what Lookup goes through: the sets of columns that rows name,
// those with most columns first. Within one size at most one row decides: check
// has refused ties.
func indexOf(rows []PriceRow) []namedRows {
	var index []namedRows
	at := make(map[mask]int)
	for i := range rows {
		m := namedBy(&rows[i])
		if _, there := at[m]; !there {
			at[m] = len(index)
			index = append(index, namedRows{m, make(map[string]int)})
		}
		index[at[m]].rows[rowKey(m, rows[i].Match)] = i
	}
	slices.SortFunc(index, func(a, b namedRows) int {
		return cmp.Or(b.columns.size()-a.columns.size(), cmp.Compare(a.columns, b.columns))
	})
	return index
}

// Lookup is the row that fits the values (one a column of the table, empty for
// an absent value) and names most columns, or nil where none fits: that usage
// is rejected as no_price, never priced at zero.
func (t *PriceTable) Lookup(values []string) *PriceRow {
	var room [128]byte // most keys fit, so that a look-up allocates nothing
	for i := range t.index {
		named := &t.index[i]
		if row, there := named.rows[string(appendKey(room[:0], named.columns, values))]; there {
			return &t.Rows[row]
		}
	}
	return nil
}

// rowKey is the values of some columns as one text. No value of a row has a
// NUL; one of an export that has gives a key that no row can have.
func rowKey(columns mask, match []string) string {
	var room [128]byte
	return string(appendKey(room[:0], columns, match))
}

func appendKey(key []byte, columns mask, values []string) []byte {
	for i, value := range values {
		if columns&(1<<i) != 0 {
			key = append(key, value...)
		}
		key = append(key, 0)
	}
	return key
}

func shownMatch(match []string) string { return "[" + strings.Join(match, ", ") + "]" }
