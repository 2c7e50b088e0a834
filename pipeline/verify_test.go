package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// provenCompany has three nights with documents of most kinds: invoices,
// minimums, balances, a credit note with its refund, amounts that no method
// pays, rejects and rows that wait.
func provenCompany(t testing.TB) *company {
	c := newCompany(t, `
		-- account_events/2024-05-01
		e1,A,2024-05-01T09:00:00,signed_up,pro,monthly,card
		e2,B,2024-05-01T09:00:00,signed_up,pro,monthly,
		e3,C,2024-05-01T09:00:00,signed_up,plus,monthly,card
		-- sms/2024-05-01
		m1,A,2024-05-01T10:00:00,outbound,acme,US,340
		m2,nobody,2024-05-01T10:00:00,outbound,acme,US,2
		m3,A,2024-05-01T11:00:00,outbound,acme,ZZ,1
		m4,A,2024-05-01T11:00:00,outbound,acme,US,none
		-- sms/2024-05-02
		m5,A,2024-05-02T10:00:00,outbound,acme,US,100
		m6,C,2024-05-02T10:00:00,outbound,acme,US,40
		-- payments/2024-05-02
		-- account_events/2024-05-03
		e4,D,2024-05-03T09:00:00,signed_up,plus,monthly,card
	`)
	c.nights("2024-05-01", "2024-05-04")
	return c
}

// copied is the company with an output of its own that holds the same.
func (c *company) copied(t testing.TB) *company {
	t.Helper()
	again := *c
	again.TB, again.output = t, memory(t)
	for key, text := range tree(t, c.output) {
		putObject(t, again.output, key, []byte(text))
	}
	return &again
}

// breaks are what a proof of the company's output finds, as text.
func (c *company) breaks() []string { return c.breaksOf(calendar.None) }

// breaksOf are those that a proof finds which reads the files of one day.
func (c *company) breaksOf(of calendar.Day) []string {
	c.Helper()
	s := c.knobs
	s.Output = c.output
	p, err := Prove(context.Background(), &s, of, of)
	if err != nil {
		c.Fatal(err)
	}
	var all []string
	for _, b := range p.Breaks {
		all = append(all, b.String())
	}
	return all
}

func TestProve(t *testing.T) {
	c := provenCompany(t)
	p := c.proven()
	if p.Entries != 4 || p.Proven != 4 || p.Files != 4*20 || p.Err() != nil || len(p.Notes) > 0 {
		t.Errorf("%+v", p)
	}
	for _, workers := range []int{1, 4} {
		s := c.knobs
		s.Output, s.Workers, s.Memory = c.output, workers, 1
		again, err := Prove(t.Context(), &s, calendar.None, calendar.None)
		if err != nil || again.Rows != p.Rows || len(again.Breaks) > 0 {
			t.Errorf("%d workers: %+v, %v", workers, again, err)
		}
	}
}

func TestProveSpan(t *testing.T) {
	c := provenCompany(t)
	s := c.knobs
	s.Output = c.output
	p, err := Prove(t.Context(), &s, day(t, "2024-05-02"), day(t, "2024-05-03"))
	if err != nil || len(p.Breaks) > 0 || p.Entries != 4 || p.Proven != 2 || p.First.Entry != 2 || p.Last.Entry != 3 {
		t.Fatalf("%+v, %v", p, err)
	}
	// Outside the span a table is not read; the chain is.
	flip(t, c.output, "invoices/billing_date=2024-05-01/entry-00000001.parquet", 100)
	if p, err = Prove(t.Context(), &s, day(t, "2024-05-02"), day(t, "2024-05-03")); err != nil || len(p.Breaks) > 0 {
		t.Errorf("%v, %v", p.Breaks, err)
	}
	flip(t, c.output, runKey(1), 100)
	if p, err = Prove(t.Context(), &s, day(t, "2024-05-02"), day(t, "2024-05-03")); err != nil || len(p.Breaks) == 0 {
		t.Errorf("%v, %v", p.Breaks, err)
	}
}

func TestProveNothing(t *testing.T) {
	c := newCompany(t, "")
	s := c.knobs
	s.Output = c.output
	var usage *UsageError
	if _, err := Prove(t.Context(), &s, calendar.None, calendar.None); !errors.As(err, &usage) {
		t.Errorf("%v", err)
	}
}

