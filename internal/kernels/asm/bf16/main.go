// Command bf16 writes the assembly of the kernels that store numbers in bfloat16: see
// the go:generate line in bf16_amd64.go. All work on whole vectors only.
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
	c := constants{
		first: words("bf16First", 0x7feb352d), second: words("bf16Second", 0x846ca68b),
		low: words("bf16Low", 0xffff), magnitude: words("bf16Magnitude", 0x7fffffff),
		inf: words("bf16Inf", 0x7f800000), finite: words("bf16Finite", 0x7f7fffff), quiet: words("bf16Quiet", 0x00400000),
		lanes: lanes("bf16Lanes"),
	}
	for _, s := range []simd.ISA{simd.AVX512, simd.AVX2} {
		e := emitter{s, c}
		e.widen()
		e.narrow("narrow", "dst = src", false)
		e.narrow("narrowAdd", "dst = dst + src", true)
		e.squares()
		e.adamw("adamwNarrowGrad", "whose gradient is in bfloat16", true, false)
		e.adamw("adamwNarrowMoments", "whose moments are in bfloat16", false, true)
		e.adamw("adamwNarrow", "whose gradient and moments are in bfloat16", true, true)
	}
	Generate()
}

// constants lie in memory, a vector of each, for there are more than AVX2 has registers.
type constants struct {
	first, second, low, magnitude, inf, finite, quiet, lanes Mem
}

// words is a vector of one word.
func words(name string, word uint32) Mem {
	t := GLOBL(name, RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(word))
	}
	return t
}

// lanes is the vector 0, 1, 2, ...
func lanes(name string) Mem {
	t := GLOBL(name, RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(i))
	}
	return t
}

type emitter struct {
	simd.ISA
	constants
}

func (e emitter) wide() bool { return e.Lanes == 16 }

// each runs body for every vector of n values, unroll of them at a time while they
// last. at gives vector v of float32 or, for size 2, of bfloat16.
func (e emitter) each(n reg.GPVirtual, unroll int, body func(v int, at func(base reg.Register, size uint8) Mem)) {
	i, next := GP64(), GP64()
	XORQ(i, i)
	for _, u := range []int{unroll, 1} {
		loop, done := fmt.Sprint("by", u), fmt.Sprint("after", u)
		Label(loop)
		LEAQ(Mem{Base: i, Disp: u * e.Lanes}, next)
		CMPQ(next, n)
		JGT(LabelRef(done))
		for v := range u {
			body(v, func(base reg.Register, size uint8) Mem {
				return Mem{Base: base, Index: i, Scale: size, Disp: v * e.Lanes * int(size)}
			})
		}
		MOVQ(next, i)
		JMP(LabelRef(loop))
		Label(done)
		if unroll == 1 {
			break
		}
	}
}

// load widens a vector of bfloat16.
func (e emitter) load(m Mem) reg.VecVirtual {
	x := e.Vec()
	VPMOVZXWD(m, x)
	VPSLLD(U8(16), x, x)
	return x
}

// store writes the lower halves of x and destroys it.
func (e emitter) store(x reg.VecVirtual, m Mem) {
	if e.wide() {
		VPMOVDW(x, m)
		return
	}
	upper := XMM()
	VEXTRACTI128(U8(1), x, upper)
	VPACKUSDW(upper, x.AsX(), upper)
	VMOVDQU(upper, m)
}

func (e emitter) xor(a Op, b, to reg.VecVirtual) {
	if e.wide() {
		VPXORD(a, b, to)
	} else {
		VPXOR(a, b, to)
	}
}

// draws makes random words: the function draws.word of bf16.go.
type draws struct {
	emitter
	a, b, place, step reg.VecVirtual
}

// newDraws reads the parameters first, a and b.
func (e emitter) newDraws() *draws {
	d := &draws{emitter: e, a: e.Vec(), b: e.Vec(), place: e.Vec(), step: e.Vec()}
	VBROADCASTSS(simd.Argument("a"), d.a)
	VBROADCASTSS(simd.Argument("b"), d.b)
	VBROADCASTSS(simd.Argument("first"), d.place)
	VPADDD(e.lanes, d.place, d.place)
	lanes, low := GP32(), XMM()
	MOVL(U32(e.Lanes), lanes)
	VMOVD(lanes, low)
	VPBROADCASTD(low, d.step)
	return d
}

// next is the words of the next vector.
func (d *draws) next() reg.VecVirtual {
	x, t := d.Vec(), d.Vec()
	shift := func(n uint8) {
		VPSRLD(U8(n), x, t)
		d.xor(t, x, x)
	}
	d.xor(d.a, d.place, x)
	VPADDD(d.step, d.place, d.place)
	shift(16)
	VPMULLD(d.first, x, x)
	d.xor(d.b, x, x)
	shift(15)
	VPMULLD(d.second, x, x)
	shift(16)
	return x
}

// round leaves bfloat16 numbers in the lower halves of x: of the two neighbours, that
// which the draws r below 2^16 choose. It destroys r.
func (e emitter) round(x, r reg.VecVirtual) {
	if e.wide() {
		const unordered, notFinite = 3, 0x99
		nan, finite := K(), K()
		VCMPPS(U8(unordered), x, x, nan)
		VPORD(e.quiet, x, nan, x)
		VFPCLASSPSZ(U8(notFinite), x, finite)
		KNOTW(finite, finite)
		VPADDD(r, x, finite, x)
	} else {
		size, above := e.Vec(), e.Vec()
		VPAND(e.magnitude, x, size)
		VPCMPGTD(e.finite, size, above)
		VPANDN(r, above, r)
		VPCMPGTD(e.inf, size, above)
		VPAND(e.quiet, above, above)
		VPOR(above, x, x)
		VPADDD(r, x, x)
	}
	VPSRLD(U8(16), x, x)
}

