// Command exp writes the assembly of the kernels built on the exponential function:
// softmax rows of attention and of the loss, and SwiGLU. See the go:generate line in
// exp_amd64.go.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"dsconv/internal/kernels/asm/simd"
)

func main() {
	ConstraintExpr("amd64,!noasm")
	masks := simd.MaskTable("expMask")
	constants := constantTable()
	for _, s := range []simd.ISA{simd.AVX512, simd.AVX2} {
		g := gen{s, masks, constants}
		g.maxRow()
		g.expSum()
		g.scale()
		g.scaleRows()
		g.dotRows()
		g.softmax()
		g.softmaxBackward()
		g.swiglu()
		g.swigluBackward()
	}
	Generate()
}

// gen writes the functions of one instruction set.
type gen struct {
	simd.ISA
	masks, constants Mem
}

// The constants of exp: those of exp32 in exp.go, then what vectors need besides.
const (
	log2E = iota
	ln2Hi
	ln2Lo
	c2
	c3
	c4
	c5
	c6
	c7
	low  // below this the result is 0
	high // from here on it is infinity
	one
	infinity
	minusInf
)

// constantTable holds eight copies of each constant, an operand of AVX2.
func constantTable() Mem {
	t := GLOBL("expConstants", RODATA|NOPTR)
	for i, c := range []float32{
		log2E: 1.44269504088896341, ln2Hi: 0.693359375, ln2Lo: -2.12194440e-4,
		c2: 5.0000001201e-1, c3: 1.6666665459e-1, c4: 4.1665795894e-2, c5: 8.3334519073e-3, c6: 1.3981999507e-3, c7: 1.9875691500e-4,
		low: -87.33654, high: 88.72284, one: 1, infinity: float32(math.Inf(1)), minusInf: float32(math.Inf(-1)),
	} {
		for lane := range 8 {
			DATA(32*i+4*lane, U32(math.Float32bits(c)))
		}
	}
	return t
}

// constant is the memory of a constant.
func (g gen) constant(i int) Mem { return g.constants.Offset(32 * i) }

// operands gives constants to instructions: AVX-512 has registers enough to hold them,
// AVX2 reads them from memory.
func (g gen) operands(which ...int) func(int) Op {
	held := map[int]Op{}
	for _, i := range which {
		held[i] = g.constant(i)
		if g.Lanes == 16 {
			held[i] = g.Broadcast(g.constant(i))
		}
	}
	return func(i int) Op {
		if held[i] == nil {
			panic(fmt.Sprint("constant ", i, " was not asked for"))
		}
		return held[i]
	}
}

var expConstants = []int{log2E, ln2Hi, ln2Lo, c2, c3, c4, c5, c6, c7, low, high, one, infinity}

// exp is a new register that holds exp(x), by the method of exp32. NaN gives NaN.
func (g gen) exp(k func(int) Op, x reg.VecVirtual) reg.VecVirtual {
	if g.Lanes == 16 {
		r := g.Vec()
		VMOVUPS(k(high), r)
		VMINPS(x, r, r) // of two operands it returns the later one, here x, when one is NaN
		return g.expBelow(k, r)
	}
	const notBelow = 13
	p, tooHigh := g.expBelow(k, x), g.Vec()
	VCMPPS(U8(notBelow), k(high), x, tooHigh)
	VBLENDVPS(tooHigh, k(infinity), p, p)
	return p
}

