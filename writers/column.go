package writers

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"reflect"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// columnWriter is a column of a file that is being written: the pages of the row
// group, and the one that is being filled.
type columnWriter struct {
	leaf *leaf
	in   *group
	form *columnForm
	file *tableFile

	// Of the page.
	page       filled
	reps, defs []byte  // levels, where there are any
	values     []byte  // as they stand in a plain page
	indexes    []int32 // into words, of a page that is not plain
	span       span

	// Of the row group.
	words   *words // of a column with a dictionary
	isPlain bool   // it has none, or one that became too large
	last    string // known to be UTF-8
	pages   []page
	rows    int // of them
	chunk   format.ColumnMetaData
	whole   span
	index   parquet.ColumnIndexer
	offsets []format.PageLocation
	repsOf  histogram
	defsOf  histogram
}

// filled is what a page has of a column.
type filled struct {
	rows, slots, values int
	texts               int // bytes
}

func newColumnWriter(file *tableFile, l *leaf, in *group, f *columnForm) *columnWriter {
	c := &columnWriter{leaf: l, in: in, form: f, file: file, index: f.of.NewColumnIndexer(parquet.DefaultColumnIndexSizeLimit)}
	if l.dict {
		c.words = newWords()
	}
	c.begin()
	return c
}

// begin begins a row group.
func (c *columnWriter) begin() {
	c.isPlain, c.last = c.words == nil, ""
	clear(c.pages)
	c.pages, c.rows, c.offsets = c.pages[:0], 0, nil
	c.chunk, c.whole = c.form.chunk, span{}
	c.repsOf, c.defsOf = newHistogram(c.in.rep), newHistogram(c.leaf.def)
	c.index.Reset()
	if c.words != nil {
		c.words.empty()
	}
}

// pageFull is how many bytes of values a page may have: the step that makes them
// as many is its last. It is 98 hundredths of what parquet-go is told, since
// parquet-go 0.32 has it so (ColumnWriter.WriteRowValues, and size is how its
// column buffers measure): pages end where that ends them.
const pageFull = pageBytes * 98 / 100

// size is parquet-go's measure of a page.
func (c *columnWriter) size(f filled) int {
	levels := 0
	switch {
	case c.in.rep > 0:
		levels = 8*f.rows + 2*f.slots
	case c.leaf.optional:
		levels = 5 * f.slots
	}
	switch c.leaf.kind {
	case reflect.String:
		if !c.isPlain {
			return levels + 4*f.values
		}
		return levels + 4*f.values + f.texts
	case reflect.Bool:
		return levels + (f.values+7)/8
	case reflect.Int32:
		return levels + 4*f.values
	case reflect.Int64:
		return levels + 8*f.values
	}
	return levels + 16*f.values
}

// pageScratch is where pages are put together, one at a time.
type pageScratch struct {
	reps, defs, indexes []byte
	body                []byte
	header              bytes.Buffer
}

// endPage ends the page, if there is anything in it. A dictionary that has
// become too large is given up behind it.
func (c *columnWriter) endPage() error {
	if c.page.slots == 0 {
		return nil
	}
	to := &c.file.scratch
	values, err := c.encode(to)
	if err != nil {
		return err
	}
	header := format.PageHeader{Type: format.DataPageV2}
	header.DataPageHeaderV2.Valid = true
	header.DataPageHeaderV2.V = format.DataPageHeaderV2{
		NumValues:                  int32(c.page.slots),
		NumNulls:                   int32(c.page.slots - c.page.values),
		NumRows:                    int32(c.page.rows),
		Encoding:                   format.RLEDictionary,
		DefinitionLevelsByteLength: int32(len(to.defs)),
		RepetitionLevelsByteLength: int32(len(to.reps)),
		IsCompressed:               thrift.New(c.form.isCompressed),
	}
	if c.isPlain {
		header.DataPageHeaderV2.V.Encoding = format.Plain
	}
	from := c.chunk.TotalCompressedSize
	if err := c.pack(&header, header.DataPageHeaderV2.V.Encoding, values); err != nil {
		return err
	}
	c.pages = append(c.pages, page{c.file.pages.keep(to.header.Bytes()), c.file.pages.keep(to.body)})
	c.offsets = append(c.offsets, format.PageLocation{
		Offset:             from, // of the first page, which is added when that is known
		CompressedPageSize: int32(c.chunk.TotalCompressedSize - from),
		FirstRowIndex:      int64(c.rows),
	})
	c.describePage()
	c.rows += c.page.rows
	c.isPlain = c.isPlain || c.words.size() > dictionaryMax
	c.page, c.span = filled{}, span{}
	c.reps, c.defs, c.values, c.indexes = c.reps[:0], c.defs[:0], c.values[:0], c.indexes[:0]
	return nil
}

// encode encodes the levels, and returns the values.
func (c *columnWriter) encode(to *pageScratch) (values []byte, err error) {
	to.reps, to.defs = to.reps[:0], to.defs[:0]
	if c.in.rep > 0 {
		if to.reps, err = levelsOf[c.in.rep].EncodeLevels(to.reps, c.reps); err != nil {
			return nil, err
		}
	}
	if c.leaf.def > 0 {
		if to.defs, err = levelsOf[c.leaf.def].EncodeLevels(to.defs, c.defs); err != nil {
			return nil, err
		}
	}
	if c.isPlain {
		return c.values, nil
	}
	to.indexes, err = parquet.RLEDictionary.EncodeInt32(to.indexes, c.indexes)
	return to.indexes, err
}

