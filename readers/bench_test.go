package readers

import (
	"context"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/parquet-go/parquet-go"

	"ratemill/rating/calendar"
)

// benchmark reads a file over and over, a split at a time.
func benchmark(b *testing.B, key string, data []byte, rows int) {
	ctx := context.Background()
	bucket, zone := bucketOf(b, key, data), calendar.Zone{}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	total := 0
	for b.Loop() {
		e, err := Open(ctx, bucket, key, int64(len(data)), sms, zone)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for split := range e.Splits() {
			if err := e.Read(ctx, split, func(batch *Batch) error { n += batch.Len; return nil }); err != nil {
				b.Fatal(err)
			}
		}
		if n != rows {
			b.Fatalf("%d rows of %d", n, rows)
		}
		total += n
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkParquet: dictionaries and 16-byte ids, as one would choose; and as
// DuckDB and pyarrow write by themselves, all OPTIONAL, ids as text.
func BenchmarkParquet(b *testing.B) {
	const n = 500_000
	rows := someRows(n)
	b.Run("binary ids", func(b *testing.B) {
		benchmark(b, "sms.parquet", written(b, rows, parquet.Compression(&parquet.Zstd)), n)
	})
	b.Run("text ids", func(b *testing.B) {
		type row struct {
			EventID    *string `parquet:"event_id,optional,plain"`
			AccountID  *string `parquet:"account_id,optional,dict"`
			OccurredAt *int64  `parquet:"occurred_at,optional,timestamp(microsecond)"`
			Carrier    *string `parquet:"carrier,optional,dict"`
			Country    *string `parquet:"country,optional,dict"`
			Segments   *int64  `parquet:"segments,optional,dict"`
		}
		foreign := mapped(rows, func(r smsRow) row {
			id := eventText(r)
			return row{&id, &r.AccountID, &r.OccurredAt, r.Carrier, &r.Country, &r.Segments}
		})
		benchmark(b, "sms.parquet", written(b, foreign, parquet.Compression(&parquet.Snappy)), n)
	})
}

func BenchmarkCSV(b *testing.B) {
	const n = 100_000
	benchmark(b, "sms.csv", csvOf(someRows(n)), n)
}

func BenchmarkCSVGzip(b *testing.B) {
	const n = 100_000
	benchmark(b, "sms.csv.gz", packings[".gz"](b, csvOf(someRows(n))), n)
}

func BenchmarkCSVZstd(b *testing.B) {
	const n = 100_000
	benchmark(b, "sms.csv.zst", packings[".zst"](b, csvOf(someRows(n))), n)
}

func BenchmarkNDJSON(b *testing.B) {
	const n = 100_000
	benchmark(b, "sms.ndjson", ndjsonOf(someRows(n)), n)
}

func BenchmarkArrow(b *testing.B) {
	const n = 500_000
	rows := someRows(n)
	for _, key := range []string{"sms.arrow", "sms.arrows"} {
		b.Run(key, func(b *testing.B) {
			benchmark(b, key, arrowOf(b, key, oneDictionary(rows, 1<<16), ipc.WithZstd()), n)
		})
	}
}

// BenchmarkJSON: a list of records.
func BenchmarkJSON(b *testing.B) {
	const n = 100_000
	benchmark(b, "sms.json", jsonOfRows(someRows(n)), n)
}
