package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"ratemill/pipeline/store"
)

// GC is what CollectGarbage is asked to do.
type GC struct {
	Output    *blob.Bucket
	OlderThan time.Duration // by the store's clock; what is younger may be a run's at work
	DryRun    bool          // remove nothing
}

// Garbage is what runs that were cut off have left behind.
type Garbage struct {
	Name    string    // a run's staging folder; a temporary file; or the key of an upload
	Kind    string    // staging, temporary file or upload
	Files   int       // of a staging folder; else 1
	Bytes   int64     // of all of them
	Written time.Time // last, by the store's clock; of an upload, when it began
	Kept    string    // why it is kept; empty: removed, or to be
}

// Kinds of garbage.
const (
	strayStaging   = "staging"
	strayTemporary = "temporary file"
	strayUpload    = "upload"
)

const stagingFolder = "_staging/"

// stagedKey is what the key of a staged file begins with: run and attempt. What
// else somebody keeps there is none of ours.
var stagedKey = regexp.MustCompile(`^_staging/[0-9a-f]{32}/[0-9a-f]{16}/`)

// CollectGarbage removes what runs that were cut off have left: staging that
// no open intent names, temporary files on a disk, uploads in parts to the
// staging of a bucket. Nothing that is published, and no intent, is touched.
//
// A stage is as old as its youngest file. It says what it found, in order.
func CollectGarbage(ctx context.Context, gc *GC) ([]Garbage, error) {
	waste, now, err := store.FindWaste(ctx, gc.Output, stagingFolder)
	if err != nil {
		return nil, fmt.Errorf("looking for what writes have left: %w", err)
	}
	stages, err := findStages(ctx, gc.Output)
	if err != nil {
		return nil, err
	}
	// Asked after the list: what is declared later is younger.
	open, err := openStages(ctx, gc.Output)
	if err != nil {
		return nil, err
	}
	young := func(g *Garbage) bool {
		if g.Kept == "" && gc.OlderThan > 0 && now.Sub(g.Written) < gc.OlderThan {
			g.Kept = fmt.Sprintf("it is younger than %v", gc.OlderThan)
		}
		return g.Kept != ""
	}
	var all []Garbage
	for _, name := range slices.Sorted(maps.Keys(stages)) {
		g := stages[name].Garbage
		if open[name] {
			g.Kept = "an open intent names it: the next run finishes it"
		}
		if !young(&g) && !gc.DryRun {
			if err := removeStage(ctx, gc.Output, stages[name].keys); err != nil {
				return all, err
			}
		}
		all = append(all, g)
	}
	slices.SortFunc(waste, func(a, b store.Waste) int { return cmp.Or(cmp.Compare(a.Name, b.Name), a.Modified.Compare(b.Modified)) })
	for i := range waste {
		g := Garbage{Name: waste[i].Name, Kind: wasteKind(gc.Output), Files: 1, Bytes: waste[i].Size, Written: waste[i].Modified}
		if !young(&g) && !gc.DryRun {
			if err := waste[i].Remove(ctx); err != nil {
				return all, fmt.Errorf("removing %s: %w", g.Name, err)
			}
		}
		all = append(all, g)
	}
	return all, nil
}

func wasteKind(output *blob.Bucket) string {
	if store.ListsFrom(output) {
		return strayUpload
	}
	return strayTemporary
}

// strayStage is a run's staging folder, with the keys of its files.
type strayStage struct {
	Garbage
	keys []string
}

// findStages are the staging folders that there are.
func findStages(ctx context.Context, output *blob.Bucket) (map[string]*strayStage, error) {
	all := map[string]*strayStage{}
	for it := output.List(&blob.ListOptions{Prefix: stagingFolder}); ; {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", stagingFolder, err)
		}
		name := stagedKey.FindString(o.Key)
		if name == "" {
			continue
		}
		if all[name] == nil {
			all[name] = &strayStage{Garbage: Garbage{Name: name, Kind: strayStaging}}
		}
		s := all[name]
		s.keys = append(s.keys, o.Key)
		s.Files++
		s.Bytes += o.Size
		if o.ModTime.After(s.Written) {
			s.Written = o.ModTime
		}
	}
}

// openStages are the staging folders that the open intent names, if there is
// one: that of the entry after the head.
func openStages(ctx context.Context, output *blob.Bucket) (map[string]bool, error) {
	head, err := Head(ctx, output)
	if err != nil {
		return nil, err
	}
	next := int64(1)
	if head != nil {
		next = head.Entry + 1
	}
	intent, err := openIntent(ctx, output, next)
	if err != nil || intent == nil {
		return nil, err
	}
	all := map[string]bool{}
	for _, f := range intent.Files {
		name := stagedKey.FindString(f.Staged)
		if name == "" {
			return nil, &HistoryError{intentKey(next), fmt.Errorf("it names %q as a staged file", f.Staged)}
		}
		all[name] = true
	}
	return all, nil
}

func removeStage(ctx context.Context, output *blob.Bucket, keys []string) error {
	return each(ctx, 16, len(keys), func(ctx context.Context, _, i int) error {
		if err := output.Delete(ctx, keys[i]); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
			return fmt.Errorf("removing %s: %w", keys[i], err)
		}
		return nil
	})
}
