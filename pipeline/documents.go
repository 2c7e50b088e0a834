package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/writers"
)

// documents are the rows that an outcome publishes.
type documents struct {
	rated       []writers.RatedUsage
	lines       []writers.InvoiceLine
	invoices    []writers.Invoice
	charges     []writers.Charge
	refunds     []writers.Refund
	balances    []writers.BalanceMovement
	planChanges []writers.PlanChange
	history     []writers.PaymentAttempt
	failed      []writers.PaymentAttempt // what is open at the end of the night

	uncollected []writers.PaymentAttempt // of the night's invoices: for the control totals
}

// mark is how far the documents' lists have come.
type mark struct {
	rated, lines, invoices, charges, refunds, balances, planChanges, history, failed, uncollected int
}

func (d *documents) mark() mark {
	return mark{
		len(d.rated), len(d.lines), len(d.invoices), len(d.charges), len(d.refunds), len(d.balances),
		len(d.planChanges), len(d.history), len(d.failed), len(d.uncollected),
	}
}

// empty drops all rows, and keeps their memory for those of another bucket.
func (d *documents) empty() {
	*d = documents{
		rated: again(d.rated), lines: again(d.lines), invoices: again(d.invoices), charges: again(d.charges), refunds: again(d.refunds),
		balances: again(d.balances), planChanges: again(d.planChanges), history: again(d.history), failed: again(d.failed), uncollected: again(d.uncollected),
	}
}

// mostKept is the length up to which a list's memory is used again: a bucket may
// have an account with very many rows.
const mostKept = 1 << 16

// again is a list's memory for the next one.
func again[T any](list []T) []T {
	if cap(list) > mostKept {
		return nil
	}
	return list[:0]
}

// cut drops what was appended since a mark.
func (d *documents) cut(m mark) {
	*d = documents{
		rated: d.rated[:m.rated], lines: d.lines[:m.lines], invoices: d.invoices[:m.invoices], charges: d.charges[:m.charges], refunds: d.refunds[:m.refunds],
		balances: d.balances[:m.balances], planChanges: d.planChanges[:m.planChanges], history: d.history[:m.history], failed: d.failed[:m.failed],
		uncollected: d.uncollected[:m.uncollected],
	}
}

// joinDay brings the rows of an account's day together with those of its days
// before: plan changes are counted on, a balance keeps one row a night, which
// opens with the first day and closes with the last, and what is open is what
// the last day leaves open. The marks are of where the account and the day begin.
func (d *documents) joinDay(account, day mark) {
	for i := day.planChanges; i < len(d.planChanges); i++ {
		d.planChanges[i].Seq = int32(i - account.planChanges + 1)
	}
	d.failed = slices.Delete(d.failed, account.failed, day.failed)
	if account.balances == day.balances {
		return
	}
	before, moved := d.balances[account.balances:day.balances:day.balances], d.balances[day.balances:]
	for _, m := range moved {
		i := slices.IndexFunc(before, func(b writers.BalanceMovement) bool { return b.Balance == m.Balance })
		if i < 0 {
			before = append(before, m)
			continue
		}
		b := &before[i]
		b.Added, b.Used, b.Lapsed, b.Closing = b.Added+m.Added, b.Used+m.Used, b.Lapsed+m.Lapsed, m.Closing
	}
	slices.SortFunc(before, func(x, y writers.BalanceMovement) int { return cmp.Compare(x.Balance, y.Balance) })
	d.balances = append(d.balances[:account.balances], before...)
}

// unmoved are the balances of an account that nothing happened to, in the
// order of their names.
func unmoved(a *rating.Account) []writers.BalanceMovement {
	var rows []writers.BalanceMovement
	row := func(name, unit string, amount int64) {
		m := writers.BalanceMovement{AccountID: string(a.ID), Balance: name, Unit: unit, Opening: amount, Closing: amount}
		if unit == "" {
			m.Currency = a.Currency.Code
		}
		rows = append(rows, m)
	}
	for _, b := range a.Balances {
		row(b.Name, unitOf(a, b.Amount), cents(b.Amount))
	}
	if open := a.UnusedTime(); open.Sign() > 0 {
		row(rating.UnusedTimeBalance, "", cents(open))
	}
	slices.SortFunc(rows, func(x, y writers.BalanceMovement) int { return cmp.Compare(x.Balance, y.Balance) })
	return rows
}

