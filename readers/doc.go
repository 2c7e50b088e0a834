// Package readers turns usage exports into typed column batches, so that
// nothing downstream knows which format an export had.
//
//  1. Open looks at the export's name, opens it through its bucket and checks
//     its structure: columns, row groups, declared sizes.
//  2. Export.Splits says into how many parts it can be read in parallel: row
//     groups of a Parquet file, record batches of an Arrow file, one for others.
//  3. Export.Read decodes one split, batch by batch, into a function.
//
// An export of another layout is opened by OpenMapped with a Mapping: compile.go
// works out which columns to read and how to make the fields of them, the
// formats read those columns as they would a schema's, and transform.go makes
// the batches of the fields. A column that is only called otherwise is handed
// through; what is done to texts is done once for each entry of their Dict.
//
// Two kinds of trouble are kept apart. A cell that is not what its column
// should hold is data: it is marked in the Batch (Column.Bad) and the row goes
// to the rejects table with its place. A file that cannot be read to its end,
// or whose rows are not as many as it claims, is a *FileError and stops the
// run before anything is published.
package readers
