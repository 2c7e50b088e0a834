package main

import (
	"ratemill/pipeline"
	"ratemill/writers"
)

// A rerate tells families of its own. What alerts ask of the nights (when one
// was run, how it ended, which is the last) it leaves as it is: a rerate must
// not make a night that has failed look well.

// rerated takes down what a rerate did.
func (m *metrics) rerated(r *pipeline.RerateResult) {
	if m != nil {
		m.rerate = r
	}
}

// ofRerate is all that the rerate knows.
func (m *metrics) ofRerate(g gauges, c *console) {
	now := c.now()
	g.set("rerate_exit_code", "Exit code of the last rerate: see docs/operating.md.", float64(c.code))
	g.set("rerate_timestamp_seconds", "When the last rerate ended.", seconds(now))
	g.set("rerate_duration_seconds", "How long the last rerate took.", now.Sub(m.began).Seconds())
	r := m.rerate
	if r == nil {
		return
	}
	entry := int64(0)
	if r.Entry != nil {
		entry = r.Entry.Entry
	}
	g.set("rerate_entry", "Entry that the last rerate published; 0: nothing differed.", float64(entry))
	if r.Measures == nil {
		return
	}
	g.set("rerate_accounts_corrected", "Accounts that the last rerate issued a note to.", float64(len(r.Notes)))
	g.set("rerate_states_corrected", "Accounts whose state the last rerate corrected.", float64(r.States))
	noteSeries(g, r.Notes)
	rejects := g.series("rerate_rejected_rows", "Rows in table rejects: recycled are those that wait no more.", "reason", "status")
	for _, x := range r.Measures.Rejects {
		rejects.add(float64(x.Rows), x.Reason, x.Status)
	}
	rejects.end()
	lines := g.series("rerate_line_money", "Lines of the last rerate's notes by kind, in the currency's major unit.", "kind", "currency")
	for _, l := range r.Measures.Lines {
		lines.money(l.Amount, l.Kind, l.Currency)
	}
	lines.end()
	phases := g.series("rerate_phase_seconds", "Seconds that a phase of the last rerate took, over all days that it folded.", "phase")
	for phase, took := range m.watch.seconds {
		phases.add(took.Seconds(), string(phase))
	}
	phases.end()
}

// noteSeries are the notes by kind: debit notes and credit notes.
func noteSeries(g gauges, notes []pipeline.RerateNote) {
	count := g.series("rerate_notes", "Notes of the last rerate.", "kind", "currency")
	money := g.series("rerate_money", "Totals of the last rerate's notes, and what is due of them, in the currency's major unit.", "figure", "kind", "currency")
	for i := range notes {
		n := &notes[i]
		count.add(1, n.Kind, n.Currency)
		money.money(writers.FromMoney(n.Total), "total", n.Kind, n.Currency)
		money.money(writers.FromMoney(n.AmountDue), "due", n.Kind, n.Currency)
	}
	count.end()
	money.end()
}
