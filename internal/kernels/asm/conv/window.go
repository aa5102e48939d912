package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"dsconv/internal/kernels/asm/simd"
)

// Static and head-wise filters take a position at a time, over all its channels: rows are
// read and written in the order in which they lie, as memory likes it, and the W-1 rows
// beside them are still in a near cache. A group is a run of vectors that share their
// taps; static filters have one group and no generator.

// window is a loop over the vectors of one position after another.
type window struct {
	*loop
	dynamic bool
	x, f    reg.GPVirtual // of the vector in work: the first row of x, and the taps
	xStride reg.GPVirtual
}

func beginWindow(s simd.ISA, w int, dynamic bool, pass, doc string) *window {
	name, kind := "convStatic", "of static filters"
	if dynamic {
		name, kind = "convHeadwise", "of head-wise filters"
	}
	return &window{loop: begin(s, name+pass, w, 1, doc+" "+kind), dynamic: dynamic}
}

// beside is row i of those that start at base.
func beside(base, stride reg.GPVirtual, i int) Mem {
	switch i {
	case 0:
		return Mem{Base: base}
	case 1, 2, 4:
		return Mem{Base: base, Index: stride, Scale: uint8(i)}
	}
	p := GP64()
	LEAQ(Mem{Base: base, Index: stride, Scale: uint8(i - 1)}, p)
	return Mem{Base: p, Index: stride, Scale: 1}
}

// windowFetch is how many bytes ahead of the row that is read for the first time the
// forward pass asks for rows. Rows of a matrix follow each other.
const windowFetch = 4 << 10

// move moves pointers to the next vector.
func (w *window) move(at ...reg.GPVirtual) {
	for _, p := range at {
		ADDQ(U8(w.Width()), p)
	}
	ADDQ(U32(w.w*w.Width()), w.f)
}

// addTap adds tap k times a vector to sum, or starts it: static tap k and, if dynamic, the
// one in a row of the generator.
func (w *window) addTap(k int, gen Mem, in, sum reg.VecVirtual, first bool) {
	if !w.dynamic {
		addProduct(w.at(w.f, k), in, sum, first)
		return
	}
	t := w.Broadcast(gen.Offset(4 * k))
	VADDPS(w.at(w.f, k), t, t)
	addProduct(in, t, sum, first)
}

// windowForward writes y for all channels.
func windowForward(s simd.ISA, width int, dynamic bool) {
	w := beginWindow(s, width, dynamic, "Forward", "computes the outputs")
	n := w.count(tiles)
	cursors := []cursor{w.cursor(x, xStride), w.cursor(out, outStride)}
	if dynamic {
		cursors = append(cursors, w.cursor(gen, genStride))
	}
	w.xStride = w.field(xStride)
	each("position", n, func() {
		w.x, w.f = cursors[0].load(), w.field(factors)
		y := cursors[1].load()
		var g reg.GPVirtual
		if dynamic {
			g = cursors[2].load()
		}
		group := w.field(groups)
		each("group", group, func() {
			v := w.field(vecs)
			each("vector", v, func() {
				sum := w.Vec()
				for k := width - 1; k >= 0; k-- {
					in := w.Vec()
					row := beside(w.x, w.xStride, width-1-k)
					VMOVUPS(row, in)
					if k == 0 {
						PREFETCHT0(row.Offset(windowFetch))
					}
					w.addTap(k, Mem{Base: g}, in, sum, k == width-1)
				}
				VMOVUPS(sum, Mem{Base: y})
				w.move(w.x, y)
			})
			if dynamic {
				ADDQ(U8(4*width), g)
			}
		})
		w.next(cursors...)
	})
	w.end()
}

// windowBackward writes dx and dgen and adds to the gradients of the static taps,
// for all channels.
func windowBackward(s simd.ISA, width int, dynamic bool) {
	w := beginWindow(s, width, dynamic, "Backward", "computes the gradients")
	n := w.count(tiles)
	cursors := []cursor{w.cursor(x, xStride), w.cursor(dy, dyStride), w.cursor(out, outStride)}
	if dynamic {
		cursors = append(cursors, w.cursor(gen, genStride), w.cursor(dgen, dgenStride))
	}
	dgenAt, group := AllocLocal(8), AllocLocal(8)
	w.xStride = w.field(xStride)
	dys := w.field(dyStride)
	var gs reg.GPVirtual
	if dynamic {
		gs = w.field(genStride)
	}
	each("position", n, func() {
		w.x, w.f = cursors[0].load(), w.field(factors)
		dyAt, dxAt, df := cursors[1].load(), cursors[2].load(), w.field(dfactors)
		var g reg.GPVirtual
		if dynamic {
			g = cursors[3].load()
			MOVQ(cursors[4].load(), dgenAt)
		}
		MOVQ(w.field(groups), group)
		each("group", group, func() {
			var dg []reg.VecVirtual
			if dynamic {
				dg = w.vectors(width)
				for _, r := range dg {
					w.Zero(r)
				}
			}
			v := w.field(vecs)
			each("vector", v, func() {
				grad := w.windowInput(dyAt, dys, dxAt, g, gs)
				w.windowTaps(grad, df, dg)
				// The distance is loaded each time: from a register the same lines are asked
				// for some cycles earlier, and data beyond the cache takes a fifth longer (Zen 5;
				// measured, not understood).
				later := w.field(ahead)
				for _, p := range []reg.GPVirtual{w.x, dyAt, dxAt} {
					PREFETCHT0(Mem{Base: p, Index: later, Scale: 1})
				}
				w.move(w.x, dyAt, dxAt)
				ADDQ(U32(width*w.Width()), df)
			})
			if dynamic {
				in := make([]reg.VecVirtual, w.Lanes)
				copy(in, dg)
				to := GP64()
				MOVQ(dgenAt, to)
				storeLanes(sumLanes(w.ISA, in), 0, width, to)
				ADDQ(Imm(uint64(4*width)), dgenAt)
				ADDQ(Imm(uint64(4*width)), g)
			}
		})
		w.next(cursors...)
	})
	w.end()
}

// windowInput writes one vector of dx[p] = Σ_k taps[p+k][k] * dy[p+k], and gives that of
// dy[p].
func (w *window) windowInput(dyAt, dys, dxAt, g, gs reg.GPVirtual) reg.VecVirtual {
	grad, sum := w.Vec(), w.Vec()
	VMOVUPS(Mem{Base: dyAt}, grad)
	for k := range w.w {
		in := grad
		if k > 0 {
			in = w.Vec()
			VMOVUPS(beside(dyAt, dys, k), in)
		}
		var row Mem
		if w.dynamic {
			row = beside(g, gs, k)
		}
		w.addTap(k, row, in, sum, k == 0)
	}
	VMOVUPS(sum, Mem{Base: dxAt})
	return grad
}

// windowTaps adds dy[p] * x[p-k] to the gradients of static tap k and of tap k of
// position p.
func (w *window) windowTaps(grad reg.VecVirtual, df reg.GPVirtual, dg []reg.VecVirtual) {
	ds := w.vectors(w.w)
	for k := range ds {
		VMOVUPS(w.at(df, k), ds[k])
	}
	for k := w.w - 1; k >= 0; k-- {
		in := w.Vec()
		VMOVUPS(beside(w.x, w.xStride, w.w-1-k), in)
		VFMADD231PS(in, grad, ds[k])
		if dg != nil {
			VFMADD231PS(in, grad, dg[k])
		}
	}
	for k := range ds {
		VMOVUPS(ds[k], w.at(df, k))
	}
}
