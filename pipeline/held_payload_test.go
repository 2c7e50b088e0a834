package pipeline

import (
	"strings"
	"testing"

	"ratemill/writers"
)

// A row that waits is read back as it was put aside, or not at all: what is no
// number is not billed as 0. The settings may have changed meanwhile.
func TestHeldPayload(t *testing.T) {
	usage, levels, events := usageSource("sms", "segments", "country"), namedSource(t, "contacts"), namedSource(t, "account_events")
	key := strings.Repeat("0", 32)
	for _, c := range []struct {
		name    string
		source  *source
		key     string
		payload string
		want    string
	}{
		{"a row", &usage, key, `{"segments":"3","country":"US"}`, ""},
		{"no quantity", &usage, key, `{"country":"US"}`, `payload: segments "" is not a whole number`},
		{"the quantity under another name", &usage, key, `{"quantity":"3"}`, `payload: segments "" is not a whole number`},
		{"no number", &usage, key, `{"segments":"three"}`, `payload: segments "three" is not a whole number`},
		{"more decimals than the source keeps", &usage, key, `{"segments":"0.5"}`, `payload: segments "0.5" is not a whole number`},
		{"a group of more than 64 bits", &usage, "", `{"segments":"9223372036854775808"}`, ""},
		{"a reading", levels, "", `{"contacts":"5"}`, ""},
		{"no reading", levels, "", `{"contacts":"five"}`, `payload: contacts "five" is not a whole number`},
		{"an event", events, key, `{"type":"refund_requested","date":"2024-05-01"}`, ""},
		{"no date", events, key, `{"type":"refund_requested","date":"May"}`, `payload: date "May" is not a date`},
		{"no count", events, key, `{"type":"credits_purchased","quantity":"x"}`, `payload: quantity "x" is not a whole number`},
	} {
		_, err := eventOf(c.source, 0, &writers.Held{AccountID: "A", EventKey: c.key, Payload: c.payload}, 0)
		if got := errorText(err); !strings.HasPrefix(got, c.want) || (err == nil) != (c.want == "") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func namedSource(t *testing.T, name string) *source {
	t.Helper()
	all := canonicalSources()
	for i := range all {
		if all[i].name == name {
			return &all[i]
		}
	}
	t.Fatal("no source " + name)
	return nil
}
