// Command gemm writes the assembly of the matrix multiply: the register tiles
// for AVX-512 and AVX2, the packing of B, and the loop that measures the FMA
// peak. See the go:generate line in gemm_amd64.go.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"dsconv/internal/kernels/asm/simd"
)

// isa is an instruction set and how many rows of C its registers hold.
type isa struct {
	simd.ISA
	rows int // of the largest tile; columns are two vectors
}

var (
	avx512 = isa{simd.AVX512, 14} // 28 accumulators, 2 of B, 2 of A: 32 registers
	avx2   = isa{simd.AVX2, 6}    // 12 accumulators, 2 of B, 1 of A, the mask: 16 registers
)

func main() {
	ConstraintExpr("amd64,!noasm")
	for _, s := range []isa{avx512, avx2} {
		var masks Mem
		if s.Lanes == 8 {
			masks = simd.MaskTable("tileMask")
		}
		for vecs := 1; vecs <= 2; vecs++ {
			for rows := 1; rows <= s.rows; rows++ {
				tile(s, rows, vecs, masks)
			}
		}
		copyRows(s, 1, masks)
		copyRows(s, 2, masks)
		transpose(s)
		fmaLoop(s)
	}
	Generate()
}

// line is the size of a cache line.
const line = 64

// tile writes the product of rows x k values of A and k x vecs vectors of B,
// accumulated in registers.
func tile(s isa, rows, vecs int, masks Mem) {
	s.Function(fmt.Sprintf("tile%dx%d", rows, vecs),
		"(k int, a *float32, rs, cs int, b *float32, bs int, c *float32, ldc, last int, acc bool, group int, next0 *float32, step0, jump0 int, next1 *float32, step1, jump1 int)",
		fmt.Sprintf("multiplies %d rows of A by %d vectors of %d columns of B.", rows, vecs, s.Lanes))

	// k runs in groups of steps, and a rest.
	groups, rest := AllocLocal(8), AllocLocal(8)
	Load(Param("k"), reg.RAX)
	XORL(reg.EDX, reg.EDX)
	divisor := simd.Loaded("group")
	DIVL(divisor.As32())
	MOVQ(reg.RAX, groups)
	MOVQ(reg.RDX, rest)

	rs, cs, b, bs := simd.Loaded("rs"), simd.Loaded("cs"), simd.Loaded("b"), simd.Loaded("bs")
	// Each base register reaches three rows: x86 scales an index by 1 and 2.
	bases := make([]reg.GPVirtual, (rows+2)/3)
	for i := range bases {
		bases[i] = GP64()
	}
	Load(Param("a"), bases[0])
	SHLQ(U8(2), rs)
	SHLQ(U8(2), cs)
	SHLQ(U8(2), bs)
	if len(bases) > 1 {
		three := GP64()
		LEAQ(Mem{Base: rs, Index: rs, Scale: 2}, three)
		for i := 1; i < len(bases); i++ {
			LEAQ(Mem{Base: bases[i-1], Index: three, Scale: 1}, bases[i])
		}
	}
	row := func(i int) Mem {
		m := Mem{Base: bases[i/3]}
		if i%3 > 0 {
			m.Index, m.Scale = rs, uint8(i%3)
		}
		return m
	}

	mask := s.Mask(simd.Loaded("last"), masks)
	sum := make([][]reg.VecVirtual, rows)
	for i := range sum {
		sum[i] = make([]reg.VecVirtual, vecs)
		for v := range sum[i] {
			sum[i][v] = s.Vec()
			s.Zero(sum[i][v])
		}
	}
	bv := make([]reg.VecVirtual, vecs)
	for v := range bv {
		bv[v] = s.Vec()
	}
	av := []reg.VecVirtual{s.Vec()}
	if s.Lanes == 16 {
		av = append(av, s.Vec())
	}

	// Memory answers after some hundred cycles: rows of A are called for 32 steps ahead, and
	// what later tiles read each step. C is called for while the sums grow, a row a group: all at
	// once would take every place where the nearest cache waits for memory.
	farA := GP64()
	MOVQ(cs, farA)
	SHLQ(U8(2), farA)
	next, ns := make([]reg.GPVirtual, 2), make([]reg.GPVirtual, 2)
	for i := range next {
		next[i], ns[i] = simd.Loaded(fmt.Sprintf("next%d", i)), simd.Loaded(fmt.Sprintf("step%d", i))
		SHLQ(U8(2), ns[i])
	}
	step := func(mask reg.Register) {
		for i := range next {
			PREFETCHT1(Mem{Base: next[i]})
			ADDQ(ns[i], next[i])
		}
		PREFETCHT0(Mem{Base: bases[0], Index: farA, Scale: 8})
		if len(bases) > 1 {
			PREFETCHT0(Mem{Base: bases[len(bases)-1], Index: farA, Scale: 8})
		}
		for v := range bv {
			s.Load(Mem{Base: b, Disp: v * s.Width()}, bv[v], only(v == vecs-1, mask))
		}
		ADDQ(bs, b)
		for i := range sum {
			x := av[i%len(av)]
			VBROADCASTSS(row(i), x)
			for v := range bv {
				VFMADD231PS(bv[v], x, sum[i][v])
			}
		}
		for _, base := range bases {
			ADDQ(cs, base)
		}
	}

	to, rowsLeft := AllocLocal(8), AllocLocal(8)
	steps := simd.Loaded("c")
	MOVQ(steps, to)
	if rows > 1 {
		MOVQ(U32(uint32(rows-1)), rowsLeft)
	}
	loop := func(name string, mask reg.Register) {
		Label(name)
		CMPQ(groups, U8(0))
		JEQ(LabelRef(name + "Rest"))
		Label(name + "Group")
		MOVQ(to, steps)
		for d := 0; d < vecs*s.Width(); d += line {
			PREFETCHT0(Mem{Base: steps, Disp: d})
		}
		if rows > 1 {
			CMPQ(rowsLeft, U8(0))
			JEQ(LabelRef(name + "Called"))
			DECQ(rowsLeft)
			Load(Param("ldc"), steps)
			SHLQ(U8(2), steps)
			ADDQ(steps, to)
			Label(name + "Called")
		}
		Load(Param("group"), steps)
		Label(name + "Step")
		step(mask)
		DECQ(steps)
		JNZ(LabelRef(name + "Step"))
		for i := range next {
			Load(Param(fmt.Sprintf("jump%d", i)), steps)
			LEAQ(Mem{Base: next[i], Index: steps, Scale: 4}, next[i])
		}
		DECQ(groups)
		JNZ(LabelRef(name + "Group"))
		Label(name + "Rest")
		MOVQ(rest, steps)
		MOVQ(U32(0), rest)
		MOVQ(U32(1), groups)
		TESTQ(steps, steps)
		JNZ(LabelRef(name + "Step"))
	}
	// Loads with a mask take a slot of the multiply-adds, and most vectors are whole.
	CMPQ(simd.Argument("last"), U8(s.Lanes))
	JLT(LabelRef("part"))
	loop("whole", nil)
	JMP(LabelRef("store"))
	loop("part", mask)

	Label("store")
	c, ldc := simd.Loaded("c"), simd.Loaded("ldc")
	SHLQ(U8(2), ldc)
	acc := Load(Param("acc"), GP8())
	TESTB(acc, acc)
	JZ(LabelRef("write"))
	for i := range sum {
		for v := range bv {
			s.Load(Mem{Base: c, Disp: v * s.Width()}, bv[v], only(v == vecs-1, mask))
			VADDPS(bv[v], sum[i][v], sum[i][v])
		}
		if i < rows-1 {
			ADDQ(ldc, c)
		}
	}
	if rows > 1 {
		Load(Param("c"), c)
	}
	Label("write")
	for i := range sum {
		for v := range bv {
			s.Store(sum[i][v], Mem{Base: c, Disp: v * s.Width()}, only(v == vecs-1, mask))
		}
		if i < rows-1 {
			ADDQ(ldc, c)
		}
	}
	simd.End()
}

