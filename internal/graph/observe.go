package graph

import "dsconv/internal/kernels"

// Observe shows f some columns of x, [x.Rows, cols] from column col on, each time
// the graph runs. The memory is f's to read until it returns.
func (g *Graph) Observe(x *Tensor, col, cols int, f func(v kernels.View, rows, cols int)) {
	g.add(spec{name: "observe", in: []*Tensor{x}, run: func() { f(x.view(col), x.Rows, cols) }})
}
