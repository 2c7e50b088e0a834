package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
	"ratemill/writers/report"
)

// facts are those of a span; "" leaves an end open.
func (c *company) facts(from, to string) *report.Facts {
	c.Helper()
	f, err := c.tryFacts(from, to)
	if err != nil {
		c.Fatal(err)
	}
	return f
}

func (c *company) tryFacts(from, to string) (*report.Facts, error) {
	s := c.knobs
	s.Output = c.output
	var days [2]calendar.Day
	for i, text := range []string{from, to} {
		if text != "" {
			days[i] = day(c, text)
		}
	}
	return Report(context.Background(), &s, days[0], days[1])
}

// TestReportFigures: what a report says of a small history, written down by
// hand from its documents.
func TestReportFigures(t *testing.T) {
	f := provenCompany(t).facts("", "2024-05-04")
	want := strings.TrimSpace(`
span 2024-05-01 to 2024-05-04, 4 nights, entries 1 to 4; before  to , 0 nights
USD invoiced 909.00 (0.00), applied 1.00 (0.00), due 908.00 (0.00); 4 accounts, 4 moved
document invoice 7 909.00 (0.00)
kind base_fee 4 888.00 (0.00)
kind minimum 2 16.14 (0.00)
kind usage 4 4.86 (0.00)
plan plus 3 304.00 (0.00)
plan pro 4 605.00 (0.00)
mover A 3 308.00 (0.00)
mover B 1 297.00 (0.00)
mover C 2 157.00 (0.00)
mover D 1 147.00 (0.00)
open no_payment_method 1 297.00 (0.00)
attempt requested 5 611.00 (0.00)
minimum sms: 2 charges, 2 accounts, usage 3.86, added 16.14
payer C: 1 charges, usage 0.40, added 9.60
payer A: 1 charges, usage 3.46, added 6.54
balance sms_money: 2 accounts, 0.00 + 16.14 − 1.00 − 0.00 = 15.14
failed since 0 to 7 days: 1, 297.00
day 2024-05-01 741.00
day 2024-05-02 10.00
day 2024-05-03 158.00
usage sms USD: rows 4, quantity 481, amount 4.86
rejects not_a_number: refused 1, written off 0, recycled 0, waiting 0, before 0
rejects unknown_account: refused 0, written off 0, recycled 0, waiting 1, before 0
series INV 1 to 7
look 2024-05-01: more rows were rejected or put aside than are allowed
`)
	if got := strings.TrimSpace(factsText(f)); got != want {
		t.Errorf("the facts are\n%s\nwant\n%s", got, want)
	}
	if !f.Proof.OK() || f.Proof.Entries != 4 {
		t.Errorf("%+v", f.Proof)
	}
}

func factsText(f *report.Facts) string {
	var b strings.Builder
	fmt.Fprintf(&b, "span %s to %s, %d nights, entries %d to %d; before %s to %s, %d nights\n", f.Span.From, f.Span.To, f.Span.Nights, f.Span.First.Number, f.Span.Last.Number, f.Before.From, f.Before.To, f.Before.Nights)
	for _, m := range f.Money {
		fmt.Fprintf(&b, "%s invoiced %s, applied %s, due %s; %d accounts, %d moved\n", m.Currency, pairText(m.Invoiced), pairText(m.Applied), pairText(m.Due), m.Accounts, m.Moved)
		for _, list := range []struct {
			what string
			all  []report.Named
		}{{"document", m.Documents}, {"kind", m.Kinds}, {"plan", m.Plans}, {"mover", m.Movers}, {"open", m.FailedReasons}, {"attempt", m.Attempts}} {
			for _, n := range list.all {
				fmt.Fprintf(&b, "%s %s %d %s\n", list.what, n.Name, n.Rows, pairText(n.Pair))
			}
		}
		for _, x := range m.Minimums {
			fmt.Fprintf(&b, "minimum %s: %d charges, %d accounts, usage %s, added %s\n", x.Meter, x.Charges, x.Accounts, x.Usage.StringFixed(2), x.Added.StringFixed(2))
		}
		for _, x := range m.MinimumPayers {
			fmt.Fprintf(&b, "payer %s: %d charges, usage %s, added %s\n", x.Account, x.Charges, x.Usage.StringFixed(2), x.Added.StringFixed(2))
		}
		for _, x := range m.Balances {
			fmt.Fprintf(&b, "balance %s: %d accounts, %s + %s − %s − %s = %s\n", x.Name, x.Accounts, x.Opening.StringFixed(2), x.Added.StringFixed(2), x.Used.StringFixed(2), x.Lapsed.StringFixed(2), x.Closing.StringFixed(2))
		}
		for _, x := range m.Failed {
			if x.Count > 0 {
				fmt.Fprintf(&b, "failed since %d to %d days: %d, %s\n", x.From, x.To, x.Count, x.Amount.StringFixed(2))
			}
		}
		for _, x := range m.Days {
			fmt.Fprintf(&b, "day %s %s\n", x.Day, x.Amount.StringFixed(2))
		}
	}
	for _, u := range f.Usage {
		fmt.Fprintf(&b, "usage %s %s: rows %s, quantity %s, amount %s\n", u.Meter, u.Currency, u.Rows.Now, u.Quantity.Now, u.Amount.Now)
	}
	for _, r := range f.Rejects {
		fmt.Fprintf(&b, "rejects %s: refused %d, written off %d, recycled %d, waiting %d, before %d\n", r.Reason, r.Refused, r.WrittenOff, r.Recycled, r.Waiting, r.Before)
	}
	for _, s := range f.Series {
		fmt.Fprintf(&b, "series %s %d to %d\n", s.Name, s.First, s.Last)
	}
	for _, l := range f.Look {
		fmt.Fprintf(&b, "look %s: %s\n", l.Day, l.What)
	}
	return b.String()
}

