package pipeline

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strconv"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"ratemill/writers"
)

// stage is what a night is about to publish, under its staging folder.
type stage struct {
	attempt string
	dir     string
	open    []*staged // in the order of publication

	rated       *writers.Table[writers.RatedUsage]
	lines       *writers.Table[writers.InvoiceLine]
	invoices    *writers.Table[writers.Invoice]
	charges     *writers.Table[writers.Charge]
	refunds     *writers.Table[writers.Refund]
	balances    *writers.Table[writers.BalanceMovement]
	planChanges *writers.Table[writers.PlanChange]
	history     *writers.Table[writers.PaymentAttempt]
	failed      *writers.Table[writers.PaymentAttempt]
	rejects     *writers.Table[writers.Reject]
	parked      *writers.Table[writers.ParkedAccount]
	state       *writers.Table[writers.State]
	held        *writers.Table[writers.Held]
	ids         *writers.Table[writers.SeenID]
	dropIDs     context.CancelFunc // throws away what was written of ids
	chargesCSV  *writers.ChargeFile
	chargesJSON *writers.ChargeFile
	refundsCSV  *writers.RefundFile
	refundsJSON *writers.RefundFile

	ledger   ledger
	single   *spill       // ids of rows that rating took by themselves, by source
	refusals *rejectSpill // of rating, and those of whole files
	refused  map[key]struct{}
}

// staged is one file on its way to its final name.
type staged struct {
	final string
	key   string
	out   *blob.Writer
	hash  hash.Hash
	size  int64
	rows  func() int64
	end   func() error

	closed bool
}

// close makes the file whole. The S3 driver panics at a second time.
func (f *staged) close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	return f.out.Close()
}

func (f *staged) Write(p []byte) (int, error) {
	n, err := f.out.Write(p)
	f.hash.Write(p[:n])
	f.size += int64(n)
	return n, err
}

// openStage begins every table of the night. A cancelled context throws away
// what is not whole.
func (n *night) openStage(ctx context.Context) (*stage, error) {
	s := n.newStage()
	s.refusals = n.newRejects()
	s.single = newSpill(len(n.sources), n.memory/32, n.TempDir)
	rated := writers.RatedUsageTable
	rated.Dimensions = n.dimensions
	if err := n.stageTables(ctx, s, rated); err != nil {
		return s, err
	}
	return s, firstOf(n.stageRefundFiles(ctx, s), n.stageChargeFiles(ctx, s))
}

// stageTables begins every table of an entry.
func (n *night) stageTables(ctx context.Context, s *stage, rated writers.Spec) error {
	return firstOf(
		stageTable(ctx, n, s, &s.rated, rated), stageTable(ctx, n, s, &s.lines, writers.InvoiceLinesTable),
		stageTable(ctx, n, s, &s.invoices, writers.InvoicesTable), stageTable(ctx, n, s, &s.charges, writers.ChargesTable),
		stageTable(ctx, n, s, &s.refunds, writers.RefundsTable),
		stageTable(ctx, n, s, &s.balances, writers.BalancesTable), stageTable(ctx, n, s, &s.planChanges, writers.PlanChangesTable),
		stageTable(ctx, n, s, &s.history, writers.PaymentHistoryTable), stageTable(ctx, n, s, &s.failed, writers.FailedPaymentsTable),
		stageTable(ctx, n, s, &s.rejects, writers.RejectsTable), stageTable(ctx, n, s, &s.parked, writers.ParkedAccountsTable),
		stageTable(ctx, n, s, &s.state, writers.StateTable), stageTable(ctx, n, s, &s.held, writers.HeldTable),
		n.stageIDs(ctx, s),
	)
}

// stageIDs begins the table of event ids, which may be thrown away by itself.
func (n *night) stageIDs(ctx context.Context, s *stage) error {
	ctx, s.dropIDs = context.WithCancel(ctx)
	return stageTable(ctx, n, s, &s.ids, writers.EventIDsTable)
}

// restageIDs throws away what was written of the table of event ids and begins
// it anew, in its place among the files.
func (n *night) restageIDs(ctx context.Context, s *stage) error {
	at := slices.IndexFunc(s.open, func(f *staged) bool { return f.final == tableKey(writers.EventIDsTable.Name, n.day, n.plan.Entry) })
	s.dropIDs()
	s.open[at].close() // cancelled: nothing is kept
	if err := n.stageIDs(ctx, s); err != nil {
		return err
	}
	last := len(s.open) - 1
	s.open[at], s.open = s.open[last], s.open[:last]
	return nil
}

