package catalog

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"ratemill/rating/yamltext"
)

// TestSchemaFile: docs/catalog.schema.json is what `ratemill catalog schema`
// prints.
func TestSchemaFile(t *testing.T) {
	const path = "../../docs/catalog.schema.json"
	if *rewrite {
		if err := os.WriteFile(path, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, Schema()) {
		t.Errorf("%s is not what the program prints: make rewrite (%v)", path, err)
	}
}

// TestSchemaHasWhatTheParserAsks holds the forms of the schema against what the
// parser asked for in all fixtures, broken catalogs and generated ones: the same
// keys, required alike, with the same words, and no other.
func TestSchemaHasWhatTheParserAsks(t *testing.T) {
	w := &watch{forms: map[string]*watched{}, values: map[*node][2]string{}}
	read := func(text string) {
		p := &problems{watch: w}
		if root := p.read([]byte(text)); root != nil {
			p.draft(root)
		}
		clear(w.values)
	}
	for _, text := range fixtures(t) {
		read(text)
	}
	for _, c := range errorCases(t) {
		read(broken(t, c.input))
	}
	rapid.Check(t, func(rt *rapid.T) { read(generate(rt).Print()) })
	delete(w.forms, "%s") // pricing models, whose tags both work from

	names := map[string]bool{}
	for i := range forms {
		f := &forms[i]
		if asked := w.forms[f.name]; asked == nil {
			t.Errorf("form %q: the parser asks for no such object", f.name)
		} else {
			f.compare(t, asked)
		}
		if def := defName(f.name); names[def] {
			t.Errorf("two forms are called %q", def)
		} else {
			names[def] = true
		}
		delete(w.forms, f.name)
	}
	for name, asked := range w.forms {
		t.Errorf("the parser asks for %q with %v: add the form to schema_forms.go", name, asked.keys)
	}
}

func (f *form) compare(t *testing.T, asked *watched) {
	t.Helper()
	for _, k := range f.keys {
		if !asked.keys[k.key] {
			t.Errorf("form %q: the parser takes no key %q", f.name, k.key)
		}
		needed := k.required
		for _, beside := range f.needs {
			needed = needed || slices.Contains(beside, k.key)
		}
		if needed != asked.needed[k.key] {
			t.Errorf("form %q: key %q is required by the parser: %v", f.name, k.key, asked.needed[k.key])
		}
		if words := asked.wordsFor[k.key]; !slices.Equal(words, wordsOf(k.value)) && words != nil {
			t.Errorf("form %q: key %q takes the words %q, the schema says %q", f.name, k.key, words, wordsOf(k.value))
		}
		delete(asked.keys, k.key)
		if !strings.HasSuffix(k.says, ".") || !strings.HasSuffix(f.says, ".") {
			t.Errorf("form %q, key %q: no sentence", f.name, k.key)
		}
	}
	for _, choice := range asked.choices {
		if a, b := slices.Sorted(slices.Values(choice)), slices.Sorted(slices.Values(f.oneOf)); !slices.Equal(a, b) {
			t.Errorf("form %q: the parser wants one of %v, the schema one of %v", f.name, choice, f.oneOf)
		}
	}
	for key := range asked.keys {
		if f.others != nil && !(f.name == "%q of plan %q" && slices.Contains(planWords, key)) {
			continue // a name that the author chose
		}
		t.Errorf("form %q: the parser takes a key %q, which the schema lacks", f.name, key)
	}
}

// wordsOf are the words of a schema, those of a choice as well.
func wordsOf(s schema) []string {
	words, _ := s["enum"].([]string)
	all, _ := s["anyOf"].([]any)
	for _, one := range all {
		words = append(words, wordsOf(one.(schema))...)
	}
	return words
}

// TestSchemaTakesCatalogs: what the parser takes, the schema takes.
func TestSchemaTakesCatalogs(t *testing.T) {
	s := compiledSchema(t)
	for name, text := range fixtures(t) {
		if err := s.Validate(asEditorsRead(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if t.Failed() {
		return
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := generate(rt).Print()
		if err := s.Validate(asEditorsRead(rt, text)); err != nil {
			rt.Fatalf("%v\n%s", err, text)
		}
	})
}

// sayable are the messages of mistakes that a schema can tell.
var sayable = regexp.MustCompile(`unknown key|missing key|only one of .* can be|is a list where|is an object where|is an empty list` +
	`| where "[a-z_]+"|where a date YYYY|where a percentage|where a country code|where a number of|where a length of time|where a factor|must not be negative|is in quotes: write the number`)

// beyondSchema are such messages that depend on names which the catalog's author
// chooses (cohorts and meters, in plans), or on the word of another key.
var beyondSchema = regexp.MustCompile(`unknown key .* in ("[a-z]+" of )?plan "|unknown key "holds" in active meter`)

// TestSchemaRefuses: of the mistakes that the parser finds, the schema refuses
// those that it can tell.
func TestSchemaRefuses(t *testing.T) {
	s := compiledSchema(t)
	refused := 0
	for _, c := range errorCases(t) {
		text := broken(t, c.input)
		m := yamltext.Mistakes{}
		root := m.Read([]byte(text), language)
		if root == nil || m.Found != nil {
			continue // no YAML of the language
		}
		for _, line := range strings.Split(c.want, "\n") {
			if !sayable.MatchString(line) || beyondSchema.MatchString(line) {
				continue
			}
			if err := s.Validate(editorValue(root)); err == nil {
				t.Errorf("the schema takes what the parser refuses: %s\n%s", line, c.input)
			}
			refused++
			break
		}
	}
	if refused < 60 {
		t.Errorf("only %d cases", refused)
	}
}

func compiledSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("catalog.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("catalog.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fixtures are the texts of the fixture catalogs, by name.
func fixtures(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../fixtures/catalogs/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d catalogs: %v", len(files), err)
	}
	all := map[string]string{}
	for _, file := range files {
		all[filepath.Base(file)] = fixture(t, filepath.Base(file))
	}
	return all
}

// asEditorsRead is a catalog as YAML 1.2 has it, and so the language servers of
// editors: numbers are numbers there, and days are texts.
func asEditorsRead(t interface{ Fatal(...any) }, text string) any {
	m := yamltext.Mistakes{}
	root := m.Read([]byte(text), language)
	if root == nil {
		t.Fatal(m.Err())
	}
	return editorValue(root)
}

var editorNumber = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

func editorValue(n *yamltext.Node) any {
	switch n.Kind {
	case yamltext.Object:
		o := map[string]any{}
		for _, e := range n.Entries {
			o[e.Key.Text] = editorValue(e.Value)
		}
		return o
	case yamltext.List:
		l := []any{}
		for _, item := range n.Items {
			l = append(l, editorValue(item))
		}
		return l
	case yamltext.Null:
		return nil
	case yamltext.Plain:
		if n.Text == "true" || n.Text == "false" {
			return n.Text == "true"
		}
		if editorNumber.MatchString(n.Text) {
			number := strings.TrimLeft(strings.TrimPrefix(n.Text, "+"), "0")
			if number == "" || !('0' <= number[0] && number[0] <= '9' || number[0] == '-') {
				number = "0" + number
			}
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.TrimSuffix(number, ".")))
			if err == nil {
				return v
			}
		}
		return n.Text
	}
	return strings.Clone(n.Text)
}

// errorCase is a case of testdata/errors.
type errorCase struct{ name, input, want string }

func errorCases(t testing.TB) []errorCase {
	t.Helper()
	files, err := filepath.Glob("testdata/errors/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	var all []errorCase
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
			input, want, _ := strings.Cut(c, "\n----\n")
			all = append(all, errorCase{filepath.Base(file) + " " + strconv.Itoa(i+1), input, want})
		}
	}
	return all
}
