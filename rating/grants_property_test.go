package rating_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
)

func grantsCatalog(t *rapid.T, replace ...string) *catalog.Catalog {
	text, err := os.ReadFile("../fixtures/catalogs/grants.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Parse("grants.yaml", []byte(strings.NewReplacer(replace...).Replace(string(text))))
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

// TestGrantsAgainstModel bills random lives and compares every night's
// balances with a second reading of docs/catalog.md: a model of the catalog
// grants that counts calls and cents and shares no code with Bill.
func TestGrantsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cat := grantsCatalog(t)
		first := calendar.Date(2024, time.January, 28) + calendar.Day(rapid.IntRange(0, 5).Draw(t, "sign-up"))
		a := rating.Account{ID: "A"}
		m := &grantModel{first: first}
		for day := first; day < first+75; day++ {
			e := grantDay(t, day, first)
			o, err := billChecked(cat, a, day, e)
			if err != nil {
				t.Fatal(err)
			}
			m.night(day, e)
			if got, want := heldText(&o.Account), m.text(); got != want || o.Account.Plan != m.plan {
				t.Fatalf("%s %s:\n got %s\nwant %s\n(plan %s)\n%+v", day, o.Account.Plan, got, want, m.plan, o.Movements)
			}
			due := int64(0)
			if o.Invoice != nil {
				due = o.Invoice.AmountDue.Value().Shift(2).IntPart()
			}
			if due != m.due {
				t.Fatalf("%s: due %d, want %d", day, due, m.due)
			}
			a = o.Account
		}
	})
}

// grantDay draws what happens on a day.
func grantDay(t *rapid.T, day, first calendar.Day) rating.Events {
	var e rating.Events
	event := func(kind string) *rating.AccountEvent {
		e.Account = append(e.Account, rating.AccountEvent{Origin: rating.Origin{Source: "account_events", Rows: 1}, Day: day, Type: kind})
		return &e.Account[len(e.Account)-1]
	}
	plans := rapid.SampledFrom([]string{"free", "starter", "team"})
	if day == first {
		s := event("signed_up")
		s.Plan, s.Method, s.Offer = plans.Draw(t, "plan"), "card", rapid.SampledFrom([]string{"", "welcome"}).Draw(t, "offer")
		if days := rapid.IntRange(-10, 10).Draw(t, "trial"); days > 0 {
			s.Date = day + calendar.Day(days)
		}
	}
	switch rapid.IntRange(0, 19).Draw(t, "what") {
	case 0, 1:
		event("plan_changed").Plan = plans.Draw(t, "to")
	case 2, 3:
		b := event("credits_purchased")
		b.Service, b.Quantity = rapid.SampledFrom([]string{"calls", "top_up"}).Draw(t, "service"), rapid.Int64Range(1, 120).Draw(t, "quantity")
	case 4:
		if rapid.IntRange(0, 9).Draw(t, "cancels") == 0 {
			event("cancelled")
		}
	}
	for _, meter := range []string{"calls", "messages"} {
		for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, meter) {
			e.Usage = append(e.Usage, rating.Usage{
				Origin: rating.Origin{Source: meter, Rows: 1}, Meter: meter, ServiceDate: day - calendar.Day(rapid.SampledFrom([]int{0, 0, 0, 1, 2, 14, 30}).Draw(t, "late")),
				Quantity: decimal.NewFromInt(rapid.SampledFrom([]int64{0, 1, 10, 40, 100, 240}).Draw(t, "quantity")),
			})
		}
	}
	slices.SortStableFunc(e.Usage, compareUsage)
	return e
}

