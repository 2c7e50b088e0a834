package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// waits is a company with a known account B, rows of an unknown account A and
// rows of B that have no price.
const waits = `
	-- account_events/2024-05-01
	s1,B,2024-05-01T09:00:00,signed_up,pages_free,monthly,card
	-- sms/2024-05-01
	m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
	m2,A,2024-05-01T11:00:00,outbound,acme,US,500
	m3,B,2024-05-01T10:00:00,sideways,acme,US,10
	m4,B,2024-05-01T11:00:00,sideways,acme,US,20
`

var madeAt = time.Date(2024, 5, 4, 12, 0, 0, 0, time.UTC)

// decide records a decision.
func (c *company) decide(kind string, choice Choice) *DecisionResult {
	c.Helper()
	r, err := Decide(context.Background(), &DecisionRequest{Output: c.output, Kind: kind, Choice: choice, Note: "said so", MadeAt: madeAt})
	if err != nil || r == nil {
		c.Fatalf("%s of %+v: %v, %v", kind, choice, r, err)
	}
	return r
}

// wantDecided records a decision that must be about so many rows.
func (c *company) wantDecided(kind string, choice Choice, rows int64) *DecisionResult {
	c.Helper()
	r := c.decide(kind, choice)
	is := int64(0)
	if r.Decision != nil {
		is = r.Decision.DecidedRows()
	}
	if is != rows {
		c.Fatalf("%s of %+v is about %d rows, want %d: %+v", kind, choice, is, rows, r)
	}
	return r
}

// decidedOf is what an entry's decisions did, as text.
func decidedOf(e *Entry) string {
	var b strings.Builder
	for _, d := range e.Decisions {
		fmt.Fprintf(&b, "%d %s %d of %d\n", d.Number, d.Kind, d.Acted, d.Rows)
	}
	for _, s := range e.Totals.Sources {
		if s.WrittenOff+s.Recycled != 0 {
			fmt.Fprintf(&b, "%s taken up %d recycled %d rated %d put aside %d written off %d\n", s.Source, s.TakenUp, s.Recycled, s.Rated, s.PutAside, s.WrittenOff)
		}
	}
	return b.String()
}

func (c *company) wantDone(date, want string) {
	c.Helper()
	equalText(c, "decisions of "+date, decidedOf(c.entry(date)), want)
}

// What is written off leaves held by the next night, rows and groups alike, and
// is billed no more. Asked for again the night is the same.
func TestWriteOff(t *testing.T) {
	c := newCompany(t, waits)
	c.night("2024-05-01")
	c.wantDecided(writers.WriteOff, Choice{Reason: "unknown_account"}, 2)
	r := c.wantDecided(writers.WriteOff, Choice{Account: "B"}, 2)
	if len(r.Stakes) != 1 || r.Stakes[0].Column != "segments" || r.Stakes[0].Quantity.String() != "30" || r.NextNight() != day(t, "2024-05-02") {
		t.Errorf("%+v", r)
	}
	c.deliver(`
		-- account_events/2024-05-02
		s2,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card
	`)
	c.night("2024-05-02")
	c.wantDone("2024-05-02", `
		1 write-off 2 of 2
		2 write-off 2 of 2
		sms taken up 4 recycled 0 rated 0 put aside 0 written off 4
	`)
	c.wantRejects("2024-05-02", `
		sms/date=2024-05-01/part-0.csv:1 A unknown_account written_off
		sms/date=2024-05-01/part-0.csv:2 A unknown_account written_off
		sms/date=2024-05-01/part-0.csv:3 B no_price written_off
	`)
	c.wantDocuments("2024-05-02", `plan A none to pages_free signed_up`)
	if held := rows[writers.Held](c, "2024-05-02", writers.HeldTable); len(held) != 0 {
		t.Errorf("still held: %+v", held)
	}
	c.proven()
	before := tree(t, c.output)
	for _, date := range []string{"2024-05-01", "2024-05-02"} {
		if r, err := c.try(date); err != nil || r.Status != Already {
			t.Errorf("%s again: %v, %v", date, r, err)
		}
	}
	sameTree(t, "asked for again", tree(t, c.output), before)
	c.sameAgain("2024-05-01", "2024-05-02")
	c.night("2024-05-03")
	c.wantRejects("2024-05-03", ``)
	c.wantDone("2024-05-03", ``)
}