// newStage is a stage of a random attempt.
func (n *night) newStage() *stage {
	attempt := make([]byte, 8)
	rand.Read(attempt)
	s := &stage{attempt: hex.EncodeToString(attempt), refused: map[key]struct{}{}, ledger: newLedger()}
	s.dir = fmt.Sprintf("_staging/%s/%s/", n.plan.RunID(), s.attempt)
	return s
}

func stageTable[T any](ctx context.Context, n *night, s *stage, into **writers.Table[T], spec writers.Spec) error {
	f, err := n.stageFile(ctx, s, tableKey(spec.Name, n.day, n.plan.Entry))
	if err != nil {
		return err
	}
	t, err := writers.NewTable[T](f, spec)
	if err != nil {
		return err
	}
	f.rows, f.end = t.Rows, t.Close
	*into = t
	return nil
}

// stageRefundFiles begins the files of what the payment processor gives back.
func (n *night) stageRefundFiles(ctx context.Context, s *stage) error {
	dir := fmt.Sprintf(chargeFolder+"billing_date=%s/", n.day)
	csv, err := n.stageFile(ctx, s, dir+"refunds.csv")
	if err != nil {
		return err
	}
	json, err := n.stageFile(ctx, s, dir+"refunds.ndjson")
	if err != nil {
		return err
	}
	s.refundsCSV, s.refundsJSON = writers.NewRefundCSV(csv, n.day), writers.NewRefundNDJSON(json, n.day)
	csv.rows, csv.end = s.refundsCSV.Rows, s.refundsCSV.Close
	json.rows, json.end = s.refundsJSON.Rows, s.refundsJSON.Close
	return nil
}

const chargeFolder = "charge_files/"

// stageChargeFiles begins the files for the payment processor. They come last
// of all files, so that no charge is collected before its invoice is visible.
func (n *night) stageChargeFiles(ctx context.Context, s *stage) error {
	dir := fmt.Sprintf(chargeFolder+"billing_date=%s/", n.day)
	csv, err := n.stageFile(ctx, s, dir+"charges.csv")
	if err != nil {
		return err
	}
	json, err := n.stageFile(ctx, s, dir+"charges.ndjson")
	if err != nil {
		return err
	}
	s.chargesCSV, s.chargesJSON = writers.NewChargeCSV(csv, n.day), writers.NewChargeNDJSON(json, n.day)
	csv.rows, csv.end = s.chargesCSV.Rows, s.chargesCSV.Close
	json.rows, json.end = s.chargesJSON.Rows, s.chargesJSON.Close
	return nil
}

func (n *night) stageFile(ctx context.Context, s *stage, final string) (*staged, error) {
	f := &staged{final: final, key: s.dir + final, hash: sha256.New()}
	var err error
	if f.out, err = n.Output.NewWriter(ctx, f.key, nil); err != nil {
		return nil, fmt.Errorf("staging %s: %w", final, err)
	}
	s.open = append(s.open, f)
	return f, nil
}

func (s *stage) abandon() {
	if s == nil {
		return
	}
	s.closeSpills()
	for _, f := range s.open {
		f.close() // the context is cancelled: nothing is kept
	}
}

func (s *stage) closeSpills() {
	if s.refusals == nil { // of a rerate's entry
		return
	}
	s.single.close()
	s.refusals.close()
}

// appender appends a bucket's rows to some of the tables.
type appender func(t *tables) error

// parts append to all tables together. No two of them touch the same table, so
// they may work side by side; each must take the buckets in their order.
func (s *stage) parts(n *night) []appender {
	return []appender{
		func(t *tables) error { return s.state.Write(t.state) },
		func(t *tables) error { return s.rated.Write(t.rated) },
		func(t *tables) error {
			slices.SortFunc(t.held, compareHeldRows)
			return firstOf(s.lines.Write(t.lines), s.balances.Write(t.balances), s.planChanges.Write(t.planChanges),
				s.history.Write(t.history), s.failed.Write(t.failed), s.parked.Write(t.parked), n.writeHeld(s.held, t))
		},
		func(t *tables) error {
			if err := s.note(n, t); err != nil {
				return err
			}
			return firstOf(s.invoices.Write(t.invoices), s.charges.Write(t.charges), s.refunds.Write(t.refunds),
				s.chargesCSV.Write(t.charges), s.chargesJSON.Write(t.charges), s.refundsCSV.Write(t.refunds), s.refundsJSON.Write(t.refunds))
		},
	}
}

// addAll appends a wave of buckets to a part of the tables.
func (a appender) addAll(wave []*tables) error {
	for _, t := range wave {
		if err := a(t); err != nil {
			return err
		}
	}
	return nil
}

