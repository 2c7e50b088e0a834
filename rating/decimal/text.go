package decimal

import (
	"fmt"
	"strconv"

	wide "github.com/shopspring/decimal"
)

// String is d with all digits that count: 0.5, -12, 1000.
func (d Decimal) String() string {
	var room [maxDigits]byte
	return string(d.Append(room[:0]))
}

// Append appends String to a text.
func (d Decimal) Append(text []byte) []byte {
	if d.big != nil || d.exp > 0 || d.exp < -maxPower {
		return append(text, d.widen().String()...)
	}
	text = d.appendTo(text)
	if d.exp < 0 {
		for text[len(text)-1] == '0' {
			text = text[:len(text)-1]
		}
		if last := len(text) - 1; text[last] == '.' {
			text = text[:last]
		}
	}
	return text
}

// StringFixed is d with so many digits after the point, rounded half away from
// zero where it has more.
func (d Decimal) StringFixed(places int32) string {
	var room [maxDigits]byte
	return string(d.AppendFixed(room[:0], places))
}

// AppendFixed appends StringFixed to a text.
func (d Decimal) AppendFixed(text []byte, places int32) []byte {
	if d.big == nil && 0 <= places && places <= maxPower {
		if n, ok := rescaled(d.n, int64(d.exp)+int64(places)); ok {
			return Decimal{n: n, exp: -places}.appendTo(text)
		}
	}
	return append(text, d.widen().StringFixed(places)...)
}

// rescaled is n × 10^by, false where it does not fit, or is not whole.
func rescaled(n, by int64) (int64, bool) {
	switch {
	case by >= 0:
		return raised(n, by)
	case by < -maxPower:
		return 0, false
	}
	divisor := int64(powers[-by])
	return n / divisor, n%divisor == 0
}

// maxDigits is room for a small number: a sign, 19 digits, or 0. and 18, and
// one more.
const maxDigits = 24

// appendTo appends a small number with as many digits after the point as its
// exponent says, 0 to 18.
func (d Decimal) appendTo(text []byte) []byte {
	if d.n < 0 {
		text = append(text, '-')
	}
	whole, rest := magnitude(d.n)/powers[-d.exp], magnitude(d.n)%powers[-d.exp]
	text = strconv.AppendUint(text, whole, 10)
	if d.exp == 0 {
		return text
	}
	text = append(text, '.')
	for i := -d.exp - 1; i > 0 && rest < powers[i]; i-- {
		text = append(text, '0')
	}
	return strconv.AppendUint(text, rest, 10)
}

// Format prints %s and %v as String, with width and flags, and %#v as Go syntax.
func (d Decimal) Format(f fmt.State, verb rune) {
	_, width := f.Width()
	_, precision := f.Precision()
	if (verb == 's' || verb == 'v') && !width && !precision && !f.Flag('#') {
		_, _ = f.Write([]byte(d.String()))
		return
	}
	d.widen().Format(f, verb)
}

// MarshalJSON writes d as a text in quotes, so that no reader makes a float
// of it.
func (d Decimal) MarshalJSON() ([]byte, error) { return d.widen().MarshalJSON() }

// UnmarshalJSON reads a number, in quotes or not.
func (d *Decimal) UnmarshalJSON(text []byte) error {
	var read wide.Decimal
	if err := read.UnmarshalJSON(text); err != nil {
		return err
	}
	*d = narrow(read)
	return nil
}