// expBelow is exp for x below high; for infinity it gives NaN. Below low the result is
// cleared, whatever the polynomial gives there.
func (g gen) expBelow(k func(int) Op, x reg.VecVirtual) reg.VecVirtual {
	r, n, p, r2 := g.Vec(), g.Vec(), g.Vec(), g.Vec()
	VMOVAPS(x, r)
	VMULPS(k(log2E), x, n)
	const nearest = 8
	if g.Lanes == 16 {
		VRNDSCALEPS(U8(nearest), n, n)
	} else {
		VROUNDPS(U8(nearest), n, n)
	}
	VFNMADD231PS(k(ln2Hi), n, r)
	VFNMADD231PS(k(ln2Lo), n, r)
	VMOVUPS(k(c7), p)
	for _, c := range []int{c6, c5, c4, c3, c2} {
		VFMADD213PS(k(c), r, p)
	}
	VMULPS(r, r, r2)
	VFMADD213PS(r, r2, p)
	VADDPS(k(one), p, p)
	const notLess = 5
	if g.Lanes == 16 {
		normal := K()
		VCMPPS(U8(notLess), k(low), x, normal)
		VSCALEFPS_Z(n, p, normal, p)
		return p
	}
	// From low to high p*2^n is a normal number, so n is added to the exponent of p.
	VCVTPS2DQ(n, n)
	VPSLLD(U8(23), n, n)
	VPADDD(n, p, p)
	VCMPPS(U8(notLess), k(low), x, r)
	VANDPS(r, p, p)
	return p
}

// keep clears the lanes of x that mask leaves out.
func (g gen) keep(x reg.VecVirtual, mask reg.Register) {
	switch {
	case mask == nil:
	case g.Lanes == 16:
		VMOVAPS_Z(x, mask, x)
	default:
		VANDPS(mask, x, x)
	}
}

// rowMax is a new register whose lowest lane holds the maximum of a row.
func (g gen) rowMax(row *simd.Row, x reg.Register) reg.VecVirtual {
	tops := make([]reg.VecVirtual, 4)
	for i := range tops {
		tops[i] = g.Broadcast(g.constant(minusInf))
	}
	row.Each(4, func(v int, mask reg.Register) {
		at := row.At(x, v)
		switch {
		case mask == nil:
			VMAXPS(at, tops[v], tops[v])
		case g.Lanes == 16:
			VMAXPS(at, tops[v], mask, tops[v])
		default:
			y, none := g.Vec(), g.Broadcast(g.constant(minusInf))
			g.Load(at, y, mask)
			VBLENDVPS(mask, y, none, y)
			VMAXPS(y, tops[v], tops[v])
		}
	})
	return g.Max(tops)
}

func (g gen) maxRow() {
	g.Function("maxRow", "(n int, x *float32) float32", "is the greatest of n values; numbers that are NaN may be passed over.")
	x := simd.Loaded("x")
	row := g.NewRow("row", simd.Loaded("n"), g.masks)
	Store(g.rowMax(row, x).AsX(), ReturnIndex(0))
	simd.End()
}

func (g gen) expSum() {
	g.Function("expSum", "(n int, dst, src *float32, shift float32, next int) float32", "computes dst = exp(src - shift) for n values and returns their sum. dst may be src. Meanwhile memory works on what lies next bytes beyond src.")
	dst, src, next := simd.Loaded("dst"), simd.Loaded("src"), simd.Loaded("next")
	ADDQ(src, next)
	shift := g.Broadcast(simd.Argument("shift"))
	k := g.operands(expConstants...)
	row := g.NewRow("row", simd.Loaded("n"), g.masks)
	sum := g.Vec()
	g.Zero(sum)
	row.Each(1, func(v int, mask reg.Register) {
		x := g.Vec()
		g.touch(row, next)
		g.Load(row.At(src, v), x, mask)
		VSUBPS(shift, x, x)
		e := g.exp(k, x)
		g.keep(e, mask)
		VADDPS(e, sum, sum)
		g.Store(e, row.At(dst, v), mask)
	})
	Store(g.Sum([]reg.VecVirtual{sum}).AsX(), ReturnIndex(0))
	simd.End()
}

func (g gen) scale() {
	g.Function("scale", "(n int, dst, src *float32, f float32)", "computes dst = f*src for n values. dst may be src.")
	dst, src := simd.Loaded("dst"), simd.Loaded("src")
	f := g.Broadcast(simd.Argument("f"))
	row := g.NewRow("row", simd.Loaded("n"), g.masks)
	row.Each(4, func(v int, mask reg.Register) {
		x := g.Vec()
		g.Load(row.At(src, v), x, mask)
		VMULPS(f, x, x)
		g.Store(x, row.At(dst, v), mask)
	})
	simd.End()
}

