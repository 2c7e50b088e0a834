package pricing

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

func dec(t testing.TB, text string) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func rat(r money.Ratio) *big.Rat { return new(big.Rat).Quo(r.Num().Rat(), r.Den().Rat()) }

// same compares an exact amount with the one that big.Rat came to.
func same(t *rapid.T, what string, got money.Ratio, want *big.Rat) {
	t.Helper()
	if rat(got).Cmp(want) != 0 {
		t.Fatalf("%s is %s, want %s", what, got, want)
	}
}

// some draws a number from 0 with up to four decimals, often a round one.
func some(t *rapid.T, name string) decimal.Decimal {
	n := rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, 1e7)).Draw(t, name)
	return decimal.New(n, -rapid.Int32Range(0, 4).Draw(t, name+" places"))
}

func above(t *rapid.T, name string) decimal.Decimal {
	return some(t, name).Add(decimal.New(1, -rapid.Int32Range(0, 2).Draw(t, name+" step")))
}

// bounds are ascending ends of tiers, and whether each belongs to the next.
func bounds(t *rapid.T) (ends []decimal.Decimal, below []bool) {
	end := decimal.Decimal{}
	for range rapid.IntRange(0, 4).Draw(t, "bounds") {
		end = end.Add(above(t, "bound"))
		ends, below = append(ends, end), append(below, rapid.Bool().Draw(t, "below"))
	}
	return ends, below
}

func tiersOf(t *rapid.T, blocks bool) []Tier {
	ends, below := bounds(t)
	tiers := make([]Tier, len(ends)+1)
	for i := range tiers {
		tiers[i] = Tier{Each: some(t, "each"), Flat: some(t, "flat")}
		if blocks && rapid.Bool().Draw(t, "blocks") {
			tiers[i].Of, tiers[i].Each = above(t, "of"), above(t, "each of a block")
		}
		if i < len(ends) {
			tiers[i].UpTo, tiers[i].Below = either(ends[i], below[i])
		}
	}
	return tiers
}

func either(end decimal.Decimal, below bool) (upTo, under decimal.Decimal) {
	if below {
		return decimal.Decimal{}, end
	}
	return end, decimal.Decimal{}
}

// quantity draws a number, often one at a bound or next to it.
func quantity(t *rapid.T, tiers []Tier) decimal.Decimal {
	q := some(t, "quantity")
	if i := rapid.IntRange(0, len(tiers)-1).Draw(t, "near"); i < len(tiers)-1 && rapid.Bool().Draw(t, "at a bound") {
		bound, _ := tiers[i].bound()
		q = bound.Add(decimal.New(rapid.Int64Range(-1, 1).Draw(t, "beside"), 0))
	}
	if q.IsNegative() {
		return decimal.Decimal{}
	}
	return q
}

func usageOf(q decimal.Decimal) Usage { return Usage{Quantity: money.Exactly(q)} }

// inTier is how much of q lies in a tier, and whether q reaches it: from the
// bound before, which may belong to it.
func inTier(tiers []Tier, i int, q *big.Rat) (units *big.Rat, reached bool) {
	lower := new(big.Rat)
	if i > 0 {
		bound, _ := tiers[i-1].bound()
		lower = bound.Rat()
		reached = q.Cmp(lower) > 0 || !tiers[i-1].Below.IsZero() && q.Cmp(lower) == 0
	} else {
		reached = q.Sign() > 0
	}
	upper := q
	if bound, bounded := tiers[i].bound(); bounded && bound.Rat().Cmp(q) < 0 {
		upper = bound.Rat()
	}
	return new(big.Rat).Sub(upper, lower), reached
}

// blocksOf is units, or the blocks that they begin, by whole numbers.
func blocksOf(t Tier, units *big.Rat) *big.Rat {
	if t.Of.IsZero() {
		return units
	}
	n := new(big.Rat).Quo(units, t.Of.Rat())
	whole, rest := new(big.Int).QuoRem(n.Num(), n.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		whole.Add(whole, big.NewInt(1))
	}
	return new(big.Rat).SetInt(whole)
}

func TestGraduatedIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &Graduated{Tiers: tiersOf(t, true)}
		if wrong := m.Check(); len(wrong) > 0 {
			t.Fatalf("%+v: %+v", m, wrong)
		}
		q := quantity(t, m.Tiers)
		want := new(big.Rat)
		for i, tier := range m.Tiers {
			if units, reached := inTier(m.Tiers, i, q.Rat()); reached {
				want.Add(want, tier.Flat.Rat())
				want.Add(want, new(big.Rat).Mul(blocksOf(tier, units), tier.Each.Rat()))
			}
		}
		got := m.Price(usageOf(q))
		same(t, "the price", got.Amount, want)
		partsAddUp(t, got)
	})
}

