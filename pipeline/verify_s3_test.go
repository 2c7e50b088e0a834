package pipeline

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A bit that flips where S3 keeps an object is a break of that file like any
// other, although S3's own checksum denies it: nobody is told to try again.
func TestProveFindsBitsThatS3Lost(t *testing.T) {
	s := newInS3(t, small)
	c := s.company(s.server.Endpoint, "")
	c.nights("2024-05-01", "2024-05-02")
	files := tree(t, c.output)
	for _, key := range slices.Sorted(maps.Keys(files)) {
		if files[key] == "" || !strings.Contains(key, "2024-05-02") && !strings.HasPrefix(key, "runs/") {
			continue
		}
		path := filepath.Join(s.server.Folder, s.bucket, "history", key)
		put := func(text []byte) {
			f, err := os.OpenFile(path, os.O_WRONLY, 0) // in place: the server's checksum stays
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write(text); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		text := []byte(files[key])
		text[len(text)/2] ^= 4
		put(text)
		if found := c.breaks(); !slices.ContainsFunc(found, func(b string) bool { return strings.Contains(b, key) }) {
			t.Errorf("%s: %q", key, found)
		}
		if strings.HasPrefix(key, "state/") || strings.HasPrefix(key, "held/") {
			if _, err := c.try("2024-05-03"); ExitCode(err) != ExitInput || !strings.Contains(err.Error(), key) {
				t.Errorf("a night over %s: %v, exit code %d", key, err, ExitCode(err))
			}
		}
		put([]byte(files[key]))
	}
	c.proven()
}
