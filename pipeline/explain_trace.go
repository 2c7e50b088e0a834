package pipeline

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/readers"
	"ratemill/writers"
)

// trace follows the rows of one account and source through map and fold, with
// the night's own decoding, mapping, filters and duplicate rule. What it keeps
// is sums, and of each sum so many rows as are shown.
//
// The duplicate rule holds between rows of one event id. Of those it sees the
// account's own: if the best of all is one of them, it is the best of them, too.
// If it is another account's, the night has rejected them all as conflicts, by
// file and row, and rejects says so.
type trace struct {
	account, source string
	show            int // rows of a group
	ended           ended

	groups    []*rowGroup
	at        map[string]*rowGroup
	events    []ExplainedRow // of sources that are no usage, in the order of time
	allEvents int64
}

// ended tells of the account's rows that the night did not rate where they
// ended, by source, file and row: of a group by that of its first row.
type ended struct {
	refused map[rowPlace]string // with the reason
	waits   map[rowPlace]string
}

type rowPlace struct {
	source, file string
	row          int64
}

func endedOf(rejects []writers.Reject, held []writers.Held) ended {
	e := ended{map[rowPlace]string{}, map[rowPlace]string{}}
	for i := range rejects {
		if r := &rejects[i]; r.Status != "recycled" && r.Status != reopened { // which may be rated after all
			e.refused[rowPlace{r.Source, r.File, r.Row}] = r.Reason
		}
	}
	for i := range held {
		e.waits[rowPlace{held[i].Source, held[i].File, held[i].Row}] = held[i].Reason
	}
	return e
}

func (e *ended) at(p rowPlace) bool {
	_, refused := e.refused[p]
	_, waits := e.waits[p]
	return refused || waits
}

// rowGroup is usage rows of one day and set of dimension values that went one
// way: summed up in the night, taken one by one, or as a group from held.
type rowGroup struct {
	day       calendar.Day
	by        []string // values of the columns that the meter's prices depend on
	whole     string   // values of all dimensions
	late      bool
	summed    bool // its rows went through the night as one
	unrated   bool // the night refused it or put it aside
	rows      int64
	sum       big.Int // of 10^-decimals of the source
	decimals  int
	first     rowPlace
	shown     []ExplainedRow
	inFiles   map[string]int64
	held      *writers.Held // a group that an earlier night put aside: its rows are of that night
	again     []ExplainedRow
	allAgain  int64
	firstSeen calendar.Day
}

func (g *rowGroup) quantity() decimal.Decimal {
	return decimal.NewFromBigInt(&g.sum, -int32(g.decimals))
}

// only hands a batch on with the rows of other accounts left out.
func (t *trace) only(b *readers.Batch, s *source, take func(*readers.Batch) error) error {
	if t == nil {
		return take(b)
	}
	filtered := b.LeftOut
	others := make([]uint8, b.Len)
	copy(others, filtered)
	for row := range b.Len {
		if textAt(&b.Columns[s.account], row) != t.account {
			others[row] = 1 // any filter: the night has counted what is left out
		}
	}
	b.LeftOut = others
	err := take(b)
	b.LeftOut = filtered
	return err
}

// kept takes a row that keeps its event id.
func (t *trace) kept(n *night, e *event) error {
	s := &n.sources[e.source]
	switch {
	case s.name != t.source: // read for the account's sign-up
	case s.role != usageRows:
		if t.allEvents++; e.day <= n.day {
			t.events = insertRow(t.events, n.explainedRow(s, e), t.show, compareMoments)
		}
	case e.day <= n.day:
		return t.usage(n, s, e)
	}
	return nil
}

// usage adds a usage row to its group.
func (t *trace) usage(n *night, s *source, e *event) error {
	row := n.explainedRow(s, e)
	place := rowPlace{s.name, row.File, row.Row}
	summed := !e.place.held() && n.knows(e.account) && !s.oneByOne() && !s.keyed()
	if t.ended.refused[place] == conflictingDuplicate || !summed && t.ended.at(place) {
		return nil
	}
	g := t.group(s, e.day, n.day, func(column string) string { return e.cell(s, column) }, summed)
	if err := g.add(s, e); err != nil {
		return fmt.Errorf("%s row %d: %w", row.File, row.Row, err)
	}
	if g.first.file == "" || cmp.Or(cmp.Compare(row.File, g.first.file), cmp.Compare(row.Row, g.first.row)) < 0 {
		g.first = place
	}
	g.inFiles[row.File]++
	g.shown = insertRow(g.shown, row, t.show, comparePlaces)
	return nil
}

func (g *rowGroup) add(s *source, e *event) error {
	g.rows++
	if s.keyed() {
		return nil
	}
	v, err := scaled(e.cells[s.quantity], s.decimals())
	if err != nil {
		return err
	}
	g.sum.Add(&g.sum, big.NewInt(v))
	return nil
}

