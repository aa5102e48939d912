package tasks

import (
	"sync"

	"dsconv/internal/config"
	"dsconv/internal/rng"
)

// madRecall is MAD's in-context recall, and noisy recall, which puts noise between.
// With L positions:
//
//	tokens           k3 v7 k1 v2 x  x  k3 v7 k2 v2 .. k1 v2
//	targets, train   v7 k1 v2 x  x  k3 v7 k2 v2 ..    v2 .
//	targets, test    .  .  .  .  .  .  v7 .  .  ..    v2 .
//
// Of vocab less noise tokens the first half are keys, the rest values; the noise
// tokens come last. L/2-1 slots hold a key, drawn uniformly and with replacement, and
// its value: drawn uniformly when the key first occurs, and the same from then on (two
// keys may share a value). The final pair asks for a key uniform among those shown. In
// noisy recall every slot but one, drawn uniformly, is two uniform noise tokens with
// probability task.noise_fraction. When testing, a label stands under every key that
// has been shown before.
type madRecall struct {
	base
	keys, values, noise int
	fraction            float64
	pool                sync.Pool
}

type madRecallScratch struct {
	src   rng.Source
	value []int32 // of each key; -1 before it occurs
	shown []int32 // keys, in the order in which they first occurred
}

func newMADRecall(b base, c config.Task) *madRecall {
	m := &madRecall{base: b}
	if c.Kind == "mad-noisy" {
		m.noise, m.fraction = c.NoiseTokens, c.NoiseFraction
	}
	usable := c.Vocab - m.noise
	m.keys = usable / 2
	m.values = usable - m.keys
	m.pool.New = func() any { return &madRecallScratch{value: make([]int32, m.keys)} }
	return m
}

func (m *madRecall) Example(split Split, index uint64, tokens, targets []int32) {
	m.generate(split, index, tokens, targets, nil)
}

func (m *madRecall) annotate(split Split, index uint64, tokens, targets []int32, parts []string) string {
	m.generate(split, index, tokens, targets, parts)
	return "k: a key; v: its value; k?: a key shown before; x: noise; in training each label is the next token"
}

func (m *madRecall) generate(split Split, index uint64, tokens, targets []int32, parts []string) {
	s := m.pool.Get().(*madRecallScratch)
	defer m.pool.Put(s)
	src := &s.src
	m.stream(src, split, index)
	for i := range s.value {
		s.value[i] = -1
	}
	s.shown = s.shown[:0]
	unlabel(targets)
	slots := m.seqLen/2 - 1
	sure := src.IntN(slots)
	for slot := range slots + 1 {
		at := 2 * slot
		if slot < slots && slot != sure && m.fraction > 0 && src.Float64() < m.fraction {
			first := m.keys + m.values
			tokens[at], tokens[at+1] = int32(first+src.IntN(m.noise)), int32(first+src.IntN(m.noise))
			name(parts, at, "x", "x")
			continue
		}
		var key int32
		if slot < slots {
			key = int32(src.IntN(m.keys))
		} else {
			key = s.shown[src.IntN(len(s.shown))]
		}
		if s.value[key] < 0 {
			s.value[key] = int32(m.keys + src.IntN(m.values))
			s.shown = append(s.shown, key)
			name(parts, at, "k", "v")
		} else {
			targets[at] = s.value[key]
			name(parts, at, "k?", "v")
		}
		tokens[at], tokens[at+1] = key, s.value[key]
	}
	if split == Train {
		nextTokens(tokens, targets)
	}
}

// name names the parts from position at on, where parts are asked for.
func name(parts []string, at int, names ...string) {
	if parts != nil {
		copy(parts[at:], names)
	}
}
