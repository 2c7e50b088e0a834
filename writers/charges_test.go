package writers

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"ratemill/rating/calendar"
	"ratemill/rating/money"
)

var day = calendar.Date(2024, 5, 1)

var someCharges = []Charge{
	{ChargeID: "ch1", InvoiceID: "in1", AccountID: "A", Amount: 100_000, Currency: "USD", Method: "card", Attempt: 1, CollectOn: int32(day)},
	{ChargeID: "ch2", InvoiceID: "in2", AccountID: `B, "the" <b>&`, Amount: 5_000_000, Currency: "JPY", Method: "invoice", Attempt: 2, CollectOn: int32(day) + 3},
	{ChargeID: "ch3", InvoiceID: "in3", AccountID: "C\nü", Amount: 12_340, Currency: "KWD", Attempt: 1, CollectOn: int32(day)},
}

func TestChargeCSV(t *testing.T) {
	want := `charge_id,invoice_id,account_id,amount,currency,method,attempt,collect_on,billing_date
ch1,in1,A,10.00,USD,card,1,2024-05-01,2024-05-01
ch2,in2,"B, ""the"" <b>&",500,JPY,invoice,2,2024-05-04,2024-05-01
`
	if got := chargeText(t, NewChargeCSV, someCharges[:2], 1); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	header, _, _ := strings.Cut(want, "\n")
	if got := chargeText(t, NewChargeCSV, nil, 1); got != header+"\n" {
		t.Errorf("without charges: %q", got)
	}
}

func TestChargeNDJSON(t *testing.T) {
	want := `{"charge_id":"ch1","invoice_id":"in1","account_id":"A","amount":"10.00","currency":"USD","method":"card","attempt":1,"collect_on":"2024-05-01","billing_date":"2024-05-01"}
{"charge_id":"ch2","invoice_id":"in2","account_id":"B, \"the\" <b>&","amount":"500","currency":"JPY","method":"invoice","attempt":2,"collect_on":"2024-05-04","billing_date":"2024-05-01"}
`
	if got := chargeText(t, NewChargeNDJSON, someCharges[:2], 2); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := chargeText(t, NewChargeNDJSON, nil, 1); got != "" {
		t.Errorf("without charges: %q", got)
	}
}

// A digit below the minor unit is refused, not cut.
func TestChargeRefusals(t *testing.T) {
	for _, c := range []Charge{
		{ChargeID: "x", Amount: 12_345, Currency: "USD"},
		{ChargeID: "x", Amount: 5_000, Currency: "JPY"},
		{ChargeID: "x", Amount: 10_000, Currency: "XXX"},
		{ChargeID: "x", Amount: 10_000, Currency: "USD", AccountID: "\xff"},
	} {
		for _, begin := range []func() *ChargeFile{
			func() *ChargeFile { return NewChargeCSV(&bytes.Buffer{}, day) },
			func() *ChargeFile { return NewChargeNDJSON(&bytes.Buffer{}, day) },
		} {
			f := begin()
			if err := f.Write([]Charge{c}); err == nil || !strings.HasPrefix(err.Error(), `charge "x": `) {
				t.Errorf("%+v: %v", c, err)
			}
			if f.Close() == nil || f.Rows() != 0 {
				t.Errorf("%+v: Close is nil, Rows %d", c, f.Rows())
			}
		}
	}
}

func TestChargeWriterErrors(t *testing.T) {
	for left := range 200 {
		csv := NewChargeCSV(&brokenWriter{left}, day)
		_ = csv.Write(someCharges)
		if err := csv.Close(); !errors.Is(err, errDiskFull) {
			t.Errorf("CSV after %d bytes: %v", left, err)
		}
		ndjson := NewChargeNDJSON(&brokenWriter{left}, day)
		_ = ndjson.Write(someCharges)
		if err := ndjson.Close(); !errors.Is(err, errDiskFull) {
			t.Errorf("NDJSON after %d bytes: %v", left, err)
		}
	}
}

// Whatever letter stands in a text, a line is what encoding/csv and
// encoding/json make of it.
func TestChargeLetters(t *testing.T) {
	var charges []Charge
	for letter := range rune(0x250) {
		for _, text := range []string{string(letter), "a" + string(letter), string(letter) + "a"} {
			charges = append(charges, Charge{ChargeID: text, InvoiceID: "in1", AccountID: "A", Amount: 10_000, Currency: "USD", Method: "card", Attempt: 1, CollectOn: int32(day)})
		}
	}
	var wantCSV, wantJSON bytes.Buffer
	lines, objects := csv.NewWriter(&wantCSV), json.NewEncoder(&wantJSON)
	objects.SetEscapeHTML(false)
	lines.Write(chargeHeader)
	for _, c := range charges {
		line := chargeLine{c.ChargeID, c.InvoiceID, c.AccountID, "1.00", c.Currency, c.Method, c.Attempt, "2024-05-01", "2024-05-01"}
		lines.Write(line.appendTo(nil))
		objects.Encode(line)
	}
	lines.Flush()
	if got := chargeText(t, NewChargeCSV, charges, len(charges)); got != wantCSV.String() {
		t.Error("CSV: other lines than encoding/csv writes")
	}
	if got := chargeText(t, NewChargeNDJSON, charges, len(charges)); got != wantJSON.String() {
		t.Error("NDJSON: other lines than encoding/json writes")
	}
}

// chargeText is a charge file of rows in calls of so many.
func chargeText(t *testing.T, begin func(w io.Writer, d calendar.Day) *ChargeFile, rows []Charge, cut int) string {
	t.Helper()
	var buf bytes.Buffer
	f := begin(&buf, day)
	for i := 0; i < len(rows); i += cut {
		if err := f.Write(rows[i:min(i+cut, len(rows))]); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if f.Rows() != int64(len(rows)) {
		t.Errorf("Rows() = %d, want %d", f.Rows(), len(rows))
	}
	return buf.String()
}

// Amounts have the text that money gives them, whatever the currency's decimals.
func TestAmountText(t *testing.T) {
	for _, code := range []string{"JPY", "USD", "KWD", "CLF"} {
		c, err := money.LookupCurrency(code)
		if err != nil {
			t.Fatal(err)
		}
		unit, file := int64(powersOf10[moneyScale-c.Minor]), new(payFile)
		for _, units := range []int64{0, 1, -1, 9, 10, -10, 99, 100, 101, -999, 1_000, 9_999, 10_000, -10_001, 123_456_789, moneyLimit/unit - 1, 1 - moneyLimit/unit} {
			want, err := money.New(FromMoney(units*unit), c)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := file.amount(units*unit, code); err != nil || got != want.String() {
				t.Errorf("%d units of %s: %q, %v, want %s", units, code, got, err, want)
			}
			if unit > 1 {
				if got, err := file.amount(units*unit+1, code); err == nil {
					t.Errorf("%d units of %s and a bit: %q", units, code, got)
				}
			}
		}
	}
}
