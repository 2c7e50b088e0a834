package main

import (
	"testing"

	"ratemill/pipeline"
)

// TestDatesText: of many dates those next to the one that was asked for are named.
func TestDatesText(t *testing.T) {
	var all []pipeline.ExplainedDates
	for _, day := range []string{"2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01", "2024-06-01", "2024-07-01", "2024-08-01"} {
		all = append(all, pipeline.ExplainedDates{BillingDate: day})
	}
	for asked, want := range map[string]string{
		"2024-05-10": ", around it 2024-03-01, 2024-04-01, 2024-05-01, 2024-06-01, 2024-07-01, 2024-08-01",
		"2023-05-10": ", around it 2024-01-01, 2024-02-01, 2024-03-01, 2024-04-01, 2024-05-01, 2024-06-01",
		"2025-05-10": ", around it 2024-03-01, 2024-04-01, 2024-05-01, 2024-06-01, 2024-07-01, 2024-08-01",
	} {
		if got := datesText(all, asked); got != want {
			t.Errorf("%s: %s, want %s", asked, got, want)
		}
	}
	if got, want := datesText(all[:2], "2024-05-10"), ": 2024-01-01, 2024-02-01"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
