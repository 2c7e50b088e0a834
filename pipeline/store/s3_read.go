package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
)

// errChanged is the error of a read under Unchanged.
var errChanged = errors.New("the object is not the one that was listed: it was changed")

type unchangedKey struct{}

// version is an object as it was when somebody looked at it.
type version struct {
	etag string // empty where the store keeps none, such as memory
	size int64
}

// Unchanged is a context for reading one object: a read fails with
// gcerrors.FailedPrecondition unless the object still has this ETag.
func Unchanged(ctx context.Context, etag string, size int64) context.Context {
	return context.WithValue(ctx, unchangedKey{}, version{etag, size})
}

func unchanged(ctx context.Context) version {
	v, _ := ctx.Value(unchangedKey{}).(version)
	return v
}

type resumingKey struct{}

// get reads an object, or a range of it. A body that breaks off is taken up
// again where it did, of the same object.
func (g *guard) get(ctx context.Context, in *s3.GetObjectInput, do doFunc) (middleware.InitializeOutput, middleware.Metadata, error) {
	if ctx.Value(resumingKey{}) != nil {
		return do(ctx)
	}
	known := unchanged(ctx)
	if known.etag != "" && in.IfMatch == nil {
		in.IfMatch = &known.etag
	}
	if in.Range == nil {
		in.ChecksumMode = types.ChecksumModeEnabled
	}
	out, metadata, err := do(ctx)
	if statusOf(err) == http.StatusPreconditionFailed {
		err = fmt.Errorf("%w: %w", errChanged, err)
	}
	if err != nil {
		return out, metadata, err
	}
	answer := out.Result.(*s3.GetObjectOutput)
	body := &body{ctx: ctx, guard: g, in: in, etag: answer.ETag, from: answer.Body, end: -1}
	if err := body.place(answer); err != nil {
		return out, metadata, errors.Join(err, answer.Body.Close())
	}
	if in.Range == nil && known.etag != "" && aws.ToString(answer.ETag) == known.etag {
		body.end = known.size // whatever the answer says of its length
	}
	answer.Body = body
	return out, metadata, nil
}

// body is what is read of an object, over as many answers as it takes.
type body struct {
	ctx   context.Context
	guard *guard
	in    *s3.GetObjectInput
	etag  *string
	from  io.ReadCloser
	at    int64 // in the object, of the next byte
	end   int64 // behind the last byte; -1: unknown

	broken  time.Time // when it first broke off
	resumed int64     // where it was taken up last
	tries   int
}

// place finds out which bytes an answer holds, and that they were asked for.
func (b *body) place(answer *s3.GetObjectOutput) error {
	said := aws.ToString(answer.ContentRange)
	if b.in.Range == nil {
		if answer.ContentLength != nil {
			b.end = *answer.ContentLength
		}
		return nil
	}
	asked, size := strings.TrimPrefix(*b.in.Range, "bytes="), int64(0)
	var last int64
	if n, err := fmt.Sscanf(said, "bytes %d-%d/%d", &b.at, &last, &size); n != 3 || err != nil {
		return fmt.Errorf("asked for bytes %s, the server answers with %q: it does not know ranges", asked, said)
	}
	b.end = last + 1
	first, until := int64(0), size-1
	_, _ = fmt.Sscanf(asked, "%d-%d", &first, &until) // "5-" has one number
	if b.at != first || last != min(until, size-1) {
		return fmt.Errorf("asked for bytes %s, the server answers with %q", asked, said)
	}
	return nil
}

// ErrChecksum says that an object that was read whole is not what the checksum
// says that S3 keeps of it. Ranges of an object have no checksum.
var ErrChecksum = errors.New("what came is not the object")

func (b *body) Read(p []byte) (int, error) {
	for {
		n, err := b.from.Read(p)
		b.at += int64(n)
		if n > 0 && err != nil && b.at != b.end {
			return n, nil // the next read meets the error again
		}
		switch {
		case err == nil, err == io.EOF && (b.at == b.end || b.end < 0), b.ctx.Err() != nil:
			return n, err
		case b.at == b.end || b.end < 0:
			// All has come, and is not what its checksum says; or there is no
			// telling where to go on.
			return n, &temporaryError{fmt.Errorf("%w: %w", ErrChecksum, err), 0}
		case err == io.EOF:
			err = io.ErrUnexpectedEOF
		}
		if err := b.resume(err); err != nil {
			return 0, err
		}
	}
}

// enough is what must come through between two breaks for the second to count
// as a new one.
const enough = 1 << 20

// resume takes the body up again where it broke off.
func (b *body) resume(broke error) error {
	if b.broken.IsZero() || b.at-b.resumed >= enough {
		b.broken, b.tries = time.Now(), 0
	}
	b.tries++
	if time.Since(b.broken) > b.guard.limit {
		return &temporaryError{fmt.Errorf("byte %d of %d: %w", b.at, b.end, broke), time.Since(b.broken)}
	}
	select {
	case <-b.ctx.Done():
		return b.ctx.Err()
	case <-time.After(pause(b.tries)):
	}
	_ = b.from.Close()
	ctx := context.WithValue(b.ctx, resumingKey{}, true)
	rest := fmt.Sprintf("bytes=%d-%d", b.at, b.end-1)
	answer, err := b.guard.client.GetObject(ctx, &s3.GetObjectInput{Bucket: b.in.Bucket, Key: b.in.Key, Range: &rest, IfMatch: b.etag})
	switch {
	case statusOf(err) == http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", errChanged, err)
	case err != nil:
		return fmt.Errorf("taking it up again at byte %d of %d: %w", b.at, b.end, err)
	}
	if said, want := aws.ToString(answer.ContentRange), fmt.Sprintf("bytes %d-%d/", b.at, b.end-1); !strings.HasPrefix(said, want) {
		return errors.Join(fmt.Errorf("asked for %q, the server answers with %q", rest, said), answer.Body.Close())
	}
	b.from, b.resumed = answer.Body, b.at
	return nil
}

func (b *body) Close() error { return b.from.Close() }
