package tasks

import (
	"sync"

	"dsconv/internal/config"
	"dsconv/internal/rng"
)

// madMemorize is MAD's memorization: a fixed map that the weights must hold. With L
// positions:
//
//	tokens   k3 ins k1 ins k3 ins ..
//	targets  .  v3  .  v1  .  v3  ..
//
// The last token of the vocabulary is ins; of the others the first half are keys, the
// rest values. The map from keys to different values is the same for every seed and
// split; keys are uniform. Values never occur in the input.
type madMemorize struct {
	base
	value []int32   // of each key
	pool  sync.Pool // of *rng.Source
}

// madMapSeed draws the map. The benchmark uses this number too, with another generator.
const madMapSeed = 12345

func newMADMemorize(b base, c config.Task) *madMemorize {
	m := &madMemorize{base: b}
	keys := (c.Vocab - 1) / 2
	m.value = make([]int32, keys)
	newDeck(c.Vocab-1-keys).deal(rng.New(madMapSeed, b.label), int32(keys), m.value)
	m.pool.New = func() any { return new(rng.Source) }
	return m
}

func (m *madMemorize) Example(split Split, index uint64, tokens, targets []int32) {
	src := m.pool.Get().(*rng.Source)
	defer m.pool.Put(src)
	m.stream(src, split, index)
	for at := 0; at < m.seqLen; at += 2 {
		key := int32(src.IntN(len(m.value)))
		tokens[at], tokens[at+1] = key, int32(m.vocab-1)
		targets[at], targets[at+1] = Ignore, m.value[key]
	}
}

func (m *madMemorize) annotate(split Split, index uint64, tokens, targets []int32, parts []string) string {
	m.Example(split, index, tokens, targets)
	for at := 0; at < m.seqLen; at += 2 {
		name(parts, at, "k", "ins")
	}
	return "k: a key; ins: where the value that belongs to the key is asked for"
}
