package main

import (
	"fmt"
	"strings"

	"ratemill/pipeline"
	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

type schemaTablesCommand struct {
	DuckDB duckDBCommand `cmd:"" name:"duckdb" help:"Print SQL that makes a DuckDB view of each table."`
	Athena athenaCommand `cmd:"" name:"athena" help:"Print DDL that makes an Athena table of each table, with partition projection."`
}

// Help is what ratemill schema --help says below the commands.
func (*schemaTablesCommand) Help() string {
	return `Prints SQL by which an analyst's tool finds the tables of an output under their names. docs/analysing.md has questions to ask them.

  ratemill schema duckdb --output out > views.sql     then, in DuckDB: .read views.sql
  ratemill schema athena --output s3://acme-billing/history --catalog catalog.yaml > athena.sql`
}

type duckDBCommand struct {
	Output string `help:"Folder or URL under which the billing history is kept." env:"RATEMILL_OUTPUT" required:"" placeholder:"URL"`
}

// Help is what ratemill schema duckdb --help says below the flags.
func (*duckDBCommand) Help() string {
	return `The views read the files of all nights, also of those to come. The folder is named as --output names it: start DuckDB where that path holds.

  ratemill schema duckdb --output out > views.sql
  duckdb -init views.sql -c "SELECT kind, sum(amount) FROM invoice_lines GROUP BY kind"`
}

func (d *duckDBCommand) Run(c *console) error {
	fmt.Fprint(c.stdout, writers.DuckDBViews(plainURL(d.Output)))
	return nil
}

type athenaCommand struct {
	Output  string `help:"s3://bucket/prefix under which the billing history is kept." env:"RATEMILL_OUTPUT" required:"" placeholder:"URL"`
	Catalog string `help:"Catalog file or URL, for the dimension columns of rated_usage." env:"RATEMILL_CATALOG" required:"" placeholder:"FILE"`
	From    date   `help:"First billing date; without it that of the history." placeholder:"YYYY-MM-DD"`
}

// Help is what ratemill schema athena --help says below the flags.
func (*athenaCommand) Help() string {
	return `Partitions are projected from the first billing date to today: no partition is ever added, no crawler is needed. Athena takes one statement at a time. When a catalog prices by a new dimension, make rated_usage anew.

  ratemill schema athena --output s3://acme-billing/history --catalog catalog.yaml
  ratemill schema athena --output s3://acme-billing/history --catalog catalog.yaml --from 2024-05-01`
}

func (a *athenaCommand) Run(c *console) error {
	if !strings.HasPrefix(a.Output, "s3://") {
		return &pipeline.UsageError{What: fmt.Sprintf("--output %s: Athena reads S3 alone", a.Output), Hint: "name the bucket to which the output goes: s3://bucket/prefix"}
	}
	cat, err := c.loadCatalog(a.Catalog)
	if err != nil {
		return err
	}
	from := a.From.Day
	if from == calendar.None {
		if from, err = firstNight(c, a.Output); err != nil {
			return err
		}
	}
	fmt.Fprint(c.stdout, writers.AthenaTables(plainURL(a.Output), from, pipeline.DimensionNames(cat)))
	return nil
}

// firstNight is the billing date on which a history starts.
func firstNight(c *console, location string) (calendar.Day, error) {
	output, err := store.Open(c.ctx, location)
	if err != nil {
		return 0, &pipeline.UsageError{What: fmt.Sprintf("--output: %v", err)}
	}
	defer output.Close()
	head, err := pipeline.Head(c.ctx, output)
	if err != nil {
		return 0, err
	}
	if head == nil {
		return 0, &pipeline.UsageError{What: fmt.Sprintf("nothing is published under %s", location), Hint: "say the first billing date with --from"}
	}
	return calendar.Parse(head.FirstNight)
}

// plainURL is a URL without what only ratemill asks of it: its region and the like.
func plainURL(location string) string {
	if before, _, found := strings.Cut(location, "?"); found && strings.Contains(before, "://") {
		return before
	}
	return location
}
