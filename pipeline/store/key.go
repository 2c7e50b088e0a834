package store

import (
	"path/filepath"
	"strings"
)

// A key's segments, cut at "/", are file names below the root. Names map to
// themselves, so that analysts see billing_date=2024-05-01, except where a file
// system cannot hold them. As gocloud's drivers do, those are written
// __0x<hex>__:
//
//	an empty segment         __0x__        (in a//b, and at the end of a/)
//	"." and ".."             __0x2e__ for the first dot
//	NUL                      __0x0__
//	a temporary file's name  __0x2e__ for its dot
//	a literal "__0x"         __0x5f__ for its first "_"
//
// Each segment is escaped by itself (fileblob joins "//" into one name), so
// that every prefix up to a "/" is a folder and listing it reads that folder.
const (
	escaped      = "__0x"
	emptySegment = "__0x__"
	escapedDot   = "__0x2e__"
)

var (
	escapeName   = strings.NewReplacer(escaped, "__0x5f___0x", "\x00", "__0x0__")
	unescapeName = strings.NewReplacer("__0x5f__", "_", escapedDot, ".", "__0x0__", "\x00")
)

// fileName is the name of a segment on disk.
func fileName(segment string) string {
	switch {
	case segment == "":
		return emptySegment
	case segment == "." || segment == ".." || isTemp(segment):
		return escapedDot + escapeName.Replace(segment[1:])
	default:
		return escapeName.Replace(segment)
	}
}

// segmentOf reverses fileName. It reports false, with the name itself, for a
// foreign file whose name no segment maps to: listed, it could not be opened.
func segmentOf(name string) (segment string, ok bool) {
	if !strings.Contains(name, escaped) {
		return name, true
	}
	if name != emptySegment {
		segment = unescapeName.Replace(name)
	}
	if fileName(segment) != name {
		return name, false
	}
	return segment, true
}

// path is where a key (or a folder's key without its last slash) lies on disk.
// It cannot leave the root: no file name is "..".
func (d *disk) path(key string) string {
	segments := strings.Split(key, "/")
	for i, segment := range segments {
		segments[i] = fileName(segment)
	}
	return filepath.Join(d.root, filepath.Join(segments...))
}
