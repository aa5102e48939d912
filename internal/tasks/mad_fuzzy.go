package tasks

import (
	"slices"
	"sync"

	"dsconv/internal/config"
	"dsconv/internal/rng"
)

// madFuzzy is MAD's fuzzy recall: keys and values are motifs of several tokens. A
// sequence of L+1 tokens, for instance
//
//	sequence         pad pad a b p q | c r | a p | .. | a b p q
//	targets, train   every next token
//	targets, test    .   .   . . . . . . . . . . .  . . p q
//
// is shifted by one. The last token of the vocabulary is pad; of the others the first
// half are key tokens, the rest value tokens. A motif is an ordered choice of
// different tokens. Its length is uniform: 1..task.value_max for values, and
// 1..task.key_max for keys in training; when testing, all keys have task.key_max
// tokens. A key keeps its value within a sequence, and a length comes first, so short
// motifs are as frequent as long ones.
//
// A probe, a key and its value, is drawn first. Pairs are appended as long as there
// are fewer than L - |probe| - (key_max+value_max) tokens; as soon as there are as
// many as an offset, drawn uniformly, the probe is put in, unless its key has come up
// by itself. The probe again ends the sequence, and pads fill it up from the left. When
// testing, labels stand over the value tokens of keys shown before, and of the probe.
type madFuzzy struct {
	base
	keyTokens, valueTokens int
	keyMax, valueMax       int
	pool                   sync.Pool
}

type madFuzzyScratch struct {
	src          rng.Source
	keys, values *deck
	key, value   [8]int32
	sequence     []int32
	labelled     []bool
	shown        []motifs
}

// motifs is a pair in a sequence.
type motifs struct{ at, key, value int }

func newMADFuzzy(b base, c config.Task) *madFuzzy {
	m := &madFuzzy{base: b, keyMax: c.KeyMax, valueMax: c.ValueMax}
	m.keyTokens = (c.Vocab - 1) / 2
	m.valueTokens = c.Vocab - 1 - m.keyTokens
	m.pool.New = func() any {
		return &madFuzzyScratch{keys: newDeck(m.keyTokens), values: newDeck(m.valueTokens)}
	}
	return m
}

func (m *madFuzzy) Example(split Split, index uint64, tokens, targets []int32) {
	s := m.pool.Get().(*madFuzzyScratch)
	defer m.pool.Put(s)
	m.generate(s, split, index, tokens, targets)
}

func (m *madFuzzy) annotate(split Split, index uint64, tokens, targets []int32, parts []string) string {
	s := m.pool.Get().(*madFuzzyScratch)
	defer m.pool.Put(s)
	m.generate(s, split, index, tokens, targets)
	pads := m.seqLen + 1 - len(s.sequence)
	for i := range parts {
		switch {
		case i < pads:
			parts[i] = "pad"
		case s.labelled[i-pads]:
			parts[i] = "v?"
		case int(tokens[i]) < m.keyTokens:
			parts[i] = "k"
		default:
			parts[i] = "v"
		}
	}
	return "k: token of a key; v: of a value; v?: of a value that was shown before; in training each label is the next token"
}

func (m *madFuzzy) generate(s *madFuzzyScratch, split Split, index uint64, tokens, targets []int32) {
	src := &s.src
	m.stream(src, split, index)
	s.sequence, s.labelled, s.shown = s.sequence[:0], s.labelled[:0], s.shown[:0]

	var probeKey, probeValue [8]int32
	key := probeKey[:copy(probeKey[:], m.drawKey(s, split))]
	value := probeValue[:copy(probeValue[:], m.drawValue(s))]
	probe, most := len(key)+len(value), m.keyMax+m.valueMax
	offset, added := src.IntN(m.seqLen-probe-2*most+1), false
	for len(s.sequence) < m.seqLen-probe-most {
		k, v := key, value
		if added || len(s.sequence) < offset {
			k, v = m.drawKey(s, split), m.drawValue(s)
		}
		if slices.Equal(k, key) {
			v, added = value, true
		}
		m.append(s, k, v)
	}
	m.append(s, key, value)

	pads := m.seqLen + 1 - len(s.sequence)
	at := func(i int) int32 {
		if i < pads {
			return int32(m.vocab - 1)
		}
		return s.sequence[i-pads]
	}
	for i := range tokens {
		tokens[i], targets[i] = at(i), at(i+1)
		if split != Train && (i+1 < pads || !s.labelled[i+1-pads]) {
			targets[i] = Ignore
		}
	}
}

// append appends a key and its value, the one shown before if there is one.
func (m *madFuzzy) append(s *madFuzzyScratch, key, value []int32) {
	known := false
	for _, p := range s.shown {
		if slices.Equal(s.sequence[p.at:p.at+p.key], key) {
			value, known = s.sequence[p.at+p.key:p.at+p.key+p.value], true
			break
		}
	}
	if !known {
		s.shown = append(s.shown, motifs{len(s.sequence), len(key), len(value)})
	}
	for _, x := range key {
		s.sequence, s.labelled = append(s.sequence, x), append(s.labelled, false)
	}
	for _, x := range value {
		s.sequence, s.labelled = append(s.sequence, x), append(s.labelled, known)
	}
}

func (m *madFuzzy) drawKey(s *madFuzzyScratch, split Split) []int32 {
	length := m.keyMax
	if split == Train {
		length = 1 + s.src.IntN(m.keyMax)
	}
	s.keys.deal(&s.src, 0, s.key[:length])
	return s.key[:length]
}

func (m *madFuzzy) drawValue(s *madFuzzyScratch) []int32 {
	length := 1 + s.src.IntN(m.valueMax)
	s.values.deal(&s.src, int32(m.keyTokens), s.value[:length])
	return s.value[:length]
}
