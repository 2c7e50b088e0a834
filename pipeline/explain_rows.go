package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gocloud.dev/gcerrors"

	"ratemill/pipeline/store"
	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/readers"
	"ratemill/writers"
)

// traced is what came of scanning an entry's files of one source for the
// account's rows.
type traced struct {
	trace
	files   []ExplainedFile
	problem string // why it could not be done; empty where it was
}

// missing says which files cannot be read any more, empty where all can.
func (t *traced) missing() string {
	var gone []string
	for _, f := range t.files {
		if f.Status != FileRead {
			gone = append(gone, f.Key+" "+f.words())
		}
	}
	return strings.Join(gone, "; ")
}

// words are a file's status for people.
func (f *ExplainedFile) words() string {
	switch f.Status {
	case FileGone:
		return "is gone"
	case FileChanged:
		return "has changed"
	case FileElsewhere:
		return "fits no path of its source any more"
	}
	return "was read"
}

type traceKey struct {
	entry  int64
	source string
}

// trace scans the files of a source that an entry has read, as its night did,
// for the account's rows. It is done once.
func (x *explainer) trace(ctx context.Context, e *Entry, source string) (*traced, error) {
	key := traceKey{e.Entry, source}
	if t := x.traces[key]; t != nil {
		return t, nil
	}
	tables, err := x.tables(ctx, e)
	if err != nil {
		return nil, err
	}
	t := &traced{trace: trace{account: x.Account, source: source, show: x.Show, ended: endedOf(tables.rejects, tables.held), at: map[string]*rowGroup{}}}
	x.traces[key] = t
	err = x.scan(ctx, e, t)
	var unreadable *readers.FileError
	var usage *UsageError
	if errors.As(err, &unreadable) && !temporary(err) && !refusedBy(err, true) && ctx.Err() == nil || errors.As(err, &usage) {
		t.problem, err = err.Error(), nil // of the exports, not of what is published
	}
	return t, err
}

// scan folds an entry's night again as far as it is about the account and the
// source. Its sign-up decides on whether the account could be billed, so the
// account's events are always read.
func (x *explainer) scan(ctx context.Context, e *Entry, t *traced) error {
	n, err := x.nightOf(ctx, e, t)
	if err != nil {
		return err
	}
	defer n.close()
	n.trace = &t.trace
	if err := n.readExports(ctx); err != nil {
		return err
	}
	if err := x.takeUp(ctx, n, t); err != nil {
		return err
	}
	if err := n.loadSeen(ctx); err != nil {
		return err
	}
	events := make(spills, n.workers)
	for w, m := range n.mapped {
		events[w] = m.events
	}
	n.lineHashesUp()
	f := n.folded[0] // one part after the other: they are one account's
	for source, c := range n.cuts {
		for i := range 1 << c.bits {
			if err := n.foldUsagePart(f, source, c.first+i, nil); err != nil {
				return err
			}
		}
	}
	for p := range n.partitions {
		if err := n.foldEventsPart(f, events, p); err != nil {
			return err
		}
	}
	t.settle()
	return nil
}

// nightOf is an entry's night before it has read anything, with the files that
// are still what it read.
func (x *explainer) nightOf(ctx context.Context, e *Entry, t *traced) (*night, error) {
	s := *x.Settings
	s.Day, s.scan = e.Day, nil
	cat := *x.Catalog
	cat.WindowDays, s.Catalog = e.WindowDays, &cat
	p := &Plan{
		Entry: e.Entry, BillingDate: e.BillingDate, FirstNight: e.FirstNight, WindowDays: e.WindowDays, Catalog: e.Run.Catalog,
		Predecessor: e.Predecessor, Sources: e.Sources, pins: map[string]pin{},
	}
	if e.Predecessor != nil {
		var err error
		if p.before, err = x.entry(ctx, e.Predecessor.Entry); err != nil {
			return nil, err
		}
		if p.decisions, err = takenBy(ctx, x.Output, e.Decisions); err != nil {
			return nil, err
		}
	}
	for _, l := range e.Lookups {
		f := ExplainedFile{Key: l.Key, Checksum: l.Checksum}
		if err := x.look(ctx, &f, l.Size, p.pins); err != nil {
			return nil, err
		}
		if f.Status != FileRead {
			t.files = append(t.files, f)
		}
		if f.Status == FileGone {
			return nil, &readers.FileError{Key: l.Key, What: "lookup table " + l.Name + " is gone"}
		}
		l.Size = p.pins[l.Key].size
		p.Lookups = append(p.Lookups, l)
	}
	for _, in := range e.Inputs {
		if in.Source != t.source && in.Source != "account_events" {
			continue
		}
		f := ExplainedFile{Key: in.Key, Source: in.Source, Checksum: in.Checksum}
		if err := x.look(ctx, &f, in.Size, p.pins); err != nil {
			return nil, err
		}
		if f.Status == FileRead && !x.lays(in) {
			f.Status = FileElsewhere
		}
		if f.Status == FileRead {
			p.Inputs = append(p.Inputs, in)
		}
		if in.Source == t.source {
			t.files = append(t.files, f)
		}
	}
	return prepareNight(ctx, &s, p)
}

