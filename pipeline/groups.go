package pipeline

import (
	"cmp"
	"math/big"
	"math/bits"
	"slices"

	"ratemill/rating/decimal"
)

// group is all usage rows of a key.
type group struct {
	key    key
	rows   int64
	hi, lo uint64 // sum of the quantities, 128 bits in two's complement
	first  place  // of the rows
}

// merging puts the sums of a bucket together, exact to 128 bits: those of all
// workers, and those that a worker has spilled several times. An account has
// few of them, so they are dealt out by account, and an account's are sorted:
// equal ones are then side by side, and its groups in the order in which rating
// takes them.
type merging struct {
	places []uint32 // of each sum's account
	ends   []int    // by place: how many sums an account has, then where they begin and end in dealt, then where its groups end
	dealt  []dealtSum
	groups []group // account by account

	// Of an account with many sums.
	slots  []uint32   // open addressing; group + 1
	met    []dealtSum // its groups; at is the number in united
	united []group
}

// dealtSum is a sum with where its group comes among those of its account.
type dealtSum struct {
	order uint64
	at    int // where it begins among the spilled bytes (in met: see there)
}

// merge makes groups of a bucket's sums as they were spilled. It asks place for
// the place of an account; there are so many, and may be more as it asks. What
// it makes holds until it merges again.
func (m *merging) merge(spilled []byte, orders groupOrders, places int, place func(account uint32) int) {
	m.places, m.ends = m.places[:0], slices.Grow(m.ends[:0], places)[:places]
	clear(m.ends)
	for rest := spilled; len(rest) > 0; rest = rest[sumSize(rest):] {
		at := place(sumKey(rest).account())
		if at == len(m.ends) {
			m.ends = append(m.ends, 0)
		}
		m.ends[at]++
		m.places = append(m.places, uint32(at))
	}
	m.deal(spilled, orders)
	m.groups = slices.Grow(m.groups[:0], len(m.dealt))
	from := 0
	for at, to := range m.ends {
		m.add(spilled, m.dealt[from:to])
		from, m.ends[at] = to, len(m.groups)
	}
}

// deal brings the sums of each account together. ends are how many each has.
func (m *merging) deal(spilled []byte, orders groupOrders) {
	m.dealt = slices.Grow(m.dealt[:0], len(m.places))[:len(m.places)]
	from := 0
	for at, count := range m.ends {
		from, m.ends[at] = from+count, from
	}
	at := 0
	for _, place := range m.places {
		m.dealt[m.ends[place]] = dealtSum{orders.of(sumKey(spilled[at:])), at}
		m.ends[place]++
		at += sumSize(spilled[at:])
	}
}

// add adds the groups of one account's sums.
func (m *merging) add(spilled []byte, dealt []dealtSum) {
	if len(dealt) > fewSums {
		m.addMany(spilled, dealt)
		return
	}
	sortDealt(dealt)
	for i, d := range dealt {
		s, _ := readSum(spilled[d.at:])
		if i == 0 || d.order != dealt[i-1].order {
			m.groups = append(m.groups, groupOf(&s))
			continue
		}
		m.groups[len(m.groups)-1].add(&s)
	}
}

// addMany is add where there are so many sums that several, likely, are of one
// group: those are put together before anything is sorted.
func (m *merging) addMany(spilled []byte, dealt []dealtSum) {
	size := 1 << bits.Len(uint(2*len(dealt)))
	m.slots = slices.Grow(m.slots[:0], size)[:size]
	clear(m.slots)
	m.met, m.united = m.met[:0], m.united[:0]
	for _, d := range dealt {
		s, _ := readSum(spilled[d.at:])
		slot := m.slot(d.order)
		if *slot > 0 {
			m.united[*slot-1].add(&s)
			continue
		}
		m.met, m.united = append(m.met, dealtSum{d.order, len(m.united)}), append(m.united, groupOf(&s))
		*slot = uint32(len(m.met))
	}
	sortDealt(m.met)
	for _, d := range m.met {
		m.groups = append(m.groups, m.united[d.at])
	}
}

// slot is the slot of a group by its order, empty if it is new.
func (m *merging) slot(order uint64) *uint32 {
	mask := uint64(len(m.slots) - 1)
	for at := mix(order) & mask; ; at = (at + 1) & mask {
		if s := &m.slots[at]; *s == 0 || m.met[*s-1].order == order {
			return s
		}
	}
}

func groupOf(s *sum) group {
	return group{s.key, s.rows, uint64(s.quantity >> 63), uint64(s.quantity), s.first}
}

func (g *group) add(s *sum) {
	lo, carry := bits.Add64(g.lo, uint64(s.quantity), 0)
	g.rows, g.lo, g.hi = g.rows+s.rows, lo, g.hi+uint64(s.quantity>>63)+carry
	g.first = min(g.first, s.first)
}

// fewSums are sorted by insertion, a third of the time that slices.SortFunc
// takes for them, and put together after that, not before.
const fewSums = 32

func sortDealt(dealt []dealtSum) {
	if len(dealt) > fewSums {
		slices.SortFunc(dealt, func(x, y dealtSum) int { return cmp.Compare(x.order, y.order) })
		return
	}
	for i, d := range dealt {
		for ; i > 0 && dealt[i-1].order > d.order; i-- {
			dealt[i] = dealt[i-1]
		}
		dealt[i] = d
	}
}

// sum is the group's quantity, exact to 128 bits, of rows that keep so many
// decimals.
func (g *group) sum(decimals int) decimal.Decimal {
	if int64(g.hi) == int64(g.lo)>>63 { // nothing but the sign
		return decimal.New(int64(g.lo), -int32(decimals))
	}
	v := big.NewInt(int64(g.hi))
	v.Lsh(v, 64).Add(v, new(big.Int).SetUint64(g.lo))
	return decimal.NewFromBigInt(v, -int32(decimals))
}

// groupOrders is the order of an account's groups: by source, day and dimension
// values. Of each combination it is a word that has no day yet:
//
//	source 28 bits | day 12 | rank of the values 24
//
// Two groups of an account are alike only if they are one.
type groupOrders []uint64

func (o groupOrders) of(k key) uint64  { return o[k.combination()] | uint64(k.day())<<24 }
func (o groupOrders) source(k key) int { return int(o[k.combination()] >> 36) }

// orderGroups ranks the combinations by their values; those with the same
// values, of several sources, have one rank.
func (n *night) orderGroups() {
	all := n.combinations.all()
	sorted := make([]uint32, len(all))
	for i := range sorted {
		sorted[i] = uint32(i)
	}
	slices.SortFunc(sorted, func(x, y uint32) int { return slices.Compare(all[x].values, all[y].values) })
	n.orders = make(groupOrders, len(all))
	rank := uint64(0)
	for i, c := range sorted {
		if i > 0 && !slices.Equal(all[sorted[i-1]].values, all[c].values) {
			rank++
		}
		n.orders[c] = uint64(all[c].source)<<36 | rank
	}
}
