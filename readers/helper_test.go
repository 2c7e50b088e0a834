package readers

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"ratemill/rating/calendar"
)

func losAngeles(t testing.TB) calendar.Zone {
	t.Helper()
	zone, err := calendar.LoadZone("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// bucketOf is a bucket that holds one object.
func bucketOf(t testing.TB, key string, data []byte) *blob.Bucket {
	t.Helper()
	b := memblob.OpenBucket(nil)
	t.Cleanup(func() { b.Close() })
	if err := b.WriteAll(context.Background(), key, data, nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// readAll reads all splits of an export into rows of text, in which cells are
// told apart by what they are: see show.
func readAll(t testing.TB, key string, data []byte, schema *Schema) ([]string, error) {
	t.Helper()
	return readFrom(bucketOf(t, key, data), key, int64(len(data)), schema, losAngeles(t))
}

func readFrom(b *blob.Bucket, key string, size int64, schema *Schema, zone calendar.Zone) (rows []string, err error) {
	ctx := context.Background()
	e, err := Open(ctx, b, key, size, schema, zone)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	next := int64(1)
	for split := range e.Splits() {
		err := e.Read(ctx, split, func(b *Batch) error {
			if b.FirstRow != next || b.Len < 1 || b.Len > BatchRows {
				return fmt.Errorf("batch of %d rows begins at row %d, not %d", b.Len, b.FirstRow, next)
			}
			next += int64(b.Len)
			for row := range b.Len {
				rows = append(rows, show(schema, b, row))
			}
			return check(schema, b)
		})
		if err != nil {
			return rows, err
		}
	}
	if claimed := e.Rows(); claimed >= 0 && claimed != int64(len(rows)) {
		return rows, fmt.Errorf("%d rows, but Rows says %d", len(rows), claimed)
	}
	return rows, nil
}

// show is a row in one line: -, a value, or a bad cell as written with its reason.
func show(schema *Schema, b *Batch, row int) string {
	var line strings.Builder
	for i, field := range schema.Fields {
		c := &b.Columns[i]
		if i > 0 {
			line.WriteString(" ")
		}
		switch bad, isBad := c.Bad[row]; {
		case isBad:
			fmt.Fprintf(&line, "!%q:%s", bad.Text, bad.Reason)
		case field.Kind == Text && c.Index[row] == Absent, field.Kind != Text && c.Missing != nil && c.Missing[row]:
			line.WriteString("-")
		case field.Kind == Text:
			fmt.Fprintf(&line, "%q", c.Dict.Entries[c.Index[row]])
		case field.Kind == EventID && field.Texts:
			line.WriteString(c.IDTexts[row])
		case field.Kind == EventID:
			line.WriteString(hex.EncodeToString(c.IDs[row][:]))
		case field.Kind == Instant:
			line.WriteString(time.UnixMicro(c.Ints[row]).UTC().Format("2006-01-02T15:04:05.999999Z"))
		case field.Kind == Date:
			line.WriteString(calendar.Day(c.Ints[row]).String())
		default:
			fmt.Fprint(&line, c.Ints[row])
		}
	}
	return line.String()
}

// check is what every Batch must be, whatever the file.
func check(schema *Schema, b *Batch) error {
	for i, field := range schema.Fields {
		c := &b.Columns[i]
		lengths := map[Kind]int{Text: len(c.Index), EventID: len(c.IDs)}
		n, ok := lengths[field.Kind]
		if !ok {
			n = len(c.Ints)
		}
		if n != b.Len || c.Missing != nil && len(c.Missing) != b.Len {
			return fmt.Errorf("column %s has %d cells in a batch of %d", field.Name, n, b.Len)
		}
		for row := range c.Bad {
			if row < 0 || row >= b.Len || field.Kind == Text && c.Index[row] != Absent || field.Kind != Text && !c.Missing[row] {
				return fmt.Errorf("column %s: bad cell at %d is not absent", field.Name, row)
			}
		}
		for _, index := range c.Index {
			if index != Absent && int(index) >= len(c.Dict.Entries) {
				return fmt.Errorf("column %s: index %d of %d entries", field.Name, index, len(c.Dict.Entries))
			}
		}
	}
	return nil
}

// refused makes sure that an error is a *FileError that names the file and
// says what is wrong.
func refused(t *testing.T, err error, want string) {
	t.Helper()
	var fe *FileError
	if !errors.As(err, &fe) {
		t.Fatalf("got %v, want a *FileError", err)
	}
	if fe.Key == "" || !strings.Contains(err.Error(), want) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func equalRows(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Fatalf("row %d of %d (want %d)\ngot  %s\nwant %s", i+1, len(got), len(want), g, w)
		}
	}
}

// written is a Parquet file of the rows.
func written[T any](t testing.TB, rows []T, options ...parquet.WriterOption) []byte {
	t.Helper()
	var file bytes.Buffer
	w := parquet.NewGenericWriter[T](&file, options...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// sms is the export that the tests read most.
var sms = &Schema{Source: "sms", Fields: []Field{
	{Name: "event_id", Kind: EventID},
	{Name: "account_id", Kind: Text},
	{Name: "occurred_at", Kind: Instant},
	{Name: "carrier", Kind: Text, Optional: true},
	{Name: "country", Kind: Text, Optional: true},
	{Name: "segments", Kind: Integer},
}}

type smsRow struct {
	EventID    [16]byte `parquet:"event_id,uuid"`
	AccountID  string   `parquet:"account_id,dict"`
	OccurredAt int64    `parquet:"occurred_at,timestamp(microsecond)"`
	Carrier    *string  `parquet:"carrier,optional,dict"`
	Country    string   `parquet:"country,dict"`
	Segments   int64    `parquet:"segments"`
}

// someRows are like a day of a real export, from a seed.
func someRows(n int) []smsRow {
	rng := rand.New(rand.NewPCG(1, 2))
	carriers := []string{"acme", "globex", "initech", "umbrella", "vodafone"}
	countries := []string{"US", "CA", "DE", "FR", "GB", "JP", "BR", "IN"}
	rows := make([]smsRow, n)
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	for i := range rows {
		r := &rows[i]
		for b := range r.EventID {
			r.EventID[b] = byte(rng.Uint32())
		}
		r.AccountID = fmt.Sprintf("AC%032x", int(50000*rng.Float64()*rng.Float64()))
		at += rng.Int64N(86_400)
		r.OccurredAt = at
		if rng.IntN(10) > 0 {
			r.Carrier = &carriers[rng.IntN(len(carriers))]
		}
		r.Country = countries[rng.IntN(len(countries))]
		r.Segments = 1 + rng.Int64N(4)
	}
	return rows
}

// csvOf is the same rows as CSV.
func csvOf(rows []smsRow) []byte {
	var b bytes.Buffer
	b.WriteString("event_id,account_id,occurred_at,carrier,country,segments\n")
	for _, r := range rows {
		carrier := ""
		if r.Carrier != nil {
			carrier = *r.Carrier
		}
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s,%d\n", appendUUID(nil, r.EventID[:]), r.AccountID,
			time.UnixMicro(r.OccurredAt).UTC().Format("2006-01-02T15:04:05.000000Z"), carrier, r.Country, r.Segments)
	}
	return b.Bytes()
}

// jsonOf is a value as a line of JSON.
func jsonOf(t testing.TB, v any) []byte {
	t.Helper()
	line, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return append(line, '\n')
}
