package readers

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"

	"ratemill/rating/calendar"
)

// TestNumbers: the text of cells, one line a case.
func TestNumbers(t *testing.T) {
	for _, test := range []struct {
		kind       Kind
		text, want string
	}{
		{Integer, "0", "0"},
		{Integer, "-0", "0"},
		{Integer, "007", "7"},
		{Integer, "-12", "-12"},
		{Integer, "9223372036854775807", "9223372036854775807"},
		{Integer, "-9223372036854775808", "-9223372036854775808"},
		{Integer, "0000000000000000000000000000001", "1"},
		{Integer, "9223372036854775808", "overflow"},
		{Integer, "-9223372036854775809", "overflow"},
		{Integer, "18446744073709551616", "overflow"},
		{Integer, "99999999999999999999999999", "overflow"},
		{Integer, "99999999999999999999999999x", "not_a_number"},
		{Integer, "+1", "not_a_number"},
		{Integer, "-", "not_a_number"},
		{Integer, "--1", "not_a_number"},
		{Integer, "1,5", "not_a_number"},
		{Integer, "1.5", "not_a_number"},
		{Integer, "5.0", "5"},
		{Integer, "1e3", "1000"},
		{Integer, " 5 ", "not_a_number"},
		{Integer, "0x10", "not_a_number"},
		{Integer, "٣", "not_a_number"},

		{Instant, "2026-07-01T12:00:00Z", "2026-07-01T12:00:00Z"},
		{Instant, "2026-07-01 12:00:00Z", "2026-07-01T12:00:00Z"},
		{Instant, "2026-07-01T12:00:00+02:00", "2026-07-01T10:00:00Z"},
		{Instant, "2026-07-01T12:00:00-05:30", "2026-07-01T17:30:00Z"},
		{Instant, "2026-07-01 12:00:00+00", "2026-07-01T12:00:00Z"},
		{Instant, "2026-07-01 12:00:00.5-07", "2026-07-01T19:00:00.5Z"},
		{Instant, "2026-07-01T12:00:00.5Z", "2026-07-01T12:00:00.5Z"},
		{Instant, "2026-07-01T12:00:00.123456999Z", "2026-07-01T12:00:00.123456Z"},
		{Instant, "1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"},
		{Instant, "2026-07-01T12:00:00", "2026-07-01T19:00:00Z"},
		{Instant, "2026-07-01 12:00:00.25", "2026-07-01T19:00:00.25Z"},
		{Instant, "2026-07-01", "2026-07-01T07:00:00Z"},
		{Instant, "1970-01-01", "1970-01-01T08:00:00Z"},
		{Instant, "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"},
		{Instant, "2026-02-29T00:00:00Z", "not_a_time"},
		{Instant, "1900-01-01T00:00:00Z", "1900-01-01T00:00:00Z"},
		{Instant, "1899-12-31T23:59:59Z", "not_a_time"},
		{Instant, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"},
		{Instant, "9999-12-31T23:59:59-01:00", "not_a_time"},
		{Instant, "0000-00-00 00:00:00", "not_a_time"},
		{Instant, "2026-07-01T24:00:00Z", "not_a_time"},
		{Instant, "2026-07-01T12:60:00Z", "not_a_time"},
		{Instant, "2026-07-01T12:00:60Z", "not_a_time"},
		{Instant, "2026-07-01T12:00Z", "2026-07-01T12:00:00Z"},
		{Instant, "2026-07-01 12:00", "2026-07-01T19:00:00Z"},
		{Instant, "2026-07-01T12:00+0530", "2026-07-01T06:30:00Z"},
		{Instant, "2026-07-01 12:00:00.5 UTC", "2026-07-01T12:00:00.5Z"},
		{Instant, "2026-07-01 12:00:00 -0700", "2026-07-01T19:00:00Z"},
		{Instant, "2026-07-01 12:00:00  UTC", "not_a_time"},
		{Instant, "2026-07-01 12:00:00 +0000 UTC", "2026-07-01T12:00:00Z"},
		{Instant, "2026-07-01 12:00:00.5 +00:00 UTC", "2026-07-01T12:00:00.5Z"},
		{Instant, "2026-07-01 12:00:00 +0200 UTC", "not_a_time"},
		{Instant, "2026-07-01 12:00:00 UTC UTC", "not_a_time"},
		{Instant, "2026-07-01 12:00:00 +0000 CET", "not_a_time"},
		{Instant, "2026-07-01T12:00:00z", "2026-07-01T12:00:00Z"},
		{Instant, "2026-07-01 12:00:00 PST", "not_a_time"},
		{Instant, "2026-07-01T12:00:00 ", "not_a_time"},
		{Instant, "2026-07-01T12:00:", "not_a_time"},
		{Instant, "2026-07-01T12:00:5Z", "not_a_time"},
		{Instant, "2026-07-01T12:0Z", "not_a_time"},
		{Instant, "2026-07-01T12Z", "not_a_time"},
		{Instant, "2026-07-01T12:00.5Z", "not_a_time"},
		{Instant, "2026-07-01T12:00:00.Z", "not_a_time"},
		{Instant, "2026-07-01T12:00:00,5Z", "not_a_time"},
		{Instant, "2026-07-01T12:00:00x", "not_a_time"},
		{Instant, "2026-07-01T12:00:00+0200", "2026-07-01T10:00:00Z"},
		{Instant, "2026-07-01T12:00:00+0260", "not_a_time"},
		{Instant, "2026-07-01T12:00:00+02:0", "not_a_time"},
		{Instant, "2026-07-01T12:00:00+2", "not_a_time"},
		{Instant, "2026-07-01T12:00:00+24:00", "not_a_time"},
		{Instant, "2026-07-01T12:00:00Z ", "not_a_time"},
		{Instant, "2026-7-1T12:00:00Z", "not_a_time"},
		{Instant, "1782907200", "not_a_time"},
		{Instant, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "not_a_time"},

		// Clocks in Los Angeles skip 2:00 to 3:00 on 8 March 2026, and show 1:00
		// to 2:00 twice on 1 November.
		{Instant, "2026-03-08T01:59:59", "2026-03-08T09:59:59Z"},
		{Instant, "2026-03-08T02:30:00", "2026-03-08T10:30:00Z"},
		{Instant, "2026-03-08T03:00:00", "2026-03-08T10:00:00Z"},
		{Instant, "2026-11-01T00:59:59", "2026-11-01T07:59:59Z"},
		{Instant, "2026-11-01T01:30:00", "2026-11-01T08:30:00Z"},
		{Instant, "2026-11-01T02:00:00", "2026-11-01T10:00:00Z"},

		{Date, "2026-07-01", "2026-07-01"},
		{Date, "2026-07-01T06:59:59Z", "2026-06-30"},
		{Date, "2026-07-01T07:00:00Z", "2026-07-01"},
		{Date, "2026-07-01T23:59:59", "2026-07-01"},
		{Date, "1970-01-01", "not_a_time"}, // the Day that stands for none
		{Date, "2026-13-01", "not_a_time"},
		{Date, "2026-06-31", "not_a_time"},
		{Date, "2026-06-00", "not_a_time"},
		{Date, "2026/06/01", "not_a_time"},
		{Date, "01.06.2026", "not_a_time"},
		{Date, "1899-12-31", "not_a_time"},
	} {
		p := newCellParser(losAngeles(t))
		for range 2 { // the second time from what is remembered
			v, why := p.number(&Field{Kind: test.kind}, []byte(test.text))
			got := string(why)
			switch {
			case why != fine:
			case test.kind == Instant:
				got = time.UnixMicro(v).UTC().Format("2006-01-02T15:04:05.999999Z")
			case test.kind == Date:
				got = calendar.Day(v).String()
			default:
				got = fmt.Sprint(v)
			}
			if got != test.want {
				t.Errorf("%q: got %s, want %s", test.text, got, test.want)
			}
		}
	}
}

// TestClock: what is remembered of a zone gives what the calendar gives.
func TestClock(t *testing.T) {
	for _, name := range []string{"America/Los_Angeles", "Europe/Berlin", "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Apia", "Australia/Lord_Howe", "UTC"} {
		zone, err := calendar.LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		c := newClock(zone)
		for at := micros(2010, 1, 1, 0, 0); at < micros(2027, 1, 1, 0, 0); at += 37 * 60 * second {
			d := zone.DayOf(at)
			if got := c.dayOf(at); got != d {
				t.Fatalf("%s: %v is on %v, not %v", name, time.UnixMicro(at).UTC(), d, got)
			}
			if got, want := c.midnight(d), zone.Midnight(d); got != want {
				t.Fatalf("%s: midnight of %v is %d, not %d", name, d, want, got)
			}
			// An instant's wall time leads back to it, or to the first of two.
			wall := at + c.offsetAt(at)
			back := c.wall(wall)
			if back != at && (back > at || back+c.offsetAt(back) != wall) {
				t.Fatalf("%s: wall time of %v leads to %v", name, time.UnixMicro(at).UTC(), time.UnixMicro(back).UTC())
			}
		}
	}
}

func TestKey(t *testing.T) {
	want := [16]byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10}
	for _, text := range []string{"01234567-89ab-cdef-fedc-ba9876543210", "01234567-89AB-CDEF-FEDC-BA9876543210"} {
		if got := Key([]byte(text)); got != want {
			t.Errorf("%s: %x", text, got)
		}
	}
	for _, text := range []string{
		"evt_1", "0123456789abcdeffedcba9876543210", "{01234567-89ab-cdef-fedc-ba9876543210}",
		"01234567-89ab-cdef-fedc-ba987654321g", "01234567_89ab-cdef-fedc-ba9876543210", "01234567-89ab-cdef-fedc-ba98765432100",
		string(make([]byte, 1000)),
	} {
		sum := sha256.Sum256([]byte("ratemill event id\x00" + text))
		if got := Key([]byte(text)); got != [16]byte(sum[:16]) {
			t.Errorf("%q: %x", text, got)
		}
	}
	id := []byte("01234567-89ab-cdef-fedc-ba9876543210")
	short := []byte("evt_0000000000000001")
	if n := testing.AllocsPerRun(100, func() { Key(id); Key(short) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestBadCellIsCutBetweenCharacters(t *testing.T) {
	text := "x" + strings.Repeat("é", 40)
	bad := badCell([]byte(text), NotANumber)
	if want := text[:63]; bad.Text != want {
		t.Errorf("got %q, want %q", bad.Text, want)
	}
}

func TestFormatOf(t *testing.T) {
	for key, want := range map[string]Format{
		"sms/date=2026-07-01/part-0.parquet": Parquet, "a.PQ": Parquet, "a.b/c.csv": CSV, "X.CSV": CSV,
		"a.arrow": ArrowFile, "a.feather": ArrowFile, "a.arrows": ArrowStream, "a.arrow.gz": "", "a.csv.gz": CSV, "a.CSV.Zst": CSV, "a.ndjson": NDJSON, "a.jsonl": NDJSON, "a.JSONL.gz": NDJSON, "a.ndjson.zst": NDJSON,
		"a": "", "csv": "", "a.parquet/b": "", "_SUCCESS": "", "a.json": JSON, "a.JSON.gz": JSON, "a.json.zst": JSON, "a.tsv": CSV, "a.tsv.gz": CSV, "a.gz": "", "a.csv.gz.gz": "", "a.csv.bz2": "", "a.parquet.gz": "",
	} {
		if got, ok := FormatOf(key); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", key, got, ok)
		}
	}
	_, err := readAll(t, "a.txt", []byte("x"), pair)
	refused(t, err, "a.txt: not a known kind of export")
}

// TestStorageErrors: the store's own error is still found below a *FileError.
func TestStorageErrors(t *testing.T) {
	for key, file := range map[string][]byte{
		"a.csv": csvOf(someRows(10)), "a.parquet": written(t, someRows(20_000)), "a.ndjson": ndjsonOf(someRows(10)),
		"a.arrow": arrowOf(t, "a.arrow", oneDictionary(someRows(9), 9)), "a.arrows": arrowOf(t, "a.arrows", recordsOf(someRows(9), 9)),
		"a.csv.gz": packings[".gz"](t, csvOf(someRows(10))), "a.csv.zst": packings[".zst"](t, csvOf(someRows(10))),
	} {
		_, err := readFrom(memblob.OpenBucket(nil), key, 100, sms, calendar.Zone{})
		refused(t, err, key)
		if gcerrors.Code(errors.Unwrap(err)) != gcerrors.NotFound {
			t.Errorf("%s: %v", key, err)
		}
		ctx := context.Background()
		b := bucketOf(t, key, file)
		e, err := Open(ctx, b, key, int64(len(file)), sms, calendar.Zone{})
		if err != nil {
			t.Fatal(err)
		}
		mine := errors.New("mine")
		if err := e.Read(ctx, 0, func(*Batch) error { return mine }); err != mine {
			t.Errorf("%s: an error of yield came back as %v", key, err)
		}
		canceled, cancel := context.WithCancel(ctx)
		if err := e.Read(canceled, 0, func(*Batch) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v after cancel", key, err)
		}
		if err := errors.Join(e.Close(), b.Delete(ctx, key)); err != nil { // so small a file was in memory
			t.Fatal(err)
		}
		err = e.Read(ctx, 0, func(*Batch) error { return nil })
		refused(t, err, key)
		if gcerrors.Code(errors.Unwrap(err)) != gcerrors.NotFound {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// An instant's day is one of the export's zone, the catalog's, whatever zone
// its column's times without an offset have: as Parquet timestamps have it.
func TestDayOfInstantInAnotherZone(t *testing.T) {
	utc, err := calendar.LoadZone("UTC")
	if err != nil {
		t.Fatal(err)
	}
	p, field := newCellParser(losAngeles(t)), &Field{Kind: Date, Zone: &utc}
	for text, want := range map[string]string{
		"2024-05-01T03:00:00Z": "2024-04-30",
		"2024-05-01 03:00:00":  "2024-04-30", // a wall time of UTC
		"2024-05-01T09:00:00Z": "2024-05-01",
		"2024-05-01":           "2024-05-01", // no instant, but the day itself
	} {
		if v, why := p.number(field, []byte(text)); why != fine || calendar.Day(v).String() != want {
			t.Errorf("%s: %s %s, want %s", text, calendar.Day(v), why, want)
		}
	}
}
