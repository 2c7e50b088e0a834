// Package store is the one storage seam: everything ratemill reads or
// publishes goes through a gocloud.dev/blob bucket that Open opened by URL, so
// that no other package knows whether it works on a disk, on S3 or in memory.
//
// # What a closed writer promises
//
// An object is whole or absent, on every store: it appears under its key when
// the writer's Close returns nil, never earlier and never in part. A cancelled
// context or a failed write leaves nothing. WriterOptions.IfNotExist has
// exactly one winner among any number of goroutines, processes and machines on
// the same store; the others get gcerrors.FailedPrecondition.
//
// On disk, when Close or Copy returns nil, the object survives the loss of
// power: its content, its name and the folders above it have been synced, as
// far as the file system keeps its own word on fsync. When it returns an error
// other than FailedPrecondition the object may or may not be there, as with any
// store behind a network: read it back. Deletes are not synced; a delete that a
// crash undoes is done again by whoever wanted it.
//
// What is not kept on disk: metadata, content type, cache headers and MD5
// (there are no sidecar files). Nothing in ratemill may rest on them.
package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/blob/s3blob"
)

// An Option changes how Open opens a location.
type Option uint8

// CreateRoot makes the folder of a disk location when it is missing. It is for
// outputs: a missing input folder is a mistake, not an empty input. Buckets in
// S3 are never created.
const CreateRoot Option = 1

const knownSchemes = "a path, file://, s3://, mem://"

// Open opens the bucket at a location:
//
//	exports, /data/out       a folder, taken literally
//	file:///data/out         a folder
//	s3://bucket/prefix?...   S3, below a prefix; the query is described in docs/s3.md
//	mem://name/prefix        memory: the same bucket for the same name in this process
//	mem://                   memory of its own
//
// The caller closes the bucket.
func Open(ctx context.Context, location string, options ...Option) (*blob.Bucket, error) {
	u, isURL, err := parse(location)
	if err != nil {
		return nil, err
	}
	if !isURL {
		return openFolder(location, options)
	}
	switch u.Scheme {
	case "file":
		return openFolder(u.Path, options)
	case memblob.Scheme:
		return openMemory(u), nil
	default:
		return openS3(ctx, u)
	}
}

// Split cuts the location of a single file into the location of its bucket,
// for Open, and its key in there.
func Split(location string) (root, key string, err error) {
	u, isURL, err := parse(location)
	if err != nil {
		return "", "", err
	}
	if !isURL {
		root, key = filepath.Split(location)
		root = filepath.Clean(root) // "" is "."
	} else {
		dir, base, _ := cutLast(u.Path, "/")
		key = base
		if u.Scheme == "file" && dir == "" {
			dir = "/"
		}
		u.Path, u.RawPath = dir, ""
		root = u.String()
	}
	if key == "" || key == "." || key == ".." {
		return "", "", fmt.Errorf("%q names no file", location)
	}
	return root, key, nil
}

// ReadFile reads the single file at a location, such as the catalog.
func ReadFile(ctx context.Context, location string) ([]byte, error) {
	root, key, err := Split(location)
	if err != nil {
		return nil, err
	}
	bucket, err := Open(ctx, root)
	if err != nil {
		return nil, err
	}
	content, err := bucket.ReadAll(ctx, key)
	return content, errors.Join(err, bucket.Close())
}

// parse tells a URL from a path and refuses what is neither. A path is not
// parsed as a URL, because "%", "?" and "#" are letters in it.
func parse(location string) (u *url.URL, isURL bool, err error) {
	if location == "" {
		return nil, false, fmt.Errorf("empty location (want %s)", knownSchemes)
	}
	scheme, rest, found := strings.Cut(location, ":")
	switch scheme {
	case "file", s3blob.Scheme, memblob.Scheme:
		// "s3:/bucket" would else become a folder named "s3:".
		if found && !strings.HasPrefix(rest, "//") {
			return nil, false, fmt.Errorf("%q: want %s://", location, scheme)
		}
	default:
		if found && strings.HasPrefix(rest, "//") {
			return nil, false, fmt.Errorf("%q: unknown scheme %q (want %s)", location, scheme, knownSchemes)
		}
	}
	if !found || !strings.HasPrefix(rest, "//") {
		return nil, false, nil
	}
	if u, err = url.Parse(location); err != nil {
		return nil, true, err
	}
	return u, true, check(u)
}

// check refuses what the scheme has no meaning for, where ignoring it would
// silently work somewhere else.
func check(u *url.URL) error {
	switch {
	case u.User != nil:
		return fmt.Errorf("%s: credentials do not belong in a URL", u.Redacted())
	case u.Fragment != "":
		return fmt.Errorf("%s: a location has no #fragment (write %%23)", u)
	case u.Scheme == "file" && (u.Host != "" || u.Path == ""):
		return fmt.Errorf("%s: want file:///absolute/path, or the bare path", u)
	case u.Scheme != s3blob.Scheme && u.RawQuery != "":
		return fmt.Errorf("%s: only s3:// takes a query", u)
	case u.Scheme == s3blob.Scheme && u.Host == "":
		return fmt.Errorf("%s: want s3://bucket/prefix", u)
	}
	return nil
}

func openFolder(path string, options []Option) (*blob.Bucket, error) {
	for _, option := range options {
		if option == CreateRoot {
			if err := createRoot(path); err != nil {
				return nil, err
			}
		}
	}
	d, err := OpenDisk(path)
	if err != nil {
		return nil, err
	}
	return blob.NewBucket(d), nil
}

var memory = struct {
	sync.Mutex
	buckets map[string]*blob.Bucket
}{buckets: map[string]*blob.Bucket{}}

// openMemory hands out a new handle on the named bucket each time, so that
// one caller's Close does not close it for the next.
func openMemory(u *url.URL) *blob.Bucket {
	if u.Host == "" {
		return below(memblob.OpenBucket(nil), u)
	}
	memory.Lock()
	defer memory.Unlock()
	if memory.buckets[u.Host] == nil {
		memory.buckets[u.Host] = memblob.OpenBucket(nil)
	}
	return blob.PrefixedBucket(memory.buckets[u.Host], prefix(u))
}

func below(bucket *blob.Bucket, u *url.URL) *blob.Bucket {
	if prefix(u) == "" {
		return bucket
	}
	return blob.PrefixedBucket(bucket, prefix(u))
}

// prefix is the path of a URL as the prefix of keys.
func prefix(u *url.URL) string {
	path := strings.Trim(u.Path, "/")
	if path == "" {
		return ""
	}
	return path + "/"
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}
