package pipeline

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
)

// account is an account id that some row or the state names.
type account struct {
	id   string
	hash uint64 // first 64 bits of SHA-256(id): the order of every table
}

// combination is a usage source with one set of its dimension values.
type combination struct {
	source int
	values []string
	hash   uint64
}

// account is the index of an account id in this run.
func (n *night) account(id string) (uint32, error) {
	return n.accounts.of(id, func() account { return account{id, accountHash(id)} })
}

// knows tells whether an account can be billed tonight: it is in the state, or
// signs up.
func (n *night) knows(id string) bool {
	i, found := n.accounts.find(id)
	return found && i < n.known
}

// accountHash orders accounts in every table, whatever the number of buckets.
func accountHash(id string) uint64 {
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(sum[:8])
}

// combinationOf is the index of a source's dimension values in this run.
func (n *night) combinationOf(source int, values []string) (uint32, error) {
	b := strconv.AppendInt(nil, int64(source), 10)
	h := combinationHash(source)
	for _, v := range values {
		b = strconv.AppendInt(append(b, 0), int64(len(v)), 10)
		b = append(append(b, ':'), v...)
		h = hashText(h, v)
	}
	return n.combinations.of(string(b), func() combination { return combination{source, values, h} })
}

// combinationHash begins the hash of a source's dimension values.
func combinationHash(source int) uint64 { return mix(uint64(source) + 1) }

// bucket is the bucket of an account: the top bits of its hash, so that
// buckets in order give accounts in order.
func (n *night) bucket(hash uint64) int { return int(hash >> (64 - n.bucketBits)) }
