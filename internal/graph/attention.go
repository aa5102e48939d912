package graph

import "dsconv/internal/kernels"

// Rope rotates the q and k columns of a packed [q|k|v] matrix by their
// positions. It takes qkv's place.
func (g *Graph) Rope(qkv *Tensor, r *kernels.Rope) *Tensor {
	rotate := func(in *Tensor, name string, inverse bool, diff func(dy *Tensor) []*Tensor) *Tensor {
		return g.add(spec{name: name, rows: qkv.Rows, cols: qkv.Cols, in: []*Tensor{in}, inPlaceOf: in, diff: diff,
			run: func() { r.Apply(in.view(0), inverse) }})
	}
	return rotate(qkv, "rope", false, func(dy *Tensor) []*Tensor { return []*Tensor{rotate(dy, "rope'", true, nil)} })
}

// Attention is causal softmax attention over a packed [q|k|v] matrix; heads are
// neighbouring slices of the columns of q, k and v.
func (g *Graph) Attention(qkv *Tensor, a kernels.Attention) *Tensor {
	d := a.Heads * a.Dim
	lse := scratch("log-sum-exp", a.B*a.Heads*a.T)
	var o *Tensor
	o = g.add(spec{name: "attention", rows: qkv.Rows, cols: d, in: []*Tensor{qkv}, writes: []*buffer{lse},
		run: func() { a.Forward(o.view(0), lse.data, qkv.view(0), qkv.view(d), qkv.view(2*d)) },
		diff: func(do *Tensor) []*Tensor {
			var dx *Tensor
			dx = g.add(spec{name: "attention'", rows: qkv.Rows, cols: qkv.Cols, in: []*Tensor{do, o, qkv}, reads: []*buffer{lse},
				run: func() {
					a.Backward(dx.view(0), dx.view(d), dx.view(2*d), do.view(0), o.view(0), lse.data, qkv.view(0), qkv.view(d), qkv.view(2*d))
				}})
			return []*Tensor{dx}
		}})
	return o
}
