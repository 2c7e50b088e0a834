package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"ratemill/pipeline"
	"ratemill/pipeline/store"
)

type sourcesCommand struct {
	Check checkSourcesCommand `cmd:"" help:"Read the first rows of each source and print them as mapped, with what would be rejected and why."`
}

type checkSourcesCommand struct {
	Exports string `help:"Folder or URL (s3://bucket/prefix) under which the exports lie." env:"RATEMILL_EXPORTS" required:"" placeholder:"URL"`
	Catalog string `help:"Catalog file or URL, for its time zone; without it UTC." env:"RATEMILL_CATALOG" placeholder:"FILE"`
	Source  string `help:"This source only." placeholder:"NAME"`
	File    string `help:"This file only, by its path under the exports' root." placeholder:"KEY"`
	Rows    int    `help:"Rows of each export that are read." default:"10"`
	Date    date   `help:"Files of this day; without it of any." placeholder:"YYYY-MM-DD"`
}

func (k *checkSourcesCommand) Run(c *console) error {
	if k.Rows < 1 || k.Rows > 100_000 {
		return &pipeline.UsageError{What: fmt.Sprintf("--rows %d: want 1 to 100000", k.Rows)}
	}
	exports, err := store.Open(c.ctx, k.Exports)
	if err != nil {
		return &pipeline.UsageError{What: fmt.Sprintf("--exports: %v", err)}
	}
	defer exports.Close()
	s := &pipeline.Settings{Exports: exports, Sources: c.config.sources, Lookups: c.config.lookups, Version: version(), Log: c.log()}
	if k.Catalog != "" {
		if s.Catalog, err = c.loadCatalog(k.Catalog); err != nil {
			return err
		}
	}
	samples, err := pipeline.SampleSources(c.ctx, s, pipeline.SampleOptions{Source: k.Source, File: k.File, Rows: k.Rows, Day: k.Date.Day})
	if err != nil {
		return c.config.placed(err)
	}
	printSamples(c.stdout, samples)
	for i := range samples {
		if samples[i].Problem != nil {
			return samples[i].Problem
		}
	}
	return nil
}

// printSamples prints exports one below the other, and a line that sums each
// up.
func printSamples(w io.Writer, samples []pipeline.Sample) {
	if len(samples) == 0 {
		fmt.Fprintln(w, "no source has an export")
	}
	for i := range samples {
		if i > 0 {
			fmt.Fprintln(w)
		}
		printSample(w, &samples[i])
	}
}

func printSample(w io.Writer, s *pipeline.Sample) {
	name := s.Source
	if s.Export != "" {
		name += ", " + s.Export
	}
	if s.File == "" {
		fmt.Fprintf(w, "%s: no file found: nothing lies under %s\n", name, strings.Join(s.Paths, " or "))
		printExpected(w, s)
		return
	}
	fmt.Fprintf(w, "%s: %s\n", name, visible(s.File))
	if s.Manifest != "" {
		fmt.Fprintf(w, "manifest: %s\n", visible(s.Manifest))
	}
	printExpected(w, s)
	if len(s.Columns) > 0 {
		fmt.Fprintf(w, "columns of the file: %s\n", visible(strings.Join(s.Columns, ", ")))
	}
	if s.Problem != nil {
		fmt.Fprintf(w, "it cannot be used: %s\n", visible(s.Problem.Error()))
	}
	if len(s.Rows) == 0 && s.Problem != nil {
		return
	}
	fmt.Fprintln(w)
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "row\t%s\t\n", strings.Join(s.Fields, "\t"))
	for _, r := range s.Rows {
		fmt.Fprintf(t, "%d\t", r.Number)
		for _, cell := range r.Cells {
			fmt.Fprintf(t, "%s\t", shortCell(cell))
		}
		fmt.Fprintln(t, verdict(&r))
	}
	t.Flush()
	for line := range strings.Lines(table.String()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
	fmt.Fprintf(w, "\n%s\n", sampleSentence(s))
}

func printExpected(w io.Writer, s *pipeline.Sample) {
	if s.Expected != "" {
		fmt.Fprintf(w, "expected: %s\n", s.Expected)
	}
}

// verdict is what would become of a row that is not billed.
func verdict(r *pipeline.SampleRow) string {
	switch {
	case r.LeftOut != "":
		return "left out: " + r.LeftOut
	case r.Detail != "":
		return "rejected: " + r.Reject + ": " + visible(r.Detail)
	case r.Reject != "":
		return "rejected: " + r.Reject
	}
	return ""
}

// sampleSentence is an export in one line.
func sampleSentence(s *pipeline.Sample) string {
	var left, rejected int64
	for _, n := range s.LeftOut {
		left += n
	}
	why := map[string]int64{}
	for i := range s.Rows {
		if reason := s.Rows[i].Reject; reason != "" {
			rejected++
			why[reason]++
		}
	}
	text := fmt.Sprintf("%s read: %d mapped, %d left out", number(int(s.Read), "row"), s.Read-left-rejected, left)
	text += counted(s.LeftOut) + fmt.Sprintf(", %d rejected", rejected)
	return text + counted(why)
}

// counted is what was counted by name, the most first: (opened 3, bounced 1).
func counted(by map[string]int64) string {
	if len(by) == 0 {
		return ""
	}
	names := slices.SortedFunc(maps.Keys(by), func(a, b string) int {
		return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, by[name])
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// maxShownCell is how many characters of a cell are shown.
const maxShownCell = 40

// shortCell is a cell on a terminal: - where it is absent.
func shortCell(text string) string {
	runes := []rune(visible(text))
	if len(runes) > maxShownCell {
		runes = append(runes[:maxShownCell-1], '…')
	}
	return orDash(string(runes))
}

// visible is a text without what a terminal would act on.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return '?'
	}, text)
}
