package writers

import (
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
)

func someRun() Run {
	return Run{
		Format: RunFormat, Entry: 2, Kind: Night, BillingDate: "2024-05-01", RunID: "r2", ProgramVersion: "1.0",
		Catalog: CatalogRef{"marketing", "c0"}, Predecessor: &EntryRef{1, "d1"}, FirstNight: "2024-04-30", WindowDays: 30,
		Inputs:        []InputFile{{Source: "sms", Key: "b&<ü>", Size: 2, Checksum: "e2", Date: "2024-05-01"}, {Source: "sms", Key: "a", Size: 1, Checksum: "e1", Date: "2024-05-01"}},
		Outputs:       []OutputFile{{"x/2", 1, "s", 1}, {"x/1", 1, "s", 0}},
		InvoiceSeries: []SeriesEnd{{"B", 1}, {"A", 9}},
		Totals:        whole(), ExitCode: 3,
	}
}

func TestRunGolden(t *testing.T) {
	text, err := someRun().Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/run.json", string(text))
	run, err := DecodeRun(text)
	if err != nil {
		t.Fatal(err)
	}
	if broken := run.Totals.Check(); broken != nil {
		t.Error(broken)
	}
}

// The order in which the caller has the lists does not show, and the caller's
// lists keep it.
func TestRunOrder(t *testing.T) {
	want, _ := someRun().Encode()
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 2))
		r := someRun()
		shuffle(rng, r.Inputs)
		shuffle(rng, r.Outputs)
		shuffle(rng, r.InvoiceSeries)
		shuffle(rng, r.Totals.Files)
		shuffle(rng, r.Totals.Sources)
		shuffle(rng, r.Totals.Balances)
		shuffle(rng, r.Totals.Money[0].Uncollectable)
		first, reasons := r.Totals.Files[0], r.Totals.Money[0].Uncollectable[0]
		if got, _ := r.Encode(); string(got) != string(want) {
			t.Fatalf("seed %d: other bytes", seed)
		}
		if r.Totals.Files[0] != first || r.Totals.Money[0].Uncollectable[0] != reasons {
			t.Fatal("Encode sorted the caller's list")
		}
	}
}

func shuffle[T any](rng *rand.Rand, list []T) {
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

func TestDecodeRunIsStrict(t *testing.T) {
	text, _ := someRun().Encode()
	for _, test := range []struct{ name, old, new, want string }{
		{"unknown field", `"entry": 2`, `"entry": 2, "host": "x"`, `unknown field "host"`},
		{"later format", `"format": 1`, `"format": 2`, "format 2, this program reads 1"},
		{"field left out", "  \"window_days\": 30,\n", "", "line 17 is not"},
		{"other capitals", `"entry": 2`, `"Entry": 2`, "line 3 is not"},
		{"field twice", `"entry": 2,`, `"entry": 1, "entry": 2,`, "line 3 is not"},
		{"amount as a number", `"lines": "12.3"`, `"lines": 12.3`, "is not as"},
		{"null for an amount", `"lines": "12.3"`, `"lines": null`, "is not as"},
		{"null for a list", `"changed_inputs": []`, `"changed_inputs": null`, "is not as"},
		{"unchanged", "", "", ""},
	} {
		changed := strings.Replace(string(text), test.old, test.new, 1)
		_, err := DecodeRun([]byte(changed))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	for _, tail := range []string{"{}", "x"} {
		if _, err := DecodeRun(append(text[:len(text):len(text)], tail...)); err == nil {
			t.Errorf("read with %q behind it", tail)
		}
	}
	if _, err := DecodeRun(nil); err == nil {
		t.Error("read nothing")
	}
}

func TestIntent(t *testing.T) {
	run, _ := someRun().Encode()
	digest := sha256.Sum256(run)
	want := Intent{
		Format: IntentFormat, Attempt: "a1", RunID: "r2",
		Files: []StagedFile{{"_staging/r2/a1/z", "z", 3, "s"}, {"_staging/r2/a1/a", "a", 3, "s"}},
		Run:   string(run), RunSHA256: hex.EncodeToString(digest[:]),
	}
	text, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeIntent(text)
	if err != nil {
		t.Fatal(err)
	}
	if got.Run != want.Run || got.Files[0].Final != "z" {
		t.Error("run or the order of files changed")
	}
	want.RunSHA256 = strings.Repeat("0", 64)
	text, _ = want.Encode()
	if _, err := DecodeIntent(text); err == nil || !strings.Contains(err.Error(), "run_sha256") {
		t.Errorf("a wrong digest: %v", err)
	}
}
