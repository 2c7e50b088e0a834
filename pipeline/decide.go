package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/readers"
	"ratemill/writers"
)

// Choice says which rows a decision is about. What is left empty lets any row
// through.
type Choice struct {
	Reason, Source, Account string
	Before                  calendar.Day // refused first before this night; None: whenever
	IDs                     []string     // as OpenReject has them, or event ids
}

// DecisionRequest is what Decide is asked.
type DecisionRequest struct {
	Output   *blob.Bucket
	Kind     string // writers.WriteOff or writers.Recycle
	Choice   Choice
	By, Note string
	MadeAt   time.Time
	DryRun   bool // record nothing

	Sources []SourceSettings // of quantities
	Lookups []LookupSettings
}

// DecisionResult is what Decide did.
type DecisionResult struct {
	Decision *writers.Decision // nil: there is nothing to decide on
	Key      string            // where it stands; in a dry run where it would
	Head     *Entry            // latest entry
	Stakes   []Stake           // by source and reason
	Accounts int
	Revoked  int64        // rows for which an earlier decision is taken back before a night has taken it
	Left     []OpenReject // of a recycle: rows that are meant and cannot wait again
	Refolded int64        // of a recycle: the last rerate that keeps rows from waiting again; 0: none does
}

// Stake is what a decision puts at stake of a source.
type Stake struct {
	Source, Reason string
	Rows           int64
	Accounts       int
	Column         string          // that counts; empty: rows of the source have none, or nothing is known of it
	Quantity       decimal.Decimal // of the column
}

// NextNight is the night that takes the decision.
func (r *DecisionResult) NextNight() calendar.Day { return r.Head.Billed() + 1 }

// Decide records a decision on rows that wait, or on rows that a decision wrote
// off. It is published once and never changed: two that are made at once stand
// one after the other, the second one on what the first one left.
func Decide(ctx context.Context, q *DecisionRequest) (*DecisionResult, error) {
	sources, err := sourcesOf(q.Sources, q.Lookups)
	if err != nil {
		return nil, err
	}
	for {
		s, err := readStanding(ctx, q.Output, sources)
		if err != nil || s == nil {
			return nil, err
		}
		r, err := s.decide(ctx, q)
		if err != nil || r.Decision == nil || q.DryRun {
			return r, err
		}
		mine, err := putDecision(ctx, q.Output, r.Decision)
		if mine || err != nil {
			return r, err
		}
	}
}

// standing is what decisions can be made on: the rows that wait as of the
// latest entry, and the decisions that no night has taken.
type standing struct {
	output  *blob.Bucket
	sources []source
	head    *Entry
	waiting []writers.Held
	pending []*decisionRead
	named   []writers.DecidedRow                 // by decisions that nights of the window took, where formers were asked for
	on      map[writers.DecidedRow]*decisionRead // the pending decision that holds for a row, by its plainRow
}

