package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"

	"ratemill/fixtures/s3test"
	"ratemill/pipeline/store"
)

// grant is an action that a policy of deploy/aws allows on a bucket, on one key
// of it, or on all keys that begin in one way.
type grant struct {
	Policy, Action, Resource string
}

func (g grant) allows(p permission) bool {
	begin, open := strings.CutSuffix(g.Resource, "*")
	return g.Action == p.Action && (p.Resource == g.Resource || open && strings.HasPrefix(p.Resource, begin))
}

// grantsOf are those of a policy. Its form is proven in deploy.
func grantsOf(t *testing.T, policy string) (all []grant) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deploy/aws", policy))
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		Statement []struct {
			Action   json.RawMessage // one text, or several
			Resource string
		}
	}
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatalf("%s: %v", policy, err)
	}
	for _, s := range p.Statement {
		var actions []string
		if json.Unmarshal(s.Action, &actions) != nil {
			actions = []string{strings.Trim(string(s.Action), `"`)}
		}
		for _, a := range actions {
			all = append(all, grant{policy, a, s.Resource})
		}
	}
	return all
}

// permission is what S3 wants of who asks for something.
type permission struct {
	Action, Resource string
}

// wanted are the permissions that S3 wants for a call, as its manual has them
// by operation. names are the buckets' names in the policies.
func wanted(c *s3test.Call, names map[string]string) []permission {
	resource := func(path string) string {
		bucket, key, below := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if below = below && key != ""; below {
			key = "/" + key
		}
		return "arn:aws:s3:::" + names[bucket] + key
	}
	query, on := c.URL.Query(), resource(c.URL.Path)
	_, key, _ := strings.Cut(strings.TrimPrefix(c.URL.Path, "/"), "/")
	one := func(action string) []permission { return []permission{{action, on}} }
	switch method := c.Method; {
	case key == "" && c.IsList():
		return one("s3:ListBucket")
	case key == "" && method == http.MethodGet && query.Has("uploads"):
		return one("s3:ListBucketMultipartUploads")
	case key == "":
		return one("unknown: " + method + " " + c.URL.RawQuery)
	case method == http.MethodGet && query.Has("uploadId"):
		return one("s3:ListMultipartUploadParts")
	case method == http.MethodGet, method == http.MethodHead:
		return one("s3:GetObject")
	case method == http.MethodPut && c.Header.Get("X-Amz-Copy-Source") != "":
		from, err := url.PathUnescape(c.Header.Get("X-Amz-Copy-Source"))
		if err != nil {
			return one("unknown: " + err.Error())
		}
		return append(one("s3:PutObject"), permission{"s3:GetObject", resource(from)})
	case method == http.MethodPut, method == http.MethodPost && (query.Has("uploads") || query.Has("uploadId")):
		return one("s3:PutObject")
	case method == http.MethodDelete && query.Has("uploadId"):
		return one("s3:AbortMultipartUpload")
	case method == http.MethodDelete:
		return one("s3:DeleteObject")
	}
	return one("unknown: " + c.Method + " " + c.URL.RawQuery)
}

// gatekeeper stands before the server and lets through what policies allow, as
// AWS would.
type gatekeeper struct {
	names map[string]string

	mu      sync.Mutex
	allowed []grant
	used    map[grant]bool
	refused []permission
}

func (g *gatekeeper) decide(c *s3test.Call) {
	if all := wanted(c, g.names); g.creates(c, all) && g.let(all) {
		c.Forward()
	} else {
		c.Refuse(http.StatusForbidden, "AccessDenied")
	}
}

// creates says whether a call is none of those that history-create-only.json
// denies, which make an object beside staging and do not ask that there be none.
func (g *gatekeeper) creates(c *s3test.Call, all []permission) bool {
	query := c.URL.Query()
	if all[0].Action != "s3:PutObject" || query.Has("uploads") || query.Has("partNumber") ||
		strings.HasPrefix(all[0].Resource, "arn:aws:s3:::acme-billing/history/_staging/") || c.Header.Get("If-None-Match") == "*" {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused = append(g.refused, permission{"s3:PutObject without If-None-Match", all[0].Resource})
	return false
}

func (g *gatekeeper) let(all []permission) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range all {
		i := slices.IndexFunc(g.allowed, func(has grant) bool { return has.allows(p) })
		if i < 0 {
			g.refused = append(g.refused, p)
			return false
		}
		g.used[g.allowed[i]] = true
	}
	return true
}

// become takes on policies' grants, and forgets what was used and refused.
func (g *gatekeeper) become(grants ...[]grant) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.allowed, g.used, g.refused = slices.Concat(grants...), map[grant]bool{}, nil
}

// guarded is a company whose exports and history lie in two buckets behind a
// gatekeeper; its catalog is a file, as in the ConfigMap.
type guarded struct {
	*gatekeeper
	catalog          string
	exports, history string // through the gatekeeper
	server           *s3test.Server
	historyBucket    string
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	server := s3test.Start(t)
	proxy, usage, billing := server.Proxy(t), server.Bucket(t), server.Bucket(t)
	source := generated(t, "2024-05-02")
	copyTo(t, source, func(name string) string {
		switch name {
		case "exports":
			return s3test.Location(server.Endpoint, usage, name)
		case "history":
			return s3test.Location(server.Endpoint, billing, name)
		}
		return filepath.Join(t.TempDir(), name) // the catalog is read where it was made
	})
	g := &gatekeeper{names: map[string]string{usage: "acme-usage", billing: "acme-billing"}}
	g.become()
	proxy.Fail(g.decide)
	return &guarded{
		gatekeeper: g, catalog: filepath.Join(source, "catalog.yaml"), server: server, historyBucket: billing,
		exports: s3test.Location(proxy.Endpoint, usage, "exports"), history: s3test.Location(proxy.Endpoint, billing, "history"),
	}
}

