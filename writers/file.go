package writers

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// tableFile puts a table's columns together as a Parquet file: row groups, page
// index, footer; column.go makes the pages, sink.go their values. Encodings and
// the structs of footer and headers are parquet-go's, and the bytes are those
// that it would write: FuzzFlat and FuzzLists hold them to that.
type tableFile struct {
	form    *form
	out     *bufio.Writer
	encoder *thrift.Encoder // of what is written
	headers *thrift.Encoder // of pages, to scratch
	size    int64           // of what was written
	columns []*columnWriter
	pages   pile
	scratch pageScratch
	rows    int // of the row group

	groups        []format.RowGroup
	columnIndexes []format.ColumnIndex // of each row group's columns, one after the other
	offsetIndexes []format.OffsetIndex
}

// form is what all files of a table have in common. It is made once.
type form struct {
	shape   *shape
	footer  format.FileMetaData // of a file without rows
	columns []columnForm
	step    int // rows between which a page can end
}

// columnForm is what all files have in common of a column.
type columnForm struct {
	of           parquet.Type
	isCompressed bool
	chunk        format.ColumnMetaData // of no page
}

var forms sync.Map // formKey to *form

type formKey struct {
	row   reflect.Type
	names string // of the table and its dimensions
}

func formOf(spec Spec) (*form, error) {
	key := formKey{spec.row, strings.Join(append([]string{spec.Name}, spec.Dimensions...), ",")}
	if f, made := forms.Load(key); made {
		return f.(*form), nil
	}
	f, err := newForm(spec)
	if err == nil {
		forms.Store(key, f)
	}
	return f, err
}

// newForm has parquet-go write a file without rows, and takes its footer.
func newForm(spec Spec) (*form, error) {
	schema := parquet.SchemaOf(reflect.New(spec.row).Interface())
	if spec.row == reflect.TypeFor[RatedUsage]() {
		schema = parquet.SchemaOf(usageRow{}, dimensionTags(spec.Dimensions)...)
	}
	var empty bytes.Buffer
	if err := parquet.NewGenericWriter[any](&empty, options(spec, schema)...).Close(); err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(bytes.NewReader(empty.Bytes()), int64(empty.Len()))
	if err != nil {
		return nil, err
	}
	f := &form{shape: shapeOf(spec.row).withDimensions(spec.Dimensions), footer: *file.Metadata(), step: stepOf(spec)}
	node := parquet.NewSchema(spec.Name, boundless(schema))
	for i, path := range schema.Columns() {
		leaf, _ := node.Lookup(path...)
		f.columns = append(f.columns, columnFormOf(f.shape.leaves[i], path, leaf))
	}
	return f, nil
}

// stepOf is how many rows a page takes at once, which decides where it ends.
// Tables began to be written in three ways, each of which had its own.
func stepOf(spec Spec) int {
	switch {
	case slices.ContainsFunc(spec.columns(), func(c column) bool { return strings.HasSuffix(c.Type, "[]") }):
		return 1
	case slices.ContainsFunc(spec.columns(), func(c column) bool { return c.Null }):
		return chunkRows
	}
	return 64
}

func columnFormOf(l *leaf, path []string, node parquet.LeafColumn) columnForm {
	f := columnForm{of: node.Node.Type(), isCompressed: true}
	f.chunk = format.ColumnMetaData{Type: format.Type(f.of.Kind()), PathInSchema: path, Codec: codec.CompressionCodec(), Encoding: []format.Encoding{format.Plain}}
	if own := node.Node.Compression(); own != nil {
		f.chunk.Codec = own.CompressionCodec()
		f.isCompressed = f.chunk.Codec != format.Uncompressed
	}
	if l.def > 0 {
		f.chunk.Encoding = append(f.chunk.Encoding, format.RLE)
	}
	if l.dict {
		f.chunk.Encoding = append(f.chunk.Encoding, format.RLEDictionary)
	}
	return f
}

func newTableFile(w io.Writer, f *form) *tableFile {
	t := &tableFile{form: f, out: bufio.NewWriterSize(w, 32<<10)}
	protocol := new(thrift.CompactProtocol)
	t.encoder = thrift.NewEncoder(protocol.NewWriter((*counted)(t)))
	t.headers = thrift.NewEncoder(protocol.NewWriter(&t.scratch.header))
	t.columns = make([]*columnWriter, len(f.columns))
	for i := range f.columns {
		t.columns[i] = newColumnWriter(t, f.shape.leaves[i], f.shape.groups[f.shape.leaves[i].in], &f.columns[i])
	}
	return t
}

