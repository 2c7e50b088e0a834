package writers

import (
	"fmt"
	"io"
	"strconv"

	"ratemill/rating/calendar"
)

// ChargeFile writes charges as text for a payment processor: the columns of
// the charges table and the billing date (see payFile for how).
type ChargeFile struct {
	payFile
	charge chargeLine // that is being written
}

var chargeHeader = []string{
	"charge_id", "invoice_id", "account_id", "amount", "currency",
	"method", "attempt", "collect_on", "billing_date",
}

// chargeLine is a charge in NDJSON. Amounts are text, so that no reader of JSON
// numbers rounds them.
type chargeLine struct {
	ChargeID    string `json:"charge_id"`
	InvoiceID   string `json:"invoice_id"`
	AccountID   string `json:"account_id"`
	Amount      string `json:"amount"`
	Currency    string `json:"currency"`
	Method      string `json:"method"`
	Attempt     int32  `json:"attempt"`
	CollectOn   string `json:"collect_on"`
	BillingDate string `json:"billing_date"`
}

// NewChargeCSV begins a charge file as CSV with a header.
func NewChargeCSV(w io.Writer, billingDate calendar.Day) *ChargeFile {
	return &ChargeFile{payFile: newPayCSV(w, billingDate, chargeHeader)}
}

// NewChargeNDJSON begins a charge file as one JSON object a line.
func NewChargeNDJSON(w io.Writer, billingDate calendar.Day) *ChargeFile {
	return &ChargeFile{payFile: newPayNDJSON(w, billingDate, chargeHeader)}
}

// Write adds charges, any number of them.
func (f *ChargeFile) Write(charges []Charge) error {
	for i := range charges {
		c := &charges[i]
		amount, err := f.amount(c.Amount, c.Currency)
		f.charge = chargeLine{
			ChargeID: c.ChargeID, InvoiceID: c.InvoiceID, AccountID: c.AccountID,
			Amount: amount, Currency: c.Currency, Method: c.Method, Attempt: c.Attempt,
			CollectOn: f.date(calendar.Day(c.CollectOn)), BillingDate: f.billingDate,
		}
		if err = f.add(&f.charge, f.charge.appendTo(f.fields), err); err != nil {
			return fmt.Errorf("charge %q: %w", c.ChargeID, err)
		}
	}
	return nil
}

// appendTo appends the line's values in the order of chargeHeader.
func (l *chargeLine) appendTo(fields []string) []string {
	return append(fields,
		l.ChargeID, l.InvoiceID, l.AccountID, l.Amount, l.Currency,
		l.Method, strconv.Itoa(int(l.Attempt)), l.CollectOn, l.BillingDate,
	)
}
