package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"ratemill/pipeline"
)

// settingKeys are the keys of ratemill.yaml: the flags of the same names, with
// underscores. What is said once (a date, --first-night) is not among them: in
// a file it would be said every night.
var settingKeys = []string{"exports", "output", "catalog", "workers", "memory", "buckets", "temp_dir", "max_rejects"}

// configFile gives flags that neither the command line nor the environment
// sets their value from ratemill.yaml.
type configFile struct {
	values map[string]setting
	used   map[string]setting // those that flags took, by the flag's name
}

type setting struct{ text, place string }

const defaultConfig = "ratemill.yaml"

// load reads the file that --config or RATEMILL_CONFIG names, or
// ratemill.yaml if there is one.
func (c *configFile) load(args []string) error {
	name, named := configName(args)
	if !named {
		name = defaultConfig
	}
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &pipeline.UsageError{What: fmt.Sprintf("config %q: no such file", name), Hint: "--config or RATEMILL_CONFIG names it"}
	case err != nil:
		return &pipeline.UsageError{What: "config: " + err.Error()}
	}
	if c.values, err = readSettings(name, text); err != nil {
		return &pipeline.UsageError{What: configError(name, text, err), Hint: "the keys are " + strings.Join(settingKeys, ", ")}
	}
	c.used = map[string]setting{}
	return nil
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

// readSettings takes values as they are written: a folder called 1.50 must not
// become 1.5, nor a key with nothing behind it a default.
func readSettings(name string, text []byte) (map[string]setting, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, err
	}
	values := map[string]setting{}
	for i, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		pairs, is := doc.Body.(ast.MapNode)
		if !is || i > 0 {
			return nil, wrong(doc.Body, "want lines of the form key: value, once")
		}
		for pair := pairs.MapRange(); pair.Next(); {
			key, value := pair.Key().GetToken(), pair.Value()
			if !slices.Contains(settingKeys, key.Value) {
				return nil, wrong(pair.Key(), "unknown key %q", key.Value)
			}
			switch value.Type() {
			case ast.StringType, ast.IntegerType, ast.FloatType, ast.BoolType:
			default:
				return nil, wrong(value, "%s wants one value", key.Value)
			}
			at := value.GetToken()
			values[key.Value] = setting{at.Value, placeOf(name, at)}
		}
	}
	return values, nil
}

func wrong(at ast.Node, format string, args ...any) error {
	return &yaml.SyntaxError{Message: fmt.Sprintf(format, args...), Token: at.GetToken()}
}

func placeOf(name string, t *token.Token) string {
	return fmt.Sprintf("%s:%d:%d", name, t.Position.Line, t.Position.Column)
}

// configError tells a mistake as those of a catalog are told: the place, what
// is wrong there, the line, and a caret below the place.
func configError(name string, text []byte, err error) string {
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil {
		return name + ": " + err.Error()
	}
	t := at.GetToken()
	lines := strings.Split(string(text), "\n")
	line := lines[min(t.Position.Line, len(lines))-1]
	return fmt.Sprintf("%s: %s\n%s\n%*s", placeOf(name, t), at.GetMessage(), strings.TrimRight(line, "\r"), t.Position.Column, "^")
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