// The same plan makes the same bytes, whatever the workers and buckets.
func TestWriteOffBytes(t *testing.T) {
	var want map[string]string
	for _, workers := range []int{1, 3} {
		c := newCompany(t, waits)
		c.knobs.Workers, c.knobs.Buckets = workers, 1<<workers
		c.night("2024-05-01")
		c.decide(writers.WriteOff, Choice{Before: day(t, "2024-05-02")})
		c.night("2024-05-02")
		c.decide(writers.Recycle, Choice{Source: "sms"})
		c.nights("2024-05-03", "2024-05-04")
		if want == nil {
			want = issued(t, c.output)
		}
		sameTree(t, fmt.Sprintf("%d workers", workers), issued(t, c.output), want)
	}
}

// Recycled rows and groups wait again from the next night on, and heal.
func TestRecycle(t *testing.T) {
	c := newCompany(t, waits)
	c.night("2024-05-01")
	c.decide(writers.WriteOff, Choice{Source: "sms"})
	c.night("2024-05-02")
	c.wantDecided(writers.Recycle, Choice{Source: "sms"}, 4)
	c.wantDecided(writers.Recycle, Choice{Source: "sms"}, 0)
	c.deliver(`
		-- account_events/2024-05-04
		s2,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card
	`)
	c.nights("2024-05-03", "2024-05-04")
	c.wantDone("2024-05-03", `
		2 recycle 4 of 4
		sms taken up 0 recycled 4 rated 0 put aside 4 written off 0
	`)
	c.wantRejects("2024-05-03", `
		sms/date=2024-05-01/part-0.csv:1 A unknown_account reopened
		sms/date=2024-05-01/part-0.csv:2 A unknown_account reopened
		sms/date=2024-05-01/part-0.csv:3 B no_price reopened
	`)
	c.wantRejects("2024-05-04", `
		sms/date=2024-05-01/part-0.csv:1 A unknown_account recycled
		sms/date=2024-05-01/part-0.csv:2 A unknown_account recycled
	`)
	c.wantDocuments("2024-05-04", `
		invoice A total 15.00 credits 0.00 due 15.00
		  usage 15.00 MK-9 late
		charge A 15.00 card
		plan A none to pages_free signed_up
	`)
	c.wantDecided(writers.Recycle, Choice{Source: "sms"}, 0)
	c.wantDecided(writers.WriteOff, Choice{Account: "B"}, 2) // a second time
	c.nights("2024-05-05", "2024-05-05")
	c.wantDecided(writers.Recycle, Choice{Account: "B"}, 2)
	c.nights("2024-05-06", "2024-05-06")
	c.wantDone("2024-05-06", `
		4 recycle 2 of 2
		sms taken up 0 recycled 2 rated 0 put aside 2 written off 0
	`)
	c.sameAgain("2024-05-01", "2024-05-06")
}

