package pipeline

import (
	"cmp"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// union is what the nights of a shadow read.
type union struct {
	inputs  map[inputKey]writers.InputFile
	vouched map[inputKey]writers.InputFile // manifests
	changed map[string]writers.ChangedInput
	lookups []writers.LookupFile
	pins    map[string]pin
}

func newUnion() *union {
	return &union{inputs: map[inputKey]writers.InputFile{}, vouched: map[inputKey]writers.InputFile{}, changed: map[string]writers.ChangedInput{}, pins: map[string]pin{}}
}

func (u *union) add(p *Plan) {
	for _, f := range p.Inputs {
		u.inputs[keyOf(f)] = f
	}
	for _, f := range p.Manifests {
		u.vouched[keyOf(f)] = f
	}
	for _, c := range p.Changed {
		u.changed[c.Key] = c
	}
	for key, pin := range p.pins {
		u.pins[key] = pin
	}
	u.lookups = p.Lookups
}

// planOf is the plan of the entry: all that decides on what it publishes.
func (r *rerate) planOf(u *union) *Plan {
	p := &Plan{
		Entry: r.head.Entry + 1, BillingDate: (r.through + 1).String(), FirstNight: r.head.FirstNight, Version: r.Version,
		WindowDays: r.Catalog.WindowDays, MaxRejects: r.MaxRejects, Catalog: writers.CatalogRef{Name: r.Catalog.Name, Digest: r.Catalog.Digest},
		Predecessor: &writers.EntryRef{Entry: r.head.Entry, Digest: r.head.Digest}, Sources: digestOf(r.Sources, r.Lookups), Lookups: u.lookups,
		Inputs: []writers.InputFile{}, Changed: []writers.ChangedInput{}, before: r.head, pins: u.pins,
	}
	asked := r.catalogOf(r.asked.From)
	p.Rerate = &writers.RerateSpan{
		From: r.from.String(), Through: r.through.String(), AskedFrom: r.asked.From.String(), AskedTo: r.asked.To.String(),
		Catalog: writers.CatalogRef{Name: asked.Name, Digest: asked.Digest},
	}
	if r.base != nil {
		p.Rerate.After = &writers.EntryRef{Entry: r.base.Entry, Digest: r.base.Digest}
	}
	for _, f := range u.inputs {
		p.Inputs = append(p.Inputs, f)
	}
	for _, f := range u.vouched {
		p.Manifests = append(p.Manifests, f)
	}
	slices.SortFunc(p.Manifests, compareInputs)
	for _, c := range u.changed {
		p.Changed = append(p.Changed, c)
	}
	for _, d := range r.decisions() {
		p.Decisions = append(p.Decisions, d.DecisionFile)
	}
	slices.SortFunc(p.Inputs, compareInputs)
	slices.SortFunc(p.Changed, func(a, b writers.ChangedInput) int { return cmp.Compare(a.Key, b.Key) })
	return p
}

// consumed is the consumed set after the rerate: what the shadow has read, but
// for results of payments. Of those it is what the chain has read and what
// lies there unchanged: a file that has changed is read again by the next
// night, which knows by their ids the rows that were taken.
func (r *rerate) consumed() []writers.InputFile {
	now, old := map[inputKey]writers.InputFile{}, map[inputKey]writers.InputFile{}
	for _, f := range r.plan.Inputs {
		now[keyOf(f)] = f
	}
	if r.base != nil {
		for _, f := range r.base.Consumed {
			old[keyOf(f)] = f
		}
	}
	all := []writers.InputFile{}
	for _, f := range r.last().Consumed {
		if f.Source != paymentsSource {
			all = append(all, f)
		}
	}
	for _, f := range r.head.Consumed {
		if f.Source == paymentsSource && (now[keyOf(f)] == f || now[keyOf(f)].Key == "" && old[keyOf(f)] == f) {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, compareInputs)
	oldest := (r.through + 1 - calendar.Day(r.Catalog.WindowDays)).String()
	return slices.DeleteFunc(all, func(f writers.InputFile) bool { return f.Date != "" && f.Date < oldest })
}

// paymentsSource is the source of results of payments.
const paymentsSource = "payments"
