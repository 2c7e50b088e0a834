package writers

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Formats of run.json and intent.json. A program reads no other.
const (
	RunFormat    = 1
	IntentFormat = 1
)

// Kinds of an entry.
const (
	Night  = "night"  // a billing date, billed for the first time
	Rerate = "rerate" // corrections of what was issued before
)

// Run is run.json: one entry of the billing history. It holds no time, host or
// duration, so the same plan makes the same bytes. Dates are YYYY-MM-DD,
// digests and checksums hexadecimal, keys those of the objects in the store.
type Run struct {
	Format         int            `json:"format"`
	Entry          int64          `json:"entry"` // from 1, without gaps
	Kind           string         `json:"kind"`  // Night or Rerate
	BillingDate    string         `json:"billing_date"`
	RunID          string         `json:"run_id"` // digest of the plan
	ProgramVersion string         `json:"program_version"`
	Catalog        CatalogRef     `json:"catalog"`
	Predecessor    *EntryRef      `json:"predecessor"`              // null for the first entry
	FirstNight     string         `json:"first_night"`              // billing date on which history starts
	WindowDays     int            `json:"window_days"`              // how far back late usage and duplicates reach
	Sources        string         `json:"sources_digest,omitempty"` // of how ratemill.yaml lays the sources out; empty: as they are by default
	Lookups        []LookupFile   `json:"lookups,omitempty"`        // tables that the layouts look values up in, by name
	Inputs         []InputFile    `json:"inputs"`                   // read by the entry, by key
	Manifests      []InputFile    `json:"manifests,omitempty"`      // that vouched for inputs, by key
	Consumed       []InputFile    `json:"consumed"`                 // read by it or an earlier entry within the window, by key
	ChangedInputs  []ChangedInput `json:"changed_inputs"`

	ConsumedManifests []InputFile  `json:"consumed_manifests,omitempty"` // read by it or an earlier entry within the window, by key
	Unexpected        []Unexpected `json:"unexpected_inputs,omitempty"`  // that ratemill.yaml expects otherwise, by source, export and what

	Outputs       []OutputFile `json:"outputs"` // all but run.json, by key
	Totals        Totals       `json:"totals"`
	InvoiceSeries []SeriesEnd  `json:"invoice_series"` // all series so far, by name
	ExitCode      int          `json:"exit_code"`      // repeated when the entry is asked for again

	Rerate *RerateSpan `json:"rerate,omitempty"` // of an entry of that kind

	Decisions      []TakenDecision `json:"decisions,omitempty"`       // that the entry took, by number; of a rerate those of the nights that it folded again
	DecisionsTaken int64           `json:"decisions_taken,omitempty"` // number of the last one that it or an earlier entry took
}

// RerateSpan is the billing days that a rerate folded again. Its entry stands
// for all entries after the one before them: later nights go on from it, and
// look event ids up in it and in what came before them.
type RerateSpan struct {
	From      string     `json:"from"`       // first day folded, YYYY-MM-DD: the first that was asked for, or that a rerate of it had
	Through   string     `json:"through"`    // last day folded: the last one that was published
	AskedFrom string     `json:"asked_from"` // the days that were asked for, under Catalog; others under the entry's
	AskedTo   string     `json:"asked_to"`
	Catalog   CatalogRef `json:"catalog"`
	After     *EntryRef  `json:"after"` // entry before the first day; null where history starts with it
}

// CatalogRef pins a catalog.
type CatalogRef struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

// EntryRef names an entry by the digest of its run.json.
type EntryRef struct {
	Entry  int64  `json:"entry"`
	Digest string `json:"digest"`
}

// InputFile is an export as it was read.
type InputFile struct {
	Source   string `json:"source"`
	Export   string `json:"export,omitempty"` // the layout it was read by, where the source has several
	Key      string `json:"key"`
	Size     int64  `json:"size"`     // bytes
	Checksum string `json:"checksum"` // the store's, or its ETag
	Date     string `json:"date"`     // day that its path names; empty where the path names none
}

// place is what tells an input from any other: the same file may be read as
// exports of two sources.
func (f InputFile) place() string { return f.Key + "\x00" + f.Source + "\x00" + f.Export }

// LookupFile is a lookup table as it was read.
type LookupFile struct {
	Name     string `json:"name"`
	Key      string `json:"key"`
	Size     int64  `json:"size"` // bytes
	Checksum string `json:"checksum"`
}

// ChangedInput is a consumed export that has changed or vanished since.
type ChangedInput struct {
	Key string `json:"key"`
	Was string `json:"was"` // checksum when it was consumed
	Now string `json:"now"` // checksum now; empty where it is gone
}

// ChangesInWords is what has become of exports that were billed, a sentence for
// those that have changed and one for those that are gone.
func (r *Run) ChangesInWords() (all []string) {
	var changed, gone []string
	for _, c := range r.ChangedInputs {
		if c.Now == "" {
			gone = append(gone, c.Key)
		} else {
			changed = append(changed, c.Key)
		}
	}
	say := func(keys []string, one, many string) {
		switch n := len(keys); {
		case n == 1:
			all = append(all, one+": "+keys[0])
		case n > 1:
			all = append(all, fmt.Sprintf("%d %s, the first is %s", n, many, keys[0]))
		}
	}
	say(changed, "an export has changed since it was billed", "exports have changed since they were billed")
	say(gone, "an export that was billed is gone", "exports that were billed are gone")
	if len(gone) > 1 && len(changed) == 0 && len(r.Inputs) == 0 {
		all[len(all)-1] += ", and no other was found: do they still lie where --exports says?"
	}
	return all
}

