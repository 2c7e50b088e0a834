package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

func described(name string) string { return "about " + name }

// Whoever asks, in whatever order and with whom else: a name has one index, all
// indexes are used, and what is known of a name stands there. 150,000 names meet
// in 32 bits of their hash a few times.
func TestNames(t *testing.T) {
	const all, workers = 150_000, 4
	n := newNames[string](all)
	name := func(i int) string { return fmt.Sprint("account ", i) }
	found := make([][]uint32, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			asked := make([]string, all)
			for i := range asked {
				asked[i] = name((i*7 + w*31_337) % all)
			}
			asked = append(asked, asked[:1000]...) // and again
			found[w] = make([]uint32, len(asked))
			for from := 0; from < len(asked); from += 10_000 {
				to := min(from+10_000, len(asked))
				if err := n.ofAll(found[w][from:to], asked[from:to], described); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if len(n.all()) != all {
		t.Fatalf("%d names, want %d", len(n.all()), all)
	}
	for i := range all {
		at, known := n.find(name(i))
		if !known || n.all()[at] != described(name(i)) {
			t.Fatalf("%s is at %d (%t), where %s stands", name(i), at, known, n.all()[at])
		}
		for w := range workers {
			k := (i - w*31_337%all + all) % all * 107_143 % all // where worker w asked for it: 7 × 107,143 is 1 more than 5 × all
			if asked := (k*7 + w*31_337) % all; asked != i || found[w][k] != at {
				t.Fatalf("worker %d was told %d of name %d, want %d of %d", w, found[w][k], asked, at, i)
			}
		}
	}
	if _, known := n.find("account"); known {
		t.Error("a name is there that nobody has given")
	}
}

func TestNamesHaveALimit(t *testing.T) {
	n := newNames[string](2)
	var indexes [4]uint32
	if err := n.ofAll(indexes[:], []string{"a", "", "a", ""}, described); err != nil || indexes != [4]uint32{0, 1, 0, 1} {
		t.Fatal(indexes, err)
	}
	if err := n.ofAll(indexes[:], []string{"", "a", "b"}, described); err != errTooManyNames {
		t.Errorf("got %v, want %v", err, errTooManyNames)
	}
	if i, err := n.of("a", described); i != 0 || err != nil {
		t.Errorf("a is %d, %v", i, err)
	}
}

// Names are kept apart from what they were cut out of, and from each other.
func TestNamesAreCopies(t *testing.T) {
	n := newNames[string](10)
	long := strings.Repeat("x", 3*nameBlock)
	given := []byte("abcdef" + long)
	for _, name := range []string{string(given[:3]), string(given[3:6]), long, "g"} {
		if _, err := n.of(name, func(name string) string { return name }); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"abc", "def", long, "g"}; !slices.Equal(n.all(), want) {
		t.Error(n.all())
	}
}

// BenchmarkNames: the dictionaries of 24 row groups, as a day of 20 M rows has
// them, all but the first known.
func BenchmarkNames(b *testing.B) {
	dictionaries := make([][]string, 24)
	for d := range dictionaries {
		for i := range 45_000 {
			dictionaries[d] = append(dictionaries[d], fmt.Sprintf("AC%032x", (i*7919+d*1000)%50_000))
		}
	}
	indexes := make([]uint32, 45_000)
	for b.Loop() {
		n := newNames[uint64](maxAccounts)
		for _, d := range dictionaries {
			if err := n.ofAll(indexes, d, accountHash); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*24*45_000), "ns/name")
	b.ReportMetric(0, "ns/op")
}
