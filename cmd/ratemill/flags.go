package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"

	"ratemill/pipeline"
	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
)

// nightFlags are what every command that bills takes.
type nightFlags struct {
	Exports    string `help:"Folder or URL (s3://bucket/prefix) under which the exports lie." env:"RATEMILL_EXPORTS" required:"" placeholder:"URL"`
	Output     string `help:"Folder or URL under which the billing history is kept." env:"RATEMILL_OUTPUT" required:"" placeholder:"URL"`
	Catalog    string `help:"Catalog file or URL." env:"RATEMILL_CATALOG" required:"" placeholder:"FILE"`
	Workers    int    `help:"Rows are decoded and accounts billed on so many processors; 0: all." env:"RATEMILL_WORKERS" default:"0"`
	Memory     size   `help:"Rows kept in memory before they are spilled to disk." env:"RATEMILL_MEMORY" default:"1GiB" placeholder:"SIZE"`
	Buckets    int    `help:"Cut the accounts into so many buckets, a power of two; 0: as the inputs ask for." env:"RATEMILL_BUCKETS" default:"0"`
	TempDir    string `help:"Folder for spilled rows." env:"RATEMILL_TEMP_DIR" placeholder:"DIR"`
	MaxRejects share  `help:"Share of the rows that may be rejected before the exit code is 3." env:"RATEMILL_MAX_REJECTS" default:"1%" placeholder:"SHARE"`
	FirstNight bool   `help:"History starts with the first night that this command bills: there is none under --output yet."`
}

// size is a number of bytes: 512MiB.
type size int64

func (s *size) UnmarshalText(text []byte) error {
	number, shift := string(text), 0
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if cut, is := strings.CutSuffix(number, unit); is {
			number, shift = strings.TrimSpace(cut), 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64>>shift {
		return fmt.Errorf("%q is not a size (want 512MiB or 4GiB)", text)
	}
	*s = size(n << shift)
	return nil
}

// share is a share in parts per million: 0.5% is 5000.
type share int64

func (s *share) UnmarshalText(text []byte) error {
	number, percent := strings.CutSuffix(string(text), "%")
	d, err := decimal.NewFromString(number)
	if !percent || err != nil || d.Sign() < 0 || d.GreaterThan(decimal.NewFromInt(100)) {
		return fmt.Errorf("%q is not a share (want 0.5%%)", text)
	}
	*s = share(d.Shift(4).IntPart())
	return nil
}

// open opens what the flags name. The returned function closes it again.
func (f *nightFlags) open(c *console) (*pipeline.Settings, func(), error) {
	cat, err := loadCatalog(c.ctx, f.Catalog)
	if err != nil {
		return nil, nil, err
	}
	if f.Buckets < 0 || f.Buckets > 1<<16 || f.Buckets&(f.Buckets-1) != 0 {
		return nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--buckets %d: want a power of two up to 65536, or 0", f.Buckets)}
	}
	if f.Workers < 0 || f.Workers > 1024 {
		return nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--workers %d: want 0 to 1024", f.Workers)}
	}
	exports, err := store.Open(c.ctx, f.Exports)
	if err != nil {
		return nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--exports: %v", err)}
	}
	output, err := store.Open(c.ctx, f.Output, store.CreateRoot)
	if err != nil {
		return nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--output: %v", errors.Join(err, exports.Close()))}
	}
	s := &pipeline.Settings{
		Exports: exports, Output: output, Catalog: cat, Version: version(), Workers: f.Workers, Memory: int64(f.Memory), Buckets: f.Buckets,
		TempDir: f.TempDir, MaxRejects: int64(f.MaxRejects), Log: c.log(),
	}
	return s, func() { exports.Close(); output.Close() }, nil
}

// loadCatalog reads and checks a catalog; its mistakes are usage errors, with
// their places.
func loadCatalog(ctx context.Context, location string) (*catalog.Catalog, error) {
	text, err := store.ReadFile(ctx, location)
	if err != nil {
		return nil, &pipeline.UsageError{What: fmt.Sprintf("--catalog: %v", err)}
	}
	cat, err := catalog.Parse(location, text)
	if err != nil {
		return nil, &pipeline.UsageError{What: err.Error()}
	}
	return cat, nil
}

// date is a day on the command line: YYYY-MM-DD.
type date struct{ calendar.Day }

func (d *date) UnmarshalText(text []byte) error {
	var err error
	d.Day, err = calendar.Parse(string(text))
	return err
}
