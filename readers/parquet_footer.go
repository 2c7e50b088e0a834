package readers

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// footer is what a Parquet file says about itself, checked against the file's
// size, and the columns of it that the schema wants.
type footer struct {
	rows    int64
	groups  []rowGroup
	tree    []*node // all columns
	columns []*leaf // one a field of the schema; nil where the file has none
	tail    []byte  // the file's last bytes, which may be all of it
	tailAt  int64   // where they begin
}

// rowGroup is one row group of a file: one split.
type rowGroup struct {
	firstRow int64 // 1-based
	rows     int64
	chunks   []chunk // one a field of the schema; zero where the file has no column
}

// chunk is where one column of one row group lies.
type chunk struct {
	offset, size int64
	values       int64 // with nulls; as many as rows, but for a repeated column
	codec        format.CompressionCodec
	keys         []chunk // of the maps that the column is in, one for each of its leaf's picks
}

func (c *chunk) stretch() stretch { return stretch{c.offset, c.size} }

// stretches are the chunks that are read of a row group, in the order in which
// their columns are opened.
func (g *rowGroup) stretches() (all []stretch) {
	for i := range g.chunks {
		all = append(all, g.chunks[i].stretch())
		for j := range g.chunks[i].keys {
			all = append(all, g.chunks[i].keys[j].stretch())
		}
	}
	return slices.DeleteFunc(all, func(s stretch) bool { return s.size == 0 })
}

const parquetMagic = "PAR1"

// openParquet reads and checks the footer, most often with one request.
func (e *Export) openParquet(ctx context.Context) error {
	s := &section{ctx: ctx, source: e.src}
	data, err := readFooter(s)
	if err != nil {
		return err
	}
	var meta format.FileMetaData
	if err := decodeFooter(data, &meta); err != nil {
		return fmt.Errorf("broken Parquet footer: %w", err)
	}
	tree, leaves, err := parquetColumns(meta.Schema)
	if err != nil {
		return err
	}
	f := &footer{rows: meta.NumRows, tree: tree}
	if !s.remote { // there may be many files open, and a request that is saved is one of many
		f.tail, f.tailAt = s.tail, s.tailAt
	}
	if f.columns, err = e.wanted(tree); err != nil {
		return err
	}
	f.groups, err = rowGroups(&meta, f.columns, leaves, e.src.size-8-int64(len(data)))
	e.footer = f
	return err
}

// readFooter is the bytes of the footer, between the last row group and the
// closing length and magic number.
func readFooter(s *section) ([]byte, error) {
	const closing = 8
	if s.size < int64(len(parquetMagic))+closing {
		return nil, fmt.Errorf("not a Parquet file: %d bytes", s.size)
	}
	tail, err := readTail(s, s.tailSize())
	if err != nil {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(tail[len(tail)-8:]))
	switch magic := string(tail[len(tail)-4:]); {
	case magic == "PARE":
		return nil, fmt.Errorf("encrypted Parquet files cannot be read")
	case magic != parquetMagic:
		return nil, fmt.Errorf("not a Parquet file, or cut short: it ends in %q", magic)
	case length > maxFooter:
		return nil, fmt.Errorf("footer of %d bytes is over the limit of %d", length, maxFooter)
	case length > s.size-closing-int64(len(parquetMagic)):
		return nil, fmt.Errorf("footer of %d bytes in a file of %d", length, s.size)
	}
	if length+closing > int64(len(tail)) {
		if tail, err = readTail(s, length+closing); err != nil {
			return nil, err
		}
	}
	return tail[int64(len(tail))-closing-length : len(tail)-closing], nil
}

// tailSize is how much of a file's end is read at first. Most footers fit; a
// large file has a large one, and asking twice costs more than asking for more.
func (s *section) tailSize() int64 {
	if !s.remote {
		return tailSize
	}
	return min(max(s.size/128, tailSize), 8*tailSize)
}

