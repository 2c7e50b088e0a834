package readers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ratemill/rating/nearest"
)

// checkLayout says what cannot be meant about a layout, whatever the file.
func checkLayout(l *Layout) string {
	formats := []Format{Parquet, CSV, NDJSON, JSON, ArrowFile, ArrowStream}
	text := l.isCSV()
	switch {
	case l.Format != "" && !slices.Contains(formats, l.Format):
		return fmt.Sprintf("format %q: want one of %v", l.Format, formats)
	case text && l.Format != "" && l.Format != CSV:
		return fmt.Sprintf("what stands under csv is for CSV files, the format is %s", l.Format)
	case text && !l.Records.IsZero():
		return "records is for JSON, and what stands under csv for CSV"
	case !l.Records.IsZero() && l.Format != "" && l.Format != JSON && l.Format != NDJSON:
		return fmt.Sprintf("records is for JSON, the format is %s", l.Format)
	case l.SkipLines < 0:
		return fmt.Sprintf("skip_lines is %d", l.SkipLines)
	case l.FooterLines < 0:
		return fmt.Sprintf("footer_lines is %d", l.FooterLines)
	}
	if what := checkMarks(l); what != "" {
		return what
	}
	for i, name := range l.Header {
		if name == "" || slices.Contains(l.Header[:i], name) {
			return fmt.Sprintf("header: column %d, %q, has no name of its own", i+1, name)
		}
	}
	return ""
}

// isCSV tells whether the layout says something that only CSV has.
func (l *Layout) isCSV() bool {
	return l.Delimiter != "" || l.SkipLines != 0 || len(l.Header) > 0 || l.Trim || l.Decimal != "" || l.Thousands != "" ||
		l.SkipBlankLines || l.Comment != "" || l.FooterLines != 0
}

// checkMarks is about the marks of numbers and comments. Cells with a comma
// that is no delimiter stand in quotes.
func checkMarks(l *Layout) string {
	decimal, delimiter := cmp.Or(l.Decimal, "."), cmp.Or(l.Delimiter, ",")
	_, known := thousandsMarks[l.Thousands]
	switch {
	case decimal != "." && decimal != ",":
		return fmt.Sprintf("decimal is %q: want a comma or a point", decimal)
	case !known:
		return fmt.Sprintf("thousands is %q: want a point, a comma, a blank or '", l.Thousands)
	case l.Thousands == decimal:
		return fmt.Sprintf("thousands is %q, which stands before decimals", l.Thousands)
	case len(l.Comment) > 1 || l.Comment == `"` || l.Comment > "~" || l.Comment != "" && l.Comment <= " ":
		return fmt.Sprintf("comment is %q: want one ASCII character, and neither a quote nor a blank", l.Comment)
	case l.Comment == delimiter:
		return fmt.Sprintf("comment is %q, the delimiter", l.Comment)
	}
	return ""
}

// checkRule says what cannot be meant about a rule by itself.
func checkRule(f *Field, r *Rule, tables map[string]map[string]string) string {
	for _, check := range []func(*Field, *Rule) string{checkOrigin, checkJoin, checkCount, checkText, checkNumber} {
		if what := check(f, r); what != "" {
			return what
		}
	}
	if _, known := tables[r.Lookup]; r.Lookup != "" && !known {
		names := slices.Sorted(maps.Keys(tables))
		if len(names) == 0 {
			return fmt.Sprintf("lookup: there is no table %q, nor any other", r.Lookup)
		}
		return fmt.Sprintf("lookup: there is no table %q%s; there are %s", r.Lookup, nearest.DidYouMean(r.Lookup, names), strings.Join(names, ", "))
	}
	return ""
}

// checkOrigin is about where the cells come from.
func checkOrigin(f *Field, r *Rule) string {
	var origins []string
	for _, o := range []struct {
		set  bool
		name string
	}{{len(r.Paths) > 0, "from"}, {r.Value != nil, "value"}, {r.PathPart != "", "part"}, {r.Join != nil, "join"}} {
		if o.set {
			origins = append(origins, o.name)
		}
	}
	switch {
	case len(origins) > 1:
		return strings.Join(origins, " and ") + ": want one of them"
	case f.Kind == EventID && (r.Value != nil || r.PathPart != "" || r.Default != nil):
		return "value, part and default would make one event of many rows; want from or join"
	case r.Value != nil && *r.Value == "":
		return "value is empty; a field without a rule may be absent"
	case r.Value != nil && r.Default != nil:
		return "default: a value is never absent"
	case r.Default != nil && *r.Default == "":
		return "default is empty, which an absent cell is already"
	case r.Optional && (r.Value != nil || r.PathPart != ""):
		return "optional is about columns; there are none"
	}
	for _, p := range r.Paths {
		if what := checkCellPath(p); what != "" {
			return what
		}
	}
	return ""
}

