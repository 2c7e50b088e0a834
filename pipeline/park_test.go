package pipeline

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"ratemill/writers"
)

// A bill that does not fit its columns is not issued: its account is parked.

// dear are catalog prices at which 9,000,000,000,000,000,000 emails make an
// amount that does not fit DECIMAL(18,4); cheap are those at which they do.
const (
	dear  = "price: 99, adds: 100000, of: emails"
	cheap = "price: 0.50, adds: 100000, of: emails"
)

// hugeMailing is a company in which account A mails more than its column
// holds on 2 May, and B lives beside it.
const hugeMailing = `
	-- account_events/2018-05-01
	s1,A,2018-05-01T09:00:00,signed_up,pro,monthly,card,
	s2,B,2018-05-01T09:00:00,signed_up,pro,monthly,card,
	-- sms/2018-05-02
	m1,A,2018-05-02T10:00:00,outbound,acme,US,1100
	m2,B,2018-05-02T10:00:00,outbound,acme,US,1200
	-- emails/2018-05-02
	e1,A,2018-05-02T10:00:00,9000000000000000000
	e2,B,2018-05-02T10:00:00,100001
	-- sms/2018-05-03
	m3,A,2018-05-03T10:00:00,outbound,acme,US,1300
	m4,B,2018-05-03T10:00:00,outbound,acme,US,1400
	-- sms/2018-05-04
	m1,A,2018-05-02T10:00:00,outbound,acme,US,1100
	m5,A,2018-05-04T10:00:00,outbound,acme,US,1500
	m6,A,2018-05-03T11:00:00,outbound,acme,US,1600
	-- emails/2018-05-04
	e1,A,2018-05-02T10:00:00,9000000000000000000
	-- seats/2018-05-04
	u1,A,2018-05-04T10:00:00,ann,activated
	-- contacts/2018-05-03
	A,2018-05-03,10001,
`

func TestParkedAccount(t *testing.T) {
	c := newCompany(t, hugeMailing)
	c.nights("2018-05-01", "2018-05-03")
	for date, want := range map[string]string{"2018-05-02": "2", "2018-05-03": "4"} {
		if code := c.entry(date).ExitCode; code != ExitLook {
			t.Errorf("%s: exit code %d", date, code)
		}
		var got []string
		for _, p := range rows[writers.ParkedAccount](c, date, writers.ParkedAccountsTable) {
			got = append(got, fmt.Sprintf("%s since %s: %d rows, %s", p.AccountID, dayText(p.Since), p.RowsHeld, p.Reason))
		}
		if len(got) != 1 || !strings.HasPrefix(got[0], "A since 2018-05-02: "+want+" rows, ") || !strings.Contains(got[0], "does not fit DECIMAL(18,4)") {
			t.Errorf("%s: parked are %q, want A with %s rows", date, got, want)
		}
	}
	c.wantDocuments("2018-05-02", `
		invoice B total 99.00 credits 0.00 due 99.00
		  package 99.00 MK-6
		charge B 99.00 card
	`)
	c.wantRejects("2018-05-02", ``)

	// The catalog is mended: the missed days come in order, an invoice each.
	c.knobs.Catalog = marketing(t, dear, cheap)
	e := c.nights("2018-05-04", "2018-05-05")
	if e.ExitCode != ExitDone {
		t.Errorf("exit code %d", e.ExitCode)
	}
	c.wantDocuments("2018-05-04", `
		invoice A total 44999999999999.50 credits 0.00 due 44999999999999.50
		  package 44999999999999.50 MK-6
		invoice A total 110.00 credits 0.00 due 110.00
		  package 99.00 MK-5
		  usage 11.00 MK-9
		invoice A total 29.00 credits 0.00 due 29.00
		  usage 13.00 MK-9
		  usage 16.00 MK-9 late
		invoice B total 14.00 credits 0.00 due 14.00
		  usage 14.00 MK-9
		charge A 44999999999999.50 card
		charge A 110.00 card
		charge A 29.00 card
		charge B 14.00 card
	`)
	if got := issuedOn(c, "2018-05-04"); !reflect.DeepEqual(got, []string{"A 2018-05-02", "A 2018-05-03", "A 2018-05-04", "B 2018-05-04"}) {
		t.Errorf("invoices are issued on %q", got)
	}
	c.wantDocuments("2018-05-05", `
		invoice A total 15.00 credits 0.00 due 15.00
		  usage 15.00 MK-9
		charge A 15.00 card
	`)
	for _, table := range []writers.Spec{writers.ParkedAccountsTable, writers.HeldTable} {
		if f, _ := outputOf(c.entry("2018-05-04"), table.Name); f.Rows != 0 {
			t.Errorf("%d rows of %s are left", f.Rows, table.Name)
		}
	}
	c.explainAll()
}

