package tasks

import (
	"fmt"
	"math"

	"dsconv/internal/config"
	"dsconv/internal/rng"
)

// mqar is multi-query associative recall as Zoology defines it (HazyResearch/zoology,
// multiquery_ar.py at d88d6f5; fact sheet §3.2). With n pairs and T positions:
//
//	tokens   k1 v1 k2 v2 .. kn vn | x  k2 x  x  k1 x  ..
//	targets   .  .  .  ..       . | .  v2 .  .  v1 .  ..
//
// Keys are distinct, from [1, V/2); values are distinct, from [V/2, V). The T-2n
// positions after the pairs form slots of two; key j stands at the start of a slot
// drawn without replacement with probability proportional to (slot+1)^(power-1). The
// label is the key's value, at the key's second occurrence. The rest is filled with
// uniform tokens of the whole vocabulary, or with 0.
type mqar struct {
	vocab, pairs, seqLen int
	random               bool
	weights              []float64
	seed                 uint64
}

func newMQAR(c config.Task, seed int64) (Task, error) {
	m := &mqar{vocab: c.Vocab, pairs: c.Pairs, seqLen: c.SeqLen, random: c.Filler != "blank", seed: uint64(seed)}
	if c.Pairs < 1 || 4*c.Pairs > c.SeqLen || c.SeqLen%2 != 0 {
		return nil, fmt.Errorf("tasks: mqar: task.seq_len %d must be even and at least 4 times task.pairs %d", c.SeqLen, c.Pairs)
	}
	if c.Vocab/2-1 < c.Pairs {
		return nil, fmt.Errorf("tasks: mqar: task.vocab %d has %d keys, task.pairs needs %d", c.Vocab, c.Vocab/2-1, c.Pairs)
	}
	for g := range (c.SeqLen - 2*c.Pairs) / 2 {
		m.weights = append(m.weights, math.Pow(float64(g+1), c.Power-1))
	}
	return m, nil
}

func (m *mqar) Name() string   { return "mqar" }
func (m *mqar) Vocab() int     { return m.vocab }
func (m *mqar) SeqLen() int    { return m.seqLen }
func (m *mqar) MaxLabels() int { return m.pairs }

func (m *mqar) Example(split Split, index uint64, tokens, targets []int32) {
	src := rng.New(m.seed, rng.Label("mqar"), uint64(split), index)
	for i := range targets {
		targets[i] = Ignore
		tokens[i] = 0
		if m.random {
			tokens[i] = int32(src.IntN(m.vocab))
		}
	}
	half := m.vocab / 2
	keys := distinct(src, m.pairs, 1, half)
	values := distinct(src, m.pairs, half, m.vocab)
	left := append([]float64(nil), m.weights...)
	for j := range keys {
		tokens[2*j], tokens[2*j+1] = keys[j], values[j]
		at := 2*m.pairs + 2*drawWeighted(src, left)
		tokens[at], targets[at] = keys[j], values[j]
	}
}

// distinct draws n different numbers from [lo, hi).
func distinct(src *rng.Source, n, lo, hi int) []int32 {
	out := make([]int32, 0, n)
	seen := make(map[int32]bool, n)
	for len(out) < n {
		if v := int32(lo + src.IntN(hi-lo)); !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// drawWeighted draws an index with probability proportional to its weight, and sets
// the weight to 0.
func drawWeighted(src *rng.Source, weights []float64) int {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	x := src.Float64() * total
	last := 0
	for i, w := range weights {
		if w == 0 {
			continue
		}
		last = i
		if x -= w; x < 0 {
			break
		}
	}
	weights[last] = 0
	return last
}
