package pipeline

import (
	"fmt"
	"testing"

	"ratemill/writers"
)

// tiedIDs are pairs of ids, the smaller one first, by kind: a UUID goes by its
// lower case.
var tiedIDs = [][2]string{
	{"e1", "e2"}, {"a", "b"}, {"evt_10", "evt_9"}, {"x", "xy"}, {"7", "8"}, {"1000", "2"},
	{"0ED0E3F1-6A0C-4B1E-9D2F-6F2AD3F5C1B7", "0ed0e3f1-6a0c-4b1e-9d2f-6f2ad3f5c1b8"},
}

// TestEventsOfOneInstantGoByTheirIDs: of two wishes for a plan the last wins,
// and of one instant that is the one with the greater id, in whatever order the
// rows stand, also when they waited in held for a sign-up that came late.
func TestEventsOfOneInstantGoByTheirIDs(t *testing.T) {
	for _, signUp := range []string{"2024-05-01", "2024-05-04"} {
		for _, first := range []int{0, 1} {
			exports := fmt.Sprintf("-- account_events/%s\n", signUp)
			wishes := "-- account_events/2024-05-02\n"
			for i, ids := range tiedIDs {
				exports += fmt.Sprintf("s%d,A%d,2024-05-01T09:00:00,signed_up,pro,monthly,card\n", i, i)
				for _, k := range []int{first, 1 - first} {
					wishes += fmt.Sprintf("%s,A%d,2024-05-02T09:00:00,plan_changed,%s\n", ids[k], i, []string{"basic", "plus"}[k])
				}
			}
			c := newCompany(t, exports+wishes)
			c.nights("2024-05-01", "2024-05-04")
			state := rows[writers.State](c, "2024-05-04", writers.StateTable)
			if len(state) != len(tiedIDs) {
				t.Fatalf("%d accounts", len(state))
			}
			for _, s := range state {
				if s.PendingPlan != "plus" {
					t.Errorf("%s, signed up in the folder of %s: pending %q, want plus", s.AccountID, signUp, s.PendingPlan)
				}
			}
		}
	}
}

// TestSeatsOfOneInstantGoByTheirIDs: where no seat is left, the activation with
// the greater id is the one that is refused.
func TestSeatsOfOneInstantGoByTheirIDs(t *testing.T) {
	signUps, seats := "-- account_events/2024-05-01\n", "-- seats/2024-05-02\n"
	for i, ids := range tiedIDs {
		signUps += fmt.Sprintf("s%d,A%d,2024-05-01T09:00:00,signed_up,basic,monthly,card\n", i, i)
		seats += fmt.Sprintf("%s,A%d,2024-05-02T09:00:00,bob,activated\n%s,A%d,2024-05-02T09:00:00,ann,activated\n", ids[1], i, ids[0], i)
	}
	c := newCompany(t, signUps+seats)
	c.nights("2024-05-01", "2024-05-02")
	for _, s := range rows[writers.State](c, "2024-05-02", writers.StateTable) {
		if fmt.Sprint(s.ActiveUsers) != "[ann]" {
			t.Errorf("%s: users %v, want ann", s.AccountID, s.ActiveUsers)
		}
	}
}
