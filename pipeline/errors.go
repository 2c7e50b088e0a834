package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"gocloud.dev/gcerrors"

	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
	"ratemill/readers"
)

// Exit codes of a run. Not 2: a Go panic and running out of memory exit 2.
const (
	ExitDone        = 0  // published, or nothing to do
	ExitOther       = 1  // anything that has no code of its own
	ExitLook        = 3  // published, but somebody must look
	ExitOtherInputs = 4  // the day is published from other inputs
	ExitTotals      = 5  // control totals broken, nothing published
	ExitInput       = 6  // input unusable, nothing published
	ExitUsage       = 64 // wrong usage, config or catalog
	ExitTemporary   = 75 // temporary: try again
)

// UsageError is a mistake of whoever called: in the flags, the config or the
// catalog.
type UsageError struct {
	What string
	Hint string
}

func (e *UsageError) Error() string { return e.What }

// OtherInputsError says that a day is published from other inputs than those
// that lie there now.
type OtherInputsError struct {
	Day         calendar.Day
	Entry       int64
	Differences []string
}

func (e *OtherInputsError) Error() string {
	return fmt.Sprintf("%s is published already (entry %d) from other inputs: %s", e.Day, e.Entry, strings.Join(e.Differences, "; "))
}

// LostError says that another run published the entry first, from another plan.
type LostError struct {
	Entry        int64
	RunID, Other string
	Again        bool // one of the two was a rerate: both can be had, one after the other
}

func (e *LostError) Error() string {
	text := fmt.Sprintf("entry %d was published by another run %s while this one (%s) was at work", e.Entry, e.Other, e.RunID)
	if e.Again {
		text += "; what it published comes first now"
	}
	return text
}

// VanishedError is a staged file that somebody removed while its run was at
// work. The next run stages it again.
type VanishedError struct{ Err error }

func (e *VanishedError) Error() string {
	return e.Err.Error() + ": it was removed while the run was at work (by a ratemill gc with too short a --older-than?)"
}

func (e *VanishedError) Unwrap() error { return e.Err }

// TotalsError says that control totals do not hold. Nothing was published.
type TotalsError struct{ Broken []string }

func (e *TotalsError) Error() string {
	return "control totals are broken, nothing is published: " + strings.Join(e.Broken, "; ")
}

// UnfinishedError says that an entry was begun to be published, or may have
// been, and is not finished. Whoever runs next finishes it first.
type UnfinishedError struct {
	Entry int64
	Err   error
}

func (e *UnfinishedError) Error() string { return e.Err.Error() }
func (e *UnfinishedError) Unwrap() error { return e.Err }

// NotThereError is an export, or its manifest, that must come before the night
// can be billed. Time alone may mend it, so it is temporary.
type NotThereError struct {
	What  string
	Where string // paths where it is looked for
}

func (e *NotThereError) Error() string { return e.What + ": looked for " + e.Where }

// UnexpectedError is an export that is there and cannot be all of it.
type UnexpectedError struct{ What string }

func (e *UnexpectedError) Error() string { return e.What }

// HistoryError is an own file, published by an earlier entry, that is not what
// was published: the billing history is damaged.
type HistoryError struct {
	Key string
	Err error
}

func (e *HistoryError) Error() string {
	return fmt.Sprintf("%s, published by an earlier run, is damaged: %v", e.Key, e.Err)
}

func (e *HistoryError) Unwrap() error { return e.Err }

// ofHistory is an error of the readers as one of an own file, which is not to
// be mended like an export.
func ofHistory(err error) error {
	var file *readers.FileError
	if !errors.As(err, &file) || unread(err) || errors.Is(err, context.Canceled) {
		return err
	}
	within := *file
	within.Key = ""
	return &HistoryError{file.Key, errors.New(strings.TrimPrefix(within.Error(), ": "))}
}

// firstOf is the first failure of things that were all tried: those behind it
// mostly have its cause, such as a full disk, which is told once.
func firstOf(failures ...error) error { return cmp.Or(failures...) }

// lookedAfter is what there is to tell where something failed, and a look at
// what it has left failed, too: that there is nothing says no more.
func lookedAfter(failed, look error) error {
	if failed != nil && gcerrors.Code(look) == gcerrors.NotFound {
		return failed
	}
	return errors.Join(failed, look)
}

// ExitCode is the exit code of an error, as DESIGN lists them.
func ExitCode(err error) int {
	var usage *UsageError
	var file *readers.FileError
	var history *HistoryError
	var totals *TotalsError
	var other *OtherInputsError
	var lost *LostError
	var book *OpeningError
	var rerated *RerateError
	var notThere *NotThereError
	var unexpected *UnexpectedError
	var unproven *UnprovenError
	var vanished *VanishedError
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &usage):
		return ExitUsage
	case errors.Is(err, context.Canceled): // stopped: no judgement on whatever was being read
		return ExitTemporary
	case temporary(err), errors.As(err, &notThere), errors.As(err, &vanished), errors.As(err, &lost) && lost.Again:
		return ExitTemporary
	case refusedBy(err, errors.As(err, &file) && !errors.As(err, &history)):
		return ExitUsage
	case errors.As(err, &file), errors.As(err, &history), errors.As(err, &book), errors.As(err, &unexpected):
		return ExitInput
	case errors.As(err, &totals), errors.As(err, &rerated):
		return ExitTotals
	case errors.As(err, &unproven) && unproven.Figures > 0:
		return ExitTotals
	case errors.As(err, &unproven):
		return ExitInput
	case errors.As(err, &other), errors.As(err, &lost):
		return ExitOtherInputs
	}
	return ExitOther
}

// refusedBy tells whether an error is that the store does not take us: the
// settings are wrong, or a right is missing. Where one export may not be read
// and others may, that is an input which cannot be used.
func refusedBy(err error, export bool) bool {
	refused := store.Refused(err)
	return refused != nil && !(export && refused.Object)
}

// unread tells of an error of reading that it says nothing of the file: the
// store did not get as far as that.
func unread(err error) bool { return temporary(err) || store.Refused(err) != nil }

// temporary tells whether the storage may answer better later.
func temporary(err error) bool {
	// Rows are spilled to files of the system's, which know no gcerrors.
	if store.Temporary(err) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return true
	}
	switch gcerrors.Code(errors.Unwrap(err)) {
	case gcerrors.ResourceExhausted, gcerrors.DeadlineExceeded:
		return true
	}
	switch gcerrors.Code(err) {
	case gcerrors.ResourceExhausted, gcerrors.DeadlineExceeded:
		return true
	}
	return false
}
