package main

import (
	"fmt"

	"ratemill/pipeline"
	"ratemill/rating/calendar"
)

type runCommand struct {
	nightFlags
	Date   date `help:"Billing date; without it every unpublished day up to the last midnight is billed." env:"RATEMILL_DATE" placeholder:"YYYY-MM-DD"`
	DryRun bool `help:"Print the plan of the night and do nothing."`
}

func (r *runCommand) Run(c *console) error {
	s, closeAll, err := r.open(c, r.DryRun)
	if err != nil {
		return err
	}
	defer closeAll()
	s.Day, s.First = r.Date.Day, r.FirstNight
	last := s.Day
	if s.Day == calendar.None {
		if s.Day, last, err = unpublished(c, s); err != nil {
			return err
		}
	}
	switch {
	case last < s.Day:
		fmt.Fprintf(c.stdout, "nothing to do: %s is published, and %s has not ended\n", s.Day-1, s.Day)
		return nil
	case r.DryRun:
		return printPlan(c, s)
	case last > s.Day: // years of them, perhaps, where nobody looked
		fmt.Fprintf(c.stdout, "%d nights are not published and are billed now, from %s to %s\n", last-s.Day+1, s.Day, last)
	}
	return newReport(c, r.Output).nights(s, last)
}

// unpublished are the days after the head up to the last midnight of the
// catalog's zone.
func unpublished(c *console, s *pipeline.Settings) (from, to calendar.Day, err error) {
	head, err := pipeline.Head(c.ctx, s.Output)
	if err != nil {
		return 0, 0, err
	}
	if head == nil || s.First {
		return 0, 0, &pipeline.UsageError{
			What: "without --date the nights after the last published one are billed; --date must say with which night history starts",
			Hint: "give --date and --first-night once; if there is a history, check --output",
		}
	}
	c.metrics.head(head.Billed())
	return head.Billed() + 1, s.Catalog.Zone.DayOf(c.now().UnixMicro()) - 1, nil
}

// printPlan prints what the night would do, if it is not published yet.
func printPlan(c *console, s *pipeline.Settings) error {
	head, err := pipeline.Head(c.ctx, s.Output)
	if err != nil {
		return err
	}
	if head != nil && s.Day <= head.Billed() && s.Day.String() >= head.FirstNight {
		fmt.Fprintf(c.stdout, "nothing to do: the nights from %s to %s are published\n", head.FirstNight, head.Billed())
		return nil
	}
	if head != nil && s.Day <= head.Billed() {
		return &pipeline.UsageError{What: fmt.Sprintf("%s is before the first night, %s", s.Day, head.FirstNight)}
	}
	plan, err := pipeline.NewPlan(c.ctx, s)
	if err != nil {
		return err
	}
	plan.Print(c.stdout)
	return nil
}

type backfillCommand struct {
	nightFlags
	From date `help:"First billing date." required:"" placeholder:"YYYY-MM-DD"`
	To   date `help:"Last billing date." required:"" placeholder:"YYYY-MM-DD"`

	ParallelScan bool `help:"Read the exports of the next nights while a night is billed. They share --memory."`
}

func (b *backfillCommand) Run(c *console) error {
	s, closeAll, err := b.open(c, false)
	if err != nil {
		return err
	}
	defer closeAll()
	if b.To.Day < b.From.Day {
		return &pipeline.UsageError{What: fmt.Sprintf("--to %s is before --from %s", b.To.Day, b.From.Day)}
	}
	s.Day, s.First = b.From.Day, b.FirstNight
	ahead := 0
	if b.ParallelScan {
		ahead = pipeline.NightsAhead
	}
	return newReport(c, b.Output).backfill(s, b.To.Day, ahead)
}
