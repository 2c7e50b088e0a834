package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"ratemill/pipeline"
	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
)

type rejectsCommand struct {
	List     listRejectsCommand `cmd:"" help:"List the rows that are not billed: those that wait, and those that are refused."`
	WriteOff writeOffCommand    `cmd:"" help:"Give rows up that wait: the next night lists them as written off."`
	Recycle  recycleCommand     `cmd:"" help:"Have rows wait again that write-off gave up."`
}

type listRejectsCommand struct {
	Output  string `help:"Folder or URL under which the billing history is kept." env:"RATEMILL_OUTPUT" required:"" placeholder:"URL"`
	From    date   `help:"Refused on this night or later; without it within the window. What waits is listed in any case." placeholder:"YYYY-MM-DD"`
	State   string `help:"Only what is waiting, refused or written_off." enum:"waiting,refused,written_off,any" default:"any"`
	Reason  string `help:"Only of this reason." placeholder:"REASON"`
	Source  string `help:"Only of this source." placeholder:"NAME"`
	Account string `help:"Only of this account." placeholder:"ID"`
	JSON    bool   `help:"Print one JSON object a row." name:"json"`
}

// Help is what ratemill rejects list --help says below the flags.
func (*listRejectsCommand) Help() string {
	return `A row that waits is tried again every night, up to the one named under "until"; then it is written off. It heals by itself once what it lacks is there: the sign-up, the price. A refused row is billed only if a corrected one comes, under the same event id, within the window. ratemill rejects write-off gives rows up that wait, recycle has them wait again; such decisions are listed too.

  ratemill rejects list --output out
  ratemill rejects list --output out --state waiting --reason unknown_account
  ratemill rejects list --output out --source sms --account acme --json

fixtures/analysis/08-rejects.sql asks what they are worth.`
}

func (l *listRejectsCommand) Run(c *console) error {
	output, err := store.Open(c.ctx, l.Output)
	if err != nil {
		return &pipeline.UsageError{What: fmt.Sprintf("--output: %v", err)}
	}
	defer output.Close()
	all, head, err := pipeline.OpenRejects(c.ctx, output, l.From.Day)
	if err != nil {
		return err
	}
	if head == nil {
		return &pipeline.UsageError{What: fmt.Sprintf("nothing is published under %s", l.Output), Hint: "check --output"}
	}
	decisions, err := pipeline.Decisions(c.ctx, output, head, l.since(head))
	if err != nil {
		return err
	}
	pipeline.MarkDecided(all, decisions)
	var chosen []pipeline.OpenReject
	for _, r := range all {
		if l.wants(&r) {
			chosen = append(chosen, r)
		}
	}
	if l.JSON {
		return printRejectsJSON(c.stdout, chosen)
	}
	printRejects(c.stdout, chosen, head)
	printDecisions(c.stdout, decisions)
	return nil
}

// since is the night from which what is over is listed.
func (l *listRejectsCommand) since(head *pipeline.Entry) calendar.Day {
	if l.From.Day != calendar.None {
		return l.From.Day
	}
	return head.Day - calendar.Day(head.WindowDays)
}

func (l *listRejectsCommand) wants(r *pipeline.OpenReject) bool {
	is := func(want, got string) bool { return want == "" || want == got }
	return (l.State == "any" || l.State == r.State) && is(l.Reason, r.Reason) && is(l.Source, r.Source) && is(l.Account, r.Account)
}

func printRejects(w io.Writer, all []pipeline.OpenReject, head *pipeline.Entry) {
	rows, by := int64(0), map[string]int64{}
	if len(all) > 0 {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "state\treason\tsource\taccount\trows\tfirst seen\tuntil\tfile and row\tid\tdetail")
		for i := range all {
			r := &all[i]
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", r.State, r.Reason, r.Source, shortCell(r.Account), r.Rows, r.FirstSeen, orDash(dayText(r.Until)),
				orDash(placeText(r)), orDash(r.ID), orDash(detailText(r)))
			rows += r.Rows
			by[r.State] += r.Rows
		}
		t.Flush()
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "as of %s: %s%s\n", head.BillingDate, number(int(rows), "row"), counted(by))
}

// detailText is what was said of a row, and what is decided on it.
func detailText(r *pipeline.OpenReject) string {
	text := visible(r.Detail)
	if r.Decision == 0 {
		return text
	}
	decided := fmt.Sprintf("decision %d writes it off", r.Decision)
	if r.State != pipeline.Waiting {
		decided = fmt.Sprintf("decision %d has it wait again", r.Decision)
	}
	return strings.TrimPrefix(text+"; "+decided, "; ")
}

// printDecisions lists decisions and what became of them.
func printDecisions(w io.Writer, all []pipeline.StandingDecision) {
	if len(all) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\ndecision\tkind\trows\ttaken by\ttrue of\tmade at\tby\tnote")
	for _, d := range all {
		taken, acted := "the next night", "-"
		if d.Taken != nil {
			taken, acted = d.Taken.BillingDate, strconv.FormatInt(d.Acted, 10)
		}
		fmt.Fprintf(t, "%d\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", d.Number, d.Kind, d.DecidedRows(), taken, acted, d.MadeAt, orDash(visible(d.By)), orDash(visible(d.Note)))
	}
	t.Flush()
}

func dayText(d calendar.Day) string {
	if d == calendar.None {
		return ""
	}
	return d.String()
}

// placeText is where a row stands: its file, as run.json names it, and its
// number.
func placeText(r *pipeline.OpenReject) string {
	if r.File == "" {
		return ""
	}
	return visible(r.File) + ":" + strconv.FormatInt(r.Row, 10)
}

// rejectJSON is a reject as --json prints it.
type rejectJSON struct {
	State     string `json:"state"`
	Reason    string `json:"reason"`
	Source    string `json:"source"`
	Account   string `json:"account_id"`
	Rows      int64  `json:"rows"`
	FirstSeen string `json:"first_seen"`
	Until     string `json:"until,omitempty"`
	File      string `json:"file,omitempty"`
	Row       int64  `json:"row,omitempty"`
	Detail    string `json:"detail"`
	ID        string `json:"id,omitempty"`
	Decision  int64  `json:"decision,omitempty"` // that the next night takes
}

func printRejectsJSON(w io.Writer, all []pipeline.OpenReject) error {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	for _, r := range all {
		if err := encoder.Encode(rejectJSON{r.State, r.Reason, r.Source, r.Account, r.Rows, r.FirstSeen.String(), dayText(r.Until), r.File, r.Row, r.Detail, r.ID, r.Decision}); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}
