package kernels

import "unsafe"

// engine is the innermost code of the matrix multiply for one instruction set. A
// tile of C, at most rows x 2*lanes, stays in registers while k runs over a chunk.
type engine struct {
	rows, lanes int
	chunk       int           // longest run of k for which a tile stays in registers
	tiles       [2][]tileFunc // by vectors-1 and rows-1
	copyRows    [2]copyFunc   // by vectors-1
	transpose   func(blocks int, src *float32, ss int, dst *float32, ds int)

	// multiplyAdds does n times peakFLOPs operations without touching memory.
	multiplyAdds func(n int, seed *float32)
	peakFLOPs    int
}

// tileFunc computes a tile of C from k columns of A and k rows of B: element (i, p)
// of A is at a[i*rs+p*cs], row p of B at b[p*bs], row i of C at c[i*ldc]. Of the
// last vector only the first last columns are read and written. C is overwritten,
// or added to when acc is true. Each element is one chain of multiply-adds in ascending p,
// so its bits do not depend on the tile's size.
//
// The steps come in groups of the given size, at least 1, and a rest. Meanwhile the tile calls for C, a row a
// group, and for memory that later tiles read, in two places: at each step next, which then
// moves by step, and after each group by jump.
type tileFunc func(k int, a *float32, rs, cs int, b *float32, bs int, c *float32, ldc, last int, acc bool, group int, next0 *float32, step0, jump0 int, next1 *float32, step1, jump1 int)

// rowGroup is how many of k steps make a group, of which there is one for each of so many rows.
func rowGroup(k, rows int) int { return max(1, k/rows) }

// copyFunc copies n rows of one or two vectors, n > 0: row p from src[p*ss] to
// dst[p*ds]. Columns beyond the first last of the last vector become zero.
type copyFunc func(n int, src *float32, ss int, dst *float32, ds, last int)

// engineGo is the plain Go twin. Two rows by four columns are what the compiler
// keeps in registers on every architecture.
var engineGo = engine{
	rows: 2, lanes: 2, chunk: 512,
	tiles: [2][]tileFunc{
		{goTile(1, 1), goTile(2, 1)},
		{goTile(1, 2), goTile2x4},
	},
	copyRows:     [2]copyFunc{goCopy(1), goCopy(2)},
	transpose:    goTranspose,
	multiplyAdds: goMultiplyAdds, peakFLOPs: 2 * 8,
}

// goTile returns the plain tile of the given size in rows and vectors of two.
func goTile(rows, vecs int) tileFunc {
	return func(k int, a *float32, rs, cs int, b *float32, bs int, c *float32, ldc, last int, acc bool, group int, next0 *float32, step0, jump0 int, next1 *float32, step1, jump1 int) {
		cols := 2*vecs - 2 + last
		for i := range rows {
			for j := range cols {
				var sum float32
				for p := range k {
					sum += *at(a, i*rs+p*cs) * *at(b, p*bs+j)
				}
				if acc {
					sum += *at(c, i*ldc+j)
				}
				*at(c, i*ldc+j) = sum
			}
		}
	}
}

// goTile2x4 is goTile(2, 2) with its sums in registers.
func goTile2x4(k int, a *float32, rs, cs int, b *float32, bs int, c *float32, ldc, last int, acc bool, group int, next0 *float32, step0, jump0 int, next1 *float32, step1, jump1 int) {
	if last < 2 {
		goTile(2, 2)(k, a, rs, cs, b, bs, c, ldc, last, acc, group, next0, step0, jump0, next1, step1, jump1)
		return
	}
	var s00, s01, s02, s03, s10, s11, s12, s13 float32
	for p := range k {
		x0, x1 := *at(a, p*cs), *at(a, rs+p*cs)
		y := (*[4]float32)(unsafe.Pointer(at(b, p*bs)))
		s00 += x0 * y[0]
		s01 += x0 * y[1]
		s02 += x0 * y[2]
		s03 += x0 * y[3]
		s10 += x1 * y[0]
		s11 += x1 * y[1]
		s12 += x1 * y[2]
		s13 += x1 * y[3]
	}
	c0, c1 := (*[4]float32)(unsafe.Pointer(c)), (*[4]float32)(unsafe.Pointer(at(c, ldc)))
	if acc {
		s00, s01, s02, s03 = s00+c0[0], s01+c0[1], s02+c0[2], s03+c0[3]
		s10, s11, s12, s13 = s10+c1[0], s11+c1[1], s12+c1[2], s13+c1[3]
	}
	*c0 = [4]float32{s00, s01, s02, s03}
	*c1 = [4]float32{s10, s11, s12, s13}
}

// goCopy returns the plain copy of vecs vectors of two columns.
func goCopy(vecs int) copyFunc {
	return func(n int, src *float32, ss int, dst *float32, ds, last int) {
		for p := range n {
			to := unsafe.Slice(at(dst, p*ds), 2*vecs)
			clear(to[copy(to, unsafe.Slice(at(src, p*ss), 2*vecs-2+last)):])
		}
	}
}

// goTranspose writes two rows as columns of two.
func goTranspose(blocks int, src *float32, ss int, dst *float32, ds int) {
	r0, r1 := unsafe.Slice(src, 2*blocks), unsafe.Slice(at(src, ss), 2*blocks)
	for p := range r0 {
		d := unsafe.Slice(at(dst, p*ds), 2)
		d[0], d[1] = r0[p], r1[p]
	}
}

// at is p[i] as C has it: the tiles get no bounds because their callers have
// checked the views.
func at(p *float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*i))
}

// goMultiplyAdds keeps eight sums in registers. It leaves a number that depends on them,
// or the compiler would leave out the loop.
func goMultiplyAdds(n int, seed *float32) {
	x, y := *seed, *at(seed, 1)
	s0, s1, s2, s3, s4, s5, s6, s7 := x, x, x, x, x, x, x, x
	for range n {
		s0 += x * y
		s1 += x * y
		s2 += x * y
		s3 += x * y
		s4 += x * y
		s5 += x * y
		s6 += x * y
		s7 += x * y
	}
	*seed = (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7) * 0
}
