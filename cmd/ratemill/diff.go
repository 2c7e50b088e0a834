package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"

	"ratemill/pipeline"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

type diffCommand struct {
	A       string  `arg:"" help:"Output (folder or URL), or one entry of it: out@12."`
	B       string  `arg:"" help:"The output, or entry, that it is compared with."`
	From    date    `help:"Compare entries from this billing date on." placeholder:"YYYY-MM-DD"`
	To      date    `help:"Compare entries up to this billing date." placeholder:"YYYY-MM-DD"`
	Limit   int     `help:"So many of the largest differences are printed; 0: none." default:"20"`
	Parquet string  `help:"Write every difference to this file, which must not exist yet." placeholder:"FILE"`
	Workers workers `help:"Entries are read on so many processors; 0: all." env:"RATEMILL_WORKERS" default:"0"`
	Memory  size    `help:"Memory to compare in; a quarter of it holds figures before they are spilled to disk." env:"RATEMILL_MEMORY" default:"1GiB"`
	TempDir string  `help:"Folder for spilled figures; without it the system's." env:"RATEMILL_TEMP_DIR" placeholder:"DIR"`
}

// Help is what ratemill diff --help says below the flags.
func (*diffCommand) Help() string {
	return `Compares two outputs, or two entries, by account and kind: amounts of lines, totals of invoices, charges and refunds, and what balances close with. A difference is B − A.

  ratemill diff out simulated                     all entries of both
  ratemill diff out simulated --from 2024-05-01 --to 2024-05-31
  ratemill diff out@12 out@15                     two entries of one output
  ratemill diff out@12 s3://acme/other@12 --parquet differences.parquet

Exit codes: 0 the figures are the same (files may still differ in bytes, which is said), 3 they differ, 6 a table is damaged, 64 wrong usage, 75 temporary, 1 anything else. docs/verify.md has the columns of the Parquet file.`
}

func (d *diffCommand) Run(c *console) (err error) {
	if d.Limit < 0 {
		return &pipeline.UsageError{What: fmt.Sprintf("--limit %d: want a number from 0", d.Limit)}
	}
	a, s, closeA, err := d.side(c, d.A)
	if err != nil {
		return err
	}
	defer closeA()
	b, _, closeB, err := d.side(c, d.B)
	if err != nil {
		return err
	}
	defer closeB()
	write, end, err := d.table()
	if err != nil {
		return err
	}
	result, err := pipeline.Compare(c.ctx, s, a, b, d.Limit, write)
	if err = end(err); err != nil {
		return err
	}
	d.print(c.stdout, result)
	if result.Count > 0 {
		c.code = pipeline.ExitLook
	}
	return nil
}

// entrySuffix is an entry behind a location. A folder's name may have an @, but
// hardly one with nothing but digits behind it; ./name@1/ names such a folder.
var entrySuffix = regexp.MustCompile(`^(.+)@([0-9]{1,9})$`)

// side opens one of the two outputs.
func (d *diffCommand) side(c *console, location string) (pipeline.Side, *pipeline.Settings, func(), error) {
	side := pipeline.Side{From: d.From.Day, To: d.To.Day}
	if m := entrySuffix.FindStringSubmatch(location); m != nil {
		location = m[1]
		side.Entry, _ = strconv.ParseInt(m[2], 10, 64) // nine digits
		switch {
		case side.Entry == 0:
			return side, nil, nil, &pipeline.UsageError{What: "entries are numbered from 1"}
		case d.From.Day != calendar.None || d.To.Day != calendar.None:
			return side, nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--from and --to choose entries by day, and %s@%d is one entry", location, side.Entry)}
		}
	}
	flags := historyFlags{Workers: d.Workers, Memory: d.Memory, TempDir: d.TempDir}
	s, closeAll, err := flags.open(c, location)
	if err != nil {
		return side, nil, nil, err
	}
	side.Output = s.Output
	return side, s, closeAll, nil
}

