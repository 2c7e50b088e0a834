package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob"

	"ratemill/rating/decimal"
	"ratemill/writers"
)

// small is a company with something in most tables.
const small = `
	-- account_events/2024-05-01
	s1,A,2024-05-01T09:00:00,signed_up,pro,monthly,card,
	s2,B,2024-05-01T09:00:00,signed_up,plus,monthly,card,
	-- sms/2024-05-01
	m1,A,2024-05-01T10:00:00,outbound,acme,US,340
	m2,B,2024-05-01T10:00:00,outbound,acme,GB,1000
	m3,X,2024-05-01T10:00:00,outbound,acme,GB,1000
	m4,B,2024-05-03T10:00:00,outbound,acme,GB,1000
	-- sms/2024-05-02
	m5,A,2024-05-02T10:00:00,outbound,acme,US,-1
	m6,A,2024-05-02T10:00:00,outbound,acme,US,400
	-- contacts/2024-05-02
	B,2024-05-02,2501,
`

// A published night that is asked for again changes nothing, and repeats its
// exit code.
func TestPublishedNightStays(t *testing.T) {
	c := newCompany(t, small)
	c.nights("2024-05-01", "2024-05-03")
	before := tree(t, c.output)
	for date, code := range map[string]int{"2024-05-01": ExitLook, "2024-05-02": ExitLook, "2024-05-03": ExitDone} {
		r, err := c.try(date)
		if err != nil {
			t.Fatal(err)
		}
		if r.Status != Already || r.Entry.ExitCode != code || r.Entry.BillingDate != date {
			t.Errorf("%s: %s %s, exit code %d, want %d", date, r.Entry.BillingDate, r.Status, r.Entry.ExitCode, code)
		}
	}
	sameTree(t, "after reruns", tree(t, c.output), before)
}

// Nothing of the staging is left behind a published night.
func TestStagingIsSwept(t *testing.T) {
	c := newCompany(t, small)
	dir := c.onDisk()
	c.night("2024-05-01")
	if _, err := os.Stat(filepath.Join(dir, "_staging")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("_staging is there: %v", err)
	}
}

// A day that is published from other inputs than those that lie there now is
// refused, with what differs.
func TestOtherInputs(t *testing.T) {
	change := map[string]struct {
		do   func(c *company)
		says string
	}{
		"changed file": {func(c *company) { c.deliver("-- sms/2024-05-02\nm6,A,2024-05-02T10:00:00,outbound,acme,US,401") }, "sms/date=2024-05-02/part-0.csv has changed"},
		"new file":     {func(c *company) { c.deliver("-- sms/2024-05-02 part-1.csv") }, "sms/date=2024-05-02/part-1.csv is new"},
		"late file":    {func(c *company) { c.deliver("-- emails/2024-05-01") }, "emails/date=2024-05-01/part-0.csv is new"},
		"lost file": {func(c *company) {
			if err := c.exports.Delete(context.Background(), "sms/date=2024-05-02/part-0.csv"); err != nil {
				c.Fatal(err)
			}
		}, "sms/date=2024-05-02/part-0.csv is gone"},
		"other catalog": {func(c *company) { c.knobs.Catalog = marketing(c, dear, cheap) }, "the catalog is another"},
	}
	for name, other := range change {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, small)
			c.nights("2024-05-01", "2024-05-02")
			before := tree(t, c.output)
			other.do(c)
			_, err := c.try("2024-05-02")
			var refused *OtherInputsError
			if !errors.As(err, &refused) || ExitCode(err) != ExitOtherInputs || !strings.Contains(err.Error(), other.says) {
				t.Errorf("got %v, exit code %d; want %d and %q", err, ExitCode(err), ExitOtherInputs, other.says)
			}
			sameTree(t, "after the refusal", tree(t, c.output), before)
		})
	}
}

