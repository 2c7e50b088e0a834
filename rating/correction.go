package rating

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// LineRef names a line of a document; Number 0 names the document alone.
type LineRef struct {
	InvoiceID string
	Number    int // from 1
}

// IssuedLine is a line with the document that it stands on.
type IssuedLine struct {
	Line
	At       LineRef
	On       Day     // billing date of the document
	Corrects LineRef // of a rerate's note: what it corrects; zero: no such line
}

// Span is what a span of billing days came to for an account: all documents of
// these days, and the account at their end. The zero Account (but for its ID)
// is one that there is not.
type Span struct {
	Account  Account
	Lines    []IssuedLine // in the order of issue
	Due      money.Amount // the documents' amounts due
	Refunded money.Amount // given back on charges
	Settled  money.Amount // of amounts due, paid by open credit of a rerate
	Moved    []Movement   // used and lapsed over the days, by balance
}

// Correction is what a rerate makes of an account. Its state has the usage
// side of what should have been, and the money side of what was: charges were
// made and paid as they were issued.
type Correction struct {
	Account     Account
	Note        *Note
	Movements   []Movement   // by balance
	Uncollected *Uncollected // of the note
}

// Note is a document that corrects others.
type Note struct {
	Invoice
	Credit   bool      // else a debit note
	Corrects []LineRef // by line
}

// Correct compares what was issued for a span of days with what should have
// been, and makes the note that is the difference. Both spans begin after the
// same day. entry numbers the note among those of its day. It returns why that
// cannot be, or "".
func Correct(catalogName string, day Day, entry int64, issued, should *Span) (Correction, string) {
	was, is := issued.Account.Currency, should.Account.Currency
	if was.Code != "" && is.Code != "" && was != is {
		return Correction{}, fmt.Sprintf("it was billed in %s and should have been in %s, which no note can correct", was.Code, is.Code)
	}
	c := corrector{day: day, issued: issued, should: should, currency: is}
	if is.Code == "" {
		c.currency = was
	}
	c.account()
	lines, refs := Differences(issued.Lines, should.Lines, c.currency)
	total := money.Zero(c.currency)
	for i := range lines {
		total = total.Add(lines[i].Amount)
	}
	due, credit := c.position()
	before := balanceOf(&issued.Account, CorrectionCredit)
	if len(lines) > 0 || due.Sign() != 0 || credit.Cmp(before) != 0 {
		note := &Note{Credit: total.Sign() < 0 || total.Sign() == 0 && due.Sign() == 0, Corrects: refs}
		note.Invoice = Invoice{
			ID: NoteID(catalogName, c.out.Account.ID, day, entry, note.Credit), Account: c.out.Account.ID, IssuedOn: day, Currency: c.currency,
			Lines: lines, Total: total, CreditsApplied: total.Sub(due), AmountDue: due,
		}
		c.out.Note = note
		c.leaveOpen(note)
	}
	c.keepCredit(credit)
	c.refundable()
	c.movements()
	return c.out, ""
}

type corrector struct {
	day            Day
	issued, should *Span
	currency       money.Currency
	out            Correction
}

// account takes the usage side of what should have been and the money side of
// what was. What could not be collected is asked for again where there should
// have been another payment method.
func (c *corrector) account() {
	a := c.should.Account
	a.ownLists()
	if a.Currency.Code == "" {
		a.ID, a.Currency, a.Customer = c.issued.Account.ID, c.currency, c.issued.Account.Customer
	}
	a.Collections = slices.Clone(c.issued.Account.Collections)
	if a.Method != "" && a.Method != c.issued.Account.Method {
		for i := range a.Collections {
			if a.Collections[i].unpaid() {
				a.Collections[i].Status, a.Collections[i].NextAttemptOn = Unasked, calendar.None
			}
		}
	}
	c.out.Account = a
}

