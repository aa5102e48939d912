package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"dsconv/internal/kernels/asm/simd"
)

// Static and head-wise filters sweep all channels of one or a few positions. A group is a run
// of vectors that share their taps; static filters have one group and no generator.

// windowTile is how many positions a sweep for gradients takes.
const windowTile = 4

// slot is the room that the sums of one position's taps take in a vector of sums.
func slot(w int) int {
	for n := 1; ; n *= 2 {
		if n >= w {
			return n
		}
	}
}

// backwardTile lets the sums of all taps of the tile fit into one vector.
func backwardTile(s simd.ISA, w int, dynamic bool) int {
	if !dynamic {
		return windowTile
	}
	return min(windowTile, s.Lanes/slot(w))
}

func windowName(dynamic bool, pass string) (name, doc string) {
	if dynamic {
		return "convHeadwise" + pass, "of head-wise filters"
	}
	return "convStatic" + pass, "of static filters"
}

// tap is the sum of a static tap and of the one that the generator's row gives.
func (l *loop) tap(static Op, row Mem, k int) reg.VecVirtual {
	t := l.Broadcast(row.Offset(4 * k))
	VADDPS(static, t, t)
	return t
}

// staticTaps loads the taps of one vector of channels.
func (l *loop) staticTaps(f reg.GPVirtual) []reg.VecVirtual {
	s := l.vectors(l.w)
	for k := range s {
		VMOVUPS(l.at(f, k), s[k])
	}
	return s
}

// windowForward writes y for all channels, a position at a time: rows are read and written
// in the order in which they lie, as memory likes it, and the W-1 rows before are still in a
// near cache.
func windowForward(s simd.ISA, w int, dynamic bool) {
	name, doc := windowName(dynamic, "Forward")
	l := begin(s, name, w, 1, "computes the outputs "+doc)
	n := l.count(tiles)
	cursors := []cursor{l.cursor(x, xStride), l.cursor(out, outStride)}
	if dynamic {
		cursors = append(cursors, l.cursor(gen, genStride))
	}
	xs, past := l.field(xStride), l.count(stream)
	each("position", n, func() {
		xAt, yAt, f := cursors[0].load(), cursors[1].load(), l.field(factors)
		var g reg.GPVirtual
		if dynamic {
			g = cursors[2].load()
		}
		rows := newStrided(xAt, xs, w)
		group := l.field(groups)
		each("group", group, func() {
			v := l.field(vecs)
			each("vector", v, func() {
				sum := l.Vec()
				for k := w - 1; k >= 0; k-- {
					in := l.Vec()
					VMOVUPS(rows.row(w-1-k), in)
					tap := Op(l.at(f, k))
					if dynamic {
						tap = l.tap(tap, Mem{Base: g}, k)
					}
					addProduct(tap, in, sum, k == w-1)
				}
				l.StoreResult(sum, Mem{Base: yAt}, nil, past, "y")
				PREFETCHT0(Mem{Base: xAt, Index: l.field(xAhead), Scale: 1})
				rows.add(U8(l.Width()))
				ADDQ(U8(l.Width()), yAt)
				ADDQ(U32(w*l.Width()), f)
			})
			if dynamic {
				ADDQ(U8(4*w), g)
			}
		})
		l.next(cursors...)
	})
	simd.End()
}

