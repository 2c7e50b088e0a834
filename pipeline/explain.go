package pipeline

import (
	"context"
	"fmt"
	"slices"

	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/writers"
)

// Question is what Explain is asked.
type Question struct {
	Account string
	Day     calendar.Day // a billing date
	Line    int          // of its documents; 0: all lines
	Show    int          // rows of each group that are shown; all are counted
}

// Explanation is why an account paid what it paid on a billing date. Of the
// money it has what billing kept in the tables; only usage rows are read again
// and added up. Dates are YYYY-MM-DD, empty where there is none; money is in
// the major unit of its currency.
type Explanation struct {
	Account       string           `json:"account_id"`
	BillingDate   string           `json:"billing_date"`
	Entries       []ExplainedEntry `json:"entries"`                  // of the date: its night, and rerates dated so
	Documents     []ExplainedDates `json:"documents,omitempty"`      // that other dates have for the account, where this one has none
	DocumentsFrom string           `json:"documents_from,omitempty"` // first and last date that was looked at for them, where the history has more
	DocumentsTo   string           `json:"documents_to,omitempty"`
	CatalogFile   string           `json:"catalog_file"` // that catalog_line is of: the caller names it
	NextBilling   string           `json:"next_billing_on,omitempty"`
	Problems      []string         `json:"problems"` // what is missing, or does not add up
}

// ExplainedDates is a date with documents of the account.
type ExplainedDates struct {
	BillingDate string `json:"billing_date"`
	Entry       int64  `json:"entry"`
	Documents   int    `json:"documents"`
}

// ExplainedEntry is what one entry did to the account.
type ExplainedEntry struct {
	Entry       int64               `json:"entry"`
	Kind        string              `json:"kind"`
	Catalog     writers.CatalogRef  `json:"catalog"`
	SameCatalog bool                `json:"same_catalog"` // the catalog at hand is the entry's: its lines are where they were
	Rerate      *writers.RerateSpan `json:"rerate,omitempty"`
	Documents   []ExplainedDocument `json:"documents"`
	Uncharged   []ExplainedUsage    `json:"uncharged,omitempty"` // rated by the night and on none of its documents
	Reasons     []string            `json:"reasons,omitempty"`   // why there is no document
	Balances    []ExplainedBalance  `json:"balances,omitempty"`
	PlanChanges []ExplainedChange   `json:"plan_changes,omitempty"`
	Events      []ExplainedRow      `json:"account_events,omitempty"`
	Payments    []ExplainedPayment  `json:"payments,omitempty"` // of these documents, up to now; and what the night learnt or tried of others
	Refunds     []ExplainedRefund   `json:"refunds,omitempty"`
	Refused     []ExplainedReject   `json:"rejects,omitempty"`
	Waiting     []ExplainedHeld     `json:"held,omitempty"`
	Parked      *ExplainedParked    `json:"parked,omitempty"`
	Notes       []string            `json:"notes,omitempty"` // files that are gone or have changed
}

// ExplainedDocument is an invoice or a note with its lines.
type ExplainedDocument struct {
	InvoiceID      string          `json:"invoice_id"`
	Number         string          `json:"number"`
	Kind           string          `json:"kind"`
	Plan           string          `json:"plan"`
	IssuedOn       string          `json:"issued_on"`
	Currency       string          `json:"currency"`
	Subtotal       decimal.Decimal `json:"subtotal"`
	Discounts      decimal.Decimal `json:"discounts"`
	Tax            decimal.Decimal `json:"tax"`
	Total          decimal.Decimal `json:"total"`
	CreditsApplied decimal.Decimal `json:"credits_applied"`
	AmountDue      decimal.Decimal `json:"amount_due"`
	Lines          []ExplainedLine `json:"lines"`
	OtherLines     int             `json:"other_lines,omitempty"` // not asked for

	issued calendar.Day
}

