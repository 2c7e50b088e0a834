package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/writers"
	"ratemill/writers/report"
)

const (
	reportDays = 31 // a chart of days goes back so far at least
	reportTop  = 12 // accounts of a list
)

// Report gathers what the nights of a span of billing dates did, from the
// tables and run.json alone. Without a from it begins with the first night,
// without a to it ends with the last; without both it is the last night alone.
// Figures by account beyond the settings' memory are spilled to its TempDir.
func Report(ctx context.Context, s *Settings, from, to calendar.Day) (*report.Facts, error) {
	head, err := Head(ctx, s.Output)
	if err != nil {
		return nil, err
	}
	if head == nil {
		return nil, &UsageError{What: "there is no billing history under the output", Hint: "a history has a folder runs/ with an entry for each night"}
	}
	first, err := calendar.Parse(head.FirstNight)
	if err != nil {
		return nil, &HistoryError{runKey(head.Entry), err}
	}
	switch {
	case from == calendar.None && to == calendar.None:
		if from, err = lastNight(ctx, s.Output, head); err != nil {
			return nil, err
		}
		to = from
	case from == calendar.None:
		from = first
	case to == calendar.None:
		to = max(from, head.Day)
	}
	if to < first || from > head.Day {
		return nil, &UsageError{What: fmt.Sprintf("no night of %s is published", spanText(from, to)), Hint: fmt.Sprintf("there are nights from %s to %s", first, head.Day)}
	}
	r := &reporting{Settings: s, head: head, facts: &report.Facts{Span: report.Span{From: from, To: to}, FirstNight: first}, money: map[string]*report.Money{}}
	if err := r.entries(ctx); err != nil {
		return nil, err
	}
	r.accounts = newAccountFigures(s)
	defer r.accounts.close()
	if err := r.tables(ctx); err != nil {
		return nil, err
	}
	if err := r.accounts.finish(ctx, r); err != nil {
		return nil, err
	}
	r.gather()
	return r.facts, nil
}

// lastNight is the billing date of the last night: a rerate is of a day that
// no night has billed yet.
func lastNight(ctx context.Context, output *blob.Bucket, head *Entry) (calendar.Day, error) {
	e := head
	for e.Kind != writers.Night && e.Entry > 1 {
		var err error
		if e, err = ReadEntry(ctx, output, e.Entry-1); err != nil {
			return calendar.None, err
		}
	}
	return e.Day, nil
}

func spanText(from, to calendar.Day) string {
	if from == to {
		return from.String()
	}
	return fmt.Sprintf("%s to %s", from, to)
}

// reporting is a report in the making.
type reporting struct {
	*Settings
	head     *Entry
	facts    *report.Facts
	now      []*Entry // of the span
	before   []*Entry // of the span that it is compared with
	sums     []*entrySums
	totals   writers.Totals // of the span, added up
	money    map[string]*report.Money
	accounts *accountFigures
	closings map[sumName]*tableSum // what the balances table of the last entry has
}

// entries reads the run.json of the span, of the one that it is compared with,
// and of the days that charts go back.
func (r *reporting) entries(ctx context.Context) error {
	f := r.facts
	f.Before = spanBefore(f.Span, f.FirstNight, r.head.Day)
	earliest := max(f.FirstNight, r.chartFrom())
	if f.Before.From != calendar.None {
		earliest = min(earliest, f.Before.From)
	}
	read := func(ctx context.Context, number int64) (*Entry, error) { return ReadEntry(ctx, r.Output, number) }
	n, err := firstEntryFrom(ctx, read, r.head, min(earliest, f.Span.From))
	if err != nil {
		return err
	}
	var previous *Entry
	if n > 1 {
		if previous, err = ReadEntry(ctx, r.Output, n-1); err != nil {
			return err
		}
	}
	for ; n <= r.head.Entry; n++ {
		e, err := ReadEntry(ctx, r.Output, n)
		if err != nil {
			return err
		}
		if e.Day > f.Span.To {
			break
		}
		r.days(e)
		if in(f.Span, e.Day) {
			r.take(e, previous)
		}
		// Long lists that nothing here needs any more.
		e.Inputs, e.Consumed, e.Manifests, e.ConsumedManifests, e.Totals.Files = nil, nil, nil, nil, nil
		if in(f.Before, e.Day) {
			r.before = append(r.before, e)
			addEntry(&f.Before, e)
		}
		previous = e
	}
	return nil
}

func in(s report.Span, day calendar.Day) bool { return s.From <= day && day <= s.To }

