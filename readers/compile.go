package readers

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"ratemill/rating/calendar"
)

// plan is a Mapping worked out for a Schema: what to read of a file, and how
// to make the fields of it. It does not change while files are read.
type plan struct {
	schema  *Schema
	raw     *Schema // the columns to read; the file may lack any of them
	recipes []recipe
	filters []filter
}

// recipe is how the column of one field is made.
type recipe struct {
	way   way
	field Field // as its texts are read, with the Time and Zone of its rule
	from  []int // raw fields, in the order of Paths or Join
	must  bool  // the file has to have one of them, or all if joined
	named bool  // the rule names its columns, or else the schema does

	times    int64 // merged: of what was read
	absolute bool  // merged
	work     *textWork
	fallback cell // of Default; absent where there is none

	fixed cell   // of Value
	part  string // of PathPart

	join []joinPart
}

// way is the kind of a recipe.
type way uint8

const (
	direct    way = iota // the raw column is the field's
	merged               // the first of several columns of the field's Kind, or one that is changed as a number
	viaText              // the first of several texts, worked on
	constant             // the same in every row of the file
	joinedIDs            // an id of several others
)

// joinPart is a part of a joined id.
type joinPart struct {
	from int      // raw field, or -1
	id   [16]byte // of a constant
}

// CheckMapping says what is wrong with a mapping for its source, as far as
// that can be said without a file. The rows of the lookup tables need not be
// known, but their names. It returns a *RuleError.
func CheckMapping(schema *Schema, m *Mapping) error {
	_, err := compile(schema, m, calendar.Zone{})
	return err
}

// compiler is a plan that is being made.
type compiler struct {
	plan
	mapping *Mapping
	zone    calendar.Zone  // of the files
	wall    *calendar.Zone // of times without an offset; nil: zone
	known   map[rawKey]int
}

// rawKey tells raw fields apart, so that a column is read once for all who
// want it in the same way.
type rawKey struct {
	path  string
	kind  Kind
	count bool
	scale int
	time  TimeForm
	zone  string
}

func compile(schema *Schema, m *Mapping, zone calendar.Zone) (*plan, error) {
	c := &compiler{mapping: m, zone: zone, known: map[rawKey]int{}}
	c.schema, c.raw = schema, &Schema{Source: schema.Source}
	if m.Zone != "" {
		wall, err := calendar.LoadZone(m.Zone)
		if err != nil {
			return nil, &RuleError{What: fmt.Sprintf("time_zone: %v", err)}
		}
		c.wall = &wall
	}
	rules, err := rulesOf(schema, m)
	if err != nil {
		return nil, err
	}
	for i := range schema.Fields {
		r, what := c.recipe(&schema.Fields[i], rules[i])
		if what != "" {
			return nil, &RuleError{Field: schema.Fields[i].Name, What: what}
		}
		c.recipes = append(c.recipes, r)
	}
	if c.filters, err = c.leaveOut(m.LeaveOut); err != nil {
		return nil, err
	}
	return &c.plan, nil
}

// rulesOf finds the rule of each field, nil where it has none.
func rulesOf(schema *Schema, m *Mapping) ([]*Rule, error) {
	rules := make([]*Rule, len(schema.Fields))
	for i := range m.Rules {
		r := &m.Rules[i]
		at := schema.Field(r.Field)
		switch {
		case at < 0:
			names := make([]string, len(schema.Fields))
			for k := range schema.Fields {
				names[k] = schema.Fields[k].Name
			}
			what := fmt.Sprintf("source %s has no such field%s; there are %s", schema.Source, didYouMean(r.Field, names), strings.Join(names, ", "))
			return nil, &RuleError{Field: r.Field, What: what}
		case rules[at] != nil:
			return nil, &RuleError{Field: r.Field, What: "it has two rules"}
		}
		rules[at] = r
	}
	return rules, nil
}

