package pipeline

import (
	"fmt"
	"maps"
	"slices"

	"ratemill/writers"
)

// checkTotals holds what run.json says of the entry as a whole against its
// tables.
func (x *entryProof) checkTotals() {
	key := runKey(x.number)
	for _, f := range x.entry.Outputs {
		if n, read := x.counts[f.Key]; read || isTable(f.Key) {
			x.rows += n
			if n != f.Rows {
				x.figures(f.Key, "it has %d rows, run.json says %d", n, f.Rows)
			}
		}
	}
	x.checkMoney(key)
	x.checkBalances(key)
	x.checkSeries(key)
	if x.night {
		x.checkSources(key)
	}
}

func isTable(key string) bool {
	return slices.ContainsFunc(writers.Tables, func(t writers.Spec) bool { return len(key) > len(t.Name) && key[:len(t.Name)+1] == t.Name+"/" })
}

func (x *entryProof) checkMoney(key string) {
	said := map[string]writers.MoneyTotals{}
	for _, m := range x.entry.Totals.Money {
		said[m.Currency] = m
	}
	all := maps.Clone(x.ledger.money)
	for currency := range said {
		if all[currency] == nil {
			all[currency] = &writers.MoneyTotals{Currency: currency}
		}
	}
	for _, currency := range sortedKeys(all) {
		made, is := all[currency], said[currency]
		for _, f := range []struct {
			name     string
			is, made fmt.Stringer
			equal    bool
		}{
			{"lines", is.Lines, made.Lines, is.Lines.Equal(made.Lines)},
			{"invoices", is.Invoices, made.Invoices, is.Invoices.Equal(made.Invoices)},
			{"credits applied", is.CreditsApplied, made.CreditsApplied, is.CreditsApplied.Equal(made.CreditsApplied)},
			{"amount due", is.AmountDue, made.AmountDue, is.AmountDue.Equal(made.AmountDue)},
			{"first-attempt charges", is.FirstAttemptCharges, made.FirstAttemptCharges, is.FirstAttemptCharges.Equal(made.FirstAttemptCharges)},
			{"retried charges", is.RetriedCharges, made.RetriedCharges, is.RetriedCharges.Equal(made.RetriedCharges)},
			// Credit notes of corrections need not be refunds.
			{"credit notes", is.CreditNotes, made.CreditNotes, is.CreditNotes.Equal(made.CreditNotes) || !x.night},
			{"refunds", is.Refunds, made.Refunds, is.Refunds.Equal(made.Refunds)},
		} {
			if !f.equal {
				x.figures(key, "control totals: %s in %s is %s, the tables make %s", f.name, currency, f.is, f.made)
			}
		}
		x.checkUncollectable(key, is, made)
	}
}

// checkUncollectable: by reason. After corrections a night may name amounts of
// theirs, which no table of the night has.
func (x *entryProof) checkUncollectable(key string, is writers.MoneyTotals, made *writers.MoneyTotals) {
	if x.corrected {
		return
	}
	left := map[string]writers.ReasonAmount{}
	for _, u := range is.Uncollectable {
		left[u.Reason] = u
	}
	for _, u := range made.Uncollectable {
		if said := left[u.Reason]; !said.Amount.Equal(u.Amount) {
			x.figures(key, "control totals: uncollectable as %s in %s is %s, the tables make %s", u.Reason, made.Currency, said.Amount, u.Amount)
		}
		delete(left, u.Reason)
	}
	for _, reason := range sortedKeys(left) {
		if !left[reason].Amount.IsZero() {
			x.figures(key, "control totals: uncollectable as %s in %s is %s, the tables make 0", reason, made.Currency, left[reason].Amount)
		}
	}
}

