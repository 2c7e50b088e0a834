package rating_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
)

// TestOpening runs the cases of the opening book and of the accounts source,
// written as policy files are.
func TestOpening(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "opening", "*.txt"))
	if err != nil || len(paths) != 4 {
		t.Fatalf("%d files: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			heading, _, _ := strings.Cut(string(text), "\n")
			got := runPolicyFile(t, path, string(text), heading)
			if *rewrite && !t.Failed() && got != string(text) {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// openFrom makes an account of its row of the book, if the day has one, and is
// the day's other rows.
func (s *scenario) openFrom(account *rating.Account, rows []int, day calendar.Day, texts map[calendar.Day]string) ([]int, error) {
	at := slices.IndexFunc(rows, func(i int) bool { return s.rows[i].source == "opening" })
	if at < 0 {
		return rows, nil
	}
	r := &s.rows[rows[at]]
	row, err := openingOf(s, r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.text, err)
	}
	opened, change, reason, detail := rating.Open(s.cat, row, day)
	if reason != "" {
		texts[day] += fmt.Sprintf("%s rejected: %s: %s%s\n", day, r.text, reason, inBrackets(detail))
	} else {
		texts[day] += fmt.Sprintf("%s plan %s %s\n", day, r.account, planChangeText(day, change))
		*account = opened
	}
	return slices.Delete(slices.Clone(rows), at, at+1), nil
}

func openingOf(s *scenario, r *scenarioRow) (*rating.Opening, error) {
	c := r.columns
	list := func(name string) []string {
		if c[name] == "" {
			return nil
		}
		return strings.Split(c[name], ";")
	}
	row := &rating.Opening{
		Account: r.account, Plan: c["plan"], Term: c["term"], Method: c["method"], Currency: c["currency"],
		ActiveUsers: list("users"), Offers: list("offers"), Flags: list("flags"),
	}
	for name, into := range map[string]*calendar.Day{"since": &row.SignedUpOn, "next": &row.NextBillingOn, "first_purchase": &row.FirstPurchaseOn} {
		var err error
		if *into, err = takeDate(c, name, calendar.None); err != nil {
			return nil, err
		}
	}
	if c["contacts"] != "" {
		value, err := strconv.ParseInt(c["contacts"], 10, 64)
		if err != nil {
			return nil, err
		}
		for _, m := range s.cat.MetersOf("contacts") {
			row.Levels = append(row.Levels, rating.Level{Meter: m.Name, Value: value})
		}
	}
	for _, balance := range list("balances") {
		name, text, _ := strings.Cut(balance, "=")
		text, day, expires := strings.Cut(text, "@")
		last := calendar.None
		if expires {
			var err error
			if last, err = calendar.Parse(day); err != nil {
				return nil, err
			}
		}
		amount, err := decimal.NewFromString(text)
		if err != nil {
			return nil, err
		}
		row.Balances = append(row.Balances, rating.OpeningBalance{Name: name, Amount: amount, LastDay: last})
	}
	return row, nil
}

func customerOf(r *scenarioRow, origin rating.Origin) rating.CustomerRow {
	c := r.columns
	return rating.CustomerRow{Origin: origin, Customer: rating.Customer{
		AsOf: r.day, Name: c["name"], AddressLine1: c["address"], Country: c["country"], Region: c["region"], TaxID: c["tax_id"],
		TaxExempt: c["tax_exempt"] == "true", Test: c["test"] == "true",
	}}
}

// TestOpeningBase: the base fee in force of an account that came with a paid
// period, which nothing shows before it is prorated.
func TestOpeningBase(t *testing.T) {
	cat, err := readCatalog([]command{{words: []string{"catalog", "marketing"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		what, since, next, term string
		flags                   []string
		from, left              string
	}{
		{"a month", "2023-01-10", "2024-05-10", "monthly", nil, "2024-04-10", "79.00"},
		{"a year", "2022-08-15", "2024-08-15", "annual", nil, "2023-08-15", "790.00"},
		{"the last month of a year", "2022-05-10", "2024-05-10", "annual", nil, "2023-05-10", "790.00"},
		{"the first year", "2023-09-01", "2024-08-15", "annual", nil, "2023-09-01", "790.00"},
		{"a nonprofit", "2023-01-10", "2024-05-10", "monthly", []string{"nonprofit"}, "2024-04-10", "63.20"},
		{"delayed", "2023-01-10", "2024-06-04", "monthly", []string{"billing_delayed"}, "2024-04-04", "79.00"},
		{"suspended", "2023-01-10", "2024-04-10", "monthly", []string{"suspended"}, "2024-03-10", "79.00"},
		{"a trial", "2024-04-25", "2024-05-09", "monthly", []string{"trial"}, "none", "0.00"},
	} {
		row := &rating.Opening{Account: "A", Plan: "basic", Term: x.term, Method: "paypal", Flags: x.flags}
		if x.term == "monthly" {
			row.Method = "card"
		}
		for text, into := range map[string]*calendar.Day{x.since: &row.SignedUpOn, x.next: &row.NextBillingOn} {
			if *into, err = calendar.Parse(text); err != nil {
				t.Fatal(err)
			}
		}
		first, _ := calendar.Parse("2024-05-01")
		a, _, reason, detail := rating.Open(cat, row, first)
		from := "none"
		if a.Base.Plan != "" {
			from = a.Base.From.String()
		}
		if left := a.Base.Left.String(); reason != "" || from != x.from || left != x.left && from != "none" {
			t.Errorf("%s: from %s, %s left (%s: %s), want from %s, %s", x.what, from, left, reason, detail, x.from, x.left)
		}
	}
}
