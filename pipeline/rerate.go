package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"

	"gocloud.dev/blob"

	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/writers"
)

// A rerate folds published days again and publishes the difference:
//
//	shadow   the nights from the first day to the last published one are billed
//	         again, with the inputs as they lie there now, into a folder that
//	         nobody sees; every night takes what it would have taken had it
//	         been there in time (shadowNights)
//	compare  account by account, what was issued since with what the shadow
//	         issued: rating.Correct makes the note and the state (compare.go)
//	commit   the notes and the corrected state become the next entry, by the
//	         protocol of a night (rerate_entry.go)
//
// Results of payments are no part of it: what became of the charges that were
// made is what it is. Their files, rows and event ids stay with the entries
// that read them, and what has not been read is for the next night.

// Span is the days that a rerate is asked for.
type Span struct{ From, To calendar.Day }

// How a rerate ended that published nothing.
const (
	Same  Status = "same"  // nothing differs
	Shown Status = "shown" // a dry run: it would publish what the result says
)

// RerateResult is what a rerate did.
type RerateResult struct {
	Status        Status
	Entry         *Entry       // published; nil where nothing is
	From, Through calendar.Day // the days that were folded
	Notes         []RerateNote // in the order of the table; none where the entry was finished for an earlier run
	States        int          // accounts whose state differs
	Measures      *Measures    // nil where the entry was finished for an earlier run
}

// RerateNote is a note of a rerate, for people.
type RerateNote struct {
	writers.Invoice
	Of []writers.InvoiceLine
}

// rerate is a rerate in progress.
type rerate struct {
	*Settings
	asked         Span
	from, through calendar.Day
	head, base    *Entry   // base: before from; nil where history starts with it
	issued        []*Entry // after base
	output        *blob.Bucket
	dir           string
	shadow        *blob.Bucket
	nights        []*Entry // of the shadow
	plan          *Plan
}

// Rerate folds days again, with the catalog Corrected if there is one, and
// publishes the difference to what was issued. A dry run publishes nothing.
func Rerate(ctx context.Context, s *Settings, span Span, dryRun bool) (*RerateResult, error) {
	head, err := Head(ctx, s.Output)
	if err != nil {
		return nil, err
	}
	head, finished, err := finishedHead(ctx, s, head, dryRun)
	if err != nil {
		return nil, err
	}
	if err := checkSpan(head, span); err != nil {
		return nil, err
	}
	if finished && head.Rerate != nil && head.Rerate.AskedFrom == span.From.String() && head.Rerate.AskedTo == span.To.String() {
		return finishedRerate(head)
	}
	r, err := newRerate(ctx, s, head, span)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.fold(ctx); err != nil {
		return nil, err
	}
	return r.correct(ctx, dryRun)
}

// finishedHead is the head, with what an earlier run began to publish finished.
func finishedHead(ctx context.Context, s *Settings, head *Entry, dryRun bool) (now *Entry, finished bool, err error) {
	if dryRun {
		next := int64(1)
		if head != nil {
			next = head.Entry + 1
		}
		intent, err := openIntent(ctx, s.Output, next)
		if intent != nil {
			err = &UsageError{What: fmt.Sprintf("entry %d was begun to be published and is not finished", next), Hint: "a dry run changes nothing: let a run or a rerate finish it first"}
		}
		return head, false, err
	}
	entry, err := finishOpen(ctx, s, head)
	if err != nil {
		return nil, false, fmt.Errorf("finishing the entry that an earlier run began to publish: %w", err)
	}
	if entry != nil {
		return entry, true, nil
	}
	return head, false, nil
}

func finishedRerate(e *Entry) (*RerateResult, error) {
	from, err := calendar.Parse(e.Rerate.From)
	if err != nil {
		return nil, &HistoryError{runKey(e.Entry), err}
	}
	return &RerateResult{Status: Finished, Entry: e, From: from, Through: e.Billed()}, nil
}

// checkSpan refuses days that are not published.
func checkSpan(head *Entry, span Span) error {
	switch {
	case head == nil:
		return &UsageError{What: "nothing is published under the output, so there is nothing to rerate", Hint: "check --output"}
	case span.To < span.From:
		return &UsageError{What: fmt.Sprintf("--to %s is before --from %s", span.To, span.From)}
	case span.From.String() < head.FirstNight:
		return &UsageError{What: fmt.Sprintf("%s is before the first night, %s", span.From, head.FirstNight)}
	case span.To > head.Billed():
		return &UsageError{What: fmt.Sprintf("%s is not published, the last night is %s", span.To, head.Billed()), Hint: "rerate what is published; ratemill run bills the days after it"}
	}
	return nil
}

func newRerate(ctx context.Context, s *Settings, head *Entry, span Span) (*rerate, error) {
	r := &rerate{Settings: s, asked: span, from: span.From, through: head.Billed(), head: head, output: s.Output}
	if err := r.findBase(ctx); err != nil {
		return nil, err
	}
	if err := r.checkCatalogs(); err != nil {
		return nil, err
	}
	for _, e := range r.issued { // a correction of what was never issued would be worse than none
		if err := provePublished(ctx, s, e); err != nil {
			return nil, err
		}
	}
	var err error
	if r.dir, err = os.MkdirTemp(s.TempDir, "ratemill-shadow-"); err != nil {
		return nil, err
	}
	last := int64(0)
	if r.base != nil {
		last = r.base.Entry
	}
	r.shadow, err = store.OpenShadow(r.dir, s.Output, func(key string) bool {
		return entryOfKey(key) > 0 && entryOfKey(key) <= last || numberOfDecision(key) > 0
	})
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *rerate) close() {
	if r.shadow != nil {
		r.shadow.Close()
	}
	_ = os.RemoveAll(r.dir)
}

