package pipeline

import (
	"context"
	"fmt"
	"slices"

	"gocloud.dev/gcerrors"

	"ratemill/rating/calendar"
)

// Proof is what Prove found.
type Proof struct {
	Entries     int64  // of the chain, whose links were all checked
	Proven      int64  // of them, those whose files were read
	First, Last *Entry // of those
	Files       int64  // read, run.json and intent.json included
	Bytes       int64
	Rows        int64    // of the tables
	Breaks      []Break  // sorted by place; none: it is proven
	Notes       []string // what is no break and worth a word
}

// Err is nil where everything is proven, and an *UnprovenError otherwise.
func (p *Proof) Err() error {
	e := &UnprovenError{}
	for _, b := range p.Breaks {
		if b.Kind == Figures {
			e.Figures++
		} else {
			e.Damage++
		}
	}
	if e.Figures+e.Damage == 0 {
		return nil
	}
	return e
}

// Prove reads what is published under the output again and proves it from the
// files alone, without the exports and the catalog: that every file is the one
// that was published, that the entries are one chain, and that the figures add
// up within an entry, from entry to entry and over the whole history. from and
// to narrow it to the entries of these days (calendar.None: no bound); the
// links of the chain are checked all the same.
//
// What does not hold is a Break of the proof; an error says that the proof
// could not be made, as where the store does not answer. Nothing is written,
// but for spilled rows in the settings' TempDir. Memory is bounded by the
// settings, one account's rows of one night, and the list of the output's
// files.
func Prove(ctx context.Context, s *Settings, from, to calendar.Day) (*Proof, error) {
	p := &prover{Settings: s, from: from, to: to, proof: &Proof{}, declared: map[string]bool{}, days: map[int64]calendar.Day{}, decisions: map[int64][]namedDecision{}}
	if err := p.list(ctx); err != nil {
		return nil, err
	}
	if p.head == 0 {
		return nil, &UsageError{What: "there is no billing history under the output", Hint: "check --output: history has a folder runs/ with an entry for each night"}
	}
	p.openHistory()
	defer p.history.close()
	for first := int64(1); first <= p.head; {
		wave, err := p.readWave(ctx, first)
		if err != nil {
			return nil, err
		}
		if err := p.proveWave(ctx, wave); err != nil {
			return nil, err
		}
		first += int64(len(wave))
	}
	if err := p.openEntries(ctx); err != nil {
		return nil, err
	}
	if err := p.proveDecisions(ctx); err != nil {
		return nil, err
	}
	p.undeclared()
	if err := p.history.check(ctx, p); err != nil {
		return nil, err
	}
	slices.SortStableFunc(p.proof.Breaks, func(a, b Break) int { return compareBreaks(a, b) })
	return p.proof, nil
}

// prover is a proof in the making.
type prover struct {
	*Settings
	from, to calendar.Day
	proof    *Proof
	head     int64 // last published entry

	sizes    map[string]int64 // of what lies under the output, but for staging
	declared map[string]bool  // what entries say that they wrote

	before   *proven // the entry before the wave
	others   []int64 // entries of another kind than a night
	unproven bool    // an entry's figures could not be read
	lost     bool    // neither file of an entry says what it wrote
	history  *history
	days     map[int64]calendar.Day // billing dates

	decisions map[int64][]namedDecision // that entries took, by number
}

// inSpan tells whether an entry's files are to be proven.
func (p *prover) inSpan(e *Entry) bool {
	return (p.from == calendar.None || e.Day >= p.from) && (p.to == calendar.None || e.Day <= p.to)
}

func (p *prover) note(format string, args ...any) {
	p.proof.Notes = append(p.proof.Notes, fmt.Sprintf(format, args...))
}

// proveWave proves the entries of a wave at once, and brings what each of them
// found together in their order.
func (p *prover) proveWave(ctx context.Context, wave []*proven) error {
	if err := p.hashFiles(ctx, wave); err != nil {
		return err
	}
	err := each(ctx, p.workers(), len(wave), func(ctx context.Context, worker, i int) error {
		if wave[i].entry == nil || !wave[i].inSpan {
			return nil
		}
		return p.proveEntry(ctx, worker, wave[i])
	})
	if err != nil {
		return err
	}
	for _, e := range wave {
		e.checkTakenUp()
		p.add(e)
	}
	last := wave[len(wave)-1]
	last.release()
	p.before = last
	return nil
}

// add takes over what an entry found.
func (p *prover) add(e *proven) {
	p.proof.Entries++
	p.proof.Breaks = append(p.proof.Breaks, e.all()...)
	if e.before != nil {
		e.before.before = nil // the chain of pointers ends here
	}
	if e.entry == nil {
		p.unproven, p.lost = true, true
		return
	}
	p.days[e.number] = e.entry.Day
	if !e.inSpan {
		return
	}
	if p.proof.Last = e.entry; p.proof.First == nil {
		p.proof.First = e.entry
	}
	p.proof.Proven++
	p.proof.Rows += e.rows
	if e.unread {
		p.unproven = true
		p.note("entry %d: its figures are not proven, for a file of it is damaged", e.entry.Entry)
	}
}

// missing tells whether an error says that there is no such object.
func missing(err error) bool { return gcerrors.Code(err) == gcerrors.NotFound }