func (x *entryProof) checkBalances(key string) {
	said := map[[3]string]writers.BalanceTotals{}
	for _, b := range x.entry.Totals.Balances {
		said[[3]string{b.Balance, b.Currency, b.Unit}] = b
	}
	names := map[string][3]string{}
	for name := range said {
		names[fmt.Sprint(name)] = name
	}
	for name := range x.ledger.balances {
		names[fmt.Sprint(name)] = name
	}
	for _, text := range sortedKeys(names) {
		name := names[text]
		is, made := said[name], x.ledger.balances[name]
		if made == nil {
			made = &writers.BalanceTotals{}
		}
		same := is.Opening.Equal(made.Opening) && is.Added.Equal(made.Added) && is.Used.Equal(made.Used) && is.Lapsed.Equal(made.Lapsed) && is.Closing.Equal(made.Closing)
		if !same {
			x.figures(key, "control totals: balance %s %s is opening %s, added %s, used %s, lapsed %s, closing %s; the table makes %s, %s, %s, %s, %s",
				name[0], name[1]+name[2], is.Opening, is.Added, is.Used, is.Lapsed, is.Closing, made.Opening, made.Added, made.Used, made.Lapsed, made.Closing)
		}
	}
}

// checkSeries: every series ends with the last number that it gave out.
func (x *entryProof) checkSeries(key string) {
	said := map[string]int64{}
	for _, s := range x.entry.InvoiceSeries {
		said[s.Series] = s.Last
		if _, used := x.series[s.Series]; !used {
			x.figures(key, "invoice series %s ends with %d, and no invoice has a number of it", s.Series, s.Last)
		}
	}
	for _, series := range sortedKeys(x.series) {
		if said[series] != x.series[series] {
			x.figures(key, "invoice series %s ends with %d, its last number is %d", series, said[series], x.series[series])
		}
	}
}

// checkSources: the counts of rows that tables tell, by source.
func (x *entryProof) checkSources(key string) {
	rejected, notDue := map[string]int64{}, map[string]int64{}
	read := map[[3]string]bool{}
	for _, f := range x.entry.Inputs {
		read[[3]string{f.Key, f.Source, f.Export}] = true
	}
	for _, f := range x.entry.Totals.Files {
		rejected[f.Source] += f.Rejected
		notDue[f.Source] += f.NotDue
		if !read[[3]string{f.Key, f.Source, f.Export}] {
			x.figures(key, "control totals count %s as %s, which is not among the inputs", f.Key, f.Source)
		}
	}
	if len(x.entry.Inputs) != len(x.entry.Totals.Files) {
		x.figures(key, "%d inputs, control totals count %d", len(x.entry.Inputs), len(x.entry.Totals.Files))
	}
	known := map[string]bool{}
	for _, s := range x.entry.Totals.Sources {
		known[s.Source] = true
		if want := rejected[s.Source] + s.Rejected; x.refuse[s.Source] != want {
			x.figures(key, "source %s: %d rows are refused for good by the control totals, rejects has %d", s.Source, want, x.refuse[s.Source])
		}
		if want := notDue[s.Source] + s.PutAside; x.held[s.Source] != want {
			x.figures(key, "source %s: %d rows are put aside by the control totals, held has %d", s.Source, want, x.held[s.Source])
		}
		if rated, usage := x.rated[s.Source]; usage && rated != s.Rated {
			x.figures(key, "source %s: %d rows are rated by the control totals, rated_usage has %d", s.Source, s.Rated, rated)
		}
	}
	for _, counted := range []map[string]int64{x.refuse, x.held, x.rated} {
		for _, source := range sortedKeys(counted) {
			if !known[source] {
				x.figures(key, "the tables have rows of source %q, which the control totals do not count", source)
				known[source] = true
			}
		}
	}
}

// checkTakenUp: a night takes up what the entry before put aside.
func (e *proven) checkTakenUp() {
	if e.entry == nil || e.entry.Kind != writers.Night || !e.inSpan || e.before == nil || e.before.held == nil {
		return
	}
	for _, s := range e.entry.Totals.Sources {
		if s.TakenUp != e.before.held[s.Source] {
			e.figures(runKey(e.number), "source %s: %d rows are taken up, %d waited in held of entry %d", s.Source, s.TakenUp, e.before.held[s.Source], e.number-1)
		}
	}
}
