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
	cols, half := r.Heads*r.Dim, r.Dim/2
	x.mustHold("Rope", r.B*r.T, cols)
	forRows(r.B*r.T, cols, func(r0, r1 int) {
		for row := r0; row < r1; row++ {
			t := row % r.T
			cos, sin := r.cos[t*half:(t+1)*half], r.sin[t*half:(t+1)*half]
			for h := range r.Heads {
				a := x.Row(row, cols)[h*r.Dim:][:half]
				b := x.Row(row, cols)[h*r.Dim+half:][:half]
				for i := range a {
					c, s := cos[i], sin[i]
					if inverse {
						s = -s
					}
					a[i], b[i] = a[i]*c-b[i]*s, a[i]*s+b[i]*c
				}
			}
		}
	})
}
