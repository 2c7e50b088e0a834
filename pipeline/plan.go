package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
	"ratemill/readers"
	"ratemill/writers"
)

// Plan is what a night is going to do: everything that decides on what it
// publishes, and nothing else. The same plan makes the same bytes.
type Plan struct {
	Entry       int64                  `json:"entry"`
	BillingDate string                 `json:"billing_date"`
	FirstNight  string                 `json:"first_night"`
	Catalog     writers.CatalogRef     `json:"catalog"`
	Predecessor *writers.EntryRef      `json:"predecessor"`
	Version     string                 `json:"program_version"`
	WindowDays  int                    `json:"window_days"`
	MaxRejects  int64                  `json:"max_rejects"` // parts per million of the rows read; decides on the exit code
	Sources     string                 `json:"sources_digest,omitempty"`
	Lookups     []writers.LookupFile   `json:"lookups,omitempty"`
	Inputs      []writers.InputFile    `json:"inputs"`
	Changed     []writers.ChangedInput `json:"changed_inputs"`
	Rerate      *writers.RerateSpan    `json:"rerate,omitempty"`           // of a rerate
	Manifests   []writers.InputFile    `json:"manifests,omitempty"`        // that vouch for inputs
	Forgotten   []writers.InputFile    `json:"forgotten_inputs,omitempty"` // consumed from paths without a date, and gone
	Expected    []Expected             `json:"expected,omitempty"`
	Decisions   []writers.DecisionFile `json:"decisions,omitempty"` // on rows that wait

	before    *Entry
	pins      map[string]pin // of the inputs and lookup tables, by key
	list      listing
	decisions []*decisionRead
}

// pin is an object as it lay there when the plan was made.
type pin struct {
	etag string
	size int64
}

// RunID is the digest of the plan.
func (p *Plan) RunID() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // plain data
	}
	return digest(text)[:32]
}

// Print writes the plan for people.
func (p *Plan) Print(w io.Writer) {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		panic(err) // plain data
	}
	fmt.Fprintf(w, "run %s\n%s\n", p.RunID(), text)
}

// NewPlan freezes what the night of the settings' day is going to do: its
// inputs as they lie there, the catalog and the entry before it.
func NewPlan(ctx context.Context, s *Settings) (*Plan, error) {
	head, err := Head(ctx, s.Output)
	if err != nil {
		return nil, err
	}
	return freshPlan(ctx, s, head)
}

// freshPlan plans the night after an entry that is to be billed now: whether
// its inputs are all there is asked of no other.
func freshPlan(ctx context.Context, s *Settings, before *Entry) (*Plan, error) {
	p, err := planAfter(ctx, s, before, nil)
	if err != nil {
		return nil, err
	}
	if err := p.checkManifests(ctx, s); err != nil {
		return nil, err
	}
	return p, p.checkExpected()
}

// planAfter plans the night after an entry (nil: the first). Files that
// entries after it have consumed are not its own.
func planAfter(ctx context.Context, s *Settings, before *Entry, later []writers.InputFile) (*Plan, error) {
	if err := checkDay(s, before); err != nil {
		return nil, err
	}
	p := &Plan{
		Entry: 1, BillingDate: s.Day.String(), FirstNight: s.Day.String(), Version: s.Version, WindowDays: s.Catalog.WindowDays, MaxRejects: s.MaxRejects,
		Catalog: writers.CatalogRef{Name: s.Catalog.Name, Digest: s.Catalog.Digest}, before: before, pins: map[string]pin{},
		Sources: digestOf(s.Sources, s.Lookups), Inputs: []writers.InputFile{}, Changed: []writers.ChangedInput{},
	}
	if before != nil {
		p.Entry = before.Entry + 1
		p.FirstNight = before.FirstNight
		p.Predecessor = &writers.EntryRef{Entry: before.Entry, Digest: before.Digest}
	}
	if err := p.freezeLookups(ctx, s); err != nil {
		return nil, err
	}
	if err := p.takeDecisions(ctx, s); err != nil {
		return nil, err
	}
	return p, p.listInputs(ctx, s, later)
}

