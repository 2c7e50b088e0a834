package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"ratemill/pipeline"
	"ratemill/rating/calendar"
	html "ratemill/writers/report"
)

type reportCommand struct {
	historyFlags
	Date date   `help:"Report on one billing date; without any, on the last that is published." placeholder:"YYYY-MM-DD"`
	From date   `help:"Report on billing dates from this one on." placeholder:"YYYY-MM-DD"`
	To   date   `help:"Report on billing dates up to this one; without it, up to the last." placeholder:"YYYY-MM-DD"`
	Out  string `help:"File to write, replaced if it is there; - is stdout. Without it report-DATE.html in the working directory." placeholder:"FILE"`
}

// Help is what ratemill report --help says below the flags.
func (*reportCommand) Help() string {
	return `Writes one HTML page on what nights did: money by kind and plan, largest changes, minimums, balances owed, failed payments, usage, rejects, numbers of documents, and the control totals with ticks. It needs no network, prints, and comes of the published files alone: the same history makes the same page, byte for byte.

  ratemill report --output out                                            the last night
  ratemill report --output out --date 2024-05-31
  ratemill report --output out --from 2024-05-01 --to 2024-05-31 --out may.html

A month is compared with the month before, a day with that day of the month before, any other span with as many days before, where the history reaches back so far.

Exit codes: 0 written, 5 written and control totals do not hold, 6 a table is damaged, 64 wrong usage or nothing is published of these days, 75 temporary, 1 anything else. docs/report.md explains the page.`
}

func (r *reportCommand) Run(c *console) error {
	from, to, err := r.span()
	if err != nil {
		return err
	}
	s, closeAll, err := r.open(c, r.Output)
	if err != nil {
		return err
	}
	defer closeAll()
	facts, err := pipeline.Report(c.ctx, s, from, to)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := html.Write(&page, facts); err != nil {
		return err
	}
	if err := r.write(c, facts, page.Bytes()); err != nil {
		return err
	}
	if !facts.Proof.OK() {
		fmt.Fprintln(c.stderr, "ratemill: control totals do not hold, the page says which; ratemill verify finds the rows")
		c.code = pipeline.ExitTotals
	}
	return nil
}

// span is what the flags ask for; None where they leave it open.
func (r *reportCommand) span() (from, to calendar.Day, err error) {
	from, to = r.From.Day, r.To.Day
	switch {
	case r.Date.Day != calendar.None && (from != calendar.None || to != calendar.None):
		return 0, 0, &pipeline.UsageError{What: "--date is one billing date, --from and --to are a span: give one of the two"}
	case r.Date.Day != calendar.None:
		return r.Date.Day, r.Date.Day, nil
	case from != calendar.None && to != calendar.None && to < from:
		return 0, 0, &pipeline.UsageError{What: fmt.Sprintf("--to %s is before --from %s", to, from)}
	}
	return from, to, nil
}

// write puts the page to its place, whole or not at all.
func (r *reportCommand) write(c *console, facts *html.Facts, page []byte) error {
	if r.Out == "-" {
		_, err := c.stdout.Write(page)
		return err
	}
	name := r.Out
	if name == "" {
		name = "report-" + facts.Span.From.String()
		if facts.Span.To != facts.Span.From {
			name += "-to-" + facts.Span.To.String()
		}
		name += ".html"
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".ratemill-report-")
	if err != nil {
		return &pipeline.UsageError{What: fmt.Sprintf("--out %s: %v", name, err)}
	}
	_, err = f.Write(page)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", name, err)
	}
	verdict := "all control totals hold"
	if !facts.Proof.OK() {
		verdict = "control totals do not hold"
	}
	fmt.Fprintf(c.stdout, "%s: %s, %s\n", name, number(facts.Span.Nights, "billing date"), verdict)
	return nil
}
