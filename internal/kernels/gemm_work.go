package kernels

// work computes one block of C, or one split's share of it.
func (g *product) work(t int) {
	e, s := g.e, &g.stage
	split := t % g.splits
	t /= g.splits
	rb, cb := t/g.colBlocks, t%g.colBlocks
	i0, i1 := g.rowBlocks[rb], g.rowBlocks[rb+1]
	panels := s.j1 - s.j0
	j0, j1 := s.j0+cb*panels/g.colBlocks, s.j0+(cb+1)*panels/g.colBlocks
	chunks := s.c1 - s.c0
	c0, c1 := s.c0+split*chunks/g.splits, s.c0+(split+1)*chunks/g.splits

	var rows *buffer
	if g.copyA {
		rows = scratch((i1 - i0) * max(e.rows*(e.chunk+16), e.lanes*e.chunk))
		defer rows.release()
	}
	for ci := c0; ci < c1; ci++ {
		c := g.chunks[ci]
		acc := s.acc || ci > s.c0
		if g.splits > 1 {
			acc = ci > c0
		}
		rs, cs, size := g.a.Stride, 1, 0
		switch {
		case g.copyA && g.l == TN:
			rs, cs, size = 1, e.lanes, g.copyColumnsOfA(rows.f, i0, i1, c)
		case g.copyA:
			rs, size = g.copyRowsOfA(rows.f, i0, i1, c)
		case g.l == TN:
			rs, cs = 1, g.a.Stride
		}
		for j := j0; j < j1; j++ {
			p := g.panels[j]
			vecs := g.vecs(p)
			last := p.n - (vecs-1)*e.lanes
			b, bs := (*float32)(nil), vecs*e.lanes
			if g.directB {
				v := g.b[p.part+c.part]
				b, bs = &v.Data[c.at*v.Stride+p.at], v.Stride
			} else {
				b = &g.packed.f[g.at(p, c)]
			}
			dst, at := g.c[p.part], p.at
			if g.splits > 1 {
				dst, at = Dense(g.partial.f[split*g.m*g.width:], g.width), p.pos
			}
			tiles := e.tiles[vecs-1]
			for i := i0; i < i1; i++ {
				r0, r1 := g.rows(i), g.rows(i+1)
				var a *float32
				switch {
				case g.copyA:
					a = &rows.f[(i-i0)*size]
				case g.l == TN:
					a = &g.a.Data[c.off*g.a.Stride+r0]
				default:
					a = &g.a.Data[r0*g.a.Stride+c.off]
				}
				tiles[r1-r0-1](c.n, a, rs, cs, b, bs, &dst.Data[r0*dst.Stride+at], dst.Stride, last, acc)
			}
		}
	}
}

// reduce adds the sums of the splits in their order: a product with a row of ones,
// which is exact.
func (g *product) reduce(t int) {
	for r := t * 16; r < min(g.m, t*16+16); r++ {
		for _, p := range g.panels {
			vecs := g.vecs(p)
			c := g.c[p.part]
			g.e.tiles[vecs-1][0](g.splits, &one, 0, 0, &g.partial.f[r*g.width+p.pos], g.m*g.width,
				&c.Data[r*c.Stride+p.at], c.Stride, p.n-(vecs-1)*g.e.lanes, g.acc)
		}
	}
}

var one float32 = 1
