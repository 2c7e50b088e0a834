package writers

// The rows of every table, as analysts read them. The `doc` tags are the data
// dictionary: its page and the column metadata are made from them.
//
// Money is int64 in DECIMAL(18,4); quantities, unit prices and unrounded
// amounts are Wide in DECIMAL(38,18). Dates are days since 1970-01-01, times
// are microseconds since 1970-01-01T00:00:00Z. An optional column is null where
// the Go value is zero.

// Wide is a DECIMAL(38,18), big-endian two's complement.
type Wide = [16]byte

// RatedUsage is a group of usage rows with its price.
type RatedUsage struct {
	AccountID   string `parquet:"account_id" doc:"account that the usage belongs to"`
	Meter       string `parquet:"meter,dict" doc:"meter of the catalog that counted the rows"`
	Source      string `parquet:"source,dict" doc:"export that the rows came from"`
	ServiceDate int32  `parquet:"service_date,date" doc:"day of use, in the catalog's time zone"`
	DueOn       int32  `parquet:"due_on,date" doc:"billing date on which the charge falls due"`
	Late        bool   `parquet:"late" doc:"true where the usage came after the night of its service date"`
	Rows        int64  `parquet:"rows" doc:"usage rows in the group, duplicates removed; in a rerate's entry rows, quantity and amount are what should have been less what was"`
	Quantity    Wide   `parquet:"quantity,decimal(18:38)" doc:"sum of the rows' quantities, in the meter's unit"`
	UnitPrice   Wide   `parquet:"unit_price,decimal(18:38)" doc:"price of one unit, in the major unit of currency; 0 where an allowance covers the meter, or the price has several parts"`
	Amount      Wide   `parquet:"amount,decimal(18:38)" doc:"quantity × unit_price before it is rounded on a line, in the major unit of currency; where a counter is priced, what the group adds to its price; of more than 18 decimals half up to 18, while lines are made of the exact product"`
	Currency    string `parquet:"currency,dict" doc:"ISO 4217 code"`
	Rule        string `parquet:"rule,dict" doc:"rule of the billing policy that priced the usage"`
	Description string `parquet:"description,dict" doc:"the price row in words"`

	// Dimensions are the columns that prices depend on, one a name of the
	// table's Spec; empty: null.
	Dimensions []string `parquet:"-"`
}

// InvoiceLine is one line of an invoice.
type InvoiceLine struct {
	InvoiceID   string `parquet:"invoice_id" doc:"invoice that the line stands on"`
	LineNo      int32  `parquet:"line_no" doc:"position on the invoice, from 1"`
	AccountID   string `parquet:"account_id" doc:"account that is invoiced"`
	Kind        string `parquet:"kind,dict" doc:"what the line is for: base_fee, seat, usage, overage, package, minimum, proration_credit, proration_charge, credit, discount, service, tax_included, tax, refund"`
	Description string `parquet:"description,dict" doc:"the line in words"`
	Rule        string `parquet:"rule,dict" doc:"rule of the billing policy that made the line"`
	Meter       string `parquet:"meter,dict,optional" doc:"meter behind the line, null where there is none"`
	Quantity    Wide   `parquet:"quantity,decimal(18:38)" doc:"units charged"`
	UnitPrice   Wide   `parquet:"unit_price,decimal(18:38)" doc:"price of one unit, in the major unit of currency; 0 where a counter's price has several parts, which calculation names"`
	PartN       int64  `parquet:"part_n" doc:"numerator of the prorated part: amount = quantity × unit_price × part_n / part_d, rounded once; a line of a counter is its price less what was charged before"`
	PartD       int64  `parquet:"part_d" doc:"denominator of the prorated part; 1/1 where nothing is prorated"`
	Amount      int64  `parquet:"amount,decimal(4:18)" doc:"amount of the line in currency, rounded to its minor unit; negative for a credit"`
	Currency    string `parquet:"currency,dict" doc:"ISO 4217 code"`
	PeriodStart int32  `parquet:"period_start,date,optional" doc:"first day that the line covers"`
	PeriodEnd   int32  `parquet:"period_end,date,optional" doc:"last day that the line covers, inclusive"`
	ServiceDate int32  `parquet:"service_date,date,optional" doc:"day of use, for usage lines"`
	Late        bool   `parquet:"late" doc:"true for usage that came after the night of its service date"`
	Calculation string `parquet:"calculation" doc:"the arithmetic as it was done, with its figures"`
	CatalogLine int32  `parquet:"catalog_line,optional" doc:"line of the catalog file that the price stands on"`

	CorrectsInvoiceID string `parquet:"corrects_invoice_id,optional" doc:"of a rerate's note: the document that the line corrects; null where that day had none, and on other documents"`
	CorrectsLineNo    int32  `parquet:"corrects_line_no,optional" doc:"of a rerate's note: the line_no that the line corrects; null where nothing was billed for it"`
}

