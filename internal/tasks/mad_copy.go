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

func (m *madCopy) Example(split Split, index uint64, tokens, targets []int32) {
	s := m.pool.Get().(*madCopyScratch)
	defer m.pool.Put(s)
	m.stream(&s.src, split, index)
	unlabel(targets)
	clear(s.blanks)
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
