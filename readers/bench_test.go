package readers

import (
	"context"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

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

// BenchmarkFormats: a row of each format, against its bound: what the bytes cost
// to be unpacked, and those of text to be looked at one by one. In CPU time, so
// that a busy machine does not show.
func BenchmarkFormats(b *testing.B) {
	const n = 300_000
	rows := someRows(n)
	foreign := mapped(rows, asOptional)
	zstd, snappy := parquet.Compression(&parquet.Zstd), parquet.Compression(&parquet.Snappy)
	type deltaRow struct {
		EventID    string  `parquet:"event_id,delta"`
		AccountID  string  `parquet:"account_id,dict"`
		OccurredAt int64   `parquet:"occurred_at,timestamp(microsecond)"`
		Carrier    *string `parquet:"carrier,optional,dict"`
		Country    string  `parquet:"country,dict"`
		Segments   int64   `parquet:"segments"`
	}
	texts := mapped(rows, func(r smsRow) deltaRow {
		return deltaRow{eventText(r), r.AccountID, r.OccurredAt, r.Carrier, r.Country, r.Segments}
	})
	for _, f := range []struct {
		name, key string
		data      []byte
	}{
		{"Parquet zstd", "a.parquet", written(b, rows, zstd)},
		{"Parquet snappy", "a.parquet", written(b, rows, snappy)},
		{"Parquet zstd, delta text ids", "a.parquet", written(b, texts, zstd)},
		{"Parquet snappy, all optional and plain", "a.parquet", written(b, foreign, snappy)},
		{"CSV.gz", "a.csv.gz", packings[".gz"](b, csvOf(rows))},
		{"NDJSON.zst", "a.ndjson.zst", packings[".zst"](b, ndjsonOf(rows))},
	} {
		bucket := bucketOf(b, f.key, f.data)
		for name, work := range map[string]func(e *Export) (int, error){"read": readRows, "bound": readBound} {
			b.Run(f.name+"/"+name, func(b *testing.B) {
				before := cpuTime(b)
				for b.Loop() {
					e, err := Open(context.Background(), bucket, f.key, int64(len(f.data)), sms, calendar.Zone{})
					if err != nil {
						b.Fatal(err)
					}
					if got, err := work(e); err != nil || got != n {
						b.Fatal(got, err)
					}
				}
				b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N)/n, "CPU-ns/row")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// cpuTime is what the process has used, of the system too.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func readRows(e *Export) (rows int, err error) {
	for split := range e.Splits() {
		if err := e.Read(context.Background(), split, func(batch *Batch) error { rows += batch.Len; return nil }); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// readBound unpacks the bytes of an export, and counts its rows in what costs
// the least.
func readBound(e *Export) (rows int, err error) {
	if e.format != Parquet {
		text, err := openText(context.Background(), e.src, errLongLine)
		if err != nil {
			return 0, err
		}
		defer text.close()
		for !text.ended {
			rows += linesOf(text.buffer[text.at:])
			text.at = len(text.buffer)
			if err := text.more(); err != nil {
				return 0, err
			}
		}
		if e.format == CSV { // the header
			rows--
		}
		return rows, nil
	}
	var unpack unpacker
	for split := range e.Splits() {
		s, end := e.splitSection(context.Background(), split)
		group := &e.footer.groups[split]
		for i, leaf := range e.footer.columns {
			pages := newPageReader(s, group.chunks[i], leaf, group.rows, &unpack, pageRoom{})
			for {
				p, err := pages.next(func(int, []byte) error { return nil })
				if err == io.EOF {
					break
				} else if err != nil {
					return 0, err
				}
				if leaf.physical == format.ByteArray && !isDictionary(p.encoding) {
					linesOf(p.values)
				}
			}
		}
		rows += int(group.rows)
		end()
	}
	return rows, nil
}

// linesOf looks at bytes one by one.
//
//go:noinline
func linesOf(text []byte) (n int) {
	for _, c := range text {
		if c == '\n' {
			n++
		}
	}
	return n
}

// BenchmarkParquet: dictionaries and 16-byte ids, as one would choose; and all
// OPTIONAL, ids as text, as DuckDB and pyarrow write by themselves.
func BenchmarkParquet(b *testing.B) {
	const n = 500_000
	rows := someRows(n)
	b.Run("binary ids", func(b *testing.B) {
		benchmark(b, "sms.parquet", written(b, rows, parquet.Compression(&parquet.Zstd)), n)
	})
	b.Run("text ids", func(b *testing.B) {
		benchmark(b, "sms.parquet", written(b, mapped(rows, asOptional), parquet.Compression(&parquet.Snappy)), n)
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
