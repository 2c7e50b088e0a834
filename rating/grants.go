package rating

import (
	"cmp"
	"slices"
	"strings"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// Grant is a part of a balance that expires. What a balance holds beyond its
// grants never does.
type Grant struct {
	Balance   string
	From      Day // first day whose usage it pays for; None: of any day up to the last
	GrantedOn Day
	LastDay   Day          // last good day: it lapses in the night of the next
	Left      money.Amount // above zero
}

// compareGrants is the order of an account's grants: two that compare equal
// are one.
func compareGrants(x, y Grant) int {
	return cmp.Or(
		cmp.Compare(x.Balance, y.Balance), cmp.Compare(x.LastDay, y.LastDay), cmp.Compare(x.GrantedOn, y.GrantedOn), cmp.Compare(x.From, y.From))
}

// addGrant adds a grant to a list, into the one that it is a part of where
// there is one.
func addGrant(list []Grant, g Grant) []Grant {
	i, found := slices.BinarySearchFunc(list, g, compareGrants)
	if found {
		list[i].Left = list[i].Left.Add(g.Left)
		return list
	}
	return slices.Insert(list, i, g)
}

// put adds to a balance, from now on until it expires. From is the first day
// whose usage it pays for, None for what was paid: that pays for whatever is
// charged.
func (b *billing) put(balance *catalog.Balance, amount money.Amount, from Day) {
	b.move(balance.Name).added(amount)
	if last := b.goodTo(balance.Name); last != calendar.None {
		b.grants = addGrant(b.grants, Grant{balance.Name, from, b.day, last, amount})
	}
}

// draw is what usage took from a balance, and from which part of it: the key of
// a grant, or without a last day what does not expire.
type draw struct {
	Grant        // Left is what was taken
	meter string // whose usage took it; of money alone
}

// take finds what balances give for so much usage of a day: by priority, then
// the earlier last day, then the earlier grant, then the order of their names.
func (b *billing) take(names []string, want decimal.Decimal, day Day) []draw {
	var parts []draw
	var grants []pricing.Grant
	part := func(g Grant) {
		parts = append(parts, draw{Grant: g})
		grants = append(grants, pricing.Grant{
			Left: g.Left.Value(), Priority: b.version.Balance(g.Balance).Priority,
			GrantedOn: int32(g.GrantedOn), FirstDay: int32(g.From), LastDay: int32(g.LastDay),
		})
	}
	for _, name := range names {
		rest := b.move(name).Closing
		for _, g := range b.grants {
			if g.Balance == name {
				part(g)
				rest = rest.Sub(g.Left)
			}
		}
		if rest.Sign() > 0 {
			part(Grant{Balance: name, Left: rest})
		}
	}
	taken, _ := pricing.Draw(grants, want, int32(day))
	var drawn []draw
	for _, i := range pricing.InOrder(grants) {
		if taken[i].IsPositive() {
			parts[i].Left = amountIn(taken[i], parts[i].Left.Currency())
			drawn = append(drawn, parts[i])
		}
	}
	return drawn
}

// amountIn is a figure that is whole in a currency or unit, as an amount.
func amountIn(value decimal.Decimal, of money.Currency) money.Amount {
	amount, err := money.New(value, of)
	if err != nil {
		panic("rating: an amount is not whole: " + err.Error())
	}
	return amount
}

// use takes a draw out of its balance.
func (b *billing) use(d draw) {
	b.move(d.Balance).used(d.Left)
	if d.LastDay == calendar.None {
		return
	}
	i, _ := slices.BinarySearchFunc(b.grants, d.Grant, compareGrants)
	if b.grants[i].Left = b.grants[i].Left.Sub(d.Left); b.grants[i].Left.Sign() == 0 {
		b.grants = slices.Delete(b.grants, i, i+1)
	}
}

// returnDraw gives a part of a draw back to its balance. What would be good only
// for days that are over is carried, as far as the period's end would have
// carried it, and else lapses.
func (b *billing) returnDraw(d *draw, amount money.Amount) {
	d.Left = d.Left.Sub(amount)
	b.move(d.Balance).used(amount.Neg())
	if d.LastDay == calendar.None {
		return
	}
	back := d.Grant
	back.Left = amount
	if b.lapsed && b.over(back) {
		back.Left = b.carryBack(back.Balance, amount)
		back.LastDay = b.goodTo(back.Balance)
		b.move(d.Balance).lapsed(amount.Sub(back.Left))
	}
	if back.Left.Sign() > 0 {
		b.grants = addGrant(b.grants, back)
	}
}

// carryBack is how much of an amount the day's renewal still carries.
func (b *billing) carryBack(balance string, amount money.Amount) money.Amount {
	i := slices.IndexFunc(b.room, func(r Balance) bool { return r.Name == balance })
	if i < 0 {
		return money.Zero(amount.Currency())
	}
	carried := money.Min(amount, b.room[i].Amount)
	b.room[i].Amount = b.room[i].Amount.Sub(carried)
	return carried
}

// goodTo is the last good day of what comes into a balance on the day, None
// where it never expires.
func (b *billing) goodTo(balance string) Day {
	if of := b.version.Balance(balance); of != nil {
		return of.Expires.LastDay(b.day, b.periodEnd())
	}
	return calendar.None
}

// over tells whether a grant's last good day has passed. What is good to the
// end of a period stays while a suspension holds up the renewal that ends it.
func (b *billing) over(g Grant) bool {
	if g.LastDay >= b.day {
		return false
	}
	a := b.account
	balance := b.version.Balance(g.Balance)
	return balance == nil || !balance.Expires.PeriodEnd || !a.Suspended() || a.ClosedOn != calendar.None
}

// lapseGrants ends the grants whose last good day was before the day. What the
// day charges of usage of those days has been drawn. Where a billing period
// begins, the balance says how much of what the last one left is carried.
func (b *billing) lapseGrants() {
	if b.version == nil {
		return
	}
	b.lapsed = true
	if b.renewal != nil {
		for i := range b.version.Balances {
			if balance := &b.version.Balances[i]; balance.Rollover != nil {
				b.rollOver(balance)
			}
		}
	}
	b.grants = slices.DeleteFunc(b.grants, func(g Grant) bool {
		if b.over(g) {
			b.move(g.Balance).lapsed(g.Left)
			return true
		}
		return false
	})
}

// rollOver carries what a period left of a balance into the one that begins:
// of more than the most, what was granted first lapses; what is missing to the
// least is given where the plan gave into the balance for both periods.
func (b *billing) rollOver(balance *catalog.Balance) {
	left := money.Zero(b.unitOf(balance.Name))
	var carried []Grant
	b.grants = slices.DeleteFunc(b.grants, func(g Grant) bool {
		ended := g.Balance == balance.Name && b.over(g)
		if ended {
			left = left.Add(g.Left)
			carried = append(carried, g)
		}
		return ended
	})
	low := decimal.Decimal{}
	if gaveInto(b.givenBefore, balance.Name) && gaveInto(b.account.Given, balance.Name) {
		low = balance.Rollover.AtLeast
	}
	kept := amountIn(pricing.Rollover(left.Value(), low, balance.Rollover.AtMost), left.Currency())
	b.room = append(b.room, Balance{balance.Name, money.Max(amountIn(balance.Rollover.AtMost, kept.Currency()).Sub(kept), money.Zero(kept.Currency()))})
	tooMuch := money.Max(left.Sub(kept), money.Zero(left.Currency()))
	b.move(balance.Name).lapsed(tooMuch)
	for _, g := range carried {
		lapses := money.Min(tooMuch, g.Left)
		tooMuch, g.Left = tooMuch.Sub(lapses), g.Left.Sub(lapses)
		g.LastDay = b.goodTo(balance.Name)
		if g.Left.Sign() > 0 {
			b.grants = addGrant(b.grants, g)
		}
	}
	if more := kept.Sub(left); more.Sign() > 0 {
		b.put(balance, more, b.day)
	}
}

// gaveInto tells whether a plan's gifts were into a balance too.
func gaveInto(given []Balance, balance string) bool {
	return slices.ContainsFunc(given, func(g Balance) bool { return g.Name == balance })
}

// forPeriod tells whether the account gets a gift for the running period.
func (b *billing) forPeriod(g *catalog.Gift) bool {
	inTrial := b.renewal == nil && b.account.FirstChargeOn == calendar.None
	return !g.AtSignUp && b.hasOffer(g) && !(inTrial && g.NotInTrial)
}

func (b *billing) hasOffer(g *catalog.Gift) bool {
	return g.Offer == "" || slices.Contains(b.account.Offers, g.Offer)
}

// give puts into balances what the account's plan gives for the running
// period and it has not had for it: a larger plan within a period gives what it
// gives more than the one before. It pays for usage from a day on.
func (b *billing) give(from Day) {
	plan := b.plan()
	if plan == nil {
		return
	}
	for i := range plan.Gives {
		if g := &plan.Gives[i]; b.forPeriod(g) {
			if more := b.noteGiven(g); more.Sign() > 0 {
				b.put(b.version.Balance(g.Balance), more, from)
			}
		}
	}
}

// noteGiven notes a gift as given for the running period, and is what it gives
// more than was given before.
func (b *billing) noteGiven(g *catalog.Gift) money.Amount {
	a := b.account
	amount := b.giftAmount(g, b.version.Balance(g.Balance))
	i, found := slices.BinarySearchFunc(a.Given, g.Balance, func(x Balance, name string) int { return strings.Compare(x.Name, name) })
	if !found {
		a.Given = slices.Insert(a.Given, i, Balance{g.Balance, money.Zero(amount.Currency())})
	}
	more := amount.Sub(a.Given[i].Amount)
	a.Given[i].Amount = money.Max(a.Given[i].Amount, amount)
	return more
}

// giveAtSignUp puts into balances what the plan gives once.
func (b *billing) giveAtSignUp(from Day) {
	plan := b.plan()
	for i := range plan.Gives {
		if g := &plan.Gives[i]; g.AtSignUp && b.hasOffer(g) {
			balance := b.version.Balance(g.Balance)
			b.put(balance, b.giftAmount(g, balance), from)
		}
	}
}

// giveWith puts into balances what so many of an add-on give for the period
// that begins.
func (b *billing) giveWith(addOn *catalog.AddOn, quantity int64) {
	for i := range addOn.Gives {
		g := &addOn.Gives[i]
		balance := b.version.Balance(g.Balance)
		each := b.giftAmount(g, balance)
		b.put(balance, amountIn(each.Value().Mul(whole(quantity)), each.Currency()), b.day)
	}
}

// giftAmount is what a gift comes to, in the units of its balance or the
// account's money.
func (b *billing) giftAmount(g *catalog.Gift, balance *catalog.Balance) money.Amount {
	if balance.Unit != "" {
		return units(balance, whole(g.Units))
	}
	return amountIn(g.Amount, b.account.Currency)
}

// newPeriodOfGifts forgets what was given for the period before.
func (b *billing) newPeriodOfGifts() {
	b.givenBefore, b.account.Given = b.account.Given, nil
}

// movePeriodEnd lets what is good to the end of the running period be so to its
// new end.
func (b *billing) movePeriodEnd(from, to Day) {
	grants := b.grants
	b.grants = nil
	for _, g := range grants {
		if balance := b.version.Balance(g.Balance); balance != nil && balance.Expires.PeriodEnd && g.LastDay == from-1 {
			g.LastDay = to - 1
		}
		b.grants = addGrant(b.grants, g)
	}
}

// grants: they are in order, hold something, are good for a day to come and
// come to no more than their balances.
func (c *checker) grants(a *Account) {
	sums := map[string]money.Amount{} // looked up by name
	for i, g := range a.Grants {
		if i > 0 && compareGrants(a.Grants[i-1], g) >= 0 {
			c.fail("grants of %s and %s are not in order", a.Grants[i-1].Balance, g.Balance)
		}
		if g.Left.Sign() <= 0 || g.LastDay < g.GrantedOn {
			c.fail("a grant of %s has %s left, from %s to %s", g.Balance, g.Left, g.GrantedOn, g.LastDay)
		}
		if g.LastDay < a.BilledThrough && !a.Suspended() {
			c.fail("a grant of %s was good to %s and has not lapsed", g.Balance, g.LastDay)
		}
		sum := sums[g.Balance].Add(g.Left)
		if sums[g.Balance] = sum; sum.Cmp(balanceOf(a, g.Balance)) > 0 {
			c.fail("grants of %s come to %s, the balance is %s", g.Balance, sum, balanceOf(a, g.Balance))
		}
	}
}
