package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

// entryProof is what is added up over the accounts of an entry.
type entryProof struct {
	*proven
	p       *prover
	worker  int
	night   bool         // it bills a day; else it corrects what was issued
	linked  bool         // the tables of the entry before are read, too
	through calendar.Day // the day that the state includes

	// corrected: the entry, or one before it, corrects what was issued. What it
	// leaves to pay may turn out uncollectable in a night, by its reason.
	corrected bool

	ledger ledger
	series map[string]int64 // last number given out, by series
	counts map[string]int64 // rows read, by file
	rated  map[string]int64 // usage rows, by source
	refuse map[string]int64 // rows refused for good, by source

	off, again map[string]int64 // rows written off, and waiting again, by decision, by source
	acted      map[int64]int64  // the same, by decision
}

// proveEntry reads an entry's tables and proves what they say of each account,
// and together.
func (p *prover) proveEntry(ctx context.Context, worker int, e *proven) error {
	e.checkListed()
	for _, t := range writers.Tables {
		if e.bad[tableKey(t.Name, e.entry.Day, e.number)] {
			e.unread = true
		}
	}
	if e.unread {
		return nil
	}
	x := &entryProof{
		proven: e, p: p, worker: worker, night: e.entry.Kind == writers.Night, linked: p.linked(e), through: e.billed, corrected: p.corrected(1, e.number),
		ledger: newLedger(), series: map[string]int64{}, counts: map[string]int64{}, rated: map[string]int64{}, refuse: map[string]int64{},
		off: map[string]int64{}, again: map[string]int64{}, acted: map[int64]int64{},
	}
	e.held = map[string]int64{}
	if before := e.entryBefore(); before != nil {
		for _, s := range before.InvoiceSeries {
			x.series[s.Series] = s.Last
		}
	}
	whole, err := x.readAccounts(ctx)
	if err != nil || !whole {
		e.held = nil
		return err
	}
	x.checkTotals()
	if x.night {
		return x.checkDecided(ctx, runKey(e.number))
	}
	return nil
}

// readAccounts goes through the tables account by account, and tells whether it
// came to their end.
func (x *entryProof) readAccounts(ctx context.Context) (whole bool, err error) {
	m, err := x.p.openMerge(ctx, x.proven)
	defer m.close()
	if err == nil {
		err = x.p.openPayFiles(ctx, x.proven, m)
	}
	if err == nil {
		err = m.accounts(func(r *provenRows) error { return x.account(ctx, m, r) })
	}
	if err == nil {
		err = x.readIDs(ctx)
	}
	var order *disorder
	var broken *unreadable
	switch {
	case errors.As(err, &order):
		x.add(Break{Kind: Figures, File: order.file, Row: order.row, What: order.what})
		x.unread = true
	case errors.As(err, &broken) && !temporary(broken.err) && ctx.Err() == nil:
		x.damage(broken.file, "it cannot be read, though its checksum is right: %v", broken.err)
		x.unread = true
	case err != nil:
		return false, err
	}
	for _, f := range m.pays {
		if x.unread {
			f.want.published.Close()
		} else if err := f.close(x.proven); err != nil {
			return false, err
		}
	}
	return !x.unread, nil
}

// readIDs reads the table that has no accounts.
func (x *entryProof) readIDs(ctx context.Context) error {
	file, err := outputOf(x.entry, writers.EventIDsTable.Name)
	if err != nil {
		return err
	}
	err = writers.Rows(x.at(ctx, x.p.Output, file), file.Size, func(rows []writers.SeenID) error {
		x.counts[file.Key] += int64(len(rows))
		return nil
	})
	if err != nil {
		return &unreadable{file.Key, err}
	}
	return nil
}

