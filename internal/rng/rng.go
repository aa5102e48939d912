// Package rng draws reproducible random numbers. A stream is named by a seed and
// labels, and is a counter-based generator: nothing needs to be saved to draw the
// same numbers again, on any platform and with any version of Go. That is why the
// standard library's generators, whose derived draws may change, are not used.
package rng

import (
	"math"
	"math/bits"
)

// Source is a stream of random numbers. Its state is a key and a counter
// (SplitMix64; Steele, Lea & Flood, "Fast splittable pseudorandom number generators",
// 2014).
type Source struct {
	state uint64
	spare float64 // second normal of a pair
	has   bool
}

// gamma is the odd step of SplitMix64.
const gamma = 0x9e3779b97f4a7c15

// mix is SplitMix64's finalizer.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// New returns the stream of a seed and labels; each label and its place matter.
func New(seed uint64, labels ...uint64) *Source {
	s := &Source{}
	s.Reset(seed, labels...)
	return s
}

// Reset makes s the start of the stream of a seed and labels.
func (s *Source) Reset(seed uint64, labels ...uint64) {
	key := mix(seed + gamma)
	for _, l := range labels {
		key = mix(key*gamma + l + 1)
	}
	*s = Source{state: key}
}

// Label turns a name into a label (FNV-1a).
func Label(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// Uint64 is 64 random bits.
func (s *Source) Uint64() uint64 {
	s.state += gamma
	return mix(s.state)
}

// Skip passes over n draws of Uint64 at once.
func (s *Source) Skip(n uint64) { s.state += n * gamma }

// IntN is uniform in [0, n), without bias. n must be positive.
func (s *Source) IntN(n int) int {
	if n <= 0 {
		panic("rng: IntN of a number that is not positive")
	}
	return int(s.Uint64N(uint64(n)))
}

// Uint64N is uniform in [0, n), without bias (Lemire 2019). n must be positive.
func (s *Source) Uint64N(n uint64) uint64 {
	if n == 0 {
		panic("rng: Uint64N of 0")
	}
	hi, lo := bits.Mul64(s.Uint64(), n)
	if lo < n {
		for reject := -n % n; lo < reject; {
			hi, lo = bits.Mul64(s.Uint64(), n)
		}
	}
	return hi
}

// Float64 is uniform in [0, 1), a multiple of 2^-53.
func (s *Source) Float64() float64 { return float64(s.Uint64()>>11) / (1 << 53) }

// Norm is a draw from the standard normal distribution (Box & Muller 1958). Unlike
// the other draws it may differ in the last bits between platforms, since the
// logarithm does.
func (s *Source) Norm() float64 {
	if s.has {
		s.has = false
		return s.spare
	}
	r := math.Sqrt(-2 * math.Log(1-s.Float64()))
	sin, cos := math.Sincos(2 * math.Pi * s.Float64())
	s.spare, s.has = r*sin, true
	return r * cos
}

// FillNormal draws dst from N(0, std^2).
func (s *Source) FillNormal(dst []float32, std float64) {
	for i := range dst {
		dst[i] = float32(std * s.Norm())
	}
}

// FillUniform draws dst from the interval [lo, hi).
func (s *Source) FillUniform(dst []float32, lo, hi float64) {
	for i := range dst {
		dst[i] = float32(lo + (hi-lo)*s.Float64())
	}
}
