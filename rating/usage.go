package rating

import (
	"cmp"
	"fmt"
	"slices"

	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// usage prices the day's metered usage, or counts it against the allowance of
// its own day (rules MK-6, MK-9). Late usage is rated under the catalog
// version, plan and counters of its service date.
func (b *billing) usage(groups []Usage) {
	touched := map[counterKey]counted{} // looked up below in the account's own order
	b.out.Rated = slices.Grow(b.out.Rated, len(groups))
	for i := range groups {
		u := &groups[i]
		if u.Meter == "" {
			b.leaveOut(u.Origin, NoMeter)
			continue
		}
		if reason := b.usable(u.ServiceDate); reason != "" {
			b.reject(u.Origin, reason, "")
			continue
		}
		if b.account.Has(uninstalled) {
			b.leaveOut(u.Origin, StoreRemoved)
			continue
		}
		version := b.cat.At(u.ServiceDate)
		if version == nil {
			b.reject(u.Origin, NoCatalog, fmt.Sprintf("no catalog version in force on %s", u.ServiceDate))
			continue
		}
		if b.cat.Meter(u.Meter).Of == catalog.CountOf {
			counted := *u
			counted.Quantity = whole(u.Rows)
			u = &counted
		}
		if charge := version.UsageCharge(u.Meter); charge != nil {
			if charge.Counted() {
				b.tally(u, version, charge)
			} else {
				b.price(u, version, charge)
			}
			continue
		}
		b.count(u, version, touched)
	}
	b.countSwitched()
	b.keepSeen()
	b.chargeCountedPackages(touched)
}

// amountLimit is the first amount that DECIMAL(18,4) does not hold. Usage that
// costs as much is a mistake in the export; let in, it would park the account
// on the day its charge falls due, and with it all that comes after.
var amountLimit = decimal.New(1, 14)

// surelyFits is the last amount that no rounding brings to the limit.
var surelyFits = amountLimit.Sub(whole(1))

// price finds a group's unit price, and keeps the group until its charge is
// due.
func (b *billing) price(u *Usage, version *catalog.Version, charge *catalog.UsageCharge) {
	meter := b.cat.Meter(u.Meter)
	point, reason, why := b.pricePoint(u, meter, version, charge)
	if reason != "" {
		b.reject(u.Origin, reason, why)
		return
	}
	amount := u.Quantity.Mul(point.UnitPrice)
	due := u.ServiceDate
	if meter.DueNextDay {
		due++
	}
	due = max(due, b.day) // past due when it arrived: it falls due today
	late := u.ServiceDate < b.day
	entry := DueUsage{DueOn: due, Meter: u.Meter, ServiceDate: u.ServiceDate, Late: late, Price: point, Quantity: u.Quantity}
	at, found := findDue(b.account.Due, &entry)
	quantity, total := u.Quantity, amount // of the line that the usage becomes part of
	if found {
		quantity = b.account.Due[at].Quantity.Add(u.Quantity)
		total = quantity.Mul(point.UnitPrice)
	}
	if total.Abs().GreaterThan(surelyFits) && !b.fits(money.Exactly(total)) {
		b.reject(u.Origin, Overflow, fmt.Sprintf("%s × %s = %s is more than a line can hold", quantity, point.UnitPrice, total))
		return
	}
	b.rated(u, point, amount, due)
	if found {
		b.account.Due[at].Quantity = quantity
		return
	}
	b.account.Due = slices.Insert(b.account.Due, at, entry)
}

// rated notes a group as rated. It is made where it stays: there are many, and
// they are large.
func (b *billing) rated(u *Usage, point *PricePoint, amount decimal.Decimal, due Day) {
	b.out.Rated = append(b.out.Rated, RatedUsage{})
	r := &b.out.Rated[len(b.out.Rated)-1]
	r.Origin, r.Meter, r.ServiceDate, r.Dimensions, r.Quantity = u.Origin, u.Meter, u.ServiceDate, u.Dimensions, u.Quantity
	r.Price, r.Amount, r.DueOn, r.Late = point, amount, due, u.ServiceDate < b.day
}

// fits tells whether a line can hold an amount, once it is rounded.
func (b *billing) fits(amount money.Ratio) bool {
	return amount.In(b.account.Currency, b.cat.Rounding).Value().Abs().LessThan(amountLimit)
}

// pricePoint is the price of a group, as remembered of one with the same list of
// dimension values. A row that is rated by itself has a list of its own, which
// will not be met again.
func (b *billing) pricePoint(u *Usage, meter *catalog.Meter, version *catalog.Version, charge *catalog.UsageCharge) (*PricePoint, Reason, string) {
	if charge.Table == "" || len(u.Dimensions) == 0 || u.EventID != "" {
		return pricePoint(u, meter, version, charge)
	}
	if point := b.memory.priced(charge, u.Dimensions); point != nil {
		return point, "", ""
	}
	point, reason, why := pricePoint(u, meter, version, charge)
	if reason == "" {
		b.memory.remember(charge, u.Dimensions, point)
	}
	return point, reason, why
}

// pricePoint is the price of a group, or the reason why it has none.
func pricePoint(u *Usage, meter *catalog.Meter, version *catalog.Version, charge *catalog.UsageCharge) (*PricePoint, Reason, string) {
	switch {
	case charge.Unpriced:
		return nil, NoPrice, fmt.Sprintf("no price of %s in the account's currency", u.Meter)
	case charge.Table != "":
		table := version.Table(charge.Table)
		var room [8]string
		row := table.Lookup(tableValues(room[:0], table, meter, u.Dimensions))
		if row == nil {
			return nil, NoPrice, fmt.Sprintf("no row of price table %s fits %s", table.Name, dimensionText(meter, u.Dimensions))
		}
		if !catalog.Priced(row.Price) {
			return nil, NoPrice, fmt.Sprintf("line %d of price table %s has no price in the account's currency", row.Line, table.Name)
		}
		return charge.Point(row), "", ""
	case charge.Column != "":
		text := u.Dimensions[slices.Index(meter.By, charge.Column)]
		if text == "" {
			return nil, MissingPrice, fmt.Sprintf("no price in %s", charge.Column)
		}
		price, err := catalog.Price(text)
		if err != nil {
			return nil, BadPrice, fmt.Sprintf("%s %v", charge.Column, err)
		}
		point := *charge.Point(nil)
		point.UnitPrice = price
		return &point, "", ""
	}
	return charge.Point(nil), "", ""
}

// addDue adds rated usage to the list, into its line where there is one.
func addDue(list []DueUsage, u DueUsage) []DueUsage {
	i, found := findDue(list, &u)
	if found {
		list[i].Quantity = list[i].Quantity.Add(u.Quantity)
		list[i].Rows += u.Rows
		list[i].Exact = list[i].Exact.Add(u.Exact)
		return list
	}
	return slices.Insert(list, i, u)
}

// count adds a group to what its segment has used of the plan's allowance.
func (b *billing) count(u *Usage, version *catalog.Version, touched map[counterKey]counted) {
	segment := b.segment(u.ServiceDate)
	plan := version.Plan(segment.Plan, b.cohort)
	var allowance *catalog.Allowance
	if plan != nil {
		allowance = plan.Allowance(u.Meter)
	}
	if allowance == nil {
		b.reject(u.Origin, NoPrice, fmt.Sprintf("plan %s neither includes nor prices %s", segment.Plan, u.Meter))
		return
	}
	what := "unlimited"
	if !allowance.Unlimited {
		what = fmt.Sprintf("within the allowance of %d and its packages", allowance.Limit)
		counter := b.counter(counterKey{u.Meter, segment.From})
		counter.Used = counter.Used.Add(u.Quantity)
		touched[counterKey{u.Meter, segment.From}] = counted{version, allowance}
	}
	b.rated(u, &PricePoint{Rule: allowance.Rule, Description: what}, decimal.Decimal{}, b.day)
}

type counterKey struct {
	meter string
	from  Day
}

// counted is the policy under which a counter grew today.
type counted struct {
	version   *catalog.Version
	allowance *catalog.Allowance
}

// counter is what a meter has counted in a segment, made where there is none.
func (b *billing) counter(key counterKey) *Counter {
	a := b.account
	for i := range a.Counters {
		if c := &a.Counters[i]; c.Meter == key.meter && c.From == key.from {
			return c
		}
	}
	a.Counters = append(a.Counters, Counter{Meter: key.meter, From: key.from})
	return &a.Counters[len(a.Counters)-1]
}

// segment is the stretch of days that a service date lies in. Rows older than
// the first one kept are outside the window and never get here.
func (b *billing) segment(day Day) *Segment {
	a := b.account
	for i := len(a.Segments) - 1; i > 0; i-- {
		if a.Segments[i].From <= day {
			return &a.Segments[i]
		}
	}
	return &a.Segments[0]
}

// chargeCountedPackages charges the packages that counted usage needs beyond
// those its period has, the same day (rule MK-6).
func (b *billing) chargeCountedPackages(touched map[counterKey]counted) {
	slices.SortFunc(b.account.Counters, func(x, y Counter) int { // the order of their lines
		return cmp.Or(cmp.Compare(x.Meter, y.Meter), cmp.Compare(x.From, y.From))
	})
	for i := range b.account.Counters {
		c := &b.account.Counters[i]
		by, grew := touched[counterKey{c.Meter, c.From}]
		if !grew {
			continue
		}
		allowance, addOn := by.allowance, by.version.AddOn(by.allowance.AddOn)
		if addOn == nil {
			continue
		}
		needed := packages(c.Used, allowance.Limit+c.Raised, addOn.Adds)
		before := b.packagesInForce(c, addOn.Name)
		if needed <= before {
			continue
		}
		b.addLine(b.countedPackageLine(c, allowance, addOn, needed, before))
		c.Packages = needed
	}
}

// packagesInForce is how many of an add-on's packages a counter's billing
// period has: those of its other plans are in force too.
func (b *billing) packagesInForce(c *Counter, addOn string) int64 {
	period, packages := b.segment(c.From).PeriodStart, c.Packages
	for i := range b.account.Counters {
		other := &b.account.Counters[i]
		if s := b.segment(other.From); other.Meter == c.Meter && s.PeriodStart == period && b.packageOf(s, c.Meter) == addOn {
			packages = max(packages, other.Packages)
		}
	}
	return packages
}

// packageOf names the add-on that widens the allowance of a stretch of days.
func (b *billing) packageOf(s *Segment, meter string) string {
	if version := b.cat.At(s.From); version != nil {
		if plan := version.Plan(s.Plan, b.cohort); plan != nil {
			if allowance := plan.Allowance(meter); allowance != nil {
				return allowance.AddOn
			}
		}
	}
	return ""
}

// keepPackages hands the packages of a stretch of days on to the next one of
// its billing period, before the first is forgotten.
func (b *billing) keepPackages(from, to *Segment) {
	if from.PeriodStart != to.PeriodStart {
		return
	}
	for _, c := range slices.Clone(b.account.Counters) {
		if c.From == from.From && c.Packages > 0 && b.packageOf(from, c.Meter) == b.packageOf(to, c.Meter) {
			next := b.counter(counterKey{c.Meter, to.From})
			next.Packages = max(next.Packages, c.Packages)
		}
	}
}

func (b *billing) countedPackageLine(c *Counter, allowance *catalog.Allowance, addOn *catalog.AddOn, needed, before int64) Line {
	s := b.segment(c.From)
	l := b.line(Line{
		Kind: LineKind(addOn.LineKind), Rule: allowance.Rule, Description: addOn.Description, Meter: c.Meter,
		Quantity: whole(needed - before), UnitPrice: addOn.Each(b.account.Term), Part: money.Whole,
		PeriodStart: s.PeriodStart, PeriodEnd: s.PeriodEnd, Late: s.PeriodEnd <= b.day,
		CatalogLine: addOn.Line, TaxCategory: addOn.TaxCategory,
	})
	raised := ""
	if c.Raised > 0 {
		raised = fmt.Sprintf(" and %d by subscription", c.Raised)
	}
	l.Calculation = fmt.Sprintf("%s %s since %s, %d included%s, %d packages of %d before; %s",
		c.Meter, c.Used, c.From, allowance.Limit, raised, before, addOn.Adds, l.Calculation)
	return l
}

// tableValues appends the group's dimension values in the order of a price
// table's columns.
func tableValues(values []string, table *catalog.PriceTable, meter *catalog.Meter, dimensions []string) []string {
	for _, column := range table.Columns {
		values = append(values, dimensions[slices.Index(meter.By, column)])
	}
	return values
}
