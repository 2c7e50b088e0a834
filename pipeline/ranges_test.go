package pipeline

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	arrowmemory "github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/parquet-go/parquet-go"

	"ratemill/fixtures/s3test"
	"ratemill/rating/calendar"
	"ratemill/readers"
)

// wideRow is a row of an export with columns that nobody asks for.
type wideRow struct {
	Event    string `parquet:"event"`
	Left     string `parquet:"left"`
	Account  string `parquet:"account,dict"`
	Note     string `parquet:"note,dict"`
	Right    string `parquet:"right"`
	Segments int64  `parquet:"segments"`
}

var wideSchema = readers.Schema{Source: "wide", Fields: []readers.Field{
	{Name: "event", Kind: readers.Text}, {Name: "account", Kind: readers.Text}, {Name: "segments", Kind: readers.Integer},
}}

func wideRows(n int) []wideRow {
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([]wideRow, n)
	for i := range rows {
		noise := fmt.Sprintf("%016x%016x%016x%016x", random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64())
		rows[i] = wideRow{noise[:32], strings.Repeat(noise, 2), fmt.Sprint("A", i%50), fmt.Sprint(i % 7), strings.Repeat(noise, 2), int64(i)}
	}
	return rows
}

// asked are the ranges that a proxy was asked for, as text, and the bytes of
// the bodies.
type asked struct {
	mu     sync.Mutex
	ranges []string
	bytes  int64
}

func (a *asked) note(size int64) s3test.Fault {
	return func(c *s3test.Call) {
		a.mu.Lock()
		if isRead(c) && !c.IsList() {
			first, last := int64(0), size-1
			if r := c.Header.Get("Range"); r != "" {
				fmt.Sscanf(r, "bytes=%d-%d", &first, &last)
			}
			a.ranges = append(a.ranges, fmt.Sprintf("%d-%d", first, last))
			a.bytes += last - first + 1
		}
		a.mu.Unlock()
		c.Forward()
	}
}

