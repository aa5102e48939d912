package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

// gemmReference is the product in float64, and for each element the sum of the
// magnitudes of its terms: the scale that rounding errors are measured against.
func gemmReference(l Layout, m, n, k int, a, b View) (c, scale []float64) {
	c, scale = make([]float64, m*n), make([]float64, m*n)
	for i := range m {
		for j := range n {
			for p := range k {
				x, y := a.Data[i*a.Stride+p*1], float32(0)
				_ = x
				if l == TN {
					x = a.Data[p*a.Stride+i]
				}
				if l == NT {
					y = b.Data[j*b.Stride+p]
				} else {
					y = b.Data[p*b.Stride+j]
				}
				t := float64(x) * float64(y)
				c[i*n+j] += t
				scale[i*n+j] += math.Abs(t)
			}
		}
	}
	return c, scale
}

func TestGemmSmall(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	fill := func(n int) []float32 {
		f := make([]float32, n)
		for i := range f {
			f[i] = float32(r.NormFloat64())
		}
		return f
	}
	for _, l := range []Layout{NN, NT, TN} {
		for range 20 {
			m, n, k := 1+r.IntN(40), 1+r.IntN(40), 1+r.IntN(40)
			side := max(m, n, k)
			a, b := Dense(fill(side*side), side), Dense(fill(side*side), side)
			c := Dense(make([]float32, m*n), n)
			want, scale := gemmReference(l, m, n, k, a, b)
			Gemm(l, m, n, k, a, b, c, false)
			for i := range want {
				if math.Abs(float64(c.Data[i])-want[i]) > 1e-6*scale[i] {
					t.Fatalf("%v %dx%dx%d: c[%d] = %v, want %v", l, m, n, k, i, c.Data[i], want[i])
				}
			}
		}
	}
}
