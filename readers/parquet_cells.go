package readers

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strconv"

	"github.com/parquet-go/parquet-go/format"

	"ratemill/rating/calendar"
)

// plainDictionary is what writers of Parquet 1 call both the encoding of a
// dictionary, which is PLAIN, and that of indexes into it, RLE_DICTIONARY.
// (parquet-go's constant for it is marked deprecated; the files are there.)
const plainDictionary format.Encoding = 2

func isDictionary(e format.Encoding) bool {
	return e == format.RLEDictionary || e == plainDictionary
}

var boolText = [2][]byte{[]byte("false"), []byte("true")}

// convert gives the decoded values of a page or dictionary the meaning of
// their column, as cells of the field's Kind. Which pairs can come was
// settled when the file was opened, see readable.
func (c *columnCursor) convert(to *cells) {
	switch c.leaf.meaning {
	case text:
		for i, s := range c.raw.spans {
			to.setText(i, c.raw.bytes[s.from:s.to], c.parser)
		}
	case bytesOrText:
		c.convertBytes(to)
	case signed, unsigned:
		c.convertIntegers(to)
	case decimal:
		c.convertDecimals(to)
	case onInstant, onWall:
		for i, v := range c.raw.ints {
			c.setTime(to, i, v)
		}
	case legacyInstant:
		c.convertLegacy(to)
	case onDay:
		c.convertDays(to)
	case uuid, fixedBytes:
		c.convertFixed(to)
	case boolean:
		for i, v := range c.raw.bools {
			to.setText(i, boolText[v], c.parser)
		}
	}
}

// convertBytes: 16 bytes that nobody calls text are an id's 128 bits.
func (c *columnCursor) convertBytes(to *cells) {
	for i, s := range c.raw.spans {
		b := c.raw.bytes[s.from:s.to]
		if to.kind == EventID && len(b) == 16 {
			to.IDs[i] = [16]byte(b)
			continue
		}
		to.setText(i, b, c.parser)
	}
}

func (c *columnCursor) convertIntegers(to *cells) {
	isUnsigned := c.leaf.meaning == unsigned
	if isUnsigned && c.leaf.physical == format.Int32 {
		for i, v := range c.raw.ints {
			c.raw.ints[i] = int64(uint32(v))
		}
		isUnsigned = false
	}
	if to.kind == Integer && !isUnsigned {
		copy(to.Ints, c.raw.ints)
		return
	}
	for i, v := range c.raw.ints {
		switch {
		case to.kind == Integer && v >= 0:
			to.Ints[i] = v
			continue
		case isUnsigned:
			c.scratch = strconv.AppendUint(c.scratch[:0], uint64(v), 10)
		default:
			c.scratch = strconv.AppendInt(c.scratch[:0], v, 10)
		}
		to.setText(i, c.scratch, c.parser) // an Integer is Overflow by its text
	}
}

// convertDecimals takes whole numbers, and rejects the others as written.
func (c *columnCursor) convertDecimals(to *cells) {
	for i, v := range c.raw.ints {
		if v%c.leaf.unit == 0 {
			to.Ints[i] = v / c.leaf.unit
			continue
		}
		to.reject(i, badCell(appendDecimal(c.scratch[:0], v, c.leaf.unit), NotANumber))
	}
}

func appendDecimal(b []byte, v, unit int64) []byte {
	if v < 0 {
		b = append(b, '-')
	}
	whole, part := bits.Div64(0, magnitude(v), uint64(unit))
	b = strconv.AppendUint(b, whole, 10)
	b = append(b, '.')
	return append(b, strconv.FormatUint(part+uint64(unit), 10)[1:]...) // with its zeros in front
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

// setTime sets a cell to a timestamp of the column's unit, floored to
// microseconds.
func (c *columnCursor) setTime(to *cells, i int, v int64) {
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
		if days < int64(firstDay) || days > int64(lastDay) || nanos < 0 || nanos >= day*1000 {
			text := fmt.Sprintf("%d days %d ns", days, nanos)
			to.reject(i, badCell([]byte(text), NotATime))
			continue
		}
		c.setInstant(to, i, days*day+nanos/1000, nanos)
	}
}

func (c *columnCursor) convertDays(to *cells) {
	for i, v := range c.raw.ints {
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

func (c *columnCursor) convertFixed(to *cells) {
	width := c.leaf.width
	for i := range to.n {
		v := c.raw.fixed[i*width : (i+1)*width]
		switch {
		case to.kind == EventID && width == 16:
			to.IDs[i] = [16]byte(v)
		case to.kind == EventID: // text of a fixed length
			to.setText(i, v, c.parser)
		default:
			c.scratch = appendUUID(c.scratch[:0], v)
			to.setText(i, c.scratch, c.parser)
		}
	}
}
