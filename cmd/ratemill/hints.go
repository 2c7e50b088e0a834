package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"ratemill/pipeline"
	"ratemill/pipeline/store"
)

// publishes tells whether a command adds to a billing history.
func publishes(chosen *kong.Context) bool {
	return slices.Contains([]string{"run", "backfill", "rerate"}, chosen.Command())
}

// settingOf is the flag that says a location, or the location itself.
func settingOf(chosen *kong.Context, location string) string {
	for _, flag := range chosen.Flags() {
		if !slices.Contains([]string{"exports", "output", "catalog"}, flag.Name) {
			continue
		}
		said := flag.Target.String()
		root, _, _ := store.Split(said) // of a single file the folder is opened
		if u, err := url.Parse(said); err == nil && (u.String() == location || root == location) {
			return "--" + flag.Name
		}
	}
	return withoutQuery(location)
}

func withoutQuery(location string) string {
	place, _, _ := strings.Cut(location, "?")
	return place
}

// hintFor is what to do about an error. A command that never publishes does
// not say that it has not. setting names the flag that says a location.
func hintFor(err error, code int, publishes bool, setting func(location string) string) string {
	var usage *pipeline.UsageError
	var history *pipeline.HistoryError
	var sheet *sheetError
	var notThere *pipeline.NotThereError
	var unproven *pipeline.UnprovenError
	var unfinished *pipeline.UnfinishedError
	var rerated *pipeline.RerateError
	nothing := ""
	if publishes {
		nothing = "nothing was published; "
	}
	switch refused := store.Refused(err); {
	case refused != nil && errors.As(err, &unfinished):
		return fmt.Sprintf("%s: %s; then run it again: entry %d has begun to be published, and is finished first", setting(refused.Location), refused.Advice, unfinished.Entry)
	case refused != nil:
		return fmt.Sprintf("%s%s: %s", nothing, setting(refused.Location), refused.Advice)
	case errors.As(err, &sheet) && code == pipeline.ExitInput:
		return sheet.hint
	case errors.As(err, &usage):
		return usage.Hint
	case errors.As(err, &unfinished) && code == pipeline.ExitTemporary:
		return fmt.Sprintf("entry %d has begun to be published; run it again, and it is finished first", unfinished.Entry)
	case errors.Is(err, context.Canceled) && publishes:
		return "nothing is published of what was not before; run it again"
	case errors.As(err, &history):
		return nothing + "restore the file from a backup of the output, as it was published"
	case errors.As(err, &unproven):
		return "nothing was changed; docs/verify.md says how to read a break and what to do"
	case code == pipeline.ExitInput && publishes:
		return nothing + "mend or replace the file and run the night again"
	case code == pipeline.ExitInput:
		return "mend or replace the file and run it again"
	case errors.As(err, &rerated) && !rerated.Defect:
		return nothing + "mend the catalog or the exports that the account is billed by, or rerate other days; docs/rerate.md says when a rerate is refused"
	case code == pipeline.ExitTotals:
		return nothing + "this is a defect of ratemill, or history was changed by hand: please report the line above"
	case code == pipeline.ExitOtherInputs:
		return "what is published stays as it is; late and changed files are for the next night and for a rerate"
	case errors.As(err, &notThere):
		return nothing + "run it again when it is there; expected and manifest in ratemill.yaml say what is waited for"
	case code == pipeline.ExitTemporary:
		return nothing + "run it again"
	}
	return ""
}