// A graduated price never falls: more usage costs at least as much.
func TestGraduatedGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &Graduated{Tiers: tiersOf(t, true)}
		less := quantity(t, m.Tiers)
		more := less.Add(some(t, "more"))
		if a, b := m.Price(usageOf(less)).Amount, m.Price(usageOf(more)).Amount; a.Cmp(b) > 0 {
			t.Fatalf("%s costs %s, %s costs %s", less, a, more, b)
		}
	})
}

func TestVolumeIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &Volume{Tiers: tiersOf(t, true)}
		q := quantity(t, m.Tiers)
		want := new(big.Rat)
		for i, tier := range m.Tiers { // the last one reached counts
			if _, reached := inTier(m.Tiers, i, q.Rat()); reached {
				want = new(big.Rat).Mul(blocksOf(tier, q.Rat()), tier.Each.Rat())
				want.Add(want, tier.Flat.Rat())
			}
		}
		got := m.Price(usageOf(q))
		same(t, "the price", got.Amount, want)
		partsAddUp(t, got)
	})
}

func TestStairstepIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tiers := tiersOf(t, false)
		m := &Stairstep{}
		for _, tier := range tiers {
			m.Steps = append(m.Steps, Step{tier.UpTo, tier.Below, tier.Flat})
		}
		q := quantity(t, tiers)
		want := new(big.Rat)
		for i, tier := range tiers {
			if _, reached := inTier(tiers, i, q.Rat()); reached {
				want = tier.Flat.Rat()
			}
		}
		same(t, "the price", m.Price(usageOf(q)).Amount, want)
	})
}

func TestPackageIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &Package{Of: above(t, "of"), Each: some(t, "each"), Free: some(t, "free"), Block: rapid.SampledFrom([]Block{"", Started, Full}).Draw(t, "block")}
		q := some(t, "quantity")
		paid := new(big.Rat).Sub(q.Rat(), m.Free.Rat())
		if paid.Sign() < 0 {
			paid.SetInt64(0)
		}
		packages := blocksOf(Tier{Of: m.Of}, paid)
		if m.Block == Full && new(big.Rat).Mul(packages, m.Of.Rat()).Cmp(paid) > 0 {
			packages.Sub(packages, big.NewRat(1, 1))
		}
		same(t, "the price", m.Price(usageOf(q)).Amount, packages.Mul(packages, m.Each.Rat()))
	})
}

// Free events come first, then a free amount; each paid event is clamped.
func TestPercentageIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawPercentage(t)
		u := Usage{}
		want, left := new(big.Rat), m.FreeAmount.Rat()
		for i := range rapid.IntRange(0, 6).Draw(t, "events") {
			e := some(t, "event")
			u.Events, u.Count, u.Quantity = append(u.Events, e), u.Count+1, u.Quantity.Add(money.Exactly(e))
			free := int64(i) < m.FreeEvents || m.FreeEvents == 0 && !m.FreeAmount.IsZero()
			paid := e.Rat()
			if free && !m.FreeAmount.IsZero() {
				off := paid
				if off.Cmp(left) > 0 {
					off = left
				}
				free = left.Sign() > 0 && off.Cmp(paid) == 0
				left, paid = new(big.Rat).Sub(left, off), new(big.Rat).Sub(paid, off)
			}
			if !free {
				want.Add(want, clamped(m, paid))
			}
		}
		if !m.perEvent() { // only the sum's own share is free then
			return
		}
		same(t, "the share", m.Price(u).Amount, want)
	})
}

// Where nothing depends on the events' order, their sum and number make the
// same price as each of them by itself.
func TestPercentageOfASum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &Percentage{Rate: Percent{some(t, "rate")}, Fixed: some(t, "fixed")}
		u, want := Usage{}, new(big.Rat)
		for range rapid.IntRange(0, 6).Draw(t, "events") {
			e := some(t, "event")
			u.Quantity, u.Count = u.Quantity.Add(money.Exactly(e)), u.Count+1
			want.Add(want, clamped(m, e.Rat()))
		}
		got := m.Price(u)
		same(t, "the share", got.Amount, want)
		partsAddUp(t, got)
	})
}

