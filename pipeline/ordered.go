package pipeline

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
)

// ordered puts encoded records in order, however many there are: they stay in
// memory up to a budget, and go to an unlinked temporary file as sorted runs
// past it, which are merged as they are read.
//
// The first 8 bytes of a record are the beginning of its order, big-endian;
// compare is asked of records in which they are the same, and must be a total
// order up to records that are alike.
type ordered struct {
	compare func(a, b []byte) int
	budget  int
	dir     string

	bytes []byte      // of the records in memory, one behind the other
	index []orderedAt // of the same
	file  *os.File
	end   int64
	runs  []extent
}

// orderedAt is where a record lies in memory, with the beginning of its order.
type orderedAt struct {
	prefix   uint64
	from, to uint32
}

const (
	orderedAtSize = 16
	smallestRun   = 64 << 10
	largestRun    = 1 << 30 // offsets are 32 bits
)

func newOrdered(budget int64, dir string, compare func(a, b []byte) int) *ordered {
	return &ordered{compare: compare, budget: int(min(max(budget, smallestRun), largestRun)), dir: dir}
}

// add takes a record, of which it keeps a copy.
func (o *ordered) add(record []byte) error {
	if len(o.index) > 0 && len(o.bytes)+len(record)+(len(o.index)+1)*orderedAtSize > o.budget {
		if err := o.spillRun(); err != nil {
			return err
		}
	}
	from := len(o.bytes)
	o.bytes = append(o.bytes, record...)
	o.index = append(o.index, orderedAt{binary.BigEndian.Uint64(record), uint32(from), uint32(len(o.bytes))})
	return nil
}

func (o *ordered) at(a *orderedAt) []byte { return o.bytes[a.from:a.to] }

func (o *ordered) sort() {
	slices.SortFunc(o.index, func(x, y orderedAt) int {
		if x.prefix != y.prefix {
			return cmp.Compare(x.prefix, y.prefix)
		}
		return o.compare(o.at(&x), o.at(&y))
	})
}

// settle sorts what is in memory: nothing will be added. What it leaves to
// each is reading, and a merge where there are runs.
func (o *ordered) settle() error {
	o.sort()
	if len(o.runs) == 0 || len(o.index) == 0 {
		return nil
	}
	err := o.writeRun()
	o.bytes, o.index = nil, nil
	return err
}

// spillRun sends what is in memory to the file, sorted.
func (o *ordered) spillRun() error {
	if o.file == nil {
		file, err := spillFile(o.dir)
		if err != nil {
			return err
		}
		o.file = file
	}
	o.sort()
	err := o.writeRun()
	o.bytes, o.index = o.bytes[:0], o.index[:0]
	return err
}

// writeRun writes what is in memory, in the order of the index, each record
// behind its length.
func (o *ordered) writeRun() error {
	w := bufio.NewWriterSize(io.NewOffsetWriter(o.file, o.end), largestBlock)
	size := int64(0)
	var length [4]byte
	for i := range o.index {
		record := o.at(&o.index[i])
		binary.LittleEndian.PutUint32(length[:], uint32(len(record)))
		w.Write(length[:])
		w.Write(record)
		size += int64(4 + len(record))
	}
	if err := w.Flush(); err != nil { // tells of any write that failed
		return fmt.Errorf("spilling: %w", err)
	}
	o.runs = append(o.runs, extent{o.end, size})
	o.end += size
	return nil
}

// each calls yield for every record in order, once they are settled. A record
// holds until the next one.
func (o *ordered) each(yield func(record []byte) error) error {
	if len(o.runs) == 0 {
		for i := range o.index {
			if err := yield(o.at(&o.index[i])); err != nil {
				return err
			}
		}
		return nil
	}
	return o.merge(yield)
}

// run is a sorted run that is being read.
type run struct {
	r      *bufio.Reader
	prefix uint64
	record []byte
}

