package kernels

// work computes one block of C, or one split's share of it.
func (g *product) work(t int) {
	e, s := g.e, &g.stage
	split := t % g.splits
	t /= g.splits
	rb, cb := t/g.colBlocks, t%g.colBlocks
	i0, i1 := rb*g.rowPanels/g.rowBlocks, (rb+1)*g.rowPanels/g.rowBlocks
	panels := s.j1 - s.j0
	j0, j1 := s.j0+cb*panels/g.colBlocks, s.j0+(cb+1)*panels/g.colBlocks
	chunks := s.c1 - s.c0
	c0, c1 := s.c0+split*chunks/g.splits, s.c0+(split+1)*chunks/g.splits

	var packed *buffer
	if g.packA {
		packed = scratch((i1 - i0) * max(e.rows*(e.chunk+16), e.lanes*e.chunk))
		defer packed.release()
	}
	for ci := c0; ci < c1; ci++ {
		c := g.chunks[ci]
		acc := s.acc || ci > s.c0
		if g.splits > 1 {
			acc = ci > c0
		}
		rs, cs := g.a.Stride, 1
		if g.l == TN {
			rs, cs = 1, g.a.Stride
		}
		panelSize := 0
		if g.packA {
			rs, cs, panelSize = g.copyA(packed.f, i0, i1, c)
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
				case g.packA:
					a = &packed.f[(i-i0)*panelSize]
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

// copyA copies a block of A to where the tiles read it without conflicts.
func (g *product) copyA(dst []float32, i0, i1 int, c chunk) (rs, cs, size int) {
	e := g.e
	if g.l == TN {
		size = c.n * e.lanes
		// Panels lie side by side in the rows: a few rows are read at a time for all.
		const step = 32
		for k := 0; k < c.n; k += step {
			for i := i0; i < i1; i++ {
				r0, r1 := g.rows(i), g.rows(i+1)
				e.copyRows[0](min(step, c.n-k), &g.a.Data[(c.off+k)*g.a.Stride+r0], g.a.Stride, &dst[(i-i0)*size+k*e.lanes], e.lanes, r1-r0)
			}
		}
		return 1, e.lanes, size
	}
	rs = e.chunk + 16
	size = e.rows * rs
	for i := i0; i < i1; i++ {
		r0, r1 := g.rows(i), g.rows(i+1)
		for r := r0; r < r1; r++ {
			copy(dst[(i-i0)*size+(r-r0)*rs:][:c.n], g.a.Data[r*g.a.Stride+c.off:])
		}
	}
	return rs, 1, size
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
