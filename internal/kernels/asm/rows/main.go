// Command rows writes the assembly of the kernels that memory limits: sums of rows,
// norms, rotations and the optimizer. See the go:generate line in rows_amd64.go.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"dsconv/internal/kernels/asm/simd"
)

func main() {
	ConstraintExpr("amd64,!noasm")
	masks := simd.MaskTable("rowMask")
	for _, s := range []simd.ISA{simd.AVX512, simd.AVX2} {
		add(s, masks)
		axpy(s, masks)
		addRows(s, masks)
		copyRows(s, masks)
		dot(s, masks)
		normForward(s, masks)
		normBackward(s, masks, false)
		normBackward(s, masks, true)
		rope(s, masks)
		adamw(s, masks)
	}
	Generate()
}

func add(s simd.ISA, masks Mem) {
	s.Function("add", "(n int, dst, a, b *float32, stream int)", "computes dst = a + b for n values. dst goes past the caches when stream is not 0.")
	dst, a, b := simd.Loaded("dst"), simd.Loaded("a"), simd.Loaded("b")
	row := s.NewRow("row", simd.Loaded("n"), masks)
	row.Each(4, func(v int, mask reg.Register) {
		x, y := s.Vec(), s.Vec()
		s.Load(row.At(a, v), x, mask)
		s.Load(row.At(b, v), y, mask)
		VADDPS(y, x, x)
		row.StoreResult(x, dst, v, mask, simd.Argument("stream"))
	})
	simd.End()
}

func axpy(s simd.ISA, masks Mem) {
	s.Function("axpy", "(n int, dst, a, b *float32, f float32)", "computes dst = a + f*b for n values.")
	dst, a, b := simd.Loaded("dst"), simd.Loaded("a"), simd.Loaded("b")
	f := s.Broadcast(simd.Argument("f"))
	row := s.NewRow("row", simd.Loaded("n"), masks)
	row.Each(4, func(v int, mask reg.Register) {
		x, y := s.Vec(), s.Vec()
		s.Load(row.At(a, v), x, mask)
		s.Load(row.At(b, v), y, mask)
		VFMADD231PS(y, f, x)
		s.Store(x, row.At(dst, v), mask)
	})
	simd.End()
}

// rowsAhead is how many rows early those are called for that lie anywhere: the processor
// does not guess them.
const rowsAhead = 4

func addRows(s simd.ISA, masks Mem) {
	s.Function("addRows", "(count, n int, dst *float32, ds int, src *float32, ss int, positions, tokens *int32)",
		"adds n values of row p of src to row tokens[p] of dst, for each of count positions p; rows start ss and ds bytes apart.")
	count, dst, ds, src, ss := simd.Loaded("count"), simd.Loaded("dst"), simd.Loaded("ds"), simd.Loaded("src"), simd.Loaded("ss")
	positions, tokens := simd.Loaded("positions"), simd.Loaded("tokens")
	row := s.NewRow("row", simd.Loaded("n"), masks)
	find := func(at Mem, from, to reg.GPVirtual) {
		MOVLQSX(at, from)
		MOVLQSX(Mem{Base: tokens, Index: from, Scale: 4}, to)
		IMULQ(ss, from)
		IMULQ(ds, to)
		ADDQ(src, from)
		ADDQ(dst, to)
	}
	from, to, nextFrom, nextTo := GP64(), GP64(), GP64(), GP64()
	Label("next")
	find(Mem{Base: positions}, from, to)
	MOVQ(from, nextFrom)
	MOVQ(to, nextTo)
	CMPQ(count, U8(rowsAhead))
	JLE(LabelRef("near"))
	find(Mem{Base: positions, Disp: 4 * rowsAhead}, nextFrom, nextTo)
	Label("near")
	row.Each(4, func(v int, mask reg.Register) {
		PREFETCHT0(row.At(nextFrom, v))
		PREFETCHT0(row.At(nextTo, v))
		x, y := s.Vec(), s.Vec()
		s.Load(row.At(to, v), x, mask)
		s.Load(row.At(from, v), y, mask)
		VADDPS(y, x, x)
		s.Store(x, row.At(to, v), mask)
	})
	ADDQ(U8(4), positions)
	DECQ(count)
	JNZ(LabelRef("next"))
	simd.End()
}

