package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Sheet is a price sheet as it was read: cells as written, with the blanks
// around them. Row i is row i+1 of the file, whose header is not counted.
type Sheet struct {
	Columns []string
	Rows    [][]string // a cell for each of Columns; empty: nothing there
}

// Import says how a Sheet becomes a price table.
type Import struct {
	Table      string // its name
	Rule       RuleID
	Columns    []ImportColumn // of the table
	Each       string         // column of the sheet with the prices; empty: Price is that of every row
	Price      string
	Per        int64   // prices of the sheet are for so many units
	Default    string  // price of whatever no row of the sheet fits; empty: there is none
	Where      []Where // rows that do not meet all of these are left out, whatever is in them
	EmptyIsAny bool    // an empty cell of a key fits any value; else it is refused
	SameOnce   bool    // a key that stands there several times with one price is taken once; else refused
}

// ImportColumn is a column of the price table: the cells of a column of the
// sheet, or the same value in every row.
type ImportColumn struct {
	Name  string
	From  string // column of the sheet; empty: Value in every row
	Value string
}

// Where is a condition on the rows of a sheet: the cell is one of the values.
type Where struct {
	Column string
	Values []string
}

// Imported is a price table made of a sheet.
type Imported struct {
	Table PriceTable // its rows in the order of their values, "*" last
	Taken int        // rows of the sheet that are in the table
	Of    int        // rows of the sheet
}

// SheetFault is a kind of mistake in a sheet.
type SheetFault int

const (
	OtherFault SheetFault = iota
	EmptyKey              // nothing in a cell of the key
	Repeated              // a key several times, with one price
)

// SheetError is a mistake in a price sheet.
type SheetError struct {
	Row     int // the first that it is about, from 1
	Fault   SheetFault
	Message string
}

// SheetErrors are all mistakes that were found in a price sheet, by their rows.
type SheetErrors []SheetError

// shownFaults is how many mistakes of a sheet are printed.
const shownFaults = 20

