package rating

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/nearest"
)

// Opening is an account of the book with which a company that is already in
// business comes: how it stood at the end of the day before the first night.
type Opening struct {
	Account         AccountID
	SignedUpOn      Day
	Plan            string
	Term            string // empty: the catalog's first
	Method          string // empty: none on file
	Currency        string // empty: the catalog's
	NextBillingOn   Day    // on which the base fee is due again; in a trial the day it ends
	FirstPurchaseOn Day    // None: the sign-up, where the plan has a base fee
	ActiveUsers     []string
	Levels          []Level // latest readings; AsOf is not asked for
	Balances        []OpeningBalance
	Offers          []string
	Flags           []string // those of Account.Flags, names of discounts, and the two below
}

// OpeningBalance is what an account of the book has of a balance, or under
// UnusedTimeBalance the open credit for unused time. What expires may come in
// several parts, each with its last good day.
type OpeningBalance struct {
	Name    string
	Amount  decimal.Decimal
	LastDay Day // None: as if it had come on the day of the book
}

// Flags of the book that say how an account stands, and are not kept.
const (
	inTrial     = "trial"     // until the next billing date
	isSuspended = "suspended" // since the day before the first night
)

// Open makes an account of a row of the book, as of the day before the first
// night, as if it had signed up here: its running period is paid for, with the
// seats and packages that it needs. The change says where it comes from. With
// a reason there is no account.
func Open(cat *catalog.Catalog, row *Opening, first Day) (a Account, change PlanChange, reason Reason, detail string) {
	if priced := cat.In(row.Currency); priced != nil {
		cat = priced
	}
	o := opener{cat: cat, version: cat.At(first), cohort: cat.CohortOf(row.SignedUpOn), row: row, first: first}
	if reason, detail = o.refuse(); reason != "" {
		return a, change, reason, detail
	}
	a = o.account()
	change = PlanChange{
		To: a.Plan, Cause: causeOpening, Rule: o.term.Rule, EffectiveOn: first, PriceFrom: max(a.BaseDueOn, first),
		Detail: fmt.Sprintf("cohort %s, term %s, signed up on %s", orNone(o.cohort), a.Term, a.SignedUpOn),
	}
	return a, change, "", ""
}

// opener makes one account of the book.
type opener struct {
	cat     *catalog.Catalog
	version *catalog.Version // in force on the first night
	cohort  string
	row     *Opening
	first   Day // night

	plan     *catalog.Plan // these are found by refuse
	term     *catalog.Term
	balances []Balance
	grants   []Grant
	unused   money.Amount
}

func (o *opener) is(flag string) bool { return slices.Contains(o.row.Flags, flag) }

// refuse is the ladder of reasons why a row of the book cannot be.
func (o *opener) refuse() (Reason, string) {
	for _, check := range []func() (Reason, string){o.refusePlan, o.refuseDates, o.refuseUsers, o.refuseFlags, o.refuseBalances} {
		if reason, detail := check(); reason != "" {
			return reason, detail
		}
	}
	return "", ""
}

func (o *opener) refusePlan() (Reason, string) {
	row, v := o.row, o.version
	if v == nil {
		return NoCatalog, fmt.Sprintf("no catalog version in force on %s", o.first)
	}
	b := billing{cat: o.cat, version: v, account: &Account{}}
	if reason, detail := b.refusePlan(row.Plan, o.cohort); reason != "" {
		return reason, detail
	}
	o.plan, o.term = v.Plan(row.Plan, o.cohort), &v.Terms[0]
	if row.Term != "" {
		o.term = v.Term(row.Term)
	}
	switch {
	case o.term == nil:
		return UnknownTerm, fmt.Sprintf("term %q", row.Term)
	case row.Currency != "" && row.Currency != o.cat.Currency.Code:
		return UnknownCurrency, fmt.Sprintf("currency %q, the catalog has prices in %s", row.Currency, strings.Join(o.cat.Currencies(), ", "))
	case !o.plan.Priced(o.term):
		return NoPrice, b.noPlanPrice(o.plan.Name, o.term.Name)
	}
	return refuseMethod(o.term, row.Method)
}

