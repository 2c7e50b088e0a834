package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	allocator "github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/parquet-go/parquet-go"

	"ratemill/rating/calendar"
	"ratemill/readers"
	"ratemill/writers"
)

// book is an ordinary opening book, of the first night 2024-05-01.
const book = `
	-- opening/2024-05-01
	A,2017-03-10,pro,monthly,card,USD,2024-05-10,,u1;u2;u3;u4,150000,sms_money=6.60;postcard_credits=12,,
	B,2024-04-05,basic,,card,,2024-05-05,2024-04-05,"[""u;1""]",900,"{""sms_money"": ""1.50""}",guarantee_90,
	C,2020-01-31,enterprise,annual,paypal,USD,2025-01-31,,,,,,billing_delayed;nonprofit
`

// The accounts of the book are billed from the first night on, and their
// balances are those that the first entry opens with.
func TestOpeningBook(t *testing.T) {
	c := newCompany(t, book+`
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,700
		m2,B,2024-05-01T10:00:00,outbound,acme,US,100
		-- postcards/2024-05-02
		p1,A,2024-05-02T10:00:00,10
		-- seats/2024-05-03
		s1,A,2024-05-03T10:00:00,u5,activated
		-- contacts/2024-05-04
		B,2024-05-04,1001,0
	`)
	c.nights("2024-05-01", "2024-05-31")
	c.wantDocuments("2024-05-01", `
		plan A none to pro opening
		plan C none to enterprise opening
		plan B none to basic opening
	`)
	c.wantBalances("2024-05-01", `
		A postcard_credits postcards 12.00 + 0.00 - 0.00 - 0.00 = 12.00
		A sms_money USD 6.60 + 0.00 - 0.00 - 0.00 = 6.60
		B sms_money USD 1.50 + 0.00 - 0.00 - 0.00 = 1.50
	`)
	c.wantDocuments("2024-05-02", `
		invoice A total 16.60 credits 6.60 due 10.00
		  usage 0.00 MK-8
		  usage 7.00 MK-9
		  minimum 9.60 MK-9
		invoice B total 1.00 credits 1.00 due 0.00
		  usage 1.00 MK-9
		charge A 10.00 card
		balance A postcard_credits 12.00 + 0.00 - 10.00 = 2.00
		balance A sms_money 6.60 + 9.60 - 6.60 = 9.60
		balance B sms_money 1.50 + 0.00 - 1.00 = 0.50
	`)
	c.wantDocuments("2024-05-04", "plan B basic to plus auto_upgrade")
	c.wantDocuments("2024-05-10", `
		invoice A total 589.00 credits 0.00 due 589.00
		  base_fee 297.00 MK-1
		  seat 94.00 MK-10
		  package 198.00 MK-5
		charge A 589.00 card
	`)
	e := c.entry("2024-05-01")
	opening := e.Totals.Opening
	if opening == nil || opening.Accounts != 3 || len(opening.Balances) != 2 {
		t.Fatalf("opening totals %+v", opening)
	}
	if got := fmt.Sprint(opening.Balances); got != "[{postcard_credits  postcards 12} {sms_money USD  8.1}]" {
		t.Errorf("opening balances %s", got)
	}
	for _, s := range e.Totals.Sources {
		if s.Source == "opening" && (s.Passed != 3 || s.Rated != 3) {
			t.Errorf("source opening: %+v", s)
		}
	}
	if next := c.entry("2024-05-02"); next.Totals.Opening != nil {
		t.Errorf("the second entry has opening totals %+v", next.Totals.Opening)
	}
}

// A book that no later night reads is named in the log, and changes nothing.
func TestSecondBook(t *testing.T) {
	plain := newCompany(t, book)
	plain.nights("2024-05-01", "2024-05-03")
	c := newCompany(t, book)
	var log bytes.Buffer
	c.knobs.Log = slog.New(slog.NewTextHandler(&log, nil))
	c.night("2024-05-01")
	if log.Len() > 0 {
		t.Errorf("the first night logs %s", &log)
	}
	c.deliver(strings.Replace(book, "2024-05-01\n", "2024-05-02\n", 1))
	c.nights("2024-05-02", "2024-05-03")
	sameTree(t, "with a second book", issued(t, c.output), issued(t, plain.output))
	if n := strings.Count(log.String(), `name="opening/date=2024-05-02/part-0.csv"`); n != 1 {
		t.Errorf("the book is named %d times in the log:\n%s", n, &log)
	}
	if r, err := c.try("2024-05-01"); err != nil || r.Status != Already {
		t.Errorf("the first night again: %v, %v", r, err)
	}
	c.deliver(strings.Replace(book, "sms_money=6.60", "sms_money=7.60", 1))
	if _, err := c.try("2024-05-01"); ExitCode(err) != ExitOtherInputs {
		t.Errorf("the first night with another book: %v", err)
	}
	if e := c.night("2024-05-04"); e.ExitCode != ExitDone || len(e.ChangedInputs) > 0 {
		t.Errorf("a later night: exit code %d, changed %v", e.ExitCode, e.ChangedInputs)
	}
}

