package main

import (
	"encoding"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ratemill/pipeline"
	"ratemill/rating/nearest"
	"ratemill/rating/yamltext"
)

// form is what a value of ratemill.yaml may be: one of those that are set. The
// parser and the JSON Schema both work from it, so that there is one list of
// keys.
type form struct {
	text  *textForm // a scalar, taken as written
	whole *span     // a whole number
	flag  bool      // true or false
	list  *form     // a list of these
	keys  []key     // an object of these keys
	names *names    // an object whose keys the author chooses

	oneOf []string // of keys: one of these must be there
	def   string   // the name of a form that refers to others, in the schema's $defs
}

type textForm struct {
	words   []string       // one of these; empty: any
	pattern *regexp.Regexp // that it follows; nil: any
	like    string         // the pattern in words
	blank   bool           // "" is a text, too
}

type span struct{ least, most int }

// names is an object whose keys the author chooses.
type names struct {
	noun  string // what one is, for messages: source
	key   *textForm
	value *form
}

// key is a key of an object.
type key struct {
	name     string
	says     string // what it means, for the schema
	form     *form
	required bool
	notWith  []string // keys that cannot stand beside it

	value func() encoding.TextUnmarshaler // of a setting: the flag's type, which knows a wrong value
}

var (
	nameText = &textForm{pattern: regexp.MustCompile(`^[a-z][a-z0-9_]*$`), like: "a word of a-z, 0-9 and _"}
	ruleText = &textForm{pattern: regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`), like: "a word of letters, digits, _, - and ."}

	anyText   = &form{text: &textForm{}}
	aName     = &form{text: nameText}
	theNames  = &form{list: aName}
	oneOrMore = &form{text: &textForm{}, list: anyText}
	yesOrNo   = &form{flag: true}
)

// fileKeys are the keys of ratemill.yaml.
var fileKeys = &form{keys: append(settings,
	key{name: "sources", says: "Sources that are laid out otherwise than <source>/date=YYYY-MM-DD/*, and sources of your own, by name.",
		form: &form{names: &names{noun: "source", key: nameText, value: sourceForm}}},
	key{name: "lookups", says: "Small tables by which values are replaced, by name.",
		form: &form{names: &names{noun: "lookup", key: nameText, value: lookupForm}}},
)}

// settings are the flags of the same names, with underscores. What is said
// once (a date, --first-night) is not among them: in a file it would be said
// every night.
var settings = []key{
	{name: "exports", says: "Folder or URL under which the exports lie.", form: anyText},
	{name: "output", says: "Folder or URL under which the billing history is kept.", form: anyText},
	{name: "catalog", says: "Catalog file or URL.", form: anyText},
	{name: "workers", says: "Processors; 0: all.", form: anyText, value: func() encoding.TextUnmarshaler { return new(workers) }},
	{name: "memory", says: "Rows kept in memory before they are spilled to disk: 256MiB.", form: anyText, value: func() encoding.TextUnmarshaler { return new(size) }},
	{name: "buckets", says: "Buckets of accounts, a power of two; 0: as the inputs ask for.", form: anyText, value: func() encoding.TextUnmarshaler { return new(buckets) }},
	{name: "temp_dir", says: "Folder for spilled rows.", form: anyText},
	{name: "max_rejects", says: "Share of rejected rows above which the exit code is 3: 1%.", form: anyText, value: func() encoding.TextUnmarshaler { return new(share) }},
	{name: "grace_period", says: "How long a run that is told to stop goes on with what it has begun to publish: 25s.", form: anyText, value: func() encoding.TextUnmarshaler { return new(grace) }},
	{name: "metrics_file", says: "File to write metrics to, for the node exporter's textfile collector.", form: anyText},
	{name: "pushgateway", says: "Prometheus Pushgateway to push metrics to.", form: anyText},
	{name: "metrics_job", says: "Job under which the Pushgateway keeps the metrics: ratemill.", form: anyText},
	{name: "log_format", says: "How log lines are written to stderr: text or json.", form: anyText, value: func() encoding.TextUnmarshaler { return new(logFormat) }},
	{name: "log_level", says: "Least level of log lines: debug, info, warn or error; auto.", form: anyText, value: func() encoding.TextUnmarshaler { return new(logLevel) }},
}

var sourceForm = &form{def: "source", oneOf: []string{"path", "exports", "manifest", "expected"}, keys: append([]key{
	{name: "kind", says: "Of a source of your own: what its rows are.", form: &form{text: &textForm{words: []string{pipeline.UsageKind, pipeline.LevelsKind, pipeline.SeatsKind}}}},
	{name: "quantity", says: "Own usage: the quantity column; without it \"quantity\".", form: aName},
	{name: "decimals", says: "Own usage: decimals that quantities keep.", form: &form{whole: &span{0, pipeline.MaxDecimals}}},
	{name: "dimensions", says: "Usage: columns that prices may depend on; of a source that ratemill knows, further ones.", form: theNames},
	{name: "may_lack", says: "Usage: dimensions whose cell may be empty.", form: theNames},
	{name: "key", says: "Own usage: the column of whose row it is, such as a user, in place of a quantity.", form: aName},
	{name: "action", says: "Own usage with a key: the column that says whether it is added or removed.", form: aName},
	{name: "levels", says: "Own levels: the columns that are read.", form: theNames},
	{name: "exports", says: "Several layouts of one source, by name.", form: &form{names: &names{noun: "export", key: nameText, value: exportForm}}, notWith: namesOf(exportKeys)},
}, exportKeys...)}

var exportForm = &form{def: "export", keys: exportKeys, oneOf: []string{"path"}}

var exportKeys = append(append([]key{
	{name: "path", says: "Where the files lie under the exports' root: * and ** are wildcards; {date}, {year}, {month}, {day}, {hour} and any other {word} are placeholders.", form: oneOrMore},
}, layoutKeys...),
	key{name: "columns", says: "Where each column of the source comes from. A column that is not named comes from the one of its own name.",
		form: &form{names: &names{noun: "column", key: nameText, value: ruleForm}}},
	key{name: "leave_out", says: "Rows that are not billable, by a name that you choose. A row is left out if all conditions under a name hold.",
		form: &form{names: &names{noun: "filter", key: ruleText, value: &form{names: &names{noun: "condition on", key: &textForm{}, value: conditionForm}}}}},
	key{name: "manifest", says: "Whether a manifest must lie beside the export; without it, one that is there is believed.", form: manifestForm},
	key{name: "expected", says: "An export must be there every day.", form: expectedForm},
)

var manifestForm = &form{def: "manifest", text: manifestNeeds, keys: []key{
	{name: "need", says: "required: no file is read before its manifest is there. ignore: manifests are not looked for. Without it if_present.", form: &form{text: manifestNeeds}},
	{name: "path", says: "Where the manifest lies under the exports' root, with placeholders of the export's path; without it _manifest.json in the folder of the files.", form: anyText},
}}

var manifestNeeds = &textForm{words: []string{pipeline.ManifestRequired, pipeline.ManifestIfPresent, pipeline.ManifestIgnored}}

var expectedForm = &form{def: "expected", flag: true, keys: []key{
	{name: "rows", says: "The fewest rows of a day; without it 1. With 0 an empty file is no usage.", form: &form{whole: &span{0, 1_000_000_000}}},
	{name: "at_least", says: "The least size of a day, as a share of the median of the days before: 50%.", form: &form{text: &textForm{pattern: regexp.MustCompile(`^(100|[1-9][0-9]?)%$`), like: "a share from 1% to 100%"}}},
	{name: "days", says: "How many days the median is of; without it 7.", form: &form{whole: &span{3, 366}}},
	{name: "otherwise", says: "stop: the night is not published. warn: it is, with exit code 3. Without it stop.", form: &form{text: &textForm{words: []string{"stop", "warn"}}}},
}}

// layoutKeys say how a file is written down.
var layoutKeys = []key{
	{name: "format", says: "Without it the file's name tells.", form: &form{text: &textForm{words: []string{"csv", "json", "ndjson", "parquet", "arrow", "arrows"}}}},
	{name: "records", says: "JSON, NDJSON: the path to the records in a document.", form: anyText},
	{name: "csv", says: "How a CSV file is written.", form: &form{def: "csv", keys: []key{
		{name: "delimiter", says: "One ASCII character; without it a comma.", form: &form{text: &textForm{pattern: regexp.MustCompile(`^[\t -~]$`), like: `one ASCII character, a tab as "\t"`}}},
		{name: "skip_lines", says: "Lines before the header.", form: &form{whole: &span{0, 1000}}},
		{name: "header", says: "Names of the columns of a file without a header.", form: &form{list: anyText}},
		{name: "trim", says: "Blanks around cells, and around the names in the header, are none of them.", form: yesOrNo},
		{name: "decimal", says: "What stands before the decimals of a number; without it a point.", form: &form{text: &textForm{words: []string{",", "."}}}},
		{name: "thousands", says: "What may stand between groups of three digits; without it nothing.", form: &form{text: &textForm{words: []string{".", ",", " ", "'"}}}},
		{name: "blank_lines", says: "skip: blank lines are no rows; without it they are mistakes, but for those at the end.", form: &form{text: &textForm{words: []string{"skip"}}}},
		{name: "comment", says: "Lines that begin with this character are no rows.", form: &form{text: &textForm{pattern: regexp.MustCompile(`^[!#-~]$`), like: `one ASCII character, not a quote`}}},
		{name: "footer_lines", says: "Lines at the end that are no rows, such as totals.", form: &form{whole: &span{0, 100}}},
	}}},
	{name: "absent", says: "Cells that say one of these are empty: NULL, \\N.", form: oneOrMore},
	{name: "time_zone", says: "IANA name: of times without an offset; without it the catalog's.", form: anyText},
}

