package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"ratemill/pipeline"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

type rerateCommand struct {
	billFlags
	metricsFlags
	From   date `help:"First billing date to fold again." required:"" placeholder:"YYYY-MM-DD"`
	To     date `help:"Last billing date to fold again; published days after it follow under the configured catalog." required:"" placeholder:"YYYY-MM-DD"`
	DryRun bool `help:"Print the notes that would be published and publish nothing."`
}

// Help teaches by example.
func (rerateCommand) Help() string {
	return `A file came late, or was mended: fold its days again with the exports as they lie there now. Whoever was billed too little or too much gets one debit or credit note, the next night collects it:

  ratemill rerate --from 2024-05-03 --to 2024-05-03 --dry-run
  ratemill rerate --from 2024-05-03 --to 2024-05-03

A price was wrong for a week: fold the week again under a corrected catalog. The days after it are folded under the catalog that ratemill.yaml or RATEMILL_CATALOG names:

  ratemill rerate --from 2024-05-06 --to 2024-05-12 --catalog corrected.yaml

Nothing that was issued changes. Where nothing differs nothing is published, so a second rerate does nothing. See docs/rerate.md.`
}

func (r *rerateCommand) Run(c *console) error {
	if !r.DryRun {
		c.metrics = &metrics{metricsFlags: r.metricsFlags, began: c.now(), rerates: true}
	}
	s, closeAll, err := r.open(c, r.DryRun)
	if err != nil {
		return err
	}
	defer closeAll()
	if c.metrics != nil {
		c.metrics.watch = s.Watch.(*watch)
		c.metrics.watch.sumUp()
	}
	if err := r.takeConfigured(c, s); err != nil {
		return err
	}
	result, err := pipeline.Rerate(c.ctx, s, pipeline.Span{From: r.From.Day, To: r.To.Day}, r.DryRun)
	if err != nil {
		return fmt.Errorf("rerate of %s to %s: %w", r.From, r.To, c.stopped(err))
	}
	c.metrics.rerated(result)
	printNotes(c, result)
	fmt.Fprintln(c.stdout, rerateSentence(result))
	if e := result.Entry; e != nil && e.ExitCode != 0 {
		c.code = e.ExitCode
		c.needsLook("the rerate", r.Output, e)
	}
	return nil
}

// takeConfigured tells the catalog of the command line, which is for the days
// asked for, from the configured one, which is for the days after them.
func (r *rerateCommand) takeConfigured(c *console, s *pipeline.Settings) error {
	configured := c.config.values["catalog"].text
	if env, set := os.LookupEnv("RATEMILL_CATALOG"); set {
		configured = env
	}
	if configured == "" || configured == r.Catalog {
		return nil
	}
	s.Corrected = s.Catalog
	var err error
	var usual *catalog.Catalog
	if usual, err = c.loadCatalog(configured); err == nil {
		s.Catalog = usual
	}
	return err
}

// printNotes is the notes as a table, with the totals by currency.
func printNotes(c *console, r *pipeline.RerateResult) {
	if len(r.Notes) == 0 {
		return
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "account\tnote\tline\tamount\tcorrects\thow")
	totals := newRerateTotals()
	for i := range r.Notes {
		n := &r.Notes[i]
		name := n.Kind
		if n.Number != "" {
			name = n.Number
		}
		for _, l := range n.Of {
			corrects := "-"
			if l.CorrectsInvoiceID != "" {
				corrects = l.CorrectsInvoiceID
			}
			if l.CorrectsLineNo > 0 {
				corrects += fmt.Sprintf(" line %d", l.CorrectsLineNo)
			}
			fmt.Fprintf(w, "%s\t%s\t%d %s\t%s\t%s\t%s\n", n.AccountID, name, l.LineNo, l.Kind, moneyText(l.Amount), corrects, l.Calculation)
		}
		fmt.Fprintf(w, "%s\t%s\ttotal\t%s\t\tdue %s\n", n.AccountID, name, moneyText(n.Total), moneyText(n.AmountDue))
		totals.add(n)
	}
	w.Flush()
	totals.print(c)
}

func moneyText(v int64) string { return amountText(writers.FromMoney(v)) }

// amountText has two digits behind the point, or as many as there are.
func amountText(d decimal.Decimal) string {
	_, digits, _ := strings.Cut(d.String(), ".")
	return d.StringFixed(max(2, int32(len(digits))))
}

// rerateTotals are the sums of notes by currency.
type rerateTotals struct {
	order []string
	of    map[string]*rerateTotal
}

type rerateTotal struct {
	debits, credits int
	total, due      decimal.Decimal
}

func newRerateTotals() *rerateTotals { return &rerateTotals{of: map[string]*rerateTotal{}} }

func (t *rerateTotals) add(n *pipeline.RerateNote) {
	s := t.of[n.Currency]
	if s == nil {
		s = &rerateTotal{}
		t.of[n.Currency] = s
		t.order = append(t.order, n.Currency)
	}
	if n.Kind == "credit_note" {
		s.credits++
	} else {
		s.debits++
	}
	s.total, s.due = s.total.Add(writers.FromMoney(n.Total)), s.due.Add(writers.FromMoney(n.AmountDue))
}

func (t *rerateTotals) print(c *console) {
	for _, code := range t.order {
		s := t.of[code]
		fmt.Fprintf(c.stdout, "%s: %s, %s, total %s, of which %s is due\n", code, number(s.debits, "debit note"), number(s.credits, "credit note"), amountText(s.total), amountText(s.due))
	}
}

// rerateSentence is a rerate in one line.
func rerateSentence(r *pipeline.RerateResult) string {
	days := fmt.Sprintf("%s to %s folded again", r.From, r.Through)
	switch r.Status {
	case pipeline.Same:
		return days + ": nothing differs, nothing is published"
	case pipeline.Shown:
		return fmt.Sprintf("%s: %s and %s would be published, nothing is (dry run)", days, number(len(r.Notes), "note"), number(r.States, "state"))
	case pipeline.Finished:
		return fmt.Sprintf("%s: published by finishing what an earlier run began (entry %d)", days, r.Entry.Entry)
	case pipeline.Helped:
		days += " with another run"
	}
	return fmt.Sprintf("%s: %s and %s published as entry %d of %s; the next night collects", days, number(len(r.Notes), "note"), number(r.States, "state"), r.Entry.Entry, r.Entry.BillingDate)
}
