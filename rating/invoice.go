package rating

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"ratemill/rating/calendar"
	"ratemill/rating/money"
)

// invoice puts all that fell on the day on one document (rule G-3). Open
// credit for unused time is taken first, up to the sum of the lines (rule
// G-7); prepaid balances are credits applied (rule G-4).
func (b *billing) invoice() {
	if len(b.lines) > 0 || b.settles() {
		b.lines, b.account.Waiting = append(b.lines, b.account.Waiting...), nil
		b.discounts()
		b.takeUnused()
		b.taxes()
		total := b.total()
		credits := b.creditsApplied(total)
		corrected := b.takeCorrection(total.Sub(credits))
		credits = credits.Add(corrected)
		inv := &b.memory.invoice
		*inv = Invoice{
			ID: DocumentID(b.cat.Name, b.account.ID, b.day, "invoice"), Account: b.account.ID, IssuedOn: b.day,
			Currency: b.account.Currency, Lines: b.lines, Total: total, CreditsApplied: credits, AmountDue: total.Sub(credits),
		}
		b.out.Invoice = inv
		if b.version != nil {
			b.keepRefundable(inv, corrected)
		}
		b.collect(inv)
	}
	if b.account.ClosedOn == b.day {
		b.lapse()
	}
}

// settles tells whether what waits for the next invoice is invoiced though
// nothing else is: at cancellation (rule G-7), and where open credit covers it
// all when something is added, so that nothing is to pay (rule TM-6).
func (b *billing) settles() bool {
	a := b.account
	if len(a.Waiting) == 0 {
		return false
	}
	if a.ClosedOn != calendar.None { // or after it, of a late row
		return true
	}
	open := money.Zero(a.Currency)
	for _, u := range a.Unused {
		open = open.Add(u.Amount)
	}
	for i := range a.Waiting {
		open = open.Sub(b.netAmount(&a.Waiting[i]))
	}
	return b.added && open.Sign() >= 0
}

// total is the sum of the lines as printed.
func (b *billing) total() money.Amount {
	sum := money.Zero(b.account.Currency)
	for i := range b.lines {
		sum = sum.Add(b.lines[i].Amount)
	}
	return sum
}

// takeUnused adds a line for each open credit that the invoice consumes.
func (b *billing) takeUnused() {
	open := b.total()
	for i := range b.account.Unused {
		u := &b.account.Unused[i]
		take := money.Min(u.Amount, open)
		if take.Sign() <= 0 {
			continue
		}
		b.addLine(Line{
			Kind: Credit, Rule: u.Rule, Description: u.Description, Quantity: whole(-1), UnitPrice: take.Value(), Part: money.Whole,
			Amount: take.Neg(), PeriodStart: u.PeriodStart, PeriodEnd: u.PeriodEnd,
			Calculation: fmt.Sprintf("%s open, %s taken", u.Amount, take),
		})
		u.Amount = u.Amount.Sub(take)
		open = open.Sub(take)
		b.move(UnusedTimeBalance).used(take)
	}
	b.account.Unused = slices.DeleteFunc(b.account.Unused, func(u UnusedTime) bool { return u.Amount.Sign() == 0 })
}

// creditsApplied is the prepaid money used for the invoice. It pays for the
// usage that drew it, less that usage's discounts, and for nothing else on the
// invoice; credit for unused time goes first. Draws beyond that are given back,
// the last one first.
func (b *billing) creditsApplied(total money.Amount) money.Amount {
	if len(b.draws) == 0 {
		return money.Zero(b.account.Currency)
	}
	all := make([]int, len(b.draws))
	byMeter := map[string][]int{} // looked up by meter alone
	for i, d := range b.draws {
		all[i] = i
		byMeter[d.meter] = append(byMeter[d.meter], i)
	}
	for i, d := range b.draws {
		if byMeter[d.meter][0] == i {
			b.boundDraws(byMeter[d.meter], b.netUsage(d.meter))
		}
	}
	return b.boundDraws(all, total)
}

// netUsage is what a meter's usage comes to on the invoice, within its bounds
// and less its discounts.
func (b *billing) netUsage(meter string) money.Amount {
	sum := money.Zero(b.account.Currency)
	for i := range b.net {
		if l := &b.lines[i]; l.Meter == meter && !l.Prepays && committedKind(l) == Metered {
			sum = sum.Add(b.net[i])
		}
	}
	return sum
}

// lapse ends open credit for unused time at cancellation (rule G-7).
func (b *billing) lapse() {
	for _, u := range b.account.Unused {
		b.move(UnusedTimeBalance).lapsed(u.Amount)
	}
	b.account.Unused = nil
}

// DocumentID is the id of an account's document of a day. It is made from
// what the document is, so that a rerun makes the same one.
func DocumentID(catalogName string, account AccountID, day calendar.Day, kind string) string {
	var room [256]byte // most texts fit
	text := append(append(room[:0], "ratemill document\x00"...), catalogName...)
	text = append(append(append(text, 0), account...), 0)
	text = append(append(day.Append(text), 0), kind...)
	sum := sha256.Sum256(text)
	prefix := "in_"
	if kind == "credit_note" {
		prefix = "cn_"
	}
	return string(hex.AppendEncode(append(room[:0], prefix...), sum[:12]))
}

// ChargeID is the idempotency key of an attempt to collect an invoice.
func ChargeID(invoiceID string, attempt int) string {
	return "ch_" + invoiceID[len("in_"):] + "_" + strconv.Itoa(attempt) // the prefixes of notes are as long
}
