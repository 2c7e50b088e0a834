package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ratemill/pipeline"
	"ratemill/rating/yamltext"
	"ratemill/readers"
)

// settingsFile is what ratemill.yaml says.
type settingsFile struct {
	mistakes
	root    *yamltext.Node // nil: it says nothing
	values  map[string]setting
	sources []pipeline.SourceSettings // by name, so that their order in the file decides nothing
	lookups []pipeline.LookupSettings
}

// setting is the text of a setting and its place.
type setting struct {
	text, place string
	node        *yamltext.Node
}

// parseSettings reads and checks the file. The error is a yamltext.Errors.
func parseSettings(name string, text []byte) (*settingsFile, error) {
	f := &settingsFile{mistakes: mistakes{yamltext.Mistakes{File: name}}, values: map[string]setting{}}
	if f.root = f.read(text); f.root == nil {
		return f, f.Err()
	}
	if f.root.Kind != yamltext.Object {
		f.Add(f.root.Place, "want lines of the form key: value")
		return f, f.Err()
	}
	if f.fits(f.root, fileKeys, "", ""); f.Found != nil {
		return f, f.Err()
	}
	for _, s := range settings {
		if n := f.root.Get(s.name); n != nil {
			f.values[s.name] = setting{n.Text, fmt.Sprintf("%s:%d:%d", name, n.Line, n.Column), n}
		}
	}
	f.readLookups()
	f.readSources()
	return f, f.Err()
}

func (f *settingsFile) readSources() {
	n := f.root.Get("sources")
	if n == nil {
		return
	}
	for _, e := range n.Entries {
		s := f.source(e.Key.Text, e.Value)
		for _, wrong := range pipeline.CheckSource(&s, f.lookups) {
			f.Add(f.placeOfSource(wrong), "%s", wrong.What)
		}
		f.sources = append(f.sources, s)
	}
	slices.SortFunc(f.sources, func(a, b pipeline.SourceSettings) int { return strings.Compare(a.Name, b.Name) })
}

func (f *settingsFile) source(name string, n *yamltext.Node) pipeline.SourceSettings {
	s := pipeline.SourceSettings{
		Name: name, Kind: n.Word("kind"), Quantity: n.Word("quantity"), Decimals: n.Number("decimals"),
		Dimensions: n.Words("dimensions"), MayLack: n.Words("may_lack"), Levels: n.Words("levels"),
		Key: n.Word("key"), Action: n.Word("action"),
	}
	exports := n.Get("exports")
	if exports == nil {
		s.Exports = []pipeline.ExportSettings{f.export("", n)}
		return s
	}
	for _, e := range exports.Entries {
		s.Exports = append(s.Exports, f.export(e.Key.Text, e.Value))
	}
	return s
}

func (f *settingsFile) export(name string, n *yamltext.Node) pipeline.ExportSettings {
	e := pipeline.ExportSettings{Name: name, Paths: n.Words("path")}
	e.Mapping.Layout = f.layout(n)
	e.Manifest, e.Expected = manifestOf(n.Get("manifest")), expectationOf(n.Get("expected"))
	if columns := n.Get("columns"); columns != nil {
		for _, c := range columns.Entries {
			e.Mapping.Rules = append(e.Mapping.Rules, f.rule(c.Key.Text, c.Value))
		}
	}
	if filters := n.Get("leave_out"); filters != nil {
		for _, c := range filters.Entries {
			e.Mapping.LeaveOut = append(e.Mapping.LeaveOut, f.filter(c.Key.Text, c.Value))
		}
	}
	return e
}

func manifestOf(n *yamltext.Node) pipeline.ManifestSettings {
	switch {
	case n == nil:
		return pipeline.ManifestSettings{}
	case n.IsScalar():
		return pipeline.ManifestSettings{Need: n.Text}
	}
	return pipeline.ManifestSettings{Need: n.Word("need"), Path: n.Word("path")}
}

// expectationOf is nil where nothing is expected.
func expectationOf(n *yamltext.Node) *pipeline.Expectation {
	if n == nil || n.IsScalar() && n.Text == "false" {
		return nil
	}
	x := &pipeline.Expectation{Days: n.Number("days"), Warn: n.Word("otherwise") == "warn"}
	if n.Get("rows") != nil {
		rows := int64(n.Number("rows"))
		x.Rows = &rows
	}
	percent, _ := strconv.ParseInt(strings.TrimSuffix(n.Word("at_least"), "%"), 10, 64) // of the form's pattern, or empty
	x.AtLeast = percent * 10_000
	return x
}

// layout is how a file is written down. Keys of one format do not stand beside
// another that is named.
func (f *settingsFile) layout(n *yamltext.Node) readers.Layout {
	l := readers.Layout{Format: readers.Format(n.Word("format")), Absent: n.Words("absent"), Zone: n.Word("time_zone")}
	if records := n.Get("records"); records != nil {
		l.Records = f.path(records)
		f.onlyWith(records, "records", l.Format, readers.JSON, readers.NDJSON)
	}
	if csv := n.Get("csv"); csv != nil {
		l.Delimiter, l.SkipLines, l.Header = csv.Word("delimiter"), csv.Number("skip_lines"), csv.Words("header")
		l.Trim, l.Decimal, l.Thousands = csv.IsTrue("trim"), csv.Word("decimal"), csv.Word("thousands")
		l.SkipBlankLines, l.Comment, l.FooterLines = csv.Word("blank_lines") == "skip", csv.Word("comment"), csv.Number("footer_lines")
		f.onlyWith(csv, "csv", l.Format, readers.CSV)
	}
	return l
}

