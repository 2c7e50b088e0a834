package main

import (
	"context"
	"errors"
	"testing"

	"ratemill/pipeline"
)

// TestHints: what to do follows from what is wrong, and a command that never
// publishes does not say that it has not.
func TestHints(t *testing.T) {
	damaged := &pipeline.HistoryError{Key: "invoices/x.parquet", Err: errors.New("no footer")}
	for _, c := range []struct {
		name             string
		err              error
		publishes, reads string
	}{
		{"a rerate that is refused", &pipeline.RerateError{Account: "acme", What: "it was billed in USD and should have been in EUR"},
			"nothing was published; mend the catalog or the exports that the account is billed by, or rerate other days; docs/rerate.md says when a rerate is refused",
			"mend the catalog or the exports that the account is billed by, or rerate other days; docs/rerate.md says when a rerate is refused"},
		{"a correction that fails its checks", &pipeline.RerateError{Account: "acme", What: "total is 1.00, the lines make 2.00", Defect: true},
			"nothing was published; this is a defect of ratemill, or history was changed by hand: please report the line above",
			"this is a defect of ratemill, or history was changed by hand: please report the line above"},
		{"control totals", &pipeline.TotalsError{Broken: []string{"balance sms_money"}},
			"nothing was published; this is a defect of ratemill, or history was changed by hand: please report the line above",
			"this is a defect of ratemill, or history was changed by hand: please report the line above"},
		{"a damaged history", damaged,
			"nothing was published; restore the file from a backup of the output, as it was published",
			"restore the file from a backup of the output, as it was published"},
		{"an export that cannot be all of it", &pipeline.UnexpectedError{What: "sms: 3 rows"},
			"nothing was published; mend or replace the file and run the night again", "mend or replace the file and run it again"},
		{"an export that is not there", &pipeline.NotThereError{What: "sms of 2024-05-01", Where: "sms/"},
			"nothing was published; run it again when it is there; expected and manifest in ratemill.yaml say what is waited for",
			"run it again when it is there; expected and manifest in ratemill.yaml say what is waited for"},
		{"a file that vanished", &pipeline.VanishedError{Err: errors.New("gone")}, "nothing was published; run it again", "run it again"},
		{"a signal", context.Canceled, "nothing is published of what was not before; run it again", "run it again"},
		{"a proof", &pipeline.UnprovenError{Figures: 1}, "nothing was changed; docs/verify.md says how to read a break and what to do",
			"nothing was changed; docs/verify.md says how to read a break and what to do"},
	} {
		for _, command := range []struct {
			publishes bool
			want      string
		}{{true, c.publishes}, {false, c.reads}} {
			if got := hintFor(c.err, pipeline.ExitCode(c.err), command.publishes, withoutQuery); got != command.want {
				t.Errorf("%s, of a command that publishes %v:\n got %q\nwant %q", c.name, command.publishes, got, command.want)
			}
		}
	}
}
