package rating_test

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating"
	"ratemill/rating/decimal"
)

// documents is what an outcome publishes in money, and the state after it.
func documents(o rating.Outcome) string {
	o.Rated, o.Unbillable = nil, nil // a row a group: these do depend on the groups
	invoice := rating.Invoice{}
	if o.Invoice != nil {
		invoice = *o.Invoice
	}
	return fmt.Sprintf("%+v\n%+v\n%+v\n%+v\n%+v\n%+v\n%+v\n%+v\n%+v", o.Account, invoice, o.Charge, o.Uncollected, o.Movements, o.PlanChanges, o.Retries, o.Payments, o.CreditNote)
}

func sameDocuments(t *rapid.T, why string, want, got []rating.Outcome) {
	for i := range want {
		// Charge and Uncollected are pointers: their contents stand in the invoice too.
		want[i].Charge, got[i].Charge, want[i].Uncollected, got[i].Uncollected = nil, nil, nil, nil
		if w, g := documents(want[i]), documents(got[i]); w != g {
			t.Fatalf("%s: night %d is\n%s\nwant\n%s", why, i, g, w)
		}
	}
}

// Usage that comes in other groups, or in another order, is the same usage.
func TestGroupsOfUsageDoNotMatter(t *testing.T) {
	cat := marketing(t)
	rapid.Check(t, func(t *rapid.T) {
		s := drawStory(t, cat)
		want := s.tell(t, asItIs, asItIs)
		split := s.tell(t, asItIs, func(e rating.Events) rating.Events {
			e.Usage = splitGroups(t, e.Usage)
			return e
		})
		sameDocuments(t, "groups split", want, split)
		shuffled := s.tell(t, asItIs, func(e rating.Events) rating.Events {
			e.Usage = rapid.Permutation(e.Usage).Draw(t, "order of groups")
			return e
		})
		sameDocuments(t, "groups in another order", want, shuffled)
	})
}

// splitGroups cuts groups in two of the same key, one behind the other.
func splitGroups(t *rapid.T, groups []rating.Usage) []rating.Usage {
	var split []rating.Usage
	for _, g := range groups {
		part := rapid.Int64Range(0, g.Quantity.IntPart()).Draw(t, "part")
		one, other := g, g
		one.Quantity = decimal.NewFromInt(part)
		other.Quantity = g.Quantity.Sub(one.Quantity)
		split = append(split, one, other)
	}
	return split
}

// Where seats are sold, users of a day come and go in any order: only who is
// active at its end counts.
func TestOrderOfUsersDoesNotMatter(t *testing.T) {
	cat := marketing(t)
	rapid.Check(t, func(t *rapid.T) {
		s := drawStory(t, cat)
		s.nights[0].Account[0].Plan = rapid.SampledFrom([]string{"plus", "pro", "enterprise"}).Draw(t, "plan that sells seats")
		want := s.tell(t, asItIs, asItIs)
		got := s.tell(t, asItIs, func(e rating.Events) rating.Events {
			e.Seats = slices.Clone(e.Seats)
			slices.SortStableFunc(e.Seats, func(a, b rating.SeatEvent) int { return -compareText(a.User, b.User) })
			return e
		})
		for i := range got {
			got[i].Rejections, want[i].Rejections = nil, nil
		}
		sameDocuments(t, "users in another order", want, got)
	})
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// A state that was stored and read back, with other digits for the same
// numbers and no list where a list was empty, goes on the same way. So it
// does not matter how many nights one run does.
func TestStoredStateGoesOnTheSame(t *testing.T) {
	cat := marketing(t)
	rapid.Check(t, func(t *rapid.T) {
		s := drawStory(t, cat)
		want := s.tell(t, asItIs, asItIs)
		got := s.tell(t, func(a rating.Account) rating.Account {
			if rapid.Bool().Draw(t, "stored tonight") {
				return stored(a)
			}
			return a
		}, asItIs)
		sameDocuments(t, "stored between nights", want, got)
	})
}

func stored(a rating.Account) rating.Account {
	a.Segments, a.Levels, a.AddOns = relist(a.Segments), relist(a.Levels), relist(a.AddOns)
	a.ActiveUsers, a.Balances, a.Unused = relist(a.ActiveUsers), relist(a.Balances), relist(a.Unused)
	a.Counters = relist(a.Counters)
	a.Grants, a.Given = relist(a.Grants), relist(a.Given)
	a.Flags, a.Offers, a.Suspensions, a.Subscriptions = relist(a.Flags), relist(a.Offers), relist(a.Suspensions), relist(a.Subscriptions)
	a.FreeUsed, a.Collections, a.Refundable = relist(a.FreeUsed), relist(a.Collections), relist(a.Refundable)
	for i := range a.Counters {
		a.Counters[i].Used = eighteenDigits(a.Counters[i].Used)
	}
	a.Due = relist(a.Due)
	for i := range a.Due {
		a.Due[i].Quantity = eighteenDigits(a.Due[i].Quantity)
		price := *a.Due[i].Price
		price.UnitPrice = eighteenDigits(price.UnitPrice)
		a.Due[i].Price = &price
	}
	return a
}

func relist[T any](list []T) []T { return append([]T(nil), list...) }

// eighteenDigits is the same number with the digits of the state table.
func eighteenDigits(d decimal.Decimal) decimal.Decimal {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(18+d.Exponent())), nil)
	return decimal.NewFromBigInt(scale.Mul(scale, d.Coefficient()), -18)
}
