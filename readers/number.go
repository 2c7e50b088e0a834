package readers

import (
	"regexp"

	exact "ratemill/rating/decimal"
)

// mostDigits is what a decimal may be written with, and with its exponent.
const mostDigits = 100

var decimalForm = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?$`)

// shortest is the one way to write a decimal: digits, and a point before
// others where those are not zero. It is exact.
func shortest(text string, marks numberMarks, absolute bool) (string, Reason) {
	plain, ok := marks.plain(nil, []byte(text))
	if !ok {
		return "", NotANumber
	}
	text = string(plain)
	// The library would take more than what is meant by a number, and an
	// exponent of any size.
	if len(text) > mostDigits || !decimalForm.MatchString(text) {
		return "", NotANumber
	}
	d, err := exact.NewFromString(text)
	if err != nil {
		return "", NotANumber
	}
	if absolute {
		d = d.Abs()
	}
	return d.String(), fine
}
