package graph

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"dsconv/internal/bug"
	"dsconv/internal/kernels"
	"dsconv/internal/rng"
)

// tiny is a graph of embedding, a gated block and an output head, with the gradients
// of its parameters.
type tiny struct {
	g       *Graph
	tokens  *Index
	targets *Index
	loss    *Loss
	program *Program
	params  []*Tensor
}

func newTiny(t *testing.T, recompute bool) *tiny {
	t.Helper()
	const vocab, d, f, b, seq = 11, 6, 5, 2, 4
	g := New()
	g.Recompute = recompute
	n := &tiny{g: g, tokens: g.Indices("tokens", b, seq), targets: g.Indices("targets", b, seq)}
	src := rng.New(1)
	param := func(name string, rows, cols int) *Tensor {
		data := make([]float32, rows*max(cols, 1))
		src.FillNormal(data, 0.5)
		p := g.Param(name, rows, cols, data, Grad{F32: make([]float32, len(data))})
		n.params = append(n.params, p)
		return p
	}
	table, norm, in, out := param("table", vocab, d), param("norm", d, 0), param("in", d, 2*f), param("out", f, d)
	x := g.Embedding(table, n.tokens, true)
	g.Block(func() {
		h := g.RMSNorm(x, norm, 1e-5)
		x = g.Residual(x, g.Project(g.SwiGLU(g.Project(h, in)), out), h)
	})
	var loss *Tensor
	loss, n.loss = g.CrossEntropy(x, table, n.targets, true, true)
	var err error
	if n.program, err = g.Compile(loss, true, nil); err != nil {
		t.Fatal(err)
	}
	for i := range n.tokens.Data {
		n.tokens.Data[i], n.targets.Data[i] = int32(i%vocab), int32((3*i)%vocab)
	}
	n.targets.Data[2] = kernels.IgnoreTarget
	return n
}

func (n *tiny) run(t *testing.T, accumulate bool) float64 {
	t.Helper()
	if err := n.program.Run(1, accumulate); err != nil {
		t.Fatal(err)
	}
	return n.loss.Sum
}

// TestGradients compares every derivative with a central difference.
func TestGradients(t *testing.T) {
	for _, recompute := range []bool{false, true} {
		n := newTiny(t, recompute)
		n.run(t, false)
		for _, p := range n.params {
			grad := append([]float32(nil), p.grad.F32...)
			for i, w := range p.Data() {
				const h = 4e-3
				p.Data()[i] = w + h
				up := n.run(t, false)
				p.Data()[i] = w - h
				down := n.run(t, false)
				p.Data()[i] = w
				if got := (up - down) / (2 * h); math.Abs(got-float64(grad[i])) > 5e-3*(1+math.Abs(got)) {
					t.Errorf("recompute %v: %s[%d]: derivative %.5f, finite difference %.5f", recompute, p.buf.name, i, grad[i], got)
				}
			}
		}
	}
}

// TestAccumulate: a second run adds its gradients only when told so.
func TestAccumulate(t *testing.T) {
	n := newTiny(t, false)
	n.run(t, false)
	once := n.params[2].grad.F32[3]
	n.run(t, false)
	if got := n.params[2].grad.F32[3]; got != once {
		t.Errorf("a second run gives %v instead of %v", got, once)
	}
	n.run(t, true)
	if got := n.params[2].grad.F32[3]; math.Abs(float64(got-2*once)) > 1e-6 {
		t.Errorf("two accumulated runs give %v instead of %v", got, 2*once)
	}
}

