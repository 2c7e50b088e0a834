// Package report writes what nights did as one HTML page that stands alone:
// figures, charts and control totals, for those who sign them off. The page
// depends on the Facts alone, so the same history makes the same bytes. It
// names accounts by their ids and nobody else.
package report

import (
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
)

// Facts are all that a page says. Money is in the major unit of its currency.
// Lists are whole and in the order of their names, but where a field says
// otherwise; what does not fit a chart is summed up as "others" by the page.
type Facts struct {
	Span       Span
	Before     Span // zero: history does not reach back so far
	FirstNight calendar.Day

	Money   []Money      // by currency
	Usage   []Usage      // by meter and currency
	Units   []Balance    // balances of units
	Rejects []Rejected   // by reason
	Series  []Series     // of invoice numbers, by name
	Sources []SourceRows // by source
	Rerates []Entry      // entries of the span that correct others
	Look    []Look       // what somebody must look at, in the order of entries
	Proof   Proof
}

// Span is a span of billing dates, both inclusive.
type Span struct {
	From, To calendar.Day
	Nights   int // that are published
	First    Entry
	Last     Entry
}

// Entry names an entry of the billing history.
type Entry struct {
	Number  int64
	Day     calendar.Day
	Digest  string // SHA-256 of its run.json
	Catalog string // name and digest
	Version string // of ratemill
}

// Look is why somebody must look at an entry.
type Look struct {
	Day  calendar.Day
	What string
}

// Pair is a figure of the span, and of the one before it.
type Pair struct{ Now, Before decimal.Decimal }

// Change is what it has grown by.
func (p Pair) Change() decimal.Decimal { return p.Now.Sub(p.Before) }

// Named is a figure by its name.
type Named struct {
	Name string
	Rows int64 // behind the figure of the span
	Pair
}

// Money is all that is in one currency.
type Money struct {
	Currency string
	Minor    int32 // digits of the minor unit

	Invoiced, Applied, Due Pair            // totals of documents, balances used for them, and what was due
	Refunded               decimal.Decimal // what credit notes of the span give back on charges
	Documents              []Named
	Test                   Named // of Documents, those of test accounts
	Days                   []DayAmount
	Kinds, Plans           []Named // amounts of lines, totals of documents

	Accounts int64   // with a document in the span
	Moved    int64   // accounts whose total has changed
	Movers   []Named // largest changes first; without a span before the largest totals

	Minimums       []Minimum        // by meter
	MinimumPayers  []MinimumAccount // most added first
	MinimumCount   int64            // accounts that paid one
	Balances       []Balance        // by name
	Failed         []Ageing         // by age
	FailedReasons  []Named          // open at the end of the span, by reason
	FailedAccounts int64
	Attempts       []Named // of the span, by status
}

// DayAmount is what a billing date invoiced.
type DayAmount struct {
	Day    calendar.Day
	Amount decimal.Decimal
}

// Minimum is what charges of a meter came to that a minimum raised.
type Minimum struct {
	Meter        string
	Charges      int64
	Accounts     int64
	Usage, Added decimal.Decimal // their usage lines, and what was added to them
}

// MinimumAccount is an account that paid minimums.
type MinimumAccount struct {
	Account      string
	Charges      int64
	Usage, Added decimal.Decimal
}

// Balance is what the span did to a balance of all accounts.
type Balance struct {
	Name, Unit                            string // Unit is empty for money
	Accounts                              int64  // that have some at the end
	Opening, Added, Used, Lapsed, Closing decimal.Decimal
}

// Ageing are amounts that are open since so many days after their invoice.
type Ageing struct {
	From, To int // days; To 0: and more
	Count    int64
	Amount   decimal.Decimal
}

// Usage is usage of a meter as it was rated.
type Usage struct {
	Meter, Currency string
	Rows            Pair
	Quantity        Pair
	Amount          Pair              // before it is rounded into lines
	Days            []decimal.Decimal // quantity by billing date of the span
}

// Rejected are rows by their reason.
type Rejected struct {
	Reason     string
	Refused    int64 // for good, in the span
	WrittenOff int64 // waited in vain, in the span
	Recycled   int64 // billed after all, in the span
	Waiting    int64 // at the end of the span
	Before     int64 // refused or written off in the span before
}

// Series are the invoice numbers given out.
type Series struct {
	Name        string
	First, Last int64 // First above Last: none in the span
}

// SourceRows are the control totals of a source's rows over the span.
type SourceRows struct {
	Source                                                  string
	Read, Duplicate, RefusedInFile, NotDue, Passed          int64
	TakenUp, Rated, NotBillable, RejectedInRating, PutAside int64
}

// Proof is what the control totals are held against.
type Proof struct {
	Entries int
	Checks  []Check
	Broken  []string // identities of single entries that do not hold
}

// Check holds one figure against another.
type Check struct {
	Of          string // currency, source or balance
	What        string
	Left, Right decimal.Decimal
	Minor       int32
}

// OK tells whether the figures are the same.
func (c Check) OK() bool { return c.Left.Equal(c.Right) }

// OK tells whether all holds.
func (p *Proof) OK() bool {
	for _, c := range p.Checks {
		if !c.OK() {
			return false
		}
	}
	return len(p.Broken) == 0
}