// A decision is taken back before a night takes it, and made anew; the night
// does what is left.
func TestRevoked(t *testing.T) {
	c := newCompany(t, waits)
	c.night("2024-05-01")
	c.wantDecided(writers.WriteOff, Choice{Source: "sms"}, 4)
	if r := c.wantDecided(writers.Recycle, Choice{IDs: []string{"m1"}}, 1); r.Revoked != 1 {
		t.Errorf("revoked %d", r.Revoked)
	}
	c.wantDecided(writers.Recycle, Choice{Account: "B"}, 2)
	c.wantDecided(writers.WriteOff, Choice{Account: "B"}, 2)
	c.night("2024-05-02")
	c.wantDone("2024-05-02", `
		1 write-off 1 of 4
		2 recycle 1 of 1
		3 recycle 2 of 2
		4 write-off 2 of 2
		sms taken up 4 recycled 0 rated 0 put aside 1 written off 3
	`)
	// And a recycle of what a night wrote off, the same.
	c.wantDecided(writers.Recycle, Choice{IDs: []string{"m2"}}, 1)
	if r := c.wantDecided(writers.WriteOff, Choice{IDs: []string{"m2"}}, 1); r.Revoked != 1 {
		t.Errorf("revoked %d", r.Revoked)
	}
	c.night("2024-05-03")
	c.wantDone("2024-05-03", "5 recycle 0 of 1\n6 write-off 1 of 1")
	c.wantDecided(writers.Recycle, Choice{IDs: []string{"m2"}}, 1)
	c.night("2024-05-04")
	c.wantRejects("2024-05-04", `sms/date=2024-05-01/part-0.csv:2 A unknown_account reopened`)
	c.proven()
	c.sameAgain("2024-05-01", "2024-05-04")
}

// A row that was given up, taken back and given up again before a night is that
// of the last decision alone: recycled, it waits once, and is billed once.
func TestRecycledOnceOfTwoDecisions(t *testing.T) {
	c := newCompany(t, waits)
	c.night("2024-05-01")
	c.wantDecided(writers.WriteOff, Choice{Account: "B"}, 2)
	c.wantDecided(writers.Recycle, Choice{Account: "B"}, 2)
	c.wantDecided(writers.WriteOff, Choice{Account: "B"}, 2)
	c.night("2024-05-02")
	c.wantDecided(writers.Recycle, Choice{Account: "B"}, 2)
	c.night("2024-05-03")
	c.wantDone("2024-05-03", `
		4 recycle 2 of 2
		sms taken up 2 recycled 2 rated 0 put aside 4 written off 0
	`)
	c.proven()
	c.sameAgain("2024-05-01", "2024-05-03")
}

// An event that was delivered again and given up again comes back once.
func TestRecycledOnceOfTwoRows(t *testing.T) {
	c := newCompany(t, waits)
	c.night("2024-05-01")
	c.wantDecided(writers.WriteOff, Choice{Account: "A"}, 2)
	c.deliver(`
		-- sms/2024-05-03
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
		m2,A,2024-05-01T11:00:00,outbound,acme,US,500
	`)
	c.nights("2024-05-02", "2024-05-03")
	c.wantDecided(writers.WriteOff, Choice{Account: "A"}, 2)
	c.night("2024-05-04")
	c.wantDecided(writers.Recycle, Choice{Account: "A"}, 2)
	c.deliver(`
		-- account_events/2024-05-05
		s2,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card
	`)
	c.night("2024-05-05")
	c.wantRejects("2024-05-05", `
		sms/date=2024-05-03/part-0.csv:1 A unknown_account recycled
		sms/date=2024-05-03/part-0.csv:1 A unknown_account reopened
		sms/date=2024-05-03/part-0.csv:2 A unknown_account recycled
		sms/date=2024-05-03/part-0.csv:2 A unknown_account reopened
	`)
	c.proven()
	c.sameAgain("2024-05-01", "2024-05-05")
}

