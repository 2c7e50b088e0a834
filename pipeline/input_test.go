package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"ratemill/pipeline/store"
	"ratemill/readers"
	"ratemill/writers"
)

// Input that is wrong. A bad row is data: it becomes a reject with file, row
// and reason, and the rest of the night goes on. A bad file is an error: it
// stops the night before anything is published.

// Each mistake that map finds in a row has its own reason.
func TestBadRows(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		s2,,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		s3,B,2024-05-01T09:00:00,,pages_free,monthly,card,
		s4,B,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,tomorrow
		s5,B,2024-05-01T09:00:00,invented,,,,
		-- sms/2024-05-01
		,A,2024-05-01T10:00:00,outbound,acme,US,1
		m2,,2024-05-01T10:00:00,outbound,acme,US,1
		m3,A,,outbound,acme,US,1
		m4,A,2024-05-01T10:00:00,outbound,acme,US,
		m5,A,2024-05-01T25:00:00,outbound,acme,US,1
		m6,A,2024-05-01T10:00:00,outbound,acme,US,"1,5"
		m7,A,2024-05-01T10:00:00,outbound,acme,US,-1
		m8,A,2024-05-01T10:00:00,outbound,acme,US,9223372036854775808
		m9,A,2024-05-01T10:00:00,,acme,US,1
		m10,A,2024-05-01T10:00:00,outbound,,,1
		m11,A,2024-04-30T10:00:00,outbound,acme,US,1
		m12,A,2024-04-01T10:00:00,outbound,acme,US,1
		-- contacts/2024-05-01
		A,2024-05-01,,
		A,2024-05-01,-5,
		,2024-05-01,5,
		A,,5,
		-- seats/2024-05-01
		u1,A,2024-05-01T10:00:00,,activated
		u2,A,2024-05-01T10:00:00,ann,
		u3,A,2024-05-01T10:00:00,ann,promoted
	`)
	e := c.night("2024-05-01")
	c.wantRejects("2024-05-01", `
		account_events/date=2024-05-01/part-0.csv:2  missing_field open
		account_events/date=2024-05-01/part-0.csv:3 B missing_field open
		account_events/date=2024-05-01/part-0.csv:4 B not_a_time open
		account_events/date=2024-05-01/part-0.csv:5 B unsupported_event open
		contacts/date=2024-05-01/part-0.csv:1 A missing_field open
		contacts/date=2024-05-01/part-0.csv:2 A negative_quantity open
		contacts/date=2024-05-01/part-0.csv:3  missing_field open
		contacts/date=2024-05-01/part-0.csv:4 A missing_field open
		seats/date=2024-05-01/part-0.csv:1 A missing_field open
		seats/date=2024-05-01/part-0.csv:2 A missing_field open
		seats/date=2024-05-01/part-0.csv:3 A unknown_action open
		sms/date=2024-05-01/part-0.csv:1 A missing_field open
		sms/date=2024-05-01/part-0.csv:2  missing_field open
		sms/date=2024-05-01/part-0.csv:3 A missing_field open
		sms/date=2024-05-01/part-0.csv:4 A missing_field open
		sms/date=2024-05-01/part-0.csv:5 A not_a_time open
		sms/date=2024-05-01/part-0.csv:6 A not_a_number open
		sms/date=2024-05-01/part-0.csv:7 A negative_quantity open
		sms/date=2024-05-01/part-0.csv:8 A overflow open
		sms/date=2024-05-01/part-0.csv:9 A missing_field open
		sms/date=2024-05-01/part-0.csv:11  before_history open
	`)
	if e.ExitCode != ExitLook {
		t.Errorf("exit code %d with bad rows and none allowed", e.ExitCode)
	}
	for _, r := range rows[writers.Reject](c, "2024-05-01", writers.RejectsTable) {
		if r.Detail == "" && r.Reason != "unknown_account" {
			t.Errorf("%s:%d %s says no detail", r.File, r.Row, r.Reason)
		}
	}
	// m10 is the one good row: outbound, anywhere.
	c.night("2024-05-02")
	c.wantDocuments("2024-05-02", `
		invoice A total 10.00 credits 0.00 due 10.00
		  usage 0.06 MK-9
		  minimum 9.94 MK-9
		charge A 10.00 card
		balance A sms_money 0.00 + 9.94 - 0.00 = 9.94
	`)
}

// Rows allowed to be bad do not ask for a look.
func TestAllowedShareOfRejects(t *testing.T) {
	for allowed, want := range map[int64]int{499_999: ExitLook, 500_000: ExitDone} {
		c := newCompany(t, `
			-- account_events/2024-05-01
			s1,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
			-- sms/2024-05-01
			m1,A,2024-05-01T10:00:00,outbound,acme,US,-1
		`)
		c.knobs.MaxRejects = allowed
		if e := c.night("2024-05-01"); e.ExitCode != want {
			t.Errorf("one bad row of two, %d ppm allowed: exit code %d, want %d", allowed, e.ExitCode, want)
		}
	}
}

// A row of a day before the first night is never billed; of a day before the
// window, refused; each by its day in the catalog's zone.
func TestRowsOfOtherDays(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-01
		m1,A,2024-05-01T06:59:59Z,outbound,acme,US,1
		m2,A,2024-05-01T07:00:00Z,outbound,acme,US,1000
		m3,A,2020-01-01T00:00:00,outbound,acme,US,1
		-- sms/2024-05-05
		m4,A,2024-05-02T00:00:00,outbound,acme,US,1000
		m5,A,2024-05-01T23:59:59,outbound,acme,US,1
	`)
	c.knobs.Catalog = marketing(t, "window: 30 days", "window: 3 days")
	c.night("2024-05-01")
	c.wantRejects("2024-05-01", `sms/date=2024-05-01/part-0.csv:1  before_history open`)
	if r := rows[writers.Reject](c, "2024-05-01", writers.RejectsTable); len(r) != 1 || r[0].Rows != 2 {
		t.Errorf("rejects are %+v, want one for the 2 rows before history", r)
	}
	if e := c.entry("2024-05-01"); e.ExitCode != ExitDone {
		t.Errorf("rows before history made exit code %d", e.ExitCode)
	}
	c.nights("2024-05-02", "2024-05-05")
	c.wantDocuments("2024-05-02", `
		invoice A total 10.00 credits 0.00 due 10.00
		  usage 10.00 MK-9
		charge A 10.00 card
	`)
	c.wantDocuments("2024-05-05", `
		invoice A total 10.00 credits 0.00 due 10.00
		  usage 10.00 MK-9 late
		charge A 10.00 card
	`)
	c.wantRejects("2024-05-05", `sms/date=2024-05-05/part-0.csv:2 A outside_window open`)
}

