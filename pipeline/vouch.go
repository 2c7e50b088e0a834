package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"ratemill/pipeline/store"
	"ratemill/readers"
	"ratemill/writers"
)

// A manifest is believed over what the store lists. A night reads one if it is
// new, if it has changed, or if a file that the night reads lies in its reach.
// What earlier nights have read they have proven; of that a manifest can no
// more than say that it should have been otherwise, which is listed like an
// export that has changed.

// witness is a manifest that a night reads.
type witness struct {
	writers.InputFile
	layout *layout
	says   *manifest
}

// apart parts manifests from the exports that are listed with them.
func apart(all []listedFile) (files, manifests []listedFile) {
	for _, f := range all {
		if f.manifest {
			manifests = append(manifests, f)
		} else {
			files = append(files, f)
		}
	}
	return files, manifests
}

// listing is what of a plan's list its checks ask for.
type listing struct {
	files     []listedFile
	witnesses []witness
	vouched   map[inputKey]vouchedRows // inputs whose rows a manifest counts
}

// vouchedRows is how many rows a manifest says that a file has.
type vouchedRows struct {
	rows int64
	by   string // the manifest's key
}

// readManifests reads the manifests that say something of the night's inputs,
// and those that are new or have changed. Those of later entries are not the
// night's.
func (p *Plan) readManifests(ctx context.Context, s *Settings, manifests []listedFile, later map[inputKey]bool, published time.Time) error {
	was := map[inputKey]writers.InputFile{}
	if p.before != nil {
		for _, f := range p.before.ConsumedManifests {
			was[keyOf(f)] = f
		}
	}
	var wanted []listedFile
	for _, m := range manifests {
		known := was[keyOf(m.InputFile)]
		delete(was, keyOf(m.InputFile))
		same := known.Key != "" && sameAsListed(&m, known, published)
		if !later[keyOf(m.InputFile)] && (!same || p.readsFileOf(&m)) {
			wanted = append(wanted, m)
		}
	}
	read := make([]witness, len(wanted))
	err := each(ctx, s.requests(), len(wanted), func(ctx context.Context, _, i int) error {
		var err error
		read[i], err = readManifest(ctx, s, &wanted[i])
		return err
	})
	if err != nil {
		return err
	}
	p.takeManifests(read, was, s)
	return nil
}

// sameAsListed tells whether a file that was consumed is the same by what the
// store lists of it.
func sameAsListed(f *listedFile, was writers.InputFile, published time.Time) bool {
	if now := listedIdentity(f.listed, was.Checksum); now != "" {
		return now == was.Checksum
	}
	return f.Date != "" && f.Size == was.Size && f.modified.Before(published)
}

// readsFileOf tells whether the night reads a file that a manifest is about.
func (p *Plan) readsFileOf(m *listedFile) bool {
	return slices.ContainsFunc(p.Inputs, func(f writers.InputFile) bool {
		return f.Source == m.Source && f.Export == m.Export && m.layout.covers(m.Key, f.Key)
	})
}

func readManifest(ctx context.Context, s *Settings, m *listedFile) (witness, error) {
	w := witness{InputFile: m.InputFile, layout: m.layout}
	attributes, err := s.Exports.Attributes(ctx, m.Key)
	if err != nil {
		return w, &readers.FileError{Key: m.Key, What: "cannot be looked at", Err: err}
	}
	if w.Size = attributes.Size; w.Size > maxManifest {
		return w, &readers.FileError{Key: m.Key, What: fmt.Sprintf("%d bytes are more than a manifest can have (%d)", w.Size, maxManifest)}
	}
	if w.Checksum, err = identity(ctx, s.Exports, m.Key, attributes); err != nil {
		return w, err
	}
	text, err := s.Exports.ReadAll(store.Unchanged(ctx, attributes.ETag, attributes.Size), m.Key)
	if err != nil {
		return w, &readers.FileError{Key: m.Key, What: "cannot be read", Err: err}
	}
	if w.says, err = parseManifest(m.Key, bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))); err != nil {
		return w, &readers.FileError{Key: m.Key, What: "is no whole manifest", Err: err}
	}
	return w, nil
}

// takeManifests makes manifests part of the plan. One that denies what earlier
// nights have consumed is listed as changed, as long as it does; one that
// vanished, too.
func (p *Plan) takeManifests(read []witness, gone map[inputKey]writers.InputFile, s *Settings) {
	slices.SortFunc(read, func(a, b witness) int { return compareInputs(a.InputFile, b.InputFile) })
	p.list.witnesses = read
	for i := range read {
		w := &read[i]
		if was, denies := p.denies(w); denies {
			p.Changed = append(p.Changed, writers.ChangedInput{Key: w.Key, Was: was, Now: w.Checksum})
			continue
		}
		p.Manifests = append(p.Manifests, w.InputFile)
	}
	p.noteGone(s, gone)
}

