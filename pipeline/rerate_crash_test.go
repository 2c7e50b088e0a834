package pipeline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gocloud.dev/blob"
)

// lateAfterTwo is a history of two nights on disk, and a file that came late.
func lateAfterTwo(t *testing.T) (c *company, dir string) {
	c = newCompany(t, small)
	dir = c.onDisk()
	c.nights("2024-05-01", "2024-05-02")
	c.deliver("-- sms/2024-05-01 late.csv\nx1,A,2024-05-01T11:00:00,outbound,acme,US,900")
	return c, dir
}

func (c *company) rerateOn(output *blob.Bucket) (*RerateResult, error) {
	c.Helper()
	s := c.settings("2024-05-02")
	s.Output = output
	return Rerate(context.Background(), s, Span{day(c, "2024-05-01"), day(c, "2024-05-01")}, false)
}

// A rerate may die before or behind any of its changes. What is visible then is
// nothing or the whole of it, and the next rerate makes it what an undisturbed
// one would have made, byte for byte. So does the next night, which finishes
// what it finds begun.
func TestRerateDiesAtEveryChange(t *testing.T) {
	stride := 1
	if testing.Short() {
		stride = 9
	}
	c, start := lateAfterTwo(t)
	undisturbed := copyOf(t, start)
	f, b := openFaulty(t, undisturbed, 0, false)
	if _, err := c.rerateOn(b); err != nil {
		t.Fatal(err)
	}
	last := len(f.log)
	want := issued(t, folder(t, undisturbed))
	begun := false
	for at := 1; at <= last; at += stride {
		behind := at%2 == 0 != begun
		dir := copyOf(t, start)
		f, b := openFaulty(t, dir, at, behind)
		_, err := c.rerateOn(b)
		what := f.log[len(f.log)-1]
		c.output = folder(t, dir)
		if head := c.chain(); len(head) == 3 {
			c.provePublished(head[2])
		} else if err == nil {
			t.Errorf("%s: the rerate says it published, and did not", what)
		}
		if _, there := tree(t, c.output)[intentKey(3)]; there && at%3 == 0 {
			if _, err := c.try("2024-05-03"); err != nil { // a night that finishes it, and is the next
				t.Fatalf("died at %s: a night: %v", what, err)
			}
			if chain := c.chain(); len(chain) != 4 || chain[3].BillingDate != "2024-05-03" {
				t.Errorf("died at %s: %d entries", what, len(chain))
			}
			continue
		}
		r, err := c.rerateOn(c.output)
		if err != nil {
			t.Fatalf("died at %s: %v", what, err)
		}
		if r.Status == Helped {
			t.Errorf("died at %s: %s", what, r.Status)
		}
		sameTree(t, what, issued(t, c.output), want)
	}
}

// Staged files of a rerate that vanished before its intent was finished are
// made again, by a rerate or a night.
func TestStagedFilesOfARerateVanish(t *testing.T) {
	c, start := lateAfterTwo(t)
	undisturbed := copyOf(t, start)
	if _, err := c.rerateOn(folder(t, undisturbed)); err != nil {
		t.Fatal(err)
	}
	want := issued(t, folder(t, undisturbed))
	broken := func() {
		dir := copyOf(t, start)
		_, b := openFaulty(t, dir, 18, false) // behind the intent and some copies
		if _, err := c.rerateOn(b); err == nil {
			t.Fatal("the rerate did not die")
		}
		if err := os.RemoveAll(filepath.Join(dir, "_staging")); err != nil {
			t.Fatal(err)
		}
		c.output = folder(t, dir)
	}
	broken()
	other := c.knobs.Catalog
	c.knobs.Catalog = marketing(t, dear, cheap)
	if _, err := c.try("2024-05-03"); err == nil || !strings.Contains(err.Error(), "a staged file is gone") || !strings.Contains(err.Error(), "rerate of 2024-05-01 to 2024-05-01") {
		t.Errorf("with another catalog: %v", err)
	}
	c.knobs.Catalog = other
	if r, err := c.rerateOn(c.output); err != nil || r.Status != Finished {
		t.Errorf("%+v, %v", r, err)
	}
	sameTree(t, "made again", issued(t, c.output), want)
	broken()
	if e := c.night("2024-05-03"); e.Entry != 4 {
		t.Errorf("the night is entry %d", e.Entry)
	}
}

// A night and rerates at once: each is published, one after the other, or
// says that it is to be run again; and it comes to the same.
func TestNightAndRerateRace(t *testing.T) {
	c, start := lateAfterTwo(t)
	rounds := 4
	if testing.Short() {
		rounds = 2
	}
	for range rounds {
		racing := copyOf(t, start)
		var wait sync.WaitGroup
		const runs = 4
		var errs [runs]error
		for i := range runs {
			s := c.settings("2024-05-03")
			s.Output, s.First = folder(t, racing), false
			s.Workers = 1 + i%2
			wait.Go(func() {
				for {
					if i%2 == 0 {
						_, errs[i] = Run(context.Background(), s)
					} else {
						_, errs[i] = Rerate(context.Background(), s, Span{day(t, "2024-05-01"), day(t, "2024-05-02")}, false)
					}
					var lost *LostError
					if !errors.As(errs[i], &lost) {
						return
					}
					if ExitCode(errs[i]) != ExitTemporary {
						return
					}
				}
			})
		}
		wait.Wait()
		for i, err := range errs {
			if err != nil {
				t.Errorf("run %d: %v", i, err)
			}
		}
		c.output = folder(t, racing)
		chain := c.chain()
		if len(chain) != 4 {
			t.Errorf("%d entries", len(chain))
		}
		c.wantStanding("2024-05-01", "2024-05-03")
	}
}

// What a rerate publishes does not tell how many workers and buckets there
// were, and a dry run writes nothing.
func TestRerateKnobs(t *testing.T) {
	c, start := lateAfterTwo(t)
	before := tree(t, c.output)
	if r, err := c.tryRerate("2024-05-01", "2024-05-02", true); err != nil || r.Status != Shown || len(r.Notes) != 1 {
		t.Errorf("dry run: %+v, %v", r, err)
	}
	sameTree(t, "dry run", tree(t, c.output), before)
	if _, err := os.Stat(filepath.Join(start, "_staging")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a dry run left staging behind: %v", err)
	}
	var want map[string]string
	for _, k := range []Settings{{Workers: 1, Buckets: 1}, {Workers: 3, Buckets: 8}, {Workers: 2, Buckets: 64, Memory: 1}} {
		c.output = folder(t, copyOf(t, start))
		c.knobs.Workers, c.knobs.Buckets, c.knobs.Memory = k.Workers, k.Buckets, k.Memory
		if _, err := c.tryRerate("2024-05-01", "2024-05-02", false); err != nil {
			t.Fatal(err)
		}
		got := issued(t, c.output)
		if want == nil {
			want = got
		}
		sameTree(t, "other knobs", got, want)
	}
}

// A dry run does not finish what an earlier run began.
func TestDryRunOverAnIntent(t *testing.T) {
	c, start := lateAfterTwo(t)
	_, b := openFaulty(t, start, 18, false)
	if _, err := c.rerateOn(b); err == nil {
		t.Fatal("the rerate did not die")
	}
	before := tree(t, c.output)
	if _, err := c.tryRerate("2024-05-01", "2024-05-02", true); ExitCode(err) != ExitUsage {
		t.Errorf("got %v", err)
	}
	sameTree(t, "dry run", tree(t, c.output), before)
}