// readTail reads the last n bytes of the file, or all, and keeps them for what
// is read later: a small file is read whole with one request.
func readTail(s *section, n int64) ([]byte, error) {
	n = min(n, s.size)
	tail := make([]byte, n)
	if _, err := s.ReadAt(tail, s.size-n); err != nil {
		return nil, err
	}
	s.tail, s.tailAt = tail, s.size-n
	return tail, nil
}

// decodeFooter looks through the whole footer before it lets the decoder make
// room for what it claims.
func decodeFooter(data []byte, meta *format.FileMetaData) (err error) {
	look := compact{b: data}
	look.skip(thriftStruct)
	if look.err != nil {
		return look.err
	}
	if look.at != len(data) {
		return fmt.Errorf("%d bytes of something else behind it", len(data)-look.at)
	}
	defer recovered(&err)
	return thrift.Unmarshal(&thrift.CompactProtocol{}, data, meta)
}

// recovered turns a panic of a decoder that met bytes it did not expect into
// an error, in a defer of the function that called it.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("cannot be decoded: %v", r)
	}
}

// rowGroups checks what the footer says about the row groups. Bytes of column
// chunks lie between the opening magic number and end.
func rowGroups(meta *format.FileMetaData, columns []*leaf, leaves int, end int64) ([]rowGroup, error) {
	groups, sum := make([]rowGroup, len(meta.RowGroups)), int64(0)
	for i := range meta.RowGroups {
		from, to := &meta.RowGroups[i], &groups[i]
		if from.NumRows < 0 || from.NumRows > meta.NumRows-sum {
			return nil, fmt.Errorf("row group %d claims %d rows, the file %d in all", i, from.NumRows, meta.NumRows)
		}
		if len(from.Columns) != leaves {
			return nil, fmt.Errorf("row group %d has %d columns, the file %d", i, len(from.Columns), leaves)
		}
		to.firstRow, to.rows, to.chunks = sum+1, from.NumRows, make([]chunk, len(columns))
		sum += from.NumRows
		for j, column := range columns {
			if column == nil {
				continue
			}
			var err error
			if to.chunks[j], err = columnChunk(from, column, end); err != nil {
				return nil, fmt.Errorf("column %q of row group %d: %w", column.path, i, err)
			}
			if column.unread {
				to.chunks[j] = chunk{}
			}
		}
	}
	if sum != meta.NumRows {
		return nil, fmt.Errorf("the file claims %d rows, its row groups %d", meta.NumRows, sum)
	}
	return groups, nil
}

func columnChunk(group *format.RowGroup, column *leaf, end int64) (chunk, error) {
	from, rows := &group.Columns[column.index], group.NumRows
	meta := &from.MetaData
	c := chunk{offset: meta.DataPageOffset, size: meta.TotalCompressedSize, values: meta.NumValues, codec: meta.Codec}
	if d := meta.DictionaryPageOffset; d > 0 && d < c.offset { // some writers leave it 0, or out
		c.offset = d
	}
	switch {
	case from.CryptoMetadata.Value != nil || len(from.EncryptedColumnMetadata) > 0:
		return c, fmt.Errorf("encrypted columns cannot be read")
	case from.FilePath != "":
		return c, fmt.Errorf("its data lie in another file, %q", from.FilePath)
	case meta.Type != column.physical:
		return c, fmt.Errorf("is %v here, but %v in the schema", meta.Type, column.physical)
	case c.values != rows && (column.repeated() == 0 || c.values < rows || rows == 0):
		return c, fmt.Errorf("claims %d values for %d rows", c.values, rows)
	case c.size < 0 || c.offset < int64(len(parquetMagic)) || c.offset > end || c.size > end-c.offset:
		return c, fmt.Errorf("claims %d bytes at %d, beyond the %d bytes of data", c.size, c.offset, end)
	}
	c.keys = make([]chunk, len(column.picks))
	for i, p := range column.picks {
		if p.keys == nil {
			continue
		}
		var err error
		if c.keys[i], err = columnChunk(group, p.keys, end); err != nil {
			return c, fmt.Errorf("%s: %w", p.keys.path, err)
		}
	}
	return c, nil
}
