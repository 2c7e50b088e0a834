package pipeline

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/calendar"
	"ratemill/readers"
)

// Reasons for which map refuses a row, beside those of the readers. They are
// final: the row must come again, corrected.
const (
	missingField     = "missing_field"
	negativeQuantity = "negative_quantity"
	outsideWindow    = "outside_window"
	beforeHistory    = "before_history"
)

// mapped is what one worker made of the splits that it read.
type mapped struct {
	usage  *recordSpill // by source and hash of the event id
	events *spill       // by hash of source and event id

	files   []fileCounts // by file of the plan
	rejects *rejectSpill
	signups []uint32   // accounts with a signed_up row
	changed []uint32   // accounts of which rows wait that went past fold already
	late    lateFilter // ids of rows of days before the billing day

	book   booked
	buffer []byte
}

// fileCounts are a file's rows by where they went: refused by map, or by fold
// as a duplicate, put aside for a later day, or passed on.
type fileCounts struct {
	read, passed, duplicate, rejected, notDue int64

	leftOut map[string]int64 // of passed: rows that a filter of the layout leaves out, by its name

	before      int64 // rejected as before_history, of which one reject tells
	firstBefore int64 // number of the first such row
}

// readExports decodes every split of the files. Rows that
// are not what they should be become rejects; the others are spilled, each
// once, partitioned by hash of source and event id.
func (n *night) readExports(ctx context.Context) error {
	exports := make([]*readers.Export, len(n.files))
	defer func() {
		for _, e := range exports {
			if e != nil {
				e.Close()
			}
		}
	}()
	var large []split
	for from := 0; from < len(n.files); from += openAtOnce {
		files := exports[from:min(from+openAtOnce, len(n.files))]
		err := each(ctx, n.requests(), len(files), func(ctx context.Context, _, i int) (err error) {
			files[i], err = n.openExport(ctx, &n.files[from+i])
			return err
		})
		if err != nil {
			return err
		}
		var held []split
		for i, e := range files {
			for s := range e.Splits() {
				if e.Held() {
					held = append(held, split{from + i, s})
				} else {
					large = append(large, split{from + i, s})
				}
			}
		}
		if err := n.readSplits(ctx, exports, held); err != nil {
			return err
		}
		for _, e := range files {
			if e.Held() {
				e.Close()
			}
		}
	}
	if err := n.readSplits(ctx, exports, large); err != nil {
		return err
	}
	return n.checkLacking(ctx, exports)
}

// openAtOnce is how many files are opened before those of them are read that
// are in memory, whole: on an object store small ones are, once opened.
const openAtOnce = 32

// split is a part of a file that one worker reads.
type split struct{ file, split int }

// readSplits reads splits on all workers, each while those that come next are
// being fetched.
func (n *night) readSplits(ctx context.Context, exports []*readers.Export, splits []split) error {
	frozen := func(ctx context.Context, s split) context.Context { return n.plan.frozen(ctx, n.files[s.file].Key) }
	return each(ctx, n.workers, len(splits), func(ctx context.Context, worker, i int) error {
		if i+n.workers < len(splits) {
			next := splits[i+n.workers]
			exports[next.file].ReadAhead(frozen(ctx, next), next.split)
		}
		m, s := n.mapped[worker], splits[i]
		source, take, filters := &n.sources[n.files[s.file].source], n.takerOf(worker, s.file), exports[s.file].Filters()
		err := exports[s.file].Read(frozen(ctx, s), s.split, func(b *readers.Batch) error {
			m.countLeftOut(s.file, b, filters)
			n.watcher().Advances(0, int64(b.Len))
			if err := n.trace.only(b, source, take); err != nil {
				return err
			}
			return m.rejects.err
		})
		n.watcher().Advances(partOf(&n.files[s.file], s.split, exports[s.file].Splits()), 0)
		return err
	})
}

// takerOf is who takes the batches of a file on a worker.
func (n *night) takerOf(worker, file int) func(*readers.Batch) error {
	m, source := n.mapped[worker], &n.sources[n.files[file].source]
	switch {
	case n.taker != nil:
		return n.taker(worker, file)
	case source.hasRecords():
		u := newUsageMapper(n, m, file, source)
		if n.sumAtOnce {
			u.sumInto = n.folded[worker]
		}
		return u.batch
	case source.role == openingRows:
		return func(b *readers.Batch) error { return n.mapOpening(m, file, source, b) }
	}
	return func(b *readers.Batch) error { return n.mapEvents(m, file, source, b) }
}

