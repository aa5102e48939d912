package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestRope(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 11))
		for _, s := range []struct{ b, t, heads, dim int }{
			{1, 1, 1, 2}, {2, 3, 1, 6}, {1, 40, 2, 10}, {3, 50, 4, 64}, {2, 64, 3, 32}, {70, 5, 2, 16}, {1, 20, 2, 66}, {2, 17, 1, 128},
		} {
			what := fmt.Sprintf("%+v", s)
			rope := NewRope(s.b, s.t, s.heads, s.dim, 10000)
			cols, half := s.heads*s.dim, s.dim/2
			x := newGuarded(r, s.b*s.t, cols)
			threadsAgree(t, what, func() { x.reset(); rope.Apply(x.View, false) }, x.whole)
			x.intact(t, what)
			for row := range s.b * s.t {
				before, after := x.first(row), x.Row(row, cols)
				for h := range s.heads {
					for i := range half {
						sin, cos := math.Sincos(float64(row%s.t) * math.Pow(10000, -2*float64(i)/float64(s.dim)))
						j := h*s.dim + i
						a, b := float64(before[j]), float64(before[j+half])
						size := math.Hypot(a, b)
						near(t, what+" first half", after[j], a*cos-b*sin, 1e-6*size)
						near(t, what+" second half", after[j+half], a*sin+b*cos, 1e-6*size)
						near(t, what+" length of a pair", float32(math.Hypot(float64(after[j]), float64(after[j+half]))), size, 1e-6*size)
					}
				}
			}
			rope.Apply(x.View, true)
			x.intact(t, what+" back")
			for row := range s.b * s.t {
				for i, v := range x.Row(row, cols) {
					near(t, what+" back", v, float64(x.first(row)[i]), 2e-6)
				}
			}
		}
	})
}

func TestRopeRefusesOddHeads(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a head of 3 columns was accepted")
		}
	}()
	NewRope(1, 1, 1, 3, 10000).Apply(Dense(make([]float32, 3), 3), false)
}
