package readers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"pgregory.net/rapid"
)

// payload is a row whose first text may hold JSON.
type payload struct {
	Payload  string `parquet:"Payload,optional" json:"Payload,omitempty"`
	CustomID string `parquet:"CustomID,optional" json:"CustomID,omitempty"`
}

// inFormats are the rows in every format, by the name of a file.
func inFormats(t testing.TB, rows []payload) map[string][]byte {
	t.Helper()
	g := grid{{"Payload", "CustomID"}}
	var lines, list []byte
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "Payload", Type: arrow.BinaryTypes.String, Nullable: true}, {Name: "CustomID", Type: arrow.BinaryTypes.String, Nullable: true}}, nil))
	for i, row := range rows {
		g = append(g, []string{row.Payload, row.CustomID})
		line := jsonOf(t, row)
		lines = append(lines, line...)
		list = fmt.Appendf(list, "%s%s", map[bool]string{true: "[", false: ","}[i == 0], line)
		for k, text := range g[i+1] {
			b.Field(k).(*array.StringBuilder).Append(text)
			if text == "" {
				b.Field(k).(*array.StringBuilder).SetNull(i)
			}
		}
	}
	record := b.NewRecord()
	return map[string][]byte{"a.csv": g.csv(), "a.ndjson": lines, "a.json": append(list, ']'), "a.parquet": written(t, rows),
		"a.arrow": arrowOf(t, "a.arrow", []arrow.Record{record}), "a.arrows": arrowOf(t, "a.arrows", []arrow.Record{record})}
}

// Text that does not look like JSON has nothing inside, and text that is broken
// JSON is a bad cell: in every format.
func TestTextThatMayHoldJSON(t *testing.T) {
	m := &Mapping{Layout: Layout{Absent: []string{"[none"}}, Rules: []Rule{{Field: "x", Paths: paths(t, "Payload.account", "CustomID")}}}
	rows := []payload{
		{"helloworld", "c"}, {`{"account":"a"}`, "c"}, {`{"account":"a"`, "c"}, {"", "c"}, {" \n[1]", "c"}, {"[1", "c"}, {`"{\"account\":\"a\"}"`, "c"},
		{"[none", "c"}, {"5", "c"}, {`{"account":null}`, "c"}, {`{} x`, "c"}, {"nullx", ""},
	}
	want := []string{`"c"`, `"a"`, `!"{\"account\":\"a\"":not_text`, `"c"`, `"c"`, `!"[1":not_text`, `"c"`, `"c"`, `"c"`, `"c"`, `!"{} x":not_text`, `-`}
	for key, data := range inFormats(t, rows) {
		t.Run(key, func(t *testing.T) {
			got, err := readByMapping(t, File{Key: key}, data, oneField(Text), m)
			if err != nil {
				t.Fatal(err)
			}
			equalRows(t, got, want)
		})
	}
}

// Whatever the texts are, formats agree on what is inside of them.
func TestFormatsAgreeOnTextThatMayHoldJSON(t *testing.T) {
	schema := &Schema{Source: "test", Fields: []Field{{Name: "x", Kind: Text}, {Name: "n", Kind: Integer}, {Name: "e", Kind: EventID}, {Name: "c", Kind: Integer}}}
	m := &Mapping{Layout: Layout{Absent: []string{"[]", "x"}}, Rules: []Rule{
		{Field: "x", Paths: paths(t, "Payload.a", "Payload", "CustomID"), Default: ptr("none"), Optional: true},
		{Field: "n", Paths: paths(t, "Payload.a", "CustomID.b[0]"), Optional: true},
		{Field: "e", Join: []Part{{Path: parsePath(t, "Payload.b[1].a")}, {Path: parsePath(t, "CustomID")}}, Optional: true},
		{Field: "c", Paths: paths(t, "Payload.b"), Count: true, Optional: true},
	}, LeaveOut: []Filter{{"two", []Condition{{Path: parsePath(t, "Payload.a"), Is: []string{"2"}}}}}}
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			`{`, `}`, `[`, `]`, `"a":`, `"b":`, `1`, `2`, `"x"`, `,`, ` `, `x`, `null`, `"`, `{"a":"2"}`, `{"b":[1,{"a":"k"}],"a":7}`, `"{\"a\":1}"`,
		}), 0, 5).Draw(t, "pieces"), "")
	})
	rapid.Check(t, func(rt *rapid.T) {
		rows := []payload{{`{"a":"2","b":[5]}`, `{"b":[1]}`}}
		for range rapid.IntRange(1, 4).Draw(rt, "rows") {
			rows = append(rows, payload{text.Draw(rt, "Payload"), text.Draw(rt, "CustomID")})
		}
		files := inFormats(t, rows)
		want, err := readByMapping(t, File{Key: "a.csv"}, files["a.csv"], schema, m)
		if err != nil {
			rt.Fatal(err)
		}
		for key, data := range files {
			got, err := readByMapping(t, File{Key: key}, data, schema, m)
			if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
				rt.Fatalf("%s: %v, got\n%s\nwant\n%s", key, err, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	})
}