// An event after the billing day waits, whole, and the run of its day takes it
// up: usage, readings, seats and sign-ups.
func TestNotYetDue(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,plus,monthly,card,
		s2,B,2024-05-03T09:00:00,signed_up,basic,monthly,card,
		-- contacts/2024-05-01
		A,2024-05-03,2501,
		-- seats/2024-05-01
		u1,A,2024-05-03T09:00:00,ann,activated
		-- sms/2024-05-01
		m1,A,2024-05-03T09:00:00,outbound,acme,US,1000
		m2,B,2024-05-03T10:00:00,outbound,acme,US,1000
		m3,A,2036-05-03T10:00:00,outbound,acme,US,1000
		-- sms/2024-05-03
		m1,A,2024-05-03T09:00:00,outbound,acme,US,1000
	`)
	first := c.night("2024-05-01")
	for _, f := range first.Totals.Files {
		if f.Source != "account_events" && f.NotDue != f.Read {
			t.Errorf("%s: %d of %d rows not due", f.Key, f.NotDue, f.Read)
		}
	}
	c.nights("2024-05-02", "2024-05-04")
	c.wantDocuments("2024-05-03", `
		invoice B total 79.00 credits 0.00 due 79.00
		  base_fee 79.00 MK-1
		charge B 79.00 card
		plan A plus to pro auto_upgrade
		plan B none to basic signed_up
	`)
	c.wantDocuments("2024-05-04", `
		invoice A total 10.00 credits 0.00 due 10.00
		  usage 10.00 MK-9
		invoice B total 10.00 credits 0.00 due 10.00
		  usage 10.00 MK-9
		charge A 10.00 card
		charge B 10.00 card
	`)
	held := rows[writers.Held](c, "2024-05-04", writers.HeldTable)
	if len(held) != 1 || held[0].Reason != notYetDue || held[0].Row != 3 {
		t.Errorf("held are %+v, want the row of 2036", held)
	}
	c.wantRejects("2024-05-03", ``)
}

// An event id counts once a source. Kept is the earliest, then the smallest
// content; never the first that was read.
func TestConflictingDuplicates(t *testing.T) {
	files := [2]string{`
		m1,A,2024-05-01T10:00:00,outbound,acme,US,100
		m2,A,2024-05-01T12:00:00,outbound,acme,US,1000
		m3,A,2024-05-01T12:00:00,outbound,acme,US,7
		`, `
		m1,A,2024-05-01T09:00:00,outbound,acme,US,300
		m2,B,2024-05-01T11:00:00,outbound,acme,US,1000
		m3,A,2024-05-01T12:00:00,outbound,acme,US,7
		m3,A,2024-05-01T12:00:00,outbound,acme,US,7
	`}
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		c := newCompany(t, `
			-- account_events/2024-05-01
			s1,A,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,
			s2,B,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,
			-- emails/2024-05-01
			m1,B,2024-05-01T10:00:00,1
			-- sms/2024-05-01 part-0.csv
			`+files[order[0]]+`
			-- sms/2024-05-01 part-1.csv
			`+files[order[1]])
		c.nights("2024-05-01", "2024-05-02")
		c.wantDocuments("2024-05-02", `
			invoice A total 10.00 credits 0.00 due 10.00
			  usage 3.07 MK-9
			  minimum 6.93 MK-9
			invoice B total 10.00 credits 0.00 due 10.00
			  usage 10.00 MK-9
			charge A 10.00 card
			charge B 10.00 card
			balance A sms_money 0.00 + 6.93 - 0.00 = 6.93
		`)
		loser := fmt.Sprintf("sms/date=2024-05-01/part-%d.csv", order[0])
		c.wantRejects("2024-05-01", fmt.Sprintf(`
			emails/date=2024-05-01/part-0.csv:1 B no_price open
			%[1]s:1 A conflicting_duplicate open
			%[1]s:2 A conflicting_duplicate open
		`, loser))
		duplicates := int64(0)
		for _, f := range c.entry("2024-05-01").Totals.Files {
			duplicates += f.Duplicate
		}
		if duplicates != 2 {
			t.Errorf("%d duplicates, want the 2 of m3", duplicates)
		}
	}
}

// The same row again on a later day is a duplicate of what was billed; other
// content under its id is a conflict, also if it claims to be earlier.
func TestDuplicatesOfEarlierNights(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
		m2,A,2024-05-01T10:00:00,outbound,acme,US,1000
		-- account_events/2024-05-03
		s1,A,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-03
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
		m2,A,2024-05-01T09:00:00,outbound,acme,US,5
		m3,A,2024-05-02T09:00:00,outbound,acme,US,2000
		-- sms/2024-05-04
		m3,A,2024-05-02T09:00:00,outbound,acme,US,2000
	`)
	c.nights("2024-05-01", "2024-05-05")
	c.wantDocuments("2024-05-02", `
		invoice A total 20.00 credits 0.00 due 20.00
		  usage 20.00 MK-9
		charge A 20.00 card
	`)
	c.wantDocuments("2024-05-03", `
		invoice A total 20.00 credits 0.00 due 20.00
		  usage 20.00 MK-9 late
		charge A 20.00 card
	`)
	c.wantRejects("2024-05-03", `sms/date=2024-05-03/part-0.csv:3 A conflicting_duplicate open`)
	c.wantDocuments("2024-05-04", ``)
	c.wantRejects("2024-05-04", ``)
	c.wantDocuments("2024-05-05", ``)
}

