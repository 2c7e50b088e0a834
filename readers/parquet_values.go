package readers

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"
)

// rawValues are the decoded values of a page or a dictionary, as the file has
// them, before they are given a meaning. Which slice is filled depends on the
// physical type; as many are there as were asked for, or decoding fails.
type rawValues struct {
	ints  []int64 // INT32, INT64; FLOAT and DOUBLE by their bits
	fixed []byte  // FIXED_LEN_BYTE_ARRAY, INT96: one value behind the other
	bools []byte  // BOOLEAN: a byte each
	spans []span  // BYTE_ARRAY: where in bytes
	bytes []byte

	words    []int32 // room to decode in
	suffixes []int32
	joined   []byte
}

// span is where a value of variable length lies.
type span struct{ from, to uint32 }

var (
	levelEncodings = func() (e [9]rle.Encoding) { // by bits
		for i := range e {
			e[i].BitWidth = i
		}
		return e
	}()
	indexEncoding rle.DictionaryEncoding
	deltaEncoding delta.BinaryPackedEncoding
	errCutShort   = errors.New("the page is cut short")
	errTooLong    = errors.New("the page goes on behind its last value")
)

// decode decodes n values. data may be overwritten.
func (v *rawValues) decode(l *leaf, encoding format.Encoding, n int, data []byte) error {
	switch encoding {
	case format.Plain:
		return v.decodePlain(l, n, data)
	case format.ByteStreamSplit:
		width := l.valueWidth()
		if width == 0 || len(data) != n*width {
			return fmt.Errorf("%d bytes for %d values of %d", len(data), n, width)
		}
		v.joined = joinStreams(v.joined, data, n, width)
		return v.decodePlain(l, n, v.joined)
	case format.DeltaBinaryPacked:
		return v.decodeDelta(l, n, data)
	case format.DeltaLengthByteArray:
		return v.decodeDeltaLength(l, n, data)
	case format.DeltaByteArray:
		return v.decodeDeltaStrings(l, n, data)
	case format.RLE:
		if l.physical == format.Boolean {
			return v.decodeRunsOfBools(n, data)
		}
	}
	return fmt.Errorf("%v values in encoding %v cannot be read", l.physical, encoding)
}

// valueWidth is the bytes of a plain value, 0 where they vary.
func (l *leaf) valueWidth() int {
	switch l.physical {
	case format.Int32, format.Float:
		return 4
	case format.Int64, format.Double:
		return 8
	case format.Int96:
		return 12
	case format.FixedLenByteArray:
		return l.width
	}
	return 0
}

// leastWidth is the fewest bytes of a dictionary that an entry takes.
func (l *leaf) leastWidth() int64 {
	if l.physical == format.ByteArray {
		return 4 // its length
	}
	return int64(max(1, l.valueWidth()))
}

func (v *rawValues) decodePlain(l *leaf, n int, data []byte) error {
	width := l.valueWidth()
	if width > 0 && len(data) != n*width {
		return fmt.Errorf("%d bytes for %d values of %d", len(data), n, width)
	}
	switch l.physical {
	case format.Int32, format.Float:
		v.ints = resized(v.ints, n)
		for i := range v.ints {
			v.ints[i] = int64(int32(binary.LittleEndian.Uint32(data)))
			data = data[4:]
		}
	case format.Int64, format.Double:
		v.ints = resized(v.ints, n)
		for i := range v.ints {
			v.ints[i] = int64(binary.LittleEndian.Uint64(data))
			data = data[8:]
		}
	case format.Int96, format.FixedLenByteArray:
		v.fixed = data
	case format.Boolean:
		if len(data) != (n+7)/8 {
			return fmt.Errorf("%d bytes for %d booleans", len(data), n)
		}
		v.bools = resized(v.bools, n)
		for i := range v.bools {
			v.bools[i] = data[i/8] >> (i % 8) & 1
		}
	case format.ByteArray:
		return v.decodePlainStrings(n, data)
	}
	return nil
}

func (v *rawValues) decodePlainStrings(n int, data []byte) error {
	v.spans, v.bytes = resized(v.spans, n), data
	at := 0
	for i := range v.spans {
		if len(data)-at < 4 {
			return errCutShort
		}
		size := binary.LittleEndian.Uint32(data[at:])
		at += 4
		if int64(size) > int64(len(data)-at) {
			return errCutShort
		}
		v.spans[i] = span{uint32(at), uint32(at) + size}
		at += int(size)
	}
	if at != len(data) {
		return errTooLong
	}
	return nil
}