func (e emitter) widen() {
	e.Function("widen", "(n int, dst *float32, src *uint16)", "widens n bfloat16 values.")
	n, dst, src := simd.Loaded("n"), simd.Loaded("dst"), simd.Loaded("src")
	e.each(n, 4, func(_ int, at func(reg.Register, uint8) Mem) {
		VMOVUPS(e.load(at(src, 2)), at(dst, 4))
	})
	simd.End()
}

func (e emitter) narrow(name, what string, add bool) {
	e.Function(name, "(n int, dst *uint16, src *float32, first, a, b uint32)",
		"stores "+what+" for n values, rounded stochastically with the upper halves of the words from place first on of the stream a, b.")
	n, dst, src := simd.Loaded("n"), simd.Loaded("dst"), simd.Loaded("src")
	d := e.newDraws()
	e.each(n, 2, func(_ int, at func(reg.Register, uint8) Mem) {
		x := e.Vec()
		VMOVUPS(at(src, 4), x)
		if add {
			VADDPS(e.load(at(dst, 2)), x, x)
		}
		r := d.next()
		VPSRLD(U8(16), r, r)
		e.round(x, r)
		e.store(x, at(dst, 2))
	})
	simd.End()
}

// squares sums in the order of dot in the generator of the row kernels.
func (e emitter) squares() {
	e.Function("squares", "(n int, x *uint16) float32", "sums the squares of n values.")
	n, x := simd.Loaded("n"), simd.Loaded("x")
	sums := make([]reg.VecVirtual, 4)
	for i := range sums {
		sums[i] = e.Vec()
		e.Zero(sums[i])
	}
	e.each(n, 4, func(v int, at func(reg.Register, uint8) Mem) {
		y := e.load(at(x, 2))
		VFMADD231PS(y, y, sums[v])
	})
	sum := e.Sum(sums)
	Store(sum.AsX(), ReturnIndex(0))
	simd.End()
}

// factors gives the numbers of a step that lie at c: AVX2 has no registers to keep them.
func (e emitter) factors(c reg.GPVirtual) func(i int) reg.VecVirtual {
	if !e.wide() {
		return func(i int) reg.VecVirtual { return e.Broadcast(Mem{Base: c, Disp: 4 * i}) }
	}
	var f [8]reg.VecVirtual
	for i := range f {
		f[i] = e.Broadcast(Mem{Base: c, Disp: 4 * i})
	}
	return func(i int) reg.VecVirtual { return f[i] }
}

// adamw is the row kernel of that name on narrow values; the weights move by the
// moments as they are before rounding.
func (e emitter) adamw(name, what string, narrowGrad, narrowMoments bool) {
	grad, moments, extra, draw := "*float32", "*float32", "", ""
	if narrowGrad {
		grad = "*uint16"
	}
	if narrowMoments {
		moments, extra = "*uint16", ", first, a, b uint32"
		draw = " Moments are rounded with the halves of the words from place first on of the stream a, b: the first with the lower ones."
	}
	e.Function(name, "(n int, w *float32, grad "+grad+", m, v "+moments+", factors *float32"+extra+")",
		"is one optimizer step for n weights "+what+"; see adamwFactors for what factors points to."+draw)
	n, w, g, m, v, c := simd.Loaded("n"), simd.Loaded("w"), simd.Loaded("grad"), simd.Loaded("m"), simd.Loaded("v"), simd.Loaded("factors")
	factor := e.factors(c)
	var d *draws
	if narrowMoments {
		d = e.newDraws()
	}
	e.each(n, 1, func(_ int, at func(reg.Register, uint8) Mem) {
		load := func(base reg.Register, narrow bool) reg.VecVirtual {
			if narrow {
				return e.load(at(base, 2))
			}
			x := e.Vec()
			VMOVUPS(at(base, 4), x)
			return x
		}
		var words reg.VecVirtual
		if narrowMoments {
			words = d.next()
		}
		gv, mv, vv := load(g, narrowGrad), load(m, narrowMoments), load(v, narrowMoments)
		// store stores a moment, rounded by draws; the moment itself stays as it is.
		store := func(moment reg.VecVirtual, base reg.Register, draws func() reg.VecVirtual) func() {
			return func() {
				if !narrowMoments {
					VMOVUPS(moment, at(base, 4))
					return
				}
				x := e.Vec()
				VMOVAPS(moment, x)
				e.round(x, draws())
				e.store(x, at(base, 2))
			}
		}
		t := e.AdamW(factor, gv, mv, vv,
			store(mv, m, func() reg.VecVirtual {
				r := e.Vec()
				if e.wide() {
					VPANDD(e.low, words, r)
				} else {
					VPAND(e.low, words, r)
				}
				return r
			}),
			store(vv, v, func() reg.VecVirtual {
				VPSRLD(U8(16), words, words)
				return words
			}),
			func() reg.VecVirtual {
				t := e.Vec()
				VMOVUPS(at(w, 4), t)
				return t
			})
		VMOVUPS(t, at(w, 4))
	})
	simd.End()
}
