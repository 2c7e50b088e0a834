package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"ratemill/pipeline"
)

// settings are the keys of ratemill.yaml: the flags of the same names, with
// underscores.
type settings struct {
	Exports    *string `yaml:"exports"`
	Output     *string `yaml:"output"`
	Catalog    *string `yaml:"catalog"`
	Workers    *string `yaml:"workers"`
	Memory     *string `yaml:"memory"`
	Buckets    *string `yaml:"buckets"`
	TempDir    *string `yaml:"temp_dir"`
	MaxRejects *string `yaml:"max_rejects"`
}

// configFile gives flags that neither the command line nor the environment
// sets their value from ratemill.yaml.
type configFile struct{ values map[string]string }

const defaultConfig = "ratemill.yaml"

// load reads the file that --config or RATEMILL_CONFIG names, or
// ratemill.yaml if there is one.
func (c *configFile) load(args []string) error {
	name := configName(args)
	text, err := os.ReadFile(cmpOr(name, defaultConfig))
	if errors.Is(err, fs.ErrNotExist) && name == "" {
		return nil
	}
	if err != nil {
		return &pipeline.UsageError{What: "config: " + err.Error()}
	}
	name = cmpOr(name, defaultConfig)
	var s settings
	if err := yaml.UnmarshalWithOptions(text, &s, yaml.Strict(), yaml.DisallowUnknownField()); err != nil {
		return &pipeline.UsageError{What: configError(name, err)}
	}
	c.values = map[string]string{}
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		if p, is := v.Field(i).Interface().(*string); is && p != nil {
			c.values[v.Type().Field(i).Tag.Get("yaml")] = *p
		}
	}
	return nil
}

// configName is the file that the arguments or the environment name. It is
// needed before the flags are parsed, since it gives them their values.
func configName(args []string) string {
	for i, a := range args {
		if a == "--" {
			break
		}
		if v, is := strings.CutPrefix(a, "--config="); is {
			return v
		}
		if a == "--config" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return os.Getenv("RATEMILL_CONFIG")
}

// configError puts the place first: ratemill.yaml:3:1: message, then the lines.
func configError(name string, err error) string {
	text := strings.TrimRight(yaml.FormatError(err, false, true), "\n")
	place, rest, found := strings.Cut(strings.TrimPrefix(text, "["), "] ")
	if !found || !strings.HasPrefix(text, "[") {
		return name + ": " + text
	}
	return fmt.Sprintf("%s:%s: %s", name, place, rest)
}

// Validate is part of kong.Resolver.
func (c *configFile) Validate(*kong.Application) error { return nil }

// Resolve gives a flag its value, unless the environment has one.
func (c *configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	if v, found := c.values[strings.ReplaceAll(flag.Name, "-", "_")]; found {
		return v, nil
	}
	return nil, nil
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
