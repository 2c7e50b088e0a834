package main

import (
	"fmt"

	"ratemill/pipeline"
	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
)

type verifyCommand struct {
	historyFlags
	From date `help:"Read the files of entries from this billing date on; the links of the chain are checked all the same." placeholder:"YYYY-MM-DD"`
	To   date `help:"Read the files of entries up to this billing date." placeholder:"YYYY-MM-DD"`
}

// historyFlags are what commands take that read a billing history.
type historyFlags struct {
	Output  string  `help:"Folder or URL (s3://bucket/prefix) under which the billing history is kept." env:"RATEMILL_OUTPUT" required:"" placeholder:"URL"`
	Workers workers `help:"Entries are read on so many processors; 0: all." env:"RATEMILL_WORKERS" default:"0"`
	Memory  size    `help:"Memory to work in; about a quarter of it holds rows before they are spilled to disk." env:"RATEMILL_MEMORY" default:"1GiB"`
	TempDir string  `help:"Folder for spilled rows; without it the system's." env:"RATEMILL_TEMP_DIR" placeholder:"DIR"`
}

// Help is what ratemill verify --help says below the flags.
func (*verifyCommand) Help() string {
	return `Reads everything that is published and proves it from the files alone, without exports and catalog: every file is the one that was published, the entries are one chain, and the figures add up within an entry, from entry to entry and over the whole history. It writes nothing.

  ratemill verify --output out
  ratemill verify --output s3://acme-billing/history --from 2024-05-01 --to 2024-05-31

Each break is one line on stdout, sorted by entry, file and row:

  figures, entry 3, invoices/billing_date=2024-05-03/entry-00000003.parquet, row 5, account acme, invoice in_0a1b: total is 11.00, the lines make 10.00

Exit codes: 0 proven, 5 figures that do not add up, 6 a file that is damaged, missing or of nobody (5 where there are both), 64 there is no history, 75 temporary, 1 anything else. docs/verify.md says what is proven and what to do about a break.`
}

func (v *verifyCommand) Run(c *console) error {
	if v.From.Day != calendar.None && v.To.Day != calendar.None && v.To.Day < v.From.Day {
		return &pipeline.UsageError{What: fmt.Sprintf("--to %s is before --from %s", v.To.Day, v.From.Day)}
	}
	s, closeAll, err := v.open(c, v.Output)
	if err != nil {
		return err
	}
	defer closeAll()
	began := c.now()
	proof, err := pipeline.Prove(c.ctx, s, v.From.Day, v.To.Day)
	if err != nil {
		return err
	}
	for _, b := range proof.Breaks {
		fmt.Fprintln(c.stdout, b)
	}
	for _, note := range proof.Notes {
		fmt.Fprintln(c.stdout, "note:", note)
	}
	verdict := "proven"
	if proof.Err() != nil {
		verdict = "not proven"
	}
	fmt.Fprintf(c.stdout, "%s: %s; %s, %d rows, %.1f MB; %.2f s\n", verdict, provenEntries(proof), number(int(proof.Files), "file"), proof.Rows,
		float64(proof.Bytes)/1e6, c.now().Sub(began).Seconds())
	return proof.Err()
}

// provenEntries says which entries were read.
func provenEntries(p *pipeline.Proof) string {
	if p.First == nil {
		return fmt.Sprintf("no entry of these days, the links of %d", p.Entries)
	}
	span := fmt.Sprintf("entries %d to %d (%s to %s)", p.First.Entry, p.Last.Entry, p.First.BillingDate, p.Last.BillingDate)
	if p.First == p.Last {
		span = fmt.Sprintf("entry %d (%s)", p.First.Entry, p.First.BillingDate)
	}
	if p.Proven < p.Entries {
		span += fmt.Sprintf(", the links of %d", p.Entries)
	}
	return span
}

// open opens a history to be read. The returned function closes it again.
func (f *historyFlags) open(c *console, location string) (*pipeline.Settings, func(), error) {
	output, err := store.Open(c.ctx, location)
	if err != nil {
		return nil, nil, &pipeline.UsageError{What: fmt.Sprintf("%s: %v", location, err)}
	}
	s := &pipeline.Settings{Output: output, Workers: int(f.Workers), Memory: int64(f.Memory), TempDir: f.TempDir, Log: c.log()}
	return s, func() { output.Close() }, nil
}