// A row that cannot be stops the night before anything is published, and all
// such rows are named.
func TestBrokenBook(t *testing.T) {
	c := newCompany(t, `
		-- opening/2024-05-01
		A,2017-03-10,pro,,card,,2024-05-10
		,2017-03-10,pro,,card,,2024-05-10
		A,2017-03-10,pro,,card,,2024-05-11
		C,2017-03-10,gold,,card,,2024-05-10
		D,2017-03-40,pro,,card,,2024-05-10
		E,2017-03-10,pro,,card,,2024-04-10
		F,2017-03-10,pro,,card,,2024-05-10,,"[""u1"", ""u1""]",,,,
		G,2017-03-10,pro,,card,,2024-05-10,,"[""u1"""
		H,2017-03-10,pro,,card,,2024-05-10,,"[null]"
		I,2017-03-10,pro,,card,,2024-05-10,,u1;,-1
		J,2017-03-10,pro,,card,,2024-05-10,,u1;,1
		K,2017-03-10,pro,,card,,2024-05-10,,,,sms_money
		L,2017-03-10,pro,,card,,2024-05-10,,,,sms_money=1e3
		M,2017-03-10,pro,,card,,2024-05-10,,,,"{""sms_money"": 1, ""sms_money"": 1}",,
		N,2017-03-10,pro,,card,,2024-05-10,,,,"{""sms_money"": [1]}"
		O,2017-03-10,pro,,card,,2024-05-10,,,,sms_money=100000000000000
		P,2017-03-10,pro,,card,,,,,,
		Q,2017-03-10,pro,,card,,2024-05-10,,,,sms_money=-1
		-- opening/2024-05-01 more.csv
		R,2017-03-10,pro,,card,,2024-05-10,,,,,,good
		A,2017-03-10,pro,,card,,2024-05-10
	`)
	_, err := c.try("2024-05-01")
	var broken *OpeningError
	if !errors.As(err, &broken) || ExitCode(err) != ExitInput {
		t.Fatalf("%v", err)
	}
	equalText(t, "rows", err.Error(), `
		the opening book has 19 rows that cannot be, nothing is published:
		opening/date=2024-05-01/more.csv: row 1: account "R": unknown_flag: flag "good"
		opening/date=2024-05-01/part-0.csv: row 1: account "A": duplicate_account: it stands in opening/date=2024-05-01/more.csv row 2 too
		opening/date=2024-05-01/part-0.csv: row 2: account "": missing_field: account_id
		opening/date=2024-05-01/part-0.csv: row 3: account "A": duplicate_account: it stands in opening/date=2024-05-01/part-0.csv row 1 too
		opening/date=2024-05-01/part-0.csv: row 4: account "C": unknown_plan: plan "gold"
		opening/date=2024-05-01/part-0.csv: row 5: account "D": not_a_time: signed_up_on "2017-03-40"
		opening/date=2024-05-01/part-0.csv: row 6: account "E": bad_date: next billing date 2024-04-10 is not after 2024-04-30, the day of the book
		opening/date=2024-05-01/part-0.csv: row 7: account "F": duplicate_user: active users 1 and 2 are the same
		opening/date=2024-05-01/part-0.csv: row 8: account "G": not_a_list: active_users: not a JSON list
		opening/date=2024-05-01/part-0.csv: row 9: account "H": not_a_list: active_users: element 1 is no text
		opening/date=2024-05-01/part-0.csv: row 10: account "I": negative_quantity: contacts -1
		opening/date=2024-05-01/part-0.csv: row 11: account "J": not_a_list: active_users: element 2 is empty
		opening/date=2024-05-01/part-0.csv: row 12: account "K": not_amounts: balances: "sms_money" is not NAME=AMOUNT
		opening/date=2024-05-01/part-0.csv: row 13: account "L": not_amounts: balances: sms_money="1e3": want a name and a plain decimal
		opening/date=2024-05-01/part-0.csv: row 14: account "M": duplicate_balance: balance "sms_money" stands twice
		opening/date=2024-05-01/part-0.csv: row 15: account "N": not_amounts: balances: "sms_money" is no amount
		opening/date=2024-05-01/part-0.csv: row 16: account "O": overflow: balance sms_money of 100000000000000.00 does not fit DECIMAL(18,4)
		opening/date=2024-05-01/part-0.csv: row 17: account "P": missing_field: next_billing_date
		opening/date=2024-05-01/part-0.csv: row 18: account "Q": negative_balance: balance sms_money is -1
	`)
	if left := tree(t, c.output); len(left) > 0 {
		t.Errorf("published: %v", maps.Keys(left))
	}
}

