package catalog

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/rating/nearest"
)

// fields reads an object key by key. It knows which keys were asked for, so
// that done can refuse all others.
type fields struct {
	*problems
	node    *node
	what    string // for messages: `add-on "seat"`
	form    string // the format of what, by which the schema knows the object
	known   []string
	missing []string
	lacking string // what to say where one of several keys is missing
	empty   []int  // entries with nothing after their key
}

// fields begins to read a node as an object. A node that is none is a problem,
// and an object of which nothing is missed.
func (p *problems) fields(n *node, format string, args ...any) *fields {
	f := &fields{problems: p, node: n, what: fmt.Sprintf(format, args...), form: format}
	switch {
	case n == nil:
		f.node = &node{kind: null}
	case n.kind != object:
		p.add(n.at(), "%s is %s where an object {key: value, ...} is wanted", f.what, n.shownOr("empty"))
	}
	return f
}

// required is the value of a key that must be there, or nil with a problem.
func (f *fields) required(key string) *node {
	n := f.optional(key)
	f.watch.required(f.form, key)
	if n == nil && f.node.kind == object && !f.given(key) {
		f.missing = append(f.missing, key)
	}
	return n
}

// optional is the value of a key, or nil. A key with nothing after it is a
// problem: whoever wrote it wanted something.
func (f *fields) optional(key string) *node {
	f.known = append(f.known, key)
	f.watch.asked(f.form, key)
	for i, e := range f.node.entries {
		if e.key.text != key {
			continue
		}
		if e.value.kind == null {
			f.empty = append(f.empty, i)
			return nil
		}
		f.watch.value(f.form, key, e.value)
		return e.value
	}
	return nil
}

func (f *fields) given(key string) bool {
	for _, e := range f.node.entries {
		if e.key.text == key {
			return true
		}
	}
	return false
}

// oneOf is the only one of the keys that is there, with its value; else a
// problem.
func (f *fields) oneOf(keys ...string) (key string, value *node) {
	var there []string
	f.watch.oneOf(f.form, keys)
	for _, k := range keys {
		if n := f.optional(k); n != nil && value == nil {
			key, value = k, n
		}
		if f.given(k) {
			there = append(there, k)
		}
	}
	switch {
	case len(there) > 1:
		f.add(f.node.at(), "%s has %s: only one of them can be", f.what, words(there, "and"))
	case len(there) == 0 && f.node.kind == object && !f.meant(keys):
		f.lacking = fmt.Sprintf("missing key in %s: one of %s", f.what, words(keys, "or"))
	}
	return key, value
}

// meant tells whether a key that is there looks like one of the wanted: then
// done says so, and that it is missing goes without saying.
func (f *fields) meant(wanted []string) bool {
	for _, e := range f.node.entries {
		if nearest.Word(e.key.text, wanted) != "" {
			return true
		}
	}
	return false
}

// done reports keys that nobody asked for, and then missing ones.
func (f *fields) done() {
	asked := make(map[string]bool, len(f.known))
	for _, k := range f.known {
		asked[k] = true
	}
	meant := make(map[string]bool)
	known := len(f.node.entries) == 0 || slices.ContainsFunc(f.node.entries, func(e entry) bool { return asked[e.key.text] })
	if f.lacking != "" && known { // else each is told what there is
		f.add(f.node.at(), "%s", f.lacking)
	}
	below := f.noValues(asked)
	for i, e := range f.node.entries {
		if !asked[e.key.text] {
			f.strays = append(f.strays, e.key.text)
		}
		if !asked[e.key.text] && !below[i] {
			f.unknown(e.key, f.known)
			meant[nearest.Word(e.key.text, f.known)] = true
		}
	}
	missing := slices.DeleteFunc(f.missing, func(k string) bool { return meant[k] || slices.Contains(f.misplaced, k) })
	switch len(missing) {
	case 0:
	case 1:
		f.add(f.node.at(), "missing key %q in %s", missing[0], f.what)
	default:
		f.add(f.node.at(), "missing keys %s in %s", words(missing, "and"), f.what)
	}
}

// noValues reports keys with nothing after them. Keys that nobody knows right
// behind such a one were meant to be below it: it answers for them.
func (f *fields) noValues(asked map[string]bool) (below map[int]bool) {
	below = make(map[int]bool)
	for _, i := range f.empty {
		key, hint := f.node.entries[i].key, ""
		for j := i + 1; j < len(f.node.entries) && !asked[f.node.entries[j].key.text]; j++ {
			below[j] = true
			if hint == "" {
				hint = fmt.Sprintf("; if %q belongs to it, indent it further", f.node.entries[j].key.text)
			}
		}
		f.add(key.place, "%q in %s has no value%s", key.text, f.what, hint)
	}
	return below
}

func (f *fields) unknown(key *node, candidates []string) {
	f.add(key.place, "unknown key %q in %s%s", key.text, f.what, nearest.OrThere(key.text, candidates))
}

