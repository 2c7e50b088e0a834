package rating

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/money"
)

// Refundable is what an account paid of one line and may get back under a
// guarantee. It is kept as long as the guarantee can be claimed.
type Refundable struct {
	InvoiceID   string
	Kind        LineKind
	Rule        RuleID // of a tax; else empty
	Description string
	PeriodStart Day
	PeriodEnd   Day // first day after
	Amount      money.Amount

	// The last attempt to collect it. What a rerate's credit has paid has no
	// charge, and CorrectionCredit as its method.
	ChargeID string
	Method   string
}

func (r *Refundable) byCredit() bool { return r.Method == CorrectionCredit }

// paidBy is what paid it, in words.
func (r *Refundable) paidBy() string {
	if r.byCredit() {
		return CorrectionCredit
	}
	return r.ChargeID
}

// askForRefund notes a request. What became of the charges is known at the end
// of the day, and a cancellation of the same day counts whenever it came.
func (b *billing) askForRefund(e *AccountEvent) (Reason, string) {
	b.refundAsked = append(b.refundAsked, e)
	b.noteLate(e, "")
	return "", ""
}

// refunds gives back what the guarantee says (rule MK-12), as a credit note
// (rule G-14).
func (b *billing) refunds() {
	if len(b.refundAsked) > 0 {
		b.linkRefundable()
	}
	for _, e := range b.refundAsked {
		reason, detail := b.refuseRefund(e)
		if reason == "" {
			reason, detail = b.giveBack(b.version.Guarantee)
		}
		if reason != "" {
			b.reject(e.Origin, reason, detail)
		}
	}
}

// refuseRefund is the ladder of reasons why nothing is given back.
func (b *billing) refuseRefund(e *AccountEvent) (Reason, string) {
	a, g := b.account, b.version.Guarantee
	switch {
	case g == nil:
		return NotAllowed, "the catalog has no guarantee"
	case e.Offer != "" && e.Offer != g.Offer:
		return NoOffer, fmt.Sprintf("offer %q", e.Offer)
	case !slices.Contains(a.Offers, g.Offer):
		return NoOffer, fmt.Sprintf("the account does not have %s", g.Offer)
	}
	if why := b.excluded(g); why != "" {
		return NotEligible, why
	}
	last := a.FirstPurchaseOn + Day(g.Within)
	switch {
	case a.ClosedOn == calendar.None:
		return NotCancelled, "the account is open"
	case a.FirstPurchaseOn != calendar.None && a.ClosedOn > last:
		return TooLate, fmt.Sprintf("first purchase on %s, cancelled on %s, after %s", a.FirstPurchaseOn, a.ClosedOn, last)
	}
	return "", ""
}

// excluded tells why the guarantee is not for the account, or nothing.
func (b *billing) excluded(g *catalog.Guarantee) string {
	a := b.account
	switch {
	case slices.Contains(g.NotTerms, a.Term):
		return "not for term " + a.Term
	case slices.Contains(g.NotPlans, a.Plan):
		return "not for plan " + a.Plan
	case slices.Contains(g.NotFor, catalog.WithTrial) && a.TrialEndsOn != calendar.None:
		return "not for accounts with a free trial"
	case slices.Contains(g.NotFor, catalog.EverSuspended) && a.Has(catalog.EverSuspended):
		return "not for accounts that were suspended"
	case slices.Contains(g.NotFor, catalog.BillingDelayed) && a.Has(catalog.BillingDelayed):
		return "not for accounts whose billing was delayed"
	}
	return ""
}

