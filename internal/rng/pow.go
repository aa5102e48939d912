package rng

import "math"

// Pow is x^y for positive x, with the same bits on every platform: math.Pow may
// differ in the last ones, which could turn one drawn token into another. Products
// are converted to float64 so that no compiler fuses them with a sum. The relative
// error is a few 1e-16 times 1+|y log x|.
func Pow(x, y float64) float64 {
	if x <= 0 {
		panic("rng: Pow of a number that is not positive")
	}
	return exp(float64(y * log(x)))
}

// Ln 2 in two parts; the first has few enough digits that small multiples are exact.
const (
	ln2Hi = 6.93147180369123816490e-01
	ln2Lo = 1.90821492927058770002e-10
)

// log sums the series of 2 atanh((m-1)/(m+1)) for x = m 2^e, m near 1.
func log(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = float64(2*m), e-1
	}
	s := (m - 1) / (m + 1)
	square := float64(s * s)
	sum := 0.0
	for k := 25; k >= 1; k -= 2 {
		sum = float64(sum*square) + 1/float64(k)
	}
	k := float64(e)
	return float64(k*ln2Hi) + (float64(k*ln2Lo) + float64(float64(2*s)*sum))
}

// exp sums the series of the exponential of y less the nearest multiple of ln 2.
func exp(y float64) float64 {
	switch {
	case y > 709:
		return math.Inf(1)
	case y < -745:
		return 0
	}
	k := math.Floor(float64(y/math.Ln2) + 0.5)
	r := (y - float64(k*ln2Hi)) - float64(k*ln2Lo)
	sum := 1.0
	for i := 18; i >= 1; i-- {
		sum = 1 + float64(float64(sum*r)/float64(i))
	}
	return math.Ldexp(sum, int(k))
}