func drawPercentage(t *rapid.T) *Percentage {
	m := &Percentage{Rate: Percent{some(t, "rate")}, Fixed: some(t, "fixed"), FreeEvents: rapid.Int64Range(0, 3).Draw(t, "free events")}
	if rapid.Bool().Draw(t, "free amount") {
		m.FreeAmount = some(t, "free amount")
	}
	if rapid.Bool().Draw(t, "limits") {
		m.Min = some(t, "min")
		m.Max = m.Min.Add(above(t, "max"))
	}
	return m
}

func clamped(m *Percentage, paid *big.Rat) *big.Rat {
	cost := new(big.Rat).Mul(paid, new(big.Rat).Quo(m.Rate.Rate.Rat(), big.NewRat(100, 1)))
	cost.Add(cost, m.Fixed.Rat())
	switch {
	case cost.Cmp(m.Min.Rat()) < 0:
		return m.Min.Rat()
	case !m.Max.IsZero() && cost.Cmp(m.Max.Rat()) > 0:
		return m.Max.Rat()
	}
	return cost
}

func TestGraduatedPercentageIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tiers := tiersOf(t, false)
		m := &GraduatedPercentage{}
		for _, tier := range tiers {
			m.Tiers = append(m.Tiers, PercentTier{tier.UpTo, tier.Below, Percent{tier.Each}, tier.Flat})
		}
		q := quantity(t, tiers)
		want := new(big.Rat)
		for i, tier := range tiers {
			if units, reached := inTier(tiers, i, q.Rat()); reached {
				want.Add(want, tier.Flat.Rat())
				want.Add(want, new(big.Rat).Mul(units, new(big.Rat).Quo(tier.Each.Rat(), big.NewRat(100, 1))))
			}
		}
		got := m.Price(usageOf(q))
		same(t, "the price", got.Amount, want)
		partsAddUp(t, got)
	})
}

func partsAddUp(t *rapid.T, p Priced) {
	t.Helper()
	var all money.Ratio
	for _, part := range p.Parts {
		all = all.Add(part.Amount())
	}
	if all.Cmp(p.Amount) != 0 {
		t.Fatalf("the parts of %s make %s, the price is %s", p.Working, all, p.Amount)
	}
}

func TestUnitIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Unit{
			MultiplyBy: above(t, "multiply"), DivideBy: above(t, "divide"), To: above(t, "to"),
			Rounding: rapid.SampledFrom([]UnitRounding{"none", "up", "down"}).Draw(t, "round"),
		}
		q := some(t, "quantity")
		want := new(big.Rat).Quo(new(big.Rat).Mul(q.Rat(), c.MultiplyBy.Rat()), c.DivideBy.Rat())
		if c.Rounding != NotRounded {
			blocks := blocksOf(Tier{Of: c.To}, want)
			if c.Rounding == "down" && new(big.Rat).Mul(blocks, c.To.Rat()).Cmp(want) > 0 {
				blocks.Sub(blocks, big.NewRat(1, 1))
			}
			want = blocks.Mul(blocks, c.To.Rat())
		}
		same(t, "the units", c.Billed(money.Exactly(q)), want)
	})
}

