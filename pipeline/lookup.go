package pipeline

import (
	"context"

	"ratemill/readers"
	"ratemill/writers"
)

// loadLookups reads the lookup tables that the plan names.
func (n *night) loadLookups(ctx context.Context) error {
	n.lookups = map[string]map[string]string{}
	for _, f := range n.plan.Lookups {
		for i := range n.Lookups {
			l := &n.Lookups[i]
			if l.Name != f.Name {
				continue
			}
			rows, err := readers.ReadTable(n.plan.frozen(ctx, f.Key), n.Exports, readers.File{Key: f.Key, Size: f.Size}, l.Layout, l.Key, l.Value)
			if err != nil {
				return err
			}
			n.lookups[f.Name] = rows
		}
	}
	return nil
}

// lookUpAgain gives a row that waits for its account the account that a lookup
// table has for it by now, by the rule of the export that it came from. A table
// in which what it gives is itself a key of something else is refused when it
// is read, so looking up twice does nothing.
func (n *night) lookUpAgain(h *writers.Held, s *source) {
	for i := range s.exports {
		l := &s.exports[i]
		if _, _, mine := l.match(h.File); !mine || l.mapping == nil {
			continue
		}
		for _, r := range l.mapping.Rules {
			if r.Field != s.schema.Fields[s.account].Name || r.Lookup == "" {
				continue
			}
			account, found := n.lookups[r.Lookup][h.AccountID]
			if !found {
				return
			}
			if mapped, is := r.Map[account]; is { // the step behind the lookup
				account = mapped
			}
			if account != "" {
				h.AccountID = account
			}
			return
		}
	}
}
