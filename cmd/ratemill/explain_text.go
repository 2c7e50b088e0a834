package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"ratemill/pipeline"
	"ratemill/rating/decimal"
)

// explainPrinter writes an explanation for people.
type explainPrinter struct {
	strings.Builder
	catalog string
	text    []string // lines of the catalog
	rows    int      // of each group that are shown
	same    bool     // the catalog is the entry's
}

func (p *explainPrinter) say(indent int, format string, args ...any) {
	line := strings.Repeat(" ", indent) + visible(fmt.Sprintf(format, args...))
	p.WriteString(strings.TrimRight(line, " ") + "\n")
}

// table writes rows of cells below each other, aligned; the columns of right
// to the right.
func (p *explainPrinter) table(indent int, rows [][]string, right ...int) {
	widths := map[int]int{}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(visible(cell)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			cell = visible(cell)
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if slices.Contains(right, i) {
				line.WriteString(pad + cell + "  ")
			} else {
				line.WriteString(cell + pad + "  ")
			}
		}
		p.WriteString(strings.Repeat(" ", indent) + strings.TrimRight(line.String(), " ") + "\n")
	}
}

func (p *explainPrinter) explanation(x *pipeline.Explanation) {
	p.say(0, "%s, billing date %s", x.Account, x.BillingDate)
	for i := range x.Entries {
		p.entry(x, &x.Entries[i])
	}
	if n := len(x.Documents); n > 0 {
		p.say(0, "")
		span := ""
		if x.DocumentsFrom != "" {
			span = fmt.Sprintf(" from %s to %s", x.DocumentsFrom, x.DocumentsTo)
		}
		p.say(0, "It has documents of %s%s%s.", number(n, "date"), span, datesText(x.Documents, x.BillingDate))
	}
	p.say(0, "")
	p.verdict(x)
}

// datesText are those of several dates that lie around the one that was asked for.
func datesText(all []pipeline.ExplainedDates, asked string) string {
	const most = 6
	after, _ := slices.BinarySearchFunc(all, asked, func(d pipeline.ExplainedDates, day string) int { return strings.Compare(d.BillingDate, day) })
	first := max(0, min(after-most/2, len(all)-most))
	var text []string
	for _, d := range all[first:min(len(all), first+most)] {
		text = append(text, d.BillingDate)
	}
	if len(all) > len(text) {
		return ", around it " + strings.Join(text, ", ")
	}
	return ": " + strings.Join(text, ", ")
}

// verdict is the last line: what is proven.
func (p *explainPrinter) verdict(x *pipeline.Explanation) {
	var rows int64
	counted := map[*pipeline.RowsProof]bool{}
	count := func(all []pipeline.ExplainedUsage) {
		for i := range all {
			if f := all[i].Found; (f.Verdict == pipeline.AddsUp || f.Verdict == pipeline.Counted) && !counted[f] {
				counted[f] = true
				rows += f.Rows
			}
		}
	}
	for i := range x.Entries {
		for j := range x.Entries[i].Documents {
			for k := range x.Entries[i].Documents[j].Lines {
				count(x.Entries[i].Documents[j].Lines[k].Usage)
			}
		}
		count(x.Entries[i].Uncharged)
	}
	if len(x.Problems) == 0 {
		switch rows {
		case 0:
			p.say(0, "No usage was summed up for it.")
		case 1:
			p.say(0, "Proven: the one row behind it was found, and it is what was charged for.")
		default:
			p.say(0, "Proven: all %d rows behind it were found, and they add up.", rows)
		}
		return
	}
	p.say(0, "Not all of it can be shown:")
	for _, problem := range x.Problems {
		p.say(2, "%s", problem)
	}
}

