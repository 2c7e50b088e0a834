package readers

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
	Format    Format   `json:"format,omitempty"`     // empty: as the file's name tells
	Delimiter string   `json:"delimiter,omitempty"`  // CSV: one ASCII character; empty: a comma
	SkipLines int      `json:"skip_lines,omitempty"` // CSV: lines before the header
	Header    []string `json:"header,omitempty"`     // CSV: names of the columns of a file without a header
	Records   Path     `json:"records,omitempty"`    // JSON, NDJSON: where the records are in a document
	Absent    []string `json:"absent,omitempty"`     // cells that say one of these are empty: NULL, \N
	Zone      string   `json:"time_zone,omitempty"`  // of times without an offset; empty: the catalog's
}

// Rule says where the cells of one field come from. Of Paths, Value, PathPart
// and Join exactly one is set; what follows is done to its text in the order
// in which it stands here.
type Rule struct {
	Field string `json:"field"`

	Paths    []Path  `json:"paths,omitempty"`     // the first that has something in the row
	Value    *string `json:"value,omitempty"`     // the same in every row
	PathPart string  `json:"path_part,omitempty"` // what a placeholder of the file's path stands for: date, hour, account
	Join     []Part  `json:"join,omitempty"`      // EventID: all of these together, none of them absent

	Count    bool              `json:"count,omitempty"`     // how many elements the list at the path has; 1 where it is no list
	Extract  string            `json:"extract,omitempty"`   // regular expression (RE2): its first group, or else all that it matches; absent where it does not match
	Case     string            `json:"case,omitempty"`      // lower, upper
	Lookup   string            `json:"lookup,omitempty"`    // by a table of Mapping.Tables; what it does not have stays as it is
	Map      map[string]string `json:"map,omitempty"`       // what it does not have stays as it is
	Strict   bool              `json:"strict,omitempty"`    // what neither Map nor Lookup has is bad: NotInMap
	Default  *string           `json:"default,omitempty"`   // for an absent cell
	Number   bool              `json:"number,omitempty"`    // Text: a decimal in its shortest form, so that 0.50 and .5 are the same
	Absolute bool              `json:"absolute,omitempty"`  // numbers lose their minus
	Time     TimeForm          `json:"time,omitempty"`      // how a time or date is written; empty: ISO 8601
	Zone     string            `json:"time_zone,omitempty"` // of its times without an offset; empty: Layout.Zone

	Optional bool `json:"optional,omitempty"` // the file may lack the columns
}

// Part is a part of a joined event id: a path or a constant.
type Part struct {
	Path  Path    `json:"path,omitempty"`
	Value *string `json:"value,omitempty"`
}

// TimeForm is how times are written: one of the names below, or a pattern of
// YYYY, YY (69 is 1969, 68 is 2068), MM, DD, HH, mm, ss, Mon (Jan), AM (AM or
// PM, in either case), Z (an offset: Z, UTC, +02:00, +0200, +02), and T and other
// characters that are no letters or digits as they are ("DD/MM/YYYY HH:mm").
// MM, DD and HH may be one digit where no other digit can follow; behind ss may
// stand a fraction. See CheckTimeForm.
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
type Condition struct {
	Path  Path     `json:"path"`
	Is    []string `json:"is,omitempty"`
	Not   []string `json:"not,omitempty"`
	Empty *bool    `json:"empty,omitempty"`
}
