package readers

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/decimal128"
	"github.com/apache/arrow/go/v15/arrow/decimal256"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/uncompressed"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"ratemill/rating/calendar"
)

// readField reads a file by one field, which is called v.
func readField(t testing.TB, key string, file []byte, field Field) ([]string, error) {
	t.Helper()
	if field.Name == "" {
		field.Name = "v"
	}
	return readAll(t, key, file, &Schema{Source: "test", Fields: []Field{field}})
}

// decimals is a Parquet column of DECIMAL of a width, big-endian; of 0 bytes
// it is a BYTE_ARRAY.
func decimals(t testing.TB, width int, scale int32, values ...[]byte) []byte {
	t.Helper()
	var node parquet.Node = parquet.Leaf(parquet.ByteArrayType)
	if width > 0 {
		node = parquet.Leaf(parquet.FixedLenByteArrayType(width))
	}
	var file bytes.Buffer
	w := parquet.NewWriter(&file, parquet.NewSchema("x", parquet.Group{"v": parquet.Optional(node)}))
	for _, v := range values {
		row := parquet.Row{parquet.NullValue().Level(0, 0, 0)}
		if v != nil {
			row = parquet.Row{parquet.ByteArrayValue(v).Level(0, 1, 0)}
			if width > 0 {
				row = parquet.Row{parquet.FixedLenByteArrayValue(v).Level(0, 1, 0)}
			}
		}
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return forgeFooter(t, file.Bytes(), func(m *format.FileMetaData) {
		m.Schema[1].ConvertedType.V, m.Schema[1].ConvertedType.Valid = deprecated.Decimal, true
		m.Schema[1].Scale.V, m.Schema[1].Scale.Valid = scale, true
		m.Schema[1].Precision.V, m.Schema[1].Precision.Valid = 38, true
	})
}

// twosComplement is a number in so many bytes; of 0 bytes it is as short as
// it can be.
func twosComplement(v *big.Int, width int) []byte {
	if width == 0 {
		width = v.BitLen()/8 + 1
	}
	if v.Sign() < 0 {
		v = new(big.Int).Add(v, new(big.Int).Lsh(big.NewInt(1), uint(8*width)))
	}
	return v.FillBytes(make([]byte, width))
}

// TestDecimals: the same numbers in every width and both formats.
func TestDecimals(t *testing.T) {
	for _, test := range []struct {
		digits string // as they are stored; empty: null
		scale  int32
		keep   int // Field.Scale
		number string
		text   string
	}{
		{"300", 2, 0, "3", "3.00"},
		{"350", 2, 0, `!"3.50":not_a_number`, "3.50"},
		{"350", 2, 2, "350", "3.50"},
		{"-350", 2, 6, "-3500000", "-3.50"},
		{"-5", 3, 3, "-5", "-0.005"},
		{"-5", 3, 2, `!"-0.005":not_a_number`, "-0.005"},
		{"0", 38, 0, "0", "0." + strings.Repeat("0", 38)},
		{"0", 0, 18, "0", "0"},
		{"1", 38, 18, `!"0.` + strings.Repeat("0", 37) + `1":not_a_number`, "0." + strings.Repeat("0", 37) + "1"},
		{"", 2, 2, "-", "-"},
		{"9223372036854775807", 0, 0, "9223372036854775807", "9223372036854775807"},
		{"-9223372036854775808", 0, 0, "-9223372036854775808", "-9223372036854775808"},
		{"9223372036854775807", 0, 1, `!"9223372036854775807":overflow`, "9223372036854775807"},
		{"922337203685477580", 0, 1, "9223372036854775800", "922337203685477580"},
		{"-922337203685477581", 0, 1, `!"-922337203685477581":overflow`, "-922337203685477581"},
		{"-9223372036854775808", 18, 18, "-9223372036854775808", "-9.223372036854775808"},
		{"12500000000000000000", 18, 2, "1250", "12.500000000000000000"},
		{"-12500000000000000000", 18, 2, "-1250", "-12.500000000000000000"},
		{"12345000000000000000001", 18, 2, `!"12345.000000000000000001":not_a_number`, "12345.000000000000000001"},
		{"92233720368547758070", 1, 0, "9223372036854775807", "9223372036854775807.0"},
		{"92233720368547758080", 1, 0, `!"9223372036854775808.0":overflow`, "9223372036854775808.0"},
		{"-92233720368547758080", 1, 0, "-9223372036854775808", "-9223372036854775808.0"},
		{"99999999999999999999999999999999999999", 0, 0, `!"99999999999999999999999999999999999999":overflow`, "99999999999999999999999999999999999999"},
		{"-99999999999999999999999999999999999999", 38, 0, `!"-0.99999999999999999999999999999999999999":not_a_number`, "-0.99999999999999999999999999999999999999"},
	} {
		text := test.text
		if text != "-" {
			text = fmt.Sprintf("%q", text)
		}
		for what, file := range decimalFiles(t, test.digits, test.scale) {
			key, _, _ := strings.Cut(what, " ")
			got, err := readField(t, key, file, Field{Kind: Integer, Scale: test.keep})
			if err != nil || len(got) != 1 || got[0] != test.number {
				t.Errorf("%s of scale %d, %s, at %d: got %v, %v, want %s", test.digits, test.scale, what, test.keep, got, err, test.number)
			}
			got, err = readField(t, key, file, Field{Kind: Text})
			if err != nil || len(got) != 1 || got[0] != text {
				t.Errorf("%s of scale %d, %s: got %v, %v, want %s", test.digits, test.scale, what, got, err, text)
			}
			got, err = readField(t, key, file, Field{Kind: EventID})
			if id := fmt.Sprintf("%x", Key([]byte(test.text))); err != nil || text != "-" && got[0] != id {
				t.Errorf("%s of scale %d, %s: got %v, %v, want %s", test.digits, test.scale, what, got, err, id)
			}
		}
	}
}

// decimalFiles is one decimal in every physical type that has room for it.
func decimalFiles(t testing.TB, digits string, scale int32) map[string][]byte {
	t.Helper()
	v, isNumber := new(big.Int).SetString(digits, 10)
	files := map[string][]byte{}
	for _, width := range []int{0, 5, 9, 16, 17, 40} {
		switch {
		case !isNumber:
			files[fmt.Sprintf("a.parquet of %d bytes", width)] = decimals(t, width, scale, nil)
		case width == 0 || v.BitLen() < 8*width:
			files[fmt.Sprintf("a.parquet of %d bytes", width)] = decimals(t, width, scale, twosComplement(v, width))
		}
	}
	if isNumber && v.IsInt64() && scale <= 18 {
		type row struct {
			V int64 `parquet:"v,decimal(0:18)"`
		}
		files["a.parquet of INT64"] = forgeFooter(t, written(t, []row{{v.Int64()}}), func(m *format.FileMetaData) {
			m.Schema[1].LogicalType.Value = &format.DecimalType{Scale: scale, Precision: 18}
		})
	}
	if isNumber && v.IsInt64() && int64(int32(v.Int64())) == v.Int64() && scale <= 9 {
		type row struct {
			V int32 `parquet:"v,decimal(0:9)"`
		}
		files["a.parquet of INT32"] = forgeFooter(t, written(t, []row{{int32(v.Int64())}}), func(m *format.FileMetaData) {
			m.Schema[1].LogicalType.Value = &format.DecimalType{Scale: scale, Precision: 9}
		})
	}
	narrow := array.NewDecimal128Builder(memory.DefaultAllocator, &arrow.Decimal128Type{Precision: 38, Scale: scale})
	wide := array.NewDecimal256Builder(memory.DefaultAllocator, &arrow.Decimal256Type{Precision: 76, Scale: scale})
	if isNumber {
		narrow.Append(decimal128.FromBigInt(v))
		wide.Append(decimal256.FromBigInt(v))
	} else {
		narrow.AppendNull()
		wide.AppendNull()
	}
	files["a.arrow of 128 bits"] = arrowOf(t, "a.arrow", oneArrow("v", narrow.NewArray()))
	files["a.arrows of 256 bits"] = arrowOf(t, "a.arrows", oneArrow("v", wide.NewArray()))
	return files
}

func oneArrow(name string, column arrow.Array) []arrow.Record {
	schema := arrow.NewSchema([]arrow.Field{{Name: name, Type: column.DataType(), Nullable: true}}, nil)
	return []arrow.Record{array.NewRecord(schema, []arrow.Array{column}, int64(column.Len()))}
}

// TestForgedDecimals: beyond what any type holds, and of no bytes at all.
func TestForgedDecimals(t *testing.T) {
	huge := append([]byte{1}, make([]byte, 1000)...)
	file := decimals(t, 0, 2, huge, []byte{}, []byte{0xff, 0xff, 0xff}, append(make([]byte, 500), 7))
	for _, kind := range []Kind{Integer, Text} {
		got, err := readField(t, "a.parquet", file, Field{Kind: kind, Scale: 2})
		want := []string{`!"a number of 1001 bytes":overflow`, `!"":not_a_number`, "-1", "7"}
		if kind == Text {
			want[2], want[3] = `"-0.01"`, `"0.07"`
		}
		wantColumn(t, got, err, want...)
	}
}

// floats are the same in Parquet and Arrow, with and without a dictionary.
func floats[T float32 | float64](t testing.TB, values ...T) map[string][]byte {
	type plain struct {
		V *T `parquet:"v,optional,plain"`
	}
	type dict struct {
		V *T `parquet:"v,optional,dict"`
	}
	type split struct {
		V T `parquet:"v,split"`
	}
	var plains []plain
	var dicts []dict
	var splits []split
	var column arrow.Array
	switch v := any(values).(type) {
	case []float32:
		b := array.NewFloat32Builder(memory.DefaultAllocator)
		b.AppendValues(v, nil)
		column = b.NewArray()
	case []float64:
		b := array.NewFloat64Builder(memory.DefaultAllocator)
		b.AppendValues(v, nil)
		column = b.NewArray()
	}
	for i := range values {
		plains, dicts, splits = append(plains, plain{&values[i]}), append(dicts, dict{&values[i]}), append(splits, split{values[i]})
	}
	return map[string][]byte{
		"a.parquet": written(t, plains), "b.parquet": written(t, dicts), "c.parquet": written(t, splits),
		"a.arrow": arrowOf(t, "a.arrow", oneArrow("v", column)),
	}
}

func TestFloats(t *testing.T) {
	tenth, third := 0.1, 1.0/3
	doubles := floats(t, 3, -0.5, tenth+0.2, third, 1e300, 5e-324, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 1<<53, 90071992547409920, 92233720368547759)
	singles := floats[float32](t, 3, 0.1, 16777215, 123456789, 1.5e-3, float32(math.Inf(-1)))
	for _, test := range []struct {
		files map[string][]byte
		field Field
		want  []string
	}{
		{doubles, Field{Kind: Integer, Scale: 2}, []string{"300", "-50", `!"0.30000000000000004":not_a_number`, `!"0.3333333333333333":not_a_number`,
			`!"1000000000000000000000000000000000000000000000000000000000000000":overflow`, `!"0.00000000000000000000000000000000000000000000000000000000000000":not_a_number`,
			`!"NaN":not_a_number`, `!"+Inf":not_a_number`, `!"-Inf":not_a_number`, "0", "900719925474099200", "9007199254740992000", `!"92233720368547760":overflow`}},
		{doubles, Field{Kind: Text}, nil},
		{singles, Field{Kind: Integer, Scale: 4}, []string{"30000", "1000", "167772150000", "1234567900000", "15", `!"-Inf":not_a_number`}},
		{singles, Field{Kind: Text}, []string{`"3"`, `"0.1"`, `"16777215"`, `"123456790"`, `"0.0015"`, `"-Inf"`}},
	} {
		for key, file := range test.files {
			got, err := readField(t, key, file, test.field)
			if test.want == nil {
				test.want = got // of the first file: all are the same
				if len(got) != 13 || got[0] != `"3"` || got[2] != `"0.30000000000000004"` || got[6] != `"NaN"` {
					t.Errorf("%s: %v", key, got)
				}
			}
			wantColumn(t, got, err, test.want...)
		}
	}
}

// TestScaledIntegers: times 10^scale, never beyond int64 without a word.
func TestScaledIntegers(t *testing.T) {
	type signed64 struct {
		V int64 `parquet:"v"`
	}
	type unsigned64 struct {
		V uint64 `parquet:"v"`
	}
	type unsigned32 struct {
		V uint32 `parquet:"v,dict"`
	}
	type words struct {
		V string `parquet:"v"`
	}
	scaled := func(scale int) Field { return Field{Kind: Integer, Scale: scale} }
	got, err := readField(t, "a.parquet", written(t, []signed64{{5}, {-92233720368547758}, {92233720368547759}, {math.MinInt64}}), scaled(2))
	wantColumn(t, got, err, "500", "-9223372036854775800", `!"92233720368547759":overflow`, `!"-9223372036854775808":overflow`)
	got, err = readField(t, "a.parquet", written(t, []unsigned64{{9}, {10}, {math.MaxUint64}}), scaled(18))
	wantColumn(t, got, err, "9000000000000000000", `!"10":overflow`, `!"18446744073709551615":overflow`)
	got, err = readField(t, "a.parquet", written(t, []unsigned32{{math.MaxUint32}, {math.MaxUint32}}), scaled(1))
	wantColumn(t, got, err, "42949672950", "42949672950")
	got, err = readField(t, "a.parquet", written(t, []words{{"1.5"}, {"1.555"}, {""}}), scaled(2))
	wantColumn(t, got, err, "150", `!"1.555":not_a_number`, "-")
	got, err = readField(t, "a.arrow", arrowOf(t, "a.arrow", arrowColumnOf(t, arrow.PrimitiveTypes.Int8, `[-3, null]`)), scaled(4))
	wantColumn(t, got, err, "-30000", "-")
	got, err = readField(t, "a.arrow", arrowOf(t, "a.arrow", arrowColumnOf(t, arrow.PrimitiveTypes.Uint64, `[18446744073709551615]`)), scaled(0))
	wantColumn(t, got, err, `!"18446744073709551615":overflow`)
}

// TestTimesAsText: the same in both formats, whatever the unit.
func TestTimesAsText(t *testing.T) {
	type times struct {
		MS    int64 `parquet:"ms,timestamp(millisecond)"`
		NS    int64 `parquet:"ns,timestamp(nanosecond)"`
		Local int64 `parquet:"local,timestamp(microsecond:local)"`
		Day   int32 `parquet:"day,date"`
	}
	file := written(t, []times{{1_700_000_000_500, 1_700_000_000_000_000_001, -1, 0}, {math.MaxInt64, -1, 0, -1}, {0, 0, math.MinInt64, math.MaxInt32}})
	schema := &Schema{Source: "x", Fields: []Field{{Name: "ms"}, {Name: "ns"}, {Name: "local"}, {Name: "day"}}}
	want := []string{
		`"2023-11-14T22:13:20.5Z" "2023-11-14T22:13:20.000000001Z" "1969-12-31T23:59:59.999999" "1970-01-01"`,
		`!"9223372036854775807 ms":not_a_time "1969-12-31T23:59:59.999999999Z" "1970-01-01T00:00:00" "1969-12-31"`,
		`"1970-01-01T00:00:00Z" "1970-01-01T00:00:00Z" !"-9223372036854775808 µs":not_a_time !"2147483647 days":not_a_time`,
	}
	got, err := readAll(t, "a.parquet", file, schema)
	wantColumn(t, got, err, want...)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "ms", Type: &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "Europe/Berlin"}},
		{Name: "ns", Type: &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}},
		{Name: "local", Type: &arrow.TimestampType{Unit: arrow.Microsecond}}, {Name: "day", Type: arrow.FixedWidthTypes.Date32}}, nil))
	builder.Field(0).(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{1_700_000_000_500, math.MaxInt64, 0}, nil)
	builder.Field(1).(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{1_700_000_000_000_000_001, -1, 0}, nil)
	builder.Field(2).(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{-1, 0, math.MinInt64}, nil)
	builder.Field(3).(*array.Date32Builder).AppendValues([]arrow.Date32{0, -1, math.MaxInt32}, nil)
	got, err = readAll(t, "a.arrow", arrowOf(t, "a.arrow", []arrow.Record{builder.NewRecord()}), schema)
	wantColumn(t, got, err, want...)

	for field, text := range map[string]string{"ms": "2023-11-14T22:13:20.5Z", "local": "1969-12-31T23:59:59.999999", "day": "1970-01-01"} {
		got, err := readField(t, "a.parquet", file, Field{Name: field, Kind: EventID})
		if err != nil || got[0] != fmt.Sprintf("%x", Key([]byte(text))) {
			t.Errorf("%s: %v %v", field, got, err)
		}
	}
}

