package catalog

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"ratemill/rating/decimal"
	"ratemill/rating/pricing"
)

// Schema is the JSON Schema (draft 2020-12) of catalogs, for editors. It is
// made of forms, and of the figures of the pricing models.
func Schema() []byte {
	defs := map[string]any{"amount": amountSchema(), "prices": pricesSchema()}
	for i := range forms {
		defs[defName(forms[i].name)] = forms[i].schema()
	}
	for _, name := range pricing.Names() {
		defs["model-"+name] = figuresSchema(pricing.New(name))
	}
	defs["unit"] = figuresSchema(&pricing.Unit{})
	root := ref("the catalog")
	root["$schema"], root["title"] = "https://json-schema.org/draft/2020-12/schema", "ratemill catalog"
	root["description"] = "A billing policy. A text may be written without quotes where YAML reads it as a number; every character counts all the same. " +
		"What a schema cannot say, such as names that are defined nowhere, `ratemill catalog check` finds."
	root["$defs"] = defs
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil { // maps, texts and numbers
		panic(err)
	}
	return b.Bytes()
}

// form is an object of the language as the schema describes it. The parser
// knows it by its name, which is what fields is called with.
type form struct {
	name   string
	says   string
	keys   []formKey
	oneOf  []string            // of which exactly one is there
	some   []string            // of which at least one is there
	needs  map[string][]string // keys that one asks for beside it
	apart  map[string][]string // keys that cannot stand beside one
	others schema              // what stands under names that the author chooses; nil: there are none
}

type formKey struct {
	key, says string
	value     schema
	required  bool
}

type schema = map[string]any

// defNames are the names of forms whose own would be those of others.
var defNames = map[string]string{
	"the catalog":            "file",
	"%q of plan %q":          "plan-of-cohort",
	"the %q of plan %q":      "allowance",
	"above of %q of plan %q": "above-allowance",
	"%s of plan_changes":     "plan_change",
	"%q in gives of %s":      "gift",
}

// defName is the name of a form among the schema's definitions.
func defName(form string) string {
	if name, own := defNames[form]; own {
		return name
	}
	words := strings.FieldsFunc(form, func(r rune) bool { return !('a' <= r && r <= 'z' || r == '_') })
	words = slices.DeleteFunc(words, func(w string) bool { return w == "q" || w == "s" || w == "of" || w == "the" })
	return strings.Join(words, "-")
}

func ref(form string) schema { return schema{"$ref": "#/$defs/" + defName(form)} }

func (f *form) schema() schema {
	properties, required := schema{}, []string{}
	for _, k := range f.keys {
		value := maps.Clone(k.value)
		value["description"] = k.says
		properties[k.key] = value
		if k.required {
			required = append(required, k.key)
		}
	}
	made := schema{"type": "object", "description": f.says, "properties": properties, "additionalProperties": false}
	if f.others != nil {
		made["additionalProperties"], made["minProperties"] = f.others, 1
	}
	if len(required) > 0 {
		made["required"] = required
	}
	if f.oneOf != nil {
		made["oneOf"] = eachRequired(f.oneOf)
	}
	if f.some != nil {
		made["anyOf"] = eachRequired(f.some)
	}
	if f.needs != nil {
		made["dependentRequired"] = f.needs
	}
	if f.apart != nil {
		beside := schema{}
		for key, others := range f.apart {
			none := schema{}
			for _, other := range others {
				none[other] = false
			}
			beside[key] = schema{"properties": none}
		}
		made["dependentSchemas"] = beside
	}
	return made
}

func eachRequired(keys []string) []any {
	var all []any
	for _, key := range keys {
		all = append(all, schema{"required": []string{key}})
	}
	return all
}

// What follows are the kinds of values.

// anyText is what YAML reads as a text, a number, or true: the file's own
// characters are meant.
func anyText() schema {
	return schema{"type": []string{"string", "number", "boolean"}, "minLength": 1, "maxLength": maxText}
}

func oneWord(words ...string) schema { return schema{"enum": words} }

func pattern(p string, like ...string) schema {
	return schema{"type": "string", "pattern": p, "examples": like}
}

const digits = `(0|[1-9][0-9]*)(\.[0-9]+)?`

