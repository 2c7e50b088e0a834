package readers

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"gocloud.dev/blob/memblob"
)

// jsonRecordsTests are of documents, and of NDJSON where they stand in a line.
var jsonRecordsTests = []layoutTest{
	{what: "a list", file: `{"seats":[{"a":1},{"a":2},{}]}`, paths: "a", layout: Layout{Records: Path{Text: "seats"}}, rows: `"1"|"2"|-`},
	{what: "an object", file: `{"x":[{"a":0}],"seat":{"a":1}}`, paths: "a", layout: Layout{Records: Path{Text: "seat"}}, rows: `"1"`},
	{what: "nothing", file: `{"seats":[]}`, paths: "a", layout: Layout{Records: Path{Text: "seats"}}},
	{what: "null", file: `{"seats":null}`, paths: "a", layout: Layout{Records: Path{Text: "seats"}}},
	{what: "steps", file: `{"a":{"c":{},"b":[{"x":1}]},"b":[{"x":2}]}`, paths: "x", layout: Layout{Records: Path{Text: "a.b"}}, rows: `"1"`},
	{what: "a key with points", file: `{"a":{"c":[{"x":2}]},"a.b":[{"x":1}]}`, paths: "x", layout: Layout{Records: Path{Text: "a.b"}}, rows: `"1"`},
	{what: "a key in quotes", file: `{"get /a.json":{"m":[{"x":1}]}}`, paths: "x", layout: Layout{Records: Path{Text: `"get /a.json".m`}}, rows: `"1"`},
	{what: "any member", file: `{"p":{"m":[{"x":1},{"x":2}],"n":[{"x":9}]},"q":{"n":1},"r":[5],"s":{"m":{"x":3}},"t":null}`, paths: "x",
		layout: Layout{Records: Path{Text: "*.m"}}, rows: `"1"|"2"|"3"`},
	{what: "members that are records", file: `{"p":{"x":1},"q":{"x":2}}`, paths: "x", layout: Layout{Records: Path{Text: "*"}}, rows: `"1"|"2"`},
	{what: "elements", file: `[{"x":1},{"x":2}]`, paths: "x", layout: Layout{Records: Path{Text: "[*]"}}, rows: `"1"|"2"`},
	{what: "lists of lists", file: `[[{"x":1},{"x":2}],[{"x":3}],[]]`, paths: "x", layout: Layout{Records: Path{Text: "*"}}, rows: `"1"|"2"|"3"`},
	{what: "lists in elements", file: `{"a":[{"b":[{"x":1}]},{"b":[{"x":2}]},{"c":1}]}`, paths: "x", layout: Layout{Records: Path{Text: "a[*].b"}}, rows: `"1"|"2"`},
	{what: "an element", file: `{"a":[{"b":[{"x":1}]},{"b":[{"x":2}]},{"c":1}]}`, paths: "x", layout: Layout{Records: Path{Text: "a[1].b"}}, rows: `"2"`},
	{what: "blanks", file: " { \"seats\" : [ { \"a\" : 1 } , { \"a\" : 2 } ] } ", paths: "a", layout: Layout{Records: Path{Text: "seats"}}, rows: `"1"|"2"`},
}

