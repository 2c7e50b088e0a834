package catalog

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/rating/pricing"
	"ratemill/rating/yamltext"
)

var rewrite = flag.Bool("rewrite", false, "write the expected texts anew from what the code does")

// marketing is the text of the catalog that most tests read or break.
func marketing(t testing.TB) string {
	t.Helper()
	return fixture(t, "marketing.yaml")
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../fixtures/catalogs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func mustParse(t testing.TB, text string) *Catalog {
	t.Helper()
	c, err := Parse("catalog.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%s\nin:\n%s", err, text)
	}
	return c
}

func dec(t testing.TB, text string) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func day(t testing.TB, text string) calendar.Day {
	t.Helper()
	d, err := calendar.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// withoutPlaces is the catalog without what depends on the text's lines and
// spelling.
func withoutPlaces(c *Catalog) *Catalog {
	c.Digest = ""
	for _, other := range c.others {
		withoutPlaces(other)
	}
	c.Zone = calendar.Zone{} // follows from ZoneName
	for i := range c.Meters {
		c.Meters[i].DefinedLine = 0
	}
	for i := range c.Versions {
		v := &c.Versions[i]
		for j := range v.Plans {
			v.Plans[j].Line = 0
		}
		for j := range v.AddOns {
			v.AddOns[j].Line = 0
		}
		for j := range v.UsageCharges {
			v.UsageCharges[j].Line, v.UsageCharges[j].points = 0, nil
		}
		for j := range v.Services {
			v.Services[j].Line = 0
		}
		for j := range v.Discounts {
			v.Discounts[j].Line = 0
		}
		if v.Taxes != nil {
			for j := range v.Taxes.Rates {
				v.Taxes.Rates[j].Line = 0
			}
		}
		for j := range v.Balances {
			v.Balances[j].Line = 0
			for k := range v.Balances[j].Tiers {
				v.Balances[j].Tiers[k].Line = 0
			}
		}
		for j := range v.PriceTables {
			v.PriceTables[j].index, v.PriceTables[j].byText = nil, nil // follow from Rows, and generated catalogs have none
			for k := range v.PriceTables[j].Rows {
				v.PriceTables[j].Rows[k].Line, v.PriceTables[j].Rows[k].at = 0, 0
			}
		}
	}
	return c
}

// printsAndParsesBack checks Parse(Print(c)) = c, with every digit, and that
// Print is settled: it writes what it reads.
func printsAndParsesBack(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, c *Catalog) {
	t.Helper()
	text := c.Print()
	back, err := Parse("printed.yaml", []byte(text))
	if err != nil {
		t.Fatalf("what Print wrote does not parse:\n%s\n%s", err, text)
	}
	if again := back.Print(); again != text {
		t.Fatalf("printed:\n%s\nprinted again:\n%s", text, again)
	}
	if !reflect.DeepEqual(withoutPlaces(back), withoutPlaces(c)) {
		t.Fatalf("parsed back:\n%+v\nwant:\n%+v\nprinted:\n%s", back, c, text)
	}
}

func TestFixturesPrintAndParseBack(t *testing.T) {
	files, err := filepath.Glob("../../fixtures/catalogs/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d catalogs: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		printsAndParsesBack(t, mustParse(t, string(text)))
	}
}

func TestPrintMarketing(t *testing.T) {
	c := mustParse(t, marketing(t))
	printed := c.Print()
	const golden = "testdata/marketing.printed.yaml"
	if *rewrite {
		if err := os.WriteFile(golden, []byte(printed), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if printed != string(want) {
		t.Errorf("printed:\n%s\nwant:\n%s", printed, want)
	}
	printsAndParsesBack(t, c)
}

// Every fixture catalog parses, and prints as itself.
func TestFixtures(t *testing.T) {
	files, err := filepath.Glob("../../fixtures/catalogs/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d catalogs: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		printsAndParsesBack(t, mustParse(t, string(text)))
	}
}

// TestErrors breaks the marketing catalog, or shows a whole broken catalog,
// and compares what Parse says. A case is
//
//	# what is wrong
//	- a piece of the marketing catalog (its first occurrence)
//	+ what stands there instead, a line each
//	----
//	the error as printed
//
// with an empty line behind, where MODELS stands for all pricing models, so that
// a new one changes no case. A line "= money.yaml" names another catalog of the
// fixtures to break. A case whose lines begin neither with "-" nor with "+" but
// with "|" is the text of a whole catalog.
func TestErrors(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	cases := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var now []string
		for _, c := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
			cases++
			input, want, ok := strings.Cut(c, "\n----\n")
			if !ok {
				t.Fatalf("%s: a case without ----:\n%s", file, c)
			}
			name := "marketing.yaml"
			if _, other, ok := strings.Cut(input, "\n= "); ok {
				name, _, _ = strings.Cut(other, "\n")
			}
			_, err := Parse(name, []byte(broken(t, input)))
			if err == nil {
				t.Errorf("%s: parsed without error:\n%s", file, input)
				continue
			}
			got := strings.TrimRight(err.Error(), "\n")
			got = strings.ReplaceAll(got, strings.Join(pricing.Names(), ", "), "MODELS")
			got = strings.ReplaceAll(got, strings.Join(pricing.Names()[1:], ", "), "MODELS") // behind each, table, column
			if got != want && !*rewrite {
				t.Errorf("%s:\n%s\n---- got\n%s\n---- want\n%s", file, input, got, want)
			}
			now = append(now, input+"\n----\n"+got)
		}
		if *rewrite {
			if err := os.WriteFile(file, []byte(strings.Join(now, "\n\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if cases < 25 {
		t.Errorf("only %d cases", cases)
	}
}

// broken is the catalog of a case's input.
func broken(t testing.TB, input string) string {
	t.Helper()
	text, whole := marketing(t), ""
	var old string
	var replacement []string
	edit := func() {
		if old == "" {
			return
		}
		if !strings.Contains(text, old) {
			t.Fatalf("the catalog has no %q", old)
		}
		text = strings.Replace(text, old, strings.Join(replacement, "\n"), 1)
		old, replacement = "", nil
	}
	for _, line := range strings.Split(input, "\n") {
		mark, rest, _ := strings.Cut(line, " ")
		switch mark {
		case "=":
			text = fixture(t, rest)
		case "-":
			edit()
			old = rest
		case "+":
			replacement = append(replacement, rest)
		case "|":
			whole += rest + "\n"
		case "#":
		default:
			t.Fatalf("line %q in a case", line)
		}
	}
	edit()
	if whole != "" {
		return whole
	}
	return text
}

// TestErrorFields checks what programs read of an error.
func TestErrorFields(t *testing.T) {
	text := strings.Replace(marketing(t), "price: 47", "pirce: 47", 1)
	_, err := Parse("x.yaml", []byte(text))
	found, ok := err.(Errors)
	if !ok || len(found) != 1 {
		t.Fatalf("%T %v", err, err)
	}
	e := found[0]
	if e.File != "x.yaml" || e.Message != `unknown key "pirce" in add-on "seat" (did you mean "price"?)` {
		t.Errorf("%+v", e)
	}
	if line := strings.Split(text, "\n")[e.Line-1]; line != e.Source || !strings.HasPrefix(line[e.Column-1:], "pirce") {
		t.Errorf("line %d, column %d, source %q", e.Line, e.Column, e.Source)
	}
}

// TestRefusedTexts are files that cannot be shown in a text test.
func TestRefusedTexts(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "x.yaml:1:1: the catalog is empty"},
		{"a comment only", "# nothing\n", "x.yaml:1:1: the catalog is empty"},
		{"tab", "catalog:\n\tname: x\n", "x.yaml:2:1: a tab: write spaces\n?name: x\n^"},
		{"not UTF-8", "catalog: caf\xe9\n", "x.yaml:1:13: the text is not UTF-8 here\ncatalog: caf\uFFFD\n            ^"},
		{"right-to-left override", "a: 1 # \u202e\n", "x.yaml:1:8: an invisible character (U+202E)\na: 1 # ?\n       ^"},
		{"carriage return alone", "a: 1\rb: 2\n", "x.yaml:1:5: an invisible character (U+000D)\na: 1?b: 2\n    ^"},
		{"too large", strings.Repeat("#\n", maxBytes/2+1), "x.yaml:1:1: the file has 8388610 bytes; it may have 8388608"},
		{"deep lists", strings.Repeat("[", 100), "x.yaml:1:65: nested more than 64 deep"},
		{"deep dashes", strings.Repeat("- ", 100) + "x", "x.yaml:1:129: nested more than 64 deep"},
		{"deep blocks", deepBlocks(70), "x.yaml:66:66: nested more than 64 deep"},
		{"many keys", "a:\n" + strings.Repeat("  k: 1\n", language.MaxKeys+1), "x.yaml:10002:4: an object of more than 10000 keys"},
	} {
		_, err := Parse("x.yaml", []byte(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got\n%v\nwant\n%s", c.name, err, c.want)
		}
	}
}

func deepBlocks(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "key:\n")
	}
	return b.String()
}

// TestManyErrors: not every error is printed, and the rest is counted.
func TestManyErrors(t *testing.T) {
	rows := strings.Repeat("      - {match: [outbound, US, att], each: 1e3}\n", 200)
	text := strings.Replace(marketing(t), "      rows:\n", "      rows:\n"+rows, 1)
	_, err := Parse("x.yaml", []byte(text))
	if err == nil || !strings.Contains(err.Error(), "\nand ") || len(err.(Errors)) < 200 {
		t.Errorf("%v", err)
	}
	if n := strings.Count(err.Error(), "\n"); n > 3*yamltext.Shown {
		t.Errorf("%d lines", n)
	}
}

// TestWindowsFile: a byte order mark and carriage returns change nothing but
// the digest.
func TestWindowsFile(t *testing.T) {
	text := marketing(t)
	c := mustParse(t, text)
	windows := mustParse(t, "\uFEFF"+strings.ReplaceAll(text, "\n", "\r\n"))
	if windows.Digest == c.Digest {
		t.Error("the digest is not that of the bytes")
	}
	windows.Digest = c.Digest
	if !reflect.DeepEqual(c, windows) {
		t.Errorf("got\n%+v\nwant\n%+v", windows, c)
	}
}

func TestLinesAndDigest(t *testing.T) {
	text := marketing(t)
	c := mustParse(t, text)
	lines := strings.Split(text, "\n")
	v := c.At(day(t, "2024-01-01"))
	for _, at := range []struct {
		line int
		want string
	}{
		{c.Meter("sms").DefinedLine, "  sms: {source"},
		{v.Plan("pro", "legacy").Line, "    pro:"},
		{v.AddOn("seat").Line, "    seat:"},
		{v.UsageCharge("sms").Line, "    sms:"},
		{v.Table("sms_prices").Rows[1].Line, `      - {match: [outbound, US, "*"]`},
	} {
		if at.line < 1 || !strings.HasPrefix(lines[at.line-1], at.want) {
			t.Errorf("line %d is not %q", at.line, at.want)
		}
	}
	if len(c.Digest) != 64 {
		t.Errorf("digest %q", c.Digest)
	}
}

// TestCohortOverlay: a cohort's key replaces the whole of the key under "all",
// and a plan that names other cohorts only is not for it.
func TestCohortOverlay(t *testing.T) {
	c := mustParse(t, marketing(t))
	v := c.At(day(t, "2024-01-01"))
	for _, want := range []Allowance{
		{Meter: "contacts", Limit: 10000, Upgrade: "enterprise", Rule: "MK-4"},
		{Meter: "emails", Unlimited: true, Rule: "MK-6"},
	} {
		if got := v.Plan("pro", "current").Allowance(want.Meter); got == nil || *got != want {
			t.Errorf("current: %+v", got)
		}
	}
	legacy := v.Plan("pro", "legacy")
	if got := legacy.Allowance("contacts"); *got != (Allowance{Meter: "contacts", Limit: 10000, AddOn: "contact_package", Rule: "MK-5"}) {
		t.Errorf("legacy: %+v", got)
	}
	if !legacy.Base.Equal(dec(t, "297")) || *legacy.Seats != (Seats{Meter: "seats", Included: 3, AddOn: "seat", Rule: "MK-10"}) {
		t.Errorf("legacy keeps what stands under all: %+v", legacy)
	}
	if v.Plan("team", "current") != nil || v.Plan("team", "legacy") == nil || v.Plan("nowhere", "legacy") != nil {
		t.Error("team is for legacy only")
	}

	whole := strings.Replace(marketing(t), "      legacy:\n        contacts: {limit: 10000",
		"      legacy:\n        seats: {meter: seats, included: 9, above: refuse, rule: MK-10}\n        contacts: {limit: 10000", 1)
	seats := mustParse(t, whole).Versions[0].Plan("pro", "legacy").Seats
	if *seats != (Seats{Meter: "seats", Included: 9, Rule: "MK-10"}) {
		t.Errorf("the add-on under all is not merged in: %+v", seats)
	}
}

func TestCohortOf(t *testing.T) {
	c := mustParse(t, marketing(t))
	for signedUp, want := range map[string]string{"2018-06-06": "legacy", "2018-06-07": "current", "2024-01-01": "current"} {
		if got := c.CohortOf(day(t, signedUp)); got != want {
			t.Errorf("%s: %q", signedUp, got)
		}
	}
	if got := (&Catalog{}).CohortOf(day(t, "2024-01-01")); got != "" {
		t.Errorf("without cohorts: %q", got)
	}
}

func TestAt(t *testing.T) {
	text := marketing(t)
	_, version, _ := strings.Cut(text, "\nversions:\n")
	later := strings.NewReplacer("from: 2018-01-01", "from: 2024-07-01", "price: 79", "price: 89").Replace(version)
	c := mustParse(t, text+"\n"+later)
	for on, want := range map[string]string{"2017-12-31": "none", "2018-01-01": "79", "2024-06-30": "79", "2024-07-01": "89", "2030-01-01": "89"} {
		got := "none"
		if v := c.At(day(t, on)); v != nil {
			got = v.Plan("basic", "current").Base.String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", on, got, want)
		}
	}
	printsAndParsesBack(t, c)
}

// TestLookup: the row that names most columns wins, in any order of the rows,
// and a value that is absent fits only "*".
func TestLookup(t *testing.T) {
	table := mustParse(t, marketing(t)).Versions[0].Table("sms_prices")
	for _, c := range []struct{ direction, country, carrier, want string }{
		{"outbound", "US", "att", "0.0120"},
		{"outbound", "US", "acme", "0.01"},
		{"outbound", "US", "", "0.01"},
		{"outbound", "GB", "att", "0.04"},
		{"outbound", "FR", "att", "0.06"},
		{"outbound", "", "", "0.06"},
		{"inbound", "US", "att", "0.005"},
		{"sideways", "US", "att", "none"},
		{"", "US", "att", "none"},
	} {
		got := "none"
		row := table.Lookup([]string{c.direction, c.country, c.carrier})
		if row != nil {
			got = row.Price.String()
		}
		if c.want != "none" && (row == nil || !row.Price.Equal(dec(t, c.want))) || c.want == "none" && row != nil {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestTextAsWritten: values of a match list are text, whatever YAML would make
// of them.
func TestTextAsWritten(t *testing.T) {
	written := []string{"04", "012", "NO", "off", "yes", "true", "0x1F", "1e3", "1_000", "2024-01-01", "1.50", ".inf"}
	text := strings.Replace(marketing(t), "      rows:\n", "      rows:\n      - {match: [outbound, "+
		strings.Join(written, ", att], each: 1}\n      - {match: [outbound, ")+", att], each: 1}\n", 1)
	c := mustParse(t, text)
	for i, want := range written {
		if got := c.Versions[0].Table("sms_prices").Rows[i].Match[1]; got != want {
			t.Errorf("%q became %q", want, got)
		}
	}
	printsAndParsesBack(t, c)
}

// TestDigits: a price keeps every digit, as written.
func TestDigits(t *testing.T) {
	for _, digits := range []string{"0.1000000000000000055"[:20], "0.000000000000000001", "12345678901234.123456789012345678", "10.00", "0", "0.00", "100"} {
		c := mustParse(t, strings.Replace(marketing(t), "price: 79", "price: "+digits, 1))
		if got := c.Versions[0].Plan("basic", "current").Base; !got.Equal(dec(t, digits)) {
			t.Errorf("%s became %s", digits, got)
		}
		if !strings.Contains(c.Print(), "{price: "+digits+", rule: MK-1}") {
			t.Errorf("%s is not printed", digits)
		}
		printsAndParsesBack(t, c)
	}
}

// TestManual: the whole catalog that the manual shows is one, and the manual
// has every key that a printed catalog can have.
func TestManual(t *testing.T) {
	text, err := os.ReadFile("../../docs/catalog.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	printsAndParsesBack(t, mustParse(t, example))
	for _, key := range keysOfTheLanguage(t) {
		if !strings.Contains(string(text), "`"+key+"`") && !strings.Contains(string(text), "`{"+key+": ") && !strings.Contains(string(text), "## "+key+"\n") {
			t.Errorf("the manual does not explain %q", key)
		}
	}
}

// keysOfTheLanguage are the words that Parse asks objects for, from its source.
func keysOfTheLanguage(t *testing.T) []string {
	var keys []string
	asked := regexp.MustCompile(`\.(?:required|optional|oneOf)\(("[a-z_", ]+")\)`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range asked.FindAllStringSubmatch(string(source), -1) {
			for _, key := range strings.Split(call[1], ", ") {
				keys = append(keys, strings.Trim(key, `"`))
			}
		}
	}
	if len(keys) < 30 {
		t.Fatalf("found only %q", keys)
	}
	return keys
}
