package graph

import "dsconv/internal/kernels"

// RMSNorm normalises each row: y = x / sqrt(mean(x²) + eps) * w.
//
// When y heads a residual branch, pass it to Residual: the gradient that
// reaches x around the branch is then added inside this operator's backward
// kernel, and x has no second reader whose gradient Gorgonia would sum.
func (g *Graph) RMSNorm(x, w *Tensor, eps float64) *Tensor {
	n := kernels.RMSNorm{Rows: x.Rows, Groups: 1, Dim: x.Cols, Eps: eps}
	rstd := scratch("rms", x.Rows)
	var y *Tensor
	y = g.add(spec{name: "rmsnorm", rows: x.Rows, cols: x.Cols, in: []*Tensor{x, w}, writes: []*buffer{rstd},
		run: func() { n.Forward(y.view(0), x.view(0), w.Data(), rstd.data) },
		diff: func(dy *Tensor) []*Tensor {
			in := []*Tensor{dy, x, w}
			around := y.op.around
			if around != nil {
				in = append(in, around)
			}
			var dx *Tensor
			to := g.sink(w)
			s := spec{name: "rmsnorm'", rows: x.Rows, cols: x.Cols, in: in, reads: []*buffer{rstd}, inPlaceOf: dy,
				run: func() {
					var res kernels.View
					if around != nil {
						res = around.view(0)
					}
					dw := to.open(g.accumulate)
					n.Backward(dx.view(0), dw, dy.view(0), x.view(0), w.Data(), rstd.data, res, g.accumulate)
					to.close()
				}}
			s.sinks(to)
			dx = g.add(s)
			return []*Tensor{dx}
		}})
	return y
}

// Residual closes a residual branch: x + y, where branch is the RMSNorm of x
// with which the branch began. It takes y's place.
func (g *Graph) Residual(x, y, branch *Tensor) *Tensor {
	var out *Tensor
	out = g.add(spec{name: "residual", rows: x.Rows, cols: x.Cols, in: []*Tensor{x, y}, inPlaceOf: y, around: x,
		run: func() { kernels.Add(out.view(0), y.view(0), x.view(0), x.Rows, x.Cols) },
		diff: func(grad *Tensor) []*Tensor {
			branch.op.around = grad
			return []*Tensor{nil, grad}
		}})
	return out
}

// HeadNorm is QK-norm: it normalises each head of the q and k columns of a
// packed [q|k|v] matrix, with weights wq and wk of one head's size, and copies v.
func (g *Graph) HeadNorm(qkv, wq, wk *Tensor, heads int, eps float64) *Tensor {
	d := qkv.Cols / 3
	n := kernels.RMSNorm{Rows: qkv.Rows, Groups: heads, Dim: d / heads, Eps: eps}
	rq, rk := scratch("rms q", qkv.Rows*heads), scratch("rms k", qkv.Rows*heads)
	var y *Tensor
	y = g.add(spec{name: "qk-norm", rows: qkv.Rows, cols: qkv.Cols, in: []*Tensor{qkv, wq, wk}, writes: []*buffer{rq, rk},
		run: func() {
			n.Forward(y.view(0), qkv.view(0), wq.Data(), rq.data)
			n.Forward(y.view(d), qkv.view(d), wk.Data(), rk.data)
			kernels.Copy(y.view(2*d), qkv.view(2*d), qkv.Rows, d)
		},
		diff: func(dy *Tensor) []*Tensor {
			var dx *Tensor
			toQ, toK := g.sink(wq), g.sink(wk)
			s := spec{name: "qk-norm'", rows: qkv.Rows, cols: qkv.Cols, in: []*Tensor{dy, qkv, wq, wk}, reads: []*buffer{rq, rk}, inPlaceOf: dy,
				run: func() {
					dwq := toQ.open(g.accumulate)
					n.Backward(dx.view(0), dwq, dy.view(0), qkv.view(0), wq.Data(), rq.data, kernels.View{}, g.accumulate)
					toQ.close()
					dwk := toK.open(g.accumulate)
					n.Backward(dx.view(d), dwk, dy.view(d), qkv.view(d), wk.Data(), rk.data, kernels.View{}, g.accumulate)
					toK.close()
				}}
			s.sinks(toQ, toK)
			dx = g.add(s)
			return []*Tensor{dx}
		}})
	return y
}
