package pipeline

import (
	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/money"
	"ratemill/writers"
)

func balanceRows(a *rating.Account, balances []rating.Balance) []writers.StateBalance {
	var rows []writers.StateBalance
	for _, b := range balances {
		rows = append(rows, writers.StateBalance{Name: b.Name, Unit: unitOf(a, b.Amount), Amount: cents(b.Amount)})
	}
	return rows
}

func balancesOf(rows []writers.StateBalance, currency money.Currency) ([]rating.Balance, error) {
	var all []rating.Balance
	for _, b := range rows {
		amount, err := heldOf(b.Amount, b.Unit, currency)
		if err != nil {
			return nil, err
		}
		all = append(all, rating.Balance{Name: b.Name, Amount: amount})
	}
	return all, nil
}

// heldOf is an amount of a unit, or without one of the account's money.
func heldOf(amount int64, unit string, currency money.Currency) (money.Amount, error) {
	if unit != "" {
		currency = money.Currency{Code: unit}
	}
	return money.New(writers.FromMoney(amount), currency)
}

// grantRows puts what expires, and what was given for the period, into a
// state row.
func grantRows(s *writers.State, a *rating.Account) {
	for _, g := range a.Grants {
		s.Grants = append(s.Grants, writers.StateGrant{
			Balance: g.Balance, Unit: unitOf(a, g.Left), Left: cents(g.Left),
			From: int32(g.From), GrantedOn: int32(g.GrantedOn), LastDay: int32(g.LastDay),
		})
	}
	s.Given = balanceRows(a, a.Given)
}

// grantsOf reads them back.
func grantsOf(a *rating.Account, s *writers.State) (err error) {
	for _, g := range s.Grants {
		left, err := heldOf(g.Left, g.Unit, a.Currency)
		if err != nil {
			return err
		}
		a.Grants = append(a.Grants, rating.Grant{
			Balance: g.Balance, Left: left, From: calendar.Day(g.From), GrantedOn: calendar.Day(g.GrantedOn), LastDay: calendar.Day(g.LastDay),
		})
	}
	a.Given, err = balancesOf(s.Given, a.Currency)
	return err
}