// checkCellPath is about a path that leads to a single cell.
func checkCellPath(p Path) string {
	switch {
	case p.IsZero() || len(p.Steps) == 0:
		return "an empty path"
	case slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Any }):
		return fmt.Sprintf("path %s: * is for the records of a document; a cell needs a name or place ([0])", p)
	}
	return ""
}

func checkJoin(f *Field, r *Rule) string {
	switch {
	case r.Join == nil:
		return ""
	case f.Kind != EventID:
		return "join makes an event id; this is " + f.Kind.said()
	case r.Count || r.Extract != "" || r.Case != "" || r.Lookup != "" || r.Map != nil || r.Strict || r.Number || r.Absolute || r.Time != "" || r.Zone != "":
		return "join: nothing else can be done to joined columns"
	}
	certain := 0
	for i, p := range r.Join {
		switch {
		case p.Optional && p.Value != nil:
			return fmt.Sprintf("join: part %d is a value, which is never absent", i+1)
		case p.Path.IsZero() == (p.Value == nil):
			return fmt.Sprintf("join: part %d wants a path or a value", i+1)
		case p.Value != nil && *p.Value == "":
			return fmt.Sprintf("join: the value of part %d is empty", i+1)
		case p.Value != nil:
			continue
		}
		if what := checkCellPath(p.Path); what != "" {
			return "join: " + what
		}
		if !p.Optional {
			certain++
		}
	}
	if certain == 0 {
		return "join: no part of it is a column that must be there, so that many rows would be one event"
	}
	return ""
}

func checkCount(f *Field, r *Rule) string {
	switch {
	case !r.Count:
		return ""
	case f.Kind != Integer:
		return "count makes a whole number; this is " + f.Kind.said()
	case r.Value != nil || r.PathPart != "":
		return "count: there is no list in a value or a part"
	case r.Extract != "" || r.Case != "" || r.Lookup != "" || r.Map != nil || r.Strict || r.Absolute:
		return "count: extract, case, lookup, map, strict and absolute are not for a list"
	}
	return ""
}

// checkText is about what is done to texts.
func checkText(_ *Field, r *Rule) string {
	if r.Case != "" && r.Case != "lower" && r.Case != "upper" {
		return fmt.Sprintf("case %q: want lower or upper", r.Case)
	}
	if r.Strict && len(r.Map) == 0 && r.Lookup == "" {
		return "strict: there is neither a map nor a lookup"
	}
	if r.Map != nil && len(r.Map) == 0 {
		return "map is empty"
	}
	for _, key := range slices.Sorted(maps.Keys(r.Map)) {
		switch {
		case key == "":
			return "map: an empty key; default says what an absent cell is"
		case r.Lookup == "" && inCase(r.Case, key) != key:
			return fmt.Sprintf("map: key %q never comes, as case is %s before it", key, r.Case)
		}
	}
	return ""
}

// checkNumber is about numbers and times.
func checkNumber(f *Field, r *Rule) string {
	switch isTime := f.Kind == Instant || f.Kind == Date; {
	case r.Number && f.Kind != Text:
		return "number makes a text of one form; this is " + f.Kind.said()
	case r.Absolute && f.Kind != Integer && !r.Number:
		return "absolute is for whole numbers, and for a text with number; this is " + f.Kind.said()
	case r.Time != "" && !isTime:
		return "time is for times and dates; this is " + f.Kind.said()
	case r.Zone != "" && !isTime:
		return "time_zone is for times and dates; this is " + f.Kind.said()
	}
	return ""
}

// said is a kind for messages.
func (k Kind) said() string {
	switch k {
	case Integer:
		return "a whole number"
	case Instant:
		return "a time"
	case Date:
		return "a date"
	case EventID:
		return "an event id"
	}
	return "text"
}
