package pipeline

import (
	"fmt"
	"io"
	"os"
	"slices"
)

// spill is one worker's rows on their way from one phase to the next, cut
// into partitions. They stay in memory up to a budget and go to unlinked
// temporary files past it, so that a small night touches no disk and a large
// one does not grow. Only its worker adds to it; once all workers are done,
// any of them may read any partition.
type spill struct {
	parts  []part
	budget int64 // bytes that may still stay in memory
	dir    string
}

// part is one partition: full blocks in memory, the rest in a file.
type part struct {
	open   []byte
	blocks [][]byte
	file   *os.File
	inFile int64
}

const blockSize = 64 << 10

func newSpill(partitions int, budget int64, dir string) *spill {
	return &spill{parts: make([]part, partitions), budget: budget, dir: dir}
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
	p := &s.parts[partition]
	at := len(p.open)
	if at+size > blockSize && at > 0 {
		if err := s.flush(p); err != nil {
			return nil, err
		}
		at = 0
	}
	if at+size > cap(p.open) {
		p.open = slices.Grow(p.open, max(size, min(at, blockSize-at)))
	}
	p.open = p.open[:at+size]
	return p.open[at:], nil
}

// flush puts the open block away: in memory while the budget lasts, else in
// the partition's file.
func (s *spill) flush(p *part) error {
	if s.budget >= int64(len(p.open)) {
		s.budget -= int64(len(p.open))
		p.blocks = append(p.blocks, p.open)
		p.open = make([]byte, 0, blockSize)
		return nil
	}
	if p.file == nil {
		file, err := os.CreateTemp(s.dir, "ratemill-spill-")
		if err != nil {
			return fmt.Errorf("no room to spill: %w", err)
		}
		p.file = file
		os.Remove(file.Name()) // it lives as long as it is open
	}
	n, err := p.file.Write(p.open)
	p.inFile += int64(n)
	p.open = p.open[:0]
	if err != nil {
		return fmt.Errorf("spilling: %w", err)
	}
	return nil
}

// size is how many bytes a partition holds.
func (s *spill) size(partition int) int64 {
	p := &s.parts[partition]
	n := p.inFile + int64(len(p.open))
	for _, b := range p.blocks {
		n += int64(len(b))
	}
	return n
}

// appendTo appends a partition's records to a buffer, as they came where they
// are of one size. Only what is quicker on what is nearly sorted relies on it.
func (s *spill) appendTo(buffer []byte, partition int) ([]byte, error) {
	p := &s.parts[partition]
	for _, b := range p.blocks {
		buffer = append(buffer, b...)
	}
	if p.inFile > 0 {
		at := len(buffer)
		buffer = slices.Grow(buffer, int(p.inFile))[:at+int(p.inFile)]
		if _, err := io.ReadFull(io.NewSectionReader(p.file, 0, p.inFile), buffer[at:]); err != nil {
			return nil, fmt.Errorf("reading back spilled rows: %w", err)
		}
	}
	return append(buffer, p.open...), nil
}

// drop frees a partition that has been read for the last time.
func (s *spill) drop(partition int) {
	p := &s.parts[partition]
	if p.file != nil {
		p.file.Close()
	}
	*p = part{}
}

// close frees all partitions.
func (s *spill) close() {
	for i := range s.parts {
		s.drop(i)
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