func issuedOn(c *company, date string) []string {
	var all []string
	for _, inv := range rows[writers.Invoice](c, date, writers.InvoicesTable) {
		all = append(all, inv.AccountID+" "+dayText(inv.IssuedOn))
	}
	return all
}

// A parked account leaves the others as they are, byte for byte: but for their
// numbers, since it takes none.
func TestParkedAccountLeavesOthersAlone(t *testing.T) {
	type others struct {
		Lines    []writers.InvoiceLine
		Invoices []writers.Invoice
		Charges  []writers.Charge
		Balances []writers.BalanceMovement
		Rated    []writers.RatedUsage
		State    []writers.State
		Rejects  []writers.Reject
	}
	var got [2]others
	for i, replaced := range [][2]string{{dear, dear}, {dear, cheap}} {
		c := newCompany(t, hugeMailing)
		c.knobs.Catalog = marketing(t, replaced[0], replaced[1])
		c.nights("2018-05-01", "2018-05-04")
		parked := rows[writers.ParkedAccount](c, "2018-05-02", writers.ParkedAccountsTable)
		if (len(parked) == 1) != (i == 0) {
			t.Fatalf("parked are %+v", parked)
		}
		for _, date := range []string{"2018-05-03", "2018-05-04"} {
			o := &got[i]
			o.Lines = append(o.Lines, of(rows[writers.InvoiceLine](c, date, writers.InvoiceLinesTable), func(r writers.InvoiceLine) string { return r.AccountID })...)
			o.Invoices = append(o.Invoices, of(rows[writers.Invoice](c, date, writers.InvoicesTable), func(r writers.Invoice) string { return r.AccountID })...)
			o.Charges = append(o.Charges, of(rows[writers.Charge](c, date, writers.ChargesTable), func(r writers.Charge) string { return r.AccountID })...)
			o.Balances = append(o.Balances, of(rows[writers.BalanceMovement](c, date, writers.BalancesTable), func(r writers.BalanceMovement) string { return r.AccountID })...)
			o.Rated = append(o.Rated, of(rows[writers.RatedUsage](c, date, writers.RatedUsageTable), func(r writers.RatedUsage) string { return r.AccountID })...)
			o.State = append(o.State, of(rows[writers.State](c, date, writers.StateTable), func(r writers.State) string { return r.AccountID })...)
			o.Rejects = append(o.Rejects, of(rows[writers.Reject](c, date, writers.RejectsTable), func(r writers.Reject) string { return r.AccountID })...)
		}
		for j := range got[i].Invoices {
			got[i].Invoices[j].Number = ""
		}
		for j := range got[i].State {
			got[i].State[j].Collections = nil // they tell of B's own package of 2 May, which has another price
		}
	}
	if len(got[0].Lines) == 0 || !reflect.DeepEqual(got[0], got[1]) {
		t.Errorf("beside a parked account:\n%+v\nwithout one:\n%+v", got[0], got[1])
	}
}

// of keeps the rows of account B.
func of[T any](all []T, account func(T) string) []T {
	var kept []T
	for _, r := range all {
		if account(r) == "B" {
			kept = append(kept, r)
		}
	}
	return kept
}

