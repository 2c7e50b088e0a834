package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"

	"ratemill/pipeline/store"
)

// month is a company over some days: usage of accounts that sign up later, of
// one that nobody knows, rows that come late and too early, a day without an
// export, a file of the day before in the folder of the next.
func month() string {
	var b strings.Builder
	b.WriteString(small + `
		-- account_events/2024-05-04
		s3,X,2024-05-03T09:00:00,signed_up,pages_free,monthly,card,
		-- account_events/2024-05-06
		s4,C,2024-05-06T00:00:00,signed_up,plus,monthly,card,
		p1,A,2024-05-06T12:00:00,plan_changed,plus,,,
		-- contacts/2024-05-06
		A,2024-05-06,900,
	`)
	for d := 3; d <= 8; d++ {
		if d == 5 {
			continue
		}
		date := fmt.Sprintf("2024-05-%02d", d)
		fmt.Fprintf(&b, "-- sms/%s\n", date)
		for i := range 40 {
			account := []string{"A", "B", "C", "X", "nobody"}[i%5]
			fmt.Fprintf(&b, "n%d-%d,%s,%sT%02d:00:00,outbound,acme,US,%d\n", d, i, account, date, i%24, 100+i)
		}
		fmt.Fprintf(&b, "n%d-1,B,2024-05-%02dT01:00:00,outbound,acme,US,101\n", d-1, d-1) // again
		fmt.Fprintf(&b, "l%d,A,2024-05-%02dT01:00:00,outbound,acme,US,7\n", d, d-2)       // late
		fmt.Fprintf(&b, "e%d,A,2024-05-%02dT01:00:00,outbound,acme,US,7\n", d, d+1)       // early
	}
	return b.String()
}

// reads counts what is read of a bucket, by key.
type reads struct {
	driver.Bucket
	mu sync.Mutex
	of map[string]int
}

func (r *reads) NewRangeReader(ctx context.Context, key string, offset, length int64, o *driver.ReaderOptions) (driver.Reader, error) {
	r.mu.Lock()
	r.of[key]++
	r.mu.Unlock()
	return r.Bucket.NewRangeReader(ctx, key, offset, length, o)
}

// counted is a company whose exports lie on a disk, where what is read of them
// is counted.
func counted(t *testing.T, exports string) (*company, *reads) {
	c := newCompany(t, exports)
	dir := diskDir(t)
	for key, text := range tree(t, c.exports) {
		write(t, filepath.Join(dir, key), text)
	}
	disk, err := store.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := &reads{Bucket: disk, of: map[string]int{}}
	c.exports = blob.NewBucket(r)
	t.Cleanup(func() { c.exports.Close() })
	return c, r
}

