package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"gocloud.dev/blob"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/money"
	"ratemill/writers"
)

// side is one of the two that a rerate compares: what was issued, or what the
// shadow issued.
type side struct {
	lines    cursors[writers.InvoiceLine]
	invoices cursors[writers.Invoice]
	refunds  cursors[writers.Refund]
	history  cursors[writers.PaymentAttempt]
	balances cursors[writers.BalanceMovement]
	rated    cursors[writers.RatedUsage]
	state    cursors[writers.State] // of the last entry, as those that follow
	held     cursors[writers.Held]
	parked   cursors[writers.ParkedAccount]
}

func (n *rerateEntry) openSide(ctx context.Context, b *blob.Bucket, entries []*Entry) (s *side, err error) {
	s = &side{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	last := entries[len(entries)-1:]
	errs := make([]error, 9)
	s.lines, errs[0] = openCursors(ctx, b, entries, writers.InvoiceLinesTable, func(r *writers.InvoiceLine) string { return r.AccountID })
	s.invoices, errs[1] = openCursors(ctx, b, entries, writers.InvoicesTable, func(r *writers.Invoice) string { return r.AccountID })
	s.refunds, errs[2] = openCursors(ctx, b, entries, writers.RefundsTable, func(r *writers.Refund) string { return r.AccountID })
	s.history, errs[3] = openCursors(ctx, b, entries, writers.PaymentHistoryTable, func(r *writers.PaymentAttempt) string { return r.AccountID })
	s.balances, errs[4] = openCursors(ctx, b, entries, writers.BalancesTable, func(r *writers.BalanceMovement) string { return r.AccountID })
	s.rated, errs[5] = n.openRated(ctx, b, entries)
	s.state, errs[6] = openCursors(ctx, b, last, writers.StateTable, func(r *writers.State) string { return r.AccountID })
	s.held, errs[7] = openCursors(ctx, b, last, writers.HeldTable, func(r *writers.Held) string { return r.AccountID })
	s.parked, errs[8] = openCursors(ctx, b, last, writers.ParkedAccountsTable, func(r *writers.ParkedAccount) string { return r.AccountID })
	return s, errors.Join(errs...)
}

func (s *side) close() {
	s.lines.close()
	s.invoices.close()
	s.refunds.close()
	s.history.close()
	s.balances.close()
	s.rated.close()
	s.state.close()
	s.held.close()
	s.parked.close()
}

// first is the first account that the side has rows of.
func (s *side) first(least accountKey, found bool) (accountKey, bool) {
	least, found = s.lines.first(least, found)
	least, found = s.invoices.first(least, found)
	least, found = s.refunds.first(least, found)
	least, found = s.history.first(least, found)
	least, found = s.balances.first(least, found)
	least, found = s.rated.first(least, found)
	least, found = s.state.first(least, found)
	least, found = s.held.first(least, found)
	return s.parked.first(least, found)
}

// taken is what a side has of one account.
type taken struct {
	rating.Span
	rated    []writers.RatedUsage
	held     []writers.Held
	parked   []writers.ParkedAccount
	invoices []writers.Invoice
}

// take takes an account's rows.
func (s *side) take(of accountKey) (*taken, error) {
	t := &taken{}
	t.Account.ID = rating.AccountID(of.id)
	errs := make([]error, 9)
	var states []writers.State
	var lines []writers.InvoiceLine
	var refunds []writers.Refund
	var history []writers.PaymentAttempt
	var balances []writers.BalanceMovement
	t.rated, errs[0] = s.rated.take(of)
	t.held, errs[1] = s.held.take(of)
	t.parked, errs[2] = s.parked.take(of)
	t.invoices, errs[3] = s.invoices.take(of)
	lines, errs[4] = s.lines.take(of)
	refunds, errs[5] = s.refunds.take(of)
	history, errs[6] = s.history.take(of)
	balances, errs[7] = s.balances.take(of)
	states, errs[8] = s.state.take(of)
	err := errors.Join(errs...)
	for i := range states {
		if err == nil {
			t.Account, err = accountOf(&states[i])
		}
	}
	if err == nil {
		err = t.addMoney(refunds, history, balances)
	}
	if err == nil {
		err = t.addLines(lines)
	}
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", of.id, err)
	}
	return t, nil
}

