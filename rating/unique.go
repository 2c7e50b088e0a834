package rating

import (
	"slices"

	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/pricing"
)

// uniqueKey is what keys are counted once in, under whatever version.
type uniqueKey struct {
	meter, per, unitPrice string
	from                  Day
}

// seenKeys are the keys of one counter.
type seenKeys struct {
	before [][]pricing.Key     // sorted: those of earlier nights, by version
	today  map[pricing.Key]Day // with the version that counts it; written back in sorted order
}

func (s *seenKeys) has(k pricing.Key) bool {
	if _, today := s.today[k]; today {
		return true
	}
	return slices.ContainsFunc(s.before, func(keys []pricing.Key) bool {
		_, found := slices.BinarySearchFunc(keys, k, pricing.Key.Compare)
		return found
	})
}

// uniqueKey is the same for tallies of one counter (see sameCounter).
func (t *Tally) uniqueKey(charge *catalog.UsageCharge) uniqueKey {
	key := uniqueKey{meter: t.Meter, per: t.Per, from: t.From}
	if charge.Column != "" {
		key.unitPrice = t.UnitPrice.String()
	}
	return key
}

// seenOf are the keys of a tally's counter.
func (b *billing) seenOf(t *Tally, charge *catalog.UsageCharge) *seenKeys {
	key := t.uniqueKey(charge)
	if b.seen[key] == nil {
		s := &seenKeys{today: map[pricing.Key]Day{}}
		for i := range b.account.Tallies {
			if o := &b.account.Tallies[i]; o.sameCounter(t, charge) {
				s.before = append(s.before, o.Keys)
			}
		}
		if b.seen == nil {
			b.seen = map[uniqueKey]*seenKeys{}
		}
		b.seen[key] = s
	}
	return b.seen[key]
}

// keepSeen writes the keys that the day has met first into their tallies.
func (b *billing) keepSeen() {
	for i := range b.account.Tallies {
		t := &b.account.Tallies[i]
		charge := b.chargeOf(t)
		if charge == nil {
			continue // of a version that is no more: nothing was counted in it
		}
		s := b.seen[t.uniqueKey(charge)]
		if s == nil {
			continue
		}
		var more []pricing.Key
		for key, version := range s.today {
			if version == t.Version {
				more = append(more, key)
			}
		}
		if len(more) > 0 {
			t.Keys = pricing.WithKeys(t.Keys, more)
		}
	}
	b.seen = nil
}

// unique is what a row adds to a count of different values: 1 for one that was
// not met before, else nothing. An absent value is none.
func (b *billing) unique(t *Tally, charge *catalog.UsageCharge, u *Usage) decimal.Decimal {
	if u.Key == "" || b.seenOf(t, charge).has(pricing.KeyOf(u.Key)) {
		return decimal.Decimal{}
	}
	return whole(1)
}

// meet keeps the value of a row that was counted.
func (b *billing) meet(t *Tally, charge *catalog.UsageCharge, u *Usage) {
	if u.Quantity.Sign() > 0 {
		b.seenOf(t, charge).today[pricing.KeyOf(u.Key)] = t.Version
	}
}
