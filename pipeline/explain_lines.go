package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// explainLines adds a document's lines, with the usage behind each.
func (x *explainer) explainLines(ctx context.Context, e *Entry, t *accountTables, doc *ExplainedDocument, charged map[int]bool) error {
	var of []*writers.InvoiceLine
	for i := range t.lines {
		if t.lines[i].InvoiceID == doc.InvoiceID {
			of = append(of, &t.lines[i])
		}
	}
	for _, l := range of {
		if x.Line != 0 && int(l.LineNo) != x.Line {
			doc.OtherLines++
			continue
		}
		line := lineOf(l)
		if err := x.behind(ctx, e, t, doc, of, l, &line, charged); err != nil {
			return err
		}
		for _, problem := range line.Problems {
			x.problem(fmt.Sprintf("line %d: %s", line.LineNo, problem))
		}
		doc.Lines = append(doc.Lines, line)
	}
	return nil
}

// ratedAt is a row of rated_usage: of which entry, and which of the account's.
type ratedAt struct {
	e *Entry
	t *accountTables
	i int
}

func (r ratedAt) row() *writers.RatedUsage { return &r.t.rated[r.i] }

// behind finds the usage behind a line.
func (x *explainer) behind(ctx context.Context, e *Entry, t *accountTables, doc *ExplainedDocument, of []*writers.InvoiceLine, l *writers.InvoiceLine, line *ExplainedLine, charged map[int]bool) error {
	if l.Meter == "" || e.Kind != writers.Night || l.Kind == string(rating.Minimum) || l.Kind == string(rating.Reduced) {
		return nil
	}
	var rows []ratedAt
	sums := true
	switch {
	case l.Kind == string(rating.Metered):
		all, err := x.ratedFor(ctx, e, l)
		if err != nil {
			return err
		}
		rows, sums = pick(all, doc, of, l)
	case l.Kind == string(rating.Package) && x.addsUp(l.Meter): // of what the period has had so far
		var err error
		if rows, err = x.ratedFor(ctx, e, l); err != nil {
			return err
		}
	default: // seats, and packages of a level: what the night counted, and charged for
		for i := range t.rated {
			if t.rated[i].Meter == l.Meter {
				rows = append(rows, ratedAt{e, t, i})
			}
		}
		if len(rows) == 0 {
			return nil
		}
	}
	for _, r := range rows {
		u, err := x.usageOf(ctx, r.e, r.t, r.i)
		if err != nil {
			return err
		}
		if r.e == e {
			charged[r.i] = true
		}
		line.Usage = append(line.Usage, *u)
	}
	line.judge(l.Kind == string(rating.Metered) && !x.counts(l.Meter, dayOfLine(l)), sums)
	return nil
}

// addsUp tells whether a meter is what its rows of a period come to, and no
// level that the latest of them sets.
func (x *explainer) addsUp(meter string) bool {
	m := x.Catalog.Meter(meter)
	return m != nil && m.Kind == catalog.Sum && (m.Of == catalog.SumOf || m.Of == catalog.CountOf)
}

// dayOfLine is the day whose catalog version prices a line.
func dayOfLine(l *writers.InvoiceLine) calendar.Day {
	return calendar.Day(cmp.Or(l.ServiceDate, l.PeriodStart))
}

// judge brings together what was found of the usage behind a line. sum: its
// quantity should be the sum of what was rated.
func (l *ExplainedLine) judge(sum, is bool) {
	l.Verdict = AddsUp
	if !sum {
		l.Verdict = Counted
	}
	rated := decimal.Decimal{}
	for i := range l.Usage {
		u := &l.Usage[i]
		rated = rated.Add(u.Quantity)
		if u.Found.Verdict == ReadOnly && l.Verdict != Missing {
			l.Verdict = ReadOnly
		}
		for _, problem := range u.Found.Problems {
			l.Verdict = Missing
			l.Problems = append(l.Problems, fmt.Sprintf("%s of %s: %s", u.Meter, u.ServiceDate, problem))
		}
	}
	if sum && !is {
		l.Verdict = Missing
		l.Problems = append(l.Problems, fmt.Sprintf("the quantity is %s, %s was rated for it", l.Quantity, rated))
	}
}

// ratedFor are the rows of rated_usage from which a usage line may be: of its
// meter and days, of the nights from its first day to the entry.
func (x *explainer) ratedFor(ctx context.Context, e *Entry, l *writers.InvoiceLine) ([]ratedAt, error) {
	from, to := l.PeriodStart, l.PeriodEnd
	if l.ServiceDate != 0 {
		from, to = l.ServiceDate, l.ServiceDate
	}
	first, err := x.firstFrom(ctx, calendar.Day(from))
	if err != nil {
		return nil, err
	}
	var all []ratedAt
	for n := first; n <= e.Entry; n++ {
		of, err := x.entry(ctx, n)
		if err != nil {
			return nil, err
		}
		t, err := x.tables(ctx, of)
		if err != nil {
			return nil, err
		}
		for i := range t.rated {
			if r := &t.rated[i]; r.Meter == l.Meter && r.ServiceDate >= from && r.ServiceDate <= to {
				all = append(all, ratedAt{of, t, i})
			}
		}
	}
	return all, nil
}

