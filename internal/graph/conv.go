package graph

import "dsconv/internal/kernels"

// Segment is a group of neighbouring columns that one short convolution works
// on, with the parameters of that convolution.
type Segment struct {
	Cols   int
	Kernel kernels.Conv // W = 0: no convolution here, the columns are copied
	U, S   *Tensor      // second factor of low-rank filters; static taps; nil where there are none
}

// ShortConv applies a causal short convolution to each segment of y's columns.
// y is laid out as Project leaves it: the segments, then the generators'
// outputs in the same order; only the segments come out. Kernels carry B, T, D
// and W; see kernels.Conv for the formula.
func (g *Graph) ShortConv(y *Tensor, segments []Segment) *Tensor {
	cols := 0
	for _, s := range segments {
		cols += s.Cols
	}
	in := []*Tensor{y}
	for _, s := range segments {
		for _, p := range []*Tensor{s.U, s.S} {
			if p != nil {
				in = append(in, p)
			}
		}
	}
	each := func(body func(s Segment, col, gen int)) {
		col, gen := 0, cols
		for _, s := range segments {
			body(s, col, gen)
			col += s.Cols
			gen += s.Kernel.GenCols()
		}
	}
	genView := func(t *Tensor, s Segment, gen int) kernels.View {
		if s.Kernel.GenCols() == 0 {
			return kernels.View{}
		}
		return t.view(gen)
	}
	var out *Tensor
	out = g.add(spec{name: "conv", rows: y.Rows, cols: cols, in: in,
		run: func() {
			each(func(s Segment, col, gen int) {
				if s.Kernel.W == 0 {
					kernels.Copy(out.view(col), y.view(col), y.Rows, s.Cols)
					return
				}
				s.Kernel.Forward(out.view(col), y.view(col), genView(y, s, gen), data(s.U), data(s.S))
			})
		},
		diff: func(grad *Tensor) []*Tensor {
			var all []*sink
			sinks := map[*Tensor]*sink{}
			for _, p := range in[1:] {
				sinks[p] = g.sink(p)
				all = append(all, sinks[p])
			}
			var dy *Tensor
			s := spec{name: "conv'", rows: y.Rows, cols: y.Cols, in: append([]*Tensor{grad}, in...),
				run: func() {
					each(func(s Segment, col, gen int) {
						if s.Kernel.W == 0 {
							kernels.Copy(dy.view(col), grad.view(col), y.Rows, s.Cols)
							return
						}
						du, ds := sinks[s.U].open(g.accumulate), sinks[s.S].open(g.accumulate)
						s.Kernel.Backward(dy.view(col), genView(dy, s, gen), du, ds, grad.view(col), y.view(col), genView(y, s, gen), data(s.U), data(s.S), g.accumulate)
						sinks[s.U].close()
						sinks[s.S].close()
					})
				}}
			s.sinks(all...)
			dy = g.add(s)
			out := make([]*Tensor, len(in))
			out[0] = dy
			for i, p := range in[1:] {
				if p.op != nil { // taps that are computed
					out[i+1] = g.handOut(dy, p.Rows, p.Cols, sinks[p].out())
				}
			}
			return out
		}})
	return out
}

func data(t *Tensor) []float32 {
	if t == nil {
		return nil
	}
	return t.Data()
}

// ConstantTaps are the taps [W, D] of a dynamic filter whose generator reads a
// learned vector c [in] instead of the activations: a static filter in
// function, a dynamic one in its parameters. first is P [in, R] or A
// [in, D/head·W]; u is nil for head-wise filters; s may be nil.
func (g *Graph) ConstantTaps(k kernels.Conv, c, first, u, s *Tensor) *Tensor {
	in := []*Tensor{c, first}
	for _, p := range []*Tensor{u, s} {
		if p != nil {
			in = append(in, p)
		}
	}
	z := scratch("constant z", first.Cols)
	dz := scratch("constant z'", first.Cols)
	var taps *Tensor
	taps = g.add(spec{name: "taps", rows: k.W, cols: k.D, dense: true, in: in, writes: []*buffer{z}, root: c,
		run: func() {
			k.ConstantTaps(taps.Data(), z.data, c.Data(), first.Data(), data(u), data(s))
		},
		diff: func(dtaps *Tensor) []*Tensor {
			sinks := map[*Tensor]*sink{}
			all := make([]*sink, len(in))
			for i, p := range in {
				all[i] = g.sink(p)
				sinks[p] = all[i]
			}
			sp := spec{name: "taps'", rows: c.Rows, cols: c.Cols, in: append([]*Tensor{dtaps}, in...), reads: []*buffer{z}, temp: []*buffer{dz}, out: all[0].out(),
				run: func() {
					acc := g.accumulate
					k.ConstantTapsBackward(sinks[c].open(acc), sinks[first].open(acc), sinks[u].open(acc), sinks[s].open(acc), dz.data, dtaps.Data(), z.data, c.Data(), first.Data(), data(u), acc)
					for _, to := range all {
						to.close()
					}
				}}
			sp.sinks(all...)
			return []*Tensor{g.add(sp)}
		}})
	return taps
}
