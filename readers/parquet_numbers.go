package readers

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"

	"github.com/parquet-go/parquet-go/format"
)

// tens are the powers of ten that fit.
var tens = func() (t [19]int64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = 10 * t[i-1]
	}
	return t
}()

func (c *columnCursor) convertIntegers(to *cells) {
	isUnsigned := c.leaf.meaning == unsigned
	if isUnsigned && c.leaf.physical == format.Int32 {
		for i, v := range c.raw.ints {
			c.raw.ints[i] = int64(uint32(v))
		}
		isUnsigned = false
	}
	unit := epochUnits[to.field.Time]
	switch {
	case to.kind == Integer:
		c.scaleIntegers(to, isUnsigned)
	case unit > 0 && (to.kind == Instant || to.kind == Date):
		c.convertEpochs(to, unit, isUnsigned)
	default:
		for i, v := range c.raw.ints {
			c.scratch = appendInteger(c.scratch[:0], v, isUnsigned)
			to.setText(i, c.scratch, c.parser)
		}
	}
}

func appendInteger(b []byte, v int64, isUnsigned bool) []byte {
	if isUnsigned {
		return strconv.AppendUint(b, uint64(v), 10)
	}
	return strconv.AppendInt(b, v, 10)
}

func (c *columnCursor) scaleIntegers(to *cells, isUnsigned bool) {
	if to.field.Scale == 0 && !isUnsigned {
		to.Ints, c.raw.ints = c.raw.ints, to.Ints
		return
	}
	unit := tens[to.field.Scale]
	most := math.MaxInt64 / unit // and down to its opposite: only where the unit is 1 is there one more
	for i, v := range c.raw.ints {
		if isUnsigned && v < 0 || v > most || v < -most {
			to.reject(i, badCell(appendInteger(c.scratch[:0], v, isUnsigned), Overflow))
			continue
		}
		to.Ints[i] = v * unit
	}
}

// epochUnits is how many of a number are a second.
var epochUnits = map[TimeForm]int64{EpochS: 1, EpochMs: 1e3, EpochUs: 1e6, EpochNs: 1e9}

func (c *columnCursor) convertEpochs(to *cells, unit int64, isUnsigned bool) {
	for i, v := range c.raw.ints {
		t, ok := toMicros(v, unit)
		if !ok || isUnsigned && v < 0 {
			to.reject(i, badCell(appendInteger(c.scratch[:0], v, isUnsigned), NotATime))
			continue
		}
		c.setInstant(to, i, t, v)
	}
}

// convertFloats takes a number for what its shortest text says, which is what
// its writer meant by it: 0.1 and not 0.1000000000000000055. Whole numbers
// below the limit have no other text than their own.
func (c *columnCursor) convertFloats(to *cells) {
	size, limit := 64, float64(1<<53)
	if c.leaf.physical == format.Float {
		size, limit = 32, 1<<24
	}
	for i, b := range c.raw.ints {
		v := math.Float64frombits(uint64(b))
		if size == 32 {
			v = float64(math.Float32frombits(uint32(b)))
		}
		if to.kind == Integer && v > -limit && v < limit && v == math.Trunc(v) {
			c.setDecimal(to, i, int64(v), 0)
			continue
		}
		c.scratch = strconv.AppendFloat(c.scratch[:0], v, 'f', -1, size)
		if to.kind == Integer && (math.IsNaN(v) || math.IsInf(v, 0)) {
			to.reject(i, badCell(c.scratch, NotANumber))
			continue
		}
		to.setText(i, c.scratch, c.parser)
	}
}

// maxDecimal is the most bytes of a decimal that are read.
const maxDecimal = 32

func (c *columnCursor) convertDecimals(to *cells) {
	switch c.leaf.physical {
	case format.ByteArray:
		for i, s := range c.raw.spans {
			c.setWide(to, i, c.raw.bytes[s.from:s.to])
		}
	case format.FixedLenByteArray:
		width := c.leaf.width
		for i := range to.n {
			c.setWide(to, i, c.raw.fixed[i*width:(i+1)*width])
		}
	default:
		for i, v := range c.raw.ints {
			c.setDecimal(to, i, v, c.leaf.scale)
		}
	}
}

