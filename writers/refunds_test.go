package writers

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"ratemill/rating/calendar"
)

func TestRefundFiles(t *testing.T) {
	refunds := []Refund{
		{RefundID: "re1", CreditNoteID: "cn1", ChargeID: "ch1", AccountID: "A", Amount: 790_000, Currency: "USD", Method: "card"},
		{RefundID: "re2", CreditNoteID: "cn2", ChargeID: "ch2", AccountID: `B, "x"`, Amount: 5_000_000, Currency: "JPY", Method: "paypal"},
	}
	for _, c := range []struct {
		begin func(io.Writer, calendar.Day) *RefundFile
		want  string
	}{
		{NewRefundCSV, `refund_id,credit_note_id,charge_id,account_id,amount,currency,method,billing_date
re1,cn1,ch1,A,79.00,USD,card,2024-05-01
re2,cn2,ch2,"B, ""x""",500,JPY,paypal,2024-05-01
`},
		{NewRefundNDJSON, `{"refund_id":"re1","credit_note_id":"cn1","charge_id":"ch1","account_id":"A","amount":"79.00","currency":"USD","method":"card","billing_date":"2024-05-01"}
{"refund_id":"re2","credit_note_id":"cn2","charge_id":"ch2","account_id":"B, \"x\"","amount":"500","currency":"JPY","method":"paypal","billing_date":"2024-05-01"}
`},
	} {
		var out bytes.Buffer
		f := c.begin(&out, day)
		if err := f.Write(refunds[:1]); err != nil {
			t.Fatal(err)
		}
		if err := f.Write(refunds[1:]); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil || f.Rows() != 2 {
			t.Fatalf("%d rows: %v", f.Rows(), err)
		}
		if got := out.String(); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

// A digit below the minor unit is refused, not cut, and nothing follows it.
func TestRefundRefusal(t *testing.T) {
	f := NewRefundCSV(io.Discard, day)
	err := f.Write([]Refund{{RefundID: "x", Amount: 12_345, Currency: "USD"}})
	if err == nil || !strings.HasPrefix(err.Error(), `refund "x": `) {
		t.Errorf("got %v", err)
	}
	if f.Write([]Refund{{RefundID: "y", Amount: 10_000, Currency: "USD"}}) == nil || f.Close() == nil || f.Rows() != 0 {
		t.Errorf("a file that is not whole goes on: %d rows", f.Rows())
	}
}
