package readers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

// utf16Of is a text as UTF-16 with a byte-order mark.
func utf16Of(text string, bigEndian bool) []byte {
	var b bytes.Buffer
	for _, unit := range append([]uint16{0xfeff}, utf16.Encode([]rune(text))...) {
		if bigEndian {
			unit = unit>>8 | unit<<8
		}
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.Bytes()
}

// TestEdgesOfText: odd files are read right or refused by name.
func TestEdgesOfText(t *testing.T) {
	gz := packings[".gz"]
	csv, ndjson, list := "name,n\na,1\n", `{"name":"a","n":1}`+"\n", `[{"name":"a","n":1}]`
	for _, test := range []struct {
		what, key string
		file      []byte
		want      string // rows between bars, or the error
	}{
		{"empty", "a.csv", nil, "a.csv: empty file, not even a header"},
		{"empty", "a.tsv", nil, "a.tsv: empty file, not even a header"},
		{"empty", "a.ndjson", nil, ""},
		{"empty", "a.json", nil, "a.json: empty file, not even a JSON document"},
		{"empty", "a.json.gz", nil, "a.json.gz: empty file, not even gzip"},
		{"packed and empty", "a.csv.gz", gz(t, nil), "a.csv.gz: empty file, not even a header"},
		{"packed and empty", "a.ndjson.gz", gz(t, nil), ""},
		{"packed and empty", "a.json.gz", gz(t, nil), "a.json.gz: empty file, not even a JSON document"},
		{"header only", "a.tsv", []byte("name\tn\r\n"), ""},
		{"byte-order mark only", "a.ndjson", []byte("\xef\xbb\xbf"), ""},
		{"byte-order mark", "a.json", []byte("\xef\xbb\xbf" + list), `"a" 1`},
		{"byte-order mark, packed", "a.json.gz", gz(t, []byte("\xef\xbb\xbf"+list)), `"a" 1`},
		{"half a byte-order mark", "a.csv", []byte("\xef\xbb"), `a.csv: no column "name"`},
		{"UTF-16", "a.csv", utf16Of(csv, false), "a.csv: the text is UTF-16, by its byte-order mark; want UTF-8"},
		{"UTF-16", "a.ndjson", utf16Of(ndjson, true), "a.ndjson: the text is UTF-16, by its byte-order mark; want UTF-8"},
		{"UTF-16", "a.json.gz", gz(t, utf16Of(list, false)), "a.json.gz: the text is UTF-16, by its byte-order mark; want UTF-8"},
		{"UTF-16 without a mark", "a.csv", utf16Of(csv, false)[2:], `a.csv: header: a NUL byte in "n\x00a\x00m\x00e\x00": is the text UTF-16?`},
		{"UTF-16 without a mark", "a.json", utf16Of(list, false)[2:], "a.json: row 1: not JSON: "},
		{"CRLF", "a.json", []byte("[\r\n{\"name\":\"a\",\r\n\"n\":1}\r\n]\r\n"), `"a" 1`},
		{"quoted newlines", "a.csv", []byte("name,n\r\n\"a\nb\r\nc\",1\r\n"), `"a\nb\r\nc" 1`},
		{"no last newline", "a.tsv", []byte("name\tn\na\t1"), `"a" 1`},
		{"blank last lines", "a.json", []byte(list + "\n\n\r\n"), `"a" 1`},
		{"NUL in a cell", "a.csv", []byte("name,n\na\x00,1\nb,1\x00\n"), `"a\x00" 1|"b" !"1\x00":not_a_number`},
		{"NULs behind the end", "a.csv", []byte(csv + "\x00\x00\x00"), "a.csv: after row 1: row 2 has 1 cells, the header 2"},
		{"NULs behind the end", "a.ndjson", []byte(ndjson + "\x00\x00\x00"), "a.ndjson: after row 1: row 2: not a JSON object"},
		{"NULs behind the end", "a.json", []byte(list + "\x00\x00\x00"), "a.json: after row 1: row 2: not JSON: "},
		{"NULs in place of a file", "a.csv", make([]byte, 100), "a.csv: header: a NUL byte in "},
		{"a quote in a cell", "a.csv", []byte("name,n\n5\" pipe,1\n"), "a.csv: row 1: a quote inside of a cell that is not quoted"},
		{"a doubled quote in a cell", "a.csv", []byte("name,n\n\"5\"\" pipe\",1\n"), `"5\" pipe" 1`},
		{"a short row", "a.tsv", []byte("name\tn\na\n"), "a.tsv: row 1 has 1 cells, the header 2"},
		{"a long row", "a.tsv", []byte("name\tn\na\t1\t\n"), "a.tsv: row 1 has 3 cells, the header 2"},
		{"gzip members", "a.json.gz", append(gz(t, []byte(list[:9])), gz(t, []byte(list[9:]))...), `"a" 1`},
		{"not gzip", "a.json.gz", []byte(list), "a.json.gz: damaged or cut short as gzip"},
		{"gzip without its name", "a.csv", gz(t, []byte(csv)), "a.csv: "},
		{"CSV called JSON", "a.json", []byte(csv), "a.json: row 1: not JSON: "},
		{"JSON called CSV", "a.csv", []byte(list), `a.csv: `},
		{"NDJSON called JSON", "a.json", []byte(ndjson + ndjson), `"a" 1|"a" 1`},
		{"JSON called NDJSON", "a.ndjson", []byte(list), "a.ndjson: row 1: not a JSON object"},
	} {
		got, err := readAll(t, test.key, test.file, pair)
		if strings.HasPrefix(test.want, test.key) {
			refused(t, err, test.want)
		} else if err != nil || strings.Join(got, "|") != test.want {
			t.Errorf("%s, %s: got %q, %v\nwant %s", test.key, test.what, got, err, test.want)
		}
	}
}

// TestTextFormatsAgree: the same rows give the same batches, whatever the
// format, down to the dictionaries.
func TestTextFormatsAgree(t *testing.T) {
	schema := wanting(t, "id:id", "text", "o.n:integer", "n:integer", "at:instant", "day:date", "l:count", "o")
	schema.Fields[3].Scale = 2
	cell := rapid.OneOf(
		rapid.String(), rapid.SampledFrom([]string{"", "NULL", "7", "-0.50", "1e2", "x,\"y\"\r\n", "2026-07-01", "2026-07-01 12:00", `["a",1]`, `["a`, `[]`}),
	)
	inner := rapid.SampledFrom([]string{"", "NULL", `{"n":5}`, `{"n":"5.0"}`, `{"n":null}`, `{"n":{}}`, `{}`, `{"n":`, `{"m":1} `, `{"n":1}2`})
	names := []string{"id", "text", "n", "at", "day", "l", "o"}
	rapid.Check(t, func(rt *rapid.T) {
		var rows [][]string
		for range rapid.IntRange(0, 8).Draw(rt, "rows") {
			row := make([]string, len(names))
			for i := range row[:len(row)-1] {
				row[i] = cell.Draw(rt, names[i])
			}
			row[len(row)-1] = inner.Draw(rt, "o")
			rows = append(rows, row)
		}
		texts := textsOf(names, rows)
		want, err := batchesOf(t, "a.csv", texts["a.csv"], schema)
		if err != nil {
			rt.Fatal(err)
		}
		for _, key := range []string{"a.tsv", "a.ndjson", "a.json"} {
			got, err := batchesOf(t, key, texts[key], schema)
			if err != nil || !reflect.DeepEqual(got, want) {
				rt.Fatalf("%s: %v\ngot  %+v\nwant %+v", key, err, got, want)
			}
		}
	})
}

// textsOf is the same rows in all text formats, by file.
func textsOf(names []string, rows [][]string) map[string]string {
	var csv, tsv, lines strings.Builder
	record := func(to *strings.Builder, delimiter string, cells []string) {
		for i, cell := range cells {
			if i > 0 {
				to.WriteString(delimiter)
			}
			fmt.Fprintf(to, `"%s"`, strings.ReplaceAll(cell, `"`, `""`))
		}
		to.WriteString("\n")
	}
	record(&csv, ",", names)
	record(&tsv, "\t", names)
	var objects []string
	for _, row := range rows {
		record(&csv, ",", row)
		record(&tsv, "\t", row)
		object := map[string]string{}
		for i, name := range names {
			object[name] = row[i]
		}
		line, err := json.Marshal(object)
		if err != nil {
			panic(err)
		}
		lines.Write(append(line, '\n'))
		objects = append(objects, string(line))
	}
	return map[string]string{"a.csv": csv.String(), "a.tsv": tsv.String(), "a.ndjson": lines.String(),
		"a.json": "[" + strings.Join(objects, ",") + "]"}
}

// batchesOf reads copies of all batches.
func batchesOf(t testing.TB, key, text string, schema *Schema) (batches []Batch, err error) {
	ctx := context.Background()
	e, err := openRaw(ctx, bucketOf(t, key, []byte(text)), File{Key: key, Size: int64(len(text))}, schema, &Layout{Absent: []string{"NULL"}}, losAngeles(t))
	if err != nil {
		return nil, err
	}
	err = e.Read(ctx, 0, func(b *Batch) error {
		copied := Batch{FirstRow: b.FirstRow, Len: b.Len}
		for _, c := range b.Columns {
			copied.Columns = append(copied.Columns, Column{
				Dict: c.Dict, Index: append([]int32(nil), c.Index...), Ints: append([]int64(nil), c.Ints...),
				IDs: append([][16]byte(nil), c.IDs...), Missing: append([]bool(nil), c.Missing...), Bad: c.Bad,
			})
		}
		batches = append(batches, copied)
		return check(schema, b)
	})
	return batches, err
}