// A row billed by an earlier night keeps its id, also against a row that
// claims to be of an earlier day still and comes in the same delivery.
func TestBilledRowKeepsItsIDAgainstAnEarlierDay(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-02
		m1,A,2024-05-02T10:00:00,outbound,acme,US,1000
		-- sms/2024-05-03
		m1,A,2024-05-01T10:00:00,outbound,acme,US,7000
		m1,A,2024-05-02T10:00:00,outbound,acme,US,1000
	`)
	c.nights("2024-05-01", "2024-05-03")
	c.wantDocuments("2024-05-03", `
		invoice A total 10.00 credits 0.00 due 10.00
		  usage 10.00 MK-9
		charge A 10.00 card
	`)
	c.wantRejects("2024-05-03", `sms/date=2024-05-03/part-0.csv:1 A conflicting_duplicate open`)
	if d := c.entry("2024-05-03").Totals.Files[0].Duplicate; d != 1 {
		t.Errorf("%d duplicates, want the repeat of the billed row", d)
	}
}

// A row of an unknown account waits for a sign-up that comes late, and is then
// billed once, as late; a redelivery meanwhile is a duplicate.
func TestUnknownAccountHeals(t *testing.T) {
	c := newCompany(t, `
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
		-- sms/2024-05-02
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
		m2,A,2024-05-02T10:00:00,outbound,acme,US,500
		-- account_events/2024-05-03
		s1,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-04
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
		m2,A,2024-05-02T10:00:00,outbound,acme,US,500
	`)
	if e := c.night("2024-05-01"); e.ExitCode != ExitLook {
		t.Errorf("exit code %d", e.ExitCode)
	}
	c.wantRejects("2024-05-01", `sms/date=2024-05-01/part-0.csv:1 A unknown_account open`)
	c.night("2024-05-02")
	c.wantRejects("2024-05-02", `sms/date=2024-05-02/part-0.csv:2 A unknown_account open`)
	if e := c.night("2024-05-03"); e.ExitCode != ExitDone {
		t.Errorf("exit code %d of a night that heals", e.ExitCode)
	}
	c.wantRejects("2024-05-03", `
		sms/date=2024-05-01/part-0.csv:1 A unknown_account recycled
		sms/date=2024-05-02/part-0.csv:2 A unknown_account recycled
	`)
	c.wantDocuments("2024-05-03", `
		invoice A total 15.00 credits 0.00 due 15.00
		  usage 10.00 MK-9 late
		  usage 5.00 MK-9 late
		charge A 15.00 card
		plan A none to pages_free signed_up
	`)
	c.nights("2024-05-04", "2024-05-05")
	c.wantDocuments("2024-05-04", ``)
	c.wantRejects("2024-05-04", ``)
	if held := rows[writers.Held](c, "2024-05-04", writers.HeldTable); len(held) != 0 {
		t.Errorf("still held: %+v", held)
	}
}

// What does not heal until the window's end is written off: counted, never
// silent. The window is that of the row's own day, also for a row that came
// late.
func TestWrittenOffAtTheWindowsEnd(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,B,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
		-- sms/2024-05-03
		m2,A,2024-05-01T10:00:00,outbound,acme,US,1000
		m3,B,2024-05-01T10:00:00,sideways,acme,US,1000
	`)
	c.knobs.Catalog = marketing(t, "window: 30 days", "window: 3 days")
	c.nights("2024-05-01", "2024-05-07")
	c.wantRejects("2024-05-03", `
		sms/date=2024-05-03/part-0.csv:1 A unknown_account open
		sms/date=2024-05-03/part-0.csv:2 B no_price open
	`)
	c.wantRejects("2024-05-04", `
		sms/date=2024-05-01/part-0.csv:1 A unknown_account written_off
		sms/date=2024-05-03/part-0.csv:1 A unknown_account written_off
		sms/date=2024-05-03/part-0.csv:2 B no_price written_off
	`)
	for _, date := range []string{"2024-05-02", "2024-05-05", "2024-05-06", "2024-05-07"} {
		c.wantRejects(date, ``)
	}
	if held := rows[writers.Held](c, "2024-05-04", writers.HeldTable); len(held) != 0 {
		t.Errorf("still held: %+v", held)
	}
}