func (v *rawValues) decodeDelta(l *leaf, n int, data []byte) (err error) {
	switch l.physical {
	case format.Int64:
		if err = wholeDelta(data, n, 64); err != nil {
			return err
		}
		v.ints, err = deltaEncoding.DecodeInt64(v.ints, data)
		return exactly(n, len(v.ints), err)
	case format.Int32:
		if err = wholeDelta(data, n, 32); err != nil {
			return err
		}
		if v.words, err = deltaEncoding.DecodeInt32(v.words, data); err != nil {
			return err
		}
		v.ints = resized(v.ints, len(v.words))
		for i, w := range v.words {
			v.ints[i] = int64(w)
		}
		return exactly(n, len(v.ints), nil)
	}
	return fmt.Errorf("%v values in encoding %v cannot be read", l.physical, format.DeltaBinaryPacked)
}

// decodeDeltaLength: all lengths, then all bytes.
func (v *rawValues) decodeDeltaLength(l *leaf, n int, data []byte) error {
	if l.physical != format.ByteArray {
		return fmt.Errorf("%v values in encoding %v cannot be read", l.physical, format.DeltaLengthByteArray)
	}
	var err error
	if v.words, data, err = decodeLengths(v.words, n, data); err != nil {
		return err
	}
	v.spans, v.bytes = resized(v.spans, n), data
	at := 0
	for i, size := range v.words {
		if size < 0 || int(size) > len(data)-at {
			return errCutShort
		}
		v.spans[i] = span{uint32(at), uint32(at + int(size))}
		at += int(size)
	}
	if at != len(data) {
		return errTooLong
	}
	return nil
}

// decodeDeltaStrings: what each value shares with the one before it, then the
// rests. A short page can stand for a very long one, so its size is checked.
func (v *rawValues) decodeDeltaStrings(l *leaf, n int, data []byte) error {
	if l.physical != format.ByteArray && l.physical != format.FixedLenByteArray {
		return fmt.Errorf("%v values in encoding %v cannot be read", l.physical, format.DeltaByteArray)
	}
	var err error
	if v.words, data, err = decodeLengths(v.words, n, data); err != nil {
		return err
	}
	if v.suffixes, data, err = decodeLengths(v.suffixes, n, data); err != nil {
		return err
	}
	v.spans, v.joined = resized(v.spans, n), v.joined[:0]
	var last span
	for i, shared := range v.words {
		rest := v.suffixes[i]
		if shared < 0 || uint32(shared) > last.to-last.from || rest < 0 || int(rest) > len(data) {
			return errCutShort
		}
		if len(v.joined)+int(shared)+int(rest) > maxPage {
			return fmt.Errorf("page is over the limit of %d bytes when decoded", maxPage)
		}
		from := uint32(len(v.joined))
		v.joined = append(v.joined, v.joined[last.from:last.from+uint32(shared)]...)
		v.joined = append(v.joined, data[:rest]...)
		data = data[rest:]
		last = span{from, uint32(len(v.joined))}
		v.spans[i] = last
		if l.physical == format.FixedLenByteArray && int(last.to-last.from) != l.width {
			return fmt.Errorf("value of %d bytes in a column of %d", last.to-last.from, l.width)
		}
	}
	if len(data) > 0 {
		return errTooLong
	}
	v.bytes, v.fixed = v.joined, v.joined
	return nil
}

// decodeLengths decodes n lengths in front of data and gives what follows.
func decodeLengths(to []int32, n int, data []byte) (lengths []int32, rest []byte, err error) {
	end, err := deltaEnd(data, n, 32)
	if err != nil {
		return to, nil, err
	}
	lengths, err = deltaEncoding.DecodeInt32(to, data[:end:end])
	return lengths, data[end:], exactly(n, len(lengths), err)
}

func (v *rawValues) decodeRunsOfBools(n int, data []byte) error {
	if len(data) < 4 || int64(binary.LittleEndian.Uint32(data)) != int64(len(data)-4) {
		return errCutShort
	}
	runs, err := checkRuns(data[4:], 1, n)
	if err != nil {
		return err
	}
	v.bools, err = levelEncodings[1].DecodeLevels(v.bools, runs)
	if err != nil {
		return err
	}
	v.bools = v.bools[:n]
	return nil
}