var ruleForm = &form{def: "column", text: &textForm{}, list: anyText, keys: []key{
	{name: "from", says: "The path of a column or field, or several: the first that has something. Without it the column of the same name.", form: oneOrMore, notWith: []string{"value", "part", "join", "count"}},
	{name: "value", says: "The same in every row.", form: anyText, notWith: []string{"part", "join", "count"}},
	{name: "part", says: "What a placeholder of the path stands for.", form: aName, notWith: []string{"join", "count"}},
	{name: "join", says: "Event ids: several paths and constants together.", notWith: []string{"count"}, form: &form{list: &form{text: &textForm{}, def: "part",
		oneOf: []string{"from", "value"}, keys: []key{
			{name: "from", says: "A path.", form: anyText, notWith: []string{"value"}},
			{name: "value", says: "The same in every row.", form: anyText, notWith: []string{"optional"}},
			{name: "optional", says: "The row, or the file, may lack it; it makes another id then than any text.", form: yesOrNo},
		}}}},
	{name: "count", says: "Quantities: how many elements the list at the path has.", form: oneOrMore},
	{name: "extract", says: "Regular expression (RE2): its first group, or else all that it matches.", form: anyText},
	{name: "case", says: "Text in lower or upper case.", form: &form{text: &textForm{words: []string{"lower", "upper"}}}},
	{name: "lookup", says: "The value that the lookup table of this name has for the text.", form: aName},
	{name: "map", says: "Values by what they are replaced with.", form: &form{names: &names{noun: "value", key: &textForm{}, value: &form{text: &textForm{blank: true}}}}},
	{name: "strict", says: "A text that neither map nor lookup has is rejected (not_in_map).", form: yesOrNo},
	{name: "default", says: "In place of an empty cell.", form: anyText},
	{name: "number", says: "Text columns: a decimal in its shortest form, so that 0.50 and .5 are the same.", form: yesOrNo},
	{name: "absolute", says: "Numbers lose their minus.", form: yesOrNo},
	{name: "time", says: "Times and dates: rfc2822, unix_seconds, unix_milliseconds, unix_microseconds, unix_nanoseconds, unix, or a pattern such as DD/MM/YYYY HH:mm. Without it ISO 8601.", form: anyText},
	{name: "time_zone", says: "IANA name: of times without an offset.", form: anyText},
	{name: "optional", says: "The file may lack the column.", form: yesOrNo},
}}

