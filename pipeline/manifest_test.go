package pipeline

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// An export of a day in two files, and one manifest that tells all there is to
// tell of them.
const twoFiles = `
	-- account_events/2024-05-01
	s1,A,2024-05-01T09:00:00,signed_up,pro,monthly,card,
	-- sms/2024-05-01 a.csv
	m1,A,2024-05-01T10:00:00,outbound,acme,US,340
	m2,A,2024-05-01T10:00:00,outbound,acme,US,10
	-- sms/2024-05-01 b.csv
	m3,A,2024-05-01T10:00:00,outbound,acme,US,50
`

// manifestOf writes a manifest of files in a folder, with replacements in its
// text: pairs of what stands there and what is to stand there instead.
func (c *company) manifestOf(folder string, rows map[string]int, replacements ...string) {
	c.Helper()
	var files []string
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		text, err := c.exports.ReadAll(context.Background(), folder+"/"+name)
		if err != nil {
			c.Fatal(err)
		}
		sum := sha256.Sum256(text)
		files = append(files, fmt.Sprintf(`{"name": %q, "size": %d, "rows": %d, "checksum": "sha256:%s"}`, name, len(text), rows[name], hex.EncodeToString(sum[:])))
	}
	all := 0
	for _, n := range rows {
		all += n
	}
	text := fmt.Sprintf("{\n\"format\": 1,\n\"rows\": %d,\n\"files\": [\n%s\n]}\n", all, strings.Join(files, ",\n"))
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(text, replacements[i]) {
			c.Fatalf("the manifest has no %q:\n%s", replacements[i], text)
		}
		text = strings.ReplaceAll(text, replacements[i], replacements[i+1])
	}
	c.write(folder+"/"+manifestName, text)
}

// wantFailure wants that a night stops with a code and a text, and publishes
// nothing.
func (c *company) wantFailure(date string, code int, text string) {
	c.Helper()
	before := tree(c, c.output)
	_, err := c.try(date)
	if err == nil || ExitCode(err) != code || !strings.Contains(err.Error(), text) {
		c.Errorf("%s: %v (exit code %d), want %d and %q", date, err, ExitCode(err), code, text)
	}
	sameTree(c, "after the failure", tree(c, c.output), before)
}

// A manifest is believed: what lies there otherwise than it says stops the
// night, which names the file and what is wrong.
func TestManifest(t *testing.T) {
	const folder = "sms/date=2024-05-01"
	both := map[string]int{"a.csv": 2, "b.csv": 1}
	for _, test := range []struct {
		name   string
		change func(c *company)
		want   string // of the error; empty: the night is published
	}{
		{"as it says", func(c *company) { c.manifestOf(folder, both) }, ""},
		{"md5", func(c *company) {
			text, _ := c.exports.ReadAll(t.Context(), folder+"/a.csv")
			sum := md5.Sum(text)
			c.write(folder+"/_manifest.json", fmt.Sprintf(`{"format": 1, "rows": 3, "files": [{"name": "a.csv", "checksum": "md5:%x"}, {"key": "sms/date=2024-05-01/b.csv"}]}`, sum))
		}, ""},
		{"missing file", func(c *company) {
			c.manifestOf(folder, both)
			if err := c.exports.Delete(t.Context(), folder+"/b.csv"); err != nil {
				t.Fatal(err)
			}
		}, folder + "/_manifest.json: the manifest and what lies there disagree: " + folder + "/b.csv is missing"},
		{"extra file", func(c *company) { c.manifestOf(folder, map[string]int{"a.csv": 2}) },
			folder + "/b.csv is there, and is not among the files that it lists"},
		{"extra file below", func(c *company) {
			c.manifestOf(folder, both)
			c.write(folder+"/late/c.csv", headers["sms"]+"\n")
		}, folder + "/late/c.csv is there"},
		{"other size", func(c *company) {
			c.manifestOf(folder, both)
			c.deliver("-- sms/2024-05-01 a.csv\nm1,A,2024-05-01T10:00:00,outbound,acme,US,3")
		}, folder + "/a.csv has 111 bytes, and it says "},
		{"other content", func(c *company) {
			c.manifestOf(folder, both)
			c.deliver("-- sms/2024-05-01 b.csv\nm3,A,2024-05-01T10:00:00,outbound,acme,US,51")
		}, folder + "/b.csv has the checksum sha256:"},
		{"other rows", func(c *company) {
			c.manifestOf(folder, both, `"rows": 2,`, `"rows": 3,`, `"rows": 3,
"files"`, `"rows": 4,
"files"`)
		},
			folder + "/a.csv: it has 2 rows, and its manifest " + folder + "/_manifest.json says 3"},
		{"other sum", func(c *company) {
			c.write(folder+"/_manifest.json", `{"format": 1, "rows": 4, "files": [{"name": "a.csv"}, {"name": "b.csv"}]}`)
		}, folder + "/_manifest.json: the manifest says 4 rows in all, and its files have 3"},
		{"other etag", func(c *company) {
			c.write(folder+"/_manifest.json", `{"format": 1, "files": [{"name": "a.csv", "checksum": "etag:other"}, {"name": "b.csv"}]}`)
		}, folder + "/a.csv has the checksum etag:"},
		{"truncated", func(c *company) {
			c.write(folder+"/_manifest.json", "{\"format\": 1,\n \"files\": [{\"name\": \"a.c")
		}, folder + "/_manifest.json: is no whole manifest: line 2, column 24: unexpected end of JSON input"},
		{"empty", func(c *company) { c.write(folder+"/_manifest.json", "") }, "line 1, column 1: unexpected end of JSON input"},
		{"a success mark is none", func(c *company) { c.write(folder+"/_SUCCESS", "") }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCompany(t, twoFiles)
			test.change(c)
			if test.want != "" {
				c.wantFailure("2024-05-01", ExitInput, test.want)
				return
			}
			c.nights("2024-05-01", "2024-05-02")
			c.wantDocuments("2024-05-02", `
				invoice A total 10.00 credits 0.00 due 10.00
				  usage 4.00 MK-9
				  minimum 6.00 MK-9
				charge A 10.00 card
				balance A sms_money 0.00 + 6.00 - 0.00 = 6.00
			`)
		})
	}
}

