package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"gocloud.dev/blob"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/readers"
	"ratemill/writers"
)

// reopened is the status of a reject that a decision has wait again.
const reopened = "reopened"

// decided is what decisions made of the rows that wait, before the night is
// rated: rows that are written off are no part of it any more, so it does not
// matter whether they could be billed by now.
type decided struct {
	rejects              []writers.Reject
	writtenOff, recycled map[int]int64 // rows, by source
	acted                []int64       // rows, by decision of the plan
}

// count adds what decisions did to the control totals of a source. Rating
// counts a row that waits again as taken up, as every row that waited.
func (d *decided) count(source int, st *writers.SourceTotals) {
	st.WrittenOff, st.Recycled = d.writtenOff[source], d.recycled[source]
	st.TakenUp += st.WrittenOff - st.Recycled
}

// takenDecisions are the decisions of the plan, with what came of them.
func (n *night) takenDecisions() (all []writers.TakenDecision) {
	for i, d := range n.plan.decisions {
		all = append(all, writers.TakenDecision{DecisionFile: d.file, Rows: d.DecidedRows(), Acted: n.decided.acted[i]})
	}
	return all
}

// eachWaiting reads what the entry before put aside, as the night's decisions
// have it.
func (n *night) eachWaiting(ctx context.Context, yield func([]writers.Held) error) error {
	if len(n.plan.decisions) == 0 {
		return readTable(ctx, n, writers.HeldTable, yield)
	}
	var all []writers.Held
	err := readTable(ctx, n, writers.HeldTable, func(rows []writers.Held) error {
		all = append(all, rows...)
		return nil
	})
	if err != nil {
		return err
	}
	if all, err = n.decide(ctx, all); err != nil {
		return err
	}
	return yield(all)
}

// decide does what the plan's decisions say, in their order.
func (n *night) decide(ctx context.Context, all []writers.Held) ([]writers.Held, error) {
	d := &n.decided
	*d = decided{writtenOff: map[int]int64{}, recycled: map[int]int64{}, acted: make([]int64, len(n.plan.decisions))}
	off := make([]bool, len(all))
	for i, taken := range effectOf(n.plan.decisions) {
		d.acted[i] = taken.revoked
		var err error
		switch n.plan.decisions[i].Kind {
		case writers.WriteOff:
			err = n.writeOff(i, taken.rows, all, off)
		case writers.Recycle:
			var back []writers.Held
			if back, err = n.bringBack(ctx, i, taken.rows, all); err == nil {
				all, off = append(all, back...), append(off, make([]bool, len(back))...)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.plan.decisions[i].file.Key, err)
		}
	}
	var left []writers.Held
	for i := range all {
		if !off[i] {
			left = append(left, all[i])
		}
	}
	return left, nil
}

// effect is what is left of a decision among those of one night.
type effect struct {
	rows    []writers.DecidedRow // that it acts on
	revoked int64                // rows for which it only takes an earlier one of the night back
}

// effectOf tells what each decision of a night comes to, the others considered:
// a row that names a decision of the same night takes it back, and does nothing
// else.
func effectOf(decisions []*decisionRead) []effect {
	type part struct {
		number int64
		row    writers.DecidedRow
	}
	at := map[int64]bool{}
	gone := map[part]bool{}
	all := make([]effect, len(decisions))
	for i := len(decisions) - 1; i >= 0; i-- {
		at[decisions[i].Number] = true
	}
	for i, d := range decisions {
		for _, r := range d.Rows {
			if at[r.Revokes] {
				gone[part{r.Revokes, plainRow(r)}] = true
				all[i].revoked += r.Rows
			}
		}
	}
	for i, d := range decisions {
		for _, r := range d.Rows {
			if !at[r.Revokes] && !gone[part{d.Number, plainRow(r)}] {
				all[i].rows = append(all[i].rows, r)
			}
		}
	}
	return all
}

