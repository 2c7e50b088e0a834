package readers

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/compress/uncompressed"
	"github.com/parquet-go/parquet-go/format"

	"ratemill/rating/calendar"
)

// optionalRow is a row as DuckDB declares it, in plain encoding.
type optionalRow struct {
	EventID    *string `parquet:"event_id,optional,plain"`
	AccountID  *string `parquet:"account_id,optional,plain"`
	OccurredAt *int64  `parquet:"occurred_at,optional,plain,timestamp(microsecond)"`
	Carrier    *string `parquet:"carrier,optional,plain"`
	Country    *string `parquet:"country,optional,dict"`
	Segments   *int64  `parquet:"segments,optional,dict"`
}

func asOptional(r smsRow) optionalRow {
	id := eventText(r)
	return optionalRow{&id, &r.AccountID, &r.OccurredAt, r.Carrier, &r.Country, &r.Segments}
}

// Batches lie in one page, across two or across many; all give the same rows.
func TestBatchesAcrossPages(t *testing.T) {
	rows := someRows(2*BatchRows + 1000)
	want, err := readAll(t, "a.csv", csvOf(rows), sms)
	if err != nil {
		t.Fatal(err)
	}
	for version := 1; version <= 2; version++ {
		for _, size := range []int{1000, 100_000, 1 << 20} {
			options := []parquet.WriterOption{parquet.DataPageVersion(version), parquet.PageBufferSize(size), parquet.Compression(&parquet.Zstd)}
			for name, file := range map[string][]byte{"as it comes": written(t, rows, options...), "optional, plain": written(t, mapped(rows, asOptional), options...)} {
				got, err := readAll(t, "a.parquet", file, sms)
				if err != nil {
					t.Fatalf("%s, pages of %d bytes, version %d: %v", name, size, version, err)
				}
				equalRows(t, got, want)
			}
		}
	}
}

// plainTexts is a dictionary page of texts.
func plainTexts(texts ...string) (body []byte) {
	for _, text := range texts {
		body = append(binary.LittleEndian.AppendUint32(body, uint32(len(text))), text...)
	}
	return body
}

// A dictionary is taken for the Dict as it is, unless an entry cannot be one.
func TestDictionaries(t *testing.T) {
	type row struct {
		V *string `parquet:"v,optional,dict"`
	}
	a, b := "abc", "abd"
	file := written(t, []row{{&a}, {}, {&b}, {&b}}, parquet.Compression(&uncompressed.Codec{}))
	schema := &Schema{Source: "x", Fields: []Field{{Name: "v", Kind: Text}}}
	long := strings.Repeat("l", entryBlock+1)
	for _, test := range []struct {
		name    string
		entries []string
		want    string
		dict    []string // nil: not looked at
	}{
		{"as written", []string{a, b}, `"abc"|-|"abd"|"abd"`, []string{a, b}},
		{"repeated", []string{a, a}, `"abc"|-|"abc"|"abc"`, []string{a, a}},
		{"more than are used", []string{a, b, "x", "y"}, `"abc"|-|"abd"|"abd"`, []string{a, b, "x", "y"}},
		{"longer than a block", []string{long, b}, `"` + long + `"|-|"abd"|"abd"`, []string{long, b}},
		{"one is empty", []string{"", b}, `-|-|"abd"|"abd"`, []string{b}},
		{"one is not UTF-8", []string{a, "\xff"}, `"abc"|-|!"�":not_text|!"�":not_text`, []string{a}},
		{"two halves of a character", []string{"\xc3", "\xa9"}, `!"�":not_text|-|!"�":not_text|!"�":not_text`, nil},
	} {
		forged := forgePages(t, file, 0, func(h *format.PageHeader, body []byte) []byte {
			if h.Type != format.DictionaryPage {
				return body
			}
			body = plainTexts(test.entries...)
			h.DictionaryPageHeader.V.NumValues, h.CRC = int32(len(test.entries)), 0
			h.CompressedPageSize, h.UncompressedPageSize = int32(len(body)), int32(len(body))
			return body
		})
		e, err := Open(context.Background(), bucketOf(t, "a.parquet", forged), "a.parquet", int64(len(forged)), schema, calendar.Zone{})
		if err != nil {
			t.Fatal(test.name, err)
		}
		var got, dict []string
		err = e.Read(context.Background(), 0, func(b *Batch) error {
			for i := range b.Len {
				got = append(got, strings.TrimSpace(show(schema, b, i)))
			}
			dict = slices.Clone(b.Columns[0].Dict.Entries)
			return check(schema, b)
		})
		if is := strings.Join(got, "|"); err != nil || is != test.want {
			t.Errorf("%s: %s, %v, want %s", test.name, is, err, test.want)
		}
		if test.dict != nil && !slices.Equal(dict, test.dict) {
			t.Errorf("%s: the Dict is %q, want %q", test.name, dict, test.dict)
		}
	}
}

