package stats

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// MedianInterval is the interval of the median that order statistics give: it holds the
// median of whatever xs are drawn from, of any shape, in at least 95 % of cases (the sign
// test turned round). Fewer than six values limit nothing.
func MedianInterval(xs []float64) (low, high Bound) {
	n := len(xs)
	k := 0 // so many values may be cut off at each end
	for b := (distuv.Binomial{N: float64(n), P: 0.5}); k < n && 2*b.CDF(float64(k)) <= Alpha; k++ {
	}
	if k == 0 {
		return Bound(math.Inf(-1)), Bound(math.Inf(1))
	}
	s := slices.Sorted(slices.Values(xs))
	return Bound(s[k-1]), Bound(s[n-k])
}
