package pricing

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

var usd = money.Currency{Code: "USD", Minor: 2}

func amounts(t *rapid.T, name string, most int) []money.Amount {
	var all []money.Amount
	for range rapid.IntRange(1, most).Draw(t, name) {
		all = append(all, money.Exactly(decimal.New(rapid.Int64Range(0, 1e6).Draw(t, name), -2)).In(usd, money.HalfUp))
	}
	return all
}

func total(all []money.Amount) money.Amount {
	sum := money.Zero(usd)
	for _, a := range all {
		sum = sum.Add(a)
	}
	return sum
}

// Discounts never take more than there is, and their parts on lines add up.
func TestDiscountsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := amounts(t, "lines", 6)
		var discounts []Discount
		for range rapid.IntRange(1, 4).Draw(t, "discounts") {
			if rapid.Bool().Draw(t, "fixed") {
				discounts = append(discounts, Discount{Fixed: amounts(t, "fixed", 1)[0]})
			} else {
				discounts = append(discounts, Discount{Percent: Percent{decimal.New(rapid.Int64Range(1, 10000).Draw(t, "percent"), -2)}})
			}
		}
		left := total(lines)
		for i, d := range Discounted(left, discounts, money.HalfUp) {
			if d.Sign() < 0 || d.Cmp(left) > 0 {
				t.Fatalf("discount %d takes %s of %s", i, d, left)
			}
			if p := discounts[i].Percent; !p.IsZero() {
				exact := new(big.Rat).Mul(left.Value().Rat(), new(big.Rat).Quo(p.Rate.Rat(), big.NewRat(100, 1)))
				if off := exact.Sub(exact, d.Value().Rat()); off.Abs(off).Cmp(big.NewRat(1, 200)) > 0 {
					t.Fatalf("%s of %s is %s", p, left, d)
				}
			}
			parts := Spread(d, lines)
			if total(parts).Cmp(d) != 0 {
				t.Fatalf("%s is split into %s", d, parts)
			}
			for j := range lines {
				if parts[j].Cmp(lines[j]) > 0 {
					t.Fatalf("line %s gets %s", lines[j], parts[j])
				}
				lines[j] = lines[j].Sub(parts[j])
			}
			left = left.Sub(d)
		}
	})
}

func TestLasts(t *testing.T) {
	for _, c := range []struct {
		lasts  Lasts
		period int
		want   bool
	}{{0, 0, true}, {0, 99, true}, {1, 0, true}, {1, 1, false}, {3, 2, true}, {3, 3, false}, {1, -1, false}} {
		if got := c.lasts.InForce(c.period); got != c.want {
			t.Errorf("%d periods, period %d: %v", c.lasts, c.period, got)
		}
	}
}

// Net and inclusive taxes make the gross amount; the net's own tax is the tax
// but for the rounding.
func TestInclusiveTax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := amounts(t, "lines", 5)
		var rates []Percent
		all := new(big.Rat)
		for range rapid.IntRange(1, 3).Draw(t, "rates") {
			rates = append(rates, Percent{decimal.New(rapid.Int64Range(0, 30000).Draw(t, "rate"), -3)})
			all.Add(all, new(big.Rat).Quo(rates[len(rates)-1].Rate.Rat(), big.NewRat(100, 1)))
		}
		tax := total(Inclusive(lines, rates, usd, PerInvoice, money.HalfUp))
		exact := new(big.Rat).Mul(total(lines).Value().Rat(), all)
		exact.Quo(exact, new(big.Rat).Add(all, big.NewRat(1, 1)))
		if off := exact.Sub(exact, tax.Value().Rat()); off.Abs(off).Cmp(big.NewRat(1, 200)) > 0 {
			t.Fatalf("the tax in %s is %s", total(lines), tax)
		}
	})
}

