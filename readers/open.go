package readers

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
)

// FileError is an export that cannot be used: unreadable, corrupt, short, or
// without a column that its source needs. A failure of the storage behind it
// is kept in the chain, so that errors.Is and errors.As find it.
type FileError struct {
	Key  string // of the file, in the exports' bucket
	Row  int64  // last row known to be good, 0 where that says nothing
	What string
	Err  error // may be nil
}

func (e *FileError) Error() string {
	text := e.Key + ": "
	if e.Row > 0 {
		text += fmt.Sprintf("after row %d: ", e.Row)
	}
	text += e.What
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *FileError) Unwrap() error { return e.Err }

// Format is how an export is written down.
type Format string

const (
	Parquet Format = "parquet"
	CSV     Format = "csv"    // RFC 4180, with a header; of a file called .tsv, between tabs
	NDJSON  Format = "ndjson" // one JSON object a line
	JSON    Format = "json"   // documents that hold the records, see Layout.Records

	ArrowFile   Format = "arrow"  // Arrow IPC, also called Feather 2
	ArrowStream Format = "arrows" // the same as a stream, without a footer
)

// FormatOf is the format that a file's name tells, by its extension in either
// case, see UnknownFormat. The text formats may be compressed, with .gz or
// .zst behind that. It is false for any other name.
func FormatOf(key string) (Format, bool) {
	name, kind := packingOf(key)
	switch ext := strings.ToLower(path.Ext(name)); {
	case ext == ".csv", ext == ".tsv":
		return CSV, true
	case ext == ".json":
		return JSON, true
	case ext == ".ndjson", ext == ".jsonl":
		return NDJSON, true
	case kind != notPacked:
		return "", false // Parquet and Arrow compress inside
	case ext == ".parquet", ext == ".pq":
		return Parquet, true
	case ext == ".arrow", ext == ".feather":
		return ArrowFile, true
	case ext == ".arrows":
		return ArrowStream, true
	}
	return "", false
}

// UnknownFormat is the error for a file whose name does not tell a format.
func UnknownFormat(key string) *FileError {
	return &FileError{Key: key, What: "not a known kind of export " +
		"(want .parquet, .pq, .arrow, .feather or .arrows; .csv, .tsv, .ndjson, .jsonl or .json, also with .gz or .zst)"}
}

// Export is an opened export.
type Export struct {
	schema *Schema
	layout *Layout
	zone   calendar.Zone
	src    source
	format Format
	footer *footer   // Parquet
	header csvHeader // CSV
	arrow  arrowLayout
	ahead  sync.Map // *fetcher by split: see ReadAhead

	noColumn []bool      // fields that the file has no column for; nil for JSON
	seen     []sighting  // of fields among the records
	anyRow   atomic.Bool // was read

	mapped *mappedExport // what is read by a Mapping; the others but schema are its own
}

// Open opens the export under a key of the exports' bucket, of the size in
// bytes that its listing told, and checks what can be checked without reading
// its rows. The zone says what a time without an offset means, and where a
// day begins.
//
// An export that cannot be used is a *FileError.
func Open(ctx context.Context, bucket *blob.Bucket, key string, size int64, schema *Schema, zone calendar.Zone) (*Export, error) {
	return openRaw(ctx, bucket, File{Key: key, Size: size}, schema, &Layout{}, zone)
}

// openRaw opens an export that is written down as a layout says, whose Zone
// is resolved already and is the zone given.
func openRaw(ctx context.Context, bucket *blob.Bucket, file File, schema *Schema, layout *Layout, zone calendar.Zone) (*Export, error) {
	e := &Export{schema: schema, layout: layout, zone: zone, src: sourceOf(bucket, file)}
	e.seen = make([]sighting, len(schema.Fields))
	if e.format = layout.Format; e.format == "" {
		var ok bool
		if e.format, ok = FormatOf(file.Key); !ok {
			return nil, UnknownFormat(file.Key)
		}
	}
	for i := range schema.Fields {
		if err := checkTimeForm(schema.Fields[i].Time); err != nil {
			return nil, e.fail(0, "field "+schema.Fields[i].Name, err)
		}
	}
	err := e.src.hold(ctx)
	if err != nil {
		return nil, err
	}
	switch e.format {
	case CSV, NDJSON, JSON, ArrowStream:
		err = e.src.readFront(ctx)
	}
	if err != nil {
		return nil, err
	}
	switch e.format {
	case Parquet:
		err = e.openParquet(ctx)
	case CSV:
		err = e.openCSV(ctx)
	case NDJSON, JSON:
		err = e.openJSON(ctx)
	case ArrowFile:
		err = e.openArrowFile(ctx)
	case ArrowStream:
		err = e.openArrowStream(ctx)
	}
	if err != nil {
		return nil, e.fail(0, "", err)
	}
	return e, nil
}

// File is an export as it is listed.
type File struct {
	Key  string
	Size int64 // bytes
	// Parts are what the placeholders of the path template stand for in Key:
	// date, hour, account, …
	Parts map[string]string
}

