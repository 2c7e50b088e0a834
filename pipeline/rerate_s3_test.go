package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/parquet-go/parquet-go"

	"ratemill/fixtures/s3test"
)

// Whatever happens between a rerate and S3, what is published is what a rerate
// on a disk publishes, byte for byte, or nothing is visible and the next rerate
// makes it so.
func TestFaultsOfS3InARerate(t *testing.T) {
	s := newInS3(t, small)
	quiet, _ := lateAfterTwo(t)
	quiet.deliver(late)
	if _, err := quiet.rerateOn(quiet.output); err != nil {
		t.Fatal(err)
	}
	want := issued(t, quiet.output)
	begin := s.company(s.server.Endpoint, "/begin")
	begin.nights("2024-05-01", "2024-05-02")
	begun := tree(t, begin.output)
	begin.deliver("-- sms/2024-05-01 late.csv\nx1,A,2024-05-01T11:00:00,outbound,acme,US,900")
	begin.deliver(late)
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			if f.long && testing.Short() {
				t.Skip("left out of the short tests")
			}
			t.Parallel() // they wait more than they work
			history := "/" + string(rune('a'+i))
			s := &inS3{t, s.server, s.bucket}
			direct := s.company(s.server.Endpoint, history)
			for key, text := range begun {
				putObject(t, direct.output, key, []byte(text))
			}
			before := issued(t, direct.output)
			proxy := s.server.Proxy(t)
			disturbed := s.company(proxy.Endpoint, history, f.parameters...)
			proxy.Fail(f.fault)
			night := direct.settings("2024-05-02")
			night.Exports, night.Output = disturbed.exports, disturbed.output
			_, err := Rerate(t.Context(), night, Span{day(t, "2024-05-01"), day(t, "2024-05-01")}, false)
			switch {
			case err != nil && f.passes:
				t.Errorf("%v (exit code %d)", err, ExitCode(err))
			case !f.passes && ExitCode(err) != ExitTemporary:
				t.Errorf("%v, exit code %d, want %d", err, ExitCode(err), ExitTemporary)
			case !f.passes && !strings.Contains(f.name, "from call 70"):
				sameTree(t, f.name+", failed", issued(t, direct.output), before)
			}
			proxy.Fail(nil)
			if _, err := direct.rerateOn(direct.output); err != nil {
				t.Fatalf("the next run: %v", err)
			}
			sameTree(t, f.name, issued(t, direct.output), want)
		})
	}
}

// manifestsOfMonth writes manifests beside some exports of a month.
func manifestsOfMonth(c *company) {
	c.manifestOf("sms/date=2024-05-03", map[string]int{"part-0.csv": 43})
	c.manifestOf("sms/date=2024-05-06", map[string]int{"part-0.csv": 43})
	c.manifestOf("sms/date=2024-05-07", map[string]int{"part-0.csv": 43})
}

// A backfill that reads ahead, of exports with manifests, through a store that
// fails: the history is that on a disk, or stops with exit code 75 and the next
// one goes on.
func TestFaultsOfS3InABackfill(t *testing.T) {
	s := newInS3(t, month())
	manifestsOfMonth(s.company(s.server.Endpoint, ""))
	quiet := newCompany(t, month())
	manifestsOfMonth(quiet)
	quiet.nights("2024-05-01", "2024-05-09")
	want := issued(t, quiet.output)
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			if f.long && testing.Short() {
				t.Skip("left out of the short tests")
			}
			t.Parallel()
			history := "/" + string(rune('a'+i))
			s := &inS3{t, s.server, s.bucket}
			direct := s.company(s.server.Endpoint, history)
			proxy := s.server.Proxy(t)
			disturbed := s.company(proxy.Endpoint, history, f.parameters...)
			proxy.Fail(f.fault)
			settings := direct.settings("2024-05-01")
			settings.Exports, settings.Output = disturbed.exports, disturbed.output
			err := backfillOn(t, settings, "2024-05-09", 2)
			switch {
			case err != nil && f.passes:
				t.Errorf("%v (exit code %d)", err, ExitCode(err))
			case !f.passes && ExitCode(err) != ExitTemporary:
				t.Errorf("%v, exit code %d, want %d", err, ExitCode(err), ExitTemporary)
			}
			proxy.Fail(nil)
			if _, err := direct.backfill("2024-05-01", "2024-05-09", 2); err != nil {
				t.Fatalf("the next run: %v", err)
			}
			sameTree(t, f.name, issued(t, direct.output), want)
		})
	}
}

