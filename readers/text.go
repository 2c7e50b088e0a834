package readers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

var (
	errBlankLine   = errors.New("blank line")
	errNotAsListed = errors.New("the file is not as long as it was when listed")
	byteOrderMark  = []byte("\xef\xbb\xbf")
)

// textReader holds the text of an export, unpacked, a piece at a time: what is
// read and not yet parsed. It never holds more than a record and a piece.
type textReader struct {
	src    source
	raw    *countedReader // the object as it lies
	in     io.Reader      // its text
	free   func()         // releases what unpacks it
	buffer []byte         // read and not yet parsed, from at on
	at     int
	ended  bool // in is at its end

	errLong error // for a record that does not fit in maxRecord
}

// openText reads the first piece, and passes over a byte-order mark.
func openText(ctx context.Context, src source, errLong error) (*textReader, error) {
	_, kind := packingOf(src.key)
	room := int64(readSize)
	if kind == notPacked {
		room = min(src.size+1, readSize)
	} else if src.size == 0 { // which zstd would take for an empty text
		return nil, &FileError{Key: src.key, What: fmt.Sprintf("empty file, not even %s", kind)}
	}
	object, err := src.stream(ctx)
	if err != nil {
		return nil, &FileError{Key: src.key, What: "opening it", Err: err}
	}
	r := &textReader{src: src, raw: &countedReader{in: object}, buffer: make([]byte, 0, room), errLong: errLong}
	if r.in, r.free, err = unpacked(kind, r.raw); err != nil {
		err = r.failed(err)
	} else {
		err = r.more()
	}
	if err != nil {
		r.close()
		return nil, err
	}
	if err := r.passMark(); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// passMark passes over a byte-order mark, unless it says that the text is not
// UTF-8.
func (r *textReader) passMark() error {
	for len(r.buffer) < len(byteOrderMark) && !r.ended {
		if err := r.more(); err != nil {
			return err
		}
	}
	switch {
	case bytes.HasPrefix(r.buffer, byteOrderMark):
		r.at = len(byteOrderMark)
	case bytes.HasPrefix(r.buffer, []byte("\xff\xfe")), bytes.HasPrefix(r.buffer, []byte("\xfe\xff")):
		return &FileError{Key: r.src.key, What: "the text is UTF-16, by its byte-order mark; want UTF-8"}
	}
	return nil
}

// absentTexts are what cells say that are empty.
type absentTexts []string

func (a absentTexts) has(text []byte) bool {
	for _, absent := range a {
		if string(text) == absent {
			return true
		}
	}
	return false
}

func (r *textReader) close() {
	r.free()
	r.raw.in.Close()
}

// more reads on behind what is not parsed yet, which moves to the front.
func (r *textReader) more() error {
	kept := copy(r.buffer[:cap(r.buffer)], r.buffer[r.at:])
	r.buffer, r.at = r.buffer[:kept], 0
	if kept == cap(r.buffer) {
		if kept >= maxRecord {
			return r.errLong
		}
		r.buffer = append(make([]byte, 0, max(2*kept, 4096)), r.buffer...)
	}
	n, err := io.ReadAtLeast(r.in, r.buffer[kept:cap(r.buffer)], 1)
	r.buffer = r.buffer[:kept+n]
	if err == io.EOF && r.raw.err == nil {
		r.ended = true
		if r.raw.got != r.src.size {
			return &FileError{Key: r.src.key, What: fmt.Sprintf("%d bytes of %d", r.raw.got, r.src.size), Err: errNotAsListed}
		}
		return nil
	}
	if err != nil {
		return r.failed(err)
	}
	return nil
}

// failed tells a failure of the store, which stays in the chain, from damage
// in what was packed. The latter is text alone: it may be an io.EOF, which
// nobody must take for the end of the file.
func (r *textReader) failed(err error) error {
	_, kind := packingOf(r.src.key)
	switch {
	case r.raw.err != nil:
		return &FileError{Key: r.src.key, What: "reading it", Err: r.raw.err}
	case kind != notPacked:
		return &FileError{Key: r.src.key, What: fmt.Sprintf("damaged or cut short as %s: %v", kind, err)}
	}
	return &FileError{Key: r.src.key, What: "reading it", Err: err}
}

// Read hands on what is in the buffer, and then what more reads. It is for
// those who keep what they have not parsed themselves.
func (r *textReader) Read(p []byte) (int, error) {
	for r.at == len(r.buffer) {
		if r.ended {
			return 0, io.EOF
		}
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buffer[r.at:])
	r.at += n
	return n, nil
}

// line is the next line without its end; false at the end of the file. It is
// valid until the next call. Blank lines may stand at the end alone.
func (r *textReader) line() (line []byte, ok bool, err error) {
	line, ok, err = r.anyLine()
	if ok && len(line) == 0 {
		return nil, false, r.onlyBlank("")
	}
	return line, ok, err
}

// anyLine is the next line, also if it is blank.
func (r *textReader) anyLine() (line []byte, ok bool, err error) {
	for searched := 0; ; {
		rest := r.buffer[r.at:]
		i := bytes.IndexByte(rest[searched:], '\n')
		switch {
		case i >= 0:
			line = rest[:searched+i]
			r.at += searched + i + 1
		case r.ended && len(rest) == 0:
			return nil, false, nil
		case r.ended:
			line, r.at = rest, len(r.buffer)
		default:
			searched = len(rest)
			if err := r.more(); err != nil {
				return nil, false, err
			}
			continue
		}
		return bytes.TrimSuffix(line, []byte("\r")), true, nil
	}
}

// onlyBlank lets blank lines stand at the end of a file, and only there: one
// in between is a record too few or a cell too few. Some characters count as
// nothing.
func (r *textReader) onlyBlank(nothing string) error {
	for {
		rest := bytes.TrimLeft(r.buffer[r.at:], nothing+"\r\n")
		if len(rest) > 0 {
			return errBlankLine
		}
		if r.at = len(r.buffer); r.ended {
			return nil
		}
		if err := r.more(); err != nil {
			return err
		}
	}
}

// batchRoom is for how many rows of the text at a time there is to be room: a
// row takes a byte, so that a small file does not pay for a large batch.
func (e *Export) batchRoom() int {
	if _, kind := packingOf(e.src.key); kind != notPacked {
		return BatchRows
	}
	return int(min(e.src.size+1, BatchRows))
}

// readRows yields the rows of a text, which fill sets in columns with room for
// so many; it is asked until it has none. The rows before an error are not
// yielded: the file is refused in any case.
func (e *Export) readRows(yield func(*Batch) error, fill func(columns []cells, room int, parser *cellParser, firstRow int64) (int, error)) error {
	room := e.batchRoom()
	parser, columns := newCellParser(e.zone), make([]cells, len(e.schema.Fields))
	if e.format == CSV {
		parser.marks = marksOf(e.layout)
	}
	for i := range e.schema.Fields {
		columns[i].of(&e.schema.Fields[i], newInterner())
	}
	batch := &Batch{FirstRow: 1, Columns: make([]Column, len(columns))}
	for {
		for i := range columns {
			columns[i].reset(room)
		}
		n, err := fill(columns, room, parser, batch.FirstRow)
		if err != nil || n == 0 {
			return err
		}
		batch.Len = n
		for i := range columns {
			columns[i].setLater()
			columns[i].cut(n)
			batch.Columns[i] = columns[i].Column
		}
		if err := yield(batch); err != nil {
			return err
		}
		batch.FirstRow += int64(n)
	}
}

// countedReader counts what was read of an object, and keeps the store's
// error, which what unpacks the object may put another way.
type countedReader struct {
	in  io.ReadCloser
	got int64
	err error
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	r.got += int64(n)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}
