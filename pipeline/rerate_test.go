package pipeline

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
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
	if breaks := c.breaks(); len(breaks) > 0 {
		c.Errorf("not proven:\n%s", strings.Join(breaks[:min(len(breaks), 12)], "\n"))
	}
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
		if r.Entry != nil {
			c.Logf("rejects %+v\nusage %+v", rowsOf[writers.Reject](c, r.Entry, writers.RejectsTable), rowsOf[writers.RatedUsage](c, r.Entry, writers.RatedUsageTable))
			all := c.chain()
			was := rowsOf[writers.State](c, all[len(all)-2], writers.StateTable)
			for i, is := range rowsOf[writers.State](c, r.Entry, writers.StateTable) {
				if i < len(was) && !reflect.DeepEqual(was[i], is) {
					c.Logf("state was %+v\nis %+v", was[i], is)
				}
			}
		}
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
		if h.Source == paymentsSource { // of charges that the other fold did not make
			continue
		}
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
	if breaks := c.breaks(); len(breaks) > 0 {
		c.Errorf("not proven:\n%s", strings.Join(breaks[:min(len(breaks), 12)], "\n"))
	}
	t := c.twin()
	for d := day(c, from); d <= day(c, to); d++ { // not proven as a whole: it is told of charges that it did not make
		t.night(d.String())
	}
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

// Random lives: a company of a seed, one file of which comes late, is changed
// or vanishes after the nights; then it is rerated.
func TestRandomRerate(t *testing.T) {
	for _, seed := range seeds(t) {
		for _, catalogFile := range []string{"marketing", "chat", "teams"} {
			t.Run(fmt.Sprintf("%s/seed=%d", catalogFile, seed), func(t *testing.T) { rerateOnce(t, catalogFile, seed) })
		}
	}
}

func rerateOnce(t *testing.T, catalogFile string, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 23))
	l := newLives(t, catalogFile, rng)
	c := l.company
	from, to := l.from.String(), l.to.String()
	truth := tree(t, c.exports)
	kinds := []string{}
	for _, key := range slices.Sorted(maps.Keys(truth)) {
		if strings.HasPrefix(key, "payments/") || rng.IntN(6) > 0 && (rng.IntN(3) > 0 || !strings.HasPrefix(key, "account_events/")) {
			continue
		}
		kind := []string{"late", "changed", "too many"}[rng.IntN(3)]
		kinds = append(kinds, kind+" "+key)
		switch kind {
		case "late":
			if err := c.exports.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		case "changed":
			put(t, c.exports, key, l.otherwise(key))
		default:
			put(t, c.exports, strings.Replace(key, "part-0", "part-1", 1), l.otherwise(key))
		}
	}
	t.Logf("files: %s", strings.Join(kinds, ", "))
	for d := l.from; d <= l.to; d++ {
		c.night(d.String())
		l.pay(c, d)
	}
	for key := range tree(t, c.exports) {
		if truth[key] == "" && !strings.HasPrefix(key, "payments/") {
			if err := c.exports.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
	}
	for key, text := range truth {
		put(t, c.exports, key, text)
	}
	r := c.rerate(from, to)
	t.Logf("notes:\n%s", notesText(r))
	if r.Entry.Kind != writers.Rerate {
		t.Errorf("entry of kind %s", r.Entry.Kind)
	}
	c.sameAgain(from, to)
	c.wantStanding(from, to)
	l.rerated = true
	l.moreDays(8)
	for d := l.to - 7; d <= l.to; d++ {
		c.night(d.String())
		l.pay(c, d)
	}
	c.wantStanding(from, l.to.String())
	c.sameAgain(from, l.to.String())
}

// lives are a few random accounts of a catalog.
type lives struct {
	*company
	rng      *rand.Rand
	from, to calendar.Day
	plans    []string
	accounts int
	events   int
	rerated  bool
}

