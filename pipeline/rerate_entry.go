package pipeline

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// rerateEntry is the entry that a rerate is about to publish.
type rerateEntry struct {
	*night // of the entry's date, without inputs of its own: what staging and publishing need
	rerate *rerate

	consumed []writers.InputFile
	rejects  []writers.Reject
}

func (r *rerate) entry(ctx context.Context) (*rerateEntry, error) {
	s := *r.Settings
	s.Day = r.through + 1
	sources, err := bindSources(s.Catalog, s.Sources, s.Lookups)
	if err != nil {
		return nil, &UsageError{What: "catalog " + s.Catalog.Name + ": " + err.Error()}
	}
	n := &night{Settings: &s, plan: r.plan, day: s.Day, sources: sources, workers: s.workers()}
	e := &rerateEntry{night: n, rerate: r, consumed: r.consumed()}
	if n.dimensions, err = r.dimensions(ctx); err != nil {
		return nil, err
	}
	if e.rejects, err = r.newRejects(ctx, n.day); err != nil {
		return nil, err
	}
	return e, nil
}

// correct compares, and publishes what differs. The first comparison writes
// nothing: most reruns of a rerate find that all is well.
func (r *rerate) correct(ctx context.Context, dryRun bool) (*RerateResult, error) {
	e, err := r.entry(ctx)
	if err != nil {
		return nil, err
	}
	result := &RerateResult{Status: Same, From: r.from, Through: r.through}
	differs := len(e.rejects) > 0 || !slices.Equal(e.consumed, sortedInputs(r.head.Consumed))
	err = e.during(Comparing, 0, func() error {
		return e.walk(ctx, func(c *corrected) error {
			if c.note != nil {
				result.Notes = append(result.Notes, *c.note)
			}
			if !c.same {
				result.States++
			}
			differs = differs || c.note != nil || !c.same || len(c.rated) > 0
			e.watcher().Advances(0, 1)
			return nil
		})
	})
	result.Measures = e.measures(result.Notes)
	switch {
	case err != nil || !differs:
		return result, err
	case dryRun:
		result.Status = Shown
		return result, nil
	}
	err = e.during(Committing, 0, func() error {
		stage, err := e.stage(ctx, result)
		if err != nil {
			return err
		}
		published, err := e.commit(ctx, stage)
		if err != nil {
			return err
		}
		result.Status, result.Entry = published.Status, published.Entry
		return nil
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

func sortedInputs(files []writers.InputFile) []writers.InputFile {
	files = slices.Clone(files)
	slices.SortFunc(files, compareInputs)
	return files
}

// stage writes the tables of the entry. Notes get their numbers, in the result
// too, where there is one.
func (e *rerateEntry) stage(ctx context.Context, result *RerateResult) (s *stage, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		if err != nil {
			cancel()
			s.abandon()
		}
	}()
	s = e.newStage()
	rated := writers.RatedUsageTable
	rated.Dimensions = e.dimensions
	if err = e.stageTables(ctx, s, rated); err != nil {
		return s, err
	}
	noted := 0
	err = e.walk(ctx, func(c *corrected) error {
		for i := range c.invoices {
			e.number(s, &c.invoices[i])
			if result != nil {
				result.Notes[noted].Number = c.invoices[i].Number
			}
			noted++
		}
		s.ledger.add(&c.tables)
		return firstOf(s.rated.Write(c.rated), s.lines.Write(c.lines), s.invoices.Write(c.invoices), s.balances.Write(c.balances),
			s.failed.Write(c.failed), s.parked.Write(c.parked), s.state.Write(c.state), s.held.Write(c.held))
	})
	if err == nil {
		err = s.rejects.Write(e.rejects)
	}
	if err == nil {
		err = e.writeSeen(ctx, s.ids)
	}
	if err == nil {
		err = e.endStage(ctx, s)
	}
	return s, err
}

// commit checks the control totals and publishes.
func (e *rerateEntry) commit(ctx context.Context, s *stage) (*Result, error) {
	run := e.runJSON(s)
	broken := append(run.Totals.Check(), run.Totals.CheckAgainst(&e.rerate.head.Totals)...)
	if len(broken) > 0 {
		return nil, &TotalsError{broken}
	}
	if err := e.plan.checkUnchanged(ctx, e.Settings); err != nil {
		return nil, err
	}
	return publish(ctx, e.night, s, run)
}

// runJSON is the entry's run.json.
func (e *rerateEntry) runJSON(s *stage) *writers.Run {
	p := e.plan
	run := &writers.Run{
		Format: writers.RunFormat, Entry: p.Entry, Kind: writers.Rerate, BillingDate: p.BillingDate, RunID: p.RunID(), ProgramVersion: p.Version,
		Catalog: p.Catalog, Predecessor: p.Predecessor, FirstNight: p.FirstNight, WindowDays: p.WindowDays,
		Sources: p.Sources, Lookups: p.Lookups, Inputs: p.Inputs, Consumed: e.consumed, ChangedInputs: p.Changed, Totals: e.totals(s), Rerate: p.Rerate,
		Manifests: p.Manifests, ConsumedManifests: e.rerate.last().ConsumedManifests,
		Decisions: e.rerate.decisions(), DecisionsTaken: e.rerate.head.DecisionsTaken,
	}
	for _, f := range s.open {
		run.Outputs = append(run.Outputs, writers.OutputFile{Key: f.final, Size: f.size, SHA256: hex.EncodeToString(f.hash.Sum(nil)), Rows: f.rows()})
	}
	run.InvoiceSeries = e.series(s)
	run.ExitCode = e.exitCode(s, run)
	return run
}

// exitCode tells whether somebody must look: as of a night, of the rows that
// no night had refused.
func (e *rerateEntry) exitCode(s *stage, run *writers.Run) int {
	read, bad := int64(0), int64(0)
	for _, f := range run.Totals.Files {
		read += f.Read
	}
	for i := range e.rejects {
		if r := &e.rejects[i]; r.Status == "open" && r.Reason != beforeHistory {
			bad += r.Rows
		}
	}
	if tooMany(bad, read, e.plan.MaxRejects) || s.parked.Rows() > 0 || len(run.ChangedInputs) > 0 {
		return ExitLook
	}
	return ExitDone
}

// totals are the control totals of the entry. Its rows are those of the fold,
// over all days; the opening book, which the first of them may have read, is
// no row of an entry that is not the first.
func (e *rerateEntry) totals(s *stage) writers.Totals {
	var t writers.Totals
	for _, night := range e.rerate.nights {
		for _, f := range night.Totals.Files {
			if f.Source != openingBook {
				t.Files = append(t.Files, f)
			}
		}
		for _, of := range night.Totals.Sources {
			if of.Source != openingBook {
				addSource(&t.Sources, of)
			}
		}
	}
	for _, m := range s.ledger.money {
		m.CreditNotes = decimal.Zero // corrections: nothing is given back on a charge
		t.Money = append(t.Money, *m)
	}
	for _, b := range s.ledger.balances {
		t.Balances = append(t.Balances, *b)
	}
	return t
}

func addSource(to *[]writers.SourceTotals, s writers.SourceTotals) {
	i := slices.IndexFunc(*to, func(o writers.SourceTotals) bool { return o.Source == s.Source })
	if i < 0 {
		s.NotBillable = slices.Clone(s.NotBillable)
		*to = append(*to, s)
		return
	}
	o := &(*to)[i]
	o.Recycled, o.WrittenOff = o.Recycled+s.Recycled, o.WrittenOff+s.WrittenOff
	o.Passed, o.TakenUp, o.Rated, o.Rejected, o.PutAside = o.Passed+s.Passed, o.TakenUp+s.TakenUp, o.Rated+s.Rated, o.Rejected+s.Rejected, o.PutAside+s.PutAside
	for _, r := range s.NotBillable {
		if at := slices.IndexFunc(o.NotBillable, func(x writers.ReasonRows) bool { return x.Reason == r.Reason }); at >= 0 {
			o.NotBillable[at].Rows += r.Rows
		} else {
			o.NotBillable = append(o.NotBillable, r)
		}
	}
}

// newRejects are the rows that the shadow refused and no night had, but for
// results of payments; and those that nights had refused for a time and the
// shadow took, which wait no more.
func (r *rerate) newRejects(ctx context.Context, day calendar.Day) ([]writers.Reject, error) {
	had := map[writers.Reject]int{}
	waits := map[writers.Reject]int{} // rows that wait, as they were refused
	waiting := func(x writers.Reject) writers.Reject {
		return writers.Reject{Source: x.Source, File: x.File, Row: x.Row, Rows: x.Rows, AccountID: x.AccountID, Reason: x.Reason}
	}
	known := func(x writers.Reject) writers.Reject { // whenever it was refused, and in whatever words
		x.Detail, x.FirstSeen = "", 0
		return x
	}
	err := eachRow(ctx, r.output, r.issued, writers.RejectsTable, func(x *writers.Reject) {
		had[known(*x)]++
		switch {
		case x.Retryable:
			waits[waiting(*x)]++
		case x.Status != "open":
			waits[waiting(*x)]--
		}
	})
	if err != nil {
		return nil, err
	}
	var fresh []writers.Reject
	err = eachRow(ctx, r.shadow, r.nights, writers.RejectsTable, func(x *writers.Reject) {
		k := known(*x)
		again := had[k] > 0
		switch {
		case x.Retryable:
			waits[waiting(*x)]--
		case x.Status != "open" && again: // it ended in the nights, too
			waits[waiting(*x)]++
		}
		if again {
			had[k]--
		} else if x.Source != paymentsSource {
			fresh = append(fresh, *x)
		}
	})
	for x, n := range waits {
		if n > 0 && x.Source != paymentsSource {
			x.Status, x.Detail, x.FirstSeen = "recycled", "folded again", int32(day)
			fresh = append(fresh, x)
		}
	}
	slices.SortFunc(fresh, compareRejects)
	return fresh, err
}

// eachRow reads a table of several entries, row by row.
func eachRow[T any](ctx context.Context, b *blob.Bucket, entries []*Entry, spec writers.Spec, yield func(*T)) error {
	for _, e := range entries {
		file, err := outputOf(e, spec.Name)
		if err != nil {
			return err
		}
		at := &object{ctx: ctx, bucket: b, key: file.Key, size: file.Size}
		err = writers.Rows(at, file.Size, func(rows []T) error {
			for i := range rows {
				yield(&rows[i])
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w", file.Key, err)
		}
	}
	return nil
}

// remakeRerate makes the stage of a rerate's intent again.
func remakeRerate(ctx context.Context, s *Settings, head *Entry, intent *writers.Intent, declared *writers.Run, gone error) (*Entry, error) {
	span := Span{}
	var errFrom, errTo error
	span.From, errFrom = calendar.Parse(declared.Rerate.AskedFrom)
	span.To, errTo = calendar.Parse(declared.Rerate.AskedTo)
	if err := errors.Join(errFrom, errTo); err != nil {
		return nil, errors.Join(gone, err)
	}
	again := *s
	if again.Corrected == nil || again.Corrected.Digest != declared.Rerate.Catalog.Digest {
		again.Corrected = nil
	}
	r, err := newRerate(ctx, &again, head, span)
	if err != nil {
		return nil, errors.Join(gone, err)
	}
	defer r.close()
	if err := r.fold(ctx); err != nil {
		return nil, errors.Join(gone, err)
	}
	if r.plan.RunID() != intent.RunID {
		return nil, fmt.Errorf("%w; the rerate of %s to %s cannot be made again, for the inputs, the catalogs or the program are others now", gone, span.From, span.To)
	}
	e, err := r.entry(ctx)
	if err != nil {
		return nil, errors.Join(gone, err)
	}
	stage, err := e.stage(ctx, nil)
	if err != nil {
		return nil, errors.Join(gone, err)
	}
	mine, err := e.intentOf(stage, e.runJSON(stage))
	if err != nil {
		return nil, errors.Join(gone, err)
	}
	defer sweep(ctx, s, mine)
	return finish(ctx, s, declared.Entry, intent, mine)
}