func (e SheetErrors) Error() string {
	var text []string
	for _, one := range e[:min(len(e), shownFaults)] {
		text = append(text, one.Message)
	}
	if more := len(e) - shownFaults; more > 0 {
		text = append(text, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(text, "\n")
}

// Has tells whether one of the mistakes is of a kind.
func (e SheetErrors) Has(fault SheetFault) bool {
	return slices.ContainsFunc(e, func(one SheetError) bool { return one.Fault == fault })
}

// SheetColumns are the columns of the sheet that the import reads, each once.
func (m *Import) SheetColumns() []string {
	var all []string
	add := func(column string) {
		if column != "" && !slices.Contains(all, column) {
			all = append(all, column)
		}
	}
	for _, c := range m.Columns {
		add(c.From)
	}
	add(m.Each)
	for _, w := range m.Where {
		add(w.Column)
	}
	return all
}

// Check tells what is wrong with the import itself, before a sheet is read.
func (m *Import) Check() error {
	if why := badText(m.Table); why != "" {
		return fmt.Errorf("the table's name %q %s", m.Table, why)
	}
	if why := badText(string(m.Rule)); why != "" {
		return fmt.Errorf("the rule %q %s", m.Rule, why)
	}
	if len(m.Columns) > maxColumns {
		return fmt.Errorf("%d columns; a price table may have %d", len(m.Columns), maxColumns)
	}
	for i, c := range m.Columns {
		if why := badText(c.Name); why != "" {
			return fmt.Errorf("the column's name %q %s", c.Name, why)
		}
		if slices.ContainsFunc(m.Columns[:i], func(o ImportColumn) bool { return o.Name == c.Name }) {
			return fmt.Errorf("two columns are called %q", c.Name)
		}
		if why := badText(c.Value); c.From == "" && why != "" {
			return fmt.Errorf("the value %q of column %q %s", c.Value, c.Name, why)
		}
	}
	if m.Per < 1 || m.Each == "" && m.Per > 1 {
		return fmt.Errorf("prices of a sheet's column can be for 1 unit or more, not %d", m.Per)
	}
	for _, price := range []string{m.Price, m.Default} {
		if _, err := Price(price); price != "" && err != nil {
			return fmt.Errorf("the price %w", err)
		}
	}
	return nil
}

// Make makes the table. An error is a SheetErrors: all that is wrong with the
// sheet. Nothing in it is mended or guessed, since a wrong price is worse than
// none.
func (m *Import) Make(s *Sheet) (*Imported, error) {
	i := importer{Import: m, sheet: s}
	i.read()
	i.keys()
	i.ties()
	if len(i.faults) > 0 {
		slices.SortStableFunc(i.faults, func(a, b SheetError) int { return cmp.Compare(a.Row, b.Row) })
		return nil, i.faults
	}
	made := &Imported{Table: i.table(), Of: len(s.Rows), Taken: len(i.rows)}
	if m.Default != "" {
		made.Taken--
	}
	if size := len(made.Text("")); size > maxBytes {
		return nil, SheetErrors{{Message: fmt.Sprintf("the table has %d bytes; a catalog may have %d", size, maxBytes)}}
	}
	return made, nil
}

// Text is the table as it stands in a catalog under price_tables, below a
// comment that says where it comes from.
func (m *Imported) Text(file string) string {
	w := &printer{}
	rows := fmt.Sprintf("%d", m.Taken)
	if m.Taken != m.Of {
		rows = fmt.Sprintf("%d of the %d", m.Taken, m.Of)
	}
	w.line(2, "# %s rows of %q", rows, file)
	m.Table.print(w)
	return together([]string{""}, []string{w.String()})
}

// importer is an import under way.
type importer struct {
	*Import
	sheet  *Sheet
	rows   []sheetRow
	faults SheetErrors
}

// sheetRow is a row that the table takes.
type sheetRow struct {
	number int // from 1; 0: the default
	match  []string
	price  decimal.Decimal
	text   string // the price as written
}

func (i *importer) fault(row int, fault SheetFault, format string, args ...any) {
	i.faults = append(i.faults, SheetError{row, fault, fmt.Sprintf(format, args...)})
}

// read takes the rows that meet the conditions, and refuses cells by row and
// column.
func (i *importer) read() {
	at := make(map[string]int)
	for place, name := range i.sheet.Columns {
		at[name] = place
	}
	met := 0
	for n, cells := range i.sheet.Rows {
		if !i.meets(cells, at) {
			continue
		}
		met++
		before := len(i.faults)
		row := sheetRow{number: n + 1, match: i.match(n+1, cells, at)}
		i.price(&row, cells, at)
		if len(i.faults) == before {
			i.rows = append(i.rows, row)
		}
	}
	switch {
	case len(i.sheet.Rows) == 0:
		i.fault(0, OtherFault, "no rows")
	case met == 0:
		i.fault(0, OtherFault, "none of the %d rows meets all conditions", len(i.sheet.Rows))
	}
	if i.Default != "" {
		row := sheetRow{text: i.Default}
		for _, c := range i.Columns {
			row.match = append(row.match, cmp.Or(c.Value, "*"))
		}
		row.price, _ = Price(i.Default) // Check has read it
		i.rows = append(i.rows, row)
	}
}

func (i *importer) meets(cells []string, at map[string]int) bool {
	for _, w := range i.Where {
		if !slices.Contains(w.Values, cells[at[w.Column]]) {
			return false
		}
	}
	return true
}

// match is the row's key.
func (i *importer) match(number int, cells []string, at map[string]int) []string {
	var match []string
	for _, c := range i.Columns {
		value := c.Value
		if c.From != "" {
			switch value = cells[at[c.From]]; {
			case value == "*":
				i.fault(number, OtherFault, `row %d, column %q: "*" would fit any value`, number, c.From)
			case value == "" && i.EmptyIsAny:
				value = "*"
			case value == "":
				i.fault(number, EmptyKey, "row %d, column %q: empty", number, c.From)
			}
		}
		match = append(match, value)
	}
	return match
}

func (i *importer) price(row *sheetRow, cells []string, at map[string]int) {
	row.text = i.Price
	if i.Each != "" {
		row.text = cells[at[i.Each]]
	}
	if row.text == "" {
		i.fault(row.number, OtherFault, "row %d, column %q: no price", row.number, i.Each)
		return
	}
	var err error
	if row.price, err = Price(row.text); err == nil && i.Per > 1 {
		row.price, err = perUnit(row.price, i.Per)
	}
	if err != nil {
		i.fault(row.number, OtherFault, "row %d, column %q: %v", row.number, i.Each, err)
	}
}

// perUnit is the price of one where so many cost the price, in as few digits
// as it takes. It is never rounded.
func perUnit(price decimal.Decimal, per int64) (decimal.Decimal, error) {
	each, exact := money.Quotient(price, per, maxDecimals)
	if !exact {
		return each, fmt.Errorf("%s for %d makes no price of one with at most %d decimals", price, per, maxDecimals)
	}
	return decimal.NewFromString(each.String())
}

// sheetKey is a key of the sheet with its rows.
type sheetKey struct {
	match []string
	rows  []sheetRow
}

// keys refuses keys that stand there several times, and keys that a reader
// takes for the same; it leaves one row a key.
func (i *importer) keys() {
	keys := grouped(i.rows, func(r sheetRow) string { return strings.Join(r.match, "\x00") })
	i.rows = nil
	var distinct []sheetKey
	for _, rows := range keys {
		i.rows = append(i.rows, rows[0])
		distinct = append(distinct, sheetKey{rows[0].match, rows})
		i.repeated(rows)
	}
	for _, alike := range grouped(distinct, func(k sheetKey) string { return folded(k.match) }) {
		if len(alike) > 1 {
			i.ambiguous(alike)
			continue
		}
		for _, value := range alike[0].match {
			if why := badText(value); why != "" {
				first := alike[0].rows[0]
				i.fault(first.number, OtherFault, "row %d: %s %s", first.number, i.shownKey(first.match), why)
				break
			}
		}
	}
}

// repeated refuses the rows of one key: with several prices in any case.
func (i *importer) repeated(rows []sheetRow) {
	prices := grouped(rows, func(r sheetRow) string { return r.price.String() })
	if len(prices) == 1 {
		if len(rows) > 1 && !i.SameOnce {
			i.fault(rows[0].number, Repeated, "%s stands in %s, always with the price %s", i.shownKey(rows[0].match), shownRows(rows), rows[0].text)
		}
		return
	}
	var each []string
	for _, same := range prices {
		each = append(each, fmt.Sprintf("%s in %s", same[0].text, shownRows(same)))
	}
	i.fault(rows[0].number, OtherFault, "%s has %d prices: %s", i.shownKey(rows[0].match), len(prices), strings.Join(each, ", "))
}

func (i *importer) ambiguous(alike []sheetKey) {
	var each []string
	for _, k := range alike {
		each = append(each, fmt.Sprintf("%s in %s", i.shownKey(k.match), shownRows(k.rows)))
	}
	i.fault(alike[0].rows[0].number, OtherFault, "%s: the keys differ only in blanks around them or in letter case", strings.Join(each, " and "))
}

// ties refuses rows that fit the same usage without naming more of it, which
// empty cells can make.
func (i *importer) ties() {
	if len(i.faults) > 0 {
		return // rows that would decide may be missing
	}
	rows := make([]PriceRow, len(i.rows))
	search := newTieSearch(rows)
	for n, r := range i.rows {
		rows[n] = PriceRow{Match: r.match}
		search.add(n)
	}
	for _, t := range search.ties() {
		row, with := i.rows[t.row], i.rows[t.with]
		i.fault(row.number, OtherFault, "%s ties with %s: both fit %s", shownRows([]sheetRow{row}), shownRows([]sheetRow{with}), shownMatch(t.both))
	}
}

func (i *importer) table() PriceTable {
	t := PriceTable{Name: i.Table, Rule: i.Rule}
	for _, c := range i.Columns {
		t.Columns = append(t.Columns, c.Name)
	}
	for _, r := range i.rows {
		t.Rows = append(t.Rows, PriceRow{Match: r.match, Price: r.price})
	}
	slices.SortFunc(t.Rows, func(a, b PriceRow) int { return slices.CompareFunc(a.Match, b.Match, compareMatch) })
	return t
}

// compareMatch is the order of rows: by their bytes, what fits any value last.
func compareMatch(a, b string) int {
	if a == "*" || b == "*" {
		return boolInt(a == "*") - boolInt(b == "*")
	}
	return cmp.Compare(a, b)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// folded is a key without what readers overlook.
func folded(match []string) string {
	var all []string
	for _, value := range match {
		all = append(all, strings.ToLower(strings.ToUpper(strings.TrimSpace(value))))
	}
	return strings.Join(all, "\x00")
}

// shownKey names what the sheet has of a key: MCC "206", MNC "05".
func (i *importer) shownKey(match []string) string {
	var named []string
	for n, c := range i.Columns {
		if c.From != "" {
			named = append(named, fmt.Sprintf("%s %q", c.From, match[n]))
		}
	}
	return strings.Join(named, ", ")
}

// shownRows names rows: row 3, rows 3 and 7, rows 3, 7, 9 and 17 more.
func shownRows(rows []sheetRow) string {
	const shown = 5
	var all []string
	for _, r := range rows[:min(len(rows), shown)] {
		if r.number == 0 {
			all = append(all, "the default")
			continue
		}
		all = append(all, fmt.Sprint(r.number))
	}
	if more := len(rows) - shown; more > 0 {
		all = append(all, fmt.Sprintf("%d more", more))
	}
	switch last := len(all) - 1; {
	case last > 0:
		return "rows " + strings.Join(all[:last], ", ") + " and " + all[last]
	case rows[0].number == 0:
		return all[0]
	default:
		return "row " + all[0]
	}
}

// grouped puts together what has the same key, in the order of the first.
func grouped[T any](all []T, key func(T) string) [][]T {
	var groups [][]T
	at := make(map[string]int)
	for _, one := range all {
		k := key(one)
		if _, there := at[k]; !there {
			at[k] = len(groups)
			groups = append(groups, nil)
		}
		groups[at[k]] = append(groups[at[k]], one)
	}
	return groups
}
