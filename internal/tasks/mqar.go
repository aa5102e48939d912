package tasks

import (
	"fmt"
	"sync"

	"dsconv/internal/config"
	"dsconv/internal/rng"
)

// mqar is multi-query associative recall as Zoology defines it (HazyResearch/zoology,
// multiquery_ar.py at d88d6f5). With n pairs and T positions:
//
//	tokens   k1 v1 k2 v2 .. kn vn | x  k2 x  x  k1 x  ..
//	targets   .  .  .  ..       . | .  v2 .  .  v1 .  ..
//
// Keys are different tokens of [1, V/2), values different tokens of [V/2, V). The T-2n
// positions after the pairs are slots of two; key j stands at the start of a slot
// drawn without replacement with probability proportional to (slot+1)^(power-1). The
// label is the key's value, where the key occurs again. What is left is filled with
// uniform tokens of the whole vocabulary, or with 0.
//
// Zoology also asks for V > T. Nothing depends on that, so it is no rule here.
type mqar struct {
	base
	pairs   int
	random  bool
	weights []uint64 // of the slots
	pool    sync.Pool
}

type mqarScratch struct {
	src          rng.Source
	keys, values *deck
	slots        *urn
	key, value   []int32
}

func newMQAR(b base, c config.Task) *mqar {
	m := &mqar{base: b, pairs: c.Pairs, random: c.Filler == "random"}
	m.weights = powerWeights((c.SeqLen-2*c.Pairs)/2, c.Power-1)
	half := c.Vocab / 2
	m.pool.New = func() any {
		return &mqarScratch{
			keys: newDeck(half - 1), values: newDeck(c.Vocab - half), slots: newUrn(m.weights),
			key: make([]int32, c.Pairs), value: make([]int32, c.Pairs),
		}
	}
	return m
}

func (m *mqar) Example(split Split, index uint64, tokens, targets []int32) {
	m.generate(split, index, tokens, targets, nil)
}

func (m *mqar) generate(split Split, index uint64, tokens, targets []int32, parts []string) {
	s := m.pool.Get().(*mqarScratch)
	defer m.pool.Put(s)
	m.stream(&s.src, split, index)
	unlabel(targets)
	for i := range tokens {
		tokens[i] = 0
		if m.random {
			tokens[i] = int32(s.src.IntN(m.vocab))
		}
	}
	half := int32(m.vocab / 2)
	s.keys.deal(&s.src, 1, s.key)
	s.values.deal(&s.src, half, s.value)
	s.slots.refill()
	for j := range m.pairs {
		at := 2*m.pairs + 2*s.slots.draw(&s.src)
		tokens[2*j], tokens[2*j+1] = s.key[j], s.value[j]
		tokens[at], targets[at] = s.key[j], s.value[j]
		if parts != nil {
			parts[2*j], parts[2*j+1] = fmt.Sprintf("k%d", j+1), fmt.Sprintf("v%d", j+1)
			parts[at] = fmt.Sprintf("k%d?", j+1)
		}
	}
}

func (m *mqar) annotate(split Split, index uint64, tokens, targets []int32, parts []string) string {
	m.generate(split, index, tokens, targets, parts)
	return "k1 v1: a key and its value; k1?: the key again, labelled with its value; blank: filler"
}
