package readers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"runtime"

	"github.com/parquet-go/parquet-go/format"
)

// Pages are decoded here, and not by parquet-go's page API, for what it lets
// pass (0.32). Where a page holds fewer values than its header claims, that API
// gives whatever its buffer holds behind them, or dictionary entry 0, without
// an error; both would be billed. It also makes room for any size that is claimed, and reads all row
// groups with the codec of the first. The decoders of the encodings, which
// take the time, are parquet-go's.

// page is one data page, decompressed.
type page struct {
	rows     int
	entries  int    // values and nulls: as many as rows, but for a repeated column
	levels   []byte // per entry, 1 where there is a value; nil where all have one
	present  int    // entries with a value
	encoding format.Encoding
	values   []byte // encoded; not where only elements are counted

	// Of lists, and where only elements are counted, levels as they are; nil
	// where a column can have no others than 0.
	repetitions, definitions []byte
}

// pageHeader is what of a page's header is needed.
type pageHeader struct {
	typ              format.PageType
	plain, packed    int64 // size of the body, uncompressed and as it lies in the file
	crc              uint32
	checked          bool // there is a crc
	values           int64
	encoding         format.Encoding
	levelEncoding    format.Encoding
	nestingEncoding  format.Encoding
	nulls, rows      int64 // data page v2
	levels, nestings int64 // data page v2: bytes of the definition and of the repetition levels
	asIs             bool  // data page v2: not compressed
}

// pageReader reads the pages of one column chunk in turn. The page that it
// returned last, and its dictionary, are overwritten by the next.
type pageReader struct {
	pageRoom
	in       window
	left     int64 // bytes of the chunk
	rows     int64 // rows of the row group still to come
	values   int64 // the same of the chunk's values, with nulls
	column   *leaf
	codec    format.CompressionCodec
	unpacker *unpacker
	body     []byte // of the current page, in the window
	current  page
}

func newPageReader(s *section, c chunk, column *leaf, rows int64, u *unpacker, room pageRoom) *pageReader {
	room.window = room.window[:0]
	return &pageReader{
		pageRoom: room, in: window{from: s.reader(c.stretch()), left: c.size},
		left: c.size, rows: rows, values: c.values, column: column, codec: c.codec, unpacker: u,
	}
}

// next is the next data page. A dictionary page before it goes to dictionary,
// with the number of its entries. At the chunk's end it is io.EOF, but only if
// the chunk had as many rows as its row group.
func (r *pageReader) next(dictionary func(entries int, plain []byte) error) (*page, error) {
	for {
		if r.left == 0 && r.rows == 0 && r.values == 0 {
			return nil, io.EOF
		}
		if r.left == 0 {
			return nil, fmt.Errorf("ends %d rows before its row group, and %d values before what it claims", r.rows, r.values)
		}
		h, err := r.header()
		if err != nil {
			return nil, err
		}
		if err := r.readBody(&h); err != nil {
			return nil, err
		}
		switch h.typ {
		case format.DictionaryPage:
			if err := r.readDictionary(&h, dictionary); err != nil {
				return nil, err
			}
		case format.DataPage:
			return &r.current, r.dataPageV1(&h)
		case format.DataPageV2:
			return &r.current, r.dataPageV2(&h)
		default:
			return nil, fmt.Errorf("page of unknown type %d", h.typ)
		}
	}
}

// header reads and checks a page's header. How long it is, only reading tells.
func (r *pageReader) header() (pageHeader, error) {
	for most := int64(512); ; most *= 8 {
		most = min(most, r.left, readSize)
		b, err := r.peek(int(most))
		if err != nil {
			return pageHeader{}, fmt.Errorf("page header: %w", noEOF(err))
		}
		c := compact{b: b}
		h := parsePageHeader(&c)
		if errors.Is(c.err, errThriftShort) && most < min(r.left, readSize) {
			continue
		}
		if c.err != nil {
			return h, fmt.Errorf("page header: %w", c.err)
		}
		r.in.at += c.at
		r.left -= int64(c.at)
		return h, r.check(&h)
	}
}