// checkDay refuses a day that history has no place for.
func checkDay(s *Settings, before *Entry) error {
	switch {
	case before == nil && !s.First:
		return &UsageError{
			What: fmt.Sprintf("nothing is published under the output, so there is no night before %s", s.Day),
			Hint: "if history is to start with this night, say --first-night; else check --output",
		}
	case before == nil:
		return nil
	case s.First:
		return &UsageError{
			What: fmt.Sprintf("--first-night, but history started on %s under this output", before.FirstNight),
			Hint: "leave --first-night out",
		}
	case s.Day > before.Billed()+1:
		return &UsageError{
			What: fmt.Sprintf("the night of %s is not published, so %s cannot be billed", before.Billed()+1, s.Day),
			Hint: fmt.Sprintf("bill %s first, or leave --date out to bill every unpublished day", before.Billed()+1),
		}
	case s.Day <= before.Billed():
		return fmt.Errorf("%s was to follow %s", s.Day, before.Billed())
	}
	return nil
}

// inputKey is what tells an input from any other: the same file may be read as
// exports of two sources.
type inputKey struct{ source, export, key string }

func keyOf(f writers.InputFile) inputKey { return inputKey{f.Source, f.Export, f.Key} }

// listInputs finds the exports of the day and those of the window before it
// that no entry has consumed, never later ones; and those that lie under a
// path without a date, if they are new or have changed.
func (p *Plan) listInputs(ctx context.Context, s *Settings, later []writers.InputFile) error {
	sources, err := sourcesOf(s.Sources, s.Lookups)
	if err != nil {
		return err
	}
	if p.before != nil {
		sources = withoutBook(sources)
	}
	all, err := listExports(ctx, s, sources)
	found, manifests := apart(all)
	if err == nil {
		err = ofDay(found, s.Day)
	}
	if err != nil {
		return err
	}
	p.list = listing{files: found}
	consumed := map[inputKey]writers.InputFile{}
	if p.before != nil {
		for _, f := range p.before.Consumed {
			consumed[keyOf(f)] = f
		}
	}
	others := map[inputKey]bool{}
	for _, f := range later {
		others[keyOf(f)] = true
	}
	var fresh, old []foundInput
	for _, f := range found {
		key := keyOf(f.InputFile)
		switch in := (foundInput{f, consumed[key]}); {
		case others[key]:
		case in.was.Key != "":
			old = append(old, in)
		default:
			fresh = append(fresh, in)
		}
		delete(consumed, key)
	}
	published, err := p.publishedBefore(ctx, s)
	if err != nil {
		return err
	}
	changed, err := p.noteChanges(ctx, s, old, consumed, published)
	if err != nil {
		return err
	}
	if err := p.freeze(ctx, s, append(fresh, changed...)); err != nil {
		return err
	}
	if err := p.readManifests(ctx, s, manifests, others, published); err != nil {
		return err
	}
	p.expect(s, sources)
	return nil
}

// publishedBefore is when the entry before was published, by the store's clock.
func (p *Plan) publishedBefore(ctx context.Context, s *Settings) (time.Time, error) {
	if p.before == nil {
		return time.Time{}, nil
	}
	attributes, err := s.Output.Attributes(ctx, runKey(p.before.Entry))
	if err != nil {
		return time.Time{}, err
	}
	return attributes.ModTime, nil
}

// listedFile is an export as it is listed.
type listedFile struct {
	writers.InputFile
	modified time.Time // the store's clock; never part of a plan
	listed   *blob.ListObject
	layout   *layout
	manifest bool // no export: it says which exports there are
}

type foundInput struct {
	listedFile
	was writers.InputFile // as it was consumed, if it was
}

// eachOnce drops what two patterns of a layout have both found. A file that
// two layouts of a source lay claim to would be billed twice, or as the wrong
// thing.
func eachOnce(listed [][]listedFile) ([]listedFile, error) {
	var all []listedFile
	export := map[[2]string]string{} // by source and key
	for _, list := range listed {
		for _, f := range list {
			place := [2]string{f.Source, f.Key}
			if f.manifest { // may be about the files of several
				place[0] += "\x00" + f.Export
			}
			other, known := export[place]
			switch {
			case !known:
				export[place] = f.Export
				all = append(all, f)
			case other != f.Export:
				names := []string{other, f.Export}
				slices.Sort(names)
				what := fmt.Sprintf("%s fits the paths of two exports of source %s: %s", f.Key, f.Source, strings.Join(names, " and "))
				return nil, &UsageError{What: what, Hint: "narrow the paths in ratemill.yaml"}
			}
		}
	}
	return all, nil
}

// match tells whether a key is one of the layout's exports, with what its
// path's placeholders stand for.
func (l *layout) match(key string) (parts map[string]string, day calendar.Day, ok bool) {
	for _, t := range l.templates {
		if parts, day, ok = t.match(key); ok {
			return parts, day, true
		}
	}
	return nil, calendar.None, false
}