func TestManifestMistakes(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{`{"files": []}`, `"format" is missing`},
		{`{"format": 2, "files": []}`, "format 2, this program reads 1"},
		{`{"format": 1}`, `"files" is missing`},
		{`{"format": 1, "files": [], "row": 3}`, `unknown field "row"`},
		{`{"format": 1, "files": [{"size": 3}]}`, `file 1 of the list: want either "name"`},
		{`{"format": 1, "files": [{"name": "a", "key": "b"}]}`, `file 1 of the list: want either "name"`},
		{`{"format": 1, "files": [{"name": "../a"}]}`, `"../a" is no path below a folder`},
		{`{"format": 1, "files": [{"key": "/a"}]}`, `"/a" is no path below a folder`},
		{`{"format": 1, "files": [{"name": "a"}, {"key": "f/a"}]}`, "f/a stands in it twice"},
		{`{"format": 1, "files": [{"name": "a", "size": -1}]}`, "negative"},
		{`{"format": 1, "files": [{"name": "a", "checksum": "crc32:00"}]}`, `the checksum "crc32:00"`},
		{`{"format": 1, "files": [{"name": "a", "rows": 1.5}]}`, "line 1, column 49: files.rows is number 1.5 where a whole number is wanted"},
		{`{"format": 1, "rows": 3, "files": [{"name": "a", "rows": 2}]}`, "it says 3 rows in all, its files have 2"},
		{`[1]`, "the whole is an array where an object is wanted"},
		{`{"entries": [{"url": "part-0"}]}`, `"part-0" is no URL of an object`},
	} {
		_, err := parseManifest("f/_manifest.json", []byte(test.text))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.text, err, test.want)
		}
	}
}

// What Redshift writes beside an unloaded table. It names whole objects; the
// exports' root is somewhere in their keys.
func TestManifestOfRedshift(t *testing.T) {
	c := own(t)
	s := &c.knobs.Sources[0].Exports[0]
	s.Paths = []string{"pbx/{date}/*.csv"}
	s.Manifest = ManifestSettings{Need: ManifestRequired, Path: "pbx/{date}/manifest"}
	c.write("pbx/2024-05-01/0000_part_00.csv", callsHeader+"c1,17,2024-05-01T10:00:00Z,voice,1\n")
	entry := `{"entries": [{"url": "s3://exports/live/pbx/2024-05-01/0000_part_00.csv", "meta": {"content_length": 59, "record_count": %d}}],
		"schema": {"elements": []}, "meta": {"content_length": 59, "record_count": %[1]d}, "author": {"name": "Amazon Redshift"}}`
	c.write("pbx/2024-05-01/manifest", fmt.Sprintf(entry, 2))
	text, _ := c.exports.ReadAll(t.Context(), "pbx/2024-05-01/0000_part_00.csv")
	if len(text) != 59 {
		t.Fatalf("%d bytes", len(text))
	}
	c.wantFailure("2024-05-01", ExitInput, "it has 1 rows, and its manifest pbx/2024-05-01/manifest says 2")
	c.write("pbx/2024-05-01/manifest", fmt.Sprintf(entry, 1))
	e := c.night("2024-05-01")
	if len(e.Manifests) != 1 || e.Manifests[0].Key != "pbx/2024-05-01/manifest" || len(e.ConsumedManifests) != 1 {
		t.Errorf("manifests %v, consumed %v", e.Manifests, e.ConsumedManifests)
	}
}

