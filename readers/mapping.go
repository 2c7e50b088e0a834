package readers

import "fmt"

// Mapping says how an export that is not laid out as its source's Schema is
// read: plain data, as ratemill.yaml gives it. A field that no Rule names is
// read from the column of its own name. See docs/sources.md.
type Mapping struct {
	Layout
	Rules    []Rule   `json:"rules,omitempty"`
	LeaveOut []Filter `json:"leave_out,omitempty"` // in the order in which they are tried

	// Tables are the rows of the lookup tables by name, then by key.
	Tables map[string]map[string]string `json:"-"`
}

// Layout is how a file is written down, where its name or the format's usual
// way does not tell.
type Layout struct {
	Format         Format   `json:"format,omitempty"`           // empty: as the file's name tells
	Delimiter      string   `json:"delimiter,omitempty"`        // CSV: one ASCII character; empty: a comma
	SkipLines      int      `json:"skip_lines,omitempty"`       // CSV: lines before the header
	Header         []string `json:"header,omitempty"`           // CSV: names of the columns of a file without a header
	Trim           bool     `json:"trim,omitempty"`             // CSV: blanks around cells, and around the names in the header, are none of them
	Decimal        string   `json:"decimal,omitempty"`          // CSV: what stands before the decimals of a number: a point, or a comma; empty: a point
	Thousands      string   `json:"thousands,omitempty"`        // CSV: what may stand between groups of three digits: . , ' or a blank; empty: nothing
	SkipBlankLines bool     `json:"skip_blank_lines,omitempty"` // CSV: anywhere; without it they are mistakes, but for the end
	Comment        string   `json:"comment,omitempty"`          // CSV: lines that begin with this ASCII character are no rows
	FooterLines    int      `json:"footer_lines,omitempty"`     // CSV: lines at the end that are no rows, blank ones not counted

	Records Path     `json:"records,omitzero"`    // JSON, NDJSON: where the records are in a document
	Absent  []string `json:"absent,omitempty"`    // cells that say one of these are empty: NULL, \N
	Zone    string   `json:"time_zone,omitempty"` // of times without an offset; empty: the catalog's
}

// Rule says where the cells of one field come from: of Paths, Value, PathPart
// and Join the one that is set, or else the column of the field's own name.
//
// What follows is done to the cell's text in the order in which it stands
// here; each step gets what the one before it made. An absent cell passes by
// all of them until Default, and so does what became empty on the way: a text
// of which Extract matched nothing, or that Map turns into "". A cell that is
// bad stays so, with its text as the export has it.
//
// What every row would share is no event id: Value, PathPart and Default are
// not for those.
type Rule struct {
	Field string `json:"field"`

	Paths    []Path  `json:"paths,omitempty"`     // the first that has something in the row, be it a bad cell
	Value    *string `json:"value,omitempty"`     // the same in every row
	PathPart string  `json:"path_part,omitempty"` // what a placeholder of the file's path stands for: date, hour, account
	Join     []Part  `json:"join,omitempty"`      // EventID: all of these together; nothing else is done to it

	Count    bool              `json:"count,omitempty"`     // Integer: how many elements the list at the path has; 1 where it is no list
	Extract  string            `json:"extract,omitempty"`   // regular expression (RE2): its first group, or else all that it matches; absent where it does not match
	Case     string            `json:"case,omitempty"`      // lower, upper
	Lookup   string            `json:"lookup,omitempty"`    // by a table of Mapping.Tables; what it does not have stays as it is
	Map      map[string]string `json:"map,omitempty"`       // of what Lookup made; what it does not have stays as it is
	Strict   bool              `json:"strict,omitempty"`    // what neither Map nor Lookup has is bad: NotInMap
	Default  *string           `json:"default,omitempty"`   // for an absent cell, as a text that Number and what follows it read
	Number   bool              `json:"number,omitempty"`    // Text: a decimal in its shortest form, so that 0.50 and .5 are the same
	Absolute bool              `json:"absolute,omitempty"`  // Integer, Number: without its minus
	Time     TimeForm          `json:"time,omitempty"`      // Instant, Date: how a time or date is written; empty: ISO 8601
	Zone     string            `json:"time_zone,omitempty"` // of its times without an offset; empty: Layout.Zone

	// Optional: the file may lack the columns, all of them. Without it they are
	// asked for, also for a field that is optional in the schema, so that a
	// misspelt name is found. JSON has no columns but those of its records: there
	// a Default says as much.
	Optional bool `json:"optional,omitempty"`
}

// Part is a part of a joined event id: a path or a constant. Without a part that
// is not Optional there is no id. An Optional one may be absent, in a row and in
// a whole file, which is another id than any text in its place makes.
type Part struct {
	Path     Path    `json:"path,omitzero"`
	Value    *string `json:"value,omitempty"`
	Optional bool    `json:"optional,omitempty"`
}

// TimeForm is how times are written: one of the names below, or a pattern of
// YYYY, YY (69 is 1969, 68 is 2068), MM, DD, HH, mm, ss, Mon (Jan), Month (January),
// Day (Mon or Monday, which must be the date's), AM (AM or PM), all of these words
// in either case, Z (an offset: Z, UTC, +02:00, +0200, +02), and T and other
// characters that are no letters or digits as they are ("DD/MM/YYYY HH:mm").
// MM, DD and HH may be one digit where no piece of digits stands beside them;
// behind ss may stand a fraction.
type TimeForm string

const (
	ISO8601   TimeForm = ""                  // 2018-06-07T08:09:10.5Z, with a blank for T, without seconds or an offset, or a date alone
	RFC2822   TimeForm = "rfc2822"           // Tue, 31 Aug 2010 20:36:28 +0000, with or without the weekday, which must be right, and seconds
	EpochS    TimeForm = "unix_seconds"      // since 1970 in UTC; a fraction is floored to microseconds
	EpochMs   TimeForm = "unix_milliseconds" //
	EpochUs   TimeForm = "unix_microseconds"
	EpochNs   TimeForm = "unix_nanoseconds"
	EpochAuto TimeForm = "unix" // the unit by the number of digits: 10 before the point are seconds, 13, 16, 19 the others
)

// Filter leaves rows out by name: they are counted as not billable by it, and
// never looked at again. A row is left out if all Conditions hold.
type Filter struct {
	Name       string      `json:"name"`
	Conditions []Condition `json:"conditions"`
}

// Condition is about the text of one column as the export has it. It holds if
// the cell is one of Is (where the list is not empty), none of Not, and, where
// Empty is set, absent or not as that says. An absent cell is never one of Is.
// A cell that holds no text, a list for one, is there and is none of any.
type Condition struct {
	Path  Path     `json:"path"`
	Is    []string `json:"is,omitempty"`
	Not   []string `json:"not,omitempty"`
	Empty *bool    `json:"empty,omitempty"`
}

// RuleError is a mapping that cannot be meant so, or not for its source.
type RuleError struct {
	Field  string // of the schema, or a filter's name; empty: of the mapping as a whole
	Filter bool   // Field is the name of a filter
	What   string
}

func (e *RuleError) Error() string {
	switch {
	case e.Field == "":
		return e.What
	case e.Filter:
		return fmt.Sprintf("leave_out %s: %s", e.Field, e.What)
	}
	return fmt.Sprintf("field %s: %s", e.Field, e.What)
}
