package main

import (
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"

	"ratemill/fixtures/generate"
	"ratemill/pipeline"
	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
)

type generateCommand struct {
	Exports  string `help:"Folder or URL to write the exports under." env:"RATEMILL_EXPORTS" required:"" placeholder:"URL"`
	From     date   `help:"First day." placeholder:"YYYY-MM-DD"`
	To       date   `help:"Last day." placeholder:"YYYY-MM-DD"`
	Accounts int    `help:"Number of accounts." default:"2000"`
	Rows     int    `help:"Number of usage rows, about." default:"1000000"`
	Format   string `help:"Format of the exports." enum:"parquet,csv,ndjson,arrow" default:"parquet"`
	Compress string `help:"Compression of a text format." enum:"none,gzip,zstd" default:"none"`
	Seed     uint64 `help:"Another seed makes another company." default:"1"`
}

func (g *generateCommand) Run(c *console) error {
	s := generate.Demo()
	if g.From.Day != calendar.None {
		s.From = g.From.Day
	}
	if g.To.Day != calendar.None {
		s.To = g.To.Day
	}
	s.Accounts, s.Rows, s.Format, s.Seed = g.Accounts, g.Rows, generate.Format(g.Format), g.Seed
	s.Compression = map[string]generate.Compression{"gzip": generate.Gzip, "zstd": generate.Zstd}[g.Compress]
	if s.Compression != generate.Plain && s.Format != generate.CSV && s.Format != generate.NDJSON {
		return &pipeline.UsageError{What: fmt.Sprintf("--compress %s: %s is compressed inside; only text formats are from outside", g.Compress, g.Format)}
	}
	if g.Accounts < 1 || g.Rows < 0 {
		return &pipeline.UsageError{What: fmt.Sprintf("--accounts %d, --rows %d: want at least 1 account and no negative rows", g.Accounts, g.Rows)}
	}
	if s.To < s.From {
		return &pipeline.UsageError{What: fmt.Sprintf("--to %s is before --from %s", s.To, s.From)}
	}
	exports, err := store.Open(c.ctx, g.Exports, store.CreateRoot)
	if err != nil {
		return &pipeline.UsageError{What: fmt.Sprintf("--exports: %v", err)}
	}
	defer exports.Close()
	if err := mustBeEmpty(c, exports, g.Exports); err != nil {
		return err
	}
	sum, err := generate.Write(c.ctx, exports, s)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "wrote %d exports of %d days (%s to %s) to %s: %d accounts, %d sms, %d emails, %d contact counts, %d seat changes, %d account events, %d payments, %d postcard mailings\n",
		sum.Files, sum.Days, s.From, s.To, g.Exports, sum.Accounts, sum.SMS.Rows, sum.Emails.Rows, sum.Contacts, sum.Seats, sum.AccountEvents, sum.Payments, sum.Postcards)
	return nil
}

// mustBeEmpty refuses a place that holds anything: samples among real exports
// would be billed.
func mustBeEmpty(c *console, exports *blob.Bucket, location string) error {
	first, err := exports.List(nil).Next(c.ctx)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fmt.Errorf("listing %s: %w", location, err)
	}
	return &pipeline.UsageError{
		What: fmt.Sprintf("%s is not empty: it holds %s", location, first.Key),
		Hint: "sample exports go to a place of their own; name another with --exports",
	}
}