// table begins the Parquet file, if one is asked for. end makes it whole, or
// takes it away after an error.
func (d *diffCommand) table() (write func([]writers.Difference) error, end func(error) error, err error) {
	if d.Parquet == "" {
		return func([]writers.Difference) error { return nil }, func(err error) error { return err }, nil
	}
	if _, err := os.Stat(d.Parquet); err == nil {
		return nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--parquet %s: the file is there already", d.Parquet)}
	}
	f, err := os.CreateTemp(filepath.Dir(d.Parquet), ".ratemill-diff-")
	if err != nil {
		return nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--parquet: %v", err)}
	}
	t, err := writers.NewTable[writers.Difference](f, writers.DifferencesTable)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return t.Write, func(err error) error {
		if err == nil {
			err = t.Close()
		}
		if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
			err = os.Rename(f.Name(), d.Parquet)
		}
		if err != nil {
			os.Remove(f.Name())
		}
		return err
	}, nil
}

// print says what differs: all accounts together, then the largest differences,
// then files.
func (d *diffCommand) print(out io.Writer, r *pipeline.Comparison) {
	for i, location := range []string{d.A, d.B} {
		fmt.Fprintf(out, "%c: %s: %s\n", 'A'+rune(i), location, entriesText(r.Entries[i]))
	}
	if r.Count == 0 {
		fmt.Fprintln(out, "\nno figure differs")
	} else {
		fmt.Fprintf(out, "\n%s of accounts; all accounts together:\n\n", number(int(r.Count), "difference"))
		printDifferences(out, "kind\titem\tcurrency\trows A\trows B\tA\tB\tB − A\t", r.Sums, func(x *writers.Difference) string { return x.Kind + "\t" + x.Item })
	}
	if len(r.Largest) > 0 {
		fmt.Fprintf(out, "\nthe largest:\n\n")
		printDifferences(out, "account\tkind\titem\tcurrency\trows A\trows B\tA\tB\tB − A\t", r.Largest, func(x *writers.Difference) string { return x.AccountID + "\t" + x.Kind + "\t" + x.Item })
		if more := r.Count - int64(len(r.Largest)); more > 0 {
			fmt.Fprintf(out, "and %d more (--limit, --parquet)\n", more)
		}
	}
	printBytes(out, r.Bytes)
}

func printDifferences(out io.Writer, head string, rows []writers.Difference, name func(*writers.Difference) string) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, head)
	for i := range rows {
		x := &rows[i]
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t\n", name(x), x.Currency, x.RowsA, x.RowsB, figureText(x.A), figureText(x.B), figureText(x.Difference))
	}
	w.Flush()
}

// figureText is a figure with two decimals, or as many as it has.
func figureText(v int64) string {
	d := decimal.RequireFromString(writers.FromMoney(v).String())
	return d.StringFixed(max(2, -d.Exponent()))
}

func printBytes(out io.Writer, all []pipeline.BytesDifference) {
	if len(all) == 0 {
		fmt.Fprintln(out, "\nall files are the same byte for byte")
		return
	}
	fmt.Fprintln(out, "\nfiles that are not the same byte for byte:")
	for _, b := range all {
		var what []string
		for _, n := range []struct {
			count int
			text  string
		}{{b.Other, "differ"}, {b.OnlyA, "only in A"}, {b.OnlyB, "only in B"}, {b.Same, "the same"}} {
			if n.count > 0 {
				what = append(what, fmt.Sprintf("%d %s", n.count, n.text))
			}
		}
		figures := ""
		if b.FiguresCompared && !b.FiguresDifferent {
			figures = " (with the same figures)"
		}
		fmt.Fprintf(out, "  %s: %s%s\n", b.Name, strings.Join(what, ", "), figures)
	}
}

func entriesText(entries []*pipeline.Entry) string {
	switch len(entries) {
	case 0:
		return "no entry of these days"
	case 1:
		return fmt.Sprintf("entry %d (%s, %s)", entries[0].Entry, entries[0].Kind, entries[0].BillingDate)
	}
	first, last := entries[0], entries[len(entries)-1]
	return fmt.Sprintf("entries %d to %d (%s to %s)", first.Entry, last.Entry, first.BillingDate, last.BillingDate)
}