// check refuses what a header cannot mean, before anything is allocated for it.
func (r *pageReader) check(h *pageHeader) error {
	data, flat := h.typ != format.DictionaryPage, r.column.repeated() == 0
	switch {
	case h.plain < 0 || h.plain > maxPage || h.packed < 0 || h.packed > maxPage:
		return fmt.Errorf("page of %d bytes, %d compressed, is over the limit of %d", h.plain, h.packed, maxPage)
	case h.packed > r.left:
		return fmt.Errorf("page of %d bytes where its column has %d left", h.packed, r.left)
	case data && !flat && (h.values < 0 || h.values > r.values):
		return fmt.Errorf("page of %d values where its column has %d left", h.values, r.values)
	case h.values < 0 || data && flat && h.values > r.rows:
		return fmt.Errorf("page of %d rows where its row group has %d left", h.values, r.rows)
	case data && h.values > maxPageRows:
		return fmt.Errorf("page of %d rows is over the limit of %d", h.values, maxPageRows)
	case h.plain > mostUnpacked(r.codec, h.packed):
		return fmt.Errorf("page claims %d bytes, which %d of %v cannot stand for", h.plain, h.packed, r.codec)
	case !data && h.values > h.plain/r.column.leastWidth():
		return fmt.Errorf("dictionary of %d entries in %d bytes", h.values, h.plain)
	case h.typ == format.DataPageV2 && (h.rows < 0 || h.rows > h.values || flat && h.rows != h.values || h.nulls < 0 || h.nulls > h.values):
		return fmt.Errorf("page of %d rows with %d values and %d nulls", h.rows, h.values, h.nulls)
	case h.levels < 0 || h.nestings < 0 || h.levels > h.packed || h.nestings > h.packed-h.levels ||
		h.levels+h.nestings > h.plain:
		return fmt.Errorf("page of %d bytes with %d bytes of levels", h.packed, h.levels+h.nestings)
	}
	return nil
}

// window is a range that is read in order.
type window struct {
	from io.Reader
	left int64 // bytes of the range that are not read yet
	at   int   // in what was read, where the reader stands
}

// Pages are read one by one if they are large, so that what was read need not
// be moved to make room for the rest of a page, and else as many as fit.
const (
	largePage  = readSize / 4
	firstBytes = readSize / 16 // in which the first page is most often a dictionary, or the header of a large one
	nextHeader = 1 << 10       // bytes behind a large page that are read with it
)

// peek is the next n bytes of the chunk, which has them. They are overwritten
// by those behind them.
func (r *pageReader) peek(n int) ([]byte, error) {
	w := &r.in
	if have := len(r.window) - w.at; have < n {
		more := int64(readSize)
		if n >= largePage {
			more = int64(n + nextHeader)
		} else if len(r.window) == 0 && w.left > readSize {
			more = firstBytes
		}
		more = min(max(more, int64(n))-int64(have), w.left)
		if w.at+have+int(more) > cap(r.window) {
			r.moveWindow(have + int(more))
		}
		end := w.at + have
		r.window = r.window[:end+int(more)]
		got, err := io.ReadFull(w.from, r.window[end:])
		w.left -= int64(got)
		if r.window = r.window[:end+got]; err != nil {
			return nil, err
		}
	}
	return r.window[w.at : w.at+n : w.at+n], nil
}

// moveWindow makes what is still to be read of the window the beginning of one
// of at least so many bytes.
func (r *pageReader) moveWindow(size int) {
	rest := r.window[r.in.at:]
	if size > cap(r.window) {
		r.window = make([]byte, 0, max(size, int(min(readSize, r.in.left+int64(len(rest))))))
	}
	r.window, r.in.at = append(r.window[:0], rest...), 0
}

// readDictionary hands a dictionary on. One of a million texts takes several
// times its size while it is made: that many workers do not do it at once, and
// the room for it is given up, since the pages behind it are small.
func (r *pageReader) readDictionary(h *pageHeader, dictionary func(entries int, plain []byte) error) error {
	if h.encoding != format.Plain && h.encoding != plainDictionary {
		return fmt.Errorf("dictionary in encoding %v", h.encoding)
	}
	if h.plain > mostKept {
		largeDictionaries <- struct{}{}
		defer func() { <-largeDictionaries }()
	}
	plain, err := r.unpack(r.body, h.plain)
	if err != nil {
		return err
	}
	if r.codec != format.Uncompressed { // else it lies in the window
		r.leaveLargeWindow()
	}
	err = dictionary(int(h.values), plain)
	if r.leaveLargeWindow(); cap(r.plain) > mostKept {
		r.plain = nil
	}
	return err
}

// largeDictionaries are the dictionaries of more than mostKept bytes that are
// made at once.
var largeDictionaries = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))

// leaveLargeWindow gives up a window that was made for a large dictionary.
func (r *pageReader) leaveLargeWindow() {
	if cap(r.window) > mostKept {
		rest := r.window[r.in.at:]
		r.window, r.in.at = append(make([]byte, 0, max(len(rest), readSize)), rest...), 0
	}
}