// looksAt tells whether the night reads files of a day; of those without one
// it reads any.
func (s *Settings) looksAt(day calendar.Day) bool {
	return day == calendar.None || day <= s.Day && day >= s.Day-calendar.Day(s.Catalog.WindowDays)
}

// freeze gives the plan's inputs their identity, and pins the objects that
// have it: the night reads those and no others.
func (p *Plan) freeze(ctx context.Context, s *Settings, fresh []foundInput) error {
	tags := make([]string, len(fresh))
	err := each(ctx, s.requests(), len(fresh), func(ctx context.Context, _, i int) error {
		f := &fresh[i]
		attributes, err := s.Exports.Attributes(ctx, f.Key)
		switch {
		case err != nil:
			return &readers.FileError{Key: f.Key, What: "cannot be looked at", Err: err}
		case attributes.Size != f.Size:
			return &readers.FileError{Key: f.Key, What: "changed while it was being looked at"}
		}
		tags[i] = attributes.ETag
		if f.Checksum = s.scan.checksumOf(f.InputFile, pin{attributes.ETag, attributes.Size}); f.Checksum == "" {
			f.Checksum, err = identity(ctx, s.Exports, f.Key, attributes)
		}
		return err
	})
	if err != nil {
		return err
	}
	for i, f := range fresh {
		p.Inputs = append(p.Inputs, f.InputFile)
		p.pins[f.Key] = pin{tags[i], f.Size}
	}
	slices.SortFunc(p.Inputs, compareInputs)
	return nil
}

// noteChanges lists consumed exports that have changed or vanished since. A
// file that the store has not touched since the entry before was published is
// taken to be the same, so that a night need not read the window again.
//
// A path without a date is one that is written again and again. A file there
// that has changed is to be read again, and no sign of trouble; what it said
// before is known by its event ids.
func (p *Plan) noteChanges(ctx context.Context, s *Settings, old []foundInput, gone map[inputKey]writers.InputFile, published time.Time) (again []foundInput, err error) {
	for _, f := range old {
		now := listedIdentity(f.listed, f.was.Checksum)
		// A file that is copied keeps its time: what is written again and again is
		// compared by what it says.
		if now == "" && f.Date != "" && f.Size == f.was.Size && f.modified.Before(published) {
			continue
		}
		if now == "" {
			if now, err = contentIdentity(ctx, s.Exports, f.Key); err != nil {
				return nil, err
			}
		}
		switch {
		case now == f.was.Checksum:
		case f.Date == "":
			again = append(again, f)
		default:
			p.Changed = append(p.Changed, writers.ChangedInput{Key: f.Key, Was: f.was.Checksum, Now: now})
		}
	}
	p.noteGone(s, gone)
	return again, nil
}

// noteGone lists what was consumed within the window and is there no more. A
// file at a path without a date that is gone is forgotten: such files are
// written under new names for ever, and run.json would keep them all. If one
// comes back it is read again, and its rows are known by their ids as far back
// as any row is billed.
func (p *Plan) noteGone(s *Settings, gone map[inputKey]writers.InputFile) {
	oldest := (s.Day - calendar.Day(s.Catalog.WindowDays)).String()
	for _, f := range gone {
		switch {
		case f.Date == "":
			p.Forgotten = append(p.Forgotten, f)
		case f.Date >= oldest:
			p.Changed = append(p.Changed, writers.ChangedInput{Key: f.Key, Was: f.Checksum})
		}
	}
	slices.SortFunc(p.Forgotten, compareInputs)
	slices.SortFunc(p.Changed, func(a, b writers.ChangedInput) int { return cmp.Compare(a.Key, b.Key) })
	p.Changed = slices.Compact(p.Changed)
}

func compareInputs(a, b writers.InputFile) int {
	return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Export, b.Export))
}

