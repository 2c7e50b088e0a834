package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

// Publishing takes three steps (DESIGN, Publishing):
//
//  1. All files lie staged, whole and durable: reduce did that.
//  2. intent.json is created if absent: exactly one run wins. It holds the
//     bytes of the run.json to come, so that whoever finishes publishes the
//     same.
//  3. finish puts the files to their final names, run.json last.
//
// Nothing issued is ever replaced, and own objects are found by key alone.

// errStagedGone says that a staged file is gone and not published either.
var errStagedGone = errors.New("a staged file is gone and was not published")

func publish(ctx context.Context, n *night, s *stage, run *writers.Run) (*Result, error) {
	intent, err := n.intentOf(s, run)
	if err != nil {
		return nil, err
	}
	if err := keepsExisting(ctx, n.Output, s.dir+"probe"); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil { // the last moment at which nothing is begun
		return nil, err
	}
	ctx, end := beyond(ctx, n.Grace)
	defer end()
	standing, err := declare(ctx, n.Output, run.Entry, intent)
	if err != nil {
		return nil, &UnfinishedError{run.Entry, err}
	}
	status := Published
	switch {
	case standing.Attempt == intent.Attempt:
	case standing.RunID == intent.RunID: // the same plan: help to finish it
		status = Helped
	default:
		sweep(ctx, n.Settings, intent)
		other, err := writers.DecodeRun([]byte(standing.Run))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", intentKey(run.Entry), err)
		}
		return nil, &LostError{Entry: run.Entry, RunID: intent.RunID, Other: standing.RunID, Again: run.Rerate != nil || other.Rerate != nil}
	}
	entry, err := finish(ctx, n.Settings, run.Entry, standing, intent)
	if errors.Is(err, errStagedGone) {
		return nil, &VanishedError{err}
	}
	if err != nil {
		return nil, &UnfinishedError{run.Entry, err}
	}
	sweep(ctx, n.Settings, intent)
	return &Result{Status: status, Entry: entry}, nil
}

// intentOf is what the night's stage declares to publish.
func (n *night) intentOf(s *stage, run *writers.Run) (*writers.Intent, error) {
	text, err := run.Encode()
	if err != nil {
		return nil, err
	}
	intent := &writers.Intent{Format: writers.IntentFormat, Attempt: s.attempt, RunID: run.RunID, Run: string(text), RunSHA256: digest(text)}
	for _, f := range s.open {
		intent.Files = append(intent.Files, writers.StagedFile{Staged: f.key, Final: f.final, Size: f.size, SHA256: hex.EncodeToString(f.hash.Sum(nil))})
	}
	return intent, nil
}

// keepsExisting proves of a bucket in S3 that it does not replace what it was
// asked to create. There are servers that do, and on such a one two runs would
// both win.
func keepsExisting(ctx context.Context, output *blob.Bucket, key string) error {
	var client *s3.Client
	if !output.As(&client) {
		return nil
	}
	var err error
	for range 2 {
		err = create(ctx, output, key, []byte("a second write of this object must fail\n"))
		if err != nil && gcerrors.Code(err) != gcerrors.FailedPrecondition {
			return fmt.Errorf("creating %s: %w", key, err)
		}
	}
	_ = output.Delete(ctx, key)
	if err == nil {
		return &UsageError{
			What: "the store of the output replaces objects that it is asked to create (it does not know If-None-Match), so two runs could publish one night",
			Hint: "keep the output in a store with conditional writes, see docs/s3.md",
		}
	}
	return nil
}

// declare creates the intent if there is none, and returns the one that
// stands. Whatever the store answers, what lies there afterwards decides: an
// answer that was lost may have been a yes.
func declare(ctx context.Context, output *blob.Bucket, entry int64, intent *writers.Intent) (*writers.Intent, error) {
	text, err := intent.Encode()
	if err != nil {
		return nil, err
	}
	createErr := create(ctx, output, intentKey(entry), text)
	standing, err := openIntent(ctx, output, entry)
	switch {
	case err != nil:
		return nil, errors.Join(createErr, err)
	case standing == nil && createErr == nil:
		return nil, fmt.Errorf("%s was written and is not there", intentKey(entry))
	case standing == nil:
		return nil, fmt.Errorf("creating %s: %w", intentKey(entry), createErr)
	}
	return standing, nil
}

