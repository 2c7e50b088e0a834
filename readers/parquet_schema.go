package readers

import (
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// leaf is one top-level column of a Parquet or Arrow file.
type leaf struct {
	name     string
	index    int // among all leaves: its chunk's place in a row group
	physical format.Type
	width    int // bytes of a value of fixed length
	optional bool
	meaning  meaning
	unit     int64 // of onInstant, onWall: how many to a second; of decimal: 10^scale
	unusable string
}

// meaning is what the values of a column stand for.
type meaning uint8

const (
	signed        meaning = iota + 1
	unsigned              // of 32 or 64 bits
	decimal               // a whole number of leaf.unit-ths
	onInstant             // since 1970 in UTC
	onWall                // since 1970-01-01 00:00 on the wall of the zone
	onDay                 // days since 1970
	legacyInstant         // INT96: Julian day and nanoseconds of it
	text                  // BYTE_ARRAY that is said to be text
	bytesOrText           // BYTE_ARRAY without a word
	uuid                  // 16 bytes
	fixedBytes            // of another width, or without a word
	boolean
	nothing // Arrow's null type: every cell is absent
)

// readable says which meanings a field's Kind can be read from. What is not
// here is refused when the file is opened: a number of unknown unit is not a
// time, a float is not a quantity.
var readable = map[Kind][]meaning{
	Text:    {text, bytesOrText, signed, unsigned, uuid, boolean},
	Integer: {signed, unsigned, decimal, text, bytesOrText},
	Instant: {onInstant, onWall, onDay, legacyInstant, text, bytesOrText},
	Date:    {onDay, onInstant, onWall, legacyInstant, text, bytesOrText},
	EventID: {uuid, fixedBytes, text, bytesOrText, signed, unsigned},
}

// topLevel is the columns of a file's schema, which lists a tree depth first.
// Nested and repeated ones are among them, as unusable.
func topLevel(tree []format.SchemaElement) ([]*leaf, error) {
	if len(tree) == 0 {
		return nil, fmt.Errorf("broken Parquet footer: no schema")
	}
	var columns []*leaf
	at, leaves := 1, 0
	for range tree[0].NumChildren.V {
		if at >= len(tree) {
			return nil, fmt.Errorf("broken Parquet footer: the schema has fewer columns than it claims")
		}
		element := &tree[at]
		column := leafOf(element)
		column.index = leaves
		columns = append(columns, column)
		after := subtreeEnd(tree, at)
		leaves += leafCount(tree[at:after])
		at = after
	}
	return columns, nil
}

// subtreeEnd is where the subtree of an element ends.
func subtreeEnd(tree []format.SchemaElement, at int) int {
	for open := 1; open > 0 && at < len(tree); at++ {
		open += int(max(tree[at].NumChildren.V, 0)) - 1
	}
	return at
}

func leafCount(tree []format.SchemaElement) (n int) {
	for i := range tree {
		if tree[i].Type.Valid {
			n++
		}
	}
	return n
}

func leafOf(element *format.SchemaElement) *leaf {
	l := &leaf{name: element.Name, physical: element.Type.V, width: int(element.TypeLength.V)}
	switch {
	case !element.Type.Valid || element.NumChildren.V > 0:
		l.unusable = "nested"
		return l
	case element.RepetitionType.V == format.Repeated:
		l.unusable = "repeated"
		return l
	}
	l.optional = element.RepetitionType.V == format.Optional
	l.understand(element)
	if l.meaning == 0 {
		l.unusable = typeName(element)
	}
	return l
}

// understand sets the meaning by the logical type, or else by the older
// converted type, or else by the physical type; none if they do not fit.
func (l *leaf) understand(element *format.SchemaElement) {
	is := func(physical ...format.Type) bool {
		for _, p := range physical {
			if l.physical == p {
				return true
			}
		}
		return false
	}
	set := func(m meaning, unit int64, physical ...format.Type) {
		if is(physical...) {
			l.meaning, l.unit = m, unit
		}
	}
	integers := []format.Type{format.Int32, format.Int64}
	switch t := logicalType(element).(type) {
	case *format.StringType, *format.EnumType, *format.JsonType:
		set(text, 0, format.ByteArray)
	case *format.IntType:
		if t.IsSigned {
			set(signed, 0, integers...)
		} else {
			set(unsigned, 0, integers...)
		}
	case *format.DecimalType:
		if t.Scale >= 0 && t.Scale <= 18 {
			set(decimal, powerOfTen(t.Scale), integers...)
		}
		if l.meaning == decimal && t.Scale == 0 {
			l.meaning = signed
		}
	case *format.DateType:
		set(onDay, 0, format.Int32)
	case *format.TimestampType:
		if t.Unit.Value == nil {
			return
		}
		m := onWall
		if t.IsAdjustedToUTC {
			m = onInstant
		}
		set(m, int64(1e9)/t.Unit.Value.Duration().Nanoseconds(), format.Int64)
	case *format.UUIDType:
		if l.width == 16 {
			set(uuid, 0, format.FixedLenByteArray)
		}
	case nil:
		l.understandPlain()
	}
}

// understandPlain sets the meaning of a column of a physical type only.
func (l *leaf) understandPlain() {
	switch l.physical {
	case format.Boolean:
		l.meaning = boolean
	case format.Int32, format.Int64:
		l.meaning = signed
	case format.Int96:
		l.meaning = legacyInstant
	case format.ByteArray:
		l.meaning = bytesOrText
	case format.FixedLenByteArray:
		if l.width > 0 && l.width <= 1<<15 {
			l.meaning = fixedBytes
		}
	}
}

// logicalType is an element's logical type, from its converted type if need
// be, or nil if it has neither.
func logicalType(element *format.SchemaElement) any {
	if v := element.LogicalType.Value; v != nil {
		return v
	}
	if !element.ConvertedType.Valid {
		return nil
	}
	unit := format.TimeUnit{Value: &format.MicroSeconds{}}
	switch c := element.ConvertedType.V; c {
	case deprecated.UTF8:
		return &format.StringType{}
	case deprecated.Enum:
		return &format.EnumType{}
	case deprecated.Json:
		return &format.JsonType{}
	case deprecated.Decimal:
		return &format.DecimalType{Scale: element.Scale.V, Precision: element.Precision.V}
	case deprecated.Date:
		return &format.DateType{}
	case deprecated.TimestampMillis:
		unit.Value = &format.MilliSeconds{}
		return &format.TimestampType{IsAdjustedToUTC: true, Unit: unit}
	case deprecated.TimestampMicros:
		return &format.TimestampType{IsAdjustedToUTC: true, Unit: unit}
	case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
		return &format.IntType{}
	case deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64:
		return &format.IntType{IsSigned: true}
	default:
		return c // something that we do not read
	}
}

func typeName(element *format.SchemaElement) string {
	name := element.Type.V.String()
	if v := element.LogicalType.Value; v != nil {
		return name + " " + v.String()
	}
	if element.ConvertedType.Valid {
		return fmt.Sprintf("%s of converted type %d", name, element.ConvertedType.V)
	}
	return name
}

func powerOfTen(n int32) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// wanted finds the columns that a schema wants, nil for an optional one that
// the file does not have.
func wanted(schema *Schema, columns []*leaf) ([]*leaf, error) {
	found, any := make([]*leaf, len(schema.Fields)), false
	for i, field := range schema.Fields {
		for _, column := range columns {
			if column.name != field.Name {
				continue
			}
			if found[i] != nil {
				return nil, fmt.Errorf("two columns are called %q", field.Name)
			}
			if err := column.usableAs(field.Kind); err != nil {
				return nil, err
			}
			found[i], any = column, true
		}
		if found[i] == nil && !field.Optional {
			return nil, noColumn(field.Name, namesOf(columns))
		}
	}
	if !any { // nothing would prove that the rows are there
		return nil, fmt.Errorf("none of the columns of %s; there are %s", schema.Source, strings.Join(namesOf(columns), ", "))
	}
	return found, nil
}

func (l *leaf) usableAs(kind Kind) error {
	if l.unusable != "" {
		return fmt.Errorf("column %q cannot be read: it is %s", l.name, l.unusable)
	}
	for _, m := range readable[kind] {
		if l.meaning == m || l.meaning == nothing {
			return nil
		}
	}
	return fmt.Errorf("column %q cannot be read as %s: it is %s", l.name, kindNames[kind], l.describe())
}

// kindNames are for messages.
var kindNames = map[Kind]string{
	Text: "text", Integer: "a whole number", Instant: "a time", Date: "a date", EventID: "an event id",
}

func (l *leaf) describe() string {
	switch l.meaning {
	case signed, unsigned:
		return l.physical.String() + " without a word of its unit"
	case onInstant, onWall, legacyInstant:
		return "a timestamp"
	case onDay:
		return "a date"
	case decimal:
		return "a decimal with a fraction"
	case boolean:
		return "a boolean"
	case text, bytesOrText:
		return "text"
	}
	return fmt.Sprintf("%v of %d bytes", l.physical, l.width)
}

func namesOf(columns []*leaf) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

// noColumn says which column is missing, and which ones there are: most often
// one is misspelt.
func noColumn(name string, there []string) error {
	return fmt.Errorf("no column %q; there are %s", name, strings.Join(there, ", "))
}