// recipe works out one field. what says why that cannot be.
func (c *compiler) recipe(f *Field, rule *Rule) (r recipe, what string) {
	if rule == nil {
		raw := *f
		if raw.Zone == nil {
			raw.Zone = c.wall
		}
		return recipe{field: raw, from: []int{c.read(raw)}, must: !f.Optional}, ""
	}
	if what := checkRule(f, rule, c.mapping.Tables); what != "" {
		return r, what
	}
	r = recipe{field: *f, part: rule.PathPart, times: 1, absolute: rule.Absolute, named: len(rule.Paths)+len(rule.Join) > 0}
	r.must = !rule.Optional && (r.named || !f.Optional)
	if what := c.times(&r.field, rule); what != "" {
		return r, what
	}
	if r.work, what = newTextWork(rule, c.mapping.Tables[rule.Lookup]); what != "" {
		return r, what
	}
	if what := c.constants(&r, rule); what != "" {
		return r, what
	}
	switch {
	case rule.Value != nil, rule.PathPart != "":
		r.way, r.must = constant, false
	case rule.Join != nil:
		c.joined(&r, rule)
	default:
		c.columns(&r, rule)
	}
	return r, ""
}

// times settles how the field's times are written.
func (c *compiler) times(f *Field, rule *Rule) (what string) {
	if rule.Time != "" {
		f.Time = rule.Time
	}
	if err := CheckTimeForm(f.Time); err != nil {
		return err.Error()
	}
	if f.Zone == nil {
		f.Zone = c.wall
	}
	if rule.Zone != "" {
		zone, err := calendar.LoadZone(rule.Zone)
		if err != nil {
			return fmt.Sprintf("time_zone: %v", err)
		}
		f.Zone = &zone
	}
	return ""
}

// constants reads Default and Value, once for all rows.
func (c *compiler) constants(r *recipe, rule *Rule) (what string) {
	parser := newCellParser(c.zone)
	if rule.Default != nil {
		if r.fallback = r.finish(*rule.Default, *rule.Default, parser); r.fallback.state != cellThere {
			return fmt.Sprintf("default %q: %s", *rule.Default, r.fallback.bad.Reason)
		}
	}
	if rule.Value != nil {
		switch r.fixed = r.read(*rule.Value, parser); r.fixed.state {
		case cellBad:
			return fmt.Sprintf("value %q: %s", *rule.Value, r.fixed.bad.Reason)
		case cellAbsent:
			return fmt.Sprintf("value %q: nothing is left of it", *rule.Value)
		}
	}
	return ""
}

// columns is a field that is made of the first of several columns.
func (c *compiler) columns(r *recipe, rule *Rule) {
	raw := Field{Kind: r.field.Kind, Time: r.field.Time, Zone: r.field.Zone, Scale: r.field.Scale, Count: r.field.Count}
	switch {
	case r.work.needed() || raw.Kind == Text && (len(rule.Paths) > 1 || rule.Default != nil):
		r.way = viaText
		raw = Field{Kind: Text}
	case rule.Count:
		raw.Count, raw.Scale = true, 0
		for range r.field.Scale {
			r.times *= 10
		}
	}
	paths := rule.Paths
	if len(paths) == 0 {
		paths = []Path{r.field.path()}
	}
	for _, path := range paths {
		raw.Path = path
		r.from = append(r.from, c.read(raw))
	}
	if r.way == direct && (len(r.from) > 1 || r.times != 1 || r.absolute || rule.Default != nil) {
		r.way = merged
	}
}

// joined is an id of several others. A single one is what it is alone.
func (c *compiler) joined(r *recipe, rule *Rule) {
	for _, p := range rule.Join {
		if p.Value != nil {
			r.join = append(r.join, joinPart{from: -1, id: Key([]byte(*p.Value))})
			continue
		}
		at := c.read(Field{Kind: EventID, Path: p.Path})
		r.from, r.join = append(r.from, at), append(r.join, joinPart{from: at})
	}
	if len(r.join) > 1 {
		r.way = joinedIDs
	}
}

// read is the place of a raw field, which is added if nobody wanted it yet.
func (c *compiler) read(f Field) int {
	f.Path, f.Optional = f.path(), true
	f.Name = f.Path.Text
	key := rawKey{fmt.Sprintf("%q %v", f.Path.Text, f.Path.Steps), f.Kind, f.Count, f.Scale, f.Time, ""}
	if f.Zone != nil {
		key.zone = f.Zone.Location().String()
	}
	at, known := c.known[key]
	if !known {
		at = len(c.raw.Fields)
		c.raw.Fields, c.known[key] = append(c.raw.Fields, f), at
	}
	return at
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
		return fmt.Sprintf("lookup: there is no table %q%s; there are %s", r.Lookup, didYouMean(r.Lookup, names), strings.Join(names, ", "))
	}
	return ""
}