// A dictionary of 19 MiB, and nulls in runs of every length, in pages of every kind.
func TestLargeDictionaryWithRunsOfNulls(t *testing.T) {
	type row struct {
		Text  *string `parquet:"text,optional,dict"`
		Plain *string `parquet:"plain,optional,plain"`
		Code  *int64  `parquet:"code,optional,dict"`
		At    *int64  `parquet:"at,optional,timestamp(millisecond)"`
		ID    *string `parquet:"id,optional,plain"`
	}
	schema := &Schema{Source: "x", Fields: []Field{{Name: "text", Kind: Text}, {Name: "plain", Kind: Text}, {Name: "code", Kind: Integer}, {Name: "at", Kind: Instant}, {Name: "id", Kind: EventID, Texts: true}}}
	const entries = 300_000
	rows, there, run := make([]row, entries), true, 0
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range rows {
		if run--; run <= 0 {
			there, run = !there, 1<<rng.IntN(15)
		}
		if there || i%50_000 < 1000 { // and the dictionary has more entries than a run
			text, code, at, plain, id := fmt.Sprintf("%064d", i), int64(i%1000), int64(i), fmt.Sprint(i%7), fmt.Sprint("id", i)
			rows[i] = row{&text, &plain, &code, &at, &id}
		}
	}
	file := written(t, rows, parquet.DictionaryMaxBytes(0), parquet.Compression(&parquet.Snappy), parquet.PageBufferSize(300_000))
	e, err := Open(context.Background(), bucketOf(t, "a.parquet", file), "a.parquet", int64(len(file)), schema, calendar.Zone{})
	if err != nil {
		t.Fatal(err)
	}
	next, found := 0, 0
	err = e.Read(context.Background(), 0, func(b *Batch) error {
		if err := check(schema, b); err != nil {
			return err
		}
		for i := range b.Len {
			c, r := b.Columns, rows[next]
			if r.Text == nil {
				if c[0].Index[i] != Absent || c[1].Index[i] != Absent || !c[2].Missing[i] || !c[3].Missing[i] || !c[4].Missing[i] ||
					c[2].Ints[i] != 0 || c[3].Ints[i] != 0 || c[4].IDs[i] != [16]byte{} || c[4].IDTexts[i] != "" {
					return fmt.Errorf("row %d is not absent", next)
				}
			} else if c[0].Dict.Entries[c[0].Index[i]] != *r.Text || c[1].Dict.Entries[c[1].Index[i]] != *r.Plain || c[2].Ints[i] != *r.Code ||
				c[3].Ints[i] != *r.At*1000 || c[4].IDs[i] != Key([]byte(*r.ID)) || c[4].IDTexts[i] != *r.ID ||
				c[2].Missing != nil && c[2].Missing[i] {
				return fmt.Errorf("row %d is another", next)
			} else {
				found++
			}
			next++
		}
		return nil
	})
	if err != nil || next != entries || found < entries/4 {
		t.Errorf("%d rows, %d of them there: %v", next, found, err)
	}
}

// Pages without a row stand between the others.
func TestPagesWithoutRows(t *testing.T) {
	rows := someRows(3000)
	want, err := readAll(t, "a.csv", csvOf(rows), sms)
	if err != nil {
		t.Fatal(err)
	}
	file := written(t, rows, parquet.DataPageVersion(1), parquet.PageBufferSize(2000), parquet.Compression(&uncompressed.Codec{}))
	for column := range sms.Fields {
		empty := format.PageHeader{Type: format.DataPage}
		empty.DataPageHeader.Valid = true
		empty.DataPageHeader.V = format.DataPageHeader{Encoding: format.Plain, DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE}
		file = forgePages(t, file, column, func(_ *format.PageHeader, body []byte) []byte {
			return append(slices.Clone(body), marshal(t, &empty)...)
		})
	}
	got, err := readAll(t, "a.parquet", file, sms)
	if err != nil {
		t.Fatal(err)
	}
	equalRows(t, got, want)
}

