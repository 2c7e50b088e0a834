package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"gocloud.dev/blob"

	"ratemill/pipeline"
	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
)

type explainCommand struct {
	Exports string  `help:"Folder or URL (s3://bucket/prefix) under which the exports lie." env:"RATEMILL_EXPORTS" required:"" placeholder:"URL"`
	Output  string  `help:"Folder or URL under which the billing history is kept." env:"RATEMILL_OUTPUT" required:"" placeholder:"URL"`
	Catalog string  `help:"Catalog file or URL." env:"RATEMILL_CATALOG" required:"" placeholder:"FILE"`
	Account string  `help:"Account, as the exports write it." placeholder:"ID"`
	Date    date    `help:"Billing date. SMS of a day are charged on the day after it." placeholder:"YYYY-MM-DD"`
	Line    int     `help:"This line of the date's documents only; 0: all." default:"0"`
	Rows    int     `help:"Rows of an export that are shown behind each figure. All are counted." default:"10"`
	JSON    bool    `name:"json" help:"Print JSON."`
	Workers workers `help:"Rows are decoded on so many processors; 0: all." env:"RATEMILL_WORKERS" default:"0"`
	Memory  size    `help:"Rows kept in memory before they are spilled to disk." env:"RATEMILL_MEMORY" default:"1GiB"`
	TempDir string  `help:"Folder for spilled rows; without it the system's." env:"RATEMILL_TEMP_DIR" placeholder:"DIR"`
}

// Help teaches by example.
func (*explainCommand) Help() string {
	return `Why did acme pay 10.00 on 2 May? Every line with its rule, its place in the catalog, its arithmetic, the balances before and after, and the rows of the exports behind it, which are read again and added up:

  ratemill explain --account acme --date 2024-05-02
  ratemill explain --account acme --date 2024-05-02 --line 1 --rows 1000
  ratemill explain --account acme --date 2024-05-02 --json

Nothing of the money is computed again: it is what billing kept. Where nothing was charged it says why. Where exports are gone or have changed since the night read them, it says what can not be shown.

Exit codes: 0 explained, and every row found; 3 something is missing or does not add up; 64 wrong usage, or the date has nothing of the account. docs/explain.md shows how to read it.`
}

func (x *explainCommand) Run(c *console) error {
	if err := x.check(); err != nil {
		return err
	}
	s, text, closeAll, err := x.open(c)
	if err != nil {
		return err
	}
	defer closeAll()
	answer, err := pipeline.Explain(c.ctx, s, pipeline.Question{Account: x.Account, Day: x.Date.Day, Line: x.Line, Show: x.Rows})
	if err != nil {
		return err
	}
	answer.CatalogFile = plainURL(x.Catalog)
	if x.JSON {
		enc := json.NewEncoder(c.stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err = enc.Encode(answer)
	} else {
		p := &explainPrinter{catalog: answer.CatalogFile, text: text, rows: x.Rows}
		p.explanation(answer)
		_, err = c.stdout.Write([]byte(p.String()))
	}
	if n := len(answer.Problems); n > 0 && err == nil {
		c.code = pipeline.ExitLook
		first := answer.Problems[0]
		if n > 1 {
			first += fmt.Sprintf(" (and %d more)", n-1)
		}
		fmt.Fprintf(c.stderr, "ratemill: not all of it can be shown: %s\n", first)
	}
	return err
}

// check finds what the question lacks.
func (x *explainCommand) check() error {
	hint := "ratemill explain --account acme --date 2024-05-02 tells why acme paid what it paid on that billing date"
	switch {
	case x.Account == "":
		return &pipeline.UsageError{What: "missing --account: whose charges are to be explained", Hint: hint}
	case x.Date.Day == calendar.None:
		return &pipeline.UsageError{What: "missing --date: the billing date", Hint: hint}
	case x.Line < 0 || x.Line > 1<<30:
		return &pipeline.UsageError{What: fmt.Sprintf("--line %d: want a line number, from 1", x.Line)}
	case x.Rows < 0:
		return &pipeline.UsageError{What: fmt.Sprintf("--rows %d: want a number of rows, from 0", x.Rows)}
	}
	return nil
}

// open opens what the flags name, to be read. Exports that are gone for good
// are no exports: what they hold is missing. text is the catalog's.
func (x *explainCommand) open(c *console) (s *pipeline.Settings, text []string, closeAll func(), err error) {
	cat, err := c.loadCatalog(x.Catalog)
	if err != nil {
		return nil, nil, nil, err
	}
	if info, err := os.Stat(x.TempDir); x.TempDir != "" && (err != nil || !info.IsDir()) {
		return nil, nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--temp-dir %q: no such folder", x.TempDir)}
	}
	source, err := store.ReadFile(c.ctx, x.Catalog)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("catalog %s: %w", x.Catalog, err)
	}
	output, err := store.Open(c.ctx, x.Output)
	if err != nil {
		return nil, nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--output: %v", err)}
	}
	var exports *blob.Bucket
	if exports, err = store.Open(c.ctx, x.Exports); errors.Is(err, fs.ErrNotExist) {
		exports, err = store.Open(c.ctx, "mem://")
	}
	if err != nil {
		return nil, nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--exports: %v", errors.Join(err, output.Close()))}
	}
	s = &pipeline.Settings{
		Exports: exports, Output: output, Catalog: cat, Sources: c.config.sources, Lookups: c.config.lookups, Version: version(),
		Workers: int(x.Workers), Memory: int64(x.Memory), TempDir: x.TempDir, Log: c.log(),
	}
	return s, strings.Split(string(source), "\n"), func() { exports.Close(); output.Close() }, nil
}
