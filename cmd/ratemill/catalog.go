package main

import (
	"fmt"
	"strings"

	"ratemill/rating/catalog"
)

type catalogCommand struct {
	Check        checkCommand         `cmd:"" help:"Check a catalog: every mistake with file, line and column."`
	Show         showCommand          `cmd:"" help:"Print a catalog as understood."`
	Schema       catalogSchemaCommand `cmd:"" help:"Print the JSON Schema of catalogs, for editors."`
	ImportPrices importPricesCommand  `cmd:"" help:"Make a price table of a price sheet, to be pasted into a catalog under price_tables."`
}

type checkCommand struct {
	File string `arg:"" help:"Catalog file or URL."`
}

func (k *checkCommand) Run(c *console) error {
	cat, err := c.loadCatalog(k.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%s: catalog %s is fine: %s, %s, %s, %s\n",
		k.File, cat.Name, number(len(cat.Versions), "version"), number(len(cat.Meters), "meter"), strings.Join(cat.Currencies(), ", "), cat.ZoneName)
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
	File string `arg:"" help:"Catalog file or URL."`
}

func (s *showCommand) Run(c *console) error {
	cat, err := c.loadCatalog(s.File)
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