// refuseDates: the book is of the day before the first night, and no account
// is paid for longer than its term, unless its billing was delayed.
func (o *opener) refuseDates() (Reason, string) {
	row := o.row
	began := back(row.NextBillingOn, o.term.BaseEvery, 1, o.anchor())
	switch {
	case row.SignedUpOn >= o.first:
		return BadDate, fmt.Sprintf("signed up on %s, not before the first night %s", row.SignedUpOn, o.first)
	case row.FirstPurchaseOn != calendar.None && o.is(inTrial):
		return BadDate, fmt.Sprintf("first purchase on %s in a free trial", row.FirstPurchaseOn)
	case row.FirstPurchaseOn != calendar.None && (row.FirstPurchaseOn < row.SignedUpOn || row.FirstPurchaseOn >= o.first):
		return BadDate, fmt.Sprintf("first purchase on %s: want a day from the sign-up on %s to %s", row.FirstPurchaseOn, row.SignedUpOn, o.first-1)
	case row.NextBillingOn <= row.SignedUpOn:
		return BadDate, fmt.Sprintf("next billing date %s is not after the sign-up on %s", row.NextBillingOn, row.SignedUpOn)
	case row.NextBillingOn < o.first && !o.is(isSuspended):
		return BadDate, fmt.Sprintf("next billing date %s is not after %s, the day of the book", row.NextBillingOn, o.first-1)
	case began >= o.first && !o.is(inTrial) && !o.is(catalog.BillingDelayed):
		return BadDate, fmt.Sprintf("next billing date %s: its %s would begin on %s, after the day of the book", row.NextBillingOn, o.term.BaseEvery, began)
	}
	return "", ""
}

// refuseUsers says places of the list and no names, which may be addresses.
func (o *opener) refuseUsers() (Reason, string) {
	at := map[string]int{}
	for i, user := range o.row.ActiveUsers {
		if user == "" {
			return MissingField, fmt.Sprintf("active user %d has no name", i+1)
		}
		if before, twice := at[user]; twice {
			return DuplicateUser, fmt.Sprintf("active users %d and %d are the same", before, i+1)
		}
		at[user] = i + 1
	}
	users := int64(len(o.row.ActiveUsers))
	if seats := o.plan.Seats; seats != nil && seats.AddOn == "" && users > seats.Included {
		return DoesNotFit, fmt.Sprintf("%d active users, plan %s includes %d and sells no more", users, o.plan.Name, seats.Included)
	}
	return "", ""
}

func (o *opener) refuseFlags() (Reason, string) {
	known := []string{inTrial, isSuspended, catalog.EverSuspended, catalog.BillingDelayed}
	for i := range o.version.Discounts {
		known = append(known, o.version.Discounts[i].Name)
	}
	for _, flag := range o.row.Flags {
		if !slices.Contains(known, flag) {
			return UnknownFlag, fmt.Sprintf("flag %q%s", flag, nearest.DidYouMean(flag, known))
		}
	}
	return "", ""
}

func (o *opener) refuseBalances() (Reason, string) {
	known := []string{UnusedTimeBalance}
	for i := range o.version.Balances {
		known = append(known, o.version.Balances[i].Name)
	}
	o.unused = money.Zero(o.cat.Currency)
	for i, b := range o.row.Balances {
		unit := o.cat.Currency
		if of := o.version.Balance(b.Name); of != nil && of.Unit != "" {
			unit = money.Currency{Code: of.Unit}
		}
		amount, err := money.New(b.Amount, unit)
		switch {
		case !slices.Contains(known, b.Name):
			return UnknownBalance, fmt.Sprintf("balance %q%s", b.Name, nearest.DidYouMean(b.Name, known))
		case slices.ContainsFunc(o.row.Balances[:i], func(x OpeningBalance) bool { return x.Name == b.Name && x.LastDay == b.LastDay }):
			return DuplicateBalance, fmt.Sprintf("balance %q stands twice%s", b.Name, untilText(b.LastDay))
		case b.LastDay != calendar.None && b.Name == UnusedTimeBalance:
			return BadDate, fmt.Sprintf("balance %s has a last day, %s; credit for unused time does not expire", b.Name, b.LastDay)
		case b.LastDay != calendar.None && b.LastDay < o.first:
			return BadDate, fmt.Sprintf("balance %s was good to %s, before the first night %s: leave it out", b.Name, b.LastDay, o.first)
		case b.Amount.Sign() < 0:
			return NegativeBalance, fmt.Sprintf("balance %s is %s", b.Name, b.Amount)
		case err != nil:
			return BadAmount, fmt.Sprintf("balance %s: %v", b.Name, err)
		case b.Amount.IsZero():
		case b.Name == UnusedTimeBalance:
			o.unused = amount
		default:
			o.hold(b, amount)
		}
	}
	slices.SortFunc(o.balances, func(x, y Balance) int { return cmp.Compare(x.Name, y.Name) })
	return "", ""
}

