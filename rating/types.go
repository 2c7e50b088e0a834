package rating

import (
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// AccountID names a customer's account, as the exports write it.
type AccountID string

// RuleID is the id of the policy rule that made a line ("MK-9").
type RuleID = catalog.RuleID

// PricePoint is the price that usage was rated at, with where it comes from. It
// is never written into.
type PricePoint = catalog.PricePoint

// Day is a calendar day of the catalog's time zone.
type Day = calendar.Day

// Account is all that the core knows of an account at the end of a day. It is
// what the state table keeps from one night to the next. The zero Account
// (but for its ID) is one that has not signed up.
type Account struct {
	ID            AccountID
	SignedUpOn    Day // fixes the cohort; first day whose usage counts
	TrialEndsOn   Day // the first charge falls on this day, or later with a late sign-up; None: no trial
	ClosedOn      Day // last day whose usage counts; None: open
	BilledThrough Day // last billing day that this state includes

	Plan        string // whose allowances are in force
	PlanSince   Day    // first day under it
	Term        string
	Method      string // how charges are collected; empty: no method on file
	MethodSince Day    // of the last change of method; None: that of the sign-up
	Currency    money.Currency
	Channel     string   // through which the account signed up; empty: direct
	Flags       []string // what stays true of the account, sorted: nonprofit, ever_suspended, …
	Offers      []string // sorted

	PendingPlan string // from the next billing date on; empty: the plan stays
	PendingTerm string // from when the base fee is next due

	AnchorDay     int // day of the month that billing dates keep, 1 to 31
	PeriodStart   Day // of the running billing period, or of the trial
	NextBillingOn Day // None once closed; in the past only while suspended
	BaseDueOn     Day // billing date on which the base fee is due again
	FirstChargeOn Day // None before it: in a trial, or on the way to one

	BillingDateMoved bool // in the running period
	FirstPurchaseOn  Day  // of the first base fee; None before it

	Customer Customer // who pays

	Segments    []Segment      // by From, as far back as the window reaches
	Counters    []Counter      // by Meter, From
	Levels      []Level        // by Meter
	ActiveUsers []string       // sorted
	AddOns      []AddOnInForce // by Name, in the order in which they were bought
	Balances    []Balance      // by Name; zero ones are dropped
	Grants      []Grant        // parts of balances that expire, in the order of compareGrants
	Given       []Balance      // by Name: what the plan has put into balances for the running period
	Base        BaseInForce    // zero before the first base fee and once closed
	Unused      []UnusedTime   // in the order in which they arose
	Waiting     []Line         // charges for the next invoice, whatever it is for, in the order in which they arose
	Due         []DueUsage     // rated, its charge not due before DueOn; in line order
	Discounts   []HeldDiscount // granted, by Name; those of a flag are not among them
	Spends      []PeriodSpend  // of plans with a commitment, by From, as far back as the window reaches
	Tallies     []Tally        // in the order of compareTallies, as far back as the window reaches

	Suspensions   []Suspension   // in order, as far back as the window reaches
	Subscriptions []Subscription // by Name
	FreeUsed      []FreeUnits    // by Service
	Collections   []Collection   // what is collected or could not be, in the order of the invoices
	Refundable    []Refundable   // paid amounts that a guarantee may give back, in the order of the invoices
}

// Exists tells whether the account has signed up.
func (a *Account) Exists() bool { return a.Plan != "" }

// holdsMoney tells whether something is owed to the account, or was asked of
// it. A rerate may find that an account never signed up whose invoices were
// paid: what is left of it is this.
func (a *Account) holdsMoney() bool { return len(a.Balances) > 0 || len(a.Collections) > 0 }

// Kept tells whether the state keeps the account.
func (a *Account) Kept() bool { return a.Exists() || a.holdsMoney() }

// Suspended tells whether the account is suspended at the moment.
func (a *Account) Suspended() bool {
	n := len(a.Suspensions)
	return n > 0 && a.Suspensions[n-1].Until == calendar.None
}

// Has tells whether the account has a flag.
func (a *Account) Has(flag string) bool { return slices.Contains(a.Flags, flag) }

// Suspension is days on which the account was suspended.
type Suspension struct {
	From  Day
	Until Day // first day after; None: not resumed yet
}

// Subscription is how many of an add-on the account subscribes to.
type Subscription struct {
	Name     string
	Quantity int64
}

// FreeUnits are the free units of a service that the account has used.
type FreeUnits struct {
	Service string
	Used    int64
}

// Segment is a stretch of days under one plan within one billing period:
// allowances of that plan hold for it, and sends before it do not count
// against them (rule MK-6).
type Segment struct {
	From        Day // first day; the last is the day before the next segment's
	PeriodStart Day
	PeriodEnd   Day // first day after the billing period
	Plan        string
}

// Counter is what a meter has counted in one segment, and the packages that
// its billing period had when it last needed more.
type Counter struct {
	Meter    string
	From     Day // of the segment
	Used     decimal.Decimal
	Packages int64 // added to the allowance as it was used up
	Raised   int64 // what subscriptions add to the allowance
}

// Level is the latest reading of a meter such as the contact count.
type Level struct {
	Meter string
	AsOf  Day
	Value int64
}

// AddOnInForce is a recurring add-on that the account has: packages of an
// allowance, or seats paid for beyond the included ones.
type AddOnInForce struct {
	Name     string
	Price    decimal.Decimal // of one, at which the running period was billed, less percentage discounts
	Quantity int64           // paid for in the running period, its high-water mark
	Left     money.Amount    // charged for the running period and not given back: the most that credits can come to
}

// BaseInForce is the base fee of the running cycle, which ends on the
// account's BaseDueOn.
type BaseInForce struct {
	Plan        string
	Description string
	Rule        RuleID
	CatalogLine int
	Times       decimal.Decimal // × Price
	Price       decimal.Decimal // as of the charge; in advance less percentage discounts
	From        Day             // first day of the cycle
	Since       Day             // in arrears: first day that is not charged yet; None: charged in advance
	Left        money.Amount    // in advance: charged and not given back
}

// Balance is something prepaid: money, or units whose name stands for the
// currency.
type Balance struct {
	Name   string
	Amount money.Amount
}

// UnusedTime is open credit for time that was paid for and given up. It keeps
// the rule and period of what was charged (rule G-5).
type UnusedTime struct {
	Rule        RuleID
	Description string
	Amount      money.Amount // still open
	PeriodStart Day
	PeriodEnd   Day // first day after
}

// DueUsage is usage that was rated and whose charge falls due later.
type DueUsage struct {
	DueOn       Day
	Meter       string
	ServiceDate Day
	Late        bool
	Price       *PricePoint
	Quantity    decimal.Decimal

	// Where the charge counts usage (see Tally):
	Per   string          // of the tally
	Rows  int64           // events behind the quantity
	Exact decimal.Decimal // what events cost that are priced one by one
}

// Origin is where an event came from, kept through to the outputs: a row of a
// file, or the first row of a group. Ref is the pipeline's own handle of the
// row or group; the core only hands it back.
type Origin struct {
	Source string
	File   string
	Row    int64 // 1-based
	Rows   int64 // 1, or the rows of the group
	Ref    int
}

// Events are an account's inputs of one billing day, each list in its total
// order.
type Events struct {
	Account   []AccountEvent // by time, event id
	Customers []CustomerRow  // by day
	Payments  []PaymentEvent // by time, event id
	Readings  []Reading      // by meter source, day
	Seats     []SeatEvent    // by time, event id
	Usage     []Usage        // by meter, service date, dimensions; rows that are rated one by one then by time, event id
}

// AccountEvent is something that happened to the account itself.
type AccountEvent struct {
	Origin
	Day  Day    // the calendar day on which it happened; before the billing day: late
	At   int64  // microseconds since 1970-01-01T00:00:00Z; 0: the beginning of the day
	Type string // signed_up, cancelled, …
	Plan, Term, Method,
	Currency string // empty: absent
	Date     Day   // signed_up: the end of the trial; billing_date_changed: the new date
	Quantity int64 // zero: absent
	Service, Offer,
	Channel string
	Approved bool
}

// PaymentEvent is what became of a charge.
type PaymentEvent struct {
	Origin
	Day       Day
	ChargeID  string
	Status    string // succeeded, failed
	Reference string // the processor's
	Reason    string // of a failure
}

// Reading is a level as of a day, such as a contact count.
type Reading struct {
	Origin
	Meter string
	AsOf  Day
	Value int64
}

// SeatEvent activates or deactivates a user.
type SeatEvent struct {
	Origin
	Day    Day
	At     int64 // microseconds since 1970-01-01T00:00:00Z; 0: the beginning of the day
	User   string
	Action string // activated, deactivated
}

// Usage is a group of usage rows that are priced alike: one account, meter,
// service day and set of dimension values.
type Usage struct {
	Origin
	Meter       string // empty: no meter of the catalog counts this source
	ServiceDate Day
	Dimensions  []string // one for each of the meter's By, empty: absent
	Quantity    decimal.Decimal
	At          int64  // of a meter that is rated row by row: microseconds since 1970-01-01T00:00:00Z
	EventID     string // and what tells rows of one moment apart
	Key         string // of a meter that counts keys: whose row it is; empty: absent
	Action      string // of a meter of active keys: add, remove, activated, deactivated
}

// Outcome is what a billing day does to an account. It holds all that is
// published about it, each figure with its rule and its arithmetic.
type Outcome struct {
	Account     Account // the state after the day
	Invoice     *Invoice
	Charge      *Charge // of the invoice
	Uncollected *Uncollected
	Retries     []Charge      // of earlier invoices, and first attempts at what a rerate left open
	Settled     []Settled     // unpaid amounts of earlier documents that open credit of a rerate has paid
	GivenUp     []Uncollected // what a rerate left open and nothing can be charged for
	CreditNote  *Invoice      // gives money back: its lines and total are below zero
	Refunds     []Refund
	Payments    []Payment  // what the day learnt of charges, and did about them
	Movements   []Movement // by balance name
	PlanChanges []PlanChange
	Rated       []RatedUsage
	Rejections  []Rejection
	Unbillable  []Unbillable
}

// Invoice is the one document of an account's day (rule G-3).
type Invoice struct {
	ID             string
	Account        AccountID
	IssuedOn       Day
	Currency       money.Currency
	Lines          []Line
	Total          money.Amount // the sum of the lines
	CreditsApplied money.Amount // prepaid balances drawn
	AmountDue      money.Amount // total − credits applied, never below zero
}

// LineKind says what a line is for.
type LineKind string

const (
	BaseFee  LineKind = "base_fee"
	Seat     LineKind = "seat"
	Package  LineKind = "package"
	Metered  LineKind = "usage"
	Minimum  LineKind = "minimum"
	Credit   LineKind = "proration_credit"
	Prorated LineKind = "proration_charge"
	OneTime  LineKind = "service"
	Bought   LineKind = "credit"
	Reduced  LineKind = "discount"
	GivenUp  LineKind = "refund"
	Taxed    LineKind = "tax"
	TaxedIn  LineKind = "tax_included" // takes a tax out of prices that contain it, so that its line can add it
)

// Line is one line of an invoice: quantity × unit price × part, rounded once.
type Line struct {
	Kind        LineKind
	Of          LineKind // of a proration_charge: what is charged; else empty
	Rule        RuleID
	Description string
	Meter       string // empty where no meter is behind it
	Quantity    decimal.Decimal
	UnitPrice   decimal.Decimal
	Part        money.Fraction // of the cycle; Whole where nothing is prorated
	Amount      money.Amount
	PeriodStart Day
	PeriodEnd   Day // first day after
	ServiceDate Day // None but for usage
	Late        bool
	Calculation string // the arithmetic, with its figures, as it was done
	CatalogLine int
	TaxCategory string        // empty: none in particular
	Prepays     bool          // money kept in a balance: taxed when it is used
	TaxOf       *TaxBase      // of a tax; nil otherwise
	Counted     *CountedPrice // where a counter was priced: the amount comes from there; nil otherwise
}

// Charge is a payment to collect.
type Charge struct {
	ID        string // the idempotency key: invoice and attempt
	InvoiceID string
	Amount    money.Amount // above zero
	Method    string
	Attempt   int
	CollectOn Day
}

// Uncollected is an amount due that nothing can be charged to.
type Uncollected struct {
	InvoiceID string
	Amount    money.Amount
	Reason    Reason
}

// Settled is an amount of an earlier document that open credit of a rerate has
// paid.
type Settled struct {
	InvoiceID string
	Amount    money.Amount
}

// Refund is money to give back on a charge.
type Refund struct {
	ID           string
	CreditNoteID string
	ChargeID     string // that collected it
	Amount       money.Amount
	Method       string
}

// Movement is what a day did to one balance: opening + added − used − lapsed
// = closing.
type Movement struct {
	Balance                               string
	Opening, Added, Used, Lapsed, Closing money.Amount
}

// UnusedTimeBalance is the name under which open credit for unused time
// stands in the balances table.
const UnusedTimeBalance = "unused_time"

// PlanChange is one step of an account from plan to plan; signing up and
// closing are steps from and to no plan.
type PlanChange struct {
	From, To    string
	Cause       string // causes are listed in life.go
	Rule        RuleID
	EffectiveOn Day
	PriceFrom   Day  // first day on which the new plan's price is charged; None: never
	NeedsRerate bool // a late event: the days before this one were billed without it
	Detail      string
}

// RatedUsage is a group of usage with its price. Amount is exact: it has as
// many decimals as quantity and unit price have together, up to 36. Lines are
// made of the exact figures; a table that holds the amount has money.Recorded
// of it, after groups have been added up.
type RatedUsage struct {
	Origin
	Meter       string
	ServiceDate Day
	Dimensions  []string
	Quantity    decimal.Decimal
	Price       *PricePoint
	Amount      decimal.Decimal
	DueOn       Day
	Late        bool
}

// Reason names why a row was refused. Reasons are listed in reasons.go.
type Reason string

// Rejection is a row or group that a rule refused.
type Rejection struct {
	Origin
	Reason Reason
	Detail string
}

// Unbillable is a row or group that a named rule leaves out of billing.
type Unbillable struct {
	Origin
	Reason Reason
}
