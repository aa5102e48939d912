package graph

import "dsconv/internal/kernels"

// Project multiplies x by several weight matrices [in, out_i] and lays the
// results side by side: y = x·[w_0|w_1|...]. The projections of a block that
// share their input, and the generators of its dynamic filters, are one
// operator, so that their input gradients meet in one buffer.
func (g *Graph) Project(x *Tensor, weights ...*Tensor) *Tensor {
	cols := 0
	wants := []bool{true}
	for _, w := range weights {
		cols += w.Cols
		wants = append(wants, true)
	}
	m, k := x.Rows, x.Cols
	var y *Tensor
	y = g.add(spec{name: "project", rows: m, cols: cols, in: append([]*Tensor{x}, weights...), wants: wants,
		run: func() {
			at := 0
			for _, w := range weights {
				kernels.Gemm(kernels.NN, m, w.Cols, k, x.view(0), w.view(0), y.view(at), false)
				at += w.Cols
			}
		},
		diff: func(dy *Tensor) []*Tensor {
			var dx *Tensor
			to := make([]*sink, len(weights))
			for i, w := range weights {
				to[i] = g.sink(w)
			}
			s := spec{name: "project'", rows: m, cols: k, in: append([]*Tensor{dy, x}, weights...),
				run: func() {
					at := 0
					for i, w := range weights {
						kernels.Gemm(kernels.NT, m, k, w.Cols, dy.view(at), w.view(0), dx.view(0), i > 0)
						dw := to[i].open(g.accumulate)
						kernels.Gemm(kernels.TN, k, w.Cols, m, x.view(0), dy.view(at), kernels.Dense(dw, w.Cols), g.accumulate)
						to[i].close()
						at += w.Cols
					}
				}}
			s.sinks(to...)
			dx = g.add(s)
			return append([]*Tensor{dx}, g.handOuts(dx, to...)...)
		}})
	return y
}
