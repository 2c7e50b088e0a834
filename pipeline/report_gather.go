package pipeline

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/writers/report"
)

// of is the money in a currency.
func (r *reporting) of(currency string) *report.Money {
	m := r.money[currency]
	if m == nil {
		m = &report.Money{Currency: currency, Minor: 2}
		if c, err := money.LookupCurrency(currency); err == nil {
			m.Minor = c.Minor
		}
		r.money[currency] = m
	}
	return m
}

// gather brings the sums of all entries together.
func (r *reporting) gather() {
	for _, x := range r.sums {
		for at, s := range x.sums { // sums commute
			r.gatherSum(x, at, s)
		}
		for at, u := range x.usage {
			r.gatherUsage(x, at, u)
		}
		for reason, j := range x.rejects {
			r.gatherRejects(x, reason, j)
		}
		for currency, n := range x.failed {
			r.of(currency).FailedAccounts += n
		}
	}
	r.sources()
	r.balances()
	for _, currency := range sortedKeys(r.money) {
		r.finishMoney(r.money[currency])
	}
	r.checks()
	for _, currency := range sortedKeys(r.money) {
		r.facts.Money = append(r.facts.Money, *r.money[currency])
	}
	slices.SortFunc(r.facts.Usage, func(a, b report.Usage) int {
		return cmp.Or(cmp.Compare(a.Meter, b.Meter), cmp.Compare(a.Currency, b.Currency))
	})
	slices.SortFunc(r.facts.Rejects, func(a, b report.Rejected) int { return cmp.Compare(a.Reason, b.Reason) })
	slices.SortFunc(r.facts.Series, func(a, b report.Series) int { return cmp.Compare(a.Name, b.Name) })
}

func (r *reporting) gatherSum(x *entrySums, at sumName, s *tableSum) {
	if strings.HasPrefix(at.currency, " ") || at.of == ofBalances {
		if x.now {
			r.closing(at).addSum(s)
		}
		return
	}
	m := r.of(at.currency)
	switch at.of {
	case ofKinds:
		addNamed(&m.Kinds, x.now, at.name, s)
	case ofPlans:
		addNamed(&m.Plans, x.now, at.name, s)
	case ofDocuments:
		addNamed(&m.Documents, x.now, at.name, s)
		addPair(&m.Invoiced, x.now, s)
	case ofTest:
		if x.now {
			m.Test.Rows += s.rows
		}
		addPair(&m.Test.Pair, x.now, s)
	case ofApplied:
		addPair(&m.Applied, x.now, s)
	case ofDue:
		addPair(&m.Due, x.now, s)
	case ofAttempts:
		addNamed(&m.Attempts, x.now, at.name, s)
	case ofReasons:
		addNamed(&m.FailedReasons, x.now, at.name, s)
	case ofAges:
		class, _ := strconv.Atoi(at.name) // ours
		if m.Failed == nil {
			m.Failed = slices.Clone(ages)
		}
		m.Failed[class].Count += s.rows
		m.Failed[class].Amount = m.Failed[class].Amount.Add(s.decimal())
	}
}

func addPair(p *report.Pair, now bool, s *tableSum) {
	if now {
		p.Now = p.Now.Add(s.decimal())
	} else {
		p.Before = p.Before.Add(s.decimal())
	}
}

func addNamed(list *[]report.Named, now bool, name string, s *tableSum) {
	n := slot(list, func(n *report.Named) bool { return n.Name == name })
	n.Name = name
	addPair(&n.Pair, now, s)
	if now {
		n.Rows += s.rows
	}
}

func (r *reporting) gatherUsage(x *entrySums, at [2]string, u *usageSum) {
	s := slot(&r.facts.Usage, func(s *report.Usage) bool { return s.Meter == at[0] && s.Currency == at[1] })
	s.Meter, s.Currency = at[0], at[1]
	rows := decimal.NewFromInt(u.rows)
	if !x.now {
		s.Rows.Before, s.Quantity.Before, s.Amount.Before = s.Rows.Before.Add(rows), s.Quantity.Before.Add(u.quantity), s.Amount.Before.Add(u.amount)
		return
	}
	s.Rows.Now, s.Quantity.Now, s.Amount.Now = s.Rows.Now.Add(rows), s.Quantity.Now.Add(u.quantity), s.Amount.Now.Add(u.amount)
	if s.Days == nil {
		s.Days = make([]decimal.Decimal, r.facts.Span.Last.Day-r.facts.Span.First.Day+1)
	}
	day := &s.Days[x.entry.Day-r.facts.Span.First.Day]
	*day = day.Add(u.quantity)
}

func (r *reporting) gatherRejects(x *entrySums, reason string, j *rejectSum) {
	s := slot(&r.facts.Rejects, func(s *report.Rejected) bool { return s.Reason == reason })
	s.Reason = reason
	if !x.now {
		s.Before += j.refused + j.writtenOff
		return
	}
	s.Refused, s.WrittenOff, s.Recycled, s.Waiting = s.Refused+j.refused, s.WrittenOff+j.writtenOff, s.Recycled+j.recycled, s.Waiting+j.waiting
}

// closing is what the balances table of the last entry has.
func (r *reporting) closing(at sumName) *tableSum {
	if r.closings == nil {
		r.closings = map[sumName]*tableSum{}
	}
	s := r.closings[at]
	if s == nil {
		s = &tableSum{}
		r.closings[at] = s
	}
	return s
}

// balances are the movements of the span by the control totals.
func (r *reporting) balances() {
	for _, t := range r.totals.Balances {
		b := report.Balance{Name: t.Balance, Unit: t.Unit, Opening: t.Opening, Added: t.Added, Used: t.Used, Lapsed: t.Lapsed, Closing: t.Closing}
		b.Accounts = r.closing(sumName{ofBalances, t.Balance, moneyOrUnit(t.Currency, t.Unit)}).rows
		if t.Unit != "" {
			r.facts.Units = append(r.facts.Units, b)
		} else {
			m := r.of(t.Currency)
			m.Balances = append(m.Balances, b)
		}
	}
	slices.SortFunc(r.facts.Units, func(a, b report.Balance) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Unit, b.Unit))
	})
}

// finishMoney puts lists in order and cuts those of accounts.
func (r *reporting) finishMoney(m *report.Money) {
	byName := func(a, b report.Named) int { return cmp.Compare(a.Name, b.Name) }
	for _, list := range [][]report.Named{m.Kinds, m.Plans, m.Documents, m.FailedReasons, m.Attempts} {
		slices.SortFunc(list, byName)
	}
	slices.SortFunc(m.Minimums, func(a, b report.Minimum) int { return cmp.Compare(a.Meter, b.Meter) })
	slices.SortFunc(m.Balances, func(a, b report.Balance) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(m.Movers, largestChange)
	m.Movers = m.Movers[:min(len(m.Movers), reportTop)]
	slices.SortFunc(m.MinimumPayers, mostAdded)
	m.MinimumPayers = m.MinimumPayers[:min(len(m.MinimumPayers), reportTop)]
}

// sum is the sum of the span over all names, in a currency.
func (r *reporting) sum(of, currency string) decimal.Decimal {
	total := tableSum{}
	for _, x := range r.sums {
		for at, s := range x.sums {
			if x.now && at.of == of && at.currency == currency {
				total.addSum(s)
			}
		}
	}
	return total.decimal()
}
