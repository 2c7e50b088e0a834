package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"ratemill/pipeline"
	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
)

// nightFlags are what every command that bills nights takes.
type nightFlags struct {
	billFlags
	metricsFlags
	FirstNight bool `help:"History starts with the first night that this command bills. Refused where there is a history."`
}

// billFlags are what every command that bills takes.
type billFlags struct {
	Exports    string  `help:"Folder or URL (s3://bucket/prefix) under which the exports lie." env:"RATEMILL_EXPORTS" required:"" placeholder:"URL"`
	Output     string  `help:"Folder or URL under which the billing history is kept." env:"RATEMILL_OUTPUT" required:"" placeholder:"URL"`
	Catalog    string  `help:"Catalog file or URL." env:"RATEMILL_CATALOG" required:"" placeholder:"FILE"`
	Workers    workers `help:"Rows are decoded and accounts billed on so many processors; 0: all." env:"RATEMILL_WORKERS" default:"0"`
	Memory     size    `help:"Rows kept in memory before they are spilled to disk." env:"RATEMILL_MEMORY" default:"256MiB"`
	Buckets    buckets `help:"Cut the accounts into so many buckets, a power of two; 0: as the inputs ask for." env:"RATEMILL_BUCKETS" default:"0"`
	TempDir    string  `help:"Folder for spilled rows; without it the system's." env:"RATEMILL_TEMP_DIR" placeholder:"DIR"`
	Grace      grace   `name:"grace-period" help:"How long a run that is told to stop goes on with what it has begun to publish." env:"RATEMILL_GRACE_PERIOD" default:"25s"`
	MaxRejects share   `help:"Share of the rows that may be rejected or put aside before somebody must look (exit code 3)." env:"RATEMILL_MAX_REJECTS" default:"1%"`
}

// workers is a number of processors, 0 for all.
type workers int

func (w *workers) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 32)
	if err != nil || n > 1024 {
		return fmt.Errorf("%q is not a number of processors (want 0 to 1024)", text)
	}
	*w = workers(n)
	return nil
}

// buckets is a power of two, or 0 for as many as the inputs ask for.
type buckets int

func (b *buckets) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 32)
	if err != nil || n > 1<<16 || n&(n-1) != 0 {
		return fmt.Errorf("%q is not a number of buckets (want a power of two up to 65536, or 0)", text)
	}
	*b = buckets(n)
	return nil
}

// size is a number of bytes: 512MiB.
type size int64

func (s *size) UnmarshalText(text []byte) error {
	number, shift := string(text), 0
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if cut, is := strings.CutSuffix(number, unit); is {
			number, shift = strings.TrimSpace(cut), 10*(i+1)
			break // 1MiBKiB is not a size
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || n == 0 || n > math.MaxInt64>>shift {
		return fmt.Errorf("%q is not a size (want 512MiB or 4GiB)", text)
	}
	*s = size(n << shift)
	return nil
}

// share is a share in parts per million: 0.5% is 5000.
type share int64

func (s *share) UnmarshalText(text []byte) error {
	number, percent := strings.CutSuffix(string(text), "%")
	plain := number != "" && strings.Trim(number, "0123456789.") == "" // 1e-999999999 is a decimal, too
	d, err := decimal.NewFromString(number)
	if !percent || !plain || err != nil || d.GreaterThan(decimal.NewFromInt(100)) {
		return fmt.Errorf("%q is not a share (want 0.5%%)", text)
	}
	parts := d.Shift(4)
	if !parts.IsInteger() {
		return fmt.Errorf("%q has more than 4 digits behind the point", text)
	}
	*s = share(parts.IntPart())
	return nil
}

// open opens what the flags name, and takes down what metrics tell. A dry run
// tells nothing.
func (f *nightFlags) open(c *console, dryRun bool) (*pipeline.Settings, func(), error) {
	if !dryRun {
		c.metrics = &metrics{metricsFlags: f.metricsFlags, began: c.now()}
	}
	s, closeAll, err := f.billFlags.open(c, dryRun)
	if err == nil && c.metrics != nil {
		c.metrics.zone, c.metrics.watch = s.Catalog.Zone, s.Watch.(*watch)
	}
	return s, closeAll, err
}

// grace is a time span: 25s.
type grace time.Duration

func (g *grace) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 || d > time.Hour {
		return fmt.Errorf("%q is not a grace period (want 25s, at most 1h)", text)
	}
	*g = grace(d)
	return nil
}