// An account that is parked on the day of its sign-up has no state; its rows
// wait with their day, those of the days after it too.
func TestParkedOnSignUp(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2018-05-01
		s1,A,2018-05-01T09:00:00,signed_up,pro,monthly,card,
		-- emails/2018-05-01
		e1,A,2018-05-01T10:00:00,9000000000000000000
		-- sms/2018-05-01
		m1,A,2018-05-01T10:00:00,outbound,acme,US,1100
		-- sms/2018-05-02
		m2,A,2018-05-02T10:00:00,outbound,acme,US,1200
		m1,A,2018-05-01T10:00:00,outbound,acme,US,1100
	`)
	c.nights("2018-05-01", "2018-05-02")
	if state := rows[writers.State](c, "2018-05-02", writers.StateTable); len(state) != 0 {
		t.Errorf("state of an account that signed up on a parked day: %+v", state)
	}
	c.wantDocuments("2018-05-02", ``)
	c.wantRejects("2018-05-02", ``)
	c.knobs.Catalog = marketing(t, dear, cheap)
	c.nights("2018-05-03", "2018-05-03")
	c.wantDocuments("2018-05-03", `
		invoice A total 45000000000296.50 credits 0.00 due 45000000000296.50
		  base_fee 297.00 MK-1
		  package 44999999999999.50 MK-6
		invoice A total 11.00 credits 0.00 due 11.00
		  usage 11.00 MK-9
		invoice A total 12.00 credits 0.00 due 12.00
		  usage 12.00 MK-9
		charge A 45000000000296.50 card
		charge A 11.00 card
		charge A 12.00 card
		plan A none to pro signed_up
	`)
	c.wantRejects("2018-05-03", ``)
}

// Usage of which each line fits and the invoice does not parks the account on
// the day it falls due.
func TestParkedOnTheDayItFallsDue(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,basic,monthly,card,
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,9000000000000000
		m3,A,2024-05-01T10:00:00,outbound,acme,GB,2000000000000000
		-- sms/2024-05-02
		m2,A,2024-05-02T10:00:00,outbound,acme,US,1
	`)
	c.nights("2024-05-01", "2024-05-03")
	c.wantDocuments("2024-05-02", ``)
	parked := rows[writers.ParkedAccount](c, "2024-05-03", writers.ParkedAccountsTable)
	if len(parked) != 1 || dayText(parked[0].Since) != "2024-05-02" || parked[0].RowsHeld != 1 {
		t.Errorf("parked are %+v", parked)
	}
	c.explainAll()
}

// Many parked accounts with groups of many dimension values wait in held;
// workers that read them back share the list of combinations. Under -race this
// finds one that adds to it.
func TestParkedGroupsOnManyWorkers(t *testing.T) {
	var exports strings.Builder
	exports.WriteString("-- account_events/2018-05-01\n")
	for a := range 40 {
		fmt.Fprintf(&exports, "s%d,A%d,2018-05-01T09:00:00,signed_up,pro,monthly,card,\n", a, a)
	}
	exports.WriteString("-- emails/2018-05-01\n")
	for a := range 40 {
		fmt.Fprintf(&exports, "e%d,A%d,2018-05-01T09:00:00,9000000000000000000\n", a, a)
	}
	exports.WriteString("-- sms/2018-05-01\n")
	for a := range 40 {
		fmt.Fprintf(&exports, "m%d,A%d,2018-05-01T09:00:00,outbound,carrier%d,GB,25\n", a, a, a)
	}
	c := newCompany(t, exports.String())
	c.knobs.Workers, c.knobs.Buckets = 4, 16
	c.night("2018-05-01")
	c.knobs.Catalog = marketing(t, dear, cheap)
	c.night("2018-05-02")
	if lines := rows[writers.Invoice](c, "2018-05-02", writers.InvoicesTable); len(lines) != 80 {
		t.Errorf("%d invoices, want two for each of 40 accounts", len(lines))
	}
}

// A row that waited for its account's sign-up is recycled when the account is
// there, also where that account is parked: it waits for another reason now.
func TestParkedAccountRecyclesItsRejects(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2018-05-01
		s2,B,2018-05-01T09:00:00,signed_up,pro,monthly,card,
		-- emails/2018-05-01
		e1,A,2018-05-01T10:00:00,5
		-- account_events/2018-05-02
		s1,A,2018-05-01T09:00:00,signed_up,pro,monthly,card,
		-- emails/2018-05-02
		e2,A,2018-05-02T10:00:00,9000000000000000000
	`)
	c.nights("2018-05-01", "2018-05-02")
	c.wantRejects("2018-05-02", `
		emails/date=2018-05-01/part-0.csv:1 A unknown_account recycled
	`)
	if parked := rows[writers.ParkedAccount](c, "2018-05-02", writers.ParkedAccountsTable); len(parked) != 1 || parked[0].RowsHeld != 3 {
		t.Errorf("parked are %+v, want A with 3 rows", parked)
	}
}
