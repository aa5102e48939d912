package graph

import "dsconv/internal/kernels"

// Embedding looks up rows: y[i] = table[tokens[i]]. A tied table is also the
// output head; the head's gradient is then in the table's gradient memory
// before the embedding's is added to it, so that no operator has to sum the two.
func (g *Graph) Embedding(table *Tensor, tokens *Index, tied bool) *Tensor {
	rows, d := len(tokens.Data), table.Cols
	var y *Tensor
	y = g.add(spec{name: "embedding", rows: rows, cols: d,
		in: []*Tensor{table}, index: []*Index{tokens}, root: table,
		run: func() { kernels.EmbeddingForward(y.view(0), table.Data(), tokens.Data, d) },
		diff: func(dy *Tensor) []*Tensor {
			to := g.direct(table)
			return []*Tensor{g.add(spec{name: "embedding'", rows: table.Rows, cols: d, in: []*Tensor{dy}, index: []*Index{tokens}, out: to.out(),
				run: func() {
					acc := tied || g.accumulate
					if to.narrow() {
						kernels.EmbeddingBackwardBF16(table.grad.BF16, dy.view(0), tokens.Data, table.Rows, d, acc, to.draws())
						return
					}
					kernels.EmbeddingBackward(table.grad.F32, dy.view(0), tokens.Data, table.Rows, d, acc)
				}})}
		}})
	return y
}

// Positions adds a learned vector for each of the t positions of a sequence:
// y[b,t] = x[b,t] + table[t]. It takes x's place. The table may hold more
// positions than the sequences have.
func (g *Graph) Positions(x, table *Tensor, t int) *Tensor {
	b := x.Rows / t
	var y *Tensor
	y = g.add(spec{name: "positions", rows: x.Rows, cols: x.Cols, in: []*Tensor{x, table}, inPlaceOf: x, root: table,
		run: func() { kernels.AddPositions(y.view(0), x.view(0), table.Data(), b, t, table.Cols) },
		diff: func(dy *Tensor) []*Tensor {
			to := g.sink(table)
			s := spec{name: "positions'", rows: table.Rows, cols: table.Cols, in: []*Tensor{dy}, out: to.out(),
				run: func() {
					dst := to.open(g.accumulate)
					kernels.AddPositionsBackward(dst, dy.view(0), b, t, table.Cols, g.accumulate)
					if !g.accumulate {
						clear(dst[t*table.Cols:]) // of positions that no sequence has
					}
					to.close()
				}}
			s.sinks(to)
			return []*Tensor{dy, g.add(s)}
		}})
	return y
}