// do runs ratemill, which must not fail for want of a permission.
func (g *guarded) do(t *testing.T, args ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Args[0], cmd.Dir = "ratemill", t.TempDir()
	cmd.Env = append(os.Environ(), "RATEMILL_TEST_NOW=2024-05-04T12:00:00Z",
		"RATEMILL_EXPORTS="+g.exports, "RATEMILL_OUTPUT="+g.history, "RATEMILL_CATALOG="+g.catalog)
	out, err := cmd.CombinedOutput()
	if code := exitOf(err); code != 0 && code != 3 {
		t.Errorf("%v: %v: %s", args, err, out)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.refused) > 0 {
		t.Errorf("%v was refused %v", args, g.refused)
		g.refused = nil
	}
}

// direct opens the history past the gatekeeper.
func (g *guarded) direct(t *testing.T) *blob.Bucket {
	t.Helper()
	b, err := store.Open(t.Context(), s3test.Location(g.server.Endpoint, g.historyBucket, "history"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// charged is an account that was charged on a day.
func (g *guarded) charged(t *testing.T, date string) string {
	t.Helper()
	text, err := g.direct(t).ReadAll(t.Context(), "charge_files/billing_date="+date+"/charges.csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%d rows: %v", len(rows), err)
	}
	return rows[1][slices.Index(rows[0], "account_id")]
}

// leave leaves in staging what a run leaves that is killed: a file, and an
// upload that was never completed.
func (g *guarded) leave(t *testing.T) {
	t.Helper()
	const stage = "_staging/0123456789abcdef0123456789abcdef/0123456789abcdef/"
	if err := g.direct(t).WriteAll(t.Context(), stage+"rejects.parquet", []byte("killed"), nil); err != nil {
		t.Fatal(err)
	}
	upload := &s3.CreateMultipartUploadInput{Bucket: &g.historyBucket, Key: aws.String("history/" + stage + "state.parquet")}
	if _, err := g.server.Client().CreateMultipartUpload(t.Context(), upload); err != nil {
		t.Fatal(err)
	}
}

// TestPoliciesAreEnough runs every command that goes to S3 with the policies
// that the guide gives it, enforced. What is granted and not made use of is too
// much.
func TestPoliciesAreEnough(t *testing.T) {
	g := newGuarded(t)
	reading, writing, cleaning := grantsOf(t, "exports-read.json"), grantsOf(t, "history-write.json"), grantsOf(t, "history-gc.json")
	used := map[grant]bool{}
	add := func() {
		for has := range g.used {
			used[has] = true
		}
	}

	g.become(reading, writing)
	g.do(t, "sources", "check")
	g.do(t, "run", "--dry-run")
	g.do(t, "run")
	g.do(t, "run", "--date", "2024-05-02")
	g.do(t, "backfill", "--from", "2024-05-01", "--to", "2024-05-03")
	corrected := g.correct(t)
	g.do(t, "rerate", "--from", "2024-05-02", "--to", "2024-05-02", "--catalog", corrected, "--dry-run")
	g.do(t, "rerate", "--from", "2024-05-02", "--to", "2024-05-02", "--catalog", corrected)
	g.do(t, "explain", "--account", g.charged(t, "2024-05-02"), "--date", "2024-05-02")
	add()

	g.become(writing)
	g.do(t, "rejects", "write-off", "--before", "2024-06-01", "--note", "given up")
	if there, err := g.direct(t).Exists(t.Context(), "decisions/00000001.json"); err != nil || !there {
		t.Errorf("no decision was recorded: %v", err)
	}

	g.become(writing, cleaning)
	g.leave(t)
	g.do(t, "gc", "--older-than", "0s", "--dry-run")
	g.do(t, "gc", "--older-than", "0s")
	add()

	for _, has := range slices.Concat(reading, writing, cleaning) {
		if !used[has] {
			t.Errorf("%s allows %s on %s, which nothing asks for", has.Policy, has.Action, has.Resource)
		}
	}

	// Who only looks needs no more than reading.
	looking := slices.DeleteFunc(slices.Clone(writing), func(has grant) bool {
		return has.Action != "s3:ListBucket" && has.Action != "s3:GetObject"
	})
	g.become(looking)
	g.do(t, "verify")
	g.do(t, "report", "--from", "2024-05-01", "--to", "2024-05-03")
	g.do(t, "diff", g.history+"@1", g.history+"@2")
	g.do(t, "rejects", "list")
}

// correct writes a catalog with another price than the one that was billed by.
func (g *guarded) correct(t *testing.T) (file string) {
	t.Helper()
	text, err := os.ReadFile(g.catalog)
	if err != nil {
		t.Fatal(err)
	}
	const was = "minimum: {charge: 10.00, rest_to: sms_money}"
	if !strings.Contains(string(text), was) {
		t.Fatalf("the catalog has no %q", was)
	}
	file = filepath.Join(t.TempDir(), "corrected.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), was, "minimum: {charge: 12.00, rest_to: sms_money}", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}
