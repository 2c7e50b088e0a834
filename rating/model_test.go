package rating_test

import (
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ratemill/rating"
	"ratemill/rating/calendar"
)

// TestBillAgainstModel bills random stories and compares every night with a
// second reading of POLICIES.md: a model that knows only the marketing rules,
// counts in cents and fractions, and shares no code with Bill.
func TestBillAgainstModel(t *testing.T) {
	cat := marketing(t)
	rapid.Check(t, func(t *rapid.T) {
		s := drawStory(t, cat)
		m := newModel(&s.signUp)
		for i, o := range s.tell(t, asItIs, asItIs) {
			day := s.first + calendar.Day(i)
			want := m.night(day, s.nights[i])
			if got := nightOf(&o); got != want {
				t.Fatalf("%s %s %s since %s, trial %s:\n got %+v\nwant %+v\n%+v", day, s.signUp.Plan, s.signUp.Term, s.first, s.signUp.Date, got, want, o)
			}
		}
	})
}

// night is what a night of an account comes to, in cents.
type night struct {
	base, seats, packages, usage, minimum int64
	due, smsMoney                         int64
	plan                                  string
	users                                 int
	climbs                                int
}

func nightOf(o *rating.Outcome) night {
	n := night{plan: o.Account.Plan, users: len(o.Account.ActiveUsers)}
	for _, c := range o.PlanChanges {
		if c.Cause == "auto_upgrade" {
			n.climbs++
		}
	}
	for _, b := range o.Account.Balances {
		n.smsMoney += b.Amount.Value().Shift(2).IntPart()
	}
	if o.Invoice == nil {
		return n
	}
	n.due = o.Invoice.AmountDue.Value().Shift(2).IntPart()
	for _, l := range o.Invoice.Lines {
		cents := l.Amount.Value().Shift(2).IntPart()
		switch l.Kind {
		case rating.BaseFee:
			n.base += cents
		case rating.Seat:
			n.seats += cents
		case rating.Package:
			n.packages += cents
		case rating.Metered:
			n.usage += cents
		case rating.Minimum:
			n.minimum += cents
		default:
			panic(fmt.Sprintf("a line of kind %s", l.Kind))
		}
	}
	return n
}

type model struct {
	legacy, annual bool
	signedUp       calendar.Day
	firstCharge    calendar.Day
	closed         calendar.Day // 0: open
	plan           string
	users          []string
	paidSeats      int64 // extras paid this period
	contacts       int64
	contactsAsOf   calendar.Day
	paidPackages   int64
	stretches      []stretch
	pending        map[calendar.Day]map[smsLine]int64 // by day due: segments
	smsMoney       int64
}

// stretch is days with one email allowance: of one period and plan.
type stretch struct {
	from           calendar.Day
	plan           string
	sent, packages int64
}

type smsLine struct {
	service calendar.Day
	late    bool
	price   int64 // of a segment, in hundredths of a cent
	row     string
}

var (
	baseCents     = map[string]int64{"basic": 7900, "plus": 14700, "pro": 29700, "enterprise": 49700, "team": 29700, "pages_free": 0, "pages_premium": 2900}
	includedSeats = map[string]int64{"basic": 1, "plus": 2, "pro": 3, "enterprise": 5, "team": 3}
	sellsSeats    = map[string]bool{"plus": true, "pro": true, "enterprise": true}
)

func newModel(e *rating.AccountEvent) *model {
	m := &model{
		legacy: e.Day < calendar.Date(2018, time.June, 7), annual: e.Term == "annual", signedUp: e.Day, firstCharge: e.Day,
		plan: e.Plan, pending: map[calendar.Day]map[smsLine]int64{},
	}
	if e.Date > e.Day {
		m.firstCharge = e.Date
	}
	m.stretches = []stretch{{from: e.Day, plan: e.Plan}}
	return m
}