func newLives(t *testing.T, catalogFile string, rng *rand.Rand) *lives {
	c := newCompany(t, "")
	text, err := os.ReadFile("../fixtures/catalogs/" + catalogFile + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c.knobs.Catalog, err = catalog.Parse(catalogFile+".yaml", text); err != nil {
		t.Fatal(err)
	}
	l := &lives{company: c, rng: rng, from: day(t, "2024-04-24"), accounts: 8}
	for _, p := range c.knobs.Catalog.At(l.from).Plans {
		if !slices.Contains(l.plans, p.Name) {
			l.plans = append(l.plans, p.Name)
		}
	}
	l.to = l.from - 1
	l.moreDays(10)
	return l
}

// moreDays delivers exports of further days.
func (l *lives) moreDays(n int) {
	for range n {
		l.to++
		for _, source := range []string{"account_events", "sms", "emails", "contacts", "seats", "postcards"} {
			l.deliver(l.file(source, l.to))
		}
	}
}

// file is an export of a day.
func (l *lives) file(source string, day calendar.Day) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- %s/%s\n", source, day)
	for a := range l.accounts {
		if source != "account_events" && l.rng.IntN(3) > 0 {
			continue
		}
		l.events++
		id, at := fmt.Sprintf("%s%d", source, l.events), fmt.Sprintf("%sT%02d:00:00", day, 8+l.rng.IntN(12))
		account := fmt.Sprintf("A%d", a)
		switch source {
		case "account_events":
			fmt.Fprint(&b, l.accountEvent(id, account, at, day))
		case "sms":
			fmt.Fprintf(&b, "%s,%s,%s,outbound,acme,US,%d\n", id, account, at, 1+l.rng.IntN(1500))
		case "emails":
			fmt.Fprintf(&b, "%s,%s,%s,%d\n", id, account, at, 1+l.rng.IntN(9000))
		case "contacts":
			fmt.Fprintf(&b, "%s,%s,%d,0\n", account, day, l.rng.IntN(20000))
		case "seats":
			fmt.Fprintf(&b, "%s,%s,%s,u%d,%s\n", id, account, at, l.rng.IntN(6), []string{"activated", "deactivated"}[l.rng.IntN(2)])
		case "postcards":
			fmt.Fprintf(&b, "%s,%s,%s,%d\n", id, account, at, 1+l.rng.IntN(40))
		}
	}
	return b.String()
}

func (l *lives) accountEvent(id, account, at string, day calendar.Day) string {
	pick := func(all ...string) string { return all[l.rng.IntN(len(all))] }
	if int(day-l.from)%3 == 0 && l.rng.IntN(3) > 0 {
		return fmt.Sprintf("%s,%s,%s,signed_up,%s,monthly,%s,,,,%s,%s,true\n", id, account, at, pick(l.plans...), pick("card", "card", ""), pick("", "guarantee_90"), pick("", "shopify"))
	}
	if l.rng.IntN(3) > 0 {
		return ""
	}
	switch kind := pick("plan_changed", "plan_changed", "credits_purchased", "cancelled", "nonprofit_granted", "payment_method_changed", "suspended", "resumed", "refund_requested", "uninstalled"); kind {
	case "refund_requested":
		if l.rerated { // what correction_credit has paid is not given back on a charge
			return ""
		}
		return fmt.Sprintf("%s,%s,%s,refund_requested\n", id, account, at)
	case "plan_changed":
		return fmt.Sprintf("%s,%s,%s,plan_changed,%s,,,,,,,,true\n", id, account, at, pick(l.plans...))
	case "credits_purchased":
		return fmt.Sprintf("%s,%s,%s,credits_purchased,,,,,100,postcards\n", id, account, at)
	case "payment_method_changed":
		return fmt.Sprintf("%s,%s,%s,payment_method_changed,,,%s\n", id, account, at, pick("card", "paypal"))
	default:
		return fmt.Sprintf("%s,%s,%s,%s\n", id, account, at, kind)
	}
}

// otherwise is a file of the same place with other rows.
func (l *lives) otherwise(key string) string {
	source, rest, _ := strings.Cut(key, "/date=")
	other := newCompany(l.TB, "")
	d := day(l.TB, rest[:len("2024-05-01")])
	other.deliver(l.file(source, d))
	return tree(l.TB, other.exports)[key]
}

// pay answers the charges of a night.
func (l *lives) pay(c *company, d calendar.Day) {
	var b strings.Builder
	for _, e := range c.chain() {
		if e.Day != d || e.Kind != writers.Night {
			continue
		}
		for _, ch := range rowsOf[writers.Charge](c, e, writers.ChargesTable) {
			l.events++
			status := []string{"succeeded", "succeeded", "failed"}[l.rng.IntN(3)]
			if l.rng.IntN(4) > 0 {
				fmt.Fprintf(&b, "p%d,%s,%s,%sT09:00:00,%s,psp,declined\n", l.events, ch.ChargeID, ch.AccountID, d+1, status)
			}
		}
	}
	c.deliver(fmt.Sprintf("-- payments/%s\n%s", d+1, b.String()))
}
