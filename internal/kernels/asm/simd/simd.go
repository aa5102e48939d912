// Package simd is what the generators of assembly share: vectors of either
// instruction set, masked access to the last columns, loops over a row, and sums
// across lanes.
package simd

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// ISA is an instruction set: the name that functions end in, and how many float32
// values a vector holds.
type ISA struct {
	Name  string
	Lanes int
}

// The instruction sets that there is code for.
var (
	AVX512 = ISA{"AVX512", 16}
	AVX2   = ISA{"AVX2", 8}
)

// Width is the size of a vector in bytes.
func (s ISA) Width() int { return 4 * s.Lanes }

// Vec is a new vector register.
func (s ISA) Vec() reg.VecVirtual {
	if s.Lanes == 16 {
		return ZMM()
	}
	return YMM()
}

// Zero clears r.
func (s ISA) Zero(r reg.VecVirtual) {
	if s.Lanes == 16 {
		VPXORQ(r, r, r)
	} else {
		VXORPS(r, r, r)
	}
}

// Function starts a function with the name of its instruction set; doc goes on after the
// name.
func (s ISA) Function(name, signature, doc string) {
	TEXT(name+s.Name, NOSPLIT, "func"+signature)
	Doc(fmt.Sprintf("%s%s %s", name, s.Name, doc))
	Pragma("noescape")
}

// Loaded is a parameter that is a pointer or an integer, in a register.
func Loaded(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }

// End ends a function.
func End() {
	VZEROUPPER()
	RET()
}