// TestNumbersAsTimes: epochs in integers, decimals and floats, and days
// written as numbers.
func TestNumbersAsTimes(t *testing.T) {
	type integer struct {
		V int64 `parquet:"v"`
	}
	type unsigned struct {
		V uint64 `parquet:"v"`
	}
	type dec struct {
		V int64 `parquet:"v,decimal(3:18)"`
	}
	type double struct {
		V float64 `parquet:"v"`
	}
	type local struct {
		V int64 `parquet:"v,timestamp(microsecond:local)"`
	}
	moments := written(t, []integer{{1_700_000_000}, {-1}, {math.MaxInt64}, {1_700_000_000_123}})
	check := func(form TimeForm, kind Kind, file []byte, want ...string) {
		t.Helper()
		got, err := readField(t, "a.parquet", file, Field{Kind: kind, Time: form})
		wantColumn(t, got, err, want...)
	}
	const never = `!"9223372036854775807":not_a_time`
	check(EpochS, Instant, moments, "2023-11-14T22:13:20Z", "1969-12-31T23:59:59Z", never, `!"1700000000123":not_a_time`)
	check(EpochMs, Instant, moments, "1970-01-20T16:13:20Z", "1969-12-31T23:59:59.999Z", never, "2023-11-14T22:13:20.123Z")
	check(EpochNs, Instant, moments, "1970-01-01T00:00:01.7Z", "1969-12-31T23:59:59.999999Z", "2262-04-11T23:47:16.854775Z", "1970-01-01T00:28:20Z")
	check(EpochAuto, Instant, written(t, []integer{{1_700_000_000}, {1_700_000_000_123}}), "2023-11-14T22:13:20Z", "2023-11-14T22:13:20.123Z")
	check(EpochS, Date, moments, "2023-11-14", "1969-12-31", never, `!"1700000000123":not_a_time`)
	check(EpochS, Instant, written(t, []unsigned{{1_700_000_000}, {math.MaxUint64}}), "2023-11-14T22:13:20Z", `!"18446744073709551615":not_a_time`)
	check(EpochS, Instant, written(t, []dec{{1_700_000_000_123}, {-1}}), "2023-11-14T22:13:20.123Z", "1969-12-31T23:59:59.999Z")
	check(EpochMs, Instant, written(t, []double{{1_700_000_000_123}, {0.0005}, {-0.0005}, {math.NaN()}}),
		"2023-11-14T22:13:20.123Z", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", `!"NaN":not_a_time`)
	check("YYYYMMDD", Date, written(t, []integer{{20260701}, {20260732}}), "2026-07-01", `!"20260732":not_a_time`)

	// A unit that the file knows goes before the form, and a field's zone before the export's.
	utc, berlin := zoneCalled(t, "UTC"), zoneCalled(t, "Europe/Berlin")
	noon := written(t, []local{{micros(2026, 7, 1, 12, 0)}})
	for zone, want := range map[*Field]string{
		{Kind: Instant}: "2026-07-01T19:00:00Z",
		{Kind: Instant, Zone: &utc, Time: EpochS}:    "2026-07-01T12:00:00Z",
		{Kind: Instant, Zone: &berlin}:               "2026-07-01T10:00:00Z",
		{Kind: Date, Zone: &berlin, Time: ISO8601}:   "2026-07-01",
		{Kind: Text, Zone: &berlin, Time: "unknown"}: "",
	} {
		got, err := readField(t, "a.parquet", noon, *zone)
		if want == "" {
			refused(t, err, "unknown")
			continue
		}
		wantColumn(t, got, err, want)
	}
	_, err := readField(t, "a.parquet", moments, Field{Kind: Instant, Time: RFC2822})
	refused(t, err, `column "v" cannot be read as a time: it is INT64 without a word of its unit`)
	file := arrowOf(t, "a.arrow", arrowColumnOf(t, arrow.PrimitiveTypes.Int64, `[1700000000, null]`))
	got, err := readField(t, "a.arrow", file, Field{Kind: Instant, Time: EpochS})
	wantColumn(t, got, err, "2023-11-14T22:13:20Z", "-")
}

func zoneCalled(t testing.TB, name string) calendar.Zone {
	t.Helper()
	zone, err := calendar.LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// nestedRows and nestedArrow hold the same rows.
type (
	meta struct {
		Tag *string `parquet:"tag,optional"`
		N   int32   `parquet:"n"`
	}
	mail struct {
		ID   string   `parquet:"id"`
		Meta *meta    `parquet:"meta,optional"`
		Tags []string `parquet:"tags,list,optional"`
	}
	nestedRow struct {
		Mail   *mail            `parquet:"mail,optional"`
		Dotted *string          `parquet:"mail.id,optional"`
		JSON   *string          `parquet:"json,optional"`
		Tags   []string         `parquet:"tags,list,optional"`
		Plain  []int64          `parquet:"plain"`
		Parts  []meta           `parquet:"parts"`
		Attrs  map[string]int64 `parquet:"attrs,optional"`
		Lists  [][]int32        `parquet:"lists,list,optional"`
	}
)

func nestedRows() []nestedRow {
	a, empty, text := "a", "", `{"x":{"y":[1,2]},"n":"0.5"}`
	return []nestedRow{
		{Mail: &mail{ID: "m1", Meta: &meta{Tag: &a, N: 7}, Tags: []string{"t"}}, JSON: &text, Dotted: &a, Tags: []string{"x", "y"}, Plain: []int64{1, 2, 3},
			Parts: []meta{{N: 1}, {Tag: &a}}, Attrs: map[string]int64{"k": 1, "l": 2}, Lists: [][]int32{{1, 2}, {}, {3}}},
		{},
		{Mail: &mail{ID: "m3", Meta: &meta{N: 8}}, JSON: &empty, Tags: []string{"z"}, Plain: []int64{4}, Parts: []meta{{}}, Attrs: map[string]int64{"m": 3}, Lists: [][]int32{{4, 5, 6}}},
		{Mail: &mail{ID: "", Tags: []string{"u", "v"}}},
	}
}

func nestedFields(t testing.TB) *Schema {
	s := &Schema{Source: "x", Fields: []Field{
		{Name: "n", Path: parsePath(t, "mail.meta.n"), Kind: Integer, Scale: 1}, {Name: "tag", Path: parsePath(t, "mail.meta.tag")},
		{Name: "id", Path: parsePath(t, "mail.id")}, {Name: "inner id", Path: parsePath(t, `mail."id"`)},
		{Name: "tags", Kind: Integer, Count: true}, {Name: "inner", Path: parsePath(t, "mail.tags"), Kind: Integer, Count: true},
		{Name: "plain", Kind: Integer, Count: true}, {Name: "parts", Kind: Integer, Count: true}, {Name: "attrs", Kind: Integer, Count: true},
		{Name: "lists", Kind: Integer, Count: true}, {Name: "meta", Path: parsePath(t, "mail.meta"), Kind: Integer, Count: true},
		{Name: "number", Path: parsePath(t, "mail.meta.n"), Kind: Integer, Count: true}, {Name: "id count", Path: parsePath(t, `mail."id"`), Kind: Integer, Count: true},
		{Name: "y", Path: parsePath(t, "json.x.y"), Kind: Integer, Count: true}, {Name: "json n", Path: parsePath(t, "json.n"), Kind: Integer, Scale: 1},
		{Name: "second", Path: parsePath(t, "json.x.y[1]")}, {Name: "none", Path: parsePath(t, "mail.none"), Optional: true}}}
	for _, f := range wanting(t, "tags[1]", "mail.tags[0]", "mail.tags[1]:id", "plain[2]:integer", "parts[1].tag", "parts[0].n:integer", "attrs.l:integer",
		"attrs.m", "lists[0][1]", "lists[2][0]:integer", "lists[1]:count", "lists[0]:count", "parts[1].tag:count", "parts[1]:count", "attrs.k:count").Fields {
		f.Name, f.Optional = f.Path.Text, false
		s.Fields = append(s.Fields, f)
	}
	return s
}

// Parquet cannot tell an absent list from an empty one where it is plain.
var nestedWant = []string{
	`70 "a" "a" "m1" 2 1 3 2 2 3 1 1 1 2 5 "2" - "y" "t" - 3 "a" 1 2 - "2" 3 0 2 1 1 1`,
	`- - - - - - 0 0 - - - - - - - - - - - - - - - - - - - - - - - -`,
	`80 - - "m3" 1 - 1 1 1 1 1 1 1 - - - - - - - - - 0 - "3" "5" - - 3 - - -`,
	`- - - - - 2 0 0 - - - - - - - - - - "u" ` + idOf("v") + ` - - - - - - - - - - - -`,
}

func TestNestedParquet(t *testing.T) {
	for version := 1; version <= 2; version++ {
		for _, options := range [][]parquet.WriterOption{nil, {parquet.MaxRowsPerRowGroup(1)}, {parquet.PageBufferSize(1)}} {
			options = append(options, parquet.DataPageVersion(version))
			got, err := readAll(t, "a.parquet", written(t, nestedRows(), options...), nestedFields(t))
			wantColumn(t, got, err, nestedWant...)
		}
	}
}

func nestedArrow(t testing.TB) []arrow.Record {
	str := arrow.BinaryTypes.String
	metaType := arrow.StructOf(arrow.Field{Name: "tag", Type: str, Nullable: true}, arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true})
	types := map[string]arrow.DataType{
		"mail": arrow.StructOf(arrow.Field{Name: "id", Type: str, Nullable: true}, arrow.Field{Name: "meta", Type: metaType, Nullable: true},
			arrow.Field{Name: "tags", Type: arrow.ListOf(str), Nullable: true}),
		"mail.id": str, "json": str, "tags": arrow.LargeListOf(str), "plain": arrow.ListOf(arrow.PrimitiveTypes.Int64),
		"parts": arrow.ListOf(metaType), "attrs": arrow.MapOf(str, arrow.PrimitiveTypes.Int64), "lists": arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int32)),
	}
	var fields []arrow.Field
	for _, name := range []string{"mail", "mail.id", "json", "tags", "plain", "parts", "attrs", "lists"} {
		fields = append(fields, arrow.Field{Name: name, Type: types[name], Nullable: true})
	}
	record, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(`[
		{"mail":{"id":"m1","meta":{"tag":"a","n":7},"tags":["t"]},"mail.id":"a","json":"{\"x\":{\"y\":[1,2]},\"n\":\"0.5\"}","tags":["x","y"],"plain":[1,2,3],
			"parts":[{"n":1},{"tag":"a","n":0}],"attrs":[{"key":"k","value":1},{"key":"l","value":2}],"lists":[[1,2],[],[3]]},
		{"mail":null,"mail.id":null,"json":null,"tags":null,"plain":[],"parts":[],"attrs":null,"lists":null},
		{"mail":{"id":"m3","meta":{"n":8},"tags":null},"mail.id":null,"json":"","tags":["z"],"plain":[4],"parts":[{"n":0}],"attrs":[{"key":"m","value":3}],"lists":[[4,5,6]]},
		{"mail":{"id":"","meta":null,"tags":["u","v"]},"mail.id":null,"json":null,"tags":null,"plain":[],"parts":[],"attrs":null,"lists":null}]`))
	if err != nil {
		t.Fatal(err)
	}
	return []arrow.Record{record}
}