// ExplainedLine is one line as it was issued, and the usage behind it.
type ExplainedLine struct {
	LineNo      int32           `json:"line_no"`
	Kind        string          `json:"kind"`
	Description string          `json:"description"`
	Rule        string          `json:"rule"`
	CatalogLine int32           `json:"catalog_line,omitempty"`
	Meter       string          `json:"meter,omitempty"`
	Quantity    decimal.Decimal `json:"quantity"`
	UnitPrice   decimal.Decimal `json:"unit_price"`
	PartN       int64           `json:"part_n"`
	PartD       int64           `json:"part_d"`
	Amount      decimal.Decimal `json:"amount"`
	PeriodStart string          `json:"period_start,omitempty"`
	PeriodEnd   string          `json:"period_end,omitempty"`
	ServiceDate string          `json:"service_date,omitempty"`
	Late        bool            `json:"late"`
	Calculation string          `json:"calculation"`

	CorrectsInvoice string `json:"corrects_invoice_id,omitempty"`
	CorrectsLine    int32  `json:"corrects_line_no,omitempty"`

	Usage    []ExplainedUsage `json:"usage,omitempty"`
	Verdict  Verdict          `json:"verdict,omitempty"` // of the usage; empty: no usage is behind the line
	Problems []string         `json:"problems,omitempty"`
}

// ExplainedUsage is a row of rated_usage with the rows of exports behind it.
type ExplainedUsage struct {
	Entry       int64            `json:"entry"` // that rated it
	RatedOn     string           `json:"rated_on"`
	Meter       string           `json:"meter"`
	Source      string           `json:"source"`
	ServiceDate string           `json:"service_date"`
	DueOn       string           `json:"due_on"`
	Late        bool             `json:"late"`
	Rows        int64            `json:"rows"`
	Quantity    decimal.Decimal  `json:"quantity"`
	UnitPrice   decimal.Decimal  `json:"unit_price"`
	Amount      decimal.Decimal  `json:"amount"`
	Currency    string           `json:"currency"`
	Rule        string           `json:"rule"`
	Description string           `json:"description"`
	Dimensions  []ExplainedValue `json:"dimensions,omitempty"`
	Found       *RowsProof       `json:"found"`
}

// ExplainedRow is a row of an export.
type ExplainedRow struct {
	File     string           `json:"file"`
	Row      int64            `json:"row"`
	Date     string           `json:"date"`
	At       string           `json:"at,omitempty"` // time in the catalog's zone
	Quantity string           `json:"quantity,omitempty"`
	Values   []ExplainedValue `json:"values,omitempty"`
	Note     string           `json:"note,omitempty"`

	occurred int64
}

// ExplainedValue is a column's value.
type ExplainedValue struct {
	Column string `json:"column"`
	Value  string `json:"value"`
}

// ExplainedBalance is what the entry did to a balance.
type ExplainedBalance struct {
	Balance string          `json:"balance"`
	Of      string          `json:"of"` // currency or unit
	Before  decimal.Decimal `json:"before"`
	Added   decimal.Decimal `json:"added"`
	Used    decimal.Decimal `json:"used"`
	Lapsed  decimal.Decimal `json:"lapsed"`
	After   decimal.Decimal `json:"after"`
}

// ExplainedChange is a plan change, or what else happened to the account's terms.
type ExplainedChange struct {
	From        string `json:"from_plan,omitempty"`
	To          string `json:"to_plan,omitempty"`
	Cause       string `json:"cause"`
	Rule        string `json:"rule,omitempty"`
	EffectiveOn string `json:"effective_on"`
	PriceFrom   string `json:"price_from,omitempty"`
	NeedsRerate bool   `json:"needs_rerate"`
	Detail      string `json:"detail"`
}

