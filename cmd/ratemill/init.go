package main

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"ratemill/pipeline"
)

// starter is what ratemill init writes: files as they are.
//
//go:embed starter
var starter embed.FS

type initCommand struct {
	Dir string `arg:"" help:"Folder to write to; made where it is missing, refused where it holds anything."`
}

// Help is what ratemill init --help says below the flags.
func (*initCommand) Help() string {
	return `Writes what a first night needs: ratemill.yaml and catalog.yaml, both with comments that say what each line does, and the exports of three days of three small customers, with a row that cannot be billed, one that comes before its account does, and a payment that fails. Then it prints the commands that bill them.

  ratemill init billing`
}

func (i *initCommand) Run(c *console) error {
	if err := mustBeFree(i.Dir); err != nil {
		return err
	}
	files, err := i.write()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "wrote %s to %s. Next:\n\n", number(files, "file"), i.Dir)
	for _, step := range [][2]string{
		{"cd " + shellWord(i.Dir), ""},
		{"ratemill sources check --date 2024-05-01", "how the exports of a day are read"},
		{"ratemill catalog check catalog.yaml", "the plans and prices"},
		{"ratemill run --date 2024-05-01 --first-night", "bill the first day"},
		{"ratemill backfill --from 2024-05-02 --to 2024-05-03", "and the two that follow"},
		{"ratemill rejects list", "what could not be billed"},
		{"ratemill verify", "prove it from the files"},
		{"ratemill explain --account acme --date 2024-05-02", "why acme pays what it pays"},
		{"ratemill report --from 2024-05-01 --to 2024-05-03", "a page for whoever signs it off"},
		{"ratemill schema duckdb", "views of the tables, for DuckDB"},
	} {
		if step[1] != "" {
			step[1] = "  # " + step[1]
		}
		fmt.Fprintln(c.stdout, strings.TrimRight(fmt.Sprintf("  %-52s%s", step[0], step[1]), " "))
	}
	fmt.Fprintf(c.stdout, "\nThen change a price in catalog.yaml, or put an export of your own beside the samples and bill it under another --output.\n")
	return nil
}

// shellWord is a path as a shell takes it for one word.
func shellWord(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") == "" && path[0] != '-' {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// mustBeFree refuses a folder that holds anything.
func mustBeFree(dir string) error {
	if strings.Contains(dir, "://") {
		return &pipeline.UsageError{What: fmt.Sprintf("%s is a URL, and init writes to a folder", dir), Hint: "ratemill init billing; its files can be copied anywhere"}
	}
	at, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer at.Close()
	names, err := at.Readdirnames(1)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return &pipeline.UsageError{What: fmt.Sprintf("%s cannot be read as a folder: %v", dir, err)}
	}
	return &pipeline.UsageError{What: fmt.Sprintf("%s is not empty: it holds %s", dir, names[0]), Hint: "name a new folder: ratemill init billing"}
}

// write writes the files, and returns how many.
func (i *initCommand) write() (files int, err error) {
	err = fs.WalkDir(starter, "starter", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(i.Dir, filepath.FromSlash(strings.TrimPrefix(name, "starter")))
		if d.IsDir() {
			return os.MkdirAll(to, 0o777)
		}
		text, err := starter.ReadFile(name)
		if err != nil {
			return err
		}
		files++
		return os.WriteFile(to, text, 0o666)
	})
	return files, err
}
