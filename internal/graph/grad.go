package graph

import "dsconv/internal/kernels"

// Grad is where a parameter's gradient is left: float32 memory or, at half the
// size, bfloat16 (exactly one is set). In bfloat16 an operator makes the
// gradient in float32, in a buffer that lives only while it runs, and rounds it
// stochastically; those of an embedding, the largest, have kernels that need no such
// buffer.
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
	s := g.direct(t)
	switch {
	case t.op != nil:
		s.tmp = scratch(t.buf.name+"'", t.Rows*t.Cols)
	case s.narrow():
		s.tmp = scratch("grad "+t.buf.name, t.Rows*t.Cols)
	}
	return s
}

// direct prepares a place for the gradient of a parameter whose operator rounds
// on its own where the gradient is narrow.
func (g *Graph) direct(t *Tensor) *sink {
	s := &sink{g: g, t: t}
	if s.narrow() {
		g.sinks++
		s.seed = uint64(g.sinks) << 40
	}
	return s
}

// narrow says whether the gradient is stored in bfloat16.
func (s *sink) narrow() bool { return s.t.grad.BF16 != nil }

// draws names the draws of stochastic rounding in this run.
func (s *sink) draws() uint64 { return s.g.rounding + s.seed }

// open returns the memory to write the gradient to, or to add it to when acc is
// set. No sink has no memory.
func (s *sink) open(acc bool) []float32 {
	if s == nil {
		return nil
	}
	mem, add := s.start(acc)
	if acc && !add {
		clear(mem)
	}
	return mem
}

// start is open for an operator that can be told whether to add: a new gradient
// in a buffer is written, and added when it is stored.
func (s *sink) start(acc bool) (mem []float32, add bool) {
	if s.tmp == nil {
		return s.t.grad.F32, acc
	}
	s.acc = acc
	return s.tmp.data, false
}

// close must follow when the gradient is written.
func (s *sink) close() {
	if s != nil && s.narrow() {
		kernels.StoreBF16(s.t.grad.BF16, s.tmp.data, s.acc, s.draws())
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