// only is the mask for a tile's last vector and none for the others.
func only(last bool, mask reg.Register) reg.Register {
	if last {
		return mask
	}
	return nil
}

// fmaLoop writes the loop that measures the peak: 24 independent accumulators hide
// the latency of two multiply-adds a cycle, and nothing touches memory.
func fmaLoop(s isa) {
	sums := 24
	if s.Lanes == 8 {
		sums = 12
	}
	s.Function("fmaLoop", "(n int, seed *float32)", fmt.Sprintf("does n times %d multiply-adds of %d values.", 2*sums, s.Lanes))
	n, seed := simd.Loaded("n"), simd.Loaded("seed")
	x, y := s.Vec(), s.Vec()
	VBROADCASTSS(Mem{Base: seed}, x)
	VBROADCASTSS(Mem{Base: seed, Disp: 4}, y)
	acc := make([]reg.VecVirtual, sums)
	for i := range acc {
		acc[i] = s.Vec()
		VMOVUPS(x, acc[i])
	}
	Label("loop")
	for range 2 {
		for _, r := range acc {
			VFMADD231PS(x, y, r)
		}
	}
	DECQ(n)
	JNZ(LabelRef("loop"))
	simd.End()
}

// copyRows writes the loop that packs rows which already lie in the right
// direction: a panel of B for NN and TN, a panel of A for TN.
func copyRows(s isa, vecs int, masks Mem) {
	s.Function(fmt.Sprintf("copy%d", vecs), "(n int, src *float32, ss int, dst *float32, ds, last int)",
		fmt.Sprintf("copies n rows of %d vectors of %d columns; columns beyond the first last of the last vector become zero.", vecs, s.Lanes))
	mask := s.Mask(simd.Loaded("last"), masks)
	n, src, ss, dst, ds := simd.Loaded("n"), simd.Loaded("src"), simd.Loaded("ss"), simd.Loaded("dst"), simd.Loaded("ds")
	SHLQ(U8(2), ss)
	SHLQ(U8(2), ds)
	// The next strip of rows is called for while this one is copied.
	next := GP64()
	MOVQ(ss, next)
	SHLQ(U8(1), next)
	Label("loop")
	for d := 0; d < vecs*s.Width(); d += line {
		PREFETCHT0(Mem{Base: src, Index: next, Scale: 8, Disp: d})
	}
	for v := range vecs {
		r := s.Vec()
		s.Load(Mem{Base: src, Disp: v * s.Width()}, r, only(v == vecs-1, mask))
		VMOVUPS(r, Mem{Base: dst, Disp: v * s.Width()})
	}
	ADDQ(ss, src)
	ADDQ(ds, dst)
	DECQ(n)
	JNZ(LabelRef("loop"))
	simd.End()
}