// unitOf is what an amount of an account counts, empty where it is money.
func unitOf(a *rating.Account, amount money.Amount) string {
	if code := amount.Currency().Code; code != a.Currency.Code {
		return code
	}
	return ""
}

// documents appends an outcome's rows. What does not fit its column is named:
// an amount that cannot be written down exactly is not issued.
func (f *fitter) documents(d *documents, o *rating.Outcome) (misfits []string) {
	f.misfits = nil
	a := &o.Account
	d.rated = f.ratedRows(d.rated, o)
	if o.Invoice != nil {
		f.invoiceRows(d, o.Invoice, a, "invoice")
	}
	if o.CreditNote != nil {
		f.invoiceRows(d, o.CreditNote, a, creditNote)
	}
	f.paymentRows(d, o)
	for _, m := range o.Movements {
		d.balances = append(d.balances, f.balanceRow(a, m))
	}
	for i, c := range o.PlanChanges {
		d.planChanges = append(d.planChanges, planChangeRow(a, i+1, c))
	}
	f.state(a)
	return f.misfits
}

func (f *fitter) balanceRow(a *rating.Account, m rating.Movement) writers.BalanceMovement {
	row := writers.BalanceMovement{
		AccountID: string(a.ID), Balance: m.Balance, Unit: unitOf(a, m.Opening), Opening: f.money("opening balance", "", m.Opening),
		Added: f.money("added", "", m.Added), Used: f.money("used", "", m.Used), Lapsed: f.money("lapsed", "", m.Lapsed), Closing: f.money("closing balance", "", m.Closing),
	}
	if row.Unit == "" {
		row.Currency = a.Currency.Code
	}
	return row
}

func planChangeRow(a *rating.Account, seq int, c rating.PlanChange) writers.PlanChange {
	return writers.PlanChange{
		AccountID: string(a.ID), Seq: int32(seq), FromPlan: c.From, ToPlan: c.To, Cause: c.Cause, Rule: string(c.Rule),
		EffectiveOn: int32(c.EffectiveOn), PriceFrom: int32(c.PriceFrom), NeedsRerate: c.NeedsRerate, Detail: c.Detail,
	}
}

// fitter writes figures into columns and notes what does not fit.
type fitter struct {
	n       *night
	misfits []string

	order   []int    // of an account's rated groups
	meter   string   // whose dimensions have these columns of rated_usage
	columns []int    // likewise
	values  []string // room for the dimensions of rows to come
}

// money is an amount of something, and of which.
func (f *fitter) money(what, of string, a money.Amount) int64 {
	v, ok := writers.Money(a)
	if !ok {
		f.misfits = append(f.misfits, fmt.Sprintf("%s%s %s does not fit DECIMAL(18,4)", what, of, a.Value()))
	}
	return v
}

// setWide writes a figure of something, and of which, to a row.
func (f *fitter) setWide(to *writers.Wide, what, of string, d decimal.Decimal) {
	if !writers.SetWide(to, d) {
		f.misfits = append(f.misfits, fmt.Sprintf("%s%s %s does not fit DECIMAL(38,18)", what, of, d))
	}
}

// wide notes a figure that would not fit.
func (f *fitter) wide(what, of string, d decimal.Decimal) {
	var row writers.Wide
	f.setWide(&row, what, of, d)
}

