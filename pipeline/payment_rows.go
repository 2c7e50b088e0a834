package pipeline

import (
	"ratemill/rating"
	"ratemill/writers"
)

// paymentRows are what is to be collected and given back, and what became of
// what was to be collected before.
func (f *fitter) paymentRows(d *documents, o *rating.Outcome) {
	a := &o.Account
	for i := range o.Retries {
		d.charges = append(d.charges, f.chargeRow(a, &o.Retries[i]))
	}
	if o.Charge != nil {
		d.charges = append(d.charges, f.chargeRow(a, o.Charge))
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
	d.failed = append(d.failed, openRows(a)...)
	for i := range o.GivenUp {
		d.uncollected = append(d.uncollected, f.uncollectedRow(a, &o.GivenUp[i]))
	}
	if o.Uncollected != nil {
		d.uncollected = append(d.uncollected, f.uncollectedRow(a, o.Uncollected))
	}
}

func (f *fitter) chargeRow(a *rating.Account, c *rating.Charge) writers.Charge {
	return writers.Charge{
		ChargeID: c.ID, InvoiceID: c.InvoiceID, AccountID: string(a.ID), Amount: f.money("charge", "", c.Amount), Currency: a.Currency.Code,
		Method: c.Method, Attempt: int32(c.Attempt), CollectOn: int32(c.CollectOn),
	}
}

func (f *fitter) uncollectedRow(a *rating.Account, u *rating.Uncollected) writers.PaymentAttempt {
	return writers.PaymentAttempt{
		InvoiceID: u.InvoiceID, Amount: f.money("uncollectable", "", u.Amount), Currency: a.Currency.Code, Reason: string(u.Reason),
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