// account proves one account's rows.
func (x *entryProof) account(ctx context.Context, m *accountMerge, r *provenRows) error {
	x.count(r)
	x.documents(r)
	x.balances(r)
	x.stateOf(r)
	x.payments(r)
	x.waiting(r)
	for i, c := range r.changes.rows {
		if c.Seq != int32(i+1) {
			x.row(r, r.changes.file, r.changes.first+int64(i), "", "seq is %d, want %d", c.Seq, i+1)
		}
	}
	for _, f := range m.chargeFiles {
		if err := f.Write(r.charges.rows); err != nil {
			continue // said when the file is closed
		}
	}
	for _, f := range m.refundFiles {
		if err := f.Write(r.refunds.rows); err != nil {
			continue
		}
	}
	if err := x.p.history.note(x, r); err != nil {
		return err
	}
	return ctx.Err()
}

// row is a break of an account's row.
func (x *entryProof) row(r *provenRows, file string, row int64, invoice, format string, args ...any) {
	x.add(Break{Kind: Figures, File: file, Row: row, Account: r.key.id, Invoice: invoice, What: fmt.Sprintf(format, args...)})
}

func (x *entryProof) count(r *provenRows) {
	for _, n := range []struct {
		file string
		rows int
	}{
		{r.rated.file, len(r.rated.rows)}, {r.lines.file, len(r.lines.rows)}, {r.invoices.file, len(r.invoices.rows)}, {r.charges.file, len(r.charges.rows)},
		{r.refunds.file, len(r.refunds.rows)}, {r.balances.file, len(r.balances.rows)}, {r.changes.file, len(r.changes.rows)}, {r.history.file, len(r.history.rows)},
		{r.failed.file, len(r.failed.rows)}, {r.rejects.file, len(r.rejects.rows)}, {r.parked.file, len(r.parked.rows)}, {r.state.file, len(r.state.rows)},
		{r.held.file, len(r.held.rows)},
	} {
		x.counts[n.file] += int64(n.rows)
	}
}

// balances: each opens with what it closed with in the entry before, moves by
// its figures, and prepaid money that was used was applied to invoices.
func (x *entryProof) balances(r *provenRows) {
	file := r.balances.file
	opened := map[[3]string]int64{}
	for i := range r.opening.rows {
		b := &r.opening.rows[i]
		opened[[3]string{b.Balance, b.Currency, b.Unit}] = b.Closing
	}
	used := map[string]int64{}
	for i := range r.balances.rows {
		b, row := &r.balances.rows[i], r.balances.first+int64(i)
		name := [3]string{b.Balance, b.Currency, b.Unit}
		if i > 0 && b.Balance <= r.balances.rows[i-1].Balance {
			x.row(r, file, row, "", "balance %s is listed twice, or not in the order of names", b.Balance)
		}
		if b.Opening+b.Added-b.Used-b.Lapsed != b.Closing {
			x.row(r, file, row, "", "balance %s: opening %s + added %s − used %s − lapsed %s is not closing %s",
				b.Balance, exact(b.Opening), exact(b.Added), exact(b.Used), exact(b.Lapsed), exact(b.Closing))
		}
		if b.Closing < 0 {
			x.row(r, file, row, "", "balance %s closes below zero, with %s", b.Balance, exact(b.Closing))
		}
		if was := opened[name]; x.linked && was != b.Opening {
			x.row(r, file, row, "", "balance %s opens with %s, and closed with %s in entry %d", b.Balance, exact(b.Opening), exact(was), x.number-1)
		}
		delete(opened, name)
		switch {
		case b.Balance == rating.CorrectionCredit: // which documents give to
			used[b.Currency] += b.Used - b.Added
		case b.Unit == "" && b.Balance != unusedTime:
			used[b.Currency] += b.Used
		}
	}
	for i := range r.opening.rows {
		b := &r.opening.rows[i]
		if left := opened[[3]string{b.Balance, b.Currency, b.Unit}]; left != 0 {
			x.row(r, file, 0, "", "balance %s closed with %s in entry %d and is not listed", b.Balance, exact(left), x.number-1)
		}
	}
	for i := range r.invoices.rows {
		used[r.invoices.rows[i].Currency] -= r.invoices.rows[i].CreditsApplied
	}
	for i := range r.history.rows {
		if h := &r.history.rows[i]; h.Status == string(rating.Credited) {
			used[h.Currency] -= h.Amount
		}
	}
	for _, currency := range sortedKeys(used) {
		if used[currency] != 0 {
			x.row(r, file, 0, "", "prepaid %s used and credits applied to documents differ by %s", currency, exact(used[currency]))
		}
	}
}

