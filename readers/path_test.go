package readers

import (
	"reflect"
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	for text, want := range map[string][]Step{
		"MessageId":            {{Name: "MessageId"}},
		"lineItem/UsageAmount": {{Name: "lineItem/UsageAmount"}},
		"mail.destination[12]": {{Name: "mail"}, {Name: "destination"}, {Index: 12}},
		"[0].a":                {{Index: 0}, {Name: "a"}},
		`"a.b[0]\"".c`:         {{Name: `a.b[0]"`}, {Name: "c"}},
		"*.messages[*]":        {{Any: true}, {Name: "messages"}, {Any: true}},
		`event-data.timestamp`: {{Name: "event-data"}, {Name: "timestamp"}},
	} {
		got, err := ParsePath(text)
		if err != nil || !reflect.DeepEqual(got.Steps, want) {
			t.Errorf("%s: %+v, %v; want %+v", text, got.Steps, err, want)
		}
	}
	for text, want := range map[string]string{
		"Client Ref.": `path "Client Ref.": a name is missing at its end; a column of this name is written '"Client Ref."'`,
		"Cost [EUR]":  `is not the place of an element ([0]); a column of this name is written '"Cost [EUR]"'`,
		"":            `path "": a name is missing at its end`,
		`"a`:          `path "\"a": a quote is never closed`,
	} {
		p, err := ParsePath(text)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %s", text, p.Steps, err, want)
		}
		_, quoted, found := strings.Cut(want, "written '")
		if p, err := ParsePath(strings.TrimSuffix(quoted, "'")); found && (err != nil || p.Steps[0].Name != text) {
			t.Errorf("%s: %+v, %v", quoted, p.Steps, err)
		}
	}
	for _, text := range []string{"", ".", "a.", "a..b", "a[", "a[x]", `"a`, `""`, `"a"b`, "a]b.", "a[1]b"} {
		if p, err := ParsePath(text); err == nil {
			t.Errorf("%s: %+v, want an error", text, p.Steps)
		}
	}
}
