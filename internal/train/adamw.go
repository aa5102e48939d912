package train

import (
	"math"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/graph"
	"dsconv/internal/kernels"
)

// AdamW holds the optimizer's two moments, laid out as the model's weights.
type AdamW struct {
	m, v []float32
}

// NewAdamW returns the optimizer's state at the start: zero.
func NewAdamW(m *arch.Model) *AdamW {
	return &AdamW{m: graph.Aligned(len(m.Weights)), v: graph.Aligned(len(m.Weights))}
}

// GradNorm is the global L2 norm of all gradients, and that of the short
// convolutions' parameters alone.
func GradNorm(m *arch.Model) (all, conv float64) {
	for _, p := range m.Params {
		n := kernels.SumSquares(p.Grad)
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
	for _, p := range m.Params {
		u.LR, u.WeightDecay = lr, 0
		if p.Conv() {
			u.LR *= o.ConvLRMult
		}
		if p.Decays() {
			u.WeightDecay = o.WeightDecay
		}
		u.Update(p.Data, p.Grad, p.In(a.m), p.In(a.v))
	}
}
