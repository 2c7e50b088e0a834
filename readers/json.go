package readers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	errLongLine = fmt.Errorf("line of more than %d bytes", maxRecord)
	errLongJSON = fmt.Errorf("record or text of more than %d bytes: where are the records in the document?", maxRecord)
	errNothing  = errors.New("empty file, not even a JSON document")
	errTwoWays  = errors.New("the path of the records leads to two places: it is a key, and its steps are there too")
)

// openJSON makes sure that the file can be read. Which columns it has only
// its records tell: a key that a record lacks is a cell that the row lacks.
func (e *Export) openJSON(ctx context.Context) error {
	text, err := openText(ctx, e.src, errLongLine)
	if err != nil {
		return err
	}
	text.close()
	return nil
}

// readJSON reads the whole file, NDJSON or documents, which is one split.
func (e *Export) readJSON(ctx context.Context, yield func(*Batch) error) error {
	text, err := openText(ctx, e.src, errLongLine)
	if err != nil {
		return err
	}
	defer text.close()
	next := e.recordsOf(text)
	objects := newObjectReader(e.schema.Fields, jsonWantsOf(e.schema.Fields), e.layout.Absent)
	objects.seen = e.seen
	return e.readRows(yield, func(columns []cells, room int, parser *cellParser, firstRow int64) (n int, err error) {
		for ; n < room; n++ {
			row := firstRow + int64(n)
			record, ok, err := next()
			if err == nil && ok {
				err = objects.read(record, columns, n, parser)
			}
			if err != nil {
				return n, e.fail(row-1, fmt.Sprintf("row %d", row), err)
			}
			if !ok {
				break
			}
			note(&e.anyRow)
		}
		return n, nil
	})
}

// recordsOf is a function that finds the next record of a text; it is false
// when there are no more. A record is valid until the next call, and may be
// anything but an object too.
func (e *Export) recordsOf(text *textReader) func() (record []byte, ok bool, err error) {
	switch {
	case e.format == JSON:
		return e.recordsInDocuments(text)
	case e.layout.Records.IsZero():
		return text.line
	}
	return e.recordsInLines(text)
}

// recordsInDocuments finds records in documents that stand one behind the other.
func (e *Export) recordsInDocuments(text *textReader) func() (record []byte, ok bool, err error) {
	in := &jsonStream{text: text}
	in.decoder = jsontext.NewDecoder(in, jsonOptions...)
	d := &documents{path: e.layout.Records, decoder: in.decoder}
	return func() ([]byte, bool, error) {
		record, ok, err := d.next()
		if err == nil && !ok {
			if err = d.foundNowhere(); d.count == 0 {
				err = errNothing
			}
			if err != nil {
				err = e.fail(0, "", err)
			}
		}
		return record, ok, err
	}
}

// recordsInLines finds records in lines that each hold a document.
func (e *Export) recordsInLines(text *textReader) func() (record []byte, ok bool, err error) {
	d := &documents{path: e.layout.Records, alone: true}
	var line jsonText
	line.reset(nil)
	d.decoder = line.decoder
	return func() ([]byte, bool, error) {
		for {
			record, ok, err := d.next()
			if ok || err != nil {
				return record, ok, err
			}
			document, ok, err := text.line()
			if err != nil {
				return nil, false, err
			}
			if !ok {
				if err = d.foundNowhere(); err != nil {
					err = e.fail(0, "", err)
				}
				return nil, false, err
			}
			line.reset(document)
			d.begun = false
		}
	}
}

// jsonStream is a text as a decoder reads it, which must not hold more of it
// than a record at once.
type jsonStream struct {
	text    *textReader
	decoder *jsontext.Decoder
	got     int64
}

func (s *jsonStream) Read(p []byte) (int, error) {
	if s.got-s.decoder.InputOffset() > maxRecord {
		return 0, errLongJSON
	}
	n, err := s.text.Read(p)
	s.got += int64(n)
	return n, err
}

// documents finds the records in JSON documents that stand one behind the
// other. Without a path, a document that is a list holds them, and any other
// is one. The names of an object's members are held in memory while it is
// read, to find one that stands twice.
type documents struct {
	decoder *jsontext.Decoder
	path    Path
	alone   bool // there may be but one document

	open    []opened // the objects and lists that the decoder is in
	begun   bool     // a document was
	count   int      // documents
	way     presence // by which the records were found in this one
	found   bool     // they were, in any
	deepest int      // steps of the path that lead to something
	there   []string // what there is behind the deepest
	name    []byte
}

