package readers

import "sync"

// columnRoom is where a column of a Parquet or Arrow file is decoded. What is in
// it is overwritten by the next page, and by the next column that uses it.
type columnRoom struct {
	batch cells // rows of several pages
	page  cells // the page under the cursor, a cell a row
	dense cells // the page's values without its nulls
	held  cells // the cell of the row that a page leaves open

	dictionary cells // of the chunk, a cell an entry

	raw     rawValues
	indexes []int32
	scratch []byte
	places  []int32 // of what is wanted, among the page's values
	levels  []byte  // of a page's rows, 1 where there is a value
	chunk   pageRoom
}

// pageRoom is where the pages of a column chunk are read.
type pageRoom struct {
	window           []byte
	plain            []byte
	levels, nestings []byte
}

// splitRoom is what a split of a Parquet file is read in. Splits come one after
// the other, so that each finds the room of the one before.
type splitRoom struct {
	columns  []columnRoom
	unpacker unpacker
}

var rooms = sync.Pool{New: func() any { return new(splitRoom) }}

// column is the room for a column, which goes with it until it is taken back.
func (r *splitRoom) column(i int) columnRoom {
	if i < len(r.columns) {
		return r.columns[i]
	}
	return columnRoom{}
}

// mostRoom is the bytes of a column's room above which it is given up rather
// than kept: it was a file with very large pages.
const mostRoom = 16 << 20

// mostKept is the bytes that a large dictionary may leave behind for the pages
// after it.
const mostKept = 4 << 20

// leaveLarge gives up what a large dictionary was decoded in.
func (v *rawValues) leaveLarge() {
	if v.bytes = nil; 8*cap(v.spans) > mostKept {
		v.spans = nil
	}
}

// takeBack keeps the room of columns that are read for the next split.
func (r *splitRoom) takeBack(columns []*columnCursor) {
	r.columns = r.columns[:0]
	for _, c := range columns {
		room := c.columnRoom
		if c.pages != nil {
			room.chunk = c.pages.pageRoom
		}
		if room.size() > mostRoom {
			room = columnRoom{}
		}
		room.forget()
		r.columns = append(r.columns, room)
	}
	rooms.Put(r)
}

// size is about the bytes that the room takes.
func (r *columnRoom) size() int {
	size := cap(r.chunk.window) + cap(r.chunk.plain) + 8*cap(r.raw.ints) + 8*cap(r.raw.spans) + cap(r.raw.joined) + 4*cap(r.indexes)
	for _, c := range r.cells() {
		size += 4*cap(c.Index) + 8*cap(c.Ints) + 16*cap(c.IDs) + 16*cap(c.IDTexts)
	}
	return size
}

func (r *columnRoom) cells() []*cells {
	return []*cells{&r.batch, &r.page, &r.dense, &r.held, &r.dictionary}
}

// forget lets go of what the room does not own.
func (r *columnRoom) forget() {
	for _, c := range r.cells() {
		c.n, c.field, c.words, c.Dict, c.Missing, c.Bad = 0, nil, nil, nil, nil, nil
		clear(c.IDTexts[:cap(c.IDTexts)])
	}
	r.raw.bytes, r.raw.fixed = nil, nil
}