// A row that first waited for its day has its whole window from that day on.
func TestWindowBeginsOnTheRowsDay(t *testing.T) {
	c := newCompany(t, `
		-- sms/2024-05-01
		m1,A,2024-05-06T10:00:00,outbound,acme,US,1000
	`)
	c.knobs.Catalog = marketing(t, "window: 30 days", "window: 3 days")
	c.nights("2024-05-01", "2024-05-09")
	c.wantRejects("2024-05-06", `sms/date=2024-05-01/part-0.csv:1 A unknown_account open`)
	c.wantRejects("2024-05-09", `sms/date=2024-05-01/part-0.csv:1 A unknown_account written_off`)
}

// A held row outlives a window that the catalog shortens: it is written off.
func TestShorterWindow(t *testing.T) {
	c := newCompany(t, `
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
	`)
	c.nights("2024-05-01", "2024-05-06")
	c.knobs.Catalog = marketing(t, "window: 30 days", "window: 3 days")
	c.night("2024-05-07")
	c.wantRejects("2024-05-07", `sms/date=2024-05-01/part-0.csv:1 A unknown_account written_off`)
}

// Contacts and custom objects that add up past 64 bits are refused, not
// wrapped round to a count below zero.
func TestOverflowingSumOfContacts(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,basic,monthly,card,
		-- contacts/2024-05-01
		A,2024-05-01,9223372036854775807,1
	`)
	c.night("2024-05-01")
	c.wantRejects("2024-05-01", `contacts/date=2024-05-01/part-0.csv:1 A overflow open`)
}

// smsRow is a row of an sms export in Parquet.
type smsRow struct {
	EventID    string `parquet:"event_id"`
	AccountID  string `parquet:"account_id,dict"`
	OccurredAt int64  `parquet:"occurred_at,timestamp(microsecond:utc)"`
	Direction  string `parquet:"direction,dict"`
	Carrier    string `parquet:"carrier,dict,optional"`
	Country    string `parquet:"country,dict,optional"`
	Segments   int64  `parquet:"segments,plain"`
}

// someSMS is a sound Parquet export of 100 rows.
func someSMS(t testing.TB, options ...parquet.WriterOption) []byte {
	t.Helper()
	zone := marketing(t).Zone
	var all []smsRow
	for i := range 100 {
		all = append(all, smsRow{fmt.Sprintf("m%d", i), "A", zone.Midnight(day(t, "2024-05-02")) + int64(i), "outbound", "acme", "US", 10})
	}
	return parquetOf(t, all, options...)
}

func parquetOf[T any](t testing.TB, all []T, options ...parquet.WriterOption) []byte {
	t.Helper()
	var file bytes.Buffer
	w := parquet.NewGenericWriter[T](&file, append([]parquet.WriterOption{parquet.Compression(&parquet.Zstd)}, options...)...)
	if _, err := w.Write(all); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// lying is a Parquet file whose footer counts another number of rows.
func lying(t testing.TB, file []byte, rows int64) []byte {
	t.Helper()
	begin := len(file) - 8 - int(binary.LittleEndian.Uint32(file[len(file)-8:]))
	var meta format.FileMetaData
	if err := thrift.Unmarshal(&thrift.CompactProtocol{}, file[begin:len(file)-8], &meta); err != nil {
		t.Fatal(err)
	}
	meta.NumRows, meta.RowGroups[0].NumRows = rows, rows
	footer, err := thrift.Marshal(&thrift.CompactProtocol{}, &meta)
	if err != nil {
		t.Fatal(err)
	}
	text := append(bytes.Clone(file[:begin]), footer...)
	return append(binary.LittleEndian.AppendUint32(text, uint32(len(footer))), "PAR1"...)
}

// A file that cannot be used stops the night by name, before anything is
// published. Mended, the same night runs.
func TestBadFiles(t *testing.T) {
	good := someSMS(t)
	corrupt := bytes.Clone(good)
	for i := 100; i < 140; i++ {
		corrupt[i] ^= 0x55
	}
	for name, bad := range map[string]struct{ key, content, mended string }{
		"truncated":      {"a.parquet", string(good[:len(good)/2]), string(good)},
		"corrupt page":   {"a.parquet", string(corrupt), string(good)},
		"too many rows":  {"a.parquet", string(lying(t, good, 101)), string(good)},
		"too few rows":   {"a.parquet", string(lying(t, good, 99)), string(good)},
		"not Parquet":    {"a.parquet", "PK, this is another thing", string(good)},
		"empty":          {"a.csv", "", headers["sms"] + "\n"},
		"empty Parquet":  {"a.parquet", "", string(good)},
		"no such column": {"a.csv", "event_id,account_id,at\n", headers["sms"] + "\n"},
		"short row":      {"a.csv", headers["sms"] + "\nm1,A\n", headers["sms"] + "\n"},
		"other kind":     {"a.xlsx", "what", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, `
				-- account_events/2024-05-01
				s1,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
			`)
			c.night("2024-05-01")
			before := tree(t, c.output)
			key := "sms/date=2024-05-02/" + bad.key
			c.write(key, bad.content)
			c.refuses("2024-05-02", key)
			sameTree(t, "after the refusal", tree(t, c.output), before)
			if err := c.exports.Delete(context.Background(), key); err != nil {
				t.Fatal(err)
			}
			if bad.mended != "" {
				c.write(key, bad.mended)
			}
			c.nights("2024-05-02", "2024-05-03")
			if bad.mended == string(good) {
				c.wantDocuments("2024-05-03", `
					invoice A total 10.00 credits 0.00 due 10.00
					  usage 10.00 MK-9
					charge A 10.00 card
				`)
			}
		})
	}
}

// refuses wants a night to fail because of one file.
func (c *company) refuses(date, key string) {
	c.Helper()
	_, err := c.try(date)
	var file *readers.FileError
	if !errors.As(err, &file) || file.Key != key {
		c.Fatalf("night of %s: %v, want a *readers.FileError of %s", date, err, key)
	}
	if !strings.Contains(err.Error(), key) {
		c.Errorf("%v does not name %s", err, key)
	}
	if code := ExitCode(err); code != ExitInput {
		c.Errorf("%v: exit code %d, want %d", err, code, ExitInput)
	}
}

// A folder that cannot be listed is not an empty one.
func TestUnreadableFolder(t *testing.T) {
	root := t.TempDir()
	c := newCompany(t, "")
	disk, err := store.Open(context.Background(), root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	c.exports = disk
	c.deliver(`
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
	`)
	// A link that leads nowhere stands for a volume that is not mounted. It
	// works as root too, who may read every folder.
	link := filepath.Join(root, "sms")
	if err := os.Symlink(filepath.Join(root, "gone"), link); err != nil {
		t.Fatal(err)
	}
	_, err = c.try("2024-05-01")
	if code := ExitCode(err); code != ExitInput || !strings.Contains(err.Error(), "sms/date=") {
		t.Errorf("got %v, exit code %d; want the folder's name and %d", err, code, ExitInput)
	}
	if got := tree(t, c.output); len(got) != 0 {
		t.Errorf("published: %d objects", len(got))
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	c.night("2024-05-01")
}

// A file that changes while it is being read stops the night.
func TestInputChangesUnderTheRun(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
	`)
	ctx, s := context.Background(), c.settings("2024-05-01")
	plan, err := NewPlan(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	c.deliver(`
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,2000
	`)
	_, err = runPlan(ctx, s, plan)
	if code := ExitCode(err); code != ExitInput || !strings.Contains(err.Error(), "sms/date=2024-05-01/part-0.csv") {
		t.Errorf("got %v, exit code %d", err, code)
	}
	if got := tree(t, c.output); len(got) != 0 {
		t.Errorf("published: %d objects", len(got))
	}
}

