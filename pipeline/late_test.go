package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"gocloud.dev/blob"

	"ratemill/pipeline/store"
	"ratemill/writers"
)

// Only late rows meet the ids of earlier nights: a night without late rows
// reads none, one with late rows those of the nights since their day, whatever
// the length of the history.
func TestLateRowsMeetOldIDs(t *testing.T) {
	c := newCompany(t, "-- account_events/2024-05-01\ns1,A,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,\n")
	disk, err := store.OpenDisk(diskDir(t))
	if err != nil {
		t.Fatal(err)
	}
	r := &reads{Bucket: disk, of: map[string]int{}}
	c.output = blob.NewBucket(r)
	t.Cleanup(func() { c.output.Close() })
	for d := 1; d <= 12; d++ {
		date := fmt.Sprintf("2024-05-%02d", d)
		text := messages(date, 3)
		switch d {
		case 8: // a repeat, and another content under a billed id
			text += "2024-05-06-000,A,2024-05-06T10:00:00,outbound,acme,US,10\n2024-05-06-001,A,2024-05-06T10:00:00,outbound,acme,US,11\n"
		case 10: // new
			text += "late,A,2024-05-09T10:00:00,outbound,acme,US,10\n"
		}
		c.deliver(text)
		clear(r.of)
		e := c.night(date)
		var met []string
		for n := 1; n < d; n++ {
			file, err := outputOf(c.entry(fmt.Sprintf("2024-05-%02d", n)), writers.EventIDsTable.Name)
			if err != nil {
				t.Fatal(err)
			}
			if r.of[file.Key] > 0 {
				met = append(met, fmt.Sprint(n))
			}
		}
		want := map[int]string{8: "6 7", 10: "9"}[d]
		if got := strings.Join(met, " "); got != want {
			t.Errorf("%s reads the ids of the nights %q, want %q", date, got, want)
		}
		for _, f := range e.Totals.Files {
			if duplicates := int64(boolInt(d == 8)); f.Source == "sms" && f.Duplicate != duplicates {
				t.Errorf("%s: %+v, want %d duplicates", date, f, duplicates)
			}
		}
	}
	c.wantRejects("2024-05-08", "sms/date=2024-05-08/part-0.csv:5 A conflicting_duplicate open")
}

// Whatever a night asks of history it finds by the entry before it: what the
// window has consumed stands in that one's run.json, also of days before.
func TestPredecessorKnowsWhatIsConsumed(t *testing.T) {
	c := newCompany(t, "-- account_events/2024-05-01\ns1,A,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,\n")
	c.knobs.Catalog = marketing(t, "window: 30 days", "window: 3 days")
	for d := 1; d <= 8; d++ {
		date := fmt.Sprintf("2024-05-%02d", d)
		c.deliver(messages(date, 1))
		e := c.night(date)
		var days []string
		for _, f := range e.Consumed {
			if f.Source == "sms" {
				days = append(days, f.Date[8:])
			}
		}
		var want []string
		for from := max(1, d-2); from <= d; from++ { // the next night looks back three days, and reads its own
			want = append(want, fmt.Sprintf("%02d", from))
		}
		if strings.Join(days, " ") != strings.Join(want, " ") {
			t.Errorf("%s: consumed %v, want %v", date, days, want)
		}
	}
	// Within the window a late file is read, behind it not.
	c.deliver("-- sms/2024-05-06 late.csv\nx1,A,2024-05-06T10:00:00,outbound,acme,US,10")
	c.deliver("-- sms/2024-05-05 late.csv\nx2,A,2024-05-05T10:00:00,outbound,acme,US,10")
	e := c.night("2024-05-09")
	if len(e.Inputs) != 1 || e.Inputs[0].Key != "sms/date=2024-05-06/late.csv" {
		t.Errorf("inputs %v", e.Inputs)
	}
}

// An id costs some 25 bytes in the event_ids table: what docs/sources.md says.
func TestBytesOfAnID(t *testing.T) {
	c := newCompany(t, "-- account_events/2024-05-01\ns1,A,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,\n")
	const ids = 5_000
	var b strings.Builder
	b.WriteString("-- sms/2024-05-01\n")
	for i := range ids {
		fmt.Fprintf(&b, "m%d,A,2024-05-01T%02d:%02d:%02d,outbound,acme,US,%d\n", i, i%24, i%60, i%59, 1+i%7)
	}
	c.deliver(b.String())
	e := c.night("2024-05-01")
	file, err := outputOf(e, writers.EventIDsTable.Name)
	if err != nil {
		t.Fatal(err)
	}
	if per := file.Size / ids; per < 20 || per > 28 {
		t.Errorf("%d bytes for %d ids, %d each", file.Size, file.Rows, per)
	}
}