// entries are the keys and values of an object whose keys are names that the
// catalog's author chose, such as plans.
func (p *problems) entries(n *node, format string, args ...any) []entry {
	if n == nil {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	switch {
	case n.kind != object:
		p.add(n.at(), "%s is %s where an object {name: ...} is wanted", what, n.shownOr("empty"))
	case len(n.entries) == 0:
		p.add(n.at(), "%s is empty", what)
	}
	for i, e := range n.entries {
		if e.value.kind == object && format == "meters" && isSection(e.key.text) && !e.value.has("source") {
			p.add(e.key.place, "%q stands among the meters, and belongs to a version: \"versions:\" and \"- from: DATE\" come before it", e.key.text)
			p.misplaced = append(p.misplaced, e.key.text, "versions")
			return n.entries[:i]
		}
		if e.value.kind == null && i+1 < len(n.entries) && isSection(e.key.text) {
			p.add(e.key.place, "%q stands among the names under %s and has no value: it is indented too far", e.key.text, what)
			p.misplaced = append(p.misplaced, e.key.text)
			return n.entries[:i]
		}
	}
	return n.entries
}

// isSection tells whether a key is one of those that catalogs and versions are
// made of.
func isSection(key string) bool {
	for _, f := range forms {
		if f.name == "the catalog" || f.name == "version" {
			if slices.ContainsFunc(f.keys, func(k formKey) bool { return k.key == key }) {
				return true
			}
		}
	}
	return false
}

// items are the items of a list that is not empty.
func (p *problems) items(n *node, what string) []*node {
	if n == nil {
		return nil
	}
	switch {
	case n.kind != list:
		p.add(n.place, "%s is %s where a list is wanted: [...], or items that begin with a dash", what, n.shownOr("empty"))
	case len(n.items) == 0:
		p.add(n.place, "%s is an empty list", what)
	}
	return n.items
}

// names are the texts of a list in which none may come twice.
func (p *problems) names(n *node, what string) []string {
	var all []string
	seen := make(map[string]bool)
	for _, item := range p.items(n, what) {
		name := p.text(item, what)
		if seen[name] && name != "" {
			p.add(item.place, "%s names %q twice", what, name)
		}
		seen[name] = true
		all = append(all, name)
	}
	return all
}

// text is a text as written: 04 keeps its zero, and NO is Norway.
func (p *problems) text(n *node, what string) string {
	switch {
	case n == nil:
		return ""
	case n.kind == null:
		p.add(n.place, "%s has nothing where a text is wanted; put it in quotes if it is one", what)
		return ""
	case n.kind != plain && n.kind != quoted:
		p.add(n.place, "%s is %s where a text is wanted", what, n.kind)
		return ""
	}
	if why := badText(n.text); why != "" {
		p.add(n.place, "%s %q %s", what, n.text, why)
	}
	return n.text
}

// maxText is how many bytes a name or a description may have.
const maxText = 500

// badText is what is wrong with a text, or empty. Spaces around it and
// characters without a shape would make two names that look the same.
func badText(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > maxText:
		return fmt.Sprintf("is longer than %d bytes", maxText)
	case strings.TrimSpace(s) != s:
		return "begins or ends with a space"
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }):
		return "has an invisible character"
	}
	return ""
}

// word is one of a few words that the language knows.
func (p *problems) word(n *node, what string, allowed ...string) string {
	if n == nil {
		return ""
	}
	p.watch.words(n, allowed)
	for _, w := range allowed {
		if (n.kind == plain || n.kind == quoted) && n.text == w {
			return w
		}
	}
	p.add(n.place, "%s is %s where %s is wanted%s", what, n.shown(), words(allowed, "or"), nearest.DidYouMean(n.text, allowed))
	return ""
}

// isTrue reads a key that is only ever written as true.
func (p *problems) isTrue(n *node, what string) bool {
	if n == nil {
		return false
	}
	if n.kind != plain || n.text != "true" {
		p.add(n.place, "%s is %s where true is wanted; leave the key out otherwise", what, n.shown())
		return false
	}
	return true
}

// Prices and factors keep every digit: up to maxWhole stand before the point, as
// many as an amount can have, and maxDecimals after it, as many as the tables
// store.
const maxWhole, maxDecimals = 14, 18

var plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// decimal is a number that is not negative, from its digits.
func (p *problems) decimal(n *node, what string) decimal.Decimal {
	text, ok := p.number(n, what)
	if !ok {
		return decimal.Zero
	}
	d, err := exactly(text)
	if err != nil {
		p.add(n.place, "%s %s %s", what, text, err)
	}
	return d
}

// exactly is the number of digits that are plain, with all of them.
func exactly(text string) (decimal.Decimal, error) {
	whole, after, _ := strings.Cut(text, ".")
	if len(whole) > maxWhole || len(after) > maxDecimals {
		return decimal.Zero, fmt.Errorf("has too many digits: %d may stand before the point and %d after it", maxWhole, maxDecimals)
	}
	return decimal.NewFromString(text)
}