// Nor is it published if a file changes after it was read: the next night
// takes for unchanged what is older than the publication.
func TestInputChangesBeforePublication(t *testing.T) {
	c := newCompany(t, `
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
	`)
	ctx, s := context.Background(), c.settings("2024-05-01")
	n := c.begun(s)
	staged, err := n.rate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c.deliver(`
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,2000
	`)
	_, err = n.commit(ctx, staged)
	if code := ExitCode(err); code != ExitInput || !strings.Contains(err.Error(), "sms/date=2024-05-01/part-0.csv") {
		t.Errorf("got %v, exit code %d", err, code)
	}
	if got := tree(t, c.output); len(got) != 0 {
		t.Errorf("published: %d objects", len(got))
	}
}

// A run that is stopped is no judgement on its inputs.
func TestInterrupted(t *testing.T) {
	c := newCompany(t, `
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
	`)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, c.settings("2024-05-01")); ExitCode(err) == ExitInput || err == nil {
		t.Errorf("got %v, exit code %d", err, ExitCode(err))
	}
	// Nor is a store that does not answer.
	for why, want := range map[error]int{context.Canceled: ExitTemporary, &url.Error{Op: "Get", URL: "https://s3", Err: io.EOF}: ExitTemporary} {
		err := &readers.FileError{Key: "a.csv", What: "cannot be read", Err: why}
		if code := ExitCode(err); code != want {
			t.Errorf("%v: exit code %d, want %d; %d would fail the job for good", err, code, want, ExitInput)
		}
	}
}

