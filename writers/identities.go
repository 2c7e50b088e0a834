package writers

import (
	"fmt"

	"ratemill/rating/decimal"
)

// Check is one line for each identity that does not hold, with its figures;
// nil where all do.
func (t *Totals) Check() []string {
	var x broken
	t.checkRows(&x)
	once(&x, "currency", t.Money, func(m MoneyTotals) string { return m.Currency })
	for _, m := range t.Money {
		x.money(m)
	}
	once(&x, "balance", t.Balances, BalanceTotals.name)
	for _, b := range t.Balances {
		x.balance(b)
	}
	t.checkOpening(&x)
	return x
}

// checkOpening: every account of the book is opened.
func (t *Totals) checkOpening(x *broken) {
	opened := int64(0)
	for _, s := range t.Sources {
		if s.Source == "opening" {
			opened = s.Rated
		}
	}
	book := int64(0)
	if t.Opening != nil {
		book = t.Opening.Accounts
		once(x, "opening balance", t.Opening.Balances, OpeningBalance.name)
	}
	x.equal("opening book", "accounts", count(book), "opened", count(opened))
}

func (t *Totals) checkRows(x *broken) {
	once(x, "file", t.Files, FileTotals.name)
	once(x, "source", t.Sources, func(s SourceTotals) string { return s.Source })
	passed := map[string]decimal.Decimal{}
	for _, f := range t.Files {
		x.file(f)
		passed[f.Source] = passed[f.Source].Add(count(f.Passed))
	}
	for _, s := range t.Sources {
		x.source(s)
		x.equal("source "+s.Source, "passed of its files", passed[s.Source], "passed", count(s.Passed))
		delete(passed, s.Source)
	}
	for _, f := range t.Files { // in the order of the list, not of the map
		if n, left := passed[f.Source]; left {
			x.equal("source "+f.Source+" (not listed)", "passed of its files", n, "passed", decimal.Zero)
			delete(passed, f.Source)
		}
	}
}

// CheckAgainst is one line for each balance that does not open with what it
// closed with in the entry before. A balance that is not listed is 0. Before
// the first entry, whose previous is nil, there is what the opening book has,
// which no later entry can have.
func (t *Totals) CheckAgainst(previous *Totals) []string {
	var x broken
	switch {
	case previous == nil:
		previous = t.book()
	case t.Opening != nil:
		x = append(x, "opening book: this is not the first entry")
	}
	t.checkTakenUp(previous, &x)
	closing := map[string]decimal.Decimal{}
	for _, b := range previous.Balances {
		closing[b.name()] = b.Closing
	}
	for _, b := range t.Balances {
		x.equal("balance "+b.name(), "closing of the entry before", closing[b.name()], "opening", b.Opening)
		delete(closing, b.name())
	}
	for _, b := range previous.Balances {
		if left, open := closing[b.name()]; open {
			x.equal("balance "+b.name()+" (not listed)", "closing of the entry before", left, "opening", decimal.Zero)
		}
	}
	return x
}

// checkTakenUp: what the entry before left open is taken up, all of it.
func (t *Totals) checkTakenUp(previous *Totals, x *broken) {
	left := map[string]decimal.Decimal{}
	for _, m := range previous.Money {
		left[m.Currency] = m.LeftOpen
	}
	for _, m := range t.Money {
		x.equal("currency "+m.Currency, "left open by the entry before", left[m.Currency], "taken up", m.TakenUp)
		delete(left, m.Currency)
	}
	for _, m := range previous.Money {
		x.equal("currency "+m.Currency+" (not listed)", "left open by the entry before", left[m.Currency], "taken up", decimal.Zero)
	}
}

// book is the opening book as if an entry had closed with it.
func (t *Totals) book() *Totals {
	book := &Totals{}
	if t.Opening != nil {
		for _, b := range t.Opening.Balances {
			book.Balances = append(book.Balances, BalanceTotals{Balance: b.Balance, Currency: b.Currency, Unit: b.Unit, Closing: b.Amount})
		}
	}
	return book
}

// broken are the identities that do not hold.
type broken []string

func (x *broken) file(f FileTotals) {
	of := "file " + f.Key
	x.notNegative(of, f.Read, f.Passed, f.Duplicate, f.Rejected, f.NotDue)
	sum := count(f.Passed).Add(count(f.Duplicate)).Add(count(f.Rejected)).Add(count(f.NotDue))
	x.equal(of, fmt.Sprintf("passed %d + duplicate %d + rejected %d + not due %d",
		f.Passed, f.Duplicate, f.Rejected, f.NotDue), sum, "read", count(f.Read))
}

