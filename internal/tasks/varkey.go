package tasks

import (
	"fmt"
	"slices"
	"sync"

	"dsconv/internal/config"
	"dsconv/internal/rng"
)

// varKey is associative recall with keys of several tokens, whose number differs from
// key to key. The paper names such a task and does not define it; this definition is
// ours. With n pairs, keys of up to m tokens and T positions, for instance:
//
//	tokens   c v1 | b c v2 | d b c v3 | a d v4 | d v5 | x d b c x x x c x x b c ..
//	targets  . .    . . .    . . . .    . . .    . .    . . . v3 . . . v1 . . . v2
//
// Tokens: 0 is blank, 1..K are key tokens (K is task.key_tokens), and the values are
// K+1..K+task.values.
//
// Keys. An example has E different last tokens (task.key_endings), dealt to the n keys
// as evenly as possible, so that every last token ends two keys or more and never
// names a key alone. A key that is there already is drawn again. What makes a key
// depends on task.key_length:
//   - free: its length is uniform in task.key_min..task.key_max, its tokens before the
//     last are uniform key tokens;
//   - ending: the same, but the last token tells the length: token e ends keys of
//     key_min + (e-1) mod (key_max-key_min+1) tokens;
//   - lag: every key has m tokens, of which two count: the last, e, and the one that
//     it points at, 1 + (e-1) mod (m-1) places before it. The others are drawn anew
//     each time the key stands somewhere.
//
// Context. The pairs in random order, each key followed by its value; values differ.
//
// Queries. The positions from n(m+1) on are slots of m+1. Every key stands once in a
// slot of its own, drawn without replacement with probability proportional to
// (slot+1)^(power-1), at a random place in it but the first. The label is the value,
// at the last token of the key. What is left is filler: uniform values (random), 0
// (blank), or uniform key tokens (keys).
//
// Which key it is, is always certain: a run of key tokens between others is one key,
// and with filler keys the last token tells how far back the key reaches. One key may
// begin or end another; labels stand only where a whole key has been seen.
//
// A value stands after its key, so a filter of W taps at the value's place, which is
// where a query's attention goes, sees the last W-1 tokens of the key.
//
// Harder: more pairs, fewer key_tokens, fewer key_endings, larger key_max. With
// key_length: free and ending, the longest common suffix names the key, which a static
// filter whose taps shrink with the lag can match. With lag, what has to be matched
// depends on the token that is read, as the meaning of "can" in "the old can opener"
// depends on the word after it.
type varKey struct {
	base
	c       config.Task
	endings int
	weights []uint64 // of the slots
	pool    sync.Pool
}

type varKeyScratch struct {
	src                  rng.Source
	alphabet, vals, deck *deck
	slots                *urn
	ending, value, order []int32
	keys                 []int32 // [n, key_max], left-aligned
	length               []int
}

func newVarKey(b base, c config.Task) *varKey {
	m := &varKey{base: b, c: c, endings: c.Endings()}
	width := c.KeyMax + 1
	m.weights = powerWeights((c.SeqLen-c.Pairs*width)/width, c.Power-1)
	m.pool.New = func() any {
		return &varKeyScratch{
			alphabet: newDeck(c.KeyTokens), vals: newDeck(c.Values), deck: newDeck(c.Pairs), slots: newUrn(m.weights),
			ending: make([]int32, m.endings), value: make([]int32, c.Pairs), order: make([]int32, c.Pairs),
			keys: make([]int32, c.Pairs*c.KeyMax), length: make([]int, c.Pairs),
		}
	}
	return m
}

func (m *varKey) Example(split Split, index uint64, tokens, targets []int32) {
	m.generate(split, index, tokens, targets, nil)
}

func (m *varKey) annotate(split Split, index uint64, tokens, targets []int32, parts []string) string {
	m.generate(split, index, tokens, targets, parts)
	return fmt.Sprintf("k1 v1: the tokens of a key and its value; k1?: the key again, its last token labelled with the value; blank: filler\ntokens 1 to %d are key tokens, %d to %d values", m.c.KeyTokens, m.c.KeyTokens+1, m.c.KeyTokens+m.c.Values)
}

// GroupName is the lag of the token that counts, or the length of the key.
func (m *varKey) GroupName() string {
	if m.c.KeyLength == "lag" {
		return "lag"
	}
	return "key length"
}

