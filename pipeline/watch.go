package pipeline

import (
	"cmp"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// Phase is a step of a night, as doc.go tells them.
type Phase string

const (
	Planning   Phase = "plan"
	Mapping    Phase = "map"     // counts rows of exports
	Folding    Phase = "fold"    // counts rows that have an event id to compete for
	Reducing   Phase = "reduce"  // counts accounts
	Comparing  Phase = "compare" // of a rerate alone; counts accounts
	Committing Phase = "commit"  // counts files
)

// Step is a phase of a night.
type Step struct {
	Night calendar.Day
	Phase Phase
	RunID string // empty until there is a plan
	Parts int64  // of the work, alike in size as far as can be known before; 0: not known
}

// Watcher is told how far a night is, to show it or to take the time: the job
// itself reads no clock. Phases begin and end one after the other. Advances is
// called by all workers at once, some times a file; it must be quick.
type Watcher interface {
	Begins(Step)
	Advances(parts, things int64)
	Ends(Step, error)
}

// nobody watches where nobody wants to.
type nobody struct{}

func (nobody) Begins(Step)           {}
func (nobody) Advances(int64, int64) {}
func (nobody) Ends(Step, error)      {}

func (s *Settings) watcher() Watcher {
	if s.Watch == nil {
		return nobody{}
	}
	return s.Watch
}

// during is a phase of a planned night.
func (n *night) during(p Phase, parts int64, do func() error) error {
	step := Step{Night: n.day, Phase: p, RunID: n.plan.RunID(), Parts: parts}
	n.watcher().Begins(step)
	err := do()
	n.watcher().Ends(step, err)
	return err
}

// planning is the phase that makes a plan.
func (s *Settings) planning(make func() (*Plan, error)) (*Plan, error) {
	step := Step{Night: s.Day, Phase: Planning}
	s.watcher().Begins(step)
	plan, err := make()
	if err == nil {
		step.RunID = plan.RunID()
	}
	s.watcher().Ends(step, err)
	return plan, err
}

// bytes is the size of all inputs: what map has to do.
func (n *night) bytes() int64 {
	sum := int64(0)
	for i := range n.files {
		sum += n.files[i].Size
	}
	return sum
}

// rowsRead is how many rows the inputs have.
func (n *night) rowsRead() int64 {
	sum := int64(0)
	for _, m := range n.mapped {
		for i := range m.files {
			sum += m.files[i].read
		}
	}
	return sum
}

// partOf is a split's share of its file's bytes.
func partOf(f *input, split, splits int) int64 {
	return f.Size*int64(split+1)/int64(splits) - f.Size*int64(split)/int64(splits)
}

// Measures are sums of a night, or a rerate, that this run rated, beyond the control totals.
// They are for those who watch, and no part of what is published.
type Measures struct {
	Lines   []LineSum   // by kind and currency
	Rejects []RejectSum // by reason and status
}

// LineSum is what all invoice lines of a kind add up to, in the major unit.
type LineSum struct {
	Kind, Currency string
	Amount         decimal.Decimal
}

// RejectSum is how many rows table rejects has for a reason.
type RejectSum struct {
	Reason, Status string
	Rows           int64
}

// measures are the sums of what is staged.
func (l *ledger) measures() *Measures {
	m := &Measures{}
	for key, amount := range l.kinds {
		m.Lines = append(m.Lines, LineSum{key[0], key[1], amount})
	}
	slices.SortFunc(m.Lines, func(a, b LineSum) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Currency, b.Currency))
	})
	for key, rows := range l.reasons {
		m.Rejects = append(m.Rejects, RejectSum{key[0], key[1], rows})
	}
	slices.SortFunc(m.Rejects, func(a, b RejectSum) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Status, b.Status))
	})
	return m
}

// measures are the sums of a rerate's notes, and of the rows that its table
// rejects has.
func (e *rerateEntry) measures(notes []RerateNote) *Measures {
	l := ledger{kinds: map[[2]string]decimal.Decimal{}, reasons: map[[2]string]int64{}}
	for i := range notes {
		l.addKinds(notes[i].Of)
	}
	l.addReasons(e.rejects)
	return l.measures()
}

// addKinds adds lines up by kind and currency, which those of an account mostly
// have in common.
func (l *ledger) addKinds(lines []writers.InvoiceLine) {
	for len(lines) > 0 {
		kind, currency, alike := lines[0].Kind, lines[0].Currency, 0
		sum := l.kinds[[2]string{kind, currency}]
		for ; alike < len(lines) && lines[alike].Kind == kind && lines[alike].Currency == currency; alike++ {
			sum = sum.Add(writers.FromMoney(lines[alike].Amount))
		}
		l.kinds[[2]string{kind, currency}] = sum
		lines = lines[alike:]
	}
}

// addReasons adds the rows of table rejects up by reason and status.
func (l *ledger) addReasons(rejects []writers.Reject) {
	for i := range rejects {
		l.reasons[[2]string{rejects[i].Reason, rejects[i].Status}] += rejects[i].Rows
	}
}
