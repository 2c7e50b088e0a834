package rating

import (
	"slices"

	"ratemill/rating/money"
)

// CorrectionCredit is the balance in which a rerate keeps what an account was
// asked for and should not have been. It is money like a payment: it pays what
// is unpaid, then what invoices leave to pay, after every other balance, and
// no price, minimum or allowance depends on it.
const CorrectionCredit = "correction_credit"

// takeCorrection pays of an invoice what open credit of a rerate covers.
func (b *billing) takeCorrection(open money.Amount) money.Amount {
	take := money.Min(b.correctionCredit(), open)
	if take.Sign() <= 0 {
		return money.Zero(b.account.Currency)
	}
	b.move(CorrectionCredit).used(take)
	return take
}

func (b *billing) correctionCredit() money.Amount {
	if m := b.moves[CorrectionCredit]; m != nil {
		return m.Closing
	}
	return money.Zero(b.account.Currency)
}

// settleUnpaid pays what is unpaid of earlier documents, the oldest first: a
// card that failed is not charged again for what should not have been asked.
func (b *billing) settleUnpaid() {
	for i := range b.account.Collections {
		c := &b.account.Collections[i]
		take := money.Min(b.correctionCredit(), c.Amount)
		if !c.unpaid() && c.Status != Unasked || take.Sign() <= 0 {
			continue
		}
		b.move(CorrectionCredit).used(take)
		b.out.Settled = append(b.out.Settled, Settled{c.InvoiceID, take})
		if c.Status == Unasked && c.Attempt == 0 {
			b.out.GivenUp = append(b.out.GivenUp, Uncollected{c.InvoiceID, take, PaidByCredit})
		}
		p := c.payment(b.day, "")
		p.Status, p.ChargeID, p.Reason, p.Collection.Amount, p.NextAttemptOn = Credited, "", "", take, 0
		b.out.Payments = append(b.out.Payments, p)
		if c.Amount = c.Amount.Sub(take); c.Amount.Sign() == 0 {
			c.Status, c.Reason, c.NextAttemptOn = Credited, "", 0
		}
		b.capRefundable(c)
	}
}

// capRefundable keeps what a guarantee may give back of a document within what
// is left to be paid by a charge.
func (b *billing) capRefundable(c *Collection) {
	left := c.Amount
	for i := range b.account.Refundable {
		if r := &b.account.Refundable[i]; r.InvoiceID == c.InvoiceID {
			r.Amount = money.Min(r.Amount, left)
			left = left.Sub(r.Amount)
		}
	}
	b.account.Refundable = slices.DeleteFunc(b.account.Refundable, func(r Refundable) bool { return r.Amount.Sign() == 0 })
}

// askFor makes the first attempt at what a rerate left open, and one at what
// was unpaid when it found another payment method.
func (b *billing) askFor(c *Collection) {
	if c.Status != Unasked {
		return
	}
	first := c.Attempt == 0
	giveUp := func(status CollectionStatus, reason Reason) {
		c.Status, c.Reason = status, string(reason)
		if first {
			b.out.GivenUp = append(b.out.GivenUp, Uncollected{c.InvoiceID, c.Amount, reason})
		}
		b.record(c, b.day, "")
	}
	switch {
	case b.account.Has(uninstalled):
		giveUp(Ended, StoreRemoved)
		return
	case b.account.Customer.Test:
		giveUp(Ended, TestAccount)
		return
	}
	c.Attempt++
	c.Method, c.AttemptedOn = b.account.Method, b.day
	if c.Method == "" {
		giveUp(Uncollectable, NoMethod)
		return
	}
	c.Status = Requested
	b.out.Retries = append(b.out.Retries, c.charge(b.day))
	p := c.payment(b.day, "")
	p.Reason = ""
	b.out.Payments = append(b.out.Payments, p)
}
