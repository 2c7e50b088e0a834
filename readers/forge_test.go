package readers

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// forge makes Parquet files that no writer would: it takes a good one apart,
// lets a test change what it says, and puts it together again.

func footerOf(t testing.TB, file []byte) (meta *format.FileMetaData, begin int) {
	t.Helper()
	begin = len(file) - 8 - int(binary.LittleEndian.Uint32(file[len(file)-8:]))
	meta = new(format.FileMetaData)
	if err := thrift.Unmarshal(&thrift.CompactProtocol{}, file[begin:len(file)-8], meta); err != nil {
		t.Fatal(err)
	}
	return meta, begin
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	b, err := thrift.Marshal(&thrift.CompactProtocol{}, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// closed puts a footer behind data.
func closed(t testing.TB, data []byte, meta *format.FileMetaData) []byte {
	t.Helper()
	footer := marshal(t, meta)
	file := append(bytes.Clone(data), footer...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(footer)))
	return append(file, "PAR1"...)
}

func forgeFooter(t testing.TB, file []byte, edit func(*format.FileMetaData)) []byte {
	t.Helper()
	meta, begin := footerOf(t, file)
	edit(meta)
	return closed(t, file[:begin], meta)
}

// forgePages changes the pages of a column in the first row group. edit gives
// the body; a header's sizes of it are left as they are.
func forgePages(t testing.TB, file []byte, column int, edit func(h *format.PageHeader, body []byte) []byte) []byte {
	t.Helper()
	meta, begin := footerOf(t, file)
	data := bytes.Clone(file[:begin])
	chunk := &meta.RowGroups[0].Columns[column].MetaData
	at := chunk.DataPageOffset
	if chunk.DictionaryPageOffset > 0 {
		at = chunk.DictionaryPageOffset
	}
	pages := file[at : at+chunk.TotalCompressedSize]
	chunk.DictionaryPageOffset, chunk.DataPageOffset = 0, int64(len(data))
	for len(pages) > 0 {
		var protocol thrift.CompactProtocol
		r := protocol.NewReaderFromBytes(pages)
		var h format.PageHeader
		if err := thrift.NewDecoder(r).Decode(&h); err != nil {
			t.Fatal(err)
		}
		pages = pages[r.BytesRead():]
		body := pages[:h.CompressedPageSize:h.CompressedPageSize]
		pages = pages[h.CompressedPageSize:]
		body = edit(&h, body)
		data = append(append(data, marshal(t, &h)...), body...)
	}
	chunk.TotalCompressedSize = int64(len(data)) - chunk.DataPageOffset
	return closed(t, data, meta)
}

// joined is one file of the row groups of several.
func joined(t testing.TB, files ...[]byte) []byte {
	t.Helper()
	all, begin := footerOf(t, files[0])
	data := bytes.Clone(files[0][:begin])
	for _, file := range files[1:] {
		meta, end := footerOf(t, file)
		shift := int64(len(data))
		for i := range meta.RowGroups {
			for j := range meta.RowGroups[i].Columns {
				chunk := &meta.RowGroups[i].Columns[j].MetaData
				chunk.DataPageOffset += shift
				if chunk.DictionaryPageOffset > 0 {
					chunk.DictionaryPageOffset += shift
				}
			}
			all.RowGroups = append(all.RowGroups, meta.RowGroups[i])
		}
		all.NumRows += meta.NumRows
		data = append(data, file[:end]...)
	}
	return closed(t, data, all)
}