// Columns are the columns that the export has, as paths that Path.Text can
// name: for messages, and for people who write a mapping. Of JSON they are
// those of its first 100 records in the order in which they appear, with the
// members of objects, of the first element of a list, and of an object that a
// string holds.
func (e *Export) Columns(ctx context.Context) ([]string, error) {
	if e.mapped != nil {
		return e.mapped.raw.Columns(ctx)
	}
	switch e.format {
	case CSV:
		return e.header.columns(), nil
	case NDJSON, JSON:
		return e.jsonColumns(ctx)
	default:
		return e.storedColumns(), nil
	}
}

// Splits is how many parts the export can be read in, at once if wanted: the
// row groups of a Parquet file and record batches of an Arrow file, of which
// there may be none, and one for any other.
func (e *Export) Splits() int {
	if e.mapped != nil {
		return e.mapped.raw.Splits()
	}
	switch e.format {
	case Parquet:
		return len(e.footer.groups)
	case ArrowFile:
		return len(e.arrow.batches)
	default:
		return 1
	}
}

// Rows is how many rows the export claims to hold, or -1 where it makes no
// claim. Reading all splits gives as many, or an error.
func (e *Export) Rows() int64 {
	if e.mapped != nil {
		return e.mapped.raw.Rows()
	}
	switch e.format {
	case Parquet:
		return e.footer.rows
	case ArrowFile:
		return e.arrow.rows
	default:
		return -1
	}
}

// Read decodes one split and hands it to yield, batch by batch, in the order
// of its rows. Different splits may be read at once by several goroutines.
//
// An error of yield ends the reading and is returned as it is, and so is the
// end of ctx between batches. Anything wrong with the file is a *FileError;
// the batches before it have been yielded, and must not be published.
func (e *Export) Read(ctx context.Context, split int, yield func(*Batch) error) error {
	if e.mapped != nil {
		return e.mapped.read(ctx, split, yield)
	}
	var y yieldError
	guarded := func(b *Batch) error {
		if err := yield(b); err != nil {
			y = yieldError{err}
			return y
		}
		return ctx.Err()
	}
	var err error
	switch e.format {
	case Parquet:
		err = e.readParquet(ctx, split, guarded)
	case CSV:
		err = e.readCSV(ctx, guarded)
	case NDJSON, JSON:
		err = e.readJSON(ctx, guarded)
	case ArrowFile, ArrowStream:
		err = e.readArrow(ctx, split, guarded)
	}
	if errors.As(err, &y) {
		return y.error
	}
	return err
}

// yieldError marks an error as the caller's own, so that it does not come
// back to it as a fault of the file.
type yieldError struct{ error }

// Held tells whether the export is in memory, whole. It should then be read and
// closed before many others are opened.
func (e *Export) Held() bool {
	if e.mapped != nil {
		return e.mapped.raw.Held()
	}
	return e.src.whole
}

// ReadAhead begins to fetch a split that is going to be read, once, under the
// same ctx. It is for stores where that takes time; on a disk it does nothing.
func (e *Export) ReadAhead(ctx context.Context, split int) {
	switch {
	case e.mapped != nil:
		e.mapped.raw.ReadAhead(ctx, split)
	case e.format == Parquet, e.format == ArrowFile:
		s := e.section(ctx)
		s.fetching(e.stretches(split))
		if s.ahead == nil {
			return
		}
		if was, known := e.ahead.Swap(split, s.ahead); known {
			was.(*fetcher).close()
		}
	}
}

// section is the source in a call that reads it, with what is in memory of it.
func (e *Export) section(ctx context.Context) *section {
	s := &section{ctx: ctx, source: e.src}
	if e.format == Parquet {
		s.tail, s.tailAt = e.footer.tail, e.footer.tailAt
	}
	return s
}

// splitSection is the section in which a split is read. close ends it.
func (e *Export) splitSection(ctx context.Context, split int) (s *section, close func()) {
	s = e.section(ctx)
	if begun, known := e.ahead.LoadAndDelete(split); known {
		s.ahead = begun.(*fetcher)
		return s, s.ahead.close
	}
	return s, s.fetching(e.stretches(split))
}

// stretches are what is read of a file for one of its splits.
func (e *Export) stretches(split int) []stretch {
	if e.format == Parquet {
		return e.footer.groups[split].stretches()
	}
	return e.batchStretches(split)
}

// Close gives back the memory that Open and ReadAhead have taken. No Read may
// be under way; a later one asks the store again.
func (e *Export) Close() error {
	if e.mapped != nil {
		return e.mapped.raw.Close()
	}
	e.ahead.Range(func(split, begun any) bool {
		begun.(*fetcher).close()
		e.ahead.Delete(split)
		return true
	})
	e.src.front, e.src.whole = nil, false
	if e.footer != nil {
		e.footer.tail = nil
	}
	return nil
}

// fail is err as a *FileError of this export. One that already is comes back
// as it is, but learns the row.
func (e *Export) fail(row int64, what string, err error) error {
	var fe *FileError
	if errors.As(err, &fe) {
		if fe.Row == 0 {
			fe.Row = row
		}
		return fe
	}
	if what == "" { // err says it all
		return &FileError{Key: e.src.key, Row: row, What: err.Error()}
	}
	return &FileError{Key: e.src.key, Row: row, What: what, Err: err}
}
