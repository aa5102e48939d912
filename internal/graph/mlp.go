package graph

import "dsconv/internal/kernels"

// SwiGLU is silu(gate)·up over a packed [gate|up] matrix.
func (g *Graph) SwiGLU(x *Tensor) *Tensor {
	f := x.Cols / 2
	var y *Tensor
	y = g.add(spec{name: "swiglu", rows: x.Rows, cols: f, in: []*Tensor{x},
		run: func() { kernels.SwiGLU(y.view(0), x.view(0), x.view(f), x.Rows, f) },
		diff: func(dy *Tensor) []*Tensor {
			var dx *Tensor
			dx = g.add(spec{name: "swiglu'", rows: x.Rows, cols: x.Cols, in: []*Tensor{x, dy}, inPlaceOf: x,
				run: func() {
					kernels.SwiGLUBackward(dx.view(0), dx.view(f), dy.view(0), x.view(0), x.view(f), x.Rows, f)
				}})
			return []*Tensor{dx}
		}})
	return y
}
