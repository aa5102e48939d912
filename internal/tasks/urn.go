package tasks

import (
	"math/bits"

	"dsconv/internal/rng"
)

// weightOne is the integer that stands for the largest weight. Integers make a draw
// exact; a weight below 2^-40 of the largest counts as that.
const weightOne = 1 << 40

// powerWeights are the weights (g+1)^exponent of g in [0, n) as integers.
func powerWeights(n int, exponent float64) []uint64 {
	if n == 0 {
		return nil
	}
	largest := max(1, rng.Pow(float64(n), exponent))
	w := make([]uint64, n)
	for g := range w {
		w[g] = max(1, uint64(rng.Pow(float64(g+1), exponent)/largest*weightOne))
	}
	return w
}

// urn draws indices without replacement, each time with probability proportional to
// the weights that are left. A draw takes logarithmic time in a Fenwick tree ("A new
// data structure for cumulative frequency tables", 1994).
type urn struct {
	weights []uint64
	full    []uint64 // tree of all weights, from index 1
	tree    []uint64
	total   uint64
	left    uint64
}

func newUrn(weights []uint64) *urn {
	u := &urn{weights: weights, full: make([]uint64, len(weights)+1), tree: make([]uint64, len(weights)+1)}
	for i, w := range weights {
		u.total += w
		for at := i + 1; at < len(u.full); at += at & -at {
			u.full[at] += w
		}
	}
	u.refill()
	return u
}

// refill puts everything back.
func (u *urn) refill() {
	copy(u.tree, u.full)
	u.left = u.total
}

// draw takes one index out.
func (u *urn) draw(src *rng.Source) int {
	x, at := src.Uint64N(u.left), 0
	for step := 1 << (bits.Len(uint(len(u.weights))) - 1); step > 0; step >>= 1 {
		if next := at + step; next < len(u.tree) && u.tree[next] <= x {
			at, x = next, x-u.tree[next]
		}
	}
	w := u.weights[at]
	u.left -= w
	for i := at + 1; i < len(u.tree); i += i & -i {
		u.tree[i] -= w
	}
	return at
}
