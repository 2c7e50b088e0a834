package pipeline

import (
	"fmt"

	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
)

// Verdict is what a search for rows came to.
type Verdict string

const (
	AddsUp   Verdict = "adds_up" // the rows found are those that were rated, and their quantities add up
	Counted  Verdict = "counted" // the rows found are those that were rated; the figure is no sum of them
	ReadOnly Verdict = "shown"   // what was read that night; no sum is made of it
	Missing  Verdict = "missing" // rows are missing, or do not add up
)

// RowsProof is the usage rows behind what a night rated.
type RowsProof struct {
	Verdict    Verdict         `json:"verdict"`
	Rows       int64           `json:"rows"`
	Quantity   decimal.Decimal `json:"quantity"`
	Files      int             `json:"files"`
	Shown      []ExplainedRow  `json:"shown"`                // the first ones
	Duplicates int64           `json:"duplicates,omitempty"` // rows left out: their event id counts once
	Again      []ExplainedRow  `json:"left_out,omitempty"`   // the first of those
	Problems   []string        `json:"problems,omitempty"`

	inFiles map[string]bool
}

// rowSum is rows and what they add up to.
type rowSum struct {
	rows     int64
	quantity decimal.Decimal
}

func (p *RowsProof) fail(format string, args ...any) {
	p.Verdict = Missing
	p.Problems = append(p.Problems, fmt.Sprintf(format, args...))
}

// add adds a group's rows, to be shown in their order.
func (p *RowsProof) add(g *rowGroup, show int) {
	p.Rows += g.rows
	p.Quantity = p.Quantity.Add(g.quantity())
	if p.inFiles == nil {
		p.inFiles = map[string]bool{}
	}
	for file := range g.inFiles {
		p.inFiles[file] = true
	}
	p.Files = len(p.inFiles)
	for _, row := range g.shown {
		p.Shown = insertRow(p.Shown, row, show, comparePlaces)
	}
	p.Duplicates += g.allAgain
	for _, row := range g.again {
		p.Again = insertRow(p.Again, row, show, comparePlaces)
	}
}

// judge holds what was found against what was rated.
func (p *RowsProof) judge(s *source, t *traced, want, found rowSum) {
	sum := s.meter.Of != catalog.UniqueOf && s.meter.Of != catalog.ActiveOf
	if s.meter.Of == catalog.CountOf {
		found.quantity = decimal.NewFromInt(found.rows)
		p.Quantity = found.quantity
	}
	switch {
	case want.rows != found.rows:
		p.fail("%d of the %d rows that were rated are found%s", found.rows, want.rows, because(t))
	case sum && !want.quantity.Equal(found.quantity):
		p.fail("the rows found add up to %s, rated were %s%s", found.quantity, want.quantity, because(t))
	case p.Verdict == Missing:
	case sum:
		p.Verdict = AddsUp
	default:
		p.Verdict = Counted
	}
}
