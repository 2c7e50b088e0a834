package writers

import (
	"fmt"
	"strings"
)

// dictionaryHead is what holds for every table.
const dictionaryHead = `# Data dictionary

Written from ` + "`writers/rows.go` and `writers/spec.go`" + ` by ` + "`go test ./writers -rewrite`" + `: change it there.

Every table is a folder under the output root, with a folder for each billing date:
` + "`<table>/billing_date=YYYY-MM-DD/*.parquet`" + `. Every night writes every table, empty ones too, and a
column has the same type every day. A billing date is whole once its ` + "`runs/…/run.json`" + ` exists.

- Read all days of a table in DuckDB:
  ` + "`SELECT * FROM read_parquet('<root>/invoices/billing_date=*/*.parquet', hive_partitioning = true)`" + `.
  The partition ` + "`billing_date`" + ` (DATE) comes with every row; it is not in the list of columns.
- Money is DECIMAL(18,4) in the major unit of the row's currency: sums of it are exact.
  Quantities, unit prices and amounts before rounding are DECIMAL(38,18).
- Dates are calendar days of the catalog's time zone; times are UTC.
- A file is what one entry of the history wrote, and its name tells the entry. A rerate is an entry of its own,
  dated the first day that was not billed yet, so that day has files of two entries. Their documents, usage and
  movements add up. ` + "`state`" + `, ` + "`held`" + `, ` + "`failed_payments`" + ` and ` + "`parked_accounts`" + ` say how things stand after an entry,
  of which the last one of a day is wanted:
  ` + "`SELECT * FROM read_parquet('<root>/state/billing_date=*/*.parquet', filename = true) WHERE filename IN\n  (SELECT max(file) FROM glob('<root>/state/billing_date=*/*.parquet') GROUP BY parse_dirpath(file))`" + `.
- Files are Parquet with zstd. DECIMAL(38,18) and BLOB columns have no statistics to prune by.
- Each file holds this description of itself in its metadata, under ` + "`ratemill.table` and `ratemill.columns`" + `.
- ` + "`a.b`" + ` is the field ` + "`b`" + ` of each element of the list ` + "`a`" + `.

`

// Dictionary is docs/data-dictionary.md.
func Dictionary() string {
	var b strings.Builder
	b.WriteString(dictionaryHead)
	b.WriteString("| table | what a row is |\n| --- | --- |\n")
	for _, spec := range Tables {
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", spec.Name, spec.Name, spec.Doc)
	}
	for _, spec := range Tables {
		b.WriteByte('\n')
		spec.describe(&b)
	}
	return b.String()
}

func (s Spec) describe(b *strings.Builder) {
	fmt.Fprintf(b, "## %s\n\n%s\n\n", s.Name, s.Doc)
	b.WriteString("| column | type | null | meaning |\n| --- | --- | --- | --- |\n")
	for _, c := range s.columns() {
		null := "no"
		if c.Null {
			null = "yes"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", c.Name, c.Type, null, cell(c.Doc))
	}
	if s.Name == RatedUsageTable.Name {
		b.WriteString("| *dimensions* | VARCHAR | yes | one column for each dimension that the catalog prices by, such as carrier, in the order of their names (by_unit_price for one that is called as a column above); null where the row's meter has no such dimension |\n")
	}
	if len(s.joins) > 0 {
		b.WriteString("\nJoins:\n\n")
	}
	for _, j := range s.joins {
		fmt.Fprintf(b, "- `%s.%s = %s.%s`\n", s.Name, j.Column, j.Table, j.Other)
	}
}

// cell is text that does not end a cell of a Markdown table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