// freezeLookups freezes the lookup tables.
func (p *Plan) freezeLookups(ctx context.Context, s *Settings) error {
	p.Lookups = make([]writers.LookupFile, len(s.Lookups))
	tags := make([]string, len(s.Lookups))
	err := each(ctx, s.requests(), len(s.Lookups), func(ctx context.Context, _, i int) error {
		l := &s.Lookups[i]
		attributes, err := s.Exports.Attributes(ctx, l.Path)
		if err != nil {
			return &readers.FileError{Key: l.Path, What: "lookup table " + l.Name + " cannot be looked at", Err: err}
		}
		f := writers.LookupFile{Name: l.Name, Key: l.Path, Size: attributes.Size}
		tags[i] = attributes.ETag
		f.Checksum, err = identity(ctx, s.Exports, l.Path, attributes)
		p.Lookups[i] = f
		return err
	})
	for i, f := range p.Lookups {
		p.pins[f.Key] = pin{tags[i], f.Size}
	}
	slices.SortFunc(p.Lookups, func(a, b writers.LookupFile) int { return cmp.Compare(a.Name, b.Name) })
	return err
}

// frozen is a context in which an input is read as it was listed, or not.
func (p *Plan) frozen(ctx context.Context, key string) context.Context {
	return store.Unchanged(ctx, p.pins[key].etag, p.pins[key].size)
}

// checkUnchanged proves that the inputs are still those that were listed.
func (p *Plan) checkUnchanged(ctx context.Context, s *Settings) error {
	keys := slices.Sorted(maps.Keys(p.pins))
	return each(ctx, s.requests(), len(keys), func(ctx context.Context, _, i int) error {
		key := keys[i]
		now, err := s.Exports.Attributes(ctx, key)
		switch {
		case gcerrors.Code(err) == gcerrors.NotFound:
			return &readers.FileError{Key: key, What: "vanished while it was being read"}
		case err != nil:
			return &readers.FileError{Key: key, What: "cannot be looked at", Err: err}
		case now.Size != p.pins[key].size || now.ETag != p.pins[key].etag:
			return &readers.FileError{Key: key, What: "changed while it was being read"}
		}
		return nil
	})
}

// consumed is the consumed set of the window after the night: what the next
// one must not read again.
func (p *Plan) consumed(day calendar.Day) []writers.InputFile {
	var before []writers.InputFile
	if p.before != nil {
		before = p.before.Consumed
	}
	return slices.DeleteFunc(p.inWindow(day, before, p.Inputs), func(f writers.InputFile) bool {
		return f.Source == openingBook // which nobody reads again
	})
}

// consumedManifests are the manifests of the window after the night.
func (p *Plan) consumedManifests(day calendar.Day) []writers.InputFile {
	if p.before == nil {
		return p.Manifests
	}
	return p.inWindow(day, p.before.ConsumedManifests, p.Manifests)
}

// inWindow are the files of the entry before and of this one that the window
// after the night's day still has.
func (p *Plan) inWindow(day calendar.Day, before, now []writers.InputFile) []writers.InputFile {
	oldest := (day + 1 - calendar.Day(p.WindowDays)).String()
	drop := map[inputKey]bool{} // read again, since they have changed; or gone
	for _, f := range slices.Concat(now, p.Forgotten) {
		drop[keyOf(f)] = true
	}
	all := slices.DeleteFunc(slices.Clone(before), func(f writers.InputFile) bool { return drop[keyOf(f)] })
	all = append(all, now...)
	return slices.DeleteFunc(all, func(f writers.InputFile) bool { return f.Date != "" && f.Date < oldest })
}

// differences say how a published entry differs from what the plan would do
// now, but for files that were overwritten since and read again by a later
// night. The program's version is not asked: what is published stays.
func (p *Plan) differences(e *Entry, overwritten map[inputKey]bool) []string {
	var d []string
	if p.Catalog.Digest != e.Catalog.Digest {
		d = append(d, fmt.Sprintf("the catalog is another (%.12s, published with %.12s)", p.Catalog.Digest, e.Catalog.Digest))
	}
	if p.Sources != e.Sources {
		d = append(d, "the sources are laid out in another way")
	}
	if !slices.Equal(p.Lookups, e.Lookups) {
		d = append(d, "the lookup tables have changed")
	}
	was := map[inputKey]writers.InputFile{}
	for _, f := range e.Inputs {
		if !overwritten[keyOf(f)] {
			was[keyOf(f)] = f
		}
	}
	for _, f := range p.Inputs {
		w, known := was[keyOf(f)]
		switch {
		case !known:
			d = append(d, f.Key+" is new")
		case w != f:
			d = append(d, f.Key+" has changed")
		}
		delete(was, keyOf(f))
	}
	for _, f := range e.Inputs {
		if _, left := was[keyOf(f)]; left {
			d = append(d, f.Key+" is gone")
		}
	}
	return append(d, p.otherManifests(e, overwritten)...)
}
