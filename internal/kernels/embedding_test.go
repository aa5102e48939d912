package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestEmbedding(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 12))
		for i, s := range []struct{ tokens, vocab, d int }{
			{0, 3, 4}, {1, 1, 1}, {5, 3, 7}, {300, 5, 33}, {64, 1000, 16}, {2000, 40, 64}, {500, 17, 100}, {33, 16, 200},
		} {
			acc := i%2 == 0
			what := fmt.Sprintf("%+v acc %v", s, acc)
			tokens := make([]int32, s.tokens)
			for i := range tokens {
				tokens[i] = int32(min(r.IntN(s.vocab), r.IntN(s.vocab))) // some often, some never
			}
			table := randomValues(r, s.vocab*s.d)
			y, dy := newGuarded(r, s.tokens, s.d), newGuarded(r, s.tokens, s.d)
			threadsAgree(t, what, func() { y.reset(); EmbeddingForward(y.View, table, tokens, s.d) }, y.whole)
			y.intact(t, what)
			for i, v := range tokens {
				for j, x := range y.Row(i, s.d) {
					near(t, what, x, float64(table[int(v)*s.d+j]), 0)
				}
			}

			whole := randomValues(r, s.vocab*s.d+1)
			initial := append([]float32(nil), whole...)
			threadsAgree(t, what, func() {
				copy(whole, initial)
				EmbeddingBackward(whole[:s.vocab*s.d], dy.View, tokens, s.vocab, s.d, acc)
			}, whole)
			// Rows of a token add up in ascending order of position, so that the
			// plain sum has the same bits.
			want := append([]float32(nil), initial...)
			if !acc {
				clear(want[:s.vocab*s.d])
			}
			for i, v := range tokens {
				for j, x := range dy.Row(i, s.d) {
					want[int(v)*s.d+j] += x
				}
			}
			for i := range want {
				near(t, what+" backward", whole[i], float64(want[i]), 0)
			}
		}
	})
}

func TestEmbeddingBackwardAllocatesNoBuffers(t *testing.T) {
	tokens := make([]int32, 100)
	table, dy := make([]float32, 50*8), Dense(make([]float32, 100*8), 8)
	run := func() { EmbeddingBackward(table, dy, tokens, 50, 8, false) }
	run()
	if n := testing.AllocsPerRun(20, run); n > 8 { // the closures of its loops
		t.Errorf("%v allocations a call", n)
	}
}
