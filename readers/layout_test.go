package readers

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// parsePath is the path of a text.
func parsePath(t testing.TB, text string) Path {
	t.Helper()
	if text == "" {
		return Path{}
	}
	p, err := ParsePath(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// wanting is a schema of fields at paths, one word a field: a path, with a kind
// behind a colon where it is not text ("a.b:integer").
func wanting(t testing.TB, words ...string) *Schema {
	t.Helper()
	kinds := map[string]Kind{"": Text, "integer": Integer, "instant": Instant, "date": Date, "id": EventID, "count": Integer}
	s := &Schema{Source: "x"}
	for i, word := range words {
		path, kind, _ := strings.Cut(word, ":")
		if _, known := kinds[kind]; !known {
			t.Fatal(word)
		}
		s.Fields = append(s.Fields, Field{Name: fmt.Sprint("field", i), Kind: kinds[kind], Optional: true,
			Path: parsePath(t, path), Count: kind == "count"})
	}
	return s
}

// readLaidOut reads an export that is written down as a layout says, and the
// paths of the fields that it lacks.
func readLaidOut(t testing.TB, key, text string, schema *Schema, layout *Layout) (rows, lacks []string, err error) {
	t.Helper()
	ctx := context.Background()
	e, err := openRaw(ctx, bucketOf(t, key, []byte(text)), File{Key: key, Size: int64(len(text))}, schema, layout, losAngeles(t))
	if err != nil {
		return nil, nil, err
	}
	defer e.Close()
	err = e.Read(ctx, 0, func(b *Batch) error {
		for row := range b.Len {
			rows = append(rows, show(schema, b, row))
		}
		return check(schema, b)
	})
	for i := range schema.Fields {
		if e.lacks(i) {
			lacks = append(lacks, schema.Fields[i].Path.Text)
		}
	}
	return rows, lacks, err
}

type layoutTest struct {
	what, file, paths string // paths between blanks
	layout            Layout
	rows              string // between bars
	lacks             string
}

func (test *layoutTest) run(t *testing.T, key string) {
	t.Helper()
	rows, lacks, err := readLaidOut(t, key, test.file, wanting(t, strings.Fields(test.paths)...), &test.layout)
	if err != nil || strings.Join(rows, "|") != test.rows || strings.Join(lacks, " ") != test.lacks {
		t.Errorf("%s: got %s, without %s, %v\nwant %s, without %s", test.what, strings.Join(rows, "|"), lacks, err, test.rows, test.lacks)
	}
}

func TestCSVLayouts(t *testing.T) {
	for _, test := range []layoutTest{
		{what: "semicolons", file: "a;b\n1,5;\"x;y\"\n", paths: "a b", layout: Layout{Delimiter: ";"}, rows: `"1,5" "x;y"`},
		{what: "bars", file: "a|b\n1|2\n", paths: "b a", layout: Layout{Delimiter: "|"}, rows: `"2" "1"`},
		{what: "lines before the header", file: "Report of \"May\nmade by x,y,z\n\na,b\n1,2\n", paths: "a b", layout: Layout{SkipLines: 3}, rows: `"1" "2"`},
		{what: "CRLF lines before the header", file: "\xef\xbb\xbfReport\r\na,b\r\n1,2\r\n", paths: "a b", layout: Layout{SkipLines: 1}, rows: `"1" "2"`},
		{what: "no header", file: "1,2\n3,4\n", paths: "b a", layout: Layout{Header: []string{"a", "b"}}, rows: `"2" "1"|"4" "3"`},
		{what: "no header, lines before it", file: "x\n1,2\n", paths: "b", layout: Layout{Header: []string{"a", "b"}, SkipLines: 1}, rows: `"2"`},
		{what: "no header and one column", file: "\n1\n", paths: "a", layout: Layout{Header: []string{"a"}}, rows: `-|"1"`},
		{what: "no header and no rows", file: "", paths: "a", layout: Layout{Header: []string{"a", "b"}}},
		{what: "absent", file: "a,b\nNULL,\\N\n\"NULL\",NULLX\n,-\n", paths: "a b", layout: Layout{Absent: []string{"NULL", `\N`, "-"}}, rows: `- -|- "NULLX"|- -`},
		{what: "absent numbers", file: "a\n-1\n7\n", paths: "a:integer a:count", layout: Layout{Absent: []string{"-1"}}, rows: `- -|7 1`},
		{what: "columns with points", file: "user.name,user\n1,2\n", paths: "user.name user", rows: `"1" "2"`},
		{what: "columns in quotes", file: "user.name,user\n1,2\n", paths: `"user.name"`, rows: `"1"`},
		{what: "one column twice", file: "a,b\n1,2\n", paths: "a a:integer b", rows: `"1" 1 "2"`},
		{what: "columns that are not there", file: "a\n1\n", paths: "a b c.d [0]", rows: `"1" - - -`, lacks: "b c.d [0]"},
		{what: "twins that nobody asks for", file: "a,b,b,a.b,a.b\n1,2,3,4,5\n", paths: "a", rows: `"1"`},
		{what: "JSON in a cell", file: "t\n\"{\"\"app\"\": \"\"x\"\", \"\"n\"\": {\"\"m\"\": [5, 6]}}\"\n\nNULL\n{}\n",
			paths: "t.app t.n.m[1]:integer t", layout: Layout{Absent: []string{"NULL"}},
			rows: `"x" 6 "{\"app\": \"x\", \"n\": {\"m\": [5, 6]}}"|- - -|- - -|- - "{}"`},
		{what: "no JSON in a cell", file: "t\nfoo\n{a=1}\n\"{\"\"a\"\":1}}\"\n5\n\"{\"\"a\"\":1,\"\"a\"\":1}\"\n",
			paths: "t.a:integer t.a",
			rows: `- -|!"{a=1}":not_a_number !"{a=1}":not_text|` +
				`!"{\"a\":1}}":not_a_number !"{\"a\":1}}":not_text|- -|!"{\"a\":1,\"a\":1}":not_a_number !"{\"a\":1,\"a\":1}":not_text`},
		{what: "a key that no cell has", file: "t,u\n{},1\n", paths: "t.app u", rows: `- "1"`, lacks: "t.app"},
		{what: "a cell with JSON, and no rows", file: "t,u\n", paths: "t.app u"},
		{what: "lists", file: "l;m\n[\"a\", \"b\"];1\n[];\nx;[[1,2],3]\n\"\";[1\n[1]x;[1,]\n", paths: "l:count m:count", layout: Layout{Delimiter: ";"},
			rows: ""},
	} {
		if test.what == "lists" {
			test.file = strings.ReplaceAll(test.file, `["a", "b"]`, `"[""a"", ""b""]"`)
			test.rows = `2 1|0 -|1 2|- !"[1":not_a_number|!"[1]x":not_a_number !"[1,]":not_a_number`
		}
		test.run(t, "a.csv")
	}
	tabs := layoutTest{what: "tabs", file: "a\tb,c\n1\t2\n", paths: "a b,c", rows: `"1" "2"`}
	tabs.run(t, "a.tsv")
	tabs.layout = Layout{Delimiter: "\t", Format: CSV}
	tabs.run(t, "a.txt")
	comma := layoutTest{what: "commas all the same", file: "a,b\n1,2\n", paths: "a b", layout: Layout{Delimiter: ","}, rows: `"1" "2"`}
	comma.run(t, "a.tsv")
}

func TestBrokenLayouts(t *testing.T) {
	for _, test := range []struct {
		key, file, paths string
		layout           Layout
		want             string
	}{
		{"a.csv", "a,b,b\n", "b", Layout{}, `a.csv: two columns are called "b"`},
		{"a.csv", "a,b.c,b.c\n", "b.c", Layout{}, `a.csv: two columns are called "b.c"`},
		{"a.csv", "a,b,b\n", "b.c", Layout{}, `a.csv: two columns are called "b"`},
		{"a.csv", "a\n", "a", Layout{Delimiter: ",,"}, `a.csv: the delimiter ",,": want one ASCII character`},
		{"a.csv", "a\n", "a", Layout{Delimiter: "\""}, `a.csv: the delimiter "\"": want one ASCII character`},
		{"a.csv", "a\n", "a", Layout{Delimiter: "ö"}, `a.csv: the delimiter "ö": want one ASCII character`},
		{"a.csv", "a\nb", "a", Layout{SkipLines: 3}, "a.csv: it ends within the 3 lines that are skipped"},
		{"a.csv", "a\nb\n", "a", Layout{SkipLines: 2}, "a.csv: empty file, not even a header"},
		{"a.csv", "1,2,3\n", "a", Layout{Header: []string{"a", "b"}}, "a.csv: row 1 has 3 cells, the header 2"},
		{"a.csv", "1,2\n", "a", Layout{Header: []string{"a", "a"}}, `a.csv: two columns are called "a"`},
		{"a.txt", "a\n", "a", Layout{}, "a.txt: not a known kind of export"},
	} {
		_, _, err := readLaidOut(t, test.key, test.file, wanting(t, test.paths), &test.layout)
		refused(t, err, test.want)
	}
	schema := &Schema{Fields: []Field{{Name: "at", Kind: Instant, Time: "yyyy"}}}
	_, err := readAll(t, "a.csv", []byte("at\n1"), schema)
	refused(t, err, `a.csv: field at: time form "yyyy": "yyyy" is none of YYYY`)
}

func TestColumns(t *testing.T) {
	nested := `{"a":1,"user.name":2,"mail":{"to":["x","y"],"none":[],"t.s":{"e":null},"headers":[{"name":"f","v":{}}]},"":1,"x[":3,"*":4}`
	for _, test := range []struct {
		key, file string
		layout    Layout
		want      []string
	}{
		{"a.csv", "a,user.name,x[,\"say \"\"x\"\"\"\n", Layout{}, []string{"a", "user.name", `"x["`, `"say \"x\""`}},
		{"a.csv", "1,2\n", Layout{Header: []string{"a", "b"}}, []string{"a", "b"}},
		{"a.ndjson", nested + "\n" + `{"b":"{\"c\":[{\"d\":1}],\"e\":\"{}\"}","a":"{","c":"[1"}`, Layout{}, []string{
			"a", "user.name", "mail.to[0]", "mail.none", `mail."t.s".e`, "mail.headers[0].name", "mail.headers[0].v", `"x["`, "*",
			"b", "b.c[0].d", "b.e", "c"}},
		{"a.json", `[{"a":{"b":1}},{"c":2}]`, Layout{}, []string{"a.b", "c"}},
		{"a.json", `{"seats":[{"a":1}]}`, Layout{}, []string{"seats[0].a"}},
		{"a.json", `{"seats":[{"a":1}]}`, Layout{Records: parsePath(t, "seats")}, []string{"a"}},
		{"a.json", "[" + strings.Repeat(`{"a":1},`, 100) + `{"b":2}]`, Layout{}, []string{"a"}},
		{"a.ndjson", "", Layout{}, nil},
	} {
		ctx := context.Background()
		e, err := openRaw(ctx, bucketOf(t, test.key, []byte(test.file)), File{Key: test.key, Size: int64(len(test.file))}, wanting(t, "nothing"), &test.layout, losAngeles(t))
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Columns(ctx)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %q, %v\nwant %q", test.file, got, err, test.want)
		}
		for _, path := range got { // each of them can be asked for
			_, lacks, err := readLaidOut(t, test.key, test.file, &Schema{Fields: []Field{{Name: "x", Optional: true, Path: parsePath(t, path)}}}, &test.layout)
			if len(lacks) > 0 || err != nil {
				t.Errorf("%s: %s is lacking, %v", test.file, path, err)
			}
		}
	}
}
