package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ratemill/pipeline"
	"ratemill/readers"
)

// settingsFile is what ratemill.yaml says.
type settingsFile struct {
	mistakes
	root    *node // nil: it says nothing
	values  map[string]setting
	sources []pipeline.SourceSettings // by name, so that their order in the file decides nothing
	lookups []pipeline.LookupSettings
}

// setting is the text of a setting and its place.
type setting struct {
	text, place string
	node        *node
}

// parseSettings reads and checks the file. The error is a catalog.Errors.
func parseSettings(name string, text []byte) (*settingsFile, error) {
	f := &settingsFile{mistakes: mistakes{file: name}, values: map[string]setting{}}
	if f.root = f.read(text); f.root == nil {
		return f, f.err()
	}
	if f.root.kind != object {
		f.add(f.root.place, "want lines of the form key: value")
		return f, f.err()
	}
	if f.fits(f.root, fileKeys, "", ""); f.found != nil {
		return f, f.err()
	}
	for _, s := range settings {
		if n := f.root.get(s.name); n != nil {
			f.values[s.name] = setting{n.text, fmt.Sprintf("%s:%d:%d", name, n.line, n.column), n}
		}
	}
	f.readLookups()
	f.readSources()
	return f, f.err()
}

func (f *settingsFile) readSources() {
	n := f.root.get("sources")
	if n == nil {
		return
	}
	for _, e := range n.entries {
		s := f.source(e.key.text, e.value)
		for _, wrong := range pipeline.CheckSource(&s, f.lookups) {
			f.add(f.placeOfSource(wrong), "%s", wrong.What)
		}
		f.sources = append(f.sources, s)
	}
	slices.SortFunc(f.sources, func(a, b pipeline.SourceSettings) int { return strings.Compare(a.Name, b.Name) })
}

func (f *settingsFile) source(name string, n *node) pipeline.SourceSettings {
	s := pipeline.SourceSettings{
		Name: name, Kind: n.word("kind"), Quantity: n.word("quantity"), Decimals: n.number("decimals"),
		Dimensions: n.words("dimensions"), MayLack: n.words("may_lack"), Levels: n.words("levels"),
		Key: n.word("key"), Action: n.word("action"),
	}
	exports := n.get("exports")
	if exports == nil {
		s.Exports = []pipeline.ExportSettings{f.export("", n)}
		return s
	}
	for _, e := range exports.entries {
		s.Exports = append(s.Exports, f.export(e.key.text, e.value))
	}
	return s
}

func (f *settingsFile) export(name string, n *node) pipeline.ExportSettings {
	e := pipeline.ExportSettings{Name: name, Paths: n.words("path")}
	e.Mapping.Layout = f.layout(n)
	e.Manifest, e.Expected = manifestOf(n.get("manifest")), expectationOf(n.get("expected"))
	if columns := n.get("columns"); columns != nil {
		for _, c := range columns.entries {
			e.Mapping.Rules = append(e.Mapping.Rules, f.rule(c.key.text, c.value))
		}
	}
	if filters := n.get("leave_out"); filters != nil {
		for _, c := range filters.entries {
			e.Mapping.LeaveOut = append(e.Mapping.LeaveOut, f.filter(c.key.text, c.value))
		}
	}
	return e
}

func manifestOf(n *node) pipeline.ManifestSettings {
	switch {
	case n == nil:
		return pipeline.ManifestSettings{}
	case n.isScalar():
		return pipeline.ManifestSettings{Need: n.text}
	}
	return pipeline.ManifestSettings{Need: n.word("need"), Path: n.word("path")}
}

// expectationOf is nil where nothing is expected.
func expectationOf(n *node) *pipeline.Expectation {
	if n == nil || n.isScalar() && n.text == "false" {
		return nil
	}
	x := &pipeline.Expectation{Days: n.number("days"), Warn: n.word("otherwise") == "warn"}
	if n.get("rows") != nil {
		rows := int64(n.number("rows"))
		x.Rows = &rows
	}
	percent, _ := strconv.ParseInt(strings.TrimSuffix(n.word("at_least"), "%"), 10, 64) // of the form's pattern, or empty
	x.AtLeast = percent * 10_000
	return x
}

// layout is how a file is written down. Keys of one format do not stand beside
// another that is named.
func (f *settingsFile) layout(n *node) readers.Layout {
	l := readers.Layout{Format: readers.Format(n.word("format")), Absent: n.words("absent"), Zone: n.word("time_zone")}
	if records := n.get("records"); records != nil {
		l.Records = f.path(records)
		f.onlyWith(records, "records", l.Format, readers.JSON, readers.NDJSON)
	}
	if csv := n.get("csv"); csv != nil {
		l.Delimiter, l.SkipLines, l.Header = csv.word("delimiter"), csv.number("skip_lines"), csv.words("header")
		l.Trim, l.Decimal, l.Thousands = csv.isTrue("trim"), csv.word("decimal"), csv.word("thousands")
		l.SkipBlankLines, l.Comment, l.FooterLines = csv.word("blank_lines") == "skip", csv.word("comment"), csv.number("footer_lines")
		f.onlyWith(csv, "csv", l.Format, readers.CSV)
	}
	return l
}

func (f *settingsFile) onlyWith(n *node, key string, named readers.Format, of ...readers.Format) {
	if named != "" && !slices.Contains(of, named) {
		f.add(n.key.place, "%s says nothing of format %s", key, named)
	}
}

