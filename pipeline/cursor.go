package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"iter"

	"gocloud.dev/blob"

	"ratemill/writers"
)

// accountKey is the place of an account in every table.
type accountKey struct {
	hash uint64
	id   string
}

func (k accountKey) compare(o accountKey) int {
	return cmp.Or(cmp.Compare(k.hash, o.hash), cmp.Compare(k.id, o.id))
}

func accountKeyOf(id string) accountKey { return accountKey{accountHash(id), id} }

// cursor reads a table of an entry account by account.
type cursor[T any] struct {
	key     string
	account func(*T) string
	change  func(*T) // of each row that is taken; nil: none
	next    func() ([]T, error, bool)
	close   func()
	rows    []T
}

// openCursor opens a table of an entry. Its rows are in the order of accounts.
func openCursor[T any](ctx context.Context, b *blob.Bucket, e *Entry, spec writers.Spec, account func(*T) string) (*cursor[T], error) {
	file, err := outputOf(e, spec.Name)
	if err != nil {
		return nil, err
	}
	next, stop := iter.Pull2(func(yield func([]T, error) bool) {
		at := &object{ctx: ctx, bucket: b, key: file.Key, size: file.Size}
		err := writers.Rows(at, file.Size, func(rows []T) error {
			if !yield(rows, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && err != errStop {
			yield(nil, err)
		}
	})
	c := &cursor[T]{key: file.Key, account: account, next: next, close: stop}
	return c, c.fill()
}

// fill reads on where no row is left.
func (c *cursor[T]) fill() error {
	for len(c.rows) == 0 {
		rows, err, more := c.next()
		if err != nil {
			return fmt.Errorf("%s: %w", c.key, err)
		}
		if !more {
			return nil
		}
		c.rows = rows
	}
	return nil
}

// peek is the account of the next row; false at the end.
func (c *cursor[T]) peek() (accountKey, bool) {
	if len(c.rows) == 0 {
		return accountKey{}, false
	}
	return accountKeyOf(c.account(&c.rows[0])), true
}

// take takes the rows of an account, which is not behind the next row's.
func (c *cursor[T]) take(of accountKey) ([]T, error) {
	var rows []T
	for len(c.rows) > 0 {
		i := 0
		for i < len(c.rows) && c.account(&c.rows[i]) == of.id {
			i++
		}
		for _, row := range c.rows[:i] {
			if c.change != nil {
				c.change(&row)
			}
			rows = append(rows, row)
		}
		if c.rows = c.rows[i:]; len(c.rows) > 0 {
			break
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
	if next, more := c.peek(); more && next.compare(of) < 0 {
		return nil, &HistoryError{c.key, fmt.Errorf("account %q stands behind %q", next.id, of.id)}
	}
	return rows, nil
}

// cursors are those of one table over several entries, in their order.
type cursors[T any] []*cursor[T]

func openCursors[T any](ctx context.Context, b *blob.Bucket, entries []*Entry, spec writers.Spec, account func(*T) string) (cursors[T], error) {
	var all cursors[T]
	for _, e := range entries {
		c, err := openCursor(ctx, b, e, spec, account)
		if err != nil {
			all.close()
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func (all cursors[T]) close() {
	for _, c := range all {
		c.close()
	}
}

// first is the smaller of an account and the next of the cursors'.
func (all cursors[T]) first(least accountKey, found bool) (accountKey, bool) {
	for _, c := range all {
		if k, more := c.peek(); more && (!found || k.compare(least) < 0) {
			least, found = k, true
		}
	}
	return least, found
}

// take takes an account's rows of all entries.
func (all cursors[T]) take(of accountKey) ([]T, error) {
	var rows []T
	for _, c := range all {
		some, err := c.take(of)
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	return rows, nil
}
