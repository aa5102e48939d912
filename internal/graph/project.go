package graph

import "dsconv/internal/kernels"

// Project multiplies x by several weight matrices [in, out_i] and lays the
// results side by side: y = x·[w_0|w_1|...]. The projections of a block that
// share their input, and the generators of its dynamic filters, are one
// operator, so that their input gradients meet in one buffer.
func (g *Graph) Project(x *Tensor, weights ...*Tensor) *Tensor {
	cols := 0
	for _, w := range weights {
		cols += w.Cols
	}
	m, k := x.Rows, x.Cols
	parts := make([]kernels.Part, len(weights)) // filled before each product: views move with the plan
	at := make([]int, len(weights))             // first column of each weight's result
	for i := 1; i < len(weights); i++ {
		at[i] = at[i-1] + weights[i-1].Cols
	}
	var y *Tensor
	y = g.add(spec{name: "project", rows: m, cols: cols, in: append([]*Tensor{x}, weights...),
		run: func() {
			for i, w := range weights {
				parts[i] = kernels.Part{B: w.view(0), C: y.view(at[i]), N: w.Cols}
			}
			kernels.GemmConcat(kernels.NN, m, k, x.view(0), parts, false)
		},
		diff: func(dy *Tensor) []*Tensor {
			var dx *Tensor
			to := make([]*sink, len(weights))
			for i, w := range weights {
				to[i] = g.sink(w)
			}
			s := spec{name: "project'", rows: m, cols: k, in: append([]*Tensor{dy, x}, weights...),
				run: func() {
					for i, w := range weights {
						parts[i] = kernels.Part{B: w.view(0), N: w.Cols}
					}
					kernels.GemmSum(m, k, dy.view(0), parts, dx.view(0))
					add := false // the same for all: they are matrices
					for i, w := range weights {
						var dw []float32
						dw, add = to[i].start(g.accumulate)
						parts[i] = kernels.Part{B: dy.view(at[i]), C: kernels.Dense(dw, w.Cols), N: w.Cols}
					}
					kernels.GemmConcat(kernels.TN, k, m, x.view(0), parts, add)
					for _, t := range to {
						t.close()
					}
				}}
			s.sinks(to...)
			dx = g.add(s)
			return []*Tensor{dx}
		}})
	return y
}
