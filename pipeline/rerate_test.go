package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

// rerate folds days again.
func (c *company) tryRerate(from, to string, dryRun bool) (*RerateResult, error) {
	c.Helper()
	s := c.settings(to)
	return Rerate(context.Background(), s, Span{day(c, from), day(c, to)}, dryRun)
}

// rerate is a rerate that must be published, and leave what was issued alone.
func (c *company) rerate(from, to string) *RerateResult {
	c.Helper()
	before := tree(c, c.output)
	r, err := c.tryRerate(from, to, false)
	if err != nil {
		c.Fatalf("rerate of %s to %s: %v", from, to, err)
	}
	if r.Status != Published {
		c.Fatalf("rerate of %s to %s: %s", from, to, r.Status)
	}
	c.provePublished(r.Entry)
	after := tree(c, c.output)
	for key, text := range before {
		if after[key] != text {
			c.Errorf("%s changed", key)
		}
	}
	return r
}

// sameAgain is a rerate that must find nothing.
func (c *company) sameAgain(from, to string) {
	c.Helper()
	before := tree(c, c.output)
	r, err := c.tryRerate(from, to, false)
	if err != nil {
		c.Fatalf("rerate of %s to %s: %v", from, to, err)
	}
	if r.Status != Same || len(r.Notes) > 0 || r.States > 0 {
		c.Errorf("rerate of %s to %s: %s, %d states, notes:\n%s", from, to, r.Status, r.States, notesText(r))
	}
	sameTree(c, "after a rerate that finds nothing", tree(c, c.output), before)
}

// notesText are the notes of a rerate as finance would write them down.
func notesText(r *RerateResult) string {
	var b strings.Builder
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "%s %s %s total %s credits %s due %s\n", n.Kind, n.Number, n.AccountID, amount(n.Total), amount(n.CreditsApplied), amount(n.AmountDue))
		for _, l := range n.Of {
			line := "-"
			if l.CorrectsInvoiceID != "" {
				line = fmt.Sprintf("line %d", l.CorrectsLineNo)
			}
			fmt.Fprintf(&b, "  %s %s %s %s: %s\n", l.Kind, amount(l.Amount), l.Rule, line, l.Calculation)
		}
	}
	return b.String()
}

// rowsOf reads a table of an entry.
func rowsOf[T any](c *company, e *Entry, table writers.Spec) (all []T) {
	c.Helper()
	err := eachRow(context.Background(), c.output, []*Entry{e}, table, func(r *T) { all = append(all, *r) })
	if err != nil {
		c.Fatal(err)
	}
	return all
}

// chain are all entries.
func (c *company) chain() (all []*Entry) {
	c.Helper()
	head, err := Head(context.Background(), c.output)
	if err != nil {
		c.Fatal(err)
	}
	for n := int64(1); n <= head.Entry; n++ {
		e, err := ReadEntry(context.Background(), c.output, n)
		if err != nil {
			c.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// standing is what the history comes to, account by account: what was billed,
// what the customer owes or has paid for it, and the usage side of the state.
func (c *company) standing() string {
	c.Helper()
	type sums struct{ billed, asked, rated int64 }
	of := map[string]*sums{}
	at := func(account string) *sums {
		if of[account] == nil {
			of[account] = &sums{}
		}
		return of[account]
	}
	entries := c.chain()
	for _, e := range entries {
		for _, inv := range rowsOf[writers.Invoice](c, e, writers.InvoicesTable) {
			at(inv.AccountID).billed += inv.Total
			at(inv.AccountID).asked += inv.AmountDue
		}
		for _, r := range rowsOf[writers.Refund](c, e, writers.RefundsTable) {
			at(r.AccountID).asked -= r.Amount
		}
		for _, p := range rowsOf[writers.PaymentAttempt](c, e, writers.PaymentHistoryTable) {
			if p.Status == string(rating.Credited) {
				at(p.AccountID).asked -= p.Amount
			}
		}
		for _, r := range rowsOf[writers.RatedUsage](c, e, writers.RatedUsageTable) {
			at(r.AccountID).rated += r.Rows
		}
	}
	last := entries[len(entries)-1]
	states := map[string]string{}
	for _, s := range rowsOf[writers.State](c, last, writers.StateTable) {
		a, err := accountOf(&s)
		if err != nil {
			c.Fatal(err)
		}
		at(s.AccountID)
		a.Collections, a.Refundable = nil, nil
		a.Balances = slices.DeleteFunc(a.Balances, func(b rating.Balance) bool {
			if b.Name == rating.CorrectionCredit {
				at(s.AccountID).asked -= cents(b.Amount)
			}
			return b.Name == rating.CorrectionCredit
		})
		if a.Exists() {
			states[s.AccountID] = fmt.Sprintf("%+v", stateRow(&a))
		}
	}
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(of)) {
		if s := of[id]; *s != (sums{}) || states[id] != "" {
			fmt.Fprintf(&b, "%s billed %s asked %s rows %d\n  %s\n", id, amount(s.billed), amount(s.asked), s.rated, states[id])
		}
	}
	for _, h := range rowsOf[writers.Held](c, last, writers.HeldTable) {
		h.FirstSeen = 0
		fmt.Fprintf(&b, "held %+v\n", h)
	}
	return b.String()
}

// twin is the company with the same exports, and knobs, and no history.
func (c *company) twin() *company {
	t := newCompany(c.TB, "")
	t.knobs = c.knobs
	for key, text := range tree(c, c.exports) {
		put(c, t.exports, key, text)
	}
	return t
}

// wantStanding compares with a fold that had every export from the start.
func (c *company) wantStanding(from, to string) {
	c.Helper()
	t := c.twin()
	t.nights(from, to)
	equalText(c, "standing at the end of "+to, c.standing(), t.standing())
}

const lateSMS = `
	-- sms/2024-05-03 late.csv
	x1,A,2024-05-03T10:00:00,outbound,acme,US,900
`

// A file that comes after ten nights: one note, due with the next night, and
// then everything is as if it had been there from the start.
func TestLateFileRerated(t *testing.T) {
	c := newCompany(t, small)
	c.nights("2024-05-01", "2024-05-10")
	c.deliver(lateSMS)
	r := c.rerate("2024-05-03", "2024-05-03")
	t.Log(notesText(r))
	if r.Entry.BillingDate != "2024-05-11" || r.Entry.Entry != 11 || r.Entry.Kind != writers.Rerate || len(r.Notes) != 1 {
		t.Errorf("entry %d of %s, kind %s, %d notes", r.Entry.Entry, r.Entry.BillingDate, r.Entry.Kind, len(r.Notes))
	}
	c.sameAgain("2024-05-03", "2024-05-03")
	c.sameAgain("2024-05-01", "2024-05-10")
	c.wantStanding("2024-05-01", "2024-05-10")
	c.night("2024-05-11")
	t.Log(c.documents("2024-05-11"))
	c.wantStanding("2024-05-01", "2024-05-11")
	c.sameAgain("2024-05-03", "2024-05-10")
	c.night("2024-05-12")
	c.wantStanding("2024-05-01", "2024-05-12")
	again, err := c.try("2024-05-03")
	if err != nil || again.Status != Already || again.Corrected != 11 {
		t.Errorf("the night of 3 May again: %+v, %v", again, err)
	}
}

var _ = calendar.None
