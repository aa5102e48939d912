package kernels

// work computes one block of C, or one split's share of it.
func (g *product) work(task int) {
	e, s := g.e, &g.stage
	block, split := g.blocks[task/g.splits], task%g.splits
	i0, i1 := block.i0, block.i1
	from, to := g.tilesOf(block)
	c0, c1 := g.chunksOf(task)

	var copied *buffer
	if g.l == TN && g.scattered() && to-from >= copyPanels*(i1-i0) {
		copied = scratch((i1 - i0) * e.chunk * e.lanes)
		defer copied.release()
	}
	for ci := c0; ci < c1; ci++ {
		c := g.chunks[ci]
		acc := ci > c0 || g.splits == 1 && s.acc
		rs, cs, a0 := g.a.Stride, 1, c.off
		if g.l == TN {
			rs, cs, a0 = 1, g.a.Stride, c.off*g.a.Stride
		}
		if copied != nil {
			g.copyRowsOfA(copied.f, i0, i1, c)
		}
		next := g.lookAhead(task, ci, to-from)
		for tile := from; tile < to; {
			i, j := i0+tile%(i1-i0), s.j0+tile/(i1-i0)
			last := min(i1, i+to-tile)
			p := g.panels[j]
			vecs := g.vecs(p)
			columns := p.n - (vecs-1)*e.lanes // of the last vector
			var b []float32
			var bs int
			if g.packLate {
				b, bs = g.packPanel(task, p, c)
			} else {
				b, bs = g.rowsOfB(p, c)
			}
			next.panel(last-i, tile+last-i < to, j+1, c)
			dst, col := g.sums(p, split)
			tiles := e.tiles[vecs-1]
			for ; i < last; i++ {
				r0, r1 := g.rows[i], g.rows[i+1]
				a, step := &g.a.Data[a0+r0*rs], cs
				if copied != nil {
					a, step = &copied.f[(i-i0)*c.n*e.lanes], e.lanes
				}
				ofA, ofB := next.tile(to-tile, &b[0])
				tiles[r1-r0-1](c.n, a, rs, step, &b[0], bs, &dst.Data[r0*dst.Stride+col], dst.Stride, columns, acc, next.group,
					ofA.first, ofA.step, ofA.jump, ofB.first, ofB.step, ofB.jump)
				tile++
			}
		}
	}
}

// chunksOf gives the chunks of a task in this stage: all of them, or its split's.
func (g *product) chunksOf(task int) (c0, c1 int) {
	first, n, split := g.stage.c0, g.stage.c1-g.stage.c0, task%g.splits
	return first + split*n/g.splits, first + (split+1)*n/g.splits
}

// sums is where the sums of a panel go, and at which column: to C, or to their split's place.
func (g *product) sums(p panel, split int) (View, int) {
	if g.splits > 1 {
		return Dense(g.partial.f[split*g.m*g.width:], g.width), p.pos
	}
	return g.c[p.part], p.at
}

// rowsOfB is where a panel of a chunk of B lies, and its stride.
func (g *product) rowsOfB(p panel, c chunk) ([]float32, int) {
	if !g.directB {
		return g.packed.f[g.at(p, c):], g.vecs(p) * g.e.lanes
	}
	v := g.b[p.part+c.part]
	return v.Data[c.at*v.Stride+p.at:], v.Stride
}

// reduce adds the sums of the splits in their order: a product with a row of ones,
// which is exact.
func (g *product) reduce(t int) {
	for r := t * 16; r < min(g.m, t*16+16); r++ {
		for _, p := range g.panels {
			vecs := g.vecs(p)
			c := g.c[p.part]
			g.e.tiles[vecs-1][0](g.splits, &one, 0, 0, &g.partial.f[r*g.width+p.pos], g.m*g.width,
				&c.Data[r*c.Stride+p.at], c.Stride, p.n-(vecs-1)*g.e.lanes, g.acc, g.splits, &one, 0, 0, &one, 0, 0)
		}
	}
}

var one float32 = 1
