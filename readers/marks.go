package readers

import "bytes"

// numberMarks are the marks that numbers are written with. Zero: a point before
// decimals, and none between thousands.
type numberMarks struct {
	decimal   byte
	thousands []string // any of them, but one and the same in a number
}

// thousandsMarks are the ways in which a mark between thousands is written:
// French programs write a blank that does not break.
var thousandsMarks = map[string][]string{"": nil, ".": {"."}, ",": {","}, " ": {" ", "\u00a0", "\u202f"}, "'": {"'", "’"}}

func marksOf(l *Layout) numberMarks {
	m := numberMarks{decimal: '.', thousands: thousandsMarks[l.Thousands]}
	if l.Decimal != "" {
		m.decimal = l.Decimal[0]
	}
	if m.decimal == '.' && m.thousands == nil {
		return numberMarks{}
	}
	return m
}

// plain is a number with a point before its decimals and nothing between
// thousands, in room. It is false for one in which marks stand where they say
// something else: a wrong guess is a wrong bill. What else may be wrong with
// it is not looked at.
func (m *numberMarks) plain(room, text []byte) ([]byte, bool) {
	if m.decimal == 0 {
		return text, true
	}
	room = room[:0]
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		room, text = append(room, text[0]), text[1:]
	}
	digits, rest := leadingDigits(text)
	room = append(room, digits...)
	if mark := m.thousandsAt(rest); mark != "" {
		if len(digits) == 0 || len(digits) > 3 || digits[0] == '0' {
			return nil, false
		}
		for bytes.HasPrefix(rest, []byte(mark)) {
			if digits, rest = leadingDigits(rest[len(mark):]); len(digits) != 3 {
				return nil, false
			}
			room = append(room, digits...)
		}
	}
	if len(rest) > 0 && rest[0] == m.decimal {
		room, rest = append(room, '.'), rest[1:]
	}
	return append(room, rest...), bytes.IndexByte(rest, '.') < 0
}

// thousandsAt is the mark that a text begins with, or empty.
func (m *numberMarks) thousandsAt(text []byte) string {
	for _, mark := range m.thousands {
		if bytes.HasPrefix(text, []byte(mark)) {
			return mark
		}
	}
	return ""
}
