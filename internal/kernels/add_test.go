package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestAdd(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 14))
		for _, s := range [][2]int{{1, 1}, {3, 5}, {7, 16}, {100, 33}, {50, 512}, {3, 20000}} {
			rows, d := s[0], s[1]
			what := fmt.Sprint(s)
			a, b, y := newGuarded(r, rows, d), newGuarded(r, rows, d), newGuarded(r, rows, d)
			check := func(what string, y *guarded) {
				t.Helper()
				y.intact(t, what)
				for i := range rows {
					for j, v := range y.Row(i, d) {
						near(t, what, v, float64(a.first(i)[j]+b.first(i)[j]), 0)
					}
				}
			}
			threadsAgree(t, what, func() { y.reset(); Add(y.View, a.View, b.View, rows, d) }, y.whole)
			check(what, y)
			Add(a.View, a.View, b.View, rows, d)
			check(what+" onto a", a)
			a.reset()
			Add(b.View, a.View, b.View, rows, d)
			check(what+" onto b", b)
		}
	})
}

func TestCopy(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 14))
	for _, s := range [][2]int{{1, 1}, {3, 5}, {200, 33}} {
		x, y := newGuarded(r, s[0], s[1]), newGuarded(r, s[0], s[1])
		threadsAgree(t, "Copy", func() { y.reset(); Copy(y.View, x.View, s[0], s[1]) }, y.whole)
		y.intact(t, "Copy")
		for i := range s[0] {
			for j, v := range y.Row(i, s[1]) {
				near(t, "Copy", v, float64(x.Row(i, s[1])[j]), 0)
			}
		}
	}
}

func TestPositions(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 14))
		for i, s := range []struct{ b, t, d int }{{1, 1, 1}, {3, 4, 5}, {7, 20, 16}, {2, 9, 100}} {
			n, acc := s.t*s.d, i%2 == 0
			what := fmt.Sprintf("%+v acc %v", s, acc)
			x, p, dp0 := randomValues(r, s.b*n), randomValues(r, n), randomValues(r, n)
			y, dp := make([]float32, s.b*n), make([]float32, n)
			threadsAgree(t, what, func() { AddPositions(Dense(y, s.d), Dense(x, s.d), p, s.b, s.t, s.d) }, y)
			for i := range y {
				near(t, what, y[i], float64(x[i]+p[i%n]), 0)
			}
			threadsAgree(t, what, func() { copy(dp, dp0); AddPositionsBackward(dp, Dense(x, s.d), s.b, s.t, s.d, acc) }, dp)
			for j := range dp {
				want := 0.0
				if acc {
					want = float64(dp0[j])
				}
				for b := range s.b {
					want += float64(x[b*n+j])
				}
				near(t, what+" backward", dp[j], want, 1e-5)
			}
		}
	})
}
