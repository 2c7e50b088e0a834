package readers

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/compress/uncompressed"
	"github.com/parquet-go/parquet-go/format"

	"ratemill/rating/calendar"
)

// The same rows as other writers may put them.
type (
	smsPlain struct { // DuckDB, pyarrow without dictionaries: all OPTIONAL
		EventID    *string `parquet:"event_id,optional,plain"`
		AccountID  *string `parquet:"account_id,optional,plain"`
		OccurredAt *int64  `parquet:"occurred_at,optional,timestamp(millisecond),plain"`
		Carrier    *string `parquet:"carrier,optional,plain"`
		Country    *string `parquet:"country,optional,plain"`
		Segments   *int32  `parquet:"segments,optional,plain"`
	}
	smsDict struct {
		EventID    [16]byte `parquet:"event_id,dict"`
		AccountID  []byte   `parquet:"account_id,dict"`
		OccurredAt *int64   `parquet:"occurred_at,optional,timestamp(nanosecond),dict"`
		Carrier    *string  `parquet:"carrier,optional,dict"`
		Country    string   `parquet:"country,enum,dict"`
		Segments   *uint32  `parquet:"segments,optional,dict"`
	}
	smsDelta struct {
		EventID    string `parquet:"event_id,delta"`
		AccountID  string `parquet:"account_id,delta"`
		OccurredAt int64  `parquet:"occurred_at,timestamp(microsecond),delta"`
		Carrier    string `parquet:"carrier,optional,delta"`
		Country    string `parquet:"country,delta"`
		Segments   int32  `parquet:"segments,optional,delta"`
	}
	smsText struct { // a dump of a CSV: all strings
		EventID    string `parquet:"event_id"`
		AccountID  string `parquet:"account_id"`
		OccurredAt string `parquet:"occurred_at,dict"`
		Carrier    string `parquet:"carrier"`
		Country    string `parquet:"country"`
		Segments   string `parquet:"segments,dict"`
	}
)

func eventText(r smsRow) string { return string(appendUUID(nil, r.EventID[:])) }

func mapped[T any](rows []smsRow, to func(smsRow) T) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = to(r)
	}
	return out
}

func asPlain(r smsRow) smsPlain {
	id, ms, n := eventText(r), r.OccurredAt/1000, int32(r.Segments)
	return smsPlain{&id, &r.AccountID, &ms, r.Carrier, &r.Country, &n}
}

func asDict(r smsRow) smsDict {
	ns, n := r.OccurredAt*1000+999, uint32(r.Segments)
	return smsDict{r.EventID, []byte(r.AccountID), &ns, r.Carrier, r.Country, &n}
}

func asDelta(r smsRow) smsDelta {
	carrier := ""
	if r.Carrier != nil {
		carrier = *r.Carrier
	}
	return smsDelta{eventText(r), r.AccountID, r.OccurredAt, carrier, r.Country, int32(r.Segments)}
}

func asText(r smsRow) smsText {
	carrier := ""
	if r.Carrier != nil {
		carrier = *r.Carrier
	}
	return smsText{strings.ToUpper(eventText(r)), r.AccountID,
		time.UnixMicro(r.OccurredAt).UTC().Format("2006-01-02 15:04:05.999999+00:00"), carrier, r.Country, fmt.Sprint(r.Segments)}
}

// TestSameRows: whatever a writer chose, the rows are those of the CSV.
func TestSameRows(t *testing.T) {
	rows := someRows(2000)
	for i := range rows {
		rows[i].OccurredAt -= rows[i].OccurredAt % 1000 // one of the variants has milliseconds
	}
	want, err := readAll(t, "a.csv", csvOf(rows), sms)
	if err != nil || len(want) != len(rows) {
		t.Fatal(len(want), err)
	}
	writers := map[string]func(...parquet.WriterOption) []byte{
		"usual": func(o ...parquet.WriterOption) []byte { return written(t, rows, o...) },
		"plain": func(o ...parquet.WriterOption) []byte { return written(t, mapped(rows, asPlain), o...) },
		"dict":  func(o ...parquet.WriterOption) []byte { return written(t, mapped(rows, asDict), o...) },
		"delta": func(o ...parquet.WriterOption) []byte { return written(t, mapped(rows, asDelta), o...) },
		"text":  func(o ...parquet.WriterOption) []byte { return written(t, mapped(rows, asText), o...) },
		"split": func(o ...parquet.WriterOption) []byte {
			return written(t, mapped(rows, asPlain), append(o,
				parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.DeltaByteArray))...)
		},
		"streams": func(o ...parquet.WriterOption) []byte {
			type streams struct {
				EventID    [16]byte `parquet:"event_id,split"`
				AccountID  string   `parquet:"account_id"`
				OccurredAt int64    `parquet:"occurred_at,timestamp(microsecond),split"`
				Carrier    *string  `parquet:"carrier,optional"`
				Country    string   `parquet:"country"`
				Segments   int32    `parquet:"segments,split"`
			}
			return written(t, mapped(rows, func(r smsRow) streams {
				return streams{r.EventID, r.AccountID, r.OccurredAt, r.Carrier, r.Country, int32(r.Segments)}
			}), o...)
		},
	}
	codecs := []compress.Codec{&uncompressed.Codec{}, &parquet.Snappy, &parquet.Gzip, &parquet.Zstd, &parquet.Brotli, &parquet.Lz4Raw}
	for name, write := range writers {
		for version := 1; version <= 2; version++ {
			for _, codec := range codecs {
				for _, more := range [][]parquet.WriterOption{
					nil,
					{parquet.MaxRowsPerRowGroup(777), parquet.PageBufferSize(1000)},
					{parquet.PageBufferSize(3000), parquet.DictionaryMaxBytes(2000)},
				} {
					if more != nil && codec != &parquet.Snappy {
						continue // how pages are cut and packed has nothing to do with each other
					}
					options := append([]parquet.WriterOption{parquet.Compression(codec), parquet.DataPageVersion(version)}, more...)
					got, err := readAll(t, "a.parquet", write(options...), sms)
					if err != nil {
						t.Fatalf("%s, v%d, %v, %d options: %v", name, version, codec, len(more), err)
					}
					equalRows(t, got, want)
				}
			}
		}
	}
}

