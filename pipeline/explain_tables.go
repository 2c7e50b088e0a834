package pipeline

import (
	"context"
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/readers"
	"ratemill/writers"
)

// accountTables are one account's rows of an entry.
type accountTables struct {
	rated      []writers.RatedUsage
	dimensions []string // columns of rated
	lines      []writers.InvoiceLine
	invoices   []writers.Invoice
	refunds    []writers.Refund
	balances   []writers.BalanceMovement
	changes    []writers.PlanChange
	history    []writers.PaymentAttempt
	rejects    []writers.Reject
	parked     []writers.ParkedAccount
	state      *writers.State
	held       []writers.Held
	whole      bool // all tables are read, not only those that tell of usage
}

// any tells whether the entry has anything of the account.
func (t *accountTables) any() bool {
	return t.state != nil || len(t.rated)+len(t.lines)+len(t.invoices)+len(t.refunds)+len(t.balances)+len(t.changes)+len(t.history)+
		len(t.rejects)+len(t.parked)+len(t.held) > 0
}

// tables reads the account's rows of the tables of an entry that tell of its
// usage, once.
func (x *explainer) tables(ctx context.Context, e *Entry) (*accountTables, error) {
	if t := x.kept[e.Entry]; t != nil {
		return t, nil
	}
	t := &accountTables{}
	err := x.readAll(ctx,
		func(ctx context.Context) (err error) { t.rated, t.dimensions, err = x.ratedBy(ctx, e); return err },
		tableInto(x, e, &t.rejects, writers.RejectsTable, func(r *writers.Reject) string { return r.AccountID }),
		tableInto(x, e, &t.held, writers.HeldTable, func(r *writers.Held) string { return r.AccountID }),
	)
	if err == nil {
		x.kept[e.Entry] = t
	}
	return t, err
}

// allTables reads the account's rows of all tables of an entry, once.
func (x *explainer) allTables(ctx context.Context, e *Entry) (*accountTables, error) {
	t, err := x.tables(ctx, e)
	if err != nil || t.whole {
		return t, err
	}
	t.whole = true
	attempt := func(r *writers.PaymentAttempt) string { return r.AccountID }
	var state []writers.State
	err = x.readAll(ctx,
		tableInto(x, e, &t.lines, writers.InvoiceLinesTable, func(r *writers.InvoiceLine) string { return r.AccountID }),
		tableInto(x, e, &t.invoices, writers.InvoicesTable, func(r *writers.Invoice) string { return r.AccountID }),
		tableInto(x, e, &t.refunds, writers.RefundsTable, func(r *writers.Refund) string { return r.AccountID }),
		tableInto(x, e, &t.balances, writers.BalancesTable, func(r *writers.BalanceMovement) string { return r.AccountID }),
		tableInto(x, e, &t.changes, writers.PlanChangesTable, func(r *writers.PlanChange) string { return r.AccountID }),
		tableInto(x, e, &t.history, writers.PaymentHistoryTable, attempt),
		tableInto(x, e, &t.parked, writers.ParkedAccountsTable, func(r *writers.ParkedAccount) string { return r.AccountID }),
		tableInto(x, e, &state, writers.StateTable, func(r *writers.State) string { return r.AccountID }),
	)
	if len(state) > 0 {
		t.state = &state[0]
	}
	return t, err
}

// readAll reads tables at once.
func (x *explainer) readAll(ctx context.Context, reads ...func(ctx context.Context) error) error {
	return each(ctx, x.requests(), len(reads), func(ctx context.Context, _, i int) error { return reads[i](ctx) })
}

// tableInto reads the account's rows of a table.
func tableInto[T any](x *explainer, e *Entry, into *[]T, spec writers.Spec, account func(*T) string) func(ctx context.Context) error {
	return func(ctx context.Context) (err error) {
		*into, err = accountRowsOf(ctx, x, e, spec, account)
		return err
	}
}

