package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gocloud.dev/gcerrors"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// Backfill bills the nights of a span of days, one after the other. Nights that
// are published are proven to be whole and are left as they are, so a backfill
// that stopped goes on where it was.
//
// What a night reads of its exports depends on nothing that the night before
// makes: which accounts there are is asked when all is read. So the exports of
// the nights to come can be read ahead (scan.go), while the state goes from
// night to night.
type Backfill struct {
	settings *Settings
	scans    *scans
}

// NightsAhead is how many nights a parallel scan is ahead of the one that is
// billed. Each takes its share of the memory.
const NightsAhead = 2

// NewBackfill begins a backfill of the days from the settings' day to the last
// one. With ahead above 0 the exports of so many nights are read ahead. Close
// must be called.
func NewBackfill(ctx context.Context, s *Settings, last calendar.Day, ahead int) (*Backfill, error) {
	own := *s
	own.proven = map[int64]*Entry{}
	b := &Backfill{settings: &own}
	if ahead < 1 {
		return b, nil
	}
	head, err := Head(ctx, s.Output)
	if err != nil {
		return nil, err
	}
	first, begin := s.Day, s.Day // history, and the nights to bill
	if head != nil {
		if first, err = calendar.Parse(head.FirstNight); err != nil {
			return nil, err
		}
		begin = max(begin, head.Billed()+1)
	}
	if own.Memory == 0 {
		own.Memory = defaultMemory
	}
	own.Memory /= int64(ahead + 1)
	// The first night to be billed is at work at once: there is nothing to be
	// ahead of.
	b.scans = scanAhead(ctx, &own, first, begin+1, last, ahead)
	return b, nil
}

// Close ends what is being read ahead.
func (b *Backfill) Close() {
	if b.scans != nil {
		b.scans.stop()
	}
}

// Night bills one night, the first one or the one after the night before.
func (b *Backfill) Night(ctx context.Context, day calendar.Day) (*Result, error) {
	s := *b.settings
	s.First = s.First && day == s.Day
	s.Day = day
	if b.scans != nil {
		s.scan = b.scans.of(day)
	}
	defer s.scan.drop()
	r, err := Run(ctx, &s)
	if err != nil || r.Status != Already {
		return r, err
	}
	if err := provePublished(ctx, &s, r.Entry); err != nil {
		return nil, err
	}
	r.Verified = true
	return r, nil
}

// provePublished proves that the files of a published entry, and the decisions
// that it took, are there, whole and as they were published.
func provePublished(ctx context.Context, s *Settings, e *Entry) error {
	if err := proveDecisions(ctx, s, e); err != nil {
		return err
	}
	return each(ctx, s.requests(), len(e.Outputs), func(ctx context.Context, _, i int) error {
		o := &e.Outputs[i]
		sum, size, err := sha256Of(ctx, s.Output, o.Key)
		switch {
		case gcerrors.Code(err) == gcerrors.NotFound:
			return &HistoryError{o.Key, errors.New("it is gone")}
		case err != nil:
			return fmt.Errorf("reading %s: %w", o.Key, err)
		case size != o.Size || sum != o.SHA256:
			return &HistoryError{o.Key, fmt.Errorf("it has %d bytes and SHA-256 %.12s…, run.json says %d and %.12s…", size, sum, o.Size, o.SHA256)}
		}
		return nil
	})
}

// readBy is what an entry read. A backfill asks for all later entries again for
// every night that is published, and keeps what it asks for.
func (s *Settings) readBy(ctx context.Context, entry int64) (*Entry, error) {
	if e, known := s.proven[entry]; known {
		return e, nil
	}
	e, err := ReadEntry(ctx, s.Output, entry)
	if err != nil || s.proven == nil {
		return e, err
	}
	kept := &Entry{&writers.Run{Entry: e.Entry, Inputs: e.Inputs, Manifests: e.Manifests, Rerate: e.Rerate}, e.Digest, e.Day}
	s.proven[entry] = kept
	return kept, nil
}

// sameReading tells whether two plans read the same in the same way.
func (p *Plan) sameReading(o *Plan) bool {
	return p.BillingDate == o.BillingDate && p.FirstNight == o.FirstNight && p.WindowDays == o.WindowDays && p.Sources == o.Sources &&
		slices.Equal(p.Inputs, o.Inputs) && slices.Equal(p.Lookups, o.Lookups) && maps.Equal(p.pins, o.pins)
}