// setDecimal sets a cell to v * 10^-scale.
func (c *columnCursor) setDecimal(to *cells, i int, v int64, scale int) {
	if to.kind == Integer {
		n, why := rescaled(v, to.field.Scale-scale)
		if why == fine {
			to.Ints[i] = n
			return
		}
		to.reject(i, badCell(appendDecimal(c.scratch[:0], v, scale), why))
		return
	}
	c.scratch = appendDecimal(c.scratch[:0], v, scale)
	to.setText(i, c.scratch, c.parser)
}

// rescaled is v * 10^by.
func rescaled(v int64, by int) (int64, Reason) {
	switch {
	case v == 0:
		return 0, fine
	case by > 18:
		return 0, Overflow
	case by >= 0:
		if most := math.MaxInt64 / tens[by]; v > most || v < -most && by > 0 {
			return 0, Overflow
		}
		return v * tens[by], fine
	case by < -18 || v%tens[-by] != 0:
		return 0, NotANumber
	}
	return v / tens[-by], fine
}

// wideNumber is room for numbers of more than 64 bits.
type wideNumber struct{ v, unit, rest, minus big.Int }

// setWide sets a cell to a decimal of the column's scale: big-endian, two's
// complement.
func (c *columnCursor) setWide(to *cells, i int, b []byte) {
	if len(b) == 0 {
		to.reject(i, BadCell{Reason: NotANumber})
		return
	}
	for len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
		b = b[1:]
	}
	if len(b) > maxDecimal {
		to.reject(i, badCell(fmt.Appendf(nil, "a number of %d bytes", len(b)), Overflow))
		return
	}
	if len(b) <= 8 {
		v := int64(int8(b[0])) >> 7 // all ones below zero
		for _, digit := range b {
			v = v<<8 | int64(digit)
		}
		c.setDecimal(to, i, v, c.leaf.scale)
		return
	}
	w := &c.wide
	w.v.SetBytes(b)
	if b[0] >= 0x80 {
		w.minus.Lsh(w.unit.SetInt64(1), uint(8*len(b)))
		w.v.Sub(&w.v, &w.minus)
	}
	c.setBig(to, i)
}

// setBig sets a cell to c.wide.v, which is beyond 64 bits before it is scaled.
func (c *columnCursor) setBig(to *cells, i int) {
	w := &c.wide
	c.scratch = appendBig(c.scratch[:0], &w.v, c.leaf.scale)
	if to.kind != Integer {
		to.setText(i, c.scratch, c.parser)
		return
	}
	if by := c.leaf.scale - to.field.Scale; by > 0 {
		w.unit.Exp(w.unit.SetInt64(10), w.minus.SetInt64(int64(by)), nil)
		w.v.QuoRem(&w.v, &w.unit, &w.rest)
		if w.rest.Sign() != 0 {
			to.reject(i, badCell(c.scratch, NotANumber))
			return
		}
	}
	if !w.v.IsInt64() {
		to.reject(i, badCell(c.scratch, Overflow))
		return
	}
	to.Ints[i] = w.v.Int64()
}

// appendDecimal appends v * 10^-scale with all of its decimals.
func appendDecimal(b []byte, v int64, scale int) []byte {
	var room [20]byte
	return appendPoint(b, strconv.AppendInt(room[:0], v, 10), scale)
}

func appendBig(b []byte, v *big.Int, scale int) []byte {
	var room [80]byte
	return appendPoint(b, v.Append(room[:0], 10), scale)
}

// appendPoint appends a whole number with a point before its last digits.
func appendPoint(b, whole []byte, scale int) []byte {
	if whole[0] == '-' {
		b, whole = append(b, '-'), whole[1:]
	}
	if scale == 0 {
		return append(b, whole...)
	}
	if len(whole) <= scale {
		b = append(b, "0."...)
		for range scale - len(whole) {
			b = append(b, '0')
		}
		return append(b, whole...)
	}
	at := len(whole) - scale
	return append(append(append(b, whole[:at]...), '.'), whole[at:]...)
}

// appendReversed appends little-endian words as big-endian bytes.
func appendReversed(b []byte, words ...uint64) []byte {
	for i := range words {
		b = binary.BigEndian.AppendUint64(b, words[len(words)-1-i])
	}
	return b
}
