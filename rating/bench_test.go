package rating_test

import (
	"os"
	"path/filepath"
	"testing"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
)

// BenchmarkBill is rating alone, on one core: what it costs to bill an account
// for a day, or for all days of a month with its renewal.
func BenchmarkBill(b *testing.B) {
	b.Run("bench catalog, 20 groups", func(b *testing.B) {
		cat := parsedFile(b, filepath.Join("..", "fixtures", "bench", "catalog.yaml"))
		account, day := opened(b, cat, "standard")
		events := rating.Events{Usage: groupsOf(day, 20)}
		benchmarkDays(b, cat, account, day, 1, func(calendar.Day) rating.Events { return events })
	})
	b.Run("marketing, a quiet day", func(b *testing.B) {
		cat := marketing(b)
		account, day := opened(b, cat, "plus")
		benchmarkDays(b, cat, account, day, 1, func(calendar.Day) rating.Events { return rating.Events{} })
	})
	b.Run("marketing, a month", func(b *testing.B) {
		cat := marketing(b)
		account, day := opened(b, cat, "plus")
		var days [31]rating.Events
		for i := range days {
			days[i] = monthOf(day+calendar.Day(i), i)
		}
		benchmarkDays(b, cat, account, day, 31, func(d calendar.Day) rating.Events { return days[d-day] })
	})
}

// monthOf is a day of a customer who sends on three days of seven.
func monthOf(day calendar.Day, i int) rating.Events {
	var e rating.Events
	if i%7 < 3 {
		e.Usage = append(e.Usage, rating.Usage{
			Origin: rating.Origin{Source: "emails", Rows: 900}, Meter: "emails", ServiceDate: day, Quantity: decimal.NewFromInt(900),
		})
		e.Usage = append(e.Usage, groupsOf(day, 4)...)
		e.Readings = append(e.Readings, rating.Reading{Origin: rating.Origin{Source: "contacts", Rows: 1}, Meter: "contacts", AsOf: day, Value: int64(900 + 10*i)})
	}
	return e
}

// groupsOf are groups of text messages, in their order.
func groupsOf(day calendar.Day, n int) []rating.Usage {
	var groups []rating.Usage
	for i, country := range []string{"DE", "FR", "GB", "US"} {
		for j, carrier := range []string{"acme", "att", "orange", "tmobile", "vodafone"} {
			for k, direction := range []string{"inbound", "outbound"} {
				if len(groups) < n {
					groups = append(groups, rating.Usage{
						Origin: rating.Origin{Source: "sms", Rows: 20}, Meter: "sms", ServiceDate: day,
						Dimensions: []string{direction, country, carrier}, Quantity: decimal.NewFromInt(int64(20 + i + j + k)),
					})
				}
			}
		}
	}
	return groups
}

func parsedFile(b *testing.B, path string) *catalog.Catalog {
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	cat, err := catalog.Parse(path, text)
	if err != nil {
		b.Fatal(err)
	}
	return cat
}

// opened is an account that signed up the day before the one returned.
func opened(b *testing.B, cat *catalog.Catalog, plan string) (rating.Account, calendar.Day) {
	day := calendar.Date(2024, 5, 1)
	o, err := billChecked(cat, rating.Account{ID: "AC00112233445566778899aabbccddeeff"}, day, rating.Events{Account: []rating.AccountEvent{{
		Origin: rating.Origin{Source: "account_events", Rows: 1}, Day: day, Type: "signed_up", Plan: plan, Term: "monthly", Method: "card",
	}}})
	if err != nil || !o.Account.Exists() {
		b.Fatal(err, o.Rejections)
	}
	return o.Account, day + 1
}

// benchmarkDays bills an account for so many days, again and again.
func benchmarkDays(b *testing.B, cat *catalog.Catalog, account rating.Account, first calendar.Day, days int, events func(calendar.Day) rating.Events) {
	b.ReportAllocs()
	billed := 0
	var biller rating.Biller
	for b.Loop() {
		a := &account
		for day := first; day < first+calendar.Day(days); day++ {
			o := biller.Bill(cat, a, day, events(day))
			if len(o.Rejections) > 0 {
				b.Fatal(o.Rejections)
			}
			if broken := rating.Check(cat, a, o); broken != nil {
				b.Fatal(broken)
			}
			a = &o.Account
		}
		billed++
	}
	b.ReportMetric(float64(billed)/b.Elapsed().Seconds(), "accounts/s")
	b.ReportMetric(50_000*b.Elapsed().Seconds()/float64(billed), "s/50,000-accounts")
}
