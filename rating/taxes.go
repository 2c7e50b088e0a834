package rating

import (
	"fmt"
	"slices"

	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// TaxBase is how a tax line's amount came to be: quantity × unit price, the
// rate of the base, over the divisor.
type TaxBase struct {
	Divisor decimal.Decimal // 1, or 1 + all rates where prices contain them
	Parts   int             // that were rounded each by itself
}

// taxShare is the part of a tax line that is of another line.
type taxShare struct {
	line   int
	amount money.Amount
	of     *catalog.TaxRate
	within bool // the price contains it
}

// taxGroup is lines with the same rates.
type taxGroup struct {
	rates []*catalog.TaxRate
	lines []int
}

// taxes adds a line for each rate. Of prices that contain them, a second line
// takes each out of the prices first, so that the lines still make the total.
// What becomes prepaid money is not taxed when it is paid in, but as it is used.
func (b *billing) taxes() {
	if b.version == nil || b.version.Taxes == nil {
		return
	}
	bases := b.taxable()
	groups := b.taxGroups(bases)
	for i := range b.version.Taxes.Rates {
		if rate := &b.version.Taxes.Rates[i]; slices.ContainsFunc(groups, func(g taxGroup) bool { return slices.Contains(g.rates, rate) }) {
			b.taxLine(rate, groups, bases)
		}
	}
}

// taxable is what is taxed of each line: less its discounts, and less its part
// of the credit that the invoice takes. Credit was taxed when its time was paid
// for, money that is paid in is not: so the credit is taken off the other lines
// first.
func (b *billing) taxable() []money.Amount {
	bases := slices.Clone(b.net)
	credit := money.Zero(b.account.Currency)
	for i := range b.lines {
		if b.lines[i].Kind == Credit {
			credit = credit.Sub(b.lines[i].Amount)
		}
	}
	for _, prepays := range []bool{false, true} {
		of, sum := make([]money.Amount, len(bases)), money.Zero(b.account.Currency)
		for i := range bases {
			of[i] = money.Zero(b.account.Currency)
			if b.lines[i].Prepays == prepays && bases[i].Sign() > 0 {
				of[i] = bases[i]
				sum = sum.Add(bases[i])
			}
		}
		taken := money.Min(credit, sum)
		for i, part := range pricing.Spread(taken, of) {
			bases[i] = bases[i].Sub(part)
		}
		credit = credit.Sub(taken)
	}
	return bases
}

// taxAddress is where the account is for taxes.
func (b *billing) taxAddress() catalog.Address {
	c := &b.account.Customer
	if c.Country == "" {
		return b.version.Taxes.Without
	}
	return catalog.Address{Country: c.Country, Region: c.Region}
}

// untaxed is why an account's taxes are not charged, or nothing.
func (b *billing) untaxed() string {
	c := &b.account.Customer
	switch {
	case c.TaxExempt:
		return "the customer is exempt"
	case c.TaxID != "" && slices.Contains(b.version.Taxes.ReverseCharge, c.Country):
		return "reverse charge: the customer owes the tax"
	}
	return ""
}

func (b *billing) taxGroups(bases []money.Amount) []taxGroup {
	at := b.taxAddress()
	var groups []taxGroup
	for i := range bases {
		l := &b.lines[i]
		if l.Prepays || bases[i].Sign() == 0 {
			continue
		}
		rates := b.version.Taxes.Of(at, b.category(l))
		rates = slices.DeleteFunc(rates, func(r *catalog.TaxRate) bool { return r.Rate.IsZero() })
		j := slices.IndexFunc(groups, func(g taxGroup) bool { return slices.Equal(g.rates, rates) })
		if j < 0 {
			j = len(groups)
			groups = append(groups, taxGroup{rates: rates})
		}
		groups[j].lines = append(groups[j].lines, i)
	}
	return groups
}

// category is what a line sells, for taxes.
func (b *billing) category(l *Line) string {
	if l.TaxCategory == "" && l.Meter != "" && (l.Kind == Metered || l.Kind == Minimum || l.Kind == Reduced) {
		if charge := b.version.UsageCharge(l.Meter); charge != nil {
			return charge.TaxCategory
		}
	}
	return l.TaxCategory
}

func (b *billing) planCategory(name string) string {
	if b.version != nil {
		if plan := b.version.Plan(name, b.cohort); plan != nil {
			return plan.TaxCategory
		}
	}
	return ""
}

// taxLine charges one rate on all that it is on.
func (b *billing) taxLine(rate *catalog.TaxRate, groups []taxGroup, bases []money.Amount) {
	t := b.version.Taxes
	none := money.Zero(b.account.Currency)
	base, tax, of := none, none, TaxBase{Divisor: decimal.NewFromInt(1)}
	for _, g := range groups {
		at := slices.Index(g.rates, rate)
		if at < 0 {
			continue
		}
		var amounts []money.Amount
		sum := none
		for _, i := range g.lines {
			amounts = append(amounts, bases[i])
			sum = sum.Add(bases[i])
		}
		if sum.Sign() <= 0 {
			continue
		}
		part := b.taxOf(g.rates, amounts)[at]
		if t.Inclusive {
			of.Divisor = decimal.NewFromInt(1)
			for _, r := range g.rates {
				of.Divisor = of.Divisor.Add(r.Rate.Fraction())
			}
		}
		of.Parts += len(amounts)
		base, tax = base.Add(sum), tax.Add(part)
		for j, share := range pricing.Spread(part, amounts) {
			if share.Sign() != 0 {
				b.taxShares = append(b.taxShares, taxShare{g.lines[j], share, rate, t.Inclusive})
			}
		}
	}
	if base.Sign() > 0 {
		b.addTax(rate, base, tax, of)
	}
}

// taxOf are the taxes of rates on lines, none where the account owes none.
func (b *billing) taxOf(rates []*catalog.TaxRate, amounts []money.Amount) []money.Amount {
	t := b.version.Taxes
	var percents []pricing.Percent
	for _, r := range rates {
		percents = append(percents, r.Rate)
	}
	compute := pricing.Exclusive
	if t.Inclusive {
		compute = pricing.Inclusive
	}
	taxes := compute(amounts, percents, b.account.Currency, t.Rounded, b.cat.Rounding)
	if b.untaxed() != "" && !t.Inclusive {
		for i := range taxes {
			taxes[i] = money.Zero(b.account.Currency)
		}
	}
	return taxes
}

// addTax adds the lines of a tax. A customer who owes none does not pay the
// tax that prices contain either.
func (b *billing) addTax(rate *catalog.TaxRate, base, tax money.Amount, of TaxBase) {
	t, why := b.version.Taxes, b.untaxed()
	l := Line{
		Kind: Taxed, Rule: rate.Rule, Description: rate.Tax + " " + rate.Rate.String(), Quantity: rate.Rate.Fraction(), UnitPrice: base.Value(), Part: money.Whole,
		Amount: tax, PeriodStart: b.day, PeriodEnd: b.day + 1, CatalogLine: rate.Line, TaxOf: &of,
		Calculation: fmt.Sprintf("%s of %s", rate.Rate, base),
	}
	if t.Inclusive {
		l.Calculation = fmt.Sprintf("%s within %s: %s × %s / %s", rate.Rate, base, base, rate.Rate, of.Divisor.Shift(2).String()+"%")
		taken := l
		taken.Kind, taken.Description, taken.TaxOf = TaxedIn, l.Description+" contained in prices", nil
		taken.Quantity, taken.UnitPrice, taken.Amount = whole(-1), tax.Value(), tax.Neg()
		b.addLine(taken)
	}
	if t.Rounded == pricing.PerLine {
		l.Calculation += ", each line by itself"
	}
	if why != "" {
		l.Quantity, l.Amount = decimal.Zero, money.Zero(b.account.Currency)
		l.Calculation = fmt.Sprintf("%s of %s: %s", rate.Rate, base, why)
		l.TaxOf = nil
		b.dropShares(rate)
	}
	b.addLine(l)
}

// dropShares forgets the parts of a tax that is not charged. What prices
// contained of it is not paid either.
func (b *billing) dropShares(rate *catalog.TaxRate) {
	b.taxShares = slices.DeleteFunc(b.taxShares, func(s taxShare) bool {
		if s.of == rate && s.within {
			b.net[s.line] = b.net[s.line].Sub(s.amount)
		}
		return s.of == rate
	})
}

// keepTaxes keeps the taxes of a line that a guarantee may give back, and is
// what is left of what was due.
func (b *billing) keepTaxes(inv *Invoice, line int, paid []paying) {
	for _, s := range b.taxShares {
		if s.line != line {
			continue
		}
		of := &b.lines[line]
		r := Refundable{
			InvoiceID: inv.ID, Kind: Taxed, Rule: s.of.Rule, Description: s.of.Tax + " " + s.of.Rate.String() + " of " + of.Description,
			PeriodStart: of.PeriodStart, PeriodEnd: of.PeriodEnd,
		}
		if !s.within {
			b.keepPaid(paid, s.amount, r)
		} else if s.amount.Sign() > 0 { // it is in what the line keeps, and is paid by what pays that
			last := b.account.Refundable[len(b.account.Refundable)-1]
			r.Kind, r.Amount, r.Method = TaxedIn, s.amount, last.Method
			b.account.Refundable = append(b.account.Refundable, r)
		}
	}
}

// giveTaxBack reverses the tax of what a credit note gives back. One that the
// price contained is given back with it, and only taken out and shown.
func (b *billing) giveTaxBack(note *Invoice, r *Refundable, amount money.Amount) {
	l := Line{
		Kind: Taxed, Rule: r.Rule, Description: r.Description, Quantity: whole(-1), UnitPrice: amount.Value(), Part: money.Whole, Amount: amount.Neg(),
		PeriodStart: r.PeriodStart, PeriodEnd: r.PeriodEnd, Calculation: fmt.Sprintf("%s charged by %s", r.Amount, r.paidBy()),
	}
	if r.Kind == TaxedIn {
		taken := l
		taken.Kind, taken.Quantity, taken.Amount = TaxedIn, whole(1), amount
		taken.Description += ", contained in the price"
		note.Lines = append(note.Lines, taken)
	} else {
		note.Total = note.Total.Sub(amount)
		b.refund(note, r, amount)
	}
	note.Lines = append(note.Lines, l)
}

// tax checks that a tax line is its rate of its base, up to the rounding of
// the parts that were rounded each by itself.
func (c *checker) tax(i int, l *Line, inv *Invoice) {
	exact := money.Over(l.Quantity.Mul(l.UnitPrice), l.TaxOf.Divisor)
	off := money.Exactly(l.Amount.Value()).Sub(exact)
	if off.Sign() < 0 {
		off = off.Neg()
	}
	if most := decimal.New(int64(max(l.TaxOf.Parts, 1)), -inv.Currency.Minor); off.Cmp(money.Exactly(most)) > 0 {
		c.fail("line %d (%s) is %s, its rate of its base makes %s", i+1, l.Kind, l.Amount, exact)
	}
}
