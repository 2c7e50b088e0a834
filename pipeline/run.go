package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"math/bits"
	"runtime"

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

	Version string // of the program
	Workers int    // 0: one a processor
	Memory  int64  // bytes of rows kept in memory before they are spilled; 0: 1 GiB
	Buckets int    // 0: as many as the inputs ask for; a memory knob, not in the data
	TempDir string // for spilled rows; empty: the system's

	// MaxRejects is the share of the rows read that may be refused before
	// somebody must look, in parts per million.
	MaxRejects int64

	Log *slog.Logger
}

func (s *Settings) workers() int {
	if s.Workers > 0 {
		return s.Workers
	}
	return runtime.GOMAXPROCS(0)
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
	Status Status
	Entry  *Entry
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
	if finished != nil && s.Day == finished.Day {
		return &Result{Finished, finished}, nil
	}
	if head != nil && s.Day <= head.Day {
		return published(ctx, s, head)
	}
	plan, err := planAfter(ctx, s, head, nil)
	if err != nil {
		return nil, err
	}
	return runPlan(ctx, s, plan)
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
	return n.commit(ctx, stage)
}

// rate does the phases between plan and commit: nothing is visible after it.
func (n *night) rate(ctx context.Context) (*stage, error) {
	if err := n.mapInputs(ctx); err != nil {
		return nil, err
	}
	if err := n.fold(ctx); err != nil {
		return nil, err
	}
	return n.reduce(ctx)
}

// night is a run in progress.
type night struct {
	*Settings
	plan    *Plan
	day     calendar.Day
	span    span
	sources []source
	files   []input

	dimensions []string // columns of rated_usage, see dimensionNames

	workers       int
	memory        int64
	partitions    int // of event ids
	partitionBits int
	buckets       int // of accounts
	bucketBits    int
	groupLimit    int // groups that a worker keeps before it spills them

	accounts     *names[account]
	combinations *names[combination]
	known        uint32 // accounts below this index are in the state or sign up tonight

	held         []heldRow
	heldByBucket [][]*writers.Held
	seen         map[lateID]uint64 // late ids that earlier nights billed, with their content

	mapped []*mapped
	folded []*folded
}

// input is a file of the plan, with the source that it belongs to.
type input struct {
	writers.InputFile
	source int
}

func newNight(ctx context.Context, s *Settings, plan *Plan) (*night, error) {
	first, err := calendar.Parse(plan.FirstNight)
	if err != nil {
		return nil, err
	}
	sources, err := bindSources(s.Catalog)
	if err != nil {
		return nil, &UsageError{What: "catalog " + s.Catalog.Name + ": " + err.Error()}
	}
	n := &night{
		Settings: s, plan: plan, day: s.Day, span: newSpan(s.Catalog.Zone, first, s.Day, s.Catalog.WindowDays), sources: sources, dimensions: dimensionNames(s.Catalog),
		workers: s.workers(), memory: s.Memory, groupLimit: 1 << 18,
		accounts: newNames[account](maxAccounts), combinations: newNames[combination](maxCombinations), seen: map[lateID]uint64{},
	}
	if n.memory == 0 {
		n.memory = 1 << 30
	}
	for _, f := range plan.Inputs {
		at, err := n.sourceOf(f.Source)
		if err != nil {
			return nil, err
		}
		n.files = append(n.files, input{f, at})
	}
	if len(n.files) >= heldFile {
		return nil, fmt.Errorf("%d input files are more than one run can hold", len(n.files))
	}
	n.size()
	for range n.workers {
		n.mapped = append(n.mapped, n.newMapped())
		n.folded = append(n.folded, n.newFolded())
	}
	return n, n.loadHeld(ctx)
}

// size chooses how finely rows are cut: a partition and a bucket should be a
// small part of the memory, and a small night should have few of them.
func (n *night) size() {
	bytes := int64(0)
	for _, f := range n.files {
		bytes += f.Size
	}
	n.partitionBits = min(10, max(2, bits.Len64(uint64(bytes>>20))))
	n.partitions = 1 << n.partitionBits
	n.bucketBits = min(10, max(1, bits.Len64(uint64(bytes>>23))))
	if n.Buckets > 0 {
		n.bucketBits = bits.Len(uint(n.Buckets) - 1)
	}
	n.buckets = 1 << n.bucketBits
}

func (n *night) sourceOf(name string) (int, error) {
	for i := range n.sources {
		if n.sources[i].name == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("there is no source %q", name)
}

func (n *night) close() {
	for _, m := range n.mapped {
		m.usage.close()
		m.events.close()
	}
	for _, f := range n.folded {
		f.groups.close()
		f.events.close()
		f.ids.close()
	}
}

// mapInputs decodes the inputs: first the events that say which accounts
// there are, then the usage that must belong to one of them.
func (n *night) mapInputs(ctx context.Context) error {
	if err := n.learnAccounts(ctx); err != nil {
		return err
	}
	if err := n.readExports(ctx, func(r role) bool { return r != usageRows }); err != nil {
		return err
	}
	if err := n.takeUpHeld(func(r role) bool { return r != usageRows }); err != nil {
		return err
	}
	if err := n.learnSignups(); err != nil {
		return err
	}
	if err := n.takeUpHeld(func(r role) bool { return r == usageRows }); err != nil {
		return err
	}
	if err := n.readExports(ctx, func(r role) bool { return r == usageRows }); err != nil {
		return err
	}
	return n.plan.checkUnchanged(ctx, n.Settings)
}

// fold removes duplicates, also of what earlier nights billed, and sums up.
func (n *night) fold(ctx context.Context) error {
	if err := n.loadSeen(ctx); err != nil {
		return err
	}
	return n.foldPartitions(ctx)
}

// published answers a run of a day that is published already.
func published(ctx context.Context, s *Settings, head *Entry) (*Result, error) {
	first, err := calendar.Parse(head.FirstNight)
	if err != nil {
		return nil, err
	}
	if s.Day < first {
		return nil, &UsageError{What: fmt.Sprintf("%s is before the first night, %s", s.Day, head.FirstNight)}
	}
	e, err := entryOfDay(ctx, s.Output, head, s.Day)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, fmt.Errorf("no entry of the chain billed %s", s.Day)
	}
	return compareWithNow(ctx, s, e, head)
}

// compareWithNow proves that a published night was made from what lies there
// now, but for files that later entries have consumed.
func compareWithNow(ctx context.Context, s *Settings, e, head *Entry) (*Result, error) {
	var before *Entry
	var later []writers.InputFile
	var err error
	if e.Predecessor != nil {
		if before, err = ReadEntry(ctx, s.Output, e.Predecessor.Entry); err != nil {
			return nil, err
		}
	}
	mine := map[string]bool{}
	for _, f := range e.Inputs {
		mine[f.Key] = true
	}
	for n := e.Entry + 1; n <= head.Entry; n++ {
		after, err := ReadEntry(ctx, s.Output, n)
		if err != nil {
			return nil, err
		}
		for _, f := range after.Inputs {
			if !mine[f.Key] {
				later = append(later, f)
			}
		}
	}
	again := *s
	again.First = before == nil
	plan, err := planAfter(ctx, &again, before, later)
	if err != nil {
		return nil, err
	}
	if d := plan.differences(e); len(d) > 0 {
		return nil, &OtherInputsError{Day: s.Day, Entry: e.Entry, Differences: d}
	}
	return &Result{Already, e}, nil
}
