package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"ratemill/rating"
	"ratemill/rating/calendar"
)

// history proves what holds over all entries: ids that are given once, charges
// of invoices and refunds of charges that may stand in any entry before, rows
// that wait again after they were written off. Each is a fact, spilled by the hash of the id that it is about; what does not fit
// in memory goes to disk.
type history struct {
	spills spills
}

const historyParts = 64

// factKind is what a fact says of an id. Those that give it out come first.
type factKind byte

const (
	isInvoice factKind = iota
	isCharge
	isRefund
	credited  // of an invoice, paid by a rerate's credit
	charges   // an invoice, by a charge
	givesBack // a charge, by a refund
	corrects  // an invoice, or a line of it, by a line of a note
	mentions  // an invoice or a charge, in the payment history

	writesOff // a row, by a decision
	reopens   // a row that was written off, by another decision
)

// fact is one thing that an entry says of an id.
type fact struct {
	id       string // with the kind of id before it: i, c or r; of a row w and its place
	kind     factKind
	entry    int64
	row      int64
	amount   int64
	attempt  int64 // of a charge; of an invoice its lines; of a row the decision
	currency string
	account  string
}

func (p *prover) openHistory() {
	memory := p.Settings.Memory
	if memory <= 0 {
		memory = defaultMemory
	}
	p.history = &history{}
	for range p.workers() {
		p.history.spills = append(p.history.spills, newSpill(historyParts, memory/4/int64(p.workers()), p.TempDir))
	}
}

func (h *history) close() {
	for _, s := range h.spills {
		s.close()
	}
}

// note keeps what an account's rows of an entry say.
func (h *history) note(x *entryProof, r *provenRows) error {
	var err error
	add := func(f fact) {
		if err == nil {
			f.entry, f.account = x.number, r.key.id
			part := int(accountHash(f.id) % historyParts) // of any text, the same in every run
			err = h.spills[x.worker].add(part, f.encode())
		}
	}
	for i := range r.invoices.rows {
		v := &r.invoices.rows[i]
		add(fact{id: "i" + v.InvoiceID, kind: isInvoice, row: r.invoices.first + int64(i), amount: v.AmountDue, attempt: int64(v.Lines), currency: v.Currency})
	}
	for i := range r.charges.rows {
		v, row := &r.charges.rows[i], r.charges.first+int64(i)
		add(fact{id: "c" + v.ChargeID, kind: isCharge, row: row, amount: v.Amount, currency: v.Currency})
		add(fact{id: "i" + v.InvoiceID, kind: charges, row: row, amount: v.Amount, currency: v.Currency, attempt: int64(v.Attempt)})
	}
	for i := range r.refunds.rows {
		v, row := &r.refunds.rows[i], r.refunds.first+int64(i)
		add(fact{id: "r" + v.RefundID, kind: isRefund, row: row, amount: v.Amount, currency: v.Currency})
		add(fact{id: "c" + v.ChargeID, kind: givesBack, row: row, amount: v.Amount, currency: v.Currency})
	}
	for i := range r.lines.rows {
		if v := &r.lines.rows[i]; v.CorrectsInvoiceID != "" {
			add(fact{id: "i" + v.CorrectsInvoiceID, kind: corrects, row: r.lines.first + int64(i), attempt: int64(v.CorrectsLineNo), currency: v.Currency})
		}
	}
	for i := range r.history.rows {
		v, row := &r.history.rows[i], r.history.first+int64(i)
		if v.Status == string(rating.Credited) {
			add(fact{id: "i" + v.InvoiceID, kind: credited, row: row, amount: v.Amount, currency: v.Currency})
			continue
		}
		add(fact{id: "i" + v.InvoiceID, kind: mentions, row: row, amount: v.Amount, currency: v.Currency})
		if v.ChargeID != "" {
			add(fact{id: "c" + v.ChargeID, kind: mentions, row: row, amount: v.Amount, currency: v.Currency})
		}
	}
	for i := range r.rejects.rows {
		if v := &r.rejects.rows[i]; x.night && decisionOf(v) != 0 { // a rerate says it of nights that it folded again
			add(decidedFact(v, r.rejects.first+int64(i)))
		}
	}
	return err
}

func (f *fact) encode() []byte {
	b := []byte{byte(f.kind)}
	for _, v := range []int64{f.entry, f.row, f.amount, f.attempt} {
		b = binary.AppendVarint(b, v)
	}
	for _, text := range []string{f.id, f.currency, f.account} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	return b
}

func readFacts(b []byte) []fact {
	var all []fact
	for in := bytes.NewReader(b); in.Len() > 0; {
		kind, _ := in.ReadByte() // written by us, as all that follows
		f := fact{kind: factKind(kind)}
		for _, into := range []*int64{&f.entry, &f.row, &f.amount, &f.attempt} {
			*into, _ = binary.ReadVarint(in)
		}
		for _, into := range []*string{&f.id, &f.currency, &f.account} {
			n, _ := binary.ReadUvarint(in)
			text := make([]byte, n)
			in.Read(text)
			*into = string(text)
		}
		all = append(all, f)
	}
	return all
}