func (g gen) scaleRows() {
	g.Function("scaleRows", "(rows, cols int, p *float32, stride int, f *float32)", "multiplies row r of cols values by f[r]. Rows lie stride values apart.")
	p, stride, f := simd.Loaded("p"), simd.Loaded("stride"), simd.Loaded("f")
	SHLQ(U8(2), stride)
	row := g.NewRow("row", simd.Loaded("cols"), g.masks)
	Label("next")
	by := g.Broadcast(Mem{Base: f})
	row.Each(4, func(v int, mask reg.Register) {
		x := g.Vec()
		g.Load(row.At(p, v), x, mask)
		VMULPS(by, x, x)
		g.Store(x, row.At(p, v), mask)
	})
	ADDQ(U8(4), f)
	ADDQ(stride, p)
	DECQ(simd.Argument("rows"))
	JNZ(LabelRef("next"))
	simd.End()
}

func (g gen) dotRows() {
	g.Function("dotRows", "(rows, cols int, a *float32, aStride int, b *float32, bStride int, f float32, dst *float32)", "writes f times the inner product of the rows of a and b to dst. Rows lie Stride values apart.")
	rows, a, aStride, b, bStride, dst := simd.Loaded("rows"), simd.Loaded("a"), simd.Loaded("aStride"), simd.Loaded("b"), simd.Loaded("bStride"), simd.Loaded("dst")
	SHLQ(U8(2), aStride)
	SHLQ(U8(2), bStride)
	row := g.NewRow("row", simd.Loaded("cols"), g.masks)
	Label("next")
	sums := []reg.VecVirtual{g.Vec(), g.Vec()}
	g.Zero(sums[0])
	g.Zero(sums[1])
	row.Each(2, func(v int, mask reg.Register) {
		x, y := g.Vec(), g.Vec()
		g.Load(row.At(a, v), x, mask)
		g.Load(row.At(b, v), y, mask)
		VFMADD231PS(x, y, sums[v])
	})
	sum := g.Sum(sums)
	VMULSS(simd.Argument("f"), sum.AsX(), sum.AsX())
	VMOVSS(sum.AsX(), Mem{Base: dst})
	ADDQ(U8(4), dst)
	ADDQ(aStride, a)
	ADDQ(bStride, b)
	DECQ(rows)
	JNZ(LabelRef("next"))
	simd.End()
}

// causalRow prepares loops over a row of min(count, limit) values.
func (g gen) causalRow(name string, count reg.GPVirtual) *simd.Row {
	n := GP64()
	MOVQ(simd.Argument("limit"), n)
	CMPQ(count, n)
	CMOVQLT(count, n)
	return g.NewRow(name, n, g.masks)
}

// causalRows runs body for each of a tile's rows: row r has min(count+r, limit) values.
// Then it clears whole vectors of the given matrices up to fill values, and goes to
// the next row, ld bytes on.
func (g gen) causalRows(ld reg.GPVirtual, matrices []reg.GPVirtual, body func(row *simd.Row)) {
	count := simd.Loaded("count")
	SHLQ(U8(2), simd.Argument("fill"))
	Label("next")
	row := g.causalRow("row", count)
	body(row)
	zero, at := g.Vec(), GP64()
	g.Zero(zero)
	LEAQ(Mem{Base: row.Bytes, Disp: g.Width() - 1}, at)
	ANDQ(I32(-g.Width()), at)
	Label("fill")
	CMPQ(at, simd.Argument("fill"))
	JGE(LabelRef("filled"))
	for _, m := range matrices {
		VMOVUPS(zero, Mem{Base: m, Index: at, Scale: 1})
	}
	ADDQ(I32(g.Width()), at)
	JMP(LabelRef("fill"))
	Label("filled")
	for _, m := range matrices {
		ADDQ(ld, m)
	}
	INCQ(count)
	DECQ(simd.Argument("rows"))
	JNZ(LabelRef("next"))
	simd.End()
}

