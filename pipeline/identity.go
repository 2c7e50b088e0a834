package pipeline

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob"

	"ratemill/pipeline/store"
	"ratemill/readers"
)

// An input's identity tells whether its content is still the one that was
// listed. It is the MD5 of its bytes, since that is what object stores say
// without being read: so a night says the same on a disk and on S3. Where the
// ETag of an object in S3 is no MD5 (it came in parts, or is encrypted with a
// key of its own) the ETag itself is the identity. It guards against files
// that change, not against forged ones; what ratemill publishes has SHA-256.
const (
	byMD5  = "md5:"
	byETag = "etag:"
)

// identity is the identity of an object that has been looked at.
func identity(ctx context.Context, bucket *blob.Bucket, key string, a *blob.Attributes) (string, error) {
	var head s3.HeadObjectOutput
	inS3 := a.As(&head)
	encrypted := inS3 && (head.SSECustomerAlgorithm != nil ||
		head.ServerSideEncryption != "" && head.ServerSideEncryption != types.ServerSideEncryptionAes256)
	switch {
	case len(a.MD5) > 0 && !encrypted:
		return byMD5 + hex.EncodeToString(a.MD5), nil
	case inS3 && a.ETag != "":
		return byETag + strings.Trim(a.ETag, `"`), nil
	}
	return contentIdentity(store.Unchanged(ctx, a.ETag, a.Size), bucket, key)
}

// contentIdentity reads an object for its identity.
func contentIdentity(ctx context.Context, bucket *blob.Bucket, key string) (string, error) {
	r, err := bucket.NewReader(ctx, key, nil)
	if err != nil {
		return "", &readers.FileError{Key: key, What: "cannot be opened", Err: err}
	}
	defer r.Close()
	h := md5.New()
	if _, err := readInto(h, r); err != nil {
		return "", &readers.FileError{Key: key, What: "cannot be read", Err: err}
	}
	return byMD5 + hex.EncodeToString(h.Sum(nil)), nil
}

// listedIdentity is the identity that the store's list tells, in the form that
// the object had when it was consumed; empty if it does not tell.
func listedIdentity(o *blob.ListObject, was string) string {
	var object types.Object
	switch {
	case strings.HasPrefix(was, byMD5) && len(o.MD5) > 0:
		return byMD5 + hex.EncodeToString(o.MD5)
	case strings.HasPrefix(was, byETag) && o.As(&object) && object.ETag != nil:
		return byETag + strings.Trim(*object.ETag, `"`)
	}
	return ""
}
