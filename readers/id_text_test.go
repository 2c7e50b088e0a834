package readers

import (
	"fmt"
	"slices"
	"testing"
)

const lowerUUID = "0ed0e3f1-6a0c-4b1e-9d2f-6f2ad3f5c1b7"

// idsWithTexts is a schema of an id whose text is wanted.
func idsWithTexts() *Schema {
	return &Schema{Source: "s", Fields: []Field{{Name: "x", Kind: EventID, Texts: true}}}
}

// TestIDTexts: the text of an id is what the export has, in every format, also
// through the dictionaries of a Parquet column; a UUID has one form.
func TestIDTexts(t *testing.T) {
	g := grid{{"x", "y"}, {"evt_10", "a"}, {"0ED0E3F1-6A0C-4B1E-9D2F-6F2AD3F5C1B7", "b"}, {"", "c"}, {"evt_9", "d"}, {"evt_10", "e"}}
	plain, dict := parquetIDs(g)
	want := []string{"evt_10", lowerUUID, "-", "evt_9", "evt_10"}
	for key, text := range map[string][]byte{"x.csv": g.csv(), "x.ndjson": g.ndjson(), "plain.parquet": written(t, plain), "dict.parquet": written(t, dict)} {
		rows, err := readAll(t, key, text, idsWithTexts())
		if err != nil || !slices.Equal(rows, want) {
			t.Errorf("%s: %q (%v), want %q", key, rows, err, want)
		}
	}
	id := Key([]byte(lowerUUID))
	if rows, err := readAll(t, "binary.parquet", written(t, []binaryID{{id}, {id}}), idsWithTexts()); err != nil || fmt.Sprint(rows) != fmt.Sprintf("[%[1]s %[1]s]", lowerUUID) {
		t.Errorf("binary: %q (%v)", rows, err)
	}
}

type plainID struct {
	X *string `parquet:"x"`
	Y string  `parquet:"y"`
}

type dictID struct {
	X *string `parquet:"x,dict"`
	Y string  `parquet:"y"`
}

type binaryID struct {
	X [16]byte `parquet:"x,uuid"`
}

// parquetIDs are the rows in a column of pages, or of a dictionary.
func parquetIDs(g grid) (plain []plainID, dict []dictID) {
	for _, row := range g[1:] {
		one := plainID{Y: row[1]}
		if row[0] != "" {
			one.X = &row[0]
		}
		plain, dict = append(plain, one), append(dict, dictID(one))
	}
	return plain, dict
}

// TestIDTextsByMapping: what is made of cells, the first of several columns,
// and joined parts with a space between them.
func TestIDTextsByMapping(t *testing.T) {
	g := grid{{"a", "b"}, {"K1", "x"}, {"", "0ED0E3F1-6A0C-4B1E-9D2F-6F2AD3F5C1B7"}, {"", ""}}
	a, b := Part{Path: ColumnPath("a"), Optional: true}, Part{Path: ColumnPath("b")}
	for name, c := range map[string]struct {
		rule Rule
		want []string
	}{
		"one column":    {Rule{Paths: paths(t, "a")}, []string{"K1", "-", "-"}},
		"several":       {Rule{Paths: paths(t, "a", "b")}, []string{"K1", lowerUUID, "-"}},
		"worked on":     {Rule{Paths: paths(t, "a"), Case: "lower"}, []string{"k1", "-", "-"}},
		"joined":        {Rule{Join: []Part{a, b}}, []string{"K1 x", lowerUUID, "-"}},
		"with constant": {Rule{Join: []Part{{Value: ptr("eu")}, b}}, []string{"eu x", "eu " + lowerUUID, "-"}},
	} {
		c.rule.Field = "x"
		rows, err := readByMapping(t, File{Key: "x.csv"}, g.csv(), idsWithTexts(), &Mapping{Rules: []Rule{c.rule}})
		if err != nil || !slices.Equal(rows, c.want) {
			t.Errorf("%s: %q (%v), want %q", name, rows, err, c.want)
		}
	}
}
