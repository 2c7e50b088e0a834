package pipeline

import (
	"context"
	"fmt"
	"iter"

	"ratemill/rating"
	"ratemill/readers"
	"ratemill/writers"
)

// states reads the state of the entry before, bucket by bucket: its order is
// that of the buckets, whatever their number.
type states struct {
	n       *night
	next    func() ([]writers.State, error, bool)
	close   func()
	pending []writers.State
	row     int // of the first one pending
}

// bucketStates are the accounts of a bucket.
type bucketStates struct {
	accounts []rating.Account
	first    int // row of the state table that the first one has
}

// openStates begins to read. close must be called.
func (n *night) openStates(ctx context.Context) *states {
	next, stop := iter.Pull2(func(yield func([]writers.State, error) bool) {
		err := readTable(ctx, n, writers.StateTable, func(rows []writers.State) error {
			if !yield(rows, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(nil, err)
		}
	})
	return &states{n: n, next: next, close: stop}
}

var errStop = fmt.Errorf("enough")

// bucket is the accounts of the next bucket, in the memory of another one's.
func (s *states) bucket(b int, spare []rating.Account) (bucketStates, error) {
	of := bucketStates{again(spare), s.row}
	for {
		for i := range s.pending {
			if s.n.bucket(s.n.stateHash(s.row, &s.pending[i])) != b {
				s.pending = s.pending[i:]
				return of, nil
			}
			a, err := accountOf(&s.pending[i])
			if err != nil {
				return of, fmt.Errorf("state of account %s: %w", s.pending[i].AccountID, err)
			}
			of.accounts = append(of.accounts, a)
			s.row++
		}
		rows, err, more := s.next()
		if err != nil || !more {
			s.pending = nil
			return of, err
		}
		s.pending = rows
	}
}

// stateHash is the hash of the account of a row of the state.
func (n *night) stateHash(row int, s *writers.State) uint64 {
	if index := n.stateAccounts[row]; index != unnamed {
		return n.accountHashes[index]
	}
	return accountHash(s.AccountID)
}

// stateSchema reads of the state table which accounts there are, and whether
// they are closed.
var stateSchema = readers.Schema{Source: "state", Fields: []readers.Field{
	{Name: "account_id", Kind: readers.Text}, {Name: "plan", Kind: readers.Text, Optional: true}, {Name: "closed_on", Kind: readers.Date, Optional: true},
}}

// learnAccounts learns which accounts are in the state.
func (n *night) learnAccounts(ctx context.Context) error {
	if n.plan.before == nil {
		return nil
	}
	file, err := outputOf(n.plan.before, writers.StateTable.Name)
	if err != nil {
		return err
	}
	export, err := readers.Open(ctx, n.Output, file.Key, file.Size, &stateSchema, n.Catalog.Zone)
	if err != nil {
		return err
	}
	defer export.Close()
	suspended, err := n.suspended(ctx, file)
	if err != nil {
		return err
	}
	n.stateAccounts = make([]uint32, 0, file.Rows)
	for split := range export.Splits() {
		if split+1 < export.Splits() {
			export.ReadAhead(ctx, split+1)
		}
		err := export.Read(ctx, split, func(b *readers.Batch) error { return n.learnBatch(b, suspended) })
		if err != nil {
			return err
		}
	}
	return nil
}

// learnBatch learns the accounts of some rows of the state. They are asked for
// together: see names.
func (n *night) learnBatch(b *readers.Batch, suspended []bool) error {
	first := len(n.stateAccounts)
	var ids []string
	for row := range b.Len {
		n.stateAccounts = append(n.stateAccounts, unnamed)
		if textAt(&b.Columns[1], row) != "" { // else it never signed up: what a rerate left of it is money
			ids = append(ids, textAt(&b.Columns[0], row))
		}
	}
	indexes := make([]uint32, len(ids))
	if err := n.accounts.ofAll(indexes, ids, accountHash); err != nil {
		return err
	}
	for row := range b.Len {
		if textAt(&b.Columns[1], row) == "" {
			continue
		}
		i := indexes[0]
		n.stateAccounts[first+row], indexes = i, indexes[1:]
		closed := &b.Columns[2]
		if closed.Missing == nil || !closed.Missing[row] || suspended[b.FirstRow-1+int64(row)] {
			n.unsteady = append(n.unsteady, i)
		}
	}
	return nil
}

// suspended tells of each row of the state table whether the account was
// suspended within the window.
func (n *night) suspended(ctx context.Context, state writers.OutputFile) ([]bool, error) {
	rows, err := writers.Filled(&object{ctx: ctx, bucket: n.Output, key: state.Key, size: state.Size}, state.Size, "suspensions")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", state.Key, err)
	}
	if int64(len(rows)) != state.Rows {
		return nil, &HistoryError{state.Key, fmt.Errorf("%d rows, %d by run.json", len(rows), state.Rows)}
	}
	return rows, nil
}