// A rerate may have another night see a row first. A decision on it that no
// night has taken is taken back all the same.
func TestRevokedAfterRerate(t *testing.T) {
	c := newCompany(t, waits)
	c.night("2024-05-01")
	c.deliver("-- sms/2024-05-01 late.csv\nm7,A,2024-05-01T10:00:00,outbound,acme,US,1000\n")
	c.nights("2024-05-02", "2024-05-03")
	c.wantDecided(writers.WriteOff, Choice{Account: "A"}, 3)
	if r := c.rerate("2024-05-01", "2024-05-03"); r.Status != Published {
		t.Fatal(r.Status)
	}
	all, head, err := OpenRejects(context.Background(), c.output, calendar.None)
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := Decisions(context.Background(), c.output, head, calendar.None)
	if err != nil {
		t.Fatal(err)
	}
	MarkDecided(all, decisions)
	for _, o := range all {
		if want := map[string]int64{"A": 1}[o.Account]; o.State == Waiting && o.Decision != want {
			t.Errorf("%+v: want decision %d", o, want)
		}
	}
	c.wantDecided(writers.WriteOff, Choice{Account: "A"}, 0)
	if r := c.wantDecided(writers.Recycle, Choice{Account: "A"}, 3); r.Revoked != 3 {
		t.Errorf("revoked %d", r.Revoked)
	}
	c.night("2024-05-04")
	c.wantDone("2024-05-04", "1 write-off 0 of 3\n2 recycle 3 of 3")
	c.proven()
}

// A row that was written off is not registered: a corrected one is billed, and
// then the first cannot wait again. The same row delivered again is a new row.
func TestDeliveredAgain(t *testing.T) {
	c := newCompany(t, waits)
	c.night("2024-05-01")
	c.decide(writers.WriteOff, Choice{Account: "A"})
	c.night("2024-05-02")
	c.deliver(`
		-- sms/2024-05-03
		m1,B,2024-05-01T10:00:00,outbound,acme,US,1000
		m2,A,2024-05-01T11:00:00,outbound,acme,US,500
	`)
	c.decide(writers.Recycle, Choice{IDs: []string{"m1"}}) // before the corrected row is read
	c.night("2024-05-03")
	c.wantRejects("2024-05-03", `
		sms/date=2024-05-01/part-0.csv:1 A conflicting_duplicate written_off
		sms/date=2024-05-01/part-0.csv:1 A unknown_account reopened
		sms/date=2024-05-03/part-0.csv:2 A unknown_account open
	`)
	r := c.wantDecided(writers.Recycle, Choice{Account: "A"}, 0)
	if len(r.Left) != 2 { // m1 as a conflict, m2 while it waits
		t.Errorf("left %+v", r.Left)
	}
	c.proven()
	c.sameAgain("2024-05-01", "2024-05-03")

	// Billed by a night before: the decision that came too late does nothing.
	c = newCompany(t, waits)
	c.night("2024-05-01")
	c.decide(writers.WriteOff, Choice{Account: "A"})
	c.night("2024-05-02")
	c.deliver("-- sms/2024-05-03\nm1,B,2024-05-01T10:00:00,outbound,acme,US,1000\n")
	late := *c
	late.output = memory(t)
	for key, text := range tree(t, c.output) {
		if err := late.output.WriteAll(context.Background(), key, []byte(text), nil); err != nil {
			t.Fatal(err)
		}
	}
	c.night("2024-05-03")
	late.decide(writers.Recycle, Choice{IDs: []string{"m1"}}) // by somebody who has not seen the night
	text, err := late.output.ReadAll(context.Background(), decisionKey(2))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.output.WriteAll(context.Background(), decisionKey(2), text, nil); err != nil {
		t.Fatal(err)
	}
	c.night("2024-05-04")
	c.wantDone("2024-05-04", `2 recycle 0 of 1`)
	c.wantRejects("2024-05-04", ``)
	c.proven()
}

