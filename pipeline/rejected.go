package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// What a reject's status says of its row, beside writtenOff and reopened.
const (
	rejectOpen     = "open"
	rejectRecycled = "recycled"
)

// reject is a row of the rejects table on its way there: of names it has the
// indexes, and what can be said of it later is not said yet. A day may consist
// of nothing else.
type reject struct {
	source    int
	file      uint32 // of fileNames
	row, rows int64
	account   string
	reason    string
	detail    string // unless it is taken
	taken     bool   // detail: the event id is taken by the row at takenBy
	takenBy   place
	retryable bool
	firstSeen calendar.Day
	status    string
}

// A reject in a spill: its length, the hash of its account (big-endian: the
// order of the table begins with it), fields of a fixed size, and texts.
const (
	rejectLength = 4
	rejectFixed  = 8 + 4 + 2 + 1 + 8 + 8 + 4 + 8 // up to the texts, without the length
)

const (
	rejectIsRetryable = 1 << iota
	rejectIsTaken
)

// append writes the reject so that readReject reads it back.
func (r *reject) append(b []byte) []byte {
	at, flags := len(b), byte(0)
	if r.retryable {
		flags |= rejectIsRetryable
	}
	if r.taken {
		flags |= rejectIsTaken
	}
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint64(b, accountHash(r.account))
	b = binary.LittleEndian.AppendUint32(b, r.file)
	b = binary.LittleEndian.AppendUint16(b, uint16(r.source))
	b = append(b, flags)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.row))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.rows))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.firstSeen))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.takenBy))
	for _, text := range [...]string{r.account, r.reason, r.status, r.detail} {
		b = appendText(b, text)
	}
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-rejectLength))
	return b
}

func rejectFile(b []byte) uint32 { return binary.LittleEndian.Uint32(b[8:]) }
func rejectSource(b []byte) int  { return int(binary.LittleEndian.Uint16(b[12:])) }
func rejectRow(b []byte) int64   { return int64(binary.LittleEndian.Uint64(b[15:])) }

// readReject reads a reject without its length. Texts that are those of last
// are not made again.
func readReject(b []byte, last *reject) reject {
	flags := b[14]
	r := reject{
		source: rejectSource(b), file: rejectFile(b), row: rejectRow(b), rows: int64(binary.LittleEndian.Uint64(b[23:])),
		firstSeen: calendar.Day(binary.LittleEndian.Uint32(b[31:])), takenBy: place(binary.LittleEndian.Uint64(b[35:])),
		retryable: flags&rejectIsRetryable != 0, taken: flags&rejectIsTaken != 0,
	}
	b = b[rejectFixed:]
	for _, text := range [...]struct{ to, last *string }{{&r.account, &last.account}, {&r.reason, &last.reason}, {&r.status, &last.status}, {&r.detail, &last.detail}} {
		var t []byte
		if t, b = cutBytes(b); string(t) == *text.last {
			*text.to = *text.last
		} else {
			*text.to = string(t)
		}
	}
	return r
}

// cutBytes is cutText without a copy.
func cutBytes(b []byte) (text, rest []byte) {
	n, used := binary.Uvarint(b)
	end := used + int(n)
	return b[used:end], b[end:]
}

// rejectSpill are one worker's rejects by bucket of their accounts. Once it
// has failed it takes no more, and says why in err.
type rejectSpill struct {
	*spill
	buffer []byte
	err    error
}

func (n *night) newRejects() *rejectSpill {
	return &rejectSpill{spill: newSpill(n.buckets, n.memory/32/int64(n.workers), n.TempDir)}
}

func (s *rejectSpill) add(n *night, r *reject) {
	if s.err != nil {
		return
	}
	s.buffer = r.append(s.buffer[:0])
	hash := binary.BigEndian.Uint64(s.buffer[rejectLength:])
	s.err = s.spill.add(n.bucket(hash), s.buffer)
}

// addAll adds all rejects of another spill, of so many buckets.
func (s *rejectSpill) addAll(n *night, from *rejectSpill, buckets int) error {
	for b := range buckets {
		err := from.chunks(b, func(block []byte) error {
			for len(block) > 0 {
				size := rejectLength + int(binary.LittleEndian.Uint32(block))
				if err := s.spill.add(n.bucket(binary.BigEndian.Uint64(block[rejectLength:])), block[:size]); err != nil {
					return err
				}
				block = block[size:]
			}
			return nil
		})
		if from.drop(b); err != nil {
			return err
		}
	}
	return nil
}

// rejectOf is a row of the table before it has its place there.
func (n *night) rejectOf(r *writers.Reject) reject {
	source, _ := n.sourceOf(r.Source) // it is one of ours
	return reject{
		source: source, file: n.names.of(r.File), row: r.Row, rows: r.Rows, account: r.AccountID, reason: r.Reason, detail: r.Detail,
		retryable: r.Retryable, firstSeen: calendar.Day(r.FirstSeen), status: r.Status,
	}
}

// rejectRowOf is the reject as it stands in the table.
func (n *night) rejectRowOf(r *reject) writers.Reject {
	if r.taken {
		r.detail = "the event id is taken by " + n.where(r.takenBy) + " with other content"
	}
	return writers.Reject{
		Source: n.sources[r.source].name, File: n.names.list[r.file], Row: r.row, Rows: r.rows, AccountID: r.account, Reason: r.reason, Detail: r.detail,
		Retryable: r.retryable, FirstSeen: int32(r.firstSeen), Status: r.status,
	}
}

