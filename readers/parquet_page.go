package readers

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/parquet-go/parquet-go/format"
)

// Pages are decoded here, and not by parquet-go's page API, for what it lets
// pass (0.32). Where a page holds fewer values than its header claims, that API
// gives whatever its buffer holds behind them, or dictionary entry 0, without
// an error; both would be billed. It also makes room for any size that is claimed, and reads all row
// groups with the codec of the first. The decoders of the encodings, which
// take the time, are parquet-go's.

// page is one data page of a column without nesting, decompressed.
type page struct {
	rows     int
	levels   []byte // per row, 1 where there is a value; nil where all rows have one
	present  int    // rows with a value
	encoding format.Encoding
	values   []byte // encoded
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
	nulls, rows      int64 // data page v2
	levels, nestings int64 // data page v2: bytes of the definition and of the repetition levels
	asIs             bool  // data page v2: not compressed
}

// pageReader reads the pages of one column chunk in turn. The page that it
// returned last, and its dictionary, are overwritten by the next.
type pageReader struct {
	in       *bufio.Reader
	left     int64 // bytes of the chunk
	rows     int64 // rows of the row group still to come
	column   *leaf
	codec    format.CompressionCodec
	unpacker *unpacker
	body     []byte
	plain    []byte
	levels   []byte
	current  page
}

func newPageReader(s *section, c chunk, column *leaf, rows int64, u *unpacker) *pageReader {
	in := io.NewSectionReader(s, c.offset, c.size)
	return &pageReader{
		in:   bufio.NewReaderSize(in, int(min(c.size, readSize))),
		left: c.size, rows: rows, column: column, codec: c.codec, unpacker: u,
	}
}

// next is the next data page. A dictionary page before it goes to dictionary,
// with the number of its entries. At the chunk's end it is io.EOF, but only if
// the chunk had as many rows as its row group.
func (r *pageReader) next(dictionary func(entries int, plain []byte) error) (*page, error) {
	for {
		if r.left == 0 && r.rows == 0 {
			return nil, io.EOF
		}
		if r.left == 0 {
			return nil, fmt.Errorf("ends %d rows before its row group", r.rows)
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
			plain, err := r.unpack(r.body, h.plain)
			if err != nil {
				return nil, err
			}
			if h.encoding != format.Plain && h.encoding != plainDictionary {
				return nil, fmt.Errorf("dictionary in encoding %v", h.encoding)
			}
			if err := dictionary(int(h.values), plain); err != nil {
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
		b, err := r.in.Peek(int(most))
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
		if _, err := r.in.Discard(c.at); err != nil {
			return h, noEOF(err)
		}
		r.left -= int64(c.at)
		return h, r.check(&h)
	}
}

// check refuses what a header cannot mean, before anything is allocated for it.
func (r *pageReader) check(h *pageHeader) error {
	data := h.typ != format.DictionaryPage
	switch {
	case h.plain < 0 || h.plain > maxPage || h.packed < 0 || h.packed > maxPage:
		return fmt.Errorf("page of %d bytes, %d compressed, is over the limit of %d", h.plain, h.packed, maxPage)
	case h.packed > r.left:
		return fmt.Errorf("page of %d bytes where its column has %d left", h.packed, r.left)
	case h.values < 0 || data && h.values > r.rows:
		return fmt.Errorf("page of %d rows where its row group has %d left", h.values, r.rows)
	case data && h.values > maxPageRows:
		return fmt.Errorf("page of %d rows is over the limit of %d", h.values, maxPageRows)
	case !data && h.values > h.plain: // an entry has a byte at least
		return fmt.Errorf("dictionary of %d entries in %d bytes", h.values, h.plain)
	case h.typ == format.DataPageV2 && (h.rows != h.values || h.nulls < 0 || h.nulls > h.values):
		return fmt.Errorf("page of %d rows with %d values and %d nulls", h.rows, h.values, h.nulls)
	case h.levels < 0 || h.nestings < 0 || h.levels > h.packed || h.nestings > h.packed-h.levels ||
		h.levels+h.nestings > h.plain:
		return fmt.Errorf("page of %d bytes with %d bytes of levels", h.packed, h.levels+h.nestings)
	}
	return nil
}

// readBody reads a page as it lies in the file.
func (r *pageReader) readBody(h *pageHeader) error {
	r.body = resized(r.body, int(h.packed))
	if _, err := io.ReadFull(r.in, r.body); err != nil {
		return fmt.Errorf("reading a page: %w", noEOF(err))
	}
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
	r.current = page{rows: int(h.values), present: int(h.values), encoding: h.encoding}
	if r.column.optional && h.values > 0 {
		if h.levelEncoding != format.RLE {
			return fmt.Errorf("definition levels in encoding %v", h.levelEncoding)
		}
		if len(data) < 4 || int64(binary.LittleEndian.Uint32(data)) > int64(len(data)-4) {
			return errors.New("definition levels are cut short")
		}
		n := 4 + int(binary.LittleEndian.Uint32(data))
		if err := r.readLevels(data[4:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	r.current.values = data
	r.rows -= h.values
	return nil
}

// dataPageV2: levels, never compressed, of lengths that the header tells, and
// a block of values.
func (r *pageReader) dataPageV2(h *pageHeader) error {
	r.current = page{rows: int(h.values), present: int(h.values), encoding: h.encoding}
	levels, data := r.body[h.nestings:h.nestings+h.levels], r.body[h.nestings+h.levels:]
	if r.column.optional && h.values > 0 { // some writers give levels to other columns too
		if err := r.readLevels(levels); err != nil {
			return err
		}
	}
	if nulls := h.values - int64(r.current.present); nulls != h.nulls {
		return fmt.Errorf("page has %d nulls, not %d as it claims", nulls, h.nulls)
	}
	size := h.plain - h.levels - h.nestings
	if h.asIs && int64(len(data)) != size {
		return fmt.Errorf("page of %d bytes claims %d", len(data), size)
	}
	if !h.asIs {
		var err error
		if data, err = r.unpack(data, size); err != nil {
			return err
		}
	}
	r.current.values = data
	r.rows -= h.values
	return nil
}

func (r *pageReader) readLevels(encoded []byte) error {
	p := &r.current
	encoded, err := checkRuns(encoded, 1, p.rows)
	if err != nil {
		return fmt.Errorf("definition levels: %w", err)
	}
	if r.levels, err = levelEncoding.DecodeLevels(r.levels, encoded); err != nil {
		return fmt.Errorf("definition levels: %w", err)
	}
	p.levels, p.present = r.levels[:p.rows], 0
	for _, level := range p.levels {
		p.present += int(level)
	}
	if p.present == p.rows {
		p.levels = nil
	}
	return nil
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
	r.plain = resized(r.plain, int(size))
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
