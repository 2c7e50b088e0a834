package rating

import (
	"fmt"

	"ratemill/rating/calendar"
)

// payments takes over what became of charges, and tries failed ones again
// (rules G-13, CH-3). What a rerate left open is settled: its credit pays what
// is unpaid, and its amounts due are asked for.
func (b *billing) payments(events []PaymentEvent) {
	for i := range events {
		e := &events[i]
		c, reason, detail := b.refuseResult(e)
		switch {
		case reason == NoChange:
			b.leaveOut(e.Origin, NoChange)
		case reason != "":
			b.reject(e.Origin, reason, detail)
		case e.Status == string(Succeeded):
			b.succeed(c, e)
		default:
			b.fail(c, e)
		}
	}
	b.settleUnpaid()
	for i := range b.account.Collections {
		b.askFor(&b.account.Collections[i])
		b.retry(&b.account.Collections[i])
	}
}

// refuseResult is the ladder of reasons why a result cannot be taken. A success
// is final, and a failure counts for the attempt that is waited for.
func (b *billing) refuseResult(e *PaymentEvent) (*Collection, Reason, string) {
	if !b.account.Exists() && len(b.account.Collections) == 0 {
		return nil, UnknownAccount, ""
	}
	if e.Status != string(Succeeded) && e.Status != string(Failed) {
		return nil, UnknownStatus, fmt.Sprintf("status %q, want succeeded or failed", e.Status)
	}
	c, attempt := b.collection(e.ChargeID)
	switch {
	case c == nil:
		return nil, UnknownCharge, fmt.Sprintf("charge %q", e.ChargeID)
	case c.Status == Succeeded && e.Status == string(Failed):
		return nil, AlreadyPaid, "a success is final"
	case c.Status == Succeeded && c.PaidBy != e.ChargeID:
		return nil, PaidTwice, fmt.Sprintf("charge %s has paid the invoice of %s already", c.PaidBy, c.InvoicedOn)
	case c.Status == Succeeded:
		return nil, NoChange, ""
	case e.Status == string(Failed) && (c.Status != Requested || attempt != c.Attempt):
		return nil, NoChange, ""
	}
	return c, "", ""
}

// succeed takes the success of any attempt: the amount is paid.
func (b *billing) succeed(c *Collection, e *PaymentEvent) {
	_, attempt := b.collection(e.ChargeID)
	c.Status, c.Reason, c.NextAttemptOn, c.PaidBy = Succeeded, "", calendar.None, e.ChargeID
	p := c.payment(e.Day, e.Reference)
	p.ChargeID, p.Attempt = e.ChargeID, attempt
	b.out.Payments = append(b.out.Payments, p)
}

// fail plans the next attempt: so many days after the first failure, and not
// before the failure of this one has arrived.
func (b *billing) fail(c *Collection, e *PaymentEvent) {
	if c.FirstFailedOn == calendar.None {
		c.FirstFailedOn = e.Day
	}
	c.Status, c.Reason, c.NextAttemptOn = Failed, e.Reason, calendar.None
	switch days := b.retryDays(); {
	case b.account.Has(uninstalled):
	case c.Retries < len(days):
		c.NextAttemptOn = max(c.FirstFailedOn+Day(days[c.Retries]), b.day)
	}
	b.record(c, e.Day, e.Reference)
	if c.NextAttemptOn == calendar.None {
		c.Status = Uncollectable
		if b.account.Has(uninstalled) {
			c.Status, c.Reason = Ended, string(StoreRemoved)
		}
		b.record(c, b.day, "")
	}
}

func (b *billing) retryDays() []int {
	if b.version == nil || b.version.Payments == nil {
		return nil
	}
	return b.version.Payments.RetryAfter
}

// retry makes the next attempt of a collection if it is time for it, or if
// there is a new payment method for what is unpaid. Charges go to the method on
// file that day.
func (b *billing) retry(c *Collection) {
	due := c.Status == Failed && c.NextAttemptOn != calendar.None && c.NextAttemptOn <= b.day
	newMethod := c.AttemptedOn < b.account.MethodSince // an attempt of that day was made with it
	switch {
	case !c.unpaid():
		return
	case b.account.Has(uninstalled): // open retries end (rule CH-4)
		c.Status, c.Reason, c.NextAttemptOn = Ended, string(StoreRemoved), calendar.None
		b.record(c, b.day, "")
		return
	case !due && !newMethod, b.account.Customer.Test:
		return
	}
	if due {
		c.Retries++
	}
	c.NextAttemptOn = calendar.None
	if b.account.Method == "" {
		c.Status, c.Reason = Uncollectable, string(NoMethod)
		b.record(c, b.day, "")
		return
	}
	c.Attempt++
	c.Method, c.Status, c.AttemptedOn = b.account.Method, Requested, b.day
	b.out.Retries = append(b.out.Retries, c.charge(b.day))
	p := c.payment(b.day, "")
	p.Reason = ""
	b.out.Payments = append(b.out.Payments, p)
}
