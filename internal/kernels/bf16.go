package kernels

import "math"

// bfloat16 is the upper half of a float32: the same exponents, 8 bits of precision.
// It is a storage format here; arithmetic is float32.

// LoadBF16 widens: dst[i] = src[i].
func LoadBF16(dst []float32, src []uint16) {
	src = src[:len(dst)]
	forRows(len(dst), 1, func(i0, i1 int) { loadBF16(dst[i0:i1], src[i0:i1]) })
}

// StoreBF16 narrows with stochastic rounding: dst[i] is one of the two neighbours of
// src[i], each with the probability that makes the mean right, so that changes smaller
// than a step of the format are not lost. With acc, dst[i] = dst[i] + src[i] instead.
// The draws are a function of seed and i. A number that is not finite stays so.
func StoreBF16(dst []uint16, src []float32, acc bool, seed uint64) {
	storeAllBF16(dst, src, acc, drawsOf(seed), 0)
}

// storeAllBF16 is StoreBF16 on a piece of a matrix whose first value is at the place
// first of the stream.
func storeAllBF16(dst []uint16, src []float32, acc bool, d draws, first int) {
	src = src[:len(dst)]
	forRows(len(dst), 1, func(i0, i1 int) { storeBF16(dst[i0:i1], src[i0:i1], acc, d, first+i0) })
}

func loadBF16(dst []float32, src []uint16) {
	src = src[:len(dst)]
	c := bf16Now()
	n := c.whole(len(dst))
	if n > 0 {
		c.widen(n, &dst[0], &src[0])
	}
	for i := n; i < len(dst); i++ {
		dst[i] = math.Float32frombits(uint32(src[i]) << 16)
	}
}

// storeBF16 rounds with the upper halves of the words of d. first is the index of
// dst[0].
func storeBF16(dst []uint16, src []float32, acc bool, d draws, first int) {
	src = src[:len(dst)]
	c := bf16Now()
	n := c.whole(len(dst))
	if n > 0 {
		narrow := c.narrow
		if acc {
			narrow = c.narrowAdd
		}
		narrow(n, &dst[0], &src[0], uint32(first), d.a, d.b)
	}
	for i := n; i < len(dst); i++ {
		x := src[i]
		if acc {
			x += math.Float32frombits(uint32(dst[i]) << 16)
		}
		dst[i] = roundBF16(x, d.word(first+i)>>16)
	}
}

// roundBF16 adds 16 random bits below the last bit that is kept, and cuts.
func roundBF16(x float32, draw uint32) uint16 {
	bits := math.Float32bits(x)
	if bits&0x7f800000 == 0x7f800000 {
		if bits&0x007fffff != 0 {
			bits |= 0x00400000 // a NaN whose payload lies in the lower half stays one
		}
		return uint16(bits >> 16)
	}
	return uint16((bits + draw) >> 16)
}

// draws is a stream of random words: any of them can be had at once, on vectors too,
// which is why they are made of 32-bit numbers.
type draws struct{ a, b uint32 }

// drawsOf is the stream of a seed (the finalizer of SplitMix64).
func drawsOf(seed uint64) draws {
	z := seed + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return draws{uint32(z), uint32(z >> 32)}
}

// word is the word at place i: the 32-bit integer hash lowbias32 of Chris Wellons with
// the second half of the stream's name mixed in between its rounds, so that streams
// are not rearrangements of each other. Its halves serve as two draws.
func (d draws) word(i int) uint32 {
	x := uint32(i) ^ d.a
	x = (x ^ x>>16) * 0x7feb352d
	x ^= d.b
	x = (x ^ x>>15) * 0x846ca68b
	return x ^ x>>16
}
