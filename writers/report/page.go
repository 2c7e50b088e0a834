package report

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// Write writes the page.
func Write(w io.Writer, f *Facts) error { return page.Execute(w, pageOf(f)) }

// view is the page as its template wants it: everything is text already.
type view struct {
	Title, Span, About, Compared string
	OK                           bool
	Verdict                      string
	Look                         []lookView
	MoreLook                     string
	Chapters                     []chapter
	Origin                       []string
}

type lookView struct{ Day, What string }

type chapter struct {
	ID, Title string
	Keys      []keyFigure
	Blocks    []block
}

// keyFigure is a figure that stands above the charts.
type keyFigure struct{ Name, Unit, Value, Note string }

// block is one finding with its chart and its table.
type block struct {
	ID, Finding, About string
	Legend             []legend
	Columns            *columns
	Bars               *bars
	Table              *table
	Folded             bool // the table is opened on demand
	Wide               bool // over the whole width
	Note               string
}

// legend says what a mark of a chart stands for.
type legend struct{ Class, Text string }

type table struct {
	Stack bool // on a narrow screen each row becomes a list
	Head  []cell
	Rows  [][]cell
	Foot  []cell
}

type cell struct {
	Text  string
	Class string
	Spark string // points of a line
}

func text(s string) cell   { return cell{Text: s} }
func number(s string) cell { return cell{Text: s, Class: "n"} }

// count is a number that a narrow screen leaves out.
func count(n int64) cell { return cell{Text: whole(n), Class: "n opt"} }

const (
	mostBars   = 12
	mostRows   = 25
	mostLooks  = 12
	mostBroken = 20
)

func pageOf(facts *Facts) *view {
	copied := *facts
	f := &copied
	p := &pager{f, f.Before.Nights > 0}
	v := &view{Span: spanText(f.Span.From, f.Span.To), OK: f.Proof.OK()}
	v.Title = "Billing report, " + v.Span
	days := int64(f.Span.To-f.Span.From) + 1
	v.About = plural(int64(f.Span.Nights), "billing date", "billing dates") + " published"
	if int64(f.Span.Nights) < days {
		v.About = fmt.Sprintf("%d of %s published", f.Span.Nights, plural(days, "billing date", "billing dates"))
	}
	v.Compared = "Not compared with earlier days: history begins on " + dayText(f.FirstNight)
	if p.compared {
		v.Compared = "Before: " + spanText(f.Before.From, f.Before.To)
	}
	v.Verdict = p.verdict()
	p.look(v)
	f.Money = slices.Clone(f.Money) // the currency with most documents first
	slices.SortStableFunc(f.Money, func(a, b Money) int { return cmp.Compare(b.documents(), a.documents()) })
	for i := range f.Money {
		v.Chapters = append(v.Chapters, p.money(i))
	}
	if len(f.Money) == 0 {
		v.Chapters = append(v.Chapters, chapter{ID: "money", Title: "Money", Blocks: []block{{ID: "none", Wide: true, Finding: "Nothing was invoiced", About: "No document was issued and no balance is open in this span."}}})
	}
	v.Chapters = append(v.Chapters, p.usage())
	if len(f.Units) > 0 {
		v.Chapters = append(v.Chapters, chapter{ID: "units", Title: "Balances in units", Blocks: []block{p.units()}})
	}
	v.Chapters = append(v.Chapters, p.rejects(), p.documents(), p.proof())
	v.Origin = p.origin()
	return v
}

// pager makes the page of facts.
type pager struct {
	*Facts
	compared bool
}

func (p *pager) verdict() string {
	n := int64(len(p.Proof.Checks))
	switch {
	case p.Proof.OK() && n == 0:
		return "No control total is broken"
	case p.Proof.OK():
		return fmt.Sprintf("All %s hold", plural(n, "control total", "control totals"))
	}
	return "Control totals do not hold: do not sign this off"
}

// look lists what somebody must look at, the same of several nights once.
func (p *pager) look(v *view) {
	type nights struct {
		first, last calendar.Day
		count       int64
	}
	of, order := map[string]*nights{}, []string{}
	for _, l := range p.Look {
		if of[l.What] == nil {
			of[l.What] = &nights{first: l.Day}
			order = append(order, l.What)
		}
		of[l.What].last = l.Day
		of[l.What].count++
	}
	for i, what := range order {
		if i == mostLooks {
			v.MoreLook = fmt.Sprintf("and %s more, in run.json of their entries", whole(int64(len(order)-i)))
			break
		}
		n := of[what]
		day := dayText(n.first)
		if n.count > 1 {
			day = fmt.Sprintf("%s from %s to %s", plural(n.count, "night", "nights"), dayText(n.first), dayText(n.last))
		}
		v.Look = append(v.Look, lookView{day, what})
	}
}