// Rows that wait under a mistyped account yield to the corrected ones: what
// can be billed keeps the id, whatever the digests, and the reject is closed.
func TestCorrectedAccount(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,acme,2024-05-01T09:00:00,signed_up,pro,monthly,card,
	`)
	const ids = 20 // each with content of its own: digests alone would let about half be corrected
	var wrong, right strings.Builder
	wrong.WriteString("-- sms/2024-05-01\n")
	right.WriteString("-- sms/2024-05-02\n")
	for i := range ids {
		fmt.Fprintf(&wrong, "m%d,acne,2024-05-01T10:00:00,outbound,verizon,US,%d\n", i, 100+i)
		fmt.Fprintf(&right, "m%d,acme,2024-05-01T10:00:00,outbound,verizon,US,%d\n", i, 100+i)
	}
	c.deliver(wrong.String())
	c.deliver(right.String())
	c.nights("2024-05-01", "2024-05-03")
	rejects := rows[writers.Reject](c, "2024-05-02", writers.RejectsTable)
	for _, r := range rejects {
		if r.AccountID != "acne" || r.Reason != conflictingDuplicate || r.Status != "written_off" {
			t.Errorf("rejected is %+v", r)
		}
	}
	if len(rejects) != ids {
		t.Errorf("%d rejects, want %d", len(rejects), ids)
	}
	c.wantDocuments("2024-05-02", `
		invoice acme total 21.90 credits 0.00 due 21.90
		  usage 21.90 MK-9 late
		charge acme 21.90 card
	`)
	c.wantDocuments("2024-05-03", ``)
	if held := rows[writers.Held](c, "2024-05-02", writers.HeldTable); len(held) != 0 {
		t.Errorf("still held: %+v", held)
	}
}

// A message without a direction is refused, also where nothing else in its
// file is amiss; one without a carrier is not.
func TestAbsentDirection(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pro,monthly,card,
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,,acme,US,1
		m2,A,2024-05-01T10:00:00,outbound,,,1
	`)
	c.night("2024-05-01")
	c.wantRejects("2024-05-01", `
		sms/date=2024-05-01/part-0.csv:1 A missing_field open
	`)
}

