package pipeline

import (
	"context"
	"encoding/hex"

	"ratemill/rating/decimal"
	"ratemill/writers"
)

// commit checks the control totals and publishes.
func (n *night) commit(ctx context.Context, s *stage) (*Result, error) {
	run, err := n.runJSON(s)
	if err != nil {
		return nil, err
	}
	broken := run.Totals.Check()
	var before *writers.Totals
	if n.plan.before != nil {
		before = &n.plan.before.Totals
	}
	if broken = append(broken, run.Totals.CheckAgainst(before)...); len(broken) > 0 {
		return nil, &TotalsError{broken}
	}
	// Asked again at the last moment: the next night takes for unchanged what
	// is older than this publication.
	if err := n.plan.checkUnchanged(ctx, n.Settings); err != nil {
		return nil, err
	}
	result, err := publish(ctx, n, s, run)
	if err != nil {
		return nil, err
	}
	result.Measures = s.ledger.measures()
	return result, nil
}

// runJSON is the entry's run.json.
func (n *night) runJSON(s *stage) (*writers.Run, error) {
	p := n.plan
	run := &writers.Run{
		Format: writers.RunFormat, Entry: p.Entry, Kind: writers.Night, BillingDate: p.BillingDate, RunID: p.RunID(), ProgramVersion: p.Version,
		Catalog: p.Catalog, Predecessor: p.Predecessor, FirstNight: p.FirstNight, WindowDays: p.WindowDays,
		Sources: p.Sources, Lookups: p.Lookups, Inputs: p.Inputs, Consumed: p.consumed(n.day), ChangedInputs: p.Changed, Totals: n.totals(s),
		Manifests: p.Manifests, ConsumedManifests: p.consumedManifests(n.day), Unexpected: n.unexpected(),
		Decisions: n.takenDecisions(), DecisionsTaken: p.decisionsTaken(),
	}
	for _, f := range s.open {
		run.Outputs = append(run.Outputs, writers.OutputFile{Key: f.final, Size: f.size, SHA256: hex.EncodeToString(f.hash.Sum(nil)), Rows: f.rows()})
	}
	run.InvoiceSeries = n.series(s)
	run.ExitCode = n.exitCode(s, run)
	return run, nil
}

// series are the last numbers of all series after the entry.
func (n *night) series(s *stage) (all []writers.SeriesEnd) {
	series := map[string]int64{}
	if n.plan.before != nil {
		for _, e := range n.plan.before.InvoiceSeries {
			series[e.Series] = e.Last
		}
	}
	for name, last := range s.ledger.series {
		series[name] = last
	}
	for name, last := range series { // Encode sorts them
		all = append(all, writers.SeriesEnd{Series: name, Last: last})
	}
	return all
}

// tooMany tells whether bad rows are more than an allowed share of those read,
// in parts per million.
func tooMany(bad, read, allowed int64) bool {
	return decimal.NewFromInt(bad).Mul(decimal.NewFromInt(1_000_000)).GreaterThan(decimal.NewFromInt(read).Mul(decimal.NewFromInt(allowed)))
}

// exitCode tells whether somebody must look at what is published.
func (n *night) exitCode(s *stage, run *writers.Run) int {
	read, bad := int64(0), s.ledger.alarming
	for _, f := range run.Totals.Files {
		read += f.Read
		bad += f.Rejected
	}
	for _, r := range n.beforeHistory() {
		bad -= r.Rows
	}
	if tooMany(bad, read, n.plan.MaxRejects) || s.parked.Rows() > 0 || len(run.ChangedInputs) > 0 || len(run.Unexpected) > 0 {
		return ExitLook
	}
	return ExitDone
}