var conditionForm = &form{def: "condition", text: &textForm{}, list: anyText, oneOf: []string{"is", "not", "empty"}, keys: []key{
	{name: "is", says: "The cell is one of these.", form: oneOrMore},
	{name: "not", says: "The cell is none of these; an empty one is none of them.", form: oneOrMore},
	{name: "empty", says: "The cell is empty, or is not.", form: yesOrNo},
}}

var lookupForm = &form{def: "lookup", keys: append([]key{
	{name: "path", says: "The table under the exports' root.", form: anyText, required: true},
	{name: "key", says: "The column whose text is looked up.", form: anyText, required: true},
	{name: "value", says: "The column whose text takes its place.", form: anyText, required: true},
}, layoutKeys...)}

func namesOf(keys []key) []string {
	var all []string
	for _, k := range keys {
		all = append(all, k.name)
	}
	return all
}

// settingKeys are the names of the settings.
var settingKeys = namesOf(settings)

// fits checks a value against its form. What is the value in words, in is what
// it stands in: empty for the whole file.
func (m *mistakes) fits(n *yamltext.Node, f *form, what, in string) {
	switch {
	case n.Kind == yamltext.Null:
		m.Add(n.At(), "%s has no value; text goes in quotes if it is one", what)
	case n.IsScalar() && f.flag:
		if n.Kind == yamltext.Quoted || n.Text != "true" && n.Text != "false" {
			m.Add(n.Place, "%s is %s where true or false is wanted", what, n.Shown())
		}
	case n.IsScalar() && f.whole != nil:
		m.wholeNumber(n, f.whole, what)
	case n.IsScalar() && f.text != nil:
		m.textFits(n, f.text, what)
	case n.Kind == yamltext.List && f.list != nil:
		if len(n.Items) == 0 {
			m.Add(n.Place, "%s is an empty list", what)
		}
		for _, item := range n.Items {
			m.fits(item, f.list, what, in)
		}
	case n.Kind == yamltext.Object && f.names != nil:
		m.namesFit(n, f.names, what, in)
	case n.Kind == yamltext.Object && f.keys != nil:
		m.keysFit(n, f, what)
	default:
		m.Add(n.At(), "%s is %s where %s is wanted%s", what, n.Shown(), f.wanted(), hintAtQuotes(n, f))
	}
}

