package pipeline

import (
	"context"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// scan is the exports of one night, read before the night's turn has come. It
// foresees that the night reads the files of its own day. If the plan is
// another one then (a late file, one that was written anew), it is thrown
// away, and the night reads for itself: so a scan ahead changes no byte.
type scan struct {
	day   calendar.Day
	night *night // nil: it failed, and the night will say why
}

// scans are the nights to come, in order.
type scans struct {
	first calendar.Day
	next  func() (*scan, bool)
	end   func()
	head  *scan // the one that was made last and is not asked for yet
}

// scanAhead begins to read the exports of the days from first to last.
func scanAhead(ctx context.Context, s *Settings, history, first, last calendar.Day, nights int) *scans {
	next, end := ahead(ctx, nights, int(max(0, last-first+1)), func(ctx context.Context, i int) *scan {
		own := *s
		own.Day = first + calendar.Day(i)
		n, err := scanNight(ctx, &own, history)
		if err != nil {
			s.Log.Debug("not read ahead", "day", own.Day.String(), "error", err)
		}
		return &scan{own.Day, n}
	})
	return &scans{first: first, next: next, end: end}
}

// of is the scan of a day; nil where there is none.
func (a *scans) of(day calendar.Day) *scan {
	if day < a.first {
		return nil
	}
	for a.head == nil || a.head.day < day {
		a.head.drop()
		var more bool
		if a.head, more = a.next(); !more {
			return nil
		}
	}
	if a.head.day > day {
		return nil
	}
	found := a.head
	a.head = nil
	return found
}

func (a *scans) stop() {
	a.end()
	for {
		a.head.drop()
		var more bool
		if a.head, more = a.next(); !more {
			return
		}
	}
}

// drop lets go of what was read.
func (c *scan) drop() {
	if c != nil && c.night != nil {
		c.night.close()
		c.night = nil
	}
}

// take is the night if it read what the plan reads; else nil.
func (c *scan) take(plan *Plan) *night {
	if c == nil || c.night == nil || !c.night.plan.sameReading(plan) {
		return nil
	}
	n := c.night
	c.night = nil
	return n
}

// checksumOf is the identity of an object that the scan has looked at and that
// is still the same by the store's word; empty if it has not.
func (c *scan) checksumOf(f writers.InputFile, now pin) string {
	if c == nil || c.night == nil || c.night.plan.pins[f.Key] != now {
		return ""
	}
	i := slices.IndexFunc(c.night.plan.Inputs, func(g writers.InputFile) bool { return g.Key == f.Key })
	if i < 0 {
		return ""
	}
	return c.night.plan.Inputs[i].Checksum
}

// scanNight reads the exports of a day.
func scanNight(ctx context.Context, s *Settings, history calendar.Day) (*night, error) {
	plan, err := foresee(ctx, s, history)
	if err != nil {
		return nil, err
	}
	n, err := prepareNight(ctx, s, plan)
	if err != nil {
		return nil, err
	}
	if err := n.scan(ctx); err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// foresee is a plan as far as reading goes: the files of the day.
func foresee(ctx context.Context, s *Settings, history calendar.Day) (*Plan, error) {
	p := &Plan{
		BillingDate: s.Day.String(), FirstNight: history.String(), WindowDays: s.Catalog.WindowDays, Sources: digestOf(s.Sources, s.Lookups),
		Inputs: []writers.InputFile{}, pins: map[string]pin{},
	}
	if err := p.freezeLookups(ctx, s); err != nil {
		return nil, err
	}
	sources, err := sourcesOf(s.Sources, s.Lookups)
	if err != nil {
		return nil, err
	}
	sources = withoutBook(sources)
	for i := range sources {
		sources[i].exports = slices.DeleteFunc(slices.Clone(sources[i].exports), func(l layout) bool { return !l.hasDate() })
	}
	only, catalog := *s, *s.Catalog
	catalog.WindowDays, only.Catalog = 0, &catalog
	all, err := listExports(ctx, &only, sources)
	if err != nil {
		return nil, err
	}
	files, _ := apart(all)
	var fresh []foundInput
	for _, f := range files {
		if f.Date == s.Day.String() {
			fresh = append(fresh, foundInput{listedFile: f})
		}
	}
	return p, p.freeze(ctx, s, fresh)
}