func TestNestedArrow(t *testing.T) {
	for _, key := range []string{"a.arrow", "a.arrows"} {
		got, err := readAll(t, key, arrowOf(t, key, nestedArrow(t)), nestedFields(t))
		wantColumn(t, got, err, nestedWant...)
		// Batches cut out of a longer one begin in the middle of its columns.
		whole := nestedArrow(t)[0]
		if key == "a.arrows" {
			got, err = readAll(t, key, arrowOf(t, key, []arrow.Record{whole.NewSlice(0, 1), whole.NewSlice(1, 4)}), nestedFields(t))
			wantColumn(t, got, err, nestedWant...)
		}
	}
	fixed := arrowColumnOf(t, arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Int8), `[[1,2,3], null]`)
	got, err := readField(t, "a.arrow", arrowOf(t, "a.arrow", fixed), Field{Kind: Integer, Count: true})
	wantColumn(t, got, err, "3", "-")
	got, err = readField(t, "a.arrow", arrowOf(t, "a.arrow", fixed), Field{Kind: Integer, Path: parsePath(t, "v[2]")})
	wantColumn(t, got, err, "3", "-")
}

// TestStoredColumns: what messages say that there is, and what is lacking.
func TestStoredColumns(t *testing.T) {
	want := []string{"attrs", "json", "lists", "lists[0]", "lists[0][0]", "mail.id", "mail.id", "mail.meta.n", "mail.meta.tag", "mail.tags", "mail.tags[0]",
		"parts", "parts[0].n", "parts[0].tag", "plain", "plain[0]", "tags", "tags[0]"}
	for key, file := range map[string][]byte{"a.parquet": written(t, nestedRows()), "a.arrow": arrowOf(t, "a.arrow", nestedArrow(t)), "a.arrows": arrowOf(t, "a.arrows", nestedArrow(t))} {
		e, err := Open(context.Background(), bucketOf(t, key, file), key, int64(len(file)), nestedFields(t), losAngeles(t))
		if err != nil {
			t.Fatal(err)
		}
		columns, err := e.Columns(context.Background())
		if slices.Sort(columns); err != nil || !slices.Equal(columns, want) {
			t.Errorf("%s: %q, %v", key, columns, err)
		}
		for i, field := range nestedFields(t).Fields {
			if e.lacks(i) != (field.Name == "none") {
				t.Errorf("%s: lacks %s: %v", key, field.Name, e.lacks(i))
			}
		}
		for path, want := range map[string]string{
			"mail":          `column "mail" cannot be read: it is nested; there are mail.id, `,
			"mail.meta":     `column "mail.meta" cannot be read: it is nested; there are mail.meta.`,
			"tags":          `column "tags" cannot be read: it is a list, of which an element is read (tags[0]), or how many it has`,
			"lists[1]":      `column "lists[1]" cannot be read: it is a list, of which an element is read (lists[1][0]), or how many it has`,
			"parts[0]":      `column "parts[0]" cannot be read: it is nested; there are parts[0].`,
			"parts.n":       `column "parts.n" cannot be read: parts is a list, whose elements are read by place (parts[0])`,
			"mail.tags.x":   `column "mail.tags.x" cannot be read: mail.tags is a list, whose elements are read by place (mail.tags[0])`,
			"attrs":         `column "attrs" cannot be read: it is a map, of which the value of a key is read (attrs.key), or how many entries it has`,
			"attrs[0]":      `column "attrs[0]" cannot be read: attrs is a map, whose values are read by key (attrs.key) and not by place`,
			"mail.meta.no":  `no column "mail.meta.no"; there are `,
			"parts[0].no":   `no column "parts[0].no"; there are `,
			"plain[0][1]":   `no column "plain[0][1]"; there are `,
			"tags[*]":       `no column "tags[*]"; there are `,
			"mail[0]":       `no column "mail[0]"; there are `,
			"mail.meta.n.x": `no column "mail.meta.n.x"; there are `,
		} {
			_, err := readField(t, key, file, Field{Path: parsePath(t, path)})
			refused(t, err, want)
		}
	}
	// With no fields at all a file is opened for its columns alone.
	e, err := Open(context.Background(), bucketOf(t, "a.parquet", written(t, nestedRows())), "a.parquet", int64(len(written(t, nestedRows()))), &Schema{}, losAngeles(t))
	if err != nil || len(e.storedColumns()) != len(want) {
		t.Error(err)
	}
	type odd struct {
		A struct {
			B int64 `parquet:"x.y"`
		} `parquet:"a\""`
		C int64 `parquet:"lineItem/Cost"`
	}
	file := written(t, []odd{{}})
	_, err = readField(t, "a.parquet", file, Field{Name: "none"})
	refused(t, err, `there are "a\""."x.y", lineItem/Cost`)
	got, err := readField(t, "a.parquet", file, Field{Path: parsePath(t, `"a\""."x.y"`)})
	wantColumn(t, got, err, `"0"`)
}

