package pipeline

import (
	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/writers"
)

// stateRow is an account as the state table keeps it. Its figures fit: the
// account would have been parked otherwise.
func stateRow(a *rating.Account) writers.State {
	s := writers.State{
		AccountID: string(a.ID), SignedUpOn: int32(a.SignedUpOn), TrialEndsOn: int32(a.TrialEndsOn), ClosedOn: int32(a.ClosedOn),
		BilledThrough: int32(a.BilledThrough), Plan: a.Plan, PlanSince: int32(a.PlanSince), Term: a.Term, Method: a.Method, MethodSince: int32(a.MethodSince), Currency: a.Currency.Code,
		PendingPlan: a.PendingPlan, PendingTerm: a.PendingTerm, Channel: a.Channel, Flags: a.Flags, Offers: a.Offers,
		FirstPurchaseOn: int32(a.FirstPurchaseOn), BillingDateMoved: a.BillingDateMoved,
		AnchorDay: int32(a.AnchorDay), PeriodStart: int32(a.PeriodStart), NextBillingOn: int32(a.NextBillingOn),
		BaseDueOn: int32(a.BaseDueOn), FirstChargeOn: int32(a.FirstChargeOn), ActiveUsers: a.ActiveUsers,
	}
	for _, g := range a.Segments {
		s.Segments = append(s.Segments, writers.StateSegment{From: int32(g.From), PeriodStart: int32(g.PeriodStart), PeriodEnd: int32(g.PeriodEnd), Plan: g.Plan})
	}
	for _, c := range a.Counters {
		s.Counters = append(s.Counters, writers.StateCounter{Meter: c.Meter, From: int32(c.From), Used: wide(c.Used), Packages: c.Packages, Raised: c.Raised})
	}
	for _, l := range a.Levels {
		s.Levels = append(s.Levels, writers.StateLevel{Meter: l.Meter, AsOf: int32(l.AsOf), Value: l.Value})
	}
	for _, o := range a.AddOns {
		s.AddOns = append(s.AddOns, writers.StateAddOn{Name: o.Name, Price: wide(o.Price), Quantity: o.Quantity, Left: cents(o.Left)})
	}
	s.Balances = balanceRows(a, a.Balances)
	grantRows(&s, a)
	for _, u := range a.Unused {
		s.Unused = append(s.Unused, writers.StateUnused{
			Rule: string(u.Rule), Description: u.Description, Amount: cents(u.Amount), PeriodStart: int32(u.PeriodStart), PeriodEnd: int32(u.PeriodEnd),
		})
	}
	for _, u := range a.Due {
		s.Due = append(s.Due, writers.StateDue{
			DueOn: int32(u.DueOn), Meter: u.Meter, ServiceDate: int32(u.ServiceDate), Late: u.Late, Rule: string(u.Price.Rule),
			Description: u.Price.Description, UnitPrice: wide(u.Price.UnitPrice), CatalogLine: int32(u.Price.CatalogLine), Quantity: wide(u.Quantity),
			Per: u.Per, Rows: u.Rows, Exact: wide(u.Exact),
		})
	}
	s.Customer = stateCustomer(&a.Customer)
	for i := range a.Tallies {
		s.Tallies = append(s.Tallies, tallyRow(&a.Tallies[i]))
	}
	lifeRow(&s, a)
	paidRow(&s, a)
	return s
}

