package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/decimal"
)

// usage is the chapter of what was used.
func (p *pager) usage() chapter {
	c := chapter{ID: "usage", Title: "Usage"}
	if len(p.Usage) == 0 {
		c.Blocks = []block{{ID: "meters", Wide: true, Finding: "No usage was rated", About: "No usage row fell due or was rated in this span."}}
		return c
	}
	currencies := map[string]bool{}
	for _, u := range p.Usage {
		currencies[u.Currency] = true
	}
	label := func(u *Usage) string {
		if len(currencies) > 1 {
			return u.Meter + ", " + u.Currency
		}
		return u.Meter
	}
	var named []Named
	rows := decimal.Zero
	for i := range p.Usage {
		u := &p.Usage[i]
		rows = rows.Add(u.Rows.Now)
		named = append(named, Named{Name: label(u), Pair: u.Rows})
	}
	b := block{ID: "meters", Wide: true, About: "Rows of usage by meter, duplicates removed. The table has quantities in each meter's unit, levels such as contacts added up day by day, and what they were rated at before lines are rounded."}
	_, largest := sharesOf(named)
	if largest != nil {
		b.Finding = fmt.Sprintf("%s rows of usage, %s of them %s", spoken(rows, 0), percent(largest.Now, rows), clipped(largest.Name))
	}
	top, others := largestFirst(named, mostBars)
	var data []datum
	for _, n := range top {
		data = append(data, datum{label: n.Name, value: compact(n.Now), now: n.Now, before: n.Before})
	}
	if others != nil {
		data = append(data, datum{label: others.Name, value: compact(others.Now), now: others.Now, before: others.Before, muted: true})
	}
	b.Bars = newBars("meters", b.Finding, b.About, data, p.compared)
	b.Legend = p.legend()
	b.Table = p.usageTable(named, label)
	c.Blocks = []block{b}
	return c
}

