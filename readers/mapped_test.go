package readers

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/parquet-go/parquet-go"
	"gocloud.dev/blob"
	"pgregory.net/rapid"

	"ratemill/rating/calendar"
	"ratemill/rating/nearest"
)

func ptr[T any](v T) *T { return &v }

// paths are Paths from their texts.
func paths(t testing.TB, texts ...string) (all []Path) {
	t.Helper()
	for _, text := range texts {
		p, err := ParsePath(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// grid is a small export: a header and its rows.
type grid [][]string

func (g grid) csv() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.WriteAll(g)
	return b.Bytes()
}

// ndjson lacks the keys of empty cells.
func (g grid) ndjson() []byte {
	var b bytes.Buffer
	for _, row := range g[1:] {
		var members []string
		for i, cell := range row {
			if cell != "" {
				members = append(members, fmt.Sprintf("%s:%s", quoted(g[0][i]), quoted(cell)))
			}
		}
		fmt.Fprintf(&b, "{%s}\n", strings.Join(members, ","))
	}
	return b.Bytes()
}

func quoted(text string) []byte {
	json, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return json
}

// readByMapping reads all splits of an export into rows as show writes them, a
// row that is left out as its filter. What is lacking is an error.
func readByMapping(t testing.TB, file File, data []byte, schema *Schema, m *Mapping) ([]string, error) {
	t.Helper()
	file.Size = int64(len(data))
	e, err := OpenMapped(context.Background(), bucketOf(t, file.Key, data), file, schema, m, losAngeles(t))
	if err != nil {
		return nil, err
	}
	defer e.Close()
	var rows []string
	for split := range e.Splits() {
		more, err := rowsOf(e, schema, split)
		if rows = append(rows, more...); err != nil {
			return rows, err
		}
	}
	for _, name := range e.Lacking() {
		err = errors.Join(err, e.LackingError(context.Background(), name))
	}
	return rows, err
}

func rowsOf(e *Export, schema *Schema, split int) (rows []string, err error) {
	seen := map[*Dict][]string{}
	err = e.Read(context.Background(), split, func(b *Batch) error {
		for row := range b.Len {
			if b.LeftOut != nil && b.LeftOut[row] != 0 {
				rows = append(rows, e.Filters()[b.LeftOut[row]-1])
				continue
			}
			rows = append(rows, show(schema, b, row))
		}
		for i := range b.Columns {
			d := b.Columns[i].Dict
			if d == nil {
				continue
			}
			if before := seen[d]; !slices.Equal(before, d.Entries[:len(before)]) {
				return fmt.Errorf("entries of a Dict changed from %q to %q", before, d.Entries)
			}
			seen[d] = slices.Clone(d.Entries)
		}
		return check(schema, b)
	})
	return rows, err
}

// oneField is a schema of a field x, not asked for.
func oneField(kind Kind) *Schema {
	return &Schema{Source: "test", Fields: []Field{{Name: "x", Kind: kind, Optional: true}}}
}

func TestRule(t *testing.T) {
	table := map[string]map[string]string{"accounts": {"s1": "a1", "s2": "a2"}}
	for _, c := range []struct {
		name  string
		kind  Kind
		rule  Rule
		cells string // of columns a and b, row by row
		want  string
	}{
		{"a column", Text, Rule{Paths: paths(t, "a")}, "one, two,", `"one" "two" -`},
		{"a number", Integer, Rule{Paths: paths(t, "a")}, "1, -2, x,", `1 -2 !"x":not_a_number -`},
		{"the first of two", Text, Rule{Paths: paths(t, "a", "b")}, "1;2, ;3, 4;, ;", `"1" "3" "4" -`},
		{"the first of two numbers", Integer, Rule{Paths: paths(t, "a", "b")}, "1;2, ;3, 4;, ;, x;5", `1 3 4 - !"x":not_a_number`},
		{"the first of two days", Date, Rule{Paths: paths(t, "a", "b")}, "2024-02-03;, ;2024-02-04", `2024-02-03 2024-02-04`},
		{"a value", Text, Rule{Value: ptr("k")}, "1, 2", `"k" "k"`},
		{"a value by map", Text, Rule{Value: ptr("k"), Map: map[string]string{"k": "v"}}, "1", `"v"`},
		{"a number for all", Integer, Rule{Value: ptr("-5"), Absolute: true}, "1, 2", `5 5`},
		{"a time for all", Instant, Rule{Value: ptr("2024-01-01 02:00:00"), Zone: "Europe/Berlin"}, "1", `2024-01-01T01:00:00Z`},
		{"a part of the path", Text, Rule{PathPart: "account"}, "1", `"s1"`},
		{"a part of the path, looked up", Text, Rule{PathPart: "account", Lookup: "accounts", Strict: true}, "1", `"a1"`},
		{"a part of the path that is not known", Text, Rule{PathPart: "hour", Lookup: "accounts", Strict: true}, "1, 2", `!"07":not_in_map !"07":not_in_map`},
		{"an empty part of the path", Text, Rule{PathPart: "none", Default: ptr("d")}, "1", `"d"`},
		{"the day of the path", Date, Rule{PathPart: "date"}, "1", `2024-05-01`},
		{"the midnight of the path", Instant, Rule{PathPart: "date"}, "1", `2024-05-01T07:00:00Z`},
		{"extract a group", Text, Rule{Paths: paths(t, "a"), Extract: `^([A-Z]+)-`}, "US-1, nothing, DE-2,", `"US" - "DE" -`},
		{"extract all", Integer, Rule{Paths: paths(t, "a"), Extract: `[0-9]+`}, "12 parts, none, of 3", `12 - 3`},
		{"a group that is not part of it", Text, Rule{Paths: paths(t, "a"), Extract: `x(y)?`, Default: ptr("d")}, "x, xy", `"d" "y"`},
		{"lower", Text, Rule{Paths: paths(t, "a"), Case: "lower"}, "OutBound, ÄB", `"outbound" "äb"`},
		{"upper id", EventID, Rule{Paths: paths(t, "a"), Case: "upper"}, "k,", idOf("K") + " -"},
		{"lookup", Text, Rule{Paths: paths(t, "a"), Lookup: "accounts"}, "s1, s2, s3,", `"a1" "a2" "s3" -`},
		{"map behind lookup", Text, Rule{Paths: paths(t, "a"), Lookup: "accounts", Map: map[string]string{"a2": "b2"}}, "s1, s2, s3", `"a1" "b2" "s3"`},
		{"map", Text, Rule{Paths: paths(t, "a"), Map: map[string]string{"outbound-api": "outbound"}}, "outbound-api, inbound,", `"outbound" "inbound" -`},
		{"map to nothing", Text, Rule{Paths: paths(t, "a"), Map: map[string]string{"n/a": ""}}, "n/a, b", `- "b"`},
		{"map to nothing, with a default", Integer, Rule{Paths: paths(t, "a"), Map: map[string]string{"n/a": ""}, Default: ptr("1")}, "n/a, 2,", `1 2 1`},
		{"strict", Text, Rule{Paths: paths(t, "a"), Extract: `\w+`, Case: "lower", Map: map[string]string{"x": "y"}, Strict: true}, "<X>, <Z>,", `"y" !"<Z>":not_in_map -`},
		{"strict with both", Text, Rule{Paths: paths(t, "a"), Lookup: "accounts", Map: map[string]string{"x": "y"}, Strict: true}, "s1, x, z", `"a1" "y" !"z":not_in_map`},
		{"numbers by map", Integer, Rule{Paths: paths(t, "a"), Map: map[string]string{"none": "0"}}, "none, 3, lots", `0 3 !"lots":not_a_number`},
		{"a default of text", Text, Rule{Paths: paths(t, "a"), Default: ptr("d")}, "1,", `"1" "d"`},
		{"a default of numbers", Integer, Rule{Paths: paths(t, "a", "b"), Default: ptr("7")}, "1;, ;, ;2, x;", `1 7 2 !"x":not_a_number`},
		{"a default of days", Date, Rule{Paths: paths(t, "a"), Default: ptr("2024-02-29")}, "2024-01-01,", `2024-01-01 2024-02-29`},
		{"number", Text, Rule{Paths: paths(t, "a"), Number: true}, "0.50, .5, +5e-1, -0, 1.5.0,", `"0.5" "0.5" "0.5" "0" !"1.5.0":not_a_number -`},
		{"number behind a map", Text, Rule{Paths: paths(t, "a"), Map: map[string]string{"free": "0.0"}, Number: true, Default: ptr("1.0")}, "free, 2.50,", `"0" "2.5" "1"`},
		{"absolute text", Text, Rule{Paths: paths(t, "a"), Number: true, Absolute: true}, "-0.0300, 1", `"0.03" "1"`},
		{"absolute", Integer, Rule{Paths: paths(t, "a"), Absolute: true}, "-3, 4, -9223372036854775808,", `3 4 !"-9223372036854775808":overflow -`},
		{"absolute behind a map", Integer, Rule{Paths: paths(t, "a"), Map: map[string]string{"m": "-2"}, Absolute: true}, "m, -3, -9223372036854775808", `2 3 !"-9223372036854775808":overflow`},
		{"a time behind extract", Instant, Rule{Paths: paths(t, "a"), Extract: `^on (.*)$`, Zone: "UTC"}, "on 2024-01-02 03:04:05, on x, at", `2024-01-02T03:04:05Z !"on x":not_a_time -`},
		{"an id", EventID, Rule{Paths: paths(t, "a")}, "k,", idOf("k") + " -"},
		{"the first of two ids", EventID, Rule{Paths: paths(t, "a", "b")}, "k;l, ;l, ;", idOf("k") + " " + idOf("l") + " -"},
		{"joined of one", EventID, Rule{Join: []Part{{Path: ColumnPath("a")}}}, "k,", idOf("k") + " -"},
		{"joined with an absent part", EventID, Rule{Join: []Part{{Path: ColumnPath("a")}, {Path: ColumnPath("b")}}}, "k;, ;l", "- -"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := grid{{"a", "b", "n"}}
			for i, cells := range strings.Split(c.cells, ",") {
				a, b, _ := strings.Cut(strings.TrimSpace(cells), ";")
				g = append(g, []string{a, b, fmt.Sprint(i)})
			}
			c.rule.Field, c.rule.Optional = "x", c.rule.Value == nil && c.rule.PathPart == ""
			schema, m := oneField(c.kind), &Mapping{Rules: []Rule{c.rule}, Tables: table}
			parts := map[string]string{"account": "s1", "date": "2024-05-01", "hour": "07", "none": ""}
			for key, data := range map[string][]byte{"x.csv": g.csv(), "x.ndjson": g.ndjson()} {
				got, err := readByMapping(t, File{Key: key, Parts: parts}, data, schema, m)
				if err != nil {
					t.Fatalf("%s: %v", key, err)
				}
				if text := strings.Join(got, " "); text != c.want {
					t.Errorf("%s\ngot  %s\nwant %s", key, text, c.want)
				}
			}
		})
	}
}

func idOf(text string) string { return fmt.Sprintf("%x", Key([]byte(text))) }

// Text must not move from one part of a joined id to the next, nor a part be
// taken for several.
func TestJoinedIDsDiffer(t *testing.T) {
	g := grid{{"a", "b", "c"}, {"k", "lm", "n"}, {"kl", "m", "n"}, {"klm", "n", "n"}, {"k", "lm", "n"}}
	join := func(parts ...Part) []string {
		m := &Mapping{Rules: []Rule{{Field: "x", Join: parts}}}
		rows, err := readByMapping(t, File{Key: "x.csv"}, g.csv(), oneField(EventID), m)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	a, b, c, z := Part{Path: ColumnPath("a")}, Part{Path: ColumnPath("b")}, Part{Path: ColumnPath("c")}, Part{Value: ptr("z")}
	met := map[string]string{}
	for name, rows := range map[string][]string{
		"a": join(a), "ab": join(a, b), "ba": join(b, a), "abc": join(a, b, c), "za": join(z, a), "az": join(a, z), "zab": join(z, a, b),
	} {
		if rows[0] != rows[3] {
			t.Errorf("%s: equal rows have the ids %s and %s", name, rows[0], rows[3])
		}
		for i, id := range rows[:3] {
			place := fmt.Sprintf("%s of row %d", name, i)
			if before, twice := met[id]; twice {
				t.Errorf("%s and %s are both %s", before, place, id)
			}
			met[id] = place
		}
	}
	// A constant in place of a column that says the same is the same id.
	if got, want := join(Part{Value: ptr("k")}, b)[0], join(a, b)[0]; got != want {
		t.Errorf("got %s with a constant, want %s", got, want)
	}
}

// An absent part that may be so makes an id of its own, be it empty or no column
// at all; where nothing is absent ids are what they were.
func TestJoinedIDsWithAbsentParts(t *testing.T) {
	a, b, c := Part{Path: ColumnPath("a")}, Part{Path: ColumnPath("b"), Optional: true}, Part{Path: ColumnPath("c"), Optional: true}
	m := &Mapping{Rules: []Rule{{Field: "x", Join: []Part{a, b, c}}}}
	zeros := "00000000-0000-0000-0000-000000000000" // is its own 128 bits
	g := grid{{"a", "b", "c"}, {"k", "", "m"}, {"k", "m", ""}, {"k", "", ""}, {"k", zeros, "m"}, {"k", "m", zeros}, {"k", zeros, zeros}, {"k", "-", "m"}, {"k", "l", "m"}, {"", "l", "m"}}
	met := map[string]int{}
	var ids []string
	for key, data := range map[string][]byte{"x.csv": g.csv(), "x.ndjson": g.ndjson()} {
		rows, err := readByMapping(t, File{Key: key}, data, oneField(EventID), m)
		if err != nil {
			t.Fatal(err)
		}
		clear(met)
		for i, id := range rows {
			if before, twice := met[id]; twice {
				t.Errorf("rows %d and %d are both %s", before+1, i+1, id)
			}
			met[id] = i
		}
		if ids = rows; rows[8] != "-" {
			t.Errorf("got %s without a part that must be there", rows[8])
		}
	}
	without := &Mapping{Rules: []Rule{{Field: "x", Join: []Part{a, {Path: b.Path}, {Path: c.Path}}}}}
	rows, err := readByMapping(t, File{Key: "x.csv"}, g.csv(), oneField(EventID), without)
	if err != nil || rows[7] != ids[7] {
		t.Errorf("%v: of parts that are all there got %s, and %s where none is optional", err, ids[7], rows[7])
	}
	rows, err = readByMapping(t, File{Key: "x.csv"}, grid{{"a", "c"}, {"k", "m"}}.csv(), oneField(EventID), m)
	if err != nil || rows[0] != ids[0] {
		t.Errorf("%v: without the column got %s, want %s", err, rows, ids[0])
	}
}

func TestRuleErrors(t *testing.T) {
	schema := &Schema{Source: "sms", Fields: []Field{
		{Name: "event_id", Kind: EventID}, {Name: "account_id", Kind: Text}, {Name: "occurred_at", Kind: Instant},
		{Name: "as_of", Kind: Date}, {Name: "segments", Kind: Integer},
	}}
	any, err := ParsePath("a[*]")
	if err != nil {
		t.Fatal(err)
	}
	rule := func(field string, r Rule) Mapping {
		r.Field = field
		return Mapping{Rules: []Rule{r}, Tables: map[string]map[string]string{"accounts": nil}}
	}
	filter := func(c ...Condition) Mapping { return Mapping{LeaveOut: []Filter{{Name: "f", Conditions: c}}} }
	part := func(p Part) Mapping { return rule("event_id", Rule{Join: []Part{p}}) }
	a := ColumnPath("a")
	for _, c := range []struct {
		m    Mapping
		want string
	}{
		{rule("segment", Rule{}), `field segment: source sms has no such field (did you mean "segments"?); there are event_id, account_id, occurred_at, as_of, segments`},
		{Mapping{Rules: []Rule{{Field: "segments"}, {Field: "segments"}}}, "field segments: it has two rules"},
		{Mapping{Layout: Layout{Zone: "Mars/Base"}}, "time_zone: "},
		{Mapping{Layout: Layout{Format: "xls"}}, `format "xls": want one of [parquet csv`},
		{Mapping{Layout: Layout{Format: Parquet, Delimiter: ";"}}, "what stands under csv is for CSV files, the format is parquet"},
		{Mapping{Layout: Layout{Format: CSV, Records: a}}, "records is for JSON, the format is csv"},
		{Mapping{Layout: Layout{SkipLines: 1, Records: a}}, "records is for JSON, and what stands under csv for CSV"},
		{Mapping{Layout: Layout{SkipLines: -1}}, "skip_lines is -1"},
		{Mapping{Layout: Layout{FooterLines: -1}}, "footer_lines is -1"},
		{Mapping{Layout: Layout{Trim: true, Format: NDJSON}}, "what stands under csv is for CSV files, the format is ndjson"},
		{Mapping{Layout: Layout{Decimal: ";"}}, `decimal is ";": want a comma or a point`},
		{Mapping{Layout: Layout{Thousands: "_"}}, `thousands is "_": want a point`},
		{Mapping{Layout: Layout{Thousands: "."}}, `thousands is ".", which stands before decimals`},
		{Mapping{Layout: Layout{Decimal: ",", Thousands: ","}}, `thousands is ",", which stands before decimals`},
		{Mapping{Layout: Layout{Comment: "//"}}, `comment is "//": want one ASCII character`},
		{Mapping{Layout: Layout{Comment: "\""}}, `comment is "\"": want one ASCII character`},
		{Mapping{Layout: Layout{Comment: ","}}, `comment is ",", the delimiter`},
		{Mapping{Layout: Layout{Comment: ";", Delimiter: ";"}}, `comment is ";", the delimiter`},
		{Mapping{Layout: Layout{Header: []string{"a", "b", "a"}}}, `header: column 3, "a", has no name of its own`},
		{Mapping{Layout: Layout{Header: []string{""}}}, `header: column 1, "", has no name of its own`},
		{rule("segments", Rule{Paths: []Path{a}, Value: ptr("1")}), "field segments: from and value: want one of them"},
		{rule("event_id", Rule{Value: ptr("1")}), "would make one event of many rows"},
		{rule("event_id", Rule{PathPart: "date"}), "would make one event of many rows"},
		{rule("event_id", Rule{Default: ptr("1")}), "would make one event of many rows"},
		{rule("account_id", Rule{Value: ptr("")}), "value is empty"},
		{rule("account_id", Rule{Value: ptr("x"), Default: ptr("y")}), "a value is never absent"},
		{rule("account_id", Rule{Default: ptr("")}), "default is empty"},
		{rule("account_id", Rule{Value: ptr("x"), Optional: true}), "optional is about columns"},
		{rule("account_id", Rule{Paths: []Path{{}}}), "an empty path"},
		{rule("account_id", Rule{Paths: []Path{any}}), "path a[*]: * is for the records"},
		{rule("account_id", Rule{Join: []Part{{Path: a}}}), "join makes an event id; this is text"},
		{rule("event_id", Rule{Join: []Part{{Path: a}}, Case: "lower"}), "nothing else can be done"},
		{rule("event_id", Rule{Join: []Part{}}), "no part of it is a column"},
		{part(Part{}), "part 1 wants a path or a value"},
		{part(Part{Path: a, Value: ptr("x")}), "part 1 wants a path or a value"},
		{part(Part{Value: ptr("")}), "the value of part 1 is empty"},
		{part(Part{Value: ptr("x")}), "no part of it is a column"},
		{part(Part{Path: a, Optional: true}), "no part of it is a column that must be there"},
		{part(Part{Value: ptr("x"), Optional: true}), "join: part 1 is a value, which is never absent"},
		{part(Part{Path: any}), "join: path a[*]"},
		{rule("account_id", Rule{Count: true}), "count makes a whole number; this is text"},
		{rule("segments", Rule{Count: true, Value: ptr("1")}), "there is no list in a value"},
		{rule("segments", Rule{Count: true, Extract: "x"}), "are not for a list"},
		{rule("account_id", Rule{Case: "title"}), `case "title": want lower or upper`},
		{rule("account_id", Rule{Strict: true}), "neither a map nor a lookup"},
		{rule("account_id", Rule{Map: map[string]string{}}), "map is empty"},
		{rule("account_id", Rule{Map: map[string]string{"": "x"}}), "an empty key"},
		{rule("account_id", Rule{Case: "lower", Map: map[string]string{"Out": "x"}}), `key "Out" never comes`},
		{rule("account_id", Rule{Lookup: "account"}), `there is no table "account" (did you mean "accounts"?); there are accounts`},
		{Mapping{Rules: []Rule{{Field: "account_id", Lookup: "accounts"}}}, `there is no table "accounts", nor any other`},
		{rule("account_id", Rule{Extract: "("}), "extract: error parsing regexp"},
		{rule("segments", Rule{Number: true}), "number makes a text of one form; this is a whole number"},
		{rule("account_id", Rule{Absolute: true}), "absolute is for whole numbers"},
		{rule("as_of", Rule{Absolute: true}), "absolute is for whole numbers, and for a text with number; this is a date"},
		{rule("account_id", Rule{Time: RFC2822}), "time is for times and dates; this is text"},
		{rule("segments", Rule{Zone: "UTC"}), "time_zone is for times and dates; this is a whole number"},
		{rule("occurred_at", Rule{Zone: "Mars/Base"}), "time_zone: "},
		{rule("occurred_at", Rule{Time: "YYYY-QQ"}), "field occurred_at: time form"},
		{rule("segments", Rule{Value: ptr("1.5")}), `value "1.5": not_a_number`},
		{rule("as_of", Rule{Value: ptr("yesterday")}), `value "yesterday": not_a_time`},
		{rule("account_id", Rule{Value: ptr("x"), Extract: "y"}), `value "x": nothing is left of it`},
		{rule("account_id", Rule{Value: ptr("x"), Map: map[string]string{"y": "z"}, Strict: true}), `value "x": not_in_map`},
		{rule("segments", Rule{Default: ptr("one")}), `default "one": not_a_number`},
		{rule("account_id", Rule{Number: true, Default: ptr("one")}), `default "one": not_a_number`},
		{Mapping{LeaveOut: make([]Filter, 256)}, "leave_out has 256 filters; at most 255"},
		{Mapping{LeaveOut: []Filter{{}}}, "leave_out: filter 1 has no name"},
		{filter(), "leave_out f: it has no conditions"},
		{Mapping{LeaveOut: []Filter{{"f", []Condition{{Path: a, Not: []string{"x"}}}}, {"f", nil}}}, "leave_out f: there are two filters of this name"},
		{filter(Condition{Path: a}), "leave_out f: a: want is, not or empty"},
		{filter(Condition{Is: []string{"x"}}), "leave_out f: an empty path"},
		{filter(Condition{Path: any, Is: []string{"x"}}), "leave_out f: path a[*]"},
		{filter(Condition{Path: a, Is: []string{""}}), "no cell is an empty text"},
		{filter(Condition{Path: a, Is: []string{"x"}, Empty: ptr(true)}), "an absent cell is never one of is"},
	} {
		err := CheckMapping(schema, &c.m)
		if _, is := err.(*RuleError); !is || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
		_, err = readByMapping(t, File{Key: "x.csv"}, []byte("a\n"), schema, &c.m)
		if _, is := err.(*RuleError); !is {
			t.Errorf("a file was opened with %v: %v", c.want, err)
		}
	}
}

func TestMappingThatIsRight(t *testing.T) {
	m := &Mapping{Rules: []Rule{
		{Field: "event_id", Join: []Part{{Path: ColumnPath("a")}, {Value: ptr("x")}}},
		{Field: "account_id", Lookup: "accounts", Strict: true},
		{Field: "occurred_at", Paths: paths(t, "at"), Time: RFC2822, Zone: "UTC"},
		{Field: "segments", Paths: paths(t, "to"), Count: true, Default: ptr("1")},
	}, Tables: map[string]map[string]string{"accounts": nil}, LeaveOut: []Filter{{"drafts", []Condition{{Path: ColumnPath("a"), Empty: ptr(false)}}}}}
	if err := CheckMapping(sms, m); err != nil {
		t.Error(err)
	}
}

func TestPathPartThatIsNotThere(t *testing.T) {
	m := &Mapping{Rules: []Rule{{Field: "x", PathPart: "acount"}}}
	_, err := readByMapping(t, File{Key: "x.csv", Parts: map[string]string{"date": "2024-05-01", "account": "a"}}, []byte("a\n"), oneField(Text), m)
	refused(t, err, "field x is part acount, for which the source's path has no placeholder; there are account, date")
}

func TestFilters(t *testing.T) {
	schema := &Schema{Source: "test", Fields: []Field{{Name: "x", Kind: Integer}, {Name: "who", Kind: Text, Optional: true}}}
	m := &Mapping{
		Rules: []Rule{{Field: "who", Paths: paths(t, "who"), Case: "upper", Optional: true}},
		LeaveOut: []Filter{
			{"drafts", []Condition{{Path: ColumnPath("status"), Is: []string{"draft", "queued"}}}},
			{"inbound", []Condition{{Path: ColumnPath("direction"), Not: []string{"out", "reply"}}, {Path: ColumnPath("who"), Empty: ptr(false)}}},
			{"nobody", []Condition{{Path: ColumnPath("who"), Empty: ptr(true)}}},
		},
	}
	g := grid{
		{"x", "status", "direction", "who"},
		{"1", "sent", "out", "a"},
		{"not read", "draft", "out", "a"},
		{"3", "queued", "in", ""},
		{"4", "sent", "in", "a"},
		{"5", "sent", "", "a"},
		{"6", "", "in", ""},
		{"7", "", "reply", "b"},
	}
	want := []string{`1 "A"`, "drafts", "drafts", "inbound", "inbound", "nobody", `7 "B"`}
	for key, data := range map[string][]byte{"x.csv": g.csv(), "x.ndjson": g.ndjson()} {
		got, err := readByMapping(t, File{Key: key}, data, schema, m)
		if err != nil {
			t.Fatal(err)
		}
		equalRows(t, got, want)
	}
}

// A column is worked on where its row counts: what is left out neither makes
// the batch look faulty nor shows in a Dict.
func TestLeftOutRowsLeaveNoTrace(t *testing.T) {
	schema := &Schema{Source: "test", Fields: []Field{{Name: "x", Kind: Integer}, {Name: "who", Kind: Text}}}
	m := &Mapping{
		Rules: []Rule{
			{Field: "x", Paths: paths(t, "x"), Absolute: true},
			{Field: "who", Paths: paths(t, "who"), Case: "upper"},
		},
		LeaveOut: []Filter{{"drafts", []Condition{{Path: ColumnPath("status"), Is: []string{"draft"}}}}},
	}
	g := grid{{"x", "status", "who"}, {"-1", "sent", "a"}, {"-9223372036854775808", "draft", "b"}, {"", "draft", ""}}
	data := g.csv()
	e, err := OpenMapped(context.Background(), bucketOf(t, "x.csv", data), File{Key: "x.csv", Size: int64(len(data))}, schema, m, calendar.Zone{})
	if err != nil {
		t.Fatal(err)
	}
	err = e.Read(context.Background(), 0, func(b *Batch) error {
		x, who := &b.Columns[0], &b.Columns[1]
		if x.Bad != nil || x.Missing != nil || x.Ints[0] != 1 {
			t.Errorf("got %v, bad %v, missing %v", x.Ints, x.Bad, x.Missing)
		}
		if !slices.Equal(who.Dict.Entries, []string{"A"}) {
			t.Errorf("got the entries %q", who.Dict.Entries)
		}
		if !slices.Equal(b.LeftOut, []uint8{0, 1, 1}) {
			t.Errorf("got left out %v", b.LeftOut)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestMissingColumns(t *testing.T) {
	schema := &Schema{Source: "sms", Fields: []Field{{Name: "account_id", Kind: Text}, {Name: "segments", Kind: Integer}, {Name: "carrier", Kind: Text, Optional: true}}}
	rules := func(r ...Rule) *Mapping { return &Mapping{Rules: r} }
	leaveOut := func(c Condition) *Mapping {
		return &Mapping{LeaveOut: []Filter{{Name: "drafts", Conditions: []Condition{c}}}}
	}
	g := grid{{"account_id", "segments", "num_segments"}, {"a", "1", "2"}}
	there := "; there are account_id, segments, num_segments"
	for _, c := range []struct {
		name     string
		m        *Mapping
		want     string // of CSV; empty: it can be read
		wantJSON string
	}{
		{"nothing mapped", rules(), "", ""},
		{"a misspelt name", rules(Rule{Field: "segments", Paths: paths(t, "num_segmnts")}),
			`no column "num_segmnts" (did you mean "num_segments"?), mapped to segments` + there, "="},
		{"none of several", rules(Rule{Field: "segments", Paths: paths(t, "parts", "x")}),
			`none of the columns "parts", "x", mapped to segments` + there, "="},
		{"one of several", rules(Rule{Field: "segments", Paths: paths(t, "parts", "num_segments")}), "", ""},
		{"of an optional field", rules(Rule{Field: "carrier", Paths: paths(t, "operator")}), `no column "operator", mapped to carrier` + there, "="},
		{"said to be optional", rules(Rule{Field: "carrier", Paths: paths(t, "operator"), Optional: true}), "", ""},
		{"two fields", rules(Rule{Field: "segments", Paths: paths(t, "x")}, Rule{Field: "carrier", Paths: paths(t, "operator")}),
			`no column "x", mapped to segments; no column "operator", mapped to carrier` + there, `no column "operator", mapped to carrier` + there},
		{"through text", rules(Rule{Field: "segments", Paths: paths(t, "x"), Map: map[string]string{"a": "1"}}), `no column "x", mapped to segments` + there, "="},
		// A default would bill every row of a file whose column was misspelt. JSON
		// leaves out what is nothing to speak of.
		{"with a default", rules(Rule{Field: "segments", Paths: paths(t, "x"), Default: ptr("1")}), `no column "x", mapped to segments` + there, ""},
		{"optional with a default", rules(Rule{Field: "segments", Paths: paths(t, "x"), Default: ptr("1"), Optional: true}), "", ""},
		{"a default of an optional field", rules(Rule{Field: "carrier", Default: ptr("x")}), "", ""},
		{"of a condition", leaveOut(Condition{Path: ColumnPath("status"), Is: []string{"draft"}}), `no column "status", asked for by leave_out drafts` + there, "="},
		{"of a condition with not", leaveOut(Condition{Path: ColumnPath("status"), Not: []string{"sent"}}), `no column "status", asked for by leave_out drafts` + there, "="},
		{"of a condition on being empty", leaveOut(Condition{Path: ColumnPath("status"), Empty: ptr(false)}), "", ""},
	} {
		if c.wantJSON == "=" {
			c.wantJSON = c.want
		}
		t.Run(c.name, func(t *testing.T) {
			_, err := readByMapping(t, File{Key: "x.csv"}, g.csv(), schema, c.m)
			wantRefusal(t, err, c.want)
			_, err = readByMapping(t, File{Key: "x.ndjson"}, g.ndjson(), schema, c.m)
			wantRefusal(t, err, c.wantJSON)
		})
	}
	t.Run("not mapped", func(t *testing.T) {
		g := grid{{"account_id", "n"}, {"a", "1"}}
		_, err := readByMapping(t, File{Key: "x.csv"}, g.csv(), schema, rules())
		wantRefusal(t, err, `no column "segments"; there are account_id, n`)
	})
	t.Run("nothing that could be used", func(t *testing.T) {
		m := rules(Rule{Field: "x", Paths: paths(t, "y"), Optional: true})
		_, err := readByMapping(t, File{Key: "x.csv"}, g.csv(), oneField(Text), m)
		wantRefusal(t, err, "none of the columns of test"+there)
		type row struct{ V int64 }
		_, err = readByMapping(t, File{Key: "x.parquet"}, written(t, []row{{1}}), oneField(Text), m)
		wantRefusal(t, err, "none of the columns of test; there are V")
		m.Rules[0].Optional = false
		_, err = readByMapping(t, File{Key: "x.parquet"}, written(t, []row{{1}}), oneField(Text), m)
		wantRefusal(t, err, `no column "y", mapped to x; there are V`)
	})
	t.Run("of a joined id", func(t *testing.T) {
		m := rules(Rule{Field: "x", Join: []Part{{Path: ColumnPath("account_id")}, {Path: ColumnPath("part")}}})
		_, err := readByMapping(t, File{Key: "x.csv"}, g.csv(), oneField(EventID), m)
		wantRefusal(t, err, `no column "part", mapped to x`+there)
	})
}

func wantRefusal(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	refused(t, err, want)
}

// What a JSON file lacks is asked for where a record needs it.
func TestMissingKeysOfJSON(t *testing.T) {
	schema := &Schema{Source: "test", Fields: []Field{{Name: "x", Kind: Text}}}
	m := &Mapping{LeaveOut: []Filter{
		{"handshakes", []Condition{{Path: ColumnPath("type"), Is: []string{"hello"}}}},
		{"soft bounces", []Condition{{Path: ColumnPath("type"), Is: []string{"bounce"}}, {Path: ColumnPath("kind"), Is: []string{"soft"}}}},
	}}
	for _, c := range []struct{ name, lines, want string }{
		{"no record", "", ""},
		{"none that counts", `{"type":"hello"}`, ""},
		{"no bounce to ask the kind of", `{"type":"hello"}` + "\n" + `{"type":"sent","x":"1"}`, ""},
		{"a bounce without a kind", `{"type":"bounce","x":"1"}`, `no column "kind", asked for by leave_out soft bounces; there are type, x`},
		{"some without the key", `{"type":"sent"}` + "\n" + `{"type":"sent","x":"1"}`, ""},
		{"all without the key", `{"type":"sent"}` + "\n" + `{"type":"hello"}`, `no column "x"; there are type`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readByMapping(t, File{Key: "x.ndjson"}, []byte(c.lines), schema, m)
			wantRefusal(t, err, c.want)
		})
	}
}

func TestManyColumnsAreCutInTheMessage(t *testing.T) {
	header := make([]string, 94)
	for i := range header {
		header[i] = fmt.Sprintf("column %d", i)
	}
	m := &Mapping{Rules: []Rule{{Field: "x", Paths: paths(t, "Column_93")}}}
	_, err := readByMapping(t, File{Key: "x.csv"}, grid{header}.csv(), oneField(Text), m)
	refused(t, err, `no column "Column_93" (did you mean "column 93"?), mapped to x; there are column 0, column 1, `)
	refused(t, err, `column 59 and 34 more`)
}

// A file between other delimiters says so where it is found out.
func TestHintsAtTheDelimiter(t *testing.T) {
	m := &Mapping{Rules: []Rule{{Field: "x", Paths: paths(t, "b")}}}
	for _, c := range []struct {
		file, delimiter, want string
	}{
		{"a;b\n1;2\n", "", `no column "b", mapped to x; there are a;b; if it is ";" that parts cells, say csv: {delimiter: ";"}`},
		{"a\tb\n1\t2\n", "", `say csv: {delimiter: "\t"}`},
		{"a,b\n1,2\n", ";", `say csv: {delimiter: ","}`},
		{"a;\"b\"\n", "", `header: a quote inside of a cell that is not quoted; if it is ";" that parts cells, say csv: {delimiter: ";"}`},
		{"\"a\";\"b\"\n", "", `header: text behind a closing quote; if it is ";" that parts cells, say csv: {delimiter: ";"}`},
		{"b\n1\n2;\"x\"\n", "", `after row 1: row 2: a quote inside of a cell that is not quoted; if it is ";" that parts cells`},
	} {
		m.Delimiter = c.delimiter
		_, err := readByMapping(t, File{Key: "x.csv"}, []byte(c.file), oneField(Text), m)
		wantRefusal(t, err, c.want)
	}
	_, err := readAll(t, "x.csv", []byte("event_id;account_id\n"), sms)
	refused(t, err, `no column "event_id"; there are event_id;account_id; if it is ";" that parts cells`)
	_, err = readAll(t, "x.csv", []byte("event_id,say \"x\"\n"), sms)
	if err == nil || strings.Contains(err.Error(), "parts cells") {
		t.Errorf("got %v", err)
	}
}

// A column that needs no work is the raw one, not a copy of it.
func TestColumnsAreHandedThrough(t *testing.T) {
	m := &Mapping{Rules: []Rule{{Field: "segments", Paths: paths(t, "n"), Default: ptr("1")}}}
	schema := &Schema{Source: "test", Fields: []Field{{Name: "account_id", Kind: Text}, {Name: "segments", Kind: Integer}}}
	p, err := compile(schema, m, calendar.Zone{})
	if err != nil {
		t.Fatal(err)
	}
	raw := &Batch{FirstRow: 5, Len: 2, Columns: []Column{{Dict: &Dict{Entries: []string{"a"}}, Index: []int32{0, 0}}, {Ints: []int64{1, 2}}}}
	got := newTransform(p, calendar.Zone{}, make([]cell, 2), nil).batch(raw)
	if got.FirstRow != 5 || got.Len != 2 || got.LeftOut != nil {
		t.Errorf("got %+v", got)
	}
	if got.Columns[0].Dict != raw.Columns[0].Dict || &got.Columns[0].Index[0] != &raw.Columns[0].Index[0] || &got.Columns[1].Ints[0] != &raw.Columns[1].Ints[0] {
		t.Errorf("got copies: %+v of %+v", got.Columns, raw.Columns)
	}
}

// Work is remembered by the entries of a Dict, which grows, and may be
// followed by another.
func TestDictsThatGrowAndChange(t *testing.T) {
	m := &Mapping{Rules: []Rule{{Field: "x", Paths: paths(t, "a"), Case: "upper"}}}
	schema := oneField(Text)
	p, err := compile(schema, m, calendar.Zone{})
	if err != nil {
		t.Fatal(err)
	}
	tr := newTransform(p, calendar.Zone{}, make([]cell, 1), nil)
	var got []string
	var made *Dict
	for _, c := range []struct {
		dict  *Dict
		grown []string
		index []int32
	}{
		{&Dict{}, []string{"a", "b"}, []int32{1, 0, Absent}},
		{nil, []string{"a", "b", "c"}, []int32{2, 1}},
		{&Dict{}, []string{"c", "a"}, []int32{0, 1}},
	} {
		raw := &Batch{Len: len(c.index), Columns: []Column{{Dict: c.dict, Index: c.index}}}
		if c.dict == nil {
			raw.Columns[0].Dict = tr.makers[0].(*textColumn).memos[0].dict
		}
		raw.Columns[0].Dict.Entries = c.grown
		b := tr.batch(raw)
		if made == nil {
			made = b.Columns[0].Dict
		}
		if b.Columns[0].Dict != made {
			t.Error("the Dict that was made is another")
		}
		for row := range b.Len {
			got = append(got, show(schema, b, row))
		}
	}
	if text := strings.Join(got, " "); text != `"B" "A" - "C" "B" "C" "A"` {
		t.Errorf("got %s", text)
	}
	if want := []string{"B", "A", "C"}; !slices.Equal(made.Entries, want) {
		t.Errorf("got the entries %q, want %q", made.Entries, want)
	}
}

// Under other names the same file is the same batches.
func TestRenamedColumns(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows := someRows(rapid.IntRange(1, 40).Draw(rt, "rows"))
		data := csvOf(rows)
		header, body, _ := bytes.Cut(data, []byte("\n"))
		m, names := &Mapping{}, map[string]bool{}
		var renamed []string
		for _, column := range strings.Split(string(header), ",") {
			name := rapid.StringMatching(`[A-Za-z][A-Za-z/ _-]{0,12}[a-z]`).Filter(func(s string) bool { return !names[s] }).Draw(rt, column)
			names[name] = true
			renamed = append(renamed, name)
			m.Rules = append(m.Rules, Rule{Field: column, Paths: []Path{ColumnPath(name)}})
		}
		want, err := readAll(t, "sms.csv", data, sms)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := readByMapping(t, File{Key: "sms.csv"}, append([]byte(strings.Join(renamed, ",")+"\n"), body...), sms, m)
		if err != nil {
			rt.Fatal(err)
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// everything is a mapping that uses what it can of the sms export.
func everything(t testing.TB) *Mapping {
	return &Mapping{
		Rules: []Rule{
			{Field: "event_id", Join: []Part{{Path: ColumnPath("event_id")}, {Value: ptr("x")}}},
			{Field: "account_id", Paths: paths(t, "account_id"), Extract: `^AC0*(\w+)$`, Case: "upper", Map: map[string]string{"1": "one"}},
			{Field: "carrier", Paths: paths(t, "carrier", "country")},
			{Field: "country", Paths: paths(t, "country"), Lookup: "countries", Strict: true},
			{Field: "segments", Paths: paths(t, "segments"), Absolute: true, Default: ptr("1")},
		},
		LeaveOut: []Filter{
			{"japan", []Condition{{Path: ColumnPath("country"), Is: []string{"JP"}}}},
			{"nobody's", []Condition{{Path: ColumnPath("carrier"), Empty: ptr(true)}, {Path: ColumnPath("country"), Not: []string{"US"}}}},
		},
		Tables: map[string]map[string]string{"countries": {"US": "us", "CA": "ca", "DE": "de", "FR": "fr", "GB": "gb", "BR": "br"}},
	}
}

// Splits read at once are what they are one by one, and the same as CSV.
func TestMappedSplitsAtOnce(t *testing.T) {
	rows := someRows(20_000)
	data := written(t, rows, parquet.MaxRowsPerRowGroup(1500))
	file := File{Key: "sms.parquet", Size: int64(len(data))}
	e, err := OpenMapped(context.Background(), bucketOf(t, file.Key, data), file, sms, everything(t), losAngeles(t))
	if err != nil {
		t.Fatal(err)
	}
	splits := make([][]string, e.Splits())
	if len(splits) < 10 || e.Rows() != int64(len(rows)) {
		t.Fatalf("%d splits of %d rows", len(splits), e.Rows())
	}
	var wait sync.WaitGroup
	for i := range splits {
		wait.Go(func() {
			var err error
			if splits[i], err = rowsOf(e, sms, i); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	want, err := readByMapping(t, File{Key: "sms.csv"}, csvOf(rows), sms, everything(t))
	if err != nil {
		t.Fatal(err)
	}
	equalRows(t, slices.Concat(splits...), want)
	for _, some := range []string{"japan", "nobody's", "not_in_map"} {
		if !slices.ContainsFunc(want, func(row string) bool { return strings.Contains(row, some) }) {
			t.Errorf("no row has %s", some)
		}
	}
}

// The same mapping makes the same rows of every format, also where numbers and
// times of a typed column are worked on as text.
func TestMappingInEveryFormat(t *testing.T) {
	rows := someRows(3000)
	m := everything(t)
	m.Rules = append(m.Rules[:4], Rule{Field: "segments", Paths: paths(t, "segments"), Map: map[string]string{"4": "-40"}, Absolute: true},
		Rule{Field: "occurred_at", Paths: paths(t, "occurred_at"), Extract: `^(.*)Z$`, Zone: "UTC"})
	m.LeaveOut = append(m.LeaveOut, Filter{"short", []Condition{{Path: ColumnPath("segments"), Is: []string{"1"}}}})
	want, err := readByMapping(t, File{Key: "sms.csv"}, csvOf(rows), sms, m)
	if err != nil {
		t.Fatal(err)
	}
	for _, some := range []string{"japan", "nobody's", "short", " 40", "not_in_map"} {
		if !slices.ContainsFunc(want, func(row string) bool { return strings.Contains(row, some) }) {
			t.Errorf("no row has %s", some)
		}
	}
	for key, data := range map[string][]byte{
		"sms.ndjson":  ndjsonOf(rows),
		"sms.parquet": written(t, rows, parquet.MaxRowsPerRowGroup(700)),
		"sms.arrow":   arrowOf(t, "sms.arrow", oneDictionary(rows, 700)),
		"sms.arrows":  arrowOf(t, "sms.arrows", oneDictionary(rows, 700)),
	} {
		t.Run(key, func(t *testing.T) {
			got, err := readByMapping(t, File{Key: key}, data, sms, m)
			if err != nil {
				t.Fatal(err)
			}
			equalRows(t, got, want)
		})
	}
}

// Lists are counted, and nested columns found, in Parquet as in JSON.
func TestNestedMappingInParquetAndJSON(t *testing.T) {
	type mail struct {
		To  []string `parquet:"to,list" json:"to"`
		Who *string  `parquet:"who,optional" json:"who,omitempty"`
	}
	type row struct {
		Mail mail `parquet:"mail" json:"mail"`
	}
	rows := []row{{mail{[]string{"a", "b"}, ptr("x")}}, {mail{[]string{"c"}, nil}}, {mail{[]string{}, ptr("y")}}}
	schema := &Schema{Source: "emails", Fields: []Field{{Name: "who", Kind: Text}, {Name: "recipients", Kind: Integer, Scale: 2}}}
	m := &Mapping{
		Rules: []Rule{
			{Field: "who", Paths: paths(t, "mail.who"), Case: "upper", Default: ptr("nobody")},
			{Field: "recipients", Paths: paths(t, "mail.to"), Count: true},
		},
	}
	var lines []byte
	for _, r := range rows {
		lines = append(lines, jsonOf(t, r)...)
	}
	for key, data := range map[string][]byte{"x.parquet": written(t, rows), "x.ndjson": lines} {
		got, err := readByMapping(t, File{Key: key}, data, schema, m)
		if err != nil {
			t.Fatal(err)
		}
		equalRows(t, got, []string{`"X" 200`, `"nobody" 100`, `"Y" 0`})
	}
	m.Rules[1].Paths = paths(t, "mial.to")
	for key, data := range map[string][]byte{"x.parquet": written(t, rows), "x.ndjson": lines} {
		_, err := readByMapping(t, File{Key: key}, data, schema, m)
		wantRefusal(t, err, `no column "mial.to" (did you mean "mail.`)
	}
}

// What stands in the JSON of a cell is known when the records are read.
func TestMissingKeysInTheCellsOfCSV(t *testing.T) {
	m := &Mapping{Rules: []Rule{{Field: "x", Paths: paths(t, "tags.team")}}}
	for _, c := range []struct{ csv, want string }{
		{"tags,n\n\"{\"\"team\"\":\"\"a\"\"}\",1\n\"{}\",2\n", ""},
		{"tags,n\n\"{\"\"teem\"\":\"\"a\"\"}\",1\n", ""}, // tags are there
		{"tags,n\nteam=a,1\n", `no column "tags.team", mapped to x`},
		{"tags,n\n", ""},
		{"tag,n\na,1\n", `no column "tags.team", mapped to x; there are tag, n`},
	} {
		_, err := readByMapping(t, File{Key: "x.csv"}, []byte(c.csv), oneField(Text), m)
		wantRefusal(t, err, c.want)
	}
}

func TestWithoutAMapping(t *testing.T) {
	data := csvOf(someRows(3))
	want, err := readAll(t, "sms.csv", data, sms)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readByMapping(t, File{Key: "sms.csv"}, data, sms, nil)
	if err != nil {
		t.Fatal(err)
	}
	equalRows(t, got, want)
}

// The marks of an export's numbers are not those of what the mapping says.
func TestMarksOfNumbersAndOfTheMapping(t *testing.T) {
	schema := &Schema{Source: "test", Fields: []Field{{Name: "n", Kind: Integer, Scale: 2}, {Name: "price", Kind: Text}, {Name: "json", Kind: Integer, Scale: 2}}}
	m := &Mapping{
		Layout: Layout{Delimiter: ";", Decimal: ",", Thousands: "."},
		Rules: []Rule{
			{Field: "n", Paths: paths(t, "n"), Map: map[string]string{"frei": "0.5"}, Default: ptr("2.25"), Absolute: true},
			{Field: "price", Paths: paths(t, "price"), Lookup: "prices", Number: true, Absolute: true},
			{Field: "json", Paths: paths(t, "j.n"), Map: map[string]string{"x": "1"}},
		},
		Tables: map[string]map[string]string{"prices": {"base": "-1.50"}},
	}
	file := "n;price;j\n-1.234,5;-1.000,50;\"{\"\"n\"\":1.500}\"\nfrei;base;\n;1.5;\"{\"\"n\"\":\"\"x\"\"}\"\n1.5;;\n"
	rows, err := readByMapping(t, File{Key: "x.csv"}, []byte(file), schema, m)
	if err != nil {
		t.Fatal(err)
	}
	equalRows(t, rows, []string{`123450 "1000.5" 150`, `50 "1.5" -`, `225 !"1.5":not_a_number 100`, `!"1.5":not_a_number - -`})
}

// A number with marks is the number without them, and wrong where it is.
func TestMarksAreExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		digits := rapid.StringMatching(`[1-9][0-9]{0,11}`).Draw(rt, "digits")
		fraction := rapid.StringMatching(`[0-9]{0,3}`).Draw(rt, "fraction")
		decimal := rapid.SampledFrom([]string{".", ","}).Draw(rt, "decimal")
		thousands := rapid.SampledFrom([]string{"", ".", ",", " ", "'"}).Filter(func(s string) bool { return s != decimal }).Draw(rt, "thousands")
		text, plain := "", digits
		for i, c := range digits {
			if left := len(digits) - i; i > 0 && left%3 == 0 {
				text += thousands
			}
			text += string(c)
		}
		if fraction != "" {
			text, plain = text+decimal+fraction, plain+"."+fraction
		}
		marks := marksOf(&Layout{Decimal: decimal, Thousands: thousands})
		got, ok := marks.plain(nil, []byte(text))
		if !ok || string(got) != plain {
			rt.Fatalf("%q: got %q %v, want %q", text, got, ok, plain)
		}
		if other, ok := marks.plain(nil, []byte(plain)); ok && thousands != "." && string(other) != plain {
			rt.Fatalf("%q: got %q", plain, other)
		}
	})
}

func TestShortest(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"0", "0"}, {"-0", "0"}, {"-0.00", "0"}, {"0e5", "0"}, {"007", "7"}, {"0.50", "0.5"}, {".5", "0.5"}, {"5.", "5"}, {"+5", "5"}, {"-.5", "-0.5"},
		{"100", "100"}, {"100.00", "100"}, {"1e2", "100"}, {"1E+2", "100"}, {"1.5e-3", "0.0015"}, {"12300e-2", "123"}, {"0.0000004", "0.0000004"},
		{"9223372036854775808.10", "9223372036854775808.1"}, {"1e99", "1" + strings.Repeat("0", 99)},
		{"", "!"}, {".", "!"}, {"-", "!"}, {"e5", "!"}, {"1e", "!"}, {"1e100", "!"}, {".-5", "!"}, {"1,5", "!"}, {"1 000", "!"}, {" 1", "!"}, {"1_0", "!"},
		{"0x10", "!"}, {"NaN", "!"}, {"Infinity", "!"}, {"--1", "!"}, {strings.Repeat("1", 101), "!"}, {"٣", "!"},
	} {
		got, why := shortest(c.text, numberMarks{}, false)
		if why != fine {
			got = "!"
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestShortestIsExactAndStays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		digits := rapid.StringMatching(`(0|[1-9][0-9]{0,20})(\.[0-9]{0,20}[1-9])?`).Draw(rt, "digits")
		padding := rapid.IntRange(0, 5).Draw(rt, "padding")
		padded := strings.Repeat("0", padding) + digits
		if strings.Contains(digits, ".") {
			padded += strings.Repeat("0", padding)
		}
		if got, why := shortest(padded, numberMarks{}, false); got != digits || why != fine {
			rt.Fatalf("%q: got %q %s, want %q", padded, got, why, digits)
		}
	})
}

func TestDidYouMean(t *testing.T) {
	there := []string{"MessageId", "PriceInUSD", "to", "lineItem/UsageAmount"}
	for _, c := range []struct{ name, want string }{
		{"message_id", "MessageId"}, {"MesageId", "MessageId"}, {"PriceInEUR", "PriceInUSD"}, {"tO", "to"},
		{"lineItem/UsageAmunt", "lineItem/UsageAmount"}, {"carrier", ""}, {"zz", ""},
	} {
		want := ""
		if c.want != "" {
			want = fmt.Sprintf(" (did you mean %q?)", c.want)
		}
		if got := nearest.DidYouMean(c.name, there); got != want {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
	}
}

// BenchmarkMapped: new names for the columns cost nothing; work on text is
// done once for each text.
func BenchmarkMapped(b *testing.B) {
	const n = 100_000
	data := csvOf(someRows(n))
	header, body, _ := bytes.Cut(data, []byte("\n"))
	rename := &Mapping{}
	names := strings.Split(string(header), ",")
	for i, name := range names {
		names[i] = "their_" + name
		rename.Rules = append(rename.Rules, Rule{Field: name, Paths: []Path{ColumnPath(names[i])}})
	}
	renamed := append([]byte(strings.Join(names, ",")+"\n"), body...)
	for _, c := range []struct {
		name string
		data []byte
		m    *Mapping
	}{{"canonical", data, nil}, {"renamed", renamed, rename}, {"everything", data, everything(b)}} {
		b.Run(c.name, func(b *testing.B) { benchmarkMapped(b, c.data, c.m, n) })
	}
}

func benchmarkMapped(b *testing.B, data []byte, m *Mapping, rows int) {
	file := File{Key: "sms.csv", Size: int64(len(data))}
	var bucket *blob.Bucket = bucketOf(b, file.Key, data)
	b.SetBytes(file.Size)
	b.ReportAllocs()
	for b.Loop() {
		e, err := OpenMapped(context.Background(), bucket, file, sms, m, calendar.Zone{})
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		if err := e.Read(context.Background(), 0, func(batch *Batch) error { n += batch.Len; return nil }); err != nil {
			b.Fatal(err)
		}
		if n != rows {
			b.Fatalf("%d rows of %d", n, rows)
		}
	}
}
