package pricing

import (
	"fmt"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Package sells units in packages of a fixed size (Kill Bill: blocks).
//
//	amount = packages((quantity − free) / of) × each
//
// A package that is begun counts whole (block: up, the default of all
// engines), or only full ones count (block: down). Free units come off before
// packages are counted: 201 units with 100 free in packages of 100 are two
// packages, not three.
type Package struct {
	Of    decimal.Decimal `key:"of,above0" doc:"units in a package"`
	Each  decimal.Decimal `key:"each,money" doc:"price of a package"`
	Free  decimal.Decimal `key:"free,optional" doc:"units that cost nothing"`
	Block Block           `key:"block,optional" words:"up down" doc:"whether a package that is begun counts whole (up) or not at all (down)"`
}

// Block is how units that do not fill a package count.
type Block string

const (
	Started Block = "up"
	Full    Block = "down"
)

// Price is the packages × each.
func (m *Package) Price(u Usage) Priced {
	paid := used(u.Quantity.Sub(money.Exactly(m.Free)))
	mode, what := money.Up, "started"
	if m.Block == Full {
		mode, what = money.Down, "full"
	}
	packages := paid.By(m.Of).Rounded(0, mode)
	p := sum([]Part{{Quantity: money.Exactly(packages), Each: money.Exactly(m.Each)}})
	free := ""
	if !m.Free.IsZero() {
		free = fmt.Sprintf(", %s of them free", least(used(u.Quantity), money.Exactly(m.Free)))
	}
	p.Working = fmt.Sprintf("%s units%s: %s %s packages of %s × %s", used(u.Quantity), free, packages, what, m.Of, m.Each)
	return p
}

// Check finds nothing: every size above zero is one.
func (m *Package) Check() []Problem { return nil }
