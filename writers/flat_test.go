package writers

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// FuzzFlat: tables without lists have the bytes that parquet-go makes of their
// rows when it is given them one by one, whatever is zero or null. That holds
// what fields.go reads past reflection against what parquet-go reads with it.
// No page is cut here: one by one parquet-go would cut it elsewhere.
func FuzzFlat(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint16(seed*seed*20), byte(seed*36))
	}
	f.Fuzz(func(t *testing.T, seed uint64, rows uint16, zeros byte) {
		of := sparseRows{rand.New(rand.NewPCG(seed, 2)), int(rows) % chunkRows, int(zeros)}
		sameAsRows[InvoiceLine](t, of, InvoiceLinesTable)
		sameAsRows[Invoice](t, of, InvoicesTable)
		sameAsRows[Charge](t, of, ChargesTable)
		sameAsRows[Refund](t, of, RefundsTable)
		sameAsRows[BalanceMovement](t, of, BalancesTable)
		sameAsRows[PlanChange](t, of, PlanChangesTable)
		sameAsRows[PaymentAttempt](t, of, PaymentHistoryTable)
		sameAsRows[Reject](t, of, RejectsTable)
		sameAsRows[ParkedAccount](t, of, ParkedAccountsTable)
		sameAsRows[Held](t, of, HeldTable)
		sameAsRows[SeenID](t, of, EventIDsTable)
		sameAsUsageRows(t, of)
	})
}

func sameAsRows[T any](t *testing.T, of sparseRows, spec Spec) {
	rows := rowsOf[T](of)
	want := oneByOne(t, rows, options(spec, parquet.SchemaOf(new(T))))
	if got := encode(t, spec, rows); !bytes.Equal(got, want) {
		t.Errorf("%s: %d rows have other bytes than one by one", spec.Name, len(rows))
	}
}

func sameAsUsageRows(t *testing.T, of sparseRows) {
	spec := usageWithDimensions
	rows := rowsOf[usageRow](of)
	opts, usage := options(spec, parquet.SchemaOf(usageRow{}, dimensionTags(spec.Dimensions)...)), make([]RatedUsage, len(rows))
	for _, tag := range dimensionTags(spec.Dimensions) {
		opts = append(opts, tag.(parquet.WriterOption))
	}
	for i := range rows {
		usage[i] = rows[i].RatedUsage
		for d := range spec.Dimensions {
			usage[i].Dimensions = append(usage[i].Dimensions, reflect.ValueOf(rows[i]).Field(1+d).String())
		}
	}
	if got := encode(t, spec, usage); !bytes.Equal(got, oneByOne(t, rows, opts)) {
		t.Errorf("rated_usage: %d rows have other bytes than one by one", len(rows))
	}
}

func oneByOne[T any](t *testing.T, rows []T, opts []parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, opts...)
	for i := range rows {
		if _, err := w.Write(rows[i : i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sparseRows says how many rows there are, and of how many of 256 fields stay
// zero.
type sparseRows struct {
	*rand.Rand
	rows, zeros int
}

func rowsOf[T any](of sparseRows) []T {
	rows := make([]T, of.rows)
	for i := range rows {
		of.fill(reflect.ValueOf(&rows[i]).Elem())
	}
	return rows
}

func (of sparseRows) fill(row reflect.Value) {
	for i := range row.NumField() {
		switch {
		case row.Type().Field(i).Anonymous:
			of.fill(row.Field(i))
		case of.IntN(256) >= of.zeros && !strings.HasPrefix(row.Type().Field(i).Tag.Get("parquet"), "-"):
			fill(of.Rand, row.Field(i))
		}
	}
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
