package store

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"gocloud.dev/blob"
)

// ListsFrom tells whether a list of the bucket can begin at any key, see
// ListFrom. On a disk it cannot, and need not: a list of a folder is cheap.
func ListsFrom(bucket *blob.Bucket) bool {
	var client *s3.Client
	return bucket.As(&client)
}

// ListFrom is the BeforeList of a list that begins behind the key which its
// prefix and rest make.
func ListFrom(rest string) func(as func(any) bool) error {
	return func(as func(any) bool) error {
		var in *s3.ListObjectsV2Input
		if !as(&in) {
			return errors.New("this store lists from the beginning only")
		}
		if in.ContinuationToken == nil { // which says where to go on
			in.StartAfter = aws.String(aws.ToString(in.Prefix) + rest)
		}
		return nil
	}
}

// ListedKey is the key of a listed object as the store orders it.
func ListedKey(o *blob.ListObject) string {
	var object types.Object
	if o.As(&object) {
		return aws.ToString(object.Key)
	}
	return o.Key
}
