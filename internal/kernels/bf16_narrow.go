package kernels

// Narrow is storage in either format; exactly one of the slices is set.
type Narrow struct {
	F32  []float32
	BF16 []uint16
}

// SumSquares is the sum of the squares of all values, each block of values summed in
// float32 and the blocks in float64, in ascending order.
func (n Narrow) SumSquares() float64 {
	x := n.BF16
	switch {
	case x == nil:
		return SumSquares(n.F32)
	case len(x) <= taskElements:
		return float64(squaresBF16(x))
	}
	return sumBlocks(len(x), func(i0, i1 int) float32 { return squaresBF16(x[i0:i1]) })
}

// squaresBF16 is the sum of the squares of a block, with the bits of dot on the
// widened values.
func squaresBF16(x []uint16) float32 {
	if c := bf16Now(); len(x) > 0 && c.whole(len(x)) == len(x) {
		return c.squares(len(x), &x[0])
	}
	buf := scratch(len(x))
	defer buf.release()
	loadBF16(buf.f, x)
	return dot(buf.f, buf.f)
}

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
// the draws of stochastic rounding. The weights move by the moments before rounding.
func (a AdamW) UpdateNarrow(w []float32, g, m, v Narrow, seed uint64) {
	f, d := a.factors(), drawsOf(seed)
	if n := len(w); n <= taskElements { // most parameters: without the garbage of a closure
		if n > 0 {
			f.updateNarrow(w, g, m, v, d, 0, n)
		}
		return
	}
	forRows(len(w), 1, func(i0, i1 int) { f.updateNarrow(w, g, m, v, d, i0, i1) })
}

// updateNarrow is UpdateNarrow on the values from i0 to i1, a task at most, by one thread.
func (f *adamwFactors) updateNarrow(w []float32, g, m, v Narrow, d draws, i0, i1 int) {
	i0 += f.updateFused(w, g, m, v, d, i0, i1)
	if i0 < i1 {
		f.updateWidened(w, g, m, v, d, i0, i1)
	}
}

// updateFused does the first values, as many as fill vectors, where there is assembly
// for their formats, and says how many. It gives the bits of updateWidened.
func (f *adamwFactors) updateFused(w []float32, g, m, v Narrow, d draws, i0, i1 int) int {
	c := bf16Now()
	n := c.whole(i1 - i0)
	gradient, moments := g.BF16 != nil, m.BF16 != nil
	if n == 0 || moments != (v.BF16 != nil) {
		return 0
	}
	switch {
	case gradient && moments:
		c.adamw(n, &w[i0], &g.BF16[i0], &m.BF16[i0], &v.BF16[i0], &f.scale, uint32(i0), d.a, d.b)
	case gradient:
		c.adamwGrad(n, &w[i0], &g.BF16[i0], &m.F32[i0], &v.F32[i0], &f.scale)
	case moments:
		c.adamwMoments(n, &w[i0], &g.F32[i0], &m.BF16[i0], &v.BF16[i0], &f.scale, uint32(i0), d.a, d.b)
	default:
		return 0
	}
	return n
}

// updateWidened widens, updates in float32 and narrows. The first
// moment is rounded with the lower halves of the words of d, the second with the upper.
func (f *adamwFactors) updateWidened(w []float32, g, m, v Narrow, d draws, i0, i1 int) {
	n := i1 - i0
	buf := scratch(3 * n)
	defer buf.release()
	mf, vf := m.load(buf.f[n:2*n], i0, i1), v.load(buf.f[2*n:], i0, i1)
	f.update(w[i0:i1], g.load(buf.f[:n], i0, i1), mf, vf)
	if m.BF16 == nil && v.BF16 == nil {
		return
	}
	for i := range n {
		word := d.word(i0 + i)
		if m.BF16 != nil {
			m.BF16[i0+i] = roundBF16(mf[i], word&0xffff)
		}
		if v.BF16 != nil {
			v.BF16[i0+i] = roundBF16(vf[i], word>>16)
		}
	}
}
