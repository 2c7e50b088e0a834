package catalog

// BillingDateChanges say how far a customer may move the next billing date.
// Without them every billing_date_changed event is refused.
type BillingDateChanges struct {
	Free int // days either way, once a billing period; more, or more often, needs an approval
	Rule RuleID
}

func (p *problems) billingDateChanges(n *node) *BillingDateChanges {
	if n == nil {
		return nil
	}
	f := p.fields(n, "billing_date_changes")
	c := &BillingDateChanges{Free: p.days(f.required("free_within"), "free_within")}
	p.word(f.optional("beyond"), "beyond", "approval_needed")
	c.Rule = p.rule(f)
	f.done()
	return c
}

// Payments say when a failed charge is tried again.
type Payments struct {
	RetryAfter []int // days after the first failure, ascending
	Rule       RuleID
}

func (p *problems) payments(n *node) *Payments {
	if n == nil {
		return nil
	}
	f := p.fields(n, "payments")
	c := &Payments{}
	for i, item := range p.items(f.required("retry_after"), "retry_after") {
		days := p.days(item, "retry_after")
		if i > 0 && days > 0 && days <= c.RetryAfter[i-1] {
			p.add(item.place, "retry_after %s is not after the one before it (%s)", durationText(days, "day"), durationText(c.RetryAfter[i-1], "day"))
		}
		c.RetryAfter = append(c.RetryAfter, days)
	}
	c.Rule = p.rule(f)
	f.done()
	return c
}

// StoreRemoval closes accounts that came through a store when the app is
// removed there. Without it every uninstalled event is refused.
type StoreRemoval struct {
	Channels []string // through which the app was installed
	Rule     RuleID
}

func (p *problems) storeRemoval(n *node) *StoreRemoval {
	if n == nil {
		return nil
	}
	f := p.fields(n, "store_removal")
	r := &StoreRemoval{Channels: p.names(f.required("channels"), "channels")}
	r.Rule = p.rule(f)
	f.done()
	return r
}

func (v *Version) printAccountRules(w *printer) {
	if c := v.BillingDateChanges; c != nil {
		o := inline{"free_within: " + durationText(c.Free, "day")}
		w.line(1, "billing_date_changes: %s", o.rule(c.Rule))
	}
	if c := v.Payments; c != nil {
		var o inline
		text := "["
		for i, days := range c.RetryAfter {
			if i > 0 {
				text += ", "
			}
			text += durationText(days, "day")
		}
		o.add("retry_after", text+"]")
		w.line(1, "payments: %s", o.rule(c.Rule))
	}
	if r := v.StoreRemoval; r != nil {
		o := inline{"channels: " + quoteAll(r.Channels)}
		w.line(1, "store_removal: %s", o.rule(r.Rule))
	}
}

// MinimumTerm is how long an account stays on a plan before it may leave it
// for another. It never holds up closing the account.
type MinimumTerm struct {
	Length Cycle
	Rule   RuleID
}

func (p *problems) minimumTerm(plan string, n *node) *MinimumTerm {
	f := p.fields(n, "minimum_term of plan %q", plan)
	m := &MinimumTerm{Length: p.cycle(f.required("length"), "length")}
	m.Rule = p.rule(f)
	f.done()
	return m
}

func (m *MinimumTerm) print() string {
	o := inline{"length: " + m.Length.String()}
	return o.rule(m.Rule)
}
