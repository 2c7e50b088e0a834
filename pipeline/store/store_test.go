package store

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gocloud.dev/gcerrors"
)

func TestOpenFolder(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "a", "b%20 c?d#e")
	if _, err := Open(t.Context(), missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v, want an error naming the folder", err)
	}
	b, err := Open(t.Context(), missing, CreateRoot)
	if err != nil {
		t.Fatal(err)
	}
	write(t, b, "k", "v")
	wantContent(t, open(t, missing), "k", "v")
	if _, err := Open(t.Context(), filepath.Join(missing, "k"), CreateRoot); err == nil {
		t.Error("opened a file")
	}
	if _, err := Open(t.Context(), filepath.Join(missing, "k")); err == nil {
		t.Error("opened a file")
	}
	wantContent(t, open(t, "file://"+dir+"/a/b%2520%20c%3Fd%23e"), "k", "v")

	t.Chdir(dir)
	relative := open(t, "a")
	t.Chdir(t.TempDir()) // a bucket stays where it was opened
	wantContent(t, relative, "b%20 c?d#e/k", "v")
}

func TestOpenMemory(t *testing.T) {
	one := open(t, "mem://"+t.Name())
	write(t, one, "a/b", "v")
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, open(t, "mem://"+t.Name()), "a/b", "v")
	wantContent(t, open(t, "mem://"+t.Name()+"/a/"), "b", "v")
	for _, other := range []string{"mem://", "mem://other"} {
		_, err := open(t, other).ReadAll(t.Context(), "a/b")
		wantCode(t, err, gcerrors.NotFound)
	}
}

func TestOpenRefuses(t *testing.T) {
	for location, want := range map[string]string{
		"":                       "empty",
		"gs://bucket":            "file://, s3://, mem://",
		"s3:/bucket":             "want s3://",
		"s3:bucket":              "want s3://",
		"s3://":                  "s3://bucket",
		"s3://key:secret@bucket": "credentials",
		"s3://bucket?nonsense=1": "nonsense",
		"s3://bucket/a#b":        "%23",
		"file://relative/path":   "file:///",
		"file:///tmp?create=1":   "query",
		"mem://x?nomd5":          "query",
	} {
		_, err := Open(t.Context(), location, CreateRoot)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %q", location, err, want)
		}
	}
}

// TestOpenS3 looks at the path that a request asks for.
func TestOpenS3(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	query := "?region=eu-central-1&use_path_style=true&endpoint=" + server.URL
	for location, want := range map[string]string{
		"s3://bucket" + query:              "/bucket/key",
		"s3://bucket/" + query:             "/bucket/key",
		"s3://bucket/some/prefix" + query:  "/bucket/some/prefix/key",
		"s3://bucket/some/prefix/" + query: "/bucket/some/prefix/key",
		"s3://bucket/a%20b" + query:        "/bucket/a b/key",
	} {
		asked = nil
		_, err := open(t, location).ReadAll(t.Context(), "key")
		wantCode(t, err, gcerrors.NotFound)
		if len(asked) != 1 || asked[0] != want {
			t.Errorf("%s: asked for %q, want %q", location, asked, want)
		}
	}
}

func TestSplit(t *testing.T) {
	for location, want := range map[string][2]string{
		"catalog.yaml":                     {".", "catalog.yaml"},
		"/catalog.yaml":                    {"/", "catalog.yaml"},
		"a/b c/catalog?.yaml":              {"a/b c", "catalog?.yaml"},
		"file:///catalog.yaml":             {"file:///", "catalog.yaml"},
		"file:///a%20b/c%20d.yaml":         {"file:///a%20b", "c d.yaml"},
		"s3://bucket/c.yaml?region=x":      {"s3://bucket?region=x", "c.yaml"},
		"s3://bucket/some/c.yaml?region=x": {"s3://bucket/some?region=x", "c.yaml"},
		"mem://name/a/b/catalog.yaml":      {"mem://name/a/b", "catalog.yaml"},
		"":                                 {},
		"folder/":                          {},
		"..":                               {},
		"s3://bucket":                      {},
		"s3://bucket/":                     {},
		"gs://bucket/catalog.yaml":         {},
	} {
		root, key, err := Split(location)
		if root != want[0] || key != want[1] || (err == nil) != (want[1] != "") {
			t.Errorf("%s: got %q, %q, %v, want %q", location, root, key, err, want)
		}
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.yaml")
	if err := os.WriteFile(path, []byte("plans:"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, open(t, "mem://"+t.Name()), "a/catalog.yaml", "plans:")
	for _, location := range []string{path, "file://" + path, "mem://" + t.Name() + "/a/catalog.yaml"} {
		if got, err := ReadFile(t.Context(), location); err != nil || string(got) != "plans:" {
			t.Errorf("%s: got %q, %v", location, got, err)
		}
	}
	for _, missing := range []string{path + "x", path + "/x", "file:///gone/catalog.yaml", "mem://x/gone.yaml"} {
		if _, err := ReadFile(t.Context(), missing); err == nil {
			t.Errorf("%s: no error", missing)
		}
	}
}
