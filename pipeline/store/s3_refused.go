package store

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// RefusedError is a location in S3 that does not take us: a key that it does
// not know, a bucket that is not there, a right that is missing. No time mends
// it, and no other file: the settings do, or whoever grants rights.
//
// It hides what it is made of. To the SDK a bucket that is not there is an
// object that is not found, and a history that is not found is a new one.
type RefusedError struct {
	Location string // as it was opened
	Object   bool   // one object may not be read; others may be
	Advice   string // what to do about it

	text string
}

func (e *RefusedError) Error() string { return e.text }

// Refused is the refusal that is the cause of an error; nil where none is.
func Refused(err error) *RefusedError {
	var refused *RefusedError
	if errors.As(err, &refused) {
		return refused
	}
	return nil
}

const (
	keysAdvice   = "S3 does not take the key: mend AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile (profile=); docs/s3.md says where keys are looked for"
	noKeysAdvice = "no key for S3 is found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile (profile=) or a role; docs/s3.md says where keys are looked for"
	bucketAdvice = "there is no bucket %s at this server: mend the bucket, region= or endpoint= in the URL, or make the bucket; docs/s3.md has the settings"
	regionAdvice = "bucket %s lies in another region: mend region= in the URL; docs/s3.md has the settings"
	trustAdvice  = "the certificate of S3 cannot be verified: mend endpoint= in the URL, or name the authority that signed it in AWS_CA_BUNDLE"
	rightsAdvice = "the key may not do this: grant what docs/s3.md#permissions lists, on bucket %s and below the prefix"
)

// refusals are the codes by which S3, or a server like it, refuses us.
var refusals = map[string]string{
	"InvalidAccessKeyId":    keysAdvice,
	"SignatureDoesNotMatch": keysAdvice,
	"InvalidToken":          keysAdvice,
	"InvalidSecurity":       keysAdvice,
	"XAdminUserNotFound":    keysAdvice, // versitygw's word for a key that it does not know

	"NoSuchBucket":      bucketAdvice,
	"InvalidBucketName": bucketAdvice,

	"AuthorizationHeaderMalformed": regionAdvice,
	"PermanentRedirect":            regionAdvice,
	"MovedPermanently":             regionAdvice,

	"AccessDenied":         rightsAdvice,
	"Forbidden":            rightsAdvice,
	"Unauthorized":         rightsAdvice,
	"AllAccessDisabled":    rightsAdvice,
	"AccountProblem":       rightsAdvice,
	"NotSignedUp":          rightsAdvice,
	"RequestTimeTooSkewed": "the clock of this machine is wrong by more than 15 minutes: set it",
}

// refusal is an error as a RefusedError, if S3 refuses us by it.
func (g *guard) refusal(err error, asked any) error {
	var none *noCredentialsError
	advice, known := refusals[errorCode(err)]
	switch {
	case errors.As(err, &none):
		advice = noKeysAdvice
	case distrusted(err) == aws.FalseTernary:
		return &RefusedError{Location: g.location, Advice: trustAdvice, text: err.Error()}
	case !known && statusOf(err) == http.StatusMovedPermanently:
		advice = regionAdvice
	case !known:
		return err
	}
	switch advice {
	case bucketAdvice, regionAdvice, rightsAdvice:
		advice = fmt.Sprintf(advice, g.bucket)
	}
	refused := &RefusedError{Location: g.location, Advice: advice, text: err.Error()}
	switch asked.(type) {
	case *s3.GetObjectInput, *s3.HeadObjectInput:
		refused.Object = refusals[errorCode(err)] == rightsAdvice
	}
	var unanswered *url.Error
	if errors.As(err, &unanswered) { // whoever gives out credentials does not answer
		return &temporaryError{err: refused}
	}
	return refused
}

// noCredentialsError says that no credentials are found, not that they are wrong.
type noCredentialsError struct{ err error }

func (e *noCredentialsError) Error() string { return e.err.Error() }
func (e *noCredentialsError) Unwrap() error { return e.err }