func copyRows(s simd.ISA, masks Mem) {
	s.Function("copyRows", "(count, n int, dst *float32, ds int, table *float32, ts int, tokens *int32, stream int)",
		"copies n values of row tokens[p] of table to row p of dst, for each of count positions; rows start ts and ds bytes apart. dst goes past the caches when stream is not 0.")
	count, dst, ds, table, ts, tokens := simd.Loaded("count"), simd.Loaded("dst"), simd.Loaded("ds"), simd.Loaded("table"), simd.Loaded("ts"), simd.Loaded("tokens")
	row := s.NewRow("row", simd.Loaded("n"), masks)
	find := func(at Mem, from reg.GPVirtual) {
		MOVLQSX(at, from)
		IMULQ(ts, from)
		ADDQ(table, from)
	}
	from, next := GP64(), GP64()
	Label("next")
	find(Mem{Base: tokens}, from)
	MOVQ(from, next)
	CMPQ(count, U8(rowsAhead))
	JLE(LabelRef("near"))
	find(Mem{Base: tokens, Disp: 4 * rowsAhead}, next)
	Label("near")
	row.Each(4, func(v int, mask reg.Register) {
		PREFETCHT0(row.At(next, v))
		x := s.Vec()
		s.Load(row.At(from, v), x, mask)
		row.StoreResult(x, dst, v, mask, simd.Argument("stream"))
	})
	ADDQ(ds, dst)
	ADDQ(U8(4), tokens)
	DECQ(count)
	JNZ(LabelRef("next"))
	simd.End()
}

// vectors are n cleared registers.
func vectors(s simd.ISA, n int) []reg.VecVirtual {
	vs := make([]reg.VecVirtual, n)
	for i := range vs {
		vs[i] = s.Vec()
		s.Zero(vs[i])
	}
	return vs
}

func dot(s simd.ISA, masks Mem) {
	s.Function("dot", "(n int, a, b *float32) float32", "is the inner product of n values.")
	a, b := simd.Loaded("a"), simd.Loaded("b")
	row := s.NewRow("row", simd.Loaded("n"), masks)
	sums := vectors(s, 4)
	row.Each(4, func(v int, mask reg.Register) {
		x, y := s.Vec(), s.Vec()
		s.Load(row.At(a, v), x, mask)
		s.Load(row.At(b, v), y, mask)
		VFMADD231PS(x, y, sums[v])
	})
	sum := s.Sum(sums)
	Store(sum.AsX(), ReturnIndex(0))
	simd.End()
}

func normForward(s simd.ISA, masks Mem) {
	s.Function("normForward", "(rows, groups, dim int, y *float32, ySkip int, x *float32, xSkip int, w, rstd *float32, mean, eps float32, stream int)",
		"normalises groups of dim values, groups of them in each of the rows: y = x*rstd*w, rstd = 1/sqrt(mean*sum(x*x)+eps), or NaN where the sum is infinite. A row ends ySkip or xSkip bytes before the next. y goes past the caches when stream is not 0.")
	rows, y, x, w, rstd := simd.Loaded("rows"), simd.Loaded("y"), simd.Loaded("x"), simd.Loaded("w"), simd.Loaded("rstd")
	row := s.NewRow("row", simd.Loaded("dim"), masks)
	g := GP64()
	one := XMM()
	{
		bits := GP32()
		MOVL(U32(0x3f800000), bits)
		VMOVD(bits, one)
	}
	Label("next")
	MOVQ(simd.Argument("groups"), g)
	Label("group")
	sums := vectors(s, 4)
	row.Each(4, func(v int, mask reg.Register) {
		r := s.Vec()
		s.Load(row.At(x, v), r, mask)
		VFMADD231PS(r, r, sums[v])
	})
	f := s.Sum(sums)
	VMULSS(simd.Argument("mean"), f.AsX(), f.AsX())
	nothing := XMM() // 0, and no number where the mean is none
	VSUBSS(f.AsX(), f.AsX(), nothing)
	VADDSS(simd.Argument("eps"), f.AsX(), f.AsX())
	VSQRTSS(f.AsX(), f.AsX(), f.AsX())
	VDIVSS(f.AsX(), one, f.AsX())
	VADDSS(nothing, f.AsX(), f.AsX())
	VMOVSS(f.AsX(), Mem{Base: rstd})
	VBROADCASTSS(f.AsX(), f)
	row.Each(4, func(v int, mask reg.Register) {
		r, wv := s.Vec(), s.Vec()
		s.Load(row.At(x, v), r, mask)
		s.Load(row.At(w, v), wv, mask)
		VMULPS(f, r, r)
		VMULPS(wv, r, r)
		row.StoreResult(r, y, v, mask, simd.Argument("stream"))
	})
	ADDQ(row.Bytes, x)
	ADDQ(row.Bytes, y)
	ADDQ(U8(4), rstd)
	DECQ(g)
	JNZ(LabelRef("group"))
	ADDQ(simd.Argument("xSkip"), x)
	ADDQ(simd.Argument("ySkip"), y)
	DECQ(rows)
	JNZ(LabelRef("next"))
	simd.End()
}