// Per line and per invoice are cents apart: three lines of 0.33 at 10 %.
func TestTaxRounding(t *testing.T) {
	line := money.Exactly(dec(t, "0.33")).In(usd, money.HalfUp)
	lines, rates := []money.Amount{line, line, line}, []Percent{{dec(t, "10")}, {dec(t, "5")}}
	for where, want := range map[TaxRounding]string{PerLine: "[0.09 0.06]", PerInvoice: "[0.10 0.05]", "": "[0.10 0.05]"} {
		if got := fmt.Sprint(Exclusive(lines, rates, usd, where, money.HalfUp)); got != want {
			t.Errorf("per %s: %s, want %s", where, got, want)
		}
	}
	gross := []money.Amount{money.Exactly(dec(t, "119")).In(usd, money.HalfUp)}
	if got := fmt.Sprint(Inclusive(gross, []Percent{{dec(t, "19")}}, usd, PerInvoice, money.HalfUp)); got != "[19.00]" {
		t.Errorf("19%% in 119.00 is %s", got)
	}
}

// Grants give what is asked for or all that they have, each no more than it
// has, and none before its first day or after its last.
func TestDraw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var grants []Grant
		good := decimal.Decimal{}
		day := rapid.Int32Range(1, 10).Draw(t, "day")
		for i := range rapid.IntRange(0, 6).Draw(t, "grants") {
			g := Grant{fmt.Sprint(i), some(t, "left"), rapid.IntRange(0, 3).Draw(t, "priority"), rapid.Int32Range(1, 5).Draw(t, "granted"), rapid.Int32Range(0, 10).Draw(t, "first day"), rapid.Int32Range(0, 10).Draw(t, "last day")}
			if day >= g.FirstDay && (g.LastDay == 0 || g.LastDay >= day) {
				good = good.Add(g.Left)
			}
			grants = append(grants, g)
		}
		need := some(t, "need")
		taken, short := Draw(grants, need, day)
		sum := decimal.Decimal{}
		for i, g := range grants {
			if taken[i].GreaterThan(g.Left) || taken[i].IsNegative() || taken[i].IsPositive() && (day < g.FirstDay || g.LastDay != 0 && g.LastDay < day) {
				t.Fatalf("%s of %+v on day %d", taken[i], g, day)
			}
			sum = sum.Add(taken[i])
		}
		if !sum.Add(short).Equal(need) || short.IsPositive() && !sum.Equal(good) {
			t.Fatalf("%s taken of %s, %s short of %s", sum, good, short, need)
		}
		// The other way round, the same.
		slices.Reverse(grants)
		again, _ := Draw(grants, need, day)
		slices.Reverse(again)
		if fmt.Sprint(again) != fmt.Sprint(taken) {
			t.Fatalf("%s, in the other order %s", taken, again)
		}
	})
}

func TestDrawOrder(t *testing.T) {
	one := dec(t, "1")
	grants := []Grant{
		{"last", one, 0, 1, 0, 5}, {"late", one, 2, 2, 3, 0}, {"soon", one, 2, 9, 0, 7}, {"early", one, 2, 1, 1, 0}, {"first", one, 1, 9, 0, 0},
		{"gone", one, 1, 1, 0, 2}, {"not yet", one, 1, 1, 4, 0},
	}
	for need, want := range map[string]string{"1": "[0 0 0 0 1 0 0]", "2": "[0 0 1 0 1 0 0]", "3": "[0 0 1 1 1 0 0]", "4": "[0 1 1 1 1 0 0]", "9": "[1 1 1 1 1 0 0]"} {
		if taken, _ := Draw(grants, dec(t, need), 3); fmt.Sprint(taken) != want {
			t.Errorf("%s: %s, want %s", need, taken, want)
		}
	}
}