// maxima raises top[r] to the greatest scale*s of each row. It goes through all rows
// before anything else does, for the maximum of a vector takes long to be known, but
// those of several rows can be on their way at once.
func (g gen) maxima(ld reg.GPVirtual, scale reg.VecVirtual) {
	s, top, rows, count := simd.Loaded("s"), simd.Loaded("top"), simd.Loaded("rows"), simd.Loaded("count")
	Label("maxima")
	most := g.rowMax(g.causalRow("max", count), s)
	VMULSS(scale.AsX(), most.AsX(), most.AsX())
	VMAXSS(Mem{Base: top}, most.AsX(), most.AsX())
	VMOVSS(most.AsX(), Mem{Base: top})
	ADDQ(U8(4), top)
	ADDQ(ld, s)
	INCQ(count)
	DECQ(rows)
	JNZ(LabelRef("maxima"))
}

func (g gen) softmax() {
	g.Function("softmax", "(rows int, s *float32, ld, count, limit, fill int, scale float32, top, sum *float32)",
		"raises top[r] to the greatest scale*s of row r, replaces its s by exp(scale*s - top[r]) and writes their sum to sum[r]. Row r has min(count+r, limit) values and lies ld values after the one before; what follows them becomes zero, in whole vectors, up to fill values.")
	ld := simd.Loaded("ld")
	SHLQ(U8(2), ld)
	scale := g.Broadcast(simd.Argument("scale"))
	g.maxima(ld, scale)
	s, top, sum := simd.Loaded("s"), simd.Loaded("top"), simd.Loaded("sum")
	k := g.operands(expConstants...)
	g.causalRows(ld, []reg.GPVirtual{s}, func(row *simd.Row) {
		shift, total := g.Broadcast(Mem{Base: top}), g.Vec()
		ADDQ(U8(4), top)
		g.Zero(total)
		row.Each(1, func(v int, mask reg.Register) {
			x := g.Vec()
			VMOVUPS(row.At(s, v), x)
			VFMSUB213PS(shift, scale, x)
			e := g.expBelow(k, x)
			g.keep(e, mask)
			VADDPS(e, total, total)
			VMOVUPS(e, row.At(s, v))
		})
		VMOVSS(g.Sum([]reg.VecVirtual{total}).AsX(), Mem{Base: sum})
		ADDQ(U8(4), sum)
	})
}

func (g gen) softmaxBackward() {
	g.Function("softmaxBackward", "(rows int, s, dp *float32, ld, count, limit, fill int, scale float32, lse, delta *float32)",
		"replaces s by p = exp(scale*s - lse[r]) and dp by p*(scale*dp - delta[r]). Rows are those of softmax.")
	s, dp, ld, lse, delta := simd.Loaded("s"), simd.Loaded("dp"), simd.Loaded("ld"), simd.Loaded("lse"), simd.Loaded("delta")
	SHLQ(U8(2), ld)
	scale := g.Broadcast(simd.Argument("scale"))
	k := g.operands(expConstants...)
	g.causalRows(ld, []reg.GPVirtual{s, dp}, func(row *simd.Row) {
		shift, centre := g.Broadcast(Mem{Base: lse}), g.Broadcast(Mem{Base: delta})
		ADDQ(U8(4), lse)
		ADDQ(U8(4), delta)
		row.Each(1, func(v int, mask reg.Register) {
			x, d := g.Vec(), g.Vec()
			VMOVUPS(row.At(s, v), x)
			VFMSUB213PS(shift, scale, x)
			e := g.expBelow(k, x)
			VMOVUPS(row.At(dp, v), d)
			VFMSUB213PS(centre, scale, d)
			VMULPS(e, d, d)
			g.keep(e, mask)
			g.keep(d, mask)
			VMOVUPS(e, row.At(s, v))
			VMOVUPS(d, row.At(dp, v))
		})
	})
}