// pick finds which of the rated usage a line is of, from the narrowest reading
// to the widest, and tells whether it adds up: by the line's own price; with the
// lines that share its usage (units of a balance pay for some, tiers have a
// line each); and, where a counter is charged for a whole period, by its days.
func pick(all []ratedAt, doc *ExplainedDocument, of []*writers.InvoiceLine, l *writers.InvoiceLine) ([]ratedAt, bool) {
	due := func(r *writers.RatedUsage) bool { return r.DueOn == int32(doc.issued) && r.Late == l.Late }
	own := func(r *writers.RatedUsage) bool {
		return due(r) && r.Rule == l.Rule && r.Description == l.Description && r.UnitPrice == l.UnitPrice
	}
	period := func(r *writers.RatedUsage) bool { return l.ServiceDate == 0 }
	alone := []*writers.InvoiceLine{l}
	var shared []*writers.InvoiceLine
	for _, o := range of {
		if o.Kind == l.Kind && o.Meter == l.Meter && o.ServiceDate == l.ServiceDate && o.PeriodStart == l.PeriodStart && o.PeriodEnd == l.PeriodEnd && o.Late == l.Late {
			shared = append(shared, o)
		}
	}
	var widest []ratedAt
	for _, reading := range []struct {
		lines []*writers.InvoiceLine
		of    func(*writers.RatedUsage) bool
	}{{alone, own}, {shared, due}, {shared, period}} {
		want, is := decimal.Decimal{}, decimal.Decimal{}
		for _, o := range reading.lines {
			want = want.Add(writers.FromWide(o.Quantity))
		}
		var rows []ratedAt
		for _, r := range all {
			if reading.of(r.row()) {
				rows = append(rows, r)
				is = is.Add(writers.FromWide(r.row().Quantity))
			}
		}
		if len(rows) > 0 && is.Equal(want) {
			return rows, true
		}
		if len(widest) == 0 {
			widest = rows
		}
	}
	return widest, false
}

func sortedTraces(traces map[traceKey]*traced) []traceKey {
	return slices.SortedFunc(maps.Keys(traces), func(a, b traceKey) int {
		return cmp.Or(cmp.Compare(a.entry, b.entry), cmp.Compare(a.source, b.source))
	})
}

// mostDates is how many entries are looked at for other dates of an account.
const mostDates = 400

// around are the entries that are looked at: those on both sides of the one that
// was asked for.
func around(asked, head int64) (first, last int64) {
	first = max(1, min(asked-mostDates/2, head-mostDates+1))
	return first, min(first+mostDates-1, head)
}

// otherDates tells which dates have documents of the account, where the one
// that was asked for has none.
func (x *explainer) otherDates(ctx context.Context, known bool) error {
	for i := range x.result.Entries {
		if len(x.result.Entries[i].Documents) > 0 {
			return nil
		}
	}
	asked, err := x.firstFrom(ctx, x.Question.Day)
	if err != nil {
		return err
	}
	first, last := around(asked, x.head.Entry)
	entries := make([]*Entry, last-first+1)
	for i := range entries {
		var err error
		if entries[i], err = x.entry(ctx, first+int64(i)); err != nil {
			return err
		}
	}
	found := make([]int, len(entries))
	err = each(ctx, x.requests(), len(entries), func(ctx context.Context, _, i int) error {
		rows, err := x.invoicesOf(ctx, entries[i])
		found[i] = len(rows)
		return err
	})
	if err != nil {
		return err
	}
	for i, n := range found {
		if n > 0 {
			x.result.Documents = append(x.result.Documents, ExplainedDates{entries[i].BillingDate, entries[i].Entry, n})
		}
	}
	if first > 1 || last < x.head.Entry {
		x.result.DocumentsFrom, x.result.DocumentsTo = entries[0].BillingDate, entries[len(entries)-1].BillingDate
	}
	if known {
		return nil
	}
	return x.unknown()
}

// unknown says of an account that the date knows nothing of where it is known.
func (x *explainer) unknown() error {
	e := &UsageError{What: fmt.Sprintf("no entry of %s knows an account %q", x.Question.Day, x.Account), Hint: "account ids are written as the exports write them; no date has a document for this one"}
	if x.result.DocumentsFrom != "" {
		e.Hint = fmt.Sprintf("account ids are written as the exports write them; no date from %s to %s has a document for this one", x.result.DocumentsFrom, x.result.DocumentsTo)
	}
	dates := x.result.Documents
	if n := len(dates); n == 1 {
		e.Hint = "there is a document of " + dates[0].BillingDate
	} else if n > 1 {
		e.Hint = fmt.Sprintf("there are documents of %d dates from %s to %s", n, dates[0].BillingDate, dates[n-1].BillingDate)
	}
	return e
}
