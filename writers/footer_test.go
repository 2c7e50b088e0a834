package writers

import (
	"bytes"
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
