package writers

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

func TestAllTablesAreTested(t *testing.T) {
	for i, spec := range Tables {
		if allTables[i].spec.Name != spec.Name {
			t.Errorf("table %d is %s, want %s", i, allTables[i].spec.Name, spec.Name)
		}
	}
	if len(allTables) != len(Tables)+1 {
		t.Errorf("%d tables tested, want %d", len(allTables), len(Tables)+1)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, table := range allTables {
		t.Run(table.spec.Name, func(t *testing.T) {
			for _, n := range []int{0, 1, chunkRows - 1, chunkRows, 3*chunkRows + 5} {
				table.back(t, n)
			}
		})
	}
}

// The bytes depend on the rows alone: not on the cuts, nor on what the shared
// codec compressed before.
func TestSameBytesForAnyCuts(t *testing.T) {
	const rows = 2*chunkRows + 17
	for _, table := range allTables {
		t.Run(table.spec.Name, func(t *testing.T) {
			want := table.encode(t, rows)
			for _, cuts := range [][]int{{1}, {7, 1023, 64}, {chunkRows}, {chunkRows + 1}, {1500, 1}} {
				if got := table.encode(t, rows, cuts...); !bytes.Equal(got, want) {
					t.Errorf("calls of %d rows make other bytes", cuts)
				}
			}
		})
	}
}

func TestSameBytesAcrossRowGroups(t *testing.T) {
	rows := sample[BalanceMovement](3, rowGroupRows+chunkRows/2)
	want := encode(t, BalancesTable, rows)
	if got := encode(t, BalancesTable, rows, 999); !bytes.Equal(got, want) {
		t.Error("calls of 999 rows make other bytes")
	}
	file := open(t, want)
	if groups := file.RowGroups(); len(groups) != 2 || groups[0].NumRows() != rowGroupRows {
		t.Errorf("%d row groups, the first of %d rows; want 2 and %d", len(groups), groups[0].NumRows(), rowGroupRows)
	}
}

// The digests change with parquet-go, with klauspost/compress and with the
// figures in table.go: then published tables can no longer be made again byte
// for byte, which is worth a line in the changelog.
func TestDigests(t *testing.T) {
	var text strings.Builder
	for _, table := range allTables {
		name := strings.Join(append([]string{table.spec.Name}, table.spec.Dimensions...), "+")
		for _, n := range []int{0, 3000} {
			fmt.Fprintf(&text, "%s %d %x\n", name, n, sha256.Sum256(table.encode(t, n)))
		}
	}
	golden(t, "testdata/digests.txt", text.String())
}

func TestSchemas(t *testing.T) {
	var text strings.Builder
	for _, table := range allTables {
		fmt.Fprintf(&text, "%s\n", open(t, table.encode(t, 0)).Schema())
		if table.spec.Dimensions == nil {
			fmt.Fprintln(&text)
		}
	}
	golden(t, "testdata/schemas.txt", text.String())
}

func TestMetadata(t *testing.T) {
	file := open(t, encode[Charge](t, ChargesTable, nil))
	if name, _ := file.Lookup("ratemill.table"); name != "charges" {
		t.Errorf("ratemill.table is %q", name)
	}
	columns, _ := file.Lookup("ratemill.columns")
	if want := `[{"name":"charge_id","type":"VARCHAR","null":false,"doc":"idempotency key`; !strings.HasPrefix(columns, want) {
		t.Errorf("ratemill.columns is %s", columns)
	}
	if by := file.Metadata().CreatedBy; by != "ratemill version 1(build )" {
		t.Errorf("created by %q", by)
	}
}

// Columns stand in the file in the order of the fields, which is the order of
// the data dictionary.
func TestColumnOrder(t *testing.T) {
	for _, table := range allTables {
		var got, want []string
		for _, f := range open(t, table.encode(t, 0)).Schema().Fields() {
			got = append(got, f.Name())
		}
		for _, c := range table.spec.columns() {
			if !strings.Contains(c.Name, ".") {
				want = append(want, c.Name)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: columns %v, want %v", table.spec.Name, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	dimensions := func(names ...string) Spec {
		spec := RatedUsageTable
		spec.Dimensions = names
		return spec
	}
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"other rows", begin[Charge](InvoicesTable), "want writers.Invoice"},
		{"no table", begin[Charge](Spec{Name: "x"}), `table "x": rows of type writers.Charge`},
		{"unsorted", begin[RatedUsage](dimensions("b", "a")), "not in ascending order"},
		{"twice", begin[RatedUsage](dimensions("a", "a")), `"a" cannot be`},
		{"a column's name", begin[RatedUsage](dimensions("meter")), `"meter" cannot be`},
		{"breaks the tag", begin[RatedUsage](dimensions(`a,zstd`)), "cannot be"},
		{"too many", begin[RatedUsage](make17()), "17 dimensions, at most 16"},
		{"not usage", begin[Charge](Spec{Name: "charges", row: ChargesTable.row, Dimensions: []string{"a"}}), "has no dimensions"},
		{"dimensions of a row", begin(dimensions("a"), RatedUsage{AccountID: "A"}), `account "A" has 0 dimensions, the table 1`},
		{"not UTF-8", begin(ChargesTable, Charge{AccountID: "a\xff"}), `AccountID "a\xff" is not UTF-8`},
		{"not UTF-8 in a list", begin(StateTable, State{ActiveUsers: []string{"\xff"}}), "ActiveUsers"},
		{"not UTF-8 in a struct", begin(StateTable, State{Due: []StateDue{{Rule: "\xff"}}}), "Rule"},
	} {
		if test.err == nil || !strings.Contains(test.err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.name, test.err, test.want)
		}
	}
}

