package readers

import (
	"bytes"
	"context"
	"math"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/decimal128"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"ratemill/rating/calendar"
)

// arrowOf writes records as a file or, if the key says so, as a stream.
func arrowOf(t testing.TB, key string, records []arrow.Record, options ...ipc.Option) []byte {
	t.Helper()
	var b bytes.Buffer
	options = append(options, ipc.WithSchema(records[0].Schema()))
	var w interface {
		Write(arrow.Record) error
		Close() error
	}
	if format, _ := FormatOf(key); format == ArrowStream {
		w = ipc.NewWriter(&b, options...)
	} else {
		file, err := ipc.NewFileWriter(seekable{&b}, options...)
		if err != nil {
			t.Fatal(err)
		}
		w = file
	}
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// seekable tells the library its place, for which it asks by a Seek of nothing.
type seekable struct{ *bytes.Buffer }

func (s seekable) Seek(int64, int) (int64, error) { return int64(s.Len()), nil }

var dictionaryOfText = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}

var smsArrow = arrow.NewSchema([]arrow.Field{
	{Name: "event_id", Type: &arrow.FixedSizeBinaryType{ByteWidth: 16}},
	{Name: "account_id", Type: dictionaryOfText},
	{Name: "occurred_at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
	{Name: "carrier", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "country", Type: arrow.BinaryTypes.LargeString},
	{Name: "segments", Type: arrow.PrimitiveTypes.Int64},
}, nil)

// recordsOf are the rows in records of a size.
func recordsOf(rows []smsRow, size int) (records []arrow.Record) {
	for first := true; first || len(rows) > 0; first = false {
		b := array.NewRecordBuilder(memory.DefaultAllocator, smsArrow)
		n := min(size, len(rows))
		for _, r := range rows[:n] {
			b.Field(0).(*array.FixedSizeBinaryBuilder).Append(r.EventID[:])
			_ = b.Field(1).(*array.BinaryDictionaryBuilder).AppendString(r.AccountID)
			b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(r.OccurredAt))
			if r.Carrier == nil {
				b.Field(3).AppendNull()
			} else {
				b.Field(3).(*array.StringBuilder).Append(*r.Carrier)
			}
			b.Field(4).(*array.LargeStringBuilder).Append(r.Country)
			b.Field(5).(*array.Int64Builder).Append(r.Segments)
		}
		records = append(records, b.NewRecord())
		rows = rows[n:]
	}
	return records
}

// oneDictionary is the rows in one record, cut: files have one dictionary only.
func oneDictionary(rows []smsRow, size int) (records []arrow.Record) {
	whole := recordsOf(rows, len(rows))[0]
	for at := 0; at < len(rows); at += size {
		records = append(records, whole.NewSlice(int64(at), int64(min(at+size, len(rows)))))
	}
	return records
}

func TestArrow(t *testing.T) {
	rows := someRows(17_000)
	want, err := readAll(t, "a.csv", csvOf(rows), sms)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a.arrow", "a.feather", "a.arrows"} {
		for what, options := range map[string][]ipc.Option{"plain": nil, "lz4": {ipc.WithLZ4()}, "zstd": {ipc.WithZstd()}} {
			for _, size := range []int{17_000, 7_777} {
				got, err := readAll(t, key, arrowOf(t, key, oneDictionary(rows, size), options...), sms)
				if err != nil {
					t.Fatalf("%s, %s, %d: %v", key, what, size, err)
				}
				equalRows(t, got, want)
			}
		}
	}
	for what, options := range map[string][]ipc.Option{"replaced": nil, "deltas": {ipc.WithDictionaryDeltas(true)}} {
		got, err := readAll(t, "a.arrows", arrowOf(t, "a.arrows", recordsOf(rows, 7_777), options...), sms)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		equalRows(t, got, want)
	}
	for _, key := range []string{"a.arrow", "a.arrows"} {
		got, err := readAll(t, key, arrowOf(t, key, recordsOf(nil, 1)), sms)
		wantColumn(t, got, err)
	}
}

