package readers

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"

	"ratemill/rating/calendar"
)

// kindOf is a type that rows may nest, for tests that write the same rows in
// several formats.
type kindOf struct {
	is     string    // text, number, struct, list, map
	fields []*kindOf // of a struct, called a, b, c, …
	item   *kindOf   // of a list or map
	style  string    // of a list: empty as the format has it, plain, legacy
	column int       // of text and numbers: which one it is in Parquet
}

// A value is nil, a string, an int64, or one of these.
type (
	object []any // values of a struct
	listOf []any
	entry  struct {
		key   string
		value any
	}
	mapOf []entry
)

func fieldName(i int) string { return string(rune('a' + i)) }

func randomKind(rng *rand.Rand, depth int) *kindOf {
	kinds := []string{"text", "number", "struct", "list", "list", "map"}
	if depth == 0 {
		kinds = kinds[:2]
	}
	k := &kindOf{is: kinds[rng.IntN(len(kinds))]}
	switch k.is {
	case "struct":
		for range 1 + rng.IntN(3) {
			k.fields = append(k.fields, randomKind(rng, depth-1))
		}
	case "map":
		k.item = randomKind(rng, depth-1)
	case "list":
		if k.item = randomKind(rng, depth-1); k.item.style == "plain" { // it would be taken for a struct
			k.item.style = ""
		}
		if k.item.is == "text" || k.item.is == "number" || k.item.is == "struct" && len(k.item.fields) > 1 {
			k.style = []string{"", "plain", "legacy"}[rng.IntN(3)]
		}
	}
	return k
}

// random is a value; where it is required it is not nil.
func (k *kindOf) random(rng *rand.Rand, required bool) any {
	if !required && rng.IntN(5) == 0 {
		return nil
	}
	switch k.is {
	case "text":
		return "t" + strconv.Itoa(rng.IntN(30))
	case "number":
		return rng.Int64N(1000) - 500
	case "struct":
		var o object
		for _, f := range k.fields {
			o = append(o, f.random(rng, f.style == "plain"))
		}
		return o
	case "map":
		m := mapOf{}
		for _, i := range rng.Perm(4)[:rng.IntN(4)] {
			m = append(m, entry{"k" + strconv.Itoa(i), k.item.random(rng, k.item.style == "plain")})
		}
		return m
	}
	l := listOf{}
	for range rng.IntN(4) {
		l = append(l, k.item.random(rng, k.style != ""))
	}
	return l
}

// node is the type in Parquet.
func (k *kindOf) node(required bool) parquet.Node {
	var n parquet.Node
	switch k.is {
	case "text":
		n = parquet.String()
	case "number":
		n = parquet.Leaf(parquet.Int64Type)
	case "struct":
		group := parquet.Group{}
		for i, f := range k.fields {
			group[fieldName(i)] = f.node(false)
		}
		n = group
	case "map":
		n = parquet.Map(parquet.String(), k.item.node(false))
	case "list":
		switch k.style {
		case "plain":
			return parquet.Repeated(k.item.node(true))
		case "legacy":
			n = parquet.Group{"array": parquet.Repeated(k.item.node(true))}
		default:
			n = parquet.List(k.item.node(false))
		}
	}
	if required {
		return n
	}
	return parquet.Optional(n)
}

// number numbers the columns from n on.
func (k *kindOf) number(n int) int {
	switch k.is {
	case "text", "number":
		k.column = n
		return n + 1
	case "map":
		k.column, n = n, n+1
	}
	if k.item != nil {
		return k.item.number(n)
	}
	for _, f := range k.fields {
		n = f.number(n)
	}
	return n
}

// put adds a value to the columns of a row, at levels: of repetition, of
// definition, and how many lists are around it.
func (k *kindOf) put(columns [][]parquet.Value, v any, repetition, defined, lists int, required bool) {
	if v == nil || k.is == "list" && k.style == "plain" && len(v.(listOf)) == 0 {
		k.putNull(columns, repetition, defined)
		return
	}
	if !required && k.style != "plain" {
		defined++
	}
	add := func(column int, v parquet.Value, repetition, defined int) {
		columns[column] = append(columns[column], v.Level(repetition, defined, column))
	}
	next := func(i int) int {
		if i == 0 {
			return repetition
		}
		return lists + 1
	}
	switch v := v.(type) {
	case string:
		add(k.column, parquet.ByteArrayValue([]byte(v)), repetition, defined)
	case int64:
		add(k.column, parquet.Int64Value(v), repetition, defined)
	case object:
		for i, f := range k.fields {
			f.put(columns, v[i], repetition, defined, lists, false)
		}
	case listOf:
		if len(v) == 0 {
			k.putNull(columns, repetition, defined)
		}
		for i, element := range v {
			k.item.put(columns, element, next(i), defined+1, lists+1, k.style != "")
		}
	case mapOf:
		if len(v) == 0 {
			k.putNull(columns, repetition, defined)
		}
		for i, e := range v {
			add(k.column, parquet.ByteArrayValue([]byte(e.key)), next(i), defined+1)
			k.item.put(columns, e.value, next(i), defined+1, lists+1, false)
		}
	}
}