// A null in JSON is a cell that is not there, as an empty one in CSV: never 0,
// whether a record is read in one pass, by the decoder (as one with an escape
// is), or as a mapping says.
func TestNullInJSON(t *testing.T) {
	rows := `{"event_id":"m1","account_id":"A","occurred_at":"2024-05-01T10:00:00","recipients":1}
{"event_id":"m2","account_id":"A","occurred_at":"2024-05-01T10:00:00","recipients":null}
{"event_id":"m3","account_id":"A","occurred_at":"2024-05-01T10:00:00"}
{"event_id":"m4","account_id":"\u0041","occurred_at":"2024-05-01T10:00:00","recipients":null}
{"event_id":null,"account_id":"A","occurred_at":"2024-05-01T10:00:00","recipients":1}
{"event_id":"m6","account_id":null,"occurred_at":"2024-05-01T10:00:00","recipients":1}
{"event_id":"m7","account_id":"A","occurred_at":null,"recipients":1}
`
	c := own(t)
	c.write("emails/date=2024-05-01/a.ndjson", rows)
	c.write("contacts/date=2024-05-01/a.ndjson", `{"account_id":"A","as_of":"2024-05-01","contacts":null,"custom_object_records":5}
{"account_id":"B","as_of":"2024-05-01","contacts":5,"custom_object_records":null}
`)
	c.knobs.Sources[0].Exports[0].Paths = []string{"pbx/{date}.ndjson"}
	c.write("pbx/2024-05-01.ndjson", `{"id":"c1","line":"17","at":"2024-05-01T10:00:00Z","kind":"voice","minutes":1.5}
{"id":"c2","line":"17","at":"2024-05-01T10:00:00Z","kind":"voice","minutes":null}
{"id":"c3","line":null,"at":"2024-05-01T10:00:00Z","kind":"voice","minutes":1}
{"id":"c4","line":"17","at":"2024-05-01T10:00:00Z","kind":null,"minutes":2}
`)
	c.knobs.Sources[0].Exports[0].Mapping.LeaveOut[0].Conditions[0] = readers.Condition{Path: readers.ColumnPath("kind"), Is: []string{"null", "0"}}
	c.night("2024-05-01")
	c.wantRejects("2024-05-01", `
		contacts/date=2024-05-01/a.ndjson:1 A missing_field open
		emails/date=2024-05-01/a.ndjson:2 A missing_field open
		emails/date=2024-05-01/a.ndjson:3 A missing_field open
		emails/date=2024-05-01/a.ndjson:4 A missing_field open
		emails/date=2024-05-01/a.ndjson:5 A missing_field open
		emails/date=2024-05-01/a.ndjson:6  missing_field open
		emails/date=2024-05-01/a.ndjson:7 A missing_field open
		pbx/2024-05-01.ndjson:2 A missing_field open
		pbx/2024-05-01.ndjson:3  missing_field open
	`)
	if got := c.sourceEnd("2024-05-01", "calls"); got.Rated != 2 {
		t.Errorf("calls: %+v", got)
	}
}

// A contact count without custom objects is the same as one with none.
func TestAbsentColumnsOfReadings(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pro,monthly,card,
		-- contacts/2024-05-01
		A,2024-05-01,1000,
		A,2024-05-01,1000,0
	`)
	c.night("2024-05-01")
	c.wantRejects("2024-05-01", ``)
}

// Exports that know the second alone give a sign-up and what follows it one
// time, and ids in any order.
func TestSignUpComesFirstOfItsInstant(t *testing.T) {
	for _, ids := range [][2]string{{"a", "b"}, {"e1", "e2"}, {"x", "y"}, {"1", "2"}} {
		c := newCompany(t, fmt.Sprintf(`
			-- account_events/2024-05-01
			%s,A,2024-05-01T12:00:00,signed_up,basic,monthly,card
			%s,A,2024-05-01T12:00:00,plan_changed,plus,,
		`, ids[0], ids[1]))
		c.night("2024-05-01")
		c.wantRejects("2024-05-01", "")
	}
}