// spanBefore is what a span is compared with, as far as it is published: what
// begins with a month with as much of as many months before, a day with that
// day of the month before, anything else with as many days before. The zero
// Span: history does not reach back so far.
func spanBefore(s report.Span, first, last calendar.Day) report.Span {
	to := min(s.To, last)
	days := to - s.From
	_, _, day := s.From.Civil()
	_, _, after := (to + 1).Civil()
	before := report.Span{From: s.From - days - 1, To: s.From - 1}
	switch {
	case s.From == s.To:
		before.From = s.From.AddMonths(-1, day)
		before.To = before.From
	case day == 1 && after == 1:
		before.From = s.From.AddMonths(-monthsOf(s.From, to), 1)
	case day == 1:
		before.From = s.From.AddMonths(-monthsOf(s.From, to), 1)
		before.To = min(before.From+days, s.From-1)
	}
	if before.From < first {
		return report.Span{}
	}
	return before
}

// monthsOf is how many months a span touches.
func monthsOf(from, to calendar.Day) int {
	y, m, _ := from.Civil()
	y2, m2, _ := to.Civil()
	return (y2-y)*12 + int(m2) - int(m) + 1
}

func refTo(e *Entry) report.Entry {
	return report.Entry{Number: e.Entry, Day: e.Day, Digest: e.Digest, Catalog: e.Catalog.Name + " " + e.Catalog.Digest, Version: e.ProgramVersion}
}

func addEntry(s *report.Span, e *Entry) {
	if s.First.Number == 0 {
		s.First = refTo(e)
	}
	s.Last = refTo(e)
	if e.Kind == writers.Night {
		s.Nights++
	}
}

// chartFrom is the first day of the charts of days: a span is seen with the
// days up to it, a day also with that day of the month before.
func (r *reporting) chartFrom() calendar.Day {
	s, before := r.facts.Span, r.facts.Before.From
	from := min(s.From, s.To-reportDays+1)
	if s.From == s.To && before != calendar.None {
		from = min(from, before)
	}
	return from
}

// days adds an entry to the charts of days.
func (r *reporting) days(e *Entry) {
	if e.Day < r.chartFrom() {
		return
	}
	for i := range e.Totals.Money {
		t := &e.Totals.Money[i]
		m := r.of(t.Currency)
		if n := len(m.Days); n > 0 && m.Days[n-1].Day == e.Day { // a rerate of the day
			m.Days[n-1].Amount = m.Days[n-1].Amount.Add(t.Invoices)
		} else {
			m.Days = append(m.Days, report.DayAmount{Day: e.Day, Amount: t.Invoices})
		}
	}
}

// take adds an entry of the span up.
func (r *reporting) take(e, previous *Entry) {
	f := r.facts
	r.now = append(r.now, e)
	addEntry(&f.Span, e)
	if e.Kind == writers.Rerate {
		f.Rerates = append(f.Rerates, refTo(e))
	}
	r.prove(e, previous)
	r.look(e)
	addTotals(&r.totals, &e.Totals)
	r.series(e, previous)
}

// prove holds an entry against its own identities and the entry before.
func (r *reporting) prove(e, previous *Entry) {
	p := &r.facts.Proof
	p.Entries++
	broken := e.Totals.Check()
	var before *writers.Totals
	if previous != nil {
		before = &previous.Totals
	}
	for _, what := range append(broken, e.Totals.CheckAgainst(before)...) {
		p.Broken = append(p.Broken, fmt.Sprintf("entry %d (%s): %s", e.Entry, e.Day, what))
	}
	if previous != nil && (e.Predecessor == nil || e.Predecessor.Digest != previous.Digest) {
		p.Broken = append(p.Broken, fmt.Sprintf("entry %d (%s): it does not follow entry %d by its digest", e.Entry, e.Day, previous.Entry))
	}
}

// look notes why somebody must look at an entry.
func (r *reporting) look(e *Entry) {
	add := func(format string, args ...any) {
		r.facts.Look = append(r.facts.Look, report.Look{Day: e.Day, What: fmt.Sprintf(format, args...)})
	}
	n := len(r.facts.Look)
	for _, f := range e.Outputs {
		if strings.HasPrefix(f.Key, writers.ParkedAccountsTable.Name+"/") && f.Rows > 0 {
			add("accounts that could not be billed: %d (table parked_accounts)", f.Rows)
		}
	}
	for _, change := range e.ChangesInWords() {
		add("%s", change)
	}
	for _, u := range e.Unexpected {
		add("%s: %s", u.Source, u.What)
	}
	if e.ExitCode != 0 && len(r.facts.Look) == n {
		add("more rows were rejected or put aside than are allowed")
	}
}

// series notes which invoice numbers an entry gave out.
func (r *reporting) series(e, previous *Entry) {
	for _, s := range e.InvoiceSeries {
		i := slices.IndexFunc(r.facts.Series, func(have report.Series) bool { return have.Name == s.Series })
		if i < 0 {
			first := int64(1)
			if previous != nil {
				for _, p := range previous.InvoiceSeries {
					if p.Series == s.Series {
						first = p.Last + 1
					}
				}
			}
			r.facts.Series = append(r.facts.Series, report.Series{Name: s.Series, First: first})
			i = len(r.facts.Series) - 1
		}
		r.facts.Series[i].Last = s.Last
	}
}
