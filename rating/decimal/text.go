package decimal

import (
	"fmt"
	"strconv"

	wide "github.com/shopspring/decimal"
)

// String is d with all digits that count: 0.5, -12, 1000.
func (d Decimal) String() string {
	if d.big != nil || d.exp > 0 || d.exp < -maxPower {
		return d.widen().String()
	}
	var room [maxDigits]byte
	text := d.appendTo(room[:0])
	if d.exp < 0 {
		for text[len(text)-1] == '0' {
			text = text[:len(text)-1]
		}
		if last := len(text) - 1; text[last] == '.' {
			text = text[:last]
		}
	}
	return string(text)
}

// StringFixed is d with so many digits after the point, rounded half away from
// zero where it has more.
func (d Decimal) StringFixed(places int32) string {
	if raise := int64(d.exp) + int64(places); d.big == nil && 0 <= places && places <= maxPower && 0 <= raise {
		if n, ok := raised(d.n, raise); ok {
			var room [maxDigits]byte
			return string(Decimal{n: n, exp: -places}.appendTo(room[:0]))
		}
	}
	return d.widen().StringFixed(places)
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
