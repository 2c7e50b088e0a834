package writers

import "reflect"

// Spec says what a table is. The Specs below are the closed list of tables; a
// program takes one of them and adds nothing but Dimensions.
type Spec struct {
	Name string // of the table and of its folder
	Doc  string // what one row is

	// Dimensions are further columns of rated_usage: text, null where empty,
	// by name in ascending order, behind the columns of the row type.
	Dimensions []string

	joins []join
	row   reflect.Type
}

// join says that a column holds values of another table's column.
type join struct {
	Column, Table, Other string
}

// The tables.
var (
	RatedUsageTable = Spec{
		Name: "rated_usage",
		Doc:  "One row per account, meter, source, service date, price and dimensions: usage with its price, before it is rounded into invoice lines.",
		row:  reflect.TypeFor[RatedUsage](),
	}
	InvoiceLinesTable = Spec{
		Name:  "invoice_lines",
		Doc:   "One row per line of an invoice, a credit note or a debit note.",
		joins: []join{{"invoice_id", "invoices", "invoice_id"}},
		row:   reflect.TypeFor[InvoiceLine](),
	}
	InvoicesTable = Spec{
		Name: "invoices",
		Doc:  "One row per document: invoice, credit note or debit note.",
		row:  reflect.TypeFor[Invoice](),
	}
	ChargesTable = Spec{
		Name:  "charges",
		Doc:   "One row per payment to collect; the charge files hold the same rows.",
		joins: []join{{"invoice_id", "invoices", "invoice_id"}},
		row:   reflect.TypeFor[Charge](),
	}
	RefundsTable = Spec{
		Name:  "refunds",
		Doc:   "One row per amount to give back on a charge; the refund files hold the same rows.",
		joins: []join{{"credit_note_id", "invoices", "invoice_id"}, {"charge_id", "charges", "charge_id"}},
		row:   reflect.TypeFor[Refund](),
	}
	BalancesTable = Spec{
		Name: "balances",
		Doc:  "One row per account and balance: what the night did to it.",
		row:  reflect.TypeFor[BalanceMovement](),
	}
	PlanChangesTable = Spec{
		Name: "plan_changes",
		Doc:  "One row per step of an account from one plan to another, and per event that changes how it is billed.",
		row:  reflect.TypeFor[PlanChange](),
	}
	PaymentHistoryTable = Spec{
		Name:  "payment_history",
		Doc:   "One row per attempt to collect and per result of one, in the night that learnt of it.",
		joins: paymentJoins,
		row:   reflect.TypeFor[PaymentAttempt](),
	}
	FailedPaymentsTable = Spec{
		Name:  "failed_payments",
		Doc:   "One row per amount that did not go through, or could not be charged, and is still open at the end of the night, with its last attempt; each night lists all of them anew.",
		joins: paymentJoins,
		row:   reflect.TypeFor[PaymentAttempt](),
	}
	RejectsTable = Spec{
		Name: "rejects",
		Doc:  "One row per row of an export, or group of rows, that was not billed for a reason: on the night that refused it first, and again where it is recycled or written off; in between it stands in held alone.",
		row:  reflect.TypeFor[Reject](),
	}
	ParkedAccountsTable = Spec{
		Name: "parked_accounts",
		Doc:  "One row per account that could not be billed.",
		row:  reflect.TypeFor[ParkedAccount](),
	}
	StateTable = Spec{
		Name: "state",
		Doc:  "One row per account: all that the next night needs of it.",
		row:  reflect.TypeFor[State](),
	}
	HeldTable = Spec{
		Name: "held",
		Doc:  "One row per row of an export, or group of rows, that waits whole for a later night.",
		row:  reflect.TypeFor[Held](),
	}
	EventIDsTable = Spec{
		Name: "event_ids",
		Doc:  "One row per event id that is taken, as far back as duplicates are looked for.",
		row:  reflect.TypeFor[SeenID](),
	}
)

var paymentJoins = []join{
	{"invoice_id", "invoices", "invoice_id"},
	{"charge_id", "charges", "charge_id"},
}

// Tables are all tables, in the order of the data dictionary.
var Tables = []Spec{
	RatedUsageTable, InvoiceLinesTable, InvoicesTable, ChargesTable, RefundsTable, BalancesTable,
	PlanChangesTable, PaymentHistoryTable, FailedPaymentsTable, RejectsTable,
	ParkedAccountsTable, StateTable, HeldTable, EventIDsTable,
}