// denies tells whether a manifest says otherwise of an export that an entry
// has consumed, and what was known of the manifest then.
func (p *Plan) denies(w *witness) (was string, denies bool) {
	if p.before == nil || w.Date == "" {
		return "", false
	}
	for _, f := range p.before.ConsumedManifests {
		if keyOf(f) == keyOf(w.InputFile) {
			was = f.Checksum
		}
	}
	for _, f := range p.before.Consumed {
		if f.Source != w.Source || f.Export != w.Export || !w.layout.covers(w.Key, f.Key) {
			continue
		}
		if v := w.says.entry(f.Key); v == nil || otherwise(v, f) {
			return was, true
		}
	}
	return was, false
}

// otherwise tells whether a manifest's entry cannot be of a file as it was
// consumed. Checksums of two kinds say nothing of each other.
func otherwise(v *vouched, f writers.InputFile) bool {
	kind, _, _ := strings.Cut(f.Checksum, ":")
	return v.size != nil && *v.size != f.Size || strings.HasPrefix(v.checksum, kind+":") && v.checksum != f.Checksum
}

// checkManifests holds the night's inputs against their manifests: each file
// that is listed is there, none is there that is not, and sizes and checksums
// are those that are listed. Rows are counted when they are read.
func (p *Plan) checkManifests(ctx context.Context, s *Settings) error {
	p.list.vouched = map[inputKey]vouchedRows{}
	for i := range p.list.witnesses {
		w := &p.list.witnesses[i]
		problems, err := p.disagreements(ctx, s, w)
		if err != nil {
			return err
		}
		if len(problems) > 0 {
			return &readers.FileError{Key: w.Key, What: "the manifest and what lies there disagree: " + someOf(problems)}
		}
	}
	return p.checkRequired(s)
}

// someOf are the first of many problems.
func someOf(problems []string) string {
	const most = 20
	if n := len(problems) - most; n > 0 {
		problems = append(slices.Clone(problems[:most]), fmt.Sprintf("and %d more", n))
	}
	return strings.Join(problems, "; ")
}

// disagreements are all that a manifest says otherwise than the store.
func (p *Plan) disagreements(ctx context.Context, s *Settings, w *witness) ([]string, error) {
	var extra []string
	mine := map[*vouched]writers.InputFile{} // inputs of the night, by entry
	for _, f := range p.Inputs {
		if f.Source != w.Source || f.Export != w.Export || !w.layout.covers(w.Key, f.Key) {
			continue
		}
		v := w.says.entry(f.Key)
		if v == nil {
			extra = append(extra, f.Key+" is there, and is not among the files that it lists")
			continue
		}
		mine[v] = f
		if v.rows != nil {
			p.list.vouched[keyOf(f)] = vouchedRows{*v.rows, w.Key}
		}
	}
	found := make([]string, len(w.says.files)) // by entry of the manifest
	err := each(ctx, s.requests(), len(w.says.files), func(ctx context.Context, _, i int) (err error) {
		v := &w.says.files[i]
		if f, is := mine[v]; is {
			found[i], err = p.disagreement(ctx, s, v, &f)
		} else {
			found[i], err = p.absence(ctx, s, v)
		}
		return err
	})
	problems := slices.DeleteFunc(found, func(what string) bool { return what == "" })
	return append(problems, extra...), err
}

// disagreement is what is wrong with a file by its entry, or empty.
func (p *Plan) disagreement(ctx context.Context, s *Settings, v *vouched, f *writers.InputFile) (string, error) {
	if v.size != nil && *v.size != f.Size {
		return fmt.Sprintf("%s has %d bytes, and it says %d", f.Key, f.Size, *v.size), nil
	}
	if v.checksum == "" || v.checksum == f.Checksum {
		return "", nil
	}
	now, err := p.checksumLike(ctx, s, f, v.checksum)
	if err != nil || now == v.checksum {
		return "", err
	}
	return fmt.Sprintf("%s has the checksum %s, and it says %s", f.Key, now, v.checksum), nil
}

// absence tells of a file that a manifest lists and the night does not read
// whether it is missing. One that an entry has consumed is not: if it vanished
// it is among the changed inputs.
func (p *Plan) absence(ctx context.Context, s *Settings, v *vouched) (string, error) {
	isIt := func(f writers.InputFile) bool { return v.names(f.Key) }
	if p.before != nil && slices.ContainsFunc(p.before.Consumed, isIt) || slices.ContainsFunc(p.list.files, func(f listedFile) bool { return isIt(f.InputFile) }) {
		return "", nil
	}
	if v.key != "" {
		there, err := s.Exports.Exists(ctx, v.key) // an export of another layout
		switch {
		case err != nil:
			return "", &readers.FileError{Key: v.key, What: "cannot be looked at", Err: err}
		case there:
			return "", nil
		}
		return v.key + " is missing", nil
	}
	return v.name + " is missing", nil
}

