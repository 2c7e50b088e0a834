package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

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
	Inputs      []writers.InputFile    `json:"inputs"`
	Changed     []writers.ChangedInput `json:"changed_inputs"`

	before *Entry
	etags  map[string]string // of the inputs, when they were listed
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
	return planAfter(ctx, s, head, nil)
}

// planAfter plans the night after an entry (nil: the first). Files that
// entries after it have consumed are not its own.
func planAfter(ctx context.Context, s *Settings, before *Entry, later []writers.InputFile) (*Plan, error) {
	if err := checkDay(s, before); err != nil {
		return nil, err
	}
	p := &Plan{
		Entry: 1, BillingDate: s.Day.String(), FirstNight: s.Day.String(), Version: s.Version, WindowDays: s.Catalog.WindowDays, MaxRejects: s.MaxRejects,
		Catalog: writers.CatalogRef{Name: s.Catalog.Name, Digest: s.Catalog.Digest}, before: before, etags: map[string]string{},
		Inputs: []writers.InputFile{}, Changed: []writers.ChangedInput{},
	}
	if before != nil {
		p.Entry = before.Entry + 1
		p.FirstNight = before.FirstNight
		p.Predecessor = &writers.EntryRef{Entry: before.Entry, Digest: before.Digest}
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
	case s.Day > before.Day+1:
		return &UsageError{
			What: fmt.Sprintf("the night of %s is not published, so %s cannot be billed", before.Day+1, s.Day),
			Hint: fmt.Sprintf("bill %s first, or leave --date out to bill every unpublished day", before.Day+1),
		}
	case s.Day <= before.Day:
		return fmt.Errorf("%s was to follow %s", s.Day, before.Day)
	}
	return nil
}

// listInputs finds the exports of the day and those of the window before it
// that no entry has consumed, never later ones. A folder that cannot be
// listed is an error: unreadable is not empty.
func (p *Plan) listInputs(ctx context.Context, s *Settings, later []writers.InputFile) error {
	type folder struct {
		source string
		day    calendar.Day
	}
	var folders []folder
	for _, src := range canonicalSources() {
		for day := s.Day - calendar.Day(s.Catalog.WindowDays); day <= s.Day; day++ {
			folders = append(folders, folder{src.name, day})
		}
	}
	consumed := map[string]writers.InputFile{}
	if p.before != nil {
		for _, f := range p.before.Consumed {
			consumed[f.Key] = f
		}
	}
	others := map[string]bool{}
	for _, f := range later {
		others[f.Key] = true
	}
	listed := make([][]listedFile, len(folders))
	err := each(ctx, s.workers(), len(folders), func(ctx context.Context, _, i int) error {
		var err error
		listed[i], err = listFolder(ctx, s.Exports, folders[i].source, folders[i].day)
		return err
	})
	if err != nil {
		return err
	}
	var fresh, old []foundInput
	for i := range folders {
		for _, f := range listed[i] {
			switch in := (foundInput{f, consumed[f.Key]}); {
			case in.was.Key != "":
				old = append(old, in)
			case !others[f.Key]:
				fresh = append(fresh, in)
			}
			delete(consumed, f.Key)
		}
	}
	if err := p.freeze(ctx, s, fresh); err != nil {
		return err
	}
	return p.noteChanges(ctx, s, old, consumed)
}

// listedFile is an export as it is listed.
type listedFile struct {
	writers.InputFile
	modified time.Time // the store's clock; never part of a plan
}

type foundInput struct {
	listedFile
	was writers.InputFile // as it was consumed, if it was
}

// listFolder lists a source's exports of a day. Names that begin with a dot
// or an underscore are other programs' marks.
func listFolder(ctx context.Context, exports *blob.Bucket, source string, day calendar.Day) ([]listedFile, error) {
	prefix := fmt.Sprintf("%s/date=%s/", source, day)
	var files []listedFile
	it := exports.List(&blob.ListOptions{Prefix: prefix})
	for {
		o, err := it.Next(ctx)
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, &readers.FileError{Key: prefix, What: "cannot be listed", Err: err}
		}
		name := path.Base(o.Key)
		if o.IsDir || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || strings.HasSuffix(o.Key, "/") {
			continue
		}
		if _, known := readers.FormatOf(o.Key); !known {
			return nil, readers.UnknownFormat(o.Key)
		}
		f := listedFile{writers.InputFile{Source: source, Key: o.Key, Size: o.Size, Date: day.String()}, o.ModTime}
		if len(o.MD5) > 0 {
			f.Checksum = "md5:" + hex.EncodeToString(o.MD5)
		}
		files = append(files, f)
	}
}

