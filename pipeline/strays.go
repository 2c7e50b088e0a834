package pipeline

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/readers"
)

// noteStrays says in the log what lies under the exports' root and is not
// read: a folder with a mistyped name would otherwise be usage that nobody
// bills and nobody misses.
func noteStrays(ctx context.Context, s *Settings) error {
	var names []string
	for _, src := range canonicalSources() {
		names = append(names, src.name)
	}
	found, err := entriesOf(ctx, s.Exports, "")
	if err != nil {
		return err
	}
	for _, e := range found {
		name, isFolder := strings.CutSuffix(e, "/")
		switch {
		case !isFolder || !slices.Contains(names, name):
			s.Log.Warn("not read: it is no folder of a source", "name", e, "sources", strings.Join(names, ", "))
		default:
			if err := noteStraysOf(ctx, s, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// noteStraysOf does so for the folder of one source.
func noteStraysOf(ctx context.Context, s *Settings, source string) error {
	found, err := entriesOf(ctx, s.Exports, source+"/")
	if err != nil {
		return err
	}
	for _, e := range found {
		date, is := strings.CutPrefix(strings.TrimPrefix(e, source+"/"), "date=")
		if _, err := calendar.Parse(strings.TrimSuffix(date, "/")); !is || err != nil || !strings.HasSuffix(e, "/") {
			s.Log.Warn("not read: it is no folder of a day", "name", e, "wanted", source+"/date=YYYY-MM-DD/")
		}
	}
	return nil
}

// entriesOf are the files and folders right below a prefix, but for other
// programs' marks.
func entriesOf(ctx context.Context, bucket *blob.Bucket, prefix string) ([]string, error) {
	var all []string
	it := bucket.List(&blob.ListOptions{Prefix: prefix, Delimiter: "/"})
	for {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, &readers.FileError{Key: "exports/" + prefix, What: "cannot be listed", Err: err}
		}
		if name := strings.TrimPrefix(o.Key, prefix); name != "" && !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_") {
			all = append(all, o.Key)
		}
	}
}