// windowBackward writes dx and dgen and adds to the gradients of the static taps,
// for all channels.
func windowBackward(s simd.ISA, w int, dynamic bool) {
	name, doc := windowName(dynamic, "Backward")
	l := begin(s, name, w, backwardTile(s, w, dynamic), "computes the gradients "+doc)
	n := l.count(tiles)
	cursors := []cursor{l.cursor(x, xStride), l.cursor(dy, dyStride), l.cursor(out, outStride)}
	dgenAt := AllocLocal(8)
	if dynamic {
		cursors = append(cursors, l.cursor(gen, genStride), l.cursor(dgen, dgenStride))
	}
	xs, dys, dxs := l.field(xStride), l.field(dyStride), l.field(outStride)
	var gs reg.GPVirtual
	if dynamic {
		gs = l.field(genStride)
	}
	group, past := AllocLocal(8), l.count(stream)
	each("tile", n, func() {
		xAt, dyAt, dxAt := cursors[0].load(), cursors[1].load(), cursors[2].load()
		f, df := l.field(factors), l.field(dfactors)
		var gAt reg.GPVirtual
		if dynamic {
			gAt = cursors[3].load()
			MOVQ(cursors[4].load(), dgenAt)
		}
		MOVQ(l.field(groups), group)
		each("group", group, func() {
			var dg [][]reg.VecVirtual
			if dynamic {
				dg = l.matrix(l.tile, w)
				for _, row := range dg {
					for _, r := range row {
						l.Zero(r)
					}
				}
			}
			v := l.field(vecs)
			each("vector", v, func() {
				l.windowInput(dyAt, dys, dxAt, dxs, gAt, gs, f, past)
				l.windowTaps(xAt, xs, dyAt, dys, df, dg)
				l.fetchRows(xAt, xAhead, xs)
				l.fetchRows(dyAt, dyAhead, dys)
				CMPQ(past, U8(0))
				JNE(LabelRef("fetched"))
				l.fetchRows(dxAt, outAhead, dxs)
				Label("fetched")
				for _, p := range []reg.GPVirtual{xAt, dyAt, dxAt} {
					ADDQ(U8(l.Width()), p)
				}
				ADDQ(U32(w*l.Width()), f)
				ADDQ(U32(w*l.Width()), df)
			})
			if dynamic {
				l.storeTapSums(dg, dgenAt)
				l.fetchRows(gAt, genAhead, gs)
				ADDQ(Imm(uint64(4*w)), dgenAt)
				ADDQ(Imm(uint64(4*w)), gAt)
			}
		})
		l.next(cursors...)
	})
	simd.End()
}

// fetchRows asks for the part of the rows of a later tile that lies below at.
func (l *loop) fetchRows(at reg.GPVirtual, distance int, stride reg.GPVirtual) {
	p := l.field(distance)
	ADDQ(at, p)
	walk(p, stride, l.tile, func(_ int, row Mem) { PREFETCHT0(row) })
}

// windowInput writes dx[p] = Σ_k taps[p+k][k] * dy[p+k] of one vector of channels.
func (l *loop) windowInput(dyAt, dys, dxAt, dxs, gAt, gs, f reg.GPVirtual, past Mem) {
	static := l.staticTaps(f)
	sums := l.vectors(l.tile)
	to := GP64()
	MOVQ(dxAt, to)
	var g reg.GPVirtual
	if gs != nil {
		g = GP64()
		MOVQ(gAt, g)
	}
	walk(dyAt, dys, l.rows(), func(q int, at Mem) {
		in := l.Vec()
		VMOVUPS(at, in)
		for p := range sums {
			k := q - p
			if k < 0 || k >= l.w {
				continue
			}
			t := static[k]
			if gs != nil {
				t = l.tap(static[k], Mem{Base: g}, k)
			}
			addProduct(in, t, sums[p], k == 0)
		}
		if gs != nil && q < l.rows()-1 {
			ADDQ(gs, g)
		}
		if p := q - l.w + 1; p >= 0 {
			l.StoreResult(sums[p], Mem{Base: to}, nil, past, fmt.Sprint("dx", p))
			if p < l.tile-1 {
				ADDQ(dxs, to)
			}
		}
	})
}

// windowTaps adds dy[p] * x[p-k] to the gradients of static tap k and of tap k of
// position p.
func (l *loop) windowTaps(xAt, xs, dyAt, dys, df reg.GPVirtual, dg [][]reg.VecVirtual) {
	grad := l.vectors(l.tile)
	walk(dyAt, dys, l.tile, func(p int, at Mem) { VMOVUPS(at, grad[p]) })
	ds := l.staticTaps(df)
	walk(xAt, xs, l.rows(), func(j int, at Mem) {
		in := l.Vec()
		VMOVUPS(at, in)
		for p := range grad {
			k := p + l.w - 1 - j
			if k < 0 || k >= l.w {
				continue
			}
			VFMADD231PS(in, grad[p], ds[k])
			if dg != nil {
				VFMADD231PS(in, grad[p], dg[p][k])
			}
		}
	})
	for k := range ds {
		VMOVUPS(ds[k], l.at(df, k))
	}
}

// storeTapSums writes the sums over the lanes of each position's taps to its row of
// dgen.
func (l *loop) storeTapSums(dg [][]reg.VecVirtual, at Mem) {
	room := slot(l.w)
	in := make([]reg.VecVirtual, l.Lanes)
	for p, row := range dg {
		copy(in[p*room:], row)
	}
	sums := sumLanes(l.ISA, in)
	stride := l.field(dgenStride)
	to := GP64()
	MOVQ(at, to)
	for p := range dg {
		storeLanes(sums, p*room, l.w, to)
		if p < len(dg)-1 {
			ADDQ(stride, to)
		}
	}
}
