// Package writers makes what a night publishes, and reads tables back.
//
// rows.go has a struct for the rows of each table, spec.go the list of tables;
// the data dictionary, the DDL and the documents about columns are made from
// these two. A table is written in four steps:
//
//  1. Table (table.go) takes rows in any number and hands them on in chunks.
//  2. sink (sink.go) takes a chunk apart, column by column, by the levels and
//     places that shape.go knows of the row type.
//  3. columnWriter (column.go, values.go) puts a column's values where they stand
//     in the page, ends pages, and keeps dictionary, bounds and counts.
//  4. tableFile (file.go) puts the chunks of columns, the page index and the footer
//     together.
//
// Headers, encodings and indexes are parquet-go's, and the bytes are those that
// its own writer makes: FuzzFlat, FuzzLists and TestPageLimits hold them to that.
// Rows (read.go, read_columns.go) reads a table back, column by column.
//
// Beside tables there are the charge and refund files for the payment processor
// (charges.go, refunds.go), run.json (runjson.go) and its control totals
// (totals.go).
package writers