// ExplainedPayment is a step of an amount due on its way to being paid.
type ExplainedPayment struct {
	Entry         int64           `json:"entry"` // that has it
	ChargeID      string          `json:"charge_id,omitempty"`
	InvoiceID     string          `json:"invoice_id"`
	InvoicedOn    string          `json:"invoiced_on"`
	Attempt       int32           `json:"attempt"`
	Amount        decimal.Decimal `json:"amount"`
	Currency      string          `json:"currency"`
	Method        string          `json:"method,omitempty"`
	Status        string          `json:"status"`
	Reason        string          `json:"reason,omitempty"`
	Reference     string          `json:"reference,omitempty"`
	OccurredOn    string          `json:"occurred_on"`
	NextAttemptOn string          `json:"next_attempt_on,omitempty"`
}

// ExplainedRefund is money given back.
type ExplainedRefund struct {
	RefundID     string          `json:"refund_id"`
	CreditNoteID string          `json:"credit_note_id"`
	ChargeID     string          `json:"charge_id"`
	Amount       decimal.Decimal `json:"amount"`
	Currency     string          `json:"currency"`
	Method       string          `json:"method"`
}

// ExplainedReject is a row, or a group, in suspense.
type ExplainedReject struct {
	Source    string `json:"source"`
	File      string `json:"file,omitempty"`
	Row       int64  `json:"row,omitempty"`
	Rows      int64  `json:"rows"`
	Reason    string `json:"reason"`
	Detail    string `json:"detail"`
	Status    string `json:"status"`
	FirstSeen string `json:"first_seen"`
}

// ExplainedHeld is a row, or a group, that waits for a later night.
type ExplainedHeld struct {
	Source      string `json:"source"`
	File        string `json:"file,omitempty"`
	Row         int64  `json:"row,omitempty"`
	Rows        int64  `json:"rows"`
	ServiceDate string `json:"service_date"`
	Reason      string `json:"reason"`
	FirstSeen   string `json:"first_seen"`
}

// ExplainedParked is why an account could not be billed.
type ExplainedParked struct {
	Reason   string `json:"reason"`
	Since    string `json:"since"`
	RowsHeld int64  `json:"rows_held"`
}

// FileStatus is what became of an input since an entry has read it.
type FileStatus string

const (
	FileRead      FileStatus = "read"      // it is what was read
	FileGone      FileStatus = "gone"      //
	FileChanged   FileStatus = "changed"   // another size or checksum: it is not read
	FileElsewhere FileStatus = "elsewhere" // ratemill.yaml has no path for it any more
)

// ExplainedFile is an input of an entry as it lies there now.
type ExplainedFile struct {
	Key, Source   string
	Checksum, Now string
	Status        FileStatus
}

// Explain tells why an account paid what it paid on a billing date. The
// settings' catalog and sources are those of the nights; where the catalog is
// another the answer says so. What is missing, or does not add up, is a problem
// of the answer; an error says that there is none.
//
// Memory is bounded by the settings, the account's rows of the tables, and the
// rows that are shown.
func Explain(ctx context.Context, s *Settings, q Question) (*Explanation, error) {
	x := &explainer{
		Settings: s, Question: q, entries: map[int64]*Entry{}, kept: map[int64]*accountTables{},
		traces: map[traceKey]*traced{}, proofs: map[ratedGroupKey]*RowsProof{}, noted: map[string]bool{},
	}
	var err error
	if x.sources, err = bindSources(s.Catalog, s.Sources, s.Lookups); err != nil {
		return nil, &UsageError{What: "catalog " + s.Catalog.Name + ": " + err.Error()}
	}
	entries, err := x.entriesOn(ctx, q.Day)
	if err != nil {
		return nil, err
	}
	x.result = &Explanation{Account: q.Account, BillingDate: q.Day.String(), Problems: []string{}}
	known := false
	for _, e := range entries {
		did, is, err := x.explainEntry(ctx, e)
		if err != nil {
			return nil, err
		}
		known = known || is
		x.result.Entries = append(x.result.Entries, *did)
	}
	if err := x.checkLine(known); err != nil {
		return nil, err
	}
	return x.result, x.otherDates(ctx, known)
}

