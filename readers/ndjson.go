package readers

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	errLongLine  = fmt.Errorf("line of more than %d bytes", maxRecord)
	errNotObject = errors.New("not a JSON object")
	errSecond    = errors.New("text behind the object")
)

// openNDJSON makes sure that the file can be read. Which columns it has only
// its lines tell: a key that a line lacks is a cell that the row lacks.
func (e *Export) openNDJSON(ctx context.Context) error {
	text, err := openText(ctx, e.src, errLongLine)
	if err != nil {
		return err
	}
	text.close()
	return nil
}

// readNDJSON reads the whole file, which is one split.
func (e *Export) readNDJSON(ctx context.Context, yield func(*Batch) error) error {
	text, err := openText(ctx, e.src, errLongLine)
	if err != nil {
		return err
	}
	defer text.close()
	objects := newObjectReader(e.schema)
	return e.readRows(yield, func(columns []cells, parser *cellParser, firstRow int64) (n int, err error) {
		for ; n < BatchRows; n++ {
			row := firstRow + int64(n)
			line, ok, err := text.line()
			if err == nil && ok {
				err = objects.read(line, columns, n, parser)
			}
			if err != nil {
				return n, e.fail(row-1, fmt.Sprintf("row %d", row), err)
			}
			if !ok {
				break
			}
		}
		return n, nil
	})
}

// line is the next line without its end; false at the end of the file. It is
// valid until the next call.
func (r *textReader) line() (line []byte, ok bool, err error) {
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
		if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
			return nil, false, r.onlyBlank()
		}
		return line, true, nil
	}
}

// objectReader reads JSON objects into rows of cells. For one goroutine.
type objectReader struct {
	place   map[string]int // of a key among the fields
	have    []bool         // fields that the object has
	decoder *jsontext.Decoder
	options []jsontext.Options
	line    bytes.Buffer // what the decoder reads
	text    []byte       // a string without its escapes
}

func newObjectReader(schema *Schema) *objectReader {
	o := &objectReader{place: map[string]int{}, have: make([]bool, len(schema.Fields))}
	for i, field := range schema.Fields {
		o.place[field.Name] = i
	}
	// Text that is not UTF-8 is a bad cell and not a broken file, as in CSV. A
	// key that stands twice is an error, in any object: which counts is a guess.
	o.options = []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(false)}
	o.decoder = jsontext.NewDecoder(&o.line, o.options...)
	return o
}

// read sets row n of the columns to what a line holds.
func (o *objectReader) read(line []byte, columns []cells, n int, parser *cellParser) error {
	o.line = *bytes.NewBuffer(line)
	o.decoder.Reset(&o.line, o.options...)
	if o.decoder.PeekKind() != '{' {
		return errNotObject
	}
	if _, err := o.decoder.ReadToken(); err != nil {
		return notJSON(err)
	}
	clear(o.have)
	for o.decoder.PeekKind() != '}' {
		if err := o.readMember(columns, n, parser); err != nil {
			return notJSON(err)
		}
	}
	if _, err := o.decoder.ReadToken(); err != nil {
		return notJSON(err)
	}
	if behind := line[o.decoder.InputOffset():]; len(bytes.TrimLeft(behind, " \t\r")) > 0 {
		return errSecond
	}
	for i, has := range o.have {
		if !has {
			columns[i].miss(n)
		}
	}
	return nil
}

// readMember reads a key and its value.
func (o *objectReader) readMember(columns []cells, n int, parser *cellParser) error {
	key, err := o.decoder.ReadValue()
	if err != nil {
		return err
	}
	name, _ := o.unquoted(key) // a key that is not text is none of ours
	field, wanted := o.place[string(name)]
	if !wanted {
		return o.decoder.SkipValue()
	}
	value, err := o.decoder.ReadValue()
	if err != nil {
		return err
	}
	o.have[field] = true
	o.set(&columns[field], n, value, parser)
	return nil
}

// set sets cell n to a value. A number is its text as written, so that no
// digit is lost and what is a number in CSV is one here.
func (o *objectReader) set(to *cells, n int, value jsontext.Value, parser *cellParser) {
	switch value.Kind() {
	case 'n':
		to.miss(n)
	case '{', '[':
		to.reject(n, badCell(value, notOfKind(to.kind)))
	case '"':
		text, err := o.unquoted(value)
		if err != nil && (to.kind == Text || to.kind == EventID) {
			to.reject(n, badCell(text, NotText)) // other ids would become the same
			return
		}
		to.setText(n, text, parser)
	default:
		to.setText(n, value, parser)
	}
}

// unquoted is what a JSON string says. It is an error if that is not text:
// bytes that are not UTF-8, or half of a surrogate pair.
func (o *objectReader) unquoted(value jsontext.Value) (text []byte, err error) {
	o.text, err = jsontext.AppendUnquote(o.text[:0], value)
	return o.text, err
}

// notOfKind is what is wrong with an object or a list as a cell.
func notOfKind(kind Kind) Reason {
	switch kind {
	case Integer:
		return NotANumber
	case Instant, Date:
		return NotATime
	}
	return NotText
}

// notJSON is the decoder's error as text alone: it may be an io.EOF, which
// nobody must take for the end of the file.
func notJSON(err error) error {
	var broken *jsontext.SyntacticError
	if errors.As(err, &broken) && errors.Is(err, jsontext.ErrDuplicateName) {
		return fmt.Errorf("key %q stands twice", broken.JSONPointer.LastToken())
	}
	return fmt.Errorf("not JSON: %v", err)
}