// TestLegacyLists: of two levels, as Spark, Hive and Thrift wrote them.
func TestLegacyLists(t *testing.T) {
	type elements struct {
		E []int32 `parquet:"array"`
	}
	type row struct {
		V *elements `parquet:"v,optional"`
	}
	file := written(t, []row{{&elements{[]int32{1, 2}}}, {}, {&elements{}}})
	got, err := readField(t, "a.parquet", file, Field{Kind: Integer, Count: true})
	wantColumn(t, got, err, "1", "-", "1") // a group
	got, err = readField(t, "a.parquet", file, Field{Path: parsePath(t, "v.array"), Kind: Integer, Count: true})
	wantColumn(t, got, err, "2", "-", "0")
	got, err = readField(t, "a.parquet", file, Field{Path: parsePath(t, "v.array[1]"), Kind: Integer})
	wantColumn(t, got, err, "2", "-", "-")
	for _, kind := range []deprecated.ConvertedType{deprecated.List, deprecated.Map, deprecated.MapKeyValue} {
		said := forgeFooter(t, file, func(m *format.FileMetaData) {
			m.Schema[1].ConvertedType.V, m.Schema[1].ConvertedType.Valid = kind, true
		})
		got, err = readField(t, "a.parquet", said, Field{Kind: Integer, Count: true})
		wantColumn(t, got, err, "2", "-", "0")
		got, err = readField(t, "a.parquet", said, Field{Path: parsePath(t, "v[1]"), Kind: Integer})
		if kind == deprecated.List {
			wantColumn(t, got, err, "2", "-", "-")
			continue
		}
		refused(t, err, `column "v[1]" cannot be read: of v only how many elements it has is read`)
	}
}

