package writers

import (
	"fmt"
	"reflect"
	"unicode/utf8"
)

// One text that is not UTF-8 in a column of text makes DuckDB and others refuse
// the whole file, so a table refuses the row.

// flatTextCheck checks rows without lists, column by column.
func flatTextCheck[T any]() func(rows []T) error {
	var texts []reflect.StructField
	for i := range reflect.TypeFor[T]().NumField() {
		if f := reflect.TypeFor[T]().Field(i); f.Type.Kind() == reflect.String {
			texts = append(texts, f)
		}
	}
	last := make([]string, len(texts)) // found good last: rows side by side have much the same texts
	return func(rows []T) error {
		if len(rows) == 0 {
			return nil
		}
		for at, f := range texts {
			column := fieldsOf[string](rows, f.Index[0])
			for i := range rows {
				switch text := *column.at(i); {
				case text == last[at]:
				case !utf8.ValidString(text):
					return notUTF8(f.Name, text)
				default:
					last[at] = text
				}
			}
		}
		return nil
	}
}

func notUTF8(field, text string) error { return fmt.Errorf("%s %q is not UTF-8", field, text) }
