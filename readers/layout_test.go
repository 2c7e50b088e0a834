package readers

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
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
	kinds := map[string]Kind{"": Text, "integer": Integer, "instant": Instant, "date": Date, "id": EventID, "count": Integer, "list": Text}
	s := &Schema{Source: "x"}
	for i, word := range words {
		path, kind, _ := strings.Cut(word, ":")
		if _, known := kinds[kind]; !known {
			t.Fatal(word)
		}
		s.Fields = append(s.Fields, Field{Name: fmt.Sprint("field", i), Kind: kinds[kind], Optional: true,
			Path: parsePath(t, path), Count: kind == "count", JSON: kind == "list"})
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
	scale             int // of numbers
}

// pathWords are the words of a text; blanks in quotes part none.
func pathWords(text string) []string {
	quoted := false
	return strings.FieldsFunc(text, func(c rune) bool {
		if c == '"' {
			quoted = !quoted
		}
		return c == ' ' && !quoted
	})
}

func (test *layoutTest) run(t *testing.T, key string) {
	t.Helper()
	schema := wanting(t, pathWords(test.paths)...)
	for i := range schema.Fields {
		schema.Fields[i].Scale = test.scale
	}
	rows, lacks, err := readLaidOut(t, key, test.file, schema, &test.layout)
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
		{what: "blanks around cells", file: " a ;\tb\n 1 ;\" x \" \n\"2\"; \n ;  \"\"\n  \n \n", paths: "a:integer b", layout: Layout{Delimiter: ";", Trim: true}, rows: `1 "x"|2 -|- -`},
		{what: "blanks between tabs", file: "a\tb \n\t 1\n \"2\" \t\n", paths: "a b", layout: Layout{Delimiter: "\t", Trim: true}, rows: `- "1"|"2" -`},
		{what: "blanks that stay", file: "a , b\n 1 , x \n", paths: `"a " " b"`, rows: `" 1 " " x "`},
		{what: "blank lines", file: "\n\r\na,b\n\n1,2\n\r\n\n3,4\n\n", paths: "a b", layout: Layout{SkipBlankLines: true}, rows: `"1" "2"|"3" "4"`},
		{what: "blank lines and blanks", file: "a,b\n \t \n1,2\n  ", paths: "a b", layout: Layout{SkipBlankLines: true, Trim: true}, rows: `"1" "2"`},
		{what: "blank lines of one column", file: "a\n\n1\n\n", paths: "a", layout: Layout{SkipBlankLines: true}, rows: `"1"`},
		{what: "blank lines in quotes", file: "a,b\n\"\n\n\",2\n", paths: "a b", layout: Layout{SkipBlankLines: true}, rows: `"\n\n" "2"`},
		{what: "comments", file: "# made by \"x\ny,z\n#\n1,#2\n#3,4", paths: "y z", layout: Layout{Comment: "#"}, rows: `"1" "#2"`},
		{what: "a footer", file: "a,b\n1,2\n\"3\n\n\",4\nTotal \"x\n", paths: "a b", layout: Layout{FooterLines: 1}, rows: `"1" "2"|"3\n\n" "4"`},
		{what: "a footer behind blank lines", file: "a,b\n1,2\n\n\nrows: 1\nend\n\n", paths: "a b", layout: Layout{FooterLines: 2}, rows: `"1" "2"`},
		{what: "a footer alone", file: "a,b\nrows: 0\nend", paths: "a b", layout: Layout{FooterLines: 2}},
		{what: "decimal commas", file: "n;t\n1.234,50;1.234,50\n-7,5;x\n1234,5;\n1.5;\n1.23,5;\n0.500;\n1,5,5;\n1,5.5;\n.500;\n1.000.000;\n1..000;\n1.0000;\n1.000,;\n", paths: "n:integer t",
			layout: Layout{Delimiter: ";", Decimal: ",", Thousands: "."},
			rows: `123450 "1.234,50"|-750 "x"|123450 -|!"1.5":not_a_number -|!"1.23,5":not_a_number -|!"0.500":not_a_number -|!"1,5,5":not_a_number -|` +
				`!"1,5.5":not_a_number -|!".500":not_a_number -|100000000 -|!"1..000":not_a_number -|!"1.0000":not_a_number -|!"1.000,":not_a_number -`},
		{what: "decimal commas alone", file: "n\n\"1,5\"\n\",5\"\n1.5\n\"1,5e1\"\n", paths: "n:integer", layout: Layout{Decimal: ","}, rows: `150|50|!"1.5":not_a_number|1500`},
		{what: "thousands", file: "n\n\"1,234.5\"\n1234.5\n\"12,34\"\n\"1,234,567\"\n", paths: "n:integer", layout: Layout{Thousands: ","}, rows: `123450|123450|!"12,34":not_a_number|123456700`},
		{what: "blanks in thousands", file: "n;t\n1 234 567;\n1\u00a0234\u00a0567;\n1\u202f234;\n1 234\u00a0567;\n1  234;\n", paths: "n:integer", layout: Layout{Delimiter: ";", Thousands: " "},
			rows: `123456700|123456700|123400|!"1 234\u00a0567":not_a_number|!"1  234":not_a_number`},
		{what: "Swiss thousands", file: "n\n1'234.05\n1’234\n", paths: "n:integer", layout: Layout{Thousands: "'"}, rows: `123405|123400`},
		{what: "numbers in the JSON of a cell", file: "t;n\n\"{\"\"n\"\":1.500,\"\"l\"\":[1]}\";1.500\n", paths: "t.n:integer n:integer t.l:count", layout: Layout{Delimiter: ";", Decimal: ",", Thousands: "."}, rows: `150 150000 100`},
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
		if strings.Contains(test.what, "decimal") || strings.Contains(test.what, "thousands") || strings.HasPrefix(test.what, "numbers") {
			test.scale = 2
		}
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
		{"a.csv", "a,b\n\n1,2\n", "a", Layout{Trim: true}, "a.csv: row 1: blank line"},
		{"a.csv", "a,b\n 1 x \"2\",3\n", "a", Layout{Trim: true}, "a.csv: row 1: a quote inside of a cell"},
		{"a.csv", "a,b\n\"1\" x,3\n", "a", Layout{Trim: true}, "a.csv: row 1: text behind a closing quote"},
		{"a.csv", "rows: 0\nend\n", "a", Layout{FooterLines: 2}, "a.csv: empty file, not even a header"},
		{"a.csv", "a,b\n1,2\nend\n\n", "a", Layout{}, "a.csv: after row 1: row 2 has 1 cells, the header 2"},
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

// Lines that are no records are passed over wherever a piece that is read ends.
func TestLinesThatAreNoRecordsInALongFile(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var b bytes.Buffer
	var want []string
	b.WriteString("a , b\n")
	for b.Len() < 3<<20 {
		switch rng.IntN(6) {
		case 0:
			b.WriteString(strings.Repeat(" ", rng.IntN(40)) + "\r\n")
		case 1:
			b.WriteString("# \"" + strings.Repeat("x", rng.IntN(100)) + "\n")
		default:
			n := rng.IntN(1000)
			fmt.Fprintf(&b, "%*d ,  \"%d\n\n\" \n", rng.IntN(9), n, n)
			want = append(want, fmt.Sprintf(`"%d" "%d\n\n"`, n, n))
		}
	}
	b.WriteString("Total;\"\n\n  \nend")
	for _, key := range []string{"a.csv", "a.csv.gz"} {
		data := b.String()
		if key == "a.csv.gz" {
			data = string(packings[".gz"](t, b.Bytes()))
		}
		layout := &Layout{Trim: true, SkipBlankLines: true, Comment: "#", FooterLines: 2}
		rows, _, err := readLaidOut(t, key, data, wanting(t, "a", "b"), layout)
		if err != nil {
			t.Fatal(err)
		}
		equalRows(t, rows, want)
	}
}