// decodeIndexes decodes n dictionary indexes.
func decodeIndexes(to []int32, n int, data []byte) ([]int32, error) {
	if n == 0 {
		return to[:0], nil
	}
	if len(data) == 0 {
		return to, errCutShort
	}
	if data[0] == 0 { // of no bits: all are entry 0, and some writers leave the runs out
		to = resized(to, n)
		clear(to)
		return to, nil
	}
	if data[0] > 32 {
		return to, fmt.Errorf("dictionary indexes of %d bits", data[0])
	}
	runs, err := checkRuns(data[1:], uint64(data[0]), n)
	if err != nil {
		return to, err
	}
	// Without spare room behind the runs the decoder cannot read beyond them.
	if to, err = indexEncoding.DecodeInt32(to, data[:1+len(runs):1+len(runs)]); err != nil {
		return to, err
	}
	return to[:n], nil
}

// checkRuns walks runs of repeated and of bit-packed values and makes sure
// that they are n, and that nothing comes after. The decoder itself takes what
// it finds. The last bit-packed run may be padded with anything: DuckDB's runs
// hold 256 values, the last one what the one before left behind. That no row is
// lost this way is for the page header's count and the footer's to say.
func checkRuns(data []byte, bits uint64, n int) ([]byte, error) {
	at, got := uint64(0), uint64(0)
	for got < uint64(n) {
		head, size := binary.Uvarint(data[at:])
		if size <= 0 {
			return nil, errCutShort
		}
		at += uint64(size)
		count, bytes := head>>1, (bits+7)/8
		if head&1 == 1 {
			if count > uint64(len(data)) {
				return nil, errCutShort
			}
			count, bytes = count*8, count*bits
		}
		if bytes > uint64(len(data))-at {
			return nil, errCutShort
		}
		if head&1 == 0 && got+count > uint64(n) {
			return nil, errTooLong
		}
		at += bytes
		got += count
	}
	if at != uint64(len(data)) {
		return nil, errTooLong
	}
	return data, nil
}

// wholeDelta makes sure that data are n delta-encoded values and nothing else.
func wholeDelta(data []byte, n int, bits int) error {
	end, err := deltaEnd(data, n, bits)
	if err == nil && end != len(data) {
		return errTooLong
	}
	return err
}

// deltaEnd walks n delta-encoded values of at most so many bits and is where
// they end. The decoder itself takes zeros for values that are cut off.
func deltaEnd(data []byte, n, bits int) (int, error) {
	at := 0
	uvarint := func() uint64 {
		v, size := binary.Uvarint(data[at:])
		if size <= 0 {
			at = len(data) + 1 // seen by the check of at below
			return 0
		}
		at += size
		return v
	}
	next := func() (uint64, bool) {
		if at > len(data) {
			return 0, false
		}
		v := uvarint()
		return v, at <= len(data)
	}
	block, ok1 := next()
	minis, ok2 := next()
	total, ok3 := next()
	_, ok4 := next() // the first value
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return 0, errCutShort
	}
	if total != uint64(n) || block == 0 || block > 1<<16 || minis == 0 || minis > block || block%minis != 0 || block/minis%32 != 0 {
		return 0, fmt.Errorf("%d delta-encoded values where %d are due", total, n)
	}
	perMini := int(block / minis)
	for left := n - 1; left > 0; {
		if _, ok := next(); !ok || int(minis) > len(data)-at { // the least delta
			return 0, errCutShort
		}
		widths := data[at : at+int(minis)]
		at += int(minis)
		for _, width := range widths {
			if left <= 0 {
				break
			}
			if int(width) > bits {
				return 0, fmt.Errorf("delta of %d bits", width)
			}
			if at += perMini * int(width) / 8; at > len(data) {
				return 0, errCutShort
			}
			left -= perMini
		}
	}
	return at, nil
}

// joinStreams puts values together whose first bytes, second bytes and so on
// lie apart.
func joinStreams(to, streams []byte, n, width int) []byte {
	to = resized(to, n*width)
	for b := range width {
		for i, x := range streams[b*n : (b+1)*n] {
			to[i*width+b] = x
		}
	}
	return to
}

func exactly(want, got int, err error) error {
	if err == nil && got != want {
		return fmt.Errorf("%d values where %d are due", got, want)
	}
	return err
}