// TestCountsOverPages: rows that go on in the next page, which Parquet 1 lets
// be, and more rows than a batch holds.
func TestCountsOverPages(t *testing.T) {
	type row struct {
		V []int64 `parquet:"v"`
	}
	rows, want := make([]row, 40_000), make([]string, 40_000)
	for i := range rows {
		rows[i].V = make([]int64, i%7)
		want[i] = fmt.Sprint(i % 7)
	}
	count := Field{Kind: Integer, Count: true}
	for version := 1; version <= 2; version++ {
		got, err := readField(t, "a.parquet", written(t, rows, parquet.DataPageVersion(version), parquet.PageBufferSize(4000)), count)
		if err != nil {
			t.Fatal(err)
		}
		equalRows(t, got, want)
	}

	// [1 1 | 1] [] [1 | 1 1 | 1]
	file := forgedLists(t, []listPage{{[]byte{0, 1}, []byte{1, 1}}, {[]byte{1, 0, 0}, []byte{1, 0, 1}}, {[]byte{1, 1}, []byte{1, 1}}, {[]byte{1}, []byte{1}}}, 3)
	got, err := readField(t, "a.parquet", file, count)
	wantColumn(t, got, err, "3", "0", "4")
	for place, want := range [][]string{{"0", "-", "3"}, {"1", "-", "4"}, {"2", "-", "5"}, {"-", "-", "6"}, {"-", "-", "-"}} {
		got, err := readField(t, "a.parquet", file, Field{Kind: Integer, Path: parsePath(t, fmt.Sprintf("v[%d]", place))})
		wantColumn(t, got, err, want...)
	}
	second := Field{Kind: Integer, Path: parsePath(t, "v[1]")}
	for want, pages := range map[string][]listPage{
		"begins in the middle of a row":           {{[]byte{1, 0, 0, 0}, []byte{1, 1, 1, 1}}},
		"a list that is empty has elements":       {{[]byte{0, 1, 0, 0}, []byte{0, 1, 1, 1}}},
		"repetition levels: 1 are above 1":        {{[]byte{0, 3, 0, 0}, []byte{1, 1, 1, 1}}},
		"definition levels: 2 are above 1":        {{[]byte{0, 0, 0}, []byte{1, 2, 7}}},
		"page of 4 rows where its row group has":  {{[]byte{0, 0, 0, 0}, []byte{1, 1, 1, 1}}},
		"ends 1 rows before its row group":        {{[]byte{0, 0, 1}, []byte{1, 1, 1}}},
		"claims 2 values for 3 rows":              {{[]byte{0, 0}, []byte{1, 1}}},
		"repetition levels: the page is cut":      {{nil, []byte{1, 1, 1}}},
		"definition levels: the page goes on beh": {{[]byte{0, 0, 0}, []byte{1, 1, 1, 1}}},
	} {
		for _, field := range []Field{count, second} {
			_, err := readField(t, "a.parquet", forgedLists(t, pages, 3), field)
			refused(t, err, want)
		}
	}
	good := forgedLists(t, []listPage{{[]byte{0, 0, 0}, []byte{1, 1, 1}}}, 3)
	for want, edit := range map[string]func(*format.FileMetaData){
		"page of 3 values where its column has 2 left": func(m *format.FileMetaData) {
			m.NumRows, m.RowGroups[0].NumRows, m.RowGroups[0].Columns[0].MetaData.NumValues = 2, 2, 2
		},
		"ends 0 rows before its row group, and 1 values": func(m *format.FileMetaData) { m.RowGroups[0].Columns[0].MetaData.NumValues++ },
		"claims 3 values for 0 rows":                     func(m *format.FileMetaData) { m.NumRows, m.RowGroups[0].NumRows = 0, 0 },
	} {
		for _, field := range []Field{count, second} {
			_, err := readField(t, "a.parquet", forgeFooter(t, good, edit), field)
			refused(t, err, want)
		}
	}
}

