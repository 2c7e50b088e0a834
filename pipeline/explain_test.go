package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"ratemill/fixtures/generate"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// explain asks why an account paid what it paid.
func (c *company) explain(account, date string) *Explanation {
	c.Helper()
	x, err := Explain(context.Background(), c.settings(date), Question{Account: account, Day: day(c, date), Show: 1 << 20})
	if err != nil {
		c.Fatalf("%s %s: %v", account, date, err)
	}
	return x
}

// Of the demo company every figure of usage of some nights is explained: the
// rows behind it are found in the exports, each once, and add up to what
// billing rated and charged. Exports have late, early, repeated and bad rows.
func TestExplainEveryLine(t *testing.T) {
	c := newCompany(t, "")
	first := calendar.Date(2018, 5, 16)
	_, err := generate.Write(context.Background(), c.exports, generate.Settings{
		Seed: 7, From: first, To: first + 3, Zone: c.knobs.Catalog.Zone, Accounts: 40, Rows: 3000, Format: generate.CSV,
		Bad: generate.Bad{Repeated: 50_000, Late: 50_000, NotYetDue: 20_000, UnknownAccount: 20_000, Negative: 10_000},
	})
	if err != nil {
		t.Fatal(err)
	}
	lines, late, again := 0, int64(0), int64(0)
	for d := first; d <= first+3; d++ {
		e := c.night(d.String())
		found := map[string]int64{} // rows by source
		places := map[string]string{}
		for account := range accountsOf(c, e) {
			x := c.explain(account, d.String())
			if len(x.Problems) > 0 {
				t.Errorf("%s %s: %s", d, account, strings.Join(x.Problems, "; "))
			}
			for _, line := range x.Entries[0].usageLines() {
				lines++
				checkUsageLine(t, account, line)
			}
			seen := map[*RowsProof]bool{}
			for _, u := range ratedOn(&x.Entries[0], e.Entry) {
				if seen[u.Found] || u.Found.Verdict != AddsUp {
					continue
				}
				seen[u.Found] = true
				found[u.Source] += u.Found.Rows
				again += u.Found.Duplicates
				if u.Late {
					late += u.Found.Rows
				}
				for _, r := range u.Found.Shown {
					at := fmt.Sprintf("%s row %d", r.File, r.Row)
					if other := places[at]; other != "" {
						t.Errorf("%s: %s is behind a figure of %s and of %s", d, at, other, account)
					}
					places[at] = account
				}
			}
		}
		for _, s := range e.Totals.Sources {
			if s.Source != "sms" && s.Source != "emails" && s.Source != "postcards" {
				continue
			}
			if found[s.Source] != s.Rated {
				t.Errorf("%s: %d rows of %s are explained, %d were rated", d, found[s.Source], s.Source, s.Rated)
			}
		}
	}
	if lines == 0 || late == 0 || again == 0 {
		t.Errorf("%d lines, %d late rows, %d duplicates: the test has nothing to say", lines, late, again)
	}
}

// accountsOf are the accounts with rated usage or lines in an entry.
func accountsOf(c *company, e *Entry) map[string]bool {
	all := map[string]bool{}
	for _, r := range rowsOf[writers.RatedUsage](c, e, writers.RatedUsageTable) {
		all[r.AccountID] = true
	}
	for _, l := range rowsOf[writers.InvoiceLine](c, e, writers.InvoiceLinesTable) {
		all[l.AccountID] = true
	}
	return all
}

func (e *ExplainedEntry) usageLines() []*ExplainedLine {
	var all []*ExplainedLine
	for i := range e.Documents {
		for j := range e.Documents[i].Lines {
			if l := &e.Documents[i].Lines[j]; l.Kind == "usage" {
				all = append(all, l)
			}
		}
	}
	return all
}

