package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestAdamW(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 13))
		for _, n := range []int{0, 1, 7, 16, 33, 1000, 3*taskElements + 5} {
			for _, step := range []int{1, 2, 1000} {
				a := AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.1, Scale: 0.3, Step: step}
				var first [4][]float32
				for i := range first {
					first[i] = append(randomValues(r, n), guard)
				}
				for i, v := range first[3] { // second moments are not negative
					first[3][i] = float32(math.Abs(float64(v)))
				}
				w, g, m, v := make([]float32, n+1), first[1], make([]float32, n+1), make([]float32, n+1)
				threadsAgree(t, "AdamW", func() {
					copy(w, first[0])
					copy(m, first[2])
					copy(v, first[3])
					a.Update(w[:n], g[:n], m[:n], v[:n])
				}, w, m, v)
				for i := range n {
					gi := a.Scale * float64(g[i])
					mi := a.Beta1*float64(first[2][i]) + (1-a.Beta1)*gi
					vi := a.Beta2*float64(first[3][i]) + (1-a.Beta2)*gi*gi
					mhat, vhat := mi/(1-math.Pow(a.Beta1, float64(step))), vi/(1-math.Pow(a.Beta2, float64(step)))
					move := a.LR * mhat / (math.Sqrt(vhat) + a.Eps)
					wi := float64(first[0][i])*(1-a.LR*a.WeightDecay) - move
					near(t, "m", m[i], mi, 1e-6*(math.Abs(mi)+math.Abs(gi)))
					near(t, "v", v[i], vi, 1e-6*vi)
					near(t, "w", w[i], wi, 1e-6*math.Abs(wi)+2e-6*math.Abs(move)+1e-8)
				}
				near(t, "guard", w[n]-first[0][n]+m[n]-first[2][n]+v[n]-first[3][n], 0, 0)
			}
		}
	})
}

// A weight whose gradient and moments are zero only decays; with eps it never
// becomes NaN.
func TestAdamWOfZeroGradient(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		for _, eps := range []float64{1e-8, 1e-50} { // the second is less than any float32
			w, g, m, v := make([]float32, 40), make([]float32, 40), make([]float32, 40), make([]float32, 40)
			for i := range w {
				w[i] = 2
			}
			AdamW{LR: 0.5, Beta1: 0.9, Beta2: 0.95, Eps: eps, WeightDecay: 0.5, Scale: 1, Step: 1}.Update(w, g, m, v)
			for i := range w {
				near(t, "w", w[i], 1.5, 0)
			}
		}
	})
}

func TestSumSquares(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(2, 13))
		for _, n := range []int{0, 1, 15, 16, 63, 129, taskElements, taskElements + 1, 5*taskElements + 77} {
			x := randomValues(r, n)
			want := 0.0
			for _, v := range x {
				want += float64(v) * float64(v)
			}
			got := make([]float32, 2)
			threadsAgree(t, "SumSquares", func() {
				s := SumSquares(x)
				got[0] = float32(s)
				got[1] = float32(s - float64(got[0]))
			}, got)
			near(t, "SumSquares", got[0], want, 1e-6*want)
		}
		if s := SumSquares([]float32{1, float32(math.NaN()), 2}); !math.IsNaN(s) {
			t.Errorf("the sum with a NaN is %v", s)
		}
	})
}