// arrowColumnOf is one column v of a type, from JSON as the library reads it.
func arrowColumnOf(t *testing.T, kind arrow.DataType, values string) []arrow.Record {
	t.Helper()
	column, _, err := array.FromJSON(memory.DefaultAllocator, kind, strings.NewReader(values), array.WithUseNumber())
	if err != nil {
		t.Fatal(kind, err)
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: kind, Nullable: true}}, nil)
	return []arrow.Record{array.NewRecord(schema, []arrow.Array{column}, int64(column.Len()))}
}

func TestArrowMeanings(t *testing.T) {
	timestamp := func(unit arrow.TimeUnit, zone string) arrow.DataType {
		return &arrow.TimestampType{Unit: unit, TimeZone: zone}
	}
	for _, test := range []struct {
		kind   Kind
		of     arrow.DataType
		values string
		want   []string
	}{
		{Text, arrow.BinaryTypes.String, `["a", "", null, "ä"]`, []string{`"a"`, "-", "-", `"ä"`}},
		{Text, arrow.BinaryTypes.LargeString, `["a", null]`, []string{`"a"`, "-"}},
		{Text, arrow.BinaryTypes.Binary, `["YQ==", "/w=="]`, []string{`"a"`, `!"�":not_text`}},
		{Text, arrow.FixedWidthTypes.Boolean, `[true, false, null]`, []string{`"true"`, `"false"`, "-"}},
		{Text, arrow.PrimitiveTypes.Uint8, `[200, 7]`, []string{`"200"`, `"7"`}},
		{Text, arrow.Null, `[null, null]`, []string{"-", "-"}},
		{Integer, arrow.Null, `[null, null]`, []string{"-", "-"}},
		{Integer, arrow.PrimitiveTypes.Int8, `[-128, 127]`, []string{"-128", "127"}},
		{Integer, arrow.PrimitiveTypes.Int16, `[-32768, null]`, []string{"-32768", "-"}},
		{Integer, arrow.PrimitiveTypes.Uint16, `[65535]`, []string{"65535"}},
		{Integer, arrow.PrimitiveTypes.Int32, `[-2147483648]`, []string{"-2147483648"}},
		{Integer, arrow.PrimitiveTypes.Uint32, `[4294967295]`, []string{"4294967295"}},
		{Integer, arrow.PrimitiveTypes.Int64, `[-9223372036854775808, 9223372036854775807]`, []string{"-9223372036854775808", "9223372036854775807"}},
		{Integer, arrow.PrimitiveTypes.Uint64, `[9223372036854775807, 18446744073709551615]`, []string{"9223372036854775807", `!"18446744073709551615":overflow`}},
		{Integer, arrow.BinaryTypes.String, `["7", "1.0"]`, []string{"7", "1"}},
		{Instant, timestamp(arrow.Second, "UTC"), `[0, null, -1]`, []string{"1970-01-01T00:00:00Z", "-", "1969-12-31T23:59:59Z"}},
		{Instant, timestamp(arrow.Millisecond, "Europe/Berlin"), `[-1]`, []string{"1969-12-31T23:59:59.999Z"}},
		{Instant, timestamp(arrow.Microsecond, ""), `["2026-03-08T02:30:00", "2026-11-01T01:30:00"]`, []string{"2026-03-08T10:30:00Z", "2026-11-01T08:30:00Z"}},
		{Instant, timestamp(arrow.Nanosecond, "UTC"), `[-1, 1999]`, []string{"1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000001Z"}},
		{Instant, timestamp(arrow.Second, "UTC"), `[9223372036854775807]`, []string{`!"9223372036854775807 s":not_a_time`}},
		{Instant, arrow.FixedWidthTypes.Date32, `["2026-07-01"]`, []string{"2026-07-01T07:00:00Z"}},
		{Date, arrow.FixedWidthTypes.Date32, `["2026-07-01", "1969-12-31", null, "1970-01-01"]`, []string{"2026-07-01", "1969-12-31", "-", `!"0 days":not_a_time`}},
		{Date, arrow.FixedWidthTypes.Date64, `["2026-07-01", 1, -86400000]`, []string{"2026-07-01", `!"1 ms":not_a_time`, "1969-12-31"}},
		{EventID, &arrow.FixedSizeBinaryType{ByteWidth: 16}, `["MTIzNDU2Nzg5MDEyMzQ1Ng=="]`, []string{"31323334353637383930313233343536"}},
		{EventID, arrow.BinaryTypes.Binary, `["MTIzNDU2Nzg5MDEyMzQ1Ng=="]`, []string{"31323334353637383930313233343536"}},
		{EventID, arrow.BinaryTypes.String, `["01234567-89ab-cdef-fedc-ba9876543210"]`, []string{"0123456789abcdeffedcba9876543210"}},
		{Integer, &arrow.Decimal128Type{Precision: 38, Scale: 2}, `["1.00", "-2.50", null, "92233720368547758.07"]`, []string{"1", `!"-2.50":not_a_number`, "-", `!"92233720368547758.07":not_a_number`}},
		{Text, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint8, ValueType: arrow.BinaryTypes.String}, `["b", null, "a", "b"]`, []string{`"b"`, "-", `"a"`, `"b"`}},
		{Integer, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int16, ValueType: arrow.PrimitiveTypes.Int64}, `[5, null, 7, 5]`, []string{"5", "-", "7", "5"}},
	} {
		schema := &Schema{Source: "x", Fields: []Field{{Name: "v", Kind: test.kind}}}
		for _, key := range []string{"a.arrow", "a.arrows"} {
			got, err := readAll(t, key, arrowOf(t, key, arrowColumnOf(t, test.of, test.values)), schema)
			if err != nil || strings.Join(got, "|") != strings.Join(test.want, "|") {
				t.Errorf("%s of %v: got %q, %v\nwant %q", key, test.of, got, err, test.want)
			}
		}
	}
}

