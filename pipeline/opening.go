package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/readers"
	"ratemill/writers"
)

// The opening book is the accounts of a company that is in business already,
// as of the day before the first night. The first entry reads it, and no later
// one. Its rows take the way of other events, with a few turns of their own:
//
//	plan    the files of the first night's day are its; one of another day stops it
//	map     each row is checked whole, by rating.Open; a row that cannot be, or
//	        an account that stands twice, stops the night, all named at once
//	reduce  the row becomes the state that the account's first day goes on from
//	commit  what map added up is what the state and the balances table opened with
const openingBook = "opening"

// openingSource is the source of the book.
func openingSource() source {
	date := func(name string, optional bool) readers.Field {
		return readers.Field{Name: name, Kind: readers.Date, Optional: optional}
	}
	text := func(name string) readers.Field {
		return readers.Field{Name: name, Kind: readers.Text, Optional: true}
	}
	several := func(name string) readers.Field {
		return readers.Field{Name: name, Kind: readers.Text, Optional: true, JSON: true}
	}
	s := source{name: openingBook, role: openingRows, id: -1, account: 0, at: 1, quantity: -1}
	s.schema = readers.Schema{Source: openingBook, Fields: []readers.Field{
		{Name: "account_id", Kind: readers.Text}, date("signed_up_on", false), {Name: "plan", Kind: readers.Text},
		text("term"), text("method"), text("currency"), date("next_billing_date", false), date("first_purchase_on", true),
		several("active_users"), {Name: "contacts", Kind: readers.Integer, Optional: true}, several("balances"), several("offers"), several("flags"),
	}}
	return s
}

// ofDay are the files of the book that are the first night's. One that lies
// under another day would be left out in silence, and with it what the company
// owes its customers.
func ofDay(found []listedFile, day calendar.Day) error {
	for _, f := range found {
		if f.Source == openingBook && f.Date != "" && f.Date != day.String() {
			what := fmt.Sprintf("an opening book under the date %s: the first night is %s, and its book lies under that date", f.Date, day)
			return &readers.FileError{Key: f.Key, What: what}
		}
	}
	return nil
}

// withoutBook are the sources that a night after the first reads.
func withoutBook(sources []source) []source {
	return slices.DeleteFunc(slices.Clone(sources), func(s source) bool { return s.role == openingRows })
}

// noteUnreadBooks says in the log which books lie there for a night that reads
// none.
func noteUnreadBooks(ctx context.Context, s *Settings, sources []source) error {
	only := *s
	window := *s.Catalog
	window.WindowDays, only.Catalog = 0, &window
	found, err := listExports(ctx, &only, slices.DeleteFunc(slices.Clone(sources), func(s source) bool { return s.role != openingRows }))
	for _, f := range found {
		if f.Date != "" {
			s.Log.Warn("not read: an opening book is read by the first night alone", "name", f.Key)
		}
	}
	return err
}

// booked is what one worker read of the book.
type booked struct {
	rows     []bookedRow
	wrong    []writers.Reject              // rows that cannot be
	balances map[[3]string]decimal.Decimal // by name, currency, unit
}

type bookedRow struct {
	account uint32 // its index
	place   place
}

// mapOpening takes a batch of rows of the book.
func (n *night) mapOpening(m *mapped, file int, s *source, b *readers.Batch) error {
	m.files[file].read += int64(b.Len)
	for row := range b.Len {
		if b.LeftOut != nil && b.LeftOut[row] != 0 {
			continue
		}
		at := makePlace(file, b.FirstRow+int64(row))
		account := textAt(&b.Columns[s.account], row)
		if account != "" {
			index, err := n.signUp(m, account)
			if err != nil {
				return err
			}
			m.book.rows = append(m.book.rows, bookedRow{index, at})
		}
		e := event{source: n.files[file].source, hi: uint64(file), lo: uint64(at.row()), account: account, day: n.day - 1, place: at}
		for i := range s.schema.Fields {
			e.cells = append(e.cells, cellText(&s.schema.Fields[i], &b.Columns[i], row))
		}
		f := firstFault(s, b, row)
		if !f.found() {
			f = n.mapBooked(m, s, &e)
		}
		if f.found() { // it stops the night: no table of rejects is written
			m.book.wrong = append(m.book.wrong, writers.Reject{File: n.files[file].Key, Row: at.row(), AccountID: account, Reason: f.reason, Detail: f.detail})
			continue
		}
		m.buffer = e.append(m.buffer[:0])
		if err := m.events.add(n.partition(hashID(e.source, e.hi, e.lo)), m.buffer); err != nil {
			return err
		}
	}
	return nil
}

// mapBooked adds a row's balances up, or tells why it cannot be.
func (n *night) mapBooked(m *mapped, s *source, e *event) fault {
	a, _, f := n.openAccount(s, e)
	if f.found() {
		return f
	}
	for _, b := range unmoved(&a) {
		at := [3]string{b.Balance, b.Currency, b.Unit}
		if m.book.balances == nil {
			m.book.balances = map[[3]string]decimal.Decimal{}
		}
		m.book.balances[at] = m.book.balances[at].Add(writers.FromMoney(b.Opening))
	}
	return fault{}
}

