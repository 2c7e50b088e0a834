package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"ratemill/rating/calendar"
	"ratemill/readers"
	"ratemill/writers"
)

// All tables but event_ids are in one order, that of (SHA-256 of the account,
// account): so an entry is read account by account, each table once, from
// its beginning to its end.

// accountPlace is an account's place in that order.
type accountPlace struct {
	hash uint64
	id   string
}

func compareKeys(a, b accountPlace) int {
	return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.id, b.id))
}

// provenRows are one account's rows of an entry.
type provenRows struct {
	key accountPlace

	rated     provenTable[writers.RatedUsage]
	lines     provenTable[writers.InvoiceLine]
	invoices  provenTable[writers.Invoice]
	charges   provenTable[writers.Charge]
	refunds   provenTable[writers.Refund]
	balances  provenTable[writers.BalanceMovement]
	changes   provenTable[writers.PlanChange]
	history   provenTable[writers.PaymentAttempt]
	failed    provenTable[writers.PaymentAttempt]
	rejects   provenTable[writers.Reject]
	parked    provenTable[writers.ParkedAccount]
	state     provenTable[writers.State]
	held      provenTable[writers.Held]
	opening   provenTable[writers.BalanceMovement] // balances of the entry before
	hadBefore provenTable[string]                  // the account itself, of the state before
}

// provenTable are an account's rows of one table.
type provenTable[T any] struct {
	file  string // key
	first int64  // number of the first row in the file, from 1
	rows  []T
}

// tableCursor walks through a table account by account.
type tableCursor interface {
	peek() (key accountPlace, more bool, err error)
	take(key accountPlace) error // the rows of an account, none if it is not next
	close()
}

// tableReader walks through a table of rows of type T. What it takes goes into.
type tableReader[T any] struct {
	next    func() ([]T, error, bool)
	stop    func()
	account func(*T) string
	into    *provenTable[T]

	rows []T
	at   int
	read int64 // rows of the file up to rows[at]
	key  accountPlace
	is   bool // key is that of rows[at]
}

// A disorder is a table that is not in the order of accounts.
type disorder struct {
	file string
	row  int64
	what string
}

func (d *disorder) Error() string { return d.what }

// unreadable is a table whose checksum is right and that is no such table.
type unreadable struct {
	file string
	err  error
}

func (u *unreadable) Error() string { return fmt.Sprintf("%s: %v", u.file, u.err) }
func (u *unreadable) Unwrap() error { return u.err }

// newCursor begins to read a table of an entry.
func newCursor[T any](ctx context.Context, p *prover, e *proven, spec writers.Spec, into *provenTable[T], account func(*T) string) (tableCursor, error) {
	file, err := outputOf(e.entry, spec.Name)
	if err != nil {
		return nil, err
	}
	into.file = file.Key
	at := e.at(ctx, p.Output, file)
	return pullCursor(into, account, func(yield func([]T) error) error { return writers.Rows(at, file.Size, yield) }), nil
}

