package pipeline

import (
	"context"
	"math/big"
	"strconv"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// tableSum is a sum of DECIMAL(18,4) values, of any size, with the rows behind it.
type tableSum struct {
	rows  int64
	units big.Int
}

func (x *tableSum) add(v int64, by *big.Int) {
	x.rows++
	x.units.Add(&x.units, by.SetInt64(v))
}

func (x *tableSum) addSum(o *tableSum) {
	x.rows += o.rows
	x.units.Add(&x.units, &o.units)
}

// decimal is the sum, with no more decimals than it has.
func (x *tableSum) decimal() decimal.Decimal { return decimal.NewFromBigInt(&x.units, -4) }

// sumName is what a sum of an entry is called.
type sumName struct{ of, name, currency string }

// Sums of an entry, by what they are of.
const (
	ofKinds     = "kinds"     // lines by kind
	ofPlans     = "plans"     // documents by plan
	ofDocuments = "documents" // by kind
	ofTest      = "test"      // documents of test accounts
	ofApplied   = "applied"   // balances used for documents
	ofDue       = "due"
	ofAttempts  = "attempts" // payments by status
	ofReasons   = "reasons"  // open payments by reason
	ofAges      = "ages"     // open payments by class of age
	ofBalances  = "balances" // what they close with; currency is the unit where there is one
)

// usageSum is usage of a meter in an entry.
type usageSum struct {
	rows             int64
	quantity, amount decimal.Decimal
}

// rejectSum are rows of a reason in an entry.
type rejectSum struct{ refused, writtenOff, recycled, waiting int64 }

// entrySums are the sums of an entry's tables.
type entrySums struct {
	entry  *Entry
	now    bool // of the span, not of the one before
	last   bool // of its span
	worker int

	sums    map[sumName]*tableSum
	usage   map[[2]string]*usageSum // by meter and currency
	rejects map[string]*rejectSum
	failed  map[string]int64 // accounts with open payments, by currency
	by      big.Int
}

func (x *entrySums) add(of, name, currency string, v int64) {
	at := sumName{of, name, currency}
	s := x.sums[at]
	if s == nil {
		s = &tableSum{}
		x.sums[at] = s
	}
	s.add(v, &x.by)
}

// tables reads the tables of both spans.
func (r *reporting) tables(ctx context.Context) error {
	for i, e := range r.now {
		r.sums = append(r.sums, &entrySums{entry: e, now: true, last: i == len(r.now)-1})
	}
	for _, e := range r.before {
		r.sums = append(r.sums, &entrySums{entry: e})
	}
	return each(ctx, r.workers(), len(r.sums), func(ctx context.Context, worker, i int) error {
		x := r.sums[i]
		x.worker = worker
		x.sums, x.usage, x.rejects, x.failed = map[sumName]*tableSum{}, map[[2]string]*usageSum{}, map[string]*rejectSum{}, map[string]int64{}
		return r.readEntry(ctx, x)
	})
}

func (r *reporting) readEntry(ctx context.Context, x *entrySums) error {
	if err := entryRows(ctx, r.Output, x.entry, writers.InvoicesTable, func(v *writers.Invoice) error { return r.invoice(x, v) }); err != nil {
		return err
	}
	lines := &documentOfLines{x: x, to: r.accounts}
	if err := entryRows(ctx, r.Output, x.entry, writers.InvoiceLinesTable, lines.line); err != nil {
		return err
	}
	if err := lines.end(); err != nil {
		return err
	}
	if err := entryRows(ctx, r.Output, x.entry, writers.RatedUsageTable, x.rated); err != nil {
		return err
	}
	if err := entryRows(ctx, r.Output, x.entry, writers.RejectsTable, x.reject); err != nil || !x.now {
		return err
	}
	if err := entryRows(ctx, r.Output, x.entry, writers.PaymentHistoryTable, x.attempt); err != nil || !x.last {
		return err
	}
	if err := entryRows(ctx, r.Output, x.entry, writers.HeldTable, x.waits); err != nil {
		return err
	}
	account := ""
	if err := entryRows(ctx, r.Output, x.entry, writers.FailedPaymentsTable, func(v *writers.PaymentAttempt) error {
		if v.AccountID != account {
			account = v.AccountID
			x.failed[v.Currency]++
		}
		return x.open(v)
	}); err != nil {
		return err
	}
	return entryRows(ctx, r.Output, x.entry, writers.BalancesTable, x.balance)
}

// entryRows calls row with each row of a table of an entry.
func entryRows[T any](ctx context.Context, output *blob.Bucket, e *Entry, spec writers.Spec, row func(*T) error) error {
	file, err := outputOf(e, spec.Name)
	if err != nil {
		return &HistoryError{runKey(e.Entry), err}
	}
	at := &object{ctx: ctx, bucket: output, key: file.Key, size: file.Size}
	var failed error // ours, not of the file
	err = writers.Rows(at, file.Size, func(rows []T) error {
		for i := range rows {
			if failed = row(&rows[i]); failed != nil {
				return failed
			}
		}
		return ctx.Err()
	})
	if err != nil && failed == nil && ctx.Err() == nil && !unread(err) {
		return &HistoryError{file.Key, err}
	}
	return err
}

func (r *reporting) invoice(x *entrySums, v *writers.Invoice) error {
	x.add(ofPlans, v.Plan, v.Currency, v.Total)
	x.add(ofDocuments, v.Kind, v.Currency, v.Total)
	x.add(ofApplied, "", v.Currency, v.CreditsApplied)
	x.add(ofDue, "", v.Currency, v.AmountDue)
	if v.Test {
		x.add(ofTest, "", v.Currency, v.Total)
	}
	side := 0
	if x.now {
		side = 1
	}
	return r.accounts.add(x.worker, &figure{account: v.AccountID, name: figureName{totalFigure, "", v.Currency}, side: side, rows: 1, amount: v.Total})
}

// documentOfLines takes the lines of one document after the other: what a
// minimum adds stands beside the usage of its meter.
type documentOfLines struct {
	x       *entrySums
	to      *accountFigures
	id      string
	account string
	usage   map[minimumOf]*tableSum
	minimum []minimumOf
	added   []int64
}

type minimumOf struct{ meter, currency string }

// Figures of minimums by account, as accountFigures keeps them.
const (
	minimumAdded = "minimum_added"
	minimumUsage = "minimum_usage"
)

func (d *documentOfLines) line(l *writers.InvoiceLine) error {
	if l.InvoiceID != d.id {
		if err := d.end(); err != nil {
			return err
		}
		d.id, d.account = l.InvoiceID, l.AccountID
	}
	d.x.add(ofKinds, l.Kind, l.Currency, l.Amount)
	if l.CorrectsInvoiceID != "" { // a difference, not a charge
		return nil
	}
	at := minimumOf{l.Meter, l.Currency}
	switch l.Kind {
	case "usage", "overage":
		if d.usage == nil {
			d.usage = map[minimumOf]*tableSum{}
		}
		if d.usage[at] == nil {
			d.usage[at] = &tableSum{}
		}
		d.usage[at].add(l.Amount, &d.x.by)
	case "minimum":
		d.minimum, d.added = append(d.minimum, at), append(d.added, l.Amount)
	}
	return nil
}

// end hands over what the minimums of a document added, and to how much usage.
// Of several on one meter the first has the usage.
func (d *documentOfLines) end() error {
	for i, at := range d.minimum {
		if !d.x.now {
			break
		}
		if err := d.to.add(d.x.worker, &figure{account: d.account, name: figureName{minimumAdded, at.meter, at.currency}, rows: 1, amount: d.added[i]}); err != nil {
			return err
		}
		used := d.usage[at]
		if used == nil {
			continue
		}
		delete(d.usage, at)
		if err := d.to.add(d.x.worker, &figure{account: d.account, name: figureName{minimumUsage, at.meter, at.currency}, amount: used.units.Int64()}); err != nil {
			return err
		}
	}
	d.minimum, d.added = d.minimum[:0], d.added[:0]
	clear(d.usage)
	return nil
}

func (x *entrySums) rated(u *writers.RatedUsage) error {
	at := [2]string{u.Meter, u.Currency}
	s := x.usage[at]
	if s == nil {
		s = &usageSum{}
		x.usage[at] = s
	}
	s.rows += u.Rows
	s.quantity = s.quantity.Add(writers.FromWide(u.Quantity))
	s.amount = s.amount.Add(writers.FromWide(u.Amount))
	return nil
}

func (x *entrySums) rejectsOf(reason string) *rejectSum {
	s := x.rejects[reason]
	if s == nil {
		s = &rejectSum{}
		x.rejects[reason] = s
	}
	return s
}

// reject counts rows in the night in which something became of them. A row
// that waits is listed in its first night alone; held has all that wait.
func (x *entrySums) reject(j *writers.Reject) error {
	switch {
	case j.Status == "recycled":
		x.rejectsOf(j.Reason).recycled += j.Rows
	case j.Status == "written_off":
		x.rejectsOf(j.Reason).writtenOff += j.Rows
	case !j.Retryable:
		x.rejectsOf(j.Reason).refused += j.Rows
	}
	return nil
}

func (x *entrySums) waits(h *writers.Held) error {
	if h.Reason != notYetDue {
		x.rejectsOf(h.Reason).waiting += h.Rows
	}
	return nil
}

func (x *entrySums) attempt(p *writers.PaymentAttempt) error {
	x.add(ofAttempts, p.Status, p.Currency, p.Amount)
	return nil
}

func (x *entrySums) open(p *writers.PaymentAttempt) error {
	x.add(ofReasons, p.Reason, p.Currency, p.Amount)
	x.add(ofAges, strconv.Itoa(ageOf(calendar.Day(p.InvoicedOn), x.entry.Day)), p.Currency, p.Amount)
	return nil
}

func (x *entrySums) balance(b *writers.BalanceMovement) error {
	if b.Closing != 0 {
		x.add(ofBalances, b.Balance, moneyOrUnit(b.Currency, b.Unit), b.Closing)
	}
	return nil
}

// moneyOrUnit names what a balance counts: no currency begins with a space.
func moneyOrUnit(currency, unit string) string {
	if unit != "" {
		return " " + unit
	}
	return currency
}
