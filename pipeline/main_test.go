package pipeline

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets garbage lie for longer: the tests run hundreds of small nights
// with little that lives, and spent a third of their time on collecting it.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(512 << 20)
	os.Exit(m.Run())
}
