package pipeline

import "testing"

// What names of accounts take is no room for rows.
func TestRowMemory(t *testing.T) {
	for _, test := range []struct{ memory, accounts, want int64 }{
		{256 << 20, 0, 256 << 20},
		{256 << 20, 50_000, 256<<20 - 12_800_000},
		{512 << 20, 1 << 20, 256 << 20},
		{256 << 20, 1 << 20, 64 << 20}, // never less than a quarter
		{1, 1 << 20, 0},                // tests: everything is spilled
	} {
		if got := rowMemory(test.memory, test.accounts); got != test.want {
			t.Errorf("%d bytes, %d accounts: %d for rows, want %d", test.memory, test.accounts, got, test.want)
		}
	}
}
