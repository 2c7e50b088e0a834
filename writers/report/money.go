package report

import (
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/decimal"
)

// money is the chapter of a currency.
func (p *pager) money(i int) chapter {
	m := &p.Money[i]
	id := fmt.Sprintf("m%d-", i)
	c := chapter{ID: fmt.Sprintf("m%d", i), Title: "Money"}
	if len(p.Money) > 1 {
		c.Title = "Money in " + m.Currency
	}
	c.Keys = p.keys(m)
	c.Blocks = append(c.Blocks, p.days(id+"days", m))
	if len(m.Kinds) > 0 {
		c.Blocks = append(c.Blocks, p.kinds(id+"kinds", m), p.plans(id+"plans", m), p.movers(id+"movers", m))
	}
	c.Blocks = append(c.Blocks, p.minimums(id+"minimums", m), p.balances(id+"balances", m), p.failed(id+"failed", m))
	return c
}

func (p *pager) keys(m *Money) []keyFigure {
	owed, opening := owed(m.Balances)
	open, count := failedSum(m)
	key := func(name string, d decimal.Decimal, note string) keyFigure {
		return keyFigure{Name: name, Unit: m.Currency, Value: strings.ReplaceAll(spoken(d, m.Minor), "\u00a0", " "), Note: note}
	}
	compared := func(pair Pair, otherwise string) string {
		if text := against(pair); p.compared && text != "" {
			return text
		}
		return otherwise
	}
	failed := "nothing is open"
	if count > 0 {
		failed = plural(count, "payment", "payments") + " of " + plural(m.FailedAccounts, "account", "accounts")
	}
	return []keyFigure{
		key("Invoiced", m.Invoiced.Now, compared(m.Invoiced, plural(m.documents(), "document", "documents"))),
		key("Due for payment", m.Due.Now, dueNote(m)),
		key("Owed to customers", owed, signed(figure(owed.Sub(opening), m.Minor))+" in this span"),
		key("Failed payments open", open, failed),
	}
}

// dueNote says what is between the totals of documents and what is due: what
// balances paid, and credit notes whose money goes back on earlier charges.
func dueNote(m *Money) string {
	var between []string
	if !m.Applied.Now.IsZero() {
		between = append(between, "balances paid "+figure(m.Applied.Now, m.Minor))
	}
	if !m.Refunded.IsZero() {
		between = append(between, figure(m.Refunded, m.Minor)+" goes back as refunds")
	}
	if between == nil {
		return "all that was invoiced"
	}
	return strings.Join(between, "; ")
}

func (m *Money) documents() int64 {
	n := int64(0)
	for _, d := range m.Documents {
		n += d.Rows
	}
	return n
}

func owed(list []Balance) (closing, opening decimal.Decimal) {
	for _, b := range list {
		closing, opening = closing.Add(b.Closing), opening.Add(b.Opening)
	}
	return closing, opening
}

func failedSum(m *Money) (sum decimal.Decimal, count int64) {
	for _, a := range m.Failed {
		sum, count = sum.Add(a.Amount), count+a.Count
	}
	return sum, count
}

func (p *pager) days(id string, m *Money) block {
	data, unit := p.columnsOf(m.Days)
	b := block{ID: id, Wide: true, Folded: true, Finding: money(m.Currency, m.Minor, m.Invoiced.Now) + " invoiced"}
	if text := against(m.Invoiced); p.compared && text != "" {
		b.Finding += ", " + text
	}
	b.About = fmt.Sprintf("Totals of all documents by %s, %s.", unit, m.Currency)
	if len(data) > 0 && data[0].muted {
		b.Legend = []legend{{"bar", spanText(p.Span.From, p.Span.To)}, {"bar rest", "earlier days"}}
	}
	b.Columns = newColumns(id, b.Finding, b.About, m.Minor, data)
	b.Table = &table{Head: []cell{text(words(unit)), number("Amount")}}
	for _, d := range data {
		b.Table.Rows = append(b.Table.Rows, []cell{text(d.label), number(figure(d.amount, m.Minor))})
	}
	if b.Table.Rows == nil {
		b.Table = nil
	}
	return b
}

