package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ratemill/fixtures/s3test"
	"ratemill/pipeline/store"
)

// Who reads a history in S3 is told what a folder tells: why an account paid,
// the page for finance, the proof, the rows that are not billed, and that the
// two are one history.
func TestReadingFromS3(t *testing.T) {
	server := s3test.Start(t)
	folder := generated(t, "2024-05-04")
	onDisk := func(name string) string { return filepath.Join(folder, name) }
	inS3 := inBucket(server, server.Bucket(t))
	copyTo(t, folder, inS3)
	account := charged(t, filepath.Join(folder, "history"), "2024-05-04", "10.00") // the minimum of SMS
	t.Run("explain", func(t *testing.T) {
		for _, form := range []string{"", "--json"} {
			args := append([]string{"explain", "--account", account, "--date", "2024-05-04"}, strings.Fields(form)...)
			want := said(t, 0, onDisk, args...)
			got := said(t, 0, inS3, args...)
			if strings.Contains(got, "use_path_style") {
				t.Errorf("%s: a place in the catalog has what is asked of the store", form)
			}
			got = strings.ReplaceAll(got, plainURL(inS3("catalog.yaml")), onDisk("catalog.yaml"))
			if got != want || !strings.Contains(want, "sms/date=2024-05-03/") {
				t.Errorf("%s: in S3\n%s\non a disk\n%s", form, got, want)
			}
		}
	})
	t.Run("report", func(t *testing.T) {
		want := said(t, 0, onDisk, "report", "--from", "2024-05-01", "--out", "-")
		if got := said(t, 0, inS3, "report", "--from", "2024-05-01", "--out", "-"); got != want {
			t.Error("another page than on a disk")
		}
	})
	t.Run("rejects", func(t *testing.T) {
		want := said(t, 0, onDisk, "rejects", "list")
		if got := said(t, 0, inS3, "rejects", "list"); got != want {
			t.Errorf("in S3\n%s\non a disk\n%s", got, want)
		}
	})
	t.Run("verify", func(t *testing.T) {
		if got := said(t, 0, inS3, "verify"); !strings.HasPrefix(got, "proven: entries 1 to 4 ") {
			t.Error(got)
		}
	})
	t.Run("diff", func(t *testing.T) {
		if got := said(t, 0, inS3, "diff", onDisk("history"), inS3("history")); !strings.Contains(got, "all files are the same byte for byte") {
			t.Error(got)
		}
	})
	t.Run("gc", func(t *testing.T) {
		if got := said(t, 0, inS3, "gc"); got != "removed 0 files, 0 bytes\n" {
			t.Error(got)
		}
	})

	// An export that is gone since, of the many that the answer is proven from.
	for _, at := range []location{onDisk, inS3} {
		b, err := store.Open(t.Context(), at("exports"))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(b.Delete(t.Context(), "sms/date=2024-05-03/part-0.parquet"), b.Close()); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("gone", func(t *testing.T) {
		args := []string{"explain", "--account", account, "--date", "2024-05-04"}
		want := said(t, 3, onDisk, args...)
		got := strings.ReplaceAll(said(t, 3, inS3, args...), plainURL(inS3("catalog.yaml")), onDisk("catalog.yaml"))
		if got != want || !strings.Contains(want, "Note: sms/date=2024-05-03/part-0.parquet, read by entry 3, is gone.") {
			t.Errorf("in S3\n%s\non a disk\n%s", got, want)
		}
	})
}

// said is what a command over a place prints to stdout. It takes as many of the
// places as the command knows.
func said(t *testing.T, code int, at location, args ...string) string {
	t.Helper()
	cmd := ratemill(t, at, args...)
	cmd.Args = cmd.Args[:1+len(args)]
	cmd.Env = append(cmd.Env, "RATEMILL_EXPORTS="+at("exports"), "RATEMILL_OUTPUT="+at("history"), "RATEMILL_CATALOG="+at("catalog.yaml"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exitOf(err) != code {
		t.Fatalf("%s: exit code %d, want %d: %s", args, exitOf(err), code, stderr.String())
	}
	if n := strings.Count(stderr.String(), "not all of it can be shown"); code == 3 && (n != 1 || len(stderr.String()) > 400) {
		t.Errorf("%s: %s", args, stderr.String())
	}
	return string(out)
}

// charged is the first account in a day's charge file that is to pay just this.
func charged(t *testing.T, history, day, amount string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(history, "charge_files", "billing_date="+day, "charges.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	who, much := slices.Index(rows[0], "account_id"), slices.Index(rows[0], "amount")
	for _, row := range rows[1:] {
		if row[much] == amount {
			return row[who]
		}
	}
	t.Fatalf("nobody is to pay %s", amount)
	return ""
}