// Invoice is a document issued to an account.
type Invoice struct {
	InvoiceID      string `parquet:"invoice_id" doc:"made from account, day and kind, so a rerun makes the same one"`
	Number         string `parquet:"number" doc:"series and consecutive number, without gaps within the series"`
	AccountID      string `parquet:"account_id" doc:"account that is invoiced"`
	Kind           string `parquet:"kind,dict" doc:"invoice, credit_note or debit_note"`
	Plan           string `parquet:"plan,dict" doc:"plan in force at the end of the day"`
	Lines          int32  `parquet:"lines" doc:"number of lines in invoice_lines"`
	Subtotal       int64  `parquet:"subtotal,decimal(4:18)" doc:"sum of the lines but discounts and tax lines; of prices that contain taxes, without these"`
	Discounts      int64  `parquet:"discounts,decimal(4:18)" doc:"sum of the discount lines, zero or below"`
	Tax            int64  `parquet:"tax,decimal(4:18)" doc:"sum of the lines of kind tax"`
	Total          int64  `parquet:"total,decimal(4:18)" doc:"sum of all lines"`
	CreditsApplied int64  `parquet:"credits_applied,decimal(4:18)" doc:"prepaid balance used for the invoice; on a rerate's note what balances give more or less than they did, and below zero what becomes correction_credit; on a guarantee's credit note, below zero, what goes back to correction_credit"`
	AmountDue      int64  `parquet:"amount_due,decimal(4:18)" doc:"total − credits_applied: what is left to pay; 0 on a guarantee's credit note, which is given back on charges"`
	Currency       string `parquet:"currency,dict" doc:"ISO 4217 code"`
	IssuedOn       int32  `parquet:"issued_on,date" doc:"day that the invoice bills"`

	CustomerName string `parquet:"customer_name,optional" doc:"who pays, as the accounts source had it on that day; so are the columns that follow"`
	AddressLine1 string `parquet:"address_line_1,optional" doc:"first line of the address"`
	AddressLine2 string `parquet:"address_line_2,optional" doc:"second line"`
	PostalCode   string `parquet:"postal_code,optional" doc:"postal code"`
	City         string `parquet:"city,optional" doc:"city"`
	Region       string `parquet:"region,dict,optional" doc:"state or province"`
	Country      string `parquet:"country,dict,optional" doc:"country"`
	TaxID        string `parquet:"tax_id,optional" doc:"the customer's tax number"`
	Language     string `parquet:"language,dict,optional" doc:"language that documents are to be in"`
	Test         bool   `parquet:"test" doc:"true for a test account: a document for show, of a number series of its own, and nothing is collected"`
}

// Refund is money to give back; the refund files hold the same rows.
type Refund struct {
	RefundID     string `parquet:"refund_id" doc:"idempotency key: the processor must give it back once"`
	CreditNoteID string `parquet:"credit_note_id" doc:"credit note in invoices that says what for"`
	ChargeID     string `parquet:"charge_id" doc:"charge that is given back, in whole or in part"`
	AccountID    string `parquet:"account_id" doc:"account that gets the money"`
	Amount       int64  `parquet:"amount,decimal(4:18)" doc:"amount to give back, above 0"`
	Currency     string `parquet:"currency,dict" doc:"ISO 4217 code"`
	Method       string `parquet:"method,dict" doc:"payment method by which the charge was collected"`
}

// Charge is a payment to collect; the charge files hold the same rows.
type Charge struct {
	ChargeID  string `parquet:"charge_id" doc:"idempotency key of the attempt: the processor must collect it once"`
	InvoiceID string `parquet:"invoice_id" doc:"invoice to be paid"`
	AccountID string `parquet:"account_id" doc:"account to be charged"`
	Amount    int64  `parquet:"amount,decimal(4:18)" doc:"amount to collect, above 0"`
	Currency  string `parquet:"currency,dict" doc:"ISO 4217 code"`
	Method    string `parquet:"method,dict" doc:"payment method on file"`
	Attempt   int32  `parquet:"attempt" doc:"1 for the first attempt"`
	CollectOn int32  `parquet:"collect_on,date" doc:"day on which to collect"`
}

