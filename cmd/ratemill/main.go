// Ratemill is a nightly job: it rates usage exports against a catalog of plans
// and prices, and writes invoices, charge files and the next day's state.
//
// This package is the command line and nothing else: flags, config, wiring,
// what people read, exit codes. The job is package pipeline, the rules are
// package rating.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // billing must not depend on the machine's zone files

	"github.com/alecthomas/kong"

	"ratemill/pipeline"
)

func main() { os.Exit(program(time.Now)) }

// program is main but for the clock, which tests set.
func program(now func() time.Time) int {
	if os.Getenv("GOGC") == "" { // what is live is the --memory that was asked for: room for little more than half of it again
		debug.SetGCPercent(60)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, os.Args[1:], os.Stdout, os.Stderr, now)
}

// commands is the command line.
type commands struct {
	Config string `help:"Settings file (YAML). Without it ./ratemill.yaml is read where there is one." placeholder:"FILE" env:"RATEMILL_CONFIG"`

	Run      runCommand      `cmd:"" help:"Bill a night, or every unpublished night up to the last midnight."`
	Backfill backfillCommand `cmd:"" help:"Bill the nights of a span of days, one after the other."`
	Rerate   rerateCommand   `cmd:"" help:"Fold published days again and publish credit and debit notes for what differs."`
	Verify   verifyCommand   `cmd:"" help:"Prove what is published from its files alone: checksums, the chain, every figure."`
	Diff     diffCommand     `cmd:"" help:"Compare two outputs, or two entries, by account and kind."`
	GC       gcCommand       `cmd:"" name:"gc" help:"Remove what runs that were cut off have left under the output."`
	Catalog  catalogCommand  `cmd:"" help:"Check a catalog, print it as understood, or make a price table for it of a price sheet."`
	Settings configCommand   `cmd:"" name:"config" help:"Check a settings file, or print its JSON Schema."`
	Sources  sourcesCommand  `cmd:"" help:"Read the first rows of each source and print them as mapped."`
	Generate generateCommand `cmd:"" help:"Write sample exports, always the same for the same settings."`
	Measure  measureCommand  `cmd:"" hidden:"" help:"Do a part of a night and publish nothing, for the benchmark."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// console is what a command works with besides its flags.
type console struct {
	ctx            context.Context
	stdout, stderr io.Writer
	now            func() time.Time // for the last midnight and for seconds shown; never for an amount
	config         *configFile
	code           int // to exit with where there is no error
}

func (c *console) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(c.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

const description = `Rates usage exports against a catalog and publishes invoices, charge files and the next day's state as Parquet.

Every setting has a flag, an environment variable (--output is RATEMILL_OUTPUT) and a key in ratemill.yaml; flags go first, then the environment, then the file.

Exit codes: 0 done or nothing to do, 3 published but somebody must look, 4 the day is published from other inputs, 5 control totals broken, 6 input unusable, 64 wrong usage, config or catalog, 75 temporary, 1 anything else. With 5, 6, 64 and 75 nothing is published.`

// run is the program: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, now func() time.Time) int {
	if len(args) == 0 { // help is a kindness, but nothing was done
		run(ctx, []string{"--help"}, stderr, stderr, now)
		return pipeline.ExitUsage
	}
	c := &console{ctx: ctx, stdout: stdout, stderr: stderr, now: now}
	var cli commands
	exited := -1
	config := &configFile{settingsFile: &settingsFile{}}
	c.config = config
	parser, err := kong.New(&cli, kong.Name("ratemill"), kong.Description(description), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }), kong.Resolvers(config), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		return complain(stderr, err)
	}
	configErr := config.load(args)
	chosen, err := parser.Parse(args)
	switch {
	case exited >= 0: // --help, which a mistake in the config must not withhold
		return exited
	case configErr != nil && !withoutConfig(chosen, err):
		return complain(stderr, configErr)
	case err != nil:
		return complain(stderr, usageError(err, config))
	}
	if err := chosen.Run(c); err != nil {
		return complain(stderr, err)
	}
	return c.code
}

// withoutConfig tells whether a command has no use for the settings file: one
// that is wrong must not keep anybody from checking another, or from the schema.
func withoutConfig(chosen *kong.Context, err error) bool {
	return err == nil && (chosen.Command() == "config schema" || chosen.Command() == "config check <file>")
}

// noValue is how kong says that a flag's value is missing.
var noValue = regexp.MustCompile(`: expected (\w+ )?value but got .*$`)

// usageError puts kong's errors in words that need no knowledge of kong.
func usageError(err error, config *configFile) error {
	text := strings.Replace(err.Error(), " (from envar ", " (from ", 1)
	text = strings.Replace(text, "expected a valid 64 bit int but got ", "want a whole number, not ", 1)
	text = noValue.ReplaceAllLiteralString(text, " wants a value")
	hint := "ratemill --help lists the commands, ratemill run --help the flags of one"
	setting := slices.ContainsFunc(settingKeys, func(key string) bool { return strings.Contains(text, "--"+key+"=") })
	if strings.HasPrefix(text, "missing flags: ") && setting {
		hint = "settings can also be in the environment (--output is RATEMILL_OUTPUT) or in ratemill.yaml (output: …)"
	}
	return &pipeline.UsageError{What: config.blame(text), Hint: hint}
}

// complain says what is wrong in one line, what to do about it in another,
// and returns the exit code.
func complain(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "ratemill: %s\n", strings.TrimRight(err.Error(), "\n"))
	code := pipeline.ExitCode(err)
	if hint := hintFor(err, code); hint != "" {
		fmt.Fprintf(stderr, "ratemill: hint: %s\n", hint)
	}
	return code
}

func hintFor(err error, code int) string {
	var usage *pipeline.UsageError
	var history *pipeline.HistoryError
	var sheet *sheetError
	var notThere *pipeline.NotThereError
	var unproven *pipeline.UnprovenError
	switch {
	case errors.As(err, &sheet) && code == pipeline.ExitInput:
		return sheet.hint
	case errors.As(err, &usage):
		return usage.Hint
	case errors.Is(err, context.Canceled):
		return "the run was interrupted; nothing is lost, run it again"
	case errors.As(err, &history):
		return "nothing was published; restore the file from a backup of the output, as it was published"
	case errors.As(err, &unproven):
		return "nothing was changed; docs/verify.md says how to read a break and what to do"
	case code == pipeline.ExitInput:
		return "nothing was published; mend or replace the file and run the night again"
	case code == pipeline.ExitTotals:
		return "nothing was published; this is a defect of ratemill, or history was changed by hand: please report the line above"
	case code == pipeline.ExitOtherInputs:
		return "what is published stays as it is; late and changed files are for the next night and for a rerate"
	case errors.As(err, &notThere):
		return "nothing was published; run it again when it is there; expected and manifest in ratemill.yaml say what is waited for"
	case code == pipeline.ExitTemporary:
		return "nothing was published; run it again"
	}
	return ""
}

type versionCommand struct{}

func (versionCommand) Run(c *console) error {
	fmt.Fprintln(c.stdout, "ratemill", version())
	return nil
}

// release is set by the linker for released binaries.
var release = ""

// version is part of a night's plan: the bytes of a night are promised for
// the same version only.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
