package catalog

import "ratemill/rating/decimal"

// Term is how often an account is billed, and what that asks of the account.
type Term struct {
	Name       string
	Period     Cycle           // a billing period
	BaseEvery  Cycle           // the base fee is charged once in so long: whole billing periods
	BasePrices decimal.Decimal // × the plan's monthly base: 1, 10; zero: plans say it for each term
	Arrears    bool            // the base fee is charged when its time is over; else in advance
	Additions  *Additions      // nil: what is added within a period is charged at once, under its own rule
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
	t := Term{Name: e.key.text}
	key, every := f.oneOf("every", "base_every")
	t.BaseEvery = p.cycle(every, key)
	t.Period = usualPeriod(t.BaseEvery)
	if key == "every" {
		t.Period = t.BaseEvery
	} else if n := f.optional("period"); n != nil {
		t.Period = p.cycle(n, "period")
	}
	if (t.BaseEvery != Cycle{} && t.Period != Cycle{}) && !t.BaseEvery.holds(t.Period) {
		p.add(every.place, "base_every %s is not a whole number of periods of %s", t.BaseEvery, t.Period)
	}
	t.BasePrices = p.times(f.optional("base"), "base", "monthly")
	t.Arrears = p.word(f.optional("charged"), "charged", "in_advance", "in_arrears") == "in_arrears"
	t.Additions = p.additions(t.Name, f.optional("additions"))
	if n := f.optional("methods"); n != nil {
		t.Methods = p.names(n, "methods")
	}
	if n := f.optional("from_account_day"); n != nil {
		t.FromAccountDay = int(p.countUpTo(n, "from_account_day", 1, maxWindowDays))
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
	if !t.BasePrices.IsZero() {
		o.add("base", number(t.BasePrices)+" x monthly")
	}
	if t.Arrears {
		o.add("charged", "in_arrears")
	}
	if t.Additions != nil {
		o.add("additions", t.Additions.print())
	}
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

// Additions say when what is added within a period is charged: seats and
// packages.
type Additions struct {
	NextInvoice bool // with the account's next invoice, whatever that is for; else at once
	Rule        RuleID
}

func (p *problems) additions(term string, n *node) *Additions {
	if n == nil {
		return nil
	}
	f := p.fields(n, "additions of term %q", term)
	a := &Additions{NextInvoice: p.word(f.required("charged"), "charged", "at_once", "next_invoice") == "next_invoice"}
	a.Rule = p.rule(f)
	f.done()
	return a
}

func (a *Additions) print() string {
	o := inline{"charged: at_once"}
	if a.NextInvoice {
		o[0] = "charged: next_invoice"
	}
	return o.rule(a.Rule)
}