// BalanceMovement is what a night did to one balance of one account.
type BalanceMovement struct {
	AccountID string `parquet:"account_id" doc:"account that owns the balance"`
	Balance   string `parquet:"balance,dict" doc:"balance of the catalog, unused_time, or correction_credit: what a rerate found to have been asked for too much"`
	Currency  string `parquet:"currency,dict,optional" doc:"ISO 4217 code; null for a balance of units"`
	Unit      string `parquet:"unit,dict,optional" doc:"what the figures count, such as postcards; null for money"`
	Opening   int64  `parquet:"opening,decimal(4:18)" doc:"closing of the entry before"`
	Added     int64  `parquet:"added,decimal(4:18)" doc:"paid in or credited"`
	Used      int64  `parquet:"used,decimal(4:18)" doc:"applied to invoices; in a rerate's entry, as added and lapsed, what should have been less what was, which may be below zero"`
	Lapsed    int64  `parquet:"lapsed,decimal(4:18)" doc:"expired without use"`
	Closing   int64  `parquet:"closing,decimal(4:18)" doc:"opening + added − used − lapsed"`
}

// PlanChange is one step of an account from plan to plan.
type PlanChange struct {
	AccountID   string `parquet:"account_id" doc:"account that changed"`
	Seq         int32  `parquet:"seq" doc:"order of the account's changes in the night, from 1"`
	FromPlan    string `parquet:"from_plan,dict,optional" doc:"plan before; null at sign-up; the same as to_plan where the plan stays"`
	ToPlan      string `parquet:"to_plan,dict,optional" doc:"plan after; null at cancellation"`
	Cause       string `parquet:"cause,dict" doc:"signed_up, opening (an account of the book with which history starts), upgrade, downgrade_requested (takes effect on effective_on), downgrade, downgrade_dropped, auto_upgrade, cancelled, uninstalled; and what leaves the plan as it is: term_change_requested, term_changed, term_change_dropped, suspended, resumed, nonprofit_granted, nonprofit_revoked, discount_granted, discount_revoked, discount_ended, billing_date_changed, package_ended, any other account event that came late, under its type, and seat, a user who came or went and was told of late"`
	Rule        string `parquet:"rule,dict,optional" doc:"rule of the billing policy that caused the change"`
	EffectiveOn int32  `parquet:"effective_on,date" doc:"first day under the new plan's allowances"`
	PriceFrom   int32  `parquet:"price_from,date,optional" doc:"first day that is charged at the new plan's price; null where nothing more is charged"`
	NeedsRerate bool   `parquet:"needs_rerate" doc:"true for an event that came late: days already issued were billed without it"`
	Detail      string `parquet:"detail" doc:"the figures behind the change"`
}

// PaymentAttempt is a row of payment_history and of failed_payments.
type PaymentAttempt struct {
	ChargeID      string `parquet:"charge_id,optional" doc:"the attempt; null where nothing could be charged"`
	InvoiceID     string `parquet:"invoice_id" doc:"invoice to be paid"`
	InvoicedOn    int32  `parquet:"invoiced_on,date" doc:"billing date of that invoice"`
	AccountID     string `parquet:"account_id" doc:"account that owes"`
	Attempt       int32  `parquet:"attempt" doc:"1 for the first attempt, 0 where nothing could be charged"`
	Amount        int64  `parquet:"amount,decimal(4:18)" doc:"amount of the attempt"`
	Currency      string `parquet:"currency,dict" doc:"ISO 4217 code"`
	Method        string `parquet:"method,dict,optional" doc:"payment method charged"`
	Status        string `parquet:"status,dict" doc:"requested: put into the charge file; succeeded, failed: as the payments export says; uncollectable: could not be charged, or no further attempt is planned; ended: given up by a rule; credited: paid by correction_credit"`
	Reason        string `parquet:"reason,dict,optional" doc:"why it failed last, or could not be charged"`
	Reference     string `parquet:"reference,optional" doc:"the payment processor's reference, as in the payments export"`
	OccurredOn    int32  `parquet:"occurred_on,date" doc:"day of the status: of the result in the payments export, else the billing date"`
	NextAttemptOn int32  `parquet:"next_attempt_on,date,optional" doc:"day of the next attempt, null where there is none"`
}

