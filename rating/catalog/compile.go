package catalog

import (
	"cmp"
	"slices"
)

// compile makes the Catalog of a draft that check found nothing wrong with.
func (d *draft) compile() *Catalog {
	c := d.Catalog
	for i := range d.versions {
		c.Versions = append(c.Versions, d.compileVersion(&d.versions[i]))
	}
	return &c
}

func (d *draft) compileVersion(from *versionDraft) Version {
	v := from.Version
	for i := range from.plans {
		for _, cohort := range d.cohortNames() {
			if body, ok := from.plans[i].of(cohort); ok {
				v.Plans = append(v.Plans, d.compilePlan(from.plans[i].key, body))
			}
		}
	}
	for _, a := range from.addOns {
		v.AddOns = append(v.AddOns, a.AddOn)
	}
	for _, t := range from.tables {
		t.index, t.byText = indexOf(t.Rows), byText(t.Rows)
		for i := range t.Rows {
			t.Rows[i].at = i
		}
		v.PriceTables = append(v.PriceTables, t.PriceTable)
	}
	for _, u := range from.charges {
		u.points = u.pointsOf(v.Table(u.Table))
		v.UsageCharges = append(v.UsageCharges, u.UsageCharge)
	}
	return v
}

func (d *draft) compilePlan(key *node, body planBody) Plan {
	plan := Plan{
		Name:   key.text,
		Cohort: body.cohort,
		Base:   body.base.prices.one,
		Rule:   body.base.rule,
		Line:   key.line,
	}
	plan.TaxCategory = body.base.taxed
	plan.BaseByTerm = body.base.prices.byTerm
	plan.Sells, plan.Minimum = body.Sells, body.minimum
	if body.commitment != nil {
		plan.Commitment = body.commitment.Commitment
	}
	plan.Gives = giftsOf(body.gives)
	if body.seats != nil {
		seats := body.seats.Seats
		plan.Seats = &seats
	}
	for _, a := range body.allowances {
		plan.Allowances = append(plan.Allowances, a.Allowance)
	}
	// In the order of the meters, wherever in the file each was written.
	slices.SortFunc(plan.Allowances, func(a, b Allowance) int {
		return cmp.Compare(d.meterIndex(a.Meter), d.meterIndex(b.Meter))
	})
	return plan
}

func (d *draft) meterIndex(name string) int {
	return slices.IndexFunc(d.Meters, func(m Meter) bool { return m.Name == name })
}

// cohortNames are the cohorts' names; without cohorts, the one empty name.
func (d *draft) cohortNames() []string {
	if len(d.Cohorts) == 0 {
		return []string{""}
	}
	var names []string
	for _, c := range d.Cohorts {
		names = append(names, c.Name)
	}
	return names
}

// of is the plan as a cohort has it: what stands under "all", with each key
// replaced whole by the cohort's own. It is false where the plan has neither,
// so that the cohort cannot have the plan.
func (p *planDraft) of(cohort string) (planBody, bool) {
	body, found := planBody{cohort: cohort}, false
	for _, over := range p.bodies { // "all" comes first
		if over.cohort != all && over.cohort != cohort {
			continue
		}
		found = true
		if over.base != nil {
			body.base = over.base
		}
		if over.seats != nil {
			body.seats = over.seats
		}
		if over.Sells != nil {
			body.Sells, body.sells = over.Sells, over.sells
		}
		if over.minimum != nil {
			body.minimum = over.minimum
		}
		if over.commitment != nil {
			body.commitment = over.commitment
		}
		if over.gives != nil {
			body.gives = over.gives
		}
		body.allowances = overlay(body.allowances, over.allowances)
	}
	return body, found
}

// overlay is the allowances with those of the same meter replaced.
func overlay(under, over []allowanceDraft) []allowanceDraft {
	merged := slices.Clone(under)
	for _, a := range over {
		i := slices.IndexFunc(merged, func(b allowanceDraft) bool { return b.Meter == a.Meter })
		if i < 0 {
			merged = append(merged, a)
			continue
		}
		merged[i] = a
	}
	return merged
}
