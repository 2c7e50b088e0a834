package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"ratemill/pipeline"
	"ratemill/rating/yamltext"
	"ratemill/readers"
)

type configCommand struct {
	Check  checkConfigCommand `cmd:"" help:"Check a settings file: every mistake with file, line and column; and print what it says of sources."`
	Schema schemaCommand      `cmd:"" help:"Print the JSON Schema of ratemill.yaml, for editors."`
}

type checkConfigCommand struct {
	File string `arg:"" optional:"" help:"Settings file; without it the one that --config names, or ./ratemill.yaml."`
}

func (k *checkConfigCommand) Run(c *console) error {
	f := c.config.settingsFile
	if k.File != "" {
		var err error
		if f, err = loadSettings(k.File); err != nil {
			return err
		}
	}
	if f.File == "" {
		return &pipeline.UsageError{What: "there is no ratemill.yaml here", Hint: "ratemill config check FILE checks another one"}
	}
	if err := f.checkValues(); err != nil {
		return &pipeline.UsageError{What: err.Error()}
	}
	f.print(c.stdout)
	return nil
}

// checkValues checks the settings' values, as the flags of the same names do
// once a command wants them.
func (f *settingsFile) checkValues() error {
	m := mistakes{yamltext.Mistakes{File: f.File, Lines: f.Lines}}
	for _, k := range settings {
		v, given := f.values[k.name]
		if !given || k.value == nil {
			continue
		}
		if err := k.value().UnmarshalText([]byte(v.text)); err != nil {
			m.Add(v.node.Place, "%s: %v", k.name, err)
		}
	}
	return m.Err()
}

// print says what the file says.
func (f *settingsFile) print(w io.Writer) {
	fmt.Fprintf(w, "%s is fine: %d settings, %d sources, %d lookups\n", f.File, len(f.values), len(f.sources), len(f.lookups))
	if len(f.sources) == 0 {
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nsource\texport\tfiles\tformat\tcolumns\tleaves out")
	for _, s := range f.sources {
		name := s.Name
		if s.Kind != "" {
			name += " (" + s.Kind + ")"
		}
		for _, e := range s.Exports {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", name, orDash(e.Name), strings.Join(e.Paths, ", "), orDash(string(e.Mapping.Format)),
				orDash(fieldsOf(e.Mapping.Rules)), orDash(filtersOf(e.Mapping.LeaveOut)))
			name = ""
		}
	}
	t.Flush()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func fieldsOf(rules []readers.Rule) string {
	var all []string
	for _, r := range rules {
		all = append(all, r.Field)
	}
	return strings.Join(all, ", ")
}

func filtersOf(filters []readers.Filter) string {
	var all []string
	for _, f := range filters {
		all = append(all, f.Name)
	}
	return strings.Join(all, ", ")
}

type schemaCommand struct{}

func (schemaCommand) Run(c *console) error {
	_, err := c.stdout.Write(configSchema())
	return err
}