// A row that heals before the night of the decision is billed, and the decision
// says so. What waited to the end of its window does not wait again.
func TestDecisionTooLate(t *testing.T) {
	c := newCompany(t, waits)
	c.knobs.Catalog = marketing(t, "window: 30 days", "window: 3 days")
	c.nights("2024-05-01", "2024-05-02")
	c.deliver(`
		-- account_events/2024-05-03
		s2,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card
	`)
	s := c.settings("2024-05-03")
	s.Watch = at(Mapping, func() { c.decide(writers.WriteOff, Choice{Account: "A"}) })
	if r, err := Run(context.Background(), s); err != nil || len(r.Entry.Decisions) != 0 {
		t.Fatalf("a decision that is made while the night runs: %+v, %v", r, err)
	}
	c.wantRejects("2024-05-03", `
		sms/date=2024-05-01/part-0.csv:1 A unknown_account recycled
		sms/date=2024-05-01/part-0.csv:2 A unknown_account recycled
	`)
	c.nights("2024-05-04", "2024-05-04")
	c.wantDone("2024-05-04", `1 write-off 0 of 2`)
	c.wantRejects("2024-05-04", `sms/date=2024-05-01/part-0.csv:3 B no_price written_off`)
	r := c.wantDecided(writers.Recycle, Choice{Account: "B"}, 0)
	if len(r.Left) != 1 || r.Left[0].State != WrittenOff {
		t.Errorf("left %+v", r.Left)
	}
	c.sameAgain("2024-05-01", "2024-05-04")
}

// atPhase does something when a phase begins.
type atPhase struct {
	nobody
	phase Phase
	do    func()
}

func at(phase Phase, do func()) Watcher { return &atPhase{phase: phase, do: do} }

func (w *atPhase) Begins(s Step) {
	if s.Phase == w.phase {
		w.do()
	}
}

// A decision on the edge of the window: written off in time, and past it.
func TestRecycleWithinTheWindow(t *testing.T) {
	c := newCompany(t, waits)
	c.knobs.Catalog = marketing(t, "window: 30 days", "window: 3 days")
	c.night("2024-05-01")
	c.decide(writers.WriteOff, Choice{Source: "sms"})
	c.nights("2024-05-02", "2024-05-03")
	c.wantDecided(writers.Recycle, Choice{Account: "A"}, 2)
	c.night("2024-05-04")
	c.wantRejects("2024-05-04", `
		sms/date=2024-05-01/part-0.csv:1 A unknown_account reopened
		sms/date=2024-05-01/part-0.csv:1 A unknown_account written_off
		sms/date=2024-05-01/part-0.csv:2 A unknown_account reopened
		sms/date=2024-05-01/part-0.csv:2 A unknown_account written_off
	`)
	c.wantDecided(writers.Recycle, Choice{Account: "B"}, 0)
	c.proven()
	c.sameAgain("2024-05-01", "2024-05-04")
}

