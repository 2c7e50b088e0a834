package writers

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// span is from the least to the greatest value of a page or of a row group.
type span struct {
	isSet             bool
	low, high         int64 // of numbers; of booleans, 0 and 1
	lowText, highText string
}

// add takes in a text.
func (s *span) add(text string) {
	switch {
	case !s.isSet:
		*s = span{isSet: true, lowText: text, highText: text}
	case text < s.lowText:
		s.lowText = text
	case text > s.highText:
		s.highText = text
	}
}

// widen takes in another span.
func (s *span) widen(by span) {
	switch {
	case !by.isSet:
	case !s.isSet:
		*s = by
	default:
		*s = span{true, min(s.low, by.low), max(s.high, by.high), min(s.lowText, by.lowText), max(s.highText, by.highText)}
	}
}

// values are what a page index is told. It asks for none of a column of 16
// bytes (see bounds.go).
func (s *span) values(kind reflect.Kind) (low, high parquet.Value) {
	if !s.isSet {
		return low, high
	}
	switch kind {
	case reflect.String:
		return parquet.ByteArrayValue([]byte(s.lowText)), parquet.ByteArrayValue([]byte(s.highText))
	case reflect.Bool:
		return parquet.BooleanValue(s.low == 1), parquet.BooleanValue(s.high == 1)
	case reflect.Int32:
		return parquet.Int32Value(int32(s.low)), parquet.Int32Value(int32(s.high))
	}
	return parquet.Int64Value(s.low), parquet.Int64Value(s.high)
}

// bytes are what the footer says; nil where there are no values.
func (s *span) bytes(kind reflect.Kind) (low, high []byte) {
	first, last := s.values(kind)
	if !s.isSet {
		return nil, nil
	}
	return first.AppendBytes([]byte{}), last.AppendBytes([]byte{})
}

// words are the dictionary of a column.
type words struct {
	at    map[string]int32
	list  []string
	plain []byte // as they are written
	last  int32  // the one that was asked for last
	met   []bool // while a page's span is found
}

func newWords() *words { return &words{at: map[string]int32{}} }

func (w *words) empty() {
	clear(w.at)
	clear(w.list)
	w.list, w.plain = w.list[:0], w.plain[:0]
}

// size is the bytes of all texts.
func (w *words) size() int { return len(w.plain) - 4*len(w.list) }

// find makes a text the last one.
func (w *words) find(text string) {
	at, is := w.at[text]
	if !is {
		text = strings.Clone(text) // it may be cut out of much more
		at = int32(len(w.list))
		w.at[text], w.list = at, append(w.list, text)
		w.plain = appendText(w.plain, text)
	}
	w.last = at
}

// span is that of a page.
func (w *words) span(indexes []int32) (s span) {
	w.met = append(w.met[:0], make([]bool, len(w.list))...)
	for _, i := range indexes {
		if !w.met[i] {
			w.met[i] = true
			s.add(w.list[i])
		}
	}
	return s
}

// appendText appends a text as it stands in a plain page.
func appendText(to []byte, text string) []byte {
	return append(binary.LittleEndian.AppendUint32(to, uint32(len(text))), text...)
}

// histogram counts the levels of a column that has some, in the row group and
// page after page.
type histogram struct{ all, pages []int64 }

func newHistogram(most byte) histogram {
	if most == 0 {
		return histogram{}
	}
	return histogram{all: make([]int64, int(most)+1)}
}

// add counts the levels of a page.
func (h *histogram) add(levels []byte) {
	left := len(levels)
	for level := range h.all {
		n := left
		if level+1 < len(h.all) {
			n = bytes.Count(levels, []byte{byte(level)})
		}
		left -= n
		h.all[level] += int64(n)
		h.pages = append(h.pages, int64(n))
	}
}

// One text that is not UTF-8 in a column of text makes DuckDB and others refuse
// the whole file, so a table refuses the row.
func notUTF8(field, text string) error { return fmt.Errorf("%s %q is not UTF-8", field, text) }