// Group is the lag or the length of the key that ends at a position.
func (m *varKey) Group(tokens []int32, at int) int {
	last := int(tokens[at]) - 1
	switch m.c.KeyLength {
	case "lag":
		return 1 + last%(m.c.KeyMax-1)
	case "ending":
		return m.c.KeyMin + last%(m.c.KeyMax-m.c.KeyMin+1)
	}
	length := 0
	for length <= at && tokens[at-length] >= 1 && int(tokens[at-length]) <= m.c.KeyTokens {
		length++
	}
	return length
}

func (m *varKey) generate(split Split, index uint64, tokens, targets []int32, parts []string) {
	s := m.pool.Get().(*varKeyScratch)
	defer m.pool.Put(s)
	m.stream(&s.src, split, index)
	unlabel(targets)
	m.fill(&s.src, tokens)
	m.drawKeys(s)
	s.vals.deal(&s.src, int32(1+m.c.KeyTokens), s.value)
	s.deck.deal(&s.src, 0, s.order)
	at := 0
	for _, j := range s.order {
		at += m.write(s, int(j), tokens[at:])
		tokens[at] = s.value[j]
		if parts != nil {
			for i := at - s.length[j]; i < at; i++ {
				parts[i] = fmt.Sprintf("k%d", j+1)
			}
			parts[at] = fmt.Sprintf("v%d", j+1)
		}
		at++
	}
	width := m.c.KeyMax + 1
	s.slots.refill()
	for j := range m.c.Pairs {
		slot := m.c.Pairs*width + width*s.slots.draw(&s.src)
		start := slot + 1 + s.src.IntN(width-s.length[j])
		end := start + m.write(s, j, tokens[start:])
		targets[end-1] = s.value[j]
		for i := start; parts != nil && i < end; i++ {
			parts[i] = fmt.Sprintf("k%d?", j+1)
		}
	}
}

// fill writes filler everywhere.
func (m *varKey) fill(src *rng.Source, tokens []int32) {
	lo, n := 0, 1
	switch m.c.Filler {
	case "random":
		lo, n = 1+m.c.KeyTokens, m.c.Values
	case "keys":
		lo, n = 1, m.c.KeyTokens
	}
	for i := range tokens {
		tokens[i] = int32(lo + src.IntN(n))
	}
}

// key is the tokens of key j.
func (m *varKey) key(s *varKeyScratch, j int) []int32 {
	return s.keys[j*m.c.KeyMax:][:s.length[j]]
}

// drawKeys draws the keys; key j has the last token number j mod E.
func (m *varKey) drawKeys(s *varKeyScratch) {
	s.alphabet.deal(&s.src, 1, s.ending)
	for j := range m.c.Pairs {
		m.drawKey(s, j)
		for m.taken(s, j) {
			m.drawKey(s, j)
		}
	}
}

func (m *varKey) drawKey(s *varKeyScratch, j int) {
	last, lengths := s.ending[j%m.endings], m.c.KeyMax-m.c.KeyMin+1
	switch m.c.KeyLength {
	case "free":
		s.length[j] = m.c.KeyMin + s.src.IntN(lengths)
	case "ending":
		s.length[j] = m.c.KeyMin + int(last-1)%lengths
	case "lag":
		s.length[j] = m.c.KeyMax
	}
	key := m.key(s, j)
	for i := range key[1:] {
		key[i] = int32(1 + s.src.IntN(m.c.KeyTokens))
	}
	key[len(key)-1] = last
}

// write writes key j, the tokens that do not count drawn anew, and returns its length.
func (m *varKey) write(s *varKeyScratch, j int, tokens []int32) int {
	key := m.key(s, j)
	n := copy(tokens, key)
	if m.c.KeyLength == "lag" {
		counts := m.counts(key)
		for i := range key[1:] {
			if i != counts {
				tokens[i] = int32(1 + s.src.IntN(m.c.KeyTokens))
			}
		}
	}
	return n
}

// counts is the place in a key that its last token points at.
func (m *varKey) counts(key []int32) int {
	last := len(key) - 1
	return last - 1 - int(key[last]-1)%(m.c.KeyMax-1)
}

// taken says whether key j is one of the keys before it.
func (m *varKey) taken(s *varKeyScratch, j int) bool {
	key := m.key(s, j)
	for other := j - m.endings; other >= 0; other -= m.endings {
		before := m.key(s, other)
		if m.c.KeyLength == "lag" && key[m.counts(key)] == before[m.counts(key)] || slices.Equal(key, before) {
			return true
		}
	}
	return false
}
