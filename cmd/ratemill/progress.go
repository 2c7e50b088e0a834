package main

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"ratemill/pipeline"
)

// watch takes the time of a night's phases. On a terminal it shows how far a
// phase is, elsewhere it logs a line when one has ended.
type watch struct {
	now    func() time.Time
	screen *screen
	log    *slog.Logger

	step          pipeline.Step // the phase at work; of none where Phase is empty
	began         time.Time
	parts, things atomic.Int64
	shown         atomic.Int64 // when the line was shown last, in nanoseconds

	seconds map[pipeline.Phase]time.Duration // of the night, or of all nights
	sums    bool                             // of all nights
}

func newWatch(c *console) *watch {
	return &watch{now: c.now, screen: c.stderr, log: c.log()}
}

// every is how often the line on a terminal changes.
const every = 100 * time.Millisecond

// things is what a phase counts.
var things = map[pipeline.Phase]string{
	pipeline.Planning: "exports", pipeline.Mapping: "rows", pipeline.Folding: "rows", pipeline.Reducing: "accounts", pipeline.Comparing: "accounts", pipeline.Committing: "files",
}

// sumUp has the watch add up the seconds of all nights from now on.
func (w *watch) sumUp() { w.seconds, w.sums = map[pipeline.Phase]time.Duration{}, true }

func (w *watch) Begins(s pipeline.Step) {
	if s.Phase == pipeline.Planning && !w.sums {
		w.seconds = map[pipeline.Phase]time.Duration{}
	}
	w.step, w.began = s, w.now()
	w.parts.Store(0)
	w.things.Store(0)
	w.shown.Store(w.began.UnixNano())
	w.show(w.began)
}

func (w *watch) Advances(parts, things int64) {
	w.parts.Add(parts)
	w.things.Add(things)
	if !w.screen.terminal {
		return
	}
	now := w.now()
	last := w.shown.Load()
	if now.UnixNano()-last >= int64(every) && w.shown.CompareAndSwap(last, now.UnixNano()) {
		w.show(now)
	}
}

func (w *watch) show(now time.Time) {
	if w.screen.terminal && w.step.Phase != "" {
		w.screen.show(w.line(now.Sub(w.began)))
	}
}

func (w *watch) Ends(s pipeline.Step, err error) {
	took := w.now().Sub(w.began)
	w.step = pipeline.Step{}
	if w.screen.terminal {
		w.screen.show("")
	}
	if err != nil {
		return // how the command ends says so
	}
	if w.seconds != nil {
		w.seconds[s.Phase] += took
	}
	attributes := []any{"night", s.Night.String(), "run", s.RunID, "phase", string(s.Phase)}
	if s.Phase != pipeline.Planning {
		attributes = append(attributes, things[s.Phase], w.things.Load())
	}
	w.log.Info("phase done", append(attributes, "seconds", took.Round(time.Millisecond).Seconds())...)
}

// line is how far a phase is: things, their rate, and the time left if the
// parts to come take as long as those that are done. It fits 80 columns.
func (w *watch) line(took time.Duration) string {
	done, counted := w.parts.Load(), w.things.Load()
	text := fmt.Sprintf("%s %s", w.step.Night, w.step.Phase)
	if counted > 0 {
		text += fmt.Sprintf(": %s %s", grouped(counted), things[w.step.Phase])
	}
	if ms := took.Milliseconds(); counted > 0 && ms >= 1000 {
		text += fmt.Sprintf(", %s/s", grouped(counted*1000/ms))
	}
	if left := w.step.Parts - done; done > 0 && left > 0 && took >= time.Second {
		text += ", " + clockTime(time.Duration(float64(took)*float64(left)/float64(done))) + " left"
	}
	return text
}

// grouped is a number with a comma between thousands.
func grouped(n int64) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

// clockTime is a time span as minutes and seconds, or hours as well.
func clockTime(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}
