// Package pricing is the arithmetic of prices: what usage costs under each
// pricing model, and what surrounds it: counting, unit conversion, minimums
// and maximums, discounts, taxes and prepaid grants.
//
// Everything is a pure function of values and exact: numbers are multiplied
// first, a division that has no end is kept as a ratio n/d, and nothing is
// rounded but where a function takes a rounding mode. Lines are rounded by the
// caller, once.
//
// A model is one file: its figures as a struct whose tags say how the catalog
// language writes them, Price for the arithmetic, Check for what is wrong with
// the figures. New is the switch over all models.
package pricing

import (
	"strings"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Model prices usage.
type Model interface {
	// Price is what usage costs, exactly, with its working. A quantity below
	// zero costs what none costs: corrections never make a price negative.
	Price(Usage) Priced
	// Check is what is wrong with the model's figures.
	Check() []Problem
}

// Usage is what is to be priced: all that a counter has counted. Quantity is
// in billed units, after any conversion.
type Usage struct {
	Quantity money.Ratio
	Count    int64             // events behind the quantity
	Events   []decimal.Decimal // each event's own amount, in their total order; only where NeedsEvents
}

// Priced is the exact amount of a price, and how it came about.
type Priced struct {
	Amount  money.Ratio
	Working string // "10 × 5 + 2 × 3 + flat 2"; the amount is not part of it
	Parts   []Part // for a line each: a tier's units, a flat fee
}

// Part is a piece of a price: Quantity × Each.
type Part struct {
	What     string // "1 to 10", "flat fee"; empty where there is but one part
	Quantity money.Ratio
	Each     money.Ratio
}

// Amount is what the part costs.
func (p Part) Amount() money.Ratio { return p.Quantity.Mul(p.Each) }

// Problem is something wrong with a model's figures. It points at the value of
// a key, in the item of the model's list where Item is not below zero.
type Problem struct {
	Item int
	Key  string
	Text string
}

// Names are the models as the catalog language calls them, in the order of its
// manual.
func Names() []string {
	return []string{"each", "flat", "graduated", "volume", "stairstep", "package", "percentage", "graduated_percentage"}
}

// New is an empty model of a name, to be filled with its figures, or nil. This
// is the switch: a model that is added gets a case here and a name above.
func New(name string) Model {
	switch name {
	case "each":
		return &Each{}
	case "flat":
		return &Flat{}
	case "graduated":
		return &Graduated{}
	case "volume":
		return &Volume{}
	case "stairstep":
		return &Stairstep{}
	case "package":
		return &Package{}
	case "percentage":
		return &Percentage{}
	case "graduated_percentage":
		return &GraduatedPercentage{}
	}
	return nil
}

// NeedsEvents tells whether a model prices events one by one, so that sums are
// not enough.
func NeedsEvents(m Model) bool {
	p, ok := m.(*Percentage)
	return ok && p.perEvent()
}

// Percent is a rate in hundredths, written 1.2%.
type Percent struct{ Rate decimal.Decimal }

// Of is the percentage of an amount: multiplied, then the point is moved.
func (p Percent) Of(amount money.Ratio) money.Ratio { return amount.Times(p.Fraction()) }

// Fraction is the rate as a factor: 0.012.
func (p Percent) Fraction() decimal.Decimal { return p.Rate.Shift(-2) }

// IsZero tells whether the rate is zero.
func (p Percent) IsZero() bool { return p.Rate.IsZero() }

// String is the rate as the catalog writes it.
func (p Percent) String() string { return p.Rate.StringFixed(max(0, -p.Rate.Exponent())) + "%" }

// sum makes a price of its parts. Parts that cost nothing stand in the working,
// so that free units are seen.
func sum(parts []Part) Priced {
	p := Priced{Parts: parts}
	var terms []string
	for _, part := range parts {
		p.Amount = p.Amount.Add(part.Amount())
		terms = append(terms, part.term())
	}
	if p.Working = strings.Join(terms, " + "); p.Working == "" {
		p.Working = "no units"
	}
	return p
}

// flatFee is what a part is called that costs the same however much is used.
const flatFee = "flat fee"

func (p Part) term() string {
	if p.What == flatFee {
		return "flat " + p.Each.String()
	}
	return p.Quantity.String() + " × " + p.Each.String()
}

func flat(fee decimal.Decimal) Part { return Part{flatFee, money.Int(1), money.Exactly(fee)} }

// used is a quantity, or zero where it is below.
func used(q money.Ratio) money.Ratio {
	if q.Sign() < 0 {
		return money.Ratio{}
	}
	return q
}

func least(a, b money.Ratio) money.Ratio {
	if b.Cmp(a) < 0 {
		return b
	}
	return a
}