// kinds are lines by kind. Shares are of what was charged, without what lines
// took off.
func (p *pager) kinds(id string, m *Money) block {
	charged, largest := sharesOf(m.Kinds)
	b := block{ID: id, Finding: "Lines came to nothing", About: "Amounts of lines by their kind, " + m.Currency + "."}
	if largest != nil {
		b.Finding = fmt.Sprintf("%s: %s of what was charged", words(largest.Name), percent(largest.Now, charged))
	}
	return p.namedBlock(b, "Kind of line", "Lines", m.Minor, m.Kinds, words)
}

func (p *pager) plans(id string, m *Money) block {
	charged, largest := sharesOf(m.Plans)
	b := block{ID: id, Finding: "Documents came to nothing", About: "Totals of documents by the plan at the end of the day, " + m.Currency + "."}
	if largest != nil {
		b.Finding = fmt.Sprintf("Plan %s: %s of what was invoiced", clipped(own(largest.Name)), percent(largest.Now, charged))
	}
	return p.namedBlock(b, "Plan", "Documents", m.Minor, m.Plans, own)
}

// sharesOf is the sum of what is above zero, and the largest of it.
func sharesOf(list []Named) (sum decimal.Decimal, largest *Named) {
	for i := range list {
		n := &list[i]
		if n.Now.Sign() <= 0 {
			continue
		}
		sum = sum.Add(n.Now)
		if largest == nil || n.Now.GreaterThan(largest.Now) {
			largest = n
		}
	}
	return sum, largest
}

// movers are the accounts whose total changed most; where there is nothing to
// compare with, those with the largest totals.
func (p *pager) movers(id string, m *Money) block {
	b := block{ID: id, About: "Totals of documents by account, " + m.Currency + "."}
	switch {
	case len(m.Movers) == 0:
		b.Finding = "No account's total has changed"
		if !p.compared {
			b.Finding = "No account was invoiced an amount"
		}
		return b
	case p.compared:
		first := m.Movers[0]
		b.Finding = fmt.Sprintf("%s changed; most of all %s, by %s", plural(m.Moved, "account", "accounts"), clipped(first.Name), signed(spoken(first.Change(), m.Minor)))
		b.About = "Change of an account's documents against before, " + m.Currency + "."
	default:
		b.Finding = fmt.Sprintf("%s invoiced, the largest is %s", plural(m.Accounts, "account", "accounts"), clipped(m.Movers[0].Name))
		if m.Accounts == 1 {
			b.Finding = "1\u00a0account invoiced: " + clipped(m.Movers[0].Name)
		}
	}
	b.Table = &table{Head: []cell{text("Account")}}
	if p.compared {
		b.Table.Head = append(b.Table.Head, number("Before"))
	}
	b.Table.Head = append(b.Table.Head, number("Amount"))
	if p.compared {
		b.Table.Head = append(b.Table.Head, number("Change"))
	}
	var data []datum
	for _, n := range m.Movers {
		row := []cell{text(n.Name)}
		d := datum{label: n.Name, value: amount(n.Now, m.Minor), now: n.Now}
		if p.compared {
			row = append(row, number(figure(n.Before, m.Minor)))
			d = datum{label: n.Name, value: signed(amount(n.Change(), m.Minor)), now: n.Change()}
		}
		row = append(row, number(figure(n.Now, m.Minor)))
		if p.compared {
			row = append(row, number(signed(figure(n.Change(), m.Minor))))
		}
		b.Table.Rows, data = append(b.Table.Rows, row), append(data, d)
	}
	b.Bars = newBars(id, b.Finding, b.About, data[:min(len(data), mostBars)], false)
	return b
}

