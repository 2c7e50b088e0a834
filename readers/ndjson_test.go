package readers

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"ratemill/rating/calendar"
)

// ndjsonOf is the same rows as csvOf has.
func ndjsonOf(rows []smsRow) []byte {
	var b bytes.Buffer
	for _, r := range rows {
		carrier := "null"
		if r.Carrier != nil {
			carrier = fmt.Sprintf("%q", *r.Carrier)
		}
		fmt.Fprintf(&b, `{"event_id":%q,"account_id":%q,"occurred_at":%q,"carrier":%s,"country":%q,"segments":%d}`+"\n",
			eventText(r), r.AccountID, time.UnixMicro(r.OccurredAt).UTC().Format("2006-01-02T15:04:05.000000Z"), carrier, r.Country, r.Segments)
	}
	return b.Bytes()
}

func TestNDJSON(t *testing.T) {
	for _, test := range []struct {
		what, file string
		want       []string
	}{
		{"usual", `{"name":"a","n":1}` + "\n" + `{"n":2,"name":"b"}` + "\n", []string{`"a" 1`, `"b" 2`}},
		{"no last newline", `{"name":"a","n":1}`, []string{`"a" 1`}},
		{"CRLF", "{\"name\":\"a\",\"n\":1}\r\n{\"name\":\"b\",\"n\":2}\r\n", []string{`"a" 1`, `"b" 2`}},
		{"byte order mark", "\xef\xbb\xbf{\"name\":\"a\",\"n\":1}\n", []string{`"a" 1`}},
		{"empty", "", nil},
		{"blank lines at the end", "{\"n\":1}\n\n\r\n", []string{`- 1`}},
		{"blank around it", " { \"n\" : 1 , \"name\" : \"a\" } \t\n", []string{`"a" 1`}},
		{"absent", `{"name":null}` + "\n{}\n" + `{"name":"","n":""}`, []string{"- -", "- -", "- -"}},
		{"other keys", `{"x":{"n":5,"y":[1,{"n":[]}]},"n":1,"N":7,"":8,"name":"a"}`, []string{`"a" 1`}},
		{"keys with escapes", `{"\u006e":1,"na\u006de":"a"}`, []string{`"a" 1`}},
		{"numbers", `{"name":12,"n":-9223372036854775808}` + "\n" + `{"name":1.50e+3,"n":9223372036854775807}` + "\n" + `{"n":-0}`,
			[]string{`"12" -9223372036854775808`, `"1.50e+3" 9223372036854775807`, "- 0"}},
		{"numbers as text", `{"n":"7"}` + "\n" + `{"n":" 7"}`, []string{"- 7", `- !" 7":not_a_number`}},
		{"whole numbers", `{"n":1.0}` + "\n" + `{"n":1e3}` + "\n" + `{"n":1.5}` + "\n" + `{"n":9223372036854775808}`,
			[]string{"- 1", "- 1000", `- !"1.5":not_a_number`, `- !"9223372036854775808":overflow`}},
		{"truth", `{"name":true,"n":false}`, []string{`"true" !"false":not_a_number`}},
		{"nested", `{"name":{"a":1},"n":[1]}` + "\n" + `{"name":[],"n":{}}`,
			[]string{`!"{\"a\":1}":not_text !"[1]":not_a_number`, `!"[]":not_text !"{}":not_a_number`}},
		{"escapes", `{"name":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000"}`, []string{`"\"\\/\b\f\n\r\té😀\x00" -`}},
		{"not text", "{\"name\":\"a\xff\"}\n" + `{"name":"a\ud83d"}` + "\n" + `{"name":"\ude00x","n":"\ud800"}`,
			[]string{`!"a�":not_text -`, `!"a�":not_text -`, `!"�x":not_text !"�":not_a_number`}},
		{"not UTF-8 elsewhere", "{\"x\xff\":\"a\xff\",\"n\":1}", []string{"- 1"}},
	} {
		got, err := readAll(t, "a.ndjson", []byte(test.file), pair)
		if err != nil || strings.Join(got, "|") != strings.Join(test.want, "|") {
			t.Errorf("%s: got %q, %v\nwant %q", test.what, got, err, test.want)
		}
	}
	schema := &Schema{Source: "x", Fields: []Field{{Name: "v", Kind: EventID}}}
	got, err := readAll(t, "a.jsonl", []byte("{\"v\":\"\\ud800\"}\n{\"v\":{}}\n{\"v\":7}\n"), schema)
	wantColumn(t, got, err, `!"�":not_text`, `!"{}":not_text`, fmt.Sprintf("%x", Key([]byte("7"))))
}

