package readers

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	flatbuffers "github.com/google/flatbuffers/go"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// arrowMessage is one message of an Arrow stream: the schema, a dictionary or
// a record batch. What it says is checked here, before the Arrow library makes
// room for it: the library believes every size and every null count.
type arrowMessage struct {
	kind     byte
	meta     []byte // a flatbuffer
	bodySize int64

	batch *flatbuffers.Table // of a dictionary or record batch
	rows  int64
	nulls []int64 // of each node, as claimed
	id    int64   // of a dictionary
	delta bool    // adds to the dictionary of the same id
}

const (
	schemaMessage     = 1
	dictionaryMessage = 2
	batchMessage      = 3

	// Slots of the flatbuffers' tables, see Message.fbs and File.fbs of Arrow.
	messageType, messageHeader, messageBody                = 6, 8, 10
	batchLength, batchNodes, batchBuffers, batchCompressed = 4, 6, 8, 10
	dictionaryID, dictionaryData, dictionaryDelta          = 4, 6, 8
	footerDictionaries, footerBatches                      = 8, 10
	batchVariadic                                          = 12
	schemaFields, schemaExtra                              = 6, 8
	fieldKind, fieldType, fieldChildren, fieldExtra        = 8, 10, 14, 16
	kindUnion, unionIDs                                    = 14, 6
)

var errFlatbuffer = errors.New("broken metadata")

// framed cuts the flatbuffer out of a message's head: a mark, the length, the
// flatbuffer and padding. Files from before Arrow 0.15 have no mark.
func framed(head []byte) ([]byte, error) {
	if len(head) >= 8 && binary.LittleEndian.Uint32(head) == 0xffffffff {
		head = head[4:]
	}
	if len(head) < 8 || int64(binary.LittleEndian.Uint32(head)) > int64(len(head)-4) {
		return nil, errFlatbuffer
	}
	return head[4 : 4+binary.LittleEndian.Uint32(head)], nil
}

// parseArrowMessage reads what a message says of itself.
func parseArrowMessage(meta []byte) (m arrowMessage, err error) {
	defer recovered(&err)
	root := flatbuffers.Table{Bytes: meta, Pos: flatbuffers.GetUOffsetT(meta)}
	m = arrowMessage{meta: meta, kind: root.GetByteSlot(messageType, 0), bodySize: root.GetInt64Slot(messageBody, 0)}
	if m.bodySize < 0 || m.bodySize > maxArrowBody {
		return m, fmt.Errorf("a message of %d bytes (at most %d are read)", m.bodySize, maxArrowBody)
	}
	header := root.Offset(messageHeader)
	if header == 0 {
		return m, errFlatbuffer
	}
	table := new(flatbuffers.Table)
	root.Union(table, flatbuffers.UOffsetT(header))
	switch m.kind {
	case schemaMessage:
		fields := maxArrowFields
		structs(table, schemaExtra, 4)
		return m, checkFields(table, schemaFields, 0, &fields)
	case dictionaryMessage:
		m.id, m.delta = table.GetInt64Slot(dictionaryID, 0), table.GetBoolSlot(dictionaryDelta, false)
		data := table.Offset(dictionaryData)
		if data == 0 {
			return m, errFlatbuffer
		}
		table = &flatbuffers.Table{Bytes: meta, Pos: table.Indirect(flatbuffers.UOffsetT(data) + table.Pos)}
	case batchMessage:
	default:
		return m, fmt.Errorf("a message of kind %d", m.kind)
	}
	m.batch, m.rows = table, table.GetInt64Slot(batchLength, 0)
	return m, m.checkBatch()
}

// structs is where a vector of structs of some size begins, and how many there
// are.
func structs(t *flatbuffers.Table, slot flatbuffers.VOffsetT, size int) (at flatbuffers.UOffsetT, n int) {
	o := flatbuffers.UOffsetT(t.Offset(slot))
	if o == 0 {
		return 0, 0
	}
	at, n = t.Vector(o), t.VectorLen(o)
	if n < 0 || int64(at)+int64(n)*int64(size) > int64(len(t.Bytes)) {
		panic(errFlatbuffer)
	}
	return at, n
}

// checkFields holds the lengths of all lists in a schema against its size, and
// bounds how many fields there are, and how deep.
func checkFields(parent *flatbuffers.Table, slot flatbuffers.VOffsetT, depth int, left *int) error {
	at, n := structs(parent, slot, 4)
	if *left -= n; *left < 0 || depth > 64 {
		return errFlatbuffer
	}
	for i := range n {
		field := &flatbuffers.Table{Bytes: parent.Bytes, Pos: parent.Indirect(at + flatbuffers.UOffsetT(4*i))}
		structs(field, fieldExtra, 4)
		if o := field.Offset(fieldType); o != 0 && field.GetByteSlot(fieldKind, 0) == kindUnion {
			union := new(flatbuffers.Table)
			field.Union(union, flatbuffers.UOffsetT(o))
			structs(union, unionIDs, 4)
		}
		if err := checkFields(field, fieldChildren, depth+1, left); err != nil {
			return err
		}
	}
	return nil
}

