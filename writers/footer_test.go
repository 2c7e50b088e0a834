package writers

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
)

// A footer with one wrong byte is an error, or says the same rows: never a
// panic, nor memory without end. 7 is LZ4 where a codec stands.
func TestBrokenFooters(t *testing.T) {
	rows := make([]ParkedAccount, 300)
	for i := range rows {
		rows[i] = ParkedAccount{AccountID: strings.Repeat("A", 1+i%40), Since: int32(i)}
	}
	file := encode(t, ParkedAccountsTable, rows)
	footer := len(file) - 8 - (int(file[len(file)-8]) | int(file[len(file)-7])<<8 | int(file[len(file)-6])<<16)
	refused := 0
	for at := footer; at < len(file); at++ {
		for _, b := range []byte{7, file[at] ^ 0x80, file[at] + 1, 0xff} {
			broken := bytes.Clone(file)
			broken[at] = b
			if err := Rows(bytes.NewReader(broken), int64(len(broken)), func([]ParkedAccount) error { return nil }); err != nil {
				refused++
			}
			Filled(bytes.NewReader(broken), int64(len(broken)), "nothing")
		}
	}
	if refused == 0 {
		t.Error("no broken footer was refused")
	}
}

// A footer that claims more than there can be is refused before room is made
// for it.
func TestFooterClaims(t *testing.T) {
	file := encode(t, ParkedAccountsTable, []ParkedAccount{{AccountID: "A"}})
	closed := func(footer []byte, length int) []byte {
		forged := append([]byte("PAR1"), footer...)
		return append(binary.LittleEndian.AppendUint32(forged, uint32(length)), "PAR1"...)
	}
	// Version 1, then the list of columns, the number of rows, and row groups.
	elements := func(head byte, n uint64) []byte {
		return append([]byte{0x15, 2, head, 0xfc}, binary.AppendUvarint(nil, n)...)
	}
	for name, forged := range map[string][]byte{
		"longer than its file": closed(nil, 1<<28),
		"columns":              closed(elements(0x19, 1<<22), len(elements(0x19, 1<<22))),
		"row groups":           closed(elements(0x39, 1<<22), len(elements(0x39, 1<<22))),
		"a list too deep":      closed(bytes.Repeat([]byte{0x19, 0x1c}, 1000), 2000),
		"a struct too deep":    closed(bytes.Repeat([]byte{0x1c}, 1<<20), 1<<20),
		"no footer":            file[:11],
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read(forged, func([]ParkedAccount) error { return nil })
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: read", name)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
			t.Errorf("%s: %d bytes were taken: %v", name, took, err)
		}
	}
}
