package pipeline

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// waitingRows says of each row that an earlier night put aside, and that goes
// through fold again, what its record or event has no room for. It is found by
// the row's place, in memory or in a file: rows that wait may be many.
type waitingRows struct {
	rows    *spill // of one partition
	count   int64
	reasons []string // few

	mu  sync.Mutex
	err error // the first reading that failed
}

// waitedRow is 24 bytes in a spill.
type waitedRow struct {
	file      uint32 // of fileNames
	row       int64
	firstSeen calendar.Day
	reason    string // for which it waits
}

const waitedRowSize = 24

// add keeps what is known of a row, and gives it its place.
func (w *waitingRows) add(r *waitedRow) (place, error) {
	reason := slices.Index(w.reasons, r.reason)
	if reason < 0 {
		reason = len(w.reasons)
		w.reasons = append(w.reasons, r.reason)
	}
	b, err := w.rows.room(0, waitedRowSize)
	if err != nil {
		return 0, err
	}
	binary.LittleEndian.PutUint64(b[0:], uint64(r.row))
	binary.LittleEndian.PutUint32(b[8:], r.file)
	binary.LittleEndian.PutUint32(b[12:], uint32(r.firstSeen))
	binary.LittleEndian.PutUint64(b[16:], uint64(reason))
	w.count++
	return makePlace(heldFile, w.count-1), nil
}

// at is what is known of the row of a place. Where it cannot be read, failed
// will say so.
func (w *waitingRows) at(p place) waitedRow {
	var b [waitedRowSize]byte
	if err := w.rows.read(p.row(), b[:]); err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.err == nil {
			w.err = err
		}
		return waitedRow{}
	}
	return waitedRow{
		row: int64(binary.LittleEndian.Uint64(b[0:])), file: binary.LittleEndian.Uint32(b[8:]),
		firstSeen: calendar.Day(binary.LittleEndian.Uint32(b[12:])), reason: w.reasons[binary.LittleEndian.Uint64(b[16:])],
	}
}

func (w *waitingRows) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// read reads record i of the first partition, whose records are all as long.
func (s *spill) read(i int64, record []byte) error {
	p, perBlock := &s.parts[0], int64(s.block/len(record))
	block, at := int(i/perBlock), i%perBlock*int64(len(record))
	if block < len(p.blocks) {
		copy(record, p.blocks[block][at:])
		return nil
	}
	if block -= len(p.blocks); block == len(p.inFile) {
		copy(record, s.open[0][at:])
		return nil
	}
	if _, err := s.file.ReadAt(record, p.inFile[block].at+at); err != nil {
		return fmt.Errorf("reading back spilled rows: %w", err)
	}
	return nil
}

// waitedHeld is what an earlier night kept of an event; nil if it is new.
func (n *night) waitedHeld(e *event) *writers.Held {
	if !e.place.held() {
		return nil
	}
	w := n.waiting.at(e.place)
	return &writers.Held{
		Source: n.sources[e.source].name, AccountID: e.account, Rows: 1, File: n.names.list[w.file], Row: w.row, Reason: w.reason, FirstSeen: int32(w.firstSeen),
	}
}

// appendHeld writes a row of the held table so that readHeld reads it back.
func appendHeld(b []byte, h *writers.Held) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	for _, v := range [...]int64{h.OccurredAt, h.Rows, h.Row, int64(h.ServiceDate), int64(h.FirstSeen), int64(h.BillingDay)} {
		b = binary.AppendVarint(b, v)
	}
	for _, text := range [...]string{h.AccountID, h.Source, h.EventKey, h.EventID, h.Payload, h.File, h.Reason} {
		b = appendText(b, text)
	}
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at))
	return b
}

// readHeld reads the first row of a block.
func readHeld(b []byte) (h *writers.Held, rest []byte) {
	size := binary.LittleEndian.Uint32(b)
	b, rest = b[4:size], b[size:]
	h = &writers.Held{}
	var numbers [6]int64
	for i := range numbers {
		v, used := binary.Varint(b)
		numbers[i], b = v, b[used:]
	}
	h.OccurredAt, h.Rows, h.Row = numbers[0], numbers[1], numbers[2]
	h.ServiceDate, h.FirstSeen, h.BillingDay = int32(numbers[3]), int32(numbers[4]), int32(numbers[5])
	for _, text := range [...]*string{&h.AccountID, &h.Source, &h.EventKey, &h.EventID, &h.Payload, &h.File, &h.Reason} {
		*text, b = cutText(b)
	}
	return h, rest
}