// stateOf: an account has one row, which includes the last day billed unless
// the account is parked, and says what the balances and the failed payments say.
func (x *entryProof) stateOf(r *provenRows) {
	file, first := r.state.file, r.state.first
	for i, p := range r.parked.rows {
		if i > 0 {
			x.row(r, r.parked.file, r.parked.first+int64(i), "", "the account is parked twice")
		}
		if x.night && calendar.Day(p.Since) > x.entry.Day {
			x.row(r, r.parked.file, r.parked.first+int64(i), "", "it is parked since %s, after the billing date", calendar.Day(p.Since))
		}
	}
	if len(r.state.rows) == 0 {
		switch {
		case len(r.hadBefore.rows) > 0 && x.night:
			x.row(r, file, 0, "", "the state of entry %d has the account, this one has not", x.number-1)
		case len(r.invoices.rows)+len(r.balances.rows)+len(r.failed.rows) > 0:
			x.row(r, file, 0, "", "the account has documents, balances or failed payments and no state")
		}
		return
	}
	if len(r.state.rows) > 1 {
		x.row(r, file, first+1, "", "the account has %d rows of state", len(r.state.rows))
	}
	s := &r.state.rows[0]
	x.leftOpen(r, s)
	want := x.through
	if len(r.parked.rows) > 0 {
		want = calendar.Day(r.parked.rows[0].Since) - 1
	}
	if calendar.Day(s.BilledThrough) != want && s.Plan != "" { // without a plan, of an account that corrections undid
		x.row(r, file, first, "", "billed_through is %s, want %s", calendar.Day(s.BilledThrough), want)
	}
	balances, failed, err := x.saidByState(s)
	if err != nil {
		x.row(r, file, first, "", "it is no account's state: %v", err)
		return
	}
	x.sameBalances(r, balances)
	if !slices.Equal(failed, r.failed.rows) {
		x.row(r, r.failed.file, 0, "", "its rows are not what is unpaid in the state: %d rows, %d by the state", len(r.failed.rows), len(failed))
	}
}

// leftOpen adds up what the state leaves the next night to ask for. After a
// rerate that is what is due on its note.
func (x *entryProof) leftOpen(r *provenRows, s *writers.State) {
	left := map[string]int64{}
	for _, c := range s.Collections {
		if c.Status == string(rating.Unasked) && c.Attempt == 0 {
			left[c.InvoiceID] += c.Amount
			m := x.ledger.of(s.Currency)
			m.LeftOpen = m.LeftOpen.Add(writers.FromMoney(c.Amount))
		}
	}
	for i := range r.invoices.rows {
		inv := &r.invoices.rows[i]
		if is := left[inv.InvoiceID]; !x.night && is != max(inv.AmountDue, 0) && !(is == 0 && (inv.Test || slices.Contains(s.Flags, "uninstalled"))) {
			x.row(r, r.invoices.file, r.invoices.first+int64(i), inv.InvoiceID, "amount_due is %s, the state leaves %s of it to be asked for", exact(inv.AmountDue), exact(is))
		}
	}
}

// saidByState are the balances and the failed payments that a row of state
// stands for. Figures past their columns, which no run writes, are an error.
func (x *entryProof) saidByState(s *writers.State) (balances []writers.BalanceMovement, failed []writers.PaymentAttempt, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	a, err := accountOf(s)
	if err != nil {
		return nil, nil, err
	}
	return unmoved(&a), openRows(&a), nil
}

