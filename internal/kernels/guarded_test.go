package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

// guarded is a random matrix with gaps between its rows, inside a buffer of guards
// that no kernel may touch.
type guarded struct {
	View
	rows, cols, before int
	whole, initial     []float32
}

func newGuarded(r *rand.Rand, rows, cols int) *guarded {
	g := &guarded{rows: rows, cols: cols, before: r.IntN(20)}
	g.View, g.whole = randomMatrix(r, rows, cols, cols+r.IntN(9), g.before)
	g.initial = append(g.initial, g.whole...)
	return g
}

// reset puts the first values back.
func (g *guarded) reset() { copy(g.whole, g.initial) }

// first is row i as it was at the start.
func (g *guarded) first(i int) []float32 {
	at := g.before + i*g.Stride
	return g.initial[at : at+g.cols]
}

// intact fails the test when something was written outside of the matrix.
func (g *guarded) intact(t *testing.T, what string) {
	t.Helper()
	for i, x := range g.whole {
		row, col := (i-g.before)/g.Stride, (i-g.before)%g.Stride
		if inside := i >= g.before && row < g.rows && col < g.cols; !inside && x != guard {
			t.Fatalf("%s: wrote outside of the matrix at row %d column %d", what, row, col)
		}
	}
}

// randomValues are n normal values.
func randomValues(r *rand.Rand, n int) []float32 {
	f := make([]float32, n)
	for i := range f {
		f[i] = float32(r.NormFloat64())
	}
	return f
}

// threadsAgree runs a kernel with 1, 2, 3 and 5 threads and fails the test unless
// each leaves the same bits in every one of the results. Run must start from the
// same memory each time.
func threadsAgree(t *testing.T, what string, run func(), results ...[]float32) {
	t.Helper()
	var want [][]float32
	for _, threads := range []int{1, 2, 3, 5} {
		withThreads(t, threads)
		run()
		for i, got := range results {
			if threads == 1 {
				want = append(want, append([]float32(nil), got...))
				continue
			}
			for j := range got {
				if math.Float32bits(got[j]) != math.Float32bits(want[i][j]) {
					t.Fatalf("%s: %d threads give other bits than 1 in result %d at %d: %v and %v", what, threads, i, j, got[j], want[i][j])
				}
			}
		}
	}
}

// near fails the test unless got is want within the given error.
func near(t *testing.T, what string, got float32, want, within float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= within) {
		t.Fatalf("%s: got %v, want %v within %.2g", what, got, want, within)
	}
}
