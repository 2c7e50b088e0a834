package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"ratemill/pipeline"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// report tells people what nights did: a line each, and a table of several.
type report struct {
	c      *console
	output string
	rows   []nightRow
}

// nightRow is what a table says of a night. What was read and what was taken
// up from the nights before is rated, duplicate, rejected, put aside for the
// nights to come, or not billable by a rule.
type nightRow struct {
	day                                                           string
	read, takenUp, rated, duplicate, rejected, putAside, invoices int64
	due                                                           map[string]decimal.Decimal
	order                                                         []string // of currencies
	seconds                                                       time.Duration
	published                                                     bool // by this command
	look                                                          bool // somebody must
}

func newReport(c *console, output string) *report { return &report{c: c, output: output} }

// night bills a night and says how it went.
func (r *report) night(day calendar.Day, bill func() (*pipeline.Result, error)) error {
	began := r.c.now()
	result, err := bill()
	if err != nil {
		return ofNight(day, r.c.stopped(err))
	}
	row := rowOf(result.Entry.Run, r.c.now().Sub(began))
	r.c.metrics.night(result)
	r.c.log().Info("night done", "night", row.day, "run", result.Entry.RunID, "status", string(result.Status), "entry", result.Entry.Entry, "exit_code", result.Entry.ExitCode,
		"rows_read", row.read, "rows_rated", row.rated, "rows_rejected", row.rejected, "documents", row.invoices, "seconds", row.seconds.Round(time.Millisecond).Seconds())
	if row.published = result.Status != pipeline.Already; result.Entry.ExitCode != 0 {
		row.look = true
	}
	r.rows = append(r.rows, row)
	fmt.Fprintln(r.c.stdout, sentence(result, row))
	if row.look {
		r.c.code = result.Entry.ExitCode
		r.c.needsLook(day.String(), r.output, result.Entry)
	}
	return nil
}

// ofNight says of which night an error is, unless it says so itself, or is of
// a night that is published.
func ofNight(day calendar.Day, err error) error {
	var usage *pipeline.UsageError
	var other *pipeline.OtherInputsError
	if errors.As(err, &usage) || errors.As(err, &other) {
		return err
	}
	return fmt.Errorf("%s not published: %w", day, err)
}

// nights bills the nights from the settings' day to another, one after the
// other, and sums several of them up.
func (r *report) nights(s *pipeline.Settings, last calendar.Day) error {
	for day := s.Day; day <= last; day++ {
		night := *s
		night.Day = day
		night.First = s.First && day == s.Day
		if err := r.night(day, func() (*pipeline.Result, error) { return pipeline.Run(r.c.ctx, &night) }); err != nil {
			return err
		}
	}
	if len(r.rows) > 1 {
		r.table()
	}
	return nil
}

// backfill bills the nights of a span, and sums up how far it came also where
// it stops. The same command goes on from there.
func (r *report) backfill(s *pipeline.Settings, last calendar.Day, ahead int) error {
	b, err := pipeline.NewBackfill(r.c.ctx, s, last, ahead)
	if err != nil {
		return err
	}
	defer b.Close()
	for day := s.Day; day <= last && err == nil; day++ {
		if err = r.night(day, func() (*pipeline.Result, error) { return b.Night(r.c.ctx, day) }); err != nil && pipeline.ExitCode(err) != pipeline.ExitUsage {
			fmt.Fprintf(r.c.stdout, "%s not published: exit code %d\n", day, pipeline.ExitCode(err))
		}
	}
	if len(r.rows) > 1 {
		r.table()
	}
	if len(r.rows) > 0 {
		r.sum()
	}
	return err
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
		row.rejected += s.Rejected + s.WrittenOff
		row.putAside += s.PutAside
		row.takenUp += s.TakenUp + s.Recycled
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
	for _, code := range n.order {
		due := n.due[code]
		parts = append(parts, due.StringFixed(max(2, -due.Exponent()))+" "+code) // a dinar has three places
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
		pipeline.Finished: "published by finishing what an earlier run began",
	}
	text := what[result.Status]
	if result.Verified {
		text = "published already and verified"
	}
	if result.Corrected > 0 {
		text += fmt.Sprintf(", corrected by the rerate of entry %d", result.Corrected)
	}
	return fmt.Sprintf("%s %s (entry %d): %d rows read, %d taken up, %d rated, %d duplicate, %d rejected, %d put aside; %d invoices, %s due; %.2f s",
		row.day, text, result.Entry.Entry, row.read, row.takenUp, row.rated, row.duplicate, row.rejected, row.putAside, row.invoices, row.money(), row.seconds.Seconds())
}

