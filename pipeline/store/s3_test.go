package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"ratemill/fixtures/s3test"
)

func TestS3Parameters(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	for query, want := range map[string]string{
		"reigon=eu-central-1":            `unknown parameter "reigon" (known are endpoint, idle_timeout, kms_key_id, profile, region`,
		"region=a&region=b":              "region stands there 2 times",
		"region=":                        "region has no value",
		"use_path_style=yes":             `"yes" is neither true nor false`,
		"sse=aes":                        `"aes" is none of AES256, aws:kms`,
		"kms_key_id=k":                   "kms_key_id wants sse=aws:kms",
		"sse=AES256&kms_key_id=k":        "kms_key_id wants sse=aws:kms",
		"retry_for=5":                    `"5" is not a time span (want 30s or 2m)`,
		"idle_timeout=-1s":               "is not a time span",
		"endpoint=localhost:9000":        "is not the address of a server",
		"endpoint=http://k:secret@host":  "is not the address of a server",
		"request_checksum_calculation=x": "is none of when_supported, when_required",
		"profile=gone-from-here":         "gone-from-here",
		"a;b":                            "semicolon",
	} {
		_, err := Open(t.Context(), "s3://bucket/prefix?"+query)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "bucket") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %q", query, err, want)
		}
	}
	for _, query := range []string{"", "region=x", "endpoint=https://host/path", "sse=aws:kms&kms_key_id=arn:aws:kms:x:1:key/2", "retry_for=1m&idle_timeout=10s"} {
		if _, err := Open(t.Context(), "s3://bucket/prefix?"+query); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestS3WantsARegion(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	if _, err := Open(t.Context(), "s3://bucket"); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("got %v", err)
	}
	if _, err := Open(t.Context(), "s3://bucket?endpoint=http://localhost:9000"); err != nil {
		t.Error(err)
	}
}

// bucketInS3 opens a new bucket of the test server, through a proxy.
func bucketInS3(t *testing.T, parameters ...string) (*blob.Bucket, *s3test.Proxy, *s3.Client, string) {
	t.Helper()
	server := s3test.Start(t)
	name, proxy := server.Bucket(t), server.Proxy(t)
	return open(t, s3test.Location(proxy.Endpoint, name, "some/prefix", parameters...)), proxy, server.Client(), name
}

func noise(n int) []byte {
	random := rand.NewChaCha8([32]byte{1})
	content := make([]byte, n)
	_, _ = random.Read(content)
	return content
}

func wantSame(t *testing.T, got, want []byte, err error) {
	t.Helper()
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes (%v), want %d; equal: %v", len(got), err, len(want), bytes.Equal(got, want))
	}
}

// Every write asks for the encryption that the location asks for.
func TestS3Encryption(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	var mu sync.Mutex
	asked := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		what := r.URL.Query().Get("x-id")
		if r.URL.Query().Has("uploads") {
			what = "CreateMultipartUpload"
		}
		asked[what] = r.Header.Get("X-Amz-Server-Side-Encryption") + " " + r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id")
		w.Header().Set("ETag", `"e"`)
		switch what {
		case "CreateMultipartUpload":
			fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
		case "CopyObject":
			fmt.Fprint(w, "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>")
		case "":
			fmt.Fprint(w, "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
		}
	}))
	defer server.Close()
	for query, want := range map[string]string{"sse=AES256": "AES256 ", "sse=aws:kms&kms_key_id=k": "aws:kms k", "sse=aws:kms": "aws:kms "} {
		clear(asked)
		b := open(t, "s3://bucket?use_path_style=true&region=x&endpoint="+server.URL+"&"+query)
		write(t, b, "small", "x")
		if err := b.WriteAll(t.Context(), "large", noise(17<<20), nil); err != nil {
			t.Fatal(err)
		}
		if err := b.Copy(t.Context(), "copy", "small", nil); err != nil {
			t.Fatal(err)
		}
		for _, what := range []string{"PutObject", "CreateMultipartUpload", "CopyObject"} {
			if asked[what] != want {
				t.Errorf("%s: %s asks for %q, want %q", query, what, asked[what], want)
			}
		}
	}
}

