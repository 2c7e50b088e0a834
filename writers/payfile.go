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
	before      []string      // what stands in front of each field of a plain line, and behind the last
	line        []byte        // a plain one
	day         calendar.Day  // of the last line, with its text: all of a night have the same one
	dayText     string
	currency    money.Currency // of the last line
	rows        int64
	err         error
}

func newPayCSV(w io.Writer, billingDate calendar.Day, header []string) payFile {
	f := payFile{billingDate: billingDate.String(), out: bufio.NewWriterSize(w, 32<<10)}
	f.csv = csv.NewWriter(f.out)
	f.err = f.csv.Write(header)
	f.before = append(slices.Repeat([]string{","}, len(header)), "\n")
	f.before[0] = ""
	return f
}

// newPayNDJSON begins a file of objects whose keys are the header. The value of
// attempt is a number.
func newPayNDJSON(w io.Writer, billingDate calendar.Day, header []string) payFile {
	f := payFile{billingDate: billingDate.String(), out: bufio.NewWriterSize(w, 32<<10)}
	f.before = []string{"{"}
	for i, name := range header {
		quote := `"`
		if name == "attempt" {
			quote = ""
		}
		f.before[i] += `"` + name + `":` + quote
		f.before = append(f.before, quote+",")
	}
	f.before[len(header)] = "\"}\n"
	return f
}

// add writes one payment, as an object in NDJSON or as fields in CSV, unless
// it could not be made. After an error nothing is written. Neither is kept.
func (f *payFile) add(object any, fields []string, err error) error {
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
	if f.isPlain(fields) {
		_, err := f.out.Write(f.line)
		return err
	}
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

// isPlain puts a line together unless a field has a letter that CSV or JSON might
// write otherwise: nearly no line has.
func (f *payFile) isPlain(fields []string) bool {
	f.line = f.line[:0]
	for i, text := range fields {
		for _, letter := range []byte(text) {
			if !plainLetters[letter] {
				return false
			}
		}
		f.line = append(append(f.line, f.before[i]...), text...)
	}
	f.line = append(f.line, f.before[len(fields)]...)
	return true
}

// plainLetters are those that stand as they are in CSV and in JSON.
var plainLetters = func() (all [256]bool) {
	for _, letter := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:/@+" {
		all[letter] = true
	}
	return all
}()

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

// amount is a DECIMAL(18,4) with the digits of its currency. A digit below them
// is an error.
func (f *payFile) amount(amount int64, currency string) (string, error) {
	if f.currency.Code != currency || currency == "" {
		c, err := money.LookupCurrency(currency)
		if err != nil {
			return "", err
		}
		f.currency = c
	}
	c := f.currency
	if c.Minor <= moneyScale { // no currency of ISO 4217 has more
		unit := int64(powersOf10[moneyScale-c.Minor])
		if amount%unit == 0 {
			return fixed(amount/unit, int(c.Minor)), nil
		}
	}
	a, err := money.New(FromMoney(amount), c)
	return a.String(), err
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
