package main

import (
	"strings"
	"unicode"

	"ratemill/rating/yamltext"
)

// settingsLanguage is what ratemill.yaml may have. A real one has some
// kilobytes.
var settingsLanguage = yamltext.Language{
	Name: "ratemill.yaml", MaxBytes: 256 << 10, MaxNesting: 64, MaxKeys: 10_000, TooLong: " (long maps can be lookup tables)", Tabs: true,
}

// mistakes are what is wrong in one settings file.
type mistakes struct{ yamltext.Mistakes }

// read is the text as nodes, or nil where it is empty or something is wrong.
func (m *mistakes) read(text []byte) *yamltext.Node {
	n := m.Read(text, settingsLanguage)
	if n != nil {
		m.visible(n)
	}
	return n
}

// visible refuses what an escape makes, and nobody sees.
func (m *mistakes) visible(n *yamltext.Node) {
	if strings.ContainsFunc(n.Text, func(r rune) bool { return r != '\t' && !unicode.IsGraphic(r) || r == unicode.ReplacementChar }) {
		m.Add(n.Place, "%q has an invisible character", n.Text)
	}
	for _, e := range n.Entries {
		m.visible(e.Key)
		m.visible(e.Value)
	}
	for _, item := range n.Items {
		m.visible(item)
	}
}