// Unexpected is an export that is missing, empty or small against what
// ratemill.yaml expects, where it says that this is no reason to stop.
type Unexpected struct {
	Source string `json:"source"`
	Export string `json:"export,omitempty"`
	What   string `json:"what"`
}

func (u Unexpected) place() string { return u.Source + "\x00" + u.Export + "\x00" + u.What }

// OutputFile is an object that the entry wrote.
type OutputFile struct {
	Key    string `json:"key"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
	Rows   int64  `json:"rows"`
}

// SeriesEnd is the last number that a series of invoice numbers gave out.
type SeriesEnd struct {
	Series string `json:"series"`
	Last   int64  `json:"last"`
}

// Intent is intent.json: what is about to be published, whole, so that any
// finisher publishes the same.
type Intent struct {
	Format    int          `json:"format"`
	Attempt   string       `json:"attempt"`
	RunID     string       `json:"run_id"`
	Files     []StagedFile `json:"files"` // in the order of publication
	Run       string       `json:"run"`   // the bytes of the run.json to come
	RunSHA256 string       `json:"run_sha256"`
}

// StagedFile is a file on its way to its final name.
type StagedFile struct {
	Staged string `json:"staged"`
	Final  string `json:"final"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Encode is run.json. Lists come in the order of their keys, whatever order
// they have in r, so the bytes depend on the facts alone.
func (r Run) Encode() ([]byte, error) {
	r.Inputs = ordered(r.Inputs, InputFile.place)
	r.Consumed = ordered(r.Consumed, InputFile.place)
	r.Manifests = orderedOrNone(r.Manifests, InputFile.place)
	r.ConsumedManifests = orderedOrNone(r.ConsumedManifests, InputFile.place)
	r.Unexpected = orderedOrNone(r.Unexpected, Unexpected.place)
	r.Decisions = orderedOrNone(r.Decisions, func(d TakenDecision) int64 { return d.Number })
	if len(r.Lookups) > 0 {
		r.Lookups = ordered(r.Lookups, func(f LookupFile) string { return f.Name })
	}
	r.ChangedInputs = ordered(r.ChangedInputs, func(f ChangedInput) string { return f.Key })
	r.Outputs = ordered(r.Outputs, func(f OutputFile) string { return f.Key })
	r.InvoiceSeries = ordered(r.InvoiceSeries, func(s SeriesEnd) string { return s.Series })
	r.Totals = r.Totals.ordered()
	return encodeJSON(r)
}

// DecodeRun reads run.json strictly: it takes only bytes that Encode makes.
func DecodeRun(text []byte) (*Run, error) {
	r := &Run{}
	if err := decodeJSON(text, "run.json", RunFormat, r); err != nil {
		return nil, err
	}
	again, err := r.Encode()
	return r, sameText("run.json", text, again, err)
}

// Encode is intent.json. Files keep their order.
func (i Intent) Encode() ([]byte, error) {
	i.Files = append([]StagedFile{}, i.Files...)
	return encodeJSON(i)
}

// DecodeIntent reads intent.json strictly: it takes only bytes that Encode
// makes, and a Run that has its digest.
func DecodeIntent(text []byte) (*Intent, error) {
	i := &Intent{}
	if err := decodeJSON(text, "intent.json", IntentFormat, i); err != nil {
		return nil, err
	}
	again, err := i.Encode()
	if err := sameText("intent.json", text, again, err); err != nil {
		return nil, err
	}
	if digest := sha256.Sum256([]byte(i.Run)); hex.EncodeToString(digest[:]) != i.RunSHA256 {
		return nil, errors.New("intent.json: run does not have the digest run_sha256")
	}
	return i, nil
}

// ordered is a sorted copy, never nil: an empty list is [], not null.
func ordered[T any, K cmp.Ordered](list []T, key func(T) K) []T {
	out := append([]T{}, list...)
	slices.SortStableFunc(out, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	return out
}

// orderedOrNone is a sorted copy, or nil: an empty list is left out.
func orderedOrNone[T any, K cmp.Ordered](list []T, key func(T) K) []T {
	if len(list) == 0 {
		return nil
	}
	return ordered(list, key)
}

func encodeJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v) // ends in a newline
	return buf.Bytes(), err
}

func decodeJSON(text []byte, name string, format int, into any) error {
	var head struct {
		Format int `json:"format"`
	}
	// Read first, so that a later format is called that and not a wrong field.
	if err := json.Unmarshal(text, &head); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if head.Format != format {
		return fmt.Errorf("%s: format %d, this program reads %d", name, head.Format, format)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("%s: more text behind the object", name)
	}
	return nil
}

// sameText holds what was read against its own encoding: so a field that is
// missing, given twice or spelt in other capitals, which encoding/json lets
// pass, is found.
func sameText(name string, text, again []byte, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if bytes.Equal(text, again) {
		return nil
	}
	line := 1
	for i := range min(len(text), len(again)) {
		if text[i] != again[i] {
			break
		}
		if text[i] == '\n' {
			line++
		}
	}
	return fmt.Errorf("%s: line %d is not as this program writes it", name, line)
}