// accountOf reads an account back from the state table.
func accountOf(s *writers.State) (rating.Account, error) {
	currency, err := money.LookupCurrency(s.Currency)
	if err != nil {
		return rating.Account{}, err
	}
	a := rating.Account{
		ID: rating.AccountID(s.AccountID), SignedUpOn: calendar.Day(s.SignedUpOn), TrialEndsOn: calendar.Day(s.TrialEndsOn),
		ClosedOn: calendar.Day(s.ClosedOn), BilledThrough: calendar.Day(s.BilledThrough), Plan: s.Plan, PlanSince: calendar.Day(s.PlanSince), Term: s.Term, Method: s.Method, MethodSince: calendar.Day(s.MethodSince),
		Currency: currency, AnchorDay: int(s.AnchorDay), PeriodStart: calendar.Day(s.PeriodStart), NextBillingOn: calendar.Day(s.NextBillingOn),
		BaseDueOn: calendar.Day(s.BaseDueOn), FirstChargeOn: calendar.Day(s.FirstChargeOn), ActiveUsers: s.ActiveUsers,
		PendingPlan: s.PendingPlan, PendingTerm: s.PendingTerm, Channel: s.Channel, Flags: s.Flags, Offers: s.Offers,
		FirstPurchaseOn: calendar.Day(s.FirstPurchaseOn), BillingDateMoved: s.BillingDateMoved,
	}
	a.Customer = customerOf(s.Customer)
	for _, g := range s.Segments {
		a.Segments = append(a.Segments, rating.Segment{From: calendar.Day(g.From), PeriodStart: calendar.Day(g.PeriodStart), PeriodEnd: calendar.Day(g.PeriodEnd), Plan: g.Plan})
	}
	for _, c := range s.Counters {
		a.Counters = append(a.Counters, rating.Counter{Meter: c.Meter, From: calendar.Day(c.From), Used: writers.FromWide(c.Used), Packages: c.Packages, Raised: c.Raised})
	}
	for _, l := range s.Levels {
		a.Levels = append(a.Levels, rating.Level{Meter: l.Meter, AsOf: calendar.Day(l.AsOf), Value: l.Value})
	}
	for _, o := range s.AddOns {
		left, err := money.New(writers.FromMoney(o.Left), currency)
		if err != nil {
			return a, err
		}
		a.AddOns = append(a.AddOns, rating.AddOnInForce{Name: o.Name, Price: writers.FromWide(o.Price), Quantity: o.Quantity, Left: left})
	}
	if a.Balances, err = balancesOf(s.Balances, currency); err != nil {
		return a, err
	}
	if err := grantsOf(&a, s); err != nil {
		return a, err
	}
	for _, u := range s.Unused {
		amount, err := money.New(writers.FromMoney(u.Amount), currency)
		if err != nil {
			return a, err
		}
		a.Unused = append(a.Unused, rating.UnusedTime{
			Rule: rating.RuleID(u.Rule), Description: u.Description, Amount: amount, PeriodStart: calendar.Day(u.PeriodStart), PeriodEnd: calendar.Day(u.PeriodEnd),
		})
	}
	for _, u := range s.Due {
		a.Due = append(a.Due, rating.DueUsage{
			DueOn: calendar.Day(u.DueOn), Meter: u.Meter, ServiceDate: calendar.Day(u.ServiceDate), Late: u.Late, Quantity: writers.FromWide(u.Quantity),
			Price: &rating.PricePoint{Rule: rating.RuleID(u.Rule), Description: u.Description, UnitPrice: writers.FromWide(u.UnitPrice), CatalogLine: int(u.CatalogLine)},
			Per:   u.Per, Rows: u.Rows, Exact: writers.FromWide(u.Exact),
		})
	}
	for i := range s.Tallies {
		t, err := tallyOf(&s.Tallies[i], currency)
		if err != nil {
			return a, err
		}
		a.Tallies = append(a.Tallies, t)
	}
	if err := paidOf(&a, s); err != nil {
		return a, err
	}
	err = lifeOf(&a, s)
	return a, err
}

func cents(a money.Amount) int64 {
	v, ok := writers.Money(a)
	if !ok {
		panic("pipeline: an amount was not checked before it was written: " + a.String())
	}
	return v
}

func wide(d decimal.Decimal) writers.Wide {
	w, ok := writers.ToWide(d)
	if !ok {
		panic("pipeline: a figure was not checked before it was written: " + d.String())
	}
	return w
}