func TestJSONRecords(t *testing.T) {
	for _, test := range jsonRecordsTests {
		test.layout.Records = parsePath(t, test.layout.Records.Text)
		test.run(t, "a.json")
		test.run(t, "a.ndjson")
		twice := test
		twice.file += "\n" + test.file
		if test.rows != "" {
			twice.rows += "|" + test.rows
		}
		twice.run(t, "a.json")
		twice.run(t, "a.jsonl")
	}
	for _, test := range []layoutTest{
		{what: "a list of records", file: `[{"a":1},{"a":2}]`, paths: "a", rows: `"1"|"2"`},
		{what: "a record", file: `{"a":1}`, paths: "a", rows: `"1"`},
		{what: "an empty list", file: `[]`, paths: "a"},
		{what: "documents without newlines", file: `{"a":1}{"a":2} {"a":3}[{"a":4}]`, paths: "a", rows: `"1"|"2"|"3"|"4"`},
		{what: "a record over lines", file: "\xef\xbb\xbf{\r\n\"a\":\r\n1}\r\n\r\n{\"a\":2}\r\n\r\n", paths: "a", rows: `"1"|"2"`},
	} {
		test.run(t, "a.json")
	}
	some := layoutTest{what: "a path in some documents", file: `{"b":1}` + "\n" + `{"s":[{"a":1}]}`, paths: "a", layout: Layout{Records: parsePath(t, "s")}, rows: `"1"`}
	some.run(t, "a.json")
	some.run(t, "a.ndjson")
}

func TestBrokenJSON(t *testing.T) {
	deep := strings.Repeat(`{"x":`, 100_000)
	for _, test := range []struct{ key, file, records, want string }{
		{"a.json", "", "", "a.json: empty file, not even a JSON document"},
		{"a.json", " \n", "", "a.json: empty file, not even a JSON document"},
		{"a.json", "\xef\xbb\xbf", "seats", "a.json: empty file, not even a JSON document"},
		{"a.json", "1", "", "a.json: row 1: not a JSON object"},
		{"a.json", "null", "", "a.json: row 1: not a JSON object"},
		{"a.json", `[{"a":1},[{"a":2}]]`, "", "a.json: after row 1: row 2: not a JSON object"},
		{"a.json", `[{"a":1},null]`, "", "a.json: after row 1: row 2: not a JSON object"},
		{"a.json", `{"seats":[{"a":1},5]}`, "seats", "a.json: after row 1: row 2: not a JSON object"},
		{"a.json", `{"seats":5}`, "seats", "a.json: row 1: not a JSON object"},
		{"a.json", `[{"a":1}`, "", "a.json: after row 1: row 2: not JSON: "},
		{"a.json", `[{"a":1},`, "", "a.json: after row 1: row 2: not JSON: "},
		{"a.json", `[{"a":1}]]`, "", "a.json: after row 1: row 2: not JSON: "},
		{"a.json", `[{"a":1}],[{"a":1}]`, "", "a.json: after row 1: row 2: not JSON: "},
		{"a.json", `[{"a":1},]`, "", "a.json: after row 1: row 2: not JSON: "},
		{"a.json", `{"seats":[{"a":1}],"seats":[]}`, "seats", `a.json: after row 1: row 2: key "seats" stands twice`},
		{"a.json", `[{"a":1,"a":1}]`, "", `a.json: row 1: key "a" stands twice`},
		{"a.json", `{"x":{"b":1,"b":2},"seats":[]}`, "seats", `a.json: row 1: key "b" stands twice`},
		{"a.json", `{"total":1,"seatz":[{"a":1}]}`, "seats", "a.json: no records at seats; there are total, seatz"},
		{"a.json", `{"total":1,"x":{"seatz":[{"a":1}],"":{},"n.m":1}}`, "x.seats", `a.json: no records at x.seats; there are x.seatz, x."n.m"`},
		{"a.json", `{"p":{"m":[]},"q":{"n":[]}}`, "*.o", "a.json: no records at *.o; there are *.m, *.n"},
		{"a.json", `[{"a":1}]`, "seats", "a.json: no records at seats; there are *"},
		{"a.json", `{"x":[{"a":1}]}`, "x.seats", "a.json: no records at x.seats; there are x[*]"},
		{"a.json", `5`, "seats", "a.json: no records at seats: there is neither an object nor a list"},
		{"a.json", `[]`, "[*].seats", "a.json: no records at [*].seats: there is neither an object nor a list"},
		{"a.json", `{"a.b":[{"a":1}],"a":{"b":[]}}`, "a.b", "a.json: after row 1: row 2: the path of the records leads to two places"},
		{"a.json", `{"a":{"b":[{"a":1}]},"a.b":[]}`, "a.b", "a.json: after row 1: row 2: the path of the records leads to two places"},
		{"a.json", deep, "", "a.json: row 1: not JSON: "},
		{"a.json", "{\"a\":\"x\x00\"}", "", "a.json: row 1: not JSON: "},
		{"a.json", "{\"a\":1}\x00", "", "a.json: after row 1: row 2: not JSON: "},
		{"a.ndjson", `{"seatz":[{"a":1}]}`, "seats", "a.ndjson: no records at seats; there are seatz"},
		{"a.ndjson", "[{\"a\":1}]\n", "", "a.ndjson: row 1: not a JSON object"},
		{"a.ndjson", "[{\"a\":1}]\n5\n[1]\n", "*", "a.ndjson: after row 1: row 2: not a JSON object"},
		{"a.ndjson", "[{\"a\":1}] [{\"a\":1}]\n", "*", "a.ndjson: after row 1: row 2: text behind the object"},
		{"a.ndjson", "[{\"a\":1}\n]\n", "*", "a.ndjson: after row 1: row 2: not JSON: "},
		{"a.ndjson", "[{\"a\":1}]\n\n[]\n", "*", "a.ndjson: after row 1: row 2: blank line"},
	} {
		layout := &Layout{Records: parsePath(t, test.records)}
		_, _, err := readLaidOut(t, test.key, test.file, wanting(t, "a"), layout)
		refused(t, err, test.want)
	}
}

