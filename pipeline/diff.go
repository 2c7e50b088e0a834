package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// Side is one of two outputs that are compared: all entries of a history, or
// those of a span of days, or one.
type Side struct {
	Output   *blob.Bucket
	Entry    int64        // the only entry; 0: all of the span
	From, To calendar.Day // of billing dates; calendar.None: no bound
}

// Comparison is what Compare found.
type Comparison struct {
	Entries [2][]*Entry          // that were compared, of A and of B
	Sums    []writers.Difference // over all accounts, also where nothing differs, by kind, item and currency; AccountID is empty
	Largest []writers.Difference // of accounts, by size, then account, kind, item and currency
	Count   int64                // of all differences of accounts
	Bytes   []BytesDifference    // tables with files that differ in bytes, or that one side alone has
}

// BytesDifference is a table, or a file for the payment processor, whose files
// are not the same byte for byte.
type BytesDifference struct {
	Name             string
	Same, Other      int // files that are the same and that are not, of one place in the two histories
	OnlyA, OnlyB     int // files that one side alone has
	FiguresCompared  bool
	FiguresDifferent bool
}

// Compare holds two outputs against each other, by account: the amounts of
// lines by kind, the totals of documents and payments, and what balances close
// with after the last of the entries. each is called with every difference of
// an account, in the order of accounts; limit is how many of the largest are
// returned. Files are taken as they are: Prove proves them. Rows beyond the
// settings' memory are spilled to its TempDir.
func Compare(ctx context.Context, s *Settings, a, b Side, limit int, yield func([]writers.Difference) error) (*Comparison, error) {
	c := &comparison{Settings: s, limit: limit, yield: yield, result: &Comparison{}, sums: map[figureName]*writers.Difference{}, differ: map[string]bool{}}
	for i, side := range []Side{a, b} {
		entries, err := entriesOfSide(ctx, side)
		if err != nil {
			return nil, err
		}
		c.outputs[i], c.result.Entries[i] = side.Output, entries
	}
	if err := c.readAll(ctx); err != nil {
		return nil, err
	}
	defer c.close()
	for part := range historyParts {
		if err := c.part(part); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(c.sums), compareNames) {
		c.result.Sums = append(c.result.Sums, *c.sums[name])
	}
	c.compareBytes()
	return c.result, nil
}