func TestBrokenNDJSON(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"[1]", "a.ndjson: row 1: not a JSON object"},
		{"{\"n\":1}\nnull\n", "a.ndjson: after row 1: row 2: not a JSON object"},
		{"{\"n\":1}\n\n{\"n\":2}\n", "a.ndjson: after row 1: row 2: blank line"},
		{"{\"n\":1}\n  \n", "a.ndjson: after row 1: row 2: not a JSON object"},
		{"{\"n\":1}\n{\"n\":\n2}\n", "a.ndjson: after row 1: row 2: not JSON: "},
		{`{"n":1,"n":1}`, `a.ndjson: row 1: key "n" stands twice`},
		{`{"n":1,"\u006e":1}`, `a.ndjson: row 1: key "n" stands twice`},
		{`{"x":1,"x":1}`, `a.ndjson: row 1: key "x" stands twice`},
		{`{"x":{"y":1,"y":1}}`, `a.ndjson: row 1: key "y" stands twice`},
		{`{"n":1}{"n":2}`, "a.ndjson: row 1: text behind the object"},
		{`{"n":1},`, "a.ndjson: row 1: text behind the object"},
		{`{"n":1`, "a.ndjson: row 1: not JSON: "},
		{`{"n":01}`, "a.ndjson: row 1: not JSON: "},
		{`{"n":+1}`, "a.ndjson: row 1: not JSON: "},
		{`{"n":NaN}`, "a.ndjson: row 1: not JSON: "},
		{`{'n':1}`, "a.ndjson: row 1: not JSON: "},
		{`{"n":1,}`, "a.ndjson: row 1: not JSON: "},
		{"{\"name\":\"a\x00\"}", "a.ndjson: row 1: not JSON: "},
		{`{"name":"\x41"}`, "a.ndjson: row 1: not JSON: "},
		{"{\"n\":1}\n{\"name\":\"" + strings.Repeat("a", maxRecord), "line of more than 16777216 bytes"},
		{strings.Repeat(`{"x":`, 100_000), "a.ndjson: row 1: not JSON: "},
	} {
		_, err := readAll(t, "a.ndjson", []byte(test.file), pair)
		refused(t, err, test.want)
	}
}

// TestNDJSONAcrossBuffers: lines that lie across the pieces that are read, one
// of them longer than several.
func TestNDJSONAcrossBuffers(t *testing.T) {
	var file bytes.Buffer
	var want []string
	for i := range 3 * BatchRows {
		name := strings.Repeat("ä", i%97)
		fmt.Fprintf(&file, "{\"name\":%q,\"n\":%d}\r\n", name, i)
		shown := fmt.Sprintf("%q %d", name, i)
		if name == "" {
			shown = fmt.Sprintf("- %d", i)
		}
		want = append(want, shown)
	}
	big := strings.Repeat("y", 3*readSize)
	fmt.Fprintf(&file, "{\"name\":%q}", big)
	want = append(want, fmt.Sprintf("%q -", big))
	got, err := readAll(t, "a.ndjson", file.Bytes(), pair)
	if err != nil {
		t.Fatal(err)
	}
	equalRows(t, got, want)
}

// TestNDJSONCutShort: a cut shows by the listed size; where the listing is of
// the cut file, it shows but for a cut between two lines.
func TestNDJSONCutShort(t *testing.T) {
	file := ndjsonOf(someRows(20))
	for n := 0; n < len(file); n += 3 {
		b := bucketOf(t, "a.ndjson", file[:n])
		_, err := readFrom(b, "a.ndjson", int64(len(file)), sms, calendar.Zone{})
		refused(t, err, "a.ndjson")
		if n > 0 && file[n-1] != '\n' && file[n-1] != '}' {
			_, err := readFrom(b, "a.ndjson", int64(n), sms, calendar.Zone{})
			refused(t, err, "not JSON")
		}
	}
}

// TestNDJSONFlippedBits: a changed value can pass, a lost row cannot.
func TestNDJSONFlippedBits(t *testing.T) {
	file := ndjsonOf(someRows(8))
	for at := range file {
		file[at] ^= 1 << (at % 8)
		damaged(t, "a.ndjson", file, 8)
		file[at] ^= 1 << (at % 8)
	}
}
