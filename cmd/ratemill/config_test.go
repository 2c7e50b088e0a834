package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"ratemill/pipeline"
	"ratemill/rating/yamltext"
)

// TestSourceSettings: what is written, and the settings that it makes.
func TestSourceSettings(t *testing.T) {
	for _, test := range []struct{ name, yaml, want string }{
		{"a column by name", `emails: {path: a.csv, columns: {event_id: id}}`,
			`{"name":"emails","exports":[{"paths":["a.csv"],"mapping":{"rules":[{"field":"event_id","paths":["id"]}]}}]}`},
		{"the first of several, nested", `emails: {path: [a.csv, "b/{date}/*"], columns: {account_id: [user.account, 'tags[0]', '"a.b".c']}}`,
			`{"name":"emails","exports":[{"paths":["a.csv","b/{date}/*"],"mapping":{"rules":[{"field":"account_id","paths":["user.account","tags[0]","\"a.b\".c"]}]}}]}`},
		{"how a file is written", `emails: {path: a.txt, format: csv, time_zone: Europe/Berlin, absent: ["NULL", "\\N"], csv: {delimiter: "\t", skip_lines: 2, header: [a, 1.50]}}`,
			`{"name":"emails","exports":[{"paths":["a.txt"],"mapping":{"format":"csv","delimiter":"\t","skip_lines":2,"header":["a","1.50"],"absent":["NULL","\\N"],"time_zone":"Europe/Berlin"}}]}`},
		{"more about CSV", `emails: {path: a.csv, csv: {trim: true, decimal: ",", thousands: " ", blank_lines: skip, comment: "#", footer_lines: 2}}`,
			`{"name":"emails","exports":[{"paths":["a.csv"],"mapping":{"trim":true,"decimal":",","thousands":" ","skip_blank_lines":true,"comment":"#","footer_lines":2}}]}`},
		{"records of a document", `emails: {path: a.json, records: 'body.*.items', absent: N/A}`,
			`{"name":"emails","exports":[{"paths":["a.json"],"mapping":{"records":"body.*.items","absent":["N/A"]}}]}`},
		{"texts stay as they are written", `emails: {path: a.csv, columns: {recipients: {value: 012}, account_id: {map: {no: 1e3, 1.50: ~x, true: 0x10, a: "a b", 2024-05-01: ""}, default: 1_000}}}`,
			`{"name":"emails","exports":[{"paths":["a.csv"],"mapping":{"rules":[{"field":"recipients","value":"012"},` +
				`{"field":"account_id","paths":["account_id"],"map":{"1.50":"~x","2024-05-01":"","a":"a b","no":"1e3","true":"0x10"},"default":"1_000"}]}}]}`},
		{"everything that a rule can do", `sms: {path: "{date}.csv", columns: {event_id: {join: [Id, {value: focus}]}, account_id: {part: date, extract: '^(\w+)', case: lower, lookup: l, strict: true},` +
			` occurred_at: {from: [a, b], time: DD/MM/YYYY HH:mm, time_zone: UTC, optional: true}, segments: {count: mail.to}, carrier: {from: c, number: true, absolute: true, strict: false}}}`,
			`{"name":"sms","exports":[{"paths":["{date}.csv"],"mapping":{"rules":[{"field":"event_id","join":[{"path":"Id"},{"value":"focus"}]},` +
				`{"field":"account_id","path_part":"date","extract":"^(\\w+)","case":"lower","lookup":"l","strict":true},` +
				`{"field":"occurred_at","paths":["a","b"],"time":"DD/MM/YYYY HH:mm","time_zone":"UTC","optional":true},` +
				`{"field":"segments","paths":["mail.to"],"count":true},{"field":"carrier","paths":["c"],"number":true,"absolute":true}]}}]}`},
		{"parts of an id", `sms: {path: a.csv, columns: {event_id: {join: [Id, {from: tags.team, optional: true}, {from: b}]}}}`,
			`{"name":"sms","exports":[{"paths":["a.csv"],"mapping":{"rules":[{"field":"event_id","join":[{"path":"Id"},{"path":"tags.team","optional":true},{"path":"b"}]}]}}]}`},
		{"a column with points in its name", `sms: {path: a.csv, columns: {carrier: {optional: true}}}`,
			`{"name":"sms","exports":[{"paths":["a.csv"],"mapping":{"rules":[{"field":"carrier","paths":["carrier"],"optional":true}]}}]}`},
		{"filters in their order", `sms: {path: a.csv, leave_out: {z: {event: open, a.b: [1, 2]}, a: {event: {not: delivered, empty: false}}, m: {x: {is: [y], empty: false}, y: {empty: true}}}}`,
			`{"name":"sms","exports":[{"paths":["a.csv"],"mapping":{"leave_out":[{"name":"z","conditions":[{"path":"event","is":["open"]},{"path":"a.b","is":["1","2"]}]},` +
				`{"name":"a","conditions":[{"path":"event","not":["delivered"],"empty":false}]},{"name":"m","conditions":[{"path":"x","is":["y"],"empty":false},{"path":"y","empty":true}]}]}}]}`},
		{"several layouts", `sms: {exports: {twilio: {path: a.json}, sns: {path: b.csv}}}`,
			`{"name":"sms","exports":[{"name":"twilio","paths":["a.json"],"mapping":{}},{"name":"sns","paths":["b.csv"],"mapping":{}}]}`},
		{"own usage", `cloud: {kind: usage, quantity: q, decimals: 10, dimensions: [sku, price], may_lack: [sku], path: a.csv}`,
			`{"name":"cloud","kind":"usage","quantity":"q","decimals":10,"dimensions":["sku","price"],"may_lack":["sku"],"exports":[{"paths":["a.csv"],"mapping":{}}]}`},
		{"own levels", `stock: {kind: levels, levels: [items], path: a.csv, columns: {items: n, as_of: day}}`,
			`{"name":"stock","kind":"levels","levels":["items"],"exports":[{"paths":["a.csv"],"mapping":{"rules":[{"field":"items","paths":["n"]},{"field":"as_of","paths":["day"]}]}}]}`},
		{"own seats", `desks: {kind: seats, path: a.csv, columns: {user_id: u}}`,
			`{"name":"desks","kind":"seats","exports":[{"paths":["a.csv"],"mapping":{"rules":[{"field":"user_id","paths":["u"]}]}}]}`},
		{"further dimensions", `sms: {dimensions: [network], may_lack: [network, direction], path: a.csv, columns: {network: mccmnc}}`,
			`{"name":"sms","dimensions":["network"],"may_lack":["network","direction"],"exports":[{"paths":["a.csv"],"mapping":{"rules":[{"field":"network","paths":["mccmnc"]}]}}]}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := "sources: {" + test.yaml + "}\nlookups: {l: {path: t.csv, key: a, value: b}}\n"
			f, err := parseSettings("x.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(f.sources[0])
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			schemaTakes(t, text)
		})
	}
}

// TestInputSettings: what is said of manifests and of exports that must come.
func TestInputSettings(t *testing.T) {
	rows := int64(0)
	for _, test := range []struct {
		yaml     string
		manifest pipeline.ManifestSettings
		expected *pipeline.Expectation
	}{
		{`sms: {expected: true}`, pipeline.ManifestSettings{}, &pipeline.Expectation{}},
		{`sms: {expected: false}`, pipeline.ManifestSettings{}, nil},
		{`sms: {manifest: required}`, pipeline.ManifestSettings{Need: pipeline.ManifestRequired}, nil},
		{`sms: {path: "a/{date}.csv", manifest: {need: ignore, path: "a/{date}.json"}}`, pipeline.ManifestSettings{Need: pipeline.ManifestIgnored, Path: "a/{date}.json"}, nil},
		{`sms: {exports: {x: {path: "a/{date}.csv", expected: {rows: 0, at_least: 50%, days: 14, otherwise: warn}}}}`, pipeline.ManifestSettings{},
			&pipeline.Expectation{Rows: &rows, AtLeast: 500_000, Days: 14, Warn: true}},
	} {
		f, err := parseSettings("x.yaml", []byte("sources: {"+test.yaml+"}\n"))
		if err != nil {
			t.Errorf("%s: %v", test.yaml, err)
			continue
		}
		e := f.sources[0].Exports[0]
		if e.Manifest != test.manifest || !reflect.DeepEqual(e.Expected, test.expected) {
			t.Errorf("%s: manifest %+v, expected %+v", test.yaml, e.Manifest, e.Expected)
		}
		schemaTakes(t, "sources: {"+test.yaml+"}\n")
	}
}

func TestLookupSettings(t *testing.T) {
	f, err := parseSettings("x.yaml", []byte("lookups:\n  b: {path: t/b.csv, key: k, value: v}\n  a: {path: a.txt, format: csv, csv: {delimiter: ;}, absent: \"NULL\", key: k, value: v}\n"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(f.lookups)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"name":"a","path":"a.txt","key":"k","value":"v","layout":{"format":"csv","delimiter":";","absent":["NULL"]}},{"name":"b","path":"t/b.csv","key":"k","value":"v","layout":{}}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The order in which sources stand in the file decides nothing.
func TestSourcesAreSorted(t *testing.T) {
	f, err := parseSettings("x.yaml", []byte("sources:\n  sms: {path: a.csv}\n  emails: {path: b.csv}\n"))
	if err != nil || f.sources[0].Name != "emails" {
		t.Errorf("%v, %v", f.sources, err)
	}
}

// settingsMistake is a file, and where and what its first mistake is. Shape
// tells that the schema finds it as well.
type settingsMistake struct {
	name, yaml string
	line, col  int
	want       string
	shape      bool
}

var settingsMistakes = []settingsMistake{
	{"unknown key", "sources:\n  sms:\n    paht: a.csv\n", 3, 5, `unknown key "paht" in source "sms" (did you mean "path"?)`, true},
	{"unknown key in a column", "sources:\n  sms:\n    path: a.csv\n    columns:\n      carrier: {form: x}\n", 5, 17, `unknown key "form" in column "carrier" of source "sms" (did you mean "from"?)`, true},
	{"unknown key in an export", "sources:\n  sms:\n    exports:\n      a: {path: a.csv, record: x}\n", 4, 24, `unknown key "record" in export "a" of source "sms" (did you mean "records"?)`, true},
	{"unknown key in csv", "sources: {sms: {path: a.csv, csv: {delim: x}}}\n", 1, 36, `unknown key "delim" in csv of source "sms"`, true},
	{"unknown key in a condition", "sources: {sms: {path: a.csv, leave_out: {f: {status: {nto: x}}}}}\n", 1, 55, `unknown key "nto" in condition on "status" of filter "f" of source "sms" (did you mean "not"?)`, true},
	{"unknown key in a lookup", "lookups: {l: {path: a.csv, key: a, vaule: b}}\n", 1, 36, `unknown key "vaule" in lookup "l" (did you mean "value"?)`, true},
	{"missing key of a lookup", "lookups: {l: {path: a.csv, key: a}}\n", 1, 11, `missing key "value" in lookup "l"`, true},
	{"no path", "sources:\n  sms: {format: csv}\n", 2, 3, `missing key in source "sms": want "path", "exports", "manifest" or "expected"`, true},
	{"no path of an export", "sources:\n  sms:\n    exports:\n      a: {format: csv}\n", 4, 7, `missing key in export "a" of source "sms": want "path"`, true},
	{"a layout without a path", "sources:\n  sms: {format: csv, expected: true}\n", 2, 3, `missing key "path": where the files lie`, false},
	{"a manifest of no need", "sources: {sms: {path: a.csv, manifest: maybe}}\n", 1, 40, `manifest of source "sms" is "maybe" where "required", "if_present" or "ignore" is wanted`, true},
	{"a manifest of no day", "sources: {sms: {path: \"{date}.csv\", manifest: {path: m.json}}}\n", 1, 37, `path "m.json" of the manifest has no date`, false},
	{"a manifest without a place", "sources: {sms: {path: \"{date}.csv\", manifest: required}}\n", 1, 47, `path "{date}.csv" says of no folder which day it is of`, false},
	{"a share of more than all", "sources: {sms: {expected: {at_least: 150%}}}\n", 1, 38, `at_least of expected of source "sms" is "150%" where a share from 1% to 100% is wanted`, true},
	{"a median of two days", "sources: {sms: {expected: {days: 2}}}\n", 1, 34, `days of expected of source "sms" is "2" where a whole number from 3 to 366`, true},
	{"rows of a path without a date", "sources: {sms: {path: a.csv, expected: {rows: 3}}}\n", 1, 30, `without a date in its path an export is there or is not`, false},
	{"path and exports", "sources:\n  sms:\n    path: a.csv\n    exports: {a: {path: b.csv}}\n", 4, 5, `"exports" cannot stand beside "path" in source "sms"`, true},
	{"columns beside exports", "sources:\n  sms:\n    columns: {carrier: c}\n    exports: {a: {path: b.csv}}\n", 4, 5, `"exports" cannot stand beside "columns" in source "sms"`, true},
	{"from and value", "sources: {sms: {path: a.csv, columns: {carrier: {from: a, value: b}}}}\n", 1, 50, `"from" cannot stand beside "value" in column "carrier" of source "sms"`, true},
	{"from and value in a join", "sources: {sms: {path: a.csv, columns: {event_id: {join: [a, {from: b, value: c}]}}}}\n", 1, 62, `"from" cannot stand beside "value" in `, true},
	{"a value that is optional in a join", "sources: {sms: {path: a.csv, columns: {event_id: {join: [a, {value: c, optional: true}]}}}}\n", 1, 62, `"value" cannot stand beside "optional" in `, true},
	{"nothing in a join", "sources: {sms: {path: a.csv, columns: {event_id: {join: [a, {optional: true}]}}}}\n", 1, 61, `want "from" or "value"`, true},
	{"value and count", "sources: {emails: {path: a.csv, columns: {recipients: {value: 1, count: b}}}}\n", 1, 56, `"value" cannot stand beside "count"`, true},
	{"nothing behind a key", "sources:\n  sms:\n    path:\n", 3, 5, `path of source "sms" has no value`, true},
	{"a null in a list", "sources: {sms: {path: a.csv, absent: [NULL]}}\n", 1, 39, `absent of source "sms" has no value; text goes in quotes if it is one`, true},
	{"null", "sources: {sms: {path: ~}}\n", 1, 17, `path of source "sms" has no value`, true},
	{"a list of no paths", "sources: {sms: {path: []}}\n", 1, 23, `path of source "sms" is an empty list`, true},
	{"no source", "sources: {}\n", 1, 1, `sources is empty`, true},
	{"sources as a list", "sources: [sms]\n", 1, 10, `sources is a list where an object {name: ...} is wanted`, true},
	{"a source as a text", "sources: {sms: a.csv}\n", 1, 16, `source "sms" is "a.csv" where an object {key: value} is wanted`, true},
	{"columns as a list", "sources: {sms: {path: a.csv, columns: [carrier]}}\n", 1, 39, `columns of source "sms" is a list where`, true},
	{"a format there is not", "sources: {sms: {path: a.csv, format: xlsx}}\n", 1, 38, `format of source "sms" is "xlsx" where "csv", "json",`, true},
	{"a wrong flag", "sources: {sms: {path: a.csv, columns: {carrier: {optional: yes}}}}\n", 1, 60, `optional of column "carrier" of source "sms" is "yes" where true or false is wanted`, true},
	{"a flag in quotes", "sources: {sms: {path: a.csv, columns: {carrier: {optional: \"true\"}}}}\n", 1, 60, `is "true" where true or false is wanted`, true},
	{"too many decimals", "sources: {x: {kind: usage, path: a.csv, decimals: 13}}\n", 1, 51, `decimals of source "x" is "13" where a whole number from 0 to 12 is wanted`, true},
	{"octal decimals", "sources: {x: {kind: usage, path: a.csv, decimals: 012}}\n", 1, 51, `decimals of source "x" is "012" where a whole number`, false},
	{"a number with a point", "sources: {x: {kind: usage, path: a.csv, decimals: 1.5}}\n", 1, 51, `decimals of source "x" is "1.5" where a whole number`, true},
	{"a name in capitals", "sources: {Sms: {path: a.csv}}\n", 1, 11, `the name of a source is "Sms" where a word of a-z, 0-9 and _ is wanted`, true},
	{"a column's name", "sources: {sms: {path: a.csv, columns: {Event-Id: a}}}\n", 1, 40, `the name of a column is "Event-Id" where`, true},
	{"a filter's name", "sources: {sms: {path: a.csv, leave_out: {not delivered: {a: b}}}}\n", 1, 42, `the name of a filter is "not delivered" where`, true},
	{"a condition of nothing", "sources: {sms: {path: a.csv, leave_out: {f: {a: {}}}}}\n", 1, 46, `missing key in condition on "a" of filter "f" of source "sms": want "is", "not" or "empty"`, true},
	{"a condition on nothing", "sources: {sms: {path: a.csv, leave_out: {f: {}}}}\n", 1, 42, `filter "f" of source "sms" is empty`, true},
	{"an empty text", "sources: {sms: {path: a.csv, leave_out: {f: {a: \"\"}}}}\n", 1, 49, `condition on "a" of filter "f" of source "sms" is empty`, true},
	{"a delimiter of two", "sources: {sms: {path: a.csv, csv: {delimiter: '\\t'}}}\n", 1, 47, `delimiter of csv of source "sms" is "\\t" where one ASCII character, a tab as "\t" is wanted`, true},
	{"a space at the end", "sources: {sms: {path: a.csv, columns: {carrier: \"a \"}}}\n", 1, 49, `column "carrier" of source "sms" "a " begins or ends with a space`, false},

	{"an unknown source", "sources:\n  emials: {path: a.csv}\n", 2, 3, `there is no source "emials" (did you mean "emails"?); there are account_events, accounts, contacts, emails, opening, payments, postcards, seats, sms; a source of your own has a kind: usage, levels or seats`, false},
	{"a kind of a known source", "sources:\n  sms: {path: a.csv, kind: usage}\n", 2, 28, `"sms" is a source that ratemill knows: it has no kind`, false},
	{"a quantity of a known source", "sources:\n  sms: {path: a.csv, quantity: parts}\n", 2, 32, `source sms has no quantity`, false},
	{"levels of usage", "sources:\n  x: {kind: usage, path: a.csv, levels: [a]}\n", 2, 41, `a source of kind "usage" has no levels`, false},
	{"dimensions of seats", "sources:\n  x: {kind: seats, path: a.csv, dimensions: [a]}\n", 2, 45, `a source of kind "seats" has no dimensions`, false},
	{"dimensions of contacts", "sources:\n  contacts: {path: a.csv, dimensions: [a]}\n", 2, 39, `source contacts has no dimensions`, false},
	{"no levels", "sources:\n  x: {kind: levels, path: a.csv}\n", 2, 3, `a source of kind "levels" needs levels`, false},
	{"a dimension twice", "sources:\n  x: {kind: usage, path: a.csv, dimensions: [sku, sku]}\n", 2, 46, `source "x" has the column "sku" twice`, false},
	{"a dimension that is there", "sources:\n  sms: {path: a.csv, dimensions: [carrier]}\n", 2, 35, `source "sms" has the column "carrier" twice`, false},
	{"may_lack of none", "sources:\n  sms: {path: a.csv, may_lack: [network]}\n", 2, 33, `source "sms" has no dimension "network" (there are direction, carrier, country)`, false},
	{"a column there is not", "sources:\n  sms:\n    path: a.csv\n    columns:\n      segmets: n\n", 5, 7, `source "sms" has no column "segmets" (did you mean "segments"?)`, false},
	{"a column of an export", "sources:\n  sms:\n    exports:\n      a: {path: a.csv}\n      b: {path: b.csv, columns: {x: y}}\n", 5, 34, `source "sms" has no column "x" (there are event_id, account_id, occurred_at, segments, direction, carrier, country)`, false},
	{"a wrong template", "sources:\n  sms:\n    path: [a.csv, \"b/{date/*\"]\n", 3, 19, `path "b/{date/*" has a { that is never closed`, false},
	{"a template of an export", "sources: {sms: {exports: {a: {path: /a.csv}}}}\n", 1, 37, `path "/a.csv" begins with a slash`, false},
	{"a part there is not", "sources:\n  contacts:\n    path: [\"{date}.csv\", b.csv]\n    columns: {as_of: {part: date}}\n", 4, 15, `path "b.csv" has no placeholder {date}`, false},
	{"a part that is another", "sources:\n  contacts: {path: \"{date}_{hour}.csv\", columns: {as_of: {part: day}}}\n", 2, 51, `has no placeholder {day} (there are date, hour)`, false},
	{"a lookup there is not", "sources: {sms: {path: a.csv, columns: {account_id: {lookup: sub}}}}\nlookups: {subs: {path: a.csv, key: a, value: b}}\n", 1, 40, `lookup: there is no table "sub" (did you mean "subs"?)`, false},
	{"a lookup of many files", "lookups: {subs: {path: a/*.csv, key: a, value: b}}\n", 1, 24, `path "a/*.csv" has wildcards or placeholders: a lookup table is one file`, false},
	{"a wrong path", "sources: {sms: {path: a.csv, columns: {carrier: a..b}}}\n", 1, 49, `path "a..b": a name is missing`, false},
	{"a wrong path in a list", "sources: {sms: {path: a.csv, columns: {carrier: [a, 'b[x]']}}}\n", 1, 53, `path "b[x]": "[x]" is not the place of an element ([0])`, false},
	{"a wrong path of a filter", "sources: {sms: {path: a.csv, leave_out: {f: {a.: x}}}}\n", 1, 46, `path "a.": `, false},
	{"a wrong zone", "sources: {sms: {path: a.csv, time_zone: PST8}}\n", 1, 41, `time_zone: "PST8" is not a time zone`, false},
	{"a wrong zone of a lookup", "lookups: {a: {path: a.csv, key: a, value: b, time_zone: PST8}}\n", 1, 57, `"PST8" is not a time zone`, false},
	{"a rule that its column cannot have", "sources:\n  sms:\n    path: a.csv\n    columns:\n      carrier: {from: c, time: unix}\n", 5, 7, `time is for times and dates; this is text`, false},
	{"a pattern of no time", "sources:\n  sms: {path: a.csv, columns: {occurred_at: {from: c, time: yyyy-mm-dd}}}\n", 2, 32, `"yyyy" is none of YYYY`, false},
	{"a wrong expression", "sources:\n  sms: {path: a.csv, columns: {carrier: {extract: '('}}}\n", 2, 32, `extract: error parsing regexp`, false},
	{"records of a CSV file", "sources: {sms: {path: a.txt, format: csv, records: a}}\n", 1, 43, `records says nothing of format csv`, false},
	{"csv of a Parquet file", "sources:\n  sms:\n    path: a.txt\n    format: parquet\n    csv: {delimiter: ;}\n", 5, 5, `csv says nothing of format parquet`, false},

	{"a repeated key", "sources:\n  sms: {path: a.csv}\n  sms: {path: b.csv}\n", 3, 3, `repeated key "sms" (first in line 2)`, false},
	{"an anchor", "sources:\n  sms: &a {path: a.csv}\n", 2, 8, `anchors (&) are not part of ratemill.yaml`, false},
	{"an alias, or a star", "sources:\n  sms: {path: */a.csv}\n", 2, 15, `text that begins with a star goes in quotes: "*"`, false},
	{"a merge", "sources:\n  sms:\n    <<: {path: a.csv}\n", 3, 5, `merges (<<) are not part of ratemill.yaml`, false},
	{"a tag", "workers: !!str 2\n", 1, 10, `tags (!) are not part of ratemill.yaml`, false},
	{"a second document", "workers: 2\n---\nworkers: 3\n", 2, 1, `a second one begins here`, false},
	{"block text", "catalog: |\n  a.yaml\n", 1, 10, `block text (| and >) is not part of ratemill.yaml`, false},
	{"a directive", "%YAML 1.2\n---\nworkers: 2\n", 1, 1, `directives (%) are not part of ratemill.yaml`, false},
	{"a brace without quotes", "sources:\n  sms:\n    path: {date}.csv\n", 3, 17, `text that begins with { or [ goes in quotes`, false},
	{"a placeholder without quotes", "sources:\n  sms:\n    path: {date}\n", 3, 5, `path of source "sms" is an object {key: value} where a text or a list is wanted; text that begins with { goes in quotes`, true},
	{"brackets within brackets", "sources:\n  sms: {path: a.csv, columns: {carrier: [a[0], b]}}\n", 2, 43, `inside of { } and [ ] a text with [ in it goes in quotes`, false},
	{"text on two lines", "catalog: a\n  b.yaml\n", 2, 3, `this line has no key: it wants key: value; a text stands on one line`, false},
	{"an invisible character", "catalog: \"a\\u200bb\"\n", 1, 10, `has an invisible character`, false},
	{"lists in lists", "sources: " + strings.Repeat("[", 65) + strings.Repeat("]", 65) + "\n", 1, 74, `nested more than 64 deep`, false},
	{"a large file", "# " + strings.Repeat("x", 256<<10) + "\n", 1, 1, `it may have 262144`, false},
	{"no object", "- sources\n", 1, 1, `want lines of the form key: value`, true},
}

func TestSettingsMistakes(t *testing.T) {
	for _, test := range settingsMistakes {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseSettings("x.yaml", []byte(test.yaml))
			var all yamltext.Errors
			if !errors.As(err, &all) {
				t.Fatalf("%v is not a list of mistakes", err)
			}
			got := all[0]
			if got.Line != test.line || got.Column != test.col || !strings.Contains(got.Message, test.want) {
				t.Errorf("%d:%d: %s\nwant %d:%d: %s", got.Line, got.Column, got.Message, test.line, test.col, test.want)
			}
			if want := strings.Split(test.yaml, "\n")[test.line-1]; got.Source != want {
				t.Errorf("shows the line %q, want %q", got.Source, want)
			}
		})
	}
}

// TestSettingsEndings: the same file with another line ending, or a mark at
// its begin, says the same.
func TestSettingsEndings(t *testing.T) {
	text := "# a comment\nsources:\n  sms:  \n    path: a.csv # here  \n"
	for _, other := range []string{text, "\uFEFF" + text, strings.ReplaceAll(text, "\n", "\r\n"), strings.TrimSuffix(text, "\n")} {
		f, err := parseSettings("x.yaml", []byte(other))
		if err != nil || len(f.sources) != 1 || f.sources[0].Exports[0].Paths[0] != "a.csv" {
			t.Errorf("%q: %v, %v", other, f.sources, err)
		}
	}
}

// TestPlacedErrors: what the job finds wrong about a source is told with its
// place.
func TestPlacedErrors(t *testing.T) {
	f, err := parseSettings("x.yaml", []byte(`sources:
  emails:
    path: a.csv
    columns:
      recipients: {value: 1}
    leave_out:
      opened: {event: open}
  sms:
    exports:
      twilio: {path: a.json, columns: {segments: n}}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		err  pipeline.SourceError
		want string
	}{
		{pipeline.SourceError{Source: "emails", Key: "columns", Item: "recipients"}, "x.yaml:5:7: wrong\n      recipients: {value: 1}\n      ^"},
		{pipeline.SourceError{Source: "emails", Key: "leave_out", Item: "opened"}, "x.yaml:7:7: wrong"},
		{pipeline.SourceError{Source: "emails", Key: "columns", Item: "account_id"}, "x.yaml:4:5: wrong"},
		{pipeline.SourceError{Source: "emails", Key: "path"}, "x.yaml:3:11: wrong"},
		{pipeline.SourceError{Source: "emails", Key: "format"}, "x.yaml:2:3: wrong"},
		{pipeline.SourceError{Source: "sms", Export: "twilio", Key: "columns", Item: "segments"}, "x.yaml:10:40: wrong"},
		{pipeline.SourceError{Source: "sms", Export: "twilio"}, "x.yaml:10:7: wrong"},
		{pipeline.SourceError{Source: "seats"}, "x.yaml:1:1: wrong"},
	} {
		test.err.What = "wrong"
		var usage *pipeline.UsageError
		if got := f.placed(fmt.Errorf("night: %w", &test.err)); !errors.As(got, &usage) || !strings.HasPrefix(usage.What, test.want) {
			t.Errorf("%+v: %v, want %s", test.err, got, test.want)
		}
	}
	if other := errors.New("other"); f.placed(other) != other {
		t.Error("another error is changed")
	}
}

// schemaOf is the schema as a library reads it.
func schemaOf(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(configSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("ratemill.json", text); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("ratemill.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// schemaError is what the schema finds wrong in a file, as an editor does.
func schemaError(t *testing.T, text string) error {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		return err
	}
	if value == nil {
		return nil
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		return err
	}
	value, err = jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return err
	}
	return schemaOf(t).Validate(value)
}

func schemaTakes(t *testing.T, text string) {
	t.Helper()
	if err := schemaError(t, text); err != nil {
		t.Errorf("the schema refuses it: %v\n%s", err, text)
	}
}

func TestSchemaRefuses(t *testing.T) {
	for _, test := range settingsMistakes {
		if test.shape && schemaError(t, test.yaml) == nil {
			t.Errorf("%s: the schema takes it", test.name)
		}
	}
}

// TestSchemaFile: docs/ratemill.schema.json is what `ratemill config schema`
// prints.
func TestSchemaFile(t *testing.T) {
	const path = "../../docs/ratemill.schema.json"
	if *rewrite {
		if err := os.WriteFile(path, configSchema(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || !bytes.Equal(text, configSchema()) {
		t.Errorf("%s is not what the program prints: go test ./cmd/ratemill -run TestSchemaFile -rewrite (%v)", path, err)
	}
}

// TestEveryKeyIsDescribed: the schema says of every key what it means.
func TestEveryKeyIsDescribed(t *testing.T) {
	for _, k := range allKeys(fileKeys) {
		if !strings.HasSuffix(k.says, ".") {
			t.Errorf("%s: %q is no sentence", k.name, k.says)
		}
	}
}

// allKeys are the keys of a form and of all within it.
func allKeys(f *form) []key {
	if f == nil {
		return nil
	}
	all := allKeys(f.list)
	if f.names != nil {
		all = append(all, allKeys(f.names.value)...)
	}
	for _, k := range f.keys {
		all = append(append(all, k), allKeys(k.form)...)
	}
	return all
}
