package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/readers"
	"ratemill/writers"
)

// SampleOptions say what SampleSources looks at.
type SampleOptions struct {
	Source string       // this source alone; empty: all
	File   string       // this key of the exports' root alone; empty: the newest of each layout
	Day    calendar.Day // the newest of this day; None: of any
	Rows   int          // read at most so many rows of a file; below 1: 10
}

// Sample is what the first rows of an export look like as mapped.
type Sample struct {
	Source, Export string
	Paths          []string // templates of the layout
	File           string   // empty: the patterns found nothing
	Columns        []string // of the file, as a mapping names them
	Fields         []string // of the source
	Rows           []SampleRow
	Read           int64
	LeftOut        map[string]int64 // rows by the filter that leaves them out
	Manifest       string           // what the file's manifest says of it, or that there is none; empty: none is looked for
	Expected       string           // what of each day is expected; empty: nothing
	Problem        error            // why the file cannot be used, a *readers.FileError; nil if it can
}

// SampleRow is one row as mapped.
type SampleRow struct {
	Number         int64
	Cells          []string // one a field; an event id as the 128 bits it is known by
	LeftOut        string   // the filter that leaves the row out
	Reject, Detail string   // why the row would be refused
}

// SampleSources reads the first rows of an export of each layout. Without a
// catalog days are those of UTC. Whether an
// account is known it cannot say; all else that would refuse a row it tells.
// A file that cannot be used is a Sample with a Problem; an error is one of
// the settings, or of the storage.
func SampleSources(ctx context.Context, s *Settings, o SampleOptions) ([]Sample, error) {
	if s.Catalog == nil {
		zone, err := calendar.LoadZone("UTC")
		if err != nil {
			return nil, err
		}
		with := *s
		with.Catalog = &catalog.Catalog{Zone: zone}
		s = &with
	}
	sources, err := bindSources(s.Catalog, s.Sources, s.Lookups)
	if err != nil {
		return nil, err
	}
	if o.Source != "" && !slices.Contains(sourceNames(sources), o.Source) {
		return nil, &UsageError{What: fmt.Sprintf("there is no source %q (there are %s)", o.Source, strings.Join(sourceNames(sources), ", "))}
	}
	if o.Rows < 1 {
		o.Rows = 10
	}
	n := &night{Settings: s, sources: sources, plan: &Plan{pins: map[string]pin{}}}
	if err := n.plan.freezeLookups(ctx, s); err != nil {
		return nil, err
	}
	if err := n.loadLookups(ctx); err != nil {
		return nil, err
	}
	var all []Sample
	for i := range sources {
		for j := range sources[i].exports {
			if o.Source != "" && sources[i].name != o.Source {
				continue
			}
			sample, err := n.sample(ctx, i, &sources[i].exports[j], o)
			if err != nil {
				return nil, err
			}
			if sample != nil {
				all = append(all, *sample)
			}
		}
	}
	if o.File != "" && len(all) == 0 {
		return nil, &UsageError{What: fmt.Sprintf("file %q fits no path of a source", o.File)}
	}
	return all, nil
}

// sample looks at one layout; nil where there is nothing to say of it.
func (n *night) sample(ctx context.Context, at int, l *layout, o SampleOptions) (*Sample, error) {
	s := &n.sources[at]
	out := &Sample{Source: s.name, Export: l.name}
	for _, t := range l.templates {
		out.Paths = append(out.Paths, t.text)
	}
	for _, f := range s.schema.Fields {
		out.Fields = append(out.Fields, f.Name)
	}
	if l.expected != nil {
		out.Expected = l.expected.words()
	}
	file, err := n.newest(ctx, l, o)
	if err != nil {
		return nil, err
	}
	if file.Key == "" {
		// A source that the settings do not name need not be there.
		unnamed := l.mapping == nil && l.expected == nil && len(n.Sources) > 0 && o.Source == ""
		if o.File != "" || unnamed {
			return nil, nil
		}
		return out, nil
	}
	out.File = file.Key
	in := &input{source: at, layout: l, parts: file.Parts}
	in.Key, in.Size = file.Key, file.Size
	if out.Manifest, err = n.sampleManifest(ctx, in); err == nil {
		err = n.sampleFile(ctx, in, out, o.Rows)
	}
	var broken *readers.FileError
	if errors.As(err, &broken) && ExitCode(err) == ExitInput {
		out.Problem = err
		return out, nil
	}
	return out, err
}

// sampleManifest is what the manifest of a file says of it.
func (n *night) sampleManifest(ctx context.Context, in *input) (string, error) {
	key := in.layout.manifestOf(in.Key, in.parts)
	if key == "" {
		return "", nil
	}
	there, err := n.Exports.Exists(ctx, key)
	switch {
	case err != nil:
		return "", &readers.FileError{Key: key, What: "cannot be looked at", Err: err}
	case !there && in.layout.manifest.need == ManifestRequired:
		return "none: there is no " + key + ", and a night waits for it", nil
	case !there:
		return "", nil
	}
	w, err := readManifest(ctx, n.Settings, &listedFile{InputFile: writers.InputFile{Key: key}, layout: in.layout})
	if err != nil {
		return key, err
	}
	v := w.says.entry(in.Key)
	switch {
	case v == nil:
		return key, &readers.FileError{Key: key, What: in.Key + " is there, and is not among the files that it lists"}
	case v.size != nil && *v.size != in.Size:
		return key, &readers.FileError{Key: key, What: fmt.Sprintf("%s has %d bytes, and it says %d", in.Key, in.Size, *v.size)}
	case v.rows != nil:
		return fmt.Sprintf("%s, %d rows in this file of %d", key, *v.rows, len(w.says.files)), nil
	}
	return fmt.Sprintf("%s, this file and %d others", key, len(w.says.files)-1), nil
}

// maxUnseen is how far a file is read on behind the rows that are shown: what
// JSON lacks only its end tells.
const maxUnseen = 100_000

// errEnough ends the reading of a file early.
var errEnough = errors.New("enough rows")

func (n *night) sampleFile(ctx context.Context, in *input, out *Sample, rows int) error {
	export, err := n.openExport(ctx, in)
	if err != nil {
		out.Columns = n.columnsOf(ctx, in)
		return err
	}
	defer export.Close()
	if out.Columns, err = export.Columns(ctx); err != nil {
		return err
	}
	s, filters := &n.sources[in.source], export.Filters()
	out.LeftOut = map[string]int64{}
	unseen := 0 // rows behind those that are shown
	for split := range export.Splits() {
		err := export.Read(ctx, split, func(b *readers.Batch) error {
			for row := range b.Len {
				if len(out.Rows) == rows {
					if unseen++; unseen == maxUnseen {
						return errEnough
					}
					continue
				}
				r := sampleRow(s, b, row, filters)
				out.Rows = append(out.Rows, r)
				if out.Read++; r.LeftOut != "" {
					out.LeftOut[r.LeftOut]++
				}
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if names := export.Lacking(); len(names) > 0 {
		return export.LackingError(ctx, names[0])
	}
	return nil
}

// columnsOf are the columns of a file that cannot be read as it is mapped,
// where it can be read at all.
func (n *night) columnsOf(ctx context.Context, in *input) []string {
	var layout readers.Layout
	if in.layout.mapping != nil {
		layout = in.layout.mapping.Layout
	}
	nothing := &readers.Schema{Source: n.sources[in.source].name}
	export, err := readers.OpenMapped(ctx, n.Exports, readers.File{Key: in.Key, Size: in.Size}, nothing, &readers.Mapping{Layout: layout}, n.Catalog.Zone)
	if err != nil {
		return nil
	}
	defer export.Close()
	columns, err := export.Columns(ctx)
	if err != nil {
		return nil
	}
	return columns
}

func sampleRow(s *source, b *readers.Batch, row int, filters []string) SampleRow {
	r := SampleRow{Number: b.FirstRow + int64(row)}
	for i := range s.schema.Fields {
		f, c := &s.schema.Fields[i], &b.Columns[i]
		cell := cellText(f, c, row)
		switch bad, is := c.Bad[row]; {
		case is:
			cell = bad.Text
		case absent(f.Kind, c, row):
		case f.Kind == readers.EventID:
			cell = eventKey(idBits(&c.IDs[row]))
		case f.Kind == readers.Instant:
			cell = instantText(c.Ints[row])
		}
		r.Cells = append(r.Cells, cell)
	}
	if b.LeftOut != nil && b.LeftOut[row] != 0 {
		r.LeftOut = filters[b.LeftOut[row]-1]
		return r
	}
	f := firstFault(s, b, row)
	if !f.found() {
		f = levelOverflow(s, b, row)
	}
	if !f.found() {
		f = customerFault(s, b, row)
	}
	r.Reject, r.Detail = f.reason, f.detail
	return r
}

// newest is the layout's export with the latest day in its path, of several
// the largest; or the one that is asked for.
func (n *night) newest(ctx context.Context, l *layout, o SampleOptions) (readers.File, error) {
	var found readers.File
	latest := calendar.None
	var prefixes []string
	for _, t := range l.templates {
		prefixes = append(prefixes, t.prefixOn(o.Day))
	}
	slices.Sort(prefixes)
	for _, prefix := range slices.Compact(prefixes) {
		if o.File != "" {
			prefix = o.File
		}
		it := n.Exports.List(&blob.ListOptions{Prefix: prefix})
		for {
			object, err := it.Next(ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return found, &readers.FileError{Key: prefix, What: "cannot be listed", Err: err}
			}
			parts, day, ok := l.match(object.Key)
			if !ok || o.File != "" && object.Key != o.File || o.Day != calendar.None && day != calendar.None && day != o.Day {
				continue
			}
			if found.Key == "" || day > latest || day == latest && object.Size > found.Size {
				found, latest = readers.File{Key: object.Key, Size: object.Size, Parts: parts}, day
			}
		}
	}
	return found, nil
}

// instantText is an instant in UTC.
func instantText(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z")
}
