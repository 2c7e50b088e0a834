package writers

import (
	"reflect"
	"unsafe"
)

// fields are one field of every row of a slice, read where they lie. Reflection
// costs more for a value than all else that is done to write it; so it is asked
// once a slice, where the field of the first row is. The next is as far away as
// a row is large. FuzzFlat holds what comes of it against parquet-go's rows.
type fields[V any] struct {
	first unsafe.Pointer // keeps the rows alive
	size  uintptr        // of a row
}

// fieldsOf are the fields of rows at an index of their type T, a struct with a
// field of type V there. There must be a row.
func fieldsOf[V, T any](rows []T, index int) fields[V] {
	first := reflect.ValueOf(&rows[0]).Elem().Field(index).Addr().Interface().(*V)
	return fields[V]{unsafe.Pointer(first), unsafe.Sizeof(rows[0])}
}

// at is the field of row i, which must be one of the rows.
func (f fields[V]) at(i int) *V { return (*V)(unsafe.Add(f.first, uintptr(i)*f.size)) }

// bytesOf are a text's bytes where they lie: parquet-go wants bytes, and copies
// them. Nobody may write to them.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }
