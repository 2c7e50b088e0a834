// Package pipeline is the nightly job. A billing day is a pure function of
// the day before, the day's inputs and the catalog:
//
//	state(D), documents(D) = bill(state(D-1), inputs(D), catalog)
//
// Run does it in five phases, each a function of that name:
//
//  1. plan (planAfter, NewPlan): list the inputs and freeze them by size and checksum,
//     pin the catalog and the entry before by digest. The plan's digest is the
//     run id. Nothing else decides on what is published.
//  2. map (mapInputs): decode the inputs column by column, refuse bad rows
//     with file and row, and spill every other row once, partitioned by the
//     hash of source and event id.
//  3. fold (fold): within a partition, remove duplicates and sum usage up by
//     account, service day and dimension values. The sums, a few per cent of
//     the rows, are spilled by account. Rows that rating wants one by one, and
//     rows that may have to wait, travel whole.
//  4. reduce (reduce): by account, bring together the state of the day before,
//     events and sums, bill it (rating.Biller), check what it made, and stage the
//     rows of every table. An account that fails its checks is parked.
//  5. commit (commit): check the control totals and publish (publish.go):
//     declare an intent that only one run can win, put the files to their
//     final names, run.json last.
//
// # Around the night
//
// A rerate (rerate.go, rerate_plan.go, compare.go, rerate_entry.go,
// rerate_rows.go) bills published days again in the shadow, with the exports as
// they lie there now. It compares, account by account, what was issued with
// what should have been, and publishes the difference as an entry of its own:
// notes and the corrected state, by the protocol of a night.
//
// Prove, which is ratemill verify (verify.go and verify_*.go), reads all that
// is published and proves it from the files alone: the files, the chain, the
// figures within an entry and from entry to entry. Compare, which is ratemill
// diff (diff.go), sums two outputs up by account.
//
// Manifests (manifest.go, manifest_place.go, vouch.go) are what whoever wrote
// an export says of its files. The plan takes an export only if it is what its
// manifest says, and waits where a manifest is required and not there;
// expected.go does the same for exports that must come, or be of some size.
//
// Explain (explain.go and explain_*.go) tells of an account and a date why it
// paid: the lines come from the tables, the rows behind them from map and fold,
// done again for that account alone with hooks (explain_trace.go), and proven
// to add up to what was billed (explain_proof.go).
//
// Report (report.go and report_*.go) sums a span of days up from tables and
// run.json, compares it with the days before, and holds the control totals
// against sums of its own. Package writers/report draws the page.
//
// Checks before any night read the first rows of each export as mapped
// (sample.go, sources_check.go); CollectGarbage (gc.go) removes what runs that
// were cut off have left; Backfill (backfill.go, scan.go) bills a span of
// nights and reads ahead.
//
// # The hot path
//
// Usage rows are many and alike, so they pass through code of their own; the
// rest of the package does not know of it. A row is never a Go string or a
// decimal there: it is a record of six words (record.go), whose key is
//
//	account 28 bits | service day 12 | combination 24
//
// Account and combination (a source with one set of its dimension values) are
// indexes into lists that all workers share (names, in parallel.go).
//
//  1. map_usage.go turns a batch's columns into keys: an account by a table for
//     the export's dictionary, a combination by a table for the dictionaries of
//     all dimensions side by side.
//  2. record_spill.go packs the record into 32 bytes and appends it to one of
//     the parts of its source, by the hash of its event id. spill.go keeps what
//     fits into --memory and writes the rest to an unlinked file, block by
//     block. A part's records fit a processor's cache.
//  3. fold_usage.go reads a part back, lets its records compete for their ids,
//     128 bits of which decide, and sums up who won (sums.go). Sums are spilled
//     by the bucket of their account, where groups.go puts them together, exact
//     to 128 bits.
//  4. The winners' ids go to the event_ids table at once (seen.go), part by part,
//     which is its order. Only rating knows which groups are refused, whose ids
//     stay free: so ids of accounts of which it can be expected wait until then,
//     and where it comes unexpected the parts are read once more and the table
//     is written again.
//
// Rows that are not plain (late, of unknown accounts, to be rated one by one)
// leave this path in settleUsage and travel as events.
//
// Three numbers cut the work and never show in what is published: workers,
// partitions (of event ids) and buckets (of accounts). Every table is in the
// order of the accounts' hash and id; indexes, maps and the order in which
// workers finish decide nothing.
//
// The first night of a company that is in business already begins with its
// opening book (opening.go): rows that become the state of the day before.
//
// Every row that is read ends in exactly one place, and the control totals
// prove it: a file's rows are passed on, duplicates, rejected or not yet due;
// what is passed on or taken up from earlier nights is rated, left out by a
// named rule, rejected in rating, put aside, or written off by a decision
// (decision.go, write_off.go).
//
// One row has several shapes on its way, each with what the next step asks for:
//
//	record   a usage row between map and fold (record.go)
//	event    any other row, or a usage row that may have to wait, whole (event.go)
//	claim    what fold asks of a row to find out who keeps an event id (fold.go)
//	group    a sum of records with one key (groups.go)
//	item     a group or an event in front of rating, with its account (reduce.go)
//	lateID   the id of a row of an earlier day, which may be billed already (late.go)
//	takenID  an id that this night bills and that fold has not written (fold_usage.go, late.go)
//
// What a row becomes that is not billed: a reject (rejected.go) on its way to
// its table, or a spilled event that waits (strangers.go); what is known of a row
// that waited before stands in a waitedRow (waiting.go).
//
// Settings.Memory bounds the rows in memory, of whatever shape. Each spill has a
// share of it: records a quarter, events before and after fold, and groups an
// eighth each; rejects, late ids and rows that wait have a quarter of it, with
// the runs in which a bucket of them is put in order (ordered.go). Not
// bounded is what there is one of whatever the rows: an account's id, a set of
// dimension values, a file; nor what one account has of rows that rating takes
// one by one, and how often one event id comes. docs/operating.md has figures.
//
// Concurrency stands in parallel.go alone. Storage is a gocloud.dev/blob
// bucket, opened by package store.
package pipeline