// position is what the note asks for, or else the credit that is open after
// it: what the account should have been asked for, less what it was.
func (c *corrector) position() (due, credit money.Amount) {
	asked := func(s *Span) money.Amount { return s.Due.Sub(s.Settled).Sub(s.Refunded) }
	none := money.Zero(c.currency)
	open := none.Add(asked(c.should)).Sub(balanceOf(&c.should.Account, CorrectionCredit)).Sub(asked(c.issued))
	return money.Max(open, none), money.Max(open.Neg(), none)
}

// leaveOpen leaves the amount due for the next night to ask for.
func (c *corrector) leaveOpen(note *Note) {
	a := &c.out.Account
	switch {
	case note.AmountDue.Sign() <= 0:
	case a.Customer.Test:
		c.out.Uncollected = &Uncollected{note.ID, note.AmountDue, TestAccount}
	case a.Has(uninstalled):
		c.out.Uncollected = &Uncollected{note.ID, note.AmountDue, StoreRemoved}
	default:
		a.Collections = append(a.Collections, Collection{InvoiceID: note.ID, InvoicedOn: c.day, Amount: note.AmountDue, Status: Unasked})
	}
}

func (c *corrector) keepCredit(credit money.Amount) {
	a := &c.out.Account
	a.Balances = slices.DeleteFunc(a.Balances, func(b Balance) bool { return b.Name == CorrectionCredit })
	if credit.Sign() > 0 {
		a.Balances = append(a.Balances, Balance{CorrectionCredit, credit})
		slices.SortFunc(a.Balances, func(x, y Balance) int { return cmp.Compare(x.Name, y.Name) })
	}
}

// refundable keeps what a guarantee may give back: what was charged, as far as
// it should have been, and what should have been beyond.
func (c *corrector) refundable() {
	a := &c.out.Account
	left := slices.Clone(c.should.Account.Refundable)
	kept := slices.Clone(c.issued.Account.Refundable)
	amounts := make([]money.Amount, len(kept))
	take := func(like func(x, y *Refundable) bool) {
		for i := range kept {
			for j := range left {
				t := money.Min(kept[i].Amount.Sub(amounts[i]), left[j].Amount)
				if t.Sign() > 0 && like(&kept[i], &left[j]) {
					amounts[i], left[j].Amount = amounts[i].Add(t), left[j].Amount.Sub(t)
				}
			}
		}
	}
	take((*Refundable).sameLine)
	take(func(x, y *Refundable) bool { return x.Kind == y.Kind && x.Rule == y.Rule })
	a.Refundable = nil
	for i, r := range kept {
		if r.Amount = amounts[i]; r.Amount.Sign() > 0 {
			a.Refundable = append(a.Refundable, r)
		}
	}
	if c.out.Note != nil {
		c.chargedElsewhere(left)
	}
}

// chargedElsewhere links what may be given back and was not charged as such to
// the charges that pay it now: that of the note, and those of what should not
// have been charged, the unpaid ones last. The rest was paid by credit, or by
// charges so old that they are forgotten, and goes back to credit.
func (c *corrector) chargedElsewhere(left []Refundable) {
	a := &c.out.Account
	if a.Customer.Test || a.Has(uninstalled) {
		return
	}
	collections := slices.DeleteFunc(slices.Clone(a.Collections), func(x Collection) bool { return x.Status == Ended || x.Status == Credited })
	slices.SortStableFunc(collections, func(x, y Collection) int {
		return cmp.Or(boolCompare(x.Status != Unasked, y.Status != Unasked), boolCompare(x.open(), y.open()))
	})
	for i := range collections {
		of := &collections[i]
		open := of.Amount
		for _, r := range a.Refundable {
			if r.InvoiceID == of.InvoiceID && r.Kind != TaxedIn && !r.byCredit() {
				open = open.Sub(r.Amount)
			}
		}
		for j := range left {
			r := left[j]
			r.InvoiceID, r.ChargeID, r.Method, r.Amount = of.InvoiceID, of.ChargeID(), of.Method, money.Min(r.Amount, open)
			if r.Amount.Sign() <= 0 {
				continue
			}
			a.Refundable = append(a.Refundable, r)
			if left[j].Amount = left[j].Amount.Sub(r.Amount); r.Kind != TaxedIn {
				open = open.Sub(r.Amount)
			}
		}
	}
	for _, r := range left {
		if r.ChargeID, r.Method = "", CorrectionCredit; r.Amount.Sign() > 0 {
			a.Refundable = append(a.Refundable, r)
		}
	}
}