func (x *broken) source(s SourceTotals) {
	of := "source " + s.Source
	x.notNegative(of, s.Passed, s.TakenUp, s.Rated, s.Rejected, s.PutAside, s.Recycled, s.WrittenOff)
	once(x, of+": reason", s.NotBillable, func(r ReasonRows) string { return r.Reason })
	notBillable := decimal.Zero
	for _, r := range s.NotBillable {
		x.notNegative(of+": reason "+r.Reason, r.Rows)
		notBillable = notBillable.Add(count(r.Rows))
	}
	in := count(s.Passed).Add(count(s.TakenUp)).Add(count(s.Recycled))
	out := count(s.Rated).Add(notBillable).Add(count(s.Rejected)).Add(count(s.WrittenOff)).Add(count(s.PutAside))
	came := fmt.Sprintf("passed %d + taken up %d", s.Passed, s.TakenUp)
	went := fmt.Sprintf("rated %d + not billable %s + rejected %d + put aside %d", s.Rated, notBillable, s.Rejected, s.PutAside)
	if s.Recycled != 0 || s.WrittenOff != 0 {
		came += fmt.Sprintf(" + recycled %d", s.Recycled)
		went += fmt.Sprintf(" + written off %d", s.WrittenOff)
	}
	x.equal(of, came, in, went, out)
}

func (x *broken) money(m MoneyTotals) {
	of := "currency " + m.Currency
	x.equal(of, "lines", m.Lines, "invoices", m.Invoices)
	left := fmt.Sprintf("invoices %s − credits applied %s", m.Invoices, m.CreditsApplied)
	if !m.Refunds.IsZero() {
		left += fmt.Sprintf(" + refunds %s", m.Refunds)
	}
	x.equal(of, left, m.Invoices.Sub(m.CreditsApplied).Add(m.Refunds), "amount due", m.AmountDue)
	x.equal(of, "credit notes", m.CreditNotes, "refunds", m.Refunds)
	once(x, of+": reason", m.Uncollectable, func(r ReasonAmount) string { return r.Reason })
	uncollectable := decimal.Zero
	for _, r := range m.Uncollectable {
		uncollectable = uncollectable.Add(r.Amount)
	}
	asked, due := fmt.Sprintf("first-attempt charges %s + uncollectable %s", m.FirstAttemptCharges, uncollectable), "amount due"
	if !m.LeftOpen.IsZero() {
		asked += fmt.Sprintf(" + left open %s", m.LeftOpen)
	}
	if !m.TakenUp.IsZero() {
		due = fmt.Sprintf("taken up %s + amount due %s", m.TakenUp, m.AmountDue)
	}
	x.equal(of, asked, m.FirstAttemptCharges.Add(uncollectable).Add(m.LeftOpen), due, m.AmountDue.Add(m.TakenUp))
}

func (x *broken) balance(b BalanceTotals) {
	x.equal("balance "+b.name(), fmt.Sprintf("opening %s + added %s − used %s − lapsed %s", b.Opening, b.Added, b.Used, b.Lapsed),
		b.Opening.Add(b.Added).Sub(b.Used).Sub(b.Lapsed), "closing", b.Closing)
}

func (x *broken) equal(of, left string, l decimal.Decimal, right string, r decimal.Decimal) {
	if !l.Equal(r) {
		*x = append(*x, fmt.Sprintf("%s: %s = %s, but %s = %s", of, left, l, right, r))
	}
}

// notNegative reports counts below zero: two of them could hide each other.
func (x *broken) notNegative(of string, counts ...int64) {
	for _, n := range counts {
		if n < 0 {
			*x = append(*x, fmt.Sprintf("%s: a count is %d", of, n))
		}
	}
}

// once reports keys that a list has twice: one of the two would be lost in the
// comparison with the entry before.
func once[T any](x *broken, what string, list []T, key func(T) string) {
	seen := map[string]bool{}
	for _, v := range list {
		if seen[key(v)] {
			*x = append(*x, what+" "+key(v)+" is listed twice")
		}
		seen[key(v)] = true
	}
}

func count(n int64) decimal.Decimal { return decimal.NewFromInt(n) }
