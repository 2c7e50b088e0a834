package readers

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// told is what an export says of what the mapping wants, after it was read.
type told struct{ lacking, had []string }

func tellOf(t testing.TB, key string, data []byte, schema *Schema, m *Mapping) told {
	t.Helper()
	file := File{Key: key, Size: int64(len(data))}
	e, err := OpenMapped(context.Background(), bucketOf(t, key, data), file, schema, m, losAngeles(t))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for split := range e.Splits() {
		if _, err := rowsOf(e, schema, split); err != nil {
			t.Fatal(err)
		}
	}
	return told{e.Lacking(), e.Had()}
}

// misspelt is what is wrong with a mapping by all files of a night: what one
// lacks and none had.
func misspelt(files []told) (names []string) {
	for _, f := range files {
		for _, name := range f.lacking {
			if !slices.Contains(names, name) && !slices.ContainsFunc(files, func(g told) bool { return slices.Contains(g.had, name) }) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

func TestLacking(t *testing.T) {
	schema := &Schema{Source: "test", Fields: []Field{{Name: "id", Kind: EventID, Optional: true}, {Name: "x", Kind: Text}, {Name: "y", Kind: Text, Optional: true}}}
	m := &Mapping{
		Rules:    []Rule{{Field: "id", Join: []Part{{Path: parsePath(t, "i")}, {Path: parsePath(t, "j")}}}, {Field: "x", Paths: paths(t, "m.account", "z")}},
		LeaveOut: []Filter{{"soft", []Condition{{Path: parsePath(t, "i"), Is: []string{"b"}}, {Path: parsePath(t, "n.kind"), Not: []string{"hard"}}}}},
	}
	for _, c := range []struct{ name, lines, lacking, had string }{
		{"no record", "", "", ""},
		{"all of it", `{"i":"b","j":null,"m":{"account":"a"},"n":{"kind":"hard"}}`, "", "id.i id.j x leave_out.soft.i leave_out.soft.n.kind"},
		{"nothing of it", `{"q":1}`, "id.i id.j x leave_out.soft.i", ""},
		{"no record that counts", `{"i":"b","n":{"kind":"soft"}}`, "", "id.i leave_out.soft.i leave_out.soft.n.kind"},
		{"the object around a field", `{"i":1,"j":1,"m":{}}`, "", "id.i id.j x leave_out.soft.i"},
		{"the object around a field, in a text", `{"i":1,"j":1,"m":"{}"}`, "", "id.i id.j x leave_out.soft.i"},
		{"nothing around a field", `{"i":1,"j":1,"m":null}` + "\n" + `{"i":1,"m":"account"}` + "\n" + `{"i":1,"m":[{"account":1}]}`, "x", "id.i id.j leave_out.soft.i"},
		{"the second of two paths", `{"i":1,"j":1,"z":1}`, "", "id.i id.j x leave_out.soft.i"},
		{"a condition is not excused by what is around it", `{"i":"b","j":1,"z":1,"n":{"kynd":"soft"}}`, "leave_out.soft.n.kind", "id.i id.j x leave_out.soft.i"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := tellOf(t, "a.ndjson", []byte(c.lines), schema, m)
			if lacking, had := strings.Join(got.lacking, " "), strings.Join(got.had, " "); lacking != c.lacking || had != c.had {
				t.Errorf("got lacking %s; had %s", lacking, had)
			}
		})
	}
}

// In the texts of any format, what records lack is told as it is of JSON.
func TestLackingInTexts(t *testing.T) {
	m := &Mapping{Rules: []Rule{{Field: "x", Paths: paths(t, "Payload.m.account")}}}
	for _, c := range []struct{ payload, lacking, had string }{
		{`{"m":{"account":"a"}}`, "", "x"}, {`{"m":{}}`, "", "x"}, {`{"account":"a"}`, "x", ""}, {"hello", "x", ""}, {"", "x", ""},
	} {
		for key, data := range inFormats(t, []payload{{c.payload, "c"}, {"", "c"}}) {
			got := tellOf(t, key, data, oneField(Text), m)
			if lacking, had := strings.Join(got.lacking, " "), strings.Join(got.had, " "); lacking != c.lacking || had != c.had {
				t.Errorf("%s of %s: got lacking %s; had %s", key, c.payload, lacking, had)
			}
		}
	}
}

// How rows are spread over files does not change what a mapping has misspelt.
func TestLackingOverFiles(t *testing.T) {
	schema := &Schema{Source: "test", Fields: []Field{{Name: "id", Kind: EventID}, {Name: "x", Kind: Text}, {Name: "y", Kind: Text}}}
	m := &Mapping{
		Rules: []Rule{{Field: "id", Join: []Part{{Path: parsePath(t, "i")}, {Path: parsePath(t, "m.j")}}}, {Field: "x", Paths: paths(t, "m.x", "x")}, {Field: "y", Paths: paths(t, "m.n[0]")}},
		LeaveOut: []Filter{
			{"a", []Condition{{Path: parsePath(t, "a"), Is: []string{"1"}}}},
			{"b", []Condition{{Path: parsePath(t, "b"), Not: []string{"1"}}, {Path: parsePath(t, "m.c"), Is: []string{"1"}}}},
		},
	}
	pieces := []string{`"i":1`, `"m":{}`, `"m":{"j":1}`, `"m":{"x":1,"n":[]}`, `"m":"{\"c\":1}"`, `"x":1`, `"a":1`, `"a":2`, `"b":1`, `"b":null`}
	rapid.Check(t, func(rt *rapid.T) {
		files := make([][]string, rapid.IntRange(1, 3).Draw(rt, "files"))
		var whole []string
		for i := range files {
			for range rapid.IntRange(0, 3).Draw(rt, "rows") {
				members := rapid.SliceOfDistinct(rapid.SampledFrom(pieces), func(p string) string { return p[:3] }).Draw(rt, "row")
				files[i] = append(files[i], "{"+strings.Join(members, ",")+"}")
			}
			whole = append(whole, files[i]...)
		}
		var all []told
		for _, lines := range files {
			all = append(all, tellOf(t, "a.ndjson", []byte(strings.Join(lines, "\n")), schema, m))
		}
		one := misspelt([]told{tellOf(t, "a.ndjson", []byte(strings.Join(whole, "\n")), schema, m)})
		if got := misspelt(all); !slices.Equal(got, one) {
			rt.Fatalf("files %q: got %q, of one file %q", files, got, one)
		}
	})
}