// movements take every balance from what it closed with to what it should have
// closed with. Used and lapsed are the differences over the span, and may be
// below zero; what is left over is added.
func (c *corrector) movements() {
	names := map[string]bool{}
	for _, s := range []*Span{c.issued, c.should} {
		for _, b := range s.Account.Balances {
			names[b.Name] = true
		}
		for _, m := range s.Moved {
			names[m.Balance] = true
		}
	}
	for _, b := range c.out.Account.Balances {
		names[b.Name] = true
	}
	if c.issued.Account.UnusedTime().Sign() != 0 || c.out.Account.UnusedTime().Sign() != 0 {
		names[UnusedTimeBalance] = true
	}
	for name := range names {
		if m := c.movement(name); m.Opening.Sign() != 0 || m.Added.Sign() != 0 || m.Used.Sign() != 0 || m.Lapsed.Sign() != 0 {
			c.out.Movements = append(c.out.Movements, m)
		}
	}
	slices.SortFunc(c.out.Movements, func(x, y Movement) int { return cmp.Compare(x.Balance, y.Balance) })
}

func (c *corrector) movement(name string) Movement {
	was, is := movedOf(c.issued, name), movedOf(c.should, name)
	m := Movement{
		Balance: name, Opening: balanceOf(&c.issued.Account, name), Closing: balanceOf(&c.out.Account, name),
		Used: is.Used.Sub(was.Used), Lapsed: is.Lapsed.Sub(was.Lapsed),
	}
	if name == CorrectionCredit {
		none := money.Zero(c.currency)
		m.Used, m.Lapsed = money.Max(m.Opening.Sub(m.Closing), none), none
	}
	unit := money.Zero(c.currency)
	for _, a := range []money.Amount{m.Opening, m.Closing, m.Used, m.Lapsed} {
		if a.Currency().Code != "" {
			unit = money.Zero(a.Currency())
		}
	}
	m.Opening, m.Closing, m.Used, m.Lapsed = unit.Add(m.Opening), unit.Add(m.Closing), unit.Add(m.Used), unit.Add(m.Lapsed)
	m.Added = m.Closing.Sub(m.Opening).Add(m.Used).Add(m.Lapsed)
	return m
}

func movedOf(s *Span, name string) Movement {
	for _, m := range s.Moved {
		if m.Balance == name {
			return m
		}
	}
	return Movement{Balance: name}
}

// Differences are the lines of a note: what should have been issued less what
// was, line by line. A line that was issued on another day is right; one that
// differs in its amount is corrected in place; the others are taken back, or
// added. Corrections of earlier notes count towards the lines that they name.
func Differences(issued, should []IssuedLine, currency money.Currency) ([]Line, []LineRef) {
	d := differ{issued: standing(issued), should: slices.Clone(should), currency: currency, pair: map[int]int{}, paired: map[int]bool{}, dropped: map[int]bool{}}
	d.dropRefunds()
	d.match(lineKey{on: 1, description: "1", amount: "1"})
	d.match(lineKey{description: "1", amount: "1"})
	d.match(lineKey{on: 1, description: "1"})
	d.match(lineKey{on: 1})
	d.match(lineKey{description: "1"})
	return d.lines()
}

// standing are issued lines with what earlier notes have corrected in them.
func standing(issued []IssuedLine) []IssuedLine {
	at := map[LineRef]int{}
	var all []IssuedLine
	for _, l := range issued {
		if root, known := at[l.Corrects]; known && l.Corrects.Number > 0 {
			all[root].Amount = all[root].Amount.Add(l.Amount)
			continue
		}
		at[l.At] = len(all)
		all = append(all, l)
	}
	return all
}