// Price is the price of one unit as an export or a price sheet writes it:
// plain digits, as many as a price in a catalog may have, and not negative.
// The error says what it is instead.
func Price(text string) (decimal.Decimal, error) {
	switch {
	case !plainNumber.MatchString(text):
		return decimal.Zero, fmt.Errorf("%.64q is not a plain number such as 12 or 0.0125", text)
	case text[0] == '-':
		return decimal.Zero, fmt.Errorf("%.64s is negative", text)
	}
	d, err := exactly(text)
	if err != nil {
		return decimal.Zero, fmt.Errorf("%.64s %w", text, err)
	}
	return d, nil
}

// positive is a number above zero.
func (p *problems) positive(n *node, what string) decimal.Decimal {
	before := len(p.Found)
	d := p.decimal(n, what)
	if n != nil && !d.IsPositive() && len(p.Found) == before {
		p.add(n.place, "%s %s must be more than zero", what, n.text)
	}
	return d
}

// count is a whole number from least to what 64 bits hold.
func (p *problems) count(n *node, what string, least int64) int64 {
	text, ok := p.number(n, what)
	if !ok {
		return 0
	}
	if strings.Contains(text, ".") {
		p.add(n.place, "%s %s is not a whole number", what, text)
		return 0
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		p.add(n.place, "%s %s is more than %d", what, text, int64(math.MaxInt64))
		return 0
	}
	if v < least {
		p.add(n.place, "%s %s must be at least %d", what, text, least)
	}
	return v
}

// countUpTo is a whole number from least to most.
func (p *problems) countUpTo(n *node, what string, least, most int64) int64 {
	v := p.count(n, what, least)
	if v > most {
		p.add(n.place, "%s %s is more than %d", what, n.text, most)
	}
	return v
}

// number is the digits of a number that is not negative. There is one way to
// write it, so that no reader of the file can take it for another number.
func (p *problems) number(n *node, what string) (text string, ok bool) {
	switch {
	case n == nil:
		return "", false
	case n.kind == quoted:
		p.add(n.place, "%s %q is in quotes: write the number without", what, n.text)
	case n.kind != plain:
		p.add(n.place, "%s is %s where a number is wanted", what, n.kind)
	case !plainNumber.MatchString(n.text):
		p.add(n.place, "%s %s is not a plain number such as 12 or 0.0125", what, n.shown())
	case n.text[0] == '-':
		p.add(n.place, "%s %s must not be negative", what, n.text)
	default:
		return n.text, true
	}
	return "", false
}

// date is a day as YYYY-MM-DD.
func (p *problems) date(n *node, what string) calendar.Day {
	if n == nil {
		return calendar.None
	}
	day, err := calendar.Parse(n.text)
	switch {
	case err != nil && dateForm.MatchString(n.text):
		p.add(n.place, "%s is %s: there is no such day", what, n.shown())
		return calendar.None
	case err != nil || n.kind != plain:
		p.add(n.place, "%s is %s where a date YYYY-MM-DD is wanted, without quotes", what, n.shown())
		return calendar.None
	}
	return day
}

var dateForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)

var periodCount = regexp.MustCompile(`^([1-9][0-9]{0,3}) periods?$`)

var dayCount = regexp.MustCompile(`^([1-9][0-9]{0,3}) days?$`)

// days are as many as "30 days" says, at most 9999.
func (p *problems) days(n *node, what string) int {
	if n == nil {
		return 0
	}
	m := dayCount.FindStringSubmatch(n.text)
	if m == nil || n.kind != plain {
		p.add(n.place, "%s is %s where a number of days such as \"30 days\" is wanted", what, n.shown())
		return 0
	}
	v, _ := strconv.Atoi(m[1]) // at most four digits
	return v
}

// times is the factor of "10 x monthly".
func (p *problems) times(n *node, what, of string) decimal.Decimal {
	if n == nil {
		return decimal.Zero
	}
	factor, ok := strings.CutSuffix(n.text, " x "+of)
	if n.kind != plain || !ok {
		p.add(n.place, "%s is %s where a factor such as \"10 x %s\" is wanted", what, n.shown(), of)
		return decimal.Zero
	}
	number := *n
	number.text = factor
	return p.positive(&number, what)
}

// shownOr is the node as a message quotes it, or a word for nothing.
func (n *node) shownOr(nothing string) string {
	if n.kind == null {
		return nothing
	}
	return n.shown()
}

// shown is a node as a message quotes it.
func (n *node) shown() string {
	if n.kind == plain || n.kind == quoted {
		return strconv.Quote(n.text)
	}
	return n.kind.String()
}

// keyPlace is where the node's key stands, or the node where it has none.
func (n *node) keyPlace() place {
	switch {
	case n == nil:
		return place{1, 1}
	case n.key != nil:
		return n.key.place
	}
	return n.place
}

// words are a list of words in a sentence: "a", "b" or "c".
func words(all []string, last string) string {
	var b strings.Builder
	for i, w := range all {
		switch {
		case i == 0:
		case i == len(all)-1:
			b.WriteString(" " + last + " ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(w))
	}
	return b.String()
}