// checksumLike is an input's checksum of the kind that a manifest has.
func (p *Plan) checksumLike(ctx context.Context, s *Settings, f *writers.InputFile, want string) (string, error) {
	ctx = p.frozen(ctx, f.Key)
	switch {
	case strings.HasPrefix(want, byETag):
		return byETag + strings.Trim(p.pins[f.Key].etag, `"`), nil
	case strings.HasPrefix(want, byMD5):
		return contentIdentity(ctx, s.Exports, f.Key)
	}
	r, err := s.Exports.NewReader(ctx, f.Key, nil)
	if err != nil {
		return "", &readers.FileError{Key: f.Key, What: "cannot be opened", Err: err}
	}
	defer r.Close()
	h := sha256.New()
	if _, err := readInto(h, r); err != nil {
		return "", &readers.FileError{Key: f.Key, What: "cannot be read", Err: err}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// checkRequired tells of inputs that wait for their manifest.
func (p *Plan) checkRequired(s *Settings) error {
	sources, err := sourcesOf(s.Sources, s.Lookups)
	if err != nil {
		return err
	}
	for _, f := range p.Inputs {
		l := layoutOf(sources, f)
		if l == nil || l.manifest.need != ManifestRequired || p.hasWitness(f) {
			continue
		}
		return &NotThereError{What: fmt.Sprintf("%s is there, its manifest is not, and ratemill.yaml requires one", f.Key), Where: l.manifestPaths()}
	}
	return nil
}

func (p *Plan) hasWitness(f writers.InputFile) bool {
	return slices.ContainsFunc(p.list.witnesses, func(w witness) bool {
		return w.Source == f.Source && w.Export == f.Export && w.layout.covers(w.Key, f.Key)
	})
}

// layoutOf is the layout by which an input is read, or nil.
func layoutOf(sources []source, f writers.InputFile) *layout {
	for i := range sources {
		for j := range sources[i].exports {
			if l := &sources[i].exports[j]; sources[i].name == f.Source && l.name == f.Export {
				return l
			}
		}
	}
	return nil
}

// manifestPaths are the places where a layout's manifests lie, in words.
func (l *layout) manifestPaths() string {
	var all []string
	for _, t := range l.manifest.templates {
		all = append(all, t.text)
	}
	return strings.Join(all, " or ")
}

// checkRows holds the rows that were read of each file against what its
// manifest says, and against the sum where a manifest says that alone.
func (n *night) checkRows() error {
	read := map[inputKey]int64{}
	for i := range n.files {
		for _, m := range n.mapped {
			read[keyOf(n.files[i].InputFile)] += m.files[i].read
		}
	}
	for i := range n.files {
		key := keyOf(n.files[i].InputFile)
		if v, said := n.plan.list.vouched[key]; said && v.rows != read[key] {
			return &readers.FileError{Key: key.key, What: fmt.Sprintf("it has %d rows, and its manifest %s says %d", read[key], v.by, v.rows)}
		}
	}
	for i := range n.plan.list.witnesses {
		w := &n.plan.list.witnesses[i]
		if sum, all := n.rowsOf(w, read); all && w.says.rows != nil && *w.says.rows != sum {
			return &readers.FileError{Key: w.Key, What: fmt.Sprintf("the manifest says %d rows in all, and its files have %d", *w.says.rows, sum)}
		}
	}
	return nil
}

// rowsOf are the rows of all files of a manifest, if the night read them all.
func (n *night) rowsOf(w *witness, read map[inputKey]int64) (sum int64, all bool) {
	files := 0
	for i := range n.files {
		f := &n.files[i].InputFile
		if f.Source == w.Source && f.Export == w.Export && w.layout.covers(w.Key, f.Key) && w.says.entry(f.Key) != nil {
			sum += read[keyOf(*f)]
			files++
		}
	}
	return sum, files == len(w.says.files)
}

// otherManifests say which of an entry's manifests are not what they were, but
// for those that a later entry has read again.
func (p *Plan) otherManifests(e *Entry, overwritten map[inputKey]bool) []string {
	now := map[inputKey]writers.InputFile{}
	for _, f := range p.Manifests {
		now[keyOf(f)] = f
	}
	var d []string
	for _, f := range e.Manifests {
		n, there := now[keyOf(f)]
		switch {
		case overwritten[keyOf(f)]:
		case !there:
			d = append(d, f.Key+" is gone")
		case n != f:
			d = append(d, f.Key+" has changed")
		}
	}
	return d
}