// lineKey is what two lines have in common that are the same charge.
type lineKey struct {
	kind                LineKind
	rule                RuleID
	meter               string
	service, start, end Day

	// As far as asked for:
	on                  Day
	description, amount string
}

// keyOf is a line's key, with those of the last columns that asked has.
func (l *IssuedLine) keyOf(asked lineKey) lineKey {
	k := lineKey{kind: l.Kind, rule: l.Rule, meter: l.Meter, service: l.ServiceDate, start: l.PeriodStart, end: l.PeriodEnd}
	if asked.on != 0 {
		k.on = l.On
	}
	if asked.description != "" {
		k.description = l.Description
	}
	if asked.amount != "" {
		k.amount = l.Amount.String()
	}
	return k
}

type differ struct {
	issued, should []IssuedLine
	currency       money.Currency
	pair           map[int]int // issued line of a line that should be
	paired         map[int]bool
	dropped        map[int]bool
}

// match pairs lines of one key, each once, in their order.
func (d *differ) match(asked lineKey) {
	free := map[lineKey][]int{}
	for i := range d.issued {
		if !d.paired[i] {
			k := d.issued[i].keyOf(asked)
			free[k] = append(free[k], i)
		}
	}
	for s := range d.should {
		k := d.should[s].keyOf(asked)
		if _, done := d.pair[s]; done || d.dropped[s] || len(free[k]) == 0 {
			continue
		}
		d.pair[s], d.paired[free[k][0]] = free[k][0], true
		free[k] = free[k][1:]
	}
}

// dropRefunds drops refunds of a day that come to the same sum: they name the
// charges that were made, which are others than those that should have been.
func (d *differ) dropRefunds() {
	sums := map[Day]money.Amount{}
	add := func(l *IssuedLine, amount money.Amount) {
		if l.Kind == GivenUp {
			sums[l.On] = sums[l.On].Add(amount)
		}
	}
	for i := range d.issued {
		add(&d.issued[i], d.issued[i].Amount.Neg())
	}
	for i := range d.should {
		add(&d.should[i], d.should[i].Amount)
	}
	same := func(l *IssuedLine) bool { return l.Kind == GivenUp && sums[l.On].Sign() == 0 }
	for i := range d.issued {
		d.paired[i] = same(&d.issued[i])
	}
	for s := range d.should {
		d.dropped[s] = same(&d.should[s])
	}
}

func (d *differ) lines() (lines []Line, refs []LineRef) {
	type corrected struct {
		Line
		on  Day
		ref LineRef
	}
	var all []corrected
	for s := range d.should {
		is := &d.should[s]
		if d.dropped[s] {
			continue
		}
		if i, found := d.pair[s]; found {
			was := &d.issued[i]
			text := fmt.Sprintf("issued %s, should be %s: %s", was.Amount, is.Amount, is.Calculation)
			all = append(all, corrected{d.line(is, is.Amount.Sub(was.Amount), text), was.On, was.At})
			continue
		}
		text := fmt.Sprintf("never issued, should be %s: %s", is.Amount, is.Calculation)
		all = append(all, corrected{d.line(is, is.Amount, text), is.On, LineRef{InvoiceID: d.documentOn(is.On)}})
	}
	for i := range d.issued {
		if was := &d.issued[i]; !d.paired[i] {
			all = append(all, corrected{d.line(was, was.Amount.Neg(), fmt.Sprintf("issued %s, should not be", was.Amount)), was.On, was.At})
		}
	}
	slices.SortStableFunc(all, func(x, y corrected) int {
		return cmp.Or(cmp.Compare(x.on, y.on), cmp.Compare(x.ref.InvoiceID, y.ref.InvoiceID), cmp.Compare(x.ref.Number, y.ref.Number))
	})
	for _, c := range all {
		if c.Amount.Sign() != 0 {
			lines, refs = append(lines, c.Line), append(refs, c.ref)
		}
	}
	return lines, refs
}

