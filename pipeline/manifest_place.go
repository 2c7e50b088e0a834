package pipeline

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"ratemill/rating/calendar"
)

// ManifestSettings say whether an export has manifests, and where.
type ManifestSettings struct {
	Need string // one of the needs; empty: ManifestIfPresent
	Path string // template under the exports' root; empty: _manifest.json in the folder of the files
}

// How much a manifest is needed.
const (
	ManifestIfPresent = "if_present" // believed where there is one
	ManifestRequired  = "required"   // no file is read before its manifest is there
	ManifestIgnored   = "ignore"     // not looked for
)

// manifestName is the manifest of the folder that it lies in.
const manifestName = "_manifest.json"

// manifestPlace is where the manifests of a layout lie.
type manifestPlace struct {
	need      string
	beside    bool // it vouches for the folder that it lies in; else for the files whose placeholders say what its own say
	templates []*template
}

// manifestPlaceOf is where a layout's manifests lie by its settings. It is a
// mistake to ask for one where no place can be told.
func manifestPlaceOf(set ManifestSettings, paths []*template) (manifestPlace, error) {
	p := manifestPlace{need: set.Need, beside: set.Path == ""}
	if p.need == "" {
		p.need = ManifestIfPresent
	}
	if p.need == ManifestIgnored {
		return p, nil
	}
	if !p.beside {
		t, err := compileTemplate(set.Path)
		if err == nil {
			err = vouchesFor(t, paths)
		}
		p.templates = []*template{t}
		return p, err
	}
	for _, path := range paths {
		t := manifestBeside(path)
		if t == nil && p.need == ManifestRequired {
			return p, fmt.Errorf("path %q says of no folder which day it is of: name the manifest's path (manifest: {path: …, need: required})", path.text)
		}
		if t != nil {
			p.templates = append(p.templates, t)
		}
	}
	return p, nil
}

// vouchesFor proves that a manifest's path tells which files it is about.
func vouchesFor(t *template, paths []*template) error {
	if slices.ContainsFunc(t.pieces, func(p piece) bool { return p.kind == starPiece || p.kind == levelsPiece }) {
		return fmt.Errorf("path %q of the manifest has a wildcard (want text and placeholders of the export's path)", t.text)
	}
	for _, of := range paths {
		for _, name := range t.names {
			if !slices.Contains(of.names, name) && (name != datePart || !of.hasDate()) && (!of.hasDate() || name != yearPart && name != monthPart && name != dayPart) {
				return fmt.Errorf("path %q of the manifest has {%s}, which path %q has not", t.text, name, of.text)
			}
		}
		if of.hasDate() && !t.hasDate() {
			return fmt.Errorf("path %q of the manifest has no date, path %q has: want a manifest a day", t.text, of.text)
		}
	}
	return nil
}

// manifestBeside is where the manifest of a template's folder lies. It is nil
// where a folder is not of one day while its files are, and where the folder
// is not listed for the files themselves.
func manifestBeside(files *template) *template {
	levels := strings.Split(files.text, "/")
	folder := levels[:len(levels)-1]
	if i := slices.Index(levels, "**"); i >= 0 {
		folder = levels[:i]
	}
	t, err := compileTemplate(strings.Join(append(slices.Clone(folder), manifestName), "/"))
	switch {
	case err != nil, files.hasDate() && !t.hasDate():
		return nil
	case !files.hasDate() && !strings.HasPrefix(t.prefixOn(calendar.None), files.prefixOn(calendar.None)):
		return nil
	}
	return t
}

// holds tells whether a key is one of the layout's manifests, and of which day.
func (p *manifestPlace) holds(key string) (day calendar.Day, ok bool) {
	for _, t := range p.templates {
		if _, day, ok := t.match(key); ok {
			return day, true
		}
	}
	return calendar.None, false
}

// covers tells whether a manifest of the layout vouches for a file of it.
func (l *layout) covers(manifest, file string) bool {
	if l.manifest.beside {
		folder := path.Dir(manifest)
		return folder == "." || strings.HasPrefix(file, folder+"/")
	}
	parts, _, is := l.match(file)
	if !is {
		return false
	}
	for _, t := range l.manifest.templates {
		if own, day, ok := t.match(manifest); ok {
			return saysTheSame(own, parts, day)
		}
	}
	return false
}

// manifestOf is where the manifest of a file lies, if the layout says so.
func (l *layout) manifestOf(file string, parts map[string]string) string {
	for _, t := range l.manifest.templates {
		if l.manifest.beside {
			for folder := path.Dir(file); ; folder = path.Dir(folder) {
				if key := path.Join(folder, manifestName); t.pattern.MatchString(key) {
					return key
				}
				if folder == "." {
					break
				}
			}
			continue
		}
		if key, whole := t.filled(parts); whole {
			return key
		}
	}
	return ""
}

// filled is the text of a template without wildcards, by what its placeholders
// stand for.
func (t *template) filled(parts map[string]string) (key string, whole bool) {
	date := parts[datePart]
	for _, p := range t.pieces {
		value := p.text
		if p.kind == placeholderPiece {
			value = parts[p.text]
			if from := map[string][2]int{yearPart: {0, 4}, monthPart: {5, 7}, dayPart: {8, 10}}; value == "" && len(date) == 10 {
				value = date[from[p.text][0]:from[p.text][1]]
			}
		}
		if value == "" {
			return "", false
		}
		key += value
	}
	return key, true
}

func saysTheSame(manifest, file map[string]string, day calendar.Day) bool {
	for name, value := range manifest {
		if name != yearPart && name != monthPart && name != dayPart && file[name] != value {
			return false
		}
		if day == calendar.None && file[name] != value { // a year and a month alone are no date
			return false
		}
	}
	return true
}

// listedFrom is the prefix of a day's files under which their manifest lies,
// too.
func (p *manifestPlace) listedFrom(prefix string, day calendar.Day) string {
	if !p.beside {
		return prefix
	}
	for _, t := range p.templates {
		with := t.prefixOn(day)
		n := 0
		for n < min(len(prefix), len(with)) && prefix[n] == with[n] {
			n++
		}
		if at := strings.LastIndexByte(prefix, '/') + 1; n >= at && len(with) > n { // the manifest of this very folder
			prefix = prefix[:n]
		}
	}
	return prefix
}

// listed are the templates of all that is listed for a layout: its exports, and
// the manifests that do not lie beside them.
func (l *layout) listed() []*template {
	if l.manifest.beside {
		return l.templates
	}
	return slices.Concat(l.templates, l.manifest.templates)
}
