package pipeline

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

const (
	unusedTime  = rating.UnusedTimeBalance
	invoiceKind = "invoice"
)

// exact is a DECIMAL(18,4) as text, with the digits that it has.
func exact(v int64) string {
	return writers.FromMoney(v).StringFixed(max(2, -writers.FromMoney(v).Exponent()-trailing(v)))
}

func trailing(v int64) int32 {
	n := int32(0)
	for ; n < 4 && v%10 == 0; n++ {
		v /= 10
	}
	return n
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// documents: every invoice is the sum of its lines, and what is due on it is
// charged or named as uncollectable.
func (x *entryProof) documents(r *provenRows) {
	lines := map[string]*documentLines{}
	for i := range r.lines.rows {
		x.line(r, i, lines)
	}
	refunds := map[string]int64{}
	for i := range r.refunds.rows {
		f := &r.refunds.rows[i]
		refunds[f.CreditNoteID] += f.Amount
		if f.Amount <= 0 {
			x.row(r, r.refunds.file, r.refunds.first+int64(i), f.CreditNoteID, "refund %s of %s: want an amount above zero", f.RefundID, exact(f.Amount))
		}
	}
	firsts := map[string]int64{}
	for i := range r.charges.rows {
		x.charge(r, i, firsts)
	}
	var uncollected []writers.PaymentAttempt
	for i := range r.invoices.rows {
		inv := &r.invoices.rows[i]
		if lines[inv.InvoiceID] == nil {
			lines[inv.InvoiceID] = &documentLines{}
		}
		of := lines[inv.InvoiceID]
		if of.seen {
			x.row(r, r.invoices.file, r.invoices.first+int64(i), inv.InvoiceID, "the invoice is there twice")
			continue
		}
		of.seen = true
		x.invoice(r, i, of, refunds[inv.InvoiceID])
		if u := x.due(r, i, firsts); u != nil {
			uncollected = append(uncollected, *u)
		}
		delete(refunds, inv.InvoiceID)
	}
	for _, id := range sortedKeys(lines) {
		if l := lines[id]; !l.seen {
			x.row(r, r.lines.file, l.row, id, "%d lines have no invoice", l.count)
		}
	}
	for _, id := range sortedKeys(refunds) {
		x.row(r, r.refunds.file, r.refunds.first, id, "a refund names a credit note that the account does not have in this entry")
	}
	x.ledger.add(&tables{documents: documents{
		lines: r.lines.rows, invoices: r.invoices.rows, charges: r.charges.rows, refunds: r.refunds.rows, balances: r.balances.rows, uncollected: uncollected,
	}})
}

// documentLines are what the lines of a document add up to.
type documentLines struct {
	row, count          int64 // of the first one; how many
	sum, discounts, tax int64
	currency            string
	seen                bool
}

func (x *entryProof) line(r *provenRows, i int, lines map[string]*documentLines) {
	l, row := &r.lines.rows[i], r.lines.first+int64(i)
	of := lines[l.InvoiceID]
	if of == nil {
		of = &documentLines{row: row, currency: l.Currency}
		lines[l.InvoiceID] = of
	}
	if of.count++; int64(l.LineNo) != of.count {
		x.row(r, r.lines.file, row, l.InvoiceID, "line_no is %d, want %d", l.LineNo, of.count)
	}
	if l.Currency != of.currency {
		x.row(r, r.lines.file, row, l.InvoiceID, "the line is in %s, the first one in %s", l.Currency, of.currency)
	}
	if l.Rule == "" || l.Calculation == "" {
		x.row(r, r.lines.file, row, l.InvoiceID, "the line names no rule or no calculation")
	}
	if l.PartD <= 0 || l.PartN < 0 || l.PartN > l.PartD {
		x.row(r, r.lines.file, row, l.InvoiceID, "the line covers %d/%d of its period", l.PartN, l.PartD)
	}
	of.sum += l.Amount
	switch rating.LineKind(l.Kind) {
	case rating.Reduced:
		of.discounts += l.Amount
	case rating.Taxed:
		of.tax += l.Amount
	}
}

// invoice holds a document against its lines.
func (x *entryProof) invoice(r *provenRows, i int, of *documentLines, refunds int64) {
	inv, row := &r.invoices.rows[i], r.invoices.first+int64(i)
	differs := func(what string, is, made int64, by string) {
		if is != made {
			x.row(r, r.invoices.file, row, inv.InvoiceID, "%s is %s, %s %s", what, exact(is), by, exact(made))
		}
	}
	differs("total", inv.Total, of.sum, "the lines make")
	differs("discounts", inv.Discounts, of.discounts, "the discount lines make")
	differs("tax", inv.Tax, of.tax, "the tax lines make")
	differs("subtotal", inv.Subtotal, inv.Total-inv.Discounts-inv.Tax, "total − discounts − tax is")
	differs("amount_due", inv.AmountDue, inv.Total-inv.CreditsApplied+refunds, "total − credits_applied + refunds is")
	if int64(inv.Lines) != of.count {
		x.row(r, r.invoices.file, row, inv.InvoiceID, "it has %d lines, invoice_lines has %d", inv.Lines, of.count)
	}
	if of.count > 0 && inv.Currency != of.currency {
		x.row(r, r.invoices.file, row, inv.InvoiceID, "it is in %s, its lines are in %s", inv.Currency, of.currency)
	}
	if inv.Kind == creditNote && inv.Total > 0 || inv.Kind != creditNote && inv.AmountDue < 0 ||
		inv.Kind == invoiceKind && (inv.Total < 0 || inv.CreditsApplied < 0) {
		x.row(r, r.invoices.file, row, inv.InvoiceID, "%s with total %s, credits_applied %s and amount_due %s: a figure has the wrong sign",
			inv.Kind, exact(inv.Total), exact(inv.CreditsApplied), exact(inv.AmountDue))
	}
	if issued := calendar.Day(inv.IssuedOn); issued > x.entry.Day {
		x.row(r, r.invoices.file, row, inv.InvoiceID, "it was issued on %s, after the billing date", issued)
	}
	x.numbered(r, row, inv)
}

// numbered: documents are numbered without a gap in the order of the table, from
// where the entry before ended.
func (x *entryProof) numbered(r *provenRows, row int64, inv *writers.Invoice) {
	at := strings.LastIndexByte(inv.Number, '-')
	series, digits := inv.Number[:max(at, 0)], inv.Number[at+1:]
	n, err := strconv.ParseInt(digits, 10, 64)
	if at < 0 || err != nil || inv.Number != fmt.Sprintf("%s-%08d", series, n) {
		x.row(r, r.invoices.file, row, inv.InvoiceID, "number %q is not a series and a number", inv.Number)
		return
	}
	if n != x.series[series]+1 {
		x.row(r, r.invoices.file, row, inv.InvoiceID, "number %s, the next of its series is %d", inv.Number, x.series[series]+1)
	}
	x.series[series] = n
}

// charge adds a first attempt up.
func (x *entryProof) charge(r *provenRows, i int, firsts map[string]int64) {
	c, row := &r.charges.rows[i], r.charges.first+int64(i)
	if c.Amount <= 0 || c.Attempt < 1 {
		x.row(r, r.charges.file, row, c.InvoiceID, "attempt %d to collect %s: want a number from 1 and an amount above zero", c.Attempt, exact(c.Amount))
	}
	if c.Method == "" {
		x.row(r, r.charges.file, row, c.InvoiceID, "charge %s has no method", c.ChargeID)
	}
	if day := calendar.Day(c.CollectOn); day > x.entry.Day {
		x.row(r, r.charges.file, row, c.InvoiceID, "it is to be collected on %s, after the billing date", day)
	}
	if c.Attempt == 1 {
		firsts[c.InvoiceID] += c.Amount
	}
}

// due: what is due on an invoice of a night is charged in it, or it is named
// why not. What an entry of another kind makes due is collected later, and what
// it gives back may pay.
func (x *entryProof) due(r *provenRows, i int, firsts map[string]int64) *writers.PaymentAttempt {
	inv, row := &r.invoices.rows[i], r.invoices.first+int64(i)
	charged, asked := firsts[inv.InvoiceID]
	switch {
	case asked && (charged > inv.AmountDue || charged != inv.AmountDue && !x.corrected):
		x.row(r, r.invoices.file, row, inv.InvoiceID, "amount_due is %s, its first attempt is of %s", exact(inv.AmountDue), exact(charged))
		return nil
	case asked && inv.Test:
		x.row(r, r.invoices.file, row, inv.InvoiceID, "a test account is charged %s", exact(charged))
		return nil
	case asked, inv.AmountDue <= 0:
		return nil
	}
	u := &writers.PaymentAttempt{InvoiceID: inv.InvoiceID, Amount: inv.AmountDue, Currency: inv.Currency, Reason: string(rating.NoMethod)}
	if inv.Test {
		u.Reason = string(rating.TestAccount)
		return u
	}
	listed := slices.ContainsFunc(r.failed.rows, func(p writers.PaymentAttempt) bool { return p.InvoiceID == inv.InvoiceID && p.Amount == inv.AmountDue })
	if x.night && calendar.Day(inv.IssuedOn) == x.entry.Day && !listed && !x.corrected {
		x.row(r, r.invoices.file, row, inv.InvoiceID, "amount_due is %s, which is neither charged nor among the failed payments", exact(inv.AmountDue))
	}
	return u
}

// payments: every charge was asked for in the payment history, for its amount.
func (x *entryProof) payments(r *provenRows) {
	asked := map[string]int64{}
	for i := range r.history.rows {
		if h := &r.history.rows[i]; h.Status == string(rating.Requested) {
			asked[h.ChargeID] += h.Amount
		}
	}
	for i := range r.charges.rows {
		c := &r.charges.rows[i]
		if asked[c.ChargeID] != c.Amount {
			x.row(r, r.charges.file, r.charges.first+int64(i), c.InvoiceID, "charge %s is of %s, payment_history has %s as requested", c.ChargeID, exact(c.Amount), exact(asked[c.ChargeID]))
		}
		delete(asked, c.ChargeID)
	}
	for _, id := range sortedKeys(asked) {
		x.row(r, r.history.file, r.history.first, "", "charge %s of %s was requested, and charges has no such", id, exact(asked[id]))
	}
}