// accountRowsOf are the account's rows of a table, which is in the order of accounts.
func accountRowsOf[T any](ctx context.Context, x *explainer, e *Entry, spec writers.Spec, account func(*T) string) ([]T, error) {
	of := accountKeyOf(x.Account)
	c, err := openCursor(ctx, x.Output, e, spec, account)
	if c != nil {
		defer c.close()
	}
	if err != nil {
		return nil, damaged(ctx, e, spec, err)
	}
	for {
		next, more := c.peek()
		if !more || next.compare(of) > 0 {
			return nil, nil
		}
		rows, err := c.take(next)
		if err != nil {
			return nil, damaged(ctx, e, spec, err)
		}
		if next == of {
			return rows, nil
		}
	}
}

// damaged says of an error which file of the history it is about.
func damaged(ctx context.Context, e *Entry, spec writers.Spec, err error) error {
	if ctx.Err() != nil || unread(err) {
		return err
	}
	return &HistoryError{tableKey(spec.Name, e.Day, e.Entry), err}
}

func (x *explainer) ratedBy(ctx context.Context, e *Entry) ([]writers.RatedUsage, []string, error) {
	rows, err := accountRowsOf(ctx, x, e, writers.RatedUsageTable, func(r *writers.RatedUsage) string { return r.AccountID })
	if err != nil {
		return nil, nil, err
	}
	names, err := dimensionsOf(ctx, x.Output, e)
	return rows, names, err
}

func (x *explainer) invoicesOf(ctx context.Context, e *Entry) ([]writers.Invoice, error) {
	return accountRowsOf(ctx, x, e, writers.InvoicesTable, func(r *writers.Invoice) string { return r.AccountID })
}

func (x *explainer) historyOf(ctx context.Context, e *Entry) ([]writers.PaymentAttempt, error) {
	return accountRowsOf(ctx, x, e, writers.PaymentHistoryTable, func(r *writers.PaymentAttempt) string { return r.AccountID })
}

// inState tells whether the account is in the state after an entry. It reads
// nothing but the accounts' names.
func (x *explainer) inState(ctx context.Context, e *Entry) (found bool, err error) {
	file, err := outputOf(e, writers.StateTable.Name)
	if err != nil {
		return false, err
	}
	export, err := readers.Open(ctx, x.Output, file.Key, file.Size, &stateSchema, x.Settings.Catalog.Zone)
	if err != nil {
		return false, damaged(ctx, e, writers.StateTable, err)
	}
	defer export.Close()
	for split := range export.Splits() {
		err := export.Read(ctx, split, func(b *readers.Batch) error {
			for row := range b.Len {
				found = found || textAt(&b.Columns[0], row) == x.Account
			}
			return nil
		})
		if err != nil {
			return false, damaged(ctx, e, writers.StateTable, err)
		}
	}
	return found, nil
}

// dateOf is a date, empty where there is none.
func dateOf(day int32) string { return calendar.Day(day).String() }

func documentOf(v *writers.Invoice) *ExplainedDocument {
	return &ExplainedDocument{
		InvoiceID: v.InvoiceID, Number: v.Number, Kind: v.Kind, Plan: v.Plan, IssuedOn: dateOf(v.IssuedOn), Currency: v.Currency,
		Subtotal: writers.FromMoney(v.Subtotal), Discounts: writers.FromMoney(v.Discounts), Tax: writers.FromMoney(v.Tax), Total: writers.FromMoney(v.Total),
		CreditsApplied: writers.FromMoney(v.CreditsApplied), AmountDue: writers.FromMoney(v.AmountDue), Lines: []ExplainedLine{}, issued: calendar.Day(v.IssuedOn),
	}
}

func lineOf(l *writers.InvoiceLine) ExplainedLine {
	return ExplainedLine{
		LineNo: l.LineNo, Kind: l.Kind, Description: l.Description, Rule: l.Rule, CatalogLine: l.CatalogLine, Meter: l.Meter,
		Quantity: writers.FromWide(l.Quantity), UnitPrice: writers.FromWide(l.UnitPrice), PartN: l.PartN, PartD: l.PartD, Amount: writers.FromMoney(l.Amount),
		PeriodStart: dateOf(l.PeriodStart), PeriodEnd: dateOf(l.PeriodEnd), ServiceDate: dateOf(l.ServiceDate), Late: l.Late, Calculation: l.Calculation,
		CorrectsInvoice: l.CorrectsInvoiceID, CorrectsLine: l.CorrectsLineNo,
	}
}