func (t *taken) addMoney(refunds []writers.Refund, history []writers.PaymentAttempt, balances []writers.BalanceMovement) error {
	var errs []error
	add := func(to *money.Amount, cents int64, code string) {
		a, err := amountOf(cents, code, "")
		errs = append(errs, err)
		if to.Currency().Code != "" && a.Currency() != to.Currency() {
			errs = append(errs, fmt.Errorf("amounts in %s and %s", to.Currency().Code, code))
			return
		}
		*to = to.Add(a)
	}
	for i := range t.invoices {
		add(&t.Due, t.invoices[i].AmountDue, t.invoices[i].Currency)
	}
	for i := range refunds {
		add(&t.Refunded, refunds[i].Amount, refunds[i].Currency)
	}
	for i := range history {
		if history[i].Status == string(rating.Credited) {
			add(&t.Settled, history[i].Amount, history[i].Currency)
		}
	}
	for i := range balances {
		b := &balances[i]
		at := slices.IndexFunc(t.Moved, func(m rating.Movement) bool { return m.Balance == b.Balance })
		if at < 0 {
			at = len(t.Moved)
			t.Moved = append(t.Moved, rating.Movement{Balance: b.Balance})
		}
		m := &t.Moved[at]
		used, errUsed := amountOf(b.Used, b.Currency, b.Unit)
		lapsed, errLapsed := amountOf(b.Lapsed, b.Currency, b.Unit)
		errs = append(errs, errUsed, errLapsed)
		m.Used, m.Lapsed = m.Used.Add(used), m.Lapsed.Add(lapsed)
	}
	return errors.Join(errs...)
}

// amountOf reads an amount of a table back.
func amountOf(cents int64, code, unit string) (money.Amount, error) {
	if unit != "" {
		return money.New(writers.FromMoney(cents), money.Currency{Code: unit})
	}
	currency, err := money.LookupCurrency(code)
	if err != nil {
		return money.Amount{}, err
	}
	return money.New(writers.FromMoney(cents), currency)
}

// addLines reads lines back, with the day of their documents.
func (t *taken) addLines(rows []writers.InvoiceLine) error {
	on := map[string]int32{}
	for i := range t.invoices {
		on[t.invoices[i].InvoiceID] = t.invoices[i].IssuedOn
	}
	for i := range rows {
		r := &rows[i]
		amount, err := amountOf(r.Amount, r.Currency, "")
		if err != nil {
			return err
		}
		l := rating.IssuedLine{On: calendar.Day(on[r.InvoiceID]), At: rating.LineRef{InvoiceID: r.InvoiceID, Number: int(r.LineNo)},
			Corrects: rating.LineRef{InvoiceID: r.CorrectsInvoiceID, Number: int(r.CorrectsLineNo)}}
		l.Line = rating.Line{
			Kind: rating.LineKind(r.Kind), Rule: rating.RuleID(r.Rule), Description: r.Description, Meter: r.Meter, Amount: amount,
			PeriodStart: calendar.Day(r.PeriodStart), ServiceDate: calendar.Day(r.ServiceDate), Late: r.Late, Calculation: r.Calculation, CatalogLine: int(r.CatalogLine),
		}
		if r.PeriodEnd != 0 {
			l.PeriodEnd = calendar.Day(r.PeriodEnd) + 1
		}
		t.Lines = append(t.Lines, l)
	}
	return nil
}

// corrected is what a rerate publishes of one account.
type corrected struct {
	tables
	note *RerateNote
	same bool // state and rows put aside are what they were
}

// walk compares account by account, in the order of the tables.
func (n *rerateEntry) walk(ctx context.Context, yield func(*corrected) error) error {
	issued, err := n.openSide(ctx, n.rerate.output, n.rerate.issued)
	if err != nil {
		return err
	}
	defer issued.close()
	should, err := n.openSide(ctx, n.rerate.shadow, n.rerate.nights)
	if err != nil {
		return err
	}
	defer should.close()
	for {
		next, found := issued.first(accountKey{}, false)
		if next, found = should.first(next, found); !found {
			return nil
		}
		was, err := issued.take(next)
		if err != nil {
			return err
		}
		is, err := should.take(next)
		if err != nil {
			return fmt.Errorf("folded again: %w", err)
		}
		c, err := n.compare(was, is)
		if err != nil {
			return err
		}
		if err := yield(c); err != nil {
			return err
		}
	}
}