// checkBatch holds the batch's sizes against its body.
func (m *arrowMessage) checkBatch() error {
	if m.rows < 0 || m.rows > maxArrowRows {
		return fmt.Errorf("a batch of %d rows (at most %d are read)", m.rows, maxArrowRows)
	}
	nodes, n := structs(m.batch, batchNodes, 16)
	for i := range n {
		at := nodes + flatbuffers.UOffsetT(16*i)
		length, nulls := m.batch.GetInt64(at), m.batch.GetInt64(at+8)
		if length < 0 || length > maxArrowBody || nulls < -1 || nulls > length {
			return fmt.Errorf("a column of %d cells, %d of them absent", length, nulls)
		}
		m.nulls = append(m.nulls, nulls)
	}
	return m.checkBuffers()
}

// doubtNulls makes null counts that say none unknown, so that the library
// looks into the bitmap; the claim is kept, and held against the bitmap later.
// Where there must be none the library wants to hear so.
func (m *arrowMessage) doubtNulls(never map[int]bool) {
	if m.batch == nil {
		return
	}
	nodes, _ := structs(m.batch, batchNodes, 16)
	for i, claimed := range m.nulls {
		if claimed == 0 && !never[i] {
			m.batch.MutateInt64(nodes+flatbuffers.UOffsetT(16*i)+8, -1)
		}
	}
}

// checkBuffers: together they are no more than the body, so that the library's
// copies of them are not.
func (m *arrowMessage) checkBuffers() error {
	left := m.bodySize
	buffers, n := structs(m.batch, batchBuffers, 16)
	for i := range n {
		at := buffers + flatbuffers.UOffsetT(16*i)
		from, size := m.batch.GetInt64(at), m.batch.GetInt64(at+8)
		if from < 0 || size < 0 || size > left || from > m.bodySize-size {
			return fmt.Errorf("a buffer of %d bytes at %d of a body of %d", size, from, m.bodySize)
		}
		left -= size
	}
	more, columns := structs(m.batch, batchVariadic, 8)
	for i := range columns {
		if count := m.batch.GetInt64(more + flatbuffers.UOffsetT(8*i)); count < 0 || count > int64(n) {
			return fmt.Errorf("a column of %d buffers among %d", count, n)
		}
	}
	return nil
}

// unpack is the body with its buffers unpacked, each marked as one that is not
// packed, which the format allows for; the metadata tells their new places.
// The library would unpack whatever is claimed, zstd in goroutines of its own.
func (m *arrowMessage) unpack(body []byte) (unpacked []byte, err error) {
	defer recovered(&err)
	if m.batch == nil || m.batch.Offset(batchCompressed) == 0 {
		return body, nil
	}
	how := flatbuffers.Table{Bytes: m.meta, Pos: m.batch.Indirect(flatbuffers.UOffsetT(m.batch.Offset(batchCompressed)) + m.batch.Pos)}
	open, free, err := arrowCodec(how.GetInt8Slot(4, 0))
	if err != nil {
		return nil, err
	}
	defer free()
	var out bytes.Buffer
	buffers, n := structs(m.batch, batchBuffers, 16)
	for i := range n {
		at := buffers + flatbuffers.UOffsetT(16*i)
		from, size := m.batch.GetInt64(at), m.batch.GetInt64(at+8)
		begin := out.Len()
		if size > 0 {
			if err := appendUnpacked(&out, body[from:from+size], open); err != nil {
				return nil, fmt.Errorf("buffer %d: %w", i, err)
			}
		}
		m.batch.MutateInt64(at, int64(begin))
		m.batch.MutateInt64(at+8, int64(out.Len()-begin))
	}
	return out.Bytes(), nil
}

// appendUnpacked: a packed buffer begins with its size unpacked, or -1 where
// it is not packed after all.
func appendUnpacked(out *bytes.Buffer, packed []byte, open func(io.Reader) (io.Reader, error)) error {
	if len(packed) < 8 {
		return errCutShort
	}
	want := int64(binary.LittleEndian.Uint64(packed))
	packed = packed[8:]
	out.Write(binary.LittleEndian.AppendUint64(nil, ^uint64(0)))
	if want == -1 {
		out.Write(packed)
		return nil
	}
	if want < 0 || want > maxArrowBody-int64(out.Len()) {
		return fmt.Errorf("unpacks to %d bytes (at most %d are read)", want, maxArrowBody)
	}
	r, err := open(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	got, err := out.ReadFrom(io.LimitReader(r, want+1))
	if err == nil && got != want {
		err = fmt.Errorf("unpacks to %d bytes or more, not %d", got, want)
	}
	return err
}

// arrowCodec opens what unpacks a buffer after the other.
func arrowCodec(kind int8) (open func(io.Reader) (io.Reader, error), free func(), err error) {
	switch kind {
	case 0:
		r := lz4.NewReader(nil)
		return func(in io.Reader) (io.Reader, error) { r.Reset(in); return r, nil }, func() {}, nil
	case 1:
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, err
		}
		return func(in io.Reader) (io.Reader, error) { return r, r.Reset(in) }, r.Close, nil
	}
	return nil, nil, fmt.Errorf("an unknown compression, %d", kind)
}
