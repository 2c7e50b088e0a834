package writers

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// The footer has bounds for no column of fixed-length bytes, and those of the
// column index are the type's.
func TestFixedBytesHaveNoBounds(t *testing.T) {
	seen := 0
	for _, table := range allTables {
		file := open(t, table.encode(t, 3*chunkRows))
		for i, chunk := range file.Metadata().RowGroups[0].Columns {
			leaf, _ := file.Schema().Lookup(chunk.MetaData.PathInSchema...)
			if !hasNoBounds(leaf.Node) {
				continue
			}
			seen++
			name := table.spec.Name + "." + strings.Join(chunk.MetaData.PathInSchema, ".")
			if s := chunk.MetaData.Statistics; s.Min != nil || s.Max != nil || s.MinValue != nil || s.MaxValue != nil {
				t.Errorf("%s has bounds in the footer", name)
			}
			low, high := typeBounds(leaf.Node.Type())
			index := file.ColumnIndexes()[i]
			if len(index.MinValues) != len(index.NullPages) || len(index.MaxValues) != len(index.NullPages) {
				t.Errorf("%s: lists of different lengths in the column index", name)
			}
			for page := range index.NullPages {
				if !bytes.Equal(index.MinValues[page], low) || !bytes.Equal(index.MaxValues[page], high) {
					t.Errorf("%s: page %d has bounds", name, page)
				}
			}
		}
	}
	if seen != 30 {
		t.Errorf("%d columns of fixed-length bytes, want 30", seen)
	}
}

// All other bounds of the footer are true: held against the values, for
// lengths around those at which parquet-go changes its algorithm.
func TestBoundsAreTrue(t *testing.T) {
	for _, table := range allTables {
		for _, n := range []int{1, 2, 7, 8, 15, 31, 33, 63, 64, 65, 255, 1025, 3000} {
			file := open(t, table.encode(t, n))
			for i, chunk := range file.RowGroups()[0].ColumnChunks() {
				meta := file.Metadata().RowGroups[0].Columns[i].MetaData
				low, high := boundsOf(t, chunk)
				if hasNoBounds(chunkLeaf(file, i)) || low.IsNull() {
					continue
				}
				if got := meta.Statistics; !bytes.Equal(got.MinValue, low.Bytes()) || !bytes.Equal(got.MaxValue, high.Bytes()) {
					t.Errorf("%s, %d rows: %v is %v to %v, want %v to %v", table.spec.Name, n, meta.PathInSchema,
						got.MinValue, got.MaxValue, low.Bytes(), high.Bytes())
				}
			}
		}
	}
}

func chunkLeaf(file *parquet.File, i int) parquet.Node {
	leaf, _ := file.Schema().Lookup(file.Schema().Columns()[i]...)
	return leaf.Node
}

// boundsOf are the least and the greatest value of a chunk, null without any.
func boundsOf(t *testing.T, chunk parquet.ColumnChunk) (low, high parquet.Value) {
	t.Helper()
	pages := chunk.Pages()
	defer pages.Close()
	for {
		page, err := pages.ReadPage()
		if err == io.EOF {
			return low, high
		}
		if err != nil {
			t.Fatal(err)
		}
		values := make([]parquet.Value, page.NumValues())
		if n, err := page.Values().ReadValues(values); n != len(values) {
			t.Fatal(n, err)
		}
		for _, v := range values {
			if v.IsNull() {
				continue
			}
			if low.IsNull() || chunk.Type().Compare(v, low) < 0 {
				low = v.Clone()
			}
			if high.IsNull() || chunk.Type().Compare(v, high) > 0 {
				high = v.Clone()
			}
		}
	}
}

// Money has bounds, and they are right below zero.
func TestMoneyBounds(t *testing.T) {
	file := open(t, encode(t, BalancesTable, []BalanceMovement{
		{Opening: -5, Added: 7}, {Opening: 3, Added: -9_999}, {Opening: -100_000, Added: 0},
	}))
	for _, want := range []struct {
		column   string
		min, max int64
	}{{"opening", -100_000, 3}, {"added", -9_999, 7}} {
		leaf, _ := file.Schema().Lookup(want.column)
		stats := file.Metadata().RowGroups[0].Columns[leaf.ColumnIndex].MetaData.Statistics
		low, high := parquet.Int64.Value(stats.MinValue).Int64(), parquet.Int64.Value(stats.MaxValue).Int64()
		if low != want.min || high != want.max {
			t.Errorf("%s: footer %d to %d, want %d to %d", want.column, low, high, want.min, want.max)
		}
		index, err := file.RowGroups()[0].ColumnChunks()[leaf.ColumnIndex].ColumnIndex()
		if err != nil {
			t.Fatal(err)
		}
		if low, high := index.MinValue(0).Int64(), index.MaxValue(0).Int64(); low != want.min || high != want.max {
			t.Errorf("%s: column index %d to %d, want %d to %d", want.column, low, high, want.min, want.max)
		}
	}
}

// Text keeps its bounds.
func TestTextBounds(t *testing.T) {
	file := open(t, encode(t, ChargesTable, []Charge{{AccountID: "b"}, {AccountID: "a"}, {AccountID: "c"}}))
	leaf, _ := file.Schema().Lookup("account_id")
	stats := file.Metadata().RowGroups[0].Columns[leaf.ColumnIndex].MetaData.Statistics
	if string(stats.MinValue) != "a" || string(stats.MaxValue) != "c" {
		t.Errorf("account_id: %q to %q, want a to c", stats.MinValue, stats.MaxValue)
	}
}
