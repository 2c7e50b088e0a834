package readers

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/parquet-go/parquet-go"
)

var listField = Field{Name: "v", Kind: Text, JSON: true}

// A list is its JSON text, whatever the format.
func TestListsAsJSON(t *testing.T) {
	type row struct {
		V []string `parquet:"v,list,optional"`
	}
	type old struct {
		V []string `parquet:"v"`
	}
	rows := []row{{[]string{"a", "b;c", `d"`}}, {nil}, {[]string{""}}}
	want := []string{`"[\"a\",\"b;c\",\"d\\\"\"]"`, "-", `"[\"\"]"`}
	for version := 1; version <= 2; version++ {
		got, err := readField(t, "a.parquet", written(t, rows, parquet.DataPageVersion(version)), listField)
		wantColumn(t, got, err, want...)
	}
	got, err := readField(t, "a.parquet", written(t, []old{{[]string{"a", "b"}}, {nil}}), listField)
	wantColumn(t, got, err, `"[\"a\",\"b\"]"`, `"[]"`)

	got, err = readField(t, "a.ndjson", []byte(`{"v": [ "a", "b;c", "d\"" ]}`+"\n"+`{"v": null}`+"\n"+`{"v": {"b": 1.50, "a": "x"}}`+"\n"+`{"v": "a;b"}`+"\n"+`{"v": []}`+"\n"), listField)
	wantColumn(t, got, err, want[0], "-", `"{\"b\":1.50,\"a\":\"x\"}"`, `"a;b"`, `"[]"`)
	got, err = readField(t, "a.csv", []byte("v\n\"[\"\"a\"\", \"\"b\"\"]\"\na;b\n"), listField)
	wantColumn(t, got, err, `"[\"a\", \"b\"]"`, `"a;b"`)
}

// The texts of other fields stay as they were: a list is no text.
func TestListsAreNoText(t *testing.T) {
	got, err := readField(t, "a.ndjson", []byte(`{"v": ["a"]}`+"\n"), Field{Kind: Text})
	wantColumn(t, got, err, `!"[\"a\"]":not_text`)
	type row struct {
		V []struct{ A, B string } `parquet:"v,list"`
	}
	_, err = readField(t, "a.parquet", written(t, []row{{}}), listField)
	refused(t, err, `column "v" cannot be read: it is a list of something else than texts`)
	type nested struct {
		V [][]string `parquet:"v,list"`
	}
	_, err = readField(t, "a.parquet", written(t, []nested{{}}), listField)
	refused(t, err, `column "v" cannot be read: it is a list of something else than texts`)
}

func TestArrowListsAsJSON(t *testing.T) {
	for _, of := range []arrow.DataType{arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, dictionaryOfText} {
		for _, list := range []arrow.DataType{arrow.ListOf(of), arrow.LargeListOf(of)} {
			column, _, err := array.FromJSON(memory.DefaultAllocator, list, strings.NewReader(`[["a","b"],null,[],["a",null,""]]`))
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"a.arrow", "a.arrows"} {
				got, err := readField(t, key, arrowOf(t, key, oneArrow("v", column)), listField)
				wantColumn(t, got, err, `"[\"a\",\"b\"]"`, "-", `"[]"`, `"[\"a\",null,\"\"]"`)
			}
		}
	}
	column, _, err := array.FromJSON(memory.DefaultAllocator, arrow.ListOf(arrow.ListOf(arrow.BinaryTypes.String)), strings.NewReader(`[[["a"]]]`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = readField(t, "a.arrow", arrowOf(t, "a.arrow", oneArrow("v", column)), listField)
	refused(t, err, `column "v" cannot be read`)
}

// Rows that go on in the next page, absent elements, and text that is not UTF-8.
func TestListsOverPages(t *testing.T) {
	type row struct {
		V []*string `parquet:"v,list"`
	}
	rows, want := make([]row, 20_000), make([]string, 20_000)
	for i := range rows {
		var parts []string
		for j := range i % 5 {
			text := fmt.Sprint("u", i, "-", j)
			if j == 2 {
				rows[i].V, parts = append(rows[i].V, nil), append(parts, "null")
				continue
			}
			rows[i].V, parts = append(rows[i].V, &text), append(parts, `"`+text+`"`)
		}
		want[i] = fmt.Sprintf("%q", "["+strings.Join(parts, ",")+"]")
	}
	for version := 1; version <= 2; version++ {
		for _, size := range []int{4000, 1 << 20} {
			got, err := readField(t, "a.parquet", written(t, rows, parquet.DataPageVersion(version), parquet.PageBufferSize(size)), listField)
			if err != nil {
				t.Fatal(err)
			}
			equalRows(t, got, want)
		}
	}
	type bad struct {
		V [][]byte `parquet:"v"`
	}
	got, err := readField(t, "a.parquet", written(t, []bad{{[][]byte{[]byte("a"), {0xff, 0xfe}}}, {[][]byte{[]byte("b")}}}), listField)
	if err != nil || len(got) != 2 || !strings.HasSuffix(got[0], ":not_text") || got[1] != `"[\"b\"]"` {
		t.Errorf("%q, %v", got, err)
	}
}

// TestFlippedLists: damage never changes how many rows there are.
func TestFlippedLists(t *testing.T) {
	type row struct {
		V []string `parquet:"v,list,optional"`
	}
	rows := []row{{[]string{"a", "b"}}, {nil}, {[]string{"c"}}, {[]string{"a", "c", "d"}}}
	schema := &Schema{Source: "test", Fields: []Field{listField}}
	for version := 1; version <= 2; version++ {
		flipAll(t, "a.parquet", bytes.Clone(written(t, rows, parquet.DataPageVersion(version))), schema)
	}
}
