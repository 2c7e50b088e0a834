package pipeline

import (
	"slices"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/money"
	"ratemill/writers"
)

// lifeRow writes what of an account's life is kept in lists: suspensions,
// subscriptions, what is collected and what may be given back.
func lifeRow(s *writers.State, a *rating.Account) {
	for _, x := range a.Spends {
		s.Spends = append(s.Spends, writers.StateSpend{From: int32(x.From), Charged: cents(x.Charged), Adjusted: cents(x.Adjusted)})
	}
	for _, x := range a.Discounts {
		s.Discounts = append(s.Discounts, writers.StateDiscount{Name: x.Name, Begun: x.Begun, Left: int32(x.Left), Used: cents(x.Used)})
	}
	for _, x := range a.Suspensions {
		s.Suspensions = append(s.Suspensions, writers.StateSuspension{From: int32(x.From), Until: int32(x.Until)})
	}
	for _, x := range a.Subscriptions {
		s.Subscriptions = append(s.Subscriptions, writers.StateSubscription{Name: x.Name, Quantity: x.Quantity})
	}
	for _, x := range a.FreeUsed {
		s.FreeUnits = append(s.FreeUnits, writers.StateFreeUnits{Service: x.Service, Used: x.Used})
	}
	s.Collections = slices.Grow(s.Collections, len(a.Collections))
	for _, c := range a.Collections {
		s.Collections = append(s.Collections, writers.StateCollection{
			InvoiceID: c.InvoiceID, InvoicedOn: int32(c.InvoicedOn), Amount: cents(c.Amount), Attempt: int32(c.Attempt), Method: c.Method,
			Status: string(c.Status), AttemptedOn: int32(c.AttemptedOn), FirstFailedOn: int32(c.FirstFailedOn), Retries: int32(c.Retries),
			NextAttemptOn: int32(c.NextAttemptOn), Reason: c.Reason, PaidBy: c.PaidBy, FirstUnmade: c.FirstUnmade,
		})
	}
	for _, r := range a.Refundable {
		s.Refundable = append(s.Refundable, writers.StateRefundable{
			InvoiceID: r.InvoiceID, ChargeID: r.ChargeID, Method: r.Method, Kind: string(r.Kind), Rule: string(r.Rule), Description: r.Description,
			PeriodStart: int32(r.PeriodStart), PeriodEnd: int32(r.PeriodEnd), Amount: cents(r.Amount),
		})
	}
}

// paidRow writes what is charged for the running cycle, and what waits for the
// next invoice.
func paidRow(s *writers.State, a *rating.Account) {
	if b := a.Base; b.Plan != "" {
		s.Base = []writers.StateBase{{
			Plan: b.Plan, Description: b.Description, Rule: string(b.Rule), CatalogLine: int32(b.CatalogLine),
			Times: wide(b.Times), Price: wide(b.Price), From: int32(b.From), Since: int32(b.Since), Left: cents(b.Left),
		}}
	}
	for _, l := range a.Waiting {
		s.Waiting = append(s.Waiting, writers.StateWaiting{
			Kind: string(l.Kind), Of: string(l.Of), TaxCategory: l.TaxCategory, Rule: string(l.Rule), Description: l.Description, Meter: l.Meter,
			Quantity: wide(l.Quantity), UnitPrice: wide(l.UnitPrice), PartOf: l.Part.N, Whole: l.Part.D, Amount: cents(l.Amount),
			PeriodStart: int32(l.PeriodStart), PeriodEnd: int32(l.PeriodEnd), Late: l.Late, Calculation: l.Calculation, CatalogLine: int32(l.CatalogLine),
		})
	}
}

