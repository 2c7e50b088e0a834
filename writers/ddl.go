package writers

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"ratemill/rating/calendar"
)

// DuckDBViews is SQL that makes a view of each table under an output, named as
// the table: each reads the files of all billing dates, also of nights to come.
// Of a table that says how things stand it shows the last entry of each day.
func DuckDBViews(root string) string {
	var b strings.Builder
	for _, s := range Tables {
		glob := sqlText(strings.TrimRight(root, "/") + "/" + s.Name + "/billing_date=*/*.parquet")
		fmt.Fprintf(&b, "CREATE OR REPLACE VIEW %s AS SELECT * FROM read_parquet(%s, hive_partitioning = true, union_by_name = true, filename = true)", s.Name, glob)
		if s.standing() {
			fmt.Fprintf(&b, " WHERE filename IN (SELECT max(file) FROM glob(%s) GROUP BY parse_dirpath(file))", glob)
		}
		b.WriteString(";\n")
	}
	return b.String()
}

// standing tells whether the table says how things stand after an entry, and
// not what it added.
func (s Spec) standing() bool {
	switch s.Name {
	case StateTable.Name, HeldTable.Name, FailedPaymentsTable.Name, ParkedAccountsTable.Name:
		return true
	}
	return false
}

// AthenaTables is DDL that makes an external table of each table under an
// output, s3://bucket/prefix. Partitions are projected from the first billing
// date to today, so that none is ever added by hand. Dimensions are those of
// rated_usage.
func AthenaTables(root string, from calendar.Day, dimensions []string) string {
	var b strings.Builder
	for i, s := range Tables {
		if s.Name == RatedUsageTable.Name {
			s.Dimensions = dimensions
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		s.athena(&b, strings.TrimRight(root, "/")+"/"+s.Name+"/", from)
	}
	return b.String()
}

func (s Spec) athena(b *strings.Builder, location string, from calendar.Day) {
	columns := athenaFields(s.row, " ")
	for _, name := range s.Dimensions {
		columns = append(columns, "`"+name+"` string")
	}
	fmt.Fprintf(b, "CREATE EXTERNAL TABLE `%s` (\n  %s\n)\nCOMMENT %s\nPARTITIONED BY (`billing_date` date)\nSTORED AS PARQUET\nLOCATION %s\n",
		s.Name, strings.Join(columns, ",\n  "), hiveText(s.Doc), hiveText(location))
	properties := []string{
		"'projection.enabled' = 'true'",
		"'projection.billing_date.type' = 'date'",
		"'projection.billing_date.format' = 'yyyy-MM-dd'",
		"'projection.billing_date.range' = '" + from.String() + ",NOW'",
		"'projection.billing_date.interval' = '1'",
		"'projection.billing_date.interval.unit' = 'DAYS'",
		"'storage.location.template' = " + hiveText(location+"billing_date=${billing_date}"),
	}
	fmt.Fprintf(b, "TBLPROPERTIES (\n  %s\n);\n", strings.Join(properties, ",\n  "))
}

// athenaFields are the columns of a row, or the fields of a struct. Names stand
// in backticks: some are words of SQL.
func athenaFields(row reflect.Type, between string) (fields []string) {
	for i := range row.NumField() {
		f := row.Field(i)
		tags := strings.Split(f.Tag.Get("parquet"), ",")
		if tags[0] != "-" {
			fields = append(fields, "`"+tags[0]+"`"+between+athenaType(f.Type, tags[1:]))
		}
	}
	return fields
}

// athenaTypes are what Athena calls the types of columns.
var athenaTypes = map[string]string{
	"DATE": "date", "TIMESTAMP WITH TIME ZONE": "timestamp", "DECIMAL(18,4)": "decimal(18,4)", "DECIMAL(38,18)": "decimal(38,18)",
	"VARCHAR": "string", "BOOLEAN": "boolean", "INTEGER": "int", "BIGINT": "bigint", "BLOB": "binary",
}

func athenaType(t reflect.Type, tags []string) string {
	if slices.Contains(tags, "list") {
		if t.Elem().Kind() == reflect.Struct {
			return "array<struct<" + strings.Join(athenaFields(t.Elem(), ":"), ",") + ">>"
		}
		return "array<" + athenaType(t.Elem(), nil) + ">"
	}
	name, known := athenaTypes[sqlType(t, tags)]
	if !known {
		panic("writers: Athena has no name for " + sqlType(t, tags))
	}
	return name
}

// sqlText is a text in SQL.
func sqlText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// hiveText is a text in DDL of Athena, which takes it as Hive does.
func hiveText(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}
