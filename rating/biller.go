package rating

import (
	"slices"

	"ratemill/rating/catalog"
	"ratemill/rating/money"
)

// Biller bills one account after the other in the same memory. It holds no
// rule: Bill says what is done.
type Biller struct {
	days [2]billing
	turn int
}

// mostKept is the length up to which a list's memory is used again: a single
// account may have very many groups.
const mostKept = 1 << 14

// again is a list's memory for the next one.
func again[T any](list []T) []T {
	if cap(list) > mostKept {
		return nil
	}
	return list[:0]
}

// Bill is the function Bill. The outcome holds until the call after the next, so
// that its account can be billed for the day that follows. Its documents hold no
// longer than it; the lists of its account are never written into again.
func (r *Biller) Bill(cat *catalog.Catalog, account *Account, day Day, events Events) *Outcome {
	b := &r.days[r.turn]
	r.turn = 1 - r.turn
	b.begin(cat, account, day)
	b.do(events)
	return &b.out
}

// memory is that of lists and documents which every account with usage needs.
type memory struct {
	rated    []RatedUsage
	lines    []Line
	net      []money.Amount
	due      []DueUsage
	charges  []charging
	invoice  Invoice
	charge   Charge
	payments []Payment
	prices   map[pricedUsage]pricedPoint
}

// pricedUsage is what a price table's row was found for: groups alike have one
// list of dimension values, mostly, which is looked up by its place.
type pricedUsage struct {
	charge     *catalog.UsageCharge
	dimensions *string
}

// pricedPoint is the price that was found, and the values that stood there then.
type pricedPoint struct {
	values []string
	point  *PricePoint
}

// mostPrices is how many prices are remembered.
const mostPrices = 1 << 13

// priced is the price that was found for such usage before; nil: none was.
func (m *memory) priced(charge *catalog.UsageCharge, dimensions []string) *PricePoint {
	if p := m.prices[pricedUsage{charge, &dimensions[0]}]; slices.Equal(p.values, dimensions) {
		return p.point
	}
	return nil
}

func (m *memory) remember(charge *catalog.UsageCharge, dimensions []string, point *PricePoint) {
	if m.prices == nil {
		m.prices = map[pricedUsage]pricedPoint{}
	}
	if len(m.prices) >= mostPrices {
		clear(m.prices)
	}
	m.prices[pricedUsage{charge, &dimensions[0]}] = pricedPoint{slices.Clone(dimensions), point}
}

// useMemory begins the lists, with what the account has in them.
func (b *billing) useMemory() {
	b.out.Rated, b.lines, b.net = again(b.memory.rated), again(b.memory.lines), again(b.memory.net)
	b.out.Payments = again(b.memory.payments)
	b.account.Due = append(again(b.memory.due), b.account.Due...)
}

// leaveMemory keeps the lists' memory for the next account, and makes a list of
// its own of what this one goes on with.
func (b *billing) leaveMemory() {
	b.memory.rated, b.memory.lines, b.memory.net = b.out.Rated, b.lines, b.net
	b.memory.payments = b.out.Payments
	b.account.Due = append([]DueUsage(nil), b.account.Due...)
	if len(b.out.Rated) == 0 {
		b.out.Rated = nil // as of an account that had no memory to use
	}
	if len(b.out.Payments) == 0 {
		b.out.Payments = nil // likewise
	}
}

// newCharges are so many charges to be made, each with the memory of an earlier
// one.
func (b *billing) newCharges(n int) []charging {
	b.memory.charges = slices.Grow(b.memory.charges[:0], n)[:n]
	for i := range b.memory.charges {
		c := &b.memory.charges[i]
		*c = charging{lines: again(c.lines), claims: again(c.claims)}
	}
	return b.memory.charges
}
