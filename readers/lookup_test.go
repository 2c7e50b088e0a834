package readers

import (
	"context"
	"maps"
	"testing"

	"github.com/parquet-go/parquet-go"
)

func tableOf(t *testing.T, key string, data []byte, layout Layout) (map[string]string, error) {
	t.Helper()
	return ReadTable(context.Background(), bucketOf(t, key, data), File{Key: key, Size: int64(len(data))}, layout, "sub", "account")
}

func TestReadTable(t *testing.T) {
	type row struct {
		Account string `parquet:"account"`
		Sub     string `parquet:"sub"`
	}
	g := grid{{"note", "sub", "account"}, {"x", "s1", "a1"}, {"", "s2", "a1"}, {"", "s1", "a1"}, {"", "a2", "a2"}, {"", "s3", "a2"}}
	want := map[string]string{"s1": "a1", "s2": "a1", "a2": "a2", "s3": "a2"}
	var rows []row
	for _, r := range g[1:] {
		rows = append(rows, row{Sub: r[1], Account: r[2]})
	}
	for key, data := range map[string][]byte{
		"t.csv": g.csv(), "t.ndjson": g.ndjson(), "t.parquet": written(t, rows, parquet.MaxRowsPerRowGroup(2)),
	} {
		got, err := tableOf(t, key, data, Layout{})
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", key, got, want)
		}
	}
}

func TestReadTableRefuses(t *testing.T) {
	for _, c := range []struct{ csv, want string }{
		{"sub,account\ns1,a1\ns2,a2\ns1,a3\n", `key "s1" has two values: "a1" in row 1, "a3" in row 3`},
		{"sub,account\ns1,a1\n,a2\n", "row 2: sub is empty"},
		{"sub,account\ns1,\n", "row 1: account is empty"},
		{"sub,account\ns1,\xff\n", `row 1: account "�": not_text`},
		{"sub,account\ns1,a1\na1,a9\n", `row 1 makes "s1" "a1", and row 2 makes that "a9"`},
		{"sub,acount\ns1,a1\n", `no column "account" (did you mean "acount"?), mapped to value; there are sub, acount`},
		{"", "empty file"},
	} {
		got, err := tableOf(t, "t.csv", []byte(c.csv), Layout{})
		refused(t, err, c.want)
		if got != nil {
			t.Errorf("%q: got %v and an error", c.csv, got)
		}
	}
	_, err := ReadTable(context.Background(), bucketOf(t, "t.csv", nil), File{Key: "t.csv"}, Layout{}, "a[", "b")
	if _, is := err.(*RuleError); !is {
		t.Errorf("got %v for a path that is none", err)
	}
}

func TestReadTableOfTooManyRows(t *testing.T) {
	data := []byte("sub,account\n1,a\n2,a\n3,a\n")
	for most, want := range map[int64]string{3: "", 2: "more than 2 rows, too many for a lookup table"} {
		file := File{Key: "t.csv", Size: int64(len(data))}
		_, err := readTable(context.Background(), bucketOf(t, file.Key, data), file, Layout{}, [2]string{"sub", "account"}, most)
		wantRefusal(t, err, want)
	}
}