// freeze gives the plan's inputs their identity: size and checksum, where the
// store has none that of their bytes.
func (p *Plan) freeze(ctx context.Context, s *Settings, fresh []foundInput) error {
	tags := make([]string, len(fresh))
	err := each(ctx, s.workers(), len(fresh), func(ctx context.Context, _, i int) error {
		f := &fresh[i]
		attributes, err := s.Exports.Attributes(ctx, f.Key)
		if err != nil {
			return &readers.FileError{Key: f.Key, What: "cannot be looked at", Err: err}
		}
		tags[i] = attributes.ETag
		if f.Checksum == "" {
			f.Checksum, err = checksum(ctx, s.Exports, f.Key)
		}
		return err
	})
	if err != nil {
		return err
	}
	for i, f := range fresh {
		p.Inputs = append(p.Inputs, f.InputFile)
		p.etags[f.Key] = tags[i]
	}
	slices.SortFunc(p.Inputs, func(a, b writers.InputFile) int { return cmp.Compare(a.Key, b.Key) })
	return nil
}

// checksum reads an export once for its identity.
func checksum(ctx context.Context, exports *blob.Bucket, key string) (string, error) {
	r, err := exports.NewReader(ctx, key, nil)
	if err != nil {
		return "", &readers.FileError{Key: key, What: "cannot be opened", Err: err}
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", &readers.FileError{Key: key, What: "cannot be read", Err: err}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// noteChanges lists consumed exports that have changed or vanished since. A
// file that the store has not touched since the entry before was published is
// taken to be the same, so that a night need not read the window again.
func (p *Plan) noteChanges(ctx context.Context, s *Settings, old []foundInput, gone map[string]writers.InputFile) error {
	var published time.Time
	if p.before != nil {
		attributes, err := s.Output.Attributes(ctx, runKey(p.before.Entry))
		if err != nil {
			return err
		}
		published = attributes.ModTime
	}
	for _, f := range old {
		now := f.Checksum
		if now == "" && f.Size == f.was.Size && f.modified.Before(published) {
			continue
		}
		if now == "" {
			var err error
			if now, err = checksum(ctx, s.Exports, f.Key); err != nil {
				return err
			}
		}
		if now != f.was.Checksum {
			p.Changed = append(p.Changed, writers.ChangedInput{Key: f.Key, Was: f.was.Checksum, Now: now})
		}
	}
	oldest := (s.Day - calendar.Day(s.Catalog.WindowDays)).String()
	for _, f := range gone {
		if f.Date >= oldest {
			p.Changed = append(p.Changed, writers.ChangedInput{Key: f.Key, Was: f.Checksum})
		}
	}
	slices.SortFunc(p.Changed, func(a, b writers.ChangedInput) int { return cmp.Compare(a.Key, b.Key) })
	return nil
}

// checkUnchanged proves that the inputs are still those that were listed.
func (p *Plan) checkUnchanged(ctx context.Context, s *Settings) error {
	return each(ctx, s.workers(), len(p.Inputs), func(ctx context.Context, _, i int) error {
		f := &p.Inputs[i]
		now, err := s.Exports.Attributes(ctx, f.Key)
		switch {
		case gcerrors.Code(err) == gcerrors.NotFound:
			return &readers.FileError{Key: f.Key, What: "vanished while it was being read"}
		case err != nil:
			return &readers.FileError{Key: f.Key, What: "cannot be looked at", Err: err}
		case now.Size != f.Size || now.ETag != p.etags[f.Key]:
			return &readers.FileError{Key: f.Key, What: "changed while it was being read"}
		}
		return nil
	})
}

// consumed is the consumed set of the window after the night: what the next
// one must not read again.
func (p *Plan) consumed(day calendar.Day) []writers.InputFile {
	oldest := (day + 1 - calendar.Day(p.WindowDays)).String()
	var all []writers.InputFile
	if p.before != nil {
		all = append(all, p.before.Consumed...)
	}
	all = append(all, p.Inputs...)
	return slices.DeleteFunc(all, func(f writers.InputFile) bool { return f.Date < oldest })
}

// differences say how a published entry differs from what the plan would do
// now. The program's version is not asked: what is published stays.
func (p *Plan) differences(e *Entry) []string {
	var d []string
	if p.Catalog.Digest != e.Catalog.Digest {
		d = append(d, fmt.Sprintf("the catalog is another (%.12s, published with %.12s)", p.Catalog.Digest, e.Catalog.Digest))
	}
	was := map[string]writers.InputFile{}
	for _, f := range e.Inputs {
		was[f.Key] = f
	}
	for _, f := range p.Inputs {
		w, known := was[f.Key]
		switch {
		case !known:
			d = append(d, f.Key+" is new")
		case w != f:
			d = append(d, f.Key+" has changed")
		}
		delete(was, f.Key)
	}
	for _, f := range e.Inputs {
		if _, left := was[f.Key]; left {
			d = append(d, f.Key+" is gone")
		}
	}
	return d
}