// counted is where a file's bytes go, and where they are counted.
type counted tableFile

func (c *counted) Write(data []byte) (int, error) {
	n, err := c.out.Write(data)
	c.size += int64(n)
	return n, err
}

// begin writes what a file begins with.
func (t *tableFile) begin() error {
	if t.size > 0 {
		return nil
	}
	return t.write([]byte("PAR1"))
}

func (t *tableFile) write(parts ...[]byte) error {
	for _, part := range parts {
		if _, err := (*counted)(t).Write(part); err != nil {
			return err
		}
	}
	return nil
}

// endGroup ends a row group, if there are rows in it.
func (t *tableFile) endGroup() error {
	if t.rows == 0 {
		return nil
	}
	if len(t.groups) == parquet.MaxRowGroups {
		return parquet.ErrTooManyRowGroups
	}
	if err := t.begin(); err != nil {
		return err
	}
	group := format.RowGroup{NumRows: int64(t.rows), FileOffset: t.size, Ordinal: int16(len(t.groups)), SortingColumns: []format.SortingColumn{}}
	for _, c := range t.columns {
		if err := c.endPage(); err != nil {
			return err
		}
		chunk, err := c.endChunk()
		if err != nil {
			return err
		}
		group.Columns = append(group.Columns, format.ColumnChunk{MetaData: chunk})
		group.TotalByteSize += chunk.TotalUncompressedSize
		group.TotalCompressedSize += chunk.TotalCompressedSize
	}
	t.groups, t.rows = append(t.groups, group), 0
	t.pages.empty()
	return nil
}

// Close writes what is left, and the footer.
func (t *tableFile) Close() error {
	if err := t.begin(); err != nil {
		return err
	}
	if err := t.endGroup(); err != nil {
		return err
	}
	for i := range t.columnIndexes {
		chunk, from := t.chunk(i), t.size
		if err := t.encoder.Encode(&t.columnIndexes[i]); err != nil {
			return err
		}
		chunk.ColumnIndexOffset, chunk.ColumnIndexLength = from, int32(t.size-from)
	}
	for i := range t.offsetIndexes {
		chunk, from := t.chunk(i), t.size
		if err := t.encoder.Encode(&t.offsetIndexes[i]); err != nil {
			return err
		}
		chunk.OffsetIndexOffset, chunk.OffsetIndexLength = from, int32(t.size-from)
	}
	return t.writeFooter()
}

// chunk is the column chunk that an index is of.
func (t *tableFile) chunk(index int) *format.ColumnChunk {
	return &t.groups[index/len(t.columns)].Columns[index%len(t.columns)]
}

func (t *tableFile) writeFooter() error {
	footer, from := t.form.footer, t.size
	footer.RowGroups = t.groups
	for _, g := range t.groups {
		footer.NumRows += g.NumRows
	}
	if err := t.encoder.Encode(&footer); err != nil {
		return err
	}
	end := binary.LittleEndian.AppendUint32(nil, uint32(t.size-from))
	if err := t.write(append(end, "PAR1"...)); err != nil {
		return err
	}
	return t.out.Flush()
}

// pile keeps the pages of a row group until it is written, in blocks that the
// next row group's lie in. What is large has memory of its own, which is let go:
// a block that it does not fit into would lie there unused.
type pile struct {
	blocks [][]byte
	at     int // block that is being filled
}

// pageBlock is a block of a pile; the first ones are smaller, for the tables
// that need no more.
const pageBlock = 256 << 10

// keep is a copy of data, in the pile.
func (p *pile) keep(data []byte) []byte {
	if len(data) > pageBlock/4 {
		return bytes.Clone(data)
	}
	for ; p.at < len(p.blocks); p.at++ {
		block := p.blocks[p.at]
		if from := len(block); from+len(data) <= cap(block) {
			p.blocks[p.at] = append(block, data...)
			return p.blocks[p.at][from:]
		}
	}
	size := min(pageBlock, 16<<10<<min(len(p.blocks), 10))
	block := append(make([]byte, 0, max(size, len(data))), data...)
	p.blocks = append(p.blocks, block)
	return block
}

func (p *pile) empty() {
	for i := range p.blocks {
		p.blocks[i] = p.blocks[i][:0]
	}
	p.at = 0
}
