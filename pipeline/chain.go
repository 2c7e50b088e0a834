package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// Entry is a published entry of the billing history.
type Entry struct {
	*writers.Run
	Digest string // SHA-256 of run.json, hexadecimal
	Day    calendar.Day
}

// Billed is the last billing day that the history has with the entry. A rerate
// is dated the first day that it has not.
func (e *Entry) Billed() calendar.Day {
	if e.Kind == writers.Rerate {
		return e.Day - 1
	}
	return e.Day
}

// standsAfter is the number of the entry after which an entry stands for all
// before it: of a rerate the one before the days that it folded again. 0 is
// the beginning.
func (e *Entry) standsAfter() int64 {
	ref := e.Predecessor
	if e.Rerate != nil {
		ref = e.Rerate.After
	}
	if ref == nil {
		return 0
	}
	return ref.Entry
}

func runKey(entry int64) string    { return fmt.Sprintf("runs/%08d/run.json", entry) }
func intentKey(entry int64) string { return fmt.Sprintf("runs/%08d/intent.json", entry) }

// Head is the last published entry, or nil where history has not begun.
// Entries are found by key, never by listing: numbers have no gaps, so the
// last one is where doubling and then halving the step ends.
func Head(ctx context.Context, output *blob.Bucket) (*Entry, error) {
	exists := func(n int64) (bool, error) { return output.Exists(ctx, runKey(n)) }
	low, high := int64(0), int64(1) // low is published (0 stands for the beginning)
	for {
		there, err := exists(high)
		if err != nil {
			return nil, fmt.Errorf("looking for %s: %w", runKey(high), err)
		}
		if !there {
			break
		}
		low, high = high, high*2
	}
	for low+1 < high {
		middle := (low + high) / 2
		there, err := exists(middle)
		if err != nil {
			return nil, fmt.Errorf("looking for %s: %w", runKey(middle), err)
		}
		if there {
			low = middle
		} else {
			high = middle
		}
	}
	if low == 0 {
		return nil, nil
	}
	return ReadEntry(ctx, output, low)
}

// ReadEntry reads a published entry.
func ReadEntry(ctx context.Context, output *blob.Bucket, number int64) (*Entry, error) {
	text, err := output.ReadAll(ctx, runKey(number))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", runKey(number), err)
	}
	return entryOf(text, number)
}

func entryOf(text []byte, number int64) (*Entry, error) {
	run, err := writers.DecodeRun(text)
	if err != nil {
		return nil, &HistoryError{runKey(number), err}
	}
	day, err := calendar.Parse(run.BillingDate)
	if err != nil {
		return nil, &HistoryError{runKey(number), fmt.Errorf("billing_date: %w", err)}
	}
	if run.Entry != number {
		return nil, &HistoryError{runKey(number), fmt.Errorf("it is entry %d by its own account", run.Entry)}
	}
	return &Entry{Run: run, Digest: digest(text), Day: day}, nil
}

// entryOfDay is the night that billed a day, at or before the head; billing
// dates never go back along the chain.
func entryOfDay(ctx context.Context, output *blob.Bucket, head *Entry, day calendar.Day) (*Entry, error) {
	low, high := int64(1), head.Entry // the first entry whose date is day or later
	for low < high {
		middle := (low + high) / 2
		e, err := ReadEntry(ctx, output, middle)
		if err != nil {
			return nil, err
		}
		if e.Day < day {
			low = middle + 1
		} else {
			high = middle
		}
	}
	for ; low <= head.Entry; low++ {
		e, err := ReadEntry(ctx, output, low)
		if err != nil {
			return nil, err
		}
		if e.Day != day {
			break
		}
		if e.Kind == writers.Night {
			return e, nil
		}
	}
	return nil, nil
}

// openIntent is the intent of the entry after the head, if one lies there:
// somebody began to publish it and did not finish.
func openIntent(ctx context.Context, output *blob.Bucket, entry int64) (*writers.Intent, error) {
	text, err := output.ReadAll(ctx, intentKey(entry))
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", intentKey(entry), err)
	}
	intent, err := writers.DecodeIntent(text)
	if err != nil {
		return nil, &HistoryError{intentKey(entry), err}
	}
	return intent, nil
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// firstEntryFrom is the number of the first entry of a day or a later one;
// billing dates never go back along the chain. read reads an entry.
func firstEntryFrom(ctx context.Context, read func(context.Context, int64) (*Entry, error), head *Entry, day calendar.Day) (int64, error) {
	low, high := int64(1), head.Entry
	for low < high {
		middle := (low + high) / 2
		e, err := read(ctx, middle)
		if err != nil {
			return 0, err
		}
		if e.Day < day {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}