// next reads the run's next record; false at its end.
func (r *run) next() (bool, error) {
	var length [4]byte
	if _, err := io.ReadFull(r.r, length[:]); err == io.EOF {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("reading back spilled rows: %w", err)
	}
	size := int(binary.LittleEndian.Uint32(length[:]))
	r.record = slices.Grow(r.record[:0], size)[:size]
	if _, err := io.ReadFull(r.r, r.record); err != nil {
		return false, fmt.Errorf("reading back spilled rows: %w", err)
	}
	r.prefix = binary.BigEndian.Uint64(r.record)
	return true, nil
}

// merge reads all runs side by side: a heap has the one with the first record
// on top.
func (o *ordered) merge(yield func(record []byte) error) error {
	buffer := min(max(o.budget/len(o.runs), smallestBlock), largestBlock)
	var heap []*run
	for _, e := range o.runs {
		r := &run{r: bufio.NewReaderSize(io.NewSectionReader(o.file, e.at, e.size), buffer)}
		if more, err := r.next(); err != nil {
			return err
		} else if more {
			heap = append(heap, r)
		}
	}
	for i := len(heap)/2 - 1; i >= 0; i-- {
		o.sink(heap, i)
	}
	for len(heap) > 0 {
		if err := yield(heap[0].record); err != nil {
			return err
		}
		more, err := heap[0].next()
		if err != nil {
			return err
		}
		if !more {
			heap[0] = heap[len(heap)-1]
			heap = heap[:len(heap)-1]
		}
		o.sink(heap, 0)
	}
	return nil
}

// sink puts a run below those that come before it.
func (o *ordered) sink(heap []*run, i int) {
	for {
		first := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
			if o.before(heap[child], heap[first]) {
				first = child
			}
		}
		if first == i {
			return
		}
		heap[i], heap[first] = heap[first], heap[i]
		i = first
	}
}

func (o *ordered) before(a, b *run) bool {
	if a.prefix != b.prefix {
		return a.prefix < b.prefix
	}
	return o.compare(a.record, b.record) < 0
}

// close frees the memory and the file.
func (o *ordered) close() {
	if o == nil {
		return
	}
	o.bytes, o.index, o.runs = nil, nil, nil
	if o.file != nil {
		o.file.Close()
		o.file = nil
	}
}

// compareTails is an order of records by their bytes behind the first 8.
func compareTails(a, b []byte) int { return bytes.Compare(a[8:], b[8:]) }

// spillFile is a temporary file without a name: it lives as long as it is open.
func spillFile(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, "ratemill-spill-")
	switch {
	case err != nil && temporary(err): // the disk is full
		return nil, fmt.Errorf("no room to spill: %w", err)
	case err != nil:
		return nil, &UsageError{What: "no room to spill: " + err.Error(), Hint: "name a folder that can be written: --temp-dir, temp_dir in the settings, or TMPDIR"}
	}
	os.Remove(file.Name())
	return file, nil
}

// chunks calls yield with a partition's records, block by block, in the order
// in which they came. A block holds until the next one.
func (s *spill) chunks(partition int, yield func(records []byte) error) error {
	p, open := &s.parts[partition], s.open[partition]
	for _, b := range p.blocks {
		if err := yield(b); err != nil {
			return err
		}
	}
	var buffer []byte
	for _, e := range p.inFile {
		buffer = slices.Grow(buffer[:0], int(e.size))[:e.size]
		if _, err := s.file.ReadAt(buffer, e.at); err != nil {
			return fmt.Errorf("reading back spilled rows: %w", err)
		}
		if err := yield(buffer); err != nil {
			return err
		}
	}
	if len(open) == 0 {
		return nil
	}
	return yield(open)
}

// chunks is that of each spill in turn.
func (all spills) chunks(partition int, yield func(records []byte) error) error {
	for _, s := range all {
		if err := s.chunks(partition, yield); err != nil {
			return err
		}
	}
	return nil
}
