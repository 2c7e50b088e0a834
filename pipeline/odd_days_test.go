package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

// oddDays are nights of which hardly a row is billed as usual. Days 2 to 5 have
// so many rows each: of accounts that sign up days later or never, of bad
// quantities, of days to come, conflicting with one another, with rows that
// wait and with what was billed, and late.
func oddDays(rows int) string {
	var b strings.Builder
	sms := func(id string, i int, account, day string, segments int) {
		fmt.Fprintf(&b, "%s,%s,%sT%02d:%02d:00,outbound,acme,US,%d\n", id, account, day, i/60%24, i%60, segments)
	}
	section := func(name string) { b.WriteString("-- " + name + "\n") }
	section("account_events/2024-05-01")
	b.WriteString("sA,A,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,\n")
	section("sms/2024-05-02")
	for i := range rows {
		stranger := fmt.Sprintf("S%d", i%7) // S0 has most of them
		if i%3 > 0 {
			stranger = "S0"
		}
		sms(fmt.Sprintf("u%d", i), i, stranger, "2024-05-02", i%5)
		sms(fmt.Sprintf("b%d", i), i, "A", "2024-05-02", -1-i%5)
		sms(fmt.Sprintf("c%d", i/2), i, "A", "2024-05-02", i)
		sms(fmt.Sprintf("f%d", i), i, []string{"A", "S1"}[i%2], "2024-05-05", 1)
	}
	section("sms/2024-05-03") // late all of them: new, known, known otherwise; and under the id of a row that waits
	for i := range rows {
		sms(fmt.Sprintf("l%d", i), i, "A", "2024-05-02", 3)
		sms(fmt.Sprintf("c%d", i/2), i, "A", "2024-05-02", i)
		if i%2 == 0 {
			sms(fmt.Sprintf("u%d", i), i, "A", "2024-05-02", 9)
		}
	}
	section("account_events/2024-05-04")
	b.WriteString("sS0,S0,2024-05-02T00:00:00,signed_up,pages_free,monthly,card,\n")
	section("sms/2024-05-04") // late again, over two days
	for i := range rows {
		sms(fmt.Sprintf("l%d", i), i, "A", "2024-05-02", 3+i%2)
		sms(fmt.Sprintf("m%d", i), i, "A", "2024-05-03", 3)
		sms(fmt.Sprintf("n%d", i), i, "S3", "2024-05-01", 3)
	}
	section("sms/2024-05-05")
	sms("last", 0, "A", "2024-05-05", 1)
	return b.String()
}

// TestOddDays bills days of which hardly a row is billed as usual with next to
// no memory, and with plenty: the same bytes.
func TestOddDays(t *testing.T) {
	exports := oddDays(700)
	bill := func(workers, buckets int, memory int64) *company {
		c := newCompany(t, exports)
		c.knobs.Workers, c.knobs.Buckets, c.knobs.Memory = workers, buckets, memory
		c.nights("2024-05-01", "2024-05-06")
		return c
	}
	want := bill(1, 0, 1<<30)
	reasons := map[string]int64{}
	for _, date := range []string{"2024-05-02", "2024-05-03", "2024-05-04", "2024-05-05", "2024-05-06"} {
		for _, r := range rows[writers.Reject](want, date, writers.RejectsTable) {
			reasons[r.Reason+" "+r.Status] += r.Rows
		}
		for _, h := range rows[writers.Held](want, date, writers.HeldTable) {
			reasons["held "+h.Reason]++
		}
	}
	for _, r := range []string{"unknown_account open", "unknown_account recycled", "negative_quantity open", "conflicting_duplicate open", "conflicting_duplicate written_off", "held unknown_account", "held not_yet_due"} {
		if reasons[r] < 200 {
			t.Errorf("%d rows %s, want hundreds: %v", reasons[r], r, reasons)
		}
	}
	for _, k := range []struct {
		workers, buckets int
		memory           int64
	}{{1, 0, 1}, {3, 4, 1}, {2, 64, 1 << 20}} {
		got := bill(k.workers, k.buckets, k.memory)
		sameTree(t, fmt.Sprintf("%+v", k), issued(t, got.output), issued(t, want.output))
	}
}

// TestStrangersAreRefusedAlike holds rating to what strangers.go takes for
// granted: usage of an account that never signed up is refused for the same
// reason and in the same words whatever the row.
func TestStrangersAreRefusedAlike(t *testing.T) {
	cat := marketing(t)
	for i := range cat.Meters {
		for _, d := range []calendar.Day{0, day(t, "2010-01-01"), day(t, "2024-05-01"), day(t, "2024-05-02")} {
			u := rating.Usage{Origin: rating.Origin{Source: "sms", Rows: int64(1 + i)}, Meter: cat.Meters[i].Name, ServiceDate: d}
			o := rating.Bill(cat, rating.Account{ID: "S"}, day(t, "2024-05-02"), rating.Events{Usage: []rating.Usage{u, u}})
			if len(o.Rejections) != 2 || len(o.Unbillable) > 0 || o.Account.Kept() {
				t.Fatalf("%s on %s: %+v", u.Meter, d, o)
			}
			for _, r := range o.Rejections {
				if r.Reason != rating.UnknownAccount || r.Detail != "" {
					t.Errorf("%s on %s: %+v", u.Meter, d, r)
				}
			}
		}
	}
}

// TestHeldBytes reads rows of the held table back from a spill.
func TestHeldBytes(t *testing.T) {
	all := []writers.Held{
		{}, {AccountID: "A", Source: "sms", EventKey: eventKey(1, 2), EventID: "x", Payload: `{"a":"b"}`, OccurredAt: -5, ServiceDate: 19845, Rows: 1 << 40, File: "f", Row: 7, Reason: "parked", FirstSeen: 3, BillingDay: -1},
	}
	var b []byte
	for i := range all {
		b = appendHeld(b, &all[i])
	}
	for i := range all {
		var h *writers.Held
		if h, b = readHeld(b); *h != all[i] {
			t.Errorf("%+v, want %+v", *h, all[i])
		}
	}
	if len(b) > 0 {
		t.Errorf("%d bytes are left", len(b))
	}
}

// TestPayload holds payloads to encoding/json, whatever the cells.
func TestPayload(t *testing.T) {
	s := eventSource("x", seatRows)
	for _, cell := range []string{"", "plain", "1.5", `"`, `\`, "<&>", "ä", "\x00\n", "\xff", "\u2028", "\x7f", `{"a":1}`} {
		e := event{account: "A", cells: make([]string, len(s.schema.Fields))}
		for i := range e.cells {
			e.cells[i] = cell
		}
		e.cells[s.account] = "A"
		if got, want := e.payload(&s), e.payloadSlowly(&s); got != want {
			t.Errorf("%q: %s, want %s", cell, got, want)
		}
		h := writers.Held{AccountID: "A", Payload: e.payload(&s)}
		back, err := eventOf(&s, 0, &h, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range s.schema.Fields {
			want := strings.ToValidUTF8(e.cells[i], "\ufffd")
			if i == s.id {
				want = ""
			}
			if back.cells[i] != want {
				t.Errorf("%q: %s comes back as %q", cell, f.Name, back.cells[i])
			}
		}
	}
}

// payloadSlowly is what encoding/json makes of the event's columns.
func (e *event) payloadSlowly(s *source) string { return jsonOf(e.columns(s)) }