// openExport opens a file in the way that its source's layout says.
func (n *night) openExport(ctx context.Context, f *input) (*readers.Export, error) {
	ctx = n.plan.frozen(ctx, f.Key)
	file := readers.File{Key: f.Key, Size: f.Size, Parts: f.parts}
	s := &n.sources[f.source]
	if f.layout.mapping == nil {
		return readers.OpenMapped(ctx, n.Exports, file, &s.schema, nil, n.Catalog.Zone)
	}
	mapping := *f.layout.mapping
	mapping.Tables = n.lookups
	return readers.OpenMapped(ctx, n.Exports, file, &s.schema, &mapping, n.Catalog.Zone)
}

// countLeftOut counts the rows that a filter leaves out: passed on, and not
// billable by its name.
func (m *mapped) countLeftOut(file int, b *readers.Batch, filters []string) {
	if b.LeftOut == nil {
		return
	}
	c := &m.files[file]
	if c.leftOut == nil {
		c.leftOut = map[string]int64{}
	}
	for _, filter := range b.LeftOut {
		if filter != 0 {
			c.leftOut[filters[filter-1]]++
			c.passed++
		}
	}
}

// newMapped is a worker's memory for the map phase.
func (n *night) newMapped() *mapped {
	return &mapped{
		usage:  n.newRecordSpill(n.memory / 4 / int64(n.workers)),
		events: newSpill(n.partitions, n.memory/8/int64(n.workers), n.TempDir),
		files:  make([]fileCounts, len(n.files)),
		late:   lateFilter{size: n.lateFilterSize(), oldest: n.day}, rejects: n.newRejects(),
	}
}

// fault is why a row is refused.
type fault struct{ reason, detail string }

func (f fault) found() bool { return f.reason != "" }

// firstFault is the first of a source's required columns, in their order,
// that a row lacks or that holds something else than it should.
func firstFault(s *source, b *readers.Batch, row int) fault {
	for i := range s.schema.Fields {
		f, c := &s.schema.Fields[i], &b.Columns[i]
		if bad, is := c.Bad[row]; is && s.isPrivate(f) {
			return fault{string(bad.Reason), f.Name}
		} else if is {
			return fault{string(bad.Reason), fmt.Sprintf("%s %q", f.Name, bad.Text)}
		}
		if s.required(i) && absent(f.Kind, c, row) {
			return fault{missingField, f.Name}
		}
		if f.Kind == readers.Integer && c.Ints[row] < 0 && !s.signed() {
			return fault{negativeQuantity, f.Name + " " + cellText(f, c, row)}
		}
	}
	return fault{}
}

// required tells whether a row of the source must have the field's cell.
func (s *source) required(field int) bool {
	return !s.schema.Fields[field].Optional && !slices.Contains(s.mayLack, field)
}

func absent(kind readers.Kind, c *readers.Column, row int) bool {
	if kind == readers.Text {
		return c.Index[row] == readers.Absent
	}
	return c.Missing != nil && c.Missing[row]
}

// reject puts a row into suspense for good.
func (n *night) reject(m *mapped, file int, row int64, account string, f fault) {
	m.files[file].rejected++
	m.rejects.add(n, &reject{
		source: n.files[file].source, file: uint32(file), row: row, rows: 1, account: account, reason: f.reason, detail: f.detail, firstSeen: n.day, status: rejectOpen,
	})
}

// outside tells why a day is not billed by this night, if so. Rows before the
// first night are counted by file, not listed one by one: a first night may
// find years of them.
func (n *night) outside(m *mapped, file int, row int64, day calendar.Day) fault {
	switch {
	case day < n.span.first:
		c := &m.files[file]
		c.before++
		if c.firstBefore == 0 || row < c.firstBefore {
			c.firstBefore = row
		}
		return fault{reason: beforeHistory}
	case day < n.span.oldest:
		return fault{outsideWindow, fmt.Sprintf("%s is more than %d days before %s", day, n.Catalog.WindowDays, n.day)}
	}
	return fault{}
}

