package pipeline

import (
	"fmt"
	"os"
	"slices"
)

// spill is one worker's rows on their way from one phase to the next, cut
// into partitions. They stay in memory up to a budget and go to an unlinked
// temporary file past it, block by block, so that a small night touches no
// disk and a large one does not grow. Only its worker adds to it; once all
// workers are done, any of them may read any partition.
type spill struct {
	open   [][]byte // by partition; close together, since a worker asks for one of them for every row
	parts  []part
	block  int   // bytes of a full block
	budget int64 // bytes of full blocks that may still stay in memory
	dir    string
	file   *os.File
	end    int64 // of the file
}

// part is what is put away of a partition: full blocks in memory, then those in
// the file. What is open comes last.
type part struct {
	blocks [][]byte
	inFile []extent
}

// extent is a block in the file.
type extent struct{ at, size int64 }

// A block is no larger than that, and no smaller: blocks are what one call of
// the system writes.
const (
	largestBlock  = 64 << 10
	smallestBlock = 4 << 10
)

// newSpill is a spill of a budget that all partitions' open blocks fit into, if
// there are not too many for that.
func newSpill(partitions int, budget int64, dir string) *spill {
	block := min(max(budget/int64(partitions), smallestBlock), largestBlock)
	return &spill{open: make([][]byte, partitions), parts: make([]part, partitions), block: int(block), budget: max(0, budget-block*int64(partitions)), dir: dir}
}

// add appends a record to a partition. Records are read back in one piece
// with their neighbours, so they must tell their own length.
func (s *spill) add(partition int, record []byte) error {
	room, err := s.room(partition, len(record))
	copy(room, record)
	return err
}

// room is where a partition's next record of so many bytes goes: the caller
// fills it before it asks again.
func (s *spill) room(partition, size int) ([]byte, error) {
	open := s.open[partition]
	at := len(open)
	if at+size > cap(open) {
		return s.moreRoom(partition, size)
	}
	s.open[partition] = open[:at+size]
	return open[at : at+size], nil
}

// moreRoom is room where the open block has none: it grows up to the size of a
// block, and is put away then.
func (s *spill) moreRoom(partition, size int) ([]byte, error) {
	if at := len(s.open[partition]); at+size > s.block && at > 0 {
		if err := s.flush(partition); err != nil {
			return nil, err
		}
	}
	open := s.open[partition]
	at := len(open)
	if at+size > cap(open) {
		grown := make([]byte, at, max(at+size, min(2*at, s.block)))
		copy(grown, open)
		open = grown
	}
	s.open[partition] = open[:at+size]
	return open[at : at+size], nil
}

// flush puts the open block away: in memory while the budget lasts, else in
// the file.
func (s *spill) flush(partition int) error {
	p, open := &s.parts[partition], s.open[partition]
	size := int64(len(open))
	if len(p.inFile) == 0 && s.budget >= size {
		s.budget -= size
		p.blocks = append(p.blocks, open)
		s.open[partition] = make([]byte, 0, s.block)
		return nil
	}
	at, err := s.write(open)
	if err != nil {
		return err
	}
	p.inFile = append(p.inFile, at)
	s.open[partition] = open[:0]
	return nil
}

// write puts a block into the file.
func (s *spill) write(block []byte) (extent, error) {
	if s.file == nil {
		file, err := spillFile(s.dir)
		if err != nil {
			return extent{}, err
		}
		s.file = file
	}
	if _, err := s.file.WriteAt(block, s.end); err != nil {
		return extent{}, fmt.Errorf("spilling: %w", err)
	}
	e := extent{s.end, int64(len(block))}
	s.end += e.size
	return e, nil
}

// unload sends what is in memory to the file, if there is one: others want the
// memory before this is read again. Nothing will be added.
func (s *spill) unload() error {
	if s.file == nil {
		return nil
	}
	for i := range s.parts {
		p := &s.parts[i]
		var first []extent // blocks in memory are older than those in the file
		for _, block := range p.blocks {
			e, err := s.write(block)
			if err != nil {
				return err
			}
			first = append(first, e)
		}
		p.blocks, p.inFile = nil, append(first, p.inFile...)
		if err := s.settleInFile(i); err != nil {
			return err
		}
	}
	return nil
}

// settleInFile puts a partition's open block into the file.
func (s *spill) settleInFile(partition int) error {
	open := s.open[partition]
	s.open[partition] = nil
	if len(open) == 0 {
		return nil
	}
	e, err := s.write(open)
	s.parts[partition].inFile = append(s.parts[partition].inFile, e)
	return err
}

// size is how many bytes a partition holds.
func (s *spill) size(partition int) int64 {
	p := &s.parts[partition]
	n := int64(len(s.open[partition]))
	for _, b := range p.blocks {
		n += int64(len(b))
	}
	for _, e := range p.inFile {
		n += e.size
	}
	return n
}

// appendTo appends a partition's records to a buffer, in the order in which
// they came.
func (s *spill) appendTo(buffer []byte, partition int) ([]byte, error) {
	p := &s.parts[partition]
	for _, b := range p.blocks {
		buffer = append(buffer, b...)
	}
	for _, e := range p.inFile {
		at := len(buffer)
		buffer = slices.Grow(buffer, int(e.size))[:at+int(e.size)]
		if _, err := s.file.ReadAt(buffer[at:], e.at); err != nil {
			return nil, fmt.Errorf("reading back spilled rows: %w", err)
		}
	}
	return append(buffer, s.open[partition]...), nil
}

// drop frees the memory of a partition that has been read for the last time.
func (s *spill) drop(partition int) { s.open[partition], s.parts[partition] = nil, part{} }

// close frees all partitions and the file.
func (s *spill) close() {
	clear(s.open)
	clear(s.parts)
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}

// spills are the spills of all workers of a phase.
type spills []*spill

// read appends a partition's records of all workers to a buffer.
func (all spills) read(buffer []byte, partition int) ([]byte, error) {
	size := int64(0)
	for _, s := range all {
		size += s.size(partition)
	}
	buffer = slices.Grow(buffer, int(size)) // once
	var err error
	for _, s := range all {
		if buffer, err = s.appendTo(buffer, partition); err != nil {
			return nil, err
		}
	}
	return buffer, nil
}

func (all spills) drop(partition int) {
	for _, s := range all {
		s.drop(partition)
	}
}