// TestPlanKeepsBuffersApart: buffers that are alive at the same time never share
// memory, for random lives.
func TestPlanKeepsBuffersApart(t *testing.T) {
	src := rng.New(2)
	for range 50 {
		g := New()
		var all []*buffer
		for range 40 {
			o := &op{g: g, owns: true, out: scratch("out", 1+src.IntN(100))}
			for range src.IntN(3) {
				if len(all) > 0 {
					o.reads = append(o.reads, all[src.IntN(len(all))])
				}
			}
			o.temp = append(o.temp, scratch("temp", src.IntN(50)))
			all = append(all, o.out, o.temp[0])
			g.trace = append(g.trace, o)
		}
		// An operator that runs twice: its output lives twice.
		late := g.trace[30]
		late.before = []*op{g.trace[5]}
		late.reads = append(late.reads, g.trace[5].out)
		size := g.plan()
		for i, a := range all {
			if a.offset+a.size > size {
				t.Fatalf("a buffer ends at %d, the arena at %d", a.offset+a.size, size)
			}
			for _, b := range all[:i] {
				if a.meets(b) && a.size > 0 && b.size > 0 && a.offset < b.offset+b.size && b.offset < a.offset+a.size {
					t.Fatalf("buffers [%d,%d) alive %v and [%d,%d) alive %v overlap", a.offset, a.offset+a.size, a.lives, b.offset, b.offset+b.size, b.lives)
				}
			}
		}
	}
}

// TestCompileErrors: mistakes in building a graph come back as errors that name the
// place.
func TestCompileErrors(t *testing.T) {
	g := New()
	p := g.Param("w", 2, 3, make([]float32, 5), Grad{})
	if _, err := g.Compile(p, false, nil); err == nil || !strings.Contains(err.Error(), "parameter w: shape (2, 3) holds 6 values, got 5 weights") {
		t.Errorf("wrong size: %v", err)
	}
	g = New()
	p = g.Param("w", 2, 3, make([]float32, 6), Grad{})
	x := g.Project(p, g.Param("v", 3, 2, make([]float32, 6), Grad{}))
	if _, err := g.Compile(x, false, func(n int) []float32 { return make([]float32, n-1) }); err == nil || !strings.Contains(err.Error(), "offered") {
		t.Errorf("small arena: %v", err)
	}
}

// TestProfile counts the operators of a run, and what the machine takes between them.
func TestProfile(t *testing.T) {
	n := newTiny(t, true)
	n.program.Profile(true)
	n.run(t, false)
	calls := map[string]int{}
	for _, o := range n.program.Times() {
		calls[o.Name] = o.Calls
		if o.Name == machine && (o.Time <= 0 || o.Time >= n.program.runs.Time) {
			t.Errorf("of %v the tape machine took %v", n.program.runs.Time, o.Time)
		}
	}
	if calls[machine] != 1 {
		t.Errorf("the tape machine ran once, and is listed %d times", calls[machine])
	}
	if want := map[string]int{"project": 2, "project, again": 1, "project'": 2}; calls["project"] != want["project"] || calls["project, again"] != want["project, again"] || calls["project'"] != want["project'"] {
		t.Errorf("calls %v, want among them %v", calls, want)
	}
}

// A graph reads as formulas; the gradients lie in the memory that was given for them.
func Example() {
	g := New()
	tokens, targets := g.Indices("tokens", 1, 2), g.Indices("targets", 1, 2)
	table := g.Param("embed", 2, 1, []float32{1, -1}, Grad{F32: make([]float32, 2)})
	loss, result := g.CrossEntropy(g.Embedding(table, tokens, true), table, targets, true, true)
	program, err := g.Compile(loss, true, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	copy(tokens.Data, []int32{0, 1})
	copy(targets.Data, []int32{0, 1})
	if err := program.Run(1, false); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("loss %.4f over %d labels\n", result.Sum, result.Labelled)
	// Output: loss 0.2539 over 2 labels
}

// An operator runs on a goroutine of the tape machine's; its panic reaches the caller of
// Run all the same, and the program can run again.
func TestRunPanics(t *testing.T) {
	n := newTiny(t, false)
	want := n.run(t, false)
	token := n.tokens.Data[0]
	n.tokens.Data[0] = 1 << 20
	var got any
	func() {
		defer func() { got = recover() }()
		_ = n.program.Run(1, false)
	}()
	if p, ok := got.(*bug.Panic); !ok || !strings.Contains(p.Error(), "out of range") || !strings.Contains(string(p.Stack), "kernels.") {
		t.Errorf("a token beyond the vocabulary: %#v", got)
	}
	n.tokens.Data[0] = token
	if again := n.run(t, false); again != want {
		t.Errorf("loss %v, before the panic %v", again, want)
	}
}
