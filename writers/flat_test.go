package writers

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// asParquetGo is the file that parquet-go makes of rows when it takes them apart
// itself and is given so many of them at once, column by column. (Its
// GenericWriter, given rows, writes some nulls as zeros.)
func asParquetGo[T any](t testing.TB, spec Spec, schema *parquet.Schema, rows []T, step int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[any](&b, options(spec, schema)...)
	values := make([][]parquet.Value, len(schema.Columns()))
	for from := 0; from < len(rows); from += step {
		if from > 0 && from%rowGroupRows == 0 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		for i := from; i < min(from+step, len(rows)); i++ {
			for column, of := range schema.Deconstruct(nil, &rows[i]).Range {
				values[column] = append(values[column], of...)
			}
		}
		for column, out := range w.ColumnWriters() {
			if _, err := out.WriteRowValues(values[column]); err != nil {
				t.Fatal(err)
			}
			values[column] = values[column][:0]
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzFlat: tables without lists have the bytes that parquet-go makes of their
// rows, whatever is zero or null. That holds what sink.go reads past reflection
// against what parquet-go reads with it.
func FuzzFlat(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint16(seed*seed*20), byte(seed*36), byte(seed*9))
	}
	f.Fuzz(func(t *testing.T, seed uint64, rows uint16, zeros, texts byte) {
		flatAsParquetGo(t, seed, int(rows)%1_500, listLife{zero: int(zeros) * 100 / 255, texts: int(texts)})
	})
}

// TestFlatPages: the same where pages become full, dictionaries too large, and
// row groups whole.
func TestFlatPages(t *testing.T) {
	for _, test := range []struct {
		name string
		rows int
		life listLife
	}{
		{"pages", 33_000, listLife{zero: 10, texts: 8}},
		{"many nulls", 20_000, listLife{zero: 95, texts: 8}},
		{"nothing but zeros", 40_000, listLife{zero: 100}},
		{"long texts", 3_000, listLife{zero: 40, texts: 2_000}},
		{"dictionaries given up", 12_000, listLife{zero: 10, texts: 250}},
	} {
		t.Run(test.name, func(t *testing.T) { flatAsParquetGo(t, 5, test.rows, test.life) })
	}
	t.Run("row groups", func(t *testing.T) {
		of := rowsOf{rand.New(rand.NewPCG(7, 2)), rowGroupRows + 2*chunkRows + 3, listLife{zero: 20, texts: 250}}
		sameBytes[BalanceMovement](t, of, BalancesTable, chunkRows)
		sameBytes[SeenID](t, of, EventIDsTable, 64)
	})
}

// TestPageLimits: the same where a dictionary or a page is just as large as it
// may be, or a byte less or more.
func TestPageLimits(t *testing.T) {
	for _, more := range []int{-1, 0, 1} {
		ids := make([]SeenID, 120_000)
		const length = 16
		for i := range ids {
			ids[i].Source = fmt.Sprintf("%0*d", length, min(i, dictionaryMax/length+more-1))
		}
		wantParquetGo(t, EventIDsTable, ids, 64)

		charges := make([]Charge, 5*chunkRows)
		for i := range charges {
			charges[i].ChargeID = fmt.Sprintf("%037d", i)
		}
		const rows = 3 * chunkRows
		charges[rows-1].ChargeID += strings.Repeat("x", pageFull-rows*(4+37)+more)
		wantParquetGo(t, ChargesTable, charges, 64)
	}
}

// A page of more bytes than its header can say is refused.
func TestPageTooLarge(t *testing.T) {
	defer func(most int) { mostPageBytes = most }(mostPageBytes)
	mostPageBytes = 1 << 20
	rows := make([]Held, chunkRows)
	for i := range rows {
		rows[i].Payload = strings.Repeat("x", 1_100)
	}
	if err := writeAll(HeldTable, rows); err == nil || !strings.Contains(err.Error(), "Payload: a page of 1130496 bytes, at most 1048576") {
		t.Errorf("a page that is too large: %v", err)
	}
}

// What pages take is given back or used again, whatever their sizes.
func TestPileIsBounded(t *testing.T) {
	var p pile
	rng := rand.New(rand.NewPCG(4, 4))
	for group := range 50 {
		for range 200 {
			size := rng.IntN(pageBlock / 4)
			if rng.IntN(10) == 0 {
				size = pageBlock + 1_000*group
			}
			data := bytes.Repeat([]byte{byte(size)}, size)
			if kept := p.keep(data); !bytes.Equal(kept, data) {
				t.Fatal("a page is another")
			}
		}
		p.empty()
	}
	room := 0
	for _, block := range p.blocks {
		room += cap(block)
	}
	if most := 200 * pageBlock / 4; room > most {
		t.Errorf("%d bytes are kept for row groups of at most %d", room, most)
	}
}

// flatAsParquetGo tries all tables without lists. Their pages take a chunk at
// once, or 64 rows where nothing can be null.
func flatAsParquetGo(t *testing.T, seed uint64, rows int, life listLife) {
	of := rowsOf{rand.New(rand.NewPCG(seed, 2)), rows, life}
	sameBytes[InvoiceLine](t, of, InvoiceLinesTable, chunkRows)
	sameBytes[Invoice](t, of, InvoicesTable, chunkRows)
	sameBytes[Charge](t, of, ChargesTable, 64)
	sameBytes[Refund](t, of, RefundsTable, 64)
	sameBytes[BalanceMovement](t, of, BalancesTable, chunkRows)
	sameBytes[PlanChange](t, of, PlanChangesTable, chunkRows)
	sameBytes[PaymentAttempt](t, of, PaymentHistoryTable, chunkRows)
	sameBytes[Reject](t, of, RejectsTable, chunkRows)
	sameBytes[ParkedAccount](t, of, ParkedAccountsTable, 64)
	sameBytes[Held](t, of, HeldTable, chunkRows)
	sameBytes[SeenID](t, of, EventIDsTable, 64)
	sameUsageBytes(t, of)
}

func sameBytes[T any](t *testing.T, of rowsOf, spec Spec, step int) {
	wantParquetGo(t, spec, someRows[T](of), step)
}

func wantParquetGo[T any](t *testing.T, spec Spec, rows []T, step int) {
	t.Helper()
	want := asParquetGo(t, spec, parquet.SchemaOf(new(T)), rows, step)
	if got := encode(t, spec, rows); !bytes.Equal(got, want) {
		t.Errorf("%s: %d rows have other bytes than parquet-go's", spec.Name, len(rows))
	}
}

func sameUsageBytes(t *testing.T, of rowsOf) {
	spec := usageWithDimensions
	rows := someRows[usageRow](of)
	usage := make([]RatedUsage, len(rows))
	for i := range rows {
		usage[i] = rows[i].RatedUsage
		usage[i].Dimensions = nil
		for d := range spec.Dimensions {
			usage[i].Dimensions = append(usage[i].Dimensions, reflect.ValueOf(rows[i]).Field(1+d).String())
		}
	}
	want := asParquetGo(t, spec, parquet.SchemaOf(usageRow{}, dimensionTags(spec.Dimensions)...), rows, chunkRows)
	if got := encode(t, spec, usage); !bytes.Equal(got, want) {
		t.Errorf("rated_usage: %d rows have other bytes than parquet-go's", len(rows))
	}
}

// rowsOf says how many random rows there are, and what they are like.
type rowsOf struct {
	*rand.Rand
	rows int
	life listLife
}

func someRows[T any](of rowsOf) []T {
	rows := make([]T, of.rows)
	for i := range rows {
		of.life.fill(of.Rand, reflect.ValueOf(&rows[i]).Elem())
	}
	return rows
}

// A text that is not UTF-8 is refused wherever it stands: first, behind good
// ones, in the next chunk, in a column that can be null, in a dimension.
func TestFlatTextIsUTF8(t *testing.T) {
	for _, at := range []int{0, 1, chunkRows, 2*chunkRows - 1} {
		lines := make([]InvoiceLine, 2*chunkRows)
		lines[at].Meter = "a\xff"
		if err := writeAll(InvoiceLinesTable, lines); err == nil || !strings.Contains(err.Error(), `Meter "a\xff" is not UTF-8`) {
			t.Errorf("row %d: %v", at, err)
		}
		usage := usage(1, 2*chunkRows, 2)
		usage[at].Dimensions[1] = "\xc3"
		if err := writeAll(usageWithDimensions, usage); err == nil || !strings.Contains(err.Error(), `Dimensions "\xc3" is not UTF-8`) {
			t.Errorf("row %d: %v", at, err)
		}
	}
}

// writeAll is the first error of a table of these rows.
func writeAll[T any](spec Spec, rows []T) error {
	table, err := NewTable[T](new(bytes.Buffer), spec)
	if err != nil {
		return err
	}
	if err := table.Write(rows); err != nil {
		return err
	}
	return table.Close()
}