// listPage is the levels of a page of plain repeated values.
type listPage struct{ repetitions, definitions []byte }

// forgedLists is a file of rows with one column v, a plain repeated INT64, of
// the values 0, 1, 2 and so on, with just these levels, each in a byte of its own.
func forgedLists(t testing.TB, pages []listPage, rows int64) []byte {
	t.Helper()
	type row struct {
		V []int64 `parquet:"v"`
	}
	file := written(t, []row{{[]int64{1}}}, parquet.Compression(&uncompressed.Codec{}), parquet.DataPageVersion(1))
	meta, _ := footerOf(t, file)
	data, values, value := []byte(parquetMagic), int64(0), uint64(0)
	begin := int64(len(data))
	for _, p := range pages {
		n := max(len(p.repetitions), 1)
		if p.repetitions == nil {
			n = len(p.definitions)
		}
		var body []byte
		for _, levels := range [][]byte{p.repetitions, p.definitions} {
			runs := runsOf(levels)
			body = append(append(body, byte(len(runs)), 0, 0, 0), runs...)
		}
		for range bytes.Count(p.definitions, []byte{1}) {
			body = binary.LittleEndian.AppendUint64(body, value)
			value++
		}
		h := format.PageHeader{Type: format.DataPage, CompressedPageSize: int32(len(body)), UncompressedPageSize: int32(len(body))}
		h.DataPageHeader.Valid = true
		h.DataPageHeader.V = format.DataPageHeader{NumValues: int32(n), DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE}
		data = append(append(data, marshal(t, &h)...), body...)
		values += int64(n)
	}
	meta.NumRows = rows
	group := &meta.RowGroups[0]
	group.NumRows = rows
	chunk := &group.Columns[0].MetaData
	chunk.NumValues, chunk.DataPageOffset, chunk.DictionaryPageOffset = values, begin, 0
	chunk.TotalCompressedSize = int64(len(data)) - begin
	return closed(t, data, meta)
}

