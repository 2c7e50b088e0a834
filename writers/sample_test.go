package writers

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the goldens and docs/data-dictionary.md")

// golden compares text with a file, or rewrites the file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs (go test ./writers -rewrite, and look at the diff)\n%s", path, firstDifference(string(want), got))
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d:\n- %s\n+ %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

// sample makes n rows of any row type from a seed: few texts, so that
// dictionaries are used, nulls, negative amounts, lists of 0 to 2.
func sample[T any](seed uint64, n int) []T {
	rng := rand.New(rand.NewPCG(seed, 1))
	rows := make([]T, n)
	for i := range rows {
		fill(rng, reflect.ValueOf(&rows[i]).Elem())
	}
	return rows
}

func fill(rng *rand.Rand, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("parquet") != "-" {
				fill(rng, v.Field(i))
			}
		}
	case reflect.Slice:
		n := rng.IntN(3) // empty, not nil: so Rows gives it back
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(rng, v.Index(i))
		}
	case reflect.String:
		v.SetString([]string{"", "eu", "über", "A-1", fmt.Sprint(rng.IntN(1000))}[rng.IntN(5)])
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Int32:
		v.SetInt(int64(rng.IntN(40000)) - 20000)
	case reflect.Int64:
		v.SetInt(rng.Int64N(2*moneyLimit-1) - moneyLimit + 1)
	case reflect.Array:
		w := wideOfProduct(rng.Int64()-rng.Int64(), 1)
		binary.BigEndian.PutUint64(w[8:], rng.Uint64())
		v.Set(reflect.ValueOf(w))
	default:
		panic(v.Type())
	}
}

// usage is a sample of RatedUsage with dimensions.
func usage(seed uint64, n, dimensions int) []RatedUsage {
	rows := sample[RatedUsage](seed, n)
	for i := range rows {
		for d := range dimensions {
			rows[i].Dimensions = append(rows[i].Dimensions, []string{"", "acme", "US"}[(i+d)%3])
		}
	}
	return rows
}

// encode writes rows in calls of so many rows; 0: in one call.
func encode[T any](t testing.TB, spec Spec, rows []T, cuts ...int) []byte {
	t.Helper()
	var buf bytes.Buffer
	table, err := NewTable[T](&buf, spec)
	if err != nil {
		t.Fatal(err)
	}
	rest := rows
	for i := 0; len(rest) > 0; i++ {
		n := len(rest)
		if len(cuts) > 0 {
			n = min(n, cuts[i%len(cuts)])
		}
		if err := table.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	if table.Rows() != int64(len(rows)) {
		t.Fatalf("Rows() = %d, want %d", table.Rows(), len(rows))
	}
	return buf.Bytes()
}

// decode reads a table back.
func decode[T any](t testing.TB, file []byte) []T {
	t.Helper()
	var out []T
	err := Rows(bytes.NewReader(file), int64(len(file)), func(rows []T) error {
		out = append(out, rows...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// onTable is a test of one table with a sample of its rows.
type onTable struct {
	spec   Spec
	encode func(t testing.TB, n int, cuts ...int) []byte
	back   func(t testing.TB, n int) // round trip
}

func tableOf[T any](spec Spec, rows func(n int) []T) onTable {
	return onTable{
		spec: spec,
		encode: func(t testing.TB, n int, cuts ...int) []byte {
			return encode(t, spec, rows(n), cuts...)
		},
		back: func(t testing.TB, n int) {
			want := rows(n)
			got := decode[T](t, encode(t, spec, want))
			if len(got) != len(want) {
				t.Fatalf("%d rows, want %d", len(got), len(want))
			}
			for i := range want {
				if !reflect.DeepEqual(got[i], want[i]) {
					t.Fatalf("row %d:\n got %+v\nwant %+v", i, got[i], want[i])
				}
			}
		},
	}
}

func plainTable[T any](spec Spec) onTable {
	return tableOf(spec, func(n int) []T { return sample[T](7, n) })
}

var usageWithDimensions = func() Spec {
	spec := RatedUsageTable
	spec.Dimensions = []string{"carrier", "country"}
	return spec
}()

// allTables are the tables in the order of Tables, rated_usage with dimensions
// behind them.
var allTables = []onTable{
	plainTable[RatedUsage](RatedUsageTable),
	plainTable[InvoiceLine](InvoiceLinesTable),
	plainTable[Invoice](InvoicesTable),
	plainTable[Charge](ChargesTable),
	plainTable[Refund](RefundsTable),
	plainTable[BalanceMovement](BalancesTable),
	plainTable[PlanChange](PlanChangesTable),
	plainTable[PaymentAttempt](PaymentHistoryTable),
	plainTable[PaymentAttempt](FailedPaymentsTable),
	plainTable[Reject](RejectsTable),
	plainTable[ParkedAccount](ParkedAccountsTable),
	plainTable[State](StateTable),
	plainTable[Held](HeldTable),
	plainTable[SeenID](EventIDsTable),
	tableOf(usageWithDimensions, func(n int) []RatedUsage { return usage(7, n, 2) }),
}
