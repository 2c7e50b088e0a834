package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/shopspring/decimal"

	"ratemill/pipeline"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

// report tells people what nights did: a line each, and a table of several.
type report struct {
	c      *console
	output string
	rows   []nightRow
}

// nightRow is what a table says of a night.
type nightRow struct {
	day                                                  string
	read, rated, duplicate, rejected, putAside, invoices int64
	due                                                  map[string]decimal.Decimal
	order                                                []string // of currencies
	seconds                                              time.Duration
}

func newReport(c *console, output string) *report { return &report{c: c, output: output} }

// night bills a night and says how it went.
func (r *report) night(s *pipeline.Settings) error {
	began := r.c.now()
	result, err := pipeline.Run(r.c.ctx, s)
	if err != nil {
		return fmt.Errorf("%s not published: %w", s.Day, err)
	}
	row := rowOf(result.Entry.Run, r.c.now().Sub(began))
	r.rows = append(r.rows, row)
	fmt.Fprintln(r.c.stdout, sentence(result, row))
	if result.Entry.ExitCode != 0 {
		r.c.code = result.Entry.ExitCode
		fmt.Fprintf(r.c.stderr, "ratemill: %s needs a look: %s\n", s.Day, reasonToLook(result.Entry.Run))
	}
	return nil
}

// nights bills several nights, one after the other, and sums them up.
func (r *report) nights(s *pipeline.Settings, from, to calendar.Day) error {
	first := s.First
	for day := from; day <= to; day++ {
		night := *s
		night.Day = day
		night.First = first && day == from
		if err := r.night(&night); err != nil {
			return err
		}
	}
	r.table()
	return nil
}

func rowOf(run *writers.Run, took time.Duration) nightRow {
	row := nightRow{day: run.BillingDate, due: map[string]decimal.Decimal{}, seconds: took}
	for _, f := range run.Totals.Files {
		row.read += f.Read
		row.duplicate += f.Duplicate
		row.rejected += f.Rejected
		row.putAside += f.NotDue
	}
	for _, s := range run.Totals.Sources {
		row.rated += s.Rated
		row.rejected += s.Rejected
		row.putAside += s.PutAside - s.TakenUp
	}
	for _, m := range run.Totals.Money {
		row.due[m.Currency] = m.AmountDue
		row.order = append(row.order, m.Currency)
	}
	for _, f := range run.Outputs {
		if strings.HasPrefix(f.Key, writers.InvoicesTable.Name+"/") {
			row.invoices = f.Rows
		}
	}
	return row
}

func (n *nightRow) money() string {
	var parts []string
	for _, c := range n.order {
		parts = append(parts, n.due[c].StringFixed(2)+" "+c)
	}
	if len(parts) == 0 {
		return "0.00"
	}
	return strings.Join(parts, ", ")
}

// sentence is a night in one line.
func sentence(result *pipeline.Result, row nightRow) string {
	what := map[pipeline.Status]string{
		pipeline.Published: "published", pipeline.Already: "published already, nothing changed", pipeline.Helped: "published with another run",
	}[result.Status]
	return fmt.Sprintf("%s %s (entry %d): %d rows read, %d rated, %d duplicate, %d rejected; %d invoices, %s due; %.2f s",
		row.day, what, result.Entry.Entry, row.read, row.rated, row.duplicate, row.rejected, row.invoices, row.money(), row.seconds.Seconds())
}

// reasonToLook is why an entry has exit code 3.
func reasonToLook(run *writers.Run) string {
	var why []string
	for _, f := range run.Outputs {
		if strings.HasPrefix(f.Key, writers.ParkedAccountsTable.Name+"/") && f.Rows > 0 {
			why = append(why, fmt.Sprintf("%d accounts could not be billed (table parked_accounts)", f.Rows))
		}
	}
	if n := len(run.ChangedInputs); n > 0 {
		why = append(why, fmt.Sprintf("%d exports have changed since they were billed, the first is %s (run.json, changed_inputs)", n, run.ChangedInputs[0].Key))
	}
	if len(why) == 0 {
		why = append(why, "more rows were rejected than --max-rejects allows (table rejects)")
	}
	return strings.Join(why, "; ")
}

// table sums several nights up.
func (r *report) table() {
	w := tabwriter.NewWriter(r.c.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nnight\trows read\trated\tduplicate\trejected\tput aside\tinvoices\tamount due\tseconds\t")
	var sum nightRow
	sum.day, sum.due = "all", map[string]decimal.Decimal{}
	for i := range r.rows {
		n := &r.rows[i]
		n.print(w)
		sum.read, sum.rated, sum.duplicate = sum.read+n.read, sum.rated+n.rated, sum.duplicate+n.duplicate
		sum.rejected, sum.putAside, sum.invoices = sum.rejected+n.rejected, sum.putAside+n.putAside, sum.invoices+n.invoices
		sum.seconds += n.seconds
		for _, c := range n.order {
			if _, known := sum.due[c]; !known {
				sum.order = append(sum.order, c)
			}
			sum.due[c] = sum.due[c].Add(n.due[c])
		}
	}
	sum.print(w)
	w.Flush()
	fmt.Fprintf(r.c.stdout, "\nThe files are under %s: a folder a table, in it one a billing date; charge_files/ is for the payment processor, runs/ has the control totals.\n", r.output)
}

func (n *nightRow) print(w *tabwriter.Writer) {
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%.2f\t\n",
		n.day, n.read, n.rated, n.duplicate, n.rejected, n.putAside, n.invoices, n.money(), n.seconds.Seconds())
}
