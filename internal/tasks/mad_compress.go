package tasks

import (
	"sync"

	"dsconv/internal/rng"
)

// madCompress is MAD's compression: the whole sequence is decoded from the vector at
// its end. With L positions:
//
//	tokens   d1 d2 d3 .. compress
//	targets  d1 d2 d3 .. compress
//
// The last token of the vocabulary is compress; the data are uniform among the others.
type madCompress struct {
	base
	pool sync.Pool // of *rng.Source
}

func newMADCompress(b base) *madCompress {
	return &madCompress{base: b, pool: sync.Pool{New: func() any { return new(rng.Source) }}}
}

func (m *madCompress) Example(split Split, index uint64, tokens, targets []int32) {
	src := m.pool.Get().(*rng.Source)
	defer m.pool.Put(src)
	m.stream(src, split, index)
	for i := range tokens {
		tokens[i] = int32(src.IntN(m.vocab - 1))
	}
	tokens[m.seqLen-1] = int32(m.vocab - 1)
	copy(targets, tokens)
}
