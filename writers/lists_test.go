package writers

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// rowByRow is the file that parquet-go makes of rows with lists, whose pages may
// end behind any row.
func rowByRow(t testing.TB, rows []State) []byte {
	t.Helper()
	return asParquetGo(t, StateTable, parquet.SchemaOf(new(State)), rows, 1)
}

// TestListsAsRowByRow: rows that have lists come out with the bytes that
// parquet-go gives them row by row, and come back as they were.
func TestListsAsRowByRow(t *testing.T) {
	for _, test := range []struct {
		name string
		rows int
		life listLife
	}{
		{"no rows", 0, listLife{}},
		{"one row", 1, listLife{list: 50, most: 3, zero: 50, texts: 8}},
		{"few in lists", 14_000, listLife{list: 3, most: 2, zero: 50, texts: 10}},
		{"much in lists", 1_500, listLife{list: 90, most: 9, zero: 30, texts: 20}},
		{"nothing but zeros", 1_500, listLife{list: 50, most: 3, zero: 100}},
		{"long texts", 500, listLife{list: 40, most: 3, zero: 10, texts: 3_000}},
		{"dictionaries given up", 17_000, listLife{texts: 200}},
		{"row groups", rowGroupRows + 2*chunkRows + 3, listLife{list: 1, most: 2, zero: 80, texts: 6}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(17, uint64(test.rows)))
			rows := make([]State, test.rows)
			for i := range rows {
				if i < 20_000 {
					test.life.fill(rng, reflect.ValueOf(&rows[i]).Elem())
				} else {
					rows[i] = rows[i%19_997]
				}
			}
			file := encode(t, StateTable, rows)
			if !bytes.Equal(file, rowByRow(t, rows)) {
				t.Error("other bytes than row by row")
			}
			back := decode[State](t, file)
			if len(back) != len(rows) {
				t.Fatalf("%d rows, want %d", len(back), len(rows))
			}
			for i := range rows {
				if !reflect.DeepEqual(back[i], rows[i]) {
					t.Fatalf("row %d:\n got %+v\nwant %+v", i, back[i], rows[i])
				}
			}
		})
	}
}

// FuzzLists: the same, for any rows of a few pages.
func FuzzLists(f *testing.F) {
	for seed := range uint64(6) {
		f.Add(seed, uint16(seed*seed*30), byte(seed*17), byte(seed), byte(seed*19), byte(seed*40))
	}
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, list, most, zero, texts byte) {
		life := listLife{list: int(list), most: 1 + int(most)%8, zero: int(zero), texts: int(texts)}
		rng, rows := rand.New(rand.NewPCG(seed, 4)), make([]State, n%4_000)
		for i := range rows {
			life.fill(rng, reflect.ValueOf(&rows[i]).Elem())
		}
		file := encode(t, StateTable, rows, 1+int(seed%3_000))
		if !bytes.Equal(file, rowByRow(t, rows)) {
			t.Error("other bytes than row by row")
		}
		if back := decode[State](t, file); !slices.EqualFunc(back, rows, func(x, y State) bool { return reflect.DeepEqual(x, y) }) {
			t.Error("came back otherwise")
		}
	})
}

// listLife says what random rows are like.
type listLife struct {
	list  int // per cent of the lists that are not empty
	most  int // elements that they have at most
	zero  int // per cent of the values that are zero
	texts int // bytes of a text, about
}

func (l listLife) fill(rng *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			l.fill(rng, v.Field(i))
		}
		return
	case reflect.Slice:
		n := 0
		if rng.IntN(100) < l.list {
			n = 1 + rng.IntN(l.most)
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			l.fill(rng, v.Index(i))
		}
		return
	}
	if rng.IntN(100) < l.zero {
		return
	}
	switch v.Kind() {
	case reflect.String:
		text := strings.Repeat("ü€ ", l.texts/6) + fmt.Sprint(rng.IntN(1000_000))
		v.SetString(text[len(text)-min(len(text), 7*rng.IntN(l.texts/6+2)):])
		v.SetString(strings.ToValidUTF8(v.String(), "?"))
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Int32:
		v.SetInt(int64(int32(rng.Uint32())))
	case reflect.Int64:
		v.SetInt([]int64{int64(int32(rng.Uint32())), int64(rng.Uint64()), 1 << 32, math.MinInt64, math.MaxInt64}[rng.IntN(5)])
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(rng.IntN(256)))
		}
	}
}

// BenchmarkState: accounts as a night has them, much alike and with most lists
// empty.
func BenchmarkState(b *testing.B) {
	rows := make([]State, 30_000)
	rng := rand.New(rand.NewPCG(3, 1))
	few := listLife{zero: 30, texts: 12}
	for i := range rows {
		r := &rows[i]
		if i < 100 {
			few.fill(rng, reflect.ValueOf(r).Elem())
			r.Segments, r.Counters, r.Base = make([]StateSegment, 2), make([]StateCounter, 2), make([]StateBase, 1)
			if i%4 == 0 {
				r.Due, r.Collections = make([]StateDue, 3), make([]StateCollection, 1)
			}
			for _, list := range []any{r.Segments, r.Counters, r.Base, r.Due, r.Collections} {
				for at := reflect.ValueOf(list); at.Len() > 0; at = at.Slice(1, at.Len()) {
					few.fill(rng, at.Index(0))
				}
			}
		} else {
			*r = rows[rng.IntN(100)]
		}
		r.AccountID = fmt.Sprintf("AC%032x", rng.Uint64())
	}
	file := encode(b, StateTable, rows)
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			table, err := NewTable[State](io.Discard, StateTable)
			if err != nil {
				b.Fatal(err)
			}
			if err := table.Write(rows); err != nil {
				b.Fatal(err)
			}
			if err := table.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := read(file, func([]State) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	})
}
