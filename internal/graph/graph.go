package graph

import (
	"fmt"
	"time"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"dsconv/internal/bug"
	"dsconv/internal/kernels"
)

// Graph is an expression graph under construction. Its methods add one
// operator each and never fail on their own: the first error is kept and
// returned by Compile, so that a model reads as a page of formulas.
type Graph struct {
	expr *gorgonia.ExprGraph
	err  error

	tensors map[*gorgonia.Node]*Tensor
	ops     uint32
	roots   gorgonia.Nodes // parameters that differentiation ends at
	trace   []*op          // order of execution, recorded by the first run
	tracing bool
	fell    *bug.Panic // of an operator
	profile map[string]*OpTime

	// Recompute makes the activations inside each Block be computed again for
	// the backward pass instead of being kept.
	Recompute bool
	// Keep is the number of blocks, from the last on, that Recompute leaves out.
	Keep     int
	blocks   int // so far
	block    int // under construction; 0 outside of blocks
	backward bool

	// accumulate makes gradients of parameters add to what is there.
	accumulate bool
	// lossScale multiplies the sum of the losses of all labelled positions.
	lossScale float32
	// rounding names this run's draws of stochastic rounding.
	rounding uint64
	sinks    int // narrow ones so far
}

// New returns an empty graph.
func New() *Graph {
	return &Graph{expr: gorgonia.NewGraph(), tensors: map[*gorgonia.Node]*Tensor{}, lossScale: 1}
}

// Tensor is a float32 matrix in the graph: a Gorgonia node and the buffer in
// which its value will lie.
type Tensor struct {
	Rows, Cols int

	stride int // values from row to row: see kernels.Stride
	node   *gorgonia.Node
	buf    *buffer
	op     *op // the operator that makes it; nil for parameters
	grad   Grad
}

// Data is the value of a parameter or of taps, [Rows, Cols] row-major.
func (t *Tensor) Data() []float32 { return t.buf.data }

// view is the columns of t from col on. There are none before the graph is compiled, and
// another tensor's memory once the last reader has run.
func (t *Tensor) view(col int) kernels.View {
	return kernels.View{Data: t.buf.data, Stride: t.stride}.At(0, col)
}

// buffer is a piece of memory that the planner places.
type buffer struct {
	name  string
	size  int // floats
	data  []float32
	value gorgonia.Value
	fixed bool    // placed by its owner: parameters, gradients, results
	in    *buffer // shares the place of another buffer

	lives  []life // when it must keep its contents
	offset int
}

func (b *buffer) root() *buffer {
	for b.in != nil {
		b = b.in
	}
	return b
}

func scratch(name string, size int) *buffer { return &buffer{name: name, size: size} }

func (g *Graph) fail(format string, args ...any) *Tensor {
	if g.err == nil {
		g.err = fmt.Errorf("graph: "+format, args...)
	}
	return &Tensor{buf: &buffer{}}
}

// Param adds a trainable parameter: a matrix [rows, cols], or a vector when
// cols is 0. The graph reads weights from data and leaves their gradient in
// grad, both of which the caller owns; grad is empty where none is wanted.
func (g *Graph) Param(name string, rows, cols int, data []float32, grad Grad) *Tensor {
	shape := tensor.Shape{rows, cols}
	if cols == 0 {
		shape, cols = tensor.Shape{rows}, 1
	}
	if n := max(len(grad.F32), len(grad.BF16)); len(data) != rows*cols || n != 0 && n != len(data) {
		return g.fail("parameter %s: shape %v holds %d values, got %d weights and %d gradients", name, shape, rows*cols, len(data), n)
	}
	value := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))
	node := gorgonia.NewTensor(g.expr, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name), gorgonia.WithValue(value))
	t := &Tensor{Rows: rows, Cols: cols, stride: cols, node: node, grad: grad, buf: &buffer{name: name, size: len(data), data: data, value: value, fixed: true}}
	g.tensors[node] = t
	return t
}

// Index is an input of the graph that holds token numbers or targets.
type Index struct {
	Data []int32
	node *gorgonia.Node
}

// Indices adds an input of b*t whole numbers; fill Data before each run.
func (g *Graph) Indices(name string, b, t int) *Index {
	data := make([]int32, b*t)
	value := tensor.New(tensor.WithShape(b, t), tensor.WithBacking(data))
	node := gorgonia.NewMatrix(g.expr, tensor.Int32, gorgonia.WithShape(b, t), gorgonia.WithName(name), gorgonia.WithValue(value))
	return &Index{Data: data, node: node}
}

// OpTime is the time that the operators of one name took in profiled runs.
type OpTime struct {
	Name  string
	Calls int
	Time  time.Duration
}
