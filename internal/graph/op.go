package graph

import (
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"time"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"dsconv/internal/bug"
	"dsconv/internal/kernels"
)

// op is a Gorgonia operator over one kernel. Its fields are filled by the
// Graph method that adds it.
type op struct {
	g    *Graph
	id   uint32
	name string
	redo string // its name in the profile when it runs again
	in   []*gorgonia.Node
	typ  hm.Type      // of the output
	size tensor.Shape // of the output
	out  *buffer

	reads  []*buffer // read: inputs, and what other operators saved
	writes []*buffer // written besides out: saved statistics, gradients
	temp   []*buffer // needed only while it runs

	run func()
	// diff returns the gradient with respect to each input (nil where there
	// is none) from the gradient of the output.
	diff  func(grad *Tensor) []*Tensor
	wants []bool // which inputs diff serves

	around *Tensor // RMSNorm: the gradient that reaches its input around the branch

	owns     bool  // out is this operator's own, not a buffer that another fills
	backward bool  // added by differentiation
	block    int   // the block of the forward pass that it belongs to, or 0
	before   []*op // operators of a block that run again before this one
}

// spec is what a Graph method says of the operator it adds.
type spec struct {
	name       string
	rows, cols int
	dense      bool // rows of a new output follow each other without a gap
	in         []*Tensor
	index      []*Index
	out        *buffer // given when the output lies in a buffer that exists already
	inPlaceOf  *Tensor // the output takes this input's place: nobody reads it later
	reads      []*buffer
	writes     []*buffer
	temp       []*buffer
	run        func()
	root       *Tensor // the parameter whose gradient is an operator of its own
	around     *Tensor // the input whose gradient another operator adds
	diff       func(grad *Tensor) []*Tensor
}

// add puts an operator into the graph and returns its output.
func (g *Graph) add(s spec) *Tensor {
	if g.err != nil {
		return &Tensor{Rows: s.rows, Cols: s.cols, buf: &buffer{}}
	}
	g.ops++
	o := &op{g: g, id: g.ops, name: s.name, redo: s.name + ", again", out: s.out, reads: s.reads, writes: s.writes, temp: s.temp, run: s.run, diff: s.diff,
		owns: s.out == nil, backward: g.backward, block: g.block}
	o.typ = gorgonia.TensorType{Dims: 2, Of: tensor.Float32}
	o.size = tensor.Shape{s.rows, s.cols}
	stride := kernels.Stride(s.cols)
	switch {
	case s.out != nil && s.rows > 0:
		stride = s.out.size / s.rows
	case s.dense:
		stride = s.cols
	}
	if o.out == nil {
		o.out = &buffer{name: s.name, size: s.rows * stride}
		if s.inPlaceOf != nil && !s.inPlaceOf.buf.fixed {
			o.out.in = s.inPlaceOf.buf
		}
	}
	if s.rows == 0 {
		o.typ, o.size = tensor.Float32, tensor.ScalarShape()
	}
	// Gorgonia differentiates along the activations, down to the roots. The
	// gradients of other parameters are left in their memory on the way.
	for _, t := range s.in {
		o.in = append(o.in, t.node)
		o.reads = append(o.reads, t.buf)
		o.wants = append(o.wants, s.diff != nil && (t.op != nil && t != s.around || t == s.root))
	}
	if s.root != nil && s.root.node != nil {
		g.roots = append(g.roots, s.root.node)
	}
	for _, t := range s.index {
		o.in = append(o.in, t.node)
		o.wants = append(o.wants, false)
	}
	node, err := gorgonia.ApplyOp(o, o.in...)
	if err != nil {
		return g.fail("%s: %w", s.name, err)
	}
	t := &Tensor{Rows: s.rows, Cols: s.cols, stride: stride, node: node, buf: o.out, op: o}
	g.tensors[node] = t
	return t
}

// Arity is the number of inputs.
func (o *op) Arity() int { return len(o.in) }

// Type is a new function type each time: Gorgonia unifies it in place.
func (o *op) Type() hm.Type {
	ts := make([]hm.Type, 0, len(o.in)+1)
	for _, n := range o.in {
		ts = append(ts, n.Type())
	}
	return hm.NewFnType(append(ts, o.typ)...)
}

// InferShape returns the shape that was settled when the operator was added.
func (o *op) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) { return o.size.Clone(), nil }

// Do runs the kernel, or only notes its turn while the graph is being traced. The tape
// machine calls it on a goroutine of its own, so a panic is left for Run to pass on.
func (o *op) Do(in ...gorgonia.Value) (_ gorgonia.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			o.g.fell = bug.Of(r)
			err = o.g.fell
		}
	}()
	if o.g.tracing {
		o.g.trace = append(o.g.trace, o)
		return placeholder, nil
	}
	for i, v := range in {
		if t := o.g.tensors[o.in[i]]; t != nil && t.buf.value != v {
			return nil, fmt.Errorf("graph: %s: input %d is not the planned value", o.name, i)
		}
	}
	for _, again := range o.before {
		again.time(again.redo)
	}
	o.time(o.name)
	return o.out.value, nil
}

// time runs the kernel, and adds its time to the profile when there is one.
func (o *op) time(name string) {
	if o.run == nil { // a sidecar
		return
	}
	if o.g.profile == nil {
		o.run()
		return
	}
	start := time.Now()
	o.run()
	p := o.g.profile[name]
	if p == nil {
		p = &OpTime{Name: name}
		o.g.profile[name] = p
	}
	p.Calls++
	p.Time += time.Since(start)
}

// placeholder stands for every value while a graph is traced.
var placeholder gorgonia.Value = gorgonia.NewF32(0)

// ReturnsPtr is true: values are buffers, never copies.
func (o *op) ReturnsPtr() bool { return true }

// CallsExtern is false, so that the machine allocates nothing for the output.
func (o *op) CallsExtern() bool { return false }

// OverwritesInput is -1: places are shared by our plan, not by registers.
func (o *op) OverwritesInput() int { return -1 }

// WriteHash writes a number that no other operator has: the compiler merges
// nodes of equal hash without comparing them.
func (o *op) WriteHash(h hash.Hash) { fmt.Fprintf(h, "dsconv %s #%d", o.name, o.id) }

// Hashcode hashes what WriteHash writes.
func (o *op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// String is the operator's name.
func (o *op) String() string { return o.name }

// DiffWRT says which inputs have gradients.
func (o *op) DiffWRT(int) []bool { return o.wants }

// SymDiff adds the operator's backward pass to the graph.
func (o *op) SymDiff(inputs gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	if o.diff == nil {
		return nil, errors.New("graph: " + o.name + " has no gradient")
	}
	out := make(gorgonia.Nodes, len(inputs))
	for i, t := range o.diff(o.g.tensors[grad]) {
		if t != nil {
			out[i] = t.node
		}
	}
	return out, o.g.err
}
