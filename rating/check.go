package rating

import (
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/money"
)

// Check proves an outcome against the rules that every bill must keep, and
// returns each break as a line of text. It runs in every test and before
// anything is written; an account that breaks one is parked.
func Check(cat *catalog.Catalog, before *Account, o *Outcome) []string {
	c := checker{cat: cat.In(o.Account.Currency.Code)}
	if c.cat == nil {
		return []string{"the catalog has no prices in " + o.Account.Currency.Code}
	}
	c.account(&o.Account)
	if o.Invoice != nil {
		c.lines(o.Invoice)
		c.invoice(o)
	} else if o.Charge != nil || o.Uncollected != nil {
		c.fail("an amount is due without an invoice")
	}
	c.creditNote(o)
	c.retries(before, o)
	c.movements(before, o)
	c.grants(&o.Account)
	return c.broken
}

type checker struct {
	cat    *catalog.Catalog
	broken []string
}

func (c *checker) fail(format string, args ...any) {
	c.broken = append(c.broken, fmt.Sprintf(format, args...))
}

// account: an open account has a plan and a term that the catalog in force
// knows, and a billing date ahead; else it would silently stop being billed.
func (c *checker) account(a *Account) {
	if !a.Exists() || a.ClosedOn != calendar.None {
		return
	}
	if a.NextBillingOn <= a.BilledThrough && !a.Suspended() {
		c.fail("next billing date %s is not after %s", a.NextBillingOn, a.BilledThrough)
	}
	for _, u := range a.Due {
		if u.DueOn <= a.BilledThrough {
			c.fail("usage of %s on %s was due on %s, and the catalog no longer prices it", u.Meter, u.ServiceDate, u.DueOn)
		}
	}
	version := c.cat.At(a.BilledThrough)
	switch {
	case version == nil:
		c.fail("no catalog version in force on %s", a.BilledThrough)
	case version.Plan(a.Plan, c.cat.CohortOf(a.SignedUpOn)) == nil:
		c.fail("the catalog in force has no plan %q for cohort %q", a.Plan, c.cat.CohortOf(a.SignedUpOn))
	case version.Term(a.Term) == nil:
		c.fail("the catalog in force has no term %q", a.Term)
	case !version.Plan(a.Plan, c.cat.CohortOf(a.SignedUpOn)).Priced(version.Term(a.Term)):
		c.fail("the catalog in force has no price of plan %q on term %q in %s", a.Plan, a.Term, a.Currency.Code)
	}
}

// lines: every cent has a rule, and is quantity × price × part, rounded once.
func (c *checker) lines(inv *Invoice) {
	for i := range inv.Lines {
		l := &inv.Lines[i]
		if !catalog.Priced(l.UnitPrice) {
			c.fail("line %d (%s) has no price in %s", i+1, l.Kind, inv.Currency.Code)
		}
		if l.Rule == "" {
			c.fail("line %d (%s) has no rule", i+1, l.Kind)
		}
		if l.Calculation == "" {
			c.fail("line %d (%s) has no calculation", i+1, l.Kind)
		}
		if l.Part.D <= 0 || l.Part.N < 0 || l.Part.N > l.Part.D {
			c.fail("line %d (%s) covers %d/%d of its period", i+1, l.Kind, l.Part.N, l.Part.D)
			continue
		}
		want := money.Line(l.Quantity, l.UnitPrice, l.Part, inv.Currency, c.cat.Rounding)
		if l.Counted != nil {
			want = l.Counted.amount(inv.Currency, c.cat.Rounding)
		}
		if l.TaxOf != nil {
			c.tax(i, l, inv)
			continue
		}
		if want.Cmp(l.Amount) != 0 {
			c.fail("line %d (%s) is %s, its figures make %s", i+1, l.Kind, l.Amount, want)
		}
	}
}

// invoice: the total is the sum of the lines, what is due is the total less
// the credits, and exactly that is charged or listed as uncollected.
func (c *checker) invoice(o *Outcome) {
	inv := o.Invoice
	sum := money.Zero(inv.Currency)
	for i := range inv.Lines {
		sum = sum.Add(inv.Lines[i].Amount)
	}
	if sum.Cmp(inv.Total) != 0 {
		c.fail("the lines make %s, the invoice's total is %s", sum, inv.Total)
	}
	if inv.Total.Sign() < 0 || inv.AmountDue.Sign() < 0 || inv.CreditsApplied.Sign() < 0 {
		c.fail("total %s, credits %s, due %s: none may be below zero", inv.Total, inv.CreditsApplied, inv.AmountDue)
	}
	if inv.AmountDue.Cmp(inv.Total.Sub(inv.CreditsApplied)) != 0 {
		c.fail("total %s less credits %s is not the %s due", inv.Total, inv.CreditsApplied, inv.AmountDue)
	}
	asked := money.Zero(inv.Currency)
	if o.Charge != nil {
		asked = asked.Add(o.Charge.Amount)
	}
	if o.Uncollected != nil {
		asked = asked.Add(o.Uncollected.Amount)
	}
	if asked.Cmp(inv.AmountDue) != 0 {
		c.fail("%s is due, %s is charged or uncollected", inv.AmountDue, asked)
	}
}

