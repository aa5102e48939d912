package arch

import (
	"fmt"
	"math"
	"strings"

	"dsconv/internal/config"
	"dsconv/internal/graph"
	"dsconv/internal/kernels"
	"dsconv/internal/rng"
)

// Kind is the part that a parameter plays; it settles its initialisation, its
// weight decay and the group it is counted in.
type Kind uint8

// The kinds of parameters.
const (
	Embedding  Kind = iota // embed, head, positions: N(0, init_std)
	Matrix                 // projections: N(0, init_std); those that write to the residual stream divided by sqrt(2·layers)
	Gain                   // norm weights: 1
	Generator              // P of a low-rank filter: U(±1/sqrt(in)), as a linear layer of PyTorch
	ZeroFactor             // U of a low-rank filter, A of a head-wise one: 0, so that training starts at the static taps
	Taps                   // static taps b: U(±init_scale/sqrt(W))
	Condition              // the learned vector of constant conditioning: N(0, 1), the size of a normalised activation
)

// ParamSpec describes one parameter without holding it.
type ParamSpec struct {
	Name       string
	Rows, Cols int // Cols is 0 for a vector
	Kind       Kind
}

// Size is the number of values.
func (p ParamSpec) Size() int { return p.Rows * max(p.Cols, 1) }

// Shape is the shape that files show.
func (p ParamSpec) Shape() []int {
	if p.Cols == 0 {
		return []int{p.Rows}
	}
	return []int{p.Rows, p.Cols}
}

// Store allocates a number for each value in the named format, float32 or bf16.
// Only matrices are stored narrowly: vectors are few, and carry more each.
func (p ParamSpec) Store(format string) graph.Grad {
	if format == "bf16" && p.Cols > 0 {
		return graph.Grad{BF16: kernels.AlignedBF16(p.Size())}
	}
	return graph.Grad{F32: kernels.Aligned(p.Size())}
}

// Decays says whether AdamW shrinks the parameter: every matrix, embeddings and
// generators included, but neither norm weights nor static taps.
func (p ParamSpec) Decays() bool { return p.Cols > 0 && p.Kind != Taps }

// Conv says whether the parameter belongs to a short convolution, whose
// learning rate optim.conv_lr_mult scales.
func (p ParamSpec) Conv() bool { return p.Kind >= Generator }

// Spec is all that a model's shape depends on.
type Spec struct {
	config.Model
	Conv   config.Conv
	Memory config.Memory
	SeqLen int // of training: sizes learned positions and counts; the model runs at any length otherwise
}

// SpecOf takes the model's part out of a configuration.
func SpecOf(c *config.Config) Spec {
	return Spec{Model: c.Model, Conv: c.Conv, Memory: c.Memory, SeqLen: c.Task.SeqLen}
}

// headDim is the number of channels of an attention head.
func (s Spec) headDim() int { return s.Dim / s.Heads }

// module is one linear layer of a block, with the place where a convolution may
// follow it.
type module struct {
	place   string // its name in conv.placement
	half    string // attn or mlp
	weight  string
	in, out int
}

// group names the layers that share the module's input, whose outputs lie side by side.
func (m module) group() string {
	switch m.place {
	case "q", "k", "v":
		return "qkv"
	case "gate", "up":
		return "gate,up"
	}
	return m.place
}

// modules lists the linear layers of a block in the order of the computation.
func (s Spec) modules() []module {
	d, f := s.Dim, s.MLPDim
	m := []module{{"q", "attn", "wq", d, d}, {"k", "attn", "wk", d, d}, {"v", "attn", "wv", d, d}, {"o", "attn", "wo", d, d}}
	if f > 0 {
		m = append(m, module{"gate", "mlp", "w_gate", d, f}, module{"up", "mlp", "w_up", d, f}, module{"down", "mlp", "w_down", f, d})
	}
	return m
}

// weight is the parameter name of a linear layer.
func (s Spec) weight(layer int, m module) string {
	return fmt.Sprintf("layers.%d.%s.%s", layer, m.half, m.weight)
}

// convolved says whether a convolution follows the module.
func (s Spec) convolved(m module) bool { return s.Conv.Active() && s.Conv.Placement.Has(m.place) }

// kernel is the convolution of out channels, for any batch. A constant one is made static
// when its generator has run.
func (s Spec) kernel(out int) kernels.Conv {
	c := s.Conv
	k := kernels.Conv{D: out, W: c.Width, Residual: c.Residual, HeadSize: c.HeadSize, Rank: c.Rank}
	switch {
	case c.Kind != "dynamic":
	case c.Filter == "headwise":
		k.Kind = kernels.ConvHeadwise
	default:
		k.Kind = kernels.ConvLowRank
	}
	return k
}

