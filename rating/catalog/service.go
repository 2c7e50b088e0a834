package catalog

import "ratemill/rating/decimal"

// Service is something sold once, charged as it is used.
type Service struct {
	Name        string // as events of type service_used have it
	Description string
	Each        decimal.Decimal
	Free        int64    // units without charge
	FreeDays    int      // while the account is in its first so many days from the first purchase on; the day of purchase is the first
	FreeNotOn   []string // plans without free units
	TaxCategory string
	Rule        RuleID
	Line        int // line of the catalog file
}

// Service is the service of a name, or nil.
func (v *Version) Service(name string) *Service { return find(v.Services, name, serviceName) }

func serviceName(s *Service) string { return s.Name }

func (p *problems) service(v *versionDraft, e entry) Service {
	f := p.fields(e.value, "service %q", e.key.text)
	s := Service{Name: e.key.text, Line: e.key.line}
	s.Description = p.text(f.required("description"), "description")
	s.Each = p.money(f.required("each"), "each")
	if n := f.optional("free"); n != nil {
		free := p.fields(n, "free of service %q", s.Name)
		s.Free = p.count(free.required("units"), "units", 1)
		s.FreeDays = p.days(free.required("first"), "first")
		if plans := free.optional("not_on"); plans != nil {
			s.FreeNotOn = p.names(plans, "not_on")
			v.wantPlans(plans.items...)
		}
		free.done()
	}
	s.TaxCategory = p.taxCategory(f)
	s.Rule = p.rule(f)
	f.done()
	return s
}

func (s *Service) print() string {
	o := inline{"description: " + quote(s.Description)}
	o.add("each", amountText(s.Each))
	if s.Free > 0 {
		free := inline{"units: " + wholeText(s.Free)}
		free.add("first", durationText(s.FreeDays, "day"))
		if len(s.FreeNotOn) > 0 {
			free.add("not_on", quoteAll(s.FreeNotOn))
		}
		o.add("free", free.object())
	}
	o.taxCategory(s.TaxCategory)
	return o.rule(s.Rule)
}