// hold takes over an amount of a balance. What expires and has no last day of
// its own counts from the day of the book.
func (o *opener) hold(b OpeningBalance, amount money.Amount) {
	if i := slices.IndexFunc(o.balances, func(x Balance) bool { return x.Name == b.Name }); i >= 0 {
		o.balances[i].Amount = o.balances[i].Amount.Add(amount)
	} else {
		o.balances = append(o.balances, Balance{b.Name, amount})
	}
	last := b.LastDay
	if of := o.version.Balance(b.Name); last == calendar.None && of != nil {
		last = of.Expires.LastDay(o.first-1, o.periodEnd())
	}
	if last != calendar.None {
		o.grants = addGrant(o.grants, Grant{Balance: b.Name, GrantedOn: o.first - 1, LastDay: max(last, o.first), Left: amount})
	}
}

// gifts notes what the plan gives for the running period as given: the book has
// what is left of it.
func (o *opener) gifts(a *Account) {
	b := o.billing(a)
	for i := range o.plan.Gives {
		if g := &o.plan.Gives[i]; b.forPeriod(g) {
			b.noteGiven(g)
		}
	}
	a.Given = b.account.Given
}

func untilText(last Day) string {
	if last == calendar.None {
		return ""
	}
	return fmt.Sprintf(" with the last day %s", last)
}

// periodEnd is the first day after the running billing period.
func (o *opener) periodEnd() Day {
	var a Account
	o.period(&a)
	return a.NextBillingOn
}

// anchor is the day of the month that billing dates keep. The last day of a
// short month may stand for a later one, which the first charge tells (rule
// MK-1) unless the term before would begin too late with it.
func (o *opener) anchor() int {
	next := o.row.NextBillingOn
	_, month, anchor := next.Civil()
	_, _, later := cmp.Or(o.row.FirstPurchaseOn, o.row.SignedUpOn).Civil()
	_, after, _ := (next + 1).Civil()
	if after == month || later < anchor || back(next, o.term.BaseEvery, 1, later) >= o.first {
		return anchor
	}
	return later
}

func (o *opener) account() Account {
	row := o.row
	a := Account{
		ID: row.Account, SignedUpOn: row.SignedUpOn, BilledThrough: o.first - 1,
		Plan: row.Plan, PlanSince: row.SignedUpOn, Term: o.term.Name, Method: row.Method, Currency: o.cat.Currency,
		Offers: sorted(row.Offers), ActiveUsers: sorted(row.ActiveUsers), Balances: o.balances, Grants: o.grants, FirstPurchaseOn: row.FirstPurchaseOn,
	}
	o.period(&a)
	for _, l := range row.Levels {
		a.Levels = append(a.Levels, Level{l.Meter, o.first - 1, l.Value})
	}
	slices.SortFunc(a.Levels, func(x, y Level) int { return cmp.Compare(x.Meter, y.Meter) })
	a.Flags = slices.DeleteFunc(sorted(row.Flags), func(f string) bool { return f == inTrial || f == isSuspended })
	if o.is(isSuspended) {
		a.Suspensions = []Suspension{{From: o.first - 1}}
		a.Flags = sorted(append(a.Flags, catalog.EverSuspended))
	}
	o.discounts(&a)
	o.gifts(&a)
	if o.unused.Sign() > 0 {
		a.Unused = []UnusedTime{{
			Rule: o.plan.Rule, Description: fmt.Sprintf("unused time, open on %s", o.first-1), Amount: o.unused,
			PeriodStart: a.PeriodStart, PeriodEnd: a.NextBillingOn,
		}}
	}
	o.addOns(&a)
	o.base(&a)
	return a
}

// discounts makes flags that name discounts into grants, of which the periods
// are counted from the book on; nonprofit stays a flag.
func (o *opener) discounts(a *Account) {
	b := billing{cat: o.cat, version: o.version, account: new(*a)}
	for _, flag := range slices.Clone(a.Flags) {
		if d := o.version.Discount(flag); d != nil && flag != nonprofit && catalog.Priced(d.Amount) {
			b.dropFlag(flag)
			b.holdDiscount(d)
		}
	}
	a.Flags, a.Discounts = b.account.Flags, b.account.Discounts
}