// checkOrigin is about where the cells come from.
func checkOrigin(f *Field, r *Rule) string {
	var origins []string
	for _, o := range []struct {
		set  bool
		name string
	}{{len(r.Paths) > 0, "paths"}, {r.Value != nil, "value"}, {r.PathPart != "", "path_part"}, {r.Join != nil, "join"}} {
		if o.set {
			origins = append(origins, o.name)
		}
	}
	switch {
	case len(origins) > 1:
		return strings.Join(origins, " and ") + ": want one of them"
	case f.Kind == EventID && (r.Value != nil || r.PathPart != "" || r.Default != nil):
		return "value, path_part and default would make one event of many rows; want paths or join"
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
	paths := 0
	for i, p := range r.Join {
		switch {
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
		paths++
	}
	if paths == 0 {
		return "join: no part of it is a column, so that all rows would be one event"
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
		return "count: there is no list in a value or a path_part"
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

// textWork is what is done to the text of a cell before it is a number.
type textWork struct {
	extract *regexp.Regexp
	letters string // Rule.Case
	lookup  map[string]string
	values  map[string]string // Rule.Map
	strict  bool
	number  bool
	always  bool // a text is needed though nothing is done to it: it may be looked up one day
}

func newTextWork(r *Rule, table map[string]string) (w *textWork, what string) {
	w = &textWork{letters: r.Case, lookup: table, values: r.Map, strict: r.Strict, number: r.Number}
	w.always = r.Lookup != ""
	if r.Extract != "" {
		var err error
		if w.extract, err = regexp.Compile(r.Extract); err != nil {
			return nil, fmt.Sprintf("extract: %v", err)
		}
	}
	return w, ""
}

// needed tells whether there is anything to do.
func (w *textWork) needed() bool {
	return w.always || w.extract != nil || w.letters != "" || w.values != nil || w.number
}

// of is what a text becomes up to Strict; empty where nothing is left of it.
func (w *textWork) of(text string) (string, Reason) {
	if w.extract != nil {
		if text = extracted(w.extract, text); text == "" {
			return "", fine
		}
	}
	text = inCase(w.letters, text)
	looked, known := w.lookup[text]
	if known {
		text = looked
	}
	if value, is := w.values[text]; is {
		text, known = value, true
	}
	if w.strict && !known {
		return "", NotInMap
	}
	return text, fine
}

func extracted(pattern *regexp.Regexp, text string) string {
	found := pattern.FindStringSubmatchIndex(text)
	if found == nil {
		return ""
	}
	if len(found) > 2 {
		found = found[2:]
	}
	if found[0] < 0 { // a group that is not part of what matched
		return ""
	}
	return text[found[0]:found[1]]
}

func inCase(letters, text string) string {
	switch letters {
	case "lower":
		return strings.ToLower(text)
	case "upper":
		return strings.ToUpper(text)
	}
	return text
}

// cell is one value by itself. Which part of it counts depends on the Kind of
// its field.
type cell struct {
	state  state
	text   string
	number int64
	id     [16]byte
	bad    BadCell
}

type state uint8

const (
	cellAbsent state = iota
	cellThere
	cellBad
)

// read makes a cell of a text as the export has it.
func (r *recipe) read(text string, parser *cellParser) cell {
	made, why := r.work.of(text)
	switch {
	case why != fine:
		return cell{state: cellBad, bad: badCell([]byte(text), why)}
	case made == "":
		return r.fallback
	}
	return r.finish(made, text, parser)
}

// finish makes a cell of a text that is worked on, which was written otherwise
// in the export.
func (r *recipe) finish(text, written string, parser *cellParser) cell {
	c, why := cell{state: cellThere, text: text}, fine
	switch r.field.Kind {
	case Text:
		if r.work.number {
			c.text, why = shortest(text, r.absolute)
		}
	case EventID:
		c.id = Key([]byte(text))
	default:
		if c.number, why = parser.number(&r.field, []byte(text)); why == fine && r.absolute {
			c.number, why = withoutMinus(c.number)
		}
	}
	if why != fine {
		return cell{state: cellBad, bad: badCell([]byte(written), why)}
	}
	return c
}

// withoutMinus is a number without its minus.
func withoutMinus(v int64) (int64, Reason) {
	switch {
	case v == math.MinInt64:
		return 0, Overflow
	case v < 0:
		return -v, fine
	}
	return v, fine
}