// backfill bills a span of nights, with so many read ahead.
func (c *company) backfill(from, to string, ahead int) (all []*Result, err error) {
	c.Helper()
	b, err := NewBackfill(context.Background(), c.settings(from), day(c, to), ahead)
	if err != nil {
		c.Fatal(err)
	}
	defer b.Close()
	for d := day(c, from); d <= day(c, to); d++ {
		r, err := b.Night(context.Background(), d)
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

// However many nights are read ahead, the history is that of one night after
// the other; no export is read more often, and nothing is left open.
func TestBackfillReadsAhead(t *testing.T) {
	quiet, once := counted(t, month())
	quiet.nights("2024-05-01", "2024-05-09")
	want := issued(t, quiet.output)
	for _, ahead := range []int{0, 1, 2, 5, 100} {
		for _, memory := range []int64{1 << 10, 1 << 24} {
			t.Run(fmt.Sprintf("%d nights, %d bytes", ahead, memory), func(t *testing.T) {
				c, r := counted(t, month())
				c.knobs.Memory = memory
				if _, err := c.backfill("2024-05-01", "2024-05-09", ahead); err != nil {
					t.Fatal(err)
				}
				sameTree(t, "read ahead", issued(t, c.output), want)
				for key, n := range r.of {
					if n > once.of[key] {
						t.Errorf("%s is read %d times, want %d", key, n, once.of[key])
					}
				}
				if left, _ := os.ReadDir(c.knobs.TempDir); len(left) != 0 {
					t.Errorf("%d files are left of what was spilled", len(left))
				}
			})
		}
	}
}

// What is foreseen may turn out otherwise: a file that comes, or is written
// anew, while nights are read ahead is read as it is on its night's turn.
func TestBackfillForeseesWrongly(t *testing.T) {
	changes := []func(c *company){
		func(c *company) {
			c.deliver("-- sms/2024-05-02 late.csv\nlate1,A,2024-05-02T10:00:00,outbound,acme,US,70")
		},
		func(c *company) { c.deliver("-- sms/2024-05-04\nother1,A,2024-05-04T10:00:00,outbound,acme,US,70") },
		func(c *company) {
			c.deliver("-- sms/2024-05-04 more.csv\nother2,A,2024-05-04T10:00:00,outbound,acme,US,70")
		},
	}
	for i, change := range changes {
		var want map[string]string
		for _, ahead := range []int{0, 2} {
			c := newCompany(t, month())
			c.night("2024-05-01")
			b, err := NewBackfill(t.Context(), c.settings("2024-05-02"), day(t, "2024-05-06"), ahead)
			if err != nil {
				t.Fatal(err)
			}
			for d := day(t, "2024-05-02"); d <= day(t, "2024-05-06"); d++ {
				if d == day(t, "2024-05-04") {
					if b.scans != nil { // it has been read, and is thrown away
						b.scans.head = b.scans.of(day(t, "2024-05-04"))
					}
					change(c)
				}
				if _, err := b.Night(t.Context(), d); err != nil {
					t.Fatal(err)
				}
			}
			b.Close()
			if got := issued(t, c.output); want == nil {
				want = got
			} else {
				sameTree(t, fmt.Sprintf("change %d", i), got, want)
			}
		}
	}
}

// A backfill stops at the first night that fails, is asked again, proves what
// is published, and goes on.
func TestBackfillResumes(t *testing.T) {
	for _, ahead := range []int{0, 2} {
		c := newCompany(t, month())
		c.write("sms/date=2024-05-04/broken.csv", "event_id\n1,2\n")
		done, err := c.backfill("2024-05-01", "2024-05-06", ahead)
		if ExitCode(err) != ExitInput || len(done) != 3 || !strings.Contains(err.Error(), "broken.csv") {
			t.Fatalf("%d nights, then %v", len(done), err)
		}
		if err := c.exports.Delete(t.Context(), "sms/date=2024-05-04/broken.csv"); err != nil {
			t.Fatal(err)
		}
		done, err = c.backfill("2024-05-01", "2024-05-06", ahead)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range done {
			if want := i < 3; r.Verified != want || (r.Status == Already) != want {
				t.Errorf("night %d: %s, verified %v", i+1, r.Status, r.Verified)
			}
		}
		quiet := newCompany(t, month())
		quiet.nights("2024-05-01", "2024-05-06")
		sameTree(t, "resumed", issued(t, c.output), issued(t, quiet.output))
	}
}

// A published night is read again: a file that is damaged or gone stops the
// backfill with its name.
func TestBackfillVerifies(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, b *blob.Bucket, key string){
		"it is gone": func(t *testing.T, b *blob.Bucket, key string) {
			if err := b.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		},
		"SHA-256": func(t *testing.T, b *blob.Bucket, key string) {
			text, err := b.ReadAll(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			text[len(text)/2] ^= 1
			if err := b.WriteAll(t.Context(), key, text, nil); err != nil {
				t.Fatal(err)
			}
		},
	} {
		c := newCompany(t, month())
		c.nights("2024-05-01", "2024-05-03")
		key := "invoices/billing_date=2024-05-02/entry-00000002.parquet"
		damage(t, c.output, key)
		done, err := c.backfill("2024-05-01", "2024-05-05", 0)
		if len(done) != 1 || ExitCode(err) != ExitInput || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %d nights, then %v", name, len(done), err)
		}
	}
}
