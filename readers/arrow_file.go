package readers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	flatbuffers "github.com/google/flatbuffers/go"
)

// arrowLayout is what is known of an Arrow export since it was opened.
type arrowLayout struct {
	tree    []*node      // all columns
	columns []*leaf      // one a field of the schema, nil where there is none
	never   map[int]bool // places of null counts that are always 0

	// Of a file; a stream is read in order.
	schema       arrowBlock
	dictionaries []arrowBlock
	batches      []arrowBlock
	rows         int64
}

// arrowBlock is where a message of a file lies.
type arrowBlock struct {
	at, head, body int64
	firstRow, rows int64 // of a batch
}

func (b arrowBlock) end() int64 { return b.at + b.head + b.body }

func (b arrowBlock) stretch() stretch { return stretch{b.at, b.head + b.body} }

var arrowMagic = []byte("ARROW1")

// openArrowFile reads the footer, the schema and the head of every batch, which
// says how many rows it has. A batch that a damaged footer does not name would
// be lost without a word; so what the footer names must fill the file.
func (e *Export) openArrowFile(ctx context.Context) (err error) {
	defer recovered(&err)
	if err := e.src.readFront(ctx); err != nil {
		return err
	}
	s := &section{ctx: ctx, source: e.src}
	if s.remote && !s.whole {
		if _, err := readTail(s, s.tailSize()); err != nil {
			return err
		}
	}
	footerAt, err := e.readArrowFooter(s)
	if err != nil {
		return err
	}
	a := &e.arrow
	all := slices.Concat(a.dictionaries, a.batches)
	slices.SortFunc(all, func(x, y arrowBlock) int { return int(max(min(x.at-y.at, 1), -1)) })
	end := footerAt
	if len(all) > 0 {
		end = all[0].at
	}
	if a.schema, err = schemaBlock(s, end); err != nil {
		return err
	}
	before := a.schema
	for _, b := range append(all, arrowBlock{at: footerAt}) {
		if gap := b.at - before.end(); gap < 0 || gap >= 64 { // less than a message has
			return fmt.Errorf("broken Arrow footer: %d bytes at %d belong to no batch", gap, before.end())
		}
		before = b
	}
	heads := make([]stretch, len(a.batches))
	for i, b := range a.batches {
		heads[i] = stretch{b.at, b.head}
	}
	defer s.fetching(heads)()
	for i := range a.batches {
		b := &a.batches[i]
		m, err := readHead(s.reader(heads[i]), *b)
		if err == nil && (m.kind != batchMessage || m.bodySize > b.body) {
			err = errFlatbuffer
		}
		if err != nil {
			return fmt.Errorf("record batch %d: %w", i, err)
		}
		b.firstRow, b.rows = a.rows+1, m.rows
		a.rows += m.rows
	}
	s.ahead = nil
	return e.readArrowSchema(e.fileMessages(s, -1))
}

// readArrowFooter finds the blocks, and where the footer begins.
func (e *Export) readArrowFooter(s *section) (at int64, err error) {
	const frame = 10 // length and magic
	if s.size < frame+8 {
		return 0, fmt.Errorf("not an Arrow file: %d bytes", s.size)
	}
	var first [6]byte
	var last [frame]byte
	if _, err := s.ReadAt(first[:], 0); err != nil {
		return 0, err
	}
	if _, err := s.ReadAt(last[:], s.size-frame); err != nil {
		return 0, err
	}
	if !bytes.Equal(first[:], arrowMagic) || !bytes.Equal(last[4:], arrowMagic) {
		return 0, fmt.Errorf("not an Arrow file, or cut short: it does not begin and end with %s", arrowMagic)
	}
	size := int64(binary.LittleEndian.Uint32(last[:]))
	at = s.size - frame - size
	if size < 8 || size > maxArrowMeta || at < 8 {
		return 0, fmt.Errorf("broken Arrow footer: %d bytes", size)
	}
	footer := make([]byte, size)
	if _, err := s.ReadAt(footer, at); err != nil {
		return 0, err
	}
	root := flatbuffers.Table{Bytes: footer, Pos: flatbuffers.GetUOffsetT(footer)}
	e.arrow.dictionaries = arrowBlocks(&root, footerDictionaries)
	e.arrow.batches = arrowBlocks(&root, footerBatches)
	for _, b := range slices.Concat(e.arrow.dictionaries, e.arrow.batches) {
		if b.at < 8 || b.head < 8 || b.head > maxArrowMeta || b.body < 0 || b.body > maxArrowBody || b.end() > at {
			return 0, fmt.Errorf("broken Arrow footer: a batch of %d and %d bytes at %d", b.head, b.body, b.at)
		}
	}
	return at, nil
}

func arrowBlocks(footer *flatbuffers.Table, slot flatbuffers.VOffsetT) []arrowBlock {
	at, n := structs(footer, slot, 24)
	if n > maxArrowBatch {
		panic(errFlatbuffer)
	}
	blocks := make([]arrowBlock, n)
	for i := range blocks {
		p := at + flatbuffers.UOffsetT(24*i)
		blocks[i] = arrowBlock{at: footer.GetInt64(p), head: int64(footer.GetInt32(p + 8)), body: footer.GetInt64(p + 16)}
	}
	return blocks
}

// schemaBlock is the schema, which stands behind the magic and reaches at most
// to the first batch.
func schemaBlock(s *section, end int64) (arrowBlock, error) {
	var prefix [8]byte
	if _, err := s.ReadAt(prefix[:], 8); err != nil {
		return arrowBlock{}, err
	}
	size := int64(binary.LittleEndian.Uint32(prefix[:])) + 4
	if size == 0xffffffff+4 {
		size = int64(binary.LittleEndian.Uint32(prefix[4:])) + 8
	}
	if size > maxArrowMeta || 8+size > end {
		return arrowBlock{}, fmt.Errorf("broken Arrow file: a schema of %d bytes", size)
	}
	return arrowBlock{at: 8, head: size}, nil
}

