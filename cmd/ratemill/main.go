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
//
// The first signal asks the run to stop, the second one kills it.
func program(now func() time.Time) int {
	if os.Getenv("GOGC") == "" { // what is live is the --memory that was asked for: room for little more than half of it again
		debug.SetGCPercent(60)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, os.Args[1:], os.Stdout, os.Stderr, now)
}

// commands is the command line.
type commands struct {
	Config string `help:"Settings file (YAML). Without it ./ratemill.yaml is read where there is one." placeholder:"FILE" env:"RATEMILL_CONFIG"`

	logFlags

	PrintVersion kong.VersionFlag `name:"version" hidden:"" help:"As ratemill version."`

	Init       initCommand         `cmd:"" help:"Write a commented configuration, a small catalog and sample exports to begin with."`
	Run        runCommand          `cmd:"" help:"Bill a night, or every unpublished night up to the last midnight."`
	Backfill   backfillCommand     `cmd:"" help:"Bill the nights of a span of days, one after the other."`
	Rerate     rerateCommand       `cmd:"" help:"Fold published days again and publish credit and debit notes for what differs."`
	Verify     verifyCommand       `cmd:"" help:"Prove what is published from its files alone: checksums, the chain, every figure."`
	Diff       diffCommand         `cmd:"" help:"Compare two outputs, or two entries, by account and kind."`
	Explain    explainCommand      `cmd:"" help:"Tell why an account paid what it paid: each line with its rule, its arithmetic and the rows behind it."`
	Report     reportCommand       `cmd:"" help:"Write an HTML page on what nights did: money, usage, rejects, control totals."`
	GC         gcCommand           `cmd:"" name:"gc" help:"Remove what runs that were cut off have left under the output."`
	Catalog    catalogCommand      `cmd:"" help:"Check a catalog, print it as understood, or make a price table for it of a price sheet."`
	Settings   configCommand       `cmd:"" name:"config" help:"Check a settings file, or print its JSON Schema."`
	Sources    sourcesCommand      `cmd:"" help:"Read the first rows of each source and print them as mapped."`
	Schema     schemaTablesCommand `cmd:"" help:"Print SQL that shows the tables to DuckDB or Athena."`
	Rejects    rejectsCommand      `cmd:"" help:"List the rows that are not billed, and why; give those up that wait, or have them wait again."`
	Generate   generateCommand     `cmd:"" help:"Write sample exports, always the same for the same settings."`
	Measure    measureCommand      `cmd:"" hidden:"" help:"Do a part of a night and publish nothing, for the benchmark."`
	Version    versionCommand      `cmd:"" help:"Print the version, and what it was built from."`
	Completion completionCommand   `cmd:"" help:"Print a completion script for a shell."`
}

// console is what a command works with besides its flags.
type console struct {
	ctx     context.Context
	stdout  io.Writer
	stderr  *screen
	now     func() time.Time // for the last midnight and for seconds shown; never for an amount
	config  *configFile
	logs    logFlags
	metrics *metrics // that the command wants to be told; nil: none
	code    int      // to exit with where there is no error

	publishes bool                         // the command may publish: it says so where it has not
	setting   func(location string) string // the flag that says a location; the location itself where none does
}

func (c *console) log() *slog.Logger { return c.logs.logger(c.stderr) }

const description = `Rates usage exports against a catalog and publishes invoices, charge files and the next day's state as Parquet.

To begin: ratemill init billing.

Every setting has a flag, an environment variable (--output is RATEMILL_OUTPUT) and a key in ratemill.yaml; flags go first, then the environment, then the file.

Exit codes: 0 done or nothing to do, 3 published but somebody must look, 4 the day is published from other inputs, 5 control totals broken, 6 input unusable, 64 wrong usage, config or catalog, 75 temporary or stopped by a signal: run it again, 1 anything else; 130, 137 or 143 where a second signal killed it: run it again. With 5, 6, 64 and 75 nothing is published, or the next run finishes what was begun. docs/operating.md says what each asks of you.`

// run is the program: it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, now func() time.Time) int {
	if len(args) == 0 { // help is a kindness, but nothing was done
		run(ctx, []string{"--help"}, stderr, stderr, now)
		return pipeline.ExitUsage
	}
	c := &console{setting: withoutQuery, ctx: ctx, stdout: stdout, stderr: newScreen(stderr), now: now}
	var cli commands
	exited := -1
	config := &configFile{settingsFile: &settingsFile{}}
	c.config = config
	parser, err := kong.New(&cli, kong.Name("ratemill"), kong.Description(description), kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }), kong.Resolvers(config), kong.Vars{"version": "ratemill " + version()}, kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		return c.complain(err)
	}
	configErr := config.load(args)
	chosen, err := parser.Parse(args)
	switch {
	case exited >= 0: // --help, which a mistake in the config must not withhold
		return exited
	case configErr != nil && !withoutConfig(chosen, err):
		return c.complain(configErr)
	case err != nil:
		return c.complain(usageError(err, config))
	}
	c.logs, c.publishes = cli.logFlags, publishes(chosen)
	c.setting = func(location string) string { return settingOf(chosen, location) }
	defer c.tellOfStop()()
	if err = chosen.Run(c, parser); err != nil {
		c.code = pipeline.ExitCode(err)
	}
	if c.metrics != nil {
		c.metrics.write(c)
	}
	if err != nil {
		c.complain(err)
	}
	return c.code
}

// tellOfStop logs that a signal has come, since what follows may take a while.
func (c *console) tellOfStop() (end func() bool) {
	return context.AfterFunc(c.ctx, func() {
		c.log().Warn("told to stop; what has begun to be published is finished first", "cause", context.Cause(c.ctx))
	})
}

// stopped says of what was cut short by a signal that it was, not where.
func (c *console) stopped(err error) error {
	if c.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return &stoppedError{context.Cause(c.ctx), err}
	}
	return err
}

type stoppedError struct{ cause, err error }

func (e *stoppedError) Error() string { return "stopped: " + e.cause.Error() }
func (e *stoppedError) Unwrap() error { return e.err }

// withoutConfig tells whether a command has no use for the settings file: one
// that is wrong must not keep anybody from checking another, or from the schema.
func withoutConfig(chosen *kong.Context, err error) bool {
	without := []string{"completion <shell>", "config check <file>", "config schema", "init <dir>", "version"}
	return err == nil && slices.Contains(without, chosen.Command())
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
func (c *console) complain(err error) int {
	code := pipeline.ExitCode(err)
	c.say(slog.LevelError, strings.TrimRight(err.Error(), "\n"), hintFor(err, code, c.publishes, c.setting), code)
	return code
}

// say is what people must read: two lines, or among JSON one of that kind.
func (c *console) say(level slog.Level, what, hint string, code int) {
	switch {
	case c.logs.LogFormat == jsonLog && hint != "":
		c.log().Log(context.WithoutCancel(c.ctx), level, what, "hint", hint, "exit_code", code)
		return
	case c.logs.LogFormat == jsonLog:
		c.log().Log(context.WithoutCancel(c.ctx), level, what, "exit_code", code)
		return
	}
	fmt.Fprintf(c.stderr, "ratemill: %s\n", what)
	if hint != "" {
		fmt.Fprintf(c.stderr, "ratemill: hint: %s\n", hint)
	}
}
