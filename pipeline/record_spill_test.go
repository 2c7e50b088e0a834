package pipeline

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"ratemill/rating/calendar"
)

// Records come back as they went, in the order of short ones, then long ones,
// whatever their quantity, day and place, and whether they stayed in memory.
func TestRecordSpill(t *testing.T) {
	zone, err := calendar.LoadZone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	const files, rows = 5, 3_000
	for _, budget := range []int64{1, 1 << 30} {
		day, err := calendar.Parse("2024-11-03") // of 25 hours
		if err != nil {
			t.Fatal(err)
		}
		n := &night{Settings: &Settings{TempDir: t.TempDir()}, day: day, span: newSpan(zone, 0, day, 40), parts: 7}
		midnight, next := n.span.billedDay()
		s := n.newRecordSpill(budget)
		n.mapped = []*mapped{{usage: s}}
		r := rand.New(rand.NewPCG(3, 4))
		short, long := make([][]record, n.parts), make([][]record, n.parts)
		for range 400 {
			file, at := r.IntN(files), r.Int64N(1<<44-rows)
			first := s.begin(makePlace(file, at), rows)
			for row := int64(0); row < rows; row += 1 + r.Int64N(100) {
				rec := record{
					hi: r.Uint64(), lo: r.Uint64(), occurred: midnight + r.Int64N(next-midnight), quantity: r.Int64N(5_000),
					key: makeKey(r.Uint32N(maxAccounts), n.span.offset(day), r.Uint32N(maxCombinations)), place: makePlace(file, at+row),
				}
				switch r.IntN(20) {
				case 0:
					rec.quantity = math.MaxInt64
				case 1:
					rec.quantity = -1
				case 2:
					rec.key = makeKey(rec.key.account(), n.span.offset(day)-1, rec.key.combination())
					rec.occurred -= 1 << 40
				case 3: // the first and the last instant of the day
					rec.occurred = []int64{midnight, next - 1}[r.IntN(2)]
				}
				part := r.IntN(n.parts)
				if rec.quantity >= 0 && rec.quantity < 4_096 && rec.key.day() == n.span.offset(day) {
					short[part] = append(short[part], rec)
				} else {
					long[part] = append(long[part], rec)
				}
				if err := s.add(part, rec.hi, rec.lo, rec.occurred, rec.quantity, rec.key, first+row); err != nil {
					t.Fatal(err)
				}
			}
			s.next += r.Int64N(1 << 26) // so many rows of which none has a record
		}
		var buffer []byte
		for part := range n.parts {
			got, err := n.records(nil, &buffer, part)
			if err != nil {
				t.Fatal(err)
			}
			if s.short.parts[part].inFile == nil != (budget > 1) {
				t.Errorf("part %d: in the file: %v", part, s.short.parts[part].inFile)
			}
			want := slices.Concat(short[part], long[part])
			slices.SortFunc(got, compareRecords)
			slices.SortFunc(want, compareRecords)
			if !slices.Equal(got, want) {
				t.Fatalf("budget %d: part %d came back otherwise", budget, part)
			}
		}
		s.close()
	}
}

func compareRecords(a, b record) int {
	if a.hi < b.hi || a.hi == b.hi && a.lo < b.lo {
		return -1
	}
	return 1
}
