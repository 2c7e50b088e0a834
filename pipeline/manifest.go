package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
)

// manifest is what whoever wrote an export says of its files: which there are,
// how large, and how many rows each has. docs/sources.md describes the format.
type manifest struct {
	files  []vouched
	byName map[string][]*vouched // by the last level of the path
	rows   *int64                // of all files together; nil: not said
}

// vouched is a file as a manifest has it.
type vouched struct {
	name     string // as it is written there
	key      string // under the exports' root, where the manifest says so
	url      string // of the whole object, where it says that
	size     *int64 // bytes
	rows     *int64
	checksum string // sha256:…, md5:… or etag:…; empty: not said
}

// manifestFormat is the version of our own format.
const manifestFormat = 1

// maxManifest is the largest manifest that is read, in bytes: some hundred
// thousand files.
const maxManifest = 64 << 20

var checksumForm = regexp.MustCompile(`^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}|etag:[!#-~]+)$`)

// parseManifest reads a manifest: one of ours, or one that Amazon Redshift
// writes beside what it unloads, which has entries.
func parseManifest(key string, text []byte) (*manifest, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return nil, jsonPlace(text, err)
	}
	var m *manifest
	var err error
	if _, redshift := keys["entries"]; redshift {
		m, err = parseUnloaded(text)
	} else {
		m, err = parseOwn(path.Dir(key), text)
	}
	if err != nil {
		return nil, err
	}
	return m, m.check()
}

// parseOwn reads our own format strictly: a misspelt key would be a promise
// that nobody holds anybody to.
func parseOwn(folder string, text []byte) (*manifest, error) {
	var own struct {
		Format *int   `json:"format"`
		Rows   *int64 `json:"rows"`
		Files  *[]struct {
			Name     string `json:"name"`
			Key      string `json:"key"`
			Size     *int64 `json:"size"`
			Rows     *int64 `json:"rows"`
			Checksum string `json:"checksum"`
		} `json:"files"`
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&own); err != nil {
		return nil, jsonPlace(text, err)
	}
	switch {
	case own.Format == nil:
		return nil, errors.New(`"format" is missing (want 1)`)
	case *own.Format != manifestFormat:
		return nil, fmt.Errorf("format %d, this program reads %d", *own.Format, manifestFormat)
	case own.Files == nil:
		return nil, errors.New(`"files" is missing (an export without files has an empty list)`)
	}
	m := &manifest{rows: own.Rows}
	for i, f := range *own.Files {
		v := vouched{name: f.Name, key: f.Key, size: f.Size, rows: f.Rows, checksum: f.Checksum}
		if (f.Name == "") == (f.Key == "") {
			return nil, fmt.Errorf(`file %d of the list: want either "name", relative to the manifest's folder, or "key", from the exports' root`, i+1)
		}
		if v.key == "" {
			v.key = path.Join(folder, v.name)
		} else {
			v.name = v.key
		}
		if plain := strings.TrimPrefix(v.name, "./"); path.Clean(plain) != plain || strings.HasPrefix(plain, "../") || strings.HasPrefix(plain, "/") {
			return nil, fmt.Errorf("file %d of the list: %q is no path below a folder", i+1, v.name)
		}
		m.files = append(m.files, v)
	}
	return m, nil
}

// parseUnloaded reads the manifest of Redshift's UNLOAD … MANIFEST [VERBOSE].
// Its further keys (schema, author) are none of our business.
func parseUnloaded(text []byte) (*manifest, error) {
	type meta struct {
		ContentLength *int64 `json:"content_length"`
		RecordCount   *int64 `json:"record_count"`
	}
	var unloaded struct {
		Entries []struct {
			URL  string `json:"url"`
			Meta meta   `json:"meta"`
		} `json:"entries"`
		Meta meta `json:"meta"`
	}
	if err := json.Unmarshal(text, &unloaded); err != nil {
		return nil, jsonPlace(text, err)
	}
	m := &manifest{rows: unloaded.Meta.RecordCount}
	for i, e := range unloaded.Entries {
		_, inBucket, isURL := strings.Cut(e.URL, "://")
		_, object, whole := strings.Cut(inBucket, "/")
		if !isURL || !whole || object == "" {
			return nil, fmt.Errorf("entry %d: %q is no URL of an object (want s3://bucket/key)", i+1, e.URL)
		}
		m.files = append(m.files, vouched{name: e.URL, url: object, size: e.Meta.ContentLength, rows: e.Meta.RecordCount})
	}
	return m, nil
}

// check finds what a manifest cannot say, in whatever format.
func (m *manifest) check() error {
	sum, all := int64(0), true
	seen := map[string]bool{}
	m.byName = map[string][]*vouched{}
	for i := range m.files {
		f := &m.files[i]
		m.byName[path.Base(f.key+f.url)] = append(m.byName[path.Base(f.key+f.url)], f)
		switch {
		case seen[f.key+"\x00"+f.url]:
			return fmt.Errorf("%s stands in it twice", f.name)
		case f.size != nil && *f.size < 0 || f.rows != nil && *f.rows < 0:
			return fmt.Errorf("%s has a negative size or number of rows", f.name)
		case f.checksum != "" && !checksumForm.MatchString(f.checksum):
			return fmt.Errorf("%s has the checksum %q (want sha256:, md5: or etag: and lower-case hexadecimal digits, or an ETag without quotes)", f.name, f.checksum)
		}
		seen[f.key+"\x00"+f.url] = true
		if all = all && f.rows != nil; all {
			sum += *f.rows
		}
	}
	if m.rows != nil && all && sum != *m.rows {
		return fmt.Errorf("it says %d rows in all, its files have %d", *m.rows, sum)
	}
	return nil
}

// entry is what a manifest says of an object; nil where it says nothing.
func (m *manifest) entry(key string) *vouched {
	for _, v := range m.byName[path.Base(key)] {
		if v.names(key) {
			return v
		}
	}
	return nil
}

// names tells whether the manifest means an object by one of its entries. Of a
// URL we know no more than that the exports' root is somewhere in it.
func (v *vouched) names(key string) bool {
	if v.key != "" {
		return v.key == key
	}
	return v.url == key || strings.HasSuffix(v.url, "/"+key)
}

// jsonPlace is a mistake of JSON with its line and column.
func jsonPlace(text []byte, err error) error {
	at := int64(-1)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
		err = fmt.Errorf("%s is %s where %s is wanted", orText(kind.Field, "the whole"), articles.Replace(kind.Value), jsonKind(kind.Type.String()))
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		at = int64(len(text))
	}
	if at < 0 {
		return fmt.Errorf("no manifest: %w", err)
	}
	before := text[:min(at, int64(len(text)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n') - 1
	return fmt.Errorf("line %d, column %d: %w", line, max(column, 1), err)
}

func orText(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

var articles = strings.NewReplacer("array", "an array", "object", "an object", "string", "a text", "bool", "true or false")

// jsonKind is what JSON calls a type of Go.
func jsonKind(of string) string {
	switch {
	case strings.Contains(of, "int"):
		return "a whole number"
	case strings.HasPrefix(of, "*[]"), strings.HasPrefix(of, "[]"):
		return "a list"
	case of == "string":
		return "a text"
	}
	return "an object"
}
