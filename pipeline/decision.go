package pipeline

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"ratemill/writers"
)

// Decisions on rows that wait lie under the output, numbered from 1 without
// gaps: they are found by key, never by listing, and two that are made at once
// stand one after the other. A night takes those that no entry has taken when
// it is planned; its run.json names them as it names inputs. write_off.go does
// what they say, decide.go makes them.

const decisionFolder = "decisions/"

func decisionKey(number int64) string { return fmt.Sprintf("%s%08d.json", decisionFolder, number) }

// numberOfDecision is the number of the decision that lies under a key; 0 where
// the key is none of a decision.
func numberOfDecision(key string) int64 {
	var n int64
	rest, is := strings.CutPrefix(key, decisionFolder)
	if _, err := fmt.Sscanf(rest, "%d", &n); !is || err != nil || n < 1 || key != decisionKey(n) {
		return 0
	}
	return n
}

// decisionRead is a decision with its file as run.json names it.
type decisionRead struct {
	*writers.Decision
	file writers.DecisionFile
}

// readDecision reads a decision; it is nil where there is none of the number.
func readDecision(ctx context.Context, output *blob.Bucket, number int64) (*decisionRead, error) {
	key := decisionKey(number)
	text, err := output.ReadAll(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", key, err)
	}
	d, err := writers.DecodeDecision(text)
	if err == nil && d.Number != number {
		err = fmt.Errorf("it is decision %d by its own account", d.Number)
	}
	if err != nil {
		return nil, &HistoryError{key, err}
	}
	return &decisionRead{d, writers.DecisionFile{Number: number, Kind: d.Kind, Key: key, Size: int64(len(text)), SHA256: digest(text)}}, nil
}

// decisionsAfter are the decisions that stand after a number, in order.
func decisionsAfter(ctx context.Context, output *blob.Bucket, number int64) (all []*decisionRead, err error) {
	for {
		number++
		d, err := readDecision(ctx, output, number)
		if d == nil || err != nil {
			return all, err
		}
		all = append(all, d)
	}
}

// takenBy are the decisions that an entry took, which must be what they were.
func takenBy(ctx context.Context, output *blob.Bucket, taken []writers.TakenDecision) (all []*decisionRead, err error) {
	for i := range taken {
		want := &taken[i].DecisionFile
		d, err := readDecision(ctx, output, want.Number)
		switch {
		case err != nil:
			return nil, err
		case d == nil:
			return nil, &HistoryError{want.Key, errors.New("it is gone")}
		case d.file != *want:
			return nil, &HistoryError{want.Key, fmt.Errorf("it has %d bytes and SHA-256 %.12s…, run.json says %d and %.12s…", d.file.Size, d.file.SHA256, want.Size, want.SHA256)}
		}
		all = append(all, d)
	}
	return all, nil
}

// takeDecisions freezes the decisions that the night takes: those of the
// settings where a night is done again, else those that no entry has taken.
// Before the first entry nothing waits on which there could be one.
func (p *Plan) takeDecisions(ctx context.Context, s *Settings) (err error) {
	switch {
	case p.before == nil:
		return nil
	case s.taken != nil:
		p.decisions, err = takenBy(ctx, s.Output, *s.taken)
	default:
		p.decisions, err = decisionsAfter(ctx, s.Output, p.before.DecisionsTaken)
	}
	for _, d := range p.decisions {
		p.Decisions = append(p.Decisions, d.file)
	}
	return err
}

// decisionsTaken is the number of the last decision that the night or an
// earlier entry took.
func (p *Plan) decisionsTaken() int64 {
	switch {
	case p.before == nil:
		return 0
	case len(p.Decisions) > 0:
		return p.Decisions[len(p.Decisions)-1].Number
	}
	return p.before.DecisionsTaken
}

// putDecision writes a decision under its number. It is false where another
// decision has the number already: neither is lost, this one takes the next.
func putDecision(ctx context.Context, output *blob.Bucket, d *writers.Decision) (mine bool, err error) {
	text, err := d.Encode()
	if err != nil {
		return false, err
	}
	attempt := make([]byte, 24)
	rand.Read(attempt)
	name := hex.EncodeToString(attempt)
	if err := keepsExisting(ctx, output, stagingFolder+name[:32]+"/"+name[32:]+"/probe"); err != nil {
		return false, err
	}
	// Whatever the store answers, what lies there afterwards decides: an answer
	// that was lost may have been a yes.
	createErr := create(ctx, output, decisionKey(d.Number), text)
	there, err := output.ReadAll(ctx, decisionKey(d.Number))
	if err != nil {
		return false, fmt.Errorf("creating %s: %w", decisionKey(d.Number), lookedAfter(createErr, err))
	}
	return string(there) == string(text), nil
}

// proveDecisions proves that the decisions that an entry took are what they
// were.
func proveDecisions(ctx context.Context, s *Settings, e *Entry) error {
	_, err := takenBy(ctx, s.Output, e.Decisions)
	return err
}
