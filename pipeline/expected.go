package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// Expectation is what ratemill.yaml expects of an export every day.
type Expectation struct {
	Rows    *int64 // at least so many; nil: one, unless a manifest says that there are none
	AtLeast int64  // parts per million of the median size of the last days' exports; 0: any size
	Days    int    // that the median is taken of; 0: DefaultExpectedDays
	Warn    bool   // publish all the same, with exit code 3
}

// DefaultExpectedDays is how many days a median is taken of where nothing else
// is said.
const DefaultExpectedDays = 7

// fewestDays is how many days must have had an export for a median to say
// something.
const fewestDays = 3

// words are the expectation for people.
func (x *Expectation) words() string {
	text := "an export every day"
	if x.Rows != nil {
		text += fmt.Sprintf(", of %d rows at least", *x.Rows)
	}
	if x.AtLeast > 0 {
		text += fmt.Sprintf(", of %d%% at least of the median of %d days", x.AtLeast/10_000, cmp.Or(x.Days, DefaultExpectedDays))
	}
	if x.Warn {
		return text + "; else the night is published with exit code 3"
	}
	return text + "; else the night is not published"
}

// Expected is what a plan expects of an export of its day.
type Expected struct {
	Source  string `json:"source"`
	Export  string `json:"export,omitempty"`
	Rows    int64  `json:"rows"`             // at least so many
	Bytes   int64  `json:"bytes,omitempty"`  // at least so many
	Median  int64  `json:"median,omitempty"` // bytes, of which Bytes is a share
	Days    int    `json:"days,omitempty"`   // that the median was taken of
	Warn    bool   `json:"warn,omitempty"`
	missing bool   // no file, and no manifest that says so
	size    int64  // bytes there are
	place   string // where its files lie, in words
}

// expect finds out what is expected of the day's exports, and what lies there.
func (p *Plan) expect(s *Settings, sources []source) {
	for i := range sources {
		for j := range sources[i].exports {
			if l := &sources[i].exports[j]; l.expected != nil {
				p.Expected = append(p.Expected, p.expectedOf(s, sources[i].name, l))
			}
		}
	}
	slices.SortFunc(p.Expected, func(a, b Expected) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Export, b.Export))
	})
}

func (p *Plan) expectedOf(s *Settings, source string, l *layout) Expected {
	set := l.expected
	e := Expected{Source: source, Export: l.name, Warn: set.Warn, missing: true, place: l.paths(s.Day)}
	e.Rows = 1
	dated := l.hasDate()
	for _, f := range p.list.files {
		if f.Source == source && f.Export == l.name && (f.Date == s.Day.String() || !dated) {
			e.missing = false
			e.size += f.Size
		}
	}
	if p.saysNoUsage(s.Day, source, l) {
		e.missing, e.Rows = false, 0
	}
	if set.Rows != nil {
		e.Rows = *set.Rows
	}
	if !dated { // it may be that nothing is new
		e.Rows = 0
	}
	if sizes := p.sizes(s.Day, cmp.Or(set.Days, DefaultExpectedDays), source, l.name); set.AtLeast > 0 && len(sizes) >= fewestDays {
		e.Median, e.Days = sizes[(len(sizes)-1)/2], len(sizes)
		e.Bytes = shareOf(e.Median, set.AtLeast)
	}
	return e
}

// shareOf is so many parts per million of a size, rounded up.
func shareOf(size, parts int64) int64 {
	const million = 1_000_000
	return size/million*parts + (size%million*parts+million-1)/million
}

// saysNoUsage tells whether a manifest of the day is there: whoever wrote it
// has finished, so an export without rows is what was meant.
func (p *Plan) saysNoUsage(day calendar.Day, source string, l *layout) bool {
	is := func(f writers.InputFile) bool {
		return f.Source == source && f.Export == l.name && f.Date == day.String()
	}
	return slices.ContainsFunc(p.list.witnesses, func(w witness) bool { return is(w.InputFile) })
}

// sizes are the sizes of the exports of so many days before, the smallest
// first, as far as there were any: those that the entry before names.
func (p *Plan) sizes(day calendar.Day, days int, source, export string) []int64 {
	if p.before == nil {
		return nil
	}
	byDate := map[string]int64{}
	from, to := (day - calendar.Day(days)).String(), (day - 1).String()
	for _, f := range p.before.Consumed {
		if f.Source == source && f.Export == export && f.Date >= from && f.Date <= to {
			byDate[f.Date] += f.Size
		}
	}
	var all []int64
	for _, size := range byDate {
		all = append(all, size)
	}
	slices.Sort(all)
	return all
}

func (e *Expected) name() string {
	if e.Export == "" {
		return e.Source
	}
	return e.Source + "." + e.Export
}

// checkExpected stops a night whose expected exports are not there, or are
// smaller than they can be.
func (p *Plan) checkExpected() error {
	for i := range p.Expected {
		e := &p.Expected[i]
		switch {
		case e.Warn:
		case e.missing:
			return &NotThereError{What: fmt.Sprintf("no export of %s for %s is there yet, and ratemill.yaml expects one", e.name(), p.BillingDate), Where: e.place}
		case e.size < e.Bytes:
			return &UnexpectedError{e.small()}
		}
	}
	return nil
}

func (e *Expected) small() string {
	return fmt.Sprintf("the export of %s has %d bytes, where at least %d are expected (the median of %d days is %d)", e.name(), e.size, e.Bytes, e.Days, e.Median)
}

// checkExpectedRows stops a night whose expected exports have fewer rows than
// they can have.
func (n *night) checkExpectedRows() error {
	for i := range n.plan.Expected {
		if e := &n.plan.Expected[i]; !e.Warn && !e.missing && n.rowsOfDay(e) < e.Rows {
			return &UnexpectedError{n.few(e)}
		}
	}
	return nil
}

// rowsOfDay are the rows that the night read of its day's files of an export.
func (n *night) rowsOfDay(e *Expected) int64 {
	rows := int64(0)
	for i := range n.files {
		f := &n.files[i].InputFile
		if f.Source == e.Source && f.Export == e.Export && f.Date == n.day.String() {
			for _, m := range n.mapped {
				rows += m.files[i].read
			}
		}
	}
	return rows
}

func (n *night) few(e *Expected) string {
	return fmt.Sprintf("the export of %s has %d rows, where at least %d are expected", e.name(), n.rowsOfDay(e), e.Rows)
}

// unexpected are the exports that are not as expected, where that does not
// stop the night.
func (n *night) unexpected() []writers.Unexpected {
	var all []writers.Unexpected
	for i := range n.plan.Expected {
		e := &n.plan.Expected[i]
		what := ""
		switch {
		case !e.Warn:
			continue
		case e.missing:
			what = "no export is there"
		case e.size < e.Bytes:
			what = e.small()
		case n.rowsOfDay(e) < e.Rows:
			what = n.few(e)
		default:
			continue
		}
		all = append(all, writers.Unexpected{Source: e.Source, Export: e.Export, What: what})
	}
	return all
}

// hasDate tells whether files of the layout are of a day.
func (l *layout) hasDate() bool {
	return slices.ContainsFunc(l.templates, (*template).hasDate)
}

// paths are a layout's paths on a day, in words.
func (l *layout) paths(day calendar.Day) string {
	var all []string
	for _, t := range l.templates {
		if t.hasDate() {
			date := day.String()
			all = append(all, strings.NewReplacer("{date}", date, "{year}", date[:4], "{month}", date[5:7], "{day}", date[8:]).Replace(t.text))
		} else {
			all = append(all, t.text)
		}
	}
	return strings.Join(all, " or ")
}