// A large object goes out in parts, with checksums, while it is being written:
// it is never in memory whole.
func TestS3WritesInParts(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of the short tests")
	}
	b, proxy, client, name := bucketInS3(t)
	var mu sync.Mutex
	parts, unchecked := 0, 0
	proxy.Fail(func(c *s3test.Call) {
		if c.URL.Query().Has("partNumber") {
			mu.Lock()
			parts++
			if c.Header.Get("X-Amz-Checksum-Crc32") == "" && c.Header.Get("X-Amz-Trailer") == "" {
				unchecked++
			}
			mu.Unlock()
		}
		c.Forward()
	})
	content := noise(60<<20 + 1)
	w, err := b.NewWriter(t.Context(), "large", &blob.WriterOptions{IfNotExist: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	for waited := time.Duration(0); ; waited += 10 * time.Millisecond {
		mu.Lock()
		sent := parts
		mu.Unlock()
		if sent >= 3 {
			break
		}
		if waited > 10*time.Second {
			t.Fatalf("%d parts sent before the object is closed", sent)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if there, err := b.Exists(t.Context(), "large"); there || err != nil {
		t.Errorf("visible before it is closed: %v, %v", there, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if parts != 8 || unchecked > 0 {
		t.Errorf("%d parts, %d without a checksum", parts, unchecked)
	}
	got, err := b.ReadAll(t.Context(), "large")
	wantSame(t, got, content, err)
	err = b.WriteAll(t.Context(), "large", content, &blob.WriterOptions{IfNotExist: true, ContentType: "text/plain"})
	wantCode(t, err, gcerrors.FailedPrecondition)
	wantNoUploads(t, client, name)
}

// wantNoUploads wants that no parts are left of uploads that came to nothing.
func wantNoUploads(t *testing.T, client *s3.Client, bucket string) {
	t.Helper()
	left, err := client.ListMultipartUploads(context.Background(), &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil || len(left.Uploads) > 0 {
		t.Errorf("%d uploads left, %v", len(left.Uploads), err)
	}
}

// What is cancelled leaves nothing: no object, and no parts that cost money.
func TestS3CancelledWrite(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of the short tests")
	}
	b, _, client, name := bucketInS3(t)
	for _, size := range []int{100, 40 << 20} {
		ctx, cancel := context.WithCancel(t.Context())
		w, err := b.NewWriter(ctx, "cancelled", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(noise(size)); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := w.Close(); err == nil {
			t.Error("no error")
		}
		if there, err := b.Exists(t.Context(), "cancelled"); there || err != nil {
			t.Errorf("%d bytes: there: %v, %v", size, there, err)
		}
	}
	wantNoUploads(t, client, name)
}

// A completion that was done while its answer was lost is recognised; where
// the server never answers it fails in a way that may pass.
func TestS3LostCompletion(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of the short tests")
	}
	b, proxy, _, _ := bucketInS3(t, "retry_for=1s")
	content := noise(17 << 20)
	for name, times := range map[string]int{"once": 1, "for ever": 1000} {
		proxy.Fail(func(c *s3test.Call) {
			completes := c.Method == http.MethodPost && c.URL.Query().Has("uploadId")
			switch {
			case completes && times > 0:
				times--
				c.LoseAnswer()
			case completes: // some servers know of an upload that is complete, some do not
				c.Refuse(http.StatusNotFound, "NoSuchUpload")
			default:
				c.Forward()
			}
		})
		err := b.WriteAll(t.Context(), name, content, nil)
		if times > 0 && !Temporary(err) || times == 0 && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if looked := slices.ContainsFunc(proxy.Calls(), func(c string) bool { return strings.HasPrefix(c, "HEAD ") }); times == 0 && !looked {
			t.Errorf("%s: the object was not looked at: %q", name, proxy.Calls())
		}
		proxy.Fail(nil)
		got, err := b.ReadAll(t.Context(), name)
		wantSame(t, got, content, err)
	}
}

// A body that breaks off, or is shorter than it should be, is read on where it
// broke off, whole or by ranges.
func TestS3ReadsOn(t *testing.T) {
	b, proxy, _, _ := bucketInS3(t)
	content := noise(3 << 20)
	if err := b.WriteAll(t.Context(), "k", content, nil); err != nil {
		t.Fatal(err)
	}
	a, err := b.Attributes(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for name, fault := range map[string]s3test.Fault{
		"reset":  func(c *s3test.Call) { c.CutAnswer(true) },
		"closed": func(c *s3test.Call) { c.CutAnswer(false) },
		"short":  (*s3test.Call).ShortAnswer,
	} {
		broken := func(c *s3test.Call) {
			if c.N <= 4 { // each half of what is left
				fault(c)
				return
			}
			c.Forward()
		}
		proxy.Fail(broken)
		ctx := Unchanged(t.Context(), a.ETag, a.Size) // else the length of a short body is all that there is to know
		got, err := b.ReadAll(ctx, "k")
		wantSame(t, got, content, err)
		if calls := proxy.Calls(); len(calls) < 5 {
			t.Errorf("%s: %d calls", name, len(calls))
		}
		proxy.Fail(broken)
		r, err := b.NewRangeReader(t.Context(), "k", 1000, 2_000_000, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err = io.ReadAll(r)
		wantSame(t, got, content[1000:2_001_000], errors.Join(err, r.Close()))
	}
	// A short body of which nothing is known but its checksum is no body.
	proxy.Fail((*s3test.Call).ShortAnswer)
	if _, err := b.ReadAll(t.Context(), "k"); !Temporary(err) {
		t.Errorf("half a body: %v", err)
	}
}

// An object that changes while it is read is an error, at the next request at
// the latest; one that changed before is not read at all.
func TestS3ObjectChanges(t *testing.T) {
	b, proxy, _, _ := bucketInS3(t)
	old, changed := noise(3<<20), bytes.Repeat([]byte("x"), 3<<20)
	replace := func(content []byte) {
		if err := b.WriteAll(context.Background(), "k", content, nil); err != nil {
			t.Error(err)
		}
	}
	replace(old)
	a, err := b.Attributes(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	proxy.Fail(func(c *s3test.Call) {
		if c.N == 1 {
			c.CutAnswer(false)
			return
		}
		proxy.Fail(nil)
		replace(changed)
		c.Forward()
	})
	got, err := b.ReadAll(t.Context(), "k")
	if !errors.Is(err, errChanged) || Temporary(err) {
		t.Errorf("changed in mid-body: %d bytes, %v", len(got), err)
	}
	for _, length := range []int64{-1, 100} {
		_, err := b.NewRangeReader(Unchanged(t.Context(), a.ETag, a.Size), "k", 0, length, nil)
		wantCode(t, err, gcerrors.FailedPrecondition)
		if !errors.Is(err, errChanged) {
			t.Errorf("changed before: %v", err)
		}
	}
}

// On disk, too.
func TestDiskObjectChanges(t *testing.T) {
	b := open(t, t.TempDir())
	write(t, b, "k", "old")
	a, err := b.Attributes(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	ctx := Unchanged(t.Context(), a.ETag, a.Size)
	wantContent(t, b, "k", "old")
	if _, err := b.ReadAll(ctx, "k"); err != nil {
		t.Error(err)
	}
	write(t, b, "k", "new")
	_, err = b.ReadAll(ctx, "k")
	wantCode(t, err, gcerrors.FailedPrecondition)
	wantContent(t, b, "k", "new")
}

// Credentials that have expired are found again, in a file that was written
// anew meanwhile; a second refusal ends it.
func TestS3ExpiredCredentials(t *testing.T) {
	b, proxy, _, _ := bucketInS3(t)
	write(t, b, "k", "v")
	file := filepath.Join(t.TempDir(), "credentials")
	credentials := func(id, secret string) {
		text := fmt.Sprintf("[nightly]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	credentials("OLD", "old")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	bucket := strings.Split(proxy.Calls()[0], "/")[1]
	for name, do := range map[string]func(*blob.Bucket) error{
		"GET":  func(b *blob.Bucket) error { _, err := b.ReadAll(t.Context(), "k"); return err },
		"HEAD": func(b *blob.Bucket) error { _, err := b.Attributes(t.Context(), "k"); return err },
		"PUT":  func(b *blob.Bucket) error { return b.WriteAll(t.Context(), "l", []byte("x"), nil) },
		"LIST": func(b *blob.Bucket) error { _, err := b.List(nil).Next(t.Context()); return err },
	} {
		credentials("OLD", "old")
		renewing := open(t, s3test.Location(proxy.Endpoint, bucket, "some/prefix", "profile=nightly"))
		proxy.Fail(func(c *s3test.Call) {
			if strings.Contains(c.Header.Get("Authorization"), "Credential=OLD/") {
				credentials(s3test.AccessKey, s3test.SecretKey)
				c.Refuse(http.StatusBadRequest, "ExpiredToken")
				return
			}
			c.Forward()
		})
		if err := do(renewing); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		proxy.Fail(func(c *s3test.Call) { c.Refuse(http.StatusBadRequest, "ExpiredToken") })
		if err := do(renewing); !Temporary(err) || !strings.Contains(err.Error(), "ExpiredToken") {
			t.Errorf("%s, for ever: %v", name, err)
		}
		if calls := proxy.Calls(); len(calls) > 4 {
			t.Errorf("%s, for ever: %d calls: %q", name, len(calls), calls)
		}
	}
}

// Refusals that no time mends are not tried again, and are not temporary. They
// say what to do about it.
func TestS3Refusals(t *testing.T) {
	b, proxy, _, name := bucketInS3(t)
	write(t, b, "k", "v")
	refused := func(err error, advice string, object bool) bool {
		r := Refused(err)
		return r != nil && strings.Contains(r.Advice, advice) && r.Object == object && strings.HasPrefix(r.Location, "s3://"+name+"/some/prefix?") && gcerrors.Code(err) != gcerrors.NotFound
	}
	for code, c := range map[string]struct {
		status int
		advice string
	}{
		"AccessDenied": {403, "the key may not do this"}, "InvalidAccessKeyId": {403, "AWS_ACCESS_KEY_ID"}, "SignatureDoesNotMatch": {403, "AWS_SECRET_ACCESS_KEY"},
		"AuthorizationHeaderMalformed": {400, "region="}, "PermanentRedirect": {301, "region="}, "NoSuchBucket": {404, "there is no bucket " + name},
	} {
		status, object := c.status, code == "AccessDenied"
		proxy.Fail(func(c *s3test.Call) { c.Refuse(status, code) })
		calls := 1
		if status != 404 { // the bucket has been there, and a HEAD says no more than that
			calls += 2
			_, err := b.Attributes(t.Context(), "k")
			if err == nil || Temporary(err) || !strings.Contains(err.Error(), code) || !refused(err, c.advice, object) {
				t.Errorf("HEAD: %v: %+v, want %s, %q, of an object: %v", err, Refused(err), code, c.advice, object)
			}
		}
		if _, err := b.ReadAll(t.Context(), "k"); err == nil || Temporary(err) || !strings.Contains(err.Error(), code) {
			t.Errorf("GET: %v, want %s", err, code)
		} else if !refused(err, c.advice, object) {
			t.Errorf("GET: %+v, want %q, of an object: %v", Refused(err), c.advice, object)
		}
		if made := proxy.Calls(); len(made) != calls {
			t.Errorf("%s: %q", code, made)
		}
		if _, err := b.List(nil).Next(t.Context()); !refused(err, c.advice, false) {
			t.Errorf("LIST: %+v, want %q", Refused(err), c.advice)
		}
	}
}

// That nothing is there is believed once the bucket has let us in: a HEAD
// says no more of a bucket that is not there than of an object.
func TestS3NoBucket(t *testing.T) {
	b, proxy, _, _ := bucketInS3(t)
	for range 2 {
		proxy.Fail(nil)
		if there, err := b.Exists(t.Context(), "k"); there || err != nil {
			t.Errorf("in an empty bucket: %v, %v", there, err)
		}
	}
	if calls := proxy.Calls(); len(calls) != 1 {
		t.Errorf("asked %q for what is not there", calls)
	}
	gone := open(t, s3test.Location(proxy.Endpoint, "gone", "some/prefix"))
	for range 2 {
		if there, err := gone.Exists(t.Context(), "k"); there || Refused(err) == nil {
			t.Errorf("in no bucket: %v, %v", there, err)
		}
	}
}

// A server that cannot be trusted is asked once: no time mends its certificate.
func TestS3Untrusted(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "k")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshakes that end
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	b := open(t, "s3://bucket?region=x&retry_for=20s&endpoint="+server.URL)
	_, err := b.ReadAll(t.Context(), "k")
	if Temporary(err) || Refused(err) == nil || !strings.Contains(Refused(err).Advice, "AWS_CA_BUNDLE") {
		t.Errorf("%v: %+v", err, Refused(err))
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// Where no key is found, that is said, and no bucket is taken for empty.
func TestS3NoKeys(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	b := open(t, "s3://bucket?region=x&retry_for=1s&endpoint=http://127.0.0.1:1")
	if _, err := b.ReadAll(t.Context(), "k"); Refused(err) == nil || Temporary(err) || !strings.Contains(Refused(err).Advice, "no key for S3 is found") {
		t.Errorf("%v", err)
	}
}

// A server that does not come to itself is given up after the time that the
// location grants.
func TestS3TriesForABoundedTime(t *testing.T) {
	if testing.Short() {
		t.Skip("left out of the short tests")
	}
	b, proxy, _, _ := bucketInS3(t, "retry_for=400ms", "idle_timeout=100ms")
	for name, fault := range map[string]s3test.Fault{
		"slow down": func(c *s3test.Call) { c.Refuse(503, "SlowDown") },
		"reset":     (*s3test.Call).LoseAnswer,
		"silence":   (*s3test.Call).Stall,
	} {
		proxy.Fail(fault)
		began := time.Now()
		_, err := b.ReadAll(t.Context(), "k")
		if took := time.Since(began); !Temporary(err) || took < 300*time.Millisecond || took > 5*time.Second {
			t.Errorf("%s: %v after %v", name, err, took)
		}
		if calls := proxy.Calls(); len(calls) < 3 {
			t.Errorf("%s: %d calls", name, len(calls))
		}
	}
	// A long request is not an idle one.
	proxy.Fail(nil)
	slow := &slowReader{bytes.NewReader(noise(17 << 20))}
	if err := b.Upload(t.Context(), "slow", slow, &blob.WriterOptions{ContentType: "text/plain"}); err != nil {
		t.Error(err)
	}
}

// slowReader takes longer than the idle timeout between two parts.
type slowReader struct{ *bytes.Reader }

func (s *slowReader) Read(p []byte) (int, error) {
	if s.Len() == 1<<20 {
		time.Sleep(300 * time.Millisecond)
	}
	return s.Reader.Read(p[:min(len(p), 1<<20)])
}

// Twenty keys have one winner each, also where a third of the calls is lost.
func TestS3CreateOnly(t *testing.T) {
	b, proxy, _, _ := bucketInS3(t)
	var mu sync.Mutex
	won := map[string]int{}
	proxy.Fail(func(c *s3test.Call) {
		if c.N%7 == 0 {
			c.Refuse(409, "ConditionalRequestConflict")
			return
		}
		c.Forward()
	})
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			keys, err := contend(context.Background(), b, fmt.Sprint(i))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			for _, key := range keys {
				won[key]++
			}
		})
	}
	wait.Wait()
	for key, n := range won {
		if n != 1 {
			t.Errorf("%s: %d winners", key, n)
		}
	}
	if len(won) != 20 {
		t.Errorf("%d keys won", len(won))
	}
}

// A server that answers a range with something else is found out.
func TestS3WrongRange(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	for said, status := range map[string]int{"": 200, "bytes 0-9/100": 206, "bytes 10-18/100": 206, "nonsense": 206} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if said != "" {
				w.Header().Set("Content-Range", said)
			}
			w.WriteHeader(status)
			fmt.Fprint(w, "0123456789")
		}))
		defer server.Close()
		b := open(t, "s3://bucket?use_path_style=true&region=x&retry_for=100ms&endpoint="+server.URL)
		_, err := b.NewRangeReader(t.Context(), "k", 10, 10, nil)
		if err == nil || !strings.Contains(err.Error(), "bytes 10-19") {
			t.Errorf("%q: %v", said, err)
		}
	}
}

// Keys come in the order of their bytes over any number of pages.
func TestS3ListsPages(t *testing.T) {
	b, proxy, _, _ := bucketInS3(t)
	var want []string
	for i := range 7 {
		key := fmt.Sprintf("a/%d", i)
		write(t, b, key, "x")
		want = append(want, key)
	}
	proxy.Fail(func(c *s3test.Call) {
		if c.N%3 == 0 {
			c.CutAnswer(false)
			return
		}
		c.Page(2)
	})
	var got []string
	for it := b.List(&blob.ListOptions{Prefix: "a/"}); ; {
		o, err := it.Next(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
