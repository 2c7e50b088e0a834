package writers

import (
	"fmt"
	"io"
	"strconv"

	"ratemill/rating/calendar"
)

// ChargeFile writes charges as text for a payment processor: the columns of
// the charges table and the billing date (see payFile for how).
type ChargeFile struct{ payFile }

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
	return &ChargeFile{newPayCSV(w, billingDate, chargeHeader)}
}

// NewChargeNDJSON begins a charge file as one JSON object a line.
func NewChargeNDJSON(w io.Writer, billingDate calendar.Day) *ChargeFile {
	return &ChargeFile{newPayNDJSON(w, billingDate)}
}

// Write adds charges, any number of them.
func (f *ChargeFile) Write(charges []Charge) error {
	for i := range charges {
		c := &charges[i]
		line, err := f.lineOf(c)
		if err = f.line(line, line.fields(), err); err != nil {
			return fmt.Errorf("charge %q: %w", c.ChargeID, err)
		}
	}
	return nil
}

func (f *ChargeFile) lineOf(c *Charge) (chargeLine, error) {
	line := chargeLine{
		ChargeID: c.ChargeID, InvoiceID: c.InvoiceID, AccountID: c.AccountID,
		Currency: c.Currency, Method: c.Method, Attempt: c.Attempt,
		CollectOn: calendar.Day(c.CollectOn).String(), BillingDate: f.billingDate,
	}
	var err error
	line.Amount, err = amountText(c.Amount, c.Currency)
	return line, err
}

// fields are the line's values in the order of chargeHeader.
func (l chargeLine) fields() []string {
	return []string{
		l.ChargeID, l.InvoiceID, l.AccountID, l.Amount, l.Currency,
		l.Method, strconv.Itoa(int(l.Attempt)), l.CollectOn, l.BillingDate,
	}
}
