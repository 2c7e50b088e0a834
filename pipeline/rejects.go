package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gocloud.dev/blob"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

// States of a reject.
const (
	Waiting    = "waiting"     // kept whole, and tried again every night
	Refused    = "refused"     // for good: only a corrected row can be billed
	WrittenOff = "written_off" // waited until its window ended, or until a decision
)

// CanWait tells whether rows wait that are refused for a reason.
func CanWait(reason string) bool { return rating.Reason(reason).Retryable() }

// OpenReject is a row, or a group of rows, that is not billed.
type OpenReject struct {
	State, Reason, Source, Account string
	File                           string // of the row, or of the first of a group
	Row, Rows                      int64
	FirstSeen                      calendar.Day // night that refused it first
	Until                          calendar.Day // last night that tries it; None: none does
	Detail                         string
	ID                             string // of a row that waits, or that a decision wrote off; empty: of no other is there one
	Decision                       int64  // on it, that no night has taken yet; 0: none
}

// OpenRejects are the rows that are not billed as of the latest entry: those
// that wait now, and those that nights from a day on refused for good or wrote
// off (None: within the window of the latest night, since a corrected row of an
// older one would be refused as too old). They come by state, reason, source,
// file and row; with them comes the latest entry, nil where there is none.
func OpenRejects(ctx context.Context, output *blob.Bucket, from calendar.Day) ([]OpenReject, *Entry, error) {
	head, err := Head(ctx, output)
	if head == nil || err != nil {
		return nil, nil, err
	}
	if from == calendar.None {
		from = head.Day - calendar.Day(head.WindowDays)
	}
	var all []OpenReject
	details := map[rejectKey]string{} // of what waits, as it was said when it came
	again := map[rejectPlace]bool{}   // written off, and waiting again since
	for e := head; ; {
		err := readOf(ctx, output, e, writers.RejectsTable, func(rows []writers.Reject) error {
			for i := range rows {
				r := &rows[i]
				switch place := placeOfReject(r); {
				case r.Status == reopened:
					again[place] = true
				case r.Status == writtenOff && again[place]:
					delete(again, place)
				case r.Status == "open" && r.Retryable:
					details[keyOfReject(r)] = r.Detail
				case r.Status != "recycled" && e.Day >= from:
					all = append(all, refusedRow(r))
				}
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		if e.Entry == 1 || e.Day <= head.Day-calendar.Day(head.WindowDays) && e.Day <= from {
			break
		}
		if e, err = ReadEntry(ctx, output, e.Entry-1); err != nil {
			return nil, nil, err
		}
	}
	err = readOf(ctx, output, head, writers.HeldTable, func(rows []writers.Held) error {
		for i := range rows {
			if h := &rows[i]; rating.Reason(h.Reason).Retryable() {
				all = append(all, waitingRow(h, head, details))
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b OpenReject) int {
		return cmp.Or(cmp.Compare(b.State, a.State), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Source, b.Source), cmp.Compare(a.File, b.File), cmp.Compare(a.Row, b.Row))
	})
	return all, head, err
}

// rejectKey is what tells a reject from any other.
type rejectKey struct {
	source, file, reason string
	row                  int64
}

func keyOfReject(r *writers.Reject) rejectKey { return rejectKey{r.Source, r.File, r.Reason, r.Row} }

func refusedRow(r *writers.Reject) OpenReject {
	o := OpenReject{
		State: Refused, Reason: r.Reason, Source: r.Source, Account: r.AccountID, File: r.File, Row: r.Row, Rows: r.Rows,
		FirstSeen: calendar.Day(r.FirstSeen), Detail: r.Detail,
	}
	if r.Status == writtenOff {
		o.State = WrittenOff
	}
	return o
}

// waitingRow is a row of the held table. It is tried up to the night on which
// its window ends, which settleRefused counts in the same way.
func waitingRow(h *writers.Held, head *Entry, details map[rejectKey]string) OpenReject {
	return OpenReject{
		State: Waiting, Reason: h.Reason, Source: h.Source, Account: h.AccountID, File: h.File, Row: h.Row, Rows: h.Rows,
		FirstSeen: calendar.Day(h.FirstSeen), Until: windowFrom(h) + calendar.Day(head.WindowDays), Detail: details[rejectKey{h.Source, h.File, h.Reason, h.Row}],
		ID: idOfRow(rowDecided(h)),
	}
}

// windowFrom is the day from which the window of a row that waits is counted.
func windowFrom(h *writers.Held) calendar.Day {
	if h.Source == accountsName {
		return calendar.Day(h.FirstSeen)
	}
	return calendar.Day(h.ServiceDate)
}

// readOf reads a table of an entry.
func readOf[T any](ctx context.Context, output *blob.Bucket, e *Entry, spec writers.Spec, yield func([]T) error) error {
	file, err := outputOf(e, spec.Name)
	if err != nil {
		return err
	}
	if err := writers.Rows(&object{ctx: ctx, bucket: output, key: file.Key, size: file.Size}, file.Size, yield); err != nil {
		return fmt.Errorf("%s: %w", file.Key, err)
	}
	return nil
}
