package writers

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"ratemill/rating/calendar"
	"ratemill/rating/money"
)

// ChargeFile writes charges as text for a payment processor: the columns of
// the charges table and the billing date. Amounts are plain decimals with all
// digits of the currency's minor unit (10.00, for yen 500), dates are
// YYYY-MM-DD, lines end in LF. Its bytes depend on the rows and their order
// alone.
type ChargeFile struct {
	billingDate string
	out         *bufio.Writer
	csv         *csv.Writer // nil in NDJSON
	line        bytes.Buffer
	json        *json.Encoder // to line
	rows        int64
	err         error
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

// NewChargeCSV begins a charge file as CSV with a header, quoted as RFC 4180
// has it but for its line ends.
func NewChargeCSV(w io.Writer, billingDate calendar.Day) *ChargeFile {
	f := &ChargeFile{billingDate: billingDate.String(), out: bufio.NewWriter(w)}
	f.csv = csv.NewWriter(f.out)
	f.err = f.csv.Write(chargeHeader)
	return f
}

// NewChargeNDJSON begins a charge file as one JSON object a line.
func NewChargeNDJSON(w io.Writer, billingDate calendar.Day) *ChargeFile {
	f := &ChargeFile{billingDate: billingDate.String(), out: bufio.NewWriter(w)}
	f.json = json.NewEncoder(&f.line)
	f.json.SetEscapeHTML(false)
	return f
}

// Write adds charges, any number of them.
func (f *ChargeFile) Write(charges []Charge) error {
	for i := range charges {
		if f.err != nil {
			return f.err
		}
		if f.err = f.write(&charges[i]); f.err == nil {
			f.rows++
		}
	}
	return f.err
}

// Rows is the number of charges that were written.
func (f *ChargeFile) Rows() int64 { return f.rows }

// Close ends the file, not the writer below. After an error the file is not
// whole, and Close repeats the error.
func (f *ChargeFile) Close() error {
	if f.csv != nil && f.err == nil {
		f.csv.Flush()
		f.err = f.csv.Error()
	}
	if f.err == nil {
		f.err = f.out.Flush()
	}
	return f.err
}

func (f *ChargeFile) write(c *Charge) error {
	line, err := f.lineOf(c)
	if err != nil {
		return fmt.Errorf("charge %q: %w", c.ChargeID, err)
	}
	if f.csv != nil {
		return f.csv.Write(line.fields())
	}
	f.line.Reset()
	if err := f.json.Encode(line); err != nil {
		return err
	}
	_, err = f.out.Write(f.line.Bytes())
	return err
}

func (f *ChargeFile) lineOf(c *Charge) (chargeLine, error) {
	line := chargeLine{
		ChargeID: c.ChargeID, InvoiceID: c.InvoiceID, AccountID: c.AccountID,
		Currency: c.Currency, Method: c.Method, Attempt: c.Attempt,
		CollectOn: calendar.Day(c.CollectOn).String(), BillingDate: f.billingDate,
	}
	for _, text := range line.fields() {
		if !utf8.ValidString(text) { // encoding/json would replace it in silence
			return line, fmt.Errorf("%q is not UTF-8", text)
		}
	}
	currency, err := money.LookupCurrency(c.Currency)
	if err != nil {
		return line, err
	}
	amount, err := money.New(FromMoney(c.Amount), currency)
	if err != nil {
		return line, err
	}
	line.Amount = amount.String()
	return line, nil
}

// fields are the line's values in the order of chargeHeader.
func (l chargeLine) fields() []string {
	return []string{
		l.ChargeID, l.InvoiceID, l.AccountID, l.Amount, l.Currency,
		l.Method, strconv.Itoa(int(l.Attempt)), l.CollectOn, l.BillingDate,
	}
}
