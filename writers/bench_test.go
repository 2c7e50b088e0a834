package writers

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

// BenchmarkTable: the tables that have most rows in a night.
func BenchmarkTable(b *testing.B) {
	b.Run("event_ids", func(b *testing.B) { benchmarkTable[SeenID](b, EventIDsTable) })
	b.Run("held", func(b *testing.B) { benchmarkTable[Held](b, HeldTable) })
	b.Run("invoices", func(b *testing.B) { benchmarkTable[Invoice](b, InvoicesTable) })
	b.Run("rated_usage", func(b *testing.B) { benchmarkTable[RatedUsage](b, RatedUsageTable) })
	b.Run("invoice_lines", func(b *testing.B) { benchmarkTable[InvoiceLine](b, InvoiceLinesTable) })
	b.Run("state", func(b *testing.B) { benchmarkTable[State](b, StateTable) })
	b.Run("rejects", func(b *testing.B) { benchmarkTable[Reject](b, RejectsTable) })
}

// BenchmarkChargeFile: both files of a charge.
func BenchmarkChargeFile(b *testing.B) {
	charges := make([]Charge, 1000)
	for i := range charges {
		id := fmt.Sprintf("%032x", uint64(i)*0x9e3779b97f4a7c15)
		charges[i] = Charge{
			ChargeID: "ch_" + id[:24], InvoiceID: "in_" + id[:24], AccountID: "AC" + id,
			Amount: int64(i) * 100, Currency: "USD", Method: "card", Attempt: 1, CollectOn: 19844,
		}
	}
	csv, ndjson := NewChargeCSV(io.Discard, 19844), NewChargeNDJSON(io.Discard, 19844)
	b.ReportAllocs()
	written := 0
	for b.Loop() {
		if err := errors.Join(csv.Write(charges), ndjson.Write(charges)); err != nil {
			b.Fatal(err)
		}
		written += len(charges)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(written), "ns/row")
	b.ReportMetric(0, "ns/op")
}

func benchmarkTable[T any](b *testing.B, spec Spec) {
	const n = 50_000
	rows := sample[T](3, n)
	b.ReportAllocs()
	written := 0
	for b.Loop() {
		table, err := NewTable[T](io.Discard, spec)
		if err != nil {
			b.Fatal(err)
		}
		if err := table.Write(rows); err != nil {
			b.Fatal(err)
		}
		if err := table.Close(); err != nil {
			b.Fatal(err)
		}
		written += n
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(written), "ns/row")
	b.ReportMetric(0, "ns/op")
}
