package readers

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"ratemill/rating/calendar"
)

// packings are the ways to pack a text, by the extension that tells them.
var packings = map[string]func(t testing.TB, text []byte) []byte{
	".gz": func(t testing.TB, text []byte) []byte {
		var b bytes.Buffer
		return packed(t, gzip.NewWriter(&b), &b, text)
	},
	".zst": func(t testing.TB, text []byte) []byte {
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		return packed(t, w, &b, text)
	},
}

func packed(t testing.TB, w io.WriteCloser, to *bytes.Buffer, text []byte) []byte {
	t.Helper()
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return to.Bytes()
}

func TestPacked(t *testing.T) {
	rows := someRows(40_000)
	text := csvOf(rows)
	want, err := readAll(t, "a.csv", text, sms)
	if err != nil {
		t.Fatal(err)
	}
	for ext, pack := range packings {
		for format, text := range map[string][]byte{".csv": text, ".ndjson": ndjsonOf(rows), ".JSONL": ndjsonOf(rows)} {
			half := len(text) / 2
			appended := append(pack(t, text[:half]), pack(t, text[half:])...)
			for what, file := range map[string][]byte{"whole": pack(t, text), "appended": appended} {
				got, err := readAll(t, "a"+format+strings.ToUpper(ext), file, sms)
				if err != nil {
					t.Fatalf("%s%s, %s: %v", format, ext, what, err)
				}
				equalRows(t, got, want)
			}
		}
		got, err := readAll(t, "a.csv"+ext, pack(t, []byte("\xef\xbb\xbfname,n\r\na,1")), pair)
		wantColumn(t, got, err, `"a" 1`)
		_, err = readAll(t, "a.csv"+ext, pack(t, nil), pair)
		refused(t, err, "empty file, not even a header")
		got, err = readAll(t, "a.ndjson"+ext, pack(t, nil), pair)
		wantColumn(t, got, err)
	}
}

// TestPackedIsReadToItsEnd: what is missing, changed or behind the end.
func TestPackedIsReadToItsEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, and one goroutine anyway")
	}
	for ext, pack := range packings {
		for format, text := range map[string][]byte{".csv": csvOf(someRows(12)), ".ndjson": ndjsonOf(someRows(12))} {
			key := "a" + format + ext
			file := pack(t, text)
			want, err := readAll(t, key, file, sms)
			if err != nil {
				t.Fatal(err)
			}
			for n := range file {
				if _, err := readAll(t, key, file[:n], sms); err == nil {
					t.Errorf("%s cut at %d of %d: read", key, n, len(file))
				}
				_, err = readFrom(bucketOf(t, key, file[:n]), key, int64(len(file)), sms, calendar.Zone{})
				refused(t, err, key)
			}
			for at := range file {
				file[at] ^= 1 << (at % 8)
				if got := damaged(t, key, file, 12); got != nil { // a name or time in gzip's header
					equalRows(t, got, want)
				}
				file[at] ^= 1 << (at % 8)
			}
			_, err = readAll(t, key, append(bytes.Clone(file), "more"...), sms)
			refused(t, err, "damaged or cut short as ")
			_, err = readFrom(bucketOf(t, key, file), key, int64(len(file))-1, sms, calendar.Zone{})
			refused(t, err, "not as long as it was when listed")
			_, err = readAll(t, key, text, sms)
			refused(t, err, "damaged or cut short as ")
			_, err = readAll(t, key, nil, sms)
			refused(t, err, "empty file, not even ")
		}
	}
}

// TestDamageNamesTheLastGoodRow: rows that were read before the damage.
func TestDamageNamesTheLastGoodRow(t *testing.T) {
	for ext, pack := range packings {
		key := "a.csv" + ext
		file := pack(t, csvOf(someRows(60_000)))
		e, err := Open(context.Background(), bucketOf(t, key, file[:len(file)-3]), key, int64(len(file)-3), sms, calendar.Zone{})
		if err != nil {
			t.Fatal(err)
		}
		rows := int64(0)
		err = e.Read(context.Background(), 0, func(b *Batch) error { rows += int64(b.Len); return nil })
		refused(t, err, fmt.Sprintf("%s: after row ", key))
		if fe, ok := err.(*FileError); !ok || fe.Row < rows || rows == 0 {
			t.Errorf("%s: %d rows were yielded before %v", key, rows, err)
		}
	}
}

// TestPackedBombs: a GiB that hardly takes room, as one record and as a frame
// that claims it.
func TestPackedBombs(t *testing.T) {
	for ext, pack := range packings {
		for _, begin := range []string{"name,n\n\"", "{\"name\":\""} {
			key := "a.csv" + ext
			if begin[0] == '{' {
				key = "a.ndjson" + ext
			}
			file := pack(t, []byte(begin))
			piece := pack(t, bytes.Repeat([]byte("x"), maxRecord/4))
			for range 64 { // far less is read
				file = append(file, piece...)
			}
			_, err := readAll(t, key, file, pair)
			refused(t, err, "of more than 16777216 bytes")
		}
	}
	// A zstd frame with a window of 3.75 TiB.
	frame := append(binary.LittleEndian.AppendUint32(nil, 0xfd2fb528), 0, 0xff, 1, 0, 0)
	_, err := readAll(t, "a.csv.zst", frame, pair)
	refused(t, err, "window size exceeded")
}