// state notes what of the account's state would not fit.
func (f *fitter) state(a *rating.Account) {
	for _, c := range a.Counters {
		f.wide("counter of ", c.Meter, c.Used)
	}
	for _, p := range a.Spends {
		f.money("charged for a period", "", p.Charged)
		f.money("charged for a period", "", p.Adjusted)
	}
	for _, u := range a.Unused {
		f.money("unused time", "", u.Amount)
	}
	for i := range a.Waiting {
		f.money("charge that waits", "", a.Waiting[i].Amount)
		f.wide("quantity that waits", "", a.Waiting[i].Quantity)
		f.wide("price that waits", "", a.Waiting[i].UnitPrice)
	}
	for _, o := range a.AddOns {
		f.wide("price of ", o.Name, o.Price)
		f.money("charged for ", o.Name, o.Left)
	}
	f.wide("base fee", "", a.Base.Price)
	f.money("base fee", "", a.Base.Left)
	for _, u := range a.Due {
		f.wide("quantity of ", u.Meter, u.Quantity)
		f.wide("cost of events of ", u.Meter, u.Exact)
	}
	for i := range a.Tallies {
		f.tally(&a.Tallies[i])
	}
}

// ratedRows are the rated groups, one for each meter, service date, price and
// set of dimension values: groups that differ only in where they came from, or
// in columns that no price depends on, are one row.
func (f *fitter) ratedRows(rows []writers.RatedUsage, o *rating.Outcome) []writers.RatedUsage {
	if ascending(o.Rated) {
		for i := range o.Rated {
			r := &o.Rated[i]
			rows = f.ratedRow(rows, &o.Account, r, r.Rows, r.Quantity, r.Amount)
		}
		return rows
	}
	order := f.ratedOrder(o.Rated)
	for i := 0; i < len(order); {
		r := &o.Rated[order[i]]
		count, quantity, amount := r.Rows, r.Quantity, r.Amount
		for i++; i < len(order) && compareRated(r, &o.Rated[order[i]]) == 0; i++ {
			more := &o.Rated[order[i]]
			count, quantity, amount = count+more.Rows, quantity.Add(more.Quantity), amount.Add(more.Amount)
		}
		rows = f.ratedRow(rows, &o.Account, r, count, quantity, amount)
	}
	return rows
}

// ascending tells whether rated groups are in the order of compareRated, and no
// two alike, as those of one source are.
func ascending(rated []rating.RatedUsage) bool {
	for i := 1; i < len(rated); i++ {
		if compareRated(&rated[i-1], &rated[i]) >= 0 {
			return false
		}
	}
	return true
}

// ratedRow appends a row of rated groups that are alike. It is written where it
// stays: there are many, and a row that is copied just after it was made waits
// for the stores.
func (f *fitter) ratedRow(rows []writers.RatedUsage, a *rating.Account, r *rating.RatedUsage, count int64, quantity, amount decimal.Decimal) []writers.RatedUsage {
	rows = append(rows, writers.RatedUsage{})
	row := &rows[len(rows)-1]
	row.AccountID, row.Currency = string(a.ID), a.Currency.Code
	row.Meter, row.Source, row.ServiceDate, row.DueOn, row.Late = r.Meter, r.Source, int32(r.ServiceDate), int32(r.DueOn), r.Late
	row.Rule, row.Description = string(r.Price.Rule), r.Price.Description
	row.Rows = count
	f.setWide(&row.Quantity, "quantity of ", r.Meter, quantity)
	f.setWide(&row.UnitPrice, "unit price of ", r.Meter, r.Price.UnitPrice)
	f.setWide(&row.Amount, "amount of ", r.Meter, money.Recorded(amount))
	row.Dimensions = f.tableDimensions(r.Meter, r.Dimensions)
	return rows
}

// ratedOrder is where rated groups stand in the order of compareRated: they are
// large, and are not moved. Equal ones stay in theirs.
func (f *fitter) ratedOrder(rated []rating.RatedUsage) []int {
	f.order = again(f.order)
	for i := range rated {
		f.order = append(f.order, i)
	}
	slices.SortFunc(f.order, func(x, y int) int { return cmp.Or(compareRated(&rated[x], &rated[y]), cmp.Compare(x, y)) })
	return f.order
}

