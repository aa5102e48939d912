package kernels

import (
	"fmt"
	"math"
)

// Rope rotates pairs of channels by an angle that grows with the position
// (half split): in each of Heads heads of Dim columns, channel i < Dim/2 and channel
// i+Dim/2 turn by t * theta^(-2i/Dim) at position t:
//
//	(a, b) -> (a cos - b sin, a sin + b cos)
type Rope struct {
	B, T, Heads, Dim int

	cos, sin []float32 // [T, Dim/2]
}

// NewRope computes the angles of T positions.
func NewRope(b, t, heads, dim int, theta float64) *Rope {
	half := dim / 2
	r := &Rope{B: b, T: t, Heads: heads, Dim: dim, cos: make([]float32, t*half), sin: make([]float32, t*half)}
	for p := range t {
		for i := range half {
			s, c := math.Sincos(float64(p) * math.Pow(theta, -2*float64(i)/float64(dim)))
			r.cos[p*half+i], r.sin[p*half+i] = float32(c), float32(s)
		}
	}
	return r
}

// Apply rotates x [B*T, Heads*Dim] in place; inverse turns it back, which is also the
// gradient.
func (r *Rope) Apply(x View, inverse bool) {
	if r.Dim%2 != 0 {
		panic(fmt.Sprintf("kernels: Rope: head size %d is odd", r.Dim))
	}
	cols := r.Heads * r.Dim
	x.mustHold("Rope", r.B*r.T, cols)
	sign := float32(1)
	if inverse {
		sign = -1
	}
	forRows(r.B*r.T, cols, func(r0, r1 int) {
		for r0 < r1 { // a run of rows of one sequence
			t := r0 % r.T
			n := min(r1-r0, r.T-t)
			r.turn(x.At(r0, 0), n, t, sign)
			r0 += n
		}
	})
}

// turn rotates n rows, which stand at the positions from t on.
func (r *Rope) turn(x View, n, t int, sign float32) {
	half := r.Dim / 2
	cos, sin := r.cos[t*half:(t+n)*half], r.sin[t*half:(t+n)*half]
	if c := rowsNow(); c != nil {
		c.rope(n, r.Heads, half, &x.Data[0], 4*x.Stride, &cos[0], &sin[0], sign)
		return
	}
	for i := range n {
		row := x.Row(i, r.Heads*r.Dim)
		for h := range r.Heads {
			a, b := row[h*r.Dim:][:half], row[h*r.Dim+half:][:half]
			for j := range a {
				c, s := cos[i*half+j], sin[i*half+j]*sign
				a[j], b[j] = a[j]*c-b[j]*s, a[j]*s+b[j]*c
			}
		}
	}
}
