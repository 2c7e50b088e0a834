package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/memblob"
	"pgregory.net/rapid"
)

func listAll(ctx context.Context, b *blob.Bucket, prefix, delimiter string) (keys []string, err error) {
	objects := b.List(&blob.ListOptions{Prefix: prefix, Delimiter: delimiter})
	for {
		o, err := objects.Next(ctx)
		if err == io.EOF {
			return keys, nil
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, o.Key)
	}
}

func list(t *testing.T, b *blob.Bucket, prefix, delimiter string) []string {
	t.Helper()
	keys, err := listAll(t.Context(), b, prefix, delimiter)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestListOrder: S3 orders whole keys, a walk over sorted names does not.
func TestListOrder(t *testing.T) {
	b := open(t, t.TempDir())
	want := []string{"a!/x", "a.b", "a/", "a/c", "a0", "b-/x", "b//x", "b/x", "z"}
	for _, key := range want {
		write(t, b, key, key)
	}
	if got := list(t, b, "", ""); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	want = []string{"a!/", "a.b", "a/", "a0", "b-/", "b/", "z"}
	if got := list(t, b, "", "/"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// segments that differ around "/" in byte order, that need escaping, or look
// as if they had been.
var segments = []string{"a", "a!", "a.", "a.b", "a0", "ab", "b", "date=2024-05-01", "", ".", "..", "é", "_", "__",
	"__0x", "__0x__", "__0x0__", "\x00", "__0x5f__", tempPrefix + "x", `a\b`, "a\nb", "%2F"}

// TestListModel compares every listing, page by page, with memblob's.
func TestListModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root, err := os.MkdirTemp("", "ratemill-")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(root) }()
		d, err := openDisk(root)
		if err != nil {
			t.Fatal(err)
		}
		disk := blob.NewBucket(d)
		model := memblob.OpenBucket(nil)
		anyKey := rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom(segments), 1, 4).Draw(t, "segments"), "/")
		})
		var keys []string
		for _, key := range rapid.SliceOfN(anyKey, 0, 12).Draw(t, "keys") {
			if key == "" || slices.ContainsFunc(keys, func(k string) bool { return k == key || nested(k, key) || nested(key, k) }) {
				continue // a disk cannot hold both, or has it
			}
			keys = append(keys, key)
			// Not through the bucket: thousands of syncs take minutes.
			path := d.path(key)
			err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(key), 0o600),
				model.WriteAll(t.Context(), key, []byte(key), nil))
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, key := range keys {
			if rapid.IntRange(0, 4).Draw(t, "delete") > 0 {
				continue
			}
			for _, b := range []*blob.Bucket{disk, model} {
				if err := b.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 5 {
			compare(t, disk, model, anyKey, keys)
		}
	})
}

func nested(file, key string) bool { return strings.HasPrefix(key, file+"/") }

func compare(t *rapid.T, disk, model *blob.Bucket, anyKey *rapid.Generator[string], keys []string) {
	prefixes := anyKey
	if len(keys) > 0 {
		prefixes = rapid.OneOf(anyKey, rapid.SampledFrom(keys))
	}
	prefix := prefixes.Draw(t, "prefix")
	prefix = strings.ToValidUTF8(prefix[:rapid.IntRange(0, len(prefix)).Draw(t, "cut")], "")
	o := &blob.ListOptions{Prefix: prefix, Delimiter: rapid.SampledFrom([]string{"", "/", "/", "b", "a/"}).Draw(t, "delimiter")}
	size := rapid.IntRange(1, 5).Draw(t, "page size")
	got, err := pages(t.Context(), disk, size, o)
	if errors.Is(err, syscall.ENOTDIR) {
		// The prefix goes below an object: an error here, nothing in the model.
		if !slices.ContainsFunc(keys, func(k string) bool { return nested(k, prefix) }) {
			t.Fatal(err)
		}
		got, err = []string{"page"}, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	want, err := pages(t.Context(), model, size, o)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%+v in pages of %d: got %q, want %q", o, size, got, want)
	}
}