// A manifest that is required and not there yet is waited for.
func TestManifestRequired(t *testing.T) {
	c := own(t)
	s := &c.knobs.Sources[0].Exports[0]
	s.Manifest = ManifestSettings{Need: ManifestRequired, Path: "pbx/{date}.json"}
	c.calls("2024-05-01", "c1,17,2024-05-01T10:00:00Z,voice,1")
	c.wantFailure("2024-05-01", ExitTemporary, "pbx/2024-05-01.csv is there, its manifest is not, and ratemill.yaml requires one: looked for pbx/{date}.json")
	c.write("pbx/2024-05-01.json", `{"format": 1, "files": [{"name": "2024-05-01.csv", "rows": 1}]}`)
	c.night("2024-05-01")

	s.Manifest = ManifestSettings{Need: ManifestIgnored}
	c.calls("2024-05-02", "c2,17,2024-05-02T10:00:00Z,voice,1")
	c.night("2024-05-02")
}

// A manifest that comes for a file that came late: it is read again, and no
// sign of trouble as long as it says of what was billed what it was.
func TestManifestOfLateFile(t *testing.T) {
	const folder = "sms/date=2024-05-01"
	c := newCompany(t, twoFiles)
	c.manifestOf(folder, map[string]int{"a.csv": 2, "b.csv": 1})
	c.night("2024-05-01")
	c.deliver("-- sms/2024-05-01 c.csv\nm4,A,2024-05-01T10:00:00,outbound,acme,US,60")
	c.wantFailure("2024-05-02", ExitInput, folder+"/c.csv is there, and is not among the files that it lists")
	c.manifestOf(folder, map[string]int{"a.csv": 2, "b.csv": 1, "c.csv": 2})
	c.wantFailure("2024-05-02", ExitInput, folder+"/c.csv: it has 1 rows, and its manifest "+folder+"/_manifest.json says 2")
	c.manifestOf(folder, map[string]int{"a.csv": 2, "b.csv": 1, "c.csv": 1})
	e := c.night("2024-05-02")
	if len(e.Inputs) != 1 || len(e.Manifests) != 1 || e.ExitCode != ExitDone || len(e.ConsumedManifests) != 1 {
		t.Errorf("inputs %v, manifests %v of %v, exit code %d", e.Inputs, e.Manifests, e.ConsumedManifests, e.ExitCode)
	}
	if e := c.night("2024-05-03"); len(e.Manifests) != 0 || e.ExitCode != ExitDone {
		t.Errorf("manifests %v, exit code %d", e.Manifests, e.ExitCode)
	}
	for _, date := range []string{"2024-05-01", "2024-05-02", "2024-05-03"} {
		if r, err := c.try(date); err != nil || r.Status != Already {
			t.Errorf("%s again: %v, %v", date, r, err)
		}
	}
}

// A manifest that denies what is billed already, or vanished, is listed like an
// export that did; the night is published.
func TestManifestChangedLater(t *testing.T) {
	const folder = "sms/date=2024-05-01"
	for name, change := range map[string]func(c *company){
		"denies": func(c *company) { c.manifestOf(folder, map[string]int{"a.csv": 2}) },
		"other checksum": func(c *company) {
			c.write(folder+"/_manifest.json", `{"format": 1, "files": [{"name": "a.csv", "checksum": "md5:00000000000000000000000000000000"}, {"name": "b.csv"}]}`)
		},
		"vanished": func(c *company) {
			if err := c.exports.Delete(context.Background(), folder+"/_manifest.json"); err != nil {
				c.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCompany(t, twoFiles)
			c.manifestOf(folder, map[string]int{"a.csv": 2, "b.csv": 1})
			c.night("2024-05-01")
			change(c)
			for _, date := range []string{"2024-05-02", "2024-05-03"} {
				e := c.night(date)
				if e.ExitCode != ExitLook || len(e.ChangedInputs) != 1 || e.ChangedInputs[0].Key != folder+"/_manifest.json" {
					t.Errorf("%s: exit code %d, changed %v", date, e.ExitCode, e.ChangedInputs)
				}
			}
			var other *OtherInputsError
			if _, err := c.try("2024-05-01"); !errors.As(err, &other) {
				t.Errorf("1 May again: %v", err)
			}
		})
	}
}

