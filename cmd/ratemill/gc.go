package main

import (
	"fmt"
	"time"

	"ratemill/pipeline"
	"ratemill/pipeline/store"
)

type gcCommand struct {
	Output    string        `help:"Folder or URL under which the billing history is kept." env:"RATEMILL_OUTPUT" required:"" placeholder:"URL"`
	OlderThan time.Duration `help:"Leave what is younger, by the clock of the store: a run may be at work on it." default:"24h" placeholder:"24h"`
	DryRun    bool          `help:"Say what would be removed, and remove nothing."`
}

func (g *gcCommand) Run(c *console) error {
	if g.OlderThan < 0 {
		return &pipeline.UsageError{What: fmt.Sprintf("--older-than %v is in the future", g.OlderThan), Hint: "say how long ago: --older-than 24h"}
	}
	output, err := store.Open(c.ctx, g.Output)
	if err != nil {
		return &pipeline.UsageError{What: fmt.Sprintf("--output: %v", err)}
	}
	defer output.Close()
	found, err := pipeline.CollectGarbage(c.ctx, &pipeline.GC{Output: output, OlderThan: g.OlderThan, DryRun: g.DryRun})
	g.report(c, found)
	return err
}

// report says of each find what became of it, and what that makes.
func (g *gcCommand) report(c *console, found []pipeline.Garbage) {
	removed := "removed"
	if g.DryRun {
		removed = "would remove"
	}
	files, bytes := 0, int64(0)
	for _, f := range found {
		what := fmt.Sprintf("%s %s (%s, %d bytes)", f.Kind, f.Name, number(f.Files, "file"), f.Bytes)
		if f.Kept != "" {
			fmt.Fprintf(c.stdout, "kept %s: %s\n", what, f.Kept)
			continue
		}
		fmt.Fprintf(c.stdout, "%s %s\n", removed, what)
		files += f.Files
		bytes += f.Bytes
	}
	fmt.Fprintf(c.stdout, "%s %s, %d bytes\n", removed, number(files, "file"), bytes)
}
