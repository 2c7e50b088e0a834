package writers

import (
	"reflect"
	"strings"
)

// Difference is a figure of one account that two outputs do not share.
type Difference struct {
	AccountID  string `parquet:"account_id" doc:"account"`
	Kind       string `parquet:"kind,dict" doc:"what is compared: line (amounts of invoice_lines), total (of documents and payments), balance (what it closes with)"`
	Item       string `parquet:"item,dict" doc:"kind of the line; invoices, credits_applied, amount_due, charges or refunds; name of the balance"`
	Currency   string `parquet:"currency,dict" doc:"ISO 4217 code; the unit, such as postcards, of a balance of units"`
	RowsA      int64  `parquet:"rows_a" doc:"rows of A that the figure is the sum of"`
	RowsB      int64  `parquet:"rows_b" doc:"rows of B"`
	A          int64  `parquet:"a,decimal(4:18)" doc:"figure of A"`
	B          int64  `parquet:"b,decimal(4:18)" doc:"figure of B"`
	Difference int64  `parquet:"difference,decimal(4:18)" doc:"B − A"`
}

// DifferencesTable is the table that ratemill diff writes. It is no part of a
// billing history, and not among Tables.
var DifferencesTable = Spec{
	Name: "differences",
	Doc:  "One row per account and figure that differs between two outputs, in the order of (SHA-256 of the account, account, kind, item, currency).",
	row:  reflect.TypeFor[Difference](),
}

// Describe is the table's section of a data dictionary, in Markdown.
func (s Spec) Describe() string {
	var b strings.Builder
	s.describe(&b)
	return b.String()
}
