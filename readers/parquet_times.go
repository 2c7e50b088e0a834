package readers

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"ratemill/rating/calendar"
)

// Layouts of times as text: as long as they need to be, whatever the unit of
// the column. A wall time says no more than it knows.
const (
	instantText = time.RFC3339Nano
	wallText    = "2006-01-02T15:04:05.999999999"
	dayText     = time.DateOnly

	secondsOfDay = 24 * 60 * 60
)

// Years of four digits.
var (
	firstWritten = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	endWritten   = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

func (c *cells) takesText() bool { return c.kind == Text || c.kind == EventID }

// convertTimes sets cells to timestamps of the column's unit. Those of a page
// are mostly all in range, and on the wall all of one offset: the least and the
// greatest of them tell.
func (c *columnCursor) convertTimes(to *cells) {
	ints := c.raw.ints
	if to.kind != Instant || len(ints) == 0 {
		for i, v := range ints {
			c.setTime(to, i, v)
		}
		return
	}
	least, most := ints[0], ints[0]
	for _, v := range ints {
		least, most = min(least, v), max(most, v)
	}
	ahead, same := c.aheadOfUTC(least, most)
	if !same {
		for i, v := range ints {
			c.setTime(to, i, v)
		}
		return
	}
	switch unit := c.leaf.unit; {
	case unit == second:
	case unit < second:
		for i, v := range ints {
			ints[i] = v * (second / unit)
		}
	default:
		for i, v := range ints {
			ints[i] = floorDiv(v, unit/second)
		}
	}
	if ahead != 0 {
		for i := range ints {
			ints[i] -= ahead
		}
	}
	to.Ints, c.raw.ints = ints, to.Ints
}

// aheadOfUTC is what is taken off all times, in microseconds, from one to
// another, both of the column's unit. It is false where they are not all in
// range, or there is not one such number.
func (c *columnCursor) aheadOfUTC(least, most int64) (ahead int64, same bool) {
	from, ok1 := toMicros(least, c.leaf.unit)
	to, ok2 := toMicros(most, c.leaf.unit)
	if !ok1 || !ok2 || from < firstInstant+day || to >= endInstant-day {
		return 0, false
	}
	if c.leaf.meaning == onWall {
		if ahead = from - c.parser.wall(from); !c.parser.steady(from, to) {
			return 0, false
		}
	}
	return ahead, true
}

// setTime sets a cell to a timestamp of the column's unit, floored to
// microseconds.
func (c *columnCursor) setTime(to *cells, i int, v int64) {
	if to.takesText() {
		layout := instantText
		if c.leaf.meaning == onWall {
			layout = wallText
		}
		seconds := floorDiv(v, c.leaf.unit)
		c.setTimeText(to, i, seconds, (v-seconds*c.leaf.unit)*(1e9/c.leaf.unit), v, layout)
		return
	}
	t, ok := toMicros(v, c.leaf.unit)
	// A wall time a day beyond the ends cannot come back inside.
	if !ok || t < firstInstant-day || t >= endInstant+day {
		c.rejectTime(to, i, v)
		return
	}
	if c.leaf.meaning == onWall {
		t = c.parser.wall(t)
	}
	c.setInstant(to, i, t, v)
}

// setTimeText sets a cell to a time as text; written is for messages.
func (c *columnCursor) setTimeText(to *cells, i int, seconds, nanos, written int64, layout string) {
	if seconds < firstWritten || seconds >= endWritten {
		c.rejectTime(to, i, written)
		return
	}
	c.scratch = time.Unix(seconds, nanos).UTC().AppendFormat(c.scratch[:0], layout)
	to.setText(i, c.scratch, c.parser)
}

// toMicros is false where the result would not fit.
func toMicros(v, unit int64) (int64, bool) {
	if unit >= second {
		return floorDiv(v, unit/second), true
	}
	factor := second / unit
	if v > math.MaxInt64/factor || v < math.MinInt64/factor {
		return 0, false
	}
	return v * factor, true
}

// setInstant sets a cell of Kind Instant or Date; written is for messages.
func (c *columnCursor) setInstant(to *cells, i int, t, written int64) {
	v, why := inRange(t)
	if why == fine && to.kind == Date {
		v, why = dayInRange(c.parser.dayOf(t))
	}
	if why != fine {
		c.rejectTime(to, i, written)
		return
	}
	to.Ints[i] = v
}

// rejectTime writes a time out of range as the file has it, with its unit.
func (c *columnCursor) rejectTime(to *cells, i int, written int64) {
	text := strconv.AppendInt(c.scratch[:0], written, 10)
	switch {
	case c.leaf.meaning == signed || c.leaf.meaning == unsigned:
	case c.leaf.meaning == onDay:
		text = append(text, " days"...)
	case c.leaf.unit == 1:
		text = append(text, " s"...)
	case c.leaf.unit == 1e3:
		text = append(text, " ms"...)
	case c.leaf.unit == 1e6:
		text = append(text, " µs"...)
	default:
		text = append(text, " ns"...)
	}
	to.reject(i, badCell(text, NotATime))
}

// convertLegacy: INT96, 8 bytes of nanoseconds of the day and 4 of Julian day,
// which Spark and Impala wrote, as an instant in UTC.
func (c *columnCursor) convertLegacy(to *cells) {
	const julian1970 = 2440588
	for i := range to.n {
		v := c.raw.fixed[12*i:]
		nanos := int64(binary.LittleEndian.Uint64(v))
		days := int64(int32(binary.LittleEndian.Uint32(v[8:]))) - julian1970
		switch {
		case days < int64(firstDay) || days > int64(lastDay) || nanos < 0 || nanos >= day*1000:
			to.reject(i, badCell(fmt.Appendf(nil, "%d days %d ns", days, nanos), NotATime))
		case to.takesText():
			c.setTimeText(to, i, days*secondsOfDay, nanos, nanos, instantText)
		default:
			c.setInstant(to, i, days*day+nanos/1000, nanos)
		}
	}
}

func (c *columnCursor) convertDays(to *cells) {
	for i, v := range c.raw.ints {
		if to.takesText() {
			c.setTimeText(to, i, v*secondsOfDay, 0, v, dayText)
			continue
		}
		d, why := dayInRange(calendar.Day(v))
		if to.kind == Instant {
			d, why = inRange(v * day) // 32 bits of days fit
			if why == fine {
				d = c.parser.midnight(calendar.Day(v))
			}
		}
		if why != fine {
			c.rejectTime(to, i, v)
			continue
		}
		to.Ints[i] = d
	}
}