// ratedOn is what an entry rated, on lines or not.
func ratedOn(e *ExplainedEntry, entry int64) []ExplainedUsage {
	all := e.Uncharged
	for i := range e.Documents {
		for j := range e.Documents[i].Lines {
			for _, u := range e.Documents[i].Lines[j].Usage {
				if u.Entry == entry {
					all = append(all, u)
				}
			}
		}
	}
	return all
}

// checkUsageLine adds the rows shown up once more, from their text.
func checkUsageLine(t *testing.T, account string, l *ExplainedLine) {
	t.Helper()
	sum := decimal.Decimal{}
	for _, u := range l.Usage {
		for _, r := range u.Found.Shown {
			q, err := decimal.NewFromString(r.Quantity)
			if err != nil {
				t.Fatal(err)
			}
			sum = sum.Add(q)
		}
	}
	if l.Verdict != AddsUp || !sum.Equal(l.Quantity) {
		t.Errorf("%s line %d: %s, rows shown add up to %s of %s", account, l.LineNo, l.Verdict, sum, l.Quantity)
	}
}

const explainSignUp = `
-- account_events/2024-05-01
e1,A,2024-05-01T09:00:00,signed_up,pro,monthly,card
`

func TestExplain(t *testing.T) {
	tests := []struct {
		name    string
		exports string
		last    string           // night, from 2024-05-01 on
		then    func(c *company) // after it
		account string           // A if empty
		date    string           // explained
		want    []string         // texts of the explanation, in this order
		problem string           // part of the only problem
		check   func(*testing.T, *Explanation)
	}{
		{
			name: "usage waits for its account", last: "2024-05-03", date: "2024-05-02",
			exports: "-- sms/2024-05-01\nm1,A,2024-05-01T10:00:00,outbound,acme,US,340\n" +
				"-- account_events/2024-05-02\ne1,A,2024-05-01T09:00:00,signed_up,pro,monthly,card\n",
			want: []string{"usage SMS outbound US 3.4 adds_up", "sms/date=2024-05-01/part-0.csv row 1 340 waited since 2024-05-01: unknown_account"},
		},
		{
			name: "a row twice", last: "2024-05-02", date: "2024-05-02",
			exports: explainSignUp + "-- sms/2024-05-01\nm1,A,2024-05-01T10:00:00,outbound,acme,US,340\nm1,A,2024-05-01T10:00:00,outbound,acme,US,340\n",
			want:    []string{"usage SMS outbound US 3.4 adds_up", "row 1 340", "left out: sms/date=2024-05-01/part-0.csv row 2 340 the same event id as sms/date=2024-05-01/part-0.csv row 1"},
		},
		{
			name: "an event id of another account's", last: "2024-05-02", date: "2024-05-02",
			exports: explainSignUp + "e2,B,2024-05-01T09:00:00,signed_up,pro,monthly,card\n" +
				"-- sms/2024-05-01\nm1,B,2024-05-01T09:30:00,outbound,acme,US,100\nm1,A,2024-05-01T10:00:00,outbound,acme,US,340\nm2,A,2024-05-01T10:00:00,outbound,acme,US,1000\n",
			want: []string{"usage SMS outbound US 10 adds_up", "row 3 1000"},
		},
		{
			name: "a late row beside one that was billed", last: "2024-05-03", date: "2024-05-02",
			exports: explainSignUp + "-- sms/2024-05-01\nm1,A,2024-05-01T10:00:00,outbound,acme,US,340\n" +
				"-- sms/2024-05-02\nm1,A,2024-05-01T10:00:00,outbound,acme,US,340\nm2,A,2024-05-01T11:00:00,outbound,acme,US,60\n",
			want: []string{"usage SMS outbound US 3.4 adds_up", "usage SMS outbound US 0.6 adds_up late", "sms/date=2024-05-02/part-0.csv row 2 60",
				"left out: sms/date=2024-05-02/part-0.csv row 1 340 its event id was billed by an earlier night"},
		},
		{
			name: "a file is gone", last: "2024-05-02", date: "2024-05-02",
			exports: explainSignUp + "-- sms/2024-05-01\nm1,A,2024-05-01T10:00:00,outbound,acme,US,340\n",
			then:    func(c *company) { c.undeliver("sms/date=2024-05-01/part-0.csv") },
			want:    []string{"usage SMS outbound US 3.4 missing"},
			problem: "line 1: sms of 2024-05-01: 0 of the 1 rows that were rated are found: sms/date=2024-05-01/part-0.csv is gone",
		},
		{
			name: "a file has changed", last: "2024-05-02", date: "2024-05-02",
			exports: explainSignUp + "-- sms/2024-05-01\nm1,A,2024-05-01T10:00:00,outbound,acme,US,340\n",
			then:    func(c *company) { c.deliver("-- sms/2024-05-01\nm1,A,2024-05-01T10:00:00,outbound,acme,US,341\n") },
			want:    []string{"usage SMS outbound US 3.4 missing"},
			problem: "sms/date=2024-05-01/part-0.csv has changed",
		},
		{
			name: "a file that holds nothing of the account has changed", last: "2024-05-02", date: "2024-05-02",
			exports: explainSignUp + "-- sms/2024-05-01\nm1,A,2024-05-01T10:00:00,outbound,acme,US,340\n-- sms/2024-05-01 other.csv\nm2,B,2024-05-01T10:00:00,outbound,acme,US,1\n",
			then: func(c *company) {
				c.deliver("-- sms/2024-05-01 other.csv\nm2,B,2024-05-01T10:00:00,outbound,acme,US,2\n")
			},
			want: []string{"note: sms/date=2024-05-01/other.csv, read by entry 1, has changed", "usage SMS outbound US 3.4 adds_up"},
		},
		{
			name: "usage that falls due tomorrow", last: "2024-05-02", date: "2024-05-01",
			exports: explainSignUp + "-- sms/2024-05-01\nm1,A,2024-05-01T10:00:00,outbound,acme,US,340\n",
			want:    []string{"base_fee pro, monthly 297", "uncharged: sms 340 due 2024-05-02 adds_up"},
		},
		{
			name: "emails within the allowance", last: "2024-05-02", date: "2024-05-02",
			exports: explainSignUp + "-- emails/2024-05-02\nm1,A,2024-05-02T10:00:00,200\nm2,A,2024-05-02T11:00:00,100\n",
			want:    []string{"reason: emails of 2024-05-02 (300) costs nothing: unlimited", "uncharged: emails 300 due 2024-05-02 adds_up"},
		},
		{
			name: "usage without a price waits, and has one later", last: "2024-05-02", date: "2024-05-02",
			exports: explainSignUp + "-- sms/2024-05-01\nm1,A,2024-05-01T10:00:00,sideways,acme,US,3\nm2,A,2024-05-01T10:00:00,sideways,acme,US,4\n",
			then: func(c *company) {
				c.knobs.Catalog = marketing(c, "[outbound, GB,", "[sideways, US,")
				c.night("2024-05-03")
			},
			want: []string{"reason: rows wait for a later night"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCompany(t, test.exports)
			for d := day(t, "2024-05-01"); d <= day(t, test.last); d++ {
				c.night(d.String())
			}
			if test.then != nil {
				test.then(c)
			}
			account := test.account
			if account == "" {
				account = "A"
			}
			x := c.explain(account, test.date)
			text := explanationText(x)
			rest := text
			for _, want := range test.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("no %q in its place in\n%s", want, text)
				}
				rest = after
			}
			switch {
			case test.problem == "" && len(x.Problems) > 0:
				t.Errorf("problems: %q", x.Problems)
			case test.problem != "" && (len(x.Problems) != 1 || !strings.Contains(x.Problems[0], test.problem)):
				t.Errorf("problems %q, want one with %q", x.Problems, test.problem)
			}
		})
	}
}

