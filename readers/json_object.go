package readers

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	errNotObject = errors.New("not a JSON object")
	errSecond    = errors.New("text behind the object")

	// Text that is not UTF-8 is a bad cell and not a broken file, as in CSV. A
	// key that stands twice is an error, in any object: which counts is a guess.
	jsonOptions = []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(false)}
)

// objectReader reads JSON objects into rows of cells. For one goroutine.
type objectReader struct {
	root   *jsonWants
	absent absentTexts
	have   []presence // of the fields in the row
	seen   []sighting // of the fields in any row
	levels []*jsonText
	lists  jsonText // to count the elements of a list with
	flat   flatReader

	columns []cells // the row that is being read
	n       int
	parser  *cellParser
}

// presence says whether a row has something for a field.
type presence uint8

const (
	notThere presence = iota
	bySteps
	asWhole // by a key that is the path's whole text, which goes before its steps
)

func newObjectReader(fields []Field, root *jsonWants, absent absentTexts) *objectReader {
	o := &objectReader{root: root, absent: absent, flat: newFlatReader(root)}
	o.have, o.seen = make([]presence, len(fields)), make([]sighting, len(fields))
	return o
}

// jsonText is a JSON text that is being read: a record, or what a string in
// another such text holds.
type jsonText struct {
	decoder *jsontext.Decoder
	in      bytes.Buffer // what it reads
	text    []byte       // a string without its escapes
}

func (t *jsonText) reset(text []byte) {
	t.in = *bytes.NewBuffer(text)
	if t.decoder == nil {
		t.decoder = jsontext.NewDecoder(&t.in, jsonOptions...)
		return
	}
	t.decoder.Reset(&t.in, jsonOptions...)
}

// ended makes sure that nothing but blanks is left of the text.
func (t *jsonText) ended(text []byte) error {
	if behind := text[t.decoder.InputOffset():]; len(bytes.TrimLeft(behind, " \t\r\n")) > 0 {
		return errSecond
	}
	return nil
}

// unquoted is what a JSON string says, valid until the next call. It is an
// error if that is not text: bytes that are not UTF-8, or half of a surrogate
// pair.
func (t *jsonText) unquoted(value jsontext.Value) (text []byte, err error) {
	t.text, err = jsontext.AppendUnquote(t.text[:0], value)
	return t.text, err
}

// level is the text as deep inside of strings.
func (o *objectReader) level(at int) *jsonText {
	for at >= len(o.levels) {
		o.levels = append(o.levels, &jsonText{})
	}
	return o.levels[at]
}

// begin begins row n of the columns.
func (o *objectReader) begin(columns []cells, n int, parser *cellParser) {
	o.columns, o.n, o.parser = columns, n, parser
	clear(o.have)
}

// read sets row n of the columns to what a record holds.
func (o *objectReader) read(record []byte, columns []cells, n int, parser *cellParser) error {
	o.begin(columns, n, parser)
	if !o.readFlat(record) {
		if err := o.readNested(record); err != nil {
			return err
		}
		o.flat.learn(record)
	}
	for i, presence := range o.have {
		if presence == notThere {
			columns[i].miss(n)
		} else {
			note(&o.seen[i].itself)
		}
	}
	return nil
}

// readNested sets the row's cells to what a record of any make holds.
func (o *objectReader) readNested(record []byte) error {
	t := o.level(0)
	t.reset(record)
	if t.decoder.PeekKind() != '{' {
		return errNotObject
	}
	if err := o.members(0, o.root); err != nil {
		return notJSON(err)
	}
	return t.ended(record)
}

// missIfNotThere sets the cell absent for which the row has nothing.
func (o *objectReader) missIfNotThere(field int) {
	if o.have[field] == notThere {
		o.columns[field].miss(o.n)
	} else {
		note(&o.seen[field].itself)
	}
}