// Each model at its bounds and one above, and what its working says.
func TestPrices(t *testing.T) {
	three := []Tier{{UpTo: dec(t, "10"), Each: dec(t, "5"), Flat: dec(t, "2")}, {UpTo: dec(t, "20"), Each: dec(t, "3")}, {Each: dec(t, "1"), Flat: dec(t, "7")}}
	under := []Tier{{Below: dec(t, "10"), Each: dec(t, "5")}, {Each: dec(t, "3"), Flat: dec(t, "2")}}
	steps := []Step{{UpTo: dec(t, "10"), Flat: dec(t, "50")}, {Below: dec(t, "20"), Flat: dec(t, "80")}, {Flat: dec(t, "100")}}
	for _, c := range []struct {
		model         Model
		quantity      string
		want, working string
	}{
		{&Each{dec(t, "0.97")}, "10", "9.7", "10 × 0.97"},
		{&Each{dec(t, "0.97")}, "0", "0", "0 × 0.97"},
		{&Each{dec(t, "0.97")}, "-4", "0", "0 × 0.97"},
		{&Flat{dec(t, "20")}, "3", "20", "flat 20"},
		{&Flat{dec(t, "20")}, "0", "0", "no units"},
		{&Flat{dec(t, "20")}, "0.001", "20", "flat 20"},
		{&Graduated{Tiers: three}, "0", "0", "no units"},
		{&Graduated{Tiers: three, AtZero: FlatAtZero}, "0", "2", "flat 2"},
		{&Graduated{Tiers: three}, "10", "52", "10 × 5 + flat 2"},
		{&Graduated{Tiers: three}, "11", "55", "10 × 5 + flat 2 + 1 × 3"},
		{&Graduated{Tiers: three}, "20", "82", "10 × 5 + flat 2 + 10 × 3"},
		{&Graduated{Tiers: three}, "21", "90", "10 × 5 + flat 2 + 10 × 3 + 1 × 1 + flat 7"},
		{&Graduated{Tiers: three}, "-3", "0", "no units"},
		{&Graduated{Tiers: under}, "9", "45", "9 × 5"},
		{&Graduated{Tiers: under}, "10", "52", "10 × 5 + 0 × 3 + flat 2"},
		{&Volume{Tiers: three}, "10", "52", "10 × 5 + flat 2"},
		{&Volume{Tiers: three}, "11", "33", "11 × 3"},
		{&Volume{Tiers: three}, "20", "60", "20 × 3"},
		{&Volume{Tiers: three}, "21", "28", "21 × 1 + flat 7"},
		{&Volume{Tiers: three}, "20.5", "27.5", "20.5 × 1 + flat 7"},
		{&Volume{Tiers: three, AtZero: FlatAtZero}, "0", "2", "flat 2"},
		{&Volume{Tiers: three}, "0", "0", "no units"},
		{&Volume{Tiers: under}, "9.99", "49.95", "9.99 × 5"},
		{&Volume{Tiers: under}, "10", "32", "10 × 3 + flat 2"},
		{&Stairstep{Steps: steps}, "10", "50", "flat 50"},
		{&Stairstep{Steps: steps}, "11", "80", "flat 80"},
		{&Stairstep{Steps: steps}, "19.99", "80", "flat 80"},
		{&Stairstep{Steps: steps}, "20", "100", "flat 100"},
		{&Stairstep{Steps: steps}, "0", "0", "no units"},
		{&Stairstep{Steps: steps, AtZero: FlatAtZero}, "0", "50", "flat 50"},
		{&Package{Of: dec(t, "100"), Each: dec(t, "5"), Free: dec(t, "100")}, "100", "0", "100 units, 100 of them free: 0 started packages of 100 × 5"},
		{&Package{Of: dec(t, "100"), Each: dec(t, "5"), Free: dec(t, "100")}, "101", "5", "101 units, 100 of them free: 1 started packages of 100 × 5"},
		{&Package{Of: dec(t, "100"), Each: dec(t, "5"), Free: dec(t, "100")}, "200", "5", "200 units, 100 of them free: 1 started packages of 100 × 5"},
		{&Package{Of: dec(t, "100"), Each: dec(t, "5"), Free: dec(t, "100")}, "201", "10", "201 units, 100 of them free: 2 started packages of 100 × 5"},
		{&Package{Of: dec(t, "100"), Each: dec(t, "5"), Block: Full}, "199", "5", "199 units: 1 full packages of 100 × 5"},
		{&Package{Of: dec(t, "100"), Each: dec(t, "5"), Block: Full}, "99", "0", "99 units: 0 full packages of 100 × 5"},
		{&Percentage{Rate: Percent{dec(t, "1.2")}}, "500", "6", "500 × 1.2%"},
		{&Percentage{Rate: Percent{dec(t, "1.2")}, FreeAmount: dec(t, "100")}, "500", "4.8", "(500 − 100 free) × 1.2%"},
		{&Percentage{Rate: Percent{dec(t, "1.2")}, FreeAmount: dec(t, "100")}, "99", "0", "(99 − 99 free) × 1.2%"},
		{&GraduatedPercentage{Tiers: []PercentTier{{UpTo: dec(t, "1000"), Rate: Percent{dec(t, "2")}, Flat: dec(t, "3")}, {Rate: Percent{dec(t, "1")}}}}, "1000", "23", "1000 × 2% + flat 3"},
		{&GraduatedPercentage{Tiers: []PercentTier{{UpTo: dec(t, "1000"), Rate: Percent{dec(t, "2")}, Flat: dec(t, "3")}, {Rate: Percent{dec(t, "1")}}}}, "1001", "23.01", "1000 × 2% + flat 3 + 1 × 1%"},
	} {
		got := c.model.Price(usageOf(dec(t, c.quantity)))
		if got.Amount.Cmp(money.Exactly(dec(t, c.want))) != 0 || got.Working != c.working {
			t.Errorf("%T %+v of %s is %s (%s), want %s (%s)", c.model, c.model, c.quantity, got.Amount, got.Working, c.want, c.working)
		}
	}
}

