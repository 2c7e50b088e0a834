package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ratemill/readers"
	"ratemill/writers"
)

// Whatever ids there are, and however many of them share a place, keepers come
// out in the order of their hash.
func TestKeepersAreInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, test := range []struct {
		name    string
		records int
		least   uint64 // hash of any id: a power of two below 2^64
	}{
		{"none", 0, 0}, {"one", 1, 0}, {"some", 9, 0}, {"a part", 10_000, 0},
		{"in the last half", 10_000, 1 << 63},
		{"all in the last place, so that they go on at the first", 700, 1<<64 - 1<<52},
		{"all with one tag", 700, 1<<64 - 1<<32},
	} {
		t.Run(test.name, func(t *testing.T) {
			n, d := &night{}, usageDedupe{}
			for len(d.records) < test.records {
				hash, lo := r.Uint64()|test.least, r.Uint64()
				d.records = append(d.records, record{hi: unmix(hash) ^ mix(lo), lo: lo})
			}
			d.enter(n)
			d.keep()
			d.sortNearly()
			if len(d.keepers) != test.records {
				t.Fatalf("%d of %d kept", len(d.keepers), test.records)
			}
			hashOf := func(s usageSlot) uint64 { r := &d.records[s.record-1]; return d.hash(r.hi, r.lo) }
			if len(d.keepers) > 0 && hashOf(d.keepers[0]) < test.least {
				t.Fatal("the test's hash is not the program's")
			}
			if !slices.IsSortedFunc(d.keepers, func(x, y usageSlot) int { return cmp.Compare(hashOf(x), hashOf(y)) }) {
				t.Error("they are not in order")
			}
		})
	}
}

// unmix is what mix makes a word of.
func unmix(y uint64) uint64 {
	y ^= y >> 33
	y *= 0x9cb4b2f8129337db
	y ^= y >> 33
	y *= 0x4f74430c22a54005
	return y ^ y>>33
}

// seenIDs are the texts among ids that a night registered, in order of the table.
func seenIDs(c *company, date string, ids ...string) string {
	c.Helper()
	var found []string
	for _, row := range rows[writers.SeenID](c, date, writers.EventIDsTable) {
		at := slices.IndexFunc(ids, func(id string) bool { return readers.Key([]byte(id)) == row.EventKey })
		if at < 0 {
			c.Fatalf("%s registered an id that none of %q is", date, ids)
		}
		found = append(found, ids[at])
	}
	slices.Sort(found)
	return strings.Join(found, " ")
}

// Ids of rows that a rule refused for good stay free, also where they were
// written before it was asked: corrected rows under them are billed.
func TestRefusedIDsStayFree(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		s2,B,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,0.50,US,300
		m2,A,2024-05-01T11:00:00,outbound,free,US,3
		m3,B,2024-05-01T11:00:00,outbound,0.50,US,3
		-- sms/2024-05-02
		m2,A,2024-05-01T11:00:00,outbound,0.50,US,3
		m3,B,2024-05-01T11:00:00,outbound,0.50,US,3
		m4,B,2024-05-02T11:00:00,outbound,0.50,US,3
	`)
	c.knobs.Catalog = marketing(t, "price: {table: sms_prices}", "price: {column: carrier}")
	c.nights("2024-05-01", "2024-05-02")
	c.wantRejects("2024-05-01", "sms/date=2024-05-01/part-0.csv:2 A bad_price open")
	c.wantRejects("2024-05-02", "")
	for date, want := range map[string]string{"2024-05-01": "m1 m3 s1 s2", "2024-05-02": "m2 m4"} {
		if got := seenIDs(c, date, "m1", "m2", "m3", "m4", "s1", "s2"); got != want {
			t.Errorf("%s registered %q, want %q", date, got, want)
		}
	}
	for _, f := range c.entry("2024-05-02").Totals.Files {
		if f.Source == "sms" && f.Duplicate != 1 {
			t.Errorf("%+v, want the repeat of m3 alone", f)
		}
	}
	for _, knobs := range [][3]int{{1, 1, 1}, {4, 64, 1}, {2, 2, 64 << 20}} { // the same, however it is worked out
		again := newCompany(t, "")
		again.exports, again.knobs = c.exports, c.knobs
		again.knobs.Workers, again.knobs.Buckets, again.knobs.Memory = knobs[0], knobs[1], int64(knobs[2])
		again.nights("2024-05-01", "2024-05-02")
		sameTree(t, fmt.Sprint("workers, buckets, memory ", knobs), issued(t, again.output), issued(t, c.output))
	}
}

// Usage that what is known of its account lets one expect to be refused is not
// written before rating is asked: a night seldom has to write its ids twice.
func TestSteadyAccounts(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		s2,B,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		s3,C,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		s4,D,2024-05-01T09:00:00,signed_up,pages_free,monthly,card,
		-- account_events/2024-05-02
		e1,B,2024-05-02T09:00:00,cancelled,,,,
		e2,C,2024-05-02T09:00:00,suspended,,,,
		-- account_events/2024-05-03
		e3,D,2024-05-03T09:00:00,cancelled,,,,
		s5,E,2024-05-03T09:00:00,signed_up,pages_free,monthly,card,
		-- sms/2024-05-03
		m1,A,2024-05-03T10:00:00,outbound,acme,US,300
		m2,B,2024-05-03T10:00:00,outbound,acme,US,300
		m3,C,2024-05-03T10:00:00,outbound,acme,US,300
		m4,D,2024-05-03T10:00:00,outbound,acme,US,300
		m5,E,2024-05-03T10:00:00,outbound,acme,US,300
		m6,F,2024-05-03T10:00:00,outbound,acme,US,300
	`)
	c.nights("2024-05-01", "2024-05-02")
	ctx, s := context.Background(), c.settings("2024-05-03")
	n := c.begun(s)
	if err := errors.Join(n.mapInputs(ctx), n.fold(ctx, nil)); err != nil {
		t.Fatal(err)
	}
	var steady []string
	for i := range n.accounts.all() {
		if n.steady[i] {
			steady = append(steady, n.accounts.name(uint32(i)))
		}
	}
	slices.Sort(steady)
	if got := strings.Join(steady, " "); got != "A E" {
		t.Errorf("steady: %s, want A E", got)
	}
	c.night("2024-05-03")
	if got := seenIDs(c, "2024-05-03", "m1", "m2", "m3", "m4", "m5", "m6", "e3", "s5"); got != "e3 m1 m4 m5 s5" {
		t.Errorf("registered %s", got)
	}
}