// convParams lists the parameters of the convolution after m, named below prefix.
func (s Spec) convParams(prefix string, m module) []ParamSpec {
	c := s.Conv
	var out []ParamSpec
	if c.Kind == "dynamic" {
		if c.Condition == "constant" {
			out = append(out, ParamSpec{prefix + "c", m.in, 0, Condition})
		}
		if c.Filter == "headwise" {
			out = append(out, ParamSpec{prefix + "A", m.in, m.out / c.HeadSize * c.Width, ZeroFactor})
		} else {
			out = append(out, ParamSpec{prefix + "P", m.in, c.Rank, Generator}, ParamSpec{prefix + "U", c.Rank, c.Width * m.out, ZeroFactor})
		}
	}
	if c.Kind == "static" || c.StaticTaps {
		out = append(out, ParamSpec{prefix + "s", c.Width, m.out, Taps})
	}
	return out
}

// Each calls f for every parameter.
func (s Spec) Each(f func(ParamSpec)) {
	f(ParamSpec{"embed", s.Vocab, s.Dim, Embedding})
	if s.Position == "learned" {
		f(ParamSpec{"positions", s.SeqLen, s.Dim, Embedding})
	}
	for l := range s.Layers {
		half := ""
		for _, m := range s.modules() {
			prefix := fmt.Sprintf("layers.%d.%s.", l, m.half)
			if m.half != half {
				half = m.half
				f(ParamSpec{prefix + "norm", s.Dim, 0, Gain})
			}
			f(ParamSpec{s.weight(l, m), m.in, m.out, Matrix})
			if s.convolved(m) {
				for _, p := range s.convParams(s.convPrefix(l, m), m) {
					f(p)
				}
			}
			if m.place == "o" && s.QKNorm {
				f(ParamSpec{prefix + "q_norm", s.headDim(), 0, Gain})
				f(ParamSpec{prefix + "k_norm", s.headDim(), 0, Gain})
			}
		}
	}
	f(ParamSpec{"final_norm", s.Dim, 0, Gain})
	if s.Head == "autoencoder" {
		f(ParamSpec{"decoder.norm", s.Dim, 0, Gain})
		f(ParamSpec{"decoder.w_gate", s.Dim, s.MLPDim, Matrix})
		f(ParamSpec{"decoder.w_up", s.Dim, s.MLPDim, Matrix})
		f(ParamSpec{"decoder.w_down", s.MLPDim, s.Dim, Matrix})
		f(ParamSpec{"decoder.final_norm", s.Dim, 0, Gain})
	}
	if !s.Tied {
		f(ParamSpec{"head", s.Vocab, s.Dim, Embedding})
	}
}

// initialise draws a parameter's first value. The stream is named by the seed
// and the parameter, so variants of a model share the start of what they share.
func (s Spec) initialise(p ParamSpec, data []float32, seed int64) {
	normal := func(std float64) {
		fill(data, seed, p.Name, func(src *rng.Source, part []float32) { src.FillNormal(part, std) })
	}
	uniform := func(bound float64) {
		fill(data, seed, p.Name, func(src *rng.Source, part []float32) { src.FillUniform(part, -bound, bound) })
	}
	switch p.Kind {
	case Gain:
		for i := range data {
			data[i] = 1
		}
	case ZeroFactor:
		clear(data)
	case Generator:
		uniform(1 / math.Sqrt(float64(p.Rows)))
	case Taps:
		uniform(s.Conv.InitScale / math.Sqrt(float64(p.Rows)))
	case Condition:
		normal(1)
	default:
		std := s.InitStd
		if strings.HasSuffix(p.Name, ".wo") || strings.HasSuffix(p.Name, ".w_down") {
			std /= math.Sqrt(2 * float64(s.Layers))
		}
		normal(std)
	}
}

// fill draws data on all threads: every draw takes one number of the stream, so
// each piece knows where in the stream it begins.
func fill(data []float32, seed int64, name string, draw func(src *rng.Source, part []float32)) {
	const piece = 1 << 16
	kernels.For((len(data)+piece-1)/piece, func(i int) {
		src := rng.New(uint64(seed), rng.Label("init"), rng.Label(name))
		src.Skip(uint64(i * piece))
		draw(src, data[i*piece:min(len(data), (i+1)*piece)])
	})
}
