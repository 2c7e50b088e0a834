package readers

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/endian"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/parquet-go/parquet-go/format"
)

// readArrowSchema finds the columns that are wanted.
func (e *Export) readArrowSchema(messages *arrowMessages) (err error) {
	defer recovered(&err)
	reader, err := newArrowReader(messages)
	if err != nil {
		return err
	}
	defer reader.Release()
	schema := reader.Schema()
	if schema.Endianness() != endian.LittleEndian {
		return fmt.Errorf("big-endian Arrow is not read")
	}
	nodes := 0
	e.arrow.never = map[int]bool{}
	e.arrow.tree = arrowTree(schema.Fields(), &leaf{}, &nodes, e.arrow.never)
	e.arrow.columns, err = e.wanted(e.arrow.tree)
	return err
}

// arrowTree is columns, with those inside of structs and lists. nodes counts
// what a batch has null counts of: every column, depth first.
func arrowTree(fields []arrow.Field, above *leaf, nodes *int, never map[int]bool) (columns []*node) {
	for i, field := range fields {
		columns = append(columns, arrowNode(field, i, above, nodes, never))
	}
	return columns
}

// inElements is the place of what a list or map holds.
const inElements = -1

func arrowNode(field arrow.Field, place int, above *leaf, nodes *int, never map[int]bool) *node {
	l := arrowLeaf(field)
	l.places, l.nodes = append(slices.Clip(above.places), place), append(slices.Clip(above.nodes), *nodes)
	n := &node{name: field.Name, leaf: l}
	switch t := field.Type.(type) {
	case *arrow.StructType:
		n.shape = group
		*nodes++
		n.children = arrowTree(t.Fields(), l, nodes, never)
	case *arrow.MapType: // the entries, which are structs, and the keys are never absent
		n.shape = list
		never[*nodes+1], never[*nodes+2] = true, true
		*nodes++
		entry := arrowNode(t.ElemField(), inElements, l, nodes, never)
		if key, val := entry.children[0], entry.children[1]; key.shape == value {
			n.keys, n.item = key, val
		}
	case arrow.ListLikeType:
		n.shape = list
		*nodes++
		n.item = arrowNode(t.ElemField(), inElements, l, nodes, never)
	default:
		*nodes += nodesOf(t, *nodes, never)
	}
	return n
}

func newArrowReader(messages *arrowMessages) (*ipc.Reader, error) {
	reader, err := ipc.NewReaderFromMessageReader(messages, ipc.WithEnsureNativeEndian(false), ipc.WithAllocator(&boundedMemory{}))
	if messages.err != nil {
		return nil, messages.err
	}
	if err != nil {
		return nil, fmt.Errorf("not an Arrow stream: %v", err)
	}
	return reader, nil
}

// boundedMemory is the library's memory, up to what a batch may take. The sizes
// in a message are checked before the library sees them; where the lists that
// hold them are forged to overlap, a size can change behind the check. What is
// refused here panics, and recovered makes an error of it.
type boundedMemory struct{ memory.GoAllocator }

func (m *boundedMemory) Allocate(size int) []byte {
	if size < 0 || size > maxArrowBody {
		panic(fmt.Sprintf("a buffer of %d bytes (at most %d are read)", size, maxArrowBody))
	}
	return m.GoAllocator.Allocate(size)
}

func (m *boundedMemory) Reallocate(size int, b []byte) []byte {
	if size < 0 || size > maxArrowBody {
		panic(fmt.Sprintf("a buffer of %d bytes (at most %d are read)", size, maxArrowBody))
	}
	return m.GoAllocator.Reallocate(size, b)
}

// nodesOf is how many columns a type takes in a batch's list of null counts
// from a place on, with those inside of it. The entries and keys of a map are
// never absent.
func nodesOf(t arrow.DataType, at int, never map[int]bool) int {
	if _, isMap := t.(*arrow.MapType); isMap {
		never[at+1], never[at+2] = true, true
	}
	n := 1
	if nested, ok := t.(arrow.NestedType); ok {
		for _, field := range nested.Fields() {
			n += nodesOf(field.Type, at+n, never)
		}
	}
	return n
}

// arrowLeaf gives a column the meaning of its type.
func arrowLeaf(field arrow.Field) *leaf {
	l := &leaf{physical: format.Int64}
	kind := field.Type
	if d, ok := kind.(*arrow.DictionaryType); ok {
		kind = d.ValueType
	}
	switch t := kind.(type) {
	case *arrow.NullType:
		l.meaning = nothing
	case *arrow.StringType, *arrow.LargeStringType, *arrow.StringViewType:
		l.meaning = text
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.BinaryViewType:
		l.meaning = bytesOrText
	case *arrow.FixedSizeBinaryType:
		l.meaning, l.physical, l.width = fixedBytes, format.FixedLenByteArray, t.ByteWidth
	case *arrow.Int8Type, *arrow.Int16Type, *arrow.Int32Type, *arrow.Int64Type:
		l.meaning = signed
	case *arrow.Uint8Type, *arrow.Uint16Type, *arrow.Uint32Type, *arrow.Uint64Type:
		l.meaning = unsigned
	case *arrow.BooleanType:
		l.meaning = boolean
	case *arrow.Date32Type, *arrow.Date64Type:
		l.meaning = onDay
	case *arrow.Float32Type:
		l.meaning, l.physical = float, format.Float
	case *arrow.Float64Type:
		l.meaning, l.physical = float, format.Double
	case arrow.DecimalType:
		l.physical, l.width = format.FixedLenByteArray, kind.(arrow.FixedWidthDataType).Bytes()
		if l.understandDecimal(int(t.GetScale())); l.meaning == 0 {
			l.unusable = kind.String()
		}
	case *arrow.TimestampType:
		l.unit = int64(1e9) / t.Unit.Multiplier().Nanoseconds()
		if l.meaning = onInstant; t.TimeZone == "" {
			l.meaning = onWall
		}
	default:
		l.unusable = kind.String()
	}
	return l
}