// runsOf is each level as a run of one.
func runsOf(levels []byte) (runs []byte) {
	for _, level := range levels {
		runs = append(runs, 1<<1, level)
	}
	return runs
}

// TestLevelAboveTheHighest: a run may repeat any byte, and one of a column
// that is not nested would stand for as many values.
func TestLevelAboveTheHighest(t *testing.T) {
	type row struct {
		V *int64 `parquet:"v,optional,plain"`
	}
	seven := int64(7)
	file := written(t, []row{{&seven}, {&seven}, {&seven}}, parquet.Compression(&uncompressed.Codec{}), parquet.DataPageVersion(1))
	file = forgePages(t, file, 0, func(h *format.PageHeader, body []byte) []byte {
		levels := runsOf([]byte{3, 0, 0})
		body = append(append([]byte{byte(len(levels)), 0, 0, 0}, levels...), body[len(body)-24:]...)
		h.CRC, h.CompressedPageSize, h.UncompressedPageSize = 0, int32(len(body)), int32(len(body))
		return body
	})
	_, err := readField(t, "a.parquet", file, Field{Kind: Integer})
	refused(t, err, "definition levels: 1 are above 1, the highest there is")
}

// TestDeepLevels: of a column in twenty optional groups.
func TestDeepLevels(t *testing.T) {
	node := parquet.Optional(parquet.Leaf(parquet.Int64Type))
	names := []string{"v"}
	for range 20 {
		node = parquet.Optional(parquet.Group{"v": node})
		names = append(names, "v")
	}
	var file bytes.Buffer
	w := parquet.NewWriter(&file, parquet.NewSchema("x", parquet.Group{"v": node}))
	want := []string{}
	for level := range 22 {
		value, text := parquet.NullValue(), "-"
		if level == 21 {
			value, text = parquet.Int64Value(5), "5"
		}
		want = append(want, text)
		if _, err := w.WriteRows([]parquet.Row{{value.Level(0, level, 0)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := parsePath(t, strings.Join(names, "."))
	got, err := readField(t, "a.parquet", file.Bytes(), Field{Kind: Integer, Path: path})
	wantColumn(t, got, err, want...)
	deep := forgeFooter(t, file.Bytes(), func(m *format.FileMetaData) {
		group := m.Schema[1]
		for range 100 {
			m.Schema = slices.Insert(m.Schema, 1, group)
		}
	})
	_, err = readField(t, "a.parquet", deep, Field{Kind: Integer, Path: path})
	refused(t, err, "columns nest deeper than 64")
}

// TestFlippedNested: damage in nested columns never changes how many rows there are.
func TestFlippedNested(t *testing.T) {
	if testing.Short() {
		t.Skip("slow under the race detector, and one goroutine anyway")
	}
	for version := 1; version <= 2; version++ {
		file := written(t, nestedRows(), parquet.Compression(&uncompressed.Codec{}), parquet.DataPageVersion(version))
		meta, _ := footerOf(t, file)
		for column := range meta.RowGroups[0].Columns {
			file = forgePages(t, file, column, func(h *format.PageHeader, body []byte) []byte { h.CRC = 0; return body })
		}
		flipAll(t, "a.parquet", file, nestedFields(t))
	}
	flipAll(t, "a.arrows", arrowOf(t, "a.arrows", nestedArrow(t)), nestedFields(t))
}

func flipAll(t *testing.T, key string, file []byte, schema *Schema) {
	t.Helper()
	for at := range file {
		file[at] ^= 1 << (at % 8)
		got, err := readAll(t, key, file, schema)
		if err != nil {
			refused(t, err, key)
		} else if len(got) != 4 {
			t.Fatalf("%s flipped at %d: %d rows of 4 without an error", key, at, len(got))
		}
		file[at] ^= 1 << (at % 8)
	}
}

// TestHadoopLZ4: blocks of several chunks, and LZ4 without a framing, as old
// writers of C++ left it.
func TestHadoopLZ4(t *testing.T) {
	plain := bytes.Repeat([]byte("abcdefgh"), 20)
	raw, err := parquet.Lz4Raw.Encode(nil, plain)
	if err != nil {
		t.Fatal(err)
	}
	half, err := parquet.Lz4Raw.Encode(nil, plain[:80])
	if err != nil {
		t.Fatal(err)
	}
	be := func(n int) []byte { return []byte{0, 0, byte(n >> 8), byte(n)} }
	for what, block := range map[string][]byte{
		"raw": raw, "one": slices.Concat(be(160), be(len(raw)), raw),
		"chunks": slices.Concat(be(160), be(len(half)), half, be(len(half)), half),
		"blocks": slices.Concat(be(80), be(len(half)), half, be(80), be(len(half)), half),
	} {
		to := make([]byte, len(plain))
		if err := new(unpacker).unpack(format.Lz4, to, block); err != nil || !bytes.Equal(to, plain) {
			t.Errorf("%s: %v", what, err)
		}
		for n := range block {
			if err := new(unpacker).unpack(format.Lz4, to, block[:n]); err == nil {
				t.Errorf("%s cut at %d: no error", what, n)
			}
		}
		if err := new(unpacker).unpack(format.Lz4, to, append(slices.Clone(block), 0)); err == nil {
			t.Errorf("%s: a byte too many is no error", what)
		}
	}
}

// TestAbsentTexts: what a layout says that is absent, in columns of text.
func TestAbsentTexts(t *testing.T) {
	type row struct {
		V []byte `parquet:"v,dict"`
	}
	id := []byte("0123456789abcdef")
	file := written(t, []row{{[]byte("NULL")}, {id}, {[]byte("null")}})
	for kind, want := range map[Kind][]string{Text: {"-", `"0123456789abcdef"`, `"null"`}, EventID: {"-", fmt.Sprintf("%x", id), fmt.Sprintf("%x", Key([]byte("null")))}} {
		schema := &Schema{Fields: []Field{{Name: "v", Kind: kind}}}
		e, err := openRaw(context.Background(), bucketOf(t, "a.parquet", file), File{Key: "a.parquet", Size: int64(len(file))}, schema, &Layout{Absent: []string{"NULL"}}, losAngeles(t))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		err = e.Read(context.Background(), 0, func(b *Batch) error {
			for row := range b.Len {
				got = append(got, show(schema, b, row))
			}
			return nil
		})
		wantColumn(t, got, err, want...)
	}
}
