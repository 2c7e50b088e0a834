package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"ratemill/pipeline"
)

// configFile gives flags that neither the command line nor the environment
// sets their value from ratemill.yaml, and commands what it says of sources.
type configFile struct {
	*settingsFile
	used map[string]setting // those that flags took, by the flag's name
}

const defaultConfig = "ratemill.yaml"

// load reads the file that --config or RATEMILL_CONFIG names, or
// ratemill.yaml if there is one.
func (c *configFile) load(args []string) error {
	name, named := configName(args)
	if !named {
		name = defaultConfig
	}
	var err error
	c.used = map[string]setting{}
	if c.settingsFile, err = loadSettings(name); errors.Is(err, fs.ErrNotExist) && !named {
		return nil
	}
	return err
}

// loadSettings reads and checks a settings file; its mistakes are usage
// errors, with their places.
func loadSettings(name string) (*settingsFile, error) {
	f := &settingsFile{}
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		usage := &pipeline.UsageError{What: fmt.Sprintf("config %q: no such file", name), Hint: "--config or RATEMILL_CONFIG names it"}
		return f, noSuchFile{usage}
	case err != nil:
		return f, &pipeline.UsageError{What: "config: " + err.Error()}
	}
	if f, err = parseSettings(name, text); err != nil {
		return &settingsFile{}, &pipeline.UsageError{What: err.Error(), Hint: settingsHint(f)}
	}
	return f, nil
}

// noSuchFile is a usage error, and fs.ErrNotExist.
type noSuchFile struct{ error }

func (e noSuchFile) Unwrap() []error { return []error{e.error, fs.ErrNotExist} }

const sourcesHint = "docs/sources.md is the manual of sources and lookups; ratemill config schema prints all keys"

// settingsHint is a hint at what the file may say where the first mistake is.
func settingsHint(f *settingsFile) string {
	if f.root == nil {
		return "" // it is no YAML that we could tell more about
	}
	for _, key := range []string{"sources", "lookups"} {
		if n := f.root.Get(key); n != nil && f.Found[0].Line > n.Key.Line {
			return sourcesHint
		}
	}
	return "the keys are " + strings.Join(namesOf(fileKeys.keys), ", ")
}

// configName is the file that the arguments or the environment name. It is
// needed before the flags are parsed, since it gives them their values. As
// with any flag the last one counts.
func configName(args []string) (name string, named bool) {
	for i, a := range args {
		if a == "--" {
			break
		}
		if v, is := strings.CutPrefix(a, "--config="); is {
			name, named = v, true
		}
		if a == "--config" && i+1 < len(args) {
			name, named = args[i+1], true
		}
	}
	if named {
		return name, true
	}
	name = os.Getenv("RATEMILL_CONFIG")
	return name, name != ""
}

// Validate is part of kong.Resolver.
func (c *configFile) Validate(*kong.Application) error { return nil }

// Resolve gives a flag its value, unless the environment has one: kong would
// put a resolver's value above the environment's.
func (c *configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	v, found := c.values[strings.ReplaceAll(flag.Name, "-", "_")]
	if !found {
		return nil, nil
	}
	c.used[flag.Name] = v
	return v.text, nil
}

// blame says where in the file the value stands that an error is about. Kong
// says so itself where the value is from the environment.
func (c *configFile) blame(message string) string {
	for flag, v := range c.used {
		if strings.HasPrefix(message, "--"+flag+": ") {
			return fmt.Sprintf("%s (from %s)", message, v.place)
		}
	}
	return message
}