// Ids that nobody looks at are not read: where they lay there is nothing now.
// The other columns are what they were.
func TestUnread(t *testing.T) {
	rows := someRows(BatchRows + 10)
	without := *sms
	without.Fields = slices.Clone(sms.Fields)
	without.Fields[0].Unread = true
	file := written(t, rows)
	meta, _ := footerOf(t, file)
	ids := meta.RowGroups[0].Columns[0].MetaData
	clear(file[ids.DataPageOffset : ids.DataPageOffset+ids.TotalCompressedSize])
	if _, err := readAll(t, "a.parquet", file, sms); err == nil {
		t.Fatal("the ids are read where they are wanted")
	}
	read := func(key string, data []byte) (cut []string) {
		got, err := readAll(t, key, data, &without)
		if err != nil || len(got) != len(rows) {
			t.Fatal(key, len(got), err)
		}
		for _, row := range got {
			id, rest, _ := strings.Cut(row, " ")
			if zero := strings.Trim(id, "0-") == ""; zero != (key == "a.parquet") {
				t.Fatal(key, row)
			}
			cut = append(cut, rest)
		}
		return cut
	}
	equalRows(t, read("a.parquet", file), read("a.csv", csvOf(rows)))
}

// A page's times together are what they are one by one: near the changes of the
// clocks, near the ends of what is a time, and beyond.
func TestTimesOfAPage(t *testing.T) {
	zone := losAngeles(t)
	rng := rand.New(rand.NewPCG(3, 4))
	var centres []int64
	for _, text := range []string{"1900-01-01T00:00:00Z", "1900-01-02T12:00:00Z", "2026-03-08T10:00:00Z", "2026-11-01T09:00:00Z", "2026-07-01T00:00:00Z", "2262-01-01T00:00:00Z"} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		centres = append(centres, at.Unix())
	}
	for range 3000 {
		unit := []int64{1, 1e3, 1e6, 1e9}[rng.IntN(4)]
		var ints []int64
		centre, width := centres[rng.IntN(len(centres))], int64(1)<<rng.IntN(22)
		for range 1 + rng.IntN(5) {
			seconds := centre + rng.Int64N(2*width) - width
			ints = append(ints, seconds*unit+rng.Int64N(unit))
		}
		if rng.IntN(10) == 0 {
			ints = append(ints, []int64{math.MaxInt64, math.MinInt64, math.MaxInt64 / 1000}[rng.IntN(3)])
		}
		for _, how := range []meaning{onInstant, onWall} {
			for _, kind := range []Kind{Instant, Date} {
				made := func(convert func(c *columnCursor, to *cells)) Column {
					c := &columnCursor{leaf: &leaf{meaning: how, unit: unit}, parser: newCellParser(zone)}
					var to cells
					to.of(&Field{Kind: kind}, newInterner())
					to.reset(len(ints))
					c.raw.ints = slices.Clone(ints)
					convert(c, &to)
					return to.part(0, len(ints))
				}
				got := made(func(c *columnCursor, to *cells) { c.convertTimes(to) })
				want := made(func(c *columnCursor, to *cells) {
					for i, v := range c.raw.ints {
						c.setTime(to, i, v)
					}
				})
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("%v of unit %d, meaning %d, kind %d: %+v, want %+v", ints, unit, how, kind, got, want)
				}
			}
		}
	}
}

// spread gives what setting cell by cell does.
func TestSpread(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		levels := make([]byte, rng.IntN(50))
		for i := range levels {
			levels[i] = byte(rng.IntN(2))
		}
		for _, field := range []Field{{Kind: Text}, {Kind: Integer}, {Kind: EventID}, {Kind: EventID, Texts: true}} {
			var values, got, want cells
			words := newInterner()
			for _, c := range []*cells{&values, &got, &want} {
				c.of(&field, words)
			}
			values.reset(bytes.Count(levels, []byte{1}))
			for i := range values.n {
				values.setText(i, bytes.Repeat([]byte{0x37}, 1+rng.IntN(5)), newCellParser(calendar.Zone{}))
			}
			spread(&got, &values, levels)
			want.reset(len(levels))
			spreadCells(&want, &values, levels)
			if n := len(levels); !reflect.DeepEqual(got.part(0, n), want.part(0, n)) {
				t.Fatalf("%v: %+v, want %+v", levels, got.part(0, n), want.part(0, n))
			}
		}
	}
}

// A text has one place, whether it was adopted, looked up or both, and however
// many there are.
func TestInterner(t *testing.T) {
	w := newInterner()
	var bytes []byte
	var spans []span
	for _, text := range []string{"a", "b", "a"} {
		spans = append(spans, span{uint32(len(bytes)), uint32(len(bytes) + len(text))})
		bytes = append(bytes, text...)
	}
	if !w.adopt(spans, bytes) || w.adopt(spans, bytes) {
		t.Fatal("an empty Dict adopts, and no other")
	}
	for _, test := range []struct {
		text string
		code int32
		ok   bool
	}{{"b", 1, true}, {"a", 0, true}, {"c", 3, true}, {"\xff", Absent, false}, {"c", 3, true}} {
		if code, ok := w.intern([]byte(test.text)); code != test.code || ok != test.ok {
			t.Errorf("%q is %d, %t", test.text, code, ok)
		}
	}
	const many = 100_000
	for range 2 {
		for i := range many {
			text := fmt.Sprint("text ", i)
			if code, ok := w.intern([]byte(text)); !ok || int(code) != 4+i || w.dict.Entries[code] != text {
				t.Fatalf("%q is %d, %t", text, code, ok)
			}
		}
	}
	if len(w.dict.Entries) != 4+many {
		t.Errorf("%d entries", len(w.dict.Entries))
	}
}