// Reject is a row, or a group of rows, in suspense.
type Reject struct {
	Source    string `parquet:"source,dict" doc:"export that the row came from"`
	File      string `parquet:"file,dict,optional" doc:"file of the row, or of the first row of a group"`
	Row       int64  `parquet:"row,optional" doc:"number of the row in its file, from 1, a CSV header not counted; of the first row of a group"`
	Rows      int64  `parquet:"rows" doc:"how many rows this is about"`
	AccountID string `parquet:"account_id,optional" doc:"account as written in the row"`
	Reason    string `parquet:"reason,dict" doc:"reason code"`
	Detail    string `parquet:"detail" doc:"the value at fault and what was wanted"`
	Retryable bool   `parquet:"retryable" doc:"true where the row is kept in held from this night on and tried again every night"`
	FirstSeen int32  `parquet:"first_seen,date" doc:"billing date of the night that refused it first"`
	Status    string `parquet:"status,dict" doc:"open; recycled: a later night billed it; written_off: the window ended, or a decision gave it up; reopened: a decision has it wait again"`
}

// ParkedAccount is an account that could not be billed.
type ParkedAccount struct {
	AccountID string `parquet:"account_id" doc:"account that got no documents"`
	Reason    string `parquet:"reason" doc:"the check that failed"`
	Since     int32  `parquet:"since,date" doc:"first billing date that could not be billed"`
	RowsHeld  int64  `parquet:"rows_held" doc:"rows of the account that wait in held"`
}

// State is all that the next night needs of an account.
type State struct {
	AccountID     string `parquet:"account_id" doc:"account"`
	SignedUpOn    int32  `parquet:"signed_up_on,date" doc:"day of sign-up, which fixes the cohort"`
	TrialEndsOn   int32  `parquet:"trial_ends_on,date,optional" doc:"day of the first charge where there is a free trial"`
	ClosedOn      int32  `parquet:"closed_on,date,optional" doc:"last day of a cancelled account"`
	BilledThrough int32  `parquet:"billed_through,date" doc:"last billing date that the state includes"`
	Plan          string `parquet:"plan,dict" doc:"plan in force"`
	Term          string `parquet:"term,dict" doc:"term in force"`
	PlanSince     int32  `parquet:"plan_since,date" doc:"first day under the plan"`
	PendingPlan   string `parquet:"pending_plan,dict,optional" doc:"plan from the next billing date on, null where the plan stays"`
	PendingTerm   string `parquet:"pending_term,dict,optional" doc:"term from when the base fee is next due, null where the term stays"`
	Method        string `parquet:"method,dict,optional" doc:"payment method on file"`
	MethodSince   int32  `parquet:"method_since,date,optional" doc:"day of the last change of method, null where it is that of the sign-up"`
	Channel       string `parquet:"channel,dict,optional" doc:"channel of the sign-up, null where it was direct"`
	Currency      string `parquet:"currency,dict" doc:"ISO 4217 code"`
	AnchorDay     int32  `parquet:"anchor_day" doc:"day of the month that billing dates keep"`
	PeriodStart   int32  `parquet:"period_start,date" doc:"first day of the running billing period"`
	NextBillingOn int32  `parquet:"next_billing_on,date,optional" doc:"next billing date"`
	BaseDueOn     int32  `parquet:"base_due_on,date,optional" doc:"billing date on which the base fee is due again"`
	FirstChargeOn int32  `parquet:"first_charge_on,date,optional" doc:"day of the first recurring charge, also where it was zero"`

	FirstPurchaseOn  int32 `parquet:"first_purchase_on,date,optional" doc:"day of the first base fee"`
	BillingDateMoved bool  `parquet:"billing_date_moved" doc:"true where the billing date has moved in the running period"`

	Segments    []StateSegment `parquet:"segments,list" doc:"stretches of days under one plan within one billing period, within the window"`
	Counters    []StateCounter `parquet:"counters,list" doc:"what meters have counted in each segment"`
	Levels      []StateLevel   `parquet:"levels,list" doc:"latest reading of each level meter"`
	ActiveUsers []string       `parquet:"active_users,list" doc:"users that are active"`
	AddOns      []StateAddOn   `parquet:"add_ons,list" doc:"recurring add-ons in force"`
	Balances    []StateBalance `parquet:"balances,list" doc:"prepaid balances, zero ones left out"`
	Grants      []StateGrant   `parquet:"grants,list" doc:"parts of balances that expire"`
	Given       []StateBalance `parquet:"given,list" doc:"what the plan has put into balances for the running period"`
	Base        []StateBase    `parquet:"base_fee,list" doc:"base fee of the running cycle; at most one"`
	Unused      []StateUnused  `parquet:"unused_time,list" doc:"open credit for unused time"`
	Waiting     []StateWaiting `parquet:"waiting,list" doc:"lines that wait for the next invoice"`
	Due         []StateDue     `parquet:"due_usage,list" doc:"rated usage whose charge falls due later"`
	Tallies     []StateTally   `parquet:"tallies,list" doc:"what charges that count usage have counted and charged, within the window"`

	Customer []StateCustomer `parquet:"customer,list" doc:"who pays, as the latest row of the accounts source has it; empty until there is one"`

	Spends        []StateSpend        `parquet:"commitments,list" doc:"what billing periods came to of what the plan's commitment counts, within the window"`
	Discounts     []StateDiscount     `parquet:"discounts,list" doc:"discounts granted to the account"`
	Flags         []string            `parquet:"flags,list" doc:"what stays true of the account: nonprofit, ever_suspended, billing_delayed, uninstalled"`
	Offers        []string            `parquet:"offers,list" doc:"offers on the account"`
	Suspensions   []StateSuspension   `parquet:"suspensions,list" doc:"days on which the account was suspended, within the window"`
	Subscriptions []StateSubscription `parquet:"subscriptions,list" doc:"add-ons that the account subscribes to"`
	FreeUnits     []StateFreeUnits    `parquet:"free_units,list" doc:"free units of services used"`
	Collections   []StateCollection   `parquet:"collections,list" doc:"amounts due that are unpaid, and those asked for or paid within the window"`
	Refundable    []StateRefundable   `parquet:"refundable,list" doc:"amounts charged that a guarantee may give back"`
}