// TestWideDecimals: beyond 64 bits.
func TestWideDecimals(t *testing.T) {
	kind := &arrow.Decimal128Type{Precision: 38, Scale: 19}
	b := array.NewDecimal128Builder(memory.DefaultAllocator, kind)
	whole := decimal128.FromBigInt(new(big.Int).Mul(big.NewInt(1e9), big.NewInt(1e10)))
	for _, n := range []int64{1, 5, -7} {
		b.Append(whole.Mul(decimal128.FromI64(n)))
	}
	b.Append(decimal128.FromI64(1))
	column := b.NewArray()
	wide := &arrow.Decimal128Type{Precision: 38, Scale: 1}
	c := array.NewDecimal128Builder(memory.DefaultAllocator, wide)
	for _, n := range []int64{math.MaxInt64, math.MinInt64} {
		c.Append(decimal128.FromI64(n).Mul(decimal128.FromI64(10)))
	}
	c.Append(decimal128.FromI64(math.MaxInt64).Add(decimal128.FromI64(1)).Mul(decimal128.FromI64(10)))
	c.Append(decimal128.FromI64(math.MaxInt64).Mul(decimal128.FromI64(11)))
	for _, test := range []struct {
		column arrow.Array
		want   []string
	}{
		{column, []string{"1", "5", "-7", `!"0.0000000000000000001":not_a_number`}},
		{c.NewArray(), []string{"9223372036854775807", "-9223372036854775808", `!"9223372036854775808.0":overflow`, `!"10145709240540253387.7":not_a_number`}},
	} {
		records := []arrow.Record{array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "v", Type: test.column.DataType()}}, nil), []arrow.Array{test.column}, 4)}
		schema := &Schema{Source: "x", Fields: []Field{{Name: "v", Kind: Integer}}}
		got, err := readAll(t, "a.arrow", arrowOf(t, "a.arrow", records), schema)
		wantColumn(t, got, err, test.want...)
	}
}