// Decisions that are made at once stand one after the other; none is lost, and
// no row is decided on twice.
func TestDecisionsAtOnce(t *testing.T) {
	var sms strings.Builder
	sms.WriteString("-- sms/2024-05-01\n")
	for i := range 24 {
		fmt.Fprintf(&sms, "m%d,A%d,2024-05-01T10:00:00,outbound,acme,US,1\n", i, i%8)
	}
	c := newCompany(t, sms.String())
	c.onDisk()
	c.night("2024-05-01")
	var wait sync.WaitGroup
	for i := range 8 {
		for range 2 { // two are of one mind
			wait.Go(func() {
				_, err := Decide(context.Background(), &DecisionRequest{
					Output: c.output, Kind: writers.WriteOff, Choice: Choice{Account: fmt.Sprintf("A%d", i)}, MadeAt: madeAt,
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	wait.Wait()
	e := c.night("2024-05-02")
	if len(e.Decisions) != 8 || e.DecisionsTaken != 8 {
		t.Errorf("decisions %+v", e.Decisions)
	}
	for _, s := range e.Totals.Sources {
		if s.Source == "sms" && s.WrittenOff != 24 {
			t.Errorf("%+v", s)
		}
	}
	c.proven()
}

// A rerate folds nights again with the decisions that they took. A group that
// has become larger than what was decided on waits on; and rows of nights that
// a rerate has folded again cannot be recycled.
func TestRerateOverDecisions(t *testing.T) {
	c := newCompany(t, waits)
	c.night("2024-05-01")
	c.decide(writers.WriteOff, Choice{Source: "sms"})
	c.nights("2024-05-02", "2024-05-03")
	c.decide(writers.Recycle, Choice{IDs: []string{"m1"}})
	c.nights("2024-05-04", "2024-05-05")
	c.sameAgain("2024-05-02", "2024-05-03")
	c.write("sms/date=2024-05-01/part-0.csv", strings.Replace(c.read("sms/date=2024-05-01/part-0.csv"), "\n", "\nm9,B,2024-05-01T09:30:00,outbound,acme,US,1000\nm8,B,2024-05-01T09:30:00,sideways,acme,US,5\n", 1))
	r := c.rerate("2024-05-01", "2024-05-01")
	if r.Entry.DecisionsTaken != 2 || len(r.Entry.Decisions) != 2 {
		t.Errorf("decisions %+v", r.Entry.Decisions)
	}
	waiting, _, err := OpenRejects(context.Background(), c.output, calendar.None)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, w := range waiting {
		if w.State == Waiting {
			fmt.Fprintf(&b, "%s %s %d\n", w.Account, w.Reason, w.Rows)
		}
	}
	equalText(t, "waiting after the rerate", b.String(), "B no_price 3\nA unknown_account 1")
	left := c.wantDecided(writers.Recycle, Choice{IDs: []string{"m2"}}, 0)
	if left.Refolded != r.Entry.Entry {
		t.Errorf("%+v", left)
	}
	c.wantDecided(writers.WriteOff, Choice{Account: "B"}, 3)
	c.night("2024-05-06")
	c.wantDone("2024-05-06", `
		3 write-off 3 of 3
		sms taken up 4 recycled 0 rated 0 put aside 1 written off 3
	`)
	c.proven()
	c.sameAgain("2024-05-01", "2024-05-06")
}

func (c *company) read(key string) string {
	c.Helper()
	text, err := c.exports.ReadAll(context.Background(), key)
	if err != nil {
		c.Fatal(err)
	}
	return string(text)
}

// An entry that was begun and whose stage is gone is made again with the
// decisions that it declares, not with those that were made since.
func TestStagedFilesVanishOfADecision(t *testing.T) {
	c := newCompany(t, waits)
	start := c.onDisk()
	c.night("2024-05-01")
	c.decide(writers.WriteOff, Choice{Account: "A"})
	whole := copyOf(t, start)
	c.output = folder(t, whole)
	c.night("2024-05-02")
	want := issued(t, c.output)
	_, b := openFaulty(t, start, 20, false) // behind the intent and some copies
	if _, err := c.runOn(b, "2024-05-02"); err == nil {
		t.Fatal("the run did not die")
	}
	if err := os.RemoveAll(filepath.Join(start, "_staging")); err != nil {
		t.Fatal(err)
	}
	c.output = folder(t, start)
	c.decide(writers.WriteOff, Choice{Account: "B"})
	r, err := c.try("2024-05-02")
	if err != nil || r.Status != Finished {
		t.Fatalf("%+v, %v", r, err)
	}
	got := issued(t, c.output)
	delete(got, decisionKey(2))
	sameTree(t, "made again", got, want)
	c.nights("2024-05-03", "2024-05-03")
	c.wantDone("2024-05-03", `
		2 write-off 2 of 2
		sms taken up 2 recycled 0 rated 0 put aside 0 written off 2
	`)
}

// A backfill that reads ahead takes decisions like any night.
func TestBackfillTakesDecisions(t *testing.T) {
	c := newCompany(t, waits)
	c.night("2024-05-01")
	c.decide(writers.WriteOff, Choice{Account: "A"})
	b, err := NewBackfill(context.Background(), c.settings("2024-05-01"), day(t, "2024-05-04"), NightsAhead)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for d := day(t, "2024-05-01"); d <= day(t, "2024-05-04"); d++ {
		if _, err := b.Night(context.Background(), d); err != nil {
			t.Fatal(err)
		}
	}
	c.wantDone("2024-05-02", `
		1 write-off 2 of 2
		sms taken up 4 recycled 0 rated 0 put aside 2 written off 2
	`)
	c.proven()
}

// Verify finds what was done to decisions, and to what they did.
func TestVerifyDecisions(t *testing.T) {
	c := newCompany(t, waits)
	c.night("2024-05-01")
	c.decide(writers.WriteOff, Choice{Account: "A"})
	c.decide(writers.WriteOff, Choice{Account: "B"})
	c.nights("2024-05-02", "2024-05-03")
	good := tree(t, c.output)
	for _, test := range []struct{ name, key, old, new, want string }{
		{"another row", decisionKey(1), `"rows": 1`, `"rows": 2`, "decisions/00000001.json: it has"},
		{"no decision", decisionKey(2), `"kind": "write-off"`, `"kind": "forget"`, `kind "forget"`},
		{"another name", decisionKey(1), `"number": 1`, `"number": 3`, "it is decision 3 by its own account"},
		{"gone", decisionKey(1), "", "", "is missing, and the entry took it"},
		{"a file too many", "decisions/note.txt", "", "hello", "no entry wrote it"},
		{"a later one without the one before", "decisions/00000009.json", "", "{}", "decisions/00000003.json: is missing"},
		{"a much later one", "decisions/00000999.json", "", "{}", "decisions/00000003.json: is missing"},
	} {
		text := strings.Replace(good[test.key], test.old, test.new, 1)
		if test.new == "" {
			if err := c.output.Delete(context.Background(), test.key); err != nil {
				t.Fatal(err)
			}
		} else if err := c.output.WriteAll(context.Background(), test.key, []byte(text), nil); err != nil {
			t.Fatal(err)
		}
		if breaks := c.breaks(); !strings.Contains(strings.Join(breaks, "\n"), test.want) || len(breaks) > 5 {
			t.Errorf("%s: found\n%s\nwant %s", test.name, strings.Join(breaks, "\n"), test.want)
		}
		if before, was := good[test.key]; was {
			if err := c.output.WriteAll(context.Background(), test.key, []byte(before), nil); err != nil {
				t.Fatal(err)
			}
		} else if err := c.output.Delete(context.Background(), test.key); err != nil {
			t.Fatal(err)
		}
	}
	c.proven()
}

// A row that was written off waits again once: a history in which it does so
// twice, or before it was written off, is found, where all else adds up.
func TestVerifyRecycledOnce(t *testing.T) {
	c := newCompany(t, waits)
	c.night("2024-05-01")
	c.decide(writers.WriteOff, Choice{Account: "A"})
	c.night("2024-05-02")
	c.wantDecided(writers.Recycle, Choice{IDs: []string{"m1"}}, 1)
	c.night("2024-05-03")
	c.wantDecided(writers.WriteOff, Choice{IDs: []string{"m1"}}, 1)
	c.night("2024-05-04")
	c.wantDecided(writers.Recycle, Choice{IDs: []string{"m1"}}, 1)
	c.night("2024-05-05")
	c.wantDecided(writers.Recycle, Choice{IDs: []string{"m2"}}, 1)
	c.night("2024-05-06")
	c.proven()
	reopen := func(entry, row int64) *company {
		c := c.copied(t)
		forge(c, entry, writers.RejectsTable, func(r []writers.Reject) []writers.Reject {
			if len(r) != 1 || r[0].Status != reopened {
				t.Fatalf("rejects %+v", r)
			}
			r[0].Row = row
			return r
		})
		return c
	}
	for _, test := range []struct {
		name       string
		entry, row int64
		want       string
	}{
		{"a third time", 6, 1, "entry 6, rejects/billing_date=2024-05-06/entry-00000006.parquet, row 1, account A: decision 5 has 1 rows wait again that were not written off, or wait again already: 2 written off before, 3 waiting again by now"},
		{"what nobody wrote off", 6, 7, "decision 5 has 1 rows wait again that were not written off, or wait again already: 0 written off before, 1 waiting again by now"},
	} {
		if found := reopen(test.entry, test.row).breaks(); len(found) != 1 || !strings.Contains(found[0], test.want) {
			t.Errorf("%s: found %q, want %q", test.name, found, test.want)
		}
	}
	if found := reopen(6, 1).breaksOf(day(t, "2024-05-06")); found != nil {
		t.Errorf("of that night alone nothing is known of the ones before: %q", found)
	}
}

// Decisions in S3 are what they are on a disk.
func TestDecisionsInS3(t *testing.T) {
	s := newInS3(t, waits)
	for name, c := range map[string]*company{"s3": s.company(s.server.Endpoint, ""), "memory": newCompany(t, waits)} {
		c.night("2024-05-01")
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				_, err := Decide(context.Background(), &DecisionRequest{Output: c.output, Kind: writers.WriteOff, Choice: Choice{Source: "sms"}, MadeAt: madeAt})
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wait.Wait()
		c.night("2024-05-02")
		c.wantDecided(writers.Recycle, Choice{Account: "A"}, 2)
		e := c.night("2024-05-03")
		if e.DecisionsTaken != 2 {
			t.Errorf("%s: %d decisions", name, e.DecisionsTaken)
		}
		c.wantDone("2024-05-03", `
			2 recycle 2 of 2
			sms taken up 0 recycled 2 rated 0 put aside 2 written off 0
		`)
		c.proven()
	}
}

// Whatever is decided, and whenever: every row is billed once, waits, or is
// written off; it is proven; and a rerate finds nothing to correct.
func TestRandomDecisions(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 7))
			c := newCompany(t, "")
			sent := int64(0)
			for d := range 7 {
				date := fmt.Sprintf("2024-05-%02d", d+1)
				exports := fmt.Sprintf("-- account_events/%s\n", date)
				if d > 0 && rng.IntN(2) == 0 {
					exports += fmt.Sprintf("u%d,A%d,2024-05-01T00:00:00,signed_up,pages_free,monthly,card\n", d, rng.IntN(5)) // a second one is refused
				}
				if d == 0 {
					exports += "u,B,2024-05-01T00:00:00,signed_up,pages_free,monthly,card\n"
				}
				exports += fmt.Sprintf("-- sms/%s\n", date)
				for i := range 6 {
					exports += fmt.Sprintf("m%d-%d,A%d,%sT10:00:00,outbound,acme,US,1\n", d, i, rng.IntN(5), date)
					exports += fmt.Sprintf("n%d-%d,B,2024-05-%02dT10:00:00,sideways,acme,US,1\n", d, i, 1+rng.IntN(d+1))
					sent += 2
				}
				c.deliver(exports)
				c.night(date)
				for range rng.IntN(4) {
					kind := []string{writers.WriteOff, writers.Recycle}[rng.IntN(2)]
					choice := Choice{Account: []string{"A0", "A1", "A2", "A3", "A4", "B"}[rng.IntN(6)]}
					if rng.IntN(3) == 0 {
						choice = Choice{Source: "sms", Before: day(t, date) + calendar.Day(rng.IntN(2))}
					}
					c.decide(kind, choice)
				}
			}
			c.night("2024-05-08")
			c.proven()
			rated, off := int64(0), int64(0)
			for _, e := range c.chain() {
				for _, s := range e.Totals.Sources {
					if s.Source == "sms" {
						rated, off = rated+s.Rated, off+s.WrittenOff-s.Recycled
					}
				}
			}
			waiting := int64(0)
			for _, h := range rows[writers.Held](c, "2024-05-08", writers.HeldTable) {
				waiting += h.Rows
			}
			if rated+off+waiting != sent {
				t.Errorf("%d rated, %d written off, %d waiting, of %d rows", rated, off, waiting, sent)
			}
			t.Logf("%d rated, %d written off, %d waiting", rated, off, waiting)
			c.sameAgain("2024-05-01", "2024-05-08")
		})
	}
}
