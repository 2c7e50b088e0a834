package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"gocloud.dev/gcerrors"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/readers"
	"ratemill/writers"
)

// night is a run in progress.
type night struct {
	*Settings
	plan    *Plan
	day     calendar.Day
	span    span
	sources []source
	files   []input

	dimensions []string // columns of rated_usage, see DimensionNames

	workers       int
	memory        int64 // for rows, in bytes
	partitions    int   // of events, by the hash of their ids
	partitionBits int
	cuts          []cut // of the usage of each source
	parts         int   // of the usage of all sources
	buckets       int   // of accounts
	bucketBits    int

	accounts      *names[uint64] // by id, with their hashes
	combinations  *names[combination]
	orders        groupOrders   // while reduce works
	places        accountPlaces // in reduce
	accountHashes []uint64      // of all accounts, once map has ended

	combinationHashes []uint64 // of all combinations, likewise
	known             []bool   // by account: it is in the state or signs up tonight
	steady            []bool   // by account: see findSteady
	unsteady          []uint32 // accounts of the state that are not, while they are being found out
	stateAccounts     []uint32 // by row of the state: its account; unnamed for one that never signed up. Explain reads no state: the account that it is about
	scanned           bool     // the inputs are read

	taker     func(worker, file int) func(*readers.Batch) error // of all batches, instead of map: Measure alone
	sumAtOnce bool                                              // usage is summed up as it comes, duplicates included: Measure alone

	lookups map[string]map[string]string // rows of the lookup tables, by table and key

	names     fileNames           // of the plan's files and of those of rows that waited
	waiting   waitingRows         // rows that an earlier night put aside and that go through fold again
	aside     *spill              // groups, and rows of parked accounts, that skip it, by bucket
	decided   decided             // what decisions made of rows that wait
	seenIDs   spills              // ids that earlier nights billed, among them those of all late rows that they did, by seenPart
	seen      []map[lateID]uint64 // of the parts that are being folded: such ids with their content
	strangers []*rating.Rejection // by source: what rating says of usage of an account that never signed up; nil: it takes it

	sourceNames []string
	sourceRanks []int // by source: where its name stands among all

	mapped []*mapped
	folded []*folded

	trace *trace // of explain: where the rows of one account went; nil in a night
}

// input is a file of the plan, with the source that it belongs to and the
// layout that it is read by.
type input struct {
	writers.InputFile
	source int
	layout *layout
	parts  map[string]string // what its path's placeholders stand for
}

func inputOf(s *source, at int, f writers.InputFile) (input, error) {
	for i := range s.exports {
		l := &s.exports[i]
		if l.name != f.Export {
			continue
		}
		if parts, _, ok := l.match(f.Key); ok {
			return input{f, at, l, parts}, nil
		}
	}
	return input{}, fmt.Errorf("%s is no export of source %s %s", f.Key, s.name, f.Export)
}