// period finds the running billing period. Where a base fee pays for several
// of them, the row says when that is due, and the billing dates between are
// counted back from there.
func (o *opener) period(a *Account) {
	a.AnchorDay, a.BaseDueOn, a.NextBillingOn = o.anchor(), o.row.NextBillingOn, o.row.NextBillingOn
	if o.is(inTrial) {
		a.TrialEndsOn, a.PeriodStart = a.NextBillingOn, a.SignedUpOn
	} else {
		if o.term.Period != o.term.BaseEvery {
			for n := 1; o.before(n) >= o.first; n++ {
				a.NextBillingOn = o.before(n)
			}
		}
		for n := 1; a.PeriodStart == calendar.None || a.PeriodStart >= min(o.first, a.NextBillingOn); n++ {
			a.PeriodStart = o.before(n)
		}
		a.PeriodStart = max(a.PeriodStart, a.SignedUpOn)
		if _, price := o.plan.Fee(o.term); a.FirstPurchaseOn == calendar.None && !price.IsZero() {
			a.FirstPurchaseOn = a.SignedUpOn
		}
		a.FirstChargeOn = cmp.Or(a.FirstPurchaseOn, a.SignedUpOn)
	}
	a.Segments = []Segment{{From: a.PeriodStart, PeriodStart: a.PeriodStart, PeriodEnd: a.NextBillingOn, Plan: a.Plan}}
}

// before is the billing date n periods before the one of the row.
func (o *opener) before(n int) Day { return back(o.row.NextBillingOn, o.term.Period, n, o.anchor()) }

// back is the day n cycles before another.
func back(day Day, c catalog.Cycle, n, anchor int) Day {
	if c.Months > 0 {
		return day.AddMonths(-n*c.Months, anchor)
	}
	return day - Day(n*c.Days)
}

// base puts the base fee of the running cycle in force, as paid for, or in
// arrears as still to be charged, at the price of the cycle's first day. What is
// free has no cycle of its own.
func (o *opener) base(a *Account) {
	if a.FirstChargeOn == calendar.None {
		return
	}
	from := a.PeriodStart
	if _, price := o.plan.Fee(o.term); price.IsZero() {
		a.BaseDueOn = a.NextBillingOn
	} else if o.term.Period != o.term.BaseEvery {
		from = o.first
		for n := 1; from >= min(o.first, a.BaseDueOn); n++ {
			from = max(back(a.BaseDueOn, o.term.BaseEvery, n, a.AnchorDay), a.SignedUpOn)
		}
	}
	b := o.billing(a)
	if v := o.cat.At(from); v != nil && v.Plan(a.Plan, o.cohort) != nil && v.Term(a.Term) != nil {
		b.version = v
	}
	a.Base = b.assumedBase(a.Plan)
	if a.Base.From = from; a.Base.Since != calendar.None {
		a.Base.Since = from
	}
}

func (o *opener) billing(a *Account) *billing {
	return &billing{cat: o.cat, version: o.version, cohort: o.cohort, account: new(*a)}
}

// addOns puts what the account needs beyond its plan in force, as paid for in
// the running period, at the price of the period's first day.
func (o *opener) addOns(a *Account) {
	b := o.billing(a)
	add := func(name string, quantity int64) {
		addOn := o.version.AddOn(name)
		if addOn == nil || quantity <= 0 || addOn.TrialFree && a.FirstChargeOn == calendar.None {
			return
		}
		if v := o.cat.At(a.PeriodStart); v != nil && v.AddOn(name) != nil {
			addOn = v.AddOn(name)
		}
		b.buy(addOn, addOn.Rule, quantity, money.Whole, "")
	}
	if seats := o.plan.Seats; seats != nil {
		add(seats.AddOn, int64(len(a.ActiveUsers))-seats.Included)
	}
	for _, allowance := range o.plan.Allowances {
		if addOn := o.version.AddOn(allowance.AddOn); addOn != nil && o.cat.Meter(allowance.Meter).Kind == catalog.Latest {
			add(allowance.AddOn, packages(whole(b.levelValue(allowance.Meter)), allowance.Limit, addOn.Adds))
		}
	}
	a.AddOns = b.account.AddOns
}

// sorted is a sorted copy without repetitions, nil where it is empty.
func sorted(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
