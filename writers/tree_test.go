package writers

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"ratemill/rating/calendar"
)

// fixtures/duckdb/check.mjs checks an output tree in DuckDB. To try it on a
// small one: go test ./writers -run TestTree -tree /tmp/tree
var treeDir = flag.String("tree", "", "folder for the output tree of TestTree, which must be empty; default a temporary one")

// TestTree writes two nights as the pipeline publishes them.
func TestTree(t *testing.T) {
	dir := *treeDir
	if dir == "" {
		dir = t.TempDir()
	}
	var previous *Run
	digest := ""
	for entry := int64(1); entry <= 2; entry++ {
		n := &night{t: t, dir: dir, day: day + calendar.Day(entry) - 1}
		run := n.publish(entry)
		if previous != nil {
			run.Predecessor = &EntryRef{previous.Entry, digest}
		}
		if broken := run.Totals.Check(); broken != nil {
			t.Error(broken)
		}
		var before *Totals
		if previous != nil {
			before = &previous.Totals
		}
		if broken := run.Totals.CheckAgainst(before); broken != nil {
			t.Error(broken)
		}
		text, err := run.Encode()
		if err != nil {
			t.Fatal(err)
		}
		digest = sum(text)
		n.file(fmt.Sprintf("runs/%06d/run.json", entry), text)
		previous = run
	}
}

// night is one entry of the tree.
type night struct {
	t       *testing.T
	dir     string
	day     calendar.Day
	outputs []OutputFile
}

func (n *night) publish(entry int64) *Run {
	d := int32(n.day)
	run := Run{
		Format: RunFormat, Entry: entry, Kind: Night, BillingDate: n.day.String(), RunID: fmt.Sprint("run", entry),
		ProgramVersion: "test", Catalog: CatalogRef{"marketing", "c"}, FirstNight: day.String(), WindowDays: 30,
	}
	if entry == 1 {
		n.first(d)
		run.Totals = Totals{
			Files:   []FileTotals{{Source: "sms", Key: "sms/1", Read: 36, Passed: 34, Duplicate: 1, NotDue: 1}},
			Sources: []SourceTotals{{Source: "sms", Passed: 34, Rated: 34}},
			Money: []MoneyTotals{
				{Currency: "USD", Lines: dec("10"), Invoices: dec("10"), AmountDue: dec("10"), FirstAttemptCharges: dec("10")},
				{Currency: "JPY", Lines: dec("500"), Invoices: dec("500"), AmountDue: dec("500"),
					Uncollectable: []ReasonAmount{{"no_payment_method", dec("500")}}},
			},
			Balances: []BalanceTotals{{Balance: "sms", Currency: "USD", Added: dec("6.60"), Closing: dec("6.60")}},
		}
		run.InvoiceSeries = []SeriesEnd{{"INV-2024", 2}}
	} else {
		n.second(d)
		run.Totals = Totals{
			Files:   []FileTotals{{Source: "sms", Key: "sms/2", Read: 51, Passed: 51}},
			Sources: []SourceTotals{{Source: "sms", Passed: 51, Rated: 50, NotBillable: []ReasonRows{{"no_meter", 1}}}},
			Money:   []MoneyTotals{{Currency: "USD", Lines: dec("4"), Invoices: dec("4"), CreditsApplied: dec("4")}},
			Balances: []BalanceTotals{{Balance: "sms", Currency: "USD", Opening: dec("6.60"),
				Used: dec("4"), Lapsed: dec("0.60"), Closing: dec("2")}},
		}
		run.InvoiceSeries = []SeriesEnd{{"INV-2024", 3}}
	}
	run.Outputs = n.outputs
	return &run
}

func wide(text string) Wide {
	w, ok := ToWide(dec(text))
	if !ok {
		panic(text)
	}
	return w
}

