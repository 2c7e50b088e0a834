package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"gocloud.dev/blob"

	"ratemill/fixtures/s3test"
	"ratemill/pipeline/store"
	"ratemill/rating/catalog"
	"ratemill/writers"
)

// late is a file for the first day that comes after the second night.
const late = `
	-- sms/2024-05-01 late.csv
	m9,A,2024-05-01T10:00:00,outbound,acme,US,5000
`

// inS3 is a bucket of the test server with the exports of a company, and its
// catalog. The history lies in it, too.
type inS3 struct {
	testing.TB
	server *s3test.Server
	bucket string
}

func newInS3(t testing.TB, exports string) *inS3 {
	t.Helper()
	server := s3test.Start(t)
	s := &inS3{t, server, server.Bucket(t)}
	source, err := os.ReadFile("../fixtures/catalogs/marketing.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.open(server.Endpoint, "").WriteAll(context.Background(), "catalog.yaml", source, nil); err != nil {
		t.Fatal(err)
	}
	s.company(server.Endpoint, "").deliver(exports)
	return s
}

func (s *inS3) open(endpoint, prefix string, parameters ...string) *blob.Bucket {
	s.Helper()
	b, err := store.Open(context.Background(), s3test.Location(endpoint, s.bucket, prefix, parameters...))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { b.Close() })
	return b
}

// company is the company as it is reached at an endpoint, with the history
// under a prefix.
func (s *inS3) company(endpoint, history string, parameters ...string) *company {
	s.Helper()
	c := newCompany(s, "")
	location := s3test.Location(s.server.Endpoint, s.bucket, "catalog.yaml")
	text, err := store.ReadFile(context.Background(), location)
	if err != nil {
		s.Fatal(err)
	}
	if c.knobs.Catalog, err = catalog.Parse("marketing.yaml", text); err != nil {
		s.Fatal(err)
	}
	c.exports, c.output = s.open(endpoint, "exports", parameters...), s.open(endpoint, "history"+history, parameters...)
	return c
}

// undisturbed is the same company's history on a disk: small with its late
// file, up to 2024-05-04.
func undisturbed(t testing.TB) map[string]string {
	t.Helper()
	c := newCompany(t, "")
	c.exports = folder(t, diskDir(t))
	c.onDisk()
	c.deliver(small)
	c.nights("2024-05-01", "2024-05-02")
	c.deliver(late)
	c.nights("2024-05-03", "2024-05-04")
	return issued(t, c.output)
}

// Exports, catalog and history in S3, with a late file, a run that dies, and
// nights that are asked for again: what is published is what a disk would
// have, byte for byte.
func TestNightsInS3(t *testing.T) {
	s := newInS3(t, small)
	c := s.company(s.server.Endpoint, "")
	c.nights("2024-05-01", "2024-05-02")
	c.deliver(late)

	proxy := s.server.Proxy(t)
	dying := s.company(proxy.Endpoint, "", "retry_for=1ms")
	proxy.Fail(func(call *s3test.Call) {
		if call.N > 40 {
			call.LoseAnswer()
			return
		}
		call.Forward()
	})
	if _, err := dying.runOn(dying.output, "2024-05-03"); ExitCode(err) != ExitTemporary {
		t.Fatalf("got %v, exit code %d", err, ExitCode(err))
	}
	c.nights("2024-05-03", "2024-05-04")
	want := undisturbed(t)
	sameTree(t, "in S3", issued(t, c.output), want)
	for _, date := range []string{"2024-05-02", "2024-05-04"} {
		if r, err := c.try(date); err != nil || r.Status != Already {
			t.Errorf("%s again: %v, %v", date, r, err)
		}
	}
	sameTree(t, "after reruns", issued(t, c.output), want)
	wantNoStaging(t, c.output)
}

// wantNoStaging wants that nothing of a finished run's staging is left, but
// for that of runs that died.
func wantNoStaging(t testing.TB, b *blob.Bucket) {
	t.Helper()
	intents := ""
	for key, text := range tree(t, b) {
		if strings.HasSuffix(key, "/intent.json") {
			intents += text
		}
	}
	it := b.List(&blob.ListOptions{Prefix: "_staging/"})
	for {
		o, err := it.Next(context.Background())
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(intents, o.Key) {
			t.Errorf("%s was published and is left", o.Key)
		}
	}
}

// A table of event ids that is thrown away when a part of it has been sent, and
// written again, is the same on any store, and leaves nothing behind.
func TestIDsWrittenAgainInS3(t *testing.T) {
	if testing.Short() {
		t.Skip("some 6 MB of ids")
	}
	signUp := "-- account_events/2024-05-01\ns1,A,2024-05-01T00:00:00,signed_up,pages_free,monthly,card,\n"
	var messages strings.Builder
	messages.WriteString(headers["sms"] + "\nrefused,A,2024-05-01T10:00:00,outbound,free,US,1\n")
	for i := range 250_000 {
		fmt.Fprintf(&messages, "m%d,A,2024-05-01T10:00:00,outbound,0.5,US,1\n", i)
	}
	s := newInS3(t, "")
	inS3, onDisk := s.company(s.server.Endpoint, ""), newCompany(t, "")
	onDisk.onDisk()
	for _, c := range []*company{inS3, onDisk} {
		c.knobs.Catalog, c.knobs.Memory = marketing(t, "price: {table: sms_prices}", "price: {column: carrier}"), 64<<20
		c.deliver(signUp)
		c.write("sms/date=2024-05-01/part-0.csv", messages.String())
	}
	inS3.night("2024-05-01")
	onDisk.night("2024-05-01")
	sameTree(t, "in S3", issued(t, inS3.output), issued(t, onDisk.output))
	if ids := rows[writers.SeenID](inS3, "2024-05-01", writers.EventIDsTable); len(ids) != 250_001 { // with the sign-up
		t.Errorf("%d ids, want 250,001", len(ids))
	}
}
