package kernels

// work computes one block of C, or one split's share of it.
func (g *product) work(task int) {
	e, s := g.e, &g.stage
	block := g.blocks[task/g.splits]
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
		then, thenAt := g.after(task, ci)
		laterA := g.linesOfA(then, thenAt, to-from)
		var laterB lines
		first, end := g.panelsOf(then)
		whole := g.directB && g.rowPanels > directRows && (end-first)*2*e.lanes*thenAt.n <= wholeChunk
		perPanel := max(1, (to-from)/max(1, end-first))
		for tile := from; tile < to; {
			i, j := i0+tile%(i1-i0), s.j0+tile/(i1-i0)
			last := min(i1, i+to-tile)
			rows := last - i
			tile += rows
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
			switch {
			case whole:
			case tile < to:
				laterB = g.linesOfB(j+1, c, rows)
			case first < end:
				laterB = g.linesOfB(first, thenAt, rows)
			default:
				laterB = lines{}
			}
			dst, col := g.sums(p, task%g.splits)
			tiles := e.tiles[vecs-1]
			for ; i < last; i++ {
				r0, r1 := g.rows[i], g.rows[i+1]
				if whole && laterB.tiles == 0 && first < end {
					laterB = g.linesOfPart(&first, end, thenAt, perPanel)
				}
				var nowA, nowB places
				if nowB.first = &b[0]; laterB.tiles > 0 {
					nowB = laterB.take(r1-r0, c.n)
				}
				if nowA.first = &b[0]; laterA.tiles >= to-tile+last-i { // as many as are left
					nowA = laterA.take(r1-r0, c.n)
				}
				a, step := &g.a.Data[a0+r0*rs], cs
				if copied != nil {
					a, step = &copied.f[(i-i0)*c.n*e.lanes], e.lanes
				}
				tiles[r1-r0-1](c.n, a, rs, step, &b[0], bs, &dst.Data[r0*dst.Stride+col], dst.Stride, columns, acc, nowA.first, nowA.step, nowA.jump, nowB.first, nowB.step, nowB.jump)
			}
		}
	}
}

// chunksOf gives the chunks of a task in this stage: all of them, or its split's.
func (g *product) chunksOf(task int) (c0, c1 int) {
	first, n, split := g.stage.c0, g.stage.c1-g.stage.c0, task%g.splits
	return first + split*n/g.splits, first + (split+1)*n/g.splits
}

// after is the block and the chunk that follow chunk at of a task: in the task itself, or in
// the one that its thread takes next.
func (g *product) after(task, at int) (block, chunk) {
	at++
	if _, end := g.chunksOf(task); at == end {
		task = min(task+1, len(g.blocks)*g.splits-1)
		at, _ = g.chunksOf(task)
	}
	return g.blocks[task/g.splits], g.chunks[at]
}

