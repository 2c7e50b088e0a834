package rating_test

import (
	"fmt"
	"strings"

	"ratemill/rating"
	"ratemill/rating/calendar"
)

// render is what a day put out for an account, in this order:
//
//	DATE refused: ROW: REASON            a rule says no; final, and nobody need look
//	DATE rejected: ROW: REASON           a wrong row; final
//	DATE rejected for now: ROW: REASON   tried again every night
//	DATE left out: ROW: REASON           not wrong, and not billable
//	DATE plan ID FROM → TO CAUSE …       a plan change
//	DATE invoice ID total T [credits C] due D
//	  KIND AMOUNT RULE  what: arithmetic (days)
//	DATE charge ID AMOUNT METHOD, or
//	DATE uncollected ID AMOUNT REASON
//	DATE payment ID AMOUNT of DATE attempt N STATUS …     what became of an earlier charge, and what is done about it
//	DATE open ID AMOUNT of DATE attempt N STATUS          after these: what did not go through and is not paid yet
//	DATE credit note ID TOTAL, with its lines, and
//	DATE refund ID AMOUNT METHOD
//	DATE balance ID NAME CLOSING = OPENING + added − used − lapsed
//
// A day that put out nothing has no text.
func (s *scenario) render(day calendar.Day, o *rating.Outcome) string {
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, "%s "+format+"\n", append([]any{day}, args...)...) }
	for _, r := range o.Rejections {
		say("%s: %s: %s%s", verdict(r.Reason), s.rowText(r.Origin), r.Reason, inBrackets(r.Detail))
	}
	for _, u := range o.Unbillable {
		say("left out: %s: %s", s.rowText(u.Origin), u.Reason)
	}
	for _, c := range o.PlanChanges {
		say("plan %s %s", o.Account.ID, planChangeText(day, c))
	}
	if o.Invoice != nil {
		say("invoice %s", invoiceText(o.Invoice))
	}
	if c := o.Charge; c != nil {
		say("charge %s %s %s", o.Account.ID, c.Amount, c.Method)
	}
	if u := o.Uncollected; u != nil {
		say("uncollected %s %s %s", o.Account.ID, u.Amount, u.Reason)
	}
	s.renderPayments(o, say)
	if n := o.CreditNote; n != nil {
		say("credit note %s %s%s", n.Account, n.Total, linesText(n))
	}
	for _, r := range o.Refunds {
		say("refund %s %s %s", o.Account.ID, r.Amount, r.Method)
	}
	for _, m := range o.Movements {
		if m.Added.Sign() != 0 || m.Used.Sign() != 0 || m.Lapsed.Sign() != 0 {
			say("balance %s %s", o.Account.ID, movementText(m))
		}
	}
	return out.String()
}

func verdict(r rating.Reason) string {
	switch {
	case r.Refusal():
		return "refused"
	case r.Retryable():
		return "rejected for now"
	}
	return "rejected"
}

// rowText names a row, or the first of a group, as the case has it.
func (s *scenario) rowText(o rating.Origin) string {
	text := s.rows[o.Ref].text
	if o.Rows > 1 {
		text += fmt.Sprintf(" and %d more", o.Rows-1)
	}
	return text
}

func planChangeText(day calendar.Day, c rating.PlanChange) string {
	text := fmt.Sprintf("%s → %s %s", orNothing(c.From), orNothing(c.To), c.Cause)
	if c.Rule != "" {
		text += " " + string(c.Rule)
	}
	if c.EffectiveOn != day {
		text += fmt.Sprintf(", effective on %s", c.EffectiveOn)
	}
	if c.PriceFrom != calendar.None {
		text += fmt.Sprintf(", price from %s", c.PriceFrom)
	}
	if c.NeedsRerate {
		text += ", needs_rerate"
	}
	return text + inBrackets(c.Detail)
}

func invoiceText(inv *rating.Invoice) string {
	text := fmt.Sprintf("%s total %s", inv.Account, inv.Total)
	if inv.CreditsApplied.Sign() != 0 {
		text += fmt.Sprintf(" credits %s", inv.CreditsApplied)
	}
	return text + fmt.Sprintf(" due %s", inv.AmountDue) + linesText(inv)
}

// renderPayments leaves out that the day's invoice was put into the charge
// file, which its charge says.
func (s *scenario) renderPayments(o *rating.Outcome, say func(string, ...any)) {
	text := func(p rating.Payment) string {
		text := fmt.Sprintf("%s %s of %s attempt %d %s", o.Account.ID, p.Amount, p.InvoicedOn, p.Attempt, p.Status)
		if p.Reason != "" {
			text += " " + p.Reason
		}
		if p.Status == rating.Requested {
			text += " " + p.Method
		}
		if p.NextAttemptOn != calendar.None {
			text += fmt.Sprintf(", next on %s", p.NextAttemptOn)
		}
		return text
	}
	said := false
	for _, p := range o.Payments {
		if p.InvoicedOn != o.Account.BilledThrough {
			say("payment %s", text(p))
			said = true
		}
	}
	for _, p := range o.Account.Open() {
		if said {
			say("open %s", text(p))
		}
	}
}

func linesText(inv *rating.Invoice) (text string) {
	for _, l := range inv.Lines {
		text += fmt.Sprintf("\n  %-8s %8s  %-5s  %s: %s (%s)", l.Kind, l.Amount, l.Rule, l.Description, l.Calculation, daysText(l))
	}
	return text
}

// daysText is the days that a line is for, first and last.
func daysText(l rating.Line) string {
	text := l.PeriodStart.String()
	if l.PeriodEnd-1 != l.PeriodStart {
		text += ".." + (l.PeriodEnd - 1).String()
	}
	if l.Late {
		text += ", late"
	}
	return text
}

func movementText(m rating.Movement) string {
	text := fmt.Sprintf("%s %s = %s", m.Balance, m.Closing, m.Opening)
	if m.Added.Sign() != 0 {
		text += fmt.Sprintf(" + %s", m.Added)
	}
	if m.Used.Sign() != 0 {
		text += fmt.Sprintf(" − %s used", m.Used)
	}
	if m.Lapsed.Sign() != 0 {
		text += fmt.Sprintf(" − %s lapsed", m.Lapsed)
	}
	return text
}

func inBrackets(detail string) string {
	if detail == "" {
		return ""
	}
	return " (" + detail + ")"
}

func orNothing(plan string) string {
	if plan == "" {
		return "none"
	}
	return plan
}