// TestJSONPaths: what a path says of a record.
func TestJSONPaths(t *testing.T) {
	for _, test := range []layoutTest{
		{what: "members and elements", file: `{"m":{"to":["x","y"],"n":{"k":1}},"l":[[1,2],{"a":3}]}`,
			paths: "m.to[1] m.n.k:integer l[0][1] l[1].a m.to[2] m.n.j", rows: `"y" 1 "2" "3" - -`, lacks: "m.to[2] m.n.j"},
		{what: "a key of the whole path", file: `{"a":{"b":1},"a.b":2}` + "\n" + `{"a.b":2,"a":{"b":1}}` + "\n" + `{"a":{"b":1}}` + "\n" + `{"a":{"b":1},"a.b":null}` + "\n" + `{"a":{"b":[]},"a.b":2}`,
			paths: "a.b:integer a.b", rows: `2 "2"|2 "2"|1 "1"|- -|2 "2"`},
		{what: "in quotes", file: `{"a.b":1,"a":{"b.c":2}}`, paths: `"a.b" a."b.c"`, rows: `"1" "2"`},
		{what: "below the top, steps alone", file: `{"x":{"a.b":1}}`, paths: `x.a.b`, rows: `-`, lacks: "x.a.b"},
		{what: "one path twice and its beginning", file: `{"a":{"b":"7"}}` + "\n" + `{"a":"x"}`, paths: "a.b a a.b:integer", rows: `"7" !"{\"b\":\"7\"}":not_text 7|- "x" -`},
		{what: "null is there", file: `{"a":null,"b":{"c":null},"d":{}}`, paths: "a b.c d.e", rows: "- - -", lacks: "d.e"},
		{what: "no object on the way", file: `{"a":5,"b":[{"c":1}],"c":true}`, paths: "a.b b.c c.d a[0]", rows: "- - - -", lacks: "a.b b.c c.d a[0]"},
		{what: "objects in strings", file: `{"Message":"{\"mail\":{\"id\":\"x\",\"inner\":\" [{\\\"k\\\":1}]\"}}"}` + "\n" + `{"Message":"You have chosen"}` + "\n" + `{"Message":7}`,
			paths: "Message.mail.id Message.mail.inner[0].k:integer", rows: `"x" 1|- -|- -`},
		{what: "a string and what it holds", file: `{"m":"{\"a\":1}"}`, paths: "m m.a", rows: `"{\"a\":1}" "1"`},
		{what: "broken objects in strings", file: `{"m":"{\"a\":1,\"b\":{"}` + "\n" + `{"m":"{\"a\":1} x"}` + "\n" + `{"m":"{\"a\":1}"}`,
			paths: "m.a:integer m.b.c:instant", rows: `!"{\"a\":1,\"b\":{":not_a_number !"{\"a\":1,\"b\":{":not_a_time|!"{\"a\":1} x":not_a_number !"{\"a\":1} x":not_a_time|1 -`},
		{what: "counts", file: `{"a":["x",{"y":[1,2]}],"b":{"c":[]},"d":"z","e":null,"f":"","g":{},"h":"[1,2,3]"}`,
			paths: "a:count b.c:count d:count e:count f:count g:count h:count i:count a[1].y:count", rows: "2 0 1 - - 1 3 - 2", lacks: "i"},
		{what: "absent", file: `{"a":"NULL","b":["NULL",-1],"c":-1}`, paths: "a b[0] b[1]:integer b:count c:integer",
			layout: Layout{Absent: []string{"NULL", "-1"}}, rows: "- - - 2 -"},
		{what: "any member is no cell", file: `{"a":{"b":1}}`, paths: "a.*", rows: "-", lacks: "a.*"},
		{what: "ids", file: `{"m":{"id":"01234567-89ab-cdef-fedc-ba9876543210"}}`, paths: "m.id:id", rows: "0123456789abcdeffedcba9876543210"},
	} {
		test.run(t, "a.ndjson")
		test.run(t, "a.json")
		test.file = "{\"records\":[" + strings.ReplaceAll(test.file, "\n", ",") + "]}"
		test.layout.Records = parsePath(t, "records")
		test.run(t, "a.json")
	}
	scaled := &Schema{Fields: []Field{{Name: "price", Kind: Integer, Scale: 4}, {Name: "n", Kind: Integer, Scale: 2, Count: true}, {Name: "at", Kind: Instant, Time: EpochAuto}}}
	got, err := readAll(t, "a.json", []byte(`{"price":-0.0075,"n":[1],"at":1534109600.089676}{"price":"1e-5","n":7,"at":"x"}`), scaled)
	equal := `-75 100 2018-08-12T21:33:20.089676Z|!"1e-5":not_a_number 100 !"x":not_a_time`
	if err != nil || strings.Join(got, "|") != equal {
		t.Errorf("got %s, %v\nwant %s", got, err, equal)
	}
}

