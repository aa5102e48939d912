package train

import (
	"math"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/kernels"
	"dsconv/internal/rng"
)

// AdamW holds the optimizer's two moments of each parameter.
type AdamW struct {
	m, v []kernels.Narrow
}

// NewAdamW returns the optimizer's state at the start: zero.
func NewAdamW(m *arch.Model) *AdamW {
	a, format := &AdamW{}, m.Spec.Memory.Moments
	for _, p := range m.Params {
		a.m = append(a.m, p.Store(format))
		a.v = append(a.v, p.Store(format))
	}
	return a
}

// GradNorm is the global L2 norm of all gradients, and that of the short
// convolutions' parameters alone.
func GradNorm(m *arch.Model) (all, conv float64) {
	for _, p := range m.Params {
		n := p.Grad.SumSquares()
		all += n
		if p.Conv() {
			conv += n
		}
	}
	return math.Sqrt(all), math.Sqrt(conv)
}

// Update takes optimizer step number step (from 1). norm is the gradient's norm,
// clipped to optim.clip; decay shrinks matrices only; the learning rate of a
// short convolution's parameters is multiplied by optim.conv_lr_mult. Formulas:
// testdata/golden/README.md.
func (a *AdamW) Update(m *arch.Model, o config.Optim, lr, norm float64, step int) {
	u := kernels.AdamW{Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.Eps, Step: step, Scale: 1}
	if o.Clip > 0 {
		u.Scale = min(1, o.Clip/(norm+1e-6))
	}
	round := draws("moments", step)
	for i, p := range m.Params {
		u.LR, u.WeightDecay = lr, 0
		if p.Conv() {
			u.LR *= o.ConvLRMult
		}
		if p.Decays() {
			u.WeightDecay = o.WeightDecay
		}
		u.UpdateNarrow(p.Data, p.Grad, a.m[i], a.v[i], round+uint64(i)<<40)
	}
}

// draws names the random draws of stochastic rounding at one step.
func draws(what string, step int) uint64 { return rng.New(rng.Label(what), uint64(step)).Uint64() }