// StateSpend is what a billing period came to.
type StateSpend struct {
	From     int32 `parquet:"from,date" doc:"first day of the period"`
	Charged  int64 `parquet:"charged,decimal(4:18)" doc:"charged, before discounts and taxes"`
	Adjusted int64 `parquet:"adjusted,decimal(4:18)" doc:"charged beyond it up to the least; below zero: taken off above the most"`
}

// StateDiscount is a discount that was granted.
type StateDiscount struct {
	Name  string `parquet:"name" doc:"discount of the catalog"`
	Begun bool   `parquet:"begun" doc:"it was taken off something"`
	Left  int32  `parquet:"left" doc:"billing periods left with the running one; 0: for ever, or once"`
	Used  int64  `parquet:"used,decimal(4:18)" doc:"of an amount: taken in the running period, or of what is given once"`
}

// StateCustomer is who pays for the account.
type StateCustomer struct {
	AsOf         int32  `parquet:"as_of,date" doc:"day of the row"`
	Name         string `parquet:"name" doc:"name"`
	AddressLine1 string `parquet:"address_line_1" doc:"first line of the address"`
	AddressLine2 string `parquet:"address_line_2" doc:"second line"`
	PostalCode   string `parquet:"postal_code" doc:"postal code"`
	City         string `parquet:"city" doc:"city"`
	Region       string `parquet:"region" doc:"state or province"`
	Country      string `parquet:"country" doc:"country"`
	TaxID        string `parquet:"tax_id" doc:"tax number"`
	TaxExempt    bool   `parquet:"tax_exempt" doc:"true where no tax is charged"`
	Language     string `parquet:"language" doc:"language of documents"`
	Test         bool   `parquet:"test" doc:"true for a test account"`
}

// StateSuspension is days of suspension.
type StateSuspension struct {
	From  int32 `parquet:"from,date" doc:"first day"`
	Until int32 `parquet:"until,date" doc:"day of the resumption; 1970-01-01 where there is none yet"`
}

// StateSubscription is an add-on that the account subscribes to.
type StateSubscription struct {
	Name     string `parquet:"name" doc:"add-on of the catalog"`
	Quantity int64  `parquet:"quantity" doc:"how many"`
}

// StateFreeUnits are free units of a service.
type StateFreeUnits struct {
	Service string `parquet:"service" doc:"service of the catalog"`
	Used    int64  `parquet:"used" doc:"free units used so far"`
}

