package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"gocloud.dev/blob"

	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
	"ratemill/readers"
	"ratemill/writers"
)

// reach is where exports of a layout may lie: below one of some prefixes, one
// a day, in their order. A reach of several days is asked for with one list,
// from the first day's to the last day's, where the store can begin a list at
// any key.
type reach struct {
	source *source
	layout *layout
	days   []string
}

// reachesOf are where the exports lie of the window, of all sources.
func reachesOf(s *Settings, sources []source) (all []reach) {
	from := store.ListsFrom(s.Exports)
	for i := range sources {
		for j := range sources[i].exports {
			l := &sources[i].exports[j]
			for _, days := range l.prefixes(s, from) {
				all = append(all, reach{&sources[i], l, days})
			}
		}
	}
	return all
}

// prefixes are the folders in which a layout's exports of the window lie,
// those together that one list is to hold.
func (l *layout) prefixes(s *Settings, together bool) (all [][]string) {
	var alone []string
	for _, t := range l.listed() {
		if !t.hasDate() { // a month in it is no date: any may come at any time
			alone = append(alone, l.manifest.listedFrom(t.prefixOn(calendar.None), calendar.None))
			continue
		}
		var days []string
		for day := s.Day - calendar.Day(s.Catalog.WindowDays); day <= s.Day; day++ {
			days = append(days, l.manifest.listedFrom(t.prefixOn(day), day))
		}
		if days = slices.Compact(days); together && t.datesInOrder() && len(days) > 1 {
			all = append(all, days)
		} else {
			alone = append(alone, days...)
		}
	}
	slices.Sort(alone)
	for _, prefix := range slices.Compact(alone) {
		all = append(all, []string{prefix})
	}
	slices.SortFunc(all, slices.Compare)
	return slices.CompactFunc(all, slices.Equal)
}

// listExports lists the exports of every source, each once. A folder that
// cannot be listed is an error: unreadable is not empty.
//
// A reach of many days is asked for one page, which as a rule is all. Where it
// is not, what is left is cut into lists of about a page, which go on at once.
func listExports(ctx context.Context, s *Settings, sources []source) ([]listedFile, error) {
	if store.ListsFrom(s.Exports) {
		return listInPages(ctx, s, sources, pages{1000, 1000}) // the most that S3 gives
	}
	// A disk reads a folder again for each page, and room is made for a page
	// before it is known to be empty, as that of most days is.
	return listInPages(ctx, s, sources, pages{100, 10_000})
}

// pages is how many objects are asked for at first, and then at a time.
type pages struct{ first, further int }

func listInPages(ctx context.Context, s *Settings, sources []source, page pages) ([]listedFile, error) {
	reaches := reachesOf(s, sources)
	listed, left := make([][]listedFile, len(reaches)), make([][]reach, len(reaches))
	err := each(ctx, s.requests(), len(reaches), func(ctx context.Context, _, i int) (err error) {
		listed[i], left[i], err = listReach(ctx, s, &reaches[i], page, true)
		return err
	})
	if err != nil {
		return nil, err
	}
	rest := slices.Concat(left...)
	further := make([][]listedFile, len(rest))
	err = each(ctx, s.requests(), len(rest), func(ctx context.Context, _, i int) (err error) {
		further[i], _, err = listReach(ctx, s, &rest[i], page, false)
		return err
	})
	if err != nil {
		return nil, err
	}
	return eachOnce(append(listed, further...))
}

// listReach lists the exports of a reach. With onePage, of a reach of several
// days no more than a page is asked for, and left are the days that it does
// not hold whole.
func listReach(ctx context.Context, s *Settings, p *reach, size pages, onePage bool) (files []listedFile, left []reach, err error) {
	options := &blob.ListOptions{Prefix: p.days[0]}
	first, last := p.days[0], p.days[len(p.days)-1]
	if onePage = onePage && len(p.days) > 1; len(p.days) > 1 {
		options.Prefix = commonPrefix(first, last)
		// Behind a text that is less than the first day's prefix, which may be a
		// key by itself.
		_, end := utf8.DecodeLastRuneInString(first)
		options.BeforeList = store.ListFrom(first[len(options.Prefix) : len(first)-end])
	}
	fail := func(err error) ([]listedFile, []reach, error) {
		return nil, nil, &readers.FileError{Key: options.Prefix, What: "cannot be listed", Err: err}
	}
	before, ask := "", size.first
	for token := blob.FirstPageToken; token != nil; {
		var page []*blob.ListObject
		if page, token, err = s.Exports.ListPage(ctx, token, ask, options); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fail(err)
		}
		ask = size.further
		for _, o := range page {
			key := store.ListedKey(o)
			if key <= before && len(p.days) > 1 {
				return fail(fmt.Errorf("the store lists %s behind %s: it keeps no order", key, before))
			}
			before = key
			if o.Key > last && !strings.HasPrefix(o.Key, last) {
				token = nil // the window ends here
				break
			}
			if f, is, err := listedExport(s, p, o); err != nil {
				return nil, nil, err
			} else if is {
				files = append(files, f)
			}
		}
		if onePage && token != nil && len(page) > 0 {
			return files, p.leave(page[len(page)-1].Key), nil
		}
	}
	return files, nil, nil
}

// leave cuts what is left of a reach behind a page that ends with a key: the
// days that the page does not hold whole, so many together as it does hold.
// Files of the first of them are found again, and dropped by eachOnce.
func (p *reach) leave(key string) (left []reach) {
	whole := 0
	for whole+1 < len(p.days) && p.days[whole+1] <= key {
		whole++
	}
	for days := range slices.Chunk(p.days[whole:], max(whole, 1)) {
		left = append(left, reach{p.source, p.layout, days})
	}
	return left
}

func commonPrefix(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// listedExport is a listed object as an export of a reach's layout, or as a
// manifest, if it is one, of the days that the night looks at. Names that begin with a dot or an
// underscore are other programs' marks.
func listedExport(s *Settings, p *reach, o *blob.ListObject) (f listedFile, is bool, err error) {
	if day, is := p.layout.manifest.holds(o.Key); is && !o.IsDir {
		return p.found(o, day, true), s.looksAt(day), nil
	}
	name := path.Base(o.Key)
	if o.IsDir || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || strings.HasSuffix(o.Key, "/") {
		return f, false, nil
	}
	_, day, ok := p.layout.match(o.Key)
	if !ok || !s.looksAt(day) {
		return f, false, nil
	}
	if _, known := readers.FormatOf(o.Key); !known && (p.layout.mapping == nil || p.layout.mapping.Format == "") {
		return f, false, readers.UnknownFormat(o.Key)
	}
	return p.found(o, day, false), true, nil
}

func (p *reach) found(o *blob.ListObject, day calendar.Day, manifest bool) listedFile {
	f := listedFile{writers.InputFile{Source: p.source.name, Export: p.layout.name, Key: o.Key, Size: o.Size}, o.ModTime, o, p.layout, manifest}
	if day != calendar.None {
		f.Date = day.String()
	}
	return f
}