// A group that was refused and waited is taken up whole: its rows are those of
// the night that put it aside.
func TestExplainGroupFromHeld(t *testing.T) {
	c := newCompany(t, explainSignUp+"-- sms/2024-05-01\nm1,A,2024-05-01T10:00:00,sideways,acme,US,3\nm2,A,2024-05-01T10:00:00,sideways,acme,US,4\n")
	c.night("2024-05-01")
	c.knobs.Catalog = marketing(t, "[outbound, GB,", "[sideways, US,")
	c.night("2024-05-02")
	x := c.explain("A", "2024-05-02")
	text := explanationText(x)
	for _, want := range []string{
		"usage SMS sideways US 0.28 adds_up late",
		"sms/date=2024-05-01/part-0.csv row 1 3 waited since 2024-05-01: no_price", "row 2 4 waited since",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if len(x.Problems) > 0 {
		t.Errorf("problems: %q", x.Problems)
	}
}

// explanationText is an explanation in few words.
func explanationText(x *Explanation) string {
	var b strings.Builder
	proof := func(p *RowsProof) {
		for _, r := range p.Shown {
			fmt.Fprintf(&b, "    %s row %d %s %s\n", r.File, r.Row, r.Quantity, r.Note)
		}
		for _, r := range p.Again {
			fmt.Fprintf(&b, "    left out: %s row %d %s %s\n", r.File, r.Row, r.Quantity, r.Note)
		}
	}
	for _, e := range x.Entries {
		for _, note := range e.Notes {
			fmt.Fprintf(&b, "note: %s\n", note)
		}
		for _, d := range e.Documents {
			for _, l := range d.Lines {
				late := map[bool]string{true: " late"}[l.Late]
				fmt.Fprintf(&b, "  %s %s %s %s%s\n", l.Kind, l.Description, l.Amount, l.Verdict, late)
				for _, u := range l.Usage {
					proof(u.Found)
				}
			}
		}
		for _, why := range e.Reasons {
			fmt.Fprintf(&b, "reason: %s\n", why)
		}
		for _, u := range e.Uncharged {
			fmt.Fprintf(&b, "uncharged: %s %s due %s %s\n", u.Meter, u.Quantity, u.DueOn, u.Found.Verdict)
			proof(u.Found)
		}
	}
	return b.String()
}

func (c *company) undeliver(key string) {
	c.Helper()
	if err := c.exports.Delete(context.Background(), key); err != nil {
		c.Fatal(err)
	}
}

// What cannot be answered says where an answer is.
func TestExplainRefuses(t *testing.T) {
	c := newCompany(t, explainSignUp)
	c.nights("2024-05-01", "2024-05-02")
	tests := []struct {
		name, account, date string
		line                int
		want, hint          string
	}{
		{"an unknown account", "B", "2024-05-01", 0, `no entry of 2024-05-01 knows an account "B"`, "no date has a document"},
		{"a date that is not published", "A", "2024-05-03", 0, "2024-05-03 is not published: the history has 2024-05-01 to 2024-05-02", "billing date"},
		{"a line that there is not", "A", "2024-05-01", 7, "no document of 2024-05-01 has a line 7: the longest has 1", "--line"},
		{"a line of no document", "A", "2024-05-02", 1, "A has no document of 2024-05-02, and so no line 1", "--line"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Explain(context.Background(), c.settings(test.date), Question{Account: test.account, Day: day(t, test.date), Line: test.line})
			var usage *UsageError
			if !errors.As(err, &usage) || usage.What != test.want || !strings.Contains(usage.Hint, test.hint) {
				t.Errorf("got %v (%+v)", err, usage)
			}
		})
	}
}

// explainAll explains every account of every night so far: nothing may be
// missing, whatever went on.
func (c *company) explainAll() {
	c.Helper()
	for _, e := range c.chain() {
		for _, account := range sortedKeys(accountsOf(c, e)) {
			x := c.explain(account, e.BillingDate)
			if len(x.Problems) > 0 {
				c.Errorf("explain %s %s: %s\n%s", e.BillingDate, account, strings.Join(x.Problems, "; "), explanationText(x))
			}
		}
	}
}
