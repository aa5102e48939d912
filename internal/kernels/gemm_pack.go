package kernels

// pack copies a group of (panel, chunk) pairs of B to where work reads them: for
// each p of the chunk the columns of the panel, one or two whole vectors.
func (g *product) pack(t int) {
	s := &g.stage
	chunks := s.c1 - s.c0
	last := min((t+1)*g.packGroup, chunks*(s.j1-s.j0))
	for i := t * g.packGroup; i < last; i++ {
		p, c := g.panels[s.j0+i/chunks], g.chunks[s.c0+i%chunks]
		vecs := g.vecs(p)
		cols := vecs * g.e.lanes
		b, dst := g.b[p.part+c.part], g.packed.f[g.at(p, c):][:c.n*cols]
		if g.l == NT {
			g.packTransposed(dst, cols, b, p, c)
			continue
		}
		g.e.copyRows[vecs-1](c.n, &b.Data[c.at*b.Stride+p.at], b.Stride, &dst[0], cols, p.n-(vecs-1)*g.e.lanes)
	}
}

// packTransposed packs rows p of B as columns.
func (g *product) packTransposed(dst []float32, cols int, b View, p panel, c chunk) {
	lanes := g.e.lanes
	blocks := c.n / lanes
	for v := 0; v < cols; v += lanes {
		n := min(lanes, p.n-v)
		first := (p.at+v)*b.Stride + c.at
		from := 0
		if n == lanes && blocks > 0 {
			g.e.transpose(blocks, &b.Data[first], b.Stride, &dst[v], cols)
			from = blocks * lanes
		}
		for k := from; k < c.n; k++ {
			d := dst[k*cols+v:][:lanes]
			for i := range d {
				d[i] = 0
				if i < n {
					d[i] = b.Data[first+i*b.Stride+k]
				}
			}
		}
	}
}

// at is where a chunk of a panel is packed.
func (g *product) at(p panel, c chunk) int {
	s := &g.stage
	return (c.off-g.chunks[s.c0].off)*s.width + c.n*(p.pos-g.panels[s.j0].pos)
}
