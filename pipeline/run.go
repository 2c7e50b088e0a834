package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/writers"
)

// Settings are what a run is asked to do and where.
type Settings struct {
	Exports *blob.Bucket // exports lie under its root
	Output  *blob.Bucket // the billing history lies under its root
	Catalog *catalog.Catalog
	Day     calendar.Day // the billing date
	First   bool         // history starts with this night

	Corrected *catalog.Catalog // of the days that a rerate is asked for; nil: Catalog

	Sources []SourceSettings // that are laid out otherwise than <source>/date=YYYY-MM-DD/*, or the company's own
	Lookups []LookupSettings

	Version string // of the program
	Workers int    // 0: one a processor
	Memory  int64  // bytes for rows before they are spilled, and for names of accounts (see rowMemory); 0: 256 MiB
	Buckets int    // 0: as many as the inputs ask for; a memory knob, not in the data
	TempDir string // for spilled rows; empty: the system's

	// MaxRejects is the share of the rows read that may be refused before
	// somebody must look, in parts per million.
	MaxRejects int64

	Log   *slog.Logger
	Watch Watcher // nil: nobody

	// Grace is how long a publication that has begun goes on after the context
	// is cancelled.
	Grace time.Duration

	scan   *scan            // what was read ahead of the night; nil: nothing
	proven map[int64]*Entry // what entries read, as far as a backfill has asked for it

	taken *[]writers.TakenDecision // decisions that the night took when it was published; nil: it takes those that no entry has
}

func (s *Settings) workers() int {
	if s.Workers > 0 {
		return s.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// requests is how many answers of the store are waited for at once where
// nothing else is done: a processor has time for many. Whoever asks for one
// worker gets one thing after the other.
func (s *Settings) requests() int {
	if s.Workers == 1 {
		return 1
	}
	return max(s.workers(), 16)
}

// How a run ended, if it did not fail.
type Status string

const (
	Published Status = "published" // by this run
	Already   Status = "already"   // by an earlier run, from the same inputs
	Helped    Status = "helped"    // begun by another run of the same plan, finished with it
	Finished  Status = "finished"  // begun by a run that stopped, finished by this one, which rated nothing
)

// Result is what a run did.
type Result struct {
	Status    Status
	Entry     *Entry
	Verified  bool      // of a night that was published already: its files were read, and are what was published
	Corrected int64     // the last rerate that folded a published day again; 0: none did
	Measures  *Measures // of a night that this run rated; nil for others
}

// Run bills the night of the settings' day and publishes it: plan, map, fold,
// reduce, commit. A night that is published already is left as it is. What an
// earlier run began to publish and did not finish is finished first.
func Run(ctx context.Context, s *Settings) (*Result, error) {
	head, err := Head(ctx, s.Output)
	if err != nil {
		return nil, err
	}
	finished, err := finishOpen(ctx, s, head)
	if err != nil {
		return nil, fmt.Errorf("finishing the entry that an earlier run began to publish: %w", err)
	}
	if finished != nil {
		head = finished
	}
	if finished != nil && finished.Kind == writers.Night && s.Day == finished.Day {
		return &Result{Status: Finished, Entry: finished}, nil
	}
	if head != nil && s.Day <= head.Billed() {
		return published(ctx, s, head)
	}
	plan, err := s.planning(func() (*Plan, error) { return planNight(ctx, s, head) })
	if err != nil {
		return nil, err
	}
	return runPlan(ctx, s, plan)
}

// planNight plans a night, and says of what lies there who does not read it.
func planNight(ctx context.Context, s *Settings, head *Entry) (*Plan, error) {
	plan, err := freshPlan(ctx, s, head)
	if err != nil {
		return nil, err
	}
	sources, err := sourcesOf(s.Sources, s.Lookups)
	if err != nil {
		return nil, err
	}
	if err := noteStrays(ctx, s, sources); err != nil {
		return nil, err
	}
	if head != nil {
		if err := noteUnreadBooks(ctx, s, sources); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// runPlan does what the plan says, phase by phase.
func runPlan(ctx context.Context, s *Settings, plan *Plan) (*Result, error) {
	n, err := newNight(ctx, s, plan)
	if err != nil {
		return nil, err
	}
	defer n.close()
	stage, err := n.rate(ctx)
	if err != nil {
		return nil, err
	}
	var result *Result
	err = n.during(Committing, int64(len(stage.open)), func() (err error) {
		result, err = n.commit(ctx, stage)
		return err
	})
	return result, err
}

// rate does the phases between plan and commit: nothing is visible after it.
func (n *night) rate(ctx context.Context) (s *stage, err error) {
	if err := n.during(Mapping, n.bytes(), func() error { return n.mapInputs(ctx) }); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		if err != nil { // before the writers are closed: else they would keep half a file
			cancel()
			s.abandon()
		}
	}()
	if s, err = n.openStage(ctx); err != nil {
		return s, err
	}
	if err := n.during(Folding, int64(n.parts+n.partitions), func() error { return n.fold(ctx, s.ids) }); err != nil {
		return s, err
	}
	return s, n.during(Reducing, int64(n.buckets), func() error { return n.reduce(ctx, s) })
}

// mapInputs decodes the inputs, checks what must hold of them as a whole, and
// finds out which accounts there are: those of the state, and those that the
// inputs sign up.
func (n *night) mapInputs(ctx context.Context) error {
	if err := n.scan(ctx); err != nil {
		return err
	}
	if err := n.checkBook(); err != nil {
		return err
	}
	if err := n.checkRows(); err != nil {
		return err
	}
	if err := n.checkExpectedRows(); err != nil {
		return err
	}
	if err := n.cutAgain(); err != nil {
		return err
	}
	if err := n.takeUpHeld(ctx); err != nil {
		return err
	}
	if err := n.learnAccounts(ctx); err != nil {
		return err
	}
	n.learnSignups()
	return n.plan.checkUnchanged(ctx, n.Settings)
}

// scan reads the inputs. It asks nothing of the night before, so it may be done
// before that one is published.
func (n *night) scan(ctx context.Context) error {
	if n.scanned {
		n.watcher().Advances(n.bytes(), n.rowsRead())
		return nil
	}
	n.scanned = true
	return n.readExports(ctx)
}

// fold removes duplicates, also of what earlier nights billed, and sums up. It
// begins the table of event ids, if there is one.
func (n *night) fold(ctx context.Context, ids *writers.Table[writers.SeenID]) error {
	if err := n.loadSeen(ctx); err != nil {
		return err
	}
	return n.foldPartitions(ctx, ids)
}
