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
	s, closeAll, err := r.open(c)
	if err != nil {
		return err
	}
	defer closeAll()
	s.Day, s.First = r.Date.Day, r.FirstNight
	if s.Day == calendar.None {
		return r.runUnpublished(c, s)
	}
	if r.DryRun {
		plan, err := pipeline.NewPlan(c.ctx, s)
		if err != nil {
			return err
		}
		plan.Print(c.stdout)
		return nil
	}
	return newReport(c, r.Output).night(s)
}

// runUnpublished bills every day after the head up to the last midnight of
// the catalog's zone.
func (r *runCommand) runUnpublished(c *console, s *pipeline.Settings) error {
	head, err := pipeline.Head(c.ctx, s.Output)
	if err != nil {
		return err
	}
	if head == nil || r.FirstNight {
		return &pipeline.UsageError{
			What: "without --date the night after the last published one is billed, and there is none",
			Hint: "say --date and --first-night for the night with which history starts",
		}
	}
	yesterday := s.Catalog.Zone.DayOf(c.now().UnixMicro()) - 1
	if r.DryRun && head.Day < yesterday {
		s.Day = head.Day + 1
		plan, err := pipeline.NewPlan(c.ctx, s)
		if err != nil {
			return err
		}
		plan.Print(c.stdout)
		return nil
	}
	if head.Day >= yesterday {
		fmt.Fprintf(c.stdout, "nothing to do: %s is published, and the next night ends with %s\n", head.Day, head.Day+1)
		return nil
	}
	return newReport(c, r.Output).nights(s, head.Day+1, yesterday)
}

type backfillCommand struct {
	nightFlags
	From date `help:"First billing date." required:"" placeholder:"YYYY-MM-DD"`
	To   date `help:"Last billing date." required:"" placeholder:"YYYY-MM-DD"`
}

func (b *backfillCommand) Run(c *console) error {
	s, closeAll, err := b.open(c)
	if err != nil {
		return err
	}
	defer closeAll()
	if b.To.Day < b.From.Day {
		return &pipeline.UsageError{What: fmt.Sprintf("--to %s is before --from %s", b.To.Day, b.From.Day)}
	}
	s.First = b.FirstNight
	return newReport(c, b.Output).nights(s, b.From.Day, b.To.Day)
}