// TestLongJSON: a document is read a record at a time, however long it is, and
// no record may be longer than the longest.
func TestLongJSON(t *testing.T) {
	long := strings.Repeat("x", 2*maxRecord)
	for _, test := range []struct{ file, records, want string }{
		{`{"a":"` + long + `"}`, "", "row 1: record or text of more than 16777216 bytes: where are the records in the document?"},
		{`{"seats":[{"a":1}],"x":"` + long + `"}`, "seats", "after row 1: row 2: record or text of more than 16777216 bytes"},
		{`{"` + long + `":1}`, "seats", "row 1: record or text of more than 16777216 bytes"},
		{strings.Repeat(" ", maxRecord*2) + `{"a":1}`, "", "row 1: record or text of more than 16777216 bytes"},
	} {
		_, _, err := readLaidOut(t, "a.json", test.file, wanting(t, "a"), &Layout{Records: parsePath(t, test.records)})
		refused(t, err, test.want)
	}
	var file bytes.Buffer
	var want []string
	fmt.Fprintf(&file, `{"passed over":[%s0],"records":[`, strings.Repeat("123456789,", maxRecord/8))
	for i := range 2*BatchRows + 3 {
		fmt.Fprintf(&file, "{\"a\":\"%s\",\"n\":%d},\n", strings.Repeat("ö", i%97), i)
		want = append(want, fmt.Sprint(i))
	}
	fmt.Fprintf(&file, `{"n":1,"a":"%s"}]}`, long[:3*readSize])
	want = append(want, "1")
	schema := &Schema{Fields: []Field{{Name: "n", Kind: Integer}}}
	got, _, err := readLaidOut(t, "a.json", file.String(), schema, &Layout{Records: parsePath(t, "records")})
	if err != nil {
		t.Fatal(err)
	}
	equalRows(t, got, want)
}

