package pipeline

import (
	"slices"

	"ratemill/rating"
	"ratemill/writers"
)

// tables are the rows of every table that one bucket makes, in their order,
// and the counts of where its rows ended.
type tables struct {
	documents
	rejects []writers.Reject
	parked  []writers.ParkedAccount
	state   []writers.State
	held    []writers.Held

	strangers *ordered // rows that wait, kept as they were spilled; nil: none (strangers.go)
	buffer    []byte

	ids      []takenID        // of rows that rating took one by one
	rejected map[key]struct{} // groups refused for good: their ids stay free
	ends     []rowEnds        // by source
	open     []openItem
}

// openItem is what rerates' notes left to be asked for of an account, before
// the entry and after it.
type openItem struct {
	currency      string
	before, after int64
}

// noteOpen adds an account's open items up.
func (t *tables) noteOpen(before, after *rating.Account) {
	if o := (openItem{after.Currency.Code, unasked(before), unasked(after)}); o.before != 0 || o.after != 0 {
		t.open = append(t.open, o)
	}
}

// unasked is what an account has not been asked for yet.
func unasked(a *rating.Account) int64 {
	sum := int64(0)
	for i := range a.Collections {
		if c := &a.Collections[i]; c.Status == rating.Unasked && c.Attempt == 0 {
			sum += cents(c.Amount)
		}
	}
	return sum
}

// rowEnds is where a source's rows ended in rating: each in exactly one place.
type rowEnds struct {
	takenUp, rated, rejected, putAside int64
	notBillable                        map[rating.Reason]int64
	alarming                           int64 // of rejected and putAside: new, and not a rule's refusal
}

// makeRoom gives the largest tables the room that they will need.
func (t *tables) makeRoom(work []accountWork) {
	groups := 0
	for i := range work {
		groups += work[i].groups
	}
	t.rated = slices.Grow(t.rated, groups)
	t.state = slices.Grow(t.state, len(work))
}

// empty makes the tables of a bucket that was written those of the next one, in
// the same memory.
func (t *tables) empty() {
	t.documents.empty()
	t.rejects, t.parked, t.state, t.held = again(t.rejects), again(t.parked), again(t.state), again(t.held)
	t.ids, t.open, t.strangers = again(t.ids), again(t.open), nil
	clear(t.rejected)
	for i := range t.ends {
		clear(t.ends[i].notBillable)
		t.ends[i] = rowEnds{notBillable: t.ends[i].notBillable}
	}
}

func newTables(sources int) *tables {
	t := &tables{rejected: map[key]struct{}{}, ends: make([]rowEnds, sources)}
	for i := range t.ends {
		t.ends[i].notBillable = map[rating.Reason]int64{}
	}
	return t
}
