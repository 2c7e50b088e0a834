package rating_test

import (
	"reflect"
	"slices"
	"testing"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
)

// TestBillerLeavesAccountsAlone bills two accounts in turn for two months, each
// from the account that its last outcome points to. All accounts that ever came
// out must be at the end what Bill makes of the same days: none was written over.
func TestBillerLeavesAccountsAlone(t *testing.T) {
	cat := marketing(t)
	first, plans := calendar.Date(2024, 5, 1), []string{"plus", "pro"}
	var biller rating.Biller
	var want, got [2][]rating.Account
	for i := range plans {
		want[i] = []rating.Account{{ID: "A"}}
		got[i] = []rating.Account{{ID: "A"}}
	}
	for day := first; day < first+61; day++ {
		for i, plan := range plans {
			events := monthOf(day, int(day-first)+i)
			if day == first {
				events.Account = []rating.AccountEvent{{Day: day, Type: "signed_up", Plan: plan, Method: "card"}}
			}
			slices.SortFunc(events.Usage, func(x, y rating.Usage) int { return len(x.Meter) - len(y.Meter) })
			o := rating.Bill(cat, want[i][len(want[i])-1], day, events)
			want[i] = append(want[i], o.Account)
			reused := biller.Bill(cat, &got[i][len(got[i])-1], day, events)
			if !reflect.DeepEqual(&o, reused) {
				t.Fatalf("%s on %s:\n%+v\nwant\n%+v", plan, day, reused, o)
			}
			got[i] = append(got[i], reused.Account)
		}
	}
	for i, plan := range plans {
		if !slices.ContainsFunc(want[i], func(a rating.Account) bool { return len(a.Due) > 1 }) {
			t.Errorf("%s: no usage was ever due the next day", plan)
		}
		for day := range want[i] {
			if !reflect.DeepEqual(got[i][day], want[i][day]) {
				t.Errorf("%s after %d days:\n%+v\nwant\n%+v", plan, day, got[i][day], want[i][day])
			}
		}
	}
}

// TestBillerBillsTheDayAfter bills day after day from the very account that the
// outcome before holds.
func TestBillerBillsTheDayAfter(t *testing.T) {
	cat := marketing(t)
	first := calendar.Date(2024, 5, 1)
	var biller rating.Biller
	account, is := rating.Account{ID: "A"}, &rating.Account{ID: "A"}
	for day := first; day < first+40; day++ {
		events := monthOf(day, int(day-first))
		if day == first {
			events.Account = []rating.AccountEvent{{Day: day, Type: "signed_up", Plan: "plus", Method: "card"}}
		}
		o := rating.Bill(cat, account, day, events)
		reused := biller.Bill(cat, is, day, events)
		if !reflect.DeepEqual(*is, account) {
			t.Fatalf("%s: Bill changed the account that it was given", day)
		}
		if !reflect.DeepEqual(&o, reused) {
			t.Fatalf("%s:\n%+v\nwant\n%+v", day, reused, o)
		}
		account, is = o.Account, &reused.Account
	}
}

// TestBillerLooksAtDimensions bills usage whose list of dimension values is used
// again for others: each has the price of what stands there.
func TestBillerLooksAtDimensions(t *testing.T) {
	cat := marketing(t)
	day := calendar.Date(2024, 5, 1)
	dimensions := []string{"outbound", "US", "att"}
	events := rating.Events{
		Account: []rating.AccountEvent{{Day: day, Type: "signed_up", Plan: "plus", Method: "card"}},
		Usage:   []rating.Usage{{Origin: rating.Origin{Source: "sms", Rows: 1}, Meter: "sms", ServiceDate: day, Dimensions: dimensions, Quantity: decimal.NewFromInt(1)}},
	}
	var biller rating.Biller
	for _, country := range []string{"US", "US", "GB", "GB", "DE", "US", "DE"} {
		dimensions[1] = country
		want := rating.Bill(cat, rating.Account{ID: "A"}, day, events)
		for range 2 { // it has two turns
			if got := biller.Bill(cat, &rating.Account{ID: "A"}, day, events); !reflect.DeepEqual(&want, got) {
				t.Errorf("%s:\n%+v\nwant\n%+v", country, got.Rated, want.Rated)
			}
		}
	}
}
