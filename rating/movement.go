package rating

import (
	"slices"

	"ratemill/rating/money"
)

func opening(name string, amount money.Amount) *Movement {
	none := money.Zero(amount.Currency())
	return &Movement{name, amount, none, none, none, amount}
}

// move is the day's movement of a balance, begun at zero where there is none.
func (b *billing) move(balance string) *Movement {
	if m := b.moves[balance]; m != nil {
		return m
	}
	return b.moveFrom(balance, money.Zero(b.unitOf(balance)))
}

func (b *billing) moveFrom(balance string, amount money.Amount) *Movement {
	if b.moves == nil { // most accounts have no balance
		b.moves = map[string]*Movement{}
	}
	m := opening(balance, amount)
	b.moves[balance] = m
	return m
}

// unitOf is what a balance is counted in: the account's money, or units.
func (b *billing) unitOf(balance string) money.Currency {
	if b.version != nil {
		if of := b.version.Balance(balance); of != nil && of.Unit != "" {
			return money.Currency{Code: of.Unit}
		}
	}
	return b.account.Currency
}

// balanceNames are the names of the balances that have money or moved, sorted.
func (b *billing) balanceNames() []string {
	names := make([]string, 0, len(b.moves))
	for name, m := range b.moves {
		if m.Opening.Sign() != 0 || m.Added.Sign() != 0 || m.Used.Sign() != 0 || m.Lapsed.Sign() != 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (m *Movement) added(a money.Amount) {
	m.Added, m.Closing = m.Added.Add(a), m.Closing.Add(a)
}

func (m *Movement) used(a money.Amount) {
	m.Used, m.Closing = m.Used.Add(a), m.Closing.Sub(a)
}

func (m *Movement) lapsed(a money.Amount) {
	m.Lapsed, m.Closing = m.Lapsed.Add(a), m.Closing.Sub(a)
}
