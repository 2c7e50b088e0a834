package readers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// records reads the records of a CSV file by RFC 4180. encoding/csv is not
// used because it allocates a string a record, drops blank lines and turns
// CRLF inside of quotes into LF; a row number must count every row, and a cell
// is as written.
type records struct {
	*textReader
	delimiter byte
	single    bool // records are of one cell, so that a blank line is one
	trim      bool // blanks around cells are none of them
	csvLines

	record [][]byte // the record that next found; valid until the next call
	spans  []cellSpan
}

// cellSpan is where a cell lies in the buffer, without its quotes.
type cellSpan struct {
	from, to int
	doubled  bool // it holds doubled quotes
}

var (
	errMore       = errors.New("the record is not whole in the buffer")
	errOpenQuote  = errors.New("a quote is never closed")
	errBareQuote  = errors.New(`a quote inside of a cell that is not quoted`)
	errAfterQuote = errors.New("text behind a closing quote")
	errLongRecord = fmt.Errorf("record of more than %d bytes: a quote was not closed?", maxRecord)
)

func openRecords(ctx context.Context, src source, delimiter byte) (*records, error) {
	text, err := openText(ctx, src, errLongRecord)
	if err != nil {
		return nil, err
	}
	return &records{textReader: text, delimiter: delimiter}, nil
}

// next finds the next record; false at the end of the file.
func (r *records) next() (bool, error) {
	for {
		if ok, err := r.found(); !ok || err != nil {
			return false, err
		}
		after, err := r.split()
		if err == errMore {
			if err = r.more(); err == nil {
				continue
			}
		}
		if err != nil {
			return false, err
		}
		if !r.single && r.isBlank() {
			r.at = after
			return false, r.onlyBlank(r.blanks())
		}
		r.at = after
		r.take()
		return true, nil
	}
}

// isBlank tells whether the record that split found is a blank line.
func (r *records) isBlank() bool {
	first := r.spans[0]
	return len(r.spans) == 1 && first.from == r.at && (first.to == r.at || r.trim && r.pastBlanks(r.at) >= first.to)
}

// split finds the cells of the record at r.at and where the next one begins.
// It changes nothing, so that it can be tried again with more in the buffer.
func (r *records) split() (after int, err error) {
	r.spans = r.spans[:0]
	for at := r.at; ; at++ {
		var span cellSpan
		begin := at
		if r.trim {
			begin = r.pastBlanks(at)
		}
		if begin == len(r.buffer) && !r.ended {
			return 0, errMore
		}
		if begin < len(r.buffer) && r.buffer[begin] == '"' {
			span, at, err = r.quoted(begin)
		} else {
			span, at, err = r.unquoted(at)
		}
		if err != nil {
			return 0, err
		}
		r.spans = append(r.spans, span)
		// at is behind the cell: at a delimiter, a line's end or the file's.
		switch {
		case at == len(r.buffer):
			return at, nil
		case r.buffer[at] == '\r':
			return min(at+2, len(r.buffer)), nil
		case r.buffer[at] == '\n':
			return at + 1, nil
		}
	}
}

func (r *records) unquoted(at int) (cellSpan, int, error) {
	from, delimiter := at, r.delimiter
	for ; at < len(r.buffer); at++ {
		switch r.buffer[at] {
		case delimiter, '\n':
			return cellSpan{from: from, to: at}, at, nil
		case '"':
			return cellSpan{}, at, r.oddQuote(errBareQuote, at-1)
		case '\r':
			if end, err := r.lineEnd(at); end || err != nil {
				return cellSpan{from: from, to: at}, at, err
			}
		}
	}
	if !r.ended {
		return cellSpan{}, at, errMore
	}
	return cellSpan{from: from, to: at}, at, nil
}

func (r *records) quoted(at int) (cellSpan, int, error) {
	span := cellSpan{from: at + 1}
	for at++; ; at++ {
		i := bytes.IndexByte(r.buffer[at:], '"')
		if i < 0 || at+i+1 == len(r.buffer) && !r.ended {
			if r.ended {
				return span, at, errOpenQuote
			}
			return span, at, errMore
		}
		if at += i + 1; at < len(r.buffer) && r.buffer[at] == '"' {
			span.doubled = true
			continue
		}
		span.to = at - 1
		if r.trim {
			if at = r.pastBlanks(at); at == len(r.buffer) && !r.ended {
				return span, at, errMore
			}
		}
		if at == len(r.buffer) || r.buffer[at] == r.delimiter || r.buffer[at] == '\n' {
			return span, at, nil
		}
		end, err := r.lineEnd(at)
		if err == nil && !end {
			err = r.oddQuote(errAfterQuote, at)
		}
		return span, at, err
	}
}

// oddQuote is an error about a quote, with a hint if what stands beside it may
// be the delimiter of the file.
func (r *records) oddQuote(err error, beside int) error {
	if c := r.buffer[beside]; bytes.IndexByte(otherDelimiters, c) >= 0 {
		return fmt.Errorf("%w%s", err, hintAt(c))
	}
	return err
}

// lineEnd says whether a CRLF is at a place, or a CR that ends the file. A CR
// anywhere else is an ordinary byte.
func (r *records) lineEnd(at int) (bool, error) {
	switch {
	case r.buffer[at] != '\r':
		return false, nil
	case at+1 < len(r.buffer):
		return r.buffer[at+1] == '\n', nil
	case r.ended:
		return true, nil
	}
	return false, errMore
}

// take makes the cells that split found the record, and undoubles quotes.
func (r *records) take() {
	r.record = r.record[:0]
	for _, span := range r.spans {
		cell := r.buffer[span.from:span.to]
		if span.doubled {
			cell = undouble(cell)
		}
		if r.trim {
			cell = bytes.Trim(cell, " \t")
		}
		r.record = append(r.record, cell)
	}
}

// undouble makes one quote of each two, in place.
func undouble(cell []byte) []byte {
	n := 0
	for i := 0; i < len(cell); i++ {
		cell[n] = cell[i]
		n++
		if cell[i] == '"' {
			i++
		}
	}
	return cell[:n]
}