// A file that comes for a published day is consumed by a later night, and is
// then no reason to refuse a rerun of the published day.
func TestLateFileIsForTheNextNight(t *testing.T) {
	c := newCompany(t, small)
	c.night("2024-05-01")
	c.deliver("-- sms/2024-05-01 late.csv\nm9,A,2024-05-01T10:00:00,outbound,acme,US,5000")
	c.night("2024-05-02")
	c.wantDocuments("2024-05-02", `
		invoice A total 53.40 credits 0.00 due 53.40
		  usage 3.40 MK-9
		  usage 50.00 MK-9 late
		invoice B total 40.00 credits 0.00 due 40.00
		  usage 40.00 MK-9
		charge A 53.40 card
		charge B 40.00 card
		plan B plus to pro auto_upgrade
	`)
	for _, date := range []string{"2024-05-01", "2024-05-02"} {
		if r, err := c.try(date); err != nil || r.Status != Already {
			t.Errorf("%s: %v", date, err)
		}
	}
}

// A night without its predecessor, before history, or of a second history is
// refused by name.
func TestDaysOutOfOrder(t *testing.T) {
	c := newCompany(t, small)
	refused := func(what, date string, first bool, says string) {
		t.Helper()
		s := c.settings(date)
		s.First = first
		_, err := Run(context.Background(), s)
		var usage *UsageError
		if !errors.As(err, &usage) || ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, exit code %d; want %d and %q", what, err, ExitCode(err), ExitUsage, says)
		}
	}
	refused("no history", "2024-05-01", false, "no night before 2024-05-01")
	c.night("2024-05-01")
	before := tree(t, c.output)
	refused("a gap", "2024-05-03", false, "2024-05-02 is not published")
	refused("a second history", "2024-05-02", true, "history started on 2024-05-01")
	refused("a second history with a gap", "2024-06-01", true, "history started on 2024-05-01")
	refused("before history", "2024-04-30", false, "before the first night, 2024-05-01")
	sameTree(t, "after the refusals", tree(t, c.output), before)
}

// The changes that a publication makes, in order: all staged files whole, then
// the intent, then final names, charge files next to last, run.json last, and
// the staging swept behind it.
func TestChangesOfAPublication(t *testing.T) {
	c := newCompany(t, small)
	c.knobs.Workers = 1 // else the order within a step is any
	f, b := openFaulty(t, diskDir(t), 0, false)
	c.output = b
	c.night("2024-05-01")
	staging := regexp.MustCompile(`_staging/[0-9a-f]{32}/[0-9a-f]{16}/`)
	equalText(t, "changes", staging.ReplaceAllString(strings.Join(f.log, "\n"), "_staging/"), changes("2024-05-01", 1))
}

func changes(date string, entry int) string {
	var files []string
	for _, table := range []string{"rated_usage", "invoice_lines", "invoices", "charges", "refunds", "balances", "plan_changes", "payment_history",
		"failed_payments", "rejects", "parked_accounts", "state", "held", "event_ids"} {
		files = append(files, fmt.Sprintf("%s/billing_date=%s/entry-%08d.parquet", table, date, entry))
	}
	for _, name := range []string{"refunds.csv", "refunds.ndjson", "charges.csv", "charges.ndjson"} {
		files = append(files, fmt.Sprintf("charge_files/billing_date=%s/%s", date, name))
	}
	var b strings.Builder
	each := func(what string) {
		for _, f := range files {
			b.WriteString(what + f + "\n")
		}
	}
	each("write _staging/")
	fmt.Fprintf(&b, "write runs/%08d/intent.json\n", entry)
	each("copy to ")
	fmt.Fprintf(&b, "write runs/%08d/run.json\n", entry)
	each("delete _staging/")
	return b.String()
}

// A run may die before or behind any of its changes. What is visible then is
// nothing or the whole of the night, and the next run makes it what an
// undisturbed one would have made, byte for byte.
func TestRunDiesAtEveryChange(t *testing.T) {
	stride := 1
	if testing.Short() {
		stride = 5
	}
	c := newCompany(t, small)
	start := c.onDisk()
	c.night("2024-05-01")
	undisturbed := copyOf(t, start)
	c.output = folder(t, undisturbed)
	c.night("2024-05-02")
	want := issued(t, c.output)
	last := strings.Count(changes("2024-05-02", 2), "\n")
	for at := 1; at <= last; at += stride {
		for _, behind := range []bool{false, true} {
			dir := copyOf(t, start)
			f, b := openFaulty(t, dir, at, behind)
			_, err := c.runOn(b, "2024-05-02")
			what := fmt.Sprintf("died at change %d (behind it: %v), %q", at, behind, f.log[len(f.log)-1])
			c.output = folder(t, dir)
			wholeOrNothing(t, what, c, err)
			if r, err := c.try("2024-05-02"); err != nil || r.Status == Helped {
				t.Fatalf("%s: then %v, %v", what, r, err)
			}
			sameTree(t, what, issued(t, c.output), want)
		}
	}
}

