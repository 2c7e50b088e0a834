package readers

import (
	"hash/maphash"
	"strings"
	"unicode/utf8"
)

// interner gives the texts of a split their places in the split's Dict, which
// grows with them without a limit: a column of free text in a file of one split
// is held in memory.
type interner struct {
	dict  *Dict
	slots []uint64 // hash << 32 | place + 1; 0 where free. A power of two, half of them free; nil until a text is looked up
	block strings.Builder
}

func newInterner() *interner { return &interner{dict: &Dict{}} }

// textSeed is of the hashes of texts. They order nothing.
var textSeed = maphash.MakeSeed()

func hashText(text []byte) uint32 { return uint32(maphash.Bytes(textSeed, text) >> 32) }

// intern is false for text that is not UTF-8. What is known is not checked
// again, so that rows cost a look-up and no allocation.
func (w *interner) intern(text []byte) (int32, bool) {
	if w.slots == nil {
		w.learn()
	}
	return w.internHashed(text, hashText(text))
}

func (w *interner) internHashed(text []byte, hash uint32) (int32, bool) {
	for at := int(hash); ; at++ {
		slot := w.slots[at&(len(w.slots)-1)]
		if slot == 0 {
			break
		}
		if place := uint32(slot) - 1; uint32(slot>>32) == hash && w.dict.Entries[place] == string(text) {
			return int32(place), true
		}
	}
	if !utf8.Valid(text) {
		return Absent, false
	}
	w.dict.Entries = append(w.dict.Entries, w.keep(text))
	if 2*len(w.dict.Entries) > len(w.slots) {
		w.learn()
	} else {
		w.put(hash, len(w.dict.Entries)-1)
	}
	return int32(len(w.dict.Entries) - 1), true
}

// textsAtOnce is how many texts are looked up together. Where there are many,
// no cache holds their slots and entries: so none waits for the one before.
const textsAtOnce = 128

// internAll sets codes to the places of texts, Absent for one that is empty or
// not UTF-8, of which there is one if it is false.
func (w *interner) internAll(codes []int32, texts []span, bytes []byte) (all bool) {
	if w.slots == nil {
		w.learn()
	}
	var hashes [textsAtOnce]uint32
	var slots [textsAtOnce]uint64
	for all = true; len(texts) > 0; {
		some := texts[:min(len(texts), textsAtOnce)]
		for i, s := range some {
			hashes[i] = hashText(bytes[s.from:s.to])
			slots[i] = w.slots[int(hashes[i])&(len(w.slots)-1)]
		}
		for i, s := range some {
			text := bytes[s.from:s.to]
			if place := uint32(slots[i]) - 1; slots[i] != 0 && uint32(slots[i]>>32) == hashes[i] && w.dict.Entries[place] == string(text) {
				codes[i] = int32(place)
				continue
			}
			if codes[i] = Absent; len(text) > 0 {
				codes[i], _ = w.internHashed(text, hashes[i])
			}
			all = all && codes[i] != Absent
		}
		texts, codes = texts[len(some):], codes[len(some):]
	}
	return all
}

// learn makes the entries that are there findable, with room for as many more.
func (w *interner) learn() {
	size := 64
	for size < 4*len(w.dict.Entries) {
		size *= 2
	}
	w.slots = make([]uint64, size)
	for i, entry := range w.dict.Entries {
		w.put(uint32(maphash.String(textSeed, entry)>>32), i)
	}
}

func (w *interner) put(hash uint32, place int) {
	at := int(hash)
	for w.slots[at&(len(w.slots)-1)] != 0 {
		at++
	}
	w.slots[at&(len(w.slots)-1)] = uint64(hash)<<32 | uint64(place+1)
}

// keep is a text as an entry.
func (w *interner) keep(text []byte) string {
	if w.block.Cap()-w.block.Len() < len(text) {
		w.block = strings.Builder{}
		if w.block.Grow(len(text)); len(w.dict.Entries) > 100 { // of many
			w.block.Grow(max(entryBlock, len(text)))
		}
	}
	from := w.block.Len()
	w.block.Write(text)
	return w.block.String()[from:]
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
		var joined strings.Builder
		joined.Grow(int(size))
		for _, s := range texts[from:to] {
			joined.Write(bytes[s.from:s.to])
		}
		block, at := joined.String(), uint32(0)
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