// needsLook says that what is published wants somebody's eyes, and where it lies.
func (c *console) needsLook(what, output string, e *pipeline.Entry) {
	hint := fmt.Sprintf("it is published; look at entry %d under %s, then see exit code 3 in docs/operating.md", e.Entry, output)
	c.say(slog.LevelWarn, fmt.Sprintf("%s needs a look: %s", what, reasonToLook(e.Run)), hint, e.ExitCode)
}

// reasonToLook is why an entry has exit code 3.
func reasonToLook(run *writers.Run) string {
	var why []string
	for _, f := range run.Outputs {
		if strings.HasPrefix(f.Key, writers.ParkedAccountsTable.Name+"/") && f.Rows > 0 {
			why = append(why, fmt.Sprintf("%d accounts could not be billed (table parked_accounts)", f.Rows))
		}
	}
	for _, change := range run.ChangesInWords() {
		why = append(why, change+" (run.json, changed_inputs)")
	}
	for _, u := range run.Unexpected {
		why = append(why, fmt.Sprintf("%s: %s (run.json, unexpected_inputs)", u.Source, u.What))
	}
	if len(why) == 0 {
		why = append(why, "more rows were rejected or put aside than --max-rejects allows (table rejects)")
	}
	return strings.Join(why, "; ")
}

// table sums several nights up.
func (r *report) table() {
	w := tabwriter.NewWriter(r.c.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nnight\trows read\ttaken up\trated\tduplicate\trejected\tput aside\tinvoices\tamount due\tseconds\t")
	for i := range r.rows {
		r.rows[i].print(w)
	}
	sum := r.total()
	sum.print(w)
	w.Flush()
	fmt.Fprintf(r.c.stdout, "\nThe files are under %s: a folder a table, in it one a billing date; charge_files/ is for the payment processor, runs/ has the control totals.\n", r.output)
}

// sum sums a backfill up in one line.
func (r *report) sum() {
	published, look := 0, 0
	for i := range r.rows {
		if r.rows[i].published {
			published++
		}
		if r.rows[i].look {
			look++
		}
	}
	text := fmt.Sprintf("%s: %d published, %d published already and verified", number(len(r.rows), "night"), published, len(r.rows)-published)
	if look > 0 {
		text += fmt.Sprintf(", %d of them need a look", look)
	}
	total := r.total()
	fmt.Fprintf(r.c.stdout, "%s; %s read, %s, %s due; %.2f s a night\n", text, number(int(total.read), "row"), number(int(total.invoices), "document"),
		total.money(), total.seconds.Seconds()/float64(len(r.rows)))
}

// total is all nights in one row.
func (r *report) total() nightRow {
	sum := nightRow{day: "all", due: map[string]decimal.Decimal{}}
	for i := range r.rows {
		n := &r.rows[i]
		sum.read, sum.takenUp, sum.rated, sum.duplicate = sum.read+n.read, sum.takenUp+n.takenUp, sum.rated+n.rated, sum.duplicate+n.duplicate
		sum.rejected, sum.putAside, sum.invoices = sum.rejected+n.rejected, sum.putAside+n.putAside, sum.invoices+n.invoices
		sum.seconds += n.seconds
		for _, c := range n.order {
			if _, known := sum.due[c]; !known {
				sum.order = append(sum.order, c)
			}
			sum.due[c] = sum.due[c].Add(n.due[c])
		}
	}
	slices.Sort(sum.order)
	return sum
}

func (n *nightRow) print(w *tabwriter.Writer) {
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%.2f\t\n",
		n.day, n.read, n.takenUp, n.rated, n.duplicate, n.rejected, n.putAside, n.invoices, n.money(), n.seconds.Seconds())
}
