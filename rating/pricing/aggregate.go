package pricing

import (
	"cmp"
	"crypto/sha256"
	"math/big"
	"slices"

	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// Level is a level over a period: where it began, and what became of it. Time
// counts from the period's beginning, in whatever unit the caller takes.
//
// The sums do not depend on the order in which changes are added, nor on when
// the period ends: a late change, and a period that is moved, are exact.
type Level struct {
	Initial decimal.Decimal // at the beginning
	Change  decimal.Decimal // Σ changes
	Moment  decimal.Decimal // Σ change × time at which it came
}

// Add is the level with a further change.
func (l Level) Add(change decimal.Decimal, at int64) Level {
	l.Change = l.Change.Add(change)
	l.Moment = l.Moment.Add(change.Mul(decimal.NewFromInt(at)))
	return l
}

// End is the level at the end.
func (l Level) End() decimal.Decimal { return l.Initial.Add(l.Change) }

// Area is Σ level × time that it held, up to a time.
func (l Level) Area(until int64) decimal.Decimal {
	return l.End().Mul(decimal.NewFromInt(until)).Sub(l.Moment)
}

// Mean is the level's mean over a period of a length, of which it held until a
// time and was nothing afterwards. The quotient is kept exact.
func (l Level) Mean(until, length int64) money.Ratio {
	area := l.Area(until)
	places := max(0, -area.Exponent())
	n, d := area.Shift(places).BigInt(), decimal.NewFromInt(length).Shift(places).BigInt()
	if common := new(big.Int).GCD(nil, nil, new(big.Int).Abs(n), d); common.Sign() > 0 {
		n, d = n.Quo(n, common), d.Quo(d, common) // 1/31, not 86400000000/2678400000000
	}
	return money.Over(decimal.NewFromBigInt(n, 0), decimal.NewFromBigInt(d, 0))
}

// Key stands for what a meter counts once, or what is on or off: a user, a
// device. It is 128 bits of the text's SHA-256: state does not name users, and
// takes as much however long the text is.
type Key [16]byte

// KeyOf is the key of a text.
func KeyOf(text string) Key {
	sum := sha256.Sum256([]byte(text))
	return Key(sum[:16])
}

// Compare is the order of keys.
func (k Key) Compare(o Key) int { return slices.Compare(k[:], o[:]) }

// WithKeys is a sorted list of keys with others that are not in it. It shares
// nothing with either.
func WithKeys(sorted, more []Key) []Key {
	all := slices.Concat(sorted, more)
	slices.SortFunc(all, Key.Compare)
	return all
}

// Switch turns a key on or off.
type Switch struct {
	At  int64  // microseconds since 1970-01-01T00:00:00Z
	ID  string // tells those of one instant apart
	Key Key
	On  bool
}

// Compare is the total order of switches: the order of files decides nothing.
func (s Switch) Compare(o Switch) int {
	return cmp.Or(cmp.Compare(s.At, o.At), cmp.Compare(s.ID, o.ID), s.Key.Compare(o.Key))
}

// WithSwitches is a sorted list of switches with others in their places. It
// shares nothing with either.
func WithSwitches(sorted, more []Switch) []Switch {
	all := slices.Concat(sorted, more)
	slices.SortStableFunc(all, Switch.Compare)
	return all
}

// Active is what the keys of a period came to.
type Active struct {
	Keys    []Key // on at the end, sorted
	AnyTime int64 // on at any time
	Highest int64 // the most that were on at once
	Level   Level // how many were on
}

// CountActive follows switches through a period at whose beginning the keys of
// before were on. Turning on what is on changes nothing, nor does turning off
// what is not. Position is the time of an instant within the period.
func CountActive(before []Key, sorted []Switch, position func(at int64) int64) Active {
	on := make(map[Key]bool, len(before))
	for _, key := range before {
		on[key] = true
	}
	now := int64(len(before))
	a := Active{Highest: now, Level: Level{Initial: decimal.NewFromInt(now)}}
	for _, s := range sorted {
		if on[s.Key] == s.On {
			continue
		}
		on[s.Key] = s.On
		change := int64(1)
		if !s.On {
			change = -1
		}
		now += change
		a.Highest = max(a.Highest, now)
		a.Level = a.Level.Add(decimal.NewFromInt(change), position(s.At))
	}
	a.AnyTime = int64(len(on)) // a key is in it once it was on
	for key, is := range on {
		if is {
			a.Keys = append(a.Keys, key)
		}
	}
	slices.SortFunc(a.Keys, Key.Compare)
	return a
}
