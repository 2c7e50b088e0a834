package rating

import (
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// useService charges a service on the day on which it is used (rule MK-15).
// Free units make no line, as what an allowance covers makes none.
func (b *billing) useService(e *AccountEvent) (Reason, string) {
	service, reason, detail := b.refuseService(e)
	if reason != "" {
		return reason, detail
	}
	free := min(e.Quantity, b.freeUnits(service))
	if free > 0 {
		b.countFree(service.Name, free)
	}
	b.noteLate(e, service.Rule)
	if charged := e.Quantity - free; charged > 0 {
		l := b.line(Line{
			Kind: OneTime, Rule: service.Rule, Description: service.Description, Quantity: whole(charged), UnitPrice: service.Each, Part: money.Whole,
			PeriodStart: e.Day, PeriodEnd: e.Day + 1, ServiceDate: e.Day, Late: e.Day < b.day, CatalogLine: service.Line, TaxCategory: service.TaxCategory,
		})
		if free > 0 {
			l.Calculation = fmt.Sprintf("%d used, %d of them free; %s", e.Quantity, free, l.Calculation)
		}
		b.addLine(l)
	}
	return "", ""
}

func (b *billing) refuseService(e *AccountEvent) (*catalog.Service, Reason, string) {
	service := b.version.Service(e.Service)
	switch {
	case e.Service == "":
		return nil, MissingField, "service"
	case e.Quantity == 0:
		return nil, MissingField, "quantity"
	case service == nil:
		return nil, UnknownService, fmt.Sprintf("service %q", e.Service)
	}
	if reason := b.usable(e.Day); reason != "" {
		return nil, reason, ""
	}
	if b.account.Has(uninstalled) {
		return nil, StoreRemoved, ""
	}
	if !catalog.Priced(service.Each) {
		return nil, NoPrice, fmt.Sprintf("service %s has no price in %s", service.Name, b.cat.Currency.Code)
	}
	reason, detail := b.refuseAmount(e.Quantity, service.Each)
	return service, reason, detail
}

// refuseAmount refuses what costs more than a line can hold.
func (b *billing) refuseAmount(quantity int64, each decimal.Decimal) (Reason, string) {
	if amount := whole(quantity).Mul(each); !b.fits(money.Exactly(amount)) {
		return Overflow, fmt.Sprintf("%d × %s = %s is more than a line can hold", quantity, each, amount)
	}
	return "", ""
}

// freeUnits are the free units of a service that the account has left: in its
// first days, of which the first purchase is the first. Before it they have not
// begun to run out.
func (b *billing) freeUnits(s *catalog.Service) int64 {
	a := b.account
	over := a.FirstPurchaseOn != calendar.None && b.day >= a.FirstPurchaseOn+Day(s.FreeDays)
	if over || slices.Contains(s.FreeNotOn, a.Plan) {
		return 0
	}
	for _, f := range a.FreeUsed {
		if f.Service == s.Name {
			return max(0, s.Free-f.Used)
		}
	}
	return s.Free
}

func (b *billing) countFree(service string, units int64) {
	a := b.account
	i, found := slices.BinarySearchFunc(a.FreeUsed, service, func(f FreeUnits, name string) int { return strings.Compare(f.Service, name) })
	if !found {
		a.FreeUsed = slices.Insert(a.FreeUsed, i, FreeUnits{Service: service})
	}
	a.FreeUsed[i].Used += units
}
