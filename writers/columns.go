package writers

import (
	"reflect"
	"slices"
	"strings"
)

// column is a column of a table as the data dictionary and the metadata of the
// file describe it.
type column struct {
	Name string `json:"name"` // in a list of structs: segments.from
	Type string `json:"type"` // as DuckDB and SQL call it
	Null bool   `json:"null"` // whether it can be null
	Doc  string `json:"doc"`
}

// columns are the columns of a table in the order of the file.
func (s Spec) columns() []column {
	cols := columnsOf(s.row, "")
	for _, name := range s.Dimensions {
		cols = append(cols, column{name, "VARCHAR", true, "dimension of the meter's price, null where the meter has no such dimension"})
	}
	return cols
}

func columnsOf(row reflect.Type, prefix string) (cols []column) {
	for i := range row.NumField() {
		f := row.Field(i)
		tags := strings.Split(f.Tag.Get("parquet"), ",")
		if tags[0] == "-" {
			continue
		}
		cols = append(cols, column{
			Name: prefix + tags[0],
			Type: sqlType(f.Type, tags[1:]),
			Null: slices.Contains(tags, "optional"),
			Doc:  f.Tag.Get("doc"),
		})
		if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			cols = append(cols, columnsOf(f.Type.Elem(), prefix+tags[0]+".")...)
		}
	}
	return cols
}

// sqlType is what SQL calls the type of a column. A type that is none of these
// is a mistake in rows.go.
func sqlType(t reflect.Type, tags []string) string {
	for _, tag := range tags {
		switch tag {
		case "date":
			return "DATE"
		case "timestamp(microsecond)":
			return "TIMESTAMP WITH TIME ZONE"
		case "decimal(4:18)":
			return "DECIMAL(18,4)"
		case "decimal(18:38)":
			return "DECIMAL(38,18)"
		}
	}
	switch t.Kind() {
	case reflect.String:
		return "VARCHAR"
	case reflect.Bool:
		return "BOOLEAN"
	case reflect.Int32:
		return "INTEGER"
	case reflect.Int64:
		return "BIGINT"
	case reflect.Array:
		return "BLOB"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return "STRUCT[]"
		}
		return sqlType(t.Elem(), nil) + "[]"
	}
	panic("writers: no column type for " + t.String())
}
