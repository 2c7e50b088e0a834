package rating_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
)

// A story is a random account's life: what each night reads about it. It is
// drawn for the marketing catalog, over days around the bound between its
// cohorts, with most numbers near its limits.
type story struct {
	cat    *catalog.Catalog
	signUp rating.AccountEvent
	first  calendar.Day
	nights []rating.Events // of first and the days after it
}

func marketing(t testing.TB) *catalog.Catalog {
	cat, err := readCatalog([]command{{words: []string{"catalog", "marketing"}}})
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

func drawStory(t *rapid.T, cat *catalog.Catalog) story {
	s := story{cat: cat, first: calendar.Date(2018, 5, 10) + calendar.Day(rapid.IntRange(0, 45).Draw(t, "sign-up"))}
	plans := []string{"basic", "plus", "pro", "enterprise", "pages_free", "pages_premium"}
	if cat.CohortOf(s.first) == "legacy" {
		plans = append(plans, "team", "pro")
	}
	s.signUp = rating.AccountEvent{
		Origin: rating.Origin{Source: "account_events", Rows: 1}, Day: s.first, Type: "signed_up",
		Plan: rapid.SampledFrom(plans).Draw(t, "plan"), Term: rapid.SampledFrom([]string{"monthly", "annual"}).Draw(t, "term"),
		Method: rapid.SampledFrom([]string{"card", ""}).Draw(t, "method"), Approved: true, // else no annual sign-up
	}
	if days := rapid.IntRange(-20, 20).Draw(t, "trial"); days > 0 {
		s.signUp.Date = s.first + calendar.Day(days)
	}
	nights := rapid.IntRange(60, 75).Draw(t, "nights")
	cancelled := rapid.IntRange(0, 2*nights).Draw(t, "cancelled after")
	for i := range nights {
		e := s.drawNight(t, s.first+calendar.Day(i))
		if i == 0 {
			e.Account = append(e.Account, s.signUp)
		}
		if i == cancelled {
			e.Account = append(e.Account, rating.AccountEvent{Origin: s.signUp.Origin, Day: s.first + calendar.Day(i), Type: "cancelled"})
		}
		s.nights = append(s.nights, e)
	}
	return s
}

func (s *story) drawNight(t *rapid.T, day calendar.Day) rating.Events {
	var e rating.Events
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 1, 4}).Draw(t, "usage groups") {
		e.Usage = addGroup(e.Usage, drawUsage(t, day))
	}
	slices.SortFunc(e.Usage, compareUsage)
	if rapid.IntRange(0, 4).Draw(t, "contacts") == 0 {
		limits := []int64{0, 1000, 1001, 2500, 2501, 10000, 10001, 20000, 20001, 110001, 120000, 250000}
		e.Readings = append(e.Readings, rating.Reading{
			Origin: rating.Origin{Source: "contacts", Rows: 1}, Meter: "contacts", AsOf: day - drawDelay(t),
			Value: rapid.SampledFrom(limits).Draw(t, "count"),
		})
	}
	for range rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5}).Draw(t, "seat events") {
		e.Seats = append(e.Seats, rating.SeatEvent{
			Origin: rating.Origin{Source: "seats", Rows: 1}, Day: day, User: rapid.SampledFrom([]string{"u1", "u2", "u3", "u4", "u5", "u6", "u7"}).Draw(t, "user"),
			Action: rapid.SampledFrom([]string{"activated", "activated", "deactivated"}).Draw(t, "action"),
		})
	}
	return e
}

// drawDelay is how many nights late a row comes: mostly none.
func drawDelay(t *rapid.T) calendar.Day {
	return calendar.Day(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2, 25}).Draw(t, "nights late"))
}

func drawUsage(t *rapid.T, day calendar.Day) rating.Usage {
	u := rating.Usage{Origin: rating.Origin{Source: "sms", Rows: 1}, Meter: "sms", ServiceDate: day - drawDelay(t)}
	if rapid.IntRange(0, 3).Draw(t, "emails") == 0 {
		u.Source, u.Meter = "emails", "emails"
		u.Quantity = decimal.NewFromInt(rapid.SampledFrom([]int64{1, 49_999, 100_000, 100_001, 250_000, 500_000}).Draw(t, "recipients"))
		return u
	}
	u.Dimensions = []string{ // direction, country, carrier: the order of the meter's "by"
		rapid.SampledFrom([]string{"outbound", "inbound"}).Draw(t, "direction"),
		rapid.SampledFrom([]string{"US", "GB", "DE", ""}).Draw(t, "country"),
		rapid.SampledFrom([]string{"att", "acme", ""}).Draw(t, "carrier"),
	}
	u.Quantity = decimal.NewFromInt(rapid.OneOf(rapid.Int64Range(0, 9), rapid.Int64Range(0, 3000)).Draw(t, "segments"))
	return u
}

// tell bills the story night by night. Between the nights the state goes
// through keep; each night's inputs go through change.
func (s *story) tell(t *rapid.T, keep func(rating.Account) rating.Account, change func(rating.Events) rating.Events) []rating.Outcome {
	account := rating.Account{ID: "A"}
	var told []rating.Outcome
	for i, e := range s.nights {
		o, err := billChecked(s.cat, keep(account), s.first+calendar.Day(i), change(e))
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, o)
		account = o.Account
	}
	return told
}

func asItIs[T any](x T) T { return x }
