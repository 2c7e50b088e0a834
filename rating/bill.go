package rating

import (
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Bill does one billing day of one account: its state at the end of the day
// before and the day's events in, its state at the end of the day and its
// documents out. Days are billed without a gap: account.BilledThrough is the
// day before, but for an account that has not signed up yet.
//
// Bill changes neither account nor events.
func Bill(cat *catalog.Catalog, account Account, day Day, events Events) Outcome {
	return *new(Biller).Bill(cat, &account, day, events)
}

// do goes through the steps of the day.
func (b *billing) do(events Events) {
	b.renew()
	b.accountEvents(events.Account)
	b.customers(events.Customers)
	b.readings(events.Readings)
	b.seats(events.Seats)
	b.recurring()
	b.usage(events.Usage)
	b.due()
	b.commitments()
	b.payments(events.Payments)
	b.invoice()
	b.refunds()
	b.end()
}

// billing is an account's day in the making.
type billing struct {
	home    *catalog.Catalog // with the prices of all currencies
	cat     *catalog.Catalog // with those of the account's
	version *catalog.Version // in force on the day; nil before the first
	day     Day
	cohort  string
	account *Account // the outcome's, in the making
	out     Outcome

	renewal     *renewal
	lines       []Line
	net         []money.Amount // of the lines, less their discounts
	taxShares   []taxShare
	draws       []draw
	grants      []Grant   // as they stand, in the order of compareGrants
	givenBefore []Balance // for the period that the renewal ended
	room        []Balance // what the renewal could have carried of a balance beyond what there was
	lapsed      bool      // the grants whose last day was before the day
	seatEvents  []SeatEvent
	usersBefore []string             // at the beginning of the day
	moves       map[string]*Movement // looked up by name; read out in sorted order
	refundAsked []*AccountEvent
	levels      levels
	seen        map[uniqueKey]*seenKeys // looked up by the key of a tally alone

	moved     bool // into another plan, by a customer's wish
	termEnded bool // before its time (rule MK-16)
	added     bool // something whose charge waits for the next invoice

	memory memory

	movedBaseDue Day // when the base fee of the renewal is due again, where the billing date has moved today

	priceMove   *catalog.PlanMove // the day's last change of plan with prorated prices
	priceMoment moment
}

// renewal is a start of a billing period that falls on the day, with the plan
// and term of the start of the day (rule G-6).
type renewal struct {
	plan *catalog.Plan
	term *catalog.Term
}

func (b *billing) begin(cat *catalog.Catalog, account *Account, day Day) {
	home := cat
	if priced := cat.In(account.Currency.Code); priced != nil {
		cat = priced
	}
	*b = billing{home: home, cat: cat, version: cat.At(day), day: day, usersBefore: account.ActiveUsers, memory: b.memory}
	b.out.Account = *account
	b.account = &b.out.Account
	b.account.ownLists()
	b.useMemory()
	if b.account.Exists() {
		b.cohort = cat.CohortOf(b.account.SignedUpOn)
	}
	b.openBalances()
}

// openBalances begins the day's movements, with what the account holds.
func (b *billing) openBalances() {
	b.grants = slices.Clone(b.account.Grants)
	b.moves = nil
	for _, held := range b.account.Balances {
		b.moveFrom(held.Name, held.Amount)
	}
	if open := b.account.UnusedTime(); open.Sign() > 0 {
		b.moveFrom(UnusedTimeBalance, open)
	}
}

// ownLists copies the lists of an account, so that billing never writes into
// those of its argument.
func (a *Account) ownLists() {
	a.Segments = slices.Clone(a.Segments)
	a.Counters = slices.Clone(a.Counters)
	a.Levels = slices.Clone(a.Levels)
	a.ActiveUsers = slices.Clone(a.ActiveUsers)
	a.AddOns = slices.Clone(a.AddOns)
	a.Balances = slices.Clone(a.Balances)
	a.Given = slices.Clone(a.Given)
	a.Unused = slices.Clone(a.Unused)
	a.Waiting = slices.Clone(a.Waiting)
	a.Due = slices.Clone(a.Due)
	a.Tallies = slices.Clone(a.Tallies)
	a.Discounts = slices.Clone(a.Discounts)
	a.Spends = slices.Clone(a.Spends)
	a.Flags = slices.Clone(a.Flags)
	a.Suspensions = slices.Clone(a.Suspensions)
	a.Subscriptions = slices.Clone(a.Subscriptions)
	a.FreeUsed = slices.Clone(a.FreeUsed)
	a.Collections = slices.Clone(a.Collections)
	a.Refundable = slices.Clone(a.Refundable)
}

// end brings the account's lists into their order, forgets what lies beyond
// the window, and closes the books of the day.
func (b *billing) end() {
	a := b.account
	if a.Exists() {
		a.BilledThrough = b.day
		if a.ClosedOn != calendar.None {
			a.BaseDueOn, a.Subscriptions, a.Base, a.Given = calendar.None, nil, BaseInForce{}, nil
		}
		b.forget()
		b.linkRefundable() // before collections are forgotten
		b.forgetRefundable()
	}
	b.forgetCollections()
	b.closeUnused()
	a.Balances, a.Grants = a.Balances[:0:0], b.grants
	for _, name := range b.balanceNames() {
		m := b.moves[name]
		b.out.Movements = append(b.out.Movements, *m)
		if name != UnusedTimeBalance && m.Closing.Sign() != 0 {
			a.Balances = append(a.Balances, Balance{name, m.Closing})
		}
	}
	b.leaveMemory()
}

// forget drops the segments and suspensions that ended before the window, with
// their counters: no usage that old is accepted any more.
func (b *billing) forget() {
	a := b.account
	oldest := b.day - Day(b.cat.WindowDays)
	b.forgetSpends(oldest)
	for len(a.Segments) > 1 && a.Segments[1].From <= oldest {
		b.keepPackages(&a.Segments[0], &a.Segments[1])
		from := a.Segments[0].From
		a.Segments = a.Segments[1:]
		a.Counters = slices.DeleteFunc(a.Counters, func(c Counter) bool { return c.From == from })
	}
	b.forgetTallies(oldest)
	a.Suspensions = slices.DeleteFunc(a.Suspensions, func(s Suspension) bool { return s.Until != calendar.None && s.Until <= oldest })
}

// plan is what the account's plan gives it on the day, or nil where the
// catalog in force does not know the plan for its cohort.
func (b *billing) plan() *catalog.Plan {
	if b.version == nil {
		return nil
	}
	return b.version.Plan(b.account.Plan, b.cohort)
}

// lived tells why a day is outside the account's life, or "" (rule G-2: by
// day, whatever the hour; the days of sign-up and cancellation are inside).
func (b *billing) lived(day Day) Reason {
	switch a := b.account; {
	case !a.Exists() || day < a.SignedUpOn:
		return UnknownAccount
	case a.ClosedOn != calendar.None && day > a.ClosedOn:
		return AccountClosed
	}
	return ""
}

func (b *billing) reject(o Origin, reason Reason, detail string) {
	b.out.Rejections = append(b.out.Rejections, Rejection{o, reason, detail})
}

func (b *billing) leaveOut(o Origin, reason Reason) {
	b.out.Unbillable = append(b.out.Unbillable, Unbillable{o, reason})
}

// line makes a line's amount: quantity × price × part, rounded once (rule G-4).
func (b *billing) line(l Line) Line {
	b.reckon(&l)
	return l
}

// reckon is line of a line that stays where it is.
func (b *billing) reckon(l *Line) {
	l.Amount = money.Line(l.Quantity, l.UnitPrice, l.Part, b.account.Currency, b.cat.Rounding)
	l.Calculation = calculation(l)
}

func (b *billing) addLine(l Line) { b.lines = append(b.lines, l) }

func whole(n int64) decimal.Decimal { return decimal.NewFromInt(n) }
