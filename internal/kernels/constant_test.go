package kernels

import (
	"math/rand/v2"
	"testing"
)

// A constant filter has the taps of a dynamic one that reads the same vector at
// every position, so the convolution's own kernels say what is right.
func TestConstantTapsAreThoseOfTheDynamicFilter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 15))
	for _, c := range []Conv{
		{B: 1, T: 6, D: 12, W: 3, Kind: ConvLowRank, Rank: 5, Static: true},
		{B: 1, T: 6, D: 12, W: 3, Kind: ConvLowRank, Rank: 5},
		{B: 1, T: 4, D: 12, W: 4, Kind: ConvHeadwise, HeadSize: 4, Static: true},
		{B: 1, T: 4, D: 12, W: 1, Kind: ConvHeadwise, HeadSize: 3},
	} {
		const in = 7
		n, u := c.Rank, []float32(nil)
		if c.Kind == ConvHeadwise {
			n = c.D / c.HeadSize * c.W
		} else {
			u = randomValues(r, c.Rank*c.W*c.D)
		}
		v, first := randomValues(r, in), randomValues(r, in*n)
		var s []float32
		if c.Static {
			s = randomValues(r, c.W*c.D)
		}
		taps, z := make([]float32, c.W*c.D), make([]float32, n)
		c.ConstantTaps(taps, z, v, first, u, s)

		x := randomValues(r, c.T*c.D)
		gen := make([]float32, c.T*n)
		for t := range c.T {
			Gemm(NN, 1, n, in, Dense(v, in), Dense(first, n), Dense(gen[t*n:], n), false)
		}
		dynamic, static := make([]float32, len(x)), make([]float32, len(x))
		c.Forward(Dense(dynamic, c.D), Dense(x, c.D), Dense(gen, n), u, s)
		k := Conv{B: c.B, T: c.T, D: c.D, W: c.W, Kind: ConvStatic, Static: true}
		k.Forward(Dense(static, c.D), Dense(x, c.D), View{}, nil, taps)
		for i := range static {
			near(t, "output", static[i], float64(dynamic[i]), 2e-5)
		}
	}
}

// The function is linear in each of its arguments but the product of three, so
// central differences are exact up to rounding.
func TestConstantTapsBackward(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 15))
	for _, c := range []Conv{
		{D: 12, W: 3, Kind: ConvLowRank, Rank: 5, Static: true},
		{D: 12, W: 2, Kind: ConvHeadwise, HeadSize: 4, Static: true},
		{D: 8, W: 2, Kind: ConvLowRank, Rank: 2},
	} {
		const in = 6
		n, nu := c.Rank, c.Rank*c.W*c.D
		if c.Kind == ConvHeadwise {
			n, nu = c.D/c.HeadSize*c.W, 0
		}
		args := [][]float32{randomValues(r, in), randomValues(r, in*n), randomValues(r, nu), nil}
		if c.Static {
			args[3] = randomValues(r, c.W*c.D)
		}
		dtaps, taps := randomValues(r, c.W*c.D), make([]float32, c.W*c.D)
		z, dz := make([]float32, n), make([]float32, n)
		loss := func() float64 {
			c.ConstantTaps(taps, z, args[0], args[1], args[2], args[3])
			sum := 0.0
			for i, d := range dtaps {
				sum += float64(d) * float64(taps[i])
			}
			return sum
		}
		var grads, initial [4][]float32
		for i, a := range args {
			if a != nil {
				grads[i] = randomValues(r, len(a))
				initial[i] = append([]float32(nil), grads[i]...)
			}
		}
		for _, acc := range []bool{true, false} {
			for i := range grads {
				copy(grads[i], initial[i])
			}
			loss()
			c.ConstantTapsBackward(grads[0], grads[1], grads[2], grads[3], dz, dtaps, z, args[0], args[1], args[2], acc)
			for i, a := range args {
				for j := range a {
					const h = 0.25
					v := a[j]
					a[j] = v + h
					hi := loss()
					a[j] = v - h
					lo := loss()
					a[j] = v
					want := (hi - lo) / (2 * h)
					if acc {
						want += float64(initial[i][j])
					}
					near(t, "gradient", grads[i][j], want, 2e-4)
				}
			}
		}
	}
}
