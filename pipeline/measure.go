package pipeline

import (
	"context"
	"fmt"
	"math/big"

	"ratemill/readers"
)

// Measured is what Measure came to: sums that another program can come to as
// well, as exact decimals in text.
type Measured struct {
	Groups   string `json:"groups"`
	Rows     string `json:"rows"`
	Quantity string `json:"quantity"` // summed over all rows
	Check    string `json:"check"`    // rows × quantity, summed over the groups
}

// Work is a part of a night that Measure does alone.
type Work string

const (
	Decode    Work = "decode"    // read the usage exports, column by column, and drop them
	Aggregate Work = "aggregate" // sum them up as they come, duplicates included
	Distinct  Work = "distinct"  // as a night does: each event id once
)

// Measure does the part of a night that sums usage up, with the code of the
// night, and publishes nothing. Inputs are not checksummed: that belongs to a
// whole night. It is for the benchmark.
func Measure(ctx context.Context, s *Settings, w Work) (*Measured, error) {
	head, err := Head(ctx, s.Output)
	if err != nil {
		return nil, err
	}
	plan, err := s.unfrozenPlan(ctx, head)
	if err != nil {
		return nil, err
	}
	n, err := newNight(ctx, s, plan)
	if err != nil {
		return nil, err
	}
	defer n.close()
	if w == Decode {
		return n.decodeUsage(ctx)
	}
	if w == Aggregate {
		n.sumAtOnce = true
		n.leaveIDs()
	}
	if err := n.mapInputs(ctx); err != nil {
		return nil, err
	}
	if err := n.fold(ctx, nil); err != nil {
		return nil, err
	}
	return n.sumGroups(ctx)
}

// unfrozenPlan is a plan whose inputs have no checksums.
func (s *Settings) unfrozenPlan(ctx context.Context, before *Entry) (*Plan, error) {
	if err := checkDay(s, before); err != nil {
		return nil, err
	}
	p := &Plan{FirstNight: s.Day.String(), before: before, pins: map[string]pin{}}
	if before != nil {
		p.FirstNight = before.FirstNight
	}
	sources, err := sourcesOf(s.Sources, s.Lookups)
	if err != nil {
		return nil, err
	}
	found, err := listExports(ctx, s, sources)
	for _, f := range found {
		if f.Date == s.Day.String() {
			p.Inputs = append(p.Inputs, f.InputFile)
		}
	}
	return p, err
}

// leaveIDs leaves the event ids of usage out of what is read: nobody asks for
// them where duplicates are summed up. A row without one is then summed up too.
func (n *night) leaveIDs() {
	for i := range n.sources {
		if s := &n.sources[i]; s.role == usageRows && !s.keyed() {
			s.schema.Fields[s.id].Unread = true
		}
	}
}

// decodeUsage reads the exports and counts their rows.
func (n *night) decodeUsage(ctx context.Context) (*Measured, error) {
	rows := make([]int64, n.workers)
	n.taker = func(worker, _ int) func(*readers.Batch) error {
		return func(b *readers.Batch) error {
			rows[worker] += int64(b.Len)
			return nil
		}
	}
	err := n.readExports(ctx)
	total := int64(0)
	for _, r := range rows {
		total += r
	}
	return &Measured{Rows: fmt.Sprint(total)}, err
}

// sumGroups merges the groups of all buckets, as reduce does, and sums them up.
func (n *night) sumGroups(ctx context.Context) (*Measured, error) {
	type sum struct {
		groups, rows    int64
		quantity, check big.Int
	}
	sums := make([]sum, n.workers)
	n.orderGroups()
	n.places = make(accountPlaces, len(n.accounts.all()))
	err := each(ctx, n.workers, n.buckets, func(_ context.Context, worker, b int) error {
		s, f := &sums[worker], n.folded[worker]
		accounts := 0
		err := n.mergeGroups(f, b, 0, func(account uint32) int {
			at, met := n.places.of(account)
			if !met {
				at = accounts
				n.places.set(account, at)
				accounts++
			}
			return at
		})
		if err != nil {
			return err
		}
		for i := range f.billing.merging.groups {
			g := &f.billing.merging.groups[i]
			q := g.sum(0).BigInt()
			s.groups++
			s.rows += g.rows
			s.quantity.Add(&s.quantity, q)
			s.check.Add(&s.check, q.Mul(q, big.NewInt(g.rows)))
		}
		return nil
	})
	all := &sums[0]
	for i := range sums[1:] {
		s := &sums[1+i]
		all.groups, all.rows = all.groups+s.groups, all.rows+s.rows
		all.quantity.Add(&all.quantity, &s.quantity)
		all.check.Add(&all.check, &s.check)
	}
	return &Measured{fmt.Sprint(all.groups), fmt.Sprint(all.rows), all.quantity.String(), all.check.String()}, err
}
