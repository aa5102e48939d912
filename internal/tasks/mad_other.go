package tasks

import (
	"sync"

	"dsconv/internal/config"
	"dsconv/internal/rng"
)

// madCopy is MAD's selective copying. With L positions and n tokens to copy:
//
//	tokens   - d1 - - d2 - d3 copy - - -
//	targets  .  . . .  . .  .    . d1 d2 d3
//
// The last token of the vocabulary is copy, the one before it blank (-), the others
// are data. Each of L-2n-1 blanks stands before one of the n data tokens, drawn
// uniformly, so that the last one always touches copy; n blanks follow it.
type madCopy struct {
	base
	n    int
	pool sync.Pool
}

type madCopyScratch struct {
	src    rng.Source
	blanks []int32 // before each data token
}

func newMADCopy(b base, c config.Task) *madCopy {
	m := &madCopy{base: b, n: c.CopyTokens}
	m.pool.New = func() any { return &madCopyScratch{blanks: make([]int32, m.n)} }
	return m
}

func (m *madCopy) MaxLabels() int { return m.n }

func (m *madCopy) Example(split Split, index uint64, tokens, targets []int32) {
	s := m.pool.Get().(*madCopyScratch)
	defer m.pool.Put(s)
	m.stream(&s.src, split, index)
	unlabel(targets)
	for i := range s.blanks {
		s.blanks[i] = 0
	}
	for range m.seqLen - 2*m.n - 1 {
		s.blanks[s.src.IntN(m.n)]++
	}
	for i := range tokens {
		tokens[i] = int32(m.vocab - 2)
	}
	at := 0
	for i, blanks := range s.blanks {
		at += int(blanks)
		tokens[at] = int32(s.src.IntN(m.vocab - 2))
		targets[m.seqLen-m.n+i] = tokens[at]
		at++
	}
	tokens[at] = int32(m.vocab - 1)
}

func (m *madCopy) annotate(split Split, index uint64, tokens, targets []int32, parts []string) string {
	m.Example(split, index, tokens, targets)
	for i, x := range tokens {
		switch int(x) {
		case m.vocab - 1:
			parts[i] = "copy"
		case m.vocab - 2:
			parts[i] = "-"
		default:
			parts[i] = "d"
		}
	}
	return "d: data; -: blank; copy: from here on the data are asked for, in order"
}

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

func (m *madMemorize) MaxLabels() int { return m.seqLen / 2 }

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