// plainRow is what tells a row that is decided on from any other, whatever the
// decision takes back. A rerate may have another night see an event first, or
// read it from another file.
func plainRow(r writers.DecidedRow) writers.DecidedRow {
	r.Revokes = 0
	if r.EventKey != "" {
		r.File, r.Row, r.FirstSeen = "", 0, ""
	}
	return r
}

// writeOff takes rows that wait out of the night.
func (n *night) writeOff(decision int, rows []writers.DecidedRow, all []writers.Held, off []bool) error {
	found, err := matchRows(n.sources, rows, all, off)
	if err != nil {
		return err
	}
	d := n.plan.decisions[decision]
	for _, i := range found {
		h := &all[i]
		source, err := n.sourceOf(h.Source)
		if err != nil {
			return err
		}
		off[i] = true
		n.decided.writtenOff[source] += h.Rows
		n.decided.acted[decision] += h.Rows
		n.decided.rejects = append(n.decided.rejects, decidedReject(h, writtenOff, byDecision(d.Number)+d.Note))
	}
	return nil
}

// writtenOff is the status of a reject that is tried no more.
const writtenOff = "written_off"

func decidedReject(h *writers.Held, status, detail string) writers.Reject {
	return writers.Reject{
		Source: h.Source, File: h.File, Row: h.Row, Rows: h.Rows, AccountID: h.AccountID, Reason: h.Reason, Detail: detail,
		Retryable: status == reopened, FirstSeen: h.FirstSeen, Status: status,
	}
}

// bringBack has rows wait again that earlier nights wrote off by a decision.
func (n *night) bringBack(ctx context.Context, decision int, rows []writers.DecidedRow, all []writers.Held) ([]writers.Held, error) {
	d := n.plan.decisions[decision]
	from := map[int64][]writers.DecidedRow{}
	for _, r := range rows {
		from[r.Revokes] = append(from[r.Revokes], r)
	}
	var back []writers.Held
	for _, number := range sortedKeys(from) {
		former, err := formerRows(ctx, n.Output, n.plan.before, number)
		if err != nil {
			return nil, err
		}
		found, err := matchRows(n.sources, from[number], former.held, former.gone(slices.Concat(all, back), n.day-calendar.Day(n.Catalog.WindowDays)))
		if err != nil {
			return nil, err
		}
		for _, i := range found {
			h := former.held[i]
			source, err := n.sourceOf(h.Source)
			if err != nil {
				return nil, err
			}
			back = append(back, h)
			n.decided.recycled[source] += h.Rows
			n.decided.acted[decision] += h.Rows
			n.decided.rejects = append(n.decided.rejects, decidedReject(&h, reopened, byDecision(d.Number)+d.Note))
		}
	}
	return back, nil
}

// former is what a decision has written off.
type former struct {
	held     []writers.Held // in the order of their table
	back     []bool         // waits again since, or its event id was billed
	refolded int64          // the rerate that folded the night of the decision again; 0: none did
}

// gone are the rows that cannot wait again: those that did already, those of
// which the same event waits now, and those that are past their window, which
// has the days from oldest on.
func (f *former) gone(waiting []writers.Held, oldest calendar.Day) []bool {
	type id struct{ source, key string }
	there := map[id]bool{}
	for i := range waiting {
		there[id{waiting[i].Source, waiting[i].EventKey}] = true
	}
	gone := slices.Clone(f.back)
	for i := range f.held {
		h := &f.held[i]
		if windowFrom(h) < oldest || h.EventKey != "" && there[id{h.Source, h.EventKey}] {
			gone[i] = true
		}
	}
	return gone
}

// rejectPlace tells a row of held from any other, as rejects have it too.
type rejectPlace struct {
	rejectKey
	account   string
	firstSeen int32
}

func placeOfReject(r *writers.Reject) rejectPlace {
	return rejectPlace{keyOfReject(r), r.AccountID, r.FirstSeen}
}