// StateCollection is an amount due on its way to being paid.
type StateCollection struct {
	InvoiceID     string `parquet:"invoice_id" doc:"invoice"`
	InvoicedOn    int32  `parquet:"invoiced_on,date" doc:"its billing date"`
	Amount        int64  `parquet:"amount,decimal(4:18)" doc:"amount due"`
	Attempt       int32  `parquet:"attempt" doc:"last attempt, from 1; 0: none yet"`
	Method        string `parquet:"method" doc:"payment method of it; empty: none was on file"`
	Status        string `parquet:"status" doc:"requested, failed, uncollectable, succeeded; unasked: of a rerate, the next night asks for it"`
	AttemptedOn   int32  `parquet:"attempted_on,date" doc:"billing date of the last attempt"`
	FirstFailedOn int32  `parquet:"first_failed_on,date" doc:"day of the first failure; 1970-01-01: none"`
	Retries       int32  `parquet:"retries" doc:"planned attempts made since"`
	NextAttemptOn int32  `parquet:"next_attempt_on,date" doc:"day of the next attempt; 1970-01-01: none"`
	Reason        string `parquet:"reason" doc:"of the last failure"`
	PaidBy        string `parquet:"paid_by" doc:"charge that succeeded; empty: none"`
	FirstUnmade   bool   `parquet:"first_unmade" doc:"attempt 1 could not be made, for no method was on file: no charge has its id"`
}

// StateRefundable is an amount that a guarantee may give back.
type StateRefundable struct {
	InvoiceID   string `parquet:"invoice_id" doc:"invoice"`
	ChargeID    string `parquet:"charge_id" doc:"last attempt to collect it; empty: none could be made, or correction_credit has paid it"`
	Method      string `parquet:"method" doc:"payment method of it, or correction_credit"`
	Kind        string `parquet:"kind" doc:"kind of the line; tax_included: a tax that the price contains"`
	Rule        string `parquet:"rule" doc:"of a tax: its rule; else empty"`
	Description string `parquet:"description" doc:"the line in words"`
	PeriodStart int32  `parquet:"period_start,date" doc:"first day of the line"`
	PeriodEnd   int32  `parquet:"period_end,date" doc:"first day after"`
	Amount      int64  `parquet:"amount,decimal(4:18)" doc:"line less its discounts"`
}

// StateSegment is a stretch of days under one plan within one billing period.
type StateSegment struct {
	From        int32  `parquet:"from,date" doc:"first day"`
	PeriodStart int32  `parquet:"period_start,date" doc:"first day of the billing period"`
	PeriodEnd   int32  `parquet:"period_end,date" doc:"first day after the billing period"`
	Plan        string `parquet:"plan" doc:"plan in force"`
}

// StateCounter is what a meter counted in one segment.
type StateCounter struct {
	Meter    string `parquet:"meter" doc:"meter"`
	From     int32  `parquet:"from,date" doc:"first day of the segment"`
	Used     Wide   `parquet:"used,decimal(18:38)" doc:"units counted"`
	Packages int64  `parquet:"packages" doc:"packages added to the allowance"`
	Raised   int64  `parquet:"raised" doc:"what subscriptions add to the allowance"`
}

// StateLevel is the latest reading of a meter.
type StateLevel struct {
	Meter string `parquet:"meter" doc:"meter"`
	AsOf  int32  `parquet:"as_of,date" doc:"day of the reading"`
	Value int64  `parquet:"value" doc:"reading"`
}

// StateAddOn is a recurring add-on in force.
type StateAddOn struct {
	Name     string `parquet:"name" doc:"add-on of the catalog"`
	Price    Wide   `parquet:"price,decimal(18:38)" doc:"price of one, at which the running period was billed"`
	Quantity int64  `parquet:"quantity" doc:"paid for in the running period"`
	Left     int64  `parquet:"left,decimal(4:18)" doc:"charged for the running period and not given back"`
}

// StateBase is the base fee of the running cycle.
type StateBase struct {
	Plan        string `parquet:"plan" doc:"plan that it is of"`
	Description string `parquet:"description" doc:"text of its lines"`
	Rule        string `parquet:"rule" doc:"rule of its lines"`
	CatalogLine int32  `parquet:"catalog_line" doc:"line of the catalog file"`
	Times       Wide   `parquet:"times,decimal(18:38)" doc:"how many times the price is charged"`
	Price       Wide   `parquet:"price,decimal(18:38)" doc:"price at which the cycle is billed"`
	From        int32  `parquet:"from,date" doc:"first day of the cycle"`
	Since       int32  `parquet:"since,date" doc:"in arrears, first day that is not charged yet; 1970-01-01: charged in advance"`
	Left        int64  `parquet:"left,decimal(4:18)" doc:"in advance, charged for the cycle and not given back"`
}

