package pipeline

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
)

// combination is a usage source with one set of its dimension values.
type combination struct {
	source int
	values []string
	by     []string // those that prices depend on, in the order of the meter
	hash   uint64
}

// account is the index in this run of an account id that some row or the state
// names.
func (n *night) account(id string) (uint32, error) {
	return n.accounts.of(id, accountHash)
}

// knows tells whether an account can be billed tonight: it is in the state, or
// signs up.
func (n *night) knows(id string) bool {
	i, found := n.accounts.find(id)
	return found && n.known[i]
}

// accountHash is the first 64 bits of SHA-256(id): the order of accounts in
// every table, whatever the number of buckets.
func accountHash(id string) uint64 {
	var room [64]byte // most ids fit, so that a hash allocates nothing
	sum := sha256.Sum256(append(room[:0], id...))
	return binary.BigEndian.Uint64(sum[:8])
}

// combinationOf is the index of a source's dimension values in this run.
func (n *night) combinationOf(source int, values []string) (uint32, error) {
	b := strconv.AppendInt(nil, int64(source), 10)
	s := &n.sources[source]
	h := combinationHash(s.name)
	for i, v := range values {
		b = strconv.AppendInt(append(b, 0), int64(len(v)), 10)
		b = append(append(b, ':'), v...)
		h = hashDimension(h, s.schema.Fields[s.dimensions[i]].Name, v)
	}
	return n.combinations.of(string(b), func(string) combination { return combination{source, values, s.byMeter(values), h} })
}

// byMeter are a group's dimension values in the order of the source's meter.
func (s *source) byMeter(values []string) []string {
	if s.meter == nil {
		return nil
	}
	var by []string
	for _, column := range s.meter.By {
		by = append(by, values[slices.Index(s.dimensions, s.schema.Field(column))])
	}
	return by
}

// combinationHash begins the hash of a source's dimension values. It stands in
// the event_ids table, so it depends on names alone, not on which sources a
// night has.
func combinationHash(source string) uint64 { return hashText(0, source) }

// hashDimension mixes a dimension into the hash. An empty one changes nothing,
// so that a source can get a further column.
func hashDimension(h uint64, name, value string) uint64 {
	if value == "" {
		return h
	}
	return hashText(hashText(h, name), value)
}

// bucket is the bucket of an account: the top bits of its hash, so that
// buckets in order give accounts in order.
func (n *night) bucket(hash uint64) int { return int(hash >> (64 - n.bucketBits)) }
