package catalog

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"ratemill/rating/decimal"
	"ratemill/rating/pricing"
)

// Pricing models are structs of rating/pricing whose tags say how the language
// writes them, so that a model that is added needs nothing here:
//
//	key:"free,optional"    the key, and whether it may be missing
//	key:"each,some"        at least one of the keys marked so is there
//	key:"of,above0"        zero is refused
//	key:"each,money"       an amount, which may be given for several currencies
//	key:"tiers,short"      the list may stand for the whole object
//	key:""                 the only figure: its value stands for the object
//	words:"up down"        one of these words, the first where it is missing

// figure is a field of such a struct, with its tag.
type figure struct {
	reflect.StructField
	key                                  string
	optional, some, above0, short, money bool
	words                                []string
}

func figuresOf(t reflect.Type) []figure {
	var all []figure
	for i := range t.NumField() {
		field := t.Field(i)
		options := strings.Split(field.Tag.Get("key"), ",")
		has := func(o string) bool { return slices.Contains(options[1:], o) }
		all = append(all, figure{field, options[0], has("optional"), has("some"), has("above0"), has("short"), has("money"), strings.Fields(field.Tag.Get("words"))})
	}
	return all
}

// model reads a pricing model from its value in the catalog.
func (p *problems) model(name string, n *node, what string) pricing.Model {
	m := pricing.New(name)
	before := len(p.Found)
	p.fill(n, m, what)
	if !unpriced(m) {
		p.placed(n, m.Check(), before)
	}
	return m
}

// fill reads a struct's figures from a node.
func (p *problems) fill(n *node, into any, what string) {
	v := reflect.ValueOf(into).Elem()
	all := figuresOf(v.Type())
	for i, g := range all {
		switch {
		case g.key == "" && n != nil:
			p.figure(n, v.Field(i), g, what)
			return
		case g.short && n != nil && n.kind == list:
			p.figure(n, v.Field(i), g, what)
			p.defaults(v, all, i)
			return
		}
	}
	p.figures(n, v, all, what)
}

// figures reads a struct's figures from the keys of an object.
func (p *problems) figures(n *node, v reflect.Value, all []figure, what string) {
	f := p.fields(n, "%s", what)
	var wanted []string
	found := false
	for i, g := range all {
		value := f.optional(g.key)
		if !g.optional && !g.some && value == nil {
			value = f.required(g.key)
		}
		if g.some {
			wanted = append(wanted, g.key)
			found = found || value != nil || f.given(g.key)
		}
		p.figure(value, v.Field(i), g, what)
	}
	if wanted != nil && !found && n.kind == object && !f.meant(wanted) {
		p.add(n.at(), "missing key in %s: %s", what, words(wanted, "or"))
	}
	f.done()
}

// defaults gives all figures but one what they are when nothing is written.
func (p *problems) defaults(v reflect.Value, all []figure, but int) {
	for i, g := range all {
		if i != but {
			p.figure(nil, v.Field(i), g, "")
		}
	}
}

// figure reads one figure. A missing one is zero, or the first of its words.
func (p *problems) figure(n *node, v reflect.Value, g figure, what string) {
	label := g.key
	if label == "" {
		label = "price"
	}
	switch {
	case len(g.words) > 0:
		word := g.words[0]
		if n != nil {
			word = p.word(n, label, g.words...)
		}
		v.SetString(word)
	case n == nil:
	case v.Type() == reflect.TypeFor[decimal.Decimal]():
		v.Set(reflect.ValueOf(p.amount(n, label, g)))
	case v.Type() == reflect.TypeFor[pricing.Percent]():
		if rate := p.rate(n, label); !rate.IsZero() || !g.some {
			v.Set(reflect.ValueOf(rate))
		}
	case v.Kind() == reflect.Int64:
		v.SetInt(p.count(n, label, 0))
	case v.Kind() == reflect.Slice:
		for i, item := range p.items(n, label) {
			one := reflect.New(v.Type().Elem())
			p.figures(item, one.Elem(), figuresOf(one.Elem().Type()), fmt.Sprintf("item %d of %s", i+1, what))
			v.Set(reflect.Append(v, one.Elem()))
		}
	default:
		panic("catalog: no way to read " + v.Type().String())
	}
}

