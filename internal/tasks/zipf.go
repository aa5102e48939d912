package tasks

import "dsconv/internal/rng"

// zipf draws ranks r in [0, n) with probability proportional to (r+1)^-exponent, as
// integers give it exactly, in constant time (the alias method; Walker 1977, Vose
// 1991).
type zipf struct {
	weights   []uint64
	total     uint64
	threshold []uint64 // of total: below it a column is itself
	alias     []int32  // what the column is otherwise
}

func newZipf(n int, exponent float64) *zipf {
	z := &zipf{weights: powerWeights(n, -exponent), threshold: make([]uint64, n), alias: make([]int32, n)}
	for _, w := range z.weights {
		z.total += w
	}
	// Column i holds n times weight i; each must hold exactly total in the end.
	// n <= 2^17 and a weight <= 2^40, so nothing overflows.
	var small, large []int32
	for i, w := range z.weights {
		z.threshold[i], z.alias[i] = w*uint64(n), int32(i)
		if z.threshold[i] < z.total {
			small = append(small, int32(i))
		} else {
			large = append(large, int32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		z.alias[s] = l
		z.threshold[l] -= z.total - z.threshold[s]
		if z.threshold[l] < z.total {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	return z
}

// draw returns a rank.
func (z *zipf) draw(src *rng.Source) int32 {
	column := src.IntN(len(z.alias))
	if src.Uint64N(z.total) < z.threshold[column] {
		return int32(column)
	}
	return z.alias[column]
}

// p is the probability of a rank.
func (z *zipf) p(rank int32) float64 { return float64(z.weights[rank]) / float64(z.total) }