// The book of another day would be left out in silence.
func TestBookOfAnotherDay(t *testing.T) {
	c := newCompany(t, strings.Replace(book, "2024-05-01\n", "2024-04-30\n", 1))
	_, err := c.try("2024-05-01")
	var file *readers.FileError
	if !errors.As(err, &file) || !strings.Contains(err.Error(), "the first night is 2024-05-01, and its book lies under that date") {
		t.Fatalf("%v", err)
	}
}

// A book may lie anywhere, with columns of other names and rows left out.
func TestMappedBook(t *testing.T) {
	c := newCompany(t, "")
	c.write("crm/customers.csv", "id,since,product,renews,state\nA,2020-03-10,Pro,2024-05-10,active\nB,2020-03-10,Pro,2024-05-10,closed\n")
	rule := func(field, from string) readers.Rule {
		return readers.Rule{Field: field, Paths: []readers.Path{readers.ColumnPath(from)}}
	}
	product := rule("plan", "product")
	product.Case = "lower"
	optional := []readers.Rule{rule("account_id", "id"), rule("signed_up_on", "since"), product, rule("next_billing_date", "renews")}
	c.knobs.Sources = []SourceSettings{{Name: "opening", Exports: []ExportSettings{{Paths: []string{"crm/customers.csv"}, Mapping: readers.Mapping{
		Rules: optional, LeaveOut: []readers.Filter{{Name: "closed", Conditions: []readers.Condition{{Path: readers.ColumnPath("state"), Is: []string{"closed"}}}}},
	}}}}}
	e := c.night("2024-05-01")
	c.wantDocuments("2024-05-01", "plan A none to pro opening")
	if e.Totals.Opening.Accounts != 1 || e.ExitCode != ExitDone {
		t.Errorf("opening %+v, exit code %d", e.Totals.Opening, e.ExitCode)
	}
	c.night("2024-05-02")
}

type bookRow struct {
	AccountID       string   `parquet:"account_id"`
	SignedUpOn      int32    `parquet:"signed_up_on,date"`
	Plan            string   `parquet:"plan"`
	Term            string   `parquet:"term,optional"`
	Method          string   `parquet:"method,optional"`
	NextBillingDate int32    `parquet:"next_billing_date,date"`
	FirstPurchaseOn int32    `parquet:"first_purchase_on,date,optional"`
	ActiveUsers     []string `parquet:"active_users,list,optional"`
	Contacts        int64    `parquet:"contacts,optional"`
	Balances        string   `parquet:"balances,optional"`
	Offers          []string `parquet:"offers,list,optional"`
	Flags           []string `parquet:"flags,list,optional"`
}

func bookRows(t testing.TB) []bookRow {
	d := func(text string) int32 { return int32(day(t, text)) }
	return []bookRow{
		{"A", d("2017-03-10"), "pro", "monthly", "card", d("2024-05-10"), 0, []string{"u1", "u2", "u3", "u4"}, 150000, "sms_money=6.60;postcard_credits=12", nil, nil},
		{"B", d("2024-04-05"), "basic", "", "card", d("2024-05-05"), d("2024-04-05"), []string{"u;1"}, 900, "sms_money=1.50", []string{"guarantee_90"}, nil},
		{"C", d("2020-01-31"), "enterprise", "annual", "paypal", d("2025-01-31"), 0, nil, 0, "", nil, []string{"billing_delayed", "nonprofit"}},
	}
}