// StateWaiting is a line that waits for the next invoice.
type StateWaiting struct {
	Kind        string `parquet:"kind" doc:"kind of the line"`
	Of          string `parquet:"of" doc:"of a proration_charge: the kind of what it charges"`
	TaxCategory string `parquet:"tax_category" doc:"what it sells, for taxes; empty: nothing in particular"`
	Rule        string `parquet:"rule" doc:"rule that made it"`
	Description string `parquet:"description" doc:"the line in words"`
	Meter       string `parquet:"meter" doc:"meter, empty where none is behind it"`
	Quantity    Wide   `parquet:"quantity,decimal(18:38)" doc:"quantity"`
	UnitPrice   Wide   `parquet:"unit_price,decimal(18:38)" doc:"price of one"`
	PartOf      int64  `parquet:"part" doc:"days or seconds charged"`
	Whole       int64  `parquet:"whole" doc:"of so many of the cycle"`
	Amount      int64  `parquet:"amount,decimal(4:18)" doc:"amount"`
	PeriodStart int32  `parquet:"period_start,date" doc:"first day of the line"`
	PeriodEnd   int32  `parquet:"period_end,date" doc:"first day after"`
	Late        bool   `parquet:"late" doc:"of a day before the night that made it"`
	Calculation string `parquet:"calculation" doc:"the arithmetic with its figures"`
	CatalogLine int32  `parquet:"catalog_line" doc:"line of the catalog file"`
}

// StateBalance is a prepaid balance.
type StateBalance struct {
	Name   string `parquet:"name" doc:"balance of the catalog"`
	Unit   string `parquet:"unit" doc:"what the amount counts; empty: money of the account's currency"`
	Amount int64  `parquet:"amount,decimal(4:18)" doc:"amount"`
}

// StateGrant is a part of a balance that expires.
type StateGrant struct {
	Balance   string `parquet:"balance" doc:"balance of the catalog"`
	Unit      string `parquet:"unit" doc:"what is left counts; empty: money of the account's currency"`
	Left      int64  `parquet:"left,decimal(4:18)" doc:"left of it"`
	From      int32  `parquet:"from,date" doc:"first day whose usage it pays for; 1970-01-01: any day up to the last"`
	GrantedOn int32  `parquet:"granted_on,date" doc:"day on which it came"`
	LastDay   int32  `parquet:"last_day,date" doc:"last good day"`
}

// StateUnused is open credit for unused time.
type StateUnused struct {
	Rule        string `parquet:"rule" doc:"rule of what was given up"`
	Description string `parquet:"description" doc:"what was given up"`
	Amount      int64  `parquet:"amount,decimal(4:18)" doc:"credit still open"`
	PeriodStart int32  `parquet:"period_start,date" doc:"first unused day"`
	PeriodEnd   int32  `parquet:"period_end,date" doc:"first day after"`
}

// StateDue is rated usage whose charge falls due later.
type StateDue struct {
	DueOn       int32  `parquet:"due_on,date" doc:"billing date of the charge"`
	Meter       string `parquet:"meter" doc:"meter"`
	ServiceDate int32  `parquet:"service_date,date" doc:"day of use"`
	Late        bool   `parquet:"late" doc:"came after the night of its service date"`
	Rule        string `parquet:"rule" doc:"rule that priced it"`
	Description string `parquet:"description" doc:"the price row in words"`
	UnitPrice   Wide   `parquet:"unit_price,decimal(18:38)" doc:"price of one unit"`
	CatalogLine int32  `parquet:"catalog_line" doc:"line of the catalog file"`
	Quantity    Wide   `parquet:"quantity,decimal(18:38)" doc:"units"`
	Per         string `parquet:"per" doc:"values of the counter that it was counted in; empty where they share one"`
	Rows        int64  `parquet:"rows" doc:"events behind the quantity, where a counter prices it; else 0"`
	Exact       Wide   `parquet:"exact,decimal(18:38)" doc:"what events cost that are priced one by one"`
}

