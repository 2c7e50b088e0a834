package store

import (
	"context"
	"crypto/md5"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// Temporary tells whether the storage failed in a way that may pass: it did
// not answer, asked to slow down, or refused credentials that have expired.
// Whatever could be tried again has been tried for as long as retry_for says.
func Temporary(err error) bool {
	var temporary *temporaryError
	var unanswered *url.Error
	return errors.As(err, &temporary) || errors.As(err, &unanswered)
}

type temporaryError struct {
	err   error
	tried time.Duration
}

func (e *temporaryError) Error() string {
	if e.tried < time.Second/10 {
		return e.err.Error()
	}
	return fmt.Sprintf("tried for %v: %v", e.tried.Round(time.Second/10), e.err)
}
func (e *temporaryError) Unwrap() error { return e.err }

// operation is what the retryer knows of the operation that it retries.
type operation struct {
	until     time.Time
	refreshed bool // credentials have been found again
}

type operationKey struct{}

var errTriedLongEnough = errors.New("tried for long enough")

// retryer tries again for as long as the operation may, with growing pauses.
type retryer struct {
	*retry.Standard
	refresh func() // forgets the credentials
}

func newRetryer(refresh func()) *retryer {
	return &retryer{
		refresh: refresh,
		Standard: retry.NewStandard(func(o *retry.StandardOptions) {
			o.RateLimiter = ratelimit.None // the pauses slow us down; a token bucket would end the night
			o.Retryables = slices.Insert(o.Retryables, 0, retry.IsErrorRetryable(retry.IsErrorRetryableFunc(distrusted)))
			o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(retryable))
		}),
	}
}

