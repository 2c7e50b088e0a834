package main

import (
	"cmp"
	"fmt"
	"strings"

	"ratemill/pipeline"
	"ratemill/rating/catalog"
)

type catalogCommand struct {
	Check        checkCommand         `cmd:"" help:"Check a catalog: every mistake with file, line and column."`
	Show         showCommand          `cmd:"" help:"Print a catalog as understood."`
	Schema       catalogSchemaCommand `cmd:"" help:"Print the JSON Schema of catalogs, for editors."`
	ImportPrices importPricesCommand  `cmd:"" help:"Make a price table of a price sheet, to be pasted into a catalog under price_tables."`
}

// catalogFile is the catalog that a command is about.
type catalogFile struct {
	File    string `arg:"" optional:"" help:"Catalog file or URL; without it the one of the settings."`
	Catalog string `help:"Catalog file or URL, where no FILE is named." env:"RATEMILL_CATALOG" placeholder:"FILE"`
}

// location is where the catalog lies.
func (f *catalogFile) location() (string, error) {
	location := cmp.Or(f.File, f.Catalog)
	if location == "" {
		return "", &pipeline.UsageError{What: "no catalog is named: write its file behind the command, or set catalog in ratemill.yaml"}
	}
	return location, nil
}

type checkCommand struct {
	catalogFile
}

func (k *checkCommand) Run(c *console) error {
	location, err := k.location()
	if err != nil {
		return err
	}
	cat, err := c.loadCatalog(location)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%s: catalog %s is fine: %s, %s, %s, %s\n",
		location, cat.Name, number(len(cat.Versions), "version"), number(len(cat.Meters), "meter"), strings.Join(cat.Currencies(), ", "), cat.ZoneName)
	return nil
}

// number is how many there are of a thing.
func number(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

type showCommand struct {
	catalogFile
}

func (s *showCommand) Run(c *console) error {
	location, err := s.location()
	if err != nil {
		return err
	}
	cat, err := c.readCatalog(location)
	if err != nil {
		return err
	}
	fmt.Fprint(c.stdout, cat.Print())
	return nil
}

type catalogSchemaCommand struct{}

func (catalogSchemaCommand) Run(c *console) error {
	_, err := c.stdout.Write(catalog.Schema())
	return err
}
