package readers

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"ratemill/rating/calendar"
)

// moment is a time as it is written: on what day, and how long after it began.
type moment struct {
	day   calendar.Day
	time  int64 // microseconds since the day's midnight, in UTC if zoned
	timed bool  // there is a time; else it is the day alone
	zoned bool  // there is an offset; else it is a wall time
}

// timeForm is a TimeForm ready to read with.
type timeForm struct {
	name   TimeForm
	pieces []piece // of a pattern
}

// piece is one placeholder of a pattern, or what stands between two.
type piece struct {
	what    string // a placeholder; empty for literal text
	literal string
	single  bool // one digit will do, as no other digit can stand beside it
}

// placeholders of a pattern. A longer one stands before those that it begins with.
var placeholders = []string{"YYYY", "YY", "Month", "Mon", "MM", "DD", "Day", "HH", "mm", "ss", "AM", "Z"}

// oneOf says which placeholders are another way to write the same.
var oneOf = map[string]string{"YY": "YYYY", "Mon": "MM", "Month": "MM"}

// checkTimeForm says what is wrong with a form in which times are said to be
// written, nil if nothing.
func checkTimeForm(form TimeForm) error {
	_, err := compileTimeForm(form)
	return err
}

func compileTimeForm(form TimeForm) (*timeForm, error) {
	f := &timeForm{name: form}
	switch form {
	case ISO8601, RFC2822, EpochS, EpochMs, EpochUs, EpochNs, EpochAuto:
		return f, nil
	}
	var err error
	if f.pieces, err = compilePattern(string(form)); err != nil {
		return nil, fmt.Errorf("time form %q: %w", form, err)
	}
	return f, nil
}

func compilePattern(pattern string) (pieces []piece, err error) {
	has := map[string]bool{}
	for rest := pattern; rest != ""; {
		what := placeholderAt(rest)
		if what == "" {
			if c := rest[0]; c != 'T' && isLetter(c) || isDigit(c) {
				return nil, notAPiece(rest)
			}
			pieces = append(pieces, piece{literal: rest[:1]})
			rest = rest[1:]
			continue
		}
		key := what
		if as, is := oneOf[what]; is {
			key = as
		}
		if has[key] {
			return nil, fmt.Errorf("%s stands twice", key)
		}
		has[key] = true
		pieces, rest = append(pieces, piece{what: what}), rest[len(what):]
	}
	for i := range pieces {
		before, behind := i > 0 && pieces[i-1].digits(), i+1 < len(pieces) && pieces[i+1].digits()
		pieces[i].single = !before && !behind
	}
	return pieces, wholePattern(has)
}

// wholePattern makes sure that a pattern says what a time needs.
func wholePattern(has map[string]bool) error {
	for _, need := range []string{"YYYY", "MM", "DD"} {
		if !has[need] {
			return fmt.Errorf("it has no %s", need)
		}
	}
	for _, pair := range [][2]string{{"mm", "HH"}, {"ss", "mm"}, {"AM", "HH"}, {"Z", "HH"}} {
		if has[pair[0]] && !has[pair[1]] {
			return fmt.Errorf("it has %s without %s", pair[0], pair[1])
		}
	}
	return nil
}

func placeholderAt(text string) string {
	for _, p := range placeholders {
		if strings.HasPrefix(text, p) {
			return p
		}
	}
	return ""
}

func notAPiece(rest string) error {
	n := 1
	for n < len(rest) && rest[n] == rest[0] {
		n++
	}
	return fmt.Errorf("%q is none of %s; neither is the whole one of %s, %s, %s, %s, %s, %s", rest[:n],
		strings.Join(placeholders, ", "), RFC2822, EpochS, EpochMs, EpochUs, EpochNs, EpochAuto)
}

func (p *piece) digits() bool {
	switch p.what {
	case "YYYY", "YY", "MM", "DD", "HH", "mm", "ss":
		return true
	}
	return false
}

func isDigit(c byte) bool  { return c-'0' <= 9 }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// read reads a time that is written in any form but ISO 8601.
func (f *timeForm) read(text []byte) (moment, bool) {
	switch f.name {
	case RFC2822:
		return readRFC2822(text)
	case EpochS, EpochMs, EpochUs, EpochNs, EpochAuto:
		return readEpoch(f.name, text)
	}
	return f.readPattern(text)
}

