package kernels

import "math"

// Constants of exp32, which the vector code shares. exp(x) = 2^n * exp(r) with
// n = round(x/ln 2) and r = x - n*ln 2, |r| <= ln(2)/2; ln 2 is split in two so
// that n*expLn2Hi is exact. The polynomial is the minimax one for
// (exp(r) - 1 - r)/r^2.
const (
	expLog2E = 1.44269504088896341
	expLn2Hi = 0.693359375
	expLn2Lo = -2.12194440e-4
	expC2    = 5.0000001201e-1
	expC3    = 1.6666665459e-1
	expC4    = 4.1665795894e-2
	expC5    = 8.3334519073e-3
	expC6    = 1.3981999507e-3
	expC7    = 1.9875691500e-4
	// Beyond these the result is 0 or infinity. The lower bound is that of normal
	// numbers: results below 2^-126 are flushed to 0.
	expMin = -87.33654
	expMax = 88.722839
)

// exp32 is exp(x) with a relative error of at most 2.5 units in the last place (3e-7).
// NaN gives NaN.
func exp32(x float32) float32 {
	switch {
	case x != x:
		return x
	case x > expMax:
		return float32(math.Inf(1))
	case x < expMin:
		return 0
	}
	const magic = 3 << 22 // adding it rounds to an integer
	n := float32(x*expLog2E+magic) - magic
	r := float32(x - n*expLn2Hi)
	r -= n * expLn2Lo
	p := float32(expC7)
	p = p*r + expC6
	p = p*r + expC5
	p = p*r + expC4
	p = p*r + expC3
	p = p*r + expC2
	p = p*(r*r) + r + 1
	// 2^n in two steps, since 2^128 is not a number of its own.
	half := int32(n) / 2
	return p * pow2(half) * pow2(int32(n)-half)
}

// pow2 is 2^n for n in [-126, 127].
func pow2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// log32 is log(x) for a normal number x > 0, to the last place of float32. It splits
// x into 2^n*m with m next to 1 and sums the series of 2*artanh((m-1)/(m+1)). NaN
// gives NaN and infinity infinity.
func log32(x float32) float32 {
	bits := math.Float32bits(x)
	if bits >= 0x7f800000 {
		return x
	}
	const sqrtHalf = 0x3f3504f3 // the bits of the lowest m
	n := int32(bits-sqrtHalf) >> 23
	m := float64(math.Float32frombits(bits - uint32(n)<<23))
	s := (m - 1) / (m + 1)
	s2 := s * s
	series := 2 * s * (1 + s2*(1./3+s2*(1./5+s2*(1./7+s2*(1./9)))))
	return float32(float64(n)*math.Ln2 + series)
}