// wanted is the form in words.
func (f *form) wanted() string {
	var all []string
	for _, k := range []struct {
		is   bool
		says string
	}{
		{f.text != nil, "a text"}, {f.flag, "true or false"}, {f.whole != nil, "a whole number"}, {f.list != nil, "a list"},
		{f.keys != nil, "an object {key: value}"}, {f.names != nil, "an object {name: ...}"},
	} {
		if k.is {
			all = append(all, k.says)
		}
	}
	if last := len(all) - 1; last > 0 {
		return strings.Join(all[:last], ", ") + " or " + all[last]
	}
	return all[0]
}

// hintAtQuotes is for text that YAML takes for an object or a list: {date}.csv
func hintAtQuotes(n *yamltext.Node, f *form) string {
	if f.text != nil && n.Kind == yamltext.Object && len(n.Entries) == 1 && n.Entries[0].Value.Kind == yamltext.Null {
		return "; text that begins with { goes in quotes"
	}
	return ""
}

func (m *mistakes) wholeNumber(n *yamltext.Node, s *span, what string) {
	v, err := strconv.Atoi(n.Text)
	plainDigits := strings.Trim(n.Text, "0123456789") == "" && (n.Text == "0" || !strings.HasPrefix(n.Text, "0"))
	if n.Kind == yamltext.Quoted || err != nil || !plainDigits || v < s.least || v > s.most {
		m.Add(n.Place, "%s is %s where a whole number from %d to %d is wanted", what, n.Shown(), s.least, s.most)
	}
}

