package readers

import (
	"errors"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/compress/uncompressed"
	"github.com/parquet-go/parquet-go/format"

	"ratemill/rating/calendar"
)

// fuzzed reads what a fuzzer made: it must be read whole or be refused by a
// *FileError, and every batch must be sound.
func fuzzed(t *testing.T, key string, data []byte) {
	if len(data) > 1<<16 {
		t.Skip("long files only cost memory")
	}
	_, err := readFrom(bucketOf(t, key, data), key, int64(len(data)), sms, calendar.Zone{})
	var fe *FileError
	if err != nil && !errors.As(err, &fe) {
		t.Fatal(err)
	}
}

func FuzzCSV(f *testing.F) {
	f.Add(csvOf(someRows(2)))
	f.Add([]byte("event_id,account_id,occurred_at,segments\r\n\"a\"\"\n\",,2026-07-01,1,5\r\n\r\n"))
	f.Add([]byte("\xef\xbb\xbfsegments,event_id,account_id,occurred_at\n1,\xff,\"\",2026-07-01 00:00:00.5\r"))
	f.Fuzz(func(t *testing.T, data []byte) { fuzzed(t, "a.csv", data) })
}

func FuzzNDJSON(f *testing.F) {
	f.Add(ndjsonOf(someRows(2)))
	f.Add([]byte("\xef\xbb\xbf{\"event_id\":7,\"account_id\":null,\"segments\":1.0}\r\n{}\n\n"))
	f.Add([]byte(`{"account_id":"\u00e9\ud83d\ude00\ud800","occurred_at":[],"x":{"y":[true,-1e5]}}`))
	f.Fuzz(func(t *testing.T, data []byte) { fuzzed(t, "a.ndjson", data) })
}

// FuzzJSON reads documents, NDJSON and CSV with JSON in its cells by nested
// paths, with and without a path to the records.
func FuzzJSON(f *testing.F) {
	for i := range uint8(8) {
		f.Add(i, `{"a":{"b":[1,{"c":"{\"d\":[1,2]}"}]},"a.b":"x","l":["p"],"t":1534109600.089676}`)
		f.Add(i, `[{"r":[{"a":{"b":1.50e1}},{"l":[]}]},{"r":null}] {"r":{"t":"-1e-9","l":"[1,2"}}`)
		f.Add(i, "a,l,t\n\"{\"\"b\"\":[7]}\",\"[1,2]\",1534109600\nNULL,x,\n")
	}
	schema := wanting(f, "a.b:integer", "a.b[1].c", "a.b[1].c.d:count", "a.b", "l:count", "l[0]", "t:instant", "t:integer", "a:id")
	schema.Fields[6].Time, schema.Fields[7].Scale = EpochAuto, 6
	records := []Path{{}, parsePath(f, "r"), parsePath(f, "*.r"), parsePath(f, "[0].r[1]")}
	f.Fuzz(func(t *testing.T, how uint8, text string) {
		if len(text) > 1<<16 {
			t.Skip("long files only cost memory")
		}
		key := [...]string{"a.json", "a.ndjson", "a.csv"}[how%3]
		layout := &Layout{Absent: []string{"NULL"}, Records: records[how/3%4]}
		_, _, err := readLaidOut(t, key, text, schema, layout)
		var fe *FileError
		if err != nil && !errors.As(err, &fe) {
			t.Fatal(err)
		}
	})
}

// fuzzedMapped reads it by the schemas that mapped files were seeded for too:
// nested and counted columns, and a column v of numbers of any type.
func fuzzedMapped(t *testing.T, key string, data []byte) {
	fuzzed(t, key, data)
	nested, numbers := nestedFields(t), &Schema{Source: "x", Fields: []Field{
		{Name: "v", Kind: Integer, Scale: 4}, {Name: "text", Path: ColumnPath("v")},
		{Name: "at", Kind: Instant, Path: ColumnPath("v"), Time: EpochMs}, {Name: "on", Kind: Date, Path: ColumnPath("v"), Time: EpochAuto},
		{Name: "count", Kind: Integer, Path: ColumnPath("v"), Count: true}}}
	schemas := []*Schema{nested, numbers}
	for _, path := range []string{"v[1]:integer", "v.k", "v[0].a"} { // of one file no more than one can be read
		schemas = append(schemas, wanting(t, path))
	}
	for _, schema := range schemas {
		_, err := readFrom(bucketOf(t, key, data), key, int64(len(data)), schema, calendar.Zone{})
		var fe *FileError
		if err != nil && !errors.As(err, &fe) {
			t.Fatal(err)
		}
	}
}

func FuzzArrow(f *testing.F) {
	for _, options := range [][]ipc.Option{nil, {ipc.WithLZ4()}, {ipc.WithZstd()}} {
		f.Add(arrowOf(f, "a.arrow", oneDictionary(someRows(4), 3), options...), false)
		f.Add(arrowOf(f, "a.arrows", recordsOf(someRows(4), 3), options...), true)
	}
	f.Add(arrowOf(f, "a.arrow", nestedArrow(f)), false)
	f.Add(arrowOf(f, "a.arrows", nestedArrow(f)), true)
	f.Add(floats(f, 1.5, 1e300)["a.arrow"], false)
	f.Add(decimalFiles(f, "-12345000000000000000001", 18)["a.arrow of 128 bits"], false)
	f.Add(decimalFiles(f, "-12345000000000000000001", 18)["a.arrows of 256 bits"], true)
	f.Fuzz(func(t *testing.T, data []byte, stream bool) {
		key := "a.arrow"
		if stream {
			key = "a.arrows"
		}
		fuzzedMapped(t, key, data)
	})
}

