package readers

import (
	"fmt"
	"testing"

	"ratemill/rating/calendar"
)

// asRow is a record as a row of the fields, by the flat reader where that takes
// it or by the decoder alone. The records before it are known to the reader.
func asRow(t testing.TB, schema *Schema, flat bool, records ...string) (row string, isFlat bool) {
	t.Helper()
	columns := make([]cells, len(schema.Fields))
	for i := range columns {
		columns[i].of(&schema.Fields[i], newInterner())
		columns[i].reset(len(records))
	}
	o, parser := newObjectReader(schema.Fields, jsonWantsOf(schema.Fields), absentTexts{"NULL"}), newCellParser(calendar.Zone{})
	if !flat {
		o.flat = flatReader{}
	}
	batch := &Batch{Len: len(records), Columns: make([]Column, len(columns))}
	for n, record := range records {
		isFlat = o.flat.read([]byte(record))
		if err := o.read([]byte(record), columns, n, parser); err != nil {
			return err.Error(), isFlat
		}
	}
	for i := range columns {
		columns[i].setLater()
		batch.Columns[i] = columns[i].Column
	}
	for n := range records {
		row += show(schema, batch, n) + "\n"
	}
	for i := range o.seen {
		row += fmt.Sprint(o.seen[i].itself.Load(), o.seen[i].around.Load())
	}
	return row, isFlat
}

var flatSchema = []string{"a", "b:integer", "t:instant", "id:id", "n:count"}

const flatBefore = `{"a":"x","b":1,"other":null,"t":"2026-07-01T00:00:00Z","id":"7","n":"[]"}`

// Which records are read in one pass, and that these are the rows that the
// decoder makes of them.
func TestFlatRecords(t *testing.T) {
	for _, test := range []struct {
		record string
		flat   bool
	}{
		{flatBefore, true},
		{`{"a":"x"}`, true},
		{`{ "a" : "" ,	"b" : -0.5e+1 , "t" : false, "id":"cdeb8a29-e59a-c592-86b7-005f85a32a04" } ` + "\r", true},
		{`{"b":"12","id":null,"n":"NULL"}`, true},
		{`{"b":12345678901234567890,"n":3}`, true},
		{`{"b":1,"a":"x"}`, false},
		{`{"a":"x","a":"y"}`, false},
		{`{"a":"x","new":1}`, false},
		{`{}`, false},
		{`[]`, false},
		{``, false},
		{`{"a":"x"`, false},
		{`{"a":"x",}`, false},
		{`{"a":"x"}}`, false},
		{`{"a":"x"} {}`, false},
		{`{"a":"\u0041"}`, false},
		{`{"\u0061":"x"}`, false},
		{`{"a":"é"}`, false},
		{"{\"a\":\"\xff\"}", false},
		{"{\"a\":\"tab\there\"}", false},
		{"{\"a\":\"1234567\x00\"}", false},
		{`{"b":01}`, false},
		{`{"b":1.}`, false},
		{`{"b":-}`, false},
		{`{"b":1e}`, false},
		{`{"b":.5}`, false},
		{`{"b":+5}`, false},
		{`{"b":1x}`, false},
		{`{"b":nul}`, false},
		{`{"b":trueish}`, false},
		{`{"a":["x"]}`, false},
		{`{"a":{"b":1}}`, false},
		{`{"a":"x"x}`, false},
		{`{"a" "x"}`, false},
		{`{"a":}`, false},
	} {
		schema := wanting(t, flatSchema...)
		got, isFlat := asRow(t, schema, true, flatBefore, test.record)
		want, _ := asRow(t, schema, false, flatBefore, test.record)
		if got != want || isFlat != test.flat {
			t.Errorf("%s: %s\nwant %s\nflat %t", test.record, got, want, isFlat)
		}
	}
}

// Paths into values, and several fields of one value, are for the decoder.
func TestFlatRecordsOfPlainMembersAlone(t *testing.T) {
	for _, words := range [][]string{{"a.b"}, {"a", "a:integer"}, {"a[0]"}, {"a", "a.b"}} {
		if _, isFlat := asRow(t, wanting(t, words...), true, `{"a":"x"}`, `{"a":"x"}`); isFlat {
			t.Errorf("%q are taken for plain members", words)
		}
	}
}

// FuzzFlat: whatever the records, one pass makes the rows, and the errors, that
// the decoder makes.
func FuzzFlat(f *testing.F) {
	f.Add(flatBefore, `{"a":"x","b":2}`)
	f.Add(`{"a":"x","\u0062":1}`, `{ "a":"a\"b", "b":-1.5e3,"t":true}`)
	f.Add("{\"a\":\"1234567\",\"b\":null}", "{\"a\":\"123456\x7f8\x1f\",\"b\":0}")
	f.Add(`{"id":"é","n":7}`, `{"id":"cdeb8a29-e59a-c592-86b7-005f85a32a04","n":"[1,2]"}`)
	f.Fuzz(func(t *testing.T, before, record string) {
		schema := wanting(t, flatSchema...)
		got, _ := asRow(t, schema, true, before, record, record)
		if want, _ := asRow(t, schema, false, before, record, record); got != want {
			t.Errorf("%q behind %q: %s\nwant %s", record, before, got, want)
		}
	})
}
