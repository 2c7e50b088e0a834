package readers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// What is fetched is joined where little lies between, the narrowest gaps
// first, and cut where it is large.
func TestPartsOfRanges(t *testing.T) {
	const k, m = 1 << 10, 1 << 20
	for name, c := range map[string]struct {
		needed []stretch
		want   string
	}{
		"nothing":           {nil, ""},
		"neighbours":        {[]stretch{{4, m}, {4 + m, m}}, "4+2097152"},
		"in any order":      {[]stretch{{4 + m, m}, {4, m}}, "4+2097152"},
		"twice the same":    {[]stretch{{4, m}, {4, m}}, "4+1048576"},
		"one in another":    {[]stretch{{0, 4 * k}, {k, k}, {2 * k, 4 * k}}, "0+6144"},
		"a narrow gap":      {[]stretch{{0, 100}, {100 + 16*k, 100}}, "0+16584"},
		"a gap of a tenth":  {[]stretch{{0, m}, {m + 200*k, m}}, "0+2301952"},
		"a gap over that":   {[]stretch{{0, m}, {m + 210*k, m}}, "0+1048576 1263616+1048576"},
		"the narrower gap":  {[]stretch{{0, m}, {m + 210*k, m}, {2*m + 310*k, m}}, "0+1048576 1263616+2199552"},
		"a wide gap":        {[]stretch{{0, 7 * m}, {8*m + 1, 7 * m}}, "0+7340032 8388609+7340032"},
		"more than a part":  {[]stretch{{0, 5 * m}, {5 * m, 5 * m}}, "0+5242880 5242880+5242880"},
		"a large one":       {[]stretch{{0, 12 * m}}, "0+6291456 6291456+6291456"},
		"more than is held": {[]stretch{{0, 12 * m}, {12 * m, 12 * m}, {24 * m, 12 * m}}, "0+4194304 4194304+4194304 8388608+4194304 12582912+4194304 16777216+4194304 20971520+4194304 25165824+4194304 29360128+4194304 33554432+4194304"},
	} {
		var got []string
		for _, p := range partsOf(c.needed) {
			got = append(got, fmt.Sprintf("%d+%d", p.at, p.size))
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
}

// Whatever ranges are read, by turns and in pieces of any size, they are what
// lies there, and no more is held than may be.
func TestFetchedRanges(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	content := make([]byte, 50<<20)
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	source := sourceOf(bucketOf(t, "k", content), File{Key: "k", Size: int64(len(content))})
	if !source.remote {
		t.Fatal("a bucket in memory passes for a disk")
	}
	for _, largest := range []int{100, 300 << 10, 12 << 20} {
		var ranges []stretch
		for range 12 {
			at := random.IntN(len(content))
			ranges = append(ranges, stretch{int64(at), int64(min(random.IntN(largest)+1, len(content)-at))})
		}
		f := fetch(t.Context(), source, append(ranges, ranges[0]))
		readers := []io.Reader{f.reader(ranges[0])}
		got := make([]bytes.Buffer, len(ranges)+1)
		for _, r := range ranges {
			readers = append(readers, f.reader(r))
		}
		for open := len(readers); open > 0; {
			for i, r := range readers {
				if r == nil {
					continue
				}
				if _, err := io.CopyN(&got[i], r, int64(random.IntN(largest))); errors.Is(err, io.EOF) {
					readers[i] = nil
					open--
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
		for i, r := range slices.Concat(ranges[:1], ranges) {
			if !bytes.Equal(got[i].Bytes(), content[r.at:r.end()]) {
				t.Errorf("%d bytes at %d are others", r.size, r.at)
			}
		}
		if f.held != 0 {
			t.Errorf("%d bytes are held in the end", f.held)
		}
		f.close()
	}
}

// A range that cannot be read is an error for who reads it, and ends nobody
// else's wait.
func TestFetchFails(t *testing.T) {
	content := make([]byte, 4<<20)
	source := sourceOf(bucketOf(t, "k", content), File{Key: "k", Size: 8 << 20}) // by its list
	f := fetch(t.Context(), source, []stretch{{0, 1 << 20}, {6 << 20, 1 << 20}})
	defer f.close()
	if _, err := io.Copy(io.Discard, f.reader(stretch{0, 1 << 20})); err != nil {
		t.Error(err)
	}
	_, err := io.Copy(io.Discard, f.reader(stretch{6 << 20, 1 << 20}))
	refused(t, err, "k: reading bytes 6291456 to 7340032 of 8388608")
	f.cancel()
}