// openAccount is the account that a row of the book makes.
func (n *night) openAccount(s *source, e *event) (rating.Account, rating.PlanChange, fault) {
	row, f := n.openingOf(s, e)
	if f.found() {
		return rating.Account{}, rating.PlanChange{}, f
	}
	a, change, reason, detail := rating.Open(n.Catalog, row, n.day)
	if reason != "" {
		return a, change, fault{string(reason), detail}
	}
	amounts := slices.Clone(a.Balances)
	for _, u := range a.Unused {
		amounts = append(amounts, rating.Balance{Name: rating.UnusedTimeBalance, Amount: u.Amount})
	}
	for _, b := range amounts {
		if _, fits := writers.Money(b.Amount); !fits {
			return a, change, fault{tooLarge, fmt.Sprintf("balance %s of %s does not fit DECIMAL(18,4)", b.Name, b.Amount)}
		}
	}
	return a, change, fault{}
}

// openingOf reads the cells of a row, which are those of the schema's kinds.
func (n *night) openingOf(s *source, e *event) (*rating.Opening, fault) {
	cell := func(name string) string { return e.cell(s, name) }
	date := func(name string) calendar.Day {
		d, _ := calendar.Parse(cell(name)) // written by us from a Day; empty: None
		return d
	}
	row := &rating.Opening{
		Account: rating.AccountID(e.account), SignedUpOn: date("signed_up_on"), Plan: cell("plan"), Term: cell("term"), Method: cell("method"),
		Currency: cell("currency"), NextBillingOn: date("next_billing_date"), FirstPurchaseOn: date("first_purchase_on"),
	}
	for _, list := range []struct {
		name string
		into *[]string
	}{{"active_users", &row.ActiveUsers}, {"offers", &row.Offers}, {"flags", &row.Flags}} {
		texts, err := textsOf(cell(list.name))
		if err != nil {
			return nil, fault{notAList, list.name + ": " + err.Error()}
		}
		*list.into = texts
	}
	var err error
	if row.Balances, err = amountsOf(cell("balances")); err != nil {
		return nil, fault{notAmounts, "balances: " + err.Error()}
	}
	if contacts := cell("contacts"); contacts != "" {
		value, _ := strconv.ParseInt(contacts, 10, 64) // written by us
		for _, m := range n.Catalog.MetersOf("contacts") {
			if slices.Contains(m.Columns, "contacts") {
				row.Levels = append(row.Levels, rating.Level{Meter: m.Name, Value: value})
			}
		}
	}
	return row, fault{}
}

// OpeningError is an opening book with rows that cannot be. Nothing was
// published: an account that is left out would lose what it is owed.
type OpeningError struct {
	Rows []writers.Reject // by file and row
}

// mostRowsNamed is how many rows a message names.
const mostRowsNamed = 1000

func (e *OpeningError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the opening book has %d rows that cannot be, nothing is published:", len(e.Rows))
	for i, r := range e.Rows {
		if i == mostRowsNamed {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Rows)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s: row %d: account %q: %s", r.File, r.Row, r.AccountID, r.Reason)
		if r.Detail != "" {
			b.WriteString(": " + r.Detail)
		}
	}
	return b.String()
}

// checkBook stops the night if a row of the book cannot be, or an account
// stands there twice.
func (n *night) checkBook() error {
	var all []bookedRow
	var wrong []writers.Reject
	for _, m := range n.mapped {
		all = append(all, m.book.rows...)
		wrong = append(wrong, m.book.wrong...)
	}
	slices.SortFunc(all, func(x, y bookedRow) int {
		return cmp.Or(cmp.Compare(x.account, y.account), cmp.Compare(x.place, y.place))
	})
	for i := 1; i < len(all); i++ {
		if r := all[i]; r.account == all[i-1].account {
			wrong = append(wrong, writers.Reject{
				File: n.files[r.place.file()].Key, Row: r.place.row(), AccountID: n.accounts.name(r.account), Reason: twiceInBook, Detail: "it stands in " + n.where(all[i-1].place) + " too",
			})
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.SortFunc(wrong, func(x, y writers.Reject) int {
		return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.Row, y.Row), cmp.Compare(x.Reason, y.Reason))
	})
	return &OpeningError{wrong}
}

// open makes the state of an account of the book, which its first day goes on
// from.
func (n *night) open(out *tables, w *accountWork) {
	i := slices.IndexFunc(w.items, func(it item) bool { return n.sources[it.source].role == openingRows })
	if i < 0 {
		return
	}
	it := w.items[i]
	a, change, f := n.openAccount(&n.sources[it.source], it.event)
	if f.found() {
		panic("pipeline: a row of the book was not checked before it was opened: " + f.reason)
	}
	w.state = &a
	w.items = slices.Delete(w.items, i, i+1)
	out.ends[it.source].rated += it.rows
	out.planChanges = append(out.planChanges, planChangeRow(&a, 1, change))
}

// bookTotals are the control totals of the book; nil where there is none.
func (n *night) bookTotals() *writers.OpeningTotals {
	if !slices.ContainsFunc(n.files, func(f input) bool { return f.Source == openingBook }) {
		return nil
	}
	t := &writers.OpeningTotals{}
	sums := map[[3]string]decimal.Decimal{}
	for _, m := range n.mapped {
		t.Accounts += int64(len(m.book.rows))
		for at, sum := range m.book.balances {
			sums[at] = sums[at].Add(sum)
		}
	}
	for at, sum := range sums { // Encode sorts them
		t.Balances = append(t.Balances, writers.OpeningBalance{Balance: at[0], Currency: at[1], Unit: at[2], Amount: sum})
	}
	return t
}
