package pipeline

import (
	"encoding/binary"
	"testing"
)

// What goes into a partition comes out of it, in its order, whether it stayed
// in memory, went to the file, or both; and memory stays within its budget.
func TestSpill(t *testing.T) {
	for _, test := range []struct {
		name               string
		partitions, budget int
		wantFile, unload   bool
	}{
		{"in memory", 4, 16 << 20, false, false},
		{"in memory, to be unloaded", 4, 16 << 20, false, true},
		{"partly", 4, 600_000, true, false},
		{"partly, unloaded", 4, 600_000, true, true},
		{"in the file", 128, 1, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSpill(test.partitions, int64(test.budget), t.TempDir())
			defer s.close()
			const records = 200_000
			for i := range records {
				p := i % test.partitions
				if err := s.add(p, binary.LittleEndian.AppendUint64(nil, uint64(i))); err != nil {
					t.Fatal(err)
				}
			}
			got, held := 0, 0
			for p := range s.parts {
				for _, b := range s.parts[p].blocks {
					held += len(b)
				}
			}
			if test.unload {
				if err := s.unload(); err != nil {
					t.Fatal(err)
				}
			}
			for p := range test.partitions {
				if test.unload && test.wantFile && (s.parts[p].blocks != nil || s.open[p] != nil) {
					t.Errorf("partition %d stays in memory", p)
				}
				bytes, err := spills{s}.read(nil, p)
				if err != nil || int64(len(bytes)) != s.size(p) {
					t.Fatalf("partition %d: %d bytes of %d, %v", p, len(bytes), s.size(p), err)
				}
				last := -1
				for at := 0; at < len(bytes); at += 8 {
					i := int(binary.LittleEndian.Uint64(bytes[at:]))
					if i <= last {
						t.Fatalf("partition %d: %d comes after %d", p, i, last)
					}
					last = i
					got++
				}
			}
			if got != records {
				t.Errorf("%d records came back, want %d", got, records)
			}
			if held > test.budget {
				t.Errorf("%d bytes of full blocks stayed in memory, with a budget of %d", held, test.budget)
			}
			if (s.file != nil) != test.wantFile {
				t.Errorf("there is a file: %t, want %t", s.file != nil, test.wantFile)
			}
		})
	}
}
