package writers

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"ratemill/rating/calendar"
	"ratemill/rating/money"
)

// payFile is a file for a payment processor, one line a payment. Amounts are
// plain decimals with all digits of the currency's minor unit (10.00, for yen
// 500), dates are YYYY-MM-DD, lines end in LF; CSV is quoted as RFC 4180 has it
// but for its line ends. Its bytes depend on the rows and their order alone.
type payFile struct {
	billingDate string
	out         *bufio.Writer
	csv         *csv.Writer // nil in NDJSON
	text        bytes.Buffer
	json        *json.Encoder // to text
	fields      []string      // of a line
	day         calendar.Day  // of the last line, with its text: all of a night have the same one
	dayText     string
	rows        int64
	err         error
}

func newPayCSV(w io.Writer, billingDate calendar.Day, header []string) payFile {
	f := newPayNDJSON(w, billingDate)
	f.csv = csv.NewWriter(f.out)
	f.err = f.csv.Write(header)
	return f
}

func newPayNDJSON(w io.Writer, billingDate calendar.Day) payFile {
	return payFile{billingDate: billingDate.String(), out: bufio.NewWriterSize(w, 32<<10)}
}

// line writes one payment, as an object in NDJSON or as fields in CSV, unless
// it could not be made. After an error nothing is written. Neither is kept.
func (f *payFile) line(object any, fields []string, err error) error {
	f.fields = fields[:0] // the next line's
	if f.err != nil {
		return f.err
	}
	if f.err = err; f.err == nil {
		f.err = f.write(object, fields)
	}
	if f.err == nil {
		f.rows++
	}
	return f.err
}

func (f *payFile) write(object any, fields []string) error {
	for _, text := range fields {
		if !utf8.ValidString(text) { // encoding/json would replace it in silence
			return fmt.Errorf("%q is not UTF-8", text)
		}
	}
	if f.csv != nil {
		return f.csv.Write(fields)
	}
	if f.json == nil {
		f.json = json.NewEncoder(&f.text)
		f.json.SetEscapeHTML(false)
	}
	f.text.Reset()
	if err := f.json.Encode(object); err != nil {
		return err
	}
	_, err := f.out.Write(f.text.Bytes())
	return err
}

// Rows is the number of lines that were written.
func (f *payFile) Rows() int64 { return f.rows }

// Close ends the file, not the writer below. After an error the file is not
// whole, and Close repeats the error.
func (f *payFile) Close() error {
	if f.csv != nil && f.err == nil {
		f.csv.Flush()
		f.err = f.csv.Error()
	}
	if f.err == nil {
		f.err = f.out.Flush()
	}
	return f.err
}

// date is a day as YYYY-MM-DD.
func (f *payFile) date(day calendar.Day) string {
	if day != f.day || f.dayText == "" {
		f.day, f.dayText = day, day.String()
	}
	return f.dayText
}

// amountText is a DECIMAL(18,4) with the digits of its currency. A digit below
// them is an error.
func amountText(amount int64, currency string) (string, error) {
	c, err := money.LookupCurrency(currency)
	if err != nil {
		return "", err
	}
	a, err := money.New(FromMoney(amount), c)
	if err != nil || c.Minor > moneyScale { // no currency of ISO 4217 has more
		return a.String(), err
	}
	return fixed(amount/int64(powersOf10[moneyScale-c.Minor]), int(c.Minor)), nil
}

// fixed is units × 10^-decimals with all its decimals.
func fixed(units int64, decimals int) string {
	var room [24]byte
	text := strconv.AppendInt(room[:0], units, 10)
	if decimals == 0 {
		return string(text)
	}
	digits := 0
	if units < 0 {
		digits = 1 // behind the sign
	}
	for len(text)-digits <= decimals {
		text = slices.Insert(text, digits, '0')
	}
	return string(slices.Insert(text, len(text)-decimals, '.'))
}