func pages(ctx context.Context, b *blob.Bucket, size int, o *blob.ListOptions) (lines []string, err error) {
	token := blob.FirstPageToken
	for len(token) > 0 {
		var objects []*blob.ListObject
		if objects, token, err = b.ListPage(ctx, token, size, o); err != nil {
			return nil, err
		}
		for _, o := range objects {
			lines = append(lines, fmt.Sprintf("%q %d %v", o.Key, o.Size, o.IsDir))
		}
		lines = append(lines, "page")
	}
	return lines, nil
}

// TestKeys: every segment has one name and every name one segment.
func TestKeys(t *testing.T) {
	part := rapid.OneOf(rapid.SampledFrom(segments), rapid.SampledFrom([]string{"_", "0", "x", "0x", "5f", "2e", "\x00", "."}), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		segment := strings.ReplaceAll(strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "parts"), ""), "/", "")
		name := fileName(segment)
		if name == "" || name == "." || name == ".." || isTemp(name) || strings.ContainsAny(name, "/\x00") {
			t.Fatalf("%q is not a file name", name)
		}
		if back, ok := segmentOf(name); !ok || back != segment {
			t.Fatalf("%q is written %q and read %q, %v", segment, name, back, ok)
		}
		// A foreign file's name: listed under a key that opens it, or refused.
		foreign := segment != "" && segment != "." && segment != ".." && !strings.Contains(segment, "\x00")
		if s, ok := segmentOf(segment); foreign && !isTemp(segment) && ok && fileName(s) != segment {
			t.Fatalf("%q is read %q and written %q", segment, s, fileName(s))
		}
	})
	for _, plain := range []string{"billing_date=2024-05-01", "part-0.parquet", "_staging", "a b", "Ünïcode", "..a", "50%"} {
		if fileName(plain) != plain {
			t.Errorf("%q is written %q", plain, fileName(plain))
		}
	}
}

func TestListReadsThePrefixOnly(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	write(t, b, "x/date=2024-01-01/a", "")
	write(t, b, "x/date=2024-01-02/b", "")
	loop(t, filepath.Join(root, "x/date=2024-01-02/loop"))
	loop(t, filepath.Join(root, "broken"))
	for _, prefix := range []string{"x/date=2024-01-01/", "x/date=2024-01-01", "x/date=2024-01-01/a"} {
		if got, want := list(t, b, prefix, ""), []string{"x/date=2024-01-01/a"}; !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", prefix, got, want)
		}
	}
}

// loop makes a link to itself.
func loop(t *testing.T, path string) { link(t, filepath.Base(path), path) }

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

func TestUnreadableIsNotEmpty(t *testing.T) {
	for _, c := range []struct {
		name   string
		make   func(t *testing.T, root string)
		prefix string
		want   error
	}{
		{"a file in the folder's place", nil, "sms/day/file/", syscall.ENOTDIR},
		{"a file above the folder", nil, "sms/day/file/x/y/", syscall.ENOTDIR},
		{"a link to itself", func(t *testing.T, root string) { loop(t, root+"/sms/loop") }, "", syscall.ELOOP},
		{"the prefix in a link to itself", func(t *testing.T, root string) { loop(t, root+"/loop") }, "loop/day/", syscall.ELOOP},
		{"a circle of folders", func(t *testing.T, root string) { link(t, "..", root+"/sms/up") }, "", syscall.ELOOP},
		{"a circle above the prefix", func(t *testing.T, root string) { link(t, "..", root+"/sms/up") }, "sms/", syscall.ELOOP},
		{"a link to nowhere", func(t *testing.T, root string) { link(t, "/gone", root+"/sms/gone") }, "sms/", os.ErrNotExist},
		{"the prefix behind a link to nowhere", func(t *testing.T, root string) { link(t, "/gone", root+"/gone") }, "gone/day/", os.ErrNotExist},
		{"a name no key has", func(t *testing.T, root string) { link(t, "file", root+"/sms/day/x__0x") }, "", errForeignName},
		{"a named pipe", func(t *testing.T, root string) { pipe(t, root+"/sms/day/pipe") }, "", errIrregular},
		{"a named pipe in the folder's place", func(t *testing.T, root string) { pipe(t, root+"/pipe") }, "pipe/", syscall.ENOTDIR},
		{"a folder without permission", forbid, "", os.ErrPermission},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			b := open(t, root)
			write(t, b, "sms/day/file", "x")
			if c.make != nil {
				c.make(t, root)
			}
			for _, delimiter := range []string{"", "/"} {
				if delimiter == "/" && c.prefix == "" {
					continue // it looks for one object below sms/ and no further
				}
				got, err := listAll(t.Context(), b, c.prefix, delimiter)
				if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), root) {
					t.Errorf("got %q, %v, want %v and the path", got, err, c.want)
				}
			}
		})
	}
}

