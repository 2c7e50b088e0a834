package writers

import (
	"reflect"
	"regexp"
	"strconv"

	"github.com/parquet-go/parquet-go"
)

// MaxDimensions is the most dimension columns that rated_usage can have.
const MaxDimensions = 16

// dimensionName is what a column may be called: a name that needs no quotes
// in SQL and cannot break a struct tag.
var dimensionName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// DimensionColumn is the column of rated_usage that holds a dimension: of its
// name, or by_NAME where the table has a column of that name for all meters.
// Prices that come with the usage are a dimension called unit_price.
func DimensionColumn(dimension string) string {
	if usageColumns[dimension] {
		return "by_" + dimension
	}
	return dimension
}

// usageColumns are the columns of rated_usage but for its dimensions.
var usageColumns = func() map[string]bool {
	names := map[string]bool{}
	for _, c := range columnsOf(reflect.TypeFor[RatedUsage](), "") {
		names[c.Name] = true
	}
	return names
}()

// usageRow is the schema of RatedUsage, with a field for every dimension that
// there can be. The names of those in use are set when a table is begun, the
// others are struck out: so the columns may differ from company to company.
type usageRow struct {
	RatedUsage
	D0, D1, D2, D3, D4, D5, D6, D7       string
	D8, D9, D10, D11, D12, D13, D14, D15 string
}

// dimensionTags give the fields of usageRow their names in the file.
func dimensionTags(dimensions []string) []parquet.SchemaOption {
	tags := make([]parquet.SchemaOption, MaxDimensions)
	for i := range tags {
		tag := `parquet:"-"`
		if i < len(dimensions) {
			tag = `parquet:"` + dimensions[i] + `,dict,optional"`
		}
		tags[i] = parquet.StructTag(reflect.StructTag(tag), "D"+strconv.Itoa(i))
	}
	return tags
}
