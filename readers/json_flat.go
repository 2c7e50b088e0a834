package readers

import (
	"encoding/binary"
	"math/bits"
)

// flatReader reads the records that nearly all NDJSON is made of, in one pass:
// objects of texts without escapes, in ASCII, of numbers, true, false and null,
// whose keys come in the order in which an earlier record had them, some of them
// left out perhaps. It says no to any other, which the decoder then reads; so
// that what is JSON, and what is wrong with what is none, only the decoder says.
type flatReader struct {
	wants   map[string]*jsonWants // nil where some are of more than a member itself
	shape   []flatMember          // of an earlier record, its keys all different
	members []flatMember          // of the record
	tries   int                   // records that were none, less those that were
}

// flatMember is a key with its value, of which text are the bytes between the
// quotes.
type flatMember struct {
	key, value []byte
	kind       byte // '"', 'n' of null, or '0' for the others, whose text is as it stands
	field      int  // that wants it, or -1
}

// mostTries is how many records of another make, more than were flat, end the
// attempts.
const mostTries = 1000

func newFlatReader(root *jsonWants) flatReader {
	if root == nil || len(root.elements) > 0 {
		return flatReader{}
	}
	for _, w := range root.members {
		if len(w.fields) != 1 || len(w.whole) > 0 || w.beneath() {
			return flatReader{}
		}
	}
	return flatReader{wants: root.members}
}

// read is false if the record is not flat, or its keys are not those of the
// record before.
func (f *flatReader) read(record []byte) bool {
	if f.wants == nil || f.tries > mostTries {
		return false
	}
	if f.scan(record) && f.asBefore() {
		f.tries = max(f.tries-1, 0)
		return true
	}
	f.tries++
	return false
}

// learn takes the keys of a record in which the decoder found none twice.
func (f *flatReader) learn(record []byte) {
	if f.wants == nil || f.tries > mostTries || !f.scan(record) {
		return
	}
	f.shape = f.shape[:0]
	for _, m := range f.members {
		field := -1
		if w := f.wants[string(m.key)]; w != nil {
			field = w.fields[0]
		}
		f.shape = append(f.shape, flatMember{key: append([]byte(nil), m.key...), field: field})
	}
}

// asBefore gives the members the fields that want them, and is false if their
// keys are not some of the shape's in its order.
func (f *flatReader) asBefore() bool {
	next := 0
	for i := range f.members {
		m := &f.members[i]
		for next < len(f.shape) && string(f.shape[next].key) != string(m.key) {
			next++
		}
		if next == len(f.shape) {
			return false
		}
		m.field = f.shape[next].field
		next++
	}
	return true
}

// scan finds the members of a record.
func (f *flatReader) scan(record []byte) bool {
	f.members = f.members[:0]
	at := pastSpace(record, 0)
	if at == len(record) || record[at] != '{' {
		return false
	}
	for {
		var m flatMember
		if at = pastSpace(record, at+1); at == len(record) || record[at] != '"' {
			return false
		}
		end := plainText(record, at+1)
		if end < 0 {
			return false
		}
		m.key = record[at+1 : end]
		if at = pastSpace(record, end+1); at == len(record) || record[at] != ':' {
			return false
		}
		if at = m.scanValue(record, pastSpace(record, at+1)); at < 0 {
			return false
		}
		f.members = append(f.members, m)
		if at = pastSpace(record, at); at == len(record) {
			return false
		}
		if record[at] == '}' {
			return pastSpace(record, at+1) == len(record)
		}
		if record[at] != ',' {
			return false
		}
	}
}

// scanValue takes the value at a place and is where it ends, or below 0 where it
// is none that is flat.
func (m *flatMember) scanValue(record []byte, at int) int {
	if at == len(record) {
		return -1
	}
	end := -1
	switch c := record[at]; {
	case c == '"':
		if end = plainText(record, at+1); end < 0 {
			return end
		}
		m.kind, m.value = '"', record[at+1:end]
		return end + 1
	case c == '-' || c-'0' <= 9:
		m.kind, end = '0', numberEnd(record, at)
	case c == 't':
		m.kind, end = '0', wordEnd(record, at, "true")
	case c == 'f':
		m.kind, end = '0', wordEnd(record, at, "false")
	case c == 'n':
		m.kind, end = 'n', wordEnd(record, at, "null")
	}
	if end >= 0 {
		m.value = record[at:end]
	}
	return end
}

func wordEnd(record []byte, at int, word string) int {
	if len(record)-at < len(word) || string(record[at:at+len(word)]) != word {
		return -1
	}
	return at + len(word)
}

// numberEnd is where the number of JSON's grammar ends that begins at a place.
func numberEnd(record []byte, at int) int {
	if record[at] == '-' {
		at++
	}
	from := at
	if at = digitsEnd(record, at); at == from || record[from] == '0' && at > from+1 {
		return -1
	}
	if at < len(record) && record[at] == '.' {
		from = at + 1
		if at = digitsEnd(record, from); at == from {
			return -1
		}
	}
	if at < len(record) && record[at]|0x20 == 'e' {
		if at++; at < len(record) && (record[at] == '+' || record[at] == '-') {
			at++
		}
		from = at
		if at = digitsEnd(record, from); at == from {
			return -1
		}
	}
	return at
}

func digitsEnd(record []byte, at int) int {
	for at < len(record) && record[at]-'0' <= 9 {
		at++
	}
	return at
}

func pastSpace(record []byte, at int) int {
	for at < len(record) && (record[at] == ' ' || record[at] == '\t' || record[at] == '\r' || record[at] == '\n') {
		at++
	}
	return at
}

const (
	eachByte = 0x0101010101010101
	topBits  = 0x80 * eachByte
)

// plainText is where the quote stands that ends the text that begins at a place,
// or below 0 if there is an escape, a control character or anything but ASCII
// before it. It looks at eight bytes at a time; a byte that is none of these can
// only be taken for one behind the first that is.
func plainText(record []byte, at int) int {
	for ; len(record)-at >= 8; at += 8 {
		v := binary.LittleEndian.Uint64(record[at:])
		quote, escape := v^'"'*eachByte, v^'\\'*eachByte
		odd := ((quote-eachByte)&^quote | (escape-eachByte)&^escape | (v-' '*eachByte)&^v | v) & topBits
		if odd != 0 {
			at += bits.TrailingZeros64(odd) / 8
			if record[at] == '"' {
				return at
			}
			return -1
		}
	}
	for ; at < len(record); at++ {
		switch c := record[at]; {
		case c == '"':
			return at
		case c == '\\' || c < ' ' || c >= 0x80:
			return -1
		}
	}
	return -1
}

// readFlat sets the row's cells to what a record holds, if that is flat.
func (o *objectReader) readFlat(record []byte) bool {
	if !o.flat.read(record) {
		return false
	}
	for _, field := range o.root.named {
		note(&o.seen[field].around)
	}
	for i := range o.flat.members {
		m := &o.flat.members[i]
		if m.field < 0 {
			continue
		}
		o.have[m.field] = bySteps
		switch to := &o.columns[m.field]; {
		case m.kind == 'n' || o.absent.has(m.value):
			to.miss(o.n)
		case to.kind == Text && !to.field.Count:
			to.setTextLater(o.n, m.value)
		default:
			o.setText(to, m.value)
		}
	}
	return true
}
