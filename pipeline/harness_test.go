package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/writers"
)

// company is a company in a test: its exports, and its billing history in the
// making. Both lie in memory, so that a night takes milliseconds.
type company struct {
	testing.TB
	exports, output *blob.Bucket
	knobs           Settings // of every night, but for where and when
}

// newCompany is a company whose exports are written down as text:
//
//	-- sms/2024-05-01
//	m1,A,2024-05-01T10:00:00,outbound,acme,US,340
//
// Each section is a CSV file of a source and a folder date, in the columns of
// headers. A further word names the file.
func newCompany(t testing.TB, exports string) *company {
	t.Helper()
	c := &company{TB: t, exports: memory(t), output: memory(t)}
	c.knobs = Settings{Catalog: marketing(t), Version: "test", Workers: 2, Memory: 1 << 20, TempDir: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	c.deliver(exports)
	return c
}

func memory(t testing.TB) *blob.Bucket {
	b := memblob.OpenBucket(nil)
	t.Cleanup(func() { b.Close() })
	return b
}

// marketing is the catalog of the marketing suite, with replacements: pairs of
// what stands there once and what is to stand there instead.
func marketing(t testing.TB, replacements ...string) *catalog.Catalog {
	t.Helper()
	source, err := os.ReadFile("../fixtures/catalogs/marketing.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(source)
	for i := 0; i < len(replacements); i += 2 {
		if strings.Count(text, replacements[i]) != 1 {
			t.Fatalf("the catalog has %q %d times", replacements[i], strings.Count(text, replacements[i]))
		}
		text = strings.Replace(text, replacements[i], replacements[i+1], 1)
	}
	cat, err := catalog.Parse("marketing.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// furtherColumns are those of account events that few rows have.
const furtherColumns = ",quantity,service,offer,channel,approved"

// headers are the columns of the sources, as these tests write them.
var headers = map[string]string{
	"account_events": "event_id,account_id,occurred_at,type,plan,term,method,date",
	"accounts":       "account_id,as_of,name,address_line_1,country,tax_id,tax_exempt,test",
	"opening":        "account_id,signed_up_on,plan,term,method,currency,next_billing_date,first_purchase_on,active_users,contacts,balances,offers,flags",
	"contacts":       "account_id,as_of,contacts,custom_object_records",
	"emails":         "event_id,account_id,occurred_at,recipients",
	"payments":       "event_id,charge_id,account_id,occurred_at,status,reference,reason",
	"postcards":      "event_id,account_id,occurred_at,quantity",
	"seats":          "event_id,account_id,occurred_at,user_id,action",
	"sms":            "event_id,account_id,occurred_at,direction,carrier,country,segments",
}

// deliver puts further exports there, or replaces those of the same name.
func (c *company) deliver(exports string) {
	c.Helper()
	key, text, header := "", "", ""
	end := func() {
		if key != "" {
			c.write(key, text)
		}
	}
	for line := range strings.Lines(exports) {
		line = strings.TrimSpace(line)
		section, is := strings.CutPrefix(line, "-- ")
		switch {
		case is:
			end()
			place, name, _ := strings.Cut(section, " ")
			source, day, _ := strings.Cut(place, "/")
			if name == "" {
				name = "part-0.csv"
			}
			if header = headers[source]; source == "account_events" {
				header += furtherColumns
			}
			key, text = fmt.Sprintf("%s/date=%s/%s", source, day, name), header+"\n"
		case line != "":
			// Absent cells at the end of a row need not be written.
			text += line + strings.Repeat(",", max(0, strings.Count(header, ",")-strings.Count(line, ","))) + "\n"
		}
	}
	end()
}

func (c *company) write(key, content string) {
	c.Helper()
	if err := c.exports.WriteAll(context.Background(), key, []byte(content), nil); err != nil {
		c.Fatal(err)
	}
}

func day(t testing.TB, date string) calendar.Day {
	t.Helper()
	d, err := calendar.Parse(date)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// settings are those of one night; history begins where there is none.
func (c *company) settings(date string) *Settings {
	c.Helper()
	s := c.knobs
	s.Exports, s.Output, s.Day = c.exports, c.output, day(c, date)
	head, err := Head(context.Background(), c.output)
	if err != nil {
		c.Fatal(err)
	}
	s.First = head == nil
	return &s
}

// try runs a night.
func (c *company) try(date string) (*Result, error) {
	c.Helper()
	return Run(context.Background(), c.settings(date))
}

// begun is a night that is planned and has not read anything. It is closed when
// the test ends.
func (c *company) begun(s *Settings) *night {
	c.Helper()
	plan, err := NewPlan(context.Background(), s)
	if err != nil {
		c.Fatal(err)
	}
	n, err := newNight(context.Background(), s, plan)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(n.close)
	return n
}

// night runs a night that must be published, and checks its totals.
func (c *company) night(date string) *Entry {
	c.Helper()
	r, err := c.try(date)
	if err != nil {
		c.Fatalf("night of %s: %v", date, err)
	}
	if r.Status != Published {
		c.Fatalf("night of %s: %s", date, r.Status)
	}
	c.provePublished(r.Entry)
	return r.Entry
}

// nights runs the nights of a span, both ends included.
func (c *company) nights(from, to string) *Entry {
	c.Helper()
	var last *Entry
	for d := day(c, from); d <= day(c, to); d++ {
		last = c.night(d.String())
	}
	c.proven()
	return last
}

// provePublished proves of an entry what must hold of any: control totals, and
// outputs that are there, whole, with as many rows as declared.
func (c *company) provePublished(e *Entry) {
	c.Helper()
	if broken := e.Totals.Check(); broken != nil {
		c.Errorf("%s: totals: %v", e.BillingDate, broken)
	}
	for _, o := range e.Outputs {
		sum, size, err := sha256Of(context.Background(), c.output, o.Key)
		if err != nil || sum != o.SHA256 || size != o.Size {
			c.Errorf("%s: %d bytes %.8s (%v), run.json says %d bytes %.8s", o.Key, size, sum, err, o.Size, o.SHA256)
		}
	}
}

// entry reads a night back.
func (c *company) entry(date string) *Entry {
	c.Helper()
	ctx := context.Background()
	head, err := Head(ctx, c.output)
	if err != nil || head == nil {
		c.Fatalf("no history: %v", err)
	}
	e, err := entryOfDay(ctx, c.output, head, day(c, date))
	if err != nil || e == nil {
		c.Fatalf("no night of %s: %v", date, err)
	}
	return e
}

// rows reads a table of a night back.
func rows[T any](c *company, date string, table writers.Spec) []T {
	c.Helper()
	file, err := outputOf(c.entry(date), table.Name)
	if err != nil {
		c.Fatal(err)
	}
	text, err := c.output.ReadAll(context.Background(), file.Key)
	if err != nil {
		c.Fatal(err)
	}
	var all []T
	err = writers.Rows(bytes.NewReader(text), int64(len(text)), func(some []T) error {
		all = append(all, some...)
		return nil
	})
	if err != nil {
		c.Fatalf("%s: %v", file.Key, err)
	}
	return all
}

// tree is every object of a bucket by key, staged files apart.
func tree(t testing.TB, b *blob.Bucket) map[string]string {
	t.Helper()
	ctx := context.Background()
	all := map[string]string{}
	for it := b.List(nil); ; {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(o.Key, "_staging/") {
			continue
		}
		text, err := b.ReadAll(ctx, o.Key)
		if err != nil {
			t.Fatal(err)
		}
		all[o.Key] = string(text)
	}
}

// issued is a tree without the intents, which name a random attempt.
func issued(t testing.TB, b *blob.Bucket) map[string]string {
	t.Helper()
	all := tree(t, b)
	maps.DeleteFunc(all, func(key, _ string) bool { return strings.HasSuffix(key, "/intent.json") })
	return all
}

// sameTree fails with the first object that differs, and for text the line.
func sameTree(t testing.TB, what string, got, want map[string]string) {
	t.Helper()
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		g, there := got[key]
		w, wanted := want[key]
		switch {
		case !there:
			t.Fatalf("%s: %s is missing", what, key)
		case !wanted:
			t.Fatalf("%s: %s should not be there", what, key)
		case g != w:
			t.Fatalf("%s: %s differs: %s", what, key, firstDifference(g, w))
		}
	}
}

func firstDifference(got, want string) string {
	if strings.HasPrefix(want, "PAR1") {
		return fmt.Sprintf("%d bytes, want %d", len(got), len(want))
	}
	g, w := bufio.NewScanner(strings.NewReader(got)), bufio.NewScanner(strings.NewReader(want))
	for n := 1; ; n++ {
		gMore, wMore := g.Scan(), w.Scan()
		if g.Text() != w.Text() || gMore != wMore {
			return fmt.Sprintf("line %d is %q, want %q", n, g.Text(), w.Text())
		}
		if !gMore {
			return "line ends"
		}
	}
}

// documents are a night's documents as finance would write them down, with
// the charges to collect and the balances that moved.
func (c *company) documents(date string) string {
	c.Helper()
	var b strings.Builder
	lines := rows[writers.InvoiceLine](c, date, writers.InvoiceLinesTable)
	var texts []string
	for _, inv := range rows[writers.Invoice](c, date, writers.InvoicesTable) {
		b.Reset()
		fmt.Fprintf(&b, "invoice %s total %s credits %s due %s\n", inv.AccountID, amount(inv.Total), amount(inv.CreditsApplied), amount(inv.AmountDue))
		for _, l := range lines {
			if l.InvoiceID == inv.InvoiceID {
				fmt.Fprintf(&b, "  %s %s %s%s\n", l.Kind, amount(l.Amount), l.Rule, ifLate(l.Late))
			}
		}
		texts = append(texts, b.String())
	}
	for _, ch := range rows[writers.Charge](c, date, writers.ChargesTable) {
		texts = append(texts, fmt.Sprintf("charge %s %s %s\n", ch.AccountID, amount(ch.Amount), ch.Method))
	}
	for _, m := range rows[writers.BalanceMovement](c, date, writers.BalancesTable) {
		if m.Added != 0 || m.Used != 0 || m.Lapsed != 0 {
			texts = append(texts, fmt.Sprintf("balance %s %s %s + %s - %s = %s\n", m.AccountID, m.Balance, amount(m.Opening), amount(m.Added), amount(m.Used), amount(m.Closing)))
		}
	}
	for _, p := range rows[writers.PlanChange](c, date, writers.PlanChangesTable) {
		texts = append(texts, fmt.Sprintf("plan %s %s to %s %s\n", p.AccountID, orNone(p.FromPlan), orNone(p.ToPlan), p.Cause))
	}
	return strings.Join(texts, "")
}

func ifLate(late bool) string {
	if late {
		return " late"
	}
	return ""
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func amount(v int64) string { return writers.FromMoney(v).StringFixed(2) }

// wantDocuments compares a night's documents with text; indentation does not
// count.
func (c *company) wantDocuments(date, want string) {
	c.Helper()
	equalText(c, "documents of "+date, c.documents(date), want)
}

// rejected are a night's rejects as text.
func (c *company) rejected(date string) string {
	c.Helper()
	var b strings.Builder
	all := rows[writers.Reject](c, date, writers.RejectsTable)
	slices.SortStableFunc(all, func(x, y writers.Reject) int {
		return strings.Compare(fmt.Sprintf("%s %06d", x.File, x.Row), fmt.Sprintf("%s %06d", y.File, y.Row))
	})
	for _, r := range all {
		place := fmt.Sprintf("%s:%d", r.File, r.Row)
		fmt.Fprintf(&b, "%s %s %s %s\n", place, r.AccountID, r.Reason, r.Status)
	}
	return b.String()
}

func (c *company) wantRejects(date, want string) {
	c.Helper()
	equalText(c, "rejects of "+date, c.rejected(date), want)
}

func equalText(t testing.TB, what, got, want string) {
	t.Helper()
	if g, w := trimmed(got), trimmed(want); g != w {
		t.Errorf("%s:\n%swant:\n%s", what, g, w)
	}
}

// trimmed is a text without indentation and empty lines.
func trimmed(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// dayText is a date column of a table as text.
func dayText(days int32) string { return calendar.Day(days).String() }

// proven proves all that is published, as ratemill verify does.
func (c *company) proven() *Proof {
	c.Helper()
	s := c.knobs
	s.Output = c.output
	p, err := Prove(context.Background(), &s, calendar.None, calendar.None)
	if err != nil {
		c.Fatal(err)
	}
	for _, b := range p.Breaks {
		c.Errorf("not proven: %s", b)
	}
	return p
}
