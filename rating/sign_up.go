package rating

import (
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
)

// signUp opens the account. Without a free trial the first period is charged
// on the day itself, after one on the day it ends (rule MK-1).
func (b *billing) signUp(e *AccountEvent) {
	before := b.cat
	b.priceIn(e.Currency)
	term, reason, detail := b.refuseSignUp(e)
	if reason != "" {
		b.priceIn(before.Currency.Code)
		b.reject(e.Origin, reason, detail)
		return
	}
	a := b.account
	a.SignedUpOn = e.Day
	a.Plan, a.Term, a.Method, a.Currency = e.Plan, term.Name, e.Method, b.cat.Currency
	a.PlanSince, a.Channel = e.Day, e.Channel
	if e.Offer != "" && !term.DropsOffers {
		a.Offers = []string{e.Offer}
		if d := b.version.Discount(e.Offer); d != nil && catalog.Priced(d.Amount) {
			b.holdDiscount(d)
		}
	}
	b.cohort = b.cat.CohortOf(e.Day)

	priceFrom := b.day
	if e.Date > e.Day {
		a.TrialEndsOn = e.Date
	}
	if e.Date > b.day {
		priceFrom = e.Date
	}
	b.anchorOn(priceFrom)
	a.BaseDueOn = priceFrom
	if priceFrom == b.day {
		b.startPeriod()
	} else {
		a.PeriodStart, a.NextBillingOn = e.Day, priceFrom
		b.startSegment(priceFrom)
	}
	a.Segments[0].From = e.Day // a late sign-up: usage since then is the account's
	b.give(e.Day)
	b.giveAtSignUp(e.Day)
	b.changePlan(PlanChange{To: e.Plan, Cause: causeSignedUp, Rule: term.Rule, PriceFrom: priceFrom, NeedsRerate: e.Day < b.day,
		Detail: fmt.Sprintf("cohort %s, term %s", orNone(b.cohort), term.Name)})
}

// refuseSignUp is the ladder of reasons why a sign-up cannot be.
func (b *billing) refuseSignUp(e *AccountEvent) (*catalog.Term, Reason, string) {
	if b.account.Exists() {
		return nil, AlreadySignedUp, fmt.Sprintf("signed up on %s", b.account.SignedUpOn)
	}
	if b.version == nil {
		return nil, NoCatalog, fmt.Sprintf("no catalog version in force on %s", b.day)
	}
	cohort := b.cat.CohortOf(e.Day)
	if reason, detail := b.refusePlan(e.Plan, cohort); reason != "" {
		return nil, reason, detail
	}
	term := &b.version.Terms[0]
	if e.Term != "" {
		term = b.version.Term(e.Term)
	}
	switch {
	case term == nil:
		return nil, UnknownTerm, fmt.Sprintf("term %q", e.Term)
	case e.Currency != "" && e.Currency != b.cat.Currency.Code:
		return nil, UnknownCurrency, fmt.Sprintf("currency %q, the catalog has prices in %s", e.Currency, strings.Join(b.cat.Currencies(), ", "))
	case b.account.holdsMoney() && b.account.Currency != b.cat.Currency:
		return nil, UnknownCurrency, fmt.Sprintf("currency %q, what is left of an earlier account is in %s", b.cat.Currency.Code, b.account.Currency.Code)
	case !b.version.Plan(e.Plan, cohort).Priced(term):
		return nil, NoPrice, b.noPlanPrice(e.Plan, term.Name)
	case e.Date != calendar.None && e.Date < e.Day:
		return nil, BadDate, fmt.Sprintf("the trial ends on %s, before the sign-up on %s", e.Date, e.Day)
	case term.ApprovedSignUp && !e.Approved:
		return nil, ApprovalNeeded, fmt.Sprintf("a sign-up on term %s needs an approval", term.Name)
	case !term.ApprovedSignUp && term.FromAccountDay > 0:
		return nil, TooEarly, fmt.Sprintf("term %s is possible from %s on", term.Name, e.Day+Day(term.FromAccountDay))
	}
	reason, detail := refuseMethod(term, e.Method)
	return term, reason, detail
}

// refusePlan tells why a cohort cannot have a plan.
func (b *billing) refusePlan(plan, cohort string) (Reason, string) {
	if b.version.Plan(plan, cohort) != nil {
		return "", ""
	}
	for i := range b.version.Plans {
		if b.version.Plans[i].Name == plan {
			return NotAllowed, fmt.Sprintf("plan %q is not for cohort %s", plan, cohort)
		}
	}
	return UnknownPlan, fmt.Sprintf("plan %q", plan)
}

// refuseMethod tells why a term does not take a payment method (rule MK-13).
// No method at all is no mistake: the invoice is issued, and the amount listed
// as uncollectable (rule G-13).
func refuseMethod(term *catalog.Term, method string) (Reason, string) {
	if method == "" || len(term.Methods) == 0 || slices.Contains(term.Methods, method) {
		return "", ""
	}
	return NotAllowed, fmt.Sprintf("term %s is not paid by %q", term.Name, method)
}

// priceIn bills in a currency, where the catalog has prices in it.
func (b *billing) priceIn(code string) {
	if priced := b.home.In(code); priced != nil {
		b.cat, b.version = priced, priced.At(b.day)
	}
}

func (b *billing) noPlanPrice(plan, term string) string {
	return fmt.Sprintf("plan %s on term %s has no price in %s", plan, term, b.cat.Currency.Code)
}
