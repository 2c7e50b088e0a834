package catalog

import "github.com/shopspring/decimal"

// Term is how often an account is billed, and what that asks of the account.
type Term struct {
	Name       string
	Period     Cycle           // a billing period
	BaseEvery  Cycle           // the base fee is charged once in so long: whole billing periods
	BasePrices decimal.Decimal // × the plan's monthly base: 1, 10
	Methods    []string        // of payment that the term takes; empty: any
	Rule       RuleID

	FromAccountDay   int  // a change to the term is possible from sign-up + so many days on
	ApprovedSignUp   bool // a sign-up on the term needs an approval
	DropsOffers      bool // such a sign-up has no offers
	ApprovedPlanMove bool // a change of plan on the term needs an approval
}

// oneMonth is the billing period of terms in months that name none.
var oneMonth = Cycle{Months: 1}

// usualPeriod is the billing period of a term that names none: a month, or
// where the base fee counts in days, as long as that.
func usualPeriod(baseEvery Cycle) Cycle {
	if baseEvery.Months > 0 {
		return oneMonth
	}
	return baseEvery
}

func (p *problems) term(e entry) Term {
	f := p.fields(e.value, "term %q", e.key.text)
	every := f.required("base_every")
	t := Term{Name: e.key.text, BaseEvery: p.cycle(every, "base_every")}
	t.Period = usualPeriod(t.BaseEvery)
	if n := f.optional("period"); n != nil {
		t.Period = p.cycle(n, "period")
	}
	if (t.BaseEvery != Cycle{} && t.Period != Cycle{}) && !t.BaseEvery.holds(t.Period) {
		p.add(every.place, "base_every %s is not a whole number of periods of %s", t.BaseEvery, t.Period)
	}
	t.BasePrices = p.times(f.required("base"), "base", "monthly")
	if n := f.optional("methods"); n != nil {
		t.Methods = p.names(n, "methods")
	}
	if n := f.optional("from_account_day"); n != nil {
		t.FromAccountDay = int(p.countUpTo(n, "from_account_day", 1, MaxWindowDays))
	}
	if n := f.optional("at_sign_up"); n != nil {
		s := p.fields(n, "at_sign_up of term %q", t.Name)
		t.ApprovedSignUp = p.word(s.required("approval"), "approval", "needed") != ""
		t.DropsOffers = p.word(s.optional("offers"), "offers", "kept", "dropped") == "dropped"
		s.done()
	}
	if n := f.optional("plan_changes"); n != nil {
		c := p.fields(n, "plan_changes of term %q", t.Name)
		t.ApprovedPlanMove = p.word(c.required("approval"), "approval", "needed") != ""
		c.done()
	}
	t.Rule = p.rule(f)
	f.done()
	return t
}

func (t *Term) print() string {
	o := inline{"base_every: " + t.BaseEvery.String()}
	if t.Period != usualPeriod(t.BaseEvery) {
		o.add("period", t.Period.String())
	}
	o.add("base", number(t.BasePrices)+" x monthly")
	if len(t.Methods) > 0 {
		o.add("methods", quoteAll(t.Methods))
	}
	if t.FromAccountDay > 0 {
		o.add("from_account_day", wholeText(int64(t.FromAccountDay)))
	}
	if t.ApprovedSignUp {
		s := inline{"approval: needed"}
		if t.DropsOffers {
			s.add("offers", "dropped")
		}
		o.add("at_sign_up", s.object())
	}
	if t.ApprovedPlanMove {
		o.add("plan_changes", "{approval: needed}")
	}
	return o.rule(t.Rule)
}
