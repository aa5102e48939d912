package arch

import (
	"cmp"
	"fmt"
	"slices"

	"dsconv/internal/graph"
	"dsconv/internal/kernels"
)

// forward builds the graph of one step.
type forward struct {
	*Model
	g       *graph.Graph
	b, t    int
	why     purpose
	params  map[string]*graph.Tensor
	rope    *kernels.Rope
	tokens  *graph.Index
	targets *graph.Index
	loss    *graph.Loss
	logits  []float32
}

func newForward(m *Model, b, t int, why purpose) *forward {
	f := &forward{Model: m, g: graph.New(), b: b, t: t, why: why, params: map[string]*graph.Tensor{}}
	f.g.Recompute = why.train && m.Spec.Memory.Recompute == "block"
	f.g.Keep = m.Spec.Memory.Keep
	f.tokens = f.g.Indices("tokens", b, t)
	f.targets = f.g.Indices("targets", b, t)
	for _, p := range m.Params {
		f.params[p.Name] = f.g.Param(p.Name, p.Rows, p.Cols, p.Data, p.Grad)
	}
	if m.Spec.Position == "rope" {
		f.rope = kernels.NewRope(b, t, 2*m.Spec.Heads, m.Spec.headDim(), m.Spec.RopeTheta)
	}
	return f
}

// build is the model on a page:
//
//	x = embed[tokens]
//	each layer:
//	  h = rmsnorm(x); x = x + conv_o(attention(rope(qknorm(conv_qkv(h·W)))) · W_o)
//	  h = rmsnorm(x); x = x + conv_down(swiglu(conv_gate,up(h·W)) · W_down)
//	head autoencoder: x = decode(rmsnorm(x)), from the last position alone
//	loss = cross-entropy(rmsnorm(x)·Eᵀ, targets)
func (f *forward) build() *graph.Tensor {
	g, s := f.g, f.Spec
	table := f.params["embed"]
	x := g.Embedding(table, f.tokens, s.Tied)
	if s.Position == "learned" {
		x = g.Positions(x, f.params["positions"], f.t)
	}
	for l := range s.Layers {
		g.Block(func() { x = f.layer(l, x) })
	}
	x = g.RMSNorm(x, f.params["final_norm"], s.NormEps)
	if s.Head == "autoencoder" {
		x = f.decode(x)
	}
	if !s.Tied {
		table = f.params["head"]
	}
	loss, result := g.CrossEntropy(x, table, f.targets, s.Tied, f.why.train)
	f.loss = result
	if f.why.logits {
		f.logits = g.Logits(x, table)
	}
	return loss
}

// layer is one block: attention, then the MLP where there is one.
func (f *forward) layer(l int, x *graph.Tensor) *graph.Tensor {
	g, s := f.g, f.Spec
	attn := fmt.Sprintf("layers.%d.attn.", l)
	h := g.RMSNorm(x, f.params[attn+"norm"], s.NormEps)
	qkv := f.linear(l, h, "q", "k", "v")
	if s.QKNorm {
		qkv = g.HeadNorm(qkv, f.params[attn+"q_norm"], f.params[attn+"k_norm"], s.Heads, s.NormEps)
	}
	if f.rope != nil {
		qkv = g.Rope(qkv, f.rope)
	}
	o := g.Attention(qkv, kernels.Attention{B: f.b, T: f.t, Heads: s.Heads, Dim: s.headDim()})
	x = g.Residual(x, f.linear(l, o, "o"), h)
	if s.MLPDim == 0 {
		return x
	}
	mlp := fmt.Sprintf("layers.%d.mlp.", l)
	h = g.RMSNorm(x, f.params[mlp+"norm"], s.NormEps)
	u := g.SwiGLU(f.linear(l, h, "gate", "up"))
	return g.Residual(x, f.linear(l, u, "down"), h)
}

// decode restores a sequence from its last vector (the compression task of MAD): a
// code of the position is added, and an MLP of the blocks' size follows. The paper
// names no shapes; these are ours.
func (f *forward) decode(x *graph.Tensor) *graph.Tensor {
	g, eps := f.g, f.Spec.NormEps
	x = g.Spread(x, f.t)
	h := g.RMSNorm(x, f.params["decoder.norm"], eps)
	u := g.SwiGLU(g.Project(h, f.params["decoder.w_gate"], f.params["decoder.w_up"]))
	x = g.Residual(x, g.Project(u, f.params["decoder.w_down"]), h)
	return g.RMSNorm(x, f.params["decoder.final_norm"], eps)
}

// linear applies the linear layers at the given places to h, side by side, and
// the short convolutions that follow them: y + conv(y), with taps generated
// from h.
func (f *forward) linear(l int, h *graph.Tensor, places ...string) *graph.Tensor {
	var weights, generators []*graph.Tensor
	var segments []graph.Segment
	convolved := false
	for _, m := range f.Spec.modules() {
		if !slices.Contains(places, m.place) {
			continue
		}
		weights = append(weights, f.params[f.Spec.weight(l, m)])
		seg := graph.Segment{Cols: m.out}
		if f.Spec.convolved(m) {
			convolved = true
			var gen *graph.Tensor
			seg, gen = f.segment(f.Spec.convPrefix(l, m), m)
			if gen != nil {
				generators = append(generators, gen)
			}
		}
		segments = append(segments, seg)
	}
	y := f.g.Project(h, append(weights, generators...)...)
	if !convolved {
		return y
	}
	if f.why.observe != nil {
		f.observe(l, y, segments, places)
	}
	return f.g.ShortConv(y, segments)
}

// observe shows the generators' outputs, which lie behind the segments in y.
func (f *forward) observe(l int, y *graph.Tensor, segments []graph.Segment, places []string) {
	col := 0
	for _, s := range segments {
		col += s.Cols
	}
	for i, s := range segments {
		gen := s.Kernel.GenCols()
		if gen > 0 {
			at := Filter{l, places[i]}
			f.g.Observe(y, col, gen, func(v kernels.View, rows, cols int) { f.why.observe(at, v, rows, cols) })
		}
		col += gen
	}
}

// segment describes the convolution after m; gen is the matrix that turns h
// into its filters, nil for filters that do not depend on h.
func (f *forward) segment(prefix string, m module) (seg graph.Segment, gen *graph.Tensor) {
	k := f.Spec.kernel(m.out)
	k.B, k.T = f.b, f.t
	gen = cmp.Or(f.params[prefix+"P"], f.params[prefix+"A"])
	seg = graph.Segment{Cols: m.out, U: f.params[prefix+"U"], S: f.params[prefix+"s"]}
	switch {
	case gen == nil: // static
	case f.Spec.Conv.Condition == "constant":
		seg.S = f.g.ConstantTaps(k, f.params[prefix+"c"], gen, seg.U, seg.S)
		seg.U, gen, k.Kind = nil, nil, kernels.ConvStatic
	case f.Spec.Conv.Condition == "shuffled":
		k.Shift = 1
	}
	k.Static = seg.S != nil
	seg.Kernel = k
	return seg, gen
}