// check proves what the facts of all entries say together.
func (h *history) check(ctx context.Context, p *prover) error {
	found := make([]breaks, historyParts)
	// Ids of entries that were not read are not known to be missing.
	whole := p.from == calendar.None && p.to == calendar.None && !p.unproven
	if p.from == calendar.None && p.to != calendar.None && !p.unproven {
		whole = true // what is left out comes later
	}
	err := each(ctx, p.workers(), historyParts, func(_ context.Context, _, part int) error {
		text, err := h.spills.read(nil, part)
		if err != nil {
			return err
		}
		facts := readFacts(text)
		slices.SortFunc(facts, func(a, b fact) int {
			return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.kind, b.kind), cmp.Compare(a.entry, b.entry), cmp.Compare(a.row, b.row))
		})
		for i := 0; i < len(facts); {
			end := i + 1
			for end < len(facts) && facts[end].id == facts[i].id {
				end++
			}
			if facts[i].kind < writesOff {
				p.checkFacts(&found[part], facts[i:end], whole)
			} else {
				p.checkRecycled(&found[part], facts[i:end], whole)
			}
			i = end
		}
		return nil
	})
	if err != nil {
		return err
	}
	all := breaks{}
	for i := range found {
		all.list = append(all.list, found[i].list...)
		for kind, n := range found[i].further {
			if all.further == nil {
				all.further = map[BreakKind]int{}
			}
			all.further[kind] += n
		}
	}
	p.proof.Breaks = append(p.proof.Breaks, all.all()...)
	return nil
}

// checkFacts proves what is said of one id.
func (p *prover) checkFacts(x *breaks, facts []fact, whole bool) {
	of, back := facts[0], int64(0)
	given := of.kind <= isRefund
	byCredit := func(entry int64) (sum int64) { // of an invoice, before the charges of an entry
		for i := range facts {
			if f := &facts[i]; f.kind == credited && f.entry <= entry {
				sum += f.amount
			}
		}
		return sum
	}
	for i := range facts {
		f := &facts[i]
		bad := func(format string, args ...any) {
			b := p.breakOf(f, format, args...)
			if f.id[0] == 'i' {
				b.Invoice = f.id[1:]
			}
			x.add(b)
		}
		switch {
		case i == 0 && given:
		case f.kind <= isRefund:
			bad("the id %s was given out in entry %d already, row %d", f.id[1:], of.entry, of.row)
		case !given && !whole:
		case !given:
			bad("there is no %s %s in any entry", idNames[f.id[0]], f.id[1:])
		case f.entry < of.entry:
			bad("%s %s is of the later entry %d", idNames[f.id[0]], f.id[1:], of.entry)
		case f.account != of.account:
			bad("%s %s is of account %s", idNames[f.id[0]], f.id[1:], of.account)
		case f.currency != of.currency:
			bad("%s %s is in %s, this row in %s", idNames[f.id[0]], f.id[1:], of.currency, f.currency)
		case f.kind == givesBack:
			if back += f.amount; back > of.amount {
				bad("%s given back on charge %s of %s", exact(back), f.id[1:], exact(of.amount))
			}
		case f.kind == corrects:
			if f.entry == of.entry || f.attempt > of.attempt {
				bad("it corrects line %d of %s of entry %d, which has %d", f.attempt, of.id[1:], of.entry, of.attempt)
			}
		case f.kind == credited:
			if paid := byCredit(f.entry); paid > of.amount {
				bad("credit has paid %s of invoice %s, of %s", exact(paid), of.id[1:], exact(of.amount))
			}
		case f.kind == charges && f.amount != of.amount-byCredit(f.entry):
			bad("it is of %s, %s %s of %s, of which credit has paid %s", exact(f.amount), idNames[f.id[0]], f.id[1:], exact(of.amount), exact(byCredit(f.entry)))
		case f.amount > of.amount, f.amount != of.amount && !p.corrected(1, f.entry):
			bad("it is of %s, %s %s of %s", exact(f.amount), idNames[f.id[0]], f.id[1:], exact(of.amount))
		case f.kind == charges && f.attempt == 1 && f.entry != of.entry && !p.corrected(of.entry, f.entry):
			bad("the first attempt to collect an invoice of entry %d", of.entry)
		}
	}
}

// breakOf is a break at the place of a fact.
func (p *prover) breakOf(f *fact, format string, args ...any) Break {
	return Break{Kind: Figures, Entry: f.entry, File: p.fileOf(f), Row: f.row, Account: f.account, What: fmt.Sprintf(format, args...)}
}

// corrected tells whether an entry from one to another, ends included, is no
// night: it may have changed what is to be collected.
func (p *prover) corrected(from, to int64) bool {
	return slices.ContainsFunc(p.others, func(n int64) bool { return from <= n && n <= to })
}

var idNames = map[byte]string{'i': "invoice", 'c': "charge", 'r': "refund"}

// fileOf is the file that a fact was read from.
func (p *prover) fileOf(f *fact) string {
	tables := map[factKind]string{isInvoice: "invoices", isCharge: "charges", charges: "charges", isRefund: "refunds", givesBack: "refunds", corrects: "invoice_lines",
		credited: "payment_history", mentions: "payment_history", writesOff: "rejects", reopens: "rejects"}
	return tableKey(tables[f.kind], p.days[f.entry], f.entry)
}
