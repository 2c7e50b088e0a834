package pipeline

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/readers"
)

// noteStrays says in the log what lies under the exports' root and is not
// read: a folder with a mistyped name would otherwise be usage that nobody
// bills and nobody misses. It looks at names, and not below a folder that a
// layout of the company's own begins with.
func noteStrays(ctx context.Context, s *Settings, sources []source) error {
	usual, own := map[string]bool{}, map[string]bool{}
	for i := range sources {
		for j := range sources[i].exports {
			for _, t := range sources[i].exports[j].manifest.templates {
				if first, _, below := strings.Cut(t.text, "/"); below && !sources[i].exports[j].manifest.beside {
					own[first] = true
				}
			}
			for _, t := range sources[i].exports[j].templates {
				first, _, below := strings.Cut(t.text, "/")
				switch {
				case strings.ContainsAny(first, "*{") || !below:
					return nil // any name at the root may be an export
				case sources[i].exports[j].mapping == nil:
					usual[first] = true
				default:
					own[first] = true
				}
			}
		}
	}
	for i := range s.Lookups {
		first, _, _ := strings.Cut(s.Lookups[i].Path, "/")
		own[first] = true
	}
	return noteUnknown(ctx, s, usual, own)
}

func noteUnknown(ctx context.Context, s *Settings, usual, own map[string]bool) error {
	found, err := entriesOf(ctx, s.Exports, "")
	if err != nil {
		return err
	}
	known := maps.Clone(usual)
	maps.Copy(known, own)
	names := slices.Sorted(maps.Keys(known))
	for _, e := range found {
		name, isFolder := strings.CutSuffix(e, "/")
		switch {
		case own[name]:
		case !isFolder || !usual[name]:
			s.Log.Warn("not read: it is no folder of a source", "name", e, "sources", strings.Join(names, ", "))
		default:
			if err := noteStraysOf(ctx, s, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// noteStraysOf does so for the folder of a source that lies as usual.
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