// members reads the object that the text at a level is at.
func (o *objectReader) members(at int, w *jsonWants) error {
	t := o.levels[at]
	if _, err := t.decoder.ReadToken(); err != nil {
		return err
	}
	for _, field := range w.named {
		note(&o.seen[field].around)
	}
	for t.decoder.PeekKind() != '}' {
		key, err := t.decoder.ReadValue()
		if err != nil {
			return err
		}
		name, _ := t.unquoted(key) // a key that is not text is none of ours
		if member := w.members[string(name)]; member != nil {
			err = o.value(at, member)
		} else {
			err = t.decoder.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	_, err := t.decoder.ReadToken()
	return err
}

// elements reads the list that the text at a level is at.
func (o *objectReader) elements(at int, w *jsonWants) error {
	t := o.levels[at]
	if _, err := t.decoder.ReadToken(); err != nil {
		return err
	}
	for _, field := range w.placed {
		note(&o.seen[field].around)
	}
	for i := 0; t.decoder.PeekKind() != ']'; i++ {
		var err error
		if element := w.elements[i]; element != nil {
			err = o.value(at, element)
		} else {
			err = t.decoder.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	_, err := t.decoder.ReadToken()
	return err
}

// value reads the value that the text at a level is at: for the fields that
// want itself, and for those that want something in it.
func (o *objectReader) value(at int, w *jsonWants) error {
	if !w.here() {
		return o.enter(at, w)
	}
	t := o.levels[at]
	value, err := t.decoder.ReadValue()
	if err != nil {
		return err
	}
	if len(w.fields) == 1 && o.have[w.fields[0]] == notThere && len(w.whole) == 0 { // as it mostly is
		o.have[w.fields[0]] = bySteps
		o.set(&o.columns[w.fields[0]], t, value)
	} else {
		o.putAll(w, t, value)
	}
	if w.beneath() {
		o.within(at+1, value, w)
	}
	return nil
}

// putAll sets the cells of all fields that want a value itself.
func (o *objectReader) putAll(w *jsonWants, t *jsonText, value jsontext.Value) {
	for _, field := range w.whole {
		o.put(field, asWhole, t, value)
	}
	for _, field := range w.fields {
		o.put(field, bySteps, t, value)
	}
}

// enter reads what is wanted in the value that the text at a level is at. A
// string that holds an object or a list is entered like them.
func (o *objectReader) enter(at int, w *jsonWants) error {
	t := o.levels[at]
	switch kind := t.decoder.PeekKind(); {
	case kind == '{' && len(w.members) > 0:
		return o.members(at, w)
	case kind == '[' && len(w.elements) > 0:
		return o.elements(at, w)
	case kind == '"':
		value, err := t.decoder.ReadValue()
		if err != nil {
			return err
		}
		text, _ := t.unquoted(value)
		o.inside(at+1, text, w)
		return nil
	}
	return t.decoder.SkipValue()
}

// holdsJSON tells whether a text looks like an object or a list.
func holdsJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && (text[0] == '{' || text[0] == '[')
}

// inside reads what is wanted in a text that may hold JSON: the cell of any
// format, or a string. One that looks like none has nothing that is wanted.
func (o *objectReader) inside(at int, text []byte, w *jsonWants) {
	if holdsJSON(text) && !o.absent.has(text) {
		o.within(at, text, w)
	}
}

// within reads what is wanted in a value that is JSON text of its own. If it is
// not, all that is wanted in it is bad.
func (o *objectReader) within(at int, text []byte, w *jsonWants) {
	t := o.level(at)
	t.reset(text)
	err := o.enter(at, w)
	if err == nil {
		err = t.ended(text)
	}
	if err != nil {
		o.rejectBeneath(w, text)
	}
}

func (o *objectReader) rejectBeneath(w *jsonWants, text []byte) {
	reject := func(inner *jsonWants) {
		for _, field := range inner.fields {
			if o.have[field] != asWhole {
				to := &o.columns[field]
				to.reject(o.n, badCell(text, notOfKind(to.kind)))
				o.have[field] = bySteps
			}
		}
		o.rejectBeneath(inner, text)
	}
	for _, inner := range w.members {
		reject(inner)
	}
	for _, inner := range w.elements {
		reject(inner)
	}
}

// put sets the cell of a field, unless a better one is there.
func (o *objectReader) put(field int, as presence, t *jsonText, value jsontext.Value) {
	if o.have[field] >= as {
		return
	}
	to := &o.columns[field]
	if o.have[field] != notThere {
		unset(to, o.n)
	}
	o.have[field] = as
	o.set(to, t, value)
}

// unset takes back what was set in cell i.
func unset(c *cells, i int) {
	if c.Missing != nil {
		c.Missing[i] = false
	}
	if delete(c.Bad, i); len(c.Bad) == 0 {
		c.Bad = nil
	}
}

// set sets the row's cell to a value. A number is its text as written, so that
// no digit is lost and what is a number in CSV is one here.
func (o *objectReader) set(to *cells, t *jsonText, value jsontext.Value) {
	switch value.Kind() {
	case 'n':
		to.miss(o.n)
	case '{', '[':
		if to.field.Count {
			o.setCount(to, o.n, value, o.parser)
			return
		}
		if to.field.JSON && value.Compact() == nil {
			o.setText(to, value)
			return
		}
		to.reject(o.n, badCell(value, notOfKind(to.kind)))
	case '"':
		text, err := t.unquoted(value)
		if err != nil && (to.kind == Text || to.kind == EventID) {
			to.reject(o.n, badCell(text, NotText)) // other ids would become the same
			return
		}
		o.setText(to, text)
	default:
		o.setText(to, value)
	}
}

func (o *objectReader) setText(to *cells, text []byte) {
	switch {
	case o.absent.has(text):
		to.miss(o.n)
	case to.field.Count:
		o.setCount(to, o.n, text, o.parser)
	default:
		to.setText(o.n, text, o.parser)
	}
}

// setCount sets cell n to how many elements a list has, or to 1 for any other
// text that is not empty.
func (o *objectReader) setCount(to *cells, n int, text []byte, parser *cellParser) {
	if len(text) == 0 {
		to.miss(n)
		return
	}
	count, ok := int64(1), true
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		count, ok = o.count(text)
	}
	for range to.field.Scale {
		ok = ok && count <= math.MaxInt64/10
		count *= 10
	}
	if !ok {
		to.reject(n, badCell(text, NotANumber))
		return
	}
	to.Ints[n] = count
}

// count is how many elements a list has; false if it is not a list.
func (o *objectReader) count(list []byte) (n int64, ok bool) {
	t := &o.lists
	t.reset(list)
	if _, err := t.decoder.ReadToken(); err != nil {
		return 0, false
	}
	for ; t.decoder.PeekKind() != ']'; n++ {
		if err := t.decoder.SkipValue(); err != nil {
			return 0, false
		}
	}
	_, err := t.decoder.ReadToken()
	return n, err == nil && t.ended(list) == nil
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
// nobody must take for the end of the file. An error of the file stays.
func notJSON(err error) error {
	var fe *FileError
	if errors.As(err, &fe) {
		return fe
	}
	if errors.Is(err, errLongJSON) {
		return errLongJSON
	}
	var broken *jsontext.SyntacticError
	if errors.As(err, &broken) && errors.Is(err, jsontext.ErrDuplicateName) {
		return fmt.Errorf("key %q stands twice", broken.JSONPointer.LastToken())
	}
	return fmt.Errorf("not JSON: %v", err)
}
