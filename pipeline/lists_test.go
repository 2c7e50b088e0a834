package pipeline

import (
	"fmt"
	"testing"
)

func TestTextsOf(t *testing.T) {
	for cell, want := range map[string]string{
		"":                  "[] <nil>",
		" ":                 "[] <nil>",
		"a":                 `["a"] <nil>`,
		"a; b ;c,d":         `["a" "b" "c,d"] <nil>`,
		"[]":                "[] <nil>",
		` ["a", "b;c" , 7]`: `["a" "b;c" "7"] <nil>`,
		"a;;b":              "[] element 2 is empty",
		"a;":                "[] element 2 is empty",
		";":                 "[] element 1 is empty",
		`["a",null]`:        "[] element 2 is no text",
		`["a",""]`:          "[] element 2 is no text",
		`[["a"]]`:           "[] element 1 is no text",
		`[true]`:            "[] element 1 is no text",
		`["a"`:              "[] not a JSON list",
		`["a"] b`:           "[] not a JSON list",
	} {
		list, err := textsOf(cell)
		if got := fmt.Sprintf("%q %v", list, err); got != want {
			t.Errorf("%q: %s, want %s", cell, got, want)
		}
	}
}

func TestAmountsOf(t *testing.T) {
	for cell, want := range map[string]string{
		"":                                    "[] <nil>",
		"a=6.60;b = 12":                       "[{a 6.6 } {b 12 }] <nil>",
		"a=1;a=2":                             "[{a 1 } {a 2 }] <nil>",
		"a=500@2024-12-31;a=2@2024-02-29;b=1": "[{a 500 2024-12-31} {a 2 2024-02-29} {b 1 }] <nil>",
		`{"a": "500@2024-12-31", "a": 2}`:     "[{a 500 2024-12-31} {a 2 }] <nil>",
		"a=5@2023-02-29":                      `[] a=5@"2023-02-29": want the last good day as YYYY-MM-DD`,
		"a=5@":                                `[] a=5@"": want the last good day as YYYY-MM-DD`,
		"a=@2024-12-31":                       `[] a="": want a name and a plain decimal`,
		"a=-1":                                "[{a -1 }] <nil>",
		"{}":                                  "[] <nil>",
		`{"a": "6.60", "b": 12, "b": 0}`:      "[{a 6.6 } {b 12 } {b 0 }] <nil>",
		`{"a": 0.1000000000000000000001}`:     "[{a 0.1000000000000000000001 }] <nil>",
		"a":                                   `[] "a" is not NAME=AMOUNT`,
		"a=":                                  `[] a="": want a name and a plain decimal`,
		"=1":                                  `[] ="1": want a name and a plain decimal`,
		"a=1,5":                               `[] a="1,5": want a name and a plain decimal`,
		"a=1e3":                               `[] a="1e3": want a name and a plain decimal`,
		"a=.5":                                `[] a=".5": want a name and a plain decimal`,
		"a=+5":                                `[] a="+5": want a name and a plain decimal`,
		"a=1;":                                "[] element 2 is empty",
		`{"a": 1e3}`:                          `[] a="1e3": want a name and a plain decimal`,
		`{"a": null}`:                         `[] a="": want a name and a plain decimal`,
		`{"a": {}}`:                           `[] "a" is no amount`,
		`{"a": 1`:                             "[] not a JSON object",
		`{"a": 1} 2`:                          "[] text behind the JSON object",
		`{1: 1}`:                              "[] not a JSON object",
	} {
		list, err := amountsOf(cell)
		if got := fmt.Sprint(list, " ", err); got != want {
			t.Errorf("%q: %s, want %s", cell, got, want)
		}
	}
}

// FuzzLists: whatever a cell holds, reading it says so and does not break.
func FuzzLists(f *testing.F) {
	for _, seed := range []string{"a;b", `["a"]`, `{"a":1}`, "a=1;b=2", "[", "{", `{"a":`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		if list, err := textsOf(cell); err != nil && list != nil {
			t.Errorf("%q: %q and %v", cell, list, err)
		}
		if list, err := amountsOf(cell); err != nil && list != nil {
			t.Errorf("%q: %v and %v", cell, list, err)
		}
	})
}
