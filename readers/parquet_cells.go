package readers

import "github.com/parquet-go/parquet-go/format"

// plainDictionary is what writers of Parquet 1 call both the encoding of a
// dictionary, which is PLAIN, and that of indexes into it, RLE_DICTIONARY.
// (parquet-go's constant for it is marked deprecated; the files are there.)
const plainDictionary format.Encoding = 2

func isDictionary(e format.Encoding) bool {
	return e == format.RLEDictionary || e == plainDictionary
}

var boolText = [2][]byte{[]byte("false"), []byte("true")}

// convert gives the decoded values of a page or dictionary the meaning of
// their column, as cells of the field's Kind. Which pairs can come was
// settled when the file was opened, see readable.
func (c *columnCursor) convert(to *cells) {
	switch c.leaf.meaning {
	case text, bytesOrText:
		c.convertTexts(to)
	case signed, unsigned:
		c.convertIntegers(to)
	case decimal:
		c.convertDecimals(to)
	case float:
		c.convertFloats(to)
	case onInstant, onWall:
		c.convertTimes(to)
	case legacyInstant:
		c.convertLegacy(to)
	case onDay:
		c.convertDays(to)
	case uuid, fixedBytes:
		c.convertFixed(to)
	case boolean:
		for i, v := range c.raw.bools {
			to.setText(i, boolText[v], c.parser)
		}
	case nothing:
		to.missAll()
	}
}

// convertTexts: 16 bytes that nobody calls text are an id's 128 bits.
func (c *columnCursor) convertTexts(to *cells) {
	if c.texts != nil {
		c.convertRichTexts(to)
		return
	}
	if to.kind == Text {
		to.setTexts(c.raw.spans, c.raw.bytes)
		return
	}
	for i, s := range c.raw.spans {
		b := c.raw.bytes[s.from:s.to]
		if c.isID(to, b) {
			to.setID(i, [16]byte(b), nil)
			continue
		}
		to.setText(i, b, c.parser)
	}
}

func (c *columnCursor) isID(to *cells, b []byte) bool {
	return c.leaf.meaning == bytesOrText && to.kind == EventID && len(b) == 16
}

// convertRichTexts reads texts as the cells of a CSV are read: some are said
// to be absent, and JSON has elements to count and members to find.
func (c *columnCursor) convertRichTexts(to *cells) {
	columns := []cells{*to}
	for i, s := range c.raw.spans {
		b := c.raw.bytes[s.from:s.to]
		c.texts.begin(columns, i, c.parser)
		switch {
		case c.wants != nil:
			if len(b) > 0 && !c.texts.absent.has(b) {
				c.texts.inside(0, b, c.wants)
			}
			c.texts.missIfNotThere(0)
		case c.isID(to, b):
			columns[0].setID(i, [16]byte(b), nil)
		default:
			c.texts.setText(&columns[0], b)
		}
	}
	*to = columns[0]
}

func (c *columnCursor) convertFixed(to *cells) {
	width := c.leaf.width
	if to.kind == EventID && width == 16 && !to.field.Texts {
		fixed := c.raw.fixed
		for i := range to.IDs {
			to.IDs[i] = [16]byte(fixed)
			fixed = fixed[16:]
		}
		return
	}
	for i := range to.n {
		v := c.raw.fixed[i*width : (i+1)*width]
		switch {
		case to.kind == EventID && width == 16:
			to.setID(i, [16]byte(v), nil)
		case to.kind == EventID: // text of a fixed length
			to.setText(i, v, c.parser)
		default:
			c.scratch = appendUUID(c.scratch[:0], v)
			to.setText(i, c.scratch, c.parser)
		}
	}
}
