package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"dsconv/internal/kernels/asm/simd"
)

// lowRankTile is how many positions' taps of one vector of channels stay in
// registers. The backward pass needs, beside the taps' gradients, one sum for each
// position and one vector of U.
func lowRankTile(s simd.ISA, w int) int {
	if s.Lanes == 16 {
		return []int{12, 8, 6, 6, 4, 4}[w-1]
	}
	return []int{6, 4, 3, 3, 2, 2}[w-1]
}

// makeTaps makes the taps of a tile in registers: static ones plus z·U. Row q of z
// belongs to position q of the tile; tap k of result p comes from row p, or, when
// ahead, from row p+k: the taps that read position p.
func (l *loop) makeTaps(label string, zBase reg.GPVirtual, ahead bool) [][]reg.VecVirtual {
	taps := l.matrix(l.tile, l.w)
	f, r := l.field(factors), l.field(rank)
	rows := l.tile
	if ahead {
		rows = l.rows()
	}
	z := newStrided(zBase, l.field(genStride), rows)
	zFetch := l.field(genAhead)
	ADDQ(zBase, zFetch)
	walk(zFetch, z.stride, l.tile, func(p int, at Mem) { PREFETCHT1(at) })
	for _, t := range taps {
		for k := range t {
			VMOVUPS(l.at(f, k), t[k])
		}
	}
	// As many vectors of U stay in registers as there are left beside one of z.
	registers := 32
	if l.Lanes == 8 {
		registers = 16
	}
	kept := min(l.w, registers-l.tile*l.w-1)
	u := l.vectors(kept)
	each(label, r, func() {
		ADDQ(U32(l.w*l.Width()), f)
		for k := range u {
			VMOVUPS(l.at(f, k), u[k])
		}
		for q := range rows {
			b := l.Broadcast(z.row(q))
			for p := range taps {
				for k := range l.w {
					if ahead && p+k != q || !ahead && p != q {
						continue
					}
					if k < kept {
						VFMADD231PS(u[k], b, taps[p][k])
					} else {
						VFMADD231PS(l.at(f, k), b, taps[p][k])
					}
				}
			}
		}
		z.add(Imm(4))
	})
	return taps
}

// lowRankForward writes y for one vector of channels.
func lowRankForward(s simd.ISA, w int) {
	l := begin(s, "convLowRankForward", w, lowRankTile(s, w), "computes the outputs of low-rank filters for one vector of channels")
	n := l.count(tiles)
	xs, ys, zs := l.cursor(x, xStride), l.cursor(out, outStride), l.cursor(gen, genStride)
	each("tile", n, func() {
		taps := l.makeTaps("taps", zs.load(), false)
		yAt, yStride := ys.load(), l.field(outStride)
		yFetch, xFetch := l.field(outAhead), l.field(xAhead)
		// The sum of position p lies where its last tap, which meets x first, was.
		walk(xs.load(), l.field(xStride), l.rows(), func(j int, at Mem) {
			v := l.Vec()
			VMOVUPS(at, v)
			if j >= w-1 {
				PREFETCHT1(at.Idx(xFetch, 1))
			}
			for p, t := range taps {
				if k := p + w - 1 - j; k >= 0 && k < w {
					if k == w-1 {
						VMULPS(v, t[k], t[w-1])
					} else {
						VFMADD231PS(v, t[k], t[w-1])
					}
				}
			}
			if p := j - w + 1; p >= 0 {
				VMOVUPS(taps[p][w-1], Mem{Base: yAt})
				PREFETCHT1(Mem{Base: yAt, Index: yFetch, Scale: 1})
				if p < l.tile-1 {
					ADDQ(yStride, yAt)
				}
			}
		})
		l.next(xs, ys, zs)
	})
	simd.End()
}

// lowRankBackward writes dx and adds to the gradients of U and of the static taps
// and to dz, for one vector of channels. The sums of dz stay apart by lanes.
func lowRankBackward(s simd.ISA, w int) {
	l := begin(s, "convLowRankBackward", w, lowRankTile(s, w), "computes the gradients of low-rank filters for one vector of channels")
	n := l.count(tiles)
	xs, dys, dxs := l.cursor(x, xStride), l.cursor(dy, dyStride), l.cursor(out, outStride)
	zs, dzs := l.cursor(gen, genStride), l.cursor(dgen, dgenStride)
	each("tile", n, func() {
		l.lowRankInput(zs, dys, dxs)
		dtaps := l.tapGradients(xs, dys)
		l.lowRankFactors(dtaps, zs, dzs)
		l.next(xs, dys, dxs, zs, dzs)
	})
	simd.End()
}