// giveBack makes the credit note: a line for each paid line of the kinds that
// the guarantee covers, and a refund for each charge. A charge counts as paid
// unless a failure stands. What a rerate's credit has paid goes back to it.
// What rounds to nothing makes neither.
func (b *billing) giveBack(g *catalog.Guarantee) (Reason, string) {
	a := b.account
	if b.out.CreditNote != nil {
		return NothingPaid, "given back today already"
	}
	none := money.Zero(a.Currency)
	note := &Invoice{
		ID: DocumentID(b.cat.Name, a.ID, b.day, "credit_note"), Account: a.ID, IssuedOn: b.day, Currency: a.Currency,
		Total: none, CreditsApplied: none, AmountDue: none,
	}
	var failed []Refundable
	for i, r := range a.Refundable {
		if b.failureStands(r.InvoiceID) || r.paidBy() == "" {
			failed = append(failed, r)
			continue
		}
		before := paidBefore(a.Refundable[:i], &r)
		amount := b.percentOf(g.Percent, none.Add(before).Add(r.Amount)).Sub(b.percentOf(g.Percent, none.Add(before)))
		if amount.Sign() == 0 {
			continue
		}
		if r.Rule != "" {
			b.giveTaxBack(note, &r, amount)
			continue
		}
		l := b.line(Line{
			Kind: GivenUp, Rule: g.Rule, Description: "refund of " + r.Description, Quantity: whole(-1), UnitPrice: amount.Value(), Part: money.Whole,
			PeriodStart: r.PeriodStart, PeriodEnd: r.PeriodEnd,
		})
		l.Calculation = fmt.Sprintf("%s %% of %s paid by %s", g.Percent, r.Amount, r.paidBy())
		note.Lines = append(note.Lines, l)
		note.Total = note.Total.Add(l.Amount)
		b.refund(note, &r, amount)
	}
	if note.Total.Sign() == 0 {
		why := "nothing paid is left to give back"
		if len(failed) < len(a.Refundable) {
			why = fmt.Sprintf("%s %% of what was paid rounds to %s", g.Percent, none)
		}
		return NothingPaid, fmt.Sprintf("%s; %d charges failed", why, len(failed))
	}
	a.Refundable = failed
	b.out.CreditNote = note
	return "", ""
}

// paidBefore is what other charges, or credit, paid of the same line: it is
// rounded as one.
func paidBefore(parts []Refundable, r *Refundable) money.Amount {
	sum := money.Amount{}
	for i := range parts {
		if p := &parts[i]; p.InvoiceID == r.InvoiceID && p.sameLine(r) {
			sum = sum.Add(p.Amount)
		}
	}
	return sum
}

func (r *Refundable) sameLine(o *Refundable) bool {
	return r.Kind == o.Kind && r.Rule == o.Rule && r.Description == o.Description && r.PeriodStart == o.PeriodStart && r.PeriodEnd == o.PeriodEnd
}

// refund adds an amount to what is given back on a charge, or to the credit
// that paid it.
func (b *billing) refund(note *Invoice, r *Refundable, amount money.Amount) {
	if r.byCredit() {
		note.CreditsApplied = note.CreditsApplied.Sub(amount)
		b.move(CorrectionCredit).added(amount)
		return
	}
	for i := range b.out.Refunds {
		if of := &b.out.Refunds[i]; of.ChargeID == r.ChargeID {
			of.Amount = of.Amount.Add(amount)
			return
		}
	}
	b.out.Refunds = append(b.out.Refunds, Refund{
		ID: RefundID(note.ID, r.ChargeID), CreditNoteID: note.ID, ChargeID: r.ChargeID, Amount: amount, Method: r.Method,
	})
}

// RefundID is the idempotency key of what a credit note gives back on a charge.
func RefundID(creditNoteID, chargeID string) string {
	sum := sha256.Sum256([]byte("ratemill refund\x00" + creditNoteID + "\x00" + chargeID))
	return "re_" + hex.EncodeToString(sum[:12])
}

// refundable tells whether something of an invoice may be given back.
func (b *billing) refundable(invoiceID string) bool {
	return slices.ContainsFunc(b.account.Refundable, func(r Refundable) bool { return r.InvoiceID == invoiceID })
}

func (b *billing) failureStands(invoiceID string) bool {
	return slices.ContainsFunc(b.account.Collections, func(c Collection) bool { return c.InvoiceID == invoiceID && (c.open() || c.Status == Ended) })
}