func (p *pager) origin() []string {
	first, last := p.Span.First, p.Span.Last
	entries := fmt.Sprintf("Entry %d of the billing history, run.json %s.", last.Number, last.Digest)
	if first.Number != last.Number {
		entries = fmt.Sprintf("Entries %d to %d of the billing history, the last with run.json %s.", first.Number, last.Number, last.Digest)
	}
	return []string{entries, "Catalog " + last.Catalog + ".", "Billed by ratemill " + last.Version + ". Amounts are as published; nothing was rated again."}
}

// largestFirst is a list, largest figures of the span first, cut after so many
// with the rest as one. What was large before is not cut.
func largestFirst(list []Named, most int) (top []Named, others *Named) {
	largest := func(a, b Named) int { return b.Now.Cmp(a.Now) }
	sorted := slices.Clone(list)
	if len(sorted) <= most {
		slices.SortStableFunc(sorted, largest)
		return sorted, nil
	}
	slices.SortStableFunc(sorted, func(a, b Named) int { return b.size().Cmp(a.size()) })
	rest := Named{Name: fmt.Sprintf("%d others", len(sorted)-most+1)}
	for _, n := range sorted[most-1:] {
		rest.Rows += n.Rows
		rest.Now, rest.Before = rest.Now.Add(n.Now), rest.Before.Add(n.Before)
	}
	top = sorted[:most-1]
	slices.SortStableFunc(top, largest)
	return top, &rest
}

func (n Named) size() decimal.Decimal { return decimal.Max(n.Now.Abs(), n.Before.Abs()) }

// namedBlock shows figures by name: bars, and a table with their sum.
func (p *pager) namedBlock(b block, what, rows string, minor int32, list []Named, name func(string) string) block {
	top, others := largestFirst(list, mostBars)
	var data []datum
	for _, n := range top {
		data = append(data, datum{label: name(n.Name), value: amount(n.Now, minor), now: n.Now, before: n.Before})
	}
	if others != nil {
		data = append(data, datum{label: others.Name, value: amount(others.Now, minor), now: others.Now, before: others.Before, muted: true})
	}
	b.Bars = newBars(b.ID, b.Finding, b.About, data, p.compared)
	b.Legend = p.legend()
	b.Table = p.namedTable(what, rows, minor, list, name)
	return b
}

func (p *pager) legend() []legend {
	if !p.compared {
		return nil
	}
	return []legend{{"bar", spanText(p.Span.From, p.Span.To)}, {"mark", "before: " + spanText(p.Before.From, p.Before.To)}}
}

func (p *pager) namedTable(what, rows string, minor int32, list []Named, name func(string) string) *table {
	t := &table{Head: []cell{text(what), {Text: rows, Class: "n opt"}}}
	if p.compared {
		t.Head = append(t.Head, number("Before"))
	}
	t.Head = append(t.Head, number("Amount"))
	if p.compared {
		t.Head = append(t.Head, number("Change"))
	}
	row := func(label string, n Named) []cell {
		cells := []cell{text(label), count(n.Rows)}
		if p.compared {
			cells = append(cells, number(figure(n.Before, minor)))
		}
		cells = append(cells, number(figure(n.Now, minor)))
		if p.compared {
			cells = append(cells, number(change(n.Pair)))
		}
		return cells
	}
	top, others := largestFirst(list, mostRows)
	sum := Named{}
	for _, n := range list {
		sum.Rows += n.Rows
		sum.Now, sum.Before = sum.Now.Add(n.Now), sum.Before.Add(n.Before)
	}
	for _, n := range top {
		t.Rows = append(t.Rows, row(name(n.Name), n))
	}
	if others != nil {
		t.Rows = append(t.Rows, row(others.Name, *others))
	}
	t.Foot = row("All", sum)
	return t
}

// columnsOf are the days of a chart; those before the span are pale.
func (p *pager) columnsOf(days []DayAmount) (all []columnData, unit string) {
	muted := func(d calendar.Day) bool { return d < p.Span.From }
	unit = "billing date"
	if len(days) == 0 {
		return nil, unit
	}
	first, last := days[0].Day, p.Span.Last.Day
	if p.Span.First.Day < first {
		first = p.Span.First.Day
	}
	amounts := map[calendar.Day]decimal.Decimal{}
	for _, d := range days {
		amounts[d.Day] = d.Amount
	}
	if int(last-first)+1 > mostColumns {
		unit = "month"
	}
	for d := first; d <= last; d++ { // a day without documents is a gap, not left out
		if unit == "month" {
			all = addToMonth(all, d, amounts[d], muted(d))
		} else {
			all = append(all, columnData{label: dayText(d), short: shortDay(d), amount: amounts[d], muted: muted(d)})
		}
	}
	return all, unit
}