func someDays(example string) schema {
	return pattern(dayCount.String(), example)
}
func aCycle() schema   { return pattern(cycleText.String(), "30 days", "1 month", "1 year") }
func aDate() schema    { return pattern(dateForm.String(), "2018-06-07") }
func aRate() schema    { return pattern("^"+digits+"%$", "8.875%") }
func aCountry() schema { return pattern(countryCode.String(), "DE") }
func aPercent() schema {
	return schema{"type": "number", "exclusiveMinimum": 0, "maximum": 100}
}
func whole(least int64) schema { return schema{"type": "integer", "minimum": least} }
func isTrue() schema           { return schema{"const": true} }
func amount() schema           { return schema{"$ref": "#/$defs/amount"} }
func prices() schema           { return schema{"$ref": "#/$defs/prices"} }

func listOfAny(of schema) schema { return schema{"type": "array", "minItems": 1, "items": of} }

// texts is a list in which none may come twice.
func texts() schema { return distinct(anyText()) }

func distinct(of schema) schema {
	l := listOfAny(of)
	l["uniqueItems"] = true
	return l
}

// named is an object whose keys are names that the author chooses.
func named(of schema) schema {
	return schema{"type": "object", "minProperties": 1, "additionalProperties": of}
}

func either(of ...schema) schema {
	all := make([]any, len(of))
	for i, one := range of {
		all[i] = one
	}
	return schema{"anyOf": all}
}

func aNumber(above0 bool) schema {
	if above0 {
		return schema{"type": "number", "exclusiveMinimum": 0}
	}
	return schema{"type": "number", "minimum": 0}
}

func amountSchema() schema {
	byCurrency := named(aNumber(false))
	byCurrency["propertyNames"] = schema{"pattern": "^[A-Z]{3}$"}
	byCurrency["description"] = "An amount for each of several currencies, by ISO 4217 code."
	plain := aNumber(false)
	plain["description"] = "In the catalog's currency."
	s := either(plain, byCurrency)
	s["description"] = "An amount of money: 79, or {USD: 79, EUR: 75}."
	return s
}

func pricesSchema() schema {
	byTerm := named(amount())
	byTerm["description"] = "A price for each term."
	s := either(amount(), byTerm)
	s["description"] = "A price for all terms, or one for each: {monthly: 10, annual: 110}."
	return s
}

// modelKeys are the keys of the pricing models, but for each, which is read
// apart from them.
func modelKeys() []formKey {
	var all []formKey
	for _, name := range pricing.Names() {
		if name != "each" {
			all = append(all, formKey{key: name, says: "The pricing model " + name + ": docs/pricing.md.", value: schema{"$ref": "#/$defs/model-" + name}})
		}
	}
	return all
}

// figuresSchema is the schema of a struct whose tags say how the language
// writes it.
func figuresSchema(of any) schema {
	return figuresOfType(reflect.TypeOf(of).Elem())
}

func figuresOfType(t reflect.Type) schema {
	all := figuresOf(t)
	properties, required, some := schema{}, []string{}, []string{}
	var short schema
	for _, g := range all {
		value := figureSchema(g)
		value["description"] = sentence(g.Tag.Get("doc"))
		switch {
		case g.key == "":
			return value
		case g.short:
			short = maps.Clone(value)
		}
		properties[g.key] = value
		if g.some {
			some = append(some, g.key)
		} else if !g.optional {
			required = append(required, g.key)
		}
	}
	made := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		made["required"] = required
	}
	if len(some) > 0 {
		made["anyOf"] = eachRequired(some)
	}
	if short != nil {
		return either(short, made)
	}
	return made
}

func figureSchema(g figure) schema {
	switch t := g.Type; {
	case len(g.words) > 0:
		return oneWord(g.words...)
	case t == reflect.TypeFor[decimal.Decimal]() && g.money:
		return amount()
	case t == reflect.TypeFor[decimal.Decimal]():
		return aNumber(g.above0)
	case t == reflect.TypeFor[pricing.Percent]():
		return aRate()
	case t.Kind() == reflect.Int64:
		return whole(0)
	case t.Kind() == reflect.Slice:
		return listOfAny(figuresOfType(t.Elem()))
	}
	panic("catalog: no schema of " + g.Type.String())
}

func sentence(doc string) string {
	if doc == "" {
		return ""
	}
	return strings.ToUpper(doc[:1]) + doc[1:] + "."
}