func (k *kindOf) putNull(columns [][]parquet.Value, repetition, defined int) {
	if k.is == "text" || k.is == "number" || k.is == "map" {
		columns[k.column] = append(columns[k.column], parquet.NullValue().Level(repetition, defined, k.column))
	}
	if k.item != nil {
		k.item.putNull(columns, repetition, defined)
	}
	for _, f := range k.fields {
		f.putNull(columns, repetition, defined)
	}
}

// parquetRows is a Parquet file of the rows, which are structs.
func (k *kindOf) parquetRows(t testing.TB, rows []object, options ...parquet.WriterOption) []byte {
	t.Helper()
	n := k.number(0)
	var file bytes.Buffer
	w := parquet.NewWriter(&file, append(options, parquet.NewSchema("x", k.node(true)))...)
	for _, row := range rows {
		columns := make([][]parquet.Value, n)
		k.put(columns, row, 0, 0, 0, true)
		if _, err := w.WriteRows([]parquet.Row{slices.Concat(columns...)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return forgeFooter(t, file.Bytes(), func(m *format.FileMetaData) {
		for i := range m.Schema {
			if m.Schema[i].Name == "array" {
				m.Schema[i-1].ConvertedType.V, m.Schema[i-1].ConvertedType.Valid = deprecated.List, true
			}
		}
	})
}

// arrowType is the type in Arrow.
func (k *kindOf) arrowType() arrow.DataType {
	switch k.is {
	case "text":
		return arrow.BinaryTypes.String
	case "number":
		return arrow.PrimitiveTypes.Int64
	case "map":
		return arrow.MapOf(&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, k.item.arrowType())
	case "list":
		if k.style == "legacy" {
			return arrow.LargeListOf(k.item.arrowType())
		}
		return arrow.ListOf(k.item.arrowType())
	}
	return arrow.StructOf(k.arrowFields()...)
}

func (k *kindOf) arrowFields() (fields []arrow.Field) {
	for i, f := range k.fields {
		fields = append(fields, arrow.Field{Name: fieldName(i), Type: f.arrowType(), Nullable: true})
	}
	return fields
}

// arrowRows is a record of the rows.
func (k *kindOf) arrowRows(t testing.TB, rows []object) arrow.Record {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(k.arrowFields(), nil))
	for _, row := range rows {
		for i, f := range k.fields {
			f.build(t, b.Field(i), row[i])
		}
	}
	return b.NewRecord()
}

func (k *kindOf) build(t testing.TB, b array.Builder, v any) {
	t.Helper()
	if v == nil {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.StringBuilder:
		b.Append(v.(string))
	case *array.Int64Builder:
		b.Append(v.(int64))
	case *array.StructBuilder:
		b.Append(true)
		for i, f := range k.fields {
			f.build(t, b.FieldBuilder(i), v.(object)[i])
		}
	case *array.MapBuilder:
		b.Append(true)
		for _, e := range v.(mapOf) {
			if err := b.KeyBuilder().(*array.BinaryDictionaryBuilder).AppendString(e.key); err != nil {
				t.Fatal(err)
			}
			k.item.build(t, b.ItemBuilder(), e.value)
		}
	case array.ListLikeBuilder:
		b.Append(true)
		for _, element := range v.(listOf) {
			k.item.build(t, b.ValueBuilder(), element)
		}
	default:
		t.Fatalf("%T", b)
	}
}

// json is a value as JSON has it.
func (k *kindOf) json(v any) any {
	switch v := v.(type) {
	case object:
		members := map[string]any{}
		for i, f := range k.fields {
			members[fieldName(i)] = f.json(v[i])
		}
		return members
	case mapOf:
		members := map[string]any{}
		for _, e := range v {
			members[e.key] = k.item.json(e.value)
		}
		return members
	case listOf:
		elements := []any{}
		for _, element := range v {
			elements = append(elements, k.item.json(element))
		}
		return elements
	}
	return v
}

// path goes down to a value, or to what may be counted.
func (k *kindOf) path(rng *rand.Rand, to string) string {
	switch {
	case k.is == "text" && rng.IntN(3) > 0:
		return to
	case k.is == "text" || k.is == "number" && rng.IntN(3) == 0:
		return to + ":id"
	case k.is == "number":
		return to + ":integer"
	case k.is != "map" && to != "" && rng.IntN(5) == 0:
		return to + ":count"
	case k.is == "list" && k.item.is == "text" && to != "" && rng.IntN(2) == 0:
		return to + ":list"
	case k.is == "map":
		return k.item.path(rng, to+".k"+strconv.Itoa(rng.IntN(5)))
	case k.is == "list":
		return k.item.path(rng, to+fmt.Sprintf("[%d]", rng.IntN(4)))
	}
	i := rng.IntN(len(k.fields))
	if to != "" {
		to += "."
	}
	return k.fields[i].path(rng, to+fieldName(i))
}

// TestSamePaths: random rows, nested at random, read by the same paths from
// Parquet, with pages and row groups of all sizes, Arrow and NDJSON.
func TestSamePaths(t *testing.T) {
	for seed := range uint64(150) {
		rng := rand.New(rand.NewPCG(seed, 7))
		root, rows := &kindOf{is: "struct"}, make([]object, 1+rng.IntN(60))
		for range 1 + rng.IntN(3) {
			root.fields = append(root.fields, randomKind(rng, 4))
		}
		var lines bytes.Buffer
		for i := range rows {
			rows[i] = root.random(rng, true).(object)
			lines.Write(jsonOf(t, root.json(rows[i])))
		}
		var paths []string
		for range 12 {
			paths = append(paths, root.path(rng, ""))
		}
		schema := wanting(t, paths...)
		want, err := readAll(t, "a.ndjson", lines.Bytes(), schema)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{}
		for version := 1; version <= 2; version++ {
			files[fmt.Sprintf("whole%d.parquet", version)] = root.parquetRows(t, rows, parquet.DataPageVersion(version))
			files[fmt.Sprintf("cut%d.parquet", version)] = root.parquetRows(t, rows, parquet.DataPageVersion(version), parquet.PageBufferSize(1+rng.IntN(100)),
				parquet.MaxRowsPerRowGroup(1+rng.Int64N(20)), parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.RLEDictionary))
		}
		record := root.arrowRows(t, rows)
		cut := rng.Int64N(record.NumRows() + 1)
		files["a.arrow"] = arrowOf(t, "a.arrow", []arrow.Record{record})
		files["a.arrows"] = arrowOf(t, "a.arrows", []arrow.Record{record.NewSlice(0, cut), record.NewSlice(cut, record.NumRows())})
		for key, file := range files {
			got, err := readAll(t, key, file, schema)
			if err != nil {
				t.Fatalf("seed %d, %s: %q: %v", seed, key, paths, err)
			}
			if !slices.Equal(got, want) {
				t.Logf("seed %d, %s: %q", seed, key, paths)
				equalRows(t, got, want)
			}
		}
	}
}

// TestRowsOverPages: rows whose elements go on in the next page, which
// Parquet 1 lets be, found from either side.
func TestRowsOverPages(t *testing.T) {
	type row struct {
		V []int64 `parquet:"v"`
	}
	rows, want := make([]row, 40_000), make([]string, 40_000)
	for i := range rows {
		rows[i].V, want[i] = make([]int64, i%7), "-"
		for k := range rows[i].V {
			rows[i].V[k] = int64(10*i + k)
		}
		if i%7 > 3 {
			want[i] = fmt.Sprint(10*i + 3)
		}
	}
	for version := 1; version <= 2; version++ {
		file := written(t, rows, parquet.DataPageVersion(version), parquet.PageBufferSize(4000))
		got, err := readField(t, "a.parquet", file, Field{Kind: Integer, Path: parsePath(t, "v[3]")})
		if err != nil {
			t.Fatal(err)
		}
		equalRows(t, got, want)
	}
	for seed := range uint64(300) { // cut at random
		rng := rand.New(rand.NewPCG(seed, 3))
		var page listPage
		var pages []listPage
		want = want[:0]
		value := 0
		for range 20 {
			n := rng.IntN(5)
			cell := "-"
			for k := range max(n, 1) {
				page.repetitions, page.definitions = append(page.repetitions, byte(min(k, 1))), append(page.definitions, byte(min(n, 1)))
				if n > 0 && k == 2 {
					cell = fmt.Sprint(value)
				}
				if value += min(n, 1); rng.IntN(3) == 0 {
					pages, page = append(pages, page), listPage{}
				}
			}
			want = append(want, cell)
		}
		if len(page.repetitions) > 0 {
			pages = append(pages, page)
		}
		got, err := readField(t, "a.parquet", forgedLists(t, pages, 20), Field{Kind: Integer, Path: parsePath(t, "v[2]")})
		wantColumn(t, got, err, want...)
	}
}

// TestBrokenMaps: a key that stands twice, and keys that are not as many as
// the values.
func TestBrokenMaps(t *testing.T) {
	root := &kindOf{is: "struct", fields: []*kindOf{{is: "map", item: &kindOf{is: "text"}}}}
	field := Field{Path: parsePath(t, "a.x")}
	rows := []object{{mapOf{{"x", "1"}, {"y", "2"}}}, {mapOf{{"y", "3"}, {"x", "4"}, {"y", "5"}}}, {nil}}
	read := func(rows []object) map[string]error {
		errs := map[string]error{}
		for key, file := range map[string][]byte{"a.parquet": root.parquetRows(t, rows), "a.arrow": arrowOf(t, "a.arrow", []arrow.Record{root.arrowRows(t, rows)})} {
			var got []string
			if got, errs[key] = readField(t, key, file, field); errs[key] == nil {
				wantColumn(t, got, nil, `"1"`, `"4"`, "-")
			}
		}
		return errs
	}
	for key, err := range read(rows) {
		if err != nil {
			t.Error(key, err)
		}
	}
	for key, err := range read(append(rows, object{mapOf{{"x", nil}, {"z", "1"}, {"x", "2"}}})) {
		refused(t, err, key)
		refused(t, err, `a map has the key "x" twice`)
	}

	for want, counts := range map[string][][2]int{ // keys and values of each row
		"a map of 3 keys has 2 values": {{1, 1}, {3, 2}, {2, 3}},
		"a map of 2 keys has 3 values": {{1, 1}, {2, 3}},
		"a map of 1 keys has 0 values": {{0, 0}, {1, 0}, {0, 1}},
	} {
		for _, count := range []bool{false, true} {
			field.Count = count
			if count {
				field.Kind = Integer
			}
			_, err := readField(t, "a.parquet", root.uneven(t, counts), field)
			refused(t, err, want)
		}
		field.Kind = Text
	}
}

// uneven is rows of one map whose keys and values are as many as counts says.
func (k *kindOf) uneven(t testing.TB, counts [][2]int) []byte {
	t.Helper()
	var file bytes.Buffer
	w := parquet.NewWriter(&file, parquet.NewSchema("x", k.node(true)))
	for _, n := range counts {
		var row parquet.Row
		for column := range 2 {
			value := parquet.ByteArrayValue([]byte("v"))
			if n[column] == 0 {
				row = append(row, parquet.NullValue().Level(0, 1, column))
			}
			for i := range n[column] {
				row = append(row, value.Level(min(i, 1), 2+column, column))
			}
		}
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// duckDBLists is what lists.csv holds, as it is read from the files beside it.
func duckDBLists(t testing.TB) (fields, csv *Schema) {
	t.Helper()
	fields = wanting(t, "tags[0]", "tags[3]", "tags:count", "rcpt[0].email", "rcpt[1].email", "rcpt[1].cc[1]", "rcpt[0].cc:count", "mail.tags.account[0]",
		"attrs.account", "attrs.no", "marks.account[1]", "marks.account:count", "deep[1][2]:integer", "counts.7:integer", "who.boss.name")
	csv = &Schema{Source: "x"}
	for i := range fields.Fields {
		f := &fields.Fields[i]
		if f.Name, f.Optional = f.Path.Text, false; f.Count {
			f.Name += " count"
		}
		csv.Fields = append(csv.Fields, Field{Name: f.Name, Kind: f.Kind})
	}
	return fields, csv
}

// TestDuckDBLists: elements of the lists and values of the maps of files that
// DuckDB wrote with several settings.
func TestDuckDBLists(t *testing.T) {
	read := func(name string, schema *Schema) []string {
		t.Helper()
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := readFrom(bucketOf(t, filepath.Base(name), data), filepath.Base(name), int64(len(data)), schema, calendar.Zone{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return rows
	}
	fields, csv := duckDBLists(t)
	want := read("testdata/duckdb/lists.csv", csv)
	if len(want) != 300 {
		t.Fatalf("the CSV has %d rows", len(want))
	}
	files, err := filepath.Glob("testdata/duckdb/lists-*.parquet")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) { equalRows(t, read(name, fields), want) })
	}
}
