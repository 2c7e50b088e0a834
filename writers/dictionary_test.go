package writers

import (
	"slices"
	"testing"
)

func TestDictionary(t *testing.T) {
	golden(t, "../docs/data-dictionary.md", Dictionary())
}

func TestEveryColumnIsDescribed(t *testing.T) {
	for _, spec := range Tables {
		for _, c := range spec.columns() {
			if c.Doc == "" {
				t.Errorf("%s.%s has no doc", spec.Name, c.Name)
			}
		}
	}
}

// A join names two columns that exist and have one type.
func TestJoins(t *testing.T) {
	find := func(table, name string) column {
		i := slices.IndexFunc(Tables, func(s Spec) bool { return s.Name == table })
		if i < 0 {
			t.Fatalf("no table %s", table)
		}
		cols := Tables[i].columns()
		c := slices.IndexFunc(cols, func(c column) bool { return c.Name == name })
		if c < 0 {
			t.Fatalf("no column %s.%s", table, name)
		}
		return cols[c]
	}
	for _, spec := range Tables {
		for _, j := range spec.joins {
			if a, b := find(spec.Name, j.Column), find(j.Table, j.Other); a.Type != b.Type {
				t.Errorf("%s.%s is %s, %s.%s is %s", spec.Name, a.Name, a.Type, j.Table, b.Name, b.Type)
			}
		}
	}
}