// amount is a figure's number. A zero that could be left out is as if it were.
func (p *problems) amount(n *node, label string, g figure) decimal.Decimal {
	d := decimal.Decimal{}
	switch {
	case g.key == "up_to" && n.kind == plain && !plainNumber.MatchString(n.text):
		p.add(n.place, "up_to %q is not a plain number such as 12 or 0.0125; the last tier, which has no end, has no up_to", n.text)
	case g.money && n.kind == object && (g.above0 || g.optional || g.some):
		return p.moneyAbove0(n, label)
	case g.money && !g.above0:
		d = p.money(n, label)
	case g.money:
		d = p.moneyAbove0(n, label)
	case g.above0:
		d = p.positive(n, label)
	default:
		d = p.decimal(n, label)
	}
	if d.IsZero() && (g.optional || g.some) {
		return decimal.Decimal{}
	}
	return d
}

// rate is a percentage such as 1.2%.
func (p *problems) rate(n *node, what string) pricing.Percent {
	digits, ok := strings.CutSuffix(n.text, "%")
	if n.kind != plain || !ok {
		p.add(n.place, "%s is %s where a percentage such as 1.2%% is wanted", what, n.shown())
		return pricing.Percent{}
	}
	number := *n
	number.text = digits
	return pricing.Percent{Rate: p.decimal(&number, what)}
}

// placed reports what a model finds wrong with its figures at their places,
// where they could be read at all: before is how many problems there were.
func (p *problems) placed(n *node, wrong []pricing.Problem, before int) {
	if p.cut || len(p.Found) > before {
		return
	}
	for _, w := range wrong {
		at := n
		if items := listOf(n); w.Item >= 0 && w.Item < len(items) {
			at = items[w.Item]
		}
		for _, e := range at.entries {
			if e.key.text == w.Key {
				at = e.value
			}
		}
		p.add(at.at(), "%s", w.Text)
	}
}

// listOf is the list that a model consists of, short or not.
func listOf(n *node) []*node {
	if n.kind == list {
		return n.items
	}
	for _, e := range n.entries {
		if e.value.kind == list {
			return e.value.items
		}
	}
	return nil
}

// modelText is a model as the language writes it.
func modelText(m pricing.Model) string {
	v := reflect.ValueOf(m).Elem()
	all := figuresOf(v.Type())
	for i, g := range all {
		if g.key == "" || g.short && !slices.ContainsFunc(all, func(o figure) bool { return o.key != g.key && written(v, o) }) {
			return figureText(v.Field(i), g)
		}
	}
	return objectText(v.Interface())
}

// objectText is a struct of figures as an object. Where all of which some must
// be there are zero, the first stands for them.
func objectText(of any) string {
	v := reflect.ValueOf(of)
	all := figuresOf(v.Type())
	none := !slices.ContainsFunc(all, func(g figure) bool { return g.some && written(v, g) })
	var o inline
	for i, g := range all {
		first := none && g.some
		if written(v, g) || first {
			o.add(g.key, figureText(v.Field(i), g))
			none = none && !first
		}
	}
	return "{" + strings.Join(o, ", ") + "}"
}

// written tells whether a figure is to be written.
func written(v reflect.Value, g figure) bool {
	field := v.FieldByIndex(g.Index)
	switch {
	case !g.optional && !g.some:
		return true
	case len(g.words) > 0:
		return field.String() != "" && field.String() != g.words[0]
	}
	switch value := field.Interface().(type) {
	case decimal.Decimal:
		return !value.IsZero()
	case pricing.Percent:
		return !value.IsZero()
	}
	return !field.IsZero()
}

func figureText(v reflect.Value, g figure) string {
	switch value := v.Interface().(type) {
	case decimal.Decimal:
		if g.money {
			return amountText(value)
		}
		return number(value)
	case pricing.Percent:
		return value.String()
	case int64:
		return fmt.Sprint(value)
	}
	if v.Kind() == reflect.String {
		return v.String()
	}
	var items []string
	for i := range v.Len() {
		items = append(items, objectText(v.Index(i).Interface()))
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// modelName is the model's key in the language.
func modelName(m pricing.Model) string {
	for _, name := range pricing.Names() {
		if reflect.TypeOf(pricing.New(name)) == reflect.TypeOf(m) {
			return name
		}
	}
	panic(fmt.Sprintf("catalog: %T has no name", m))
}