// ownKey is a run.json, or a table of an entry.
var ownKey = regexp.MustCompile(`^(?:runs/(\d{8,})/run\.json|[a-z_]+/billing_date=[0-9-]+/entry-(\d{8,})\.parquet)$`)

// entryOfKey is the entry that an object of the history is of; 0 for those
// that a later night does not read.
func entryOfKey(key string) int64 {
	m := ownKey.FindStringSubmatch(key)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseInt(m[1]+m[2], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// findBase finds the entry whose state the first day goes on from, and the
// entries after it. Where one of them is a rerate of earlier days, the fold
// begins with those: there is no state between them that has its corrections.
func (r *rerate) findBase(ctx context.Context) error {
	for {
		night, err := entryOfDay(ctx, r.output, r.head, r.from)
		switch {
		case err != nil:
			return err
		case night == nil:
			return fmt.Errorf("no entry of the chain billed %s", r.from)
		}
		r.base, r.issued = nil, nil
		if night.Predecessor != nil {
			if r.base, err = ReadEntry(ctx, r.output, night.Predecessor.Entry); err != nil {
				return err
			}
		}
		from := r.from
		for n := night.Entry; n <= r.head.Entry; n++ {
			e, err := ReadEntry(ctx, r.output, n)
			if err != nil {
				return err
			}
			r.issued = append(r.issued, e)
			if e.Rerate == nil {
				continue
			}
			first, err := calendar.Parse(e.Rerate.From)
			if err != nil {
				return &HistoryError{runKey(n), err}
			}
			from = min(from, first)
		}
		if from == r.from {
			return nil
		}
		r.from = from
	}
}

// catalogOf is the catalog that a day is folded under.
func (r *rerate) catalogOf(day calendar.Day) *catalog.Catalog {
	if r.Corrected != nil && r.asked.From <= day && day <= r.asked.To {
		return r.Corrected
	}
	return r.Catalog
}

// checkCatalogs refuses to undo in silence what an earlier rerate corrected by
// a catalog of its own, on days that nobody asked for.
func (r *rerate) checkCatalogs() error {
	for _, e := range r.issued {
		if e.Rerate == nil || e.Rerate.Catalog.Digest == e.Catalog.Digest {
			continue
		}
		span := e.Rerate
		from, errFrom := calendar.Parse(span.AskedFrom)
		to, errTo := calendar.Parse(span.AskedTo)
		if err := errors.Join(errFrom, errTo); err != nil {
			return &HistoryError{runKey(e.Entry), err}
		}
		for day := max(from, r.from); day <= min(to, r.through); day++ {
			if day >= r.asked.From && day <= r.asked.To || r.catalogOf(day).Digest == span.Catalog.Digest {
				continue
			}
			return &UsageError{
				What: fmt.Sprintf("%s was rerated under catalog %s (%.12s, entry %d), and would be folded again under %s (%.12s)", day, span.Catalog.Name, span.Catalog.Digest, e.Entry, r.Catalog.Name, r.Catalog.Digest),
				Hint: fmt.Sprintf("rerate --from %s --to %s too, with the catalog that these days are to have", from, to),
			}
		}
	}
	return nil
}

// fold bills the days again, in the shadow.
func (r *rerate) fold(ctx context.Context) error {
	before := r.base
	union := newUnion()
	for day := r.from; day <= r.through; day++ {
		s := *r.Settings
		s.Output, s.Day, s.Catalog, s.First = r.shadow, day, r.catalogOf(day), before == nil
		s.taken = r.takenOn(day)
		plan, err := s.planning(func() (*Plan, error) { return freshPlan(ctx, &s, before) })
		if err != nil {
			return fmt.Errorf("%s, folded again: %w", day, err)
		}
		union.add(plan)
		result, err := runPlan(ctx, &s, plan)
		if err != nil {
			return fmt.Errorf("%s, folded again: %w", day, err)
		}
		before = result.Entry
		r.nights = append(r.nights, before)
	}
	r.plan = r.planOf(union)
	return nil
}

// takenOn are the decisions that the night of a day took: the shadow takes the
// same.
func (r *rerate) takenOn(day calendar.Day) *[]writers.TakenDecision {
	for _, e := range r.issued {
		if e.Kind == writers.Night && e.Day == day {
			return &e.Decisions
		}
	}
	return &[]writers.TakenDecision{}
}

// decisions are those that the shadow took, with what came of them there.
func (r *rerate) decisions() (all []writers.TakenDecision) {
	for _, e := range r.nights {
		all = append(all, e.Decisions...)
	}
	return all
}

// last is the last night of the shadow.
func (r *rerate) last() *Entry { return r.nights[len(r.nights)-1] }
