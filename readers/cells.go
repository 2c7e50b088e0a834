package readers

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"ratemill/rating/calendar"
)

// fine is the Reason of a cell that was read.
const fine Reason = ""

// cellParser reads the text of cells, the same for every format. For one
// goroutine.
type cellParser struct {
	clock
	lastDate [10]byte // text and value of the date read last: rows come by day
	lastDay  calendar.Day
}

func newCellParser(zone calendar.Zone) *cellParser {
	return &cellParser{clock: newClock(zone), lastDate: [10]byte([]byte("1970-01-01")), lastDay: 0}
}

// number reads a cell of a field of Kind Integer, Instant or Date. The text is
// not empty and nothing is trimmed off it.
func (p *cellParser) number(field *Field, text []byte) (int64, Reason) {
	switch field.Kind {
	case Integer:
		return parseInteger(text)
	case Instant:
		return p.instant(text)
	case Date:
		return p.date(text)
	}
	panic(fmt.Sprintf("readers: no number in a field of kind %d", field.Kind))
}

// parseInteger reads -?[0-9]+ and nothing else: no plus, blank, point,
// exponent or thousands separator, whose meaning would be a guess.
func parseInteger(text []byte) (int64, Reason) {
	digits, negative := text, false
	if len(text) > 0 && text[0] == '-' {
		digits, negative = text[1:], true
	}
	if len(digits) == 0 {
		return 0, NotANumber
	}
	v, overflow := uint64(0), false
	for _, c := range digits {
		d := uint64(c - '0')
		if d > 9 {
			return 0, NotANumber
		}
		if v > (math.MaxUint64-d)/10 {
			overflow = true // but the rest must still be digits
			continue
		}
		v = v*10 + d
	}
	switch {
	case overflow, !negative && v > math.MaxInt64, negative && v > -math.MinInt64:
		return 0, Overflow
	case negative:
		return int64(-v), fine // two's complement: right for MinInt64 too
	}
	return int64(v), fine
}

// instant reads RFC 3339, with T or a blank, and with a fraction of any length
// that is floored to microseconds; the same without an offset, as the zone's
// wall time; and a date, as its midnight in the zone.
func (p *cellParser) instant(text []byte) (int64, Reason) {
	d, ok := p.civilDate(text)
	if !ok {
		return 0, NotATime
	}
	if len(text) == 10 {
		return inRange(p.midnight(d))
	}
	t, zoned, ok := parseTimeOfDay(text[10:])
	if !ok {
		return 0, NotATime
	}
	t += int64(d) * day
	if !zoned {
		t = p.wall(t)
	}
	return inRange(t)
}

// date reads YYYY-MM-DD, or an instant as the zone's day that holds it.
func (p *cellParser) date(text []byte) (int64, Reason) {
	if len(text) == 10 {
		d, ok := p.civilDate(text)
		if !ok {
			return 0, NotATime
		}
		return dayInRange(d)
	}
	t, why := p.instant(text)
	if why != fine {
		return 0, why
	}
	return dayInRange(p.dayOf(t))
}

// dayInRange refuses days that billing cannot mean, among them the Day that
// stands for none.
func dayInRange(d calendar.Day) (int64, Reason) {
	if d == calendar.None || d < firstDay || d > lastDay {
		return 0, NotATime
	}
	return int64(d), fine
}

func inRange(instant int64) (int64, Reason) {
	if instant < firstInstant || instant >= endInstant {
		return 0, NotATime
	}
	return instant, fine
}

// civilDate reads the YYYY-MM-DD that a text begins with.
func (p *cellParser) civilDate(text []byte) (calendar.Day, bool) {
	if len(text) < 10 {
		return 0, false
	}
	if [10]byte(text) == p.lastDate {
		return p.lastDay, true
	}
	y1, ok1 := twoDigits(text[0:])
	y2, ok2 := twoDigits(text[2:])
	m, ok3 := twoDigits(text[5:])
	d, ok4 := twoDigits(text[8:])
	if !ok1 || !ok2 || !ok3 || !ok4 || text[4] != '-' || text[7] != '-' || m < 1 || m > 12 {
		return 0, false
	}
	parsed := calendar.Date(y1*100+y2, time.Month(m), d)
	if _, _, back := parsed.Civil(); back != d { // 30 February is another day
		return 0, false
	}
	p.lastDate, p.lastDay = [10]byte(text), parsed
	return parsed, true
}

// parseTimeOfDay reads what follows the date of an instant: microseconds since
// that date's midnight, in UTC if zoned.
func parseTimeOfDay(text []byte) (t int64, zoned, ok bool) {
	if len(text) < 9 || text[0] != 'T' && text[0] != ' ' || text[3] != ':' || text[6] != ':' {
		return 0, false, false
	}
	h, ok1 := twoDigits(text[1:])
	m, ok2 := twoDigits(text[4:])
	s, ok3 := twoDigits(text[7:])
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 59 {
		return 0, false, false
	}
	fraction, rest, ok := parseFraction(text[9:])
	if !ok {
		return 0, false, false
	}
	ahead, zoned, ok := parseOffset(rest)
	return int64(h*3600+m*60+s)*second + fraction - ahead, zoned, ok
}

// parseFraction reads an optional fraction of a second, cut to microseconds.
func parseFraction(text []byte) (micros int64, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '.' {
		return 0, text, true
	}
	unit, i := int64(second), 1
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		unit /= 10
		micros += int64(text[i]-'0') * unit
	}
	return micros, text[i:], i > 1
}

// parseOffset reads Z, ±hh:mm, ±hh (as PostgreSQL and DuckDB write it) or
// nothing.
func parseOffset(text []byte) (ahead int64, zoned, ok bool) {
	switch {
	case len(text) == 0:
		return 0, false, true
	case len(text) == 1 && text[0] == 'Z':
		return 0, true, true
	case len(text) != 3 && (len(text) != 6 || text[3] != ':'), text[0] != '+' && text[0] != '-':
		return 0, false, false
	}
	h, ok1 := twoDigits(text[1:])
	m, ok2 := 0, true
	if len(text) == 6 {
		m, ok2 = twoDigits(text[4:])
	}
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false, false
	}
	ahead = int64(h*3600+m*60) * second
	if text[0] == '-' {
		ahead = -ahead
	}
	return ahead, true, true
}

// twoDigits reads the two digits that a text of at least two bytes begins with.
func twoDigits(text []byte) (int, bool) {
	high, low := text[0]-'0', text[1]-'0'
	return int(high)*10 + int(low), high <= 9 && low <= 9
}

// badCell is a cell as written, fit for a table of rejects: cut to 64 bytes
// between characters, and with � for what is not UTF-8.
func badCell(text []byte, why Reason) BadCell {
	const most = 64
	if len(text) > most {
		cut := most
		for cut > most-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut]
	}
	return BadCell{Text: strings.ToValidUTF8(string(text), "�"), Reason: why}
}