// paidOf reads back what paidRow wrote.
func paidOf(a *rating.Account, s *writers.State) error {
	for _, b := range s.Base {
		left, err := money.New(writers.FromMoney(b.Left), a.Currency)
		if err != nil {
			return err
		}
		a.Base = rating.BaseInForce{
			Plan: b.Plan, Description: b.Description, Rule: rating.RuleID(b.Rule), CatalogLine: int(b.CatalogLine),
			Times: writers.FromWide(b.Times), Price: writers.FromWide(b.Price), From: calendar.Day(b.From), Since: calendar.Day(b.Since), Left: left,
		}
	}
	for _, l := range s.Waiting {
		amount, err := money.New(writers.FromMoney(l.Amount), a.Currency)
		if err != nil {
			return err
		}
		a.Waiting = append(a.Waiting, rating.Line{
			Kind: rating.LineKind(l.Kind), Of: rating.LineKind(l.Of), TaxCategory: l.TaxCategory, Rule: rating.RuleID(l.Rule), Description: l.Description, Meter: l.Meter,
			Quantity: writers.FromWide(l.Quantity), UnitPrice: writers.FromWide(l.UnitPrice), Part: money.Fraction{N: l.PartOf, D: l.Whole},
			Amount: amount, PeriodStart: calendar.Day(l.PeriodStart), PeriodEnd: calendar.Day(l.PeriodEnd), Late: l.Late,
			Calculation: l.Calculation, CatalogLine: int(l.CatalogLine),
		})
	}
	return nil
}

// lifeOf reads back what lifeRow wrote.
func lifeOf(a *rating.Account, s *writers.State) error {
	for _, x := range s.Spends {
		charged, err := money.New(writers.FromMoney(x.Charged), a.Currency)
		if err != nil {
			return err
		}
		adjusted, err := money.New(writers.FromMoney(x.Adjusted), a.Currency)
		if err != nil {
			return err
		}
		a.Spends = append(a.Spends, rating.PeriodSpend{From: calendar.Day(x.From), Charged: charged, Adjusted: adjusted})
	}
	for _, x := range s.Discounts {
		used, err := money.New(writers.FromMoney(x.Used), a.Currency)
		if err != nil {
			return err
		}
		a.Discounts = append(a.Discounts, rating.HeldDiscount{Name: x.Name, Begun: x.Begun, Left: int(x.Left), Used: used})
	}
	for _, x := range s.Suspensions {
		a.Suspensions = append(a.Suspensions, rating.Suspension{From: calendar.Day(x.From), Until: calendar.Day(x.Until)})
	}
	for _, x := range s.Subscriptions {
		a.Subscriptions = append(a.Subscriptions, rating.Subscription{Name: x.Name, Quantity: x.Quantity})
	}
	for _, x := range s.FreeUnits {
		a.FreeUsed = append(a.FreeUsed, rating.FreeUnits{Service: x.Service, Used: x.Used})
	}
	a.Collections = slices.Grow(a.Collections, len(s.Collections))
	for _, c := range s.Collections {
		amount, err := money.New(writers.FromMoney(c.Amount), a.Currency)
		if err != nil {
			return err
		}
		a.Collections = append(a.Collections, rating.Collection{
			InvoiceID: c.InvoiceID, InvoicedOn: calendar.Day(c.InvoicedOn), Amount: amount, Attempt: int(c.Attempt), Method: c.Method,
			Status: rating.CollectionStatus(c.Status), AttemptedOn: calendar.Day(c.AttemptedOn), FirstFailedOn: calendar.Day(c.FirstFailedOn),
			Retries: int(c.Retries), NextAttemptOn: calendar.Day(c.NextAttemptOn), Reason: c.Reason, PaidBy: c.PaidBy, FirstUnmade: c.FirstUnmade,
		})
	}
	for _, r := range s.Refundable {
		amount, err := money.New(writers.FromMoney(r.Amount), a.Currency)
		if err != nil {
			return err
		}
		a.Refundable = append(a.Refundable, rating.Refundable{
			InvoiceID: r.InvoiceID, ChargeID: r.ChargeID, Method: r.Method, Kind: rating.LineKind(r.Kind), Rule: rating.RuleID(r.Rule), Description: r.Description,
			PeriodStart: calendar.Day(r.PeriodStart), PeriodEnd: calendar.Day(r.PeriodEnd), Amount: amount,
		})
	}
	return nil
}
