package catalog

import (
	"regexp"
	"strings"
	"testing"
)

// library are messages of the YAML library, which say what its parser met and
// not what the author did.
var library = regexp.MustCompile(`in this context|non-map value|unexpected|must be specified|could not find|pre-defined|not YAML`)

// TestEveryLineBroken breaks each line of two catalogs in the ways of a slip of
// the hand: what is refused is explained, with its place in the file.
func TestEveryLineBroken(t *testing.T) {
	for _, name := range []string{"teams.yaml", "chat.yaml"} {
		lines := strings.Split(fixture(t, name), "\n")
		for i, line := range lines {
			if text := strings.TrimSpace(line); text == "" || text[0] == '#' {
				continue
			}
			for _, slip := range slips(line) {
				text := strings.Join(append(append(append([]string{}, lines[:i]...), slip...), lines[i+1:]...), "\n")
				_, err := Parse(name, []byte(text))
				if err == nil {
					continue // a space more in front of a key that stands alone means the same
				}
				for _, e := range err.(Errors) {
					if e.Source == "" || e.Column < 1 || library.MatchString(e.Message) {
						t.Errorf("line %d as %q: %v", i+1, slip, e)
					}
				}
			}
		}
	}
}

// slips are a line as it comes out now and then.
func slips(line string) [][]string {
	text := strings.TrimLeft(line, " ")
	blanks := line[:len(line)-len(text)]
	all := [][]string{{" " + line}, {"  " + line}, {line, line}, {blanks + "- " + text}, {strings.TrimPrefix(line, "  ")}}
	for _, sign := range []string{"}", "{", "]", "[", ": ", ":", ", ", ",", `"`} {
		if at := strings.Index(line, sign); at >= 0 {
			rest := line[at+len(sign):]
			all = append(all, []string{line[:at] + rest}, []string{line[:at] + sign[:1] + sign + rest}, []string{line[:at] + sign[:1] + rest})
		}
	}
	return all
}
