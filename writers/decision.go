package writers

import (
	"fmt"
	"time"
)

// DecisionFormat is that of decisions/<number>.json. A program reads no other.
const DecisionFormat = 1

// Kinds of a decision.
const (
	WriteOff = "write-off" // rows that wait are given up
	Recycle  = "recycle"   // rows that a decision gave up wait again
)

// Decision is decisions/<number>.json: what somebody has decided on rows that
// wait. It is written once, never changed, and an input of the night that takes
// it. Dates are YYYY-MM-DD.
type Decision struct {
	Format int          `json:"format"`
	Number int64        `json:"number"` // from 1, without gaps: the order in which decisions hold
	Kind   string       `json:"kind"`   // WriteOff or Recycle
	By     string       `json:"by"`     // who decided; empty: not said
	Note   string       `json:"note"`   // why
	MadeAt string       `json:"made_at"`
	AsOf   EntryRef     `json:"as_of"` // the latest entry then
	Rows   []DecidedRow `json:"rows"`
}

// DecidedRow is a row of held that a decision is about, or a group of rows.
type DecidedRow struct {
	Source      string `json:"source"`
	AccountID   string `json:"account_id"`
	Reason      string `json:"reason"`            // why it waits
	EventKey    string `json:"event_key"`         // as in held; empty for a group
	Payload     string `json:"payload,omitempty"` // of a group, as in held
	ServiceDate string `json:"service_date"`
	FirstSeen   string `json:"first_seen"`
	File        string `json:"file"`
	Row         int64  `json:"row"`
	Rows        int64  `json:"rows"` // that it stands for

	Revokes int64 `json:"revokes,omitempty"` // number of the decision that this row is taken from
}

// DecisionFile is a decision as an entry has read it.
type DecisionFile struct {
	Number int64  `json:"number"`
	Kind   string `json:"kind"`
	Key    string `json:"key"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// TakenDecision is a decision that an entry has taken, and what came of it.
type TakenDecision struct {
	DecisionFile
	Rows  int64 `json:"rows"`  // that it names
	Acted int64 `json:"acted"` // of them, those that it was true of; others had healed or ended before, or a later decision revoked it
}

// Encode is the decision's file. Rows keep their order.
func (d Decision) Encode() ([]byte, error) {
	d.Rows = append([]DecidedRow{}, d.Rows...)
	return encodeJSON(d)
}

// DecodeDecision reads a decision strictly: it takes only bytes that Encode
// makes.
func DecodeDecision(text []byte) (*Decision, error) {
	const name = "decision"
	d := &Decision{}
	if err := decodeJSON(text, name, DecisionFormat, d); err != nil {
		return nil, err
	}
	again, err := d.Encode()
	if err := sameText(name, text, again, err); err != nil {
		return nil, err
	}
	return d, d.check()
}

// check finds what no program writes.
func (d *Decision) check() error {
	if d.Kind != WriteOff && d.Kind != Recycle {
		return fmt.Errorf("decision: kind %q, want %s or %s", d.Kind, WriteOff, Recycle)
	}
	if _, err := time.Parse(time.RFC3339, d.MadeAt); err != nil {
		return fmt.Errorf("decision: made_at: %w", err)
	}
	for i := range d.Rows {
		r := &d.Rows[i]
		for _, date := range []string{r.ServiceDate, r.FirstSeen} {
			if _, err := time.Parse(time.DateOnly, date); err != nil {
				return fmt.Errorf("decision: row %d: %w", i+1, err)
			}
		}
		switch {
		case r.Rows < 1:
			return fmt.Errorf("decision: row %d stands for %d rows", i+1, r.Rows)
		case r.Revokes >= d.Number:
			return fmt.Errorf("decision: row %d revokes decision %d, which is not earlier than %d", i+1, r.Revokes, d.Number)
		case d.Kind == Recycle && r.Revokes < 1:
			return fmt.Errorf("decision: row %d is recycled from no decision", i+1)
		}
	}
	return nil
}

// DecidedRows are the rows of exports that the decision names.
func (d *Decision) DecidedRows() (sum int64) {
	for i := range d.Rows {
		sum += d.Rows[i].Rows
	}
	return sum
}
