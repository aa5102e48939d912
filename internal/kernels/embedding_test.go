package kernels

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestEmbedding(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 12))
		for i, s := range []struct{ tokens, vocab, d int }{
			{0, 3, 4}, {1, 1, 1}, {5, 3, 7}, {300, 5, 33}, {64, 1000, 16}, {2000, 40, 64}, {500, 17, 100}, {33, 16, 200}, {700, 2, 150}, {400, 1, 100}, // the last ones cut columns
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

// A token that the table does not have panics: nothing is read from somewhere else, nor written
// there.
func TestEmbeddingOfAnUnknownToken(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		for _, token := range []int32{-1, 3} {
			tokens, y, sums, narrow := []int32{0, token}, make([]float32, 8), make([]float32, 100), make([]uint16, 100)
			for name, kernel := range map[string]func(){
				"looked up":                    func() { EmbeddingForward(Dense(y, 4), make([]float32, 12, 100), tokens, 4) },
				"given a gradient":             func() { EmbeddingBackward(sums[:12], Dense(y, 4), tokens, 3, 4, true) },
				"given a gradient in bfloat16": func() { EmbeddingBackwardBF16(narrow[:12], Dense(y, 4), tokens, 3, 4, true, 1) },
			} {
				func() {
					defer func() {
						if recover() == nil {
							t.Errorf("token %d of 3 was %s", token, name)
						}
					}()
					kernel()
				}()
			}
		}
	})
}

// TestEmbeddingBackwardBF16: the rows of a token are summed in float32 and rounded once;
// rows without a token keep their bits.
func TestEmbeddingBackwardBF16(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 12))
		for i, s := range []struct{ tokens, vocab, d int }{{0, 3, 4}, {1, 1, 1}, {5, 3, 7}, {300, 5, 33}, {64, 1000, 16}, {2000, 40, 64}} {
			acc := i%2 == 0
			what := fmt.Sprintf("%+v acc %v", s, acc)
			tokens, dy := make([]int32, s.tokens), newGuarded(r, s.tokens, s.d)
			sums, seen := make([]float32, s.vocab*s.d), make([]bool, s.vocab)
			for i := range tokens {
				v := min(r.IntN(s.vocab), r.IntN(s.vocab))
				tokens[i], seen[v] = int32(v), true
				for j, x := range dy.Row(i, s.d) {
					sums[v*s.d+j] += x
				}
			}
			first := narrowed(randomValues(r, s.vocab*s.d))
			want := slices.Clone(first)
			if !acc {
				clear(want)
			}
			d := drawsOf(11)
			for i, x := range sums {
				if seen[i/s.d] {
					want[i] = roundBF16(x+widened(want[i : i+1])[0], d.word(i)>>16)
				}
			}
			got, whole := guarded16(first)
			for _, threads := range threadCounts {
				withThreads(t, threads)
				copy(got, first)
				EmbeddingBackwardBF16(got, dy.View, tokens, s.vocab, s.d, acc, 11)
				if !slices.Equal(got, want) {
					t.Fatalf("%s: wrong bits with %d threads", what, threads)
				}
			}
			intact16(t, what, whole)
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
