package readers

import (
	"math"
	"time"

	"ratemill/rating/calendar"
)

const (
	second = 1_000_000 // in microseconds, as all times here
	hour   = 3600 * second
	day    = 24 * hour
)

// Times outside the years 1900 to 9999 are typing errors or sentinels.
var (
	firstDay     = calendar.Date(1900, 1, 1)
	lastDay      = calendar.Date(9999, 12, 31)
	firstInstant = int64(firstDay) * day
	endInstant   = (int64(lastDay) + 1) * day
)

// clock turns wall times, instants and days of one zone into each other. It
// remembers the period between two changes of the zone's offset that it used
// last, as neighbouring rows are close in time. For one goroutine.
type clock struct {
	zone     calendar.Zone
	from, to int64 // instants; offset is the zone's from the one until before the other
	offset   int64 // what wall time is ahead of UTC

	lastMidnightOf calendar.Day
	lastMidnight   int64
}

func newClock(zone calendar.Zone) clock {
	return clock{zone: zone, lastMidnight: zone.Midnight(0)}
}

// dayOf is the zone's day of an instant.
func (c *clock) dayOf(instant int64) calendar.Day {
	if instant < c.from || instant >= c.to {
		c.turnTo(instant)
	}
	return calendar.Day(floorDiv(instant+c.offset, day))
}

// midnight is the instant at which a day begins.
func (c *clock) midnight(d calendar.Day) int64 {
	if d != c.lastMidnightOf {
		c.lastMidnightOf, c.lastMidnight = d, c.zone.Midnight(d)
	}
	return c.lastMidnight
}

// wall is the instant at which the zone's clocks show a wall time, given as
// microseconds since 1970-01-01 00:00 on the wall. Where clocks show it twice
// it is the first time; where they skip it, it is as long after the change as
// the wall time is after what clocks showed before it. (time.Date promises
// neither, and an amount may hang on it.)
func (c *clock) wall(w int64) int64 {
	// More than a day away from both changes nothing is twice or skipped.
	if u := w - c.offset; u-day >= c.from && u+day < c.to {
		return u
	}
	before, after := c.offsetAt(w-16*hour), c.offsetAt(w+16*hour)
	u := w - before
	if before == after {
		c.turnTo(u)
		return u
	}
	if v := w - after; c.offsetAt(u) != before && c.offsetAt(v) == after {
		return v
	}
	return u
}

// steady tells whether wall turns all wall times from one to another by the
// offset that it used last.
func (c *clock) steady(from, to int64) bool {
	return from-c.offset-day >= c.from && to-c.offset+day < c.to
}

func (c *clock) offsetAt(instant int64) int64 {
	_, seconds := time.UnixMicro(instant).In(c.zone.Location()).Zone()
	return int64(seconds) * second
}

// turnTo makes the period that holds an instant the remembered one.
func (c *clock) turnTo(instant int64) {
	c.offset = c.offsetAt(instant)
	from, to := time.UnixMicro(instant).In(c.zone.Location()).ZoneBounds()
	c.from, c.to = math.MinInt64/2, math.MaxInt64/2
	if !from.IsZero() {
		c.from = from.UnixMicro()
	}
	if !to.IsZero() {
		c.to = to.UnixMicro()
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