// open opens what the flags name. The returned function closes it again.
func (f *billFlags) open(c *console, dryRun bool) (*pipeline.Settings, func(), error) {
	cat, err := c.loadCatalog(f.Catalog)
	if err != nil {
		return nil, nil, err
	}
	if info, err := os.Stat(f.TempDir); f.TempDir != "" && (err != nil || !info.IsDir()) {
		return nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--temp-dir %q: no such folder", f.TempDir), Hint: "nothing was published; make it, or leave the setting out"}
	}
	exports, err := store.Open(c.ctx, f.Exports)
	if err != nil {
		return nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--exports: %v", err), Hint: "nothing was published; is the setting right, is the disk mounted?"}
	}
	output, err := openOutput(c.ctx, f.Output, dryRun)
	if err != nil {
		return nil, nil, &pipeline.UsageError{What: fmt.Sprintf("--output: %v", errors.Join(err, exports.Close())), Hint: "nothing was published; is the setting right, is the disk mounted?"}
	}
	s := &pipeline.Settings{
		Exports: exports, Output: output, Catalog: cat, Sources: c.config.sources, Lookups: c.config.lookups, Version: version(), Workers: int(f.Workers), Memory: int64(f.Memory), Buckets: int(f.Buckets),
		TempDir: f.TempDir, MaxRejects: int64(f.MaxRejects), Log: c.log(), Watch: newWatch(c),
		Grace: time.Duration(f.Grace),
	}
	return s, func() { exports.Close(); output.Close() }, nil
}

// openOutput makes the folder if it is missing, but for a dry run: to that, no
// folder is an empty one.
func openOutput(ctx context.Context, location string, dryRun bool) (*blob.Bucket, error) {
	if !dryRun {
		return store.Open(ctx, location, store.CreateRoot)
	}
	output, err := store.Open(ctx, location)
	if errors.Is(err, fs.ErrNotExist) {
		return store.Open(ctx, "mem://")
	}
	return output, err
}

// loadCatalog reads and checks a catalog, together with the sources that
// ratemill.yaml says; its mistakes are usage errors, with
// their places.
func (c *console) loadCatalog(location string) (*catalog.Catalog, error) {
	var checks []catalog.MeterCheck
	check, wrong := pipeline.MeterCheck(c.config.sources, c.config.lookups)
	if wrong == nil {
		checks = append(checks, check)
	}
	cat, err := c.readCatalog(location, checks...)
	if err != nil {
		return nil, err
	}
	return cat, c.config.placed(wrong)
}

// readCatalog reads a catalog by itself, whatever sources there are.
func (c *console) readCatalog(location string, checks ...catalog.MeterCheck) (*catalog.Catalog, error) {
	text, err := store.ReadFile(c.ctx, location)
	switch {
	case gcerrors.Code(err) == gcerrors.NotFound, errors.Is(err, fs.ErrNotExist):
		return nil, &pipeline.UsageError{What: fmt.Sprintf("catalog %q: no such file", location)}
	case pipeline.ExitCode(err) == pipeline.ExitTemporary, store.Refused(err) != nil: // no mistake of the file's name
		return nil, fmt.Errorf("catalog %s: %w", location, err)
	case err != nil:
		return nil, &pipeline.UsageError{What: fmt.Sprintf("catalog %s: %v", location, err)}
	}
	cat, err := catalog.Parse(location, text, checks...)
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