func pairText(p report.Pair) string {
	return fmt.Sprintf("%s (%s)", p.Now.StringFixed(2), p.Before.StringFixed(2))
}

// TestReportSameBytes: workers and memory never show on the page.
func TestReportSameBytes(t *testing.T) {
	c := provenCompany(t)
	page := func(workers int, memory int64) string {
		c.knobs.Workers, c.knobs.Memory = workers, memory
		var b bytes.Buffer
		if err := report.Write(&b, c.facts("2024-05-03", "2024-05-04")); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	want := page(1, 1<<20)
	for workers := 2; workers < 5; workers++ {
		if page(workers, 1) != want {
			t.Errorf("another page on %d workers", workers)
		}
	}
}

// TestReportCompares: which days a span is compared with.
func TestReportCompares(t *testing.T) {
	const first, last = "2024-01-01", "2024-06-16"
	for _, x := range []struct{ from, to, want string }{
		{"2024-05-16", "2024-05-16", "2024-04-16 to 2024-04-16"},
		{"2024-03-31", "2024-03-31", "2024-02-29 to 2024-02-29"},
		{"2024-05-01", "2024-05-31", "2024-04-01 to 2024-04-30"},
		{"2024-04-01", "2024-05-31", "2024-02-01 to 2024-03-31"},
		{"2024-05-02", "2024-05-15", "2024-04-18 to 2024-05-01"},
		{"2024-06-01", "2024-06-30", "2024-05-01 to 2024-05-16"}, // as far as it is published
		{"2024-06-01", "2024-06-16", "2024-05-01 to 2024-05-16"},
		{"2024-03-01", "2024-03-30", "2024-02-01 to 2024-02-29"}, // February has no more
		{"2024-01-01", "2024-01-31", " to "},
		{"2024-01-16", "2024-01-16", " to "},
		{"2024-02-01", "2024-06-16", " to "},
	} {
		b := spanBefore(report.Span{From: day(t, x.from), To: day(t, x.to)}, day(t, first), day(t, last))
		if got := b.From.String() + " to " + b.To.String(); got != x.want {
			t.Errorf("%s to %s: %s, want %s", x.from, x.to, got, x.want)
		}
	}
}

// TestReportCharts: a chart of days shows 31 of them, all of a longer span, and
// the day that a single one is compared with.
func TestReportCharts(t *testing.T) {
	for _, x := range []struct{ from, to, want string }{
		{"2024-05-16", "2024-05-16", "2024-04-16"},
		{"2024-06-16", "2024-06-16", "2024-05-16"},
		{"2024-03-31", "2024-03-31", "2024-02-29"},
		{"2024-05-01", "2024-05-31", "2024-05-01"},
		{"2024-06-01", "2024-06-16", "2024-05-17"},
		{"2024-02-01", "2024-06-16", "2024-02-01"},
		{"2024-01-02", "2024-01-02", "2023-12-03"}, // the history has less
	} {
		r := &reporting{facts: &report.Facts{Span: report.Span{From: day(t, x.from), To: day(t, x.to)}}}
		r.facts.Before = spanBefore(r.facts.Span, day(t, "2024-01-01"), day(t, "2024-06-16"))
		if got := r.chartFrom().String(); got != x.want {
			t.Errorf("%s to %s: from %s, want %s", x.from, x.to, got, x.want)
		}
	}
}

// TestReportCompared: the figures of the days before stand beside those of the
// span, and accounts that changed most come first.
func TestReportCompared(t *testing.T) {
	f := provenCompany(t).facts("2024-05-03", "")
	got := factsText(f)
	for _, want := range []string{
		"span 2024-05-03 to 2024-05-04, 2 nights, entries 3 to 4; before 2024-05-01 to 2024-05-02, 2 nights\n",
		"USD invoiced 158.00 (751.00), applied 1.00 (0.00), due 157.00 (751.00); 3 accounts, 4 moved\n",
		"kind base_fee 1 147.00 (741.00)\n",
		"mover A 1 1.00 (307.00)\nmover B 0 0.00 (297.00)\nmover D 1 147.00 (0.00)\nmover C 1 10.00 (147.00)\n",
		"minimum sms: 1 charges, 1 accounts, usage 0.40, added 9.60\n",
		"balance sms_money: 2 accounts, 6.54 + 9.60 − 1.00 − 0.00 = 15.14\n",
		"rejects not_a_number: refused 0, written off 0, recycled 0, waiting 0, before 1\n",
		"series INV 5 to 7\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	if !reflect.DeepEqual(f, provenCompany(t).facts("2024-05-03", "")) {
		t.Error("the same history makes other facts")
	}
}

// TestReportRefusals: a report is of days that are published.
func TestReportRefusals(t *testing.T) {
	c := provenCompany(t)
	for _, x := range []struct{ from, to, want string }{
		{"2024-05-05", "2024-05-05", "no night of 2024-05-05 is published"},
		{"2024-04-01", "2024-04-30", "no night of 2024-04-01 to 2024-04-30 is published"},
		{"2024-05-05", "", "no night of 2024-05-05 is published"},
	} {
		_, err := c.tryFacts(x.from, x.to)
		var usage *UsageError
		if !errors.As(err, &usage) || usage.What != x.want || usage.Hint != "there are nights from 2024-05-01 to 2024-05-04" {
			t.Errorf("%s to %s: %v", x.from, x.to, err)
		}
	}
	c.output = memory(t)
	if _, err := c.tryFacts("", ""); ExitCode(err) != ExitUsage {
		t.Errorf("no history: %v", err)
	}
}

// TestReportBroken: tables that do not make their control totals, and totals
// that do not hold, are named; a damaged table stops the report.
func TestReportBroken(t *testing.T) {
	whole := provenCompany(t)
	t.Run("totals", func(t *testing.T) {
		c := whole.copied(t)
		c.sign(2, func(run *writers.Run) {
			run.Totals.Money[0].Lines = run.Totals.Money[0].Lines.Add(decimal.NewFromInt(1))
		})
		p := c.facts("2024-05-01", "").Proof
		if p.OK() || len(p.Broken) != 1 || !strings.HasPrefix(p.Broken[0], "entry 2 (2024-05-02): currency USD: lines = ") || failing(p) != "invoice lines, table = control total; invoice lines = documents" {
			t.Errorf("%s: %q", failing(p), p.Broken)
		}
	})
	t.Run("balances", func(t *testing.T) {
		c := whole.copied(t)
		c.sign(2, func(run *writers.Run) {
			b := &run.Totals.Balances[0]
			b.Added, b.Closing = b.Added.Add(decimal.NewFromInt(1)), b.Closing.Add(decimal.NewFromInt(1))
		})
		p := c.facts("2024-05-01", "2024-05-02").Proof
		if failing(p) != "closing, table = control total" {
			t.Errorf("%s: %q", failing(p), p.Broken)
		}
		if p = c.facts("2024-05-03", "").Proof; p.OK() || len(p.Broken) != 1 { // against the entry before
			t.Errorf("%q", p.Broken)
		}
	})
	t.Run("damaged", func(t *testing.T) {
		c := whole.copied(t)
		file, err := outputOf(c.entry("2024-05-02"), writers.InvoiceLinesTable.Name)
		if err != nil {
			t.Fatal(err)
		}
		putObject(t, c.output, file.Key, []byte("PAR1"))
		_, err = c.tryFacts("2024-05-02", "")
		if ExitCode(err) != ExitInput || !strings.Contains(err.Error(), file.Key) {
			t.Error(err)
		}
	})
}

func failing(p report.Proof) string {
	var all []string
	for _, k := range p.Checks {
		if !k.OK() {
			all = append(all, k.What)
		}
	}
	return strings.Join(all, "; ")
}

// TestReportRerate: notes stand beside invoices, and control totals hold
// before the next night collects and after it.
func TestReportRerate(t *testing.T) {
	c := newCompany(t, small)
	c.nights("2024-05-01", "2024-05-10")
	c.deliver(lateSMS)
	c.rerate("2024-05-03", "2024-05-03")
	if f := c.facts("", ""); f.Span.To != day(t, "2024-05-10") || len(f.Rerates) != 0 {
		t.Errorf("the last night is that of %s, %d rerates", f.Span.To, len(f.Rerates))
	}
	check := func(when string) *report.Facts {
		f := c.facts("2024-05-01", "2024-05-31")
		if !f.Proof.OK() || len(f.Rerates) != 1 || f.Rerates[0].Number != 11 {
			t.Errorf("%s: %s, %q, rerates %v", when, failing(f.Proof), f.Proof.Broken, f.Rerates)
		}
		if text := factsText(f); !strings.Contains(text, "document debit_note 1 12.60 (0.00)\n") {
			t.Errorf("%s: no debit note in\n%s", when, text)
		}
		return f
	}
	if f := check("before the night"); f.Span.Nights != 10 {
		t.Errorf("%d nights", f.Span.Nights)
	}
	c.night("2024-05-11")
	if f := check("after it"); f.Span.Nights != 11 || len(f.Money[0].Days) == 0 {
		t.Errorf("%d nights", f.Span.Nights)
	}
}
