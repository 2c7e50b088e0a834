package readers

import (
	"bytes"
	"fmt"
	"strings"
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
	times    map[*Field]timeReader // of fields whose times are not ISO 8601 in the export's zone
	marks    numberMarks           // of the numbers of an export
	digits   []byte                // a number without them
}

func newCellParser(zone calendar.Zone) *cellParser {
	return &cellParser{clock: newClock(zone), lastDate: [10]byte([]byte("1970-01-01")), times: map[*Field]timeReader{}}
}

// number reads a cell of a field of Kind Integer, Instant or Date. The text is
// not empty and nothing is trimmed off it.
func (p *cellParser) number(field *Field, text []byte) (int64, Reason) {
	switch field.Kind {
	case Integer:
		return p.integer(field, p.marks, text)
	case Instant:
		return p.instant(p.timesOf(field), text)
	case Date:
		return p.date(p.timesOf(field), text)
	}
	panic(fmt.Sprintf("readers: no number in a field of kind %d", field.Kind))
}

// integer reads a number that is written with marks.
func (p *cellParser) integer(field *Field, marks numberMarks, text []byte) (int64, Reason) {
	if marks.decimal == 0 { // as it mostly is
		return parseInteger(text, field.Scale)
	}
	plain, ok := marks.plain(p.digits, text)
	if !ok {
		return 0, NotANumber
	}
	p.digits = plain
	return parseInteger(plain, field.Scale)
}

// timeReader reads the times of one field.
type timeReader struct {
	form  *timeForm // nil: ISO 8601
	clock *clock    // of the zone of its times without an offset
}

// timesOf is how the times of a field are read.
func (p *cellParser) timesOf(field *Field) timeReader {
	if field.Time == ISO8601 && field.Zone == nil {
		return timeReader{clock: &p.clock}
	}
	if r, known := p.times[field]; known {
		return r
	}
	r := timeReader{clock: &p.clock}
	if field.Zone != nil {
		c := newClock(*field.Zone)
		r.clock = &c
	}
	if field.Time != ISO8601 {
		form, err := compileTimeForm(field.Time)
		if err != nil { // Open has looked at it
			panic("readers: " + err.Error())
		}
		r.form = form
	}
	p.times[field] = r
	return r
}

// moment reads a time in the form of a field.
func (p *cellParser) moment(r timeReader, text []byte) (moment, bool) {
	if r.form != nil {
		return r.form.read(text)
	}
	return p.isoMoment(text)
}

// instant reads a time; without an offset it is the zone's wall time, and
// without a time the day's midnight in the zone.
func (p *cellParser) instant(r timeReader, text []byte) (int64, Reason) {
	m, ok := p.moment(r, text)
	if !ok {
		return 0, NotATime
	}
	return r.instantOf(m)
}

func (r timeReader) instantOf(m moment) (int64, Reason) {
	if !m.timed {
		return inRange(r.clock.midnight(m.day))
	}
	if !m.zoned {
		return inRange(r.clock.wall(int64(m.day)*day + m.time))
	}
	return inRange(int64(m.day)*day + m.time) // of an epoch it is day 0, so that nothing overflows
}

// date reads a date, or a time as the day of the export's zone that holds it.
func (p *cellParser) date(r timeReader, text []byte) (int64, Reason) {
	m, ok := p.moment(r, text)
	if !ok {
		return 0, NotATime
	}
	if !m.timed {
		return dayInRange(m.day)
	}
	t, why := r.instantOf(m)
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

// isoMoment reads ISO 8601: YYYY-MM-DD, behind that T or a blank and hh:mm,
// with seconds and a fraction of any length, which is floored to microseconds,
// and with an offset.
func (p *cellParser) isoMoment(text []byte) (moment, bool) {
	d, ok := p.civilDate(text)
	if !ok || len(text) == 10 {
		return moment{day: d}, ok
	}
	t, zoned, ok := parseTimeOfDay(text[10:])
	return moment{day: d, time: t, timed: true, zoned: zoned}, ok
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
	if !ok1 || !ok2 || !ok3 || !ok4 || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	parsed, ok := civilDay(y1*100+y2, m, d)
	if ok {
		p.lastDate, p.lastDay = [10]byte(text), parsed
	}
	return parsed, ok
}

// parseTimeOfDay reads what follows the date of an instant: microseconds since
// that date's midnight, in UTC if zoned.
func parseTimeOfDay(text []byte) (t int64, zoned, ok bool) {
	if len(text) < 6 || text[0] != 'T' && text[0] != ' ' || text[3] != ':' {
		return 0, false, false
	}
	h, ok1 := twoDigits(text[1:])
	m, ok2 := twoDigits(text[4:])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false, false
	}
	t, rest := int64(h*3600+m*60)*second, text[6:]
	if len(rest) >= 3 && rest[0] == ':' {
		s, ok := twoDigits(rest[1:])
		if !ok || s > 59 {
			return 0, false, false
		}
		fraction, behind, ok := parseFraction(rest[3:])
		if !ok {
			return 0, false, false
		}
		t, rest = t+int64(s)*second+fraction, behind
	}
	if len(rest) > 1 && rest[0] == ' ' { // 10:00:00 UTC, 10:00:00 +0000
		rest = rest[1:]
	}
	offset, named := bytes.CutSuffix(rest, []byte(" UTC")) // 10:00:00 +0000 UTC, as Go prints it
	ahead, zoned, ok := parseOffset(offset)
	if named && (ahead != 0 || bytes.IndexAny(offset, "+-") != 0) {
		return 0, false, false
	}
	return t - ahead, zoned, ok
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

// parseOffset reads Z, z, UTC, ±hh:mm, ±hhmm, ±hh (as PostgreSQL and DuckDB write
// it) or nothing.
func parseOffset(text []byte) (ahead int64, zoned, ok bool) {
	switch {
	case len(text) == 0:
		return 0, false, true
	case string(text) == "Z", string(text) == "z", string(text) == "UTC":
		return 0, true, true
	case text[0] != '+' && text[0] != '-':
		return 0, false, false
	}
	var minutes []byte
	switch {
	case len(text) == 5:
		minutes = text[3:]
	case len(text) == 6 && text[3] == ':':
		minutes = text[4:]
	case len(text) != 3:
		return 0, false, false
	}
	h, ok1 := twoDigits(text[1:])
	m, ok2 := 0, true
	if minutes != nil {
		m, ok2 = twoDigits(minutes)
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
