package pipeline

import (
	"slices"

	"ratemill/rating"
	"ratemill/writers"
)

// paymentRows are what is to be collected and given back, and what became of
// what was to be collected before.
func (f *fitter) paymentRows(d *documents, o *rating.Outcome) {
	a := &o.Account
	charges := slices.Clone(o.Retries)
	if o.Charge != nil {
		charges = append(charges, *o.Charge)
	}
	for _, c := range charges {
		d.charges = append(d.charges, writers.Charge{
			ChargeID: c.ID, InvoiceID: c.InvoiceID, AccountID: string(a.ID), Amount: f.money("charge", "", c.Amount), Currency: a.Currency.Code,
			Method: c.Method, Attempt: int32(c.Attempt), CollectOn: int32(c.CollectOn),
		})
	}
	for _, r := range o.Refunds {
		d.refunds = append(d.refunds, writers.Refund{
			RefundID: r.ID, CreditNoteID: r.CreditNoteID, ChargeID: r.ChargeID, AccountID: string(a.ID),
			Amount: f.money("refund", "", r.Amount), Currency: a.Currency.Code, Method: r.Method,
		})
	}
	for i := range o.Payments {
		d.history = append(d.history, paymentRow(a, &o.Payments[i]))
	}
	d.failed = openRows(a)
	given := slices.Clone(o.GivenUp)
	if u := o.Uncollected; u != nil {
		given = append(given, *u)
	}
	for _, u := range given {
		d.uncollected = append(d.uncollected, writers.PaymentAttempt{
			InvoiceID: u.InvoiceID, Amount: f.money("uncollectable", "", u.Amount), Currency: a.Currency.Code, Reason: string(u.Reason),
		})
	}
}

// openRows are an account's amounts that did not go through and are open.
func openRows(a *rating.Account) []writers.PaymentAttempt {
	var rows []writers.PaymentAttempt
	open := a.Open()
	for i := range open {
		rows = append(rows, paymentRow(a, &open[i]))
	}
	return rows
}

// paymentRow is a row of the payment history or of the failed payments. Its
// amount was due on an invoice: it fits.
func paymentRow(a *rating.Account, p *rating.Payment) writers.PaymentAttempt {
	row := writers.PaymentAttempt{
		ChargeID: p.ChargeID, InvoiceID: p.InvoiceID, InvoicedOn: int32(p.InvoicedOn), AccountID: string(a.ID), Attempt: int32(p.Attempt),
		Currency: a.Currency.Code, Method: p.Method, Status: string(p.Status), Reason: p.Reason, Reference: p.Reference,
		OccurredOn: int32(p.OccurredOn), NextAttemptOn: int32(p.NextAttemptOn),
	}
	row.Amount, _ = writers.Money(p.Amount)
	if p.ChargeID == "" {
		row.Attempt = 0
	}
	return row
}