// heldText is what an account holds, by balance and last day.
func heldText(a *rating.Account) string {
	sums := map[string]int64{}
	for _, b := range a.Balances {
		sums[b.Name] = b.Amount.Value().Shift(b.Amount.Currency().Minor).IntPart()
	}
	var all []string
	for _, g := range a.Grants {
		left := g.Left.Value().Shift(g.Left.Currency().Minor).IntPart()
		sums[g.Balance] -= left
		all = append(all, fmt.Sprintf("%s %d from %d of %d to %d", g.Balance, left, g.From, g.GrantedOn, g.LastDay))
	}
	for name, rest := range sums {
		if rest != 0 {
			all = append(all, fmt.Sprintf("%s %d that does not expire", name, rest))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// grantModel is the catalog grants as a clerk would keep it by hand.
type grantModel struct {
	first, next, start, closed calendar.Day // sign-up, next billing date, first charge
	plan, pending              string
	parts                      []part
	given, before              map[string]int64
	waiting                    map[calendar.Day]map[calendar.Day]int64 // messages by day due and day of use
	due                        int64
}

type part struct {
	name                string
	left                int64
	from, granted, last calendar.Day
}

// order of the balances: priority, and the place in the charge's list.
var order = map[string][2]int{
	"included": {1, 3}, "welcome": {2, 2}, "bought": {2, 1}, "stock": {9, 0},
	"wallet": {1, 1}, "top_up": {2, 0}, "change": {9, 2},
}

// planGifts are units or cents for each period.
var planGifts = map[string]map[string]int64{"starter": {"included": 100, "wallet": 500}, "team": {"included": 300, "stock": 10}}

var rank = map[string]int{"free": 0, "starter": 1, "team": 2}

// later is a day so many months later, the last of a month that is too short.
func later(day calendar.Day, months, dayOfMonth int) calendar.Day {
	y, m, _ := day.Civil()
	first := time.Date(y, m+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
	return calendar.Date(first.Year(), first.Month(), min(dayOfMonth, first.AddDate(0, 1, -1).Day()))
}

func (m *grantModel) put(day calendar.Day, name string, amount int64, from calendar.Day) {
	if amount <= 0 {
		return
	}
	_, _, dom := day.Civil()
	last := max(day, m.next-1)
	switch name {
	case "welcome":
		last = day + 13
	case "change":
		last = day + 9
	case "bought":
		last = later(day, 3, dom) - 1
	case "top_up":
		last = later(day, 12, dom) - 1
	}
	for i := range m.parts {
		if p := &m.parts[i]; p.name == name && p.from == from && p.granted == day && p.last == last {
			p.left += amount
			return
		}
	}
	m.parts = append(m.parts, part{name, amount, from, day, last})
}

func (m *grantModel) give(day calendar.Day) {
	for _, name := range []string{"included", "wallet", "stock"} {
		amount := planGifts[m.plan][name]
		if amount == 0 || name == "included" && m.plan == "team" && day < m.start {
			continue
		}
		if m.given == nil {
			m.given = map[string]int64{}
		}
		m.put(day, name, amount-m.given[name], day)
		m.given[name] = max(m.given[name], amount)
	}
}

func (m *grantModel) night(day calendar.Day, e rating.Events) {
	renews := m.closed == 0 && day == m.next && day > m.first
	m.due = 0
	if renews {
		m.renew(day)
	}
	for i := range e.Account {
		m.event(day, &e.Account[i], &renews)
	}
	m.messages(day, e.Usage)
	calls := map[calendar.Day]int64{}
	for _, u := range e.Usage {
		if u.Meter == "calls" && m.lived(u.ServiceDate) {
			calls[u.ServiceDate] += u.Quantity.IntPart()
		}
	}
	for d := day - 40; d < day; d++ {
		m.due += 10 * m.draw(d, calls[d], "included", "welcome", "bought", "stock")
	}
	m.chargeMessages(day)
	m.lapse(day, renews)
	m.due += 10 * m.draw(day, calls[day], "included", "welcome", "bought", "stock")
}

func (m *grantModel) lived(day calendar.Day) bool {
	return day >= m.first && (m.closed == 0 || day <= m.closed)
}

func (m *grantModel) renew(day calendar.Day) {
	if m.pending != "" {
		m.plan, m.pending = m.pending, ""
	}
	m.period(day)
	m.give(day)
}

// period begins a billing period and charges its fee.
func (m *grantModel) period(day calendar.Day) {
	_, _, dom := m.start.Civil()
	m.next = later(day, 1, dom)
	m.before, m.given = m.given, nil
	m.due += map[string]int64{"starter": 2000, "team": 5000}[m.plan]
}

func (m *grantModel) event(day calendar.Day, e *rating.AccountEvent, renews *bool) {
	if m.closed != 0 {
		return
	}
	switch e.Type {
	case "signed_up":
		m.plan, m.start, m.next = e.Plan, max(day, e.Date), e.Date
		if m.start == day {
			m.period(day)
			*renews = true
		}
		m.give(day)
		if e.Offer == "welcome" && m.plan == "starter" {
			m.put(day, "welcome", 30, day)
		}
	case "plan_changed":
		switch {
		case e.Plan == m.plan:
			m.pending = ""
		case rank[e.Plan] > rank[m.plan]:
			m.plan, m.pending = e.Plan, ""
			m.give(day)
		default:
			m.pending = e.Plan
		}
	case "credits_purchased":
		m.buy(day, e)
	case "cancelled":
		m.closed = day
	}
}

func (m *grantModel) buy(day calendar.Day, e *rating.AccountEvent) {
	cents := map[string][2]int64{"calls": {10, 8}, "top_up": {100, 90}}[e.Service]
	each := cents[0]
	if e.Quantity > 99 {
		each = cents[1]
	}
	m.due += e.Quantity * each
	if e.Service == "calls" {
		m.put(day, "bought", e.Quantity, 0)
	} else {
		m.put(day, "top_up", 100*e.Quantity, 0)
	}
}

// draw takes from the best part that is good on a day until nothing is wanted
// or left, and is what is short.
func (m *grantModel) draw(day calendar.Day, want int64, names ...string) int64 {
	for want > 0 {
		var best *part
		for i := range m.parts {
			p := &m.parts[i]
			if !slices.Contains(names, p.name) || p.left == 0 || day < p.from || day > p.last {
				continue
			}
			if best == nil || sooner(p, best) {
				best = p
			}
		}
		if best == nil {
			break
		}
		taken := min(want, best.left)
		best.left -= taken
		want -= taken
	}
	m.parts = slices.DeleteFunc(m.parts, func(p part) bool { return p.left == 0 })
	return want
}

func sooner(x, y *part) bool {
	return cmp.Or(order[x.name][0]-order[y.name][0], int(x.last-y.last), int(x.granted-y.granted), order[x.name][1]-order[y.name][1]) < 0
}

func (m *grantModel) messages(day calendar.Day, usage []rating.Usage) {
	for _, u := range usage {
		if u.Meter != "messages" || !m.lived(u.ServiceDate) {
			continue
		}
		on := max(day, u.ServiceDate+1)
		if m.waiting == nil {
			m.waiting = map[calendar.Day]map[calendar.Day]int64{}
		}
		if m.waiting[on] == nil {
			m.waiting[on] = map[calendar.Day]int64{}
		}
		m.waiting[on][u.ServiceDate] += 5 * u.Quantity.IntPart()
	}
}

func (m *grantModel) chargeMessages(day calendar.Day) {
	short := int64(0)
	for d := day - 40; d < day; d++ {
		short += m.draw(d, m.waiting[day][d], "wallet", "top_up", "change")
	}
	if short > 0 && short < 1000 {
		m.put(day, "change", 1000-short, 0)
		short = 1000
	}
	m.due += short
}

// lapse ends what is over, and carries what a period that ended left.
func (m *grantModel) lapse(day calendar.Day, renews bool) {
	carry := map[string]int64{"included": 40, "stock": 12, "wallet": 800}
	least := map[string]int64{"stock": 4, "wallet": 100}
	for _, name := range []string{"included", "stock", "wallet"} {
		left := int64(0)
		for _, p := range m.parts {
			if p.name == name && p.last < day {
				left += p.left
			}
		}
		over := left - carry[name]
		slices.SortStableFunc(m.parts, func(x, y part) int {
			return cmp.Or(int(x.last-y.last), int(x.granted-y.granted), int(x.from-y.from))
		})
		for i := range m.parts {
			p := &m.parts[i]
			if p.name != name || p.last >= day || !renews {
				continue
			}
			if over > 0 {
				cut := min(over, p.left)
				p.left, over = p.left-cut, over-cut
			}
			p.last = m.next - 1
		}
		_, had := m.before[name]
		if _, has := m.given[name]; renews && had && has && left < least[name] {
			m.put(day, name, least[name]-left, day)
		}
	}
	m.parts = slices.DeleteFunc(m.parts, func(p part) bool { return p.left == 0 || p.last < day })
}

func (m *grantModel) text() string {
	var all []string
	for _, p := range m.parts {
		all = append(all, fmt.Sprintf("%s %d from %d of %d to %d", p.name, p.left, p.from, p.granted, p.last))
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

// TestGrantsAddUp bills random lives with all that can happen to an account,
// taxes, prorated plan changes whose credit goes before prepaid money, and
// counted usage. Over a life every balance adds up, and in the end, when
// everything has expired, nothing is left.
func TestGrantsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cat := grantsCatalog(t, "upgrade: {allowances: at_once, price: next_billing_date", "upgrade: {allowances: at_once, price: prorated",
			"downgrade: {allowances: next_billing_date, price: next_billing_date", "downgrade: {allowances: at_once, price: prorated")
		first := calendar.Date(2024, time.January, 31)
		a := rating.Account{ID: "A", Customer: rating.Customer{Country: rapid.SampledFrom([]string{"", "DE"}).Draw(t, "country")}}
		held := map[string]decimal.Decimal{}
		for day := first; day < first+450; day++ {
			var e rating.Events
			switch {
			case day < first+60:
				e = grantDay(t, day, first)
				more(t, &e, day)
			case day == first+60: // a suspended account is not closed by itself
				e.Account = []rating.AccountEvent{{Origin: rating.Origin{Source: "account_events", Rows: 1}, Day: day, Type: "cancelled"}}
			}
			o, err := billChecked(cat, a, day, e)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range o.Movements {
				if m.Lapsed.Sign() < 0 || m.Added.Sign() < 0 || m.Used.Sign() < 0 {
					t.Fatalf("%s: %+v", day, m)
				}
				held[m.Balance] = held[m.Balance].Add(m.Added.Value()).Sub(m.Used.Value()).Sub(m.Lapsed.Value())
				if !held[m.Balance].Equal(m.Closing.Value()) {
					t.Fatalf("%s: %s comes to %s, the balance is %s", day, m.Balance, held[m.Balance], m.Closing)
				}
			}
			paidFirst(t, &o)
			a = o.Account
		}
		if len(a.Balances)+len(a.Grants) > 0 {
			t.Fatalf("left: %+v %+v", a.Balances, a.Grants)
		}
	})
}

// paidFirst: while there is money that was bought, usage is not charged. Credit
// for unused time goes before it.
func paidFirst(t *rapid.T, o *rating.Outcome) {
	left := slices.ContainsFunc(o.Account.Grants, func(g rating.Grant) bool { return g.Balance == "top_up" })
	if o.Invoice == nil || !left {
		return
	}
	usage := decimal.Decimal{}
	for _, l := range o.Invoice.Lines {
		if l.Kind == rating.Credit {
			return
		}
		if slices.Contains([]string{"messages", "minutes", "storage"}, l.Meter) {
			usage = usage.Add(l.Amount.Value())
		}
	}
	if !usage.Equal(o.Invoice.CreditsApplied.Value()) {
		t.Fatalf("%s: %s of usage, %s paid from balances that still hold money: %+v", o.Invoice.IssuedOn, usage, o.Invoice.CreditsApplied, o.Invoice.Lines)
	}
}

// more draws what the model does not know.
func more(t *rapid.T, e *rating.Events, day calendar.Day) {
	event := rating.AccountEvent{Origin: rating.Origin{Source: "account_events", Rows: 1}, Day: day}
	switch rapid.IntRange(0, 11).Draw(t, "more") {
	case 0:
		event.Type = "suspended"
	case 1, 2:
		event.Type = "resumed"
	case 3:
		event.Type, event.Date = "billing_date_changed", day+calendar.Day(rapid.IntRange(1, 40).Draw(t, "days"))
	case 4:
		event.Type, event.Service = "package_subscribed", "call_pack"
	case 5:
		event.Type, event.Service = "package_unsubscribed", "call_pack"
	}
	if event.Type != "" {
		e.Account = append(e.Account, event)
	}
	for _, meter := range []string{"minutes", "storage"} {
		if rapid.Bool().Draw(t, meter) {
			e.Usage = append(e.Usage, rating.Usage{
				Origin: rating.Origin{Source: meter, Rows: 1}, Meter: meter, ServiceDate: day - calendar.Day(rapid.SampledFrom([]int{0, 0, 1, 20}).Draw(t, "late")),
				Quantity: decimal.NewFromInt(rapid.SampledFrom([]int64{1, 40, 100, 240}).Draw(t, "quantity")),
			})
		}
	}
	slices.SortStableFunc(e.Usage, compareUsage)
}