// readEpoch reads a time as a number, of any precision.
func readEpoch(form TimeForm, text []byte) (moment, bool) {
	d, ok := parseDecimal(text)
	if !ok {
		return moment{}, false
	}
	if form == EpochAuto {
		switch d.wholeDigits() {
		case 10:
			form = EpochS
		case 13:
			form = EpochMs
		case 16:
			form = EpochUs
		case 19:
			form = EpochNs
		default:
			return moment{}, false
		}
	}
	scale := map[TimeForm]int{EpochS: 6, EpochMs: 3, EpochUs: 0, EpochNs: -3}[form]
	t, _, fits := d.scaled(scale)
	return moment{time: t, timed: true, zoned: true}, fits
}

// readPattern reads a time piece by piece.
func (f *timeForm) readPattern(text []byte) (moment, bool) {
	s, c := scan{rest: text, ok: true}, civilTime{half: noHalf, weekday: anyWeekday}
	for i := range f.pieces {
		p := &f.pieces[i]
		fewest := 2
		if p.single {
			fewest = 1
		}
		switch p.what {
		case "":
			s.literal(p.literal[0])
		case "YYYY":
			c.year = s.number(4, 4)
		case "YY":
			c.year = century(s.number(2, 2), 69)
		case "MM":
			c.month = s.number(fewest, 2)
		case "Mon":
			c.month = s.word(months) + 1
		case "Month":
			c.month = s.word(wholeMonths) + 1
		case "Day":
			c.weekday = s.weekday()
		case "DD":
			c.day = s.number(fewest, 2)
		case "HH":
			c.hour, c.timed = s.number(fewest, 2), true
		case "mm":
			c.minute = s.number(2, 2)
		case "ss":
			c.second = s.number(2, 2)
			if i+1 == len(f.pieces) || f.pieces[i+1].literal != "." {
				c.fraction = s.fraction()
			}
		case "AM":
			c.half = s.word(halves)
		case "Z":
			c.ahead, c.zoned = s.offset()
		}
	}
	return c.moment(s.ok && len(s.rest) == 0)
}

// readRFC2822 reads the date of a mail: [Tue, ]31 Aug 2010 20:36[:28] +0000,
// also with a comment behind it. A weekday that is not the date's is refused.
func readRFC2822(text []byte) (moment, bool) {
	s, c := scan{rest: text, ok: true}, civilTime{half: noHalf, weekday: anyWeekday, timed: true}
	if len(text) > 0 && isLetter(text[0]) {
		c.weekday = s.word(weekdays)
		s.literal(',')
		s.blanks(0)
	}
	c.day = s.number(1, 2)
	s.blanks(1)
	c.month = s.word(months) + 1
	s.blanks(1)
	if c.year = s.number(2, 4); len(s.last) == 2 {
		c.year = century(c.year, 50)
	}
	s.ok = s.ok && len(s.last) != 3
	s.blanks(1)
	c.hour = s.number(2, 2)
	s.literal(':')
	c.minute = s.number(2, 2)
	if len(s.rest) > 0 && s.rest[0] == ':' {
		s.literal(':')
		c.second = s.number(2, 2)
	}
	s.blanks(0)
	c.ahead, c.zoned = s.mailZone()
	return c.moment(s.ok && len(s.rest) == 0)
}

// century makes a year of its last two digits, those from first on in 19xx.
func century(year, first int) int {
	if year >= first {
		return 1900 + year
	}
	return 2000 + year
}

var (
	weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	months   = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
	halves   = []string{"am", "pm"}

	wholeWeekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	wholeMonths   = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}

	// mailZones are the names that RFC 2822 gives a meaning, and UTC, by hours ahead.
	mailZones = map[string]int64{
		"UT": 0, "GMT": 0, "UTC": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5,
		"MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
	}
)

// civilTime is what was read of a time, before it is known to be one.
type civilTime struct {
	year, month, day     int
	hour, minute, second int
	half                 int // of the day: 0 AM, 1 PM, or noHalf
	weekday              int // from Sunday, or anyWeekday
	fraction, ahead      int64
	timed, zoned         bool
}

