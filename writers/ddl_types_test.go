package writers

import (
	"regexp"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"ratemill/rating/calendar"
)

// TestAthenaTypes holds each column of the DDL against the schema of a file as
// it is written, by what the Parquet format says of a type and not by the rows
// that both come from.
func TestAthenaTypes(t *testing.T) {
	from := calendar.Date(2024, 5, 1)
	for _, table := range allTables {
		dimensions := []string(nil)
		if table.spec.Name == RatedUsageTable.Name {
			dimensions = table.spec.Dimensions
		}
		ddl := AthenaTables("s3://b/p", from, dimensions)
		_, ddl, found := strings.Cut(ddl, "CREATE EXTERNAL TABLE `"+table.spec.Name+"` (\n")
		if !found {
			t.Errorf("no table %s", table.spec.Name)
			continue
		}
		got, _, _ := strings.Cut(ddl, "\n)")
		var want []string
		for _, f := range open(t, table.encode(t, 3)).Schema().Fields() {
			want = append(want, "  `"+f.Name()+"` "+hiveType(t, f))
		}
		if want := strings.Join(want, ",\n"); got != want {
			t.Errorf("%s: the DDL says\n%s\nthe file has\n%s", table.spec.Name, got, want)
		}
		if strings.Contains(got, "`billing_date`") {
			t.Errorf("%s: billing_date is a column and a partition, which Athena refuses", table.spec.Name)
		}
	}
}

// TestAthenaNames: Athena takes lower case letters, digits and underscores.
func TestAthenaNames(t *testing.T) {
	ok := regexp.MustCompile("^[a-z][a-z0-9_]*$")
	for _, m := range regexp.MustCompile("`([^`]*)`").FindAllStringSubmatch(AthenaTables("s3://b/p", calendar.Date(2024, 5, 1), nil), -1) {
		if !ok.MatchString(m[1]) {
			t.Errorf("%q is no name in Athena", m[1])
		}
	}
}

// hiveTypes are what Athena reads a column as, by its physical and its logical
// type in the Parquet format.
var hiveTypes = map[string]string{
	"BYTE_ARRAY STRING": "string", "INT32 DATE": "date", "INT64 TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)": "timestamp",
	"INT64 DECIMAL(18,4)": "decimal(18,4)", "FIXED_LEN_BYTE_ARRAY DECIMAL(38,18)": "decimal(38,18)", "BOOLEAN": "boolean",
	"INT32 INT(32,true)": "int", "INT32": "int", "INT64 INT(64,true)": "bigint", "INT64": "bigint", "BYTE_ARRAY": "binary", "FIXED_LEN_BYTE_ARRAY": "binary",
}

func hiveType(t *testing.T, node parquet.Node) string {
	t.Helper()
	logical := ""
	if kind := node.Type().LogicalType(); kind != nil {
		logical = kind.String()
	}
	switch {
	case node.Leaf():
		kind := strings.TrimSpace(node.Type().Kind().String() + " " + logical)
		if hiveTypes[kind] == "" {
			t.Errorf("no type of Athena's is known for %s", kind)
		}
		return hiveTypes[kind]
	case logical == "LIST":
		return "array<" + hiveType(t, node.Fields()[0].Fields()[0]) + ">"
	}
	var fields []string
	for _, f := range node.Fields() {
		fields = append(fields, "`"+f.Name()+"`:"+hiveType(t, f))
	}
	return "struct<" + strings.Join(fields, ",") + ">"
}