// transpose writes the loop that packs rows of B for NT: lanes rows become lanes
// columns, a square block at a time.
func transpose(s isa) {
	s.Function("transpose", "(blocks int, src *float32, ss int, dst *float32, ds int)",
		fmt.Sprintf("writes %[1]d rows of %[1]d*blocks columns as %[1]d*blocks rows of %[1]d columns.", s.Lanes))
	blocks, src, ss, dst, ds := simd.Loaded("blocks"), simd.Loaded("src"), simd.Loaded("ss"), simd.Loaded("dst"), simd.Loaded("ds")
	SHLQ(U8(2), ss)
	SHLQ(U8(2), ds)
	Label("loop")
	at := GP64()
	MOVQ(src, at)
	in := make([]reg.VecVirtual, s.Lanes)
	for i := range in {
		in[i] = s.Vec()
		VMOVUPS(Mem{Base: at}, in[i])
		if i < s.Lanes-1 {
			ADDQ(ss, at)
		}
	}
	for _, column := range s.transposed(in) {
		VMOVUPS(column, Mem{Base: dst})
		ADDQ(ds, dst)
	}
	ADDQ(U32(s.Width()), src)
	DECQ(blocks)
	JNZ(LabelRef("loop"))
	simd.End()
}

// transposed emits the transposition of a square block held in registers.
func (s isa) transposed(r []reg.VecVirtual) []reg.VecVirtual {
	op := func(f func(...Op), args ...Op) reg.VecVirtual {
		d := s.Vec()
		f(append(args, d)...)
		return d
	}
	t := make([]reg.VecVirtual, s.Lanes)
	for i := 0; i < s.Lanes; i += 2 {
		t[i] = op(VUNPCKLPS, r[i+1], r[i])
		t[i+1] = op(VUNPCKHPS, r[i+1], r[i])
	}
	// u[4g+c] holds in its 128-bit lane l the rows 4g to 4g+3 of column 4l+c.
	u := make([]reg.VecVirtual, s.Lanes)
	for g := 0; g < s.Lanes; g += 4 {
		u[g] = op(VUNPCKLPD, t[g+2], t[g])
		u[g+1] = op(VUNPCKHPD, t[g+2], t[g])
		u[g+2] = op(VUNPCKLPD, t[g+3], t[g+1])
		u[g+3] = op(VUNPCKHPD, t[g+3], t[g+1])
	}
	out := make([]reg.VecVirtual, s.Lanes)
	for c := range 4 {
		if s.Lanes == 8 {
			d0, d1 := s.Vec(), s.Vec()
			VPERM2F128(U8(0x20), u[4+c], u[c], d0)
			VPERM2F128(U8(0x31), u[4+c], u[c], d1)
			out[c], out[4+c] = d0, d1
			continue
		}
		pick := func(select0 uint8, x, y reg.VecVirtual) reg.VecVirtual {
			d := s.Vec()
			VSHUFF32X4(U8(select0), y, x, d)
			return d
		}
		const even, odd = 0x88, 0xdd
		e0, e1 := pick(even, u[c], u[4+c]), pick(even, u[8+c], u[12+c])
		o0, o1 := pick(odd, u[c], u[4+c]), pick(odd, u[8+c], u[12+c])
		out[c], out[8+c] = pick(even, e0, e1), pick(odd, e0, e1)
		out[4+c], out[12+c] = pick(even, o0, o1), pick(odd, o0, o1)
	}
	return out
}
