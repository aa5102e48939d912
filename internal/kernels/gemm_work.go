package kernels

// work computes one block of C, or one split's share of it.
func (g *product) work(t int) {
	e, s := g.e, &g.stage
	split := t % g.splits
	blk := g.blocks[t/g.splits]
	i0, i1, panels := blk.i0, blk.i1, s.j1-s.j0
	j0, j1 := s.j0+blk.col*panels/blk.cols, s.j0+(blk.col+1)*panels/blk.cols
	chunks := s.c1 - s.c0
	c0, c1 := s.c0+split*chunks/g.splits, s.c0+(split+1)*chunks/g.splits

	for ci := c0; ci < c1; ci++ {
		c := g.chunks[ci]
		acc := s.acc || ci > s.c0
		if g.splits > 1 {
			acc = ci > c0
		}
		rs, cs, a0 := g.a.Stride, 1, c.off
		if g.l == TN {
			rs, cs, a0 = 1, g.a.Stride, c.off*g.a.Stride
		}
		nextA := g.aheadA(t, ci, c0, c1)
		for j := j0; j < j1; j++ {
			p := g.panels[j]
			vecs := g.vecs(p)
			last := p.n - (vecs-1)*e.lanes
			if g.packLate {
				g.packPanel(p, c)
			}
			b, bs := g.rowsOfB(p, c)
			nextB, nbs := g.rowsOfB(g.after(j, j0, j1, ci, c0, c1))
			dst, col := g.c[p.part], p.at
			if g.splits > 1 {
				dst, col = Dense(g.partial.f[split*g.m*g.width:], g.width), p.pos
			}
			tiles := e.tiles[vecs-1]
			for i := i0; i < i1; i++ {
				r0, r1 := g.rows[i], g.rows[i+1]
				next, ns := b, 0
				if l := (i - i0) * line; l < vecs*e.lanes {
					next, ns = at(nextB, l), nbs
				} else if nextA.lines > 0 {
					next, ns = &nextA.data[0], nextA.stride
					nextA.lines--
					nextA.data = nextA.data[min(nextA.step, len(nextA.data)-1):]
				}
				tiles[r1-r0-1](c.n, &g.a.Data[a0+r0*rs], rs, cs, b, bs, &dst.Data[r0*dst.Stride+col], dst.Stride, last, acc, next, ns)
			}
		}
	}
}

// rowsOfB is where a panel of a chunk of B lies, and its stride.
func (g *product) rowsOfB(p panel, c chunk) (*float32, int) {
	if !g.directB {
		return &g.packed.f[g.at(p, c)], g.vecs(p) * g.e.lanes
	}
	v := g.b[p.part+c.part]
	return &v.Data[c.at*v.Stride+p.at], v.Stride
}

// line is a cache line, in values.
const line = 16

// after is the panel and the chunk that a task reads after panel j of chunk ci.
func (g *product) after(j, j0, j1, ci, c0, c1 int) (panel, chunk) {
	switch s := &g.stage; {
	case j+1 < j1:
		return g.panels[j+1], g.chunks[ci]
	case ci+1 < c1:
		return g.panels[j0], g.chunks[ci+1]
	case j+1 < s.j1:
		return g.panels[j+1], g.chunks[c0]
	default:
		return g.panels[s.j0], g.chunks[c0]
	}
}

// ahead is memory that is going to be read: lines, each of them one that is so many steps
// of stride long, step values apart.
type ahead struct {
	data                []float32
	lines, stride, step int
}

// aheadA is what a task reads of A after chunk ci.
func (g *product) aheadA(t, ci, c0, c1 int) ahead {
	blk, c := g.blocks[t/g.splits], g.chunks[c0]
	if ci+1 < c1 {
		c = g.chunks[ci+1]
	} else if n := t/g.splits + 1; n < len(g.blocks) {
		blk = g.blocks[n]
	}
	r0, r1 := g.rows[blk.i0], g.rows[blk.i1]
	if g.l == TN {
		return ahead{g.a.Data[c.off*g.a.Stride+r0:], (r1 - r0 + line - 1) / line, g.a.Stride, line}
	}
	if 2*c.n < g.a.Stride {
		return ahead{}
	}
	return ahead{g.a.Data[r0*g.a.Stride+c.off:], ((r1-r0)*g.a.Stride + c.n*line - 1) / (c.n * line), line, c.n * line}
}

// reduce adds the sums of the splits in their order: a product with a row of ones,
// which is exact.
func (g *product) reduce(t int) {
	for r := t * 16; r < min(g.m, t*16+16); r++ {
		for _, p := range g.panels {
			vecs := g.vecs(p)
			c := g.c[p.part]
			g.e.tiles[vecs-1][0](g.splits, &one, 0, 0, &g.partial.f[r*g.width+p.pos], g.m*g.width,
				&c.Data[r*c.Stride+p.at], c.Stride, p.n-(vecs-1)*g.e.lanes, g.acc, &one, 0)
		}
	}
}

var one float32 = 1