// note numbers a bucket's invoices, adds up what the control totals ask for, and
// keeps its ids and rejects until their tables are written.
func (s *stage) note(n *night, t *tables) error {
	for i := range t.invoices {
		n.number(s, &t.invoices[i])
	}
	s.ledger.add(t)
	for i := range t.ids {
		if err := t.ids[i].put(s.single, t.ids[i].source); err != nil {
			return err
		}
	}
	for i := range t.rejects {
		r := n.rejectOf(&t.rejects[i])
		s.refusals.add(n, &r)
	}
	for k := range t.rejected {
		s.refused[k] = struct{}{}
	}
	return s.refusals.err
}

// compareHeldRows is the order of the held table: that of accounts, then a
// total order of an account's rows.
func compareHeldRows(x, y writers.Held) int {
	return cmp.Or(cmp.Compare(accountHash(x.AccountID), accountHash(y.AccountID)), cmp.Compare(x.AccountID, y.AccountID),
		cmp.Compare(x.Source, y.Source), cmp.Compare(x.OccurredAt, y.OccurredAt), cmp.Compare(x.EventKey, y.EventKey),
		cmp.Compare(x.BillingDay, y.BillingDay), cmp.Compare(x.FirstSeen, y.FirstSeen), cmp.Compare(x.Reason, y.Reason), cmp.Compare(x.Payload, y.Payload))
}

// number gives a document the next number of its series. Credit notes and debit
// notes have one each, and so have the documents of test accounts.
func (n *night) number(s *stage, inv *writers.Invoice) {
	series := n.Catalog.Series
	if inv.Test {
		series += "-TEST"
	}
	switch inv.Kind {
	case creditNote:
		series += "-CN"
	case debitNote:
		series += "-DN"
	}
	if s.ledger.series[series] == 0 && n.plan.before != nil {
		for _, e := range n.plan.before.InvoiceSeries {
			if e.Series == series {
				s.ledger.series[series] = e.Last
			}
		}
	}
	s.ledger.series[series]++
	digits := strconv.FormatInt(s.ledger.series[series], 10)
	inv.Number = series + "-" + "00000000"[min(len(digits), 8):] + digits
}

// finishStage writes what is known only at the end, and ends the files.
func (n *night) finishStage(ctx context.Context, s *stage) error {
	for _, f := range n.folded {
		s.ledger.addLostHeld(f.lostHeld)
	}
	if err := n.writeRejects(ctx, s); err != nil {
		return err
	}
	if err := n.finishIDs(ctx, s); err != nil {
		return err
	}
	s.closeSpills()
	if err := n.waiting.failed(); err != nil { // while rows were written that name others
		return err
	}
	return n.endStage(ctx, s)
}

// endStage makes every file whole and durable.
func (n *night) endStage(ctx context.Context, s *stage) error {
	for _, f := range s.open {
		if err := f.end(); err != nil {
			return fmt.Errorf("staging %s: %w", f.final, err)
		}
	}
	return each(ctx, n.requests(), len(s.open), func(_ context.Context, _, i int) error {
		if err := s.open[i].close(); gcerrors.Code(err) == gcerrors.NotFound {
			return &VanishedError{fmt.Errorf("staging %s: %w", s.open[i].final, errStagedGone)}
		} else if err != nil {
			return fmt.Errorf("staging %s: %w", s.open[i].final, err)
		}
		return nil
	})
}

// beforeHistory is one reject a file for all of its rows from before the first
// night.
func (n *night) beforeHistory() []writers.Reject {
	var rows []writers.Reject
	for i := range n.files {
		r := writers.Reject{
			Source: n.files[i].Source, File: n.files[i].Key, Reason: beforeHistory, Detail: "before the first night, " + n.plan.FirstNight,
			FirstSeen: int32(n.day), Status: "open",
		}
		for _, m := range n.mapped {
			c := m.files[i]
			r.Rows += c.before
			if c.before > 0 && (r.Row == 0 || c.firstBefore < r.Row) {
				r.Row = c.firstBefore
			}
		}
		if r.Rows > 0 {
			rows = append(rows, r)
		}
	}
	return rows
}

// compareRejects is the order of the rejects table: that of accounts, then a
// total order of an account's rows.
func compareRejects(x, y writers.Reject) int {
	return cmp.Or(cmp.Compare(accountHash(x.AccountID), accountHash(y.AccountID)), cmp.Compare(x.AccountID, y.AccountID),
		cmp.Compare(x.Source, y.Source), cmp.Compare(x.File, y.File), cmp.Compare(x.Row, y.Row), cmp.Compare(x.Reason, y.Reason),
		cmp.Compare(x.Status, y.Status), cmp.Compare(x.FirstSeen, y.FirstSeen), cmp.Compare(x.Rows, y.Rows), cmp.Compare(x.Detail, y.Detail))
}