func (n *night) first(d int32) {
	put(n, usageWithDimensions, []RatedUsage{{AccountID: "A", Meter: "sms", Source: "sms", ServiceDate: d, DueOn: d, Rows: 34,
		Quantity: wide("340"), UnitPrice: wide("0.01"), Amount: wide("3.40"), Currency: "USD", Rule: "MK-2", Dimensions: []string{"acme", ""}}})
	put(n, InvoiceLinesTable, []InvoiceLine{
		{InvoiceID: "in1", LineNo: 1, AccountID: "A", Kind: "usage", Meter: "sms", Quantity: wide("340"), UnitPrice: wide("0.01"),
			PartN: 1, PartD: 1, Amount: 34_000, Currency: "USD", ServiceDate: d, Calculation: "340 × 0.01 = 3.40"},
		{InvoiceID: "in1", LineNo: 2, AccountID: "A", Kind: "minimum", Quantity: wide("1"), UnitPrice: wide("6.60"),
			PartN: 1, PartD: 1, Amount: 66_000, Currency: "USD"},
		{InvoiceID: "in2", LineNo: 1, AccountID: "B", Kind: "base_fee", Quantity: wide("1"), UnitPrice: wide("500"),
			PartN: 1, PartD: 1, Amount: 5_000_000, Currency: "JPY"},
	})
	put(n, InvoicesTable, []Invoice{
		{InvoiceID: "in1", Number: "INV-2024-000001", AccountID: "A", Kind: "invoice", Lines: 2, Subtotal: 100_000, Total: 100_000, AmountDue: 100_000, Currency: "USD", IssuedOn: d},
		{InvoiceID: "in2", Number: "INV-2024-000002", AccountID: "B", Kind: "invoice", Lines: 1, Subtotal: 5_000_000, Total: 5_000_000, AmountDue: 5_000_000, Currency: "JPY", IssuedOn: d},
	})
	put(n, BalancesTable, []BalanceMovement{{AccountID: "A", Balance: "sms", Currency: "USD", Added: 66_000, Closing: 66_000}})
	put(n, FailedPaymentsTable, []PaymentAttempt{{InvoiceID: "in2", AccountID: "B", Amount: 5_000_000, Currency: "JPY",
		Status: "uncollectable", Reason: "no_payment_method", OccurredOn: d}})
	n.charges([]Charge{{ChargeID: "ch1", InvoiceID: "in1", AccountID: "A", Amount: 100_000, Currency: "USD", Method: `card, "gold"`, Attempt: 1, CollectOn: d}})
	put(n, StateTable, []State{{AccountID: "A", Plan: "pro", Balances: []StateBalance{{Name: "sms", Amount: 66_000}}}, {AccountID: "B", Plan: "pro"}})
	n.others()
}

func (n *night) second(d int32) {
	put(n, usageWithDimensions, []RatedUsage{{AccountID: "A", Meter: "sms", Source: "sms", ServiceDate: d, DueOn: d, Rows: 50,
		Quantity: wide("500"), UnitPrice: wide("0.01"), Amount: wide("5"), Currency: "USD", Rule: "MK-2", Dimensions: []string{"acme", "US"}}})
	put(n, InvoiceLinesTable, []InvoiceLine{
		{InvoiceID: "in3", LineNo: 1, AccountID: "A", Kind: "usage", Quantity: wide("500"), UnitPrice: wide("0.01"), PartN: 1, PartD: 1, Amount: 50_000, Currency: "USD"},
		{InvoiceID: "in3", LineNo: 2, AccountID: "A", Kind: "discount", Quantity: wide("1"), UnitPrice: wide("-1"), PartN: 1, PartD: 1, Amount: -10_000, Currency: "USD"},
	})
	put(n, InvoicesTable, []Invoice{{InvoiceID: "in3", Number: "INV-2024-000003", AccountID: "A", Kind: "invoice", Lines: 2,
		Subtotal: 50_000, Discounts: -10_000, Total: 40_000, CreditsApplied: 40_000, Currency: "USD", IssuedOn: d}})
	put(n, BalancesTable, []BalanceMovement{{AccountID: "A", Balance: "sms", Currency: "USD", Opening: 66_000, Used: 40_000, Lapsed: 6_000, Closing: 20_000}})
	put[PaymentAttempt](n, FailedPaymentsTable, nil)
	n.charges(nil)
	put(n, StateTable, []State{{AccountID: "A", Plan: "pro", Balances: []StateBalance{{Name: "sms", Amount: 20_000}}}, {AccountID: "B", Plan: "pro"}})
	n.others()
}

// others are the tables that stay empty.
func (n *night) others() {
	put[PlanChange](n, PlanChangesTable, nil)
	put[PaymentAttempt](n, PaymentHistoryTable, nil)
	put[Reject](n, RejectsTable, nil)
	put[ParkedAccount](n, ParkedAccountsTable, nil)
	put[Held](n, HeldTable, nil)
	put[SeenID](n, EventIDsTable, nil)
}

func (n *night) charges(rows []Charge) {
	put(n, ChargesTable, rows)
	for name, begin := range map[string]func(io.Writer, calendar.Day) *ChargeFile{"csv": NewChargeCSV, "ndjson": NewChargeNDJSON} {
		var buf bytes.Buffer
		f := begin(&buf, n.day)
		if err := f.Write(rows); err != nil {
			n.t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			n.t.Fatal(err)
		}
		n.output(fmt.Sprintf("charge_files/billing_date=%s/charges.%s", n.day, name), buf.Bytes(), f.Rows())
	}
}

func put[T any](n *night, spec Spec, rows []T) {
	key := fmt.Sprintf("%s/billing_date=%s/part-0.parquet", spec.Name, n.day)
	n.output(key, encode(n.t, spec, rows), int64(len(rows)))
}

func (n *night) output(key string, content []byte, rows int64) {
	n.file(key, content)
	n.outputs = append(n.outputs, OutputFile{key, int64(len(content)), sum(content), rows})
}

func (n *night) file(key string, content []byte) {
	path := filepath.Join(n.dir, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		n.t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		n.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		n.t.Fatal(err)
	}
}

func sum(content []byte) string {
	digest := sha256.Sum256(content)
	return hex.EncodeToString(digest[:])
}