// TestFallback: a dictionary that is given up in the middle of a chunk.
func TestFallback(t *testing.T) {
	file := written(t, someRows(5000), parquet.DictionaryMaxBytes(2000), parquet.PageBufferSize(3000))
	encodings := map[format.Encoding]bool{}
	forgePages(t, file, 1, func(h *format.PageHeader, body []byte) []byte {
		if h.Type == format.DataPageV2 {
			encodings[h.DataPageHeaderV2.V.Encoding] = true
		}
		return body
	})
	if len(encodings) < 2 || !encodings[format.RLEDictionary] {
		t.Fatalf("the file is no test: its account_id is in %v", encodings)
	}
	e, err := Open(context.Background(), bucketOf(t, "a.parquet", file), "a.parquet", int64(len(file)), sms, calendar.Zone{})
	if err != nil {
		t.Fatal(err)
	}
	err = e.Read(context.Background(), 0, func(b *Batch) error {
		seen := map[string]bool{}
		for _, entry := range b.Columns[1].Dict.Entries {
			if seen[entry] {
				return fmt.Errorf("entry %q twice", entry)
			}
			seen[entry] = true
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestCodecPerRowGroup: tools that join files leave each row group as it was.
func TestCodecPerRowGroup(t *testing.T) {
	rows := someRows(300)
	file := joined(t,
		written(t, rows[:100], parquet.Compression(&uncompressed.Codec{})),
		written(t, rows[100:200], parquet.Compression(&parquet.Snappy)),
		written(t, rows[200:], parquet.Compression(&parquet.Zstd)))
	got, err := readAll(t, "a.parquet", file, sms)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := readAll(t, "a.csv", csvOf(rows), sms)
	equalRows(t, got, want)
}

// column writes one column of values and reads it as a Kind.
func column[T any](t *testing.T, kind Kind, values ...T) ([]string, error) {
	t.Helper()
	schema := &Schema{Source: "test", Fields: []Field{{Name: "v", Kind: kind}}}
	return readAll(t, "a.parquet", written(t, values), schema)
}

func wantColumn(t *testing.T, got []string, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

func TestMeanings(t *testing.T) {
	type i64 struct {
		V *int64 `parquet:"v,optional"`
	}
	type u64 struct {
		V uint64 `parquet:"v"`
	}
	type u32 struct {
		V uint32 `parquet:"v,dict"`
	}
	type i8 struct {
		V int8 `parquet:"v"`
	}
	type dec struct {
		V int64 `parquet:"v,decimal(2:18)"`
	}
	type whole struct {
		V int32 `parquet:"v,decimal(0:9)"`
	}
	type ms struct {
		V int64 `parquet:"v,timestamp(millisecond)"`
	}
	type ns struct {
		V int64 `parquet:"v,timestamp(nanosecond)"`
	}
	type local struct {
		V int64 `parquet:"v,timestamp(microsecond:local)"`
	}
	type date struct {
		V int32 `parquet:"v,date"`
	}
	type str struct {
		V string `parquet:"v,dict"`
	}
	type raw struct {
		V []byte `parquet:"v"`
	}
	type flag struct {
		V *bool `parquet:"v,optional"`
	}
	type uuidID struct {
		V [16]byte `parquet:"v,uuid"`
	}
	type fixed struct {
		V [36]byte `parquet:"v"`
	}
	least, most := int64(math.MinInt64), int64(math.MaxInt64)
	id := [16]byte{0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	const hexID, textID = "00112233445566778899aabbccddeeff", "00112233-4455-6677-8899-aabbccddeeff"

	got, err := column(t, Integer, i64{&least}, i64{}, i64{&most})
	wantColumn(t, got, err, "-9223372036854775808", "-", "9223372036854775807")
	got, err = column(t, Text, i64{&least}, i64{}, i64{&most}, i64{&least})
	wantColumn(t, got, err, `"-9223372036854775808"`, "-", `"9223372036854775807"`, `"-9223372036854775808"`)
	got, err = column(t, Integer, u64{1 << 63}, u64{1<<63 - 1})
	wantColumn(t, got, err, `!"9223372036854775808":overflow`, "9223372036854775807")
	got, err = column(t, Text, u64{1<<64 - 1})
	wantColumn(t, got, err, `"18446744073709551615"`)
	got, err = column(t, Integer, u32{1<<32 - 1}, u32{7}, u32{1<<32 - 1})
	wantColumn(t, got, err, "4294967295", "7", "4294967295")
	got, err = column(t, Integer, i8{-128})
	wantColumn(t, got, err, "-128")
	got, err = column(t, Integer, dec{700}, dec{-705}, dec{-5})
	wantColumn(t, got, err, "7", `!"-7.05":not_a_number`, `!"-0.05":not_a_number`)
	got, err = column(t, Integer, whole{12})
	wantColumn(t, got, err, "12")
	got, err = column(t, Integer, str{"12"}, str{"1,5"}, str{""}, str{"12"}, str{"9223372036854775808"}, str{"1,5"})
	wantColumn(t, got, err, "12", `!"1,5":not_a_number`, "-", "12", `!"9223372036854775808":overflow`, `!"1,5":not_a_number`)

	got, err = column(t, Instant, ms{-1}, ms{most}, ms{1_700_000_000_123})
	wantColumn(t, got, err, "1969-12-31T23:59:59.999Z", `!"9223372036854775807 ms":not_a_time`, "2023-11-14T22:13:20.123Z")
	got, err = column(t, Instant, ns{-1}, ns{999}, ns{least})
	wantColumn(t, got, err, "1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", `!"-9223372036854775808 ns":not_a_time`)
	got, err = column(t, Instant, local{micros(2026, 7, 1, 12, 0)}, local{micros(2026, 1, 1, 12, 0)}, local{most})
	wantColumn(t, got, err, "2026-07-01T19:00:00Z", "2026-01-01T20:00:00Z", `!"9223372036854775807 µs":not_a_time`)
	got, err = column(t, Instant, date{20635}, date{1 << 30})
	wantColumn(t, got, err, "2026-07-01T07:00:00Z", `!"1073741824 days":not_a_time`)
	got, err = column(t, Instant, str{"2026-07-01 12:00:00"}, str{"1.7.2026"})
	wantColumn(t, got, err, "2026-07-01T19:00:00Z", `!"1.7.2026":not_a_time`)

	got, err = column(t, Date, date{20635}, date{0}, date{-1}, date{math.MinInt32})
	wantColumn(t, got, err, "2026-07-01", `!"0 days":not_a_time`, "1969-12-31", `!"-2147483648 days":not_a_time`)
	got, err = column(t, Date, ms{1782889200_000 - 1}, ms{1782889200_000}) // 07:00 UTC is midnight in Los Angeles
	wantColumn(t, got, err, "2026-06-30", "2026-07-01")
	got, err = column(t, Date, local{micros(2026, 7, 1, 0, 0)})
	wantColumn(t, got, err, "2026-07-01")

	yes, no := true, false
	got, err = column(t, Text, flag{&yes}, flag{}, flag{&no}, flag{&yes})
	wantColumn(t, got, err, `"true"`, "-", `"false"`, `"true"`)
	got, err = column(t, Text, raw{[]byte("ok")}, raw{[]byte("\xff\xfe")}, raw{nil})
	wantColumn(t, got, err, `"ok"`, `!"�":not_text`, "-")
	got, err = column(t, Text, str{"\xffa"}, str{"b"}, str{"\xffa"})
	wantColumn(t, got, err, `!"�a":not_text`, `"b"`, `!"�a":not_text`)
	got, err = column(t, Text, uuidID{id})
	wantColumn(t, got, err, `"`+textID+`"`)

	hash := fmt.Sprintf("%x", Key([]byte("evt_1")))
	got, err = column(t, EventID, uuidID{id})
	wantColumn(t, got, err, hexID)
	got, err = column(t, EventID, raw{id[:]}, raw{[]byte(textID)}, raw{[]byte("evt_1")}, raw{nil})
	wantColumn(t, got, err, hexID, hexID, hash, "-")
	got, err = column(t, EventID, str{strings.ToUpper(textID)}, str{"evt_1"}, str{""}, str{"0123456789abcdef"})
	wantColumn(t, got, err, hexID, hash, "-", fmt.Sprintf("%x", Key([]byte("0123456789abcdef"))))
	got, err = column(t, EventID, fixed{[36]byte([]byte(textID))})
	wantColumn(t, got, err, hexID)
	seven := int64(7)
	got, err = column(t, EventID, i64{&seven}, i64{})
	wantColumn(t, got, err, fmt.Sprintf("%x", Key([]byte("7"))), "-")
}

func micros(y int, m time.Month, d, hour, min int) int64 {
	return time.Date(y, m, d, hour, min, 0, 0, time.UTC).UnixMicro()
}

func TestOptionalColumnIsAbsent(t *testing.T) {
	type row struct {
		Segments int64 `parquet:"segments"`
	}
	schema := &Schema{Source: "x", Fields: []Field{
		{Name: "segments", Kind: Integer}, {Name: "a", Kind: Text, Optional: true},
		{Name: "b", Kind: Instant, Optional: true}, {Name: "c", Kind: EventID, Optional: true}}}
	got, err := readAll(t, "a.pq", written(t, []row{{1}, {2}}), schema)
	wantColumn(t, got, err, "1 - - -", "2 - - -")
	got, err = readAll(t, "a.csv", []byte("segments\n1\n2\n"), schema)
	wantColumn(t, got, err, "1 - - -", "2 - - -")
}

func TestNoRows(t *testing.T) {
	got, err := readAll(t, "a.parquet", written(t, []smsRow{}), sms)
	if err != nil || len(got) != 0 {
		t.Error(got, err)
	}
}

// TestUnusableColumns: what a file's columns must not be, by message.
func TestUnusableColumns(t *testing.T) {
	type nested struct {
		V struct {
			X int64 `parquet:"x"`
		} `parquet:"v"`
		Behind int64 `parquet:"behind"`
	}
	type repeated struct {
		V []int64 `parquet:"v"`
	}
	type double struct {
		V float64 `parquet:"v"`
	}
	type number struct {
		V int64 `parquet:"v"`
	}
	type stamp struct {
		V int64 `parquet:"v,timestamp(millisecond)"`
	}
	type timeOfDay struct {
		V int64 `parquet:"v,time(microsecond)"`
	}
	type half struct {
		V [2]byte `parquet:"v"`
	}
	check := func(kind Kind, want string, file []byte) {
		t.Helper()
		schema := &Schema{Source: "test", Fields: []Field{{Name: "v", Kind: kind}}}
		_, err := readAll(t, "a.parquet", file, schema)
		refused(t, err, "a.parquet: "+want)
	}
	check(Integer, `column "v" cannot be read: it is nested; there are v.x`, written(t, []nested{{}}))
	check(Integer, `column "v" cannot be read: it is a list, of which an element is read (v[0]), or how many it has`, written(t, []repeated{{}}))
	check(EventID, `column "v" cannot be read as an event id: it is DOUBLE`, written(t, []double{{}}))
	check(Instant, `column "v" cannot be read as a time: it is DOUBLE without a word of its unit`, written(t, []double{{}}))
	check(Instant, `column "v" cannot be read as a time: it is INT64 without a word of its unit`, written(t, []number{{}}))
	check(Integer, `column "v" cannot be read as a number: it is a timestamp`, written(t, []stamp{{}}))
	check(Integer, `column "v" cannot be read: it is INT64 TIME`, written(t, []timeOfDay{{}}))
	check(Text, `column "v" cannot be read as text: it is FIXED_LEN_BYTE_ARRAY of 2 bytes`, written(t, []half{{}}))
	check(Text, `column "v" cannot be read: it is FIXED_LEN_BYTE_ARRAY FLOAT16`,
		forgeFooter(t, written(t, []half{{}}), func(m *format.FileMetaData) { m.Schema[1].LogicalType.Value = new(format.Float16Type) }))
	check(Text, `column "v" cannot be read: it is INT64 DECIMAL(77,77)`,
		forgeFooter(t, written(t, []number{{}}), func(m *format.FileMetaData) {
			m.Schema[1].LogicalType.Value = &format.DecimalType{Scale: 77, Precision: 77}
		}))

	type misspelt struct {
		Account int64 `parquet:"accountId"`
		Other   struct {
			X, Y int64
		} `parquet:"other"`
		Segments int64 `parquet:"segments"`
	}
	_, err := readAll(t, "a.parquet", written(t, []misspelt{{Segments: 5}}), sms)
	refused(t, err, `no column "event_id"; there are accountId, other.X, other.Y, segments`)

	// A column behind a nested one is still found at its place.
	schema := &Schema{Fields: []Field{{Name: "behind", Kind: Integer}}}
	got, err := readAll(t, "a.parquet", written(t, []nested{{Behind: 5}}), schema)
	wantColumn(t, got, err, "5")

	schema = &Schema{Source: "seats", Fields: []Field{{Name: "x", Kind: Text, Optional: true}}}
	_, err = readAll(t, "a.parquet", written(t, []number{{}}), schema)
	refused(t, err, "none of the columns of seats; there are v")
}

// TestLies: what a file claims and does not hold, by message.
func TestLies(t *testing.T) {
	rows := someRows(200)
	good := written(t, rows, parquet.Compression(&uncompressed.Codec{}), parquet.DataPageVersion(1))
	const account, occurred, carrier = 1, 2, 3
	footer := func(want string, edit func(*format.FileMetaData)) {
		t.Helper()
		_, err := readAll(t, "a.parquet", forgeFooter(t, good, edit), sms)
		refused(t, err, want)
	}
	footer("the file claims 201 rows, its row groups 200", func(m *format.FileMetaData) { m.NumRows++ })
	footer("row group 0 claims 200 rows, the file 199", func(m *format.FileMetaData) { m.NumRows-- })
	footer("row group 0 claims -1 rows", func(m *format.FileMetaData) { m.RowGroups[0].NumRows = -1 })
	footer(`column "event_id" of row group 0: claims 200 values for 201 rows`, func(m *format.FileMetaData) {
		m.NumRows++
		m.RowGroups[0].NumRows++
	})
	count := func(m *format.FileMetaData, n int64) {
		m.NumRows, m.RowGroups[0].NumRows = n, n
		for i := range m.RowGroups[0].Columns {
			m.RowGroups[0].Columns[i].MetaData.NumValues = n
		}
	}
	footer("page of 200 rows where its row group has 199 left", func(m *format.FileMetaData) { count(m, 199) })
	footer("ends 1 rows before its row group", func(m *format.FileMetaData) { count(m, 201) })
	footer("where its row group has 0 left", func(m *format.FileMetaData) { count(m, 0) })
	footer("beyond the", func(m *format.FileMetaData) { m.RowGroups[0].Columns[2].MetaData.TotalCompressedSize = 1 << 40 })
	footer("beyond the", func(m *format.FileMetaData) { m.RowGroups[0].Columns[2].MetaData.DataPageOffset = 1 << 60 })
	footer("row group 0 has 5 columns, the file 6", func(m *format.FileMetaData) { m.RowGroups[0].Columns = m.RowGroups[0].Columns[:5] })
	footer("lie in another file", func(m *format.FileMetaData) { m.RowGroups[0].Columns[2].FilePath = "b" })
	footer("is INT32 here, but INT64 in the schema", func(m *format.FileMetaData) { m.RowGroups[0].Columns[2].MetaData.Type = format.Int32 })
	footer("compression LZO cannot be read", func(m *format.FileMetaData) { m.RowGroups[0].Columns[2].MetaData.Codec = format.LZO })
	footer("neither Hadoop's framing of LZ4 nor LZ4 without one", func(m *format.FileMetaData) { m.RowGroups[0].Columns[2].MetaData.Codec = format.Lz4 })
	footer("fewer columns than it claims", func(m *format.FileMetaData) { m.Schema[0].NumChildren.V = 9 })
	footer(`two columns are called "country"`, func(m *format.FileMetaData) { m.Schema[4].Name = "country" })

	page := func(want string, column int, edit func(h *format.PageHeader, body []byte) []byte) {
		t.Helper()
		_, err := readAll(t, "a.parquet", forgePages(t, good, column, edit), sms)
		refused(t, err, want)
	}
	page("is over the limit of 268435456", occurred, func(h *format.PageHeader, body []byte) []byte {
		h.UncompressedPageSize = 1 << 30
		return body
	})
	page("is over the limit of 268435456", occurred, func(h *format.PageHeader, body []byte) []byte {
		h.CompressedPageSize = -1
		return body
	})
	page("where its column has", occurred, func(h *format.PageHeader, body []byte) []byte {
		h.CompressedPageSize++
		return body
	})
	// parquet-go makes values of what its buffer holds behind them.
	page("1592 bytes for 200 values of 8", occurred, func(h *format.PageHeader, body []byte) []byte {
		h.CRC = 0
		h.CompressedPageSize, h.UncompressedPageSize = h.CompressedPageSize-8, h.UncompressedPageSize-8
		return body[:len(body)-8]
	})
	page("page has the checksum", occurred, func(h *format.PageHeader, body []byte) []byte {
		body = append([]byte{}, body...)
		body[0] ^= 1
		return body
	})
	page("page header: ", occurred, func(h *format.PageHeader, body []byte) []byte {
		h.Type = format.DictionaryPage
		return body
	})
	page("the page is cut short", account, func(h *format.PageHeader, body []byte) []byte {
		if h.Type != format.DataPage {
			return body
		}
		h.CRC = 0 // parquet-go makes entry 0 of indexes that are not there
		h.CompressedPageSize, h.UncompressedPageSize = h.CompressedPageSize/2, h.UncompressedPageSize/2
		return body[:len(body)/2]
	})
	page("has no dictionary", account, func(h *format.PageHeader, body []byte) []byte {
		if h.Type == format.DictionaryPage {
			h.Type = format.DataPage
			h.DataPageHeader.Valid, h.DictionaryPageHeader.Valid = true, false
			h.CRC, h.CompressedPageSize, h.UncompressedPageSize = 0, 0, 0
			return nil
		}
		return body
	})
	page("beyond the dictionary's 1", carrier, func(h *format.PageHeader, body []byte) []byte {
		if h.Type != format.DictionaryPage {
			return body
		}
		h.CRC = 0
		h.DictionaryPageHeader.V.NumValues = 1
		size := 4 + int32(binary.LittleEndian.Uint32(body))
		h.CompressedPageSize, h.UncompressedPageSize = size, size
		return body[:size]
	})
}

// TestBombs: small blocks that are big when decompressed, under a small claim.
func TestBombs(t *testing.T) {
	type row struct {
		V int64 `parquet:"v,plain"`
	}
	schema := &Schema{Source: "x", Fields: []Field{{Name: "v", Kind: Integer}}}
	zeros := make([]byte, 64<<20)
	for _, codec := range []compress.Codec{&parquet.Snappy, &parquet.Gzip, &parquet.Zstd, &parquet.Brotli, &parquet.Lz4Raw} {
		bomb, err := codec.Encode(nil, zeros)
		if err != nil {
			t.Fatal(err)
		}
		file := written(t, []row{{1}, {2}}, parquet.Compression(codec))
		file = forgePages(t, file, 0, func(h *format.PageHeader, _ []byte) []byte {
			h.CRC, h.CompressedPageSize = 0, int32(len(bomb))
			return bomb
		})
		_, err = readAll(t, "a.parquet", file, schema)
		refused(t, err, "decompressing a page")
	}
}

// TestBrokenFooters: what stands at a file's end.
func TestBrokenFooters(t *testing.T) {
	good := written(t, someRows(10))
	check := func(want string, file []byte) {
		t.Helper()
		_, err := readAll(t, "a.parquet", file, sms)
		refused(t, err, want)
	}
	check("not a Parquet file: 0 bytes", nil)
	check("not a Parquet file: 8 bytes", []byte("PAR1PAR1"))
	check(`not a Parquet file, or cut short: it ends in "`, good[:len(good)-1])
	check("encrypted Parquet files", append(good[:len(good)-4:len(good)-4], "PARE"...))
	length := func(n uint32) []byte {
		return append(binary.LittleEndian.AppendUint32(good[:len(good)-8:len(good)-8], n), "PAR1"...)
	}
	check("is over the limit of 67108864", length(1<<31))
	check("in a file of", length(uint32(len(good))))
	check("broken Parquet footer", length(20))
	check("broken Parquet footer", length(0))
	// A list of 2^31 elements in a few bytes.
	check("broken Parquet footer: header ends too early",
		append([]byte("PAR1\x29\xfc\xff\xff\xff\xff\x07\x00"), "\x08\x00\x00\x00PAR1"...))
}

// TestRealFiles: files of other writers, see testdata/parquet/SOURCES.md.
func TestRealFiles(t *testing.T) {
	for _, test := range []struct {
		file string
		Field
		rows int
		want string // of the first rows, or the error
	}{
		{"alltypes_plain.snappy", Field{Name: "timestamp_col", Kind: Instant}, 2, "2009-04-01T00:00:00Z 2009-04-01T00:01:00Z"},
		{"alltypes_plain.snappy", Field{Name: "timestamp_col"}, 2, `"2009-04-01T00:00:00Z" "2009-04-01T00:01:00Z"`},
		{"alltypes_plain.snappy", Field{Name: "date_string_col"}, 2, `"04/01/09" "04/01/09"`},
		{"alltypes_plain.snappy", Field{Name: "float_col"}, 2, `"0" "1.1"`},
		{"alltypes_plain.snappy", Field{Name: "double_col"}, 2, `"0" "10.1"`},
		{"alltypes_plain.snappy", Field{Name: "bigint_col", Kind: Integer, Scale: 3}, 2, "0 10000"},
		{"alltypes_plain.snappy", Field{Name: "bool_col"}, 2, `"true" "false"`},
		{"delta_byte_array", Field{Name: "c_salutation"}, 1000, `"Sir" "Mrs."`},
		{"delta_byte_array", Field{Name: "c_login"}, 1000, "- -"},
		{"delta_byte_array", Field{Name: "c_login", Kind: Integer, Count: true}, 1000, "- -"},
		{"delta_byte_array", Field{Name: "c_salutation", Kind: Integer, Count: true}, 1000, "1 1"},
		{"int32_with_null_pages", Field{Name: "int32_field", Kind: Integer}, 1000, "-654807448 -465559769"},
		{"int32_with_null_pages", Field{Name: "int32_field", Kind: Integer, Count: true}, 1000, "1 1"},
		{"int64_decimal", Field{Name: "value", Kind: Integer}, 24, "1 2"},
		{"int64_decimal", Field{Name: "value"}, 24, `"1.00" "2.00"`},
		{"fixed_length_decimal", Field{Name: "value", Kind: Integer}, 24, "1 2"},
		{"fixed_length_decimal", Field{Name: "value", Kind: Integer, Scale: 18}, 24, "1000000000000000000 2000000000000000000"},
		{"fixed_length_decimal", Field{Name: "value"}, 24, `"1.00" "2.00"`},
		{"int96_from_spark", Field{Name: "a", Kind: Instant}, 6, "2024-01-01T20:34:56.123456Z"},
		{"ARROW-GH-43605", Field{Name: "min_fl", Kind: Integer}, 21186, "0 0"}, // dictionary indexes of no bits
		{"ARROW-RS-GH-6229-LEVELS", Field{Name: "outer", Kind: Integer, Count: true}, 0, "page of 21 values where its column has 1 left"},
		{"ARROW-RS-GH-6229-LEVELS", Field{Name: "outer"}, 0, `column "outer" cannot be read: it is a list, of which an element is read (outer[0]), or how many it has`},
		{"ARROW-RS-GH-6229-LEVELS", Field{Name: "c", Path: parsePath(t, "outer.list.item.c")}, 0, `column "outer.list.item.c" cannot be read: outer is a list, whose elements are read by place (outer[0])`},
		{"ARROW-RS-GH-6229-LEVELS", Field{Name: "c", Path: parsePath(t, "outer[0].c")}, 0, "page of 21 values where its column has 1 left"},
		{"ARROW-GH-41317", Field{Name: "timestamp_us_no_tz", Kind: Instant}, 0, "page header"},
		{"ARROW-GH-41317", Field{Name: "map_string", Kind: Integer, Count: true}, 5, "2 1"},
		{"ARROW-GH-41317", Field{Name: "decimal256", Kind: Integer, Scale: 3}, 5, ""},
		{"datapage_v1-corrupt-checksum", Field{Name: "a", Kind: Integer}, 0, "page has the checksum 0f4f6d0a"},
		{"repeated_no_annotation", Field{Name: "id", Kind: Integer}, 0, "row group 0 claims 6 rows, the file 0 in all"},
		{"hadoop_lz4_compressed", Field{Name: "c0", Kind: Integer}, 4, "1593604800 1593604800"},
		{"hadoop_lz4_compressed", Field{Name: "c1"}, 4, `"abc" "def"`},
		{"hadoop_lz4_compressed", Field{Name: "v11"}, 4, `"42" "7.7"`},
		{"large_string_map.brotli", Field{Name: "arr"}, 0, `column "arr" cannot be read: it is a map, of which the value of a key is read (arr.key), or how many entries it has`},
		{"large_string_map.brotli", Field{Name: "arr", Path: parsePath(t, "arr.key")}, 0, "keys of arr: page of 1073741828 bytes, 1627 compressed, is over the limit of 268435456"},
		{"large_string_map.brotli", Field{Name: "arr", Kind: Integer, Count: true}, 0, "is over the limit of 268435456"},
		{"PARQUET-1481", Field{Name: "Handle"}, 0, "it is Type(?)"},
	} {
		data, err := os.ReadFile("testdata/parquet/" + test.file + ".parquet")
		if err != nil {
			t.Fatal(err)
		}
		schema := &Schema{Source: "real", Fields: []Field{test.Field}}
		rows, err := readAll(t, "a.parquet", data, schema)
		got := strings.Join(rows[:min(2, len(rows))], " ")
		if err != nil {
			got = err.Error()
		}
		if len(rows) != test.rows || !strings.Contains(got, test.want) {
			t.Errorf("%s, %s: %d rows, %s\nwant %d, %s", test.file, test.Name, len(rows), got, test.rows, test.want)
		}
	}
}

// TestRepeatedGroup: the real file with the count of rows that its footer has
// wrong put right. A list may be absent, empty, or a group that repeats.
func TestRepeatedGroup(t *testing.T) {
	data, err := os.ReadFile("testdata/parquet/repeated_no_annotation.parquet")
	if err != nil {
		t.Fatal(err)
	}
	file := forgeFooter(t, data, func(m *format.FileMetaData) { m.NumRows = 6 })
	schema := &Schema{Source: "real", Fields: []Field{{Name: "id", Kind: Integer},
		{Name: "phones", Path: parsePath(t, "phoneNumbers.phone"), Kind: Integer, Count: true},
		{Name: "phoneNumbers", Kind: Integer, Count: true},
		{Name: "first", Path: parsePath(t, "phoneNumbers.phone[0].number")}, {Name: "third", Path: parsePath(t, "phoneNumbers.phone[2].kind")}}}
	got, err := readAll(t, "a.parquet", file, schema)
	wantColumn(t, got, err, "1 - - - -", "2 - - - -", "3 0 1 - -", `4 1 1 "5555555555" -`, `5 1 1 "1111111111" -`, `6 3 1 "1111111111" "mobile"`)
}

// TestRealFilesAgainstParquetGo: all columns of integers and strings of the
// good ones, against parquet-go's own rows.
func TestRealFilesAgainstParquetGo(t *testing.T) {
	for _, name := range []string{"alltypes_plain.snappy", "delta_byte_array", "int32_with_null_pages", "ARROW-GH-43605"} {
		data, err := os.ReadFile("testdata/parquet/" + name + ".parquet")
		if err != nil {
			t.Fatal(err)
		}
		file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, column := range file.Root().Columns() {
			switch column.Type().Kind() {
			case parquet.ByteArray, parquet.Int32, parquet.Int64:
			default:
				continue
			}
			schema := &Schema{Source: "real", Fields: []Field{{Name: column.Name(), Kind: Text}}}
			got, err := readAll(t, "a.parquet", data, schema)
			if err != nil {
				t.Fatal(err)
			}
			equalRows(t, got, valuesOf(t, column))
		}
	}
}

// valuesOf is a column by parquet-go, as show writes it.
func valuesOf(t *testing.T, column *parquet.Column) (rows []string) {
	pages := column.Pages()
	defer pages.Close()
	for {
		page, err := pages.ReadPage()
		if err == io.EOF {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		values := make([]parquet.Value, page.NumValues())
		if n, err := page.Values().ReadValues(values); n != len(values) {
			t.Fatal(n, err)
		}
		for _, v := range values {
			if v.IsNull() || v.String() == "" {
				rows = append(rows, "-")
			} else {
				rows = append(rows, fmt.Sprintf("%q", v.String()))
			}
		}
		parquet.Release(page)
	}
}

// TestNoAllocationPerRow: twice the rows cost the same allocations, but for
// pages and row groups.
func TestNoAllocationPerRow(t *testing.T) {
	rows := someRows(100_000)
	for i := range rows {
		rows[i].AccountID = rows[i%1000].AccountID
	}
	for key, file := range map[string][]byte{
		"a.parquet": written(t, rows), "b.parquet": written(t, mapped(rows, asPlain)), "a.csv": csvOf(rows),
		"a.arrow": arrowOf(t, "a.arrow", oneDictionary(rows, len(rows))), "a.arrows": arrowOf(t, "a.arrows", oneDictionary(rows, 10_000)),
		"a.ndjson": ndjsonOf(rows), "a.csv.gz": packings[".gz"](t, csvOf(rows)), "a.csv.zst": packings[".zst"](t, csvOf(rows)),
	} {
		ctx := context.Background()
		e, err := Open(ctx, bucketOf(t, key, file), key, int64(len(file)), sms, losAngeles(t))
		if err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(1, func() {
			if err := e.Read(ctx, 0, func(*Batch) error { return nil }); err != nil {
				t.Error(err)
			}
		})
		if n > 2500 { // 1000 of them are accounts
			t.Errorf("%s: %v allocations for %d rows", key, n, len(rows))
		}
	}
}

// damaged makes sure that a file with damage never passes for a shorter one.
// It is its rows, or nil if it was refused.
func damaged(t *testing.T, key string, data []byte, rows int) []string {
	t.Helper()
	got, err := readAll(t, key, data, sms)
	if err != nil {
		refused(t, err, key)
		return nil
	}
	if len(got) != rows {
		t.Fatalf("%d rows of %d without an error", len(got), rows)
	}
	return got
}

func TestCutShort(t *testing.T) {
	file := written(t, someRows(400), parquet.Compression(&parquet.Snappy), parquet.PageBufferSize(2000), parquet.MaxRowsPerRowGroup(150))
	for n := 0; n < len(file); n += 97 {
		if damaged(t, "a.parquet", file[:n], 400) != nil {
			t.Fatalf("cut at %d of %d: read", n, len(file))
		}
		// The same where the store has less than its listing told.
		b := bucketOf(t, "a.parquet", file[:n])
		_, err := readFrom(b, "a.parquet", int64(len(file)), sms, calendar.Zone{})
		refused(t, err, "a.parquet")
	}
}

func TestFlippedBits(t *testing.T) {
	for version := 1; version <= 2; version++ {
		file := written(t, someRows(60), parquet.Compression(&parquet.Snappy), parquet.DataPageVersion(version), parquet.PageBufferSize(1000))
		want, err := readAll(t, "a.parquet", file, sms)
		if err != nil {
			t.Fatal(err)
		}
		_, footer := footerOf(t, file)
		for at := range file {
			file[at] ^= 1 << (at % 8)
			// What passes in front of the footer are bounds and indexes that are
			// not used. In the footer a flip can make a text of a blob.
			got := damaged(t, "a.parquet", file, 60)
			if at < footer && got != nil {
				equalRows(t, got, want)
			}
			file[at] ^= 1 << (at % 8)
		}
	}
}

// TestFlippedWithoutChecksum: with no checksum a changed value can pass, but
// a changed number of rows cannot.
func TestFlippedWithoutChecksum(t *testing.T) {
	file := written(t, mapped(someRows(30), asDelta), parquet.Compression(&uncompressed.Codec{}))
	for column := range sms.Fields {
		file = forgePages(t, file, column, func(h *format.PageHeader, body []byte) []byte {
			h.CRC = 0
			return body
		})
	}
	for at := range file {
		file[at] ^= 1 << (at % 8)
		damaged(t, "a.parquet", file, 30)
		file[at] ^= 1 << (at % 8)
	}
}

func TestSplitsAtOnce(t *testing.T) {
	rows := someRows(10_000)
	file := written(t, rows, parquet.MaxRowsPerRowGroup(1000))
	ctx := context.Background()
	e, err := Open(ctx, bucketOf(t, "a.parquet", file), "a.parquet", int64(len(file)), sms, losAngeles(t))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	counts := make([]int, e.Splits())
	for split := range e.Splits() {
		wg.Go(func() {
			err := e.Read(ctx, split, func(b *Batch) error { counts[split] += b.Len; return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for split, n := range counts {
		if n != 1000 {
			t.Errorf("split %d of %d: %d rows", split, len(counts), n)
		}
	}
}
