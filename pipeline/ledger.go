package pipeline

import (
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// ledger adds up what the tables say, for the control totals.
type ledger struct {
	series   map[string]int64 // last invoice number by series
	ends     []rowEnds
	alarming int64
	money    map[string]*writers.MoneyTotals
	last     *writers.MoneyTotals                 // asked for: nearly always the next one too
	balances map[[3]string]*writers.BalanceTotals // by balance, currency, unit

	kinds   map[[2]string]decimal.Decimal // lines by kind and currency
	reasons map[[2]string]int64           // rejected rows by reason and status
}

func newLedger() ledger {
	return ledger{
		series: map[string]int64{}, money: map[string]*writers.MoneyTotals{}, balances: map[[3]string]*writers.BalanceTotals{},
		kinds: map[[2]string]decimal.Decimal{}, reasons: map[[2]string]int64{},
	}
}

func (l *ledger) add(t *tables) {
	if l.ends == nil {
		l.ends = newTables(len(t.ends)).ends
	}
	for i := range t.ends {
		l.ends[i].add(&t.ends[i])
		l.alarming += t.ends[i].alarming
	}
	for i := range t.lines {
		m := l.of(t.lines[i].Currency)
		m.Lines = m.Lines.Add(writers.FromMoney(t.lines[i].Amount))
	}
	l.addKinds(t.lines)
	for i := range t.invoices {
		inv := &t.invoices[i]
		m := l.of(inv.Currency)
		m.Invoices = m.Invoices.Add(writers.FromMoney(inv.Total))
		m.CreditsApplied = m.CreditsApplied.Add(writers.FromMoney(inv.CreditsApplied))
		m.AmountDue = m.AmountDue.Add(writers.FromMoney(inv.AmountDue))
		if inv.Kind == creditNote {
			m.CreditNotes = m.CreditNotes.Sub(writers.FromMoney(inv.Total - inv.CreditsApplied))
		}
	}
	l.addPayments(t)
	for _, o := range t.open {
		m := l.of(o.currency)
		m.TakenUp = m.TakenUp.Add(writers.FromMoney(o.before))
		m.LeftOpen = m.LeftOpen.Add(writers.FromMoney(o.after))
	}
	for i := range t.balances {
		l.addBalance(&t.balances[i])
	}
}

func (l *ledger) addPayments(t *tables) {
	for i := range t.charges {
		c := &t.charges[i]
		m := l.of(c.Currency)
		if c.Attempt == 1 {
			m.FirstAttemptCharges = m.FirstAttemptCharges.Add(writers.FromMoney(c.Amount))
		} else {
			m.RetriedCharges = m.RetriedCharges.Add(writers.FromMoney(c.Amount))
		}
	}
	for i := range t.refunds {
		m := l.of(t.refunds[i].Currency)
		m.Refunds = m.Refunds.Add(writers.FromMoney(t.refunds[i].Amount))
	}
	for i := range t.uncollected {
		u := &t.uncollected[i]
		addUncollectable(l.of(u.Currency), u.Reason, writers.FromMoney(u.Amount))
	}
}

func addUncollectable(m *writers.MoneyTotals, reason string, amount decimal.Decimal) {
	for i := range m.Uncollectable {
		if m.Uncollectable[i].Reason == reason {
			m.Uncollectable[i].Amount = m.Uncollectable[i].Amount.Add(amount)
			return
		}
	}
	m.Uncollectable = append(m.Uncollectable, writers.ReasonAmount{Reason: reason, Amount: amount})
}

func (e *rowEnds) add(o *rowEnds) {
	e.takenUp += o.takenUp
	e.rated += o.rated
	e.rejected += o.rejected
	e.putAside += o.putAside
	for reason, rows := range o.notBillable {
		e.notBillable[reason] += rows
	}
}

// addLostHeld counts rows that waited and lost their event id: they were taken
// up and rejected.
func (l *ledger) addLostHeld(bySource []int64) {
	for i, rows := range bySource {
		l.ends[i].takenUp += rows
		l.ends[i].rejected += rows
		l.alarming += rows
	}
}

func (l *ledger) of(currency string) *writers.MoneyTotals {
	if l.last != nil && l.last.Currency == currency {
		return l.last
	}
	m := l.money[currency]
	if m == nil {
		m = &writers.MoneyTotals{Currency: currency}
		l.money[currency] = m
	}
	l.last = m
	return m
}

func (l *ledger) addBalance(b *writers.BalanceMovement) {
	at := [3]string{b.Balance, b.Currency, b.Unit}
	t := l.balances[at]
	if t == nil {
		t = &writers.BalanceTotals{Balance: b.Balance, Currency: b.Currency, Unit: b.Unit}
		l.balances[at] = t
	}
	add := func(sum *decimal.Decimal, v int64) { *sum = sum.Add(writers.FromMoney(v)) }
	add(&t.Opening, b.Opening)
	add(&t.Added, b.Added)
	add(&t.Used, b.Used)
	add(&t.Lapsed, b.Lapsed)
	add(&t.Closing, b.Closing)
}

// totals are the entry's control totals.
func (n *night) totals(s *stage) writers.Totals {
	t := writers.Totals{Files: n.fileTotals(), Opening: n.bookTotals()}
	passed, leftOut := make([]int64, len(n.sources)), n.leftOut()
	for i, f := range t.Files {
		passed[n.files[i].source] += f.Passed
	}
	for i := range n.sources {
		st := writers.SourceTotals{Source: n.sources[i].name, Passed: passed[i]}
		if s.ledger.ends != nil {
			e := &s.ledger.ends[i]
			st.TakenUp, st.Rated, st.Rejected, st.PutAside = e.takenUp, e.rated, e.rejected, e.putAside
			for reason, rows := range e.notBillable {
				addLeftOut(&leftOut[i], string(reason), rows)
			}
		}
		n.decided.count(i, &st)
		for reason, rows := range leftOut[i] { // Encode sorts them
			st.NotBillable = append(st.NotBillable, writers.ReasonRows{Reason: reason, Rows: rows})
		}
		t.Sources = append(t.Sources, st)
	}
	for _, m := range s.ledger.money {
		t.Money = append(t.Money, *m)
	}
	for _, b := range s.ledger.balances {
		t.Balances = append(t.Balances, *b)
	}
	return t
}

// fileTotals are the counts of each input file, over all workers.
func (n *night) fileTotals() []writers.FileTotals {
	all := make([]writers.FileTotals, len(n.files))
	for i := range all {
		var c fileCounts
		for _, m := range n.mapped {
			c.add(m.files[i])
		}
		for _, f := range n.folded {
			c.add(f.files[i])
		}
		all[i] = writers.FileTotals{
			Source: n.files[i].Source, Export: n.files[i].Export, Key: n.files[i].Key, Read: c.read, Duplicate: c.duplicate, Rejected: c.rejected + c.before, NotDue: c.notDue,
			Passed: c.passed,
		}
	}
	return all
}

// leftOut are the rows that the layouts' filters left out, by source and name.
func (n *night) leftOut() []map[string]int64 {
	all := make([]map[string]int64, len(n.sources))
	for _, m := range n.mapped {
		for i := range m.files {
			for name, rows := range m.files[i].leftOut {
				addLeftOut(&all[n.files[i].source], name, rows)
			}
		}
	}
	return all
}

func addLeftOut(to *map[string]int64, reason string, rows int64) {
	if *to == nil {
		*to = map[string]int64{}
	}
	(*to)[reason] += rows
}

func (c *fileCounts) add(o fileCounts) {
	c.read += o.read
	c.passed += o.passed
	c.rejected += o.rejected
	c.notDue += o.notDue
	c.duplicate += o.duplicate
	c.before += o.before
}
