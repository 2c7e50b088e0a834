package pipeline

import (
	"errors"
	"hash/maphash"
	"strings"
	"sync"
)

// names is a growing list of distinct names with what is known of each, found
// by its index. It is shared by all workers, who ask it by the dictionary, not
// by the row. Indexes depend on who asked first: nothing published may depend
// on them.
//
// A name costs its hash and three looks at memory that no cache holds: at its
// slot, at where it stands and at the name itself. A dictionary's names are
// asked for together, so that none waits for the one before, nor for a lock.
type names[T any] struct {
	mu    sync.RWMutex
	slots []uint64 // hash << 32 | index + 1; 0 where free. A power of two, half of them free
	keys  []string
	list  []T
	room  strings.Builder // of the bytes of keys to come
	limit int             // most entries that fit the key of a record
}

// seed is of the hashes of names, which nothing published depends on.
var seed = maphash.MakeSeed()

func newNames[T any](limit int) *names[T] {
	return &names[T]{slots: make([]uint64, 1<<10), limit: limit}
}

// of is the index of a name; what is known of a new one is asked of describe.
func (n *names[T]) of(name string, describe func(name string) T) (uint32, error) {
	var index [1]uint32
	err := n.ofAll(index[:], []string{name}, describe)
	return index[0], err
}

// namesAtOnce is how many names are looked up while the list is locked.
const namesAtOnce = 256

// ofAll sets indexes to those of names, and names to the list's own copies of
// them: what they were cut out of, a dictionary of a million texts maybe, need
// not stay.
func (n *names[T]) ofAll(indexes []uint32, names []string, describe func(name string) T) error {
	var hashes [namesAtOnce]uint32
	for len(names) > 0 {
		some := names[:min(len(names), namesAtOnce)]
		for i, name := range some {
			hashes[i] = hashName(name)
		}
		if !n.findAll(indexes, some, &hashes) {
			if err := n.addAll(indexes, some, &hashes, describe); err != nil {
				return err
			}
		}
		names, indexes = names[len(some):], indexes[len(some):]
	}
	return nil
}

func hashName(name string) uint32 { return uint32(maphash.String(seed, name) >> 32) }

// findAll sets indexes to those of names, and names to the list's, and is false
// if one of them is not there; its index is then unnamed.
func (n *names[T]) findAll(indexes []uint32, names []string, hashes *[namesAtOnce]uint32) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for i := range names { // the first slot of each is asked for before any is looked at
		indexes[i] = uint32(n.slots[int(hashes[i])&(len(n.slots)-1)])
	}
	all := true
	for i, name := range names {
		if at := indexes[i] - 1; at != unnamed && n.keys[at] == name {
			indexes[i], names[i] = at, n.keys[at]
			continue
		}
		if indexes[i] = n.find1(name, hashes[i]); indexes[i] == unnamed {
			all = false
			continue
		}
		names[i] = n.keys[indexes[i]]
	}
	return all
}

// unnamed is no index: there are fewer.
const unnamed = 1<<32 - 1

// find1 is the index of a name, under the lock.
func (n *names[T]) find1(name string, hash uint32) uint32 {
	for at := int(hash); ; at++ {
		slot := n.slots[at&(len(n.slots)-1)]
		if slot == 0 {
			return unnamed
		}
		if index := uint32(slot) - 1; uint32(slot>>32) == hash && n.keys[index] == name {
			return index
		}
	}
}

// addAll adds those of names that are not there.
func (n *names[T]) addAll(indexes []uint32, names []string, hashes *[namesAtOnce]uint32, describe func(name string) T) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, name := range names {
		if indexes[i] != unnamed {
			continue
		}
		if indexes[i] = n.find1(name, hashes[i]); indexes[i] != unnamed { // another worker was faster, or it is here twice
			names[i] = n.keys[indexes[i]]
			continue
		}
		if len(n.list) >= n.limit {
			return errTooManyNames
		}
		n.grow()
		name = n.keep(name)
		indexes[i], names[i] = uint32(len(n.list)), name
		n.put(uint64(hashes[i])<<32 | uint64(len(n.list)+1))
		n.keys, n.list = append(n.keys, name), append(n.list, describe(name))
	}
	return nil
}

// nameBlock is the bytes of names that are allocated together.
const nameBlock = 16 << 10

// keep is a copy of a name: what was asked for may be a piece of something larger.
func (n *names[T]) keep(name string) string {
	if n.room.Cap()-n.room.Len() < len(name) {
		n.room = strings.Builder{}
		n.room.Grow(max(nameBlock, len(name)))
	}
	from := n.room.Len()
	n.room.WriteString(name)
	return n.room.String()[from:]
}

// grow makes room for one more.
func (n *names[T]) grow() {
	if len(n.list) < len(n.slots)/2 {
		return
	}
	old := n.slots
	n.slots = make([]uint64, 2*len(old))
	for _, slot := range old {
		if slot != 0 {
			n.put(slot)
		}
	}
}

// put puts a slot where it is found.
func (n *names[T]) put(slot uint64) {
	at := int(slot >> 32)
	for n.slots[at&(len(n.slots)-1)] != 0 {
		at++
	}
	n.slots[at&(len(n.slots)-1)] = slot
}

// find is the index of a name that may not be there.
func (n *names[T]) find(name string) (uint32, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	i := n.find1(name, hashName(name))
	return i, i != unnamed
}

// indexOf is the index of a name, or unnamed, once no worker adds any more.
func (n *names[T]) indexOf(name string) uint32 { return n.find1(name, hashName(name)) }

// name is the name of an index, once no worker adds any more.
func (n *names[T]) name(index uint32) string { return n.keys[index] }

// all is the list by index, once no worker adds to it any more.
func (n *names[T]) all() []T { return n.list }

var errTooManyNames = errors.New("more accounts or dimension values than one run can hold")