// TestJSONDoesNotHoldTheFile: a document that is a hundred times as long as
// what is read at once takes no more memory.
func TestJSONDoesNotHoldTheFile(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	record := `{"n":1,"text":"` + strings.Repeat("x", 1000) + `"},`
	file := []byte("[" + strings.Repeat(record, 100_000) + "{}]")
	e, err := Open(t.Context(), bucketOf(t, "a.json", file), "a.json", int64(len(file)), &Schema{Fields: []Field{{Name: "n", Kind: Integer}}}, losAngeles(t))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	rows := 0
	if err := e.Read(t.Context(), 0, func(b *Batch) error { rows += b.Len; return nil }); err != nil || rows != 100_001 {
		t.Fatal(rows, err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("%d bytes were taken", took)
	}
}

// TestJSONRowsCostNoAllocation: nested paths, strings that hold JSON, counts
// and JSON in cells.
func TestJSONRowsCostNoAllocation(t *testing.T) {
	schema := wanting(t, "a.b:integer", "m.c", "l:count", "l[1]", "a.d")
	line := `{"a":{"b":12,"x":[1,2,{"y":null}]},"m":"{\"c\":\"v\",\"z\":[]}","l":["p","q"],"other":{"k":"v"}}`
	columns := make([]cells, len(schema.Fields))
	for i := range columns {
		columns[i].of(&schema.Fields[i], newInterner())
		columns[i].reset(1)
	}
	o := newObjectReader(schema.Fields, jsonWantsOf(schema.Fields), absentTexts{"NULL"})
	parser, text := newCellParser(losAngeles(t)), []byte(line)
	read := func() {
		if err := o.read(text, columns, 0, parser); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(100, read); n > 0 {
		t.Errorf("%v allocations a row", n)
	}
	got := show(schema, &Batch{Columns: []Column{columns[0].Column, columns[1].Column, columns[2].Column, columns[3].Column, columns[4].Column}}, 0)
	if want := `12 "v" 2 "q" -`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestJSONCutShort: a cut shows by the listed size, or as no JSON.
func TestJSONCutShort(t *testing.T) {
	file := jsonOfRows(someRows(20))
	for n := 0; n < len(file); n += 3 {
		b := bucketOf(t, "a.json", file[:n])
		_, err := readFrom(b, "a.json", int64(len(file)), sms, losAngeles(t))
		refused(t, err, "a.json")
		_, err = readFrom(b, "a.json", int64(n), sms, losAngeles(t))
		refused(t, err, "a.json")
	}
	_, err := readFrom(memblob.OpenBucket(nil), "a.json", 100, sms, losAngeles(t))
	refused(t, err, "a.json")
}

// jsonOfRows is the same rows as csvOf has, as a list.
func jsonOfRows(rows []smsRow) []byte {
	lines := bytes.Split(bytes.TrimSuffix(ndjsonOf(rows), []byte("\n")), []byte("\n"))
	return append(append([]byte("["), bytes.Join(lines, []byte(",\n"))...), ']')
}

// TestTextIsAReader: a text is read to its end whatever is asked for at once.
func TestTextIsAReader(t *testing.T) {
	file := bytes.Repeat([]byte("0123456789\n"), 3*readSize/11)
	in, err := openText(t.Context(), source{bucket: bucketOf(t, "a.json", file), key: "a.json", size: int64(len(file))}, errLongJSON)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	got, err := io.ReadAll(in)
	if err != nil || !bytes.Equal(got, file) {
		t.Errorf("%d bytes of %d, %v", len(got), len(file), err)
	}
}
