package readers

import "crypto/sha256"

// keyDomain keeps the hashes of event ids apart from any other use of SHA-256.
const keyDomain = "ratemill event id\x00"

// Key is the 128 bits by which duplicates of an event are known. A UUID in its
// canonical form (8-4-4-4-12 hex digits, in either case) is its own 128 bits,
// so that it equals the same UUID in a binary column. Any other text is the
// first 128 bits of its SHA-256, behind a prefix of our own: a billion events
// meet by accident with a chance of about 10^-21.
func Key(text []byte) [16]byte {
	if id, ok := parseUUID(text); ok {
		return id
	}
	var room [128]byte // most ids fit, and stay off the heap
	sum := sha256.Sum256(append(append(room[:0], keyDomain...), text...))
	return [16]byte(sum[:16])
}

// idText is an id as it is written: a UUID, in text or binary, in its canonical
// form in lower case. An absent one has none.
func idText(id [16]byte, text []byte) string {
	uuid, isUUID := parseUUID(text)
	switch {
	case isUUID:
		return string(appendUUID(nil, uuid[:]))
	case len(text) == 0 && id != [16]byte{}:
		return string(appendUUID(nil, id[:]))
	}
	return string(text)
}

const notHex = 0xff

// hexDigit is the value of an ASCII hex digit, or notHex.
var hexDigit = func() (t [256]byte) {
	for i := range t {
		t[i] = notHex
	}
	for i := range 10 {
		t['0'+i] = byte(i)
	}
	for i := range 6 {
		t['a'+i], t['A'+i] = byte(10+i), byte(10+i)
	}
	return t
}()

// uuidAt is where the two digits of each byte of a UUID stand in its text.
var uuidAt = [16]uint8{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

func parseUUID(text []byte) (id [16]byte, ok bool) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	bad := byte(0)
	for i, at := range uuidAt {
		high, low := hexDigit[text[at]], hexDigit[text[at+1]]
		bad |= high | low
		id[i] = high<<4 | low&0xf
	}
	if bad > 0xf { // a digit was notHex
		return [16]byte{}, false
	}
	return id, true
}

// appendUUID appends the canonical text of a UUID, in lower case.
func appendUUID(to, id []byte) []byte {
	const digits = "0123456789abcdef"
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			to = append(to, '-')
		}
		to = append(to, digits[b>>4], digits[b&0xf])
	}
	return to
}
