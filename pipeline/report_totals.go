package pipeline

import (
	"cmp"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
	"ratemill/writers/report"
)

// addTotals adds the control totals of an entry to those of the entries before
// it: balances open with the first and close with the last. Files are added up
// by source, under no key.
func addTotals(sum, t *writers.Totals) {
	for _, f := range t.Files {
		s := slot(&sum.Files, func(x *writers.FileTotals) bool { return x.Source == f.Source })
		s.Source = f.Source
		s.Read, s.Passed, s.Duplicate = s.Read+f.Read, s.Passed+f.Passed, s.Duplicate+f.Duplicate
		s.Rejected, s.NotDue = s.Rejected+f.Rejected, s.NotDue+f.NotDue
	}
	for _, f := range t.Sources {
		s := slot(&sum.Sources, func(x *writers.SourceTotals) bool { return x.Source == f.Source })
		s.Source = f.Source
		s.Passed, s.TakenUp, s.Rated = s.Passed+f.Passed, s.TakenUp+f.TakenUp+f.Recycled, s.Rated+f.Rated
		s.Rejected, s.PutAside = s.Rejected+f.Rejected+f.WrittenOff, s.PutAside+f.PutAside
		for _, n := range f.NotBillable {
			of := slot(&s.NotBillable, func(x *writers.ReasonRows) bool { return x.Reason == n.Reason })
			of.Reason, of.Rows = n.Reason, of.Rows+n.Rows
		}
	}
	for i := range t.Money {
		addMoney(sum, &t.Money[i])
	}
	closed := map[int]bool{}
	for _, b := range t.Balances {
		is := func(x *writers.BalanceTotals) bool {
			return x.Balance == b.Balance && x.Currency == b.Currency && x.Unit == b.Unit
		}
		known := slices.ContainsFunc(sum.Balances, func(x writers.BalanceTotals) bool { return is(&x) })
		s := slot(&sum.Balances, is)
		if !known {
			s.Balance, s.Currency, s.Unit, s.Opening = b.Balance, b.Currency, b.Unit, b.Opening
		}
		s.Added, s.Used, s.Lapsed, s.Closing = s.Added.Add(b.Added), s.Used.Add(b.Used), s.Lapsed.Add(b.Lapsed), b.Closing
		closed[slices.IndexFunc(sum.Balances, func(x writers.BalanceTotals) bool { return is(&x) })] = true
	}
	for i := range sum.Balances {
		if !closed[i] { // an entry that does not list a balance has none of it
			sum.Balances[i].Closing = decimal.Zero
		}
	}
}

func addMoney(sum *writers.Totals, m *writers.MoneyTotals) {
	s := slot(&sum.Money, func(x *writers.MoneyTotals) bool { return x.Currency == m.Currency })
	s.Currency = m.Currency
	s.Lines, s.Invoices, s.CreditsApplied = s.Lines.Add(m.Lines), s.Invoices.Add(m.Invoices), s.CreditsApplied.Add(m.CreditsApplied)
	s.AmountDue, s.FirstAttemptCharges = s.AmountDue.Add(m.AmountDue), s.FirstAttemptCharges.Add(m.FirstAttemptCharges)
	s.RetriedCharges, s.CreditNotes, s.Refunds = s.RetriedCharges.Add(m.RetriedCharges), s.CreditNotes.Add(m.CreditNotes), s.Refunds.Add(m.Refunds)
	s.TakenUp, s.LeftOpen = s.TakenUp.Add(m.TakenUp), s.LeftOpen.Add(m.LeftOpen)
	for _, u := range m.Uncollectable {
		of := slot(&s.Uncollectable, func(x *writers.ReasonAmount) bool { return x.Reason == u.Reason })
		of.Reason, of.Amount = u.Reason, of.Amount.Add(u.Amount)
	}
}

// slot is the element that is meant, or a new one.
func slot[T any](list *[]T, is func(*T) bool) *T {
	for i := range *list {
		if is(&(*list)[i]) {
			return &(*list)[i]
		}
	}
	*list = append(*list, *new(T))
	return &(*list)[len(*list)-1]
}

