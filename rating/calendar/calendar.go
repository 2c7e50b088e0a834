// Package calendar counts in whole days, as billing does.
//
// A Day is a calendar day of the catalog's time zone (rule G-1). It has no
// hours and no zone of its own: the zone is applied once, where an instant of
// an export becomes a Day (Zone), so that nothing behind it can disagree on
// which day a message was sent.
package calendar

import (
	"fmt"
	"time"
)

// Day is a calendar day, counted from 1970-01-01 (day 0) in the proleptic
// Gregorian calendar. The zero Day is 1970-01-01, which no account can have:
// the core uses it for "none".
type Day int32

// None is the Day that stands for an absent date.
const None Day = 0

// Date is the Day of a year, a month and a day of the month.
func Date(year int, month time.Month, day int) Day {
	return Day(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// Parse reads YYYY-MM-DD, and nothing else.
func Parse(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return None, fmt.Errorf("%q is not a date (want YYYY-MM-DD)", text)
	}
	d := Day(floorDiv(t.Unix(), 86400))
	if d == None {
		return None, fmt.Errorf("%q is not a billing date", text)
	}
	return d, nil
}

// Civil is the year, month and day of the month.
func (d Day) Civil() (year int, month time.Month, day int) {
	return d.utc().Date()
}

// String is YYYY-MM-DD, or the empty string for None.
func (d Day) String() string {
	if d == None {
		return ""
	}
	return d.utc().Format(time.DateOnly)
}

// Append appends String to a text.
func (d Day) Append(text []byte) []byte {
	if d == None {
		return text
	}
	return d.utc().AppendFormat(text, time.DateOnly)
}

func (d Day) utc() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// AddMonths is the day n months after d's month, on the anchor's day of the
// month, or on the month's last day where the month is shorter: 31 January,
// 28 February, 31 March (rule MK-1). The anchor is 1 to 31.
func (d Day) AddMonths(n, anchor int) Day {
	year, month, _ := d.Civil()
	first := Date(year, month+time.Month(n), 1)
	y, m, _ := first.Civil()
	last := Date(y, m+1, 1) - 1
	return min(first+Day(anchor)-1, last)
}

// Zone turns instants into days of one time zone. It is made once a run and
// used by many workers at once.
type Zone struct{ loc *time.Location }

// LoadZone is the zone of an IANA name such as America/Los_Angeles.
func LoadZone(name string) (Zone, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return Zone{}, fmt.Errorf("%q is not a time zone (want an IANA name such as America/Los_Angeles)", name)
	}
	return Zone{loc}, nil
}

// Location is the zone as the time package knows it.
func (z Zone) Location() *time.Location {
	if z.loc == nil {
		return time.UTC
	}
	return z.loc
}

// Midnight is the instant at which d begins, in microseconds since
// 1970-01-01T00:00:00Z: the first that is on d. Days of a DST change are 23 or
// 25 hours long. Where the zone skips midnight itself, the day begins later;
// where midnight comes twice, with the first of them (time.Date picks either).
func (z Zone) Midnight(d Day) int64 {
	const around = 26 * time.Hour // past every offset, so that a change at d lies between
	utc := d.utc()
	_, before := utc.Add(-around).In(z.Location()).Zone()
	_, after := utc.Add(around).In(z.Location()).Zone()
	first := utc.Add(-time.Duration(max(before, after)) * time.Second).UnixMicro()
	if z.DayOf(first) >= d {
		return first
	}
	return utc.Add(-time.Duration(min(before, after)) * time.Second).UnixMicro()
}

// DayOf is the calendar day, in the zone, of an instant in microseconds since
// 1970-01-01T00:00:00Z.
func (z Zone) DayOf(micros int64) Day {
	y, m, d := time.UnixMicro(micros).In(z.Location()).Date()
	return Date(y, m, d)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
