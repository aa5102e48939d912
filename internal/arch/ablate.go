package arch

import (
	"cmp"
	"fmt"

	"dsconv/internal/kernels"
)

// Filter names one short convolution of a model.
type Filter struct {
	Layer int
	Place string // q, k, v, o, gate, up or down
}

// GeneratorFunc is shown what the generator of a dynamic filter writes for a batch:
// [rows, cols], cols being the rank, or the taps of all head groups.
type GeneratorFunc func(at Filter, gen kernels.View, rows, cols int)

// Observe compiles a forward pass that shows f the outputs of all filter generators.
func (m *Model) Observe(b, t int, f GeneratorFunc) (*Step, error) {
	return m.compile(b, t, purpose{observe: f})
}

// With returns a model of another specification that starts from m's weights:
// parameters that both have are copied, others are zero.
func (m *Model) With(s Spec) *Model {
	n := New(s, false)
	for _, p := range n.Params {
		if from := m.Param(p.Name); from != nil && from.Size() == p.Size() {
			copy(p.Data, from.Data)
		}
	}
	return n
}

// Filters lists the short convolutions in the order of the computation.
func (s Spec) Filters() []Filter {
	var out []Filter
	for l := range s.Layers {
		for _, m := range s.modules() {
			if s.convolved(m) {
				out = append(out, Filter{l, m.place})
			}
		}
	}
	return out
}

// Taps gives the parts of which the taps of one filter are made: the static taps s
// [W, out] (nil where there are none), and the factor [cols, W, out] that turns the
// generator's output into dynamic taps (nil for static filters). For head-wise filters
// the factor is implied and not given. out is the number of channels.
func (m *Model) Taps(at Filter) (s, u *Param, out int) {
	prefix, out := m.Spec.find(at)
	return m.Param(prefix + "s"), m.Param(prefix + "U"), out
}

// DynamicTaps turns one row of a generator's output into dynamic taps [W, out],
// or the mean of many rows into the mean taps, since taps are linear in it.
func (m *Model) DynamicTaps(at Filter, gen []float64) []float64 {
	_, u, out := m.Taps(at)
	w := m.Spec.Conv.Width
	taps := make([]float64, w*out)
	if m.Spec.Conv.Filter == "headwise" {
		for k := range w {
			for d := range out {
				taps[k*out+d] = gen[d/m.Spec.Conv.HeadSize*w+k]
			}
		}
		return taps
	}
	for r, z := range gen {
		for i, v := range u.Data[r*w*out : (r+1)*w*out] {
			taps[i] += z * float64(v)
		}
	}
	return taps
}

// Silence sets the dynamic part of every filter to zero, by its second factor.
func (m *Model) Silence() {
	for _, p := range m.Params {
		if p.Kind == ZeroFactor {
			clear(p.Data)
		}
	}
}

// DropLag removes tap k of every filter, static and dynamic part.
func (m *Model) DropLag(k int) {
	w := m.Spec.Conv.Width
	for _, at := range m.Spec.Filters() {
		s, u, out := m.Taps(at)
		if s != nil {
			clear(s.Data[k*out : (k+1)*out])
		}
		if u != nil {
			for r := range u.Rows {
				clear(u.Data[(r*w+k)*out : (r*w+k+1)*out])
			}
		}
	}
	// Head-wise generators write the taps of a group side by side.
	for _, p := range m.Params {
		if p.Kind == ZeroFactor && m.Spec.Conv.Filter == "headwise" {
			for i := k; i < len(p.Data); i += w {
				p.Data[i] = 0
			}
		}
	}
}

// find gives the start of a filter's parameter names, and its channels.
func (s Spec) find(at Filter) (prefix string, out int) {
	for _, mod := range s.modules() {
		if mod.place == at.Place {
			return s.convPrefix(at.Layer, mod), mod.out
		}
	}
	panic("arch: no linear layer is called " + at.Place)
}

// convPrefix is the start of the parameter names of the convolution after mod.
func (s Spec) convPrefix(layer int, mod module) string {
	return fmt.Sprintf("layers.%d.%s.conv_%s.", layer, mod.half, mod.place)
}

// ConstantTaps are the taps [W, out] of a filter whose generator reads a learned
// vector.
func (m *Model) ConstantTaps(at Filter) []float64 {
	s, u, out := m.Taps(at)
	prefix, _ := m.Spec.find(at)
	k, first := m.Spec.kernel(out), cmp.Or(m.Param(prefix+"P"), m.Param(prefix+"A"))
	taps, z := make([]float32, k.W*out), make([]float32, first.Cols)
	k.ConstantTaps(taps, z, m.Param(prefix+"c").Data, first.Data, data(u), data(s))
	wide := make([]float64, len(taps))
	for i, v := range taps {
		wide[i] = float64(v)
	}
	return wide
}

func data(p *Param) []float32 {
	if p == nil {
		return nil
	}
	return p.Data
}
