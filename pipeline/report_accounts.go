package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"math/big"
	"slices"

	"ratemill/writers/report"
)

// accountFigures are figures of accounts on their way from entries, each in
// the order of accounts, to sums over entries. They are spilled by account.
type accountFigures struct{ spills spills }

func newAccountFigures(s *Settings) *accountFigures {
	memory := s.Memory
	if memory <= 0 {
		memory = defaultMemory
	}
	a := &accountFigures{}
	for range s.workers() {
		a.spills = append(a.spills, newSpill(historyParts, memory/4/int64(s.workers()), s.TempDir))
	}
	return a
}

func (a *accountFigures) close() {
	for _, s := range a.spills {
		s.close()
	}
}

func (a *accountFigures) add(worker int, f *figure) error {
	return a.spills[worker].add(figurePart(f.account), f.encode())
}

// finish adds the figures of each account up, and keeps the largest.
func (a *accountFigures) finish(ctx context.Context, r *reporting) error {
	for part := range historyParts {
		text, err := a.spills.read(nil, part)
		a.spills.drop(part)
		if err != nil {
			return err
		}
		sums := map[string]map[figureName]*accountSum{}
		var by big.Int
		for in := bytes.NewReader(text); in.Len() > 0; {
			f := readFigure(in)
			if sums[f.account] == nil {
				sums[f.account] = map[figureName]*accountSum{}
			}
			s := sums[f.account][f.name]
			if s == nil {
				s = &accountSum{}
				sums[f.account][f.name] = s
			}
			s.sides[f.side].units.Add(&s.sides[f.side].units, by.SetInt64(f.amount))
			s.sides[f.side].rows += f.rows
		}
		for _, account := range sortedKeys(sums) {
			r.account(account, sums[account])
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// accountSum is a figure of an account: of totals in the span before and in
// the span, of minimums in the first alone.
type accountSum struct{ sides [2]tableSum }

func (r *reporting) account(account string, sums map[figureName]*accountSum) {
	payer := map[string]*report.MinimumAccount{} // by currency
	for name, s := range sums {                  // each to a place of its own: in any order
		m := r.of(name.currency)
		switch name.kind {
		case totalFigure:
			r.moved(m, account, s)
		case minimumAdded:
			at := slot(&m.Minimums, func(x *report.Minimum) bool { return x.Meter == name.item })
			x := &s.sides[0]
			at.Meter, at.Accounts, at.Charges, at.Added = name.item, at.Accounts+1, at.Charges+x.rows, at.Added.Add(x.decimal())
			p := payerIn(payer, account, name.currency)
			p.Charges, p.Added = p.Charges+x.rows, p.Added.Add(x.decimal())
		case minimumUsage:
			at := slot(&m.Minimums, func(x *report.Minimum) bool { return x.Meter == name.item })
			x := &s.sides[0]
			at.Meter, at.Usage = name.item, at.Usage.Add(x.decimal())
			p := payerIn(payer, account, name.currency)
			p.Usage = p.Usage.Add(x.decimal())
		}
	}
	for _, currency := range sortedKeys(payer) {
		m := r.of(currency)
		m.MinimumCount++
		m.MinimumPayers = top(append(m.MinimumPayers, *payer[currency]), mostAdded)
	}
}

func payerIn(all map[string]*report.MinimumAccount, account, currency string) *report.MinimumAccount {
	if all[currency] == nil {
		all[currency] = &report.MinimumAccount{Account: account}
	}
	return all[currency]
}

// moved takes an account's total in the two spans.
func (r *reporting) moved(m *report.Money, account string, s *accountSum) {
	n := report.Named{Name: account, Rows: s.sides[1].rows, Pair: report.Pair{Before: s.sides[0].decimal(), Now: s.sides[1].decimal()}}
	if n.Rows > 0 {
		m.Accounts++
	}
	if n.Change().IsZero() {
		return
	}
	m.Moved++
	m.Movers = top(append(m.Movers, n), largestChange)
}

// top sorts a list of a few more than are kept, and cuts it. A list is sorted
// each time that it is twice as long as it may be.
func top[T any](list []T, compare func(a, b T) int) []T {
	if len(list) < 2*reportTop {
		return list
	}
	slices.SortFunc(list, compare)
	return list[:reportTop]
}

func largestChange(a, b report.Named) int {
	return cmp.Or(b.Change().Abs().Cmp(a.Change().Abs()), cmp.Compare(a.Name, b.Name))
}

func mostAdded(a, b report.MinimumAccount) int {
	return cmp.Or(b.Added.Cmp(a.Added), cmp.Compare(a.Account, b.Account))
}