// create writes a small object whole, if there is none of its name.
func create(ctx context.Context, bucket *blob.Bucket, key string, text []byte) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // an unfinished write is thrown away, not published
	w, err := bucket.NewWriter(ctx, key, &blob.WriterOptions{IfNotExist: true, ContentType: "application/json"})
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		cancel()
		return firstOf(err, w.Close())
	}
	return w.Close()
}

// finish publishes what an intent declares. It may be called any number of
// times, by any number of runs at once. Where a staged file is gone, the same
// file of another stage of the same plan may stand in.
func finish(ctx context.Context, s *Settings, entry int64, intent, other *writers.Intent) (*Entry, error) {
	output := s.Output
	put := func(ctx context.Context, i int) error {
		f := intent.Files[i]
		from := []string{f.Staged}
		if other != nil && i < len(other.Files) && other.Files[i].Final == f.Final && other.Files[i].SHA256 == f.SHA256 {
			from = append(from, other.Files[i].Staged)
		}
		if err := putFinal(ctx, output, f, from); err != nil {
			return fmt.Errorf("publishing %s: %w", f.Final, err)
		}
		s.watcher().Advances(1, 1)
		return nil
	}
	// The tables in any order, then the charge files: no charge is to be seen
	// before its invoice.
	tables := slices.IndexFunc(intent.Files, func(f writers.StagedFile) bool { return strings.HasPrefix(f.Final, chargeFolder) })
	if tables < 0 {
		tables = len(intent.Files)
	}
	for _, span := range [][2]int{{0, tables}, {tables, len(intent.Files)}} {
		err := each(ctx, s.requests(), span[1]-span[0], func(ctx context.Context, _, i int) error { return put(ctx, span[0]+i) })
		if err != nil {
			return nil, err
		}
	}
	text := []byte(intent.Run)
	createErr := create(ctx, output, runKey(entry), text)
	there, err := output.ReadAll(ctx, runKey(entry))
	switch {
	case err != nil:
		return nil, fmt.Errorf("publishing %s: %w", runKey(entry), lookedAfter(createErr, err))
	case !bytes.Equal(there, text):
		return nil, fmt.Errorf("%s is not what its intent declares", runKey(entry))
	}
	return entryOf(there, entry)
}

// putFinal puts one file to its final name, if it is not there yet. A file that
// is there is read and compared, never replaced.
func putFinal(ctx context.Context, output *blob.Bucket, f writers.StagedFile, from []string) error {
	var copyErr error
	for _, staged := range from {
		if copyErr = copyNew(ctx, output, f.Final, staged); copyErr == nil {
			return nil
		}
	}
	is, size, err := sha256Of(ctx, output, f.Final)
	switch {
	case gcerrors.Code(err) == gcerrors.NotFound && gcerrors.Code(copyErr) == gcerrors.NotFound:
		return errStagedGone
	case err != nil:
		return lookedAfter(copyErr, err)
	case is != f.SHA256 || size != f.Size:
		return fmt.Errorf("there is another file of that name (sha256 %.12s, %d bytes; declared are %.12s, %d)", is, size, f.SHA256, f.Size)
	}
	return nil
}

// copyNew copies an object, and fails if there is one of the new name already
// on stores that can tell; putFinal compares on those that cannot.
func copyNew(ctx context.Context, bucket *blob.Bucket, final, staged string) error {
	if there, err := bucket.Exists(ctx, final); err != nil || there {
		return errors.Join(err, errExists)
	}
	err := bucket.Copy(ctx, final, staged, &blob.CopyOptions{BeforeCopy: func(as func(any) bool) error {
		var disk *store.CopyOptions
		var object *s3.CopyObjectInput
		switch {
		case as(&disk):
			disk.IfNotExist = true
		case as(&object):
			object.IfNoneMatch = aws.String("*")
		}
		return nil
	}})
	var answer smithy.APIError
	if errors.As(err, &answer) && answer.ErrorCode() == "NotImplemented" {
		// A server without conditional copies. Whoever else copies here copies
		// the same bytes: the intent says which.
		return bucket.Copy(ctx, final, staged, nil)
	}
	return err
}