func (p *pager) usageTable(named []Named, label func(*Usage) string) *table {
	sparks := p.Span.Nights >= 3
	t := &table{Stack: true, Head: []cell{text("Meter"), number("Rows")}}
	if p.compared {
		t.Head = append(t.Head, number("Quantity before"))
	}
	t.Head = append(t.Head, number("Quantity"))
	if p.compared {
		t.Head = append(t.Head, number("Change"))
	}
	if sparks {
		t.Head = append(t.Head, text("By night"))
	}
	t.Head = append(t.Head, number("Rated at"))
	byName := map[string]*Usage{}
	for i := range p.Usage {
		byName[label(&p.Usage[i])] = &p.Usage[i]
	}
	top, others := largestFirst(named, mostRows)
	for _, n := range top {
		u := byName[n.Name]
		row := []cell{text(n.Name), number(rounded(u.Rows.Now, 0))}
		if p.compared {
			row = append(row, number(quantity(u.Quantity.Before)))
		}
		row = append(row, number(quantity(u.Quantity.Now)))
		if p.compared {
			row = append(row, number(change(u.Quantity)))
		}
		if sparks {
			row = append(row, cell{Class: "spark", Spark: spark(u.Days)})
		}
		row = append(row, number(u.Currency+"\u00a0"+rounded(u.Amount.Now, p.minor(u.Currency))))
		t.Rows = append(t.Rows, row)
	}
	if others != nil { // of several meters no quantity and no amount makes a sum
		row := []cell{text(others.Name), number(rounded(others.Now, 0))}
		for len(row) < len(t.Head) {
			row = append(row, number(""))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (p *pager) minor(currency string) int32 {
	for i := range p.Money {
		if p.Money[i].Currency == currency {
			return p.Money[i].Minor
		}
	}
	return 2
}

func (p *pager) units() block {
	b := block{ID: "units", Wide: true, Finding: plural(int64(len(p.Units)), "balance", "balances") + " of units owed to customers",
		About: "Units of all accounts at the end of " + dayText(p.Span.Last.Day) + "."}
	b.Table = balanceTable(p.Units, 0)
	return b
}

// rejects is the chapter of the rows that were not billed.
func (p *pager) rejects() chapter {
	b := block{ID: "reasons", Wide: true, Finding: "Every row was billed", About: "Rows of exports that were not billed, by reason. Refused: for good. Written off: waited to the end of the window. Waiting: tried again every night, as of " + dayText(p.Span.Last.Day) + "."}
	var named []Named
	all := Rejected{}
	for _, r := range p.Rejects {
		lost := r.Refused + r.WrittenOff
		all.Refused, all.WrittenOff, all.Recycled, all.Waiting, all.Before = all.Refused+r.Refused, all.WrittenOff+r.WrittenOff, all.Recycled+r.Recycled, all.Waiting+r.Waiting, all.Before+r.Before
		named = append(named, Named{Name: r.Reason, Rows: r.Waiting, Pair: Pair{Now: decimal.NewFromInt(lost), Before: decimal.NewFromInt(r.Before)}})
	}
	lost := all.Refused + all.WrittenOff
	switch {
	case lost > 0:
		_, largest := sharesOf(named)
		b.Finding = fmt.Sprintf("%s not billed, %s of them: %s", plural(lost, "row", "rows"), percent(largest.Now, decimal.NewFromInt(lost)), strings.ReplaceAll(own(largest.Name), "_", " "))
	case all.Waiting > 0:
		b.Finding = fmt.Sprintf("No row was lost; %s", plural(all.Waiting, "row waits", "rows wait"))
	}
	c := chapter{ID: "rejects", Title: "Rows not billed", Blocks: []block{b}}
	if len(p.Rejects) == 0 {
		return c
	}
	b.Legend = []legend{{"bar", "refused or written off"}, {"more", "waiting"}}
	if p.compared {
		b.Legend = append(b.Legend, legend{"mark", "refused or written off before"})
	}
	top, others := largestFirst(named, mostBars)
	if others != nil {
		top = append(top, *others)
	}
	var data []datum
	for _, n := range top {
		d := datum{label: words(n.Name), value: compact(n.Now), now: n.Now, before: n.Before, more: decimal.NewFromInt(n.Rows)}
		if n.Rows > 0 {
			d.value += " + " + compact(d.more)
		}
		data = append(data, d)
	}
	b.Bars = newBars("reasons", b.Finding, b.About, data, p.compared)
	b.Table = p.rejectTable(all)
	c.Blocks[0] = b
	return c
}

func (p *pager) rejectTable(all Rejected) *table {
	t := &table{Stack: true, Head: []cell{text("Reason"), number("Refused"), number("Written off"), number("Waiting"), number("Billed after all")}}
	row := func(name string, r Rejected) []cell {
		cells := []cell{text(name), number(whole(r.Refused)), number(whole(r.WrittenOff)), number(whole(r.Waiting)), number(whole(r.Recycled))}
		if p.compared {
			cells = append(cells, number(whole(r.Before)))
		}
		return cells
	}
	if p.compared {
		t.Head = append(t.Head, number("Lost before"))
	}
	sorted := slices.Clone(p.Rejects)
	slices.SortStableFunc(sorted, func(a, b Rejected) int {
		return cmp.Or(cmp.Compare(b.Refused+b.WrittenOff, a.Refused+a.WrittenOff), cmp.Compare(b.Waiting, a.Waiting))
	})
	for _, r := range sorted {
		t.Rows = append(t.Rows, row(words(r.Reason), r))
	}
	t.Foot = row("All", all)
	return t
}

// documents is the chapter of what was issued: numbers and corrections.
func (p *pager) documents() chapter {
	c := chapter{ID: "documents", Title: "Documents"}
	issued, notes := int64(0), int64(0)
	kinds := &table{Head: []cell{text("Kind"), number("Documents"), number("Total")}}
	for i := range p.Money {
		m := &p.Money[i]
		for _, d := range m.Documents {
			issued += d.Rows
			if d.Name != "invoice" {
				notes += d.Rows
			}
			kinds.Rows = append(kinds.Rows, []cell{text(words(d.Name) + ", " + m.Currency), number(whole(d.Rows)), number(figure(d.Now, m.Minor))})
		}
		if m.Test.Rows > 0 {
			kinds.Rows = append(kinds.Rows, []cell{text("of these for test accounts, " + m.Currency), number(whole(m.Test.Rows)), number(figure(m.Test.Now, m.Minor))})
		}
	}
	b := block{ID: "kinds", Finding: "No document was issued", About: "Documents by kind."}
	if issued > 0 {
		b.Finding = fmt.Sprintf("%s issued, no credit or debit note", plural(issued, "invoice", "invoices"))
		if notes > 0 {
			b.Finding = fmt.Sprintf("%s issued, %s among them", plural(issued, "document", "documents"), plural(notes, "note", "notes"))
		}
		b.Table = kinds
	}
	for _, e := range p.Rerates {
		b.Note += fmt.Sprintf("Entry %d of %s corrects what was issued before. ", e.Number, dayText(e.Day))
	}
	c.Blocks = append(c.Blocks, b, p.series())
	return c
}

func (p *pager) series() block {
	b := block{ID: "series", Finding: "No number series has begun", About: "Numbers are given out without a gap within their series."}
	if len(p.Series) == 0 {
		return b
	}
	given := int64(0)
	b.Table = &table{Head: []cell{text("Series"), number("First"), number("Last"), number("Documents")}}
	for _, s := range p.Series {
		row := []cell{text(s.Name), number("–"), number("–"), number("0")}
		if n := s.Last - s.First + 1; n > 0 {
			given += n
			row = []cell{text(s.Name), number(fmt.Sprintf("%08d", s.First)), number(fmt.Sprintf("%08d", s.Last)), number(whole(n))}
		}
		b.Table.Rows = append(b.Table.Rows, row)
	}
	b.Finding = fmt.Sprintf("%s given out in %s", plural(given, "number", "numbers"), plural(int64(len(p.Series)), "series", "series"))
	return b
}

// proof is the chapter of control totals: each with both figures and a tick.
func (p *pager) proof() chapter {
	c := chapter{ID: "proof", Title: "Control totals"}
	b := block{ID: "checks", Wide: true, About: fmt.Sprintf("Figures of %s, added up. The identities of every single entry, and of each with the one before it, were checked too.", plural(int64(p.Proof.Entries), "entry", "entries"))}
	b.Table = &table{Stack: true, Head: []cell{text("Of"), text("Control total"), number("Left"), number("Right"), {Text: "Holds", Class: "tick"}}}
	broken := 0
	of := ""
	for _, k := range p.Proof.Checks {
		tick := cell{Text: "✓", Class: "tick ok"}
		if !k.OK() {
			tick = cell{Text: "✗", Class: "tick bad"}
			broken++
		}
		name := text(k.Of)
		if k.Of == of {
			name = text("")
		}
		of = k.Of
		b.Table.Rows = append(b.Table.Rows, []cell{name, text(k.What), number(figure(k.Left, k.Minor)), number(figure(k.Right, k.Minor)), tick})
	}
	n := len(p.Proof.Checks)
	switch {
	case p.Proof.OK() && n == 0:
		b.Finding, b.Table = p.verdict(), nil
	case p.Proof.OK():
		b.Finding = fmt.Sprintf("All %s hold", plural(int64(n), "control total", "control totals"))
	case broken > 0:
		b.Finding = fmt.Sprintf("%d of %s do not hold", broken, plural(int64(n), "control total", "control totals"))
	default:
		b.Finding = "Entries do not hold their identities"
	}
	for i, what := range p.Proof.Broken {
		if i == mostBroken {
			b.Note += fmt.Sprintf(" And %d more: ratemill verify lists all.", len(p.Proof.Broken)-i)
			break
		}
		b.Note += what + ". "
	}
	c.Blocks = append(c.Blocks, b)
	return c
}