// readStanding is nil where nothing is published.
func readStanding(ctx context.Context, output *blob.Bucket, sources []source) (*standing, error) {
	head, err := Head(ctx, output)
	if head == nil || err != nil {
		return nil, err
	}
	s := &standing{output: output, sources: sources, head: head}
	err = readOf(ctx, output, head, writers.HeldTable, func(rows []writers.Held) error {
		for i := range rows {
			if rating.Reason(rows[i].Reason).Retryable() {
				s.waiting = append(s.waiting, rows[i])
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.pending, err = decisionsAfter(ctx, output, head.DecisionsTaken); err != nil {
		return nil, err
	}
	s.on = holding(s.pending, head.DecisionsTaken)
	return s, nil
}

// holding tells which decision holds for a row among those that no night has
// taken.
func holding(pending []*decisionRead, taken int64) map[writers.DecidedRow]*decisionRead {
	on := map[writers.DecidedRow]*decisionRead{}
	for _, d := range pending {
		for _, r := range d.Rows {
			if r.Revokes > taken {
				delete(on, plainRow(r))
			} else {
				on[plainRow(r)] = d
			}
		}
	}
	return on
}

// number is that of the next decision.
func (s *standing) number() int64 { return s.head.DecisionsTaken + int64(len(s.pending)) + 1 }

// decide chooses the rows and makes the decision, but records nothing.
func (s *standing) decide(ctx context.Context, q *DecisionRequest) (*DecisionResult, error) {
	formers, refolded, err := s.formers(ctx, &q.Choice)
	if err != nil {
		return nil, err
	}
	if none := s.unknown(q.Choice.IDs); len(none) > 0 {
		return nil, unknownError(none)
	}
	r := &DecisionResult{Head: s.head, Key: decisionKey(s.number())}
	stake := newStakes(s.sources)
	var rows []writers.DecidedRow
	for _, c := range s.chosen(q, formers) {
		row := rowDecided(c.held)
		row.Revokes = c.revokes
		rows = append(rows, row)
		stake.add(c.held)
		if c.revokes > s.head.DecisionsTaken {
			r.Revoked += c.held.Rows
		}
	}
	r.Stakes, r.Accounts = stake.all(), len(stake.accounts)
	if q.Kind == writers.Recycle {
		r.Refolded = refolded
		if r.Left, err = s.left(ctx, &q.Choice, formers); err != nil {
			return nil, err
		}
	}
	if len(rows) > 0 {
		r.Decision = &writers.Decision{
			Format: writers.DecisionFormat, Number: s.number(), Kind: q.Kind, By: q.By, Note: q.Note, MadeAt: q.MadeAt.UTC().Format(time.RFC3339),
			AsOf: writers.EntryRef{Entry: s.head.Entry, Digest: s.head.Digest}, Rows: rows,
		}
	}
	return r, nil
}

// chosenRow is a row that is decided on.
type chosenRow struct {
	held    *writers.Held
	revokes int64 // the decision that it is taken from; 0: none
}

// chosen are the rows that are meant and that the decision would change: to
// write off is what waits and is not to be written off, and what is to wait
// again; to recycle is the opposite.
func (s *standing) chosen(q *DecisionRequest, formers []formerRow) (all []chosenRow) {
	off := q.Kind == writers.WriteOff
	for i := range s.waiting {
		h := &s.waiting[i]
		d := s.on[plainRow(rowDecided(h))]
		switch {
		case !q.Choice.wants(rowDecided(h)):
		case off && d == nil:
			all = append(all, chosenRow{h, 0})
		case !off && d != nil:
			all = append(all, chosenRow{h, d.Number})
		}
	}
	for i := range formers {
		f := &formers[i]
		d := s.on[plainRow(rowDecided(&f.Held))]
		switch {
		case !q.Choice.wants(rowDecided(&f.Held)):
		case !off && d == nil:
			all = append(all, chosenRow{&f.Held, f.by})
		case off && d != nil:
			all = append(all, chosenRow{&f.Held, d.Number})
		}
	}
	return all
}

// formerRow is a row that a decision wrote off and that could wait again.
type formerRow struct {
	writers.Held
	by int64
}

// formers are the rows that nights of the window wrote off by decision and that
// the next night could have wait again; refolded is the latest rerate that
// folded such a night again, which makes that impossible for rows that are
// meant.
func (s *standing) formers(ctx context.Context, c *Choice) (all []formerRow, refolded int64, err error) {
	oldest := s.head.Billed() + 1 - calendar.Day(s.head.WindowDays)
	known := map[int64]bool{}
	for e := s.head; e.DecisionsTaken > 0 && e.Day >= oldest; {
		for _, d := range e.Decisions {
			if d.Kind != writers.WriteOff || known[d.Number] {
				continue
			}
			known[d.Number] = true
			rows, by, err := s.formersOf(ctx, c, d.DecisionFile, all, oldest)
			if err != nil {
				return nil, 0, err
			}
			all, refolded = append(all, rows...), max(refolded, by)
		}
		if e.Predecessor == nil {
			break
		}
		if e, err = ReadEntry(ctx, s.output, e.Predecessor.Entry); err != nil {
			return nil, 0, err
		}
	}
	return all, refolded, nil
}

// formersOf are those of one decision. An event of which a later decision has a
// row that is meant is left out: it may wait once.
func (s *standing) formersOf(ctx context.Context, c *Choice, file writers.DecisionFile, later []formerRow, oldest calendar.Day) (rows []formerRow, refolded int64, err error) {
	f, err := formerRows(ctx, s.output, s.head, file.Number)
	if err != nil {
		return nil, 0, err
	}
	read, err := takenBy(ctx, s.output, []writers.TakenDecision{{DecisionFile: file}})
	if err != nil {
		return nil, 0, err
	}
	s.named = append(s.named, read[0].Rows...)
	if f.refolded > 0 && slices.ContainsFunc(read[0].Rows, c.wants) {
		return nil, f.refolded, nil
	}
	there := slices.Clone(s.waiting)
	for i := range later {
		if h := &later[i].Held; c.wants(rowDecided(h)) {
			there = append(there, *h)
		}
	}
	found, err := matchRows(s.sources, read[0].Rows, f.held, f.gone(there, oldest))
	for _, i := range found {
		rows = append(rows, formerRow{f.held[i], file.Number})
	}
	return rows, 0, err
}

// unknown are the ids that are those of no row: of none that waits, and of none
// that a decision names, though there may be nothing left to decide on it.
func (s *standing) unknown(ids []string) []string {
	if len(ids) == 0 {
		return nil
	}
	rows := slices.Clone(s.named)
	for i := range s.waiting {
		rows = append(rows, rowDecided(&s.waiting[i]))
	}
	known, keys := map[string]bool{}, map[string]bool{}
	for _, r := range rows {
		known[idOfRow(r)], keys[r.EventKey] = true, true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		key := readers.Key([]byte(id))
		return known[id] || keys[hex.EncodeToString(key[:])]
	})
}

func unknownError(ids []string) error {
	them := "it"
	if len(ids) > 1 {
		them = "them"
	}
	return &UsageError{
		What: fmt.Sprintf("--id %s: no row has %s that waits, or that a decision of the window names; nothing is decided", strings.Join(ids, ", "), them),
		Hint: "ratemill rejects list shows the ids of rows that can be decided on; event ids are written as the export has them",
	}
}

// left are the rows that a recycle means and that cannot wait again, whatever
// is decided: those that were refused for good, and those that waited to the
// end of their window.
func (s *standing) left(ctx context.Context, c *Choice, formers []formerRow) ([]OpenReject, error) {
	if len(c.IDs) > 0 {
		return nil, nil // such rows have none
	}
	all, _, err := OpenRejects(ctx, s.output, calendar.None)
	if err != nil {
		return nil, err
	}
	can := map[rejectPlace]bool{}
	for i := range formers {
		can[placeOfHeld(&formers[i].Held)] = true
	}
	return slices.DeleteFunc(all, func(o OpenReject) bool {
		row := writers.DecidedRow{Source: o.Source, AccountID: o.Account, Reason: o.Reason, FirstSeen: o.FirstSeen.String()}
		return o.State == Waiting || !c.wants(row) || can[o.place()]
	}), nil
}

// wants tells whether a row is meant.
func (c *Choice) wants(r writers.DecidedRow) bool {
	is := func(want, got string) bool { return want == "" || want == got }
	return is(c.Reason, r.Reason) && is(c.Source, r.Source) && is(c.Account, r.AccountID) &&
		(c.Before == calendar.None || r.FirstSeen < c.Before.String()) &&
		(len(c.IDs) == 0 || slices.ContainsFunc(c.IDs, func(id string) bool { return isRow(r, id) }))
}

// isRow tells whether an id is a row's: its own, or its event id as the export
// writes it.
func isRow(r writers.DecidedRow, id string) bool {
	if id == idOfRow(r) {
		return true
	}
	key := readers.Key([]byte(id))
	return r.EventKey != "" && r.EventKey == hex.EncodeToString(key[:])
}

// rowDecided is a row of held as decisions name it.
func rowDecided(h *writers.Held) writers.DecidedRow {
	r := writers.DecidedRow{
		Source: h.Source, AccountID: h.AccountID, Reason: h.Reason, EventKey: h.EventKey, ServiceDate: calendar.Day(h.ServiceDate).String(),
		FirstSeen: calendar.Day(h.FirstSeen).String(), File: h.File, Row: h.Row, Rows: h.Rows,
	}
	if h.EventKey == "" {
		r.Payload = h.Payload
	}
	return r
}

// idOfRow is a short name of a row that waits, the same on every night.
func idOfRow(r writers.DecidedRow) string {
	text := []string{"row", r.Source, r.EventKey}
	if r.EventKey == "" {
		text = []string{"group", r.Source, r.AccountID, r.ServiceDate, r.FirstSeen, r.Payload}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", text))
	return hex.EncodeToString(sum[:6])
}

// stakes adds rows up by source and reason.
type stakes struct {
	sources  []source
	of       map[[2]string]*Stake
	by       map[[2]string]map[string]bool
	accounts map[string]bool
}

func newStakes(sources []source) *stakes {
	return &stakes{sources, map[[2]string]*Stake{}, map[[2]string]map[string]bool{}, map[string]bool{}}
}

func (t *stakes) add(h *writers.Held) {
	at := [2]string{h.Source, h.Reason}
	if t.of[at] == nil {
		t.of[at], t.by[at] = &Stake{Source: h.Source, Reason: h.Reason}, map[string]bool{}
	}
	s := t.of[at]
	s.Rows += h.Rows
	t.by[at][h.AccountID], t.accounts[h.AccountID] = true, true
	s.Accounts = len(t.by[at])
	column := t.column(h.Source)
	var columns map[string]string
	if column == "" || json.Unmarshal([]byte(h.Payload), &columns) != nil {
		return
	}
	if quantity, err := decimal.NewFromString(columns[column]); err == nil {
		s.Column, s.Quantity = column, s.Quantity.Add(quantity)
	}
}

// column is what a source's rows are counted by; empty where they are not.
func (t *stakes) column(name string) string {
	for i := range t.sources {
		if s := &t.sources[i]; s.name == name && s.quantity >= 0 && !s.keyed() {
			return s.schema.Fields[s.quantity].Name
		}
	}
	return ""
}

func (t *stakes) all() (all []Stake) {
	for _, s := range t.of { // any order: sorted below
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Stake) int { return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Reason, b.Reason)) })
	return all
}

// StandingDecision is a decision and what became of it.
type StandingDecision struct {
	*writers.Decision
	Key   string
	Taken *Entry // that took it; nil: none has yet
	Acted int64  // rows that it was true of, if it was taken
}

// Decisions are the decisions that nights of a span took, from a day on, and
// those that none has taken yet, by number.
func Decisions(ctx context.Context, output *blob.Bucket, head *Entry, from calendar.Day) (all []StandingDecision, err error) {
	pending, err := decisionsAfter(ctx, output, head.DecisionsTaken)
	if err != nil {
		return nil, err
	}
	for _, d := range pending {
		all = append(all, StandingDecision{Decision: d.Decision, Key: d.file.Key})
	}
	for e := head; e.DecisionsTaken > 0 && e.Day >= from; {
		if e.Kind == writers.Night {
			read, err := takenBy(ctx, output, e.Decisions)
			if err != nil {
				return nil, err
			}
			for i, d := range read {
				all = append(all, StandingDecision{Decision: d.Decision, Key: d.file.Key, Taken: e, Acted: e.Decisions[i].Acted})
			}
		}
		if e.Predecessor == nil {
			break
		}
		if e, err = ReadEntry(ctx, output, e.Predecessor.Entry); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b StandingDecision) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}

// MarkDecided marks the rejects on which a decision stands that no night has
// taken, and gives those that a decision wrote off their ids.
func MarkDecided(all []OpenReject, decisions []StandingDecision) {
	var pending []*decisionRead
	ids := map[rejectPlace]string{}
	for _, d := range decisions {
		if d.Taken == nil {
			pending = append(pending, &decisionRead{Decision: d.Decision})
		}
		for _, row := range d.Rows {
			ids[placeOfRow(row)] = idOfRow(row)
		}
	}
	waiting, off := map[string]int64{}, map[rejectPlace]int64{} // what waits may have moved in a rerate
	if len(pending) > 0 {
		on := holding(pending, pending[0].Number-1)
		for _, d := range pending {
			for _, row := range d.Rows {
				switch {
				case on[plainRow(row)] != d:
				case d.Kind == writers.WriteOff:
					waiting[idOfRow(row)] = d.Number
				default:
					off[placeOfRow(row)] = d.Number
				}
			}
		}
	}
	for i := range all {
		switch o := &all[i]; o.State {
		case Waiting:
			o.Decision = waiting[o.ID]
		case WrittenOff:
			o.Decision, o.ID = off[o.place()], ids[o.place()]
		}
	}
}

func (o *OpenReject) place() rejectPlace {
	return rejectPlace{rejectKey{o.Source, o.File, o.Reason, o.Row}, o.Account, int32(o.FirstSeen)}
}

func placeOfRow(r writers.DecidedRow) rejectPlace {
	first, _ := calendar.Parse(r.FirstSeen) // it was checked when it was read
	return rejectPlace{rejectKey{r.Source, r.File, r.Reason, r.Row}, r.AccountID, int32(first)}
}