func pipe(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

func forbid(t *testing.T, root string) {
	if os.Getuid() == 0 {
		t.Skip("root may read any folder")
	}
	if err := os.Chmod(root+"/sms/day", 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(root+"/sms/day", 0o700) })
}

func TestLinks(t *testing.T) {
	folder, root := t.TempDir(), filepath.Join(t.TempDir(), "root")
	link(t, folder, root)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "export.csv"), []byte("rows"), 0o600); err != nil {
		t.Fatal(err)
	}
	link(t, outside, filepath.Join(folder, "day"))
	link(t, filepath.Join(outside, "export.csv"), filepath.Join(folder, "one.csv"))
	b := open(t, root)
	if got, want := list(t, b, "", ""), []string{"day/export.csv", "one.csv"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	objects, _, err := b.ListPage(t.Context(), blob.FirstPageToken, 9, &blob.ListOptions{Prefix: "one"})
	if err != nil || len(objects) != 1 || objects[0].Size != 4 {
		t.Errorf("got %v, %v, want the size of the file behind the link", objects, err)
	}
	wantContent(t, b, "day/export.csv", "rows")
	wantContent(t, b, "one.csv", "rows")
}

func TestMissingFolderIsEmpty(t *testing.T) {
	root := t.TempDir()
	b := open(t, root)
	if err := os.MkdirAll(root+"/empty/day", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "empty/", "missing/", "missing/day/", "empty/day/x"} {
		for _, delimiter := range []string{"", "/"} {
			if got := list(t, b, prefix, delimiter); len(got) > 0 {
				t.Errorf("%s: got %q", prefix, got)
			}
		}
	}
}

// TestListBesideWriters: a listing sees no error and no temporary file while
// folders come and go.
func TestListBesideWriters(t *testing.T) {
	b := open(t, t.TempDir())
	write(t, b, "a/stays", "x")
	done := make(chan error)
	go func() {
		var err error
		for i := 0; i < 100 && err == nil; i++ {
			key := fmt.Sprintf("a/%d/b/c", i%3)
			if err = b.WriteAll(t.Context(), key, nil, nil); err == nil {
				err = b.Delete(t.Context(), key)
			}
		}
		done <- err
	}()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
			for _, key := range list(t, b, "", "") {
				if key != "a/stays" && !strings.HasSuffix(key, "/b/c") {
					t.Errorf("listed %q", key)
				}
			}
		}
	}
}

func TestListPages(t *testing.T) {
	root := t.TempDir()
	for i := range 300 {
		if err := os.WriteFile(fmt.Sprintf("%s/%03d", root, i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := OpenDisk(root)
	if err != nil {
		t.Fatal(err)
	}
	page, err := d.ListPaged(t.Context(), &driver.ListOptions{PageSize: 299})
	if err != nil || len(page.Objects) != 299 || string(page.NextPageToken) != "298" {
		t.Fatalf("got %d objects, token %q, %v", len(page.Objects), page.NextPageToken, err)
	}
	page, err = d.ListPaged(t.Context(), &driver.ListOptions{PageSize: 299, PageToken: page.NextPageToken})
	if err != nil || len(page.Objects) != 1 || len(page.NextPageToken) != 0 {
		t.Fatalf("got %d objects, token %q, %v", len(page.Objects), page.NextPageToken, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	if _, err := d.ListPaged(ctx, &driver.ListOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