// runOn runs a night on another output.
func (c *company) runOn(output *blob.Bucket, date string) (*Result, error) {
	c.Helper()
	s := c.settings(date)
	s.Output = output
	return Run(context.Background(), s)
}

// wholeOrNothing proves of a history that a run died on: where its run.json is
// there, all outputs are; else the run failed.
func wholeOrNothing(t testing.TB, what string, c *company, died error) {
	t.Helper()
	head, err := Head(context.Background(), c.output)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if head.Entry == 2 {
		c.provePublished(head)
	} else if died == nil {
		t.Errorf("%s: the run says it published, and did not", what)
	}
}

// Staged files that vanished before their intent was finished are made again.
func TestStagedFilesVanish(t *testing.T) {
	c := newCompany(t, small)
	start := c.onDisk()
	c.night("2024-05-01")
	undisturbed := copyOf(t, start)
	c.output = folder(t, undisturbed)
	c.night("2024-05-02")
	want := issued(t, c.output)

	dir := copyOf(t, start)
	_, b := openFaulty(t, dir, 20, false) // behind the intent and some copies
	if _, err := c.runOn(b, "2024-05-02"); err == nil {
		t.Fatal("the run did not die")
	}
	if err := os.RemoveAll(filepath.Join(dir, "_staging")); err != nil {
		t.Fatal(err)
	}
	c.output = folder(t, dir)
	other := c.knobs.Catalog
	c.knobs.Catalog = marketing(t, dear, cheap)
	if _, err := c.try("2024-05-02"); err == nil || !strings.Contains(err.Error(), "a staged file is gone") {
		t.Errorf("with another catalog: %v", err)
	}
	c.knobs.Catalog = other
	if _, err := c.try("2024-05-02"); err != nil {
		t.Fatal(err)
	}
	sameTree(t, "made again", issued(t, c.output), want)
}

// Runs that race for the same night publish it once; all of them say how.
func TestRunsRace(t *testing.T) {
	c := newCompany(t, small)
	dir := c.onDisk()
	c.nights("2024-05-01", "2024-05-01")
	alone := *c
	alone.output = folder(t, copyOf(t, dir))
	alone.night("2024-05-02")
	want := issued(t, alone.output)
	for round := range 5 {
		racing := copyOf(t, dir)
		const runs = 4
		var wait sync.WaitGroup
		var results [runs]*Result
		var errs [runs]error
		for i := range runs {
			s := c.settings("2024-05-02")
			s.Output = folder(t, racing)
			s.Workers = 1 + i%2
			wait.Go(func() { results[i], errs[i] = Run(context.Background(), s) })
		}
		wait.Wait()
		count := map[Status]int{}
		for i := range runs {
			if errs[i] != nil {
				t.Fatalf("round %d: run %d: %v", round, i, errs[i])
			}
			count[results[i].Status]++
			if results[i].Entry.Digest != results[0].Entry.Digest {
				t.Errorf("round %d: runs disagree on the entry", round)
			}
		}
		if count[Published] > 1 {
			t.Errorf("round %d: %v", round, count)
		}
		sameTree(t, "after a race", issued(t, folder(t, racing)), want)
		if _, err := os.Stat(filepath.Join(racing, "_staging")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("round %d: staging is left: %v", round, err)
		}
	}
}