// lays tells whether a file is still an export of its source.
func (x *explainer) lays(f writers.InputFile) bool {
	at := slices.IndexFunc(x.sources, func(s source) bool { return s.name == f.Source })
	if at < 0 {
		return false
	}
	_, err := inputOf(&x.sources[at], at, f)
	return err == nil
}

// look finds out whether a file is what an entry has read, and pins it.
func (x *explainer) look(ctx context.Context, f *ExplainedFile, size int64, pins map[string]pin) error {
	a, err := x.Exports.Attributes(ctx, f.Key)
	switch {
	case gcerrors.Code(err) == gcerrors.NotFound:
		f.Status = FileGone
		return nil
	case err != nil:
		return &readers.FileError{Key: f.Key, What: "cannot be looked at", Err: err}
	}
	pins[f.Key] = pin{a.ETag, a.Size}
	f.Status = FileRead
	if f.Now, err = identity(ctx, x.Exports, f.Key, a); err != nil {
		return err
	}
	if strings.HasPrefix(f.Checksum, byMD5) && !strings.HasPrefix(f.Now, byMD5) {
		if f.Now, err = contentIdentity(store.Unchanged(ctx, a.ETag, a.Size), x.Exports, f.Key); err != nil {
			return err
		}
	}
	// An ETag says nothing of a copy on a disk: there its size must do.
	comparable := strings.HasPrefix(f.Checksum, byMD5) == strings.HasPrefix(f.Now, byMD5)
	if comparable && f.Now != f.Checksum || a.Size != size {
		f.Status = FileChanged
	}
	return nil
}