// readHead reads what says how a batch lies, with which a block begins.
func readHead(in io.Reader, b arrowBlock) (arrowMessage, error) {
	head := make([]byte, b.head)
	if _, err := io.ReadFull(in, head); err != nil {
		return arrowMessage{}, err
	}
	meta, err := framed(head)
	if err != nil {
		return arrowMessage{}, err
	}
	return parseArrowMessage(meta)
}

// arrowMessages gives the Arrow library one checked message after the other.
type arrowMessages struct {
	next  func() (arrowMessage, []byte, error) // io.EOF behind the last
	batch arrowMessage                         // the last record batch
	err   error                                // what went wrong, not as the library tells it
	ended bool
	seen  map[int64]bool // ids of dictionaries
	once  bool           // none may come again
	never map[int]bool   // see arrowLayout
}

func (m *arrowMessages) Retain()  {}
func (m *arrowMessages) Release() {}

// Message is the next message. The library takes an io.EOF for the end.
func (m *arrowMessages) Message() (*ipc.Message, error) {
	if m.ended || m.err != nil {
		return nil, io.EOF
	}
	message, body, err := m.next()
	if err == io.EOF {
		m.ended = true
		return nil, err
	}
	if err == nil {
		body, err = message.unpack(body)
	}
	if message.kind == dictionaryMessage {
		if m.once && m.seen[message.id] && !message.delta {
			err = errors.Join(err, fmt.Errorf("dictionary %d is replaced, which is for streams only", message.id))
		}
		m.seen[message.id] = true
	}
	if m.err = err; err != nil {
		return nil, err
	}
	if message.kind == batchMessage {
		m.batch = message
		message.doubtNulls(m.never)
	} else {
		message.doubtNulls(nil)
	}
	return ipc.NewMessage(memory.NewBufferBytes(message.meta), memory.NewBufferBytes(body)), nil
}

// messageBlocks are the schema, all dictionaries, and one batch or none.
func (e *Export) messageBlocks(split int) []arrowBlock {
	blocks := append([]arrowBlock{e.arrow.schema}, e.arrow.dictionaries...)
	if split >= 0 {
		blocks = append(blocks, e.arrow.batches[split])
	}
	return blocks
}

func (e *Export) batchStretches(split int) (all []stretch) {
	for _, b := range e.messageBlocks(split) {
		all = append(all, b.stretch())
	}
	return all
}

// fileMessages are the schema, all dictionaries, and one batch or none.
func (e *Export) fileMessages(s *section, split int) *arrowMessages {
	blocks := e.messageBlocks(split)
	next := func() (m arrowMessage, body []byte, err error) {
		if len(blocks) == 0 {
			return m, nil, io.EOF
		}
		b := blocks[0]
		blocks = blocks[1:]
		in := s.reader(b.stretch())
		if m, err = readHead(in, b); err != nil {
			return m, nil, err
		}
		if m.bodySize > b.body {
			return m, nil, errFlatbuffer
		}
		body = make([]byte, m.bodySize)
		for at := int64(0); at < m.bodySize; at += readSize {
			piece := body[at:min(at+readSize, m.bodySize)]
			if _, err := io.ReadFull(in, piece); err != nil {
				return m, nil, err
			}
		}
		return m, body, nil
	}
	return &arrowMessages{next: next, seen: map[int64]bool{}, once: true, never: e.arrow.never}
}

// openArrowStream reads the schema, with which a stream begins.
func (e *Export) openArrowStream(ctx context.Context) error {
	messages, free, err := e.streamMessages(ctx)
	if err != nil {
		return err
	}
	defer free()
	return e.readArrowSchema(messages)
}

// streamMessages reads the messages of a stream to its end mark, behind which
// nothing may stand. Arrow lets a stream go without the mark; but then nobody
// can tell whether it is whole.
func (e *Export) streamMessages(ctx context.Context) (messages *arrowMessages, free func(), err error) {
	object, err := e.src.stream(ctx)
	if err != nil {
		return nil, nil, &FileError{Key: e.src.key, What: "opening it", Err: err}
	}
	in, left := bufio.NewReaderSize(object, packedSize), e.src.size
	read := func(n int64) ([]byte, error) {
		if n < 0 || n > left {
			return nil, fmt.Errorf("the stream is cut short: %d bytes of %d", left, n)
		}
		left -= n
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil, errNotAsListed
		} else if err != nil {
			return nil, &FileError{Key: e.src.key, What: "reading it", Err: err}
		}
		return b, nil
	}
	next := func() (m arrowMessage, body []byte, err error) {
		length, err := read(4)
		if err == nil && binary.LittleEndian.Uint32(length) == 0xffffffff {
			length, err = read(4)
		}
		if err != nil {
			return m, nil, err
		}
		size := int64(binary.LittleEndian.Uint32(length))
		if size == 0 {
			if _, err := in.ReadByte(); err != io.EOF || left > 0 {
				return m, nil, errors.New("goes on behind the stream's end mark")
			}
			return m, nil, io.EOF
		}
		if size > maxArrowMeta {
			return m, nil, errFlatbuffer
		}
		meta, err := read(size)
		if err != nil {
			return m, nil, err
		}
		if m, err = parseArrowMessage(meta); err != nil {
			return m, nil, err
		}
		body, err = read(m.bodySize)
		return m, body, err
	}
	return &arrowMessages{next: next, seen: map[int64]bool{}, never: e.arrow.never}, func() { object.Close() }, nil
}
