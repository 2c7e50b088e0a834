package readers

import "math"

// decimalText is a number as text: [-]digits[.digits][e[+-]digits], as JSON writes
// it, and with leading zeros or without a digit before the point. A plus, a
// blank or a separator of thousands is none of it: its meaning would be a guess.
type decimalText struct {
	negative        bool
	whole, fraction []byte // digits before and behind the point
	exponent        int64  // held within ±maxExponent
}

// maxExponent is beyond what any text of maxRecord digits can make up for.
const maxExponent = 1 << 32

func parseDecimal(text []byte) (d decimalText, ok bool) {
	if len(text) > 0 && text[0] == '-' {
		d.negative, text = true, text[1:]
	}
	d.whole, text = leadingDigits(text)
	if len(text) > 0 && text[0] == '.' {
		if d.fraction, text = leadingDigits(text[1:]); len(d.fraction) == 0 {
			return d, false
		}
	}
	if len(d.whole)+len(d.fraction) == 0 {
		return d, false
	}
	if len(text) == 0 {
		return d, true
	}
	return d, d.parseExponent(text)
}

func (d *decimalText) parseExponent(text []byte) bool {
	if text[0]|0x20 != 'e' {
		return false
	}
	sign, text := int64(1), text[1:]
	if len(text) > 0 && (text[0] == '+' || text[0] == '-') {
		if text[0] == '-' {
			sign = -1
		}
		text = text[1:]
	}
	digits, rest := leadingDigits(text)
	for _, c := range digits {
		d.exponent = min(d.exponent*10+int64(c-'0'), maxExponent)
	}
	d.exponent *= sign
	return len(digits) > 0 && len(rest) == 0
}

func leadingDigits(text []byte) (digits, rest []byte) {
	n := 0
	for n < len(text) && text[n]-'0' <= 9 {
		n++
	}
	return text[:n], text[n:]
}

// scaled is the number times 10^scale, floored: exact tells whether that
// changed it, fits whether it is an int64. It takes no longer than the text is.
func (d *decimalText) scaled(scale int) (v int64, exact, fits bool) {
	point := int64(len(d.whole)) + d.exponent + int64(scale) // digits before it
	at, u, lost, overflow := int64(0), uint64(0), false, false
	for _, digits := range [2][]byte{d.whole, d.fraction} {
		for _, c := range digits {
			if at++; at > point {
				lost = lost || c != '0'
				continue
			}
			u, overflow = shifted(u, uint64(c-'0'), overflow)
		}
	}
	for ; at < point && u != 0 && !overflow; at++ {
		u, overflow = shifted(u, 0, overflow)
	}
	if lost && d.negative {
		u, overflow = u+1, overflow || u == math.MaxUint64
	}
	v, fits = withSign(u, d.negative)
	return v, !lost, fits && !overflow
}

// shifted is u with a digit behind it. What has overflowed stays so.
func shifted(u, digit uint64, overflow bool) (uint64, bool) {
	if overflow || u > (math.MaxUint64-digit)/10 {
		return u, true
	}
	return u*10 + digit, false
}

// withSign is u or -u, if that is an int64.
func withSign(u uint64, negative bool) (v int64, fits bool) {
	if negative {
		return int64(-u), u <= -math.MinInt64 // two's complement: right for MinInt64 too
	}
	return int64(u), u <= math.MaxInt64
}

// wholeDigits is how many digits the number has before its point.
func (d *decimalText) wholeDigits() int64 {
	zeros := int64(0)
	for _, digits := range [2][]byte{d.whole, d.fraction} {
		for _, c := range digits {
			if c != '0' {
				return max(int64(len(d.whole))+d.exponent-zeros, 0)
			}
			zeros++
		}
	}
	return 0
}

// parseInteger reads a number that is whole when it is multiplied by 10^scale.
// Plain digits, which most are, are read in one go.
func parseInteger(text []byte, scale int) (int64, Reason) {
	digits, negative := text, false
	if len(text) > 0 && text[0] == '-' {
		digits, negative = text[1:], true
	}
	if scale != 0 || len(digits) == 0 || len(digits) > 18 { // 18 digits fit
		return parseScaled(text, scale)
	}
	v := int64(0)
	for _, c := range digits {
		d := c - '0'
		if d > 9 {
			return parseScaled(text, scale)
		}
		v = v*10 + int64(d)
	}
	if negative {
		v = -v
	}
	return v, fine
}

func parseScaled(text []byte, scale int) (int64, Reason) {
	d, ok := parseDecimal(text)
	if !ok {
		return 0, NotANumber
	}
	switch v, exact, fits := d.scaled(scale); {
	case !exact:
		return 0, NotANumber
	case !fits:
		return 0, Overflow
	default:
		return v, fine
	}
}