func (p *explainPrinter) entry(x *pipeline.Explanation, e *pipeline.ExplainedEntry) {
	p.same = e.SameCatalog
	p.say(0, "entry %d, a %s, catalog %s %.12s", e.Entry, e.Kind, e.Catalog.Name, e.Catalog.Digest)
	if !e.SameCatalog {
		p.say(0, "The entry's catalog has the digest %s. %s is another: lines of the catalog are those of the entry's.", e.Catalog.Digest, p.catalog)
	}
	if e.Rerate != nil {
		p.say(0, "It corrects %s to %s: explain those dates for what was issued.", e.Rerate.From, e.Rerate.Through)
	}
	for _, note := range e.Notes {
		p.say(0, "Note: %s.", note)
	}
	for i := range e.Documents {
		p.document(&e.Documents[i])
	}
	p.nothing(x, e)
	if e.Rerate != nil {
		p.differences(e.Uncharged)
	} else if len(e.Uncharged) > 0 {
		p.say(0, "")
		p.say(0, "Usage that was rated and not charged on this date")
		for i := range e.Uncharged {
			u := &e.Uncharged[i]
			p.say(0, "")
			due := ", due on " + u.DueOn
			if u.Amount.IsZero() && u.DueOn <= x.BillingDate {
				due = ": no charge"
			}
			p.say(2, "%s of %s: %s, %s%s", u.Meter, u.ServiceDate, u.Quantity, u.Description, due)
			p.say(4, "rule %s", u.Rule)
			p.found(4, u.Found)
		}
	}
	p.balances(e.Balances)
	p.changes(e)
	p.payments(e)
	p.suspense(e)
}

// differences are what a rerate rated otherwise than the nights before it. Its
// rows are those of many files, and not told apart.
func (p *explainPrinter) differences(all []pipeline.ExplainedUsage) {
	if len(all) == 0 {
		return
	}
	p.say(0, "")
	p.say(0, "Usage that the rerate rated otherwise than it was; ratemill does not tell its rows apart")
	p.say(0, "")
	for i := range all {
		u := &all[i]
		than := "more"
		if u.Quantity.Sign() < 0 {
			than = "less"
		}
		var values []string
		for _, v := range u.Dimensions {
			values = append(values, v.Value)
		}
		at := strings.Join(values, " ")
		if at != "" {
			at = " (" + at + ")"
		}
		p.say(2, "%s of %s: %s %s, %s%s, rule %s", u.Meter, u.ServiceDate, u.Quantity.Abs(), than, u.Description, at, u.Rule)
	}
}

// nothing says why there is no document.
func (p *explainPrinter) nothing(x *pipeline.Explanation, e *pipeline.ExplainedEntry) {
	if len(e.Documents) > 0 {
		return
	}
	p.say(0, "")
	if len(e.Reasons) == 0 {
		p.say(0, "Nothing was charged: entry %d has nothing of %s.", e.Entry, x.Account)
		return
	}
	p.say(0, "Nothing was charged:")
	for _, why := range e.Reasons {
		p.say(2, "%s", why)
	}
}

var documentNames = map[string]string{"invoice": "Invoice", "credit_note": "Credit note", "debit_note": "Debit note"}

func (p *explainPrinter) document(d *pipeline.ExplainedDocument) {
	p.say(0, "")
	p.amount(0, fmt.Sprintf("%s %s of %s, plan %s", documentNames[d.Kind], d.Number, d.IssuedOn, d.Plan), d.Currency)
	p.say(0, "%s", d.InvoiceID)
	for i := range d.Lines {
		p.line(d, &d.Lines[i])
	}
	if d.OtherLines > 0 {
		p.say(0, "")
		p.say(2, "(%s not shown)", number(d.OtherLines, "other line"))
	}
	p.say(0, "")
	if !d.Discounts.IsZero() || !d.Tax.IsZero() {
		p.amount(5, "subtotal", amountText(d.Subtotal))
		p.amount(5, "discounts", amountText(d.Discounts))
		p.amount(5, "tax", amountText(d.Tax))
	}
	p.amount(5, "total", amountText(d.Total))
	p.amount(5, "paid from balances", amountText(d.CreditsApplied))
	p.amount(5, "due", amountText(d.AmountDue))
}

// amountColumn is where amounts end.
const amountColumn = 78

// amount writes a text with an amount in its column.
func (p *explainPrinter) amount(indent int, text, amount string) {
	text = visible(text)
	gap := max(2, amountColumn-indent-utf8.RuneCountInString(text)-len(amount))
	p.say(indent, "%s%s%s", text, strings.Repeat(" ", gap), amount)
}

