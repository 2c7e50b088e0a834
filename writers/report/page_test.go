package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the goldens")

// TestPages holds whole pages against testdata: a month with all there is, one
// without anything, one of huge figures with very many names.
func TestPages(t *testing.T) {
	for name, facts := range map[string]*Facts{"may": may(), "empty": empty(), "huge": huge()} {
		t.Run(name, func(t *testing.T) {
			got := render(t, facts)
			if again := render(t, facts); !bytes.Equal(got, again) {
				t.Error("the same facts make another page")
			}
			file := filepath.Join("testdata", name+".html")
			if *rewrite {
				if err := os.WriteFile(file, got, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is another page than it was; -rewrite, and look at it", file)
			}
			selfContained(t, string(got))
		})
	}
}

// selfContained: nothing is fetched, nothing runs, ids are given once and
// every chart has its title and description.
func selfContained(t *testing.T, page string) {
	t.Helper()
	for _, no := range []string{"<script", "src=", "href=", "url(", "@import", "http:", "https:", "ZgotmplZ", "NaN"} {
		if strings.Contains(page, no) {
			t.Errorf("the page has %s", no)
		}
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if seen[m[1]] {
			t.Errorf("id %s is given twice", m[1])
		}
		seen[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`aria-labelledby="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		for _, id := range strings.Fields(m[1]) {
			if !seen[id] {
				t.Errorf("id %s is not there", id)
			}
		}
	}
}

// TestHostileNames: a name can be any text and is never markup.
func TestHostileNames(t *testing.T) {
	for _, evil := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `</title></svg><b>`, `{{.}}`, `' onload='x`} {
		f := may()
		m := &f.Money[1]
		m.Currency = evil
		m.Kinds[0].Name, m.Plans[0].Name, m.Movers[0].Name, m.MinimumPayers[0].Account, m.Minimums[0].Meter = evil, evil, evil, evil, evil
		m.Balances[0].Name, m.FailedReasons[0].Name, m.Attempts[0].Name, m.Documents[0].Name = evil, evil, evil, evil
		f.Usage[0].Meter, f.Rejects[0].Reason, f.Series[0].Name, f.Units[0].Unit = evil, evil, evil, evil
		f.Look[0].What, f.Span.Last.Catalog, f.Span.Last.Version, f.Proof.Checks[0].Of = evil, evil, evil, evil
		page := string(render(t, f))
		if strings.Contains(page, evil) && strings.ContainsAny(evil, "<'") {
			t.Errorf("%s stands in the page as it is", evil)
		}
		if tags(page) != tags(string(render(t, may()))) {
			t.Errorf("%s changes the markup", evil)
		}
	}
}

// tags are the elements of a page, in order.
func tags(page string) string {
	return strings.Join(regexp.MustCompile(`<[a-z]+`).FindAllString(page, -1), "")
}

func TestVerdict(t *testing.T) {
	f := may()
	if page := string(render(t, f)); !strings.Contains(page, "✓ All 3\u00a0control totals hold") || strings.Contains(page, "✗") {
		t.Error("what holds is not said to hold")
	}
	f.Proof.Checks[1].Right = dec("1")
	if page := string(render(t, f)); !strings.Contains(page, "✗ Control totals do not hold") || !strings.Contains(page, "1 of 3\u00a0control totals do not hold") {
		t.Error("a broken total is not named")
	}
	f = may()
	f.Proof.Broken = []string{"entry 3 (2024-05-03): currency USD: lines = 1, but invoices = 2"}
	if page := string(render(t, f)); !strings.Contains(page, "✗ Control totals do not hold") || !strings.Contains(page, "lines = 1, but invoices = 2") {
		t.Error("a broken identity of an entry is not named")
	}
}

func TestFigures(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{figure(dec("1234567.5"), 2), "1,234,567.50"},
		{figure(dec("-1234.5"), 2), "−1,234.50"},
		{figure(dec("-0.001"), 2), "−0.001"},
		{figure(dec("0"), 0), "0"},
		{figure(dec("1234"), 3), "1,234.000"},
		{figure(dec("999"), 0), "999"},
		{figure(dec("12.345"), 2), "12.345"},
		{rounded(dec("-0.001"), 2), "0.00"},
		{quantity(dec("3.50")), "3.5"},
		{quantity(dec("1000")), "1,000"},
		{compact(dec("0")), "0"},
		{compact(dec("12.5")), "12.5"},
		{compact(dec("1234")), "1.23k"},
		{compact(dec("-200588.26")), "−201k"},
		{compact(dec("1000000000000")), "1T"},
		{compact(dec("123456000000000")), "123T"},
		{compact(dec("999999")), "1M"},
		{amount(dec("0"), 2), "0.00"},
		{amount(dec("12.5"), 2), "12.50"},
		{amount(dec("-50"), 2), "−50.00"},
		{amount(dec("400"), 0), "400"},
		{amount(dec("39026.22"), 2), "39.0k"},
		{amount(dec("-999999.99"), 2), "−1.00M"},
		{amount(dec("-100400"), 2), "−100k"},
		{compact(dec("-100000000")), "−100M"},
		{amount(dec("999999999999999999"), 2), "1,000Q"},
		{clipped("account-with-a-rather-long-identifier-000000000012"), "account-with-a-ra…000000000012"},
		{clipped("a-name-of-just-thirty-letters-"), "a-name-of-just-thirty-letters-"},
		{money("USD", 2, dec("9999999.99")), "USD\u00a09,999,999.99"},
		{money("USD", 2, dec("1234567890123.45")), "USD\u00a01.23\u00a0trillion"},
		{percent(dec("1"), dec("3")), "33\u00a0%"},
		{percent(dec("5"), dec("1000")), "0.5\u00a0%"},
		{percent(dec("1"), dec("1000000")), "<\u00a00.1\u00a0%"},
		{percent(dec("1"), dec("0")), "–"},
		{percent(dec("999"), dec("1000")), ">\u00a099\u00a0%"},
		{percent(dec("1000"), dec("1000")), "100\u00a0%"},
		{change(Pair{dec("110"), dec("100")}), "+10\u00a0%"},
		{change(Pair{dec("90"), dec("100")}), "−10\u00a0%"},
		{change(Pair{dec("5"), dec("0")}), "new"},
		{change(Pair{dec("5"), dec("-1")}), "–"},
		{change(Pair{dec("5000"), dec("1")}), "×\u00a05k"},
		{against(Pair{dec("110"), dec("100")}), "10\u00a0% more than before"},
		{against(Pair{dec("50"), dec("100")}), "50\u00a0% less than before"},
		{against(Pair{dec("400"), dec("100")}), "4 times as much as before"},
		{spanText(day("2024-05-01"), day("2024-05-31")), "May\u00a02024"},
		{spanText(day("2024-05-02"), day("2024-05-31")), "2–31\u00a0May\u00a02024"},
		{spanText(day("2024-04-30"), day("2024-05-02")), "30\u00a0April – 2\u00a0May\u00a02024"},
		{spanText(day("2023-12-31"), day("2024-01-01")), "31\u00a0December\u00a02023 – 1\u00a0January\u00a02024"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// TestSteps: grid lines are round numbers and hold all columns between them.
func TestSteps(t *testing.T) {
	for _, c := range []struct{ low, high, labels string }{
		{"0", "0", "0"}, {"0", "7", "0 2 4 6 8"}, {"-30", "100", "−50 0 50 100"}, {"0", "1234567890123", "0 500B 1T 1.5T"}, {"-3", "0", "−3 −2 −1 0"}, {"0", "0.03", "0 0.01 0.02 0.03"},
	} {
		chart := newColumns("x", "", "", 2, []columnData{{amount: dec(c.low)}, {amount: dec(c.high)}})
		var labels []string
		for _, l := range chart.Lines {
			labels = append(labels, l.Label)
			if l.Y < columnsTop || l.Y > columnsTop+columnsHeight {
				t.Errorf("%s to %s: a line at %d", c.low, c.high, l.Y)
			}
		}
		if got := strings.Join(labels, " "); got != c.labels {
			t.Errorf("%s to %s: lines at %s, want %s", c.low, c.high, got, c.labels)
		}
		for _, k := range chart.Columns {
			if k.Height < 0 || k.Y < columnsTop || k.Y+k.Height > columnsTop+columnsHeight {
				t.Errorf("%s to %s: a column from %d, %d high", c.low, c.high, k.Y, k.Height)
			}
		}
	}
}

// TestOthers: what is summed up as others and what is shown make the whole.
func TestOthers(t *testing.T) {
	var list []Named
	for i := range 200 {
		list = append(list, Named{Name: fmt.Sprint(i), Rows: 1, Pair: Pair{Now: decimal.NewFromInt(int64(i))}})
	}
	top, others := largestFirst(list, mostBars)
	if len(top) != mostBars-1 || top[0].Name != "199" || others.Name != "189 others" {
		t.Errorf("%d and %s", len(top), others.Name)
	}
	sum := others.Now
	for _, n := range top {
		sum = sum.Add(n.Now)
	}
	if !sum.Equal(dec("19900")) || others.Rows != 189 {
		t.Errorf("sum %s, %d rows", sum, others.Rows)
	}
}

// TestOrder: what is most in the span stands first; what was most before is
// not among the others, but does not push it down.
func TestOrder(t *testing.T) {
	list := []Named{named("gone", 0, "0", "900"), named("refund", 1, "-50", "0"), named("small", 1, "20", "500"), named("large", 1, "300", "10"), named("tiny", 1, "1", "1")}
	for most, want := range map[int]string{5: "large small tiny gone refund", 4: "large small gone 2 others"} {
		top, others := largestFirst(list, most)
		if others != nil {
			top = append(top, *others)
		}
		var names []string
		for _, n := range top {
			names = append(names, n.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("of %d: %s, want %s", most, got, want)
		}
	}
}

// TestZero: the stroke at zero crosses the bars and no name above them.
func TestZero(t *testing.T) {
	page := string(render(t, may()))
	strokes := regexp.MustCompile(`<line class="grid zero" x1="[^"]*" x2="[^"]*" y1="(\d+)" y2="(\d+)"/>`).FindAllStringSubmatch(page, -1)
	if len(strokes) < 4 {
		t.Fatalf("%d strokes", len(strokes))
	}
	for _, s := range strokes {
		if len(s[1]) > 0 && s[1] == "0" {
			t.Errorf("%s begins above the first name", s[0])
		}
	}
}

// TestDue: the key figure says what is between documents and what is due.
func TestDue(t *testing.T) {
	for want, m := range map[string]Money{
		"all that was invoiced":                             {},
		"balances paid 5.00":                                {Minor: 2, Applied: Pair{Now: dec("5")}},
		"balances paid 5.00; 1,107.10 goes back as refunds": {Minor: 2, Applied: Pair{Now: dec("5")}, Refunded: dec("1107.1")},
		"90 goes back as refunds":                           {Refunded: dec("90")},
	} {
		if got := dueNote(&m); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func render(t *testing.T, f *Facts) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func day(s string) calendar.Day {
	d, err := calendar.Parse(s)
	if err != nil {
		panic(err)
	}
	return d
}

func entry(n int64, on string) Entry {
	return Entry{Number: n, Day: day(on), Digest: strings.Repeat("ab", 32), Catalog: "marketing 0123", Version: "v1.0.0"}
}

func named(name string, rows int64, now, before string) Named {
	return Named{name, rows, Pair{dec(now), dec(before)}}
}

// may is a month with something of everything, in two currencies.
func may() *Facts {
	usd := Money{
		Currency: "USD", Minor: 2, Invoiced: Pair{dec("41250.40"), dec("38900")}, Applied: Pair{dec("120.40"), dec("100")}, Due: Pair{dec("41190"), dec("38800")}, Refunded: dec("60"),
		Documents: []Named{named("credit_note", 2, "-60", "0"), named("invoice", 410, "41310.40", "38900")}, Test: named("", 3, "30", "0"),
		Kinds: []Named{named("base_fee", 300, "39000", "37000"), named("credit", 4, "-49.60", "-100"), named("minimum", 40, "300", "350"), named("usage", 900, "2000", "1650")},
		Plans: []Named{named("plus", 200, "11250.40", "8900"), named("pro", 210, "30000", "30000")}, Accounts: 400, Moved: 60,
		Movers:   []Named{named("acme", 3, "900", "100"), named("bolt", 1, "0", "297"), named("core", 1, "10", "5")},
		Minimums: []Minimum{{"sms", 40, 30, dec("100"), dec("300")}}, MinimumPayers: []MinimumAccount{{"acme", 2, dec("3.40"), dec("16.60")}}, MinimumCount: 30,
		Balances: []Balance{{"sms_money", "", 90, dec("400"), dec("300"), dec("120.40"), dec("9.60"), dec("570")}, {"unused_time", "", 2, dec("0"), dec("60"), dec("0"), dec("0"), dec("60")}},
		Failed:   []Ageing{{0, 7, 3, dec("90")}, {8, 30, 1, dec("297")}, {31, 0, 2, dec("594")}}, FailedReasons: []Named{named("card_declined", 5, "900", "0"), named("no_method", 1, "81", "0")}, FailedAccounts: 4,
		Attempts: []Named{named("failed", 6, "981", "0"), named("requested", 408, "41130", "0"), named("succeeded", 390, "39000", "0")},
	}
	jpy := Money{Currency: "JPY", Minor: 0, Invoiced: Pair{dec("1234567"), dec("0")}, Due: Pair{dec("1234567"), dec("0")}, Documents: []Named{named("invoice", 3, "1234567", "0")},
		Kinds: []Named{named("base_fee", 3, "1234567", "0")}, Plans: []Named{named("plus", 3, "1234567", "0")}, Accounts: 3, Moved: 1, Movers: []Named{named("kita", 1, "1234567", "0")}}
	for d := day("2024-05-01"); d <= day("2024-05-31"); d++ {
		usd.Days = append(usd.Days, DayAmount{d, decimal.NewFromInt(int64(d%7) * 300).Sub(decimal.NewFromInt(200))})
	}
	jpy.Days = []DayAmount{{day("2024-05-10"), dec("1234567")}}
	sms := Usage{"sms", "USD", Pair{dec("5000"), dec("4000")}, Pair{dec("6100"), dec("4100")}, Pair{dec("61.004567"), dec("41")}, nil}
	for i := range 31 {
		sms.Days = append(sms.Days, decimal.NewFromInt(int64(100+i*i%50)))
	}
	return &Facts{
		Span: Span{day("2024-05-01"), day("2024-05-31"), 31, entry(31, "2024-05-01"), entry(62, "2024-05-31")}, Before: Span{day("2024-04-01"), day("2024-04-30"), 30, entry(1, "2024-04-01"), entry(30, "2024-04-30")},
		FirstNight: day("2024-04-01"), Money: []Money{jpy, usd},
		Usage:   []Usage{{"calls", "JPY", Pair{dec("10"), dec("0")}, Pair{dec("12.5"), dec("0")}, Pair{dec("10.5"), dec("0")}, nil}, sms},
		Units:   []Balance{{"cards", "postcards", 3, dec("0"), dec("30"), dec("10"), dec("0"), dec("20")}},
		Rejects: []Rejected{{"negative_quantity", 15, 0, 0, 0, 9}, {"unknown_account", 0, 2, 7, 3, 1}},
		Series:  []Series{{"INV", 41, 450}, {"INV-CN", 1, 2}, {"INV-TEST", 4, 3}},
		Sources: []SourceRows{{Source: "sms", Read: 5100, Passed: 5100, Rated: 5000, RejectedInRating: 100}},
		Rerates: []Entry{entry(61, "2024-05-31")}, Look: []Look{{day("2024-05-07"), "accounts that could not be billed: 2 (table parked_accounts)"}},
		Proof: Proof{Entries: 32, Checks: []Check{{"USD", "invoice lines = documents", dec("41250.40"), dec("41250.40"), 2}, {"USD", "first charges + uncollectable = amounts due", dec("41130"), dec("41130"), 2}, {"sms", "rows read = duplicate + refused + not yet due + passed on", dec("5100"), dec("5100"), 0}}},
	}
}

// empty is a month in which nothing happened.
func empty() *Facts {
	return &Facts{Span: Span{day("2024-02-01"), day("2024-02-29"), 29, entry(1, "2024-02-01"), entry(29, "2024-02-29")}, FirstNight: day("2024-02-01"), Proof: Proof{Entries: 29}}
}

// huge has figures of 10^12, 200 plans and meters with long names, and 400 days.
func huge() *Facts {
	f := may()
	f.Span = Span{day("2023-01-01"), day("2024-02-04"), 400, entry(1, "2023-01-01"), entry(400, "2024-02-04")}
	f.Before, f.FirstNight = Span{}, f.Span.From
	f.Rerates = nil
	m := &f.Money[1]
	m.Days, m.Plans, m.Movers, m.Kinds, f.Usage, f.Proof.Broken = nil, nil, nil, nil, nil, nil
	for d := f.Span.From; d <= f.Span.To; d++ {
		m.Days = append(m.Days, DayAmount{d, dec("1234567890123.45").Mul(decimal.NewFromInt(int64(d % 9)))})
	}
	for i := range 200 {
		size := dec("987654321098.76").Mul(decimal.NewFromInt(int64(i)))
		name := fmt.Sprintf("%03d_enterprise_unlimited_with_a_very_long_name_that_never_ends", i)
		m.Plans = append(m.Plans, Named{name, int64(i) * 1_000_000, Pair{Now: size}})
		f.Usage = append(f.Usage, Usage{name, "USD", Pair{Now: size.Truncate(0)}, Pair{Now: size}, Pair{Now: size}, slices.Repeat([]decimal.Decimal{size, size.Mul(dec("0.5"))}, 200)})
		f.Look = append(f.Look, Look{f.Span.From + calendar.Day(i), "more rows were rejected or put aside than are allowed"})
	}
	for i := range 12 {
		m.Movers = append(m.Movers, named(fmt.Sprintf("account-with-a-rather-long-identifier-%012d", i), 5, fmt.Sprintf("%d234567890123.45", 20-i), "0"))
	}
	m.Kinds = []Named{named("base_fee", 1<<40, "99999999999999.99", "0"), named("discount", 5, "-33333333333333.33", "0")}
	m.Invoiced, m.Due = Pair{Now: dec("19654320989865324.00")}, Pair{Now: dec("19654320989865324.00")}
	return f
}