func (f *settingsFile) onlyWith(n *yamltext.Node, key string, named readers.Format, of ...readers.Format) {
	if named != "" && !slices.Contains(of, named) {
		f.Add(n.Key.Place, "%s says nothing of format %s", key, named)
	}
}

// rule is where a column comes from. A text alone is the path; an object that
// does not say where from means the column of the same name.
func (f *settingsFile) rule(field string, n *yamltext.Node) readers.Rule {
	r := readers.Rule{Field: field}
	if n.Kind != yamltext.Object {
		r.Paths = f.paths(n)
		return r
	}
	r.Value, r.PathPart, r.Count = n.TextOf("value"), n.Word("part"), n.Get("count") != nil
	for _, from := range []string{"from", "count"} {
		if at := n.Get(from); at != nil {
			r.Paths = f.paths(at)
		}
	}
	if join := n.Get("join"); join != nil {
		r.Join = f.join(join)
	}
	if r.Paths == nil && r.Value == nil && r.PathPart == "" && r.Join == nil {
		r.Paths = []readers.Path{readers.ColumnPath(field)}
	}
	r.Extract, r.Case, r.Lookup, r.Strict = n.Word("extract"), n.Word("case"), n.Word("lookup"), n.IsTrue("strict")
	if table := n.Get("map"); table != nil {
		r.Map = map[string]string{}
		for _, e := range table.Entries {
			r.Map[e.Key.Text] = e.Value.Text
		}
	}
	r.Default, r.Number, r.Absolute, r.Optional = n.TextOf("default"), n.IsTrue("number"), n.IsTrue("absolute"), n.IsTrue("optional")
	r.Time, r.Zone = readers.TimeForm(n.Word("time")), n.Word("time_zone")
	return r
}

func (f *settingsFile) join(n *yamltext.Node) []readers.Part {
	var parts []readers.Part
	for _, item := range n.Items {
		part := readers.Part{}
		if item.Kind == yamltext.Object {
			part.Value, part.Optional = item.TextOf("value"), item.IsTrue("optional")
			item = item.Get("from")
		}
		if item != nil {
			part.Path = f.path(item)
		}
		parts = append(parts, part)
	}
	return parts
}

// filter is a named filter. A text alone, or a list, is what the cell is.
func (f *settingsFile) filter(name string, n *yamltext.Node) readers.Filter {
	filter := readers.Filter{Name: name}
	for _, e := range n.Entries {
		c := readers.Condition{Path: f.path(e.Key)}
		if e.Value.Kind != yamltext.Object {
			c.Is = e.Value.Texts()
		} else {
			c.Is, c.Not = e.Value.Words("is"), e.Value.Words("not")
			if empty := e.Value.Get("empty"); empty != nil {
				is := empty.Text == "true"
				c.Empty = &is
			}
		}
		filter.Conditions = append(filter.Conditions, c)
	}
	return filter
}

func (f *settingsFile) readLookups() {
	n := f.root.Get("lookups")
	if n == nil {
		return
	}
	for _, e := range n.Entries {
		l := pipeline.LookupSettings{Name: e.Key.Text, Path: e.Value.Word("path"), Key: e.Value.Word("key"), Value: e.Value.Word("value"), Layout: f.layout(e.Value)}
		if key, err := pipeline.CheckLookup(&l); err != nil {
			f.Add(e.Value.Get(key).Place, "%v", err)
		}
		f.lookups = append(f.lookups, l)
	}
	slices.SortFunc(f.lookups, func(a, b pipeline.LookupSettings) int { return strings.Compare(a.Name, b.Name) })
}

// paths are one path, or several.
func (f *settingsFile) paths(n *yamltext.Node) []readers.Path {
	if n.Kind != yamltext.List {
		return []readers.Path{f.path(n)}
	}
	var all []readers.Path
	for _, item := range n.Items {
		all = append(all, f.path(item))
	}
	return all
}

func (f *settingsFile) path(n *yamltext.Node) readers.Path {
	p, err := readers.ParsePath(n.Text)
	if err != nil {
		f.Add(n.Place, "%v", err)
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
	m := mistakes{yamltext.Mistakes{File: f.File, Lines: f.Lines}}
	m.Add(f.placeOfSource(wrong), "%s", wrong.What)
	return &pipeline.UsageError{What: m.Err().Error(), Hint: sourcesHint}
}

// placeOfSource is where the file says what is wrong about a source: the
// nearest that can be found.
func (f *settingsFile) placeOfSource(e *pipeline.SourceError) yamltext.Place {
	at := f.root.Get("sources").Get(e.Source)
	if at == nil {
		return yamltext.Place{Line: 1, Column: 1}
	}
	if e.Export != "" {
		if export := at.Get("exports").Get(e.Export); export != nil {
			at = export
		}
	}
	value := at.Get(e.Key)
	switch {
	case value == nil:
		return at.Key.Place
	case value.Get(e.Item) != nil:
		return value.Get(e.Item).Key.Place
	}
	for _, item := range value.Items {
		if item.Text == e.Item {
			return item.Place
		}
	}
	return value.At()
}
