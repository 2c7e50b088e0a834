package readers

import "unicode/utf8"

// interner gives the texts of a split their places in the split's Dict, which
// grows with them without a limit: a column of free text in a file of one split
// is held in memory.
type interner struct {
	dict  *Dict
	place map[string]int32 // nil until a text is looked up
	block []byte           // room for the bytes of entries to come
}

func newInterner() *interner { return &interner{dict: &Dict{}} }

// intern is false for text that is not UTF-8. What is known is not checked
// again, so that rows cost a look-up and no allocation.
func (w *interner) intern(text []byte) (int32, bool) {
	if w.place == nil {
		w.learn()
	}
	if code, known := w.place[string(text)]; known {
		return code, true
	}
	if !utf8.Valid(text) {
		return Absent, false
	}
	entry, code := string(text), int32(len(w.dict.Entries))
	w.dict.Entries = append(w.dict.Entries, entry)
	w.place[entry] = code
	return code, true
}

// learn makes the entries that are there findable.
func (w *interner) learn() {
	w.place = make(map[string]int32, len(w.dict.Entries))
	for i, entry := range w.dict.Entries {
		w.place[entry] = int32(i)
	}
}

// entryBlock is the bytes of entries that are allocated together. Who keeps one
// of them keeps no more than its block.
const entryBlock = 4 << 10

// adopt takes the texts of a file's dictionary for the entries of an empty Dict,
// as they are: nothing is looked up, and two may be the same. It is false, and
// takes none, if one of them cannot be an entry: it is empty, which is an absent
// cell, or not UTF-8.
func (w *interner) adopt(texts []span, bytes []byte) bool {
	if len(w.dict.Entries) > 0 || !entriesAll(texts, bytes) {
		return false
	}
	entries := make([]string, len(texts))
	for from := 0; from < len(texts); {
		to, size := from+1, texts[from].to-texts[from].from
		for to < len(texts) && size+texts[to].to-texts[to].from <= entryBlock {
			size += texts[to].to - texts[to].from
			to++
		}
		w.block = w.block[:0]
		for _, s := range texts[from:to] {
			w.block = append(w.block, bytes[s.from:s.to]...)
		}
		block, at := string(w.block), uint32(0)
		for i, s := range texts[from:to] {
			end := at + s.to - s.from
			entries[from+i], at = block[at:end], end
		}
		from = to
	}
	w.dict.Entries = entries
	return true
}

// entriesAll tells whether all texts can be entries of a Dict.
func entriesAll(texts []span, bytes []byte) bool {
	for _, s := range texts {
		if s.from == s.to || !utf8.Valid(bytes[s.from:s.to]) {
			return false
		}
	}
	return true
}