func TestRollover(t *testing.T) {
	for _, c := range []struct{ left, low, high, want string }{
		{"90", "0", "50", "50"}, {"30", "0", "50", "30"}, {"0", "10", "50", "10"}, {"90", "0", "0", "0"},
	} {
		if got := Rollover(dec(t, c.left), dec(t, c.low), dec(t, c.high)); got.String() != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestSpends(t *testing.T) {
	of := func(text string) money.Amount { return money.Exactly(dec(t, text)).In(usd, money.HalfUp) }
	for _, c := range []struct{ minimum, part, charged, want string }{
		{"100", "1", "40", "60.00"}, {"100", "1", "100", "0.00"}, {"100", "1", "130", "0.00"}, {"100", "0.5", "40", "10.00"}, {"0", "1", "0", "0.00"},
	} {
		if got := TrueUp(money.Exactly(dec(t, c.minimum)), money.Exactly(dec(t, c.part)), of(c.charged), money.HalfUp); got.String() != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	for _, c := range []struct{ maximum, before, charge, want string }{
		{"100", "0", "100", "0.00"}, {"100", "0", "101", "1.00"}, {"100", "90", "20", "10.00"}, {"100", "120", "20", "20.00"},
	} {
		if got := Above(of(c.maximum), of(c.before), of(c.charge)); got.String() != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// A level's mean, whatever the order in which its changes are added, is what
// counting it microsecond by microsecond makes.
func TestLevel(t *testing.T) {
	type change struct {
		at int64
		by decimal.Decimal
	}
	rapid.Check(t, func(t *rapid.T) {
		var changes []change
		for range rapid.IntRange(0, 8).Draw(t, "changes") {
			changes = append(changes, change{rapid.Int64Range(0, 10).Draw(t, "at"), decimal.NewFromInt(rapid.Int64Range(-5, 5).Draw(t, "by"))})
		}
		l := Level{Initial: some(t, "initial")}
		for _, c := range rapid.Permutation(changes).Draw(t, "shuffled") {
			l = l.Add(c.by, c.at)
		}
		until := rapid.Int64Range(10, 15).Draw(t, "until")
		sum := new(big.Rat)
		for at := range until {
			sum.Add(sum, l.Initial.Rat())
			for _, c := range changes {
				if c.at <= at {
					sum.Add(sum, c.by.Rat())
				}
			}
		}
		same(t, "the mean", l.Mean(until, 15), sum.Quo(sum, big.NewRat(15, 1)))
	})
}

// Keys that are on, counted again at every instant.
func TestCountActive(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	rapid.Check(t, func(t *rapid.T) {
		before := WithKeys(nil, []Key{KeyOf("a"), KeyOf("b")}[:rapid.IntRange(0, 2).Draw(t, "before")])
		var switches []Switch
		for i := range rapid.IntRange(0, 10).Draw(t, "switches") {
			switches = append(switches, Switch{rapid.Int64Range(0, 9).Draw(t, "at"), fmt.Sprint(i), KeyOf(rapid.SampledFrom(names).Draw(t, "key")), rapid.Bool().Draw(t, "on")})
		}
		early := rapid.IntRange(0, len(switches)).Draw(t, "early")
		shuffled := rapid.Permutation(switches).Draw(t, "shuffled")
		sorted := WithSwitches(WithSwitches(nil, shuffled[:early]), shuffled[early:])
		got := CountActive(before, sorted, func(at int64) int64 { return at })
		on, ever := map[Key]bool{}, map[Key]bool{}
		for _, key := range before {
			on[key], ever[key] = true, true
		}
		area, highest := int64(0), int64(len(on))
		for at := range int64(10) {
			for _, s := range sorted {
				if s.At == at && s.On {
					on[s.Key], ever[s.Key] = true, true
				} else if s.At == at {
					delete(on, s.Key)
				}
				highest = max(highest, int64(len(on)))
			}
			area += int64(len(on))
		}
		keys := slices.SortedFunc(maps.Keys(on), Key.Compare)
		if !slices.Equal(got.Keys, keys) || got.AnyTime != int64(len(ever)) || got.Highest != highest || !got.Level.Area(10).Equal(decimal.NewFromInt(area)) {
			t.Fatalf("%+v, want %d keys, %d at any time, %d at once, area %d", got, len(keys), len(ever), highest, area)
		}
	})
}