// readArrow reads one batch of a file, or a whole stream.
func (e *Export) readArrow(ctx context.Context, split int, yield func(*Batch) error) error {
	var messages *arrowMessages
	firstRow := int64(1)
	if e.format == ArrowFile {
		s, end := e.splitSection(ctx, split)
		defer end()
		messages = e.fileMessages(s, split)
		firstRow = e.arrow.batches[split].firstRow
	} else {
		m, free, err := e.streamMessages(ctx)
		if err != nil {
			return err
		}
		defer free()
		messages = m
	}
	reader, err := openReader(messages)
	if err != nil {
		return e.fail(firstRow-1, "reading it", err)
	}
	defer reader.Release()
	columns, batch := e.arrowColumns(), &Batch{FirstRow: firstRow, Columns: make([]Column, len(e.schema.Fields))}
	for {
		record, err := nextRecord(reader, messages)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = checkRecord(record, messages.batch, columns)
		}
		if err != nil {
			return e.fail(batch.FirstRow-1, "", err)
		}
		if err := e.yieldRecord(record, int(messages.batch.rows), columns, batch, yield); err != nil {
			return err
		}
	}
	if rows := batch.FirstRow - firstRow; e.format == ArrowFile && rows != e.arrow.batches[split].rows {
		return e.fail(batch.FirstRow-1, "", fmt.Errorf("%d rows of %d in record batch %d", rows, e.arrow.batches[split].rows, split))
	}
	return nil
}

func openReader(messages *arrowMessages) (reader *ipc.Reader, err error) {
	defer recovered(&err)
	return newArrowReader(messages)
}

// nextRecord is io.EOF behind the last batch, and only there.
func nextRecord(reader *ipc.Reader, messages *arrowMessages) (record arrow.Record, err error) {
	defer recovered(&err)
	record, err = reader.Read()
	switch {
	case messages.err != nil:
		return nil, messages.err
	case record != nil && err == nil:
		return record, nil
	case messages.ended && (err == nil || err == io.EOF):
		return nil, io.EOF
	case err == nil:
		err = errFlatbuffer
	}
	return nil, fmt.Errorf("broken Arrow batch: %v", err)
}

// yieldRecord hands a record on in batches.
func (e *Export) yieldRecord(record arrow.Record, rows int, columns []*arrowColumn, batch *Batch, yield func(*Batch) error) error {
	for done := 0; done < rows; done += batch.Len {
		batch.Len = min(rows-done, BatchRows)
		for i, c := range columns {
			if err := c.load(record, done, batch.Len); err != nil {
				return e.fail(batch.FirstRow-1, fmt.Sprintf("column %q", e.schema.Fields[i].path().Text), err)
			}
			batch.Columns[i] = c.page.Column
		}
		if err := yield(batch); err != nil {
			return err
		}
		batch.FirstRow += int64(batch.Len)
	}
	return nil
}

// checkRecord makes sure that the columns, and what is around them, are as
// long as the batch, and that as many cells are absent as it claims.
func checkRecord(record arrow.Record, m arrowMessage, columns []*arrowColumn) (err error) {
	defer recovered(&err)
	for _, c := range columns {
		if c.leaf == nil {
			continue
		}
		for _, column := range append([]*arrowColumn{c, c.inner}, c.keys...) {
			if column == nil {
				continue
			}
			if err := column.check(record, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *arrowColumn) check(record arrow.Record, m arrowMessage) error {
	inLists := false // where there may be any number of cells
	for i, values := range c.find(record) {
		inLists = inLists || c.leaf.places[i] == inElements
		if int64(values.Len()) != m.rows && !inLists {
			return fmt.Errorf("column %q has %d cells in a batch of %d rows", c.leaf.path, values.Len(), m.rows)
		}
		if _, isNull := values.(*array.Null); isNull {
			continue
		}
		absent := int64(0)
		for row := range values.Len() {
			if values.IsNull(row) {
				absent++
			}
		}
		if claimed := m.nulls[c.leaf.nodes[i]]; claimed >= 0 && claimed != absent {
			return fmt.Errorf("column %q has %d absent cells, and claims %d", c.leaf.path, absent, claimed)
		}
	}
	return nil
}

func (e *Export) arrowColumns() []*arrowColumn {
	shared := newCellParser(e.zone)
	columns := make([]*arrowColumn, len(e.schema.Fields))
	for i := range e.schema.Fields {
		c := &arrowColumn{columnCursor: e.cursor(i, e.arrow.columns[i], shared)}
		words := newInterner()
		for _, to := range []*cells{&c.page, &c.dense, &c.dictionary} {
			to.of(&e.schema.Fields[i], words)
		}
		if c.leaf != nil {
			c.openKeys(shared)
			c.openElements(words)
		}
		columns[i] = c
	}
	return columns
}