// readInS3 puts a file into S3, reads it, and tells what that asked of S3.
// ahead is how many splits are read ahead.
func readInS3(t *testing.T, key string, file []byte, schema *readers.Schema, rows, ahead int) *asked {
	t.Helper()
	s := newInS3(t, "")
	if err := s.open(s.server.Endpoint, "exports").WriteAll(t.Context(), key, file, nil); err != nil {
		t.Fatal(err)
	}
	proxy, a := s.server.Proxy(t), &asked{}
	proxy.Fail(a.note(int64(len(file))))
	bucket := s.open(proxy.Endpoint, "exports")
	e, err := readers.Open(t.Context(), bucket, key, int64(len(file)), schema, calendar.Zone{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	next := int64(0)
	for split := range e.Splits() {
		if ahead > 0 && split+ahead < e.Splits() {
			e.ReadAhead(t.Context(), split+ahead)
		}
		err := e.Read(t.Context(), split, func(b *readers.Batch) error {
			for row := range b.Len {
				if got := b.Columns[len(b.Columns)-1].Ints[row]; got != next {
					return fmt.Errorf("row %d is %d", next, got)
				}
				next++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if next != int64(rows) {
		t.Fatalf("%d rows of %d", next, rows)
	}
	return a
}

func wideParquet(t testing.TB, rows []wideRow, inGroup int64) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[wideRow](&b, parquet.MaxRowsPerRowGroup(inGroup), parquet.Compression(&parquet.Uncompressed))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// neededOf is how many bytes of a Parquet file its wanted columns take.
func neededOf(t testing.TB, file []byte) (bytesNeeded int64, groups int) {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range f.Metadata().RowGroups {
		for _, c := range g.Columns {
			switch c.MetaData.PathInSchema[0] {
			case "event", "account", "segments":
				bytesNeeded += c.MetaData.TotalCompressedSize
			}
		}
	}
	return bytesNeeded, len(f.Metadata().RowGroups)
}

// Of a Parquet file in S3 the columns that are needed are read, in few
// requests: the footer, and for each row group one for each column but where
// little lies between two of them.
func TestParquetIsReadByRanges(t *testing.T) {
	const rows = 40_000
	file := wideParquet(t, wideRows(rows), rows/4)
	needed, groups := neededOf(t, file)
	for _, ahead := range []int{0, 2} {
		a := readInS3(t, "wide.parquet", file, &wideSchema, rows, ahead)
		// event | left | account note | right | segments: three ranges.
		if want := 1 + 3*groups; groups != 4 || len(a.ranges) > want {
			t.Errorf("%d row groups of 3 ranges: %d requests, want at most %d: %v", groups, len(a.ranges), want, a.ranges)
		}
		if tail := int64(512 << 10); a.bytes > needed+needed/10+min(tail, int64(len(file))/64) || a.bytes < needed {
			t.Errorf("%d bytes of %d, of which %d are needed", a.bytes, len(file), needed)
		}
	}
}

// A column chunk that is larger than what is fetched at a time comes in parts,
// and all rows are there.
func TestLargeColumnsInParts(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of the short tests")
	}
	const rows = 400_000
	all := wideRows(rows)
	for i := range all {
		all[i].Event, all[i].Left, all[i].Right = all[i].Left, "", "" // 128 bytes
	}
	file := wideParquet(t, all, rows)
	needed, _ := neededOf(t, file)
	a := readInS3(t, "wide.parquet", file, &wideSchema, rows, 0)
	if parts := int(needed >> 20); len(a.ranges) > parts || a.bytes > needed+needed/10 {
		t.Errorf("%d bytes needed: %d requests, %d bytes", needed, len(a.ranges), a.bytes)
	}
}

// A small file is one request, whatever it is.
func TestSmallFilesAreOneRequest(t *testing.T) {
	all := wideRows(2000)
	var csv, ndjson strings.Builder
	csv.WriteString("event,account,segments\n")
	for _, r := range all {
		fmt.Fprintf(&csv, "%s,%s,%d\n", r.Event, r.Account, r.Segments)
		fmt.Fprintf(&ndjson, `{"event":%q,"account":%q,"segments":%d}`+"\n", r.Event, r.Account, r.Segments)
	}
	for key, file := range map[string][]byte{
		"wide.parquet": wideParquet(t, all, 500), "wide.csv": []byte(csv.String()), "wide.ndjson": []byte(ndjson.String()), "wide.arrow": wideArrow(t, all, 500),
	} {
		if a := readInS3(t, key, file, &wideSchema, len(all), 0); len(a.ranges) != 1 {
			t.Errorf("%s: %v", key, a.ranges)
		}
	}
}

// A text is its first bytes, and one stream of all others.
func TestTextsAreTwoRequests(t *testing.T) {
	const rows = 60_000
	var csv strings.Builder
	csv.WriteString("event,account,segments\n")
	for _, r := range wideRows(rows) {
		fmt.Fprintf(&csv, "%s,%s,%d\n", r.Event, r.Account, r.Segments)
	}
	a := readInS3(t, "wide.csv", []byte(csv.String()), &wideSchema, rows, 0)
	if len(a.ranges) != 2 || a.bytes != int64(csv.Len()) {
		t.Errorf("%d bytes: %v", csv.Len(), a.ranges)
	}
}

// An Arrow file: its two ends, how its batches lie, and each of them.
func TestArrowIsReadByRanges(t *testing.T) {
	const rows, batches = 40_000, 8
	file := wideArrow(t, wideRows(rows), rows/batches)
	a := readInS3(t, "wide.arrow", file, &wideSchema, rows, 2)
	if most := 2 + 2*batches; len(a.ranges) > most {
		t.Errorf("%d requests, want at most %d: %v", len(a.ranges), most, a.ranges)
	}
	if size := int64(len(file)); a.bytes > size+size/10 {
		t.Errorf("%d bytes of %d", a.bytes, size)
	}
}

func wideArrow(t testing.TB, rows []wideRow, inBatch int) []byte {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "event", Type: arrow.BinaryTypes.String}, {Name: "left", Type: arrow.BinaryTypes.String},
		{Name: "account", Type: arrow.BinaryTypes.String}, {Name: "segments", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	var b bytes.Buffer
	w, err := ipc.NewFileWriter(&buffer{&b}, ipc.WithSchema(schema))
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < len(rows); from += inBatch {
		records := array.NewRecordBuilder(arrowmemory.DefaultAllocator, schema)
		for _, r := range rows[from:min(from+inBatch, len(rows))] {
			records.Field(0).(*array.StringBuilder).Append(r.Event)
			records.Field(1).(*array.StringBuilder).Append(r.Left)
			records.Field(2).(*array.StringBuilder).Append(r.Account)
			records.Field(3).(*array.Int64Builder).Append(r.Segments)
		}
		if err := w.Write(records.NewRecord()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// buffer seeks as far as the Arrow library asks where it is.
type buffer struct{ *bytes.Buffer }

func (b *buffer) Seek(int64, int) (int64, error) { return int64(b.Len()), nil }

// Ranges that break off are taken up again, several at once too.
func TestRangesBreakOff(t *testing.T) {
	const rows = 20_000
	file := wideParquet(t, wideRows(rows), rows/4)
	s := newInS3(t, "")
	if err := s.open(s.server.Endpoint, "exports").WriteAll(t.Context(), "wide.parquet", file, nil); err != nil {
		t.Fatal(err)
	}
	proxy := s.server.Proxy(t)
	proxy.Fail(everyThird(anyCall, cutAnswer))
	e, err := readers.Open(t.Context(), s.open(proxy.Endpoint, "exports"), "wide.parquet", int64(len(file)), &wideSchema, calendar.Zone{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	read := 0
	for split := range e.Splits() {
		if err := e.Read(t.Context(), split, func(b *readers.Batch) error { read += b.Len; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if read != rows {
		t.Errorf("%d rows of %d", read, rows)
	}
}