func explainedBalances(rows []writers.BalanceMovement) []ExplainedBalance {
	var all []ExplainedBalance
	for i := range rows {
		b := &rows[i]
		all = append(all, ExplainedBalance{
			Balance: b.Balance, Of: b.Currency + b.Unit, Before: writers.FromMoney(b.Opening), Added: writers.FromMoney(b.Added),
			Used: writers.FromMoney(b.Used), Lapsed: writers.FromMoney(b.Lapsed), After: writers.FromMoney(b.Closing),
		})
	}
	return all
}

func changeOf(c *writers.PlanChange) ExplainedChange {
	return ExplainedChange{c.FromPlan, c.ToPlan, c.Cause, c.Rule, dateOf(c.EffectiveOn), dateOf(c.PriceFrom), c.NeedsRerate, c.Detail}
}

func paymentOf(entry int64, a *writers.PaymentAttempt) ExplainedPayment {
	return ExplainedPayment{
		Entry: entry, ChargeID: a.ChargeID, InvoiceID: a.InvoiceID, InvoicedOn: dateOf(a.InvoicedOn), Attempt: a.Attempt, Amount: writers.FromMoney(a.Amount),
		Currency: a.Currency, Method: a.Method, Status: a.Status, Reason: a.Reason, Reference: a.Reference, OccurredOn: dateOf(a.OccurredOn),
		NextAttemptOn: dateOf(a.NextAttemptOn),
	}
}

// payments are what became of the amounts due: of the entry's documents up to
// the last entry, as far as the window reaches; and what the entry's night
// learnt, or tried, of earlier ones.
func (x *explainer) payments(ctx context.Context, e *Entry, t *accountTables) ([]ExplainedPayment, error) {
	var all []ExplainedPayment
	mine := map[string]bool{}
	for i := range t.invoices {
		mine[t.invoices[i].InvoiceID] = true
	}
	for i := range t.history {
		all = append(all, paymentOf(e.Entry, &t.history[i]))
	}
	if len(mine) == 0 {
		return all, nil
	}
	last := min(x.head.Entry, e.Entry+int64(e.WindowDays))
	later := make([][]writers.PaymentAttempt, last-e.Entry)
	entries := make([]*Entry, len(later))
	for i := range later {
		var err error
		if entries[i], err = x.entry(ctx, e.Entry+1+int64(i)); err != nil {
			return nil, err
		}
	}
	err := each(ctx, x.requests(), len(later), func(ctx context.Context, _, i int) (err error) {
		later[i], err = x.historyOf(ctx, entries[i])
		return err
	})
	for i, rows := range later {
		for j := range rows {
			if mine[rows[j].InvoiceID] {
				all = append(all, paymentOf(entries[i].Entry, &rows[j]))
			}
		}
	}
	return all, err
}

// suspense adds what of the account was refused, waits, or is parked.
func (x *explainer) suspense(t *accountTables, did *ExplainedEntry) {
	for i := range t.rejects {
		r := &t.rejects[i]
		did.Refused = append(did.Refused, ExplainedReject{r.Source, r.File, r.Row, r.Rows, r.Reason, r.Detail, r.Status, dateOf(r.FirstSeen)})
	}
	for i := range t.held {
		h := &t.held[i]
		did.Waiting = append(did.Waiting, ExplainedHeld{h.Source, h.File, h.Row, h.Rows, dateOf(h.ServiceDate), h.Reason, dateOf(h.FirstSeen)})
	}
	for i := range t.parked {
		p := &t.parked[i]
		did.Parked = &ExplainedParked{p.Reason, dateOf(p.Since), p.RowsHeld}
	}
}