func pullCursor[T any](into *provenTable[T], account func(*T) string, read func(yield func([]T) error) error) tableCursor {
	next, stop := iter.Pull2(func(yield func([]T, error) bool) {
		err := read(func(rows []T) error {
			if !yield(rows, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, err)
		}
	})
	return &tableReader[T]{next: next, stop: stop, account: account, into: into}
}

func (c *tableReader[T]) close() { c.stop() }

func (c *tableReader[T]) peek() (accountPlace, bool, error) {
	for c.at == len(c.rows) {
		rows, err, more := c.next()
		if err != nil {
			return c.key, false, &unreadable{c.into.file, err}
		}
		if !more {
			return c.key, false, nil
		}
		c.rows, c.at, c.is = rows, 0, false
	}
	if !c.is {
		key, before := accountPlace{id: c.account(&c.rows[c.at])}, c.key
		if key.hash = before.hash; key.id != before.id || c.read == 0 {
			key.hash = accountHash(key.id)
		}
		if c.read > 0 && compareKeys(key, before) < 0 {
			return key, false, &disorder{c.into.file, c.read + 1, fmt.Sprintf("account %s stands behind %s: the table is not in the order of accounts", key.id, before.id)}
		}
		c.key, c.is = key, true
	}
	return c.key, true, nil
}

func (c *tableReader[T]) take(key accountPlace) error {
	c.into.rows, c.into.first = c.into.rows[:0], c.read+1
	for {
		k, more, err := c.peek()
		if err != nil {
			return err
		}
		if !more || k != key {
			return nil
		}
		end := c.at + 1
		for end < len(c.rows) && c.account(&c.rows[end]) == key.id {
			end++
		}
		c.into.rows = append(c.into.rows, c.rows[c.at:end]...)
		c.read += int64(end - c.at)
		c.at, c.is = end, false
	}
}

// accountMerge is an entry's tables on their way through the accounts.
type accountMerge struct {
	cursors []tableCursor
	rows    provenRows

	pays        []*payProof
	chargeFiles []*writers.ChargeFile
	refundFiles []*writers.RefundFile
}

func (m *accountMerge) close() {
	for _, c := range m.cursors {
		c.close()
	}
}

// openMerge begins to read the tables of an entry, and what its rows go on
// from of the entry before.
func (p *prover) openMerge(ctx context.Context, e *proven) (*accountMerge, error) {
	m := &accountMerge{}
	r := &m.rows
	var errs []error
	add := func(c tableCursor, err error) {
		if err != nil {
			errs = append(errs, err)
			return
		}
		m.cursors = append(m.cursors, c)
	}
	add(newCursor(ctx, p, e, writers.RatedUsageTable, &r.rated, func(x *writers.RatedUsage) string { return x.AccountID }))
	add(newCursor(ctx, p, e, writers.InvoiceLinesTable, &r.lines, func(x *writers.InvoiceLine) string { return x.AccountID }))
	add(newCursor(ctx, p, e, writers.InvoicesTable, &r.invoices, func(x *writers.Invoice) string { return x.AccountID }))
	add(newCursor(ctx, p, e, writers.ChargesTable, &r.charges, func(x *writers.Charge) string { return x.AccountID }))
	add(newCursor(ctx, p, e, writers.RefundsTable, &r.refunds, func(x *writers.Refund) string { return x.AccountID }))
	add(newCursor(ctx, p, e, writers.BalancesTable, &r.balances, balanceAccount))
	add(newCursor(ctx, p, e, writers.PlanChangesTable, &r.changes, func(x *writers.PlanChange) string { return x.AccountID }))
	add(newCursor(ctx, p, e, writers.PaymentHistoryTable, &r.history, func(x *writers.PaymentAttempt) string { return x.AccountID }))
	add(newCursor(ctx, p, e, writers.FailedPaymentsTable, &r.failed, func(x *writers.PaymentAttempt) string { return x.AccountID }))
	add(newCursor(ctx, p, e, writers.RejectsTable, &r.rejects, func(x *writers.Reject) string { return x.AccountID }))
	add(newCursor(ctx, p, e, writers.ParkedAccountsTable, &r.parked, func(x *writers.ParkedAccount) string { return x.AccountID }))
	add(newCursor(ctx, p, e, writers.StateTable, &r.state, func(x *writers.State) string { return x.AccountID }))
	add(newCursor(ctx, p, e, writers.HeldTable, &r.held, func(x *writers.Held) string { return x.AccountID }))
	if p.linked(e) {
		add(newCursor(ctx, p, e.before, writers.BalancesTable, &r.opening, balanceAccount))
		add(p.accountsBefore(ctx, e, &r.hadBefore))
	}
	return m, errors.Join(errs...)
}

func balanceAccount(x *writers.BalanceMovement) string { return x.AccountID }

// linked tells whether the tables of the entry before can be read.
func (p *prover) linked(e *proven) bool {
	before := e.entryBefore()
	if before == nil {
		return false
	}
	for _, t := range []writers.Spec{writers.BalancesTable, writers.StateTable} {
		f, err := outputOf(before, t.Name)
		if err != nil || e.before.bad[f.Key] {
			return false
		}
		if size, there := p.sizes[f.Key]; !there || size != f.Size { // it was not hashed
			return false
		}
	}
	return true
}

// accountsBefore walks through the accounts of the state before, of which
// nothing but their ids is read.
func (p *prover) accountsBefore(ctx context.Context, e *proven, into *provenTable[string]) (tableCursor, error) {
	file, err := outputOf(e.before.entry, writers.StateTable.Name)
	if err != nil {
		return nil, err
	}
	into.file = file.Key
	read := func(yield func([]string) error) error {
		export, err := readers.Open(ctx, p.Output, file.Key, file.Size, &stateSchema, calendar.Zone{})
		if err != nil {
			return err
		}
		defer export.Close()
		for split := range export.Splits() {
			err := export.Read(ctx, split, func(b *readers.Batch) error {
				ids := make([]string, b.Len)
				for row := range ids {
					ids[row] = textAt(&b.Columns[0], row)
				}
				return yield(ids)
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	return pullCursor(into, func(id *string) string { return *id }, read), nil
}

// accounts goes through an entry account by account.
func (m *accountMerge) accounts(do func(*provenRows) error) error {
	for {
		var least accountPlace
		found := false
		for _, c := range m.cursors {
			key, more, err := c.peek()
			if err != nil {
				return err
			}
			if more && (!found || compareKeys(key, least) < 0) {
				least, found = key, true
			}
		}
		if !found {
			return nil
		}
		m.rows.key = least
		for _, c := range m.cursors {
			if err := c.take(least); err != nil {
				return err
			}
		}
		if err := do(&m.rows); err != nil {
			return err
		}
	}
}