func TestManifestPlaces(t *testing.T) {
	for _, test := range []struct{ path, manifest, want string }{
		{"sms/date={date}/**", "", "sms/date={date}/_manifest.json"},
		{"a/{date}/{hour}/*.csv", "", "a/{date}/{hour}/_manifest.json"},
		{"{account}/{year}/{month}/{day}/x.csv", "", "{account}/{year}/{month}/{day}/_manifest.json"},
		{"a/{date}.csv", "", "mistake: path \"a/{date}.csv\" says of no folder which day it is of"},
		{"a/*.csv", "", "a/_manifest.json"},
		{"a/all.csv", "", "mistake: path \"a/all.csv\" says of no folder"},
		{"a/{date}.csv", "a/{date}.json", "a/{date}.json"},
		{"a/{date}.csv", "m/{year}/{month}/{day}.json", "m/{year}/{month}/{day}.json"},
		{"a/{date}.csv", "a/manifest.json", "mistake: path \"a/manifest.json\" of the manifest has no date"},
		{"a/{date}/*.csv", "a/{date}/*.json", "mistake: path \"a/{date}/*.json\" of the manifest has a wildcard"},
		{"a/{date}/*.csv", "a/{date}/{part}.json", "mistake: path \"a/{date}/{part}.json\" of the manifest has {part}"},
	} {
		path, err := compileTemplate(test.path)
		if err != nil {
			t.Fatal(err)
		}
		place, err := manifestPlaceOf(ManifestSettings{ManifestRequired, test.manifest}, []*template{path})
		got := ""
		if err != nil {
			got = "mistake: " + err.Error()
		} else {
			got = place.templates[0].text
		}
		if !strings.HasPrefix(got, test.want) || err == nil && got != test.want {
			t.Errorf("%s, manifest %q: %s, want %s", test.path, test.manifest, got, test.want)
		}
	}
}

func TestManifestCovers(t *testing.T) {
	for _, test := range []struct {
		path, manifest, key, file string
		want                      bool
	}{
		{"a/{date}/**", "", "a/2024-05-01/_manifest.json", "a/2024-05-01/h/x.csv", true},
		{"a/{date}/**", "", "a/2024-05-01/_manifest.json", "a/2024-05-02/x.csv", false},
		{"{who}/{date}/*.csv", "", "b/2024-05-01/_manifest.json", "c/2024-05-01/x.csv", false},
		{"{who}/{date}/*.csv", "m/{date}.json", "m/2024-05-01.json", "c/2024-05-01/x.csv", true},
		{"{who}/{date}/*.csv", "m/{who}/{year}{month}{day}.json", "m/c/20240501.json", "c/2024-05-01/x.csv", true},
		{"{who}/{date}/*.csv", "m/{who}/{date}.json", "m/b/2024-05-01.json", "c/2024-05-01/x.csv", false},
		{"{year}/{month}/*.csv", "m/{year}{month}.json", "m/202404.json", "2024/05/x.csv", false},
	} {
		path, err := compileTemplate(test.path)
		if err != nil {
			t.Fatal(err)
		}
		l := &layout{templates: []*template{path}}
		if l.manifest, err = manifestPlaceOf(ManifestSettings{Path: test.manifest}, l.templates); err != nil {
			t.Fatal(err)
		}
		if got := l.covers(test.key, test.file); got != test.want {
			t.Errorf("%s: %s covers %s: %v", test.path, test.key, test.file, got)
		}
	}
}

// One manifest may be about the files of two exports in its folder.
func TestManifestOfTwoExports(t *testing.T) {
	c := own(t)
	s := &c.knobs.Sources[0]
	s.Exports = append(slices.Clone(s.Exports), s.Exports[0])
	s.Exports[0].Name, s.Exports[0].Paths = "fixed", []string{"pbx/{date}/fixed-*.csv"}
	s.Exports[1].Name, s.Exports[1].Paths = "mobile", []string{"pbx/{date}/mobile-*.csv"}
	c.calls("2024-05-01/fixed-1", "c1,17,2024-05-01T10:00:00Z,voice,1")
	c.calls("2024-05-01/mobile-1", "c2,17,2024-05-01T10:00:00Z,voice,1")
	c.manifestOf("pbx/2024-05-01", map[string]int{"fixed-1.csv": 1})
	c.wantFailure("2024-05-01", ExitInput, "pbx/2024-05-01/mobile-1.csv is there, and is not among the files that it lists")
	c.manifestOf("pbx/2024-05-01", map[string]int{"fixed-1.csv": 1, "mobile-1.csv": 1})
	e := c.night("2024-05-01")
	if len(e.Manifests) != 2 || len(e.Inputs) != 3 {
		t.Errorf("manifests %v, inputs %v", e.Manifests, e.Inputs)
	}
}
