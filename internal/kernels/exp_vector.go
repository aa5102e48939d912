package kernels

// expCode is the assembly of the kernels built on exp, for one instruction set. Its
// exp has the error bound of exp32. Counts are positive, and nothing is checked:
// kernels check their views.
type expCode struct {
	maxRow func(n int, x *float32) float32
	expSum func(n int, dst, src *float32, shift float32, next int) float32 // dst = exp(src-shift) and its sum
	scale  func(n int, dst, src *float32, f float32)                       // dst = f*src

	scaleRows func(rows, cols int, p *float32, stride int, f *float32) // p[r] *= f[r]

	// dotRows makes dst[r] = f * a[r]·b[r].
	dotRows func(rows, cols int, a *float32, aStride int, b *float32, bStride int, f float32, dst *float32)

	// The rows of a tile of scores: row r has min(count+r, limit) values, and what
	// follows them becomes zero, in whole vectors, up to fill values. softmax raises
	// top to the greatest scale*s and makes s = exp(scale*s - top), sum its sum.
	// softmaxBackward makes s = exp(scale*s - lse) and dp = s*(scale*dp - delta).
	softmax         func(rows int, s *float32, ld, count, limit, fill int, scale float32, top, sum *float32)
	softmaxBackward func(rows int, s, dp *float32, ld, count, limit, fill int, scale float32, lse, delta *float32)

	// Next is how many bytes further on the next row is: memory works on it meanwhile.
	swiglu         func(n int, y, gate, up *float32, yNext, next int)
	swigluBackward func(n int, dgate, dup, dy, gate, up *float32, dNext, dyNext, next int)
}

// expNow is the assembly for the instruction set in use, or nil.
func expNow() *expCode { return expCodes[isa] }

// expSum writes exp(src-shift) to dst, which may be src, and returns the sum. Meanwhile memory
// works on what lies next values beyond src.
func expSum(dst, src []float32, shift float32, next int) float32 {
	dst = dst[:len(src)]
	if c := expNow(); c != nil && len(src) > 0 {
		return c.expSum(len(src), &dst[0], &src[0], shift, 4*next)
	}
	var total float64
	for i, x := range src {
		dst[i] = exp32(x - shift)
		total += float64(dst[i])
	}
	return float32(total)
}

// maxRow is the greatest value of x, which is not empty. NaN may be passed over.
func maxRow(x []float32) float32 {
	if c := expNow(); c != nil {
		return c.maxRow(len(x), &x[0])
	}
	top := x[0]
	for _, v := range x {
		if v > top {
			top = v
		}
	}
	return top
}

// scaleRow writes f*src to dst, which may be src.
func scaleRow(dst, src []float32, f float32) {
	dst = dst[:len(src)]
	if c := expNow(); c != nil && len(src) > 0 {
		c.scale(len(src), &dst[0], &src[0], f)
		return
	}
	for i, x := range src {
		dst[i] = f * x
	}
}