func placeOfHeld(h *writers.Held) rejectPlace {
	return rejectPlace{rejectKey{h.Source, h.File, h.Reason, h.Row}, h.AccountID, h.FirstSeen}
}

// formerRows finds the rows that a decision has written off, whole, as the
// entry before the night that took it has them. Where a rerate has folded that
// night again it finds none: what the fold made of them is not told by row, and
// they could be billed twice.
func formerRows(ctx context.Context, output *blob.Bucket, head *Entry, decision int64) (*former, error) {
	f := &former{}
	var since []*Entry // after the night that took the decision, and that night
	back := map[rejectPlace]bool{}
	for e := head; e != nil && e.DecisionsTaken >= decision; {
		since = append(since, e)
		taken := slices.ContainsFunc(e.Decisions, func(d writers.TakenDecision) bool { return d.Number == decision })
		if taken && e.Rerate != nil {
			f.refolded = e.Entry
			return f, nil
		}
		if e.Predecessor == nil {
			break
		}
		before, err := ReadEntry(ctx, output, e.Predecessor.Entry)
		if err != nil {
			return nil, err
		}
		if taken {
			return f, f.read(ctx, output, decision, e, before, since, back)
		}
		err = readOf(ctx, output, e, writers.RejectsTable, func(rows []writers.Reject) error {
			for i := range rows {
				if rows[i].Status == reopened {
					back[placeOfReject(&rows[i])] = true
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		e = before
	}
	return f, nil
}

// read reads the rows that an entry wrote off by a decision from held of the
// entry before. Another decision of that night may name the same rows.
func (f *former) read(ctx context.Context, output *blob.Bucket, decision int64, e, before *Entry, since []*Entry, back map[rejectPlace]bool) error {
	off := map[rejectPlace]bool{}
	err := readOf(ctx, output, e, writers.RejectsTable, func(rows []writers.Reject) error {
		for i := range rows {
			if rows[i].Status == writtenOff && decisionOf(&rows[i]) == decision {
				off[placeOfReject(&rows[i])] = true
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = readOf(ctx, output, before, writers.HeldTable, func(rows []writers.Held) error {
		for i := range rows {
			if h := &rows[i]; off[placeOfHeld(h)] {
				f.held, f.back = append(f.held, *h), append(f.back, back[placeOfHeld(h)])
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	billed, err := billedSince(ctx, output, since, f.held)
	for i, h := range f.held {
		f.back[i] = f.back[i] || h.EventKey != "" && billed[seenKeyOf(&h)]
	}
	return err
}

// seenKey is an event id as the event_ids table has it.
type seenKey struct {
	source string
	day    calendar.Day
	hi, lo uint64
}

func seenKeyOf(h *writers.Held) seenKey {
	hi, lo, _ := keyBits(h.EventKey) // written by us
	return seenKey{h.Source, calendar.Day(h.ServiceDate), hi, lo}
}

// billedSince are the event ids of rows that entries have billed: of corrected
// rows that came under the same id.
func billedSince(ctx context.Context, output *blob.Bucket, entries []*Entry, rows []writers.Held) (map[seenKey]bool, error) {
	wanted, found := map[seenKey]bool{}, map[seenKey]bool{}
	for i := range rows {
		if rows[i].EventKey != "" {
			wanted[seenKeyOf(&rows[i])] = true
		}
	}
	for _, e := range entries {
		if len(wanted) == 0 {
			break
		}
		if err := eachSeen(ctx, output, e, func(k seenKey, _ uint64) error {
			if wanted[k] {
				found[k] = true
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// eachSeen reads the event ids that an entry registered, column by column, with
// the digests of their rows.
func eachSeen(ctx context.Context, output *blob.Bucket, e *Entry, yield func(k seenKey, digest uint64) error) error {
	file, err := outputOf(e, writers.EventIDsTable.Name)
	if err != nil {
		return err
	}
	export, err := readers.Open(ctx, output, file.Key, file.Size, &seenSchema, calendar.Zone{})
	if err != nil {
		return ofHistory(err)
	}
	defer export.Close()
	for split := range export.Splits() {
		err := export.Read(ctx, split, func(b *readers.Batch) error {
			for row := range b.Len {
				k := seenKey{source: b.Columns[0].Dict.Entries[b.Columns[0].Index[row]], day: calendar.Day(b.Columns[1].Ints[row])}
				k.hi, k.lo = idBits(b.Columns[2].IDs[row])
				if err := yield(k, uint64(b.Columns[3].Ints[row])); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return ofHistory(err)
		}
	}
	return nil
}

// waitKey tells a row that waits from any other. Groups of one key that came on
// different nights are told apart by their night; see matchRows.
type waitKey struct {
	source, account, reason, event, columns string
	day                                     calendar.Day
}

// matchRows finds which of the rows that wait a decision names: their indexes,
// in order. Rows that are out already are passed over.
//
// A row is known by its event id. A group is known by its account, day and
// columns, and by the night that put it aside. A rerate may put rows of several
// nights aside as one group: it is what was decided on if it has no more rows
// than the decision names of that kind. Else it waits on, so that nothing is
// given up that nobody decided on.
func matchRows(sources []source, rows []writers.DecidedRow, all []writers.Held, out []bool) ([]int, error) {
	waiting := map[waitKey][]int{}
	for i := range all {
		if h := &all[i]; !out[i] && rating.Reason(h.Reason).Retryable() {
			columns, err := columnsOf(sources, h.Source, h.EventKey, h.Payload)
			if err != nil {
				return nil, err
			}
			k := waitKey{h.Source, h.AccountID, h.Reason, h.EventKey, columns, calendar.Day(h.ServiceDate)}
			waiting[k] = append(waiting[k], i)
		}
	}
	named := map[waitKey][]writers.DecidedRow{}
	for _, r := range rows {
		day, err := calendar.Parse(r.ServiceDate)
		if err != nil {
			return nil, err
		}
		columns, err := columnsOf(sources, r.Source, r.EventKey, r.Payload)
		if err != nil {
			return nil, err
		}
		k := waitKey{r.Source, r.AccountID, r.Reason, r.EventKey, columns, day}
		named[k] = append(named[k], r)
	}
	var found []int
	for k, rows := range named { // any order: sorted below
		if k.event != "" {
			found = append(found, waiting[k]...)
		} else {
			found = append(found, matchGroups(rows, waiting[k], all)...)
		}
	}
	slices.Sort(found)
	return found, nil
}

// matchGroups finds the groups of one key that are meant.
func matchGroups(rows []writers.DecidedRow, waiting []int, all []writers.Held) (found []int) {
	rows = slices.Clone(rows)
	var others []int
	for _, i := range waiting {
		at := slices.IndexFunc(rows, func(r writers.DecidedRow) bool {
			return r.FirstSeen == calendar.Day(all[i].FirstSeen).String() && all[i].Rows <= r.Rows
		})
		if at < 0 {
			others = append(others, i)
			continue
		}
		found = append(found, i)
		rows = slices.Delete(rows, at, at+1)
	}
	left := int64(0)
	for _, r := range rows {
		left += r.Rows
	}
	for _, i := range others {
		left -= all[i].Rows
	}
	if left >= 0 {
		found = append(found, others...)
	}
	return found
}

// columnsOf are a group's columns but for the quantity; empty for a row.
func columnsOf(sources []source, name, event, payload string) (string, error) {
	if event != "" {
		return "", nil
	}
	var columns map[string]string
	if err := json.Unmarshal([]byte(payload), &columns); err != nil {
		return "", fmt.Errorf("group of source %s: payload: %w", name, err)
	}
	for i := range sources {
		if s := &sources[i]; s.name == name && s.quantity >= 0 {
			delete(columns, s.schema.Fields[s.quantity].Name)
		}
	}
	text, err := json.Marshal(columns)
	return string(text), err
}
