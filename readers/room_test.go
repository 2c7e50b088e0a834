package readers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// A dictionary of many texts is read as it is, and leaves no more room behind
// than pages ask for.
func TestLargeDictionaryLeavesNoRoom(t *testing.T) {
	type row struct {
		AccountID string `parquet:"account_id,dict"`
	}
	const all = 30_000
	texts, want := make([]row, 2*all), make([]string, 2*all)
	for i := range texts {
		text := fmt.Sprintf("%07d%s", i*7919%all, strings.Repeat("x", 200))
		texts[i], want[i] = row{text}, fmt.Sprintf("%q", text)
	}
	schema := &Schema{Source: "sms", Fields: []Field{{Name: "account_id", Kind: Text}}}
	for name, codec := range map[string]parquet.WriterOption{
		"zstd": parquet.Compression(&parquet.Zstd), "snappy": parquet.Compression(&parquet.Snappy), "uncompressed": parquet.Compression(&parquet.Uncompressed),
	} {
		t.Run(name, func(t *testing.T) {
			file := written(t, texts, codec, parquet.DictionaryMaxBytes(1<<30))
			got, err := readAll(t, "a.parquet", file, schema)
			if err != nil {
				t.Fatal(err)
			}
			equalRows(t, got, want)

			e, err := Open(t.Context(), bucketOf(t, "a.parquet", file), "a.parquet", int64(len(file)), schema, losAngeles(t))
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			s, end := e.splitSection(t.Context(), 0)
			defer end()
			c := e.openColumns(s, &e.footer.groups[0], new(splitRoom))[0]
			var batch Column
			if err := c.fill(&batch, 100); err != nil {
				t.Fatal(err)
			}
			if len(batch.Dict.Entries) != all {
				t.Errorf("%d entries, want %d", len(batch.Dict.Entries), all)
			}
			if room := c.columnRoom; cap(c.pages.window) > mostKept || cap(c.pages.plain) > mostKept || room.raw.bytes != nil {
				t.Errorf("%d bytes of a window, %d of a page, %d of texts are kept", cap(c.pages.window), cap(c.pages.plain), len(room.raw.bytes))
			}
		})
	}
}