// periods counts the billing dates from the first charge to a day, which must
// be one: 1 for the first charge, 0 where the day is none.
func (m *model) periods(day calendar.Day) int {
	y, mo, anchor := m.firstCharge.Civil()
	for n := 0; ; n++ {
		first := time.Date(y, mo+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		date := calendar.Date(first.Year(), first.Month(), min(anchor, last))
		switch {
		case date == day:
			return n + 1
		case date > day:
			return 0
		}
	}
}

func (m *model) alive(day calendar.Day) bool {
	return day >= m.signedUp && (m.closed == 0 || day <= m.closed)
}

func (m *model) night(day calendar.Day, e rating.Events) night {
	var n night
	period := 0
	if m.closed == 0 {
		period = m.periods(day)
	}
	atStart := m.plan
	if period > 0 {
		m.stretch(day)
		m.paidSeats, m.paidPackages = 0, 0
		if !m.annual || period%12 == 1 {
			n.base = baseCents[atStart]
			if m.annual {
				n.base *= 10
			}
		}
	}
	for _, a := range e.Account {
		if a.Type == "cancelled" {
			m.closed = day
		}
	}
	n.climbs = m.readings(day, e.Readings)
	m.comeAndGo(e.Seats)
	n.seats = m.buySeats(m.plan) // also of a renewal: what an upgrade includes is there at once
	n.packages = m.contactPackages() + m.emails(e.Usage)
	m.sms(day, e.Usage)
	n.usage, n.minimum, n.due = m.chargeSMS(day)
	n.due += n.base + n.seats + n.packages
	n.smsMoney, n.plan, n.users = m.smsMoney, m.plan, len(m.users)
	return n
}

// stretch begins a new email allowance on a day.
func (m *model) stretch(day calendar.Day) {
	if last := &m.stretches[len(m.stretches)-1]; last.from == day {
		last.plan = m.plan
		return
	}
	m.stretches = append(m.stretches, stretch{from: day, plan: m.plan})
}

func (m *model) readings(day calendar.Day, readings []rating.Reading) (climbs int) {
	for _, r := range readings {
		if m.alive(r.AsOf) && r.AsOf >= m.contactsAsOf {
			m.contacts, m.contactsAsOf = r.Value, r.AsOf
		}
	}
	for {
		switch {
		case m.plan == "basic" && m.contacts > 1000:
			m.plan = "plus"
		case m.plan == "plus" && m.contacts > 2500:
			m.plan = "pro"
		case m.plan == "pro" && !m.legacy && m.contacts > 10000:
			m.plan = "enterprise"
		default:
			return climbs
		}
		climbs++
		m.stretch(day)
	}
}

func (m *model) comeAndGo(events []rating.SeatEvent) {
	var came []string // today, in order
	for _, e := range events {
		at := slices.Index(m.users, e.User)
		switch {
		case !m.alive(e.Day):
		case e.Action == "activated" && at < 0:
			m.users = append(m.users, e.User)
			came = append(came, e.User)
		case e.Action == "deactivated" && at >= 0:
			m.users = slices.Delete(m.users, at, at+1)
			came = slices.DeleteFunc(came, func(u string) bool { return u == e.User })
		}
	}
	for !sellsSeats[m.plan] && int64(len(m.users)) > includedSeats[m.plan] && len(came) > 0 {
		last := came[len(came)-1]
		came = came[:len(came)-1]
		m.users = slices.DeleteFunc(m.users, func(u string) bool { return u == last })
	}
}

func (m *model) buySeats(plan string) int64 {
	more := int64(len(m.users)) - includedSeats[plan] - m.paidSeats
	if !sellsSeats[plan] || more <= 0 {
		return 0
	}
	m.paidSeats += more
	return more * 4700
}

func (m *model) contactPackages() int64 {
	var included int64
	switch {
	case m.plan == "enterprise":
		included = 20000
	case m.plan == "team", m.plan == "pro" && m.legacy:
		included = 10000
	default:
		return 0
	}
	more := packagesFor(m.contacts-included) - m.paidPackages
	if more <= 0 {
		return 0
	}
	m.paidPackages += more
	return more * 9900
}

// packagesFor counts the packages of 100,000 begun.
func packagesFor(above int64) (n int64) {
	for ; above > 0; above -= 100_000 {
		n++
	}
	return n
}

func (m *model) emails(groups []rating.Usage) (cents int64) {
	for _, u := range groups {
		if u.Meter != "emails" || !m.alive(u.ServiceDate) {
			continue
		}
		s := &m.stretches[0]
		for i := range m.stretches {
			if m.stretches[i].from <= u.ServiceDate {
				s = &m.stretches[i]
			}
		}
		limit := int64(100_000)
		switch {
		case s.plan == "enterprise":
			limit = 500_000
		case s.plan == "team", s.plan == "pro" && m.legacy:
		default:
			continue
		}
		s.sent += u.Quantity.IntPart()
		if more := packagesFor(s.sent-limit) - s.packages; more > 0 {
			s.packages += more
			cents += more * 9900
		}
	}
	return cents
}

func (m *model) sms(day calendar.Day, groups []rating.Usage) {
	for _, u := range groups {
		if u.Meter != "sms" || !m.alive(u.ServiceDate) {
			continue
		}
		l := smsLine{service: u.ServiceDate, late: u.ServiceDate < day}
		direction, country, carrier := u.Dimensions[0], u.Dimensions[1], u.Dimensions[2]
		switch {
		case direction == "inbound":
			l.row, l.price = "inbound", 50
		case country == "US" && carrier == "att":
			l.row, l.price = "att", 120
		case country == "US":
			l.row, l.price = "US", 100
		case country == "GB":
			l.row, l.price = "GB", 400
		default:
			l.row, l.price = "other", 600
		}
		due := max(day, u.ServiceDate+1)
		if m.pending[due] == nil {
			m.pending[due] = map[smsLine]int64{}
		}
		m.pending[due][l] += u.Quantity.IntPart()
	}
}

func (m *model) chargeSMS(day calendar.Day) (usage, minimum, due int64) {
	for l, segments := range m.pending[day] {
		usage += halfUp(big.NewRat(segments*l.price, 100))
	}
	drawn := min(usage, m.smsMoney)
	m.smsMoney -= drawn
	due = usage - drawn
	if due > 0 && due < 1000 {
		minimum = 1000 - due
		m.smsMoney += minimum
		due = 1000
	}
	return usage, minimum, due
}

// halfUp is the whole number nearest to a positive fraction: floor(x + 1/2).
func halfUp(x *big.Rat) int64 {
	x.Add(x, big.NewRat(1, 2))
	return new(big.Int).Quo(x.Num(), x.Denom()).Int64()
}