// StateTally is what a charge that counts usage has counted, and what was
// charged for it.
type StateTally struct {
	Meter           string `parquet:"meter" doc:"meter"`
	From            int32  `parquet:"from,date" doc:"first day counted"`
	Version         int32  `parquet:"version,date" doc:"first day of the catalog version that prices it"`
	Per             string `parquet:"per" doc:"values that are counted by themselves; empty where all share one counter"`
	UnitPrice       Wide   `parquet:"unit_price,decimal(18:38)" doc:"price of one unit, 0 where the price is a model"`
	To              int32  `parquet:"to,date,optional" doc:"first day after; null where the counter never begins anew"`
	Start           Wide   `parquet:"start,decimal(18:38)" doc:"units counted before, under earlier catalog versions"`
	Used            Wide   `parquet:"used,decimal(18:38)" doc:"units counted"`
	Rows            int64  `parquet:"rows" doc:"events counted"`
	LastAt          int64  `parquet:"last_at,timestamp(microsecond),optional" doc:"time of the row behind the units, of a meter of last values"`
	Free            Wide   `parquet:"free,decimal(18:38)" doc:"free amount used, of events that are priced one by one"`
	Exact           Wide   `parquet:"exact,decimal(18:38)" doc:"what these events cost"`
	Ended           bool   `parquet:"ended" doc:"the period is over: what is added is late"`
	ChargedUsed     Wide   `parquet:"charged_used,decimal(18:38)" doc:"units charged"`
	ChargedRows     int64  `parquet:"charged_rows" doc:"events charged"`
	ChargedExact    Wide   `parquet:"charged_exact,decimal(18:38)" doc:"what the events charged cost that are priced one by one"`
	ChargedAmount   int64  `parquet:"charged_amount,decimal(4:18)" doc:"charged for the usage"`
	ChargedAdjusted int64  `parquet:"charged_adjusted,decimal(4:18)" doc:"charged beyond it by the least and most of a spend; below zero: given back"`

	Initial  Wide          `parquet:"initial,decimal(18:38)" doc:"of a level: how high it was when the first day began"`
	Change   Wide          `parquet:"change,decimal(18:38)" doc:"of a level: the sum of its changes since"`
	Moment   string        `parquet:"moment" doc:"of a level: the sum of each change × its time since the first day began, in microseconds or days, exact; empty: 0"`
	Keys     [][16]byte    `parquet:"keys,list" doc:"of unique values: those met; of active keys: those on when the first day began; 128 bits of the SHA-256 of each, sorted"`
	Switches []StateSwitch `parquet:"switches,list" doc:"of active keys: what turned them on and off since, in order"`
}

// StateSwitch is a row that turned a key on or off.
type StateSwitch struct {
	At       int64    `parquet:"at,timestamp(microsecond)" doc:"time of the row"`
	EventKey [16]byte `parquet:"event_key" doc:"128 bits of its event id"`
	Key      [16]byte `parquet:"key" doc:"128 bits of the SHA-256 of its key"`
	On       bool     `parquet:"on" doc:"it turned the key on"`
}

// Held is a row, or a group of rows, put aside whole for a later night.
type Held struct {
	AccountID   string `parquet:"account_id" doc:"account as written in the row"`
	Source      string `parquet:"source,dict" doc:"export that the row came from"`
	EventKey    string `parquet:"event_key,optional" doc:"128 bits of the event id, hexadecimal; null for a group"`
	EventID     string `parquet:"event_id,optional" doc:"the event id, a UUID in lower case; null for a group, a reading and a row of usage"`
	Payload     string `parquet:"payload" doc:"canonical columns of the row, as JSON"`
	OccurredAt  int64  `parquet:"occurred_at,timestamp(microsecond)" doc:"time of the row; midnight of the service date for a group"`
	ServiceDate int32  `parquet:"service_date,date" doc:"calendar day of the row"`
	Rows        int64  `parquet:"rows" doc:"rows that this stands for"`
	File        string `parquet:"file,dict,optional" doc:"file of the row, or of the first row of a group"`
	Row         int64  `parquet:"row,optional" doc:"number of the row in its file"`
	Reason      string `parquet:"reason,dict" doc:"why it waits: a retryable reject's reason, not_yet_due, parked"`
	FirstSeen   int32  `parquet:"first_seen,date" doc:"billing date of the night that put it aside first"`
	BillingDay  int32  `parquet:"billing_day,date,optional" doc:"for parked accounts: the billing date that the row belongs to"`
}

// SeenID is an event id that is taken: the same id again is a duplicate, or a
// conflict if its content differs. Ids of rows that were summed up come first, by
// source and hash of the id, then those of all others, by source, day and hash.
type SeenID struct {
	Source      string   `parquet:"source,dict" doc:"export that the row came from"`
	ServiceDate int32    `parquet:"service_date,date" doc:"calendar day of the row"`
	EventKey    [16]byte `parquet:"event_key,uncompressed" doc:"128 bits of the event id"`
	Digest      int64    `parquet:"digest,uncompressed" doc:"64 bits of the row's content"`
}