// backfillOn bills nights from the settings' day on, with so many read ahead.
func backfillOn(t testing.TB, s *Settings, to string, ahead int) error {
	b, err := NewBackfill(context.Background(), s, day(t, to), ahead)
	if err != nil {
		return err
	}
	defer b.Close()
	for d := s.Day; d <= day(t, to); d++ {
		if _, err := b.Night(context.Background(), d); err != nil {
			return err
		}
	}
	return nil
}

// An export in S3 that changes under a rerate stops it with its name.
func TestExportChangesUnderARerate(t *testing.T) {
	const key, line = "sms/date=2024-05-02/part-0.csv", "m6,A,2024-05-02T10:00:00,outbound,acme,US,400"
	s := newInS3(t, small)
	direct := s.company(s.server.Endpoint, "")
	direct.nights("2024-05-01", "2024-05-02")
	direct.deliver(late)
	before := issued(t, direct.output)
	text, err := direct.exports.ReadAll(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	proxy := s.server.Proxy(t)
	disturbed := s.company(proxy.Endpoint, "")
	for at := 1; ; at++ {
		direct.write(key, string(text))
		var mu sync.Mutex
		calls := 0
		proxy.Fail(func(c *s3test.Call) {
			mu.Lock()
			if strings.HasSuffix(c.URL.Path, key) {
				if calls++; calls == at {
					direct.write(key, strings.Replace(string(text), line, strings.TrimSuffix(line, "400")+"40000", 1))
				}
			}
			mu.Unlock()
			c.Forward()
		})
		settings := direct.settings("2024-05-02")
		settings.Exports = disturbed.exports
		_, err := Rerate(t.Context(), settings, Span{day(t, "2024-05-01"), day(t, "2024-05-01")}, false)
		if calls < at {
			if at < 4 {
				t.Errorf("%d calls", calls)
			}
			return
		}
		if ExitCode(err) != ExitInput || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "changed") {
			t.Errorf("changes at call %d: %v, exit code %d", at, err, ExitCode(err))
		}
		sameTree(t, "after a change", issued(t, direct.output), before)
	}
}

// A large Parquet export in S3 that is replaced between its tail and its
// ranges, or between two of them, stops the night with its name.
func TestParquetIsReplacedBetweenItsRanges(t *testing.T) {
	const key, rows = "sms/date=2024-05-02/part-0.parquet", 40_000
	texts := map[string]string{}
	for _, segments := range []int64{1, 2} {
		var b bytes.Buffer
		w := parquet.NewGenericWriter[notedSMS](&b, parquet.MaxRowsPerRowGroup(rows/4), parquet.Compression(&parquet.Uncompressed))
		for i, r := range wideRows(rows) {
			if _, err := w.Write([]notedSMS{{r.Event, "A", "2024-05-02T10:00:00", "outbound", "acme", "US", segments + int64(i%2), r.Left}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		texts[fmt.Sprint(segments)] = b.String()
	}
	if len(texts["1"]) < 3<<20 {
		t.Fatalf("%d bytes are fetched whole", len(texts["1"]))
	}
	s := newInS3(t, `
		-- account_events/2024-05-01
		s1,A,2024-05-01T09:00:00,signed_up,pro,monthly,card,
	`)
	direct := s.company(s.server.Endpoint, "")
	direct.night("2024-05-01")
	before := issued(t, direct.output)
	proxy := s.server.Proxy(t)
	disturbed := s.company(proxy.Endpoint, "")
	for at := 2; ; at++ { // at the first, what is looked at is what is read
		direct.write(key, texts["1"])
		var mu sync.Mutex
		calls := 0
		proxy.Fail(func(c *s3test.Call) {
			mu.Lock()
			if strings.HasSuffix(c.URL.Path, key) {
				if calls++; calls == at {
					direct.write(key, texts["2"])
				}
			}
			mu.Unlock()
			c.Forward()
		})
		night := direct.settings("2024-05-02")
		night.Exports = disturbed.exports
		_, err := Run(t.Context(), night)
		if calls < at {
			if at < 8 || err != nil {
				t.Errorf("%d calls, %v", calls, err)
			}
			return
		}
		if ExitCode(err) != ExitInput || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "changed") {
			t.Errorf("replaced at call %d: %v, exit code %d", at, err, ExitCode(err))
		}
		sameTree(t, "after a change", issued(t, direct.output), before)
	}
}

type notedSMS struct {
	Event     string `parquet:"event_id"`
	Account   string `parquet:"account_id"`
	At        string `parquet:"occurred_at"`
	Direction string `parquet:"direction"`
	Carrier   string `parquet:"carrier"`
	Country   string `parquet:"country"`
	Segments  int64  `parquet:"segments"`
	Note      string `parquet:"zz_note"`
}