func FuzzParquet(f *testing.F) {
	rows := someRows(3)
	for version := 1; version <= 2; version++ {
		for _, codec := range []compress.Codec{&uncompressed.Codec{}, &parquet.Snappy, &parquet.Zstd} {
			f.Add(written(f, rows, parquet.Compression(codec), parquet.DataPageVersion(version)))
		}
		f.Add(written(f, mapped(rows, asDelta), parquet.Compression(&uncompressed.Codec{}), parquet.DataPageVersion(version)))
		f.Add(written(f, nestedRows(), parquet.Compression(&uncompressed.Codec{}), parquet.DataPageVersion(version)))
	}
	for _, file := range floats(f, 1.5, 1e300) {
		f.Add(file)
	}
	f.Add(forgedLists(f, []listPage{{[]byte{0, 1}, []byte{1, 1}}, {[]byte{1, 0, 0}, []byte{1, 0, 1}}}, 3))
	root := &kindOf{is: "struct", fields: []*kindOf{{is: "map", item: &kindOf{is: "text"}}}}
	f.Add(forgeFooter(f, root.parquetRows(f, []object{{mapOf{{"x", "1"}, {"k", "2"}}}, {nil}, {mapOf{}}}), func(m *format.FileMetaData) { m.Schema[1].Name = "v" }))
	for _, digits := range []string{"", "-350", "-12345000000000000000001"} {
		for _, file := range decimalFiles(f, digits, 2) {
			f.Add(file)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzedMapped(t, "a.parquet", data) })
}

// FuzzPage changes what is inside of a page, where no checksum covers it: a
// fuzzer does not get there through footer and header.
func FuzzPage(f *testing.F) {
	text := &Schema{Source: "x", Fields: []Field{{Name: "v", Kind: Text}}}
	count := &Schema{Source: "x", Fields: []Field{{Name: "v", Kind: Integer, Count: true}}}
	second, second2, ofKey := wanting(f, "v[1]"), wanting(f, "v[1]", "v[0]:count"), wanting(f, "v.b", "v.a:id")
	type row struct {
		V *string `parquet:"v,optional"`
	}
	type list struct {
		V []string `parquet:"v,list,optional"`
	}
	type number struct {
		V int64 `parquet:"v,delta"`
	}
	type dict struct {
		V map[string]string `parquet:"v,optional"`
	}
	a, b := "abc", "abd"
	rows := []row{{&a}, {}, {&b}}
	plain := parquet.Compression(&uncompressed.Codec{})
	files := [][]byte{
		written(f, rows, plain),
		written(f, rows, plain, parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.Plain)),
		written(f, rows, plain, parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.DeltaByteArray)),
		written(f, rows, plain, parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.RLEDictionary)),
		written(f, []number{{1}, {1 << 40}, {3}}, plain),
		written(f, []list{{[]string{a, b}}, {}, {[]string{}}}, plain),
		written(f, []list{{[]string{a, b}}, {}, {[]string{}}}, plain, parquet.DataPageVersion(1)),
		written(f, []list{{[]string{a, b}}, {}, {[]string{}}}, plain, parquet.DataPageVersion(1)),
		written(f, []list{{[]string{a, b}}, {}, {[]string{}}}, plain, parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.RLEDictionary)),
		written(f, []dict{{map[string]string{"a": a, "b": b}}, {}, {map[string]string{"b": a}}}, plain, parquet.DataPageVersion(1)),
		written(f, []dict{{map[string]string{"a": a, "b": b}}, {}, {map[string]string{"b": a}}}, plain, parquet.DataPageVersion(1)),
	}
	schemas := []*Schema{text, text, text, text, text, count, count, second, second2, ofKey, ofKey}
	columns := []int{10: 1} // the values of the last
	for i, file := range files {
		forgePages(f, file, columns[i], func(_ *format.PageHeader, body []byte) []byte { f.Add(uint8(i), body); return body })
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		if int(which) >= len(files) || len(body) > 1<<12 {
			t.Skip()
		}
		file := forgePages(t, files[which], columns[which], func(h *format.PageHeader, old []byte) []byte {
			if h.Type == format.DictionaryPage { // the dictionary stays
				return old
			}
			h.CRC, h.CompressedPageSize, h.UncompressedPageSize = 0, int32(len(body)), int32(len(body))
			return body
		})
		rows, err := readFrom(bucketOf(t, "a.parquet", file), "a.parquet", int64(len(file)), schemas[which], calendar.Zone{})
		var fe *FileError
		if err != nil && !errors.As(err, &fe) || err == nil && len(rows) != 3 {
			t.Fatal(len(rows), err)
		}
	})
}