// explainer is an explanation in the making.
type explainer struct {
	*Settings
	Question
	sources []source
	result  *Explanation
	head    *Entry
	entries map[int64]*Entry
	kept    map[int64]*accountTables
	traces  map[traceKey]*traced
	proofs  map[ratedGroupKey]*RowsProof
	noted   map[string]bool
}

// entry reads an entry once.
func (x *explainer) entry(ctx context.Context, number int64) (*Entry, error) {
	if e := x.entries[number]; e != nil {
		return e, nil
	}
	e, err := ReadEntry(ctx, x.Output, number)
	if err == nil {
		x.entries[number] = e
	}
	return e, err
}

// entriesOn are the entries of a billing date: a night, and rerates dated so.
func (x *explainer) entriesOn(ctx context.Context, day calendar.Day) ([]*Entry, error) {
	var err error
	if x.head, err = Head(ctx, x.Output); err != nil {
		return nil, err
	}
	if x.head == nil {
		return nil, &UsageError{What: "there is no billing history under the output", Hint: "check --output: history has a folder runs/ with an entry for each night"}
	}
	x.entries[x.head.Entry] = x.head
	first, err := x.firstFrom(ctx, day)
	if err != nil {
		return nil, err
	}
	var entries []*Entry
	for n := first; n <= x.head.Entry; n++ {
		e, err := x.entry(ctx, n)
		if err != nil {
			return nil, err
		}
		if e.Day > day {
			break
		}
		if e.Day == day {
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return nil, &UsageError{
			What: fmt.Sprintf("%s is not published: the history has %s to %s", day, x.head.FirstNight, x.head.Billed()),
			Hint: "--date is the billing date: SMS of a day are charged on the day after it",
		}
	}
	return entries, nil
}

// firstFrom is the number of the first entry whose date is not before a day.
func (x *explainer) firstFrom(ctx context.Context, day calendar.Day) (int64, error) {
	return firstEntryFrom(ctx, x.entry, x.head, day)
}

// nightOfDay is the night that billed a day, or nil.
func (x *explainer) nightOfDay(ctx context.Context, day calendar.Day) (*Entry, error) {
	n, err := x.firstFrom(ctx, day)
	for ; err == nil && n <= x.head.Entry; n++ {
		var e *Entry
		if e, err = x.entry(ctx, n); err != nil || e.Day != day {
			break
		}
		if e.Kind == writers.Night {
			return e, nil
		}
	}
	return nil, err
}

// explainEntry explains one entry, and tells whether it knows the account.
func (x *explainer) explainEntry(ctx context.Context, e *Entry) (*ExplainedEntry, bool, error) {
	t, err := x.allTables(ctx, e)
	if err != nil {
		return nil, false, err
	}
	did := &ExplainedEntry{
		Entry: e.Entry, Kind: e.Kind, Catalog: e.Run.Catalog, SameCatalog: e.Run.Catalog.Digest == x.Settings.Catalog.Digest, Rerate: e.Rerate,
		Documents: []ExplainedDocument{},
	}
	charged := map[int]bool{} // rows of rated_usage that a line has
	for i := range t.invoices {
		doc := documentOf(&t.invoices[i])
		if err := x.explainLines(ctx, e, t, doc, charged); err != nil {
			return nil, false, err
		}
		did.Documents = append(did.Documents, *doc)
	}
	if x.Line == 0 {
		if err := x.explainRest(ctx, e, t, did, charged); err != nil {
			return nil, false, err
		}
	}
	did.Balances = explainedBalances(t.balances)
	for i := range t.changes {
		did.PlanChanges = append(did.PlanChanges, changeOf(&t.changes[i]))
	}
	if did.Payments, err = x.payments(ctx, e, t); err != nil {
		return nil, false, err
	}
	for i := range t.refunds {
		r := &t.refunds[i]
		did.Refunds = append(did.Refunds, ExplainedRefund{r.RefundID, r.CreditNoteID, r.ChargeID, writers.FromMoney(r.Amount), r.Currency, r.Method})
	}
	x.suspense(t, did)
	did.Reasons = x.reasons(e, t, did)
	if t.state != nil && t.state.NextBillingOn != 0 {
		x.result.NextBilling = dateOf(t.state.NextBillingOn)
	}
	did.Notes = x.fileNotes(e)
	return did, t.any(), nil
}

// explainRest adds what the night rated and charges on none of its documents,
// and what happened to the account.
func (x *explainer) explainRest(ctx context.Context, e *Entry, t *accountTables, did *ExplainedEntry, charged map[int]bool) error {
	for i := range t.rated {
		if charged[i] {
			continue
		}
		u, err := x.usageOf(ctx, e, t, i)
		if err != nil {
			return err
		}
		if e.Kind == writers.Night { // of a rerate it is a correction, and a line made of it says so
			x.problems(fmt.Sprintf("%s of %s", u.Meter, u.ServiceDate), u.Found)
		}
		did.Uncharged = append(did.Uncharged, *u)
	}
	if e.Kind != writers.Night {
		return nil
	}
	events, err := x.trace(ctx, e, "account_events")
	if err != nil {
		return err
	}
	did.Events = events.events
	return nil
}

// problems takes over what a proof lacks.
func (x *explainer) problems(what string, p *RowsProof) {
	for _, problem := range p.Problems {
		x.problem(what + ": " + problem)
	}
}

func (x *explainer) problem(text string) {
	if !slices.Contains(x.result.Problems, text) {
		x.result.Problems = append(x.result.Problems, text)
	}
}

// checkLine refuses a line that no document has.
func (x *explainer) checkLine(known bool) error {
	if x.Line == 0 || !known {
		return nil
	}
	lines, documents := 0, 0
	for i := range x.result.Entries {
		for _, d := range x.result.Entries[i].Documents {
			if documents++; len(d.Lines) > 0 {
				return nil
			}
			lines = max(lines, d.OtherLines)
		}
	}
	what := fmt.Sprintf("%s has no document of %s, and so no line %d", x.Account, x.Question.Day, x.Line)
	if documents > 0 {
		what = fmt.Sprintf("no document of %s has a line %d: the longest has %d", x.Question.Day, x.Line, lines)
	}
	return &UsageError{What: what, Hint: "leave --line out to see all"}
}

// usageOf is a row of rated_usage with the rows behind it.
func (x *explainer) usageOf(ctx context.Context, e *Entry, t *accountTables, i int) (*ExplainedUsage, error) {
	r := &t.rated[i]
	u := &ExplainedUsage{
		Entry: e.Entry, RatedOn: e.BillingDate, Meter: r.Meter, Source: r.Source, ServiceDate: dateOf(r.ServiceDate), DueOn: dateOf(r.DueOn), Late: r.Late,
		Rows: r.Rows, Quantity: writers.FromWide(r.Quantity), UnitPrice: writers.FromWide(r.UnitPrice), Amount: writers.FromWide(r.Amount),
		Currency: r.Currency, Rule: r.Rule, Description: r.Description,
	}
	for d, value := range r.Dimensions {
		if value != "" {
			u.Dimensions = append(u.Dimensions, ExplainedValue{t.dimensions[d], value})
		}
	}
	var err error
	u.Found, err = x.proveRated(ctx, e, r, t.dimensions)
	return u, err
}

// countedBy tells whether a charge counts a meter's usage, so that its lines
// are no plain sums of it.
func (x *explainer) counts(meter string, day calendar.Day) bool {
	m := x.Catalog.Meter(meter)
	if m == nil {
		return false
	}
	if m.Of != catalog.SumOf && m.Of != catalog.CountOf {
		return true
	}
	version := x.Catalog.At(day)
	if version == nil {
		return false
	}
	charge := version.UsageCharge(meter)
	return charge != nil && charge.Counted()
}