// levelsOf encode levels up to a highest one.
var levelsOf = func() (all [16]rle.Encoding) {
	for most := range all {
		all[most].BitWidth = bits.Len(uint(most))
	}
	return all
}()

// page is a page that waits to be written.
type page struct{ header, body []byte }

// mostPageBytes is the most bytes that a page's header can say. Only rows of
// megabytes come near it.
var mostPageBytes = math.MaxInt32

// pack makes header and body of a page, whose levels are encoded, and counts it
// in. They hold until the next one is made.
func (c *columnWriter) pack(header *format.PageHeader, encoding format.Encoding, values []byte) error {
	to := &c.file.scratch
	if size := len(to.reps) + len(to.defs) + len(values); size > mostPageBytes {
		return fmt.Errorf("column %s: a page of %d bytes, at most %d", c.leaf.field, size, mostPageBytes)
	}
	to.body = append(append(to.body[:0], to.reps...), to.defs...)
	header.UncompressedPageSize = int32(len(to.body) + len(values))
	if c.form.isCompressed {
		to.body = codec.append(to.body, values)
	} else {
		to.body = append(to.body, values...)
	}
	if len(to.body) > mostPageBytes { // of what cannot be compressed
		return fmt.Errorf("column %s: a page of %d compressed bytes, at most %d", c.leaf.field, len(to.body), mostPageBytes)
	}
	header.CompressedPageSize = int32(len(to.body))
	header.CRC = int32(crc32.ChecksumIEEE(to.body))
	to.header.Reset()
	if err := c.file.headers.Encode(header); err != nil {
		return err
	}
	c.chunk.TotalCompressedSize += int64(to.header.Len()) + int64(header.CompressedPageSize)
	c.chunk.TotalUncompressedSize += int64(to.header.Len()) + int64(header.UncompressedPageSize)
	c.count(header.Type, encoding)
	return nil
}

// count counts pages by their kind.
func (c *columnWriter) count(kind format.PageType, encoding format.Encoding) {
	for i := range c.chunk.EncodingStats {
		if s := &c.chunk.EncodingStats[i]; s.PageType == kind && s.Encoding == encoding {
			s.Count++
			return
		}
	}
	c.chunk.EncodingStats = append(c.chunk.EncodingStats, format.PageEncodingStats{PageType: kind, Encoding: encoding, Count: 1})
}

// describePage adds the page to what footer and page index say of it.
func (c *columnWriter) describePage() {
	if !c.isPlain {
		c.span = c.words.span(c.indexes)
	}
	low, high := c.span.values(c.leaf.kind)
	nulls := int64(c.page.slots - c.page.values)
	c.index.IndexPage(int64(c.page.slots), nulls, low, high)
	c.whole.widen(c.span)
	c.chunk.NumValues += int64(c.page.slots)
	c.chunk.Statistics.NullCount += nulls
	c.repsOf.add(c.reps)
	c.defsOf.add(c.defs)
	if c.isPlain {
		c.chunk.SizeStatistics.UnencodedByteArrayDataBytes += int64(c.page.texts)
	}
}

// endChunk writes the pages of the row group, which has ended, and begins the
// next.
func (c *columnWriter) endChunk() (format.ColumnMetaData, error) {
	index := c.index.ColumnIndex()
	index.RepetitionLevelHistogram, index.DefinitionLevelHistogram = c.repsOf.pages, c.defsOf.pages
	c.file.columnIndexes = append(c.file.columnIndexes, index)
	c.chunk.SizeStatistics.RepetitionLevelHistogram, c.chunk.SizeStatistics.DefinitionLevelHistogram = c.repsOf.all, c.defsOf.all
	c.chunk.Statistics.MinValue, c.chunk.Statistics.MaxValue = c.whole.bytes(c.leaf.kind)
	if err := c.writeDictionary(); err != nil {
		return c.chunk, err
	}
	c.chunk.DataPageOffset = c.file.size
	for i, p := range c.pages {
		c.offsets[i].Offset += c.chunk.DataPageOffset
		if err := c.file.write(p.header, p.body); err != nil {
			return c.chunk, err
		}
	}
	c.file.offsetIndexes = append(c.file.offsetIndexes, format.OffsetIndex{PageLocations: c.offsets})
	slices.SortFunc(c.chunk.EncodingStats, func(x, y format.PageEncodingStats) int {
		return cmp.Or(cmp.Compare(x.PageType, y.PageType), cmp.Compare(x.Encoding, y.Encoding))
	})
	chunk := c.chunk
	c.begin()
	return chunk, nil
}

// writeDictionary writes the dictionary, of a column that has one.
func (c *columnWriter) writeDictionary() error {
	if c.words == nil {
		return nil
	}
	header := format.PageHeader{Type: format.DictionaryPage}
	header.DictionaryPageHeader.Valid = true
	header.DictionaryPageHeader.V = format.DictionaryPageHeader{NumValues: int32(len(c.words.list)), Encoding: format.Plain}
	c.file.scratch.reps, c.file.scratch.defs = c.file.scratch.reps[:0], c.file.scratch.defs[:0]
	c.chunk.DictionaryPageOffset = c.file.size
	if err := c.pack(&header, format.Plain, c.words.plain); err != nil {
		return err
	}
	return c.file.write(c.file.scratch.header.Bytes(), c.file.scratch.body)
}