// compare makes an account's note and state.
func (n *rerateEntry) compare(was, is *taken) (*corrected, error) {
	id := string(was.Account.ID)
	if reason := cannotCompare(was, is); reason != "" {
		return nil, &RerateError{Account: id, What: reason}
	}
	o, reason := rating.Correct(n.Catalog.Name, n.day, n.plan.Entry, &was.Span, &is.Span)
	if reason != "" {
		return nil, &RerateError{Account: id, What: reason}
	}
	c := &corrected{}
	if broken := rating.CheckCorrection(&was.Span, &o); len(broken) > 0 {
		return nil, &RerateError{Account: id, What: broken[0], Defect: true}
	}
	f := fitter{n: n.night}
	n.noteRows(c, &f, &o)
	f.state(&o.Account)
	for _, m := range o.Movements {
		c.balances = append(c.balances, f.balanceRow(&o.Account, m))
	}
	if len(f.misfits) > 0 {
		return nil, &RerateError{Account: id, What: f.misfits[0]}
	}
	c.failed = openRows(&o.Account)
	c.rated = n.ratedDifference(was.rated, is.rated)
	c.parked = is.parked
	c.held = n.heldAfter(was, is)
	c.noteOpen(&was.Account, &o.Account)
	if o.Account.Kept() {
		c.state = []writers.State{stateRow(&o.Account)}
	}
	c.same = sameState(&was.Account, &o.Account) && sameHeld(was.held, c.held)
	return c, nil
}

// cannotCompare tells why an account cannot be corrected: it is parked in the
// shadow on a day that has been billed.
func cannotCompare(was, is *taken) string {
	if len(is.parked) == 0 || !was.Account.Exists() || is.Account.Exists() && is.Account.BilledThrough >= was.Account.BilledThrough {
		return ""
	}
	return fmt.Sprintf("it was billed through %s, and cannot be billed again from %s on: %s", was.Account.BilledThrough, calendar.Day(is.parked[0].Since), is.parked[0].Reason)
}

// noteRows are the rows of an account's note.
func (n *rerateEntry) noteRows(c *corrected, f *fitter, o *rating.Correction) {
	note := o.Note
	if note == nil {
		return
	}
	kind := debitNote
	if note.Credit {
		kind = creditNote
	}
	f.invoiceRows(&c.documents, &note.Invoice, &o.Account, kind)
	for i, ref := range note.Corrects {
		c.lines[i].CorrectsInvoiceID, c.lines[i].CorrectsLineNo = ref.InvoiceID, int32(ref.Number)
	}
	if u := o.Uncollected; u != nil {
		c.uncollected = append(c.uncollected, f.uncollectedRow(&o.Account, u))
	}
	c.note = &RerateNote{c.invoices[0], c.lines}
}

// heldAfter are an account's rows that wait: those of the shadow, but for
// results of payments, which are no part of it.
func (n *rerateEntry) heldAfter(was, is *taken) []writers.Held {
	var rows []writers.Held
	for _, h := range is.held {
		if h.Source != paymentsSource {
			rows = append(rows, h)
		}
	}
	from := int32(n.day) // of rows that waited for a parked account, the days that are still to be billed
	for _, p := range is.parked {
		from = p.Since
	}
	for _, h := range was.held {
		if h.Source != paymentsSource {
			continue
		}
		if h.Reason == parked {
			h.BillingDay = max(h.BillingDay, from)
		}
		rows = append(rows, h)
	}
	slices.SortFunc(rows, compareHeldRows)
	return rows
}

func sameHeld(x, y []writers.Held) bool {
	x = slices.Clone(x)
	slices.SortFunc(x, compareHeldRows)
	return slices.Equal(x, y)
}

// sameState tells whether two states are the same but for the lines of the
// catalog file that prices stand on: a longer file is no correction.
func sameState(was, is *rating.Account) bool {
	if !was.Kept() || !is.Kept() {
		return was.Kept() == is.Kept()
	}
	x, y := stateRow(was), stateRow(is)
	for _, s := range []*writers.State{&x, &y} {
		for _, list := range []*[]string{&s.Flags, &s.Offers, &s.ActiveUsers} {
			if len(*list) == 0 {
				*list = nil
			}
		}
		for i := range s.Base {
			s.Base[i].CatalogLine = 0
		}
		for i := range s.Waiting {
			s.Waiting[i].CatalogLine = 0
		}
		for i := range s.Due {
			s.Due[i].CatalogLine = 0
		}
	}
	return reflect.DeepEqual(x, y)
}

// RerateError is an account that cannot be corrected. Nothing was published.
type RerateError struct {
	Account, What string
	Defect        bool // the correction fails its own checks: no export and no catalog is to blame
}

func (e *RerateError) Error() string {
	return fmt.Sprintf("account %s cannot be rerated, nothing is published: %s", e.Account, e.What)
}