// group is the group of a day and set of values, made where there is none.
// billed is the billing day that its rows belong to.
func (t *trace) group(s *source, day, billed calendar.Day, value func(column string) string, summed bool) *rowGroup {
	var all []string
	for _, field := range s.dimensions {
		all = append(all, value(s.schema.Fields[field].Name))
	}
	g := &rowGroup{day: day, late: day < billed, whole: joinedValues(all), summed: summed, inFiles: map[string]int64{}}
	if s.meter != nil {
		for _, by := range s.meter.By {
			g.by = append(g.by, value(by))
		}
	}
	if !s.keyed() {
		g.decimals = s.decimals()
	}
	key := fmt.Sprintf("%d %t %t %s %s", day, g.late, summed, g.whole, joinedValues(g.by))
	if known := t.at[key]; known != nil {
		return known
	}
	t.at[key] = g
	t.groups = append(t.groups, g)
	return g
}

func joinedValues(values []string) string { return fmt.Sprintf("%q", values) }

// lost takes a row that does not keep its event id: the same as another, or a
// conflict, which rejects names.
func (t *trace) lost(n *night, e *event, to *claim) {
	s := &n.sources[e.source]
	if s.name != t.source || s.role != usageRows || e.day > n.day {
		return
	}
	row := n.explainedRow(s, e)
	if t.ended.refused[rowPlace{s.name, row.File, row.Row}] == conflictingDuplicate {
		return
	}
	row.Note = "its event id was billed by an earlier night"
	if to != nil {
		row.Note = "the same event id as " + n.where(to.place)
	}
	g := t.group(s, e.day, n.day, func(column string) string { return e.cell(s, column) }, n.knows(e.account) && !s.oneByOne() && !s.keyed())
	g.allAgain++
	g.again = insertRow(g.again, row, t.show, comparePlaces)
}

// takeWaiting adds what skips the phases before reduce: groups that earlier
// nights put aside, and rows of a parked account.
func (t *trace) takeWaiting(n *night, s *source, h *writers.Held) error {
	billed := n.day
	if h.Reason == parked {
		billed = calendar.Day(h.BillingDay)
	}
	place := rowPlace{s.name, h.File, h.Row}
	if s.role != usageRows || t.ended.at(place) {
		return nil
	}
	e, err := eventOf(s, 0, h, makePlace(heldFile, 0))
	if err != nil {
		return err
	}
	value := func(column string) string { return e.cell(s, column) }
	if h.EventKey != "" {
		g := t.group(s, e.day, billed, value, false)
		row := rowOf(n.Catalog.Zone, s, &e)
		row.File, row.Row, row.Note = h.File, h.Row, heldNote(h)
		g.shown = insertRow(g.shown, row, t.show, comparePlaces)
		g.inFiles[h.File]++
		return g.add(s, &e)
	}
	quantity, err := decimal.NewFromString(e.cells[s.quantity])
	if err != nil {
		return fmt.Errorf("held group of %s: quantity: %w", h.AccountID, err)
	}
	g := t.group(s, e.day, billed, value, false)
	group := *g // each by itself: its rows are of a night of their own
	group.held, group.rows, group.firstSeen = h, h.Rows, calendar.Day(h.FirstSeen)
	group.sum = *quantity.Shift(int32(s.decimals())).BigInt()
	group.shown, group.again, group.allAgain, group.inFiles = nil, nil, 0, map[string]int64{}
	t.groups = append(t.groups, &group)
	return nil
}

func heldNote(h *writers.Held) string {
	return fmt.Sprintf("waited since %s: %s", calendar.Day(h.FirstSeen), h.Reason)
}

// settle marks the groups that the night refused, or put aside, as a whole.
func (t *trace) settle() {
	for _, g := range t.groups {
		g.unrated = g.summed && g.rows > 0 && t.ended.at(g.first)
	}
}

// explainedRow is a row as people read it.
func (n *night) explainedRow(s *source, e *event) ExplainedRow {
	row := rowOf(n.Catalog.Zone, s, e)
	if e.place.held() {
		h := n.waitedHeld(e)
		row.File, row.Row, row.Note = h.File, h.Row, heldNote(h)
		return row
	}
	row.File, row.Row = n.files[e.place.file()].Key, e.place.row()
	return row
}

// rowOf is a row but for where it stands. Who pays is nobody's business but the
// customer's.
func rowOf(zone calendar.Zone, s *source, e *event) ExplainedRow {
	row := ExplainedRow{Date: e.day.String()}
	if s.id >= 0 {
		row.At = time.UnixMicro(e.occurred).In(zone.Location()).Format("2006-01-02T15:04:05.999999Z07:00")
	}
	for i := range s.schema.Fields {
		f := &s.schema.Fields[i]
		switch {
		case i == s.account || i == s.at || e.cells[i] == "" || s.isPrivate(f):
		case i == s.quantity:
			row.Quantity = e.cells[i]
		default:
			row.Values = append(row.Values, ExplainedValue{f.Name, e.cells[i]})
		}
	}
	row.occurred = e.occurred
	return row
}

func comparePlaces(a, b ExplainedRow) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Row, b.Row))
}

func compareMoments(a, b ExplainedRow) int {
	return cmp.Or(cmp.Compare(a.occurred, b.occurred), comparePlaces(a, b))
}

// insertRow keeps the first rows of an order, so many as are shown.
func insertRow(list []ExplainedRow, row ExplainedRow, show int, compare func(a, b ExplainedRow) int) []ExplainedRow {
	i, _ := slices.BinarySearchFunc(list, row, compare)
	if i >= show {
		return list
	}
	list = slices.Insert(list, i, row)
	return list[:min(len(list), show)]
}
