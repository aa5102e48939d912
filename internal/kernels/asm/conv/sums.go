package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"dsconv/internal/kernels/asm/simd"
)

// sumLanes gives one vector of the sums over the lanes of as many vectors, in their
// order. A vector that is nil makes a sum that nobody needs.
func sumLanes(s simd.ISA, in []reg.VecVirtual) reg.VecVirtual {
	// fold adds two shuffles of a pair.
	fold := func(a, b reg.VecVirtual, low, high func(a, b, dst reg.VecVirtual)) reg.VecVirtual {
		if a == nil {
			a = b
		}
		if b == nil {
			b = a
		}
		if a == nil {
			return nil
		}
		x, y := s.Vec(), s.Vec()
		low(a, b, x)
		high(a, b, y)
		VADDPS(y, x, x)
		return x
	}
	pairs := func(in []reg.VecVirtual, low, high func(a, b, dst reg.VecVirtual)) []reg.VecVirtual {
		var sums []reg.VecVirtual
		for i := 0; i < len(in); i += 2 {
			sums = append(sums, fold(in[i], in[i+1], low, high))
		}
		return sums
	}
	// Within each 128-bit lane: four vectors become one of four sums.
	v := pairs(in, func(a, b, d reg.VecVirtual) { VUNPCKLPS(b, a, d) }, func(a, b, d reg.VecVirtual) { VUNPCKHPS(b, a, d) })
	v = pairs(v, func(a, b, d reg.VecVirtual) { VUNPCKLPD(b, a, d) }, func(a, b, d reg.VecVirtual) { VUNPCKHPD(b, a, d) })
	if s.Lanes == 8 {
		return pairs(v, func(a, b, d reg.VecVirtual) { VPERM2F128(U8(0x20), b, a, d) }, func(a, b, d reg.VecVirtual) { VPERM2F128(U8(0x31), b, a, d) })[0]
	}
	// Across them: the lower and the upper halves, then even and odd lanes.
	shuffle := func(select0 uint8) func(a, b, d reg.VecVirtual) {
		return func(a, b, d reg.VecVirtual) { VSHUFF32X4(U8(select0), b, a, d) }
	}
	v = pairs(v, shuffle(0x44), shuffle(0xee))
	return pairs(v, shuffle(0x88), shuffle(0xdd))[0]
}

// storeLanes writes n lanes of v, from the given one on, which is a multiple of the
// next power of two.
func storeLanes(v reg.VecVirtual, lane, n int, to reg.GPVirtual) {
	for done := 0; done < n; done += 4 {
		part := v.AsX()
		if i := (lane + done) / 4; i > 0 {
			part = XMM()
			if v.Size() == 64 {
				VEXTRACTF32X4(U8(i), v, part)
			} else {
				VEXTRACTF128(U8(i), v, part)
			}
		}
		at := Mem{Base: to, Disp: 4 * done}
		first, count := (lane+done)%4, min(4, n-done)
		switch {
		case count == 4:
			VMOVUPS(part, at)
		case count == 1 && first == 0:
			VMOVSS(part, at)
		case count == 1:
			VEXTRACTPS(U8(first), part, at)
		case first == 2:
			VMOVHPS(part, at)
		default:
			VMOVLPS(part, at)
			if count == 3 {
				VEXTRACTPS(U8(2), part, at.Offset(8))
			}
		}
	}
}

// laneSums writes the loop that adds up the lanes of many vectors.
func laneSums(s simd.ISA) {
	s.Function("convLaneSums", "(n int, dst *float32, ds int, src *float32)",
		fmt.Sprintf("writes n vectors, each of the sums of %d vectors of src; ds is the distance in bytes between the vectors written.", s.Lanes))
	n, dst, ds, src := simd.Loaded("n"), simd.Loaded("dst"), simd.Loaded("ds"), simd.Loaded("src")
	each("loop", n, func() {
		in := make([]reg.VecVirtual, s.Lanes)
		for i := range in {
			in[i] = s.Vec()
			VMOVUPS(Mem{Base: src, Disp: i * s.Width()}, in[i])
		}
		VMOVUPS(sumLanes(s, in), Mem{Base: dst})
		ADDQ(U32(s.Lanes*s.Width()), src)
		ADDQ(ds, dst)
	})
	simd.End()
}

// partialSums writes the loop that adds the partial sums of parameter gradients in
// order.
func partialSums(s simd.ISA, masks Mem) {
	s.Function("convPartialSums", "(n, count int, dst *float32, ds int, src *float32, ss, last int, acc bool)",
		"writes the first last lanes of n vectors, each the sum of count vectors that lie ss bytes apart, added to what dst holds when acc is set; ds is the distance in bytes between the vectors written.")
	n, count := simd.Loaded("n"), simd.Loaded("count")
	dst, ds := simd.Loaded("dst"), simd.Loaded("ds")
	src, ss := simd.Loaded("src"), simd.Loaded("ss")
	mask := s.Mask(simd.Loaded("last"), masks)
	acc := Load(Param("acc"), GP8())
	sum := s.Vec()
	each("vector", n, func() {
		s.Zero(sum)
		TESTB(acc, acc)
		JZ(LabelRef("parts"))
		s.Load(Mem{Base: dst}, sum, mask)
		Label("parts")
		at, i := GP64(), GP64()
		MOVQ(src, at)
		MOVQ(count, i)
		each("part", i, func() {
			VADDPS(Mem{Base: at}, sum, sum)
			ADDQ(ss, at)
		})
		s.Store(sum, Mem{Base: dst}, mask)
		ADDQ(U8(s.Width()), src)
		ADDQ(ds, dst)
	})
	simd.End()
}
