package writers

import (
	"fmt"
	"io"

	"ratemill/rating/calendar"
)

// RefundFile writes refunds as text for a payment processor: the columns of
// the refunds table and the billing date (see payFile for how).
type RefundFile struct {
	payFile
	refund refundLine // that is being written
}

var refundHeader = []string{"refund_id", "credit_note_id", "charge_id", "account_id", "amount", "currency", "method", "billing_date"}

// refundLine is a refund in NDJSON. Amounts are text, so that no reader of JSON
// numbers rounds them.
type refundLine struct {
	RefundID     string `json:"refund_id"`
	CreditNoteID string `json:"credit_note_id"`
	ChargeID     string `json:"charge_id"`
	AccountID    string `json:"account_id"`
	Amount       string `json:"amount"`
	Currency     string `json:"currency"`
	Method       string `json:"method"`
	BillingDate  string `json:"billing_date"`
}

// NewRefundCSV begins a refund file as CSV with a header.
func NewRefundCSV(w io.Writer, billingDate calendar.Day) *RefundFile {
	return &RefundFile{payFile: newPayCSV(w, billingDate, refundHeader)}
}

// NewRefundNDJSON begins a refund file as one JSON object a line.
func NewRefundNDJSON(w io.Writer, billingDate calendar.Day) *RefundFile {
	return &RefundFile{payFile: newPayNDJSON(w, billingDate, refundHeader)}
}

// Write adds refunds, any number of them.
func (f *RefundFile) Write(refunds []Refund) error {
	for i := range refunds {
		r := &refunds[i]
		amount, err := f.amount(r.Amount, r.Currency)
		f.refund = refundLine{r.RefundID, r.CreditNoteID, r.ChargeID, r.AccountID, amount, r.Currency, r.Method, f.billingDate}
		if err = f.add(&f.refund, f.refund.appendTo(f.fields), err); err != nil {
			return fmt.Errorf("refund %q: %w", r.RefundID, err)
		}
	}
	return nil
}

// appendTo appends the line's values in the order of refundHeader.
func (l *refundLine) appendTo(fields []string) []string {
	return append(fields, l.RefundID, l.CreditNoteID, l.ChargeID, l.AccountID, l.Amount, l.Currency, l.Method, l.BillingDate)
}