var errExists = errors.New("the file is there already")

func sha256Of(ctx context.Context, bucket *blob.Bucket, key string) (sum string, size int64, err error) {
	r, err := bucket.NewReader(ctx, key, nil)
	if err != nil {
		return "", 0, err
	}
	defer r.Close()
	h := sha256.New()
	if size, err = readInto(h, r); errors.Is(err, store.ErrChecksum) {
		// S3 itself finds it damaged. As it lies there, our checksum tells.
		lies, failed := bucket.NewRangeReader(ctx, key, 0, r.Size(), nil)
		if failed != nil {
			return "", 0, failed
		}
		defer lies.Close()
		h.Reset()
		size, err = readInto(h, lies)
	}
	if err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// readInto is io.Copy for objects of any size: by the reader's own WriteTo
// even the smallest costs a mebibyte.
func readInto(w io.Writer, r *blob.Reader) (int64, error) {
	buffer := make([]byte, max(1, min(r.Size(), 1<<18)))
	return io.CopyBuffer(w, struct{ io.Reader }{r}, buffer)
}

// sweep removes a run's own staged files, once they are published or lost. A
// failure leaves waste behind, nothing else.
func sweep(ctx context.Context, s *Settings, intent *writers.Intent) {
	_ = each(ctx, s.requests(), len(intent.Files), func(ctx context.Context, _, i int) error {
		_ = s.Output.Delete(ctx, intent.Files[i].Staged)
		return nil
	})
}

// finishOpen finishes the entry after the head, if somebody began to publish
// it and did not finish. It is nil if nobody did.
func finishOpen(ctx context.Context, s *Settings, head *Entry) (*Entry, error) {
	number := int64(1)
	if head != nil {
		number = head.Entry + 1
	}
	intent, err := openIntent(ctx, s.Output, number)
	if err != nil || intent == nil {
		return nil, err
	}
	s.Log.Warn("finishing an entry that an earlier run began to publish", "entry", number, "run", intent.RunID)
	longer, end := beyond(ctx, s.Grace)
	defer end()
	entry, err := finish(longer, s, number, intent, nil)
	if errors.Is(err, errStagedGone) {
		entry, err = remake(ctx, s, head, intent, err)
	}
	if err != nil {
		return nil, &UnfinishedError{number, err}
	}
	sweep(longer, s, intent)
	return entry, nil
}

// remake makes the staged files of an intent again, from the plan that it was
// made from, where some are gone. They stand in only if they have the digests
// that the intent declares; else the entry cannot be finished, and gone says
// which file is missing.
func remake(ctx context.Context, s *Settings, head *Entry, intent *writers.Intent, gone error) (*Entry, error) {
	declared, err := writers.DecodeRun([]byte(intent.Run))
	if err != nil {
		return nil, errors.Join(gone, err)
	}
	if declared.Rerate != nil {
		return remakeRerate(ctx, s, head, intent, declared, gone)
	}
	again := *s
	again.First, again.taken = head == nil, &declared.Decisions
	if again.Day, err = calendar.Parse(declared.BillingDate); err != nil {
		return nil, errors.Join(gone, err)
	}
	plan, err := planAfter(ctx, &again, head, nil)
	if err != nil {
		return nil, errors.Join(gone, err)
	}
	if plan.RunID() != intent.RunID {
		return nil, fmt.Errorf("%w; it cannot be made again, for the inputs, the catalog or the program are others now", gone)
	}
	n, err := newNight(ctx, &again, plan)
	if err != nil {
		return nil, errors.Join(gone, err)
	}
	defer n.close()
	stage, err := n.rate(ctx)
	if err != nil {
		return nil, errors.Join(gone, err)
	}
	run, err := n.runJSON(stage)
	if err != nil {
		return nil, errors.Join(gone, err)
	}
	mine, err := n.intentOf(stage, run)
	if err != nil {
		return nil, errors.Join(gone, err)
	}
	defer sweep(ctx, s, mine)
	return finish(ctx, s, declared.Entry, intent, mine)
}
