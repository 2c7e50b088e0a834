package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"ratemill/pipeline"
	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

// decideFlags are those of a decision on rows.
type decideFlags struct {
	Output  string   `help:"Folder or URL under which the billing history is kept." env:"RATEMILL_OUTPUT" required:"" placeholder:"URL"`
	Reason  string   `help:"Only rows of this reason." placeholder:"REASON"`
	Source  string   `help:"Only rows of this source." placeholder:"NAME"`
	Account string   `help:"Only rows of this account." placeholder:"ID"`
	Before  date     `help:"Only rows that were refused first before this night." placeholder:"YYYY-MM-DD"`
	ID      []string `help:"Only these rows: ids that rejects list prints, or event ids. May be given several times." name:"id" sep:"none" placeholder:"ID"`
	Note    string   `help:"Why; it stands in the decision and in the table rejects." placeholder:"TEXT"`
	By      string   `help:"Who decides; it stands in the decision." placeholder:"NAME"`
	DryRun  bool     `help:"Say what would be decided, and record nothing."`
}

type writeOffCommand struct{ decideFlags }

// Help is what ratemill rejects write-off --help says below the flags.
func (*writeOffCommand) Help() string {
	return `Rows that wait are given up: the next night takes them out of held and lists them in rejects as written_off, whether or not they could be billed by then.

  ratemill rejects write-off --reason unknown_account --account bolt-test --note "test traffic" --dry-run
  ratemill rejects write-off --reason unknown_account --before 2024-05-01 --note "INC-42" --by "Ada, finance"
  ratemill rejects write-off --id 1f0c22ab94de --note "customer's own mistake"

The decision names the rows one by one and stands under decisions/ of the output, written once. Until the night that takes it, and within the window after it, ratemill rejects recycle takes it back.

Exit codes: 0 recorded, or no row is meant; 64 wrong usage, an id that no row has. docs/operating.md has more.`
}

func (w *writeOffCommand) Run(c *console) error {
	if w.Reason != "" && !pipeline.CanWait(w.Reason) {
		return &pipeline.UsageError{
			What: fmt.Sprintf("--reason %s: no row waits for it", w.Reason),
			Hint: "ratemill rejects list --state waiting shows what waits; rows that are refused for good, not yet due or of a parked account are none of it",
		}
	}
	return w.decide(c, writers.WriteOff)
}

type recycleCommand struct{ decideFlags }

// Help is what ratemill rejects recycle --help says below the flags.
func (*recycleCommand) Help() string {
	return `Rows that write-off gave up wait again: a decision that no night has taken is taken back; what a night has written off waits again from the next night on, as long as its window lasts. Rows that wait are tried every night anyway and need no command.

  ratemill rejects recycle --account bolt-test --dry-run
  ratemill rejects recycle --id 1f0c22ab94de --note "signed up after all"

What was refused for good, or waited to the end of its window, is not kept: for such rows it prints what to do instead.

Exit codes: 0 recorded, or no row is meant; 3 rows are meant that cannot wait again; 64 wrong usage, an id that no row has. docs/operating.md has more.`
}

func (r *recycleCommand) Run(c *console) error { return r.decide(c, writers.Recycle) }

func (f *decideFlags) decide(c *console, kind string) error {
	if err := f.check(kind); err != nil {
		return err
	}
	output, err := store.Open(c.ctx, f.Output)
	if err != nil {
		return &pipeline.UsageError{What: fmt.Sprintf("--output: %v", err)}
	}
	defer output.Close()
	r, err := pipeline.Decide(c.ctx, &pipeline.DecisionRequest{
		Output: output, Kind: kind, By: f.By, Note: f.Note, MadeAt: c.now(), DryRun: f.DryRun, Sources: c.config.sources, Lookups: c.config.lookups,
		Choice: pipeline.Choice{Reason: f.Reason, Source: f.Source, Account: f.Account, Before: f.Before.Day, IDs: f.ID},
	})
	if err != nil {
		return err
	}
	if r == nil {
		return &pipeline.UsageError{What: fmt.Sprintf("nothing is published under %s", f.Output), Hint: "check --output"}
	}
	f.print(c, kind, r)
	if len(r.Left) > 0 || r.Refolded > 0 {
		c.code = pipeline.ExitLook
	}
	return nil
}

