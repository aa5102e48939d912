package graph

import "dsconv/internal/kernels"

// Segment is a group of neighbouring columns that one short convolution works
// on, with the parameters of that convolution.
type Segment struct {
	Cols   int
	Kernel kernels.Conv // W = 0: no convolution here, the columns are copied
	Gen    int          // columns of the filter generator's output
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
	in, wants := []*Tensor{y}, []bool{true}
	for _, s := range segments {
		for _, p := range []*Tensor{s.U, s.S} {
			if p != nil {
				in, wants = append(in, p), append(wants, true)
			}
		}
	}
	each := func(body func(s Segment, col, gen int)) {
		col, gen := 0, cols
		for _, s := range segments {
			body(s, col, gen)
			col += s.Cols
			gen += s.Gen
		}
	}
	genView := func(t *Tensor, s Segment, gen int) kernels.View {
		if s.Gen == 0 {
			return kernels.View{}
		}
		return t.view(gen)
	}
	var out *Tensor
	out = g.add(spec{name: "conv", rows: y.Rows, cols: cols, in: in, wants: wants,
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
			// The taps of a constant filter are computed, not stored: their
			// gradient is a buffer of the plan instead of a parameter's.
			var writes, gradients []*buffer
			for _, p := range in[1:] {
				b := p.gradBuffer()
				if p.op != nil {
					b = scratch("taps'", p.Rows*p.Cols)
					writes = append(writes, b)
				}
				gradients = append(gradients, b)
			}
			var dy *Tensor
			dy = g.add(spec{name: "conv'", rows: y.Rows, cols: y.Cols, in: append([]*Tensor{grad}, in...), writes: writes,
				run: func() {
					next := 0
					take := func(p *Tensor) []float32 {
						if p == nil {
							return nil
						}
						next++
						return gradients[next-1].data
					}
					each(func(s Segment, col, gen int) {
						if s.Kernel.W == 0 {
							kernels.Copy(dy.view(col), grad.view(col), y.Rows, s.Cols)
							return
						}
						du, ds := take(s.U), take(s.S)
						acc := g.accumulate && (s.S == nil || s.S.op == nil)
						s.Kernel.Backward(dy.view(col), genView(dy, s, gen), du, ds, grad.view(col), y.view(col), genView(y, s, gen), data(s.U), data(s.S), acc)
					})
				}})
			out := []*Tensor{dy}
			for i, p := range in[1:] {
				out = append(out, g.handOut(dy, p.Rows, p.Cols, gradients[i]))
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
	in, wants := []*Tensor{c, first}, []bool{true, true}
	for _, p := range []*Tensor{u, s} {
		if p != nil {
			in, wants = append(in, p), append(wants, true)
		}
	}
	z := scratch("constant z", first.Cols)
	dz := scratch("constant z'", first.Cols)
	var taps *Tensor
	taps = g.add(spec{name: "taps", rows: k.W, cols: k.D, in: in, writes: []*buffer{z}, wants: wants,
		run: func() {
			k.ConstantTaps(taps.Data(), z.data, c.Data(), first.Data(), data(u), data(s))
		},
		diff: func(dtaps *Tensor) []*Tensor {
			var dc *Tensor
			dc = g.add(spec{name: "taps'", rows: c.Rows, cols: c.Cols, in: append([]*Tensor{dtaps}, in...), reads: []*buffer{z}, temp: []*buffer{dz}, out: c.gradBuffer(),
				run: func() {
					var du, ds []float32
					if u != nil {
						du = u.grad
					}
					if s != nil {
						ds = s.grad
					}
					k.ConstantTapsBackward(c.grad, first.grad, du, ds, dz.data, dtaps.Data(), z.data, c.Data(), first.Data(), data(u), g.accumulate)
				}})
			return append([]*Tensor{dc}, g.paramGrads(dc, in[1:]...)...)
		}})
	return taps
}