// What a damaged file leaves behind in decompressors and buffers, which the next
// file uses, changes nothing of that.
func TestDamageLeavesNothingBehind(t *testing.T) {
	rows := someRows(6000)
	want, err := readAll(t, "a.csv", csvOf(rows), sms)
	if err != nil {
		t.Fatal(err)
	}
	for name, codec := range map[string]parquet.WriterOption{
		"gzip": parquet.Compression(&parquet.Gzip), "brotli": parquet.Compression(&parquet.Brotli),
		"zstd": parquet.Compression(&parquet.Zstd), "snappy": parquet.Compression(&parquet.Snappy), "lz4": parquet.Compression(&parquet.Lz4Raw),
	} {
		file := written(t, rows, codec, parquet.PageBufferSize(1<<20))
		refused := 0
		for at := range 20 {
			damaged := forgePages(t, file, 0, func(h *format.PageHeader, body []byte) []byte {
				h.CRC = 0
				if at%2 == 0 { // it goes on behind its claimed end
					h.UncompressedPageSize = int32(at)
					return body
				}
				body = slices.Clone(body)
				body[at*len(body)/20] ^= 0x55
				return body
			})
			if _, err := readAll(t, "a.parquet", damaged, sms); err != nil {
				refused++
			}
			got, err := readAll(t, "a.parquet", file, sms)
			if err != nil {
				t.Fatalf("%s, behind damage at %d: %v", name, at, err)
			}
			equalRows(t, got, want)
		}
		if refused == 0 {
			t.Errorf("%s: no damage was seen", name)
		}
	}
}

// A page that claims more than its bytes can stand for, and a dictionary of more
// entries than have room in it, are refused before room is made for them; what
// packs as well as its codec can is read.
func TestClaimsBeyondBytes(t *testing.T) {
	type row struct {
		V int64  `parquet:"v"`
		S string `parquet:"s,dict"`
	}
	schema := &Schema{Source: "x", Fields: []Field{{Name: "v", Kind: Integer}, {Name: "s", Kind: Text}}}
	for name, codec := range map[string]compress.Codec{"snappy": &parquet.Snappy, "gzip": &parquet.Gzip, "zstd": &parquet.Zstd, "lz4": &parquet.Lz4Raw} {
		long := written(t, make([]row, 1<<20), parquet.Compression(codec), parquet.PageBufferSize(16<<20))
		if got, err := readAll(t, "a.parquet", long, schema); err != nil || len(got) != 1<<20 {
			t.Errorf("%s: %d rows of zeros, %v", name, len(got), err)
		}
		file := written(t, []row{{1, "a"}, {2, "b"}}, parquet.Compression(codec))
		for column, typ := range []format.PageType{format.DataPageV2, format.DictionaryPage} {
			forged := forgePages(t, file, column, func(h *format.PageHeader, body []byte) []byte {
				if h.Type == typ {
					h.UncompressedPageSize = maxPage
				}
				return body
			})
			refusedForNoMemory(t, name, forged, schema, "cannot stand for")
		}
	}
	file := written(t, []row{{1, "a"}, {2, strings.Repeat("b", 4<<20)}}, parquet.Compression(&parquet.Zstd))
	forged := forgePages(t, file, 1, func(h *format.PageHeader, body []byte) []byte {
		if h.Type == format.DictionaryPage {
			h.DictionaryPageHeader.V.NumValues = 4 << 20
		}
		return body
	})
	refusedForNoMemory(t, "entries", forged, schema, "dictionary of 4194304 entries in 4194313 bytes")
}

// refusedForNoMemory wants a file refused that is not worth the memory.
func refusedForNoMemory(t *testing.T, name string, file []byte, schema *Schema, want string) {
	t.Helper()
	e, err := Open(t.Context(), bucketOf(t, "a.parquet", file), "a.parquet", int64(len(file)), schema, calendar.Zone{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = e.Read(t.Context(), 0, func(*Batch) error { return nil })
	runtime.ReadMemStats(&after)
	refused(t, err, want)
	if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
		t.Errorf("%s: %d bytes were taken", name, took)
	}
}