// normBackward takes a residual gradient or none: two functions, for the choice must
// not stand in the innermost loop.
func normBackward(s simd.ISA, masks Mem, residual bool) {
	name, signature, doc := "normBackward", "", ""
	if residual {
		name, signature, doc = "normBackwardRes", ", res *float32, resSkip int", " + res"
	}
	s.Function(name, "(rows, groups, dim int, dx *float32, dxSkip int, dy *float32, dySkip int, x *float32, xSkip int, w, rstd, part *float32, mean float32, stream int"+signature+")",
		"computes dx = rstd*(g - h*mean*sum(g*h))"+doc+" with g = dy*w and h = x*rstd, and part += dy*h, for groups of dim values. A row ends Skip bytes before the next. dx goes past the caches when stream is not 0.")
	rows, dx, dy, x := simd.Loaded("rows"), simd.Loaded("dx"), simd.Loaded("dy"), simd.Loaded("x")
	w, rstd, part := simd.Loaded("w"), simd.Loaded("rstd"), simd.Loaded("part")
	var res reg.GPVirtual
	if residual {
		res = simd.Loaded("res")
	}
	row := s.NewRow("row", simd.Loaded("dim"), masks)
	g := GP64()
	Label("next")
	MOVQ(simd.Argument("groups"), g)
	Label("group")
	f := s.Broadcast(Mem{Base: rstd})
	sums := vectors(s, 4)
	row.Each(4, func(v int, mask reg.Register) {
		xv, dyv, wv, p := s.Vec(), s.Vec(), s.Vec(), s.Vec()
		s.Load(row.At(x, v), xv, mask)
		s.Load(row.At(dy, v), dyv, mask)
		s.Load(row.At(w, v), wv, mask)
		s.Load(row.At(part, v), p, mask)
		VMULPS(xv, dyv, xv)
		VFMADD231PS(xv, f, p)
		VFMADD231PS(xv, wv, sums[v])
		s.Store(p, row.At(part, v), mask)
	})
	c := s.Sum(sums)
	VMULSS(simd.Argument("mean"), c.AsX(), c.AsX())
	VMULSS(f.AsX(), c.AsX(), c.AsX())
	VMULSS(f.AsX(), c.AsX(), c.AsX())
	VBROADCASTSS(c.AsX(), c)
	row.Each(4, func(v int, mask reg.Register) {
		xv, dyv, wv := s.Vec(), s.Vec(), s.Vec()
		s.Load(row.At(x, v), xv, mask)
		s.Load(row.At(dy, v), dyv, mask)
		s.Load(row.At(w, v), wv, mask)
		VMULPS(wv, dyv, dyv)
		VFNMADD231PS(xv, c, dyv)
		if residual {
			s.Load(row.At(res, v), xv, mask)
			VFMADD213PS(xv, f, dyv)
		} else {
			VMULPS(f, dyv, dyv)
		}
		row.StoreResult(dyv, dx, v, mask, simd.Argument("stream"))
	})
	ends := []reg.GPVirtual{dx, dy, x}
	skips := []string{"dxSkip", "dySkip", "xSkip"}
	if residual {
		ends, skips = append(ends, res), append(skips, "resSkip")
	}
	for _, p := range ends {
		ADDQ(row.Bytes, p)
	}
	ADDQ(U8(4), rstd)
	DECQ(g)
	JNZ(LabelRef("group"))
	for i, p := range ends {
		ADDQ(simd.Argument(skips[i]), p)
	}
	DECQ(rows)
	JNZ(LabelRef("next"))
	simd.End()
}

