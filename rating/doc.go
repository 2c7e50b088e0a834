// Package rating is the pure core: what one billing day does to one account.
//
// Bill is a function of values. It does no I/O, reads no clock and no
// environment, starts no goroutine and knows no file format; the same
// arguments give the same Outcome. A Biller does the same for one account after
// the other in memory that it uses again (biller.go). Within a day it goes
// through ten steps, each a function of that name in this order:
//
//  1. renew: note a renewal due on the day, with the plan and term pending at
//     its start (takePending); nothing renews while suspended.
//  2. accountEvents: what happened to the account, in time order. life.go has
//     the list of handlers; each lives in a file of its own: sign_up, closing,
//     plan_change, term_change, suspension, billing_date, nonprofit,
//     payment_method, credits, subscriptions, services, guarantee.
//  3. readings: levels such as contact counts; ladders of upgrades are climbed.
//  4. seats: users come and go; the level at the end of the day counts.
//  5. recurring: the renewal's lines, a plan change's, and what the day's levels
//     need beyond it, with the quantities of the end of the day.
//  6. usage: the day's metered usage is priced, counted for a price of all of
//     it (Tally), or counted against an allowance.
//  7. due: usage whose charge falls due becomes lines, that of earlier days
//     before what expired lapses (grants.go); balances are drawn, minimums
//     applied; commitments bring a period within its plan's bounds.
//  8. payments: what became of charges is taken over, and failed ones are tried
//     again.
//  9. invoice: one document holds all that fell on the day and what waited for
//     the next invoice, less discounts and open credit for unused time; what is
//     due is collected.
//  10. refunds: what a guarantee gives back becomes a credit note. It comes last,
//     so that a cancellation or a failure of the same day counts whenever it came.
//
// Every line carries the rule that made it and its arithmetic with the
// figures, so that explaining a bill is reading it. What a rule refuses is a
// Rejection with a Reason, never an error and never silence.
//
// The order of refusals is fixed and effects come last: a function first finds
// out why an event cannot be, and changes the account only when it can.
package rating