func TestUnusableArrow(t *testing.T) {
	for _, test := range []struct {
		kind Kind
		of   arrow.DataType
		want string
	}{
		{EventID, arrow.PrimitiveTypes.Float64, `column "v" cannot be read as an event id: it is DOUBLE`},
		{Integer, arrow.FixedWidthTypes.Float16, `column "v" cannot be read: it is float16`},
		{Text, arrow.ListOf(arrow.BinaryTypes.String), `column "v" cannot be read: it is a list, of which an element is read (v[0]), or how many it has`},
		{Instant, arrow.PrimitiveTypes.Int64, `column "v" cannot be read as a time: it is INT64 without a word of its unit`},
		{Integer, arrow.FixedWidthTypes.Duration_s, `column "v" cannot be read: it is duration`},
	} {
		schema := &Schema{Source: "x", Fields: []Field{{Name: "v", Kind: test.kind}}}
		_, err := readAll(t, "a.arrow", arrowOf(t, "a.arrow", arrowColumnOf(t, test.of, "[]")), schema)
		refused(t, err, test.want)
	}
	_, err := readAll(t, "a.arrow", arrowOf(t, "a.arrow", arrowColumnOf(t, arrow.Null, "[]")), pair)
	refused(t, err, `no column "name"; there are v`)
	for _, key := range []string{"a.arrow", "a.arrows"} {
		for _, file := range []string{"", "x", "ARROW1\x00\x00", strings.Repeat("ARROW1", 9), "\xff\xff\xff\xff\x00\x00\x00\x00"} {
			_, err := readAll(t, key, []byte(file), pair)
			refused(t, err, key)
		}
	}
}

// TestNestedColumnsAreSkipped: columns of any type beside those that are wanted.
func TestNestedColumnsAreSkipped(t *testing.T) {
	kind := arrow.StructOf(
		arrow.Field{Name: "a", Type: arrow.ListOf(arrow.StructOf(arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int8, Nullable: true})), Nullable: true},
		arrow.Field{Name: "f", Type: arrow.PrimitiveTypes.Float64, Nullable: true})
	nested := arrowColumnOf(t, kind, `[{"a":[{"n":1},null],"f":1.5},null,{"a":null,"f":null}]`)[0].Column(0)
	numbers := arrowColumnOf(t, arrow.PrimitiveTypes.Int32, `[1,null,3]`)[0].Column(0)
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: kind, Nullable: true}, {Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true}}, nil)
	record := array.NewRecord(schema, []arrow.Array{nested, numbers}, 3)
	n := &Schema{Source: "x", Fields: []Field{{Name: "n", Kind: Integer}}}
	for _, key := range []string{"a.arrow", "a.arrows"} {
		got, err := readAll(t, key, arrowOf(t, key, []arrow.Record{record}, ipc.WithZstd()), n)
		wantColumn(t, got, err, "1", "-", "3")
	}
}

func TestArrowCutShort(t *testing.T) {
	for _, key := range []string{"a.arrow", "a.arrows"} {
		file := arrowOf(t, key, oneDictionary(someRows(60), 25), ipc.WithLZ4())
		for n := 0; n < len(file); n += 7 {
			if damaged(t, key, file[:n], 60) != nil {
				t.Fatalf("%s cut at %d of %d: read", key, n, len(file))
			}
			_, err := readFrom(bucketOf(t, key, file[:n]), key, int64(len(file)), sms, calendar.Zone{})
			refused(t, err, key)
		}
		_, err := readAll(t, key, append(bytes.Clone(file), 0), sms)
		refused(t, err, key)
	}
}

// TestArrowFlippedBits: Arrow has no checksums, so that a changed value can
// pass; but no row is lost and nothing breaks.
func TestArrowFlippedBits(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, and one goroutine anyway")
	}
	for _, key := range []string{"a.arrow", "a.arrows"} {
		for _, options := range [][]ipc.Option{nil, {ipc.WithZstd()}} {
			file := arrowOf(t, key, oneDictionary(someRows(20), 9), options...)
			for at := range file {
				file[at] ^= 1 << (at % 8)
				damaged(t, key, file, 20)
				file[at] ^= 1 << (at % 8)
			}
		}
	}
}

