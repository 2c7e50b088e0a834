package readers

import (
	"fmt"
	"strings"

	"ratemill/rating/calendar"
	"ratemill/rating/nearest"
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
	from  []int // raw fields, in the order of Paths; of Join those that are not optional
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
	from     int      // raw field, or -1
	id       [16]byte // of a constant
	text     string   // likewise
	optional bool
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
	json  bool
	texts bool
	scale int
	time  TimeForm
	zone  string
}

func compile(schema *Schema, m *Mapping, zone calendar.Zone) (*plan, error) {
	c := &compiler{mapping: m, zone: zone, known: map[rawKey]int{}}
	c.schema, c.raw = schema, &Schema{Source: schema.Source}
	if what := checkLayout(&m.Layout); what != "" {
		return nil, &RuleError{What: what}
	}
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
			what := fmt.Sprintf("source %s has no such field%s; there are %s", schema.Source, nearest.DidYouMean(r.Field, names), strings.Join(names, ", "))
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
	if err := checkTimeForm(f.Time); err != nil {
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
		if r.fallback = r.finish(*rule.Default, *rule.Default, parser, numberMarks{}); r.fallback.state != cellThere {
			return fmt.Sprintf("default %q: %s", *rule.Default, r.fallback.bad.Reason)
		}
	}
	if rule.Value != nil {
		switch r.fixed = r.read(*rule.Value, parser, numberMarks{}); r.fixed.state {
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
	raw := Field{Kind: r.field.Kind, Time: r.field.Time, Zone: r.field.Zone, Scale: r.field.Scale, Count: r.field.Count, JSON: r.field.JSON, Texts: r.field.Texts}
	switch {
	case r.work.needed() || raw.Kind == Text && (len(rule.Paths) > 1 || rule.Default != nil):
		r.way = viaText
		raw = Field{Kind: Text, JSON: r.field.JSON}
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
			r.join = append(r.join, joinPart{from: -1, id: Key([]byte(*p.Value)), text: *p.Value})
			continue
		}
		at := c.read(Field{Kind: EventID, Path: p.Path, Texts: r.field.Texts})
		r.join = append(r.join, joinPart{from: at, optional: p.Optional})
		if !p.Optional {
			r.from = append(r.from, at)
		}
	}
	if len(r.join) > 1 {
		r.way = joinedIDs
	}
}

// read is the place of a raw field, which is added if nobody wanted it yet.
func (c *compiler) read(f Field) int {
	f.Path, f.Optional = f.path(), true
	f.Name = f.Path.Text
	key := rawKey{fmt.Sprintf("%q %v", f.Path.Text, f.Path.Steps), f.Kind, f.Count, f.JSON, f.Texts, f.Scale, f.Time, ""}
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