// takeUp gives the night the account's rows that waited, and tells it whether
// the account is known.
func (x *explainer) takeUp(ctx context.Context, n *night, t *traced) error {
	if n.plan.before != nil {
		known, err := x.inState(ctx, n.plan.before)
		if err != nil {
			return err
		}
		if known {
			i, err := n.account(x.Account)
			if err != nil {
				return err
			}
			n.stateAccounts = []uint32{i}
		}
	}
	var skipped []writers.Held
	err := n.eachWaiting(ctx, func(rows []writers.Held) error {
		for i := range rows {
			h := rows[i]
			at, err := n.sourceOf(h.Source)
			if err != nil || h.Source != t.source && h.Source != "account_events" {
				continue // rows of a source that there is no more wait in vain
			}
			if h.Reason == string(rating.UnknownAccount) {
				n.lookUpAgain(&h, &n.sources[at])
			}
			switch {
			case h.AccountID != x.Account:
			case h.EventKey != "" && h.Reason != parked:
				if err := n.takeUpRow(&h, at); err != nil {
					return err
				}
			case h.Source == t.source:
				skipped = append(skipped, h)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	n.learnSignups()
	for i := range skipped {
		at, _ := n.sourceOf(skipped[i].Source)
		if err := t.takeWaiting(n, &n.sources[at], &skipped[i]); err != nil {
			return err
		}
	}
	return nil
}

// proveRated holds the account's rows that an entry's night read against what
// it rated of a meter, service date and set of dimension values.
func (x *explainer) proveRated(ctx context.Context, e *Entry, r *writers.RatedUsage, names []string) (*RowsProof, error) {
	key := ratedGroup(e, r)
	if p := x.proofs[key]; p != nil {
		return p, nil
	}
	p := &RowsProof{}
	x.proofs[key] = p
	at := slices.IndexFunc(x.sources, func(s source) bool { return s.name == r.Source })
	if e.Kind != writers.Night {
		p.fail("a rerate rated it: it has the difference to what was rated before, of the files as they lay there then")
		return p, nil
	}
	if at < 0 {
		p.fail("there is no source %q any more: say with --config how it is laid out", r.Source)
		return p, nil
	}
	t, err := x.trace(ctx, e, r.Source)
	if err != nil {
		return nil, err
	}
	s := &x.sources[at]
	if s.role != usageRows {
		x.showEvents(p, t)
		return p, nil
	}
	if s.meter == nil || s.meter.Name != r.Meter {
		p.fail("the catalog has no meter %q of source %q any more", r.Meter, r.Source)
		return p, nil
	}
	tables, err := x.tables(ctx, e)
	if err != nil {
		return nil, err
	}
	want := rowSum{}
	for i := range tables.rated {
		if o := &tables.rated[i]; ratedGroup(e, o) == key {
			want.rows += o.Rows
			want.quantity = want.quantity.Add(writers.FromWide(o.Quantity))
		}
	}
	by := make([]string, 0, len(s.meter.By))
	for _, name := range s.meter.By {
		if i := slices.Index(names, writers.DimensionColumn(name)); i >= 0 {
			by = append(by, r.Dimensions[i])
		}
	}
	var found rowSum
	for _, g := range t.groups {
		if g.day != calendar.Day(r.ServiceDate) || g.late != r.Late || g.unrated || !slices.Equal(g.by, by) {
			continue
		}
		if err := x.addGroup(ctx, p, s, g); err != nil {
			return nil, err
		}
		found.rows += g.rows
		found.quantity = found.quantity.Add(g.quantity())
	}
	p.judge(s, t, want, found)
	return p, nil
}

// addGroup adds a group's rows to a proof; those of a group from held are of
// the night that put it aside.
func (x *explainer) addGroup(ctx context.Context, p *RowsProof, s *source, g *rowGroup) error {
	if g.held == nil {
		p.add(g, x.Show)
		return nil
	}
	first, err := x.nightOfDay(ctx, g.firstSeen)
	if err != nil {
		return err
	}
	where := fmt.Sprintf("%d rows from %s row %d on, put aside by the night of %s (%s)", g.rows, g.held.File, g.held.Row, g.firstSeen, g.held.Reason)
	if first == nil {
		p.fail("%s: that night cannot be told", where)
		return nil
	}
	t, err := x.trace(ctx, first, s.name)
	if err != nil {
		return err
	}
	for _, o := range t.groups {
		if o.held == nil && o.day == g.day && o.whole == g.whole && o.first == (rowPlace{s.name, g.held.File, g.held.Row}) {
			shown := *o
			shown.shown = slices.Clone(o.shown)
			for i := range shown.shown {
				shown.shown[i].Note = heldNote(g.held)
			}
			p.add(&shown, x.Show)
			if o.rows != g.rows || !o.quantity().Equal(g.quantity()) {
				p.fail("%s: %d rows of %s are found there", where, o.rows, o.quantity())
			}
			return nil
		}
	}
	p.fail("%s: they are not found there%s", where, because(t))
	return nil
}

func because(t *traced) string {
	switch missing := t.missing(); {
	case t.problem != "":
		return ": " + t.problem
	case missing != "":
		return ": " + missing
	}
	return ""
}

// showEvents shows what a night read of a source that is no usage.
func (x *explainer) showEvents(p *RowsProof, t *traced) {
	p.Verdict, p.Rows, p.Shown = ReadOnly, t.allEvents, t.events
	if because := because(t); because != "" {
		p.fail("the rows behind it cannot all be told%s", because)
	}
}

type ratedGroupKey struct {
	entry             int64
	meter, source, of string
	service           int32
	late              bool
}

// ratedGroup is what rows of rated_usage have in common that are of the same
// usage rows.
func ratedGroup(e *Entry, r *writers.RatedUsage) ratedGroupKey {
	return ratedGroupKey{e.Entry, r.Meter, r.Source, joinedValues(r.Dimensions), r.ServiceDate, r.Late}
}