// panelsOf gives the panels that a block has tiles of in this stage.
func (g *product) panelsOf(b block) (first, end int) {
	from, to := g.tilesOf(b)
	rows := b.i1 - b.i0
	return g.stage.j0 + from/rows, g.stage.j0 + (to+rows-1)/rows
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

// lines is memory that later tiles read, and that so many tiles call for.
type lines struct {
	data  []float32
	tiles int
	step  int // values from each step of k to the next
	row   int // from each group of steps to the next, or 0: see tileFunc
	tile  int // from each tile to the next, if groups follow each other
}

// places is what one tile calls for.
type places struct {
	first      *float32
	step, jump int
}

// take gives the next tile, of so many rows and steps, what it calls for.
func (l *lines) take(rows, k int) places {
	p, after := places{first: &l.data[0], step: l.step}, l.tile
	if l.row > 0 {
		p.jump, after = l.row-k/rows*l.step, rows*l.row
	}
	l.tiles--
	l.data = l.data[min(after, len(l.data)-1):]
	return p
}

// inOrder is n values that lie side by side, called for by at most so many tiles of k steps.
func inOrder(data []float32, n, k, tiles int) lines {
	step := min(line, (n+tiles*k-1)/(tiles*k))
	return lines{data: data, tiles: (n + step*k - 1) / (step * k), step: step, tile: step * k}
}

// inRows is width values of each of n rows, for tiles of k steps: a row for each group of steps.
func (g *product) inRows(v View, n, width, k int) lines {
	highest := (g.m + g.rowPanels - 1) / g.rowPanels
	steps := max(1, k/highest)
	return lines{data: v.Data, tiles: (n*g.rowPanels + g.m - 1) / g.m, step: (width + steps - 1) / steps, row: v.Stride}
}

// inColumns is the same, a line of each row for each step.
func inColumns(v View, width int) lines {
	return lines{data: v.Data, tiles: (width + line - 1) / line, step: v.Stride, tile: line}
}

// linesOfB is what so many tiles call for of panel j of a chunk of B.
func (g *product) linesOfB(j int, c chunk, tiles int) lines {
	p := g.panels[j]
	if g.directB || g.packLate {
		return g.linesOfPart(&j, j+1, c, tiles)
	}
	b, width := g.rowsOfB(p, c)
	return inOrder(b, c.n*width, c.n, tiles)
}

// linesOfPart is the same of panels j to end where they lie, as far as they belong to one part:
// j becomes the panel that follows.
func (g *product) linesOfPart(j *int, end int, c chunk, tilesEach int) lines {
	p := g.panels[*j]
	b, n, tiles := g.b[p.part+c.part], 0, 0
	for ; *j < end && g.panels[*j].part == p.part; *j++ {
		n += g.panels[*j].n
		tiles += tilesEach
	}
	if g.l == NT {
		return g.inRows(b.At(p.at, c.at), n, c.n, c.n)
	}
	b = b.At(c.at, p.at)
	if n+line >= b.Stride {
		return inOrder(b.Data, min(c.n*b.Stride, len(b.Data)), c.n, tiles)
	}
	if l := g.inRows(b, c.n, n, c.n); l.tiles <= tiles {
		return l
	}
	return inColumns(b, n)
}

// linesOfA is what a block reads of A in a chunk, which so many tiles call for.
func (g *product) linesOfA(b block, c chunk, tiles int) lines {
	r0, n := g.rows[b.i0], g.rows[b.i1]-g.rows[b.i0]
	if g.l != TN {
		if a := g.a.At(r0, c.off); 2*c.n < g.a.Stride { // rows have much that belongs to other chunks
			if tiles >= n {
				return lines{data: a.Data, tiles: n, step: 1, tile: g.a.Stride}
			}
			return g.inRows(a, n, c.n, c.n)
		}
		return inOrder(g.a.At(r0, c.off).Data, n*g.a.Stride, c.n, min(tiles, aheadA))
	}
	a := g.a.At(c.off, r0)
	if n+line >= g.a.Stride {
		return inOrder(a.Data, c.n*g.a.Stride, c.n, tiles)
	}
	if l := g.inRows(a, c.n, n, c.n); l.tiles <= tiles {
		return l
	}
	return inColumns(a, n)
}

// aheadA is how many tiles call for rows of A that are needed after them: so late that what is
// called for is still there when it is needed.
const aheadA = 24

// reduce adds the sums of the splits in their order: a product with a row of ones,
// which is exact.
func (g *product) reduce(t int) {
	for r := t * 16; r < min(g.m, t*16+16); r++ {
		for _, p := range g.panels {
			vecs := g.vecs(p)
			c := g.c[p.part]
			g.e.tiles[vecs-1][0](g.splits, &one, 0, 0, &g.partial.f[r*g.width+p.pos], g.m*g.width,
				&c.Data[r*c.Stride+p.at], c.Stride, p.n-(vecs-1)*g.e.lanes, g.acc, &one, 0, 0, &one, 0, 0)
		}
	}
}

var one float32 = 1