// sameBalances: what the balances table closes with is what the state has.
func (x *entryProof) sameBalances(r *provenRows, has []writers.BalanceMovement) {
	state := map[[3]string]int64{}
	for i := range has {
		state[[3]string{has[i].Balance, has[i].Currency, has[i].Unit}] = has[i].Closing
	}
	for i := range r.balances.rows {
		b := &r.balances.rows[i]
		name := [3]string{b.Balance, b.Currency, b.Unit}
		if state[name] != b.Closing {
			x.row(r, r.balances.file, r.balances.first+int64(i), "", "balance %s closes with %s, the state has %s", b.Balance, exact(b.Closing), exact(state[name]))
		}
		delete(state, name)
	}
	for i := range has {
		if left := state[[3]string{has[i].Balance, has[i].Currency, has[i].Unit}]; left != 0 {
			x.row(r, r.balances.file, 0, "", "balance %s is %s in the state and not listed", has[i].Balance, exact(left))
		}
	}
}

// waiting: what waits in held was refused or put aside, and the other way
// round.
func (x *entryProof) waiting(r *provenRows) {
	type refusal struct {
		source, file, reason string
		row                  int64
		firstSeen            int32
	}
	open := map[refusal]int64{}
	for i := range r.rejects.rows {
		j := &r.rejects.rows[i]
		if i > 0 && compareRejects(r.rejects.rows[i-1], *j) > 0 {
			x.row(r, r.rejects.file, r.rejects.first+int64(i), "", "it is not in the order of the table")
		}
		switch {
		case j.Retryable && j.Status == "open":
			open[refusal{j.Source, j.File, j.Reason, j.Row, j.FirstSeen}] += j.Rows
		case x.noteDecided(j):
		case j.Status != "recycled":
			x.refuse[j.Source] += j.Rows
		}
	}
	parkedRows := int64(0)
	for i := range r.held.rows {
		h := &r.held.rows[i]
		if i > 0 && compareHeldRows(r.held.rows[i-1], *h) > 0 {
			x.row(r, r.held.file, r.held.first+int64(i), "", "it is not in the order of the table")
		}
		x.proven.held[h.Source] += h.Rows
		switch key := (refusal{h.Source, h.File, h.Reason, h.Row, h.FirstSeen}); {
		case h.Reason == parked:
			parkedRows += h.Rows
		case h.Reason == notYetDue:
		case open[key] > 0:
			open[key] -= h.Rows
			if open[key] == 0 {
				delete(open, key)
			}
		case x.night && calendar.Day(h.FirstSeen) == x.entry.Day:
			x.row(r, r.held.file, r.held.first+int64(i), "", "the row waits as %s, and no reject says so", h.Reason)
		}
	}
	for i := range r.rejects.rows {
		j := &r.rejects.rows[i]
		key := refusal{j.Source, j.File, j.Reason, j.Row, j.FirstSeen}
		if left := open[key]; left != 0 && j.Retryable && j.Status == "open" && x.night {
			x.row(r, r.rejects.file, r.rejects.first+int64(i), "", "%d rows are to be tried again, and do not wait in held", left)
			delete(open, key)
		}
	}
	for i, p := range r.parked.rows {
		if i == 0 && p.RowsHeld != parkedRows && x.night {
			x.row(r, r.parked.file, r.parked.first, "", "rows_held is %d, %d of its rows wait in held", p.RowsHeld, parkedRows)
		}
	}
	if len(r.parked.rows) == 0 && parkedRows > 0 && x.night {
		x.row(r, r.held.file, r.held.first, "", "%d rows wait as parked, and the account is not", parkedRows)
	}
	for i := range r.rated.rows {
		x.rated[r.rated.rows[i].Source] += r.rated.rows[i].Rows
	}
}
