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

	maxRecord = 16 << 20 // bytes of a CSV record or a line of NDJSON: beyond it a quote was not closed

	packedSize = 256 << 10 // bytes of a compressed text handed on at a time
	maxWindow  = 128 << 20 // bytes that a zstd frame may look back, what zstd itself allows by default
)