// tableDimensions are a meter's dimension values in the columns of the table,
// which has one for each dimension of any meter. They are never written over:
// a table keeps rows that it has not written yet.
func (f *fitter) tableDimensions(meter string, values []string) []string {
	if f.meter != meter { // rows side by side are of one meter
		f.meter, f.columns = meter, f.columns[:0]
		for _, by := range f.n.Catalog.Meter(meter).By {
			f.columns = append(f.columns, slices.Index(f.n.dimensions, writers.DimensionColumn(by)))
		}
	}
	width := len(f.n.dimensions)
	if len(f.values) < width {
		f.values = make([]string, max(width, dimensionRoom))
	}
	row := f.values[:width:width]
	f.values = f.values[width:]
	for i, column := range f.columns {
		row[column] = values[i]
	}
	return row
}

// dimensionRoom is how many dimension values are made room for at once.
const dimensionRoom = 1024

func compareRated(x, y *rating.RatedUsage) int {
	if c := cmp.Or(cmp.Compare(x.Meter, y.Meter), cmp.Compare(x.ServiceDate, y.ServiceDate)); c != 0 {
		return c
	}
	if c := slices.CompareFunc(x.Dimensions, y.Dimensions, strings.Compare); c != 0 {
		return c
	}
	return cmp.Or(cmp.Compare(x.Price.CatalogLine, y.Price.CatalogLine), cmp.Compare(x.Price.Description, y.Price.Description), cmp.Compare(x.DueOn, y.DueOn))
}

// Kinds of documents beside the invoice: one that gives money back, or takes
// off what was billed, and one that adds to what was billed.
const (
	creditNote = "credit_note"
	debitNote  = "debit_note"
)

func (f *fitter) invoiceRows(d *documents, inv *rating.Invoice, a *rating.Account, kind string) {
	discounts, tax := money.Zero(inv.Currency), money.Zero(inv.Currency)
	for i := range inv.Lines {
		l := &inv.Lines[i]
		d.lines = append(d.lines, writers.InvoiceLine{})
		f.setLineRow(&d.lines[len(d.lines)-1], inv, l, i+1)
		switch l.Kind {
		case rating.Reduced:
			discounts = discounts.Add(l.Amount)
		case rating.Taxed:
			tax = tax.Add(l.Amount)
		}
	}
	d.invoices = append(d.invoices, writers.Invoice{})
	row := &d.invoices[len(d.invoices)-1]
	row.InvoiceID, row.AccountID, row.Kind, row.Plan = inv.ID, string(a.ID), kind, a.Plan
	row.Lines, row.IssuedOn, row.Currency = int32(len(inv.Lines)), int32(inv.IssuedOn), inv.Currency.Code
	row.Subtotal = f.money("subtotal", "", inv.Total.Sub(discounts).Sub(tax))
	row.Discounts, row.Tax, row.Total = f.money("discounts", "", discounts), f.money("tax", "", tax), f.money("total", "", inv.Total)
	row.CreditsApplied, row.AmountDue = f.money("credits applied", "", inv.CreditsApplied), f.money("amount due", "", inv.AmountDue)
	addressTo(row, &a.Customer)
}

// setLineRow makes an empty row that of an invoice's line.
func (f *fitter) setLineRow(row *writers.InvoiceLine, inv *rating.Invoice, l *rating.Line, number int) {
	row.InvoiceID, row.LineNo, row.AccountID, row.Currency = inv.ID, int32(number), string(inv.Account), inv.Currency.Code
	row.Kind, row.Description, row.Rule, row.Meter = string(l.Kind), l.Description, string(l.Rule), l.Meter
	f.setWide(&row.Quantity, "quantity", "", l.Quantity)
	f.setWide(&row.UnitPrice, "unit price", "", l.UnitPrice)
	row.PartN, row.PartD, row.Amount = l.Part.N, l.Part.D, f.money("amount", "", l.Amount)
	row.PeriodStart, row.ServiceDate, row.Late = int32(l.PeriodStart), int32(l.ServiceDate), l.Late
	row.Calculation, row.CatalogLine = l.Calculation, int32(l.CatalogLine)
	if l.PeriodEnd != calendar.None {
		row.PeriodEnd = int32(l.PeriodEnd) - 1 // printed inclusive
	}
}
