package readers

import "ratemill/rating/calendar"

// Kind is what a column's cells are read as.
type Kind uint8

const (
	Text    Kind = iota // a string, by dictionary; an empty cell is absent
	Integer             // a number of 10^-Field.Scale, which fits int64
	Instant             // microseconds since 1970-01-01T00:00:00Z
	Date                // a calendar.Day
	EventID             // 128 bits, see Key
)

// Field is one canonical column of a source.
type Field struct {
	Name     string
	Kind     Kind
	Optional bool // the file may lack the column; all of its cells are absent then
	Unread   bool // EventID: nobody looks at the ids, which are zero where the format can pass over them (Parquet)

	// What only a Mapping asks for. Zero: a top-level column called Name, whole
	// numbers, times as ISO 8601 in the export's zone.
	Path  Path           // where the cell stands in a row
	Count bool           // Integer: how many elements the list at Path has; 1 where it is a value, absent where it is absent
	Texts bool           // EventID: Column.IDTexts is wanted too
	JSON  bool           // Text: a list, or in JSON also an object, is read as its JSON text; without it such a cell is bad
	Scale int            // Integer: decimals that are kept, 0 to 18
	Time  TimeForm       // Instant, Date: how times are written, also those in a column of integers without a unit
	Zone  *calendar.Zone // Instant, Date: of times without an offset; nil: the export's
}

// path is where the field's cells stand in a row.
func (f *Field) path() Path {
	if f.Path.IsZero() {
		return ColumnPath(f.Name)
	}
	return f.Path
}

// Schema is what a source's exports hold, whatever their format.
type Schema struct {
	Source string
	Fields []Field
}

// Field is the index of a field by name, or -1.
func (s *Schema) Field(name string) int {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return i
		}
	}
	return -1
}

// Absent is the dictionary index of a Text cell that holds nothing.
const Absent int32 = -1

// Batch is up to BatchRows consecutive rows of an export, as columns, one a
// field of the Schema. It and all it holds are reused: they are valid until
// the function that got it returns, but for Dict, which lives on.
type Batch struct {
	FirstRow int64 // 1-based number of the first row in its file; a CSV header is row 0
	Len      int
	Columns  []Column

	// LeftOut says by row which of the Export's Filters leaves it out: 0 none,
	// else its place from 1. Nil where none of the rows is left out. Nothing
	// need be right about such a row.
	LeftOut []uint8
}

// BatchRows is the most rows that a Batch holds.
const BatchRows = 16384

// Column is one column of a Batch. Which slice is filled depends on the Kind
// of its field; each is Batch.Len long.
type Column struct {
	Dict  *Dict   // Text
	Index []int32 // Text: index into Dict.Entries, or Absent

	Ints []int64    // Integer, Instant, Date; 0 where absent or bad
	IDs  [][16]byte // EventID; zero where absent

	// IDTexts are the ids as written, where Field.Texts asks for them: a UUID in
	// its canonical form in lower case, joined parts with a space between them.
	IDTexts []string

	// Missing marks absent cells of Ints and IDs; nil where all are there.
	Missing []bool
	// Bad has the cells that hold something else than the field's Kind, by
	// their row in the batch, as written; nil where none. A Bad cell is also
	// marked Missing (and Absent), so that a column without Missing is clean.
	Bad map[int]BadCell
}

// BadCell is a cell that cannot be read as its field's Kind.
type BadCell struct {
	Text   string // as written, cut to 64 bytes
	Reason Reason
}

// Reason says why a cell cannot be read; it is a reason code of the rejects table.
type Reason string

const (
	NotANumber Reason = "not_a_number" // or one with more decimals than are kept
	Overflow   Reason = "overflow"     // a number beyond int64
	NotATime   Reason = "not_a_time"   // neither an instant nor a date as wanted
	NotText    Reason = "not_text"     // not valid UTF-8
	NotInMap   Reason = "not_in_map"   // a value that a strict map or lookup table does not have
)

// Dict holds the values of a Text column of one split. Two entries may be the
// same, as in the dictionary of a Parquet file, which is taken as it is, and an
// entry may be one that no cell has. It may grow from batch to batch, but an
// entry never changes: what was worked out for entry i of a Dict (known by its
// address) holds for the rest of the split.
type Dict struct {
	Entries []string
}