func (p *pager) minimums(id string, m *Money) block {
	b := block{ID: id, Finding: "Nobody paid a minimum charge", About: "Charges that a minimum raised, " + m.Currency + "."}
	if len(m.Minimums) == 0 {
		return b
	}
	usage, added := decimal.Zero, decimal.Zero
	var data []datum
	for i, x := range m.Minimums {
		usage, added = usage.Add(x.Usage), added.Add(x.Added)
		if i < mostBars {
			data = append(data, datum{label: own(x.Meter), value: amount(x.Usage, m.Minor) + " + " + amount(x.Added, m.Minor), now: x.Usage, more: x.Added})
		}
	}
	b.Finding = fmt.Sprintf("%s paid a minimum; %s of it was usage", plural(m.MinimumCount, "account", "accounts"), percent(usage, usage.Add(added)))
	b.About = "Usage of these charges, and what was added up to the minimum, by meter, " + m.Currency + ". A balance may have paid part of the usage; what is added stays the customer's where the plan keeps it as a balance."
	b.Legend = []legend{{"bar", "usage"}, {"more", "added up to the minimum"}}
	b.Bars = newBars(id, b.Finding, b.About, data, false)
	b.Table = &table{Head: []cell{text("Account"), number("Charges"), number("Usage"), number("Added")}}
	shownUsage, shownAdded, shownCharges := decimal.Zero, decimal.Zero, int64(0)
	for _, a := range m.MinimumPayers {
		shownUsage, shownAdded, shownCharges = shownUsage.Add(a.Usage), shownAdded.Add(a.Added), shownCharges+a.Charges
		b.Table.Rows = append(b.Table.Rows, []cell{text(a.Account), number(whole(a.Charges)), number(figure(a.Usage, m.Minor)), number(figure(a.Added, m.Minor))})
	}
	charges := int64(0)
	for _, x := range m.Minimums {
		charges += x.Charges
	}
	if rest := m.MinimumCount - int64(len(m.MinimumPayers)); rest > 0 {
		b.Table.Rows = append(b.Table.Rows, []cell{text(plural(rest, "other", "others")), number(whole(charges - shownCharges)), number(figure(usage.Sub(shownUsage), m.Minor)), number(figure(added.Sub(shownAdded), m.Minor))})
	}
	b.Table.Foot = []cell{text("All"), number(whole(charges)), number(figure(usage, m.Minor)), number(figure(added, m.Minor))}
	return b
}

func (p *pager) balances(id string, m *Money) block {
	closing, opening := owed(m.Balances)
	b := block{ID: id, Finding: "No balance is owed to customers", About: "Prepaid money and open credits of all accounts at the end of " + dayText(p.Span.Last.Day) + ", " + m.Currency + "."}
	if len(m.Balances) == 0 {
		return b
	}
	if !closing.IsZero() {
		b.Finding = money(m.Currency, m.Minor, closing) + " owed to customers"
	}
	switch grown := closing.Sub(opening); grown.Sign() {
	case 1:
		b.Finding += ", " + spoken(grown, m.Minor) + " more than at the beginning"
	case -1:
		b.Finding += ", " + spoken(grown.Neg(), m.Minor) + " less than at the beginning"
	}
	b.Legend = []legend{{"bar", "at the end"}, {"mark", "at the beginning"}}
	b.Wide = true
	b.Bars = newBars(id, b.Finding, b.About, balanceData(m.Balances, m.Minor), true)
	b.Table = balanceTable(m.Balances, m.Minor)
	if len(m.Balances) > 1 {
		b.Table.Foot = balanceRow("All", sumOf(m.Balances), m.Minor)
		b.Table.Foot[1] = number("") // an account may have several balances
	}
	return b
}

func balanceData(list []Balance, minor int32) []datum {
	var named []Named
	for _, x := range list {
		named = append(named, Named{Name: x.label(), Pair: Pair{Now: x.Closing, Before: x.Opening}})
	}
	top, others := largestFirst(named, mostBars)
	if others != nil {
		top = append(top, *others)
	}
	var data []datum
	for _, n := range top {
		data = append(data, datum{label: n.Name, value: amount(n.Now, minor), now: n.Now, before: n.Before})
	}
	return data
}

// label has the unit where there is one.
func (b *Balance) label() string {
	if b.Unit != "" {
		return words(b.Name) + ", " + b.Unit
	}
	return words(b.Name)
}