func (p *explainPrinter) line(d *pipeline.ExplainedDocument, l *pipeline.ExplainedLine) {
	p.say(0, "")
	p.amount(2, fmt.Sprintf("%d  %s: %s", l.LineNo, l.Kind, l.Description), amountText(l.Amount))
	p.say(5, "%s", p.place(l.Rule, l.CatalogLine))
	p.say(5, "%s", l.Calculation)
	if days := lineDays(l); days != "" {
		p.say(5, "%s", days)
	}
	if l.PartN != l.PartD {
		p.say(5, "%d/%d of the cycle", l.PartN, l.PartD)
	}
	if l.CorrectsInvoice != "" {
		what := "corrects " + l.CorrectsInvoice
		if l.CorrectsLine > 0 {
			what += fmt.Sprintf(" line %d", l.CorrectsLine)
		}
		p.say(5, "%s", what)
	}
	for i := range l.Usage {
		u := &l.Usage[i]
		if len(l.Usage) > 1 || !u.Quantity.Equal(l.Quantity) || l.Verdict != pipeline.AddsUp {
			p.say(5, "%s of %s: %s, rated by the night of %s", u.Meter, u.ServiceDate, u.Quantity, u.RatedOn)
		}
		p.found(5, u.Found)
	}
	p.together(l)
	for _, problem := range l.Problems {
		p.say(5, "! %s", problem)
	}
}

// together adds up the usage behind a line where there are several pieces.
func (p *explainPrinter) together(l *pipeline.ExplainedLine) {
	rows, quantity := int64(0), decimal.Zero
	for i := range l.Usage {
		if l.Usage[i].Found.Verdict != pipeline.AddsUp {
			return
		}
		rows, quantity = rows+l.Usage[i].Found.Rows, quantity.Add(l.Usage[i].Quantity)
	}
	if len(l.Usage) > 1 {
		p.say(5, "together %s, which add up to %s", number(int(rows), "row"), quantity)
	}
}

// place is a rule with where the catalog has its price, and the text there.
func (p *explainPrinter) place(rule string, line int32) string {
	text := "rule " + rule
	if rule == "" {
		text = "no rule"
	}
	if line == 0 {
		return text
	}
	text += fmt.Sprintf(", %s:%d", p.catalog, line)
	if !p.same {
		return text + " of the entry's catalog"
	}
	if int(line) <= len(p.text) {
		text += "  " + strings.Join(strings.Fields(p.text[line-1]), " ")
	}
	return text
}

// lineDays are the days that a line is of.
func lineDays(l *pipeline.ExplainedLine) string {
	late := ""
	if l.Late {
		late = ", late: it came after the night of that day"
	}
	switch {
	case l.ServiceDate != "":
		return "used on " + l.ServiceDate + late
	case l.PeriodStart == "" || l.PeriodStart == l.PeriodEnd:
		return ""
	}
	return fmt.Sprintf("for %s to %s%s", l.PeriodStart, l.PeriodEnd, late)
}

// found are the rows behind a figure.
func (p *explainPrinter) found(indent int, f *pipeline.RowsProof) {
	switch f.Verdict {
	case pipeline.AddsUp:
		add := "add"
		if f.Rows == 1 {
			add = "adds"
		}
		p.say(indent, "%s of %s %s up to %s", number(int(f.Rows), "row"), number(f.Files, "file"), add, f.Quantity)
	case pipeline.Counted:
		p.say(indent, "%s of %s were counted", number(int(f.Rows), "row"), number(f.Files, "file"))
	case pipeline.ReadOnly:
		p.say(indent, "%s read that night", number(int(f.Rows), "row"))
	case pipeline.Missing:
		if f.Rows > 0 {
			p.say(indent, "%s found, of %s", number(int(f.Rows), "row"), f.Quantity)
		}
	}
	p.rowTable(indent+2, f.Shown, f.Rows)
	if f.Duplicates > 0 {
		p.say(indent, "%s left out, for an event id counts once", number(int(f.Duplicates), "duplicate"))
		p.rowTable(indent+2, f.Again, f.Duplicates)
	}
}

func (p *explainPrinter) rowTable(indent int, rows []pipeline.ExplainedRow, all int64) {
	var table [][]string
	quantities := slices.ContainsFunc(rows, func(r pipeline.ExplainedRow) bool { return r.Quantity != "" })
	for i := range rows {
		r := &rows[i]
		var values []string
		for _, v := range r.Values {
			values = append(values, v.Value)
		}
		when := r.At
		if when == "" {
			when = r.Date
		}
		note := ""
		if r.Note != "" {
			note = "(" + r.Note + ")"
		}
		cells := []string{fmt.Sprintf("%s row %d", r.File, r.Row), when}
		if quantities {
			cells = append(cells, r.Quantity)
		}
		table = append(table, append(cells, strings.Join(values, " "), note))
	}
	if quantities {
		p.table(indent, table, 2)
	} else {
		p.table(indent, table)
	}
	if more := all - int64(len(rows)); more > 0 && p.rows > 0 {
		p.say(indent, "… and %d more (--rows %d shows all)", more, all)
	}
}