const (
	noHalf     = -1
	anyWeekday = -1
)

func (c *civilTime) moment(ok bool) (moment, bool) {
	d, isDay := civilDay(c.year, c.month, c.day)
	if c.half != noHalf {
		ok = ok && c.hour >= 1 && c.hour <= 12
		c.hour = c.hour%12 + 12*c.half
	}
	if !ok || !isDay || c.hour > 23 || c.minute > 59 || c.second > 59 {
		return moment{}, false
	}
	if c.weekday != anyWeekday && floorMod(int64(d)+4, 7) != int64(c.weekday) { // 1 January 1970 was a Thursday
		return moment{}, false
	}
	t := int64(c.hour*3600+c.minute*60+c.second)*second + c.fraction - c.ahead
	return moment{day: d, time: t, timed: c.timed, zoned: c.zoned}, true
}

// civilDay is false for what is no day, such as 30 February.
func civilDay(year, month, day int) (calendar.Day, bool) {
	if month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	d := calendar.Date(year, time.Month(month), day)
	_, _, back := d.Civil()
	return d, back == day
}

// scan reads a text from its front. What goes wrong stays so: see ok.
type scan struct {
	rest []byte
	last []byte // the digits that number read last
	ok   bool
}

// number reads at least fewest digits, and as many as there are up to most.
func (s *scan) number(fewest, most int) (v int) {
	n := 0
	for n < len(s.rest) && n < most && isDigit(s.rest[n]) {
		v = v*10 + int(s.rest[n]-'0')
		n++
	}
	s.ok = s.ok && n >= fewest
	s.last, s.rest = s.rest[:n], s.rest[n:]
	return v
}

func (s *scan) literal(c byte) {
	if len(s.rest) == 0 || s.rest[0] != c {
		s.ok = false
		return
	}
	s.rest = s.rest[1:]
}

func (s *scan) blanks(fewest int) {
	rest := bytes.TrimLeft(s.rest, " \t")
	s.ok = s.ok && len(s.rest)-len(rest) >= fewest
	s.rest = rest
}

// word reads one of words, which are lower case, in either case, and says which.
func (s *scan) word(words []string) int {
	for i, word := range words {
		if s.begins(word) {
			s.rest = s.rest[len(word):]
			return i
		}
	}
	s.ok = false
	return 0
}

func (s *scan) begins(word string) bool {
	if len(s.rest) < len(word) {
		return false
	}
	for i := range len(word) {
		if s.rest[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}

// weekday reads the name of a day, a whole one or its first three letters.
func (s *scan) weekday() int {
	for i, word := range wholeWeekdays {
		if s.begins(word) {
			s.rest = s.rest[len(word):]
			return i
		}
	}
	return s.word(weekdays)
}

// fraction reads an optional fraction of a second.
func (s *scan) fraction() int64 {
	micros, rest, ok := parseFraction(s.rest)
	s.rest, s.ok = rest, s.ok && ok
	return micros
}

// offset reads what is left as an offset, which must be there.
func (s *scan) offset() (ahead int64, zoned bool) {
	n := 0
	for n < len(s.rest) && (isLetter(s.rest[n]) || isDigit(s.rest[n]) || s.rest[n] == ':' || n == 0) {
		n++
	}
	ahead, zoned, ok := parseOffset(s.rest[:n])
	s.rest, s.ok = s.rest[n:], s.ok && ok && zoned
	return ahead, zoned
}

// mailZone reads the zone of a mail's date up to the end of the text, with a
// comment behind it or not. It may be missing.
func (s *scan) mailZone() (ahead int64, zoned bool) {
	zone, comment := s.rest, []byte(nil)
	if i := bytes.IndexByte(zone, '('); i >= 0 {
		zone, comment = bytes.TrimRight(zone[:i], " \t"), zone[i:]
		s.ok = s.ok && comment[len(comment)-1] == ')'
	}
	s.rest = nil
	if hours, named := mailZones[string(zone)]; named {
		return hours * hour, true
	}
	ahead, zoned, ok := parseOffset(zone)
	s.ok = s.ok && ok
	return ahead, zoned
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }
