package main

import (
	"io"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestEveryCommandTeaches: the --help of a command that does something has an
// example, and one that is a command of the program.
func TestEveryCommandTeaches(t *testing.T) {
	parser, err := kong.New(&commands{}, kong.Name("ratemill"), kong.Writers(io.Discard, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	leaves := parser.Model.Leaves(true)
	if len(leaves) < 15 {
		t.Errorf("%d commands", len(leaves))
	}
	for _, n := range leaves {
		name := n.Name
		for up := n.Parent; up != nil && up.Parent != nil; up = up.Parent {
			name = up.Name + " " + name
		}
		if name != "version" && !strings.Contains(n.Detail, "ratemill "+name) {
			t.Errorf("%s: --help has no example:\n%s", name, n.Detail)
		}
	}
}