func rope(s simd.ISA, masks Mem) {
	s.Function("rope", "(rows, heads, half int, x *float32, stride int, cos, sin *float32, sign float32)",
		"turns heads of twice half columns in place: (a, b) -> (a*cos - b*sin, a*sin + b*cos), sin times sign. Rows start stride bytes apart; each has its own half cosines and sines.")
	rows, x, stride, cos, sin := simd.Loaded("rows"), simd.Loaded("x"), simd.Loaded("stride"), simd.Loaded("cos"), simd.Loaded("sin")
	sign := s.Broadcast(simd.Argument("sign"))
	row := s.NewRow("row", simd.Loaded("half"), masks)
	heads, a, b := GP64(), GP64(), GP64()
	Label("next")
	loops := 0
	row.Each(1, func(v int, mask reg.Register) {
		loops++
		loop := fmt.Sprint("head", loops)
		c, sn := s.Vec(), s.Vec()
		s.Load(row.At(cos, v), c, mask)
		s.Load(row.At(sin, v), sn, mask)
		VMULPS(sign, sn, sn)
		MOVQ(simd.Argument("heads"), heads)
		MOVQ(x, a)
		LEAQ(Mem{Base: x, Index: row.Bytes, Scale: 1}, b)
		Label(loop)
		av, bv, t := s.Vec(), s.Vec(), s.Vec()
		s.Load(row.At(a, v), av, mask)
		s.Load(row.At(b, v), bv, mask)
		VMULPS(sn, bv, t)
		VMULPS(c, bv, bv)
		VFMADD231PS(av, sn, bv)
		VFMSUB132PS(c, t, av)
		s.Store(av, row.At(a, v), mask)
		s.Store(bv, row.At(b, v), mask)
		LEAQ(Mem{Base: a, Index: row.Bytes, Scale: 2}, a)
		LEAQ(Mem{Base: b, Index: row.Bytes, Scale: 2}, b)
		DECQ(heads)
		JNZ(LabelRef(loop))
	})
	ADDQ(stride, x)
	ADDQ(row.Bytes, cos)
	ADDQ(row.Bytes, sin)
	DECQ(rows)
	JNZ(LabelRef("next"))
	simd.End()
}

func adamw(s simd.ISA, masks Mem) {
	s.Function("adamw", "(n int, w, grad, m, v, factors *float32)",
		"is one optimizer step for n weights; see adamwFactors for what factors points to.")
	w, g, m, v, c := simd.Loaded("w"), simd.Loaded("grad"), simd.Loaded("m"), simd.Loaded("v"), simd.Loaded("factors")
	row := s.NewRow("row", simd.Loaded("n"), masks)
	var f [8]reg.VecVirtual
	for i := range f {
		f[i] = s.Broadcast(Mem{Base: c, Disp: 4 * i})
	}
	row.Each(2, func(u int, mask reg.Register) {
		gv, mv, vv := s.Vec(), s.Vec(), s.Vec()
		s.Load(row.At(g, u), gv, mask)
		s.Load(row.At(m, u), mv, mask)
		s.Load(row.At(v, u), vv, mask)
		t := s.AdamW(func(i int) reg.VecVirtual { return f[i] }, gv, mv, vv,
			func() { s.Store(mv, row.At(m, u), mask) },
			func() { s.Store(vv, row.At(v, u), mask) },
			func() reg.VecVirtual {
				t := s.Vec()
				s.Load(row.At(w, u), t, mask)
				return t
			})
		s.Store(t, row.At(w, u), mask)
	})
	simd.End()
}