func balanceTable(list []Balance, minor int32) *table {
	t := &table{Stack: true, Head: []cell{text("Balance"), number("Accounts"), number("Opening"), number("Added"), number("Used"), number("Lapsed"), number("Closing")}}
	list = slices.Clone(list) // in the order of the bars
	slices.SortStableFunc(list, func(a, b Balance) int { return b.Closing.Cmp(a.Closing) })
	for _, b := range list {
		t.Rows = append(t.Rows, balanceRow(b.label(), b, minor))
	}
	return t
}

func balanceRow(label string, b Balance, minor int32) []cell {
	return []cell{text(label), number(whole(b.Accounts)), number(figure(b.Opening, minor)), number(figure(b.Added, minor)),
		number(figure(b.Used, minor)), number(figure(b.Lapsed, minor)), number(figure(b.Closing, minor))}
}

// sumOf are balances of one currency as one, but for their accounts.
func sumOf(list []Balance) (sum Balance) {
	for _, b := range list {
		sum.Opening, sum.Added, sum.Used = sum.Opening.Add(b.Opening), sum.Added.Add(b.Added), sum.Used.Add(b.Used)
		sum.Lapsed, sum.Closing = sum.Lapsed.Add(b.Lapsed), sum.Closing.Add(b.Closing)
	}
	return sum
}

func (p *pager) failed(id string, m *Money) block {
	sum, count := failedSum(m)
	b := block{ID: id, Finding: "No failed payment is open", About: "Payments that did not go through or could not be asked for, and are open at the end of " + dayText(p.Span.Last.Day) + ", by days since their invoice, " + m.Currency + "."}
	if count == 0 {
		b.Note = p.attempts(m)
		return b
	}
	old := decimal.Zero
	b.Table = &table{Head: []cell{text("Days since invoice"), number("Payments"), number("Amount"), number("Share")}}
	var data []datum
	for _, a := range m.Failed {
		label := fmt.Sprintf("%d to %d", a.From, a.To)
		if a.To == 0 {
			label = fmt.Sprintf("%d and more", a.From)
		}
		if a.From > 30 {
			old = old.Add(a.Amount)
		}
		data = append(data, datum{label: label + " days", value: amount(a.Amount, m.Minor), now: a.Amount})
		b.Table.Rows = append(b.Table.Rows, []cell{text(label), number(whole(a.Count)), number(figure(a.Amount, m.Minor)), number(percent(a.Amount, sum))})
	}
	b.Table.Foot = []cell{text("All"), number(whole(count)), number(figure(sum, m.Minor)), number("")}
	b.Finding = money(m.Currency, m.Minor, sum) + " of failed payments open, none of it older than 30\u00a0days"
	if !old.IsZero() {
		b.Finding = fmt.Sprintf("%s of failed payments open, %s of it older than 30\u00a0days", money(m.Currency, m.Minor, sum), percent(old, sum))
	}
	b.Bars = newBars(id, b.Finding, b.About, data, false)
	b.Note = p.attempts(m)
	if reasons := p.reasons(m); reasons != "" {
		b.Note = strings.TrimSpace("Reasons: " + reasons + ". " + b.Note)
	}
	return b
}

func (p *pager) reasons(m *Money) string {
	top, others := largestFirst(m.FailedReasons, 6)
	if others != nil {
		top = append(top, *others)
	}
	var all []string
	for _, n := range top {
		all = append(all, fmt.Sprintf("%s %s", strings.ReplaceAll(own(n.Name), "_", " "), figure(n.Now, m.Minor)))
	}
	return strings.Join(all, ", ")
}

// attempts says what became of payments in the span.
func (p *pager) attempts(m *Money) string {
	var all []string
	for _, n := range m.Attempts {
		all = append(all, fmt.Sprintf("%s %s (%s)", n.Name, figure(n.Now, m.Minor), whole(n.Rows)))
	}
	if all == nil {
		return ""
	}
	return "In this span: " + strings.Join(all, ", ") + "."
}