func make17() Spec {
	spec := RatedUsageTable
	for i := range MaxDimensions + 1 {
		spec.Dimensions = append(spec.Dimensions, fmt.Sprintf("d%02d", i))
	}
	return spec
}

// begin is the error of a table with the rows.
func begin[T any](spec Spec, rows ...T) error {
	table, err := NewTable[T](io.Discard, spec)
	if err != nil {
		return err
	}
	first := table.Write(rows)
	if err := table.Close(); (first == nil) != (err == nil) {
		return fmt.Errorf("Write: %v, Close: %v", first, err)
	}
	return first
}

type brokenWriter struct{ left int }

var errDiskFull = errors.New("disk full")

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, errDiskFull
	}
	return len(p), nil
}

// Wherever the writer below fails, Close says so.
func TestWriterErrors(t *testing.T) {
	rows := sample[Charge](1, 2*chunkRows)
	size := len(encode(t, ChargesTable, rows))
	for left := 0; left < size; left += size / 50 {
		table, err := NewTable[Charge](&brokenWriter{left}, ChargesTable)
		if err != nil {
			t.Fatal(err)
		}
		_ = table.Write(rows)
		if err := table.Close(); !errors.Is(err, errDiskFull) {
			t.Errorf("after %d bytes: %v", left, err)
		}
	}
}

func open(t testing.TB, file []byte) *parquet.File {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func BenchmarkRatedUsage(b *testing.B) {
	const rows = 1_000_000
	chunk := benchmarkUsage(rows)
	b.ReportAllocs()
	for b.Loop() {
		var size countWriter
		table, err := NewTable[RatedUsage](&size, usageWithDimensions)
		if err != nil {
			b.Fatal(err)
		}
		if err := table.Write(chunk); err != nil {
			b.Fatal(err)
		}
		if err := table.Close(); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(size))
	}
}

type countWriter int64

func (c *countWriter) Write(p []byte) (int, error) {
	*c += countWriter(len(p))
	return len(p), nil
}

// benchmarkUsage is like a night's: 20 rows an account, few prices.
func benchmarkUsage(n int) []RatedUsage {
	rows := make([]RatedUsage, n)
	for i := range rows {
		rows[i] = RatedUsage{
			AccountID: fmt.Sprintf("AC%032x", uint64(i/20)*0x9e3779b97f4a7c15),
			Meter:     "sms", Source: "sms", ServiceDate: 20000, DueOn: 20001,
			Rows: int64(i % 97), Quantity: wideOfProduct(int64(i%97), powersOf10[wideScale]),
			UnitPrice: wideOfProduct(int64(75+i%20), powersOf10[14]),
			Amount:    wideOfProduct(int64(i%97)*int64(75+i%20), powersOf10[14]),
			Currency:  "USD", Rule: "MK-9", Description: "SMS to the US by acme",
			Dimensions: []string{[]string{"acme", "bell", "", "tele"}[i%4], []string{"US", "CA", "DE"}[i%3]},
		}
	}
	return rows
}

func BenchmarkEmptyTables(b *testing.B) {
	for b.Loop() {
		for _, table := range allTables {
			table.encode(b, 0)
		}
	}
}

func BenchmarkSmallTables(b *testing.B) {
	for b.Loop() {
		for _, table := range allTables {
			table.encode(b, 10)
		}
	}
}

func BenchmarkEventIDs(b *testing.B) {
	rows := sample[SeenID](1, 1_000_000)
	file := encode(b, EventIDsTable, rows)
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			encode(b, EventIDsTable, rows)
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			decode[SeenID](b, file)
		}
	})
}
