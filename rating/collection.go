package rating

import (
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/money"
)

// Collection is an invoice's amount due on its way to being paid. The account
// keeps what has failed until it is paid, and what was asked for or paid as far
// back as the window reaches and as long as it may be given back: without word
// of it, it counts as paid.
type Collection struct {
	InvoiceID     string
	InvoicedOn    Day
	Amount        money.Amount
	Attempt       int    // the last one, from 1; where there was no method on file, the one that could not be made
	Method        string // of that attempt; empty: there was none
	Status        CollectionStatus
	AttemptedOn   Day    // of that attempt
	FirstFailedOn Day    // None: none has failed
	Retries       int    // made of those that the catalog has
	NextAttemptOn Day    // None: no further one is planned
	Reason        string // of the last failure
	PaidBy        string // the charge that succeeded, which need not be that of the last attempt
	FirstUnmade   bool   // attempt 1 could not be made: there was no method on file
}

// CollectionStatus is where a collection stands.
type CollectionStatus string

const (
	Requested     CollectionStatus = "requested" // its result has not arrived
	Failed        CollectionStatus = "failed"    // tried again on NextAttemptOn
	Uncollectable CollectionStatus = "uncollectable"
	Succeeded     CollectionStatus = "succeeded"
	Ended         CollectionStatus = "ended"    // given up by a rule
	Unasked       CollectionStatus = "unasked"  // of a rerate: the next night asks for it
	Credited      CollectionStatus = "credited" // paid by open credit of a rerate
)

// unpaid tells whether nothing is on its way that could pay.
func (c *Collection) unpaid() bool { return c.Status == Failed || c.Status == Uncollectable }

// open tells whether a failure stands: until an attempt succeeds, also while
// the result of the next one is waited for.
func (c *Collection) open() bool {
	return c.unpaid() || c.Status == Requested && c.FirstFailedOn != calendar.None
}

// ChargeID is the charge of the last attempt, or of the one that paid; empty
// where none could be made.
func (c *Collection) ChargeID() string {
	if c.PaidBy != "" {
		return c.PaidBy
	}
	if c.Method == "" {
		return ""
	}
	return ChargeID(c.InvoiceID, c.Attempt)
}

// Payment is what the day learnt of a collection, or did about it: a row of
// the payment history, or of the failed payments.
type Payment struct {
	Collection
	ChargeID   string // of the attempt that it is about; empty: none could be made
	Attempt    int
	Status     CollectionStatus
	Reason     string
	Reference  string // the processor's
	OccurredOn Day
}

// collect charges the amount due to the method on file; without one it is
// listed as uncollectable (rules G-3, G-13). Nothing is owed by a test account,
// and nothing stays open.
func (b *billing) collect(inv *Invoice) {
	if inv.AmountDue.Sign() <= 0 {
		return
	}
	if b.account.Customer.Test {
		b.out.Uncollected = &Uncollected{inv.ID, inv.AmountDue, TestAccount}
		return
	}
	c := Collection{InvoiceID: inv.ID, InvoicedOn: b.day, Amount: inv.AmountDue, Attempt: 1, Method: b.account.Method, Status: Requested, AttemptedOn: b.day}
	if c.Method == "" {
		c.Status, c.Reason, c.FirstUnmade = Uncollectable, string(NoMethod), true
		b.out.Uncollected = &Uncollected{inv.ID, inv.AmountDue, NoMethod}
	} else {
		b.memory.charge = c.charge(b.day)
		b.out.Charge = &b.memory.charge
		b.record(&c, b.day, "")
	}
	b.account.Collections = append(b.account.Collections, c)
}

func (c *Collection) charge(day Day) Charge {
	return Charge{ID: c.ChargeID(), InvoiceID: c.InvoiceID, Amount: c.Amount, Method: c.Method, Attempt: c.Attempt, CollectOn: day}
}

// record puts a collection as it stands into the payment history.
func (b *billing) record(c *Collection, on Day, reference string) {
	b.out.Payments = append(b.out.Payments, c.payment(on, reference))
}

func (c *Collection) payment(on Day, reference string) Payment {
	return Payment{Collection: *c, ChargeID: c.ChargeID(), Attempt: c.Attempt, Status: c.Status, Reason: c.Reason, Reference: reference, OccurredOn: on}
}

// collection is the collection that a charge is an attempt of, and which
// attempt; nil where there is none. An attempt that could not be made has no
// charge.
func (b *billing) collection(chargeID string) (c *Collection, attempt int) {
	for i := range b.account.Collections {
		c := &b.account.Collections[i]
		for n := c.Attempt; n >= 1; n-- {
			if !(n == 1 && c.FirstUnmade) && ChargeID(c.InvoiceID, n) == chargeID {
				return c, n
			}
		}
	}
	return nil, 0
}

// Open is what did not go through and is not paid: the failed payments.
func (a *Account) Open() []Payment {
	var open []Payment
	for i := range a.Collections {
		c := &a.Collections[i]
		if c.open() {
			open = append(open, c.payment(c.AttemptedOn, ""))
		}
	}
	return open
}

// forgetCollections drops what was asked for or paid before the window, but for
// what a guarantee may give back: a failure that comes late must stand.
func (b *billing) forgetCollections() {
	a := b.account
	oldest := b.day - Day(b.cat.WindowDays)
	a.Collections = slices.DeleteFunc(a.Collections, func(c Collection) bool {
		return c.Status == Ended || c.Status == Credited || c.Status != Unasked && !c.open() && c.AttemptedOn <= oldest && !b.refundable(c.InvoiceID)
	})
}
