package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ratemill/writers"
)

// A first night has as many buckets as the accounts that sign up ask for, which
// its inputs do not tell by their size.
func TestFirstNightIsCutByItsSignups(t *testing.T) {
	var exports strings.Builder
	exports.WriteString("-- account_events/2024-05-01\n")
	for i := range 3000 {
		fmt.Fprintf(&exports, "s%d,A%d,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,\n", i, i)
	}
	exports.WriteString("s,,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,\n") // refused before the night is cut
	c := newCompany(t, exports.String())
	ctx, s := context.Background(), c.settings("2024-05-01")
	s.First = true
	n := c.begun(s)
	before := n.buckets
	if err := n.mapInputs(ctx); err != nil {
		t.Fatal(err)
	}
	if before != 2 || n.buckets != 32 {
		t.Errorf("%d buckets for 3,000 accounts, and %d before they were read; want 32 and 2", n.buckets, before)
	}
	c.night("2024-05-01")
	want := newCompany(t, exports.String())
	want.knobs.Buckets = 1
	want.night("2024-05-01")
	sameTree(t, "cut again", issued(t, c.output), issued(t, want.output))
	if all := rows[writers.Reject](c, "2024-05-01", writers.RejectsTable); len(all) != 1 {
		t.Errorf("%d rejects", len(all))
	}
}

// A night that was read ahead has as many buckets as one that was not: it is
// cut again once it is known how many accounts there are.
func TestScanIsCutAgain(t *testing.T) {
	var exports strings.Builder
	exports.WriteString("-- account_events/2024-05-01\n")
	for i := range 600 {
		fmt.Fprintf(&exports, "s%d,A%d,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,\n", i, i)
	}
	exports.WriteString("-- sms/2024-05-02\n")
	for i := range 300 {
		fmt.Fprintf(&exports, "m%d,A%d,2024-05-02T10:00:00,outbound,acme,US,%d\n", i, i, i%5-2)
	}
	c := newCompany(t, exports.String())
	c.knobs.Memory = 1
	c.night("2024-05-01")
	ctx, s := context.Background(), c.settings("2024-05-02")
	ahead, err := scanNight(ctx, s, day(t, "2024-05-01"))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := newNight(ctx, s, plan)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.close()
	s.scan = &scan{s.Day, ahead}
	n, err := newNight(ctx, s, plan)
	if err != nil {
		t.Fatal(err)
	}
	if n != ahead || n.buckets != plain.buckets {
		t.Errorf("read ahead: %t, %d buckets, want %d", n == ahead, n.buckets, plain.buckets)
	}
	staged, err := n.rate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.commit(ctx, staged); err != nil {
		t.Fatal(err)
	}
	n.close()
	want := newCompany(t, exports.String())
	want.nights("2024-05-01", "2024-05-02")
	sameTree(t, "read ahead", issued(t, c.output), issued(t, want.output))
	if all := rows[writers.Reject](c, "2024-05-02", writers.RejectsTable); len(all) != 120 || slices.ContainsFunc(all, func(r writers.Reject) bool { return r.Reason != negativeQuantity }) {
		t.Errorf("%d rejects", len(all))
	}
}
