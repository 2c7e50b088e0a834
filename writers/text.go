package writers

import (
	"fmt"
	"reflect"
	"slices"
	"unicode/utf8"
)

// textCheck finds the strings of a row type. One string that is not UTF-8 in a
// column of text makes DuckDB and others refuse the whole file, so a table
// refuses the row.
type textCheck struct {
	fields []textField
}

type textField struct {
	index int
	name  string
	list  bool      // a list of texts
	last  *string   // found good last: rows side by side have much the same texts
	rows  textCheck // for a list of structs
}

func textCheckOf(row reflect.Type) (check textCheck) {
	for i := range row.NumField() {
		f := textField{index: i, name: row.Field(i).Name, last: new(string)}
		switch t := row.Field(i).Type; {
		case t.Kind() == reflect.String:
		case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
			f.list = true
		case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
			if f.rows = textCheckOf(t.Elem()); f.rows.fields == nil {
				continue
			}
		default:
			continue
		}
		check.fields = append(check.fields, f)
	}
	return check
}

// listTextCheck checks rows of any type.
func listTextCheck[T any]() func(rows []T) error {
	texts := textCheckOf(reflect.TypeFor[T]())
	return func(rows []T) error { return texts.rows(reflect.ValueOf(rows)) }
}

// flatTextCheck checks rows without lists, column by column.
func flatTextCheck[T any]() func(rows []T) error {
	texts := slices.DeleteFunc(textCheckOf(reflect.TypeFor[T]()).fields, func(f textField) bool { return f.list }) // no column
	return func(rows []T) error {
		if len(rows) == 0 {
			return nil
		}
		for _, f := range texts {
			column := fieldsOf[string](rows, f.index)
			for i := range rows {
				if err := f.text(*column.at(i)); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// rows checks a slice of rows.
func (c textCheck) rows(rows reflect.Value) error {
	for i := range rows.Len() {
		for _, f := range c.fields {
			if err := f.check(rows.Index(i).Field(f.index)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f textField) check(v reflect.Value) error {
	switch {
	case f.rows.fields != nil:
		return f.rows.rows(v)
	case f.list:
		for i := range v.Len() {
			if err := f.text(v.Index(i).String()); err != nil {
				return err
			}
		}
		return nil
	}
	return f.text(v.String())
}

func (f textField) text(s string) error {
	if s == *f.last {
		return nil
	}
	if !utf8.ValidString(s) {
		return notUTF8(f.name, s)
	}
	*f.last = s
	return nil
}

func notUTF8(field, text string) error { return fmt.Errorf("%s %q is not UTF-8", field, text) }