// entriesOfSide are the entries of a side, in the order of the chain.
func entriesOfSide(ctx context.Context, s Side) ([]*Entry, error) {
	if s.Entry > 0 {
		e, err := ReadEntry(ctx, s.Output, s.Entry)
		if missing(err) {
			return nil, &UsageError{What: fmt.Sprintf("there is no entry %d", s.Entry), Hint: "runs/ has a folder for each entry"}
		}
		return []*Entry{e}, err
	}
	head, err := Head(ctx, s.Output)
	if err != nil {
		return nil, err
	}
	if head == nil {
		return nil, &UsageError{What: "there is no billing history under the output", Hint: "a history has a folder runs/ with an entry for each night"}
	}
	var entries []*Entry
	for n := int64(1); n <= head.Entry; n++ {
		e, err := ReadEntry(ctx, s.Output, n)
		if err != nil {
			return nil, err
		}
		if (s.From == calendar.None || e.Day >= s.From) && (s.To == calendar.None || e.Day <= s.To) {
			e.Inputs, e.Consumed = nil, nil // long lists that nothing here needs
			e.Totals.Files = nil
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// comparison is a Comparison in the making.
type comparison struct {
	*Settings
	outputs [2]*blob.Bucket
	limit   int
	yield   func([]writers.Difference) error
	result  *Comparison
	spills  spills
	sums    map[figureName]*writers.Difference
	differ  map[string]bool // tables with other figures
}

// figureName is what a figure of an account is called.
type figureName struct{ kind, item, currency string }

func compareNames(a, b figureName) int {
	return cmp.Or(cmp.Compare(kindRank[a.kind], kindRank[b.kind]), cmp.Compare(a.item, b.item), cmp.Compare(a.currency, b.currency))
}

// Kinds of figures, in the order in which they are shown.
const (
	lineFigure    = "line"
	totalFigure   = "total"
	balanceFigure = "balance"
)

var kindRank = map[string]int{lineFigure: 0, totalFigure: 1, balanceFigure: 2}

func (c *comparison) close() {
	for _, s := range c.spills {
		s.close()
	}
}

// figure is a figure of an account, as an entry of one side has it.
type figure struct {
	account string
	name    figureName
	side    int
	rows    int64
	amount  int64
}

// readAll reads the tables of all entries and spills their figures by account.
func (c *comparison) readAll(ctx context.Context) error {
	memory := c.Settings.Memory
	if memory <= 0 {
		memory = defaultMemory
	}
	for range c.workers() {
		c.spills = append(c.spills, newSpill(historyParts, memory/4/int64(c.workers()), c.TempDir))
	}
	type job struct {
		side int
		e    *Entry
	}
	var jobs []job
	for side, entries := range c.result.Entries {
		for _, e := range entries {
			jobs = append(jobs, job{side, e})
		}
	}
	return each(ctx, c.workers(), len(jobs), func(ctx context.Context, worker, i int) error {
		j := jobs[i]
		entries := c.result.Entries[j.side]
		return c.readEntry(ctx, worker, j.side, j.e, j.e == entries[len(entries)-1])
	})
}

// figureRow is a row of a table as a figure, and of which table.
func readFigures[T any](ctx context.Context, c *comparison, worker, side int, e *Entry, spec writers.Spec, of func(row *T, add func(account string, name figureName, amount int64))) error {
	file, err := outputOf(e, spec.Name)
	if err != nil {
		return err
	}
	at := &object{ctx: ctx, bucket: c.outputs[side], key: file.Key, size: file.Size}
	sums := map[figureName]*figure{} // of one account
	account := ""
	flush := func() error {
		for _, name := range slices.SortedFunc(maps.Keys(sums), compareNames) {
			if err := c.spills[worker].add(figurePart(account), sums[name].encode()); err != nil {
				return err
			}
		}
		clear(sums)
		return nil
	}
	err = writers.Rows(at, file.Size, func(rows []T) error {
		for i := range rows {
			var failed error
			of(&rows[i], func(id string, name figureName, amount int64) {
				if id != account {
					failed = flush()
					account = id
				}
				f := sums[name]
				if f == nil {
					f = &figure{account: id, name: name, side: side}
					sums[name] = f
				}
				f.rows++
				if failed == nil {
					f.amount, failed = addExactly(f.amount, amount)
				}
			})
			if failed != nil {
				return failed
			}
		}
		return ctx.Err()
	})
	if err == nil {
		err = flush()
	}
	if err != nil && ctx.Err() == nil && !unread(err) {
		return &HistoryError{file.Key, err}
	}
	return err
}

// figurePart is the part of an account: its first bits in the order of
// accounts, so that parts come in that order.
func figurePart(account string) int { return int(accountHash(account) >> 58) } // of 64: historyParts

func (c *comparison) readEntry(ctx context.Context, worker, side int, e *Entry, last bool) error {
	total := func(item, currency string) figureName { return figureName{totalFigure, item, currency} }
	type adder = func(string, figureName, int64)
	if err := readFigures(ctx, c, worker, side, e, writers.InvoiceLinesTable, func(l *writers.InvoiceLine, add adder) {
		add(l.AccountID, figureName{lineFigure, l.Kind, l.Currency}, l.Amount)
	}); err != nil {
		return err
	}
	if err := readFigures(ctx, c, worker, side, e, writers.InvoicesTable, func(v *writers.Invoice, add adder) {
		add(v.AccountID, total("invoices", v.Currency), v.Total)
		add(v.AccountID, total("credits_applied", v.Currency), v.CreditsApplied)
		add(v.AccountID, total("amount_due", v.Currency), v.AmountDue)
	}); err != nil {
		return err
	}
	if err := readFigures(ctx, c, worker, side, e, writers.ChargesTable, func(v *writers.Charge, add adder) {
		add(v.AccountID, total("charges", v.Currency), v.Amount)
	}); err != nil {
		return err
	}
	if err := readFigures(ctx, c, worker, side, e, writers.RefundsTable, func(v *writers.Refund, add adder) {
		add(v.AccountID, total("refunds", v.Currency), v.Amount)
	}); err != nil || !last {
		return err
	}
	return readFigures(ctx, c, worker, side, e, writers.BalancesTable, func(b *writers.BalanceMovement, add adder) {
		add(b.AccountID, figureName{balanceFigure, b.Balance, b.Currency + b.Unit}, b.Closing)
	})
}

func addExactly(a, b int64) (int64, error) {
	sum := a + b
	if b > 0 && sum < a || b < 0 && sum > a || sum == math.MinInt64 {
		return 0, fmt.Errorf("a sum does not fit DECIMAL(18,4)")
	}
	return sum, nil
}

func (f *figure) encode() []byte {
	b := []byte{byte(f.side)}
	b = binary.AppendVarint(binary.AppendVarint(b, f.rows), f.amount)
	for _, text := range []string{f.account, f.name.kind, f.name.item, f.name.currency} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	return b
}

func readFigure(in *bytes.Reader) figure {
	side, _ := in.ReadByte() // written by us, as all that follows
	f := figure{side: int(side)}
	f.rows, _ = binary.ReadVarint(in)
	f.amount, _ = binary.ReadVarint(in)
	for _, into := range []*string{&f.account, &f.name.kind, &f.name.item, &f.name.currency} {
		n, _ := binary.ReadUvarint(in)
		text := make([]byte, n)
		io.ReadFull(in, text)
		*into = string(text)
	}
	return f
}

// part compares the accounts of one part.
func (c *comparison) part(part int) error {
	text, err := c.spills.read(nil, part)
	c.spills.drop(part)
	if err != nil {
		return err
	}
	var all []figure
	for in := bytes.NewReader(text); in.Len() > 0; {
		all = append(all, readFigure(in))
	}
	slices.SortFunc(all, func(a, b figure) int {
		if a.account != b.account {
			return cmp.Or(cmp.Compare(accountHash(a.account), accountHash(b.account)), cmp.Compare(a.account, b.account))
		}
		return cmp.Or(compareNames(a.name, b.name), cmp.Compare(a.side, b.side))
	})
	var found []writers.Difference
	for i := 0; i < len(all); {
		d := writers.Difference{AccountID: all[i].account, Kind: all[i].name.kind, Item: all[i].name.item, Currency: all[i].name.currency}
		first := &all[i]
		for ; i < len(all) && all[i].account == first.account && all[i].name == first.name; i++ {
			amount, rows := &d.A, &d.RowsA
			if all[i].side == 1 {
				amount, rows = &d.B, &d.RowsB
			}
			*rows += all[i].rows
			if *amount, err = addExactly(*amount, all[i].amount); err != nil {
				return fmt.Errorf("account %s, %s: %w", first.account, first.name.item, err)
			}
		}
		if d.Difference, err = addExactly(d.B, -d.A); err != nil {
			return fmt.Errorf("account %s, %s: %w", first.account, first.name.item, err)
		}
		if err := c.sum(first.name, &d); err != nil {
			return err
		}
		if d.Difference != 0 || d.RowsA != d.RowsB && d.Kind != balanceFigure {
			found = append(found, d)
		}
	}
	c.keepLargest(found)
	c.result.Count += int64(len(found))
	return c.yield(found)
}

// sum adds a figure of an account up over all accounts.
func (c *comparison) sum(name figureName, d *writers.Difference) error {
	s := c.sums[name]
	if s == nil {
		s = &writers.Difference{Kind: name.kind, Item: name.item, Currency: name.currency}
		c.sums[name] = s
	}
	var err error
	for _, v := range []struct {
		into *int64
		add  int64
	}{{&s.A, d.A}, {&s.B, d.B}, {&s.Difference, d.Difference}} {
		if *v.into, err = addExactly(*v.into, v.add); err != nil {
			return fmt.Errorf("all accounts, %s: %w", name.item, err)
		}
	}
	s.RowsA, s.RowsB = s.RowsA+d.RowsA, s.RowsB+d.RowsB
	if d.Difference != 0 || d.RowsA != d.RowsB && d.Kind != balanceFigure {
		c.differ[tableOf(name)] = true
	}
	return nil
}

// tableOf is the table that a figure comes from.
func tableOf(name figureName) string {
	switch {
	case name.kind == lineFigure:
		return writers.InvoiceLinesTable.Name
	case name.kind == balanceFigure:
		return writers.BalancesTable.Name
	case name.item == "charges" || name.item == "refunds":
		return name.item
	}
	return writers.InvoicesTable.Name
}

// keepLargest keeps the largest differences so far.
func (c *comparison) keepLargest(found []writers.Difference) {
	all := append(c.result.Largest, found...)
	slices.SortFunc(all, func(a, b writers.Difference) int {
		return cmp.Or(cmp.Compare(abs(b.Difference), abs(a.Difference)), cmp.Compare(a.AccountID, b.AccountID),
			compareNames(figureName{a.Kind, a.Item, a.Currency}, figureName{b.Kind, b.Item, b.Currency}))
	})
	c.result.Largest = slices.Clone(all[:min(len(all), c.limit)])
}

func abs(v int64) int64 { return max(v, -v) }

// compareBytes holds the files of the two sides against each other by their
// digests: the first entry of the one with the first of the other, and so on.
func (c *comparison) compareBytes() {
	names := map[string]*BytesDifference{}
	of := func(e *Entry, name string) *BytesDifference {
		d := names[name]
		if d == nil {
			compared := slices.Contains([]string{"invoice_lines", "invoices", "charges", "refunds", "balances"}, name)
			d = &BytesDifference{Name: name, FiguresCompared: compared, FiguresDifferent: c.differ[name]}
			names[name] = d
		}
		return d
	}
	a, b := c.result.Entries[0], c.result.Entries[1]
	for i := range max(len(a), len(b)) {
		digests := [2]map[string]string{{}, {}}
		for side, entries := range [][]*Entry{a, b} {
			if i >= len(entries) {
				continue
			}
			for _, f := range entries[i].Outputs {
				digests[side][fileName(f.Key)] = f.SHA256
				of(entries[i], fileName(f.Key))
			}
		}
		for name, d := range names {
			is, there := digests[0][name]
			other, too := digests[1][name]
			switch {
			case there && too && is == other:
				d.Same++
			case there && too:
				d.Other++
			case there:
				d.OnlyA++
			case too:
				d.OnlyB++
			}
		}
	}
	for _, name := range sortedKeys(names) {
		if d := names[name]; d.Other+d.OnlyA+d.OnlyB > 0 {
			c.result.Bytes = append(c.result.Bytes, *d)
		}
	}
}

// fileName is what files of several entries have in common: the table, or the
// name of a file for the payment processor.
func fileName(key string) string {
	if rest, is := strings.CutPrefix(key, chargeFolder); is {
		return chargeFolder + rest[strings.LastIndexByte(rest, '/')+1:]
	}
	table, _, _ := strings.Cut(key, "/")
	return table
}