// touch asks for the same place of other rows.
func (g gen) touch(row *simd.Row, rows ...reg.GPVirtual) {
	for _, r := range rows {
		PREFETCHT0(row.At(r, 0))
	}
}

func (g gen) swiglu() {
	g.Function("swiglu", "(n int, y, gate, up *float32, yNext, next int)", "computes y = gate/(1+exp(-gate))*up for n values. y may be gate or up. Meanwhile memory works on what lies yNext bytes beyond y and next bytes beyond gate and up.")
	y, gate, up := simd.Loaded("y"), simd.Loaded("gate"), simd.Loaded("up")
	yNext, next := simd.Loaded("yNext"), simd.Loaded("next")
	ADDQ(y, yNext)
	upNext := GP64()
	LEAQ(Mem{Base: up, Index: next, Scale: 1}, upNext)
	ADDQ(gate, next)
	k := g.operands(expConstants...)
	row := g.NewRow("row", simd.Loaded("n"), g.masks)
	row.Each(1, func(v int, mask reg.Register) {
		x, minus, u := g.Vec(), g.Vec(), g.Vec()
		g.touch(row, next, upNext, yNext)
		g.Load(row.At(gate, v), x, mask)
		g.Load(row.At(up, v), u, mask)
		g.Zero(minus)
		VSUBPS(x, minus, minus)
		e := g.exp(k, minus)
		VADDPS(k(one), e, e)
		VDIVPS(e, x, x)
		VMULPS(u, x, x)
		g.Store(x, row.At(y, v), mask)
	})
	simd.End()
}

func (g gen) swigluBackward() {
	g.Function("swigluBackward", "(n int, dgate, dup, dy, gate, up *float32, dNext, dyNext, next int)",
		"computes dup = dy*gate*s and dgate = dy*up*s*(1 + gate*(1-s)) with s = 1/(1+exp(-gate)) for n values. dgate and dup may be gate and up. Meanwhile memory works on what lies dyNext bytes beyond dy, next bytes beyond gate and up, and dNext bytes beyond dgate and dup.")
	dgate, dup, dy, gate, up := simd.Loaded("dgate"), simd.Loaded("dup"), simd.Loaded("dy"), simd.Loaded("gate"), simd.Loaded("up")
	dNext, dyNext, next := simd.Loaded("dNext"), simd.Loaded("dyNext"), simd.Loaded("next")
	ADDQ(dy, dyNext)
	upNext, dupNext := GP64(), GP64()
	LEAQ(Mem{Base: up, Index: next, Scale: 1}, upNext)
	ADDQ(gate, next)
	LEAQ(Mem{Base: dup, Index: dNext, Scale: 1}, dupNext)
	ADDQ(dgate, dNext)
	k := g.operands(expConstants...)
	row := g.NewRow("row", simd.Loaded("n"), g.masks)
	row.Each(1, func(v int, mask reg.Register) {
		x, u, d, s := g.Vec(), g.Vec(), g.Vec(), g.Vec()
		g.touch(row, next, upNext, dyNext, dNext, dupNext)
		g.Load(row.At(gate, v), x, mask)
		g.Load(row.At(up, v), u, mask)
		g.Load(row.At(dy, v), d, mask)
		g.Zero(s)
		VSUBPS(x, s, s)
		e, ones := g.exp(k, s), g.Vec()
		VMOVUPS(k(one), ones)
		VADDPS(ones, e, e)
		VDIVPS(e, ones, s)
		VMULPS(s, d, d)
		VMULPS(d, u, u)
		VSUBPS(s, ones, s)
		VFMADD213PS(ones, x, s)
		VMULPS(u, s, s)
		VMULPS(d, x, x)
		g.Store(s, row.At(dgate, v), mask)
		g.Store(x, row.At(dup, v), mask)
	})
	simd.End()
}
