package rating_test

import (
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ratemill/rating"
	"ratemill/rating/calendar"
)

// TestTeamsAgainstModel bills random lives on the team app and compares every
// night with a second reading of TM-1 to TM-7, G-3, G-5, G-6 and G-7: a model
// that counts in cents and fractions and shares no code with Bill.
func TestTeamsAgainstModel(t *testing.T) {
	cat, err := readCatalog([]command{{words: []string{"catalog", "teams"}}})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		first := calendar.Date(2023, 12, 1) + calendar.Day(rapid.IntRange(0, 90).Draw(t, "first day"))
		m := teamsModel{first: first, annual: rapid.IntRange(0, 3).Draw(t, "annual") == 0, plan: drawTeamPlan(t)}
		term := "monthly"
		if m.annual {
			term = "annual"
		}
		account := rating.Account{ID: "A"}
		nights := rapid.IntRange(20, 150).Draw(t, "nights")
		for i := range nights {
			day := first + calendar.Day(i)
			var e rating.Events
			origin := rating.Origin{Source: "account_events", Rows: 1}
			if i == 0 {
				e.Account = append(e.Account, rating.AccountEvent{Origin: origin, Day: day, Type: "signed_up", Plan: m.plan, Term: term, Method: "card"})
			}
			m.startOfDay = m.plan
			for range rapid.SampledFrom([]int{0, 0, 0, 0, 0, 1, 2}).Draw(t, "changes of plan") {
				m.plan = drawTeamPlan(t)
				e.Account = append(e.Account, rating.AccountEvent{Origin: origin, Day: day, Type: "plan_changed", Plan: m.plan})
			}
			if i == nights-1 {
				m.closed = day
				e.Account = append(e.Account, rating.AccountEvent{Origin: origin, Day: day, Type: "cancelled"})
			}
			s := story{cat: cat}
			e.Seats = s.drawNight(t, day).Seats
			o, err := billChecked(cat, account, day, e)
			if err != nil {
				t.Fatal(err)
			}
			due, unused := m.night(day, e.Seats)
			if got := centsOf(&o); got != due || o.Account.UnusedTime().Value().Shift(2).IntPart() != unused {
				t.Fatalf("%s: %d due, %s unused; want %d and %d\n%+v\n%+v", day, got, o.Account.UnusedTime(), due, unused, m, o.Invoice)
			}
			account = stored(o.Account)
		}
	})
}

func drawTeamPlan(t *rapid.T) string {
	return rapid.SampledFrom([]string{"standard", "premium"}).Draw(t, "plan")
}

func centsOf(o *rating.Outcome) int64 {
	if o.Invoice == nil {
		return 0
	}
	return o.Invoice.AmountDue.Value().Shift(2).IntPart()
}

type teamsModel struct {
	first, closed    calendar.Day
	annual           bool
	plan, startOfDay string
	users            []string

	start, end       calendar.Day // of the period
	paidPlan         string
	baseLeft         int64
	seats, seatsLeft int64
	credit, waiting  int64
}

func (m *teamsModel) prices(plan string) (base, seat int64) {
	base, seat = 1000, 500
	if plan == "premium" {
		base, seat = 3000, 1000
	}
	if m.annual {
		base, seat = base*11, seat*11
	}
	return base, seat
}

// rest is quantity × price × the days that remain of the period, rounded.
func (m *teamsModel) rest(day calendar.Day, quantity, price int64) int64 {
	return halfUp(big.NewRat(quantity*price*int64(m.end-day), int64(m.end-m.start)))
}

// giveBack credits at most what is left of a charge.
func (m *teamsModel) giveBack(amount int64, left *int64) int64 {
	amount = min(amount, *left)
	*left -= amount
	m.credit += amount
	return amount
}

func (m *teamsModel) night(day calendar.Day, events []rating.SeatEvent) (due, unused int64) {
	before := int64(len(m.users))
	for _, e := range events {
		switch at := slices.Index(m.users, e.User); {
		case e.Action == "activated" && at < 0:
			m.users = append(m.users, e.User)
		case e.Action == "deactivated" && at >= 0:
			m.users = slices.Delete(m.users, at, at+1)
		}
	}
	now := int64(len(m.users))
	lines, waitingBefore := int64(-1), m.waiting // −1: no line
	renewal := day == m.first || day == m.end
	if renewal {
		m.period(day)
		base, seat := m.prices(m.startOfDay)
		m.paidPlan, m.baseLeft, m.seats, m.seatsLeft = m.startOfDay, base, now, now*seat
		lines, before = base+now*seat, now
	}
	if m.paidPlan != m.plan {
		charges := m.changePlan(day, min(now, before))
		if charges >= 0 {
			lines = max(lines, 0) + charges
		}
	}
	_, seat := m.prices(m.plan)
	switch more := now - m.seats; {
	case more > 0:
		amount := m.rest(day, more, seat)
		m.seatsLeft += amount
		if m.annual || renewal {
			lines = max(lines, 0) + amount
		} else {
			m.waiting += amount
			if lines < 0 && m.credit >= m.waiting {
				lines = 0
			}
		}
	case more < 0 && m.closed == 0:
		m.giveBack(m.rest(day, -more, seat), &m.seatsLeft)
	}
	m.seats = now
	if lines >= 0 || m.closed != 0 && (m.waiting > 0 || waitingBefore > 0) {
		due = max(lines, 0) + m.waiting
		taken := min(due, m.credit)
		m.credit, m.waiting, due = m.credit-taken, 0, due-taken
	}
	if m.closed != 0 {
		m.credit = 0
	}
	return due, max(0, m.credit-m.waiting)
}

// period begins on a day: so many months after the first, on its day of the
// month or the month's last.
func (m *teamsModel) period(day calendar.Day) {
	m.start = day
	step := 1
	if m.annual {
		step = 12
	}
	y, month, anchor := m.first.Civil()
	for n := 0; m.end <= day; n += step {
		next := time.Date(y, month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		m.end = calendar.Date(next.Year(), next.Month(), min(anchor, next.AddDate(0, 1, -1).Day()))
	}
}

// changePlan is what is charged today for the rest of the period on the new
// plan, −1 where it waits.
func (m *teamsModel) changePlan(day calendar.Day, users int64) int64 {
	oldBase, oldSeat := m.prices(m.paidPlan)
	base, seat := m.prices(m.plan)
	credits := m.giveBack(m.rest(day, 1, oldBase), &m.baseLeft)
	credits += m.giveBack(m.rest(day, m.seats, oldSeat), &m.seatsLeft)
	m.baseLeft, m.seats, m.seatsLeft = m.rest(day, 1, base), users, m.rest(day, users, seat)
	charges := m.baseLeft + m.seatsLeft
	m.paidPlan = m.plan
	if m.plan == "standard" || charges < credits {
		m.waiting += charges
		return -1
	}
	return charges
}