// writeRejects writes the rejects table, bucket by bucket: a wave of buckets
// is put in order while the one before is written.
func (n *night) writeRejects(ctx context.Context, s *stage) error {
	for _, r := range slices.Concat(n.beforeHistory(), n.decided.rejects) {
		n.names.learn(r.File) // what was written off by decision was not taken up
		r := n.rejectOf(&r)
		s.refusals.add(n, &r)
	}
	all := spills{s.refusals.spill}
	for w := range n.workers {
		all = append(all, n.mapped[w].rejects.spill, n.folded[w].rejects.spill)
	}
	compare := n.compareRejects()
	var before []*ordered
	for from := 0; from < n.buckets+n.wave(); from += n.wave() { // once more, to write the last wave
		wave := make([]*ordered, max(0, min(n.wave(), n.buckets-from)))
		err := each(ctx, n.workers, 1+len(wave), func(_ context.Context, _, i int) error {
			if i == 0 {
				return n.writeRejectsOf(s, before)
			}
			wave[i-1] = newOrdered(n.orderedMemory(), n.TempDir, compare)
			return orderRejects(wave[i-1], all, from+i-1)
		})
		for _, o := range before {
			o.close()
		}
		if before = wave; err != nil {
			for _, o := range wave {
				o.close()
			}
			return err
		}
	}
	return s.refusals.err
}

// orderedMemory is what one bucket of two waves may keep in memory while it
// is put in order.
func (n *night) orderedMemory() int64 { return n.memory / 8 / int64(2*n.wave()) }

// orderRejects puts the rejects of a bucket in order.
func orderRejects(o *ordered, all spills, bucket int) error {
	err := all.chunks(bucket, func(b []byte) error {
		for len(b) > 0 {
			size := rejectLength + int(binary.LittleEndian.Uint32(b))
			if err := o.add(b[rejectLength:size]); err != nil {
				return err
			}
			b = b[size:]
		}
		return nil
	})
	all.drop(bucket)
	if err != nil {
		return err
	}
	return o.settle()
}

// compareRejects is compareRejects of rows of the table, for those in a spill.
func (n *night) compareRejects() func(a, b []byte) int {
	source, file := n.sourceRanks, ranks(n.names.list)
	return func(a, b []byte) int {
		x, _ := cutBytes(a[rejectFixed:])
		y, _ := cutBytes(b[rejectFixed:])
		c := cmp.Or(bytes.Compare(x, y), cmp.Compare(source[rejectSource(a)], source[rejectSource(b)]),
			cmp.Compare(file[rejectFile(a)], file[rejectFile(b)]), cmp.Compare(rejectRow(a), rejectRow(b)))
		if c != 0 {
			return c
		}
		r, o := readReject(a, &reject{}), readReject(b, &reject{}) // of one row, as is rare
		return compareRejects(n.rejectRowOf(&r), n.rejectRowOf(&o))
	}
}

// ranks is where each name stands when they are sorted; the same names stand
// together.
func ranks(names []string) []int {
	sorted := slices.Sorted(slices.Values(names))
	all := make([]int, len(names))
	for i, name := range names {
		all[i], _ = slices.BinarySearch(sorted, name)
	}
	return all
}

// writeRejectsOf writes buckets that are in order.
func (n *night) writeRejectsOf(s *stage, wave []*ordered) error {
	var last reject
	rows := make([]writers.Reject, 0, rowsAtOnce)
	write := func() error {
		s.ledger.addReasons(rows)
		err := s.rejects.Write(rows)
		rows = rows[:0]
		return err
	}
	for _, o := range wave {
		err := o.each(func(record []byte) error {
			last = readReject(record, &last)
			if rows = append(rows, n.rejectRowOf(&last)); len(rows) < cap(rows) {
				return nil
			}
			return write()
		})
		if err != nil {
			return err
		}
	}
	return write()
}

// rowsAtOnce is how many rows are handed to a table at once.
const rowsAtOnce = 1024

// fileNames are the keys of the plan's files, by their number there, and then
// those of files of earlier nights of which rows waited.
type fileNames struct {
	list  []string
	index map[string]uint32
}

func newFileNames(files []input) fileNames {
	all := fileNames{index: map[string]uint32{}}
	for i := range files {
		all.list = append(all.list, files[i].Key)
		if _, known := all.index[files[i].Key]; !known { // one file may be of two sources
			all.index[files[i].Key] = uint32(i)
		}
	}
	return all
}

// learn gives a file of an earlier night its number. No worker may look at the
// names meanwhile.
func (f *fileNames) learn(key string) uint32 {
	i, known := f.index[key]
	if !known {
		i = uint32(len(f.list))
		f.index[key] = i
		f.list = append(f.list, key)
	}
	return i
}

// of is the number of a file that is known.
func (f *fileNames) of(key string) uint32 {
	i, known := f.index[key]
	if !known {
		panic(fmt.Sprintf("pipeline: a reject of %q, which is neither a file of the plan nor one of a row that waited", key))
	}
	return i
}
