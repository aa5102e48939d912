package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

var normShapes = []RMSNorm{
	{Rows: 1, Groups: 1, Dim: 1}, {Rows: 3, Groups: 1, Dim: 5}, {Rows: 2, Groups: 3, Dim: 7},
	{Rows: 70, Groups: 2, Dim: 33}, {Rows: 5, Groups: 4, Dim: 64}, {Rows: 67, Groups: 1, Dim: 100},
	{Rows: 40, Groups: 1, Dim: 512}, {Rows: 9, Groups: 2, Dim: 40}, {Rows: 100, Groups: 2, Dim: 16},
}

// norm64 is sum(dy * rmsnorm(x)) of one group in float64.
func norm64(x []float64, w, dy []float32, eps float64) float64 {
	mean := 0.0
	for _, v := range x {
		mean += v * v / float64(len(x))
	}
	sum := 0.0
	for i, v := range x {
		sum += float64(dy[i]) * float64(w[i]) * v / math.Sqrt(mean+eps)
	}
	return sum
}

func float64s(f []float32) []float64 {
	out := make([]float64, len(f))
	for i, v := range f {
		out[i] = float64(v)
	}
	return out
}

func TestRMSNormForward(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 10))
		for _, n := range normShapes {
			what := fmt.Sprintf("%+v", n)
			n.Eps = 1e-5
			cols := n.Groups * n.Dim
			x, y, w := newGuarded(r, n.Rows, cols), newGuarded(r, n.Rows, cols), randomValues(r, n.Dim)
			rstd := make([]float32, n.Rows*n.Groups)
			threadsAgree(t, what, func() { y.reset(); n.Forward(y.View, x.View, w, rstd) }, y.whole, rstd)
			y.intact(t, what)
			for row := range n.Rows {
				for g := range n.Groups {
					in, out := x.Row(row, cols)[g*n.Dim:][:n.Dim], y.Row(row, cols)[g*n.Dim:][:n.Dim]
					sum := 0.0
					for _, v := range in {
						sum += float64(v) * float64(v)
					}
					f := 1 / math.Sqrt(sum/float64(n.Dim)+n.Eps)
					near(t, what+" rstd", rstd[row*n.Groups+g], f, 2e-6*f)
					for i := range out {
						want := float64(in[i]) * f * float64(w[i])
						near(t, what, out[i], want, 2e-6*math.Abs(want))
					}
				}
			}
			n.Forward(x.View, x.View, w, rstd)
			x.intact(t, what+" in place")
			for row := range n.Rows {
				for i, v := range x.Row(row, cols) {
					near(t, what+" in place", v, float64(y.Row(row, cols)[i]), 0)
				}
			}
		}
	})
}

// The gradient is that of central differences in float64, for every element.
func TestRMSNormBackward(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(2, 10))
		for i, n := range normShapes {
			n.Eps = 1e-5
			cols := n.Groups * n.Dim
			x, dy, res, dx := newGuarded(r, n.Rows, cols), newGuarded(r, n.Rows, cols), newGuarded(r, n.Rows, cols), newGuarded(r, n.Rows, cols)
			w, rstd := randomValues(r, n.Dim), make([]float32, n.Rows*n.Groups)
			dw0 := randomValues(r, n.Dim)
			dw := make([]float32, n.Dim)
			n.Forward(dx.View, x.View, w, rstd)
			withRes, acc := i%2 == 0, i%3 == 0
			what := fmt.Sprintf("%+v residual %v acc %v", n, withRes, acc)
			around := View{}
			if withRes {
				around = res.View
			}
			threadsAgree(t, what, func() {
				dx.reset()
				copy(dw, dw0)
				n.Backward(dx.View, dw, dy.View, x.View, w, rstd, around, acc)
			}, dx.whole, dw)
			dx.intact(t, what)
			wantDW, scaleDW := make([]float64, n.Dim), make([]float64, n.Dim)
			for row := range n.Rows {
				for g := range n.Groups {
					at := g * n.Dim
					in, up := float64s(x.Row(row, cols)[at:][:n.Dim]), dy.Row(row, cols)[at:][:n.Dim]
					f := float64(rstd[row*n.Groups+g])
					for i := range in {
						const h = 1e-5
						v := in[i]
						in[i] = v + h
						hi := norm64(in, w, up, n.Eps)
						in[i] = v - h
						lo := norm64(in, w, up, n.Eps)
						in[i] = v
						want := (hi - lo) / (2 * h)
						if withRes {
							want += float64(res.Row(row, cols)[at+i])
						}
						near(t, what, dx.Row(row, cols)[at+i], want, 2e-5*(1+f))
						term := float64(up[i]) * v * f
						wantDW[i] += term
						scaleDW[i] += math.Abs(term)
					}
				}
			}
			for i := range dw {
				if acc {
					wantDW[i] += float64(dw0[i])
				}
				near(t, what+" dw", dw[i], wantDW[i], 2e-6*(1+scaleDW[i]))
			}
			// dx may lie where dy or res does.
			inPlace := dy
			if withRes && i%4 == 0 {
				inPlace = res
			}
			copy(dw, dw0)
			n.Backward(inPlace.View, dw, dy.View, x.View, w, rstd, around, acc)
			inPlace.intact(t, what+" in place")
			for row := range n.Rows {
				for i, v := range inPlace.Row(row, cols) {
					near(t, what+" in place", v, float64(dx.Row(row, cols)[i]), 0)
				}
			}
		}
	})
}

// A group of zeros has no direction: its outputs are zero and its gradient is that
// of a division by sqrt(eps).
func TestRMSNormOfZeros(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		n := RMSNorm{Rows: 1, Groups: 1, Dim: 24, Eps: 1e-4}
		x, y, w, dw := make([]float32, n.Dim), make([]float32, n.Dim), make([]float32, n.Dim), make([]float32, n.Dim)
		for i := range w {
			w[i] = 2
		}
		rstd := make([]float32, 1)
		n.Forward(Dense(y, n.Dim), Dense(x, n.Dim), w, rstd)
		near(t, "rstd", rstd[0], 100, 1e-3)
		dy := append([]float32(nil), w...)
		n.Backward(Dense(dy, n.Dim), dw, Dense(dy, n.Dim), Dense(x, n.Dim), w, rstd, View{}, false)
		for i := range y {
			near(t, "y", y[i], 0, 0)
			near(t, "dx", dy[i], 400, 1e-2)
			near(t, "dw", dw[i], 0, 0)
		}
	})
}

// A row whose squares are too large for float32 is noticed, not taken for zeros.
func TestRMSNormOfTooLargeNumbers(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		n := RMSNorm{Rows: 2, Groups: 1, Dim: 17, Eps: 1e-5}
		x, y, w, rstd := make([]float32, 34), make([]float32, 34), make([]float32, 17), make([]float32, 2)
		for i := range w {
			w[i], x[i], x[17+i] = 1, 1e18, 1e30
		}
		n.Forward(Dense(y, 17), Dense(x, 17), w, rstd)
		for i := range w {
			near(t, "1e18", y[i], 1, 1e-6)
			if y[17+i] == y[17+i] {
				t.Fatalf("1e30 becomes %v", y[17+i])
			}
		}
	})
}