// opened is an object or a list on the way to the records.
type opened struct {
	steps   int  // that lead to it
	list    bool // and no object
	index   int  // of the list's next element
	records bool // it is the list of records
}

// next finds the next record; false at the end.
func (d *documents) next() (record []byte, ok bool, err error) {
	for !ok && err == nil {
		if len(d.open) == 0 {
			record, ok, err = d.document()
			if err == io.EOF {
				return nil, false, nil
			}
			continue
		}
		in := &d.open[len(d.open)-1]
		if end := d.decoder.PeekKind(); end == ']' || end == '}' {
			d.open = d.open[:len(d.open)-1]
			_, err = d.decoder.ReadToken()
		} else if in.list {
			record, ok, err = d.element(in)
		} else {
			record, ok, err = d.member(in)
		}
	}
	if err != nil && err != errSecond && err != errTwoWays {
		err = notJSON(err)
	}
	return record, ok, err
}

// document begins a document; io.EOF if there is none.
func (d *documents) document() (record []byte, ok bool, err error) {
	if d.decoder.PeekKind() == jsontext.KindInvalid {
		_, err := d.decoder.ReadToken() // says why
		return nil, false, err
	}
	if d.begun && d.alone {
		return nil, false, errSecond
	}
	d.begun, d.way = true, notThere
	d.count++
	return d.value(0, bySteps)
}

func (d *documents) element(in *opened) (record []byte, ok bool, err error) {
	index := in.index
	in.index++
	if in.records {
		record, err = d.decoder.ReadValue()
		return record, err == nil, err
	}
	if step := d.path.Steps[in.steps]; step.Any || step.Index == index {
		return d.value(in.steps+1, bySteps)
	}
	return nil, false, d.decoder.SkipValue()
}

func (d *documents) member(in *opened) (record []byte, ok bool, err error) {
	key, err := d.decoder.ReadValue()
	if err != nil {
		return nil, false, err
	}
	d.name, _ = jsontext.AppendUnquote(d.name[:0], key) // a key that is not text is none of ours
	if !d.found && len(d.name) > 0 {                    // no path names a member without a name
		d.note(in.steps, Step{Name: string(d.name)})
	}
	step, top := d.path.Steps[in.steps], len(d.open) == 1
	switch {
	case top && !d.path.Simple() && string(d.name) == d.path.Text:
		return d.value(len(d.path.Steps), asWhole)
	case step.Any || step.Name == string(d.name):
		return d.value(in.steps+1, bySteps)
	}
	return nil, false, d.decoder.SkipValue()
}

// value reads the value to which so many steps of the path lead.
func (d *documents) value(steps int, way presence) (record []byte, ok bool, err error) {
	kind, last := d.decoder.PeekKind(), steps == len(d.path.Steps)
	if last {
		if d.way != notThere && d.way != way {
			return nil, false, errTwoWays // and what came first is read already
		}
		d.found, d.way = true, way
	}
	switch {
	case last && kind != '[':
		record, err = d.decoder.ReadValue()
		none := kind == 'n' && steps > 0 // as good as an empty list
		return record, err == nil && !none, err
	case last, kind == '[' && d.path.Steps[steps].Name == "",
		kind == '{' && (d.path.Steps[steps].Any || d.path.Steps[steps].Name != ""):
		d.open = append(d.open, opened{steps: steps, list: kind == '[', records: last})
		_, err = d.decoder.ReadToken()
		return nil, false, err
	}
	if kind == '[' && !d.found {
		d.note(steps, Step{Any: true})
	}
	return nil, false, d.decoder.SkipValue()
}

// note remembers what there is behind so many steps.
func (d *documents) note(steps int, there Step) {
	const most = 50
	if steps > d.deepest {
		d.deepest, d.there = steps, nil
	}
	text := pathText(append(slices.Clip(d.path.Steps[:steps]), there))
	if steps == d.deepest && len(d.there) < most && !slices.Contains(d.there, text) {
		d.there = append(d.there, text)
	}
}

// foundNowhere is the error of documents none of which has the records.
func (d *documents) foundNowhere() error {
	if d.found || d.count == 0 {
		return nil
	}
	if len(d.there) == 0 {
		return fmt.Errorf("no records at %s: there is neither an object nor a list", d.path)
	}
	return fmt.Errorf("no records at %s; there are %s", d.path, strings.Join(d.there, ", "))
}