// outsideOf is outside, but for customers: of those the latest row counts,
// however old it is.
func (n *night) outsideOf(m *mapped, file int, row int64, s *source, day calendar.Day) fault {
	if s.role == customerRows {
		return fault{}
	}
	return n.outside(m, file, row, day)
}

// mapEvents takes a batch of rows that rating wants event by event.
func (n *night) mapEvents(m *mapped, file int, s *source, b *readers.Batch) error {
	m.files[file].read += int64(b.Len)
	for row := range b.Len {
		if b.LeftOut != nil && b.LeftOut[row] != 0 {
			continue
		}
		number := b.FirstRow + int64(row)
		account := textAt(&b.Columns[s.account], row)
		if f := firstFault(s, b, row); f.found() {
			n.reject(m, file, number, account, f)
			continue
		}
		if f := levelOverflow(s, b, row); f.found() {
			n.reject(m, file, number, account, f)
			continue
		}
		if f := customerFault(s, b, row); f.found() {
			n.reject(m, file, number, account, f)
			continue
		}
		e := n.eventAt(file, s, b, row, account)
		if f := n.outsideOf(m, file, number, s, e.day); f.found() {
			if f.reason != beforeHistory {
				n.reject(m, file, number, account, f)
			}
			continue
		}
		if err := n.noteEvent(m, s, &e); err != nil {
			return err
		}
		m.buffer = e.append(m.buffer[:0])
		if err := m.events.add(n.partition(hashID(e.source, e.hi, e.lo)), m.buffer); err != nil {
			return err
		}
	}
	return nil
}

// levelOverflow tells whether a reading that is the sum of several columns is
// beyond 64 bits.
func levelOverflow(s *source, b *readers.Batch, row int) fault {
	for _, m := range s.levels {
		sum := int64(0)
		for _, column := range m.Columns {
			if sum += b.Columns[s.schema.Field(column)].Ints[row]; sum < 0 {
				return fault{string(readers.Overflow), "the sum of " + strings.Join(m.Columns, " and ")}
			}
		}
	}
	return fault{}
}

// noteEvent keeps what later phases want to know of an event beforehand.
func (n *night) noteEvent(m *mapped, s *source, e *event) error {
	if e.day < n.day && s.registers() {
		m.late.add(lateID{e.source, e.day, e.hi, e.lo})
	}
	return n.noteSignUp(m, e)
}

// noteSignUp keeps whose account an event signs up tonight.
func (n *night) noteSignUp(m *mapped, e *event) error {
	if !n.signsUp(e) || e.day > n.day {
		return nil
	}
	_, err := n.signUp(m, e.account)
	return err
}

// signUp notes that an account signs up tonight, and is its index.
func (n *night) signUp(m *mapped, id string) (uint32, error) {
	i, err := n.account(id)
	m.signups = append(m.signups, i)
	return i, err
}

func (n *night) eventAt(file int, s *source, b *readers.Batch, row int, account string) event {
	e := event{source: n.files[file].source, account: account, place: makePlace(file, b.FirstRow+int64(row))}
	e.cells = make([]string, len(s.schema.Fields))
	for i, f := range s.schema.Fields {
		e.cells[i] = cellText(&f, &b.Columns[i], row)
		if s.role == levelRows && f.Kind == readers.Integer && e.cells[i] == "" {
			e.cells[i] = "0" // a column that the export lacks counts as none, and says the same
		}
	}
	at := b.Columns[s.at].Ints[row]
	if s.id < 0 {
		e.day = calendar.Day(at)
		e.occurred = n.Catalog.Zone.Midnight(e.day)
		id := readers.Key([]byte(account + "\x00" + e.cells[s.at]))
		e.hi, e.lo = idBits(&id)
		return e
	}
	e.day, e.occurred = n.span.dayOf(at), at
	e.hi, e.lo = idBits(&b.Columns[s.id].IDs[row])
	if s.schema.Fields[s.id].Texts {
		e.id = b.Columns[s.id].IDTexts[row]
	}
	return e
}

func idBits(id *[16]byte) (hi, lo uint64) {
	return binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
}

var textField = readers.Field{Kind: readers.Text}

func textAt(c *readers.Column, row int) string { return cellText(&textField, c, row) }

// partition is the partition of a hash: its top bits.
func (n *night) partition(hash uint64) int { return int(hash >> (64 - n.partitionBits)) }