// TestEveryFormat: tricky rows are the same rows in any format.
func TestEveryFormat(t *testing.T) {
	schema := &Schema{Source: "x", Fields: []Field{
		{Name: "event_id", Kind: EventID}, {Name: "name", Kind: Text, Optional: true}, {Name: "at", Kind: Instant}, {Name: "on", Kind: Date}, {Name: "n", Kind: Integer}}}
	type row struct {
		EventID string `parquet:"event_id"`
		Name    string `parquet:"name"`
		At      string `parquet:"at"`
		On      string `parquet:"on"`
		N       string `parquet:"n"`
	}
	rows := []row{
		{"01234567-89ab-cdef-fedc-ba9876543210", "ä\"\\,\r\n\t😀\u0000\u2028", "1969-12-31T23:59:59.9999999Z", "1969-12-31", "-9223372036854775808"},
		{"evt 1", "", "2026-03-08T02:30:00", "2026-07-01T06:59:59Z", "9223372036854775807"},
		{"", "null", "2026-11-01 01:30:00", "", "9223372036854775808"},
		{"ö", "NULL", "0000-00-00", "1970-01-01", "1.0"},
		{"7", "0012", "9999-12-31T23:59:59Z", "2026-02-30", "1,5"},
		{"x", strings.Repeat("y", 300), "", "9999-12-31", strings.Repeat("9", 70)},
	}
	cells := func(r row) []string { return []string{r.EventID, r.Name, r.At, r.On, r.N} }
	var csv, ndjson strings.Builder
	fields := make([]arrow.Field, len(schema.Fields))
	for i, f := range schema.Fields {
		fields[i] = arrow.Field{Name: f.Name, Type: arrow.BinaryTypes.String, Nullable: true}
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	csv.WriteString("event_id,name,at,on,n\n")
	for _, r := range rows {
		object := map[string]string{}
		for i, cell := range cells(r) {
			if i > 0 {
				csv.WriteString(",")
			}
			csv.WriteString(`"` + strings.ReplaceAll(cell, `"`, `""`) + `"`)
			if object[schema.Fields[i].Name] = cell; cell == "" {
				delete(object, schema.Fields[i].Name)
				b.Field(i).AppendNull()
			} else {
				b.Field(i).(*array.StringBuilder).Append(cell)
			}
		}
		csv.WriteString("\r\n")
		ndjson.Write(jsonOf(t, object))
	}
	records := []arrow.Record{b.NewRecord()}
	want, err := readAll(t, "a.csv", []byte(csv.String()), schema)
	if err != nil || len(want) != len(rows) {
		t.Fatal(len(want), err)
	}
	for key, file := range map[string][]byte{
		"a.csv.gz": packings[".gz"](t, []byte(csv.String())), "a.csv.zst": packings[".zst"](t, []byte(csv.String())),
		"a.ndjson": []byte(ndjson.String()), "a.ndjson.gz": packings[".gz"](t, []byte(ndjson.String())),
		"a.parquet": written(t, rows), "a.arrow": arrowOf(t, "a.arrow", records), "a.arrows": arrowOf(t, "a.arrows", records, ipc.WithZstd()),
	} {
		got, err := readAll(t, key, file, schema)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		equalRows(t, got, want)
	}
}

// TestArrowSplitsAtOnce: each split has a reader of its own.
func TestArrowSplitsAtOnce(t *testing.T) {
	file := arrowOf(t, "a.arrow", oneDictionary(someRows(5000), 500), ipc.WithZstd())
	ctx := context.Background()
	e, err := Open(ctx, bucketOf(t, "a.arrow", file), "a.arrow", int64(len(file)), sms, losAngeles(t))
	if err != nil || e.Splits() != 10 || e.Rows() != 5000 {
		t.Fatal(e, err)
	}
	var wg sync.WaitGroup
	for split := range e.Splits() {
		wg.Go(func() {
			err := e.Read(ctx, split, func(b *Batch) error {
				if b.Len != 500 || b.FirstRow != int64(1+500*split) {
					t.Errorf("split %d: %d rows from %d", split, b.Len, b.FirstRow)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
