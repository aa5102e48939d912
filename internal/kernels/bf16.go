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
	src = src[:len(dst)]
	forRows(len(dst), 1, func(i0, i1 int) { storeBF16(dst[i0:i1], src[i0:i1], acc, seed, i0) })
}

// Narrow is storage in either format; exactly one of the slices is set.
type Narrow struct {
	F32  []float32
	BF16 []uint16
}

// SumSquares is the sum of the squares of all values, each block of values summed in
// float32 and the blocks in float64, in ascending order.
func (n Narrow) SumSquares() float64 {
	if n.BF16 == nil {
		return SumSquares(n.F32)
	}
	buf := scratch(narrowBlock)
	defer buf.release()
	var sum float64
	for i := 0; i < len(n.BF16); i += narrowBlock {
		wide := buf.f[:min(narrowBlock, len(n.BF16)-i)]
		LoadBF16(wide, n.BF16[i:i+len(wide)])
		sum += SumSquares(wide)
	}
	return sum
}

// narrowBlock is how many values are widened at a time: they stay in the cache.
const narrowBlock = 16 * taskElements

// load returns values [i0,i1) as float32: the memory itself, or a copy in buf.
func (n Narrow) load(buf []float32, i0, i1 int) []float32 {
	if n.BF16 == nil {
		return n.F32[i0:i1]
	}
	buf = buf[:i1-i0]
	loadBF16(buf, n.BF16[i0:i1])
	return buf
}

// UpdateNarrow is Update with gradient and moments stored in either format. seed names
// the draws of stochastic rounding.
func (a AdamW) UpdateNarrow(w []float32, g, m, v Narrow, seed uint64) {
	f := a.factors()
	if n := len(w); n <= taskElements { // most parameters: without the garbage of a closure
		if n > 0 {
			f.updateNarrow(w, g, m, v, seed, 0, n)
		}
		return
	}
	forRows(len(w), 1, func(i0, i1 int) { f.updateNarrow(w, g, m, v, seed, i0, i1) })
}

// updateNarrow is UpdateNarrow on the values from i0 to i1, a task at most, by one thread.
func (f *adamwFactors) updateNarrow(w []float32, g, m, v Narrow, seed uint64, i0, i1 int) {
	buf := scratch(3 * taskElements)
	defer buf.release()
	bg, bm, bv := buf.f[:taskElements], buf.f[taskElements:2*taskElements], buf.f[2*taskElements:]
	mf, vf := m.load(bm, i0, i1), v.load(bv, i0, i1)
	f.update(w[i0:i1], g.load(bg, i0, i1), mf, vf)
	if m.BF16 != nil {
		storeBF16(m.BF16[i0:i1], mf, false, seed, i0)
	}
	if v.BF16 != nil {
		storeBF16(v.BF16[i0:i1], vf, false, seed^narrowSecond, i0)
	}
}

// narrowSecond makes the second moment's draws differ from the first's.
const narrowSecond = 0x5851f42d4c957f2d

func loadBF16(dst []float32, src []uint16) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(src[i]) << 16)
	}
}

// storeBF16 adds 16 random bits below the last bit that is kept, and cuts. first is
// the index of dst[0].
func storeBF16(dst []uint16, src []float32, acc bool, seed uint64, first int) {
	src = src[:len(dst)]
	for i := range dst {
		x := src[i]
		if acc {
			x += math.Float32frombits(uint32(dst[i]) << 16)
		}
		bits := math.Float32bits(x)
		if bits&0x7f800000 == 0x7f800000 {
			if bits&0x007fffff != 0 {
				bits |= 0x00400000 // a NaN whose payload lies in the lower half stays one
			}
			dst[i] = uint16(bits >> 16)
			continue
		}
		dst[i] = uint16((bits + draw16(seed, uint64(first+i))) >> 16)
	}
}

// draw16 is a draw from [0, 2^16), a function of a stream and a place in it
// (SplitMix64's finalizer with two rounds instead of three, enough for rounding).
func draw16(seed, i uint64) uint32 {
	z := seed + i*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	return uint32((z ^ z>>27) >> 48)
}
