package main

import (
	"bytes"
	"context"
	"encoding"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// valueTest is a text of a flag and what it means; a negative number stands
// for a refusal.
type valueTest struct {
	text string
	want int64
}

func testValues(t *testing.T, tests []valueTest, read func(text string) (int64, error)) {
	t.Helper()
	for _, test := range tests {
		got, err := read(test.text)
		switch {
		case test.want < 0 && err == nil:
			t.Errorf("%q is taken for %d", test.text, got)
		case test.want < 0 && !strings.HasPrefix(err.Error(), `"`+test.text+`" `):
			t.Errorf("%q is refused without being named: %v", test.text, err)
		case test.want >= 0 && (err != nil || got != test.want):
			t.Errorf("%q is %d, %v; want %d", test.text, got, err, test.want)
		}
	}
}

func parse[T ~int | ~int64, P interface {
	*T
	encoding.TextUnmarshaler
}](text string) (int64, error) {
	var value T
	err := P(&value).UnmarshalText([]byte(text))
	return int64(value), err
}

func TestSize(t *testing.T) {
	testValues(t, []valueTest{
		{"1", 1}, {"1024", 1024}, {"1KiB", 1 << 10}, {"512MiB", 512 << 20}, {"4GiB", 4 << 30}, {"4 GiB", 4 << 30}, {"2TiB", 2 << 40},
		{"9223372036854775807", 1<<63 - 1}, {"8388607TiB", 8388607 << 40},
		{"9223372036854775808", -1}, {"8388608TiB", -1}, {"99999999999999999999GiB", -1}, // overflow
		{"", -1}, {"0", -1}, {"0GiB", -1}, {"-1GiB", -1}, {"+1GiB", -1}, {"1.5GiB", -1}, {"1e3", -1}, {"0x10", -1}, {"1_000", -1},
		{"GiB", -1}, {"2GB", -1}, {"2G", -1}, {"2gib", -1}, {"1MiBKiB", -1}, {"1KiBMiB", -1}, {" 1", -1}, {"1GiB ", -1},
	}, parse[size])
}

func TestShare(t *testing.T) {
	testValues(t, []valueTest{
		{"0%", 0}, {"0.0%", 0}, {"1%", 10_000}, {"0.5%", 5_000}, {"0.0001%", 1}, {"33.3333%", 333_333}, {"100%", 1_000_000}, {"100.0%", 1_000_000}, {"1.50000%", 15_000},
		{"0.00001%", -1}, {"33.33333%", -1}, // would be cut
		{"100.0001%", -1}, {"101%", -1}, {"-1%", -1}, {"+1%", -1},
		{"", -1}, {"%", -1}, {".%", -1}, {"1", -1}, {"0.01", -1}, {"1 %", -1}, {"1%%", -1}, {"1,5%", -1}, {"1.2.3%", -1},
		{"1e1%", -1}, {"1e-999999999%", -1}, {"1E9999999%", -1}, // a decimal, too, and one that fills the memory
		{"NaN%", -1}, {"Inf%", -1},
	}, parse[share])
}

func TestWorkersAndBuckets(t *testing.T) {
	testValues(t, []valueTest{{"0", 0}, {"1", 1}, {"1024", 1024}, {"1025", -1}, {"-1", -1}, {"", -1}, {"2.0", -1}, {"all", -1}}, parse[workers])
	testValues(t, []valueTest{{"0", 0}, {"1", 1}, {"2", 2}, {"65536", 65536}, {"131072", -1}, {"3", -1}, {"-2", -1}, {"", -1}, {"99999999999", -1}}, parse[buckets])
}

// TestSettingsHaveFlags: every key of ratemill.yaml is a flag and an
// environment variable, of every command that bills.
func TestSettingsHaveFlags(t *testing.T) {
	for _, command := range []string{"run", "backfill"} {
		var help bytes.Buffer
		run(t.Context(), []string{command, "--help"}, &help, &help, time.Now)
		for _, key := range settingKeys {
			flag, env := "--"+strings.ReplaceAll(key, "_", "-")+"=", "($RATEMILL_"+strings.ToUpper(key)+")"
			if !strings.Contains(help.String(), flag) || !strings.Contains(help.String(), env) {
				t.Errorf("%s has no %s or no %s", command, flag, env)
			}
		}
	}
}

// TestStopped: a run that is told to stop publishes nothing and says so.
func TestStopped(t *testing.T) {
	dir := t.TempDir()
	exports, output := filepath.Join(dir, "exports"), filepath.Join(dir, "output")
	if err := os.Mkdir(exports, 0o777); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var stdout, stderr bytes.Buffer
	args := []string{"run", "--exports", exports, "--output", output, "--catalog", "../../fixtures/catalogs/marketing.yaml", "--date", "2024-05-01", "--first-night"}
	code := run(ctx, args, &stdout, &stderr, time.Now)
	if code != 75 || stdout.Len() > 0 || !strings.HasSuffix(stderr.String(), "ratemill: hint: nothing is published of what was not before; run it again\n") {
		t.Errorf("exit code %d\n%s%s", code, &stdout, &stderr)
	}
	if _, err := os.Stat(filepath.Join(output, "runs")); err == nil {
		t.Error("something was published")
	}
}