// Argument is a parameter of the function where it lies.
func Argument(name string) Mem {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// Broadcast is a new vector that holds the float32 at m in every lane.
func (s ISA) Broadcast(m Mem) reg.VecVirtual {
	r := s.Vec()
	VBROADCASTSS(m, r)
	return r
}

// MaskTable writes the table that AVX2 takes its masks from: eight set words and
// eight clear ones, of which the vector that starts n words before the middle
// selects n lanes.
func MaskTable(name string) Mem {
	t := GLOBL(name, RODATA|NOPTR)
	for i := range 16 {
		word := U32(1<<32 - 1)
		if i >= 8 {
			word = 0
		}
		DATA(4*i, word)
	}
	return t
}

// Mask is a new register that selects the first lanes; it destroys the count, which is
// at most a vector.
func (s ISA) Mask(count reg.GPVirtual, table Mem) reg.Register {
	if s.Lanes == 16 {
		bits := GP64()
		MOVQ(I32(-1), bits)
		BZHIQ(count, bits, bits)
		k := K()
		KMOVW(bits.As32(), k)
		return k
	}
	at := GP64()
	LEAQ(table, at)
	NEGQ(count)
	m := YMM()
	VMOVUPS(Mem{Base: at, Index: count, Scale: 4, Disp: 32}, m)
	return m
}

// Load reads a vector; with a mask the lanes that it leaves out are zero and their
// memory is not touched.
func (s ISA) Load(m Mem, r reg.VecVirtual, mask reg.Register) {
	switch {
	case mask == nil:
		VMOVUPS(m, r)
	case s.Lanes == 16:
		VMOVUPS_Z(m, mask, r)
	default:
		VMASKMOVPS(m, mask, r)
	}
}

// Store writes a vector; with a mask, only the lanes that it selects.
func (s ISA) Store(r reg.VecVirtual, m Mem, mask reg.Register) {
	switch {
	case mask == nil:
		VMOVUPS(r, m)
	case s.Lanes == 16:
		VMOVUPS(r, mask, m)
	default:
		VMASKMOVPS(r, mask, m)
	}
}

// StoreResult writes a vector of a result, with a mask as Store does. When the word at stream is
// not zero, whole vectors go past the caches, and m has to be aligned. The label is one that
// the function has not used.
func (s ISA) StoreResult(r reg.VecVirtual, m Mem, mask reg.Register, stream Mem, label string) {
	if mask != nil {
		s.Store(r, m, mask)
		return
	}
	CMPQ(stream, U8(0))
	JNE(LabelRef(label + "past"))
	VMOVUPS(r, m)
	JMP(LabelRef(label + "stored"))
	Label(label + "past")
	VMOVNTPS(r, m)
	Label(label + "stored")
}

// Row is a loop over the values of a row. Bytes is its length, which stays as it is.
type Row struct {
	ISA
	Bytes reg.GPVirtual
	Tail  reg.Register // selects what is left after the last whole vector
	i     reg.GPVirtual
	name  string

	loops, results int // so far
}

// NewRow prepares loops over rows of the number of values in n, which becomes their
// length in bytes. Name makes the labels of a function's rows differ.
func (s ISA) NewRow(name string, n reg.GPVirtual, table Mem) *Row {
	last := GP64()
	MOVQ(n, last)
	ANDQ(U8(s.Lanes-1), last)
	r := &Row{ISA: s, Bytes: n, name: name, Tail: s.Mask(last, table), i: GP64()}
	SHLQ(U8(2), n)
	return r
}

// At is vector v from where the loop is in the row that starts at base.
func (r *Row) At(base reg.Register, v int) Mem {
	return Mem{Base: base, Index: r.i, Scale: 1, Disp: v * r.Width()}
}

// StoreResult writes vector v of a row of the result at base; see ISA.StoreResult.
func (r *Row) StoreResult(x reg.VecVirtual, base reg.Register, v int, mask reg.Register, stream Mem) {
	r.results++
	r.ISA.StoreResult(x, r.At(base, v), mask, stream, fmt.Sprint(r.name, "result", r.results))
}

// Each runs body for every vector of a row, unroll of them at a time while they last.
// Body is told which of the unrolled vectors it works on, and the mask of the last one
// when that is not whole.
func (r *Row) Each(unroll int, body func(v int, mask reg.Register)) {
	r.loops++
	label := func(what string) string { return fmt.Sprintf("%s%d%s", r.name, r.loops, what) }
	next := GP64()
	XORQ(r.i, r.i)
	for _, u := range []int{unroll, 1} {
		at, end := label(fmt.Sprint("by", u)), label(fmt.Sprint("after", u))
		Label(at)
		LEAQ(Mem{Base: r.i, Disp: u * r.Width()}, next)
		CMPQ(next, r.Bytes)
		JGT(LabelRef(end))
		for v := range u {
			body(v, nil)
		}
		MOVQ(next, r.i)
		JMP(LabelRef(at))
		Label(end)
		if unroll == 1 {
			break
		}
	}
	CMPQ(r.i, r.Bytes)
	JGE(LabelRef(label("done")))
	body(0, r.Tail)
	Label(label("done"))
}

// Sum adds the lanes of the vectors into the lowest lane of the result, pairs first.
func (s ISA) Sum(vs []reg.VecVirtual) reg.VecVirtual { return s.fold(VADDPS, vs) }

// Max leaves the greatest of all lanes in the lowest lane of the result.
func (s ISA) Max(vs []reg.VecVirtual) reg.VecVirtual { return s.fold(VMAXPS, vs) }

// fold joins vectors and then their halves by op until one lane is left.
func (s ISA) fold(op func(...Op), vs []reg.VecVirtual) reg.VecVirtual {
	for n := len(vs); n > 1; n = (n + 1) / 2 {
		for i := range n / 2 {
			op(vs[n-1-i], vs[i], vs[i])
		}
	}
	v, quarter := vs[0], XMM()
	if s.Lanes == 16 {
		half := YMM()
		VEXTRACTF64X4(U8(1), v, half)
		op(half, v.AsY(), v.AsY())
		VEXTRACTF32X4(U8(1), v.AsY(), quarter) // reaches the upper sixteen registers
	} else {
		VEXTRACTF128(U8(1), v.AsY(), quarter)
	}
	op(quarter, v.AsX(), v.AsX())
	VPERMILPS(U8(0x4e), v.AsX(), quarter)
	op(quarter, v.AsX(), v.AsX())
	VPERMILPS(U8(0xb1), v.AsX(), quarter)
	op(quarter, v.AsX(), v.AsX())
	return v
}

// AdamW emits an optimizer step for one vector of weights in float32, whose gradient and
// moments are widened already. factor gives the numbers of adamwFactors, in their order.
// Moments are stored by m1 and m2 as soon as they are made; g, m and v are destroyed. The
// result is the vector of weights w after the step.
func (s ISA) AdamW(factor func(i int) reg.VecVirtual, g, m, v reg.VecVirtual, m1, m2 func(), w func() reg.VecVirtual) reg.VecVirtual {
	const scale, b1, c1, b2, c2, keep, lr, eps = 0, 1, 2, 3, 4, 5, 6, 7
	VMULPS(factor(scale), g, g)
	VMULPS(factor(b1), m, m)
	VFMADD231PS(g, factor(c1), m)
	m1()
	VMULPS(g, g, g)
	VMULPS(factor(b2), v, v)
	VFMADD231PS(g, factor(c2), v)
	m2()
	VSQRTPS(v, v)
	VADDPS(factor(eps), v, v)
	VMULPS(factor(lr), m, m)
	VDIVPS(v, m, m)
	t := w()
	VFMSUB132PS(factor(keep), m, t)
	return t
}
