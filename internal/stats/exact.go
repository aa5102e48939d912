package stats

import (
	"math"

	"dsconv/internal/rng"
)

// enumerate is the number of pairs up to which all sign flips are counted.
const enumerate = 16

// draws is how many flips are drawn above that.
const draws = 1 << 16

// signFlips is the chance that the mean difference, its signs drawn by fair coins,
// is at least (greater) or at most (less) what was seen.
func signFlips(d []float64) (greater, less float64) {
	seen, tol := 0.0, 0.0
	for _, x := range d {
		seen += x
		tol += math.Abs(x)
	}
	tol *= 1e-12
	total := 1 << min(len(d), enumerate)
	coins := func(i int) uint64 { return uint64(i) } // for 64 differences
	if len(d) > enumerate {
		r := rng.New(1, rng.Label("sign flips"))
		total = draws
		coins = func(int) uint64 { return r.Uint64() }
	}
	up, down := 0, 0
	for i := range total {
		sum, signs := 0.0, uint64(0)
		for j, x := range d {
			if j%64 == 0 {
				signs = coins(i)
			}
			if signs>>(j%64)&1 == 1 {
				x = -x
			}
			sum += x
		}
		if sum >= seen-tol {
			up++
		}
		if sum <= seen+tol {
			down++
		}
	}
	if len(d) > enumerate { // the flip that was seen is one of the draws
		return float64(up+1) / float64(total+1), float64(down+1) / float64(total+1)
	}
	return float64(up) / float64(total), float64(down) / float64(total)
}

// relabel is the chance that a random half of the outcomes, called x, has a sum at
// least (greater) or at most (less) that of x. It counts all halves, so it is
// meant for a few pairs.
func relabel(x, y []float64) (greater, less float64) {
	all := append(append([]float64(nil), x...), y...)
	seen, tol := 0.0, 0.0
	for _, v := range x {
		seen += v
	}
	for _, v := range all {
		tol += math.Abs(v)
	}
	tol *= 1e-12
	up, down, total := 0, 0, 0
	for mask := range 1 << len(all) {
		sum, n := 0.0, 0
		for j, v := range all {
			if mask>>j&1 == 1 {
				sum += v
				n++
			}
		}
		if n != len(x) {
			continue
		}
		total++
		if sum >= seen-tol {
			up++
		}
		if sum <= seen+tol {
			down++
		}
	}
	return float64(up) / float64(total), float64(down) / float64(total)
}