// documentOn is the document of a day that a line was left out of; empty where
// there was none.
func (d *differ) documentOn(on Day) string {
	for i := range d.issued {
		if l := &d.issued[i]; l.On == on && l.Corrects == (LineRef{}) {
			return l.At.InvoiceID
		}
	}
	return ""
}

// line is a note's line: one of the difference, added or taken off.
func (d *differ) line(of *IssuedLine, difference money.Amount, text string) Line {
	price, sign := difference.Value(), int64(1)
	if difference.Sign() < 0 {
		price, sign = price.Neg(), -1
	}
	return Line{
		Kind: of.Kind, Rule: of.Rule, Description: of.Description, Meter: of.Meter, Quantity: decimal.NewFromInt(sign), UnitPrice: price, Part: money.Whole,
		Amount: difference, PeriodStart: of.PeriodStart, PeriodEnd: of.PeriodEnd, ServiceDate: of.ServiceDate, Late: of.Late,
		Calculation: text, CatalogLine: of.CatalogLine,
	}
}

// NoteID is the id of a rerate's note for an account.
func NoteID(catalogName string, account AccountID, day Day, entry int64, credit bool) string {
	sum := sha256.Sum256([]byte(fmt.Sprintf("ratemill note\x00%s\x00%s\x00%s\x00%d", catalogName, account, day, entry)))
	prefix := "dn_"
	if credit {
		prefix = "cn_"
	}
	return prefix + hex.EncodeToString(sum[:12])
}

// CheckCorrection proves a correction as Check proves a day: the note is the
// sum of its lines, its total less what balances gave is due, that is left open
// or named, and every balance goes from what it was to what it is.
func CheckCorrection(issued *Span, c *Correction) []string {
	x := checker{}
	used := money.Zero(c.Account.Currency)
	for _, m := range c.Movements {
		if m.Closing.Cmp(m.Opening.Add(m.Added).Sub(m.Used).Sub(m.Lapsed)) != 0 || m.Closing.Sign() < 0 {
			x.fail("balance %s: %s + %s − %s − %s is not %s, or below zero", m.Balance, m.Opening, m.Added, m.Used, m.Lapsed, m.Closing)
		}
		if balanceOf(&issued.Account, m.Balance).Cmp(m.Opening) != 0 || balanceOf(&c.Account, m.Balance).Cmp(m.Closing) != 0 {
			x.fail("balance %s: the movement is not of the account", m.Balance)
		}
		switch {
		case m.Balance == CorrectionCredit:
			used = used.Add(m.Used).Sub(m.Added)
		case m.Balance != UnusedTimeBalance && m.Used.Currency() == c.Account.Currency:
			used = used.Add(m.Used)
		}
	}
	applied := money.Zero(c.Account.Currency)
	if n := c.Note; n != nil {
		applied = n.CreditsApplied
		sum, left := money.Zero(n.Currency), money.Zero(n.Currency)
		for _, l := range n.Lines {
			sum = sum.Add(l.Amount)
		}
		for _, o := range c.Account.Collections {
			if o.InvoiceID == n.ID {
				left = left.Add(o.Amount)
			}
		}
		if c.Uncollected != nil {
			left = left.Add(c.Uncollected.Amount)
		}
		if sum.Cmp(n.Total) != 0 || n.AmountDue.Sign() < 0 || n.Total.Sub(n.CreditsApplied).Cmp(n.AmountDue) != 0 || left.Cmp(n.AmountDue) != 0 {
			x.fail("note of %s: its lines make %s, %s is applied, %s is due, %s is left open", n.Total, sum, n.CreditsApplied, n.AmountDue, left)
		}
	}
	if used.Cmp(applied) != 0 {
		x.fail("balances gave %s, the note applied %s", used, applied)
	}
	return x.broken
}