// retryable says what may be tried again beside what the SDK knows.
func retryable(err error) aws.Ternary {
	var garbled *smithy.DeserializationError // the answer was cut short
	if errors.As(err, &garbled) {
		return aws.TrueTernary
	}
	switch errorCode(err) {
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", // see GetRetryToken
		"ConditionalRequestConflict", "OperationAborted",
		"InternalError", "ServiceUnavailable", "TooManyRequests":
		return aws.TrueTernary
	}
	switch statusOf(err) {
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// distrusted says that a server whose certificate cannot be verified will not be
// trusted the next time. To the SDK that is a connection that fails.
func distrusted(err error) aws.Ternary {
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

func errorCode(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

func statusOf(err error) int {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}

// MaxAttempts implements aws.Retryer: the time is limited, not the number.
func (r *retryer) MaxAttempts() int { return 0 }

// RetryDelay implements aws.Retryer: from 50 ms up to 10 s, half of it by
// chance so that many who were refused at once do not come back at once.
func (r *retryer) RetryDelay(attempt int, _ error) (time.Duration, error) { return pause(attempt), nil }

func pause(attempt int) time.Duration {
	d := min(25*time.Millisecond<<min(max(attempt, 1), 10), 10*time.Second)
	return d/2 + rand.N(d/2)
}

// GetRetryToken implements aws.Retryer: it decides with what is known of the
// operation.
func (r *retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	op, _ := ctx.Value(operationKey{}).(*operation)
	if op == nil || time.Now().After(op.until) {
		return nil, errTriedLongEnough
	}
	switch errorCode(err) {
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		if op.refreshed {
			return nil, errTriedLongEnough
		}
		op.refreshed = true
		r.refresh()
	case "ConditionalRequestConflict", "OperationAborted":
		// A whole object may be put again: should ours have been stored after
		// all, the store says that there is one, and whoever asked reads it
		// back. An upload in parts is lost with its conflict.
		if name := awsmiddleware.GetOperationName(ctx); name != "PutObject" && name != "CopyObject" {
			return nil, errTriedLongEnough
		}
	}
	return r.Standard.GetRetryToken(ctx, err)
}

const (
	noSuchUpload = "NoSuchUpload"
	noSuchKey    = "NoSuchKey"
)

// guard stands around every call to S3: it bounds the time, tells failures
// that may pass from others, and mends what the SDK leaves to the caller.
type guard struct {
	client   *s3.Client
	limit    time.Duration
	location string // as it was opened
	bucket   string
	entered  atomic.Bool // the bucket is there, and has let us in
}

// ID implements middleware.InitializeMiddleware.
func (*guard) ID() string { return "ratemill" }

// HandleInitialize implements middleware.InitializeMiddleware.
func (g *guard) HandleInitialize(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	began := time.Now()
	do := func(ctx context.Context) (middleware.InitializeOutput, middleware.Metadata, error) {
		op := &operation{until: time.Now().Add(g.limit)}
		out, metadata, err := next.HandleInitialize(context.WithValue(ctx, operationKey{}, op), in)
		return out, metadata, g.judged(err, began, in.Parameters)
	}
	switch input := in.Parameters.(type) {
	case *s3.GetObjectInput:
		return g.get(ctx, input, do)
	case *s3.HeadObjectInput:
		return g.head(ctx, input, do)
	case *s3.CompleteMultipartUploadInput:
		return g.complete(ctx, input, do)
	case *s3.AbortMultipartUploadInput:
		// What is aborted is most often cancelled; the parts cost money.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(g.limit, 10*time.Second))
		defer cancel()
		return do(ctx)
	}
	return do(ctx)
}

// judged marks a failure that may pass, and one by which S3 refuses us.
func (g *guard) judged(err error, began time.Time, asked any) error {
	if err == nil || errorCode(err) == noSuchKey {
		g.entered.Store(true)
	}
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	passes := errors.Is(err, errTriedLongEnough)
	if joined, is := err.(interface{ Unwrap() []error }); is && passes {
		err = joined.Unwrap()[0] // the failure itself, without the reason to leave it at that
	}
	// After a completion whose answer was lost the parts are gone.
	if passes || errorCode(err) == noSuchUpload {
		return &temporaryError{err, time.Since(began)}
	}
	return g.refusal(err, asked)
}

// head asks for an object's attributes. A refusal of that has no body and so
// no reason: the same is asked in a way that has one. That an object is not
// there is asked twice, too, until the bucket is known to be there.
func (g *guard) head(ctx context.Context, in *s3.HeadObjectInput, do doFunc) (middleware.InitializeOutput, middleware.Metadata, error) {
	out, metadata, err := do(ctx)
	switch status := statusOf(err); {
	case status == http.StatusNotFound && !g.entered.Load():
	case status == http.StatusBadRequest, Refused(err) != nil:
	default:
		return out, metadata, err
	}
	read, failed := g.client.GetObject(ctx, &s3.GetObjectInput{Bucket: in.Bucket, Key: in.Key, Range: aws.String("bytes=0-0")})
	switch status := statusOf(failed); {
	case failed != nil && status == http.StatusNotFound && statusOf(err) == http.StatusNotFound:
		return out, metadata, err
	case failed == nil:
		err = read.Body.Close()
	case status != http.StatusNotFound && status != http.StatusRequestedRangeNotSatisfiable:
		return out, metadata, failed
	}
	if err != nil && failed == nil {
		return out, metadata, err
	}
	return do(ctx)
}

// complete makes an object of the parts that were uploaded. When the answer to
// that is lost the parts are gone, and the object tells by its ETag whether it
// is made of them.
func (g *guard) complete(ctx context.Context, in *s3.CompleteMultipartUploadInput, do doFunc) (middleware.InitializeOutput, middleware.Metadata, error) {
	out, metadata, err := do(ctx)
	if errorCode(err) != noSuchUpload {
		return out, metadata, err
	}
	there, failed := g.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: in.Bucket, Key: in.Key})
	if failed != nil || aws.ToString(there.ETag) != etagOf(in.MultipartUpload) {
		return out, metadata, err
	}
	out.Result = &s3.CompleteMultipartUploadOutput{Bucket: in.Bucket, Key: in.Key, ETag: there.ETag}
	return out, metadata, nil
}

// etagOf is the ETag of an object made of parts: the MD5 of theirs, and how
// many they are. It is another one where the parts are encrypted by a key of
// the bucket's.
func etagOf(upload *types.CompletedMultipartUpload) string {
	h := md5.New()
	for _, part := range upload.Parts {
		sum, _ := hex.DecodeString(strings.Trim(aws.ToString(part.ETag), `"`))
		h.Write(sum)
	}
	return fmt.Sprintf(`"%x-%d"`, h.Sum(nil), len(upload.Parts))
}

type doFunc func(context.Context) (middleware.InitializeOutput, middleware.Metadata, error)
