package main

import (
	"bytes"
	"os"
	"testing"

	"ratemill/pipeline"
)

// TestPrintSamples: what people read of the first rows of their exports.
func TestPrintSamples(t *testing.T) {
	samples := []pipeline.Sample{
		{
			Source: "emails", File: "sendgrid/2024-05-01/events.ndjson", Columns: []string{"email", "event", "sg_event_id", "timestamp"},
			Fields: []string{"event_id", "account_id", "occurred_at", "recipients"}, Read: 5, LeftOut: map[string]int64{"not_delivered": 2, "bounced": 1},
			Rows: []pipeline.SampleRow{
				{Number: 1, Cells: []string{"ZyjAM5rnQmuI1KFInHQ3Nw", "acme", "2016-04-19T19:47:30Z", "1"}},
				{Number: 2, LeftOut: "not_delivered", Cells: []string{"", "", "", ""}},
				{Number: 3, LeftOut: "bounced", Cells: []string{"x", "acme", "", ""}},
				{Number: 4, LeftOut: "not_delivered", Cells: []string{"", "", "", ""}},
				{Number: 5, Cells: []string{"nOSv8m0eTQ-vxvwNwt3fZQ", "", "2016-04-19T19:47:30Z", "1"}, Reject: "missing_field", Detail: "account_id"},
			},
		},
		{Source: "sms", Export: "twilio", Paths: []string{"twilio/{date}/*.json", "old/*.json"}},
		{
			Source: "sms", Export: "sns", File: "sns/2024/05/01/0\x1b.csv.gz", Columns: []string{"Message\tId"}, Fields: []string{"event_id", "carrier"}, Read: 3,
			Rows: []pipeline.SampleRow{
				{Number: 1, Cells: []string{"\x1b[31mred", "a text that is much longer than anybody wants to see in a table"}},
				{Number: 2, Cells: []string{"a", "b"}, Reject: "not_a_time", Detail: "occurred_at \"soon\x07\""},
				{Number: 3, Cells: []string{"a", "b"}, Reject: "negative_quantity"},
			},
		},
		{Source: "seats", File: "seats/empty.csv", Columns: []string{"id"}, Fields: []string{"event_id"}},
	}
	var got bytes.Buffer
	printSamples(&got, samples)
	const path = "testdata/samples.golden"
	if *rewrite {
		if err := os.WriteFile(path, got.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(want, got.Bytes()) {
		t.Errorf("%s differs (%v):\n%s", path, err, &got)
	}

	got.Reset()
	if printSamples(&got, nil); got.String() != "no source has an export\n" {
		t.Errorf("of no samples: %q", &got)
	}
}
