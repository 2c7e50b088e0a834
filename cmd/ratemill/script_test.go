package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary the program, too: the scripts run it as
// ratemill, in a process of its own that can be killed.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ratemill": func() { os.Exit(program(clock())) }})
}

// clock is the time of the script: RATEMILL_TEST_NOW, which the product does
// not know.
func clock() func() time.Time {
	now, err := time.Parse(time.RFC3339, os.Getenv("RATEMILL_TEST_NOW"))
	if err != nil {
		panic(err)
	}
	return func() time.Time { return now }
}

var rewrite = flag.Bool("rewrite", false, "rewrite the outputs in the scripts")

// TestScript runs testdata/script, one script a behaviour.
func TestScript(t *testing.T) {
	catalog, err := os.ReadFile("../../fixtures/catalogs/marketing.yaml")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *rewrite,
		Setup: func(e *testscript.Env) error {
			prices, err := filepath.Abs("../../fixtures/prices")
			if err != nil {
				return err
			}
			e.Setenv("PRICES", prices)
			e.Setenv("RATEMILL_TEST_NOW", "2024-05-04T12:00:00Z") // the last midnight ended 2024-05-03
			e.Setenv("RATEMILL_LOG_LEVEL", "warn")                // scripts that want log lines ask for them
			return os.WriteFile(filepath.Join(e.WorkDir, "catalog.yaml"), catalog, 0o666)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "treehash": treehash, "replace": replace, "timed": timed, "killed": killed, "followed": followed,
		},
	})
}

// exits CODE PROGRAM ARGS: the program ends with just this code. What is wrong
// usage is said in one form, and nothing else is said.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	code, got := args[0], 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	ts.Logf("[stdout]\n%s[stderr]\n%s", stdout, stderr)
	if strconv.Itoa(got) != code {
		ts.Fatalf("exit code %d, want %s", got, code)
	}
	if strings.Contains(stderr, "goroutine ") {
		ts.Fatalf("a stack trace")
	}
	if code != "0" && code != "3" && !strings.HasPrefix(stderr, "ratemill: ") {
		ts.Fatalf("stderr does not begin with ratemill:")
	}
	if code == "64" && stdout != "" {
		ts.Fatalf("wrong usage wrote to stdout")
	}
}

// treehash DIR FILE lists the digests of a tree. What a crash leaves and
// nobody lists is left out: staging, and temporary files. The attempt, which
// is random, is named so.
func treehash(ts *testscript.TestScript, _ bool, args []string) {
	var list strings.Builder
	root := ts.MkAbs(args[0])
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "_staging" {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".ratemill-tmp-") {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && d.Name() == "intent.json" {
			text, err = withoutAttempt(text)
		}
		name, _ := filepath.Rel(root, path)
		fmt.Fprintf(&list, "%x %s\n", sha256.Sum256(text), name)
		return err
	}))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(list.String()), 0o666))
}

func withoutAttempt(intent []byte) ([]byte, error) {
	var i struct{ Attempt string }
	if err := json.Unmarshal(intent, &i); err != nil {
		return nil, err
	}
	return []byte(strings.ReplaceAll(string(intent), i.Attempt, "ATTEMPT")), nil
}

// replace FILE OLD NEW replaces a text that stands in the file once at least.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	text, path := ts.ReadFile(args[0]), ts.MkAbs(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(text, args[1], args[2])), 0o666))
}

// timed VARIABLE PROGRAM ARGS: how long the program takes, in microseconds.
func timed(ts *testscript.TestScript, _ bool, args []string) {
	began := time.Now()
	ts.Check(ts.Exec(args[1], args[2:]...))
	ts.Setenv(args[0], strconv.FormatInt(time.Since(began).Microseconds(), 10))
}

// followed FILE runs the commands that a text shows indented, as it shows them:
// a cd, or the program.
func followed(ts *testscript.TestScript, _ bool, args []string) {
	steps := 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		command, indented := strings.CutPrefix(line, "  ")
		if !indented {
			continue
		}
		command, _, _ = strings.Cut(command, " #")
		words := strings.Fields(command)
		switch {
		case len(words) == 2 && words[0] == "cd":
			ts.Check(ts.Chdir(words[1]))
		default:
			ts.Check(ts.Exec(words[0], words[1:]...))
		}
		steps++
	}
	if steps == 0 {
		ts.Fatalf("%s shows no command", args[0])
	}
}

// killed TIMES MICROSECONDS PROGRAM ARGS starts a program so often and kills
// it (-9) at a random moment up to the given one, until it comes to its end
// before that. It must not fail.
func killed(ts *testscript.TestScript, _ bool, args []string) {
	times, err := strconv.Atoi(args[0])
	ts.Check(err)
	limit, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	path := strings.Split(ts.Getenv("PATH"), string(filepath.ListSeparator))[0] // testscript's own
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	ts.Logf("seed %d", seed)
	for range times {
		cmd := exec.Command(filepath.Join(path, args[2]), args[3:]...)
		cmd.Dir, cmd.Env = ts.MkAbs("."), []string{"RATEMILL_TEST_NOW=" + ts.Getenv("RATEMILL_TEST_NOW"), "TMPDIR=" + ts.Getenv("TMPDIR")}
		stderr := new(strings.Builder)
		cmd.Stderr = stderr
		ts.Check(cmd.Start())
		after := time.Duration(random.Int64N(limit)) * time.Microsecond
		stop := time.AfterFunc(after, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		stop.Stop()
		ts.Logf("%v: %v", after, cmd.ProcessState)
		if err != nil && cmd.ProcessState.Exited() {
			ts.Fatalf("a run after a crash failed: %v\n%s", err, stderr)
		}
		if err == nil {
			return
		}
	}
}
