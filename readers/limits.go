package readers

// What a file may ask of memory before it is believed. The sizes in it are
// claims; one above its limit is refused before anything is allocated for it.
const (
	readSize = 1 << 20 // bytes asked of the store at a time

	maxFooter = 64 << 20 // bytes of a Parquet footer
	// maxFooterItems is the most list elements in a Parquet footer. Decoded,
	// one may take a hundred times the byte that it needs in the file.
	maxFooterItems = 1 << 21
	tailSize       = 64 << 10 // bytes read at the end of a Parquet file at first; most footers fit

	maxPage     = 256 << 20 // bytes of a page, compressed or not, and of a dictionary
	maxPageRows = 1 << 23   // writers cut at 20 000 rows or at a MiB; a constant column may be longer

	maxRecord  = 16 << 20 // bytes of a CSV record, a line of NDJSON or a record of JSON: beyond it a quote was not closed
	maxColumns = 1 << 12  // columns that are told of JSON

	maxArrowMeta   = 64 << 20 // bytes of an Arrow footer, and of what says how a batch lies
	maxArrowBody   = 1 << 30  // bytes of an Arrow batch, packed or not
	maxArrowRows   = 1 << 26  // of a batch
	maxArrowFields = 1 << 16  // columns of a file, with those inside of others
	maxArrowBatch  = 1 << 20  // batches and dictionaries of a file

	packedSize = 256 << 10 // bytes of a compressed text handed on at a time
	maxWindow  = 128 << 20 // bytes that a zstd frame may look back, what zstd itself allows by default
)
