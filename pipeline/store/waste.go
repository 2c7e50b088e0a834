package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
)

// Waste is what writes that were cut off have left: on a disk temporary files,
// in S3 uploads that were never completed. No list shows it.
type Waste struct {
	Name     string // of the file below the root; of an upload, the key that it was for
	Size     int64  // bytes
	Modified time.Time

	remove func(context.Context) error
}

// Remove removes it.
func (w *Waste) Remove(ctx context.Context) error { return w.remove(ctx) }

// FindWaste finds the waste of cut-off writes: on a disk below the whole root,
// in S3 below the prefix. now is the time by the store's clock, which dates
// what lies there.
func FindWaste(ctx context.Context, bucket *blob.Bucket, prefix string) (all []Waste, now time.Time, err error) {
	var d *disk
	var client *s3.Client
	switch {
	case bucket.As(&d):
		if now, err = d.now(); err == nil {
			all, err = d.waste(ctx)
		}
	case bucket.As(&client):
		return uploads(ctx, client, bucket, prefix)
	default:
		now = time.Now()
	}
	return all, now, err
}

// now is the time of the file system, which is a server's on a network.
func (d *disk) now() (time.Time, error) {
	f, err := os.CreateTemp(d.root, tempPrefix)
	if err != nil {
		return time.Time{}, err
	}
	defer os.Remove(f.Name())
	info, err := f.Stat()
	if err = errors.Join(err, f.Close()); err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func (d *disk) waste(ctx context.Context) (all []Waste, err error) {
	err = filepath.WalkDir(d.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err != nil || !entry.Type().IsRegular() || !isTemp(entry.Name()) {
			return ctx.Err()
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // its writer has ended
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(d.root, path)
		if err != nil {
			return err
		}
		all = append(all, Waste{Name: filepath.ToSlash(name), Size: info.Size(), Modified: info.ModTime(), remove: func(context.Context) error {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			d.prune(filepath.Dir(path))
			return nil
		}})
		return nil
	})
	return all, err
}

// uploads are the uploads in parts below a prefix that are not completed.
func uploads(ctx context.Context, client *s3.Client, bucket *blob.Bucket, prefix string) (all []Waste, now time.Time, err error) {
	at, err := inBucket(ctx, bucket, prefix)
	if err != nil {
		return nil, now, err
	}
	in := &s3.ListMultipartUploadsInput{Bucket: at.Bucket, Prefix: at.Prefix}
	for {
		page, err := client.ListMultipartUploads(ctx, in)
		if err != nil {
			return nil, now, fmt.Errorf("listing the uploads under way: %w", err)
		}
		if server, known := awsmiddleware.GetServerTime(page.ResultMetadata); known {
			now = server
		} else {
			now = time.Now()
		}
		for _, u := range page.Uploads {
			if u.Initiated == nil {
				continue // nobody can tell how old it is
			}
			size, err := sizeOfParts(ctx, client, &s3.ListPartsInput{Bucket: at.Bucket, Key: u.Key, UploadId: u.UploadId})
			if errorCode(err) == noSuchUpload {
				continue // it has ended
			}
			if err != nil {
				return nil, now, fmt.Errorf("%s: listing the parts of an upload: %w", aws.ToString(u.Key), err)
			}
			all = append(all, Waste{Name: aws.ToString(u.Key), Size: size, Modified: *u.Initiated, remove: func(ctx context.Context) error {
				_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: at.Bucket, Key: u.Key, UploadId: u.UploadId})
				if errorCode(err) == noSuchUpload {
					return nil
				}
				return err
			}})
		}
		if !aws.ToBool(page.IsTruncated) {
			return all, now, nil
		}
		in.KeyMarker, in.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
	}
}

func sizeOfParts(ctx context.Context, client *s3.Client, in *s3.ListPartsInput) (size int64, err error) {
	pages := s3.NewListPartsPaginator(client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		for _, p := range page.Parts {
			size += aws.ToInt64(p.Size)
		}
	}
	return size, nil
}

// inBucket is a prefix of a bucket as S3 knows it: the bucket may lie below
// another prefix.
func inBucket(ctx context.Context, bucket *blob.Bucket, prefix string) (at s3.ListObjectsV2Input, err error) {
	known := errors.New("no more is wanted")
	_, _, err = bucket.ListPage(ctx, blob.FirstPageToken, 1, &blob.ListOptions{Prefix: prefix, BeforeList: func(as func(any) bool) error {
		var in *s3.ListObjectsV2Input
		if !as(&in) {
			return errors.New("not a bucket in S3")
		}
		at = s3.ListObjectsV2Input{Bucket: in.Bucket, Prefix: in.Prefix}
		return known
	}})
	if at.Bucket != nil {
		return at, nil
	}
	return at, err
}