// keepRefundable keeps what the day's invoice charges for lines that the
// guarantee covers, less their discounts, and not more than was due and than
// a rerate's credit has paid of it.
func (b *billing) keepRefundable(inv *Invoice, credit money.Amount) {
	g := b.version.Guarantee
	if !b.claimable(g) {
		return
	}
	paid := []paying{{"", inv.AmountDue}, {CorrectionCredit, credit}}
	prepaid := b.prepaid()
	for i := range b.net {
		l, net := &b.lines[i], b.net[i]
		if l.Kind == Metered && net.Sign() > 0 { // what balances paid is nothing that the invoice charged
			drawn := money.Min(prepaid[l.Meter].Add(money.Zero(inv.Currency)), net)
			prepaid[l.Meter], net = prepaid[l.Meter].Sub(drawn), net.Sub(drawn)
		}
		if l.Prepays || !contains(g.Of, l.charges()) || net.Sign() <= 0 || l.charges() == BaseFee && b.renewedAs(g.NotPlans) {
			continue
		}
		kept := b.keepPaid(paid, net, Refundable{
			InvoiceID: inv.ID, Kind: l.Kind, Description: l.Description, PeriodStart: l.PeriodStart, PeriodEnd: l.PeriodEnd,
		})
		if kept {
			b.keepTaxes(inv, i, paid)
		}
	}
}

// prepaid is what balances of money paid of each meter's usage, looked up by
// meter.
func (b *billing) prepaid() map[string]money.Amount {
	of := map[string]money.Amount{}
	for _, d := range b.draws {
		of[d.meter] = of[d.meter].Add(d.Left)
	}
	return of
}

// paying is what an invoice is paid by, and what of it is left.
type paying struct {
	method string // empty: its charge
	left   money.Amount
}

// keepPaid keeps what is paid of an amount, and tells whether anything is.
func (b *billing) keepPaid(paid []paying, amount money.Amount, r Refundable) (kept bool) {
	for i := range paid {
		p := &paid[i]
		r.Method, r.Amount = p.method, money.Min(amount, p.left)
		if r.Amount.Sign() <= 0 {
			continue
		}
		p.left, amount = p.left.Sub(r.Amount), amount.Sub(r.Amount)
		b.account.Refundable, kept = append(b.account.Refundable, r), true
	}
	return kept
}

// renewedAs tells whether the day's renewal is of one of these plans, which the
// account may have left since (rule G-6).
func (b *billing) renewedAs(plans []string) bool {
	return b.renewal != nil && b.renewal.plan != nil && slices.Contains(plans, b.renewal.plan.Name)
}

// claimable tells whether the account can still come to claim the guarantee.
func (b *billing) claimable(g *catalog.Guarantee) bool {
	a := b.account
	if g == nil || !slices.Contains(a.Offers, g.Offer) || b.excluded(g) != "" {
		return false
	}
	day := b.day
	if a.ClosedOn != calendar.None {
		day = a.ClosedOn
	}
	return a.FirstPurchaseOn == calendar.None || day <= a.FirstPurchaseOn+Day(g.Within)
}

// forgetRefundable drops what may be given back when it cannot be claimed any
// more, and what was never paid.
func (b *billing) forgetRefundable() {
	if b.version != nil && !b.claimable(b.version.Guarantee) {
		b.account.Refundable = nil
	}
	for i := range b.account.Collections { // given up unpaid: there is nothing to give back
		if c := &b.account.Collections[i]; c.Status == Ended || c.Status == Credited {
			b.account.Refundable = slices.DeleteFunc(b.account.Refundable, func(r Refundable) bool { return r.InvoiceID == c.InvoiceID && !r.byCredit() })
		}
	}
}

// linkRefundable names the charges by which what may be given back was
// collected last.
func (b *billing) linkRefundable() {
	a := b.account
	for i := range a.Refundable {
		r := &a.Refundable[i]
		for j := range a.Collections {
			if c := &a.Collections[j]; c.InvoiceID == r.InvoiceID && !r.byCredit() {
				r.ChargeID, r.Method = c.ChargeID(), c.Method
			}
		}
	}
}
