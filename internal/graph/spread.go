package graph

import (
	"math"

	"dsconv/internal/kernels"
)

// Spread gives each of the t positions of a sequence the row of its last position
// plus a sinusoid code of the position: what a decoder that must restore the whole
// sequence from one vector reads.
func (g *Graph) Spread(x *Tensor, t int) *Tensor {
	d, b := x.Cols, x.Rows/t
	code := make([]float32, t*d)
	for p := range t {
		for i := range d {
			angle := float64(p) * math.Pow(10000, -float64(i/2*2)/float64(d))
			if i%2 == 0 {
				code[p*d+i] = float32(math.Sin(angle))
			} else {
				code[p*d+i] = float32(math.Cos(angle))
			}
		}
	}
	var y *Tensor
	y = g.add(spec{name: "spread", rows: x.Rows, cols: d, in: []*Tensor{x},
		run: func() { kernels.SpreadLast(y.view(0), x.view(0), code, b, t, d) },
		diff: func(dy *Tensor) []*Tensor {
			var dx *Tensor
			dx = g.add(spec{name: "spread'", rows: x.Rows, cols: d, in: []*Tensor{dy},
				run: func() { kernels.SpreadLastBackward(dx.view(0), dy.view(0), b, t, d) }})
			return []*Tensor{dx}
		}})
	return y
}
