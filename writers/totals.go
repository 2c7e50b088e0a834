package writers

import "ratemill/rating/decimal"

// Totals are the control totals of an entry. Check holds their identities
// against each other; an entry that breaks one publishes nothing. Money is in
// the major unit of its currency, as text in JSON.
type Totals struct {
	Files    []FileTotals    `json:"files"`    // by key
	Sources  []SourceTotals  `json:"sources"`  // by source
	Money    []MoneyTotals   `json:"money"`    // by currency
	Balances []BalanceTotals `json:"balances"` // by balance and currency

	Opening *OpeningTotals `json:"opening,omitempty"` // of the first entry, if it opened a book
}

// OpeningTotals are the opening book, as it was read.
//
//	accounts = rated of the source opening
//	balances = opening of the entry's balances
type OpeningTotals struct {
	Accounts int64            `json:"accounts"`
	Balances []OpeningBalance `json:"balances"` // by balance and currency
}

// OpeningBalance is what all accounts of the book have of a balance.
type OpeningBalance struct {
	Balance  string          `json:"balance"`
	Currency string          `json:"currency"`       // empty where there is a unit
	Unit     string          `json:"unit,omitempty"` // such as postcards
	Amount   decimal.Decimal `json:"amount"`
}

func (b OpeningBalance) name() string { return balanceName(b.Balance, b.Currency, b.Unit) }

// FileTotals are the rows of one export.
//
//	read = passed + duplicate + rejected + not due
//
// And the files of a source pass what the source counts as passed.
type FileTotals struct {
	Source    string `json:"source"`
	Export    string `json:"export,omitempty"`
	Key       string `json:"key"`
	Read      int64  `json:"read"`
	Passed    int64  `json:"passed"`
	Duplicate int64  `json:"duplicate"` // identical to a row that counts
	Rejected  int64  `json:"rejected"`  // for a reason of its own, or as a conflicting duplicate
	NotDue    int64  `json:"not_due"`   // of a later day: put aside
}

// name tells a file from any other; the same one may be read as exports of
// several sources.
func (f FileTotals) name() string {
	if f.Export == "" {
		return f.Key + " as " + f.Source
	}
	return f.Key + " as " + f.Source + "." + f.Export
}

// SourceTotals are the rows of one source, over all files and held rows.
//
//	passed + taken up + recycled = rated + Σ not billable + rejected + written off + put aside
type SourceTotals struct {
	Source      string       `json:"source"`
	Passed      int64        `json:"passed"`       // from the files
	TakenUp     int64        `json:"taken_up"`     // from held
	Rated       int64        `json:"rated"`        // billed, free of charge or not
	NotBillable []ReasonRows `json:"not_billable"` // by a named rule, by reason
	Rejected    int64        `json:"rejected"`     // in rating
	PutAside    int64        `json:"put_aside"`    // into held

	Recycled   int64 `json:"recycled,omitempty"`    // by decision: written off by an earlier night, and waiting again
	WrittenOff int64 `json:"written_off,omitempty"` // by decision; at the end of the window a row is rejected
}

// ReasonRows is a number of rows for a reason.
type ReasonRows struct {
	Reason string `json:"reason"`
	Rows   int64  `json:"rows"`
}

// MoneyTotals are the documents in one currency.
//
//	lines = invoices
//	invoices − credits applied + refunds = amount due
//	credit notes = refunds
//	taken up + amount due = first-attempt charges + Σ uncollectable + left open
//	taken up = left open of the entry before
//
// A rerate asks for nothing: what its notes leave to pay is left open, and the
// next night takes it up. Its credit notes are corrections, not refunds, and
// are not counted as credit notes here.
type MoneyTotals struct {
	Currency            string          `json:"currency"`
	Lines               decimal.Decimal `json:"lines"`                 // Σ invoice_lines.amount
	Invoices            decimal.Decimal `json:"invoices"`              // Σ invoices.total, that of credit notes below zero
	CreditsApplied      decimal.Decimal `json:"credits_applied"`       // Σ invoices.credits_applied
	AmountDue           decimal.Decimal `json:"amount_due"`            // Σ invoices.amount_due
	FirstAttemptCharges decimal.Decimal `json:"first_attempt_charges"` // Σ charges.amount with attempt 1
	Uncollectable       []ReasonAmount  `json:"uncollectable"`         // due and not charged, by reason

	RetriedCharges decimal.Decimal `json:"retried_charges,omitzero"` // Σ charges.amount with a later attempt
	CreditNotes    decimal.Decimal `json:"credit_notes,omitzero"`    // −Σ (invoices.total − credits_applied) of credit notes
	Refunds        decimal.Decimal `json:"refunds,omitzero"`         // Σ refunds.amount

	TakenUp  decimal.Decimal `json:"taken_up,omitzero"`  // of rerates' notes, not asked for before the entry
	LeftOpen decimal.Decimal `json:"left_open,omitzero"` // and not after it: collections in state with status unasked and no attempt
}

// ReasonAmount is an amount for a reason.
type ReasonAmount struct {
	Reason string          `json:"reason"`
	Amount decimal.Decimal `json:"amount"`
}

// BalanceTotals are all accounts' balances of one name in one currency or unit.
//
//	opening + added − used − lapsed = closing
//	opening = closing of the entry before, or in the first the opening book's
type BalanceTotals struct {
	Balance  string          `json:"balance"`
	Currency string          `json:"currency"`       // empty where there is a unit
	Unit     string          `json:"unit,omitempty"` // such as postcards
	Opening  decimal.Decimal `json:"opening"`
	Added    decimal.Decimal `json:"added"`
	Used     decimal.Decimal `json:"used"`
	Lapsed   decimal.Decimal `json:"lapsed"`
	Closing  decimal.Decimal `json:"closing"`
}

// name is unambiguous: a currency has no space, and a unit stands apart.
func (b BalanceTotals) name() string { return balanceName(b.Balance, b.Currency, b.Unit) }

func balanceName(balance, currency, unit string) string {
	if unit != "" {
		return balance + " in " + unit
	}
	return balance + " " + currency
}

// ordered is a copy with every list in the order of its keys.
func (t Totals) ordered() Totals {
	t.Files = ordered(t.Files, FileTotals.name)
	t.Sources = ordered(t.Sources, func(s SourceTotals) string { return s.Source })
	for i := range t.Sources {
		t.Sources[i].NotBillable = ordered(t.Sources[i].NotBillable, func(r ReasonRows) string { return r.Reason })
	}
	t.Money = ordered(t.Money, func(m MoneyTotals) string { return m.Currency })
	for i := range t.Money {
		t.Money[i].Uncollectable = ordered(t.Money[i].Uncollectable, func(r ReasonAmount) string { return r.Reason })
	}
	t.Balances = ordered(t.Balances, BalanceTotals.name)
	if t.Opening != nil {
		t.Opening = &OpeningTotals{t.Opening.Accounts, ordered(t.Opening.Balances, OpeningBalance.name)}
	}
	return t
}