func (p *explainPrinter) balances(all []pipeline.ExplainedBalance) {
	if len(all) == 0 {
		return
	}
	p.say(0, "")
	rows := [][]string{{"Balance", "before", "added", "used", "lapsed", "after", ""}}
	for i := range all {
		b := &all[i]
		rows = append(rows, []string{"  " + b.Balance, amountText(b.Before), amountText(b.Added), amountText(b.Used), amountText(b.Lapsed), amountText(b.After), b.Of})
	}
	p.table(0, rows, 1, 2, 3, 4, 5)
}

// changes are what happened to the account and what came of it.
func (p *explainPrinter) changes(e *pipeline.ExplainedEntry) {
	if len(e.Events) > 0 {
		p.say(0, "")
		p.say(0, "What happened to the account")
		p.rowTable(2, e.Events, int64(len(e.Events)))
	}
	if len(e.PlanChanges) == 0 {
		return
	}
	p.say(0, "")
	p.say(0, "Changes")
	for i := range e.PlanChanges {
		c := &e.PlanChanges[i]
		plans := fmt.Sprintf("%s → %s", c.From, c.To)
		switch {
		case c.From == c.To || c.From == "":
			plans = c.To
		case c.To == "":
			plans = "no plan after " + c.From
		}
		text := fmt.Sprintf("%s: %s from %s", c.Cause, plans, c.EffectiveOn)
		if c.Rule != "" {
			text += ", rule " + c.Rule
		}
		if c.Detail != "" {
			text += ": " + c.Detail
		}
		if c.NeedsRerate {
			text += " (it came late: days before were billed without it)"
		}
		p.say(2, "%s", text)
	}
}

func (p *explainPrinter) payments(e *pipeline.ExplainedEntry) {
	if len(e.Payments) > 0 {
		p.say(0, "")
		p.say(0, "Payments")
		var rows [][]string
		for i := range e.Payments {
			a := &e.Payments[i]
			detail := a.Reason
			if a.Reference != "" {
				detail = strings.Trim(detail+", reference "+a.Reference, ", ")
			}
			if a.NextAttemptOn != "" {
				detail = strings.Trim(detail+", next attempt on "+a.NextAttemptOn, ", ")
			}
			what := a.ChargeID
			if what == "" {
				what = "no charge of " + a.InvoiceID
			}
			rows = append(rows, []string{a.OccurredOn, a.Status, amountText(a.Amount) + " " + a.Currency, a.Method, fmt.Sprintf("attempt %d", a.Attempt), what, detail})
		}
		p.table(2, rows, 2)
	}
	if len(e.Refunds) > 0 {
		p.say(0, "")
		p.say(0, "Given back")
		for _, r := range e.Refunds {
			p.say(2, "%s %s by %s on charge %s", amountText(r.Amount), r.Currency, r.Method, r.ChargeID)
		}
	}
}

func (p *explainPrinter) suspense(e *pipeline.ExplainedEntry) {
	if len(e.Refused) > 0 {
		p.say(0, "")
		p.say(0, "Refused rows")
		var rows [][]string
		for i := range e.Refused[:min(len(e.Refused), max(p.rows, 1))] {
			r := &e.Refused[i]
			rows = append(rows, []string{fmt.Sprintf("%s row %d", r.File, r.Row), number(int(r.Rows), "row"), r.Reason, r.Status, r.Detail})
		}
		p.table(2, rows)
		p.more(len(e.Refused) - len(rows))
	}
	if len(e.Waiting) > 0 {
		p.say(0, "")
		p.say(0, "Rows that wait")
		var rows [][]string
		for i := range e.Waiting[:min(len(e.Waiting), max(p.rows, 1))] {
			h := &e.Waiting[i]
			rows = append(rows, []string{fmt.Sprintf("%s row %d", h.File, h.Row), number(int(h.Rows), "row"), "of " + h.ServiceDate, h.Reason, "since " + h.FirstSeen})
		}
		p.table(2, rows)
		p.more(len(e.Waiting) - len(rows))
	}
}

func (p *explainPrinter) more(n int) {
	if n > 0 {
		p.say(2, "… and %d more", n)
	}
}
