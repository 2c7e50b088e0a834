package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ratemill/writers"
)

// byDecision is how the detail of a reject begins that a decision made.
func byDecision(number int64) string { return fmt.Sprintf("by decision %d: ", number) }

// decisionOf is the number of the decision that made a reject; 0: none did.
func decisionOf(r *writers.Reject) (number int64) {
	if r.Status != writtenOff && r.Status != reopened {
		return 0
	}
	if _, err := fmt.Sscanf(r.Detail, "by decision %d: ", &number); err != nil || !strings.HasPrefix(r.Detail, byDecision(number)) {
		return 0
	}
	return number
}

// checkDecisions: a night takes the decisions after the last one that was
// taken, each once. A rerate takes none: it names those of the nights that it
// folded again.
func (p *prover) checkDecisions(e *proven) {
	x, key := e.entry, runKey(e.number)
	last := int64(0)
	if before := e.entryBefore(); before != nil {
		last = before.DecisionsTaken
	} else if e.number > 1 {
		last = x.DecisionsTaken - int64(len(x.Decisions)) // nothing is known of the entry before
	}
	taken := last
	for i := range x.Decisions {
		d := &x.Decisions[i]
		if taken++; x.Kind == writers.Night && d.Number != taken {
			e.figures(key, "it takes decision %d, the next that was not taken is %d", d.Number, taken)
		}
		if d.Key != decisionKey(d.Number) {
			e.damage(key, "it names decision %d as %s", d.Number, d.Key)
			continue
		}
		p.decisions[d.Number] = append(p.decisions[d.Number], namedDecision{e, d.DecisionFile})
	}
	if x.Kind != writers.Night {
		taken = last
	}
	if x.DecisionsTaken != taken {
		e.figures(key, "decisions_taken is %d, want %d", x.DecisionsTaken, taken)
	}
}

// namedDecision is a decision as an entry names it.
type namedDecision struct {
	by   *proven
	file writers.DecisionFile
}

// proveDecisions proves that every decision that an entry took is there as it
// was taken, and that those that wait for a night can be read.
func (p *prover) proveDecisions(ctx context.Context) error {
	there := map[int64]bool{}
	for n := range p.decisions {
		there[n] = true
	}
	for key := range p.sizes {
		if n := numberOfDecision(key); n > 0 {
			p.declared[key], there[n] = true, true
		}
	}
	waiting, next := 0, int64(1)
	for _, n := range sortedKeys(there) {
		if n > next { // said once, however many there are to the next file
			if err := p.proveDecision(ctx, next); err != nil {
				return err
			}
		}
		if next = n + 1; len(p.decisions[n]) == 0 {
			waiting++
		}
		if err := p.proveDecision(ctx, n); err != nil {
			return err
		}
	}
	if waiting > 0 && !p.lost {
		p.note("%d decisions wait for the next night to take them", waiting)
	}
	return nil
}

// proveDecision proves one decision, which an entry may have taken.
func (p *prover) proveDecision(ctx context.Context, number int64) error {
	key, named, x := decisionKey(number), p.decisions[number], &breaks{}
	if len(named) > 0 {
		x.entry = named[0].by.number
	}
	d, err := readDecision(ctx, p.Output, number)
	var damaged *HistoryError
	switch {
	case errors.As(err, &damaged):
		x.damage(key, "%v", damaged.Err)
	case err != nil:
		return err
	case d == nil && len(named) > 0:
		x.damage(key, "is missing, and the entry took it")
	case d == nil:
		x.damage(key, "is missing: no night takes the decisions after it")
	default:
		p.proof.Files++
		p.proof.Bytes += d.file.Size
		for _, other := range named {
			if other.file != d.file {
				x.damage(key, "it has %d bytes and sha256 %.12s, entry %d took %d and %.12s", d.file.Size, d.file.SHA256, other.by.number, other.file.Size, other.file.SHA256)
			}
		}
	}
	p.proof.Breaks = append(p.proof.Breaks, x.all()...)
	return nil
}

// noteDecided counts a reject that a decision made, and tells whether it is one.
func (x *entryProof) noteDecided(j *writers.Reject) bool {
	number := decisionOf(j)
	if number == 0 {
		return false
	}
	x.acted[number] += j.Rows
	if j.Status == reopened {
		x.again[j.Source] += j.Rows
	} else {
		x.off[j.Source] += j.Rows
	}
	return true
}

// decidedFact is what a reject that a decision made says of its row.
func decidedFact(j *writers.Reject, row int64) fact {
	place := fmt.Sprintf("w%q", []string{j.Source, j.File, j.Reason, j.AccountID, fmt.Sprint(j.Row, j.FirstSeen)})
	f := fact{id: place, kind: writesOff, row: row, amount: j.Rows, attempt: decisionOf(j)}
	if j.Status == reopened {
		f.kind = reopens
	}
	return f
}

// checkRecycled proves of one row, or group, that it waits again at most as
// often as decisions of entries before wrote it off. Where entries before were
// not read, one of them may have done so once more.
func (p *prover) checkRecycled(x *breaks, facts []fact, whole bool) {
	back := int64(0)
	for i := range facts {
		f, off := &facts[i], int64(0)
		if f.kind != reopens {
			continue
		}
		for k := range facts {
			if facts[k].kind == writesOff && facts[k].entry < f.entry {
				off += facts[k].amount
			}
		}
		if back += f.amount; !whole {
			off += f.amount
		}
		if back > off {
			x.add(p.breakOf(f, "decision %d has %d rows wait again that were not written off, or wait again already: %d written off before, %d waiting again by now", f.attempt, f.amount, off, back))
		}
	}
}

// checkDecided holds what decisions did by the control totals and by run.json
// against rejects.
func (x *entryProof) checkDecided(ctx context.Context, key string) error {
	known := map[string]writers.SourceTotals{}
	for _, s := range x.entry.Totals.Sources {
		known[s.Source] = s
	}
	for _, s := range x.entry.Totals.Sources {
		if x.off[s.Source] != s.WrittenOff {
			x.figures(key, "source %s: %d rows are written off by decision by the control totals, rejects has %d", s.Source, s.WrittenOff, x.off[s.Source])
		}
		if x.again[s.Source] != s.Recycled {
			x.figures(key, "source %s: %d rows wait again by decision by the control totals, rejects has %d", s.Source, s.Recycled, x.again[s.Source])
		}
	}
	for _, counted := range []map[string]int64{x.off, x.again} {
		for _, source := range sortedKeys(counted) {
			if _, is := known[source]; !is {
				x.figures(key, "rejects has rows of source %q that decisions made, which the control totals do not count", source)
			}
		}
	}
	taken, err := takenBy(ctx, x.p.Output, x.entry.Decisions)
	var damaged *HistoryError
	if errors.As(err, &damaged) {
		return nil // said of the decision itself
	}
	if err != nil {
		return err
	}
	for i, effect := range effectOf(taken) {
		d := &x.entry.Decisions[i]
		if made := effect.revoked + x.acted[d.Number]; made != d.Acted || d.Acted > d.Rows || d.Rows != taken[i].DecidedRows() {
			x.figures(key, "decision %d names %d rows and was true of %d; it names %d, and %d came of it", d.Number, d.Rows, d.Acted, taken[i].DecidedRows(), made)
		}
	}
	for _, number := range sortedKeys(x.acted) {
		if !slices.ContainsFunc(x.entry.Decisions, func(d writers.TakenDecision) bool { return d.Number == number }) {
			x.figures(key, "rejects has rows of decision %d, which the entry did not take", number)
		}
	}
	return nil
}
