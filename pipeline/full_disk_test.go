//go:build linux

package pipeline

import (
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// tinyDisk is a file system of so many KiB; a test that may not mount one is
// skipped, and TestDiskIsFull stands for it.
func tinyDisk(t *testing.T, kib int) (dir string, resize func(kib int)) {
	t.Helper()
	dir = t.TempDir()
	size := func(kib int) string { return fmt.Sprintf("size=%dk", kib) }
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, size(kib)); err != nil {
		t.Skipf("a file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir, func(kib int) {
		t.Helper()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, size(kib)); err != nil {
			t.Fatal(err)
		}
	}
}

// A file system that has less and less room: whatever fails is temporary, what
// is visible is whole, and with more room the next run makes it whole.
func TestFileSystemIsFull(t *testing.T) {
	quiet := newCompany(t, small)
	quiet.nights("2024-05-01", "2024-05-02")
	want := issued(t, quiet.output)
	failed := 0
	for kib := 32; ; kib += 40 {
		c := newCompany(t, small)
		dir, resize := tinyDisk(t, 4096)
		c.output = folder(t, dir)
		c.night("2024-05-01")
		var used syscall.Statfs_t
		if err := syscall.Statfs(dir, &used); err != nil {
			t.Fatal(err)
		}
		resize(int((used.Blocks-used.Bfree)*uint64(used.Bsize)>>10) + kib)
		_, err := c.try("2024-05-02")
		what := fmt.Sprintf("with %d KiB left", kib)
		if err != nil && ExitCode(err) != ExitTemporary {
			t.Errorf("%s: %v, exit code %d", what, err, ExitCode(err))
		}
		toldOnce(t, what, err)
		wholeOrNothing(t, what, c, err)
		resize(4096)
		if _, again := c.try("2024-05-02"); again != nil {
			t.Fatalf("%s: then %v", what, again)
		}
		sameTree(t, what, issued(t, c.output), want)
		if err == nil {
			break
		}
		failed++
	}
	if failed == 0 {
		t.Error("there was always room")
	}
}

// Where spilled rows find no room the run is to be tried again, and nothing is
// visible.
func TestNoRoomToSpill(t *testing.T) {
	if code := ExitCode(fmt.Errorf("spilling: %w", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})); code != ExitTemporary {
		t.Errorf("exit code %d", code)
	}
	for name, row := range map[string]string{
		"billed":  "n%d,A,2024-05-02T10:00:00,outbound,acme,US,1",
		"waiting": "n%d,X,2024-05-02T10:00:00,outbound,acme,US,1",
		"refused": "n%d,A,2024-05-02T10:00:00,outbound,acme,US,-1",
	} {
		var rows strings.Builder
		rows.WriteString(headers["sms"] + "\n")
		for i := range 20_000 {
			fmt.Fprintf(&rows, row+"\n", i)
		}
		c := newCompany(t, small)
		c.write("sms/date=2024-05-02/many.csv", rows.String())
		c.night("2024-05-01")
		before := tree(t, c.output)
		var resize func(int)
		c.knobs.TempDir, resize = tinyDisk(t, 64)
		c.knobs.Memory = 1 << 16
		for kib := 64; ; kib += 512 {
			resize(kib)
			_, err := c.try("2024-05-02")
			if err == nil {
				break
			}
			if ExitCode(err) != ExitTemporary || !strings.Contains(err.Error(), "no space left") {
				t.Errorf("%s: got %v, exit code %d", name, err, ExitCode(err))
			}
			toldOnce(t, name, err)
			sameTree(t, "without room", tree(t, c.output), before)
		}
	}
}
