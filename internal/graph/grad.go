package graph

import "dsconv/internal/kernels"

// Grad is where a parameter's gradient is left: float32 memory or, at half the
// size, bfloat16 (exactly one is set). In bfloat16 an operator makes the
// gradient in float32, in a buffer that lives only while it runs, and rounds it
// stochastically.
type Grad = kernels.Narrow

// sink is the place where one operator leaves the gradient of one tensor.
type sink struct {
	g    *Graph
	t    *Tensor
	seed uint64
	tmp  *buffer // float32 gradient of a narrow parameter
	acc  bool
}

// sink prepares a place for t's gradient. A tensor that is computed, not a
// parameter, gets a planned buffer, which must be among the operator's writes.
func (g *Graph) sink(t *Tensor) *sink {
	s := &sink{g: g, t: t}
	switch {
	case t.op != nil:
		s.tmp = scratch(t.buf.name+"'", t.Rows*t.Cols)
	case t.grad.BF16 != nil:
		g.sinks++
		s.seed = uint64(g.sinks) << 40
		s.tmp = scratch("grad "+t.buf.name, t.Rows*t.Cols)
	}
	return s
}

// open returns the memory to write the gradient to, or to add it to when acc is
// set. No sink has no memory.
func (s *sink) open(acc bool) []float32 {
	if s == nil {
		return nil
	}
	if s.tmp == nil {
		return s.t.grad.F32
	}
	if s.acc = acc; acc {
		clear(s.tmp.data)
	}
	return s.tmp.data
}

// close must follow when the gradient is written.
func (s *sink) close() {
	if s != nil && s.t.grad.BF16 != nil {
		kernels.StoreBF16(s.t.grad.BF16, s.tmp.data, s.acc, s.g.rounding+s.seed)
	}
}

// sinks adds the buffers that sinks need to an operator that is about to
// be added: those of parameters are temporary, others are its results.
func (s *spec) sinks(all ...*sink) {
	for _, k := range all {
		switch {
		case k.tmp == nil:
		case k.t.op != nil:
			s.writes = append(s.writes, k.tmp)
		default:
			s.temp = append(s.temp, k.tmp)
		}
	}
}

// out is the buffer that stands for the gradient in the graph.
func (s *sink) out() *buffer {
	if s.t.op != nil {
		return s.tmp
	}
	return &buffer{name: "grad " + s.t.buf.name, size: len(s.t.grad.F32), data: s.t.grad.F32, fixed: true}
}

// handOut adds a sidecar: an operator that computes nothing and returns
// another buffer which the operator behind main has filled. That is how one
// fused backward kernel gives Gorgonia several gradients. Those of parameters
// need none: they are left in the memory of their owner, and no operator reads
// them.
func (g *Graph) handOut(main *Tensor, rows, cols int, buf *buffer) *Tensor {
	return g.add(spec{name: "hand out " + buf.name, rows: rows, cols: cols, in: []*Tensor{main}, out: buf})
}