// bookFiles is the book in the other formats, with lists as they have them.
func bookFiles(t testing.TB) map[string][]byte {
	var file bytes.Buffer
	w := parquet.NewGenericWriter[bookRow](&file)
	rows := bookRows(t)
	for i := range rows { // one by one: see the note on nullable columns in DECISIONS.md
		if _, err := w.Write(rows[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var ndjson strings.Builder
	fmt.Fprintln(&ndjson, `{"account_id":"A","signed_up_on":"2017-03-10","plan":"pro","term":"monthly","method":"card","next_billing_date":"2024-05-10","active_users":["u1","u2","u3","u4"],"contacts":150000,"balances":{"sms_money":6.60,"postcard_credits":"12"}}`)
	fmt.Fprintln(&ndjson, `{"account_id":"B","signed_up_on":"2024-04-05","plan":"basic","method":"card","next_billing_date":"2024-05-05","first_purchase_on":"2024-04-05","active_users":["u;1"],"contacts":900,"balances":"sms_money=1.50","offers":["guarantee_90"]}`)
	fmt.Fprintln(&ndjson, `{"account_id":"C","signed_up_on":"2020-01-31","plan":"enterprise","term":"annual","method":"paypal","next_billing_date":"2025-01-31","active_users":[],"flags":["nonprofit","billing_delayed"]}`)
	return map[string][]byte{"book.parquet": file.Bytes(), "book.ndjson": []byte(ndjson.String()), "book.arrow": bookArrow(t, rows)}
}

func bookArrow(t testing.TB, rows []bookRow) []byte {
	text, date, list := arrow.BinaryTypes.String, arrow.FixedWidthTypes.Date32, arrow.ListOf(arrow.BinaryTypes.String)
	var fields []arrow.Field
	for _, f := range []struct {
		name string
		kind arrow.DataType
	}{
		{"account_id", text}, {"signed_up_on", date}, {"plan", text}, {"term", text}, {"method", text}, {"next_billing_date", date},
		{"first_purchase_on", date}, {"active_users", list}, {"contacts", arrow.PrimitiveTypes.Int64}, {"balances", text}, {"offers", list}, {"flags", list},
	} {
		fields = append(fields, arrow.Field{Name: f.name, Type: f.kind, Nullable: true})
	}
	b := array.NewRecordBuilder(allocator.DefaultAllocator, arrow.NewSchema(fields, nil))
	for _, r := range rows {
		for i, v := range []any{r.AccountID, calendar.Day(r.SignedUpOn), r.Plan, r.Term, r.Method, calendar.Day(r.NextBillingDate), calendar.Day(r.FirstPurchaseOn), r.ActiveUsers, r.Contacts, r.Balances, r.Offers, r.Flags} {
			appendCell(b.Field(i), v)
		}
	}
	var file bytes.Buffer
	w := ipc.NewWriter(&file, ipc.WithSchema(b.Schema()))
	if err := w.Write(b.NewRecord()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// appendCell appends a value, or none where it is zero.
func appendCell(b array.Builder, v any) {
	switch v := v.(type) {
	case string:
		if v != "" {
			b.(*array.StringBuilder).Append(v)
			return
		}
	case calendar.Day:
		if v != calendar.None {
			b.(*array.Date32Builder).Append(arrow.Date32(v))
			return
		}
	case int64:
		if v != 0 {
			b.(*array.Int64Builder).Append(v)
			return
		}
	case []string:
		if v != nil {
			b.(*array.ListBuilder).Append(true)
			for _, text := range v {
				b.(*array.ListBuilder).ValueBuilder().(*array.StringBuilder).Append(text)
			}
			return
		}
	}
	b.AppendNull()
}

// The same book in any format makes the same tables.
func TestBookFormats(t *testing.T) {
	csv := newCompany(t, book)
	csv.nights("2024-05-01", "2024-05-11")
	want := tablesOf(t, csv)
	for name, file := range bookFiles(t) {
		if name == "book.arrow" {
			name = "book.arrows"
		}
		c := newCompany(t, "")
		c.write("opening/date=2024-05-01/"+name, string(file))
		c.nights("2024-05-01", "2024-05-11")
		sameTree(t, name, tablesOf(t, c), want)
	}
}

// tablesOf is what is issued but for run.json, which names the inputs.
func tablesOf(t testing.TB, c *company) map[string]string {
	all := issued(t, c.output)
	maps.DeleteFunc(all, func(key, _ string) bool { return strings.HasPrefix(key, "runs/") })
	return all
}

// Workers and buckets do not show, and an account of the book may be parked on
// the first night.
func TestBookKnobs(t *testing.T) {
	exports := book + `
		-- account_events/2024-05-01
		x,B,2024-05-01T10:00:00,signed_up,pro,monthly,card
	`
	want := newCompany(t, exports)
	want.nights("2024-05-01", "2024-05-10")
	want.wantRejects("2024-05-01", "account_events/date=2024-05-01/part-0.csv:1 B already_signed_up open")
	c := newCompany(t, exports)
	c.knobs.Workers, c.knobs.Buckets, c.knobs.Memory = 3, 8, 1
	c.nights("2024-05-01", "2024-05-10")
	sameTree(t, "other knobs", issued(t, c.output), issued(t, want.output))
}

// An account of the book that cannot be billed on the first night is parked as
// it was opened, and billed from that day on.
func TestParkedBook(t *testing.T) {
	c := newCompany(t, `
		-- opening/2018-05-01
		A,2017-03-10,pro,,card,,2018-05-01,,,,sms_money=6.60
		-- emails/2018-05-01
		e1,A,2018-05-01T10:00:00,9000000000000000000
	`)
	c.night("2018-05-01")
	c.wantDocuments("2018-05-01", "plan A none to pro opening")
	c.wantBalances("2018-05-01", "A sms_money USD 6.60 + 0.00 - 0.00 - 0.00 = 6.60")
	c.knobs.Catalog = marketing(t, dear, cheap)
	c.night("2018-05-02")
	if inv := rows[writers.Invoice](c, "2018-05-02", writers.InvoicesTable); len(inv) != 1 || dayText(inv[0].IssuedOn) != "2018-05-01" {
		t.Errorf("invoices of 2018-05-02: %+v", inv)
	}
	if changes := rows[writers.PlanChange](c, "2018-05-02", writers.PlanChangesTable); len(changes) > 0 {
		t.Errorf("opened again: %+v", changes)
	}
}

// Who pays stands on each invoice as known on its day, and in the state; test
// accounts have a number series of their own and no charges; nothing of it is
// in the log.
func TestCustomers(t *testing.T) {
	c := newCompany(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,basic,monthly,card
		s2,T,2024-05-01T09:00:00,signed_up,basic,monthly,card
		-- accounts/2024-05-01
		A,2019-01-01,Old Ltd,1 Old St,GB,GB1
		A,2024-04-30,Acme Corp,1 Main St,US,US-7,TRUE
		T,2024-05-01,Tester,,,,,true
		X,2024-05-01,Stranger
		A,2024-05-01,Acme,1 Main St,US,,maybe
		-- accounts/2024-05-20
		A,2024-05-20,Acme Inc,2 Main St,US,US-7,true
		A,2019-01-01,Old Ltd,1 Old St,GB,GB1
		A,2024-06-05,Future
	`)
	var log bytes.Buffer
	c.knobs.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.nights("2024-05-01", "2024-06-01")
	c.wantRejects("2024-05-01", `
		accounts/date=2024-05-01/part-0.csv:4 X unknown_account open
		accounts/date=2024-05-01/part-0.csv:5 A not_a_boolean open
	`)
	customers := func(date string) string {
		var b strings.Builder
		for _, inv := range rows[writers.Invoice](c, date, writers.InvoicesTable) {
			fmt.Fprintf(&b, "%s %s: %s, %s, %s, %s, test %t\n", inv.AccountID, inv.Number, inv.CustomerName, inv.AddressLine1, inv.Country, inv.TaxID, inv.Test)
		}
		return b.String()
	}
	equalText(t, "2024-05-01", customers("2024-05-01"), `
		A INV-00000001: Acme Corp, 1 Main St, US, US-7, test false
		T INV-TEST-00000001: Tester, , , , test true
	`)
	equalText(t, "2024-06-01", customers("2024-06-01"), `
		A INV-00000002: Acme Inc, 2 Main St, US, US-7, test false
		T INV-TEST-00000002: Tester, , , , test true
	`)
	c.wantDocuments("2024-06-01", `
		invoice A total 79.00 credits 0.00 due 79.00
		  base_fee 79.00 MK-1
		invoice T total 79.00 credits 0.00 due 79.00
		  base_fee 79.00 MK-1
		charge A 79.00 card
	`)
	m := c.entry("2024-06-01").Totals.Money[0]
	if fmt.Sprint(m.Uncollectable) != "[{test_account 79}]" || m.FirstAttemptCharges.String() != "79" {
		t.Errorf("totals %+v", m)
	}
	for _, s := range rows[writers.State](c, "2024-06-01", writers.StateTable) {
		if s.AccountID == "A" && (len(s.Customer) != 1 || !s.Customer[0].TaxExempt || s.Customer[0].Name != "Acme Inc") {
			t.Errorf("state of A: %+v", s.Customer)
		}
	}
	if rejects := rows[writers.Reject](c, "2024-05-31", writers.RejectsTable); len(rejects) != 1 || rejects[0].Status != "written_off" {
		t.Errorf("rejects of 2024-05-31: %+v", rejects)
	}
	for _, private := range []string{"Acme", "Main St", "Tester", "Stranger", "US-7"} {
		if strings.Contains(log.String(), private) {
			t.Errorf("the log names %q:\n%s", private, &log)
		}
	}
	if _, err := c.output.ReadAll(context.Background(), "charge_files/billing_date=2024-06-01/charges.csv"); err != nil {
		t.Error(err)
	}
}