// lowRankInput writes dx[p] = Σ_k taps[p+k][k] * dy[p+k].
func (l *loop) lowRankInput(zs, dys, dxs cursor) {
	taps := l.makeTaps("taps", zs.load(), true)
	dxAt, dxStride := dxs.load(), l.field(outStride)
	dxFetch, dyFetch := l.field(outAhead), l.field(dyAhead)
	walk(dys.load(), l.field(dyStride), l.rows(), func(q int, at Mem) {
		v := l.Vec()
		VMOVUPS(at, v)
		if q >= l.w-1 {
			PREFETCHT1(at.Idx(dyFetch, 1))
		}
		for p, t := range taps {
			if k := q - p; k >= 0 && k < l.w {
				addProduct(v, t[k], t[0], k == 0)
			}
		}
		if p := q - l.w + 1; p >= 0 {
			VMOVUPS(taps[p][0], Mem{Base: dxAt})
			PREFETCHT1(Mem{Base: dxAt, Index: dxFetch, Scale: 1})
			if p < l.tile-1 {
				ADDQ(dxStride, dxAt)
			}
		}
	})
}

// tapGradients makes dtaps[p][k] = dy[p] * x[p-k] in registers.
func (l *loop) tapGradients(xs, dys cursor) [][]reg.VecVirtual {
	grad := l.vectors(l.tile)
	walk(dys.load(), l.field(dyStride), l.tile, func(p int, at Mem) { VMOVUPS(at, grad[p]) })
	dtaps := l.matrix(l.tile, l.w)
	xFetch := l.field(xAhead)
	walk(xs.load(), l.field(xStride), l.rows(), func(j int, at Mem) {
		v := l.Vec()
		VMOVUPS(at, v)
		if j >= l.w-1 {
			PREFETCHT1(at.Idx(xFetch, 1))
		}
		for p := range dtaps {
			if k := p + l.w - 1 - j; k >= 0 && k < l.w {
				VMULPS(v, grad[p], dtaps[p][k])
			}
		}
	})
	return dtaps
}

// lowRankFactors passes the gradients of the taps on to the static taps, to U and to
// z: du[r][k] += Σ_p z[p][r]*dtaps[p][k] and dz[p][r] += Σ_k u[r][k]*dtaps[p][k].
func (l *loop) lowRankFactors(dtaps [][]reg.VecVirtual, zs, dzs cursor) {
	f, df, r := l.field(factors), l.field(dfactors), l.field(rank)
	step := l.field(rank)
	IMUL3Q(U8(l.Width()), step, step)
	z := newStrided(zs.load(), l.field(genStride), l.tile)
	dz := newStrided(dzs.load(), step, l.tile)
	for k := range l.w {
		sum := l.Vec()
		VMOVUPS(l.at(df, k), sum)
		for p := range dtaps {
			VADDPS(dtaps[p][k], sum, sum)
		}
		VMOVUPS(sum, l.at(df, k))
	}
	each("factors", r, func() {
		ADDQ(U32(l.w*l.Width()), f)
		ADDQ(U32(l.w*l.Width()), df)
		sums := l.vectors(l.tile)
		for p := range sums {
			VMOVUPS(dz.row(p), sums[p])
		}
		for k := range l.w {
			u := l.Vec()
			VMOVUPS(l.at(f, k), u)
			for p := range sums {
				VFMADD231PS(u, dtaps[p][k], sums[p])
			}
		}
		for p := range sums {
			VMOVUPS(sums[p], dz.row(p))
		}
		dz.add(U8(l.Width()))
		b := make([]reg.VecVirtual, l.tile)
		for p := range b {
			b[p] = l.Broadcast(z.row(p))
		}
		z.add(Imm(4))
		for k := range l.w {
			du := l.Vec()
			VMOVUPS(l.at(df, k), du)
			for p := range b {
				VFMADD231PS(b[p], dtaps[p][k], du)
			}
			VMOVUPS(du, l.at(df, k))
		}
	})
}