// A run that is overtaken by another plan has lost, and leaves what stands.
func TestOvertakenByAnotherPlan(t *testing.T) {
	c := newCompany(t, small)
	c.night("2024-05-01")
	ctx, s := context.Background(), c.settings("2024-05-02")
	plan, err := NewPlan(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	c.deliver("-- emails/2024-05-02\ne1,A,2024-05-02T10:00:00,1")
	c.night("2024-05-02")
	before := tree(t, c.output)
	_, err = runPlan(ctx, s, plan)
	var lost *LostError
	if !errors.As(err, &lost) || ExitCode(err) != ExitOtherInputs || lost.Entry != 2 {
		t.Errorf("got %v, exit code %d", err, ExitCode(err))
	}
	sameTree(t, "after the loser", tree(t, c.output), before)
}

// Control totals that do not hold publish nothing.
func TestBrokenTotals(t *testing.T) {
	for name, tamper := range map[string]func(n *night, s *stage){
		"a cent on an invoice": func(n *night, s *stage) {
			m := s.ledger.money["USD"]
			m.Invoices = m.Invoices.Add(decimal.RequireFromString("0.01"))
		},
		"a charge too few": func(n *night, s *stage) { s.ledger.money["USD"].FirstAttemptCharges = decimal.Zero },
		"a lost row":       func(n *night, s *stage) { s.ledger.ends[len(s.ledger.ends)-1].rated-- },
		"a row twice":      func(n *night, s *stage) { n.mapped[0].files[0].passed++ },
		"an unread row":    func(n *night, s *stage) { n.mapped[0].files[0].read++ },
		"a balance that the day before did not close with": func(n *night, s *stage) {
			b := &n.plan.before.Totals.Balances[0]
			b.Closing = b.Closing.Add(decimal.RequireFromString("0.01"))
		},
		"a balance that vanished": func(n *night, s *stage) { clear(s.ledger.balances) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, small)
			c.nights("2024-05-01", "2024-05-02")
			c.deliver("-- sms/2024-05-03\nm7,A,2024-05-02T10:00:00,outbound,acme,US,5000")
			before := tree(t, c.output)
			ctx, s := context.Background(), c.settings("2024-05-03")
			n := c.begun(s)
			staged, err := n.rate(ctx)
			if err != nil {
				t.Fatal(err)
			}
			tamper(n, staged)
			_, err = n.commit(ctx, staged)
			var totals *TotalsError
			if !errors.As(err, &totals) || ExitCode(err) != ExitTotals {
				t.Errorf("got %v, exit code %d", err, ExitCode(err))
			}
			sameTree(t, "after broken totals", tree(t, c.output), before)
		})
	}
}

// Invoice numbers have no gap, from night to night, in the order of the table.
func TestInvoiceNumbers(t *testing.T) {
	c := newCompany(t, small)
	c.nights("2024-05-01", "2024-05-04")
	var got []string
	for d := day(t, "2024-05-01"); d <= day(t, "2024-05-04"); d++ {
		for _, inv := range rows[writers.Invoice](c, d.String(), writers.InvoicesTable) {
			got = append(got, inv.Number)
		}
	}
	var want []string
	for i := range got {
		want = append(want, fmt.Sprintf("INV-%08d", i+1))
	}
	if len(got) < 5 || !slices.Equal(got, want) {
		t.Errorf("numbers are %v", got)
	}
}

// A consumed file that changed or vanished is listed and left to a rerate; the
// night is published. One that was written again with the same content is not.
func TestConsumedFileChanged(t *testing.T) {
	c := newCompany(t, small)
	dir := t.TempDir()
	for key, text := range tree(t, c.exports) {
		write(t, filepath.Join(dir, key), text)
	}
	c.exports = folder(t, dir)
	c.nights("2024-05-01", "2024-05-02")
	path := func(key string) string { return filepath.Join(dir, key) }
	changed, same := "sms/date=2024-05-01/part-0.csv", "account_events/date=2024-05-01/part-0.csv"
	text, err := os.ReadFile(path(changed))
	if err != nil {
		t.Fatal(err)
	}
	write(t, path(changed), strings.Replace(string(text), ",340", ",341", 1)) // of the same size
	again, err := os.ReadFile(path(same))
	if err != nil {
		t.Fatal(err)
	}
	write(t, path(same), string(again))
	for _, key := range []string{changed, same} { // whatever the resolution of the file system's clock
		if err := os.Chtimes(path(key), time.Time{}, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(path("contacts/date=2024-05-02/part-0.csv")); err != nil {
		t.Fatal(err)
	}
	e := c.night("2024-05-03")
	var got []string
	for _, f := range e.ChangedInputs {
		got = append(got, fmt.Sprintf("%s now %.6s", f.Key, f.Now))
	}
	want := []string{"contacts/date=2024-05-02/part-0.csv now ", changed + " now md5:e2"}
	if e.ExitCode != ExitLook || !slices.Equal(got, want) {
		t.Errorf("exit code %d, changed inputs %q, want %q", e.ExitCode, got, want)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
