package readers

import (
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// leaf is how one field is read from a Parquet or Arrow file.
type leaf struct {
	path     string // as messages name it
	index    int    // Parquet: among all leaves, its chunk's place in a row group
	physical format.Type
	width    int // bytes of a value of fixed length
	meaning  meaning
	unit     int64 // of onInstant, onWall: how many to a second
	scale    int   // of decimal
	unusable string
	rest     []Step // of the path, in the JSON that a text is

	// The elements of lists, and the entries of maps, that the path leads to.
	// Where they are a map's keys, the last is any, and the cells are the places
	// of the entries with the key.
	picks []pick
	key   string

	// Parquet: the highest definition level, of a value, without which no row
	// lacks it. Of each level of repetition, the definition level from which the
	// list there has an element.
	defined uint8
	lists   []uint8

	// Arrow: place in the record, and in each struct on the way down from there,
	// or inElements of a list or map; of each of these the place of its null
	// count in a batch's list of them.
	places, nodes []int

	unread bool // Parquet: see Field

	// For a field that counts: whether that needs no values; and where from, see node.
	countOnly, isList bool
	there, element    uint8

	// For a field of JSON: the elements of the list that it is, in Parquet the
	// leaf itself; nil where it is none.
	elements *leaf
}

// meaning is what the values of a column stand for.
type meaning uint8

const (
	signed        meaning = iota + 1
	unsigned              // of 32 or 64 bits
	decimal               // a whole number of 10^-leaf.scale
	float                 // of 32 or 64 bits; the number that its shortest decimal text says
	onInstant             // since 1970 in UTC
	onWall                // since 1970-01-01 00:00 on the wall of the zone
	onDay                 // days since 1970
	legacyInstant         // INT96: Julian day and nanoseconds of it
	text                  // BYTE_ARRAY that is said to be text
	bytesOrText           // BYTE_ARRAY without a word
	uuid                  // 16 bytes
	fixedBytes            // of another width, or without a word
	boolean
	nothing // the null type: every cell is absent
)

// readable says which meanings a field's Kind can be read from. What is not
// here is refused when the file is opened: a number of unknown unit is not a
// time, a float that may have been rounded is not an id.
var readable = map[Kind][]meaning{
	Text:    {text, bytesOrText, signed, unsigned, decimal, float, uuid, boolean, onInstant, onWall, onDay, legacyInstant},
	Integer: {signed, unsigned, decimal, float, text, bytesOrText},
	Instant: {onInstant, onWall, onDay, legacyInstant, text, bytesOrText},
	Date:    {onDay, onInstant, onWall, legacyInstant, text, bytesOrText},
	EventID: {uuid, fixedBytes, text, bytesOrText, signed, unsigned, decimal, boolean, onInstant, onWall, onDay, legacyInstant},
}

// numbers are times where Field.Time says how they are written.
var numbers = []meaning{signed, unsigned, decimal, float}

func leafOf(element *format.SchemaElement) *leaf {
	l := &leaf{physical: element.Type.V, width: int(element.TypeLength.V)}
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
		l.understandDecimal(int(t.Scale))
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
	case *format.NullType:
		l.meaning = nothing
	case nil:
		l.understandPlain()
	}
}

// maxScale is that of the widest decimal type, of 256 bits.
const maxScale = 76

func (l *leaf) understandDecimal(scale int) {
	if scale < 0 || scale > maxScale {
		return
	}
	switch l.physical {
	case format.Int32, format.Int64:
		if l.meaning, l.scale = decimal, scale; scale == 0 {
			l.meaning = signed
		}
	case format.FixedLenByteArray:
		if l.width > 0 && l.width <= maxWidth {
			l.meaning, l.scale = decimal, scale
		}
	case format.ByteArray:
		l.meaning, l.scale = decimal, scale
	}
}

// maxWidth is the most bytes of a value of fixed length.
const maxWidth = 1 << 15

// understandPlain sets the meaning of a column of a physical type only.
func (l *leaf) understandPlain() {
	switch l.physical {
	case format.Boolean:
		l.meaning = boolean
	case format.Int32, format.Int64:
		l.meaning = signed
	case format.Int96:
		l.meaning = legacyInstant
	case format.Float, format.Double:
		l.meaning = float
	case format.ByteArray:
		l.meaning = bytesOrText
	case format.FixedLenByteArray:
		if l.width > 0 && l.width <= maxWidth {
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

// repeated is Parquet's highest repetition level.
func (l *leaf) repeated() uint8 { return uint8(len(l.lists)) }

// byLevels tells whether Parquet's levels say more than which rows have a value.
func (l *leaf) byLevels() bool { return l.countOnly || len(l.lists) > 0 }

func (l *leaf) isText() bool { return l.meaning == text || l.meaning == bytesOrText }

func (l *leaf) usableAs(field *Field) error {
	if l.unusable != "" {
		return fmt.Errorf("column %q cannot be read: it is %s", l.path, l.unusable)
	}
	isTime := field.Kind == Instant || field.Kind == Date
	switch {
	case l.meaning == nothing, slices.Contains(readable[field.Kind], l.meaning):
		return nil
	case isTime && field.Time != ISO8601 && field.Time != RFC2822 && slices.Contains(numbers, l.meaning):
		return nil
	}
	what := l.describe()
	if isTime && slices.Contains(numbers, l.meaning) {
		what += " without a word of its unit"
	}
	return fmt.Errorf("column %q cannot be read as %s: it is %s", l.path, kindNames[field.Kind], what)
}

// kindNames are for messages.
var kindNames = map[Kind]string{
	Text: "text", Integer: "a number", Instant: "a time", Date: "a date", EventID: "an event id",
}

func (l *leaf) describe() string {
	switch l.meaning {
	case signed, unsigned, float:
		return l.physical.String()
	case onInstant, onWall, legacyInstant:
		return "a timestamp"
	case onDay:
		return "a date"
	case decimal:
		return "a decimal"
	case boolean:
		return "a boolean"
	case text, bytesOrText:
		return "text"
	}
	return fmt.Sprintf("%v of %d bytes", l.physical, l.width)
}
