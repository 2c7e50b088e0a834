package pipeline

import (
	"context"
	"testing"

	"ratemill/writers"
)

// A row that waited is recycled once, wherever the days that are folded again
// begin: on the day of the row or behind it, as the shadow does it or at once.
func TestRerateRecyclesOnce(t *testing.T) {
	for _, of := range []struct{ name, signUp, from string }{
		{"waiting before the first day", "2024-05-02", "2024-05-02"},
		{"refused and taken up again in the shadow", "2024-05-02", "2024-05-01"},
		{"taken at once in the shadow", "2024-05-01", "2024-05-01"},
	} {
		c := newCompany(t, `
			-- sms/2024-05-01
			m1,A,2024-05-01T10:00:00,outbound,acme,US,1000
		`)
		c.nights("2024-05-01", "2024-05-03")
		c.deliver(`
			-- account_events/` + of.signUp + `
			s1,A,2024-05-01T09:00:00,signed_up,basic,monthly,card
		`)
		r := c.rerate(of.from, "2024-05-03")
		recycled := 0
		err := eachRow(context.Background(), c.output, []*Entry{r.Entry}, writers.RejectsTable, func(x *writers.Reject) {
			if x.Status == "recycled" {
				recycled += int(x.Rows)
			}
		})
		if err != nil || recycled != 1 {
			t.Errorf("%s: recycled %d times, %v", of.name, recycled, err)
		}
		c.sameAgain(of.from, "2024-05-03")
	}
}
