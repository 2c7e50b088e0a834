package pipeline

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/readers"
	"ratemill/writers"
)

// event is a row kept whole: of a source that rating takes event by event,
// or a usage row that cannot be summed up because it may have to wait.
type event struct {
	source   int
	hi, lo   uint64 // event id, or the key of a reading
	id       string // the event id as written, of sources whose events of one instant go by it; else empty
	account  string
	occurred int64 // microseconds since 1970; midnight of a reading's date
	day      calendar.Day
	place    place
	cells    []string // one a field of the source's schema, as canonical text; the id's is empty
}

// append writes the event so that readEvents reads it back.
func (e *event) append(b []byte) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	for _, v := range [...]uint64{uint64(e.source), e.hi, e.lo, uint64(e.occurred), uint64(e.place)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(e.day))
	b = appendText(b, e.account)
	b = appendText(b, e.id)
	for _, c := range e.cells {
		b = appendText(b, c)
	}
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at))
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// readEvents reads all events of a partition.
func readEvents(b []byte) []event {
	var events []event
	for len(b) > 0 {
		size := binary.LittleEndian.Uint32(b)
		events = append(events, readEvent(b[4:size]))
		b = b[size:]
	}
	return events
}

func readEvent(b []byte) event {
	u := func(i int) uint64 { return binary.LittleEndian.Uint64(b[i*8:]) }
	e := event{source: int(u(0)), hi: u(1), lo: u(2), occurred: int64(u(3)), place: place(u(4))}
	e.day = calendar.Day(binary.LittleEndian.Uint32(b[40:]))
	b = b[44:]
	e.account, b = cutText(b)
	e.id, b = cutText(b)
	for len(b) > 0 {
		var c string
		c, b = cutText(b)
		e.cells = append(e.cells, c)
	}
	return e
}

func cutText(b []byte) (string, []byte) {
	n, used := binary.Uvarint(b)
	end := used + int(n)
	return string(b[used:end]), b[end:]
}

// content is 64 bits of what the event says, to tell an identical repeat from
// a conflict.
func (e *event) content() uint64 {
	h := hashText(uint64(e.occurred), e.account)
	for _, c := range e.cells {
		h = hashText(h, c)
	}
	return h
}

// hashText mixes a text into a running hash.
func hashText(h uint64, s string) uint64 {
	h = mix(h ^ uint64(len(s)))
	for len(s) >= 8 {
		h = mix(h ^ (uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56))
		s = s[8:]
	}
	for i := range len(s) {
		h = mix(h ^ uint64(s[i])<<(8*i+1))
	}
	return h
}

// cell is an event's value of a column, empty where it has none.
func (e *event) cell(s *source, column string) string {
	if i := s.schema.Field(column); i >= 0 {
		return e.cells[i]
	}
	return ""
}

// cellText is a column's value of one row as canonical text. The caller has
// seen that it is not bad.
func cellText(f *readers.Field, c *readers.Column, row int) string {
	if f.Kind == readers.Text {
		if c.Index[row] == readers.Absent {
			return ""
		}
		return c.Dict.Entries[c.Index[row]]
	}
	if f.Kind == readers.EventID || c.Missing != nil && c.Missing[row] {
		return ""
	}
	if f.Kind == readers.Date {
		return calendar.Day(c.Ints[row]).String()
	}
	return scaledText(c.Ints[row], f.Scale)
}

// scaledText is a number of 10^-scale as plain decimal text, in its shortest
// form.
func scaledText(v int64, scale int) string {
	if scale == 0 {
		return strconv.FormatInt(v, 10)
	}
	return decimal.New(v, -int32(scale)).String()
}

// scaled reads back what scaledText wrote.
func scaled(text string, scale int) (int64, error) {
	if scale == 0 {
		return strconv.ParseInt(text, 10, 64)
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return 0, err
	}
	d = d.Shift(int32(scale))
	if v := d.BigInt(); d.IsInteger() && v.IsInt64() {
		return v.Int64(), nil
	}
	return 0, fmt.Errorf("%s is no number of %d decimals", text, scale)
}

// eventOf reads a row back from the held table.
func eventOf(s *source, index int, h *writers.Held, p place) (event, error) {
	e := event{source: index, account: h.AccountID, id: h.EventID, occurred: h.OccurredAt, day: calendar.Day(h.ServiceDate), place: p}
	if h.EventKey != "" {
		var err error
		if e.hi, e.lo, err = keyBits(h.EventKey); err != nil {
			return event{}, err
		}
	}
	var err error
	if e.cells, err = cellsOf(s, h.Payload); err != nil {
		return event{}, err
	}
	e.cells[s.account] = h.AccountID
	return e, e.checkCells(s, h.EventKey == "")
}

// checkCells proves that the cells of a row that waited are what its source's
// columns hold: the settings may have changed since, and nothing behind this
// looks again. A group's quantity is a sum, which 64 bits may not hold.
func (e *event) checkCells(s *source, group bool) error {
	for i, f := range s.schema.Fields {
		text := e.cells[i]
		quantity := s.role == usageRows && i == s.quantity
		if text == "" && !quantity {
			continue
		}
		var err error
		what := "a whole number"
		switch {
		case f.Kind == readers.Integer && group && quantity:
			_, err = decimal.NewFromString(text)
		case f.Kind == readers.Integer:
			if f.Scale > 0 {
				what = fmt.Sprintf("a number of %d decimals", f.Scale)
			}
			_, err = scaled(text, f.Scale)
		case f.Kind == readers.Date:
			what = "a date"
			_, err = calendar.Parse(text)
		}
		if err != nil {
			return fmt.Errorf("payload: %s %q is not %s, as the settings have it", f.Name, text, what)
		}
	}
	return nil
}

func eventKey(hi, lo uint64) string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return hex.EncodeToString(id[:])
}

// keyBits reads back what eventKey wrote.
func keyBits(text string) (hi, lo uint64, err error) {
	if len(text) != 32 {
		return 0, 0, fmt.Errorf("event_key %q is not 32 hexadecimal digits", text)
	}
	if hi, err = strconv.ParseUint(text[:16], 16, 64); err == nil {
		lo, err = strconv.ParseUint(text[16:], 16, 64)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("event_key %q: %w", text, err)
	}
	return hi, lo, nil
}