// sources are the control totals of rows over the span.
func (r *reporting) sources() {
	for _, s := range r.totals.Sources {
		x := report.SourceRows{Source: s.Source, Passed: s.Passed, TakenUp: s.TakenUp, Rated: s.Rated, RejectedInRating: s.Rejected, PutAside: s.PutAside}
		for _, n := range s.NotBillable {
			x.NotBillable += n.Rows
		}
		for _, f := range r.totals.Files {
			if f.Source == s.Source {
				x.Read, x.Duplicate, x.RefusedInFile, x.NotDue = f.Read, f.Duplicate, f.Rejected, f.NotDue
			}
		}
		r.facts.Sources = append(r.facts.Sources, x)
	}
	slices.SortFunc(r.facts.Sources, func(a, b report.SourceRows) int { return cmp.Compare(a.Source, b.Source) })
}

// checks hold the tables against run.json, and the figures of run.json
// against each other, over the span.
func (r *reporting) checks() {
	for i := range r.totals.Money {
		r.checkMoney(&r.totals.Money[i])
	}
	for i := range r.totals.Balances {
		r.checkBalance(&r.totals.Balances[i])
	}
	for _, s := range r.facts.Sources {
		if s == (report.SourceRows{Source: s.Source}) {
			continue // nothing came of it
		}
		r.check(s.Source, "rows read = duplicate + refused + not yet due + passed on", 0, decimal.NewFromInt(s.Read), decimal.NewFromInt(s.Duplicate+s.RefusedInFile+s.NotDue+s.Passed))
		r.check(s.Source, "rows passed on + taken up = rated + not billable + rejected + put aside", 0, decimal.NewFromInt(s.Passed+s.TakenUp), decimal.NewFromInt(s.Rated+s.NotBillable+s.RejectedInRating+s.PutAside))
	}
}

func (r *reporting) checkMoney(t *writers.MoneyTotals) {
	m := r.of(t.Currency)
	m.Refunded = t.Refunds
	add := func(what string, left, right decimal.Decimal) { r.check(t.Currency, what, m.Minor, left, right) }
	uncollectable := decimal.Zero
	for _, u := range t.Uncollectable {
		uncollectable = uncollectable.Add(u.Amount)
	}
	add("invoice lines, table = control total", r.sum(ofKinds, m.Currency), t.Lines)
	add("documents, table = control total", m.Invoiced.Now, t.Invoices)
	add("amounts due, table = control total", m.Due.Now, t.AmountDue)
	add("invoice lines = documents", t.Lines, t.Invoices)
	add("documents − balances used + refunds = amounts due", t.Invoices.Sub(t.CreditsApplied).Add(t.Refunds), t.AmountDue)
	asked := "first charges + uncollectable = amounts due"
	if !t.LeftOpen.IsZero() || !t.TakenUp.IsZero() { // a rerate asks for nothing, the night after it does
		asked = "first charges + uncollectable + left open = amounts due + taken up"
	}
	add(asked, t.FirstAttemptCharges.Add(uncollectable).Add(t.LeftOpen), t.AmountDue.Add(t.TakenUp))
}

func (r *reporting) checkBalance(t *writers.BalanceTotals) {
	of, minor := t.Balance+" "+t.Currency+t.Unit, int32(0)
	if t.Unit == "" {
		minor = r.of(t.Currency).Minor
	}
	r.check(of, "opening + added − used − lapsed = closing", minor, t.Opening.Add(t.Added).Sub(t.Used).Sub(t.Lapsed), t.Closing)
	r.check(of, "closing, table = control total", minor, r.closing(sumName{ofBalances, t.Balance, moneyOrUnit(t.Currency, t.Unit)}).decimal(), t.Closing)
}

func (r *reporting) check(of, what string, minor int32, left, right decimal.Decimal) {
	r.facts.Proof.Checks = append(r.facts.Proof.Checks, report.Check{Of: of, What: what, Left: left, Right: right, Minor: minor})
}

// ages are the classes of open amounts, in days.
var ages = []report.Ageing{{From: 0, To: 7}, {From: 8, To: 14}, {From: 15, To: 30}, {From: 31, To: 60}, {From: 61, To: 90}, {From: 91}}

// ageOf is the class of an amount that was invoiced on a day.
func ageOf(invoiced, now calendar.Day) int {
	days := int(now - invoiced)
	for i, a := range ages {
		if a.To == 0 || days <= a.To {
			return i
		}
	}
	return len(ages) - 1
}
