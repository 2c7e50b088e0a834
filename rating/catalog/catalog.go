// Package catalog is the language in which a company writes its billing
// policy: plans, prices, allowances, add-ons, balances and usage charges, as
// one YAML file that a pricing manager can read. docs/catalog.md is its manual.
//
// Reading a catalog takes three steps, in this order:
//
//  1. Parse turns the text into a tree of YAML nodes that know their place,
//     and the tree into a Catalog. Unknown and repeated keys are errors, and
//     every number is read from its text, never through a float.
//  2. check proves that the parts fit: names that are used exist, ladders of
//     upgrades end, price tables have no two rows that fit equally well.
//  3. compile resolves what depends on the cohort, so that rating only looks
//     things up.
//
// An Error names file, line and column and shows the line. Print writes a
// Catalog back as YAML; parsing what it wrote gives the same Catalog.
package catalog

import (
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// maxWindowDays is the longest window: ten years. The pipeline numbers its days.
const maxWindowDays = 3650

// RuleID is the id of a rule of the company's policy ("MK-9"). It stands on
// every line that the rule makes.
type RuleID string

// Catalog is a billing policy as understood: all of its versions, with names
// resolved. It is read-only once parsed and shared by all workers.
type Catalog struct {
	Name       string
	Currency   money.Currency // of accounts that name none
	ZoneName   string         // IANA name
	Zone       calendar.Zone  // days are days of this zone (rule G-1)
	Rounding   money.Rounding
	WindowDays int    // how many days back late usage and repeated rows reach
	Series     string // the series of invoice numbers, part of the number
	Cohorts    []Cohort
	Meters     []Meter
	Versions   []Version // by From, ascending; at least one
	Digest     string    // SHA-256 of the text, lower-case hex

	others []*Catalog // with the prices of other currencies, by code
}

// Cohort is a group of accounts by sign-up date, which never changes.
type Cohort struct {
	Name           string
	SignedUpBefore calendar.Day // None: the cohort of everybody else
}

// MeterKind is how a meter makes one figure of many rows.
type MeterKind string

const (
	Sum       MeterKind = "sum"        // the sum of a column over rows
	Latest    MeterKind = "latest"     // the latest reading's sum of columns
	HighWater MeterKind = "high_water" // the number of active users, at the end of the day
)

// Of is what a meter of usage makes of its column.
type Of string

const (
	SumOf     Of = "sum"
	CountOf   Of = "count"   // the number of rows
	MaxOf     Of = "max"     // the highest value
	LastValue Of = "last_of" // the value of the last row

	UniqueOf   Of = "unique"   // the number of different values
	WeightedOf Of = "weighted" // the mean of a level that the column changes
	ActiveOf   Of = "active"   // the number of keys that are on
)

// Meter is what a source's rows are counted as.
type Meter struct {
	Name        string
	Source      string
	Kind        MeterKind
	Columns     []string // Sum: one; Latest: one or more, added up; HighWater: none
	By          []string // Sum: the dimension columns that prices depend on
	PerPeriod   bool     // the figure starts at zero with each billing period
	DueNextDay  bool     // charged the day after the service day; else the same day
	OneByOne    bool     // Sum: rows are rated one by one, in the order of their time
	Corrected   bool     // SumOf: rows below zero take off earlier ones; else they are refused
	Of          Of       // Sum: what is made of the column
	Action      string   // ActiveOf: the column that turns a key on or off; empty: every row turns its key on
	Measure     Measure  // ActiveOf: which number of a period counts
	ByDay       bool     // WeightedOf and TimeWeighted: a change holds from the beginning of its day; else of its microsecond
	Rule        RuleID
	DefinedLine int // line of the catalog file, for explain
}

// Version is the policy in force from a day on, until the next version's.
type Version struct {
	From         calendar.Day
	Terms        []Term
	Plans        []Plan
	AddOns       []AddOn
	Balances     []Balance
	UsageCharges []UsageCharge
	PriceTables  []PriceTable
	Services     []Service
	Discounts    []Discount // in the order in which they are taken
	Taxes        *Taxes     // nil: none
	Proration    Proration

	// What may happen to an account; nil: it is refused.
	PlanChanges        *PlanChanges
	BillingDateChanges *BillingDateChanges
	StoreRemoval       *StoreRemoval
	Guarantee          *Guarantee
	Payments           *Payments // nil: failed charges are not tried again
}

// Plan is what one cohort gets under a plan's name.
type Plan struct {
	Name        string
	Cohort      string
	Base        decimal.Decimal // a month, on every term by its factor; zero makes no line
	TaxCategory string          // of the base fee
	BaseByTerm  []TermPrice     // what the base fee is on each term, in place of Base; nil: Base holds
	Rule        RuleID          // of the base fee
	Seats       *Seats          // nil: the plan has no seats, each is refused
	Allowances  []Allowance     // by meter
	Sells       []string        // add-ons that the account may subscribe to
	Gives       []Gift          // into balances
	Commitment  *Commitment     // nil: no bounds
	Minimum     *MinimumTerm    // before which the account cannot leave for another plan; nil: none
	Line        int             // line of the catalog file
}

// Seats are the users of a plan.
type Seats struct {
	Meter    string
	Included int64
	AddOn    string // sold for each further user; empty: refused (not_allowed)
	Rule     RuleID
}

// Allowance is how much of a meter a plan includes, and what happens above.
// Exactly one of Unlimited, Upgrade and AddOn is set.
type Allowance struct {
	Meter     string
	Limit     int64
	Unlimited bool
	Upgrade   string // the plan that an account above the limit climbs to
	AddOn     string // the package that is added above the limit
	Rule      RuleID
}

// AddOn is something sold on top of a plan: a seat, or a package that widens
// an allowance.
type AddOn struct {
	Name        string
	LineKind    string // seat, package
	Description string
	Price       decimal.Decimal // a billing period
	PriceByTerm []TermPrice     // the price on each term, in place of Price; nil: Price holds
	Adds        int64           // packages: how much each adds to the allowance of Meter
	Meter       string          // empty: it gives into balances instead
	Gives       []Gift          // each of it, for each billing period that it is charged for
	Renewal     Renewal
	ByDay       bool // bought within a period: only the rest of it is charged (rule G-5); else all of it
	Credit      bool // given up within a period: the unused rest becomes unused-time credit; else nothing
	TaxCategory string
	TrialFree   bool // not charged in a free trial
	Rule        RuleID
	Line        int
}

// Renewal is what becomes of an add-on at the billing date.
type Renewal string

const (
	WhileNeeded Renewal = "while_needed" // counted anew from the level of that day, and charged
	Never       Renewal = "never"        // ends with the period
	Subscribed  Renewal = "subscribed"   // charged while the account subscribes to it
)

// UsageCharge prices a meter's usage.
type UsageCharge struct {
	Meter       string
	Description string
	Price       decimal.Decimal // each, where there is neither Table nor Column
	Table       string          // the price table, else empty
	Column      string          // the dimension whose value is the price of one unit, else empty
	Uses        []string        // balances, drawn in this order
	Minimum     decimal.Decimal // least that a shortfall is charged; zero: none
	RestTo      string          // the balance that keeps what a minimum took beyond the usage
	TaxCategory string
	Unpriced    bool      // an amount of it is missing in the currency
	Counting    *Counting // nil: each day's usage by itself, quantity × price
	Rule        RuleID
	Line        int

	points []PricePoint // by row of the table, and one without a row behind them; made by Parse, see Point
}

// PricePoint is the price that usage is rated at, with where it comes from.
// Many groups of usage share one: it is never written into.
type PricePoint struct {
	Rule        RuleID
	Description string
	UnitPrice   decimal.Decimal
	CatalogLine int // line of the catalog file, 0 where no price row applied
}

// PriceTable gives a price by dimension columns. The row that names most
// columns wins; Parse refuses tables where two rows could tie.
type PriceTable struct {
	Name    string
	Columns []string // dimension columns of the meter
	Rows    []PriceRow
	Rule    RuleID

	index  []namedRows    // made by Parse, see Lookup
	byText map[string]int // likewise, see Row
}

// PriceRow is one row of a price table.
type PriceRow struct {
	Match []string        // one a column; "*" fits any value, also an absent one
	Price decimal.Decimal // of one unit; zero where Model holds
	Model pricing.Model   // prices all usage that the row wins, counted by itself; nil: quantity × Price
	Line  int

	at int // in its table; made by Parse
}

// At is the version in force on a day, or nil before the first.
func (c *Catalog) At(day calendar.Day) *Version {
	for i := len(c.Versions) - 1; i >= 0; i-- {
		if c.Versions[i].From <= day {
			return &c.Versions[i]
		}
	}
	return nil
}

// CohortOf is the cohort of an account by its sign-up date: the first whose
// bound is later, else the one of everybody else; empty without cohorts.
func (c *Catalog) CohortOf(signedUpOn calendar.Day) string {
	rest := ""
	for _, h := range c.Cohorts {
		if h.SignedUpBefore == calendar.None {
			rest = h.Name
			continue
		}
		if signedUpOn < h.SignedUpBefore {
			return h.Name
		}
	}
	return rest
}

// Meter is the meter of a name, or nil.
func (c *Catalog) Meter(name string) *Meter { return find(c.Meters, name, meterName) }

// MetersOf are the meters that count a source's rows, in catalog order.
func (c *Catalog) MetersOf(source string) []*Meter {
	var of []*Meter
	for i := range c.Meters {
		if c.Meters[i].Source == source {
			of = append(of, &c.Meters[i])
		}
	}
	return of
}

// Plan is what a cohort gets under a plan's name, or nil where the cohort
// cannot have that plan.
func (v *Version) Plan(name, cohort string) *Plan {
	for i := range v.Plans {
		if p := &v.Plans[i]; p.Name == name && p.Cohort == cohort {
			return p
		}
	}
	return nil
}

// Term is the term of a name, or nil.
func (v *Version) Term(name string) *Term { return find(v.Terms, name, termName) }

// AddOn is the add-on of a name, or nil.
func (v *Version) AddOn(name string) *AddOn { return find(v.AddOns, name, addOnName) }

// UsageCharge is how a meter's usage is priced, or nil where it is not.
func (v *Version) UsageCharge(meter string) *UsageCharge {
	return find(v.UsageCharges, meter, chargeMeter)
}

// Table is the price table of a name, or nil.
func (v *Version) Table(name string) *PriceTable { return find(v.PriceTables, name, tableName) }

// Allowance is the plan's allowance of a meter, or nil where the plan names none.
func (p *Plan) Allowance(meter string) *Allowance {
	return find(p.Allowances, meter, allowanceMeter)
}

func meterName(m *Meter) string          { return m.Name }
func termName(t *Term) string            { return t.Name }
func addOnName(a *AddOn) string          { return a.Name }
func chargeMeter(u *UsageCharge) string  { return u.Meter }
func tableName(t *PriceTable) string     { return t.Name }
func allowanceMeter(a *Allowance) string { return a.Meter }

func find[T any](all []T, name string, of func(*T) string) *T {
	for i := range all {
		if of(&all[i]) == name {
			return &all[i]
		}
	}
	return nil
}