// creditNote: its lines are below zero and make its total, nothing of it is
// due, and exactly that is given back: on charges, each once and not twice, and
// to the credit that had paid.
func (c *checker) creditNote(o *Outcome) {
	given := money.Zero(o.Account.Currency)
	var charges []string
	for _, r := range o.Refunds {
		given = given.Add(r.Amount)
		if r.Amount.Sign() <= 0 || r.ChargeID == "" || slices.Contains(charges, r.ChargeID) {
			c.fail("refund %s of %s on charge %q: want an amount above zero, and each charge once", r.ID, r.Amount, r.ChargeID)
		}
		charges = append(charges, r.ChargeID)
	}
	note := o.CreditNote
	if note == nil {
		if len(o.Refunds) > 0 {
			c.fail("%d refunds without a credit note", len(o.Refunds))
		}
		return
	}
	c.lines(note)
	sum := money.Zero(o.Account.Currency)
	for _, l := range note.Lines {
		sum = sum.Add(l.Amount)
	}
	if sum.Cmp(note.Total) != 0 || note.Total.Sign() >= 0 || note.AmountDue.Sign() != 0 || note.CreditsApplied.Sign() > 0 ||
		given.Sub(note.CreditsApplied).Cmp(note.Total.Neg()) != 0 {
		c.fail("credit note of %s: its lines make %s, %s is given back, credits %s, %s is due", note.Total, sum, given, note.CreditsApplied, note.AmountDue)
	}
}

// retries: each is of an amount that was unpaid the day before, or became so
// today, in full, on the method on file, and no attempt is made twice.
func (c *checker) retries(before *Account, o *Outcome) {
	var ids []string
	for _, r := range o.Retries {
		i := slices.IndexFunc(before.Collections, func(x Collection) bool { return x.InvoiceID == r.InvoiceID })
		switch {
		case i < 0:
			c.fail("charge %s is of no open invoice", r.ID)
		case before.Collections[i].Amount.Sub(o.settled(r.InvoiceID)).Cmp(r.Amount) != 0 || r.Attempt <= before.Collections[i].Attempt || r.Method != o.Account.Method:
			c.fail("charge %s: attempt %d of %s by %q, the invoice has %s due", r.ID, r.Attempt, r.Amount, r.Method, before.Collections[i].Amount)
		case slices.Contains(ids, r.ID):
			c.fail("charge %s is made twice", r.ID)
		}
		ids = append(ids, r.ID)
	}
}

// settled is what open credit has paid of a document.
func (o *Outcome) settled(invoiceID string) money.Amount {
	sum := money.Zero(o.Account.Currency)
	for _, s := range o.Settled {
		if s.InvoiceID == invoiceID {
			sum = sum.Add(s.Amount)
		}
	}
	return sum
}

// movements: opening + added − used − lapsed = closing, nothing below zero,
// the opening is what the account had before and the closing what it has now,
// and the prepaid money used is what the invoice applied.
func (c *checker) movements(before *Account, o *Outcome) {
	used := money.Zero(o.Account.Currency)
	opened, closed := len(before.Balances), len(o.Account.Balances)
	for _, m := range o.Movements {
		if m.Closing.Cmp(m.Opening.Add(m.Added).Sub(m.Used).Sub(m.Lapsed)) != 0 || m.Closing.Sign() < 0 {
			c.fail("balance %s: %s + %s − %s − %s is not %s, or below zero", m.Balance, m.Opening, m.Added, m.Used, m.Lapsed, m.Closing)
		}
		was, is := balanceOf(before, m.Balance), balanceOf(&o.Account, m.Balance)
		if was.Cmp(m.Opening) != 0 || is.Cmp(m.Closing) != 0 {
			c.fail("balance %s: the account had %s and has %s, the movement says %s and %s", m.Balance, was, is, m.Opening, m.Closing)
		}
		if m.Balance == UnusedTimeBalance {
			continue
		}
		if m.Used.Currency() == o.Account.Currency { // units make lines of price zero
			used = used.Add(m.Used)
		}
		if m.Opening.Sign() != 0 {
			opened--
		}
		if m.Closing.Sign() != 0 {
			closed--
		}
	}
	if opened != 0 || closed != 0 {
		c.fail("a balance has no movement: %d of before, %d of after", opened, closed)
	}
	applied := money.Zero(o.Account.Currency)
	if o.Invoice != nil {
		applied = o.Invoice.CreditsApplied
	}
	settled := money.Zero(o.Account.Currency)
	for _, s := range o.Settled {
		settled = settled.Add(s.Amount)
	}
	returned := money.Zero(o.Account.Currency)
	for _, m := range o.Movements {
		if m.Balance == CorrectionCredit {
			returned = returned.Add(m.Added)
		}
	}
	if note := o.CreditNote; note != nil {
		returned = returned.Add(note.CreditsApplied)
	}
	if returned.Sign() != 0 {
		c.fail("balance %s gets %s more than the credit note gives back to it", CorrectionCredit, returned)
	}
	if used.Cmp(applied.Add(settled)) != 0 {
		c.fail("balances gave %s, the invoice applied %s, earlier ones %s", used, applied, settled)
	}
}

// balanceOf is what an account has of a balance, or of open credit for unused
// time.
func balanceOf(a *Account, name string) money.Amount {
	sum := money.Amount{}
	if name == UnusedTimeBalance {
		return a.UnusedTime()
	}
	for _, b := range a.Balances {
		if b.Name == name {
			sum = sum.Add(b.Amount)
		}
	}
	return sum
}
