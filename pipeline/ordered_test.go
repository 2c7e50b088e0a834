package pipeline

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestOrdered puts random records in order, in memory and in any number of
// runs: what comes out is what went in, sorted.
func TestOrdered(t *testing.T) {
	for _, c := range []struct{ records, prefixes, budget int }{
		{0, 1, 0}, {1, 1, 0}, {1000, 1, 1 << 20}, {1000, 1 << 30, 1 << 20}, {20_000, 3, 0}, {20_000, 1 << 30, 0}, {50_000, 100, 1 << 17},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(c.records), uint64(c.prefixes)))
			o := newOrdered(int64(c.budget), t.TempDir(), compareTails)
			defer o.close()
			var want [][]byte
			for range c.records {
				r := binary.BigEndian.AppendUint64(nil, uint64(random.IntN(c.prefixes)))
				for range random.IntN(40) {
					r = append(r, byte(random.IntN(256)))
				}
				want = append(want, r)
				if err := o.add(r); err != nil {
					t.Fatal(err)
				}
			}
			if err := o.settle(); err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(want, bytes.Compare)
			i := 0
			err := o.each(func(r []byte) error {
				if !bytes.Equal(r, want[i]) {
					return fmt.Errorf("record %d is %x, want %x", i, r, want[i])
				}
				i++
				return nil
			})
			if err != nil || i != len(want) {
				t.Fatalf("%d of %d records: %v", i, len(want), err)
			}
			if spilled := len(o.runs) > 1; spilled != (c.records >= 20_000) {
				t.Errorf("%d runs", len(o.runs))
			}
		})
	}
}