// readBody reads a page as it lies in the file.
func (r *pageReader) readBody(h *pageHeader) error {
	body, err := r.peek(int(h.packed))
	if err != nil {
		return fmt.Errorf("reading a page: %w", noEOF(err))
	}
	r.body = body
	r.in.at += len(body)
	r.left -= h.packed
	if sum := crc32.ChecksumIEEE(r.body); h.checked && sum != h.crc {
		return fmt.Errorf("page has the checksum %08x, not %08x as written: it is corrupt", sum, h.crc)
	}
	return nil
}

// dataPageV1: one compressed block of levels, with their length, and values.
func (r *pageReader) dataPageV1(h *pageHeader) error {
	data, err := r.unpack(r.body, h.plain)
	if err != nil {
		return err
	}
	var nestings, levels []byte
	if r.column.repeated() > 0 && h.values > 0 {
		if nestings, data, err = cutLevels(data, h.nestingEncoding); err != nil {
			return fmt.Errorf("repetition levels %w", err)
		}
	}
	if r.column.defined > 0 && h.values > 0 {
		if levels, data, err = cutLevels(data, h.levelEncoding); err != nil {
			return fmt.Errorf("definition levels %w", err)
		}
	}
	r.current.values = data
	return r.readLevels(h, nestings, levels)
}

// cutLevels cuts levels off that stand behind their length.
func cutLevels(data []byte, encoding format.Encoding) (encoded, rest []byte, err error) {
	if encoding != format.RLE {
		return nil, nil, fmt.Errorf("in encoding %v", encoding)
	}
	if len(data) < 4 || int64(binary.LittleEndian.Uint32(data)) > int64(len(data)-4) {
		return nil, nil, errors.New("are cut short")
	}
	end := 4 + int(binary.LittleEndian.Uint32(data))
	return data[4:end], data[end:], nil
}

// dataPageV2: levels, never compressed, of lengths that the header tells, and
// a block of values.
func (r *pageReader) dataPageV2(h *pageHeader) error {
	nestings, levels, data := r.body[:h.nestings], r.body[h.nestings:h.nestings+h.levels], r.body[h.nestings+h.levels:]
	if err := r.readLevels(h, nestings, levels); err != nil {
		return err
	}
	p := &r.current
	// Writers disagree on whether an empty list is a null.
	if nulls := h.values - int64(p.present); nulls != h.nulls && r.column.repeated() == 0 {
		return fmt.Errorf("page has %d nulls, not %d as it claims", nulls, h.nulls)
	}
	if int64(p.rows) != h.rows {
		return fmt.Errorf("page has %d rows, not %d as it claims", p.rows, h.rows)
	}
	size := h.plain - h.levels - h.nestings
	if h.asIs && int64(len(data)) != size {
		return fmt.Errorf("page of %d bytes claims %d", len(data), size)
	}
	if !h.asIs && !r.column.countOnly {
		var err error
		if data, err = r.unpack(data, size); err != nil {
			return err
		}
	}
	p.values = data
	return nil
}

// readLevels sets the current page but for its values. Some writers give
// levels to columns that need none.
func (r *pageReader) readLevels(h *pageHeader, nestings, levels []byte) (err error) {
	n, column := int(h.values), r.column
	p := page{rows: n, entries: n, present: n, encoding: h.encoding, values: r.current.values}
	if column.repeated() > 0 && n > 0 {
		if r.nestings, err = decodeLevels(r.nestings, n, column.repeated(), nestings); err != nil {
			return fmt.Errorf("repetition levels: %w", err)
		}
		p.repetitions, p.rows = r.nestings, bytes.Count(r.nestings, []byte{0})
	}
	if column.defined > 0 && n > 0 {
		if r.levels, err = decodeLevels(r.levels, n, column.defined, levels); err != nil {
			return fmt.Errorf("definition levels: %w", err)
		}
		p.present = bytes.Count(r.levels, []byte{column.defined})
		if p.definitions = r.levels; !column.byLevels() {
			p.levels = valuePresence(r.levels, column.defined)
		}
	}
	if p.present == n {
		p.levels = nil
	}
	if int64(p.rows) > r.rows {
		return fmt.Errorf("page of %d rows where its row group has %d left", p.rows, r.rows)
	}
	r.current = p
	r.rows -= int64(p.rows)
	r.values -= h.values
	return nil
}