// flip changes one bit of an object.
func flip(t testing.TB, b *blob.Bucket, key string, bit int) {
	t.Helper()
	text, err := b.ReadAll(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	text[bit/8] ^= 1 << (bit % 8)
	putObject(t, b, key, text)
}

func putObject(t testing.TB, b *blob.Bucket, key string, text []byte) {
	t.Helper()
	if err := b.WriteAll(context.Background(), key, text, nil); err != nil {
		t.Fatal(err)
	}
}

// TestProveFindsEveryBit flips one bit in each file of an entry, at several
// places, and wants the file named.
func TestProveFindsEveryBit(t *testing.T) {
	c := provenCompany(t)
	files := tree(t, c.output)
	flips := 0
	for _, key := range slices.Sorted(maps.Keys(files)) {
		if !strings.Contains(key, "2024-05-02") && !strings.HasPrefix(key, "runs/00000002/") && key != runKey(4) || files[key] == "" {
			continue
		}
		bits := 8 * len(files[key])
		for _, bit := range []int{0, bits / 3, bits/2 + 5, bits - 1} {
			flip(t, c.output, key, bit)
			if found := c.breaksOf(day(t, "2024-05-02")); !slices.ContainsFunc(found, func(b string) bool { return strings.Contains(b, key) }) {
				t.Errorf("bit %d of %s: %q", bit, key, found)
			}
			flip(t, c.output, key, bit)
			flips++
		}
	}
	if flips != 4*20 { // 14 tables, 3 files for the payment processor that are not empty, 3 of runs/
		t.Errorf("%d flips", flips)
	}
	c.proven()
}

// TestProveDamage: what is missing, cut short or of nobody is named.
func TestProveDamage(t *testing.T) {
	whole := provenCompany(t)
	invoices := "invoices/billing_date=2024-05-02/entry-00000002.parquet"
	for _, test := range []struct {
		name   string
		damage func(c *company)
		want   string
	}{
		{"a table is gone", func(c *company) { c.remove(invoices) }, "file, entry 2, " + invoices + ": is missing"},
		{"a table is cut short", func(c *company) { putObject(c, c.output, invoices, []byte("PAR1")) }, "file, entry 2, " + invoices + ": it has 4 bytes"},
		{"a charge file is gone", func(c *company) { c.remove("charge_files/billing_date=2024-05-02/charges.csv") }, "charges.csv: is missing"},
		{"run.json is gone", func(c *company) { c.remove(runKey(2)) }, "file, entry 2, " + runKey(2) + ": is missing"},
		{"the intent is gone", func(c *company) { c.remove(intentKey(2)) }, "file, entry 2, " + intentKey(2) + ": is missing; intents are never deleted"},
		{"both are gone", func(c *company) { c.remove(runKey(2)); c.remove(intentKey(2)) }, "file, entry 2, " + runKey(2) + ": is missing"},
		{"a stray table", func(c *company) {
			putObject(c, c.output, "invoices/billing_date=2024-05-02/copy.parquet", []byte("PAR1"))
		},
			"file, invoices/billing_date=2024-05-02/copy.parquet: no entry wrote it"},
		{"a stray day", func(c *company) {
			putObject(c, c.output, "invoices/billing_date=2024-06-02/entry-00000002.parquet", []byte("PAR1"))
		},
			"file, invoices/billing_date=2024-06-02/entry-00000002.parquet: no entry wrote it"},
		{"a stray charge file", func(c *company) { putObject(c, c.output, "charge_files/billing_date=2024-05-02/more.csv", nil) }, "more.csv: no entry wrote it"},
		{"a stray entry", func(c *company) { putObject(c, c.output, "runs/00000002/run.json.bak", nil) }, "file, runs/00000002/run.json.bak: no entry wrote it"},
	} {
		c := whole.copied(t)
		test.damage(c)
		if found := c.breaks(); !slices.ContainsFunc(found, func(b string) bool { return strings.Contains(b, test.want) }) {
			t.Errorf("%s: found %q, want %q", test.name, found, test.want)
		}
	}
}

func (c *company) remove(key string) {
	c.Helper()
	if err := c.output.Delete(context.Background(), key); err != nil {
		c.Fatal(err)
	}
}

// TestProveNotes: what a run that stopped leaves behind is no break.
func TestProveNotes(t *testing.T) {
	c := provenCompany(t)
	putObject(t, c.output, "_staging/run/attempt/invoices.parquet", []byte("PAR1"))
	putObject(t, c.output, "README.txt", []byte("ours"))
	c.remove(runKey(4)) // as if the run had stopped before its last step
	p := c.proven()
	want := []string{
		"1 staged files of runs that stopped lie under _staging/: they are published by no entry; ratemill gc removes them",
		"entry 4 is declared and not published to its end: the next run finishes it",
		"1 files under the output are in no folder of ratemill's",
	}
	if p.Entries != 3 || !slices.Equal(p.Notes, want) {
		t.Errorf("%d entries, %q", p.Entries, p.Notes)
	}
}

// forge changes an entry's table and signs the whole chain again, as somebody
// would who knows how: checksums, counts, intents and digests are right.
func forge[T any](c *company, entry int64, spec writers.Spec, edit func(rows []T) []T) {
	c.Helper()
	e, err := ReadEntry(context.Background(), c.output, entry)
	if err != nil {
		c.Fatal(err)
	}
	file, err := outputOf(e, spec.Name)
	if err != nil {
		c.Fatal(err)
	}
	all := edit(rows[T](c, e.BillingDate, spec))
	if usage, is := any(all).([]writers.RatedUsage); is && len(usage) > 0 {
		spec.Dimensions = []string{"carrier", "country", "direction"}[:len(usage[0].Dimensions)]
	}
	var text bytes.Buffer
	table, err := writers.NewTable[T](&text, spec)
	if err == nil {
		err = errors.Join(table.Write(all), table.Close())
	}
	if err != nil {
		c.Fatal(err)
	}
	c.replaceFile(entry, file.Key, text.Bytes(), int64(len(all)), nil)
}

// replaceFile puts another file in the place of one, and signs the chain again.
func (c *company) replaceFile(entry int64, key string, text []byte, rows int64, edit func(*writers.Run)) {
	c.Helper()
	if key != "" {
		putObject(c, c.output, key, text)
	}
	c.sign(entry, func(run *writers.Run) {
		for i := range run.Outputs {
			if f := &run.Outputs[i]; f.Key == key {
				f.Size, f.SHA256, f.Rows = int64(len(text)), digest(text), rows
			}
		}
		if edit != nil {
			edit(run)
		}
	})
}

// sign edits the run.json of an entry and makes all digests right again.
func (c *company) sign(entry int64, edit func(*writers.Run)) {
	c.Helper()
	ctx := context.Background()
	head, err := Head(ctx, c.output)
	if err != nil {
		c.Fatal(err)
	}
	before := ""
	for n := entry; n <= head.Entry; n++ {
		e, err := ReadEntry(ctx, c.output, n)
		if err != nil {
			c.Fatal(err)
		}
		if before == "" {
			edit(e.Run)
		} else {
			e.Predecessor.Digest = before
		}
		text, err := e.Encode()
		if err != nil {
			c.Fatal(err)
		}
		intent, err := openIntent(ctx, c.output, n)
		if err != nil {
			c.Fatal(err)
		}
		intent.Run, intent.RunSHA256 = string(text), digest(text)
		for i := range intent.Files {
			for _, f := range e.Outputs {
				if f.Key == intent.Files[i].Final {
					intent.Files[i].Size, intent.Files[i].SHA256 = f.Size, f.SHA256
				}
			}
		}
		signed, err := intent.Encode()
		if err != nil {
			c.Fatal(err)
		}
		putObject(c, c.output, runKey(n), text)
		putObject(c, c.output, intentKey(n), signed)
		before = digest(text)
	}
}

// TestProveFindsForgeries: figures that were changed are found where all
// checksums are right.
func TestProveFindsForgeries(t *testing.T) {
	whole := provenCompany(t)
	for _, test := range []struct {
		name  string
		forge func(c *company)
		want  string // a part of one of the breaks
	}{
		{"nothing", func(c *company) {
			forge(c, 2, writers.InvoicesTable, func(r []writers.Invoice) []writers.Invoice { return r })
		}, ""},
		{"a line", func(c *company) {
			forge(c, 2, writers.InvoiceLinesTable, func(r []writers.InvoiceLine) []writers.InvoiceLine { r[0].Amount += 1_0000; return r })
		}, "the lines make"},
		{"a line's number", func(c *company) {
			forge(c, 2, writers.InvoiceLinesTable, func(r []writers.InvoiceLine) []writers.InvoiceLine { r[1].LineNo = 3; return r })
		}, "row 2, account A, invoice in_"},
		{"a line less", func(c *company) {
			forge(c, 2, writers.InvoiceLinesTable, func(r []writers.InvoiceLine) []writers.InvoiceLine { return r[:1] })
		}, "lines, invoice_lines has"},
		{"a line of no invoice", func(c *company) {
			forge(c, 2, writers.InvoiceLinesTable, func(r []writers.InvoiceLine) []writers.InvoiceLine { r[0].InvoiceID = "in_none"; return r })
		}, "invoice in_none: 1 lines have no invoice"},
		{"a total", func(c *company) {
			forge(c, 2, writers.InvoicesTable, func(r []writers.Invoice) []writers.Invoice { r[0].Total++; return r })
		}, "total is"},
		{"a total and what is due", func(c *company) {
			forge(c, 2, writers.InvoicesTable, func(r []writers.Invoice) []writers.Invoice {
				r[0].Total, r[0].Subtotal, r[0].AmountDue = r[0].Total+100, r[0].Subtotal+100, r[0].AmountDue+100
				return r
			})
		}, "amount_due is 10.01, its first attempt is of 10.00"},
		{"a subtotal", func(c *company) {
			forge(c, 2, writers.InvoicesTable, func(r []writers.Invoice) []writers.Invoice { r[0].Subtotal++; return r })
		}, "subtotal is"},
		{"credits applied", func(c *company) {
			forge(c, 2, writers.InvoicesTable, func(r []writers.Invoice) []writers.Invoice { r[0].CreditsApplied = 5_0000; return r })
		}, "total − credits_applied + refunds is"},
		{"an invoice less", func(c *company) {
			forge(c, 2, writers.InvoicesTable, func(r []writers.Invoice) []writers.Invoice { return nil })
		}, "lines have no invoice"},
		{"an invoice of another account", func(c *company) {
			forge(c, 1, writers.InvoicesTable, func(r []writers.Invoice) []writers.Invoice { r[0].AccountID = r[1].AccountID; return r })
		}, "have no invoice"},
		{"an invoice number", func(c *company) {
			forge(c, 1, writers.InvoicesTable, func(r []writers.Invoice) []writers.Invoice { r[1].Number = r[0].Number; return r })
		}, "the next of its series is 2"},
		{"order of invoices", func(c *company) {
			forge(c, 1, writers.InvoicesTable, func(r []writers.Invoice) []writers.Invoice { r[0], r[2] = r[2], r[0]; return r })
		}, "the table is not in the order of accounts"},
		{"a charge", func(c *company) {
			forge(c, 2, writers.ChargesTable, func(r []writers.Charge) []writers.Charge { r[0].Amount += 1_0000; return r })
		}, "charges.csv, row 1: it differs from the table charges"},
		{"a charge of no invoice", func(c *company) {
			forge(c, 2, writers.ChargesTable, func(r []writers.Charge) []writers.Charge { r[0].InvoiceID = "in_none"; return r })
		}, "there is no invoice in_none in any entry"},
		{"a charge id that was given", func(c *company) {
			id := rows[writers.Charge](c, "2024-05-01", writers.ChargesTable)[0].ChargeID
			forge(c, 2, writers.ChargesTable, func(r []writers.Charge) []writers.Charge { r[0].ChargeID = id; return r })
		}, "was given out in entry 1 already"},
		{"a charge less", func(c *company) {
			forge(c, 2, writers.ChargesTable, func(r []writers.Charge) []writers.Charge { return r[1:] })
		}, "which is neither charged nor among the failed payments"},
		{"a refund", func(c *company) {
			charge := rows[writers.Charge](c, "2024-05-01", writers.ChargesTable)[0]
			forge(c, 2, writers.RefundsTable, func(r []writers.Refund) []writers.Refund {
				return append(r, writers.Refund{RefundID: "re_1", CreditNoteID: "cn_1", ChargeID: charge.ChargeID, AccountID: charge.AccountID, Amount: 2 * charge.Amount, Currency: "USD", Method: "card"})
			})
		}, "given back on charge"},
		{"a balance", func(c *company) {
			forge(c, 2, writers.BalancesTable, func(r []writers.BalanceMovement) []writers.BalanceMovement { r[0].Added++; return r })
		}, "is not closing"},
		{"a balance with its sum", func(c *company) {
			forge(c, 2, writers.BalancesTable, func(r []writers.BalanceMovement) []writers.BalanceMovement {
				r[0].Added, r[0].Closing = r[0].Added+1, r[0].Closing+1
				return r
			})
		}, "in entry 2"},
		{"a balance that is not listed", func(c *company) {
			forge(c, 4, writers.BalancesTable, func(r []writers.BalanceMovement) []writers.BalanceMovement { return nil })
		}, "account A: balance sms_money closed with 5.54 in entry 3 and is not listed"},
		{"a balance of the state", func(c *company) {
			forge(c, 4, writers.StateTable, func(r []writers.State) []writers.State {
				at := slices.IndexFunc(r, func(s writers.State) bool { return len(s.Balances) > 0 })
				r[at].Balances[0].Amount += 1_0000
				return r
			})
		}, "balance sms_money closes with 5.54, the state has 6.54"},
		{"an account less", func(c *company) {
			forge(c, 3, writers.StateTable, func(r []writers.State) []writers.State {
				return slices.DeleteFunc(r, func(s writers.State) bool { return s.AccountID == "C" })
			})
		}, "account C: the state of entry 2 has the account, this one has not"},
		{"a day of the state", func(c *company) {
			forge(c, 3, writers.StateTable, func(r []writers.State) []writers.State { r[0].BilledThrough--; return r })
		}, "billed_through is 2024-05-02, want 2024-05-03"},
		{"an account twice", func(c *company) {
			forge(c, 3, writers.StateTable, func(r []writers.State) []writers.State { return append(r[:1:1], r...) })
		}, "the account has 2 rows of state"},
		{"a failed payment less", func(c *company) {
			forge(c, 3, writers.FailedPaymentsTable, func(r []writers.PaymentAttempt) []writers.PaymentAttempt { return nil })
		}, "its rows are not what is unpaid in the state: 0 rows, 1 by the state"},
		{"a held row less", func(c *company) {
			forge(c, 1, writers.HeldTable, func(r []writers.Held) []writers.Held { return nil })
		}, "do not wait in held"},
		{"a held row more", func(c *company) {
			forge(c, 1, writers.HeldTable, func(r []writers.Held) []writers.Held { r[0].Rows += 5; return r })
		}, "rows are put aside by the control totals, held has"},
		{"a reject less", func(c *company) {
			forge(c, 1, writers.RejectsTable, func(r []writers.Reject) []writers.Reject {
				return slices.DeleteFunc(r, func(j writers.Reject) bool { return !j.Retryable })
			})
		}, "1 rows are refused for good by the control totals, rejects has 0"},
		{"rated usage", func(c *company) {
			forge(c, 2, writers.RatedUsageTable, func(r []writers.RatedUsage) []writers.RatedUsage { r[0].Rows = 7; return r })
		}, "rows are rated by the control totals, rated_usage has"},
		{"a charge file", func(c *company) {
			text := []byte(strings.Replace(tree(c, c.output)["charge_files/billing_date=2024-05-02/charges.csv"], "10.00", "99.00", 1))
			c.replaceFile(2, "charge_files/billing_date=2024-05-02/charges.csv", text, 1, nil)
		}, "charges.csv, row 1: it differs from the table charges"},
		{"a row more in a charge file", func(c *company) {
			text := tree(c, c.output)["charge_files/billing_date=2024-05-02/charges.ndjson"]
			c.replaceFile(2, "charge_files/billing_date=2024-05-02/charges.ndjson", []byte(text+text), 2, nil)
		}, "charges.ndjson, row 2: it has more rows than the table charges"},
		{"a control total", func(c *company) {
			c.sign(2, func(r *writers.Run) {
				r.Totals.Money[0].RetriedCharges = writers.FromMoney(5)
			})
		}, "control totals: retried charges in USD is 0.0005, the tables make 0"},
		{"a series", func(c *company) {
			c.sign(2, func(r *writers.Run) { r.InvoiceSeries[0].Last++ })
		}, "its last number is 4"},
		{"a date", func(c *company) {
			c.sign(2, func(r *writers.Run) { r.FirstNight = "2024-04-01" })
		}, "history starts on 2024-04-01, in the entry before on 2024-05-01"},
		{"a predecessor", func(c *company) {
			c.sign(3, func(r *writers.Run) { r.Predecessor.Digest = strings.Repeat("0", 64) })
		}, "it names entry 2 by the digest 000000000000"},
		{"a file that is no longer listed", func(c *company) {
			c.sign(3, func(r *writers.Run) { r.Outputs = r.Outputs[1:] })
		}, "which run.json does not list"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := whole.copied(t)
			test.forge(c)
			found := c.breaks()
			switch {
			case test.want == "" && len(found) > 0:
				t.Errorf("found %q", found)
			case !slices.ContainsFunc(found, func(b string) bool { return strings.Contains(b, test.want) }) && test.want != "":
				t.Errorf("want %q, found\n%s", test.want, strings.Join(found, "\n"))
			}
			for _, b := range found {
				if test.name != "a file that is no longer listed" && test.name != "a predecessor" && !strings.HasPrefix(b, "figures, ") {
					t.Errorf("not of figures: %s", b)
				}
			}
		})
	}
}

// TestBreakText: an id that was forged cannot make a second line.
func TestBreakText(t *testing.T) {
	b := Break{Kind: Figures, Entry: 3, File: "invoices/x", Row: 5, Account: "a\nb", Invoice: "in_1", What: "total is 1"}
	if got, want := b.String(), fmt.Sprintf("figures, entry 3, invoices/x, row 5, account %q, invoice in_1: total is 1", "a\nb"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