func (m *mistakes) textFits(n *yamltext.Node, f *textForm, what string) {
	switch {
	case n.Text == "" && !f.blank:
		m.Add(n.Place, "%s is empty", what)
	case f.words != nil && !slices.Contains(f.words, n.Text):
		m.Add(n.Place, "%s is %s where %s is wanted%s", what, n.Shown(), quotedWords(f.words), nearest.DidYouMean(n.Text, f.words))
	case f.pattern != nil && !f.pattern.MatchString(n.Text):
		m.Add(n.Place, "%s is %s where %s is wanted", what, n.Shown(), f.like)
	case f.pattern == nil && f.words == nil && strings.TrimSpace(n.Text) != n.Text:
		m.Add(n.Place, "%s %q begins or ends with a space", what, n.Text)
	}
}

// namesFit checks an object whose keys the author chooses.
func (m *mistakes) namesFit(n *yamltext.Node, f *names, what, in string) {
	if len(n.Entries) == 0 {
		m.Add(n.At(), "%s is empty", what)
	}
	for _, e := range n.Entries {
		m.textFits(e.Key, f.key, "the name of a "+f.noun)
		inside := fmt.Sprintf("%s %q", f.noun, e.Key.Text)
		if in != "" {
			inside += " of " + in
		}
		m.fits(e.Value, f.value, inside, inside)
	}
}

// keysFit checks an object whose keys are known.
func (m *mistakes) keysFit(n *yamltext.Node, f *form, what string) {
	of, in := "", ""
	if what != "" {
		of, in = " of "+what, " in "+what
	}
	for _, e := range n.Entries {
		i := slices.IndexFunc(f.keys, func(k key) bool { return k.name == e.Key.Text })
		if i < 0 {
			m.Add(e.Key.Place, "unknown key %q%s%s", e.Key.Text, in, nearest.DidYouMean(e.Key.Text, namesOf(f.keys)))
			continue
		}
		k := &f.keys[i]
		if beside := slices.IndexFunc(k.notWith, func(other string) bool { return n.Get(other) != nil }); beside >= 0 {
			m.Add(e.Key.Place, "%q cannot stand beside %q%s", k.name, k.notWith[beside], in)
		}
		m.fits(e.Value, k.form, k.name+of, what)
	}
	m.missing(n, f, what)
}

// missing tells keys that must be there, unless one that is there looks like
// the one that is meant.
func (m *mistakes) missing(n *yamltext.Node, f *form, what string) {
	there := func(name string) bool {
		return slices.ContainsFunc(n.Entries, func(e yamltext.Entry) bool {
			known := slices.ContainsFunc(f.keys, func(k key) bool { return k.name == e.Key.Text })
			return e.Key.Text == name || !known && nearest.DidYouMean(e.Key.Text, []string{name}) != ""
		})
	}
	for _, k := range f.keys {
		if k.required && !there(k.name) {
			m.Add(n.At(), "missing key %q in %s", k.name, what)
		}
	}
	if len(f.oneOf) > 0 && !slices.ContainsFunc(f.oneOf, there) {
		m.Add(n.At(), "missing key in %s: want %s", what, quotedWords(f.oneOf))
	}
}

// quotedWords are words in a sentence: "a", "b" or "c".
func quotedWords(all []string) string {
	var b strings.Builder
	for i, w := range all {
		switch {
		case i == 0:
		case i == len(all)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(w))
	}
	return b.String()
}
