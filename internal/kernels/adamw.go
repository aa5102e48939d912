package kernels

import "math"

// AdamW is one step of the optimizer, with the gradient clipped by Scale:
//
//	g = Scale*g;  m = Beta1*m + (1-Beta1)*g;  v = Beta2*v + (1-Beta2)*g^2
//	w = w*(1 - LR*WeightDecay) - LR * (m/(1-Beta1^Step)) / (sqrt(v/(1-Beta2^Step)) + Eps)
type AdamW struct {
	LR, Beta1, Beta2, Eps, WeightDecay float64
	Scale                              float64
	Step                               int // from 1
}

// adamwFactors are the numbers of a step in the order in which assembly reads them.
// The corrections of the moments are taken out of the loop:
//
//	lr*mhat/(sqrt(vhat)+eps) = [lr*root/(1-Beta1^Step)] * m/(sqrt(v) + eps*root),  root = sqrt(1-Beta2^Step)
type adamwFactors struct{ scale, b1, c1, b2, c2, keep, lr, eps float32 }

func (a AdamW) factors() adamwFactors {
	root := math.Sqrt(1 - math.Pow(a.Beta2, float64(a.Step)))
	return adamwFactors{
		scale: float32(a.Scale),
		b1:    float32(a.Beta1), c1: float32(1 - a.Beta1),
		b2: float32(a.Beta2), c2: float32(1 - a.Beta2),
		keep: float32(1 - a.LR*a.WeightDecay),
		lr:   float32(a.LR * root / (1 - math.Pow(a.Beta1, float64(a.Step)))),
		eps:  float32(max(a.Eps*root, 0x1p-126)), // not 0, or a moment of 0 would be divided by it
	}
}

// Update changes w, m and v in place; g is read only. All have the same length.
func (a AdamW) Update(w, g, m, v []float32) {
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	f := a.factors()
	forRows(len(w), 1, func(i0, i1 int) { f.update(w[i0:i1], g[i0:i1], m[i0:i1], v[i0:i1]) })
}

// update is Update on values that are not empty, by one thread.
func (f *adamwFactors) update(w, g, m, v []float32) {
	if c := rowsNow(); c != nil {
		c.adamw(len(w), &w[0], &g[0], &m[0], &v[0], &f.scale)
		return
	}
	for i := range w {
		gi := g[i] * f.scale
		mi := f.b1*m[i] + f.c1*gi
		vi := f.b2*v[i] + f.c2*gi*gi
		m[i], v[i] = mi, vi
		w[i] = w[i]*f.keep - f.lr*mi/(float32(math.Sqrt(float64(vi)))+f.eps)
	}
}

// SumSquares is the sum of x^2, each block of values summed in float32 lanes and the
// blocks in float64, in ascending order.
func SumSquares(x []float32) float64 {
	if len(x) <= taskElements {
		return float64(dot(x, x))
	}
	return sumBlocks(len(x), func(i0, i1 int) float32 { return dot(x[i0:i1], x[i0:i1]) })
}

// sumBlocks adds what of gives for blocks of n values, in ascending order.
func sumBlocks(n int, of func(i0, i1 int) float32) float64 {
	blocks := (n + taskElements - 1) / taskElements
	parts := scratch(2 * blocks)
	defer parts.release()
	sums := parts.float64s()
	For(blocks, func(i int) {
		sums[i] = float64(of(i*taskElements, min(n, (i+1)*taskElements)))
	})
	var sum float64
	for _, s := range sums[:blocks] {
		sum += s
	}
	return sum
}