// valuePresence makes 1 of the level of a value and 0 of the others, in place.
func valuePresence(levels []byte, defined uint8) []byte {
	if defined == 1 {
		return levels
	}
	for i, level := range levels {
		if levels[i] = 0; level == defined {
			levels[i] = 1
		}
	}
	return levels
}

// decodeLevels decodes n levels, of which none may be higher than highest.
func decodeLevels(to []byte, n int, highest uint8, encoded []byte) ([]byte, error) {
	width := bits.Len8(highest)
	encoded, err := checkRuns(encoded, uint64(width), n)
	if err != nil {
		return to, err
	}
	if to, err = levelEncodings[width].DecodeLevels(to, encoded); err != nil {
		return to, err
	}
	to = to[:n]
	for level := range highest + 1 {
		n -= bytes.Count(to, []byte{level})
	}
	if n > 0 {
		return to, fmt.Errorf("%d are above %d, the highest there is", n, highest)
	}
	return to, nil
}

// unpack decompresses a block to exactly size bytes.
func (r *pageReader) unpack(block []byte, size int64) ([]byte, error) {
	if r.codec == format.Uncompressed {
		if int64(len(block)) != size {
			return nil, fmt.Errorf("page of %d bytes claims %d", len(block), size)
		}
		return block, nil
	}
	if size == 0 { // all rows null: some writers compress nothing, some leave it out
		return nil, nil
	}
	if cap(r.plain) < int(size)+unpackRoom {
		r.plain = make([]byte, int(size)+unpackRoom)
	}
	r.plain = r.plain[:size]
	if err := r.unpacker.unpack(r.codec, r.plain, block); err != nil {
		return nil, fmt.Errorf("decompressing a page: %w", err)
	}
	return r.plain, nil
}

// noEOF keeps a file that ends early from being taken for one that ends.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parsePageHeader reads Parquet's PageHeader struct; errors stay in c.
func parsePageHeader(c *compact) pageHeader {
	h := pageHeader{typ: -1, plain: -1, packed: -1}
	var kinds [3]bool // which of the headers below is there: data, dictionary, data v2
	c.fields(func(id int64, typ byte) {
		switch {
		case id == 1 && typ == thriftI32:
			h.typ = format.PageType(c.int())
		case id == 2 && typ == thriftI32:
			h.plain = c.int()
		case id == 3 && typ == thriftI32:
			h.packed = c.int()
		case id == 4 && typ == thriftI32:
			h.crc, h.checked = uint32(c.int()), true
		case id == 5 && typ == thriftStruct:
			kinds[0] = true
			h.parseData(c)
		case id == 7 && typ == thriftStruct:
			kinds[1] = true
			h.parseDictionary(c)
		case id == 8 && typ == thriftStruct:
			kinds[2] = true
			h.parseDataV2(c)
		default:
			c.skip(typ)
		}
	})
	if kinds != [3]bool{h.typ == format.DataPage, h.typ == format.DictionaryPage, h.typ == format.DataPageV2} {
		c.fail(errThriftBad)
	}
	return h
}

func (h *pageHeader) parseData(c *compact) {
	c.fields(func(id int64, typ byte) {
		switch {
		case id == 1 && typ == thriftI32:
			h.values = c.int()
		case id == 2 && typ == thriftI32:
			h.encoding = format.Encoding(c.int())
		case id == 3 && typ == thriftI32:
			h.levelEncoding = format.Encoding(c.int())
		case id == 4 && typ == thriftI32:
			h.nestingEncoding = format.Encoding(c.int())
		default:
			c.skip(typ)
		}
	})
}

func (h *pageHeader) parseDictionary(c *compact) {
	c.fields(func(id int64, typ byte) {
		switch {
		case id == 1 && typ == thriftI32:
			h.values = c.int()
		case id == 2 && typ == thriftI32:
			h.encoding = format.Encoding(c.int())
		default:
			c.skip(typ)
		}
	})
}

func (h *pageHeader) parseDataV2(c *compact) {
	c.fields(func(id int64, typ byte) {
		switch {
		case id == 1 && typ == thriftI32:
			h.values = c.int()
		case id == 2 && typ == thriftI32:
			h.nulls = c.int()
		case id == 3 && typ == thriftI32:
			h.rows = c.int()
		case id == 4 && typ == thriftI32:
			h.encoding = format.Encoding(c.int())
		case id == 5 && typ == thriftI32:
			h.levels = c.int()
		case id == 6 && typ == thriftI32:
			h.nestings = c.int()
		case id == 7 && typ == thriftFalse:
			h.asIs = true
		default:
			c.skip(typ)
		}
	})
}