// rule is where a column comes from. A text alone is the path; an object that
// does not say where from means the column of the same name.
func (f *settingsFile) rule(field string, n *node) readers.Rule {
	r := readers.Rule{Field: field}
	if n.kind != object {
		r.Paths = f.paths(n)
		return r
	}
	r.Value, r.PathPart, r.Count = n.textOf("value"), n.word("part"), n.get("count") != nil
	for _, from := range []string{"from", "count"} {
		if at := n.get(from); at != nil {
			r.Paths = f.paths(at)
		}
	}
	if join := n.get("join"); join != nil {
		r.Join = f.join(join)
	}
	if r.Paths == nil && r.Value == nil && r.PathPart == "" && r.Join == nil {
		r.Paths = []readers.Path{readers.ColumnPath(field)}
	}
	r.Extract, r.Case, r.Lookup, r.Strict = n.word("extract"), n.word("case"), n.word("lookup"), n.isTrue("strict")
	if table := n.get("map"); table != nil {
		r.Map = map[string]string{}
		for _, e := range table.entries {
			r.Map[e.key.text] = e.value.text
		}
	}
	r.Default, r.Number, r.Absolute, r.Optional = n.textOf("default"), n.isTrue("number"), n.isTrue("absolute"), n.isTrue("optional")
	r.Time, r.Zone = readers.TimeForm(n.word("time")), n.word("time_zone")
	return r
}

func (f *settingsFile) join(n *node) []readers.Part {
	var parts []readers.Part
	for _, item := range n.items {
		part := readers.Part{}
		if item.kind == object {
			part.Value, part.Optional = item.textOf("value"), item.isTrue("optional")
			item = item.get("from")
		}
		if item != nil {
			part.Path = f.path(item)
		}
		parts = append(parts, part)
	}
	return parts
}

// filter is a named filter. A text alone, or a list, is what the cell is.
func (f *settingsFile) filter(name string, n *node) readers.Filter {
	filter := readers.Filter{Name: name}
	for _, e := range n.entries {
		c := readers.Condition{Path: f.path(e.key)}
		if e.value.kind != object {
			c.Is = e.value.texts()
		} else {
			c.Is, c.Not = e.value.words("is"), e.value.words("not")
			if empty := e.value.get("empty"); empty != nil {
				is := empty.text == "true"
				c.Empty = &is
			}
		}
		filter.Conditions = append(filter.Conditions, c)
	}
	return filter
}

func (f *settingsFile) readLookups() {
	n := f.root.get("lookups")
	if n == nil {
		return
	}
	for _, e := range n.entries {
		l := pipeline.LookupSettings{Name: e.key.text, Path: e.value.word("path"), Key: e.value.word("key"), Value: e.value.word("value"), Layout: f.layout(e.value)}
		if key, err := pipeline.CheckLookup(&l); err != nil {
			f.add(e.value.get(key).place, "%v", err)
		}
		f.lookups = append(f.lookups, l)
	}
	slices.SortFunc(f.lookups, func(a, b pipeline.LookupSettings) int { return strings.Compare(a.Name, b.Name) })
}

// paths are one path, or several.
func (f *settingsFile) paths(n *node) []readers.Path {
	if n.kind != list {
		return []readers.Path{f.path(n)}
	}
	var all []readers.Path
	for _, item := range n.items {
		all = append(all, f.path(item))
	}
	return all
}

func (f *settingsFile) path(n *node) readers.Path {
	p, err := readers.ParsePath(n.text)
	if err != nil {
		f.add(n.place, "%v", err)
	}
	return p
}

// placed is an error about a source with its place in the file, others as
// they are.
func (f *settingsFile) placed(err error) error {
	var wrong *pipeline.SourceError
	if !errors.As(err, &wrong) || f.root == nil {
		return err
	}
	m := mistakes{file: f.file, lines: f.lines}
	m.add(f.placeOfSource(wrong), "%s", wrong.What)
	return &pipeline.UsageError{What: m.err().Error(), Hint: sourcesHint}
}

// placeOfSource is where the file says what is wrong about a source: the
// nearest that can be found.
func (f *settingsFile) placeOfSource(e *pipeline.SourceError) place {
	at := f.root.get("sources").get(e.Source)
	if at == nil {
		return place{1, 1}
	}
	if e.Export != "" {
		if export := at.get("exports").get(e.Export); export != nil {
			at = export
		}
	}
	value := at.get(e.Key)
	switch {
	case value == nil:
		return at.key.place
	case value.get(e.Item) != nil:
		return value.get(e.Item).key.place
	}
	for _, item := range value.items {
		if item.text == e.Item {
			return item.place
		}
	}
	return value.at()
}

// What follows reads values whose form is right already.

// word is the text of a key, or empty.
func (n *node) word(key string) string {
	if v := n.get(key); v != nil {
		return v.text
	}
	return ""
}

// textOf is the text of a key, or nil.
func (n *node) textOf(key string) *string {
	if v := n.get(key); v != nil {
		return &v.text
	}
	return nil
}

// words are the texts of a key: one, or those of a list.
func (n *node) words(key string) []string {
	if v := n.get(key); v != nil {
		return v.texts()
	}
	return nil
}

func (n *node) texts() []string {
	if n.kind != list {
		return []string{n.text}
	}
	var all []string
	for _, item := range n.items {
		all = append(all, item.text)
	}
	return all
}

func (n *node) isTrue(key string) bool { return n.word(key) == "true" }

func (n *node) number(key string) int {
	v, _ := strconv.Atoi(n.word(key))
	return v
}
