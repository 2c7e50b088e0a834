package pipeline

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// breaksWaiting is a watcher at whose first bucket the file of rows that wait
// can be read no longer.
type breaksWaiting struct {
	Watcher
	n *night
}

func (w *breaksWaiting) Advances(done, rows int64) {
	if w.n != nil {
		w.n.waiting.rows.file.Close()
	}
}

// A night that can no longer read which row a stranger was, once it writes it
// down again, fails: it would put a row aside as one of another file.
func TestWaitingRowsAreLost(t *testing.T) {
	var exports strings.Builder
	exports.WriteString("-- sms/2024-05-01\n")
	for i := range 500 {
		fmt.Fprintf(&exports, "m%d,S,2024-05-01T10:00:00,outbound,acme,US,1\n", i)
	}
	c := newCompany(t, exports.String())
	c.knobs.Workers, c.knobs.Buckets, c.knobs.Memory = 1, 1, 1
	c.night("2024-05-01")
	ctx, s := context.Background(), c.settings("2024-05-02")
	w := &breaksWaiting{Watcher: s.watcher()}
	s.Watch = w
	n := c.begun(s)
	if err := n.mapInputs(ctx); err != nil {
		t.Fatal(err)
	}
	made, err := n.openStage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer made.abandon()
	if err := n.fold(ctx, made.ids); err != nil {
		t.Fatal(err)
	}
	if w.n = n; n.waiting.rows.file == nil {
		t.Fatal("rows that wait stayed in memory")
	}
	if err := n.reduce(ctx, made); err == nil || !strings.Contains(err.Error(), "reading back spilled rows") {
		t.Errorf("got %v", err)
	}
}