// Events that pay fixed parts, minimums and maximums.
func TestPercentagePerEvent(t *testing.T) {
	m := &Percentage{Rate: Percent{dec(t, "1.2")}, Fixed: dec(t, "0.25"), FreeEvents: 1, Min: dec(t, "0.50"), Max: dec(t, "5")}
	u := Usage{}
	for _, e := range []string{"1000", "10", "100", "1000"} {
		u.Events = append(u.Events, dec(t, e))
	}
	p := m.Price(u) // free, 0.37 raised to 0.50, 1.45, 12.25 cut to 5
	if want := "6.95"; p.Amount.String() != want {
		t.Errorf("%s, want %s", p.Amount, want)
	}
	if want := "4 events at 1.2% + 0.25 each, 1 free and 1000 of their amounts, 1 raised to 0.5, 1 cut to 5"; p.Working != want {
		t.Errorf("%s\nwant %s", p.Working, want)
	}
}

func TestChecks(t *testing.T) {
	ten, twenty := dec(t, "10"), dec(t, "20")
	for _, c := range []struct {
		model Model
		want  string
	}{
		{&Graduated{Tiers: []Tier{{UpTo: ten}, {UpTo: twenty}, {}}}, ""},
		{&Graduated{Tiers: []Tier{{Below: ten}, {UpTo: ten}, {}}}, ""},
		{&Graduated{Tiers: []Tier{{UpTo: ten}, {Below: ten}, {}}}, "1 below: tier 2 ends at 10, not above the tier before it (10): no quantity would reach it"},
		{&Volume{Tiers: []Tier{{UpTo: twenty}, {UpTo: ten}, {}}}, "1 up_to: tier 2 ends at 10, not above the tier before it (20): no quantity would reach it"},
		{&Volume{Tiers: []Tier{{UpTo: ten}, {UpTo: twenty}}}, "1 up_to: the last tier ends at 20: usage above it would have no price; leave up_to out"},
		{&Volume{Tiers: []Tier{{}, {UpTo: twenty}, {}}}, "0 : tier 1 has no up_to: the tiers after it would never be reached"},
		{&Volume{Tiers: []Tier{{UpTo: ten, Below: twenty}, {}}}, "0 below: tier 1 has both up_to and below: it ends at one of them"},
		{&Graduated{Tiers: []Tier{{Of: ten, Flat: ten}}}, "0 of: tier 1 has blocks without a price: say what each costs"},
		{&Stairstep{Steps: []Step{{UpTo: ten}}}, "0 up_to: the last tier ends at 10: usage above it would have no price; leave up_to out"},
		{&GraduatedPercentage{Tiers: []PercentTier{{Below: ten}}}, "0 below: the last tier ends at 10: usage above it would have no price; leave below out"},
		{&Percentage{Min: twenty, Max: ten}, "-1 min: min 20 is more than max 10"},
		{&Percentage{Min: ten, Max: ten}, ""},
	} {
		var got []string
		for _, p := range c.model.Check() {
			got = append(got, decimal.NewFromInt(int64(p.Item)).String()+" "+p.Key+": "+p.Text)
		}
		if strings.Join(got, "; ") != c.want {
			t.Errorf("%+v: %q, want %q", c.model, got, c.want)
		}
	}
	for _, c := range []struct {
		unit Unit
		want string
	}{
		{Unit{}, "unit converts nothing: it needs multiply_by, divide_by, round or first"},
		{Unit{To: ten, DivideBy: ten}, "to has no effect without round"},
		{Unit{To: ten, Rounding: "up"}, ""},
	} {
		if got := c.unit.Check(); (len(got) > 0) != (c.want != "") || len(got) > 0 && got[0].Text != c.want {
			t.Errorf("%+v: %+v, want %q", c.unit, got, c.want)
		}
	}
}

// Every name makes a model, and none is twice.
func TestNames(t *testing.T) {
	names := Names()
	for i, name := range names {
		if New(name) == nil || slices.Contains(names[:i], name) {
			t.Errorf("%q is no model, or twice", name)
		}
	}
	if New("tiered") != nil {
		t.Error("a model that is not listed")
	}
}
