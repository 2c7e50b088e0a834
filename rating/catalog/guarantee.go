package catalog

import (
	"slices"

	"ratemill/rating/decimal"
)

// Guarantee gives back what an account has paid if it closes early enough.
type Guarantee struct {
	Offer    string // that must be on the account
	Within   int    // days: closed on the first purchase + so many at the latest
	Percent  decimal.Decimal
	Of       []string // line kinds
	NotTerms []string // terms, plans and kinds of accounts that it is not for
	NotPlans []string
	NotFor   []string // trial, ever_suspended, billing_delayed
	Rule     RuleID
}

// givenBack are the line kinds that a guarantee may name.
var givenBack = slices.DeleteFunc(slices.Clone(paidLines), func(kind string) bool { return kind == "credit" })

// Kinds of accounts that a guarantee can leave out.
const (
	WithTrial      = "trial"
	EverSuspended  = "ever_suspended"
	BillingDelayed = "billing_delayed"
)

func (p *problems) guarantee(v *versionDraft, n *node) *Guarantee {
	if n == nil {
		return nil
	}
	f := p.fields(n, "guarantee")
	g := &Guarantee{Offer: p.text(f.required("offer"), "offer")}
	g.Within = p.days(f.required("within"), "within")
	if r := f.required("refund"); r != nil {
		of := p.fields(r, "refund of the guarantee")
		g.Percent = p.percent(of.required("percent"), "percent")
		kinds := of.required("of")
		g.Of = p.lineKinds(kinds, "of")
		for i, kind := range g.Of {
			if slices.Contains(paidLines, kind) && !slices.Contains(givenBack, kind) {
				p.add(kinds.items[i].at(), "a guarantee gives no %s back: what was bought stays in its balance, or is used; leave it out", kind)
			}
		}
		of.done()
	}
	if not := f.optional("not_for"); not != nil {
		p.notFor(v, g, not)
	}
	g.Rule = p.rule(f)
	f.done()
	return g
}

func (p *problems) notFor(v *versionDraft, g *Guarantee, n *node) {
	f := p.fields(n, "not_for of the guarantee")
	if terms := f.optional("terms"); terms != nil {
		g.NotTerms = p.names(terms, "terms")
		v.wantTerms(terms.items...)
	}
	if plans := f.optional("plans"); plans != nil {
		g.NotPlans = p.names(plans, "plans")
		v.wantPlans(plans.items...)
	}
	if accounts := f.optional("accounts"); accounts != nil {
		g.NotFor = p.names(accounts, "accounts")
		for i := range g.NotFor {
			p.word(accounts.items[i], "accounts", WithTrial, EverSuspended, BillingDelayed)
		}
	}
	f.done()
	if n.kind == object && len(n.entries) == 0 {
		p.add(n.at(), "not_for is empty: leave it out")
	}
}

// wantTerms has the terms that words name looked up once the version is read.
func (v *versionDraft) wantTerms(uses ...*node) {
	v.later = append(v.later, func(c *checker) {
		var names []string
		for _, t := range c.version.Terms {
			names = append(names, t.Name)
		}
		for _, use := range uses {
			if c.version.Term(use.text) == nil {
				c.undefined(use, "term", names)
			}
		}
	})
}

func (g *Guarantee) print(w *printer) {
	if g == nil {
		return
	}
	w.line(1, "guarantee:")
	w.line(2, "offer: %s", quote(g.Offer))
	w.line(2, "within: %s", durationText(g.Within, "day"))
	w.line(2, "refund: {percent: %s, of: %s}", number(g.Percent), quoteAll(g.Of))
	var not inline
	for _, x := range []struct {
		key   string
		names []string
	}{{"terms", g.NotTerms}, {"plans", g.NotPlans}, {"accounts", g.NotFor}} {
		if len(x.names) > 0 {
			not.add(x.key, quoteAll(x.names))
		}
	}
	if len(not) > 0 {
		w.line(2, "not_for: %s", not.object())
	}
	w.line(2, "rule: %s", quote(string(g.Rule)))
}