// newNight begins a night: what was read ahead of it goes on from the state and
// the held rows of the entry before.
func newNight(ctx context.Context, s *Settings, plan *Plan) (*night, error) {
	n := s.scan.take(plan)
	if n == nil {
		s.scan.drop()
		var err error
		if n, err = prepareNight(ctx, s, plan); err != nil {
			return nil, err
		}
	}
	n.Settings, n.plan = s, plan
	err := n.cutAgain()
	if err == nil {
		err = n.checkOwn(ctx)
	}
	if err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// defaultMemory is the memory for rows, in bytes, where nothing else is said.
const defaultMemory = 256 << 20

// accountBytes is about what an account known from the day before takes beside
// rows: its name, and its id in the dictionaries of the exports that are read.
const accountBytes = 256

// rowMemory is what there is for rows of the memory that was asked for: what so
// many accounts leave of it, and a quarter at least.
func rowMemory(memory, accounts int64) int64 { return max(memory/4, memory-accountBytes*accounts) }

// prepareNight is a night as far as it asks nothing of the entry before.
func prepareNight(ctx context.Context, s *Settings, plan *Plan) (*night, error) {
	first, err := calendar.Parse(plan.FirstNight)
	if err != nil {
		return nil, err
	}
	sources, err := bindSources(s.Catalog, s.Sources, s.Lookups)
	if err != nil {
		return nil, &UsageError{What: "catalog " + s.Catalog.Name + ": " + err.Error()}
	}
	n := &night{
		Settings: s, plan: plan, day: s.Day, span: newSpan(s.Catalog.Zone, first, s.Day, s.Catalog.WindowDays), sources: sources, dimensions: DimensionNames(s.Catalog),
		workers: s.workers(), memory: s.Memory,
		accounts: newNames[uint64](maxAccounts), combinations: newNames[combination](maxCombinations),
	}
	if n.memory == 0 {
		n.memory = defaultMemory
	}
	n.memory = rowMemory(n.memory, n.rowsBefore(writers.StateTable))
	for _, f := range plan.Inputs {
		at, err := n.sourceOf(f.Source)
		if err != nil {
			return nil, err
		}
		in, err := inputOf(&sources[at], at, f)
		if err != nil {
			return nil, err
		}
		n.files = append(n.files, in)
	}
	if len(n.files) >= heldFile {
		return nil, fmt.Errorf("%d input files are more than one run can hold", len(n.files))
	}
	n.size()
	for i := range sources {
		n.sourceNames = append(n.sourceNames, sources[i].name)
	}
	n.sourceRanks = ranks(n.sourceNames)
	n.names = newFileNames(n.files)
	n.waiting.rows, n.aside = newSpill(1, n.memory/32, n.TempDir), newSpill(n.buckets, n.memory/32, n.TempDir)
	for range n.workers {
		n.mapped = append(n.mapped, n.newMapped())
		n.folded = append(n.folded, n.newFolded())
	}
	return n, n.loadLookups(ctx)
}

// checkOwn proves that what the night goes on from is what the entry before
// published.
func (n *night) checkOwn(ctx context.Context) error {
	before := n.plan.before
	if before == nil {
		return nil
	}
	for _, table := range []string{writers.StateTable.Name, writers.HeldTable.Name} {
		file, err := outputOf(before, table)
		if err != nil {
			return &HistoryError{runKey(before.Entry), err}
		}
		is, _, err := sha256Of(ctx, n.Output, file.Key)
		switch {
		case gcerrors.Code(err) == gcerrors.NotFound:
			return &HistoryError{file.Key, errors.New("it is gone")}
		case err != nil:
			return fmt.Errorf("reading %s: %w", file.Key, err)
		case is != file.SHA256:
			return &HistoryError{file.Key, fmt.Errorf("its SHA-256 is %.12s…, run.json says %.12s…", is, file.SHA256)}
		}
	}
	return nil
}

// size chooses how finely rows are cut: the records of a part, some twice its
// share of the exports and of what waits, should fit the cache of a processor, a
// bucket should be a small part of the memory, and a small night should have few
// of them.
func (n *night) size() {
	bytes, of, usage := int64(0), make([]int64, len(n.sources)), 0
	for _, f := range n.files {
		bytes += f.Size
		if of[f.source] == 0 && n.sources[f.source].role == usageRows {
			usage++
		}
		of[f.source] += f.Size
	}
	held := n.rowsBefore(writers.HeldTable) * heldBytes // of any source
	if bytes += held; held>>18 > 0 {
		usage = len(n.sources)
	}
	n.partitionBits = min(12, max(2, bits.Len64(uint64(bytes>>18))))
	n.partitions = 1 << n.partitionBits
	for i := range n.sources {
		c := cut{first: n.parts}
		if n.sources[i].role == usageRows { // of several sources each has fewer: each part has an open block
			c.bits = min(12-bits.Len(uint(max(usage-1, 0))), max(1, bits.Len64(uint64((of[i]+held)>>19))))
		}
		n.cuts = append(n.cuts, c)
		n.parts += 1 << c.bits
	}
	n.sizeBuckets()
}

// sizeBuckets gives the night a bucket for so many bytes of its inputs and so
// many of the accounts that are known by now.
func (n *night) sizeBuckets() {
	bytes := n.bytes() + n.rowsBefore(writers.HeldTable)*heldBytes
	accounts := max(n.rowsBefore(writers.StateTable), int64(len(n.accounts.all())))
	n.bucketBits = min(12, max(1, bits.Len64(uint64(bytes>>21)), bits.Len64(uint64(accounts>>7))))
	if n.Buckets > 0 {
		n.bucketBits = bits.Len(uint(n.Buckets) - 1)
	}
	n.buckets = 1 << n.bucketBits
}

// cutAgain gives a night that has read its exports its buckets, and one that
// read them ahead: how many accounts there are, and rows that wait, is only known
// now. All that it has in buckets are map's rejects.
func (n *night) cutAgain() error {
	was := n.buckets
	if n.sumAtOnce { // it has sums in them as well
		return nil
	}
	if n.sizeBuckets(); n.buckets == was {
		return nil
	}
	n.aside = newSpill(n.buckets, n.memory/32, n.TempDir)
	for w, m := range n.mapped {
		n.folded[w] = n.newFolded()
		old := m.rejects
		m.rejects = n.newRejects()
		err := m.rejects.addAll(n, old, was)
		old.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// cut is how the usage of a source is cut by the hash of its event ids: 2^bits
// parts, in the order of the hash.
type cut struct{ first, bits int }

func (c cut) part(hash uint64) int { return c.first + int(hash>>(64-c.bits)) }

// heldBytes is what a row that waited counts as among the exports: about what
// one takes there.
const heldBytes = 32

// rowsBefore is how many rows a table of the entry before has.
func (n *night) rowsBefore(spec writers.Spec) int64 {
	if n.plan.before == nil {
		return 0
	}
	file, err := outputOf(n.plan.before, spec.Name)
	if err != nil {
		return 0 // whoever reads it says so
	}
	return file.Rows
}

// wave is how many buckets are worked on between two steps that
// must be done in order: enough that no worker waits long for another.
func (n *night) wave() int { return 4 * n.workers }

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
		m.rejects.close()
	}
	for _, f := range n.folded {
		f.groups.close()
		f.events.close()
		f.late.close()
		f.rejects.close()
	}
	for _, s := range n.seenIDs {
		s.close()
	}
	n.waiting.rows.close()
	n.aside.close()
}