// check refuses what nobody means.
func (f *decideFlags) check(kind string) error {
	if f.Reason+f.Source+f.Account == "" && len(f.ID) == 0 && f.Before.Day == calendar.None {
		return &pipeline.UsageError{
			What: fmt.Sprintf("rejects %s: which rows is not said", kind),
			Hint: "say --reason, --source, --account, --before or --id; ratemill rejects list shows them",
		}
	}
	for _, flag := range [][2]string{{"note", f.Note}, {"by", f.By}} {
		if text := flag[1]; text != visible(text) || len(text) > 1000 {
			return &pipeline.UsageError{What: fmt.Sprintf("--%s: want one line of at most 1000 bytes", flag[0])}
		}
	}
	return nil
}

// print says what was decided, on what, where it stands and what comes next.
func (f *decideFlags) print(c *console, kind string, r *pipeline.DecisionResult) {
	if r.Decision == nil {
		fmt.Fprintf(c.stdout, "as of %s: %s\n", r.Head.BillingDate, map[string]string{
			writers.WriteOff: "no row waits that is meant and not written off already; nothing is decided",
			writers.Recycle:  "no row is written off by a decision, within the window, that is meant; nothing is decided",
		}[kind])
	} else {
		printStakes(c, r.Stakes)
		fmt.Fprintf(c.stdout, "\n%s\n", f.sentence(kind, r))
	}
	printLeft(c, r)
}

func printStakes(c *console, all []pipeline.Stake) {
	t := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "source\treason\trows\taccounts\tat stake")
	for _, s := range all {
		stake := ""
		if s.Column != "" {
			stake = s.Quantity.String() + " " + s.Column
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\n", s.Source, s.Reason, s.Rows, s.Accounts, orDash(stake))
	}
	t.Flush()
}

// sentence is a decision in one line.
func (f *decideFlags) sentence(kind string, r *pipeline.DecisionResult) string {
	rows := r.Decision.DecidedRows()
	of := fmt.Sprintf("%s of %s", number(int(rows), "row"), number(r.Accounts, "account"))
	does, did := "is written off", "stands as"
	if rows > 1 {
		does = "are written off"
	}
	if kind == writers.Recycle {
		if does = "waits again"; rows > 1 {
			does = "wait again"
		}
	}
	if f.DryRun {
		did = "would stand as"
	}
	text := fmt.Sprintf("%s %s by the night of %s; the decision %s %s", of, does, r.NextNight(), did, r.Key)
	if f.DryRun {
		text += " (dry run: nothing is recorded)"
	}
	if r.Revoked > 0 {
		text += fmt.Sprintf("\nof them %s of a decision that no night has taken: it is as if that had not been made", number(int(r.Revoked), "row"))
	}
	return text
}

// printLeft says what to do about rows that cannot wait again.
func printLeft(c *console, r *pipeline.DecisionResult) {
	type kind struct{ state, reason string }
	type span struct {
		rows        int64
		first, last calendar.Day
	}
	spans := map[kind]*span{}
	var order []kind
	for i := range r.Left {
		o := &r.Left[i]
		k := kind{o.State, o.Reason}
		if spans[k] == nil {
			spans[k] = &span{first: o.FirstSeen, last: o.FirstSeen}
			order = append(order, k)
		}
		s := spans[k]
		s.rows, s.first, s.last = s.rows+o.Rows, min(s.first, o.FirstSeen), max(s.last, o.FirstSeen)
	}
	slices.SortFunc(order, func(a, b kind) int {
		return strings.Compare(a.state+"\x00"+a.reason, b.state+"\x00"+b.reason)
	})
	for _, k := range order {
		s := spans[k]
		rerate := fmt.Sprintf("ratemill rerate --from %s --to %s --dry-run", s.first, s.last)
		what := "refused for good and not kept: deliver them corrected, under the same event ids, in a new file of a day of the window, and the next night bills them; if the catalog was wrong, " + rerate + " with the corrected one"
		if k.state == pipeline.WrittenOff {
			what = "written off for good: if what they lacked is there by now, " + rerate + " shows what they come to"
		}
		fmt.Fprintf(c.stdout, "cannot wait again: %s, %s: %s\n", k.reason, number(int(s.rows), "row"), what)
	}
	if r.Refolded > 0 {
		fmt.Fprintf(c.stdout, "rows that were written off by decision on days that entry %d folded again cannot wait again: deliver them once more, or rerate those days\n", r.Refolded)
	}
}
