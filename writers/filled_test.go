package writers

import (
	"bytes"
	"strings"
	"testing"
)

func TestFilled(t *testing.T) {
	var file bytes.Buffer
	table, err := NewTable[State](&file, StateTable)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([]State, rowGroupRows+5000) // two row groups
	want := make([]bool, len(rows))
	for i := range rows {
		for range i % 7 / 4 * (1 + i%2) { // none, one or two
			rows[i].Suspensions = append(rows[i].Suspensions, StateSuspension{From: int32(i % 3)})
			want[i] = true
		}
	}
	if err := table.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := Filled(bytes.NewReader(file.Bytes()), int64(file.Len()), "suspensions")
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("row %d: %v, want %v", i, got[i], want[i])
		}
	}
	if got, err = Filled(bytes.NewReader(file.Bytes()), int64(file.Len()), "offers"); err != nil || len(got) != len(want) || got[0] || got[len(got)-1] {
		t.Errorf("offers: %v, %d rows", err, len(got))
	}
	for _, column := range []string{"plan", "nothing"} {
		if _, err := Filled(bytes.NewReader(file.Bytes()), int64(file.Len()), column); err == nil || !strings.Contains(err.Error(), "no list") {
			t.Errorf("%s: %v", column, err)
		}
	}
}