// reasons say why an entry has no document for the account.
func (x *explainer) reasons(e *Entry, t *accountTables, did *ExplainedEntry) []string {
	if len(did.Documents) > 0 || !t.any() || e.Kind != writers.Night {
		return nil
	}
	var why []string
	say := func(format string, args ...any) { why = append(why, fmt.Sprintf(format, args...)) }
	if p := did.Parked; p != nil {
		say("the account is parked since %s: %s; %d of its rows wait, and the missed days are billed once it can be", p.Since, p.Reason, p.RowsHeld)
	}
	for i := range did.Uncharged {
		u := &did.Uncharged[i]
		switch {
		case u.DueOn > e.BillingDate:
			say("%s of %s (%s) falls due on %s", u.Meter, u.ServiceDate, u.Quantity, u.DueOn)
		case u.Amount.IsZero():
			say("%s of %s (%s) costs nothing: %s", u.Meter, u.ServiceDate, u.Quantity, u.Description)
		default:
			say("%s of %s (%s) was rated, and nothing was left to invoice", u.Meter, u.ServiceDate, u.Quantity)
		}
	}
	if len(t.rated) == 0 {
		say("no usage was rated, and none of the days before falls due")
	}
	if n := len(did.Refused); n > 0 {
		say("rows were refused: rejects has %d of the account", n)
	}
	if n := len(did.Waiting); n > 0 {
		say("rows wait for a later night: held has %d of the account", n)
	}
	return append(why, stateReasons(t.state, e.Day)...)
}

// stateReasons is what the account's state says of why nothing was charged.
func stateReasons(s *writers.State, day calendar.Day) []string {
	if s == nil {
		return []string{"the account has not signed up"}
	}
	var why []string
	if n := len(s.Suspensions); n > 0 && s.Suspensions[n-1].Until == 0 {
		why = append(why, fmt.Sprintf("the account is suspended since %s", dateOf(s.Suspensions[n-1].From)))
	}
	switch {
	case s.ClosedOn != 0:
		why = append(why, fmt.Sprintf("the account was closed on %s", dateOf(s.ClosedOn)))
	case s.TrialEndsOn != 0 && calendar.Day(s.TrialEndsOn) > day:
		why = append(why, fmt.Sprintf("the account is in its free trial until %s", dateOf(s.TrialEndsOn)))
	case s.NextBillingOn != 0 && calendar.Day(s.NextBillingOn) > day:
		why = append(why, fmt.Sprintf("plan %s (%s) is next billed on %s", s.Plan, s.Term, dateOf(s.NextBillingOn)))
	}
	if slices.Contains(s.Flags, "uninstalled") {
		why = append(why, "the account was removed through a store: nothing is charged any more")
	}
	return why
}

// fileNotes say which of the files that were to be read for an entry are not
// what it read. Whether rows are missing for it is told where they are proven.
func (x *explainer) fileNotes(e *Entry) []string {
	var notes []string
	for _, key := range sortedTraces(x.traces) {
		t := x.traces[key]
		for i := range t.files {
			f := &t.files[i]
			if f.Status == FileRead || x.noted[f.Key] {
				continue
			}
			x.noted[f.Key] = true
			note := fmt.Sprintf("%s, read by entry %d, %s", f.Key, key.entry, f.words())
			if f.Status == FileChanged {
				note += fmt.Sprintf(" and is not read: its checksum was %s, it is %s", f.Checksum, f.Now)
			}
			notes = append(notes, note)
		}
		if t.problem != "" && !x.noted[t.problem] {
			x.noted[t.problem] = true
			notes = append(notes, t.problem)
		}
	}
	return append(notes, x.sourceNotes(e)...)
}

// sourceNotes says where the exports are laid out otherwise than for the entry.
func (x *explainer) sourceNotes(e *Entry) []string {
	if e.Sources == digestOf(x.Sources, x.Lookups) {
		return nil
	}
	return []string{fmt.Sprintf("ratemill.yaml lays sources out otherwise than it did for entry %d: rows may be read otherwise, too", e.Entry)}
}
