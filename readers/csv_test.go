package readers

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
)

var pair = &Schema{Source: "pairs", Fields: []Field{{Name: "name", Kind: Text}, {Name: "n", Kind: Integer}}}

func TestCSV(t *testing.T) {
	for _, test := range []struct {
		what, file string
		want       []string
	}{
		{"usual", "name,n\na,1\nb,2\n", []string{`"a" 1`, `"b" 2`}},
		{"no last newline", "name,n\na,1\nb,2", []string{`"a" 1`, `"b" 2`}},
		{"CRLF", "name,n\r\na,1\r\nb,2\r\n", []string{`"a" 1`, `"b" 2`}},
		{"a last CR alone", "name,n\r\na,1\r", []string{`"a" 1`}},
		{"CR inside of a cell", "name,n\na\rb,1\n", []string{`"a\rb" 1`}},
		{"byte order mark", "\xef\xbb\xbfname,n\na,1\n", []string{`"a" 1`}},
		{"header only", "name,n\n", nil},
		{"header only, no newline", "name,n", nil},
		{"other order and other columns", "x,n,y,name\n,1,\"q\nq\",a\n", []string{`"a" 1`}},
		{"quotes", "\"name\",\"n\"\n\"a\",\"1\"\n\"b \"\"x\"\"\",2\n\"\"\"\",3\n", []string{`"a" 1`, `"b \"x\"" 2`, `"\"" 3`}},
		{"comma and newlines in quotes", "name,n\n\"a,\nb\r\nc\",1\n", []string{`"a,\nb\r\nc" 1`}},
		{"empty cells", "name,n\n,\n\"\",\"\"\n", []string{"- -", "- -"}},
		{"nothing is trimmed", "name,n\n a , 1\n", []string{`" a " !" 1":not_a_number`}},
		{"blank lines at the end", "name,n\na,1\n\n\r\n\n", []string{`"a" 1`}},
		{"not UTF-8", "name,n\na\xff,1\n", []string{`!"a�":not_text 1`}},
		{"the literal NULL", "name,n\nNULL,NULL\n", []string{`"NULL" !"NULL":not_a_number`}},
	} {
		got, err := readAll(t, "a.csv", []byte(test.file), pair)
		if err != nil || strings.Join(got, "|") != strings.Join(test.want, "|") {
			t.Errorf("%s: got %q, %v\nwant %q", test.what, got, err, test.want)
		}
	}
}

func TestOneColumn(t *testing.T) {
	schema := &Schema{Source: "x", Fields: []Field{{Name: "n", Kind: Integer}}}
	got, err := readAll(t, "a.csv", []byte("n\n1\n\n3\n"), schema)
	wantColumn(t, got, err, "1", "-", "3")
}

func TestBrokenCSV(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"", "a.csv: empty file, not even a header"},
		{"\xef\xbb\xbf", "a.csv: empty file, not even a header"},
		{"\n\n", "a.csv: empty file, not even a header"},
		{"\nname,n\na,1\n", "a.csv: header: blank line"},
		{"name,amount\n", `a.csv: no column "n"; there are name, amount`},
		{"name,n,n\n", `a.csv: two columns are called "n"`},
		{"name,n\na,1\nb\n", "a.csv: after row 1: row 2 has 1 cells, the header 2"},
		{"name,n\na,1,2\n", "a.csv: row 1 has 3 cells, the header 2"},
		{"name,n\na,1\n\nb,2\n", "a.csv: after row 1: row 2: blank line"},
		{"name,n\na,1\n\"b,2\n", "a.csv: after row 1: row 2: a quote is never closed"},
		{"name,n\na,1\n\"b\"x,2\n", "a.csv: after row 1: row 2: text behind a closing quote"},
		{"name,n\na,1\nb\"x\",2\n", "a.csv: after row 1: row 2: a quote inside of a cell that is not quoted"},
		{"name,n\n\"" + strings.Repeat("a\n", maxRecord), "record of more than 16777216 bytes"},
	} {
		_, err := readAll(t, "a.csv", []byte(test.file), pair)
		refused(t, err, test.want)
	}
}

// TestCSVAcrossBuffers: records that lie across the pieces that are read, and
// batches that end between them.
func TestCSVAcrossBuffers(t *testing.T) {
	var file bytes.Buffer
	var want []string
	file.WriteString("n,name\r\n")
	for i := range 2*BatchRows + 17 {
		name := strings.Repeat("x\r\n\"", i%40)
		fmt.Fprintf(&file, "%d,\"%s\"\r\n", i, strings.ReplaceAll(name, `"`, `""`))
		shown := fmt.Sprintf("%q %d", name, i)
		if name == "" {
			shown = fmt.Sprintf("- %d", i)
		}
		want = append(want, shown)
	}
	big := strings.Repeat("y", 3*readSize)
	fmt.Fprintf(&file, "7,\"%s\"\r\n", big)
	want = append(want, fmt.Sprintf("%q 7", big))
	got, err := readAll(t, "a.csv", file.Bytes(), pair)
	if err != nil {
		t.Fatal(err)
	}
	equalRows(t, got, want)
}

// TestListingLies: a file that is longer or shorter than it was when listed.
func TestListingLies(t *testing.T) {
	file := []byte("name,n\na,1\nb,2\n")
	b := bucketOf(t, "a.csv", file)
	for _, size := range []int64{int64(len(file)) - 4, int64(len(file)) + 4} {
		_, err := readFrom(b, "a.csv", size, pair, losAngeles(t))
		refused(t, err, "not as long as it was when listed")
	}
}

// TestAgainstEncodingCSV: where both read a file, cells are the same but for
// what encoding/csv changes on purpose.
func TestAgainstEncodingCSV(t *testing.T) {
	for _, file := range []string{
		"a,b\n1,2\n", "a,b\n\"1\n2\",\"\"\"\"\n", "a,b\n,\n", "a,b\n\" \", x\n", "a,b\n1,2\n3,4", "a\n\"x,y\"\n",
	} {
		want, err := csv.NewReader(strings.NewReader(file)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		in, err := openRecords(t.Context(), source{bucket: bucketOf(t, "a.csv", []byte(file)), key: "a.csv", size: int64(len(file))}, ',')
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range want {
			ok, err := in.next()
			if !ok || err != nil || fmt.Sprintf("%q", in.record) != fmt.Sprintf("%q", record) {
				t.Fatalf("%q: got %q, %v, %v\nwant %q", file, in.record, ok, err, record)
			}
		}
		if ok, err := in.next(); ok || err != nil {
			t.Errorf("%q: goes on: %v", file, err)
		}
		in.close()
	}
}

func TestCSVCutShort(t *testing.T) {
	file := csvOf(someRows(20))
	for n := 0; n < len(file); n += 3 {
		b := bucketOf(t, "a.csv", file[:n])
		_, err := readFrom(b, "a.csv", int64(len(file)), sms, losAngeles(t))
		refused(t, err, "a.csv")
	}
}
