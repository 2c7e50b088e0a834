package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"ratemill/pipeline"
	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/readers"
)

type importPricesCommand struct {
	File      string    `arg:"" help:"Price sheet with a header: .csv or .tsv, also with .gz or .zst. Rows are counted from 1, the header is not."`
	Table     string    `help:"Name of the price table." required:"" placeholder:"NAME"`
	Rule      string    `help:"Rule of the billing policy that the table's prices follow." required:"" placeholder:"ID"`
	Constant  []pair    `help:"A column of the table with the same value in every row. Such columns come first." sep:"none" placeholder:"COLUMN=VALUE"`
	Match     []pair    `help:"A column of the table, and the column of the sheet whose cells stand in it." required:"" sep:"none" placeholder:"COLUMN=SHEET-COLUMN"`
	Each      string    `help:"Column of the sheet with the prices." xor:"price" required:"" placeholder:"SHEET-COLUMN"`
	Price     string    `help:"One price for all rows, of a sheet without prices." xor:"price" required:"" placeholder:"AMOUNT"`
	Per       int64     `help:"Prices of the sheet are for so many units." default:"1"`
	Default   string    `help:"Price of one unit for whatever no row of the sheet fits." placeholder:"AMOUNT"`
	Where     []pair    `help:"Take only rows with this in a column; of one column given several times, with one of these." sep:"none" placeholder:"SHEET-COLUMN=VALUE"`
	Empty     string    `help:"What an empty cell of a --match column means: refuse, or any value." enum:"refuse,any" default:"refuse"`
	SameOnce  bool      `help:"Take a key once that stands in several rows with one price."`
	Delimiter delimiter `help:"What stands between the cells: one character, or tab. Without it a comma, or a tab in .tsv." placeholder:"CHARACTER"`
	Out       string    `help:"File or URL to write; without it the table goes to standard output." placeholder:"FILE"`
}

// pair is name=value on the command line. Only the first = is special.
type pair struct{ name, value string }

func (p *pair) UnmarshalText(text []byte) error {
	name, value, found := strings.Cut(string(text), "=")
	if !found || name == "" {
		return fmt.Errorf("%q is not of the form NAME=VALUE", text)
	}
	p.name, p.value = name, value
	return nil
}

type delimiter string

func (d *delimiter) UnmarshalText(text []byte) error {
	switch *d = delimiter(text); {
	case *d == "tab", *d == `\t`:
		*d = "\t"
	case len(text) != 1 || text[0] >= 0x80 || strings.Contains("\"\r\n", string(text)):
		return fmt.Errorf("%q is not a delimiter (want one ASCII character that is no quote, or tab)", text)
	}
	return nil
}

// sheetError is a price sheet that makes no table.
type sheetError struct {
	*readers.FileError
	hint string
}

func (e *sheetError) Unwrap() error { return e.FileError }

func (k *importPricesCommand) Run(c *console) error {
	m := k.settings()
	if err := m.Check(); err != nil {
		return &pipeline.UsageError{What: err.Error()}
	}
	root, key, err := store.Split(k.File)
	if err != nil {
		return &pipeline.UsageError{What: fmt.Sprintf("price sheet: %v", err)}
	}
	sheet, err := k.read(c.ctx, root, key, m.SheetColumns())
	var file *readers.FileError
	if errors.As(err, &file) {
		return &sheetError{file, "nothing was written; mend or replace the sheet and import it again"}
	}
	if err != nil {
		return err
	}
	made, err := m.Make(sheet)
	var faults catalog.SheetErrors
	if errors.As(err, &faults) {
		return refusedSheet(key, faults)
	}
	if err != nil {
		return err
	}
	return k.write(c, made.Text(key), len(made.Table.Rows))
}

// settings are the flags as an import.
func (k *importPricesCommand) settings() *catalog.Import {
	m := &catalog.Import{
		Table: k.Table, Rule: catalog.RuleID(k.Rule), Each: k.Each, Price: k.Price, Per: k.Per, Default: k.Default,
		EmptyIsAny: k.Empty == "any", SameOnce: k.SameOnce,
	}
	for _, p := range k.Constant {
		m.Columns = append(m.Columns, catalog.ImportColumn{Name: p.name, Value: p.value})
	}
	for _, p := range k.Match {
		m.Columns = append(m.Columns, catalog.ImportColumn{Name: p.name, From: p.value})
	}
	for _, p := range k.Where {
		i := slices.IndexFunc(m.Where, func(w catalog.Where) bool { return w.Column == p.name })
		if i < 0 {
			i, m.Where = len(m.Where), append(m.Where, catalog.Where{Column: p.name})
		}
		m.Where[i].Values = append(m.Where[i].Values, p.value)
	}
	return m
}

// refusedSheet is the error for a sheet with mistakes, with what may be done
// about them short of mending the sheet.
func refusedSheet(key string, faults catalog.SheetErrors) error {
	hints := []string{"nothing was written; mend the sheet and import it again"}
	if faults.Has(catalog.EmptyKey) {
		hints = append(hints, "--empty any lets empty cells fit any value")
	}
	if faults.Has(catalog.Repeated) {
		hints = append(hints, "--same-once takes a key once that has one price")
	}
	what := faults.Error()
	if len(faults) > 1 {
		what = fmt.Sprintf("%d mistakes\n%s", len(faults), what)
	}
	return &sheetError{&readers.FileError{Key: key, What: what}, strings.Join(hints, "; ")}
}

// read reads some columns of the sheet, all cells as they are written.
func (k *importPricesCommand) read(ctx context.Context, root, key string, columns []string) (*catalog.Sheet, error) {
	bucket, err := store.Open(ctx, root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noSheet(k.File)
	}
	if err != nil {
		return nil, &pipeline.UsageError{What: fmt.Sprintf("price sheet: %v", err)}
	}
	defer bucket.Close()
	attributes, err := bucket.Attributes(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, noSheet(k.File)
	}
	if err != nil {
		return nil, fmt.Errorf("price sheet %s: %w", k.File, err)
	}
	file := readers.File{Key: key, Size: attributes.Size}
	if err := k.checkColumns(ctx, bucket, file, columns); err != nil {
		return nil, err
	}
	return k.readColumns(ctx, bucket, file, columns)
}

func noSheet(location string) error {
	return &pipeline.UsageError{What: fmt.Sprintf("price sheet %q: no such file", location)}
}

func (k *importPricesCommand) open(ctx context.Context, bucket *blob.Bucket, file readers.File, schema *readers.Schema) (*readers.Export, error) {
	m := &readers.Mapping{}
	if k.Delimiter != "" {
		m.Layout = readers.Layout{Format: readers.CSV, Delimiter: string(k.Delimiter)}
	}
	utc, err := calendar.LoadZone("UTC") // no cell is a time
	if err != nil {
		return nil, err
	}
	return readers.OpenMapped(ctx, bucket, file, schema, m, utc)
}

// checkColumns finds names that the sheet does not have: they are mistakes in
// the flags, which the sheet's own names help to mend.
func (k *importPricesCommand) checkColumns(ctx context.Context, bucket *blob.Bucket, file readers.File, columns []string) error {
	e, err := k.open(ctx, bucket, file, &readers.Schema{Source: "a price sheet"})
	if err != nil {
		return err
	}
	defer e.Close()
	there, err := e.Columns(ctx)
	if err != nil {
		return err
	}
	for _, name := range columns {
		if !slices.ContainsFunc(there, func(text string) bool { return isColumn(text, name) }) {
			return &pipeline.UsageError{
				What: fmt.Sprintf("%s has no column %q", file.Key, name),
				Hint: "its columns are " + strings.Join(there, ", "),
			}
		}
	}
	return nil
}

// isColumn tells whether a column of Export.Columns, which is written as a path,
// is the one of a name.
func isColumn(text, name string) bool {
	p, err := readers.ParsePath(text)
	return text == name || err == nil && p.Simple() && p.Steps[0].Name == name
}

func (k *importPricesCommand) readColumns(ctx context.Context, bucket *blob.Bucket, file readers.File, columns []string) (*catalog.Sheet, error) {
	schema := &readers.Schema{Source: "a price sheet"}
	for _, name := range columns {
		schema.Fields = append(schema.Fields, readers.Field{Name: name})
	}
	e, err := k.open(ctx, bucket, file, schema)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	sheet := &catalog.Sheet{Columns: columns}
	for split := range e.Splits() {
		err := e.Read(ctx, split, func(b *readers.Batch) error { return appendRows(sheet, b, file.Key) })
		if err != nil {
			return nil, err
		}
	}
	return sheet, nil
}

// appendRows appends a batch to the sheet.
func appendRows(sheet *catalog.Sheet, b *readers.Batch, key string) error {
	for row := range b.Len {
		cells := make([]string, len(b.Columns))
		for i := range b.Columns {
			c := &b.Columns[i]
			if bad, is := c.Bad[row]; is {
				what := fmt.Sprintf("row %d, column %q: %q is not UTF-8", b.FirstRow+int64(row), sheet.Columns[i], bad.Text)
				return &readers.FileError{Key: key, What: what}
			}
			if c.Index[row] != readers.Absent {
				cells[i] = c.Dict.Entries[c.Index[row]]
			}
		}
		sheet.Rows = append(sheet.Rows, cells)
	}
	return nil
}

func (k *importPricesCommand) write(c *console, text string, rows int) error {
	if k.Out == "" {
		_, err := fmt.Fprint(c.stdout, text)
		return err
	}
	root, key, err := store.Split(k.Out)
	if err != nil {
		return &pipeline.UsageError{What: fmt.Sprintf("--out: %v", err)}
	}
	bucket, err := store.Open(c.ctx, root)
	if err != nil {
		return &pipeline.UsageError{What: fmt.Sprintf("--out: %v", err)}
	}
	defer bucket.Close()
	if err := bucket.WriteAll(c.ctx, key, []byte(text), nil); err != nil {
		return fmt.Errorf("writing %s: %w", k.Out, err)
	}
	fmt.Fprintf(c.stdout, "wrote price table %s of %d rows to %s\n", k.Table, rows, k.Out)
	return nil
}
