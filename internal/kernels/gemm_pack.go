package kernels

// Factors are copied to where the tiles read them in order. Rows are read a few at a
// time over their whole width: a narrow strip of a long matrix would make memory open
// a page for every line.
const packStrip = 16

// packTasks says how the strips of a stage's chunks are shared out as tasks, for a
// factor of the given width: strips a chunk, strips a task, tasks.
func (s *stage) packTasks(chunks []chunk, width int) (strips, group, tasks int) {
	for _, c := range chunks[s.c0:s.c1] {
		strips = max(strips, (c.n+packStrip-1)/packStrip)
	}
	group = max(1, taskElements/(packStrip*width))
	return strips, group, (strips*(s.c1-s.c0) + group - 1) / group
}

// eachStrip calls body for the strips of task t: rows from to to of chunk c.
func (g *product) eachStrip(t, strips, group int, body func(c chunk, from, to int)) {
	s := &g.stage
	for i := t * group; i < min((t+1)*group, strips*(s.c1-s.c0)); i++ {
		c := g.chunks[s.c0+i/strips]
		from := i % strips * packStrip
		if from < c.n {
			body(c, from, min(from+packStrip, c.n))
		}
	}
}

// packRowsOfB copies strips of B, stored [K,N]: for each p of a chunk the columns of a
// panel, one or two whole vectors.
func (g *product) packRowsOfB(t int) {
	s := &g.stage
	g.eachStrip(t, s.strips, s.group, func(c chunk, from, to int) {
		for _, p := range g.panels[s.j0:s.j1] {
			vecs := g.vecs(p)
			cols := vecs * g.e.lanes
			b, dst := g.b[p.part+c.part], &g.packed.f[g.at(p, c)+from*cols]
			g.e.copyRows[vecs-1](to-from, &b.Data[(c.at+from)*b.Stride+p.at], b.Stride, dst, cols, p.n-(vecs-1)*g.e.lanes)
		}
	})
}

// packColumnsOfB copies pairs of a panel and a chunk of B, stored [N,K].
func (g *product) packColumnsOfB(t int) {
	s := &g.stage
	chunks := s.c1 - s.c0
	last := min((t+1)*s.group, chunks*(s.j1-s.j0))
	square := scratch(2 * g.e.lanes * g.e.lanes)
	defer square.release()
	for i := t * s.group; i < last; i++ {
		p, c := g.panels[s.j0+i/chunks], g.chunks[s.c0+i%chunks]
		g.packTransposed(g.packed.f[g.at(p, c):], square.f, p, c)
	}
}

// lateSize is the memory of a task that packs panels itself, one after the other: for a
// panel, and for packTransposed.
func (g *product) lateSize() (panel, squares int) {
	return g.e.chunk * 2 * g.e.lanes, 2 * g.e.lanes * g.e.lanes
}

// packPanel packs a panel of a chunk of B for the task that reads it.
func (g *product) packPanel(task int, p panel, c chunk) (dst []float32, stride int) {
	panel, squares := g.lateSize()
	own := g.packed.f[task*(panel+squares):][:panel+squares]
	vecs := g.vecs(p)
	if g.l == NT {
		g.packTransposed(own, own[panel:], p, c)
	} else {
		b := g.b[p.part+c.part]
		g.e.copyRows[vecs-1](c.n, &b.Data[c.at*b.Stride+p.at], b.Stride, &own[0], vecs*g.e.lanes, p.n-(vecs-1)*g.e.lanes)
	}
	return own, vecs * g.e.lanes
}

// packTransposed packs rows p of a chunk of B as columns. What fills no square of lanes rows
// and columns goes through two squares of memory.
func (g *product) packTransposed(dst, squares []float32, p panel, c chunk) {
	lanes, b := g.e.lanes, g.b[p.part+c.part]
	cols := g.vecs(p) * lanes
	square, turned := squares[:lanes*lanes], squares[lanes*lanes:2*lanes*lanes]
	for v := 0; v < cols; v += lanes {
		n := min(lanes, p.n-v)
		first := (p.at+v)*b.Stride + c.at
		k := 0
		if whole := c.n / lanes; n == lanes && whole > 0 {
			g.e.transpose(whole, &b.Data[first], b.Stride, &dst[v], cols)
			k = whole * lanes
		}
		if k < c.n {
			clear(square) // lanes beyond the matrix are zero, as copyRows makes them
		}
		for ; k < c.n; k += lanes {
			m := min(lanes, c.n-k)
			for i := range n {
				copy(square[i*lanes:][:m], b.Data[first+i*b.Stride+k:])
			}
			g.e.transpose(1, &square[0], lanes, &turned[0], lanes)
			for i := range m {
				copy(dst[(k+i)*cols+v:][:lanes], turned[i*lanes:])
			}
		}
	}
}

// at is where a chunk of a panel of B is packed.
func (g *product) at(p panel, c chunk) int {
	s := &g.stage
	return (c.off-g.chunks[s.c0].off)*s.width + c.n*(p.pos-g.panels[s.j0].pos)
}

// scattered says that tiles use but a part of each line that they read of A, stored [K,M], or
// that its rows need an entry each of the address cache.
func (g *product) scattered() bool { return 2*g.e.rows <= line || g.a.Stride >= clash }

// copyRowsOfA copies what row panels i0 to i1 read of A, stored [K,M], in a chunk: a vector
// for each p, row panel by row panel.
func (g *product) copyRowsOfA(dst []float32, i0, i1 int, c chunk) {
	lanes := g.e.lanes
	for from := 0; from < c.n; from += packStrip {
		n := min(packStrip, c.n-from)
		for i := i0; i < i1; i++ {
			r0, r1 := g.rows[i], g.rows[i+1]
			src := &g.a.Data[(c.off+from)*g.a.Stride+r0]
			g.e.copyRows[0](n, src, g.a.Stride, &dst[((i-i0)*c.n+from)*lanes], lanes, r1-r0)
		}
	}
}
