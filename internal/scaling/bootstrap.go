package scaling

import (
	"math"

	"dsconv/internal/rng"
	"dsconv/internal/stats"
)

// block is what one seed did at one place of the ladder: the point of each variant,
// or -1. Variants of a block saw the same data in the same order, so their
// residuals belong together.
type block []int

// blocks groups points by place on the ladder and seed. A place is counted within
// each variant, since a convolution adds parameters.
func blocks(points []Point, names []string) []block {
	type key struct {
		place int
		seed  int64
		again int // runs that agree in all three
	}
	index := map[key]int{}
	var out []block
	for v, name := range names {
		place := map[size]int{}
		for i, s := range sizes(of(points, name)) {
			place[s] = i
		}
		times := map[key]int{}
		for i, p := range points {
			if p.Variant != name {
				continue
			}
			k := key{place: place[p.size()], seed: p.Seed}
			k.again = times[k]
			times[key{place: k.place, seed: k.seed}]++
			at, ok := index[k]
			if !ok {
				at = len(out)
				index[k] = at
				b := make(block, len(names))
				for j := range b {
					b[j] = -1
				}
				out = append(out, b)
			}
			out[at][v] = i
		}
	}
	return out
}

// bootstrap draws residuals anew, in whole blocks, adds them to the fitted law, and
// fits again from the first fit, so often as told. Residuals of a fit are smaller
// than the noise, by the root of the share of unknowns; they are blown up by it.
// use sees every fit.
func bootstrap(s *shared, o *objective, theta []float64, bs []block, times int, seed uint64, use func(theta []float64)) {
	n := len(o.logy)
	res := o.residuals(theta)
	scale := math.Sqrt(float64(n) / float64(max(1, n-s.unknowns())))
	fitted := make([]float64, n)
	byVariant := make([][]float64, s.n)
	for i, r := range res {
		fitted[i] = o.logy[i] - r
		byVariant[s.of[i]] = append(byVariant[s.of[i]], r)
	}
	again := &objective{law: s, logy: make([]float64, n), delta: o.delta}
	for t := range times {
		r := rng.New(seed, rng.Label("bootstrap"), uint64(t))
		for _, b := range bs {
			source := bs[r.IntN(len(bs))]
			for v, i := range b {
				if i < 0 {
					continue
				}
				noise := 0.0
				if j := source[v]; j >= 0 {
					noise = res[j]
				} else {
					noise = byVariant[v][r.IntN(len(byVariant[v]))]
				}
				again.logy[i] = fitted[i] + scale*noise
			}
		}
		th, _ := again.descend(theta)
		use(th)
	}
}

// spread is the interval of an estimate from its bootstrap draws: their quantiles,
// drawn apart as Student's t is beside the normal, since the size of the noise is
// known from few residuals only. Without a residual to spare there is no limit.
func spread(estimate float64, draws []float64, degrees int) (low, high float64) {
	if degrees < 1 {
		return math.Inf(-1), math.Inf(1)
	}
	widen := stats.TQuantile(degrees) / stats.ZQuantile()
	low = estimate + widen*min(0, stats.Quantile(draws, stats.Alpha/2)-estimate)
	high = estimate + widen*max(0, stats.Quantile(draws, 1-stats.Alpha/2)-estimate)
	// An optimum is found to about this much even where points lie on the law.
	const precision = 1e-4
	return low - precision, high + precision
}
